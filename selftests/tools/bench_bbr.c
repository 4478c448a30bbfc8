// SPDX-License-Identifier: GPL-2.0
/*
 * BBR on bad networks (`make bench`):
 *
 *	bench_bbr RUNS SECONDS [PART]...
 *		RUNS of each measure, in turns, whose medians count. A stream lasts SECONDS behind its first one.
 *		Without a PART all of them
 *
 *	loss	1 % of the segments are lost at random, 20 ms; links of 20, 50 and 100 Mbit/s: goodput of bbr, of
 *		CUBIC, and of kernel TCP's bbr, which is version 1 and does not look at losses. Bound: 3 times CUBIC, or
 *		0.9 of the link where it has no room for that
 *	clean	the same links without loss, with a queue of a round trip: beside kernel TCP's bbr. Bound: 0.99 of it,
 *		for version 3 sends 1 % less than the link carries, and lets the queue run empty
 *	queue	40 Mbit/s, 20 ms and a queue of 1000 packets: by how much round trips are longer than the path, in the
 *		median. Bound: 5 ms
 *	share	two flows of bbr and two of CUBIC through 40 Mbit/s with a queue of 100 packets, 4 times as long: the
 *		least of them in part of the link, the median of the runs. Bound: a tenth
 *
 * The receiver is kernel TCP, behind a router; bundles are off. XTCP_KO names the module, unless it is loaded already.
 * The exit status says whether every bound was kept.
 */
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/measure.h"
#include "lib/module.h"
#include "lib/router.h"
#include "lib/stack.h"
#include "lib/wait.h"

#define PORT		7120
#define PACKET		1514
#define TEXT		1448
#define FLOWS		4
#define RTT_US		20000
#define LOSS		10000		/* in a million */
#define DEEP_MBIT	40
#define DEEP_QUEUE	1000
#define SHARE_QUEUE	100
#define SHARE_TIMES	4
#define SETTLED_MS	1000
#define LOOK_MS		5
#define LOOKS_MAX	20000

#define LEAST_OF_CUBIC	3.0
#define LEAST_OF_LINK	0.9
#define LEAST_OF_THEIRS	0.99
#define MOST_QUEUE_MS	5.0
#define LEAST_SHARE	0.1

struct flow {
	enum stack stack;
	const char *algorithm;
	int out, in;
	long long received;
};

static const struct {
	enum stack stack;
	const char *algorithm, *what;
} turns[] = {
	{ XTCP, "bbr", "bbr" },
	{ XTCP, "cubic", "cubic" },
	{ KERNEL, "bbr", "kernel TCP's bbr" },
};

#define TURNS ((int)(sizeof(turns) / sizeof(turns[0])))

static struct router router;
static char piece[65536];
static int runs, seconds;
static bool kept = true;

/* Kernel TCP's bbr is a module, which comes when it is first asked for. */
static bool choose(int fd, const char *name)
{
	return !setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name));
}

static void open_flow(struct flow *f, int listener)
{
	f->received = 0;
	f->out = stack_socket(router.sender, f->stack, ROUTER_RECEIVER4);
	if (f->out < 0 || !choose(f->out, f->algorithm))
		measure_die(f->algorithm);
	if (stack_connect(f->out, ROUTER_RECEIVER4, PORT))
		measure_die("connect");
	f->in = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (f->in < 0 || fcntl(f->out, F_SETFL, O_NONBLOCK))
		measure_die("accept");
}

