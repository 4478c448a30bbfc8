// SPDX-License-Identifier: GPL-2.0
/*
 * Algorithms that keep a queue short by its marks (`make bench`):
 *
 *	bench_marks dctcp SECONDS
 *		DCTCP through a router that marks what has waited for as long as 20 packets take: how much of the link
 *		is used, and how many packets wait at it, with the echo of RFC 8257 and with AccECN; then CUBIC with
 *		ECN. Bounds for DCTCP: 0.95 of the link, less than 30 packets in 99 of 100 looks
 *	bench_marks prague SECONDS
 *		TCP Prague through a bottleneck with L4S, and beside CUBIC through one without:
 *		for each algorithm how much of the link is used, and how long a packet would wait at it, each
 *		millisecond: 50 and 99 of 100 times at most so long. The queue is fq_codel with its defaults, which
 *		marks what says ECT(1) once it has waited for 0.5 or 1 ms; for DCTCP it marks whatever says ECT.
 *		Then Prague and CUBIC beside each other through a queue that only drops, of a round trip and of a
 *		quarter.
 *		Bounds for Prague: 0.95 of the link; less than 1 ms with marks after 0.5 ms, at most 1.75 ms with marks
 *		after 1 ms; a packet takes 0.3 ms. CUBIC keeps 0.4 of what both get.
 *
 * Both ends are xtcp. The receiver reads what arrives at once. If it read each half millisecond, ACKs would wait for
 * it, and the sender would send in bursts, which add to the queue. Two seconds in the beginning do not count.
 */
#include "lib/contest.h"
#include "lib/measure.h"
#include "lib/test.h"

#define PORT		7111
#define PACKET		1514
#define TEXT		1448
#define MBIT		40
#define SETTLED_MS	2000
#define LOOKS_MAX	100000
#define LOOK_NS		500000	/* the longest time between two looks at the clock */
#define FLOWS_MAX	2
#define PACKET_MS	(PACKET * 8.0 / (MBIT * 1000))
#define MARKED		20	/* packets */
#define MOST		30

static struct router router;
static char piece[65536];
static double looks[LOOKS_MAX];
static const char *ecn;		/* net.xtcp.ecn at both ends; NULL: as it is */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What a queue was before stays, where it is not said anew: so each path has namespaces of its own. */
static void make_path(int rtt_us, const struct netem *queue)
{
	struct netem forth = *queue, back = { .delay_us = rtt_us / 2 };

	forth.delay_us = rtt_us / 2;
	forth.rate_kbit = MBIT * 1000;
	measure_must(!router_make(&router, 1500, false) && !router_set(&router, &forth, &back), "router");
}

static int make_listener(const char *algorithm)
{
	int listener = stack_bound(router.receiver, XTCP, ROUTER_RECEIVER4, PORT, true);

	measure_must(listener >= 0 && !contest_choose(listener, algorithm) && !listen(listener, 8), "listener");
	return listener;
}

/* Until one of them may send or has something to read, or it is time for a look. */
static void wait_for_news(const struct contestant *all, int n)
{
	const struct timespec look = { .tv_nsec = LOOK_NS };
	struct pollfd p[2 * FLOWS_MAX];

	for (int i = 0; i < n; i++) {
		p[2 * i] = (struct pollfd){ .fd = all[i].out, .events = POLLOUT };
		p[2 * i + 1] = (struct pollfd){ .fd = all[i].in, .events = POLLIN };
	}
	ppoll(p, 2 * n, &look, NULL);
}

/* Sends as fast as it goes for that long after the beginning; how many looks there were. */
static int run(struct contestant *all, int n, int ms)
{
	long long begin = wait_now_ms(), now, last = 0;
	int i, got, seen = 0;

	while ((now = wait_now_ms() - begin) < SETTLED_MS + ms) {
		for (i = 0; i < n; i++) {
			while (send(all[i].out, piece, sizeof(piece), MSG_NOSIGNAL) == sizeof(piece))
				;
			while ((got = recv(all[i].in, piece, sizeof(piece), 0)) > 0)
				all[i].received += now >= SETTLED_MS ? got : 0;
		}
		if (now >= SETTLED_MS && now > last && seen < LOOKS_MAX) {
			looks[seen++] = netem_queued(router.router, ROUTER_FAR) * 8.0 / (MBIT * 1000);
			last = now;
		}
		wait_for_news(all, n);
	}
	qsort(looks, seen, sizeof(*looks), compare);
	return seen;
}

static void leave(struct contestant *c)
{
	stack_reset_at_close(c->out);
	close_each(c->out, c->in);
}

static double share_of(const struct contestant *c, int seconds)
{
	return c->received * 8.0 / 1000 / (seconds * 1000) / ((double)MBIT * TEXT / PACKET);
}

