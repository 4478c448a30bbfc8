// SPDX-License-Identifier: GPL-2.0
/*
 * The judge's rule for segments that may be forged (RFC 5961 section 4.2; RFC 9293 section 3.10.7.4): no SYN and no RST
 * answers a SYN, whatever its number, or an ACK without text left of the window, once the connection is open. On these
 * paths they are late copies. How often an ACK answers is not asked.
 */
#include "judge.h"

#define ANSWER_US	200	/* an answer leaves at once */

/* Both FINs have arrived: the end that closed last has no connection any more, and a RST answers (section 3.10.7.1). */
static bool has_closed(const struct judge_side *s)
{
	return s->has_fin && s->heard_end && s->heard_ack && s->una_most == s->fin + 1;
}

/* Sent by somebody for whom the connection is open: the SYN of the other side counts no more. */
static bool is_synchronised(const struct judge_side *s)
{
	return s->forged.is_open && s->heard_ack && s->has_acked && !s->is_reset && !has_closed(s);
}

static const char *kind_of(const struct judge_side *s, const struct segment *seg)
{
	const bool is_old_ack = !segment_len(seg) && seq_lt(seg->seq, s->acked);

	return seg->flags & SEGMENT_SYN ? "a SYN" : is_old_ack ? "an old ACK" : NULL;
}

void judge_forged_arrives(struct judge_side *s, const struct segment *seg, long long now_us)
{
	s->forged.kind = is_synchronised(s) ? kind_of(s, seg) : NULL;
	s->forged.arrived_us = now_us;
}

void judge_forged_leaves(struct judge *j, enum side from, const struct segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[from];
	struct judge_forged *f = &s->forged;
	const char *kind = f->kind;

	f->is_open |= !(seg->flags & (SEGMENT_SYN | SEGMENT_RST));
	f->kind = NULL;
	if (!kind || s->waits || now_us - f->arrived_us > ANSWER_US)
		return;
	if (seg->flags & SEGMENT_SYN || (seg->flags & SEGMENT_RST && s->is_orderly))
		judge_broken(j, from, "%s answers %s in a synchronised state",
			     seg->flags & SEGMENT_RST ? "a RST" : "a SYN", kind);
}
