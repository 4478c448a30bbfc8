// SPDX-License-Identifier: GPL-2.0
/*
 * Early demux: find the sock and the input route of an arriving segment before IP does.
 *
 * IP looks up a route for every packet that arrives, unless early demux has attached a route.
 * Kernel TCP's early demux (tcp_v4_early_demux) runs after the last hook of PRE_ROUTING. It
 * attaches the sock, and the route by which the sock's last segment came. For segments of ours, a
 * netfilter hook at the same point does the same. So each segment is looked up once and needs no
 * route lookup, and the netfilter rules of INPUT see its sock. interpose.c takes the sock from the
 * segment. If early demux has no sock for a segment, attach.c may have one for the rules.
 *
 * Between the hook and our handler, a netfilter queue may hold a segment for any time, and IPsec in
 * transport mode defers a segment to a work item. Meanwhile the segment's sock may end, so
 * xtcp_early_take() checks the sock again.
 *
 * Kernel TCP must never see a segment with a sock of ours, not even during module exit. While such
 * a segment is in a queue, the sock's file descriptor or held.c keeps the module loaded. So when
 * module exit begins, no such segment is in a queue. Segments on their way from the hooks to our
 * handlers still reach the handlers, because the hooks are removed a grace period before the
 * handlers. Module exit does not wait until a count of these segments is 0, because such a count
 * would not be reliable: the program that reads a netfilter queue may turn a segment into a UDP
 * datagram, and UDP then takes the sock without a call to us.
 *
 * A namespace gets the hooks with the first listen() or connect() on a socket of ours. Before that
 * call, no socket of ours receives anything, but hooks would cost time for every packet that the
 * machine forwards. The sysctls net.ipv4.ip_early_demux and net.ipv4.tcp_early_demux also turn this
 * early demux off.
 */
#include "lookup/early.h"

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/net_namespace.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "lookup/attach.h"
#include "lookup/demux.h"
#include "ports/ports.h"

/*
 * Attaches to @skb the route of @sk's last segment, if both segments came by the same interface. An
 * earlier connection of @sk may have left a route of the other IP version, which is not used.
 */
static __always_inline void give_route(const struct sock *sk, struct sk_buff *skb, bool v4)
{
	struct dst_entry *dst = rcu_dereference(sk->sk_rx_dst);

	if (!dst || READ_ONCE(sk->sk_rx_dst_ifindex) != skb->skb_iif)
		return;
	dst = dst_check(dst, READ_ONCE(sk->sk_rx_dst_cookie));
	if (dst && dst->ops->family == (v4 ? AF_INET : AF_INET6))
		skb_dst_set_noref(skb, dst);
}

/*
 * Finds the connection of an IPv6 packet. A packet with v4-mapped addresses must not match a
 * connection over IPv4.
 */
static struct xtcp_conn *lookup_v6(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset)
{
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;

	__skb_pull(skb, offset);
	xtcp_demux_key_from_skb(xn, skb, &key);
	__skb_push(skb, offset);
	conn = xtcp_demux_lookup(xn, &key);
	return conn && !conn->v4 ? conn : NULL;
}

/* Attaches to @skb the sock of @conn, and the sock's route. @offset: octets before the TCP header. */
static __always_inline void attach(struct xtcp_net *xn, struct xtcp_conn *conn, struct sk_buff *skb,
				   unsigned int offset, bool v4)
{
	if (likely(conn && conn->kind == XTCP_CONN_SOCK)) {
		/* even a dead sock may give its route: a route holds no reference to the sock */
		give_route(xtcp_sk_of_conn(conn), skb, v4);
		if (xtcp_attach_sock(xtcp_sk_of_conn(conn), skb))
			return;
	}
	xtcp_attach_for_input(xn, skb, offset, v4);
}

/* Not inlined, so that the hook saves no registers for segments that are not ours. */
static noinline void give_sock_v4(struct xtcp_net *xn, struct sk_buff *skb, const struct tcphdr *th)
{
	attach(xn, xtcp_demux_lookup_v4(xn, skb, th), skb, (const u8 *)th - skb->data, true);
}

