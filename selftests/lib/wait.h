/* SPDX-License-Identifier: GPL-2.0 */
/* Waits for conditions with generous deadlines: tests never sleep to let something happen. */
#pragma once

#include <stdbool.h>
#include <time.h>

static inline long long wait_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static inline void wait_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* For the passing of time itself, where that is what a test is about. */
static inline void wait_until_ms(long long when)
{
	while (wait_now_ms() < when)
		wait_tick();
}

/* True as soon as the expression is, false if it still was not after @ms. Evaluated about every millisecond. */
#define WAIT_FOR(expr, ms) ({						\
	long long wait_deadline = wait_now_ms() + (ms);			\
	bool wait_ok;							\
									\
	while (!(wait_ok = !!(expr)) && wait_now_ms() < wait_deadline)	\
		wait_tick();						\
	wait_ok;							\
})
