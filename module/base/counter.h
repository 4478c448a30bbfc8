/* SPDX-License-Identifier: GPL-2.0 */
/* Compares a per-processor counter with a limit. */
#ifndef XTCP_COUNTER_H
#define XTCP_COUNTER_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/percpu_counter.h>

/* The approximate value of @counter, at least 0. Part of each processor's count may be missing. */
static inline s64 xtcp_counter_about(struct percpu_counter *counter)
{
	/* the kernel may write the sum during this read; a limit need not see the latest change */
	return data_race(percpu_counter_read_positive(counter));
}

/*
 * Is the value of @counter above @limit? The answer is exact for a small limit. For a large limit,
 * the answer may be wrong by 1/@rough_part of the limit: an exact answer adds up the counts of all
 * processors, which costs too much to do it for each connection. @batch: how much a processor
 * counts before it updates the sum
 */
static inline bool xtcp_counter_above(struct percpu_counter *counter, s64 limit, s32 batch, int rough_part)
{
	if (limit >= (s64)batch * rough_part * num_possible_cpus())
		return xtcp_counter_about(counter) > limit;
	return __percpu_counter_compare(counter, limit, batch) > 0;
}

#endif /* XTCP_COUNTER_H */
