// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4 and IPv6 below segments that belong to no full sock: SYN-ACKs, RSTs, the ACKs of records (RFC 9293 section
 * 3.9.2).
 *
 * They are routed one by one. They carry the listener when there is one, so that socket matches and cgroup programs see
 * it, or else go by a raw sock of the namespace, as kernel TCP's resets do. An skb on its way never points to a reply
 * sock, so nothing in a queue below keeps or misses a namespace.
 */
#include "ip_reply.h"

#include <linux/security.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "demux.h"
#include "ip.h"
#include "netns.h"

static struct sock *reply_sock(const struct xtcp_net *xn, const struct xtcp_ip_reply *how)
{
	if (how->sk)
		return how->sk;
	return xtcp_tuple_is_v4(how->tuple) ? xn->reply_sk : xn->reply_sk6;
}

static int oif(const struct net *net, const struct xtcp_ip_reply *how)
{
	if (how->oif || !how->dif)
		return how->oif;
	if (!xtcp_tuple_is_v4(how->tuple) && rt6_need_strict(&how->tuple->faddr))
		return how->dif;
	return netif_index_is_l3_master((struct net *)net, how->dif) ? how->dif : 0;
}

static struct dst_entry *route_v4(const struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sock *sk)
{
	const struct xtcp_tuple *tuple = how->tuple;
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, oif(xn->net, how), how->mark, RT_TOS(how->tos) | sock_flag(sk, SOCK_LOCALROUTE),
			   RT_SCOPE_UNIVERSE, IPPROTO_TCP, inet_sk_flowi_flags(sk), tuple->faddr.s6_addr32[3],
			   tuple->laddr.s6_addr32[3], tuple->fport, tuple->lport, sock_net_uid(xn->net, how->sk));
	security_sk_classify_flow(sk, flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(xn->net, &fl4, sk);
	if (IS_ERR(rt)) {
		IP_INC_STATS(xn->net, IPSTATS_MIB_OUTNOROUTES);
		return ERR_CAST(rt);
	}
	/* nobody answers a group (RFC 9293 section 3.9.2.3, MUST-57 and MUST-63) */
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-ENETUNREACH);
	}
	return &rt->dst;
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
	fl6->flowi6_uid = sock_net_uid(xn->net, how->sk);
}

/**
 * xtcp_ip_reply_route() - the way for a segment that belongs to no full sock
 * @xn: the namespace
 * @how: what is to be sent
 *
 * Context: any. RCU read side held.
 *
 * Return: the route, with a reference; or an error pointer, counted as IP does.
 */
struct dst_entry *xtcp_ip_reply_route(struct xtcp_net *xn, const struct xtcp_ip_reply *how)
{
	struct sock *sk = reply_sock(xn, how);
	struct in6_addr *final_p = NULL, final;
	struct flowi6 fl6;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "reply route without RCU");
	if (!sk)
		return ERR_PTR(-EAFNOSUPPORT);
	if (xtcp_tuple_is_v4(how->tuple))
		return route_v4(xn, how, sk);
	flow_v6(xn, how, &fl6);
	if (how->sk)
		final_p = fl6_update_dst(&fl6, rcu_dereference(inet6_sk(sk)->opt), &final);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&fl6));
	return ip6_dst_lookup_flow(xn->net, sk, &fl6, final_p);
}

/**
 * xtcp_ip_reply_advmss() - what a SYN-ACK's MSS option may say by the route
 * @dst: from xtcp_ip_reply_route()
 *
 * Context: any.
 *
 * Return: octets (RFC 9293 section 3.7.1, SHLD-5).
 */
u16 xtcp_ip_reply_advmss(const struct dst_entry *dst)
{
	return dst_metric_advmss(dst);
}

/* A SYN-ACK belongs to its listener, for firewall matches and cgroup programs, without charging its send buffer. */
static void own_by_listener(struct sk_buff *skb, struct sock *lsk)
{
	if (!lsk || !refcount_inc_not_zero(&lsk->sk_refcnt))
		return;
	skb->sk = lsk;
	skb->destructor = sock_efree;	/* puts what was taken above */
}

/**
 * xtcp_ip_reply_xmit() - send a segment that belongs to no full sock
 * @xn: the namespace
 * @how: as for xtcp_ip_reply_route()
 * @dst: what that returned; the reference is consumed
 * @skb: as for xtcp_ip_xmit(); consumed
 *
 * Context: any. RCU read side held.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_ip_reply_xmit(struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct dst_entry *dst,
		       struct sk_buff *skb)
{
	const struct xtcp_tuple *tuple = how->tuple;
	struct sock *sk = reply_sock(xn, how);
	struct flowi6 fl6;
	int err;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "reply without RCU");
	xtcp_ip_prepare(skb, tuple);
	skb_dst_set(skb, dst);
	skb->mark = how->mark;
	own_by_listener(skb, how->sk);
	if (xtcp_tuple_is_v4(tuple)) {
		err = ip_build_and_send_pkt(skb, sk, tuple->laddr.s6_addr32[3], tuple->faddr.s6_addr32[3], NULL,
					    how->tos);
	} else {
		flow_v6(xn, how, &fl6);
		err = ip6_xmit(sk, skb, &fl6, how->mark, how->sk ? rcu_dereference(inet6_sk(sk)->opt) : NULL, how->tos,
			       READ_ONCE(sk->sk_priority));
	}
	return net_xmit_eval(err);
}

/**
 * xtcp_ip_reply_net_init() - the reply socks of a namespace
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
