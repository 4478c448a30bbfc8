// SPDX-License-Identifier: GPL-2.0
/*
 * Arms the deadlines of a connection, which share the one timer of the sock. Files that send or
 * that process ACKs report events here. When a deadline has passed, expiry.c acts.
 *
 *   retransmit  SYN, text or FIN was not acknowledged for an RTO: retransmit, back off (RFC 6298
 *               section 5). If the window has shrunk to zero, send a probe instead (RFC 9293 section
 *               3.8.6, MUST-35). With few segments in flight, the RTO counts from the time when they
 *               were sent, not from the last ACK (RFC 7765)
 *   persist     text waits, nothing is in flight and the window does not admit the text: probe, back
 *               off (RFC 9293 section 3.8.6.1). Also for text that silly window avoidance or TCP_CORK
 *               has held back for too long, and text for which memory or a local queue had no room
 *   delayed ACK the longest time allowed (RFC 9293 section 3.8.6.3)
 *   probe       the last segments may be lost, and no ACK would report this: tail loss probe (RFC 8985
 *               section 7). In place of the retransmit deadline, which is armed again after the probe
 *   reopened    the window was closed, and a window probe may have replaced a retransmission. It
 *               opened a tick ago: if it is still open, retransmit. If not, the retransmit deadline
 *               stays where the probe has put it
 *   reordering  segments that were given time to arrive late count as lost now (RFC 8985 section 6.2)
 *   keepalive   nothing arrived for TCP_KEEPIDLE: probe (RFC 9293 section 3.8.4). Even without
 *               keepalive, it ends a connection without text for too long (xtcp_keepalive_idle())
 *
 * The timer is moved when a deadline becomes earlier, not when one becomes later or is dropped: almost
 * every ACK postpones one, and a timer that fires too early is merely set again. If the timer runs
 * late, a deadline takes effect only once, and the next counts from the late run.
 *
 * A deadline has passed at the end of its tick, as with the kernel's timers: a wait usually begins in
 * the middle of one. When the timer runs for one deadline, the tick of another may have only begun.
 *
 * Pacing uses a timer of its own (pace.c), since a tick is too coarse for it. Where the floor of the
 * RTO is below 200 ms, that timer also runs what is due within SOON_TICKS: of several, what was armed
 * last. The tick stays armed beside it.
 *
 * Keepalive is off until the program sets SO_KEEPALIVE (MUST-24, MUST-25), unless
 * net.xtcp.keepalive_always is on. By default the first probe is sent after two hours of silence,
 * the next ones 75 s apart. After nine without an answer the connection ends (MUST-28).
 */
#include "base/bounds.h"
#include "time/time.h"

/* jiffies between the RST for a half-open connection and the next SYN */
#define SYN_AGAIN		2U

/**
 * xtcp_timer_arm() - set a deadline; without effect after xtcp_timer_stop()
 * @sk: the sock
 * @which: the deadline
 * @delay: jiffies from now; 0 counts as 1
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_timer_arm(struct sock *sk, enum xtcp_timer which, unsigned long delay)
{
	struct xtcp_timers *timers = &xtcp_sk(sk)->timers;
	unsigned long deadline = jiffies + max(delay, 1UL);

	if (timers->dead)
		return;
	timers->deadline[which] = (u32)deadline;
	timers->armed |= BIT(which);
	xtcp_timer_wake_at(sk, deadline);
}

/* jiffies; the rounding of what takes longer adds at most a quarter */
#define SOON_TICKS		8U

/* Only who has asked for a short RTO pays for a second timer. */
static noinline void arm_soon(struct sock *sk, enum xtcp_timer which, u32 us)
{
	if (xtcp_bounds_rto_min_us(sk) < XTCP_RTO_MIN_MS * USEC_PER_MSEC && !xtcp_sk(sk)->timers.dead)
		xtcp_pace_soon(sk, which, us);
}

static __always_inline void arm_us(struct sock *sk, enum xtcp_timer which, u32 us)
{
	/* as usecs_to_jiffies(), but without a call: this runs for most segments */
	xtcp_timer_arm(sk, which, DIV_ROUND_UP(us, USEC_PER_SEC / HZ));
	if (unlikely(us < SOON_TICKS * XTCP_TICK_US))
		arm_soon(sk, which, us);
}

