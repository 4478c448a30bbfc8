/* SPDX-License-Identifier: GPL-2.0 */
/* What a test cannot go on without. */
#ifndef SELFTESTS_MUST_H
#define SELFTESTS_MUST_H

#include <errno.h>
#include <kselftest.h>
#include <stdbool.h>
#include <string.h>

/* Ends the program, saying what failed and errno, where the condition is false. */
static inline void must(bool condition, const char *what)
{
	if (!condition)
		ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
}

#endif
