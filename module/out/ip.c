// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4 and IPv6 below TCP (RFC 9293 section 3.9.2): route, header, checksum, hand-over to IP; and
 * the addresses of an active OPEN (section 3.9.1.1).
 *
 * This file and reply.c hide most differences between the two families. An AF_INET6 sock with a
 * v4-mapped peer uses IPv4, as in Linux. A full sock caches its route, checked before each segment.
 */
#include "out/out.h"

#include <net/inet6_connection_sock.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/transp_v6.h>

#include "lookup/lookup.h"

/* Software GSO even where a device has it switched off: sk_setup_caps() does this for kernel TCP only. */
static void force_gso(struct sock *sk, const struct dst_entry *dst)
{
	const struct net_device *dev;

	if ((sk->sk_route_caps & NETIF_F_GSO) || sk->sk_gso_disabled || dst->header_len)
		return;
	sk->sk_route_caps |= NETIF_F_GSO | NETIF_F_GSO_SOFTWARE | NETIF_F_SG | NETIF_F_HW_CSUM;
	/* valid under RCU: a device is freed a grace period after its routes stopped using it */
	rcu_read_lock();
	dev = READ_ONCE(dst->dev);
	sk->sk_gso_max_size = min_t(u32, READ_ONCE(dev->gso_max_size), GSO_LEGACY_MAX_SIZE) - (MAX_TCP_HEADER + 1);
	sk->sk_gso_max_segs = max_t(u32, READ_ONCE(dev->gso_max_segs), 1);
	rcu_read_unlock();
}

/* Takes over the caller's reference to @dst. */
static void xtcp_ip_set_route(struct sock *sk, struct dst_entry *dst)
{
	if (xtcp_sock_is_v4(sk)) {
		sk->sk_gso_type = SKB_GSO_TCPV4;
		sk_setup_caps(sk, dst);
	} else {
		sk->sk_gso_type = SKB_GSO_TCPV6;
		ip6_dst_store(sk, dst, NULL, NULL);
	}
	force_gso(sk, dst);
}

/* The foreign address, or the first hop of a source route. */
static noinline __be32 first_hop(const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ip_options_rcu *opt;
	__be32 daddr = inet->inet_daddr;

	rcu_read_lock();
	opt = rcu_dereference(inet->inet_opt);
	if (opt && opt->opt.srr)
		daddr = opt->opt.faddr;
	rcu_read_unlock();
	return daddr;
}

static struct dst_entry *route_v4(struct sock *sk)
{
	struct flowi4 fl4;
	struct rtable *rt;

	xtcp_compat_sock_flow(&fl4, sk, first_hop(sk));
	rt = xtcp_ip_output_route(sock_net(sk), &fl4, sk);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

static void flow_v6_of(const struct sock *sk, struct flowi6 *fl6)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	const struct inet_sock *inet = inet_sk(sk);

	*fl6 = (struct flowi6) {
		.flowi6_proto = IPPROTO_TCP,
		.daddr = sk->sk_v6_daddr,
		.saddr = np->saddr,
		.flowlabel = np->flow_label,
		.flowi6_oif = READ_ONCE(sk->sk_bound_dev_if),
		.flowi6_mark = READ_ONCE(sk->sk_mark),
		.fl6_sport = inet->inet_sport,
		.fl6_dport = inet->inet_dport,
		.flowi6_uid = sk->sk_uid,
	};
}

static struct dst_entry *route_v6(struct sock *sk)
{
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct in6_addr *final_p, final;
	struct flowi6 fl6;

	flow_v6_of(sk, &fl6);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&fl6));
	rcu_read_lock();
	final_p = fl6_update_dst(&fl6, rcu_dereference(np->opt), &final);
	rcu_read_unlock();
	return ip6_dst_lookup_flow(sock_net(sk), sk, &fl6, final_p);
}

/*
 * Makes sure that a sock has a valid route. Its source address never changes (RFC 9293 section 3.9.1.1,
 * MUST-45). Return: 0 or routing's error, which is also in sk_err_soft.
 */
int xtcp_ip_route(struct sock *sk)
{
	struct dst_entry *dst;

	sock_owned_by_me(sk);
	if (__sk_dst_check(sk, xtcp_sock_is_v4(sk) ? 0 : inet6_sk(sk)->dst_cookie))
		return 0;
	dst = xtcp_sock_is_v4(sk) ? route_v4(sk) : route_v6(sk);
	if (IS_ERR(dst)) {
		sk->sk_route_caps = 0;
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(dst));
		return PTR_ERR(dst);
	}
	xtcp_ip_set_route(sk, dst);
	return 0;
}

static inline void prepare_v4(struct sk_buff *skb, __be32 laddr, __be32 faddr)
{
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	tcp_hdr(skb)->check = ~tcp_v4_check(skb->len, laddr, faddr, 0);
}

