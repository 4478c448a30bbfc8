// SPDX-License-Identifier: GPL-2.0
/*
 * Early demux: a segment of a connection is given the route that the one before had.
 *
 * IP asks routing about every packet that arrives, unless somebody has answered before. For its own segments kernel TCP
 * does (tcp_v4_early_demux), after the last hook of PRE_ROUTING, and saves them that. It does not know ours; so ours
 * have a hook in that place. It says nothing but the route: whose the segment is, interpose.c finds out as always.
 *
 * A namespace has the hook from its first socket of ours on. net.ipv4.ip_early_demux turns it off, as kernel TCP's.
 */
#include "early.h"

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_fib.h>

#include "demux.h"
#include "lease.h"
#include "netns.h"
#include "sock.h"

/* Its route is good as long as it comes in by the same interface. */
static noinline_for_stack void give_route(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset)
{
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;
	struct dst_entry *dst;
	struct sock *sk;

	__skb_pull(skb, offset);
	xtcp_demux_key_from_skb(xn, skb, &key);
	__skb_push(skb, offset);
	conn = xtcp_demux_lookup(xn, &key);
	if (!conn || conn->kind != XTCP_CONN_SOCK)
		return;
	sk = xtcp_sk_of(xtcp_sock_of_conn(conn));
	dst = rcu_dereference(sk->sk_rx_dst);
	if (!dst || READ_ONCE(sk->sk_rx_dst_ifindex) != skb->skb_iif)
		return;
	dst = dst_check(dst, READ_ONCE(sk->sk_rx_dst_cookie));
	/* IPv6 with addresses that stand for IPv4 would be taken for IPv4 */
	if (dst && dst->ops->family == (skb->protocol == htons(ETH_P_IP) ? AF_INET : AF_INET6))
		skb_dst_set_noref(skb, dst);
}

/* @offset: of the TCP header */
static unsigned int arrived(const struct net *net, struct sk_buff *skb, unsigned int offset)
{
	struct xtcp_net *xn = xtcp_net_rcu(net);
	const struct tcphdr *th;

	if (skb_headlen(skb) < offset + sizeof(*th))
		return NF_ACCEPT;
	th = (const struct tcphdr *)(skb->data + offset);
	/* a SYN comes before there is anything to remember */
	if (xtcp_lease_port_might_be_ours(xn->port_bits, ntohs(th->dest)) && !th->syn &&
	    skb->pkt_type == PACKET_HOST && !skb->sk && !skb_dst(skb) &&
	    READ_ONCE(net->ipv4.sysctl_ip_early_demux))
		give_route(xn, skb, offset);
	return NF_ACCEPT;
}

static unsigned int arrived_v4(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (iph->protocol != IPPROTO_TCP || ip_is_fragment(iph))
		return NF_ACCEPT;
	return arrived(state->net, skb, iph->ihl * 4);
}

static unsigned int arrived_v6(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
		return NF_ACCEPT;
	return arrived(state->net, skb, sizeof(struct ipv6hdr));
}

static const struct nf_hook_ops hooks[] = {
	{
		.hook = arrived_v4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_LAST,
	},
	{
		.hook = arrived_v6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_LAST,
	},
};

static DEFINE_MUTEX(starting);

/**
 * xtcp_early_start() - from now on segments of this namespace's connections are routed by those before them
 * @xn: the namespace
 *
 * When it cannot be, nothing is lost but time.
 *
 * Context: process, may sleep.
 */
void xtcp_early_start(struct xtcp_net *xn)
{
	might_sleep();
	if (READ_ONCE(xn->early))
		return;
	mutex_lock(&starting);
	if (!xn->early)
		WRITE_ONCE(xn->early, !nf_register_net_hooks(xn->net, hooks, ARRAY_SIZE(hooks)));
	mutex_unlock(&starting);
}

/**
 * xtcp_early_stop() - undo xtcp_early_start(), if it was called
 * @xn: the namespace; it has no descriptor of ours any more
 *
 * Context: process, may sleep; namespace exit, a grace period before the tables go.
 */
void xtcp_early_stop(struct xtcp_net *xn)
{
	might_sleep();
	if (xn->early)
		nf_unregister_net_hooks(xn->net, hooks, ARRAY_SIZE(hooks));
	xn->early = false;
}

static u32 cookie_of(const struct sk_buff *skb, const struct dst_entry *dst)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return rt6_get_cookie((const struct rt6_info *)dst);
	return 0;
}

/**
 * xtcp_early_learn() - the route by which a segment came, for the next one
 * @sk: whose it is
 * @skb: as IP left it
 *
 * Context: softirq, RCU read side. Lock: socket, held by bh_lock_sock().
 */
void xtcp_early_learn(struct sock *sk, const struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);

	lockdep_assert_held(&sk->sk_lock.slock);
	if (!dst || !dst_hold_safe(dst))
		return;
	WRITE_ONCE(sk->sk_rx_dst_ifindex, skb->skb_iif);
	WRITE_ONCE(sk->sk_rx_dst_cookie, cookie_of(skb, dst));
	dst_release(unrcu_pointer(xchg(&sk->sk_rx_dst, RCU_INITIALIZER(dst))));
}

/**
 * xtcp_early_forget() - the connection is over
 * @sk: the sock
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_early_forget(struct sock *sk)
{
	sock_owned_by_me(sk);
	dst_release(unrcu_pointer(xchg(&sk->sk_rx_dst, NULL)));
}
