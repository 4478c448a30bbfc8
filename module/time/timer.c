// SPDX-License-Identifier: GPL-2.0
/*
 * The deadlines of a connection, behind the one timer of its sock.
 *
 *   retransmit  SYN, text or FIN is in flight and was not acknowledged for an RTO: retransmit, back
 *               off (RFC 6298 section 5). If the window has shrunk to zero, a probe goes instead
 *               (RFC 9293 section 3.8.6, MUST-35). If few segments are in flight, the RTO counts
 *               from their transmission and not from the last ACK (RFC 7765)
 *   persist     text waits, nothing is in flight and the window does not admit the text: probe the
 *               window, back off (RFC 9293 section 3.8.6.1). Also ends a wait of silly window
 *               avoidance or TCP_CORK, and tries again after a lack of memory or of room in a queue
 *               of this machine
 *   delayed ACK an ACK is owed for too long (RFC 9293 section 3.8.6.3)
 *   probe       the last segments may be lost, and no ACK would report this: a tail loss probe
 *               (RFC 8985 section 7). Takes the place of the retransmit deadline, which begins when
 *               the probe is sent
 *   reopened    the window was closed when the retransmit deadline passed and has just opened:
 *               retransmit, if it is still open then. If not, the retransmit deadline stays where
 *               the probe has put it
 *   reordering  from then on, segments that may only be late count as lost (RFC 8985 section 6.2)
 *   keepalive   nothing arrived for TCP_KEEPIDLE: probe (RFC 9293 section 3.8.4). Armed while
 *               SO_KEEPALIVE is on
 *
 * The timer is set for the earliest deadline. It is moved when a deadline becomes earlier, but not
 * when one becomes later or is dropped. Almost every ACK moves a deadline back, and a timer that
 * fires too early merely goes to sleep again. A missed deadline acts once, however much later it
 * is, and the next one counts from now.
 *
 * Paced text has a timer of its own (pace.c), since a tick is too coarse for it.
 *
 * If the timer fires while a user owns the lock, it sets XTCP_DEFERRED_TIMER, and release_sock()
 * runs what is due.
 *
 * rto.c, retries.c and keepalive.c decide how long to wait and when to give up.
 */
#include "time/timer.h"

#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/clock.h"
#include "base/rto.h"
#include "base/sock.h"
#include "base/stream.h"
#include "base/wire.h"
#include "expiry/retries.h"
#include "recovery/recovery.h"
#include "recovery/tlp.h"
#include "send/output.h"
#include "send/sndbuf.h"
#include "sendq/sndq.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "time/keepalive.h"
#include "time/pace.h"

#define RTO_RESTART_BELOW	4	/* rrthresh of RFC 7765: duplicate ACKs cannot repair fewer */
#define ROOM_RETRY_MS		500U	/* after a failure to send for lack of memory or of room below TCP */
#define SYN_AGAIN		2U	/* jiffies between the RST for a half-open connection and the next SYN */

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

/*
 * @ms in jiffies, but at most what is left of the user timeout, which counts from @stamp (0: from
 * now).
 */
static unsigned long within_user_timeout(const struct xtcp_sock *xsk, u32 ms, u32 stamp)
{
	u32 gone;

	if (xsk->user_timeout && stamp) {
		gone = xtcp_clock_ts_stamp() - stamp;
		ms = gone >= xsk->user_timeout ? 1 : min(ms, xsk->user_timeout - gone);
	}
	return msecs_to_jiffies(ms);
}

/* The present RTO in jiffies, within the same limit. */
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

/*
 * True: a probe did not leave for lack of memory or of room in a queue of this machine. Any other
 * error of IP counts as a probe without an answer.
 */
static bool no_room(int err)
{
	return err > 0 || err == -ENOBUFS;
}

static void note_probing(struct xtcp_sock *xsk)
{
	if (!xsk->stream->probe_stamp)
		xsk->stream->probe_stamp = xtcp_clock_ts_stamp();
}

/* A window probe was sent; the next one is due after twice the time. */
static void probed(struct sock *sk, enum xtcp_timer which)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	note_probing(xsk);
	if (xsk->timers.probes < U8_MAX)
		xsk->timers.probes++;
	xtcp_rto_backoff(&xsk->rto);
	arm(sk, which, interval(xsk, xtcp_retries_since(sk)));
}

/*
 * Text is sent or was acknowledged, so probing has ended. Probes say nothing about timeouts of the
 * path: their backoff is undone.
 */
