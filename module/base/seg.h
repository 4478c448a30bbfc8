/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct xtcp_seg: the fields of a segment, which ingress.c reads from the header once. Also: which
 * version of IP carries a connection.
 */
#ifndef XTCP_SEG_H
#define XTCP_SEG_H

#include <linux/build_bug.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "base/wire.h"

/* Does IPv4 carry this connection? An AF_INET6 sock with a v4-mapped peer uses IPv4. */
static inline bool xtcp_sock_is_v4(const struct sock *sk)
{
	return sk->sk_family == AF_INET || ipv6_addr_v4mapped(&sk->sk_v6_daddr);
}

/*
 * A segment, with the names of RFC 9293 section 3.3.1; in skb->cb from ingress to the receive
 * queue.
 * @hdr_len: octets of TCP header at skb->data; 0 when rcvq.c has pulled the header
 * @sack_at: octets from the start of the TCP header to the first SACK block
 * @dif: the interface by which the segment arrived; with a VRF: the VRF device
 * @sdif: with a VRF: the interface by which the segment arrived; otherwise 0
 */
struct xtcp_seg {
	u32 seq;		/* SEG.SEQ */
	u32 end_seq;		/* SEG.SEQ + SEG.LEN, counting SYN and FIN */
	u32 ack;		/* SEG.ACK; valid when XTCP_ACK is in @flags */
	u32 tsval;		/* valid when @has_ts */
	u32 tsecr;		/* valid when @has_ts */
	u32 len;		/* octets of data; rcvq.c updates it when it trims the segment */
	u16 wnd;		/* the window field, unscaled */
	u8 hdr_len;
	u8 flags;		/* enum xtcp_flags */
	bool has_ts;		/* the timestamps option is present */
	bool has_wscale;	/* the window scale option is present, on a SYN */
	u8 wscale;		/* the shift count of the window scale option, at most 14 */
	bool sack_permitted;	/* the SACK-permitted option is present, on a SYN */
	u8 sack_blocks;		/* number of SACK blocks in the option, 0: none (RFC 2018) */
	u8 sack_at;
	u16 mss;		/* the MSS option of a SYN, 0: none */
	u8 ack_rate;		/* the ACK Rate Request option (enum xtcp_ackrate) */
	u8 ecn;			/* the ECN field of the IP header: INET_ECN_* */
	int dif;
	int sdif;
};

static inline struct xtcp_seg *xtcp_seg(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct xtcp_seg) > sizeof(skb->cb));
	return (struct xtcp_seg *)skb->cb;
}

/*
 * Finds the header of a segment that IP has just delivered. Returns its length with options; 0 if
 * that is less than XTCP_HDR_LEN, or if the skb ends before. @buf has XTCP_HDR_LEN +
 * XTCP_MAX_OPTIONS octets. The length is read only once: a fragment's page may change between two
 * reads.
 */
static __always_inline unsigned int xtcp_seg_peek(const struct sk_buff *skb, u8 *buf, const struct tcphdr **th)
{
	unsigned int len;

	*th = skb_header_pointer(skb, 0, sizeof(**th), buf);
	if (!*th)
		return 0;
	len = (*th)->doff * 4;
	if (len < sizeof(**th))
		return 0;
	*th = skb_header_pointer(skb, 0, len, buf);
	return *th ? len : 0;
}

/* A SYN without RST, ACK and FIN, as a client begins a connection with (RFC 9293 section 3.5). */
static inline bool xtcp_seg_is_syn_alone(const struct xtcp_seg *seg)
{
	return (seg->flags & (XTCP_SYN | XTCP_RST | XTCP_ACK | XTCP_FIN)) == XTCP_SYN;
}

#endif /* XTCP_SEG_H */
