// SPDX-License-Identifier: GPL-2.0
/*
 * The deadlines of a connection, behind the one timer of its sock.
 *
 *   retransmit  SYN, text or FIN is in flight and not acknowledged for an RTO: send again, back off (RFC 6298 section
 *               5); with the window shrunk to zero a probe goes instead (RFC 9293 section 3.8.6, MUST-35); of few
 *               segments the RTO counts since they were sent and not since the last ACK (RFC 7765)
 *   persist     text waits, nothing is in flight and the window does not let it go: probe the window, back off
 *               (RFC 9293 section 3.8.6.1); also the override of silly window avoidance and of TCP_CORK, and the
 *               next attempt after memory was short, or a queue of this machine had no room
 *   delayed ACK an ACK is owed for too long (RFC 9293 section 3.8.6.3)
 *   probe       the last segments may be lost, and nobody would say so: a tail loss probe (RFC 8985 section 7); stands
 *               in the place of the retransmit deadline, which begins when the probe was sent
 *   reopened    the window was closed when the retransmit deadline passed, and has just opened: send again, if it is
 *               still open then; if not, the retransmit deadline is where the probe has put it
 *   reordering  what may only be late counts as lost from then on (RFC 8985 section 6.2)
 *   keepalive   nothing was heard for TCP_KEEPIDLE: probe (RFC 9293 section 3.8.4); armed while SO_KEEPALIVE is on
 *
 * The timer sleeps until the earliest deadline. It is moved when a deadline gets earlier, never when one gets later or
 * is dropped: most are pushed back by every ACK, and firing early only means to go to sleep again. A deadline that
 * passed acts once, however far the clock has moved, and counts the next one from now.
 *
 * Text that is paced has a timer of its own (pace.c), since a tick is too long for it.
 *
 * Expiry while a user owns the lock sets XTCP_DEFERRED_TIMER; release_sock() runs what is due.
 *
 * Policy, how long and when to give up: rto.c, retries.c and keepalive.c.
 */
#include "time/timer.h"

#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/sock.h"
#include "base/stream.h"
#include "loss/recovery.h"
#include "loss/tlp.h"
#include "pure/clock.h"
#include "pure/rto.h"
#include "pure/wire.h"
#include "send/output.h"
#include "send/sndbuf.h"
#include "send/sndq.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "time/keepalive.h"
#include "time/pace.h"
#include "time/retries.h"

#define RTO_RESTART_BELOW	4	/* rrthresh of RFC 7765 section 4: fewer cannot be repaired by duplicate ACKs */
#define ROOM_RETRY_MS		500U	/* nothing could be sent for want of memory, or of room below */
#define SYN_AGAIN		2U	/* jiffies until a SYN follows the RST for a half-open connection of the peer */

static bool is_armed(const struct xtcp_sock *xsk, enum xtcp_timer which)
{
	return xsk->timers.armed & BIT(which);
}

static void wake_at(struct sock *sk, unsigned long deadline)
{
	if (!timer_pending(&sk->sk_timer) || time_before(deadline, sk->sk_timer.expires))
		sk_reset_timer(sk, &sk->sk_timer, deadline);
}

static void arm(struct sock *sk, enum xtcp_timer which, unsigned long delay)
{
	struct xtcp_timers *timers = &xtcp_sk(sk)->timers;
	unsigned long deadline = jiffies + max(delay, 1UL);

	if (timers->dead)
		return;
	timers->deadline[which] = (u32)deadline;
	timers->armed |= BIT(which);
	wake_at(sk, deadline);
}

static void disarm(struct sock *sk, enum xtcp_timer which)
{
	xtcp_sk(sk)->timers.armed &= ~BIT(which);
}

/* @ms in jiffies; not beyond the user timeout, which counts from @stamp (0: from now). */
static unsigned long within_user_timeout(const struct xtcp_sock *xsk, u32 ms, u32 stamp)
{
	u32 gone;

	if (xsk->user_timeout && stamp) {
		gone = xtcp_clock_ts() - stamp;
		ms = gone >= xsk->user_timeout ? 1 : min(ms, xsk->user_timeout - gone);
	}
	return msecs_to_jiffies(ms);
}

/* The present RTO in jiffies, in the same bounds. */
static unsigned long interval(const struct xtcp_sock *xsk, u32 stamp)
{
	return within_user_timeout(xsk, xtcp_rto_current_ms(&xsk->rto), stamp);
}

