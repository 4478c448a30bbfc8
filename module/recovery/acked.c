// SPDX-License-Identifier: GPL-2.0
/*
 * Process an ACK that arrive/acks.c has found acceptable. The order is: SACK blocks, SND.UNA, the
 * RTT, the counts of delivered and marked segments, the send window, the timers. At the end,
 * recovery.c sets the phase of congestion control and resends lost segments.
 */
#include "recovery/recovery.h"

#include "base/bounds.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "send/send.h"
#include "sight/sight.h"

/* the window of a SYN is never scaled (RFC 7323 section 2.2) */
static u32 segment_window(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	return unlikely(seg->flags & XTCP_SYN) ? seg->wnd : (u32)seg->wnd << xsk->agreed.snd_wscale;
}

/* Return: true when MAX.SND.WND has grown, and its old value limited the MSS. */
static bool set_window(struct xtcp_sock *xsk, const struct xtcp_seg *seg, u32 wnd)
{
	bool bounds_mss = xsk->snd.max_wnd / 2 <= xsk->mss;

	return xtcp_snd_offered(&xsk->snd, wnd, seg->seq) && bounds_mss;
}

/*
 * An ACK gives no RTT, because it covers a segment that was resent; but also one that was sent only
 * once, after at most sample->rtt_us. Without SACK and timestamps, if each flight has a hole, there may
 * be no other ACK for long: each timeout would double the RTO (RFC 6298 sections 3 and 5).
 */
static noinline void ease_backoff(struct xtcp_sock *xsk, const struct xtcp_sample *sample)
{
	/* window probes have a backoff of their own, which ends now */
	xtcp_timer_take_back_backoff(&xsk->timers, &xsk->rto);
	xtcp_rto_ease_for(&xsk->rto, sample->rtt_us, xsk->snd.una, xsk->snd.nxt,
			  xtcp_bounds_sample_floor_us(&xsk->inet.sk));
}

/*
 * Samples the round trip time (RFC 6298 section 3, RFC 7323 section 4.1). Each newly acknowledged
 * or sacked segment that was sent only once gives an RTT. Congestion control takes the shortest. The
 * RTO takes the longest, with the peer's ACK delay, of acknowledged segments, or else of sacked ones.
 * Without any, or if the ACK reports a segment that was resent, it takes the RTT of the timestamp
 * echo, if the ACK moves SND.UNA. True: the RTO has a new sample.
 *
 * One exception: after three timeouts since SND.UNA last moved, or since the last sample, the echo of
 * a copy of the first segment but the last one gives no RTT (RFC 7323 section 4.1, MAY). Either an
 * outage has delayed that copy. Or its ACK was lost, and this ACK answers a later copy, which the
 * peer drops as a duplicate and does not echo (section 5.3, R2 before R3). Such a time includes a
 * timeout: it could make the RTO as long as its maximum. Without a sample, the RTO keeps its backoff
 * (RFC 6298 section 3, Karn's algorithm; but see ease_backoff()), which soon exceeds a longer RTT.
 */
static __always_inline bool sample_rtt(struct xtcp_sock *xsk, struct xtcp_sample *sample, bool moved)
{
	u32 ms, us;

	/* fq did not hold this text back, so nobody knows when it left, and it gives no RTT */
	if (unlikely(sample->last_sent_us > sample->now_us)) {
		xtcp_pace_not_held(&xsk->inet.sk);
		if (sample->first_sent_us > sample->now_us)
			sample->first_sent_us = 0;
	} else if (sample->last_sent_us) {
		sample->rtt_us = min_t(u64, xtcp_clock_since_us(sample->now_us, sample->last_sent_us), U32_MAX) ?: 1;
		xtcp_rto_take_min(&xsk->rto, sample->rtt_us, (u32)div_u64(sample->now_us, USEC_PER_SEC));
	}
	if (sample->first_sent_us && !(moved && sample->resent_acked)) {
		us = min_t(u64, xtcp_clock_since_us(sample->now_us, sample->first_sent_us), U32_MAX);
	} else {
		if (!moved || !sample->tsecr || sample->echo_is_stale) {
			if (unlikely(xsk->rto.backoff && moved && sample->rtt_us))
				ease_backoff(xsk, sample);
			return false;
		}
		ms = xtcp_clock_ts_of(sample->now_us) + xsk->snd.ts_offset - sample->tsecr;
		if (ms > XTCP_RTO_MAX_MS)
			return false;
		us = max(ms, 1U) * USEC_PER_MSEC;
	}
	xtcp_bounds_sample(&xsk->inet.sk, us);
	return true;
}

/* SND.UNA has moved: is the probe acknowledged now? Then the MSS grows. */
static void mtuprobe_acked(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_mtuprobe *probe = &tx->stream->mtuprobe;

	if (!probe->size || xtcp_seq_lt(tx->snd.una, probe->end))
		return;
	probe->low = probe->size;
	probe->size = 0;
	xtcp_mss_sync(sk, tx->pmtu);
	XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPMTUPSUCCESS);
}

