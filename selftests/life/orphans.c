// SPDX-License-Identifier: GPL-2.0
/* net.xtcp.max_orphans: how many connections without a program a namespace, and all, may have. The last is reset. */
#include "test.h"

#define PORT	7100
#define LIMIT	3

/* A pair of namespaces with connections that will be orphans; nothing gets through any more. */
struct nest {
	struct ns_pair pair;
	int clients[LIMIT + 1], servers[LIMIT + 1];
};

static void nest_make(struct nest *nest)
{
	must(!ns_pair_make(&nest->pair), "no namespaces");
	sides_know_each_other(&nest->pair);
	for (int i = 0; i <= LIMIT; i++)
		stack_pair_or_die(nest->pair.a, XTCP, nest->pair.b, KERNEL, NS_B4, PORT + i, &nest->clients[i],
				  &nest->servers[i]);
	must(!netem_gate(nest->pair.a, "veth0", false), "the gate does not close");
}

static void nest_end(struct nest *nest)
{
	for (int i = 0; i <= LIMIT; i++)
		close(nest->servers[i]);
	ns_pair_close(&nest->pair);
}

/* Closes client @i, whose FIN nobody acknowledges. True: it lives on as an orphan. */
static bool lives_on(struct nest *nest, int i)
{
	int port = stack_port(nest->clients[i]), state;

	close(nest->clients[i]);
	state = rows_state(nest->pair.a, "/proc/net/xtcp", port, PORT + i);
	if (state && state != 4)
		ksft_print_msg("state %d\n", state);
	return state == 4;
}

static long long refused(const struct nest *nest)
{
	return counter_now(nest->pair.a, "/proc/net/xtcp_netstat", "TcpExt:TCPAbortOnMemory");
}

static void limit_of_namespace(void)
{
	bool ok = true;
	struct nest nest;

	nest_make(&nest);
	ns_sysctl_set(nest.pair.a, "net.xtcp.max_orphans", "%d", LIMIT);
	for (int i = 0; i < LIMIT; i++)
		ok &= lives_on(&nest, i);
	ksft_test_result(ok && !refused(&nest), "a namespace has as many orphans as it may\n");
	ok = !lives_on(&nest, LIMIT);
	ksft_test_result(ok && refused(&nest) == 1, "one more is reset and counted\n");
	nest_end(&nest);
}

static void limit_of_all(void)
{
	struct nest one, other;
	bool ok = true;
	long was;

	nest_make(&one);
	nest_make(&other);
	was = ns_sysctl_get(ns_home(), "net.xtcp.max_orphans");
	must(was >= 0 && !ns_sysctl_set(ns_home(), "net.xtcp.max_orphans", "%d", LIMIT), "no max_orphans");
	for (int i = 0; i < LIMIT - 1; i++)
		ok &= lives_on(&one, i);
	ok &= lives_on(&other, 0);
	ksft_test_result(ok && !refused(&one) && !refused(&other), "two namespaces share what all may have\n");
	ok = !lives_on(&other, 1);
	ksft_test_result(ok && refused(&other) == 1, "one more in the second is reset, far from its own limit\n");
	ns_sysctl_set(ns_home(), "net.xtcp.max_orphans", "%ld", was);
	ksft_test_result(lives_on(&other, 2), "and lives on when the first namespace allows more\n");
	nest_end(&one);
	nest_end(&other);
}

int main(void)
{
	test_begin(5);
	/* the orphans of namespaces that end go some time later, and count among all until then */
	limit_of_all();
	limit_of_namespace();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
