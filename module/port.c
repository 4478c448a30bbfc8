// SPDX-License-Identifier: GPL-2.0
/*
 * Which ports are ours, and the choice of a local port.
 *
 * connect() without bind() chooses from ip_local_port_range so that nobody who sees the connections to one destination
 * can tell the ports of those to another, and so that a port comes back late (RFC 6056 section 3.3.4): a keyed hash of
 * the destination says where to begin, a counter that several destinations share moves on by a random step.
 *
 * A port is taken for a 4-tuple when the tuple is free, or only a TIME-WAIT record has it that net.xtcp.tw_reuse lets
 * go; the lease on it is shared with other destinations. While ports are plenty the first few tried will do. When they
 * are not, the destination gets a map of its ports, made by one walk over the table and kept true from then on, and the
 * choice costs a search for a clear bit, however full it is. The map goes when three quarters of the range are free
 * again.
 */
#include "port.h"

#include <linux/bitmap.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/l3mdev.h>

#include "demux.h"
#include "lease.h"
#include "netns.h"
#include "sock.h"
#include "timewait.h"

#define PORTS		65536
#define COUNTERS	256
#define FIRST_TRIES	16	/* ports tried before a map is made */
#define DEST_BUCKETS	64
#define DEST_MAX	256	/* maps in a namespace, 16 KiB each */
#define SCAN_CHUNK	64	/* ports looked at in one hold of the lock */

/**
 * struct port_dest - the ports used towards one destination
 * @node: place in its bucket
 * @key: the destination; lport is 0
 * @refs: calls of connect() that use it now
 * @tuples: bits set in @ours
 * @ours: by port: a tuple whose port was chosen here is in the table
 * @others: by port: refused when last tried (bound by somebody, reserved, being tried); may be out of date
 */
struct port_dest {
	struct hlist_node node;
	struct xtcp_tuple key;
	unsigned int refs;
	unsigned int tuples;
	DECLARE_BITMAP(ours, PORTS);
	DECLARE_BITMAP(others, PORTS);
};

/**
 * struct xtcp_port_pool - what the choice of ports remembers
 * @lock: guards the maps
 * @dests: the destinations that have one
 * @len: how many
 * @counter: RFC 6056's table of counters, by hash of the destination; no lock, a lost step does no harm
 */
struct xtcp_port_pool {
	spinlock_t lock;	/* see above */
	struct hlist_head dests[DEST_BUCKETS];
	unsigned int len;
	u32 counter[COUNTERS];
};

/* A range of ports, both ends in it, and where in it to begin. */
struct port_range {
	u32 low;
	u32 count;
	u32 offset;
};

/**
 * xtcp_port_net_init() - prepare a namespace for the choice of ports
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_port_net_init(struct xtcp_net *xn)
{
	struct xtcp_port_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	if (!pool)
		return -ENOMEM;
	spin_lock_init(&pool->lock);
	get_random_bytes(pool->counter, sizeof(pool->counter));
	xn->pool = pool;
	return 0;
}

/**
 * xtcp_port_net_exit() - free what the choice of ports remembers
 * @xn: the namespace; its table of connections is empty
 *
 * Context: process, namespace exit.
 */
void xtcp_port_net_exit(struct xtcp_net *xn)
{
	struct xtcp_port_pool *pool = xn->pool;
	struct hlist_node *next;
	struct port_dest *dest;
	int i;

	for (i = 0; i < DEST_BUCKETS; i++)
		hlist_for_each_entry_safe(dest, next, &pool->dests[i], node)
			kfree(dest);
	kfree_sensitive(pool);
	xn->pool = NULL;
}

static u64 dest_hash(const struct xtcp_net *xn, const struct xtcp_tuple *key)
{
	return siphash(key, sizeof(*key), &xn->port_key);
}

static struct hlist_head *dest_bucket(struct xtcp_net *xn, const struct xtcp_tuple *key)
{
	return &xn->pool->dests[dest_hash(xn, key) % DEST_BUCKETS];
}

static struct port_dest *dest_find(struct xtcp_net *xn, const struct xtcp_tuple *key)
{
	struct port_dest *dest;

	lockdep_assert_held(&xn->pool->lock);
	hlist_for_each_entry(dest, dest_bucket(xn, key), node)
		if (!memcmp(&dest->key, key, sizeof(*key)))
			return dest;
	return NULL;
}