static noinline void give_sock_v6(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset)
{
	attach(xn, lookup_v6(xn, skb, offset), skb, offset, false);
}

/*
 * Might a sock of ours own this segment, to which no sock is attached yet? @offset: octets before
 * the TCP header. Return: the TCP header if so, else NULL.
 */
static __always_inline const struct tcphdr *ours_perhaps(const struct xtcp_net *xn, const struct sk_buff *skb,
							 unsigned int offset)
{
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + offset);

	if (skb_headlen(skb) < offset + sizeof(*th))
		return NULL;
	return xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(th->dest)) && !skb->sk ? th : NULL;
}

/*
 * May early demux attach a sock and a route? SYNs are left out, because few have a full sock yet.
 * SYN-ACKs are left out, too: nearly all are for a sock in SYN-SENT, and leads_to() refuses a sock
 * in this state.
 */
static __always_inline bool is_early(const struct net *net, const struct sk_buff *skb, const struct tcphdr *th)
{
	return !th->syn && !skb_dst(skb) && xtcp_attach_is_for_here(skb) &&
	       READ_ONCE(net->ipv4.sysctl_ip_early_demux) && READ_ONCE(net->ipv4.sysctl_tcp_early_demux);
}

static unsigned int arrived_v4(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	const struct tcphdr *th;
	struct xtcp_net *xn;

	if (iph->protocol != IPPROTO_TCP || ip_is_fragment(iph))
		return NF_ACCEPT;
	xn = xtcp_net_rcu(state->net);
	th = ours_perhaps(xn, skb, iph->ihl * 4);
	if (!th)
		return NF_ACCEPT;
	if (is_early(state->net, skb, th))
		give_sock_v4(xn, skb, th);
	else
		xtcp_attach_for_input(xn, skb, iph->ihl * 4, true);
	return NF_ACCEPT;
}

