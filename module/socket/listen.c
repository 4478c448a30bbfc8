// SPDX-License-Identifier: GPL-2.0
/* Passive OPEN (RFC 9293 section 3.10.1): listen(), accept() and the end of a listener. */
#include "socket/listen.h"

#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "auth/aoconn.h"
#include "base/memory.h"
#include "base/net.h"
#include "base/orphan.h"
#include "base/state.h"
#include "base/wire.h"
#include "expiry/expiry.h"
#include "fastopen/fastopen.h"
#include "listen/acceptq.h"
#include "listen/entry.h"
#include "listen/estate.h"
#include "listen/heir.h"
#include "listen/listener.h"
#include "lookup/lookup.h"
#include "ports/ports.h"
#include "sight/blackbox.h"
#include "sock/create.h"
#include "window/window.h"

static void listener_free(struct xtcp_listener *listener)
{
	free_percpu(listener->stats);
	kfree(listener);
}

static void listener_free_rcu(struct rcu_head *rcu)
{
	struct xtcp_listener *listener = container_of(rcu, struct xtcp_listener, rcu);

	if (listener->net)
		put_net(listener->net);
	listener_free(listener);
}

static struct xtcp_listener *listener_new(struct sock *sk)
{
	struct xtcp_listener *listener = kzalloc(sizeof(*listener), GFP_KERNEL_ACCOUNT);
	u32 wnd, clamp;

	if (!listener)
		return NULL;
	listener->stats = alloc_percpu_gfp(*listener->stats, GFP_KERNEL_ACCOUNT);
	listener->group = listener->stats ? xtcp_group_new() : NULL;
	if (!listener->group) {
		listener_free(listener);
		return NULL;
	}
	/* only the window scale is used; it does not depend on the MSS, so any MSS will do */
	xtcp_window_select(sk, NULL, XTCP_MSS_DEFAULT_V4, true, &wnd, &clamp, &listener->group->rcv_wscale);
	listener->sk = sk;
	listener->cpu = -1;
	listener->open = true;
	listener->user = xtcp_blackbox_user(sk);
	spin_lock_init(&listener->lock);
	INIT_LIST_HEAD(&listener->accept_queue);
	xtcp_entry_start(listener);
	return listener;
}

static void set_limit(struct sock *sk, int backlog)
{
	unsigned int somaxconn = READ_ONCE(sock_net(sk)->core.sysctl_somaxconn);
	unsigned int limit = min_t(unsigned int, backlog, somaxconn);

	WRITE_ONCE(xtcp_endpoint(sk)->listener->accept_max, limit);
	WRITE_ONCE(xtcp_endpoint(sk)->listener->somaxconn, somaxconn);
	WRITE_ONCE(sk->sk_max_ack_backlog, limit);
}

static int start(struct sock *sk, int backlog)
{
	struct xtcp_listener *listener;
	int err = xtcp_fastopen_listen(sk, backlog);

	if (err)
		return err;
	listener = listener_new(sk);
	if (!listener)
		return -ENOMEM;
	/*
	 * if this sock had a connection before, a lookup of that connection may still be running.
	 * Wait until it is done, so that it does not take the sock for a listener
	 */
	xtcp_demux_wait_for_lookups(sk);
	xtcp_aoconn_begin(sk);
	err = xtcp_port_listen(sk);
	if (err) {
		xtcp_group_put(listener->group);
		listener_free(listener);
		return err;
	}
	xtcp_early_start(xtcp_net_of(sk));
	sk_dst_reset(sk);
	WRITE_ONCE(sk->sk_ack_backlog, 0);
	/* a lookup that sees this pointer also sees the queues that were set up before */
	smp_store_release(&xtcp_endpoint(sk)->listener, listener);
	set_limit(sk, backlog);
	xtcp_sock_forget_connection(sk);
	xtcp_state_set(sk, TCP_LISTEN);
	err = xtcp_listeners_add(sk);
	if (err) {
		xtcp_listen_stop(sk);
		xtcp_state_set(sk, TCP_CLOSE);
	} else {
		xtcp_estate_claim(sk);
	}
	return err;
}

/**
 * xtcp_listen() - proto_ops.listen: passive OPEN
 * @sock: not connected; if it is not bound, it gets a port now
 * @backlog: as for listen(2)
 *
 * The smaller of @backlog and net.core.somaxconn limits both queues. A second call changes the
 * limit.
 *
 * Context: process. Takes the socket lock; may sleep.
 *
 * Return: 0, -EINVAL, -ENOMEM, or what xtcp_port_listen() returns.
 */
int xtcp_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || sock->type != SOCK_STREAM)
		goto out;
	switch (sk->sk_state) {
	case TCP_CLOSE:
		err = start(sk, backlog);
		break;
	case TCP_LISTEN:
		set_limit(sk, backlog);
		err = 0;
		break;
	}
out:
	release_sock(sk);
	return err;
}

/*
 * Sleep until there is a child to accept. If several processes wait, one is woken at a time. The
 * function drops the socket lock and takes it again. Return: 0 if there is a child, or an error of
 * xtcp_listen_accept().
 */
static int unlocked_wait(struct sock *sk, long timeout)
{
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!xtcp_acceptq_has_child(sk))
			timeout = schedule_timeout(timeout);
		sched_annotate_sleep();
		lock_sock(sk);
		err = 0;
		if (xtcp_acceptq_has_child(sk))
			break;
		err = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = sock_intr_errno(timeout);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!timeout)
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