static void dest_free_if_idle(struct xtcp_net *xn, struct port_dest *dest)
{
	int low, high;

	lockdep_assert_held(&xn->pool->lock);
	inet_get_local_port_range(xn->net, &low, &high);
	if (dest->refs || dest->tuples > (high - low) / 4)
		return;
	hlist_del(&dest->node);
	WRITE_ONCE(xn->pool->len, xn->pool->len - 1);
	kfree(dest);
}

/* The map of a destination, with a reference; NULL when there is none. */
static struct port_dest *dest_get(struct xtcp_net *xn, const struct xtcp_tuple *key)
{
	struct port_dest *dest;

	if (!READ_ONCE(xn->pool->len))
		return NULL;
	spin_lock_bh(&xn->pool->lock);
	dest = dest_find(xn, key);
	if (dest)
		dest->refs++;
	spin_unlock_bh(&xn->pool->lock);
	return dest;
}

static void dest_put(struct xtcp_net *xn, struct port_dest *dest)
{
	spin_lock_bh(&xn->pool->lock);
	dest->refs--;
	dest_free_if_idle(xn, dest);
	spin_unlock_bh(&xn->pool->lock);
}

static void dest_mark(struct port_dest *dest, u32 port)
{
	clear_bit(port, dest->others);
	if (!test_and_set_bit(port, dest->ours))
		dest->tuples++;
}

static bool tuple_is_ours(struct xtcp_net *xn, const struct xtcp_tuple *key, u32 port)
{
	struct xtcp_demux_key demux_key = { .tuple = *key };
	struct xtcp_conn *conn;

	if (!xtcp_lease_port_might_be_ours(xn->port_bits, port))
		return false;
	demux_key.tuple.lport = htons(port);
	demux_key.hash = xtcp_demux_hash(xn, &demux_key.tuple);
	conn = xtcp_demux_lookup(xn, &demux_key);
	return conn && conn->shared_port;
}

/* A tuple that leaves the table after it was seen here is cleared after it was set: both happen under the lock. */
static void dest_scan(struct xtcp_net *xn, struct port_dest *dest, const struct port_range *range)
{
	u32 i = 0, end;

	while (i < range->count) {
		end = min(i + SCAN_CHUNK, range->count);
		spin_lock_bh(&xn->pool->lock);
		rcu_read_lock();
		for (; i < end; i++)
			if (tuple_is_ours(xn, &dest->key, range->low + i))
				dest_mark(dest, range->low + i);
		rcu_read_unlock();
		spin_unlock_bh(&xn->pool->lock);
		cond_resched();
	}
}

/* A new map for a destination, or the one that somebody else has made meanwhile; with a reference. */
static struct port_dest *dest_make(struct xtcp_net *xn, const struct xtcp_tuple *key, const struct port_range *range)
{
	struct port_dest *dest, *old;

	if (READ_ONCE(xn->pool->len) >= DEST_MAX)
		return NULL;
	dest = kzalloc(sizeof(*dest), GFP_KERNEL_ACCOUNT);
	if (!dest)
		return NULL;
	dest->key = *key;
	dest->refs = 1;
	spin_lock_bh(&xn->pool->lock);
	old = dest_find(xn, key);
	if (old) {
		old->refs++;
	} else {
		hlist_add_head(&dest->node, dest_bucket(xn, key));
		WRITE_ONCE(xn->pool->len, xn->pool->len + 1);
	}
	spin_unlock_bh(&xn->pool->lock);
	if (old) {
		kfree(dest);
		return old;
	}
	/* pairs with the one in xtcp_port_tuple_ended() */
	smp_mb();
	dest_scan(xn, dest, range);
	return dest;
}

/* The first port in [@from, @to) whose bit is clear in both maps; @to: none. */
static u32 dest_next(const struct port_dest *dest, u32 from, u32 to)
{
	unsigned long word, first = BITMAP_FIRST_WORD_MASK(from);
	u32 i;

	for (i = from / BITS_PER_LONG; i * BITS_PER_LONG < to; i++) {
		word = ~(dest->ours[i] | dest->others[i]) & first;
		if (word)
			return min_t(u32, i * BITS_PER_LONG + __ffs(word), to);
		first = ~0UL;
	}
	return to;
}

