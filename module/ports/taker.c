// SPDX-License-Identifier: GPL-2.0
/*
 * How a shared lease (lease.c) enters kernel TCP's bind table, and leaves it.
 *
 * A shared lease is a TIME-WAIT sock in the table, but inet_csk_get_port() and inet_put_port() need
 * a full sock. The taker is this full sock. It binds the port, and the lease replaces it in the
 * table. When the lease ends, the taker replaces the lease, and then unbinds the port (README.md).
 * If all socks of kernel TCP on the port got it from connect(), without bind(), the taker can share
 * the port with them. Each processor has one taker, for all namespaces.
 */
#include "ports/taker.h"

#include <linux/ipv6.h>
#include <linux/percpu.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/l3mdev.h>
#include <net/tcp_states.h>
#include <net/transp_v6.h>

#include "base/net.h"
#include "base/tuple.h"
#include "compat.h"
#include "ports/lease.h"
#include "ports/portlist.h"
#include "ports/sharing.h"

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
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_addr_v4mapped(addr))
		return;
	taker->sk_family = AF_INET6;
	taker->sk_rcv_saddr = LOOPBACK4_IPV6;
	taker->sk_v6_rcv_saddr = *addr;
#endif
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

/**
 * xtcp_taker_leave() - take a shared lease out of kernel TCP's table
 * @lease: in kernel TCP's table
 *
 * Context: softirq or process. Lock: of the port, held.
 */
void xtcp_taker_leave(struct xtcp_lease *lease)
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
#if IS_ENABLED(CONFIG_IPV6)
	sk->sk_v6_rcv_saddr = lease->tw.tw_v6_rcv_saddr;
#endif
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
#if IS_ENABLED(CONFIG_IPV6)
	if (other->sk_family == AF_INET6) {
		laddr = other->sk_v6_rcv_saddr;
		faddr = other->sk_v6_daddr;
	}
#endif
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
