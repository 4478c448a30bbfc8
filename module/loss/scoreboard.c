// SPDX-License-Identifier: GPL-2.0
/*
 * The scoreboard: the state of the octets in flight. One model serves every kind of loss detection:
 *
 *   pipe = sent - acknowledged - sacked - lost + resent
 *
 * (RFC 6675 section 4, in octets). An skb of the send queue is marked as sacked, as lost, as lost
 * and resent, or has no mark. A mark holds for the whole skb (sacked.c). Without SACK, each
 * duplicate ACK counts as one segment sacked somewhere above SND.UNA, and no skb is marked as
 * sacked.
 *
 * sacked.c reads SACK blocks. rack.c, and recovery.c, timeout.c and repair.c in recovery/, decide
 * what is lost. output.c, repair.c and files of cong/ use pipe. resend.c decides in which order
 * lost skbs are resent.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "loss/scoreboard.h"

#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/seq.h"
#include "cong/cong.h"
#include "cong/rate.h"
#include "ecn/ecn.h"
#include "loss/rack.h"
#include "loss/resend.h"
#include "loss/sample.h"
#include "loss/undo.h"
#include "sendq/sendq.h"
#include "sight/mib.h"

#define REORDERING_MAX	300U	/* segments, as Linux's tcp_max_reordering */
#define TIMEOUTS_MANY	3	/* after so many timeouts, the echo of an earlier copy is stale */

static u32 octets_of(const struct sk_buff *skb)
{
	return xtcp_sndcb(skb)->end_seq - xtcp_sndcb(skb)->seq;
}

/* Removes an skb from the sums of lost and resent octets. */
static __always_inline void unmark_lost(struct xtcp_sender *tx, struct sk_buff *skb)
{
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	if (cb->marks & XTCP_SNDQ_LOST)
		stream->scoreboard.lost -= octets_of(skb);
	if (cb->marks & XTCP_SNDQ_RESENT)
		stream->scoreboard.resent -= octets_of(skb);
	cb->marks &= ~(XTCP_SNDQ_LOST | XTCP_SNDQ_RESENT);
}

/*
 * Does the ACK echo an earlier copy of the skb of @cb, after many timeouts? Three timeouts are many
 * if SND.UNA has not moved since the first of them, or if the RTO has had no sample since. The echo
 * is of an earlier copy if TSecr is from before the last copy was sent. Only the skb at SND.UNA is
 * tested, because a timeout resends this skb.
 */
static bool echo_is_stale(const struct xtcp_sender *tx, const struct xtcp_sndcb *cb, const struct xtcp_sample *sample)
{
	const bool often = tx->tries.retransmits >= TIMEOUTS_MANY || tx->rto.backoff >= TIMEOUTS_MANY;

	return often && sample->tsecr && xtcp_seq_le(cb->seq, sample->una_before) &&
	       xtcp_seq_lt(sample->tsecr - tx->snd.ts_offset, xtcp_clock_ts_of(cb->sent_us));
}

/*
 * Updates RACK, the delivery rate and the RTT samples: @skb has arrived up to @end. Also updates
 * *@low, the lowest sequence number of arrived skbs that were sent only once. If *@low is below the
 * highest octet that was sacked before this ACK, segments were reordered: xtcp_sacked_take() and
 * xtcp_scoreboard_ack() check this.
 */
static __always_inline void note_arrival(struct sock *sk, const struct sk_buff *skb, u32 end,
					 struct xtcp_sample *sample, u32 *low)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	/* a SYN may have been sent before tx->stream is allocated */
	if (xtcp_stream_is_there(tx->stream)) {
		xtcp_rack_arrived(sk, skb, end, sample);
		xtcp_rate_arrived(sk, skb, sample);
	}
	if (cb->transmissions > 1) {
		sample->resent_acked = true;
		sample->echo_is_stale |= echo_is_stale(tx, cb, sample);
		return;
	}
	if (xtcp_seq_le(cb->end_seq, tx->stream->recover))
		sample->original_arrived = true;
	if (xtcp_seq_lt(cb->seq, *low))
		*low = cb->seq;
	if (!sample->first_sent_us)
		sample->first_sent_us = cb->sent_us;
	sample->last_sent_us = max(sample->last_sent_us, cb->sent_us);
}

/**
 * xtcp_scoreboard_sacked() - mark an skb as sacked
 * @sk: the sock
 * @skb: the skb; it was sent and is not sacked yet
 * @sample: receives what is newly sacked
 * @low: lowered to the first octet of @skb if @skb was sent only once and begins below *@low
 *
 * RFC 2018 section 5.
 */
