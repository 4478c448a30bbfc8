// SPDX-License-Identifier: GPL-2.0
/*
 * A map is a bitmap of the ports in use towards one destination. A map serves either the socks that
 * are bound to one particular interface, or the socks that are bound to no interface. Socks that a
 * map does not serve may use ports towards its destination, too. The map learns of such a port when
 * an attempt to take the port is refused.
 *
 * A connection gets the number of its map before the bit of its port is set, and the bit is cleared
 * after the connection has left the table. So the map is correct, with one exception: after the
 * connection has left the table, but before its bit is cleared, another connection may take the
 * port. Then the bit is cleared although the port is in use. The map shows the port as free until
 * the next attempt to take the port is refused.
 *
 * The maps of ports of a namespace: by destination and by number.
 *
 * connect() makes a map when ports towards a destination become scarce. The first map of a
 * namespace also makes its struct xtcp_portmaps: few namespaces ever run short of ports. This and
 * later calls then look up each port of the socket's port range once in the table of connections,
 * some in each call. (This range may be a small part of the namespace's range.) From then on the
 * map is kept up to date. With a
 * map, the choice of a port is a search for a clear bit, however full the range is. When the map
 * shows at most an eighth of the socket's range as in use, or no port that connect() chose, the map
 * is freed as soon as no call of connect() uses it.
 *
 * A connection whose port is in a map stores the map's number, so that no lookup of the map is
 * needed when the connection ends. The connection may outlive the map, and a new map may get the
 * number. So the new map ignores the end of a connection to another destination.
 *
 * Each map has a lock of its own, so connections to different destinations share no lock. A map
 * that is not needed any more is marked as dead under this lock, and then removed from the
 * namespace. A lookup finds a map under RCU, takes the map's lock, and tests whether the map is
 * dead.
 *
 * How a sock gets its local port and gives it back, and how connect() chooses a port.
 *
 * connect() without bind() chooses a port from ip_local_port_range (RFC 6056 section 3.3.4). Two
 * things matter. An observer of the connections to one destination must not learn the ports towards
 * another destination. And a port should be reused as late as possible. A keyed hash of the
 * destination, plus a counter, gives the first port to try. The counter grows by a random step with
 * each connection. If two destinations share a counter, an observer of one destination could count
 * the connections to the other. So all namespaces together have many counters with random values,
 * and the hash changes every few seconds: each destination then starts at another port, with
 * another counter.
 *
 * Kernel TCP's connect() prefers ports with the parity of the first port of the range, and cannot
 * take a port with a lease of ours. So our connect() first tries the other half, the ports with the
 * other parity. Only when no port of our half is usable, our connect() takes a port of kernel TCP's
 * half. In each stack, connections to different destinations share ports. Our connect() may also
 * take a port that only kernel TCP's connect() has taken (lease.c).
 *
 * Some ports of kernel TCP's half are kernel TCP's alone: every second one, or in a large range
 * every fourth or eighth one, so that they are at least 1,024. Otherwise, users of xtcp could put a
 * lease on every port, and kernel TCP could not connect to any destination. These ports are spread
 * over the range, so that kernel TCP's connect() finds one soon: it tries the ports of its half one
 * by one. In a range of less than 128 ports none is spared.
 *
 * A port is usable for a destination if no connection has the 4-tuple, or if only a TIME-WAIT
 * record has it and net.xtcp.tw_reuse permits its replacement. Connections to other destinations
 * share the lease on the port. While many ports are free, one of the first few tries most likely
 * succeeds. When ports become scarce, the destination gets a bitmap of its ports (port.c).
 */
#include "ports/ports.h"

#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/l3mdev.h>

#include "base/net.h"
#include "base/sender.h"
#include "lookup/lookup.h"
#include "timewait/timewait.h"

#define SCAN_CHUNK	64	/* ports that each call of connect() looks up until the map knows all */
#define FULL_AT_ONCE	4	/* words of a bitmap that are_full() tests */

/**
 * struct xtcp_port_range - a range of ports, and the port at which a search begins
 * @low: the first port, host order
 * @count: number of ports
 * @offset: where a search begins; less than @count. A search by a map begins at port @low + @offset
 * @spared: every how many ports, from @low on, one is kernel TCP's alone; a power of two below 32,
 *	so that each word of a bitmap has the same pattern. 0: none
 *
 * Each half of the range has every second port. Our connect() first tries the half that begins with
 * @low + 1. Kernel TCP's connect() prefers the other half. A search without a map numbers the ports
 * of a half from 0, and begins at the port with number @offset modulo the size of the half.
 */
struct xtcp_port_range {
	u32 low;
	u32 count;
	u32 offset;
	u32 spared;
};

/**
 * struct xtcp_portmap - the ports in use towards one destination
 * @node: links the maps of a bucket; read under RCU
 * @rcu: frees the map after the last lookup
 * @key: the destination; lport is not used
 * @bound_dev_if: the interface to which the map's connections are bound, 0: none
 * @v4: the addresses are IPv4
 * @number: the map's index in xtcp_portmaps.by_number
 * @has_predecessor: an earlier map had the same number; connections of the earlier map may still
 *	store the number
 * @lock: guards all fields below
 * @dead: the map is not used any more; it is about to leave the namespace, or has left
 * @refs: number of calls of connect() that use the map now
 * @tuples: number of bits that are set in @ours
 * @surplus: number of bits that are set in @ours or @others, minus an eighth of the number of ports
 *	in the range for which the map was made. If @surplus is 0 or less, the map is not worth
 *	its memory
 * @full: for kernel TCP's half, then for ours: the last range in which xtcp_portmap_choose() found
 *	no clear bit in that half. @count is 0 if a bit of the map has been cleared since
 * @unknown: the first port of the range for which the map was made that has not been looked up yet
 * @unknown_end: the port after the last one
 * @ours: one bit for each port; set if connect() chose the port for a tuple in the table
 * @others: one bit for each port; set if a call of connect() tries the port now, or if the last
 *	attempt was refused because the port is bound or reserved, or because a connection that the
 *	map does not serve has the port; or if the port is unknown. A bit may be out of date
 */
