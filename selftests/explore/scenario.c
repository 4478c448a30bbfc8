// SPDX-License-Identifier: GPL-2.0
#include "scenario.h"
#include <math.h>
#include <string.h>

uint64_t chance_next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *chance, uint64_t n)
{
	return n ? chance_next(chance) % n : 0;
}

bool chance_ppm(struct chance *chance, int ppm)
{
	return ppm && (int)chance_below(chance, 1000000) < ppm;
}

bool chance_once_in(struct chance *chance, int n)
{
	return !chance_below(chance, n);
}

long long chance_spread(struct chance *chance, double least, double most)
{
	return least * exp(log(most / least) * (double)(chance_next(chance) >> 11) / (double)(1ULL << 53));
}

static void make_network(struct chance *c, struct network *n)
{
	n->delay_us = chance_spread(c, 50, 150000);
	if (chance_once_in(c, 4))
		n->jitter_us = chance_below(c, n->delay_us);
	if (chance_once_in(c, 2)) {
		n->rate_bps = chance_spread(c, 300e3, 200e6);
		n->queue_octets = chance_spread(c, 3000, 300000);
	}
	if (chance_once_in(c, 3))
		n->loss_ppm = chance_spread(c, 1000, 150000);
	if (chance_once_in(c, 8))
		n->burst_ppm = chance_spread(c, 1000, 30000);
	if (chance_once_in(c, 6))
		n->duplicate_ppm = chance_spread(c, 1000, 200000);
	if (chance_once_in(c, 6))
		n->reorder_ppm = chance_spread(c, 1000, 300000);
	if (chance_once_in(c, 8))
		n->corrupt_ppm = chance_spread(c, 1000, 50000);
	if (chance_once_in(c, 12)) {
		n->silent_from_ms = chance_below(c, 2000);
		n->silent_ms = chance_spread(c, 10, 8000);
	}
}

static void make_program(struct chance *c, struct program *p)
{
	p->total = chance_once_in(c, 4) ? 0 : chance_spread(c, 1, 400000);
	p->write_max = chance_spread(c, 1, 200000);
	if (p->write_max < p->total / 300)
		p->write_max = p->total / 300;
	p->read_max = chance_spread(c, 16, 300000);
	if (chance_once_in(c, 4))
		p->write_pause_us = chance_spread(c, 10, 2000000) * p->write_max / (p->total + p->write_max);
	if (chance_once_in(c, 5))
		p->read_pause_us = chance_spread(c, 10, 100000);
	p->nodelay = chance_once_in(c, 3);
	if (chance_once_in(c, 6))
		p->sndbuf = chance_spread(c, 2048, 400000);
	if (chance_once_in(c, 5))
		p->rcvbuf = chance_spread(c, 2048, 400000);
	if (chance_once_in(c, 12))
		p->ending = chance_once_in(c, 2) ? CLOSED : ABORTED;
}

/* A program that reads few octets at a time, with pauses, still ends in time: in two minutes, by 2,000 reads. */
static void hurry(struct program *p, long long octets)
{
	if (p->read_max < octets / 1000)
		p->read_max = octets / 1000;
	if (p->read_pause_us > 240000000LL * p->read_max / (2 * octets + p->read_max))
		p->read_pause_us = 240000000LL * p->read_max / (2 * octets + p->read_max);
}

/* Newer choices have random numbers of their own, so a seed keeps its old choices. */
static void make_more_network(struct chance *c, struct scenario *s, struct network *n)
{
	const int least = s->v6 ? 1280 : 600, most = s->mtu > 1500 ? 1500 : s->mtu - 1;

	if (!chance_once_in(c, 10) || most < least)
		return;
	n->mtu = least + chance_below(c, most - least + 1);
	n->mtu_from_ms = chance_once_in(c, 3) ? 0 : chance_spread(c, 1, 3000);
	n->has_icmp = !chance_once_in(c, 3);
}

static void make_more_program(struct chance *c, struct program *p)
{
	if (chance_once_in(c, 10))
		p->urgent = chance_spread(c, 1, 30);
	p->inline_urgent = chance_once_in(c, 2);
	p->sendfile = chance_once_in(c, 6);
	p->splices = chance_once_in(c, 6);
	p->edges = chance_once_in(c, 3);
	if (p->ending == CLOSED && chance_once_in(c, 2))
		p->ending = KILLED;
	else if (p->ending == ORDERLY && chance_once_in(c, 24))
		p->ending = chance_once_in(c, 2) ? KILLED : CLOSED;
}

static void make_host(struct chance *c, struct host *h)
{
	if (chance_once_in(c, 16)) {
		h->down_from_ms = chance_spread(c, 1, 2000);
		h->down_ms = chance_spread(c, 10, 5000);
	}
	if (chance_once_in(c, 14)) {
		h->queue_kbit = chance_spread(c, 500, 100000);
		h->queue_octets = chance_spread(c, 20000, 100000);
	}
	if (chance_once_in(c, 50))
		h->ends_ms = chance_spread(c, 1, 3000);
}

