// SPDX-License-Identifier: GPL-2.0
/*
 * RECEIVE (RFC 9293 section 3.10.3), and STATUS (section 3.10.6): TCP_INFO, ioctl() and poll().
 *
 * rcvq.c puts octets that are in order on sk_receive_queue; copied_seq is the next one to return. A
 * FIN is not an octet of any skb: if fin_received is set, the stream ends at the end of the queue.
 * xtcp counts in octets, but TCP_INFO reports some values in segments, as in Linux.
 */
#include "socket/socket.h"

#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <linux/splice.h>
#include <net/busy_poll.h>
#include <uapi/linux/tcp.h>

#include "base/bounds.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "expiry/expiry.h"
#include "listen/listen.h"
#include "send/send.h"

/* How many octets could RECEIVE return now? Without SO_OOBINLINE, up to the urgent one. Racy without the lock. */
static int xtcp_recvmsg_inq(const struct sock *sk)
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

/*
 * The value for TCP_INQ. As in Linux, urgent octets count, and the FIN as an octet: the program
 * reads on until the end of the stream. Without the lock, rcv.nxt may be older than copied_seq.
 */
static int inq_hint(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	int octets = READ_ONCE(xsk->rcv.nxt) - READ_ONCE(xsk->rcv.copied_seq);

	if (unlikely(octets < 0)) {
		lock_sock(sk);
		octets = xsk->rcv.nxt - xsk->rcv.copied_seq;
		release_sock(sk);
	}
	return octets;
}

/* As skb_copy_datagram_msg(), but saves two calls for a small segment. Return: 0 or -EFAULT. */
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

struct reading {
	u32 *seq;			/* the next octet: copied_seq or the cursor of MSG_PEEK */
	u32 passed;			/* how many urgent octets were skipped */
	bool fault;			/* a part of the program's buffer is not writable */
	/* the skb of the last octet, with a reference, if the program wants its arrival time */
	struct sk_buff *stamped;
};

/* The urgent octet, or mark: a call that has read before it does not read past it (RFC 9293 3.8.5). */
static inline bool at_mark(const struct xtcp_sock *xsk, u32 seq)
{
	return unlikely(xsk->urgent.data) && xsk->urgent.seq == seq;
}

/*
 * The program is about to read @rest octets of an skb from @offset on. Return: how many, up to the
 * urgent octet; if it comes first, it is skipped, unless SO_OOBINLINE is set.
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

/*
 * Copies queued octets, up to the urgent one. If the next cannot be copied, sets r->fault: RECEIVE
 * must return then, even if the program waits for more. Return: how many octets.
 */
