/* SPDX-License-Identifier: GPL-2.0 */
/* Several numbers are compared for one result. */
#ifndef SELFTESTS_SAME_H
#define SELFTESTS_SAME_H

/* How many were not as expected since the last result; same_result() or the caller sets it back to 0. */
extern unsigned int problems;

/* Says what @got is instead, under its name in the source. */
#define SAME(got, expected) same(#got, got, expected)
void same(const char *what, long long got, long long expected);

/* The result of what was compared since the last one. */
void same_result(const char *name);

#endif
