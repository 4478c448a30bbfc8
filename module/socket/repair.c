// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_REPAIR: a program reads the state of a connection, and sets up another one with it, perhaps in
 * another stack or on another machine. No segment says that a connection begins or ends so.
 *
 * Names, values and errors are those of Linux 6.1. In repair mode bind() takes any port, and connect()
 * is established at once, with the sequence numbers of TCP_QUEUE_SEQ and TCP_TIMESTAMP's clock.
 * TCP_REPAIR_QUEUE chooses the queue that send() fills and that recv() shows: text counts as sent, or
 * as received and acknowledged. close() and disconnect send no FIN and no RST.
 *
 * What a program sets here is checked as if a peer had sent it: it can spoil the connection, but not
 * the TCB.
 */
#include "socket/socket.h"

#include <linux/sizes.h>

#include "auth/auth.h"
#include "base/sock.h"
#include "send/send.h"
#include "sight/sight.h"

#define SKB_MOST	SKB_WITH_OVERHEAD(SZ_16K)	/* octets that one skb of either queue gets */

static u8 chosen_queue(const struct xtcp_sock *xsk)
{
	return READ_ONCE(xsk->repair) & XTCP_REPAIR_QUEUES;
}

/* The chosen queue stays, as in Linux. */
static void end_repair(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	WRITE_ONCE(xsk->repair, chosen_queue(xsk));
	sk->sk_reuse = SK_NO_REUSE;
	/* of a connection that has not begun: the next one begins without */
	if (sk->sk_state == TCP_CLOSE)
		xtcp_snd_set_window(&xsk->snd, 0, 0, 0);
}

/* A listener is not in repair mode, nor are its children. */
void xtcp_repair_leave(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_repair_is_on(sk))
		end_repair(sk);
}

/* The peer's answer tells its window, and what it has got. */
static void ask_peer(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (sk->sk_state != TCP_ESTABLISHED)
		return;
	xtcp_snd_set_window(&xsk->snd, xsk->snd.wnd, xsk->snd.max_wnd, xsk->rcv.nxt - 1);
	XTCP_NET_INC_STATS(xsk->xn, LINUX_MIB_TCPWINPROBE);
	xtcp_segment_send_control(sk, xsk->snd.una - 1);
}

static int set_mode(struct sock *sk, int val)
{
	if (!ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN) || sk->sk_state == TCP_LISTEN)
		return -EPERM;
	switch (val) {
	case TCP_REPAIR_ON:
		/* what is set here is compared with the data state */
		if (xtcp_sk(sk)->packed && !xtcp_stream_begin(sk, GFP_KERNEL_ACCOUNT))
			return -ENOMEM;
		WRITE_ONCE(xtcp_sk(sk)->repair, XTCP_REPAIR_ON | TCP_NO_QUEUE);
		sk->sk_reuse = SK_FORCE_REUSE;
		return 0;
	case TCP_REPAIR_OFF:
	case TCP_REPAIR_OFF_NO_WP:
		end_repair(sk);
		if (val == TCP_REPAIR_OFF)
			ask_peer(sk);
		xtcp_output_push(sk);
		return 0;
	default:
		return -EINVAL;
	}
}

static int set_queue(struct sock *sk, int val)
{
	if (!xtcp_repair_is_on(sk))
		return -EPERM;
	if (val < 0 || val >= TCP_QUEUES_NR)
		return -EINVAL;
	WRITE_ONCE(xtcp_sk(sk)->repair, XTCP_REPAIR_ON | val);
	return 0;
}