/**
 * xtcp_listen_accept() - proto.accept: take the oldest child of a listener
 * @sk: the listener
 * @flags: O_NONBLOCK
 * @err: receives the error, if NULL is returned
 * @kern: true when the kernel is the caller; not used, since each child is a kernel socket if its
 *	listener is one
 *
 * Context: process. Takes the socket lock, then the child's; sleeps at most for SO_RCVTIMEO.
 *
 * Return: the child, whose reference the queue passes to the caller; or NULL, and *@err is -EINVAL,
 * -EAGAIN, -EINTR or -ERESTARTSYS.
 */
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err, bool kern)
{
	struct sock *child = NULL;
	int error = -EINVAL;

	/*
	 * this thread may also be the client of a connection to this listener. Then the third ACK
	 * may be waiting for the thread's first write. There is no child before the third ACK
	 * comes: send the ACK now
	 */
	if (!xtcp_acceptq_has_child(sk))
		xtcp_thirdack_go();
	lock_sock(sk);
	if (sk->sk_state != TCP_LISTEN)
		goto out;
	if (!xtcp_acceptq_has_child(sk)) {
		long timeout = sock_rcvtimeo(sk, flags & O_NONBLOCK);

		error = -EAGAIN;
		if (!timeout)
			goto out;
		error = unlocked_wait(sk, timeout);
		if (error)
			goto out;
	}
	child = xtcp_acceptq_take(xtcp_endpoint(sk)->listener);
	error = child ? 0 : -EAGAIN;
out:
	release_sock(sk);
	if (child)
		xtcp_memory_accepted(child);
	else
		*err = error;
	return child;
}

/*
 * End a child that nobody accepted. @tell: send a RST. xtcp_sock_destroy() puts the queue's
 * reference. If another thread is waiting for the child's socket lock, it then finds that the
 * connection has ended.
 */
static void end_child(struct sock *child, bool tell)
{
	sock_hold(child);	/* xtcp_held_let_go() puts this reference */
	local_bh_disable();
	bh_lock_sock(child);
	sock_orphan(child);
	xtcp_orphan_add(child);
	if (child->sk_state == TCP_CLOSE)
		xtcp_sock_destroy(child);
	else if (tell)
		xtcp_sock_abort(child, ECONNRESET, XTCP_ABORT_LISTENER);
	else
		xtcp_sock_fail(child, ECONNRESET, XTCP_ABORT_LISTENER);
	bh_unlock_sock(child);
	local_bh_enable();
	xtcp_held_let_go(child);
	cond_resched();
}

/**
 * xtcp_listen_stop() - end a listener, for close(), shutdown(), disconnect or SOCK_DESTROY
 * @sk: in LISTEN; the caller then sets CLOSED
 *
 * As in Linux, half-open entries are dropped silently, and children that nobody accepted are reset.
 * With net.xtcp.migrate_req, the other listeners of the group take over entries and children
 * instead. The sock keeps its port.
 *
 * The program that ends a listener spends its own time on the RSTs, so all of them are sent. But if
 * a worker of the kernel or SOCK_DESTROY ends it, others may wait for that: RSTs are sent only for
 * XTCP_TELL_TIME. A peer that has got none by then gets a RST when it sends its next segment. That
 * RST is not signed, so a peer with MD5 or TCP-AO ignores it, and gives up after its own timeouts.
 *
 * Context: process, may sleep. Lock: socket, held.
 */
void xtcp_listen_stop(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_endpoint *child, *next;
	struct xtcp_heirs heirs;
	LIST_HEAD(children);
	unsigned long told_until;
	bool hands_over;

	sock_owned_by_me(sk);
	hands_over = xtcp_heir_begin(&heirs, listener);
	xtcp_listeners_remove(sk);
	if (hands_over) {
		xtcp_heir_close(&heirs, &children);
	} else {
		spin_lock_bh(&listener->lock);
		xtcp_acceptq_close(listener, &children);
		spin_unlock_bh(&listener->lock);
	}
	xtcp_entry_stop(listener);

	told_until = jiffies + XTCP_TELL_TIME;
	list_for_each_entry_safe(child, next, &children, accept_node) {
		list_del_init(&child->accept_node);
		if (!hands_over || !xtcp_heir_take_child(&heirs, xtcp_sk_of(child)))
			end_child(xtcp_sk_of(child), !listener->tells_briefly || time_before(jiffies, told_until));
	}
	if (xtcp_endpoint(sk)->lease)
		xtcp_lease_unlisten(xtcp_endpoint(sk)->lease);
	/*
	 * a reader that sees NULL also sees that the listener has left the table, and that its
	 * entries were dropped
	 */
	smp_store_release(&xtcp_endpoint(sk)->listener, NULL);
	/*
	 * A segment that has found an entry of this listener reaches the queues through the sock.
	 * It must not reach the queues of the next listen(). So the next listen() waits until all
	 * such segments have been processed.
	 */
	xtcp_endpoint(sk)->left_table = get_state_synchronize_rcu();
	/*
	 * Such a segment may be about to make a child, and sk_clone_lock() takes a reference to the
	 * namespace for the child. But the listener may soon drop its own reference, perhaps the
	 * last one (xtcp_held_take_dead()). So keep one until all such segments have been processed
	 */
	if (sk->sk_net_refcnt)
		listener->net = get_net(sock_net(sk));
	xtcp_group_put(listener->group);
	call_rcu(&listener->rcu, listener_free_rcu);
}
