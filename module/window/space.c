// SPDX-License-Identifier: GPL-2.0
/*
 * The size of the receive buffer, and the window that it allows.
 *
 * Three things bound the window:
 *
 * - The size of the buffer (sk_rcvbuf), which grows with the speed of the reader (dynamic
 *   right-sizing). When the program reads more in a round trip than in any round trip before, the
 *   buffer grows to hold more than twice this amount.
 * - The share of text in the buffer's memory. It is measured once per window, from a full segment
 *   or GRO packet.
 * - rcv_ssthresh, which limits the window of a new connection to the amount of text that is known
 *   to fit. Each segment that costs no more memory than expected raises rcv_ssthresh by two
 *   segments.
 *
 * The receiver measures the RTT itself. With timestamps it uses the echo in a segment of text.
 * Without timestamps it stores the right edge of the window, and takes the time until text beyond
 * this edge arrives. The peer can send such text only after we have moved the edge, so at least an
 * RTT passes. If the peer has little to send, more time passes, so the shortest time counts.
 */
#include "window/space.h"

#include <linux/skbuff.h>
#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"

/*
 * The window that @space octets of buffer allow. It is a part of @space, because an skb takes more
 * memory than its text.
 */
static u32 space_window(const struct sock *sk, int space)
{
	return space > 0 ? (u64)space * READ_ONCE(xtcp_sk(sk)->rcv_ratio) >> XTCP_SPACE_RATIO_BITS : 0;
}

/**
 * xtcp_space_free() - get the window that the free part of the buffer allows
 * @sk: the sock
 *
 * RFC 9293 section 3.8.6.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: octets.
 */
__always_inline u32 xtcp_space_free(const struct sock *sk)
{
	/*
	 * the kernel stores the length without WRITE_ONCE(); any recent value will do
	 */
	const int backlog = data_race(READ_ONCE(sk->sk_backlog.len));

	return space_window(sk, READ_ONCE(sk->sk_rcvbuf) - backlog - atomic_read(&sk->sk_rmem_alloc));
}

/**
 * xtcp_space_full() - get the window that an empty receive buffer allows
 * @sk: the sock
 *
 * RFC 9293 section 3.8.6.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: octets.
 */
__always_inline u32 xtcp_space_full(const struct sock *sk)
{
	return space_window(sk, READ_ONCE(sk->sk_rcvbuf));
}

/* How much text the largest segment of the peer can have, octets. */
static u32 largest_text(const struct xtcp_sock *xsk)
{
	u32 options = xsk->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0;

	return max_t(u32, xsk->agreed.advmss - options, XTCP_MSS_MIN_USER);
}

/* How much a program is assumed to read per round trip until this has been measured, octets. */
static u32 first_copied(const struct xtcp_sock *xsk)
{
	return max(min(xsk->rcv.wnd, XTCP_INIT_CWND * largest_text(xsk)), 1U);
}

/**
 * xtcp_space_copied() - how much the program is assumed to read per round trip
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the most octets that the program has read in one round trip. Until this is known: ten
 * segments or the window, whichever is smaller, but at least one octet. Before the peer's SYN: 0.
 */
u32 xtcp_space_copied(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xtcp_stream_is_there(xsk->stream))
		return xsk->stream->space_copied;
	return xsk->rcv_ssthresh ? first_copied(xsk) : 0;
}

/**
 * xtcp_space_begin() - the peer's SYN was taken: begin to measure
 * @sk: RCV.NXT, the first window, our MSS option and the use of timestamps are known
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can reach @sk.
 */
void xtcp_space_begin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->rcv_ssthresh = xsk->rcv.wnd;
	/* the struct xtcp_stream exists already if text was sent with the SYN */
	if (xtcp_stream_is_there(xsk->stream)) {
		xsk->stream->rcv_rtt_seq = xsk->rcv.nxt;
		xsk->stream->space_copied = first_copied(xsk);
	}
}

