// SPDX-License-Identifier: GPL-2.0
/*
 * The scoreboard: the state of the octets in flight. One model, that of loss.h (RFC 6675 section 4,
 * in octets), serves every kind of loss detection. An skb of the send queue is marked as sacked, as
 * lost, as lost and resent, or not at all; a mark holds for the whole skb. Without SACK, each
 * duplicate ACK counts as one segment sacked somewhere above SND.UNA, and no skb is marked so.
 *
 * RACK and recovery.c decide what is lost, the scoreboard in which order it is resent: by sequence
 * number, unless the search for a place has stopped after WALK_MAX steps. An skb is either on this
 * list or on that of skbs in flight: both use the same list node.
 *
 * The SACK blocks of an ACK report segments that have arrived above SND.UNA, and octets that have
 * arrived twice (D-SACK). If a block begins or ends inside an skb, the skb is split.
 */
#include "loss/loss.h"

#include <linux/list_sort.h>

#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "sight/sight.h"

/*
 * RACK (RFC 8985 section 6): a segment counts as lost when a segment that was sent later has
 * arrived, and reordering in the network no longer explains why the earlier one is missing. RACK
 * also finds lost retransmissions, since it compares sending times and not sequence numbers.
 *
 * A missing segment has the RTT of the segment that arrived last, plus the reordering window
 * (section 6.2 steps 4 and 5), counted from when it was sent. The window is a quarter of the
 * smallest RTT, and another quarter for each round trip with a D-SACK. As long as no reordering has
 * been seen, it is 0 during recovery, and whenever at least three segments are sacked. Afterwards
 * the smoothed RTT replaces the other one, if it is longer.
 *
 * stream->in_flight is in order of sending: detection looks only at the skbs that now count as
 * lost, and at the first one that does not.
 */

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

#define WND_PERSIST	16U	/* recoveries for which a wider window stays wide (6.2 step 4) */

/*
 * How late a segment may be, microseconds (section 6.2 step 4); at most @srtt_us. @ahead_us: by how
 * much the last RTT is shorter than @srtt_us: others are not late because one was fast.
 */
static u32 xtcp_reorder_window(const struct xtcp_reorder *reorder, u32 min_rtt_us, u32 srtt_us, u32 ahead_us)
{
	return min_t(u64, (u64)min_rtt_us / 4 * reorder->wnd_mult + ahead_us, srtt_us);
}

/**
 * xtcp_reorder_ack() - widen the window if an ACK shows that the window was too small
 * @reorder: the state to update
 * @snd_una: SND.UNA after the ACK
 * @snd_nxt: SND.NXT
 * @dsack: the ACK has a D-SACK, which shows that the window was too small
 *
 * The window grows by a quarter of the smallest RTT, at most once per round trip (section 6.2 step
 * 4). It ends when SND.UNA reaches SND.NXT of its beginning. While all text arrives in order, this
 * is not called; when more than 2^31 octets pass meanwhile, that end seems to lie beyond SND.NXT.
 * Context: any.
 */
void xtcp_reorder_ack(struct xtcp_reorder *reorder, u32 snd_una, u32 snd_nxt, bool dsack)
{
	if (reorder->in_dsack_round &&
	    (xtcp_seq_ge(snd_una, reorder->dsack_round) || xtcp_seq_gt(reorder->dsack_round, snd_nxt)))
		reorder->in_dsack_round = false;
	if (!dsack || reorder->in_dsack_round)
		return;
	reorder->in_dsack_round = true;
	reorder->dsack_round = snd_nxt;
	if (reorder->wnd_mult < 0xff)
		reorder->wnd_mult++;
	reorder->wnd_persist = WND_PERSIST;
}

/* Arithmetic ends. */

#define TIMESTAMP_TICK_US	USEC_PER_MSEC	/* the unit of xtcp_clock_ts(), microseconds */

