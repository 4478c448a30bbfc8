// SPDX-License-Identifier: GPL-2.0
/*
 * Sends a segment again (RFC 9293 section 3.8.1). recovery/ and expiry/ choose which one, and when;
 * this file cuts what leaves now out of its skb, and notes that it was sent again.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "send/retransmit.h"

#include <net/tcp.h>

#include "base/net.h"
#include "base/sender.h"
#include "base/wire.h"
#include "cong/reduction.h"
#include "loss/loss.h"
#include "out/segment.h"
#include "send/asking.h"
#include "send/bundle.h"
#include "send/mss.h"
#include "send/output.h"
#include "sendq/sendq.h"
#include "sight/mib.h"

/*
 * The segment that is resent now must also have room for a request for an ACK rate
 * (xtcp_asking_hurries()). So its last octets are cut off, and become a segment of their own. All
 * later segments begin at the same octets as without the request. @n: from xtcp_bundle_again().
 * Return: how many octets to resend now.
 */
static noinline u32 leave_room_for_request(struct sock *sk, struct sk_buff *skb, u32 n)
{
	const u32 mss = xtcp_sender(sk)->mss, most = mss - XTCP_OPTLEN_ACK_RATE_ALIGNED;

	n = min3(n, mss, xtcp_sndq_segment(skb));
	/*
	 * cut @skb at @n, where the segment would end without the request. The caller then cuts
	 * @skb at @most, so only the octets from @most to @n become a segment of their own
	 */
	if (n > most && n < skb->len)
		xtcp_cut_split(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC));
	return min(n, most);
}

/**
 * xtcp_retransmit_segment() - send a segment again
 * @sk: the sock
 * @skb: sent before and not acknowledged; it is cut if only a part may be sent
 * @max: the limit in octets; it allows at least one segment of @skb
 *
 * Nothing is sent beyond the peer's window, which may have shrunk (RFC 9293 section 3.8.6,
 * SHLD-16).
 *
 * Return: 0; -EBUSY when the earlier copy has not left this machine yet; -EAGAIN when the window is
 * closed; -ENOBUFS; or an error of xtcp_segment_send(). After an error @skb was not sent.
 */
int xtcp_retransmit_segment(struct sock *sk, struct sk_buff *skb, u32 max)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 need = cb->end_seq - cb->seq;
	u64 sent_us;
	int err;
	u32 n;

	sock_owned_by_me(sk);
	/*
	 * after a retransmission, neither an ACK of the probe nor the probe's loss shows anything
	 * about the path MTU, so forget the probe
	 */
	if (unlikely(tx->stream->mtuprobe.size))
		tx->stream->mtuprobe.size = 0;
	if (skb_fclone_busy(sk, skb)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPSPURIOUS_RTX_HOSTQUEUES);
		return -EBUSY;
	}
	if (!(cb->flags & XTCP_SYN)) {
		n = min(max, xtcp_snd_room(&tx->snd, cb->seq));
		if (!n)
			return -EAGAIN;
		xtcp_mss_current(sk);
		if (unlikely(tx->agreed.ack_rate_ok))
			xtcp_asking_look(sk);
		n = xtcp_bundle_again(sk, skb, n);
		if (unlikely(tx->stream->sack.asks) && xtcp_asking_hurries(sk))
			n = leave_room_for_request(sk, skb, n);
		/* the FIN is sent with the last octet if the window has room for both */
		if (n == skb->len && need <= xtcp_snd_room(&tx->snd, cb->seq))
			n = need;
		if (n < need && xtcp_cut_split(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC)))
			return -ENOBUFS;
	}
	sent_us = xtcp_output_departure_us(sk, skb);
	err = xtcp_segment_send(sk, skb, sent_us);
	if (unlikely(err))
		return err;
	xtcp_sndq_sent(sk, skb, sent_us);
	tx->snd_tstamp = (u32)jiffies;
	xtcp_scoreboard_resent(sk, skb);
	xtcp_undo_resent(sk, cb->end_seq - cb->seq, sent_us);
	xtcp_reduction_sent(sk, cb->end_seq - cb->seq);
	return 0;
}

/**
 * xtcp_retransmit_tail() - send the last segment again
 * @sk: the sock
 * @skb: the last skb that was sent
 *
 * Return: 0, or an error of xtcp_retransmit_segment(): the segment was not sent.
 */
int xtcp_retransmit_tail(struct sock *sk, struct sk_buff *skb)
{
	u32 mss;

	sock_owned_by_me(sk);
	xtcp_mss_current(sk);
	mss = min_t(u32, xtcp_sender(sk)->mss, xtcp_sndq_segment(skb));
	if (skb->len > mss) {
		if (xtcp_cut_split(sk, skb, rounddown(skb->len - 1, mss), sk_gfp_mask(sk, GFP_ATOMIC)))
			return -ENOBUFS;
		skb = xtcp_sndq_next(sk, skb);
	}
	return xtcp_retransmit_segment(sk, skb, mss);
}
