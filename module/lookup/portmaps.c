// SPDX-License-Identifier: GPL-2.0
/*
 * The maps of ports of a namespace (portmap.c): by destination and by number.
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
#include "lookup/portmaps.h"

#include <linux/rculist.h>
#include <linux/slab.h>

#include "base/net.h"
#include "lookup/demux.h"
#include "lookup/portmap.h"

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
