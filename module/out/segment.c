// SPDX-License-Identifier: GPL-2.0
/*
 * One segment of a full sock, on its way to IP (RFC 9293 section 3.1). output.c decides what is
 * sent and when. This file adds the header, and records which acknowledgment and window were sent.
 * transmit() sends every segment, so only it has the counters and the tracepoint.
 *
 * Each skb below TCP counts in sk_wmem_alloc, so the sock's memory stays until the last is freed by
 * sock_wfree(), which subtracts the last octet only after it has called sk_write_space (pace.c).
 * Each sock holds the module, so the module cannot be unloaded while sk_write_space runs.
 *
 * Some options go with each segment, and the MSS counts them. SACK blocks, the AccECN option and a
 * request for an ACK rate share what is left beside the text: text is not made shorter for them.
 */
#include "out/out.h"

#include <trace/events/tcp.h>

#include "auth/auth.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "send/send.h"
#include "sight/sight.h"

/* opts->sack then points into @sack. */
static void fill_sack(const struct xtcp_sack *sack, bool ts_ok, unsigned int room, struct xtcp_options *opts)
{
	unsigned int blocks = xtcp_sack_blocks_to_send(sack, ts_ok);

	if (room < XTCP_OPTLEN_SACK_ALIGNED(1))
		return;
	opts->sack_blocks = min(blocks, (room - XTCP_OPTLEN_SACK_ALIGNED(0)) / XTCP_OPTLEN_SACK_BLOCK);
	opts->sack = sack->block + !sack->came_twice;
}

/* all options but SACK blocks, the AccECN option and a request for an ACK rate */
static __always_inline void fill_options(const struct xtcp_sock *xsk, u8 flags, u32 clock,
					 const struct xtcp_signer *signer, struct xtcp_options *opts)
{
	memset(opts, 0, sizeof(*opts));
	if (signer)
		xtcp_signer_fill_options(signer, opts);
	if (flags & XTCP_SYN) {
		/* MUST-14, MUST-65 */
		opts->mss = xsk->agreed.advmss;
		opts->has_wscale = xsk->agreed.wscale_ok;
		opts->wscale = xsk->rcv_wscale;
		opts->sack_permitted = xsk->agreed.sack_ok;
		opts->ack_rate = xsk->agreed.ack_rate_ok ? XTCP_ACKRATE_SUPPORTED : XTCP_ACKRATE_NONE;
		/* only the first SYN-ACK, as in Linux */
		if (unlikely(xsk->fastopen) && xsk->fastopen->cookie.len >= 0 && xsk->snd.nxt == xsk->snd.iss) {
			opts->has_fastopen = true;
			opts->fastopen = &xsk->fastopen->cookie;
		} else if (unlikely(xsk->opens_fast) && !(flags & XTCP_ACK) && xsk->fastsyn->cookie.len >= 0) {
			opts->has_fastopen = true;
			opts->fastopen = &xsk->fastsyn->cookie;
		}
	}
	if (xsk->agreed.ts_ok) {
		opts->has_ts = true;
		opts->tsval = clock + xsk->snd.ts_offset;
		opts->tsecr = flags & XTCP_ACK ? xsk->paws.ts_recent : 0;
	}
}

/* Text and blocks together must fit a full segment: text is not split again to make room. */
static u32 room_for_blocks(const struct xtcp_sock *xsk, const struct sk_buff *skb)
{
	if (!skb->len)
		return XTCP_MAX_OPTIONS;
	return max_t(int, xsk->mss - (skb_shinfo(skb)->gso_size ?: skb->len), 0);
}

/*
 * At least the counters that xtcp_ace_fields() chooses, or no option if they take more than @room octets.
 * While xtcp_accecn.demand is not 0, all that fit. @opts will point to @counters.
 */
