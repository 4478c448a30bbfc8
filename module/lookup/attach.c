// SPDX-License-Identifier: GPL-2.0
/*
 * Attaches socks to arriving segments, for our handlers and for the rules of netfilter.
 *
 * A rule such as "socket mark 7" takes the sock that is attached to the segment. If there is none,
 * the rule asks the tables of kernel TCP, which do not have our socks. So the rules see only those
 * socks of ours that are attached before:
 *
 *  - Early demux (early.c) attaches the full sock of a connection, to a segment that arrives
 *    without a route.
 *  - If the namespace has rules on INPUT, xtcp_attach_for_input() attaches a sock to all other
 *    segments, such as SYNs and what comes over the loopback device. It runs last in PRE_ROUTING.
 *  - Once a program has set IP_TRANSPARENT, before_mangle() runs before the rules of the table
 *    mangle in PRE_ROUTING. A transparent proxy has a rule there, which marks the segments of
 *    transparent socks, so that routing delivers them here. after_rules() detaches the socks again:
 *    IP drops a packet that has a sock and is to be forwarded.
 *
 * What is attached is what the rule would find in the tables of kernel TCP: the sock of a
 * connection, or the listener. Kernel TCP has a small sock for a half-open connection and for
 * TIME-WAIT, and we have none. A stand-in is attached for them, a TIME-WAIT sock which shows only
 * whether the connection is transparent. It is also attached for a sock without a program, which
 * cannot keep the module loaded while the segment waits in a queue.
 *
 * Our handlers take every attached sock from the segment (xtcp_attach_taken()), and use only those
 * of connections. So the worst effect of a wrong sock is that a rule decides wrongly.
 */
#include "lookup/attach.h"

#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/sched.h>
#include <net/dst_metadata.h>
#include <net/inet_timewait_sock.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/xfrm.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "listen/entry.h"
#include "lookup/demux.h"
#include "lookup/listeners.h"
#include "ports/ports.h"
#include "timewait/timewait.h"

/*
 * The skb->destructor of a segment with a sock of ours. It runs if the segment is dropped before it
 * reaches our handlers.
 */
static void put_attached(struct sk_buff *skb)
{
	sock_put(skb->sk);
}

/**
 * xtcp_attach_sock() - attach a sock to a segment
 * @sk: the sock; no reference is needed
 * @skb: an arriving segment without a sock
 *
 * Context: softirq, RCU read side.
 *
 * Return: false if the sock has no program any more; it is not attached then.
 */
__always_inline bool xtcp_attach_sock(struct sock *sk, struct sk_buff *skb)
{
	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return false;
	/*
	 * This barrier pairs with smp_mb() in held.c: either held.c sees our reference, or we see
	 * SOCK_DEAD here. A dead sock has no descriptor that keeps the module loaded, so a segment
	 * with such a sock must not wait in a queue.
	 */
	smp_mb__after_atomic();
	/* a stand-in has no flags. data_race(): another flag may change at the same time */
	if (unlikely(data_race(sock_flag(sk, SOCK_DEAD)))) {
		sock_put(sk);
		return false;
	}
	skb->sk = sk;
	skb->destructor = put_attached;
	return true;
}

/**
 * xtcp_attach_taken() - take the attached sock from a segment
 * @skb: skb->sk is set
 *
 * Context: softirq, RCU read side.
 *
 * Return: the sock, perhaps a stand-in, with the reference that the segment had; NULL if the sock
 * is not ours. The segment is unchanged then.
 */
__always_inline struct sock *xtcp_attach_taken(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (skb->destructor != put_attached)
		return NULL;
	skb->sk = NULL;
	skb->destructor = NULL;
	return sk;
}

/*
 * A segment in the work item of IPsec cannot be dropped when the module is unloaded, and a stand-in
 * does not keep the module loaded. So after IPsec there is no stand-in.
 */
static struct sock *stand_in(struct xtcp_net *xn, struct sk_buff *skb, bool transparent)
{
	return secpath_exists(skb) ? NULL : (struct sock *)&xn->rest->stand_ins[transparent];
}

/**
 * xtcp_attach_net_init() - make the stand-ins of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_attach_net_init(struct xtcp_net *xn)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(xn->rest->stand_ins); i++) {
		struct inet_timewait_sock *tw = &xn->rest->stand_ins[i];

		tw->tw_state = TCP_TIME_WAIT;
		tw->tw_transparent = i;
		write_pnet(&tw->tw_net, xn->net);
		/* this reference is never put, so that nobody frees the stand-in */
		refcount_set(&tw->tw_refcnt, 1);
	}
	return 0;
}

static bool have_segments(const struct xtcp_net *xn)
{
	return refcount_read(&xn->rest->stand_ins[false].tw_refcnt) != 1 ||
	       refcount_read(&xn->rest->stand_ins[true].tw_refcnt) != 1;
}

