// SPDX-License-Identifier: GPL-2.0
/*
 * The listing by netlink of many connections, on xtcp and on kernel TCP (`make bench`):
 *
 *	bench_listing CONNECTIONS
 *		opens that many, or as many as memory holds. Measures how long a whole listing
 *		takes for each row, with all attributes, read 32 KiB at a time; and for how
 *		long nobody else could run meanwhile. A thread of real-time priority wants
 *		to run 5,000 times a second. The longest time that it misses is the longest
 *		time between two points at which the kernel lets others run: no softirq waits
 *		longer. see/listing_churn.c: who is in a listing while others come and go
 *
 * The other end of each connection is kernel TCP's, in another namespace.
 */
#include "ends.h"
#include "measure.h"
#include "test.h"

#define DESTINATIONS	8	/* a port serves one connection to each */
#define ROUNDS		3
#define TICK_NS		200000L
#define MOST_TIME	1.5	/* times kernel TCP's */
#define MOST_HELD_US	1000.0

static struct ns_pair pair;
static struct ends *opened;
static atomic_bool watching, over;
static double latest_us;

/* Wants to run at each tick, and notes by how much it has come too late. */
static void *watch(void *arg)
{
	struct timespec next;
	double late;

	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!over) {
		next.tv_nsec += TICK_NS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		late = (measure_now() - (next.tv_sec + next.tv_nsec / 1e9)) * 1e6;
		if (watching && late > latest_us)
			latest_us = late;
		/* after a pause it does not run for what it has missed */
		if (late * 1000 > TICK_NS)
			clock_gettime(CLOCK_MONOTONIC, &next);
	}
	return NULL;
}

static void start_watch(pthread_t *thread)
{
	const struct sched_param first = { .sched_priority = 50 };

	if (pthread_create(thread, NULL, watch, NULL) || pthread_setschedparam(*thread, SCHED_FIFO, &first))
		measure_die("a thread that goes before all others");
}

static double list(enum stack stack, int rows)
{
	const struct diag_query query = { .stack = stack, .ext = 0xff };
	double begin = measure_now();
	int got = diag_dump(&query, NULL, NULL);

	if (got != rows) {
		ksft_print_msg("%s: %d rows, not %d\n", stack_name(stack), got, rows);
		exit(2);
	}
	return measure_now() - begin;
}

struct result {
	double ns_per_row, held_us, quiet_us;
	int rows;
};

static void measure(enum stack stack, int n, struct result *result)
{
	int listener = ends_listener(&pair, KERNEL), i;
	double values[ROUNDS];

	result->rows = ends_open_many(opened, n, stack, DESTINATIONS, listener);
	latest_us = 0;
	watching = true;
	sleep(1);
	result->quiet_us = latest_us;
	latest_us = 0;
	for (i = 0; i < ROUNDS; i++)
		values[i] = list(stack, result->rows) * 1e9 / result->rows;
	watching = false;
	result->held_us = latest_us;
	result->ns_per_row = measure_median(values, ROUNDS);
	for (i = 0; i < result->rows; i++)
		ends_abort(&opened[i]);
	close(listener);
}

int main(int argc, char **argv)
{
	struct result kernel, xtcp;
	pthread_t thread;
	int n = argc == 2 ? atoi(argv[1]) : 0;
	bool ok;

	measure_begin(n > 0, "bench_listing CONNECTIONS");
	opened = calloc(n, sizeof(*opened));
	measure_must(opened, "memory");
	ends_init(&pair, DESTINATIONS);
	start_watch(&thread);
	measure(KERNEL, n, &kernel);
	measure(XTCP, n, &xtcp);
	over = true;
	pthread_join(thread, NULL);
	ends_exit(&pair);
	ok = measure_at_most("a row of a listing with all attributes", xtcp.ns_per_row / kernel.ns_per_row, MOST_TIME,
			     "%.2f us of %d rows, kernel TCP %.2f of %d", xtcp.ns_per_row / 1000, xtcp.rows,
			     kernel.ns_per_row / 1000, kernel.rows);
	ksft_print_msg("nobody else ran for %.0f us, kernel TCP %.0f us; without a listing %.0f and %.0f\n",
		       xtcp.held_us, kernel.held_us, xtcp.quiet_us, kernel.quiet_us);
	if (xtcp.held_us > MOST_HELD_US) {
		ksft_print_msg("the bound is %.0f us\n", MOST_HELD_US);
		ok = false;
	}
	return ok ? 0 : 1;
}
