// SPDX-License-Identifier: GPL-2.0
#include "judge.h"
#include <stdarg.h>
#include <string.h>

#define MAX_RTO_US	100000000LL
#define LONG_WAIT_US	1000000LL

void judge_begin(struct judge *j, uint64_t seed)
{
	memset(j, 0, sizeof(*j));
	j->tint[CLIENT] = seed;
	j->tint[SERVER] = seed * 3 + 101;
}

void judge_broken(struct judge *j, enum side by, const char *format, ...)
{
	static unsigned int breaches;
	va_list args;

	if (j->broken[by][0] || j->is_kernel[by])
		return;
	j->nth[by] = ++breaches;
	va_start(args, format);
	vsnprintf(j->broken[by], sizeof(j->broken[by]), format, args);
	va_end(args);
}

void judge_unreadable(struct judge *j, enum side by, const char *why)
{
	judge_broken(j, by, "%s", why);
}

/* Has all of [@from, @to) arrived at @s? */
static bool has_arrived(const struct judge_side *s, uint32_t from, uint32_t to)
{
	for (int i = 0; i < s->nr_ranges; i++) {
		if (!seq_lt(from, s->ranges[i].from) && !seq_lt(s->ranges[i].to, to))
			return true;
	}
	return false;
}

void judge_takes(struct judge_side *s, uint32_t from, uint32_t to)
{
	int first = 0, last;

	while (first < s->nr_ranges && seq_lt(s->ranges[first].to, from))
		first++;
	for (last = first; last < s->nr_ranges && !seq_lt(to, s->ranges[last].from); last++) {
		if (seq_lt(s->ranges[last].from, from))
			from = s->ranges[last].from;
		if (seq_lt(to, s->ranges[last].to))
			to = s->ranges[last].to;
	}
	if (last == first && s->nr_ranges == JUDGE_RANGES)
		return;
	memmove(&s->ranges[first + 1], &s->ranges[last], (s->nr_ranges - last) * sizeof(s->ranges[0]));
	s->nr_ranges += 1 - (last - first);
	s->ranges[first] = (struct judge_range){ from, to };
}

/* RCV.NXT as it has to be, if the side has taken all that arrived. */
static uint32_t next_in_order(const struct judge_side *s)
{
	return s->nr_ranges ? s->ranges[0].to : 0;
}

/* RFC 9293 section 3.10.7.4, "ACK": an ACK says what arrived, and never less than before. */
static void check_ack(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];

	if (!(seg->flags & WIRE_ACK) || (seg->flags & WIRE_RST))
		return;
	if (!s->nr_ranges || seq_lt(next_in_order(s), seg->ack)) {
		judge_broken(j, from, "it acknowledges %u octets that have not arrived", seg->ack - next_in_order(s));
		return;
	}
	if (s->has_acked && seq_lt(seg->ack, s->acked))
		judge_broken(j, from, "its ACK goes back by %u", s->acked - seg->ack);
	if (!s->has_acked || seq_lt(s->acked, seg->ack))
		s->acked = seg->ack;
	s->has_acked = true;
}

/* RFC 2018 section 4, RFC 2883: blocks are of what arrived; the first one may be of what came twice. */
static void check_sacks(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];

	if (seg->sacks && !(s->sack_ok && j->side[!from].sack_ok)) {
		judge_broken(j, from, "SACK blocks that were not agreed on");
		return;
	}
	for (unsigned int i = 0; i < seg->sacks; i++) {
		if (!seq_lt(seg->sack[i][0], seg->sack[i][1]))
			judge_broken(j, from, "SACK block %d is empty", i);
		else if (!has_arrived(s, seg->sack[i][0], seg->sack[i][1]))
			judge_broken(j, from, "SACK block %d tells of octets that have not arrived", i);
		else if (i && seq_lt(seg->sack[i][0], seg->ack))
			judge_broken(j, from, "SACK block %d lies below the ACK", i);
	}
}

/*
 * RFC 9293 section 3.8.6: the right edge does not move left, but for what the scale rounds off. A SYN-ACK that is sent
 * again repeats the window of the first one. It takes back nothing that an ACK between them has offered: its sequence
 * number is older, and SND.WL1 of a peer that knows that ACK is newer (section 3.10.7.4).
 */