static void fill_accecn_option(struct sock *sk, u32 room, bool is_first, struct xtcp_options *opts, u32 *counters)
{
	struct xtcp_accecn *accecn = &xtcp_sk(sk)->accecn;
	u32 fields, i;
	bool order;
	u8 codepoint;

	fields = xtcp_ace_fields(accecn->received, &order);
	if (XTCP_OPTLEN_ACCECN_ALIGNED(fields) > room)
		return;
	while (accecn->demand && fields < XTCP_ACCECN_FIELDS_MAX && XTCP_OPTLEN_ACCECN_ALIGNED(fields + 1) <= room)
		fields++;
	for (i = 0; i < fields; i++) {
		codepoint = xtcp_ace_order_codepoint(order, i);
		counters[i] = accecn->received[codepoint - 1] + xtcp_ace_counter_first(codepoint);
	}
	opts->has_accecn = true;
	opts->accecn_order = order;
	opts->accecn_fields = fields;
	opts->accecn = counters;
	if (accecn->demand)
		accecn->demand--;
	accecn->grown = false;
	accecn->option_us = (u32)xtcp_sk(sk)->arrived_us;
	if (is_first)
		accecn->faults |= XTCP_ACCECN_OPTION_FIRST;
}

/* Two SACK blocks come before the counters, these before further blocks (RFC 9768 section 3.2.3.3). */
static noinline_for_stack void fill_accecn(struct sock *sk, const struct sk_buff *skb, bool has_blocks, bool is_first,
					   u32 wanted, struct xtcp_options *opts, u32 *counters)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 beside = opts->ack_rate ? XTCP_OPTLEN_ACK_RATE_ALIGNED : 0;
	u32 room = min_t(u32, room_for_blocks(xsk, skb) - beside, XTCP_MAX_OPTIONS - xtcp_options_size(opts));
	u32 least = min_t(u32, xtcp_sack_blocks_to_send(&xsk->stream->sack, xsk->agreed.ts_ok), 2), blocks = room;

	if (has_blocks) {
		if (room >= XTCP_OPTLEN_SACK_ALIGNED(least) + wanted)
			blocks = room - wanted;
		fill_sack(&xsk->stream->sack, xsk->agreed.ts_ok, blocks, opts);
		if (opts->sack_blocks)
			room -= XTCP_OPTLEN_SACK_ALIGNED(opts->sack_blocks);
	}
	fill_accecn_option(sk, room, is_first, opts, counters);
}

/* RFC 7323 section 3.2: timestamps, if agreed, alone. @clock: xtcp_clock_ts_of() of the departure. */
static __always_inline void xtcp_segopt_push_timestamp(const struct xtcp_sock *xsk, struct sk_buff *skb, u8 flags,
						       u32 clock)
{
	__be32 *words;

	if (!xsk->agreed.ts_ok)
		return;
	words = __skb_push(skb, XTCP_OPTLEN_TIMESTAMP_ALIGNED);
	words[0] = htonl(XTCP_OPTIONS_TIMESTAMP_WORD);
	words[1] = htonl(clock + xsk->snd.ts_offset);
	words[2] = flags & XTCP_ACK ? htonl(xsk->paws.ts_recent) : 0;
}

/*
 * If there is no room beside the text and, with @has_blocks, a SACK block, the request stays due.
 * So it does in a GSO packet, because GSO would repeat it in each segment.
 */
static void fill_request(const struct xtcp_sock *xsk, const struct sk_buff *skb, bool has_blocks,
			 struct xtcp_options *opts)
{
	const u32 room = XTCP_OPTLEN_ACK_RATE_ALIGNED + (has_blocks ? XTCP_OPTLEN_SACK_ALIGNED(1) : 0);

	if (skb_is_gso(skb) || room_for_blocks(xsk, skb) < room || xtcp_options_size(opts) + room > XTCP_MAX_OPTIONS)
		return;
	opts->ack_rate = XTCP_ACKRATE_REQUEST | xsk->stream->wanted_rate;
	xsk->stream->sack.asks = false;
}

/*
 * Pushes all options. @wanted: octets that the AccECN option needs at least; 0: none. Return: false when
 * SACK blocks or AccECN counters are due but have no room.
 */
