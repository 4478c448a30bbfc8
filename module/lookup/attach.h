/* SPDX-License-Identifier: GPL-2.0 */
/* Attaches socks to arriving segments, for our handlers and for the rules of netfilter. */
#ifndef XTCP_ATTACH_H
#define XTCP_ATTACH_H

#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

#include "base/net.h"

struct sock;

/* Does a bridge run the hook? A bridge does so even for packets that it only forwards. */
static inline bool xtcp_attach_is_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_info_exists(skb);
#else
	return false;
#endif
}

/*
 * Is the segment addressed to this host's link? The answer is false on a device that is enslaved to
 * a VRF: this device passes the packet on to the VRF device, where the hooks run again.
 */
static inline bool xtcp_attach_is_for_here(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST && !xtcp_attach_is_bridged(skb) && !netif_is_l3_slave(skb->dev);
}

int xtcp_attach_net_init(struct xtcp_net *xn);
void xtcp_attach_net_exit(struct xtcp_net *xn);

/* Softirq, RCU read side. */
bool xtcp_attach_sock(struct sock *sk, struct sk_buff *skb);
struct sock *xtcp_attach_taken(struct sk_buff *skb);
void xtcp_attach_shown(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset);

/* The same as xtcp_attach_shown(), if there are rules or other hooks on INPUT, which may ask. */
static inline void xtcp_attach_for_input(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset, bool v4)
{
	if (v4 ? rcu_access_pointer(xn->net->nf.hooks_ipv4[NF_INET_LOCAL_IN]) :
		 rcu_access_pointer(xn->net->nf.hooks_ipv6[NF_INET_LOCAL_IN]))
		xtcp_attach_shown(xn, skb, offset);
}

/* Process context, may sleep. */
void xtcp_attach_start_transparent(struct xtcp_net *xn);

#endif /* XTCP_ATTACH_H */