/* As xtcp_timer_arm(), with @us from now, microseconds; exact if they are few and the RTO may be short. */
void xtcp_timer_arm_us(struct sock *sk, enum xtcp_timer which, u32 us)
{
	arm_us(sk, which, us);
}

/* Only if @which is set and later. */
static void xtcp_timer_not_later(struct sock *sk, enum xtcp_timer which, unsigned long delay)
{
	if (xtcp_timer_is_armed(&xtcp_sk(sk)->timers, which) &&
	    time_before(jiffies + delay, xtcp_timer_deadline(&xtcp_sk(sk)->timers, which)))
		xtcp_timer_arm(sk, which, delay);
}

/* The same, and forget when probing began; xsk->stream may be the empty one. */
void xtcp_timer_end_probing(struct xtcp_sock *xsk)
{
	if (xsk->stream->probe_stamp)
		xsk->stream->probe_stamp = 0;
	xtcp_timer_take_back_backoff(&xsk->timers, &xsk->rto);
}

/**
 * xtcp_timer_stop() - drop all deadlines for good, and stop the timer of pace.c
 * @sk: CLOSED; xtcp_sock_reset_tcb() makes it usable again
 *
 * The timer's function may be waiting for the lock on another processor. It has its own reference,
 * and will find nothing to do.
 * Context: softirq or process. Lock: socket, held, or no other thread can reach @sk.
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

/*
 * The peer answered our SYN with the ACK of an older connection, which our RST has ended: the next SYN
 * is sent soon (RFC 9293 section 3.5.1). Anybody can forge such an answer, so it brings forward only
 * the second SYN. One that waits for the first write (TCP_FASTOPEN_CONNECT) has no deadline.
 */
void xtcp_timer_syn_refused(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!xtcp_sk(sk)->tries.retransmits)
		xtcp_timer_not_later(sk, XTCP_TIMER_RETRANSMIT, SYN_AGAIN);
}

/*
 * Text waits and nothing is in flight, or a FIN waits for memory: the persist deadline, if it is not set,
 * is an RTO from now, but at least 200 ms (RFC 9293 section 3.8.6.1, SHLD-29).
 */
void xtcp_timer_window_closed(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!xtcp_timer_is_armed(&xtcp_sk(sk)->timers, XTCP_TIMER_PERSIST))
		xtcp_timer_arm(sk, XTCP_TIMER_PERSIST, xtcp_timer_probe_interval(xtcp_sk(sk), 0));
}

/*
 * The peer's window is no longer zero. It may open and close its window again and again: text must be
 * retransmitted nevertheless, and the connection given up in time.
 *
 * If nothing is in flight, the next window probe may come forward, to one interval from now, computed
 * without the backoff of earlier probes, which the RTO keeps until text is sent.
 *
 * If text is in flight, a probe may have replaced a retransmission, which follows if the window is
 * still open after a tick. Otherwise deadline and backoff stay: a peer that closes its window within a
 * tick gets no more probes than one that never opens it.
 */
void xtcp_timer_window_opened(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_rto rto = xsk->rto;

	sock_owned_by_me(sk);
	if (!xsk->timers.probes)
		return;
	if (xsk->snd.una != xsk->snd.nxt) {
		if (!xtcp_timer_is_armed(&xsk->timers, XTCP_TIMER_REOPENED))
			xtcp_timer_arm(sk, XTCP_TIMER_REOPENED, 0);
		return;
	}
	xtcp_rto_ease(&rto, xsk->timers.probes);
	xtcp_timer_not_later(sk, XTCP_TIMER_PERSIST, msecs_to_jiffies(xtcp_bounds_probe_ms(sk, &rto)));
}

/* few socks have bounds of their own */
static noinline unsigned long own_delack_max(const struct sock *sk)
{
	return xtcp_bounds_delack_max(sk);
}

/**
 * xtcp_timer_ack_scheduled() - an ACK must be sent, but not at once
 * @sk: the sock
 * @delay: at most, jiffies; xtcp_bounds_delack_max() limits it, and an earlier deadline stays
 */
