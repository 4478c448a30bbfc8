// SPDX-License-Identifier: GPL-2.0
/*
 * Decides which leases and socks may share a port. This file first asks kernel TCP's bind table,
 * and then compares our leases with each other.
 *
 * The rules are kernel TCP's. Two socks whose addresses overlap may share a port in two cases. In
 * the first, both have SO_REUSEADDR and the older one does not listen. In the second, both have
 * SO_REUSEPORT and the same user. There is an exception to the second case. If a BPF program was
 * attached to a sock before its bind() (SO_ATTACH_REUSEPORT_*), the sock has a struct
 * sock_reuseport already, and joins no other group.
 *
 * When the lease of a bind() binds its port, kernel TCP compares the lease with kernel TCP's socks.
 * But kernel TCP always lets two leases of bind() share a port (lease.c). So afterwards this file
 * compares the new lease with the other leases: it walks kernel TCP's table by address, and takes
 * the table's own locks in the same order as kernel TCP.
 *
 * A program may change its device, SO_REUSEADDR and SO_REUSEPORT after bind(). A lease follows the
 * device of its owner, unless the owner is connected (xtcp_lease_follow()). A lease stores the
 * options that its owner had at bind() or listen(). A sock may share the port if the rules allow it
 * either with the stored options or with the owner's present options. Kernel TCP compares present
 * options, too, but not if all socks on the port had the same options when they bound.
 *
 * How a shared lease (lease.c) enters kernel TCP's bind table, and leaves it.
 *
 * A shared lease is a TIME-WAIT sock in the table, but inet_csk_get_port() and inet_put_port() need
 * a full sock. The taker is this full sock. It binds the port, and the lease replaces it in the
 * table. When the lease ends, the taker replaces the lease, and then unbinds the port (README.md).
 * If all socks of kernel TCP on the port got it from connect(), without bind(), the taker can share
 * the port with them. Each processor has one taker, for all namespaces.
 */
#include "ports/ports.h"

#include <linux/ipv6.h>
#include <linux/percpu.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/tcp_states.h>
#include <net/transp_v6.h>

#include "base/net.h"
#include "base/wire.h"
#include "compat.h"
#include "lookup/lookup.h"

/**
 * struct taker - the part of a full sock that the code of kernel TCP's bind table reads
 * @lock: guards the taker. Each processor uses only its own taker, and with BH disabled, so there
 *	is contention only on PREEMPT_RT kernels, between tasks of one processor
 * @inet: the sock. It is in the table only during a call. Afterwards it still points to the
 *	namespace of that call
 * @reach: makes @inet large enough for all fields that the code of kernel TCP's bind table reads
 */
struct taker {
	spinlock_t lock;	/* see @lock above */
	union {
		struct inet_sock inet;
		u8 reach[offsetofend(struct inet_connection_sock, icsk_bind2_hash)];
	};
};

static struct taker __percpu *takers;

/**
 * xtcp_taker_init() - make the takers
 *
 * Context: process, module init; after xtcp_lease_set_user().
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_taker_init(void)
{
	struct taker *taker;
	int cpu;

	takers = alloc_percpu_gfp(struct taker, GFP_KERNEL);
	if (!takers)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		taker = per_cpu_ptr(takers, cpu);
		spin_lock_init(&taker->lock);
		xtcp_lease_init_sock(&taker->inet.sk);
	}
	return 0;
}

/**
 * xtcp_taker_exit() - free the takers
 *
 * Context: process, module exit; no namespace has a lease.
 */
void xtcp_taker_exit(void)
{
	free_percpu(takers);
	takers = NULL;
}

/* The bucket of a port in the VRF of @sk. Lock: of the chain, held. */
static struct inet_bind_bucket *find_bucket(struct inet_bind_hashbucket *head, const struct sock *sk, u16 port)
{
	const int l3mdev = inet_sk_bound_l3mdev(sk);
	struct inet_bind_bucket *tb;

	inet_bind_bucket_for_each(tb, &head->chain)
		if (tb->port == port && tb->l3mdev == l3mdev && net_eq(ib_net(tb), sock_net(sk)))
			return tb;
	return NULL;
}

/*
 * Have all socks on the port got it from connect(), kernel TCP's or ours? Kernel TCP sets both
 * fields to -1 for its own; shut_door() leaves fastreuseport so, and each bind() changes it.
 */
