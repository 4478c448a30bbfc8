// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can arrive in a state, cell by cell (matrix.h), on both stacks.
 * Done: CLOSED, LISTEN, SYN-SENT, SYN-RECEIVED.
 *
 * A row's name is the state, the segment, the place of SEG.SEQ and the one of
 * SEG.ACK: syn_received_via_listen_rst_ack_inside_nxt.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest.h"
#include "matrix.h"

/*
 * Octets in a segment for CLOSED. They count in SEG.LEN, and kernel TCP would see by the
 * checksum if the segment had not come to it as it was sent.
 */
#define CLOSED_DATA	5

#define ROWS_MAX	2000

static const struct {
	int bit;
	const char *name, *letters;
} segments[] = {
	{ IS_ACK, "ack", "." },		{ IS_FIN, "fin", "F" },
	{ IS_FIN_ACK, "fin_ack", "F." },	{ IS_RST, "rst", "R" },
	{ IS_RST_ACK, "rst_ack", "R." },	{ IS_SYN, "syn", "S" },
	{ IS_SYN_ACK, "syn_ack", "S." },	{ IS_SYN_FIN, "syn_fin", "SF" },
};

/*
 * In SYN-SENT there is no window; the places are those of the window that a RCV.NXT
 * nobody has set yet would begin, so that a test that must not be made there shows.
 */
static const struct {
	int bit, seq;
	const char *name, *text, *syn_sent;
} positions[] = {
	{ LEFT, RCV_NXT - 1, "left", "N-1", "O-1" },
	{ LEFT_EDGE, RCV_NXT, "left_edge", "N", "O" },
	{ INSIDE, RCV_NXT + 1000, "inside", "N+1000", "O+1000" },
	{ RIGHT_EDGE, RCV_NXT + RCV_WND, "right_edge", "W", "O+65535" },
	{ BEYOND, RCV_NXT + RCV_WND + 1, "beyond", "W+1", "O+65536" },
};

static const struct {
	int bit, ack;
	const char *name, *text;
} ackings[] = {
	{ BELOW_UNA, SND_UNA - 1, "below_una", "U-1" },
	{ AT_UNA, SND_UNA, "una", "U" },
	{ AT_NXT, SND_NXT, "nxt", "S" },
	{ BEYOND_NXT, SND_NXT + 1, "beyond_nxt", "S+1" },
	{ NO_ACK, 0, "", "" },
};

/* States in which a segment's place does not matter have one. */
static const struct start {
	int state, via;
	const char *name;	/* %s: as the engine names it */
	const char *seq, *ack;	/* of that place; NULL: all of them */
	const char *pre;
} starts[] = {
	{ CLOSED, NOBODY, "closed", "5", "77", NULL },
	{ CLOSED, BOUND, "closed_bound", "5", "77", "bind" },
	{ CLOSED, ENDED, "closed_after_last_ack", "N", "S", NULL },
	{ LISTEN, PASSIVE, "%s", "5", "77", NULL },
	{ SYN_SENT, ACTIVE, "%s", NULL, NULL, NULL },
	{ SYN_RECEIVED, PASSIVE, "%s", NULL, NULL, NULL },
	{ SYN_RECEIVED, SIMULTANEOUS, "%s", NULL, NULL, NULL },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct wire_row rows[ROWS_MAX];
static size_t filled;

__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		ksft_exit_fail_msg("no memory\n");
	va_end(ap);
	return s;
}

/* What the engine needs to write and to check a cell. */
struct spelling {
	const char *letters;
	const char *seq, *ack;	/* of the segment */
	int data, len;
};

static char *answer_text(const struct matrix_outcome *o, const struct spelling *s)
{
	switch (o->answer) {
	case RESET_AT_ACK:
		return text("> R %s", s->ack);
	case RESET_AND_ACK:
		return text("> R. Z ack %s+%d", s->seq, s->len);
	case ACK_OF_NEXT:
		return text("> . S ack N");
	case ACK_OF_SEGMENT:
		/* the ACK of a FIN may be delayed */
		return text(">@1000 . S ack %s+1", s->seq);
	case SYN_ACK_OF_SEGMENT:
		return text("> S. * ack %s+1", s->seq);
	case SYN_ACK_AGAIN:
		return text("> S. S-1 ack N");
	case SILENCE:
		break;
	}
	return text("none");
}

