/* SPDX-License-Identifier: GPL-2.0 */
/* SEGMENT ARRIVES (RFC 9293 section 3.10.7). */
#ifndef XTCP_ARRIVES_H
#define XTCP_ARRIVES_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* What happens after a step of SEGMENT ARRIVES (RFC 9293 section 3.10.7). */
enum xtcp_verdict {
	XTCP_CONTINUE,		/* go on with the next step */
	XTCP_DONE,		/* free the segment; send the text and the ACK that are due */
	XTCP_CONSUMED,		/* as DONE, but the step has queued or freed the segment */
	XTCP_FIN_TAKEN,		/* as CONSUMED; RCV.NXT passed a FIN, so step eight follows */
	XTCP_DROP,		/* drop the segment and send nothing */
	XTCP_ACK_DROP,		/* drop the segment, send an ACK */
	XTCP_CHALLENGE,		/* drop the segment, send a challenge ACK if allowed (RFC 5961) */
	XTCP_RESET,		/* drop the segment, send the RST that 3.10.7.1 prescribes */
	XTCP_ABORTED,		/* as RESET; the connection has ended, the RST may say why */
};

int xtcp_arrives(struct sock *sk, struct sk_buff *skb);
void xtcp_arrives_fast(struct sock *sk, struct sk_buff *skb);
void xtcp_arrives_count_first(struct sock *child, struct sk_buff *skb, bool after_syn);

#endif /* XTCP_ARRIVES_H */