/* A port that may be free, marked as being tried; 0: none. */
static u32 dest_choose(struct xtcp_net *xn, struct port_dest *dest, const struct port_range *range)
{
	u32 begin = range->low + range->offset, end = range->low + range->count, port;

	spin_lock_bh(&xn->pool->lock);
	port = dest_next(dest, begin, end);
	if (port == end) {
		port = dest_next(dest, range->low, begin);
		if (port == begin)
			port = 0;
	}
	if (port)
		set_bit(port, dest->others);
	spin_unlock_bh(&xn->pool->lock);
	return port;
}

/**
 * xtcp_port_tuple_ended() - a tuple has left the table of connections
 * @xn: the namespace
 * @tuple: its port was chosen by xtcp_port_connect()
 *
 * Context: softirq or process.
 */
void xtcp_port_tuple_ended(struct xtcp_net *xn, const struct xtcp_tuple *tuple)
{
	struct xtcp_tuple key = *tuple;
	u16 port = ntohs(tuple->lport);
	struct port_dest *dest;

	/* pairs with the one in dest_make(): a map that this does not see yet is filled after the tuple has left */
	smp_mb();
	if (!READ_ONCE(xn->pool->len))
		return;
	key.lport = 0;
	spin_lock_bh(&xn->pool->lock);
	dest = dest_find(xn, &key);
	if (dest) {
		clear_bit(port, dest->others);
		if (test_and_clear_bit(port, dest->ours))
			dest->tuples--;
		dest_free_if_idle(xn, dest);
	}
	spin_unlock_bh(&xn->pool->lock);
}

/* -EADDRINUSE: another port may do. */
static int try_port(struct sock *sk, u16 port)
{
	/* kernel TCP's table keeps ports of a VRF apart, but not those of other devices */
	int lease_dev = inet_sk_bound_l3mdev(sk) ? sk->sk_bound_dev_if : 0;
	struct net *net = sock_net(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_lease *lease;
	int err;

	if (inet_is_local_reserved_port(net, port))
		return -EADDRINUSE;
	lease = xtcp_lease_get_shared(xtcp_net(net), port, lease_dev);
	if (IS_ERR(lease))
		return PTR_ERR(lease);
	xsk->lease = lease;
	inet_sk(sk)->inet_num = port;
	inet_sk(sk)->inet_sport = htons(port);
	xsk->conn.shared_port = true;
	err = xtcp_demux_insert_sk(sk);
	if (!err || (err == -EADDRNOTAVAIL && xtcp_timewait_reuse(sk, false)))
		return 0;
	xtcp_port_release(sk);
	return err == -EADDRNOTAVAIL ? -EADDRINUSE : err;
}

/* Every port of the range from the offset on, at most @tries of them. */
static int try_in_turn(struct sock *sk, const struct port_range *range, u32 tries)
{
	int err = -EADDRINUSE;
	u32 i;

	for (i = 0; i < tries && err == -EADDRINUSE; i++) {
		err = try_port(sk, range->low + (range->offset + i) % range->count);
		cond_resched();
	}
	return err;
}

/* Every port that the map shows as free; and, when what it has about others is all that is in the way, those again. */
static int try_by_map(struct sock *sk, struct port_dest *dest, const struct port_range *range)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	bool again = false;
	int err;
	u32 port;

	for (;;) {
		port = dest_choose(xn, dest, range);
		if (port) {
			err = try_port(sk, port);
			if (err != -EADDRINUSE)
				break;
			cond_resched();
			continue;
		}
		err = -EADDRINUSE;
		if (again)
			break;
		again = true;
		spin_lock_bh(&xn->pool->lock);
		bitmap_zero(dest->others, PORTS);
		spin_unlock_bh(&xn->pool->lock);
	}
	if (port) {
		spin_lock_bh(&xn->pool->lock);
		if (err)
			clear_bit(port, dest->others);
		else
			dest_mark(dest, port);
		spin_unlock_bh(&xn->pool->lock);
	}
	return err;
}

