// SPDX-License-Identifier: GPL-2.0
/*
 * The leases of a namespace by port.
 *
 * Leases of connect() come and go with connections, so this is two arrays deep rather than a tree: an XArray takes
 * some 450 instructions to erase an entry. A block that becomes empty is kept for the next one that is needed, so that
 * a port used now and then costs no allocation.
 */
#include "ports/leases.h"

#include <linux/slab.h>
#include <linux/string.h>

#include "ports/place.h"

/**
 * xtcp_leases_init() - make an empty table
 * @leases: the table
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_leases_init(struct xtcp_leases *leases)
{
	memset(leases, 0, sizeof(*leases));
	spin_lock_init(&leases->lock);
	leases->block = kcalloc(XTCP_LEASES_BLOCKS, sizeof(*leases->block), GFP_KERNEL);
	leases->used = kcalloc(XTCP_LEASES_BLOCKS, sizeof(*leases->used), GFP_KERNEL);
	if (leases->block && leases->used)
		return 0;
	kfree(leases->used);
	kfree(leases->block);
	return -ENOMEM;
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
	kfree(leases->used);
	kfree(leases->block);
}

/* Other ports have lists from here on; NULL without memory. */
static struct xtcp_lease **add_block(struct xtcp_leases *leases, unsigned int i)
{
	leases->block[i] = leases->spare ?: kcalloc(XTCP_LEASES_BLOCK, sizeof(*leases->block[i]), GFP_ATOMIC);
	if (leases->block[i])
		leases->spare = NULL;
	return leases->block[i];
}

static void spare_block(struct xtcp_leases *leases, unsigned int i)
{
	kfree(leases->spare);
	leases->spare = leases->block[i];
	leases->block[i] = NULL;
}

/**
 * xtcp_leases_add() - the list of its port begins with this lease from here on
 * @leases: the table
 * @lease: has its port
 *
 * Context: softirq or process. Lock: the table's, held.
 *
 * Return: 0, or -ENOMEM when the list was empty.
 */
int xtcp_leases_add(struct xtcp_leases *leases, struct xtcp_lease *lease)
{
	const unsigned int i = lease->port / XTCP_LEASES_BLOCK;
	struct xtcp_lease **block, **first;

	lockdep_assert_held(&leases->lock);
	block = leases->block[i] ?: add_block(leases, i);
	if (!block)
		return -ENOMEM;
	first = &block[lease->port % XTCP_LEASES_BLOCK];
	if (!*first)
		leases->used[i]++;
	lease->next = *first;
	*first = lease;
	return 0;
}

/**
 * xtcp_leases_remove() - a lease leaves its list
 * @leases: the table
 * @lease: in it
 *
 * Context: softirq or process. Lock: the table's, held.
 *
 * Return: true when it was the last one on its port.
 */
bool xtcp_leases_remove(struct xtcp_leases *leases, struct xtcp_lease *lease)
{
	const unsigned int i = lease->port / XTCP_LEASES_BLOCK;
	struct xtcp_lease **first, **link;

	lockdep_assert_held(&leases->lock);
	first = &leases->block[i][lease->port % XTCP_LEASES_BLOCK];
	for (link = first; *link != lease; link = &(*link)->next)
		;
	*link = lease->next;
	if (*first)
		return false;
	if (!--leases->used[i])
		spare_block(leases, i);
	return true;
}
