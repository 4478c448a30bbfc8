// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.migrate_req and net.ipv4.tcp_migrate_req on the wire: a member of a SO_REUSEPORT group
 * ends, and the rest of the group gets its half-open connections and those that wait for accept().
 *
 * Member 1 ends, member 0 inherits. A BPF program chooses by the peer's port which member gets a
 * SYN; it does not choose who inherits.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define MEMBERS		WIRE_MEMBERS
#define CONNS		80
#define HALF		3	/* half-open connections of a row */
#define WAITING		3	/* its connections that wait for accept() */
#define FIRST_PORT	30000
#define ISS		1000000
#define TEXT		10
#define BACKLOG		64
#define WINDOW		5000
#define FAST_OPEN	34	/* the option */

struct group {
	struct wire *w;
	struct wire_members m;	/* a power of two */
	uint32_t irs[CONNS];
	struct wire_counters before;
};

static void end(struct group *g, int i)
{
	wire_members_end(&g->m, i);
}

static int set_all(struct group *g, int name, int value)
{
	for (int i = 0; i < g->m.nr; i++)
		if (setsockopt(g->m.fd[i], IPPROTO_TCP, name, &value, sizeof(value)))
			return wire_fail(g->w, "option %d: %s", name, strerror(errno));
	return 0;
}

/* The engine looks at connection @i from here on. */
static void use(struct group *g, int i)
{
	wire_members_use(g->w, FIRST_PORT + i, ISS);
	if (!g->irs[i])
		return;
	g->w->c.irs = g->irs[i];
	g->w->c.irs_known = true;
	g->w->c.snd_nxt = g->irs[i] + 1;
	g->w->c.snd_una = g->irs[i] + 1;
	g->w->c.limit = g->irs[i] + 1 + WINDOW;
}

/* The number of a connection whose SYN is for @member. */
static int of(const struct group *g, int member, int i)
{
	return i * g->m.nr + member;
}

static int send_more(struct group *g, int i, uint16_t flags, uint32_t after, unsigned int len)
{
	struct wire_segment seg = {
		.flags = flags, .win = WINDOW, .doff = -1, .cut = -1, .mss = -1, .ws = -1,
		.seq = ISS + after, .ack = flags & WIRE_ACK ? g->irs[i] + 1 : 0, .len = len,
	};

	use(g, i);
	return wire_peer_send(g->w, &seg);
}

static int expect_synack(struct group *g, int i, uint32_t acked)
{
	struct wire_segment seg;

	if (wire_peer_receive(g->w, &seg, 0) != 1 || seg.flags != (WIRE_SYN | WIRE_ACK) || seg.ack != ISS + acked)
		return wire_fail(g->w, "connection %d: no SYN-ACK of %u", i, acked);
	g->irs[i] = seg.seq;
	return 0;
}

static int half_open(struct group *g, int i)
{
	return send_more(g, i, WIRE_SYN, 0, 0) || expect_synack(g, i, 1) ? -1 : 0;
}

static int expect_nothing(struct group *g, const char *why)
{
	struct wire_segment seg;

	return wire_peer_receive(g->w, &seg, 0) ? wire_fail(g->w, "%s: an answer", why) : 0;
}

static int expect_rst(struct group *g, int i)
{
	struct wire_segment seg;

	use(g, i);
	if (wire_peer_receive(g->w, &seg, 0) != 1 || !(seg.flags & WIRE_RST))
		return wire_fail(g->w, "connection %d: no RST", i);
	return 0;
}

/* One for each connection that waited for accept(), in any order, and nothing else. */
static int expect_rsts(struct group *g)
{
	bool came[CONNS] = {};
	struct wire_segment seg;
	int i, n, all = 0;

	while ((n = wire_tun_read(g->w, 0)) > 0) {
		if (wire_segment_parse(g->w, g->w->packet, n, &seg) != 1)
			continue;
		i = seg.dport - FIRST_PORT;
		if (!(seg.flags & WIRE_RST) || i < 0 || i >= CONNS || came[i])
			return wire_fail(g->w, "connection %d: not a RST, or not the first", i);
		came[i] = true;
		all++;
	}
	for (i = HALF; i < HALF + WAITING; i++)
		if (!came[of(g, g->m.nr - 1, i)])
			return wire_fail(g->w, "connection %d: no RST", of(g, g->m.nr - 1, i));
	return all == WAITING ? 0 : wire_fail(g->w, "%d RSTs", all);
}