static int choose_and_insert(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_tuple key;
	struct port_dest *dest = NULL;
	struct port_range range;
	u32 *counter;
	int low, high, err;
	u64 hash;

	inet_sk_get_local_port_range(sk, &low, &high);
	range.low = low;
	range.count = high - low + 1;
	xtcp_demux_tuple_from_sk(sk, &key);
	key.lport = 0;
	hash = dest_hash(xn, &key);
	counter = &xn->pool->counter[hash % COUNTERS];
	range.offset = ((u32)(hash >> 32) + READ_ONCE(*counter)) % range.count;
	WRITE_ONCE(*counter, READ_ONCE(*counter) + 1 + (get_random_u32() & 7));

	/* the maps know tuples that are bound to no device */
	if (sk->sk_bound_dev_if)
		return try_in_turn(sk, &range, range.count);
	dest = dest_get(xn, &key);
	if (!dest) {
		err = try_in_turn(sk, &range, min_t(u32, FIRST_TRIES, range.count));
		if (err != -EADDRINUSE)
			return err;
		dest = dest_make(xn, &key, &range);
	}
	if (!dest)
		return try_in_turn(sk, &range, range.count);
	err = try_by_map(sk, dest, &range);
	dest_put(xn, dest);
	/* all ports are taken, but some perhaps only by TIME-WAIT, which gives way */
	if (err == -EADDRINUSE && xtcp_timewait_reuse_is_on(xn, &key, 0))
		err = try_in_turn(sk, &range, range.count);
	return err;
}

/* A bound port: the tuple must be nobody's, neither ours nor kernel TCP's. */
static int insert_bound(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_demux_key key = {
		.dif = sk->sk_bound_dev_if,
		.sdif = l3mdev_master_ifindex_by_index(sock_net(sk), sk->sk_bound_dev_if),
	};
	bool held;
	int err;

	err = xtcp_lease_make_exclusive(xsk->lease);
	if (err)
		return err;
	xtcp_demux_tuple_from_sk(sk, &key.tuple);
	rcu_read_lock();
	held = xtcp_demux_kernel_holds(sock_net(sk), &key);
	rcu_read_unlock();
	if (held)
		return -EADDRNOTAVAIL;
	xsk->conn.shared_port = false;
	err = xtcp_demux_insert_sk(sk);
	if (err != -EADDRNOTAVAIL)
		return err;
	if (xtcp_timewait_reuse(sk, true))
		return 0;
	/* the record that was in the way may have ended by itself */
	return xtcp_demux_insert_sk(sk);
}

/**
 * xtcp_port_bind() - proto.get_port: bind() to a port
 * @sk: addresses are set
 * @snum: host order; 0: any
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, -EADDRINUSE or -ENOBUFS.
 */
int xtcp_port_bind(struct sock *sk, unsigned short snum)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int err;

	sock_owned_by_me(sk);
	WARN_ON_ONCE(xsk->lease);
	err = xtcp_lease_get(sk, snum, &xsk->lease);
	if (!err)
		inet_sk(sk)->inet_num = xtcp_lease_port(xsk->lease);
	return err;
}

/**
 * xtcp_port_listen() - listen(): may this port have a listener?
 * @sk: bound, or to be bound to any port now
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, -EADDRINUSE or -ENOBUFS.
 */
int xtcp_port_listen(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int err;

	sock_owned_by_me(sk);
	if (!xsk->lease) {
		err = xtcp_port_bind(sk, 0);
		if (err)
			return err;
		/* also when listen() fails: the sock is bound from here on */
		inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	}
	return xtcp_lease_listen(xsk->lease, sk);
}

/**
 * xtcp_port_connect() - give a connection its local port and put it in the table
 * @sk: addresses and foreign port are set; in SYN-SENT
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0; -EADDRNOTAVAIL when the tuple is taken or no port is left for this destination; -ENOBUFS; -ENOMEM.
 */
int xtcp_port_connect(struct sock *sk)
{
	int err;

	sock_owned_by_me(sk);
	/* set when the connection goes on from a record */
	xtcp_sk(sk)->iss = 0;
	if (xtcp_sk(sk)->lease)
		return insert_bound(sk);
	err = choose_and_insert(sk);
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

/**
 * xtcp_port_release() - proto.put_port: give the port back
 * @sk: out of the table of connections and of that of listeners
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_port_release(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!xsk->lease)
		return;
	xtcp_lease_put(xsk->lease, sk);
	xsk->lease = NULL;
	inet_sk(sk)->inet_num = 0;
	inet_sk(sk)->inet_sport = 0;
}
