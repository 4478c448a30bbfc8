// SPDX-License-Identifier: GPL-2.0
/*
 * A map is a bitmap of the ports in use towards one destination. A map serves either the socks that
 * are bound to one particular interface, or the socks that are bound to no interface. Socks that a
 * map does not serve may use ports towards its destination, too. The map learns of such a port when
 * an attempt to take the port is refused.
 *
 * connect() makes a map when ports towards a destination become scarce. It then looks up each port
 * of its socket's port range once in the table of connections. (This range may be a small part of
 * the namespace's range.) From then on the map is kept up to date. With a map, the choice of a port
 * is a search for a clear bit, however full the range is. connect() tries one half of the range
 * first. When three quarters of that half seem to be free again, the map is freed.
 *
 * A connection whose port is in a map stores the map's number, so that no lookup of the map is
 * needed when the connection ends. The connection may outlive the map, and a new map may get the
 * number. So the new map ignores the end of a connection to another destination.
 *
 * A connection gets the number before the bit of its port is set, and the bit is cleared after the
 * connection has left the table. So the map is correct, with one exception: after the connection
 * has left the table, but before its bit is cleared, another connection may take the port. Then the
 * bit is cleared although the port is in use. The map shows the port as free until the next attempt
 * to take the port is refused.
 *
 * Each map has a lock of its own, so connections to different destinations share no lock. A map
 * that is not needed any more is marked as dead under this lock, and then removed from the
 * namespace. A lookup finds a map under RCU, takes the map's lock, and tests whether the map is
 * dead.
 */
#include "lookup/portmap.h"

#include <linux/bitmap.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "base/net.h"
#include "lookup/demux.h"
#include "ports/lease.h"

#define BUCKETS		64
#define MAPS_MAX	255	/* per namespace, 16 KiB each; xtcp_conn.map has 8 bits */
#define SCAN_CHUNK	64	/* ports examined before the lock is released */
#define FULL_AT_ONCE	4	/* words of a bitmap that are_full() tests */

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
 * @surplus: number of bits that are set in @ours or @others, minus a threshold: a quarter of the
 *	ports of one half of the range. If this is 0 or less, the map is not worth its memory
 * @ours: one bit for each port; set if connect() chose the port for a tuple in the table
 * @others: one bit for each port; set if a call of connect() tries the port now, or if the last
 *	attempt was refused because the port is bound or reserved. A bit may be out of date
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
	unsigned long *ours;
	unsigned long *others;
};

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

static struct xtcp_portmap *map_alloc(void)
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
	return map;
}

/*
 * Frees the bitmaps at once, and the map after a grace period: lookups may still read a dead map,
 * but not its bitmaps.
 */
