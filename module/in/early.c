// SPDX-License-Identifier: GPL-2.0
/*
 * Early demux: whose an arriving segment is, and by what route it comes, before IP asks.
 *
 * IP asks routing about every packet that arrives, unless somebody has answered before. For its own segments kernel TCP
 * does (tcp_v4_early_demux), after the last hook of PRE_ROUTING: it attaches the sock, and the route by which the last
 * segment of the sock came. Ours have a hook in that place which does the same, so that they are looked up once, spare
 * routing, and show their sock to the rules of INPUT. interpose.c takes the sock from there.
 *
 * A segment may be held on the way by a queue of netfilter, for as long as a program likes. Its sock may have ended by
 * then, which is looked at before it is taken. Kernel TCP must never see such a segment, so the module steps aside only
 * when none is left.
 *
 * A namespace has the hook from its first listen() or connect() of ours on: all that the machine forwards passes it,
 * too, and a socket alone receives nothing. net.ipv4.ip_early_demux and net.ipv4.tcp_early_demux turn
 * it off, as kernel TCP's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "in/early.h"

#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/net_namespace.h>

#include "base/netns.h"
#include "base/sock.h"
#include "lookup/demux.h"
#include "ports/lease.h"

/* Segments that have a sock of ours attached; one may be counted up here and down there. */
static DEFINE_PER_CPU(int, attached);

/* skb->destructor of a segment that is dropped on the way */
static void put_attached(struct sk_buff *skb)
{
	this_cpu_dec(attached);
	sock_put(skb->sk);
}

/* The route of @sk's last segment, which may be of a connection before, is good for one by the same interface. */
static __always_inline void give_route(const struct sock *sk, struct sk_buff *skb, bool v4)
{
	struct dst_entry *dst = rcu_dereference(sk->sk_rx_dst);

	if (!dst || READ_ONCE(sk->sk_rx_dst_ifindex) != skb->skb_iif)
		return;
	dst = dst_check(dst, READ_ONCE(sk->sk_rx_dst_cookie));
	if (dst && dst->ops->family == (v4 ? AF_INET : AF_INET6))
		skb_dst_set_noref(skb, dst);
}

/* IPv6 with addresses that stand for IPv4 would be taken for IPv4. */
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

/* The sock of @conn, which may be NULL, and its route. */
static __always_inline void attach(struct xtcp_conn *conn, struct sk_buff *skb, bool v4)
{
	struct sock *sk;

	if (!conn || conn->kind != XTCP_CONN_SOCK)
		return;
	sk = xtcp_sk_of(xtcp_sock_of_conn(conn));
	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return;
	/* pairs with held.c, which sees our reference, or we that no descriptor answers for what a queue may keep */
	smp_mb__after_atomic();
	if (unlikely(sock_flag(sk, SOCK_DEAD))) {
		sock_put(sk);
		return;
	}
	this_cpu_inc(attached);
	skb->sk = sk;
	skb->destructor = put_attached;
	give_route(sk, skb, v4);
}

/* These two apart, so that what is not ours has no registers saved. */
static noinline void give_sock_v4(struct xtcp_net *xn, struct sk_buff *skb, const struct tcphdr *th)
{
	attach(xtcp_demux_lookup_v4(xn, skb, th), skb, true);
}

static noinline void give_sock_v6(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset)
{
	attach(lookup_v6(xn, skb, offset), skb, false);
}

/* A bridge asks the hooks about what it may send on. */
static bool is_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_info_exists(skb);
#else
	return false;
#endif
}

/* A device of a VRF hands on to the VRF, which asks again. */
static bool is_for_here(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST && !is_bridged(skb) && !netif_is_l3_slave(skb->dev);
}

/* Has the segment perhaps a sock of ours, which it should get? @offset: of the TCP header. Returns that, or NULL. */
static __always_inline const struct tcphdr *ours_perhaps(const struct net *net, const struct xtcp_net *xn,
							 const struct sk_buff *skb, unsigned int offset)
{
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + offset);

	if (skb_headlen(skb) < offset + sizeof(*th))
		return NULL;
	/* a SYN comes before there is a sock */
	if (xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(th->dest)) && !th->syn && !skb->sk && !skb_dst(skb) &&
	    is_for_here(skb) && READ_ONCE(net->ipv4.sysctl_ip_early_demux) &&
	    READ_ONCE(net->ipv4.sysctl_tcp_early_demux))
		return th;
	return NULL;
}

