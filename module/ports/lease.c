// SPDX-License-Identifier: GPL-2.0
/*
 * A lease: the place that a port of ours takes in kernel TCP's bind table.
 *
 * It is a small sock that does nothing but stand there, put in by inet_csk_get_port(), so that bind() on either stack
 * meets what the other one has, by kernel TCP's own rules. It mirrors the addresses, device, v6only and SO_REUSEADDR of
 * the sock of ours that it was made for. It never stands there as TCP_CLOSE, because the kernel takes such an owner of
 * a bucket for a tcp_sock: TCP_LISTEN while a listener of ours is on it, TCP_ESTABLISHED otherwise. It never has
 * SO_REUSEPORT: without a struct socket it would count as root's and let any group of root's in.
 *
 * Who holds a lease: each full sock on the port (the one that bound it, the children of a listener) and each TIME-WAIT
 * record. There are two sorts. A private lease is made by bind(); binds alike share one when SO_REUSEADDR or
 * SO_REUSEPORT allows them to, and those that overlap may share a place (place.c). A shared lease is made by connect()
 * without bind(), is a wildcard for both families, and carries any number of 4-tuples.
 *
 * Bind buckets belong to all namespaces: a lease that outlives its namespace or the module would be a dangling pointer
 * in kernel TCP. Hence the list by port, from which the end of a namespace returns what is left.
 */
#include "ports/lease.h"

#include <linux/bitmap.h>
#include <linux/mutex.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/netns.h"
#include "ports/group.h"
#include "ports/place.h"
#include "ports/stock.h"

/**
 * xtcp_lease_new() - a lease without a place
 * @xn: the namespace
 *
 * Context: process, may sleep.
 *
 * Return: the lease with one user, freed by xtcp_lease_free() until it has a place; NULL without memory.
 */
struct xtcp_lease *xtcp_lease_new(struct xtcp_net *xn)
{
	struct xtcp_lease *lease = xtcp_stock_get(xn);

	if (!lease)
		return NULL;
	lease->next = NULL;
	lease->xn = xn;
	refcount_set(&lease->users, 1);
	lease->socks = 1;
	INIT_HLIST_HEAD(&lease->owners);
	lease->bound = 0;
	lease->cover = NULL;
	lease->covered = 0;
	lease->listeners = 0;
	xtcp_lease_sk(lease)->sk_state = TCP_ESTABLISHED;
	return lease;
}

/**
 * xtcp_lease_free() - end a lease that has no place
 * @lease: on no list
 *
 * Context: process.
 */
void xtcp_lease_free(struct xtcp_lease *lease)
{
	local_bh_disable();
	xtcp_stock_put(lease->xn, lease);
	local_bh_enable();
}

/**
 * xtcp_lease_mirror() - the addresses and options of a sock
 * @lease: from xtcp_lease_new()
 * @sk: the sock
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_lease_mirror(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mirror = xtcp_lease_sk(lease);

	lease->shared = false;
	lease->reuse = sk->sk_reuse;
	lease->reuseport = sk->sk_reuseport;
	lease->uid = sk->sk_uid;
	mirror->sk_reuse = sk->sk_reuse;
	mirror->sk_family = sk->sk_family;
	mirror->sk_bound_dev_if = sk->sk_bound_dev_if;
	mirror->sk_rcv_saddr = sk->sk_rcv_saddr;
	inet_sk(mirror)->inet_saddr = inet_sk(sk)->inet_saddr;
	inet_sk(mirror)->local_port_range = inet_sk(sk)->local_port_range;
	mirror->sk_ipv6only = sk->sk_ipv6only;
#if IS_ENABLED(CONFIG_IPV6)
	mirror->sk_v6_rcv_saddr = sk->sk_v6_rcv_saddr;
#endif
}

/* A wildcard for both families where there are two. */
static void lease_set_wildcard(struct xtcp_lease *lease, int bound_dev_if)
{
	struct sock *mirror = xtcp_lease_sk(lease);

	lease->shared = true;
	lease->reuse = SK_NO_REUSE;
	lease->reuseport = false;
	mirror->sk_reuse = SK_NO_REUSE;
	mirror->sk_family = AF_INET;
	mirror->sk_bound_dev_if = bound_dev_if;
	mirror->sk_rcv_saddr = htonl(INADDR_ANY);
	inet_sk(mirror)->inet_saddr = htonl(INADDR_ANY);
	mirror->sk_ipv6only = 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_mod_enabled())
		mirror->sk_family = AF_INET6;
	mirror->sk_v6_rcv_saddr = in6addr_any;
