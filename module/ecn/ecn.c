// SPDX-License-Identifier: GPL-2.0
/*
 * Explicit Congestion Notification (RFC 3168 section 6.1, with the changes of RFC 8311).
 *
 * Both ends negotiate ECN in their SYNs. After that, new text leaves with ECT(0). A router may
 * change ECT to CE instead of dropping a segment. The receiver of a CE mark sets ECE in every
 * segment until CWR arrives. The sender of the marked text reduces its window as for a loss, once
 * per round trip, and sets CWR in its next new text. recovery.c decides when to reduce.
 *
 * For DCTCP (RFC 8257), ECE reports exactly which text came with CE.
 *
 * ECT(1) says that text belongs in the queue of L4S (RFC 9331). Text leaves with ECT(1) only in
 * AccECN mode, with an algorithm that is made for L4S. Text that is resent after a timeout is not
 * ECT, since the path may drop ECT(1). A received ECT(1) counts like ECT(0).
 *
 * Accurate feedback (RFC 9768) only changes what the peers report to each other (accecn.c).
 */
#include "ecn/ecn.h"

#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <net/dst.h>
#include <net/inet_ecn.h>

#include "base/net.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/stream.h"
#include "base/wire.h"
#include "cong/cong.h"

#define RESERVED_BITS	0x0f	/* the reserved bits in octet 12 of the TCP header */
/* how many ACKs leave without delay when the peer's congestion window may be small, as in Linux */
#define QUICKACKS_CE	2

static bool needs_ecn(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->algorithm)->needs_ecn;
}

/*
 * Does a listener accept ECN, whatever the route says? Yes, if its algorithm needs ECN. Also yes if
 * it accepts AccECN: then it accepts classic ECN, too, for peers that do not know AccECN.
 */
static bool grants_ecn(const struct sock *lsk)
{
	return needs_ecn(lsk) || xtcp_accecn_is_allowed(lsk);
}

/**
 * xtcp_ecn_is_allowed() - may a connection that a peer opens use ECN?
 * @lsk: the listener
 * @dst: the route to the peer
 *
 * Context: softirq or process. @dst is held.
 *
 * Return: true in any of these cases: net.xtcp.ecn is not 0; the route has the feature "ecn"; the
 * algorithm of the route (congctl) needs ECN; the algorithm of the listener needs ECN or AccECN.
 */
bool xtcp_ecn_is_allowed(const struct sock *lsk, const struct dst_entry *dst)
{
	return READ_ONCE(xtcp_net_of(lsk)->sysctl.ecn) || dst_feature(dst, DST_FEATURE_ECN_MASK) || grants_ecn(lsk);
}

/**
 * xtcp_ecn_is_asked() - does this SYN request ECN? (RFC 3168 section 6.1.1)
 * @lsk: the listener
 * @syn: the segment, which ingress.c has parsed
 * @dst: the route to the peer
 *
 * A SYN that comes with ECT or CE does not count: something on the path changes IP's ECN field, so
 * CE on this path would mean nothing. There are two exceptions. A SYN with a reserved header bit
 * set belongs to an extension, which may send ECT on purpose (RFC 8311 section 4.3). And if our
 * algorithm is DCTCP, the peer may use DCTCP, too. DCTCP sends its SYN with ECT (RFC 8257 section
 * 3.6). All this is as in Linux.
 *
 * Context: softirq.
 *
 * Return: true when the SYN requests ECN.
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
 * xtcp_ecn_was_marked() - has the peer ever reported a CE mark?
 * @sk: the sock
 *
 * Return: true when the connection has met congestion of this kind.
 */
bool xtcp_ecn_was_marked(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return xtcp_sk(sk)->delivered_ce;
}

