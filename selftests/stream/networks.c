// SPDX-License-Identifier: GPL-2.0
/*
 * Streams both ways at once through bad networks, every octet compared:
 *
 *	networks [-4|-6] [-s kernel|xtcp]
 *
 * First 2 MB over a link that is the bad network: each kind is a pair of namespaces with netem right below both stacks,
 * once for real segments (gso_max_segs 1) and once for bundles, one of them over IPv4 and one over IPv6. Then through a
 * router: each kind with packets of 576, 1500 and 9000 octets, each of these with the link's offloads (bundles,
 * checksums) and without. The debug kernel has two of the six for each kind, of different lengths, one with offloads:
 * each kind of link then meets every third network. The IP version goes in turns; IPv6 has no packets of 576 octets.
 *
 * All links run at once, and then all routers; over each the connections of all pairs of stacks run at once. netem
 * draws its own random numbers; 6.1 has no seed for it.
 */
#include "lib/test.h"
#include "router.h"

#define PORT		5000
#define STALL_MS	90000
#define OCTETS		250007	/* through a router */
#define OCTETS_OF_LINK	(2 << 20)
#define RATE_KBIT	20000
/* of packets that are full */
#define QUEUE_LONG	60
#define QUEUE_SHORT	8

struct kind {
	const char *name;
	bool loses;		/* for sure */
	int queue;		/* packets before the bottleneck, 0: no bottleneck */
	struct netem netem;
};

static const struct kind links[] = {
	{ "delay", .netem = { .delay_ms = 20, .jitter_ms = 5 } },
	{ "2 % loss", true, .netem = { .delay_ms = 2, .loss = 20000 } },
	/* with bundles there are so few packets that all of them may come between two bursts */
	{ "burst loss", .netem = { .delay_ms = 2, .burst_start = 5000, .burst_end = 300000 } },
	{ "10 % reordering", .netem = { .delay_ms = 5, .reorder = 100000 } },
	{ "1 % duplication", .netem = { .delay_ms = 2, .duplicate = 10000 } },
	{ "0.1 % corruption", .netem = { .delay_ms = 2, .corrupt = 1000 } },
	{ "all of it", true, .netem = {
		.delay_ms = 5, .jitter_ms = 1, .loss = 20000, .reorder = 100000, .duplicate = 10000,
		.corrupt = 1000 } },
};