static noinline_for_stack bool xtcp_segopt_push(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags, u32 clock,
						bool has_blocks, u32 wanted, const struct xtcp_signer *signer)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 counters[XTCP_ACCECN_FIELDS_MAX];
	const u32 len = skb->len;
	struct xtcp_options opts;
	u32 beside;

	fill_options(xsk, flags, clock, signer, &opts);
	if (len && xsk->stream->sack.asks && !(flags & (XTCP_SYN | XTCP_RST))) {
		fill_request(xsk, skb, has_blocks, &opts);
	} else if (unlikely(opts.ack_rate) && xtcp_options_size(&opts) > XTCP_MAX_OPTIONS) {
		/* a long Fast Open cookie leaves no space */
		opts.ack_rate = XTCP_ACKRATE_NONE;
		xtcp_agreed_ack_rate(&xsk->agreed, false);
	}
	beside = xtcp_ackrate_is_request(opts.ack_rate) ? XTCP_OPTLEN_ACK_RATE_ALIGNED : 0;
	if (unlikely(wanted))
		fill_accecn(sk, skb, has_blocks, len && seq == xsk->snd.iss + 1, wanted, &opts, counters);
	else if (has_blocks)
		fill_sack(&xsk->stream->sack, xsk->agreed.ts_ok,
			  min(room_for_blocks(xsk, skb) - beside, XTCP_MAX_OPTIONS - xtcp_options_size(&opts)), &opts);
	xtcp_options_write(__skb_push(skb, xtcp_options_size(&opts)), &opts);
	if (has_blocks && opts.sack_blocks)
		xtcp_sack_told(sk);
	return !(has_blocks && !opts.sack_blocks) && !(len && wanted && !opts.has_accecn);
}

/* Text sent within this time after text has come is an answer: interactive (Linux's pingpong mode). */
#define ANSWER_JIFFIES	msecs_to_jiffies(XTCP_DELACK_MIN_MS)

/**
 * xtcp_segment_offer() - the window of the next segment; stores it as offered
 * @sk: in a synchronized state
 * Return: octets from RCV.NXT, which counts as acknowledged.
 */
__always_inline u32 xtcp_segment_offer(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 old = xsk->rcv.wnd, wnd = xtcp_window_offer(sk);

	sock_owned_by_me(sk);
	xtcp_rcv_offered(&xsk->rcv, wnd);
	if (!wnd && old)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPTOZEROWINDOWADV);
	else if (wnd && !old)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFROMZEROWINDOWADV);
	if (wnd && !xtcp_space_free(sk))	/* an offered window stays, even without space */
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPWANTZEROWINDOWADV);
	return wnd;
}

static __always_inline u16 window_field(struct sock *sk, u8 flags)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (flags & XTCP_SYN) {
		/*
		 * RFC 7323 section 2.2: the window of a SYN is never scaled. With Fast Open, data
		 * behind the SYN-ACK may have offered more. If the SYN-ACK is sent again, its field
		 * is smaller, but that window stays offered (RFC 9293 section 3.8.6)
		 */
		xtcp_rcv_offered(&xsk->rcv, xsk->rcv.wnd);
		return min(xsk->rcv.wnd, XTCP_WINDOW_MAX_UNSCALED);
	}
	return xtcp_segment_offer(sk) >> xsk->rcv_wscale;
}

static void count_out(struct sock *sk, u32 len, u8 flags, bool resent, u32 segments)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_net *xn = xsk->xn;

	xsk->segs_out += segments;
	if (len) {
		stream->data_segs_out += segments;
		stream->bytes_sent += len;
	}
	if (flags & XTCP_RST)
		XTCP_INC_STATS(xn, TCP_MIB_OUTRSTS);
	/* RFC 4022: tcpOutSegs does not count segments that contain only retransmitted octets */
	if (!resent) {
		XTCP_ADD_STATS(xn, TCP_MIB_OUTSEGS, segments);
		return;
	}
	XTCP_ADD_STATS(xn, TCP_MIB_RETRANSSEGS, segments);
	if (flags & XTCP_SYN)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPSYNRETRANS);
	xsk->total_retrans += segments;
	if (len)
		stream->bytes_retrans += len;
}

/* a segment that is not traced needs no stack for the tuple */
static noinline_for_stack void trace_said(const struct sock *sk, u16 code)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sk(sk)->conn);

	trace_xtcp_rst_diagnostic(sock_net(sk), &tuple, true, code, 0);
}

