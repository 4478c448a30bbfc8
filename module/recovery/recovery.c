// SPDX-License-Identifier: GPL-2.0
/*
 * React to an ACK: set the phase of congestion control, and have what is lost resent.
 *
 *               something is sacked            something is lost
 *      OPEN ----------------------> DISORDER ---------------------> RECOVERY
 *       |   <----------------------    |      <---------------------   | ^
 *       |       nothing is missing     |       recover is acknowledged  | | a retransmission
 *       |                              |                                | | is lost
 *       +--- congestion mark ---> CWR -+---------- timeout ----------> LOSS
 *
 * When a phase beyond DISORDER begins, "recover" is set to SND.NXT. With SACK, RECOVERY and LOSS
 * end when everything before recover is acknowledged. CWR, and all three phases without SACK, end
 * when SND.UNA moves beyond it. RECOVERY ends sooner when it turns out to be needless: then the
 * window is restored, or, if its reduction is final, CWR completes it.
 *
 * Three questions are kept apart:
 *
 *  - What is lost? With SACK, RACK decides (scoreboard.c). Without, the third duplicate ACK shows that
 *    the first segment in flight is lost. If an ACK then moves SND.UNA to a point before recover,
 *    the segment there is also lost (RFC 6582). After a timeout, almost everything in flight is.
 *    The ACKs that follow show whether the timeout was spurious: in_loss().
 *  - How fast is it sent? The congestion window decides (cong.c); this file only
 *    compares it with the number of octets in flight, and asks pacing.
 *  - Was the recovery needless? Signs of it are an ACK that moves SND.UNA and echoes a timestamp from
 *    before the first retransmission: the original has arrived (Eifel, RFC 3522); D-SACKs that
 *    report that every resent octet has arrived twice (RFC 2883 section 5, RFC 3708); and F-RTO
 *    (RFC 5682), which also chooses what to send. The response follows RFC 4015 section 3.2.
 *
 * Tail loss probe (RFC 8985 section 7): when the last segments of a burst are lost, no SACK reports
 * it. So after two round trips without an ACK, one segment is sent: new text, or else the last
 * segment again. Its ACK shows RACK what is missing. If only the last segment was lost, the copy
 * repairs that. The window is still reduced, because a loss is a sign of congestion.
 */
#include "recovery/recovery.h"

#include "base/bounds.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "send/send.h"
#include "sight/sight.h"

static void xtcp_recovery_probe_was_needed(struct sock *sk, const struct xtcp_sample *sample);

/* Does the timestamp echo show that originals have arrived, not only retransmissions (RFC 3522 section 3.2 step 4)? */
static bool echo_is_of_originals(const struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_undo *undo = &xtcp_sender(sk)->stream->undo;

	/* a TSecr that is older than first_ts by more than the largest RTO does not belong to this recovery */
	return undo->armed && undo->any_resent && sample->tsecr && xtcp_seq_lt(sample->tsecr, undo->first_ts) &&
	       undo->first_ts - sample->tsecr <= XTCP_RTO_MAX_MS;
}

static bool all_came_twice(const struct sock *sk)
{
	const struct xtcp_undo *undo = &xtcp_sender(sk)->stream->undo;

	return undo->armed && undo->any_resent && !undo->resent;
}

/* Has the peer dropped octets that it had sacked (RFC 2018 section 8)? It had that at SND.UNA if it is marked. */
static bool has_reneged(const struct sock *sk)
{
	const struct sk_buff *first = xtcp_sndq_first(sk);

	return first && xtcp_sndcb(first)->marks & XTCP_SNDQ_SACKED;
}

/* The count of duplicate ACKs, without SACK. */
static void forget_duplicates(struct sock *sk)
{
	xtcp_sender(sk)->stream->scoreboard.sacked = 0;
	xtcp_sender(sk)->stream->scoreboard.sacked_segments = 0;
}

/*
 * A tail loss probe that repeats text is on its way, and a recovery begins. It counts as resent:
 * otherwise a D-SACK for it would count for a later retransmission. Its TSval is the first of a
 * copy: an ACK that echoes it says that the probe has arrived, and the original may be lost.
 */
static void probe_is_a_copy(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_undo *undo = &tx->stream->undo;
	const struct sk_buff *probe;

	undo->resent += tx->mss;
	probe = xtcp_sndq_find(sk, tx->stream->tlp.end_seq - 1);
	if (!probe || undo->has_ts)
		return;
	undo->first_ts = xtcp_clock_ts_of(xtcp_sndcb(probe)->sent_us) + tx->snd.ts_offset;
	undo->has_ts = true;
}

