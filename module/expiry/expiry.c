// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the expired deadlines of a connection, which timer.c lists. If the timer fires while a user
 * owns the lock, fired() sets XTCP_DEFERRED_TIMER, and release_sock() runs them.
 *
 * Gives up a connection whose peer does not answer, at R2 (RFC 9293 section 3.8.3), at the user
 * timeout, or sooner for an orphan. From R1 on, asks for another route. Also ends a connection
 * without text for too long. All this before anything is sent again, so tries.retransmits and
 * tries.probes_out do not count the present timeout yet.
 */
#include "expiry/expiry.h"

#include "base/bounds.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "send/send.h"
#include "sight/sight.h"
#include "sock/create.h"

static bool xtcp_write_timeout_end_probing(struct sock *sk);

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

/* When did the present retransmissions or probes begin, timestamp clock (ms)? 0: never, or an ACK of text has come. */
static u32 xtcp_write_timeout_since(const struct sock *sk)
{
	u32 resent = xtcp_sk(sk)->tries.retrans_stamp, probed = xtcp_sk(sk)->stream->probe_stamp;

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

/* @user: the user timeout of the socket or the namespace has passed; else the limit of retries was reached. */
static enum xtcp_abort_reason limit_was(const struct xtcp_sock *xsk, bool user)
{
	if (!user)
		return XTCP_ABORT_TIMEOUT;
	return READ_ONCE(xsk->user_timeout) ? XTCP_ABORT_USER_TIMEOUT : XTCP_ABORT_USER_TIMEOUT_MS;
}

/* In milliseconds. As in Linux, the first timeout counts as 200 ms: a lower minimum must not shorten R1 and R2. */
static u32 time_of(const struct sock *sk, u32 retries)
{
	return xtcp_rto_give_up_ms(retries, XTCP_RTO_MIN_MS, xtcp_bounds_rto_max_ms(sk));
}

#define R1_LEAST	3U	/* retransmissions before R1 (SHLD-10) */

/*
 * Has R1 passed? @gone: milliseconds since the first retransmission; a retransmission is due. As in
 * Linux, R1 is a time, 3 s by default. RFC 9293 section 3.8.3 asks for three retransmissions
 * before. With an RTO of 200 ms, the fourth timeout comes after 2.8 s, so Linux reaches R1 only at
 * the fifth, after 6 s. Here the fourth reaches it: after three retransmissions, or retries1 if
 * that is more, the first timeout is added to @gone.
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
 * xtcp_write_timeout_end_orphan() - reset an orphan if there are too many orphans
 * @sk: an orphan
 * @is_new: @sk has just become an orphan
 * Context: softirq or process, BH disabled.
 * Return: true when the connection has ended.
 */
bool xtcp_write_timeout_end_orphan(struct sock *sk, bool is_new)
{
	sock_owned_by_me(sk);
	if (!xtcp_orphan_too_many(sk, is_new))
		return false;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONMEMORY);
	xtcp_send_rst(sk, XTCP_ABORT_ORPHANS);
	xtcp_sock_fail(sk, 0, XTCP_ABORT_ORPHANS);
	return true;
}

/* The path may be broken. Routers may choose a path by the flow label, this host by the sock's hash: change both. */
static void try_another_path(struct sock *sk)
{
	if (!sk_rethink_txhash(sk))
		return;
	xtcp_timeouts_rehashed(&xtcp_sk(sk)->timeouts);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTIMEOUTREHASH);
}

/*
 * The caller holds a reference. @reason: ...USER_TIMEOUT_MS and _KEEPALIVE_ALWAYS if a sysctl
 * caused it. The program gets a soft error instead of ETIMEDOUT (RFC 9293 section 3.9.2.2).
 */
static void xtcp_write_timeout_give_up(struct sock *sk, enum xtcp_abort_reason reason)
{
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONTIMEOUT);
	xtcp_sock_fail(sk, sk->sk_err_soft ?: ETIMEDOUT, reason);
}

#define TIMEOUTS_BEFORE	2	/* the timeout after these is a sign of a black hole */

/* A timeout of a SYN or text may be a sign of a black hole. @expired: the connection is given up. */
static void suspect_black_hole(struct sock *sk, bool expired)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (likely(!xsk->syn_fastopen && !xsk->syn_data))
		return;
	if (xsk->tries.retransmits != TIMEOUTS_BEFORE && !(expired && xsk->tries.retransmits < TIMEOUTS_BEFORE))
		return;
	xtcp_fastsyn_black_hole(sk);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVEFAIL);
}

