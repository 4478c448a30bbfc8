// SPDX-License-Identifier: GPL-2.0
/*
 * The SACK blocks that we send (RFC 2018 section 4, RFC 2883).
 *
 * rcvq.c calls this file when text out of order is queued, when RCV.NXT passes such text, and when
 * such text is dropped for lack of memory. The four blocks that changed last are stored, the newest
 * first. Each of them is sent several times, because ACKs may be lost. Older blocks are not sent
 * again: the peer remembers them. A block covers only octets that are in the queue.
 *
 * A D-SACK for text that came twice is sent once, in front of these blocks. All this happens only
 * if SACK was negotiated.
 */
#include "window/window.h"

#include <linux/minmax.h>
#include <net/sock.h>

#include "base/net.h"
#include "base/sock.h"
#include "base/wire.h"
#include "sight/sight.h"

#define FEW_BLOCKS	2	/* beside these, an ACK with timestamps has room for one more */

/* The blocks of text out of order: in block[] they follow the D-SACK. */
static struct xtcp_sack_block *queued_blocks(struct xtcp_sock *xsk)
{
	return xsk->stream->sack.block + 1;
}

/* Extend @block by @more if they overlap or touch. Return: false when octets lie between them. */
static bool extend(struct xtcp_sack_block *block, struct xtcp_sack_block more)
{
	if (xtcp_seq_gt(more.start, block->end) || xtcp_seq_gt(block->start, more.end))
		return false;
	if (xtcp_seq_lt(more.start, block->start))
		block->start = more.start;
	if (xtcp_seq_gt(more.end, block->end))
		block->end = more.end;
	return true;
}

/* Forgets the ACKs that were held back: one ACK was sent instead, or all text is in order now. */
static void end_compression(struct xtcp_sock *xsk)
{
	struct xtcp_sack *sack = &xsk->stream->sack;

	sack->may_wait = false;
	if (likely(!sack->compressed))
		return;
	XTCP_NET_ADD_STATS(xsk->xn, LINUX_MIB_TCPACKCOMPRESSED, sack->compressed);
	sack->compressed = 0;
}

/**
 * xtcp_sack_queued() - note text out of order that has come, whether new or already in the queue
 * @sk: the sock
 * @start: sequence number of the first octet
 * @end: sequence number after the last octet; all octets in this range are in the queue
 *
 * Blocks that overlap or touch these octets merge with them, and the result becomes the first
 * block. If a FIN is known to follow the text, the block also covers the FIN. RFC 2018 section 4.
 */
void xtcp_sack_queued(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_sack_block *blocks = queued_blocks(xsk);
	struct xtcp_sack_block newest = { .start = start, .end = end };
	unsigned int i, kept = 0;

	sock_owned_by_me(sk);
	if (!xsk->agreed.sack_ok)
		return;
	if (xsk->rcv_fin_known && end == stream->rcv_fin_seq)
		newest.end++;
	/*
	 * one pass suffices: no old block touches another. So a block that merges with @newest does
	 * not make @newest touch a block that was kept before
	 */
	for (i = 0; i < stream->sack.blocks; i++)
		if (!extend(&newest, blocks[i]))
			blocks[kept++] = blocks[i];
	kept = min_t(unsigned int, kept, XTCP_SACK_BLOCKS_MAX - 1);
	memmove(blocks + 1, blocks, kept * sizeof(*blocks));
	blocks[0] = newest;
	stream->sack.blocks = kept + 1;
}

/**
 * xtcp_sack_duplicate() - note that octets came twice, for a D-SACK
 * @sk: the sock
 * @start: sequence number of the first octet
 * @end: sequence number after the last octet
 *
 * An ACK is sent at once, with a D-SACK. If a segment repeats several ranges that do not touch,
 * only the first one is reported. RFC 2883 section 4.
 */
void xtcp_sack_duplicate(struct sock *sk, u32 start, u32 end)
{
	const struct xtcp_sack_block block = { .start = start, .end = end };
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	if (!xsk->agreed.sack_ok || !READ_ONCE(xsk->xn->sysctl.dsack))
		return;
	/*
	 * if there is no struct xtcp_stream, no text has come yet, so none can have come twice.
	 * The segment may be forged, so do not allocate the struct for it
	 */
	if (!xtcp_stream_is_there(stream))
		return;
	xtcp_acking_owe_now(&xsk->acking);
	if (stream->sack.came_twice) {
		extend(&stream->sack.block[0], block);
		return;
	}
	stream->sack.block[0] = block;
	stream->sack.came_twice = true;
}

/**
 * xtcp_sack_repeated() - note that a segment brought nothing new
 * @sk: the sock
 * @start: SEG.SEQ
 * @end: sequence number after the last octet that came twice
 *
 * A D-SACK reports these octets, as in xtcp_sack_duplicate(). If the last D-SACK began at the same
 * octet, our ACKs do not seem to arrive: try another path, as Linux does.
 */
void xtcp_sack_repeated(struct sock *sk, u32 start, u32 end)
{
	const struct xtcp_sack *sack = &xtcp_sk(sk)->stream->sack;

	sock_owned_by_me(sk);
	if (sack->block[0].start == start && sack->block[0].end != start && sk_rethink_txhash(sk))
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDUPLICATEDATAREHASH);
	xtcp_sack_duplicate(sk, start, end);
}

/**
 * xtcp_sack_advanced() - remove blocks below RCV.NXT, which has moved
 * @sk: the sock
 */
