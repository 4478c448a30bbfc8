// SPDX-License-Identifier: GPL-2.0
/*
 * Sets the foreign address, the route and the local address for an active OPEN (RFC 9293 section
 * 3.9.1.1).
 *
 * Context of all public functions: process. Lock: socket, held.
 */
#include "out/ip_connect.h"

#include <linux/ipv6.h>
#include <linux/security.h>
#include <net/inet_ecn.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/transp_v6.h>

#include "base/is_v4.h"
#include "compat.h"
#include "out/ip.h"

static int connect_v4(struct sock *sk, __be32 daddr, __be16 dport)
{
	struct inet_sock *inet = inet_sk(sk);
	struct ip_options_rcu *opt = rcu_dereference_protected(inet->inet_opt, lockdep_sock_is_held(sk));
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	__be32 nexthop = daddr;
	struct rtable *rt;

	if (opt && opt->opt.srr) {
		if (!daddr)
			return -EINVAL;
		nexthop = opt->opt.faddr;
	}
	rt = ip_route_connect(fl4, nexthop, inet->inet_saddr, sk->sk_bound_dev_if, IPPROTO_TCP, inet->inet_sport,
			      dport, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}
	if (!opt || !opt->opt.srr)
		daddr = fl4->daddr;
	if (!inet->inet_saddr)
		inet->inet_saddr = fl4->saddr;
	sk_rcv_saddr_set(sk, inet->inet_saddr);
	inet->inet_dport = dport;
	sk_daddr_set(sk, daddr);
	xtcp_ip_set_route(sk, &rt->dst);
	return 0;
}

/*
 * Checks the flow label and the scope of the foreign address. The unspecified address means this
 * host, and becomes the loopback address.
 */
static int check_v6(struct sock *sk, struct sockaddr_in6 *usin, int addr_len, __be32 *label)
{
	struct ip6_flowlabel *flowlabel;

	*label = 0;
	if (xtcp_compat_sndflow(sk)) {
		*label = usin->sin6_flowinfo & IPV6_FLOWINFO_MASK;
		IP6_ECN_flow_init(*label);
		if (*label & IPV6_FLOWLABEL_MASK) {
			flowlabel = fl6_sock_lookup(sk, *label);
			if (IS_ERR(flowlabel))
				return -EINVAL;
			fl6_sock_release(flowlabel);
		}
	}
	if (ipv6_addr_any(&usin->sin6_addr)) {
		if (ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
			ipv6_addr_set_v4mapped(htonl(INADDR_LOOPBACK), &usin->sin6_addr);
		else
			usin->sin6_addr = in6addr_loopback;
	}
	if (ipv6_addr_is_multicast(&usin->sin6_addr))
		return -ENETUNREACH;
	if (ipv6_addr_type(&usin->sin6_addr) & IPV6_ADDR_LINKLOCAL) {
		if (addr_len >= (int)sizeof(*usin) && usin->sin6_scope_id) {
			if (!sk_dev_equal_l3scope(sk, usin->sin6_scope_id))
				return -EINVAL;
			sk->sk_bound_dev_if = usin->sin6_scope_id;
		}
		if (!sk->sk_bound_dev_if)
			return -EINVAL;
	}
	return 0;
}

static int connect_v6(struct sock *sk, __be16 dport)
{
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct inet_sock *inet = inet_sk(sk);
	struct in6_addr *final_p, final;
	struct dst_entry *dst;
	struct flowi6 fl6 = {
		.flowi6_proto = IPPROTO_TCP,
		.daddr = sk->sk_v6_daddr,
		.saddr = ipv6_addr_any(&sk->sk_v6_rcv_saddr) ? np->saddr : sk->sk_v6_rcv_saddr,
		.flowlabel = ip6_make_flowinfo(np->tclass, np->flow_label),
		.flowi6_oif = sk->sk_bound_dev_if,
		.flowi6_mark = READ_ONCE(sk->sk_mark),
		.fl6_sport = inet->inet_sport,
		.fl6_dport = dport,
		.flowi6_uid = sk->sk_uid,
	};

	final_p = fl6_update_dst(&fl6, rcu_dereference_protected(np->opt, lockdep_sock_is_held(sk)), &final);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&fl6));
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, &fl6, final_p);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	if (ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		sk->sk_v6_rcv_saddr = fl6.saddr;
	np->saddr = sk->sk_v6_rcv_saddr;
	inet->inet_saddr = LOOPBACK4_IPV6;
	inet->inet_rcv_saddr = LOOPBACK4_IPV6;
	inet->inet_dport = dport;
	xtcp_ip_set_route(sk, dst);
	return 0;
}

