// SPDX-License-Identifier: GPL-2.0
/*
 * How a sock gets its local port and gives it back, and how connect() chooses a port.
 *
 * connect() without bind() chooses from ip_local_port_range (RFC 6056 section 3.3.4). An observer
 * of the connections to one destination must not learn the ports towards another, and a port should
 * be reused as late as possible. A keyed hash of the destination, plus a counter, gives the first
 * port to try; the counter grows by a random step. Who shares a counter could count the connections
 * of the other. So all namespaces together have many counters with random values, and the hash
 * changes every few seconds: each destination then starts at another port, with another counter.
 *
 *   half of the range        ours              kernel TCP's
 *   ----------------------   ---------------   ------------------------------------------
 *   begins with              its second port   its first port
 *   our connect() takes it   first             when no port of ours is usable
 *   kernel TCP's takes it    last              first
 *   kernel TCP's alone       none              every 2nd, 4th or 8th port: at least 1,024
 *
 * In a range of less than 128 ports, none is kernel TCP's alone. Kernel TCP's connect() cannot take
 * a port with a lease of ours; ours may take a port that only kernel TCP's connect() has taken
 * (lease.c). Without ports of its own, users of xtcp could put a lease on every port, and kernel
 * TCP could not connect at all. These ports are spread over the range, since kernel TCP tries its
 * half one by one. In each stack, connections to different destinations share ports.
 *
 * A port is usable for a destination if no connection has the 4-tuple, or only a TIME-WAIT record
 * that net.xtcp.tw_reuse lets us replace. Usually one of the first few tries succeeds. When ports
 * become scarce, the destination gets a map.
 *
 * A map is a bitmap of the ports in use towards one destination, for the socks that are bound to
 * one interface, or for those that are bound to none. With it, a choice is a search for a clear
 * bit, however full the range is. It learns of ports of other socks when an attempt to take one is
 * refused. Few namespaces ever need a map, so the first one makes struct xtcp_portmaps. Each call of
 * connect() then looks up some ports of the socket's range in the table of connections, until the
 * map knows all. When it shows at most an eighth of the range as in use, or no port that connect()
 * chose, it is freed as soon as no call of connect() uses it.
 *
 * A connection gets the number of its map before the bit of its port is set, and the bit is cleared
 * after it has left the table. If another connection takes the port in between, the map shows it as
 * free until the next attempt is refused. By the number, no lookup is needed when the connection
 * ends. It may outlive the map, and a new map may get the number: that one ignores the ends of
 * connections to another destination.
 *
 * Each map has a lock, so connections to different destinations share none. A map that is not
 * needed any more is marked as dead under it, and then removed. A lookup finds a map under RCU,
 * takes its lock, and tests whether it is dead.
 */
#include "ports/ports.h"

#include <linux/bitmap.h>
#include <linux/random.h>
#include <net/l3mdev.h>

#include "base/sender.h"
#include "timewait/timewait.h"

#define SCAN_CHUNK	64	/* ports that each call of connect() looks up until the map knows all */

/* A range of ports, and the port at which a search begins. */
struct xtcp_port_range {
	u32 low;	/* the first port, host order */
	u32 count;
	/* below @count; a search begins at @low + @offset; without a map, at this modulo the size of a half */
	u32 offset;
	/* every how many ports from @low one is kernel TCP's: a power of two, the same in each word; 0: none */
	u32 spared;
};

