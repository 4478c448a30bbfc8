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
 */
#include "lookup/lookup.h"

#include <linux/bitmap.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "base/net.h"
#include "ports/ports.h"

#define SCAN_CHUNK	64	/* ports that each call of connect() looks up until the map knows all */
#define FULL_AT_ONCE	4	/* words of a bitmap that are_full() tests */

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
 * xtcp_portmaps_tuple_ended() waits for the lock, which our caller has, and then clears the bit.
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

/**
 * xtcp_portmap_choose() - choose a port that may be free
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
u32 xtcp_portmap_choose(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first)
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

/**
 * xtcp_portmap_taken() - set the bit of the chosen port in @ours, because a connection in the table
 *	now has the port
 * @xn: the namespace
 * @map: the map of the destination
 * @conn: the connection with the port; it cannot leave the table yet
 *
 * Context: process. Lock: the connection's socket, held.
 */
void xtcp_portmap_taken(struct xtcp_net *xn, struct xtcp_portmap *map, struct xtcp_conn *conn)
{
	spin_lock_bh(&map->lock);
	conn->map = map->number;
	mark(map, ntohs(conn->lport));
	spin_unlock_bh(&map->lock);
}

/**
 * xtcp_portmap_refused() - note that the chosen port is in use
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
void xtcp_portmap_refused(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&map->lock);
	look(xn, map, port);
	spin_unlock_bh(&map->lock);
}

/**
 * xtcp_portmap_not_taken() - clear the bit of the chosen port in @others, after a failure that was
 *	not due to the port
 * @xn: the namespace
 * @map: the map of the destination
 * @port: the port from xtcp_portmap_choose()
 *
 * Context: process.
 */
void xtcp_portmap_not_taken(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&map->lock);
	if (not_others(map, port))
		none_is_full(map);
	spin_unlock_bh(&map->lock);
}

/**
 * xtcp_portmap_forget_others() - clear all bits of @map->others: these ports may have become free
 * @xn: the namespace
 * @map: the map of the destination
 *
 * Context: process.
 */
void xtcp_portmap_forget_others(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	spin_lock_bh(&map->lock);
	map->surplus -= bitmap_weight(map->others, XTCP_PORTS);
	bitmap_zero(map->others, XTCP_PORTS);
	none_is_full(map);
	spin_unlock_bh(&map->lock);
}

/**
 * xtcp_portmap_clear() - clear the bits in @map->ours for successive connections of a map
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
__always_inline const struct xtcp_conn *xtcp_portmap_clear(struct xtcp_portmap *map, const struct xtcp_conn *conn,
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
 * xtcp_portmaps_net_init() - let a namespace begin without maps
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_portmaps_net_init(struct xtcp_net *xn)
{
	xn->portmaps = NULL;
	return 0;
}

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

/**
 * xtcp_portmaps_get() - get the map of a destination
 * @xn: the namespace
 * @key: the destination; lport is 0
 * @bound_dev_if: the interface that the sock is bound to, or 0
 *
 * Context: process.
 *
 * Return: the map, for xtcp_portmaps_put(); NULL when the destination has no map.
 */
struct xtcp_portmap *xtcp_portmaps_get(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if)
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

/**
 * xtcp_portmaps_put() - drop a reference to a map; the map may end with the last reference
 * @xn: the namespace
 * @map: from xtcp_portmaps_get() or xtcp_portmaps_make()
 *
 * Context: process.
 */
void xtcp_portmaps_put(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	bool ends;

	spin_lock_bh(&map->lock);
	map->refs--;
	ends = xtcp_portmap_end_if_idle(map);
	spin_unlock_bh(&map->lock);
	if (ends)
		remove_map(xn->portmaps, map);
}

/**
 * xtcp_portmaps_make() - make a map, or get the map that another caller has just made
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
struct xtcp_portmap *xtcp_portmaps_make(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if,
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

static const struct xtcp_conn *no_next(const struct xtcp_conn *conn)
{
	return NULL;
}

/**
 * xtcp_portmaps_tuple_ended() - clear the bit of a connection's port in @ours
 * @xn: the namespace
 * @conn: the connection; it has left the table, and stores the number of a map
 *
 * Context: softirq or process, BH disabled. Takes the map's lock.
 */
void xtcp_portmaps_tuple_ended(struct xtcp_net *xn, const struct xtcp_conn *conn)
{
	xtcp_portmaps_tuples_ended(xn, conn, no_next);
}
