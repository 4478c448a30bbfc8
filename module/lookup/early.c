// SPDX-License-Identifier: GPL-2.0
/*
 * Early demux: finds the sock and the input route of an arriving segment before IP does, and
 * attaches the sock for our handlers and for the rules of netfilter.
 *
 * IP looks up a route for every packet that arrives, unless early demux has attached one. Kernel
 * TCP's (tcp_v4_early_demux) runs after the last hook of PRE_ROUTING, and attaches the sock, and
 * the route of the sock's last segment. For segments of ours, a netfilter hook at the same point
 * does the same. So a segment is looked up once, needs no route lookup, and the rules of INPUT see
 * its sock. interpose.c takes the sock from the segment.
 *
 * Between the hook and our handler, a netfilter queue may hold a segment for any time, and IPsec in
 * transport mode defers it to a work item. The sock may end meanwhile, so xtcp_early_take() checks
 * it again.
 *
 * Kernel TCP must never see a segment with a sock of ours, not even during module exit. Such a
 * segment has a reference to the sock, and the sock keeps the module loaded (end.c). So when module
 * exit begins, none is in a queue. Those on their way to our handlers still reach these: the hooks
 * go a grace period before the handlers. A count of such segments would not do: the program that
 * reads a netfilter queue may turn one into a UDP datagram, and UDP then takes the sock.
 *
 * A namespace gets the hooks with the first listen() or connect() on a socket of ours.
 * net.ipv4.ip_early_demux and net.ipv4.tcp_early_demux turn this early demux off, too.
 *
 * A rule such as "socket mark 7" takes the attached sock. If there is none, it asks the tables of
 * kernel TCP, which do not have our socks. So the rules see only socks of ours that are attached
 * before:
 *  - Early demux attaches the full sock of a connection to a segment that arrives without a route.
 *  - If the namespace has rules on INPUT, xtcp_attach_for_input() attaches a sock to all other
 *    segments, such as SYNs and what comes over loopback. It runs last in PRE_ROUTING.
 *  - Once a program has set IP_TRANSPARENT, before_mangle() runs before the table mangle in
 *    PRE_ROUTING, where a transparent proxy marks the segments of transparent socks, so that
 *    routing delivers them here. after_rules() detaches the socks again: IP drops a packet with a
 *    sock that is to be forwarded.
 *
 * What is attached is what the rule would find in kernel TCP: the connection's sock, or the
 * listener. A half-open connection and TIME-WAIT have no small sock here: a stand-in is attached, a
 * TIME-WAIT sock that shows only whether the connection is transparent. Our handlers use only socks
 * of connections: the worst effect of a wrong one is that a rule decides wrongly.
 */
#include "lookup/lookup.h"

#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/dst_metadata.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>
#include <net/xfrm.h>

#include "listen/listen.h"
#include "ports/ports.h"
#include "timewait/timewait.h"

/* A bridge runs the hook even for packets that it only forwards. */
static inline bool xtcp_attach_is_bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_info_exists(skb);
#else
	return false;
#endif
}

/* Is it for our link? Not on a device enslaved to a VRF: it goes on to the VRF device, where the hooks run again. */
static inline bool xtcp_attach_is_for_here(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST && !xtcp_attach_is_bridged(skb) && !netif_is_l3_slave(skb->dev);
}

/*
 * Attaches a sock, without a reference of the caller, to a segment without a sock. Return: false if
 * the sock has just ended; it is not attached then. RCU read side.
 */
static __always_inline bool xtcp_attach_sock(struct sock *sk, struct sk_buff *skb)
{
	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return false;
	skb->sk = sk;
	/* for a segment that misses our handlers. It is the kernel's: no code of ours may put the last reference */
	skb->destructor = sock_edemux;
	return true;
}

/* Has a segment with a sock the sock of xtcp_attach_sock()? */
static __always_inline bool xtcp_attach_is_ours(const struct sk_buff *skb)
{
	return skb->destructor == sock_edemux && skb->sk->sk_prot->owner == THIS_MODULE;
}

/* says only that a stand-in is ours */
static struct proto stand_in_prot = { .owner = THIS_MODULE };

/* With the segment's reference; perhaps a stand-in. NULL: the sock is not ours, the segment unchanged. */
static __always_inline struct sock *xtcp_attach_taken(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (!xtcp_attach_is_ours(skb))
		return NULL;
	skb->sk = NULL;
	skb->destructor = NULL;
	return sk;
}

/* None after IPsec: its work item may outlive the module, which a stand-in does not keep loaded. */
static struct sock *stand_in(struct xtcp_net *xn, struct sk_buff *skb, bool transparent)
{
	return secpath_exists(skb) ? NULL : (struct sock *)&xn->rest->stand_ins[transparent];
}