struct xtcp_portmap {
	struct hlist_node node;
	struct rcu_head rcu;
	struct xtcp_tuple key;
	int bound_dev_if;
	bool v4;
	u8 number;
	bool has_predecessor;
	spinlock_t lock;	/* guards the fields below */
	bool dead;
	unsigned int refs;
	unsigned int tuples;
	int surplus;
	struct xtcp_port_range full[2];
	u32 unknown;
	u32 unknown_end;
	unsigned long *ours;
	unsigned long *others;
};

/*
 * Allocate a map that knows no port of a range yet.
 *
 * Context: process, may sleep.
 *
 * Return: the map. NULL: there is no memory.
 */
static struct xtcp_portmap *xtcp_portmap_new(const struct xtcp_port_range *range)
{
	struct xtcp_portmap *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);

	if (!map)
		return NULL;
	/* one allocation for both bitmaps: 16 KiB, which fill four pages exactly */
	map->ours = kzalloc(2 * BITS_TO_LONGS(XTCP_PORTS) * sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!map->ours) {
		kfree(map);
		return NULL;
	}
	map->others = map->ours + BITS_TO_LONGS(XTCP_PORTS);
	spin_lock_init(&map->lock);
	map->unknown = range->low;
	map->unknown_end = range->low + range->count;
	bitmap_set(map->others, range->low, range->count);
	map->surplus = range->count - range->count / 8;
	return map;
}

/*
 * Free a map that no call of connect() uses.
 *
 * Frees the bitmaps at once, and the map after a grace period: lookups may still read a dead map,
 * but not its bitmaps.
 */
static void xtcp_portmap_free(struct xtcp_portmap *map)
{
	kfree(map->ours);
	kfree_rcu(map, rcu);
}

/*
 * Take a reference to a map.
 * @map: the map; may be NULL
 *
 * Context: process, RCU read side.
 *
 * Return: @map; NULL when @map is dead.
 */
static struct xtcp_portmap *xtcp_portmap_hold(struct xtcp_portmap *map)
{
	bool held;

	if (!map)
		return NULL;
	spin_lock_bh(&map->lock);
	held = !map->dead;
	if (held)
		map->refs++;
	spin_unlock_bh(&map->lock);
	return held ? map : NULL;
}

/*
 * Mark the map as dead if no call of connect() uses the map, and @ours is empty or @surplus <= 0.
 *
 * Context: softirq or process, BH disabled. Lock: the map's, held.
 *
 * Return: true if the map is dead now; the caller then releases the lock and removes the map from
 * the namespace.
 */
static bool xtcp_portmap_end_if_idle(struct xtcp_portmap *map)
{
	lockdep_assert_held(&map->lock);
	if (map->refs || (map->tuples && map->surplus > 0))
		return false;
	WRITE_ONCE(map->dead, true);
	return true;
}

/* Call this after bits were cleared: they may be in a range that was full. */
static void none_is_full(struct xtcp_portmap *map)
{
	map->full[false].count = 0;
	map->full[true].count = 0;
}

