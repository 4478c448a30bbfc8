// SPDX-License-Identifier: GPL-2.0
/*
 * Sends, over IPv4 and IPv6, segments that belong to no full sock: SYN-ACKs, RSTs, and ACKs of
 * entries and TIME-WAIT records (RFC 9293 section 3.9.2).
 *
 * This file looks up a route for each segment. The skb of a SYN-ACK points to its listener, so that
 * firewall matches and cgroup programs find a socket. All other segments are sent by a raw sock of
 * the namespace, as in kernel TCP. Their skbs do not point to the raw sock. Otherwise an skb that
 * waits in a queue would keep the namespace alive, or outlive the raw sock.
 */
#include "out/ip_reply.h"

#include <linux/netfilter.h>
#include <linux/security.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "base/net.h"
#include "base/options.h"
#include "base/wire.h"
#include "compat.h"
#include "lookup/demux.h"
#include "out/ip.h"

static struct sock *reply_sock(const struct xtcp_net *xn, const struct xtcp_ip_reply *how)
{
	if (how->sk)
		return how->sk;
	return xtcp_tuple_is_v4(how->tuple) ? xn->reply_sk : xn->reply_sk6;
}

/* The user whose rules (ip rule uidrange) choose the route. */
static kuid_t user_of(const struct net *net, const struct xtcp_ip_reply *how)
{
	return sock_net_uid(net, how->sk ?: how->user);
}

static int oif(const struct net *net, const struct xtcp_ip_reply *how)
{
	const bool v4 = xtcp_tuple_is_v4(how->tuple);

	/* the connection may have the VRF device, and a link-local address is valid only on its link */
	if (how->sdif && !v4 && ipv6_addr_type(&how->tuple->faddr) & IPV6_ADDR_LINKLOCAL)
		return how->sdif;
	if (how->oif || !how->dif)
		return how->oif;
	if (!v4 && rt6_need_strict(&how->tuple->faddr))
		return how->dif;
	return netif_index_is_l3_master((struct net *)net, how->dif) ? how->dif : 0;
}

/* Finds the route and stores it in @how->dst. Return: 0 or a negative errno. */
static int route_reply_v4(const struct xtcp_net *xn, struct xtcp_ip_reply *how, struct sock *sk)
{
	const u8 flags = inet_sk_flowi_flags(sk) | (how->laddr_known ? FLOWI_FLAG_ANYSRC : 0);
	const struct xtcp_tuple *tuple = how->tuple;
	struct flowi4 fl4 __uninitialized;	/* xtcp_compat_reply_flow() fills all of it */
	struct rtable *rt;

	xtcp_compat_reply_flow(&fl4, sk, oif(xn->net, how), how->mark, how->tos, flags, tuple,
			       user_of(xn->net, how));
	rt = xtcp_ip_output_route(xn->net, &fl4, sk);
	if (IS_ERR(rt)) {
		IP_INC_STATS(xn->net, IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	/*
	 * never answer a broadcast or multicast address (RFC 9293 section 3.9.2.3, MUST-57 and
	 * MUST-63)
	 */
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}
	how->dst = &rt->dst;
	return 0;
}

static void flow_v6(const struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct flowi6 *fl6)
{
	const struct xtcp_tuple *tuple = how->tuple;

	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = IPPROTO_TCP;
	fl6->daddr = tuple->faddr;
	fl6->saddr = tuple->laddr;
	fl6->flowi6_oif = oif(xn->net, how);
	fl6->flowi6_mark = how->mark;
	fl6->fl6_sport = tuple->lport;
	fl6->fl6_dport = tuple->fport;
	fl6->flowi6_uid = user_of(xn->net, how);
}

static int route_reply_v6(const struct xtcp_net *xn, struct xtcp_ip_reply *how, struct sock *sk)
{
	struct in6_addr *final_p = NULL, final;
	struct dst_entry *dst;
	struct flowi6 fl6;

	flow_v6(xn, how, &fl6);
	if (how->sk)
		final_p = fl6_update_dst(&fl6, rcu_dereference(inet6_sk(sk)->opt), &final);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&fl6));
	dst = ip6_dst_lookup_flow(xn->net, sk, &fl6, final_p);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	how->dst = dst;
	return 0;
}

/**
 * xtcp_ip_reply_route() - find the route of a segment that belongs to no full sock
 * @xn: the namespace
 * @how: how to send the segment; receives the route in @how->dst
 *
 * Context: softirq or process. RCU read side held.
 *
 * Return: 0, or a negative errno. IP's counters count a missing route.
 */
int xtcp_ip_reply_route(struct xtcp_net *xn, struct xtcp_ip_reply *how)
{
	struct sock *sk = reply_sock(xn, how);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "reply route without RCU");
	if (!sk)
		return -EAFNOSUPPORT;
	return xtcp_tuple_is_v4(how->tuple) ? route_reply_v4(xn, how, sk) : route_reply_v6(xn, how, sk);
}

/*
 * Sets skb->sk of a SYN-ACK to its listener, for firewall matches and cgroup programs. The skb does
 * not count in the listener's send buffer. As in kernel TCP, a SYN-ACK with a SYN cookie carries no
 * sock. Otherwise all CPUs would write the listener's reference count in a flood.
 */
