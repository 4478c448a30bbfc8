// SPDX-License-Identifier: GPL-2.0
/*
 * Lets an administrator ABORT a connection (RFC 9293 section 3.10.5). The request is SOCK_DESTROY
 * of sock_diag, which `ss -K` sends for kernel TCP. diag.c has the handler.
 *
 * On Linux 6.1 a request of sock_diag makes all other users of sock_diag wait. Any user may send
 * requests in a namespace that he has made, and may keep the lock of a sock for as long as he
 * likes. So no request waits for a sock: the answer is EBUSY, and the tool asks again. He may also
 * make each RST slow by netfilter rules, so a listener with many children resets only some of them.
 */
#include "socket/kill.h"

#include <linux/inet_diag.h>
#include <linux/xtcp.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "base/state.h"
#include "listen/entry.h"
#include "listen/estate.h"
#include "listen/listener.h"
#include "lookup/lookup.h"
#include "ports/ports.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "sock/create.h"
#include "socket/diag_find.h"
#include "socket/listen.h"
#include "timewait/timewait.h"

/*
 * Take the socket lock as lock_sock() does, unless a program has it. The caller releases the lock
 * by release_sock(). Return: true when the lock was taken.
 */
static bool own_now(struct sock *sk)
{
	bool is_free;

	spin_lock_bh(&sk->sk_lock.slock);
	is_free = !sock_owned_by_user_nocheck(sk);
	if (is_free) {
		sk->sk_lock.owned = 1;
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _THIS_IP_);
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return is_free;
}

/*
 * Abort a connection that has a sock: the program gets ECONNABORTED, and the peer gets a RST.
 * Return: 0; -EBUSY if a program has the socket lock; -EAGAIN if the connection has ended: the
 * caller tries again, since a TIME-WAIT record may have replaced it.
 */
static int kill_sock(struct sock *sk, const struct xtcp_tuple *tuple)
{
	int err = -EAGAIN;

	if (!own_now(sk))
		return -EBUSY;
	/* BH has to be off, since xtcp_sock_abort() may end an orphan */
	local_bh_disable();
	bh_lock_sock(sk);
	if (xtcp_diag_find_is_still(sk, tuple)) {
		xtcp_sock_abort(sk, ECONNABORTED, XTCP_ABORT_KILLED);
		err = 0;
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	release_sock(sk);
	return err;
}

/*
 * Drop a half-open entry. No program knows of the connection yet. When the peer next sends
 * something, it learns that the connection has ended. Return: 0; -EAGAIN if the entry has moved to
 * another listener of its group or has ended: the caller tries again, since a child may have
 * replaced the entry.
 */
static int kill_entry(struct xtcp_request *he)
{
	struct xtcp_listener *listener = xtcp_listen_queues(READ_ONCE(he->lsk));
	int err = -EAGAIN;

	if (!listener)
		return err;
	spin_lock_bh(&listener->lock);
	if (xtcp_listen_has_entry(listener, he) && !listener->closed) {
		xtcp_entry_drop(listener, he, XTCP_TRACE_FAILED);
		err = 0;
	}
	spin_unlock_bh(&listener->lock);
	return err;
}

/*
 * Find the connection and end it. Return: 0; -ENOENT if there is none; -EBUSY if a program has the
 * socket lock; -EAGAIN if something has replaced the connection meanwhile.
 */
static int kill_found(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	struct xtcp_tuple tuple;
	struct xtcp_conn *conn;
	struct sock *sk = NULL;
	int err = 0;

	rcu_read_lock();
	conn = xtcp_diag_find_conn(xn, req);
	if (conn && conn->kind == XTCP_CONN_SOCK)
		sk = xtcp_sk_of_conn(conn);
	if (conn)
		tuple = xtcp_conn_tuple(conn);
	if (!conn)
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
	err = kill_sock(sk, &tuple);
	sock_put(sk);
	return err;
}

/*
 * End a connection. When kill_found() has found an object and takes the lock, another object may
 * already have replaced it. This usually happens at most three times: an entry moves to another
 * listener of its group, a child replaces the entry, and a TIME-WAIT record replaces the child. So
 * there are four tries. If several listeners end at once, an entry may move more often. After four
 * failures the answer is ENOENT, and the administrator asks again.
 */
static int kill_connection(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	int tries = 4, err;

	do {
		err = kill_found(xn, req);
	} while (err == -EAGAIN && --tries);
	return err == -EAGAIN ? -ENOENT : err;
}

/*
 * End a listener. As in Linux, children that nobody accepted are reset, but RSTs are sent only for
 * XTCP_TELL_TIME (xtcp_listen_stop()). A port that the program did not choose is freed. If the
 * listener waits for a successor (estate.c), the wait ends, and the port is freed in any case.
 */
static void stop_listener(struct sock *sk)
{
	xtcp_endpoint(sk)->listener->tells_briefly = true;
	xtcp_listen_stop(sk);
	xtcp_mib_aborted(xtcp_net_of(sk), XTCP_ABORT_KILLED);
	xtcp_sock_note_end(sk, XTCP_ABORT_KILLED, ECONNABORTED);
	WRITE_ONCE(sk->sk_err, ECONNABORTED);
	smp_wmb();	/* pairs with smp_rmb() in poll(), as in xtcp_sock_fail() */
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_port_connection_ended(sk);
	sk->sk_state_change(sk);
	sk_error_report(sk);
	xtcp_estate_hurry(sk);
}

/*
 * End a listener that matches the request. The other members of its group continue. Return:
 * 0; -ENOENT if there is none; -EBUSY if a program has the socket lock.
 */
static int kill_listener(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	int err = -ENOENT;
	struct sock *sk;

	rcu_read_lock();
	sk = xtcp_diag_find_listener(xn, req);
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	rcu_read_unlock();
	if (!sk)
		return err;
	if (!own_now(sk)) {
		err = -EBUSY;
	} else {
		if (xtcp_diag_find_listens(sk, req)) {
			stop_listener(sk);
			err = 0;
		}
		release_sock(sk);
	}
	sock_put(sk);
	return err;
}

/**
 * xtcp_kill_requested() - SOCK_DESTROY: end the socket that a request names
 * @net: the namespace of the request, in which the sender has CAP_NET_ADMIN
 * @req: the request; its protocol is one of ours
 *
 * Context: process, may sleep. Takes the socket lock if nobody has it.
 *
 * Return: 0; -ENOENT if there is no such socket; -EBUSY if a program has the socket lock at this
 * moment.
 */
int xtcp_kill_requested(struct net *net, const struct inet_diag_req_v2 *req)
{
	struct xtcp_net *xn = xtcp_net(net);

	if (!xtcp_netns_is_started(xn))
		return -ENOENT;
	return req->id.idiag_dport ? kill_connection(xn, req) : kill_listener(xn, req);
}