/*
 * @skb was sent more than once: did its last copy arrive? If it is acknowledged in order, the
 * timestamp echo tells. If it is sacked, the echo belongs to another segment (RFC 7323 section 4.3).
 * Then, without an echo, or if two copies may have left within one tick, RFC 8985 section 6.2 step 2
 * decides: an ACK that comes sooner than the smallest RTT is that of an earlier copy.
 */
static bool is_last_copy(const struct xtcp_sender *tx, const struct sk_buff *skb, u32 end, u32 rtt_us,
			 const struct xtcp_sample *sample)
{
	u32 sent_ts = xtcp_clock_ts_of(xtcp_sndcb(skb)->sent_us) + tx->snd.ts_offset;
	bool in_order = xtcp_seq_le(end, sample->una_before + sample->acked);

	if (in_order && sample->tsecr) {
		if (xtcp_seq_lt(sample->tsecr, sent_ts))
			return false;
		if (tx->rto.min_rtt_us > TIMESTAMP_TICK_US)
			return true;
	}
	return rtt_us >= tx->rto.min_rtt_us;
}

/*
 * The answer to a tail loss probe came too soon to count for the copy (is_last_copy()). Then it
 * counts for the original, and what was sent before that has the reordering window to arrive, as
 * RFC 8985 section 7.3 allows. It is often the copy's: of a few octets, while all RTTs were of full
 * segments.
 * Return: when the original was sent; 0: not known.
 */
static noinline u64 original_sent_us(const struct xtcp_sender *tx, const struct xtcp_sndcb *cb)
{
	const struct xtcp_tlp *tlp = &tx->stream->tlp;

	if (!tlp->pending || !tlp->is_resent || !tlp->after_us || cb->end_seq != tlp->end_seq)
		return 0;
	return cb->sent_us - tlp->after_us;
}

/* A segment is first acknowledged or sacked, up to @end (RFC 8985 section 6.2 steps 1 and 2). */
static __always_inline void xtcp_rack_arrived(struct sock *sk, const struct sk_buff *skb, u32 end,
					      struct xtcp_sample *sample)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_rack *rack = &tx->stream->rack;
	u32 rtt_us = min_t(u64, xtcp_clock_since_us(sample->now_us, cb->sent_us), U32_MAX);
	bool is_resent = cb->transmissions > 1;
	u64 sent_us = cb->sent_us;

	if (is_resent && !is_last_copy(tx, skb, end, rtt_us, sample)) {
		sent_us = original_sent_us(tx, cb);
		if (!sent_us)
			return;
		rtt_us = min_t(u64, xtcp_clock_since_us(sample->now_us, sent_us), U32_MAX);
		is_resent = false;
	}
	/* an ACK may report segments of different times: the RTT is that of the one sent last, however found */
	if (!sample->rack_rtt || rtt_us < rack->rtt_us)
		rack->rtt_us = rtt_us;
	sample->rack_rtt = true;
	rack->advanced = true;
	if (xtcp_reorder_sent_after(sent_us, end, rack->sent_us, rack->end_seq)) {
		rack->sent_us = sent_us;
		rack->end_seq = end;
		rack->is_resent = is_resent;
	}
}

/* Microseconds. Where segments overtake each other, others may be on a slower path: add how much longer SRTT is. */
static u32 reordering_window(const struct xtcp_sender *tx)
{
	const struct xtcp_stream *stream = tx->stream;
	const struct xtcp_scoreboard *sb = &stream->scoreboard;
	u32 ahead_us = 0;

	if (!sb->reorderings && (tx->cong.phase >= XTCP_CONG_RECOVERY || sb->sacked_segments >= sb->reordering))
		return 0;
	if (sb->reorderings && stream->rack.rtt_us < tx->rto.srtt_us)
		ahead_us = tx->rto.srtt_us - stream->rack.rtt_us;
	return xtcp_reorder_window(&stream->rack.reorder, tx->rto.min_rtt_us, tx->rto.srtt_us, ahead_us);
}

