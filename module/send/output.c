// SPDX-License-Identifier: GPL-2.0
/*
 * Decides what to send now, and sends it: new data as far as the windows and Nagle allow, SYN, FIN,
 * ACKs, probes and RSTs without text (RFC 9293 sections 3.7 and 3.8). recovery/ and expiry/ choose
 * what is sent again, and when; this file cuts it out of its skb.
 *
 * push() sends whole skbs of the send queue, and a part of an skb where a window ends. IP or the
 * device cuts an skb that is longer than a segment (GSO).
 *
 * One rule keeps a connection from standing still. When push() leaves data unsent, either something
 * is in flight and the retransmission deadline is armed; or nothing is, and the persist deadline is;
 * or the timer of pace.c runs.
 *
 * The ACK rate for which the peer is asked: R means one ACK for R full segments
 * (draft-ietf-tcpm-ack-rate-request-10). The program has set a rate by XTCP_ACK_RATE, and both SYNs
 * have the option. When the rate changes, the next text that has room carries a request, each time
 * it is resent (segment.c). The rate is not always the program's. With W, the least of cwnd, the
 * peer's window and half of the send buffer, in segments:
 *
 *  - In slow start, cwnd grows with each ACK, so it is at most the usual rate of two. It always is
 *    with an algorithm that never sets ssthresh, such as BBR: nothing tells when slow start ends.
 *  - It gives at least four ACKs for each window, to find losses and to let the window slide: at
 *    most W / 4, rounded down to a power of two. When the window shrinks, it stays until fewer than
 *    two ACKs come for each window.
 *  - With W below four, each segment is to be acknowledged: a delayed ACK could leave nothing in
 *    flight until the peer's timer fires. With W of eight, the usual rate returns.
 */

#include "auth/auth.h"
#include "base/bounds.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "send/send.h"
#include "sight/sight.h"

#define USUAL_RATE	2U	/* full segments for each ACK (RFC 9293 section 3.8.6.3, SHLD-19) */
#define ACKS_PER_WINDOW	4U	/* a new rate gives at least so many ACKs for a window */
#define LEAST_ACKS	2U	/* if fewer ACKs come for a window, the rate changes */

/* @program: XTCP_ACK_RATE, 0: not set. Return: full segments per ACK; 0: the usual rate, not to be asked for. */
static u32 right_rate(const struct sock *sk, u32 program)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	/* only half of the buffer is for text, which is why SO_SNDBUF doubles the program's value */
	const u32 segments = min3(tx->cong.cwnd, tx->snd.wnd, (u32)READ_ONCE(sk->sk_sndbuf) / 2) / tx->mss;
	const u32 most = tx->cong.cwnd < tx->cong.ssthresh ? min(program, USUAL_RATE) : program;
	const u32 wanted = tx->stream->wanted_rate, was = wanted ?: USUAL_RATE;
	u32 rate;

	if (!program)
		return wanted ? USUAL_RATE : 0;
	rate = min_t(u32, most, rounddown_pow_of_two(max(segments / ACKS_PER_WINDOW, 1U)));
	if (rate < was && was <= most && segments >= LEAST_ACKS * was)
		rate = was;
	return !wanted && rate == USUAL_RATE && program != USUAL_RATE ? 0 : rate;
}

/* Decides whether the next text carries a request for another ACK rate. */
static void xtcp_asking_look(struct sock *sk)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	u32 rate = right_rate(sk, xtcp_cold_ack_rate(sk));

	if (likely(!rate || rate == stream->wanted_rate))
		return;
	stream->wanted_rate = rate;
	stream->sack.asks = rate != stream->asked_rate;
}

/*
 * Must the text that is resent leave room for a request, even if a full segment has to be cut for it?
 * If cwnd has fallen below R segments, as after a timeout, the peer would delay its ACK otherwise.
 */
static bool xtcp_asking_hurries(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const u32 asked = tx->stream->asked_rate;

	return tx->stream->sack.asks && asked > USUAL_RATE && tx->stream->wanted_rate < asked &&
	       tx->cong.cwnd < asked * tx->mss;
}

#define SYNCHRONIZED (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT | TCPF_CLOSING | \
		      TCPF_LAST_ACK | TCPF_SYN_RECV)

/*
 * The sequence number of a segment without text: SND.NXT, or the right edge of a window that has
 * shrunk below it, since the peer accepts nothing beyond. But if the edge is lower by less than a
 * unit of the window field, the peer has only rounded it down.
 */
