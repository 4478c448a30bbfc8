// SPDX-License-Identifier: GPL-2.0
/*
 * The deadlines of text or a FIN in flight: when to retransmit, when to send a tail loss probe
 * instead, and when late segments count as lost. Files that send or that process ACKs report events
 * here. timer.c arms the deadlines, and when one has passed, expiry.c acts.
 *
 * An ACK of new data restarts the RTO (RFC 6298 section 5). If few segments are in flight, the RTO
 * counts from the time when they were sent (RFC 7765). Where a tail loss probe applies, its
 * deadline replaces the deadline of the retransmission (RFC 8985 section 7).
 */
#include "time/flight.h"

#include <net/sock.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/rto.h"
#include "base/sock.h"
#include "base/stream.h"
#include "base/ticks.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "sendq/sendq.h"
#include "time/pace.h"
#include "time/timer.h"

#define RTO_RESTART_BELOW	4	/* segments: RFC 7765 rrthresh; xtcp_flight_is_small() */

/* The present RTO, microseconds. */
static u32 rto_us(const struct xtcp_sock *xsk)
{
	return xtcp_bounds_rto_ms(&xsk->inet.sk) * USEC_PER_MSEC;
}

/*
 * The rest of the RTO, microseconds. This RTO counts from the time when the first segment in flight
 * was sent. 0: it has passed already.
 */
static u32 rest_of_rto_us(const struct sock *sk)
{
	const struct sk_buff *first = xtcp_sndq_first(sk);
	u32 rto = rto_us(xtcp_sk(sk));
	u64 gone;

	if (!first)
		return rto;
	gone = xtcp_clock_since_us(xtcp_clock_us(), xtcp_sndcb(first)->sent_us);
	return gone < rto ? rto - gone : 0;
}

/**
 * xtcp_flight_is_small() - are fewer than four segments in flight?
 * @sk: the sock
 *
 * Fast retransmit needs three duplicate ACKs. If fewer than four segments are in flight and one of
 * them is lost, at most two are left to cause duplicate ACKs.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when there are fewer.
 */
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
 * Are few segments in flight, and does no text wait behind them? Then perhaps only a timer can
 * detect a loss, so the timer is set to fire earlier (RFC 7765), perhaps too early. With SACK, a
 * D-SACK shows at once that the timer fired too early. Without SACK, only timestamps may show that,
 * so this function returns false.
 */
static bool tail_is_short(const struct sock *sk)
{
	return xtcp_sk(sk)->agreed.sack_ok && !xtcp_sndq_unsent(sk) && xtcp_flight_is_small(sk);
}

/*
 * An ACK of new data restarts the RTO for the data that is still in flight. For a short tail, the
 * RTO counts from the time when the tail was sent. Then a delay of this ACK by the peer does not
 * delay the retransmission (RFC 7765 section 4). If the RTO has passed already, it starts anew.
 */
static u32 restarted_rto_us(const struct sock *sk)
{
	return (tail_is_short(sk) ? rest_of_rto_us(sk) : 0) ?: rto_us(xtcp_sk(sk));
}

/*
 * May a tail loss probe come before the timeout (RFC 8985 section 7.2)? Something is in flight.
 * After a probe, only the RTO runs until the RTT has been measured again and the probe is resolved
 * (section 7.3). The RTT must be measured, because the ACKs of probes may yield no RTT sample: with
 * probes alone, SRTT might never learn that the path has become longer. The probe must be resolved
 * (section 7.4), because until then no other probe may be sent, and another probe timeout would
 * only delay the RTO. An ACK first restarts the timers, and only then resolves the probe or ends a
 * recovery. So xtcp_flight_ack_judged() asks again afterwards.
 * net.xtcp.early_retrans has Linux's values: 3 and 4 turn probes on.
 */
static __always_inline bool probe_applies(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return xsk->agreed.sack_ok && !xsk->stream->scoreboard.sacked &&
	       !xsk->stream->tlp.wants_sample && !xsk->stream->tlp.pending &&
	       (xsk->cong.phase == XTCP_CONG_OPEN || xsk->cong.phase == XTCP_CONG_CWR) &&
	       READ_ONCE(xtcp_net_of(sk)->sysctl.early_retrans) >= 3;
}