#endif
}

/**
 * xtcp_lease_enlist() - stand on the list
 * @lease: with a place in the table, or about to go under a cover
 * @port: host order
 *
 * Context: process. Lock: xtcp_place_mutex, held, unless @lease is shared.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_lease_enlist(struct xtcp_lease *lease, u16 port)
{
	struct xtcp_net *xn = lease->xn;
	int err;

	lease->port = port;
	inet_sk(xtcp_lease_sk(lease))->inet_sport = htons(port);
	spin_lock_bh(&xn->leases.lock);
	err = xtcp_leases_add(&xn->leases, lease);
	if (!err)
		set_bit(port, xn->port_bits);
	spin_unlock_bh(&xn->leases.lock);
	return err;
}

static void lease_delist(struct xtcp_lease *lease)
{
	struct xtcp_net *xn = lease->xn;

	spin_lock(&xn->leases.lock);
	if (xtcp_leases_remove(&xn->leases, lease))
		clear_bit(lease->port, xn->port_bits);
	spin_unlock(&xn->leases.lock);
}

/**
 * xtcp_lease_user_left() - a sock has gone, or a lease from under this cover
 * @lease: held
 *
 * Context: softirq or process. Lock: of the namespace's leases, held.
 */
void xtcp_lease_user_left(struct xtcp_lease *lease)
{
	lockdep_assert_held(&lease->xn->leases.lock);
	if (!--lease->socks)
		xtcp_lease_sk(lease)->sk_reuse = lease->reuse;
}

/*
 * The last user has gone: from the lease, and then perhaps from its cover. No part of what each user does. BH are
 * disabled.
 */
static noinline void lease_return(struct xtcp_lease *lease)
{
	struct xtcp_lease *cover;

	for (; lease; lease = cover) {
		cover = NULL;
		if (lease->xn) {
			lease_delist(lease);
			cover = xtcp_place_leave(lease);
		}
		xtcp_stock_put(lease->xn, lease);
		if (cover && !refcount_dec_and_test(&cover->users))
			break;
	}
}

/*
 * Binds alike share a lease when kernel TCP would let both in. Leases of their own would do for those with
 * SO_REUSEADDR, but then connect(), which has to make sure of kernel TCP's absence, would meet them.
 */
static struct xtcp_lease *find_alike(struct xtcp_net *xn, const struct sock *sk, u16 port)
{
	struct xtcp_lease *lease;

	if (!port || !(sk->sk_reuse || sk->sk_reuseport))
		return NULL;
	spin_lock_bh(&xn->leases.lock);
	for (lease = xtcp_leases_first(&xn->leases, port); lease; lease = lease->next) {
		if (lease->shared || !xtcp_group_same_place(xtcp_lease_sk(lease), sk))
			continue;
		if (!xtcp_place_admits(lease, sk, false))
			continue;
		if (!refcount_inc_not_zero(&lease->users))
			continue;
		lease->socks++;
		break;
	}
	spin_unlock_bh(&xn->leases.lock);
	return lease;
}

static void add_owner(struct xtcp_lease *lease, struct sock *sk)
{
	spin_lock_bh(&lease->xn->leases.lock);
	/* records are nobody's */
	if (lease->socks == 1)
		lease->uid = sk->sk_uid;
	sk_add_bind_node(sk, &lease->owners);
	lease->bound++;
	lease->reuse = lease->reuse && sk->sk_reuse;
	lease->reuseport = lease->reuseport && sk->sk_reuseport && uid_eq(lease->uid, sk->sk_uid);
	spin_unlock_bh(&lease->xn->leases.lock);
}

/**
 * xtcp_lease_get() - bind a port
 * @sk: has the address, device, v6only, SO_REUSEADDR and SO_REUSEPORT that count
 * @port: host order; 0: kernel TCP chooses, as for its own bind()
 * @lease: what was got; put by xtcp_lease_put()
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, -EADDRINUSE by the rules of kernel TCP, or -ENOBUFS.
 */
