// SPDX-License-Identifier: GPL-2.0
/*
 * The options of TCP-AO, call by call: TCP_AO_ADD_KEY, TCP_AO_DEL_KEY, TCP_AO_INFO, TCP_AO_GET_KEYS, with every error
 * that they have, and what listeners, children, connect() and keys of MD5 make of them. Both stacks are asked the same
 * and have to answer the same; where the kernel TCP has no TCP-AO, xtcp alone is asked.
 *
 *	ao_calls [-s kernel|xtcp]
 */
#include <arpa/inet.h>
#include <sys/mman.h>
#include "lib/aoopt.h"
#include "lib/test.h"

/* Which stack is asked, over which IP. */
static struct ao_calls {
	enum stack stack;
	int ns;
	const char *addr, *other;	/* the peer, which is this host, and a host that is none */
	bool fine;			/* nothing has been wrong in the test that runs */
} calls;

/* The call gives this errno, or 0. */
#define GIVES(call, want)	ao_calls_gives(#call, call, want)
#define HOLDS(condition)	ao_calls_holds(#condition, condition)

static void ao_calls_gives(const char *call, int ret, int want)
{
	const int got = ret < 0 ? errno : 0;

	if (got == want)
		return;
	calls.fine = false;
	ksft_print_msg("%s: %s, want %s\n", call, got ? strerrorname_np(got) : "0", want ? strerrorname_np(want) : "0");
}

static void ao_calls_holds(const char *condition, bool is)
{
	if (is)
		return;
	calls.fine = false;
	ksft_print_msg("not true: %s\n", condition);
}

static bool ao_calls_is_v6(void)
{
	return strchr(calls.addr, ':');
}

/* A socket that has nothing yet, one that listens, and a key for this host. */
static int ao_calls_socket(void)
{
	return must_have(stack_socket(calls.ns, calls.stack, calls.addr), "socket");
}

static int ao_calls_listener(void)
{
	return must_have(stack_listener(calls.ns, calls.stack, calls.addr, 0, true), "listen");
}

static struct aoopt_key ao_calls_key(int sndid, int rcvid)
{
	return (struct aoopt_key) { .addr = calls.addr, .sndid = sndid, .rcvid = rcvid };
}

/* What a program would do, with its result. */
static int ao_calls_add(int fd, int sndid, int rcvid)
{
	struct aoopt_key k = ao_calls_key(sndid, rcvid);

	return aoopt_add(fd, &k);
}

static int ao_calls_del(int fd, int sndid, int rcvid)
{
	struct aoopt_key k = ao_calls_key(sndid, rcvid);

	return aoopt_del(fd, &k);
}

static int ao_calls_set(int fd, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, IPPROTO_TCP, option, value, len);
}

static int ao_calls_set_info(int fd, const struct tcp_ao_info_opt *info)
{
	return ao_calls_set(fd, TCP_AO_INFO, info, sizeof(*info));
}

static int ao_calls_get_info(int fd, struct tcp_ao_info_opt *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, info, &len);
}

static int ao_calls_get_keys(int fd, struct tcp_ao_getsockopt *keys)
{
	socklen_t len = sizeof(*keys);

	return getsockopt(fd, IPPROTO_TCP, TCP_AO_GET_KEYS, keys, &len);
}

static int set_md5(int fd, const char *peer, int keylen)
{
	const union stack_addr to = stack_addr(peer, 0);
	struct tcp_md5sig cmd = { .tcpm_keylen = keylen, .tcpm_key = "secret" };

	memcpy(&cmd.tcpm_addr, &to, stack_addr_len(&to));
	return ao_calls_set(fd, TCP_MD5SIG, &cmd, sizeof(cmd));
}

static int ao_calls_set_md5(int fd, const char *peer)
{
	return set_md5(fd, peer, strlen("secret"));
}

static int ao_calls_drop_md5(int fd, const char *peer)
{
	return set_md5(fd, peer, 0);
}

static int ao_calls_nr_keys(int fd)
{
	struct tcp_ao_getsockopt keys[8];

	return aoopt_keys(fd, keys, 8);
}

/* What TCP_AO_ADD_KEY and TCP_AO_DEL_KEY take and refuse. */

static void ao_calls_add_lengths(void)
{
	struct { struct tcp_ao_add add; char more[16]; } cmd;
	const struct aoopt_key k = ao_calls_key(1, 1);
	int fd = ao_calls_socket();

	memset(&cmd, 0, sizeof(cmd));
	aoopt_fill(&cmd.add, &k);
	GIVES(ao_calls_set(fd, TCP_AO_ADD_KEY, &cmd, sizeof(cmd.add) - 1), EINVAL);
	GIVES(ao_calls_set(fd, TCP_AO_ADD_KEY, &cmd, 0), EINVAL);
	GIVES(ao_calls_set(fd, TCP_AO_ADD_KEY, (void *)8, sizeof(cmd.add)), EFAULT);
	cmd.more[15] = 1;
	GIVES(ao_calls_set(fd, TCP_AO_ADD_KEY, &cmd, sizeof(cmd)), E2BIG);
	cmd.more[15] = 0;
	GIVES(ao_calls_set(fd, TCP_AO_ADD_KEY, &cmd, sizeof(cmd)), 0);
	HOLDS(ao_calls_nr_keys(fd) == 1);
	close(fd);
}

