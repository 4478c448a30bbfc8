// SPDX-License-Identifier: GPL-2.0
/*
 * RACK (RFC 8985 section 6): a segment counts as lost when a segment that was sent later has
 * arrived, and reordering in the network no longer explains why the earlier one is missing. RACK
 * also finds lost retransmissions, since it compares sending times and not sequence numbers.
 *
 * A missing segment has the RTT of the segment that arrived last, plus the reordering window
 * (section 6.2 steps 4 and 5), counted from when it was sent. The window is a quarter of the
 * smallest RTT, and another quarter for each round trip in which a D-SACK reports octets that
 * arrived twice. As long as no reordering has been seen, it is 0 during recovery, and whenever at
 * least three segments are sacked. Afterwards the smoothed RTT replaces the RTT of the segment that
 * arrived last, if it is longer.
 *
 * The list stream->in_flight is in order of sending. So detection looks only at the skbs that now
 * count as lost, and at the first one that does not.
 */
#include "loss/loss.h"

#include "base/sender.h"
#include "sight/sight.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

#define WND_PERSIST	16U	/* recoveries for which a wider window stays wide (6.2 step 4) */

/*
 * How late a segment may be, microseconds: RACK_update_reo_wnd() of section 6.2 step 4; at most
 * @srtt_us. @ahead_us: by how much the last RTT is shorter than @srtt_us, or 0. It is added, so
 *	that
 * others do not count as late only because one segment was faster than most.
 */
static u32 xtcp_reorder_window(const struct xtcp_reorder *reorder, u32 min_rtt_us, u32 srtt_us, u32 ahead_us)
{
	u64 window_us = (u64)min_rtt_us / 4 * reorder->wnd_mult + ahead_us;

	return window_us < srtt_us ? (u32)window_us : srtt_us;
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
 *
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
 * timestamp echo decides. If it is sacked, the echo is that of the last segment in order (RFC 7323
 * section 4.3). Then the heuristic of RFC 8985 section 6.2 step 2 decides: an ACK that comes sooner
 * than the smallest RTT belongs to an earlier copy. So it does without an echo, or if two copies
 * may have left within one tick of the timestamp clock.
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
 * Updates RACK for a segment that is acknowledged or sacked for the first time, up to @end (RFC
 * 8985 section 6.2 steps 1 and 2).
 */
__always_inline void xtcp_rack_arrived(struct sock *sk, const struct sk_buff *skb, u32 end,
				       struct xtcp_sample *sample)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_rack *rack = &tx->stream->rack;
	u32 rtt_us = min_t(u64, xtcp_clock_since_us(sample->now_us, cb->sent_us), U32_MAX);

	if (cb->transmissions > 1 && !is_last_copy(tx, skb, end, rtt_us, sample))
		return;
	/*
	 * one ACK may report segments that were sent at different times: the RTT is that of the one
	 * sent last, in whatever order they are found
	 */
	if (!sample->rack_rtt || rtt_us < rack->rtt_us)
		rack->rtt_us = rtt_us;
	sample->rack_rtt = true;
	rack->advanced = true;
	if (xtcp_reorder_sent_after(cb->sent_us, end, rack->sent_us, rack->end_seq)) {
		rack->sent_us = cb->sent_us;
		rack->end_seq = end;
		rack->is_resent = cb->transmissions > 1;
	}
}

/*
 * How late a segment may be, microseconds (section 6.2 step 4). Until reordering has been seen, 0
 * during recovery, or while enough segments are sacked to show that one is missing.
 *
 * RACK.rtt is that of the segment that arrived last. Where segments overtake each other, it may
 * have taken a faster path than those still in flight. So once reordering has been seen, the time
 * by which a smoothed RTT is longer than RACK.rtt is added.
 */
static u32 reordering_window(const struct xtcp_sender *tx)
{
	const struct xtcp_stream *stream = tx->stream;
	const struct xtcp_scoreboard *sb = &stream->scoreboard;
	u32 ahead_us = 0;

	if (!sb->reorderings) {
		if (tx->cong.phase >= XTCP_CONG_RECOVERY || sb->sacked_segments >= sb->reordering)
			return 0;
	}
	if (sb->reorderings && stream->rack.rtt_us < tx->rto.srtt_us)
		ahead_us = tx->rto.srtt_us - stream->rack.rtt_us;
	return xtcp_reorder_window(&stream->rack.reorder, tx->rto.min_rtt_us, tx->rto.srtt_us, ahead_us);
}

/*
 * Of two segments with the same sending time, the one with the lower sequence number counts as sent
 * earlier (section 6.2 step 2), as in a GSO skb. But if only one of them is a retransmission, this
 * does not tell which one left first.
 */
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
	struct xtcp_stream *stream = tx->stream;
	const struct xtcp_rack *rack = &stream->rack;
	u64 late_us = (u64)rack->rtt_us + reordering_window(tx);
	struct xtcp_sndcb *cb, *next;

	sock_owned_by_me(sk);
	list_for_each_entry_safe(cb, next, &stream->in_flight, node) {
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
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	return xtcp_clock_since_us(now_us, xtcp_sndcb(skb)->sent_us) <
	       (u64)tx->stream->rack.rtt_us + reordering_window(tx);
}
