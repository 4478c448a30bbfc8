// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of half-open entries (RFC 4987).
 *
 * By default, the entries of all namespaces together may use 1/128 of the memory. All guests
 * (namespaces that belong to a user namespace other than the initial one) together may use half of
 * this share. The guests of one maker (guests.c) may use a quarter of the guests' half. An entry
 * with a copy of its SYN is larger and counts as several entries.
 *
 * An entry that has left the table is freed after a grace period, since lookups may still read it.
 * While a grace period runs, dead entries gather and share the next grace period, so most
 * handshakes start no grace period of their own.
 */
#include "listen/pool.h"

#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "base/counter.h"
#include "base/guests.h"
#include "base/net.h"
#include "compat.h"
#include "listen/entry.h"
#include "recv/recv.h"

#define MEMORY_SHARE	128		/* all namespaces' entries may take 1/128 of the memory */
#define GATHERED_MAX	512		/* limit of entries that share the next grace period */
#define BULK		64		/* entries freed by one kfree_bulk() */

static struct kmem_cache *slab_v4, *slab_v6;
static struct percpu_counter entries_in_use;	/* includes entries that wait to be freed */
/* those of @entries_in_use that belong to guests */
static struct xtcp_guests guest_entries = { .thing = XTCP_GUESTS_ENTRIES };
static s32 entries_batch;	/* that of @guest_entries, apart from what guests write */

/**
 * struct free_batch - a processor's entries that have left the table
 * @lock: guards the other fields
 * @waiting: entries that wait for the running grace period; NULL when no grace period runs
 * @gathered: entries that came since the running grace period began; they wait for the next grace
 *	period
 * @n: length of @gathered
 * @rcu: the callback at the end of the running grace period
 */
struct free_batch {
	spinlock_t lock;	/* guards the other fields */
	struct xtcp_request *waiting;
	struct xtcp_request *gathered;
	unsigned int n;
	struct rcu_head rcu;
};

static DEFINE_PER_CPU(struct free_batch, free_batches);

static unsigned int entries_max;
module_param_named(half_open, entries_max, uint, 0444);
MODULE_PARM_DESC(half_open, "half-open connections of all namespaces, at most 2147483647 (0, the default: as many as fit in 1/128 of the memory)");

/**
 * xtcp_pool_init() - create the slabs and set the limit
 *
 * Context: process, module init.
 *
 * Return: 0, -EINVAL when the parameter is out of range, or -ENOMEM.
 */
int xtcp_pool_init(void)
{
	int cpu, err;

	BUILD_BUG_ON(XTCP_POOL_V4_SIZE > 96);
	BUILD_BUG_ON(sizeof(struct xtcp_request) > 128);

	err = xtcp_guests_limit(&entries_max, "half_open", MEMORY_SHARE, sizeof(struct xtcp_request));
	if (err)
		return err;
	guest_entries.max = entries_max / XTCP_GUESTS_PART;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu(free_batches, cpu).lock);
	slab_v4 = xtcp_compat_slab(KBUILD_MODNAME "_request", XTCP_POOL_V4_SIZE, 0);
	slab_v6 = xtcp_compat_slab(KBUILD_MODNAME "_request6", sizeof(struct xtcp_request), 0);
	if (!slab_v4 || !slab_v6)
		goto err_slabs;
	if (percpu_counter_init(&entries_in_use, 0, GFP_KERNEL))
		goto err_slabs;
	if (xtcp_guests_init(&guest_entries))
		goto err_counter;
	entries_batch = guest_entries.batch;
	return 0;

err_counter:
	percpu_counter_destroy(&entries_in_use);
err_slabs:
	kmem_cache_destroy(slab_v6);
	kmem_cache_destroy(slab_v4);
	return -ENOMEM;
}

/**
 * xtcp_pool_exit() - free the slabs
 *
 * Context: process, module exit. All entries are out of the table, and the caller has called
 * rcu_barrier().
 */
void xtcp_pool_exit(void)
{
	/*
	 * the caller's rcu_barrier() has waited for grace_period_over(), which may have called
	 * call_rcu() again, for entries that had gathered. Wait for this second callback, too
	 */
	rcu_barrier();
	xtcp_guests_exit(&guest_entries);
	percpu_counter_destroy(&entries_in_use);
	kmem_cache_destroy(slab_v6);
	kmem_cache_destroy(slab_v4);
}

static struct kmem_cache *entry_cache(const struct xtcp_request *he)
{
	return he->conn.v4 ? slab_v4 : slab_v6;
}

static bool is_room_for_entry(const struct xtcp_net *xn)
{
	if (xtcp_counter_about(&entries_in_use) >= entries_max)
		return false;
	return !xn->is_guest || !xtcp_guests_exceed(&guest_entries, xn, guest_entries.max, 1);
}

/*
 * The number that an entry adds to the counts: 1 if no struct xtcp_saved_syn follows the entry in
 * memory. Else it is the memory of both, divided by the size of struct xtcp_request and rounded up.
 */
static int weight(const struct xtcp_request *he)
{
	if (likely(!he->has_syn))
		return 1;
	return DIV_ROUND_UP(kmalloc_size_roundup(xtcp_pool_bytes_of(he->conn.v4) +
						 xtcp_savedsyn_bytes(xtcp_pool_syn(he)->len)),
			    sizeof(struct xtcp_request));
}

/*
 * Adds an entry to the count of its maker (@sign 1), or subtracts the entry (-1). Only entries of
 * guests are counted. An entry that has left the table is subtracted at once, because the namespace
 * may end before the memory of the entry is freed, and the maker with it.
 */