static void own_by_listener(struct sk_buff *skb, const struct xtcp_ip_reply *how)
{
	struct sock *lsk = how->sk;

	if (!lsk || how->unowned || !refcount_inc_not_zero(&lsk->sk_refcnt))
		return;
	skb->sk = lsk;
	skb->destructor = sock_efree;	/* drops the reference that was taken above */
}

/*
 * Does the same as ip_local_out(), but skips the hooks if neither netfilter nor a VRF uses them.
 * NF_HOOK() itself cannot be used: for a packet in a netfilter queue, netfilter would later call a
 * function of this module, which may have been unloaded.
 */
static int local_out(struct net *net, const struct dst_entry *dst, struct sk_buff *skb)
{
	struct iphdr *iph = ip_hdr(skb);

	if (rcu_access_pointer(net->nf.hooks_ipv4[NF_INET_LOCAL_OUT]) || netif_is_l3_slave(dst->dev))
		return ip_local_out(net, skb->sk, skb);
	xtcp_compat_count_out_request(net);
	iph->tot_len = htons(skb->len);
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
	skb->protocol = htons(ETH_P_IP);
	return dst_output(net, skb->sk, skb);
}

/* Does the same as ip_select_ttl(), but the caller passes the namespace. */
static u8 hop_limit_v4(const struct net *net, const struct dst_entry *dst, const struct sock *sk)
{
	const int ttl = READ_ONCE(inet_sk(sk)->uc_ttl);

	if (ttl >= 0)
		return ttl;
	return dst_metric_raw(dst, RTAX_HOPLIMIT) ?: READ_ONCE(net->ipv4.sysctl_ip_default_ttl);
}

/*
 * Does the same as ip_build_and_send_pkt(), but is simpler: the segment has no IP options and never
 * needs to be fragmented. So it has DF, and needs no identification (RFC 6864 section 4.1).
 */
static int xmit_v4(const struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sock *sk, struct sk_buff *skb)
{
	struct iphdr *iph = __skb_push(skb, sizeof(*iph));

	BUILD_BUG_ON(sizeof(*iph) + XTCP_HDR_LEN + XTCP_OPTIONS_MAX_SYN > IPV4_MIN_MTU);
	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = how->tos;
	iph->id = 0;
	iph->frag_off = htons(IP_DF);
	iph->ttl = hop_limit_v4(xn->net, how->dst, sk);
	iph->protocol = IPPROTO_TCP;
	iph->saddr = how->tuple->laddr.s6_addr32[3];
	iph->daddr = how->tuple->faddr.s6_addr32[3];
	skb->priority = how->priority;
	if (!skb->mark)
		skb->mark = READ_ONCE(sk->sk_mark);
	return local_out(xn->net, how->dst, skb);
}

static noinline_for_stack int reply_v6(const struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sock *sk,
				       struct sk_buff *skb)
{
	struct flowi6 fl6;

	flow_v6(xn, how, &fl6);
	return ip6_xmit(sk, skb, &fl6, how->mark, how->sk ? rcu_dereference(inet6_sk(sk)->opt) : NULL, how->tos,
			how->priority);
}

/**
 * xtcp_ip_reply_xmit() - send a segment that belongs to no full sock
 * @xn: the namespace
 * @how: as xtcp_ip_reply_route() has filled it; the reference to its dst is consumed
 * @skb: begins with the TCP header, complete but for the checksum; consumed
 *
 * Context: softirq or process. RCU read side held.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_ip_reply_xmit(struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sk_buff *skb)
{
	const struct xtcp_tuple *tuple = how->tuple;
	struct sock *sk = reply_sock(xn, how);
	int err;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "reply without RCU");
	xtcp_ip_prepare(skb, tuple);
	skb_dst_set(skb, how->dst);
	skb->mark = how->mark;
	if (how->hash)
		skb_set_hash(skb, how->hash, PKT_HASH_TYPE_L4);
	own_by_listener(skb, how);
	if (xtcp_tuple_is_v4(tuple))
		err = xmit_v4(xn, how, sk, skb);
	else
		err = reply_v6(xn, how, sk, skb);
	return net_xmit_eval(err);
}

/**
 * xtcp_ip_reply_net_init() - create the reply socks of a namespace
 * @xn: the namespace
 *
 * Context: process, may sleep.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_ip_reply_net_init(struct xtcp_net *xn)
{
	int err = inet_ctl_sock_create(&xn->reply_sk, PF_INET, SOCK_RAW, IPPROTO_TCP, xn->net);

	if (err)
		return err;
	inet_sk(xn->reply_sk)->pmtudisc = IP_PMTUDISC_DO;
	if (!ipv6_mod_enabled())
		return 0;
	err = inet_ctl_sock_create(&xn->reply_sk6, PF_INET6, SOCK_RAW, IPPROTO_TCP, xn->net);
	if (err) {
		xn->reply_sk6 = NULL;
		xtcp_ip_reply_net_exit(xn);
	}
	return err;
}

/**
 * xtcp_ip_reply_net_exit() - undo xtcp_ip_reply_net_init()
 * @xn: the namespace; nothing sends any more
 *
 * Context: process, may sleep.
 */
void xtcp_ip_reply_net_exit(struct xtcp_net *xn)
{
	if (xn->reply_sk6)
		inet_ctl_sock_destroy(xn->reply_sk6);
	if (xn->reply_sk)
		inet_ctl_sock_destroy(xn->reply_sk);
	xn->reply_sk6 = NULL;
	xn->reply_sk = NULL;
}