static void ao_calls_add_fields(void)
{
	const struct aoopt_key k = ao_calls_key(1, 1);
	struct tcp_ao_add cmd;
	int fd = ao_calls_socket();

#define CHANGED(change, want)	({			\
	aoopt_fill(&cmd, &k);				\
	change;						\
	ao_calls_gives(#change, ao_calls_set(fd, TCP_AO_ADD_KEY, &cmd, sizeof(cmd)), want); })

	CHANGED(cmd.keylen = 81, EINVAL);
	CHANGED(cmd.reserved = 1, EINVAL);
	CHANGED(cmd.reserved2 = 1, EINVAL);
	CHANGED(cmd.keyflags = 4, EINVAL);
	CHANGED(cmd.ifindex = 1, EINVAL);
	CHANGED((cmd.ifindex = 1, cmd.keyflags = TCP_AO_KEYF_IFINDEX), EINVAL);		/* no VRF */
	CHANGED((cmd.ifindex = 999, cmd.keyflags = TCP_AO_KEYF_IFINDEX), EINVAL);
	CHANGED(cmd.addr.ss_family = AF_UNIX, EINVAL);
	CHANGED(cmd.addr.ss_family = 0, EINVAL);
	CHANGED(cmd.addr.ss_family = ao_calls_is_v6() ? AF_INET : AF_INET6, EINVAL);
	CHANGED(((struct sockaddr_in *)&cmd.addr)->sin_port = 1, EINVAL);
	CHANGED(cmd.prefix = ao_calls_is_v6() ? 129 : 33, EINVAL);
	CHANGED(cmd.prefix = 0, EINVAL);
	CHANGED(cmd.prefix = 1, EINVAL);	/* bits behind the prefix */
	CHANGED(strcpy(cmd.alg_name, "hmac(nothing)"), ENOENT);
	CHANGED(strcpy(cmd.alg_name, ""), ENOENT);
	CHANGED(cmd.maclen = 17, EMSGSIZE);
	CHANGED((cmd.maclen = 17, strcpy(cmd.alg_name, AOOPT_CMAC)), EMSGSIZE);
	CHANGED(cmd.maclen = 255, EMSGSIZE);
	/* nothing of that has made a key */
	GIVES(ao_calls_get_info(fd, &(struct tcp_ao_info_opt) { 0 }), ENOENT);
	CHANGED(cmd.keyflags = TCP_AO_KEYF_IFINDEX | TCP_AO_KEYF_EXCLUDE_OPT, 0);
#undef CHANGED
	close(fd);
}

/* Addresses: a prefix of none for all hosts, and no other way to name them. */
static void ao_calls_add_prefixes(void)
{
	const bool v6 = ao_calls_is_v6();
	struct aoopt_key k = ao_calls_key(1, 1);
	struct tcp_ao_add cmd;
	int fd = ao_calls_socket();

	k.addr = v6 ? "::" : "0.0.0.0";
	k.prefix = 8;
	GIVES(aoopt_add(fd, &k), EINVAL);
	k.prefix = AOOPT_ALL;
	GIVES(aoopt_add(fd, &k), 0);
	/* one that it covers, with either identifier */
	k.addr = v6 ? "fd00::" : "10.0.0.0";
	k.prefix = 8;
	GIVES(aoopt_add(fd, &k), EEXIST);
	k.sndid = 2;
	GIVES(aoopt_add(fd, &k), EEXIST);
	k.rcvid = 2;
	GIVES(aoopt_add(fd, &k), 0);
	k.addr = v6 ? "fd00:1::" : "10.1.0.0";
	k.prefix = v6 ? 32 : 16;
	GIVES(aoopt_add(fd, &k), EEXIST);
	k.sndid = 3;
	k.rcvid = 3;
	GIVES(aoopt_add(fd, &k), 0);
	/* beside both prefixes, the identifiers are free */
	k.addr = v6 ? "fe80::" : "11.0.0.0";
	k.prefix = v6 ? 16 : 8;
	k.sndid = 2;
	k.rcvid = 2;
	GIVES(aoopt_add(fd, &k), 0);
	aoopt_fill(&cmd, &k);
	((uint8_t *)&cmd.addr)[v6 ? 8 + 2 : 4 + 1] = 1;
	cmd.sndid = 9;
	cmd.rcvid = 9;
	GIVES(ao_calls_set(fd, TCP_AO_ADD_KEY, &cmd, sizeof(cmd)), EINVAL);
	HOLDS(ao_calls_nr_keys(fd) == 4);
	close(fd);
}

static void ao_calls_identifiers(void)
{
	int fd = ao_calls_socket();

	GIVES(ao_calls_add(fd, 0, 0), 0);
	GIVES(ao_calls_add(fd, 255, 255), 0);
	GIVES(ao_calls_add(fd, 1, 255), EEXIST);
	GIVES(ao_calls_add(fd, 255, 1), EEXIST);
	GIVES(ao_calls_add(fd, 1, 2), 0);
	GIVES(ao_calls_add(fd, 2, 1), 0);
	HOLDS(ao_calls_nr_keys(fd) == 4);
	close(fd);
}

static void ao_calls_algorithms(void)
{
	struct tcp_ao_getsockopt keys[8];
	char longest[TCP_AO_MAXKEYLEN + 1] = "";
	struct aoopt_key k = ao_calls_key(1, 1);
	int fd = ao_calls_socket(), n;

	k.maclen = 16;
	GIVES(aoopt_add(fd, &k), 0);
	k = ao_calls_key(2, 2);
	k.algorithm = AOOPT_CMAC;
	GIVES(aoopt_add(fd, &k), 0);
	k = ao_calls_key(3, 3);
	k.algorithm = AOOPT_CMAC;
	k.text = "sixteen octets k";
	k.maclen = 1;
	GIVES(aoopt_add(fd, &k), 0);
	k = ao_calls_key(4, 4);
	memset(longest, 'k', TCP_AO_MAXKEYLEN);
	k.text = longest;
	GIVES(aoopt_add(fd, &k), 0);
	n = aoopt_keys(fd, keys, 8);
	HOLDS(n == 4);
	/* the newest comes first */
	HOLDS(keys[0].sndid == 4 && keys[0].maclen == 12 && keys[0].keylen == 80);
	HOLDS(!memcmp(keys[0].key, longest, TCP_AO_MAXKEYLEN));
	HOLDS(keys[1].sndid == 3 && keys[1].maclen == 1 && keys[1].keylen == 16);
	HOLDS(keys[2].sndid == 2 && keys[2].maclen == 12 && keys[2].keylen == 16);
	HOLDS(keys[3].sndid == 1 && keys[3].maclen == 16 && keys[3].keylen == 6);
	HOLDS(!strcmp(keys[3].alg_name, AOOPT_SHA1));
	close(fd);
}

static void ao_calls_del_errors(void)
{
	struct tcp_ao_del cmd;
	struct aoopt_key k = ao_calls_key(1, 2);
	int fd = ao_calls_socket();

	GIVES(ao_calls_del(fd, 1, 2), ENOENT);
	GIVES(aoopt_add(fd, &k), 0);
#define CHANGED(change, want)	({			\
	aoopt_fill_del(&cmd, &k);			\
	change;						\
	ao_calls_gives(#change, ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), want); })

	aoopt_fill_del(&cmd, &k);
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd) - 1), EINVAL);
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, (void *)8, sizeof(cmd)), EFAULT);
	CHANGED(cmd.reserved = 1, EINVAL);
	CHANGED(cmd.reserved2 = 1, EINVAL);
	CHANGED(cmd.keyflags = TCP_AO_KEYF_EXCLUDE_OPT, EINVAL);
	CHANGED(cmd.ifindex = 1, EINVAL);
	CHANGED(cmd.keyflags = TCP_AO_KEYF_IFINDEX, ENOENT);
	CHANGED(((struct sockaddr_in *)&cmd.addr)->sin_port = 1, EINVAL);
	CHANGED(cmd.prefix = 8, ENOENT);
	CHANGED(cmd.sndid = 2, ENOENT);
	CHANGED(cmd.rcvid = 1, ENOENT);
	CHANGED(cmd.del_async = 1, EINVAL);
	CHANGED((cmd.set_current = 1, cmd.current_key = 9), ENOENT);
	CHANGED((cmd.set_rnext = 1, cmd.rnext = 9), ENOENT);
	/* not the key that is to take its place */
	CHANGED((cmd.set_current = 1, cmd.current_key = 1), ENOENT);
	HOLDS(ao_calls_nr_keys(fd) == 1);
	CHANGED(cmd.sndid = 1, 0);