void xtcp_timer_ack_scheduled(struct sock *sk, unsigned long delay)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	/* the limit is at least a tick; most delays are XTCP_ANSWER_MS, which is a tick if HZ is 250 */
	if (delay > 1)
		delay = min_t(unsigned long, delay, xtcp_bounds_delack_by_sysctl(sk) ?
			      READ_ONCE(xtcp_net_of(sk)->delack_most) : own_delack_max(sk));
	if (xtcp_timer_is_armed(&xsk->timers, XTCP_TIMER_DELACK) &&
	    !time_before(jiffies + delay, xtcp_timer_deadline(&xsk->timers, XTCP_TIMER_DELACK)))
		return;
	xtcp_timer_arm(sk, XTCP_TIMER_DELACK, delay);
	/* a sock without a second timer has sent nothing with a short RTO, and probably has none */
	if (unlikely(xsk->pace) && delay < SOON_TICKS)
		arm_soon(sk, XTCP_TIMER_DELACK, xtcp_ticks_us(delay, HZ));
}

/* The earliest deadline, jiffies; XTCP_TIMERS: none is armed. Any context; racy without the lock. */
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

/* The deadline as Linux shows it: it has no number for "delayed ACK" and "reopened". Racy without the lock. */
enum xtcp_timer_shown xtcp_timer_shown(const struct xtcp_timers *timers, unsigned long *deadline)
{
	static const struct {
		enum xtcp_timer which;
		enum xtcp_timer_shown shown;
	} order[] = {
		{ XTCP_TIMER_RETRANSMIT, XTCP_TIMER_SHOWN_RETRANSMIT },
		{ XTCP_TIMER_PROBE, XTCP_TIMER_SHOWN_RETRANSMIT },
		{ XTCP_TIMER_REORDERING, XTCP_TIMER_SHOWN_RETRANSMIT },
		{ XTCP_TIMER_PERSIST, XTCP_TIMER_SHOWN_PERSIST },
		{ XTCP_TIMER_KEEPALIVE, XTCP_TIMER_SHOWN_KEEPALIVE },
	};
	const u8 armed = READ_ONCE(timers->armed);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		if (!(armed & BIT(order[i].which)))
			continue;
		*deadline = xtcp_timer_deadline(timers, order[i].which);
		return order[i].shown;
	}
	return XTCP_TIMER_SHOWN_NONE;
}

#define RTO_RESTART_BELOW	4	/* segments: RFC 7765 rrthresh; xtcp_flight_is_small() */

static u32 rto_us(const struct xtcp_sock *xsk)
{
	return xtcp_bounds_rto_ms(&xsk->inet.sk) * USEC_PER_MSEC;
}

/* Of a timeout that counts from when the first segment in flight was sent; 0: it has passed. */
static u32 rest_us(const struct sock *sk, u32 timeout_us)
{
	const struct sk_buff *first = xtcp_sndq_first(sk);
	u64 gone;

	if (!first)
		return timeout_us;
	gone = xtcp_clock_since_us(xtcp_clock_us(), xtcp_sndcb(first)->sent_us);
	return gone < timeout_us ? timeout_us - gone : 0;
}

/* Fewer than four segments in flight: if one is lost, at most two of three duplicate ACKs come. */
bool xtcp_flight_is_small(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned int segments = 0;
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	if (xsk->snd.nxt - xsk->snd.una >= RTO_RESTART_BELOW * xsk->mss)
		return false;
	for (skb = xtcp_sndq_first(sk); skb && skb != xtcp_sndq_unsent(sk) && segments < RTO_RESTART_BELOW;
	     skb = xtcp_sndq_next(sk, skb))
		segments += max_t(u32, DIV_ROUND_UP(skb->len, xsk->mss), 1);
	return segments < RTO_RESTART_BELOW;
}

/*
 * An ACK of new data restarts the RTO and the probe timeout. With few segments in flight, and no text
 * behind them, they count from when this tail was sent: perhaps only a timer can detect a loss, and the
 * peer may have delayed the ACK (RFC 7765 section 4). If too early, a D-SACK shows it.
 */
