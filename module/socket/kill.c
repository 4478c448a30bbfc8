// SPDX-License-Identifier: GPL-2.0
/*
 * ABORT by an administrator (RFC 9293 section 3.10.5): SOCK_DESTROY of sock_diag, the request that
 * `ss -K` sends for kernel TCP. sock_diag has a handler for each address family. The handler of
 * AF_XTCP is here; it answers no other request.
 *
 * A request is a struct inet_diag_req_v2, as for kernel TCP. But its family is AF_XTCP, and its
 * protocol is that of socket(): XTCPPROTO_IPV4 or XTCPPROTO_IPV6.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "socket/kill.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/xtcp.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>

#include "base/abort.h"
#include "base/net.h"
#include "base/sock.h"
#include "base/state.h"
#include "compat.h"
#include "listen/entry.h"
#include "listen/listener.h"
#include "lookup/demux.h"
#include "lookup/listeners.h"
#include "ports/port.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "sock/end.h"
#include "socket/family.h"
#include "socket/listen.h"
#include "timewait/record.h"

/* The program may have connected the sock elsewhere since it was found. */
static bool is_still(const struct sock *sk, const struct xtcp_tuple *tuple)
{
	const struct xtcp_tuple now = xtcp_conn_tuple(&xtcp_sk(sk)->conn);

	return (1 << sk->sk_state) & ~(TCPF_CLOSE | TCPF_LISTEN) && !memcmp(&now, tuple, sizeof(now));
}

/*
 * Tells the program by ECONNABORTED and the peer by a RST. Returns -EAGAIN if the connection has
 * ended; a TIME-WAIT record may have replaced it.
 */
