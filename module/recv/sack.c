// SPDX-License-Identifier: GPL-2.0
/*
 * The SACK blocks that we send (RFC 2018 section 4, RFC 2883).
 *
 * The receive queue says what became of text out of order: queued, passed by RCV.NXT, dropped for want of memory. Kept
 * are the four blocks that changed last, the newest first, so that each is told several times although an ACK may be
 * lost. A block never says more than the queue holds, and holes that are older than these four are not told again: the
 * peer remembers what it heard.
 *
 * What came twice goes in front of them, once (D-SACK). Nothing here is used unless SACK was negotiated.
 */
#include "recv/sack.h"

#include <linux/minmax.h>
#include <net/sock.h>

#include "base/netns.h"
#include "base/sock.h"
#include "pure/seq.h"
#include "sight/mib.h"

/* The place of text out of order in xtcp_sack.block. */
static struct xtcp_sack_block *queued_blocks(struct xtcp_sock *xsk)
{
	return xsk->stream->sack.block + 1;
}

/* Makes @block larger by @more, which it overlaps or meets; false when there are octets between them. */
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
 * xtcp_sack_queued() - text out of order is in the queue, now or again
 * @sk: the sock
 * @start: sequence number of the first octet
 * @end: and of the one after the last; all between them is in the queue
 *
 * The block with these octets becomes the first one. It swallows blocks that it overlaps or meets. A FIN that is known
 * to follow the text counts as octet of it. RFC 2018 section 4.
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
	if (!xsk->sack_ok)
		return;
	if (xsk->rcv_fin_known && end == stream->rcv_fin_seq)
		newest.end++;
	/* one pass is enough: no two of the others touch, so what grows by one of them meets no other */
	for (i = 0; i < stream->sack.blocks; i++)
		if (!extend(&newest, blocks[i]))
			blocks[kept++] = blocks[i];
	kept = min_t(unsigned int, kept, XTCP_SACK_BLOCKS_MAX - 1);
	memmove(blocks + 1, blocks, kept * sizeof(*blocks));
	blocks[0] = newest;
	stream->sack.blocks = kept + 1;
}

/**
 * xtcp_sack_duplicate() - octets came that were here already
 * @sk: the sock
 * @start: sequence number of the first of them
 * @end: and of the one after the last
 *
 * Of what one segment repeats the first stretch is told, and that in the ACK of this segment, which is due at once. RFC
 * 2883 section 4.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sack_duplicate(struct sock *sk, u32 start, u32 end)
{
	const struct xtcp_sack_block block = { .start = start, .end = end };
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	if (!xsk->sack_ok || !READ_ONCE(xsk->xn->sysctl.dsack))
		return;
	/* the peer has sent nothing yet that could come twice: no old segment, which anybody can forge, takes memory */
	if (!xtcp_stream_is_there(stream))
		return;
	xsk->ack_pending = true;
	xsk->ack_now = true;
	if (stream->sack.came_twice) {
		extend(&stream->sack.block[0], block);
		return;
	}
	stream->sack.block[0] = block;
	stream->sack.came_twice = true;
}

/**
 * xtcp_sack_repeated() - xtcp_sack_duplicate() of a segment in which nothing was new
 * @sk: the sock
 * @start: SEG.SEQ
 * @end: the octet after its last
 *
 * When the last D-SACK told of the same one, our ACKs do not arrive: they try another path, as Linux's.
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
 * xtcp_sack_advanced() - RCV.NXT has moved, and blocks below it say nothing any more
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
		if (xtcp_seq_gt(blocks[i].start, xsk->rcv_nxt))
			blocks[kept++] = blocks[i];
	stream->sack.blocks = kept;
}

/**
 * xtcp_sack_dropped() - queued text is given up
 * @sk: the sock
 * @start: sequence number of the first octet that went; none beyond it stays
 *
 * RFC 2018 section 8: what is not held any more may not be told.
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_sack_dropped(struct sock *sk, u32 start)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_sack_block *blocks = queued_blocks(xsk);
	unsigned int i, kept = 0;

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
 * xtcp_sack_blocks_to_send() - how many blocks the next segment with ACK carries
 * @xsk: the sock
 *
 * With one for what came twice; at most four, three with timestamps (RFC 2018 section 3).
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: 0 when there is nothing to tell, or SACK was not negotiated.
 */
unsigned int xtcp_sack_blocks_to_send(const struct xtcp_sock *xsk)
{
	const struct xtcp_stream *stream = xsk->stream;
	unsigned int most = xsk->ts_ok ? XTCP_SACK_BLOCKS_MAX - 1 : XTCP_SACK_BLOCKS_MAX;

	return min_t(unsigned int, stream->sack.blocks + stream->sack.came_twice, most);
}

/**
 * xtcp_sack_fill() - put the blocks into a segment's options
 * @xsk: the sock
 * @room: octets that the option may take beside what else @opts has
 * @opts: the options; they point into @xsk afterwards
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sack_fill(const struct xtcp_sock *xsk, unsigned int room, struct xtcp_options *opts)
{
	const struct xtcp_stream *stream = xsk->stream;
	unsigned int blocks = xtcp_sack_blocks_to_send(xsk);

	if (room < XTCP_OPTLEN_SACK_ALIGNED(1))
		return;
	opts->sack_blocks = min(blocks, (room - XTCP_OPTLEN_SACK_ALIGNED(0)) / XTCP_OPTLEN_SACK_BLOCK);
	opts->sack = stream->sack.block + !stream->sack.came_twice;
}

/**
 * xtcp_sack_told() - the blocks have left in a segment
 * @sk: the sock
 *
 * What came twice is told once (RFC 2883 section 4).
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
	XTCP_NET_INC_STATS(xsk->xn, xtcp_seq_lt(stream->sack.block[0].start, xsk->rcv_nxt) ? LINUX_MIB_TCPDSACKOLDSENT :
											  LINUX_MIB_TCPDSACKOFOSENT);
}
