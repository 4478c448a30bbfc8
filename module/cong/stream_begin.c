// SPDX-License-Identifier: GPL-2.0
/* Allocates the data state of a connection (struct xtcp_stream); base/stream.c says when. */
#include "cong/stream_begin.h"

#include <net/sock.h>

#include "base/sock.h"
#include "base/stream.h"
#include "cong/cong.h"
#include "loss/reorder.h"
#include "sendq/sendq.h"
#include "window/window.h"

/*
 * The SYN was sent before the data state existed, so xtcp_rate_sent() was not called for it. Store
 * in the skb of the SYN what xtcp_rate_sent() would have stored.
 */
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
 * xtcp_stream_begin() - allocate the data state of a connection
 * @sk: a sock without its data state
 * @gfp: flags of the allocation
 *
 * The data state starts from the sequence numbers of the connection, the round-trip time of its
 * SYN, and the SYN itself if it is still in flight.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the data state is allocated (xsk->stream); false without memory.
 */
bool xtcp_stream_begin(struct sock *sk, gfp_t gfp)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream;
	struct sk_buff *syn;

	sock_owned_by_me(sk);
	WARN_ON_ONCE(xsk->stream != &xtcp_stream_none);
	stream = xtcp_stream_alloc(gfp);
	if (!stream)
		return false;
	xtcp_reorder_init(&stream->rack.reorder);
	stream->rack.rtt_us = xsk->rto.srtt_us;
	stream->recover = xsk->snd.una;
	stream->cong.usage_seq = xsk->snd.una;
	stream->rcv_rtt_seq = xsk->rcv.nxt;
	stream->snd_sml = xsk->snd.una;
	stream->pushed_seq = xsk->snd.write_seq;
	stream->space_copied = xtcp_space_copied(sk);
	syn = skb_rb_first(&sk->tcp_rtx_queue);
	if (syn) {
		list_add_tail(&xtcp_sndcb(syn)->node, &stream->in_flight);
		note_sent(stream, syn);
	}
	xsk->stream = stream;
	if (xsk->cong.started)
		xtcp_cong_begin(sk);
	return true;
}
