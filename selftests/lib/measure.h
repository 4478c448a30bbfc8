/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of `make bench` have in common. The exit status of most says whether every bound was kept. */
#pragma once

#include <stdbool.h>

/* Seconds of the monotonic clock. */
double measure_now(void);

/* Sorts @values, of which there is at least one. */
double measure_median(double *values, int n);

/* Seconds in which the processor was not idle so far, with all that is said below. */
double measure_busy(void);

/*
 * Sleeps until then and gives the seconds in which the processor was not idle
 * meanwhile. Under -icount, where time is instructions, these are what the kernel's
 * timers and segments cost; a machine with several processors has no such figure.
 */
double measure_busy_until(double then);

/* The memory of the machine that is available, KB; -1: unknown. */
long measure_available_kb(void);

/*
 * Octets that the kernel has allocated in slabs, in vmalloc areas and per processor: the least of some readings within
 * a second, with all caches shrunk. They are some 20 KB apart. Tables that were allocated at boot are in none of these.
 */
long measure_kernel_memory(void);

/* One line: how many times kernel TCP's, the details, the bound (0: none). False above it. */
bool measure_at_most(const char *what, double ratio, double bound, const char *details, ...)
	__attribute__((format(printf, 4, 5)));

/* A ratio for `make bench JSON=FILE`: a line that begins with the mark, if MEASURE_JSON is in the environment. */
#define MEASURE_JSON_MARK "#json {"
void measure_record(const char *what, const char *unit, double ratio, double value, double against);

/* The ratio of each round, whose median counts; sorts all three. @n: of what in a round, nanoseconds each. */
#define MEASURE_ROUNDS_MAX 31
struct measure_rounds {
	int rounds, n;
	double ours[MEASURE_ROUNDS_MAX], theirs[MEASURE_ROUNDS_MAX];
};

bool measure_rounds_at_most(const char *what, struct measure_rounds *r, double bound);

/* Loads the module that XTCP_KO names, unless it is loaded. Arguments that are not @right: @usage, and status 2. */
void measure_begin(bool right, const char *usage);
/* Unloads what it has loaded. */
void measure_end(void);

/* Says what failed, with errno, and ends the program with status 2. */
void measure_die(const char *what) __attribute__((noreturn));

static inline void measure_must(bool condition, const char *what)
{
	if (!condition)
		measure_die(what);
}

/* What scripts/bench/profile.sh needs of the program whose instructions it counts. */

/* Begins or ends a span that profile/count.c counts, of kernel TCP, then of xtcp. Without a mark the program ends. */
void profile_mark(void);

/* Copies the addresses of all functions of the kernel and of the module into the file @name. */
void profile_copy_symbols(const char *name);