/*
 * A SYN or SYN-ACK has timed out: gives up, if it is time. The state may be FIN-WAIT-1, without a
 * stream, after a simultaneous open. The limit is a number of retries, as in Linux 6.1 (MUST-22):
 * TCP_SYNCNT; else synack_retries + 1 for a child of Fast Open, syn_retries for others. MUST-23
 * wants 3 minutes; the default gives up after 127 s. The user timeout may end the retries earlier.
 */
static bool xtcp_write_timeout_end_syn(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	/* the first @linear timeouts have no backoff, and do not count as retries */
	u32 linear = sk->sk_state == TCP_SYN_SENT ? READ_ONCE(knobs(sk)->syn_linear_timeouts) : 0;
	/* Fast Open (RFC 7413): one retry more than for a half-open entry, as in Linux */
	u32 retries = xsk->fastopen ? min_t(u32, READ_ONCE(knobs(sk)->synack_retries) + 1, U8_MAX) :
				      READ_ONCE(knobs(sk)->syn_retries);

	bool often = xsk->tries.retransmits >= (xsk->syn_retries ?: retries) + linear;
	bool expired = often || has_passed(xsk, xsk->tries.retrans_stamp);

	suspect_black_hole(sk, expired);
	if (expired) {
		xtcp_write_timeout_give_up(sk, limit_was(xsk, !often));
		return true;
	}
	if (xsk->tries.retransmits)
		__dst_negative_advice(sk);
	try_another_path(sk);
	return false;
}

/* Has an orphan with text in flight reached its time limit? As in Linux, a closed window counts, too. */
static bool orphan_had_its_time(const struct sock *sk)
{
	u32 since = xtcp_write_timeout_since(sk);

	return since && elapsed_ms(since) >= time_of(sk, orphan_retries(sk, is_alive(sk)));
}

/*
 * Text in flight has timed out: gives up, if it is time: at the user timeout (TCP_USER_TIMEOUT, or
 * net.xtcp.user_timeout_ms) or, without, at R2, sooner for an orphan (MUST-20, MUST-21). Before,
 * each retransmission may take another path. From R1 on, routing also has to choose another route,
 * and mss.c checks whether the segments are too large for the path.
 */
static bool xtcp_write_timeout_end_retransmission(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 gone = elapsed_ms(xsk->tries.retrans_stamp);
	bool again = xsk->tries.retransmits || xsk->stream->probe_stamp;
	bool by_user = xtcp_bounds_user_timeout_ms(&xsk->inet.sk), expired;

	if (xsk->tries.retransmits && is_beyond_r1(sk, gone)) {
		xtcp_mtuprobe_timeout(sk);
		__dst_negative_advice(sk);
	}
	if (sock_flag(sk, SOCK_DEAD) && xtcp_write_timeout_end_orphan(sk, false))
		return true;
	if (by_user)
		expired = again && has_passed(xsk, xtcp_write_timeout_since(sk));
	else if (sock_flag(sk, SOCK_DEAD))
		expired = orphan_had_its_time(sk);
	else
		expired = xsk->tries.retransmits && gone >= time_of(sk, READ_ONCE(knobs(sk)->retries2));
	suspect_black_hole(sk, expired);
	if (!expired) {
		try_another_path(sk);
		return false;
	}
	xtcp_write_timeout_give_up(sk, limit_was(xsk, by_user));
	return true;
}

/*
 * The window has shrunk to zero with text in flight: gives up, if it is time. While the peer
 * answers, the connection stays (RFC 9293 section 3.8.6, SHLD-17), but for the limits of orphans
 * and the user timeout, which, as in Linux, an answer that acknowledges nothing does not restart.
 * Without one, the connection ends when the peer has answered nothing for twice the largest RTO.
 */
static bool xtcp_write_timeout_end_shrunk_window(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 silent = jiffies_to_msecs((u32)jiffies - xsk->ack_tstamp);
	u32 since = xtcp_write_timeout_since(sk);
	bool by_user = since && has_passed(xsk, since), end;

	if (xtcp_bounds_user_timeout_ms(&xsk->inet.sk))
		end = by_user;
	else
		end = since && min(silent, elapsed_ms(since)) >= 2 * xtcp_bounds_rto_max_ms(sk);
	if (sock_flag(sk, SOCK_DEAD))
		end |= orphan_had_its_time(sk);
	if (!end)
		return sock_flag(sk, SOCK_DEAD) && xtcp_write_timeout_end_probing(sk);
	xtcp_write_timeout_give_up(sk, limit_was(xsk, by_user));
	return true;
}