static bool is_connects_alone(const struct inet_bind_bucket *tb)
{
	return tb->fastreuseport < 0;
}

/*
 * Has another build shut the door? Its connections are not in our table. Only shut_door() leaves
 * fastreuse at 0 or more while fastreuseport is below, and each build has a user of its own.
 */
static bool is_shut_by_another(const struct inet_bind_bucket *tb, const struct sock *taker)
{
	return tb->fastreuse >= 0 && !uid_eq(tb->fastuid, taker->sk_uid);
}

/*
 * Is @other a sock of kernel TCP that is bound to a device other than the taker's? A lookup of the
 * 4-tuple with the taker's device, or without a device, would miss such a sock.
 */
static bool is_of_another_device(struct sock *other, void *taker)
{
	const int dev = READ_ONCE(other->sk_bound_dev_if);

	return dev && dev != ((const struct sock *)taker)->sk_bound_dev_if &&
	       other->sk_prot != ((const struct sock *)taker)->sk_prot;
}

static bool is_another(struct sock *other, void *taker)
{
	return other != taker;
}

/*
 * Prepare the bucket of @port so that kernel TCP admits the taker: set fastreuseport of the bucket
 * as if the taker's SO_REUSEPORT group had the port. If another bind() comes first, it changes
 * fastreuseport again, and shut_door() notices this. It is set only under two conditions:
 *
 *  - All socks on the port got it from connect(). Each of kernel TCP's needs only its own 4-tuple,
 *    so the taker may share the port.
 *  - If the lease is bound to a device, no sock of kernel TCP on the port is bound to another
 *    device. A lease that is bound to no device may share the port with socks that are bound to
 *    devices: xtcp_taker_meets() later compares their 4-tuples with those of our connections.
 *
 * Return: 0; @beside of the lease says whether there is a bucket. -EADDRINUSE when there is one and
 * a condition does not hold: then connect() leaves the port, as kernel TCP's does.
 */
static int invite(struct sock *taker, struct xtcp_lease *lease, u16 port)
{
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(taker, port);
	struct inet_bind_bucket *tb;
	int err = 0;

	spin_lock_bh(&head->lock);
	tb = find_bucket(head, taker, port);
	lease->beside = tb;
	lease->devices = tb && xtcp_compat_bind_bucket_has(tb, is_of_another_device, taker);
	if (tb && (!is_connects_alone(tb) || is_shut_by_another(tb, taker) ||
		   (lease->devices && taker->sk_bound_dev_if))) {
		err = -EADDRINUSE;
	} else if (tb) {
		tb->fastreuseport = FASTREUSEPORT_ANY;
		tb->fastuid = taker->sk_uid;
	}
	spin_unlock_bh(&head->lock);
	return err;
}

/*
 * Reset fastreuseport after invite(): kernel TCP did not admit the taker, because there was no
 * memory or another sock came first.
 */
static void disinvite(const struct sock *taker, u16 port)
{
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(taker, port);
	struct inet_bind_bucket *tb;

	spin_lock_bh(&head->lock);
	tb = find_bucket(head, taker, port);
	if (tb && tb->fastreuseport == FASTREUSEPORT_ANY && uid_eq(tb->fastuid, taker->sk_uid))
		tb->fastreuseport = -1;
	spin_unlock_bh(&head->lock);
}

/*
 * Make kernel TCP's connect() skip the port from now on. Return: true if no other sock has come
 * since invite(): fastreuseport is as invite() has set it, or the taker is alone. If not, the taker
 * must not stay on the port.
 */
static bool shut_door(struct sock *taker, bool invited)
{
	struct inet_bind_bucket *tb = inet_csk(taker)->icsk_bind_hash;
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(taker, inet_sk(taker)->inet_num);
	bool shut;

	spin_lock_bh(&head->lock);
	shut = invited ? tb->fastreuseport == FASTREUSEPORT_ANY : !xtcp_compat_bind_bucket_has(tb, is_another, taker);
	if (shut) {
		tb->fastreuseport = -1;
		tb->fastuid = taker->sk_uid;
	}
	spin_unlock_bh(&head->lock);
	return shut;
}