/* Sequence numbers tell the order (section 6.2 step 2), as in a GSO skb, unless only one is a retransmission. */
static bool is_order_unknown(const struct xtcp_rack *rack, const struct xtcp_sndcb *cb)
{
	return cb->sent_us == rack->sent_us && (cb->transmissions > 1) != rack->is_resent;
}

/**
 * xtcp_rack_detect() - mark the segments that now count as lost (RFC 8985 section 6.2 step 5)
 * @sk: a sock that uses SACK
 * @now_us: the time, xtcp_clock_us()
 * Return: microseconds until the next segment counts as lost, if no ACK reports its arrival; 0:
 * none.
 */
u32 xtcp_rack_detect(struct sock *sk, u64 now_us)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_rack *rack = &tx->stream->rack;
	u64 late_us = (u64)rack->rtt_us + reordering_window(tx);
	struct xtcp_sndcb *cb, *next;

	sock_owned_by_me(sk);
	list_for_each_entry_safe(cb, next, &tx->stream->in_flight, node) {
		u64 gone_us = xtcp_clock_since_us(now_us, cb->sent_us);

		if (!xtcp_reorder_sent_after(rack->sent_us, rack->end_seq, cb->sent_us, cb->end_seq))
			break;
		if (unlikely(is_order_unknown(rack, cb)))
			continue;
		if (gone_us < late_us)
			return late_us - gone_us;
		xtcp_scoreboard_lost(sk, xtcp_sndq_skb_of(cb));
	}
	return 0;
}

/**
 * xtcp_rack_is_recent() - was an skb sent too recently for a timeout to count it as lost?
 * @sk: a sock that uses SACK
 * @skb: an skb in flight
 * @now_us: the time, xtcp_clock_us() (RFC 8985 section 6.3)
 */
bool xtcp_rack_is_recent(const struct sock *sk, const struct sk_buff *skb, u64 now_us)
{
	sock_owned_by_me(sk);
	return xtcp_clock_since_us(now_us, xtcp_sndcb(skb)->sent_us) <
	       (u64)xtcp_sender(sk)->stream->rack.rtt_us + reordering_window(xtcp_sender(sk));
}

#define WALK_MAX	32U	/* limit of steps of the search for the position of an skb */

static bool is_to_be_resent(const struct sk_buff *skb)
{
	return skb && (xtcp_sndcb(skb)->marks & (XTCP_SNDQ_LOST | XTCP_SNDQ_RESENT)) == XTCP_SNDQ_LOST;
}

/* From @cb on: the node of @list after which @seq belongs, or the one reached after WALK_MAX steps. */
static struct list_head *walk_to(struct list_head *list, struct xtcp_sndcb *cb, u32 seq)
{
	unsigned int steps;

	for (steps = 0; steps < WALK_MAX; steps++) {
		struct xtcp_sndcb *other;

		if (xtcp_seq_lt(cb->seq, seq)) {
			if (list_is_last(&cb->node, list))
				break;
			other = list_next_entry(cb, node);
			if (xtcp_seq_gt(other->seq, seq))
				break;
		} else {
			if (list_is_first(&cb->node, list))
				return list;
			other = list_prev_entry(cb, node);
			if (xtcp_seq_lt(other->seq, seq))
				return &other->node;
		}
		cb = other;
	}
	return &cb->node;
}

/*
 * The list node after which to insert @skb. Most are added in order, or next to one that is there.
 * For others the search stops after WALK_MAX steps, so that a peer cannot cause long walks. The skb
 * at SND.UNA always comes first.
 */
