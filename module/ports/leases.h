/* SPDX-License-Identifier: GPL-2.0 */
/* The leases of a namespace by port. */
#ifndef XTCP_LEASES_H
#define XTCP_LEASES_H

#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct xtcp_lease;

#define XTCP_LEASES_BLOCKS	256
#define XTCP_LEASES_BLOCK	256	/* ports */

/**
 * struct xtcp_leases - lists of leases, linked by xtcp_lease.next
 * @lock: guards the table, the lists, and in a lease what others may look at
 * @block: by the upper octet of the port: the first of each list, by the lower one; NULL: these ports have none
 * @used: lists in each block
 * @spare: a block without lists, or NULL
 */
struct xtcp_leases {
	spinlock_t lock;	/* see above */
	struct xtcp_lease ***block;
	u16 *used;
	struct xtcp_lease **spare;
};

int xtcp_leases_init(struct xtcp_leases *leases);
void xtcp_leases_exit(struct xtcp_leases *leases);

/* locked */
static inline struct xtcp_lease *xtcp_leases_first(const struct xtcp_leases *leases, u16 port)
{
	struct xtcp_lease **block = leases->block[port / XTCP_LEASES_BLOCK];

	lockdep_assert_held(&leases->lock);
	return block ? block[port % XTCP_LEASES_BLOCK] : NULL;
}

int xtcp_leases_add(struct xtcp_leases *leases, struct xtcp_lease *lease);
bool xtcp_leases_remove(struct xtcp_leases *leases, struct xtcp_lease *lease);

#endif /* XTCP_LEASES_H */