/*
 * Take an RTT sample. The first RTT counts at once, and so does a shorter one; a longer RTT has a
 * weight of an eighth. @is_most: the sample is the time in which a whole window came, which may be
 * longer than the RTT. Such a sample counts only if it is the first or a shorter one.
 */
static void take_round_trip(struct xtcp_sock *xsk, u32 ms, bool is_most)
{
	struct xtcp_stream *stream = xsk->stream;
	u32 us, old = stream->rcv_rtt_us;

	if (ms > XTCP_RTO_MAX_MS)
		return;
	us = max(ms, 1U) * USEC_PER_MSEC;
	if (!old || us < old)
		stream->rcv_rtt_us = us;
	else if (!is_most)
		stream->rcv_rtt_us = old - old / 8 + us / 8;
}

/*
 * RFC 7323 section 4.1, for the receiver: text with a new timestamp echo has come. The text yields
 * an RTT only if it is a full segment, because a smaller segment may have waited for the peer's
 * program.
 */
static noinline void echo_arrived(struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	xsk->stream->rcv_rtt_tsecr = seg->tsecr;
	if (xsk->agreed.ts_ok && seg->has_ts && seg->tsecr && seg->len >= xsk->rcv_mss)
		take_round_trip(xsk, xtcp_clock_ts_of(xsk->arrived_us) + xsk->snd.ts_offset - seg->tsecr, false);
}

/*
 * Measure which share of the memory of @skb is text. A lower share counts at once; a higher share
 * raises rcv_ratio gradually, because a lack of memory is worse than a small window.
 */
static void measure_ratio(struct xtcp_sock *xsk, const struct sk_buff *skb)
{
	u32 ratio = clamp_t(u64, div_u64((u64)skb->len << XTCP_SPACE_RATIO_BITS, max(skb->truesize, 1U)), 1, U8_MAX);

	if (skb->len < xsk->rcv_mss)
		return;
	if (ratio > xsk->rcv_ratio)
		ratio = xsk->rcv_ratio + DIV_ROUND_UP(ratio - xsk->rcv_ratio, 4);
	WRITE_ONCE(xsk->rcv_ratio, ratio);
}

/*
 * Text has come beyond rcv_rtt_seq, the right edge that the previous call stored. So a whole window
 * has come: measure the share of text and, without timestamps, the RTT. Then store the present
 * right edge. The first call measures no RTT, because no right edge was stored before it: in the
 * first call, rcv_rtt_seq is the beginning of the peer's text.
 */
static noinline void window_passed(struct xtcp_sock *xsk, const struct sk_buff *skb)
{
	struct xtcp_stream *stream = xsk->stream;
	u32 now = xtcp_clock_ts_of(xsk->arrived_us);

	if (!xsk->agreed.ts_ok && stream->rcv_rtt_stamp)
		take_round_trip(xsk, now - stream->rcv_rtt_stamp, true);
	stream->rcv_rtt_stamp = now ?: 1;
	stream->rcv_rtt_seq = xsk->rcv.wup + xsk->rcv.wnd;
	measure_ratio(xsk, skb);
}

static noinline void grow_ssthresh(struct sock *sk, const struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 most = min(xtcp_space_free(sk), xsk->window_clamp);

	if (sk_under_memory_pressure(sk))
		xsk->rcv_ssthresh = min(xsk->rcv_ssthresh, 4U * xsk->agreed.advmss);
	else if (xsk->rcv_ssthresh < most && space_window(sk, skb->truesize) <= skb->len)
		xsk->rcv_ssthresh += min(most - xsk->rcv_ssthresh, 2 * max_t(u32, skb->len, xsk->agreed.advmss));
}

/**
 * xtcp_space_arrived() - measure new text
 * @sk: the sock
 * @skb: the text, trimmed to the window, before it is queued
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_space_arrived(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg((struct sk_buff *)skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	if (seg->tsecr != stream->rcv_rtt_tsecr)
		echo_arrived(xsk, seg);
	if (xtcp_seq_gt(seg->end_seq, stream->rcv_rtt_seq))
		window_passed(xsk, skb);
	/*
	 * raise rcv_ssthresh only if it is at least a segment below the full window. In a small
	 * buffer it need not grow: the first window is the full window, rounded down to whole
	 * segments
	 */
	if (xsk->rcv_ssthresh + xsk->agreed.advmss <= xtcp_space_full(sk))
		grow_ssthresh(sk, skb);
}

