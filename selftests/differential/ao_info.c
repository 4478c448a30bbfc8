// SPDX-License-Identifier: GPL-2.0
/* TCP_AO_INFO, TCP_AO_GET_KEYS, and which key counts first. */
#include <sys/mman.h>

#include "ao_calls.h"

/* Before connect() a program says which keys count first. */
void ao_calls_current(void)
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

void ao_calls_info(void)
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

void ao_calls_all_keys(void)
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