/* Bind the taker to a port that nobody uses, or that only connections and TIME-WAIT socks use. */
static int get_port(struct sock *taker, struct xtcp_lease *lease, u16 port)
{
	struct sock_reuseport *group = rcu_dereference_protected(taker->sk_reuseport_cb, true);
	int err = invite(taker, lease, port);

	if (err)
		return err;
	if (lease->beside) {
		taker->sk_reuseport = true;
		RCU_INIT_POINTER(taker->sk_reuseport_cb, NULL);
	}
	err = inet_csk_get_port(taker, port);
	taker->sk_reuseport = false;
	RCU_INIT_POINTER(taker->sk_reuseport_cb, group);
	if (err) {
		if (lease->beside)
			disinvite(taker, port);
		return err;
	}
	if (shut_door(taker, lease->beside))
		return 0;
	xtcp_compat_put_port(taker);
	return -EADDRINUSE;
}

/*
 * A lease leaves the table. If it is the last in its bucket, and no bind() has come since
 * shut_door(), kernel TCP's connect() may use the port again: all socks that are left on the port
 * got it from connect().
 */
static void open_door(const struct xtcp_lease *lease)
{
	struct inet_bind_bucket *tb = lease->tw.tw_tb;

	if (is_connects_alone(tb) && xtcp_portlist_is_last(lease))
		tb->fastreuse = -1;
}

/*
 * Replace @from by @to in kernel TCP's table. One of the two is a shared lease, the other is the
 * taker. The locks of both hash chains are held, so the port is never free in between.
 */
static void change_places(struct sock *from, struct sock *to, struct xtcp_lease *lease)
{
	struct inet_timewait_sock *tw = &lease->tw;
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(from, tw->tw_num);
	struct inet_bind_hashbucket *same = inet_bhashfn_portaddr(xtcp_sharing_table(from), from, sock_net(from),
								  tw->tw_num);

	spin_lock(&head->lock);
	spin_lock(&same->lock);
	xtcp_compat_bind_move(from, to, tw);
	if (from == xtcp_lease_sk(lease))
		open_door(lease);
	spin_unlock(&same->lock);
	spin_unlock(&head->lock);
}

/* Bind the port with the taker, and then replace the taker by the lease in the table. */
static int get_place_for(struct sock *taker, struct xtcp_lease *lease, u16 port)
{
	struct inet_connection_sock *icsk = inet_csk(taker);
	struct inet_timewait_sock *tw = &lease->tw;
	int err;

	tw->__tw_common = taker->__sk_common;
	tw->tw_state = TCP_TIME_WAIT;
	tw->tw_num = port;
	err = get_port(taker, lease, port);
	if (err)
		return err;
	swap(tw->tw_tb, icsk->icsk_bind_hash);
	swap(tw->tw_tb2, icsk->icsk_bind2_hash);
	change_places(taker, xtcp_lease_sk(lease), lease);
	return 0;
}

/* As kernel TCP's connect() sets the fields. @addr: as in a struct xtcp_tuple. */
static void place_taker(struct sock *taker, const struct in6_addr *addr, int dev)
{
	taker->sk_bound_dev_if = dev;
	taker->sk_family = AF_INET;
	taker->sk_rcv_saddr = addr->s6_addr32[3];
	if (ipv6_addr_v4mapped(addr))
		return;
	taker->sk_family = AF_INET6;
	taker->sk_rcv_saddr = LOOPBACK4_IPV6;
	taker->sk_v6_rcv_saddr = *addr;
}

/**
 * xtcp_taker_take() - bind the port of a shared lease in kernel TCP's table, if no sock in that
 *	table conflicts
 * @lease: not in kernel TCP's table yet
 * @port: host order, not 0
 * @addr: the local address, as in a struct xtcp_tuple
 * @dev: the interface to which the lease is bound; 0: none
 *
 * The lease can share the port with others under two conditions. First, connect() chose the port
 * for all socks there. Second, if the lease is bound to a device, no sock of kernel TCP there is
 * bound to another device. @beside of the lease is then set.
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int xtcp_taker_take(struct xtcp_lease *lease, u16 port, const struct in6_addr *addr, int dev)
{
	struct taker *taker = raw_cpu_ptr(takers);
	int err;

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, port));
	spin_lock(&taker->lock);
	sock_net_set(&taker->inet.sk, lease->xn->net);
	place_taker(&taker->inet.sk, addr, dev);
	err = get_place_for(&taker->inet.sk, lease, port);
	spin_unlock(&taker->lock);
	return err;
}

/*
 * Take a shared lease out of kernel TCP's table.
 *
 * Context: softirq or process. Lock: of the port, held.
 */
