/* SPDX-License-Identifier: GPL-2.0 */
/* Where a thread of this process sleeps. */
#ifndef SELFTESTS_ASLEEP_H
#define SELFTESTS_ASLEEP_H

#include <stdbool.h>

/*
 * Does it sleep in the system call @number, as in SYS_accept? False while it runs, and when @tid is 0. The laboratory's
 * kernel does not tell which call it is: the thread must be one that sleeps in no other.
 */
bool asleep_in(int tid, long number);

#endif