static u32 control_seq(const struct xtcp_sock *xsk)
{
	u32 edge = xsk->snd.una + xsk->snd.wnd;
	u32 unit = 1U << xsk->agreed.snd_wscale;

	if (xtcp_seq_ge(edge, xsk->snd.nxt) || xsk->snd.nxt - edge < unit)
		return xsk->snd.nxt;
	return edge;
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, in a synchronized state. Without memory the delayed-ACK deadline tries again. */
void xtcp_send_ack(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!((1 << sk->sk_state) & SYNCHRONIZED))
		return;
	if (xtcp_segment_send_control(sk, control_seq(xtcp_sk(sk))) == -ENOBUFS) {
		xtcp_acking_owe(&xtcp_sk(sk)->acking);
		xtcp_timer_ack_scheduled(sk, msecs_to_jiffies(XTCP_DELACK_MAX_MS));
	}
}

/**
 * xtcp_send_rst_code() - which code shall a RST carry, to tell the peer why the connection ends?
 * @sk: in a synchronized state, or just CLOSED
 * @seq: SEG.SEQ of the RST
 * @reason: why the connection ends
 *
 * 0: no diagnostic payload. It fits every MSS, but not every window: without room for it, the peer
 * might find the RST unacceptable (RFC 9293 section 3.10.7.4, first step).
 */
u16 xtcp_send_rst_code(const struct sock *sk, u32 seq, enum xtcp_abort_reason reason)
{
	BUILD_BUG_ON(XTCP_MSS_MIN_SND - XTCP_MAX_OPTIONS < XTCP_RSTDIAG_LEN);
	sock_owned_by_me(sk);
	if (likely(!READ_ONCE(xtcp_net_of(sk)->sysctl.rst_diagnostic)))
		return 0;
	return xtcp_snd_room(&xtcp_sk(sk)->snd, seq) < XTCP_RSTDIAG_LEN ? 0 : xtcp_rstdiag_code_of(reason);
}

/**
 * xtcp_send_rst() - send the RST of ABORT: <SEQ=SND.NXT><CTL=RST> (RFC 9293 section 3.10.5)
 * @sk: in a synchronized state
 * @reason: why the connection ends
 *
 * As in Linux, the RST also has ACK.
 */
void xtcp_send_rst(struct sock *sk, enum xtcp_abort_reason reason)
{
	u32 seq = control_seq(xtcp_sk(sk));

	sock_owned_by_me(sk);
	if (xtcp_segment_send_rst(sk, seq, xtcp_send_rst_code(sk, seq, reason)))
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTFAILED);
}

/* As in Linux, a probe counts even if the layers below refuse it, but not if there was no memory. */
static int xtcp_send_probe(struct sock *sk, u32 seq, bool keepalive)
{
	int err = xtcp_segment_send_control(sk, seq);

	if (err != -ENOBUFS)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), keepalive ? LINUX_MIB_TCPKEEPALIVE : LINUX_MIB_TCPWINPROBE);
	return err;
}

/* a smaller part of min(cwnd, SND.WND) may wait; see xtcp_tso_should_defer() */
#define WINDOW_SHARE	3U
#define WAIT_MAX_US	((u32)USEC_PER_MSEC)	/* longest wait for an ACK: ack_is_near() */

/*
 * Must each segment be an skb of its own? The urgent pointer counts from the number of its segment (RFC
 * 9293 section 3.8.5). On older kernels GSO also changes CWR, a part of the ACE counter (RFC 9768
 * section 3.2.2). And each segment needs its own signature (RFC 2385, RFC 5925).
 */
static bool goes_singly(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return unlikely(xsk->snd_urgent || xtcp_accecn_forbids_gso(&xsk->accecn, xsk->ecn) || xtcp_signer_room(sk));
}

/*
 * How much data may a GSO packet have? As in Linux, what the connection's rate sends in a millisecond
 * (sk_pacing_shift), but at least min_tso_segs segments: more would be a burst. If the round-trip time
 * is short, tso_rtt_log allows more, up to the limit of the device. Return: octets, a multiple of
 * xtcp_mss_payload(); U32_MAX if only the device limits the packet.
 */
u32 xtcp_gso_limit(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	unsigned long octets = xtcp_cong_rate(sk) >> READ_ONCE(sk->sk_pacing_shift);
	u32 halvings = xtcp_sk(sk)->rto.min_rtt_us >> min_t(u8, READ_ONCE(ctl->tso_rtt_log), 31);
	u32 mss = xtcp_mss_payload(sk);

	sock_owned_by_me(sk);
	if (halvings < BITS_PER_TYPE(u32))
		octets += sk->sk_gso_max_size >> halvings;
	if (octets >= sk->sk_gso_max_size)
		return U32_MAX;
	return max3((u32)octets / mss, (u32)READ_ONCE(ctl->min_tso_segs), 1U) * mss;
}