static void xtcp_taker_leave(struct xtcp_lease *lease)
{
	struct taker *taker = raw_cpu_ptr(takers);
	struct sock *sk = &taker->inet.sk;

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->tw.tw_num));
	spin_lock(&taker->lock);
	sock_net_set(sk, lease->xn->net);
	inet_csk(sk)->icsk_bind_hash = lease->tw.tw_tb;
	inet_csk(sk)->icsk_bind2_hash = lease->tw.tw_tb2;
	sk->sk_bound_dev_if = lease->tw.tw_bound_dev_if;
	sk->sk_family = lease->tw.tw_family;
	sk->sk_rcv_saddr = lease->tw.tw_rcv_saddr;
	sk->sk_v6_rcv_saddr = lease->tw.tw_v6_rcv_saddr;
	inet_sk(sk)->inet_num = lease->tw.tw_num;
	change_places(xtcp_lease_sk(lease), sk, lease);
	xtcp_compat_put_port(sk);
	spin_unlock(&taker->lock);
}

static bool is_on_device_with(struct sock *other, void *arg)
{
	struct in6_addr laddr = IN6ADDR_ANY_INIT, faddr = IN6ADDR_ANY_INIT;
	const struct xtcp_tuple *tuple = arg;

	/* READ_ONCE(), because SO_BINDTODEVICE takes no lock of ours */
	if (!READ_ONCE(other->sk_bound_dev_if) || other->sk_dport != tuple->fport)
		return false;
	if (other->sk_family == AF_INET) {
		ipv6_addr_set_v4mapped(other->sk_rcv_saddr, &laddr);
		ipv6_addr_set_v4mapped(other->sk_daddr, &faddr);
	}
	if (other->sk_family == AF_INET6) {
		laddr = other->sk_v6_rcv_saddr;
		faddr = other->sk_v6_daddr;
	}
	return ipv6_addr_equal(&laddr, &tuple->laddr) && ipv6_addr_equal(&faddr, &tuple->faddr);
}

/**
 * xtcp_taker_meets() - does a sock of kernel TCP that is bound to a device have the 4-tuple?
 * @lease: in kernel TCP's table
 * @tuple: the 4-tuple that a sock of ours wants, on the port of @lease; our sock is bound to no
 *	device
 *
 * A segment that arrives by the device would match both that sock and ours.
 * xtcp_demux_kernel_holds() does not find a sock that is bound to a device. So this function walks
 * all socks on the port, but only if @devices of the lease is set.
 *
 * Context: process. Takes the lock of kernel TCP's chain.
 *
 * Return: true when there is such a sock.
 */
bool xtcp_taker_meets(struct xtcp_lease *lease, struct xtcp_tuple *tuple)
{
	struct inet_bind_hashbucket *head;
	bool found;

	if (!lease->devices)
		return false;
	head = xtcp_sharing_port_chain(xtcp_lease_sk(lease), lease->tw.tw_num);
	spin_lock_bh(&head->lock);
	found = xtcp_compat_bind_bucket_has(lease->tw.tw_tb, is_on_device_with, tuple);
	spin_unlock_bh(&head->lock);
	return found;
}

#define GROUP_TRIES	16	/* group_is_there() examines at most this many socks */

/*
 * Looks at a sock of the table during a walk. The sock may have no more than a struct
 * sock_common. Return: true ends the walk.
 */
typedef bool look_fn(struct sock *other, void *arg);

/**
 * struct bind_query - the argument of a walk over kernel TCP's bind table
 * @lease: the lease
 * @sk: the sock that binds the port
 * @tries: how many socks of that table may still be examined
 */
struct bind_query {
	struct xtcp_lease *lease;
	const struct sock *sk;
	int tries;
};

/* The local addresses at which a sock receives segments; 0 and :: mean any address. */
struct reach {
	bool v4;
	bool v6;
	__be32 v4_addr;
	struct in6_addr v6_addr;
};

static struct reach reach_of(const struct sock *sk)
{
	struct reach reach = { .v4 = true, .v4_addr = sk->sk_rcv_saddr };

	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		reach.v6 = true;
		reach.v6_addr = sk->sk_v6_rcv_saddr;
		reach.v4 = ipv6_addr_any(&reach.v6_addr) && !ipv6_only_sock(sk);
		reach.v4_addr = htonl(INADDR_ANY);
	}
	return reach;
}