static void drain(struct group *g)
{
	struct wire_segment seg;

	while (wire_peer_receive(g->w, &seg, 0) == 1)
		;
}

/* Waits for accept(), with text that has arrived. */
static int up(struct group *g, int i)
{
	if (half_open(g, i) || send_more(g, i, WIRE_ACK, 1, 0) || expect_nothing(g, "third ACK") ||
	    send_more(g, i, WIRE_ACK | WIRE_PSH, 1, TEXT))
		return -1;
	drain(g);
	return 0;
}

static int accept_at(struct group *g, int member)
{
	int fd = accept4(g->m.fd[member], NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		wire_fail(g->w, "member %d accepts nothing: %s", member, strerror(errno));
	return fd;
}

/* The peer's octets come out as they went in. */
static int reads(struct group *g, int fd)
{
	uint8_t text[TEXT + 1];
	int i, n = recv(fd, text, sizeof(text), 0);

	for (i = 0; i < n && text[i] == wire_segment_byte(1 + i); i++)
		;
	return n == TEXT && i == n ? 0 : wire_fail(g->w, "reads %d octets, %d right", n, i);
}

static int peer_port(int fd)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &len) ? -1 : ntohs(peer.sin6_port);
}

/* The connection of an accepted socket is @i, and goes both ways. Aborts it. */
static int serves(struct group *g, int fd, int i, bool text)
{
	struct linger l = { .l_onoff = 1 };
	const uint8_t octet = wire_segment_byte(1);
	int err = 0, received = 0, acks = 0;
	struct wire_segment seg;

	use(g, i);
	if (peer_port(fd) != FIRST_PORT + i)
		err = wire_fail(g->w, "connection %d, not %d", peer_port(fd) - FIRST_PORT, i);
	else if (text && reads(g, fd))
		err = -1;
	else if (send(fd, &octet, 1, 0) != 1)
		err = wire_fail(g->w, "connection %d: cannot write", i);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
	/* if a tick has passed since its text came, that has an ACK of its own */
	while (!err && (received = wire_peer_receive(g->w, &seg, 0)) == 1 && text && !seg.len && !acks++)
		;
	if (!err && (received != 1 || seg.len != 1))
		err = wire_fail(g->w, "connection %d: the octet does not come", i);
	drain(g);
	return err;
}

static int accepts(struct group *g, int i, bool text)
{
	int fd = accept_at(g, 0);

	return fd < 0 ? -1 : serves(g, fd, i, text);
}

static int begin(struct group *g)
{
	return wire_counter_read(g->w, &g->before);
}

static int counts(struct group *g, int success, int failure)
{
	char want[80];

	snprintf(want, sizeof(want), "TCPMigrateReqSuccess=%d TCPMigrateReqFailure=%d", success, failure);
	return wire_counter_check(g->w, &g->before, want);
}

/* The last member gets half-open connections, then some that wait for accept(). */
static int fill(struct group *g)
{
	int i;

	for (i = 0; i < HALF; i++)
		if (half_open(g, of(g, g->m.nr - 1, i)))
			return -1;
	for (; i < HALF + WAITING; i++)
		if (up(g, of(g, g->m.nr - 1, i)))
			return -1;
	return begin(g);
}

static int inherits(struct group *g)
{
	for (int i = HALF; i < HALF + WAITING; i++)
		if (accepts(g, of(g, g->m.nr - 1, i), true))
			return -1;
	for (int i = 0; i < HALF; i++)
		if (send_more(g, of(g, g->m.nr - 1, i), WIRE_ACK, 1, 0) || accepts(g, of(g, g->m.nr - 1, i), false))
			return -1;
	return counts(g, HALF + WAITING, 0);
}

