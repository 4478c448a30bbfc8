// SPDX-License-Identifier: GPL-2.0
/*
 * The window that we offer (RFC 9293 sections 3.8.6 and 3.8.6.2.2).
 *
 * rcv.wup + rcv.wnd is the right edge as the peer knows it. The edge never moves left (SHLD-14),
 * and right only by a worthwhile step (MUST-39). The header can express only multiples of our unit,
 * 1 << Rcv.Wind.Shift. So when the edge is to stay, the offer is rounded up.
 *
 * Three things bound the window:
 *
 *  - The size of the buffer (sk_rcvbuf). When the program reads more in a round trip than in any
 *    before, the buffer grows to hold more than twice this amount (dynamic right-sizing).
 *  - The share of text in the buffer's memory, measured once per window, from a full segment or GRO
 *    packet.
 *  - rcv_ssthresh, which limits the window of a new connection to text that is known to fit. Each
 *    segment that costs no more memory than expected raises it by two segments.
 *
 * The receiver measures the RTT itself: with timestamps, from the echo in a segment of text. Without,
 * by the time until text comes beyond the present right edge, which takes at least an RTT; the
 * shortest time counts.
 *
 * The SACK blocks that we send (RFC 2018 section 4, RFC 2883): rcvq.c says when text out of order
 * is queued, passed or dropped. The four blocks that changed last are stored, the newest first.
 * Each is sent several times, because ACKs may be lost; the peer remembers older ones. A block covers
 * only octets that are in the queue. A D-SACK for text that came twice is sent once, in front of them.
 */
#include "window/window.h"

#include "base/bounds.h"
#include "sight/sight.h"

#define FEW_BLOCKS	2	/* beside these, an ACK with timestamps has room for one more */

/* in block[] they follow the D-SACK */
static struct xtcp_sack_block *queued_blocks(struct xtcp_sock *xsk)
{
	return xsk->stream->sack.block + 1;
}

/* Return: false when octets lie between them. */
static bool extend(struct xtcp_sack_block *block, struct xtcp_sack_block more)
{
	if (xtcp_seq_gt(more.start, block->end) || xtcp_seq_gt(block->start, more.end))
		return false;
	if (xtcp_seq_lt(more.start, block->start))
		block->start = more.start;
	if (xtcp_seq_gt(more.end, block->end))
		block->end = more.end;
	return true;
}

/* The ACKs that were held back: one was sent instead, or all text is in order now. */
static void end_compression(struct xtcp_sock *xsk)
{
	struct xtcp_sack *sack = &xsk->stream->sack;

	sack->may_wait = false;
	if (likely(!sack->compressed))
		return;
	XTCP_NET_ADD_STATS(xsk->xn, LINUX_MIB_TCPACKCOMPRESSED, sack->compressed);
	sack->compressed = 0;
}

/**
 * xtcp_sack_queued() - note text out of order that has come, whether new or already in the queue
 * @sk: the sock
 * @start: sequence number of the first octet
 * @end: sequence number after the last octet; all octets in this range are in the queue
 *
 * It merges with the blocks that it overlaps or touches, and becomes the first block. If a FIN is
 * known to follow, the block covers it (RFC 2018 section 4).
 */
void xtcp_sack_queued(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_sack_block *blocks = queued_blocks(xsk);
	struct xtcp_sack_block newest = { .start = start, .end = end };
	unsigned int i, kept = 0;

	sock_owned_by_me(sk);
	if (!xsk->agreed.sack_ok)
		return;
	if (xsk->rcv_fin_known && end == stream->rcv_fin_seq)
		newest.end++;
	/* one pass suffices: no old block touches another, so no merger makes @newest touch one that was kept */
	for (i = 0; i < stream->sack.blocks; i++)
		if (!extend(&newest, blocks[i]))
			blocks[kept++] = blocks[i];
	kept = min_t(unsigned int, kept, XTCP_SACK_BLOCKS_MAX - 1);
	memmove(blocks + 1, blocks, kept * sizeof(*blocks));
	blocks[0] = newest;
	stream->sack.blocks = kept + 1;
}

/**
 * xtcp_sack_duplicate() - note that octets came twice, for a D-SACK in an ACK at once
 * @sk: the sock
 * @start: sequence number of the first octet
 * @end: sequence number after the last octet
 *
 * Of ranges of a segment that do not touch, only the first is reported (RFC 2883 section 4).
 */