static void check_window(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];
	const bool scaled = !(seg->flags & WIRE_SYN) && s->scale >= 0 && j->side[!from].scale >= 0;
	const uint32_t edge = seg->ack + ((uint32_t)seg->win << (scaled ? s->scale : 0));
	const uint32_t before = seg->flags & WIRE_SYN ? s->syn_edge : s->edge;

	if (!(seg->flags & WIRE_ACK) || (seg->flags & WIRE_RST))
		return;
	if (before && seq_lt(edge + (scaled ? 1U << s->scale : 0), before))
		judge_broken(j, from, "it takes %u octets of its window back", before - edge);
	if (seg->flags & WIRE_SYN && (!s->syn_edge || seq_lt(s->syn_edge, edge)))
		s->syn_edge = edge;
	if (!s->edge || seq_lt(s->edge, edge))
		s->edge = edge;
}

/* RFC 7323 sections 3.2, 4.3, 5.4: in all segments or none; TSval never goes back; TSecr is what came. */
static void check_timestamps(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];
	const bool agreed = s->has_ts && j->side[!from].has_ts;

	if (seg->flags & (WIRE_RST | WIRE_SYN))
		return;
	if (agreed != seg->ts) {
		judge_broken(j, from, agreed ? "a segment without timestamps" : "timestamps that were not agreed on");
		return;
	}
	if (!agreed)
		return;
	if (s->has_tsval && seq_lt(seg->tsval, s->tsval))
		judge_broken(j, from, "its TSval goes back by %u", s->tsval - seg->tsval);
	s->has_tsval = true;
	s->tsval = seg->tsval;
	s->is_restored &= !seg->tsecr || s->waits;
	if (s->is_restored)
		return;
	if (s->heard_ts && (seq_lt(seg->tsecr, s->ts_first) || seq_lt(s->ts_last, seg->tsecr)))
		judge_broken(j, from, "its TSecr %u did not arrive (%u to %u did)", seg->tsecr, s->ts_first,
			     s->ts_last);
}

/* RFC 9293 section 3.1: it names the octet behind an urgent one, or is as large as can be, as in Linux. */
static void check_urgent(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];
	const uint32_t offset = seg->seq + seg->urg - 1 - (s->iss + 1);

	if (!(seg->flags & WIRE_URG))
		return;
	for (int i = 0; i < *s->nr_urgent; i++) {
		if (s->urgent[i] == offset || (seg->urg == JUDGE_FAR_POINTER && s->urgent[i] > offset))
			return;
	}
	judge_broken(j, from, "its urgent pointer names octet %u, which is not urgent", offset);
}

/* Text and FIN: what was written, within the window, and not what the peer is known to have. */
static void check_text(struct judge *j, enum side from, const struct wire_segment *seg)
{
	struct judge_side *s = &j->side[from];
	const uint32_t end = seg->seq + segment_len(seg);
	const uint32_t offset = seg->seq + !!(seg->flags & WIRE_SYN) - s->iss - 1;	/* of its text */

	for (uint32_t i = 0; i < seg->len; i++) {
		if (seg->data[i] != judge_octet(j->tint[from], offset + i)) {
			judge_broken(j, from, "octet %u of its stream is another one", offset + i);
			break;
		}
	}
	/* a RST that answers a segment without ACK begins at 0 (RFC 9293 section 3.10.7.1) */
	if (s->has_fin && seq_lt(s->fin + 1, end) && !(seg->flags & WIRE_RST))
		judge_broken(j, from, "text beyond its FIN");
	if (seg->flags & WIRE_FIN) {
		if (s->has_fin && s->fin != end - 1)
			judge_broken(j, from, "its FIN moves");
		s->has_fin = true;
		s->fin = end - 1;
	}
	if (!segment_len(seg) || (seg->flags & WIRE_SYN))
		return;
	/* a probe of a closed window is an octet beyond it, or one before SND.UNA (RFC 9293 section 3.8.6.1) */
	if (s->heard_ack && seq_lt(s->heard_edge + 1, end))
		judge_broken(j, from, "%u octets beyond the window that it was offered", end - s->heard_edge);
	if (s->is_settled && !s->waits && seg->len > 1 && !seq_lt(s->settled_una, end))
		judge_broken(j, from, "it sends again what was acknowledged, %u octets below SND.UNA",
			     s->settled_una - seg->seq);
}

