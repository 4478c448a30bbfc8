/* SPDX-License-Identifier: GPL-2.0 */
/* Which version of IP carries a connection. */
#ifndef XTCP_IS_V4_H
#define XTCP_IS_V4_H

#include <net/ipv6.h>
#include <net/sock.h>

/* Does IPv4 carry this connection? An AF_INET6 sock with a v4-mapped peer uses IPv4. */
static inline bool xtcp_sock_is_v4(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	return sk->sk_family == AF_INET || ipv6_addr_v4mapped(&sk->sk_v6_daddr);
#else
	return true;
#endif
}

#endif /* XTCP_IS_V4_H */
