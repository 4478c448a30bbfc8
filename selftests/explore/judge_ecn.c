// SPDX-License-Identifier: GPL-2.0
/*
 * The judge's rules for ECN (RFC 3168 section 6.1) and accurate ECN (RFC 9768). A receiver may drop text, or find it
 * unacceptable, without a word. So what it has to have counted is less than all that came.
 */
#include "judge.h"

#define ASKS_CLASSIC	3	/* CWR and ECE in a SYN */
#define ASKS_ACCURATE	7
#define AGREES_CLASSIC	1	/* ECE in a SYN-ACK */
#define CAME_NOT_ECT	2	/* RFC 9768 table 2: the SYN, or the SYN-ACK, came without ECT */
#define ACE_FIRST	5	/* section 3.2.1: the counter begins there */
#define ACE_MASK	7
#define OCTETS_MASK	0xffffff
#define ROUNDS		3	/* of ECE, before CWR is overdue: a round trip may be one of recovery */

enum mode { UNKNOWN, NO_ECN, CLASSIC, ACCURATE };

static enum mode mode_of(const struct judge *j)
{
	const struct judge_ecn *client = &j->side[CLIENT].ecn, *server = &j->side[SERVER].ecn;

	/* what arrived last decides, and only the ends know that */
	if (!client->has_syn || !server->has_syn || client->is_mixed || server->is_mixed)
		return UNKNOWN;
	if (!client->said || !server->said)
		return NO_ECN;
	return server->said == AGREES_CLASSIC ? CLASSIC : ACCURATE;
}

/* RFC 3168 section 6.1.1, RFC 9768 section 3.1. */
static void check_syn(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_ecn *ecn = &j->side[from].ecn;
	const struct judge_ecn *peer = &j->side[!from].ecn;

	ecn->is_mixed |= ecn->has_syn && ecn->said != seg->ace;
	ecn->has_syn = true;
	ecn->said = seg->ace;
	if (!(seg->flags & WIRE_ACK)) {
		if (seg->ace && seg->ace != ASKS_CLASSIC && seg->ace != ASKS_ACCURATE)
			judge_broken(j, from, "its SYN has the ECN flags %u", seg->ace);
		return;
	}
	if (!seg->ace || peer->is_mixed || (seg->ace == AGREES_CLASSIC && peer->said))
		return;
	if (peer->said != ASKS_ACCURATE || seg->ace != CAME_NOT_ECT)
		judge_broken(j, from, "its SYN-ACK answers the ECN flags %u by %u", peer->said, seg->ace);
}

/*
 * RFC 3168 sections 6.1.1, 6.1.4 to 6.1.6: only text that is sent for the first time is ECN-capable. With Prague text
 * that is sent again is so, too (RFC 9331 section 4.1), and with DCTCP all but SYNs (RFC 8257 section 3.6), as long as
 * there is no AccECN. ECT(1) is for Prague alone, in AccECN mode.
 */
static void check_ect(struct judge *j, enum side from, const struct wire_segment *seg, enum mode mode, bool is_again)
{
	const enum algorithm algorithm = j->algorithm[from];

	if (seg->ecn == NOT_ECT)
		return;
	if (seg->ecn == ECT_1 && (algorithm != PRAGUE || mode == CLASSIC))
		judge_broken(j, from, "ECT(1), and it is not Prague with AccECN");
	if (seg->flags & WIRE_SYN)
		judge_broken(j, from, "ECT on a segment with SYN");
	else if (algorithm == DCTCP && mode != NO_ECN && mode != ACCURATE)
		return;
	else if (algorithm == PRAGUE && seg->len && mode != NO_ECN && seg->ecn == ECT_1)
		return;
	else if (!seg->len || seg->flags & WIRE_RST)
		judge_broken(j, from, "ECT on a segment without text");
	else if (is_again)
		judge_broken(j, from, "ECT on text that it sends again");
	else if (mode == NO_ECN)
		judge_broken(j, from, "ECT without ECN");
}

