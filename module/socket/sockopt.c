// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options: those of TCP, and which of those of IP and IPv6 the kernel's own code gets;
 * recvmsg.c reports TCP_INFO, ioctl and poll.
 *
 * Names, units, ranges and errors are those of kernel TCP. An IPPROTO_* option either works here or
 * is refused by ENOPROTOOPT; none is accepted and then ignored. The kernel's generic code handles
 * SOL_SOCKET, but refuses SO_ZEROCOPY for protocols that it does not know. Since Linux 6.5 it first
 * asks this file, which accepts SO_ZEROCOPY. On older kernels there is XTCP_ZEROCOPY instead.
 *
 * The kernel's own code gets an option of IP or IPv6 only if it makes sense for a stream socket,
 * and if that code does not mistake our sock for one of another protocol. For example, multicast
 * memberships are refused, because they would leak, and IPV6_ADDRFORM, which would make our sock
 * one of kernel TCP.
 */
#include "socket/socket.h"

#include <linux/netfilter_ipv4.h>

#include "auth/auth.h"
#include "base/bounds.h"
#include "fastopen/fastopen.h"
#include "listen/listen.h"
#include "policy/policy.h"
#include "send/send.h"

/* Does this option of SOL_IP or SOL_IPV6 work on our sockets? */
static bool option_is_known(int level, int optname, bool set)
{
	static const u8 v4[] = {
		IP_TOS, IP_TTL, IP_MINTTL, IP_MTU_DISCOVER, IP_RECVERR, IP_FREEBIND, IP_TRANSPARENT,
		IP_BIND_ADDRESS_NO_PORT, IP_LOCAL_PORT_RANGE, IP_IPSEC_POLICY, IP_XFRM_POLICY,
	};
	static const u8 v6[] = {
		IPV6_V6ONLY, IPV6_UNICAST_HOPS, IPV6_MINHOPCOUNT, IPV6_TCLASS, IPV6_AUTOFLOWLABEL, IPV6_MTU_DISCOVER,
		IPV6_RECVERR, IPV6_ADDR_PREFERENCES, IPV6_FREEBIND, IPV6_FLOWLABEL_MGR, IPV6_FLOWINFO_SEND,
		IPV6_TRANSPARENT, IPV6_IPSEC_POLICY, IPV6_XFRM_POLICY,
	};

	if (optname == (level == SOL_IP ? IP_MTU : IPV6_MTU))
		return !set;
	if (optname != (u8)optname)
		return false;
	return level == SOL_IP ? memchr(v4, optname, sizeof(v4)) : memchr(v6, optname, sizeof(v6));
}

/* -ENOPROTOOPT for an option that we refuse; -EFAULT, if the kernel's own code would look at the value first. */
static int refuse_set(int level, sockptr_t optval, unsigned int optlen)
{
	int val;

	if (level == SOL_IPV6 && optlen >= sizeof(val) && !sockptr_is_null(optval) &&
	    copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	return -ENOPROTOOPT;
}

static int refuse_get(int level, int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	return level == SOL_IP && len < 0 ? -EINVAL : -ENOPROTOOPT;
}

/*
 * SO_ORIGINAL_DST, and IP6T_SO_ORIGINAL_DST, which has the same number: where was the connection
 * going before netfilter redirected it? conntrack answers it only for a sock whose protocol is 6,
 * and reads nothing but names. So it gets a sock with our names that lives as long as this call.
 */
static int get_original_dst(struct sock *sk, int level, char __user *optval, int __user *optlen)
{
	struct sock *named = sk_alloc(sock_net(sk), sk->sk_family, GFP_KERNEL, sk->sk_prot, 1);
	int err = -ENOPROTOOPT;

	if (!named)
		return -ENOBUFS;
	lock_sock(sk);
	named->sk_protocol = IPPROTO_TCP;
	named->sk_bound_dev_if = sk->sk_bound_dev_if;
	named->sk_addrpair = sk->sk_addrpair;
	named->sk_portpair = sk->sk_portpair;
	inet_sk(named)->inet_sport = inet_sk(sk)->inet_sport;
	named->sk_v6_rcv_saddr = sk->sk_v6_rcv_saddr;
	named->sk_v6_daddr = sk->sk_v6_daddr;
	inet_sk(named)->pinet6 = inet_sk(sk)->pinet6;
	release_sock(sk);
	if (level == SOL_IP)
		err = ip_getsockopt(named, level, SO_ORIGINAL_DST, optval, optlen);
	else
		err = ipv6_getsockopt(named, level, SO_ORIGINAL_DST, optval, optlen);
	sk_free(named);
	return err;
}

/*
 * Other levels than SOL_SOCKET and IPPROTO_TCP (RFC 9293 section 3.9.1). The kernel's own code
 * takes the socket lock. Return: what it returns; -ENOPROTOOPT or -EFAULT for a refused option.
 */
static int xtcp_ipopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen)
{
	int err;

	if (level != SOL_IP && (level != SOL_IPV6 || sk->sk_family != AF_INET6))
		return -ENOPROTOOPT;
	if (!option_is_known(level, optname, true))
		return refuse_set(level, optval, optlen);
	if (level == SOL_IP)
		err = ip_setsockopt(sk, level, optname, optval, optlen);
	else
		err = ipv6_setsockopt(sk, level, optname, optval, optlen);
	/* a transparent sock has to be shown to rules of netfilter that ask for it */
	if (!err && inet_sk_transparent(sk))
		xtcp_attach_start_transparent(xtcp_net_of(sk));
	return err;
}