/* Starts to watch a recovery (RFC 3522 section 3.2 step 1). cong.c has saved the windows. */
static void undo_begin(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_undo *undo = &stream->undo;

	undo->armed = true;
	undo->marker = tx->snd.una;
	/* retransmissions of the previous recovery that are in flight count for this one, too */
	undo->resent = stream->scoreboard.resent;
	undo->any_resent = undo->resent;
	/* in LOSS, first_ts stays that of the first copy after the timeout: a late copy must not count as original */
	undo->has_ts = undo->any_resent || (undo->has_ts && tx->cong.phase == XTCP_CONG_LOSS);
	if (stream->tlp.pending && stream->tlp.is_resent)
		probe_is_a_copy(sk);
}

/* RFC 4015 section 3.2. @counter: LINUX_MIB_TCP*UNDO. False: xtcp_reduction_forbid_undo() made the reduction final. */
static bool undo_apply(struct sock *sk, int counter)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	bool undone;

	undone = xtcp_reduction_undo(sk);
	if (undone)
		xtcp_sk(sk)->ecn &= ~XTCP_ECN_QUEUE_CWR;
	stream->undo.armed = false;
	/* let RACK look again: outside recovery it may wait longer for late segments, and has to start its timer */
	stream->rack.advanced = true;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), counter);
	return undone;
}

static void forget_undo(struct sock *sk)
{
	xtcp_sender(sk)->stream->undo.armed = false;
}

/*
 * Segments were too large for the path, or the peer did not accept the text of a SYN. This is no
 * sign of congestion: the text is resent, but cwnd and ssthresh stay (RFC 8201 section 5.4, RFC
 * 7413 section 4.2.2). A reduction that has begun is completed now (xtcp_reduction_not_due()).
 */
static void xtcp_repair_too_large(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_reduction_not_due(sk);
	xsk->stream->recover = xsk->snd.nxt;
	forget_undo(sk);
	xsk->stream->frto = false;
	xtcp_phase_set(sk, XTCP_CONG_LOSS, XTCP_TRACE_MTU);
}

/*
 * Resends lost segments as far as the congestion window and pacing allow (RFC 6675 section 5, RFC
 * 6298 (5.4)). If nothing is in flight, at least one segment; Careful Resume may allow one more.
 * After a timeout, pacing does not delay them, and, as in Linux, TCPTimeouts counts in place of
 * TCPFastRetrans and TCPSlowStartRetrans. Return: what the last xtcp_retransmit_segment() returned.
 */
static int xtcp_repair_lost(struct sock *sk, bool timeout)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;
	bool first = false;
	int err = 0;

	while ((skb = xtcp_resend_next(sk))) {
		const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
		u32 pipe = xtcp_pipe_octets(sk);
		u32 room = xsk->cong.cwnd > pipe ? xsk->cong.cwnd - pipe : 0;
		bool is_full = pipe && room < min_t(u32, xsk->mss, cb->end_seq - cb->seq);

		if (is_full && !xtcp_resume_may_free_one(xsk->stream->cong.resume))
			break;
		if (!timeout && xtcp_pace_holds(sk))
			break;
		err = xtcp_retransmit_segment(sk, skb, max_t(u32, min(room, xtcp_gso_limit(sk)), xsk->mss));
		if (err)
			break;
		if (is_full)
			xtcp_resume_freed_one(xsk->stream->cong.resume);
		if (!timeout)
			XTCP_NET_ADD_STATS(xsk->xn, xsk->cong.phase == XTCP_CONG_RECOVERY ?
					   LINUX_MIB_TCPFASTRETRANS : LINUX_MIB_TCPSLOWSTARTRETRANS,
					   xtcp_sndq_segments(skb));
		first |= skb == xtcp_sndq_first(sk);
	}
	if (first)
		xtcp_flight_ack_progress(sk);
	return err;
}

/* Resend lost segments that have waited for the timer of pace.c. */
void xtcp_repair_waiting(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->cong.phase >= XTCP_CONG_RECOVERY && !xtcp_sk(sk)->stream->frto)
		xtcp_repair_lost(sk, false);
}

/* Resends what was too large, in smaller segments; cwnd and ssthresh stay (RFC 1191 6.4, RFC 8201 section 5.4). */
void xtcp_repair_mtu_fell(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 lost = stream->lost_total;
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	/* a SYN with text (RFC 7413) is resent at once, without text */
	if (sk->sk_state == TCP_SYN_SENT && xsk->syn_data && !xsk->total_retrans)
		xtcp_retransmit_segment(sk, xtcp_sndq_first(sk), xsk->mss);
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) || !xtcp_stream_is_there(stream))
		return;
	if (!xsk->agreed.sack_ok)
		forget_duplicates(sk);
	for (skb = xtcp_sndq_first(sk); skb; skb = xtcp_sndq_next(sk, skb)) {
		if (min(skb->len, xtcp_sndq_segment(skb)) > xsk->mss && !(xtcp_sndcb(skb)->marks & XTCP_SNDQ_SACKED))
			xtcp_scoreboard_lost(sk, skb);
	}
	if (stream->lost_total == lost)
		return;
	if (xsk->cong.phase != XTCP_CONG_LOSS)
		xtcp_repair_too_large(sk);
	xtcp_repair_lost(sk, false);
}