static int connect_sockaddr_v6(struct sock *sk, struct sockaddr_in6 *usin, int addr_len)
{
	__be32 label;
	int err;

	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (usin->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	err = check_v6(sk, usin, addr_len, &label);
	if (err)
		return err;
	if (ipv6_addr_v4mapped(&usin->sin6_addr)) {
		if (ipv6_only_sock(sk))
			return -ENETUNREACH;
		sk->sk_v6_daddr = usin->sin6_addr;
		inet6_sk(sk)->flow_label = label;
		err = connect_v4(sk, usin->sin6_addr.s6_addr32[3], usin->sin6_port);
		if (!err)
			inet6_sk(sk)->saddr = sk->sk_v6_rcv_saddr;
		return err;
	}
	sk->sk_v6_daddr = usin->sin6_addr;
	inet6_sk(sk)->flow_label = label;
	return connect_v6(sk, usin->sin6_port);
}

/**
 * xtcp_ip_connect() - set the foreign address, the route and the local address
 * @sk: a sock in CLOSED
 * @uaddr: the foreign address and port, a sockaddr_in or sockaddr_in6, by the sock's family
 * @addr_len: the length of @uaddr
 *
 * If no local address was bound, routing picks one (RFC 9293 section 3.9.1.1, MUST-44). Multicast
 * and broadcast addresses are refused (MUST-46). If the local port is not known yet, the caller
 * must call xtcp_ip_connect_ports() later.
 *
 * Return: 0, -EINVAL, -EAFNOSUPPORT, -ENETUNREACH, or routing's error. On error no foreign port is
 * set.
 */
int xtcp_ip_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	struct sockaddr_in *usin = (struct sockaddr_in *)uaddr;
	int err;

	sock_owned_by_me(sk);
	if (sk->sk_family == AF_INET6) {
		err = connect_sockaddr_v6(sk, (struct sockaddr_in6 *)uaddr, addr_len);
	} else {
		if (addr_len < (int)sizeof(*usin))
			return -EINVAL;
		if (usin->sin_family != AF_INET)
			return -EAFNOSUPPORT;
		err = connect_v4(sk, usin->sin_addr.s_addr, usin->sin_port);
	}
	if (err) {
		inet_sk(sk)->inet_dport = 0;
		sk->sk_route_caps = 0;
	}
	return err;
}

/*
 * Can the route depend on the ports? Three things may read the ports: routing rules, the hash that
 * picks one of several paths, and IPsec policies. The kernel counts the routing rules that name
 * ports, but that count does not help: it leaves out rules for segments that this host sends.
 */
static bool ports_lead(const struct sock *sk)
{
	const struct net *net = sock_net(sk);
	bool lead = xtcp_ip_has_policies(net, sk);

#ifdef CONFIG_IP_MULTIPLE_TABLES
	lead |= READ_ONCE(net->ipv4.fib_has_custom_rules);
#endif
#ifdef CONFIG_IP_ROUTE_MULTIPATH
	lead |= READ_ONCE(net->ipv4.sysctl_fib_multipath_hash_policy);
#endif
	return lead;
}

/**
 * xtcp_ip_connect_ports() - finish the route of an active open when its local port is known
 * @sk: the sock; xtcp_ip_connect() has succeeded, and inet_sport is set
 *
 * Over IPv4, the function looks up the route again if the first lookup did not know the port and
 * the route may depend on the port. It also chooses two random values: the flow hash and the first
 * IPv4 identification.
 *
 * Return: 0 or routing's error.
 */
int xtcp_ip_connect_ports(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	sock_owned_by_me(sk);
	sk_set_txhash(sk);
	xtcp_compat_random_id(inet);
	if (!xtcp_sock_is_v4(sk) || inet->cork.fl.u.ip4.fl4_sport == inet->inet_sport)
		return 0;	/* Linux does not repeat the lookup over IPv6 either */
	inet->cork.fl.u.ip4.fl4_sport = inet->inet_sport;
	if (!ports_lead(sk))
		return 0;
	__sk_dst_reset(sk);
	return xtcp_ip_route(sk);
}