/*
 * The same for getsockopt(). Return: also -EINVAL for a refused option; -EOPNOTSUPP for an unknown
 * level on an AF_INET sock; -ENOBUFS for SO_ORIGINAL_DST.
 */
static int xtcp_ipopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen)
{
	if (optname == SO_ORIGINAL_DST && (level == SOL_IP || (level == SOL_IPV6 && sk->sk_family == AF_INET6)))
		return get_original_dst(sk, level, optval, optlen);
	if (level == SOL_IP)
		return option_is_known(level, optname, false) ?
			ip_getsockopt(sk, level, optname, optval, optlen) : refuse_get(level, optlen);
	if (level == SOL_IPV6 && sk->sk_family == AF_INET6)
		return option_is_known(level, optname, false) ?
			ipv6_getsockopt(sk, level, optname, optval, optlen) : refuse_get(level, optlen);
	return sk->sk_family == AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT;
}

#define LINGER2_MAX_S	120	/* as Linux's TCP_FIN_TIMEOUT_MAX */

/* What need not wait any more. As in Linux, TCP_NODELAY sends it even with TCP_CORK, which delays later writes. */
static void push_withheld(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_output_push_nagle(sk, xsk->nonagle & TCP_NAGLE_OFF ? xsk->nonagle | TCP_NAGLE_PUSH : xsk->nonagle);
	xtcp_sndbuf_wake(sk);
}

static void set_nodelay(struct sock *sk, bool on)
{
	if (on) {
		xtcp_sk(sk)->nonagle |= TCP_NAGLE_OFF;
		push_withheld(sk);
	} else {
		xtcp_sk(sk)->nonagle &= ~TCP_NAGLE_OFF;
	}
}

static void set_cork(struct sock *sk, bool on)
{
	if (on) {
		xtcp_sk(sk)->nonagle |= TCP_NAGLE_CORK;
	} else {
		xtcp_sk(sk)->nonagle &= ~TCP_NAGLE_CORK;
		push_withheld(sk);
	}
}

/*
 * XTCP_ACK_RATE; XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS, which share the deadline of keepalive: a low
 * limit makes it earlier. It stays if the limit is raised: expiry.c finds that nothing is due.
 */
static int set_cold(struct sock *sk, int optname, int val)
{
	const struct xtcp_cold none = {}, *cold = xtcp_cold(sk) ?: &none;
	int err = xtcp_cold_set(sk, optname == XTCP_IDLE_MS ? val : cold->idle_ms,
				optname == XTCP_HALF_CLOSED_MS ? val : cold->half_closed_ms,
				optname == XTCP_ACK_RATE ? val : cold->ack_rate, GFP_KERNEL_ACCOUNT);

	if (!err && optname != XTCP_ACK_RATE)
		xtcp_keepalive_limit_idle(sk);
	return err;
}

/*
 * If the last probe is unanswered, the next is due one new interval after it; in Linux it still comes
 * after the old one. If TCP_KEEPIDLE or SO_KEEPALIVE was set after the last probe, the next is due
 * when TCP_KEEPIDLE has passed.
 */