/* RFC 3168 section 6.1.2: the window is reduced, and new text says so. */
static void check_cwr(struct judge *j, enum side from, const struct wire_segment *seg, bool is_again)
{
	struct judge_ecn *ecn = &j->side[from].ecn;

	ecn->is_answered |= j->side[from].misses;
	if (seg->flags & WIRE_CWR) {
		if (!seg->len || is_again)
			judge_broken(j, from, "CWR on a segment without new text");
		ecn->is_answered = true;
	} else if (seg->len && !is_again && ecn->hears_ece && !ecn->is_answered && ecn->rounds >= ROUNDS) {
		judge_broken(j, from, "no CWR after %u round trips of ECE", ecn->rounds);
	}
}

/* Has it taken the text that came with this mark? */
static bool is_taken(struct judge_mark *mark, uint32_t ack)
{
	const bool taken = mark->is_set && !seq_lt(ack, mark->end);

	if (taken)
		mark->is_set = false;
	return taken;
}

/* RFC 3168 section 6.1.3: ECE from CE until CWR. Behind the peer's FIN nobody misses it, as in Linux's TIME-WAIT. */
static void check_ece(struct judge *j, enum side from, const struct wire_segment *seg)
{
	const struct judge_side *peer = &j->side[!from];
	struct judge_ecn *ecn = &j->side[from].ecn;
	const bool says = seg->flags & WIRE_ECE, at_end = peer->has_fin && seq_lt(peer->fin, seg->ack);

	if (is_taken(&ecn->cwr, seg->ack))
		ecn->may_echo = false;
	if (is_taken(&ecn->ce, seg->ack))
		ecn->must_echo = true;
	if (says && !ecn->may_echo)
		judge_broken(j, from, "ECE, and no CE has come since CWR");
	else if (!says && ecn->must_echo && !at_end)
		judge_broken(j, from, "no ECE, and no CWR has come since CE");
}

/* @says counts modulo @mask + 1 what came. */
static bool is_count(uint32_t says, uint32_t least, uint32_t most, uint32_t mask)
{
	return most - least > mask || ((says - least) & mask) <= most - least;
}

/* RFC 9768 sections 3.2.2.1 and 3.2.2.2: the ACK of the SYN-ACK says how that came; all others count CE. */
static void check_ace(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];
	struct judge_ecn *ecn = &s->ecn;
	const bool is_third = from == CLIENT && !segment_len(seg) && !seg->sacks && seg->ack == j->side[!from].iss + 1;
	const bool is_first = !ecn->has_counted;

	ecn->has_counted = true;
	if (is_third && is_first && seg->ace != CAME_NOT_ECT)
		judge_broken(j, from, "the ACK of the SYN-ACK has the ACE field %u", seg->ace);
	if ((is_third && seg->ace == CAME_NOT_ECT) || s->waits)
		return;
	if (!is_count(seg->ace - ACE_FIRST, ecn->settled[0], ecn->most[0], ACE_MASK))
		judge_broken(j, from, "its ACE field is %u after %u to %u segments with CE", seg->ace, ecn->settled[0],
			     ecn->most[0]);
}

/* RFC 9768 section 3.2.3: the counters of octets, of which those of ECT begin at 1. */
static void check_option(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];

	for (int i = 0; i < seg->accecn_fields && !s->waits; i++) {
		const enum codepoint of = seg->accecn_of[i];
		const uint32_t says = of == CE ? seg->accecn_count[i] : seg->accecn_count[i] - 1;

		if (!is_count(says, s->ecn.settled[of], s->ecn.most[of], OCTETS_MASK))
			judge_broken(j, from, "it counts %u octets with codepoint %d, and %u to %u came", says, of,
				     s->ecn.settled[of], s->ecn.most[of]);
	}
}

