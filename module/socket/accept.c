// SPDX-License-Identifier: GPL-2.0
/*
 * listen() and accept(); and how another build of this module takes over a listening socket.
 *
 * Two builds can be loaded at once (in/interpose.c). XTCP_TAKE_OVER exchanges the sockets of a listener
 * of one build and a sock of the other one, bound to the same place. Afterwards the program's descriptor
 * leads to the sock of the new build, which listens, and the descriptor that made the call leads to the old
 * listener. The new build was loaded later, so all SYNs reach its listener. So that has the keys and the
 * filter of the old one before it begins to listen.
 *
 * The old listener drains: third ACKs of its half-open entries still make children of the old build,
 * until its descriptor is closed. The program accepts them through the new listener, before the new
 * listener's own. Each of the two refers to the other by a relay (listen/handover.c), and both wake the
 * program. A listener has one relay at most.
 *
 * A call of the program may have read the old sock from the socket before the exchange. The kernel
 * repeats such an accept() or listen(). Others act on the old sock, perhaps after a sleep in a page
 * fault. So the new listener refers to the old sock until it ends itself, or until an administrator
 * who has seen that there is no such call says so (XTCP_TAKE_OVER with -1).
 *
 * A connection could be exchanged the same way, in a process that is stopped (SIGSTOP): it was tried,
 * with TCP_REPAIR and a rule that drops what arrives meanwhile, and took 2 ms. It is not built, since
 * TCP_REPAIR knows few options of a socket, and neither its filter nor cwnd.
 */
#include "socket/socket.h"

#include <linux/cgroup.h>
#include <linux/file.h>
#include <linux/filter.h>
#include <linux/sched/signal.h>
#include <linux/security.h>

#include "base/sock.h"
#include "expiry/expiry.h"
#include "fastopen/fastopen.h"
#include "in/in.h"
#include "listen/listen.h"
#include "out/out.h"
#include "ports/ports.h"
#include "sock/create.h"

static struct xtcp_group *group_new(void)
{
	struct xtcp_group *group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);

	if (group) {
		refcount_set(&group->members, 1);
		atomic_set(&group->open, 1);
	}
	return group;
}

static struct xtcp_listener *listener_new(struct sock *sk)
{
	struct xtcp_listener *listener = kzalloc(sizeof(*listener), GFP_KERNEL_ACCOUNT);
	u32 wnd, clamp;

	if (!listener)
		return NULL;
	listener->stats = alloc_percpu_gfp(*listener->stats, GFP_KERNEL_ACCOUNT);
	listener->group = listener->stats ? group_new() : NULL;
	if (!listener->group) {
		xtcp_listen_free(listener);
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

/* Without a port it gets any free one. Return: 0, -EADDRINUSE, -ENOMEM or -ENOBUFS. */
static int listen_on_port(struct sock *sk)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);
	int err;

	sock_owned_by_me(sk);
	if (!ep->lease) {
		err = xtcp_port_bind(sk, 0);
		if (err)
			return err;
		/* set even if listen() fails: the sock stays bound */
		inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	}
	return xtcp_lease_listen(ep->lease, sk);
}

/* @old: the listener of another build whose socket @sk is about to take over, or NULL; @calls: of that build. */
static int start(struct sock *sk, int backlog, struct sock *old, const struct xtcp_build_calls *calls)
{
	struct xtcp_listener *listener;
	int err = listen_fast(sk, backlog);

	if (err)
		return err;
	listener = listener_new(sk);
	if (!listener)
		return -ENOMEM;
	/* a lookup of an earlier connection must not take the sock for a listener */
	xtcp_demux_wait_for_lookups(sk);
	xtcp_aoconn_begin(sk);
	err = listen_on_port(sk);
	if (err) {
		xtcp_group_put(listener->group);
		xtcp_listen_free(listener);
		return err;
	}
	xtcp_early_start(xtcp_net_of(sk));
	sk_dst_reset(sk);
	WRITE_ONCE(sk->sk_ack_backlog, 0);
	/* a lookup that sees this pointer also sees the queues that were set up before */
	smp_store_release(&xtcp_endpoint(sk)->listener, listener);
	set_limit(sk, backlog);
	/* forget why the last connection has ended. As in Linux, TCP_QUICKACK 0 was for that connection */
	xtcp_ended_forget(&xtcp_sk(sk)->ended);
	xtcp_acking_interactive(&xtcp_sk(sk)->acking, false);
	xtcp_repair_leave(sk);
	xtcp_state_set(sk, TCP_LISTEN);
	/* segments that find it in the table leave ACKs of the other one's cookies to that */
	err = old ? xtcp_relay_follow(sk, old, calls) : 0;
	err = err ?: xtcp_listeners_add(sk);
	if (err) {
		if (old)
			xtcp_relay_follow(sk, NULL, NULL);
		xtcp_listen_stop(sk);
		xtcp_state_set(sk, TCP_CLOSE);
	} else {
		xtcp_handover_end(xtcp_net_of(sk), NULL, listener->group);
	}
	return err;
}

