// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the connection of a tuple: the table of connections of all namespaces.
 *
 * Connections of all three kinds (enum xtcp_conn_kind) are in one hash table, by namespace and
 * 4-tuple. The hash is SipHash with a secret of the namespace, so a peer cannot fill one chain on
 * purpose. Addresses and interfaces are matched as in kernel TCP, so a program that moves between
 * the stacks sees the same behaviour and errors.
 *
 * As in kernel TCP, the table is made once, by the size of memory, and never grows. So no segment
 * pays for a resize, the insertion of a connection cannot fail, and each needs one pointer.
 *
 * Readers use RCU: a result stays in memory until the read side ends, but may leave the table
 * meanwhile. A writer takes a lock while it walks a chain. Each of up to 256 parts of the table has
 * a lock, and a count, so that a listing can skip empty parts. A connection that has left still
 * points to the rest of its chain, for readers, and enters a table only a grace period later.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "lookup/lookup.h"

#include <linux/cred.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/ratelimit.h>
#include <linux/sched/user.h>
#include <linux/vmalloc.h>
#include <net/l3mdev.h>

#include "base/endpoint.h"

#define PARTS		256
#define CHAINS_MAX	16777216U
#define SHARE_SHIFT	16	/* one chain for each 64 KiB of memory */
#define RESCHED_CHAINS	4096	/* empty chains examined between two calls of cond_resched() */

static unsigned int chains_wanted;
module_param_named(chains, chains_wanted, uint, 0444);
MODULE_PARM_DESC(chains, "hash chains of the table of connections, at most 16777216, rounded up to a power of two (0, the default: one for 64 KiB of memory)");

struct xtcp_conns xtcp_conns __read_mostly;

/*
 * A part of the table: successive chains. It has a cache line of its own, so that processors that
 * take different locks do not slow each other down.
 * @lock: guards the chains of the part
 * @members: connections in these chains; changed under @lock, read without a lock
 */
