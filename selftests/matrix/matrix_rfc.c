// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES (RFC 9293 3.10.7) as decisions: one function for each of the RFC's sections, its tests in the RFC's
 * order; for the synchronized states and TIME-WAIT (3.10.7.4) one for each step, with what RFC 5961, 7323 and 1337 put
 * in its place. Written from the text, not from a stack.
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

static struct matrix_outcome refused(const char *rfc)
{
	struct matrix_outcome o = outcome(SILENCE, CLOSED, rfc);

	o.err = "ECONNREFUSED";
	return o;
}

static struct matrix_outcome closed(const struct matrix_cell *c)
{
	const char *rfc = "RFC 9293 3.10.7.1";

	if (c->flags & WIRE_RST)
		return outcome(SILENCE, CLOSED, rfc);
	return outcome(c->flags & WIRE_ACK ? RESET_AT_ACK : RESET_AND_ACK, CLOSED, rfc);
}

static struct matrix_outcome listening(const struct matrix_cell *c)
{
	/* first: check for a RST */
	if (c->flags & WIRE_RST)
		return outcome(SILENCE, LISTEN, "RFC 9293 3.10.7.2, first");
	/* second: check for an ACK */
	if (c->flags & WIRE_ACK)
		return outcome(RESET_AT_ACK, LISTEN, "RFC 9293 3.10.7.2, second");
	/* third: check for a SYN */
	if (c->flags & WIRE_SYN)
		return outcome(SYN_ACK_OF_SEGMENT, SYN_RECEIVED, "RFC 9293 3.10.7.2, third");
	/* fourth: other data or control */
	return outcome(SILENCE, LISTEN, "RFC 9293 3.10.7.2, fourth");
}

static bool acks_something_new(const struct matrix_cell *c)
{
	return c->una < c->ack && c->ack <= SND_NXT;
}

static struct matrix_outcome syn_sent(const struct matrix_cell *c)
{
	struct matrix_outcome o;

	/* first: check the ACK bit; SND.UNA is ISS here */
	if (c->flags & WIRE_ACK && !acks_something_new(c)) {
		if (c->flags & WIRE_RST)
			return outcome(SILENCE, SYN_SENT, "RFC 9293 3.10.7.3, first");
		o = outcome(RESET_AT_ACK, SYN_SENT, "RFC 9293 3.10.7.3, first");
		/* figure 9, line 6: the RST has made room, so the SYN is tried again */
		o.syn_again = true;
		return o;
	}
	/* second: check the RST bit; it counts if it acknowledges our SYN (RFC 5961 3.2) */
	if (c->flags & WIRE_RST) {
		if (c->flags & WIRE_ACK)
			return refused("RFC 9293 3.10.7.3, second");
		return outcome(SILENCE, SYN_SENT, "RFC 9293 3.10.7.3, second");
	}
	/* fourth: check the SYN bit; a FIN waits for ESTABLISHED */
	if (c->flags & WIRE_SYN && c->flags & WIRE_ACK)
		return outcome(ACK_OF_SEGMENT, ESTABLISHED, "RFC 9293 3.10.7.3, fourth");
	if (c->flags & WIRE_SYN)
		return outcome(SYN_ACK_OF_SEGMENT, SYN_RECEIVED, "RFC 9293 3.10.7.3, fourth");
	/* fifth: neither SYN nor RST */
	return outcome(SILENCE, SYN_SENT, "RFC 9293 3.10.7.3, fifth");
}

static bool in_window(int number)
{
	return RCV_NXT <= number && number < RCV_NXT + RCV_WND;
}

/* Step one: table 6; RCV.WND is not zero. Return: true if the segment is acceptable. */
static bool acceptable(const struct matrix_cell *cell)
{
	if (!cell->len)
		return in_window(cell->seq);
	return in_window(cell->seq) || in_window(cell->seq + cell->len - 1);
}

static struct matrix_outcome syn_received(const struct matrix_cell *c)
{
	bool passive = c->via == PASSIVE;

	/* line 6 of figure 7: the peer's SYN, which was taken already, now with its ACK */
	if (!passive && c->flags == (WIRE_SYN | WIRE_ACK) && c->seq == RCV_NXT - 1 && c->ack == SND_NXT)
		return outcome(ACK_OF_NEXT, ESTABLISHED, "RFC 9293 3.5, figure 7");

	/* a SYN that is challenged is so wherever it is */
	if (!passive && (c->flags & (WIRE_SYN | WIRE_RST)) == WIRE_SYN)
		return challenge(c, "RFC 5961 4.2");

	/* first: check sequence number */
	if (!acceptable(c))
		return outcome(c->flags & WIRE_RST ? SILENCE : ACK_OF_NEXT, SYN_RECEIVED, "RFC 9293 3.10.7.4, first");

	/* second: check the RST bit */
	if (c->flags & WIRE_RST && c->seq != RCV_NXT)
		return challenge(c, "RFC 5961 3.2");
	if (c->flags & WIRE_RST && passive)
		return outcome(SILENCE, LISTEN, "RFC 9293 3.10.7.4, second");
	if (c->flags & WIRE_RST)
		return refused("RFC 9293 3.10.7.4, second");

	/* fourth: check the SYN bit, unless it was trimmed off at the left edge */
	if (c->flags & WIRE_SYN && c->seq >= RCV_NXT)
		return outcome(SILENCE, LISTEN, "RFC 9293 3.10.7.4, fourth");

	/*
	 * fifth: check the ACK field. RFC 5961 5 would have an ACK outside its range
	 * answered by an ACK; before synchronization 3.5.2, group 2, wants a reset.
	 */
	if (!(c->flags & WIRE_ACK))
		return outcome(SILENCE, SYN_RECEIVED, "RFC 9293 3.10.7.4, fifth");
	if (!acks_something_new(c))
		return outcome(RESET_AT_ACK, SYN_RECEIVED, "RFC 9293 3.10.7.4, fifth");

	/* eighth: check the FIN bit; one that comes early waits (SHLD-31), and is answered */
	if (c->flags & WIRE_FIN && c->seq == RCV_NXT)
		return outcome(ACK_OF_SEGMENT, CLOSE_WAIT, "RFC 9293 3.10.7.4, eighth");
	if (c->flags & WIRE_FIN)
		return outcome(ACK_OF_NEXT, ESTABLISHED, "RFC 9293 3.10.7.4, seventh");
	return outcome(SILENCE, ESTABLISHED, "RFC 9293 3.10.7.4, fifth");
}

/* The synchronized states and TIME-WAIT. */

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

/* Steps two to eight, for an acceptable segment without SYN. The answer and the state afterwards. */
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
	if (!acceptable(cell))
		return outcome(cell->flags & WIRE_RST ? SILENCE : ACK_OF_NEXT, cell->state, "RFC 9293 3.10.7.4, first");
	return matrix_sync_accepted(cell);
}

/* What is due when a segment arrives. Return: the answer and the state afterwards. */
struct matrix_outcome matrix_rfc_outcome(const struct matrix_cell *cell)
{
	switch (cell->state) {
	case CLOSED:
		return closed(cell);
	case LISTEN:
		return listening(cell);
	case SYN_SENT:
		return syn_sent(cell);
	case SYN_RECEIVED:
		return syn_received(cell);
	default:
		return matrix_sync_outcome(cell);
	}
}