static void keepintvl_changed(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!xtcp_keepalive_waits(xsk) || xsk->timers.keepalive_asked ||
	    !xtcp_timer_is_armed(&xsk->timers, XTCP_TIMER_KEEPALIVE))
		return;
	xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, xtcp_keepalive_left(sk));
	xtcp_keepalive_limit_idle(sk);
}

/*
 * TCP_QUICKACK: 0 turns delayed ACKs on. Any other value turns them off, and an ACK that is owed is
 * sent at once. If the value is even, this ACK also turns delayed ACKs on again.
 */
static void set_quickack(struct sock *sk, int val)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_acking_interactive(&xsk->acking, !val);
	xsk->quickack_asked = val;
	if (!val || !xsk->acking.pending || !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;
	xtcp_acking_hurry(&xsk->acking);
	xtcp_acks_schedule(sk);
	xtcp_acking_interactive(&xsk->acking, !(val & 1));
}

/* The window that we have offered does not shrink (RFC 9293 section 3.8.6, SHLD-14). */
static void clamp_window(struct sock *sk, u32 clamp)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (clamp < xsk->window_clamp)
		xsk->rcv_ssthresh = min(xsk->rcv_ssthresh, clamp);
	else
		xsk->rcv_ssthresh = max(xsk->rcv_ssthresh, min(xsk->rcv.wnd, clamp));
	xsk->window_clamp = clamp;
}

static int set_window_clamp(struct sock *sk, int val)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!val) {
		if (sk->sk_state != TCP_CLOSE)
			return -EINVAL;
		WRITE_ONCE(xsk->user_window_clamp, 0);
		return 0;
	}
	WRITE_ONCE(xsk->user_window_clamp, max_t(u32, val, SOCK_MIN_RCVBUF / 2));
	if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		clamp_window(sk, xsk->user_window_clamp);
	return 0;
}

/* A time in ticks. Return: 0; as in Linux, -EINVAL if it is less than two ticks or more than 200 ms. */
static int set_ticks(u8 *field, int us)
{
	const u8 ticks = us < 0 ? 0 : xtcp_bounds_ticks(us);

	if (!ticks)
		return -EINVAL;
	WRITE_ONCE(*field, ticks);
	return 0;
}

