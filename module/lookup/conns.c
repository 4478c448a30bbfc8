// SPDX-License-Identifier: GPL-2.0
/*
 * The table of connections of all namespaces.
 *
 * As in kernel TCP, the table is made once, its size depends on the memory, and it never grows. So
 * no arriving segment pays for a resize, the insertion of a connection cannot fail, and each
 * connection needs only a pointer to the next connection.
 *
 * Readers use RCU. A writer takes a lock while it walks a chain. The table has up to 256 parts,
 * each with its own lock and a count of its connections, so that a listing can skip empty parts. A
 * connection that leaves the table still points to the rest of its chain, and may enter the table
 * again only after a grace period. So a reader that has just reached this connection still reaches
 * the end of the chain.
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

#define PARTS		256
#define CHAINS_MAX	16777216U
#define SHARE_SHIFT	16	/* one chain for each 64 KiB of memory */
#define RESCHED_CHAINS	4096	/* empty chains examined between two calls of cond_resched() */

static unsigned int chains_wanted;
module_param_named(chains, chains_wanted, uint, 0444);
MODULE_PARM_DESC(chains, "hash chains of the table of connections, at most 16777216, rounded up to a power of two (0, the default: one for 64 KiB of memory)");

struct xtcp_conns xtcp_conns __read_mostly;

/*
 * The parts of the table. Each part consists of the same number of successive chains, and its
 * struct has a cache line of its own, so that processors that take different locks do not slow each
 * other down.
 * @lock: guards the chains of the part
 * @members: connections in these chains; changed under @lock, read without a lock
 */
static struct table_part {
	spinlock_t lock;	/* guards the chains of the part */
	u32 members;
} ____cacheline_aligned_in_smp table_parts[PARTS];

static struct table_part *table_part_of(u32 chain)
{
	return &table_parts[chain >> xtcp_conns.part_shift];
}

static spinlock_t *lock_of(u32 chain)
{
	return &table_part_of(chain)->lock;
}

/* Adds @change to the count of connections in a part of the table. The part's lock is held. */
static void count_member(struct table_part *part, int change)
{
	lockdep_assert_held(&part->lock);
	WRITE_ONCE(part->members, part->members + change);
}

/* Allocates the pages from all memory nodes in turn. */
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
 * Allocates a table whose pages are spread over all memory nodes, as in Linux, because all
 * processors read the table. vmap() cannot map these pages as huge pages, but kvzalloc() may use
 * huge pages. So a machine with one memory node uses kvzalloc(). kvfree() frees either table.
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
	chains_wanted = chains;		/* /sys/module then shows the real number */
	xtcp_conns.part_shift = chains > PARTS ? ilog2(chains / PARTS) : 0;
	for (i = 0; i < PARTS; i++)
		spin_lock_init(&table_parts[i].lock);
	return 0;
}

/**
 * xtcp_conns_exit() - free the empty table
 *
 * Context: process, module exit; no segment reaches the module any more.
 */
void xtcp_conns_exit(void)
{
	kvfree(xtcp_conns.chain);
}

/**
 * xtcp_conns_used_chain() - find the next chain that is not empty
 * @chain: the first chain to examine
 *
 * Context: process, may sleep. No lock.
 *
 * Return: the chain; a number above the mask if there is none.
 */
u32 xtcp_conns_used_chain(u32 chain)
{
	const u32 last = BIT(xtcp_conns.part_shift) - 1;

	while (chain <= xtcp_conns.mask) {
		const u32 end = chain | last;

		/*
		 * read the count once per part: the cache line of the count also has the lock,
		 * which other processors change
		 */
		if (!READ_ONCE(table_part_of(chain)->members))
			chain = end + 1;
		for (; chain <= end; chain++) {
			if (xtcp_conns_first(chain))
				return chain;
			if (chain % RESCHED_CHAINS == 0)
				cond_resched();
		}
	}
	return chain;
}

/**
 * xtcp_conns_lock() - take the lock of a chain
 * @chain: the chain, from xtcp_conns_chain_of()
 *
 * Context: softirq or process, BH disabled. A leaf: no other lock is taken inside.
 */
void xtcp_conns_lock(u32 chain)
	__acquires(table_parts)
{
	lockdep_assert_in_softirq();
	spin_lock(lock_of(chain));
}

/**
 * xtcp_conns_unlock() - release the lock of a chain
 * @chain: the chain
 *
 * Context: softirq or process, BH disabled.
 */
void xtcp_conns_unlock(u32 chain)
	__releases(table_parts)
{
	spin_unlock(lock_of(chain));
}

/**
 * xtcp_conns_add() - insert a connection
 * @chain: the connection's chain
 * @conn: the connection, which has been in no chain for a grace period
 *
 * Context: softirq or process. Lock: the chain's, held.
 */
void xtcp_conns_add(u32 chain, struct xtcp_conn *conn)
{
	count_member(table_part_of(chain), 1);
	RCU_INIT_POINTER(conn->next, xtcp_conns_first(chain));
	rcu_assign_pointer(xtcp_conns.chain[chain], conn);
}

/*
 * Finds the pointer that points to @conn. *@link is the address of the chain's first pointer, and
 * becomes the address of the pointer that was found. The chain's lock is held. Return: false when
 * @conn is not in the chain; *@link is then the address of the last pointer.
 */
static bool find_link(const struct xtcp_conn *conn, struct xtcp_conn __rcu ***link)
{
	struct xtcp_conn *at;

	/* most connections are the first ones of their chains */
	while (unlikely((at = rcu_dereference_check(**link, true)) != conn)) {
		if (!at)
			return false;
		*link = &at->next;
	}
	return true;
}

/**
 * xtcp_conns_replace() - replace a connection by another connection
 * @chain: the chain of both connections
 * @old: the connection to replace, in the chain or not
 * @new: the other connection, which has been in no chain for a grace period
 *
 * A lookup finds either @old or @new at any moment. A reader that has reached @old continues in the
 * chain.
 *
 * Context: softirq or process. Lock: the chain's, held.
 *
 * Return: false when @old was not in the chain.
 */
bool xtcp_conns_replace(u32 chain, struct xtcp_conn *old, struct xtcp_conn *new)
{
	struct xtcp_conn __rcu **link = &xtcp_conns.chain[chain];

	lockdep_assert_held(lock_of(chain));
	if (!find_link(old, &link))
		return false;
	RCU_INIT_POINTER(new->next, xtcp_conns_next(old));
	rcu_assign_pointer(*link, new);
	return true;
}

/**
 * xtcp_conns_remove() - remove a connection
 * @conn: the connection, in its chain or not
 *
 * This function is inlined in both callers, since they spend most of their time here.
 *
 * Context: softirq or process, BH disabled. Takes the chain's lock.
 *
 * Return: true when @conn was in its chain.
 */
inline bool xtcp_conns_remove(struct xtcp_conn *conn)
{
	const u32 chain = xtcp_conns_chain_of(conn->hash);
	struct xtcp_conn __rcu **link = &xtcp_conns.chain[chain];
	struct table_part *part = table_part_of(chain);
	bool found;

	/* let the compiler keep this pointer, instead of computing it again for each use */
	OPTIMIZER_HIDE_VAR(part);
	spin_lock(&part->lock);
	found = find_link(conn, &link);
	if (found) {
		rcu_assign_pointer(*link, xtcp_conns_next(conn));
		count_member(part, -1);
	}
	spin_unlock(&part->lock);
	return found;
}