static void make_more(struct chance *c, struct scenario *s)
{
	if (chance_once_in(c, 6)) {
		s->connections = 2 + chance_below(c, CONNECTIONS - 1);
		s->apart_ms = chance_once_in(c, 2) ? 0 : chance_spread(c, 1, 1000);
	}
	if (chance_once_in(c, 12))
		s->accept_ms = chance_spread(c, 10, 5000);
	if (chance_once_in(c, 50))
		s->unlisten_ms = chance_spread(c, 1, 1000);
	if (chance_once_in(c, 3))
		s->fail_ppm = chance_spread(c, 1000, 50000);
	for (int side = 0; side < SIDES; side++) {
		make_more_network(c, s, &s->towards[side]);
		make_more_program(c, &s->program[side]);
		make_host(c, &s->host[side]);
	}
	/* Linux does not document what splice() does at an urgent octet */
	for (int side = 0; side < SIDES; side++) {
		if (s->program[!side].urgent)
			s->program[side].splices = false;
	}
}

static void make_newest(struct chance *c, struct scenario *s)
{
	/* a listener of the kernel may lose a connection that moves */
	if (chance_once_in(c, 20) && s->stack[SERVER] == XTCP && !s->unlisten_ms)
		s->heir_ms = chance_spread(c, 1, 1000);
	for (int side = 0; side < SIDES; side++) {
		struct program *p = &s->program[side];

		if (chance_once_in(c, 8) && !p->splices)
			p->peek_ppm = chance_spread(c, 10000, 1000000);
		if (chance_once_in(c, 10))
			p->more_ppm = chance_spread(c, 10000, 1000000);
		/* who does not wait for edges reads without being woken */
		if (chance_once_in(c, 4) && p->edges)
			p->lowat = chance_spread(c, 2, 400000);
		s->host[side].device_goes = s->host[side].down_ms && !s->host[side].queue_kbit && chance_once_in(c, 3);
	}
}

/* Congestion marks, and AccECN, where both ends know ECN. */
static void make_ecn(struct chance *c, struct scenario *s)
{
	if (!s->ecn)
		return;
	if (chance_once_in(c, 2))
		s->ecn = 3;
	for (int side = 0; side < SIDES; side++) {
		if (!chance_once_in(c, 3))
			s->towards[side].ce_ppm = chance_spread(c, 1000, 500000);
	}
}

/* Added last. A kill in send() and a user timeout end a connection at any time, so other endings are not added. */
static void make_latest(struct chance *c, struct scenario *s)
{
	const bool orderly = scenario_is_orderly(s);

	for (int side = 0; side < SIDES; side++) {
		struct program *p = &s->program[side];

		if (chance_once_in(c, 8))
			p->mss = chance_spread(c, 200, 9000);
		if (chance_once_in(c, 8))
			p->keepalive_s = 1 + chance_below(c, 4);
		if (chance_once_in(c, 24) && orderly)
			p->user_timeout_ms = chance_spread(c, 500, 60000);
		if (chance_once_in(c, 30) && orderly && p->total > 1)
			p->ending = CUT_OFF;
		if (chance_once_in(c, 5) && s->stack[side] == XTCP)
			s->host[side].accecn = 3 + chance_below(c, 3);
	}
}

void scenario_make(struct scenario *s, uint64_t seed)
{
	static const int algorithms[] = { 0, 1, 0, 2 };
	static const int mtus[] = { 1500, 1500, 1280, 9000 };
	struct chance c = { seed }, more = { ~seed }, newest, marks, latest;

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	switch (chance_below(&c, 4)) {
	case 0:
		s->stack[SERVER] = XTCP;
		break;
	case 1:
		s->stack[CLIENT] = XTCP;
		break;
	default:
		s->stack[CLIENT] = XTCP;
		s->stack[SERVER] = XTCP;
	}
	s->v6 = chance_once_in(&c, 2);
	s->mtu = mtus[chance_below(&c, 4)];
	s->sack = !chance_once_in(&c, 4);
	s->timestamps = !chance_once_in(&c, 4);
	s->window_scaling = !chance_once_in(&c, 5);
	s->ecn = chance_once_in(&c, 3);
	s->algorithm = algorithms[chance_below(&c, 4)];
	for (int side = 0; side < SIDES; side++) {
		make_network(&c, &s->towards[side]);
		make_program(&c, &s->program[side]);
	}
	for (int side = 0; side < SIDES; side++)
		hurry(&s->program[side], s->program[!side].total);
	s->connections = 1;
	chance_next(&more);
	more.state = chance_next(&more);
	newest.state = ~more.state;
	marks.state = more.state ^ 0x3168;
	latest.state = more.state ^ 0x5851f42d4c957f2dULL;
	make_more(&more, s);
	make_newest(&newest, s);
	make_ecn(&marks, s);
	make_latest(&latest, s);
	scenario_add(s, more.state);
}

int scenario_cut_ms(const struct scenario *s, enum side side)
{
	const struct host *h = &s->host[side];

	return h->down_ms + (h->route == ROUTE_UNREACHABLE || h->route == ROUTE_ADDRESS ? h->route_ms : 0);
}

/* As in Linux, what comes after SHUT_RDWR resets the connection. */
static bool is_reset_by_text(const struct scenario *s, enum side side)
{
	return s->program[side].shuts_both && s->program[!side].total;
}

bool scenario_is_orderly(const struct scenario *s)
{
	return !is_reset_by_text(s, CLIENT) && !is_reset_by_text(s, SERVER) &&
	       s->program[CLIENT].ending == ORDERLY && s->program[SERVER].ending == ORDERLY && !s->unlisten_ms &&
	       !s->program[CLIENT].user_timeout_ms && !s->program[SERVER].user_timeout_ms &&
	       !s->host[CLIENT].ends_ms && !s->host[SERVER].ends_ms;
}