/* A VRF has its own ports, and so its own buckets in kernel TCP's table; a bound sock stays in its bucket. */
static const struct inet_bind_bucket *bucket_with(const struct sock *sk)
{
	return sk->sk_state == TCP_TIME_WAIT ? inet_twsk(sk)->tw_tb : inet_csk(sk)->icsk_bind_hash;
}

/* Could one segment match both socks, which are in kernel TCP's table? */
static bool overlaps(const struct sock *a, const struct sock *b)
{
	const struct reach ra = reach_of(a), rb = reach_of(b);

	if (a->sk_bound_dev_if && b->sk_bound_dev_if && a->sk_bound_dev_if != b->sk_bound_dev_if)
		return false;
	if (bucket_with(a) != bucket_with(b))
		return false;
	if (ra.v4 && rb.v4 && (!ra.v4_addr || !rb.v4_addr || ra.v4_addr == rb.v4_addr))
		return true;
	return ra.v6 && rb.v6 && (ipv6_addr_any(&ra.v6_addr) || ipv6_addr_any(&rb.v6_addr) ||
				  ipv6_addr_equal(&ra.v6_addr, &rb.v6_addr));
}

/*
 * The owner of the lease of a bind(), while its present options count: it is the only user of the
 * lease. If children or records also use the lease, the options that are stored in the lease
 * decide, and the function returns NULL.
 */
static const struct sock *owner_alone(const struct xtcp_lease *lease)
{
	return !lease->shared && refcount_read(&lease->users) == 1 ? lease->owner : NULL;
}

/* Do the present options of the owner of @lease admit @sk? */
static bool owner_admits(const struct xtcp_lease *lease, const struct sock *sk, bool listens)
{
	const struct sock *owner = owner_alone(lease);

	if (!owner)
		return false;
	/*
	 * data_race(): we do not have the owner's socket lock. If its program changes the options
	 * at this moment, we see them as before or as after the change
	 */
	if (!listens && data_race(sk->sk_reuse && owner->sk_reuse))
		return true;
	if (!xtcp_group_may_share(sk))
		return false;
	/* data_race(): as above */
	return data_race(owner->sk_reuseport && uid_eq(sk->sk_uid, owner->sk_uid));
}

/*
 * May @sk share the port with @lease, if their addresses overlap? @begins: @sk calls listen(). Then
 * an owner that has cleared SO_REUSEADDR refuses @sk, as in Linux.
 */
static bool lease_admits(struct xtcp_lease *lease, const struct sock *sk, bool begins)
{
	const bool listens = xtcp_lease_sk(lease)->sk_state == TCP_LISTEN;
	const struct sock *owner = owner_alone(lease);

	/* a lease without users is about to be freed, so it does not conflict */
	if (!refcount_read(&lease->users))
		return true;
	/* data_race(): see owner_admits() */
	if (sk->sk_reuse && lease->reuse && !listens && !(begins && owner && data_race(!owner->sk_reuse)))
		return true;
	/* if only TIME-WAIT records refer to the lease, @sk may belong to any user */
	if (xtcp_group_may_share(sk) && lease->reuseport &&
	    (!atomic_read(&lease->socks) || uid_eq(lease->uid, sk->sk_uid)))
		return true;
	if (!owner_admits(lease, sk, listens))
		return false;
	/*
	 * @sk may have other options than @lease, so @lease can no longer speak for all socks on
	 * the port: lease_vouches() is false from now on
	 */
	lease->admits_others = true;
	return true;
}

/*
 * Does @lease alone prove that @sk may bind to the same address, port and device? Then no other
 * sock has to be compared. If @sk belongs to the SO_REUSEPORT group of @lease, the answer is
 * usually yes: all socks that overlap with @lease have admitted @lease, so they also admit @sk.
 *
 * The answer is no if the port may have a sock outside the group, which might refuse @sk. There are
 * three such cases:
 *
 *  - Only TIME-WAIT records refer to @lease.
 *  - @admits_others is set (lease_admits()).
 *  - @lease has SO_REUSEADDR, and either @sk lacks SO_REUSEADDR or @lease does not listen. Since
 *    @lease has SO_REUSEADDR, an outsider may share the port. An outsider is a sock that is not in
 *    the group, and that has SO_REUSEADDR, too. An outsider refuses @sk if @sk lacks SO_REUSEADDR,
 *    or if the outsider listens. While @lease listens, no outsider can listen.
 */