/*
 * RFC 6298 section 5.5: as long as nothing comes back, each timeout takes twice the time of the one
 * before, up to a maximum. The first copy may be a tail loss probe. While the link was down, copies may have left that
 * nobody saw. Text that a router found too long is sent again at once, in shorter segments: that is no timeout (RFC
 * 1191 section 6.4, RFC 8201 section 5.4). A timeout that finds the path too narrow may send less, too: it is the
 * first copy after the router's word that counts.
 */
static void check_backoff(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[from];
	const bool told = s->was_too_long;
	long long interval = now_us - s->copied_us;

	if (!segment_len(seg) || (seg->flags & WIRE_RST) || seg->seq != (s->heard_ack ? s->una : s->iss))
		return;
	s->was_too_long = false;
	/* a shorter one, because the path was too narrow, may come at once or by the timer */
	if (!s->copies || s->copy_seq != seg->seq || s->copy_heard != s->heard || (told && seg->len < s->copy_len)) {
		s->copies = 0;
	} else if (s->copies > 2 && interval < MAX_RTO_US && interval < s->interval_us + s->interval_us / 2) {
		judge_broken(j, from, "copy %d comes %lld ms after the last one, which came after %lld ms", s->copies,
			     interval / 1000, s->interval_us / 1000);
	}
	s->copies++;
	s->backs_off |= s->copies > 3;
	s->copy_seq = seg->seq;
	s->copy_heard = s->heard;
	s->copy_len = seg->len;
	s->copied_us = now_us;
	s->interval_us = interval;
}

void judge_lost_route(struct judge *j, enum side side)
{
	j->side[side].copies = 0;
}

void judge_restored(struct judge *j, enum side side, bool is_kernel)
{
	struct judge_side *s = &j->side[side];

	j->is_kernel[side] = is_kernel;
	s->is_restored = true;
	s->copies = 0;
	s->probes.n = 0;
	s->forged.has_answered = false;
	s->repeats.has_begun = false;
	s->nr_ranges = s->nr_ranges ? 1 : 0;
}

/* RFC 9293 section 3.3.1: a connection is known by both addresses. Where its packets leave, the route says. */
void judge_way(struct judge *j, enum side from, bool by_route, const uint8_t *ip)
{
	const bool v6 = ip[0] >> 4 == 6;
	const uint8_t *addrs = ip + (v6 ? 8 : 12);
	const size_t len = v6 ? 32 : 8;
	struct judge_side *s = &j->side[from];

	if (!by_route && !s->waits)
		judge_broken(j, from, "it leaves by a device that its route has left");
	if (s->has_addrs && memcmp(s->addrs, addrs, len))
		judge_broken(j, from, "it leaves from or for another address");
	memcpy(s->addrs, addrs, len);
	s->has_addrs = true;
}

void judge_too_long(struct judge *j, enum side side)
{
	j->side[side].was_too_long = true;
}

/* Something leaves: how long had nothing left, with octets that were not acknowledged? */
static void note_wait(struct judge_side *s, long long now_us)
{
	const long long wait = now_us - s->left_us;

	if (!s->heard_ack || !seq_lt(s->una, s->snd_nxt))
		return;
	if (wait > s->waited_us)
		s->waited_us = wait;
	if (wait > LONG_WAIT_US)
		s->waits_us += wait;
}