/*
 * The probe timeout PTO, microseconds: two RTTs and 2 ms, or the initial RTO if the RTT is unknown.
 * When only one segment is in flight, the longest time for which a peer may delay its ACK replaces
 * the 2 ms (RFC 8985 section 7.2). As in Linux, this longest time is assumed to be the minimum of
 * the RTO. The same time replaces the 2 ms if we have asked the peer for one ACK for R segments,
 * and fewer than R segments are in flight.
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

/*
 * Arm a tail loss probe. The delay is the probe timeout, but at most @most_us, the rest of the RTO.
 * The time for which fq will hold the last segment is added to the delay.
 */
static __always_inline void arm_probe(struct sock *sk, u32 most_us)
{
	u32 us = min(probe_timeout_us(sk), most_us) + xtcp_pace_lead_us(sk);

	xtcp_timer_disarm(sk, XTCP_TIMER_RETRANSMIT);
	/* as usecs_to_jiffies(), but without a call, since arm_probe() runs for most segments */
	xtcp_timer_arm(sk, XTCP_TIMER_PROBE, DIV_ROUND_UP(us, USEC_PER_SEC / HZ));
}

/**
 * xtcp_flight_data_sent() - event: new text or a FIN was sent
 * @sk: the sock
 *
 * RFC 6298 (5.1), RFC 8985 section 7.2.
 *
 * New text may postpone a tail loss probe, but not beyond the RTO of the first segment in flight.
 * Once this RTO has passed, the deadline stays as it is. Otherwise a program that goes on writing
 * could postpone it again and again, until a window is full.
 *
 * If window probing began with nothing in flight, only new text ends it. Answers to window probes
 * do not end it, so TCP_USER_TIMEOUT runs on (RFC 6429).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_flight_data_sent(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool first;
	u32 us;

	sock_owned_by_me(sk);
	xtcp_timer_disarm(sk, XTCP_TIMER_PERSIST);
	/*
	 * if anything was in flight before, the retransmit deadline or the probe deadline is armed
	 */
	first = !xtcp_timer_is_armed(xsk, XTCP_TIMER_RETRANSMIT) && !xtcp_timer_is_armed(xsk, XTCP_TIMER_PROBE);
	if (first)
		xtcp_timer_end_probing(xsk);
	/*
	 * while a shrunk window is probed, arm no tail loss probe: it would replace the deadline of
	 * the next window probe
	 */
	if (!xsk->timers.probes && probe_applies(sk)) {
		us = first ? rto_us(xsk) : rest_of_rto_us(sk);
		if (likely(us))
			arm_probe(sk, us);
	} else if (first) {
		xtcp_timer_arm(sk, XTCP_TIMER_RETRANSMIT,
			       xtcp_timer_interval(xsk, 0) + usecs_to_jiffies(xtcp_pace_lead_us(sk)));
	}
}

/*
 * SND.UNA has advanced, or ACKs caused a retransmission, and text is still in flight. Not inlined:
 * the usual ACK of a request or an answer acknowledges all text, and need not pay for this code.
 */
static noinline_for_stack void restart(struct sock *sk)
{
	const u32 rto = restarted_rto_us(sk);

	if (probe_applies(sk)) {
		arm_probe(sk, rto);
		return;
	}
	xtcp_timer_disarm(sk, XTCP_TIMER_PROBE);
	xtcp_timer_arm(sk, XTCP_TIMER_RETRANSMIT, usecs_to_jiffies(rto + xtcp_pace_lead_us(sk)));
}

