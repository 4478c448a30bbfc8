// SPDX-License-Identifier: GPL-2.0
/*
 * Decides when a pending ACK (xsk->acking.pending: a segment is not acknowledged yet) is sent: now,
 * with the next data of the program, or after a delay (RFC 9293 section 3.8.6.3).
 *
 * Of SEGMENT ARRIVES (section 3.10.7.4) it has step one, the test of the sequence number, with PAWS
 * before it (RFC 7323 section 5), and step five without its state changes.
 */
#include "arrive/arrive.h"
#include "base/bounds.h"
#include "send/send.h"
#include "sight/sight.h"

/*
 * Is @ack below SND.UNA by more than MAX.SND.WND (RFC 5961 section 5.2)? As in Linux, below ISS + 1
 * is too old, too: the fewer ACK numbers are accepted, the less likely an attacker guesses one.
 */
static bool is_too_old(const struct sock *sk, u32 ack)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_packed *packed = xtcp_sk(sk)->packed;
	u64 acked = (packed ? packed->bytes_acked : tx->stream->bytes_acked) + xtcp_acked_fin(sk);

	return xtcp_seq_lt(ack, tx->snd.una - (u32)min_t(u64, tx->snd.max_wnd, acked));
}

/**
 * xtcp_ack_arrives() - process the ACK field in a synchronized state
 * @sk: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT, CLOSING or LAST-ACK
 * @skb: skb->data at its TCP header. It carries ACK and has passed steps one to four
 *
 * RFC 9293 section 3.10.7.4, fifth, with the range of RFC 5961 section 5.2.
 * Return: XTCP_CONTINUE, or XTCP_CHALLENGE when the ACK is out of range.
 */
enum xtcp_verdict xtcp_ack_arrives(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (xtcp_seq_gt(seg->ack, tx->snd.nxt))
		return XTCP_CHALLENGE;
	/* an old ACK does not move SND.UNA, but its segment may carry data */
	if (xtcp_seq_lt(seg->ack, tx->snd.una)) {
		if (is_too_old(sk, seg->ack))
			return XTCP_CHALLENGE;
		xtcp_acked_overtaken(sk, skb);
		return XTCP_CONTINUE;
	}
	/* the path works: an earlier ICMP error is not the cause of a later timeout */
	WRITE_ONCE(sk->sk_err_soft, 0);
	tx->ack_tstamp = (u32)jiffies;
	xtcp_tries_answered(&tx->tries.probes_out);
	xtcp_acked_take(sk, skb);
	return XTCP_CONTINUE;
}

/*
 * RFC 7323 section 5.3 R1 rejects a TSval below TS.Recent, unless that is too old (section 5.5). As
 * in Linux, a TSval that is less by at most XTCP_PAWS_WINDOW passes. A TS.Recent of 0 does not
 * count: some hosts send 0 in their SYN.
 */
static bool paws_rejects(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	if (!xsk->agreed.ts_ok || !seg->has_ts || !xsk->paws.stamp || !xsk->paws.ts_recent)
		return false;
	if ((s32)(xsk->paws.ts_recent - seg->tsval) <= XTCP_PAWS_WINDOW)
		return false;
	return xtcp_clock_seconds_stamp() - xsk->paws.stamp < XTCP_PAWS_IDLE_S;
}

/*
 * A pure ACK that a later segment overtakes has a TSval below TS.Recent. RFC 7323 section 5.3 says
 * to drop it and answer. As in Linux, it counts as a duplicate ACK if it reports nothing new,
 * SEG.SEQ is RCV.NXT, and SEG.TSval is less by at most our RTO in milliseconds.
 */
static bool paws_harmless_ack(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	return (seg->flags & (XTCP_ACK | XTCP_SYN | XTCP_FIN)) == XTCP_ACK && !seg->len &&
	       seg->seq == xsk->rcv.nxt && seg->ack == xsk->snd.una &&
	       (u32)seg->wnd << xsk->agreed.snd_wscale == xsk->snd.wnd &&
	       (s32)(xsk->paws.ts_recent - seg->tsval) <= (s32)xtcp_bounds_rto_ms(&xsk->inet.sk);
}

/*
 * As in Linux, our window is wider than that of RFC 9293: from the last RCV.NXT that we
 * acknowledged to the right edge itself. So we accept an ACK that later data has overtaken, and one
 * of a peer that has filled the window. Text outside enters no queue; see
 * xtcp_acceptance_rst_counts() for a RST.
 */
static bool in_window(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	u32 right = xtcp_seq_max(xsk->rcv.wup + xsk->rcv.wnd, xsk->rcv.nxt);

	return xtcp_seq_ge(seg->end_seq, xsk->rcv.wup) && xtcp_seq_le(seg->seq, right);
}

