// SPDX-License-Identifier: GPL-2.0
/*
 * Active OPEN (RFC 9293 section 3.10.1).
 *
 * The socket layer calls xtcp_connect() only for a socket that is CLOSED. For other sockets, the
 * socket layer itself returns EISCONN, EALREADY or EINVAL. Before the call it also runs the LSM
 * hook socket_connect. After the call it waits for the connection, or returns EINPROGRESS.
 *
 * Passive OPEN (RFC 9293 section 3.10.1): listen(), accept() and the end of a listener.
 */
#include "socket/socket.h"

#include <linux/bpf-cgroup.h>
#include <linux/in6.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "auth/auth.h"
#include "base/base.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/sender.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"
#include "cong/cong.h"
#include "ecn/ecn.h"
#include "expiry/expiry.h"
#include "fastopen/fastopen.h"
#include "listen/listen.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/sight.h"
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

/* Turns Fast Open on for a new listener, if net.xtcp.fastopen says so and no TCP_FASTOPEN is set. */
static int listen_fast(struct sock *sk, unsigned int backlog)
{
	const int wanted = XTCP_FASTOPEN_SERVER | XTCP_FASTOPEN_ANY_LISTENER;

	sock_owned_by_me(sk);
	if ((READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & wanted) != wanted || xtcp_fastopen_max(sk))
		return 0;
	return xtcp_fastopen_set_max(sk, backlog);
}

/*
 * The sock listens now, and forgets why its last connection has ended. As in Linux, TCP_QUICKACK 0 was
 * for that connection.
 */
static void forget_connection(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xtcp_ended_forget(&xsk->ended);
	xtcp_acking_interactive(&xsk->acking, false);
}

static int start(struct sock *sk, int backlog)
{
	struct xtcp_listener *listener;
	int err = listen_fast(sk, backlog);

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
	forget_connection(sk);
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
	 * last one (take_dead()). So keep one until all such segments have been processed
	 */
	if (sk->sk_net_refcnt)
		listener->net = get_net(sock_net(sk));
	xtcp_group_put(listener->group);
	call_rcu(&listener->rcu, listener_free_rcu);
}

/*
 * After a failure: return to CLOSED, and leave the socket as it was before connect(). @entered: the
 * sock is in the table. A sock that was not in the table cannot be found, so the next connect() of
 * such a sock does not wait for lookups.
 */
static void undo(struct sock *sk, bool entered)
{
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_blackbox_end(sk);
	xtcp_timer_stop(sk);
	if (entered)
		xtcp_demux_remove_sk(sk);
	xtcp_sndq_purge(sk);
	xtcp_port_connection_ended(sk);
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	inet_sk(sk)->inet_dport = 0;
	sk->sk_route_caps = 0;
	__sk_dst_reset(sk);
	xtcp_early_forget(sk);
	xtcp_stream_end(sk);
	xtcp_sock_reset_tcb(sk);
}

static void first_window(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 wnd;

	sock_owned_by_me(sk);
	xtcp_window_select(sk, __sk_dst_get(sk), xsk->agreed.advmss, xsk->agreed.wscale_ok, &wnd, &xsk->window_clamp,
			   &xsk->rcv_wscale);
	xtcp_rcv_offered(&xsk->rcv, wnd);
}

/* Decides whether our SYN requests ECN. */
static void offer_ecn(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	u8 mode = READ_ONCE(xtcp_net_of(sk)->sysctl.ecn);

	sock_owned_by_me(sk);
	xtcp_sk(sk)->ecn = 0;
	if (mode == XTCP_ECN_MODE_ACCURATE || READ_ONCE(xtcp_sk(sk)->algorithm)->scalable)
		xtcp_sk(sk)->ecn = XTCP_ECN_OK | XTCP_ECN_ACCURATE;
	else if (mode == XTCP_ECN_MODE_BOTH || mode == XTCP_ECN_MODE_ACCURATE_IN ||
		 (dst && dst_feature(dst, RTAX_FEATURE_ECN)) || READ_ONCE(xtcp_sk(sk)->algorithm)->needs_ecn)
		xtcp_sk(sk)->ecn = XTCP_ECN_OK;
}