static bool not_others(struct xtcp_portmap *map, u32 port)
{
	if (!__test_and_clear_bit(port, map->others))
		return false;
	map->surplus--;
	return true;
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

/*
 * Sets the bit of a port in @ours if connect() chose the port for a connection that is in the table
 * and that @map serves. The connection may leave the table before the bit is set. In that case
 * xtcp_portmaps_tuples_ended() waits for the lock, which our caller has, and then clears the bit.
 */
static void look(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	struct xtcp_tuple tuple = map->key;

	lockdep_assert_held(&map->lock);
	if (!xtcp_lease_port_might_be_ours(&xn->port_bits, port))
		return;
	tuple.lport = htons(port);
	if (xtcp_demux_give_to_map(xn, &tuple, map->bound_dev_if, map->number))
		mark(map, port);
}

/*
 * Look up the next unknown ports in the table of connections. A few at a time: a call of connect()
 * that looked up all of them would take a hundred times as long as others.
 */
static void scan(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	const u32 end = min(map->unknown + SCAN_CHUNK, map->unknown_end);

	for (; map->unknown < end; map->unknown++) {
		not_others(map, map->unknown);
		look(xn, map, map->unknown);
	}
	none_is_full(map);
}

/* Returns a mask for a word of a bitmap: the bit of every @step-th port, one of which is @from. */
static unsigned long each(u32 from, u32 step)
{
	return ~0UL / ((1UL << step) - 1) << from % step;
}

/* The ports of a half that our connect() may take. */
static unsigned long half_of(const struct xtcp_port_range *range, bool first)
{
	unsigned long half = each(range->low + first, 2);

	return range->spared ? half & ~each(range->low, range->spared) : half;
}

/*
 * Are the bits of @half set in FULL_AT_ONCE words, from word @i on? A bit may be set in either
 * bitmap. No loop: the compiler would not unroll it.
 */
static bool are_full(const struct xtcp_portmap *map, u32 i, unsigned long half)
{
	const unsigned long *a = map->ours + i, *b = map->others + i;

	BUILD_BUG_ON(FULL_AT_ONCE != 4);
	return !(~((a[0] | b[0]) & (a[1] | b[1]) & (a[2] | b[2]) & (a[3] | b[3])) & half);
}

/*
 * Finds the first port from @from on, below @to, whose bit is clear in both bitmaps. Looks only at
 * the ports of @half. Return: the port; @to if there is no such port.
 */
static u32 next_clear(const struct xtcp_portmap *map, u32 from, u32 to, unsigned long half)
{
	unsigned long word, mask = BITMAP_FIRST_WORD_MASK(from) & half;
	const u32 end = BITS_TO_LONGS(to);
	u32 i;

	for (i = from / BITS_PER_LONG; i < end; i++) {
		word = ~(map->ours[i] | map->others[i]) & mask;
		if (word)
			return min_t(u32, i * BITS_PER_LONG + __ffs(word), to);
		mask = half;
		/* a destination has a map while its ports are scarce, so most words are full */
		while (i + FULL_AT_ONCE < end && are_full(map, i + 1, half))
			i += FULL_AT_ONCE;
	}
	return to;
}

/*
 * Calls next_clear() from the range's offset to the end of the range, then from its beginning to
 * the offset. Return: the port; 0 if there is none.
 */
static u32 next_around(const struct xtcp_portmap *map, const struct xtcp_port_range *range, unsigned long half)
{
	const u32 begin = range->low + range->offset, end = range->low + range->count;
	u32 port = next_clear(map, begin, end, half);

	if (port < end)
		return port;
	port = next_clear(map, range->low, begin, half);
	return port < begin ? port : 0;
}

/*
 * Choose a port that may be free
 * @xn: the namespace
 * @map: the map of the destination
 * @range: the ports, and where to begin
 * @first: true: choose from our half of the range (struct xtcp_port_range). False: choose from the
 *	half that kernel TCP prefers, but none of the ports that are kernel TCP's alone
 *
 * If the map does not know all ports yet, each call looks up some more.
 *
 * A destination that reuses TIME-WAIT records (net.xtcp.tw_reuse) has a full map for long: the next
 * calls find no port either, and do not search again until a bit is cleared (@full of @map).
 *
 * The function sets the port's bit in @others of @map, so that no other call tries the port. The
 * caller reports what became of the port, by xtcp_portmap_taken(), xtcp_portmap_refused() or
 * xtcp_portmap_not_taken().
 *
 * Context: process.
 *
 * Return: the port, host order; 0 if no port of this half is clear.
 */
static u32 xtcp_portmap_choose(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range,
			       bool first)
{
	const unsigned long half = half_of(range, first);
	struct xtcp_port_range *full = &map->full[first];
	u32 port = 0;

	spin_lock_bh(&map->lock);
	while (full->low != range->low || full->count != range->count) {
		if (map->unknown < map->unknown_end)
			scan(xn, map);
		port = next_around(map, range, half);
		if (port)
			break;
		if (map->unknown == map->unknown_end)
			*full = *range;
		spin_unlock_bh(&map->lock);
		cond_resched();
		spin_lock_bh(&map->lock);
	}
	if (port && !__test_and_set_bit(port, map->others))
		map->surplus++;
	spin_unlock_bh(&map->lock);
	return port;
}

/*
 * Set the bit of the chosen port in @ours, because a connection in the table
 *	now has the port
 * @xn: the namespace
 * @map: the map of the destination
 * @conn: the connection with the port; it cannot leave the table yet
 *
 * Context: process. Lock: the connection's socket, held.
 */
static void xtcp_portmap_taken(struct xtcp_net *xn, struct xtcp_portmap *map, struct xtcp_conn *conn)
{
	spin_lock_bh(&map->lock);
	conn->map = map->number;
	mark(map, ntohs(conn->lport));
	spin_unlock_bh(&map->lock);
}

/*
 * Note that the chosen port is in use
 * @xn: the namespace
 * @map: the map of the destination
 * @port: the port from xtcp_portmap_choose()
 *
 * If connect() chose the port for a connection that is in the table and that the map serves, the
 * port's bit moves from @map->others to @map->ours, and is cleared when that connection leaves the
 * table. Otherwise the bit stays in @map->others.
 *
 * Context: process.
 */
static void xtcp_portmap_refused(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&map->lock);
	look(xn, map, port);
	spin_unlock_bh(&map->lock);
}

/*
 * Clear the bit of the chosen port in @others, after a failure that was
 *	not due to the port
 * @xn: the namespace
 * @map: the map of the destination
 * @port: the port from xtcp_portmap_choose()
 *
 * Context: process.
 */
static void xtcp_portmap_not_taken(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&map->lock);
	if (not_others(map, port))
		none_is_full(map);
	spin_unlock_bh(&map->lock);
}

/*
 * Clear all bits of @map->others: these ports may have become free
 * @xn: the namespace
 * @map: the map of the destination
 *
 * Context: process.
 */