static int hand_out(struct sock *sk, struct msghdr *msg, size_t len, int flags, struct reading *r)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb, *next;
	int copied = 0;

	skb_queue_walk_safe(&sk->sk_receive_queue, skb, next) {
		u32 offset = *r->seq - xtcp_seg(skb)->seq;
		u32 rest, used;

		/* all octets of this skb lie before the cursor of MSG_PEEK */
		if (offset >= skb->len)
			continue;
		if (copied && at_mark(xsk, *r->seq))
			break;
		rest = skb->len - offset;
		if (unlikely(xsk->urgent.data) && len)
			rest = respect_mark(sk, r, &offset, rest);
		used = min_t(size_t, rest, len);
		if (used && !(flags & MSG_TRUNC) && copy_out(skb, offset, msg, used)) {
			r->fault = true;
			break;
		}
		WRITE_ONCE(*r->seq, *r->seq + used);
		copied += used;
		len -= used;
		if (flags & MSG_PEEK)
			sk_peek_offset_fwd(sk, used);
		else
			sk_peek_offset_bwd(sk, used);
		/* forget the urgent octet once the program has read past it */
		if (unlikely(xsk->urgent.data) && xtcp_seq_gt(xsk->rcv.copied_seq, xsk->urgent.seq))
			xtcp_urgent_set(&xsk->urgent, 0);
		/* SO_TIMESTAMP, SO_TIMESTAMPING: the arrival time, of the device or of the kernel */
		if (sock_flag(sk, SOCK_RCVTSTAMP) ||
		    READ_ONCE(sk->sk_tsflags) & (SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RAW_HARDWARE)) {
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
 * Nothing more to read now: must RECEIVE return without waiting? If it has read nothing, *@err is
 * its result: 0 at the end of the stream, or an error. Only one call returns sk_err. The end of the
 * stream is tested first, so that a program can tell close from abort (MUST-12).
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

/* The program will not answer the peer now: an ACK that is delayed for the answer goes now. */
static void no_answer_yet(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_acking_expect_reply(&xsk->acking, false);
	if (xsk->acking.ack_held_for_app)
		xtcp_send_ack(sk);
}

/*
 * poll() has found nothing to read: sends an ACK that waits until the program answers, or sleeps in
 * RECEIVE, since it does neither now. If another thread has the socket lock, it may be about to
 * write or read: the ACK goes when its timer expires, at the latest.
 */
static void xtcp_recvmsg_polled(struct sock *sk)
{
	if (READ_ONCE(xtcp_sk(sk)->acking.app_expects_reply))
		xtcp_acking_expect_reply(&xtcp_sk(sk)->acking, false);
	if (likely(!READ_ONCE(xtcp_sk(sk)->acking.ack_held_for_app)))
		return;
	spin_lock_bh(&sk->sk_lock.slock);
	if (!sock_owned_by_user(sk))
		no_answer_yet(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
}

/*
 * Sleeps until there is text. @has_part: the reader has octets already. Return: the result of
 * sk_wait_data(), which is -EPIPE after a disconnect.
 */
static int wait_for_text(struct sock *sk, long *timeo, const struct sk_buff *last, bool has_part)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const int disconnects = xtcp_compat_disconnects(xsk), reader = has_part ? 1 + XTCP_READER_HAS_PART : 1;
	int ret;

	no_answer_yet(sk);
	atomic_add(reader, &xsk->readers);
	ret = sk_wait_data(sk, timeo, last);
	atomic_sub(reader, &xsk->readers);
	return xtcp_compat_waited(xsk, disconnects, ret);
}

/* Is there nothing to read and no ACK pending? Racy, without the socket lock. */
static bool has_nothing(const struct sock *sk)
{
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue) || READ_ONCE(sk->sk_state) != TCP_ESTABLISHED)
		return false;
	/* an ACK that becomes owed after this test is sent with the arriving segment, or at its deadline */
	return !data_race(xtcp_sk(sk)->acking.pending);
}

/*
 * Waits for text without the socket lock, which the usual wait, for an answer or the next request,
 * would have to release at once. Every event wakes the thread, which looks at it under the lock.
 * xsk->readers counts it until xtcp_recvmsg() has the lock. Return: the rest of @timeo, jiffies.
 */
