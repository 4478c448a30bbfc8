// SPDX-License-Identifier: GPL-2.0
/*
 * 2 MB (256 KB on a debug kernel) both ways at once over bad networks, every
 * octet compared:
 *
 *	lossy [-4|-6] [-s kernel|xtcp]
 *
 * Each network is a pair of namespaces of its own with netem at both ends, once
 * for real segments (gso_max_segs 1) and once for bundles, one of them over IPv4
 * and one over IPv6, and all networks run at once; over each of them the
 * connections of all pairs of stacks run at once too. netem draws its own random
 * numbers; 6.1 has no seed for it.
 */
#include "crossing.h"
#include "test.h"

#define PORT 5000
#define STALL_MS 90000

static const struct {
	const char *name;
	struct netem netem;
} networks[] = {
	{ "delay", { .delay_ms = 20, .jitter_ms = 5 } },
	{ "2 % loss", { .delay_ms = 2, .loss = 20000 } },
	{ "burst loss", { .delay_ms = 2, .burst_start = 5000, .burst_end = 300000 } },
	{ "10 % reordering", { .delay_ms = 5, .reorder = 100000 } },
	{ "1 % duplication", { .delay_ms = 2, .duplicate = 10000 } },
	{ "0.1 % corruption", { .delay_ms = 2, .corrupt = 1000 } },
	{ "all of it", {
		.delay_ms = 5, .jitter_ms = 1, .loss = 20000, .reorder = 100000,
		.duplicate = 10000, .corrupt = 1000 } },
};

#define NETWORKS ((int)(sizeof(networks) / sizeof(networks[0])))

struct run {
	const struct netem *netem;
	const char *name;
	bool bundles;
	struct ns_pair pair;
	struct sides sides[SIDES_MAX];
	struct flow flows[2 * SIDES_MAX];
	int nr_sides;
	pthread_t thread;
	struct crossing crossing;
};

/* Bundles are so few packets that all of them may come between two bursts. */
static bool surely_loses(const struct run *r)
{
	return r->netem->loss || (r->netem->burst_start && !r->bundles);
}

static void *transfer(void *arg)
{
	struct run *r = arg;

	flow_run(r->flows, 2 * r->nr_sides, STALL_MS);
	return NULL;
}

/* The connections are made while the network is still good. */
static void prepare(struct run *r, long long size)
{
	int i, client, server;

	must(!ns_pair_make(&r->pair), "no namespaces");
	if (!r->bundles && (ns_link_gso_max_segs(r->pair.a, "veth0", 1) ||
			    ns_link_gso_max_segs(r->pair.b, "veth0", 1)))
		ksft_exit_fail_msg("no gso_max_segs\n");
	for (i = 0; i < r->nr_sides; i++) {
		const struct sides *s = &r->sides[i];

		stack_pair_or_die(r->pair.a, s->client, r->pair.b, s->server, s->addr,
				  PORT + i, &client, &server);
		flow_pair(&r->flows[2 * i], client, size, &r->flows[2 * i + 1], server, size);
	}
	must(!netem_set(r->pair.a, "veth0", r->netem) && !netem_set(r->pair.b, "veth0", r->netem), "no netem");
	if (r->netem->burst_start)
		crossing_start(&r->crossing, r->pair.a, NS_B4, r->pair.b, NS_A4);
	errno = pthread_create(&r->thread, NULL, transfer, r);
	must(!errno, "no thread");
}

static void report(struct run *r)
{
	const char *how = r->bundles ? "bundles" : "real segments";
	long long drops, resent = 0;
	int i;

	pthread_join(r->thread, NULL);
	if (r->netem->burst_start)
		crossing_end(&r->crossing);
	drops = netem_drops(r->pair.a, "veth0") + netem_drops(r->pair.b, "veth0");
	for (i = 0; i < 2 * r->nr_sides; i++)
		resent += info_of(r->flows[i].fd).tcpi_total_retrans;
	/* some of them may be nobody's */
	ksft_print_msg("%s, %s: the network lost %lld packets, %lld were resent\n", r->name, how, drops, resent);
	if (surely_loses(r))
		ksft_test_result(drops && resent, "%s, %s: the network loses packets\n", r->name, how);
	for (i = 0; i < r->nr_sides; i++) {
		flow_explain(&r->flows[2 * i], 2);
		ksft_test_result(!r->flows[2 * i].wrong && !r->flows[2 * i + 1].wrong, "%s, %s: %s\n",
				 r->name, how, r->sides[i].name);
		close(r->flows[2 * i].fd);
		close(r->flows[2 * i + 1].fd);
	}
	ns_pair_close(&r->pair);
}

/* Those of one IP, if the arguments left any of it. */
static void choose_sides(struct run *r, const struct sides *all, int n, bool v6)
{
	int i;

	for (i = 0; i < n; i++)
		if (!!strchr(all[i].addr, ':') == v6)
			r->sides[r->nr_sides++] = all[i];
}

int main(int argc, char **argv)
{
	static struct run runs[2 * NETWORKS];
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i, plan = 0;
	long long size = 2 << 20;

	ksft_print_header();
	for (i = 0; i < 2 * NETWORKS; i++) {
		runs[i].netem = &networks[i / 2].netem;
		runs[i].name = networks[i / 2].name;
		runs[i].bundles = i & 1;
		choose_sides(&runs[i], sides, n, (i ^ i >> 1) & 1);
		if (!runs[i].nr_sides)
			choose_sides(&runs[i], sides, n, strchr(sides[0].addr, ':'));
		plan += runs[i].nr_sides + surely_loses(&runs[i]);
	}
	ksft_set_plan(plan);
	for (i = 0; i < 2 * NETWORKS; i++)
		prepare(&runs[i], size);
	for (i = 0; i < 2 * NETWORKS; i++)
		report(&runs[i]);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
