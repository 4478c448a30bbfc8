// SPDX-License-Identifier: GPL-2.0
/* The judge's rules for TCP Fast Open (RFC 7413): text on a SYN has arrived when it is acknowledged, not before. */
#include "judge.h"

#define CLIENT_NEEDS_NO_COOKIE	0x4
#define SERVER_NEEDS_NO_COOKIE	0x200

/* Section 4.2.1: the first SYN alone has text or a cookie, since a middlebox may drop such a SYN. */
static void check_syn(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_fastopen *fast = &j->side[from].fast;

	if (fast->syns++ && (seg->len || seg->cookie_len >= 0))
		judge_broken(j, from, "a SYN that repeats another one has text, or the Fast Open option");
	if (seg->len && seg->cookie_len <= 0 && !(j->fastopen & CLIENT_NEEDS_NO_COOKIE))
		judge_broken(j, from, "a SYN has text, but no cookie");
}

/* Sections 4.1.2 and 4.2.2. Without a cookie the server takes no text, and sends none before the third ACK. */
static void check_server(struct judge *j, enum side from, const struct wire_segment *seg)
{
	const struct judge_side *s = &j->side[from];
	const struct judge_fastopen *fast = &s->fast;
	const bool may = fast->has_cookie || j->fastopen & SERVER_NEEDS_NO_COOKIE;
	const bool is_synack = seg->flags & WIRE_SYN && seg->flags & WIRE_ACK;

	if (is_synack && seg->cookie_len > 0 && !fast->has_asked)
		judge_broken(j, from, "a SYN-ACK has a cookie that the SYN did not ask for");
	if (!may && is_synack && seq_lt(fast->first, seg->ack))
		judge_broken(j, from, "it takes the text of a SYN without a cookie");
	if (s->heard_ack || seg->flags & (WIRE_SYN | WIRE_RST) || !segment_len(seg))
		return;
	/* in a simultaneous open the program may close in SYN-RECEIVED (RFC 9293 section 3.10.4) */
	if (s->crossing.is_crossed && !seg->len)
		return;
	if (!may)
		judge_broken(j, from, "it sends text before the third ACK, and had no cookie");
	if (seq_lt(s->iss + 1 + fast->window + 1, seg->seq + segment_len(seg)))
		judge_broken(j, from, "%u octets beyond the window that it was offered",
			     seg->seq + segment_len(seg) - (s->iss + 1 + fast->window));
}

/* Section 2.1: a SYN that comes again after the connection has ended opens it once more. What it sends is new. */
static void begin_anew(struct judge_side *s)
{
	s->has_left = false;
	s->has_acked = false;
	s->edge = 0;
	s->syn_edge = 0;
	s->has_tsval = false;
	s->has_left = false;
	s->has_fin = false;
	s->has_ended = false;
}

void judge_fastopen_leaves(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];
	struct judge_fastopen *fast = &s->fast;

	if (seg->flags & WIRE_SYN && s->has_ended && j->fastopen)
		begin_anew(s);

	if (seg->flags & WIRE_SYN && !(seg->flags & WIRE_ACK))
		check_syn(j, from, seg);
	if (!fast->has_syn)
		return;
	check_server(j, from, seg);
	if (!(seg->flags & WIRE_ACK) || !seq_lt(fast->first, seg->ack) || seq_lt(fast->end, seg->ack))
		return;
	judge_takes(s, fast->first, seg->ack);
}

void judge_fastopen_arrives(struct judge_side *s, const struct wire_segment *seg)
{
	struct judge_fastopen *fast = &s->fast;

	if (!(seg->flags & WIRE_SYN) || seg->flags & WIRE_ACK)
		return;
	if (!fast->has_syn)
		fast->end = seg->seq + 1;
	fast->has_syn = true;
	fast->first = seg->seq + 1;
	if (seq_lt(fast->end, fast->first + seg->len))
		fast->end = fast->first + seg->len;
	fast->window = seg->win;
	fast->has_asked |= seg->cookie_len >= 0;
	fast->has_cookie |= seg->cookie_len > 0;
}
