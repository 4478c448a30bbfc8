/* SPDX-License-Identifier: GPL-2.0 */
/* What all guests (xtcp_net.is_guest) together may have of something, such as records. */
#ifndef XTCP_GUESTS_H
#define XTCP_GUESTS_H

#include <linux/percpu_counter.h>
#include <linux/types.h>

#include "base/counter.h"

/**
 * struct xtcp_guests - what all guests have and may have of one thing
 * @count: how much all guests have
 * @max: how much all guests may have; set before xtcp_guests_init(), unless the limit may change
 * @batch: how much a processor may count before it updates @count; xtcp_guests_init() chooses it by
 *	@max, if it is 0
 */
struct xtcp_guests {
	struct percpu_counter count;
	unsigned int max;
	s32 batch;
};

/* the answer may be wrong by 1/8 of the limit, if the limit is large */
#define XTCP_GUESTS_ROUGH	8

static inline void xtcp_guests_count(struct xtcp_guests *guests, int change)
{
	percpu_counter_add_batch(&guests->count, change, guests->batch);
}

/* Have all guests together more than @max? */
static inline bool xtcp_guests_exceed(struct xtcp_guests *guests, s64 max)
{
	return xtcp_counter_above(&guests->count, max, guests->batch, XTCP_GUESTS_ROUGH);
}

int xtcp_guests_limit(unsigned int *limit, const char *parameter, unsigned int part, u32 size);
int xtcp_guests_init(struct xtcp_guests *guests);
void xtcp_guests_exit(struct xtcp_guests *guests);

#endif /* XTCP_GUESTS_H */