/*
 * This machine refuses to send text, and nothing is in flight: gives up, if it is time. That says
 * nothing about the peer, so refused attempts are no retries. But when they and the silence of the
 * peer have both lasted for the time of R2, the connection ends (RFC 9293 section 3.8.3); for an
 * orphan orphan_retries() replaces retries2. Linux counts each attempt as a retry.
 */
static bool xtcp_write_timeout_end_refused(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 retries = sock_flag(sk, SOCK_DEAD) ? orphan_retries(sk, is_alive(sk)) : READ_ONCE(knobs(sk)->retries2);
	u32 silent = jiffies_to_msecs((u32)jiffies - xsk->ack_tstamp);

	if (min(elapsed_ms(xsk->stream->probe_stamp), silent) < time_of(sk, retries))
		return false;
	xtcp_write_timeout_give_up(sk, XTCP_ABORT_TIMEOUT);
	return true;
}

/*
 * A window probe is due: gives up instead, when the peer has answered none of the last retries2
 * (for an orphan, orphan_retries()), or at the user timeout. Until then, a peer that answers may
 * keep its window closed (MUST-37). An orphan also ends, even if the peer answers, when its RTO has
 * backed off as often and is at the maximum (RFC 6429).
 */
static bool xtcp_write_timeout_end_probing(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 most = READ_ONCE(knobs(sk)->retries2);
	u32 since = xsk->stream->probe_stamp;
	bool by_user = since && has_passed(xsk, since), end = by_user;

	if (sock_flag(sk, SOCK_DEAD)) {
		most = orphan_retries(sk, is_alive(sk));
		end |= !is_alive(sk) && xsk->rto.backoff >= most;
		if (!end && xtcp_write_timeout_end_orphan(sk, false))
			return true;
	}
	if (!end && xsk->tries.probes_out < most)
		return false;
	xtcp_write_timeout_give_up(sk, limit_was(xsk, by_user));
	return true;
}

/*
 * Ends a connection that has had no text for too long: XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS, or
 * net.xtcp.idle_ms and half_closed_ms. The caller holds a reference. The peer gets a RST, the
 * program ETIMEDOUT; a soft error does not replace that, since no retries have failed.
 */
static bool xtcp_write_timeout_end_idle(struct sock *sk)
{
	unsigned long left;
	enum xtcp_abort_reason reason = xtcp_keepalive_idle(sk, &left);

	if (!reason || left)
		return false;
	xtcp_send_rst(sk, reason);
	xtcp_sock_fail(sk, ETIMEDOUT, reason);
	return true;
}

#define LINEAR_TIMEOUTS		6	/* timeouts in a row that have no backoff, as in Linux */
/* time until the next try, when a segment was not sent for lack of memory or queue room */
#define ROOM_RETRY_MS		500U

/* Resend the SYN, or the SYN-ACK of a simultaneous open or of Fast Open. */
static void expired_syn(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTIMEOUTS);
	if (xtcp_write_timeout_end_syn(sk))
		return;
	xtcp_timeouts_count(&xsk->timeouts, xsk->tries.retransmits);
	xtcp_retransmit_segment(sk, skb, xsk->mss);
	xtcp_tries_count(&xsk->tries.retransmits);
	if (sk->sk_state != TCP_SYN_SENT ||
	    xsk->tries.retransmits > READ_ONCE(xtcp_net_of(sk)->sysctl.syn_linear_timeouts))
		xtcp_rto_backoff(&xsk->rto);
	xtcp_timer_arm(sk, XTCP_TIMER_RETRANSMIT, xtcp_timer_interval(xsk, xsk->tries.retrans_stamp));
}

/* Did this machine lack memory, or room in a queue? After any other error a probe counts as sent and unanswered. */
static bool no_room(int err)
{
	return err > 0 || err == -ENOBUFS;
}

static void note_probing(struct xtcp_sock *xsk)
{
	if (!xsk->stream->probe_stamp)
		xsk->stream->probe_stamp = xtcp_clock_ts_stamp();
}

static void probed(struct sock *sk, enum xtcp_timer which)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	note_probing(xsk);
	xtcp_tries_count(&xsk->timers.probes);
	xtcp_rto_backoff(&xsk->rto);
	xtcp_timer_arm(sk, which, xtcp_timer_probe_interval(xsk, xtcp_write_timeout_since(sk)));
}

