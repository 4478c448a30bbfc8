// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "ns.h"
#include "world.h"

#define MAX_RTO_US	120000000LL
#define SYN_RETRIES	6
#define SYNACK_RETRIES	5
#define SLACK_US	2000000LL	/* round trips; a timer may be late by an eighth */

/* The longest time without a packet that losses explain: some timeouts, each twice as long as the last. */
long long verdict_patience_us(const struct scenario *s)
{
	long long us = 8000000 + 3000LL * s->accept_ms + 1000LL * s->apart_ms;

	for (int side = 0; side < SIDES; side++) {
		const struct network *n = &s->towards[side];
		const struct program *p = &s->program[side];

		us += 3000LL * (n->silent_ms + scenario_cut_ms(s, side)) + 10LL * (n->delay_us + n->jitter_us);
		us += p->write_pause_us + p->read_pause_us;
		if (n->rate_bps)
			us += 20 * n->queue_octets * 8000000LL / n->rate_bps;
		if (n->loss_ppm + n->corrupt_ppm > 20000 || n->burst_ppm || n->lose || n->drops.n ||
		    s->host[side].queue_kbit)
			us += 60000000;
		if (n->mtu && !n->has_icmp)
			us += 100000000;
	}
	return us;
}

/* Does the RTO stay doubled when a repetition is acknowledged? */
static bool stays_doubled(const struct world *w, const struct judge_side *wire)
{
	return !w->s->timestamps || wire->backs_off;
}

/*
 * The longest time for which a connection has sent nothing since something was lost. The next one may be twice as long:
 * without timestamps a repetition that is acknowledged gives no round trip time, so the RTO stays doubled (RFC 6298
 * section 5, Karn's algorithm), and each lost repetition may cost a timeout. With timestamps the RTO also stays doubled
 * if the echo after three timeouts is of an earlier copy. Otherwise it is doubled as long as nothing is acknowledged.
 */
static long long longest_wait_us(const struct world *w)
{
	long long longest = 0, wait;

	for (int i = 0; i < w->lanes * SIDES; i++) {
		const struct judge_side *wire = &w->lane[i / SIDES].judge.side[i % SIDES];

		wait = stays_doubled(w, wire) ? wire->waited_us : wire->copies > 1 ? wire->interval_us : 0;
		if (wait > longest)
			longest = wait;
	}
	return longest;
}

/* Without memory a closed socket may be reset, and repetitions may come late, as in Linux. */
static bool is_scarce(const struct world *w)
{
	return w->s->mem_pages;
}

/*
 * May a sender need a timeout for each few segments? Without SACK it counts no duplicate ACK until all is acknowledged
 * that was in flight at the last timeout: it may answer a segment that was sent again needlessly (RFC 6582 section
 * 3.2). When memory is short, a receiver keeps no text out of order, so what follows a loss is lost, too.
 */
static bool may_need_timeouts(const struct world *w)
{
	return is_scarce(w) || !w->s->sack;
}

/* On one machine repetitions are not seen. As in Linux no read opens the window after SHUT_RD, but a probe does. */
static bool may_wait_unseen(const struct world *w)
{
	bool waits = may_need_timeouts(w);

	for (int i = 0; i < w->lanes * SIDES; i++)
		waits |= w->lane[i / SIDES].end[i % SIDES].has_shut_read;
	return w->s->local && waits;
}

long long verdict_silence_us(const struct world *w)
{
	const long long patience = verdict_patience_us(w->s);
	long long doubled = 2 * longest_wait_us(w);

	if (doubled > MAX_RTO_US || may_wait_unseen(w))
		doubled = MAX_RTO_US;
	doubled += doubled / 8 + SLACK_US;
	return doubled > patience ? doubled : patience;
}

/*
 * How long a side whose RTO stays doubled has waited for such timeouts, with text in flight. Waits below a second do
 * not count.
 */
long long verdict_waited_us(const struct world *w)
{
	long long longest = 0;

	for (int i = 0; i < w->lanes * SIDES && may_need_timeouts(w); i++) {
		const struct judge_side *wire = &w->lane[i / SIDES].judge.side[i % SIDES];

		if (stays_doubled(w, wire) && wire->waits_us > longest)
			longest = wire->waits_us;
	}
	return longest;
}