/**
 * xtcp_attach_net_exit() - wait until no segment has a stand-in any more
 * @xn: the namespace; netfilter's queues are empty (early.c)
 *
 * A queue that its owner has just closed is no longer among them, and is emptied after a grace
 * period: in newer kernels by a work, for which rcu_barrier() does not wait.
 *
 * Context: process, namespace exit.
 */
void xtcp_attach_net_exit(struct xtcp_net *xn)
{
	const unsigned long end = jiffies + 10 * HZ;

	while (have_segments(xn) && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
	WARN_ON_ONCE(have_segments(xn));
}

/* The sock that shows a connection to the rules. */
static struct sock *sock_of_conn(struct xtcp_net *xn, struct xtcp_conn *conn, struct sk_buff *skb)
{
	struct sock *sk;

	switch ((enum xtcp_conn_kind)conn->kind) {
	case XTCP_CONN_SOCK:
		sk = xtcp_sk_of_conn(conn);
		/* data_race(): another flag may change at the same time */
		return data_race(sock_flag(sk, SOCK_DEAD)) ? stand_in(xn, skb, inet_sk_transparent(sk)) : sk;
	case XTCP_CONN_REQUEST:
		sk = READ_ONCE(container_of(conn, struct xtcp_request, conn)->lsk);
		return stand_in(xn, skb, inet_sk_transparent(sk));
	case XTCP_CONN_TIMEWAIT:
		return stand_in(xn, skb, container_of(conn, struct xtcp_timewait, conn)->transparent);
	}
	return NULL;
}

#if IS_ENABLED(CONFIG_IPV6)
static bool leads_here_v6(struct sk_buff *skb, const struct tcphdr *th)
{
	struct flowi6 fl6 = {
		.daddr = ipv6_hdr(skb)->daddr,
		.saddr = ipv6_hdr(skb)->saddr,
		.flowi6_iif = skb->dev->ifindex,
		.flowi6_mark = skb->mark,
		.flowi6_proto = IPPROTO_TCP,
		.fl6_sport = th->source,
		.fl6_dport = th->dest,
	};
	struct dst_entry *dst = ip6_route_input_lookup(dev_net(skb->dev), skb->dev, &fl6, skb, RT6_LOOKUP_F_HAS_SADDR);
	const bool here = ((const struct rt6_info *)dst)->rt6i_flags & RTF_LOCAL;

	dst_release(dst);
	return here;
}
#else
static bool leads_here_v6(struct sk_buff *skb, const struct tcphdr *th)
{
	return false;
}
#endif

static bool leads_here_v4(const struct sk_buff *skb, const struct tcphdr *th)
{
	struct flowi4 fl4 = {
		.daddr = ip_hdr(skb)->daddr,
		.saddr = ip_hdr(skb)->saddr,
		.flowi4_iif = skb->dev->ifindex,
		.flowi4_mark = skb->mark,
		.flowi4_proto = IPPROTO_TCP,
		.fl4_sport = th->source,
		.fl4_dport = th->dest,
	};
	struct fib_result res;

	return !fib_lookup(dev_net(skb->dev), &fl4, &res, 0) && res.type == RTN_LOCAL;
}

/*
 * Will IP deliver the packet here, also by the rules that ask for a mark or a port? A packet that
 * IP forwards must not have a sock, or IP drops it. Over the loopback device the packet has its
 * route already.
 */
static bool is_delivered_here(struct sk_buff *skb, const struct tcphdr *th)
{
	const bool v4 = skb->protocol == htons(ETH_P_IP);

	if (!skb_valid_dst(skb))
		return v4 ? leads_here_v4(skb, th) : leads_here_v6(skb, th);
	return v4 ? skb_rtable(skb)->rt_flags & RTCF_LOCAL :
		    ((const struct rt6_info *)skb_dst(skb))->rt6i_flags & RTF_LOCAL;
}

/*
 * The sock that shows the segment's connection, else the listener, to the rules. NULL: neither is
 * ours. @offset: octets before the TCP header, which is linear. @for_input: our handlers will see
 * the sock. Then it counts only if IP delivers the packet here, and a listener only for a SYN:
 * another build of this module may have a connection on the port, and leaves a segment with a sock
 * to us.
 */
static struct sock *sock_for_rules(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset, bool for_input)
{
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + offset);
	const bool is_syn = th->syn && !th->ack;
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;
	struct sock *lsk;

	__skb_pull(skb, offset);
	xtcp_demux_key_from_skb(xn, skb, &key);
	__skb_push(skb, offset);
	/* an IPv6 packet with a v4-mapped address must not match a connection over IPv4 */
	if (ip_hdr(skb)->version != 4 && ipv6_addr_v4mapped(&key.tuple.faddr))
		return NULL;
	conn = xtcp_demux_lookup(xn, &key);
	if (conn)
		return for_input && !is_delivered_here(skb, th) ? NULL : sock_of_conn(xn, conn, skb);
	lsk = xtcp_listeners_lookup(xn, &key);
	if (!lsk || (for_input && !(is_syn && is_delivered_here(skb, th))))
		return NULL;
	/* a program may have moved its listener to xtcp, and have connections of kernel TCP yet */
	return xtcp_demux_kernel_holds(xn->net, &key) ? NULL : lsk;
}