/* How much of @n octets of an unsent skb? As in Linux, at most half of cwnd: two packets are in flight then. */
static u32 xtcp_gso_of_new(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 mss = xtcp_mss_payload(sk), half = xsk->cong.cwnd / 2;

	if (likely(skb->len <= mss && !xsk->stream->sack.asks))
		return n;
	if (skb->len > half && skb->len > mss)
		n = min(n, max(half - half % mss, mss));
	if (skb->len > mss && goes_singly(sk))
		n = min(n, mss);
	/*
	 * GSO would repeat the request for an ACK rate, so the segment with it is sent alone. @skb
	 * is cut for it, but not the last skb if it fits one segment without: the request may wait
	 */
	if (unlikely(xsk->stream->sack.asks) && (skb->len > xsk->mss || !xtcp_sndq_is_last(sk, skb)))
		n = min(n, mss);
	if (unlikely(xtcp_sndcb(skb)->stamps) && skb->len > mss)
		n = min(n, xtcp_stamp_room(skb, mss));
	return n;
}

/* Is an ACK due within half of a round trip and a millisecond? Not if no text left in the last millisecond. */
static bool ack_is_near(const struct xtcp_sock *xsk)
{
	const struct list_head *sent = &xsk->stream->in_flight;
	const u32 srtt_us = xsk->rto.srtt_us;
	u64 now_us;

	if (list_empty(sent))
		return false;
	now_us = xtcp_clock_us();
	if (xtcp_clock_since_us(now_us, list_last_entry(sent, struct xtcp_sndcb, node)->sent_us) > WAIT_MAX_US)
		return false;
	return list_first_entry(sent, struct xtcp_sndcb, node)->sent_us + srtt_us <=
	       now_us + min(srtt_us / 2, WAIT_MAX_US);
}

/*
 * Should a part of an skb wait for the next ACK, although it may be sent now? @n: octets of @skb
 * that may be sent, at least a segment. @most: of xtcp_gso_limit(), or U32_MAX.
 *
 * When a window ends inside @skb, each ACK could release another small part, which costs every machine
 * on the path as much as a large one. So, as in Linux, a part of less than a third of the window waits
 * if the next ACK is due soon: the rest of the window is in flight, more than two segments, so the
 * peer should send that without delay (RFC 9293 section 3.8.6.3, SHLD-19).
 *
 * A full GSO packet never waits, nor does a whole skb, so the last octets that a program writes
 * never wait. Outside of OPEN, or with pacing, recovery.c and pace.c have rules of their own.
 */
static bool xtcp_tso_should_defer(const struct sock *sk, const struct sk_buff *skb, u32 n, u32 most)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 whole = min(skb->len, most);

	if (n >= rounddown(whole, xtcp_mss_payload(sk)) || n >= min(xsk->cong.cwnd, xsk->snd.wnd) / WINDOW_SHARE)
		return false;
	if (xsk->cong.phase != XTCP_CONG_OPEN || xtcp_pace_applies(sk))
		return false;
	/* @skb is cut anyway: at the octet with a transmit timestamp, or into single segments */
	if (unlikely(xtcp_sndcb(skb)->stamps) || goes_singly(sk))
		return false;
	return ack_is_near(xsk);
}

/*
 * How much of @n octets of a sent skb? If segments as large as before fit the route, it is cut at
 * the same octets. A full segment that is resent has no SACK blocks (RFC 9293 section 3.7.1).
 */
static u32 xtcp_gso_again(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	u32 mss = min_t(u32, xtcp_sk(sk)->mss, xtcp_sndq_segment(skb));

	if (n > mss)
		n = goes_singly(sk) ? mss : n - n % mss;
	if (unlikely(xtcp_sndcb(skb)->stamps))
		n = min(n, xtcp_stamp_room(skb, mss));
	return min(n, skb->len);
}

/* segments are small if they take more octets of memory than this for each octet in flight */
#define SMALL_SHARE	4U
#define SMALL_MIN	(10 * SKB_TRUESIZE(MAX_TCP_HEADER))	/* octets: ten small segments */

static u32 in_flight(const struct xtcp_sock *xsk)
{
	return xsk->snd.nxt - xsk->snd.una;
}

/* for new data, octets */
static __always_inline u32 congestion_room(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 cwnd = xsk->cong.cwnd, pipe = xtcp_pipe_octets(sk);

	/* with Fast Open, the unacknowledged SYN is in @pipe, but needs no congestion window */
	if (unlikely(xsk->snd.una == xsk->snd.iss) && pipe)
		pipe--;
	return cwnd > pipe ? cwnd - pipe : 0;
}

/*
 * Must the partial segment at the end of @skb wait? With Nagle (RFC 9293 section 3.7.4, SHLD-7,
 * appendix A.3) while another one is in flight; with TCP_CORK always.
 */