static struct table_part {
	spinlock_t lock;	/* see above */
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
 * Spreads the pages over all memory nodes, as in Linux, because all processors read the table.
 * vmap() maps no huge pages, which kvzalloc() may use: so a machine with one node uses that.
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

static int conns_init(void)
{
	u64 chains = chains_wanted ?: (u64)totalram_pages() >> (SHARE_SHIFT - PAGE_SHIFT);
	size_t size;
	u32 i;

	if (chains_wanted > CHAINS_MAX) {
		pr_err("chains=%u: at most %u, or 0 for the default\n", chains_wanted, CHAINS_MAX);
		return -EINVAL;
	}
	chains = roundup_pow_of_two(clamp_t(u64, chains, 1, CHAINS_MAX));
	size = chains * sizeof(*xtcp_conns.chain);
	xtcp_conns.chain = num_node_state(N_MEMORY) > 1 && size > PAGE_SIZE ? alloc_on_all_nodes(size) :
									      kvzalloc(size, GFP_KERNEL);
	if (!xtcp_conns.chain)
		return -ENOMEM;
	xtcp_conns.mask = chains - 1;
	chains_wanted = chains;		/* /sys/module then shows the real number */
	xtcp_conns.part_shift = chains > PARTS ? ilog2(chains / PARTS) : 0;
	for (i = 0; i < PARTS; i++)
		spin_lock_init(&table_parts[i].lock);
	return 0;
}

static void conns_exit(void)
{
	kvfree(xtcp_conns.chain);
}

const struct xtcp_part xtcp_conns_part = { conns_init, conns_exit };

/**
 * xtcp_conns_used_chain() - find the next chain that is not empty
 * @chain: the first chain to examine
 * Context: process, may sleep. No lock.
 * Return: the chain; a number above the mask if there is none.
 */
u32 xtcp_conns_used_chain(u32 chain)
{
	const u32 last = BIT(xtcp_conns.part_shift) - 1;

	while (chain <= xtcp_conns.mask) {
		const u32 end = chain | last;

		/* read it once per part: its cache line also has the lock, which other processors change */
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

/* A leaf: no other lock is taken inside. */
static void xtcp_conns_lock(u32 chain) __acquires(table_parts)
{
	lockdep_assert_in_softirq();
	spin_lock(lock_of(chain));
}

static void xtcp_conns_unlock(u32 chain) __releases(table_parts)
{
	spin_unlock(lock_of(chain));
}

/* Finds the pointer to @conn, from *@link, the chain's first, on. False: *@link is the last pointer. Chain's lock. */
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

/* Lookups find @old or @new at any moment. @new was in no chain for a grace period. False: @old was not there. */
static bool xtcp_conns_replace(u32 chain, struct xtcp_conn *old, struct xtcp_conn *new)
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
 * xtcp_demux_leave() - remove a connection, for callers that remove many in a row
 * @conn: in the table or not
 *
 * Inlined in both callers, since they spend most of their time here.
 * Context: softirq or process, BH disabled.
 * Return: true when @conn was in the table. The caller then tells the map of ports, if conn->map is
 * not 0 (xtcp_portmaps_tuples_ended()), and after all removals calls xtcp_demux_left() once.
 */
inline bool xtcp_demux_leave(struct xtcp_conn *conn)
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

#define NET_ID_MAX	((1 << 20) - 1)	/* xtcp_conn.net_id has 20 bits */

static DEFINE_IDA(net_ids);

static bool has_tuple(const struct xtcp_conn *conn, const struct xtcp_tuple *tuple)
{
	return conn->lport == tuple->lport && xtcp_conn_leads_to(conn, tuple, xtcp_tuple_is_v4(tuple));
}

/* Finds the connection of a segment. The RCU read side or the chain's lock is held. */
static struct xtcp_conn *find_conn(const struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 hash)
{
	struct xtcp_conn *conn;

	for (conn = xtcp_conns_first(xtcp_conns_chain_of(hash)); conn; conn = xtcp_conns_next(conn))
		if (conn->hash == hash && conn->net_id == xn->id && has_tuple(conn, &key->tuple) &&
		    inet_sk_bound_dev_eq(xn->net, READ_ONCE(conn->bound_dev_if), key->dif, key->sdif))
			return conn;
	return NULL;
}

/*
 * A sock that enters the table again before a grace period can lead a reader from its old chain
 * into its new one (xtcp_demux_wait_for_lookups()).
 */
static void assert_nobody_stands_on(struct xtcp_conn *conn)
{
	RCU_LOCKDEP_WARN(conn->kind == XTCP_CONN_SOCK &&
			 !poll_state_synchronize_rcu(xtcp_endpoint(xtcp_sk_of_conn(conn))->left_table),
			 "a sock comes back before a grace period");
}

static int demux_net_init(struct xtcp_net *xn)
{
	int id = ida_alloc_max(&net_ids, NET_ID_MAX, GFP_KERNEL);

	if (id < 0)
		return id;
	xn->conns = alloc_percpu_gfp(struct xtcp_conn_counts, GFP_KERNEL_ACCOUNT);
	if (!xn->conns) {
		ida_free(&net_ids, id);
		return -ENOMEM;
	}
	xn->id = id;
	return 0;
}

/* None of its connections is in the table. */
static void demux_net_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(xtcp_demux_count(xn));
	free_percpu(xn->conns);
	ida_free(&net_ids, xn->id);
}

const struct xtcp_net_part xtcp_demux_part = { demux_net_init, demux_net_exit };

/**
 * xtcp_demux_count() - count the connections that a namespace has in the table
 * @xn: the namespace
 * Context: any. Sums over all processors.
 * Return: never less than the number of connections that stay in the table during the call, so 0
 * means that there is none. It may be too large while connections come and go.
 */
unsigned long xtcp_demux_count(const struct xtcp_net *xn)
{
	unsigned long left = 0, entered = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		left += READ_ONCE(per_cpu_ptr(xn->conns, cpu)->left);
	/* a connection that was counted above is counted below, too: it entered and left under the same lock */
	smp_rmb();
	for_each_possible_cpu(cpu)
		entered += READ_ONCE(per_cpu_ptr(xn->conns, cpu)->entered);
	return entered - left;
}

/**
 * xtcp_demux_tuple_from_skb() - read the tuple of an arriving segment
 * @skb: skb->data is the TCP header, with linear ports; the network header is the IP header
 * @tuple: receives the tuple
 * Context: any.
 */
inline void xtcp_demux_tuple_from_skb(const struct sk_buff *skb, struct xtcp_tuple *tuple)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	tuple->lport = th->dest;
	tuple->fport = th->source;
	if (ip_hdr(skb)->version == 4) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &tuple->laddr);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &tuple->faddr);
	} else {
		tuple->laddr = ipv6_hdr(skb)->daddr;
		tuple->faddr = ipv6_hdr(skb)->saddr;
	}
}

/**
 * xtcp_demux_key_from_skb() - make the lookup key of an arriving segment
 * @xn: the namespace
 * @skb: as for xtcp_demux_tuple_from_skb(); skb->cb still has IP's control block
 * @key: receives the key
 * Context: softirq.
 */
void xtcp_demux_key_from_skb(const struct xtcp_net *xn, const struct sk_buff *skb, struct xtcp_demux_key *key)
{
	xtcp_demux_tuple_from_skb(skb, &key->tuple);
	if (ip_hdr(skb)->version == 4) {
		key->dif = inet_iif(skb);
		key->sdif = inet_sdif(skb);
	} else {
		key->dif = inet6_iif(skb);
		key->sdif = inet6_sdif(skb);
	}
	key->hash = xtcp_demux_hash(xn, &key->tuple);
}