void xtcp_sack_duplicate(struct sock *sk, u32 start, u32 end)
{
	const struct xtcp_sack_block block = { .start = start, .end = end };
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	if (!xsk->agreed.sack_ok || !READ_ONCE(xsk->xn->sysctl.dsack))
		return;
	/* no text has come yet. The segment may be forged, so do not allocate the struct for it */
	if (!xtcp_stream_is_there(stream))
		return;
	xtcp_acking_owe_now(&xsk->acking);
	if (stream->sack.came_twice) {
		extend(&stream->sack.block[0], block);
		return;
	}
	stream->sack.block[0] = block;
	stream->sack.came_twice = true;
}

/**
 * xtcp_sack_repeated() - note that a segment brought nothing new, in a D-SACK
 * @sk: the sock
 * @start: SEG.SEQ
 * @end: sequence number after the last octet that came twice
 *
 * If the last D-SACK began there, our ACKs do not seem to arrive: try another path, as Linux does.
 */
void xtcp_sack_repeated(struct sock *sk, u32 start, u32 end)
{
	const struct xtcp_sack *sack = &xtcp_sk(sk)->stream->sack;

	sock_owned_by_me(sk);
	if (sack->block[0].start == start && sack->block[0].end != start && sk_rethink_txhash(sk))
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPDUPLICATEDATAREHASH);
	xtcp_sack_duplicate(sk, start, end);
}

/* Remove blocks below RCV.NXT, which has moved. */
void xtcp_sack_advanced(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_sack_block *blocks = queued_blocks(xsk);
	unsigned int i, kept = 0;

	sock_owned_by_me(sk);
	for (i = 0; i < stream->sack.blocks; i++)
		if (xtcp_seq_gt(blocks[i].start, xsk->rcv.nxt))
			blocks[kept++] = blocks[i];
	stream->sack.blocks = kept;
	stream->sack.dups = 0;
	if (!kept)
		end_compression(xsk);
}

/**
 * xtcp_sack_dropped() - text was dropped from the queue: remove it from the blocks
 * @sk: the sock
 * @start: the first octet that was dropped; no block extends beyond it on return
 *
 * RFC 2018 section 8: a block may report only text that is still in the queue. A D-SACK that was
 * not sent yet is also cut. Beyond RCV.NXT the peer could mistake it for text in the queue.
 * Context: softirq or process. Lock: socket, held, or no other thread can reach @sk.
 */
void xtcp_sack_dropped(struct sock *sk, u32 start)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_sack_block *blocks = queued_blocks(xsk);
	struct xtcp_sack_block *twice = stream->sack.block;
	unsigned int i, kept = 0;

	if (stream->sack.came_twice && xtcp_seq_gt(twice->end, start)) {
		twice->end = xtcp_seq_max(twice->start, start);
		stream->sack.came_twice = twice->start != twice->end;
	}
	for (i = 0; i < stream->sack.blocks; i++) {
		if (xtcp_seq_ge(blocks[i].start, start))
			continue;
		blocks[kept] = blocks[i];
		if (xtcp_seq_gt(blocks[kept].end, start))
			blocks[kept].end = start;
		kept++;
	}
	stream->sack.blocks = kept;
}

/* Octets that the blocks and an ACK rate request take from the next text. Without room the last block is left out. */
noinline u32 xtcp_sack_room(const struct xtcp_sack *sack, bool ts_ok)
{
	const u32 most = XTCP_MAX_OPTIONS - (ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0);
	u32 room = 0;

	if (xtcp_sack_has_news(sack))
		room = XTCP_OPTLEN_SACK_ALIGNED(xtcp_sack_blocks_to_send(sack, ts_ok));
	return sack->asks ? min_t(u32, room + XTCP_OPTLEN_ACK_RATE_ALIGNED, most) : room;
}

/* A segment with the blocks, in place of ACKs held back, was sent. A D-SACK is sent once (RFC 2883 section 4). */
void xtcp_sack_told(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	end_compression(xsk);
	if (!stream->sack.came_twice)
		return;
	stream->sack.came_twice = false;
	XTCP_NET_INC_STATS(xsk->xn, xtcp_seq_lt(stream->sack.block[0].start, xsk->rcv.nxt) ? LINUX_MIB_TCPDSACKOLDSENT :
											  LINUX_MIB_TCPDSACKOFOSENT);
}