static struct list_head *place_to_resend(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	struct list_head *list = &stream->to_resend;
	u32 seq = xtcp_sndcb(skb)->seq;
	struct sk_buff *beside;

	if (list_empty(list))
		return list;
	if (xtcp_seq_lt(list_last_entry(list, struct xtcp_sndcb, node)->seq, seq))
		return list->prev;
	beside = skb_rb_prev(skb);
	if (!beside)
		return list;
	if (is_to_be_resent(beside))
		return &xtcp_sndcb(beside)->node;
	beside = xtcp_sndq_next(sk, skb);
	if (is_to_be_resent(beside))
		return xtcp_sndcb(beside)->node.prev;
	return walk_to(list, stream->resend_cursor ? xtcp_sndcb(stream->resend_cursor) :
		       list_first_entry(list, struct xtcp_sndcb, node), seq);
}

/* The skb to resend next, preferably that at SND.UNA; NULL if none counts as lost. */
struct sk_buff *xtcp_resend_next(const struct sock *sk)
{
	const struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	struct sk_buff *first;

	sock_owned_by_me(sk);
	if (list_empty(&stream->to_resend))
		return NULL;
	first = xtcp_sndq_first(sk);
	if (is_to_be_resent(first))
		return first;
	return xtcp_sndq_skb_of(list_first_entry(&stream->to_resend, struct xtcp_sndcb, node));
}

/* as list_sort() calls it */
static int was_sent_after(void *unused, const struct list_head *a, const struct list_head *b)
{
	const struct xtcp_sndcb *one = list_entry(a, struct xtcp_sndcb, node);
	const struct xtcp_sndcb *other = list_entry(b, struct xtcp_sndcb, node);

	return xtcp_reorder_sent_after(one->sent_us, one->end_seq, other->sent_us, other->end_seq);
}

/*
 * After a needless recovery none counts as lost (RFC 5682 section 3, RFC 3522 section 3.2). Few
 * steps: nearly all were sent before those in flight, and belong at the front.
 */
static void xtcp_resend_put_back(struct sock *sk)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	struct list_head *before = stream->in_flight.next, *node, *next;

	list_sort(NULL, &stream->to_resend, was_sent_after);
	list_for_each_safe(node, next, &stream->to_resend) {
		while (before != &stream->in_flight && was_sent_after(NULL, node, before))
			before = before->next;
		list_move_tail(node, before);
	}
	stream->resend_cursor = NULL;
}

#define REORDERING_MAX	300U	/* segments, as Linux's tcp_max_reordering */
#define TIMEOUTS_MANY	3	/* after so many timeouts, the echo of an earlier copy is stale */

static u32 octets_of(const struct sk_buff *skb)
{
	return xtcp_sndcb(skb)->end_seq - xtcp_sndcb(skb)->seq;
}

static __always_inline void unmark_lost(struct xtcp_sender *tx, struct sk_buff *skb)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	if (cb->marks & XTCP_SNDQ_LOST)
		tx->stream->scoreboard.lost -= octets_of(skb);
	if (cb->marks & XTCP_SNDQ_RESENT)
		tx->stream->scoreboard.resent -= octets_of(skb);
	cb->marks &= ~(XTCP_SNDQ_LOST | XTCP_SNDQ_RESENT);
}

/*
 * Does the ACK echo an earlier copy, after many timeouts? Three are many if SND.UNA has not moved
 * since the first, or if the RTO has had no sample since. Only the skb at SND.UNA is tested.
 */
static bool echo_is_stale(const struct xtcp_sender *tx, const struct xtcp_sndcb *cb, const struct xtcp_sample *sample)
{
	const bool often = tx->tries.retransmits >= TIMEOUTS_MANY || tx->rto.backoff >= TIMEOUTS_MANY;

	return often && sample->tsecr && xtcp_seq_le(cb->seq, sample->una_before) &&
	       xtcp_seq_lt(sample->tsecr - tx->snd.ts_offset, xtcp_clock_ts_of(cb->sent_us));
}

