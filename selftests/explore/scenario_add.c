// SPDX-License-Identifier: GPL-2.0
/* What was added to scenarios later. */
#include "scenario.h"

/* Random numbers of one ingredient. */
static struct chance own(uint64_t state, uint64_t ingredient)
{
	struct chance c = { state ^ ingredient * 0xd1342543de82ef95ULL };

	chance_next(&c);
	return c;
}

/* The first connection brings the cookie for the next ones. */
static void add_second_connection(struct chance *c, struct scenario *s)
{
	const long long round_trip_us = s->towards[CLIENT].delay_us + s->towards[SERVER].delay_us;

	if (s->connections == 1)
		s->connections = 2;
	s->apart_ms = round_trip_us * 2 / 1000 + chance_spread(c, 1, 500);
}

/* RFC 7413. Programs that send no text ask for nothing. */
static void add_fastopen(struct chance c, struct scenario *s)
{
	static const int bits[] = { 3, 3, 3, 0x7, 0x7, 0x203, 0x207, 0x207, 0x603, 1 };
	struct program *client = &s->program[CLIENT];

	if (!chance_once_in(&c, 10) || !client->total)
		return;
	s->fastopen = bits[chance_below(&c, sizeof(bits) / sizeof(bits[0]))];
	/* in Linux 6.1, sendfile() never opens a connection */
	client->fastopen = client->sendfile ? 1 : 1 + chance_below(&c, 2);
	s->program[SERVER].fastopen = chance_once_in(&c, 8) ? 0 : chance_spread(&c, 1, 16);
	if (s->fastopen != 0x207 && !chance_once_in(&c, 3))
		add_second_connection(&c, s);
	if (chance_once_in(&c, 4))
		s->towards[SERVER].syn_box = 1 + chance_below(&c, STRIPS_OPTION);
	if (chance_once_in(&c, 8))
		s->towards[CLIENT].syn_box = 1 + chance_below(&c, STRIPS_OPTION);
	if (chance_once_in(&c, 8) && !s->host[SERVER].ends_ms)
		s->rekey_ms = chance_spread(&c, 10, 2000);
}

/* The packets of a handshake and an end, the first one that is sent again, any other. */
static void add_chosen_losses(struct chance c, struct network *n)
{
	static const int kinds[] = {
		KIND_DATA, KIND_DATA, KIND_AGAIN, KIND_AGAIN, KIND_ACK, KIND_SYN, KIND_FIN, KIND_RST,
	};

	n->lose_nth = 1;
	n->lose_n = 1;
	if (!chance_once_in(&c, 10))
		return;
	n->lose = kinds[chance_below(&c, sizeof(kinds) / sizeof(kinds[0]))];
	if (n->lose == KIND_DATA || n->lose == KIND_ACK)
		n->lose_nth = chance_spread(&c, 1, 60);
	else if (n->lose == KIND_AGAIN)
		n->lose_nth += chance_below(&c, 3);
	n->lose_n = chance_once_in(&c, 2) ? 1 : 1 + chance_below(&c, 4);
}

/* DCTCP and TCP Prague, with marks for them. Most of their peers have AccECN. */
static void add_scalable(struct chance c, struct scenario *s)
{
	if (!chance_once_in(&c, 12))
		return;
	s->algorithm = chance_once_in(&c, 2) ? DCTCP : PRAGUE;
	if (!chance_once_in(&c, 3))
		s->ecn = 3;
	for (int side = 0; side < SIDES; side++) {
		if (!chance_once_in(&c, 4))
			s->towards[side].ce_ppm = chance_spread(&c, 1000, 800000);
	}
}

/* One side alone waits for the other's end before it ends: SHUT_RD, then SHUT_WR. SHUT_RDWR is the other order. */
static void add_shut(struct chance c, struct scenario *s)
{
	const enum side side = chance_below(&c, SIDES);
	struct program *p = &s->program[side];

	if (!chance_once_in(&c, 12) || p->ending != ORDERLY)
		return;
	if (chance_once_in(&c, 4))
		p->shuts_both = true;
	else
		p->shut_rd = chance_once_in(&c, 3) ? 1 : 1 + chance_below(&c, s->program[!side].total + 1);
}

/* A thread that waits in recv() needs no epoll, and is no process that is killed. Threads are rare: they are slow. */
static void add_threads(struct chance c, struct program *p)
{
	if (!chance_once_in(&c, 50) || p->ending == KILLED || p->ending == CUT_OFF || p->shut_rd || p->shuts_both)
		return;
	p->blocks = true;
	p->edges = false;
	p->lowat = 0;
}

/* Less than all that a scenario could have in its queues. */
static void add_memory_pressure(struct chance c, struct scenario *s)
{
	if (chance_once_in(&c, 24))
		s->mem_pages = chance_spread(&c, 4, 150);
}

static void add_corrupt_text(struct chance c, struct scenario *s)
{
	for (int side = 0; side < SIDES; side++)
		s->towards[side].corrupts_text = s->towards[side].corrupt_ppm && chance_once_in(&c, 2);
}

