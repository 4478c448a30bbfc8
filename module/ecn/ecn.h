/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ECN and AccECN.
 *
 * Comes in: the flags of SYNs, the ECN field of IP, ECE and CWR, the ACE field and the option. Goes
 * out: the flags and the option of what we send, and how much was marked, to cong/.
 *
 * What may not happen here: deciding when the window is reduced.
 */
#ifndef XTCP_ECN_H
#define XTCP_ECN_H

#include "base/sock.h"

/* of xtcp_sender.ecn. All clear: the connection does not use ECN */
enum xtcp_ecn {
	/*
	 * both ends offered ECN; in SYN-SENT: we offer it. New text is ECT. Cleared in AccECN mode
	 * when the path seems to change or drop ECT
	 */
	XTCP_ECN_OK = 0x01,
	XTCP_ECN_MAYBE = 0x02,		/* after a SYN cookie, maybe ECN was agreed: only echo CE */
	XTCP_ECN_QUEUE_CWR = 0x04,	/* the window was reduced: send CWR with new text */
	/* CE came: send ECE until CWR comes; with XTCP_ECN_EXACT, DCTCP.CE of RFC 8257 */
	XTCP_ECN_DEMAND_CWR = 0x08,
	/* text of the peer came with ECT or CE; in AccECN mode, segments without text count, too */
	XTCP_ECN_SEEN = 0x10,
	XTCP_ECN_ACCURATE = 0x20,	/* AccECN mode (RFC 9768); in SYN-SENT: we request AccECN */
	/* if the next segment is a pure ACK, it reports how the SYN-ACK arrived */
	XTCP_ECN_ECHO_SYN_ACK = 0x40,
	/* without AccECN: ECE is set only in an ACK of text that came with CE (RFC 8257) */
	XTCP_ECN_EXACT = 0x80,
};

bool xtcp_ecn_is_allowed(const struct sock *lsk, const struct dst_entry *dst);
bool xtcp_ecn_is_asked(const struct sock *lsk, const struct sk_buff *syn, const struct dst_entry *dst);
void xtcp_ecn_take_syn(struct sock *sk, const struct sk_buff *skb);

u16 xtcp_ecn_flags(struct sock *sk, u8 flags, bool new_text, bool resent, bool is_pure);
bool xtcp_ecn_ce_changed(const struct sock *sk, const struct xtcp_seg *seg);
void xtcp_ecn_take(struct sock *sk, const struct sk_buff *skb);

/* The window is reduced: tell the peer by CWR. */
static inline void xtcp_ecn_reduced(struct sock *sk)
{
	sock_owned_by_me(sk);
	if ((xtcp_sk(sk)->ecn & (XTCP_ECN_OK | XTCP_ECN_ACCURATE)) == XTCP_ECN_OK)
		xtcp_sk(sk)->ecn |= XTCP_ECN_QUEUE_CWR;
}

/*
 * Exact ECE, for an algorithm that needs it; as in Linux, the peer is assumed to use the same. In
 * AccECN mode all reports are exact. ECE that our ACKs have now ends with @on when new text without
 * CE comes, else when CWR comes.
 */
static inline void xtcp_ecn_be_exact(struct sock *sk, bool on)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if ((xsk->ecn & (XTCP_ECN_OK | XTCP_ECN_ACCURATE)) != XTCP_ECN_OK)
		return;
	xsk->ecn &= ~XTCP_ECN_EXACT;
	if (on)
		xsk->ecn |= XTCP_ECN_EXACT;
}

/* Has the last segment come with CE, or without AccECN, do our ACKs have ECE? */
static inline bool xtcp_ecn_comes_marked(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (xsk->ecn & XTCP_ECN_ACCURATE)
		return xsk->accecn.last_codepoint == INET_ECN_CE;
	return xsk->ecn & XTCP_ECN_DEMAND_CWR;
}

/*
 * Does our text belong in the queue of L4S (RFC 9331)? Not if the path seems to change IP's ECN
 * field or to drop ECT(1).
 */
static inline bool xtcp_ecn_is_scalable(const struct sock *sk)
{
	const u8 both = XTCP_ECN_OK | XTCP_ECN_ACCURATE;

	return unlikely((xtcp_sender(sk)->ecn & both) == both) && xtcp_sender(sk)->algorithm->scalable;
}

/*
 * The ECN field of IP for this segment. @has_text: text and no SYN.
 *
 *   most algorithms  only new text is ECT (RFC 3168 sections 6.1.1, 6.1.4, 6.1.5 and 6.1.6)
 *   DCTCP            without AccECN, each segment but a SYN is ECT, as in Linux, because a switch with
 *                    a low marking threshold drops others (RFC 8257 sections 3.6 and 4.1)
 *   L4S              all text is ECT(1), also resent text, which would otherwise wait in the longer
 *                    queue of classic traffic (RFC 9331 section 4.1 and appendix A.2.1). But after a
 *                    timeout it is not, so that it arrives even if the path drops ECT(1)
 */
