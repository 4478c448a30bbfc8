// SPDX-License-Identifier: GPL-2.0
/*
 * Decides when to give up a connection whose peer does not answer. The limits are R2 (RFC 9293
 * section 3.8.3), the user timeout, and shorter times for orphans. From R1 on, this file asks for
 * another route. It also decides when to end a connection on which no text is sent or received.
 *
 * This file arms no timer. After a timeout, expiry.c calls this file before it sends again, so
 * xsk->tries.retransmits and xsk->tries.probes_out do not count the present timeout yet.
 */
#include "expiry/retries.h"

#include <net/dst.h>
#include <net/sock.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/orphan.h"
#include "base/sock.h"
#include "base/wire.h"
#include "fastopen/fastopen.h"
#include "send/mtuprobe.h"
#include "send/send.h"
#include "sight/mib.h"
#include "sock/end.h"
#include "time/time.h"

/* as in Linux: retries of an orphan, if orphan_retries is 0 and the RTO is below its maximum */
#define ORPHAN_RETRIES		8U

static const struct xtcp_sysctl *knobs(const struct sock *sk)
{
	return &xtcp_net_of(sk)->sysctl;
}

static u32 elapsed_ms(u32 stamp)
{
	return xtcp_clock_ts_stamp() - stamp;
}

/* Is there a user timeout, and has it passed since @stamp? */
static bool has_passed(const struct xtcp_sock *xsk, u32 stamp)
{
	u32 most = xtcp_bounds_user_timeout_ms(&xsk->inet.sk);

	return most && elapsed_ms(stamp) >= most;
}

/**
 * xtcp_retries_since() - when did the present retransmissions or window probes begin?
 * @sk: the sock
 *
 * The user timeout counts from this time. An ACK of text resets this time; a window that opens does
 * not.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the time of the first attempt to send one of these segments, by the timestamp clock (ms);
 * 0: there was no attempt.
 */
u32 xtcp_retries_since(const struct sock *sk)
{
	u32 resent = xtcp_sk(sk)->tries.retrans_stamp, probed = xtcp_sk(sk)->stream->probe_stamp;

	sock_owned_by_me(sk);
	if (resent && probed)
		return (s32)(resent - probed) < 0 ? resent : probed;
	return resent ?: probed;
}

/* How many retries does an orphan have? @alive: the RTO is below its maximum. */
static u32 orphan_retries(const struct sock *sk, bool alive)
{
	u32 retries = READ_ONCE(knobs(sk)->orphan_retries);

	if (sk->sk_err_soft && !alive)
		return 0;
	return retries || !alive ? retries : ORPHAN_RETRIES;
}

/*
 * Returns the abort reason. @user: the user timeout of the socket or of the namespace has passed;
 * false: the connection has reached the limit of retries.
 */
static enum xtcp_abort_reason limit_was(const struct xtcp_sock *xsk, bool user)
{
	if (!user)
		return XTCP_ABORT_TIMEOUT;
	return READ_ONCE(xsk->user_timeout) ? XTCP_ABORT_USER_TIMEOUT : XTCP_ABORT_USER_TIMEOUT_MS;
}

/*
 * R1 or R2 as a time, milliseconds. As in Linux, the first timeout counts as 200 ms, even if the
 * route or the namespace lowers the minimum of the RTO: a lower minimum makes retries more
 * frequent, but must not shorten R1 and R2.
 */
static u32 time_of(const struct sock *sk, u32 retries)
{
	return xtcp_rto_give_up_ms(retries, XTCP_RTO_MIN_MS, xtcp_bounds_rto_max_ms(sk));
}

#define R1_LEAST	3U	/* retransmissions before R1 (SHLD-10) */

