// SPDX-License-Identifier: GPL-2.0
/* SO_REUSEPORT groups: SYNs are spread, a tuple stays with its member, one that closes resets what is half open. */
#include "lib/test.h"
#include "lib/wire.h"

#define MEMBERS		WIRE_MEMBERS
#define TUPLES		400
#define FEWEST		40	/* of 100 that a member gets on average, 7 standard deviations below */
#define FIRST_PORT	30000
#define ISS		1000000

struct group {
	struct wire *w;
	bool program;		/* the peer's port says the member */
	struct wire_members m;
	int owner[TUPLES];	/* the member that a tuple belongs to */
	uint32_t irs[TUPLES];
	int count[MEMBERS];
};

static int send_flags(struct group *g, int i, int flags)
{
	struct wire_segment seg = {
		.flags = flags, .win = 5000, .doff = -1, .cut = -1, .mss = -1, .ws = -1,
		.seq = flags == WIRE_SYN ? ISS : ISS + 1,
		.ack = flags & WIRE_ACK ? g->irs[i] + 1 : 0,
	};

	wire_members_use(g->w, FIRST_PORT + i, ISS);
	return wire_peer_send(g->w, &seg);
}

static int send_syn(struct group *g, int i)
{
	struct wire_segment seg;

	if (send_flags(g, i, WIRE_SYN))
		return -1;
	if (wire_peer_receive(g->w, &seg, 0) != 1 || seg.flags != (WIRE_SYN | WIRE_ACK))
		return wire_fail(g->w, "no SYN-ACK for tuple %d", i);
	g->irs[i] = seg.seq;
	return 0;
}

/* Which member accept() succeeds on; -1: none. The connection is aborted. */
static int accepted(struct group *g)
{
	struct linger l = { .l_onoff = 1 };
	int i, fd;

	for (i = 0; i < MEMBERS; i++) {
		fd = g->m.fd[i] < 0 ? -1 : accept4(g->m.fd[i], NULL, NULL, SOCK_NONBLOCK);
		if (fd >= 0) {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
			close(fd);
			return i;
		}
	}
	return -1;
}

static int complete(struct group *g, int i)
{
	struct wire_segment seg;
	int by, n;

	if (send_flags(g, i, WIRE_ACK))
		return -2;
	by = accepted(g);
	n = wire_peer_receive(g->w, &seg, 0);
	if (n == 1 && seg.flags & WIRE_RST && seg.seq == g->irs[i] + 1)
		return by;
	wire_fail(g->w, "tuple %d: accepted by %d, %d segments", i, by, n);
	return -2;
}

static int learn(struct group *g, int tuples)
{
	memset(g->count, 0, sizeof(g->count));
	for (int i = 0; i < tuples; i++) {
		if (send_syn(g, i))
			return -1;
		g->owner[i] = complete(g, i);
		if (g->owner[i] < 0)
			return wire_fail(g->w, "tuple %d: nobody accepts", i);
		if (g->program && g->owner[i] != (FIRST_PORT + i) % MEMBERS)
			return wire_fail(g->w, "tuple %d: member %d", i, g->owner[i]);
		g->count[g->owner[i]]++;
	}
	return 0;
}

/* Each tuple once more, in another order. */
static int stays(struct group *g, int tuples)
{
	int i, by;

	for (i = tuples - 1; i >= 0; i--) {
		if (send_syn(g, i))
			return -1;
		by = complete(g, i);
		if (by != g->owner[i])
			return wire_fail(g->w, "tuple %d: member %d, then %d", i, g->owner[i], by);
	}
	return 0;
}

static int spread(struct group *g)
{
	if (learn(g, TUPLES))
		return -1;
	for (int i = 0; i < MEMBERS; i++)
		if (g->count[i] < FEWEST)
			return wire_fail(g->w, "member %d gets %d of %d", i, g->count[i], TUPLES);
	return stays(g, TUPLES);
}

#define HALF_OPEN 80

/* All half open; then a member closes, and all third ACKs come. */
static int closes(struct group *g)
{
	int i, by, want;

	if (learn(g, HALF_OPEN))
		return -1;
	for (i = 0; i < HALF_OPEN; i++)
		if (send_syn(g, i))
			return -1;
	wire_members_end(&g->m, 1);
	for (i = 0; i < HALF_OPEN; i++) {
		want = g->owner[i] == 1 ? -1 : g->owner[i];
		by = complete(g, i);
		if (by != want)
			return wire_fail(g->w, "tuple %d of member %d: accepted by %d", i, g->owner[i], by);
	}
	if (!g->count[1])
		return wire_fail(g->w, "the closed member had nothing");
	for (i = 0; i < HALF_OPEN; i++)
		if (send_syn(g, i) || complete(g, i) < 0)
			return wire_fail(g->w, "tuple %d: not served by the others", i);
	return 0;
}

/* Nothing is kept: the ACK finds the member that sent the SYN-ACK, or another one once that has closed. */
static int cookies(struct group *g)
{
	int i, by;

	if (wire_tun_sysctl(g->w, "syncookies", "2") || learn(g, HALF_OPEN) || stays(g, HALF_OPEN))
		return -1;
	for (i = 0; i < HALF_OPEN; i++)
		if (send_syn(g, i))
			return -1;
	wire_members_end(&g->m, 2);
	for (i = 0; i < HALF_OPEN; i++) {
		by = complete(g, i);
		if (by < 0)
			return wire_fail(g->w, "tuple %d: cookie not believed", i);
	}
	return 0;
}