static int set_rto_min(struct sock *sk, int us)
{
	const u32 old_us = xtcp_bounds_rto_min_us(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int err = set_ticks(&xsk->rto_min, us);

	if (!err)
		xtcp_rto_set_floor(&xsk->rto, old_us, xtcp_bounds_rto_min_us(sk));
	return err;
}

/* Adds up the first timeouts of a SYN-ACK, in seconds. */
static int seconds_of(unsigned int timeouts)
{
	unsigned long sum = 0;
	unsigned int level;

	for (level = 0; level < timeouts; level++)
		sum += xtcp_entry_timeout(level);
	return sum / HZ;
}

/* The seconds of TCP_DEFER_ACCEPT as timeouts of a SYN-ACK: the smallest number that takes as long, at most 255. */
static u8 timeouts_within(int seconds)
{
	u8 timeouts = 0;

	while (seconds > seconds_of(timeouts) && timeouts < U8_MAX)
		timeouts++;
	return timeouts;
}

/* Options with a plain range; beyond it, EINVAL. */
static const struct option_range {
	int optname;
	int low;
	int high;
} ranges[] = {
	{ TCP_KEEPIDLE, 1, MAX_TCP_KEEPIDLE },
	{ TCP_KEEPINTVL, 1, MAX_TCP_KEEPINTVL },
	{ TCP_KEEPCNT, 1, MAX_TCP_KEEPCNT },
	{ TCP_SYNCNT, 1, MAX_TCP_SYNCNT },
	{ TCP_USER_TIMEOUT, 0, INT_MAX },
	{ TCP_RTO_MAX_MS, MSEC_PER_SEC, XTCP_RTO_MAX_MS },
	{ TCP_INQ, 0, 1 },
	{ TCP_FASTOPEN, 0, INT_MAX },
	{ TCP_FASTOPEN_NO_COOKIE, 0, 1 },
	{ TCP_FASTOPEN_CONNECT, 0, 1 },
	{ TCP_THIN_LINEAR_TIMEOUTS, 0, 1 },
	{ TCP_SAVE_SYN, 0, 2 },
	{ XTCP_ZEROCOPY, 0, 1 },
	{ XTCP_ACK_RATE, 0, XTCP_ACKRATE_MAX },
	{ XTCP_IDLE_MS, 0, INT_MAX },
	{ XTCP_HALF_CLOSED_MS, 0, INT_MAX },
};

static bool is_in_range(int optname, int val)
{
	const struct option_range *range;

	for (range = ranges; range < ranges + ARRAY_SIZE(ranges); range++)
		if (range->optname == optname)
			return val >= range->low && val <= range->high;
	return true;
}

static int set_int(struct sock *sk, int optname, int val)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!is_in_range(optname, val))
		return -EINVAL;
	switch (optname) {
	case TCP_NODELAY:
		set_nodelay(sk, val);
		return 0;
	case TCP_CORK:
		set_cork(sk, val);
		return 0;
	case TCP_MAXSEG:
		if (val && (val < (int)XTCP_MSS_MIN_USER || val > (int)XTCP_MSS_MAX_USER))
			return -EINVAL;
		WRITE_ONCE(xsk->user_mss, val);
		return 0;
	case TCP_KEEPIDLE:
		WRITE_ONCE(xsk->keepalive_time, val);
		xtcp_keepalive_changed(sk, (u32)jiffies - xsk->rcv_tstamp);
		return 0;
	case TCP_KEEPINTVL:
		WRITE_ONCE(xsk->keepalive_intvl, val);
		keepintvl_changed(sk);
		return 0;
	case TCP_KEEPCNT:
		WRITE_ONCE(xsk->keepalive_probes, val);
		return 0;
	case TCP_SYNCNT:
		WRITE_ONCE(xsk->syn_retries, val);
		return 0;
	case TCP_DEFER_ACCEPT:
		WRITE_ONCE(xsk->defer_accept, timeouts_within(val));
		return 0;
	case TCP_LINGER2:
		WRITE_ONCE(xsk->linger2, val < 0 ? -1 : min(val, LINGER2_MAX_S));
		return 0;
	case TCP_USER_TIMEOUT:
		WRITE_ONCE(xsk->user_timeout, val);
		return 0;
	case TCP_RTO_MAX_MS:
		BUILD_BUG_ON(XTCP_RTO_MAX_MS / XTCP_RTO_MAX_UNIT_MS > U16_MAX);
		/* as in Linux, round up to whole jiffies */
		val = jiffies_to_msecs(msecs_to_jiffies(val));
		WRITE_ONCE(xsk->rto_max, DIV_ROUND_UP(val, XTCP_RTO_MAX_UNIT_MS));
		return 0;
	case TCP_RTO_MIN_US:
		return set_rto_min(sk, val);
	case TCP_DELACK_MAX_US:
		return set_ticks(&xsk->delack_max, val);
	case TCP_QUICKACK:
		set_quickack(sk, val);
		return 0;
	case TCP_WINDOW_CLAMP:
		return set_window_clamp(sk, val);
	case TCP_NOTSENT_LOWAT:
		WRITE_ONCE(xsk->notsent_lowat, val);
		sk->sk_write_space(sk);
		return 0;
	case TCP_INQ:
		xsk->recvmsg_inq = val;
		return 0;
	case TCP_FASTOPEN:
		if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
			return -EINVAL;
		return xtcp_fastopen_set_max(sk, val);
	case TCP_FASTOPEN_NO_COOKIE:
		if (!((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
			return -EINVAL;
		xsk->fastopen_no_cookie = val;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		if (!(READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & XTCP_FASTOPEN_CLIENT))
			return -EOPNOTSUPP;
		if (sk->sk_state != TCP_CLOSE)
			return -EINVAL;
		xsk->fastopen_connect = val;
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		xsk->thin_linear = val;
		return 0;
	case TCP_SAVE_SYN:
		WRITE_ONCE(xsk->save_syn, val);
		return 0;
	case XTCP_ZEROCOPY:
		sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
		return 0;
	case XTCP_ACK_RATE:
	case XTCP_IDLE_MS:
	case XTCP_HALF_CLOSED_MS:
		return set_cold(sk, optname, val);
	default:
		return -ENOPROTOOPT;
	}
}

/*
 * IPPROTO_TCP, a number (RFC 9293 sections 3.9.1 and 3.8.4). Return: 0; -ENOPROTOOPT: unknown; -EINVAL;
 * -ENOMEM for XTCP_ACK_RATE, XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS; -ENOMEM, -EOPNOTSUPP for Fast Open.
 */
int xtcp_intopt_set(struct sock *sk, int optname, int val)
{
	int err;

	sock_owned_by_me(sk);
	err = set_int(sk, optname, val);
	if (!err && unlikely(xtcp_sk(sk)->by_rule))
		xtcp_policy_program_sets(sk, optname);
	return err;
}

/* How many keys a sock has, of both kinds; the caller has an open descriptor of it. */
static int count_keys(const struct sock *sk)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);
	const struct xtcp_key *key;
	const struct xtcp_ao_key *mkt;
	const struct xtcp_ao *ao;
	int n = 0;

	if (!cold)
		return 0;
	rcu_read_lock();
	hlist_for_each_entry_rcu(key, &cold->keys, node)
		n++;
	ao = xtcp_ao_of(sk);
	if (ao)
		hlist_for_each_entry_rcu(mkt, &ao->keys, node)
			n++;
	rcu_read_unlock();
	return n;
}

