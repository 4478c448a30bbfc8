// SPDX-License-Identifier: GPL-2.0
/*
 * What two ends on one machine cost, where time is instructions (`make bench B=local`):
 *
 *	bench_local ROUNDS COUNT LOCAL
 *		both ends in one program, over the loopback, on kernel TCP, on xtcp and on a unix socket, which is
 *		the limit; COUNT of each work a round. How many times xtcp's cost kernel TCP's is, the median of the
 *		rounds. LOCAL: net.xtcp.local
 *
 *	rr N		N octets there and back
 *	write N		a write of N octets, and the peer reads them
 *	crr		connect, accept, an octet each way, both ends closed
 */
#include "lib/measure.h"
#include "lib/test.h"

#define PORT		7160
#define HERE		"127.0.0.1"
#define MOST		65536
#define UNIX		SECOND

static char octets[MOST];
static int listeners[2];
static int net;

static void pair_of(enum stack stack, int fds[2])
{
	if (stack == UNIX) {
		measure_must(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
		return;
	}
	fds[0] = stack_connected(net, stack, HERE, PORT + stack);
	fds[1] = fds[0] < 0 ? -1 : accept(listeners[stack], NULL, NULL);
	measure_must(fds[1] >= 0 && !stack_set(fds[0], IPPROTO_TCP, TCP_NODELAY, 1) &&
		     !stack_set(fds[1], IPPROTO_TCP, TCP_NODELAY, 1), "connect");
}

static void carry(int from, int to, int n)
{
	ssize_t got;

	measure_must(send(from, octets, n, MSG_NOSIGNAL) == n, "send");
	for (; n; n -= got) {
		got = recv(to, octets, n, 0);
		measure_must(got > 0, "recv");
	}
}

static const struct {
	const char *name;
	int n;
	bool answers, connects;
} works[] = {
	{ "rr 1", 1, true, false },
	{ "rr 1024", 1024, true, false },
	{ "rr 16384", 16384, true, false },
	{ "write 64", 64, false, false },
	{ "write 1024", 1024, false, false },
	{ "write 16384", 16384, false, false },
	{ "write 65536", 65536, false, false },
	{ "crr", 1, true, true },
};

/* Seconds for @count. */
static double work(enum stack stack, int which, int fds[2], int count)
{
	double begin = measure_now();

	while (count--) {
		if (works[which].connects)
			pair_of(stack, fds);
		carry(fds[0], fds[1], works[which].n);
		if (works[which].answers)
			carry(fds[1], fds[0], works[which].n);
		if (works[which].connects)
			close_each(fds[0], fds[1]);
	}
	return measure_now() - begin;
}

/* Nanoseconds for one. */
static double cost(enum stack stack, int which, int count)
{
	double seconds;
	int fds[2];

	if (!works[which].connects)
		pair_of(stack, fds);
	work(stack, which, fds, count / 4);
	seconds = work(stack, which, fds, count);
	if (!works[which].connects)
		close_each(fds[0], fds[1]);
	return seconds * 1e9 / count;
}

static void measure(int which, int rounds, int count)
{
	double ratio[MEASURE_ROUNDS_MAX], each[3][MEASURE_ROUNDS_MAX] = {}, median, ours, theirs;
	const int stacks = works[which].connects ? 2 : 3;

	for (int round = 0; round < rounds; round++) {
		for (int stack = 0; stack < stacks; stack++)
			each[stack][round] = cost(stack, which, count);
		ratio[round] = each[KERNEL][round] / each[XTCP][round];
	}
	median = measure_median(ratio, rounds);
	ours = measure_median(each[XTCP], rounds);
	theirs = measure_median(each[KERNEL], rounds);
	printf("local %-12s %5.2fx  (%.0f ns against %.0f; a unix socket %.0f)\n", works[which].name, median, ours,
	       theirs, measure_median(each[UNIX], rounds));
	fflush(stdout);
	measure_record(works[which].name, "ns", median, ours, theirs);
}

int main(int argc, char **argv)
{
	int rounds = argc == 4 ? atoi(argv[1]) : 0, count = argc == 4 ? atoi(argv[2]) : 0, stack;

	measure_begin(rounds >= 1 && rounds <= MEASURE_ROUNDS_MAX && count >= 4, "bench_local ROUNDS COUNT LOCAL");
	net = ns_make();
	measure_must(net >= 0 && !ns_sysctl_set(net, "net.xtcp.local", "%s", argv[3]), "namespace");
	for (stack = 0; stack < 2; stack++) {
		listeners[stack] = stack_listener(net, stack, HERE, PORT + stack, true);
		measure_must(listeners[stack] >= 0, "listen");
	}
	for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++)
		measure(i, rounds, count);
	return 0;
}
