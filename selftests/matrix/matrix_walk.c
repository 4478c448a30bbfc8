// SPDX-License-Identifier: GPL-2.0
/*
 * The cells: every start, segment and place, the row of the raw-segment engine for each, and tables of what is tested.
 * wire_matrix and wire_matrix_sync run the rows of their states.
 */
#include <ctype.h>
#include <string.h>
#include "kselftest.h"
#include "matrix.h"
#include "test.h"

/* A cell as a row of the engine: the script with segment and answer, the state afterwards, the counters. */

#define HANDSHAKE	(SYN_SENT | SYN_RECEIVED)
#define COUNTED		(ESTABLISHED | CLOSE_WAIT)	/* in CurrEstab (RFC 4022) */

#define text wire_text

static char *answer_text(const struct matrix_outcome *o, const struct matrix_spelling *s)
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
		return text(">@1000 . S ack %s+%d", s->seq, s->len);
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
static bool handshake_goes_on(const struct matrix_cell *c, const struct matrix_outcome *o)
{
	return o->state == c->state && o->state & HANDSHAKE;
}

/* What was not answered says nothing of RCV.NXT and SND.NXT, so an unacceptable segment asks. */
static bool is_asked(const struct matrix_cell *c, const struct matrix_outcome *o)
{
	return c->state & (SYNCHRONIZED | TIME_WAIT) && o->state & (SYNCHRONIZED | TIME_WAIT) &&
	       o->answer == SILENCE;
}

/* Where no state says whether SND.UNA has moved, TCP_INFO does. */
static bool una_shows(const struct matrix_cell *c, const struct matrix_outcome *o)
{
	return c->state & COUNTED && o->state & COUNTED;
}

/* What the program reads: the text that was taken, and no octet else. */
static char *reading(const struct matrix_cell *c, const struct matrix_spelling *s, const struct matrix_outcome *o)
{
	bool closed = c->via == ORPHAN || c->state == TIME_WAIT;

	if (c->segment != IS_DATA || closed || o->state == CLOSED)
		return "";
	if (c->position & OVER)
		return text("; read EAGAIN; < P. N(%d) ack U; >@1000 . S ack N+%d; read %d", s->hole, s->end, s->end);
	if (o->taken)
		return text("; read %d", o->taken);
	return o->state & (ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2) ? "; read EAGAIN" : "; read eof";
}

/* A segment without an option of its own has the timestamp of now, where there are any. */
static const char *options(const struct matrix_cell *c)
{
	if (c->old_stamp)
		return c->flags & WIRE_SYN ? " <mss 1000,nop,nop,ts T-100000 0>" :
					     " <nop,nop,ts T-100000 R>";
	return c->flags & WIRE_SYN ? " $$" : "";
}

static char *script(const struct matrix_cell *c, const struct matrix_spelling *s, const struct matrix_outcome *o)
{
	char *acking = c->flags & WIRE_ACK ? text(" ack %s", s->ack) : "";
	char *then = "", *answer = answer_text(o, s);

	/* the SYN may come so soon that "nothing came before it" is said by its being the next */
	if (o->syn_again)
		answer = o->answer == SILENCE ? ">@500 S 0" : text("%s; >@500 S 0", answer);

	if (handshake_goes_on(c, o))
		then = text("; none; state %s; %s", wire_state_name(c->state),
			    c->state == SYN_SENT ? "< S. 0 ack 1 $$; > . 1 ack 1" :
						   "< . N ack S");
	else if (is_asked(c, o))
		then = "; < . N-1 ack S; > . S ack N";
	if (una_shows(c, o))
		then = text("%s; info unacked = %d", then, !o->acked);
	return text("%s%s< %s %s(%d)%s%s; %s%s%s", s->first ? s->first : "",
		    c->position & OVER ? "< P. N+100(100) ack U; > . S ack N; " : "", s->letters,
		    s->seq, s->data, acking, options(c), answer, then, reading(c, s, o));
}

/* Kernel TCP answers what nobody has, for both stacks. */
static bool is_nobodys(const struct matrix_cell *c)
{
	return c->state == CLOSED ||
	       (c->state == LISTEN && c->flags & (WIRE_RST | WIRE_ACK));
}