void xtcp_scoreboard_sacked(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample, u32 *low)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_scoreboard *sb = &tx->stream->scoreboard;

	sock_owned_by_me(sk);
	note_arrival(sk, skb, xtcp_sndcb(skb)->end_seq, sample, low);
	unmark_lost(tx, skb);
	xtcp_sndq_leave_list(sk, skb);
	xtcp_sndcb(skb)->marks |= XTCP_SNDQ_SACKED;
	xtcp_sndcb(skb)->sacked_to = xtcp_sndcb(skb)->end_seq;
	sb->sacked += octets_of(skb);
	sb->sacked_segments += xtcp_sndq_segments(skb);
	sb->high_sacked = xtcp_seq_max(sb->high_sacked, xtcp_sndcb(skb)->end_seq);
	sample->sacked += octets_of(skb);
	sample->delivered += octets_of(skb);
	if (unlikely(tx->ecn & XTCP_ECN_ACCURATE))
		sample->segments += xtcp_sndq_segments(skb);
}

/*
 * Without SACK: counts the @acked octets as delivered, except those that duplicate ACKs have
 * already counted. The first segment was missing until now, so no duplicate ACK has counted it.
 */
static void virtual_sacks_acked(struct sock *sk, u32 acked, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
	u32 others = acked > tx->mss ? acked - tx->mss : 0;
	u32 known = min(others, sb->sacked);

	if (sb->sacked) {
		sb->sacked -= known;
		sb->sacked_segments = DIV_ROUND_UP(sb->sacked, tx->mss);
	}
	sample->delivered += acked - known;
	/*
	 * an ACK that covers a segment that was resent does not show that an original has just
	 * arrived (RFC 5682 section 2.1). Perhaps only the copy has just arrived, and all other
	 * segments that the ACK covers arrived earlier
	 */
	if (sample->resent_acked)
		sample->original_arrived = false;
}

/* An ACK ends inside @skb: does it acknowledge all text of @skb, so that only the FIN is left? */
static bool is_fin_left(const struct sk_buff *skb, u32 ack)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	return cb->end_seq - ack == 1 && skb->len && ack - cb->seq == skb->len;
}

/* An ACK ends inside @skb: frees the octets that the ACK acknowledges. */
static void acked_in_part(struct sock *sk, struct sk_buff *skb, u32 ack)
{
	struct xtcp_scoreboard *sb = &xtcp_sender(sk)->stream->scoreboard;
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 len = ack - cb->seq;

	if (len >= skb->len || !xtcp_cut_front(sk, skb, len))
		return;
	if (cb->marks & XTCP_SNDQ_SACKED)
		sb->sacked -= len;
	if (cb->marks & XTCP_SNDQ_LOST)
		sb->lost -= len;
	if (cb->marks & XTCP_SNDQ_RESENT)
		sb->resent -= len;
}

/* Removes an skb from all sums. */
static void unmark(struct xtcp_sender *tx, struct sk_buff *skb)
{
	struct xtcp_scoreboard *sb = &tx->stream->scoreboard;

	if (xtcp_sndcb(skb)->marks & XTCP_SNDQ_SACKED) {
		sb->sacked -= octets_of(skb);
		sb->sacked_segments -= min(sb->sacked_segments, xtcp_sndq_segments(skb));
	}
	unmark_lost(tx, skb);
}

/**
 * xtcp_scoreboard_ack() - free the skbs that an ACK acknowledges
 * @sk: the sock; SND.UNA is from before the ACK
 * @ack: SEG.ACK, beyond SND.UNA, at most SND.NXT
 * @sample: receives what is newly acknowledged
 */
