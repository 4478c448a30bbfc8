// SPDX-License-Identifier: GPL-2.0
/*
 * The part of a TCB that text needs: struct xtcp_stream, in a slab of its own. Most connections of a busy server are
 * idle, and many never have anything to say: they do without.
 *
 * Text is here whatever takes a place in sequence space but a SYN, in either direction. So a connection has a stream
 *
 *  - from the first skb of its send queue on that is no SYN's. xtcp_sndq_alloc() makes both, and without memory for
 *    either it makes none: SEND waits, a SYN leaves without its text, and a FIN is tried again when the next segment
 *    comes or the persist deadline passes, as xtcp_output_fin() says;
 *  - from the first segment on that arrives with new text or a FIN. Without memory it is dropped, as where there is no
 *    memory for the text: the peer sends it again;
 *  - when an ACK comes that has something to tell though nothing was sent, which is no honest peer's. Without memory it
 *    tells nothing;
 *  - from when it is established, if its algorithm tells TCP_INFO or TCP_CC_INFO something of its own, or the path MTU
 *    is searched for from the first segment on. Without memory: with the text; the search when timeouts ask for it.
 *
 * It stays until the sock is free or disconnects. Before it begins xsk->stream is &xtcp_stream_none, which says what a
 * new one says and is constant: who only reads need not ask, and who writes without having asked is found out. What two
 * fields say depends on the connection: snd_sml then is SND.UNA, and space_copied xtcp_space_copied(). What the SYN has
 * told by then, the round trip, stands in the sock.
 */
#include "base/stream.h"

#include <linux/slab.h>
#include <net/sock.h>

#include "base/sock.h"
#include "compat.h"
#include "cong/algorithms.h"
#include "pure/reorder.h"
#include "pure/wire.h"
#include "recv/space.h"
#include "send/sndq.h"

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
	streams = xtcp_compat_slab(KBUILD_MODNAME "_stream", sizeof(struct xtcp_stream), SLAB_ACCOUNT);
	return streams ? 0 : -ENOMEM;
}

/**
 * xtcp_stream_exit() - give the slab back
 *
 * Context: process, module exit; the last sock is gone.
 */
void xtcp_stream_exit(void)
{
	kmem_cache_destroy(streams);
}

/* What would stand in the SYN's notes, had there been a stream when it was sent: xtcp_rate_sent() after a pause. */
static void note_sent(struct xtcp_stream *stream, struct sk_buff *syn)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(syn);

	stream->rate.first_sent_us = cb->sent_us;
	stream->delivered_us = cb->sent_us;
	cb->first_sent_us = (u32)cb->sent_us;
	cb->delivered = 0;
	cb->delivered_us = (u32)cb->sent_us;
	*xtcp_sndnote(syn) = (struct xtcp_sndnote) {};
}

/**
 * xtcp_stream_begin() - the connection is about to have text
 * @sk: the sock; without a stream
 * @gfp: as for kmalloc
 *
 * What the connection has by now, it is told: where its numbers begin, the round trip of its SYN, a SYN in flight.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: false without memory; xsk->stream is another one otherwise.
 */
bool xtcp_stream_begin(struct sock *sk, gfp_t gfp)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream;
	struct sk_buff *syn;

	sock_owned_by_me(sk);
	WARN_ON_ONCE(xsk->stream != &xtcp_stream_none);
	stream = kmem_cache_alloc(streams, gfp | __GFP_NOWARN);
	if (!stream)
		return false;
	*stream = xtcp_stream_none;
	INIT_LIST_HEAD(&stream->in_flight);
	INIT_LIST_HEAD(&stream->to_resend);
	xtcp_reorder_init(&stream->rack.reorder);
	stream->rack.rtt_us = xsk->rto.srtt_us;
	stream->recover = xsk->snd_una;
	stream->cong.usage_seq = xsk->snd_una;
	stream->rcv_rtt_seq = xsk->rcv_nxt;
	stream->snd_sml = xsk->snd_una;
	stream->pushed_seq = xsk->write_seq;
	stream->space_copied = xtcp_space_copied(sk);
	syn = skb_rb_first(&xsk->sent);
	if (syn) {
		list_add_tail(&xtcp_sndcb(syn)->node, &stream->in_flight);
		note_sent(stream, syn);
	}
	xsk->stream = stream;
	if (xsk->cong.started)
		xtcp_algorithms_begin(sk);
	return true;
}

/**
 * xtcp_stream_end() - give back what was for text
 * @sk: its queues are empty; it is CLOSED
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_stream_end(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xsk->stream == &xtcp_stream_none)
		return;
	kmem_cache_free(streams, xsk->stream);
	xsk->stream = XTCP_STREAM_NONE;
}