static long wait_while_quiet(struct sock *sk, long timeo)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	DEFINE_WAIT(wait);

	atomic_inc(&xsk->readers);
	xtcp_acking_expect_reply(&xsk->acking, false);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	/* its barrier pairs with that of skwq_has_sleeper(): this thread sees the event, or is found, and woken */
	prepare_to_wait(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
	if (has_nothing(sk) && !READ_ONCE(xsk->urgent.data) && !READ_ONCE(sk->sk_err) && !READ_ONCE(sk->sk_shutdown))
		timeo = schedule_timeout(timeo);
	finish_wait(sk_sleep(sk), &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	return timeo;
}

/*
 * Buffer space is free again. @copied: octets that the program has just received. An ACK leaves in
 * three cases; if the peer has asked for an ACK rate, only in the last:
 *  - it is pending for more than one segment of text;
 *  - it is pending, the program has read everything, and it is not likely to answer;
 *  - it would at least double the offered window (RFC 9293 section 3.8.6.2.2).
 */
static void ack_what_was_read(struct sock *sk, u32 copied)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool tell = false;

	sock_owned_by_me(sk);
	if (sk->sk_state != TCP_ESTABLISHED &&
	    (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	if (xsk->acking.pending && likely(!xsk->stream->sack.ack_rate))
		tell = xsk->rcv.nxt - xsk->rcv.wup > xsk->rcv_mss ||
		       (copied && !xsk->acking.pingpong && !xsk->acking.ack_held_for_app &&
			!atomic_read(&sk->sk_rmem_alloc));
	if (!tell && copied && !(sk->sk_shutdown & RCV_SHUTDOWN))
		tell = xtcp_window_would_double(sk);
	if (tell)
		xtcp_send_ack(sk);
}

static int receive(struct sock *sk, struct msghdr *msg, size_t len, int flags, long timeo)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	/* SO_PEEK_OFF: where MSG_PEEK starts, relative to copied_seq; negative: at copied_seq */
	const u32 peek_off = flags & MSG_PEEK ? max(READ_ONCE(sk->sk_peek_off), 0) : 0;
	u32 peek_seq = xsk->rcv.copied_seq + peek_off;
	struct reading r = { .seq = flags & MSG_PEEK ? &peek_seq : &xsk->rcv.copied_seq };
	const int disconnects = xtcp_compat_disconnects(xsk);
	int copied = 0;
	int ret;

	for (;;) {
		/* let the program handle SIGURG before its read passes the mark */
		if (at_mark(xsk, *r.seq) && signal_pending(current)) {
			ret = timeo ? sock_intr_errno(timeo) : -EAGAIN;
			break;
		}
		ret = hand_out(sk, msg, len - copied, flags, &r);
		copied += ret;
		if (unlikely(r.fault)) {
			ret = -EFAULT;
			break;
		}
		/* as in Linux, an urgent octet alone ends a read of no octets, too */
		if (copied == len && (len || !skb_queue_empty(&sk->sk_receive_queue)))
			break;
		if (copied && at_mark(xsk, *r.seq))
			break;
		/* racy: the kernel fills the backlog with plain stores. A segment missed here, the next call handles */
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
			/* as in Linux, also after MSG_PEEK: it frees no space, but the program has seen the data */
			if (copied || xsk->acking.pending)
				ack_what_was_read(sk, flags & MSG_PEEK ? 0 : copied);
			ret = wait_for_text(sk, &timeo, skb_peek_tail(&sk->sk_receive_queue), copied);
			if (ret < 0)
				break;
			/* as in Linux, whatever ends the wait also ends a read of no octets */
			if (!len) {
				ret = 0;
				break;
			}
		}
		/* as in Linux, if another thread has read octets that we have peeked at, go on with what is left */
		if (flags & MSG_PEEK && peek_seq - peek_off - copied - r.passed != xsk->rcv.copied_seq)
			peek_seq = xsk->rcv.copied_seq + peek_off;
		if (copied && at_mark(xsk, *r.seq))
			break;
	}
	if (r.stamped) {
		if (r.stamped->tstamp || skb_hwtstamps(r.stamped)->hwtstamp)
			sock_recv_timestamp(msg, sk, r.stamped);
		consume_skb(r.stamped);
	}
	/* no window update if the socket was disconnected meanwhile: the octets were another connection's */
	if (likely(xtcp_compat_disconnects(xsk) == disconnects))
		ack_what_was_read(sk, flags & MSG_PEEK ? 0 : copied);
	return copied ?: ret;
}

/* MSG_OOB: the urgent octet, which also stays in the queue. Never waits. The errors are those of Linux and BSD. */
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
		xtcp_urgent_set(&xsk->urgent, XTCP_URGENT_TAKEN);
	msg->msg_flags |= MSG_OOB;
	if (!len) {
		msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	return !(flags & MSG_TRUNC) && memcpy_to_msg(msg, &octet, 1) ? -EFAULT : 1;
}