/**
 * xtcp_space_overrun() - text within the offered window does not fit into the buffer: reduce the
 * window
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_space_overrun(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->rcv_ssthresh = min(xsk->window_clamp, 2U * xsk->agreed.advmss);
}

/**
 * xtcp_space_clamp() - set TCP_WINDOW_CLAMP of a connection
 * @sk: the sock
 * @clamp: the largest window, octets
 *
 * The window that we have offered does not shrink (RFC 9293 section 3.8.6, SHLD-14).
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_space_clamp(struct sock *sk, u32 clamp)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (clamp < xsk->window_clamp)
		xsk->rcv_ssthresh = min(xsk->rcv_ssthresh, clamp);
	else
		xsk->rcv_ssthresh = max(xsk->rcv_ssthresh, min(xsk->rcv.wnd, clamp));
	xsk->window_clamp = clamp;
}

/*
 * The RTT in microseconds; 0: unknown. With timestamps, the result is rcv_rtt_us if it is known,
 * and else SRTT. Without timestamps, rcv_rtt_us may be too long, so the result is the shorter of
 * rcv_rtt_us and SRTT, or the one that is known.
 */
static u32 round_trip(const struct xtcp_sock *xsk)
{
	const u32 us = xsk->stream->rcv_rtt_us;

	return xsk->agreed.ts_ok && us ? us : min_not_zero(us, xsk->rto.srtt_us);
}

/*
 * The program has read @copied octets in one round trip, more than in any round trip before: grow
 * the buffer.
 */
static void right_size(struct sock *sk, u32 copied)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 before = max(xsk->stream->space_copied, 1U);
	u64 window, rcvbuf;

	if (!READ_ONCE(ctl->moderate_rcvbuf) || sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		return;
	/*
	 * twice @copied leaves room for retransmissions. In each of the next two round trips, the
	 * program may again read more, by the same percentage as from @before to @copied. Add room
	 * for that growth now.
	 */
	window = 2ULL * copied + 16 * largest_text(xsk);
	window += 2 * div_u64(window * (copied - before), before);
	rcvbuf = div_u64(min_t(u64, window, U32_MAX) << XTCP_SPACE_RATIO_BITS, xsk->rcv_ratio);
	rcvbuf = min_t(u64, rcvbuf, READ_ONCE(ctl->rmem[2]));
	if (rcvbuf > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
}

static noinline void more_was_read(struct sock *sk, u32 copied)
{
	right_size(sk, copied);
	xtcp_sk(sk)->stream->space_copied = copied;
}

/**
 * xtcp_space_adjust() - adapt the receive buffer to the speed of the reader
 * @sk: its program has just received octets
 *
 * The buffer grows up to the namespace's rmem[2]. It does not change if SO_RCVBUF has set its size,
 * or if net.xtcp.moderate_rcvbuf is 0. RFC 9293 section 3.8.6 leaves all this to the receiver.
 * Linux does the same with tcp_moderate_rcvbuf.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_space_adjust(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u64 now = xsk->arrived_us, since;
	u32 copied;

	sock_owned_by_me(sk);
	/*
	 * without a struct xtcp_stream, no text has come in this connection: the program has read
	 * text of an earlier connection of this sock
	 */
	if (!xtcp_stream_is_there(stream))
		return;
	since = stream->space_stamp;
	if (now - since < round_trip(xsk) || !round_trip(xsk))
		return;
	copied = xsk->rcv.copied_seq - stream->space_seq;
	stream->space_seq = xsk->rcv.copied_seq;
	stream->space_stamp = now;
	if (since && copied > stream->space_copied)
		more_was_read(sk, copied);
}