static void una_moves(struct sock *sk, u32 ack, struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 acked = ack - xsk->snd.una;

	xtcp_scoreboard_ack(sk, ack, sample);
	xtcp_snd_acked(&xsk->snd, ack);
	if (unlikely(xsk->snd_urgent) && xtcp_seq_ge(ack, stream->snd_up))
		xsk->snd_urgent = false;
	if (unlikely(stream->mtuprobe.size))
		mtuprobe_acked(sk);
	stream->bytes_acked += acked - xtcp_acked_fin(sk);
	xtcp_tries_acked(&xsk->tries);
	stream->probe_stamp = 0;
	if (ack == xsk->snd.write_seq)
		xtcp_busy_with(&xsk->stream->busy, XTCP_IDLE);
	sk_dst_confirm(sk);
}

/*
 * Inline, as others here: they run for most ACKs. Callers declare and initialize their sample in
 * one statement: else CONFIG_INIT_STACK_ALL_ZERO would have it zeroed first.
 */
static __always_inline struct xtcp_sample new_sample(const struct sock *sk, const struct xtcp_seg *seg)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return (struct xtcp_sample) {
		.now_us = xsk->arrived_us,
		.una_before = xsk->snd.una,
		.high_before = xsk->stream->scoreboard.sacked ? xsk->stream->scoreboard.high_sacked : xsk->snd.una,
		.tsecr = xsk->agreed.ts_ok && seg->has_ts ? seg->tsecr : 0,
		.ece = xtcp_ecn_echoed(sk, seg),
		.news = seg->seq != seg->end_seq,
	};
}

/* @skb: the ACK; NULL if a later one has overtaken it, because its AccECN counter is old. */
static noinline void count_marks(struct sock *sk, struct sk_buff *skb, u32 segments, struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xsk->ecn & XTCP_ECN_ACCURATE) {
		/* a SYN-ACK may acknowledge text (RFC 7413), but its flags are not the ACE counter */
		if (skb && !(xtcp_seg(skb)->flags & XTCP_SYN))
			xtcp_accecn_feedback(sk, skb, segments, sample);
	} else if (sample->ece) {
		sample->marked = segments;
	}
	if (sample->marked) {
		XTCP_NET_ADD_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDELIVEREDCE, sample->marked);
		xsk->delivered_ce += sample->marked;
	}
	if (xsk->algorithm->ecn_ack)
		xsk->algorithm->ecn_ack(sk, sample);
}

/* The sums for delivery rates. @skb: as in count_marks(). */
static __always_inline void count_delivered(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 segments;

	if (!sample->delivered)
		return;
	segments = sample->delivered <= xsk->mss ? 1 : DIV_ROUND_UP(sample->delivered, xsk->mss);
	XTCP_NET_ADD_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDELIVERED, segments);
	stream->delivered_segments += segments;
	stream->delivered += sample->delivered;
	stream->delivered_us = sample->now_us;
	if (unlikely(xsk->ecn))
		count_marks(sk, skb, segments, sample);
	xtcp_rate_ack(sk, sample);
}

/* of an ACK that a later ACK has overtaken */
static void take_old_ack(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sample sample = new_sample(sk, xtcp_seg(skb));

	sample.tsecr = 0;
	sample.ece = false;
	xtcp_sacked_take(sk, skb, &sample);
	count_delivered(sk, NULL, &sample);
	xtcp_recovery_ack(sk, &sample);
}

/*
 * RFC 9293 section 3.10.7.4, fifth step. @wnd: SEG.WND in octets. If SND.UNA has moved, the ACK is the
 * newest, whatever SEG.SEQ of resent text is, as in Linux. If not, an ACK with SEG.SEQ < SND.WL1 is
 * old. SND.WL2 is not needed: SEG.ACK is at least SND.UNA.
 */
static __always_inline void update_window(struct sock *sk, const struct xtcp_seg *seg, u32 wnd, bool moved)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool opened = !xsk->snd.wnd && wnd;

	if (!moved && xtcp_seq_lt(seg->seq, xsk->snd.wl1))
		return;
	if (set_window(xsk, seg, wnd))
		xtcp_mss_sync(sk, xsk->pmtu);
	if (opened)
		xtcp_timer_window_opened(sk);
}

/* Does an ACK that does not move SND.UNA say nothing about the segments in flight? Only its window is taken then. */
static bool is_noop_ack(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	/* a tail loss probe may cause a duplicate ACK after all was acknowledged; xtcp_tlp_ack() has to see it */
	if (seg->sack_blocks || xsk->stream->tlp.pending || (seg->flags & XTCP_ECE && !(xsk->ecn & XTCP_ECN_ACCURATE)))
		return false;
	return xsk->snd.una == xsk->snd.nxt || (xsk->agreed.sack_ok && xsk->cong.phase == XTCP_CONG_OPEN);
}

/* An ACK may report a loss or a mark before we have sent any text. Return: false without memory. */
static __always_inline bool has_stream(struct sock *sk)
{
	return xtcp_stream_is_there(xtcp_sk(sk)->stream) || xtcp_stream_begin(sk, GFP_ATOMIC);
}