static int loses(struct group *g)
{
	if (expect_rsts(g))
		return -1;
	for (int i = 0; i < HALF; i++)
		if (send_more(g, of(g, g->m.nr - 1, i), WIRE_ACK, 1, 0) || expect_rst(g, of(g, g->m.nr - 1, i)))
			return -1;
	return 0;
}

static int closes(struct group *g)
{
	if (fill(g))
		return -1;
	end(g, 1);
	return inherits(g);
}

static int shuts(struct group *g)
{
	if (fill(g))
		return -1;
	if (shutdown(g->m.fd[1], SHUT_RD))
		return wire_fail(g->w, "shutdown: %s", strerror(errno));
	return inherits(g);
}

/* Of three heirs one has the processor on which the member ends, and segments arrive. */
static int has_processor(struct group *g)
{
	int i, cpu, err;
	cpu_set_t before, first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_getaffinity(0, sizeof(before), &before) || sched_setaffinity(0, sizeof(first), &first))
		return wire_fail(g->w, "affinity: %s", strerror(errno));
	for (i = 0; i < g->m.nr; i++) {
		cpu = !!i;
		if (setsockopt(g->m.fd[i], SOL_SOCKET, SO_INCOMING_CPU, &cpu, sizeof(cpu)))
			wire_fail(g->w, "SO_INCOMING_CPU: %s", strerror(errno));
	}
	err = g->w->failed || fill(g);
	end(g, g->m.nr - 1);
	err = err || inherits(g);
	sched_setaffinity(0, sizeof(before), &before);
	return err ? -1 : 0;
}

static int stays_off(struct group *g)
{
	if (fill(g) || wire_tun_sysctl(g->w, "migrate_req", "0"))
		return -1;
	end(g, 1);
	return loses(g) || counts(g, 0, 0) ? -1 : 0;
}

static int is_alone(struct group *g)
{
	if (fill(g))
		return -1;
	end(g, 0);
	return loses(g) || counts(g, 0, HALF + WAITING) ? -1 : 0;
}

/* Member 0 has three, all of its backlog. xtcp gives it one child more and resets two; kernel TCP has no limit. */
static int is_full(struct group *g)
{
	const int more = g->w->stack == WIRE_KERNEL ? 3 : 1;
	int i, fd;

	for (i = 0; i < 3; i++)
		if (up(g, of(g, 0, i)) || up(g, of(g, 1, i)))
			return -1;
	for (i = 3; i < 5; i++)
		send_more(g, of(g, 1, i), WIRE_SYN, 0, 0);
	/* the queues of member 1 are full, too */
	if (expect_nothing(g, "a full queue") || begin(g))
		return -1;
	end(g, 1);
	for (i = more; i < 3; i++)
		if (expect_rst(g, of(g, 1, i)))
			return -1;
	if (send_more(g, of(g, 0, 5), WIRE_SYN, 0, 0) || expect_nothing(g, "a queue that is more than full"))
		return -1;
	for (i = 0; i < 3 + more; i++) {
		fd = accept_at(g, 0);
		if (fd < 0 || serves(g, fd, of(g, i / 3, i % 3), true))
			return -1;
	}
	if (half_open(g, of(g, 0, 5)))
		return -1;
	return counts(g, more, 3 - more);
}

/* The heir has twice as many half-open connections as its backlog, which has become one: it gets no other. */
static int has_enough(struct group *g)
{
	const bool kernel = g->w->stack == WIRE_KERNEL;

	for (int i = 0; i < 2; i++)
		if (half_open(g, of(g, 0, i)) || half_open(g, of(g, 1, i)))
			return -1;
	if (listen(g->m.fd[0], 1) || begin(g))
		return wire_fail(g->w, "listen: %s", strerror(errno));
	end(g, 1);
	for (int i = 0; i < 2; i++)
		if (send_more(g, of(g, 1, i), WIRE_ACK, 1, 0) ||
		    (kernel ? accepts(g, of(g, 1, i), false) : expect_rst(g, of(g, 1, i))))
			return -1;
	for (int i = 0; i < 2; i++)
		if (send_more(g, of(g, 0, i), WIRE_ACK, 1, 0) || accepts(g, of(g, 0, i), false))
			return -1;
	return counts(g, kernel ? 2 : 0, kernel ? 0 : 2);
}