/* RFC 9293 section 3.5, figure 8: nobody listens. */
static void add_simultaneous_open(struct chance c, struct scenario *s)
{
	if (!chance_once_in(&c, 12) || s->fastopen)
		return;
	s->opens_both = true;
	s->accept_ms = 0;
	s->unlisten_ms = 0;
	s->heir_ms = 0;
}

/* What ends with a device or a namespace is not changed as well. */
static void add_route(struct chance c, struct scenario *s, struct host *h)
{
	static const int routes[] = {
		ROUTE_DEVICE, ROUTE_DEVICE, ROUTE_DEVICE, ROUTE_GATEWAY, ROUTE_MTU, ROUTE_UNREACHABLE, ROUTE_ADDRESS,
	};
	const int least = s->v6 ? 1280 : 600;

	if (!chance_once_in(&c, 8) || h->down_ms || h->ends_ms)
		return;
	h->route = routes[chance_below(&c, sizeof(routes) / sizeof(routes[0]))];
	h->route_from_ms = chance_spread(&c, 1, 3000);
	h->route_ms = chance_spread(&c, 10, 5000);
	h->route_mtu = least + chance_below(&c, s->mtu - least + 1);
	if (h->route < ROUTE_UNREACHABLE && chance_once_in(&c, 3))
		h->route_ms = 0;
}

/* Threads and sendfile() have no pages to look after. */
static void add_zerocopy(struct chance c, struct scenario *s, enum side side)
{
	struct program *p = &s->program[side];

	if (chance_once_in(&c, 10) && s->stack[side] == XTCP && !p->blocks && !p->sendfile)
		p->zerocopy_ppm = chance_once_in(&c, 2) ? 1000000 : chance_spread(&c, 10000, 1000000);
}

static void add_lone_failure(struct chance c, struct scenario *s)
{
	if (chance_once_in(&c, 3) && !s->fail_ppm)
		s->fail_after = chance_spread(&c, 1000, 1000000);
}

/* The judge knows marks by the algorithm, so DCTCP and Prague stay. */
static void add_switches(struct chance c, struct scenario *s)
{
	if (chance_once_in(&c, 8) && s->algorithm <= BBR)
		s->switch_ms = chance_once_in(&c, 4) ? chance_spread(&c, 1, 5) : chance_spread(&c, 5, 2000);
}

void scenario_add(struct scenario *s, uint64_t state)
{
	add_fastopen(own(state, 1), s);
	add_chosen_losses(own(state, 2), &s->towards[CLIENT]);
	add_chosen_losses(own(state, 3), &s->towards[SERVER]);
	add_scalable(own(state, 4), s);
	add_corrupt_text(own(state, 9), s);
	add_memory_pressure(own(state, 8), s);
	add_shut(own(state, 5), s);
	add_threads(own(state, 6), &s->program[CLIENT]);
	add_threads(own(state, 7), &s->program[SERVER]);
	add_simultaneous_open(own(state, 10), s);
	add_route(own(state, 11), s, &s->host[CLIENT]);
	add_route(own(state, 12), s, &s->host[SERVER]);
	add_zerocopy(own(state, 13), s, CLIENT);
	add_zerocopy(own(state, 14), s, SERVER);
	add_lone_failure(own(state, 15), s);
	add_switches(own(state, 17), s);
}

/*
 * Pages of MSG_ZEROCOPY are looked after by what the wire says. With ECN, or behind the FIN of a program without text,
 * text goes as segments.
 */
void scenario_make_local(struct scenario *s)
{
	struct chance c = own(s->seed, 16);

	s->local = 1 + chance_below(&c, 2);
	s->fastopen = 0;
	s->rekey_ms = 0;
	s->opens_both = false;
	if (!chance_once_in(&c, 8))
		s->ecn = 0;
	for (int side = 0; side < SIDES; side++) {
		s->stack[side] = XTCP;
		s->towards[side] = (struct network){ .lose_nth = 1, .lose_n = 1 };
		s->host[side] = (struct host){ 0 };
		s->program[side].fastopen = 0;
		s->program[side].zerocopy_ppm = 0;
		if (s->program[side].total)
			continue;
		s->program[side].total = chance_spread(&c, 1, 3000);
		s->program[side].write_pause_us = 0;	/* it was chosen for one write */
	}
}

void scenario_make_live(struct scenario *s)
{
	struct chance c = own(s->seed, 18), u = own(s->seed, 19), r = own(s->seed, 20);

	if (chance_once_in(&r, 4)) {
		s->replace_ms = chance_spread(&r, 10, 2000);
		s->switch_ms = 0;
	}
	if (s->stack[SERVER] == XTCP && chance_once_in(&u, 2))
		s->upgrade_ms = chance_spread(&u, 1, 1000);

	for (int side = 0; side < SIDES; side++) {
		if (chance_once_in(&c, 3))
			continue;
		s->host[side].repair_ms = chance_spread(&c, 1, 3000);
		s->host[side].repair_moves = chance_once_in(&c, 2);
	}
}