/* The text that the SYN-ACK did not acknowledge: no sign of congestion (RFC 7413 section 4.2.2). */
void xtcp_repair_syn_text_refused(struct sock *sk)
{
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	for (skb = xtcp_sndq_first(sk); skb; skb = xtcp_sndq_next(sk, skb))
		if (!(xtcp_sndcb(skb)->marks & (XTCP_SNDQ_SACKED | XTCP_SNDQ_LOST)))
			xtcp_scoreboard_lost(sk, skb);
	xtcp_repair_too_large(sk);
	xtcp_repair_lost(sk, false);
}

/* of the last skb that was sent */
static int resend_tail(struct sock *sk, struct sk_buff *skb)
{
	u32 mss;

	xtcp_mss_current(sk);
	mss = min_t(u32, xtcp_sender(sk)->mss, xtcp_sndq_segment(skb));
	if (skb->len > mss) {
		if (xtcp_fragment(sk, skb, rounddown(skb->len - 1, mss), sk_gfp_mask(sk, GFP_ATOMIC)))
			return -ENOBUFS;
		skb = xtcp_sndq_next(sk, skb);
	}
	return xtcp_retransmit_segment(sk, skb, mss);
}

/* Send a tail loss probe (RFC 8985 section 7.3): not in recovery, nor while one is on its way. */
void xtcp_tlp_probe(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_tlp *tlp = &tx->stream->tlp;
	struct xtcp_sample none = {};
	struct sk_buff *last;
	u64 first_us;
	int err;

	sock_owned_by_me(sk);
	if (tlp->pending && xtcp_seq_ge(tx->snd.una, tlp->end_seq)) {
		/* two round trips since, no D-SACK has come: a copy was lost, and the probe is not on its way */
		tlp->pending = false;
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPLOSSPROBERECOVERY);
		xtcp_recovery_probe_was_needed(sk, &none);
	}
	if (tlp->pending || tx->cong.phase >= XTCP_CONG_RECOVERY)
		return;
	tlp->is_resent = false;
	err = xtcp_output_new_segment(sk);
	/* after an error other than -EAGAIN, a retransmission would probably fail, too */
	if (err && err != -EAGAIN)
		return;
	if (err) {
		last = xtcp_sndq_last(sk);
		if (!last || xtcp_sndcb(last)->marks & XTCP_SNDQ_SACKED)
			return;
		first_us = xtcp_sndcb(last)->transmissions == 1 ? xtcp_sndcb(last)->sent_us : 0;
		if (resend_tail(sk, last))
			return;
		tlp->is_resent = true;
		tlp->after_us = first_us ? xtcp_sndcb(xtcp_sndq_last(sk))->sent_us - first_us : 0;
	}
	tlp->pending = true;
	tlp->wants_sample = true;
	tlp->end_seq = tx->snd.nxt;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPLOSSPROBES);
	xtcp_phase_tell(sk, XTCP_TRACE_PROBE);
}

/*
 * An ACK while a probe is on its way (RFC 8985 section 7.4). If the probe was a retransmission, an
 * ACK may show that both copies arrived: nothing was lost. If SND.UNA moves beyond the segment
 * without such an ACK, the original was lost, and the window is reduced. Once tlp.pending is
 * cleared, xtcp_flight_ack_judged() starts the next probe timeout.
 */
static void xtcp_tlp_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_tlp *tlp = &tx->stream->tlp;
	bool is_twice;

	if (xtcp_seq_lt(tx->snd.una, tlp->end_seq))
		return;
	/* without a D-SACK both are 0. A probe may end at sequence number 0, so test both */
	is_twice = sample->dsack.start != sample->dsack.end && sample->dsack.end == tlp->end_seq;
	if (!tlp->is_resent || is_twice) {
		/* new text, or a D-SACK shows that both copies arrived */
		tlp->pending = false;
	} else if (xtcp_seq_gt(tx->snd.una, tlp->end_seq)) {
		tlp->pending = false;
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPLOSSPROBERECOVERY);
		xtcp_recovery_probe_was_needed(sk, sample);
	} else if (!sample->acked && !sample->news && !sample->sacked) {
		/* the second copy has caused this duplicate ACK */
		tlp->pending = false;
	}
}

/* for one more ACK, at least */
#define RENEGED_WAIT_US	(10 * USEC_PER_MSEC)

enum next {
	NEXT_LOST,	/* lost segments, then new ones */
	NEXT_NONE,	/* nothing now: the segments that are marked as lost may have arrived */
	NEXT_NEW,	/* new text, as a test of the timeout (F-RTO: RFC 5682 section 3.1, 2b) */
};