/*
 * @skb has arrived up to @end: updates RACK, the delivery rate, the RTT samples, and *@low, the lowest
 * number of those sent only once: if it is below what was sacked before, segments were reordered.
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

/* RFC 2018 section 5. @low: lowered to the skb's first octet, if the skb was sent only once. */
static void xtcp_scoreboard_sacked(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample, u32 *low)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_scoreboard *sb = &tx->stream->scoreboard;

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

/* Without SACK: counts as delivered what no duplicate ACK has. None has counted the first segment: it was missing. */
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
	/* with a resent one, perhaps only the copy has just arrived, all originals earlier (RFC 5682 section 2.1) */
	if (sample->resent_acked)
		sample->original_arrived = false;
}

/* An ACK ends inside @skb: frees the octets that the ACK acknowledges. */
static void acked_in_part(struct sock *sk, struct sk_buff *skb, u32 ack)
{
	struct xtcp_scoreboard *sb = &xtcp_sender(sk)->stream->scoreboard;
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 len = ack - cb->seq;

	if (len >= skb->len || !xtcp_trim_head(sk, skb, len))
		return;
	if (cb->marks & XTCP_SNDQ_SACKED)
		sb->sacked -= len;
	if (cb->marks & XTCP_SNDQ_LOST)
		sb->lost -= len;
	if (cb->marks & XTCP_SNDQ_RESENT)
		sb->resent -= len;
}

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
	struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
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
		/* does it acknowledge all text of @skb, so that only the FIN is left? */
		if (!whole && cb->end_seq - ack == 1 && skb->len && ack - cb->seq == skb->len &&
		    !xtcp_fragment(sk, skb, skb->len, GFP_ATOMIC))
			continue;
		/* without memory to trim it, an earlier ACK has counted the octets before SND.UNA */
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
	else if (xtcp_seq_lt(low, high) && (tx->cong.phase != XTCP_CONG_LOSS || tx->stream->undo.armed))
		xtcp_scoreboard_reordered(sk, low, LINUX_MIB_TCPSACKREORDER);
}

/**
 * xtcp_scoreboard_duplicate_ack() - count a duplicate ACK, without SACK
 * @sk: a sock that does not use SACK
 * @sample: its sacked and its delivered octets grow by at most one segment
 *
 * RFC 5681 section 3.2: a segment has arrived. Missing are at least the octets of the first
 * segment, or those marked as lost if these are more: the sum of sacked octets grows at most to the
 * rest. If there are more duplicate ACKs than outstanding segments, and nothing is marked as lost,
 * segments were reordered, and the reordering estimate rises to the number of duplicate ACKs.
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

/* Marks an skb, or its retransmission, as lost; it was sent and is not sacked. */
void xtcp_scoreboard_lost(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	sock_owned_by_me(sk);
	if (is_to_be_resent(skb))
		return;
	if (cb->marks & XTCP_SNDQ_RESENT) {
		cb->marks &= ~XTCP_SNDQ_RESENT;
		stream->scoreboard.resent -= octets_of(skb);
		XTCP_NET_ADD_STATS(xtcp_net_of(sk), LINUX_MIB_TCPLOSTRETRANSMIT, xtcp_sndq_segments(skb));
	} else {
		cb->marks |= XTCP_SNDQ_LOST;
		stream->scoreboard.lost += octets_of(skb);
	}
	stream->lost_total += octets_of(skb);
	if (tx->algorithm->lost)
		tx->algorithm->lost(sk, &(struct xtcp_cong_loss) {
			.octets = octets_of(skb),
			.in_flight_then = xtcp_sndnote(skb)->in_flight,
			.lost_since = stream->lost_total - xtcp_sndnote(skb)->lost,
			.is_limited = cb->marks & XTCP_SNDQ_LIMITED,
		});
	/* from the list of skbs in flight, or from none */
	list_move(&cb->node, place_to_resend(sk, skb));
	stream->resend_cursor = skb;
}

