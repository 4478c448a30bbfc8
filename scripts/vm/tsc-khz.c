// SPDX-License-Identifier: GPL-2.0
/*
 * Prints how many thousand times a second this machine's time stamp counter counts. An emulated processor has the same
 * counter; its kernel measures it against an emulated timer, and on a busy machine has been wrong by a factor of 20.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES		1000	/* readings, of which that with the least time between its halves is taken */
#define MEASURED_MS	100

struct reading {
	int64_t ns;
	uint64_t ticks;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static struct reading read_both(void)
{
	struct reading best = { 0 };
	int64_t before, after, least = INT64_MAX;
	uint64_t ticks;
	int i;

	for (i = 0; i < TRIES; i++) {
		before = now_ns();
		ticks = __rdtsc();
		after = now_ns();
		if (after - before >= least)
			continue;
		least = after - before;
		best.ns = before + least / 2;
		best.ticks = ticks;
	}
	return best;
}

int main(void)
{
	const struct timespec measured = { .tv_nsec = MEASURED_MS * 1000000 };
	struct reading from = read_both(), to;

	nanosleep(&measured, NULL);
	to = read_both();
	printf("%.0f\n", (to.ticks - from.ticks) * 1e6 / (to.ns - from.ns));
	return 0;
}