#undef CHANGED
	HOLDS(!ao_calls_nr_keys(fd));
	GIVES(ao_calls_del(fd, 1, 2), ENOENT);
	close(fd);
}

/* An IPv6 socket takes keys of IPv4 hosts by their v4-mapped addresses. */
static void ao_calls_mapped(void)
{
	struct tcp_ao_getsockopt keys[4];
	struct aoopt_key k = { .addr = "::ffff:10.0.0.1", .sndid = 1, .rcvid = 2 };
	int fd = ao_calls_socket();

	if (!ao_calls_is_v6()) {
		GIVES(aoopt_add(fd, &k), EINVAL);
		close(fd);
		return;
	}
	k.prefix = 33;
	GIVES(aoopt_add(fd, &k), EINVAL);
	k.prefix = 24;
	GIVES(aoopt_add(fd, &k), EINVAL);
	k.prefix = 32;
	GIVES(aoopt_add(fd, &k), 0);
	HOLDS(aoopt_keys(fd, keys, 4) == 1);
	HOLDS(keys[0].addr.ss_family == AF_INET && keys[0].prefix == 32);
	HOLDS(((struct sockaddr_in *)&keys[0].addr)->sin_addr.s_addr == inet_addr("10.0.0.1"));
	GIVES(aoopt_del(fd, &k), 0);
	close(fd);
}

/* One peer has keys of one kind. */
static void ao_calls_md5(void)
{
	struct aoopt_key k = ao_calls_key(1, 1);
	int fd = ao_calls_socket();

	GIVES(ao_calls_set_md5(fd, calls.addr), 0);
	GIVES(aoopt_add(fd, &k), EKEYREJECTED);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .ao_required = 1 }), EKEYREJECTED);
	k.addr = calls.other;
	GIVES(aoopt_add(fd, &k), 0);
	GIVES(ao_calls_set_md5(fd, calls.other), EKEYREJECTED);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .ao_required = 1 }), EKEYREJECTED);
	close(fd);
	/* nor where all peers have to sign by TCP-AO */
	fd = ao_calls_socket();
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .ao_required = 1 }), 0);
	GIVES(ao_calls_set_md5(fd, calls.addr), EKEYREJECTED);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { 0 }), 0);
	GIVES(ao_calls_set_md5(fd, calls.addr), 0);
	close(fd);
	/* a prefix that covers the peer */
	fd = ao_calls_socket();
	k = ao_calls_key(1, 1);
	k.addr = ao_calls_is_v6() ? "::" : "0.0.0.0";
	k.prefix = AOOPT_ALL;
	GIVES(aoopt_add(fd, &k), 0);
	GIVES(ao_calls_set_md5(fd, calls.addr), EKEYREJECTED);
	close(fd);
}

