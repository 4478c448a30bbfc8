// SPDX-License-Identifier: GPL-2.0
/*
 * STATUS (RFC 9293 section 3.10.6): TCP_INFO, ioctl() and poll(). xtcp counts in octets, but
 * TCP_INFO reports some values in segments, as in Linux.
 */
#include "socket/socket.h"

#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <net/tcp.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/sock.h"
#include "compat.h"
#include "cong/cong.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "expiry/expiry.h"
#include "listen/listen.h"
#include "recv/recv.h"
#include "window/window.h"

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

/* In SYN-SENT nothing is agreed: xsk->agreed has what our SYN offers. */
static void info_options(const struct xtcp_sock *xsk, struct tcp_info *info)
{
	if (info->tcpi_state == TCP_SYN_SENT)
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

static void info_busy(const struct xtcp_sock *xsk, struct tcp_info *info)
{
	const struct xtcp_busy *busy = &xsk->stream->busy;

	info->tcpi_rwnd_limited = xtcp_busy_us(busy, XTCP_BUSY_WINDOW);
	info->tcpi_sndbuf_limited = xtcp_busy_us(busy, XTCP_BUSY_BUFFER);
	info->tcpi_busy_time = xtcp_busy_us(busy, XTCP_BUSY) + info->tcpi_rwnd_limited + info->tcpi_sndbuf_limited;
}

static void info_timeouts(const struct xtcp_sock *xsk, union xtcp_compat_info *whole)
{
	whole->rehash = xsk->timeouts.rehashes;
	whole->total_rto = xsk->timeouts.total;
	whole->total_rto_recoveries = xsk->timeouts.recoveries;
	whole->total_rto_time = xtcp_timeouts_ms(&xsk->timeouts);
}

/**
 * xtcp_status_fill() - fill a struct tcp_info
 * @sk: the sock
 * @whole: receives the values; fields that have no meaning in xtcp are 0
 *
 * RFC 9293 section 3.10.6.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_status_fill(struct sock *sk, union xtcp_compat_info *whole)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct tcp_info *info = &whole->tcp;

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

	info_congestion(sk, info);
	info_options(xsk, info);
	info_counts(xsk, info);
	info_busy(xsk, info);
	info_timeouts(xsk, whole);
	xtcp_compat_info_accecn(info, &xsk->accecn, &xsk->stream->told, xsk->ecn & XTCP_ECN_ACCURATE);
	info->tcpi_retransmits = xsk->tries.retransmits;
	info->tcpi_probes = xtcp_tries_probes_out(&xsk->tries);
	info->tcpi_backoff = xsk->rto.backoff;
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
}

/**
 * xtcp_status_info() - TCP_INFO: fill a struct tcp_info
 * @sk: the sock
 * @whole: receives the values
 *
 * Context: process. Takes the socket lock.
 */
void xtcp_status_info(struct sock *sk, union xtcp_compat_info *whole)
{
	lock_sock(sk);
	xtcp_status_fill(sk, whole);
	release_sock(sk);
}

/**
 * xtcp_status_fill_abort() - XTCP_ABORT: say why a connection ended
 * @sk: the sock, in any state
 * @abort: receives the answer
 *
 * Context: any. Lock: socket, held, or none. Without the lock, fields may be of different times.
 */
void xtcp_status_fill_abort(const struct sock *sk, struct xtcp_abort *abort)
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

/**
 * xtcp_status_abort() - XTCP_ABORT, for a caller without the socket lock
 * @sk: the sock, in any state
 * @abort: receives the answer
 *
 * Context: process. Takes the socket lock.
 */
void xtcp_status_abort(struct sock *sk, struct xtcp_abort *abort)
{
	lock_sock(sk);
	xtcp_status_fill_abort(sk, abort);
	release_sock(sk);
}

/**
 * xtcp_status_ioctl() - proto.ioctl: answer an ioctl() of sockets
 * @sk: the sock
 * @cmd: SIOCINQ (FIONREAD), SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK
 * @karg: receives the answer: how many octets; for SIOCATMARK, whether the urgent octet is the next
 *	one to read
 *
 * Context: process. Takes the socket lock where needed.
 *
 * Return: 0; -EINVAL for a listener, except for SIOCATMARK; -ENOIOCTLCMD for any other @cmd.
 */
int xtcp_status_ioctl(struct sock *sk, int cmd, int *karg)
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
	/*
	 * test again, since space may have been freed after the first test; pairs with the barrier
	 * in xtcp_sndbuf_wake()
	 */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1);
}

/**
 * xtcp_status_poll() - proto_ops.poll: what can a program do with the socket now?
 * @file: the file of the socket
 * @sock: the socket
 * @wait: the table to which the socket's wait queue is added
 *
 * An ACK may wait for the program's next action (xtcp_acks_owed()). If the program polls for data
 * and there is nothing to read, this ACK is sent now. Data that waits for the next write
 * (sendmsg.c) is sent now in any case.
 *
 * Context: process. No lock is needed to test the socket, since a later change wakes the waiter. If
 * an ACK or data is sent, the function takes the lock of bh_lock_sock().
 *
 * Return: EPOLL* bits, as in Linux.
 */
__poll_t xtcp_status_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);
	/*
	 * read state, shutdown and error in this order. When a connection ends, end.c writes the
	 * error first and the state last. So if this function sees the new state, it also sees the
	 * shutdown and the error
	 */
	state = inet_sk_state_load(sk);
	if (state == TCP_LISTEN) {
		/*
		 * this thread may also be a client of this listener, and may hold back the third
		 * ACK until it writes: send the ACK now, as xtcp_listen_accept() does
		 */
		if (!xtcp_acceptq_has_child(sk))
			xtcp_thirdack_go();
		return xtcp_acceptq_has_child(sk) ? EPOLLIN | EPOLLRDNORM : 0;
	}

	xtcp_coalesce_flush(sk);
	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	/*
	 * During the handshake, read() and write() wait. There are three exceptions. After a Fast
	 * Open, the program can read and write in SYN-RECEIVED already. In SYN-SENT, connect() may
	 * have left the SYN to the first write (below). And if both directions are shut down, the
	 * connection has ended since this function read the state SYN-SENT: read() and write()
	 * return at once.
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