void xtcp_sack_advanced(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_sack_block *blocks = queued_blocks(xsk);
	unsigned int i, kept = 0;

	sock_owned_by_me(sk);
	for (i = 0; i < stream->sack.blocks; i++)
		if (xtcp_seq_gt(blocks[i].start, xsk->rcv.nxt))
			blocks[kept++] = blocks[i];
	stream->sack.blocks = kept;
	stream->sack.dups = 0;
	if (!kept)
		end_compression(xsk);
}

/**
 * xtcp_sack_dropped() - text was dropped from the queue: remove it from the blocks
 * @sk: the sock
 * @start: sequence number of the first octet that was dropped; no block extends beyond it on return
 *
 * RFC 2018 section 8: a block may report only text that is still in the queue. A D-SACK that was
 * not sent yet is also cut at @start. Otherwise it might lie beyond RCV.NXT, and the peer could
 * mistake it for a block of text that is in the queue.
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can reach @sk.
 */
void xtcp_sack_dropped(struct sock *sk, u32 start)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_sack_block *blocks = queued_blocks(xsk);
	struct xtcp_sack_block *twice = stream->sack.block;
	unsigned int i, kept = 0;

	if (stream->sack.came_twice && xtcp_seq_gt(twice->end, start)) {
		twice->end = xtcp_seq_max(twice->start, start);
		stream->sack.came_twice = twice->start != twice->end;
	}
	for (i = 0; i < stream->sack.blocks; i++) {
		if (xtcp_seq_ge(blocks[i].start, start))
			continue;
		blocks[kept] = blocks[i];
		if (xtcp_seq_gt(blocks[kept].end, start))
			blocks[kept].end = start;
		kept++;
	}
	stream->sack.blocks = kept;
}

/**
 * xtcp_sack_blocks_to_send() - how many blocks should the next segment with ACK carry?
 * @sack: the blocks of a connection
 * @ts_ok: the connection uses timestamps
 *
 * The number includes the D-SACK. It is at most four, or three with timestamps (RFC 2018 section
 * 3).
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the number; 0 when there is nothing to report, or SACK was not negotiated.
 */
unsigned int xtcp_sack_blocks_to_send(const struct xtcp_sack *sack, bool ts_ok)
{
	unsigned int most = ts_ok ? XTCP_SACK_BLOCKS_MAX - 1 : XTCP_SACK_BLOCKS_MAX;

	return min_t(unsigned int, sack->blocks + sack->came_twice, most);
}

/**
 * xtcp_sack_room() - how much room do SACK blocks and an ACK rate request take?
 * @sack: the blocks of a connection; xtcp_sack_takes_room() is true
 * @ts_ok: the connection uses timestamps
 *
 * If the options have no room for all of them, the last block is left out.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets of options of the next segment with text.
 */
noinline u32 xtcp_sack_room(const struct xtcp_sack *sack, bool ts_ok)
{
	const u32 most = XTCP_MAX_OPTIONS - (ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0);
	u32 room = 0;

	if (xtcp_sack_has_news(sack))
		room = XTCP_OPTLEN_SACK_ALIGNED(xtcp_sack_blocks_to_send(sack, ts_ok));
	return sack->asks ? min_t(u32, room + XTCP_OPTLEN_ACK_RATE_ALIGNED, most) : room;
}

/**
 * xtcp_sack_fill() - add SACK blocks to a segment's options
 * @sack: the blocks of a connection
 * @ts_ok: the connection uses timestamps
 * @room: octets left for the SACK option
 * @opts: the options; afterwards opts->sack points into @sack
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sack_fill(const struct xtcp_sack *sack, bool ts_ok, unsigned int room, struct xtcp_options *opts)
{
	unsigned int blocks = xtcp_sack_blocks_to_send(sack, ts_ok);

	if (room < XTCP_OPTLEN_SACK_ALIGNED(1))
		return;
	opts->sack_blocks = min(blocks, (room - XTCP_OPTLEN_SACK_ALIGNED(0)) / XTCP_OPTLEN_SACK_BLOCK);
	opts->sack = sack->block + !sack->came_twice;
}

/**
 * xtcp_sack_told() - a segment with the blocks was sent, so forget the D-SACK
 * @sk: the sock
 *
 * A D-SACK is sent once (RFC 2883 section 4). The segment also replaces the ACKs that were held
 * back.
 */
void xtcp_sack_told(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	end_compression(xsk);
	if (!stream->sack.came_twice)
		return;
	stream->sack.came_twice = false;
	XTCP_NET_INC_STATS(xsk->xn, xtcp_seq_lt(stream->sack.block[0].start, xsk->rcv.nxt) ? LINUX_MIB_TCPDSACKOLDSENT :
											  LINUX_MIB_TCPDSACKOFOSENT);
}

/**
 * xtcp_sack_out_of_order() - decide whether the ACK for new out-of-order text may wait
 * @sk: the sock; the text is queued, and the ACK was not sent yet
 * @before: the first block, as it was before the text came
 *
 * The ACK may wait (sack.may_wait) if SACK was negotiated, comp_sack_nr is not 0, and a later ACK
 * will also report the text. A later ACK reports the text if the text has extended the first SACK
 * block, or if there are at most FEW_BLOCKS blocks: the option then has room for one more block.
 * Otherwise the ACK is sent at once (RFC 5681 section 4.2).
 */
void xtcp_sack_out_of_order(struct sock *sk, struct xtcp_sack_block before)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_sack *sack = &xsk->stream->sack;
	const struct xtcp_sack_block *first = queued_blocks(xsk);

	sock_owned_by_me(sk);
	if (likely(!READ_ONCE(xsk->xn->sysctl.comp_sack_nr)) || !sack->blocks ||
	    (sack->blocks > FEW_BLOCKS && first->start != before.start && first->end != before.end))
		xtcp_acking_hurry(&xsk->acking);
	else
		sack->may_wait = true;
}