/* The SYN, or the SYN-ACK of a simultaneous or a fast open. */
static void expired_syn(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTIMEOUTS);
	if (xtcp_retries_end_syn(sk))
		return;
	xtcp_output_resend(sk, skb, xsk->mss);
	xsk->retransmits++;
	xtcp_rto_backoff(&xsk->rto);
	arm(sk, XTCP_TIMER_RETRANSMIT, interval(xsk, xsk->retrans_stamp));
}

/* A probe did not leave for want of memory, or of room in a queue below. What IP refuses was one without an answer. */
static bool no_room(int err)
{
	return err > 0 || err == -ENOBUFS;
}

static void note_probing(struct xtcp_sock *xsk)
{
	if (!xsk->stream->probe_stamp)
		xsk->stream->probe_stamp = xtcp_clock_ts() ?: 1;
}

/* A window probe was sent; the next one is due in twice the time. */
static void probed(struct sock *sk, enum xtcp_timer which)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	note_probing(xsk);
	if (xsk->timers.probes < U8_MAX)
		xsk->timers.probes++;
	xtcp_rto_backoff(&xsk->rto);
	arm(sk, which, interval(xsk, xtcp_retries_since(sk)));
}

/* The probes are over, since text goes or has arrived: they were no timeouts of the path. */
static void take_back_backoff(struct xtcp_sock *xsk)
{
	if (likely(!xsk->timers.probes))
		return;
	xtcp_rto_ease(&xsk->rto, xsk->timers.probes);
	xsk->timers.probes = 0;
}

/* What is in flight lies beyond a window that has shrunk to zero (RFC 9293 section 3.8.6, MUST-35, SHLD-17). */
static void probe_shrunk_window(struct sock *sk)
{
	if (xtcp_retries_end_shrunk_window(sk))
		return;
	xtcp_output_probe(sk, false);
	probed(sk, XTCP_TIMER_RETRANSMIT);
}

/* A timeout of what was sent last in an open window: probes that have taken the place of a repetition are over. */
static void note_timeout(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	take_back_backoff(xsk);
	if (!xsk->retrans_stamp)
		xsk->retrans_stamp = xtcp_clock_ts() ?: 1;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTIMEOUTS);
}

static void send_again(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool refused = xtcp_recovery_timeout(sk);

	if (xsk->retransmits < U8_MAX)
		xsk->retransmits++;
	if (unlikely(refused)) {
		/* that says nothing of the path: no backoff; nor is it bounded by the user timeout, as in Linux */
		arm(sk, XTCP_TIMER_RETRANSMIT, msecs_to_jiffies(ROOM_RETRY_MS));
		return;
	}
	xtcp_rto_backoff(&xsk->rto);
	arm(sk, XTCP_TIMER_RETRANSMIT, interval(xsk, xtcp_retries_since(sk)));
}

static void expired_retransmit(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_first(sk);

	if (!skb)
		return;
	/* behind the SYN of a simultaneous open there may be a FIN for which there was no memory */
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) || !xtcp_stream_is_there(xsk->stream)) {
		expired_syn(sk, skb);
		return;
	}
	disarm(sk, XTCP_TIMER_REOPENED);
	if (!xsk->snd_wnd) {
		probe_shrunk_window(sk);
		return;
	}
	note_timeout(sk);
	if (!xtcp_retries_end_retransmission(sk))
		send_again(sk);
}

/* When to give up is asked when the retransmit deadline passes: not because a window opens. */
static void expired_reopened(struct sock *sk)
{
	if (!xtcp_sk(sk)->snd_wnd)
		return;
	note_timeout(sk);
	send_again(sk);
}

/* What goes out now may be a SYN, without a stream. */
static void end_probing(struct xtcp_sock *xsk)
{
	if (xsk->stream->probe_stamp)
		xsk->stream->probe_stamp = 0;
	take_back_backoff(xsk);
}

