/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of `make bench` have in common. */
#ifndef SELFTESTS_MEASURE_H
#define SELFTESTS_MEASURE_H

/* Seconds of the monotonic clock. */
double measure_now(void);

/* Sorts @values, of which there is at least one. */
double measure_median(double *values, int n);

/* Says what failed, with errno, and ends the program with status 2. */
void measure_die(const char *what) __attribute__((noreturn));

#endif