/* Before connect() a program says which keys count first. */
static void ao_calls_current(void)
{
	struct tcp_ao_info_opt info;
	struct tcp_ao_getsockopt asked = { .nkeys = 1, .is_current = 1 };
	struct aoopt_key k = ao_calls_key(1, 2);
	struct tcp_ao_del cmd;
	int fd = ao_calls_socket();

	GIVES(aoopt_add(fd, &k), 0);
	GIVES(ao_calls_get_info(fd, &info), 0);
	HOLDS(!info.set_current && !info.set_rnext);
	GIVES(ao_calls_get_keys(fd, &asked), 0);
	HOLDS(!asked.nkeys);
	k = ao_calls_key(3, 4);
	k.set_current = true;
	GIVES(aoopt_add(fd, &k), 0);
	k = ao_calls_key(5, 6);
	k.set_rnext = true;
	GIVES(aoopt_add(fd, &k), 0);
	info = aoopt_info(fd);
	HOLDS(info.set_current && info.current_key == 3 && info.set_rnext && info.rnext == 6);
	GIVES(ao_calls_del(fd, 3, 4), EBUSY);
	GIVES(ao_calls_del(fd, 5, 6), EBUSY);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .set_current = 1, .current_key = 2 }), ENOENT);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .set_rnext = 1, .rnext = 1 }), ENOENT);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) {
		.set_current = 1, .current_key = 1, .set_rnext = 1, .rnext = 2,
	}), 0);
	GIVES(ao_calls_del(fd, 3, 4), 0);
	k = ao_calls_key(1, 2);
	aoopt_fill_del(&cmd, &k);
	cmd.set_current = 1;
	cmd.current_key = 5;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), EBUSY);
	/* that has made the other key current nevertheless */
	cmd.set_rnext = 1;
	cmd.rnext = 6;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), 0);
	info = aoopt_info(fd);
	HOLDS(info.current_key == 5 && info.rnext == 6);
	asked = (struct tcp_ao_getsockopt) { .nkeys = 1, .is_current = 1, .is_rnext = 1 };
	GIVES(ao_calls_get_keys(fd, &asked), 0);
	HOLDS(asked.nkeys == 1 && asked.sndid == 5 && asked.is_current && asked.is_rnext);
	close(fd);
}

static void ao_calls_info(void)
{
	struct { struct tcp_ao_info_opt info; char more[8]; } cmd;
	struct tcp_ao_info_opt info;
	socklen_t len;
	int fd = ao_calls_socket();

	GIVES(ao_calls_get_info(fd, &info), ENOENT);
	memset(&cmd, 0, sizeof(cmd));
	GIVES(ao_calls_set(fd, TCP_AO_INFO, &cmd, sizeof(info) - 1), EINVAL);
	GIVES(ao_calls_set(fd, TCP_AO_INFO, (void *)8, sizeof(info)), EFAULT);
	cmd.more[0] = 1;
	GIVES(ao_calls_set(fd, TCP_AO_INFO, &cmd, sizeof(cmd)), E2BIG);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .reserved = 1 }), EINVAL);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .reserved2 = 1 }), EINVAL);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .set_current = 1 }), ENOENT);
	GIVES(ao_calls_get_info(fd, &info), ENOENT);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .pkt_good = 1 }), 0);
	GIVES(ao_calls_get_info(fd, &info), 0);
	HOLDS(!info.pkt_good && !info.ao_required && !info.accept_icmps && !info.set_counters);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) {
		.set_counters = 1, .pkt_good = 1, .pkt_bad = 2, .pkt_key_not_found = 3, .pkt_ao_required = 4,
		.pkt_dropped_icmp = ~0ull, .accept_icmps = 1, .ao_required = 1,
	}), 0);
	info = aoopt_info(fd);
	HOLDS(info.pkt_good == 1 && info.pkt_bad == 2 && info.pkt_key_not_found == 3 && info.pkt_ao_required == 4);
	HOLDS(info.pkt_dropped_icmp == ~0ull && info.accept_icmps && info.ao_required && !info.set_counters);
	/* flags that are not set are cleared, counters stay */
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { 0 }), 0);
	info = aoopt_info(fd);
	HOLDS(info.pkt_good == 1 && !info.accept_icmps && !info.ao_required);
	len = 0;
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, &len), EINVAL);
	len = -1;
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, &len), EINVAL);
	/* what goes in is looked at, too */
	len = sizeof(info);
	info = (struct tcp_ao_info_opt) { .reserved = 1 };
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, &len), EINVAL);
	memset(&cmd, 0, sizeof(cmd));
	cmd.more[0] = 1;
	len = sizeof(cmd);
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &cmd, &len), E2BIG);
	/* less room gets less */
	memset(&info, 0, sizeof(info));
	len = 16;
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, &len), 0);
	HOLDS(info.pkt_good == 1 && !info.pkt_bad);
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, NULL), EFAULT);
	close(fd);
}