static int kill_sock(struct sock *sk, const struct xtcp_tuple *tuple)
{
	int err = -EAGAIN;

	lock_sock(sk);
	/* an orphan ends here, so BH has to be off */
	local_bh_disable();
	bh_lock_sock(sk);
	if (is_still(sk, tuple)) {
		xtcp_sock_abort(sk, ECONNABORTED, XTCP_ABORT_KILLED);
		err = 0;
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	release_sock(sk);
	return err;
}

/*
 * Drops a half-open entry. Only the peer knows of it, and learns of its end when it next sends
 * something. Returns -EAGAIN if the entry is gone; its child may have replaced it.
 */
static int kill_entry(struct xtcp_request *he)
{
	struct xtcp_listener *listener = xtcp_listen_queues(he->lsk);
	int err = -EAGAIN;

	if (!listener)
		return err;
	spin_lock_bh(&listener->lock);
	if (!he->dead && !listener->closed) {
		xtcp_entry_drop(listener, he, XTCP_TRACE_FAILED);
		err = 0;
	}
	spin_unlock_bh(&listener->lock);
	return err;
}

/* Only full socks have a cookie. */
static bool cookie_fits(struct sock *sk, const struct inet_diag_sockid *id)
{
	if (id->idiag_cookie[0] == INET_DIAG_NOCOOKIE && id->idiag_cookie[1] == INET_DIAG_NOCOOKIE)
		return true;
	return sk && !sock_diag_check_cookie(sk, id->idiag_cookie);
}

/* Returns -ENOENT if there is no connection, and -EAGAIN if it was replaced meanwhile. */
static int kill_found(struct xtcp_net *xn, const struct xtcp_tuple *tuple, const struct inet_diag_sockid *id)
{
	struct xtcp_demux_key key = { .tuple = *tuple, .dif = id->idiag_if, .hash = xtcp_demux_hash(xn, tuple) };
	struct xtcp_conn *conn;
	struct sock *sk = NULL;
	int err = 0;

	rcu_read_lock();
	conn = xtcp_demux_lookup(xn, &key);
	if (conn && conn->kind == XTCP_CONN_SOCK)
		sk = xtcp_sk_of_conn(conn);
	if (!conn || !cookie_fits(sk, id))
		err = -ENOENT;
	else if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		err = -EAGAIN;
	else if (conn->kind == XTCP_CONN_REQUEST)
		err = kill_entry(container_of(conn, struct xtcp_request, conn));
	if (!err && conn->kind == XTCP_CONN_TIMEWAIT) {
		local_bh_disable();
		xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
		local_bh_enable();
	}
	rcu_read_unlock();
	if (err || !sk)
		return err;
	err = kill_sock(sk, tuple);
	sock_put(sk);
	return err;
}

/*
 * At most an entry, its child and the child's TIME-WAIT record replace each other, hence three
 * tries.
 */
static int kill_connection(struct xtcp_net *xn, const struct xtcp_tuple *tuple, const struct inet_diag_sockid *id)
{
	int tries = 3, err;

	do {
		err = kill_found(xn, tuple, id);
	} while (err == -EAGAIN && --tries);
	return err == -EAGAIN ? -ENOENT : err;
}

static bool listens_at(const struct sock *sk, int family, const struct in6_addr *addr,
		       const struct inet_diag_sockid *id)
{
	if (READ_ONCE(sk->sk_state) != TCP_LISTEN || sk->sk_family != family ||
	    inet_sk(sk)->inet_sport != id->idiag_sport || sk->sk_bound_dev_if != (int)id->idiag_if)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (family == AF_INET6)
		return ipv6_addr_equal(&sk->sk_v6_rcv_saddr, addr);
#endif
	return inet_sk(sk)->inet_rcv_saddr == addr->s6_addr32[3];
}

/*
 * As in Linux, it resets children that nobody accepted, and frees a port that the program did not
 * choose.
 */
static void stop_listener(struct sock *sk)
{
	xtcp_listen_stop(sk);
	xtcp_mib_aborted(xtcp_net_of(sk), XTCP_ABORT_KILLED);
	xtcp_ended_set(&xtcp_sk(sk)->ended, XTCP_ABORT_KILLED, ECONNABORTED);
	WRITE_ONCE(sk->sk_err, ECONNABORTED);
	smp_wmb();	/* as in xtcp_sock_fail() */
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_port_connection_ended(sk);
	sk->sk_state_change(sk);
	sk_error_report(sk);
}

/* Ends the first listener that matches: of a group, one for each request. */
static int kill_listener(struct xtcp_net *xn, int family, const struct in6_addr *addr,
			 const struct inet_diag_sockid *id)
{
	unsigned long number = 0;
	struct sock *sk;
	int err = -ENOENT;

	rcu_read_lock();
	while ((sk = xtcp_listeners_from(xn, &number))) {
		if (listens_at(sk, family, addr, id) && cookie_fits(sk, id) && refcount_inc_not_zero(&sk->sk_refcnt))
			break;
		number++;
	}
	rcu_read_unlock();
	if (!sk)
		return err;
	lock_sock(sk);
	if (listens_at(sk, family, addr, id)) {
		stop_listener(sk);
		err = 0;
	}
	release_sock(sk);
	sock_put(sk);
	return err;
}

static int kill_by_id(struct xtcp_net *xn, int family, const struct inet_diag_sockid *id)
{
	struct xtcp_tuple tuple = { .lport = id->idiag_sport, .fport = id->idiag_dport };

	if (family == AF_INET6) {
		memcpy(&tuple.laddr, id->idiag_src, sizeof(tuple.laddr));
		memcpy(&tuple.faddr, id->idiag_dst, sizeof(tuple.faddr));
	} else {
		ipv6_addr_set_v4mapped(id->idiag_src[0], &tuple.laddr);
		ipv6_addr_set_v4mapped(id->idiag_dst[0], &tuple.faddr);
	}
	if (!tuple.fport)
		return kill_listener(xn, family, &tuple.laddr, id);
	if (ipv6_addr_v4mapped(&tuple.laddr) != ipv6_addr_v4mapped(&tuple.faddr))
		return -ENOENT;
	return kill_connection(xn, &tuple, id);
}

static int diag_destroy(struct sk_buff *request, struct nlmsghdr *nlh)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);
	struct net *net = sock_net(request->sk);
	struct xtcp_net *xn = xtcp_net(net);

	if (nlmsg_len(nlh) < sizeof(*req))
		return -EINVAL;
	if (req->sdiag_protocol != XTCPPROTO_IPV4 && req->sdiag_protocol != XTCPPROTO_IPV6)
		return -EPROTONOSUPPORT;
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (!xtcp_netns_is_started(xn))
		return -ENOENT;
	return kill_by_id(xn, req->sdiag_protocol == XTCPPROTO_IPV6 ? AF_INET6 : AF_INET, &req->id);
}

/* /proc lists sockets. The kernel calls this member without a test for NULL. */
static int diag_dump(struct sk_buff *request, struct nlmsghdr *nlh)
{
	return -EOPNOTSUPP;
}

static struct sock_diag_handler handler = {
	XTCP_COMPAT_DIAG_OWNER
	.dump		= diag_dump,
	.destroy	= diag_destroy,
};

static bool is_registered;

/**
 * xtcp_kill_register() - let an administrator end connections and listeners
 *
 * The module works without it. So if the family has another handler, this only writes to the log.
 *
 * Context: process, module init. The family is registered.
 */
void xtcp_kill_register(void)
{
	handler.family = xtcp_family_number();
	is_registered = !sock_diag_register(&handler);
	if (!is_registered)
		pr_warn("sock_diag has another handler for address family %d: xtcp-ss -K does not work\n",
			handler.family);
}

/**
 * xtcp_kill_unregister() - undo xtcp_kill_register(); a request under way holds the module
 *
 * Context: process, module exit.
 */
void xtcp_kill_unregister(void)
{
	if (is_registered)
		sock_diag_unregister(&handler);
}
