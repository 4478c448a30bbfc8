// SPDX-License-Identifier: GPL-2.0
/*
 * The judge's rules for a simultaneous open (RFC 9293 section 3.5, figure 8, MUST-10; section 3.10.7.3): a SYN that
 * arrives in SYN-SENT is no attack and no error. The side enters SYN-RECEIVED, and from then on its SYN is a SYN-ACK.
 */
#include "judge.h"

#define ANSWER_US	1000	/* an answer leaves at once */

/*
 * The first SYN-ACK answers the other SYN, and repeats nothing. Both SYNs and the SYN-ACK may come in one reading of
 * the devices. Then the other SYN arrives before ours is seen to leave.
 */
bool judge_crossing_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[from];
	struct judge_crossing *c = &s->crossing;
	const bool is_syn = seg->flags & WIRE_SYN, has_ack = seg->flags & WIRE_ACK;
	const bool is_answer = is_syn && has_ack && c->has_asked && !c->has_answered;

	c->has_asked |= is_syn && !has_ack;
	c->has_answered |= is_syn && has_ack;
	if (!c->is_crossed || s->heard_ack || s->waits || s->misses)
		return is_answer;
	if (is_syn && !has_ack && now_us - c->crossed_us > ANSWER_US)
		judge_broken(j, from, "its SYN is no SYN-ACK, and the other SYN has arrived");
	return is_answer;
}

void judge_crossing_arrives(struct judge_side *s, const struct wire_segment *seg, long long now_us)
{
	struct judge_crossing *c = &s->crossing;

	if (!c->has_asked || c->is_crossed || s->heard_ack || seg->flags & WIRE_ACK || !(seg->flags & WIRE_SYN))
		return;
	c->is_crossed = true;
	c->crossed_us = now_us;
}