/* Text sent after the last transmission of the first segment must not delay the timer: that may be lost. */
static bool is_from_before_the_head(struct sock *sk, const struct xtcp_sample *sample)
{
	const struct sk_buff *head = xtcp_sndq_first(sk);

	return head && sample->first_sent_us < xtcp_sndcb(head)->sent_us;
}

/* @moves: the ACK moves SND.UNA. */
static __always_inline void take_news(struct sock *sk, struct sk_buff *skb, bool moves)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sample sample = new_sample(sk, seg);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 wnd = segment_window(xsk, seg);
	bool sampled;

	/* a duplicate ACK as in RFC 5681 section 2, (a) to (e); as in Linux, also with a window that has shrunk */
	sample.news |= wnd > xsk->snd.wnd;
	sample.duplicate = xsk->snd.una != xsk->snd.nxt && !moves && !sample.news;
	if (xsk->agreed.sack_ok && seg->sack_blocks)
		xtcp_sacked_take(sk, skb, &sample);
	if (moves)
		una_moves(sk, seg->ack, &sample);
	sampled = sample_rtt(xsk, &sample, moves);
	if (sampled)
		xsk->stream->tlp.wants_sample = false;
	count_delivered(sk, skb, &sample);
	update_window(sk, seg, wnd, moves);
	if (moves || (sampled && is_from_before_the_head(sk, &sample)))
		xtcp_flight_ack_progress(sk);
	xtcp_recovery_ack(sk, &sample);
}

/* Process an ACK with SND.UNA =< SEG.ACK =< SND.NXT in a synchronized state. */
void xtcp_acked_take(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool moves = seg->ack != xsk->snd.una;

	sock_owned_by_me(sk);
	if ((!moves && is_noop_ack(xsk, seg)) || !has_stream(sk))
		update_window(sk, seg, segment_window(xsk, seg), moves);
	else
		take_news(sk, skb, moves);
}

/* Process an ACK with SEG.ACK < SND.UNA, which may have new SACK blocks. */
void xtcp_acked_overtaken(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->agreed.sack_ok && xtcp_seg(skb)->sack_blocks && has_stream(sk))
		take_old_ack(sk, skb);
}

/*
 * Was the SYN resent at least twice, and the original lost? An ACK that echoes the original's
 * timestamp shows that it was not (Eifel, RFC 3522): that of a copy is at least a timeout later.
 */
static bool syn_was_lost(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	if (xsk->total_retrans < 2)
		return false;
	return !xsk->agreed.ts_ok || !seg->has_ts || !xsk->tries.retrans_stamp ||
	       seg->tsecr - xsk->snd.ts_offset - xsk->tries.retrans_stamp >= XTCP_RTO_INITIAL_MS;
}

/**
 * xtcp_acked_syn() - process the ACK of our SYN
 * @sk: SYN-SENT or SYN-RECEIVED, about to enter ESTABLISHED; ISS < SEG.ACK =< SND.NXT
 * @seg: the ACK or SYN-ACK
 *
 * RFC 9293 section 3.10.7.3, fourth step, and section 3.10.7.4, fifth step. RTT measurement and the
 * congestion window start here.
 */
void xtcp_acked_syn(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	/* congestion on the SYN counts as its loss (RFC 9768 section 3.2.2.2) */
	bool lost = syn_was_lost(xsk, seg) || xsk->accecn.faults & XTCP_ACCECN_SYN_CE;
	struct xtcp_sample sample = new_sample(sk, seg);

	sock_owned_by_me(sk);
	xtcp_scoreboard_ack(sk, seg->ack, &sample);
	/* synq.c has set a child's RTT. The echo would be inexact: our SYN-ACK's TSval may encode options (secret.c) */
	if (!xsk->rto.srtt_us && !sample_rtt(xsk, &sample, true) && xsk->total_retrans)
		xtcp_rto_syn_lost(&xsk->rto);
	if (xtcp_stream_is_there(stream)) {
		stream->delivered_us = sample.now_us;
		stream->recover = seg->ack;
		/* with Fast Open, a small segment may have been sent already */
		stream->snd_sml = xtcp_seq_max(stream->snd_sml, seg->ack);
	}
	/* as in Linux, a SYN counts here, but not a SYN-ACK */
	if (sk->sk_state == TCP_SYN_SENT)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDELIVERED);
	WRITE_ONCE(sk->sk_err_soft, 0);
	xtcp_snd_acked(&xsk->snd, seg->ack);
	xtcp_tries_acked(&xsk->tries);
	xtcp_timeouts_over(&xsk->timeouts);
	xsk->ack_tstamp = (u32)jiffies;
	set_window(xsk, seg, segment_window(xsk, seg));
	xtcp_mtuprobe_begin(sk);
	xtcp_mss_sync(sk, xsk->pmtu);
	xtcp_cong_start(sk, lost);
	xtcp_algorithms_start(sk);
	xtcp_sndbuf_expand(sk);
	xtcp_flight_ack_progress(sk);
	sk_dst_confirm(sk);
}