/* Counts a timeout while the window is open, and takes back the backoff of window probes before. */
static void note_timeout(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_timer_take_back_backoff(&xsk->timers, &xsk->rto);
	if (!xsk->tries.retrans_stamp)
		xtcp_tries_begin(&xsk->tries, xtcp_clock_ts_stamp());
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTIMEOUTS);
}

/*
 * Does the next timeout have no backoff (RFC 6298 (5.5))? With little in flight, which loads the
 * path little, often only a timeout finds a loss: the program or the namespace may ask for it.
 */
static bool is_linear(const struct sock *sk)
{
	return (xtcp_sk(sk)->thin_linear || READ_ONCE(xtcp_net_of(sk)->sysctl.thin_linear_timeouts)) &&
	       sk->sk_state == TCP_ESTABLISHED && xtcp_sk(sk)->tries.retransmits <= LINEAR_TIMEOUTS &&
	       xtcp_flight_is_small(sk);
}

static void send_again(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool refused;

	/* from R1 on, the route may have been dropped: look it up; text cut for the old one may be too large */
	if (!xtcp_ip_route(sk))
		xtcp_mss_current(sk);
	refused = xtcp_timeout_passed(sk);
	xtcp_timeouts_count(&xsk->timeouts, xsk->tries.retransmits);
	xtcp_tries_count(&xsk->tries.retransmits);
	if (unlikely(refused)) {
		/* refused by this machine, not the path: no backoff. As in Linux, no user timeout shortens this wait */
		xtcp_timer_arm(sk, XTCP_TIMER_RETRANSMIT, msecs_to_jiffies(ROOM_RETRY_MS));
		return;
	}
	if (unlikely(is_linear(sk)))
		xtcp_rto_ease(&xsk->rto, xsk->rto.backoff);
	else
		xtcp_rto_backoff(&xsk->rto);
	xtcp_timer_arm_us(sk, XTCP_TIMER_RETRANSMIT, xtcp_timer_interval_us(xsk, xtcp_write_timeout_since(sk)));
}

static void expired_retransmit(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_first(sk);

	/* cannot happen: the ACK of the last segment in flight drops the deadline */
	if (WARN_ON_ONCE(!skb))
		return;
	/*
	 * without a stream, only the SYN can be in flight, even in FIN-WAIT-1: the program may have
	 * closed the sock during a simultaneous open, without memory to queue the FIN
	 */
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) || !xtcp_stream_is_there(xsk->stream)) {
		expired_syn(sk, skb);
		return;
	}
	xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_REOPENED);
	if (!xsk->snd.wnd) {
		/* it has shrunk to zero: probe it (RFC 9293 section 3.8.6, MUST-35, SHLD-17) */
		if (!xtcp_write_timeout_end_shrunk_window(sk)) {
			xtcp_output_probe(sk, false);
			probed(sk, XTCP_TIMER_RETRANSMIT);
		}
		return;
	}
	note_timeout(sk);
	if (!xtcp_write_timeout_end_retransmission(sk))
		send_again(sk);
}

/* The window opened a tick ago. If it still is open, resends the text in flight: perhaps only a probe has left. */
static void expired_reopened(struct sock *sk)
{
	if (!xtcp_sk(sk)->snd.wnd)
		return;
	note_timeout(sk);
	send_again(sk);
}

static void expired_persist(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int err;

	if (!xsk->fin_queued && (1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK)) {
		/* there was no memory to queue the FIN: try again */
		xtcp_output_fin(sk);
		return;
	}
	if (!xtcp_sndq_unsent(sk) || xsk->snd.una != xsk->snd.nxt) {
		xtcp_tries_answered(&xsk->tries.probes_out);
		if (xsk->snd.una == xsk->snd.nxt)
			xtcp_timer_end_probing(xsk);
		return;
	}
	if (xtcp_write_timeout_end_probing(sk))
		return;
	err = xtcp_output_probe(sk, false);
	if (xsk->snd.una != xsk->snd.nxt) {
		/* the window had room: data was sent, and its retransmission deadline is armed */
		xtcp_sndbuf_wake(sk);
		return;
	}
	if (no_room(err)) {
		note_probing(xsk);
		if (!xtcp_write_timeout_end_refused(sk))
			xtcp_timer_arm(sk, XTCP_TIMER_PERSIST,
				       xtcp_timer_within_user_timeout(xsk, ROOM_RETRY_MS,
								      xtcp_write_timeout_since(sk)));
		return;
	}
	xtcp_tries_count(&xsk->tries.probes_out);
	probed(sk, XTCP_TIMER_PERSIST);
}