/* DISORDER while any segment is sacked, lost or resent, OPEN otherwise. */
static void keep_open(struct sock *sk, int reason)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
	enum xtcp_cong_phase phase = sb->sacked || sb->lost || sb->resent ? XTCP_CONG_DISORDER : XTCP_CONG_OPEN;

	if (phase == tx->cong.phase)
		return;
	tx->stream->recover = tx->snd.nxt;
	if (phase == XTCP_CONG_OPEN && reason == XTCP_TRACE_SACKED)
		reason = XTCP_TRACE_IN_ORDER;
	xtcp_phase_set(sk, phase, reason);
}

static void reduce(struct sock *sk, const struct xtcp_sample *sample, bool marked)
{
	xtcp_phase_reduce(sk, xtcp_phase_in_flight(xtcp_sender(sk), sample), marked);
}

/* Outside of recovery: is the first missing segment the probe (RFC 4821 section 7.6.2)? It was too large then. */
static bool mtuprobe_lost(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_mtuprobe *probe = &tx->stream->mtuprobe;

	if (likely(!probe->size) || tx->snd.una != probe->start)
		return false;
	probe->high = probe->size - 1;
	probe->size = 0;
	XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPMTUPFAIL);
	return true;
}

/* A segment is lost, in LOSS a retransmission. In OPEN and DISORDER the window stays for a probe of the path MTU. */
static void enter_recovery(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (tx->cong.phase < XTCP_CONG_CWR && mtuprobe_lost(sk)) {
		xtcp_repair_too_large(sk);
		return;
	}

	XTCP_NET_INC_STATS(tx->xn, tx->agreed.sack_ok ? LINUX_MIB_TCPSACKRECOVERY : LINUX_MIB_TCPRENORECOVERY);
	undo_begin(sk);
	if (tx->cong.phase == XTCP_CONG_CWR)
		xtcp_reduction_further(sk, xtcp_phase_in_flight(tx, sample));
	else
		reduce(sk, sample, false);
	if (sample->ece)
		xtcp_reduction_forbid_undo(sk);
	tx->stream->frto = false;
	tx->stream->recover = tx->snd.nxt;
	xtcp_phase_set(sk, XTCP_CONG_RECOVERY, tx->agreed.sack_ok ? XTCP_TRACE_RACK : XTCP_TRACE_THIRD_DUPACK);
}

/* A loss is a sign of congestion even if a probe has repaired it (RFC 8985 section 7.4.2). */
static void xtcp_recovery_probe_was_needed(struct sock *sk, const struct xtcp_sample *sample)
{
	if (xtcp_sender(sk)->cong.phase == XTCP_CONG_CWR) {
		xtcp_reduction_further(sk, 0);
		xtcp_phase_tell(sk, XTCP_TRACE_TLP);
	}
	if (xtcp_sender(sk)->cong.phase >= XTCP_CONG_CWR)
		return;
	forget_undo(sk);
	reduce(sk, sample, false);
	xtcp_phase_set(sk, XTCP_CONG_CWR, XTCP_TRACE_TLP);
	xtcp_reduction_end(sk);
	keep_open(sk, XTCP_TRACE_RECOVERED);
}

/* Without SACK, only the segment at SND.UNA is known to be lost (RFC 5681 section 3.2, RFC 6582 section 3.2 step 3). */
static void first_is_lost(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_first(sk);
	u32 mss;

	if (!skb || xtcp_sndcb(skb)->marks & XTCP_SNDQ_LOST)
		return;
	mss = xtcp_sndq_segment(skb);
	if (skb->len > mss && xtcp_fragment(sk, skb, mss, GFP_ATOMIC))
		return;
	xtcp_scoreboard_lost(sk, skb);
}

static void find_lost(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 wait_us;

	if (!tx->agreed.sack_ok) {
		if (tx->cong.phase >= XTCP_CONG_RECOVERY ? sample->acked != 0 :
		    stream->scoreboard.sacked_segments >= stream->scoreboard.reordering)
			first_is_lost(sk);
		return;
	}
	if (!stream->rack.advanced)
		return;
	stream->rack.advanced = false;
	wait_us = xtcp_rack_detect(sk, sample->now_us);
	if (wait_us)
		xtcp_timer_arm_us(sk, XTCP_TIMER_REORDERING, wait_us + XTCP_TIMEOUT_MIN_US);
}

/*
 * @resent: the octets in flight again before losses were looked for. If fewer are now, one that was
 * resent was lost: a second sign of congestion, so the window falls again (RFC 5681 section 4.3).
 */
static bool is_lost_again(const struct xtcp_sender *tx, u32 resent)
{
	return tx->cong.phase == XTCP_CONG_LOSS && tx->stream->scoreboard.resent < resent;
}

