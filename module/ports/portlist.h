/* SPDX-License-Identifier: GPL-2.0 */
/* The leases of a namespace, listed by port, and the locks of ports. */
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
#define XTCP_PORTLIST_BLOCK	128	/* ports of a block */

/**
 * struct xtcp_portlist - the leases of every 64th port, in a list per port
 * @lock: guards this struct, the bits of these ports in xtcp_net.port_bits, and the fields of a
 *	lease that struct xtcp_lease marks with "lock of the port"
 * @used: for each block, how many of its lists are not empty
 * @block: arrays of lists; NULL: no port of the block has a lease
 *
 * No code holds two of these locks. The lock of a taker (taker.c) and the locks of kernel TCP's
 * bind table are taken inside @lock; create.c lists the locks outside @lock. These need no lock:
 * xtcp_rest.spare_block, which is exchanged atomically, and @users and @socks of a lease, which are
 * atomic.
 */
struct xtcp_portlist {
	spinlock_t lock;	/* see @lock above */
	u8 used[XTCP_PORTLIST_BLOCKS];
	struct hlist_head *block[XTCP_PORTLIST_BLOCKS];
} ____cacheline_aligned_in_smp;

static inline struct xtcp_portlist *xtcp_portlist_of(const struct xtcp_net *xn, u16 port)
{
	return &xn->portlists[port % XTCP_PORTLISTS];
}

/*
 * The lock of a port. Ports that differ by a multiple of 64 share a lock; neighbouring ports do
 * not.
 */
static inline spinlock_t *xtcp_portlist_lock(const struct xtcp_net *xn, u16 port)
{
	return &xtcp_portlist_of(xn, port)->lock;
}

int xtcp_portlist_net_init(struct xtcp_net *xn);
void xtcp_portlist_net_exit(struct xtcp_net *xn);

/* Lock of the port held, any context. */
int xtcp_portlist_add(struct xtcp_lease *lease);
void xtcp_portlist_remove(struct xtcp_lease *lease);
struct xtcp_lease *xtcp_portlist_find_shared(const struct xtcp_net *xn, u16 port, const struct in6_addr *addr, int dev);
bool xtcp_portlist_is_last(const struct xtcp_lease *lease);

#endif /* XTCP_PORTLIST_H */
