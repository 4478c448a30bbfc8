// SPDX-License-Identifier: GPL-2.0
/*
 * RECEIVE (RFC 9293 section 3.10.3).
 *
 * text.c puts octets in order on sk_receive_queue. copied_seq is the next octet to hand out. A FIN
 * is no octet and is in no skb: fin_received says that nothing follows the end of the queue.
 */
#include "socket/recvmsg.h"

#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <net/busy_poll.h>
#include <net/inet_common.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include <uapi/linux/tcp.h>

#include "arrive/acks.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/sock.h"
#include "compat.h"
#include "recv/rcvq.h"
#include "recv/text.h"
#include "recv/urgent.h"
#include "send/output.h"
#include "sight/blackbox.h"
#include "socket/coalesce.h"
#include "window/space.h"

/**
 * xtcp_recvmsg_inq() - how much there is to read
 * @sk: not a listener
 *
 * Context: any; racy without the socket lock.
 *
 * Return: octets that RECEIVE could hand out now. They end before the urgent octet, unless
 * SO_OOBINLINE is set.
 */
int xtcp_recvmsg_inq(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (sk->sk_state == TCP_SYN_SENT)
		return 0;
	if (unlikely(READ_ONCE(xsk->urgent.data)) && !sock_flag(sk, SOCK_URGINLINE)) {
		u32 to_mark = READ_ONCE(xsk->urgent.seq) - READ_ONCE(xsk->rcv.copied_seq);

		if (to_mark < READ_ONCE(xsk->rcv.nxt) - READ_ONCE(xsk->rcv.copied_seq))
			return to_mark;
	}
	return READ_ONCE(xsk->rcv.nxt) - READ_ONCE(xsk->rcv.copied_seq) - READ_ONCE(xsk->fin_received);
}

/* For TCP_INQ: after the FIN, the end of the stream counts as 1 octet to read. */
static int inq_hint(const struct sock *sk)
{
	return xtcp_recvmsg_inq(sk) ?: sock_flag(sk, SOCK_DONE);
}

/* Does the program want the arrival time of the last octets (SO_TIMESTAMP, SO_TIMESTAMPING)? */
static bool wants_stamp(const struct sock *sk)
{
	return sock_flag(sk, SOCK_RCVTSTAMP) || READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_RX_SOFTWARE;
}

/*
 * As skb_copy_datagram_msg(), but with two calls less when the octets are in the linear part, as in
 * most small segments. Returns 0 or -EFAULT.
 */
static int copy_out(const struct sk_buff *skb, u32 offset, struct msghdr *msg, u32 len)
{
	size_t copied;

	if (offset + len > skb_headlen(skb))
		return skb_copy_datagram_msg(skb, offset, msg, len);
	copied = copy_to_iter(skb->data + offset, len, &msg->msg_iter);
	if (likely(copied == len))
		return 0;
	iov_iter_revert(&msg->msg_iter, copied);
	return -EFAULT;
}

/* The state of one call of RECEIVE. */
struct reading {
	u32 *seq;			/* the next octet: copied_seq or the peek cursor */
	u32 passed;			/* urgent octets that were skipped */
	/* skb of the last octet, with a reference, if the program wants its time */
	struct sk_buff *stamped;
};

/*
 * Is the reader at the urgent mark? RECEIVE returns what it has before it passes the mark (RFC 9293
 * section 3.8.5).
 */
static inline bool at_mark(const struct xtcp_sock *xsk, u32 seq)
{
	return unlikely(xsk->urgent.data) && xsk->urgent.seq == seq;
}

/*
 * Cuts a read of @rest octets from @offset on at the urgent mark, or skips the urgent octet at its
 * start, unless SO_OOBINLINE is set. Returns how many octets are left.
 */
static noinline u32 respect_mark(const struct sock *sk, struct reading *r, u32 *offset, u32 rest)
{
	u32 before = xtcp_sk(sk)->urgent.seq - *r->seq;

	if (before >= rest)
		return rest;
	if (before)
		return before;
	if (sock_flag(sk, SOCK_URGINLINE))
		return rest;
	WRITE_ONCE(*r->seq, *r->seq + 1);
	r->passed++;
	++*offset;
	return rest - 1;
}

/* The reader has passed the urgent octet: forgets it. */
static void forget_mark(struct xtcp_sock *xsk)
{
	if (xtcp_seq_gt(xsk->rcv.copied_seq, xsk->urgent.seq))
		xtcp_urgent_passed(&xsk->urgent);
}

