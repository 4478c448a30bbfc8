// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit timestamps (SO_TIMESTAMPING): a program learns, from the error queue of its socket, when the last octet of a
 * write came to the queue of a device (TX_SCHED), when the device took it (TX_SOFTWARE, TX_HARDWARE), and when the peer
 * had acknowledged it and all before it (TX_ACK). As in kernel TCP the last skb of the write is marked, and what is
 * written into the same skb later, with a mark of its own, takes its place.
 *
 * The first two are made below TCP, from what stands beside the octets (struct skb_shared_info), where clones find it,
 * too. The number that tells writes apart (OPT_ID) is put together there for what the kernel knows as TCP; ours it
 * takes as it is, so it stands there as the program is to see it, and the octet that is meant by sequence number here.
 */
#include "send/stamp.h"

#include <linux/net_tstamp.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#include "base/sock.h"
#include "compat.h"
#include "pure/seq.h"
#include "send/sndq.h"

/* The sequence number of the octet that is meant: nobody computes a checksum of what stands on the queue. */
static u32 *stamped_seq(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(skb->csum) != sizeof(u32));
	return (u32 *)&skb->csum;
}

/*
 * The core sets sk_tskey to 0 when the program begins to ask for numbers, as for datagrams. They count from the first
 * octet that is written then. (One that would have the sequence number 0 counts as if it had 1.)
 */
static u32 number_base(struct sock *sk, u32 tsflags, u32 first)
{
	u32 base;

	if (!(tsflags & SOF_TIMESTAMPING_OPT_ID))
		return 0;
	base = atomic_read(&sk->sk_tskey);
	if (!base) {
		base = first ?: 1;
		atomic_set(&sk->sk_tskey, base);
	}
	return base;
}

/**
 * xtcp_stamp_written() - octets were written while the program asks for timestamps
 * @sk: the sock
 * @tsflags: SOF_TIMESTAMPING_* of the sock, and of this write's control message
 * @len: how many octets, those that stand last
 *
 * They may all have left already, in a call that waited for room or met an error behind them. As in kernel TCP the last
 * skb that is not acknowledged is marked then, so there is TX_ACK, and the others should it leave again.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_stamp_written(struct sock *sk, u32 tsflags, u32 len)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue) ?: xtcp_sndq_last(sk);
	u32 base = number_base(sk, tsflags, xsk->write_seq - xsk->fin_queued - len);
	struct skb_shared_info *shinfo;

	sock_owned_by_me(sk);
	if (!(tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK) || !skb || !skb->len)
		return;
	shinfo = skb_shinfo(skb);
	__sock_tx_timestamp(tsflags, &shinfo->tx_flags);
	*stamped_seq(skb) = xtcp_sndcb(skb)->seq + skb->len - 1;
	shinfo->tskey = *stamped_seq(skb) - base;
	if (shinfo->tx_flags & SKBTX_ANY_TSTAMP)
		xtcp_sndcb(skb)->stamps |= XTCP_STAMPS_LEAVING;
	if (tsflags & SOF_TIMESTAMPING_TX_ACK)
		xtcp_sndcb(skb)->stamps |= XTCP_STAMPS_ACKED;
}

/**
 * xtcp_stamp_room() - how much of an skb may leave as one bundle
 * @skb: with cb->stamps, on the queue
 * @mss: octets in a full segment
 *
 * The segment that is meant goes alone: who cuts a bundle looks for it by sequence number, which he is not told.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, at least @mss.
 */
u32 xtcp_stamp_room(const struct sk_buff *skb, u32 mss)
{
	u32 before;

	if (!(xtcp_sndcb(skb)->stamps & XTCP_STAMPS_LEAVING))
		return U32_MAX;
	before = *stamped_seq(skb) - xtcp_sndcb(skb)->seq;
	return before < mss ? mss : before - before % mss;
}

/**
 * xtcp_stamp_split() - an skb was cut in two
 * @skb: with cb->stamps
 * @rest: what was behind it; has its numbers, and no stamps
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_stamp_split(struct sk_buff *skb, struct sk_buff *rest)
{
	struct skb_shared_info *from = skb_shinfo(skb), *to = skb_shinfo(rest);

	if (xtcp_seq_lt(*stamped_seq(skb), xtcp_sndcb(rest)->seq))
		return;
	to->tx_flags |= from->tx_flags & SKBTX_ANY_TSTAMP;
	from->tx_flags &= ~SKBTX_ANY_TSTAMP;
	to->tskey = from->tskey;
	*stamped_seq(rest) = *stamped_seq(skb);
	xtcp_sndcb(rest)->stamps = xtcp_sndcb(skb)->stamps;
	xtcp_sndcb(skb)->stamps = 0;
}

/**
 * xtcp_stamp_join() - an skb got the octets of another
 * @skb: before them
 * @next: with cb->stamps; about to be freed
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_stamp_join(struct sk_buff *skb, const struct sk_buff *next)
{
	skb_shinfo(skb)->tx_flags |= skb_shinfo(next)->tx_flags & SKBTX_ANY_TSTAMP;
	skb_shinfo(skb)->tskey = skb_shinfo(next)->tskey;
	*stamped_seq(skb) = *stamped_seq(next);
	xtcp_sndcb(skb)->stamps |= xtcp_sndcb(next)->stamps;
}

/**
 * xtcp_stamp_acked() - the peer has acknowledged an skb, or the first part of it
 * @sk: the sock
 * @skb: with cb->stamps, among those sent
 * @ack: up to this octet
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_stamp_acked(struct sock *sk, struct sk_buff *skb, u32 ack)
{
	struct net_device *dev = skb->dev;

	sock_owned_by_me(sk);
	if (!(xtcp_sndcb(skb)->stamps & XTCP_STAMPS_ACKED) || !xtcp_seq_lt(*stamped_seq(skb), ack))
		return;
	xtcp_sndcb(skb)->stamps &= ~XTCP_STAMPS_ACKED;
	/* has its place in the tree there */
	skb->dev = NULL;
	xtcp_compat_tell_acked(sk, skb);
	skb->dev = dev;
}
