// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit Congestion Notification (RFC 3168 section 6.1, with the changes of RFC 8311), and
 * accurate feedback, AccECN (RFC 9768). recovery.c decides when the window is reduced.
 *
 *   ECN     Negotiated in the SYNs. New text leaves with ECT(0); a router may change it to CE instead
 *           of dropping the segment. The receiver of CE sets ECE in every segment until CWR arrives;
 *           the sender of the text sets CWR in its next new text. For DCTCP (RFC 8257), ECE reports
 *           exactly which text came with CE.
 *   AccECN  A SYN with AE, CWR and ECE requests it. In the SYN-ACK these flags report the codepoint
 *           with which the SYN arrived, in the pure ACK of the SYN-ACK that of the SYN-ACK. In later
 *           segments they are the ACE field, which counts segments that arrived with CE, modulo eight.
 *           The AccECN option counts octets, which tells how often the field has wrapped, even if ACKs
 *           were lost.
 *
 * xtcp_ecn_codepoint() says which segments we send as ECT. If our SYN or SYN-ACK arrived with ECT
 * or CE, something on the path has changed IP's ECN field. A received ECT(1) counts like ECT(0).
 */
#include "ecn/ecn.h"

#include <linux/rtnetlink.h>

#include "listen/listen.h"

#define ACE_ASKED	7	/* in a SYN: AE, CWR and ECE */
/* so many unreported CE marks, and a segment with CE is acknowledged at once (RFC 9768 section 3.2.2.5.1) */
#define MARKS_WITH_TEXT	2
#define MARKS_WITHOUT	3
#define UNSAID_MAX	15
#define COUNTED_AT_MOST	22	/* a counter is sent when it passes a multiple of 2^22 octets */

/* Send no more ECT. Congestion that the peer reports still counts. */
static void found_mangled(struct xtcp_sock *xsk)
{
	xsk->accecn.faults |= XTCP_ACCECN_MANGLED;
	xsk->ecn &= ~XTCP_ECN_OK;
}

/*
 * RFC 9768 section 3.2.2.4: was ACE zero in the peer's first segment without SYN? Then the path or
 * the peer is broken: send no more ECT, and ignore all feedback. Only the first call decides.
 */
static bool is_zeroed(struct xtcp_sock *xsk, u8 ace)
{
	struct xtcp_accecn *accecn = &xsk->accecn;

	if (!(accecn->faults & XTCP_ACCECN_LOOKED)) {
		accecn->faults |= XTCP_ACCECN_LOOKED;
		if (!ace) {
			accecn->faults |= XTCP_ACCECN_ZEROED;
			xsk->ecn &= ~XTCP_ECN_OK;
		}
	}
	return accecn->faults & XTCP_ACCECN_ZEROED;
}

/* We send SYN and SYN-ACK as Not-ECT: any other codepoint means that the path has changed it. */
static void take_echo(struct sock *sk, u8 ace)
{
	u8 codepoint = xtcp_ace_echoed(ace);

	if (READ_ONCE(xtcp_net_of(sk)->sysctl.ecn_fallback) && xtcp_ace_is_mangled(XTCP_NOT_ECT, codepoint))
		found_mangled(xtcp_sk(sk));
	if (codepoint == XTCP_CE)
		xtcp_sk(sk)->accecn.faults |= XTCP_ACCECN_SYN_CE;
}

static bool find_option(const struct sk_buff *skb, struct xtcp_accecn_option *option)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;

	return xtcp_options_find_accecn((const u8 *)(tcp_hdr(skb) + 1), seg->hdr_len - sizeof(struct tcphdr), option);
}

/* RFC 9768 section 3.2.3.2.4: on a SYN-ACK or the last ACK, a counter that starts at 1 must not be 0. */
static void see_first_option(struct xtcp_sock *xsk, const struct sk_buff *skb)
{
	struct xtcp_accecn_option option;
	unsigned int i;

	if (!find_option(skb, &option))
		return;
	xsk->accecn.seen = true;
	for (i = 0; i < option.fields; i++)
		if (!option.counter[i] && xtcp_ace_counter_first(xtcp_ace_order_codepoint(option.order, i)))
			xsk->accecn.faults |= XTCP_ACCECN_OPTION_ZEROED;
}

/* RFC 9768 section 3.2.2.2: only one SYN-ACK with CE counts, however many arrive. */
static void count_syn_ack(struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	if (seg->ecn != XTCP_CE || xsk->accecn.faults & XTCP_ACCECN_SYN_ACK_CE)
		return;
	xsk->accecn.faults |= XTCP_ACCECN_SYN_ACK_CE;
	xsk->accecn.received_ce++;
}

