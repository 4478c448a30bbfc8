// SPDX-License-Identifier: GPL-2.0
/*
 * Step five of SEGMENT ARRIVES without its state changes (RFC 9293 section 3.10.7.4): is the ACK
 * acceptable? recovery/acked.c processes an acceptable ACK.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "arrive/ack.h"

#include <net/sock.h>

#include "base/seg.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/stream.h"
#include "base/wire.h"
#include "recovery/recovery.h"

/*
 * Is an ACK older than RFC 5961 section 5.2 allows? An ACK may be at most MAX.SND.WND below
 * SND.UNA. As in Linux, it must also not be below ISS + 1: the fewer ACK numbers are accepted, the
 * less likely an attacker guesses one of them.
 */
static bool is_too_old(const struct sock *sk, u32 ack)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u64 acked = tx->stream->bytes_acked + xtcp_acked_fin(sk);

	return xtcp_seq_lt(ack, tx->snd.una - (u32)min_t(u64, tx->snd.max_wnd, acked));
}

/**
 * xtcp_ack_is_credible() - may the peer have sent a segment with this ACK field?
 * @sk: in SYN-RECEIVED or a synchronized state
 * @seg: the segment
 *
 * This is the range of RFC 5961 section 5.2, for segments that step one refuses. A forger who sees
 * no segments hardly ever guesses an ACK number in it.
 *
 * Return: true when the ACK is in range.
 */
bool xtcp_ack_is_credible(const struct sock *sk, const struct xtcp_seg *seg)
{
	sock_owned_by_me(sk);
	return seg->flags & XTCP_ACK && !xtcp_seq_gt(seg->ack, xtcp_sender(sk)->snd.nxt) &&
	       !is_too_old(sk, seg->ack);
}

/**
 * xtcp_ack_arrives() - process the ACK field in a synchronized state
 * @sk: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT, CLOSING or LAST-ACK
 * @skb: the segment, skb->data at its TCP header. It carries ACK and has passed steps one to four
 *
 * RFC 9293 section 3.10.7.4, fifth, with the range of RFC 5961 section 5.2.
 *
 * Return: XTCP_CONTINUE, or XTCP_CHALLENGE when the ACK is out of range.
 */
enum xtcp_verdict xtcp_ack_arrives(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (xtcp_seq_gt(seg->ack, tx->snd.nxt))
		return XTCP_CHALLENGE;
	/* an old ACK does not move SND.UNA, but its segment may carry data */
	if (xtcp_seq_lt(seg->ack, tx->snd.una)) {
		if (is_too_old(sk, seg->ack))
			return XTCP_CHALLENGE;
		xtcp_acked_overtaken(sk, skb);
		return XTCP_CONTINUE;
	}
	/* the path works: an earlier ICMP error is not the cause of a later timeout */
	WRITE_ONCE(sk->sk_err_soft, 0);
	tx->ack_tstamp = (u32)jiffies;
	xtcp_tries_end_probes(&tx->tries);
	xtcp_acked_take(sk, skb);
	return XTCP_CONTINUE;
}
