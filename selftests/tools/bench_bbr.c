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
 * The receiver is kernel TCP, behind a router; bundles are off.
 */
#include "lib/contest.h"
#include "lib/measure.h"
#include "lib/test.h"

#define PACKET		1514
#define TEXT		1448
#define RTT_US		20000
#define LOSS		10000		/* in a million */
#define DEEP_MBIT	40
#define DEEP_QUEUE	1000
#define SHARE_QUEUE	100
#define SHARE_TIMES	4
#define SETTLED_MS	1000
#define NO_LOSS_TELLS	100

#define LEAST_OF_CUBIC	3.0
#define LEAST_OF_LINK	0.9
#define LEAST_OF_THEIRS	0.99
#define MOST_QUEUE_MS	5.0
#define LEAST_SHARE	0.1

static const struct {
	enum stack stack;
	const char *algorithm, *what;
	int loss_thresh;
} turns[] = {
	{ XTCP, "bbr", "bbr", 2 },
	{ XTCP, "cubic", "cubic", 2 },
	{ KERNEL, "bbr", "kernel TCP's bbr", 2 },
	{ XTCP, "bbr", "bbr with bbr_loss_thresh 100", NO_LOSS_TELLS },
};

#define TURNS ((int)(sizeof(turns) / sizeof(turns[0])))

static struct router router;
static int runs, seconds;
static bool kept = true;

/* All of them, behind the first second. Gives by how much the first one's round trips are too long, us. */
static int run(struct contestant *all, int n, int ms)
{
	int longer_us;

	measure_must(!contest_run(&router, all, n, SETTLED_MS, ms, RTT_US, &longer_us), "the streams");
	return longer_us;
}

static void set_path(int mbit, int loss, int queue)
{
	const struct netem back = { .delay_us = RTT_US / 2 };
	const struct netem forth = {
		.delay_us = RTT_US / 2, .rate_kbit = mbit * 1000, .queue = queue * PACKET, .loss = loss,
	};

	measure_must(!router_set(&router, &forth, &back), "netem");
}

/* How much of a flight may be lost before bbr takes the queue for full. */
static void let_lose(int percent)
{
	if (ns_sysctl_set(router.sender, "net.xtcp.bbr_loss_thresh", "%d", percent))
		measure_die("bbr_loss_thresh");
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

	/* a queue of a round trip */
	set_path(mbit, loss, mbit * 1000 / 8 * (RTT_US / 1000) / PACKET);
	for (int i = 0; i < runs; i++) {
		for (int turn = 0; turn < TURNS; turn++) {
			struct contestant c = { turns[turn].stack, turns[turn].algorithm };

			let_lose(turns[turn].loss_thresh);
			run(&c, 1, seconds * 1000);
			all[turn][i] = contest_mbit(&c, seconds * 1000);
		}
	}
	printf("%3d Mbit/s, %d %% of loss:", mbit, loss / 10000);
	for (int turn = 0; turn < TURNS; turn++) {
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
	bool good;

	for (unsigned int i = 0; i < sizeof(mbits) / sizeof(mbits[0]); i++) {
		medians(mbits[i], loss, median);
		of_cubic = median[0] / median[1];
		of_theirs = median[0] / median[2];
		link = mbits[i] * (double)TEXT / PACKET;
		good = loss ? of_cubic >= LEAST_OF_CUBIC || median[0] >= LEAST_OF_LINK * link :
			      of_theirs >= LEAST_OF_THEIRS;
		printf(" %.2f of CUBIC, %.3f of kernel TCP's (%.3f with bbr_loss_thresh 100), %.2f of the link%s\n",
		       of_cubic, of_theirs, median[3] / median[2], median[0] / link, verdict(good));
		fflush(stdout);
		snprintf(name, sizeof(name), "bbr, %d Mbit/s, loss %d / CUBIC", mbits[i], loss);
		measure_record(name, "Mbit/s", of_cubic, median[0], median[1]);
		snprintf(name, sizeof(name), "bbr, %d Mbit/s, loss %d / kernel TCP's", mbits[i], loss);
		measure_record(name, "Mbit/s", of_theirs, median[0], median[2]);
		snprintf(name, sizeof(name), "bbr, bbr_loss_thresh 100, %d Mbit/s, loss %d / kernel TCP's", mbits[i],
			 loss);
		measure_record(name, "Mbit/s", median[3] / median[2], median[3], median[2]);
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

	set_path(DEEP_MBIT, 0, DEEP_QUEUE);
	for (int i = 0; i < runs; i++) {
		for (int turn = 0; turn < TURNS; turn++) {
			struct contestant c = { turns[turn].stack, turns[turn].algorithm };

			ms[turn][i] = run(&c, 1, seconds * 1000) / 1000.0;
			mbit[turn][i] = contest_mbit(&c, seconds * 1000);
		}
	}
	printf("a deep queue:");
	for (int turn = TURNS - 1; turn >= 0; turn--) {
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
	double least[MEASURE_ROUNDS_MAX], sum, share;
	int i, k, ms = SHARE_TIMES * seconds * 1000;
	const double link = (double)DEEP_MBIT * TEXT / PACKET;

	set_path(DEEP_MBIT, 0, SHARE_QUEUE);
	for (i = 0; i < runs; i++) {
		struct contestant all[CONTEST_MAX] = {
			{ XTCP, "bbr" }, { XTCP, "bbr" }, { XTCP, "cubic" }, { XTCP, "cubic" },
		};

		run(all, CONTEST_MAX, ms);
		printf("one bottleneck:");
		for (least[i] = 1, sum = 0, k = 0; k < CONTEST_MAX; k++) {
			share = contest_mbit(&all[k], ms) / link;
			least[i] = share < least[i] ? share : least[i];
			sum += share;
			printf(" %s %.2f", all[k].algorithm, share);
		}
		printf(", together %.2f of the link\n", sum);
	}
	share = measure_median(least, runs);
	printf("the least of four %.2f%s\n", share, verdict(share >= LEAST_SHARE));
	fflush(stdout);
	measure_record("the least of two bbr and two CUBIC", "of the link", share / LEAST_SHARE, share, LEAST_SHARE);
}

static const struct {
	const char *name;
	void (*run)(void);
} all_parts[] = { { "loss", part_loss }, { "clean", part_clean }, { "queue", part_queue }, { "share", part_share } };

static bool is_named(const char *name, int argc, char **argv)
{
	for (int i = 3; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 3;
}

int main(int argc, char **argv)
{
	unsigned int i, ran = 0;

	runs = argc >= 3 ? atoi(argv[1]) : 0;
	seconds = argc >= 3 ? atoi(argv[2]) : 0;
	measure_begin(runs >= 1 && runs <= MEASURE_ROUNDS_MAX && seconds >= 1,
		      "bench_bbr RUNS SECONDS [loss|clean|queue|share]...");
	measure_must(!router_make(&router, 1500, false), "router");
	for (i = 0; i < sizeof(all_parts) / sizeof(all_parts[0]); i++)
		if (is_named(all_parts[i].name, argc, argv)) {
			all_parts[i].run();
			ran++;
		}
	router_close(&router);
	measure_must(ran, "no such part");
	return kept ? 0 : 1;
}