static void xtcp_portmap_forget_others(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	spin_lock_bh(&map->lock);
	map->surplus -= bitmap_weight(map->others, XTCP_PORTS);
	bitmap_zero(map->others, XTCP_PORTS);
	none_is_full(map);
	spin_unlock_bh(&map->lock);
}

/*
 * Clear the bits in @map->ours for successive connections of a map
 * @map: not dead
 * @conn: the first connection; it has left the table, and stores the number of @map
 * @next: as for xtcp_portmaps_tuples_ended()
 *
 * Each connection has one bit, for its local port. The function ends at the first connection that
 * stores another number.
 *
 * This function is inlined, so that the calls of @next are, too.
 *
 * Context: softirq or process, BH disabled. Lock: the map's, held.
 *
 * Return: the first connection with another number; NULL if there is none.
 */
static __always_inline const struct xtcp_conn *xtcp_portmap_clear(struct xtcp_portmap *map, const struct xtcp_conn *conn,
							   const struct xtcp_conn *(*next)(const struct xtcp_conn *))
{
	const bool has_predecessor = map->has_predecessor;
	unsigned long *const ours = map->ours;
	const u8 number = conn->map;
	int cleared = 0;

	lockdep_assert_held(&map->lock);
	do {
		/*
		 * the connection may have got its number from an earlier map, which was perhaps for
		 * another destination. So compare the destinations if there was an earlier map with
		 * this number
		 */
		if ((likely(!has_predecessor) || is_for(map, conn)) && __test_and_clear_bit(ntohs(conn->lport), ours))
			cleared++;
		conn = next(conn);
	} while (conn && conn->map == number);
	map->tuples -= cleared;
	map->surplus -= cleared;
	if (cleared)
		none_is_full(map);
	return conn;
}

#define BUCKETS		64
#define MAPS_MAX	255	/* per namespace, 16 KiB each; xtcp_conn.map has 8 bits */

/**
 * struct xtcp_portmaps - the maps of a namespace
 * @lock: guards changes of this struct; never held together with the lock of a map
 * @bucket: the maps, by a hash of the destination; read under RCU
 * @by_number: the maps, by their numbers (xtcp_conn.map); no map has number 0; read under RCU
 * @len: number of maps
 * @numbers: the highest number that a map has had so far
 */
struct xtcp_portmaps {
	spinlock_t lock;	/* guards changes of this struct */
	struct hlist_head bucket[BUCKETS];
	struct xtcp_portmap __rcu *by_number[1 + MAPS_MAX];
	unsigned int len;
	unsigned int numbers;
};

/**
 * xtcp_portmaps_net_exit() - free the maps of a namespace
 * @xn: the namespace; its table of connections is empty
 *
 * Context: process, namespace exit.
 */
void xtcp_portmaps_net_exit(struct xtcp_net *xn)
{
	struct xtcp_portmap *map;
	struct hlist_node *next;
	int i;

	for (i = 0; xn->portmaps && i < BUCKETS; i++)
		hlist_for_each_entry_safe(map, next, &xn->portmaps->bucket[i], node)
			xtcp_portmap_free(map);
	kfree(xn->portmaps);
	xn->portmaps = NULL;
}

/* The maps of a namespace; NULL: it has never had one. */
static struct xtcp_portmaps *maps_of(const struct xtcp_net *xn)
{
	/* pairs with cmpxchg() in made_maps_of() */
	return smp_load_acquire(&xn->portmaps);
}

/* As maps_of(), but makes what is not there yet. NULL: no memory. */
static struct xtcp_portmaps *made_maps_of(struct xtcp_net *xn)
{
	struct xtcp_portmaps *maps = maps_of(xn);

	if (maps)
		return maps;
	maps = kzalloc(sizeof(*maps), GFP_KERNEL_ACCOUNT);
	if (!maps)
		return NULL;
	spin_lock_init(&maps->lock);
	/* a reader that sees the struct also sees its lock initialized: pairs with maps_of() */
	if (cmpxchg(&xn->portmaps, NULL, maps))
		kfree(maps);
	return maps_of(xn);
}

/* @key: the destination; lport is 0. The hash does not change with time; the one of port.c does. */
static struct hlist_head *bucket_of(struct xtcp_net *xn, struct xtcp_portmaps *maps, const struct xtcp_tuple *key)
{
	return &maps->bucket[xtcp_tuple_hash(key, &xn->rest->port_key) % BUCKETS];
}

/*
 * Finds the map of a destination and an interface. Skips dead maps, which may still be in the
 * bucket. RCU read side.
 */
static struct xtcp_portmap *find_map(struct xtcp_net *xn, struct xtcp_portmaps *maps, const struct xtcp_tuple *key,
				     int bound_dev_if)
{
	struct xtcp_portmap *map;

	hlist_for_each_entry_rcu(map, bucket_of(xn, maps, key), node)
		if (map->key.fport == key->fport && map->bound_dev_if == bound_dev_if &&
		    ipv6_addr_equal(&map->key.faddr, &key->faddr) && ipv6_addr_equal(&map->key.laddr, &key->laddr) &&
		    !READ_ONCE(map->dead))
			return map;
	return NULL;
}

/* Gives the map a number, if possible a number that no earlier map had. */
static void number_map(struct xtcp_portmaps *maps, struct xtcp_portmap *map)
{
	unsigned int number = 1;

	lockdep_assert_held(&maps->lock);
	map->has_predecessor = maps->numbers == MAPS_MAX;
	if (!map->has_predecessor)
		number = ++maps->numbers;
	else
		while (rcu_access_pointer(maps->by_number[number]))
			number++;
	map->number = number;
	rcu_assign_pointer(maps->by_number[number], map);
}

