/* SPDX-License-Identifier: GPL-2.0 */
/* Reads a per-processor counter, to compare its value with a limit. */
#ifndef XTCP_COUNTER_H
#define XTCP_COUNTER_H

#include <linux/compiler.h>
#include <linux/percpu_counter.h>

/* The approximate value of @counter, at least 0. Part of each processor's count may be missing. */
static inline s64 xtcp_counter_about(struct percpu_counter *counter)
{
	/* the kernel may write the sum during this read; a limit need not see the latest change */
	return data_race(percpu_counter_read_positive(counter));
}

#endif /* XTCP_COUNTER_H */