/* The answer to our offer (RFC 9768 table 2); a SYN of a simultaneous open, as by a server (section 3.1.2). */
static void xtcp_accecn_take_syn(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool answers = seg->flags & XTCP_ACK;
	u8 ace = xtcp_accecn_ace(skb);

	/* the peer has no ECN, or reflects all flags */
	if (!ace || (answers && ace == ACE_ASKED)) {
		xsk->ecn = 0;
		return;
	}
	/* classic ECN (RFC 3168): ECE alone in a SYN-ACK, ECE with CWR in a SYN */
	if (ace == (answers ? 1 : 3)) {
		xsk->ecn = XTCP_ECN_OK;
		return;
	}
	/* all others mean AccECN; AE with ECE, of the obsolete ECN nonce, reports nothing of our SYN (section 3.1.3) */
	xtcp_accecn_start(sk, seg->ecn, false);
	xsk->accecn.demand = 1;
	if (!answers)
		return;
	xsk->ecn |= XTCP_ECN_ECHO_SYN_ACK;
	/* in the handshake's last ACK and the first text (section 3.2.3.2.1) */
	xsk->accecn.demand = 2;
	see_first_option(xsk, skb);
	count_syn_ack(xsk, seg);
	take_echo(sk, ace);
}

/**
 * xtcp_accecn_take_third_ack() - process the peer's report of how our SYN-ACK arrived
 * @sk: in SYN-RECEIVED and in AccECN mode
 * @skb: the segment that ends SYN-RECEIVED
 *
 * RFC 9768 section 3.2.2.1, table 4: only a pure ACK without SACK blocks reports it. If the client
 * got only a retransmitted SYN-ACK without ECN flags, its ACK has none, and there is no ECN.
 *
 * In a simultaneous open it may be the peer's SYN-ACK, which reports how our SYN arrived. Without
 * ECN flags, we must not send ECT (section 3.1.5).
 */
void xtcp_accecn_take_third_ack(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u8 ace = xtcp_accecn_ace(skb);

	sock_owned_by_me(sk);
	if (seg->flags & XTCP_SYN) {
		if (!ace)
			xsk->ecn &= ~XTCP_ECN_OK;
		count_syn_ack(xsk, seg);
		see_first_option(xsk, skb);
		take_echo(sk, ace);
		return;
	}
	if (!ace && xsk->total_retrans >= 2 && READ_ONCE(xtcp_net_of(sk)->sysctl.ecn_fallback)) {
		xsk->ecn = 0;
		return;
	}
	/* perhaps the first SYN-ACK was lost because of its option (section 3.2.3.2.2) */
	if (xsk->total_retrans)
		xsk->accecn.faults |= XTCP_ACCECN_OPTION_LOST;
	see_first_option(xsk, skb);
	if (is_zeroed(xsk, ace) || seg->seq != seg->end_seq || seg->sack_blocks)
		return;
	take_echo(sk, ace);
	if (xsk->accecn.faults & XTCP_ACCECN_SYN_CE)
		xsk->delivered_ce = 1;
}

/**
 * xtcp_accecn_syn_ack_again() - echo the ECN field of a SYN-ACK that comes again
 * @sk: in AccECN mode; synchronized, or SYN-RECEIVED after a simultaneous open or with Fast Open
 * @skb: the segment with SYN, which we answer by a challenge ACK
 *
 * RFC 9768 section 3.2.2.1: a peer that resends its SYN-ACK has no ACK yet, so the challenge ACK
 * reports how this one arrived. But if the peer has sent text, the network or a forger has repeated
 * the SYN-ACK. The flags are the counter then: the peer would take a report for new marks.
 */
void xtcp_accecn_syn_ack_again(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!(seg->flags & XTCP_ACK) || seg->seq != xsk->rcv.irs || xsk->rcv.nxt != xsk->rcv.irs + 1 ||
	    !xtcp_seq_between(xsk->snd.iss + 1, seg->ack, xsk->snd.nxt) ||
	    xtcp_ace_echoed(xtcp_accecn_ace(skb)) == XTCP_NO_CODEPOINT)
		return;
	count_syn_ack(xsk, seg);
	xsk->accecn.syn_codepoint = seg->ecn;
	xsk->ecn |= XTCP_ECN_ECHO_SYN_ACK;
}

