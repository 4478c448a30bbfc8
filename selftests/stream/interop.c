// SPDX-License-Identifier: GPL-2.0
/*
 * Streams between xtcp and kernel TCP over a veth, in both directions, from
 * none to 100 MB (10 MB on a debug kernel), every octet compared:
 *
 *	interop [-4|-6] [-s kernel|xtcp]
 */
#include "lib/test.h"

#define PORT 5000
#define STALL_MS 60000

static struct ns_pair pair;

static void transfer(const struct sides *s, const char *size, long long to_server, long long to_client)
{
	struct flow ends[2];
	int client, server;
	bool ok;

	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	flow_pair(&ends[0], client, to_server, &ends[1], server, to_client);
	ok = flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	ksft_test_result(ok, "%s: %s %s\n", s->name, size, to_server && to_client ? "each way at once" :
			 to_client ? "from the server" : "from the client");
	close_each(client, server);
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i;
	bool debug = release_is_debug();
	long long large = debug ? 10000000 : 100000000;
	const char *name = debug ? "10 MB" : "100 MB";

	test_begin(n * 7);
	must(!ns_pair_make(&pair), "no namespaces");
	for (i = 0; i < n; i++) {
		transfer(&sides[i], "0 B", 0, 0);
		transfer(&sides[i], "1 B", 1, 0);
		transfer(&sides[i], "1 B", 0, 1);
		transfer(&sides[i], "1 MB", 1000000, 0);
		transfer(&sides[i], "1 MB", 0, 1000000);
		transfer(&sides[i], "1 MB", 1000000, 1000000);
		/* One way over each IP: as much again would tell little. */
		if (strchr(sides[i].addr, ':'))
			transfer(&sides[i], name, 0, large);
		else
			transfer(&sides[i], name, large, 0);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
