// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection has in memory for text: nothing before there is text, one object at each end after the first octet,
 * and none when it is gone. An algorithm that has something to tell has one at once. By /proc/slabinfo, where the slab
 * stands apart on each kernel.
 */
#include "lib/test.h"

#define COUNT 100	/* connections, both ends of each on xtcp */

static struct slabs before;
static int ns, clients[COUNT], servers[COUNT];

/* Objects beyond those that there were at first. */
static long more(void)
{
	struct slabs now;

	slabs_read(&now);
	for (int i = 0; i < SLABS_N; i++)
		if (!strcmp(slabs_names[i], "xtcp_stream"))
			return now.active[i] - before.active[i];
	return -1;
}

static void open_all(const char *text)
{
	for (int i = 0; i < COUNT; i++)
		stack_pair_or_die(ns, XTCP, ns, XTCP, text, 0, &clients[i], &servers[i]);
}

static void close_all(void)
{
	for (int i = 0; i < COUNT; i++)
		close_each(clients[i], servers[i]);
}

static void result(long want, const char *ip, const char *what)
{
	const bool ok = WAIT_FOR(more() == want, STACK_DEADLINE_MS);

	if (!ok)
		ksft_print_msg("%ld objects, not %ld\n", more(), want);
	ksft_test_result(ok, "%s, %s\n", ip, what);
}

static void lives(const char *text, const char *ip)
{
	char octet = 0;

	open_all(text);
	ksft_test_result(!more(), "%s, connections without text have none\n", ip);
	for (int i = 0; i < COUNT; i++)
		must(send(clients[i], "", 1, 0) == 1 && recv(servers[i], &octet, 1, 0) == 1, "one octet");
	result(2 * COUNT, ip, "after an octet one at each end");
	close_all();
	result(0, ip, "none when these are closed");
	open_all(text);
	close_all();
	result(0, ip, "nor when others are that never had text");
	open_all(text);
	for (int i = 0; i < COUNT; i++)
		must(!setsockopt(clients[i], IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), "bbr");
	result(COUNT, ip, "an algorithm with a rate of its own has one at once");
	close_all();
	result(0, ip, "and none at the end");
}

int main(void)
{
	test_begin(12);
	ns = ns_make();
	must(ns >= 0 && !ns_enter(ns), "namespace");
	slabs_read(&before);
	lives("127.0.0.1", "IPv4");
	lives("::1", "IPv6");
	ksft_finished();
}
