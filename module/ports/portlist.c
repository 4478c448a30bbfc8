// SPDX-License-Identifier: GPL-2.0
/*
 * The leases of a namespace, in one list per port, and the locks of ports.
 *
 * As in kernel TCP's bind table, neighbouring ports have different locks. connect() gives
 * neighbouring ports to the connections to one destination, so several processors often work on
 * neighbouring ports at the same time. A lease is compared only with leases of the same port, so no
 * caller needs two of these locks.
 *
 * connect() makes and frees leases often, so the lists are in two levels of arrays and not in a
 * tree. A block of lists exists only while one of its ports has a lease. One empty block is kept
 * for reuse, so a port that often gets and loses a lease does not need an allocation each time.
 */
#include "ports/portlist.h"

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "ports/lease.h"
#include "ports/sharing.h"

static_assert(XTCP_PORTLISTS * XTCP_PORTLIST_BLOCKS * XTCP_PORTLIST_BLOCK == XTCP_PORTS);
static_assert(XTCP_PORTLIST_BLOCK <= (u8)~0);

static unsigned int block_of(u16 port)
{
	return port / XTCP_PORTLISTS / XTCP_PORTLIST_BLOCK;
}

static struct hlist_head *port_list(const struct xtcp_portlist *lists, u16 port)
{
	struct hlist_head *block = lists->block[block_of(port)];

	lockdep_assert_held(&lists->lock);
	return block ? &block[port / XTCP_PORTLISTS % XTCP_PORTLIST_BLOCK] : NULL;
}

/* Make the lists of the block of @port. Return: false if there is no memory. */
static bool add_block(struct xtcp_net *xn, struct xtcp_portlist *lists, u16 port)
{
	struct hlist_head **spare = &xn->rest->spare_block;
	struct hlist_head *block = READ_ONCE(*spare) ? xchg(spare, NULL) : NULL;

	if (!block)
		block = kcalloc(XTCP_PORTLIST_BLOCK, sizeof(*block), GFP_ATOMIC | __GFP_ACCOUNT);
	lists->block[block_of(port)] = block;
	return block;
}

/**
 * xtcp_portlist_add() - put a lease on the list of its port
 * @lease: in kernel TCP's table; if there is no memory, this function removes it from that table
 *
 * Shared leases come before the others.
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_portlist_add(struct xtcp_lease *lease)
{
	const u16 port = lease->inet.inet_num;
	struct xtcp_portlist *lists = xtcp_portlist_of(lease->xn, port);
	struct hlist_node *at, *before = NULL;
	struct hlist_head *list;

	lockdep_assert_held(&lists->lock);
	if (!port_list(lists, port) && !add_block(lease->xn, lists, port)) {
		xtcp_sharing_leave(lease);
		return -ENOMEM;
	}
	list = port_list(lists, port);
	if (hlist_empty(list)) {
		lists->used[block_of(port)]++;
		set_bit(port, lease->xn->port_bits);
	}
	hlist_for_each(at, list) {
		if (lease->shared || !hlist_entry(at, struct xtcp_lease, node)->shared)
			break;
		before = at;
	}
	if (before)
		hlist_add_behind(&lease->node, before);
	else
		hlist_add_head(&lease->node, list);
	return 0;
}

/**
 * xtcp_portlist_remove() - take a lease off the list of its port
 * @lease: on the list
 *
 * Context: softirq or process. Lock: of the port, held.
 */
void xtcp_portlist_remove(struct xtcp_lease *lease)
{
	const u16 port = lease->inet.inet_num, i = block_of(port);
	struct xtcp_portlist *lists = xtcp_portlist_of(lease->xn, port);

	lockdep_assert_held(&lists->lock);
	hlist_del(&lease->node);
	if (!hlist_empty(port_list(lists, port)))
		return;
	clear_bit(port, lease->xn->port_bits);
	if (--lists->used[i])
		return;
	kfree(xchg(&lease->xn->rest->spare_block, lists->block[i]));
	lists->block[i] = NULL;
}