static int attach_net_init(struct xtcp_net *xn)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(xn->rest->stand_ins); i++) {
		struct inet_timewait_sock *tw = &xn->rest->stand_ins[i];

		tw->tw_state = TCP_TIME_WAIT;
		tw->tw_prot = &stand_in_prot;
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

/*
 * Waits until no segment has a stand-in any more. A queue that its owner has just closed is emptied
 * after a grace period: in newer kernels by a work, for which rcu_barrier() does not wait.
 */
static void attach_net_exit(struct xtcp_net *xn)
{
	const unsigned long end = jiffies + 10 * HZ;

	while (have_segments(xn) && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
	WARN_ON_ONCE(have_segments(xn));
}

const struct xtcp_net_part xtcp_attach_part = { attach_net_init, attach_net_exit };

static struct sock *sock_of_conn(struct xtcp_net *xn, struct xtcp_conn *conn, struct sk_buff *skb)
{
	struct sock *sk;

	switch ((enum xtcp_conn_kind)conn->kind) {
	case XTCP_CONN_SOCK:
		return xtcp_sk_of_conn(conn);
	case XTCP_CONN_REQUEST:
		sk = READ_ONCE(container_of(conn, struct xtcp_request, conn)->lsk);
		return stand_in(xn, skb, inet_sk_transparent(sk));
	case XTCP_CONN_TIMEWAIT:
		return stand_in(xn, skb, container_of(conn, struct xtcp_timewait, conn)->transparent);
	}
	return NULL;
}

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
 * Will IP deliver the packet here, also by routing rules for marks or ports? A packet that IP
 * forwards must not have a sock, or IP drops it. Over loopback it has its route already.
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
 * The sock that shows the segment's connection, else its listener, to the rules; NULL: neither is
 * ours. @offset: octets before the linear TCP header. @for_input: our handlers will see the sock.
 * Then it counts only if IP delivers the packet here, and a listener only for a SYN: another build
 * of this module may have a connection on the port, and leaves a segment with a sock to us.
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
	/* v4-mapped addresses in an IPv6 packet must not match a connection over IPv4 */
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

/* The sock that rules of INPUT may ask for, last in PRE_ROUTING. Not inlined: few segments come here. */
static noinline void xtcp_attach_shown(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset)
{
	struct sock *sk = xtcp_attach_is_for_here(skb) ? sock_for_rules(xn, skb, offset, true) : NULL;

	if (sk)
		xtcp_attach_sock(sk, skb);
}

/* The same as xtcp_attach_shown(), if there are rules or other hooks on INPUT, which may ask. */
static inline void xtcp_attach_for_input(struct xtcp_net *xn, struct sk_buff *skb, unsigned int offset, bool v4)
{
	if (v4 ? rcu_access_pointer(xn->net->nf.hooks_ipv4[NF_INET_LOCAL_IN]) :
		 rcu_access_pointer(xn->net->nf.hooks_ipv6[NF_INET_LOCAL_IN]))
		xtcp_attach_shown(xn, skb, offset);
}

/* The octets before the TCP header of a segment that might be ours and has no sock yet; else 0. */
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
	if (skb->sk && xtcp_attach_is_ours(skb))
		skb_orphan(skb);
	return NF_ACCEPT;
}

/* The numbers of the priorities are the same for both IP versions. */
static_assert((int)NF_IP_PRI_MANGLE == NF_IP6_PRI_MANGLE && (int)NF_IP_PRI_LAST == NF_IP6_PRI_LAST);

/* By this each build knows hooks of any build, which have no use for it. It is no address. */
#define OF_XTCP	((void *)0x78746370)

#define HOOK(fn, family, when)			\
	{					\
		.hook = fn,			\
		.priv = OF_XTCP,		\
		.pf = family,			\
		.hooknum = NF_INET_PRE_ROUTING,	\
		.priority = when,		\
	}

/* after_rules() runs before the hooks of early demux */
static const struct nf_hook_ops transparent_hooks[] = {
	HOOK(after_rules, NFPROTO_IPV4, NF_IP_PRI_LAST - 1),
	HOOK(after_rules, NFPROTO_IPV6, NF_IP_PRI_LAST - 1),
	HOOK(before_mangle, NFPROTO_IPV4, NF_IP_PRI_MANGLE - 1),
	HOOK(before_mangle, NFPROTO_IPV6, NF_IP_PRI_MANGLE - 1),
};

/* Shows transparent socks to the rules of PRE_ROUTING, if this succeeds. May sleep. */
void xtcp_attach_start_transparent(struct xtcp_net *xn)
{
	might_sleep();
	mutex_lock(&xn->starting);
	if (!xn->rest->transparent)
		xn->rest->transparent = !nf_register_net_hooks(xn->net, transparent_hooks,
							       ARRAY_SIZE(transparent_hooks));
	mutex_unlock(&xn->starting);
}

/* No descriptor of ours is left. */
static void xtcp_attach_stop(struct xtcp_net *xn)
{
	int i;

	if (!xn->rest || !xn->rest->transparent)
		return;
	/* the hooks that attach come last in the array, and go first */
	for (i = ARRAY_SIZE(transparent_hooks) - 1; i >= 0; i--)
		nf_unregister_net_hook(xn->net, &transparent_hooks[i]);
}

/*
 * The route of @sk's last segment, if both came by the same interface. An earlier connection of @sk
 * may have left a route of the other IP version, which is not used.
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

/* A packet with v4-mapped addresses must not match a connection over IPv4. */
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

static __always_inline void attach(struct xtcp_net *xn, struct xtcp_conn *conn, struct sk_buff *skb,
				   unsigned int offset, bool v4)
{
	if (likely(conn && conn->kind == XTCP_CONN_SOCK)) {
		give_route(xtcp_sk_of_conn(conn), skb, v4);
		if (xtcp_attach_sock(xtcp_sk_of_conn(conn), skb))
			return;
	}
	xtcp_attach_for_input(xn, skb, offset, v4);
}

/* May a connection with this interface (0: none) get @skb? Mostly there is no interface and no VRF. */
static inline bool came_by(const struct xtcp_net *xn, const struct sk_buff *skb, int bound_dev_if)
{
	const int sdif = inet_sdif(skb);

	return likely(!bound_dev_if && !sdif) || inet_sk_bound_dev_eq(xn->net, bound_dev_if, inet_iif(skb), sdif);
}

/* As xtcp_demux_lookup(), without a struct xtcp_demux_key, for speed. At least the ports of @th are linear. */
static struct xtcp_conn *xtcp_demux_lookup_v4(struct xtcp_net *xn, const struct sk_buff *skb, const struct tcphdr *th)
{
	const struct iphdr *iph = ip_hdr(skb);
	const u32 hash = xtcp_tuple_hash_v4(iph->daddr, iph->saddr, th->dest, th->source, &xn->tuple_key) >> 32;
	struct xtcp_conn *conn;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "connection lookup without RCU");
	for (conn = xtcp_conns_first(xtcp_conns_chain_of(hash)); conn; conn = xtcp_conns_next(conn))
		if (conn->hash == hash && conn->net_id == xn->id && xtcp_conn_has_tuple_v4(conn, iph, th) &&
		    came_by(xn, skb, READ_ONCE(conn->bound_dev_if)))
			return conn;
	return NULL;
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

/* The TCP header of a segment without a sock that might be ours; else NULL. */
static __always_inline const struct tcphdr *ours_perhaps(const struct xtcp_net *xn, const struct sk_buff *skb,
							 unsigned int offset)
{
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + offset);

	if (skb_headlen(skb) < offset + sizeof(*th))
		return NULL;
	return xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(th->dest)) && !skb->sk ? th : NULL;
}

