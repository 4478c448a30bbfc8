// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options of TCP whose value is a number: each is set here, and read here. Times, counts,
 * limits and switches of a sock, in the units and ranges of kernel TCP.
 */
#include "socket/intopt.h"

#include <net/tcp.h>

#include "arrive/arrive.h"
#include "auth/keys.h"
#include "base/ackrate.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/seldom.h"
#include "base/sock.h"
#include "base/wire.h"
#include "fastopen/fastopen.h"
#include "listen/entry.h"
#include "policy/policy.h"
#include "send/send.h"
#include "time/time.h"
#include "window/window.h"

#define LINGER2_MAX_S	120	/* as Linux's TCP_FIN_TIMEOUT_MAX */

/*
 * TCP_NODELAY was set, or TCP_CORK was cleared: send the data that need not wait any more. As in
 * Linux, TCP_NODELAY sends the queued data even if TCP_CORK is set, but TCP_CORK delays later
 * writes.
 */
static void push_withheld(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_output_push_nagle(sk, xsk->nonagle & TCP_NAGLE_OFF ? xsk->nonagle | TCP_NAGLE_PUSH : xsk->nonagle);
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

static int set_keepidle(struct sock *sk, int val)
{
	if (val < 1 || val > MAX_TCP_KEEPIDLE)
		return -EINVAL;
	WRITE_ONCE(xtcp_sk(sk)->keepalive_time, val);
	xtcp_keepalive_changed(sk, (u32)jiffies - xtcp_sk(sk)->rcv_tstamp);
	return 0;
}

/*
 * XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS. They do not change keepalive, but share its deadline. A low
 * limit makes this deadline earlier. If the limit is raised later, the deadline stays. When it
 * passes, expiry.c finds that nothing is due, and sets the next one.
 */
static int set_idle(struct sock *sk, int optname, int val)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);
	u32 idle_ms = seldom ? seldom->idle_ms : 0, half_closed_ms = seldom ? seldom->half_closed_ms : 0;
	int err;

	if (val < 0)
		return -EINVAL;
	if (optname == XTCP_IDLE_MS)
		idle_ms = val;
	else
		half_closed_ms = val;
	err = xtcp_seldom_set_idle(sk, idle_ms, half_closed_ms, GFP_KERNEL_ACCOUNT);
	if (!err)
		xtcp_keepalive_limit_idle(sk);
	return err;
}

static int set_keepintvl(struct sock *sk, int val)
{
	if (val < 1 || val > MAX_TCP_KEEPINTVL)
		return -EINVAL;
	WRITE_ONCE(xtcp_sk(sk)->keepalive_intvl, val);
	xtcp_keepalive_intvl_changed(sk);
	return 0;
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
	xtcp_acks_owed(sk);
	xtcp_acking_interactive(&xsk->acking, !(val & 1));
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
		xtcp_space_clamp(sk, xsk->user_window_clamp);
	return 0;
}

/* Set @field to a value from 1 to @most. Return: 0, or -EINVAL if @val is not in this range. */
static int set_u8(u8 *field, int val, int most)
{
	if (val < 1 || val > most)
		return -EINVAL;
	WRITE_ONCE(*field, val);
	return 0;
}

/*
 * Set @field to a time of @us microseconds, in ticks. Return: 0; as in Linux, -EINVAL if the time
 * is less than two ticks or more than 200 ms.
 */
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

static int set_rto_max(struct sock *sk, int ms)
{
	BUILD_BUG_ON(XTCP_RTO_MAX_MS / XTCP_RTO_MAX_UNIT_MS > U16_MAX);
	if (ms < (int)MSEC_PER_SEC || ms > (int)XTCP_RTO_MAX_MS)
		return -EINVAL;
	/* as in Linux, round up to whole jiffies */
	ms = jiffies_to_msecs(msecs_to_jiffies(ms));
	WRITE_ONCE(xtcp_sk(sk)->rto_max, DIV_ROUND_UP(ms, XTCP_RTO_MAX_UNIT_MS));
	return 0;
}

static int set_int(struct sock *sk, int optname, int val)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

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
		return set_keepidle(sk, val);
	case TCP_KEEPINTVL:
		return set_keepintvl(sk, val);
	case TCP_KEEPCNT:
		return set_u8(&xsk->keepalive_probes, val, MAX_TCP_KEEPCNT);
	case TCP_SYNCNT:
		return set_u8(&xsk->syn_retries, val, MAX_TCP_SYNCNT);
	case TCP_DEFER_ACCEPT:
		WRITE_ONCE(xsk->defer_accept, xtcp_entry_timeouts_within(val));
		return 0;
	case TCP_LINGER2:
		WRITE_ONCE(xsk->linger2, val < 0 ? -1 : min(val, LINGER2_MAX_S));
		return 0;
	case TCP_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(xsk->user_timeout, val);
		return 0;
	case TCP_RTO_MAX_MS:
		return set_rto_max(sk, val);
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
		if (val < 0 || val > 1)
			return -EINVAL;
		xsk->recvmsg_inq = val;
		return 0;
	case TCP_FASTOPEN:
		if (val < 0 || !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
			return -EINVAL;
		return xtcp_fastopen_set_max(sk, val);
	case TCP_FASTOPEN_NO_COOKIE:
		if (val < 0 || val > 1 || !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
			return -EINVAL;
		xsk->fastopen_no_cookie = val;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		if (val < 0 || val > 1)
			return -EINVAL;
		if (!(READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & XTCP_FASTOPEN_CLIENT))
			return -EOPNOTSUPP;
		if (sk->sk_state != TCP_CLOSE)
			return -EINVAL;
		xsk->fastopen_connect = val;
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		if (val < 0 || val > 1)
			return -EINVAL;
		xsk->thin_linear = val;
		return 0;
	case TCP_SAVE_SYN:
		if (val < 0 || val > 2)
			return -EINVAL;
		WRITE_ONCE(xsk->save_syn, val);
		return 0;
	case XTCP_ZEROCOPY:
		if (val < 0 || val > 1)
			return -EINVAL;
		sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
		return 0;
	case XTCP_ACK_RATE:
		if (val < 0 || val > XTCP_ACKRATE_MAX)
			return -EINVAL;
		return xtcp_seldom_set_ack_rate(sk, val, GFP_KERNEL_ACCOUNT);
	case XTCP_IDLE_MS:
	case XTCP_HALF_CLOSED_MS:
		return set_idle(sk, optname, val);
	case TCP_TIMESTAMP:
		/* Linux permits this only under TCP_REPAIR, which xtcp does not have */
		return -EPERM;
	default:
		return -ENOPROTOOPT;
	}
}

