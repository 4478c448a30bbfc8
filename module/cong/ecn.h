/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Explicit Congestion Notification: agreed on in the SYNs, said by ECE and CWR (RFC 3168, RFC 8311), for DCTCP by ECE
 * alone (RFC 8257); or, in AccECN mode, by the ACE field (accecn.c).
 */
#ifndef XTCP_ECN_H
#define XTCP_ECN_H

#include "base/sock.h"
#include "in/ingress.h"

struct dst_entry;
struct xtcp_net;

/* Bits of xtcp_sock.ecn. All clear: the peer does not speak ECN, and nothing here has anything to do. */
enum xtcp_ecn {
	/* both ends offered it; in SYN-SENT: we do. Also: new text is ECT, so in AccECN mode it may be clear */
	XTCP_ECN_OK = 0x01,
	XTCP_ECN_MAYBE = 0x02,		/* a cookie did not say: what is marked is echoed, nothing else is done */
	XTCP_ECN_QUEUE_CWR = 0x04,	/* the window was reduced: CWR goes with the next new text */
	XTCP_ECN_DEMAND_CWR = 0x08,	/* CE came: ECE goes with every segment until CWR comes; DCTCP.CE of RFC 8257 */
	XTCP_ECN_SEEN = 0x10,		/* the peer's text had ECT or CE */
	XTCP_ECN_ACCURATE = 0x20,	/* AccECN mode (RFC 9768); in SYN-SENT: we ask for it */
	XTCP_ECN_ECHO_SYN_ACK = 0x40,	/* the next segment, if it is a pure ACK, says how the SYN-ACK came */
	/* not in AccECN mode: ECE goes with what acknowledges CE, and with nothing else (RFC 8257) */
	XTCP_ECN_EXACT = 0x80,
};

bool xtcp_ecn_is_allowed(const struct sock *lsk, const struct dst_entry *dst);
bool xtcp_ecn_is_asked(const struct sock *lsk, const struct sk_buff *syn);
void xtcp_ecn_offer(struct sock *sk);
void xtcp_ecn_take_syn(struct sock *sk, const struct sk_buff *skb);

u16 xtcp_ecn_flags(struct sock *sk, u8 flags, bool new_text, bool resent, bool is_pure);
bool xtcp_ecn_turns(const struct sock *sk, const struct xtcp_seg *seg);
void xtcp_ecn_take(struct sock *sk, const struct sk_buff *skb);
void xtcp_ecn_reduced(struct sock *sk);
void xtcp_ecn_undone(struct sock *sk);
void xtcp_ecn_be_exact(struct sock *sk, bool on);
bool xtcp_ecn_comes_marked(const struct sock *sk);

/*
 * May IP say ECT in this segment? New text alone: RFC 3168 sections 6.1.1, 6.1.4, 6.1.5 and 6.1.6. With DCTCP all but a
 * SYN, as in Linux: switches that mark early drop what is not ECT (RFC 8257 sections 3.6 and 4.1).
 */
static inline bool xtcp_ecn_is_ect(const struct sock *sk, bool new_text)
{
	return xtcp_sk(sk)->ecn & XTCP_ECN_OK && (new_text || xtcp_sk(sk)->ecn & XTCP_ECN_EXACT);
}

/*
 * The peer says that text of ours met congestion; the ECE of a SYN is an offer (RFC 3168 section 6.1.2). What it says
 * in AccECN mode is xtcp_accecn_feedback()'s.
 */
static inline bool xtcp_ecn_echoed(const struct sock *sk, const struct xtcp_seg *seg)
{
	return (seg->flags & (XTCP_ECE | XTCP_SYN)) == XTCP_ECE &&
	       (xtcp_sk(sk)->ecn & (XTCP_ECN_OK | XTCP_ECN_ACCURATE)) == XTCP_ECN_OK;
}

#endif /* XTCP_ECN_H */
