// SPDX-License-Identifier: GPL-2.0
/*
 * What all guests together may have. A guest is a namespace that belongs to a user namespace other
 * than the initial one (xtcp_net.is_guest). Any user can make guests, as many as he likes, and set
 * the sysctls in each. So what takes memory that no control group pays for, or what others would
 * lack, has a limit for all guests together: half-open entries, records, orphans, and connections
 * that wait for accept().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "base/guests.h"

#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "base/net.h"

/**
 * xtcp_guests_limit() - check a limit that is a module parameter, and set its default
 * @limit: the parameter; 0: by default, as many objects as fit in a part of the memory
 * @parameter: its name
 * @part: this part of the memory, 1/@part
 * @size: the memory of an object, octets
 *
 * The default is stored, so that /sys/module shows the limit that applies.
 *
 * Context: process, module init.
 *
 * Return: 0, or -EINVAL when the parameter is out of range.
 */
int xtcp_guests_limit(unsigned int *limit, const char *parameter, unsigned int part, u32 size)
{
	if (*limit > INT_MAX) {
		pr_err("%s=%u: at most %u, or 0 for the default\n", parameter, *limit, INT_MAX);
		return -EINVAL;
	}
	if (!*limit)
		*limit = min_t(u64, div_u64((u64)totalram_pages() << PAGE_SHIFT, part * size), INT_MAX);
	return 0;
}

/**
 * xtcp_guests_init() - make the counter of all guests
 * @guests: the limit
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_guests_init(struct xtcp_guests *guests)
{
	/*
	 * each processor counts up to a batch before it updates the sum, so the sum may be wrong by
	 * one batch for each processor. The batch is chosen so that this error is at most 1/16 of
	 * what one guest may have; but a batch is at least 1
	 */
	if (!guests->batch)
		guests->batch = clamp(guests->max / (16 * XTCP_GUEST_SHARE) / num_possible_cpus(), 1U, 32U);
	return percpu_counter_init(&guests->count, 0, GFP_KERNEL);
}

/**
 * xtcp_guests_exit() - free the counter
 * @guests: the limit; no guest has anything
 *
 * Context: process, module exit.
 */
void xtcp_guests_exit(struct xtcp_guests *guests)
{
	WARN_ON_ONCE(percpu_counter_sum(&guests->count));
	percpu_counter_destroy(&guests->count);
}