/* Hands out what is there, up to the mark. Returns octets, or -EFAULT if none could be copied. */
static int hand_out(struct sock *sk, struct msghdr *msg, size_t len, int flags, struct reading *r)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb, *next;
	int copied = 0;

	skb_queue_walk_safe(&sk->sk_receive_queue, skb, next) {
		u32 offset = *r->seq - xtcp_seg(skb)->seq;
		u32 rest, used;

		/* peeked at before */
		if (offset >= skb->len)
			continue;
		if (copied && at_mark(xsk, *r->seq))
			break;
		rest = skb->len - offset;
		if (unlikely(xsk->urgent.data) && len)
			rest = respect_mark(sk, r, &offset, rest);
		used = min_t(size_t, rest, len);
		if (used && !(flags & MSG_TRUNC) && copy_out(skb, offset, msg, used))
			return copied ?: -EFAULT;
		WRITE_ONCE(*r->seq, *r->seq + used);
		copied += used;
		len -= used;
		if (flags & MSG_PEEK)
			sk_peek_offset_fwd(sk, used);
		else
			sk_peek_offset_bwd(sk, used);
		if (unlikely(xsk->urgent.data))
			forget_mark(xsk);
		if (wants_stamp(sk)) {
			consume_skb(r->stamped);
			r->stamped = skb_get(skb);
		}
		if (!(flags & MSG_PEEK)) {
			xtcp_space_adjust(sk);
			if (offset + used == skb->len)
				xtcp_rcvq_eaten(sk, skb);
		}
		if (!len)
			break;
	}
	return copied;
}

/*
 * There is nothing more to hand out. Returns true when RECEIVE ends. *@err is then the result of a
 * call that has read nothing: 0 at the end of the stream, which comes before an error (MUST-12:
 * close is distinct from abort), or an error, which is reported once.
 */
static bool must_end(struct sock *sk, bool copied, long timeo, int *err)
{
	*err = 0;
	if (copied)
		return !timeo || sk->sk_err || sk->sk_state == TCP_CLOSE || sk->sk_shutdown & RCV_SHUTDOWN ||
		       signal_pending(current);
	if (sock_flag(sk, SOCK_DONE))
		return true;
	if (sk->sk_err) {
		*err = sock_error(sk);
		return true;
	}
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return true;
	if (sk->sk_state == TCP_CLOSE)
		*err = -ENOTCONN;
	else if (!timeo)
		*err = -EAGAIN;
	else if (signal_pending(current))
		*err = sock_intr_errno(timeo);
	return *err;
}

/*
 * The program wants more data before it answers, so its answer will not carry the ACK that waits.
 */
static void no_answer_yet(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_acking_expect_reply(&xsk->acking, false);
	if (xsk->acking.ack_held_for_app)
		xtcp_output_ack_now(sk);
}

/**
 * xtcp_recvmsg_polled() - poll() has found nothing to read
 * @sk: the sock
 *
 * The program will not sleep in RECEIVE, nor answer before more data comes. So an ACK that waits
 * for either goes now.
 *
 * If another thread has the socket lock, it may be about to write or read. The ACK then waits for
 * its timer.
 *
 * Context: process. Takes the lock of bh_lock_sock() if there is such an ACK.
 */
void xtcp_recvmsg_polled(struct sock *sk)
{
	if (READ_ONCE(xtcp_sk(sk)->acking.app_expects_reply))
		xtcp_acking_expect_reply(&xtcp_sk(sk)->acking, false);
	if (likely(!READ_ONCE(xtcp_sk(sk)->acking.ack_held_for_app)))
		return;
	local_bh_disable();
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		no_answer_yet(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
}

/* Returns as sk_wait_data(). */
static int wait_for_text(struct sock *sk, long *timeo, const struct sk_buff *last)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int ret;

	no_answer_yet(sk);
	atomic_inc(&xsk->readers);
	ret = sk_wait_data(sk, timeo, last);
	atomic_dec(&xsk->readers);
	return ret;
}

/* Would a call that takes the lock now find nothing to read and nothing to acknowledge? Racy. */
static bool has_nothing(const struct sock *sk)
{
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue) || READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return false;
	/* an ACK owed from now on goes at the end of the arrival, or by its deadline */
	return !data_race(xtcp_sk(sk)->acking.pending);
}

/* Is there also nothing rare to tell: no urgent data, no error, no shutdown? */
static bool is_quiet(const struct sock *sk)
{
	return has_nothing(sk) && !READ_ONCE(xtcp_sk(sk)->urgent.data) && !READ_ONCE(sk->sk_err) &&
	       !READ_ONCE(sk->sk_shutdown);
}

/*
 * The usual wait, for an answer to what the program has just written or for the next request. It
 * does without the socket lock, which the call would take only to release it. Every event wakes the
 * thread, which then looks at the event under the lock. is_quiet() sees events from before the
 * thread was on the wait queue.
 *
 * Returns what is left of @timeo. The thread counts as a reader until the caller has the lock.
 */