/*
 * May an ACK answer this segment? SYNs, segments without data or FIN, and those whose ACK field is
 * not credible, share one limit (net.xtcp.invalid_ratelimit; RFC 5961 section 7). Otherwise two
 * ends could answer each other's ACKs forever, and a forger who guesses no number could draw three
 * duplicate ACKs, for which a peer without SACK halves its window (RFC 5681 section 3.2).
 */
static bool dupack_allowed(struct sock *sk, const struct xtcp_seg *seg, bool is_credible, int skipped)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_stamp();
	u32 limit = READ_ONCE(xtcp_net_of(sk)->sysctl.invalid_ratelimit);

	/* an answer to data or FIN cannot start a loop of ACKs, and the peer needs the answer */
	if (seg->seq != seg->end_seq && !(seg->flags & XTCP_SYN) && is_credible)
		return true;
	if (xtcp_acklimit_is_early(&xsk->acklimit, now, limit)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), skipped);
		return false;
	}
	xtcp_acklimit_sent(&xsk->acklimit, now);
	return true;
}

/*
 * Answers an unacceptable segment without RST. The D-SACK reports octets that we have (RFC 2883
 * section 4), and the next ACKs are not delayed: their ACK may be lost. Both need a credible ACK
 * field: else a forger could make our segments take another path (xtcp_sack_repeated()), and the
 * peer believe that it has sent something twice. Return: XTCP_DROP if the rate limit forbids the
 * ACK, which @skipped counts.
 */
enum xtcp_verdict xtcp_acceptance_refuse(struct sock *sk, const struct xtcp_seg *seg, int skipped)
{
	const u32 rcv_nxt = xtcp_sk(sk)->rcv.nxt;
	/* a forger who sees no segments hardly ever guesses such a number */
	const bool is_credible = seg->flags & XTCP_ACK && !xtcp_seq_gt(seg->ack, xtcp_sender(sk)->snd.nxt) &&
				 !is_too_old(sk, seg->ack);

	sock_owned_by_me(sk);
	if (!dupack_allowed(sk, seg, is_credible, skipped))
		return XTCP_DROP;
	if (seg->seq != seg->end_seq && xtcp_seq_lt(seg->seq, rcv_nxt) && is_credible) {
		xtcp_text_came_again(sk);
		if (xtcp_sk(sk)->packed)
			xtcp_stream_begin(sk, GFP_ATOMIC);
		xtcp_sack_repeated(sk, seg->seq, xtcp_seq_lt(seg->end_seq, rcv_nxt) ? seg->end_seq : rcv_nxt);
	}
	return XTCP_ACK_DROP;
}

/* At RCV.NXT (RFC 5961 section 3.2); after its FIN also at RCV.NXT - 1, as some peers do: as hard to guess. */
bool xtcp_acceptance_rst_counts(const struct sock *sk, const struct xtcp_seg *seg)
{
	const int after_fin = TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK;
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	return seg->seq == xsk->rcv.nxt || (seg->seq + 1 == xsk->rcv.nxt && 1 << sk->sk_state & after_fin);
}

/*
 * Step one: PAWS (RFC 7323 section 5.3), then the sequence number. XTCP_CONTINUE when the segment
 * is acceptable, is a SYN without RST, or is a RST that counts.
 */
enum xtcp_verdict xtcp_acceptance_check(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	/* PAWS never drops a RST (RFC 7323 section 5.2); step four challenges a SYN */
	if (paws_rejects(xsk, seg) && !(seg->flags & (XTCP_RST | XTCP_SYN)) && !paws_harmless_ack(xsk, seg)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_PAWSESTABREJECTED);
		return xtcp_acceptance_refuse(sk, seg, LINUX_MIB_TCPACKSKIPPEDPAWS);
	}
	if (in_window(xsk, seg))
		return XTCP_CONTINUE;
	if (seg->flags & XTCP_RST)
		return xtcp_acceptance_rst_counts(sk, seg) ? XTCP_CONTINUE : XTCP_DROP;
	if (seg->flags & XTCP_SYN)
		return XTCP_CONTINUE;	/* step four challenges the SYN (RFC 5961 section 4.2) */
	return xtcp_acceptance_refuse(sk, seg, LINUX_MIB_TCPACKSKIPPEDSEQ);
}

/*
 * TS.Recent takes SEG.TSval if SEG.SEQ is at or before the last RCV.NXT that we acknowledged (RFC
 * 7323 section 4.3), and SEG.TSval is not older, unless TS.Recent does not count (paws_rejects()).
 */