/*
 * proto.recvmsg: RECEIVE (RFC 9293 section 3.10.3, MUST-12; section 3.8.5, MUST-31 to MUST-33).
 * Return: how many octets; 0 at the end of the stream; -ENOTCONN; -EAGAIN; -EINTR or -ERESTARTSYS;
 * -EFAULT; -EINVAL for MSG_OOB without an urgent octet; -EPIPE after a disconnect during the wait;
 * or, once, the error that ended the connection.
 */
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	const int disconnects = xtcp_compat_disconnects(xtcp_sk(sk));
	bool wants_inq = false, waited;
	long timeo;
	int ret;

	xtcp_coalesce_flush(sk);
	if (unlikely(flags & MSG_ERRQUEUE))
		return xtcp_compat_recv_error(sk, msg, len);
	if (xtcp_repair_is_on(sk) && !(flags & MSG_OOB)) {
		ret = xtcp_repair_receive(sk, msg, flags);
		if (ret != XTCP_REPAIR_GO_ON)
			return ret;
	}
	timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	if (sk_can_busy_loop(sk) && skb_queue_empty_lockless(&sk->sk_receive_queue) && sk->sk_state == TCP_ESTABLISHED)
		sk_busy_loop(sk, flags & MSG_DONTWAIT);
	waited = timeo && len && !(flags & (MSG_PEEK | MSG_OOB)) && has_nothing(sk);
	if (waited)
		timeo = wait_while_quiet(sk, timeo);

	lock_sock(sk);
	if (waited)
		atomic_dec(&xtcp_sk(sk)->readers);
	if (unlikely(waited && xtcp_compat_disconnects(xtcp_sk(sk)) != disconnects)) {
		/* the error that wait_for_text() returns after a disconnect */
		ret = -EPIPE;
	} else if (sk->sk_state == TCP_LISTEN) {
		ret = -ENOTCONN;
	} else {
		wants_inq = xtcp_sk(sk)->recvmsg_inq;
		ret = flags & MSG_OOB ? receive_urgent(sk, msg, len, flags) : receive(sk, msg, len, flags, timeo);
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

/* Move up to @len queued octets into @pipe. Return: how many octets; if none, 0 or -errno. */
static ssize_t splice_out(struct sock *sk, struct pipe_inode_info *pipe, size_t len, unsigned int flags)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;
	ssize_t spliced = 0;

	while (len && (skb = skb_peek(&sk->sk_receive_queue))) {
		u32 offset = xsk->rcv.copied_seq - xtcp_seg(skb)->seq;
		u32 most = min_t(size_t, skb->len - offset, len);
		int used;

		/* as in Linux, end before the urgent octet: only recv() skips it */
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

/*
 * proto_ops.splice_read: RECEIVE into a pipe. *@ppos must be 0. As in Linux, only O_NONBLOCK of the
 * file says whether the call may block, not @flags. Return: how many octets; -ESPIPE; or an error
 * of xtcp_recvmsg().
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
	if (unlikely(!xtcp_listen_is_ours(sk)))
		return -ENOTCONN;	/* a listener that is taken over just now */
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
			/* the next octet in the queue is the urgent one: end before it */
			if (!skb_queue_empty(&sk->sk_receive_queue))
				break;
			err = wait_for_text(sk, &timeo, NULL, false);
			if (err < 0) {
				ret = err;
				break;
			}
			continue;
		}
		spliced += ret;
		len -= ret;
		ack_what_was_read(sk, ret);
		if (!timeo)
			break;
		/* let segments on the backlog be processed */
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

static void info_congestion(struct sock *sk, struct tcp_info *info)
{
	static const u8 ca_state[] = {
		[XTCP_CONG_OPEN] = TCP_CA_Open,
		[XTCP_CONG_DISORDER] = TCP_CA_Disorder,
		[XTCP_CONG_CWR] = TCP_CA_CWR,
		[XTCP_CONG_RECOVERY] = TCP_CA_Recovery,
		[XTCP_CONG_LOSS] = TCP_CA_Loss,
	};
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_stream *stream = xsk->stream;
	u32 mss = max_t(u32, xsk->mss, 1);

	info->tcpi_ca_state = ca_state[xsk->cong.phase];
	info->tcpi_snd_ssthresh = min_t(u32, xsk->cong.ssthresh / mss, TCP_INFINITE_SSTHRESH);
	if (xsk->cong.ssthresh >= TCP_INFINITE_SSTHRESH)
		info->tcpi_snd_ssthresh = TCP_INFINITE_SSTHRESH;
	if (sk->sk_state != TCP_CLOSE)
		info->tcpi_unacked = DIV_ROUND_UP(xsk->snd.nxt - xsk->snd.una, mss);
	/* without SACK, only octets were counted: compute the segments from them */
	info->tcpi_sacked = xsk->agreed.sack_ok ? stream->scoreboard.sacked_segments :
			    DIV_ROUND_UP(stream->scoreboard.sacked, mss);
	info->tcpi_lost = DIV_ROUND_UP(stream->scoreboard.lost, mss);
	info->tcpi_retrans = DIV_ROUND_UP(stream->scoreboard.resent, mss);
	info->tcpi_reordering = stream->scoreboard.reordering;
	info->tcpi_reord_seen = stream->scoreboard.reorderings;
	/* the SYN counts as a segment */
	info->tcpi_delivered = stream->delivered_segments + (xsk->snd.una != xsk->snd.iss || stream->bytes_acked);
	info->tcpi_delivered_ce = xsk->delivered_ce;
	info->tcpi_delivery_rate = xtcp_rate_octets_per_second(sk);
	info->tcpi_delivery_rate_app_limited = stream->rate.is_limited;
}

/* In SYN-SENT, or if it ended there, nothing is agreed: xsk->agreed has what our SYN offers. */
static void info_options(const struct xtcp_sock *xsk, struct tcp_info *info)
{
	if (info->tcpi_state == TCP_SYN_SENT || (info->tcpi_state == TCP_CLOSE && xsk->snd.una == xsk->snd.iss))
		return;
	if (xsk->agreed.ts_ok)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (xsk->agreed.sack_ok)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (xsk->ecn & (XTCP_ECN_OK | XTCP_ECN_ACCURATE))
		info->tcpi_options |= TCPI_OPT_ECN;
	if (xsk->ecn & XTCP_ECN_SEEN)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
	if (xsk->syn_data_acked)
		info->tcpi_options |= TCPI_OPT_SYN_DATA;
	if (xsk->agreed.wscale_ok) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = xsk->agreed.snd_wscale;
		info->tcpi_rcv_wscale = xsk->rcv_wscale;
	}
}