int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_lease *found;
	int err;

	sock_owned_by_me(sk);
	mutex_lock(&xtcp_place_mutex);
	found = find_alike(xn, sk, port);
	if (found) {
		/* kernel TCP may have begun to listen there */
		err = xtcp_place_share(found, sk);
		if (err)
			xtcp_lease_put(found, NULL);
	} else {
		found = xtcp_lease_new(xn);
		err = -ENOBUFS;
		if (found) {
			xtcp_lease_mirror(found, sk);
			err = xtcp_place_take(found, sk, port);
		}
	}
	if (!err)
		add_owner(found, sk);
	mutex_unlock(&xtcp_place_mutex);
	*lease = err ? NULL : found;
	return err;
}

/**
 * xtcp_lease_get_shared() - a port for a 4-tuple that is told from others by its foreign end
 * @xn: the namespace
 * @port: host order, not 0
 * @bound_dev_if: interface, 0: any
 *
 * Context: process, may sleep.
 *
 * Return: the lease, put by xtcp_lease_put(); or ERR_PTR: -EADDRINUSE when somebody has bound the port, -ENOBUFS.
 */
struct xtcp_lease *xtcp_lease_get_shared(struct xtcp_net *xn, u16 port, int bound_dev_if)
{
	struct xtcp_lease *lease;
	int err;

	spin_lock_bh(&xn->leases.lock);
	for (lease = xtcp_leases_first(&xn->leases, port); lease; lease = lease->next) {
		if (!lease->shared || xtcp_lease_sk(lease)->sk_bound_dev_if != bound_dev_if)
			continue;
		if (!refcount_inc_not_zero(&lease->users))
			continue;
		lease->socks++;
		break;
	}
	spin_unlock_bh(&xn->leases.lock);
	if (lease)
		return lease;

	lease = xtcp_lease_new(xn);
	if (!lease)
		return ERR_PTR(-ENOBUFS);
	lease_set_wildcard(lease, bound_dev_if);
	err = xtcp_place_take(lease, NULL, port);
	return err ? ERR_PTR(err) : lease;
}

static void add_listener(struct xtcp_lease *lease, const struct sock *sk)
{
	struct xtcp_lease *each;

	spin_lock_bh(&lease->xn->leases.lock);
	lease->reuse = sk->sk_reuse && (lease->bound == 1 || lease->reuse);
	lease->reuseport = sk->sk_reuseport &&
			   (lease->bound == 1 || (lease->reuseport && uid_eq(lease->uid, sk->sk_uid)));
	lease->uid = sk->sk_uid;
	for (each = lease; each; each = each->cover) {
		/* the last one has the place, where xtcp_place_listen() has counted */
		if (each->cover)
			each->listeners++;
		WRITE_ONCE(xtcp_lease_sk(each)->sk_state, TCP_LISTEN);
	}
	spin_unlock_bh(&lease->xn->leases.lock);
}

/**
 * xtcp_lease_listen() - listen() on a leased port
 * @lease: the lease
 * @sk: the sock that will listen
 *
 * Kernel TCP's table is asked a second time, as it does for its own listen(): binds that may stand beside each other
 * may not all listen.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0 or -EADDRINUSE.
 */
int xtcp_lease_listen(struct xtcp_lease *lease, const struct sock *sk)
{
	int err;

	sock_owned_by_me(sk);
	mutex_lock(&xtcp_place_mutex);
	err = xtcp_place_listen(lease, sk);
	if (!err)
		add_listener(lease, sk);
	mutex_unlock(&xtcp_place_mutex);
	return err;
}

/**
 * xtcp_lease_unlisten() - the listener is gone
 * @lease: the lease, which children may go on using
 *
 * Context: softirq or process.
 */
void xtcp_lease_unlisten(struct xtcp_lease *lease)
{
	struct xtcp_net *xn = lease->xn;

	spin_lock_bh(&xn->leases.lock);
	for (; lease; lease = lease->cover)
		if (!--lease->listeners)
			WRITE_ONCE(xtcp_lease_sk(lease)->sk_state, TCP_ESTABLISHED);
	spin_unlock_bh(&xn->leases.lock);
}

/**
 * xtcp_lease_make_exclusive() - no sock of kernel TCP may be on the port while ours is connected
 * @lease: the lease of a sock that calls connect()
 *
 * Context: process, may sleep.
 *
 * Return: 0, or -EADDRNOTAVAIL when a sock of kernel TCP is there.
 */
int xtcp_lease_make_exclusive(struct xtcp_lease *lease)
{
	int err;

	mutex_lock(&xtcp_place_mutex);
	err = xtcp_place_make_exclusive(lease);
	mutex_unlock(&xtcp_place_mutex);
	return err ? -EADDRNOTAVAIL : 0;
}