/* The handshake goes on as if the segment had never come. */
static bool goes_on(const struct matrix_cell *c, const struct matrix_outcome *o)
{
	return o->state == c->state && (c->state == SYN_SENT || c->state == SYN_RECEIVED);
}

static char *script(const struct matrix_cell *c, const struct spelling *s,
		    const struct matrix_outcome *o)
{
	char *acking = c->flags & WIRE_ACK ? text(" ack %s", s->ack) : "";
	char *then = "", *answer = answer_text(o, s);

	/* the SYN may come so soon that "nothing came before it" is said by its being the next */
	if (o->syn_again)
		answer = o->answer == SILENCE ? ">@500 S 0" : text("%s; >@500 S 0", answer);

	if (goes_on(c, o))
		then = text("; none; state %s; %s", wire_state_name(c->state),
			    c->state == SYN_SENT ? "< S. 0 ack 1 $$; > . 1 ack 1" :
						   "< . N ack S");
	return text("< %s %s(%d)%s%s; %s%s", s->letters, s->seq, s->data, acking,
		    c->flags & WIRE_SYN ? " $$" : "", answer, then);
}

/* Kernel TCP answers what nobody has, for both stacks. */
static bool is_nobodys(const struct matrix_cell *c)
{
	return c->state == CLOSED ||
	       (c->state == LISTEN && c->flags & (WIRE_RST | WIRE_ACK));
}

static char *counters(const struct matrix_cell *c, const struct matrix_outcome *o,
		      enum wire_stack stack)
{
	int rst = o->answer == RESET_AT_ACK || o->answer == RESET_AND_ACK;
	bool on = goes_on(c, o), up = on || o->state == ESTABLISHED || o->state == CLOSE_WAIT;
	bool failed = (c->state == SYN_SENT || c->state == SYN_RECEIVED) &&
		      (o->state == CLOSED || o->state == LISTEN);
	const char *owner = "kernel", *other = "xtcp";

	if (stack == WIRE_XTCP && !is_nobodys(c)) {
		owner = "xtcp";
		other = "kernel";
	}
	return text("%s:InSegs=%d %s:OutRsts=%d %s:InErrs=0 %s:InSegs=0 %s:OutRsts=0 "
		    "AttemptFails=%d EmbryonicRsts=%d PassiveOpens=%d CurrEstab=%d "
		    "TCPChallengeACK=%d TCPSYNChallenge=%d", owner, 1 + on, owner, rst, owner,
		    other, other, failed, failed && c->via == PASSIVE, up && c->via == PASSIVE,
		    up, o->challenge, o->challenge && c->flags & WIRE_SYN);
}

static struct wire_outcome engine_outcome(const struct matrix_cell *c, const struct spelling *s,
					  const struct matrix_outcome *o, enum wire_stack stack)
{
	struct wire_outcome out = {
		.script = script(c, s, o),
		.state = goes_on(c, o) ? ESTABLISHED : o->state,
		.err = o->err ? o->err : "none",
		.counters = counters(c, o, stack),
	};

	return out;
}

static bool same(const struct matrix_outcome *a, const struct matrix_outcome *b)
{
	return a->answer == b->answer && a->state == b->state && !a->err == !b->err &&
	       (!a->err || !strcmp(a->err, b->err)) && a->challenge == b->challenge &&
	       a->syn_again == b->syn_again;
}

/* What @stack does, and why if that is not what the RFC says. */
static struct matrix_outcome outcome_of(const struct matrix_cell *c, const char *name,
					enum wire_stack stack, const char **why)
{
	const struct matrix_difference *d = matrix_differs_find(c, stack);
	struct matrix_outcome o = matrix_rfc_outcome(c), does;

