/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SEGMENT ARRIVES.
 *
 * Comes in: a parsed segment and the full sock that it is for, locked. Goes out: data to recv/; an
 * acceptable ACK to recovery/; an ACK or a RST.
 *
 * arrives.c follows RFC 9293 section 3.10.7 step by step: one call for each of the eight steps
 * except the third, security, which is not implemented. What may not happen here: touching a timer
 * or a queue except through its folder, or taking a step out of order.
 */
#ifndef XTCP_ARRIVE_H
#define XTCP_ARRIVE_H

#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "base/wire.h"

struct xtcp_seg;

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

/* For a segment queued for long: its device may disappear, and a conntrack entry would keep its namespace. */
static inline void xtcp_arrives_detach(struct sk_buff *skb)
{
	nf_reset_ct(skb);
	skb_dst_drop(skb);
	secpath_reset(skb);
	skb_orphan(skb);
	skb->dev = NULL;
}

void xtcp_arrives_child(struct sk_buff *skb, struct sock *lsk, struct sock *child);
void xtcp_arrives_fast_child(struct sk_buff *skb, struct sock *lsk, struct sock *child);

enum xtcp_verdict xtcp_ack_arrives(struct sock *sk, struct sk_buff *skb);
enum xtcp_verdict xtcp_acceptance_check(struct sock *sk, const struct xtcp_seg *seg);
enum xtcp_verdict xtcp_acceptance_refuse(struct sock *sk, const struct xtcp_seg *seg, int skipped);
bool xtcp_acceptance_rst_counts(const struct sock *sk, const struct xtcp_seg *seg);
void xtcp_acceptance_take_ts(struct sock *sk, const struct xtcp_seg *seg);

void xtcp_acks_schedule(struct sock *sk);

#endif /* XTCP_ARRIVE_H */
