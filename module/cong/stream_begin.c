// SPDX-License-Identifier: GPL-2.0
/* Allocates the data state of a connection (struct xtcp_stream); base/stream.c says when. */
#include "cong/stream_begin.h"

#include <net/sock.h>

#include "base/sock.h"
#include "base/stream.h"
#include "cong/cong.h"
#include "loss/reorder.h"
#include "sendq/sndq.h"
#include "window/space.h"

/**
 * xtcp_stream_begin() - allocate the data state of a connection
 * @sk: a sock without its data state
 * @gfp: flags of the allocation
 *
 * The data state starts from the sequence numbers of the connection and the round-trip time of its
 * SYN. Nothing is in flight: the connection has sent no data yet, and its SYN either waits in the
 * queue (Fast Open) or is acknowledged.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the data state is allocated (xsk->stream); false without memory.
 */
bool xtcp_stream_begin(struct sock *sk, gfp_t gfp)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream;

	sock_owned_by_me(sk);
	WARN_ON_ONCE(xsk->stream != &xtcp_stream_none || !RB_EMPTY_ROOT(&sk->tcp_rtx_queue));
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
	xsk->stream = stream;
	if (xsk->cong.started)
		xtcp_cong_begin(sk);
	return true;
}