static void count_entry(struct xtcp_net *xn, const struct xtcp_request *he, int sign)
{
	if (xn->is_guest)
		xtcp_guests_count_maker(&guest_entries, xn, sign * weight(he));
}

/* Adds an entry to the counts of memory (@sign 1), or subtracts the entry (-1). */
static void count_memory(const struct xtcp_request *he, int sign)
{
	percpu_counter_add_batch(&entries_in_use, sign * weight(he), entries_batch);
	if (he->of_guest)
		xtcp_guests_count_all(&guest_entries, sign * weight(he));
}

/**
 * xtcp_pool_new() - allocate an entry
 * @xn: the namespace of the entry
 * @v4: true if the entry's addresses are IPv4
 *
 * Context: any.
 *
 * Return: the zeroed entry, for xtcp_entry_insert() or xtcp_pool_free(). NULL when there is no
 * memory, or the limit of all namespaces, of all guests (xtcp_net.is_guest), or of the maker of this
 * guest is reached.
 */
struct xtcp_request *xtcp_pool_new(struct xtcp_net *xn, bool v4)
{
	struct xtcp_request *he;

	if (!is_room_for_entry(xn))
		return NULL;
	he = kmem_cache_zalloc(v4 ? slab_v4 : slab_v6, GFP_ATOMIC | __GFP_NOWARN);
	if (!he)
		return NULL;
	he->conn.v4 = v4;
	he->of_guest = xn->is_guest;
	count_memory(he, 1);
	count_entry(xn, he, 1);
	return he;
}

/**
 * xtcp_pool_new_for_syn() - allocate an entry with space for its SYN
 * @xn: the namespace of the entry
 * @v4: true if the entry's addresses are IPv4
 * @len: octets of the SYN, which the caller writes to xtcp_pool_syn(); a SYN of more than 65,535
 *	octets is not kept
 *
 * Context: any.
 *
 * Return: the same as xtcp_pool_new().
 */
struct xtcp_request *xtcp_pool_new_for_syn(struct xtcp_net *xn, bool v4, u32 len)
{
	struct xtcp_request *he;

	if (!is_room_for_entry(xn))
		return NULL;
	if (len > U16_MAX)
		len = 0;
	he = kzalloc(xtcp_pool_bytes_of(v4) + xtcp_savedsyn_bytes(len), GFP_ATOMIC | __GFP_NOWARN);
	if (!he)
		return NULL;
	he->conn.v4 = v4;
	he->has_syn = true;
	he->of_guest = xn->is_guest;
	xtcp_pool_syn(he)->len = len;
	count_memory(he, 1);
	count_entry(xn, he, 1);
	return he;
}

static void give_memory_back(struct xtcp_request *he)
{
	count_memory(he, -1);
	if (unlikely(he->has_syn))
		kfree(he);
	else
		kmem_cache_free(entry_cache(he), he);
}

/**
 * xtcp_pool_free() - free an entry that was never in the table
 * @xn: the namespace of the entry
 * @he: the entry, from xtcp_pool_new() or xtcp_pool_new_for_syn()
 *
 * Context: any.
 */
void xtcp_pool_free(struct xtcp_net *xn, struct xtcp_request *he)
{
	count_entry(xn, he, -1);
	give_memory_back(he);
}

/* Frees an entry, a grace period after it left the table. */
static void entry_free_rcu(struct rcu_head *rcu)
{
	give_memory_back(container_of(rcu, struct xtcp_request, rcu));
}

/* Frees a list of entries, a grace period after they left the table. */
static void free_all(struct xtcp_request *he)
{
	int weights = 0, of_guests = 0;
	void *batch[BULK];
	unsigned int n = 0;

	while (he) {
		weights += weight(he);
		if (he->of_guest)
			of_guests += weight(he);
		batch[n++] = he;
		he = he->next_in_batch;
		/* kfree_bulk() finds the right slab of each entry */
		if (n == BULK || !he) {
			kfree_bulk(n, batch);
			n = 0;
		}
	}
	percpu_counter_add_batch(&entries_in_use, -weights, entries_batch);
	if (of_guests)
		xtcp_guests_count_all(&guest_entries, -of_guests);
}

/* Frees the entries in @waiting, and starts a grace period for the entries in @gathered. */
static void grace_period_over(struct rcu_head *rcu)
{
	struct free_batch *mine = container_of(rcu, struct free_batch, rcu);
	struct xtcp_request *over;

	spin_lock(&mine->lock);
	over = mine->waiting;
	mine->waiting = mine->gathered;
	mine->gathered = NULL;
	mine->n = 0;
	if (mine->waiting)
		call_rcu(&mine->rcu, grace_period_over);
	spin_unlock(&mine->lock);
	free_all(over);
}

/**
 * xtcp_pool_free_dead() - free a dead entry after a grace period
 * @xn: the namespace of the entry
 * @he: the entry
 *
 * Context: softirq or process, BH disabled.
 */
void xtcp_pool_free_dead(struct xtcp_net *xn, struct xtcp_request *he)
{
	struct free_batch *mine;

	lockdep_assert_in_softirq();
	count_entry(xn, he, -1);
	mine = this_cpu_ptr(&free_batches);
	spin_lock(&mine->lock);
	if (!mine->waiting) {
		he->next_in_batch = NULL;
		mine->waiting = he;
		call_rcu(&mine->rcu, grace_period_over);
	} else if (mine->n < GATHERED_MAX) {
		he->next_in_batch = mine->gathered;
		mine->gathered = he;
		mine->n++;
	} else {
		call_rcu(&he->rcu, entry_free_rcu);
	}
	spin_unlock(&mine->lock);
}