static u32 restarted_us(const struct sock *sk, u32 timeout_us)
{
	const bool is_short = xtcp_sk(sk)->agreed.sack_ok && !xtcp_sndq_unsent(sk) && xtcp_flight_is_small(sk);

	return (is_short ? rest_us(sk, timeout_us) : 0) ?: timeout_us;
}

/*
 * May a tail loss probe come before the timeout (RFC 8985 section 7.2)? Something is in flight.
 * After a probe, only the RTO runs until two things have happened (section 7.3):
 *
 *  - The RTT was measured again. The ACKs of probes may yield no sample: with probes alone, SRTT
 *    might never learn that the path has become longer.
 *  - The probe is resolved (section 7.4): no other may be sent before, so its timeout would only
 *    delay the RTO. One that is acknowledged is resolved when the timeout of the next passes: no
 *    D-SACK will tell any more that both copies have come, and one counts as lost (section 7.4.2).
 *
 * xtcp_flight_ack_judged() asks again, after the probe is resolved or a recovery has ended.
 * early_retrans has Linux's values: 3 and 4 turn probes on.
 */
static __always_inline bool probe_applies(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return xsk->agreed.sack_ok && !xsk->stream->scoreboard.sacked &&
	       !xsk->stream->tlp.wants_sample &&
	       (!xsk->stream->tlp.pending || xtcp_seq_ge(xsk->snd.una, xsk->stream->tlp.end_seq)) &&
	       (xsk->cong.phase == XTCP_CONG_OPEN || xsk->cong.phase == XTCP_CONG_CWR) &&
	       READ_ONCE(xtcp_net_of(sk)->sysctl.early_retrans) >= 3;
}

/*
 * PTO (RFC 8985 section 7.2): two RTTs and 2 ms, or the initial RTO if the RTT is unknown. If less
 * is in flight than the peer acknowledges at once, the longest delay of its ACK comes in place of
 * the 2 ms. As in Linux, this is assumed to be the minimum of the RTO.
 */
static __always_inline u32 probe_timeout_us(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 in_flight = xsk->snd.nxt - xsk->snd.una;
	u32 pto_us;

	if (!xsk->rto.srtt_us)
		return XTCP_RTO_INITIAL_MS * USEC_PER_MSEC;
	pto_us = 2 * xsk->rto.srtt_us;
	if (in_flight <= xsk->mss || unlikely(in_flight < (u32)xsk->stream->asked_rate * xsk->mss))
		return pto_us + xtcp_bounds_rto_min_us(sk);
	return pto_us + XTCP_TIMEOUT_MIN_US;
}

/* @most_us: the rest of the RTO. The time for which fq holds the last segment comes on top. */
static __always_inline void arm_probe(struct sock *sk, u32 pto_us, u32 most_us)
{
	u32 us = min(pto_us, most_us) + xtcp_pace_lead_us(sk);

	xtcp_timer_disarm(&xtcp_sk(sk)->timers, XTCP_TIMER_RETRANSMIT);
	arm_us(sk, XTCP_TIMER_PROBE, us);
}

/*
 * New text or a FIN was sent (RFC 6298 (5.1), RFC 8985 section 7.2). New text may postpone a tail loss
 * probe, but not beyond the RTO of the first segment in flight. If window probing began with nothing
 * in flight, only new text ends it, not an answer: TCP_USER_TIMEOUT runs on (RFC 6429).
 */
void xtcp_flight_data_sent(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool first;
	u32 us;

	sock_owned_by_me(sk);
	xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_PERSIST);
	/* if anything was in flight before, one of these is armed */
	first = !xtcp_timer_is_armed(&xsk->timers, XTCP_TIMER_RETRANSMIT) &&
		!xtcp_timer_is_armed(&xsk->timers, XTCP_TIMER_PROBE);
	if (first)
		xtcp_timer_end_probing(xsk);
	/* while a shrunk window is probed, a tail loss probe would replace the next window probe */
	if (!xsk->timers.probes && probe_applies(sk)) {
		us = first ? rto_us(xsk) : rest_us(sk, rto_us(xsk));
		if (likely(us))
			arm_probe(sk, probe_timeout_us(sk), us);
	} else if (first) {
		xtcp_timer_arm_us(sk, XTCP_TIMER_RETRANSMIT, xtcp_timer_interval_us(xsk, 0) + xtcp_pace_lead_us(sk));
	}
}