static bool lease_vouches(struct xtcp_lease *lease, const struct sock *sk)
{
	return atomic_read(&lease->socks) && !lease->admits_others && xtcp_group_may_share(sk) && lease->reuseport &&
	       uid_eq(lease->uid, sk->sk_uid) &&
	       (!lease->reuse || (sk->sk_reuse && xtcp_lease_sk(lease)->sk_state == TCP_LISTEN));
}

/*
 * Does @other have the same address and device as the lease of the query, and is lease_vouches()
 * true for @other? If no tries are left, returns true to end the walk; @tries is below 0 then.
 */
static bool is_of_group(struct sock *other, void *arg)
{
	struct bind_query *query = arg;
	struct sock *mine = xtcp_lease_sk(query->lease);

	if (--query->tries < 0)
		return true;
	return other != mine && other->sk_prot == mine->sk_prot && xtcp_group_same_place(other, mine) &&
	       lease_vouches(container_of(other, struct xtcp_lease, inet.sk), query->sk);
}

/*
 * Kernel TCP has admitted the lease of a bind(). Does the lease conflict with the sock @other? Only
 * two kinds of socks have to be compared here: other leases of bind(), and TIME-WAIT socks of
 * kernel TCP that have sk_reuseport. Kernel TCP always lets a lease share a port with both kinds,
 * because all leases of bind() have sk_reuseport, and one uid that is no user's (lease.c). For all
 * other socks, the answer of kernel TCP holds.
 */
static bool is_in_the_way(struct sock *other, void *arg)
{
	const struct bind_query *query = arg;
	struct sock *mine = xtcp_lease_sk(query->lease);

	if (other == mine || !other->sk_reuseport || !overlaps(other, mine))
		return false;
	if (other->sk_state == TCP_TIME_WAIT)
		return !xtcp_group_may_share(query->sk) && !(other->sk_reuse && mine->sk_reuse);
	return other->sk_prot == mine->sk_prot &&
	       !lease_admits(container_of(other, struct xtcp_lease, inet.sk), query->sk, mine->sk_state == TCP_LISTEN);
}

/*
 * Walk the socks on @port in one chain of bhash2, kernel TCP's table by port and address. Several
 * addresses may share a chain. Return: true when @look() has ended the walk.
 */
static bool on_chain(struct inet_bind_hashbucket *chain, const struct sock *sk, u16 port,
		     look_fn *look, void *arg)
{
	struct inet_bind2_bucket *tb2;
	bool found = false;

	spin_lock(&chain->lock);
	inet_bind_bucket_for_each(tb2, &chain->chain) {
		found = tb2->port == port && net_eq(ib2_net(tb2), sock_net(sk)) &&
			xtcp_compat_bind2_bucket_has(tb2, look, arg);
		if (found)
			break;
	}
	spin_unlock(&chain->lock);
	return found;
}

/*
 * Is there a member of the group that alone proves that @sk may bind (lease_vouches())? Then @sk
 * need not be compared with the other socks on the port, which takes longer with each new member.
 * If the search misses such a member, only time is lost: the other socks are compared.
 */
static bool group_is_there(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct bind_query query = { .lease = lease, .sk = sk, .tries = GROUP_TRIES };
	struct sock *mine = xtcp_lease_sk(lease);
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(mine, port);
	bool found;

	if (!xtcp_group_may_share(sk))
		return false;
	spin_lock_bh(&head->lock);
	found = on_chain(inet_bhashfn_portaddr(xtcp_sharing_table(mine), mine, sock_net(mine), port), mine, port,
			 is_of_group, &query);
	spin_unlock_bh(&head->lock);
	return found && query.tries >= 0;
}

/*
 * @lease is in kernel TCP's table now. Does another sock conflict with it? If all socks on the
 * port have SO_REUSEADDR and none listens (fastreuse), there is no conflict, so nothing is
 * compared, as in kernel TCP.
 */