static u16 accurate_syn_flags(const struct sock *sk, u8 flags, bool resent)
{
	if (flags & XTCP_ACK)
		return xtcp_accecn_ace_flags(xtcp_ace_echo(xtcp_sk(sk)->accecn.syn_codepoint));
	/* RFC 9768 section 3.1.4.1: only the first resent SYN requests AccECN: a middlebox may drop such SYNs */
	if (resent && xtcp_sk(sk)->total_retrans && READ_ONCE(xtcp_net_of(sk)->sysctl.ecn_fallback))
		return 0;
	return xtcp_accecn_ace_flags(ACE_ASKED);
}

/* RFC 9768 sections 3.1.1, 3.2.2.1, 3.2.2.2. All marks count as reported: send it. @is_pure: no text or SACK blocks. */
static u16 xtcp_accecn_flags(struct sock *sk, u8 flags, bool resent, bool is_pure)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool echoes = xsk->ecn & XTCP_ECN_ECHO_SYN_ACK && is_pure && flags == XTCP_ACK;

	if (flags & XTCP_SYN)
		return accurate_syn_flags(sk, flags, resent);
	xsk->ecn &= ~XTCP_ECN_ECHO_SYN_ACK;
	if (echoes)
		return xtcp_accecn_ace_flags(xtcp_ace_echo(xsk->accecn.syn_codepoint));
	xsk->accecn.unsaid = 0;
	return xtcp_accecn_counter_flags(&xsk->accecn);
}

static bool brings_new(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	return seg->len && xtcp_seq_gt(seg->seq + seg->len, xsk->rcv.nxt);
}

/*
 * If the codepoint is CE or has changed, our next two segments must carry the option (RFC 9768
 * section 3.2.3.3). If the counter has passed a multiple of 2^22, the next one must, so that the
 * peer sees each wrap of the 24 bits.
 */
static void count_octets(struct xtcp_accecn *accecn, u8 codepoint, u32 len)
{
	u32 *received = &accecn->received[codepoint - 1], before = *received;

	*received += len;
	accecn->grown = true;
	if (codepoint == XTCP_CE || codepoint != accecn->last_codepoint)
		accecn->demand = 2;
	else if ((before ^ *received) >> COUNTED_AT_MOST && !accecn->demand)
		accecn->demand = 1;
}

/*
 * RFC 9768 section 3.2: every segment with CE counts. Section 3.2.2.5.1: it is acknowledged at once
 * if it has text and the previous one had no CE, or if enough are unreported; a GRO packet once.
 */
static void xtcp_accecn_take(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_accecn *accecn = &xsk->accecn;
	bool is_new = brings_new(xsk, seg), changes;
	u32 segments = max_t(u32, skb_shinfo(skb)->gso_segs, 1);

	/* the SYN-ACK of a simultaneous open: xtcp_accecn_take_third_ack() has counted its CE; it has no ACE counter */
	if (seg->flags & XTCP_SYN) {
		accecn->last_codepoint = seg->ecn;
		return;
	}
	if (!(accecn->faults & XTCP_ACCECN_LOOKED))
		is_zeroed(xsk, xtcp_accecn_ace(skb));
	changes = seg->ecn == XTCP_CE && accecn->last_codepoint != XTCP_CE;
	if (seg->len && seg->ecn != XTCP_NOT_ECT)
		count_octets(accecn, seg->ecn, seg->len);
	accecn->last_codepoint = seg->ecn;
	if (seg->ecn == XTCP_NOT_ECT)
		return;
	xsk->ecn |= XTCP_ECN_SEEN;
	if (seg->ecn != XTCP_CE)
		return;
	accecn->received_ce += segments;
	accecn->unsaid = min_t(u32, accecn->unsaid + segments, UNSAID_MAX);
	if ((changes && seg->len) || accecn->unsaid >= (is_new ? MARKS_WITH_TEXT : MARKS_WITHOUT))
		xtcp_acking_owe_now(&xsk->acking);
}

/* net.xtcp.ecn_option_beacon is the least number of options per round trip; 0: no minimum. */
static bool beacon_is_due(const struct xtcp_sock *xsk)
{
	u32 beacon = READ_ONCE(xsk->xn->sysctl.ecn_option_beacon);

	return beacon && (u64)((u32)xsk->arrived_us - xsk->accecn.option_us) * beacon >= xsk->rto.srtt_us;
}