/* One member overflows and closes; the other, which never did, believes its last cookie. */
static int others_cookie(struct group *g)
{
	int i, last = -1;

	if (learn(g, HALF_OPEN))
		return -1;
	for (i = 0; i < HALF_OPEN; i++) {
		if (g->owner[i])
			continue;
		if (send_syn(g, i))
			return -1;
		last = i;
	}
	wire_members_end(&g->m, 0);
	if (complete(g, last) != 1)
		return wire_fail(g->w, "cookie not believed");
	return 0;
}

/* One that joined later, or that had not listened. */
static int joins(struct group *g)
{
	int i, by, moved = 0;

	if (learn(g, TUPLES))
		return -1;
	if (wire_members_add(g->w, &g->m, TUPLES) < 0)
		return -1;
	for (i = 0; i < TUPLES; i++) {
		by = send_syn(g, i) ? -2 : complete(g, i);
		if (by < 0)
			return wire_fail(g->w, "tuple %d: nobody accepts", i);
		moved += by == MEMBERS - 1;
	}
	return moved >= FEWEST ? 0 : wire_fail(g->w, "the new member gets %d of %d", moved, TUPLES);
}

struct trial {
	int (*test)(struct group *g);
	int nr, backlog;
	bool program;
};

static int run_group(struct wire *w)
{
	const struct trial *t = w->row->with;
	static struct group g;
	int err;

	memset(&g, 0, sizeof(g));
	g.w = w;
	g.program = t->program;
	err = wire_members_open(w, &g.m, t->nr, t->backlog) ||
	      (t->program && wire_members_choose_by_port(w, &g.m)) || t->test(&g);
	wire_members_end_all(&g.m);
	return err ? -1 : 0;
}

/* The program that chooses is not asked: it could not read the header. */
static int malformed(struct group *g)
{
	struct wire_segment seg = {
		.flags = WIRE_SYN, .win = 5000, .doff = 4, .cut = -1, .mss = -1, .ws = -1, .seq = ISS,
	};

	wire_members_use(g->w, FIRST_PORT, ISS);
	if (wire_peer_send(g->w, &seg))
		return -1;
	seg.doff = 15;
	if (wire_peer_send(g->w, &seg))
		return -1;
	return wire_peer_receive(g->w, &seg, 0) ? wire_fail(g->w, "an answer to a malformed SYN") : learn(g, MEMBERS);
}

/* A SYN-ACK with a cookie's number opens nothing, also if only the first member has a key for the peer. */
static int syn_acks(struct group *g)
{
	struct wire_segment seg;
	int i, n;

	if (wire_tun_sysctl(g->w, "syncookies", "2") || wire_sign_option(g->w, g->m.fd[0], "secret", -1))
		return -1;
	for (i = 1; i < HALF_OPEN; i += 2) {
		if (send_syn(g, i) || send_flags(g, i, WIRE_SYN | WIRE_ACK))
			return -1;
		n = wire_peer_receive(g->w, &seg, 0);
		if (n != 1 || seg.flags != WIRE_RST || seg.seq != g->irs[i] + 1)
			return wire_fail(g->w, "tuple %d: no RST", i);
		if (accepted(g) >= 0)
			return wire_fail(g->w, "tuple %d: a SYN-ACK opens a connection", i);
	}
	return 0;
}

#define TRIAL(...)	.run = run_group, .with = &(const struct trial){ __VA_ARGS__ }

static const struct wire_row rows[] = {
	{ "tuples_are_spread_and_stay", "RFC 9293 3.10.2", TRIAL(spread, MEMBERS, TUPLES, false) },
	{ "a_new_member_gets_its_share", "RFC 9293 3.10.2", TRIAL(joins, MEMBERS - 1, TUPLES, false) },
	{ "a_closed_member_resets_what_is_half_open", "RFC 9293 3.10.7.1", TRIAL(closes, MEMBERS, TUPLES, false) },
	{ "a_cookie_finds_its_member", "RFC 4987 3.6", TRIAL(cookies, MEMBERS, TUPLES, false) },
	{ "a_closed_member_that_a_program_chose_resets", "RFC 9293 3.10.7.1", TRIAL(closes, MEMBERS, TUPLES, true) },
	{ "a_cookie_finds_the_member_that_a_program_chose", "RFC 4987 3.6", TRIAL(cookies, MEMBERS, TUPLES, true) },
	{ "a_malformed_syn_for_a_group_with_a_program", "RFC 9293 3.1", TRIAL(malformed, MEMBERS, TUPLES, true) },
	{ "a_syn_ack_for_a_group_with_a_program", "RFC 9293 3.10.7.2", TRIAL(syn_acks, 2, TUPLES, true) },
	{ "a_cookie_of_a_closed_member", "RFC 4987 3.6", TRIAL(others_cookie, 2, 1, false) },
};

WIRE_MAIN(rows)