/* SYNs are left out, because few have a full sock yet, and SYN-ACKs: leads_to() refuses a sock in SYN-SENT. */
static __always_inline bool is_early(const struct net *net, const struct sk_buff *skb, const struct tcphdr *th)
{
	return !th->syn && !skb_dst(skb) && xtcp_attach_is_for_here(skb) &&
	       READ_ONCE(net->ipv4.sysctl_ip_early_demux) && READ_ONCE(net->ipv4.sysctl_tcp_early_demux);
}

static __always_inline unsigned int arrived(struct sk_buff *skb, const struct net *net, unsigned int offset, bool v4)
{
	struct xtcp_net *xn = xtcp_net_rcu(net);
	const struct tcphdr *th = ours_perhaps(xn, skb, offset);

	if (!th)
		return NF_ACCEPT;
	if (!is_early(net, skb, th))
		xtcp_attach_for_input(xn, skb, offset, v4);
	else if (v4)
		give_sock_v4(xn, skb, th);
	else
		give_sock_v6(xn, skb, offset);
	return NF_ACCEPT;
}

static unsigned int arrived_v4(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (iph->protocol != IPPROTO_TCP || ip_is_fragment(iph))
		return NF_ACCEPT;
	return arrived(skb, state->net, iph->ihl * 4, true);
}

static unsigned int arrived_v6(void *unused, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
		return NF_ACCEPT;
	return arrived(skb, state->net, sizeof(struct ipv6hdr), false);
}

static const struct nf_hook_ops hooks[] = {
	HOOK(arrived_v4, NFPROTO_IPV4, NF_IP_PRI_LAST),
	HOOK(arrived_v6, NFPROTO_IPV6, NF_IP_PRI_LAST),
};

