// SPDX-License-Identifier: GPL-2.0
/*
 * Where a stack departs from the decisions of matrix_rfc.c. An entry that changes nothing in a cell of its set, or has
 * none, fails the program; one whose outcome depends on the cell must change something in one of them.
 */
#include <string.h>
#include "kselftest.h"
#include "matrix.h"

#define BAD_ACKS	(BELOW_UNA | AT_UNA | BEYOND_NXT)
#define OUTSIDE		(LEFT | RIGHT_EDGE | BEYOND)
#define BOTH		.kernel = true, .xtcp = true
#define OUTSTANDING	(SYNCHRONIZED & ~FIN_WAIT_2)
#define AFTER_FIN	(CLOSE_WAIT | CLOSING | LAST_ACK)
#define ACKS		(IS_ACK | IS_FIN_ACK | IS_DATA)
#define RSTS		(IS_RST | IS_RST_ACK)
#define SYNS		(IS_SYN | IS_SYN_ACK | IS_SYN_FIN)
#define SOCKET		PASSIVE		/* not a record */

/* Reasons that several entries have. */
#define ACK_FIRST \
	"RFC 9293 3.5.2, group 2: what acknowledges something that was not sent is reset, wherever it is; an entry " \
	"has no state that could be in doubt"
#define WIDE_WINDOW \
	"both edges count as inside: a peer that has filled the window acknowledges from its right edge, and one " \
	"that has sent a FIN too often from the left one"
#define TELLS_PEER \
	"a peer that has begun anew learns at once that this handshake is over"
#define ISS_WILL_DO \
	"takes an ACK that repeats its ISS for one that acknowledges the SYN"
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

	if (c->flags & WIRE_FIN && c->flags & WIRE_ACK && c->seq < RCV_NXT && !(o.state & (CLOSED | TIME_WAIT)))
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

