// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options of IP and IPv6.
 *
 * The kernel's own code handles these options. This file passes such an option on only under two
 * conditions: the option makes sense for a stream socket, and the kernel's code does not mistake
 * our sock for a sock of another protocol. For example, this file refuses multicast memberships,
 * because they would leak. It refuses IPV6_ADDRFORM, because the kernel's code would turn our sock
 * into a sock of kernel TCP.
 */
#include "socket/ipopt.h"

#include <linux/netfilter_ipv4.h>
#include <linux/uaccess.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "lookup/attach.h"

/* Is this an option of SOL_IP that works on our sockets? */
static bool ip_option_is_known(int optname, bool set)
{
	switch (optname) {
	case IP_TOS:
	case IP_TTL:
	case IP_MINTTL:
	case IP_MTU_DISCOVER:
	case IP_RECVERR:
	case IP_FREEBIND:
	case IP_TRANSPARENT:
	case IP_BIND_ADDRESS_NO_PORT:
	case IP_LOCAL_PORT_RANGE:
	case IP_IPSEC_POLICY:
	case IP_XFRM_POLICY:
		return true;
	case IP_MTU:
		return !set;
	default:
		return false;
	}
}

/* Is this an option of SOL_IPV6 that works on our sockets? */
static bool ipv6_option_is_known(int optname, bool set)
{
	switch (optname) {
	case IPV6_V6ONLY:
	case IPV6_UNICAST_HOPS:
	case IPV6_MINHOPCOUNT:
	case IPV6_TCLASS:
	case IPV6_AUTOFLOWLABEL:
	case IPV6_MTU_DISCOVER:
	case IPV6_RECVERR:
	case IPV6_ADDR_PREFERENCES:
	case IPV6_FREEBIND:
	case IPV6_FLOWLABEL_MGR:
	case IPV6_FLOWINFO_SEND:
	case IPV6_TRANSPARENT:
	case IPV6_IPSEC_POLICY:
	case IPV6_XFRM_POLICY:
		return true;
	case IPV6_MTU:
		return !set;
	default:
		return false;
	}
}

/*
 * The error for an option that we refuse: -ENOPROTOOPT; or -EFAULT, if the kernel's own code would
 * reject the value before it looks at the option.
 */
static int refuse_set(int level, sockptr_t optval, unsigned int optlen)
{
	int val;

	if (level == SOL_IPV6 && optlen >= sizeof(val) && !sockptr_is_null(optval) &&
	    copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	return -ENOPROTOOPT;
}

static int refuse_get(int level, int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	return level == SOL_IP && len < 0 ? -EINVAL : -ENOPROTOOPT;
}

/*
 * SO_ORIGINAL_DST, and IP6T_SO_ORIGINAL_DST, which has the same number: where was the connection
 * going before netfilter redirected it? conntrack answers it only for a sock whose protocol is 6,
 * and reads nothing but names. So it gets a sock with our names that lives as long as this call.
 */
static int get_original_dst(struct sock *sk, int level, char __user *optval, int __user *optlen)
{
	struct sock *named = sk_alloc(sock_net(sk), sk->sk_family, GFP_KERNEL, sk->sk_prot, 1);
	int err = -ENOPROTOOPT;

	if (!named)
		return -ENOBUFS;
	lock_sock(sk);
	named->sk_protocol = IPPROTO_TCP;
	named->sk_bound_dev_if = sk->sk_bound_dev_if;
	named->sk_addrpair = sk->sk_addrpair;
	named->sk_portpair = sk->sk_portpair;
	inet_sk(named)->inet_sport = inet_sk(sk)->inet_sport;
#if IS_ENABLED(CONFIG_IPV6)
	named->sk_v6_rcv_saddr = sk->sk_v6_rcv_saddr;
	named->sk_v6_daddr = sk->sk_v6_daddr;
	inet_sk(named)->pinet6 = inet_sk(sk)->pinet6;
#endif
	release_sock(sk);
	if (level == SOL_IP)
		err = ip_getsockopt(named, level, SO_ORIGINAL_DST, optval, optlen);
#if IS_ENABLED(CONFIG_IPV6)
	else
		err = ipv6_getsockopt(named, level, SO_ORIGINAL_DST, optval, optlen);
#endif
	sk_free(named);
	return err;
}

/* A transparent sock has to be shown to rules of netfilter that ask for it. */
static int note_transparent(const struct sock *sk, int err)
{
	if (!err && inet_sk_transparent(sk))
		xtcp_attach_start_transparent(xtcp_net_of(sk));
	return err;
}

/**
 * xtcp_ipopt_set() - set an option of a level other than SOL_SOCKET and IPPROTO_TCP
 * @sk: the sock
 * @level: IPPROTO_*
 * @optname: the option
 * @optval: its value
 * @optlen: the length of @optval, octets
 *
 * RFC 9293 section 3.9.1.
 *
 * Context: process. The kernel's own code takes the socket lock.
 *
 * Return: what the kernel's own code returns; -ENOPROTOOPT or -EFAULT for an option that is
 * refused.
 */
int xtcp_ipopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_IP)
		return ip_option_is_known(optname, true) ?
			note_transparent(sk, ip_setsockopt(sk, level, optname, optval, optlen)) :
			refuse_set(level, optval, optlen);
#if IS_ENABLED(CONFIG_IPV6)
	if (level == SOL_IPV6 && sk->sk_family == AF_INET6)
		return ipv6_option_is_known(optname, true) ?
			note_transparent(sk, ipv6_setsockopt(sk, level, optname, optval, optlen)) :
			refuse_set(level, optval, optlen);
#endif
	return -ENOPROTOOPT;
}

/**
 * xtcp_ipopt_get() - read an option of a level other than SOL_SOCKET and IPPROTO_TCP
 * @sk: the sock
 * @level: IPPROTO_*
 * @optname: the option
 * @optval: receives the value, or as much of it as fits
 * @optlen: the size of @optval in octets; receives how many octets were written
 *
 * RFC 9293 section 3.9.1.
 *
 * Context: process. Takes the socket lock where needed, or the kernel's own code does.
 *
 * Return: what the kernel's own code returns; -ENOPROTOOPT, -EFAULT or -EINVAL for an option that
 * is refused; -EOPNOTSUPP for an unknown level on an AF_INET sock; -ENOBUFS for SO_ORIGINAL_DST.
 */
int xtcp_ipopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen)
{
	if (optname == SO_ORIGINAL_DST && (level == SOL_IP || (level == SOL_IPV6 && sk->sk_family == AF_INET6)))
		return get_original_dst(sk, level, optval, optlen);
	if (level == SOL_IP)
		return ip_option_is_known(optname, false) ?
			ip_getsockopt(sk, level, optname, optval, optlen) : refuse_get(level, optlen);
#if IS_ENABLED(CONFIG_IPV6)
	if (level == SOL_IPV6 && sk->sk_family == AF_INET6)
		return ipv6_option_is_known(optname, false) ?
			ipv6_getsockopt(sk, level, optname, optval, optlen) : refuse_get(level, optlen);
#endif
	return sk->sk_family == AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT;
}
