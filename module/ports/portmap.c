// SPDX-License-Identifier: GPL-2.0
/*
 * Maps of the ports that are used towards one destination, by socks that are bound to one interface or to none. What
 * others have there counts as refused.
 *
 * A map is made when ports towards a destination are no longer plenty, by one walk over the table of connections, and
 * kept true from then on. With it the choice of a port costs a search for a clear bit, however full the range is. It
 * goes when three quarters of the half that is tried first seem free again, of the range that it was made for: that of
 * the sock, which may be a small part of the namespace's.
 *
 * A connection whose port is in a map has the map's number, so that nothing need be looked up when it ends. The number
 * may outlive the map, and even be that of another one by then; so what is told of a connection is believed by the map
 * of its destination only. That it has the number from before its bit is set until it has left the table, and that the
 * bit is cleared after that, keeps the map true; but that the news of an end may come when the port has another
 * connection, which it shows as free then, until the next to choose it is refused.
 */
#include "ports/portmap.h"

#include <linux/bitmap.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "base/netns.h"
#include "lookup/demux.h"
#include "ports/lease.h"

#define BUCKETS		64
#define MAPS_MAX	255	/* in a namespace, 16 KiB each; what xtcp_conn.map holds, less 0 */
#define SCAN_CHUNK	64	/* ports looked at in one hold of the lock */

/**
 * struct xtcp_portmap - the ports used towards one destination
 * @node: place in its bucket
 * @key: the destination; lport does not count
 * @bound_dev_if: the interface that connections with these ports are bound to, 0: none
 * @v4: by which addresses
 * @number: its index in the namespace's array
 * @has_predecessor: a map that has gone had the number, and connections may still have it from that
 * @refs: calls of connect() that use it now
 * @tuples: bits set in @ours
 * @surplus: bits set in @ours or @others, less those that are too few for a map to be worth its memory
 * @ours: by port: a tuple whose port was chosen here is in the table
 * @others: behind @ours; by port: refused when last tried (bound by somebody, reserved, being tried); may be out of
 *	date
 */
struct xtcp_portmap {
	struct hlist_node node;
	struct xtcp_tuple key;
	int bound_dev_if;
	bool v4;
	u8 number;
	bool has_predecessor;
	unsigned int refs;
	unsigned int tuples;
	int surplus;
	unsigned long *ours;
	unsigned long *others;
};

/**
 * struct xtcp_portmaps - the maps of a namespace
 * @lock: guards them
 * @bucket: by destination
 * @by_number: by xtcp_conn.map; 0 is nobody's
 * @len: how many they are
 * @numbers: how many have ever been given
 */
struct xtcp_portmaps {
	spinlock_t lock;	/* see above */
	struct hlist_head bucket[BUCKETS];
	struct xtcp_portmap *by_number[1 + MAPS_MAX];
	unsigned int len;
	unsigned int numbers;
};

static struct xtcp_portmap *map_alloc(void)
{
	struct xtcp_portmap *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);

	if (!map)
		return NULL;
	/* by themselves they are four pages */
	map->ours = kzalloc(2 * BITS_TO_LONGS(XTCP_PORTS) * sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!map->ours) {
		kfree(map);
		return NULL;
	}
	map->others = map->ours + BITS_TO_LONGS(XTCP_PORTS);
	return map;
}

static void map_free(struct xtcp_portmap *map)
{
	kfree(map->ours);
	kfree(map);
}

/**
 * xtcp_portmap_net_init() - prepare a namespace for maps
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_portmap_net_init(struct xtcp_net *xn)
{
	struct xtcp_portmaps *maps = kzalloc(sizeof(*maps), GFP_KERNEL_ACCOUNT);

	if (!maps)
		return -ENOMEM;
	spin_lock_init(&maps->lock);
	xn->portmaps = maps;
	return 0;
}

/**
 * xtcp_portmap_net_exit() - free the maps of a namespace
 * @xn: the namespace; its table of connections is empty
 *
 * Context: process, namespace exit.
 */
