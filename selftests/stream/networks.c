// SPDX-License-Identifier: GPL-2.0
/*
 * Streams both ways at once through a router that is a bad network, every octet compared:
 *
 *	networks [-4|-6] [-s kernel|xtcp]
 *
 * Each kind of network with packets of 576, 1500 and 9000 octets, each of these with the link's offloads (bundles,
 * checksums) and without: a router of its own, over which the connections of all pairs of stacks run at once, as do all
 * routers. The debug kernel has two of the six for each network, of different lengths, one with offloads: each kind of
 * link then meets every third network. The IP version goes in turns; IPv6 has no packets of 576 octets. netem draws its
 * own random numbers; 6.1 has no seed for it.
 */
#include "crossing.h"
#include "router.h"
#include "lib/test.h"

#define PORT		5000
#define STALL_MS	90000
#define OCTETS		250007
#define RATE_KBIT	20000
/* of packets that are full */
#define QUEUE_LONG	60
#define QUEUE_SHORT	8

static const struct kind {
	const char *name;
	bool loses;		/* for sure */
	int queue;		/* packets before the bottleneck, 0: no bottleneck */
	struct netem netem;
} kinds[] = {
	{ "delay", .netem = { .delay_ms = 30 } },
	{ "bottleneck", .queue = QUEUE_LONG, .netem = { .delay_ms = 5, .rate_kbit = RATE_KBIT } },
	{ "tiny queue", true, .queue = QUEUE_SHORT, .netem = { .delay_ms = 5, .rate_kbit = RATE_KBIT } },
	{ "loss", true, .netem = { .delay_ms = 2, .loss = 40000 } },
	{ "bursts of loss", .netem = { .delay_ms = 2, .burst_start = 15000, .burst_end = 300000 } },
	{ "reordering", .netem = { .delay_ms = 5, .reorder = 250000, .reorder_gap = 5 } },
	{ "jitter", .netem = { .delay_ms = 5, .jitter_ms = 4 } },
	{ "duplication", .netem = { .delay_ms = 2, .duplicate = 30000 } },
	{ "corruption", .netem = { .delay_ms = 2, .corrupt = 10000 } },
	{ "all of it", true, .queue = QUEUE_LONG, .netem = {
		.delay_ms = 5, .jitter_ms = 1, .loss = 20000, .reorder = 50000, .duplicate = 10000, .corrupt = 2000,
		.rate_kbit = RATE_KBIT } },
};

static const unsigned int mtus[] = { 576, 1500, 9000 };

#define KINDS	((int)(sizeof(kinds) / sizeof(kinds[0])))
#define LINKS	(2 * (int)(sizeof(mtus) / sizeof(mtus[0])))

struct run {
	const struct kind *kind;
	unsigned int mtu;
	bool offloads, v6;
	char name[64];
	struct router router;
	struct sides sides[SIDES_MAX];
	struct flow flows[2 * SIDES_MAX];
	int nr_sides;
	pthread_t thread;
	struct crossing crossing;
};

/* By kind: bundles are few, and a single network may lose none of them. */
static long long drops[KINDS];

static void *transfer(void *arg)
{
	struct run *r = arg;

	flow_run(r->flows, 2 * r->nr_sides, STALL_MS);
	return NULL;
}

/* The connections are made while the network is still good. */
static void prepare(struct run *r)
{
	struct netem netem = r->kind->netem;
	int i, client, server;

	must(!router_make(&r->router, r->mtu, r->offloads), "no router");
	for (i = 0; i < r->nr_sides; i++) {
		const struct sides *s = &r->sides[i];

		stack_pair_or_die(r->router.sender, s->client, r->router.receiver, s->server,
				  r->v6 ? ROUTER_RECEIVER6 : ROUTER_RECEIVER4, PORT + i, &client, &server);
		flow_pair(&r->flows[2 * i], client, OCTETS, &r->flows[2 * i + 1], server, OCTETS);
	}
	netem.queue = r->kind->queue * r->mtu;
	must(!router_set(&r->router, &netem, &netem), "no netem");
	if (netem.burst_start)
		crossing_start(&r->crossing, r->router.sender, ROUTER_RECEIVER4, r->router.receiver, ROUTER_SENDER4);
	errno = pthread_create(&r->thread, NULL, transfer, r);
	must(!errno, "no thread");
}

static void report(struct run *r)
{
	int i;

	pthread_join(r->thread, NULL);
	if (r->kind->netem.burst_start)
		crossing_end(&r->crossing);
	drops[r->kind - kinds] += router_drops(&r->router);
	for (i = 0; i < r->nr_sides; i++) {
		flow_explain(&r->flows[2 * i], 2);
		ksft_test_result(!r->flows[2 * i].wrong && !r->flows[2 * i + 1].wrong, "%s: %s\n", r->name,
				 r->sides[i].name);
		close(r->flows[2 * i].fd);
		close(r->flows[2 * i + 1].fd);
	}
	router_close(&r->router);
}

/* Those of the IP version whose turn it is, if the arguments left any of it; else of the other. */
static bool choose_sides(struct run *r, const struct sides *all, int n, bool v6)
{
	int i;

	for (i = 0; i < n; i++)
		if (!!strchr(all[i].addr, ':') == v6)
			r->sides[r->nr_sides++] = all[i];
	r->v6 = v6;
	return r->nr_sides;
}

/* False: there is no such combination, or not here. */
static bool choose(struct run *r, int kind, int link, const struct sides *sides, int n)
{
	bool v6 = (kind + link) & 1;

	if (release_is_debug() && (kind + link) % (LINKS / 2))
		return false;
	r->kind = &kinds[kind];
	r->mtu = mtus[link / 2];
	r->offloads = link & 1;
	snprintf(r->name, sizeof(r->name), "%s, %u octets%s", r->kind->name, r->mtu, r->offloads ? ", offloads" : "");
	if (r->mtu < 1280)
		return choose_sides(r, sides, n, false);
	return choose_sides(r, sides, n, v6) || choose_sides(r, sides, n, !v6);
}

int main(int argc, char **argv)
{
	static struct run runs[KINDS * LINKS];
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), kind, link, i, chosen = 0, plan = 0;

	ksft_print_header();
	for (kind = 0; kind < KINDS; kind++) {
		for (link = 0; link < LINKS; link++) {
			if (!choose(&runs[chosen], kind, link, sides, n))
				continue;
			plan += runs[chosen++].nr_sides;
		}
		plan += kinds[kind].loses;
	}
	ksft_set_plan(plan);
	for (i = 0; i < chosen; i++)
		prepare(&runs[i]);
	for (i = 0; i < chosen; i++)
		report(&runs[i]);
	for (kind = 0; kind < KINDS; kind++) {
		if (!kinds[kind].loses)
			continue;
		ksft_print_msg("%s: %lld packets were lost\n", kinds[kind].name, drops[kind]);
		ksft_test_result(drops[kind] > 0, "%s: the network loses packets\n", kinds[kind].name);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
