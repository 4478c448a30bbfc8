/* SPDX-License-Identifier: GPL-2.0 */
/* SEGMENT ARRIVES (RFC 9293 section 3.10.7). */
#ifndef XTCP_ARRIVES_H
#define XTCP_ARRIVES_H

struct sk_buff;
struct sock;
struct xtcp_demux_key;
struct xtcp_seg;

/* What a step of 3.10.7 found out. */
enum xtcp_verdict {
	XTCP_CONTINUE,		/* go on with the next step */
	XTCP_DONE,		/* it has done what it could: free it, send what it allows and what it is owed */
	XTCP_CONSUMED,		/* the same, but the skb was queued or freed: forget it */
	XTCP_FIN_TAKEN,		/* the same, and RCV.NXT has passed the peer's FIN: step eight follows */
	XTCP_DROP,		/* it counts for nothing: drop it, send nothing */
	XTCP_ACK_DROP,		/* send an ACK, drop the segment */
	XTCP_CHALLENGE,		/* send a challenge ACK if the limit allows (RFC 5961), drop the segment */
	XTCP_RESET,		/* send the RST that 3.10.7.1 prescribes for this segment, drop it */
};

int xtcp_arrives(struct sock *sk, struct sk_buff *skb);
void xtcp_arrives_fast(struct sock *sk, struct sk_buff *skb);
void xtcp_arrives_listen(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key);

#endif /* XTCP_ARRIVES_H */