static bool add_map(struct xtcp_net *xn, struct xtcp_portmaps *maps, struct xtcp_portmap *map)
{
	lockdep_assert_held(&maps->lock);
	if (maps->len == MAPS_MAX)
		return false;
	number_map(maps, map);
	hlist_add_head_rcu(&map->node, bucket_of(xn, maps, &map->key));
	WRITE_ONCE(maps->len, maps->len + 1);
	return true;
}

static noinline void remove_map(struct xtcp_portmaps *maps, struct xtcp_portmap *map)
{
	spin_lock_bh(&maps->lock);
	hlist_del_rcu(&map->node);
	RCU_INIT_POINTER(maps->by_number[map->number], NULL);
	WRITE_ONCE(maps->len, maps->len - 1);
	spin_unlock_bh(&maps->lock);
	xtcp_portmap_free(map);
}

/*
 * Get the map of a destination
 * @xn: the namespace
 * @key: the destination; lport is 0
 * @bound_dev_if: the interface that the sock is bound to, or 0
 *
 * Context: process.
 *
 * Return: the map, for xtcp_portmaps_put(); NULL when the destination has no map.
 */
static struct xtcp_portmap *xtcp_portmaps_get(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if)
{
	struct xtcp_portmaps *maps = maps_of(xn);
	struct xtcp_portmap *map;

	if (!maps || !READ_ONCE(maps->len))
		return NULL;
	rcu_read_lock();
	map = xtcp_portmap_hold(find_map(xn, maps, key, bound_dev_if));
	rcu_read_unlock();
	return map;
}

/*
 * Drop a reference to a map; the map may end with the last reference
 * @xn: the namespace
 * @map: from xtcp_portmaps_get() or xtcp_portmaps_make()
 *
 * Context: process.
 */
static void xtcp_portmaps_put(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	bool ends;

	spin_lock_bh(&map->lock);
	map->refs--;
	ends = xtcp_portmap_end_if_idle(map);
	spin_unlock_bh(&map->lock);
	if (ends)
		remove_map(xn->portmaps, map);
}

/*
 * Make a map, or get the map that another caller has just made
 * @xn: the namespace
 * @key: the destination; lport is 0
 * @bound_dev_if: the interface that the sock is bound to, or 0
 * @range: the ports to examine; the map learns of other ports in use when connect() tries them
 *
 * Context: process, may sleep.
 *
 * Return: the map, for xtcp_portmaps_put(). NULL when there is no memory, when there are too many
 * maps, or when the map of the other caller has already ended, because many ports are free again.
 */
static struct xtcp_portmap *xtcp_portmaps_make(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if,
					       const struct xtcp_port_range *range)
{
	struct xtcp_portmaps *maps = made_maps_of(xn);
	struct xtcp_portmap *map, *old;
	bool added = false;

	if (!maps || READ_ONCE(maps->len) >= MAPS_MAX)
		return NULL;
	map = xtcp_portmap_new(range);
	if (!map)
		return NULL;
	map->key = *key;
	map->bound_dev_if = bound_dev_if;
	map->v4 = xtcp_tuple_is_v4(key);
	map->refs = 1;
	rcu_read_lock();
	spin_lock_bh(&maps->lock);
	old = find_map(xn, maps, key, bound_dev_if);
	if (!old)
		added = add_map(xn, maps, map);
	spin_unlock_bh(&maps->lock);
	old = xtcp_portmap_hold(old);
	rcu_read_unlock();
	if (!added) {
		xtcp_portmap_free(map);
		return old;
	}
	return map;
}

/*
 * As xtcp_portmap_clear(), but takes the lock, and removes the map if it is not needed any more. If
 * the map is dead already, clears nothing and returns the connection after @conn.
 */
static __always_inline const struct xtcp_conn *end_in_map(struct xtcp_portmaps *maps, struct xtcp_portmap *map,
							  const struct xtcp_conn *conn,
							  const struct xtcp_conn *(*next)(const struct xtcp_conn *))
{
	bool ends = false;

	spin_lock(&map->lock);
	if (map->dead) {
		conn = next(conn);
	} else {
		conn = xtcp_portmap_clear(map, conn, next);
		ends = xtcp_portmap_end_if_idle(map);
	}
	spin_unlock(&map->lock);
	if (ends)
		remove_map(maps, map);
	return conn;
}

/**
 * xtcp_portmaps_tuples_ended() - several connections have ended: clear the bits of their ports in
 *	@ours of their maps
 * @xn: the namespace
 * @conn: the first connection; NULL: there is none. All have left the table. Each stores the number
 *	of a map, or 0
 * @next: returns the connection after another one; NULL: there is none
 *
 * The function takes the lock of a map once for all successive connections with its number. So the
 * caller puts connections with the same number together. It passes at most some hundred connections
 * at once, so that the lock is not held for long.
 *
 * This function is inlined, so that the calls of @next are, too.
 *
 * Context: softirq or process, BH disabled. Takes the locks of the maps, one after the other.
 */