static u32 ms_since(u32 stamp)
{
	return stamp ? jiffies_to_msecs(xtcp_clock_stamp() - stamp) : 0;
}

static void info_counts(const struct xtcp_sock *xsk, struct tcp_info *info)
{
	const struct xtcp_stream *stream = xsk->stream;

	info->tcpi_total_retrans = xsk->total_retrans;
	info->tcpi_bytes_acked = stream->bytes_acked;
	info->tcpi_bytes_received = stream->bytes_received;
	info->tcpi_bytes_sent = stream->bytes_sent;
	info->tcpi_bytes_retrans = stream->bytes_retrans;
	info->tcpi_dsack_dups = (u32)DIV_ROUND_UP_ULL(stream->dsacked, max_t(u32, xsk->mss, 1));
	info->tcpi_notsent_bytes = max_t(s32, xsk->snd.write_seq - xsk->snd.nxt, 0);
	info->tcpi_fastopen_client_fail = xsk->fastopen_client_fail;
	info->tcpi_segs_in = xsk->segs_in;
	info->tcpi_segs_out = xsk->segs_out;
	info->tcpi_data_segs_in = xsk->data_segs_in;
	info->tcpi_data_segs_out = stream->data_segs_out;
	info->tcpi_rcv_ooopack = stream->rcv_ooopack;
}