static bool nagle_holds(const struct xtcp_sock *xsk, const struct sk_buff *skb, int nonagle)
{
	if (xtcp_sndcb(skb)->flags & XTCP_FIN || nonagle & TCP_NAGLE_PUSH || xsk->snd_urgent)
		return false;
	if (nonagle & TCP_NAGLE_CORK)
		return true;
	return !(nonagle & TCP_NAGLE_OFF) && in_flight(xsk) &&
	       xtcp_seq_gt(xsk->stream->snd_sml, xsk->snd.una) && xtcp_seq_le(xsk->stream->snd_sml, xsk->snd.nxt);
}

/*
 * Must a small segment wait because small ones in flight take half of the send buffer? The congestion
 * window counts octets, but each takes much more memory than its text: they could stop the program. So
 * the next waits for an ACK, even with TCP_NODELAY. Not so in Linux, whose window counts segments.
 */
static bool small_ones_fill_buffer(const struct sock *sk, const struct sk_buff *skb, int nonagle)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	/* all others are in flight */
	const u32 sent = READ_ONCE(sk->sk_wmem_queued) - skb->truesize;

	if (likely(sent < max_t(u32, (u32)READ_ONCE(sk->sk_sndbuf) / 2, SMALL_MIN)))
		return false;
	/*
	 * a FIN, urgent data, TCP_NAGLE_PUSH and data whose times the program wants do not wait,
	 * nor what a later write may be unable to join: the end of a record, pages of MSG_ZEROCOPY
	 */
	if (cb->flags & XTCP_FIN || cb->marks & XTCP_SNDQ_EOR || cb->stamps || nonagle & TCP_NAGLE_PUSH ||
	    xsk->snd_urgent || skb_shinfo(skb)->flags & SKBFL_ZEROCOPY_ENABLE)
		return false;
	return in_flight(xsk) && (u64)in_flight(xsk) * SMALL_SHARE < sent;
}

/*
 * How many sequence numbers of @skb, which begins at SND.NXT, may be sent now, at most @gso octets and a
 * FIN? RFC 9293 section 3.8.6.2.1 (MUST-38), whose override timeout is our persist deadline.
 */
static u32 sendable(const struct sock *sk, const struct sk_buff *skb, int nonagle, u32 gso)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 wnd = xtcp_snd_room(&xsk->snd, cb->seq), room = min3(wnd, congestion_room(sk), gso);
	u32 need = cb->end_seq - cb->seq, mss = xtcp_mss_payload(sk), partial;

	/* a FIN alone does not wait for the congestion window */
	if (!skb->len)
		return wnd ? need : 0;
	if (skb->len <= room) {
		partial = skb->len % mss;
		/* with nothing in flight, as in request and answer, only TCP_CORK delays text */
		if (partial && (in_flight(xsk) || nonagle & TCP_NAGLE_CORK) && xtcp_sndq_is_last(sk, skb) &&
		    (nagle_holds(xsk, skb, nonagle) || small_ones_fill_buffer(sk, skb, nonagle)))
			return skb->len - partial;
		return need <= wnd ? need : skb->len;
	}
	if (room >= mss)
		return room - room % mss;
	if (room && room == wnd && wnd >= xsk->snd.max_wnd / 2 && (nonagle & TCP_NAGLE_OFF || !in_flight(xsk)))
		return room;
	return 0;
}

/* When a segment that is sent now will leave: fq may hold it back, but never a SYN. */
static inline u64 xtcp_output_departure_us(const struct sock *sk, const struct sk_buff *skb)
{
	return xtcp_clock_us() + (xtcp_sndcb(skb)->flags & XTCP_SYN ? 0 : xtcp_pace_lead_us(sk));
}

/* Return: 0; -ENOBUFS without memory, or an error of the layers below: then SND.NXT has not moved. */
static __always_inline int send_new(struct sock *sk, struct sk_buff *skb, u32 n)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u64 sent_us;
	u32 mss;
	int err;

	if (n < cb->end_seq - cb->seq && xtcp_fragment(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC)))
		return -ENOBUFS;
	sent_us = xtcp_output_departure_us(sk, skb);
	/* afterwards it would tell the payload of the next segment, which may have other options */
	mss = xtcp_mss_payload(sk);
	err = xtcp_segment_send(sk, skb, sent_us);
	if (unlikely(err))
		return err;
	if (skb->len % mss)
		xtcp_sk(sk)->stream->snd_sml = cb->end_seq;
	xtcp_sndq_sent(sk, skb, sent_us);
	xtcp_reduction_sent(sk, cb->end_seq - cb->seq);
	return 0;
}

/* PSH: the program wrote no more before the persist deadline, so the receiver should not wait. */
static int send_pushed(struct sock *sk, u32 n)
{
	struct sk_buff *skb = xtcp_sndq_unsent(sk);

	if (n < skb->len && xtcp_fragment(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC)))
		return -ENOBUFS;
	if (skb->len)
		xtcp_sndcb(skb)->flags |= XTCP_PSH;
	return send_new(sk, skb, n);
}

