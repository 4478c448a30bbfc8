// SPDX-License-Identifier: GPL-2.0
/*
 * The send buffer: how much a program may write ahead of the peer's ACKs, and when a waiting writer
 * is woken.
 */
#include "send/sndbuf.h"

#include <net/tcp.h>

#include "base/net.h"
#include "base/sender.h"
#include "out/held.h"
#include "time/time.h"

/**
 * xtcp_sndbuf_memory_free() - proto.stream_memory_free: does TCP_NOTSENT_LOWAT allow more data?
 * @sk: the sock
 * @wake: 1: the caller wants to wake a writer, so half of the limit must be free; otherwise 0
 *
 * Context: any; racy without the socket lock.
 *
 * Return: true when TCP_NOTSENT_LOWAT allows more data.
 */
bool xtcp_sndbuf_memory_free(const struct sock *sk, int wake)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u32 unsent = READ_ONCE(tx->snd.write_seq) - READ_ONCE(tx->snd.nxt);
	u32 mark = READ_ONCE(tx->notsent_lowat) ?: READ_ONCE(tx->xn->sysctl.notsent_lowat);

	return unsent << wake < mark;
}

static void wake_writers(struct sock *sk, struct socket *sock)
{
	struct socket_wq *wq = rcu_dereference(sk->sk_wq);

	clear_bit(SOCK_NOSPACE, &sock->flags);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && READ_ONCE(wq->fasync_list) && !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
}

/**
 * xtcp_sndbuf_write_space() - sk_write_space: the send queue has shrunk, or IP or a device has
 *	freed a segment
 * @sk: the sock
 *
 * As with every stream socket of the kernel, writers are woken when a third of the buffer is free.
 * If SOCK_USE_WRITE_QUEUE is clear, the caller may be sock_wfree(), which calls this function for
 * each freed segment. In this case, to save work, writers are woken only if one of them waits for
 * free space (SOCK_NOSPACE).
 *
 * Context: any, see xtcp_pace_room(). Lock: socket, held, unless sock_wfree() is the caller.
 */
void xtcp_sndbuf_write_space(struct sock *sk)
{
	bool may_be_wfree = unlikely(!sock_flag(sk, SOCK_USE_WRITE_QUEUE));
	struct socket *sock;

	if (may_be_wfree) {
		xtcp_pace_room(sk);
		if (READ_ONCE(xtcp_sender(sk)->held_at))
			xtcp_held_segment_freed(sk);
	}
	rcu_read_lock();
	/* RCU keeps the memory of sk_socket from being freed */
	sock = READ_ONCE(sk->sk_socket);
	if (sock && (!may_be_wfree || test_bit(SOCK_NOSPACE, &sock->flags)) && __sk_stream_is_writeable(sk, 1))
		wake_writers(sk, sock);
	rcu_read_unlock();
}

/**
 * xtcp_sndbuf_expand() - let the send buffer follow the congestion window
 * @sk: the sock
 *
 * As in Linux's tcp_sndbuf_expand(), the buffer has room for two windows: one is in flight, and
 * its ACKs let us send the other. The buffer grows to wmem[2] of the namespace at most. It does not
 * grow if SO_SNDBUF has set its size, or while memory is short.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndbuf_expand(struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	int most = READ_ONCE(xtcp_net_of(sk)->sysctl.wmem[2]);
	u32 segments, per_segment;
	u64 want;

	sock_owned_by_me(sk);
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK || sk_under_memory_pressure(sk))
		return;
	segments = max_t(u32, tx->cong.cwnd / max_t(u32, tx->mss, 1), XTCP_INIT_CWND);
	per_segment = roundup_pow_of_two(tx->mss + MAX_TCP_HEADER + SKB_DATA_ALIGN(sizeof(struct skb_shared_info))) +
		      SKB_DATA_ALIGN(sizeof(struct sk_buff));
	want = 2ULL * segments * per_segment;
	if (sk->sk_sndbuf < want)
		WRITE_ONCE(sk->sk_sndbuf, max_t(int, sk->sk_sndbuf, min_t(u64, want, most)));
}

/**
 * xtcp_sndbuf_wake() - wake a writer after octets were acknowledged or sent
 * @sk: the sock
 *
 * The caller first sends all that it may send, because TCP_NOTSENT_LOWAT counts only unsent data.
 *
 * Context: softirq or process. Lock: socket, held.
 */
__always_inline void xtcp_sndbuf_wake(struct sock *sk)
{
	sock_owned_by_me(sk);
	/*
	 * smp_mb() pairs with the barrier of a writer, which sets SOCK_NOSPACE before its last look
	 * at the queue
	 */
	smp_mb();
	if (!sk->sk_socket || !test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		return;
	xtcp_sndbuf_expand(sk);
	sk->sk_write_space(sk);
}

/**
 * xtcp_sndbuf_waits_for_room() - let a timer send the waiting text when there is room below TCP
 * @sk: the sock; something is in flight
 * @most: there is room when sk_wmem_alloc, the memory of the segments below TCP, is at most this
 *	number of octets
 *
 * Our sk_write_space reports room below TCP (xtcp_pace_room()). If BPF has replaced it, the report
 * may not come. In that case, the caller must not wait: the text could stay until the next ACK
 * comes, or until AGAIN_NS has passed (pace.c).
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when a timer will send; false when the caller must not wait, or when there is room
 * already.
 */
bool xtcp_sndbuf_waits_for_room(struct sock *sk, unsigned long most)
{
	return sk->sk_write_space == xtcp_sndbuf_write_space && xtcp_pace_waits_for_room(sk, most);
}