/* As in Linux, only the state is asked for, not the mode; a queue can be chosen only in the mode. */
static int set_seq(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (sk->sk_state != TCP_CLOSE)
		return -EPERM;
	switch (chosen_queue(xsk)) {
	case TCP_SEND_QUEUE:
		if (!xtcp_sndq_is_empty(sk))
			return -EPERM;
		/* xtcp_repair_connect() takes it from there */
		xtcp_snd_choose(&xsk->snd, seq, xsk->snd.ts_offset);
		xtcp_snd_begin(&xsk->snd);
		return 0;
	case TCP_RECV_QUEUE:
		if (xsk->rcv.nxt != xsk->rcv.copied_seq)
			return -EPERM;
		xtcp_rcv_begin(&xsk->rcv, seq - 1);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Both ends scale their windows by these shifts. The window that we have offered stays, in the new unit. */
static int set_shifts(struct sock *sk, u16 snd_wscale, u16 rcv_wscale)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_agreed *agreed = &xsk->agreed;
	u32 wnd, clamp;
	u8 shift;

	if (snd_wscale > XTCP_WSCALE_MAX || rcv_wscale > XTCP_WSCALE_MAX)
		return -EFBIG;
	xtcp_agreed_options(agreed, true, snd_wscale, agreed->ts_ok, agreed->sack_ok);
	xtcp_window_select(sk, __sk_dst_get(sk), agreed->advmss, true, &wnd, &clamp, &shift);
	xsk->window_clamp = min(clamp, XTCP_WINDOW_MAX_UNSCALED << rcv_wscale);
	xsk->rcv_wscale = rcv_wscale;
	return 0;
}

/* SACK and timestamps can only be added. What came without SACK was counted in another way. */
static int add_sack(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_agreed *agreed = &xsk->agreed;

	if (!agreed->sack_ok && (xsk->cong.phase != XTCP_CONG_OPEN || xsk->stream->scoreboard.sacked))
		return -EPERM;
	xtcp_agreed_options(agreed, agreed->wscale_ok, agreed->snd_wscale, agreed->ts_ok, true);
	return 0;
}

/* Beside a large signature there is no room for them. */
static int add_timestamps(struct sock *sk)
{
	struct xtcp_agreed *agreed = &xtcp_sk(sk)->agreed;

	if (!xtcp_signer_leaves_room(xtcp_signer_room(sk), agreed->sack_ok))
		return -EPERM;
	xtcp_agreed_options(agreed, agreed->wscale_ok, agreed->snd_wscale, true, agreed->sack_ok);
	return 0;
}

/* An unknown option is skipped, as in Linux. */
static int set_option(struct sock *sk, const struct tcp_repair_opt *opt)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	switch (opt->opt_code) {
	case TCPOPT_MSS:
		xtcp_agreed_peer_mss(&xsk->agreed, opt->opt_val & U16_MAX ?: XTCP_MSS_DEFAULT_V4, xsk->user_mss);
		return 0;
	case TCPOPT_WINDOW:
		return set_shifts(sk, opt->opt_val & U16_MAX, opt->opt_val >> 16);
	case TCPOPT_SACK_PERM:
		return opt->opt_val ? -EINVAL : add_sack(sk);
	case TCPOPT_TIMESTAMP:
		return opt->opt_val ? -EINVAL : add_timestamps(sk);
	default:
		return 0;
	}
}

/* The options of the SYNs, each as a struct tcp_repair_opt; those before a bad one are set. */
static int set_options(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct tcp_repair_opt opt;
	unsigned int at;
	int err = 0;

	if (!xtcp_repair_is_on(sk))
		return -EINVAL;
	if (sk->sk_state != TCP_ESTABLISHED || xsk->stream->bytes_sent)
		return -EPERM;
	for (at = 0; !err && optlen - at >= sizeof(opt); at += sizeof(opt)) {
		if (copy_from_sockptr_offset(&opt, optval, at, sizeof(opt)))
			err = -EFAULT;
		else
			err = set_option(sk, &opt);
		cond_resched();
	}
	/* the search for the path MTU ends at the peer's MSS */
	xtcp_mtuprobe_begin(sk);
	xtcp_mss_sync(sk, xsk->pmtu);
	/* the initial window is ten segments of the size that is known now */
	if (!xtcp_stream_is_there(xsk->stream))
		xtcp_cong_start(sk, false);
	return err;
}

/* Windows that no header can tell are refused; beyond what has come, none is taken back. */
static int set_windows(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	const u32 most = XTCP_WINDOW_MAX_UNSCALED << XTCP_WSCALE_MAX;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct tcp_repair_window opt;
	u32 behind;

	if (!xtcp_repair_is_on(sk))
		return -EPERM;
	if (optlen != sizeof(opt))
		return -EINVAL;
	if (copy_from_sockptr(&opt, optval, sizeof(opt)))
		return -EFAULT;
	behind = xsk->rcv.nxt - opt.rcv_wup;
	if (opt.max_window < opt.snd_wnd || opt.max_window > most || opt.rcv_wnd > most || behind > most ||
	    xtcp_seq_gt(opt.snd_wl1, xsk->rcv.nxt + opt.rcv_wnd))
		return -EINVAL;
	xtcp_snd_set_window(&xsk->snd, opt.snd_wnd, opt.max_window, opt.snd_wl1);
	xtcp_rcv_set_window(&xsk->rcv, max(opt.rcv_wnd, behind), opt.rcv_wup);
	if (sk->sk_state != TCP_CLOSE)
		xtcp_mss_sync(sk, xsk->pmtu);
	return 0;
}

/*
 * Options of TCP_REPAIR that sockopt.c does not know; the arguments are as there, and @val is the
 * first number of @optval. Return: 0, an error of Linux's, or -ENOPROTOOPT.
 */