/**
 * xtcp_sack_out_of_order() - decide whether the ACK for new out-of-order text may wait
 * @sk: the sock; the text is queued, and the ACK was not sent yet
 * @before: the first block, as it was before the text came
 *
 * It may wait (sack.may_wait) if a later ACK will also report the text: the text has extended the
 * first block, or the option still has room for one more block. Otherwise it is sent at once (RFC
 * 5681 section 4.2).
 */
void xtcp_sack_out_of_order(struct sock *sk, struct xtcp_sack_block before)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_sack *sack = &xsk->stream->sack;
	const struct xtcp_sack_block *first = queued_blocks(xsk);

	sock_owned_by_me(sk);
	if (likely(!READ_ONCE(xsk->xn->sysctl.comp_sack_nr)) || !sack->blocks ||
	    (sack->blocks > FEW_BLOCKS && first->start != before.start && first->end != before.end))
		xtcp_acking_hurry(&xsk->acking);
	else
		sack->may_wait = true;
}

/* An skb takes more memory than its text, so a part of @space. */
static u32 space_window(const struct sock *sk, int space)
{
	return space > 0 ? (u64)space * READ_ONCE(xtcp_sk(sk)->rcv_ratio) >> XTCP_SPACE_RATIO_BITS : 0;
}

/* The window that the free part of the buffer allows, octets. Any context; racy without the lock. */
__always_inline u32 xtcp_space_free(const struct sock *sk)
{
	/* the kernel stores it without WRITE_ONCE(); any recent value will do */
	const int backlog = data_race(READ_ONCE(sk->sk_backlog.len));

	return space_window(sk, READ_ONCE(sk->sk_rcvbuf) - backlog - atomic_read(&sk->sk_rmem_alloc));
}

/* The same for an empty buffer. */
__always_inline u32 xtcp_space_full(const struct sock *sk)
{
	return space_window(sk, READ_ONCE(sk->sk_rcvbuf));
}

/* in the largest segment of the peer, octets */
static u32 largest_text(const struct xtcp_sock *xsk)
{
	u32 options = xsk->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0;

	return max_t(u32, xsk->agreed.advmss - options, XTCP_MSS_MIN_USER);
}

/* until it has been measured, octets */
static u32 first_copied(const struct xtcp_sock *xsk)
{
	return max(min(xsk->rcv.wnd, XTCP_INIT_CWND * largest_text(xsk)), 1U);
}

/*
 * The most octets that the program has read in a round trip. Until this is known: ten segments or the
 * window, whichever is smaller. Before the peer's SYN: 0.
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
 */
void xtcp_space_begin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->rcv_ssthresh = xsk->rcv.wnd;
	/* it exists already if text was sent with the SYN */
	if (xtcp_stream_is_there(xsk->stream)) {
		xsk->stream->rcv_rtt_seq = xsk->rcv.nxt;
		xsk->stream->space_copied = first_copied(xsk);
	}
}

/*
 * The first RTT counts at once, and so does a shorter one; a longer one has a weight of an eighth.
 * @is_most: the sample may be longer than the RTT: a longer one does not count.
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

/* RFC 7323 section 4.1, for the receiver: full segments only, as others may have waited for their program. */
static noinline void echo_arrived(struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	xsk->stream->rcv_rtt_tsecr = seg->tsecr;
	if (xsk->agreed.ts_ok && seg->has_ts && seg->tsecr && seg->len >= xsk->rcv_mss)
		take_round_trip(xsk, xtcp_clock_ts_of(xsk->arrived_us) + xsk->snd.ts_offset - seg->tsecr, false);
}

/* A lower share counts at once, a higher one slowly: lack of memory is worse than a small window. */
static void measure_ratio(struct xtcp_sock *xsk, const struct sk_buff *skb)
{
	u32 ratio = clamp_t(u64, div_u64((u64)skb->len << XTCP_SPACE_RATIO_BITS, max(skb->truesize, 1U)), 1, U8_MAX);

	if (skb->len < xsk->rcv_mss)
		return;
	if (ratio > xsk->rcv_ratio)
		ratio = xsk->rcv_ratio + DIV_ROUND_UP(ratio - xsk->rcv_ratio, 4);
	WRITE_ONCE(xsk->rcv_ratio, ratio);
}

/* Text is beyond the right edge of the previous call: a window has come. The first call measures no RTT. */
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

