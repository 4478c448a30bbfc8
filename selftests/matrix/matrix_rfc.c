// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES (RFC 9293 3.10.7) as decisions: one function for each of the RFC's
 * sections, its tests in the RFC's order. Written from the text, not from a stack.
 * Here: up to SYN-RECEIVED; matrix_sync.c has the other states of 3.10.7.4.
 */
#include "matrix.h"

static struct matrix_outcome outcome(enum matrix_answer answer, int state, const char *rfc)
{
	struct matrix_outcome o = { .answer = answer, .state = state, .rfc = rfc };

	return o;
}

static struct matrix_outcome challenge(int state, const char *rfc)
{
	struct matrix_outcome o = outcome(ACK_OF_NEXT, state, rfc);

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
bool matrix_rfc_acceptable(const struct matrix_cell *cell)
{
	if (!cell->len)
		return in_window(cell->seq);
	return in_window(cell->seq) || in_window(cell->seq + cell->len - 1);
}

static struct matrix_outcome syn_received(const struct matrix_cell *c)
{
	bool passive = c->via == PASSIVE;

	/* line 6 of figure 7: the peer's SYN, which was taken already, now with its ACK */
	if (!passive && c->flags == (WIRE_SYN | WIRE_ACK) && c->seq == RCV_NXT - 1 &&
	    c->ack == SND_NXT)
		return outcome(ACK_OF_NEXT, ESTABLISHED, "RFC 9293 3.5, figure 7");

	/* a SYN that is challenged is so wherever it is */
	if (!passive && (c->flags & (WIRE_SYN | WIRE_RST)) == WIRE_SYN)
		return challenge(SYN_RECEIVED, "RFC 5961 4.2");

	/* first: check sequence number */
	if (!matrix_rfc_acceptable(c))
		return outcome(c->flags & WIRE_RST ? SILENCE : ACK_OF_NEXT, SYN_RECEIVED,
			       "RFC 9293 3.10.7.4, first");

	/* second: check the RST bit */
	if (c->flags & WIRE_RST && c->seq != RCV_NXT)
		return challenge(SYN_RECEIVED, "RFC 5961 3.2");
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