/**
 * xtcp_lease_port() - the port of a lease
 * @lease: the lease
 *
 * Context: any.
 *
 * Return: the port, host order.
 */
u16 xtcp_lease_port(const struct xtcp_lease *lease)
{
	return lease->port;
}

/**
 * xtcp_lease_hold() - one more full sock on the port
 * @lease: held by the caller or by what it has locked
 *
 * Context: softirq or process.
 *
 * Return: @lease.
 */
struct xtcp_lease *xtcp_lease_hold(struct xtcp_lease *lease)
{
	refcount_inc(&lease->users);
	spin_lock_bh(&lease->xn->leases.lock);
	lease->socks++;
	spin_unlock_bh(&lease->xn->leases.lock);
	return lease;
}

/**
 * xtcp_lease_put() - a full sock leaves the port
 * @lease: from xtcp_lease_get(), xtcp_lease_get_shared() or xtcp_lease_hold()
 * @sk: the sock; NULL: it did not bind
 *
 * Context: softirq or process.
 */
void xtcp_lease_put(struct xtcp_lease *lease, struct sock *sk)
{
	local_bh_disable();
	if (lease->xn) {
		spin_lock(&lease->xn->leases.lock);
		if (sk && !hlist_unhashed(&sk->sk_bind_node)) {
			hlist_del_init(&sk->sk_bind_node);
			lease->bound--;
		}
		xtcp_lease_user_left(lease);
		spin_unlock(&lease->xn->leases.lock);
	}
	xtcp_lease_put_users(lease, 1);
	local_bh_enable();
}

/**
 * xtcp_lease_release() - end of a hold by whoever looked at a lease
 * @lease: its users were one more for the time
 *
 * Context: process.
 */
void xtcp_lease_release(struct xtcp_lease *lease)
{
	local_bh_disable();
	xtcp_lease_put_users(lease, 1);
	local_bh_enable();
}

/**
 * xtcp_lease_hold_timewait() - one more record on the port
 * @lease: held by the caller
 *
 * Context: softirq or process.
 */
void xtcp_lease_hold_timewait(struct xtcp_lease *lease)
{
	refcount_inc(&lease->users);
}

/**
 * xtcp_lease_put_users() - records, or whoever looked at it, leave the port
 * @lease: held by xtcp_lease_hold_timewait() and the like, as often
 * @n: how many, not 0
 *
 * Context: softirq or process, BH disabled.
 */
inline void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n)
{
	if (refcount_sub_and_test(n, &lease->users))
		lease_return(lease);
}

/**
 * xtcp_lease_net_init() - prepare a namespace for leases
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_lease_net_init(struct xtcp_net *xn)
{
	unsigned long *bits = bitmap_zalloc(XTCP_PORTS, GFP_KERNEL);
	int err = -ENOMEM;

	if (!bits)
		return err;
	err = xtcp_leases_init(&xn->leases);
	if (err)
		goto err_bits;
	err = xtcp_stock_net_init(xn);
	if (err)
		goto err_leases;
	/* whoever sees it sees that it is empty; segments arrive already */
	smp_store_release(&xn->port_bits, bits);
	return 0;

err_leases:
	xtcp_leases_exit(&xn->leases);
err_bits:
	bitmap_free(bits);
	return err;
}

/**
 * xtcp_lease_net_exit() - return every lease of a namespace
 * @xn: the namespace; its socks and records are gone
 *
 * Context: process, namespace exit.
 */
void xtcp_lease_net_exit(struct xtcp_net *xn)
{
	struct xtcp_lease *lease, *next;
	unsigned int port;

	/* somebody forgot to put: a leak of memory is better than a dangling pointer in kernel TCP */
	WARN_ON_ONCE(!bitmap_empty(xn->port_bits, XTCP_PORTS));
	spin_lock_bh(&xn->leases.lock);
	for_each_set_bit(port, xn->port_bits, XTCP_PORTS) {
		for (lease = xtcp_leases_first(&xn->leases, port); lease; lease = next) {
			next = lease->next;
			if (!lease->cover)
				inet_put_port(xtcp_lease_sk(lease));
			lease->xn = NULL;
		}
	}
	spin_unlock_bh(&xn->leases.lock);
	xtcp_leases_exit(&xn->leases);
	xtcp_stock_net_exit(xn);
	bitmap_free(xn->port_bits);
	xn->port_bits = NULL;
}
