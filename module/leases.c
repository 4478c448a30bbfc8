// SPDX-License-Identifier: GPL-2.0
/*
 * The leases of a namespace by port.
 *
 * Leases of connect() come and go with connections, so this is two arrays deep rather than a tree: an XArray takes
 * some 450 instructions to erase an entry. A block that becomes empty is kept for the next one that is needed, so that
 * a port used now and then costs no allocation.
 */
#include "leases.h"

#include <linux/slab.h>
#include <linux/string.h>

/**
 * xtcp_leases_init() - make an empty table
 * @leases: the table
 *
 * Context: process.
 */
void xtcp_leases_init(struct xtcp_leases *leases)
{
	memset(leases, 0, sizeof(*leases));
	spin_lock_init(&leases->lock);
}

/**
 * xtcp_leases_exit() - free a table
 * @leases: nobody uses it any more
 *
 * Context: process.
 */
void xtcp_leases_exit(struct xtcp_leases *leases)
{
	int i;

	for (i = 0; i < XTCP_LEASES_BLOCKS; i++)
		kfree(leases->block[i]);
	kfree(leases->spare);
}

/**
 * xtcp_leases_set_first() - what the list of a port begins with from here on
 * @leases: the table
 * @port: host order
 * @first: the lease; NULL: the list is empty
 *
 * Context: softirq or process. Lock: the table's, held.
 *
 * Return: 0, or -ENOMEM when the list was empty.
 */
int xtcp_leases_set_first(struct xtcp_leases *leases, u16 port, struct xtcp_lease *first)
{
	const unsigned int i = port / XTCP_LEASES_BLOCK;
	struct xtcp_lease **block = leases->block[i], **at;

	lockdep_assert_held(&leases->lock);
	if (!block) {
		block = leases->spare ?: kcalloc(XTCP_LEASES_BLOCK, sizeof(*block), GFP_ATOMIC);
		if (!block)
			return -ENOMEM;
		leases->spare = NULL;
		leases->block[i] = block;
	}
	at = &block[port % XTCP_LEASES_BLOCK];
	leases->used[i] += !!first - !!*at;
	*at = first;
	if (!leases->used[i]) {
		kfree(leases->spare);
		leases->spare = block;
		leases->block[i] = NULL;
	}
	return 0;
}
