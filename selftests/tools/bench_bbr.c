// SPDX-License-Identifier: GPL-2.0
/*
 * BBR on bad networks (`make bench`):
 *
 *	bench_bbr RUNS SECONDS
 *		RUNS of each measure, in turns, whose medians count. A stream lasts SECONDS behind its first one. First
 *		with loss: 1 % of the segments are lost at random, 20 ms; links of 20, 50 and 100 Mbit/s: goodput of
 *		bbr, of CUBIC, and of kernel TCP's bbr, which is version 1 and does not look at losses. Bound: 3 times
 *		CUBIC, or 0.9 of the link where it has no room for that. Then the same links without loss, with a queue
 *		of a round trip: beside kernel TCP's bbr. Bound: 0.99 of it, for version 3 sends 1 % less than the link
 *		carries, and lets the queue run empty
 *
 * How long a deep queue is, and what two flows leave two of CUBIC: stream/bbr.c. The receiver is kernel TCP, behind a
 * router; bundles are off.
 */
#include "lib/contest.h"
#include "lib/measure.h"
#include "lib/test.h"

#define PACKET		1514
#define TEXT		1448
#define RTT_US		20000
#define LOSS		10000		/* in a million */
#define SETTLED_MS	1000
#define NO_LOSS_TELLS	100

#define LEAST_OF_CUBIC	3.0
#define LEAST_OF_LINK	0.9
#define LEAST_OF_THEIRS	0.99

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
			int longer_us;

			let_lose(turns[turn].loss_thresh);
			measure_must(!contest_run(&router, &c, 1, SETTLED_MS, seconds * 1000, RTT_US, &longer_us),
				     "the streams");
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

int main(int argc, char **argv)
{
	runs = argc == 3 ? atoi(argv[1]) : 0;
	seconds = argc == 3 ? atoi(argv[2]) : 0;
	measure_begin(runs >= 1 && runs <= MEASURE_ROUNDS_MAX && seconds >= 1, "bench_bbr RUNS SECONDS");
	measure_must(!router_make(&router, 1500, false), "router");
	links(LOSS);
	links(0);
	router_close(&router);
	return kept ? 0 : 1;
}
