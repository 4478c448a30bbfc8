// SPDX-License-Identifier: GPL-2.0
/*
 * The SACK blocks that we send (RFC 2018 section 4, RFC 2883).
 *
 * The receive queue reports what happens to text out of order: it is queued, RCV.NXT passes it, or
 * it is dropped for lack of memory. The last four blocks that changed are stored, the newest first.
 * So each block is sent several times, in case ACKs are lost. A block never covers more than the
 * queue holds. Blocks older than these four are not sent again: the peer remembers them.
 *
 * A D-SACK for text that came twice goes in front of them, once. Nothing here is used unless SACK
 * was negotiated.
 */
#include "window/sack.h"

#include <linux/minmax.h>
#include <net/sock.h>

#include "base/net.h"
#include "base/seq.h"
#include "base/sock.h"
#include "sight/mib.h"

/* Skip the first block, which is the D-SACK: the blocks of out-of-order text follow. */
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

/**
 * xtcp_sack_queued() - take note of text out of order that is in the queue, newly or again
 * @sk: the sock
 * @start: sequence number of the first octet
 * @end: the octet after the last one; all octets between them are in the queue
 *
 * The block with these octets becomes the first one, and merges with blocks that it overlaps or
 * touches. A FIN that is known to follow the text counts as an octet of it. RFC 2018 section 4.
 *
 * Context: softirq or process. Lock: socket, held.
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
	 * one pass suffices: the old blocks do not touch each other, so merging one reaches no
	 * other
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
 * xtcp_sack_duplicate() - take note of octets that came twice
 * @sk: the sock
 * @start: sequence number of the first of them
 * @end: the octet after the last one
 *
 * Only the first such range of a segment is reported, in the ACK of the segment, which is sent at
 * once. RFC 2883 section 4.
 *
 * Context: softirq or process. Lock: socket, held.
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
	 * without a stream no text came before; do not allocate a stream for an old segment, which
	 * may be forged
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
 * xtcp_sack_repeated() - take note of a segment with nothing new
 * @sk: the sock
 * @start: SEG.SEQ
 * @end: the octet after its last one
 *
 * As xtcp_sack_duplicate(). If the last D-SACK reported the same segment, our ACKs do not arrive:
 * try another path, as Linux does.
 *
 * Context: softirq or process. Lock: socket, held.
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
 *
 * Context: softirq or process. Lock: socket, held.
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
}

/**
 * xtcp_sack_dropped() - shorten the blocks: text was dropped that had been queued or had come twice
 * @sk: the sock
 * @start: sequence number of the first octet that was dropped; no block may reach beyond it
 *
 * RFC 2018 section 8: a block may report only text that is still held. A D-SACK that was not sent
 * yet is cut as well: beyond RCV.NXT, a peer may take it for the block of text that is held.
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
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
 * @sack: of a connection
 * @ts_ok: it uses timestamps
 *
 * This includes the D-SACK. At most four, three with timestamps (RFC 2018 section 3).
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
 * xtcp_sack_fill() - add SACK blocks to a segment's options
 * @sack: of a connection
 * @ts_ok: it uses timestamps
 * @room: octets left for the SACK option
 * @opts: the options; they point into @sack afterwards
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
 * xtcp_sack_told() - the blocks have left in a segment
 * @sk: the sock
 *
 * A D-SACK is sent once (RFC 2883 section 4).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sack_told(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	if (!stream->sack.came_twice)
		return;
	stream->sack.came_twice = false;
	XTCP_NET_INC_STATS(xsk->xn, xtcp_seq_lt(stream->sack.block[0].start, xsk->rcv.nxt) ? LINUX_MIB_TCPDSACKOLDSENT :
											  LINUX_MIB_TCPDSACKOFOSENT);
}
