// SPDX-License-Identifier: GPL-2.0
/*
 * What the SACK blocks of an ACK report: segments that have arrived above SND.UNA, and octets that
 * have arrived twice (D-SACK). scoreboard.c marks the skbs; this file finds out which ones.
 *
 * A mark holds for a whole skb: if a SACK block begins or ends inside an skb, the skb is split.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "loss/sacked.h"

#include <net/sock.h>

#include "base/net.h"
#include "base/options.h"
#include "base/seg.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/wire.h"
#include "loss/sample.h"
#include "loss/scoreboard.h"
#include "loss/undo.h"
#include "sendq/sendq.h"
#include "sight/mib.h"

/*
 * Splits @skb if @block begins or ends inside @skb. The split is at the end of a segment of @skb: a
 * segment that is sacked only in part counts as not sacked. Return:
 *
 *  - an error pointer if the split fails;
 *  - if @skb begins before @block: the next skb, or NULL at the end of the queue;
 *  - if @block covers no whole segment of @skb: NULL;
 *  - otherwise @skb. Only in this case *@inside is set to true.
 */
static struct sk_buff *cut_at(struct sock *sk, struct sk_buff *skb, const struct xtcp_sack_block *block, bool *inside)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 mss = xtcp_sndq_segment(skb), len;

	*inside = false;
	if (xtcp_seq_lt(cb->seq, block->start)) {
		len = roundup(block->start - cb->seq, mss);
		if (len < skb->len && xtcp_cut_split(sk, skb, len, GFP_ATOMIC))
			return ERR_PTR(-ENOMEM);
		return xtcp_sndq_next(sk, skb);
	}
	if (xtcp_seq_gt(cb->end_seq, block->end)) {
		len = block->end - cb->seq;
		len -= len % mss;
		if (!len)
			return NULL;
		if (xtcp_cut_split(sk, skb, min(len, skb->len), GFP_ATOMIC))
			return ERR_PTR(-ENOMEM);
	}
	*inside = true;
	return skb;
}

/*
 * Returns the skb that begins at the sacked_to of @skb. All octets from the start of @skb up to
 * sacked_to are sacked.
 */
static struct sk_buff *next_behind_sacked(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	return cb->sacked_to == cb->end_seq ? xtcp_sndq_next(sk, skb) : xtcp_sndq_find(sk, cb->sacked_to);
}

/*
 * Notes that all octets from @skb up to @end are sacked. Stores @end as the sacked_to of each skb
 * that mark_block() has visited. So the next call of mark_block() jumps over these octets.
 * Otherwise a peer could make us walk over the same octets again and again, by reporting them in
 * different SACK blocks.
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
 * Marks the segments of @block between @from and @to as sacked. cut_at() splits an skb inside which
 * @block begins or ends. If the split at the start of @block fails, the function marks nothing of
 * that skb and continues with the next skb. If the split at the end of @block fails, the function
 * stops. Return: @to if no split failed; else the start of the first skb whose split failed, or
 * @from if that skb starts below @from.
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
 * Marks the segments of @block as sacked. Skips the blocks in sb->seen, because their segments are
 * marked already. This saves a walk over all sacked skbs for each ACK. Return: the end of @block;
 * or, if a split fails, the octet that mark_block() has returned. The octets of @block from there
 * on count as new again in the next ACK.
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

static void read_blocks(struct sk_buff *skb, struct xtcp_sack_block *blocks)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	const u8 *option = skb->data + seg->sack_at;
	unsigned int i;

	for (i = 0; i < seg->sack_blocks; i++)
		blocks[i] = xtcp_options_read_sack(option + i * XTCP_OPTLEN_SACK_BLOCK);
}

/*
 * Does the first block report octets that arrived twice (RFC 2883 section 4)? Such a block begins
 * below the ACK, or lies inside the second block.
 */
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

/*
 * Is this block a plausible D-SACK? Its octets must have been sent, and must not lie further below
 * SND.UNA than the peer's largest window.
 */
static bool dsack_is_valid(const struct xtcp_sender *tx, const struct xtcp_sack_block *block)
{
	return xtcp_seq_lt(block->start, block->end) && xtcp_seq_le(block->end, tx->snd.nxt) &&
	       xtcp_seq_ge(block->start, tx->snd.una - tx->snd.max_wnd);
}

/*
 * Did we resend the octets of @block? If not, the network has duplicated them, and the D-SACK tells
 * nothing about our retransmissions. Octets below SND.UNA always count as resent: their skbs are
 * freed, so we can no longer know.
 */
static bool was_resent(struct sock *sk, const struct xtcp_sack_block *block)
{
	const struct sk_buff *skb;

	if (xtcp_seq_lt(block->start, xtcp_sender(sk)->snd.una))
		return true;
	skb = xtcp_sndq_find(sk, block->start);
	return skb && xtcp_sndcb(skb)->transmissions > 1;
}

static void take_dsack(struct sock *sk, const struct xtcp_sack_block *block, struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 len = block->end - block->start;

	/*
	 * One D-SACK reports at most a window of octets. All D-SACKs together report at most the
	 * octets that we have resent: bytes_retrans, plus 2 for SYN and FIN. Beyond either limit,
	 * the network has made copies, or the peer lies.
	 */
	if (xtcp_seq_lt(block->start, block->end) &&
	    (len > tx->snd.max_wnd || stream->dsacked + len > stream->bytes_retrans + 2)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDSACKIGNOREDDUBIOUS);
		return;
	}
	if (!dsack_is_valid(tx, block)) {
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
		xtcp_undo_dsack(sk, block->start, block->end);
}

/*
 * Moves the usable blocks to the front of @blocks, and sorts them. Drops the blocks before index
 * @first. Return: the number of usable blocks.
 */
static unsigned int sort_blocks(struct sock *sk, const struct xtcp_seg *seg, struct xtcp_sack_block *blocks,
				unsigned int first)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 edge = xtcp_seq_max(seg->ack, tx->snd.una);
	unsigned int i, j, n = 0;

	for (i = first; i < seg->sack_blocks; i++) {
		struct xtcp_sack_block block = blocks[i];

		/*
		 * if SEG.ACK is below SND.UNA, a later ACK has overtaken this one. Then a block
		 * below SND.UNA is out of date, but no error
		 */
		if (xtcp_seq_lt(seg->ack, tx->snd.una) && xtcp_seq_le(block.end, tx->snd.una) &&
		    xtcp_seq_lt(block.start, block.end))
			continue;
		/*
		 * @edge is the first octet that is not acknowledged. It has not arrived, so a block
		 * must begin above it
		 */
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
 * newly sacked skbs, and with the logarithm of the number of skbs in flight.
 */
void xtcp_sacked_take(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample)
{
	struct xtcp_sack_block blocks[XTCP_SACK_BLOCKS_MAX];
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_scoreboard *sb = &stream->scoreboard;
	unsigned int i, n, first = 0;
	u32 high, low;

	sock_owned_by_me(sk);
	read_blocks(skb, blocks);
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
	if (xtcp_seq_lt(low, high) && (tx->cong.phase != XTCP_CONG_LOSS || stream->undo.armed))
		xtcp_scoreboard_reordered(sk, low, LINUX_MIB_TCPSACKREORDER);
}
