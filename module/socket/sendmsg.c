// SPDX-License-Identifier: GPL-2.0
/*
 * SEND (RFC 9293 section 3.10.2): octets of the program go to the send queue, output.c sends what it may.
 *
 * A call that has to wait for room pushes first what it has, whatever Nagle or MSG_MORE say: else it would wait for
 * itself.
 */
#include "socket/sendmsg.h"

#include <net/tcp.h>

#include "base/netns.h"
#include "base/sock.h"
#include "compat.h"
#include "send/output.h"
#include "send/sndq.h"

#define SKBS_BETWEEN_BACKLOGS	16	/* as many are filled before the segments that came meanwhile are looked at */

/**
 * xtcp_sendmsg_memory_free() - proto.stream_memory_free: may more be written, as far as TCP_NOTSENT_LOWAT goes?
 * @sk: the sock
 * @wake: asked by whoever may wake a writer, who then gets a full half of the mark
 *
 * Context: any; racy without the socket lock.
 *
 * Return: true when it may.
 */
bool xtcp_sendmsg_memory_free(const struct sock *sk, int wake)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 unsent = READ_ONCE(xsk->write_seq) - READ_ONCE(xsk->snd_nxt);
	u32 mark = READ_ONCE(xsk->notsent_lowat);

	return !mark || unsent << wake < mark;
}

/**
 * xtcp_sendmsg_write_space() - sk_write_space: the send queue has shrunk
 * @sk: the sock
 *
 * Wakes writers once a third of the buffer is free, as for every stream socket of the kernel.
 *
 * Context: softirq or process.
 */
void xtcp_sendmsg_write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	if (!sock || !__sk_stream_is_writeable(sk, 1))
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

/**
 * xtcp_sendmsg_expand_buffer() - let the send buffer follow the congestion window
 * @sk: the sock
 *
 * Two windows: one in flight, one to be sent when its ACKs come. Not when SO_SNDBUF was set, and up to the namespace's
 * wmem[2]. As Linux's tcp_sndbuf_expand().
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sendmsg_expand_buffer(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	int most = READ_ONCE(xtcp_net_of(sk)->sysctl.wmem[2]);
	u32 segments, per_segment;
	u64 want;

	sock_owned_by_me(sk);
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK || sk_under_memory_pressure(sk))
		return;
	segments = max_t(u32, xsk->cong.cwnd / max_t(u32, xsk->mss, 1), XTCP_INIT_CWND);
	per_segment = roundup_pow_of_two(xsk->mss + MAX_TCP_HEADER + SKB_DATA_ALIGN(sizeof(struct skb_shared_info))) +
		      SKB_DATA_ALIGN(sizeof(struct sk_buff));
	want = 2ULL * segments * per_segment;
	if (sk->sk_sndbuf < want)
		WRITE_ONCE(sk->sk_sndbuf, max_t(int, sk->sk_sndbuf, min_t(u64, want, most)));
}

/**
 * xtcp_sendmsg_wake() - octets were acknowledged or sent: is there a writer that can go on?
 * @sk: the sock
 *
 * Called after what may be sent was sent: TCP_NOTSENT_LOWAT counts what is left.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sendmsg_wake(struct sock *sk)
{
	sock_owned_by_me(sk);
	/* SOCK_NOSPACE is set before the writer looks at the queue a last time: pairs with its barrier */
	smp_mb();
	if (!sk->sk_socket || !test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		return;
	xtcp_sendmsg_expand_buffer(sk);
	sk->sk_write_space(sk);
}

static int wait_for_room(struct sock *sk, int copied, long *timeo)
{
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (copied)
		xtcp_output_push_nagle(sk, TCP_NAGLE_PUSH);
	return sk_stream_wait_memory(sk, timeo);
}

/* The skb that takes the next octets; a new one when the last is full, was sent or @full says it has no place left. */
static struct sk_buff *tail_with_room(struct sock *sk, bool full)
{
	struct sk_buff *skb = xtcp_sndq_open_tail(sk);