void xtcp_portmap_net_exit(struct xtcp_net *xn)
{
	struct xtcp_portmap *map;
	struct hlist_node *next;
	int i;

	for (i = 0; i < BUCKETS; i++)
		hlist_for_each_entry_safe(map, next, &xn->portmaps->bucket[i], node)
			map_free(map);
	kfree(xn->portmaps);
	xn->portmaps = NULL;
}

static struct hlist_head *bucket_of(struct xtcp_net *xn, u64 hash)
{
	return &xn->portmaps->bucket[hash % BUCKETS];
}

static struct xtcp_portmap *find_map(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if, u64 hash)
{
	struct xtcp_portmap *map;

	lockdep_assert_held(&xn->portmaps->lock);
	hlist_for_each_entry(map, bucket_of(xn, hash), node)
		if (map->key.fport == key->fport && map->bound_dev_if == bound_dev_if &&
		    ipv6_addr_equal(&map->key.faddr, &key->faddr) && ipv6_addr_equal(&map->key.laddr, &key->laddr))
			return map;
	return NULL;
}

/* One that no map has had, as long as there are such. */
static void number_map(struct xtcp_portmaps *maps, struct xtcp_portmap *map)
{
	unsigned int number = 1;

	lockdep_assert_held(&maps->lock);
	map->has_predecessor = maps->numbers == MAPS_MAX;
	if (!map->has_predecessor)
		number = ++maps->numbers;
	else
		while (maps->by_number[number])
			number++;
	map->number = number;
	maps->by_number[number] = map;
}

static bool add_map(struct xtcp_net *xn, struct xtcp_portmap *map, u64 hash)
{
	struct xtcp_portmaps *maps = xn->portmaps;

	lockdep_assert_held(&maps->lock);
	if (maps->len == MAPS_MAX)
		return false;
	number_map(maps, map);
	hlist_add_head(&map->node, bucket_of(xn, hash));
	WRITE_ONCE(maps->len, maps->len + 1);
	return true;
}

static bool is_idle(const struct xtcp_portmap *map)
{
	return (!map->tuples || map->surplus <= 0) && !map->refs;
}

static noinline void remove_map(struct xtcp_portmaps *maps, struct xtcp_portmap *map)
{
	lockdep_assert_held(&maps->lock);
	hlist_del(&map->node);
	maps->by_number[map->number] = NULL;
	WRITE_ONCE(maps->len, maps->len - 1);
	map_free(map);
}

/**
 * xtcp_portmap_get() - the map of a destination
 * @xn: the namespace
 * @key: the destination; lport is 0
 * @bound_dev_if: the interface that the sock is bound to, or 0
 * @hash: xtcp_tuple_hash() of @key by the namespace's key for ports
 *
 * Context: process.
 *
 * Return: the map, put by xtcp_portmap_put(); NULL when there is none.
 */
struct xtcp_portmap *xtcp_portmap_get(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if, u64 hash)
{
	struct xtcp_portmap *map;

	if (!READ_ONCE(xn->portmaps->len))
		return NULL;
	spin_lock_bh(&xn->portmaps->lock);
	map = find_map(xn, key, bound_dev_if, hash);
	if (map)
		map->refs++;
	spin_unlock_bh(&xn->portmaps->lock);
	return map;
}

/**
 * xtcp_portmap_put() - nobody asks this map any more
 * @xn: the namespace
 * @map: from xtcp_portmap_get() or xtcp_portmap_make()
 *
 * Context: process.
 */
void xtcp_portmap_put(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	spin_lock_bh(&xn->portmaps->lock);
	map->refs--;
	if (is_idle(map))
		remove_map(xn->portmaps, map);
	spin_unlock_bh(&xn->portmaps->lock);
}

static void not_others(struct xtcp_portmap *map, u32 port)
{
	if (__test_and_clear_bit(port, map->others))
		map->surplus--;
}

static bool is_for(const struct xtcp_portmap *map, const struct xtcp_conn *conn)
{
	return conn->bound_dev_if == map->bound_dev_if && xtcp_conn_leads_to(conn, &map->key, map->v4);
}

static void mark(struct xtcp_portmap *map, u32 port)
{
	not_others(map, port);
	if (!__test_and_set_bit(port, map->ours)) {
		map->tuples++;
		map->surplus++;
	}
}

