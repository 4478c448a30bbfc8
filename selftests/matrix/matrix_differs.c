// SPDX-License-Identifier: GPL-2.0
/*
 * Where a stack departs from the decisions of matrix_rfc.c and matrix_sync.c. An entry
 * that changes nothing in a cell of its set, or has none, fails the program; one whose
 * outcome depends on the cell must change something in one of them.
 *
 * Here: the entries of the handshake's states; matrix_differs_sync.c has the others.
 */
#include <string.h>

#include "kselftest.h"
#include "matrix.h"

#define BAD_ACKS	(BELOW_UNA | AT_UNA | BEYOND_NXT)
#define OUTSIDE		(LEFT | RIGHT_EDGE | BEYOND)

#define BOTH		.kernel = true, .xtcp = true

/* Reasons that several entries have. */
#define ACK_FIRST \
	"RFC 9293 3.5.2, group 2: what acknowledges something that was not sent is reset, " \
	"wherever it is; an entry has no state that could be in doubt"
#define WIDE_WINDOW \
	"both edges count as inside: a peer that has filled the window acknowledges from its " \
	"right edge, and one that has sent a FIN too often from the left one"
#define TELLS_PEER \
	"a peer that has begun anew learns at once that this handshake is over"
#define ISS_WILL_DO \
	"takes an ACK that repeats its ISS for one that acknowledges the SYN"
#define RIGHT_EDGE_INSIDE \
	"counts the first number after the window as inside"