static unsigned int arrived_v4(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	const struct tcphdr *th;
	struct xtcp_net *xn;

	if (iph->protocol != IPPROTO_TCP || ip_is_fragment(iph))
		return NF_ACCEPT;
	xn = xtcp_net_rcu(state->net);
	th = ours_perhaps(state->net, xn, skb, iph->ihl * 4);
	if (th)
		give_sock_v4(xn, skb, th);
	return NF_ACCEPT;
}

static unsigned int arrived_v6(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct xtcp_net *xn;

	if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
		return NF_ACCEPT;
	xn = xtcp_net_rcu(state->net);
	if (ours_perhaps(state->net, xn, skb, sizeof(struct ipv6hdr)))
		give_sock_v6(xn, skb, sizeof(struct ipv6hdr));
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
 * xtcp_early_start() - from now on segments of this namespace's connections are looked up early
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
	mutex_lock(&xn->starting);
	if (!xn->early)
		WRITE_ONCE(xn->early, !nf_register_net_hooks(xn->net, hooks, ARRAY_SIZE(hooks)));
	mutex_unlock(&xn->starting);
}

/* No descriptor of ours is left there. Netfilter drops what its queues hold. */
static void __net_exit stop(struct net *net)
{
	if (xtcp_net(net)->early)
		nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

static unsigned int accept_it(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

/* A grace period later: a hook that comes and goes has netfilter drop what was on its way into a queue by then. */
static void __net_exit flush_queues(struct net *net)
{
	static const struct nf_hook_ops idle = {
		.hook = accept_it,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_LAST,
	};

	if (xtcp_net(net)->early && !nf_register_net_hook(net, &idle))
		nf_unregister_net_hook(net, &idle);
}

static struct pernet_operations early_ops = {
	.pre_exit = stop,
	.exit = flush_queues,
};

/**
 * xtcp_early_init() - have the hooks go with their namespace
 *
 * Context: process, module init; every namespace has its struct xtcp_net.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_early_init(void)
{
	return register_pernet_subsys(&early_ops);
}

static int count_attached(void)
{
	int cpu, sum = 0;

	for_each_possible_cpu(cpu)
		sum += per_cpu(attached, cpu);
	return sum;
}

/**
 * xtcp_early_exit() - take the hooks away and wait until no segment has a sock of ours attached
 *
 * A segment that a program moved to another queue of netfilter while the queues were emptied stays there until that one
 * has its verdict; what is waited for is said once a second.
 *
 * Context: process, module exit; no socket can be made any more, and interpose.c is still in its place.
 */
void xtcp_early_exit(void)
{
	int left, rounds = 0;

	/* waits for a grace period: whatever runs in a hook is through */
	unregister_pernet_subsys(&early_ops);
	while ((left = count_attached())) {
		if (!(rounds++ % 50))
			pr_info("waiting for %d segments in queues of netfilter\n", left);
		msleep(20);
	}
}

/*
 * Since it was attached the sock may have ended, and even have begun another life; in connect() its tuple is the one
 * before for a while. And ipvlan may have moved the segment to another namespace.
 */
static bool is_good(const struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_conn *conn = &xtcp_sk(sk)->conn;
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	if ((1 << inet_sk_state_load(sk)) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		return false;
	if (!net_eq(sock_net(sk), dev_net(skb->dev)))
		return false;
	if (conn->lport != th->dest || conn->fport != th->source)
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		return conn->v4 && conn->laddr4 == ip_hdr(skb)->daddr && conn->faddr4 == ip_hdr(skb)->saddr;
	return !conn->v4 && ipv6_addr_equal(&conn->laddr6, &ipv6_hdr(skb)->daddr) &&
	       ipv6_addr_equal(&conn->faddr6, &ipv6_hdr(skb)->saddr);
}

/**
 * xtcp_early_take() - the sock that was attached to an arriving segment
 * @skb: at the TCP header; has a sock, and none of ours afterwards
 *
 * Context: softirq, RCU read side.
 *
 * Return: the sock, with the reference that the segment had; NULL: it was not ours, or its connection has ended.
 */
struct sock *xtcp_early_take(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (skb->destructor != put_attached)
		return NULL;
	this_cpu_dec(attached);
	skb->sk = NULL;
	skb->destructor = NULL;
	if (likely(pskb_may_pull(skb, sizeof(struct tcphdr)) && is_good(sk, skb)))
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
	/* one that has ended may be about to begin anew */
	if (sk->sk_state == TCP_CLOSE || !dst || !dst_hold_safe(dst))
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