/* Without SACK, retransmissions may cause duplicate ACKs until SND.UNA moves beyond recover (RFC 6582 section 4). */
static bool duplicates_may_follow(const struct xtcp_sender *tx)
{
	return !tx->agreed.sack_ok && tx->snd.una == tx->stream->recover;
}

/*
 * A duplicate ACK while SND.UNA stands at recover does not count towards a fast retransmit, but the
 * first two allow a new segment each: limited transmit (RFC 5681 section 3.2 (1), RFC 3042). Kernel
 * TCP sends none, so each time the first and the third of three new segments are lost, it waits for
 * a timeout. Without timestamps, the RTO keeps its backoff: ACKs of retransmissions give no RTT.
 */
static void duplicate_at_recover(struct sock *sk, struct xtcp_sample *sample)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	if (sample->duplicate && xtcp_seq_gt(tx->snd.nxt, tx->stream->recover) &&
	    tx->stream->scoreboard.sacked_segments < XTCP_DUPACK_THRESHOLD - 1)
		xtcp_scoreboard_duplicate_ack(sk, sample);
}

/*
 * Has an original arrived after it was resent, by the timestamp echo? RFC 8985 section 6.2 step 2
 * ignores it, since its sending time is not known. If an ACK reported only such segments, others with
 * the same RTT would count as lost. So the time is taken from TSecr, in ticks of the timestamp clock
 * (RFC 7323 section 4.1), which the peer chooses: the RTT is limited to the largest RTO.
 */
static bool originals_came(struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_rack *rack = &tx->stream->rack;
	u32 ticks = xtcp_clock_ts_of(sample->now_us) + tx->snd.ts_offset - sample->tsecr;

	if (!echo_is_of_originals(sk, sample))
		return false;
	rack->rtt_us = max_t(u64, rack->rtt_us, min_t(u64, (ticks + 1ULL) * USEC_PER_MSEC,
						      XTCP_RTO_MAX_MS * USEC_PER_MSEC));
	return true;
}

static bool take_back_if_for_nothing(struct sock *sk, const struct xtcp_sample *sample, int counter)
{
	const bool by_echo = originals_came(sk, sample);

	if (!by_echo && !all_came_twice(sk))
		return false;
	undo_apply(sk, counter);
	xtcp_phase_tell(sk, by_echo ? XTCP_TRACE_UNDO_TIMESTAMP : XTCP_TRACE_UNDO_DSACK);
	return true;
}

/* SND.UNA has reached recover. Return: true if the phase ends. */
static bool leave_repair(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	bool in_loss = tx->cong.phase == XTCP_CONG_LOSS;

	if (!take_back_if_for_nothing(sk, sample, in_loss ? LINUX_MIB_TCPLOSSUNDO : LINUX_MIB_TCPFULLUNDO))
		xtcp_reorder_recovered(&stream->rack.reorder);
	if (!tx->agreed.sack_ok && sample->acked)
		forget_duplicates(sk);
	if (duplicates_may_follow(tx)) {
		duplicate_at_recover(sk, sample);
		return false;
	}
	if (in_loss)
		xtcp_reduction_repaired(sk);
	else if (stream->undo.armed)
		xtcp_reduction_end(sk);
	/* D-SACKs may report needless retransmissions after the phase: keep the undo state */
	stream->frto = false;
	xtcp_phase_set(sk, XTCP_CONG_OPEN, XTCP_TRACE_RECOVERED);
	return true;
}

/* An undo has removed all marks of loss. RACK looks for holes now (RFC 8985 section 6.2): no ACK may follow. */
static void repair_the_rest(struct sock *sk, const struct xtcp_sample *sample)
{
	if (!xtcp_sender(sk)->agreed.sack_ok || !xtcp_sender(sk)->stream->scoreboard.sacked)
		return;
	find_lost(sk, sample);
	if (xtcp_sender(sk)->stream->scoreboard.lost)
		enter_recovery(sk, sample);
}

/*
 * RECOVERY was needless. If the reduction is final, as after a mark, it goes on in CWR (RFC 3168 section
 * 6.1.2): in OPEN the window would stay where PRR has left it. Return: was it undone?
 */
static bool end_needless(struct sock *sk, int counter, int reason)
{
	bool undone = undo_apply(sk, counter);

	if (undone)
		keep_open(sk, reason);
	else
		xtcp_phase_set(sk, XTCP_CONG_CWR, reason);
	return undone;
}

/*
 * Originals that were only late have moved SND.UNA, but not as far as recover. The recovery is undone when
 * no retransmission is in flight any more. Until then, nothing more is marked as lost.
 */