/* Convert a rate for TCP_INFO. All bits set mean "no limit", before and after the conversion. */
static u64 octets_per_second(unsigned long rate)
{
	return rate == ~0UL ? ~0ULL : rate;
}

static void info_times(const struct xtcp_sock *xsk, union xtcp_compat_info *whole)
{
	const struct xtcp_busy *busy = &xsk->stream->busy;
	struct tcp_info *info = &whole->tcp;

	info->tcpi_rwnd_limited = xtcp_busy_us(busy, XTCP_BUSY_WINDOW);
	info->tcpi_sndbuf_limited = xtcp_busy_us(busy, XTCP_BUSY_BUFFER);
	info->tcpi_busy_time = xtcp_busy_us(busy, XTCP_BUSY) + info->tcpi_rwnd_limited + info->tcpi_sndbuf_limited;
	whole->rehash = xsk->timeouts.rehashes;
	whole->total_rto = xsk->timeouts.total;
	whole->total_rto_recoveries = xsk->timeouts.recoveries;
	whole->total_rto_time = xtcp_timeouts_ms(&xsk->timeouts);
}

/* Fills a struct tcp_info; what has no meaning in xtcp is 0. RFC 9293 section 3.10.6. */
void xtcp_info_fill(struct sock *sk, union xtcp_compat_info *whole)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *const stream = xsk->stream;
	struct tcp_info *info = &whole->tcp;
	struct xtcp_stream opened;

	sock_owned_by_me(sk);
	memset(whole, 0, sizeof(*whole));
	info->tcpi_state = sk->sk_state;
	info->tcpi_pacing_rate = octets_per_second(xtcp_cong_rate(sk));
	info->tcpi_max_pacing_rate = octets_per_second(sk->sk_max_pacing_rate);
	info->tcpi_reordering = XTCP_DUPACK_THRESHOLD;
	info->tcpi_snd_cwnd = xtcp_cong_cwnd_segments(sk);
	if (sk->sk_state == TCP_LISTEN) {
		info->tcpi_unacked = READ_ONCE(xsk->listener->accept_len);
		info->tcpi_sacked = READ_ONCE(xsk->listener->accept_max);
		return;
	}

	/* many may be listed: one that rests gets its data state for a moment */
	if (xsk->packed) {
		xtcp_packed_open(xsk->packed, &opened);
		xsk->stream = &opened;
	}
	info_congestion(sk, info);
	info_options(xsk, info);
	info_counts(xsk, info);
	info_times(xsk, whole);
	xtcp_compat_info_accecn(info, &xsk->accecn, &xsk->stream->told, xsk->ecn & XTCP_ECN_ACCURATE);
	info->tcpi_retransmits = xsk->tries.retransmits;
	info->tcpi_probes = xtcp_tries_probes_out(&xsk->tries);
	info->tcpi_backoff = sk->sk_state != TCP_CLOSE ? xsk->rto.backoff : 0;
	info->tcpi_rto = xtcp_bounds_rto_ms(&xsk->inet.sk) * USEC_PER_MSEC;
	if (xsk->stream->rcv_data_tstamp)
		info->tcpi_ato = xtcp_ticks_us(min(msecs_to_jiffies(XTCP_DELACK_MIN_MS), xtcp_bounds_delack_max(sk)),
					       HZ);
	info->tcpi_rtt = xsk->rto.srtt_us;
	/* before the first sample Linux reports a quarter of the first RTO */
	info->tcpi_rttvar = xsk->rto.srtt_us ? xsk->rto.rttvar_us : XTCP_RTO_INITIAL_MS * USEC_PER_MSEC / 4;
	info->tcpi_min_rtt = xsk->rto.min_rtt_us;
	info->tcpi_snd_mss = xsk->mss;
	info->tcpi_rcv_mss = xsk->rcv_mss;
	info->tcpi_advmss = xsk->agreed.advmss -
			    (info->tcpi_options & TCPI_OPT_TIMESTAMPS ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0);
	info->tcpi_pmtu = xsk->pmtu;
	info->tcpi_rcv_ssthresh = xsk->rcv_ssthresh;
	info->tcpi_rcv_rtt = xsk->stream->rcv_rtt_us;
	info->tcpi_rcv_space = xtcp_space_copied(sk);
	info->tcpi_snd_wnd = xsk->snd.wnd;
	whole->rcv_wnd = max_t(s32, xsk->rcv.wup + xsk->rcv.wnd - xsk->rcv.nxt, 0);
	info->tcpi_last_data_sent = ms_since(xsk->snd_tstamp);
	info->tcpi_last_data_recv = ms_since(xsk->stream->rcv_data_tstamp);
	info->tcpi_last_ack_recv = ms_since(xsk->ack_tstamp);
	xsk->stream = stream;
}