/* One stream; false when @longest, of a queue in ms, 0: none, or the bound of the share was not kept. */
static bool alone(const char *what, const char *algorithm, int rtt_ms, const struct netem *queue, int seconds,
		  double longest)
{
	struct contestant c = { .stack = XTCP, .algorithm = algorithm };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	int listener, n;
	double share, most;
	bool kept;

	make_path(rtt_ms * 1000, queue);
	measure_must(!ecn || (!ns_sysctl_set(router.sender, "net.xtcp.ecn", "%s", ecn) &&
			      !ns_sysctl_set(router.receiver, "net.xtcp.ecn", "%s", ecn)), "net.xtcp.ecn");
	listener = make_listener(algorithm);
	measure_must(!contest_enter(&router, &c, listener, PORT), algorithm);
	n = run(&c, 1, seconds * 1000);
	measure_must(!getsockopt(c.out, IPPROTO_TCP, TCP_INFO, &info, &len) && n, "TCP_INFO");
	share = share_of(&c, seconds);
	most = looks[n * 99 / 100];
	kept = !longest || (share >= 0.95 && most <= longest);
	printf("%-36s %.3f of the link; waits %.2f ms, 99 of 100 times at most %.2f, %.1f and %.1f packets; ", what,
	       share, looks[n / 2], most, looks[n / 2] / PACKET_MS, most / PACKET_MS);
	printf("%u marked, %u resent%s\n", info.tcpi_delivered_ce, info.tcpi_total_retrans, kept ? "" : " NOT KEPT");
	fflush(stdout);
	if (longest)
		measure_record(what, "ms", most / longest, most, longest);
	leave(&c);
	close(listener);
	router_close(&router);
	return kept;
}

/* Two streams through a queue of so many packets that only drops. */
static bool beside(int rtt_ms, int packets, int seconds)
{
	struct contestant all[FLOWS_MAX] = {
		{ .stack = XTCP, .algorithm = "cubic" }, { .stack = XTCP, .algorithm = "prague" },
	};
	const struct netem queue = { .queue = packets * PACKET };
	int listener, i;
	double share;
	char what[64];
	bool kept;

	make_path(rtt_ms * 1000, &queue);
	listener = make_listener("prague");
	for (i = 0; i < 2; i++)
		measure_must(!contest_enter(&router, &all[i], listener, PORT), all[i].algorithm);
	run(all, 2, seconds * 1000);
	share = (double)all[0].received / (all[0].received + all[1].received);
	kept = share >= 0.4;
	snprintf(what, sizeof(what), "cubic, prague, %d ms, %d packets", rtt_ms, packets);
	printf("%s: %.2f of what both get, which is %.3f of the link%s\n", what, share,
	       share_of(&all[0], seconds) + share_of(&all[1], seconds), kept ? "" : " NOT KEPT");
	fflush(stdout);
	measure_record(what, "share", 0.4 / share, share, 0.4);
	for (i = 0; i < 2; i++)
		leave(&all[i]);
	close(listener);
	router_close(&router);
	return kept;
}

static bool run_dctcp(int seconds)
{
	const struct netem queue = { .queue = 1000 * PACKET, .mark_us = MARKED * PACKET * 8 / MBIT };
	bool kept;

	ecn = "1";
	kept = alone("dctcp", "dctcp", 10, &queue, seconds, MOST * PACKET_MS);
	alone("cubic, ECN", "cubic", 10, &queue, seconds, 0);
	ecn = "3";
	return alone("dctcp, AccECN", "dctcp", 10, &queue, seconds, MOST * PACKET_MS) && kept;
}

static bool run_prague(int seconds)
{
	struct netem l4s = { .queue = 1000 * PACKET, .l4s = true }, all_ect = { .queue = 1000 * PACKET };
	bool kept = true;
	int rtt_ms, us;
	char what[64];

	for (us = 500; us <= 1000; us *= 2)
		for (rtt_ms = 10; rtt_ms <= 20; rtt_ms *= 2) {
			l4s.mark_us = us;
			all_ect.mark_us = us;
			snprintf(what, sizeof(what), "prague, %d ms, marks from %d us on", rtt_ms, us);
			kept &= alone(what, "prague", rtt_ms, &l4s, seconds, us <= 500 ? 0.99 : us / 1000.0 + 0.75);
			snprintf(what, sizeof(what), "dctcp, %d ms, marks from %d us on", rtt_ms, us);
			alone(what, "dctcp", rtt_ms, &all_ect, seconds, 0);
		}
	alone("cubic, 20 ms", "cubic", 20, &l4s, seconds, 0);
	kept &= beside(20, 66, seconds * 2);
	return beside(20, 16, seconds * 2) && kept;
}

int main(int argc, char **argv)
{
	int seconds = argc == 3 ? atoi(argv[2]) : 0;

	if (seconds < 1 || (strcmp(argv[1], "dctcp") && strcmp(argv[1], "prague"))) {
		fprintf(stderr, "Usage: bench_marks dctcp|prague SECONDS\n");
		return 2;
	}
	measure_must(module_is_loaded() || !module_load(""), "module");
	return (strcmp(argv[1], "dctcp") ? run_prague(seconds) : run_dctcp(seconds)) ? 0 : 1;
}