static void ao_calls_all_keys(void)
{
	const bool v6 = ao_calls_is_v6();
	socklen_t *only_read = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct tcp_ao_getsockopt keys[4], asked;
	struct aoopt_key k = ao_calls_key(1, 2);
	socklen_t len = sizeof(asked);
	struct tcp_ao_add as_added;
	int fd = ao_calls_socket();

	asked = (struct tcp_ao_getsockopt) { .nkeys = 4, .get_all = 1 };
	GIVES(ao_calls_get_keys(fd, &asked), ENOENT);
	GIVES(aoopt_add(fd, &k), 0);
	k.addr = calls.other;
	k.sndid = 3;
	k.rcvid = 4;
	k.keyflags = TCP_AO_KEYF_EXCLUDE_OPT;
	GIVES(aoopt_add(fd, &k), 0);
	aoopt_fill(&as_added, &k);
	HOLDS(aoopt_keys(fd, keys, 4) == 2);
	HOLDS(keys[0].sndid == 3 && keys[0].rcvid == 4 && keys[0].keyflags == TCP_AO_KEYF_EXCLUDE_OPT);
	HOLDS(keys[0].prefix == (v6 ? 128 : 32) && !keys[0].ifindex && !keys[0].is_current && !keys[0].is_rnext);
	HOLDS(!memcmp(&keys[0].addr, &as_added.addr, v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
	HOLDS(keys[0].keylen == 6 && !memcmp(keys[0].key, "secret", 7) && !keys[0].pkt_good && !keys[0].pkt_bad);
	HOLDS(keys[1].sndid == 1 && keys[1].rcvid == 2 && !keys[1].nkeys);
	/* how many there are, although there is no room for one of them, or for any */
	memset(keys, 0, sizeof(keys));
	HOLDS(aoopt_keys(fd, keys, 1) == 2 && keys[0].sndid == 3);
	asked = (struct tcp_ao_getsockopt) { .get_all = 1 };
	GIVES(ao_calls_get_keys(fd, &asked), 0);
	HOLDS(asked.nkeys == 2 && !asked.sndid);
	/* by the peer's address and both identifiers */
	asked = (struct tcp_ao_getsockopt) { .nkeys = 1, .sndid = 3, .rcvid = 4, .prefix = v6 ? 128 : 32 };
	memcpy(&asked.addr, &as_added.addr, sizeof(asked.addr));
	GIVES(ao_calls_get_keys(fd, &asked), 0);
	HOLDS(asked.nkeys == 1 && asked.sndid == 3 && asked.keylen == 6);
	asked = (struct tcp_ao_getsockopt) { .nkeys = 1, .sndid = 3, .rcvid = 5, .prefix = v6 ? 128 : 32 };
	memcpy(&asked.addr, &as_added.addr, sizeof(asked.addr));
	GIVES(ao_calls_get_keys(fd, &asked), 0);
	HOLDS(!asked.nkeys && !asked.keylen);

#define ASKED(want, ...)	({						\
	asked = (struct tcp_ao_getsockopt) { .nkeys = 1, __VA_ARGS__ };		\
	ao_calls_gives(#__VA_ARGS__, ao_calls_get_keys(fd, &asked), want); })

	ASKED(EAFNOSUPPORT, .sndid = 1);
	ASKED(EAFNOSUPPORT, .addr.ss_family = AF_UNIX);
	/* no prefix: any address, which has to be left out */
	ASKED(0, .addr.ss_family = v6 ? AF_INET6 : AF_INET);
	ASKED(EINVAL, .addr = as_added.addr);
	ASKED(EINVAL, .get_all = 1, .is_current = 1);
	ASKED(EINVAL, .get_all = 1, .is_rnext = 1);
	ASKED(EINVAL, .get_all = 1, .sndid = 1);
	ASKED(EINVAL, .get_all = 1, .prefix = 1);
	ASKED(EINVAL, .get_all = 1, .addr.ss_family = AF_INET);
	ASKED(EINVAL, .get_all = 1, .pkt_good = 1);
	ASKED(EINVAL, .get_all = 1, .pkt_bad = 1);
	ASKED(EINVAL, .get_all = 1, .reserved = 1);
	ASKED(EINVAL, .get_all = 1, .ifindex = 1);
	ASKED(EINVAL, .get_all = 1, .keyflags = TCP_AO_KEYF_EXCLUDE_OPT);
#undef ASKED
	asked = (struct tcp_ao_getsockopt) { .get_all = 1 };
	len = 0;
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_GET_KEYS, &asked, &len), EINVAL);
	len = sizeof(asked);
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_GET_KEYS, (void *)8, &len), EFAULT);
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_GET_KEYS, &asked, &len), 0);
	HOLDS(len == sizeof(asked));
	*only_read = sizeof(asked);
	HOLDS(!mprotect(only_read, getpagesize(), PROT_READ));
	GIVES(getsockopt(fd, IPPROTO_TCP, TCP_AO_GET_KEYS, &asked, only_read), EFAULT);
	munmap(only_read, getpagesize());
	close(fd);
}

#define NOBODY		65534

static long long count(const char *name)
{
	return stack_counter(calls.ns, calls.stack, name);
}

/* A listener has no key that counts first. */
static void ao_calls_of_listener(void)
{
	struct tcp_ao_info_opt info;
	struct aoopt_key k = ao_calls_key(1, 2);
	struct tcp_ao_del cmd;
	int fd = ao_calls_listener();

	k.set_current = true;
	GIVES(aoopt_add(fd, &k), EINVAL);
	k.set_current = false;
	k.set_rnext = true;
	GIVES(aoopt_add(fd, &k), EINVAL);
	GIVES(ao_calls_add(fd, 1, 2), 0);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .set_current = 1, .current_key = 1 }), EINVAL);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .set_rnext = 1, .rnext = 2 }), EINVAL);
	info = aoopt_info(fd);
	HOLDS(!info.set_current && !info.set_rnext);
	aoopt_fill_del(&cmd, &k);
	cmd.set_current = 1;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), EINVAL);
	cmd.set_current = 0;
	cmd.del_async = 1;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), 0);
	HOLDS(!ao_calls_nr_keys(fd));
	GIVES(ao_calls_add(fd, 1, 2), 0);
	GIVES(ao_calls_del(fd, 1, 2), 0);
	close(fd);
}

static void open_pair(int lfd, int *client, int *server)
{
	GIVES(stack_connect(*client, calls.addr, stack_port(lfd)), 0);
	*server = calls.fine ? accept4(lfd, NULL, NULL, SOCK_CLOEXEC) : -1;
	HOLDS(*server >= 0);
}