/* That one stack has got the segments and sent the RST, and the other one nothing. */
static char *segment_counters(const struct matrix_cell *c, const struct matrix_outcome *o,
			      int segments, enum wire_stack stack)
{
	int rst = o->answer == RESET_AT_ACK || o->answer == RESET_AND_ACK;
	const char *owner = "kernel", *other = "xtcp";

	if (stack == WIRE_XTCP && !is_nobodys(c)) {
		owner = "xtcp";
		other = "kernel";
	}
	return text("%s:InSegs=%d %s:OutRsts=%d %s:InErrs=%d %s:InSegs=0 %s:OutRsts=0 ", owner,
		    segments, owner, rst, owner, o->in_err, other, other);
}

static char *handshake_counters(const struct matrix_cell *c, const struct matrix_outcome *o, enum wire_stack stack)
{
	bool on = handshake_goes_on(c, o), up = on || o->state & COUNTED;
	bool failed = c->state & HANDSHAKE && o->state & (CLOSED | LISTEN);

	return text("%sAttemptFails=%d EmbryonicRsts=%d PassiveOpens=%d CurrEstab=%d "
		    "TCPChallengeACK=%d TCPSYNChallenge=%d",
		    segment_counters(c, o, 1 + on, stack), failed, failed && c->via == PASSIVE,
		    up && c->via == PASSIVE, up, o->challenge,
		    o->challenge && c->flags & WIRE_SYN);
}

/*
 * A record does not count what it answers as challenges, but for xtcp's in FIN-WAIT-2, which
 * counts SYNs. It counts itself as one of TIME-WAIT when it is made, in either state.
 */
static char *sync_counters(const struct matrix_cell *c, const struct matrix_outcome *o, enum wire_stack stack)
{
	bool was_up = c->state & COUNTED, is_up = o->state & COUNTED;
	bool record = c->state == TIME_WAIT || c->via == ORPHAN;
	int segments = 1 + is_asked(c, o) + (c->position & OVER ? 2 : 0);
	bool challenge = o->challenge && !record;
	bool syn = o->challenge && c->flags & WIRE_SYN &&
		   (!record || (c->via == ORPHAN && stack == WIRE_XTCP));

	return text("%sEstabResets=%d CurrEstab=%d TCPChallengeACK=%d TCPSYNChallenge=%d "
		    "PAWSEstab=%d TW=%d", segment_counters(c, o, segments, stack),
		    was_up && o->state == CLOSED, is_up - was_up, challenge, syn, o->paws,
		    c->via == ORPHAN || (!record && o->state == TIME_WAIT));
}

/* What the engine does and finds in a cell. @s: the segment in the script language. */
static struct wire_outcome matrix_row_outcome(const struct matrix_cell *cell, const struct matrix_spelling *s,
					      const struct matrix_outcome *o, enum wire_stack stack)
{
	bool sync = cell->state & (SYNCHRONIZED | TIME_WAIT);
	struct wire_outcome out = {
		.script = script(cell, s, o),
		.state = handshake_goes_on(cell, o) ? ESTABLISHED : o->state,
		.err = o->err ? o->err : "none",
		.counters = sync ? sync_counters(cell, o, stack) : handshake_counters(cell, o, stack),
	};

	return out;
}

/* What wire_matrix tests, as tables: states and segments, and where a stack does not do what the RFC says. */
struct matrix_tested {
	struct matrix_cell cell;
	const char *start;		/* the state as README.md names it */
	const char *rfc;		/* what says what is due */
	const char *why[WIRE_STACKS];	/* a stack does something else; NULL: it does not */
	bool apart;			/* the two stacks do not do the same */
};

#define REASONS_MAX	100

static const struct column {
	int segment;	/* 0: any with an old timestamp */
	const char *title;
} columns[] = {
	{ IS_ACK, "ACK" }, { IS_FIN, "FIN" }, { IS_FIN_ACK, "FIN,ACK" }, { IS_RST, "RST" },
	{ IS_RST_ACK, "RST,ACK" }, { IS_SYN, "SYN" }, { IS_SYN_ACK, "SYN,ACK" },
	{ IS_SYN_FIN, "SYN,FIN" }, { IS_DATA, "text" }, { 0, "old timestamp" },
};

/* Left to right; the places against text that waits have one letter. */
static const struct {
	int position;
	char letter;
} letters[] = {
	{ LEFT, 'l' }, { ACROSS_LEFT, 'm' }, { LEFT_EDGE, 'e' }, { INSIDE, 'i' }, { OVER, 'q' },
	{ ACROSS_RIGHT, 'n' }, { RIGHT_EDGE, 'r' }, { BEYOND, 'b' },
};