/* IPPROTO_TCP, a number (RFC 9293 section 3.10.6). No lock: it may change. *@err: -ENOPROTOOPT if unknown. */
static int xtcp_intopt_get(struct sock *sk, int optname, int *err)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	bool unconnected = (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN);
	int val = 0;

	switch (optname) {
	case TCP_NODELAY:
		return !!(xsk->nonagle & TCP_NAGLE_OFF);
	case TCP_CORK:
		return !!(xsk->nonagle & TCP_NAGLE_CORK);
	case TCP_MAXSEG:
		if (xtcp_repair_is_on(sk))
			return xsk->agreed.mss_clamp;
		return (unconnected ? READ_ONCE(xsk->user_mss) : 0) ?: xsk->mss;
	case TCP_KEEPIDLE:
		return xtcp_keepalive_time(sk) / HZ;
	case TCP_KEEPINTVL:
		return xtcp_keepalive_intvl(sk) / HZ;
	case TCP_KEEPCNT:
		return xtcp_keepalive_probes(sk);
	case TCP_SYNCNT:
		return READ_ONCE(xsk->syn_retries) ?: READ_ONCE(ctl->syn_retries);
	case TCP_DEFER_ACCEPT:
		return seconds_of(READ_ONCE(xsk->defer_accept));
	case TCP_LINGER2:
		return READ_ONCE(xsk->linger2) ?: READ_ONCE(ctl->fin_timeout) / HZ;
	case TCP_USER_TIMEOUT:
		return xtcp_bounds_user_timeout_ms(sk);
	case TCP_RTO_MAX_MS:
		return xtcp_bounds_rto_max_ms(sk);
	case TCP_RTO_MIN_US:
		return xtcp_bounds_rto_min_told_us(sk);
	case TCP_DELACK_MAX_US:
		return xtcp_ticks_us(xtcp_bounds_delack_set(sk), HZ);
	case TCP_QUICKACK:
		return !xsk->acking.pingpong;
	case TCP_WINDOW_CLAMP:
		return unconnected ? xsk->user_window_clamp : xsk->window_clamp;
	case TCP_NOTSENT_LOWAT:
		return READ_ONCE(xsk->notsent_lowat);
	case TCP_INQ:
		return xsk->recvmsg_inq;
	case TCP_THIN_LINEAR_TIMEOUTS:
		return xsk->thin_linear;
	case TCP_FASTOPEN:
		return xtcp_fastopen_max(sk);
	case TCP_FASTOPEN_NO_COOKIE:
		return xsk->fastopen_no_cookie;
	case TCP_FASTOPEN_CONNECT:
		return xsk->fastopen_connect;
	case TCP_SAVE_SYN:
		return xsk->save_syn;
	case XTCP_KEYS:
		return count_keys(sk);
	case XTCP_IDLE_MS:
		return xtcp_keepalive_idle_ms(sk);
	case XTCP_HALF_CLOSED_MS:
		return xtcp_keepalive_half_closed_ms(sk);
	case XTCP_ACK_RATE:
		return xtcp_cold_ack_rate(sk);
	case XTCP_ZEROCOPY:
		return sock_flag(sk, SOCK_ZEROCOPY);
	case TCP_TIMESTAMP:
		/* the TSval that a segment would have now (RFC 7323 section 3.2) */
		return xtcp_clock_ts() + xsk->snd.ts_offset;
	default:
		*err = xtcp_repair_get(sk, optname, &val);
		return val;
	}
}