	*why = NULL;
	if (!d)
		return o;
	does = d->does;
	if (same(&o, &does))
		ksft_exit_fail_msg("%s: no difference by '%s'\n", name, d->why);
	*why = d->why;
	if (!does.rfc)
		does.rfc = o.rfc;
	return does;
}

static void add_row(const struct start *start, const struct matrix_cell *c,
		    const struct spelling *s, char *name)
{
	struct matrix_outcome xtcp, kernel;
	const char *why_xtcp, *why_kernel;
	struct wire_row *row = &rows[filled++];

	if (filled == ROWS_MAX)
		ksft_exit_fail_msg("too many rows\n");
	xtcp = outcome_of(c, name, WIRE_XTCP, &why_xtcp);
	kernel = outcome_of(c, name, WIRE_KERNEL, &why_kernel);
	row->name = name;
	row->rfc = why_xtcp ? text("%s (differs: %s)", xtcp.rfc, why_xtcp) : xtcp.rfc;
	row->pre = start->pre;
	if (c->state != CLOSED || c->via == ENDED) {
		row->in = c->state;
		row->via = c->via == ENDED ? ACTIVE : c->via;
	}
	row->want = engine_outcome(c, s, &xtcp, WIRE_XTCP);
	row->kernel = engine_outcome(c, s, &kernel, WIRE_KERNEL);
	/* the counters of the two stacks differ in any case */
	row->kernel_differs = !same(&xtcp, &kernel) && why_kernel ? why_kernel : "";
}

static void add_cell(const struct start *start, size_t seg, size_t pos, size_t acking)
{
	unsigned int flags = wire_segment_flags(segments[seg].letters);
	struct matrix_cell c = {
		.state = start->state, .via = start->via, .segment = segments[seg].bit,
		.position = positions[pos].bit, .acking = ackings[acking].bit, .flags = flags,
		.seq = positions[pos].seq, .ack = ackings[acking].ack,
		.len = !!(flags & WIRE_SYN) + !!(flags & WIRE_FIN),
	};
	struct spelling s = { .letters = segments[seg].letters };

	s.seq = start->state == SYN_SENT ? positions[pos].syn_sent : positions[pos].text;
	s.ack = ackings[acking].text;
	if (start->seq) {
		s.seq = start->seq;
		s.ack = start->ack;
	}
	s.data = start->state == CLOSED ? CLOSED_DATA : 0;
	s.len = c.len + s.data;
	if (start->seq)
		add_row(start, &c, &s, text("%s_%s", start->name, segments[seg].name));
	else
		add_row(start, &c, &s, text("%s_%s_%s%s%s", start->name, segments[seg].name,
					    positions[pos].name, flags & WIRE_ACK ? "_" : "",
					    ackings[acking].name));
}

/* SEG.ACK has a place if the segment has an ACK, and one of its own where that is all. */
static bool has_cell(const struct start *start, size_t seg, size_t pos, size_t acking)
{
	int bit = ackings[acking].bit;
	bool bare = !strchr(segments[seg].letters, '.');

	if (bare ? bit != NO_ACK : bit == NO_ACK)
		return false;
	return !start->seq || (positions[pos].bit == LEFT_EDGE && (bit == AT_UNA || bit == NO_ACK));
}

static void walk(const struct start *start)
{
	size_t seg, pos, acking;

	for (seg = 0; seg < COUNT(segments); seg++)
		for (pos = 0; pos < COUNT(positions); pos++)
			for (acking = 0; acking < COUNT(ackings); acking++)
				if (has_cell(start, seg, pos, acking))
					add_cell(start, seg, pos, acking);
}

int main(int argc, char **argv)
{
	const struct matrix_difference *unused;
	size_t i;

	for (i = 0; i < COUNT(starts); i++)
		walk(&starts[i]);
	unused = matrix_differs_unused();
	if (unused)
		ksft_exit_fail_msg("no cell differs by '%s'\n", unused->why);
	return wire_main(argc, argv, rows, filled);
}