#define COLUMNS	(sizeof(columns) / sizeof(*columns))
#define LETTERS	(sizeof(letters) / sizeof(*letters))

static bool is_in(const struct matrix_tested *t, const char *start, const struct column *column)
{
	if (strcmp(t->start, start) || t->cell.old_stamp != !column->segment)
		return false;
	return !column->segment || t->cell.segment == column->segment;
}

/* Where SEG.SEQ is not looked at, cells have one place that stands for all. */
static bool anywhere(const struct matrix_cell *c)
{
	return c->state & (CLOSED | LISTEN);
}

static int bits(int set)
{
	return __builtin_popcount(set);
}

static void print_cell(const struct matrix_tested *tested, size_t n, const char *start, const struct column *column)
{
	int places = 0, apart = 0, ackings = 0, segments = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!is_in(&tested[i], start, column))
			continue;
		places |= tested[i].cell.position;
		ackings |= tested[i].cell.acking;
		segments |= tested[i].cell.segment;
		any |= anywhere(&tested[i].cell);
		if (tested[i].apart)
			apart |= tested[i].cell.position;
	}
	printf(" | ");
	if (!places)
		printf("x");
	else if (any)
		printf("%s", apart ? "ANY" : "any");
	else if (!column->segment)
		printf("%c of %d", apart ? 'E' : 'e', bits(segments));
	else
		for (size_t i = 0; i < LETTERS; i++)
			if (places & letters[i].position)
				putchar(apart & letters[i].position ? toupper(letters[i].letter) :
								      letters[i].letter);
	if (places && bits(ackings) > 1 && column->segment)
		printf(" %d", bits(ackings));
}

static void print_states(const struct matrix_tested *tested, size_t n)
{
	const char *start = "";

	printf("| state");
	for (size_t column = 0; column < COLUMNS; column++)
		printf(" | %s", columns[column].title);
	printf(" |\n|---");
	for (size_t column = 0; column < COLUMNS; column++)
		printf("|---");
	printf("|\n");
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(tested[i].start, start))
			continue;
		start = tested[i].start;
		printf("| %s", start);
		for (size_t column = 0; column < COLUMNS; column++)
			print_cell(tested, n, start, &columns[column]);
		printf(" |\n");
	}
}

struct reason {
	const char *why;
	char rfc[256], states[256];
	bool stacks[WIRE_STACKS];
	size_t cells;
};

static struct reason *reason_of(struct reason *reasons, size_t *n, const char *why)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(reasons[i].why, why))
			return &reasons[i];
	must(*n != REASONS_MAX, "too many reasons");
	reasons[*n].why = why;
	return &reasons[(*n)++];
}

/* Once each. */
static void append(char *list, size_t size, const char *item)
{
	size_t used = strlen(list);

	if (!strstr(list, item))
		snprintf(list + used, size - used, "%s%s", used ? "; " : "", item);
}

static void add_reason(struct reason *reasons, size_t *n, const struct matrix_tested *t, enum wire_stack stack)
{
	struct reason *r = reason_of(reasons, n, t->why[stack]);

	/* a cell in which both differ for the same reason counts once */
	if (stack != WIRE_XTCP || !t->why[WIRE_KERNEL] || strcmp(t->why[WIRE_KERNEL], r->why))
		r->cells++;
	r->stacks[stack] = true;
	append(r->rfc, sizeof(r->rfc), t->rfc);
	append(r->states, sizeof(r->states), t->start);
}

static void print_reasons(const struct matrix_tested *tested, size_t n)
{
	static struct reason reasons[REASONS_MAX];
	const struct reason *r;
	size_t found = 0, i;

	for (i = 0; i < n; i++)
		for (int stack = 0; stack < WIRE_STACKS; stack++)
			if (tested[i].why[stack])
				add_reason(reasons, &found, &tested[i], stack);
	printf("| who | what, and why | instead of | states | cells |\n|---|---|---|---|---|\n");
	for (i = 0; i < found; i++) {
		r = &reasons[i];
		printf("| %s | %s | %s | %s | %zu |\n",
		       !r->stacks[WIRE_KERNEL] ? "xtcp" : r->stacks[WIRE_XTCP] ? "both" : "kernel TCP",
		       r->why, r->rfc, r->states, r->cells);
	}
}