/* Measure new text, which is trimmed to the window and not queued yet. */
void xtcp_space_arrived(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg((struct sk_buff *)skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (seg->tsecr != xsk->stream->rcv_rtt_tsecr)
		echo_arrived(xsk, seg);
	if (xtcp_seq_gt(seg->end_seq, xsk->stream->rcv_rtt_seq))
		window_passed(xsk, skb);
	/* a small buffer: the first window is the full window there, rounded down to whole segments */
	if (xsk->rcv_ssthresh + xsk->agreed.advmss <= xtcp_space_full(sk))
		grow_ssthresh(sk, skb);
}

/* Microseconds; 0: unknown. Without timestamps rcv_rtt_us may be too long: the shorter of it and SRTT. */
static u32 round_trip(const struct xtcp_sock *xsk)
{
	const u32 us = xsk->stream->rcv_rtt_us;

	return xsk->agreed.ts_ok && us ? us : min_not_zero(us, xsk->rto.srtt_us);
}

static noinline void more_was_read(struct sock *sk, u32 copied)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 before = max(xsk->stream->space_copied, 1U);
	u64 window, rcvbuf;

	xsk->stream->space_copied = copied;
	if (!READ_ONCE(ctl->moderate_rcvbuf) || sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		return;
	/* twice @copied leaves room for retransmissions, the rest for as much growth in the next two round trips */
	window = 2ULL * copied + 16 * largest_text(xsk);
	window += 2 * div_u64(window * (copied - before), before);
	rcvbuf = div_u64(min_t(u64, window, U32_MAX) << XTCP_SPACE_RATIO_BITS, xsk->rcv_ratio);
	rcvbuf = min_t(u64, rcvbuf, READ_ONCE(ctl->rmem[2]));
	if (rcvbuf > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
}

/*
 * The program has read. The buffer grows up to the namespace's rmem[2], unless SO_RCVBUF has set
 * its size or net.xtcp.moderate_rcvbuf is 0. RFC 9293 section 3.8.6 leaves this to the receiver.
 */
void xtcp_space_adjust(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u64 now = xsk->arrived_us, since;
	u32 copied;

	sock_owned_by_me(sk);
	/* no text has come: the program has read that of an earlier connection of this sock */
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

static u32 most_whatever_is_free(const struct xtcp_sock *xsk)
{
	return min(xsk->window_clamp, xsk->rcv_ssthresh);
}

/* RFC 9293 section 3.8.6.2.2 calls @step "reduction". */
static bool is_worthwhile(const struct sock *sk, u32 step)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 full = min3(xtcp_space_full(sk), xsk->window_clamp, xsk->rcv_ssthresh);

	return step >= min_t(u32, full / 2, xsk->rcv_mss);
}

/*
 * Without a shift, offer whole segments, as Linux does. But offer all of @space if none fits, or if
 * they move the right edge too little: an update has to double the window, and in a small buffer
 * perhaps only all of @space does.
 */
static u32 whole_segments(const struct sock *sk, u32 now, u32 space)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 whole;

	if (xsk->rcv_wscale || space < xsk->rcv_mss)
		return space;
	whole = rounddown(space, xsk->rcv_mss);
	return whole > now && is_worthwhile(sk, whole - now) ? whole : space;
}

/*
 * An ACK with another window is no duplicate (RFC 5681 section 2 (e)). To a peer without SACK, the
 * third duplicate that tells of a hole causes a fast retransmission, and each of the first two lets
 * out a new segment, which causes another (section 3.2). If one does not count while few segments are
 * in flight, the peer waits for its timeout. So such an ACK keeps the edge, which moves with the ACK of
 * the segment that fills the hole; unless the window would at least double: a peer that a small
 * window stops sends nothing that causes duplicates.
 */
static bool may_move(const struct sock *sk, u32 now, u32 space)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return space > now && is_worthwhile(sk, space - now) &&
	       !(space - now < now && !xsk->agreed.sack_ok && xsk->rcv.nxt == xsk->rcv.wup &&
		 xtcp_stream_is_there(xsk->stream) && !RB_EMPTY_ROOT(&xsk->stream->out_of_order));
}

/* @now: octets offered already. Not inlined: no registers to save while the window is at its bound. */
static noinline u32 larger(const struct sock *sk, u32 now)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 space = min(most_whatever_is_free(xsk), xtcp_space_free(sk)), unit = 1U << xsk->rcv_wscale;
	u32 wnd = ALIGN(now, unit);

	if (sk_under_memory_pressure(sk))
		space = min_t(u32, space, 4U * xsk->agreed.advmss);
	if (may_move(sk, now, space)) {
		space = whole_segments(sk, now, space);
		wnd = max(wnd, ALIGN_DOWN(space, unit) ?: unit);
	}
	return wnd;
}