bool verdict_may_fail(const struct world *w)
{
	return (w->s->fail_ppm || w->s->fail_after) && faults_can();
}

/* Has a call told its program that memory is short? Then the program gives the connection up. */
static bool has_told(const struct end *end)
{
	return end->error == ENOBUFS || end->error == ENOMEM;
}

/* Kernel TCP does not send a FIN for which it had no memory, so the other side may stay in FIN-WAIT-2. */
static bool may_lack_fin(const struct world *w)
{
	return (w->has_failed || (w->s->fail_ppm && faults_can())) &&
	       (w->s->stack[CLIENT] != XTCP || w->s->stack[SERVER] != XTCP || w->s->host[CLIENT].repair_moves ||
		w->s->host[SERVER].repair_moves);
}

/* A failed allocation ends no connection, unless a call tells; it is like a lost segment (RFC 9293 section 3.8). */
static bool has_faults(const struct world *w)
{
	if (w->s->fail_ppm)
		return faults_can();
	if (may_lack_fin(w))
		return true;
	for (int i = 0; i < w->lanes * SIDES && w->has_failed; i++) {
		if (has_told(&w->lane[i / SIDES].end[i % SIDES]))
			return true;
	}
	return false;
}

/* The first breach of a rule on the wire. When allocations fail segments may be missing, and no rule counts. */
static void look_at_wire(struct world *w, const char *when)
{
	const struct judge *first = NULL;
	enum side by = CLIENT;
	int i, side;

	if (w->wrong[0] || verdict_may_fail(w))
		return;
	for (i = 0; i < w->lanes * SIDES; i++) {
		const struct judge *judge = &w->lane[i / SIDES].judge;

		side = i % SIDES;
		if (judge->broken[side][0] && (!first || judge->nth[side] < first->nth[by])) {
			first = judge;
			by = side;
		}
	}
	if (first)
		snprintf(w->wrong, sizeof(w->wrong), "wire: the %s%s: %s", side_name(by), when, first->broken[by]);
}

/* What is wrong on the wire comes first: what programs and counters say later may follow from it. */
void verdict_wrong(struct world *w, const char *format, ...)
{
	va_list args;

	look_at_wire(w, "");
	if (w->wrong[0])
		return;
	va_start(args, format);
	vsnprintf(w->wrong, sizeof(w->wrong), format, args);
	va_end(args);
}

static bool is_open(const struct world *w, const struct end *end)
{
	return end->was_open && !(w->s->opens_both && end->is_connecting);
}

/* connect() fails without a route. As in Linux, a half-open connection ends if its SYN-ACK finds none. */
static bool may_be_refused(const struct world *w, const struct lane *lane)
{
	return (scenario_cut_ms(w->s, CLIENT) || scenario_cut_ms(w->s, SERVER)) &&
	       (!is_open(w, &lane->end[SERVER]) || !is_open(w, &lane->end[CLIENT]));
}

/* connect() also fails if nothing answers any of its SYNs (net.ipv4.tcp_syn_retries; RFC 9293 section 3.8.3). */
static bool may_be_unheard(const struct lane *lane)
{
	const struct judge_side *wire = &lane->judge.side[CLIENT];

	return wire->syns_left > SYN_RETRIES && !wire->heard && lane->end[CLIENT].error == ETIMEDOUT;
}

/* When would it have repeated next? xtcp counts from the first unacknowledged text, kernel TCP from recovery. */
static bool is_next_too_late(const struct judge_side *wire, enum stack stack)
{
	const struct judge_repeats *r = &wire->repeats;
	const long long rto = r->gap_us < MAX_RTO_US / 2 ? 2 * r->gap_us : MAX_RTO_US;

	if (!r->has_begun || !seq_lt(wire->una, wire->snd_nxt) || r->una != wire->una)
		return false;
	return r->last_us + rto + SLACK_US - (stack == KERNEL ? r->first_us : r->una_first_us) > JUDGE_ORPHAN_US;
}

/*
 * As in Linux, a closed socket whose text is not acknowledged gives up after a time that does not depend on its RTO
 * (tcp_orphan_retries), even if the peer sends something, such as keep-alives. Each repetition comes after twice the
 * time, so of a silent peer the last one was sent in the second half of it.
 */