static inline u8 xtcp_ecn_codepoint(const struct sock *sk, bool has_text, bool new_text)
{
	if (!(xtcp_sender(sk)->ecn & XTCP_ECN_OK))
		return XTCP_NOT_ECT;
	if (xtcp_ecn_is_scalable(sk)) {
		if (!has_text || (!new_text && xtcp_sender(sk)->cong.phase == XTCP_CONG_LOSS))
			return XTCP_NOT_ECT;
		return XTCP_ECT_1;
	}
	return new_text || xtcp_sender(sk)->ecn & XTCP_ECN_EXACT ? XTCP_ECT_0 : XTCP_NOT_ECT;
}

/* On a SYN, ECE is an offer (RFC 3168 section 6.1.2). In AccECN mode it is a bit of the ACE field. */
static inline bool xtcp_ecn_echoed(const struct sock *sk, const struct xtcp_seg *seg)
{
	return (seg->flags & (XTCP_ECE | XTCP_SYN)) == XTCP_ECE &&
	       (xtcp_sender(sk)->ecn & (XTCP_ECN_OK | XTCP_ECN_ACCURATE)) == XTCP_ECN_OK;
}

/* as in Linux 7: what a server accepts, and what a client requests */
enum xtcp_ecn_mode {
	XTCP_ECN_MODE_NONE,
	XTCP_ECN_MODE_BOTH,		/* accept and request ECN */
	XTCP_ECN_MODE_IN,		/* accept ECN */
	XTCP_ECN_MODE_ACCURATE,		/* accept and request AccECN */
	XTCP_ECN_MODE_ACCURATE_IN,	/* accept AccECN, request ECN */
	XTCP_ECN_MODE_ACCURATE_IN_ONLY,	/* accept AccECN */
};

/* as in Linux 7 */
enum xtcp_ecn_option {
	XTCP_ECN_OPTION_NONE,
	XTCP_ECN_OPTION_SPARING,	/* as RFC 9768 demands, and a few times per RTT */
	XTCP_ECN_OPTION_FULL,		/* whenever a counter has grown */
	XTCP_ECN_OPTION_PERSISTENT,	/* as FULL, even if segments with it seem to be lost */
};

static inline void xtcp_accecn_start(struct sock *sk, u8 codepoint, bool asked_without)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xsk->ecn = XTCP_ECN_ACCURATE | (asked_without ? 0 : XTCP_ECN_OK);
	xsk->accecn.syn_codepoint = codepoint;
	xsk->accecn.last_codepoint = codepoint;
}

void xtcp_accecn_take_third_ack(struct sock *sk, const struct sk_buff *skb);
void xtcp_accecn_syn_ack_again(struct sock *sk, const struct sk_buff *skb);
u32 xtcp_accecn_option_wanted(struct sock *sk, u8 flags, u32 seq, u32 len, bool resent);
void xtcp_accecn_feedback(struct sock *sk, const struct sk_buff *skb, u32 segments, struct xtcp_sample *sample);

static inline u8 xtcp_accecn_ace(const struct sk_buff *skb)
{
	const u8 *th = (const u8 *)tcp_hdr(skb);

	return (th[12] & 1) << 2 | th[13] >> 6;
}

/* By net.xtcp.ecn, or because the listener's algorithm needs it. */
static inline bool xtcp_accecn_is_allowed(const struct sock *lsk)
{
	return READ_ONCE(xtcp_net_of(lsk)->sysctl.ecn) >= XTCP_ECN_MODE_ACCURATE ||
	       READ_ONCE(xtcp_sk(lsk)->algorithm)->scalable;
}

/* RFC 9768 sections 3.1.1, 3.1.3: all combinations request AccECN, except none, and ECE with CWR. */
static inline bool xtcp_accecn_is_asked(const struct sock *lsk, const struct sk_buff *syn)
{
	u8 ace = xtcp_accecn_ace(syn);

	return ace && ace != (XTCP_ECE | XTCP_CWR) >> 6 && xtcp_accecn_is_allowed(lsk);
}

/*
 * After a SYN cookie, did our SYN-ACK accept AccECN? RFC 9768 section 5.1: a field of 2 or more
 * says so; with text only AE, since a peer with classic ECN may set CWR.
 */
static inline bool xtcp_accecn_is_third_ack(const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	u8 ace = xtcp_accecn_ace(skb);

	return seg->len ? ace & (XTCP_AE >> 6) : ace >= xtcp_ace_echo(XTCP_NOT_ECT);
}

/* as bits of enum xtcp_flags */
static inline u16 xtcp_accecn_ace_flags(u32 ace)
{
	return (ace & XTCP_ACE_MASK) << 6;
}

/* all segments carry it until another CE mark arrives */
static inline u16 xtcp_accecn_counter_flags(const struct xtcp_accecn *accecn)
{
	return xtcp_accecn_ace_flags(accecn->received_ce + XTCP_ACE_FIRST);
}

/* Without XTCP_COMPAT_GSO_ACCECN, only a GSO packet's first segment keeps CWR. @ecn: xtcp_sender.ecn */
static inline bool xtcp_accecn_forbids_gso(const struct xtcp_accecn *accecn, u8 ecn)
{
	return !XTCP_COMPAT_GSO_ACCECN && unlikely(ecn & XTCP_ECN_ACCURATE) &&
	       xtcp_accecn_counter_flags(accecn) & XTCP_CWR;
}

#endif /* XTCP_ECN_H */