static long wait_while_quiet(struct sock *sk, long timeo)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	DEFINE_WAIT(wait);

	atomic_inc(&xsk->readers);
	xtcp_acking_expect_reply(&xsk->acking, false);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	/*
	 * contains a barrier; it pairs with the barrier in skwq_has_sleeper(), by which events look
	 * for sleepers
	 */
	prepare_to_wait(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
	if (is_quiet(sk))
		timeo = schedule_timeout(timeo);
	finish_wait(sk_sleep(sk), &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	return timeo;
}

static int receive(struct sock *sk, struct msghdr *msg, size_t len, int flags, long timeo)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	/* SO_PEEK_OFF: where MSG_PEEK starts, relative to copied_seq; negative: at copied_seq */
	const u32 peek_off = flags & MSG_PEEK ? max(READ_ONCE(sk->sk_peek_off), 0) : 0;
	u32 peek_seq = xsk->rcv.copied_seq + peek_off;
	struct reading r = { .seq = flags & MSG_PEEK ? &peek_seq : &xsk->rcv.copied_seq };
	const int disconnects = READ_ONCE(sk->sk_disconnects);
	int copied = 0;
	int ret;

	for (;;) {
		/* SIGURG is handled before the mark is passed */
		if (at_mark(xsk, *r.seq) && signal_pending(current)) {
			ret = timeo ? sock_intr_errno(timeo) : -EAGAIN;
			break;
		}
		ret = hand_out(sk, msg, len - copied, flags, &r);
		if (ret < 0)
			break;
		copied += ret;
		if (copied == len && (len || xtcp_recvmsg_inq(sk)))
			break;
		if (copied && at_mark(xsk, *r.seq))
			break;
		/* the kernel fills the backlog with plain stores; what comes later is for the next call */
		if (copied >= target && !data_race(READ_ONCE(sk->sk_backlog.tail)))
			break;
		if (must_end(sk, copied, timeo, &ret)) {
			if (ret == -EAGAIN)
				no_answer_yet(sk);
			break;
		}
		if (copied >= target) {
			sk_flush_backlog(sk);
		} else {
			/*
			 * as in Linux: MSG_PEEK makes no room, but the program has seen the data
			 * that the ACK is owed for
			 */
			if (copied || xsk->acking.pending)
				xtcp_acks_window(sk, flags & MSG_PEEK ? 0 : copied);
			ret = wait_for_text(sk, &timeo, skb_peek_tail(&sk->sk_receive_queue));
			if (ret < 0)
				break;
		}
		/* another thread has read what this one peeked at: start again, as in Linux */
		if (flags & MSG_PEEK && peek_seq - peek_off - copied - r.passed != xsk->rcv.copied_seq)
			peek_seq = xsk->rcv.copied_seq + peek_off;
		if (copied && at_mark(xsk, *r.seq))
			break;
	}
	if (r.stamped) {
		if (r.stamped->tstamp)
			sock_recv_timestamp(msg, sk, r.stamped);
		consume_skb(r.stamped);
	}
	/*
	 * otherwise the octets came from a connection that another thread has disconnected
	 * meanwhile
	 */
	if (likely(sk->sk_disconnects == disconnects))
		xtcp_acks_window(sk, flags & MSG_PEEK ? 0 : copied);
	return copied ?: ret;
}

/*
 * MSG_OOB: the urgent octet, which stays in its place in the stream. Never waits. The errors are
 * those of Linux and BSD.
 */
static int receive_urgent(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u16 urgent = xsk->urgent.data;
	u8 octet = urgent;

	if (sock_flag(sk, SOCK_URGINLINE) || !urgent || urgent == XTCP_URGENT_TAKEN)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (!(urgent & XTCP_URGENT_THERE))
		return sk->sk_state == TCP_CLOSE || sk->sk_shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
	if (!(flags & MSG_PEEK))
		xtcp_urgent_taken(&xsk->urgent);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	return !(flags & MSG_TRUNC) && memcpy_to_msg(msg, &octet, 1) ? -EFAULT : 1;
}