/* The third ACK of a half-open connection meets an heir without room. */
static int has_no_room(struct group *g)
{
	if (half_open(g, of(g, 1, 7)))
		return -1;
	for (int i = 0; i < 2; i++)
		if (up(g, of(g, 0, i)))
			return -1;
	if (begin(g))
		return -1;
	end(g, 1);
	if (send_more(g, of(g, 1, 7), WIRE_ACK, 1, 0) || expect_nothing(g, "a full queue") ||
	    wire_counter_check(g->w, &g->before, "ListenOverflows=1 ListenDrops=1"))
		return -1;
	for (int i = 0; i < 2; i++)
		if (accepts(g, of(g, 0, i), true))
			return -1;
	if (send_more(g, of(g, 1, 7), WIRE_ACK, 1, 0) || accepts(g, of(g, 1, 7), false))
		return -1;
	/* kernel TCP also counts the ACK that met no room */
	return counts(g, 1, g->w->stack == WIRE_KERNEL);
}

/* One after the other: what waits moves on, and ends with the last. */
static int all_end(struct group *g)
{
	if (fill(g))
		return -1;
	for (int i = MEMBERS - 1; i >= 0; i--)
		end(g, i);
	return loses(g);
}

static int wakes(struct group *g)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0), before, after, again;

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, g->m.fd[0], &ev) || up(g, of(g, 1, 0)))
		return wire_fail(g->w, "epoll: %s", strerror(errno));
	before = epoll_wait(ep, &ev, 1, 0);
	end(g, 1);
	after = epoll_wait(ep, &ev, 1, 0);
	again = epoll_wait(ep, &ev, 1, 0);
	close(ep);
	if (before || after != 1 || again)
		return wire_fail(g->w, "%d, %d, %d events", before, after, again);
	return accepts(g, of(g, 1, 0), true);
}

/* The SYN-ACK goes out again when it would have. */
static int sends_again(struct group *g)
{
	const uint64_t from = wire_now();
	struct wire_segment seg;
	int ms;

	if (half_open(g, of(g, 1, 0)))
		return -1;
	if (wire_peer_receive(g->w, &seg, 600))
		return wire_fail(g->w, "an answer too soon");
	end(g, 1);
	if (wire_peer_receive(g->w, &seg, 2000) != 1 || seg.flags != (WIRE_SYN | WIRE_ACK))
		return wire_fail(g->w, "no SYN-ACK again");
	ms = (wire_now() - from) / 1000000;
	if (ms < 990 || ms > 1100)
		return wire_fail(g->w, "SYN-ACK after %d ms", ms);
	return send_more(g, of(g, 1, 0), WIRE_ACK, 1, 0) ? -1 : accepts(g, of(g, 1, 0), false);
}

static int expect_again(struct group *g, int i, uint64_t from, int want_ms)
{
	struct wire_segment seg;
	int ms;

	use(g, i);
	if (wire_peer_receive(g->w, &seg, 2000) != 1 || seg.flags != (WIRE_SYN | WIRE_ACK))
		return wire_fail(g->w, "connection %d: no SYN-ACK again", i);
	ms = (wire_now() - from) / 1000000;
	if (ms < want_ms - 10 || ms > want_ms + 100)
		return wire_fail(g->w, "connection %d: SYN-ACK after %d ms", i, ms);
	return 0;
}

/* The heir has an entry of its own, whose SYN-ACK goes again later than the inherited one's. */
static int keeps_the_order(struct group *g)
{
	const uint64_t from = wire_now();
	uint64_t later;
	struct wire_segment seg;

	if (half_open(g, of(g, 1, 0)))
		return -1;
	if (wire_peer_receive(g->w, &seg, 400))
		return wire_fail(g->w, "an answer too soon");
	later = wire_now();
	if (half_open(g, of(g, 0, 1)))
		return -1;
	end(g, 1);
	return expect_again(g, of(g, 1, 0), from, 1000) || expect_again(g, of(g, 0, 1), later, 1000) ? -1 : 0;
}