static const struct matrix_difference list[] = {
	/* LISTEN */
	{ .state = LISTEN, .segments = IS_SYN_FIN, BOTH,
		.why = "nobody means a SYN with a FIN; firewalls take it for something else",
		.does = { .answer = SILENCE, .state = LISTEN } },
	/* SYN-SENT */
	{ .state = SYN_SENT, .segments = IS_RST_ACK, .ackings = BAD_ACKS, .kernel = true,
		.why = "sends its SYN again at once, for the RST that it will not send",
		.does = { .answer = SILENCE, .state = SYN_SENT, .syn_again = true } },
	/* SYN-RECEIVED by way of LISTEN */
	{ .state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_ACK | IS_FIN_ACK, .positions = OUTSIDE,
		.ackings = BAD_ACKS, BOTH,
		.why = ACK_FIRST, .does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED } },
	{ .state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN_ACK, .ackings = BAD_ACKS, BOTH,
		.why = ACK_FIRST, .does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED } },
	{ .state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_ACK, .positions = RIGHT_EDGE, .ackings = AT_NXT, BOTH,
		.why = WIDE_WINDOW, .does = { .answer = SILENCE, .state = ESTABLISHED } },
	{ .state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_RST | IS_RST_ACK, .positions = RIGHT_EDGE,
		.kernel = true,
		.why = RIGHT_EDGE_INSIDE, .does = { .answer = ACK_OF_NEXT, .state = SYN_RECEIVED, .challenge = true } },
	{ .state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN | IS_SYN_FIN, .positions = LEFT, BOTH,
		.why = "the peer repeats its SYN because the SYN-ACK was lost: an ACK would be no help",
		.does = { .answer = SYN_ACK_AGAIN, .state = SYN_RECEIVED } },
	{ .state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN | IS_SYN_FIN, .positions = LEFT_EDGE | INSIDE, BOTH,
		.why = TELLS_PEER, .does = { .answer = RESET_AND_ACK, .state = LISTEN } },
	{ .state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN_ACK, .positions = LEFT_EDGE | INSIDE,
		.ackings = AT_NXT, BOTH,
		.why = TELLS_PEER, .does = { .answer = RESET_AT_ACK, .state = LISTEN } },
	/* SYN-RECEIVED by a simultaneous open */
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_ACK, .positions = LEFT_EDGE | INSIDE | RIGHT_EDGE,
		.ackings = AT_UNA, .kernel = true,
		.why = ISS_WILL_DO, .does = { .answer = SILENCE, .state = ESTABLISHED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK, .positions = LEFT | INSIDE | RIGHT_EDGE,
		.ackings = AT_UNA, .kernel = true,
		.why = ISS_WILL_DO, .does = { .answer = ACK_OF_NEXT, .state = ESTABLISHED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK, .positions = LEFT_EDGE, .ackings = AT_UNA,
		.kernel = true,
		.why = ISS_WILL_DO, .does = { .answer = ACK_OF_SEGMENT, .state = CLOSE_WAIT } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_ACK, .positions = RIGHT_EDGE, .ackings = AT_NXT,
		BOTH,
		.why = WIDE_WINDOW, .does = { .answer = SILENCE, .state = ESTABLISHED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_ACK, .positions = RIGHT_EDGE, .ackings = BAD_ACKS,
		BOTH,
		.why = WIDE_WINDOW, .does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK, .positions = LEFT | RIGHT_EDGE,
		.ackings = AT_NXT, BOTH,
		.why = WIDE_WINDOW, .does = { .answer = ACK_OF_NEXT, .state = ESTABLISHED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK, .positions = LEFT | RIGHT_EDGE,
		.ackings = BAD_ACKS, BOTH,
		.why = WIDE_WINDOW, .does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN, .positions = LEFT | RIGHT_EDGE, BOTH,
		.why = WIDE_WINDOW, .does = { .answer = SILENCE, .state = SYN_RECEIVED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN, .positions = BEYOND, .kernel = true,
		.why = "drops what has none of ACK, SYN and RST before it looks at the window",
		.does = { .answer = SILENCE, .state = SYN_RECEIVED } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_RST | IS_RST_ACK, .positions = LEFT_EDGE,
		.kernel = true,
		.why = "says ECONNRESET for a connection that never was",
		.does = { .answer = SILENCE, .state = CLOSED, .err = "ECONNRESET" } },
	{ .state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_RST | IS_RST_ACK, .positions = RIGHT_EDGE,
		.kernel = true,
		.why = RIGHT_EDGE_INSIDE, .does = { .answer = ACK_OF_NEXT, .state = SYN_RECEIVED, .challenge = true } },
	/* A socket: the ACK field. */
	{ .state = ESTABLISHED, .segments = ACKS, .ackings = BEYOND_NXT, .positions = LEFT_EDGE | INSIDE | RIGHT_EDGE,
		.kernel = true,
		.why = "drops it in silence, against an ACK war", .does = { .answer = SILENCE, .state = ESTABLISHED } },
	{ .state = ESTABLISHED, .segments = IS_FIN_ACK, .ackings = BEYOND_NXT, .positions = LEFT, .kernel = true,
		.why = "drops it in silence, against an ACK war", .does = { .answer = SILENCE, .state = ESTABLISHED } },
	{ .state = OUTSTANDING, .segments = IS_ACK | IS_DATA, .ackings = BELOW_UNA,
		.positions = LEFT_EDGE | INSIDE | RIGHT_EDGE, BOTH,
		.why = "does not believe an ACK of octets that it never sent: the SYN's is none", .how = challenged },
	{ .state = OUTSTANDING, .segments = IS_FIN_ACK, .ackings = BELOW_UNA,
		.positions = LEFT | LEFT_EDGE | INSIDE | RIGHT_EDGE, BOTH,
		.why = "does not believe an ACK of octets that it never sent: the SYN's is none", .how = challenged },
	/* A socket: the window. */
	{ .state = SYNCHRONIZED, .via = SOCKET, .segments = IS_ACK | IS_DATA, .positions = RIGHT_EDGE, BOTH,
		.why = WIDE_WINDOW, .how = wide_window },
	{ .state = SYNCHRONIZED, .via = SOCKET, .segments = IS_FIN | IS_FIN_ACK, .positions = LEFT | RIGHT_EDGE, BOTH,
		.why = WIDE_WINDOW, .how = wide_window },
	{ .state = SYNCHRONIZED, .via = SOCKET, .segments = IS_FIN, .positions = BEYOND, .kernel = true,
		.why = NO_ACK_FIRST, .how = wide_window },
	{ .state = SYNCHRONIZED, .via = SOCKET, .segments = RSTS, .positions = RIGHT_EDGE, .kernel = true,
		.why = RIGHT_EDGE_INSIDE, .how = wide_window },
	{ .state = AFTER_FIN, .segments = RSTS, .positions = LEFT, BOTH,
		.why = "takes RCV.NXT - 1 after a FIN, for peers that forget to count it", .how = reset },
	/* A socket: SYN and FIN. */
	{ .state = ESTABLISHED, .segments = SYNS, .kernel = true,
		.why = "counts a SYN as an error, in this state alone", .how = counted_as_error },
	{ .state = AFTER_FIN, .segments = IS_FIN_ACK, .positions = LEFT_EDGE, .ackings = BELOW_UNA | AT_UNA | AT_NXT,
		BOTH,
		.why = SECOND_FIN, .how = second_fin },
	{ .state = AFTER_FIN, .segments = IS_DATA, .positions = ACROSS_LEFT, .xtcp = true,
		.why = "what repeats old octets is told where the connection is", .how = told },
	{ .state = AFTER_FIN, .segments = IS_DATA, .positions = ACROSS_LEFT, .kernel = true,
		.why = "resets the connection for text after the FIN, if it begins before it", .how = aborted },
	/* A socket: timestamps. */
	{ .old_stamp = true, .state = SYNCHRONIZED, .via = SOCKET, .segments = IS_FIN, .kernel = true,
		.why = NO_ACK_FIRST, .how = ignored },
	{ .old_stamp = true, .state = SYNCHRONIZED, .segments = SYNS, .xtcp = true,
		.why = "challenges a SYN whatever its timestamp (RFC 5961 4.2): the ACK is the same",
		.how = challenged },
	/* FIN-WAIT-2 as a record. */
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_FIN_ACK, .positions = INSIDE,
		.ackings = BELOW_UNA | AT_NXT, BOTH,
		.why = DATA_BEFORE_FIN, .how = refused },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_FIN_ACK, .positions = INSIDE,
		.ackings = TOO_OLD | BEYOND_NXT, .kernel = true,
		.why = DATA_BEFORE_FIN, .how = refused },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = ACKS, .positions = LEFT_EDGE | INSIDE,
		.ackings = TOO_OLD | BEYOND_NXT, .kernel = true,
		.why = NO_CHECKS, .how = any_ack },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_ACK, .positions = RIGHT_EDGE,
		.ackings = BELOW_UNA | AT_NXT, BOTH,
		.why = WIDE_WINDOW, .how = any_ack },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_ACK, .positions = RIGHT_EDGE,
		.ackings = TOO_OLD | BEYOND_NXT, .kernel = true,
		.why = WIDE_WINDOW, .how = any_ack },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS, .positions = LEFT | BEYOND, .kernel = true,
		.why = "acknowledges every segment outside the window, a RST too",
		.does = { .answer = ACK_OF_NEXT, .state = FIN_WAIT_2 } },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS, .positions = INSIDE | RIGHT_EDGE, .kernel = true,
		.why = NO_CHECKS, .how = reset },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = SYNS, .positions = LEFT_EDGE | INSIDE, .kernel = true,
		.why = NO_CHECKS, .how = refused },
	{ .state = FIN_WAIT_2, .via = ORPHAN, .segments = IS_SYN_FIN, .positions = LEFT, .kernel = true,
		.why = NO_CHECKS, .does = { .answer = SILENCE, .state = FIN_WAIT_2 } },
	{ .old_stamp = true, .state = FIN_WAIT_2, .via = ORPHAN, .segments = ACKS | IS_FIN | SYNS, .kernel = true,
		.why = "counts no old timestamp here, though it acts on it", .how = told },
	{ .old_stamp = true, .state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS, .kernel = true,
		.why = "acknowledges every segment that is old, a RST too", .how = told },
	{ .old_stamp = true, .state = FIN_WAIT_2, .via = ORPHAN, .segments = RSTS, .xtcp = true,
		.why = "takes the RST for one of an earlier connection (RFC 1337 2)", .how = ignored_by_stamp },
	/* TIME-WAIT */
	{ .old_stamp = true, .state = TIME_WAIT, .segments = RSTS, BOTH,
		.why = "counts the old timestamp of a RST that is ignored anyway", .how = ignored_by_stamp },
	{ .state = TIME_WAIT, .segments = IS_ACK, .positions = LEFT_EDGE, BOTH,
		.why = "no retransmission of a FIN is without one, and an ACK of an ACK could go on for ever",
		.does = { .answer = SILENCE, .state = TIME_WAIT } },
	{ .state = TIME_WAIT, .segments = IS_FIN, .positions = LEFT_EDGE | INSIDE, BOTH,
		.why = "whatever has a number but the bare ACK due is told where the connection is",
		.does = { .answer = ACK_OF_NEXT, .state = TIME_WAIT } },
	{ .state = TIME_WAIT, .segments = RSTS, .positions = LEFT_EDGE, .kernel = true,
		.why = "its default, tcp_rfc1337 = 0, lets a RST end TIME-WAIT",
		.does = { .answer = SILENCE, .state = CLOSED } },
	{ .state = TIME_WAIT, .segments = IS_SYN | IS_SYN_FIN, .positions = LEFT_EDGE, BOTH,
		.why = "reopens from RCV.NXT + 1 on, one number later than it may", .how = challenged },
	{ .state = TIME_WAIT, .segments = IS_SYN_FIN, .positions = INSIDE | RIGHT_EDGE | BEYOND, .xtcp = true,
		.why = NOT_MEANT, .how = challenged },
	{ .state = TIME_WAIT, .segments = IS_SYN_FIN, .positions = INSIDE | RIGHT_EDGE | BEYOND, .kernel = true,
		.why = "ends TIME-WAIT for it, and then drops it as LISTEN does",
		.does = { .answer = SILENCE, .state = CLOSED } },
};