/*
 * The pointer points to the octet after the last urgent one (RFC 9293 section 3.1). If that is too
 * far, then, as in Linux, a segment that begins less than 65,535 octets before SND.NXT gets the
 * largest pointer, and an earlier one no URG.
 */
static noinline void set_urgent(const struct xtcp_sock *xsk, struct tcphdr *th, u32 seq)
{
	u32 snd_up = xsk->stream->snd_up;

	if (!xtcp_seq_lt(seq, snd_up))
		return;
	if (snd_up - seq <= XTCP_URGENT_POINTER_MAX)
		th->urg_ptr = htons(snd_up - seq);
	else if (xtcp_seq_gt(seq + XTCP_URGENT_POINTER_MAX, xsk->snd.nxt))
		th->urg_ptr = htons(XTCP_URGENT_POINTER_MAX);
	else
		return;
	th->urg = 1;
}

/*
 * A queue here, such as a qdisc, has dropped a segment of this connection or of another one:
 * congestion, without a report of the peer. So a reduction begins at once, at most one per round trip,
 * as with a mark (RFC 3168 section 6.1.2), but not during the handshake. As in Linux it is final.
 *
 * Perhaps little is in flight, and PRR would send too much, ssthresh / RecoverFS for each octet: so
 * RecoverFS is at least cwnd here, as in Linux.
 */
static void congested_here(struct sock *sk)
{
	const struct xtcp_sample none = { };
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) || !xtcp_stream_is_there(xsk->stream))
		return;
	if (xsk->cong.phase < XTCP_CONG_CWR) {
		xsk->stream->undo.armed = false;
		xtcp_phase_reduce(sk, max(xtcp_phase_in_flight(xtcp_sender(sk), &none), xsk->cong.cwnd), false);
		xtcp_phase_set(sk, XTCP_CONG_CWR, XTCP_TRACE_QUEUE);
	}
	xtcp_reduction_forbid_undo(sk);
}

/*
 * A positive @verdict (NET_XMIT_*) comes from a full queue, which has dropped this segment or
 * another one; a negative one is IP's errno. Return: 0 if this segment was not dropped.
 */
static noinline_for_stack int refused_below(struct sock *sk, int verdict, bool resent, u32 segments)
{
	if (verdict > 0) {
		congested_here(sk);
		verdict = net_xmit_eval(verdict);
	}
	if (verdict && resent)
		XTCP_NET_ADD_STATS(xtcp_net_of(sk), LINUX_MIB_TCPRETRANSFAIL, segments);
	return verdict;
}

/* @text: octets of text, 0 for a RST. @wanted: receives the size of the AccECN option, if due. */
static __always_inline u16 ecn_bits(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags, u32 text,
				    bool resent, bool has_blocks, u32 *wanted)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 len = skb->len;
	u16 said;

	if (!xsk->ecn)
		return 0;
	if (unlikely(xsk->ecn & XTCP_ECN_ACCURATE))
		*wanted = xtcp_accecn_option_wanted(sk, flags, seq, len, resent);
	/* a SYN with text (RFC 7413) counts as one without: no SYN may be ECN-capable (RFC 3168 section 6.1.1) */
	said = xtcp_ecn_flags(sk, flags, text && !(flags & XTCP_SYN) && !resent, resent, !len && !has_blocks);
	/* in a GSO packet, only the first segment carries CWR, but all carry the ACE field */
	if (said & XTCP_CWR && skb_is_gso(skb))
		skb_shinfo(skb)->gso_type |= xsk->ecn & XTCP_ECN_ACCURATE ? XTCP_COMPAT_GSO_ACCECN :
									   SKB_GSO_TCP_ECN;
	return said;
}