/**
 * xtcp_accecn_option_wanted() - octets that the AccECN option of a segment needs at least; 0: none
 * @sk: in AccECN mode, or in SYN-SENT after requesting AccECN
 * @flags: the segment's control bits
 * @seq: the segment's sequence number
 * @len: octets of text
 * @resent: the segment was sent before
 *
 * RFC 9768 sections 3.2.3.2 and 3.2.3.3. A SYN never carries the option; a SYN-ACK does, unless it
 * is resent. Later, as in Linux, it is sent only to a peer that has sent it.
 */
u32 xtcp_accecn_option_wanted(struct sock *sk, u8 flags, u32 seq, u32 len, bool resent)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_accecn *accecn = &xsk->accecn;
	u8 option = READ_ONCE(xsk->xn->sysctl.ecn_option);
	bool order;

	sock_owned_by_me(sk);
	if (flags & XTCP_SYN)
		return option && flags & XTCP_ACK && !resent ? XTCP_OPTLEN_ACCECN_ALIGNED(2) : 0;
	/* the first text is resent: perhaps the path drops the option, and no segment has it now (section 3.2.3.2.2) */
	if (resent && len && seq == xsk->snd.iss + 1 && accecn->faults & XTCP_ACCECN_OPTION_FIRST)
		accecn->faults |= XTCP_ACCECN_OPTION_LOST;
	if (!option || !accecn->seen || flags & XTCP_RST ||
	    (accecn->faults & XTCP_ACCECN_OPTION_LOST && option != XTCP_ECN_OPTION_PERSISTENT))
		return 0;
	if (!accecn->demand && !(accecn->grown && (option != XTCP_ECN_OPTION_SPARING || beacon_is_due(xsk))))
		return 0;
	return XTCP_OPTLEN_ACCECN_ALIGNED(xtcp_ace_fields(accecn->received, &order));
}

/* A counter is lower than before if a later ACK was processed already. Return: octets newly reported with CE. */
static u32 take_counters(struct xtcp_accecn_told *told, const struct xtcp_accecn_option *option)
{
	u32 marked = 0, i;
	u8 codepoint;
	s32 octets;

	for (i = 0; i < option->fields; i++) {
		codepoint = xtcp_ace_order_codepoint(option->order, i);
		octets = xtcp_ace_octets(told->octets[codepoint - 1], codepoint, option->counter[i]);
		if (octets <= 0)
			continue;
		told->octets[codepoint - 1] += octets;
		if (codepoint == XTCP_CE)
			marked = octets;
	}
	return marked;
}

/*
 * RFC 9768 section 3.2.3.2.5: if the option reports octets with CE, and the field has reported no
 * mark since the last option, the field may have wrapped. But with fewer than eight segments, the
 * path changes the field or the option. @least: new marks by the field alone.
 */
static u32 reconcile(struct xtcp_sock *xsk, const struct xtcp_accecn_option *option, u32 least)
{
	struct xtcp_accecn_told *told = &xsk->stream->told;
	u32 octets = take_counters(told, option), marks;

	if (octets && !least && !told->marks_since && told->segments_since <= XTCP_ACE_MASK) {
		found_mangled(xsk);
		marks = 0;
	} else {
		marks = xtcp_ace_marks_by_octets(least, told->marks_since, octets, xsk->mss);
	}
	told->marks_since = 0;
	told->segments_since = 0;
	return marks;
}

/**
 * xtcp_accecn_feedback() - process the ACE field and the option of an ACK
 * @sk: in a synchronized state and in AccECN mode
 * @skb: the ACK; it newly acknowledges or sacks something, and no later ACK has overtaken it
 * @segments: how many segments the ACK newly acknowledges or sacks
 * @sample: its fields "marked" and "ece" are set
 *
 * RFC 9768 sections 3.2.2.2 and 3.2.3.1. It may report more than @segments (section 3.2.2.5.2).
 */
void xtcp_accecn_feedback(struct sock *sk, const struct sk_buff *skb, u32 segments, struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_accecn_told *told = &xsk->stream->told;
	struct xtcp_accecn_option option;
	u8 ace = xtcp_accecn_ace(skb);
	u32 least;

	sock_owned_by_me(sk);
	if (is_zeroed(xsk, ace))
		return;
	told->stretch = told->stretch ?: xtcp_ace_stretch(0, segments);
	told->segments_since = min_t(u32, told->segments_since + max(segments, sample->segments), U8_MAX);
	if (!(xsk->accecn.faults & XTCP_ACCECN_OPTION_ZEROED) && find_option(skb, &option)) {
		xsk->accecn.seen = true;
		least = xtcp_ace_marks(xsk->delivered_ce, ace, 0, told->stretch);
		sample->marked = reconcile(xsk, &option, least);
	} else {
		sample->marked = xtcp_ace_marks(xsk->delivered_ce, ace, segments, told->stretch);
		told->marks_since = min_t(u32, told->marks_since + sample->marked, U8_MAX);
	}
	sample->ece = sample->marked;
	told->stretch = xtcp_ace_stretch(told->stretch, segments);
}