/* XTCP_ABORT: why a connection ended. Without the socket lock, fields may be of different times. */
void xtcp_info_fill_abort(const struct sock *sk, struct xtcp_abort *abort)
{
	static const u8 causes[] = {
		[XTCP_ABORT_NONE] = XTCP_CAUSE_NONE,
		[XTCP_ABORT_RESET] = XTCP_CAUSE_PEER,
		[XTCP_ABORT_ICMP] = XTCP_CAUSE_NETWORK,
		[XTCP_ABORT_TIMEOUT] = XTCP_CAUSE_TIMER,
		[XTCP_ABORT_KEEPALIVE] = XTCP_CAUSE_TIMER,
		[XTCP_ABORT_UNREAD] = XTCP_CAUSE_PROGRAM,
		[XTCP_ABORT_LATE_DATA] = XTCP_CAUSE_PROGRAM,
		[XTCP_ABORT_LINGER] = XTCP_CAUSE_PROGRAM,
		[XTCP_ABORT_LINGER2] = XTCP_CAUSE_PROGRAM,
		[XTCP_ABORT_ORPHANS] = XTCP_CAUSE_MEMORY,
		[XTCP_ABORT_LISTENER] = XTCP_CAUSE_PROGRAM,
		[XTCP_ABORT_DISCONNECT] = XTCP_CAUSE_PROGRAM,
		[XTCP_ABORT_KILLED] = XTCP_CAUSE_OPERATOR,
		[XTCP_ABORT_NETNS] = XTCP_CAUSE_OPERATOR,
		[XTCP_ABORT_USER_TIMEOUT] = XTCP_CAUSE_TIMER,
		[XTCP_ABORT_IDLE] = XTCP_CAUSE_TIMER,
		[XTCP_ABORT_HALF_CLOSED] = XTCP_CAUSE_TIMER,
		[XTCP_ABORT_USER_TIMEOUT_MS] = XTCP_CAUSE_TIMER,
		[XTCP_ABORT_KEEPALIVE_ALWAYS] = XTCP_CAUSE_TIMER,
	};
	const struct xtcp_timers *timers = &xtcp_sk(sk)->timers;
	const struct xtcp_ended *ended = &xtcp_sk(sk)->ended;

	memset(abort, 0, sizeof(*abort));
	abort->reason = ended->reason;
	abort->cause = causes[abort->reason];
	if (abort->reason) {
		abort->flags = ended->flags;
		abort->error = ended->error;
	}
	if (ended->is_told) {
		abort->peer_code = READ_ONCE(timers->told_code);
		abort->peer_pen = READ_ONCE(timers->told_pen);
	}
}

/*
 * proto.ioctl: SIOCINQ (FIONREAD), SIOCOUTQ, SIOCOUTQNSD: octets; SIOCATMARK: is the urgent octet
 * the next one? Return: 0; -EINVAL for a listener, except for SIOCATMARK; -ENOIOCTLCMD.
 */