#define ENTRIES		(sizeof(list) / sizeof(*list))

static bool used[ENTRIES];

static bool in_set(int set, int bit)
{
	return !set || set & bit;
}

static bool is_for(const struct matrix_difference *d, const struct matrix_cell *c, enum wire_stack stack)
{
	return (stack == WIRE_KERNEL ? d->kernel : d->xtcp) && d->old_stamp == c->old_stamp &&
	       in_set(d->state, c->state) && in_set(d->via, c->via) &&
	       in_set(d->segments, c->segment) && in_set(d->positions, c->position) &&
	       in_set(d->ackings, c->acking);
}

/* Are two outcomes the same? Return: true but for where they come from. */
bool matrix_differs_same(const struct matrix_outcome *a, const struct matrix_outcome *b)
{
	return a->answer == b->answer && a->state == b->state && !a->err == !b->err &&
	       (!a->err || !strcmp(a->err, b->err)) && a->challenge == b->challenge &&
	       a->syn_again == b->syn_again && a->acked == b->acked && a->in_err == b->in_err &&
	       a->paws == b->paws && a->taken == b->taken;
}

/* What a stack does in a cell, by the first entry for it. @why: why, where the RFC says something else; or NULL. */
struct matrix_outcome matrix_differs_outcome(const struct matrix_cell *cell, enum wire_stack stack, const char **why)
{
	struct matrix_outcome due = matrix_rfc_outcome(cell), does;
	const struct matrix_difference *d;

	*why = NULL;
	for (size_t i = 0; i < ENTRIES; i++) {
		d = &list[i];
		if (!is_for(d, cell, stack))
			continue;
		does = d->how ? d->how(cell) : d->does;
		if (matrix_differs_same(&due, &does)) {
			if (d->how)
				continue;
			ksft_exit_fail_msg("state %#x, segment %#x, %#x, %#x: no difference by '%s'\n",
					   cell->state, cell->segment, cell->position,
					   cell->acking, d->why);
		}
		used[i] = true;
		*why = d->why;
		if (!does.rfc)
			does.rfc = due.rfc;
		return does;
	}
	return due;
}

/* No more cells: end the program if one of the entries has none. */
void matrix_differs_end(void)
{
	for (size_t i = 0; i < ENTRIES; i++)
		if (!used[i])
			ksft_exit_fail_msg("no cell differs by '%s'\n", list[i].why);
}