/* Fill the TCB for the SYN: sequence numbers, our options, our window. */
static void fill_tcb(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xsk->conn);
	u16 mss_default = xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
	const bool sack = READ_ONCE(xn->sysctl.sack);
	u32 iss, ts_offset;

	xtcp_ended_forget(&xsk->ended);
	xtcp_policy_begin(sk);
	xtcp_algorithms_take_route(sk);
	/*
	 * if the connection replaces a TIME-WAIT record, the sock already has an ISS, which lies
	 * beyond the sequence numbers of the record
	 */
	if (!xsk->snd.iss) {
		xtcp_secret_active(xn, &tuple, &iss, &ts_offset);
		xtcp_snd_choose(&xsk->snd, iss, ts_offset);
	}
	xtcp_snd_begin(&xsk->snd);
	/*
	 * if a signature leaves too little space for timestamps and SACK, do without timestamps:
	 * SACK is more useful, since it finds losses
	 */
	xtcp_agreed_options(&xsk->agreed, READ_ONCE(xn->sysctl.window_scaling), 0,
			    READ_ONCE(xn->sysctl.timestamps) && xtcp_signer_leaves_room(xtcp_signer_room(sk), sack),
			    sack);
	xtcp_agreed_ack_rate(&xsk->agreed, READ_ONCE(xn->sysctl.ack_rate_request));
	offer_ecn(sk);

	/* assume the default for the peer's MSS until the peer's SYN comes (MUST-15) */
	xtcp_agreed_peer_mss(&xsk->agreed, xsk->user_mss ?: mss_default, 0);
	xtcp_agreed_our_mss(&xsk->agreed, xtcp_ip_advmss(sk), xsk->user_mss);
	xtcp_mss_sync(sk, 0);
	first_window(sk);
}

/*
 * Can the route depend on the ports? Routing rules, the hash for several paths, and IPsec policies may
 * read them. The kernel's count of rules that name ports leaves out rules for what this host sends.
 */
static bool ports_lead(const struct sock *sk)
{
	const struct net *net = sock_net(sk);
	bool lead = xtcp_ip_has_policies(net, sk);

#ifdef CONFIG_IP_MULTIPLE_TABLES
	lead |= READ_ONCE(net->ipv4.fib_has_custom_rules);
#endif
#ifdef CONFIG_IP_ROUTE_MULTIPATH
	lead |= READ_ONCE(net->ipv4.sysctl_fib_multipath_hash_policy);
#endif
	return lead;
}

/*
 * Finishes the route when the local port is known. Over IPv4, looks it up again if the first lookup
 * did not know the port and the route may depend on it.
 */
static int route_with_ports(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	sock_owned_by_me(sk);
	sk_set_txhash(sk);
	xtcp_compat_random_id(inet);
	if (!xtcp_sock_is_v4(sk) || inet->cork.fl.u.ip4.fl4_sport == inet->inet_sport)
		return 0;	/* Linux does not repeat the lookup over IPv6 either */
	inet->cork.fl.u.ip4.fl4_sport = inet->inet_sport;
	if (!ports_lead(sk))
		return 0;
	__sk_dst_reset(sk);
	return xtcp_ip_route(sk);
}

/*
 * Begin a Fast Open (RFC 7413). There are three cases:
 * - A write connects: send the SYN, with the data of the write or with a request for a cookie.
 * - connect() was called, and the SYN may have data, for example because a cookie is stored: send
 *   nothing now. The first write sends the SYN with its data.
 * - connect() was called, and the SYN must not have data: send a SYN that asks for a cookie.
 */
static noinline_for_stack int send_fast_syn(struct sock *sk)
{
	struct xtcp_fastsyn fast = { .cookie.len = -1 };
	int err;

	if (xtcp_sock_fastsyn(xtcp_sk(sk)))
		return xtcp_fastsyn_send(sk);
	if (xtcp_fastsyn_waits_for_text(sk)) {
		xtcp_compat_defer_connect(sk, true);
		return 0;
	}
	xtcp_sock_begin_fastsyn(xtcp_sk(sk), &fast);
	err = xtcp_fastsyn_send(sk);
	xtcp_sk(sk)->opens_fast = false;
	xtcp_sk(sk)->fastopen_asked = true;
	return err;
}

/**
 * xtcp_connect_deferred() - send the SYN that connect() has left to the first write
 * @sk: in SYN-SENT; nothing has been sent; xtcp_sock_fastsyn() is set
 *
 * RFC 7413 section 4.2.2.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0 or -ENOBUFS; after an error @sk is CLOSED.
 */
int xtcp_connect_deferred(struct sock *sk)
{
	int err = xtcp_fastsyn_send(sk);

	sock_owned_by_me(sk);
	if (err)
		undo(sk, true);
	else
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
	return err;
}

/**
 * xtcp_connect() - proto.connect: send a SYN
 * @sk: CLOSED
 * @uaddr: the foreign address: sockaddr_in, or sockaddr_in6 for an AF_INET6 sock; a v4-mapped
 *	address means IPv4
 * @addr_len: its length
 *
 * If bind() has not set the local address and port, this function chooses them. RFC 9293 section
 * 3.10.1, MUST-43 to MUST-46.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0 when the SYN was sent, when it could not be sent but a timer will try again, or when
 * the first write will send it (TCP_FASTOPEN_CONNECT); an error of xtcp_ip_connect(),
 * xtcp_port_connect() or route_with_ports(); -EKEYREJECTED when xtcp_aoconn_may_connect() is
 * false; -ENOBUFS. After an error the socket is as before, except that -ENOBUFS may leave it
 * without the TCP-AO keys for other peers.
 */
