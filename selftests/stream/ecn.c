// SPDX-License-Identifier: GPL-2.0
/*
 * ECN between two stacks: over a network that marks instead of dropping nothing is
 * lost, and the sender slows down all the same; the feature "ecn" of a route.
 *
 *	ecn [-4|-6] [-s kernel|xtcp]
 *
 * Each network is there once for real segments and once for bundles, of which the first segment alone may carry CWR.
 */
#include "ecnpath.h"
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define PORT	5600
#define OCTETS	(2 << 20)
#define TESTS	8
#define ENDLESS	0x7fffffff	/* ssthresh of a sender that met no congestion */

static void marking_network(const struct sides *s, bool bundles)
{
	const struct netem marking = { .delay_ms = 5, .loss = bundles ? 300000 : 20000, .ecn = true };
	struct ns_pair pair = ecnpath_make();
	struct tcp_info sender, receiver;
	int client, server;
	char line[160];
	bool whole;

	if (!bundles)
		must(!ns_link_gso_max_segs(pair.a, "veth0", 1) && !ns_link_gso_max_segs(pair.b, "veth0", 1),
		     "gso_max_segs");
	ecnpath_keep_order(&pair);
	ecnpath_set(pair.a, s->client, 1);
	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	must(!netem_set(pair.a, "veth0", &marking), "netem");
	whole = ecnpath_stream(client, server, OCTETS);
	sender = info_of(client);
	receiver = info_of(server);
	must(!netem_clear(pair.a, "veth0"), "netem");

	ksft_print_msg("%lld segments were marked\n", ecnpath_marks(pair.b, s));
	snprintf(line, sizeof(line), "%s: some are marked, and none is lost", bundles ? "bundles" : "real segments");
	sides_result(whole && ecnpath_marks(pair.b, s) > 0 && !ecnpath_is_lost(&pair, s, 0), line);
	sides_result(sender.tcpi_options & TCPI_OPT_ECN && receiver.tcpi_options & TCPI_OPT_ECN_SEEN,
		     "both ends know of it");
	sides_result(sender.tcpi_snd_ssthresh < ENDLESS, "the sender slows down");
	close_each(client, server);
	ns_pair_close(&pair);
}

static void add_feature(int ns, const struct sides *s, const char *to)
{
	must(!ns_shell(ns, "ip %s route add %s dev veth0 features ecn", strchr(s->addr, ':') ? "-6" : "", to), "route");
}

static bool agrees(const struct ns_pair *pair, const struct sides *s)
{
	int client, server;
	bool both;

	stack_pair_or_die(pair->a, s->client, pair->b, s->server, s->addr, PORT, &client, &server);
	both = info_of(client).tcpi_options & info_of(server).tcpi_options & TCPI_OPT_ECN;
	close_each(client, server);
	return both;
}

static void feature(const struct sides *s)
{
	struct ns_pair pair = ecnpath_make();
	bool without, asked;

	ecnpath_set(pair.a, s->client, 0);
	ecnpath_set(pair.b, s->server, 0);
	without = agrees(&pair, s);
	add_feature(pair.a, s, s->addr);
	asked = agrees(&pair, s);
	add_feature(pair.b, s, s->client_addr);
	sides_result(!without && !asked, "ecn=0, and a route with the feature at one end: no ECN");
	sides_result(agrees(&pair, s), "ecn=0, and such a route at both ends: ECN");
	ns_pair_close(&pair);
}

static void all(const struct sides *s)
{
	marking_network(s, false);
	marking_network(s, true);
	feature(s);
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides);

	test_begin(n * TESTS);
	return sides_each(sides, n, TESTS, all);
}
