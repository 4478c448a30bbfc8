// SPDX-License-Identifier: GPL-2.0
/*
 * The accept queue: children that wait for accept(), the oldest first. A child is established, or
 * TCP Fast Open has made it before its handshake is complete.
 *
 * The queue holds one reference to each child. accept() hands that reference to the new file.
 *
 * The memory of a child is charged to a memory control group by accept(), so nobody pays for a
 * child that waits. The backlog of the listener limits them, and net.core.somaxconn the backlog.
 * But any user can create a guest (xtcp_net.is_guest), and set its somaxconn to any value. So the
 * children of all guests together have a limit, too, and those of one maker's guests (guests.c).
 */
#include "listen/acceptq.h"

#include <linux/module.h>
#include <net/sock.h>

#include "base/endpoint.h"
#include "base/guests.h"
#include "base/net.h"
#include "listen/listener.h"
#include "sight/trace.h"

#define UNACCEPTED_PART	32	/* the children of all guests that wait may take 1/32 of the memory */
#define CHILD_SIZE	1536	/* the memory of a child, as struct xtcp_sock takes it; octets */

static struct xtcp_guests guest_children = { .thing = XTCP_GUESTS_CHILDREN };
module_param_named(guest_unaccepted, guest_children.max, uint, 0444);
MODULE_PARM_DESC(guest_unaccepted, "connections that wait for accept() in all namespaces of users other than the machine's own, at most 2147483647 (0, the default: as many as fit in 1/32 of the memory)");

/**
 * xtcp_acceptq_init() - make the counter of the children of all guests, and set the limit
 *
 * Context: process, module init.
 *
 * Return: 0, -EINVAL when the module parameter "guest_unaccepted" is out of range, or -ENOMEM.
 */
int xtcp_acceptq_init(void)
{
	int err = xtcp_guests_limit(&guest_children.max, "guest_unaccepted", UNACCEPTED_PART, CHILD_SIZE);

	return err ?: xtcp_guests_init(&guest_children);
}

/**
 * xtcp_acceptq_exit() - free the counter
 *
 * Context: process, module exit. All listeners have ended.
 */
void xtcp_acceptq_exit(void)
{
	xtcp_guests_exit(&guest_children);
}

/* @change: children that join the queue, minus children that leave it. */
static void count_of_guest(const struct xtcp_listener *listener, int change)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);

	if (likely(!xn->is_guest))
		return;
	xtcp_guests_count(&guest_children, xn, change);
}

/**
 * xtcp_acceptq_is_full() - is the queue full?
 * @listener: the queues
 *
 * As in Linux, the queue takes one child more than its limit. In a guest, the queue is also full if
 * all guests together, or those of its maker, have as many children that wait as they may have.
 *
 * Context: any. Without the listener's lock, the answer may be out of date at once.
 *
 * Return: true when the queue is full.
 */
bool xtcp_acceptq_is_full(const struct xtcp_listener *listener)
{
	const struct xtcp_net *xn = xtcp_net_of(listener->sk);

	return READ_ONCE(listener->accept_len) > READ_ONCE(listener->accept_max) ||
	       (unlikely(xn->is_guest) && xtcp_guests_exceed(&guest_children, xn, guest_children.max, 1));
}

/* Not inlined, so that the tuple takes stack only while tracing is on. */
static noinline_for_stack void trace_length(const struct xtcp_listener *listener, const struct xtcp_conn *conn,
					    unsigned int len, int reason)
{
	struct xtcp_tuple tuple;

	if (conn)
		tuple = xtcp_conn_tuple(conn);
	trace_xtcp_queue(listener->sk, conn ? &tuple : NULL, XTCP_TRACE_ACCEPT_QUEUE, listener->accept_len, len,
			 reason);
}

/* @conn: the child that joins or leaves the queue; NULL when all children leave the queue. */
static void set_length(struct xtcp_listener *listener, const struct xtcp_conn *conn, unsigned int len, int reason)
{
	if (trace_xtcp_queue_enabled())
		trace_length(listener, conn, len, reason);
	WRITE_ONCE(listener->accept_len, len);
	if (len > listener->accept_peak)
		WRITE_ONCE(listener->accept_peak, len);
	WRITE_ONCE(listener->sk->sk_ack_backlog, len);
}

/**
 * xtcp_acceptq_add() - append a child
 * @listener: the queues; not closed
 * @child: the child; the queue takes over the caller's reference
 *
 * Context: softirq or process, BH disabled. Lock: the listener's lock and the child's socket lock,
 * held.
 */
void xtcp_acceptq_add(struct xtcp_listener *listener, struct sock *child)
{
	lockdep_assert_held(&listener->lock);
	list_add_tail(&xtcp_endpoint(child)->accept_node, &listener->accept_queue);
	count_of_guest(listener, 1);
	set_length(listener, &xtcp_endpoint(child)->conn, listener->accept_len + 1, XTCP_TRACE_COMPLETED);
}

/**
 * xtcp_acceptq_has_child() - would accept() return at once?
 * @sk: a sock in LISTEN
 *
 * Context: any. A false answer may be out of date at once, since a child may join at any time. A
 * true answer stays valid while the caller holds the socket lock.
 *
 * Return: true when the queue has a child.
 */
bool xtcp_acceptq_has_child(const struct sock *sk)
{
	const struct xtcp_listener *listener;
	bool has;

	rcu_read_lock();
	listener = READ_ONCE(xtcp_endpoint(sk)->listener);
	has = listener && READ_ONCE(listener->accept_len);
	rcu_read_unlock();
	return has;
}

/**
 * xtcp_acceptq_take() - take the oldest child off the queue
 * @listener: the queues
 *
 * Context: process. Takes the listener's lock.
 *
 * Return: the child, whose reference the queue passes to the caller; NULL when the queue is empty.
 */
struct sock *xtcp_acceptq_take(struct xtcp_listener *listener)
{
	struct xtcp_endpoint *child;

	spin_lock_bh(&listener->lock);
	child = list_first_entry_or_null(&listener->accept_queue, struct xtcp_endpoint, accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		count_of_guest(listener, -1);
		set_length(listener, &child->conn, listener->accept_len - 1, XTCP_TRACE_ACCEPTED);
	}
	spin_unlock_bh(&listener->lock);
	return child ? xtcp_sk_of(child) : NULL;
}

/**
 * xtcp_acceptq_close() - close both queues of a listener, and empty the accept queue
 * @listener: the queues of a listener that has left the table of listeners
 * @children: receives the children that nobody accepted, and the queue's reference to each
 *
 * Context: process, BH disabled. Lock: the listener's, held.
 */
void xtcp_acceptq_close(struct xtcp_listener *listener, struct list_head *children)
{
	lockdep_assert_held(&listener->lock);
	/* smp_store_release() pairs with smp_load_acquire() in xtcp_listen_has_ended() */
	smp_store_release(&listener->closed, true);
	list_splice_init(&listener->accept_queue, children);
	count_of_guest(listener, -(int)listener->accept_len);
	set_length(listener, NULL, 0, XTCP_TRACE_CLOSED);
}