static bool meets_somebody(struct xtcp_lease *lease, const struct sock *sk)
{
	struct bind_query query = { .lease = lease, .sk = sk };
	struct sock *mine = xtcp_lease_sk(lease);
	const u16 port = lease->inet.inet_num;
	struct inet_bind_bucket *tb = inet_csk(mine)->icsk_bind_hash;
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(mine, port);
	struct inet_bind_hashbucket *wild = xtcp_sharing_wildcard_chain(mine, port), *same;
	bool found;

	same = inet_bhashfn_portaddr(xtcp_sharing_table(mine), mine, sock_net(mine), port);
	spin_lock_bh(&head->lock);
	if (tb->fastreuse > 0)
		found = false;
	else if (same == wild)
		found = xtcp_compat_bind_bucket_has(tb, is_in_the_way, &query);
	else
		found = on_chain(same, mine, port, is_in_the_way, &query) ||
			on_chain(wild, mine, port, is_in_the_way, &query);
	spin_unlock_bh(&head->lock);
	return found;
}

/**
 * xtcp_sharing_bind() - bind the port of a lease in kernel TCP's table, if no sock in that table
 *	conflicts
 * @lease: not in kernel TCP's table yet
 * @sk: the sock that binds the port
 * @port: host order, not 0
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int xtcp_sharing_bind(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct sock *mine = xtcp_lease_sk(lease);
	int err;

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, port));
	if (group_is_there(lease, sk, port)) {
		mine->sk_reuse = SK_FORCE_REUSE;
		err = inet_csk_get_port(mine, port);
		mine->sk_reuse = lease->reuse;
		return err;
	}
	err = inet_csk_get_port(mine, port);
	if (!err && meets_somebody(lease, sk)) {
		xtcp_sharing_leave(lease);
		err = -EADDRINUSE;
	}
	return err;
}

/**
 * xtcp_sharing_move() - bind a lease to another device
 * @lease: in kernel TCP's table
 * @sk: the owner of @lease, bound to a device of the same VRF as @dev, or to none
 * @dev: the interface; 0: none
 *
 * As in Linux, nobody is asked. So @lease may now overlap with socks to which it has not been
 * compared, and no longer speaks for all of them (lease_vouches()).
 *
 * A VRF has its own ports. If the device of @sk is not in the VRF in which the lease was bound,
 * kernel TCP would look for the lease in a wrong bucket. Such a lease stays where it is, and must
 * not ask for its port again.
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: false when the device of @sk is in another VRF.
 */
bool xtcp_sharing_move(struct xtcp_lease *lease, const struct sock *sk, int dev)
{
	struct sock *mine = xtcp_lease_sk(lease);

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (inet_csk(mine)->icsk_bind_hash->l3mdev != inet_sk_bound_l3mdev(sk))
		return false;
	if (mine->sk_bound_dev_if != dev) {
		WRITE_ONCE(mine->sk_bound_dev_if, dev);
		lease->admits_others = true;
	}
	return true;
}

/**
 * xtcp_sharing_listen() - set the state of a lease in kernel TCP's table to LISTEN, if no other
 *	sock conflicts
 * @lease: in kernel TCP's table
 * @sk: the owner of @lease
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: 0, or -EADDRINUSE; the lease has only the device and SO_REUSEADDR of @sk then.
 */
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mine = xtcp_lease_sk(lease);

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (!xtcp_sharing_move(lease, sk, sk->sk_bound_dev_if))
		return -EADDRINUSE;
	/*
	 * xtcp_lease_make_exclusive() may have cleared SO_REUSEADDR of the lease, to protect the
	 * connection of another sock with this lease, such as a child. So the option is not set
	 * again while other socks have the lease
	 */
	mine->sk_reuse = sk->sk_reuse && (atomic_read(&lease->socks) == 1 || mine->sk_reuse);
	WRITE_ONCE(mine->sk_state, TCP_LISTEN);
	if (group_is_there(lease, sk, lease->inet.inet_num) ||
	    (!inet_csk_get_port(mine, lease->inet.inet_num) && !meets_somebody(lease, sk)))
		return 0;
	WRITE_ONCE(mine->sk_state, TCP_ESTABLISHED);
	return -EADDRINUSE;
}

/**
 * xtcp_sharing_leave() - take a lease out of kernel TCP's table
 * @lease: in kernel TCP's table
 *
 * Context: softirq or process. Lock: of the port, held.
 */
void xtcp_sharing_leave(struct xtcp_lease *lease)
{
	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (lease->shared)
		xtcp_taker_leave(lease);
	else
		xtcp_compat_put_port(xtcp_lease_sk(lease));
}