/* Print both tables. @tested: all cells, those of a state together. */
static void matrix_table_print(const struct matrix_tested *tested, size_t n)
{
	size_t i, apart = 0, differs[WIRE_STACKS] = { 0 };

	for (i = 0; i < n; i++) {
		apart += tested[i].apart;
		for (int stack = 0; stack < WIRE_STACKS; stack++)
			differs[stack] += !!tested[i].why[stack];
	}
	print_states(tested, n);
	printf("\n%zu cells, each over IPv4 and IPv6 and on both stacks. xtcp does something else than the\n"
	       "RFCs say in %zu, kernel TCP in %zu; the two do not do the same in %zu.\n\n", n, differs[WIRE_XTCP],
	       differs[WIRE_KERNEL], apart);
	print_reasons(tested, n);
}

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
	{ IS_DATA, "data", "P." },
};

/*
 * In SYN-SENT there is no window; the places are those of the window that a RCV.NXT
 * nobody has set yet would begin, so that a test that must not be made there shows.
 */
static const struct {
	int bit, seq;
	const char *name, *text, *syn_sent;
	int octets, hole, end;	/* of text, and what waits around it */
} positions[] = {
	{ LEFT, RCV_NXT - 1, "left", "N-1", "O-1", 1 },
	{ LEFT_EDGE, RCV_NXT, "left_edge", "N", "O", 10 },
	{ INSIDE, RCV_NXT + 1000, "inside", "N+1000", "O+1000", 10 },
	{ RIGHT_EDGE, RCV_NXT + RCV_WND, "right_edge", "W", "O+65535", 10 },
	{ BEYOND, RCV_NXT + RCV_WND + 1, "beyond", "W+1", "O+65536", 10 },
	{ ACROSS_LEFT, RCV_NXT - 5, "across_left", "N-5", NULL, 10 },
	{ ACROSS_RIGHT, RCV_NXT + RCV_WND - 5, "across_right", "W-5", NULL, 10 },
	/* RCV.NXT + 100 to + 199 wait */
	{ OVER_LEFT, RCV_NXT + 50, "over_left_of_queued", "N+50", NULL, 100, 50, 200 },
	{ OVER_RIGHT, RCV_NXT + 150, "over_right_of_queued", "N+150", NULL, 100, 100, 250 },
	{ OVER_BOTH, RCV_NXT + 50, "over_all_of_queued", "N+50", NULL, 200, 50, 250 },
	{ OVER_INSIDE, RCV_NXT + 120, "inside_queued", "N+120", NULL, 60, 100, 200 },
};

static const struct {
	int bit, ack;		/* from SND.UNA, or SND.NXT */
	const char *name, *text;
} ackings[] = {
	{ TOO_OLD, -MAX_SND_WND - 1, "too_old", "U-65536" },
	{ BELOW_UNA, -1, "below_una", "U-1" },
	{ AT_UNA, 0, "una", "U" },
	{ AT_NXT, 0, "nxt", "S" },
	{ BEYOND_NXT, 1, "beyond_nxt", "S+1" },
	{ NO_ACK, 0, "", "" },
};

/* So that SND.UNA is not SND.NXT; elsewhere that is a FIN. */
#define OUTSTANDING	"write 1; > P. S(1) ack N; "