/* The ports in use towards one destination. */
struct xtcp_portmap {
	struct hlist_node node;	/* in a bucket; read under RCU */
	struct rcu_head rcu;
	struct xtcp_tuple key;	/* the destination; lport is not used */
	int bound_dev_if;	/* the interface of the map's connections, 0: none */
	bool v4;
	u8 number;		/* the index in xtcp_portmaps.by_number */
	bool has_predecessor;	/* an earlier map had the same number; its connections may still store it */
	spinlock_t lock;	/* guards all fields below */
	bool dead;		/* it is about to leave the namespace, or has left */
	unsigned int refs;	/* number of calls of connect() that use the map now */
	unsigned int tuples;	/* number of bits that are set in @ours */
	/* bits that are set in @ours or @others, minus an eighth of the range: at 0 the map is not worth its memory */
	int surplus;
	/* for kernel TCP's half, then ours: the range in which no bit was clear; @count 0: one was cleared since */
	struct xtcp_port_range full[2];
	u32 unknown;		/* the first port of the range that has not been looked up yet */
	u32 unknown_end;	/* the port after the last one */
	unsigned long *ours;	/* a bit for each port; set if connect() chose the port for a tuple in the table */
	/*
	 * a bit for each port; set if a call of connect() tries the port now, if the port is
	 * unknown, or if it was refused last as bound, reserved, or of a connection that the map
	 * does not serve. It may be out of date
	 */
	unsigned long *others;
};

static struct xtcp_portmap *xtcp_portmap_new(const struct xtcp_port_range *range)
{
	struct xtcp_portmap *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);

	if (!map)
		return NULL;
	/* both bitmaps: 16 KiB, four pages exactly */
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

/* Frees the bitmaps at once, the map after a grace period: lookups may still read a dead map, not its bitmaps. */
static void xtcp_portmap_free(struct xtcp_portmap *map)
{
	kfree(map->ours);
	kfree_rcu(map, rcu);
}

/* Takes a reference. Return: NULL if @map is NULL, or dead. */
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

/* Marks an idle map as dead, if @ours is empty or @surplus <= 0. True: the caller unlocks it and removes it. */
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

static void mark(struct xtcp_portmap *map, u32 port)
{
	not_others(map, port);
	if (!__test_and_set_bit(port, map->ours)) {
		map->tuples++;
		map->surplus++;
	}
}

/*
 * Sets the bit of a port in @ours if connect() chose it for a connection in the table that @map
 * serves. If that leaves meanwhile, xtcp_portmaps_tuples_ended() waits for our lock.
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

/* A few at a time: a call of connect() that looked up all would take a hundred times as long. */
static void scan(struct xtcp_net *xn, struct xtcp_portmap *map)
{
	const u32 end = min(map->unknown + SCAN_CHUNK, map->unknown_end);

	for (; map->unknown < end; map->unknown++) {
		not_others(map, map->unknown);
		look(xn, map, map->unknown);
	}
	none_is_full(map);
}

/* A mask for a word of a bitmap: the bit of every @step-th port, one of which is @from. */
static unsigned long each(u32 from, u32 step)
{
	return ~0UL / ((1UL << step) - 1) << from % step;
}

/* Are the bits of @half set in four words from @i on, each in either bitmap? A loop would not be unrolled. */
static bool are_full(const struct xtcp_portmap *map, u32 i, unsigned long half)
{
	const unsigned long *a = map->ours + i, *b = map->others + i;

	return !(~((a[0] | b[0]) & (a[1] | b[1]) & (a[2] | b[2]) & (a[3] | b[3])) & half);
}

/* The first port of @half from @from on, below @to, that is clear in both bitmaps; else @to. */
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
		while (i + 4 < end && are_full(map, i + 1, half))
			i += 4;
	}
	return to;
}

/* Searches from the range's offset to its end, then from its beginning to the offset. 0: none. */
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
 * Chooses a port that may be free, in our half (@first) or kernel TCP's, and sets its bit in
 * @others, so that no other call tries it. The caller then says what became of it:
 * xtcp_portmap_taken(), _refused() or _not_taken(). Return: the port, host order; 0: none is clear.
 *
 * A destination that reuses TIME-WAIT records (net.xtcp.tw_reuse) has a full map for long: calls do
 * not search again until a bit is cleared (@full).
 */
