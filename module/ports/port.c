// SPDX-License-Identifier: GPL-2.0
/*
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
 * take a port that only kernel TCP's connect() has taken (sharing.c).
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
 * succeeds. When ports become scarce, the destination gets a bitmap of its ports (portmap.c).
 */
#include "ports/ports.h"

#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/l3mdev.h>

#include "base/net.h"
#include "base/sender.h"
#include "lookup/lookup.h"
#include "timewait/timewait.h"

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
static u32 *counters;

/**
 * xtcp_port_init() - make the counters
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_port_init(void)
{
	counters = kvmalloc_array(COUNTERS, sizeof(*counters), GFP_KERNEL);
	if (!counters)
		return -ENOMEM;
	get_random_bytes(counters, COUNTERS * sizeof(*counters));
	return 0;
}

/**
 * xtcp_port_exit() - free the counters
 *
 * Context: process, module exit; nobody connects any more.
 */
void xtcp_port_exit(void)
{
	kvfree_sensitive(counters, COUNTERS * sizeof(*counters));
	counters = NULL;
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
	err = (lease->beside || lease_dev) && kernel_holds(sk, lease) ? -EADDRINUSE : xtcp_demux_insert_sk(sk);
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
	err = xtcp_demux_insert_sk(sk);
	if (err != -EADDRNOTAVAIL)
		return err;
	if (xtcp_timewait_reuse(sk, true))
		return 0;
	/* the TIME-WAIT record with this 4-tuple may have expired meanwhile, so try once more */
	return xtcp_demux_insert_sk(sk);
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
