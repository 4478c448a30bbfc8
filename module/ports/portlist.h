/* SPDX-License-Identifier: GPL-2.0 */
/* The leases of a namespace by port, and their locks. */
#ifndef XTCP_PORTLIST_H
#define XTCP_PORTLIST_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "base/net.h"

struct xtcp_lease;

#define XTCP_PORTLISTS		64
#define XTCP_PORTLIST_BLOCKS	8
#define XTCP_PORTLIST_BLOCK	128	/* ports */

/**
 * struct xtcp_portlist - the leases of every 64th port, in a list per port
 * @lock: guards this struct and, for each of these ports, its bit in xtcp_net.port_bits. It also
 *	guards those fields of the leases that decide which binds may share the port; struct
 *	xtcp_lease says which
 * @used: lists in each block that are not empty
 * @block: the lists; NULL: no port of the block has a lease
 *
 * No code holds two of these locks. The lock of a taker (taker.c) and the locks of kernel TCP's
 * bind table nest inside; create.c says which locks are taken outside. The lock does not guard
 * xtcp_net.spare_block, which is exchanged atomically, nor @users and @socks of a lease, which are
 * atomic.
 */
struct xtcp_portlist {
	spinlock_t lock;	/* see above */
	u8 used[XTCP_PORTLIST_BLOCKS];
	struct hlist_head *block[XTCP_PORTLIST_BLOCKS];
} ____cacheline_aligned_in_smp;

static inline struct xtcp_portlist *xtcp_portlist_of(const struct xtcp_net *xn, u16 port)
{
	return &xn->portlists[port % XTCP_PORTLISTS];
}

/* The lock of a port. Every 64th port shares it; neighbouring ports do not. */
static inline spinlock_t *xtcp_portlist_lock(const struct xtcp_net *xn, u16 port)
{
	return &xtcp_portlist_of(xn, port)->lock;
}

int xtcp_portlist_net_init(struct xtcp_net *xn);
void xtcp_portlist_net_exit(struct xtcp_net *xn);

/* Lock of the port held, any context. */
int xtcp_portlist_add(struct xtcp_lease *lease);
void xtcp_portlist_remove(struct xtcp_lease *lease);
struct xtcp_lease *xtcp_portlist_find_shared(const struct xtcp_net *xn, u16 port, int bound_dev_if);

#endif /* XTCP_PORTLIST_H */
