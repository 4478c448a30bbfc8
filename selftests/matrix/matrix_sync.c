// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES in the synchronized states and TIME-WAIT (RFC 9293 3.10.7.4), with
 * what RFC 5961, 7323 and 1337 put in the place of its steps. Written from the text.
 */
#include "matrix.h"

static struct matrix_outcome outcome(enum matrix_answer answer, int state, const char *rfc)
{
	struct matrix_outcome o = { .answer = answer, .state = state, .rfc = rfc };

	return o;
}

static struct matrix_outcome challenge(const struct matrix_cell *c, const char *rfc)
{
	struct matrix_outcome o = outcome(ACK_OF_NEXT, c->state, rfc);

	o.challenge = true;
	return o;
}

/* fourth: check the SYN bit; and before it MAY-2 */
static struct matrix_outcome syn_arrives(const struct matrix_cell *c)
{
	if (c->state == TIME_WAIT && !(c->flags & WIRE_ACK) && c->seq > RCV_NXT - 1)
		return outcome(SYN_ACK_OF_SEGMENT, SYN_RECEIVED, "RFC 9293 3.6.1, MAY-2");
	return challenge(c, "RFC 5961 4.2");
}

/* second: check the RST bit; what the program is told is the socket layer's */
static struct matrix_outcome rst_arrives(const struct matrix_cell *c)
{
	struct matrix_outcome o;

	if (c->state == TIME_WAIT)
		return outcome(SILENCE, TIME_WAIT, "RFC 1337 3, (F1)");
	if (c->seq != RCV_NXT)
		return challenge(c, "RFC 5961 3.2");
	o = outcome(SILENCE, CLOSED, "RFC 9293 3.10.7.4, second");
	if (c->via != ORPHAN)
		o.err = c->state == CLOSE_WAIT ? "EPIPE" : "ECONNRESET";
	return o;
}

/* The state that step five leaves when SND.UNA moves. */
static int acked_state(int state)
{
	switch (state) {
	case FIN_WAIT_1:
		return FIN_WAIT_2;
	case CLOSING:
		return TIME_WAIT;
	case LAST_ACK:
		return CLOSED;
	}
	return state;
}

/* The state that step eight leaves. */
static int fin_state(int state)
{
	switch (state) {
	case ESTABLISHED:
		return CLOSE_WAIT;
	case FIN_WAIT_1:
		return CLOSING;
	case FIN_WAIT_2:
		return TIME_WAIT;
	}
	return state;
}

static bool receives(int state)
{
	return state & (ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2);
}

/* seventh: process the segment text; what is ahead of RCV.NXT waits (SHLD-31), and is answered */
static struct matrix_outcome text_arrives(const struct matrix_cell *c, struct matrix_outcome o)
{
	if (c->via == ORPHAN)
		return outcome(RESET_AT_ACK, CLOSED, "RFC 9293 3.6.1, SHLD-3");
	o.rfc = "RFC 9293 3.10.7.4, seventh";
	if (!receives(o.state))
		return o;
	if (c->seq > RCV_NXT) {
		o.answer = ACK_OF_NEXT;
		return o;
	}
	o.answer = ACK_OF_SEGMENT;
	o.taken = c->seq + c->len - RCV_NXT;
	return o;
}

/* eighth: check the FIN bit; one that is ahead of RCV.NXT is like text */
static struct matrix_outcome fin_arrives(const struct matrix_cell *c, struct matrix_outcome o)
{
	if (c->seq != RCV_NXT) {
		o.rfc = "RFC 9293 3.10.7.4, seventh";
		o.answer = receives(o.state) ? ACK_OF_NEXT : SILENCE;
		return o;
	}
	o.rfc = "RFC 9293 3.10.7.4, eighth";
	o.state = fin_state(o.state);
	o.answer = ACK_OF_SEGMENT;
	return o;
}

/* fifth to eighth, for a segment that is acceptable and has an ACK in its range */
static struct matrix_outcome ack_arrives(const struct matrix_cell *c)
{
	bool acked = c->una < c->ack;
	int state = acked ? acked_state(c->state) : c->state;
	struct matrix_outcome o = outcome(SILENCE, state, "RFC 9293 3.10.7.4, fifth");

	o.acked = acked;
	/* LAST-ACK: the TCB is deleted; CLOSING: "otherwise, ignore the segment" */
	if (!c->len || state & (CLOSED | CLOSING))
		return o;
	return c->flags & WIRE_FIN ? fin_arrives(c, o) : text_arrives(c, o);
}

/*
 * Steps two to eight, for a segment that is acceptable. @cell: state and segment; no SYN. Return: the answer and the
 * state afterwards.
 */
struct matrix_outcome matrix_sync_accepted(const struct matrix_cell *cell)
{
	const struct matrix_cell *c = cell;

	if (c->flags & WIRE_RST)
		return rst_arrives(c);
	/* fifth: check the ACK field */
	if (!(c->flags & WIRE_ACK))
		return outcome(SILENCE, c->state, "RFC 9293 3.10.7.4, fifth");
	/* "the only thing that can arrive is a retransmission of the remote FIN" */
	if (c->state == TIME_WAIT)
		return outcome(ACK_OF_NEXT, TIME_WAIT, "RFC 9293 3.10.7.4, fifth");
	if (c->ack < c->una - MAX_SND_WND || c->ack > SND_NXT)
		return challenge(c, "RFC 5961 5.2");
	return ack_arrives(c);
}

/* What is due when a segment arrives in a synchronized state. Return: the answer and the state afterwards. */
struct matrix_outcome matrix_sync_outcome(const struct matrix_cell *cell)
{
	struct matrix_outcome o;

	if (cell->old_stamp && !(cell->flags & WIRE_RST)) {
		o = outcome(ACK_OF_NEXT, cell->state, "RFC 7323 5.3, R1");
		o.paws = true;
		return o;
	}
	/* a SYN is challenged, or reopens, wherever it is */
	if (cell->flags & WIRE_SYN)
		return syn_arrives(cell);
	/* first: check sequence number */
	if (!matrix_rfc_acceptable(cell))
		return outcome(cell->flags & WIRE_RST ? SILENCE : ACK_OF_NEXT, cell->state,
			       "RFC 9293 3.10.7.4, first");
	return matrix_sync_accepted(cell);
}
