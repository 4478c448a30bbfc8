// SPDX-License-Identifier: GPL-2.0
/*
 * Where a stack departs from the decisions of matrix_sync.c: the synchronized states
 * and TIME-WAIT.
 */
#include "matrix.h"

#define OUTSTANDING	(SYNCHRONIZED & ~FIN_WAIT_2)
#define AFTER_FIN	(CLOSE_WAIT | CLOSING | LAST_ACK)
#define ACKS		(IS_ACK | IS_FIN_ACK | IS_DATA)
#define RSTS		(IS_RST | IS_RST_ACK)
#define SYNS		(IS_SYN | IS_SYN_ACK | IS_SYN_FIN)
#define SOCKET		PASSIVE		/* not a record */

#define BOTH		.kernel = true, .xtcp = true

/* Reasons that several entries have. */
#define WIDE_WINDOW \
	"both edges count as inside: a peer that has filled the window acknowledges from its " \
	"right edge, and one that has sent a FIN too often from the left one"
#define RIGHT_EDGE_INSIDE \
	"counts the first number after the window as inside"
#define SECOND_FIN \
	"a FIN after the FIN is no retransmission of it, and nobody means it: RCV.NXT stays"
#define NO_ACK_FIRST \
	"drops what has none of ACK, SYN and RST before it looks at the window"
#define DATA_BEFORE_FIN \
	"there is data before the FIN, or there will be, and nobody reads it (SHLD-3)"
#define NO_CHECKS \
	"the checks of RFC 5961 are not made for a record of an orphan"
#define NOT_MEANT \
	"nobody means a SYN with a FIN: LISTEN would drop it, so it does not end the record"

/* SEG.SEQ is outside, but what SEG.ACK says is heard; a FIN on the left side is answered. */
static struct matrix_outcome wide_window(const struct matrix_cell *c)
{
	struct matrix_outcome o = matrix_sync_accepted(c);

	if (c->flags & WIRE_FIN && c->flags & WIRE_ACK && c->seq < RCV_NXT &&
	    !(o.state & (CLOSED | TIME_WAIT)))
		o.answer = ACK_OF_NEXT;
	return o;
}

static struct matrix_outcome second_fin(const struct matrix_cell *c)
{
	struct matrix_outcome o = matrix_sync_accepted(c);

	o.answer = SILENCE;
	return o;
}

static struct matrix_outcome any_ack(const struct matrix_cell *c)
{
	struct matrix_cell good = *c;

	good.ack = SND_NXT;
	return matrix_sync_accepted(&good);
}

static struct matrix_outcome challenged(const struct matrix_cell *c)
{
	struct matrix_outcome o = { .answer = ACK_OF_NEXT, .state = c->state, .challenge = true };

	return o;
}

static struct matrix_outcome told(const struct matrix_cell *c)
{
	struct matrix_outcome o = { .answer = ACK_OF_NEXT, .state = c->state };

	return o;
}

static struct matrix_outcome ignored(const struct matrix_cell *c)
{
	struct matrix_outcome o = { .answer = SILENCE, .state = c->state };

	return o;
}

static struct matrix_outcome ignored_by_stamp(const struct matrix_cell *c)
{
	struct matrix_outcome o = ignored(c);

	o.paws = true;
	return o;
}

static struct matrix_outcome aborted(const struct matrix_cell *c)
{
	struct matrix_outcome o = { .answer = RESET_AT_ACK, .state = CLOSED };

	o.err = c->state == CLOSE_WAIT ? "EPIPE" : "ECONNRESET";
	return o;
}

/* As if SEG.SEQ were RCV.NXT. */
static struct matrix_outcome reset(const struct matrix_cell *c)
{
	struct matrix_cell there = *c;

	there.seq = RCV_NXT;
	return matrix_sync_accepted(&there);
}

static struct matrix_outcome counted_as_error(const struct matrix_cell *c)
{
	struct matrix_outcome o = matrix_sync_outcome(c);

	o.in_err = true;
	return o;
}

static struct matrix_outcome refused(const struct matrix_cell *c)
{
	struct matrix_outcome o = { .state = CLOSED };

	o.answer = c->flags & WIRE_ACK ? RESET_AT_ACK : RESET_AND_ACK;
	return o;
}

