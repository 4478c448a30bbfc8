// SPDX-License-Identifier: GPL-2.0
/*
 * struct xtcp_stream: the data state of a connection, which is the part of a TCB that only data
 * transfer needs. It has a slab of its own. Many connections of a busy server never have any data,
 * and need no data state.
 *
 * In this comment, "data" means text or a FIN, in either direction. A connection gets its data
 * state
 *
 *  - with the first write, or the first skb of its send queue other than a SYN. Without memory,
 *    xtcp_sndq_alloc() makes neither the skb nor the data state. Then SEND waits, a SYN leaves
 *    without its data, and a FIN is tried again later (xtcp_output_fin());
 *  - with the first arriving segment that has new data or a FIN. Without memory the segment is
 *    dropped, as when there is no memory for the data, and the peer sends it again;
 *  - with an ACK that reports a loss or an ECN mark before we have sent any data. An honest peer
 *    sends no such ACK. Without memory, the report is ignored; the ACK still sets the send window;
 *  - when it is established, if its congestion control reports state of its own in TCP_INFO or
 *    TCP_CC_INFO, or if the search for the path MTU begins at once. Without memory, the data state
 *    waits for the first data, and the search for the path MTU begins when timeouts require it.
 *
 * The data state stays until the sock is freed or disconnects. Before it exists, tx->stream points
 * to xtcp_stream_none, a constant with the values of a new data state. So a reader need not test
 * whether the data state exists, and a writer that forgets this test faults. But a reader of the
 * fields that xtcp_stream_begin() sets has to test, since xtcp_stream_none does not have their
 * values. If the data state does not exist, use SND.UNA in place of snd_sml, and
 * xtcp_space_copied() in place of space_copied; the round-trip time of the SYN is in the sock.
 */
#include "base/stream.h"

#include <linux/sizes.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "base/sender.h"
#include "base/wire.h"
#include "compat.h"

static struct kmem_cache *streams;

const struct xtcp_stream xtcp_stream_none = {
	.in_flight = LIST_HEAD_INIT(XTCP_STREAM_NONE->in_flight),
	.to_resend = LIST_HEAD_INIT(XTCP_STREAM_NONE->to_resend),
	.scoreboard.reordering = XTCP_DUPACK_THRESHOLD,
};

/**
 * xtcp_stream_init() - make the slab
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_stream_init(void)
{
	/* 28 of these structs fit into a slab of 16 KiB */
	BUILD_BUG_ON(sizeof(struct xtcp_stream) > SZ_16K / 28);
	streams = xtcp_compat_slab(KBUILD_MODNAME "_stream", sizeof(struct xtcp_stream), SLAB_ACCOUNT);
	return streams ? 0 : -ENOMEM;
}

/**
 * xtcp_stream_exit() - free the slab
 *
 * Context: process, module exit; the last sock was freed.
 */
void xtcp_stream_exit(void)
{
	kmem_cache_destroy(streams);
}

/**
 * xtcp_stream_alloc() - allocate a struct xtcp_stream, with the values of xtcp_stream_none
 * @gfp: flags of the allocation
 *
 * Context: softirq or process.
 *
 * Return: the struct, or NULL without memory.
 */
struct xtcp_stream *xtcp_stream_alloc(gfp_t gfp)
{
	struct xtcp_stream *stream = kmem_cache_alloc(streams, gfp | __GFP_NOWARN);

	if (!stream)
		return NULL;
	*stream = xtcp_stream_none;
	INIT_LIST_HEAD(&stream->in_flight);
	INIT_LIST_HEAD(&stream->to_resend);
	return stream;
}

/**
 * xtcp_stream_end() - free the sock's struct xtcp_stream, if it has one
 * @sk: CLOSED, with empty queues
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
void xtcp_stream_end(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (tx->stream == &xtcp_stream_none)
		return;
	kmem_cache_free(streams, tx->stream);
	tx->stream = XTCP_STREAM_NONE;
}