void judge_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[from];
	uint32_t end = seg->seq + segment_len(seg);
	/* a SYN that comes late, behind the RST that ended its connection, begins another one */
	const bool begins_anew = seg->flags & WIRE_SYN && s->ended_by_reset;
	bool is_answer;

	note_wait(s, now_us);
	s->left++;
	s->left_us = now_us;
	s->syns_left += seg->flags & WIRE_SYN && !begins_anew;
	if (seg->flags & WIRE_SYN) {
		s->ended_by_reset = false;
		if (s->has_syn && seg->seq != s->iss) {
			/* a half-open connection ends if its SYN-ACK finds no way, or with Fast Open by a RST */
			const bool may = s->misses || (j->fastopen && s->has_ended);

			if (!may || j->side[!from].nr_ranges) {
				judge_broken(j, from, "its SYN has another sequence number");
				return;
			}
			s->has_left = false;
		}
		s->has_syn = true;
		s->iss = seg->seq;
		s->scale = seg->ws;
		s->has_ts = seg->ts;
		s->sack_ok = seg->sackok;
	}
	if (!s->has_syn)
		return;
	if (seg->flags & WIRE_RST) {
		s->is_reset = true;
		s->has_sent_reset = true;
		s->has_ended = true;
		/* one without ACK may answer a stray ACK, and the half-open connection stays */
		s->ended_by_reset |= seg->flags & WIRE_ACK && seg->seq == s->snd_nxt;
	}
	judge_fastopen_leaves(j, from, seg);
	is_answer = judge_crossing_leaves(j, from, seg, now_us);
	check_ack(j, from, seg);
	check_sacks(j, from, seg);
	check_window(j, from, seg);
	check_timestamps(j, from, seg);
	check_urgent(j, from, seg);
	check_text(j, from, seg);
	if (is_answer)
		s->copies = 0;
	check_backoff(j, from, seg, now_us);
	judge_ecn_leaves(j, from, seg);
	judge_probe_leaves(j, from, seg, now_us);
	judge_forged_leaves(j, from, seg, now_us);
	judge_rto_leaves(j, from, seg, now_us);
	if (segment_len(seg) && s->has_left && !seq_lt(s->snd_nxt, end) && !is_answer && !begins_anew)
		s->resent++;
	if (!s->has_left || seq_lt(s->snd_nxt, end))
		s->snd_nxt = end;
	s->has_left = true;
}

/* RFC 9293 section 3.10.7.4, first: does all of it lie left of RCV.NXT? */
static bool is_known(const struct judge_side *s, const struct wire_segment *seg)
{
	const uint32_t next = next_in_order(s), len = segment_len(seg);

	return s->nr_ranges && (len ? !seq_lt(next, seg->seq + len) : seq_lt(seg->seq, next));
}

/*
 * May the receiver drop the segment? A segment at or left of RCV.NXT may move TS.Recent. A segment with an older
 * timestamp may then be dropped (RFC 7323 section 5.3). So may a segment whose ACK is older than SND.UNA by more than
 * MAX.SND.WND (RFC 5961 section 5.2).
 */
static bool note_age(struct judge_side *s, const struct wire_segment *seg)
{
	bool is_older = seg->flags & WIRE_ACK && s->heard_ack && seq_lt(seg->ack, s->una_most - s->first_wnd);

	if (seg->ts) {
		if (s->has_ts_recent && seq_lt(seg->tsval, s->ts_recent)) {
			is_older = true;
		} else if (!s->nr_ranges || !seq_lt(next_in_order(s), seg->seq)) {
			s->ts_recent = seg->tsval;
			s->has_ts_recent = true;
		}
	}
	s->had_older |= is_older && segment_len(seg);
	return is_older;
}

/* A segment may overtake an urgent octet right before it, also if that came before in a segment that was dropped. */
static void note_urgent(struct judge_side *s, const struct judge_side *peer, const struct wire_segment *seg,
			bool is_older)
{
	uint32_t seq;

	for (int i = 0; i < *peer->nr_urgent; i++) {
		seq = peer->iss + 1 + peer->urgent[i];
		if (!seq_lt(seq, seg->seq))
			s->took_urgent[i] |= !is_older && s->nr_ranges && seq - seg->seq < seg->len;
		else if (seg->seq - seq <= seg->header && !s->took_urgent[i])
			s->overtook[*(seg->data - (seg->seq - seq))] = true;
	}
}