static unsigned int round_trip_us(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		measure_die("TCP_INFO");
	return info.tcpi_rtt;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All of them, for @ms behind the first second. Gives by how much the first one's round trips are too long, us. */
static int run(struct flow *flows, int n, int ms)
{
	static int longer[LOOKS_MAX];
	int listener = stack_listener(router.receiver, KERNEL, ROUTER_RECEIVER4, PORT, true), i, looks = 0, got;
	long long begin, now, next = SETTLED_MS;
	struct pollfd fds[2 * FLOWS];

	if (listener < 0)
		measure_die("listener");
	for (i = 0; i < n; i++) {
		open_flow(&flows[i], listener);
		fds[2 * i] = (struct pollfd){ .fd = flows[i].out, .events = POLLOUT };
		fds[2 * i + 1] = (struct pollfd){ .fd = flows[i].in, .events = POLLIN };
	}
	begin = wait_now_ms();
	while ((now = wait_now_ms() - begin) < SETTLED_MS + ms) {
		poll(fds, 2 * n, 10);
		for (i = 0; i < n; i++) {
			send(flows[i].out, piece, sizeof(piece), MSG_NOSIGNAL);
			while ((got = recv(flows[i].in, piece, sizeof(piece), 0)) > 0)
				flows[i].received += now >= SETTLED_MS ? got : 0;
		}
		if (now >= next && looks < LOOKS_MAX) {
			longer[looks++] = (int)round_trip_us(flows[0].out) - RTT_US;
			next = now + LOOK_MS;
		}
	}
	for (i = 0; i < n; i++) {
		setsockopt(flows[i].out, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
		close(flows[i].out);
		close(flows[i].in);
	}
	close(listener);
	qsort(longer, looks, sizeof(*longer), compare);
	return looks ? longer[looks / 2] : 0;
}

static void set_path(int mbit, int loss, int queue)
{
	const struct netem back = { .delay_us = RTT_US / 2 };
	const struct netem forth = {
		.delay_us = RTT_US / 2, .rate_kbit = mbit * 1000, .queue = queue * PACKET, .loss = loss,
	};

	if (router_set(&router, &forth, &back))
		measure_die("netem");
}

static double mbit_of(const struct flow *f, int ms)
{
	return f->received * 8.0 / 1000 / ms;
}

static const char *verdict(bool good)
{
	kept &= good;
	return good ? "" : " NOT KEPT";
}

/* The medians of all turns over one link. */
static void medians(int mbit, int loss, double *median)
{
	double all[TURNS][MEASURE_ROUNDS_MAX];
	int i, turn;

	/* a queue of a round trip */
	set_path(mbit, loss, mbit * 1000 / 8 * (RTT_US / 1000) / PACKET);
	for (i = 0; i < runs; i++) {
		for (turn = 0; turn < TURNS; turn++) {
			struct flow f = { turns[turn].stack, turns[turn].algorithm };

			run(&f, 1, seconds * 1000);
			all[turn][i] = mbit_of(&f, seconds * 1000);
		}
	}
	printf("%3d Mbit/s, %d %% of loss:", mbit, loss / 10000);
	for (turn = 0; turn < TURNS; turn++) {
		median[turn] = measure_median(all[turn], runs);
		printf(" %s %.1f (%.1f to %.1f)%s", turns[turn].what, median[turn], all[turn][0], all[turn][runs - 1],
		       turn < TURNS - 1 ? "," : ";");
	}
}

static void links(int loss)
{
	static const int mbits[] = { 20, 50, 100 };
	double median[TURNS], of_cubic, of_theirs, link;
	char name[64];
	unsigned int i;
	bool good;

	for (i = 0; i < sizeof(mbits) / sizeof(mbits[0]); i++) {
		medians(mbits[i], loss, median);
		of_cubic = median[0] / median[1];
		of_theirs = median[0] / median[2];
		link = mbits[i] * (double)TEXT / PACKET;
		good = loss ? of_cubic >= LEAST_OF_CUBIC || median[0] >= LEAST_OF_LINK * link :
			      of_theirs >= LEAST_OF_THEIRS;
		printf(" %.2f of CUBIC, %.3f of kernel TCP's, %.2f of the link%s\n", of_cubic, of_theirs,
		       median[0] / link, verdict(good));
		fflush(stdout);
		snprintf(name, sizeof(name), "bbr, %d Mbit/s, loss %d / CUBIC", mbits[i], loss);
		measure_record(name, "Mbit/s", of_cubic, median[0], median[1]);
		snprintf(name, sizeof(name), "bbr, %d Mbit/s, loss %d / kernel TCP's", mbits[i], loss);
		measure_record(name, "Mbit/s", of_theirs, median[0], median[2]);
	}
}

static void part_loss(void)
{
	links(LOSS);
}

static void part_clean(void)
{
	links(0);
}

static void part_queue(void)
{
	double ms[TURNS][MEASURE_ROUNDS_MAX], mbit[TURNS][MEASURE_ROUNDS_MAX], median = 0;
	int i, turn;

	set_path(DEEP_MBIT, 0, DEEP_QUEUE);
	for (i = 0; i < runs; i++) {
		for (turn = 0; turn < TURNS; turn++) {
			struct flow f = { turns[turn].stack, turns[turn].algorithm };

			ms[turn][i] = run(&f, 1, seconds * 1000) / 1000.0;
			mbit[turn][i] = mbit_of(&f, seconds * 1000);
		}
	}
	printf("a deep queue:");
	for (turn = TURNS - 1; turn >= 0; turn--) {
		median = measure_median(ms[turn], runs);
		printf(" %s has %.1f ms in it at %.1f Mbit/s%s", turns[turn].what, median,
		       measure_median(mbit[turn], runs), turn ? "," : "");
	}
	printf("%s\n", verdict(median <= MOST_QUEUE_MS));
	fflush(stdout);
	measure_record("bbr's standing queue", "ms", median / MOST_QUEUE_MS, median, MOST_QUEUE_MS);
}

static void part_share(void)
{
	double least[MEASURE_ROUNDS_MAX], all, share;
	int i, k, ms = SHARE_TIMES * seconds * 1000;
	const double link = (double)DEEP_MBIT * TEXT / PACKET;

	set_path(DEEP_MBIT, 0, SHARE_QUEUE);
	for (i = 0; i < runs; i++) {
		struct flow flows[FLOWS] = { { XTCP, "bbr" }, { XTCP, "bbr" }, { XTCP, "cubic" }, { XTCP, "cubic" } };

		run(flows, FLOWS, ms);
		printf("one bottleneck:");
		for (least[i] = 1, all = 0, k = 0; k < FLOWS; k++) {
			share = mbit_of(&flows[k], ms) / link;
			least[i] = share < least[i] ? share : least[i];
			all += share;
			printf(" %s %.2f", flows[k].algorithm, share);
		}
		printf(", together %.2f of the link\n", all);
	}
	share = measure_median(least, runs);
	printf("the least of four %.2f%s\n", share, verdict(share >= LEAST_SHARE));
	fflush(stdout);
	measure_record("the least of two bbr and two CUBIC", "of the link", share / LEAST_SHARE, share, LEAST_SHARE);
}

static const struct {
	const char *name;
	void (*run)(void);
} all_parts[] = {
	{ "loss", part_loss }, { "clean", part_clean }, { "queue", part_queue }, { "share", part_share },
};

static bool is_named(const char *name, int argc, char **argv)
{
	int i;

	for (i = 3; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 3;
}

int main(int argc, char **argv)
{
	unsigned int i, ran = 0;

	runs = argc >= 3 ? atoi(argv[1]) : 0;
	seconds = argc >= 3 ? atoi(argv[2]) : 0;
	if (runs < 1 || runs > MEASURE_ROUNDS_MAX || seconds < 1) {
		fprintf(stderr, "Usage: bench_bbr RUNS SECONDS [loss|clean|queue|share]...\n");
		return 2;
	}
	if (!module_is_loaded() && module_load(""))
		measure_die("module");
	if (router_make(&router, 1500, false))
		measure_die("router");
	for (i = 0; i < sizeof(all_parts) / sizeof(all_parts[0]); i++)
		if (is_named(all_parts[i].name, argc, argv)) {
			all_parts[i].run();
			ran++;
		}
	router_close(&router);
	if (!ran)
		measure_die("no such part");
	return kept ? 0 : 1;
}