#define RESERVED_BITS	0x0f	/* the reserved bits in octet 12 of the TCP header */
/* ACKs without delay when the peer's congestion window may be small, as in Linux */
#define QUICKACKS_CE	2

static bool needs_ecn(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->algorithm)->needs_ecn;
}

/**
 * xtcp_ecn_is_allowed() - may a connection that a peer opens use ECN?
 * @lsk: the listener
 * @dst: the route to the peer, held
 *
 * By net.xtcp.ecn, the route's feature "ecn" or congctl, or the listener's algorithm.
 * Context: softirq or process.
 */
bool xtcp_ecn_is_allowed(const struct sock *lsk, const struct dst_entry *dst)
{
	/* who accepts AccECN accepts classic ECN, whatever the route says, for peers that do not know AccECN */
	return READ_ONCE(xtcp_net_of(lsk)->sysctl.ecn) || dst_feature(dst, DST_FEATURE_ECN_MASK) || needs_ecn(lsk) ||
	       xtcp_accecn_is_allowed(lsk);
}

/**
 * xtcp_ecn_is_asked() - does this SYN request ECN? (RFC 3168 section 6.1.1)
 * @lsk: the listener
 * @syn: the segment, which ingress.c has parsed
 * @dst: the route to the peer
 *
 * A SYN that comes with ECT or CE does not count: something on the path changes IP's ECN field, so
 * CE would mean nothing. Two exceptions: a reserved header bit belongs to an extension, which may
 * send ECT on purpose (RFC 8311 section 4.3); and DCTCP, which the peer may use if we do, sends its
 * SYN with ECT (RFC 8257 section 3.6). All this is as in Linux.
 * Context: softirq.
 */
bool xtcp_ecn_is_asked(const struct sock *lsk, const struct sk_buff *syn, const struct dst_entry *dst)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)syn->cb;

	if ((seg->flags & (XTCP_ECE | XTCP_CWR)) != (XTCP_ECE | XTCP_CWR))
		return false;
	return seg->ecn == INET_ECN_NOT_ECT || ((const u8 *)tcp_hdr(syn))[12] & RESERVED_BITS || needs_ecn(lsk) ||
	       dst_feature(dst, DST_FEATURE_ECN_CA);
}

/**
 * xtcp_ecn_take_syn() - process the peer's answer to our offer
 * @sk: in SYN-SENT
 * @skb: a SYN-ACK, or the SYN of a simultaneous open
 *
 * A SYN-ACK with ECE but without CWR accepts ECN. A SYN with ECE and CWR requests it, as ours does.
 * Anything else means no ECN (RFC 3168 section 6.1.1).
 */
void xtcp_ecn_take_syn(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	const u8 due = seg->flags & XTCP_ACK ? XTCP_ECE : XTCP_ECE | XTCP_CWR;

	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->ecn & XTCP_ECN_ACCURATE)
		xtcp_accecn_take_syn(sk, skb);
	else if ((seg->flags & (XTCP_ECE | XTCP_CWR)) != due)
		xtcp_sk(sk)->ecn = 0;
}

static u8 syn_flags(const struct sock *sk, u8 flags, bool resent)
{
	if (!(xtcp_sk(sk)->ecn & XTCP_ECN_OK))
		return 0;
	if (flags & XTCP_ACK)
		return XTCP_ECE;
	/* RFC 3168 section 6.1.1.1: some middleboxes drop a SYN with these flags */
	if (resent && READ_ONCE(xtcp_net_of(sk)->sysctl.ecn_fallback))
		return 0;
	return XTCP_ECE | XTCP_CWR;
}

/**
 * xtcp_ecn_flags() - the ECN flags of an outgoing segment
 * @sk: the sock
 * @flags: the other control bits of the segment
 * @new_text: the segment carries octets that were never sent before
 * @resent: the segment was sent before
 * @is_pure: the segment has neither text nor SACK blocks
 *
 * RFC 3168 sections 6.1.1 to 6.1.3, RFC 9768 section 3.2.2. Notes that CWR, or the ACE counter, was
 * sent, so the caller has to send them.
 */