/* in front of the options; every field but the checksum (ip.c) */
static __always_inline void push_header(struct sock *sk, struct sk_buff *skb, u32 len, u32 seq, u8 flags, u16 said)
{
	struct tcphdr *th = __skb_push(skb, XTCP_HDR_LEN);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	skb_reset_transport_header(skb);
	th->source = inet_sk(sk)->inet_sport;
	th->dest = inet_sk(sk)->inet_dport;
	th->seq = htonl(seq);
	th->ack_seq = flags & XTCP_ACK ? htonl(xsk->rcv.nxt) : 0;
	((u8 *)th)[12] = (skb->len - len) / 4 << 4 | said >> 8;
	((u8 *)th)[13] = flags | said;
	th->urg_ptr = 0;
	/* a retransmitted SYN-ACK carries no text */
	if (unlikely(xsk->snd_urgent) && !(flags & XTCP_SYN))
		set_urgent(xsk, th, seq);
	th->window = htons(window_field(sk, flags));
}

/* The header is complete but for the checksum (RFC 2385, RFC 5925). */
static noinline_for_stack void sign(const struct sock *sk, struct sk_buff *skb, const struct xtcp_signer *signer)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sk(sk)->conn);

	xtcp_signer_sign(signer, &tuple, skb);
}

/* For other options than timestamps, or a signature. Returns as xtcp_segopt_push(). Not inlined, for its stack. */
static noinline bool push_all(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags, u32 clock, bool has_blocks,
			      u32 wanted, u16 said)
{
	struct xtcp_signer signer __uninitialized;
	/* not 0: @signer has the key */
	const u32 text = skb->len, room = unlikely(xtcp_cold_signs(sk)) ? xtcp_signer_find(&signer, sk) : 0;
	bool whole;

	whole = xtcp_segopt_push(sk, skb, seq, flags, clock, has_blocks, wanted, room ? &signer : NULL);
	push_header(sk, skb, text, seq, flags, said);
	if (room)
		sign(sk, skb, &signer);
	return whole;
}

/* with fewer tests than skb_set_owner_w() */
static __always_inline void give_owner(struct sock *sk, struct sk_buff *skb)
{
	/* as in Linux, the flow may change its device queue if no segment of @sk is below TCP */
	skb->ooo_okay = refcount_read(&sk->sk_wmem_alloc) <= SKB_TRUESIZE(1);
	skb->sk = sk;
	skb->destructor = sock_wfree;
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
}

/*
 * @skb: the text, with room for headers in front; consumed. @us: the departure, xtcp_clock_us().
 * Return: 0; NET_XMIT_DROP or an errno: not sent, but it counts as an attempt, as in Linux.
 */
static int transmit(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags, bool resent, u64 us)
{
	const u32 clock = xtcp_clock_ts_of(us);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	/* the payload of a RST takes no sequence numbers, and does not count as text sent */
	const u32 text = skb->len, len = flags & XTCP_RST ? 0 : text;
	/* no SYN is ECN-capable, with text or not (RFC 3168 section 6.1.1) */
	const u8 codepoint = xsk->ecn && !(flags & XTCP_SYN) ? xtcp_ecn_codepoint(sk, len, len && !resent) :
							       XTCP_NOT_ECT;
	const bool takes_room = unlikely(xtcp_sack_takes_room(&xsk->stream->sack)) && !(flags & (XTCP_SYN | XTCP_RST));
	/* one fits beside timestamps and signature, without text */
	const bool has_blocks = takes_room && xtcp_sack_has_news(&xsk->stream->sack) && xtcp_signer_room(sk) +
				(xsk->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0) + XTCP_OPTLEN_SACK_ALIGNED(1) <=
				XTCP_MAX_OPTIONS;
	const u32 segments = max_t(u32, skb_shinfo(skb)->gso_segs, 1);
	/* otherwise a FIN without text might depart before paced text */
	const bool timed = xtcp_pace_applies(sk) && (len || flags & XTCP_FIN);
	bool untold = false;
	u32 wanted = 0;
	int verdict;
	u16 said;

	said = ecn_bits(sk, skb, seq, flags, len, resent, has_blocks, &wanted);
	/* if an ACK is due, blocks and counters without room in this segment must not wait: another ACK has them */
	if (unlikely(flags & XTCP_SYN || takes_room || wanted || xtcp_cold_signs(sk))) {
		untold = !push_all(sk, skb, seq, flags, clock, has_blocks, wanted, said) && xsk->acking.now;
	} else {
		xtcp_segopt_push_timestamp(xsk, skb, flags, clock);
		push_header(sk, skb, text, seq, flags, said);
	}
	if (flags & XTCP_ACK) {
		xtcp_acking_said(&xsk->acking);
		xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_DELACK);
	}
	/* SACK blocks or the AccECN option did not fit; an ACK without text has room for them */
	if (unlikely(untold)) {
		xtcp_acking_owe_now(&xsk->acking);
		xtcp_timer_ack_scheduled(sk, msecs_to_jiffies(XTCP_DELACK_MIN_MS));
	}
	if (timed)
		xtcp_pace_stamp(sk, skb, len);
	count_out(sk, len, flags, resent, segments);
	xtcp_event_out(sk, skb, us, text, segments, resent, codepoint);
	give_owner(sk, skb);
	verdict = xtcp_ip_xmit(sk, skb, codepoint);
	if (unlikely(verdict)) {
		verdict = refused_below(sk, verdict, resent, segments);
		if (verdict && timed)
			xtcp_pace_not_left(sk);
	}
	if (!verdict && len && !resent)
		XTCP_NET_ADD_STATS(xsk->xn, LINUX_MIB_TCPORIGDATASENT, segments);
	return verdict;
}