	if (skb && !full && skb->len < xtcp_output_size_goal(sk))
		return skb;
	if (!sk_stream_memory_free(sk))
		return NULL;
	skb = xtcp_sndq_alloc(sk, sk->sk_allocation, xtcp_sndq_is_empty(sk));
	if (skb)
		xtcp_sndq_append(sk, skb);
	return skb;
}

/*
 * Copies until all is queued, an error comes, or room is not to be had in time. *copied is what was queued. -EPIPE and
 * the sock's own error come first, as a program expects that writes on after a RST.
 */
static int queue_all(struct sock *sk, struct msghdr *msg, long *timeo, int *copied)
{
	unsigned int filled = 0;
	bool full = false;
	int err, n;

	while (msg_data_left(msg)) {
		u32 goal = xtcp_output_size_goal(sk);
		struct sk_buff *skb;

		if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
			return -EPIPE;
		skb = tail_with_room(sk, full);
		full = false;
		n = -ENOBUFS;
		if (skb)
			n = xtcp_sndq_copy(sk, skb, &msg->msg_iter, min_t(size_t, goal - skb->len, msg_data_left(msg)));
		if (n == -ENOSPC) {
			full = true;
			continue;
		}
		if (n == -ENOBUFS) {
			bool full_buffer = !sk_stream_memory_free(sk);

			xtcp_sndq_drop_empty_tail(sk);
			xtcp_sendmsg_expand_buffer(sk);
			if (full_buffer && sk_stream_memory_free(sk))
				continue;
			err = wait_for_room(sk, *copied, timeo);
			if (err)
				return err;
			continue;
		}
		if (n < 0) {
			xtcp_sndq_drop_empty_tail(sk);
			return n;
		}
		*copied += n;
		if (skb->len < goal || !msg_data_left(msg))
			continue;
		xtcp_output_push_nagle(sk, TCP_NAGLE_CORK);
		if (++filled % SKBS_BETWEEN_BACKLOGS == 0)
			sk_flush_backlog(sk);
	}
	return 0;
}

static int send_locked(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int flags = msg->msg_flags;
	struct sockcm_cookie sockc;
	int copied = 0, err;
	long timeo;

	err = -EOPNOTSUPP;
	if (flags & (MSG_OOB | MSG_FASTOPEN))
		goto error;
	timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))) {
		err = sk_stream_wait_connect(sk, &timeo);
		if (err)
			goto error;
	}
	sockcm_init(&sockc, sk);
	if (msg->msg_controllen && sock_cmsg_send(sk, msg, &sockc)) {
		err = -EINVAL;
		goto error;
	}
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	err = -EPIPE;
	if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
		goto error;

	xtcp_sendmsg_expand_buffer(sk);
	err = queue_all(sk, msg, &timeo, &copied);
	if (copied) {
		/* what could not be queued will not follow: no reason to wait for it */
		bool more = flags & MSG_MORE && !err;

		xtcp_output_push_nagle(sk, more ? TCP_NAGLE_CORK : xsk->nonagle);
		return copied;
	}
	if (!err)
		return 0;
error:
	err = sk_stream_error(sk, flags, err);
	/* whoever waits for an edge of EPOLLOUT must see one when there is room again */
	if (err == -EAGAIN && xtcp_sndq_is_empty(sk))
		sk->sk_write_space(sk);
	return err;
}

/**
 * xtcp_sendmsg() - proto.sendmsg: SEND
 * @sk: the sock
 * @msg: octets, flags (MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL), control messages of SOL_SOCKET
 * @size: octets
 *
 * Waits for the connection and for room, unless MSG_DONTWAIT. RFC 9293 section 3.10.2, MUST-60.
 *
 * Context: process. Takes the socket lock; may sleep.
 *
 * Return: octets queued; -EPIPE (with SIGPIPE), the sock's error, -EAGAIN, -EINTR or -ERESTARTSYS, -EFAULT, -EINVAL for
 * a bad control message, -EOPNOTSUPP for MSG_OOB and MSG_FASTOPEN.
 */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	int ret;

	lock_sock(sk);
	ret = send_locked(sk, msg, size);
	release_sock(sk);
	return ret;
}