static void ao_calls_pair(void)
{
	const long long good = count("TcpExt:TCPAOGood"), bad = count("TcpExt:TCPAOBad");
	struct tcp_ao_getsockopt keys[8];
	struct tcp_ao_info_opt info;
	struct aoopt_key k = ao_calls_key(3, 4);
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;

	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(lfd, 4, 3), 0);
	k.addr = calls.other;
	GIVES(aoopt_add(lfd, &k), 0);
	GIVES(ao_calls_set_info(lfd, &(struct tcp_ao_info_opt) { .ao_required = 1, .accept_icmps = 1 }), 0);
	k = ao_calls_key(5, 6);
	k.addr = calls.other;
	GIVES(aoopt_add(client, &k), 0);
	GIVES(ao_calls_add(client, 1, 2), 0);
	k = ao_calls_key(3, 4);
	k.set_current = true;
	k.set_rnext = true;
	GIVES(aoopt_add(client, &k), 0);
	open_pair(lfd, &client, &server);
	if (!calls.fine)
		goto out;
	/* SYN, SYN-ACK, ACK */
	HOLDS(count("TcpExt:TCPAOGood") == good + 3 && count("TcpExt:TCPAOBad") == bad);
	info = aoopt_info(client);
	HOLDS(info.current_key == 3 && info.rnext == 4 && info.pkt_good == 1 && !info.ao_required);
	/* a child has the listener's keys for its peer, and those first that the SYN had */
	info = aoopt_info(server);
	HOLDS(info.set_current && info.current_key == 4 && info.set_rnext && info.rnext == 3);
	HOLDS(info.ao_required && info.accept_icmps);
	HOLDS(aoopt_keys(server, keys, 8) == 2);
	/* connect() has forgotten the keys of others */
	HOLDS(aoopt_keys(client, keys, 8) == 2);
	HOLDS(keys[0].sndid == 3 && keys[0].is_current && keys[0].is_rnext && keys[0].pkt_good == 1);
	HOLDS(keys[1].sndid == 1 && !keys[1].is_current && !keys[1].pkt_good);
	/* keys of others are none of its business any more */
	k = ao_calls_key(5, 6);
	k.addr = calls.other;
	GIVES(aoopt_add(client, &k), EINVAL);
	GIVES(aoopt_add(server, &k), EINVAL);
	GIVES(ao_calls_set_md5(client, calls.addr), EKEYREJECTED);
	GIVES(ao_calls_del(client, 3, 4), EBUSY);
	GIVES(ao_calls_del(client, 1, 2), 0);
	GIVES(ao_calls_add(client, 1, 2), 0);
	GIVES(ao_calls_set_info(client, &(struct tcp_ao_info_opt) {
		.set_current = 1, .current_key = 1, .set_rnext = 1, .rnext = 2,
	}), 0);
	HOLDS(stack_carries(client, server, 1000) && stack_carries(server, client, 1000));
	/* which has told the other end, and that asks for its first key still */
	info = aoopt_info(server);
	HOLDS(info.current_key == 2 && info.rnext == 3);
	HOLDS(aoopt_info(client).current_key == 3);
	GIVES(ao_calls_del(client, 3, 4), EBUSY);
	GIVES(ao_calls_set_info(server, &(struct tcp_ao_info_opt) { .set_rnext = 1, .rnext = 1, .ao_required = 1 }), 0);
	HOLDS(stack_carries(server, client, 1000) && stack_carries(client, server, 1000));
	HOLDS(aoopt_info(client).current_key == 1);
	GIVES(ao_calls_del(client, 3, 4), 0);
	GIVES(ao_calls_del(server, 4, 3), 0);
	HOLDS(count("TcpExt:TCPAOBad") == bad);
out:
	close_each(server, client, lfd);
}

/* What has begun without TCP-AO goes on without, although a listener has keys for others. */
static void ao_calls_unsigned(void)
{
	struct tcp_ao_info_opt info;
	struct aoopt_key k = ao_calls_key(1, 1);
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;

	k.addr = calls.other;
	GIVES(aoopt_add(lfd, &k), 0);
	/* keys, and none for this peer */
	GIVES(aoopt_add(client, &k), 0);
	GIVES(stack_connect(client, calls.addr, stack_port(lfd)), EKEYREJECTED);
	close(client);
	client = ao_calls_socket();
	open_pair(lfd, &client, &server);
	if (!calls.fine)
		goto out;
	GIVES(ao_calls_get_info(client, &info), ENOENT);
	GIVES(ao_calls_get_info(server, &info), ENOENT);
	GIVES(ao_calls_add(client, 1, 1), EISCONN);
	GIVES(ao_calls_del(client, 1, 1), EISCONN);
	GIVES(ao_calls_set_info(server, &(struct tcp_ao_info_opt) { .ao_required = 1 }), EISCONN);
	HOLDS(stack_carries(client, server, 1000));
out:
	close_each(server, client, lfd);
}