static void expired_delayed_ack(struct sock *sk)
{
	if (!xtcp_sk(sk)->acking.pending)
		return;
	/* the program wrote no data that could carry the ACK: the connection is not interactive */
	xtcp_acking_interactive(&xtcp_sk(sk)->acking, false);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_DELAYEDACKS);
	xtcp_send_ack(sk);
}

/* As in Linux, with a user timeout the idle time decides, after one probe; else the unanswered probes. */
static bool keepalive_gives_up(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 idle = (u32)jiffies - xsk->rcv_tstamp, most_ms = xtcp_bounds_user_timeout_ms(sk);

	if (most_ms)
		return xsk->tries.keepalive_sent && idle >= msecs_to_jiffies(most_ms);
	return xsk->tries.keepalive_sent >= xtcp_keepalive_probes(sk);
}

/*
 * Sends a keepalive probe, or gives up, or only sets the next deadline. Neither is due
 *
 *  - while our data waits for an ACK or a window;
 *  - before xtcp_keepalive_time() has passed since the last accepted segment;
 *  - before TCP_KEEPINTVL has passed since an unanswered probe (xtcp_keepalive_left()). If an option
 *    was set, a probe is due all the same, but does not count, and changes no later deadline.
 *
 * The deadline passes too early if a segment has come since, or for xtcp_keepalive_limit_idle().
 */
static void keep_alive(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long time = xtcp_keepalive_time(sk), left = xtcp_keepalive_left(sk);
	u32 idle = (u32)jiffies - xsk->rcv_tstamp;
	enum xtcp_abort_reason reason;

	/* MUST-26: the retransmit or the persist deadline handles a peer that does not answer */
	if (xsk->snd.una != xsk->snd.write_seq) {
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, time);
	} else if (idle < time) {
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, time - idle);
	} else if (left && !xsk->timers.keepalive_asked) {
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, left);
	} else if (!left && keepalive_gives_up(sk)) {
		reason = sock_flag(sk, SOCK_KEEPOPEN) ? XTCP_ABORT_KEEPALIVE : XTCP_ABORT_KEEPALIVE_ALWAYS;
		xtcp_send_rst(sk, reason);
		xtcp_write_timeout_give_up(sk, reason);
	} else if (no_room(xtcp_output_probe(sk, true))) {
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, msecs_to_jiffies(ROOM_RETRY_MS));
	} else {
		xsk->timers.keepalive_asked = false;
		if (!left) {
			xtcp_tries_count(&xsk->tries.keepalive_sent);
			xtcp_timer_kept_alive(&xsk->timers);
			left = xtcp_keepalive_intvl(sk);
		}
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, left);
	}
}

/* Keepalive shares this deadline with the limits for connections without text, which are looked at first. */
static void expired_keepalive(struct sock *sk)
{
	if (unlikely(xtcp_keepalive_may_limit(sk)) && xtcp_write_timeout_end_idle(sk))
		return;
	if (xtcp_keepalive_is_on(sk))
		keep_alive(sk);
}

static void expired_probe(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xsk->snd.una == xsk->snd.nxt)
		return;
	if (xsk->snd.wnd && xtcp_stream_is_there(xsk->stream)) {
		xtcp_tlp_probe(sk);
		/* perhaps by text that was not sent yet (TCP_NOTSENT_LOWAT) */
		xtcp_sndbuf_wake(sk);
	}
	if (!xtcp_timer_is_armed(&xsk->timers, XTCP_TIMER_RETRANSMIT))
		xtcp_timer_arm_us(sk, XTCP_TIMER_RETRANSMIT,
				  xtcp_timer_interval_us(xsk, xtcp_write_timeout_since(sk)) + xtcp_pace_lead_us(sk));
}

static void expired_reordering(struct sock *sk)
{
	if (xtcp_sk(sk)->snd.una != xtcp_sk(sk)->snd.nxt)
		xtcp_recovery_reordering_timeout(sk);
}

static void (* const expired[XTCP_TIMERS])(struct sock *sk) = {
	[XTCP_TIMER_RETRANSMIT] = expired_retransmit,
	[XTCP_TIMER_PERSIST] = expired_persist,
	[XTCP_TIMER_DELACK] = expired_delayed_ack,
	[XTCP_TIMER_KEEPALIVE] = expired_keepalive,
	[XTCP_TIMER_PROBE] = expired_probe,
	[XTCP_TIMER_REORDERING] = expired_reordering,
	[XTCP_TIMER_REOPENED] = expired_reopened,
};