/**
 * xtcp_portlist_find_shared() - find a shared lease and take a reference
 * @xn: the namespace
 * @port: host order
 * @addr: the local address
 * @dev: the interface to which the lease is bound; 0: none
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: the lease, with another reference, or NULL.
 */
struct xtcp_lease *xtcp_portlist_find_shared(const struct xtcp_net *xn, u16 port, const struct in6_addr *addr, int dev)
{
	struct hlist_head *list = port_list(xtcp_portlist_of(xn, port), port);
	struct xtcp_lease *lease;

	if (!list)
		return NULL;
	hlist_for_each_entry(lease, list, node) {
		if (!lease->shared)
			break;
		if (xtcp_lease_is_at(lease, addr, dev) && refcount_inc_not_zero(&lease->users))
			return lease;
	}
	return NULL;
}

/**
 * xtcp_portlist_is_last() - is no other shared lease in the same bucket of kernel TCP's table?
 * @lease: a shared lease in that table
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: true when there is none.
 */
bool xtcp_portlist_is_last(const struct xtcp_lease *lease)
{
	struct hlist_head *list = port_list(xtcp_portlist_of(lease->xn, lease->tw.tw_num), lease->tw.tw_num);
	const struct xtcp_lease *other;

	if (!list)
		return true;
	hlist_for_each_entry(other, list, node) {
		if (!other->shared)
			break;
		if (other != lease && other->tw.tw_tb == lease->tw.tw_tb)
			return false;
	}
	return true;
}

/**
 * xtcp_portlist_net_init() - prepare a namespace for leases
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_portlist_net_init(struct xtcp_net *xn)
{
	unsigned long *bits = bitmap_zalloc(XTCP_PORTS, GFP_KERNEL_ACCOUNT);
	unsigned int i;

	xn->rest->spare_block = NULL;
	xn->portlists = kcalloc(XTCP_PORTLISTS, sizeof(*xn->portlists), GFP_KERNEL_ACCOUNT);
	if (!bits || !xn->portlists) {
		kfree(xn->portlists);
		bitmap_free(bits);
		return -ENOMEM;
	}
	for (i = 0; i < XTCP_PORTLISTS; i++)
		spin_lock_init(&xn->portlists[i].lock);
	/*
	 * Arriving segments already read this pointer. A reader that sees the new bitmap also sees
	 * that it is empty, and sees all parts of the namespace that were initialised before.
	 */
	smp_store_release(&xn->port_bits, bits);
	return 0;
}

/*
 * A lease is left over only after a bug: a reference to it was never put. Remove the lease from
 * kernel TCP's table: leaked memory is better than a dangling pointer in that table.
 */
static void leave_all(struct xtcp_net *xn, u16 port)
{
	struct xtcp_portlist *lists = xtcp_portlist_of(xn, port);
	struct xtcp_lease *lease;

	spin_lock_bh(&lists->lock);
	hlist_for_each_entry(lease, port_list(lists, port), node) {
		xtcp_sharing_leave(lease);
		lease->xn = NULL;
	}
	spin_unlock_bh(&lists->lock);
}

/**
 * xtcp_portlist_net_exit() - free the lists and the bitmap of a namespace
 * @xn: the namespace; its socks and records were freed, so it should have no lease
 *
 * Context: process, namespace exit.
 */
void xtcp_portlist_net_exit(struct xtcp_net *xn)
{
	unsigned int port, i;

	WARN_ON_ONCE(!bitmap_empty(xn->port_bits, XTCP_PORTS));
	for_each_set_bit(port, xn->port_bits, XTCP_PORTS)
		leave_all(xn, port);
	for (i = 0; i < XTCP_PORTLISTS * XTCP_PORTLIST_BLOCKS; i++)
		kfree(xn->portlists[i / XTCP_PORTLIST_BLOCKS].block[i % XTCP_PORTLIST_BLOCKS]);
	kfree(xn->rest->spare_block);
	kfree(xn->portlists);
	bitmap_free(xn->port_bits);
	xn->port_bits = NULL;
}