/* States in which a segment's place does not matter have one. */
static const struct start {
	int state, via;
	const char *name;	/* %s: as the engine names it */
	const char *title;	/* as README.md does */
	const char *seq, *ack;	/* of that place; NULL: all of them */
	const char *pre;	/* before the state is built */
	const char *first;	/* after it */
} starts[] = {
	{ CLOSED, NOBODY, "closed", "CLOSED", "5", "77", NULL, NULL },
	{ CLOSED, BOUND, "closed_bound", "CLOSED, bound", "5", "77", "bind", NULL },
	{ CLOSED, ENDED, "closed_after_last_ack", "CLOSED after LAST-ACK", "N", "S", NULL, NULL },
	{ LISTEN, PASSIVE, "%s", "LISTEN", "5", "77", NULL, NULL },
	{ SYN_SENT, ACTIVE, "%s", "SYN-SENT", NULL, NULL, NULL, NULL },
	{ SYN_RECEIVED, PASSIVE, "%s", "SYN-RECEIVED", NULL, NULL, NULL, NULL },
	{ SYN_RECEIVED, SIMULTANEOUS, "%s", "SYN-RECEIVED, simultaneous", NULL, NULL, NULL, NULL },
	{ ESTABLISHED, PASSIVE, "%s", "ESTABLISHED", NULL, NULL, NULL, OUTSTANDING },
	{ FIN_WAIT_1, PASSIVE, "%s", "FIN-WAIT-1", NULL, NULL, NULL, NULL },
	{ FIN_WAIT_2, PASSIVE, "%s", "FIN-WAIT-2", NULL, NULL, NULL, NULL },
	{ FIN_WAIT_2, ORPHAN, "fin_wait_2_orphan", "FIN-WAIT-2, record", NULL, NULL, NULL,
	  "close; " },
	{ CLOSE_WAIT, PASSIVE, "%s", "CLOSE-WAIT", NULL, NULL, NULL, OUTSTANDING },
	{ CLOSING, PASSIVE, "%s", "CLOSING", NULL, NULL, NULL, NULL },
	{ LAST_ACK, PASSIVE, "%s", "LAST-ACK", NULL, NULL, NULL, NULL },
	{ TIME_WAIT, PASSIVE, "%s", "TIME-WAIT", NULL, NULL, NULL, "close; " },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct wire_row rows[ROWS_MAX];
static struct matrix_tested tested[ROWS_MAX];
static size_t filled;

static void add_row(const struct start *start, const struct matrix_cell *c, const struct matrix_spelling *s, char *name)
{
	struct matrix_tested *t = &tested[filled];
	struct wire_row *row = &rows[filled];
	struct matrix_outcome xtcp, kernel;
	const char *why_xtcp, *why_kernel;

	if (++filled == ROWS_MAX)
		ksft_exit_fail_msg("too many rows\n");
	xtcp = matrix_differs_outcome(c, WIRE_XTCP, &why_xtcp);
	kernel = matrix_differs_outcome(c, WIRE_KERNEL, &why_kernel);
	row->name = name;
	row->rfc = why_xtcp ? text("%s (differs: %s)", xtcp.rfc, why_xtcp) : xtcp.rfc;
	row->pre = start->pre;
	if (c->old_stamp)
		row->syn = "mss 1000,nop,nop,ts T R";
	if (c->state != CLOSED || c->via == ENDED) {
		row->in = c->state;
		row->via = c->via == ENDED ? ACTIVE : c->via == ORPHAN ? PASSIVE : c->via;
	}
	row->want = matrix_row_outcome(c, s, &xtcp, WIRE_XTCP);
	row->kernel = matrix_row_outcome(c, s, &kernel, WIRE_KERNEL);
	/* the counters of the two stacks differ in any case */
	t->apart = !matrix_differs_same(&xtcp, &kernel);
	row->kernel_differs = t->apart && why_kernel ? why_kernel : "";
	t->cell = *c;
	t->start = start->title;
	t->rfc = matrix_rfc_outcome(c).rfc;
	t->why[WIRE_XTCP] = why_xtcp;
	t->why[WIRE_KERNEL] = why_kernel;
}

static bool all_acked(const struct start *start)
{
	return start->state & (FIN_WAIT_2 | TIME_WAIT);
}

static char *cell_name(const struct start *start, size_t seg, size_t pos, size_t acking, bool old)
{
	const char *place = positions[pos].name, *join = *ackings[acking].name ? "_" : "";

	if (start->seq)
		return text("%s_%s", start->name, segments[seg].name);
	if (old)
		return text("%s_%s_old_timestamp", start->name, segments[seg].name);
	return text("%s_%s_%s%s%s", start->name, segments[seg].name, place, join, ackings[acking].name);
}

static void add_cell(const struct start *start, size_t seg, size_t pos, size_t acking, bool old)
{
	unsigned int flags = wire_segment_flags(segments[seg].letters);
	struct matrix_cell c = {
		.state = start->state, .via = start->via, .segment = segments[seg].bit,
		.position = positions[pos].bit, .acking = ackings[acking].bit, .flags = flags,
		.seq = positions[pos].seq, .una = all_acked(start) ? SND_NXT : SND_NXT - 1,
		.len = !!(flags & WIRE_SYN) + !!(flags & WIRE_FIN), .old_stamp = old,
	};
	struct matrix_spelling s = {
		.first = start->first, .letters = segments[seg].letters,
		.seq = start->state == SYN_SENT ? positions[pos].syn_sent : positions[pos].text,
		.ack = ackings[acking].text, .hole = positions[pos].hole, .end = positions[pos].end,
	};

	c.ack = ackings[acking].ack + (c.acking & (AT_NXT | BEYOND_NXT) ? SND_NXT : c.una);
	if (start->seq) {
		s.seq = start->seq;
		s.ack = start->ack;
	}
	if (start->state == CLOSED)
		s.data = CLOSED_DATA;
	else if (c.segment == IS_DATA)
		s.data = positions[pos].octets;
	if (c.segment == IS_DATA)
		c.len += s.data;
	s.len = c.state == CLOSED ? c.len + s.data : c.len;
	add_row(start, &c, &s, cell_name(start, seg, pos, acking, old));
}

/* Before synchronization SEG.ACK is looked at in each segment, and text in none. */
static bool has_handshake_cell(const struct start *start, size_t seg, size_t pos, size_t acking)
{
	int bit = ackings[acking].bit, position = positions[pos].bit;

	if (segments[seg].bit == IS_DATA || bit == TOO_OLD || position > BEYOND)
		return false;
	if (start->seq)
		return position == LEFT_EDGE && bit & (AT_UNA | NO_ACK);
	return true;
}

/* Text: every place with SND.UNA, and where it would be taken every SEG.ACK. */
static bool has_text_cell(const struct start *start, size_t pos, size_t acking)
{
	int bit = ackings[acking].bit, position = positions[pos].bit;
	bool receives = start->state & (ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2);

	if (position & OVER && (!receives || start->via == ORPHAN))
		return false;
	if (position != LEFT_EDGE)
		return bit == (all_acked(start) ? AT_NXT : AT_UNA);
	return bit != AT_UNA || !all_acked(start);
}

/*
 * SEG.ACK has a place if the segment has an ACK, and one of its own where that is all. In the synchronized states RST
 * and SYN are decided before SEG.ACK is looked at, and where everything is acknowledged SND.UNA is SND.NXT.
 */
static bool has_cell(const struct start *start, size_t seg, size_t pos, size_t acking)
{
	const char *letters = segments[seg].letters;
	int bit = ackings[acking].bit;

	if (strchr(letters, '.') ? bit == NO_ACK : bit != NO_ACK)
		return false;
	if (!(start->state & (SYNCHRONIZED | TIME_WAIT)))
		return has_handshake_cell(start, seg, pos, acking);
	if (segments[seg].bit == IS_DATA)
		return has_text_cell(start, pos, acking);
	if (positions[pos].bit > BEYOND)
		return false;
	if (strpbrk(letters, "RS"))
		return bit & (AT_NXT | NO_ACK);
	return bit != AT_UNA || !all_acked(start);
}

/* An old timestamp is one wherever the segment is: it comes where it would be taken. */
static bool has_old_stamp_cell(const struct start *start, size_t seg, size_t pos, size_t acking)
{
	return start->state & (SYNCHRONIZED | TIME_WAIT) && positions[pos].bit == LEFT_EDGE &&
	       ackings[acking].bit & (AT_NXT | NO_ACK) && has_cell(start, seg, pos, acking);
}

static void walk(const struct start *start)
{
	for (size_t seg = 0; seg < COUNT(segments); seg++)
		for (size_t pos = 0; pos < COUNT(positions); pos++)
			for (size_t acking = 0; acking < COUNT(ackings); acking++) {
				if (has_cell(start, seg, pos, acking))
					add_cell(start, seg, pos, acking, false);
				if (has_old_stamp_cell(start, seg, pos, acking))
					add_cell(start, seg, pos, acking, true);
			}
}

/* main() for the cells of some states. It looks at all, so that a difference without a cell shows. */
int matrix_walk_main(int argc, char **argv, int states)
{
	size_t i, n = 0;

	for (i = 0; i < COUNT(starts); i++)
		walk(&starts[i]);
	matrix_differs_end();
	if (argc > 1 && !strcmp(argv[1], "-t")) {
		matrix_table_print(tested, filled);
		return 0;
	}
	for (i = 0; i < filled; i++)
		if (tested[i].cell.state & states)
			rows[n++] = rows[i];
	return wire_main(argc, argv, rows, n);
}