static void prepare_v6(struct sk_buff *skb, const struct in6_addr *laddr, const struct in6_addr *faddr)
{
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	skb->ip_summed = CHECKSUM_PARTIAL;
	__tcp_v6_send_check(skb, laddr, faddr);
}

/*
 * @skb begins with the TCP header, complete but for the checksum, which is left to the device (RFC 9293
 * section 3.1, MUST-2). Clears IP's control block in skb->cb, where IP would read our own data.
 */
void xtcp_ip_prepare(struct sk_buff *skb, const struct xtcp_tuple *tuple)
{
	if (xtcp_tuple_is_v4(tuple))
		prepare_v4(skb, tuple->laddr.s6_addr32[3], tuple->faddr.s6_addr32[3]);
	else
		prepare_v6(skb, &tuple->laddr, &tuple->faddr);
}

/* The route may have been looked up again: then sk_setup_caps() has overwritten what force_gso() had set. */
static noinline void route_changed(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_get(sk);

	if (dst)
		force_gso(sk, dst);
	else if (xtcp_sock_is_v4(sk))
		xtcp_ip_route(sk);	/* stores the error; over IPv6, xmit_v6() has stored it */
}

/* inet6_csk_xmit() cannot be used: newer kernels read the flow from the sock, where only kernel TCP stores one. */
static noinline_for_stack int xmit_v6(struct sock *sk, struct sk_buff *skb, u8 codepoint)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	struct flowi6 fl6;
	int err;

	err = xtcp_ip_route(sk);
	if (unlikely(err)) {
		kfree_skb(skb);
		return err;
	}
	flow_v6_of(sk, &fl6);
	rcu_read_lock();
	skb_dst_set_noref(skb, __sk_dst_get(sk));
	err = ip6_xmit(sk, skb, &fl6, fl6.flowi6_mark, rcu_dereference(np->opt), np->tclass | codepoint,
		       READ_ONCE(sk->sk_priority));
	rcu_read_unlock();
	return err;
}

/*
 * @skb, with the sock as its owner, begins with the TCP header, complete but for the checksum; consumed.
 * @codepoint: the ECN field of the IP header. Return: 0, a positive NET_XMIT code, or an errno.
 */
int xtcp_ip_xmit(struct sock *sk, struct sk_buff *skb, u8 codepoint)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	const struct inet_sock *inet = inet_sk(sk);
	struct flowi fl;
	int err;

	skb_set_hash_from_sk(skb, sk);
	skb_set_dst_pending_confirm(skb, READ_ONCE(sk->sk_dst_pending_confirm));
	if (xtcp_sock_is_v4(sk)) {
		prepare_v4(skb, inet->inet_saddr, inet->inet_daddr);
		/* IP reads only these of a flow, or looks for a new route and fills in all of it */
		fl.u.ip4.saddr = inet->inet_saddr;
		fl.u.ip4.daddr = likely(!rcu_access_pointer(inet->inet_opt)) ? inet->inet_daddr : first_hop(sk);
		err = __ip_queue_xmit(sk, skb, &fl, inet->tos | codepoint);
	} else {
		prepare_v6(skb, &inet6_sk(sk)->saddr, &sk->sk_v6_daddr);
		err = xmit_v6(sk, skb, codepoint);
	}
	if (unlikely(__sk_dst_get(sk) != dst || !(sk->sk_route_caps & NETIF_F_GSO)))
		route_changed(sk);
	return err;
}

static int connect_v4(struct sock *sk, __be32 daddr, __be16 dport)
{
	struct inet_sock *inet = inet_sk(sk);
	struct ip_options_rcu *opt = rcu_dereference_protected(inet->inet_opt, lockdep_sock_is_held(sk));
	__be32 nexthop = daddr;
	struct flowi4 fl4;
	struct rtable *rt;

	if (opt && opt->opt.srr) {
		if (!daddr)
			return -EINVAL;
		nexthop = opt->opt.faddr;
	}
	rt = ip_route_connect(&fl4, nexthop, inet->inet_saddr, sk->sk_bound_dev_if, IPPROTO_TCP, inet->inet_sport,
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
		daddr = fl4.daddr;
	if (!inet->inet_saddr)
		inet->inet_saddr = fl4.saddr;
	sk_rcv_saddr_set(sk, inet->inet_saddr);
	inet->inet_dport = dport;
	sk_daddr_set(sk, daddr);
	xtcp_ip_set_route(sk, &rt->dst);
	return 0;
}

/* The flow label and the scope of the foreign address; the unspecified one becomes the loopback address. */
static int check_v6(struct sock *sk, struct sockaddr_in6 *usin, int addr_len, __be32 *label)
{
	struct ip6_flowlabel *flowlabel;

	*label = 0;
	if (XTCP_COMPAT_FLAG6(sk, SNDFLOW, sndflow)) {
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
 * and broadcast addresses are refused (MUST-46).
 * Context: process. Lock: socket, held.
 * Return: 0, -EINVAL, -EAFNOSUPPORT, -ENETUNREACH, or routing's error. Then no foreign port is set.
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