/**
 * xtcp_ecn_offer() - decide whether our SYN requests ECN
 * @sk: in SYN-SENT, with a route
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_ecn_offer(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	u8 mode = READ_ONCE(xtcp_net_of(sk)->sysctl.ecn);

	sock_owned_by_me(sk);
	xtcp_sk(sk)->ecn = 0;
	if (mode == XTCP_ECN_MODE_ACCURATE || READ_ONCE(xtcp_sk(sk)->algorithm)->scalable)
		xtcp_sk(sk)->ecn = XTCP_ECN_OK | XTCP_ECN_ACCURATE;
	else if (mode == XTCP_ECN_MODE_BOTH || mode == XTCP_ECN_MODE_ACCURATE_IN ||
		 (dst && dst_feature(dst, RTAX_FEATURE_ECN)) || needs_ecn(sk))
		xtcp_sk(sk)->ecn = XTCP_ECN_OK;
}

/**
 * xtcp_ecn_take_syn() - process the peer's answer to our offer
 * @sk: in SYN-SENT
 * @skb: a SYN-ACK, or the SYN of a simultaneous open
 *
 * A SYN-ACK with ECE but without CWR accepts ECN. A SYN with ECE and CWR requests ECN, as our SYN
 * does. Anything else means no ECN (RFC 3168 section 6.1.1).
 *
 * Context: softirq, or process (the backlog, BH enabled). Lock: socket, held.
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
 * RFC 3168 sections 6.1.1 to 6.1.3, RFC 9768 section 3.2.2. The caller has to send the flags: this
 * function notes that CWR, or the value of the ACE counter, was sent.
 *
 * Return: some of XTCP_ECE, XTCP_CWR and XTCP_AE.
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

/* Processes the ECN codepoint with which new text has come. */
static void take_codepoint(struct xtcp_sock *xsk, u8 codepoint)
{
	switch (codepoint) {
	case INET_ECN_NOT_ECT:
		/*
		 * if the peer has sent ECT before, text without ECT is probably a retransmission.
		 * After a loss the peer's window is small and the peer waits for each ACK, so send
		 * some ACKs at once
		 */
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

static bool brings_new(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	return seg->len && xtcp_seq_gt(seg->seq + seg->len, xsk->rcv.nxt);
}

/**
 * xtcp_ecn_ce_changed() - does new text come with CE after text without CE, or the reverse?
 * @sk: in a synchronized state
 * @seg: an acceptable segment; its ACK field was processed, xtcp_ecn_take() was not called yet
 *
 * On such a change, a pending ACK for earlier text must be sent first, with ECE as it was before
 * (RFC 8257 section 3.2).
 *
 * Context: softirq, or process (the backlog, BH enabled). Lock: socket, held.
 *
 * Return: true when XTCP_ECN_EXACT is set and there is such a change.
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
 * ECE. But a segment with CWR is acknowledged at once: the peer may have reduced its window to one
 * segment, and then waits for the ACK.
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
 * CWR is processed first, since it ends the effect of an earlier CE. As in Linux, CWR counts even
 * without text. CE counts only with new text, since text outside the window may be forged (RFC 3168
 * sections 6.1.3 and 6.1.5).
 *
 * Context: softirq, or process (the backlog, BH enabled). Lock: socket, held.
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
		/* no delay: the peer's congestion window may be one segment */
		if (seg->seq != seg->end_seq)
			xtcp_acking_hurry(&xsk->acking);
	}
	if (brings_new(xsk, seg))
		take_codepoint(xsk, seg->ecn);
}

/**
 * xtcp_ecn_reduced() - the window was reduced, for any reason: send CWR
 * @sk: in a synchronized state
 *
 * RFC 3168 section 6.1.2: CWR is sent with the next new text. AccECN mode does not use CWR in this
 * sense (RFC 9768 section 3.1.5).
 */
void xtcp_ecn_reduced(struct sock *sk)
{
	sock_owned_by_me(sk);
	if ((xtcp_sk(sk)->ecn & (XTCP_ECN_OK | XTCP_ECN_ACCURATE)) == XTCP_ECN_OK)
		xtcp_sk(sk)->ecn |= XTCP_ECN_QUEUE_CWR;
}

/**
 * xtcp_ecn_undone() - the reduction was undone: send no CWR
 * @sk: in a synchronized state
 */
void xtcp_ecn_undone(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_sk(sk)->ecn &= ~XTCP_ECN_QUEUE_CWR;
}

/**
 * xtcp_ecn_timeout() - text has timed out: does the path drop segments with ECT(1)?
 * @sk: in a synchronized state, with text in flight
 *
 * If the peer has acknowledged no text so far, the path may drop ECT(1): send no ECT from now on,
 * since otherwise each flight could cost a timeout. The price: after a mere outage, the connection
 * goes on without L4S. If net.xtcp.ecn_fallback is 0, ECT is still sent. Text on the SYN does not
 * count as acknowledged, since a SYN is not ECT.
 *
 * If the peer has acknowledged other text, an outage is likelier. Then only text that is resent
 * after the timeout is not ECT (xtcp_ecn_codepoint()).
 */
void xtcp_ecn_timeout(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xtcp_ecn_is_scalable(sk) && !xsk->stream->delivered_segments && READ_ONCE(xsk->xn->sysctl.ecn_fallback))
		xsk->ecn &= ~XTCP_ECN_OK;
}

/**
 * xtcp_ecn_be_exact() - turn exact ECE on or off, for an algorithm that needs it
 * @sk: in a synchronized state, or about to be; the use of ECN is negotiated
 * @on: true: on, false: off
 *
 * As in Linux, the peer is assumed to use the same algorithm, so that its ECE reports marks
 * exactly. In AccECN mode all reports are exact, so this function does nothing.
 *
 * If our ACKs have ECE at the moment, they keep ECE. With @on, ECE ends when new text without CE
 * comes; without @on, ECE ends when CWR comes.
 */
void xtcp_ecn_be_exact(struct sock *sk, bool on)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if ((xsk->ecn & (XTCP_ECN_OK | XTCP_ECN_ACCURATE)) != XTCP_ECN_OK)
		return;
	xsk->ecn &= ~XTCP_ECN_EXACT;
	if (on)
		xsk->ecn |= XTCP_ECN_EXACT;
}

/**
 * xtcp_ecn_comes_marked() - did the last new text of the peer come with CE?
 * @sk: has an algorithm that reports this in TCP_CC_INFO
 *
 * Return: DCTCP.CE of RFC 8257 section 3.2. In AccECN mode: true when the last segment came with
 * CE.
 */
bool xtcp_ecn_comes_marked(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xsk->ecn & XTCP_ECN_ACCURATE)
		return xsk->accecn.last_codepoint == INET_ECN_CE;
	return xsk->ecn & XTCP_ECN_DEMAND_CWR;
}