__always_inline void xtcp_portmaps_tuples_ended(struct xtcp_net *xn, const struct xtcp_conn *conn,
					       const struct xtcp_conn *(*next)(const struct xtcp_conn *))
{
	struct xtcp_portmaps *maps = maps_of(xn);
	struct xtcp_portmap *map;

	/*
	 * without maps, no connection has a number: it gets one while it is in the table, and all
	 * of these have left the table before
	 */
	if (!maps)
		return;
	rcu_read_lock();
	while (conn) {
		/* NULL if the map has gone, or if the connection is in no map */
		map = rcu_dereference(maps->by_number[conn->map]);
		conn = map ? end_in_map(maps, map, conn, next) : next(conn);
	}
	rcu_read_unlock();
}

#define COUNTERS	65536	/* entries of the table of RFC 6056 section 3.3.4, as in Linux */
#define HASH_LASTS	(10 * HZ)
#define FIRST_TRIES	16	/* ports tried before a bitmap is made */
#define SPARED		1024	/* ports that are kernel TCP's alone, if every second one of its half would be more */
#define SPARED_FROM	128	/* in a smaller range, no ports are kernel TCP's alone */
#define SPARED_STEP_MAX	16

/*
 * One table for all namespaces, so a namespace needs no memory for counters. Each namespace has a
 * hash key of its own, so one destination has different counters in different namespaces.
 */
static u32 counters[COUNTERS];

/*
 * Insert a full sock, whose addresses, ports and device are final. The table takes a reference.
 * Return: the same as xtcp_demux_insert().
 */
static int insert_sock(struct sock *sk)
{
	struct xtcp_conn *conn = &xtcp_endpoint(sk)->conn;
	struct xtcp_tuple tuple;
	int err;

	sock_owned_by_me(sk);
	xtcp_demux_tuple_from_sk(sk, &tuple);
	xtcp_conn_set_tuple(conn, &tuple);
	conn->hash = xtcp_demux_hash(xtcp_net_of(sk), &tuple) >> 32;
	conn->bound_dev_if = sk->sk_bound_dev_if;
	conn->kind = XTCP_CONN_SOCK;
	sock_hold(sk);	/* the table's reference; xtcp_port_leave() puts it */
	err = xtcp_demux_insert(xtcp_net_of(sk), conn);
	if (err) {
		__sock_put(sk);
		return err;
	}
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	return 0;
}

/*
 * Does kernel TCP have the 4-tuple of @sk, in a connection or a TIME-WAIT sock? @lease: the shared
 * lease of @sk, or NULL for a bound port.
 */
static bool kernel_holds(const struct sock *sk, struct xtcp_lease *lease)
{
	struct xtcp_demux_key key = {
		.dif = sk->sk_bound_dev_if,
		.sdif = l3mdev_master_ifindex_by_index(sock_net(sk), sk->sk_bound_dev_if),
	};
	bool held;

	xtcp_demux_tuple_from_sk(sk, &key.tuple);
	rcu_read_lock();
	held = xtcp_demux_kernel_holds(sock_net(sk), &key);
	rcu_read_unlock();
	return held || (lease && !sk->sk_bound_dev_if && xtcp_taker_meets(lease, &key.tuple));
}

/*
 * Try to take @port for the connection. Return: 0; -EADDRINUSE when the caller may try another
 * port; another error.
 */
static int try_port(struct sock *sk, u16 port)
{
	/* kernel TCP's table separates the ports of VRFs, but not the ports of other devices */
	int lease_dev = inet_sk_bound_l3mdev(sk) ? sk->sk_bound_dev_if : 0;
	struct net *net = sock_net(sk);
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);
	struct xtcp_lease *lease;
	struct xtcp_tuple tuple;
	int err;

	if (inet_is_local_reserved_port(net, port))
		return -EADDRINUSE;
	xtcp_demux_tuple_from_sk(sk, &tuple);
	lease = xtcp_lease_get_shared(xtcp_net(net), port, &tuple.laddr, lease_dev);
	if (IS_ERR(lease))
		return PTR_ERR(lease);
	ep->lease = lease;
	inet_sk(sk)->inet_num = port;
	inet_sk(sk)->inet_sport = htons(port);
	ep->conn.shared_port = true;
	/*
	 * it is enough to look once whether kernel TCP has the 4-tuple: the port has a lease now,
	 * so kernel TCP's connect() takes no new 4-tuple on the port
	 */
	err = (lease->beside || lease_dev) && kernel_holds(sk, lease) ? -EADDRINUSE : insert_sock(sk);
	if (!err || (err == -EADDRNOTAVAIL && xtcp_timewait_reuse(sk, false)))
		return 0;
	xtcp_port_release(sk);
	return err == -EADDRNOTAVAIL ? -EADDRINUSE : err;
}

/* Every how many ports of a range, from its first on, is one kernel TCP's alone? A power of two; 0: none is. */
static u32 spared_step(u32 count)
{
	return count < SPARED_FROM ? 0 : min_t(u32, rounddown_pow_of_two(max(count / SPARED, 4U)), SPARED_STEP_MAX);
}

/*
 * Try at most @tries ports of one half of @range, from the offset of @range on. @first: true for
 * our half, false for kernel TCP's half. @look: if most ports are probably taken and TIME-WAIT
 * records may be replaced, the key of the destination; else NULL. With @look, no lease is taken for
 * a port if one of our connections or records visibly has the tuple and keeps it.
 */
static int try_in_turn(struct sock *sk, const struct xtcp_port_range *range, bool first, u32 tries,
		       struct xtcp_demux_key *look)
{
	const u32 count = (range->count + !first) / 2;
	int err = -EADDRINUSE;
	u32 i, at;
	u16 port;