/* A SYN that lacks a MAC, or has one, is dropped and counted; the client gets no answer. */
static void try_refused(bool required, const char *at_listener, const char *at_client, const char *counter)
{
	const long long before = count(counter);
	int lfd = ao_calls_listener(), client = ao_calls_socket();
	struct aoopt_key k = ao_calls_key(1, 1);

	k.text = at_listener;
	if (at_listener)
		GIVES(aoopt_add(lfd, &k), 0);
	if (required)
		GIVES(ao_calls_set_info(lfd, &(struct tcp_ao_info_opt) { .ao_required = 1 }), 0);
	k.text = at_client;
	if (at_client)
		GIVES(aoopt_add(client, &k), 0);
	must(!fcntl(client, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	GIVES(stack_connect(client, calls.addr, stack_port(lfd)), EINPROGRESS);
	HOLDS(WAIT_FOR(count(counter) > before, STACK_DEADLINE_MS));
	HOLDS(fcntl(lfd, F_SETFL, O_NONBLOCK) == 0);
	GIVES(accept(lfd, NULL, NULL), EAGAIN);
	close_each(client, lfd);
}

static void ao_calls_refused(void)
{
	try_refused(false, "secret", NULL, "TcpExt:TCPAORequired");
	try_refused(true, NULL, NULL, "TcpExt:TCPAORequired");
	try_refused(false, "secret", "other", "TcpExt:TCPAOBad");
	try_refused(false, NULL, "secret", "TcpExt:TCPAOKeyNotFound");
}

/* Both kinds of keys for one peer, which only a prefix that comes later can bring about. */
static void ao_calls_with_md5(void)
{
	struct aoopt_key k = ao_calls_key(1, 1);
	int fd = ao_calls_socket(), lfd = ao_calls_listener();

	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { 0 }), 0);
	GIVES(ao_calls_set_md5(fd, calls.other), 0);
	k.addr = calls.addr;
	GIVES(aoopt_add(fd, &k), 0);
	/* MD5 for another host does not matter, and is gone then */
	GIVES(aoopt_add(lfd, &(struct aoopt_key) { .addr = calls.addr, .sndid = 1, .rcvid = 1 }), 0);
	GIVES(stack_connect(fd, calls.addr, stack_port(lfd)), 0);
	GIVES(ao_calls_set_md5(fd, calls.addr), EKEYREJECTED);
	close_each(fd, lfd);
}

/* MD5 takes a socket's TCP-AO away: no key can be added, and what is chosen for what is sent is not asked for. */
static void try_by_md5(bool of_another, bool stays)
{
	struct aoopt_key k = {
		.addr = ao_calls_is_v6() ? "::" : "0.0.0.0", .prefix = AOOPT_ALL, .sndid = 1, .rcvid = 1,
	};
	struct aoopt_key another = { .addr = calls.other, .sndid = 2, .rcvid = 2 };
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;
	struct tcp_ao_info_opt info;

	GIVES(ao_calls_set_md5(lfd, calls.addr), 0);
	GIVES(ao_calls_set_md5(client, calls.addr), 0);
	if (of_another)
		GIVES(aoopt_add(client, &another), 0);
	else
		GIVES(ao_calls_set_info(client, &(struct tcp_ao_info_opt) { 0 }), 0);
	open_pair(lfd, &client, &server);
	if (!stays)
		GIVES(ao_calls_drop_md5(client, calls.addr), 0);
	k.set_current = true;
	GIVES(aoopt_add(client, &k), EISCONN);
	k.set_current = false;
	GIVES(aoopt_add(client, &k), EISCONN);
	GIVES(ao_calls_set_info(client, &(struct tcp_ao_info_opt) { .ao_required = 1 }), EISCONN);
	GIVES(aoopt_del(client, &another), EISCONN);
	GIVES(ao_calls_get_info(client, &info), ENOENT);
	HOLDS(!stays || (stack_carries(client, server, 1000) && stack_carries(server, client, 1000)));
	close_each(server, client, lfd);
}

static void ao_calls_by_md5(void)
{
	try_by_md5(false, true);
	try_by_md5(true, true);
	try_by_md5(false, false);
	try_by_md5(true, false);
}

