/* SPDX-License-Identifier: GPL-2.0 */
/* On which processor a thread runs, for tests of what two of them do at once. */
#ifndef SELFTESTS_PROCESSOR_H
#define SELFTESTS_PROCESSOR_H

#include <sched.h>

#include "must.h"

/* From now on this thread runs on processor @cpu only. */
static inline void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

#endif