/* The window for the next segment: octets from RCV.NXT, a multiple of the unit of our shift. */
u32 xtcp_window_offer(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_rcv_room(&xsk->rcv), wnd;

	sock_owned_by_me(sk);
	wnd = most_whatever_is_free(xsk) > now ? larger(sk, now) : ALIGN(now, 1U << xsk->rcv_wscale);
	return min(wnd, XTCP_WINDOW_MAX_UNSCALED << xsk->rcv_wscale);
}

/* octets: the program's limit, or else that of the route */
static u32 most_allowed(const struct sock *sk, const struct dst_entry *dst)
{
	return READ_ONCE(xtcp_sk(sk)->user_window_clamp) ?:
	       xtcp_metric(dst, RTAX_WINDOW) ?: XTCP_WINDOW_MAX_UNSCALED << XTCP_WSCALE_MAX;
}

/**
 * xtcp_window_first() - compute the window for a SYN or SYN-ACK
 * @sk: the sock that opens, or the listener
 * @dst: the route to the peer; NULL: none is known
 * @mss: how many octets a whole segment has; not 0
 *
 * What an empty buffer allows, but at most TCP_WINDOW_CLAMP, or else the route's metric window. It
 * is whole segments, if one fits, and at most initrwnd of the route. The window of a SYN is not
 * scaled, so at most 65,535 octets (RFC 7323 section 2.2).
 * Context: softirq or process. No lock is needed: the buffer size may be out of date.
 */
inline u32 xtcp_window_first(const struct sock *sk, const struct dst_entry *dst, u32 mss)
{
	u32 space = min(xtcp_space_full(sk), most_allowed(sk, dst));
	u32 segments = xtcp_metric(dst, RTAX_INITRWND);

	if (space > mss)
		space = rounddown(space, mss);
	if (segments)
		space = min_t(u64, space, (u64)segments * mss);
	return min(space, XTCP_WINDOW_MAX_UNSCALED);
}

/**
 * xtcp_window_select() - choose the first window, its limit and the shift
 * @sk: the sock that opens, or the listener
 * @dst: the route to the peer; NULL: none is known
 * @mss: our MSS option, octets
 * @wscale_ok: a shift may be used
 * @rcv_wnd: receives the first window, octets; it fits the window field of a SYN
 * @window_clamp: receives the largest window
 * @rcv_wscale: receives the shift
 *
 * The SYN fixes the shift (RFC 7323 section 2.3), so it is chosen for the largest buffer that this
 * namespace allows. With SO_RCVBUF it is chosen for that size, as in Linux: a larger shift would
 * round a small window down.
 * Context: softirq or process. No lock is needed: the buffer size may be out of date.
 */
void xtcp_window_select(const struct sock *sk, const struct dst_entry *dst, u32 mss, bool wscale_ok, u32 *rcv_wnd,
			u32 *window_clamp, u8 *rcv_wscale)
{
	u32 clamp = most_allowed(sk, dst);
	u8 shift = 0;

	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		clamp = min(clamp, xtcp_space_full(sk));
	if (wscale_ok)
		shift = xtcp_window_shift_for(min(clamp, max_t(u32, xtcp_space_full(sk),
							       READ_ONCE(xtcp_net_of(sk)->sysctl.rmem[2]))));
	*rcv_wnd = xtcp_window_first(sk, dst, mss);
	*window_clamp = min(clamp, XTCP_WINDOW_MAX_UNSCALED << shift);
	*rcv_wscale = shift;
}

/* Would an ACK now at least double the peer's window (RFC 9293 section 3.8.6.2.2)? */
bool xtcp_window_would_double(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_rcv_room(&xsk->rcv), wnd;
	/* two bounds limit the next offer: one that twice the present offer exceeds need not be computed */
	u32 most = max(most_whatever_is_free(xsk), 1U << xsk->rcv_wscale);

	sock_owned_by_me(sk);
	if (2 * now > most || 2 * now > max(xtcp_space_free(sk), 1U << xsk->rcv_wscale))
		return false;
	wnd = xtcp_window_offer(sk);
	return wnd && wnd >= 2 * now;
}