static void expired_persist(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int err;

	if (!xsk->fin_queued && (1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK)) {
		/* there was no memory for the FIN */
		xtcp_output_fin(sk);
		return;
	}
	if (!xtcp_sndq_unsent(sk) || xsk->snd_una != xsk->snd_nxt) {
		xsk->probes_out = 0;
		if (xsk->snd_una == xsk->snd_nxt)
			end_probing(xsk);
		return;
	}
	if (xtcp_retries_end_probing(sk))
		return;
	err = xtcp_output_probe(sk, false);
	if (xsk->snd_una != xsk->snd_nxt) {
		/* there was room: data went out, and its own deadline is armed */
		xtcp_sndbuf_wake(sk);
		return;
	}
	if (no_room(err)) {
		note_probing(xsk);
		if (!xtcp_retries_end_refused(sk))
			arm(sk, XTCP_TIMER_PERSIST, within_user_timeout(xsk, ROOM_RETRY_MS, xtcp_retries_since(sk)));
		return;
	}
	if (xsk->probes_out < U8_MAX)
		xsk->probes_out++;
	probed(sk, XTCP_TIMER_PERSIST);
}

static void expired_delayed_ack(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!xsk->ack_pending)
		return;
	/* nothing came to carry it: the program does not answer at once */
	xsk->pingpong = false;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_DELAYEDACKS);
	xtcp_output_ack_now(sk);
}

static void expired_keepalive(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long time = xtcp_keepalive_time(sk);
	u32 idle = (u32)jiffies - xsk->rcv_tstamp;

	if (!sock_flag(sk, SOCK_KEEPOPEN))
		return;
	/* MUST-26: not while data waits for an ACK or a window, the other deadlines watch over that */
	if (xsk->snd_una != xsk->write_seq) {
		arm(sk, XTCP_TIMER_KEEPALIVE, time);
	} else if (idle < time) {
		arm(sk, XTCP_TIMER_KEEPALIVE, time - idle);
	} else if (xtcp_keepalive_give_up(sk)) {
		xtcp_output_rst(sk);
		xtcp_retries_give_up(sk, XTCP_ABORT_KEEPALIVE);
	} else if (no_room(xtcp_output_probe(sk, true))) {
		arm(sk, XTCP_TIMER_KEEPALIVE, msecs_to_jiffies(ROOM_RETRY_MS));
	} else {
		WRITE_ONCE(xsk->keepalive_sent, xsk->keepalive_sent + 1);
		arm(sk, XTCP_TIMER_KEEPALIVE, xtcp_keepalive_intvl(sk));
	}
}

/* The present RTO, microseconds. */
static u32 rto_us(const struct xtcp_sock *xsk)
{
	return xtcp_rto_current_ms(&xsk->rto) * USEC_PER_MSEC;
}

/* What is left of the RTO since the first segment in flight was sent, microseconds. */
static u32 rest_of_rto_us(const struct sock *sk)
{
	const struct sk_buff *first = xtcp_sndq_first(sk);
	u32 rto = rto_us(xtcp_sk(sk));
	u64 gone;

	if (!first)
		return rto;
	gone = xtcp_clock_since_us(xtcp_clock_us(), xtcp_sndcb(first)->sent_us);
	return gone < rto ? rto - gone : rto;
}

/*
 * Is so little in flight, with nothing to follow it, that perhaps a timer alone tells what is lost? With SACK only,
 * by which it shows at once if the timer was too early.
 */
static bool tail_is_short(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned int segments = 0;
	struct sk_buff *skb;

	if (!xsk->sack_ok || xsk->snd_nxt - xsk->snd_una >= RTO_RESTART_BELOW * xsk->mss || xtcp_sndq_unsent(sk))
		return false;
	for (skb = xtcp_sndq_first(sk); skb && segments < RTO_RESTART_BELOW; skb = xtcp_sndq_next(sk, skb))
		segments += max_t(u32, DIV_ROUND_UP(skb->len, xsk->mss), 1);
	return segments < RTO_RESTART_BELOW;
}

/*
 * Something was acknowledged: the RTO begins anew for what is still in flight. Of a short tail it runs since that was
 * sent and not since this ACK, which the peer may have delayed (RFC 7765 section 4).
 */
static u32 restarted_rto_us(const struct sock *sk)
{
	return tail_is_short(sk) ? rest_of_rto_us(sk) : rto_us(xtcp_sk(sk));
}

static void expired_probe(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xsk->snd_una == xsk->snd_nxt)
		return;
	if (xsk->snd_wnd && xtcp_stream_is_there(xsk->stream))
		xtcp_tlp_probe(sk);
	if (!is_armed(xsk, XTCP_TIMER_RETRANSMIT))
		arm(sk, XTCP_TIMER_RETRANSMIT, interval(xsk, 0) + usecs_to_jiffies(xtcp_pace_lead_us(sk)));
}