/* An skb was resent: if it was lost, it is in flight again. xtcp_sndq_sent() has moved it. */
void xtcp_scoreboard_resent(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	/* if a tail loss probe has resent an skb in flight, pipe counts it only once */
	if (!is_to_be_resent(skb))
		return;
	xtcp_sndcb(skb)->marks |= XTCP_SNDQ_RESENT;
	xtcp_sender(sk)->stream->scoreboard.resent += octets_of(skb);
}

/* After a needless recovery (RFC 5682 section 3, RFC 3522 section 3.2). Linear in lost skbs, and those sent since. */
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

/* After reneging, RFC 2018 section 8: what was sacked is in flight again, and can be marked as lost. */
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
 * The idea is that of RFC 4653, the measure Linux's: the distance, in segments, from @low to the
 * highest octet that was sacked, or to SND.NXT without SACK. It never falls, and is at most 300.
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

/*
 * Splits @skb if @block begins or ends inside it, at the end of one of its segments: a segment that
 * is sacked only in part counts as not sacked. Return:
 *
 *   the split fails                        an error pointer
 *   @skb begins before @block              the next skb, or NULL at the end of the queue
 *   @block covers no whole segment of it   NULL
 *   otherwise                              @skb; only then *@inside is true
 */
static struct sk_buff *cut_at(struct sock *sk, struct sk_buff *skb, const struct xtcp_sack_block *block, bool *inside)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 mss = xtcp_sndq_segment(skb), len;

	*inside = false;
	if (xtcp_seq_lt(cb->seq, block->start)) {
		len = roundup(block->start - cb->seq, mss);
		if (len < skb->len && xtcp_fragment(sk, skb, len, GFP_ATOMIC))
			return ERR_PTR(-ENOMEM);
		return xtcp_sndq_next(sk, skb);
	}
	if (xtcp_seq_gt(cb->end_seq, block->end)) {
		len = block->end - cb->seq;
		len -= len % mss;
		if (!len)
			return NULL;
		if (xtcp_fragment(sk, skb, min(len, skb->len), GFP_ATOMIC))
			return ERR_PTR(-ENOMEM);
	}
	*inside = true;
	return skb;
}

/* The skb at the sacked_to of @skb. All octets from the start of @skb up to sacked_to are sacked. */
static struct sk_buff *next_behind_sacked(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	return cb->sacked_to == cb->end_seq ? xtcp_sndq_next(sk, skb) : xtcp_sndq_find(sk, cb->sacked_to);
}

/*
 * All octets from @skb up to @end are sacked: the next mark_block() jumps over them. Otherwise a
 * peer could make us walk over the same octets again and again, by different SACK blocks.
 */
static void remember_sacked(struct sock *sk, struct sk_buff *skb, u32 end)
{
	struct sk_buff *next;

	while (skb && xtcp_seq_lt(xtcp_sndcb(skb)->sacked_to, end)) {
		next = next_behind_sacked(sk, skb);
		xtcp_sndcb(skb)->sacked_to = end;
		skb = next;
	}
}

/*
 * Marks the segments of @block between @from and @to. If the split at its start fails, nothing of
 * that skb is marked; if that at its end does, the function stops. Return: @to if no split failed;
 * else the start of the first skb that failed, at least @from.
 */
static u32 mark_block(struct sock *sk, const struct xtcp_sack_block *block, u32 from, u32 to,
		      struct xtcp_sample *sample, u32 *low)
{
	struct sk_buff *skb = xtcp_sndq_find(sk, from), *first = NULL;
	u32 end = from, reached = to;
	bool inside;