/* Keys of other peers go when a SYN goes out: a connect() that finds no port leaves them. */
static void ao_calls_no_port(void)
{
	int lfd = ao_calls_listener(), first = ao_calls_socket(), second = ao_calls_socket(), server;
	struct aoopt_key k = { .addr = calls.other, .sndid = 3, .rcvid = 3 };
	union stack_addr at = stack_addr(calls.addr, 0);
	socklen_t len = sizeof(at);

	must(!stack_set(first, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	must(!stack_set(second, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(first, 1, 2), 0);
	GIVES(ao_calls_add(second, 1, 2), 0);
	GIVES(aoopt_add(second, &k), 0);
	GIVES(bind(first, &at.sa, stack_addr_len(&at)), 0);
	GIVES(getsockname(first, &at.sa, &len), 0);
	GIVES(bind(second, &at.sa, len), 0);
	open_pair(lfd, &first, &server);
	GIVES(stack_connect(second, calls.addr, stack_port(lfd)), EADDRNOTAVAIL);
	HOLDS(ao_calls_nr_keys(second) == 2);
	close_each(server, second, first, lfd);
}

static bool in_time_wait(int port, int peer_port)
{
	return rows_state(calls.ns, sides_listing(calls.stack, calls.addr), port, peer_port) == TCP_TIME_WAIT;
}

/*
 * A connect() without the right key fails before it takes the place of a TIME-WAIT. Kernel TCP has ended that by then.
 */
static void ao_calls_record(void)
{
	int lfd = ao_calls_listener(), first = ao_calls_socket(), second = ao_calls_socket(), server;
	const struct aoopt_key k = { .addr = calls.other, .sndid = 3, .rcvid = 3 };
	union stack_addr at = stack_addr(calls.addr, 0);
	socklen_t len = sizeof(at);
	int port, peer_port;

	must(!stack_set(first, SOL_SOCKET, SO_REUSEADDR, 1) &&
	     !stack_set(second, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	GIVES(bind(first, &at.sa, stack_addr_len(&at)), 0);
	GIVES(getsockname(first, &at.sa, &len), 0);
	open_pair(lfd, &first, &server);
	port = stack_port(first);
	peer_port = stack_port(lfd);
	shutdown(first, SHUT_WR);
	HOLDS(stack_at_end(server));
	close_each(server, first);
	HOLDS(WAIT_FOR(in_time_wait(port, peer_port), STACK_DEADLINE_MS));
	GIVES(aoopt_add(second, &k), 0);
	GIVES(bind(second, &at.sa, len), 0);
	GIVES(stack_connect(second, calls.addr, peer_port), EKEYREJECTED);
	HOLDS(in_time_wait(port, peer_port) == (calls.stack == XTCP));
	HOLDS(ao_calls_nr_keys(second) == 1);
	/* the socket is as it was: with the right key it takes the place */
	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(second, 1, 2), 0);
	open_pair(lfd, &second, &server);
	HOLDS(!in_time_wait(port, peer_port) && stack_port(second) == port);
	HOLDS(calls.fine && stack_carries(second, server, 1000));
	close_each(server, second, lfd);
}

/* What a socket had chosen before listen() means nothing there, and del_async removes it. */
static void ao_calls_async(void)
{
	struct aoopt_key k = ao_calls_key(1, 2);
	struct tcp_ao_info_opt info;
	struct tcp_ao_del cmd;
	int fd = ao_calls_socket();

	k.set_current = true;
	k.set_rnext = true;
	GIVES(aoopt_add(fd, &k), 0);
	GIVES(listen(fd, 1), 0);
	GIVES(ao_calls_del(fd, 1, 2), EBUSY);
	aoopt_fill_del(&cmd, &k);
	cmd.del_async = 1;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), 0);
	HOLDS(!ao_calls_nr_keys(fd));
	info = aoopt_info(fd);
	HOLDS(!info.set_current && !info.set_rnext);
	GIVES(ao_calls_add(fd, 1, 2), 0);
	GIVES(ao_calls_del(fd, 1, 2), 0);
	close(fd);
}

/* Everybody may have keys, as many as net.core.optmem_max allows. */
static void ao_calls_limit(void)
{
	int fd = ao_calls_socket(), n, err = 0;

	must(!seteuid(NOBODY), "seteuid");
	for (n = 0; n < 256 && !err; n++)
		err = ao_calls_add(fd, n, n) ? errno : 0;
	must(!seteuid(0), "seteuid");
	HOLDS(err == ENOMEM || (n == 256 && !err));
	HOLDS(n > 10);
	ksft_print_msg("%s: %d keys, %s\n", stack_name(calls.stack), n, err ? strerrorname_np(err) : "no end");
	GIVES(ao_calls_del(fd, 0, 0), 0);
	GIVES(ao_calls_add(fd, 0, 0), 0);
	close(fd);
}

/* After the end of a connection the keys are there; another connect() uses them. */
static void ao_calls_again(void)
{
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(client, 1, 2), 0);
	open_pair(lfd, &client, &server);
	close(server);
	GIVES(connect(client, &none, sizeof(none)), 0);
	HOLDS(ao_calls_nr_keys(client) == 1);
	open_pair(lfd, &client, &server);
	HOLDS(calls.fine && stack_carries(client, server, 1000));
	close_each(server, client, lfd);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "lengths and pointers of TCP_AO_ADD_KEY", ao_calls_add_lengths },
	{ "fields of TCP_AO_ADD_KEY", ao_calls_add_fields },
	{ "prefixes, and keys that overlap", ao_calls_add_prefixes },
	{ "identifiers", ao_calls_identifiers },
	{ "algorithms, lengths of keys and MACs", ao_calls_algorithms },
	{ "TCP_AO_DEL_KEY", ao_calls_del_errors },
	{ "current and next key of a closed socket", ao_calls_current },
	{ "TCP_AO_INFO", ao_calls_info },
	{ "TCP_AO_GET_KEYS", ao_calls_all_keys },
	{ "v4-mapped addresses", ao_calls_mapped },
	{ "keys of MD5 beside those of TCP-AO", ao_calls_md5 },
	{ "a listener", ao_calls_of_listener },
	{ "both ends of a signed connection", ao_calls_pair },
	{ "both ends of a connection without MACs", ao_calls_unsigned },
	{ "SYNs that are dropped, by exact counters", ao_calls_refused },
	{ "connect() with keys of MD5 for another host", ao_calls_with_md5 },
	{ "a connection that MD5 signs", ao_calls_by_md5 },
	{ "connect() that finds no port", ao_calls_no_port },
	{ "connect() without the right key to a TIME-WAIT", ao_calls_record },
	{ "a listener whose key was chosen before", ao_calls_async },
	{ "how many keys, for everybody", ao_calls_limit },
	{ "connect() again with the same keys", ao_calls_again },
};

#define TESTS	(sizeof(tests) / sizeof(*tests))

static void run(size_t i)
{
	const bool cannot = calls.stack == KERNEL && !aoopt_kernel_has();
	char name[128];

	snprintf(name, sizeof(name), "%s, IPv%d: %s", stack_name(calls.stack), ao_calls_is_v6() ? 6 : 4, tests[i].name);
	if (cannot) {
		ksft_test_result_skip("the kernel cannot sign by TCP-AO: %s\n", name);
		return;
	}
	calls.fine = true;
	tests[i].run();
	ksft_test_result(calls.fine, "%s\n", name);
}

int main(int argc, char **argv)
{
	const char *only = argc == 3 && !strcmp(argv[1], "-s") ? argv[2] : NULL;
	const enum stack last = only && !strcmp(only, "kernel") ? KERNEL : XTCP;
	enum stack first = only && !strcmp(only, "xtcp") ? XTCP : stack_first();

	if (last == KERNEL)
		first = KERNEL;
	test_begin(TESTS * 2 * (last - first + 1));
	calls.ns = ns_make();
	must(calls.ns >= 0 && !ns_enter(calls.ns), "namespace");
	for (calls.stack = first; calls.stack <= last; calls.stack++)
		for (int v6 = 0; v6 < 2; v6++) {
			calls.addr = v6 ? "::1" : "127.0.0.1";
			calls.other = v6 ? "fd00::77" : "10.0.0.77";
			for (size_t i = 0; i < TESTS; i++)
				run(i);
		}
	ksft_finished();
}