static int set_congestion(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	char name[TCP_CA_NAME_MAX];
	int len, err;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval, min_t(long, TCP_CA_NAME_MAX - 1, optlen));
	if (len < 0)
		return -EFAULT;
	name[len] = 0;

	xtcp_algorithms_load(name);
	lock_sock(sk);
	err = xtcp_algorithms_choose(sk, name, ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN));
	release_sock(sk);
	return err;
}

static int set_fastopen_key(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	u8 keys[2 * XTCP_FASTOPEN_KEY_LEN];
	int err;

	if (optlen != XTCP_FASTOPEN_KEY_LEN && optlen != sizeof(keys))
		return -EINVAL;
	if (copy_from_sockptr(keys, optval, optlen))
		return -EFAULT;
	lock_sock(sk);
	err = xtcp_fastopen_set_keys(sk, keys, optlen / XTCP_FASTOPEN_KEY_LEN);
	release_sock(sk);
	memzero_explicit(keys, sizeof(keys));
	return err;
}

/* A signature takes space in each segment: on a connection the MSS is computed anew. */
static int set_key(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	int err;

	lock_sock(sk);
	err = xtcp_keyopt_set(sk, optname, optval, optlen);
	if (!err && !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		xtcp_mss_sync(sk, xtcp_sk(sk)->pmtu);
	release_sock(sk);
	return err;
}

/*
 * proto.setsockopt: IPPROTO_*; since Linux 6.5 also SOL_SOCKET. RFC 9293 sections 3.9.1 and 3.8.4.
 * Return: 0; -EINVAL; -EFAULT; TCP_CONGESTION: -ENOENT if there is none, -EPERM if only an
 * administrator may choose it; -ENOMEM for TCP_FASTOPEN_KEY; or what xtcp_intopt_set(),
 * xtcp_repair_set(), xtcp_keyopt_set(), sock_setsockopt() and xtcp_ipopt_set() return.
 */
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen)
{
	int val, err;

	if (level == SOL_SOCKET) {
		if (optname != SO_ZEROCOPY)
			return sock_setsockopt(sk->sk_socket, level, optname, optval, optlen);
		level = SOL_TCP;
		optname = XTCP_ZEROCOPY;
	}
	xtcp_coalesce_flush(sk);
	if (level != SOL_TCP)
		return xtcp_ipopt_set(sk, level, optname, optval, optlen);
	if (optname == TCP_CONGESTION)
		return set_congestion(sk, optval, optlen);
	if (optname == TCP_FASTOPEN_KEY)
		return set_fastopen_key(sk, optval, optlen);
	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	switch (optname) {
	case TCP_MD5SIG:
	case TCP_MD5SIG_EXT:
	case TCP_AO_ADD_KEY:
	case TCP_AO_DEL_KEY:
	case TCP_AO_INFO:
		return set_key(sk, optname, optval, optlen);
	}

	if (optname == XTCP_TAKE_OVER)
		return xtcp_accept_take_over(sk, val);

	lock_sock(sk);
	err = xtcp_intopt_set(sk, optname, val);
	if (err == -ENOPROTOOPT)
		err = xtcp_repair_set(sk, optname, val, optval, optlen);
	release_sock(sk);
	return err;
}

static int put_octets(char __user *optval, int __user *optlen, const void *from, int len)
{
	if (put_user(len, optlen) || copy_to_user(optval, from, len))
		return -EFAULT;
	return 0;
}

/* TCP_SAVED_SYN, read once and whole. A buffer too small fails, and *@optlen receives the length. */
static int get_saved_syn(struct sock *sk, char __user *optval, int __user *optlen)
{
	const struct xtcp_saved_syn *syn;
	int len, err = 0;

	if (get_user(len, optlen))
		return -EFAULT;
	lock_sock(sk);
	syn = xtcp_sk(sk)->saved_syn;
	if (!syn) {
		err = put_user(0, optlen);
	} else if (len < (int)syn->len) {
		err = put_user((int)syn->len, optlen) ?: -EINVAL;
	} else {
		err = put_octets(optval, optlen, syn->octets, syn->len);
		if (!err)
			xtcp_savedsyn_drop(&xtcp_sk(sk)->saved_syn);
	}
	release_sock(sk);
	return err;
}

