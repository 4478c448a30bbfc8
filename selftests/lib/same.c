// SPDX-License-Identifier: GPL-2.0
#include "same.h"

#include <kselftest.h>

unsigned int problems;

void same(const char *what, long long got, long long expected)
{
	if (got == expected)
		return;
	ksft_print_msg("%s: %lld, not %lld\n", what, got, expected);
	problems++;
}
