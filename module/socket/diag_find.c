// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the socket that a request of sock_diag names by addresses, ports, device and cookie. Only
 * full socks and listeners have a cookie. The kernel never gives the same cookie to two sockets. A
 * request without a foreign port names a listener.
 */
#include "socket/diag_find.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/xtcp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/tcp_states.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "lookup/lookup.h"

static struct in6_addr address_of(const struct inet_diag_req_v2 *req, const __be32 *words)
{
	struct in6_addr addr;

	if (req->sdiag_protocol == XTCPPROTO_IPV6)
		memcpy(&addr, words, sizeof(addr));
	else
		ipv6_addr_set_v4mapped(words[0], &addr);
	return addr;
}

static bool cookie_fits(struct sock *sk, const struct inet_diag_sockid *id)
{
	if (id->idiag_cookie[0] == INET_DIAG_NOCOOKIE && id->idiag_cookie[1] == INET_DIAG_NOCOOKIE)
		return true;
	return sk && !sock_diag_check_cookie(sk, id->idiag_cookie);
}

/**
 * xtcp_diag_find_conn() - find the connection that a request names
 * @xn: the namespace
 * @req: the request, with a foreign port
 *
 * Context: process, RCU read side, which keeps the result valid.
 *
 * Return: a connection of any kind, or NULL.
 */
struct xtcp_conn *xtcp_diag_find_conn(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	struct xtcp_demux_key key = {
		.tuple.laddr = address_of(req, req->id.idiag_src),
		.tuple.faddr = address_of(req, req->id.idiag_dst),
		.tuple.lport = req->id.idiag_sport,
		.tuple.fport = req->id.idiag_dport,
		.dif = req->id.idiag_if,
	};
	struct xtcp_conn *conn;
	struct sock *sk = NULL;

	if (ipv6_addr_v4mapped(&key.tuple.laddr) != ipv6_addr_v4mapped(&key.tuple.faddr))
		return NULL;
	key.hash = xtcp_demux_hash(xn, &key.tuple);
	conn = xtcp_demux_lookup(xn, &key);
	if (conn && conn->kind == XTCP_CONN_SOCK)
		sk = xtcp_sk_of_conn(conn);
	return conn && cookie_fits(sk, &req->id) ? conn : NULL;
}

/**
 * xtcp_diag_find_is_still() - does a sock still have the connection that was found?
 * @sk: the sock, with a reference
 * @tuple: the tuple of the connection when it was found
 *
 * The connection may have ended, and the program may have connected the sock elsewhere.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: true if it still has the connection.
 */
bool xtcp_diag_find_is_still(const struct sock *sk, const struct xtcp_tuple *tuple)
{
	const struct xtcp_tuple now = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	sock_owned_by_me(sk);
	return (1 << sk->sk_state) & ~(TCPF_CLOSE | TCPF_LISTEN) && !memcmp(&now, tuple, sizeof(now));
}

/**
 * xtcp_diag_find_listens() - does a sock listen at the address, port and device of a request?
 * @sk: any sock
 * @req: the request
 *
 * Context: process; racy without the socket lock.
 *
 * Return: true if it does; the cookie is not compared.
 */
bool xtcp_diag_find_listens(const struct sock *sk, const struct inet_diag_req_v2 *req)
{
	const int family = req->sdiag_protocol == XTCPPROTO_IPV6 ? AF_INET6 : AF_INET;

	if (READ_ONCE(sk->sk_state) != TCP_LISTEN || sk->sk_family != family ||
	    inet_sk(sk)->inet_sport != req->id.idiag_sport || sk->sk_bound_dev_if != (int)req->id.idiag_if)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (family == AF_INET6)
		return !memcmp(&sk->sk_v6_rcv_saddr, req->id.idiag_src, sizeof(struct in6_addr));
#endif
	return inet_sk(sk)->inet_rcv_saddr == req->id.idiag_src[0];
}

static bool is_meant(struct sock *sk, const void *req)
{
	return xtcp_diag_find_listens(sk, req) && cookie_fits(sk, &((const struct inet_diag_req_v2 *)req)->id);
}

/**
 * xtcp_diag_find_listener() - find a listener that a request names
 * @xn: the namespace
 * @req: the request, without a foreign port
 *
 * This takes as long beside many other listeners as beside none.
 *
 * Context: process, RCU read side, which keeps the result valid.
 *
 * Return: the listener, or NULL. Without a cookie, any member of a SO_REUSEPORT group.
 */
struct sock *xtcp_diag_find_listener(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	struct xtcp_members_key place = {
		.addr = address_of(req, req->id.idiag_src),
		.dev = req->id.idiag_if,
		.port = ntohs(req->id.idiag_sport),
	};

	if (ipv6_addr_v4mapped(&place.addr) && !place.addr.s6_addr32[3])
		place.addr = in6addr_any;
	return xtcp_listeners_find(xn, &place, is_meant, req);
}
