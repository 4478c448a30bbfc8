/* SPDX-License-Identifier: GPL-2.0 */
/* Counters with a part for each processor, as limits read them. */
#ifndef XTCP_COUNTER_H
#define XTCP_COUNTER_H

#include <linux/compiler.h>
#include <linux/percpu_counter.h>

/* About how much @counter is; 0 at least. Each processor may be a batch ahead. */
static inline s64 xtcp_counter_about(struct percpu_counter *counter)
{
	/* the kernel adds with a plain store; a limit does without the latest batch */
	return data_race(percpu_counter_read_positive(counter));
}

#endif /* XTCP_COUNTER_H */