/* A port that is used by a tuple in the table, if it is. What leaves the table from here on waits for the lock. */
static void look(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	struct xtcp_tuple tuple = map->key;

	lockdep_assert_held(&xn->portmaps->lock);
	if (!xtcp_lease_port_might_be_ours(&xn->port_bits, port))
		return;
	tuple.lport = htons(port);
	if (xtcp_demux_give_to_map(xn, &tuple, map->bound_dev_if, map->number))
		mark(map, port);
}

static void scan(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range)
{
	u32 i = 0, end;

	while (i < range->count) {
		end = min(i + SCAN_CHUNK, range->count);
		spin_lock_bh(&xn->portmaps->lock);
		for (; i < end; i++)
			look(xn, map, range->low + i);
		spin_unlock_bh(&xn->portmaps->lock);
		cond_resched();
	}
}

/**
 * xtcp_portmap_make() - a new map, or the one that somebody else has made meanwhile
 * @xn: the namespace
 * @key: the destination; lport is 0
 * @bound_dev_if: the interface that the sock is bound to, or 0
 * @hash: as for xtcp_portmap_get()
 * @range: which ports to look at; others are found used when they are tried
 *
 * Context: process, may sleep.
 *
 * Return: the map, put by xtcp_portmap_put(); NULL without memory, or when there are too many.
 */
struct xtcp_portmap *xtcp_portmap_make(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if, u64 hash,
				       const struct xtcp_port_range *range)
{
	struct xtcp_portmap *map, *old;
	bool added = false;

	if (READ_ONCE(xn->portmaps->len) >= MAPS_MAX)
		return NULL;
	map = map_alloc();
	if (!map)
		return NULL;
	map->key = *key;
	map->bound_dev_if = bound_dev_if;
	map->v4 = xtcp_tuple_is_v4(key);
	map->refs = 1;
	map->surplus = -(int)(range->count / 8);
	spin_lock_bh(&xn->portmaps->lock);
	old = find_map(xn, key, bound_dev_if, hash);
	if (old)
		old->refs++;
	else
		added = add_map(xn, map, hash);
	spin_unlock_bh(&xn->portmaps->lock);
	if (!added) {
		map_free(map);
		return old;
	}
	scan(xn, map, range);
	return map;
}

/* Every second port, from 0 or from 1 on, in each word of a map. */
static unsigned long each_second(u32 from)
{
	return ~0UL / 3 << (from & 1);
}

/*
 * The first port in [@from, @to) whose bit is clear in both maps, set in @half, which repeats, and set in @wanted, if
 * that is not NULL; @to: none.
 */
static u32 next_clear(const struct xtcp_portmap *map, u32 from, u32 to, unsigned long half,
		      const unsigned long *wanted)
{
	unsigned long word, first = BITMAP_FIRST_WORD_MASK(from);
	u32 i;

	for (i = from / BITS_PER_LONG; i * BITS_PER_LONG < to; i++) {
		word = ~(map->ours[i] | map->others[i]) & first & half;
		if (wanted)
			word &= READ_ONCE(wanted[i]);
		if (word)
			return min_t(u32, i * BITS_PER_LONG + __ffs(word), to);
		first = ~0UL;
	}
	return to;
}

/* The same from the range's offset on, and around; 0: none. */
static u32 next_around(const struct xtcp_portmap *map, const struct xtcp_port_range *range, unsigned long half,
		       const unsigned long *wanted)
{
	const u32 begin = range->low + range->offset, end = range->low + range->count;
	u32 port = next_clear(map, begin, end, half, wanted);

	if (port < end)
		return port;
	port = next_clear(map, range->low, begin, half, wanted);
	return port < begin ? port : 0;
}

/**
 * xtcp_portmap_choose() - a port that may be free
 * @xn: the namespace
 * @map: of the destination
 * @range: from where in which ports
 * @first: of the first half; else of the other, where one with a lease already comes before those that kernel TCP's
 *	connect() can have
 *
 * It counts as somebody else's until xtcp_portmap_taken() or xtcp_portmap_not_taken(), so that nobody else tries it.
 *
 * Context: process.
 *
 * Return: the port, host order; 0: there is none.
 */