void xtcp_scoreboard_ack(struct sock *sk, u32 ack, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_scoreboard *sb = &stream->scoreboard;
	u32 high = sample->high_before, low = high, acked = ack - tx->snd.una;
	u32 una = tx->snd.una;
	u64 sacked_first_us = sample->first_sent_us;
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	sample->acked = acked;
	/* the RTT of acknowledged segments takes precedence over the RTT of sacked segments */
	sample->first_sent_us = 0;
	while ((skb = xtcp_sndq_first(sk))) {
		const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
		bool whole = xtcp_seq_le(cb->end_seq, ack);
		u32 begin = xtcp_seq_max(cb->seq, una), end = whole ? cb->end_seq : ack;

		if (xtcp_seq_le(ack, cb->seq))
			break;
		if (!whole && is_fin_left(skb, ack) && !xtcp_cut_split(sk, skb, skb->len, GFP_ATOMIC))
			continue;
		/*
		 * The skb may begin before SND.UNA, if an earlier ACK could not trim the skb for
		 * lack of memory. That ACK has counted the octets, so do not count them again.
		 */
		if (xtcp_seq_gt(end, begin) && !(cb->marks & XTCP_SNDQ_SACKED)) {
			note_arrival(sk, skb, end, sample, &low);
			if (tx->agreed.sack_ok)
				sample->delivered += end - begin;
			if (unlikely(tx->ecn & XTCP_ECN_ACCURATE))
				sample->segments += DIV_ROUND_UP(end - begin, xtcp_sndq_segment(skb));
		}
		if (!whole) {
			acked_in_part(sk, skb, ack);
			break;
		}
		if (unlikely(cb->marks != XTCP_SNDQ_SENT))
			unmark(tx, skb);
		xtcp_sndq_drop(sk, skb);
		if (end == ack)
			break;
	}
	if (!sample->first_sent_us)
		sample->first_sent_us = sacked_first_us;
	if (unlikely(sb->sacked_segments) && !sb->sacked)
		sb->sacked_segments = 0;
	if (!tx->agreed.sack_ok)
		virtual_sacks_acked(sk, acked, sample);
	else if (xtcp_seq_lt(low, high) && (tx->cong.phase != XTCP_CONG_LOSS || stream->undo.armed))
		xtcp_scoreboard_reordered(sk, low, LINUX_MIB_TCPSACKREORDER);
}

/**
 * xtcp_scoreboard_duplicate_ack() - count a duplicate ACK, without SACK
 * @sk: a sock that does not use SACK
 * @sample: its sacked and its delivered octets grow by at most one segment
 *
 * RFC 5681 section 3.2: a duplicate ACK means that a segment has arrived. Missing are at least the
 * octets of the first segment, or those marked as lost if these are more. So the sum of sacked
 * octets grows at most to the number of the other outstanding octets.
 *
 * If there are more duplicate ACKs than outstanding segments, and nothing is marked as lost, then
 * segments were reordered. The reordering estimate rises to the number of duplicate ACKs.
 */
void xtcp_scoreboard_duplicate_ack(struct sock *sk, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_scoreboard *sb = &stream->scoreboard;
	const struct sk_buff *first = xtcp_sndq_first(sk);
	u32 out = tx->snd.nxt - tx->snd.una;
	u32 missing = max(sb->lost, first ? min_t(u32, tx->mss, octets_of(first)) : 0);
	u32 most = out > missing ? out - missing : 0;
	u32 step = most > sb->sacked ? min_t(u32, tx->mss, most - sb->sacked) : 0;

	sock_owned_by_me(sk);
	/* segments may be smaller than the MSS, so count segments and octets separately */
	sb->sacked_segments++;
	if (sb->sacked_segments > DIV_ROUND_UP(out, tx->mss) && sb->sacked_segments > sb->reordering && !sb->lost) {
		sb->reordering = min_t(u32, sb->sacked_segments, REORDERING_MAX);
		sb->reorderings++;
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPRENOREORDER);
	}
	if (!step)
		return;
	sb->sacked += step;
	sample->sacked += step;
	sample->delivered += step;
	/* the ACK of these octets does not count them again: virtual_sacks_acked() */
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDELIVERED);
	stream->delivered_segments++;
	stream->delivered += step;
	stream->delivered_us = sample->now_us;
}

/**
 * xtcp_scoreboard_forget_duplicates() - drop the count of duplicate ACKs, without SACK
 * @sk: a sock that does not use SACK
 */
void xtcp_scoreboard_forget_duplicates(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_sender(sk)->stream->scoreboard.sacked = 0;
	xtcp_sender(sk)->stream->scoreboard.sacked_segments = 0;
}

/**
 * xtcp_scoreboard_lost() - mark an skb, or its retransmission, as lost
 * @sk: the sock
 * @skb: the skb; it was sent and is not sacked
 */
void xtcp_scoreboard_lost(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_scoreboard *sb = &stream->scoreboard;
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	sock_owned_by_me(sk);
	if ((cb->marks & (XTCP_SNDQ_LOST | XTCP_SNDQ_RESENT)) == XTCP_SNDQ_LOST)
		return;
	if (cb->marks & XTCP_SNDQ_RESENT) {
		cb->marks &= ~XTCP_SNDQ_RESENT;
		sb->resent -= octets_of(skb);
		XTCP_NET_ADD_STATS(xtcp_net_of(sk), LINUX_MIB_TCPLOSTRETRANSMIT, xtcp_sndq_segments(skb));
	} else {
		cb->marks |= XTCP_SNDQ_LOST;
		sb->lost += octets_of(skb);
	}
	stream->lost_total += octets_of(skb);
	xtcp_cong_octets_lost(sk, &(struct xtcp_cong_loss) {
		.octets = octets_of(skb),
		.in_flight_then = xtcp_sndnote(skb)->in_flight,
		.lost_since = stream->lost_total - xtcp_sndnote(skb)->lost,
		.is_limited = cb->marks & XTCP_SNDQ_LIMITED,
	});
	xtcp_resend_add(sk, skb);
}