/*
 * If @skb, a copy of the queued skb, is too large for one segment, IP or the device cuts it. Text
 * that is resent is cut at the same octets as before, if such segments fit the present MSS. So the
 * peer's SACK blocks end at the same octets for originals and copies. @cb: of the queued skb.
 */
static inline void set_gso(const struct sock *sk, struct sk_buff *skb, struct xtcp_sndcb *cb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 mss = xtcp_mss_payload(sk);

	if (unlikely(cb->transmissions) && skb->len > cb->mss && cb->mss)
		mss = min_t(u32, xtcp_sk(sk)->mss, cb->mss);
	/* a full segment is not cut to make room for SACK blocks */
	else if (skb->len <= xtcp_sk(sk)->mss || unlikely(cb->marks & XTCP_SNDQ_PROBE))
		mss = max(mss, skb->len);
	cb->mss = mss;
	if (skb->len <= mss) {
		shinfo->gso_size = 0;
		shinfo->gso_segs = 1;
		shinfo->gso_type = 0;
		return;
	}
	shinfo->gso_size = mss;
	shinfo->gso_segs = DIV_ROUND_UP(skb->len, mss);
	shinfo->gso_type = xtcp_sock_is_v4(sk) ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
}

/* the original stays in the queue */
static __always_inline struct sk_buff *copy_of(const struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *out;

	/* IP or a device may still have an earlier clone, whose header must not change */
	if (skb_cloned(skb))
		out = pskb_copy(skb, sk_gfp_mask(sk, GFP_ATOMIC));
	else
		out = skb_clone(skb, sk_gfp_mask(sk, GFP_ATOMIC));
	if (!out)
		return NULL;
	/* part of the tree node in the queued skb */
	out->dev = NULL;
	/* below TCP the departure time, in the queue other data (sendq.h) */
	out->tstamp = 0;
	set_gso(sk, out, xtcp_sndcb(skb));
	return out;
}

/* Text that has carried a request before requests the present rate when resent. @cb: of the queued skb. */
static noinline_for_stack int transmit_asking(struct sock *sk, struct sk_buff *skb, struct xtcp_sndcb *cb, u8 flags,
					      bool resent, u64 us)
{
	struct xtcp_stream *stream = xtcp_sk(sk)->stream;
	bool asks;
	int err;

	if (resent && cb->marks & XTCP_SNDQ_ASKS)
		stream->sack.asks = true;
	asks = stream->sack.asks;
	err = transmit(sk, skb, cb->seq, flags, resent, us);
	if (!asks || stream->sack.asks)
		return err;
	if (err) {
		stream->sack.asks = true;
		return err;
	}
	cb->marks |= XTCP_SNDQ_ASKS;
	stream->asked_rate = stream->wanted_rate;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_ACKRATESENT);
	return 0;
}