static enum next partial_undo(struct sock *sk, const struct xtcp_sample *sample)
{
	xtcp_scoreboard_reordered(sk, sample->una_before, LINUX_MIB_TCPTSREORDER);
	if (xtcp_sender(sk)->stream->scoreboard.resent)
		return NEXT_NONE;
	xtcp_scoreboard_not_lost(sk);
	if (end_needless(sk, LINUX_MIB_TCPPARTIALUNDO, XTCP_TRACE_UNDO_TIMESTAMP))
		repair_the_rest(sk, sample);
	return NEXT_LOST;
}

static void try_to_open(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	/* an algorithm for L4S has already reduced the window for this mark */
	if (sample->ece && tx->cong.phase < XTCP_CONG_CWR && !xtcp_ecn_is_scalable(sk)) {
		/* once per round trip (RFC 3168 6.1.2) */
		forget_undo(sk);
		reduce(sk, sample, true);
		xtcp_reduction_forbid_undo(sk);
		xtcp_phase_set(sk, XTCP_CONG_CWR, XTCP_TRACE_ECE);
	}
	if (tx->cong.phase != XTCP_CONG_CWR)
		keep_open(sk, XTCP_TRACE_SACKED);
}

/* In OPEN, DISORDER or CWR: must a recovery begin? */
static void outside_repair(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (!tx->agreed.sack_ok) {
		if (sample->acked)
			forget_duplicates(sk);
		else if (sample->duplicate)
			xtcp_scoreboard_duplicate_ack(sk, sample);
	}
	if (tx->cong.phase <= XTCP_CONG_DISORDER && all_came_twice(sk)) {
		undo_apply(sk, LINUX_MIB_TCPDSACKUNDO);
		xtcp_phase_tell(sk, XTCP_TRACE_UNDO_DSACK);
	}
	find_lost(sk, sample);
	if (tx->stream->scoreboard.lost)
		enter_recovery(sk, sample);
	else
		try_to_open(sk, sample);
}

static enum next in_recovery(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (!sample->acked) {
		if (!tx->agreed.sack_ok && sample->duplicate)
			xtcp_scoreboard_duplicate_ack(sk, sample);
	} else if (originals_came(sk, sample)) {
		return partial_undo(sk, sample);
	}
	if (all_came_twice(sk))
		end_needless(sk, LINUX_MIB_TCPDSACKUNDO, XTCP_TRACE_UNDO_DSACK);
	find_lost(sk, sample);
	if (tx->cong.phase < XTCP_CONG_RECOVERY && tx->stream->scoreboard.lost)
		enter_recovery(sk, sample);
	return NEXT_LOST;
}

/* RFC 5682: what counts as lost arrives. With a final reduction, no loss is looked for: it would reduce again. */
static enum next spurious_timeout(struct sock *sk, const struct xtcp_sample *sample, int reason)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	bool undone;

	xtcp_scoreboard_not_lost(sk);
	undone = undo_apply(sk, LINUX_MIB_TCPLOSSUNDO);
	xtcp_tries_answered(&tx->tries.retransmits);
	tx->stream->frto = false;
	if (duplicates_may_follow(tx))
		xtcp_phase_tell(sk, reason);
	else
		keep_open(sk, reason);
	if (undone)
		repair_the_rest(sk, sample);
	return NEXT_LOST;
}

/*
 * F-RTO (RFC 5682 section 3.1): the timeout has resent only the first segment. When an ACK moves
 * SND.UNA, new text is sent. If an ACK then acknowledges or sacks a segment that was not resent (without
 * SACK: and no resent one), the timeout was spurious; if it sacks the new text, the loss is real.
 */
static enum next in_loss(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	bool recovered = xtcp_seq_ge(tx->snd.una, stream->recover);
	const u32 resent = stream->scoreboard.resent;

	if (sample->acked && originals_came(sk, sample)) {
		/* sacked segments had overtaken the originals: RACK shall wait for late ones during recovery, too */
		if (tx->agreed.sack_ok && xtcp_seq_gt(sample->high_before, sample->una_before))
			xtcp_scoreboard_reordered(sk, sample->una_before, LINUX_MIB_TCPTSREORDER);
		return spurious_timeout(sk, sample, XTCP_TRACE_UNDO_TIMESTAMP);
	}
	if (stream->frto) {
		if (sample->original_arrived) {
			XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPSPURIOUSRTOS);
			return spurious_timeout(sk, sample, XTCP_TRACE_UNDO_FRTO);
		}
		if (xtcp_seq_gt(tx->snd.nxt, stream->recover)) {
			if (sample->sacked || sample->duplicate)
				stream->frto = false;
		} else if (sample->acked && !recovered) {
			stream->recover = tx->snd.nxt;
			if (xtcp_output_has_new(sk))
				return NEXT_NEW;
			stream->frto = false;
		}
	}
	if (recovered) {
		leave_repair(sk, sample);
		return NEXT_LOST;
	}
	if (!tx->agreed.sack_ok) {
		/* after F-RTO has sent new text, a duplicate ACK counts as its arrival */
		if (xtcp_seq_gt(tx->snd.nxt, stream->recover) && sample->duplicate)
			xtcp_scoreboard_duplicate_ack(sk, sample);
		else if (sample->acked)
			forget_duplicates(sk);
	}
	find_lost(sk, sample);
	if (is_lost_again(tx, resent))
		enter_recovery(sk, sample);
	return NEXT_LOST;
}

