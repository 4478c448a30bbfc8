// SPDX-License-Identifier: GPL-2.0
/*
 * The cells: every start, segment and place, and the row of the raw-segment engine for
 * each. wire_matrix and wire_matrix_sync run the rows of their states.
 */
#include <string.h>

#include "kselftest.h"
#include "matrix.h"

/*
 * Octets in a segment for CLOSED. They count in SEG.LEN, and kernel TCP would see by the
 * checksum if the segment had not come to it as it was sent.
 */
#define CLOSED_DATA	5

#define ROWS_MAX	2000

#define text wire_text

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

static void add_row(const struct start *start, const struct matrix_cell *c,
		    const struct matrix_spelling *s, char *name)
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
	return text("%s_%s_%s%s%s", start->name, segments[seg].name, place, join,
		    ackings[acking].name);
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
 * SEG.ACK has a place if the segment has an ACK, and one of its own where that is all.
 * In the synchronized states RST and SYN are decided before SEG.ACK is looked at, and
 * where everything is acknowledged SND.UNA is SND.NXT.
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
	size_t seg, pos, acking;

	for (seg = 0; seg < COUNT(segments); seg++)
		for (pos = 0; pos < COUNT(positions); pos++)
			for (acking = 0; acking < COUNT(ackings); acking++) {
				if (has_cell(start, seg, pos, acking))
					add_cell(start, seg, pos, acking, false);
				if (has_old_stamp_cell(start, seg, pos, acking))
					add_cell(start, seg, pos, acking, true);
			}
}

/*
 * The main function of a program that runs the cells of some states. Every cell is looked at, so that an entry of the
 * differences without one shows. Return: an exit status of kselftest.
 */
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