static int send_fast(struct group *g, int i, bool taken)
{
	struct wire_segment syn = {
		.flags = WIRE_SYN, .win = WINDOW, .doff = -1, .cut = -1, .mss = -1, .ws = -1,
		.seq = ISS, .len = TEXT, .opt = { 2, 4, 1440 >> 8, 1440 & 0xff, 1, 1, FAST_OPEN, 2 }, .optlen = 8,
	};

	use(g, i);
	return wire_peer_send(g->w, &syn) || expect_synack(g, i, taken ? 1 + TEXT : 1) ? -1 : 0;
}

/* Before its third ACK it counts towards the limit of the heir. */
static int opens_fast(struct group *g)
{
	int fd, err;

	if (wire_tun_sysctl(g->w, "fastopen", "514") || set_all(g, TCP_FASTOPEN, 1) ||
	    send_fast(g, of(g, 1, 0), true) || begin(g))
		return -1;
	end(g, 1);
	if (counts(g, 1, 0) || send_fast(g, of(g, 0, 1), false))
		return -1;
	fd = accept_at(g, 0);
	if (fd < 0)
		return -1;
	err = send_more(g, of(g, 1, 0), WIRE_ACK, 1 + TEXT, 0) || send_fast(g, of(g, 0, 2), true);
	return serves(g, fd, of(g, 1, 0), true) || err ? -1 : 0;
}

/* The listener that it has left listens again, and has room for another one. */
static int opens_fast_again(struct group *g)
{
	if (wire_tun_sysctl(g->w, "fastopen", "514") || set_all(g, TCP_FASTOPEN, 1) ||
	    send_fast(g, of(g, 1, 0), true) || begin(g))
		return -1;
	if (shutdown(g->m.fd[1], SHUT_RD) || listen(g->m.fd[1], BACKLOG))
		return wire_fail(g->w, "listening again: %s", strerror(errno));
	return counts(g, 1, 0) || send_fast(g, of(g, 1, 1), true) ? -1 : 0;
}

/* Its third ACK came when its first listener was still there. */
static int is_deferred(struct group *g)
{
	if (set_all(g, TCP_DEFER_ACCEPT, 10) || half_open(g, of(g, 1, 0)) ||
	    send_more(g, of(g, 1, 0), WIRE_ACK, 1, 0) || expect_nothing(g, "deferred") || begin(g))
		return -1;
	end(g, 1);
	if (send_more(g, of(g, 1, 0), WIRE_ACK, 1, 0) || expect_nothing(g, "deferred still") ||
	    send_more(g, of(g, 1, 0), WIRE_ACK | WIRE_PSH, 1, TEXT))
		return -1;
	drain(g);
	return accepts(g, of(g, 1, 0), true) || counts(g, 1, 0) ? -1 : 0;
}

static int saves_syn(struct group *g)
{
	uint8_t syn[256];
	socklen_t len = sizeof(syn);
	int fd;

	if (set_all(g, TCP_SAVE_SYN, 1) || half_open(g, of(g, 1, 0)))
		return -1;
	end(g, 1);
	if (send_more(g, of(g, 1, 0), WIRE_ACK, 1, 0))
		return -1;
	fd = accept_at(g, 0);
	if (fd < 0)
		return -1;
	if (getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len) || len != (g->w->ip == 4 ? 40 : 60))
		wire_fail(g->w, "saved SYN of %d octets", (int)len);
	return serves(g, fd, of(g, 1, 0), false);
}

/* The peer has reset what waits; the heir's program learns of it. */
static int was_reset(struct group *g)
{
	char octet;
	int fd;

	if (half_open(g, of(g, 1, 0)) || send_more(g, of(g, 1, 0), WIRE_ACK, 1, 0) ||
	    send_more(g, of(g, 1, 0), WIRE_RST, 1, 0) || expect_nothing(g, "RST") || begin(g))
		return -1;
	end(g, 1);
	fd = accept_at(g, 0);
	if (fd < 0)
		return -1;
	if (recv(fd, &octet, 1, 0) != -1 || errno != ECONNRESET)
		wire_fail(g->w, "reads: %s", strerror(errno));
	close(fd);
	return g->w->failed || expect_nothing(g, "reset before") || counts(g, 1, 0) ? -1 : 0;
}