/* Linux calls such ACKs dubious. */
static __always_inline bool is_dubious(const struct xtcp_sender *tx, const struct xtcp_sample *sample)
{
	const struct xtcp_scoreboard *sb = &tx->stream->scoreboard;

	/* one branch tests all three counts */
	return tx->cong.phase != XTCP_CONG_OPEN || sb->sacked_segments | sb->lost | sample->sacked || sample->ece ||
	       sample->dsack.start != sample->dsack.end || (sample->duplicate && !tx->agreed.sack_ok);
}

static enum next dubious_ack(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 wait_us;

	if (sample->ece)
		xtcp_reduction_forbid_undo(sk);
	if (sample->acked && has_reneged(sk)) {
		/* the peer has dropped sacked text, or ACKs are reordered: wait for one more (RFC 2018 section 8) */
		wait_us = max_t(u32, tx->rto.srtt_us / 2, RENEGED_WAIT_US);
		xtcp_timer_disarm(&xtcp_sk(sk)->timers, XTCP_TIMER_PROBE);
		xtcp_timer_arm(sk, XTCP_TIMER_RETRANSMIT,
			       min(usecs_to_jiffies(wait_us), xtcp_timer_interval(xtcp_sk(sk), 0)));
		return NEXT_NONE;
	}
	if (xtcp_seq_ge(tx->snd.una, tx->stream->recover)) {
		if (tx->cong.phase == XTCP_CONG_CWR && tx->snd.una != tx->stream->recover) {
			xtcp_reduction_end(sk);
			xtcp_phase_set(sk, XTCP_CONG_OPEN, XTCP_TRACE_RECOVERED);
		} else if (tx->cong.phase == XTCP_CONG_RECOVERY && !leave_repair(sk, sample)) {
			return NEXT_LOST;
		}
	}
	switch (tx->cong.phase) {
	case XTCP_CONG_RECOVERY:
		return in_recovery(sk, sample);
	case XTCP_CONG_LOSS:
		return in_loss(sk, sample);
	default:
		outside_repair(sk, sample);
		return NEXT_LOST;
	}
}

static noinline void disturbed_ack(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	bool probed = stream->tlp.pending;
	u32 lost = stream->lost_total;
	enum next next = NEXT_LOST;

	if (probed)
		xtcp_tlp_ack(sk, sample);
	if (is_dubious(tx, sample)) {
		if (tx->agreed.sack_ok)
			xtcp_reorder_ack(&stream->rack.reorder, tx->snd.una, tx->snd.nxt,
					 sample->dsack.start != sample->dsack.end);
		next = dubious_ack(sk, sample);
		sample->lost = stream->lost_total - lost;
	} else {
		stream->rack.advanced = false;
	}
	xtcp_cong_ack(sk, sample);
	if (next == NEXT_NEW) {
		xtcp_output_push_nagle(sk, TCP_NAGLE_OFF | TCP_NAGLE_PUSH);
		if (xtcp_seq_gt(tx->snd.nxt, stream->recover))
			return;
		stream->frto = false;
	}
	if (next != NEXT_NONE)
		xtcp_repair_lost(sk, false);
	if (sample->acked || probed)
		xtcp_flight_ack_judged(sk);
}

/* Sets the phase and the congestion window after an ACK, and resends. Scoreboard and SND.UNA are up to date. */
void xtcp_recovery_ack(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (unlikely(tx->stream->tlp.pending || is_dubious(tx, sample))) {
		disturbed_ack(sk, sample);
	} else {
		tx->stream->rack.advanced = false;
		xtcp_cong_ack(sk, sample);
	}
	if (trace_xtcp_ack_enabled() && (sample->delivered || sample->lost))
		trace_xtcp_ack(sk, sample, xtcp_pipe_octets(sk));
}

/* RACK's timer has expired: resend (RFC 8985 section 6.2 step 5). */
void xtcp_recovery_reordering_timeout(struct sock *sk)
{
	struct xtcp_sample none = { .now_us = xtcp_clock_us() };
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 lost = stream->lost_total, resent = stream->scoreboard.resent;
	u32 wait_us;

	sock_owned_by_me(sk);
	wait_us = xtcp_rack_detect(sk, none.now_us);
	if (stream->lost_total != lost) {
		if (tx->cong.phase < XTCP_CONG_RECOVERY || is_lost_again(tx, resent))
			enter_recovery(sk, &none);
		/* no ACK has made room in the congestion window: resend the first lost segment anyway */
		xtcp_reduction_allow_one(sk);
		xtcp_repair_lost(sk, false);
	}
	if (wait_us)
		xtcp_timer_arm_us(sk, XTCP_TIMER_REORDERING, wait_us + XTCP_TIMEOUT_MIN_US);
}