int xtcp_repair_set(struct sock *sk, int optname, int val, sockptr_t optval, unsigned int optlen)
{
	struct xtcp_snd *snd = &xtcp_sk(sk)->snd;

	sock_owned_by_me(sk);
	switch (optname) {
	case TCP_REPAIR:
		return set_mode(sk, val);
	case TCP_REPAIR_QUEUE:
		return set_queue(sk, val);
	case TCP_QUEUE_SEQ:
		return set_seq(sk, val);
	case TCP_REPAIR_OPTIONS:
		return set_options(sk, optval, optlen);
	case TCP_REPAIR_WINDOW:
		return set_windows(sk, optval, optlen);
	case TCP_TIMESTAMP:
		if (!xtcp_repair_is_on(sk))
			return -EPERM;
		xtcp_snd_choose(snd, snd->iss, val - xtcp_clock_ts());
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* The same for getsockopt(), of a number; no lock. */
int xtcp_repair_get(const struct sock *sk, int optname, int *val)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u8 queue = chosen_queue(xsk);

	switch (optname) {
	case TCP_REPAIR:
		*val = xtcp_repair_is_on(sk);
		return 0;
	case TCP_REPAIR_QUEUE:
		*val = queue;
		return xtcp_repair_is_on(sk) ? 0 : -EINVAL;
	case TCP_QUEUE_SEQ:
		*val = queue == TCP_SEND_QUEUE ? READ_ONCE(xsk->snd.write_seq) : READ_ONCE(xsk->rcv.nxt);
		return queue == TCP_NO_QUEUE ? -EINVAL : 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* TCP_REPAIR_WINDOW. Return: 0, -EINVAL, -EPERM or -EFAULT, as in Linux. */
int xtcp_repair_get_window(struct sock *sk, char __user *optval, int len)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct tcp_repair_window opt;

	if (len != sizeof(opt))
		return -EINVAL;
	if (!xtcp_repair_is_on(sk))
		return -EPERM;
	lock_sock(sk);
	opt = (struct tcp_repair_window) {
		.snd_wl1 = xsk->snd.wl1,
		.snd_wnd = xsk->snd.wnd,
		.max_window = xsk->snd.max_wnd,
		.rcv_wnd = xsk->rcv.wnd,
		.rcv_wup = xsk->rcv.wup,
	};
	release_sock(sk);
	return copy_to_user(optval, &opt, sizeof(opt)) ? -EFAULT : 0;
}

/*
 * connect() in repair mode: the TCB is filled as for a SYN, and the connection is established. Until
 * TCP_REPAIR_OPTIONS says more, no option is agreed on; the peer's window is unknown.
 */
noinline void xtcp_repair_connect(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xtcp_snd_begin_after_syn(&xsk->snd);
	xtcp_snd_acked(&xsk->snd, xsk->snd.nxt);
	xtcp_rcv_begin(&xsk->rcv, xsk->rcv.nxt - 1);
	xtcp_snd_set_window(&xsk->snd, 0, 0, xsk->rcv.irs);
	xtcp_aoconn_synchronize(sk, xsk->rcv.irs);
	xtcp_agreed_options(&xsk->agreed, false, 0, false, false);
	xtcp_agreed_ack_rate(&xsk->agreed, false);
	xtcp_agreed_peer_mss(&xsk->agreed, XTCP_MSS_DEFAULT_V4, xsk->user_mss);
	xsk->ecn = 0;
	xsk->rcv_wscale = 0;
	xsk->window_clamp = min(xsk->window_clamp, XTCP_WINDOW_MAX_UNSCALED);
	xtcp_space_begin(sk);
	xtcp_mtuprobe_begin(sk);
	xtcp_mss_sync(sk, xsk->pmtu);
	xtcp_cong_start(sk, false);
	xtcp_algorithms_start(sk);
	xtcp_sndbuf_expand(sk);
	xtcp_acking_expect_reply(&xsk->acking, false);
	xtcp_state_set(sk, TCP_ESTABLISHED);
	xsk->rcv_tstamp = (u32)jiffies;
	xsk->ack_tstamp = (u32)jiffies;
	xsk->snd_tstamp = xtcp_clock_stamp();
	xtcp_keepalive_changed(sk, 0);
}

/*
 * All that is queued counts as sent now. It counts as resent, too: when it really left, and how long
 * its ACK takes, nobody knows (Karn's algorithm, RFC 6298 section 3).
 */
static void count_as_sent(struct sock *sk)
{
	const u16 mss = xtcp_sk(sk)->mss;
	const u64 now_us = xtcp_clock_us();
	struct sk_buff *skb;

	while ((skb = xtcp_sndq_unsent(sk))) {
		xtcp_sndcb(skb)->mss = mss;
		xtcp_sndcb(skb)->transmissions = 1;
		xtcp_sndq_sent(sk, skb, now_us);
	}
	xtcp_flight_data_sent(sk);
}

/* SHUT_WR in repair mode: a FIN that the other TCP has sent. */
void xtcp_repair_shut(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_repair_counts_as_sent(sk))
		count_as_sent(sk);
}

/* Return: octets; if none, an error. It never waits for space: only ACKs could make it. */
static int queue_as_sent(struct sock *sk, struct msghdr *msg)
{
	struct sk_buff *skb;
	int copied = 0, n;

	if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
		return sk_stream_error(sk, msg->msg_flags, -EPIPE);
	for (n = 0; msg_data_left(msg) && n >= 0; copied += max(n, 0)) {
		n = -EAGAIN;
		xtcp_sndbuf_expand(sk);
		if (!sk_stream_memory_free(sk))
			break;
		n = -ENOBUFS;
		skb = xtcp_sndq_alloc(sk, sk->sk_allocation, xtcp_sndq_is_empty(sk));
		if (!skb)
			break;
		xtcp_sndq_append(sk, skb);
		n = xtcp_sndq_copy(sk, skb, &msg->msg_iter, min_t(size_t, msg_data_left(msg), SKB_MOST));
		xtcp_sndcb(skb)->flags |= XTCP_PSH;
	}
	xtcp_sndq_drop_empty_tail(sk);
	if (copied)
		count_as_sent(sk);
	return copied ?: n;
}

/* Return: octets, or an error. As in Linux, a call takes a part of much text. */
static int queue_as_received(struct sock *sk, struct msghdr *msg, size_t size)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 len = min_t(size_t, size, SKB_MOST);
	struct sk_buff *skb;
	int err = -ENOMEM;

	if (!len)
		return 0;
	/* nothing follows a FIN */
	if (xsk->rcv_fin_known)
		return -EINVAL;
	skb = alloc_skb(len, sk->sk_allocation);
	if (!skb)
		return -ENOMEM;
	if (!copy_from_iter_full(skb_put(skb, len), len, &msg->msg_iter))
		err = -EFAULT;
	*xtcp_seg(skb) = (struct xtcp_seg) {
		.seq = xsk->rcv.nxt,
		.end_seq = xsk->rcv.nxt + len,
		.len = len,
		.flags = XTCP_ACK | XTCP_PSH,
	};
	if (err != -EFAULT && xtcp_text_restored(sk, skb))
		return len;
	kfree_skb(skb);
	return err;
}

