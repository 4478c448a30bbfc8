// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoint bodies: how both ends of a connection are written into an event.
 *
 * An address stands in an event as a struct sockaddr_in6 or, for IPv4, a struct sockaddr_in: %pISpc prints both.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "demux.h"
#include "sock.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * xtcp_trace_sockaddr() - write an address and port into an event
 * @to: room for a struct sockaddr_in6, any alignment
 * @addr: the address; v4-mapped becomes a struct sockaddr_in
 * @port: the port
 *
 * Context: any.
 */
void xtcp_trace_sockaddr(void *to, const struct in6_addr *addr, __be16 port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = *addr };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = port };

	if (ipv6_addr_v4mapped(addr)) {
		sin.sin_addr.s_addr = addr->s6_addr32[3];
		memset(to, 0, sizeof(sin6));
		memcpy(to, &sin, sizeof(sin));
	} else {
		memcpy(to, &sin6, sizeof(sin6));
	}
}

/**
 * xtcp_trace_tuple() - write both ends of a tuple into an event
 * @local: room for a struct sockaddr_in6
 * @peer: room for a struct sockaddr_in6
 * @tuple: the tuple, or NULL: none is known, zeroes are written
 *
 * Context: any.
 */
void xtcp_trace_tuple(void *local, void *peer, const struct xtcp_tuple *tuple)
{
	static const struct xtcp_tuple unknown;

	if (!tuple)
		tuple = &unknown;
	xtcp_trace_sockaddr(local, &tuple->laddr, tuple->lport);
	xtcp_trace_sockaddr(peer, &tuple->faddr, tuple->fport);
}

/**
 * xtcp_trace_conn() - write both ends of a connection into an event
 * @local: room for a struct sockaddr_in6
 * @peer: room for a struct sockaddr_in6
 * @conn: the connection
 *
 * Context: any.
 */
void xtcp_trace_conn(void *local, void *peer, const struct xtcp_conn *conn)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(conn);

	xtcp_trace_tuple(local, peer, &tuple);
}

/**
 * xtcp_trace_sk() - write both ends of a sock into an event
 * @local: room for a struct sockaddr_in6
 * @peer: room for a struct sockaddr_in6
 * @sk: the sock, bound and connected or not
 *
 * Context: any. Without the socket lock, as for a listener, a change of address may be seen half done.
 */
void xtcp_trace_sk(void *local, void *peer, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct xtcp_tuple tuple = { .lport = inet->inet_sport, .fport = inet->inet_dport };

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		tuple.laddr = sk->sk_v6_rcv_saddr;
		tuple.faddr = sk->sk_v6_daddr;
		xtcp_trace_tuple(local, peer, &tuple);
		return;
	}
#endif
	ipv6_addr_set_v4mapped(inet->inet_rcv_saddr, &tuple.laddr);
	ipv6_addr_set_v4mapped(inet->inet_daddr, &tuple.faddr);
	xtcp_trace_tuple(local, peer, &tuple);
}