static void expired_reordering(struct sock *sk)
{
	if (xtcp_sk(sk)->snd_una != xtcp_sk(sk)->snd_nxt)
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

static void fired(struct timer_list *timer)
{
	struct sock *sk = container_of(timer, struct sock, sk_timer);

	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_TIMER, &xtcp_sk(sk)->deferred);
	else
		xtcp_timer_run(sk);
	bh_unlock_sock(sk);
	/* taken by sk_reset_timer() */
	sock_put(sk);
}

/**
 * xtcp_timer_init() - a sock gets its timer
 * @sk: new, or a clone; no deadline is armed
 *
 * Context: softirq or process. Nobody else has @sk yet.
 */
void xtcp_timer_init(struct sock *sk)
{
	memset(&xtcp_sk(sk)->timers, 0, sizeof(xtcp_sk(sk)->timers));
	timer_setup(&sk->sk_timer, fired, 0);
}

/**
 * xtcp_timer_stop() - no deadline acts any more, and none can be armed
 * @sk: CLOSED; xtcp_sock_reset_tcb() makes it usable again
 *
 * The timer's function may be waiting for the lock on another processor. It finds nothing to do then, and has its own
 * reference.
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_timer_stop(struct sock *sk)
{
	struct xtcp_timers *timers = &xtcp_sk(sk)->timers;

	timers->dead = true;
	timers->armed = 0;
	sk_stop_timer(sk, &sk->sk_timer);
	xtcp_pace_stop(sk);
	sk_mem_reclaim(sk);
}

/**
 * xtcp_timer_syn_sent() - event: a SYN, or the SYN-ACK of a simultaneous or a fast open, was sent for the first time
 * @sk: SYN-SENT or SYN-RECEIVED
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_syn_sent(struct sock *sk)
{
	sock_owned_by_me(sk);
	arm(sk, XTCP_TIMER_RETRANSMIT, interval(xtcp_sk(sk), 0));
}

/**
 * xtcp_timer_syn_refused() - event: the peer answered our SYN for an older connection and was sent a RST
 * @sk: SYN-SENT
 *
 * The RST has ended what the peer had, so the SYN follows at once (RFC 9293 section 3.5.1); once only, since anybody
 * can forge such an answer, and never later than it would have anyway.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_syn_refused(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xsk->retransmits ||
	    !time_before(jiffies + SYN_AGAIN, xtcp_timer_deadline(&xsk->timers, XTCP_TIMER_RETRANSMIT)))
		return;
	arm(sk, XTCP_TIMER_RETRANSMIT, SYN_AGAIN);
}

/**
 * xtcp_timer_established() - event: the connection is up
 * @sk: ESTABLISHED
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_established(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_timer_segment_received(sk);
	xtcp_timer_keepalive_changed(sk);
}

/* A tail loss probe is to come, after @most_us at the latest, when the RTO would. */
static __always_inline void arm_probe(struct sock *sk, u32 most_us)
{
	u32 us = min(xtcp_tlp_timeout_us(sk), most_us) + xtcp_pace_lead_us(sk);

	disarm(sk, XTCP_TIMER_RETRANSMIT);
	/* usecs_to_jiffies() without a call: for each text that is sent */
	arm(sk, XTCP_TIMER_PROBE, DIV_ROUND_UP(us, USEC_PER_SEC / HZ));
}

/**
 * xtcp_timer_data_sent() - event: new text or a FIN was sent (RFC 6298 (5.1), RFC 8985 section 7.2)
 * @sk: the sock
 *
 * With nothing in flight only this ends a time of probing: answers alone do not stop TCP_USER_TIMEOUT (RFC 6429).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_data_sent(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool first;

	sock_owned_by_me(sk);
	disarm(sk, XTCP_TIMER_PERSIST);
	/* while a probe is on its way the RTO runs */
	first = !is_armed(xsk, XTCP_TIMER_RETRANSMIT) && !is_armed(xsk, XTCP_TIMER_PROBE);
	if (first)
		end_probing(xsk);
	if (!xsk->stream->tlp.pending && xtcp_tlp_applies(sk))
		arm_probe(sk, first ? rto_us(xsk) : rest_of_rto_us(sk));
	else if (first)
		arm(sk, XTCP_TIMER_RETRANSMIT, interval(xsk, 0) + usecs_to_jiffies(xtcp_pace_lead_us(sk)));
}