/*
 * Has R1 passed? @gone: milliseconds since the first retransmission; a retransmission is due.
 *
 * As in Linux, R1 is a time since the first retransmission: 3 s with the defaults. RFC 9293 section
 * 3.8.3 asks for at least three retransmissions before R1. With an RTO of 200 ms, the fourth
 * timeout comes 2.8 s after the first retransmission. This is less than 3 s, so Linux reaches R1
 * only at the fifth timeout, after 6 s. Here the fourth timeout reaches R1: after three
 * retransmissions (or retries1, if that is more), this function adds the first timeout, 200 ms, to
 * @gone.
 */
static bool is_beyond_r1(const struct sock *sk, u32 gone)
{
	u32 retries1 = READ_ONCE(knobs(sk)->retries1), r1 = time_of(sk, retries1);

	return gone >= r1 ||
	       (xtcp_sk(sk)->tries.retransmits >= max(retries1, R1_LEAST) && (u64)gone + XTCP_RTO_MIN_MS >= r1);
}

static bool is_alive(const struct sock *sk)
{
	return xtcp_bounds_rto_ms(sk) < xtcp_bounds_rto_max_ms(sk);
}

/**
 * xtcp_retries_end_orphan() - reset an orphan if there are too many orphans
 * @sk: an orphan
 * @is_new: @sk has just become an orphan
 *
 * Context: softirq or process, BH disabled. Lock: socket, held.
 *
 * Return: true when the connection has ended.
 */
bool xtcp_retries_end_orphan(struct sock *sk, bool is_new)
{
	sock_owned_by_me(sk);
	if (!xtcp_orphan_too_many(sk, is_new))
		return false;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONMEMORY);
	xtcp_bare_rst(sk, XTCP_ABORT_ORPHANS);
	xtcp_sock_fail(sk, 0, XTCP_ABORT_ORPHANS);
	return true;
}

/*
 * Routers may choose one of several paths by the flow label, and this host may choose one by the
 * sock's hash. A broken path may have caused the loss, so change both: the next segment may take
 * another path.
 */
static void try_another_path(struct sock *sk)
{
	if (!sk_rethink_txhash(sk))
		return;
	xtcp_timeouts_rehashed(&xtcp_sk(sk)->timeouts);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTIMEOUTREHASH);
}

/**
 * xtcp_retries_give_up() - end a connection whose peer does not answer
 * @sk: the sock; the caller holds a reference
 * @reason: XTCP_ABORT_TIMEOUT, XTCP_ABORT_USER_TIMEOUT or XTCP_ABORT_KEEPALIVE; if a sysctl caused
 *	it, XTCP_ABORT_USER_TIMEOUT_MS or XTCP_ABORT_KEEPALIVE_ALWAYS
 *
 * If there was a soft error, the program gets this error instead of ETIMEDOUT (RFC 9293 section
 * 3.9.2.2).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_retries_give_up(struct sock *sk, enum xtcp_abort_reason reason)
{
	sock_owned_by_me(sk);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONTIMEOUT);
	xtcp_sock_fail(sk, sk->sk_err_soft ?: ETIMEDOUT, reason);
}

/**
 * xtcp_retries_end_syn() - a SYN or SYN-ACK has timed out: give up, if it is time
 * @sk: in SYN-SENT; in SYN-RECEIVED, after a simultaneous open or with Fast Open; or in FIN-WAIT-1
 *	without a stream, after a simultaneous open
 *
 * The limit is a number of retries, as in Linux 6.1 (MUST-22): TCP_SYNCNT if it is set; otherwise
 * synack_retries + 1 for a child of Fast Open, and syn_retries for any other sock. MUST-23 wants 3
 * minutes; the default of syn_retries gives up after 127 s. The user timeout may end the retries
 * earlier. If this function does not give up, the next retry may take another path.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the connection has ended.
 */
