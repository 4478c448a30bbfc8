// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit timestamps (SO_TIMESTAMPING). On the error queue of a socket, the program can read three
 * timestamps for the last octet of a write: when the octet came to the queue of a device
 * (TX_SCHED), when the device took it (TX_SOFTWARE, TX_HARDWARE), and when the peer acknowledged it
 * (TX_ACK). As in kernel TCP, the last skb of the write is marked for this (tx_flags, tskey,
 * cb->stamps). If a later write that asks for timestamps goes into the same skb, the mark moves to
 * the last octet of that write.
 *
 * The layers below TCP report the first two times. They read tx_flags and tskey in struct
 * skb_shared_info, which clones share. A report has an ID, by which the program tells its writes
 * apart (OPT_ID). For a socket of kernel TCP, tskey is the sequence number of the marked octet, and
 * the kernel computes the ID from it. For a socket of ours, the kernel reports tskey as it is. So
 * tskey contains the ID, and skb->csum contains the sequence number of the marked octet.
 */
#include "sendq/stamp.h"

#include <linux/net_tstamp.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#include "base/sender.h"
#include "base/seq.h"
#include "compat.h"
#include "sendq/sndq.h"

/* The sequence number of the marked octet is in skb->csum: an skb on the queue has no checksum. */
static u32 *stamped_seq(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(skb->csum) != sizeof(u32));
	return (u32 *)&skb->csum;
}

/*
 * Returns the base of the IDs of reports. The ID of a report is the sequence number of the marked
 * octet minus the base. The base is the sequence number of the first octet that is written after
 * the program has set OPT_ID. sk_tskey stores the base. Generic socket code sets sk_tskey to 0 when
 * the program sets OPT_ID: 0 means that there is no base yet. A base of 0 is stored as 1.
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
 * xtcp_stamp_written() - mark the last octet of a write
 * @sk: the sock
 * @tsflags: SOF_TIMESTAMPING_* of the sock and of the control message of this write
 * @len: how many octets the write has; they are the last ones in the queue
 *
 * The octets may all have been sent already, if sendmsg() has waited for space in the queue, or has
 * failed after it queued them. In that case, as in kernel TCP, this function marks the last skb
 * that is not acknowledged. The program gets TX_ACK for this skb, but it gets the other timestamps
 * only if the skb is sent again.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_stamp_written(struct sock *sk, u32 tsflags, u32 len)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue) ?: xtcp_sndq_last(sk);
	u32 base = number_base(sk, tsflags, tx->snd.write_seq - tx->fin_queued - len);
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
 * xtcp_stamp_room() - how much of an skb may be sent as one GSO packet
 * @skb: on the queue, with cb->stamps
 * @mss: octets in a full segment
 *
 * The segment with the marked octet is sent alone. In a GSO packet, GSO would look for this segment
 * by tskey, as if tskey were a sequence number. But tskey contains the ID of the report, so GSO
 * would mark the wrong segment, or none.
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
 * xtcp_stamp_split() - when an skb is cut in two, keep its stamp with the marked octet
 * @skb: the skb; cb->stamps is not 0
 * @rest: the part that was cut off; its sequence numbers are set, its stamps are not
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
 * xtcp_stamp_join() - move the mark when an skb takes the octets of the next one
 * @skb: takes the octets
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
 * xtcp_stamp_acked() - report TX_ACK if the marked octet is acknowledged
 * @sk: the sock
 * @skb: was sent; cb->stamps is not 0
 * @ack: the peer has acknowledged all octets before this one
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
	/* skb->dev shares memory with the rbnode */
	skb->dev = NULL;
	xtcp_compat_tell_acked(sk, skb);
	skb->dev = dev;
}