int xtcp_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	bool entered = false;
	int err;

	sock_owned_by_me(sk);
	/*
	 * lookups and listings that began earlier may still use the sock, if it was in the table.
	 * Wait for them before anything changes. Otherwise, a listing could show the tuple of one
	 * connection with the state of another
	 */
	xtcp_demux_wait_for_lookups(sk);
	/*
	 * while this thread had the lock, softirq may have put segments of the earlier connection
	 * on the backlog. Process them now, in CLOSED: in SYN-SENT, xtcp would take an old SYN for
	 * a SYN of the new peer. Softirq may also have deferred a lower MTU of the old path: ignore
	 * this MTU
	 */
	sk_flush_backlog(sk);
	clear_bit(XTCP_DEFERRED_MTU, &sk->sk_tsq_flags);
	/*
	 * softirq counted the deferred segments when they came, perhaps after disconnect() had
	 * reset the counts. The new connection begins with counts of 0: reset them again
	 */
	xtcp_sock_count_none(xtcp_sk(sk));
	err = xtcp_ip_connect(sk, uaddr, addr_len);
	if (err)
		return err;
	/* check the keys before xtcp_port_connect(), which may end a TIME-WAIT record for good */
	if (!xtcp_aoconn_may_connect(sk)) {
		err = -EKEYREJECTED;
		goto err_undo;
	}

	xtcp_early_start(xtcp_net_of(sk));
	/*
	 * once the tuple is in the table, a segment may find the sock; such a segment waits on the
	 * backlog until this function is done
	 */
	xtcp_state_set(sk, TCP_SYN_SENT);
	/* SOCK_DONE and sk_err may be left over from an earlier connection */
	sock_reset_flag(sk, SOCK_DONE);
	WRITE_ONCE(sk->sk_err, 0);
	xtcp_aoconn_begin(sk);
	err = xtcp_port_connect(sk);
	if (err)
		goto err_undo;
	entered = true;
	err = route_with_ports(sk);
	if (err)
		goto err_undo;
	err = xtcp_aoconn_connect(sk);
	if (err)
		goto err_undo;
	fill_tcb(sk);
	xtcp_blackbox_connect(sk);
	if (unlikely(xtcp_sk(sk)->opens_fast || xtcp_sk(sk)->fastopen_connect))
		err = send_fast_syn(sk);
	else
		err = xtcp_output_syn(sk);
	if (err)
		goto err_undo;
	if (likely(!xtcp_compat_defers_connect(sk)))
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
	return 0;

err_undo:
	undo(sk, entered);
	return err;
}

/**
 * xtcp_connect_stream() - proto_ops.connect: connect, and wait for the connection if allowed
 * @sock: the socket
 * @uaddr: the foreign address
 * @addr_len: its length
 * @flags: O_NONBLOCK: do not wait for the connection
 *
 * A blocking connect() returns when the SYN-ACK arrives. Most programs then send a request, so the
 * third ACK waits a moment for the request. But while the thread connects another socket, it cannot
 * send that request. So this function first sends all third ACKs that wait for this thread.
 *
 * Context: process, may sleep. The caller holds no lock.
 *
 * Return: the same as inet_stream_connect().
 */
int xtcp_connect_stream(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags)
{
	struct sock *sk = sock->sk;
	int err;

	xtcp_thirdack_go();
	if (READ_ONCE(sk->sk_state) == TCP_CLOSE)
		xtcp_acking_expect_reply(&xtcp_sk(sk)->acking, !(flags & O_NONBLOCK));
	err = inet_stream_connect(sock, uaddr, addr_len, flags);
	if (!err)
		xtcp_thirdack_waits(sk);
	return err;
}

/**
 * xtcp_connect_pre() - proto.pre_connect: run the BPF programs of the cgroup
 * @sk: CLOSED
 * @uaddr: the address of the peer; the programs may change it
 * @addr_len: its length
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0; -EINVAL when the address is too short; or the error of a BPF program, usually -EPERM.
 */
int xtcp_connect_pre(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	sock_owned_by_me(sk);
	if (sk->sk_family == AF_INET6) {
		if (addr_len < SIN6_LEN_RFC2133)
			return -EINVAL;
		return xtcp_compat_bpf_inet6_connect(sk, uaddr, &addr_len);
	}
	if (addr_len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	return xtcp_compat_bpf_inet4_connect(sk, uaddr, &addr_len);
}