/**
 * xtcp_flight_ack_progress() - event: SND.UNA has advanced, or ACKs caused a retransmission
 * @sk: the sock
 *
 * RFC 6298 (5.2), (5.3); for a short tail RFC 7765 section 4; RFC 8985 section 7.2.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_flight_ack_progress(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xtcp_timer_take_back_backoff(xsk);
	xtcp_timer_disarm(sk, XTCP_TIMER_REOPENED);
	if (xsk->snd.una == xsk->snd.nxt) {
		xtcp_timer_disarm(sk, XTCP_TIMER_RETRANSMIT);
		xtcp_timer_disarm(sk, XTCP_TIMER_PROBE);
		xtcp_timer_disarm(sk, XTCP_TIMER_REORDERING);
	} else {
		restart(sk);
	}
}

/**
 * xtcp_flight_ack_judged() - event: an ACK moved SND.UNA or resolved a tail loss probe, and may
 * have ended a recovery
 * @sk: the sock
 *
 * When the timers were last restarted, the phase of congestion control or an earlier probe may have
 * forbidden a tail loss probe. If a probe is allowed now, the probe timeout replaces the RTO. The
 * probe timeout ends no later than the RTO would have ended (RFC 8985 section 7.2), with two
 * exceptions: the probe timeout is rounded up to a tick; and it ends later if fq holds segments
 * beyond the end of the RTO.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_flight_ack_judged(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 left_us, lead_us;
	long left;

	sock_owned_by_me(sk);
	if (!xtcp_timer_is_armed(xsk, XTCP_TIMER_RETRANSMIT) || xsk->timers.probes || !probe_applies(sk))
		return;
	left = xtcp_timer_deadline(&xsk->timers, XTCP_TIMER_RETRANSMIT) - jiffies;
	left_us = left > 0 ? xtcp_ticks_us(left, HZ) : 0;
	/*
	 * the deadline of the RTO already contains the time for which fq delays a segment, and
	 * arm_probe() adds this time, too: subtract it here
	 */
	lead_us = xtcp_pace_lead_us(sk);
	arm_probe(sk, left_us > lead_us ? left_us - lead_us : 0);
}

/**
 * xtcp_flight_reordering() - event: segments will count as lost if no ACK reports them soon
 * @sk: the sock
 * @wait_us: time until the first of them counts as lost, microseconds
 *
 * These segments were sent before a segment that the peer has received. As in Linux, the timer runs
 * 2 ms after the first of them counts as lost, so that this run also handles the next segments of a
 * burst. RFC 8985 section 6.2 step 5 would wait until the last of them counts as lost.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_flight_reordering(struct sock *sk, u32 wait_us)
{
	sock_owned_by_me(sk);
	xtcp_timer_arm(sk, XTCP_TIMER_REORDERING, usecs_to_jiffies(wait_us + XTCP_TIMEOUT_MIN_US));
}

/**
 * xtcp_flight_reneged() - event: the peer seems to have dropped text that it had sacked
 * @sk: the sock
 * @wait_us: how long to wait for an ACK that shows otherwise, microseconds
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_flight_reneged(struct sock *sk, u32 wait_us)
{
	sock_owned_by_me(sk);
	xtcp_timer_disarm(sk, XTCP_TIMER_PROBE);
	xtcp_timer_arm(sk, XTCP_TIMER_RETRANSMIT, min(usecs_to_jiffies(wait_us), xtcp_timer_interval(xtcp_sk(sk), 0)));
}

/**
 * xtcp_flight_unreachable() - event: a router has no way to the peer, so it has dropped a segment
 * @sk: the sock
 * @seq: the first sequence number of the segment
 *
 * If the segment is one that a timeout has sent again, the path is interrupted, and not congested.
 * So take back one doubling of the RTO. The segment then goes again soon after the path is there
 * again (RFC 6069). As in Linux, this holds for text and FIN, but not for SYNs.
 *
 * Context: softirq. Lock: socket, held by bh_lock_sock() and not owned by a user.
 */
void xtcp_flight_unreachable(struct sock *sk, u32 seq)
{
	const struct sk_buff *first = xtcp_sndq_first(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u64 gone;
	u32 rto;

	sock_owned_by_me(sk);
	if (seq != xsk->snd.una || !xsk->tries.retransmits || !xsk->rto.backoff || xsk->timers.probes || !first ||
	    (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	xtcp_rto_ease(&xsk->rto, 1);
	rto = rto_us(xsk);
	gone = xtcp_clock_since_us(xtcp_clock_us(), xtcp_sndcb(first)->sent_us);
	xtcp_timer_not_later(sk, XTCP_TIMER_RETRANSMIT, gone < rto ? usecs_to_jiffies(rto - gone) : 0);
}