/* Nothing is under way that needs the data state, and nothing in it but numbers. */
static bool may_rest(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_stream *stream = xsk->stream;

	return sk->sk_state == TCP_ESTABLISHED && !(xsk->timers.armed & ~BIT(XTCP_TIMER_KEEPALIVE)) &&
	       xsk->snd.una == xsk->snd.write_seq && skb_queue_empty(&sk->sk_receive_queue) &&
	       !xtcp_sndq_first(sk) && RB_EMPTY_ROOT(&stream->out_of_order) && !stream->cong.resume &&
	       xsk->cong.phase == XTCP_CONG_OPEN && !xsk->acking.pending && !xsk->snd_urgent && !xsk->urgent.data &&
	       !xsk->rcv_fin_known && !stream->mtuprobe.is_on && !stream->tlp.pending &&
	       !xtcp_sack_takes_room(&stream->sack) && !xtcp_repair_is_on(sk) &&
	       !(xsk->ecn & XTCP_ECN_ACCURATE) && !xsk->agreed.ack_rate_ok &&
	       !xsk->pace && !xsk->algorithm->control && !xsk->algorithm->info && !xsk->algorithm->end;
}

/* Its lists are empty. It stays without memory, or if nothing would be saved. In softirq no cgroup is charged. */
static void pack(struct sock *sk)
{
	const unsigned int first = offsetof(struct xtcp_stream, resend_cursor) / sizeof(u32);
	struct xtcp_stream *stream = xtcp_sk(sk)->stream;
	const u32 *from = (const u32 *)stream;
	struct xtcp_packed *packed;
	unsigned int i, n = 0;

	BUILD_BUG_ON(sizeof(*stream) % sizeof(u32));
	/* sending sets these anew after a pause */
	stream->delivered_us = 0;
	stream->rate.first_sent_us = 0;
	for (i = first; i < XTCP_STREAM_WORDS; i++)
		n += !!from[i];
	if (struct_size(packed, word, n) > SZ_256)
		return;
	packed = kzalloc(struct_size(packed, word, n), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!packed)
		return;
	packed->bytes_acked = stream->bytes_acked;
	packed->rcv_data_tstamp = stream->rcv_data_tstamp;
	for (i = first, n = 0; i < XTCP_STREAM_WORDS; i++) {
		if (!from[i])
			continue;
		__set_bit(i, packed->set);
		packed->word[n++] = from[i];
	}
	xtcp_stream_end(sk);
	xtcp_sk(sk)->packed = packed;
}

/* A connection without text for XTCP_REST_AFTER keeps only the numbers of its data state (state.c). */
static void rest(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_stamp(), gone;

	if (!xtcp_stream_is_there(xsk->stream) || !may_rest(sk))
		return;
	gone = min(now - xsk->snd_tstamp, now - xsk->stream->rcv_data_tstamp);
	if (gone >= XTCP_REST_AFTER)
		pack(sk);
	else
		xtcp_timer_wake_at(sk, jiffies + XTCP_REST_AFTER - gone);
}

/*
 * Runs the deadlines that have passed, and sets the timer for the next one (RFC 9293 section
 * 3.10.8). The caller holds a reference, since an orphan may end here: the timer or, if a user
 * owned the lock when it fired, release_sock().
 */
void xtcp_timer_handler(struct sock *sk)
{
	struct xtcp_timers *timers = &xtcp_sk(sk)->timers;
	unsigned long armed = timers->armed, next;
	u32 now = (u32)jiffies;
	unsigned int which;

	sock_owned_by_me(sk);
	for_each_set_bit(which, &armed, XTCP_TIMERS) {
		/* the function of an earlier deadline may have dropped or postponed this one */
		if (!xtcp_timer_is_armed(&xtcp_sk(sk)->timers, which) || (s32)(now - timers->deadline[which]) <= 0)
			continue;
		timers->armed &= ~BIT(which);
		xtcp_event_timer(sk, which);
		expired[which](sk);
	}
	xtcp_keepalive_limit_idle(sk);
	if (xtcp_timer_pending(sk, &next) != XTCP_TIMERS)
		xtcp_timer_wake_at(sk, next);
	rest(sk);
	/* give back the memory that xtcp_memory_uncharge() has kept */
	sk_mem_reclaim(sk);
}