/**
 * xtcp_scoreboard_resent() - an skb was resent: if it was lost, mark it as in flight again
 * @sk: the sock
 * @skb: the skb; xtcp_sndq_sent() has moved it to the list of skbs in flight
 */
void xtcp_scoreboard_resent(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	sock_owned_by_me(sk);
	if (cb->marks & XTCP_SNDQ_RESENT)
		return;
	if (!(cb->marks & XTCP_SNDQ_LOST)) {
		/* a tail loss probe has resent an skb in flight: pipe counts the skb only once */
		return;
	}
	cb->marks |= XTCP_SNDQ_RESENT;
	xtcp_sender(sk)->stream->scoreboard.resent += octets_of(skb);
}

/**
 * xtcp_scoreboard_not_lost() - remove all marks of loss, after a needless recovery
 * @sk: the sock
 *
 * The lost skbs count as in flight again (RFC 5682 section 3, RFC 3522 section 3.2). The work grows
 * with the number of skbs that counted as lost, and with the number of skbs sent since the first
 * retransmission.
 */
void xtcp_scoreboard_not_lost(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_sndcb *cb;

	sock_owned_by_me(sk);
	list_for_each_entry_reverse(cb, &stream->in_flight, node) {
		if (!stream->scoreboard.resent)
			break;
		unmark_lost(tx, xtcp_sndq_skb_of(cb));
	}
	list_for_each_entry(cb, &stream->to_resend, node)
		unmark_lost(tx, xtcp_sndq_skb_of(cb));
	xtcp_resend_put_back(sk);
}

/**
 * xtcp_scoreboard_reneged() - has the peer dropped octets that it had sacked?
 * @sk: the sock; its SND.UNA has moved
 *
 * If the skb at SND.UNA is marked as sacked, the peer had it and should have acknowledged it (RFC
 * 2018 section 8).
 *
 * Return: true if the peer has dropped octets.
 */
bool xtcp_scoreboard_reneged(const struct sock *sk)
{
	const struct sk_buff *first = xtcp_sndq_first(sk);

	sock_owned_by_me(sk);
	return first && xtcp_sndcb(first)->marks & XTCP_SNDQ_SACKED;
}

/**
 * xtcp_scoreboard_forget_sacked() - remove all marks of SACK after reneging
 * @sk: the sock
 *
 * RFC 2018 section 8: the skbs that were sacked count as in flight again, and can be marked as
 * lost.
 */
void xtcp_scoreboard_forget_sacked(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct list_head *after = &stream->in_flight;
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	for (skb = xtcp_sndq_first(sk); skb; skb = xtcp_sndq_next(sk, skb)) {
		if (!(xtcp_sndcb(skb)->marks & XTCP_SNDQ_SACKED))
			continue;
		xtcp_sndcb(skb)->marks &= ~XTCP_SNDQ_SACKED;
		/* cb->sacked_to, in the same union, has overwritten cb->delivered */
		xtcp_sndcb(skb)->delivered = stream->delivered;
		list_add(&xtcp_sndcb(skb)->node, after);
		after = &xtcp_sndcb(skb)->node;
	}
	stream->scoreboard.sacked = 0;
	stream->scoreboard.sacked_segments = 0;
	stream->scoreboard.high_sacked = tx->snd.una;
	memset(stream->scoreboard.seen, 0, sizeof(stream->scoreboard.seen));
}

/**
 * xtcp_scoreboard_reordered() - update the reordering estimate
 * @sk: the sock
 * @low: the first octet of an original that a segment sent later has overtaken
 * @counter: LINUX_MIB_TCP*REORDER, for the way in which reordering was detected
 *
 * The idea comes from RFC 4653, and the measure from Linux: the estimate rises to the distance, in
 * segments, from @low to the highest octet that was sacked. Without SACK, that octet is unknown,
 * and SND.NXT takes its place. This function never lowers the estimate; the limit is 300.
 */
void xtcp_scoreboard_reordered(struct sock *sk, u32 low, int counter)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
	u32 high = tx->agreed.sack_ok ? sb->high_sacked : tx->snd.nxt;
	u32 distance = xtcp_seq_gt(high, low) ? high - low : 0;

	sock_owned_by_me(sk);
	if (distance > sb->reordering * tx->mss && tx->mss)
		sb->reordering = min_t(u32, DIV_ROUND_UP(distance, tx->mss), REORDERING_MAX);
	sb->reorderings++;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), counter);
}