__always_inline void xtcp_acceptance_take_ts(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!xsk->agreed.ts_ok || !seg->has_ts || xtcp_seq_gt(seg->seq, xsk->rcv.wup))
		return;
	if ((s32)(seg->tsval - xsk->paws.ts_recent) < 0 && xsk->paws.stamp && xsk->paws.ts_recent &&
	    xtcp_clock_seconds_stamp() - xsk->paws.stamp < XTCP_PAWS_IDLE_S)
		return;
	xtcp_paws_take(&xsk->paws, seg->tsval);
}

/* an ACK is due for each such part of a window of 8 full segments or more, even if the peer asks for fewer ACKs */
#define OFFERED_PARTS	4U

/*
 * Is the program about to read? Yes before accept(); also with enough text to wake a thread in
 * RECEIVE, or with @asked: the program has sent a request. Never with TCP_QUICKACK.
 */
static bool program_is_on_its_way(const struct sock *sk, bool asked)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xsk->quickack_asked)
		return false;
	if (!sk->sk_socket)
		return !sock_flag(sk, SOCK_DEAD);
	return asked || (atomic_read(&xsk->readers) && xtcp_text_readable(sk, READ_ONCE(sk->sk_rcvlowat)));
}

/*
 * May the ACK wait until a thread that sleeps in RECEIVE has read? Yes, if there is enough to wake
 * it, and more than two full segments are unacknowledged (only a GRO packet brings so many): then
 * one ACK covers all, and offers the window that the read has opened. Another segment ends it.
 */
static bool reader_acknowledges(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_acking *acking = &xsk->acking;

	return acking->unacked_segments > 2 && !acking->quick && !acking->ack_held_for_app &&
	       atomic_read(&xsk->readers) && program_is_on_its_way(sk, false);
}

/* The next offer compares with this; it may be cut to whole segments if our shift is 0 (whole_segments()). */
static u32 last_offer(const struct xtcp_sock *xsk)
{
	u32 wnd = xsk->rcv.wnd;

	return xsk->rcv_wscale || wnd < xsk->rcv_mss ? wnd : rounddown(wnd, xsk->rcv_mss);
}

/* Should an ACK go before the program reads? As in Linux, if it offers as much as before, or a read waits for more. */
static bool ack_lets_send(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return xtcp_window_offer(sk) >= last_offer(xsk) ||
	       xsk->rcv.nxt - xsk->rcv.copied_seq < (u32)READ_ONCE(sk->sk_rcvlowat);
}

/* as in Linux, the metric quickack forbids delayed ACKs */
static bool route_hurries(const struct sock *sk)
{
	return xtcp_metric_of(sk, RTAX_QUICKACK);
}

/*
 * The pending ACK is for text out of order. Once XTCP_DUPACK_THRESHOLD ACKs have reported the hole,
 * a later one may replace it. As in Linux, an ACK replaces at most comp_sack_nr others, and leaves
 * after comp_sack_delay_ns or a twentieth of the round trip, whichever is less; only a
 * high-resolution timer is exact enough. Return: false if the pending ACK must be sent now.
 */
static bool compress(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_sysctl *ctl = &xsk->xn->sysctl;
	struct xtcp_sack *sack = &xsk->stream->sack;
	u32 rtt_us = min(xsk->rto.srtt_us ?: U32_MAX, xsk->stream->rcv_rtt_us);
	u64 delay_ns;

	sack->may_wait = false;
	if ((xsk->acking.quick && !xsk->acking.pingpong) || route_hurries(sk) ||
	    (xsk->rcv.nxt - xsk->rcv.wup > xsk->rcv_mss && ack_lets_send(sk)) || sack->ack_rate == 1 ||
	    sack->compressed >= READ_ONCE(ctl->comp_sack_nr))
		return false;
	if (sack->dups < XTCP_DUPACK_THRESHOLD) {
		sack->dups++;
		return false;
	}
	delay_ns = min_t(u64, READ_ONCE(ctl->comp_sack_delay_ns), (u64)rtt_us * NSEC_PER_USEC / 20);
	if (!sack->compressed && !xtcp_pace_within(sk, delay_ns, READ_ONCE(ctl->comp_sack_slack_ns)))
		return false;
	sack->compressed++;
	return true;
}

/*
 * The peer has asked for one ACK per R full segments (draft-ietf-tcpm-ack-rate-request-10). An ACK
 * is also due for two segments or a quarter of the offered window, whichever is more: else the peer
 * might fill it, and wait for our timer. If R is 1, each segment counts as full.
 */