static void data_sent(struct sock *sk)
{
	xtcp_sk(sk)->snd_tstamp = (u32)jiffies;
	xtcp_flight_data_sent(sk);
}

/*
 * Must @n more octets wait because IP and the device have enough of this connection? They may have what
 * its rate sends in about a millisecond (sk_pacing_shift), without pacing at most limit_output_bytes,
 * but at least two skbs of @n octets. Nothing waits if nothing is in flight, or if pace.c cannot
 * learn when there is room again.
 */
static bool below_is_full(struct sock *sk, const struct sk_buff *skb, u32 n)
{
	unsigned long below = refcount_read(&sk->sk_wmem_alloc);
	unsigned long most = 2UL * SKB_TRUESIZE(n);

	/* pages of MSG_ZEROCOPY count as a whole, even if they have few octets of text */
	if (unlikely(skb_zcopy((struct sk_buff *)skb)))
		most = max(most, 2UL * mult_frac((unsigned long)skb->truesize, min(n, skb->len), max(skb->len, 1U)));
	if (likely(below <= most))
		return false;
	most = max(most, xtcp_cong_rate(sk) >> READ_ONCE(sk->sk_pacing_shift));
	if (!xtcp_pace_applies(sk))
		most = min_t(unsigned long, most, READ_ONCE(xtcp_net_of(sk)->sysctl.limit_output_bytes));
	return below > most && in_flight(xtcp_sk(sk)) && xtcp_sndbuf_waits_for_room(sk, most);
}

/* @skb: the first that push() has not sent, or NULL. @limited: the congestion window is the limit. */
static enum xtcp_busy_with waits_for(const struct sock *sk, const struct sk_buff *skb, bool limited)
{
	if (limited)
		return XTCP_BUSY;
	if (skb)
		return xtcp_snd_room(&xtcp_sk(sk)->snd, xtcp_sndcb(skb)->seq) < min_t(u32, skb->len, xtcp_sk(sk)->mss) ?
		       XTCP_BUSY_WINDOW : XTCP_BUSY;
	return sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) ? XTCP_BUSY_BUFFER : XTCP_BUSY;
}

enum probe {
	PROBE_NONE,
	PROBE_SENT,
	PROBE_WAITS,	/* send no data until ACKs have made room for the probe */
};

/*
 * The first unsent skb takes octets from those behind it until it has @len; copies only what fits into its
 * linear part. Return: false if skbs cannot be joined.
 */
static bool gather_probe(struct sock *sk, u32 len)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue), *next;
	bool stolen;
	int delta;
	u32 cost;

	while (skb->len < len) {
		next = skb_peek_next(skb, &sk->sk_write_queue);
		cost = next ? next->truesize : 0;
		if (!next || xtcp_sndcb(skb)->marks & XTCP_SNDQ_EOR || xtcp_sndcb(next)->flags & XTCP_FIN ||
		    !skb_try_coalesce(skb, next, &stolen, &delta))
			return false;
		xtcp_sndcb(skb)->end_seq = xtcp_sndcb(next)->end_seq;
		xtcp_sndcb(skb)->flags |= xtcp_sndcb(next)->flags & XTCP_PSH;
		xtcp_sndcb(skb)->marks |= xtcp_sndcb(next)->marks & XTCP_SNDQ_EOR;
		/* the mark of @next moves */
		if (unlikely(xtcp_sndcb(next)->stamps)) {
			skb_shinfo(skb)->tx_flags |= skb_shinfo(next)->tx_flags & SKBTX_ANY_TSTAMP;
			skb_shinfo(skb)->tskey = skb_shinfo(next)->tskey;
			*xtcp_stamped_seq(skb) = *xtcp_stamped_seq(next);
			xtcp_sndcb(skb)->stamps |= xtcp_sndcb(next)->stamps;
		}
		__skb_unlink(next, &sk->sk_write_queue);
		xtcp_sndq_uncharge(sk, cost - delta);
		kfree_skb_partial(next, stolen);
	}
	return true;
}

static noinline enum probe push_probe(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 n = xtcp_mtuprobe_due(sk), start = xsk->snd.nxt;
	enum probe probe = PROBE_NONE;
	struct sk_buff *skb;

	if (!n || xsk->snd_urgent || xtcp_pace_holds(sk))
		return PROBE_NONE;
	if (in_flight(xsk) && min(congestion_room(sk), xtcp_snd_room(&xsk->snd, start)) < n + xsk->mss)
		return PROBE_WAITS;
	skb = xtcp_sndq_unsent(sk);
	if (!gather_probe(sk, n) || (n < skb->len && xtcp_fragment(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC))))
		return PROBE_NONE;
	xtcp_sndcb(skb)->marks |= XTCP_SNDQ_PROBE;
	if (!send_new(sk, skb, xtcp_sndcb(skb)->end_seq - start)) {
		xtcp_mtuprobe_sent(sk, start, start + n);
		probe = PROBE_SENT;
	}
	/* resent, it need not leave as one segment */
	xtcp_sndcb(skb)->marks &= ~XTCP_SNDQ_PROBE;
	return probe;
}

