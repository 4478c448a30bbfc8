// SPDX-License-Identifier: GPL-2.0
/*
 * A cell and what is due in it, written as a row of the raw-segment engine: the
 * script with the segment and its answer, the state afterwards, the counters.
 */
#include "kselftest.h"
#include "matrix.h"

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

/*
 * What was not answered says nothing of RCV.NXT and SND.NXT, so an unacceptable segment
 * asks for them.
 */
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
static char *reading(const struct matrix_cell *c, const struct matrix_spelling *s,
		     const struct matrix_outcome *o)
{
	bool closed = c->via == ORPHAN || c->state == TIME_WAIT;

	if (c->segment != IS_DATA || closed || o->state == CLOSED)
		return "";
	if (c->position & OVER)
		return text("; read EAGAIN; < P. N(%d) ack U; >@1000 . S ack N+%d; read %d", s->hole,
			    s->end, s->end);
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

static char *script(const struct matrix_cell *c, const struct matrix_spelling *s,
		    const struct matrix_outcome *o)
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

static char *handshake_counters(const struct matrix_cell *c, const struct matrix_outcome *o,
				enum wire_stack stack)
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
static char *sync_counters(const struct matrix_cell *c, const struct matrix_outcome *o,
			   enum wire_stack stack)
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

/*
 * What the engine is to do and to find in a cell. @s: the same as the script language has it. Return: script, state,
 * error and counters.
 */
struct wire_outcome matrix_row_outcome(const struct matrix_cell *cell, const struct matrix_spelling *s,
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