static bool may_have_given_up(const struct lane *lane, enum side side)
{
	const struct judge_side *wire = &lane->judge.side[side];
	const struct end *end = &lane->end[side];

	if (!end->is_done || end->error)
		return false;
	return wire->left_us - wire->heard_us > JUDGE_ORPHAN_US / 2 || is_next_too_late(wire, end->stack);
}

/* Has the server's half-open connection gone? As in Linux: no way for its SYN-ACK, or no ACK (synack_retries). */
static bool may_have_gone(const struct world *w, const struct lane *lane)
{
	const struct judge_side *wire = &lane->judge.side[SERVER];

	return !lane->end[SERVER].was_open &&
	       (scenario_cut_ms(w->s, SERVER) || (wire->syns_left > SYNACK_RETRIES && !wire->heard_ack));
}

/* With the third ACK lost, too, a silent client without keep-alives waits for ever (RFC 9293 section 3.5.1). */
static bool may_wait_for_ever(const struct world *w, const struct lane *lane)
{
	const struct judge_side *wire = &lane->judge.side[CLIENT];

	return may_have_gone(w, lane) && !lane->end[CLIENT].is_done && wire->heard_ack && wire->una == wire->iss + 1 &&
	       wire->snd_nxt == wire->una && !w->s->program[CLIENT].keepalive_s;
}

/* The most that the peer may read: a write that waits says so at its end, and text on a SYN may arrive all the same. */
static long long most_written(const struct end *end)
{
	return end->program->blocks && end->program->fastopen && !end->written ? end->program->total : end->written;
}

static void look_at_octets(struct world *w, const struct lane *lane, enum side side)
{
	const struct end *end = &lane->end[side], *peer = &lane->end[!side];
	const long long total = w->s->program[!side].total;
	const bool orderly = scenario_is_orderly(w->s) && !has_faults(w) && !is_scarce(w) && !may_be_refused(w, lane) &&
			     !may_be_unheard(lane) && !may_have_given_up(lane, !side);

	if (end->wrong[0])
		verdict_wrong(w, "octets: the %s: %s", side_name(side), end->wrong);
	else if (end->read > most_written(peer))
		verdict_wrong(w, "octets: the %s read more than was written", side_name(side));
	else if (orderly && end->error && w->has_failed)
		verdict_wrong(w, "octets: one allocation failed, and the %s got %s", side_name(side),
			      strerror(end->error));
	else if (orderly && end->error)
		verdict_wrong(w, "octets: the %s got %s", side_name(side), strerror(end->error));
	else if (orderly && !w->is_late && end->read != total)
		verdict_wrong(w, "octets: the %s read %lld of %lld before the end", side_name(side), end->read, total);
}

/* Can the peer of the end that closes expect all octets? */
static bool is_promised(const struct world *w, const struct lane *lane, enum side side)
{
	const enum ending ending = w->s->program[side].ending;
	const struct end *end = &lane->end[side];

	if (end->stack != XTCP || w->s->program[CLIENT].user_timeout_ms || w->s->program[SERVER].user_timeout_ms ||
	    w->s->unlisten_ms || w->s->host[CLIENT].ends_ms || w->s->host[SERVER].ends_ms)
		return false;
	return (ending == CLOSED || ending == KILLED) && w->s->program[!side].ending == ORDERLY && !has_faults(w) &&
	       !is_scarce(w) && !may_be_refused(w, lane);
}

/* A reset leaves once. Where the link was down nobody saw whether it left. */
static bool may_have_reset(const struct world *w, const struct lane *lane, enum side side)
{
	const struct judge_side *wire = &lane->judge.side[side];

	return wire->has_sent_reset || (scenario_cut_ms(w->s, side) && wire->has_heard_text);
}

/* After SHUT_RDWR the socket refuses text that arrives, and says ECONNRESET (RFC 9293 section 3.6.1, SHLD-3). */
static bool has_refused(const struct end *end)
{
	return end->has_shut && end->has_shut_read && end->error == ECONNRESET;
}

