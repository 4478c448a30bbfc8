// SPDX-License-Identifier: GPL-2.0
/* The shards of a namespace: parts of its records and orphans, each part with its own lock. */
#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "base/net.h"

unsigned int xtcp_shard_mask __read_mostly;

/**
 * xtcp_shard_init() - decide how many shards a namespace has
 *
 * Context: process, module init.
 */
void xtcp_shard_init(void)
{
	xtcp_shard_mask = roundup_pow_of_two(min(num_possible_cpus(), XTCP_SHARDS_MAX)) - 1;
}

/**
 * xtcp_shard_net_init() - make the shards of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_shard_net_init(struct xtcp_net *xn)
{
	unsigned int i;

	xn->shards = kcalloc(xtcp_shard_mask + 1, sizeof(*xn->shards), GFP_KERNEL_ACCOUNT);
	if (!xn->shards)
		return -ENOMEM;
	for (i = 0; i <= xtcp_shard_mask; i++) {
		spin_lock_init(&xn->shards[i].lock);
		INIT_LIST_HEAD(&xn->shards[i].orphans);
		xn->shards[i].xn = xn;
	}
	return 0;
}

/**
 * xtcp_shard_net_exit() - free the shards of a namespace
 * @xn: the namespace; no orphan and no record is left
 *
 * Context: process, namespace exit.
 */
void xtcp_shard_net_exit(struct xtcp_net *xn)
{
	kfree(xn->shards);
	xn->shards = NULL;
}