/* Meanwhile the socket has got another sock: the kernel repeats the call; in io_uring it returns EINTR. */
static int repeat_call(void)
{
	if (current->flags & (PF_KTHREAD | PF_IO_WORKER))
		return -ERESTARTSYS;
	set_thread_flag(TIF_SIGPENDING);
	return -ERESTARTNOINTR;
}

/*
 * proto_ops.listen: passive OPEN. Without bind() the sock gets a port now. The smaller of @backlog
 * and net.core.somaxconn limits both queues; a second call changes the limit. Return: 0, -EINVAL,
 * -ENOMEM, or what listen_on_port() returns.
 */
int xtcp_listen(struct socket *sock, int backlog)
{
	struct sock *sk = READ_ONCE(sock->sk);
	int err = -EINVAL;

	if (!xtcp_listen_is_ours(sk))
		return repeat_call();
	lock_sock(sk);
	if (sk != READ_ONCE(sock->sk)) {
		release_sock(sk);
		return repeat_call();
	}
	if (sock->state != SS_UNCONNECTED || sock->type != SOCK_STREAM)
		goto out;
	switch (sk->sk_state) {
	case TCP_CLOSE:
		err = start(sk, backlog, NULL, NULL);
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

/* Has another build taken over the socket of a listener, which had @socket when the call began? */
static bool is_taken_over(const struct sock *sk, const struct socket *socket)
{
	return unlikely(xtcp_relay_drains(sk) || !socket || sk->sk_socket != socket);
}

/*
 * Sleeps, without the socket lock, until there is a child to accept, or another build has taken over
 * the socket; of several processes, one is woken. Return: 0, or an error of xtcp_listen_accept().
 */
static int unlocked_wait(struct sock *sk, const struct socket *socket, long timeout)
{
	wait_queue_head_t *wq = sk_sleep(sk);	/* of the program's socket, which outlives the call */
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait_exclusive(wq, &wait, TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (!xtcp_acceptq_has_child(sk))
			timeout = schedule_timeout(timeout);
		sched_annotate_sleep();
		lock_sock(sk);
		err = 0;
		if (xtcp_acceptq_has_child(sk) || is_taken_over(sk, socket))
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
	finish_wait(wq, &wait);
	return err;
}

/*
 * proto.accept: takes the oldest child, with the queue's reference. Sleeps at most for SO_RCVTIMEO.
 * @kern is not used: each child is a kernel socket if its listener is one. NULL: *@err is -EINVAL,
 * -EAGAIN, -EINTR, -ERESTARTSYS, or what repeat_call() returns.
 */
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err, bool kern)
{
	struct sock *child = NULL, *own = NULL;
	const struct socket *socket;
	bool slept = false;
	long timeout;
	int error;

	/* this thread may be the client, too, whose third ACK waits for its write and makes the child: send it now */
	if (!xtcp_acceptq_has_child(sk))
		xtcp_handshake_ack_go();
	lock_sock(sk);
	socket = sk->sk_socket;
	timeout = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	for (;;) {
		if (is_taken_over(sk, socket)) {
			/* who does not wait asks again when poll() says so */
			error = timeout ? repeat_call() : -EAGAIN;
			break;
		}
		error = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		error = 0;
		child = xtcp_relay_take(sk);
		if (child)
			break;
		own = xtcp_acceptq_take(xtcp_endpoint(sk)->listener);
		child = own;
		if (child)
			break;
		error = -EAGAIN;
		if (!timeout)
			break;
		if (!slept)
			sock_hold(sk);	/* a sleeper does not hold the socket of @sk if that changes */
		slept = true;
		error = unlocked_wait(sk, socket, timeout);
		if (error)
			break;
	}
	release_sock(sk);
	if (slept)
		sock_put(sk);
	if (own)
		xtcp_memory_accepted(own);
	if (!child)
		*err = error;
	return child;
}

/* struct xtcp_build_calls */
struct sock *xtcp_accept_take(struct sock *sk)
{
	struct xtcp_listener *listener;
	struct sock *child = NULL;

	rcu_read_lock();
	listener = xtcp_listen_queues(sk);
	if (listener)
		child = xtcp_acceptq_take(listener);
	rcu_read_unlock();
	if (child)
		xtcp_memory_accepted(child);
	return child;
}

/* Can @sk listen where @old does? Both have a socket. */
static bool have_one_place(const struct sock *sk, const struct sock *old)
{
	return sk->sk_state == TCP_CLOSE && old->sk_state == TCP_LISTEN && sk->sk_socket && old->sk_socket &&
	       sk->sk_socket->state == SS_UNCONNECTED && sk->sk_socket->type == SOCK_STREAM && inet_sk(sk)->inet_num &&
	       net_eq(sock_net(sk), sock_net(old)) && inet_sk(sk)->inet_num == inet_sk(old)->inet_num &&
	       xtcp_group_same_place(sk, old);
}

/* What a filter keeps out of @old must not get in here. @sk may have it from a call that failed. */
static void share_filter(struct sock *sk, const struct sock *old)
{
	struct sk_filter *filter = rcu_dereference_protected(old->sk_filter, lockdep_sock_is_held(old));

	if (!filter || rcu_access_pointer(sk->sk_filter))
		return;
	refcount_inc(&filter->refcnt);
	atomic_add(bpf_prog_size(filter->prog->len), &sk->sk_omem_alloc);
	rcu_assign_pointer(sk->sk_filter, filter);
}

/* @socket is that of @sk from now on. What belongs to the socket's owner follows from its inode. */
static void give_socket(struct sock *sk, struct socket *socket)
{
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, socket);
	sk->sk_uid = SOCK_INODE(socket)->i_uid;
	write_unlock_bh(&sk->sk_callback_lock);
	WRITE_ONCE(socket->sk, sk);
}

/* @sk gets the cgroup and the security label of @old, by which segments and new children are judged. */
static void share_owner(struct sock *sk, struct sock *old)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *before = sock_cgroup_ptr(&sk->sk_cgrp_data), *cgroup = sock_cgroup_ptr(&old->sk_cgrp_data);

	cgroup_get(cgroup);
	cgroup_bpf_get(cgroup);
	sk->sk_cgrp_data = old->sk_cgrp_data;
	cgroup_bpf_put(before);
	cgroup_put(before);
#endif
	security_sk_clone(old, sk);
}

