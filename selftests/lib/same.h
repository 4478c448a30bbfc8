/* SPDX-License-Identifier: GPL-2.0 */
/* Several numbers are compared for one result. */
#pragma once

#include <kselftest.h>

/* How many were not as expected since the last result; same_result() or the caller sets it back to 0. */
extern unsigned int problems;

/* Says what @got is instead, under its name in the source. */
#define SAME(got, expected) same(#got, got, expected)
void same(const char *what, long long got, long long expected);

/*
 * The result of what was compared since the last one. Each source file has its own ksft_get_fail_cnt(): this one
 * counts in that of the test.
 */
static inline void same_result(const char *name)
{
	ksft_test_result(!problems, "%s\n", name);
	problems = 0;
}