/**
 * xtcp_attach_shown() - attach the sock that the rules of INPUT may ask for
 * @xn: the namespace
 * @skb: an arriving segment without a sock, last in PRE_ROUTING
 * @offset: octets before the TCP header, which is linear
 *
 * Not inlined, because most segments do not come here.
 *
 * Context: softirq, RCU read side.
 */
noinline void xtcp_attach_shown(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset)
{
	struct sock *sk = xtcp_attach_is_for_here(skb) ? sock_for_rules(xn, skb, offset, true) : NULL;

	if (sk)
		xtcp_attach_sock(sk, skb);
}

/*
 * The octets before the TCP header of an arriving segment that might be ours, and to which nobody
 * has attached a sock; 0 if it is none.
 */
static unsigned int offset_if_ours(const struct xtcp_net *xn, struct sk_buff *skb, bool v4)
{
	const unsigned int offset = v4 ? ip_hdrlen(skb) : sizeof(struct ipv6hdr);
	const u8 protocol = v4 ? ip_hdr(skb)->protocol : ipv6_hdr(skb)->nexthdr;

	if (protocol != IPPROTO_TCP || (v4 && ip_is_fragment(ip_hdr(skb))) || skb->sk ||
	    !pskb_may_pull(skb, offset + sizeof(struct tcphdr)))
		return 0;
	return xtcp_lease_port_might_be_ours(&xn->port_bits,
					     ntohs(((const struct tcphdr *)(skb->data + offset))->dest)) ? offset : 0;
}

static unsigned int before_mangle(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct xtcp_net *xn = xtcp_net_rcu(state->net);
	const unsigned int offset = offset_if_ours(xn, skb, state->pf == NFPROTO_IPV4);
	struct sock *sk = offset && xtcp_attach_is_for_here(skb) ? sock_for_rules(xn, skb, offset, false) : NULL;

	if (sk && inet_sk_transparent(sk))
		xtcp_attach_sock(sk, skb);
	return NF_ACCEPT;
}

static unsigned int after_rules(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (skb->sk && skb->destructor == put_attached)
		skb_orphan(skb);
	return NF_ACCEPT;
}

/* The numbers of the priorities are the same for both IP versions. */
static_assert((int)NF_IP_PRI_MANGLE == NF_IP6_PRI_MANGLE && (int)NF_IP_PRI_LAST == NF_IP6_PRI_LAST);

#define HOOK(fn, family, when)			\
	{					\
		.hook = fn,			\
		.pf = family,			\
		.hooknum = NF_INET_PRE_ROUTING,	\
		.priority = when,		\
	}

/* after_rules() runs before the hooks of early.c */
static const struct nf_hook_ops transparent_hooks[] = {
	HOOK(after_rules, NFPROTO_IPV4, NF_IP_PRI_LAST - 1),
	HOOK(after_rules, NFPROTO_IPV6, NF_IP_PRI_LAST - 1),
	HOOK(before_mangle, NFPROTO_IPV4, NF_IP_PRI_MANGLE - 1),
	HOOK(before_mangle, NFPROTO_IPV6, NF_IP_PRI_MANGLE - 1),
};

/**
 * xtcp_attach_start_transparent() - show transparent socks to the rules of PRE_ROUTING from now on
 * @xn: the namespace
 *
 * A failure is ignored: the rules then do not see the socks.
 *
 * Context: process, may sleep.
 */
void xtcp_attach_start_transparent(struct xtcp_net *xn)
{
	might_sleep();
	mutex_lock(&xn->starting);
	if (!xn->rest->transparent)
		xn->rest->transparent = !nf_register_net_hooks(xn->net, transparent_hooks,
							       ARRAY_SIZE(transparent_hooks));
	mutex_unlock(&xn->starting);
}

/**
 * xtcp_attach_stop() - undo xtcp_attach_start_transparent()
 * @xn: the namespace
 *
 * Context: process, namespace exit: no descriptor of ours is left.
 */
void xtcp_attach_stop(struct xtcp_net *xn)
{
	int i;

	if (!xn->rest || !xn->rest->transparent)
		return;
	/* the hooks that attach come last in the array, and go first */
	for (i = ARRAY_SIZE(transparent_hooks) - 1; i >= 0; i--)
		nf_unregister_net_hook(xn->net, &transparent_hooks[i]);
}