static u32 xtcp_portmap_choose(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range,
			       bool first)
{
	unsigned long half = each(range->low + first, 2);
	struct xtcp_port_range *full = &map->full[first];
	u32 port = 0;

	/* the ports of the half that our connect() may take */
	if (range->spared)
		half &= ~each(range->low, range->spared);
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

/* A connection in the table, which cannot leave yet, has the chosen port. */
static void xtcp_portmap_taken(struct xtcp_portmap *map, struct xtcp_conn *conn)
{
	spin_lock_bh(&map->lock);
	conn->map = map->number;
	mark(map, ntohs(conn->lport));
	spin_unlock_bh(&map->lock);
}

/* The chosen port is in use: if by a connection that the map serves, its bit moves to @ours, else it stays. */
static void xtcp_portmap_refused(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&map->lock);
	look(xn, map, port);
	spin_unlock_bh(&map->lock);
}

/* After a failure that was not due to the port. */
static void xtcp_portmap_not_taken(struct xtcp_portmap *map, u32 port)
{
	spin_lock_bh(&map->lock);
	if (not_others(map, port))
		none_is_full(map);
	spin_unlock_bh(&map->lock);
}

/* These ports may have become free. */
static void xtcp_portmap_forget_others(struct xtcp_portmap *map)
{
	spin_lock_bh(&map->lock);
	map->surplus -= bitmap_weight(map->others, XTCP_PORTS);
	bitmap_zero(map->others, XTCP_PORTS);
	none_is_full(map);
	spin_unlock_bh(&map->lock);
}

/*
 * Clears the bits of successive connections that store the number of @map, from @conn on; they have
 * left the table. Return: the first one with another number, or NULL. Inlined, so that @next is, too.
 */
