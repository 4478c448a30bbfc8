// SPDX-License-Identifier: GPL-2.0
/* Keys of TCP-AO: what TCP_AO_ADD_KEY and TCP_AO_DEL_KEY take and refuse. */
#include "ao_calls.h"

#include <arpa/inet.h>

/* What TCP_AO_ADD_KEY refuses. */

void ao_calls_add_lengths(void)
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

void ao_calls_add_fields(void)
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
void ao_calls_add_prefixes(void)
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

void ao_calls_identifiers(void)
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

void ao_calls_algorithms(void)
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

void ao_calls_del_errors(void)
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
void ao_calls_mapped(void)
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
void ao_calls_md5(void)
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