static void take_back_backoff(struct xtcp_sock *xsk)
{
	if (likely(!xsk->timers.probes))
		return;
	xtcp_rto_ease(&xsk->rto, xsk->timers.probes);
	xsk->timers.probes = 0;
}

/*
 * The window has shrunk to zero while text is in flight (RFC 9293 section 3.8.6, MUST-35, SHLD-17).
 */
static void probe_shrunk_window(struct sock *sk)
{
	if (xtcp_retries_end_shrunk_window(sk))
		return;
	xtcp_output_probe(sk, false);
	probed(sk, XTCP_TIMER_RETRANSMIT);
}

/* A timeout while the window is open. The probes that replaced retransmissions are over. */
static void note_timeout(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	take_back_backoff(xsk);
	if (!xsk->retrans_stamp)
		xsk->retrans_stamp = xtcp_clock_ts_stamp();
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTIMEOUTS);
}

static void send_again(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool refused = xtcp_recovery_timeout(sk);

	if (xsk->retransmits < U8_MAX)
		xsk->retransmits++;
	if (unlikely(refused)) {
		/*
		 * a refusal says nothing about the path: no backoff; as in Linux, the user timeout
		 * does not limit this wait
		 */
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
	/* a SYN of a simultaneous open may be followed by a FIN for which there was no memory */
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

/* Only the retransmit deadline asks whether to give up; a window that opens does not. */
static void expired_reopened(struct sock *sk)
{
	if (!xtcp_sk(sk)->snd_wnd)
		return;
	note_timeout(sk);
	send_again(sk);
}

/* The caller may be sending a SYN, without a stream. */
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
		/* the FIN was not queued for lack of memory */
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
		/* the window had room: data went out and armed its own deadline */
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
	/* no data carried the ACK: the program does not answer at once */
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
	/*
	 * MUST-26: no probe while data waits for an ACK or a window; the other deadlines handle
	 * that
	 */
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

/*
 * The rest of the RTO, counted from the time when the first segment in flight was sent,
 * microseconds.
 */
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
 * Is so little in flight, and no text behind it, that only a timer may detect a loss? This needs
 * SACK, which shows at once whether the timer was too early.
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
 * An ACK of new data restarts the RTO for what is still in flight. For a short tail the RTO counts
 * from the time when the tail was sent and not from this ACK, which the peer may have delayed (RFC
 * 7765 section 4).
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
		arm(sk, XTCP_TIMER_RETRANSMIT,
		    interval(xsk, xtcp_retries_since(sk)) + usecs_to_jiffies(xtcp_pace_lead_us(sk)));
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
 * xtcp_timer_stop() - drop all deadlines for good
 * @sk: CLOSED; xtcp_sock_reset_tcb() makes it usable again
 *
 * The timer's function may be waiting for the lock on another processor. It then finds nothing to
 * do. It has its own reference.
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
 * xtcp_timer_syn_sent() - event: a SYN, or the SYN-ACK of a simultaneous or a fast open, was sent
 * for the first time
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
 * xtcp_timer_syn_refused() - event: the peer answered the SYN for an older connection, and a RST
 * was sent
 * @sk: SYN-SENT
 *
 * The RST has ended the peer's older connection, so the SYN follows soon (RFC 9293 section 3.5.1).
 * This happens only once, since anybody can forge such an answer. It never delays the next SYN.
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
 * xtcp_timer_established() - event: the connection is established
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

/* Arm a tail loss probe, at @most_us at the latest: by then the RTO would expire. */
static __always_inline void arm_probe(struct sock *sk, u32 most_us)
{
	u32 us = min(xtcp_tlp_timeout_us(sk), most_us) + xtcp_pace_lead_us(sk);

	disarm(sk, XTCP_TIMER_RETRANSMIT);
	/* like usecs_to_jiffies(), but without a call, since each segment of text comes here */
	arm(sk, XTCP_TIMER_PROBE, DIV_ROUND_UP(us, USEC_PER_SEC / HZ));
}

/**
 * xtcp_timer_data_sent() - event: new text or a FIN was sent (RFC 6298 (5.1), RFC 8985 section 7.2)
 * @sk: the sock
 *
 * If nothing is in flight, only new text ends probing. Answers to probes do not stop
 * TCP_USER_TIMEOUT (RFC 6429).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_data_sent(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool first;

	sock_owned_by_me(sk);
	disarm(sk, XTCP_TIMER_PERSIST);
	/* while a tail loss probe is in flight, the RTO runs */
	first = !is_armed(xsk, XTCP_TIMER_RETRANSMIT) && !is_armed(xsk, XTCP_TIMER_PROBE);
	if (first)
		end_probing(xsk);
	/* nor does it take the place of a probe of a shrunk window, whose deadline stays */
	if (!xsk->timers.probes && !xsk->stream->tlp.pending && xtcp_tlp_applies(sk))
		arm_probe(sk, first ? rto_us(xsk) : rest_of_rto_us(sk));
	else if (first)
		arm(sk, XTCP_TIMER_RETRANSMIT, interval(xsk, 0) + usecs_to_jiffies(xtcp_pace_lead_us(sk)));
}

/**
 * xtcp_timer_ack_progress() - event: SND.UNA has advanced, or ACKs caused a retransmission
 * @sk: the sock
 *
 * RFC 6298 (5.2), (5.3); for a short tail RFC 7765 section 4; RFC 8985 section 7.2.
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
 * xtcp_timer_reordering() - event: segments count as lost unless an ACK of them comes soon
 * @sk: the sock
 * @wait_us: time until they count as lost, microseconds
 *
 * RFC 8985 section 6.2 step 5 has the timer wait for all segments that were sent before the one
 * that arrived; @wait_us is for the first. As in Linux, 2 ms are added, in which the next ones of a
 * burst come due, too. They would be lost in part if the tick that runs counted as a whole one.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_reordering(struct sock *sk, u32 wait_us)
{
	sock_owned_by_me(sk);
	arm(sk, XTCP_TIMER_REORDERING, usecs_to_jiffies(wait_us + XTCP_TIMEOUT_MIN_US) + 1);
}

/**
 * xtcp_timer_reneged() - event: the peer seems to have dropped text that it had sacked
 * @sk: the sock
 * @wait_us: time to wait for an ACK that shows otherwise, microseconds
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
 * The first probe goes an RTO later (RFC 9293 section 3.8.6.1, SHLD-29).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_window_closed(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!is_armed(xtcp_sk(sk), XTCP_TIMER_PERSIST))
		arm(sk, XTCP_TIMER_PERSIST, interval(xtcp_sk(sk), 0));
}

/* If @which is armed, it expires within @delay. */
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
 * A peer may open and close its window again and again. This must not keep text from being
 * retransmitted or the connection from being given up.
 *
 * If nothing is in flight, the next probe comes after an RTO without the backoff of the probes, or
 * at its present deadline if that is earlier. The backoff itself stays until text goes out
 * (xtcp_timer_data_sent()), since the window may be too small for any.
 *
 * If text is in flight, a probe may have replaced a retransmission while the window was closed. The
 * retransmission follows in the next tick if the window is still open then. Otherwise, the deadline
 * and the backoff of the probe stay. So a peer that closes its window each time is probed as seldom
 * as one that never opens it.
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
		if (!is_armed(xsk, XTCP_TIMER_REOPENED))
			arm(sk, XTCP_TIMER_REOPENED, 0);
		return;
	}
	xtcp_rto_ease(&rto, xsk->timers.probes);
	not_later(sk, XTCP_TIMER_PERSIST, msecs_to_jiffies(xtcp_rto_current_ms(&rto)));
}