static noinline void push_text(struct sock *sk, int nonagle)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool sent = false, early = false, waits = false, limited;
	struct sk_buff *skb;
	u32 gso = 0, n;
	enum probe probe;

	WRITE_ONCE(xsk->coalescing, false);
	/* it was not idle if it has sent data in this tick: the usual case, and a cheap test */
	if (xsk->snd_tstamp != (u32)jiffies && !in_flight(xsk) && xtcp_cong_restart_after_idle(sk))
		xtcp_phase_tell(sk, XTCP_TRACE_IDLE);
	xtcp_mss_current(sk);
	if (unlikely(xsk->agreed.ack_rate_ok))
		xtcp_asking_look(sk);
	if (unlikely(xsk->stream->mtuprobe.is_on)) {
		probe = push_probe(sk);
		if (probe == PROBE_WAITS)
			return;
		sent = probe == PROBE_SENT;
	}
	while ((skb = xtcp_sndq_unsent(sk))) {
		if (!gso && skb->len > xsk->mss)
			gso = xtcp_gso_limit(sk);
		n = sendable(sk, skb, nonagle, gso ?: U32_MAX);
		waits = n && n < skb->len && xtcp_tso_should_defer(sk, skb, n, gso ?: U32_MAX);
		n = waits ? 0 : xtcp_gso_of_new(sk, skb, n);
		if (!n)
			break;
		early = xtcp_pace_holds(sk);
		if (early || below_is_full(sk, skb, n) || send_new(sk, skb, n))
			break;
		sent = true;
	}
	if (sent)
		data_sent(sk);
	/* is cwnd the limit? While a part of @skb waits, both windows have room: the one with less is the limit */
	limited = congestion_room(sk) < (waits ? xtcp_snd_room(&xsk->snd, xsk->snd.nxt) : xsk->mss);
	xtcp_cong_pushed(sk, limited);
	/* Careful Resume jumps only if the timer of pace.c can pace its segments */
	if (unlikely(xtcp_resume_is_in(xsk->stream->cong.resume, XTCP_RESUME_RECONNAISSANCE))) {
		xsk->stream->cong.resume->can_pace = xtcp_pace_get(sk);
		if (limited && xtcp_resuming_full(sk)) {
			/* only once: the phase is over */
			push_text(sk, nonagle);
			return;
		}
	}
	xtcp_busy_with(&xsk->stream->busy, waits_for(sk, skb, limited));
	/* the timer of pace.c sends what pacing or the layers below hold back; all else waits for an ACK or this */
	if (skb && !early && !in_flight(xsk))
		xtcp_timer_window_closed(sk);
}

/*
 * A Fast Open server sends data before the handshake's last ACK (RFC 7413 section 4.2.2). Until
 * then the retransmit deadline is the SYN-ACK's alone: with tlp.pending, no probe replaces it.
 */
static noinline void push_early(struct sock *sk, int nonagle)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	if (sk->sk_state != TCP_SYN_RECV || !xsk->fastopen)
		return;
	stream->tlp.pending = true;
	stream->tlp.end_seq = xsk->snd.una + 1;
	push_text(sk, nonagle);
	stream->tlp.pending = false;
}

/**
 * xtcp_output_push_nagle() - send what may be sent now, with a given rule for the last segment
 * @sk: the sock, in any state
 * @nonagle: TCP_NAGLE_* for this call only: CORK after MSG_MORE, PUSH when the segment may not wait
 */
void xtcp_output_push_nagle(struct sock *sk, int nonagle)
{
	sock_owned_by_me(sk);
	if (!xtcp_sndq_unsent(sk))
		return;
	if (likely((1 << sk->sk_state) & XTCP_SENDS_TEXT))
		push_text(sk, nonagle);
	else
		push_early(sk, nonagle);
}

/* With the data behind it in the queue (RFC 7413 section 4.2.2). Return: false without data, or if sending failed. */
static bool send_syn_with_text(struct sock *sk, struct sk_buff *syn, u64 now_us)
{
	struct sk_buff *text;

	if (likely(xtcp_sndq_is_last(sk, syn)))
		return false;
	text = skb_peek_next(syn, &sk->sk_write_queue);
	if (xtcp_segment_send_on_syn(sk, text, now_us))
		return false;
	xtcp_sk(sk)->syn_data = true;
	/* as in Linux, the SYN with data has no PSH; resent alone, the data has, so that the receiver does not wait */
	xtcp_sndcb(text)->flags |= XTCP_PSH;
	xtcp_sndq_sent(sk, syn, now_us);
	xtcp_sndq_sent(sk, text, now_us);
	xtcp_reduction_sent(sk, text->len);
	xtcp_sk(sk)->snd_tstamp = (u32)jiffies;
	return true;
}

