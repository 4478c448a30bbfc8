// SPDX-License-Identifier: GPL-2.0
/* The judge's rule for probes of a closed window (RFC 9293 section 3.8.6.1): intervals double, up to a maximum. */
#include "judge.h"

#define LEAST_US	150000		/* the first interval: 200 ms, less some ticks */
#define MAX_RTO_US	100000000LL

/* Text, or a FIN, that the window has no room for. */
static bool has_unsent(const struct judge_side *s)
{
	return s->probes.is_closed && s->una - (s->iss + 1) < (uint32_t)*s->written + *s->has_shut;
}

/*
 * As in Linux a probe has no text, and the sequence number before SND.UNA. A keep-alive looks the same, and has an
 * interval that stays: it is sent when there is nothing else to send (RFC 9293 section 3.8.4).
 */
static bool is_probe(const struct judge_side *s, const struct wire_segment *seg)
{
	return s->heard_ack && has_unsent(s) && seg->seq == s->una - 1 && !segment_len(seg) &&
	       !(seg->flags & WIRE_RST);
}

void judge_probe_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[from];
	struct judge_probes *p = &s->probes;
	const long long interval = now_us - p->last_us;

	if (!is_probe(s, seg) || s->waits || s->misses)
		return;
	if ((p->n > 0 && interval < LEAST_US) ||
	    (p->n > 1 && interval < MAX_RTO_US && interval < p->interval_us + p->interval_us / 2))
		judge_broken(j, from, "probe %u of a closed window comes after %lld ms, and the last one after %lld ms",
			     p->n + 1, interval / 1000, p->n > 1 ? p->interval_us / 1000 : 0);
	p->n++;
	p->last_us = now_us;
	p->interval_us = interval;
}

void judge_probe_arrives(struct judge_side *s, const struct wire_segment *seg)
{
	if (seg->flags & WIRE_ACK && (seg->win || s->una != s->probes.una))
		s->probes.n = 0;
	if (seg->flags & WIRE_ACK)
		s->probes.is_closed = !seg->win;
	s->probes.una = s->una;
}