/**
 * xtcp_demux_lookup() - find the connection of a segment
 * @xn: the namespace
 * @key: from xtcp_demux_key_from_skb()
 * Context: any, RCU read side, which keeps the result valid.
 * Return: the connection, of any kind, or NULL.
 */
struct xtcp_conn *xtcp_demux_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "connection lookup without RCU");
	return find_conn(xn, key, key->hash >> 32);
}

/**
 * xtcp_demux_kernel_holds() - does kernel TCP have a connection on this tuple?
 * @net: the namespace
 * @key: the tuple, and the interface of the segment; the hash is not used
 *
 * Its half-open entries and TIME-WAIT socks count, too.
 * Context: any, RCU read side.
 */
bool xtcp_demux_kernel_holds(struct net *net, const struct xtcp_demux_key *key)
{
	struct sock *sk;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "established lookup without RCU");
	sk = xtcp_compat_kernel_lookup(net, &key->tuple, key->dif, key->sdif);
	if (!sk)
		return false;
	/* @sk may be a request sock or a timewait sock, which sock_put() would free wrongly */
	sock_gen_put(sk);
	return true;
}

/**
 * xtcp_demux_insert_new() - insert a connection that a segment opens
 * @xn: the namespace
 * @conn: tuple, hash, bound_dev_if and kind are set
 * @key: the lookup key of the segment
 * Context: softirq or process, BH disabled.
 * Return: 0, or -EADDRNOTAVAIL when a lookup by @key finds a connection.
 */
int xtcp_demux_insert_new(struct xtcp_net *xn, struct xtcp_conn *conn, const struct xtcp_demux_key *key)
{
	const u32 chain = xtcp_conns_chain_of(conn->hash);
	bool taken;

	assert_nobody_stands_on(conn);
	conn->net_id = xn->id;
	conn->map = 0;
	xtcp_conns_lock(chain);
	taken = find_conn(xn, key, conn->hash);
	if (!taken) {
		this_cpu_inc(xn->conns->entered);
		count_member(table_part_of(chain), 1);
		RCU_INIT_POINTER(conn->next, xtcp_conns_first(chain));
		rcu_assign_pointer(xtcp_conns.chain[chain], conn);
	}
	xtcp_conns_unlock(chain);
	return taken ? -EADDRNOTAVAIL : 0;
}

/**
 * xtcp_demux_insert() - insert a connection
 * @xn: the namespace
 * @conn: tuple, hash, bound_dev_if and kind are set
 *
 * As in kernel TCP, connections that are bound to different interfaces may have the same tuple. It
 * is taken only if a segment by @conn's interface would find another connection.
 * Context: softirq or process.
 * Return: 0, or -EADDRNOTAVAIL when the tuple is taken.
 */
int xtcp_demux_insert(struct xtcp_net *xn, struct xtcp_conn *conn)
{
	const struct xtcp_demux_key key = {
		.tuple = xtcp_conn_tuple(conn),
		.dif = conn->bound_dev_if,
		.sdif = l3mdev_master_ifindex_by_index(xn->net, conn->bound_dev_if),
	};
	int err;

	local_bh_disable();
	err = xtcp_demux_insert_new(xn, conn, &key);
	local_bh_enable();
	return err;
}

/**
 * xtcp_demux_replace() - replace a connection by a connection of another kind
 * @xn: the namespace
 * @old: the connection that leaves the table
 * @new: the connection that replaces @old; both have the same tuple
 *
 * A lookup finds either @old or @new at any moment.
 * Context: softirq or process, BH disabled.
 * Return: 0, or -EADDRNOTAVAIL when @old is not in the table.
 */
int xtcp_demux_replace(struct xtcp_net *xn, struct xtcp_conn *old, struct xtcp_conn *new)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(new);
	const u32 chain = xtcp_conns_chain_of(old->hash);
	bool was_there;

	assert_nobody_stands_on(new);
	WARN_ON_ONCE(!has_tuple(old, &tuple));
	new->hash = old->hash;
	new->shared_port = old->shared_port;
	new->net_id = xn->id;
	xtcp_conns_lock(chain);
	new->map = old->map;
	was_there = xtcp_conns_replace(chain, old, new);
	xtcp_conns_unlock(chain);
	return was_there ? 0 : -EADDRNOTAVAIL;
}

/**
 * xtcp_demux_give_to_map() - let a map of ports (port.c) learn when a connection ends
 * @xn: the namespace
 * @tuple: the tuple of the connection
 * @bound_dev_if: the interface of the map, or 0
 * @map: number of the map
 * Context: softirq or process.
 * Return: false when no connection has the tuple, when it has another interface, or when connect()
 * did not choose its local port.
 */