/**
 * xtcp_recvmsg() - proto.recvmsg
 * @sk: the sock
 * @msg: destination of the octets
 * @len: most octets to hand out
 * @flags: MSG_*
 *
 * RFC 9293 section 3.10.3, MUST-12; section 3.8.5, MUST-31 to MUST-33.
 *
 * Context: process. Takes the socket lock; may sleep.
 *
 * Return: octets handed out; 0 at the end of the stream; -ENOTCONN; -EAGAIN; -EINTR or
 * -ERESTARTSYS; -EFAULT; -EINVAL for MSG_OOB without an urgent octet; -EPIPE after a disconnect
 * while it waited; or, once, the error that ended the connection.
 */
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	const int disconnects = READ_ONCE(sk->sk_disconnects);
	bool wants_inq = false, waited;
	long timeo;
	int ret;

	xtcp_coalesce_flush(sk);
	if (unlikely(flags & MSG_ERRQUEUE))
		return xtcp_compat_recv_error(sk, msg, len);
	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	if (sk_can_busy_loop(sk) && skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	    sk->sk_state == TCP_ESTABLISHED)
		sk_busy_loop(sk, flags & MSG_DONTWAIT);
	waited = timeo && len && !(flags & (MSG_PEEK | MSG_OOB)) && has_nothing(sk);
	if (waited)
		timeo = wait_while_quiet(sk, timeo);

	lock_sock(sk);
	if (waited)
		atomic_dec(&xtcp_sk(sk)->readers);
	if (unlikely(waited && sk->sk_disconnects != disconnects)) {
		/* as sk_wait_data() does */
		ret = -EPIPE;
	} else if (sk->sk_state == TCP_LISTEN) {
		ret = -ENOTCONN;
	} else if (flags & MSG_OOB) {
		ret = receive_urgent(sk, msg, len, flags);
	} else {
		wants_inq = xtcp_sk(sk)->recvmsg_inq;
		ret = receive(sk, msg, len, flags, timeo);
	}
	xtcp_blackbox_call(sk, XTCP_BLACKBOX_RECV, len, ret);
	release_sock(sk);

	if (ret < 0)
		return ret;
	if (wants_inq || msg->msg_get_inq) {
		msg->msg_get_inq = 1;
		msg->msg_inq = inq_hint(sk);
		if (wants_inq)
			put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(msg->msg_inq), &msg->msg_inq);
	}
	return ret;
}

/*
 * Moves what is there into @pipe, at most @len octets. Returns octets, or -errno if there were
 * none.
 */
static ssize_t splice_out(struct sock *sk, struct pipe_inode_info *pipe, size_t len, unsigned int flags)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;
	ssize_t spliced = 0;

	while (len && (skb = skb_peek(&sk->sk_receive_queue))) {
		u32 offset = xsk->rcv.copied_seq - xtcp_seg(skb)->seq;
		u32 most = min_t(size_t, skb->len - offset, len);
		int used;

		/* as in Linux: up to the mark, which only recv() passes */
		if (unlikely(xsk->urgent.data))
			most = min(most, xsk->urgent.seq - xsk->rcv.copied_seq);
		if (!most)
			break;
		used = skb_splice_bits(skb, sk, offset, pipe, most, flags);
		if (used <= 0)
			return spliced ?: used;
		xtcp_rcv_copied(&xsk->rcv, used);
		spliced += used;
		len -= used;
		if (offset + used == skb->len)
			xtcp_rcvq_eaten(sk, skb);
	}
	if (spliced)
		xtcp_space_adjust(sk);
	return spliced;
}

/**
 * xtcp_recvmsg_splice_read() - proto_ops.splice_read
 * @sock: the socket
 * @ppos: must be 0: a stream cannot seek
 * @pipe: destination of the octets
 * @len: most octets to move
 * @flags: SPLICE_F_*; as in Linux, only O_NONBLOCK of the file says whether to block
 *
 * RFC 9293 section 3.10.3.
 *
 * Context: process. Takes the socket lock; may sleep.
 *
 * Return: octets moved; -ESPIPE; or an error of xtcp_recvmsg().
 */
ssize_t xtcp_recvmsg_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe, size_t len,
				 unsigned int flags)
{
	struct sock *sk = sock->sk;
	ssize_t spliced = 0;
	ssize_t ret = 0;
	long timeo;
	int err;

	if (*ppos)
		return -ESPIPE;
	xtcp_coalesce_flush(sk);
	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	while (len) {
		if (sk->sk_state == TCP_LISTEN) {
			ret = -ENOTCONN;
			break;
		}
		ret = splice_out(sk, pipe, len, flags);
		if (ret < 0)
			break;
		if (!ret) {
			if (spliced)
				break;
			if (must_end(sk, false, timeo, &err)) {
				if (err == -EAGAIN)
					no_answer_yet(sk);
				ret = err;
				break;
			}
			/* there is data, but the mark comes first */
			if (!skb_queue_empty(&sk->sk_receive_queue))
				break;
			err = wait_for_text(sk, &timeo, NULL);
			if (err < 0) {
				ret = err;
				break;
			}
			continue;
		}
		spliced += ret;
		len -= ret;
		xtcp_acks_window(sk, ret);
		if (!timeo)
			break;
		/* lets the backlog in */
		release_sock(sk);
		lock_sock(sk);
		if (sk->sk_err || sk->sk_state == TCP_CLOSE || sk->sk_shutdown & RCV_SHUTDOWN ||
		    signal_pending(current))
			break;
	}
	xtcp_blackbox_call(sk, XTCP_BLACKBOX_RECV, spliced + len, spliced ?: ret);
	release_sock(sk);
	return spliced ?: ret;
}