/* Text is still in flight. Not inlined: a request or an answer is usually acknowledged whole. */
static noinline_for_stack void restart(struct sock *sk)
{
	const u32 rto = restarted_us(sk, rto_us(xtcp_sk(sk)));

	if (probe_applies(sk)) {
		arm_probe(sk, restarted_us(sk, probe_timeout_us(sk)), rto);
		return;
	}
	xtcp_timer_disarm(&xtcp_sk(sk)->timers, XTCP_TIMER_PROBE);
	xtcp_timer_arm_us(sk, XTCP_TIMER_RETRANSMIT, rto + xtcp_pace_lead_us(sk));
}

/* SND.UNA has moved, or ACKs caused a retransmission: RFC 6298 (5.2), (5.3), RFC 7765 section 4, RFC 8985 7.2. */
void xtcp_flight_ack_progress(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xtcp_timer_take_back_backoff(&xsk->timers, &xsk->rto);
	xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_REOPENED);
	if (xsk->snd.una == xsk->snd.nxt) {
		xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_RETRANSMIT);
		xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_PROBE);
		xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_REORDERING);
	} else {
		restart(sk);
	}
}

/*
 * SND.UNA has moved, or a probe is resolved, or a recovery is over. If a tail loss probe is allowed
 * only now, its timeout replaces the RTO. It ends no later (RFC 8985 section 7.2), but for a tick
 * by which it is rounded up, and for what fq holds longer.
 */
void xtcp_flight_ack_judged(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 left_us, lead_us;
	long left;

	sock_owned_by_me(sk);
	if (!xtcp_timer_is_armed(&xsk->timers, XTCP_TIMER_RETRANSMIT) || xsk->timers.probes || !probe_applies(sk))
		return;
	left = xtcp_timer_deadline(&xsk->timers, XTCP_TIMER_RETRANSMIT) - jiffies;
	left_us = left > 0 ? xtcp_ticks_us(left, HZ) : 0;
	/* the deadline contains fq's delay of a segment, and arm_probe() adds that again */
	lead_us = xtcp_pace_lead_us(sk);
	arm_probe(sk, restarted_us(sk, probe_timeout_us(sk)), left_us > lead_us ? left_us - lead_us : 0);
}

/**
 * xtcp_flight_unreachable() - a router has no way to the peer, so it has dropped a segment
 * @sk: the sock
 * @seq: the first sequence number of the segment
 *
 * If a timeout has sent it again, the path is interrupted, not congested: take back one doubling of the
 * RTO (RFC 6069). As in Linux, this holds for text and FIN, but not for SYNs.
 * Context: softirq. Lock: socket, held by bh_lock_sock() and not owned by a user.
 */