bool xtcp_demux_give_to_map(struct xtcp_net *xn, const struct xtcp_tuple *tuple, int bound_dev_if, u8 map)
{
	const struct xtcp_demux_key key = { .tuple = *tuple, .dif = bound_dev_if };
	const u32 hash = xtcp_demux_hash(xn, tuple) >> 32, chain = xtcp_conns_chain_of(hash);
	struct xtcp_conn *conn;
	bool given;

	local_bh_disable();
	xtcp_conns_lock(chain);
	conn = find_conn(xn, &key, hash);
	given = conn && conn->shared_port && conn->bound_dev_if == bound_dev_if;
	if (given)
		conn->map = map;
	xtcp_conns_unlock(chain);
	local_bh_enable();
	return given;
}

/**
 * xtcp_demux_remove() - remove a connection
 * @xn: the namespace
 * @conn: in the table or not
 * Context: softirq or process.
 * Return: true when @conn was in the table. Of several callers at the same time, exactly one gets
 * true. It then tells the map of ports, if conn->map is not 0 (xtcp_portmaps_tuples_ended()).
 */
bool xtcp_demux_remove(struct xtcp_net *xn, struct xtcp_conn *conn)
{
	bool was_there;

	local_bh_disable();
	was_there = xtcp_demux_leave(conn);
	if (was_there)
		this_cpu_inc(xn->conns->left);
	local_bh_enable();
	return was_there;
}

/**
 * xtcp_demux_rebind() - let a sock receive by the device to which SO_BINDTODEVICE has bound it
 * @sk: in the table or not
 * @before: gets the connection as it was
 *
 * It stays where it is when another connection receives its tuple there. A map of ports is for one
 * device, so it leaves its map.
 * Context: process, BH disabled. Lock: socket, held.
 * Return: true if it has left a map, which the caller tells.
 */
bool xtcp_demux_rebind(struct sock *sk, struct xtcp_conn *before)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_conn *conn = &xtcp_endpoint(sk)->conn;
	const struct xtcp_demux_key key = {
		.tuple = xtcp_conn_tuple(conn),
		.dif = sk->sk_bound_dev_if,
		.sdif = l3mdev_master_ifindex_by_index(xn->net, sk->sk_bound_dev_if),
	};
	const u32 chain = xtcp_conns_chain_of(conn->hash);
	struct xtcp_conn __rcu **link = &xtcp_conns.chain[chain];
	const struct xtcp_conn *there;
	bool moves;

	sock_owned_by_me(sk);
	xtcp_conns_lock(chain);
	*before = *conn;
	there = find_conn(xn, &key, conn->hash);
	moves = find_link(conn, &link) && (!there || there == conn);
	if (moves) {
		WRITE_ONCE(conn->bound_dev_if, sk->sk_bound_dev_if);
		conn->map = 0;
	}
	xtcp_conns_unlock(chain);
	return moves && before->map;
}

#define FAST_WAITS	50		/* limit of root's expedited grace periods per second */

/*
 * The counter that limits the caller's expedited grace periods per second. Each user has one in the
 * kernel, of 100, so nobody can use up another's; who has subordinate ids has one for each, but can
 * also remove devices of a namespace, which cost more. The kernel does not limit root, which has
 * one here.
 */
static struct ratelimit_state *fast_waits(void)
{
	/* with RATELIMIT_MSG_ON_RELEASE, ___ratelimit() does not log the calls that it refuses */
	static struct ratelimit_state of_root =
		RATELIMIT_STATE_INIT_FLAGS(of_root, HZ, FAST_WAITS, RATELIMIT_MSG_ON_RELEASE);

	return uid_eq(current_uid(), GLOBAL_ROOT_UID) ? &of_root : &current_user()->ratelimit;
}

/**
 * xtcp_demux_wait_for_lookups() - wait for lookups before a sock enters a table again
 * @sk: in no table
 *
 * A lookup that stands on the sock in its old chain must not continue in the new one. And a segment of
 * the old connection must not reach the new one: after the wait it can only be on the backlog.
 *
 * An expedited grace period interrupts every processor, so fast_waits() limits them. A user who
 * disconnects and connects in a loop waits for normal ones.
 * Context: process, may sleep. Lock: socket, held.
 */
void xtcp_demux_wait_for_lookups(struct sock *sk)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);

	sock_owned_by_me(sk);
	if (poll_state_synchronize_rcu(ep->left_table))
		return;
	if (__ratelimit(fast_waits()))
		synchronize_rcu_expedited();
	else
		synchronize_rcu();
	ep->left_table = get_completed_synchronize_rcu();
}