/**
 * xtcp_intopt_set() - set an option of IPPROTO_TCP whose value is a number
 * @sk: in any state
 * @optname: the option
 * @val: its value
 *
 * RFC 9293 sections 3.9.1 and 3.8.4.
 *
 * Context: process; for TCP_USER_TIMEOUT and TCP_KEEPIDLE also with BH disabled. Lock: socket,
 * held.
 *
 * Return: 0; -ENOPROTOOPT for an option that is not implemented; -EINVAL; -EPERM for TCP_TIMESTAMP;
 * -ENOMEM for XTCP_ACK_RATE, XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS; -ENOMEM and -EOPNOTSUPP for
 * options of Fast Open.
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

/**
 * xtcp_intopt_get() - read an option of IPPROTO_TCP whose value is a number
 * @sk: in any state
 * @optname: the option
 * @val: receives its value
 *
 * RFC 9293 section 3.10.6.
 *
 * Context: process. No lock: the value may change meanwhile.
 *
 * Return: 0; -ENOPROTOOPT for an option that is not implemented.
 */
int xtcp_intopt_get(struct sock *sk, int optname, int *val)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	bool unconnected = (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN);

	switch (optname) {
	case TCP_NODELAY:
		*val = !!(xsk->nonagle & TCP_NAGLE_OFF);
		return 0;
	case TCP_CORK:
		*val = !!(xsk->nonagle & TCP_NAGLE_CORK);
		return 0;
	case TCP_MAXSEG:
		*val = (unconnected ? READ_ONCE(xsk->user_mss) : 0) ?: xsk->mss;
		return 0;
	case TCP_KEEPIDLE:
		*val = xtcp_keepalive_time(sk) / HZ;
		return 0;
	case TCP_KEEPINTVL:
		*val = xtcp_keepalive_intvl(sk) / HZ;
		return 0;
	case TCP_KEEPCNT:
		*val = xtcp_keepalive_probes(sk);
		return 0;
	case TCP_SYNCNT:
		*val = READ_ONCE(xsk->syn_retries) ?: READ_ONCE(ctl->syn_retries);
		return 0;
	case TCP_DEFER_ACCEPT:
		*val = xtcp_entry_seconds_of(READ_ONCE(xsk->defer_accept));
		return 0;
	case TCP_LINGER2:
		*val = READ_ONCE(xsk->linger2);
		if (!*val)
			*val = READ_ONCE(ctl->fin_timeout) / HZ;
		return 0;
	case TCP_USER_TIMEOUT:
		*val = xtcp_bounds_user_timeout_ms(sk);
		return 0;
	case TCP_RTO_MAX_MS:
		*val = xtcp_bounds_rto_max_ms(sk);
		return 0;
	case TCP_RTO_MIN_US:
		*val = xtcp_bounds_rto_min_told_us(sk);
		return 0;
	case TCP_DELACK_MAX_US:
		*val = xtcp_bounds_delack_told_us(sk);
		return 0;
	case TCP_QUICKACK:
		*val = !xsk->acking.pingpong;
		return 0;
	case TCP_WINDOW_CLAMP:
		*val = unconnected ? xsk->user_window_clamp : xsk->window_clamp;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*val = READ_ONCE(xsk->notsent_lowat);
		return 0;
	case TCP_INQ:
		*val = xsk->recvmsg_inq;
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
		*val = xsk->thin_linear;
		return 0;
	case TCP_FASTOPEN:
		*val = xtcp_fastopen_max(sk);
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		*val = xsk->fastopen_no_cookie;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*val = xsk->fastopen_connect;
		return 0;
	case TCP_SAVE_SYN:
		*val = xsk->save_syn;
		return 0;
	case XTCP_KEYS:
		*val = xtcp_keys_count(sk);
		return 0;
	case XTCP_IDLE_MS:
		*val = xtcp_keepalive_idle_ms(sk);
		return 0;
	case XTCP_HALF_CLOSED_MS:
		*val = xtcp_keepalive_half_closed_ms(sk);
		return 0;
	case XTCP_ACK_RATE:
		*val = xtcp_seldom_ack_rate(sk);
		return 0;
	case XTCP_ZEROCOPY:
		*val = sock_flag(sk, SOCK_ZEROCOPY);
		return 0;
	case TCP_TIMESTAMP:
		/* the TSval that a segment would have now (RFC 7323 section 3.2) */
		*val = xtcp_clock_ts() + xsk->snd.ts_offset;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