static bool asked_rate_is_reached(const struct xtcp_sock *xsk)
{
	const u32 mss = max_t(u32, xsk->rcv_mss, 1), part = xsk->rcv.wnd / (OFFERED_PARTS * mss);
	const u32 rate = min_t(u32, xsk->stream->sack.ack_rate, max(part, 2U));

	return rate == 1 || xsk->acking.unacked_segments >= rate || xsk->rcv.nxt - xsk->rcv.wup >= rate * mss;
}

/*
 * The route's metric quickack and TCP_QUICKACK override the rate; the quick ACKs of a new
 * connection, and a program that is about to read, do not. The ACK of a FIN does not wait: no later
 * segment would cause it (RFC 9293 section 3.10.7.4, eighth step).
 */
static noinline void owed_at_asked_rate(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xsk->acking.now || xsk->fin_received || asked_rate_is_reached(xsk) || route_hurries(sk) ||
	    (xsk->quickack_asked && xsk->acking.quick && !xsk->acking.pingpong))
		xtcp_send_ack(sk);
	else
		xtcp_timer_ack_scheduled(sk, msecs_to_jiffies(XTCP_DELACK_MIN_MS));
}

/* The peer asked for a rate, or compress() may hold this ACK back, or has held earlier ones. */
static noinline void owed_specially(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!xsk->stream->sack.may_wait && !xsk->stream->sack.compressed) {
		owed_at_asked_rate(sk);
		return;
	}
	/* without may_wait, compress() has held back ACKs: the timer sends one, which covers this segment, too */
	if (xsk->acking.now || (xsk->stream->sack.may_wait && !compress(sk)) || xsk->stream->sack.ack_rate == 1)
		xtcp_send_ack(sk);
}

static __always_inline void owed_later(struct sock *sk)
{
	/* without any data, it acknowledges a FIN: as in Linux, wait XTCP_ANSWER_MS for a close() with our FIN */
	xtcp_timer_ack_scheduled(sk, xtcp_sk(sk)->stream->rcv_data_tstamp ? msecs_to_jiffies(XTCP_DELACK_MIN_MS) :
									msecs_to_jiffies(XTCP_ANSWER_MS));
}

/* @few: the ACK is for less than two segments. */
static noinline void owed_now_or_later(struct sock *sk, bool few, bool asked)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const bool due = !few && ((xsk->acking.quick && !xsk->acking.pingpong) || ack_lets_send(sk));

	if (xsk->acking.now || (due && !reader_acknowledges(sk)) || route_hurries(sk)) {
		xtcp_send_ack(sk);
	} else if (!due && (xsk->acking.pingpong || !xsk->acking.quick)) {
		owed_later(sk);
	} else if (due || program_is_on_its_way(sk, asked)) {
		xtcp_acking_hold_for_app(&xsk->acking);
		xtcp_timer_ack_scheduled(sk, msecs_to_jiffies(XTCP_ANSWER_MS));
	} else {
		xtcp_send_ack(sk);
	}
}

/*
 * Acknowledge arrived segments, now or a little later. RFC 9293 section 3.8.6.3: two full segments
 * are acknowledged at once (SHLD-19) if the ACK lets the peer send more. Any other ACK may wait,
 * for at most 200 ms (SHLD-18, MUST-40).
 *
 * As in Linux, the first ACKs of a connection do not wait, unless the program is about to read: its
 * answer may carry the ACK. Without it, the ACK leaves when the program wants more data, in RECEIVE
 * or in poll(), or after XTCP_ANSWER_MS, rounded up to a tick. After a SEND with MSG_DONTWAIT a
 * program may sleep in poll(), so it does not count as about to read. Later, the ACK of a GRO
 * packet waits up to XTCP_ANSWER_MS for a reader.
 *
 * If the peer has asked for an ACK rate, the ACKs follow that. The caller has processed everything
 * that arrived together (section 3.10.7.4, MUST-59).
 */
void xtcp_acks_schedule(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const bool asked = READ_ONCE(xsk->acking.app_expects_reply);
	bool few;

	sock_owned_by_me(sk);
	if (!xsk->acking.pending)
		return;
	xtcp_acking_expect_reply(&xsk->acking, false);
	if (unlikely(xsk->stream->sack.may_wait || xsk->stream->sack.compressed || xsk->stream->sack.ack_rate)) {
		owed_specially(sk);
		return;
	}
	few = xsk->acking.unacked_segments < 2 && xsk->rcv.nxt - xsk->rcv.wup < 2U * xsk->rcv_mss;
	/* for a request or an answer: owed_now_or_later() does the same, but saves registers first */
	if (few && !xsk->acking.now && (xsk->acking.pingpong || !xsk->acking.quick) && !route_hurries(sk))
		owed_later(sk);
	else
		owed_now_or_later(sk, few, asked);
}