static void fired(struct timer_list *timer)
{
	struct sock *sk = container_of(timer, struct sock, sk_timer);

	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_TIMER, &sk->sk_tsq_flags);
	else
		xtcp_timer_handler(sk);
	bh_unlock_sock(sk);
	/* sk_reset_timer() took this reference */
	sock_put(sk);
}

/* Gives a sock its timer. @sk: new, or a clone; no other thread can reach it yet. */
void xtcp_timer_handlers_init(struct sock *sk)
{
	memset(&xtcp_sk(sk)->timers, 0, sizeof(xtcp_sk(sk)->timers));
	timer_setup(&sk->sk_timer, fired, 0);
}

/**
 * xtcp_pace_handler() - send the text and the ACK that waited for the timer of pace.c
 * @sk: the sock, in any state
 *
 * Text that is due carries the ACK. If none has left, one ACK leaves for all that were held back.
 * The timer runs this through release_cb() or release_sock(), sendmsg.c for text that has to go.
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_pace_handler(struct sock *sk)
{
	struct xtcp_sack *sack;

	if (xtcp_pace_soon_is_over(sk))
		xtcp_timer_handler(sk);
	if (xtcp_pace_is_over(sk)) {
		xtcp_repair_waiting(sk);
		xtcp_output_push(sk);
		xtcp_sndbuf_wake(sk);
	}
	sack = &xtcp_sk(sk)->stream->sack;
	if (unlikely(sack->compressed)) {
		XTCP_NET_ADD_STATS(xtcp_net_of(sk), LINUX_MIB_TCPACKCOMPRESSED, sack->compressed - 1);
		sack->compressed = 0;
		xtcp_send_ack(sk);
	}
}

/*
 * The ACK that completes a handshake (the third ACK) waits for text that the program may send right
 * after connect(): one segment then carries both. It leaves after a millisecond, or earlier if the
 * same thread calls connect() again, or accept() or poll() on a listener whose accept queue is
 * empty: it sends no text now, and may even wait for the connection that this ACK completes.
 *
 * The timer of the sock is too coarse, and a high-resolution timer for each connection would cost
 * more than the segment that is saved. So each processor has one such timer and a short list of
 * waiting socks, with a reference to each. A sock enters it when connect() returns. Its own timer
 * is armed when the SYN-ACK arrives, and sends the ACK after XTCP_ANSWER_MS, rounded up to a tick,
 * if connect() has not returned, or if a user owned the lock when the list's timer ran.
 *
 * A sock whose ACK has left stays on the list until that is next used, or its timer runs: a search
 * for each outgoing segment would cost too much.
 */

#define WAIT_NS		NSEC_PER_MSEC
/* connections on the list of a processor; the ACK of a further connection leaves at once */
#define WAITING_MAX	8U

/* A connection whose third ACK waits. */
struct waiting {
	struct sock *sk;	/* the list holds a reference */
	const struct task_struct *by;	/* the thread that returned from connect(); only compared */
	u64 until_ns;		/* when the ACK leaves at the latest, CLOCK_MONOTONIC */
};

/* The waiting connections of one processor. */
struct handshake_acks {
	spinlock_t lock;			/* guards the other fields; taken with BH disabled, innermost */
	struct hrtimer timer;			/* runs when the first ACK is due */
	unsigned int count;			/* number of connections in @list */
	struct waiting list[WAITING_MAX];
};

static DEFINE_PER_CPU(struct handshake_acks, handshake_acks);

/* Has nothing been sent after the SYN, and has nothing arrived after the SYN-ACK? Racy without the lock. */
static bool still_waits(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return READ_ONCE(sk->sk_state) == TCP_ESTABLISHED && READ_ONCE(xsk->acking.ack_held_for_app) &&
	       READ_ONCE(xsk->rcv.nxt) == xsk->rcv.irs + 1;
}

/*
 * Removes the entries whose ACK no longer waits or is due at @now_ns, and all of thread @by, and
 * stores their socks in @taken. Return: how many.
 */
static unsigned int take_off(struct handshake_acks *here, u64 now_ns, const struct task_struct *by, struct sock **taken)
{
	unsigned int i = 0, n = 0;

	lockdep_assert_held(&here->lock);
	while (i < here->count) {
		const struct waiting *waiting = &here->list[i];

		if (still_waits(waiting->sk) && waiting->until_ns > now_ns && waiting->by != by) {
			i++;
			continue;
		}
		taken[n++] = waiting->sk;
		/* the last entry moves here. xtcp_handshake_ack_go() reads the count without the lock */
		WRITE_ONCE(here->count, here->count - 1);
		here->list[i] = here->list[here->count];
	}
	return n;
}

