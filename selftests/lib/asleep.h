/* SPDX-License-Identifier: GPL-2.0 */
/* Where a thread of this process sleeps. */
#ifndef SELFTESTS_ASLEEP_H
#define SELFTESTS_ASLEEP_H

/* The number of the system call, as in SYS_accept; -1 while it runs, and when @tid is 0. */
long asleep_in(int tid);

#endif