/**
 * xtcp_output_syn() - send the SYN, or the SYN-ACK of a simultaneous open or of Fast Open
 * @sk: in SYN-SENT or SYN-RECEIVED; its ISS and its window are chosen
 *
 * RFC 9293 sections 3.10.1 and 3.10.7.3. Data in the queue is sent with the SYN (RFC 7413).
 * Return: 0, or -ENOBUFS when there was no memory to queue the SYN.
 */
int xtcp_output_syn(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_first(sk);
	u64 now_us = xtcp_clock_us();
	int err;

	sock_owned_by_me(sk);
	if (!skb) {
		if (!xtcp_sndq_unsent(sk)) {
			err = xtcp_output_queue_syn(sk);
			if (err)
				return err;
		}
		skb = xtcp_sndq_unsent(sk);
		xtcp_tries_begin(&xtcp_sk(sk)->tries, xtcp_clock_ts_of(now_us));
		if (sk->sk_state != TCP_SYN_SENT || !send_syn_with_text(sk, skb, now_us)) {
			xtcp_segment_send(sk, skb, now_us);
			/* as in Linux, a SYN that the layers below refuse counts as lost */
			xtcp_sndq_sent(sk, skb, now_us);
		}
	} else {
		/* a simultaneous open: with 0 the SYN-ACK is no retransmission; with 2 its ACK gives no RTT sample */
		xtcp_sndcb(skb)->transmissions = 0;
		xtcp_segment_send(sk, skb, now_us);
		xtcp_sndcb(skb)->transmissions = 2;
	}
	xtcp_timer_arm(sk, XTCP_TIMER_RETRANSMIT, xtcp_timer_interval(xtcp_sk(sk), 0));
	return 0;
}

/* A flag of the last unsent skb, if there is one. Return: 0 or -ENOBUFS. */
static int append_fin(struct sock *sk)
{
	struct sk_buff *tail = xtcp_sndq_open_tail(sk);

	if (!tail) {
		tail = xtcp_sndq_alloc(sk, sk_gfp_mask(sk, GFP_ATOMIC), true);
		if (!tail)
			return -ENOBUFS;
		xtcp_sndcb(tail)->flags = XTCP_FIN;
		xtcp_sndq_append(sk, tail);
		return 0;
	}
	xtcp_sndcb(tail)->flags |= XTCP_FIN;
	xtcp_sndcb(tail)->end_seq++;
	xtcp_snd_queued(&xtcp_sender(sk)->snd, 1);
	return 0;
}

/**
 * xtcp_output_fin() - queue the FIN and send what may be sent
 * @sk: in FIN-WAIT-1, CLOSING or LAST-ACK, after CLOSE (RFC 9293 section 3.10.4)
 *
 * Nagle does not hold the last segment. Without memory for the FIN, we try again when a segment
 * arrives, or at the persist deadline.
 */
void xtcp_output_fin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!xsk->fin_queued) {
		if (append_fin(sk)) {
			xtcp_timer_window_closed(sk);
			return;
		}
		xsk->fin_queued = true;
	}
	if (!xtcp_repair_counts_as_sent(sk))
		xtcp_output_push_nagle(sk, TCP_NAGLE_OFF | TCP_NAGLE_PUSH);
}

/* Ignores the congestion window. Return: 0; -EAGAIN: no data, or no room in the window; or of xtcp_segment_send(). */
int xtcp_output_new_segment(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_unsent(sk);
	u32 room, n;
	int err;

	sock_owned_by_me(sk);
	if (!xtcp_output_has_new(sk))
		return -EAGAIN;
	room = xtcp_snd_room(&xtcp_sk(sk)->snd, xtcp_sndcb(skb)->seq);
	/* a FIN alone takes one sequence number */
	n = skb->len ? min(skb->len, xtcp_mss_current(sk)) : 1;
	if (n > room)
		return -EAGAIN;
	err = send_new(sk, skb, n);
	if (!err)
		xtcp_sk(sk)->snd_tstamp = (u32)jiffies;
	return err;
}

/**
 * xtcp_output_probe() - ask the peer for an ACK
 * @sk: in a synchronized state
 * @keepalive: the connection is idle (RFC 9293 section 3.8.4); false: the window is closed, or
 *	so small that silly window avoidance holds data back (sections 3.8.6.1 and 3.8.6.2.1)
 *
 * As in Linux, a probe has an old sequence number and no data (SHLD-12). But if the window has room,
 * and no lost text waits, a window probe sends new data. While urgent data is unacknowledged, a
 * segment at SND.UNA with the pointer goes first, even if the window is closed (section 3.8.5).
 * Return: 0 or an error of xtcp_segment_send().
 */