/* If a user owns the lock of a sock, his call sends its ACK, or else the sock's own timer does. */
static void send_third(struct sock **taken, unsigned int n, bool by_timer)
{
	struct sock *sk;

	while (n--) {
		sk = taken[n];
		bh_lock_sock(sk);
		if (still_waits(sk) && !sock_owned_by_user(sk)) {
			if (by_timer)
				XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_DELAYEDACKS);
			xtcp_send_ack(sk);
		}
		bh_unlock_sock(sk);
		sock_put(sk);
	}
}

static u64 next_of(const struct handshake_acks *here)
{
	u64 ns = U64_MAX;
	unsigned int i;

	for (i = 0; i < here->count; i++)
		ns = min(ns, here->list[i].until_ns);
	return ns;
}

static enum hrtimer_restart handshake_ack_fired(struct hrtimer *timer)
{
	struct handshake_acks *here = container_of(timer, struct handshake_acks, timer);
	enum hrtimer_restart again = HRTIMER_NORESTART;
	struct sock *taken[WAITING_MAX];
	unsigned int n;

	spin_lock(&here->lock);
	n = take_off(here, ktime_get_ns(), NULL, taken);
	/* the timer moves when its processor goes offline; once that is back, a connect() there may queue it now */
	if (here->count && !hrtimer_is_queued(timer)) {
		hrtimer_set_expires(timer, ns_to_ktime(next_of(here)));
		again = HRTIMER_RESTART;
	}
	spin_unlock(&here->lock);
	send_third(taken, n, true);
	return again;
}

static int handshake_ack_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct handshake_acks *there = per_cpu_ptr(&handshake_acks, cpu);

		spin_lock_init(&there->lock);
		xtcp_compat_hrtimer_setup(&there->timer, handshake_ack_fired);
	}
	return 0;
}

/* At module exit: no sock is left, and so none is on a list. */
static void handshake_ack_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu_ptr(&handshake_acks, cpu)->timer);
}

const struct xtcp_part xtcp_handshake_ack_part = { handshake_ack_init, handshake_ack_exit };

/**
 * xtcp_handshake_ack_waits() - connect() is about to return: let the third ACK wait for text
 * @sk: the sock, in any state
 *
 * The ACK leaves after WAIT_NS even if the program never writes (RFC 9293 section 3.8.6.3, MUST-40:
 * within 500 ms). send_third() says what happens if a user owns the lock of @sk then.
 * Context: process, no lock held. Takes bh_lock_sock() of socks on the list whose ACK is due or no
 * longer waits, and of @sk if the list is full.
 */
void xtcp_handshake_ack_waits(struct sock *sk)
{
	struct sock *taken[WAITING_MAX + 1];
	struct handshake_acks *here;
	unsigned int n;
	u64 now_ns;

	if (!still_waits(sk))
		return;
	sock_hold(sk);	/* send_third() drops this reference */
	local_bh_disable();
	here = this_cpu_ptr(&handshake_acks);
	now_ns = ktime_get_ns();
	spin_lock(&here->lock);
	n = take_off(here, now_ns, NULL, taken);
	if (here->count == WAITING_MAX) {
		taken[n++] = sk;
	} else {
		here->list[here->count] = (struct waiting){ sk, current, now_ns + WAIT_NS };
		WRITE_ONCE(here->count, here->count + 1);
		/* if the timer is queued already, it runs early enough */
		if (!hrtimer_is_queued(&here->timer))
			hrtimer_start(&here->timer, ns_to_ktime(now_ns + WAIT_NS), HRTIMER_MODE_ABS_PINNED_SOFT);
	}
	spin_unlock(&here->lock);
	send_third(taken, n, false);
	local_bh_enable();
}

/* The thread sends no text now. Process context; takes bh_lock_sock() of socks that wait here: hold no such lock. */
void xtcp_handshake_ack_go(void)
{
	struct sock *taken[WAITING_MAX];
	struct handshake_acks *here;
	unsigned int n;

	if (!raw_cpu_read(handshake_acks.count))
		return;
	local_bh_disable();
	here = this_cpu_ptr(&handshake_acks);
	spin_lock(&here->lock);
	n = take_off(here, 0, current, taken);
	spin_unlock(&here->lock);
	send_third(taken, n, false);
	local_bh_enable();
}
