// SPDX-License-Identifier: GPL-2.0
/*
 * The judge's rules for segments that may be forged (RFC 5961 sections 4.2 and 7; RFC 9293 section 3.10.7.4): a SYN,
 * whatever its number, and an ACK without text left of the window change nothing. At most an ACK answers them, and only
 * one in each interval, so that two ends cannot answer each other for ever. On these paths they are late copies.
 */
#include "judge.h"

#define ANSWER_US	1000		/* an answer leaves at once */
#define APART_US	490000LL	/* net.xtcp.invalid_ratelimit is 500 ms, less some ticks */

/* Both FINs have arrived: the end that closed last has no connection any more, and a RST answers (section 3.10.7.1). */
static bool has_closed(const struct judge_side *s)
{
	return s->has_fin && s->heard_end && s->heard_ack && s->una_most == s->fin + 1;
}

/* As in Linux, a closed socket whose text is not acknowledged ends without a word (tcp_orphan_retries). */
static bool may_have_given_up(const struct judge_side *s, long long now_us)
{
	const struct judge_repeats *r = &s->repeats;

	return r->has_begun && r->una == s->una && seq_lt(s->una, s->snd_nxt) &&
	       now_us - r->una_first_us > JUDGE_ORPHAN_US;
}

/* Sent by somebody for whom the connection is open: the SYN of the other side counts no more. */
static bool is_synchronised(const struct judge_side *s, long long now_us)
{
	return s->forged.is_open && s->heard_ack && s->has_acked && !s->is_reset && !has_closed(s) &&
	       !may_have_given_up(s, now_us);
}

static const char *kind_of(const struct judge_side *s, const struct wire_segment *seg)
{
	const bool is_old_ack = !segment_len(seg) && seq_lt(seg->seq, s->acked);

	return seg->flags & WIRE_SYN ? "a SYN" : is_old_ack ? "an old ACK" : NULL;
}

void judge_forged_arrives(struct judge_side *s, const struct wire_segment *seg, long long now_us)
{
	s->forged.kind = is_synchronised(s, now_us) ? kind_of(s, seg) : NULL;
	s->forged.arrived_us = now_us;
	s->forged.acked = s->acked;
	s->forged.edge = s->edge;
}

void judge_forged_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[from];
	struct judge_forged *f = &s->forged;
	const char *kind = f->kind;

	f->is_open |= !(seg->flags & (WIRE_SYN | WIRE_RST));
	if (!kind || s->waits || now_us - f->arrived_us > ANSWER_US)
		return;
	if (seg->flags & WIRE_SYN || (seg->flags & WIRE_RST && s->is_orderly))
		judge_broken(j, from, "%s answers %s in a synchronised state",
			     seg->flags & WIRE_RST ? "a RST" : "a SYN", kind);
	/* text, a probe, an ACK of something else, an update of the window, and a RST of close() have other reasons */
	if (segment_len(seg) || seg->seq != s->snd_nxt || seg->ack != f->acked || s->edge != f->edge ||
	    seg->flags & WIRE_RST)
		return;
	if (f->has_answered && now_us - f->answered_us < APART_US)
		judge_broken(j, from, "an ACK answers %s, %lld ms after the last such answer", kind,
			     (now_us - f->answered_us) / 1000);
	f->has_answered = true;
	f->answered_us = now_us;
}