/**
 * xtcp_timer_ack_owed() - event: an ACK is owed and not sent at once
 * @sk: the sock
 * @delay: the ACK goes after so many jiffies at the latest; an earlier deadline stays
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
 * xtcp_timer_keepalive_changed() - event: SO_KEEPALIVE or TCP_KEEPIDLE was set, or the connection
 * is established
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
 * @before: the interval until now, jiffies
 *
 * If a probe waits for an answer, the next deadline moves. Linux does not move it.
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
 * Called by the timer, and by release_sock() if a user owned the lock when the timer fired (RFC
 * 9293 section 3.10.8).
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
		/* an earlier deadline may have dropped or postponed this one */
		if (!is_armed(xtcp_sk(sk), which) || (s32)(now - timers->deadline[which]) < 0)
			continue;
		timers->armed &= ~BIT(which);
		trace_xtcp_timer(sk, which);
		expired[which](sk);
	}
	if (xtcp_timer_pending(sk, &next) != XTCP_TIMERS)
		wake_at(sk, next);
	/* give back what xtcp_memory_uncharge() has kept */
	sk_mem_reclaim(sk);
}

/**
 * xtcp_timer_pending() - the deadline that comes first
 * @sk: the sock
 * @deadline: set to it, jiffies
 *
 * Context: any; racy without the socket lock.
 *
 * Return: its kind; XTCP_TIMERS when no deadline is armed.
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