/* And what others know the listener by. Children of @old still wake the program, so @old keeps the wait queue. */
static void exchange_sockets(struct sock *old, struct sock *new)
{
	struct socket *program = old->sk_socket, *ours = new->sk_socket;
	const u64 cookie = atomic64_read(&old->sk_cookie);

	sock_owned_by_me(old);
	sock_owned_by_me(new);
	give_socket(old, ours);
	give_socket(new, program);
	rcu_assign_pointer(new->sk_wq, &program->wq);
	swap(program->ops, ours->ops);	/* and the references to their modules */
	if (sock_flag(old, SOCK_FASYNC))
		sock_set_flag(new, SOCK_FASYNC);
	atomic64_set(&old->sk_cookie, atomic64_read(&new->sk_cookie));
	atomic64_set(&new->sk_cookie, cookie);
}

/*
 * Both are locked. @sk listens only when it has what keeps segments out of @old. Return: 0; -EINVAL; -EOPNOTSUPP,
 * nobody can copy an IPsec policy of @old; or an error of struct xtcp_build_calls.drain or start().
 */
static int take_over(struct sock *sk, struct sock *old, const struct xtcp_build_calls *calls)
{
	int err;

	if (!have_one_place(sk, old))
		return -EINVAL;
	if (xtcp_ip_sock_has_policies(old))
		return -EOPNOTSUPP;
	err = calls->drain(old, sk, xtcp_instances_own());
	if (err)
		return err;
	share_filter(sk, old);
	share_owner(sk, old);
	err = start(sk, READ_ONCE(old->sk_max_ack_backlog), old, calls);
	if (err) {
		calls->drain(old, NULL, NULL);
		return err;
	}
	exchange_sockets(old, sk);
	sk->sk_reuse = old->sk_reuse;
	xtcp_lease_set_reuse(xtcp_endpoint(sk)->lease, sk->sk_reuse);
	return 0;
}

/*
 * XTCP_TAKE_OVER: @sk, which is bound, begins to listen, and its socket gets the sock of @fd, a listener
 * of another build at the same place; -1: forgets the one that it has taken over. Return: 0; -EPERM
 * for who is no administrator of the machine; -EBADF, -ENOTSOCK; -EAGAIN when a program has the
 * lock of one of the socks, perhaps for ever; or an error of take_over() or xtcp_relay_release().
 */
int xtcp_accept_take_over(struct sock *sk, int fd)
{
	const struct xtcp_build_calls *calls;
	struct socket *theirs;
	struct sock *old;
	int err;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (fd == -1) {
		if (!xtcp_own_now(sk))
			return -EAGAIN;
		err = sk->sk_state == TCP_LISTEN ? xtcp_relay_release(sk) : -EINVAL;
		release_sock(sk);
		return err;
	}
	theirs = sockfd_lookup(fd, &err);
	if (!theirs)
		return err;
	old = READ_ONCE(theirs->sk);
	calls = old ? xtcp_instances_hold(0, old->sk_prot, NULL) : NULL;
	if (!calls) {
		sockfd_put(theirs);
		return -EINVAL;
	}
	xtcp_instances_lock(calls);
	err = -EBUSY;
	if (theirs->sk == old) {
		sock_hold(sk);	/* the program may close it at once */
		err = -EAGAIN;
		if (xtcp_own_now(sk)) {
			if (xtcp_own_now(old)) {
				err = take_over(sk, old, calls);
				release_sock(old);
			}
			release_sock(sk);
		}
		sock_put(sk);
	}
	xtcp_instances_unlock(calls);
	module_put(calls->owner);
	/* all sleepers, so that none waits for the old sock any more */
	if (!err)
		wake_up_interruptible_all(&theirs->wq.wait);
	sockfd_put(theirs);
	return err;
}