/**
 * xtcp_segment_send() - send an skb of the send queue, for the first time or again
 * @sk: the sock
 * @skb: stays on the queue; its flags, and ACK in every state but SYN-SENT, are sent
 * @sent_us: xtcp_clock_us(), or the departure time that fq will see; TSval is made from it
 * Return: 0 when the layers below took the segment. Otherwise it was not sent: NET_XMIT_DROP when a
 * queue of this machine had no room, IP's errno, or -ENOBUFS.
 */
int xtcp_segment_send(struct sock *sk, struct sk_buff *skb, u64 sent_us)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool resent = cb->transmissions;
	u8 flags = cb->flags;
	struct sk_buff *out;

	sock_owned_by_me(sk);
	if (sk->sk_state != TCP_SYN_SENT)
		flags |= XTCP_ACK;
	out = copy_of(sk, skb);
	if (!out) {
		if (resent)
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPRETRANSFAIL);
		return -ENOBUFS;
	}
	/* as in Linux: PSH ends a GSO packet, so that GRO at the peer delivers it at once */
	if (skb_is_gso(out))
		flags |= XTCP_PSH;
	if (skb->len && !resent && xsk->stream->rcv_data_tstamp &&
	    xtcp_clock_stamp() - xsk->stream->rcv_data_tstamp < ANSWER_JIFFIES)
		xtcp_acking_interactive(&xsk->acking, true);
	if (unlikely(xsk->agreed.ack_rate_ok))
		return transmit_asking(sk, out, cb, flags, resent, sent_us);
	return transmit(sk, out, cb->seq, flags, resent, sent_us);
}

/**
 * xtcp_segment_send_on_syn() - send the SYN with the first text (RFC 7413 section 4.2.2)
 * @sk: a sock in SYN-SENT
 * @skb: the text, directly behind the SYN on the queue, where it stays
 * @sent_us: the time of departure, xtcp_clock_us()
 */
int xtcp_segment_send_on_syn(struct sock *sk, struct sk_buff *skb, u64 sent_us)
{
	struct sk_buff *out = copy_of(sk, skb);

	sock_owned_by_me(sk);
	return out ? transmit(sk, out, xtcp_sndcb(skb)->seq - 1, XTCP_SYN, false, sent_us) : -ENOBUFS;
}

/* An ACK without text, SYN and FIN. */
int xtcp_segment_send_control(struct sock *sk, u32 seq)
{
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	skb = xtcp_control_alloc(sk_gfp_mask(sk, GFP_ATOMIC | __GFP_NOWARN), 0);
	if (!skb)
		return -ENOBUFS;
	/* as in Linux, it adds only 2 octets to sk_wmem_alloc, which keep the sock's memory */
	skb_set_tcp_pure_ack(skb);
	return transmit(sk, skb, seq, XTCP_ACK, false, xtcp_clock_us());
}

/**
 * xtcp_segment_send_rst() - send a RST
 * @sk: the sock
 * @seq: SEG.SEQ
 * @code: for a diagnostic payload (draft-ietf-tcpm-rst-diagnostic-payload); 0, or without
 *	memory for it: no payload
 */
int xtcp_segment_send_rst(struct sock *sk, u32 seq, u16 code)
{
	const gfp_t gfp = sk_gfp_mask(sk, GFP_ATOMIC | __GFP_NOWARN);
	struct sk_buff *skb = NULL;
	int err;

	sock_owned_by_me(sk);
	if (unlikely(code)) {
		skb = xtcp_control_alloc(gfp, XTCP_RSTDIAG_LEN);
		if (skb)
			xtcp_rstdiag_write(skb_put(skb, XTCP_RSTDIAG_LEN), code);
		else
			code = 0;
	}
	if (!skb)
		skb = xtcp_control_alloc(gfp, 0);
	if (!skb)
		return -ENOBUFS;
	err = transmit(sk, skb, seq, XTCP_RST | XTCP_ACK, false, xtcp_clock_us());
	xtcp_compat_trace_send_reset(sk, NULL);
	if (unlikely(code) && !err) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RSTDIAGSENT);
		trace_said(sk, code);
	}
	return err;
}
