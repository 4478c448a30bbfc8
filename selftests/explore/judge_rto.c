// SPDX-License-Identifier: GPL-2.0
/*
 * The judge's rule for the first timeouts (RFC 6298). The first SYN waits a second for its answer (section 2.1). Text
 * waits no less than the smallest RTO, which Linux has lowered from the second of section 2.4. judge.c sees that later
 * timeouts take longer. This file also notes since when an end resends something: verdict.c asks whether the end may
 * have given up.
 */
#include "judge.h"

#define TICKS_US	12000
#define SYN_US		1000000LL
#define SYN_LATE_US	150000LL	/* a timer may be late by an eighth */
#define LEAST_US	200000LL

/*
 * The first copy may be a tail loss probe, unless something has left behind it (RFC 8985 section 7.3). When ICMP tells
 * of a narrow path, text is sent again at once.
 */
static bool is_timeout(const struct judge_side *s, const struct wire_segment *seg)
{
	const bool has_more = seq_lt(seg->seq + segment_len(seg), s->snd_nxt);

	return !s->narrows && (s->copies == 3 || (s->copies == 2 && has_more));
}

/* Takes note of text or a FIN that is sent again, for the verdict. */
static void note_repeat(struct judge_side *s, const struct wire_segment *seg, long long now_us)
{
	struct judge_repeats *r = &s->repeats;

	if (!s->heard_ack || !segment_len(seg) || seg->flags & (WIRE_SYN | WIRE_RST) ||
	    !seq_lt(seg->seq, s->snd_nxt))
		return;
	if (!r->has_begun || !seq_lt(s->una, r->end)) {
		r->first_us = now_us;
		r->end = s->snd_nxt;
		r->gap_us = 0;
	} else if (now_us - r->last_us > r->gap_us) {
		r->gap_us = now_us - r->last_us;
	}
	if (!r->has_begun || s->una != r->una)
		r->una_first_us = now_us;
	r->una = s->una;
	r->last_us = now_us;
	r->has_begun = true;
}

void judge_rto_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[from];
	const long long us = s->interval_us;

	note_repeat(s, seg, now_us);
	/* judge.c has counted this copy, and nothing has arrived since the last one */
	if (s->copies < 2 || s->copied_us != now_us || s->copy_seq != seg->seq || !segment_len(seg) || s->waits ||
	    s->misses)
		return;
	if (seg->flags & WIRE_SYN) {
		/* a copy may answer a copy of the other SYN; the first timer goes on */
		if (s->left == 2 && (us < SYN_US - TICKS_US || us > SYN_US + SYN_LATE_US))
			judge_broken(j, from, "its SYN is sent again after %lld ms", us / 1000);
	} else if (is_timeout(s, seg) && us < LEAST_US - TICKS_US) {
		judge_broken(j, from, "its first timeout comes after %lld ms", us / 1000);
	}
}