	tries = min(tries, count);
	for (i = 0; i < tries && err == -EADDRINUSE; i++) {
		at = (range->offset + i) % count * 2 + first;
		if (range->spared && at % range->spared == 0)
			continue;
		port = range->low + at;
		if (look)
			look->tuple.lport = htons(port);
		if (!look || !xtcp_timewait_keeps(xtcp_net_of(sk), look))
			err = try_port(sk, port);
		cond_resched();
	}
	return err;
}

static int try_all_in_turn(struct sock *sk, const struct xtcp_port_range *range, struct xtcp_demux_key *look)
{
	int err = try_in_turn(sk, range, true, range->count, look);

	return err == -EADDRINUSE ? try_in_turn(sk, range, false, range->count, look) : err;
}

/* In one half, try the ports that the map shows as free, until one is usable. */
static int try_shown(struct sock *sk, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	int err = -EADDRINUSE;
	u32 port;

	while (err == -EADDRINUSE) {
		port = xtcp_portmap_choose(xn, map, range, first);
		if (!port)
			return err;
		err = try_port(sk, port);
		if (err != -EADDRINUSE)
			break;
		xtcp_portmap_refused(xn, map, port);
		cond_resched();
	}
	if (err)
		xtcp_portmap_not_taken(xn, map, port);
	else
		xtcp_portmap_taken(xn, map, &xtcp_endpoint(sk)->conn);
	return err;
}

/*
 * In one half, try the ports that the map shows as free. Then, if records may be replaced (@look is
 * not NULL), try a few ports in turn: some of them may belong to such records. A few tries are
 * enough, unless most records of the half are too young to be replaced.
 */
static int try_half(struct sock *sk, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first,
		    struct xtcp_demux_key *look)
{
	int err = try_shown(sk, map, range, first);

	return err == -EADDRINUSE && look ? try_in_turn(sk, range, first, FIRST_TRIES, look) : err;
}

/*
 * Try our half and then kernel TCP's half. If no port is usable, a second round also tries the
 * ports that try_port() has refused earlier.
 */
static int try_by_map(struct sock *sk, struct xtcp_portmap *map, const struct xtcp_port_range *range,
		      struct xtcp_demux_key *look)
{
	int err, round;

	for (round = 0; round < 2; round++) {
		if (round)
			xtcp_portmap_forget_others(xtcp_net_of(sk), map);
		err = try_half(sk, map, range, true, look);
		if (err == -EADDRINUSE)
			err = try_half(sk, map, range, false, look);
		if (err != -EADDRINUSE)
			break;
	}
	return err;
}

/*
 * Returns where to start in the range (RFC 6056 section 3.3.4), by a keyed hash of the destination
 * @to and of the time, which stands in the place of the local port. The low 16 bits of the time are
 * enough: when they repeat, after a week, the counter has moved on.
 */
static u32 next_offset(const struct xtcp_net *xn, struct xtcp_tuple to)
{
	u32 *counter, offset;
	u64 now;

	net_get_random_once(counters, sizeof(counters));
	to.lport = (__force __be16)(jiffies / HASH_LASTS);
	now = xtcp_tuple_hash(&to, &xn->rest->port_key);
	counter = &counters[now % COUNTERS];
	offset = READ_ONCE(*counter);
	/* no lock: if two processors write at once, a lost step does no harm */
	WRITE_ONCE(*counter, offset + 1 + (get_random_u32() & 7));
	return offset + (u32)(now >> 32);
}

static int choose_and_insert(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_demux_key key, *look;
	struct xtcp_portmap *map;
	struct xtcp_port_range range;
	int low, high, err;

	xtcp_compat_port_range(sk, &low, &high);
	range.low = low;
	range.count = high - low + 1;
	range.spared = spared_step(range.count);
	xtcp_demux_tuple_from_sk(sk, &key.tuple);
	key.tuple.lport = 0;
	range.offset = next_offset(xn, key.tuple) % range.count;

	map = xtcp_portmaps_get(xn, &key.tuple, sk->sk_bound_dev_if);
	if (!map) {
		err = try_in_turn(sk, &range, true, FIRST_TRIES, NULL);
		/* if the range has only one port, this port is in kernel TCP's half */
		if (err == -EADDRINUSE && range.count == 1)
			err = try_in_turn(sk, &range, false, 1, NULL);
		if (err != -EADDRINUSE)
			return err;
		map = xtcp_portmaps_make(xn, &key.tuple, sk->sk_bound_dev_if, &range);
	}
	look = xtcp_timewait_reuse_is_on(xn, &key.tuple, sk->sk_bound_dev_if) ? &key : NULL;
	if (look) {
		key.dif = sk->sk_bound_dev_if;
		key.sdif = l3mdev_master_ifindex_by_index(sock_net(sk), key.dif);
	}
	if (!map)
		return try_all_in_turn(sk, &range, look);
	err = try_by_map(sk, map, &range, look);
	xtcp_portmaps_put(xn, map);
	/*
	 * all ports are taken, but some of them perhaps only by TIME-WAIT records that may be
	 * replaced
	 */
	if (err == -EADDRINUSE && look)
		err = try_all_in_turn(sk, &range, look);
	return err;
}

/*
 * Insert a connection from a bound port into the table, if neither stack has its 4-tuple already.
 */