static unsigned int arrived_v6(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct tcphdr *th;
	struct xtcp_net *xn;

	if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
		return NF_ACCEPT;
	xn = xtcp_net_rcu(state->net);
	th = ours_perhaps(xn, skb, sizeof(struct ipv6hdr));
	if (!th)
		return NF_ACCEPT;
	if (is_early(state->net, skb, th))
		give_sock_v6(xn, skb, sizeof(struct ipv6hdr));
	else
		xtcp_attach_for_input(xn, skb, sizeof(struct ipv6hdr), false);
	return NF_ACCEPT;
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

/**
 * xtcp_early_start() - start early demux in a namespace
 * @xn: the namespace
 *
 * A failure is ignored: segments then only take the slower path.
 *
 * Context: process, may sleep.
 */
void xtcp_early_start(struct xtcp_net *xn)
{
	might_sleep();
	if (READ_ONCE(xn->early))
		return;
	mutex_lock(&xn->starting);
	if (!xn->early)
		WRITE_ONCE(xn->early, !nf_register_net_hooks(xn->net, hooks, ARRAY_SIZE(hooks)));
	mutex_unlock(&xn->starting);
}

/*
 * Unregisters the hooks, which makes netfilter drop the packets in its queues in this namespace.
 * Runs when the module is unloaded, or when the namespace ends: then its queues are gone already,
 * because each belongs to a netlink socket, which keeps the namespace. No descriptor of ours is
 * left in either case.
 */
static void __net_exit stop(struct net *net)
{
	xtcp_attach_stop(xtcp_net(net));
	if (xtcp_net(net)->early)
		nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

static unsigned int accept_it(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

/*
 * Empties netfilter's queues once more: netfilter drops all segments in its queues when a hook is
 * unregistered, so this function registers a hook and unregisters it. stop() has emptied the queues
 * already, but a segment may have been on its way into a queue at that moment. A grace period has
 * passed since stop(), so this segment is in the queue now.
 */
static void __net_exit flush_queues(struct net *net)
{
	static const struct nf_hook_ops idle = {
		.hook = accept_it,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_LAST,
	};
	const struct xtcp_net *xn = xtcp_net(net);

	if ((xn->early || (xn->rest && xn->rest->transparent)) && !nf_register_net_hook(net, &idle))
		nf_unregister_net_hook(net, &idle);
}

static struct pernet_operations early_ops = {
	.pre_exit = stop,
	.exit = flush_queues,
};

/**
 * xtcp_early_init() - register the functions that remove a namespace's hooks when the namespace
 *	ends
 *
 * Context: process, module init; every namespace has its struct xtcp_net.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_early_init(void)
{
	return register_pernet_subsys(&early_ops);
}

/**
 * xtcp_early_exit() - remove the hooks, and wait until every segment with a sock of ours has
 *	reached our handlers
 *
 * Context: process, module exit; nothing keeps the module loaded, no socket can be made any more,
 * and interpose.c's handlers are still installed.
 */
void xtcp_early_exit(void)
{
	unregister_pernet_subsys(&early_ops);
	/*
	 * netfilter's queues are empty now. All other segments go from the hook to our handler
	 * within one RCU read side: wait until these read sides have ended
	 */
	synchronize_net();
}

/*
 * Does the segment still belong to the attached sock? The sock may have ended since it was
 * attached, and may even have begun another connection. During connect() the sock may still have
 * the tuple of its previous connection. Also, ipvlan may have moved the segment to another
 * namespace.
 */
static __always_inline bool leads_to(const struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_conn *conn = &xtcp_endpoint(sk)->conn;
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	/* TIME-WAIT: a stand-in */
	if ((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT | TCPF_TIME_WAIT))
		return false;
	if (!net_eq(sock_net(sk), dev_net(skb->dev)))
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		return xtcp_conn_has_tuple_v4(conn, ip_hdr(skb), th);
	return !conn->v4 && conn->lport == th->dest && conn->fport == th->source &&
	       ipv6_addr_equal(&conn->laddr6, &ipv6_hdr(skb)->daddr) &&
	       ipv6_addr_equal(&conn->faddr6, &ipv6_hdr(skb)->saddr);
}

/**
 * xtcp_early_take() - take the attached sock from an arriving segment
 * @skb: skb->data is the TCP header, skb->sk is set; afterwards skb->sk is no sock of ours
 *
 * Context: softirq, RCU read side.
 *
 * Return: the sock, with the reference that the segment had. NULL when the sock is not ours, when
 * the segment does not belong to the sock's connection any more, or when the TCP header is not
 * complete.
 */
__always_inline struct sock *xtcp_early_take(struct sk_buff *skb)
{
	struct sock *sk = xtcp_attach_taken(skb);

	if (!sk)
		return NULL;
	if (likely(pskb_may_pull(skb, sizeof(struct tcphdr)) && leads_to(sk, skb)))
		return sk;
	sock_put(sk);
	return NULL;
}

static u32 cookie_of(const struct sk_buff *skb, const struct dst_entry *dst)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return rt6_get_cookie((const struct rt6_info *)dst);
	return 0;
}

/**
 * xtcp_early_learn() - store the route by which a segment came, for the next segment
 * @sk: the segment's sock
 * @skb: the segment, with the route that IP has attached
 *
 * Context: softirq, RCU read side. Lock: socket, held by bh_lock_sock().
 */
void xtcp_early_learn(struct sock *sk, const struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);

	lockdep_assert_held(&sk->sk_lock.slock);
	/* a sock in CLOSE may begin another connection, which must not get this route */
	if (sk->sk_state == TCP_CLOSE || !dst || !dst_hold_safe(dst))
		return;
	WRITE_ONCE(sk->sk_rx_dst_ifindex, skb->skb_iif);
	WRITE_ONCE(sk->sk_rx_dst_cookie, cookie_of(skb, dst));
	dst_release(unrcu_pointer(xchg(&sk->sk_rx_dst, RCU_INITIALIZER(dst))));
}

/**
 * xtcp_early_forget() - drop the stored route when the connection has ended
 * @sk: the sock
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_early_forget(struct sock *sk)
{
	sock_owned_by_me(sk);
	dst_release(unrcu_pointer(xchg(&sk->sk_rx_dst, NULL)));
}