bool xtcp_retries_end_syn(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	/* the first @linear timeouts have no backoff, and do not count as retries */
	u32 linear = sk->sk_state == TCP_SYN_SENT ? READ_ONCE(knobs(sk)->syn_linear_timeouts) : 0;
	/* Fast Open (RFC 7413): one retry more than for a half-open entry, as in Linux */
	u32 retries = xsk->fastopen ? min_t(u32, READ_ONCE(knobs(sk)->synack_retries) + 1, U8_MAX) :
				      READ_ONCE(knobs(sk)->syn_retries);

	bool often = xsk->tries.retransmits >= (xsk->syn_retries ?: retries) + linear;
	bool expired = often || has_passed(xsk, xsk->tries.retrans_stamp);

	sock_owned_by_me(sk);
	xtcp_fastsyn_timeout(sk, expired);
	if (expired) {
		xtcp_retries_give_up(sk, limit_was(xsk, !often));
		return true;
	}
	if (xsk->tries.retransmits)
		__dst_negative_advice(sk);
	try_another_path(sk);
	return false;
}

/*
 * Has an orphan with text in flight reached its time limit? As in Linux, the time in which the
 * peer's window was closed also counts.
 */
static bool orphan_had_its_time(const struct sock *sk)
{
	u32 since = xtcp_retries_since(sk);

	return since && elapsed_ms(since) >= time_of(sk, orphan_retries(sk, is_alive(sk)));
}

/**
 * xtcp_retries_end_retransmission() - text has timed out: give up, if it is time
 * @sk: in a synchronized state; its retransmission deadline has passed
 *
 * The limit is the user timeout: TCP_USER_TIMEOUT, or else net.xtcp.user_timeout_ms. If neither is
 * set, the limit is R2, or a shorter time for an orphan (MUST-20, MUST-21). At each timeout before
 * the limit, the sock's hash and flow label change, so that the retransmission may take another
 * path. From R1 on, this function also makes routing choose another route, and lets mss.c
 * check whether the segments are too large for the path.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the connection has ended.
 */
bool xtcp_retries_end_retransmission(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 gone = elapsed_ms(xsk->tries.retrans_stamp);
	bool again = xsk->tries.retransmits || xsk->stream->probe_stamp;
	bool by_user = xtcp_bounds_user_timeout_ms(&xsk->inet.sk), expired;

	sock_owned_by_me(sk);
	if (xsk->tries.retransmits && is_beyond_r1(sk, gone)) {
		xtcp_mtuprobe_timeout(sk);
		__dst_negative_advice(sk);
	}
	if (sock_flag(sk, SOCK_DEAD) && xtcp_retries_end_orphan(sk, false))
		return true;
	if (by_user)
		expired = again && has_passed(xsk, xtcp_retries_since(sk));
	else if (sock_flag(sk, SOCK_DEAD))
		expired = orphan_had_its_time(sk);
	else
		expired = xsk->tries.retransmits && gone >= time_of(sk, READ_ONCE(knobs(sk)->retries2));
	xtcp_fastsyn_timeout(sk, expired);
	if (!expired) {
		try_another_path(sk);
		return false;
	}
	xtcp_retries_give_up(sk, limit_was(xsk, by_user));
	return true;
}

/**
 * xtcp_retries_end_shrunk_window() - the window has shrunk to zero: give up, if it is time
 * @sk: in a synchronized state, with text in flight; its retransmission deadline has passed
 *
 * While the peer answers, the connection stays (RFC 9293 section 3.8.6, SHLD-17). There are two
 * exceptions: an orphan ends at the limits of orphans, and any connection ends when the user
 * timeout has passed. As in Linux, an answer that acknowledges nothing does not restart the user
 * timeout.
 *
 * Without a user timeout, the connection ends when the peer has answered neither probes nor data
 * for twice the largest RTO. This may be as little as 2 s: the largest RTO may be set to 1 s.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the connection has ended.
 */