/* Octets written before close() arrive; an end that wrote nothing sees no reset. */
static void look_at_close(struct world *w, const struct lane *lane, enum side side)
{
	const struct end *end = &lane->end[side], *peer = &lane->end[!side];

	if (!is_promised(w, lane, side))
		return;
	if (has_refused(peer))
		return;
	if (peer->error && !(w->s->local ? peer->written : lane->judge.side[side].has_heard_text))
		verdict_wrong(w, "close: the %s got %s, and had sent nothing", side_name(!side), strerror(peer->error));
	else if (!peer->error && peer->is_done && peer->read != end->written)
		verdict_wrong(w, "close: the %s reached its end with %lld of %lld octets", side_name(!side), peer->read,
			      end->written);
	else if (!w->s->local && !peer->is_done && end->is_done && !may_have_reset(w, lane, side) &&
		 !may_have_given_up(lane, side))
		verdict_wrong(w, "close: the %s has no end, and read %lld of %lld", side_name(!side), peer->read,
			      end->written);
}

/*
 * Does an end wait for what will not come? Without memory its peer may have been reset, unseen on one machine, and the
 * RST refused or lost.
 */
static bool may_stand(const struct world *w, const struct lane *lane)
{
	const struct judge_side *wire = lane->judge.side;

	return may_have_given_up(lane, CLIENT) || may_have_given_up(lane, SERVER) || may_wait_for_ever(w, lane) ||
	       (is_scarce(w) && (w->s->local || wire[CLIENT].has_sent_reset || wire[SERVER].has_sent_reset));
}

static bool goes_on(const struct lane *lane)
{
	const struct end *end = lane->end;

	return !end[CLIENT].is_done || (end[SERVER].was_open && !end[SERVER].is_done);
}

static void look_at_progress(struct world *w)
{
	const struct lane *lane = w->lane;
	bool may_be_quiet = is_scarce(w), may_be_late = true;

	if (!scenario_is_orderly(w->s) || has_faults(w))
		return;
	for (int i = 0; i < w->lanes; i++) {
		may_be_quiet |= may_stand(w, &lane[i]);
		may_be_late &= may_stand(w, &lane[i]) || !goes_on(&lane[i]);
	}
	if (w->is_late && !w->is_only_slow && !may_be_late)
		verdict_wrong(w, "progress: no end after %lld s: %lld of %lld and %lld of %lld octets",
			      (path_now_us() - w->path.began_us) / 1000000, lane->end[SERVER].read,
			      w->s->program[CLIENT].total, lane->end[CLIENT].read, w->s->program[SERVER].total);
	if (w->quiet_us && !may_be_quiet)
		verdict_wrong(w, "progress: nothing was sent for %lld ms", w->quiet_us / 1000);
}

void verdict_give(struct world *w)
{
	for (int i = 0; i < w->lanes * SIDES; i++)
		look_at_octets(w, &w->lane[i / SIDES], i % SIDES);
	look_at_wire(w, "");
	for (int i = 0; i < w->lanes * SIDES; i++)
		look_at_close(w, &w->lane[i / SIDES], i % SIDES);
	look_at_progress(w);
}

/* In a table of connections: "N: local:port remote:port ST ..." */
static int state_in(const char *table, unsigned int port)
{
	unsigned int local, remote, state;

	for (const char *line = strchr(table, '\n'); line; line = strchr(line + 1, '\n')) {
		if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x", &local, &remote, &state) == 3 &&
		    (local == port || remote == port) && state != 6)
			return state;
	}
	return 0;
}

int verdict_state(const struct world *w, enum side side)
{
	char *table;
	int state;

	if (w->s->stack[side] != XTCP || w->has_ended[side])
		return 0;
	table = ns_read_file(w->path.ns[side], w->s->v6 ? "/proc/net/xtcp6" : "/proc/net/xtcp");
	state = table ? state_in(table, w->port) : 0;
	free(table);
	return state;
}

void verdict_after(struct world *w)
{
	const bool orderly = scenario_is_orderly(w->s) && !w->is_late && !(w->has_failed && has_faults(w)) &&
			     !may_lack_fin(w);
	int side, state;

	look_at_wire(w, ", after the end");
	for (side = 0; side < SIDES && orderly; side++) {
		state = verdict_state(w, side);
		if (state)
			verdict_wrong(w, "end: the %s still has a connection in state %d", side_name(side), state);
	}
}
