// SPDX-License-Identifier: GPL-2.0
/* Gives a connection its stream when it needs one; stream.c says when. */
#include "cong/stream_begin.h"

#include <net/sock.h>

#include "base/sock.h"
#include "base/stream.h"
#include "cong/cong.h"
#include "loss/reorder.h"
#include "sendq/sndq.h"
#include "window/space.h"

/*
 * Fills in the notes that xtcp_rate_sent() would have made for the SYN if there had been a stream.
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
 * xtcp_stream_begin() - give a connection its stream
 * @sk: a sock without a stream
 * @gfp: flags of the allocation
 *
 * The stream starts from the state of the connection: its sequence numbers, the round-trip time of
 * its SYN, and a SYN that may be in flight.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true: xsk->stream has changed; false without memory.
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