const struct matrix_difference matrix_differs_sync[] = {
	/* A socket: the ACK field. */
	{
		.state = ESTABLISHED, .segments = ACKS, .ackings = BEYOND_NXT,
		.positions = LEFT_EDGE | INSIDE | RIGHT_EDGE, .kernel = true,
		.why = "drops it in silence, against an ACK war",
		.does = { .answer = SILENCE, .state = ESTABLISHED },
	},
	{
		.state = ESTABLISHED, .segments = IS_FIN_ACK, .ackings = BEYOND_NXT,
		.positions = LEFT, .kernel = true,
		.why = "drops it in silence, against an ACK war",
		.does = { .answer = SILENCE, .state = ESTABLISHED },
	},
	{
		.state = OUTSTANDING, .segments = IS_ACK | IS_DATA, .ackings = BELOW_UNA,
		.positions = LEFT_EDGE | INSIDE | RIGHT_EDGE, BOTH,
		.why = "does not believe an ACK of octets that it never sent: the SYN's is none",
		.how = challenged,
	},
	{
		.state = OUTSTANDING, .segments = IS_FIN_ACK, .ackings = BELOW_UNA,
		.positions = LEFT | LEFT_EDGE | INSIDE | RIGHT_EDGE, BOTH,
		.why = "does not believe an ACK of octets that it never sent: the SYN's is none",
		.how = challenged,
	},
	/* A socket: the window. */
	{
		.state = SYNCHRONIZED, .via = SOCKET, .segments = IS_ACK | IS_DATA,
		.positions = RIGHT_EDGE,
		BOTH, .why = WIDE_WINDOW, .how = wide_window,
	},
	{
		.state = SYNCHRONIZED, .via = SOCKET, .segments = IS_FIN | IS_FIN_ACK,
		.positions = LEFT | RIGHT_EDGE, BOTH, .why = WIDE_WINDOW, .how = wide_window,
	},
	{
		.state = SYNCHRONIZED, .via = SOCKET, .segments = IS_FIN, .positions = BEYOND,
		.kernel = true, .why = NO_ACK_FIRST, .how = wide_window,
	},
	{
		.state = SYNCHRONIZED, .via = SOCKET, .segments = RSTS, .positions = RIGHT_EDGE,
		.kernel = true, .why = RIGHT_EDGE_INSIDE, .how = wide_window,
	},
	{
		.state = AFTER_FIN, .segments = RSTS, .positions = LEFT, BOTH,
		.why = "takes RCV.NXT - 1 after a FIN, for peers that forget to count it",
		.how = reset,
	},
	/* A socket: SYN and FIN. */
	{
		.state = ESTABLISHED, .segments = SYNS, .kernel = true,
		.why = "counts a SYN as an error, in this state alone", .how = counted_as_error,
	},
	{
		.state = AFTER_FIN, .segments = IS_FIN_ACK, .positions = LEFT_EDGE,
		.ackings = BELOW_UNA | AT_UNA | AT_NXT, BOTH, .why = SECOND_FIN,
		.how = second_fin,
	},
	{
		.state = AFTER_FIN, .segments = IS_DATA, .positions = ACROSS_LEFT, .xtcp = true,
		.why = "what repeats old octets is told where the connection is",
		.how = told,
	},
	{
		.state = AFTER_FIN, .segments = IS_DATA, .positions = ACROSS_LEFT, .kernel = true,
		.why = "resets the connection for text after the FIN, if it begins before it",
		.how = aborted,
	},
	/* A socket: timestamps. */
	{
		.old_stamp = true, .state = SYNCHRONIZED, .via = SOCKET, .segments = IS_FIN,
		.kernel = true, .why = NO_ACK_FIRST, .how = ignored,
	},
	{
		.old_stamp = true, .state = SYNCHRONIZED, .segments = SYNS, .xtcp = true,
		.why = "challenges a SYN whatever its timestamp (RFC 5961 4.2): the ACK is the same",
		.how = challenged,
	},
	/* FIN-WAIT-2 as a record. */
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_FIN_ACK, .positions = INSIDE,
		.ackings = BELOW_UNA | AT_NXT, BOTH, .why = DATA_BEFORE_FIN, .how = refused,
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_FIN_ACK, .positions = INSIDE,
		.ackings = TOO_OLD | BEYOND_NXT, .kernel = true, .why = DATA_BEFORE_FIN,
		.how = refused,
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = ACKS,
		.positions = LEFT_EDGE | INSIDE, .ackings = TOO_OLD | BEYOND_NXT, .kernel = true,
		.why = NO_CHECKS, .how = any_ack,
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_ACK, .positions = RIGHT_EDGE,
		.ackings = BELOW_UNA | AT_NXT, BOTH, .why = WIDE_WINDOW, .how = any_ack,
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_ACK, .positions = RIGHT_EDGE,
		.ackings = TOO_OLD | BEYOND_NXT, .kernel = true, .why = WIDE_WINDOW, .how = any_ack,
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS, .positions = LEFT | BEYOND,
		.kernel = true, .why = "acknowledges every segment outside the window, a RST too",
		.does = { .answer = ACK_OF_NEXT, .state = FIN_WAIT_2 },
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS,
		.positions = INSIDE | RIGHT_EDGE, .kernel = true, .why = NO_CHECKS, .how = reset,
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = SYNS,
		.positions = LEFT_EDGE | INSIDE, .kernel = true, .why = NO_CHECKS, .how = refused,
	},
	{
		.state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_SYN_FIN, .positions = LEFT,
		.kernel = true, .why = NO_CHECKS,
		.does = { .answer = SILENCE, .state = FIN_WAIT_2 },
	},
	{
		.old_stamp = true, .state = FIN_WAIT_2, .via = ORPHAN,
		.segments = ACKS | IS_FIN | SYNS, .kernel = true,
		.why = "counts no old timestamp here, though it acts on it", .how = told,
	},
	{
		.old_stamp = true, .state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS,
		.kernel = true, .why = "acknowledges every segment that is old, a RST too",
		.how = told,
	},
	{
		.old_stamp = true, .state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS,
		.xtcp = true, .why = "takes the RST for one of an earlier connection (RFC 1337 2)",
		.how = ignored_by_stamp,
	},
	/* TIME-WAIT */
	{
		.old_stamp = true, .state = TIME_WAIT, .segments = RSTS, BOTH,
		.why = "counts the old timestamp of a RST that is ignored anyway",
		.how = ignored_by_stamp,
	},
	{
		.state = TIME_WAIT, .segments = IS_ACK, .positions = LEFT_EDGE, BOTH,
		.why = "no retransmission of a FIN is without one, and an ACK of an ACK could go "
		       "on for ever",
		.does = { .answer = SILENCE, .state = TIME_WAIT },
	},
	{
		.state = TIME_WAIT, .segments = IS_FIN, .positions = LEFT_EDGE | INSIDE, BOTH,
		.why = "whatever has a number but the bare ACK due is told where the connection is",
		.does = { .answer = ACK_OF_NEXT, .state = TIME_WAIT },
	},
	{
		.state = TIME_WAIT, .segments = RSTS, .positions = LEFT_EDGE, .kernel = true,
		.why = "its default, tcp_rfc1337 = 0, lets a RST end TIME-WAIT",
		.does = { .answer = SILENCE, .state = CLOSED },
	},
	{
		.state = TIME_WAIT, .segments = IS_SYN | IS_SYN_FIN, .positions = LEFT_EDGE, BOTH,
		.why = "reopens from RCV.NXT + 1 on, one number later than it may",
		.how = challenged,
	},
	{
		.state = TIME_WAIT, .segments = IS_SYN_FIN,
		.positions = INSIDE | RIGHT_EDGE | BEYOND, .xtcp = true, .why = NOT_MEANT,
		.how = challenged,
	},
	{
		.state = TIME_WAIT, .segments = IS_SYN_FIN,
		.positions = INSIDE | RIGHT_EDGE | BEYOND, .kernel = true,
		.why = "ends TIME-WAIT for it, and then drops it as LISTEN does",
		.does = { .answer = SILENCE, .state = CLOSED },
	},
};

const size_t matrix_differs_sync_entries = sizeof(matrix_differs_sync) / sizeof(*matrix_differs_sync);