/* SEND in repair mode: @msg goes into the chosen queue. */
noinline int xtcp_repair_send(struct sock *sk, struct msghdr *msg, size_t size)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int err;

	sock_owned_by_me(sk);
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))) {
		err = sk_stream_wait_connect(sk, &timeo);
		if (err)
			return sk_stream_error(sk, msg->msg_flags, err);
		/* another thread may have ended the mode meanwhile */
		if (!xtcp_repair_is_on(sk))
			return -EINVAL;
	}
	switch (chosen_queue(xtcp_sk(sk))) {
	case TCP_SEND_QUEUE:
		return queue_as_sent(sk, msg);
	case TCP_RECV_QUEUE:
		return queue_as_received(sk, msg, size);
	default:
		return -EINVAL;
	}
}

/* The text that is not acknowledged. As in Linux, the result is the length of all, even if there was room for less. */
static int peek_sent(struct sock *sk, struct msghdr *msg)
{
	struct sk_buff *skb;
	int copied = 0, err = 0;

	lock_sock(sk);
	for (skb = xtcp_sndq_first(sk); skb && !err; skb = xtcp_sndq_next(sk, skb)) {
		err = skb_copy_datagram_msg(skb, 0, msg, skb->len);
		copied += skb->len;
	}
	skb_queue_walk(&sk->sk_write_queue, skb) {
		if (!err)
			err = skb_copy_datagram_msg(skb, 0, msg, skb->len);
		copied += skb->len;
	}
	release_sock(sk);
	return err ?: copied;
}

/*
 * RECEIVE in repair mode shows a queue, and takes nothing from it. No lock. Return: its result, or
 * XTCP_REPAIR_GO_ON when the caller goes on, with MSG_PEEK of the receive queue.
 */
noinline int xtcp_repair_receive(struct sock *sk, struct msghdr *msg, int flags)
{
	const u8 queue = chosen_queue(xtcp_sk(sk));

	if (!(flags & MSG_PEEK))
		return -EPERM;
	if (queue == TCP_SEND_QUEUE)
		return peek_sent(sk, msg);
	return queue == TCP_NO_QUEUE ? -EINVAL : XTCP_REPAIR_GO_ON;
}