static const struct matrix_difference list[] = {
	/* LISTEN */
	{
		.state = LISTEN, .segments = IS_SYN_FIN, BOTH,
		.why = "nobody means a SYN with a FIN; firewalls take it for something else",
		.does = { .answer = SILENCE, .state = LISTEN },
	},
	/* SYN-SENT */
	{
		.state = SYN_SENT, .segments = IS_RST_ACK, .ackings = BAD_ACKS, .kernel = true,
		.why = "sends its SYN again at once, for the RST that it will not send",
		.does = { .answer = SILENCE, .state = SYN_SENT, .syn_again = true },
	},
	/* SYN-RECEIVED by way of LISTEN */
	{
		.state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_ACK | IS_FIN_ACK,
		.positions = OUTSIDE, .ackings = BAD_ACKS, BOTH, .why = ACK_FIRST,
		.does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED },
	},
	{
		.state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN_ACK,
		.ackings = BAD_ACKS, BOTH, .why = ACK_FIRST,
		.does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED },
	},
	{
		.state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_ACK,
		.positions = RIGHT_EDGE, .ackings = AT_NXT, BOTH, .why = WIDE_WINDOW,
		.does = { .answer = SILENCE, .state = ESTABLISHED },
	},
	{
		.state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_RST | IS_RST_ACK,
		.positions = RIGHT_EDGE, .kernel = true, .why = RIGHT_EDGE_INSIDE,
		.does = { .answer = ACK_OF_NEXT, .state = SYN_RECEIVED, .challenge = true },
	},
	{
		.state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN | IS_SYN_FIN,
		.positions = LEFT, BOTH,
		.why = "the peer repeats its SYN because the SYN-ACK was lost: an ACK would be "
		       "no help",
		.does = { .answer = SYN_ACK_AGAIN, .state = SYN_RECEIVED },
	},
	{
		.state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN | IS_SYN_FIN,
		.positions = LEFT_EDGE | INSIDE, BOTH, .why = TELLS_PEER,
		.does = { .answer = RESET_AND_ACK, .state = LISTEN },
	},
	{
		.state = SYN_RECEIVED, .via = PASSIVE, .segments = IS_SYN_ACK,
		.positions = LEFT_EDGE | INSIDE, .ackings = AT_NXT, BOTH, .why = TELLS_PEER,
		.does = { .answer = RESET_AT_ACK, .state = LISTEN },
	},
	/* SYN-RECEIVED by a simultaneous open */
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_ACK,
		.positions = LEFT_EDGE | INSIDE | RIGHT_EDGE, .ackings = AT_UNA, .kernel = true,
		.why = ISS_WILL_DO,
		.does = { .answer = SILENCE, .state = ESTABLISHED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK,
		.positions = LEFT | INSIDE | RIGHT_EDGE, .ackings = AT_UNA, .kernel = true,
		.why = ISS_WILL_DO,
		.does = { .answer = ACK_OF_NEXT, .state = ESTABLISHED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK,
		.positions = LEFT_EDGE, .ackings = AT_UNA, .kernel = true, .why = ISS_WILL_DO,
		.does = { .answer = ACK_OF_SEGMENT, .state = CLOSE_WAIT },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_ACK,
		.positions = RIGHT_EDGE, .ackings = AT_NXT, BOTH, .why = WIDE_WINDOW,
		.does = { .answer = SILENCE, .state = ESTABLISHED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_ACK,
		.positions = RIGHT_EDGE, .ackings = BAD_ACKS, BOTH, .why = WIDE_WINDOW,
		.does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK,
		.positions = LEFT | RIGHT_EDGE, .ackings = AT_NXT, BOTH, .why = WIDE_WINDOW,
		.does = { .answer = ACK_OF_NEXT, .state = ESTABLISHED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN_ACK,
		.positions = LEFT | RIGHT_EDGE, .ackings = BAD_ACKS, BOTH, .why = WIDE_WINDOW,
		.does = { .answer = RESET_AT_ACK, .state = SYN_RECEIVED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN,
		.positions = LEFT | RIGHT_EDGE, BOTH, .why = WIDE_WINDOW,
		.does = { .answer = SILENCE, .state = SYN_RECEIVED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_FIN,
		.positions = BEYOND, .kernel = true,
		.why = "drops what has none of ACK, SYN and RST before it looks at the window",
		.does = { .answer = SILENCE, .state = SYN_RECEIVED },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_RST | IS_RST_ACK,
		.positions = LEFT_EDGE, .kernel = true,
		.why = "says ECONNRESET for a connection that never was",
		.does = { .answer = SILENCE, .state = CLOSED, .err = "ECONNRESET" },
	},
	{
		.state = SYN_RECEIVED, .via = SIMULTANEOUS, .segments = IS_RST | IS_RST_ACK,
		.positions = RIGHT_EDGE, .kernel = true, .why = RIGHT_EDGE_INSIDE,
		.does = { .answer = ACK_OF_NEXT, .state = SYN_RECEIVED, .challenge = true },
	},
};

#define ENTRIES		(sizeof(list) / sizeof(*list))
#define ENTRIES_MAX	100

static bool used[ENTRIES_MAX];

static const struct matrix_difference *entry(size_t i)
{
	if (ENTRIES + matrix_differs_sync_entries > ENTRIES_MAX)
		ksft_exit_fail_msg("too many differences\n");
	if (i < ENTRIES)
		return &list[i];
	return i - ENTRIES < matrix_differs_sync_entries ? &matrix_differs_sync[i - ENTRIES] : NULL;
}

static bool in_set(int set, int bit)
{
	return !set || set & bit;
}

static bool is_for(const struct matrix_difference *d, const struct matrix_cell *c,
		   enum wire_stack stack)
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

/*
 * What a stack does in a cell. The first entry that is for the cell decides. @why: why, where that is not what the RFC
 * says; else NULL. Return: the outcome.
 */
struct matrix_outcome matrix_differs_outcome(const struct matrix_cell *cell, enum wire_stack stack,
					     const char **why)
{
	struct matrix_outcome due = matrix_rfc_outcome(cell), does;
	const struct matrix_difference *d;
	size_t i;

	*why = NULL;
	for (i = 0; (d = entry(i)); i++) {
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
	size_t i;

	for (i = 0; entry(i); i++)
		if (!used[i])
			ksft_exit_fail_msg("no cell differs by '%s'\n", entry(i)->why);
}