int xtcp_ioctl(struct sock *sk, int cmd, int *karg)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const int state = inet_sk_state_load(sk);

	xtcp_coalesce_flush(sk);
	if (cmd == SIOCATMARK) {
		*karg = xtcp_urgent_at_mark(sk);
		return 0;
	}
	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD)
		return -ENOIOCTLCMD;
	if (state == TCP_LISTEN)
		return -EINVAL;
	if (cmd == SIOCINQ) {
		bool slow = lock_sock_fast(sk);

		*karg = sk->sk_state == TCP_SYN_RECV ? 0 : xtcp_recvmsg_inq(sk);
		unlock_sock_fast(sk, slow);
	} else if ((1 << state) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		*karg = 0;
	} else if (cmd == SIOCOUTQ) {
		*karg = READ_ONCE(xsk->snd.write_seq) - READ_ONCE(xsk->snd.una);
	} else {
		*karg = READ_ONCE(xsk->snd.write_seq) - READ_ONCE(xsk->snd.nxt);
	}
	return 0;
}

/* Is there space to write? If not, ask for a wakeup when there is. */
static bool writeable(struct sock *sk)
{
	if (__sk_stream_is_writeable(sk, 1))
		return true;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* again, since space may have been freed after the first test; pairs with the barrier in xtcp_sndbuf_wake() */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1);
}

/*
 * proto_ops.poll. Data that waits for the next write (sendmsg.c) goes now, and, if the program polls
 * for data and there is none, an ACK that waits for its next action (xtcp_acks_schedule()). The
 * tests need no lock, since a later change wakes the waiter.
 */
__poll_t xtcp_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	__poll_t mask = 0;
	struct sock *sk;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);
	sk = READ_ONCE(sock->sk);	/* that of a listener may have changed */
	if (unlikely(!xtcp_listen_is_ours(sk)))
		return 0;		/* who took over wakes all that poll */
	/* in this order: end.c writes the error first, the state last: who sees the new state sees the rest */
	state = inet_sk_state_load(sk);
	if (state == TCP_LISTEN) {
		/* this thread may hold back the third ACK of a connection to this listener */
		if (!xtcp_acceptq_has_child(sk))
			xtcp_handshake_ack_go();
		return xtcp_acceptq_has_child(sk) ? EPOLLIN | EPOLLRDNORM : 0;
	}

	xtcp_coalesce_flush(sk);
	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	/*
	 * During the handshake, read() and write() wait, but not in SYN-RECEIVED after a Fast Open. In
	 * SYN-SENT, connect() may have left the SYN to the first write (below). If both directions
	 * are shut down, the connection has ended since the state was read
	 */
	if ((state != TCP_SYN_RECV || READ_ONCE(xtcp_sk(sk)->fastopen)) &&
	    (state != TCP_SYN_SENT || shutdown == SHUTDOWN_MASK)) {
		int target = sock_rcvlowat(sk, 0, INT_MAX);

		/* if only the urgent octet is there, there is nothing to read */
		if (unlikely(xtcp_urgent_at_mark(sk)) && !sock_flag(sk, SOCK_URGINLINE))
			target++;
		if (xtcp_text_readable(sk, target))
			mask |= EPOLLIN | EPOLLRDNORM;
		else if (!(mask & EPOLLIN) && poll_requested_events(wait) & (EPOLLIN | EPOLLRDNORM))
			xtcp_recvmsg_polled(sk);
		if (READ_ONCE(xtcp_sk(sk)->urgent.data) & XTCP_URGENT_THERE)
			mask |= EPOLLPRI;
		if (shutdown & SEND_SHUTDOWN || writeable(sk))
			mask |= EPOLLOUT | EPOLLWRNORM;
	} else if (state == TCP_SYN_SENT && xtcp_compat_defers_connect(sk)) {
		/* connect() has left the SYN to the first write, so the program may write */
		mask |= EPOLLOUT | EPOLLWRNORM;
	}
	/* pairs with the smp_wmb() of xtcp_sock_fail() */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}
