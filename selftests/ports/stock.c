// SPDX-License-Identifier: GPL-2.0
/*
 * The socks that hold ports in kernel TCP's table: those of ports that were given back
 * stay for the next ports, and are freed when none needs them.
 */
#include <errno.h>
#include <kselftest.h>
#include <string.h>
#include <unistd.h>

#include "lib/ns.h"
#include "lib/slabs.h"
#include "lib/stack.h"
#include "lib/wait.h"

#define FIRST	20000
#define PORTS	400
#define KEPT	16		/* for good */
#define SLACK	64		/* what processors keep of a slab cannot be told from what is in use */
#define FREED_MS	75000	/* two looks, half a minute apart, and the grace period */

static int ns, fds[PORTS];

static long socks(void)
{
	struct slabs slabs;
	int i;

	slabs_read(&slabs);
	for (i = 0; i < SLABS_N; i++)
		if (!strcmp(slabs_names[i], "xtcp_lease"))
			return slabs.active[i];
	return -1;
}

static void take_ports(void)
{
	int i;

	for (i = 0; i < PORTS; i++) {
		fds[i] = stack_bound(ns, XTCP, "127.0.0.1", FIRST + i, false);
		if (fds[i] < 0)
			ksft_exit_fail_msg("bind: %s\n", strerror(errno));
	}
}

static void give_back(void)
{
	int i;

	for (i = 0; i < PORTS; i++)
		close(fds[i]);
}

int main(void)
{
	long before, first, again, left;

	ksft_print_header();
	ns = ns_make();
	before = socks();
	if (ns < 0)
		ksft_exit_fail_msg("no namespace\n");
	if (before < 0)
		ksft_exit_fail_msg("/proc/slabinfo shows no socks of leases\n");
	ksft_set_plan(3);
	take_ports();
	first = socks();
	give_back();
	ksft_test_result(first >= before + PORTS && socks() >= first - SLACK, "socks of %ld ports stay: %ld\n",
			 first - before, socks() - before);
	take_ports();
	again = socks();
	ksft_test_result(again <= first + KEPT + SLACK, "the next ports take them: %ld\n", again - before);
	give_back();
	WAIT_FOR((left = socks()) <= before + KEPT + SLACK, FREED_MS);
	ksft_test_result(left <= before + KEPT + SLACK, "and when none needs them they are freed: %ld\n",
			 left - before);
	close(ns);
	ksft_finished();
}
