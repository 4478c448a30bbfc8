// SPDX-License-Identifier: GPL-2.0
/*
 * Step six of SEGMENT ARRIVES: the urgent pointer (RFC 9293 section 3.10.7.4).
 *
 * What is kept is the number of one octet, the last urgent one, which stands before the one that the field points to
 * (RFC 9293 section 3.1); net.xtcp.stdurg takes the field for the octet itself, as RFC 1122 section 4.2.2.4 did. The
 * octet is one of the stream all along: here it is noted, so that RECEIVE can hand it out apart (MSG_OOB) and pass over
 * it, or stop before it (SO_OOBINLINE). Its place in the stream is the mark.
 */
#include "recv/urgent.h"

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/sock.h>

#include "base/netns.h"
#include "base/sock.h"
#include "in/ingress.h"
#include "pure/seq.h"
#include "pure/wire.h"
#include "recv/rcvq.h"

/* The octet that the segment's pointer means. */
static u32 pointed_at(const struct sock *sk, struct sk_buff *skb)
{
	u32 pointer = ntohs(tcp_hdr(skb)->urg_ptr);

	if (pointer && !READ_ONCE(xtcp_net_of(sk)->sysctl.stdurg))
		pointer--;
	return xtcp_seg(skb)->seq + pointer;
}

/*
 * The reader stands before an urgent octet that it has not passed, and there is another one: from now on this one is no
 * different from others, but it was handed out apart, or lost to who did not ask, and shall not be read in the stream.
 */
static void pass_over(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	WRITE_ONCE(xsk->copied_seq, xsk->copied_seq + 1);
	if (skb && xtcp_seq_ge(xsk->copied_seq, xtcp_seg(skb)->seq + skb->len))
		xtcp_rcvq_eaten(sk, skb);
}

/* A segment with URG: RCV.UP <- max(RCV.UP, SEG.UP), and the program is told. */
static void take_pointer(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/* what was read, or waits to be read, does not become urgent any more */
	if (xtcp_seq_gt(xsk->copied_seq, seq) || xtcp_seq_lt(seq, xsk->rcv_nxt))
		return;
	if (xsk->urg_data && xtcp_seq_le(seq, xsk->urg_seq))
		return;
	sk_send_sigurg(sk);
	if (xtcp_urgent_at_mark(sk) && !sock_flag(sk, SOCK_URGINLINE) && xsk->copied_seq != xsk->rcv_nxt)
		pass_over(sk);
	WRITE_ONCE(xsk->urg_data, XTCP_URGENT_AWAITED);
	WRITE_ONCE(xsk->urg_seq, seq);
}

/**
 * xtcp_urgent_arrives() - a segment with URG, or one that comes while an urgent octet is awaited
 * @sk: in a state in which text is taken
 * @skb: the segment, at its TCP header, not yet trimmed
 *
 * RFC 9293 section 3.10.7.4, sixth, and section 3.8.5 (MUST-32: whoever owns the socket gets SIGURG, and poll()
 * EPOLLPRI). As in Linux the octet is known as soon as it is here, also beyond a hole.
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
	if (xsk->urg_data != XTCP_URGENT_AWAITED)
		return;
	at = xsk->urg_seq - seg->seq - !!(seg->flags & XTCP_SYN);
	if (at >= seg->len || skb_copy_bits(skb, seg->hdr_len + at, &octet, 1))
		return;
	WRITE_ONCE(xsk->urg_data, XTCP_URGENT_THERE | octet);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/**
 * xtcp_urgent_at_mark() - does the reader stand before the urgent octet? (SIOCATMARK)
 * @sk: the sock
 *
 * RFC 9293 section 3.8.5.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: true when it does.
 */
bool xtcp_urgent_at_mark(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return READ_ONCE(xsk->urg_data) && READ_ONCE(xsk->urg_seq) == READ_ONCE(xsk->copied_seq);
}
