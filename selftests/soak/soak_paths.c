// SPDX-License-Identifier: GPL-2.0
/*
 * What Careful Resume has saved of a path, when the clock is far ahead: after its lifetime, a month and a year nothing
 * is listed, and a connection on that path begins without a jump (RFC 9959 section 3.2, "Lifetime"). Before each time a
 * connection observes the path, and the next one jumps: so the path itself is no obstacle.
 *
 * soak_paths DAYS: instead of a year; ten years are 3652, and take half an hour.
 */
#include "lib/test.h"
#include "lib/virtual.h"

#define PORT		5600
#define LIFETIME_S	21600	/* the longest that net.xtcp.careful_resume allows */
#define MUCH		4000000

static struct ns_pair net;
static int listener;

static long long jumps(void)
{
	struct counters counters;

	must(!counters_read_xtcp(&counters, net.a), "counters");
	return counters_get(&counters, "TcpExt:TCPResumeJumped");
}

static bool is_listed(void)
{
	char *text = ns_read_file(net.a, "/proc/net/xtcp_paths");
	bool is = text && strstr(text, "to=" NS_B4);

	free(text);
	return is;
}

static bool transfer(void)
{
	long long before = jumps();
	pthread_t reader;
	int fd = stack_connected(net.a, XTCP, NS_B4, PORT), peer = accept(listener, NULL, NULL);

	must(peer >= 0 && !pthread_create(&reader, NULL, bulk_swallow, &peer), "a connection");
	bulk_send(fd, MUCH);
	must(WAIT_FOR(!bulk_unacknowledged(fd), STACK_DEADLINE_MS), "a transfer");
	close(fd);
	pthread_join(reader, NULL);
	close(peer);
	return jumps() != before;
}

static void after(const char *what, uint64_t wait)
{
	bool saved = WAIT_FOR(is_listed(), STACK_DEADLINE_MS), again = transfer(), before;

	must(WAIT_FOR(is_listed(), STACK_DEADLINE_MS), "a path");
	virtual_sleep_until(virtual_now() + wait);
	before = is_listed();
	ksft_test_result(saved && again && !before && !transfer(), "after %s nothing is left of a path\n", what);
}

int main(int argc, char **argv)
{
	const struct netem far = { .delay_ms = 10 };
	const int days = argc > 1 ? atoi(argv[1]) : 365;

	ksft_print_header();
	virtual_or_skip();
	ksft_set_plan(3);
	must(!ns_pair_make(&net) && !ns_enter(net.a), "namespaces");
	must(!netem_set(net.a, "veth0", &far) && !netem_set(net.b, "veth0", &far), "netem");
	must(!ns_sysctl_set(net.a, "net.xtcp.careful_resume", "%d", LIFETIME_S), "careful_resume");
	listener = stack_listener(net.b, KERNEL, NS_B4, PORT, true);
	must(listener >= 0 && !transfer(), "the first one");
	after("its lifetime", LIFETIME_S * VIRTUAL_S);
	after("a month", 30 * VIRTUAL_DAY);
	after("years", days * VIRTUAL_DAY);
	close(listener);
	must(!ns_enter(ns_home()), "home");
	ns_pair_close(&net);
	must(ns_all_ended(STACK_DEADLINE_MS), "namespaces do not end");
	ksft_finished();
}