/**
 * xtcp_timer_ack_progress() - event: SND.UNA has moved, or a lost segment was sent again because of ACKs
 * @sk: the sock
 *
 * RFC 6298 (5.2), (5.3), for a short tail RFC 7765 section 4; RFC 8985 section 7.2.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_ack_progress(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	take_back_backoff(xsk);
	disarm(sk, XTCP_TIMER_REOPENED);
	if (xsk->snd_una == xsk->snd_nxt) {
		disarm(sk, XTCP_TIMER_RETRANSMIT);
		disarm(sk, XTCP_TIMER_PROBE);
		disarm(sk, XTCP_TIMER_REORDERING);
	} else if (xtcp_tlp_applies(sk)) {
		arm_probe(sk, restarted_rto_us(sk));
	} else {
		disarm(sk, XTCP_TIMER_PROBE);
		arm(sk, XTCP_TIMER_RETRANSMIT, usecs_to_jiffies(restarted_rto_us(sk) + xtcp_pace_lead_us(sk)));
	}
}

/**
 * xtcp_timer_reordering() - event: something counts as lost unless it is heard of soon
 * @sk: the sock
 * @wait_us: how soon, microseconds
 *
 * RFC 8985 section 6.2 step 5; 2 ms more, as Linux.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_reordering(struct sock *sk, u32 wait_us)
{
	sock_owned_by_me(sk);
	arm(sk, XTCP_TIMER_REORDERING, usecs_to_jiffies(wait_us + XTCP_TIMEOUT_MIN_US));
}

/**
 * xtcp_timer_reneged() - event: the peer seems to have dropped what it had sacked
 * @sk: the sock
 * @wait_us: how long an ACK that takes this back is waited for, microseconds
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_reneged(struct sock *sk, u32 wait_us)
{
	sock_owned_by_me(sk);
	disarm(sk, XTCP_TIMER_PROBE);
	arm(sk, XTCP_TIMER_RETRANSMIT, min(usecs_to_jiffies(wait_us), interval(xtcp_sk(sk), 0)));
}

/**
 * xtcp_timer_window_closed() - event: text waits and nothing is in flight
 * @sk: the sock
 *
 * The first probe goes an RTO after this (RFC 9293 section 3.8.6.1, SHLD-29).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_window_closed(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!is_armed(xtcp_sk(sk), XTCP_TIMER_PERSIST))
		arm(sk, XTCP_TIMER_PERSIST, interval(xtcp_sk(sk), 0));
}

/* @which goes off within @delay, if it is armed at all. */
static void not_later(struct sock *sk, enum xtcp_timer which, unsigned long delay)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (is_armed(xsk, which) && time_before(jiffies + delay, xtcp_timer_deadline(&xsk->timers, which)))
		arm(sk, which, delay);
}