/*
 * After a timeout, marks as lost: with SACK the first segment, and others unless sacked or sent
 * very recently (RFC 8985 section 6.3); without SACK everything. If the peer has dropped sacked
 * data, it marks everything, and returns true.
 */
static bool all_is_lost(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct sk_buff *first = xtcp_sndq_first(sk), *skb;
	bool reneged = has_reneged(sk);
	u64 now_us = xtcp_clock_us();

	if (reneged) {
		XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPSACKRENEGING);
		xtcp_scoreboard_forget_sacked(sk);
	} else if (!tx->agreed.sack_ok) {
		forget_duplicates(sk);
	}
	for (skb = first; skb; skb = xtcp_sndq_next(sk, skb)) {
		if (xtcp_sndcb(skb)->marks & XTCP_SNDQ_SACKED)
			continue;
		if (!reneged && tx->agreed.sack_ok && skb != first && xtcp_rack_is_recent(sk, skb, now_us))
			continue;
		xtcp_scoreboard_lost(sk, skb);
	}
	return reneged;
}

static void count_failure(const struct xtcp_sender *tx)
{
	const bool sack = tx->agreed.sack_ok;

	if (tx->cong.phase == XTCP_CONG_RECOVERY)
		XTCP_NET_INC_STATS(tx->xn, sack ? LINUX_MIB_TCPSACKRECOVERYFAIL : LINUX_MIB_TCPRENORECOVERYFAIL);
	else if (tx->cong.phase == XTCP_CONG_LOSS)
		XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPLOSSFAILURES);
	else if (tx->cong.phase == XTCP_CONG_DISORDER)
		XTCP_NET_INC_STATS(tx->xn, sack ? LINUX_MIB_TCPSACKFAILURES : LINUX_MIB_TCPRENOFAILURES);
}

/*
 * If the peer has acknowledged no text so far, the path may drop ECT(1): no ECT from now on, since
 * each flight could cost a timeout. The price: after a mere outage, the connection goes on without
 * L4S. Otherwise only text that is resent after the timeout is not ECT (xtcp_ecn_codepoint()).
 */
static void ecn_after_timeout(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xtcp_ecn_is_scalable(sk) && !xsk->stream->delivered_segments && READ_ONCE(xsk->xn->sysctl.ecn_fallback))
		xsk->ecn &= ~XTCP_ECN_OK;
}

/**
 * xtcp_timeout_passed() - the retransmission timer has expired (RFC 6298 (5.4))
 * @sk: has data in flight; tx->tries.retransmits counts the timeouts before this one
 *
 * For the same data in flight, ssthresh falls only the first time (RFC 5681 section 3.1). F-RTO
 * does not begin in the middle of fast recovery, whose retransmissions would mislead it (RFC 5682
 * section 3.1 step 1).
 * Return: true when a local queue refused the retransmission.
 */
bool xtcp_timeout_passed(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_scoreboard *sb = &stream->scoreboard;
	bool new_repair = tx->cong.phase < XTCP_CONG_RECOVERY, reneged;

	sock_owned_by_me(sk);
	if (!tx->tries.retransmits)
		count_failure(tx);
	reneged = all_is_lost(sk);
	if (tx->cong.phase <= XTCP_CONG_DISORDER || xtcp_seq_ge(tx->snd.una, stream->recover) ||
	    (tx->cong.phase == XTCP_CONG_LOSS && !tx->tries.retransmits)) {
		xtcp_reduction_timeout(sk);
		undo_begin(sk);
	} else if (tx->cong.phase == XTCP_CONG_CWR) {
		xtcp_reduction_further(sk, 0);
	}
	/* many segments were sacked, and yet none was lost: the estimate of reordering was too high */
	if (tx->cong.phase <= XTCP_CONG_DISORDER && sb->sacked_segments >= XTCP_DUPACK_THRESHOLD)
		sb->reordering = min_t(u32, sb->reordering, XTCP_DUPACK_THRESHOLD);
	xtcp_reduction_restart(sk, xtcp_pipe_octets(sk));
	stream->recover = tx->snd.nxt;
	stream->tlp.pending = false;
	xtcp_ecn_reduced(sk);
	ecn_after_timeout(sk);
	stream->frto = READ_ONCE(tx->xn->sysctl.frto) && (new_repair || tx->tries.retransmits);
	xtcp_phase_set(sk, XTCP_CONG_LOSS, reneged ? XTCP_TRACE_RENEGED : XTCP_TRACE_TIMEOUT);
	return xtcp_repair_lost(sk, true) > 0;
}