static int get_ao(struct sock *sk, int optname, char __user *optval, int __user *optlen)
{
	int err;

	lock_sock(sk);
	if (optname == TCP_AO_GET_KEYS)
		err = xtcp_aoget_keys(sk, USER_SOCKPTR(optval), USER_SOCKPTR(optlen));
	else
		err = xtcp_aoget_info(sk, USER_SOCKPTR(optval), USER_SOCKPTR(optlen));
	release_sock(sk);
	return err;
}

/*
 * proto.getsockopt: IPPROTO_*, never SOL_SOCKET. RFC 9293 section 3.10.6. Return: 0; -ENOPROTOOPT;
 * -EINVAL; -EFAULT; or what xtcp_aoget_keys(), xtcp_aoget_info() and xtcp_ipopt_get() return.
 */
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen)
{
	u8 keys[2 * XTCP_FASTOPEN_KEY_LEN];
	char name[TCP_CA_NAME_MAX] = "";
	union tcp_cc_info cc_info;
	union xtcp_compat_info info;
	struct xtcp_abort abort;
	int len, val, err = 0;

	xtcp_coalesce_flush(sk);
	if (level != SOL_TCP)
		return xtcp_ipopt_get(sk, level, optname, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	switch (optname) {
	case TCP_INFO:
		lock_sock(sk);
		xtcp_info_fill(sk, &info);
		release_sock(sk);
		return put_octets(optval, optlen, &info, min_t(unsigned int, len, sizeof(info)));
	case XTCP_ABORT:
		lock_sock(sk);
		xtcp_info_fill_abort(sk, &abort);
		release_sock(sk);
		return put_octets(optval, optlen, &abort, min_t(unsigned int, len, sizeof(abort)));
	case TCP_CC_INFO:
		lock_sock(sk);
		val = xtcp_algorithms_fill(sk, &cc_info);
		release_sock(sk);
		return put_octets(optval, optlen, &cc_info, min(len, val));
	case XTCP_BUILD:
		return put_octets(optval, optlen, KBUILD_MODNAME, min_t(unsigned int, len, sizeof(KBUILD_MODNAME)));
	case TCP_FASTOPEN_KEY:
		val = xtcp_fastopen_get_keys(sk, keys);
		val = put_octets(optval, optlen, keys, min(len, val));
		memzero_explicit(keys, sizeof(keys));
		return val;
	case TCP_REPAIR_WINDOW:
		return xtcp_repair_get_window(sk, optval, len);
	case TCP_SAVED_SYN:
		return get_saved_syn(sk, optval, optlen);
	case TCP_AO_GET_KEYS:
	case TCP_AO_INFO:
		return get_ao(sk, optname, optval, optlen);
	case TCP_CONGESTION:
		xtcp_algorithms_name(name, &xtcp_sk(sk)->algorithm);
		return put_octets(optval, optlen, name, min_t(unsigned int, len, sizeof(name)));
	default:
		/* data_race(): if another thread sets the option now, either value is right */
		val = data_race(xtcp_intopt_get(sk, optname, &err));
		return err ?: put_octets(optval, optlen, &val, min_t(unsigned int, len, sizeof(val)));
	}
}

/*
 * proto_ops.set_rcvlowat: SO_RCVLOWAT becomes at most half of the largest size that the buffer may
 * have. The buffer grows to twice it: a reader must not wait for more text than the window admits.
 */
int xtcp_sockopt_set_rcvlowat(struct sock *sk, int val)
{
	bool fixed = sk->sk_userlocks & SOCK_RCVBUF_LOCK;
	int most = fixed ? sk->sk_rcvbuf : READ_ONCE(xtcp_net_of(sk)->sysctl.rmem[2]);

	sock_owned_by_me(sk);
	if (!xtcp_listen_is_ours(sk))
		return -EINVAL;
	val = min(val, most >> 1);
	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);
	if (sk->sk_state != TCP_LISTEN)
		xtcp_text_wake(sk);
	if (!fixed && val << 1 > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, val << 1);
	return 0;
}