void xtcp_flight_unreachable(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (seq != xsk->snd.una || !xsk->tries.retransmits || !xsk->rto.backoff || xsk->timers.probes ||
	    !xtcp_sndq_first(sk) || (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	xtcp_rto_ease(&xsk->rto, 1);
	xtcp_timer_not_later(sk, XTCP_TIMER_RETRANSMIT, usecs_to_jiffies(rest_us(sk, rto_us(xsk))));
}

/* or since the handshake, jiffies */
static u32 without_text(const struct xtcp_sock *xsk)
{
	const struct xtcp_stream *stream = xsk->stream;
	const u32 received = xsk->packed ? xsk->packed->rcv_data_tstamp : stream->rcv_data_tstamp;
	u32 now = xtcp_clock_stamp(), gone = now - xsk->snd_tstamp;

	if (received)
		gone = min(gone, now - received);
	if (stream->fin_tstamp)
		gone = min(gone, now - stream->fin_tstamp);
	return gone;
}

/**
 * xtcp_keepalive_idle() - which limit ends this connection if no text comes or goes, and when?
 * @sk: the sock, in any state
 * @left: if there is a limit, receives the time until it, jiffies; 0: it has passed
 *
 * xtcp_keepalive_idle_ms() is a limit in each synchronized state, xtcp_keepalive_half_closed_ms()
 * only in FIN-WAIT-2 and CLOSE-WAIT; the shorter counts. A FIN and a retransmission count as text;
 * an ACK and a probe do not. An orphan has limits of its own (expiry.c, timewait.c).
 *
 * While the peer's window is open and our text or FIN is unsent or unacknowledged, R2 and the user
 * timeout decide (RFC 9293 section 3.8.3), and @left receives the whole limit.
 * Return: XTCP_ABORT_IDLE, XTCP_ABORT_HALF_CLOSED, or XTCP_ABORT_NONE: there is no limit.
 */
enum xtcp_abort_reason xtcp_keepalive_idle(const struct sock *sk, unsigned long *left)
{
	const int half_closed = TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT;
	const int synchronized = half_closed | TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK;
	u32 idle_ms = xtcp_keepalive_idle_ms(sk), half_ms = xtcp_keepalive_half_closed_ms(sk);
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long most;
	u32 gone;

	sock_owned_by_me(sk);
	if (!((1 << sk->sk_state) & half_closed))
		half_ms = 0;
	if (!((1 << sk->sk_state) & synchronized) || sock_flag(sk, SOCK_DEAD) || (!idle_ms && !half_ms))
		return XTCP_ABORT_NONE;
	if (half_ms && idle_ms >= half_ms)
		idle_ms = 0;
	most = msecs_to_jiffies(idle_ms ?: half_ms);
	gone = without_text(xsk);
	/* R2 and the user timeout decide, also while text waits for pacing or for a queue here */
	if (xsk->snd.una != xsk->snd.write_seq && xsk->snd.wnd)
		*left = most;
	else
		*left = gone < most ? most - gone : 0;
	return idle_ms ? XTCP_ABORT_IDLE : XTCP_ABORT_HALF_CLOSED;
}

/**
 * xtcp_keepalive_changed() - SO_KEEPALIVE or TCP_KEEPIDLE was set, or the connection is established
 * @sk: the sock, in any state
 * @idle: how much of TCP_KEEPIDLE has passed, jiffies. As in Linux, 0 when keepalive was
 *	switched on: the peer may have been silent for long
 *
 * After TCP_KEEPIDLE a probe is due, even within TCP_KEEPINTVL after an unanswered one. It does not
 * count: setting an option again and again must not end the connection. In Linux it counts.
 */
void xtcp_keepalive_changed(struct sock *sk, u32 idle)
{
	unsigned long time = xtcp_keepalive_time(sk);

	sock_owned_by_me(sk);
	xtcp_timer_disarm(&xtcp_sk(sk)->timers, XTCP_TIMER_KEEPALIVE);
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	if (xtcp_keepalive_is_on(sk)) {
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, time > idle ? time - idle : 0);
		xtcp_sk(sk)->timers.keepalive_asked = true;
	}
	xtcp_keepalive_limit_idle(sk);
}

/* for a sock that probably has a limit */
static noinline void limit_idle(struct sock *sk)
{
	unsigned long left;

	if (!xtcp_keepalive_idle(sk, &left))
		return;
	if (xtcp_timer_is_armed(&xtcp_sk(sk)->timers, XTCP_TIMER_KEEPALIVE))
		xtcp_timer_not_later(sk, XTCP_TIMER_KEEPALIVE, left);
	else
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, left);
}

/**
 * xtcp_keepalive_limit_idle() - limit the keepalive deadline by the limit on time without text
 * @sk: the sock, in any state
 *
 * Called when the connection is half closed, when its timer has run, and when one of the limits or
 * the keepalive deadline was set; a new value of a sysctl takes effect then.
 *
 * It never postpones or drops a deadline. One that is too early does little harm: expiry.c finds
 * out what is due, and sets the next.
 */
inline void xtcp_keepalive_limit_idle(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (unlikely(xtcp_keepalive_may_limit(sk)))
		limit_idle(sk);
}