bool xtcp_retries_end_shrunk_window(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 silent = jiffies_to_msecs((u32)jiffies - xsk->ack_tstamp);
	u32 since = xtcp_retries_since(sk);
	bool by_user, end;

	sock_owned_by_me(sk);
	by_user = since && has_passed(xsk, since);
	if (xtcp_bounds_user_timeout_ms(&xsk->inet.sk))
		end = by_user;
	else
		end = since && min(silent, elapsed_ms(since)) >= 2 * xtcp_bounds_rto_max_ms(sk);
	if (sock_flag(sk, SOCK_DEAD))
		end |= orphan_had_its_time(sk);
	if (!end)
		return sock_flag(sk, SOCK_DEAD) && xtcp_retries_end_probing(sk);
	xtcp_retries_give_up(sk, limit_was(xsk, by_user));
	return true;
}

/**
 * xtcp_retries_end_refused() - this machine refuses to send text: give up, if it is time
 * @sk: in a synchronized state, with nothing in flight; its probe_stamp is set
 *
 * A full queue on this machine says nothing about the peer, so refused attempts do not count as
 * retries. But when the attempts and the silence of the peer have both lasted for the time of R2,
 * the connection ends (RFC 9293 section 3.8.3). For an orphan, orphan_retries() is used instead of
 * retries2. Linux makes an attempt every half second and counts each attempt as a retry.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the connection has ended.
 */
bool xtcp_retries_end_refused(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 retries = sock_flag(sk, SOCK_DEAD) ? orphan_retries(sk, is_alive(sk)) : READ_ONCE(knobs(sk)->retries2);
	u32 silent = jiffies_to_msecs((u32)jiffies - xsk->ack_tstamp);

	sock_owned_by_me(sk);
	if (min(elapsed_ms(xsk->stream->probe_stamp), silent) < time_of(sk, retries))
		return false;
	xtcp_retries_give_up(sk, XTCP_ABORT_TIMEOUT);
	return true;
}

/**
 * xtcp_retries_end_probing() - a window probe is due: give up instead, if it is time
 * @sk: in a synchronized state
 *
 * The connection ends when the peer has answered none of the last retries2 probes, or when the user
 * timeout has passed. Until then, a peer that answers may keep its window closed (MUST-37).
 *
 * For an orphan, orphan_retries() is used instead of retries2. An orphan also ends, even if the
 * peer answers, when its RTO has backed off at least orphan_retries() times and is at the maximum
 * (RFC 6429).
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the connection has ended.
 */
bool xtcp_retries_end_probing(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 most = READ_ONCE(knobs(sk)->retries2);
	u32 since = xsk->stream->probe_stamp;
	bool by_user, end;

	sock_owned_by_me(sk);
	by_user = since && has_passed(xsk, since);
	end = by_user;
	if (sock_flag(sk, SOCK_DEAD)) {
		most = orphan_retries(sk, is_alive(sk));
		end |= !is_alive(sk) && xsk->rto.backoff >= most;
		if (!end && xtcp_retries_end_orphan(sk, false))
			return true;
	}
	if (!end && xsk->tries.probes_out < most)
		return false;
	xtcp_retries_give_up(sk, limit_was(xsk, by_user));
	return true;
}

/**
 * xtcp_retries_end_idle() - end a connection that has had no text for too long
 * @sk: the sock, in any state; the caller holds a reference
 *
 * The limits are XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS, or net.xtcp.idle_ms and half_closed_ms.
 *
 * The peer gets a RST, as when keepalive ends a connection. The program gets ETIMEDOUT, as programs
 * expect when a timer ends a connection; the abort reason says which limit has passed. A soft error
 * does not replace ETIMEDOUT: a soft error explains why retries failed, but nothing was retried.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the connection has ended.
 */
bool xtcp_retries_end_idle(struct sock *sk)
{
	unsigned long left;
	enum xtcp_abort_reason reason = xtcp_keepalive_idle(sk, &left);

	sock_owned_by_me(sk);
	if (!reason || left)
		return false;
	xtcp_bare_rst(sk, reason);
	xtcp_sock_fail(sk, ETIMEDOUT, reason);
	return true;
}