u16 xtcp_ecn_flags(struct sock *sk, u8 flags, bool new_text, bool resent, bool is_pure)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u8 said = 0;

	sock_owned_by_me(sk);
	if (xsk->ecn & XTCP_ECN_ACCURATE)
		return xtcp_accecn_flags(sk, flags, resent, is_pure);
	if (flags & XTCP_SYN)
		return syn_flags(sk, flags, resent);
	if (xsk->ecn & XTCP_ECN_DEMAND_CWR)
		said |= XTCP_ECE;
	if (new_text && xsk->ecn & XTCP_ECN_QUEUE_CWR) {
		xsk->ecn &= ~XTCP_ECN_QUEUE_CWR;
		said |= XTCP_CWR;
	}
	return said;
}

static void quickack_some(struct xtcp_sock *xsk)
{
	xtcp_acking_quick(&xsk->acking, QUICKACKS_CE);
	xtcp_acking_interactive(&xsk->acking, false);
}

/* of new text */
static void take_codepoint(struct xtcp_sock *xsk, u8 codepoint)
{
	switch (codepoint) {
	case INET_ECN_NOT_ECT:
		/* text without ECT after ECT is probably resent: the peer's window is small, it waits for each ACK */
		if (xsk->ecn & XTCP_ECN_SEEN)
			quickack_some(xsk);
		return;
	case INET_ECN_CE:
		if (!(xsk->ecn & XTCP_ECN_DEMAND_CWR)) {
			quickack_some(xsk);
			xtcp_acking_hurry(&xsk->acking);
		}
		xsk->ecn |= XTCP_ECN_DEMAND_CWR;
		break;
	}
	xsk->ecn |= XTCP_ECN_SEEN;
}

/**
 * xtcp_ecn_ce_changed() - does new text come with CE after text without CE, or the reverse?
 * @sk: in a synchronized state
 * @seg: an acceptable segment; its ACK field was processed, xtcp_ecn_take() was not called yet
 *
 * With XTCP_ECN_EXACT, a pending ACK for earlier text must be sent first, with ECE as it was before
 * (RFC 8257 section 3.2).
 */
bool xtcp_ecn_ce_changed(const struct sock *sk, const struct xtcp_seg *seg)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!(xsk->ecn & XTCP_ECN_EXACT) || !brings_new(xsk, seg))
		return false;
	return (seg->ecn == INET_ECN_CE) != !!(xsk->ecn & XTCP_ECN_DEMAND_CWR);
}

/*
 * RFC 8257 section 3.2: ECE reports whether the acknowledged text came with CE. CWR does not end
 * it, but is acknowledged at once: the peer may have reduced its window to one segment.
 */
static void take_exactly(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (seg->flags & XTCP_CWR && seg->seq != seg->end_seq)
		xtcp_acking_hurry(&xsk->acking);
	if (xtcp_ecn_ce_changed(sk, seg)) {
		xsk->ecn ^= XTCP_ECN_DEMAND_CWR;
		xtcp_acking_hurry(&xsk->acking);
	}
	if (seg->ecn != INET_ECN_NOT_ECT && brings_new(xsk, seg))
		xsk->ecn |= XTCP_ECN_SEEN;
}

/**
 * xtcp_ecn_take() - process CWR and CE of an arriving segment
 * @sk: in a synchronized state; ECN is or may be in use
 * @skb: an acceptable segment; its ACK field was processed, its text was not
 *
 * CWR comes first, since it ends the effect of an earlier CE. As in Linux, it counts even without
 * text. CE counts only with new text: other text may be forged (RFC 3168 sections 6.1.3 and 6.1.5).
 */
void xtcp_ecn_take(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xsk->ecn & XTCP_ECN_ACCURATE) {
		xtcp_accecn_take(sk, skb);
		return;
	}
	if (xsk->ecn & XTCP_ECN_EXACT) {
		take_exactly(sk, seg);
		return;
	}
	if (seg->flags & XTCP_CWR) {
		xsk->ecn &= ~XTCP_ECN_DEMAND_CWR;
		/* the peer's congestion window may be one segment */
		if (seg->seq != seg->end_seq)
			xtcp_acking_hurry(&xsk->acking);
	}
	if (brings_new(xsk, seg))
		take_codepoint(xsk, seg->ecn);
}

