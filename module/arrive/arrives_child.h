/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes the segment for which a listener made a new sock: the last ACK of a handshake, or the
 * SYN of a Fast Open.
 */
#ifndef XTCP_ARRIVES_CHILD_H
#define XTCP_ARRIVES_CHILD_H

#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/sock.h>
#include <net/xfrm.h>

/*
 * Prepares a segment for one of our queues, where it may stay for long. Its device may disappear
 * meanwhile, so drop the pointer to the device. Also drop the pointers to a route, an IPsec state,
 * a foreign sock and a conntrack entry; a conntrack entry would keep its namespace alive.
 */
static inline void xtcp_arrives_detach(struct sk_buff *skb)
{
	nf_reset_ct(skb);
	skb_dst_drop(skb);
	secpath_reset(skb);
	skb_orphan(skb);
	skb->dev = NULL;
}

void xtcp_arrives_child(struct sk_buff *skb, struct sock *lsk, struct sock *child);
void xtcp_arrives_fast_child(struct sk_buff *skb, struct sock *lsk, struct sock *child);

#endif /* XTCP_ARRIVES_CHILD_H */