static int insert_bound(struct sock *sk)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);
	int err;

	err = xtcp_lease_make_exclusive(ep->lease, sk);
	if (err)
		return err;
	if (kernel_holds(sk, NULL))
		return -EADDRNOTAVAIL;
	ep->conn.shared_port = false;
	err = insert_sock(sk);
	if (err != -EADDRNOTAVAIL)
		return err;
	if (xtcp_timewait_reuse(sk, true))
		return 0;
	/* the TIME-WAIT record with this 4-tuple may have expired meanwhile, so try once more */
	return insert_sock(sk);
}

/**
 * xtcp_port_bind() - proto.get_port: bind() to a port
 * @sk: addresses are set
 * @snum: the port, host order; 0: any
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, -EADDRINUSE, -ENOMEM or -ENOBUFS.
 */
int xtcp_port_bind(struct sock *sk, unsigned short snum)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);
	int err;

	sock_owned_by_me(sk);
	WARN_ON_ONCE(ep->lease);
	err = xtcp_lease_get(sk, snum, &ep->lease);
	if (!err)
		inet_sk(sk)->inet_num = ep->lease->inet.inet_num;
	return err;
}

/**
 * xtcp_port_rehash() - proto.rehash: the device has changed (SO_BINDTODEVICE)
 * @sk: the sock, in any state
 *
 * A port belongs to the device of its sock. So the lease, the listener and the connection follow it.
 * If there is no memory for a listener to follow, or if the device is in another VRF, lease and
 * listener stay.
 *
 * Context: process, may sleep. Lock: socket, held.
 */
void xtcp_port_rehash(struct sock *sk)
{
	struct xtcp_lease *lease = xtcp_endpoint(sk)->lease;
	int dev = sk->sk_bound_dev_if;

	sock_owned_by_me(sk);
	if (!lease)
		return;
	if (sk->sk_state == TCP_LISTEN) {
		if (!xtcp_lease_follow(lease, sk, 0))
			return;
		dev = xtcp_listeners_rehash(sk);
	} else if (sk->sk_state != TCP_CLOSE) {
		xtcp_demux_rebind(sk);
	}
	xtcp_lease_follow(lease, sk, dev);
}

/**
 * xtcp_port_listen() - bind if needed, and let the sock listen on its port
 * @sk: the sock; if it has no port, it gets any free port
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, -EADDRINUSE, -ENOMEM or -ENOBUFS.
 */
int xtcp_port_listen(struct sock *sk)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);
	int err;

	sock_owned_by_me(sk);
	if (!ep->lease) {
		err = xtcp_port_bind(sk, 0);
		if (err)
			return err;
		/* set even if listen() fails: the sock stays bound */
		inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	}
	return xtcp_lease_listen(ep->lease, sk);
}

/**
 * xtcp_port_connect() - give a connection its local port and insert it into the table
 * @sk: in SYN-SENT, with its addresses and foreign port set; lookups that found an earlier
 *	connection of @sk have ended (xtcp_demux_wait_for_lookups())
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0; -EADDRNOTAVAIL when the tuple is taken or no port is left for this destination;
 * -ENOBUFS; -ENOMEM.
 */
int xtcp_port_connect(struct sock *sk)
{
	int err;

	sock_owned_by_me(sk);
	/* no ISS yet; if the connection replaces a TIME-WAIT record, that record gives the ISS */
	xtcp_snd_choose(&xtcp_sender(sk)->snd, 0, 0);
	if (xtcp_endpoint(sk)->lease)
		return insert_bound(sk);
	err = choose_and_insert(sk);
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

/**
 * xtcp_port_leave() - take a full sock out of the table of connections, if it is there
 * @sk: the sock; the caller has a reference of its own
 */
void xtcp_port_leave(struct sock *sk)
{
	struct xtcp_conn *conn = &xtcp_endpoint(sk)->conn;
	bool was_there;

	sock_owned_by_me(sk);
	local_bh_disable();
	was_there = xtcp_demux_remove(xtcp_net_of(sk), conn);
	if (was_there && conn->map)
		xtcp_portmaps_tuples_ended(xtcp_net_of(sk), conn, xtcp_portmaps_no_next);
	local_bh_enable();
	/*
	 * set left_table even if a TIME-WAIT record has already replaced the sock in the table:
	 * lookups may still use the sock
	 */
	xtcp_endpoint(sk)->left_table = get_state_synchronize_rcu();
	if (!was_there)
		return;
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	__sock_put(sk);
}

/**
 * xtcp_port_release() - proto.put_port: give the port back
 * @sk: neither in the table of connections nor in the table of listeners
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can find @sk.
 */
void xtcp_port_release(struct sock *sk)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);

	if (!ep->lease)
		return;
	xtcp_lease_put(ep->lease, sk);
	ep->lease = NULL;
	inet_sk(sk)->inet_num = 0;
	inet_sk(sk)->inet_sport = 0;
}

/**
 * xtcp_port_connection_ended() - give the port back, unless the program chose it
 * @sk: not in the table of connections
 *
 * If the program keeps the descriptor after the connection has ended, getsockname() still returns
 * the port, as in Linux.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_port_connection_ended(struct sock *sk)
{
	__be16 sport = inet_sk(sk)->inet_sport;

	if (!xtcp_endpoint(sk)->lease || sk->sk_userlocks & SOCK_BINDPORT_LOCK)
		return;
	xtcp_port_release(sk);
	inet_sk(sk)->inet_sport = sport;
}
