/* SPDX-License-Identifier: GPL-2.0 */
/* SEGMENT ARRIVES (RFC 9293 section 3.10.7). */
#ifndef XTCP_ARRIVES_H
#define XTCP_ARRIVES_H

struct sk_buff;
struct sock;

/* What a step of 3.10.7 found out. */
enum xtcp_verdict {
	XTCP_CONTINUE,		/* go on with the next step */
	XTCP_DONE,		/* done: free it, send what it allows and the owed ACK */
	XTCP_CONSUMED,		/* as DONE, but the skb was queued or freed */
	XTCP_FIN_TAKEN,		/* as CONSUMED; RCV.NXT passed a FIN: step eight follows */
	XTCP_DROP,		/* drop it and send nothing */
	XTCP_ACK_DROP,		/* send an ACK, drop the segment */
	XTCP_CHALLENGE,		/* drop it, send a challenge ACK if the limit allows (RFC 5961) */
	XTCP_RESET,		/* drop it, send the RST that 3.10.7.1 prescribes */
};

int xtcp_arrives(struct sock *sk, struct sk_buff *skb);
void xtcp_arrives_fast(struct sock *sk, struct sk_buff *skb);

#endif /* XTCP_ARRIVES_H */
