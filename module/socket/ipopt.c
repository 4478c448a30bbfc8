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

#include <linux/uaccess.h>
#include <net/ip.h>
#include <net/ipv6.h>

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
			ip_setsockopt(sk, level, optname, optval, optlen) : refuse_set(level, optval, optlen);
#if IS_ENABLED(CONFIG_IPV6)
	if (level == SOL_IPV6 && sk->sk_family == AF_INET6)
		return ipv6_option_is_known(optname, true) ?
			ipv6_setsockopt(sk, level, optname, optval, optlen) : refuse_set(level, optval, optlen);
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
 * Context: process. The kernel's own code takes the socket lock where needed.
 *
 * Return: what the kernel's own code returns; -ENOPROTOOPT, -EFAULT or -EINVAL for an option that
 * is refused; -EOPNOTSUPP for an unknown level on an AF_INET sock.
 */
int xtcp_ipopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen)
{
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