static void map_free(struct xtcp_portmap *map)
{
	kfree(map->ours);
	kfree_rcu(map, rcu);
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

/*
 * Finds the map of a destination and an interface. Skips dead maps, which may still be in the
 * bucket. RCU read side.
 */
static struct xtcp_portmap *find_map(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if, u64 hash)
{
	struct xtcp_portmap *map;

	hlist_for_each_entry_rcu(map, bucket_of(xn, hash), node)
		if (map->key.fport == key->fport && map->bound_dev_if == bound_dev_if &&
		    ipv6_addr_equal(&map->key.faddr, &key->faddr) && ipv6_addr_equal(&map->key.laddr, &key->laddr) &&
		    !READ_ONCE(map->dead))
			return map;
	return NULL;
}

/* Takes a reference to @map, which may be NULL. Returns NULL if @map is dead. RCU read side. */
static struct xtcp_portmap *hold_map(struct xtcp_portmap *map)
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

static bool add_map(struct xtcp_net *xn, struct xtcp_portmap *map, u64 hash)
{
	struct xtcp_portmaps *maps = xn->portmaps;

	lockdep_assert_held(&maps->lock);
	if (maps->len == MAPS_MAX)
		return false;
	number_map(maps, map);
	hlist_add_head_rcu(&map->node, bucket_of(xn, hash));
	WRITE_ONCE(maps->len, maps->len + 1);
	return true;
}

/*
 * Marks the map as dead if no call of connect() uses the map, and @ours is empty or @surplus <= 0.
 * Return: true if the map is dead now; the caller then releases the lock and calls remove_map().
 */
static bool end_if_idle(struct xtcp_portmap *map)
{
	lockdep_assert_held(&map->lock);
	if (map->refs || (map->tuples && map->surplus > 0))
		return false;
	WRITE_ONCE(map->dead, true);
	return true;
}

static noinline void remove_map(struct xtcp_portmaps *maps, struct xtcp_portmap *map)
{
	spin_lock_bh(&maps->lock);
	hlist_del_rcu(&map->node);
	RCU_INIT_POINTER(maps->by_number[map->number], NULL);
	WRITE_ONCE(maps->len, maps->len - 1);
	spin_unlock_bh(&maps->lock);
	map_free(map);
}

/**
 * xtcp_portmap_get() - get the map of a destination
 * @xn: the namespace
 * @key: the destination; lport is 0
 * @bound_dev_if: the interface that the sock is bound to, or 0
 * @hash: xtcp_tuple_hash() of @key with the namespace's secret for ports
 *
 * Context: process.
 *
 * Return: the map, for xtcp_portmap_put(); NULL when the destination has no map.
 */
struct xtcp_portmap *xtcp_portmap_get(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if, u64 hash)
{
	struct xtcp_portmap *map;

	if (!READ_ONCE(xn->portmaps->len))
		return NULL;
	rcu_read_lock();
	map = hold_map(find_map(xn, key, bound_dev_if, hash));
	rcu_read_unlock();
	return map;
}

/**
 * xtcp_portmap_put() - drop a reference to a map; the map may end with the last reference
 * @xn: the namespace
 * @map: from xtcp_portmap_get() or xtcp_portmap_make()
 *
 * Context: process.
 */
void xtcp_portmap_put(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	bool ends;

	spin_lock_bh(&map->lock);
	map->refs--;
	ends = end_if_idle(map);
	spin_unlock_bh(&map->lock);
	if (ends)
		remove_map(xn->portmaps, map);
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

/*
 * Sets the bit of a port in @ours if a tuple in the table uses the port. The tuple may leave the
 * table before the bit is set. In that case xtcp_portmap_tuple_ended() waits for the lock, which
 * our caller has, and then clears the bit.
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

static void scan(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range)
{
	u32 i = 0, end;

	while (i < range->count) {
		end = min(i + SCAN_CHUNK, range->count);
		spin_lock_bh(&map->lock);
		for (; i < end; i++)
			look(xn, map, range->low + i);
		spin_unlock_bh(&map->lock);
		cond_resched();
	}
}

/**
 * xtcp_portmap_make() - make a map, or get the map that another caller has just made
 * @xn: the namespace
 * @key: the destination; lport is 0
 * @bound_dev_if: the interface that the sock is bound to, or 0
 * @hash: xtcp_tuple_hash() of @key with the namespace's secret for ports
 * @range: the ports to examine; the map learns of other ports in use when connect() tries them
 *
 * Context: process, may sleep.
 *
 * Return: the map, for xtcp_portmap_put(). NULL when there is no memory, when there are too many
 * maps, or when the map of the other caller has already ended, because many ports are free again.
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
	rcu_read_lock();
	spin_lock_bh(&xn->portmaps->lock);
	old = find_map(xn, key, bound_dev_if, hash);
	if (!old)
		added = add_map(xn, map, hash);
	spin_unlock_bh(&xn->portmaps->lock);
	old = hold_map(old);
	rcu_read_unlock();
	if (!added) {
		map_free(map);
		return old;
	}
	scan(xn, map, range);
	return map;
}

/*
 * Returns a mask for a word of a bitmap: the bits of the even ports if @from is even, the bits of
 * the odd ports if @from is odd.
 */
static unsigned long each_second(u32 from)
{
	return ~0UL / 3 << (from & 1);
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
 * Finds the first port from @from on, below @to, whose bit is clear in both bitmaps and set in
 * @half, a mask for every word. If @wanted is not NULL, the bit must also be set in @wanted.
 * Return: the port; @to if there is no such port.
 */
static u32 next_clear(const struct xtcp_portmap *map, u32 from, u32 to, unsigned long half,
		      const unsigned long *wanted)
{
	unsigned long word, mask = BITMAP_FIRST_WORD_MASK(from) & half;
	const u32 end = BITS_TO_LONGS(to);
	u32 i;

	for (i = from / BITS_PER_LONG; i < end; i++) {
		word = ~(map->ours[i] | map->others[i]) & mask;
		if (wanted)
			word &= READ_ONCE(wanted[i]);
		if (word)
			return min_t(u32, i * BITS_PER_LONG + __ffs(word), to);
		mask = half;
		/* a destination has a map while its ports are scarce, so most words are full */
		while (!wanted && i + FULL_AT_ONCE < end && are_full(map, i + 1, half))
			i += FULL_AT_ONCE;
	}
	return to;
}

/*
 * Calls next_clear() from the range's offset to the end of the range, then from its beginning to
 * the offset. Return: the port; 0 if there is none.
 */
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
 * xtcp_portmap_choose() - choose a port that may be free
 * @xn: the namespace
 * @map: the map of the destination
 * @range: the ports, and where to begin
 * @first: true: choose from our half of the range (struct xtcp_port_range). False: choose from the
 *	half that kernel TCP prefers. There the function prefers ports that already have a lease,
 *	because kernel TCP's connect() cannot take these
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
	const unsigned long half = each_second(range->low + first);
	u32 port;

	spin_lock_bh(&map->lock);
	port = next_around(map, range, half, NULL);
	if (port && !first)
		port = next_around(map, range, half, xn->port_bits) ?: port;
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
 * If a connection that the map serves has the port, the port's bit moves from @map->others to
 * @map->ours, and is cleared when that connection leaves the table. If no such connection has the
 * port, the bit stays in @map->others.
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
	not_others(map, port);
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
	spin_unlock_bh(&map->lock);
}

/*
 * Clears the bits in @ours of the ports of @conn and of the connections after it that store the same
 * number. @next as for xtcp_portmap_tuples_ended(). Return: the first connection with another
 * number; NULL if there is none.
 */
static __always_inline const struct xtcp_conn *clear_ours(struct xtcp_portmap *map, const struct xtcp_conn *conn,
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
	return conn;
}

/*
 * As clear_ours(), but takes the lock, and removes the map if it is not needed any more. If the map
 * is dead already, only passes @conn.
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
		conn = clear_ours(map, conn, next);
		ends = end_if_idle(map);
	}
	spin_unlock(&map->lock);
	if (ends)
		remove_map(maps, map);
	return conn;
}

/**
 * xtcp_portmap_tuples_ended() - clear the bits of the ports of several connections in @ours
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
__always_inline void xtcp_portmap_tuples_ended(struct xtcp_net *xn, const struct xtcp_conn *conn,
					       const struct xtcp_conn *(*next)(const struct xtcp_conn *))
{
	struct xtcp_portmaps *maps = xn->portmaps;
	struct xtcp_portmap *map;

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
 * xtcp_portmap_tuple_ended() - clear the bit of a connection's port in @ours
 * @xn: the namespace
 * @conn: the connection; it has left the table, and stores the number of a map
 *
 * Context: softirq or process, BH disabled. Takes the map's lock.
 */
void xtcp_portmap_tuple_ended(struct xtcp_net *xn, const struct xtcp_conn *conn)
{
	xtcp_portmap_tuples_ended(xn, conn, no_next);
}