static __always_inline const struct xtcp_conn *
xtcp_portmap_clear(struct xtcp_portmap *map, const struct xtcp_conn *conn,
		   const struct xtcp_conn *(*next)(const struct xtcp_conn *))
{
	const bool has_predecessor = map->has_predecessor;
	unsigned long *const ours = map->ours;
	const u8 number = conn->map;
	int cleared = 0;

	lockdep_assert_held(&map->lock);
	do {
		/* its number may be of an earlier map, perhaps for another destination: compare, if there was one */
		if ((likely(!has_predecessor) || (conn->bound_dev_if == map->bound_dev_if &&
						  xtcp_conn_leads_to(conn, &map->key, map->v4))) &&
		    __test_and_clear_bit(ntohs(conn->lport), ours))
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

struct xtcp_portmaps {
	spinlock_t lock;	/* guards changes of this struct; never held together with the lock of a map */
	struct hlist_head bucket[BUCKETS];	/* by a hash of the destination; read under RCU */
	struct xtcp_portmap __rcu *by_number[1 + MAPS_MAX];	/* from 1 on (xtcp_conn.map); read under RCU */
	unsigned int len;
	unsigned int numbers;	/* the highest number that a map has had so far */
};

/* The namespace's table of connections is empty. */
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

/* As maps_of(), but makes what is missing. NULL: no memory. */
static struct xtcp_portmaps *made_maps_of(struct xtcp_net *xn)
{
	struct xtcp_portmaps *maps = maps_of(xn);

	if (maps)
		return maps;
	maps = kzalloc(sizeof(*maps), GFP_KERNEL_ACCOUNT);
	if (!maps)
		return NULL;
	spin_lock_init(&maps->lock);
	/* pairs with maps_of(): who sees the struct sees its lock initialized */
	if (cmpxchg(&xn->portmaps, NULL, maps))
		kfree(maps);
	return maps_of(xn);
}

/* @key: the destination; lport is 0. This hash does not change with time. */
static struct hlist_head *bucket_of(struct xtcp_net *xn, struct xtcp_portmaps *maps, const struct xtcp_tuple *key)
{
	return &maps->bucket[xtcp_tuple_hash(key, &xn->rest->port_key) % BUCKETS];
}

/* Skips dead maps, which may still be in the bucket. RCU read side. */
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

/* A number that no earlier map had, if there is one. */
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

/* The map of a destination (@key, lport is 0) and interface (0: none), for xtcp_portmaps_put(), or NULL. */
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

/* The map may end with the last reference. */
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
 * Makes a map that examines @range, or gets the one that another caller has just made, for
 * xtcp_portmaps_put(). NULL: no memory, too many maps, or that one has ended: many ports are free.
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

/* As xtcp_portmap_clear(), with the lock; removes a map that is not needed any more. Clears nothing in a dead one. */
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
 * xtcp_portmaps_tuples_ended() - connections have ended: clear the bits of their ports
 * @xn: the namespace
 * @conn: the first connection, or NULL. All have left the table; each stores the number of a map,
 *	or 0
 * @next: returns the connection after another one, or NULL
 *
 * The lock of a map is taken once for successive connections with its number: the caller puts these
 * together, and passes at most some hundred at once. Inlined, so that the calls of @next are, too.
 * Context: softirq or process, BH disabled. Takes the locks of the maps, one after the other.
 */
__always_inline void xtcp_portmaps_tuples_ended(struct xtcp_net *xn, const struct xtcp_conn *conn,
					       const struct xtcp_conn *(*next)(const struct xtcp_conn *))
{
	struct xtcp_portmaps *maps = maps_of(xn);
	struct xtcp_portmap *map;

	/* without maps, none of these has a number: each would have got it while in the table */
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

/* Of all namespaces. Each has a hash key of its own, so a destination has other counters there. */
static u32 counters[COUNTERS];

/**
 * xtcp_port_init() - give the counters random values
 *
 * Not by net_get_random_once() at the first connect(): its work holds the module for a moment, and
 * rmmod would say "in use".
 * Context: process, module init.
 */
void xtcp_port_init(void)
{
	get_random_bytes(counters, sizeof(counters));
}

/* Addresses, ports and device are final. The table takes a reference. Return: as xtcp_demux_insert(). */
static int insert_sock(struct sock *sk)
{
	struct xtcp_conn *conn = &xtcp_endpoint(sk)->conn;
	struct xtcp_tuple tuple;
	int err;

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

/* Does kernel TCP have the 4-tuple of @sk? @lease: the shared lease; NULL for a bound port. */
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
	return held || (lease && !sk->sk_bound_dev_if && xtcp_tb_meets(lease, &key.tuple));
}

/* Return: 0; -EADDRINUSE when the caller may try another port; another error. */
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
	/* once is enough: the port has a lease now, so kernel TCP's connect() takes no new 4-tuple there */
	err = (lease->beside || lease_dev) && kernel_holds(sk, lease) ? -EADDRINUSE : insert_sock(sk);
	if (!err || (err == -EADDRNOTAVAIL && xtcp_timewait_reuse(sk, false)))
		return 0;
	xtcp_port_release(sk);
	return err == -EADDRNOTAVAIL ? -EADDRINUSE : err;
}

/*
 * Tries at most @tries ports of our half (@first) or kernel TCP's, from the range's offset on.
 * @look: NULL; or the key of the destination, if most ports are probably taken and records may be
 * replaced: a port is passed over if a connection or record of ours visibly keeps the tuple.
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

/* Tries the ports of a half that the map shows as free, until one is usable. */
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
		xtcp_portmap_not_taken(map, port);
	else
		xtcp_portmap_taken(map, &xtcp_endpoint(sk)->conn);
	return err;
}

/* Then, with @look, tries a few ports of records to replace: enough, unless most of the half are too young. */
static int try_half(struct sock *sk, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first,
		    struct xtcp_demux_key *look)
{
	int err = try_shown(sk, map, range, first);

	return err == -EADDRINUSE && look ? try_in_turn(sk, range, first, FIRST_TRIES, look) : err;
}

/* Our half, then kernel TCP's. If no port is usable, a second round tries also what try_port() has refused. */
static int try_by_map(struct sock *sk, struct xtcp_portmap *map, const struct xtcp_port_range *range,
		      struct xtcp_demux_key *look)
{
	int err, round;

	for (round = 0; round < 2; round++) {
		if (round)
			xtcp_portmap_forget_others(map);
		err = try_half(sk, map, range, true, look);
		if (err == -EADDRINUSE)
			err = try_half(sk, map, range, false, look);
		if (err != -EADDRINUSE)
			break;
	}
	return err;
}

/* Where to start: RFC 6056 section 3.3.4. When the 16 bits of the time repeat, the counter has moved on. */
static u32 next_offset(const struct xtcp_net *xn, struct xtcp_tuple to)
{
	u32 *counter, offset;
	u64 now;

	to.lport = (__force __be16)(jiffies / HASH_LASTS);
	now = xtcp_tuple_hash(&to, &xn->rest->port_key);
	counter = &counters[now % COUNTERS];
	offset = READ_ONCE(*counter);
	/* no lock: if two processors write at once, a lost step does no harm */
	WRITE_ONCE(*counter, offset + 1 + (get_random_u32() & 7));
	return offset + (u32)(now >> 32);
}

/* A socket's own range of a few ports gets none: a user with one port (IP_LOCAL_PORT_RANGE) could take all maps. */
static bool may_have_map(const struct sock *sk, const struct xtcp_port_range *range)
{
	int low, high;

	inet_get_local_port_range(sock_net(sk), &low, &high);
	return range->count >= min_t(u32, SPARED_FROM, high - low + 1);
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
	/* every how many ports is one kernel TCP's alone? A power of two; 0: none is */
	range.spared = range.count < SPARED_FROM ? 0 :
		       min_t(u32, rounddown_pow_of_two(max(range.count / SPARED, 4U)), SPARED_STEP_MAX);
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
		if (may_have_map(sk, &range))
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
	/* all ports are taken, some perhaps by records that may be replaced */
	if (err == -EADDRINUSE && look)
		err = try_all_in_turn(sk, &range, look);
	return err;
}

/* Unless either stack has the 4-tuple already. */
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
 * Context: process, may sleep.
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
 * A port belongs to the device of its sock. So lease, listener and connection follow it. Without
 * memory, or in another VRF, lease and listener stay.
 * Context: process, may sleep.
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
		struct xtcp_conn before;

		local_bh_disable();
		if (xtcp_demux_rebind(sk, &before))
			xtcp_portmaps_tuples_ended(xtcp_net_of(sk), &before, xtcp_portmaps_no_next);
		local_bh_enable();
	}
	xtcp_lease_follow(lease, sk, dev);
}

/**
 * xtcp_port_connect() - give a connection its local port and insert it into the table
 * @sk: in SYN-SENT, with its addresses and foreign port set; lookups that found an earlier
 *	connection of @sk have ended (xtcp_demux_wait_for_lookups())
 * Context: process, may sleep. Lock: socket, held.
 * Return: 0; -EADDRNOTAVAIL when the tuple is taken or no port is left for this destination;
 * -ENOBUFS; -ENOMEM.
 */
int xtcp_port_connect(struct sock *sk)
{
	int err;

	sock_owned_by_me(sk);
	/* a TIME-WAIT record that the connection replaces gives the ISS; with TCP_REPAIR the program has */
	if (!xtcp_repair_is_on(sk))
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
	/* even if a record has replaced the sock in the table: lookups may still use the sock */
	xtcp_endpoint(sk)->left_table = get_state_synchronize_rcu();
	if (!was_there)
		return;
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	__sock_put(sk);
}

/**
 * xtcp_port_release() - proto.put_port: give the port back
 * @sk: neither in the table of connections nor in the table of listeners
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
 * As in Linux, getsockname() still returns the port.
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
