/* SPDX-License-Identifier: GPL-2.0 */
/* How limits read a counter that has a part for each processor. */
#ifndef XTCP_COUNTER_H
#define XTCP_COUNTER_H

#include <linux/compiler.h>
#include <linux/percpu_counter.h>

/* The approximate value of @counter, at least 0. Each processor may hold back up to a batch. */
static inline s64 xtcp_counter_about(struct percpu_counter *counter)
{
	/*
	 * the kernel's plain store may race with this read; a limit need not see the latest batch
	 */
	return data_race(percpu_counter_read_positive(counter));
}

#endif /* XTCP_COUNTER_H */