/* Without an ACK an entry that has moved ends as any other. */
static int peer_resets(struct group *g)
{
	int i = of(g, 1, 0);

	if (half_open(g, i))
		return -1;
	end(g, 1);
	if (send_more(g, i, WIRE_RST, 1, 0) || expect_nothing(g, "RST") || send_more(g, i, WIRE_ACK, 1, 0))
		return -1;
	return expect_rst(g, i);
}

struct trial {
	int (*test)(struct group *g);
	int nr, backlog;
};

static int run(struct wire *w)
{
	const struct trial *t = w->row->with;
	static struct group g;
	int err;

	memset(&g, 0, sizeof(g));
	g.w = w;
	err = wire_tun_sysctl(w, "migrate_req", "1") || wire_members_open(w, &g.m, t->nr, t->backlog) ||
	      (t->nr > 1 && wire_members_choose_by_port(w, &g.m)) || t->test(&g);
	wire_members_end_all(&g.m);
	return err ? -1 : 0;
}

#define TRIAL(...)	.run = run, .with = &(const struct trial){ __VA_ARGS__ }

static const struct wire_row rows[] = {
	{ "close_hands_over", "RFC 9293 3.10.4", TRIAL(closes, 2, BACKLOG) },
	{ "shutdown_hands_over", "RFC 9293 3.10.4", TRIAL(shuts, 2, BACKLOG) },
	{ "the_heir_has_the_processor", "RFC 9293 3.10.4", TRIAL(has_processor, MEMBERS, BACKLOG) },
	{ "without_the_knob_they_are_reset", "RFC 9293 3.10.4", TRIAL(stays_off, 2, BACKLOG) },
	{ "a_lone_member_resets", "RFC 9293 3.10.4", TRIAL(is_alone, 1, BACKLOG) },
	{ "a_full_heir_takes_as_many_as_twice_its_backlog", "RFC 9293 3.10.4", TRIAL(is_full, 2, 2),
		.kernel_differs = "gives the heir everything" },
	{ "twice_the_backlog_of_half_open_connections", "RFC 9293 3.10.4", TRIAL(has_enough, 2, BACKLOG),
		.kernel_differs = "gives the heir everything" },
	{ "the_third_ack_meets_a_full_heir", "RFC 9293 3.10.7.4", TRIAL(has_no_room, 2, 1) },
	{ "all_members_end", "RFC 9293 3.10.4", TRIAL(all_end, MEMBERS, BACKLOG) },
	{ "the_heir_wakes_up", "RFC 9293 3.10.4", TRIAL(wakes, 2, BACKLOG) },
	{ "the_syn_ack_is_sent_again_in_time", "RFC 6298 5.4", TRIAL(sends_again, 2, BACKLOG) },
	{ "an_inherited_syn_ack_goes_before_a_later_one", "RFC 6298 5.4", TRIAL(keeps_the_order, 2, BACKLOG) },
	{ "fast_open_counts_at_the_heir", "RFC 7413 5.1", TRIAL(opens_fast, 2, BACKLOG) },
	{ "fast_open_counts_no_more_where_it_was", "RFC 7413 5.1", TRIAL(opens_fast_again, 2, BACKLOG) },
	{ "accept_is_deferred_still", "RFC 9293 3.10.7.4", TRIAL(is_deferred, 2, BACKLOG) },
	{ "the_saved_syn_moves", "RFC 9293 3.10.7.2", TRIAL(saves_syn, 2, BACKLOG) },
	{ "what_was_reset_moves", "RFC 9293 3.10.7.4", TRIAL(was_reset, 2, BACKLOG) },
	{ "a_rst_ends_what_has_moved", "RFC 9293 3.5.3", TRIAL(peer_resets, 2, BACKLOG) },
};

WIRE_MAIN(rows)