	while (skb && xtcp_seq_lt(xtcp_sndcb(skb)->seq, to)) {
		if (!(xtcp_sndcb(skb)->marks & XTCP_SNDQ_SACKED)) {
			struct sk_buff *whole = skb;
			u32 seq = xtcp_sndcb(skb)->seq;

			skb = cut_at(sk, skb, block, &inside);
			if (IS_ERR(skb)) {
				if (reached == to)
					reached = xtcp_seq_max(seq, from);
				skb = xtcp_seq_lt(seq, block->start) ? xtcp_sndq_next(sk, whole) : NULL;
			}
			if (!skb)
				break;
			/* the skb began before @block, and cut_at() has returned the next skb */
			if (!inside)
				continue;
			xtcp_scoreboard_sacked(sk, skb, sample, low);
		}
		first = first ?: skb;
		end = xtcp_sndcb(skb)->sacked_to;
		skb = xtcp_seq_lt(end, to) ? next_behind_sacked(sk, skb) : NULL;
	}
	remember_sacked(sk, first, end);
	return reached;
}

/*
 * Marks the segments of @block, without those in sb->seen, which are marked already. Return: the
 * end of @block; or, if a split fails, the octet from which on it counts as new again in the next
 * ACK.
 */
static u32 mark_news(struct sock *sk, const struct xtcp_sack_block *block, struct xtcp_sample *sample, u32 *low)
{
	const struct xtcp_scoreboard *sb = &xtcp_sender(sk)->stream->scoreboard;
	u32 from = block->start, reached;
	unsigned int i;

	for (i = 0; i < XTCP_SACK_BLOCKS_MAX; i++) {
		const struct xtcp_sack_block *seen = &sb->seen[i];

		if (seen->start == seen->end || xtcp_seq_le(seen->end, from))
			continue;
		if (xtcp_seq_ge(seen->start, block->end))
			break;
		if (xtcp_seq_lt(from, seen->start)) {
			reached = mark_block(sk, block, from, seen->start, sample, low);
			if (reached != seen->start)
				return reached;
		}
		from = seen->end;
		if (xtcp_seq_ge(from, block->end))
			return block->end;
	}
	return mark_block(sk, block, from, block->end, sample, low);
}

/* A D-SACK (RFC 2883 section 4)? Its first block begins below the ACK, or lies inside the second one. */
static bool is_dsack(struct sock *sk, const struct xtcp_seg *seg, const struct xtcp_sack_block *blocks)
{
	if (xtcp_seq_lt(blocks[0].start, seg->ack)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDSACKRECV);
		return true;
	}
	if (seg->sack_blocks > 1 && xtcp_seq_le(blocks[0].end, blocks[1].end) &&
	    xtcp_seq_ge(blocks[0].start, blocks[1].start)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDSACKOFORECV);
		return true;
	}
	return false;
}

/* Did we, or has the network duplicated them? Octets below SND.UNA count as resent: their skbs are freed. */
static bool was_resent(struct sock *sk, const struct xtcp_sack_block *block)
{
	const struct sk_buff *skb;

	if (xtcp_seq_lt(block->start, xtcp_sender(sk)->snd.una))
		return true;
	skb = xtcp_sndq_find(sk, block->start);
	return skb && xtcp_sndcb(skb)->transmissions > 1;
}

/* For an undo: octets that a D-SACK reports, all of which were sent. @end: behind the last one. */
static void count_repeated(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_undo *undo = &xtcp_sender(sk)->stream->undo;

	if (!undo->armed || xtcp_seq_le(end, undo->marker))
		return;
	start = xtcp_seq_max(start, undo->marker);
	undo->resent -= min(undo->resent, end - start);
}

