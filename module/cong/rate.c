// SPDX-License-Identifier: GPL-2.0
/*
 * The delivery rate (draft-cheng-iccrg-delivery-rate-estimation), as Linux measures it. An ACK
 * gives a sample: how many octets have arrived since the acknowledged segment was sent, and how
 * long these octets took. This duration is the time in which they were sent, or the time in which
 * they were acknowledged, whichever is longer. So ACKs that arrive together cannot yield a rate
 * higher than the path allows.
 *
 * Each skb stores how much had been delivered when the skb was sent. TCP_INFO reports the rate, and
 * algorithms that set their own rate (struct xtcp_cong_ops.control) depend on it.
 */
#include "cong/rate.h"

#include <net/sock.h>

#include "base/sender.h"
#include "base/seq.h"
#include "cong/cong.h"
#include "cong/pipe.h"
#include "loss/loss.h"
#include "sendq/sendq.h"

/**
 * xtcp_rate_sent() - note the state of delivery in an skb that is sent, for the first time or again
 * @sk: the sock
 * @skb: the skb; its sent_us is set
 * @after_pause: nothing else is in flight, so the measurement starts again now
 *
 * Section 3.2 of the draft.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_rate_sent(struct sock *sk, struct sk_buff *skb, bool after_pause)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;

	sock_owned_by_me(sk);
	if (after_pause) {
		stream->rate.first_sent_us = cb->sent_us;
		stream->delivered_us = cb->sent_us;
	}
	cb->first_sent_us = (u32)stream->rate.first_sent_us;
	cb->delivered = stream->delivered;
	cb->delivered_us = (u32)stream->delivered_us;
	if (unlikely(tx->algorithm->control))
		*xtcp_sndnote(skb) = (struct xtcp_sndnote) {
			.in_flight = xtcp_pipe_octets(sk) + cb->end_seq - cb->seq,
			.lost = stream->lost_total,
		};
	cb->marks &= ~XTCP_SNDQ_LIMITED;
	if (unlikely(stream->rate.limited))
		cb->marks |= XTCP_SNDQ_LIMITED;
}

/**
 * xtcp_rate_arrived() - use the state in an skb that is acknowledged or sacked for the first time
 * @sk: the sock
 * @skb: the skb
 * @sample: the ACK; receives what xtcp_rate_sent() stored in @skb. But if @sample already has the
 *	state of an skb that was sent later than @skb, nothing changes
 *
 * Section 3.3 of the draft. A FIN without text is no data, so it tells no rate.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_rate_arrived(struct sock *sk, const struct sk_buff *skb, struct xtcp_sample *sample)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	struct xtcp_rate *rate = &xtcp_sender(sk)->stream->rate;

	sock_owned_by_me(sk);
	if (unlikely(!skb->len) || (sample->tells_rate && cb->sent_us < rate->first_sent_us))
		return;
	sample->tells_rate = true;
	sample->is_limited = cb->marks & XTCP_SNDQ_LIMITED;
	sample->in_flight_then = xtcp_sndnote(skb)->in_flight;
	sample->lost_before = xtcp_sndnote(skb)->lost;
	sample->delivered_before = cb->delivered;
	sample->delivered_before_us = cb->delivered_us;
	sample->sending_us = (u32)cb->sent_us - cb->first_sent_us;
	rate->first_sent_us = cb->sent_us;
}

/**
 * xtcp_rate_ack() - make a rate sample from an ACK that reported new octets
 * @sk: the sock; stream->delivered counts these octets already
 * @sample: the ACK; xtcp_rate_arrived() was called for each skb with new octets, so
 *	sample->tells_rate is set, unless a FIN alone has arrived
 *
 * Section 3.3 of the draft. A sample that took less time than the smallest RTT is dropped. If the
 * program had written too little to fill the window, the sample is only a lower bound of the rate,
 * and does not replace a sample with a higher rate.
 *
 * Context: softirq or process. Lock: socket, held.
 */
__always_inline void xtcp_rate_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_rate *rate = &stream->rate;
	u32 octets, us;

	sock_owned_by_me(sk);
	if (unlikely(rate->limited) && xtcp_seq_gt(stream->delivered, rate->limited_until))
		rate->limited = false;
	if (unlikely(!sample->tells_rate))
		return;
	octets = stream->delivered - sample->delivered_before;
	us = max(sample->sending_us, (u32)sample->now_us - sample->delivered_before_us);
	if (us < tx->rto.min_rtt_us)
		return;
	if (sample->is_limited && (u64)octets * rate->us < (u64)rate->octets * us)
		return;
	rate->octets = octets;
	rate->us = us;
	rate->is_limited = sample->is_limited;
}

/**
 * xtcp_rate_written() - event: the program writes. Note whether sending is application-limited
 * @sk: the sock
 *
 * Section 3.4 of the draft: sending is application-limited when less than a segment waits in the
 * send queue, nothing waits in the layers below, the window has room, and everything lost was
 * resent.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_rate_written(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 pipe;

	sock_owned_by_me(sk);
	if (!xtcp_stream_is_there(stream))
		return;
	if (tx->snd.write_seq - tx->snd.nxt >= tx->mss || sk_wmem_alloc_get(sk) >= SKB_TRUESIZE(1) ||
	    stream->scoreboard.lost > stream->scoreboard.resent)
		return;
	pipe = xtcp_pipe_octets(sk);
	if (pipe >= tx->cong.cwnd)
		return;
	stream->rate.limited = true;
	stream->rate.limited_until = stream->delivered + pipe;
}

/**
 * xtcp_rate_octets_per_second() - compute the rate of the last sample
 * @sk: the sock
 *
 * Context: process. Lock: socket, held.
 *
 * Return: octets per second, 0 without a sample.
 */
u64 xtcp_rate_octets_per_second(const struct sock *sk)
{
	const struct xtcp_rate *rate = &xtcp_sender(sk)->stream->rate;

	sock_owned_by_me(sk);
	return rate->us ? div_u64((u64)rate->octets * USEC_PER_SEC, rate->us) : 0;
}