/**
 * xtcp_timer_window_opened() - event: the peer's window is no longer zero
 * @sk: the sock
 *
 * A peer may open its window and close it, again and again, and that keeps no text from being sent again or given up.
 * With nothing in flight the next probe comes after an RTO without the backoff of the probes, and never later than it
 * would have. That backoff stays until text has gone out (xtcp_timer_data_sent()): the window may be too small for any.
 * With text in flight the repetition that was due when the window was closed, and was a probe instead, is made up for
 * at once, if the window is still open in the next tick. Else the deadline and the backoff of that probe stay: a peer
 * that closes its window each time is asked as seldom as one that never opens it.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_window_opened(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_rto rto = xsk->rto;

	sock_owned_by_me(sk);
	if (!xsk->timers.probes)
		return;
	if (xsk->snd_una != xsk->snd_nxt) {
		arm(sk, XTCP_TIMER_REOPENED, 0);
		return;
	}
	xtcp_rto_ease(&rto, xsk->timers.probes);
	not_later(sk, XTCP_TIMER_PERSIST, msecs_to_jiffies(xtcp_rto_current_ms(&rto)));
}

/**
 * xtcp_timer_ack_owed() - event: an ACK is owed and not sent at once
 * @sk: the sock
 * @delay: when it is to go at the latest, jiffies from now; an earlier deadline stays
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_ack_owed(struct sock *sk, unsigned long delay)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!is_armed(xsk, XTCP_TIMER_DELACK) ||
	    time_before(jiffies + delay, xtcp_timer_deadline(&xsk->timers, XTCP_TIMER_DELACK)))
		arm(sk, XTCP_TIMER_DELACK, delay);
}

/**
 * xtcp_timer_ack_sent() - event: a segment with an ACK was sent
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_ack_sent(struct sock *sk)
{
	sock_owned_by_me(sk);
	disarm(sk, XTCP_TIMER_DELACK);
}

/**
 * xtcp_timer_segment_received() - event: an acceptable segment came
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_segment_received(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->rcv_tstamp = (u32)jiffies;
	WRITE_ONCE(xsk->keepalive_sent, 0);
}

/**
 * xtcp_timer_keepalive_changed() - event: SO_KEEPALIVE or TCP_KEEPIDLE was set, or the connection is up
 * @sk: the sock, in any state
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_keepalive_changed(struct sock *sk)
{
	unsigned long time = xtcp_keepalive_time(sk);
	u32 idle = (u32)jiffies - xtcp_sk(sk)->rcv_tstamp;

	sock_owned_by_me(sk);
	disarm(sk, XTCP_TIMER_KEEPALIVE);
	if (!sock_flag(sk, SOCK_KEEPOPEN) ||
	    (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	arm(sk, XTCP_TIMER_KEEPALIVE, time > idle ? time - idle : 0);
}

/**
 * xtcp_timer_keepalive_intvl_changed() - event: TCP_KEEPINTVL was set
 * @sk: the sock, in any state
 * @before: what it was, jiffies
 *
 * While a probe waits for its answer the next deadline moves. Linux leaves it where it is.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_timer_keepalive_intvl_changed(struct sock *sk, unsigned long before)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long due;

	sock_owned_by_me(sk);
	if (!xsk->keepalive_sent || xsk->snd_una != xsk->write_seq || !is_armed(xsk, XTCP_TIMER_KEEPALIVE))
		return;
	due = xtcp_timer_deadline(&xsk->timers, XTCP_TIMER_KEEPALIVE) - before + xtcp_keepalive_intvl(sk);
	arm(sk, XTCP_TIMER_KEEPALIVE, time_after(due, jiffies) ? due - jiffies : 0);
}

/**
 * xtcp_timer_run() - do what is due, and sleep until the next deadline
 * @sk: the sock; the caller holds a reference, since an orphan may end here
 *
 * From the timer, and from release_sock() when the timer met a user (RFC 9293 section 3.10.8).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_run(struct sock *sk)
{
	struct xtcp_timers *timers = &xtcp_sk(sk)->timers;
	unsigned long armed = timers->armed, next;
	u32 now = (u32)jiffies;
	unsigned int which;

	sock_owned_by_me(sk);
	for_each_set_bit(which, &armed, XTCP_TIMERS) {
		/* the one that acted before may have dropped this one or put it off */
		if (!is_armed(xtcp_sk(sk), which) || (s32)(now - timers->deadline[which]) < 0)
			continue;
		timers->armed &= ~BIT(which);
		trace_xtcp_timer(sk, which);
		expired[which](sk);
	}
	if (xtcp_timer_pending(sk, &next) != XTCP_TIMERS)
		wake_at(sk, next);
	/* what xtcp_memory_uncharge() has kept */
	sk_mem_reclaim(sk);
}

/**
 * xtcp_timer_pending() - the deadline that comes first
 * @sk: the sock
 * @deadline: where it goes, jiffies
 *
 * Context: any; racy without the socket lock.
 *
 * Return: which one; XTCP_TIMERS when there is none.
 */
enum xtcp_timer xtcp_timer_pending(const struct sock *sk, unsigned long *deadline)
{
	const struct xtcp_timers *timers = &xtcp_sk(sk)->timers;
	unsigned long armed = READ_ONCE(timers->armed);
	unsigned int which, first = XTCP_TIMERS;

	for_each_set_bit(which, &armed, XTCP_TIMERS) {
		unsigned long at = xtcp_timer_deadline(timers, which);

		if (first != XTCP_TIMERS && !time_before(at, *deadline))
			continue;
		first = which;
		*deadline = at;
	}
	return first;
}
