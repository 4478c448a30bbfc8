/* SPDX-License-Identifier: GPL-2.0 */
/* What the unit tests of the pure files share: numbered cases, random numbers to be replayed. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include "base/wire.h"
#include "kselftest.h"

static u64 unit_random_state;
static unsigned int unit_failures;

/* Takes SEED= from the environment or else the clock, and prints it. */
static inline void unit_seed(void)
{
	const char *seed = getenv("SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	unit_random_state = seed ? strtoull(seed, NULL, 0) : (u64)now.tv_sec * 1000000007ULL + now.tv_nsec;
	ksft_print_msg("SEED=%llu\n", (unsigned long long)unit_random_state);
	unit_random_state |= 1;
}

/* xorshift64* */
static inline u32 unit_random(void)
{
	unit_random_state ^= unit_random_state >> 12;
	unit_random_state ^= unit_random_state << 25;
	unit_random_state ^= unit_random_state >> 27;
	return (unit_random_state * 2685821657736338717ULL) >> 32;
}

/* Counts a failure and says where; the case goes on. */
#define UNIT_CHECK(cond)								\
	do {										\
		if (!(cond)) {								\
			unit_failures++;						\
			if (unit_failures < 20)						\
				ksft_print_msg("%s:%d: not true: %s\n", __FILE__, __LINE__, #cond);	\
		}									\
	} while (0)

struct unit_case {
	const char *name;
	void (*run)(void);
};

/* A case: its body follows. They run in this order. */
#define UNIT(fn, text)									\
	static void fn(void);								\
	static const struct unit_case unit_##fn						\
	__attribute__((used, no_reorder, section("unit_cases"), aligned(16))) = { text, fn };	\
	static void fn(void)

extern const struct unit_case __start_unit_cases[], __stop_unit_cases[];

static inline int unit_main(void)
{
	ksft_print_header();
	ksft_set_plan(__stop_unit_cases - __start_unit_cases);
	unit_seed();
	for (const struct unit_case *c = __start_unit_cases; c < __stop_unit_cases; c++) {
		unit_failures = 0;
		c->run();
		ksft_test_result(!unit_failures, "%s\n", c->name);
	}
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}

/* The program, of the cases before it. */
#define UNIT_MAIN int main(void) { exit(unit_main()); }