static const struct kind kinds[] = {
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

#define ON_LINKS	(2 * (int)ARRAY_SIZE(links))
#define KINDS		((int)ARRAY_SIZE(kinds))
#define LINKS		(2 * (int)ARRAY_SIZE(mtus))

struct run {
	const struct kind *kind;
	unsigned int mtu;	/* 0: no router is between them */
	bool offloads, v6;
	char name[64];
	struct router router;
	struct sides sides[SIDES_MAX];
	struct flow flows[2 * SIDES_MAX];
	int nr_sides;
	pthread_t thread;
	struct crossing crossing;
};

/* By kind of router: bundles are few, and a single network may lose none of them. */
static long long drops[KINDS];

static bool link_loses(const struct run *r)
{
	return !r->mtu && (r->kind->loses || (r->kind->netem.burst_start && !r->offloads));
}

static void *transfer(void *arg)
{
	struct run *r = arg;

	flow_run(r->flows, 2 * r->nr_sides, STALL_MS);
	return NULL;
}

static void make_link(struct run *r)
{
	struct ns_pair pair;

	must(!ns_pair_make(&pair), "no namespaces");
	must(r->offloads || (!ns_link_gso_max_segs(pair.a, "veth0", 1) && !ns_link_gso_max_segs(pair.b, "veth0", 1)),
	     "no gso_max_segs");
	r->router = (struct router){ .sender = pair.a, .router = -1, .receiver = pair.b };
}

/* The connections are made while the network is still good. */
static void prepare(struct run *r)
{
	const char *to = r->mtu ? (r->v6 ? ROUTER_RECEIVER6 : ROUTER_RECEIVER4) : r->v6 ? NS_B6 : NS_B4;
	const int octets = r->mtu ? OCTETS : OCTETS_OF_LINK;
	struct netem netem = r->kind->netem;
	int i, client, server;

	if (r->mtu)
		must(!router_make(&r->router, r->mtu, r->offloads), "no router");
	else
		make_link(r);
	for (i = 0; i < r->nr_sides; i++) {
		stack_pair_or_die(r->router.sender, r->sides[i].client, r->router.receiver, r->sides[i].server, to,
				  PORT + i, &client, &server);
		flow_pair(&r->flows[2 * i], client, octets, &r->flows[2 * i + 1], server, octets);
	}
	netem.queue = r->kind->queue * r->mtu;
	must(r->mtu ? !router_set(&r->router, &netem, &netem) : !netem_set(r->router.sender, "veth0", &netem) &&
	     !netem_set(r->router.receiver, "veth0", &netem), "no netem");
	if (netem.burst_start)
		crossing_start(&r->crossing, r->router.sender, r->mtu ? ROUTER_RECEIVER4 : NS_B4, r->router.receiver,
			       r->mtu ? ROUTER_SENDER4 : NS_A4);
	errno = pthread_create(&r->thread, NULL, transfer, r);
	must(!errno, "no thread");
}

/* What a link has lost was sent again; some of it may be nobody's. */
static void report_link(struct run *r)
{
	long long lost = netem_drops(r->router.sender, "veth0") + netem_drops(r->router.receiver, "veth0"), resent = 0;

	for (int i = 0; i < 2 * r->nr_sides; i++)
		resent += info_of(r->flows[i].fd).tcpi_total_retrans;
	ksft_print_msg("%s: the network lost %lld packets, %lld were resent\n", r->name, lost, resent);
	if (link_loses(r))
		ksft_test_result(lost && resent, "%s: the network loses packets\n", r->name);
}

static void report(struct run *r)
{
	pthread_join(r->thread, NULL);
	if (r->kind->netem.burst_start)
		crossing_end(&r->crossing);
	if (r->mtu)
		drops[r->kind - kinds] += router_drops(&r->router);
	else
		report_link(r);
	for (int i = 0; i < r->nr_sides; i++) {
		flow_explain(&r->flows[2 * i], 2);
		ksft_test_result(!r->flows[2 * i].wrong && !r->flows[2 * i + 1].wrong, "%s: %s\n", r->name,
				 r->sides[i].name);
		close_each(r->flows[2 * i].fd, r->flows[2 * i + 1].fd);
	}
	if (r->mtu)
		router_close(&r->router);
	else
		close_each(r->router.sender, r->router.receiver);
}

static void play(struct run *runs, int n)
{
	for (int i = 0; i < n; i++)
		prepare(&runs[i]);
	for (int i = 0; i < n; i++)
		report(&runs[i]);
}

/* Those of the IP version whose turn it is, if the arguments left any of it; else of the other. */
static bool choose_sides(struct run *r, const struct sides *all, int n, bool v6)
{
	for (int i = 0; i < n; i++)
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

static void choose_link(struct run *r, int i, const struct sides *sides, int n)
{
	bool v6 = (i ^ i >> 1) & 1;

	r->kind = &links[i / 2];
	r->offloads = i & 1;
	snprintf(r->name, sizeof(r->name), "%s, %s", r->kind->name, r->offloads ? "bundles" : "real segments");
	if (!choose_sides(r, sides, n, v6))
		choose_sides(r, sides, n, !v6);
}

int main(int argc, char **argv)
{
	static struct run on_links[ON_LINKS], runs[KINDS * LINKS];
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), kind, link, i, chosen = 0, plan = 0;

	for (i = 0; i < ON_LINKS; i++) {
		choose_link(&on_links[i], i, sides, n);
		plan += on_links[i].nr_sides + link_loses(&on_links[i]);
	}
	for (kind = 0; kind < KINDS; kind++) {
		for (link = 0; link < LINKS; link++)
			if (choose(&runs[chosen], kind, link, sides, n))
				plan += runs[chosen++].nr_sides;
		plan += kinds[kind].loses;
	}
	test_begin(plan);
	play(on_links, ON_LINKS);
	play(runs, chosen);
	for (kind = 0; kind < KINDS; kind++) {
		if (!kinds[kind].loses)
			continue;
		ksft_print_msg("%s: %lld packets were lost\n", kinds[kind].name, drops[kind]);
		ksft_test_result(drops[kind] > 0, "%s: the network loses packets\n", kinds[kind].name);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
