// SPDX-License-Identifier: GPL-2.0
/*
 * The table of connections of all namespaces.
 *
 * As kernel TCP's, it is made once, by the size of the memory, and never grows: no arrival pays for that, nothing can
 * fail when a connection is put in, and a connection takes no more than the pointer to the next one. It is read under
 * RCU; changes take one of a few locks, for the length of a chain. What has left the table does not come back before a
 * grace period has passed, so a reader that stands on it goes on in the same chain, to its end.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "lookup/conns.h"

#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#define LOCKS		256
#define CHAINS_MAX	16777216U
#define SHARE_SHIFT	16	/* a chain for so much memory: 64 KiB */
#define RESCHED_CHAINS	4096	/* empty ones walked over at once */

static unsigned int chains_wanted;
module_param_named(chains, chains_wanted, uint, 0444);
MODULE_PARM_DESC(chains, "hash chains of the table of connections, at most 16777216, rounded up to a power of two (0, the default: one for 64 KiB of memory)");

struct xtcp_conns xtcp_conns __read_mostly;

/* Guards the chains whose number ends in its own. Each has a cache line, or those who want others would wait, too. */
static struct {
	spinlock_t lock;	/* see above */
} ____cacheline_aligned_in_smp locks[LOCKS];

static spinlock_t *lock_of(u32 chain)
{
	return &locks[chain % LOCKS].lock;
}

/* Pages of each node of the memory in turn. */
static bool take_pages(struct page **pages, unsigned int n)
{
	int node = first_memory_node;
	unsigned int i;

	for (i = 0; i < n; i++) {
		pages[i] = alloc_pages_node(node, GFP_KERNEL | __GFP_ZERO, 0);
		if (!pages[i])
			return false;
		node = next_node_in(node, node_states[N_MEMORY]);
		cond_resched();
	}
	return true;
}

/*
 * All processors look into the table, so no node should have all of it, as in Linux. Its pages are small ones, unlike
 * those of one node, which may be huge. kvfree() gives it back.
 */
static void *alloc_on_all_nodes(size_t size)
{
	const unsigned int n = DIV_ROUND_UP(size, PAGE_SIZE);
	struct page **pages = kvcalloc(n, sizeof(*pages), GFP_KERNEL);
	unsigned int i;
	void *table;

	if (!pages)
		return NULL;
	table = take_pages(pages, n) ? vmap(pages, n, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL) : NULL;
	if (table)
		return table;
	for (i = 0; i < n && pages[i]; i++)
		__free_page(pages[i]);
	kvfree(pages);
	return NULL;
}

static void *alloc_table(size_t size)
{
	return num_node_state(N_MEMORY) > 1 && size > PAGE_SIZE ? alloc_on_all_nodes(size) :
								  kvzalloc(size, GFP_KERNEL);
}

/**
 * xtcp_conns_init() - make the table
 *
 * Context: process, module init.
 *
 * Return: 0, -EINVAL when the parameter is out of range, or -ENOMEM.
 */
int xtcp_conns_init(void)
{
	u64 chains = chains_wanted ?: (u64)totalram_pages() >> (SHARE_SHIFT - PAGE_SHIFT);
	u32 i;

	if (chains_wanted > CHAINS_MAX) {
		pr_err("chains=%u: at most %u, or 0 for the default\n", chains_wanted, CHAINS_MAX);
		return -EINVAL;
	}
	chains = roundup_pow_of_two(clamp_t(u64, chains, 1, CHAINS_MAX));
	xtcp_conns.chain = alloc_table(chains * sizeof(*xtcp_conns.chain));
	if (!xtcp_conns.chain)
		return -ENOMEM;
	xtcp_conns.mask = chains - 1;
	chains_wanted = chains;		/* /sys/module shows what there are */
	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&locks[i].lock);
	return 0;
}

/**
 * xtcp_conns_exit() - free the table, which is empty
 *
 * Context: process, module exit; no segment reaches us any more.
 */
void xtcp_conns_exit(void)
{
	kvfree(xtcp_conns.chain);
}

/**
 * xtcp_conns_used_chain() - for whoever walks over all of them
 * @chain: where to begin
 *
 * Context: process, may sleep. No lock.
 *
 * Return: the first chain from there on with something in it; above the mask: none.
 */
u32 xtcp_conns_used_chain(u32 chain)
{
	for (; chain <= xtcp_conns.mask && !xtcp_conns_first(chain); chain++)
		if (chain % RESCHED_CHAINS == 0)
			cond_resched();
	return chain;
}

/**
 * xtcp_conns_lock() - keep everybody else from changing a chain
 * @chain: xtcp_conns_chain_of()
 *
 * Context: softirq or process, BH disabled. A leaf: no other lock is taken inside.
 */
void xtcp_conns_lock(u32 chain)
	__acquires(locks)
{
	lockdep_assert_in_softirq();
	spin_lock(lock_of(chain));
}

/**
 * xtcp_conns_unlock() - undo xtcp_conns_lock()
 * @chain: the same
 *
 * Context: softirq or process, BH disabled.
 */
void xtcp_conns_unlock(u32 chain)
	__releases(locks)
{
	spin_unlock(lock_of(chain));
}

/**
 * xtcp_conns_add() - put a connection in
 * @chain: its chain
 * @conn: in no chain for a grace period; lookups find it from here on
 *
 * Context: softirq or process. Lock: the chain's, held.
 */
void xtcp_conns_add(u32 chain, struct xtcp_conn *conn)
{
	lockdep_assert_held(lock_of(chain));
	RCU_INIT_POINTER(conn->next, xtcp_conns_first(chain));
	rcu_assign_pointer(xtcp_conns.chain[chain], conn);
}

/* *@link: what points to a connection; false when nothing does. */
static bool find_link(u32 chain, const struct xtcp_conn *conn, struct xtcp_conn __rcu ***link)
{
	struct xtcp_conn *at;

	lockdep_assert_held(lock_of(chain));
	*link = &xtcp_conns.chain[chain];
	for (at = xtcp_conns_first(chain); at; at = xtcp_conns_next(at)) {
		if (at == conn)
			return true;
		*link = &at->next;
	}
	return false;
}

/**
 * xtcp_conns_replace() - put a connection in the place of another
 * @chain: the chain of both
 * @old: in it or not
 * @new: in no chain for a grace period
 *
 * A lookup finds one or the other. Who stands on @old goes on from there.
 *
 * Context: softirq or process. Lock: the chain's, held.
 *
 * Return: false when @old was not there.
 */
bool xtcp_conns_replace(u32 chain, struct xtcp_conn *old, struct xtcp_conn *new)
{
	struct xtcp_conn __rcu **link;

	if (!find_link(chain, old, &link))
		return false;
	RCU_INIT_POINTER(new->next, xtcp_conns_next(old));
	rcu_assign_pointer(*link, new);
	return true;
}

/**
 * xtcp_conns_remove() - take a connection out
 * @conn: in its chain or not
 *
 * Inline in both of its callers: it has not many more instructions than a call would add.
 *
 * Context: softirq or process, BH disabled. Takes the chain's lock.
 *
 * Return: true when it was there.
 */
inline bool xtcp_conns_remove(struct xtcp_conn *conn)
{
	const u32 chain = xtcp_conns_chain_of(conn->hash);
	struct xtcp_conn __rcu **link;
	bool found;

	spin_lock(lock_of(chain));
	found = find_link(chain, conn, &link);
	if (found)
		rcu_assign_pointer(*link, xtcp_conns_next(conn));
	spin_unlock(lock_of(chain));
	return found;
}