u32 xtcp_portmap_choose(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first)
{
	const unsigned long half = each_second(range->low + first);
	u32 port;

	spin_lock_bh(&xn->portmaps->lock);
	port = next_around(map, range, half, first ? NULL : xn->port_bits);
	if (!port && !first)
		port = next_around(map, range, half, NULL);
	if (port && !__test_and_set_bit(port, map->others))
		map->surplus++;
	spin_unlock_bh(&xn->portmaps->lock);
	return port;
}

/**
 * xtcp_portmap_taken() - a tuple with this port is in the table of connections now
 * @xn: the namespace
 * @map: of the destination
 * @conn: has the port, from xtcp_portmap_choose(), and cannot leave the table yet
 *
 * Context: process. Lock: the connection's socket, held.
 */
void xtcp_portmap_taken(struct xtcp_net *xn, struct xtcp_portmap *map, struct xtcp_conn *conn)
{
	spin_lock_bh(&xn->portmaps->lock);
	conn->map = map->number;
	mark(map, ntohs(conn->lport));
	spin_unlock_bh(&xn->portmaps->lock);
}

/**
 * xtcp_portmap_refused() - the port is used
 * @xn: the namespace
 * @map: of the destination
 * @port: from xtcp_portmap_choose()
 *
 * If it is by a tuple of ours that the map did not know, it is free when that ends; else it goes on to be others'.
 *
 * Context: process.
 */
void xtcp_portmap_refused(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&xn->portmaps->lock);
	look(xn, map, port);
	spin_unlock_bh(&xn->portmaps->lock);
}

/**
 * xtcp_portmap_not_taken() - the port was not the reason: it may be tried again
 * @xn: the namespace
 * @map: of the destination
 * @port: from xtcp_portmap_choose()
 *
 * Context: process.
 */
void xtcp_portmap_not_taken(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&xn->portmaps->lock);
	not_others(map, port);
	spin_unlock_bh(&xn->portmaps->lock);
}

/**
 * xtcp_portmap_forget_others() - what was refused once may be free by now
 * @xn: the namespace
 * @map: of the destination
 *
 * Context: process.
 */
void xtcp_portmap_forget_others(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	spin_lock_bh(&xn->portmaps->lock);
	map->surplus -= bitmap_weight(map->others, XTCP_PORTS);
	bitmap_zero(map->others, XTCP_PORTS);
	spin_unlock_bh(&xn->portmaps->lock);
}

/**
 * xtcp_portmap_lock() - before xtcp_portmap_tuple_ended()
 * @xn: the namespace
 *
 * Context: softirq or process, BH disabled.
 */
void xtcp_portmap_lock(struct xtcp_net *xn)
	__acquires(xn->portmaps->lock)
{
	spin_lock(&xn->portmaps->lock);
}

/**
 * xtcp_portmap_unlock() - after xtcp_portmap_tuple_ended()
 * @xn: the namespace
 *
 * Context: softirq or process, BH disabled.
 */
void xtcp_portmap_unlock(struct xtcp_net *xn)
	__releases(xn->portmaps->lock)
{
	spin_unlock(&xn->portmaps->lock);
}

/**
 * xtcp_portmap_tuple_ended() - a tuple has left the table of connections
 * @xn: the namespace
 * @conn: has the number of a map
 *
 * Context: softirq or process, BH disabled. Lock: xtcp_portmap_lock().
 */
void xtcp_portmap_tuple_ended(struct xtcp_net *xn, const struct xtcp_conn *conn)
{
	struct xtcp_portmaps *maps = xn->portmaps;
	struct xtcp_portmap *map = maps->by_number[conn->map];

	lockdep_assert_held(&maps->lock);
	/* the number may be that of a map that has gone; a number that only this map has had needs no look */
	if (!map || (map->has_predecessor && !is_for(map, conn)))
		return;
	if (!__test_and_clear_bit(ntohs(conn->lport), map->ours))
		return;
	map->tuples--;
	map->surplus--;
	if (is_idle(map))
		remove_map(maps, map);
}