int xtcp_output_probe(struct sock *sk, bool keepalive)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct sk_buff *skb = xtcp_sndq_unsent(sk);
	u32 room;
	int err;

	sock_owned_by_me(sk);
	if (!keepalive && skb && list_empty(&xsk->stream->to_resend) && !xtcp_repair_is_on(sk)) {
		room = min(xtcp_snd_room(&xsk->snd, xsk->snd.nxt), xtcp_mss_current(sk));
		if (room && skb->len)
			room = min(room, skb->len);
		if (room) {
			err = send_pushed(sk, room);
			if (!err)
				data_sent(sk);
			return err;
		}
	}
	/* SND.UP must be near enough for the urgent pointer field */
	if (unlikely(xsk->snd_urgent && xsk->stream->snd_up - xsk->snd.una < XTCP_URGENT_POINTER_MAX)) {
		err = xtcp_send_probe(sk, xsk->snd.una, keepalive);
		if (err)
			return err;
	}
	return xtcp_send_probe(sk, xsk->snd.una - 1, keepalive);
}

/* The last octets of @skb become a segment (xtcp_asking_hurries()): all later ones begin at the same octets as ever. */
static noinline u32 leave_room_for_request(struct sock *sk, struct sk_buff *skb, u32 n)
{
	const u32 mss = xtcp_sender(sk)->mss, most = mss - XTCP_OPTLEN_ACK_RATE_ALIGNED;

	n = min3(n, mss, xtcp_sndq_segment(skb));
	/* here the segment would end without the request; the caller then cuts at @most */
	if (n > most && n < skb->len)
		xtcp_fragment(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC));
	return min(n, most);
}

/* For an undo (RFC 3522 section 3.2 step 2). @sent_us: when it leaves; its TSval is computed from this. */
static void note_resent(struct sock *sk, u32 octets, u64 sent_us)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_undo *undo = &tx->stream->undo;

	/* a SYN may have been sent before tx->stream is allocated */
	if (!xtcp_stream_is_there(tx->stream))
		return;
	if (!undo->has_ts)
		undo->first_ts = xtcp_clock_ts_of(sent_us) + tx->snd.ts_offset;
	undo->has_ts = true;
	undo->any_resent = true;
	undo->resent += octets;
}

/**
 * xtcp_retransmit_segment() - send a segment again
 * @sk: the sock
 * @skb: sent before and not acknowledged; it is cut if only a part may be sent
 * @max: the limit in octets; it allows at least one segment of @skb
 *
 * Nothing is sent beyond the peer's window, which may have shrunk (SHLD-16).
 * Return: 0; -EBUSY when the earlier copy has not left this machine yet; -EAGAIN when the window is
 * closed; -ENOBUFS; or an error of xtcp_segment_send(). After an error @skb was not sent.
 */
int xtcp_retransmit_segment(struct sock *sk, struct sk_buff *skb, u32 max)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 need = cb->end_seq - cb->seq;
	u64 sent_us;
	int err;
	u32 n;

	sock_owned_by_me(sk);
	/* from now on neither an ACK of the probe nor its loss shows anything about the path MTU */
	if (unlikely(tx->stream->mtuprobe.size))
		tx->stream->mtuprobe.size = 0;
	if (skb_fclone_busy(sk, skb)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPSPURIOUS_RTX_HOSTQUEUES);
		return -EBUSY;
	}
	if (!(cb->flags & XTCP_SYN)) {
		n = min(max, xtcp_snd_room(&tx->snd, cb->seq));
		if (!n)
			return -EAGAIN;
		xtcp_mss_current(sk);
		if (unlikely(tx->agreed.ack_rate_ok))
			xtcp_asking_look(sk);
		n = xtcp_gso_again(sk, skb, n);
		if (unlikely(tx->stream->sack.asks) && xtcp_asking_hurries(sk))
			n = leave_room_for_request(sk, skb, n);
		/* the FIN goes with the last octet if the window has room for both */
		if (n == skb->len && need <= xtcp_snd_room(&tx->snd, cb->seq))
			n = need;
		if (n < need && xtcp_fragment(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC)))
			return -ENOBUFS;
	}
	sent_us = xtcp_output_departure_us(sk, skb);
	err = xtcp_segment_send(sk, skb, sent_us);
	if (unlikely(err))
		return err;
	xtcp_sndq_sent(sk, skb, sent_us);
	tx->snd_tstamp = (u32)jiffies;
	xtcp_scoreboard_resent(sk, skb);
	note_resent(sk, cb->end_seq - cb->seq, sent_us);
	xtcp_reduction_sent(sk, cb->end_seq - cb->seq);
	return 0;
}