void judge_arrives(struct judge *j, enum side to, const struct wire_segment *seg, long long now_us)
{
	struct judge_side *s = &j->side[to], *peer = &j->side[!to];
	const bool scaled = !(seg->flags & WIRE_SYN) && s->scale >= 0 && peer->scale >= 0;
	const uint32_t edge = seg->ack + ((uint32_t)seg->win << (scaled ? peer->scale : 0));
	bool is_old, is_older;

	s->heard++;
	s->heard_us = now_us;
	judge_forged_arrives(s, seg, now_us);
	judge_crossing_arrives(s, seg, now_us);
	/* one that an ACK has overtaken finds the connection open, and is a segment of it */
	s->syns_heard += seg->flags & WIRE_SYN && !s->heard_ack;
	if (seg->flags & WIRE_RST) {
		s->is_reset = true;
		s->heard_reset = true;
		/* one with another number gets a challenge ACK (RFC 5961 section 3.2) */
		s->ended_by_reset |= s->nr_ranges && seg->seq == next_in_order(s);
		return;
	}
	is_old = is_known(s, seg);
	is_older = note_age(s, seg);
	judge_ecn_arrives(j, to, seg, next_in_order(s), is_old);
	judge_fastopen_arrives(s, seg);
	if (seg->flags & WIRE_SYN)
		judge_takes(s, seg->seq, seg->seq + 1);
	else if (segment_len(seg) && s->nr_ranges)	/* in SYN-SENT it is dropped (RFC 9293 section 3.10.7.3) */
		judge_takes(s, seg->seq, seg->seq + segment_len(seg));
	s->heard_end |= peer->has_fin && next_in_order(s) == peer->fin + 1;
	/* a FIN beyond a hole says that there is text */
	s->has_heard_text |= seg->len ||
			     (seg->flags & WIRE_FIN && s->nr_ranges && seq_lt(next_in_order(s), seg->seq));
	note_urgent(s, peer, seg, is_older);
	/* in SYN-SENT a segment without SYN is dropped, with its ACK */
	if (seg->flags & WIRE_ACK && s->nr_ranges) {
		if (!s->heard_ack || (!is_old && seq_lt(s->una, seg->ack)))
			s->una = seg->ack;
		if (!s->heard_ack || seq_lt(s->una_most, seg->ack)) {
			s->una_most = seg->ack;
			s->acked_us = now_us;
		}
		if (!s->heard_ack || seq_lt(s->heard_edge, edge))
			s->heard_edge = edge;
		if (!s->heard_ack)
			s->first_wnd = edge - seg->ack;
		s->heard_ack = true;
	}
	judge_probe_arrives(s, seg);
	if (seg->ts) {
		if (!s->heard_ts || seq_lt(s->ts_last, seg->tsval))
			s->ts_last = seg->tsval;
		if (!s->heard_ts || seq_lt(seg->tsval, s->ts_first))
			s->ts_first = seg->tsval;
		s->heard_ts = true;
	}
}

void judge_settle(struct judge *j)
{
	for (int side = 0; side < SIDES; side++) {
		j->side[side].settled_una = j->side[side].una;
		j->side[side].is_settled = j->side[side].heard_ack;
		judge_ecn_settle(&j->side[side].ecn);
	}
}

static uint32_t acked_by(const struct judge_side *s, uint32_t una)
{
	if (!s->heard_ack || una == s->iss)
		return 0;
	return una - s->iss - 1 - (s->has_fin && una == s->fin + 1);
}

uint32_t judge_acked(const struct judge *j, enum side side)
{
	return acked_by(&j->side[side], j->side[side].una);
}

uint32_t judge_acked_most(const struct judge *j, enum side side)
{
	return acked_by(&j->side[side], j->side[side].una_most);
}

/* Octets of @peer's stream before @seq. */
static uint32_t octets_before(const struct judge_side *peer, uint32_t seq)
{
	return seq == peer->iss ? 0 : seq - peer->iss - 1 - (peer->has_fin && seq == peer->fin + 1);
}

uint32_t judge_received(const struct judge *j, enum side side)
{
	const struct judge_side *s = &j->side[side];

	return s->nr_ranges ? octets_before(&j->side[!side], next_in_order(s)) : 0;
}

uint32_t judge_taken(const struct judge *j, enum side side)
{
	const struct judge_side *s = &j->side[side];

	return s->has_acked ? octets_before(&j->side[!side], s->acked) : 0;
}