void judge_ecn_leaves(struct judge *j, enum side from, const struct wire_segment *seg)
{
	const struct judge_side *s = &j->side[from];
	const bool is_again = s->has_left && !seq_lt(s->snd_nxt, seg->seq + segment_len(seg));
	enum mode mode;

	if (seg->flags & WIRE_SYN)
		check_syn(j, from, seg);
	mode = mode_of(j);
	check_ect(j, from, seg, mode, is_again);
	if (mode != ACCURATE && mode != UNKNOWN && seg->accecn_fields >= 0)
		judge_broken(j, from, "an AccECN option without AccECN");
	if (seg->flags & (WIRE_SYN | WIRE_RST) || !(seg->flags & WIRE_ACK))
		return;
	if (mode == NO_ECN && seg->ace)
		judge_broken(j, from, "the ECN flags %u without ECN", seg->ace);
	if (mode == CLASSIC && j->algorithm[from] == DCTCP) {
		if (seg->flags & WIRE_ECE && !s->ecn.had_ce)
			judge_broken(j, from, "ECE, and no CE has ever come");
	} else if (mode == CLASSIC && !s->waits) {
		check_cwr(j, from, seg, is_again);
		check_ece(j, from, seg);
	}
	if (mode == ACCURATE) {
		check_ace(j, from, seg);
		check_option(j, from, seg);
	}
}

/* A copy of text whose fate is not known: it may be this one that the ACK is for. */
static void forget_copied(const struct judge_side *s, struct judge_mark *mark, const struct wire_segment *seg)
{
	if (seq_lt(seg->seq, mark->end) && (!s->has_acked || seq_lt(s->acked, mark->end)))
		mark->is_set = false;
}

static void hear_classic(struct judge_side *s, const struct wire_segment *seg, bool is_sure)
{
	struct judge_ecn *ecn = &s->ecn;
	const struct judge_mark mark = { true, seg->seq + seg->len };

	if (seg->len) {
		forget_copied(s, &ecn->ce, seg);
		forget_copied(s, &ecn->cwr, seg);
	}
	if (seg->flags & WIRE_CWR) {
		ecn->must_echo = false;
		ecn->ce.is_set = false;
		if (is_sure)
			ecn->cwr = mark;
	}
	if (seg->ecn != CE)
		return;
	ecn->had_ce = true;
	ecn->may_echo = true;
	ecn->cwr.is_set = false;
	if (is_sure)
		ecn->ce = mark;
}

static void hear_ece(struct judge_side *s, const struct wire_segment *seg)
{
	struct judge_ecn *ecn = &s->ecn;

	if (!(seg->flags & WIRE_ECE)) {
		ecn->hears_ece = false;
	} else if (!ecn->hears_ece) {
		ecn->hears_ece = true;
		ecn->is_answered = false;
		ecn->rounds = 0;
		ecn->round_end = s->snd_nxt;
	} else if (!seq_lt(seg->ack, ecn->round_end) && seq_lt(ecn->round_end, s->snd_nxt)) {
		ecn->rounds++;
		ecn->round_end = s->snd_nxt;
	}
}

static void count(struct judge_ecn *ecn, const struct wire_segment *seg, bool is_sure)
{
	const uint32_t marked = seg->ecn == CE;

	ecn->most[0] += marked;
	ecn->most[seg->ecn] += seg->ecn ? seg->len : 0;
	if (!is_sure)
		return;
	ecn->least[0] += marked;
	ecn->least[seg->ecn] += seg->ecn ? seg->len : 0;
}

void judge_ecn_arrives(struct judge *j, enum side to, const struct wire_segment *seg, uint32_t next, bool is_old)
{
	struct judge_side *s = &j->side[to];
	/* until a listener's child is there, text may find no place in a queue */
	const bool has_begun = to == CLIENT ? s->syns_heard : s->has_acked && s->acked != j->side[!to].iss + 1;
	const bool is_sure = seg->len && has_begun && !is_old && !s->had_older;

	if (seg->flags & WIRE_SYN)
		return;
	if (mode_of(j) == CLASSIC) {
		hear_classic(s, seg, is_sure && seg->seq == next);
		if (seg->flags & WIRE_ACK && !is_old)
			hear_ece(s, seg);
	}
	count(&s->ecn, seg, is_sure);
}

void judge_ecn_settle(struct judge_ecn *ecn)
{
	for (int i = 0; i < JUDGE_ECN_COUNTERS; i++)
		ecn->settled[i] = ecn->least[i];
}