/*
 * AppArmor's hooks of POST_ROUTING, one for each IP version; NULL: there is none. They look only at
 * labels that rules of netfilter set (SECMARK), and such a rule has a hook of its own. Set once, when
 * the module is loaded: later, what describes a hook may be freed while it is read.
 */
static nf_hookfn *apparmor[2];

static void find_apparmor(void)
{
	const struct nf_hook_entries *entries;
	struct nf_hook_ops **ops;
	unsigned int v6, i;

	rcu_read_lock();
	for (v6 = 0; v6 < 2; v6++) {
		entries = v6 ? rcu_dereference(init_net.nf.hooks_ipv6[NF_INET_POST_ROUTING]) :
			       rcu_dereference(init_net.nf.hooks_ipv4[NF_INET_POST_ROUTING]);
		for (i = 0; entries && i < entries->num_hook_entries; i++) {
			ops = nf_hook_entries_get_hook_ops(entries);
			if (ops[i]->priority == NF_IP_PRI_SELINUX_FIRST &&
			    ops[i]->hook_ops_type == NF_HOOK_OP_UNDEFINED)
				apparmor[v6] = entries->hooks[i].hook;
		}
	}
	rcu_read_unlock();
}

static bool has_others(const struct nf_hook_entries *entries)
{
	nf_hookfn *hook;
	unsigned int i;

	for (i = 0; entries && i < entries->num_hook_entries; i++) {
		hook = entries->hooks[i].hook;
		if (entries->hooks[i].priv != OF_XTCP && hook != apparmor[0] && hook != apparmor[1])
			return true;
	}
	return false;
}

/**
 * xtcp_early_others_look() - would anybody's hook but xtcp's see a packet on the loopback?
 * @net: the namespace
 * @v4: a packet of IPv4
 * Context: RCU read side.
 */
bool xtcp_early_others_look(const struct net *net, bool v4)
{
	struct nf_hook_entries __rcu * const *hooks = v4 ? net->nf.hooks_ipv4 : net->nf.hooks_ipv6;

	return has_others(rcu_dereference(hooks[NF_INET_PRE_ROUTING])) ||
	       has_others(rcu_dereference(hooks[NF_INET_LOCAL_IN])) ||
	       has_others(rcu_dereference(hooks[NF_INET_LOCAL_OUT])) ||
	       has_others(rcu_dereference(hooks[NF_INET_POST_ROUTING]));
}

/**
 * xtcp_early_start() - start early demux in a namespace
 * @xn: the namespace
 *
 * After a failure, which is ignored, segments only take the slower path.
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

/* Unregisters the hooks: netfilter drops the packets in its queues in this namespace. No descriptor of ours is left. */
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

/* Empties netfilter's queues again: during stop(), a segment may have been on its way into one, and is there now. */
static void __net_exit flush_queues(struct net *net)
{
	static const struct nf_hook_ops idle = HOOK(accept_it, NFPROTO_IPV4, NF_IP_PRI_LAST);
	const struct xtcp_net *xn = xtcp_net(net);

	if ((xn->early || (xn->rest && xn->rest->transparent)) && !nf_register_net_hook(net, &idle))
		nf_unregister_net_hook(net, &idle);
}

static struct pernet_operations early_ops = { .pre_exit = stop, .exit = flush_queues };

/* Every namespace has its struct xtcp_net by now. */
static int early_init(void)
{
	find_apparmor();
	return register_pernet_subsys(&early_ops);
}

/* Waits until every segment with a sock of ours has reached our handlers. Nothing keeps the module loaded. */
static void early_exit(void)
{
	unregister_pernet_subsys(&early_ops);
	/* netfilter's queues are empty. All other segments go from the hook to our handler in one RCU read side */
	synchronize_net();
}

const struct xtcp_part xtcp_early_part = { early_init, early_exit };

/*
 * Does the segment still belong to the attached sock? That may have ended since, and have another
 * connection, or in connect() still the old tuple. And ipvlan may have moved the segment.
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
 * @skb: skb->data is the TCP header, skb->sk is set; afterwards it is no sock of ours
 * Context: softirq, RCU read side.
 * Return: the sock, with the segment's reference. NULL when it is not ours, when the segment is not
 * for its connection any more, or when the TCP header is incomplete.
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

/**
 * xtcp_early_learn() - store the route by which a segment came, for the next segment
 * @sk: the segment's sock
 * @skb: the segment, with the route that IP has attached
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
	WRITE_ONCE(sk->sk_rx_dst_cookie,
		   skb->protocol == htons(ETH_P_IPV6) ? rt6_get_cookie((const struct rt6_info *)dst) : 0);
	dst_release(unrcu_pointer(xchg(&sk->sk_rx_dst, RCU_INITIALIZER(dst))));
}