static void take_dsack(struct sock *sk, const struct xtcp_sack_block *block, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 len = block->end - block->start;

	/* one of more than a window, or all of more than was resent (2: SYN, FIN): network copies, or the peer lies */
	if (xtcp_seq_lt(block->start, block->end) &&
	    (len > tx->snd.max_wnd || stream->dsacked + len > stream->bytes_retrans + 2)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDSACKIGNOREDDUBIOUS);
		return;
	}
	/* its octets were sent, and do not lie further below SND.UNA than the peer's largest window */
	if (xtcp_seq_ge(block->start, block->end) || xtcp_seq_gt(block->end, tx->snd.nxt) ||
	    xtcp_seq_lt(block->start, tx->snd.una - tx->snd.max_wnd)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), stream->undo.armed ? LINUX_MIB_TCPDSACKIGNOREDOLD :
				   LINUX_MIB_TCPDSACKIGNOREDNOUNDO);
		return;
	}
	stream->dsacked += len;
	XTCP_NET_ADD_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDSACKRECVSEGS,
			   len <= tx->mss ? 1 : DIV_ROUND_UP(len, tx->mss));
	sample->dsack = *block;
	if (!was_resent(sk, block))
		return;
	if (!stream->undo.armed)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDSACKIGNOREDNOUNDO);
	else if (xtcp_seq_le(block->end, stream->undo.marker))
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDSACKIGNOREDOLD);
	else
		count_repeated(sk, block->start, block->end);
}

/* Moves the usable blocks to the front, sorted, without those before @first. Return: how many. */
static unsigned int sort_blocks(struct sock *sk, const struct xtcp_seg *seg, struct xtcp_sack_block *blocks,
				unsigned int first)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 edge = xtcp_seq_max(seg->ack, tx->snd.una);
	unsigned int i, j, n = 0;

	for (i = first; i < seg->sack_blocks; i++) {
		struct xtcp_sack_block block = blocks[i];

		/* a later ACK has overtaken this one: then a block below SND.UNA is out of date, but no error */
		if (xtcp_seq_lt(seg->ack, tx->snd.una) && xtcp_seq_le(block.end, tx->snd.una) &&
		    xtcp_seq_lt(block.start, block.end))
			continue;
		/* @edge, the first octet not acknowledged, has not arrived, so a block must begin above it */
		if (xtcp_seq_ge(block.start, block.end) || xtcp_seq_le(block.start, edge) ||
		    xtcp_seq_gt(block.end, tx->snd.nxt)) {
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPSACKDISCARD);
			continue;
		}
		for (j = n++; j && xtcp_seq_gt(blocks[j - 1].start, block.start); j--)
			blocks[j] = blocks[j - 1];
		blocks[j] = block;
	}
	return n;
}

/**
 * xtcp_sacked_take() - mark the skbs that the SACK blocks of an ACK report
 * @sk: a sock that uses SACK; SND.UNA is from before the ACK
 * @skb: the segment; skb->data is its TCP header
 * @sample: receives what is newly sacked
 *
 * RFC 2018 section 5; RFC 2883 section 4 for the first block. The work grows with the number of
 * newly sacked skbs, and with the logarithm of those in flight.
 */
void xtcp_sacked_take(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample)
{
	struct xtcp_sack_block blocks[XTCP_SACK_BLOCKS_MAX];
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
	unsigned int i, n, first = 0;
	u32 high, low;

	sock_owned_by_me(sk);
	for (i = 0; i < seg->sack_blocks; i++)
		blocks[i] = xtcp_options_read_sack(skb->data + seg->sack_at + i * XTCP_OPTLEN_SACK_BLOCK);
	if (is_dsack(sk, seg, blocks)) {
		take_dsack(sk, &blocks[0], sample);
		first = 1;
	}
	high = sample->high_before;
	low = high;
	sb->high_sacked = high;
	if (!sb->sacked)
		memset(sb->seen, 0, sizeof(sb->seen));
	n = sort_blocks(sk, seg, blocks, first);
	for (i = 0; i < n; i++)
		blocks[i].end = mark_news(sk, &blocks[i], sample, &low);
	if (n) {
		memset(sb->seen, 0, sizeof(sb->seen));
		memcpy(sb->seen, blocks, n * sizeof(blocks[0]));
	}
	if (xtcp_seq_lt(low, high) && (tx->cong.phase != XTCP_CONG_LOSS || tx->stream->undo.armed))
		xtcp_scoreboard_reordered(sk, low, LINUX_MIB_TCPSACKREORDER);
}
