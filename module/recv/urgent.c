// SPDX-License-Identifier: GPL-2.0
/*
 * Step six of SEGMENT ARRIVES: the urgent pointer (RFC 9293 section 3.10.7.4).
 *
 * The urgent pointer of a segment points to the octet after the urgent octet (RFC 9293 section
 * 3.1), or with net.xtcp.stdurg to the urgent octet itself (RFC 1122 section 4.2.2.4). Only the
 * last urgent octet is known to us: struct xtcp_urgent has its sequence number and its value.
 * MSG_OOB returns this value. The octet also stays in the receive queue. A read stops before the
 * octet. The next read skips it, or returns it as normal text if SO_OOBINLINE is set. The sequence
 * number of the octet is called the mark.
 */
#include "recv/urgent.h"

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/sock.h>

#include "base/net.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/wire.h"
#include "recv/rcvq.h"

/* The sequence number of the urgent octet, computed from the segment's urgent pointer. */
static u32 pointed_at(const struct sock *sk, struct sk_buff *skb)
{
	u32 pointer = ntohs(tcp_hdr(skb)->urg_ptr);

	if (pointer && !READ_ONCE(xtcp_net_of(sk)->sysctl.stdurg))
		pointer--;
	return xtcp_seg(skb)->seq + pointer;
}

/*
 * Skip the urgent octet, which is the next octet to read: struct xtcp_urgent is about to forget it
 * for a newer one. No read may return the old octet as normal text, because MSG_OOB has returned
 * the octet already, or the program did not want it.
 */
static void pass_over(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	xtcp_rcv_copied(&xsk->rcv, 1);
	if (skb && xtcp_seq_ge(xsk->rcv.copied_seq, xtcp_seg(skb)->seq + skb->len))
		xtcp_rcvq_eaten(sk, skb);
}

/* Take the urgent pointer of a segment and send SIGURG: RCV.UP <- max(RCV.UP, SEG.UP). */
static void take_pointer(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/* an octet before RCV.NXT can no longer become urgent, even if it is unread */
	if (xtcp_seq_gt(xsk->rcv.copied_seq, seq) || xtcp_seq_lt(seq, xsk->rcv.nxt))
		return;
	if (xsk->urgent.data && xtcp_seq_le(seq, xsk->urgent.seq))
		return;
	sk_send_sigurg(sk);
	if (xtcp_urgent_at_mark(sk) && !sock_flag(sk, SOCK_URGINLINE) && xsk->rcv.copied_seq != xsk->rcv.nxt)
		pass_over(sk);
	xtcp_urgent_await(&xsk->urgent, seq);
}

/**
 * xtcp_urgent_arrives() - process the urgent pointer and the urgent octet of a segment
 * @sk: in a state that accepts text
 * @skb: a segment with URG, or any segment while an urgent octet is awaited; it begins with the TCP
 *	header and is not trimmed yet
 *
 * RFC 9293 section 3.10.7.4, sixth step, and section 3.8.5 (MUST-32): the owner of the socket gets
 * SIGURG, and poll() reports EPOLLPRI. As in Linux, the octet is available as soon as it arrives,
 * even beyond a hole.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_urgent_arrives(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 at;
	u8 octet;

	sock_owned_by_me(sk);
	if (seg->flags & XTCP_URG)
		take_pointer(sk, pointed_at(sk, skb));
	if (xsk->urgent.data != XTCP_URGENT_AWAITED)
		return;
	at = xsk->urgent.seq - seg->seq - !!(seg->flags & XTCP_SYN);
	if (at >= seg->len || skb_copy_bits(skb, seg->hdr_len + at, &octet, 1))
		return;
	xtcp_urgent_came(&xsk->urgent, octet);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/**
 * xtcp_urgent_at_mark() - is the urgent octet the next one to read (SIOCATMARK)?
 * @sk: the sock
 *
 * RFC 9293 section 3.8.5.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: true when the urgent octet is the next one.
 */
bool xtcp_urgent_at_mark(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return READ_ONCE(xsk->urgent.data) && READ_ONCE(xsk->urgent.seq) == READ_ONCE(xsk->rcv.copied_seq);
}
