// SPDX-License-Identifier: GPL-2.0
/*
 * A lease: what stands in kernel TCP's bind table for a port of ours.
 *
 * It is a sock that does nothing but stand there, put in by inet_csk_get_port(), so that bind() on either stack meets
 * what the other one has, by kernel TCP's own rules. README.md lists which of its fields are looked at, by whom.
 *
 * There are two sorts. Each bind() makes a lease of its own. These have sk_reuseport, and an owner that no process can
 * be: so kernel TCP takes them for a group of one user, lets each stand beside each, and no sock of its own beside any
 * that it would not let in without SO_REUSEPORT. Who of ours may stand beside whom sharing.c decides. A shared lease is
 * made by connect() without bind(), is a wildcard for both families, carries any number of 4-tuples, and has no
 * sk_reuseport: nothing gets past it. It looks like TIME-WAIT, which is small, and has its place from a full sock.
 *
 * Who holds a lease: each full sock on the port (the one that bound it, the children of a listener) and each TIME-WAIT
 * record.
 *
 * Bind buckets belong to all namespaces: a lease that outlives its namespace or the module would be a dangling pointer
 * in kernel TCP. Hence the list by port, from which the end of a namespace returns what is left.
 */
#include "ports/lease.h"

#include <linux/ipv6.h>
#include <linux/slab.h>
#include <net/inet_hashtables.h>
#include <net/sock.h>
#include <net/sock_reuseport.h>
#include <net/tcp_states.h>

#include "base/netns.h"
#include "compat.h"
#include "ports/portlist.h"
#include "ports/sharing.h"
#include "ports/taker.h"
#include "pure/wire.h"

#ifndef CONFIG_MULTIUSER
#error "xtcp needs CONFIG_MULTIUSER: without it all users are equal, and a lease would be of each group"
#endif

static struct kmem_cache *caches[2];	/* by whether the lease is shared */

/* kernel TCP looks whether it has a bind table of its own */
static struct proto lease_prot = { .name = KBUILD_MODNAME "_lease" };

/* The file behind each lease: its owner is nobody's uid, and no process can be it; see xtcp_lease_set_user(). */
static struct socket_alloc nobody = { .vfs_inode.i_uid = KUIDT_INIT(-1) };

/*
 * A group that a sock of it has left: who has one is not taken for like what bound last, and is compared with each that
 * is there. Without it a lease that asks again is like itself.
 */
static struct sock_reuseport left_group = { .num_closed_socks = 1 };

/**
 * xtcp_lease_init_sock() - what kernel TCP's table looks at in whatever stands there for us, but namespace and place
 * @sk: no more of it than that; zeroed
 *
 * Context: process.
 */
void xtcp_lease_init_sock(struct sock *sk)
{
	sk->sk_prot = &lease_prot;
	sk->sk_protocol = XTCP_SK_PROTOCOL;
	sk->sk_state = TCP_ESTABLISHED;
	sk->sk_uid = nobody.vfs_inode.i_uid;
	sk->sk_socket = &nobody.socket;
	rwlock_init(&sk->sk_callback_lock);
	RCU_INIT_POINTER(sk->sk_reuseport_cb, &left_group);
}

/* Without a port. */
static struct xtcp_lease *lease_new(struct xtcp_net *xn, bool shared)
{
	struct xtcp_lease *lease = kmem_cache_zalloc(caches[shared], GFP_KERNEL_ACCOUNT);
	struct sock *sk;

	if (!lease)
		return NULL;
	lease->xn = xn;
	lease->shared = shared;
	refcount_set(&lease->users, 1);
	atomic_set(&lease->socks, 1);
	if (shared)
		return lease;
	sk = xtcp_lease_sk(lease);
	sock_net_set(sk, xn->net);
	xtcp_lease_init_sock(sk);
	return lease;
}

/* The options that count from here on: those of @sk at this moment. */
static void note_options(struct xtcp_lease *lease, const struct sock *sk)
{
	lease->reuse = sk->sk_reuse;
	lease->reuseport = sk->sk_reuseport;
	lease->uid = sk->sk_uid;
}

static void set_place(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mine = xtcp_lease_sk(lease);

	mine->sk_family = sk->sk_family;
	mine->sk_bound_dev_if = sk->sk_bound_dev_if;
	mine->sk_rcv_saddr = sk->sk_rcv_saddr;
	inet_sk(mine)->local_port_range = inet_sk(sk)->local_port_range;
	mine->sk_ipv6only = sk->sk_ipv6only;
#if IS_ENABLED(CONFIG_IPV6)
	mine->sk_v6_rcv_saddr = sk->sk_v6_rcv_saddr;
#endif
}

/* On the list of @port, if it gets a place there; 0: of the port where it has one. */
static int get_place(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	spinlock_t *lock = xtcp_portlist_lock(lease->xn, port ?: lease->inet.inet_num);
	int err = 0;

	spin_lock_bh(lock);
	xtcp_lease_sk(lease)->sk_reuseport = true;
	if (port)
		err = xtcp_sharing_bind(lease, sk, port);
	if (!err)
		err = xtcp_portlist_add(lease);
	spin_unlock_bh(lock);
	return err;
}

/**
 * xtcp_lease_get() - bind a port
 * @sk: has the address, device, v6only, SO_REUSEADDR and SO_REUSEPORT that count
 * @port: host order; 0: kernel TCP chooses, as for its own bind()
 * @lease: what was got; put by xtcp_lease_put()
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, -EADDRINUSE by the rules of kernel TCP, -ENOMEM or -ENOBUFS.
 */
int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_lease *new = lease_new(xn, false);
	struct sock *mine = xtcp_lease_sk(new);
	int err = 0;

	sock_owned_by_me(sk);
	if (!new)
		return -ENOBUFS;
	set_place(new, sk);
	note_options(new, sk);
	mine->sk_reuse = new->reuse;
	new->owner = sk;
	/*
	 * Kernel TCP may reschedule while it chooses. It sees what of ours is in the way, by SO_REUSEADDR alone
	 * (ip_autobind_reuse). A bind of ours that asks for this very port before the lock is taken is refused.
	 */
	if (!port)
		err = inet_csk_get_port(mine, 0);
	if (!err)
		err = get_place(new, sk, port);
	if (err)
		kmem_cache_free(caches[new->shared], new);
	else
		*lease = new;
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
 * Return: the lease, put by xtcp_lease_put(); or ERR_PTR: -EADDRINUSE when somebody has bound the port, -ENOMEM,
 * -ENOBUFS.
 */
struct xtcp_lease *xtcp_lease_get_shared(struct xtcp_net *xn, u16 port, int bound_dev_if)
{
	spinlock_t *lock = xtcp_portlist_lock(xn, port);
	struct xtcp_lease *lease, *new;
	int err;

	if (test_bit(port, xn->port_bits)) {
		spin_lock_bh(lock);
		lease = xtcp_portlist_find_shared(xn, port, bound_dev_if);
		spin_unlock_bh(lock);
		if (lease)
			return lease;
	}
	new = lease_new(xn, true);
	if (!new)
		return ERR_PTR(-ENOBUFS);
	spin_lock_bh(lock);
	lease = xtcp_portlist_find_shared(xn, port, bound_dev_if);
	if (!lease) {
		err = xtcp_taker_take(new, port, bound_dev_if) ?: xtcp_portlist_add(new);
		lease = err ? ERR_PTR(err) : new;
	}
	spin_unlock_bh(lock);
	if (lease != new)
		kmem_cache_free(caches[new->shared], new);
	return lease;
}

/* Of one that has a place. */
static spinlock_t *lock_of_lease(const struct xtcp_lease *lease)
{
	return xtcp_portlist_lock(lease->xn, lease->inet.inet_num);
}

/**
 * xtcp_lease_listen() - listen() on a leased port
 * @lease: the lease
 * @sk: its owner
 *
 * Who is there is asked a second time, as kernel TCP does for its own listen(): binds that may stand beside each other
 * may not all listen.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0 or -EADDRINUSE.
 */
int xtcp_lease_listen(struct xtcp_lease *lease, const struct sock *sk)
{
	spinlock_t *lock = lock_of_lease(lease);
	int err;

	sock_owned_by_me(sk);
	spin_lock_bh(lock);
	err = xtcp_sharing_listen(lease, sk);
	if (!err)
		note_options(lease, sk);
	spin_unlock_bh(lock);
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
	spinlock_t *lock = lock_of_lease(lease);

	spin_lock_bh(lock);
	WRITE_ONCE(xtcp_lease_sk(lease)->sk_state, TCP_ESTABLISHED);
	spin_unlock_bh(lock);
}

/**
 * xtcp_lease_make_exclusive() - no sock of kernel TCP may be on the port while ours is connected
 * @lease: the lease of a sock that calls connect()
 *
 * Two binds with SO_REUSEADDR may stand beside each other, one of each stack; if both connected, both could have the
 * same 4-tuple. So ours drops SO_REUSEADDR and asks again. It comes back when the last full sock has gone. TIME-WAIT of
 * kernel TCP with SO_REUSEPORT is let pass here: the caller asks for its 4-tuple.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0, or -EADDRNOTAVAIL when a sock of kernel TCP is there.
 */
int xtcp_lease_make_exclusive(struct xtcp_lease *lease)
{
	struct sock *mine = xtcp_lease_sk(lease);
	spinlock_t *lock = lock_of_lease(lease);
	const u8 old_reuse = mine->sk_reuse;
	int err = 0;

	spin_lock_bh(lock);
	if (old_reuse) {
		mine->sk_reuse = SK_NO_REUSE;
		if (xtcp_sharing_has_moved(mine) || inet_csk_get_port(mine, lease->inet.inet_num)) {
			mine->sk_reuse = old_reuse;
			err = -EADDRNOTAVAIL;
		}
	}
	spin_unlock_bh(lock);
	return err;
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
	atomic_inc(&lease->socks);
	return lease;
}

/* The last user has gone. No part of what each user does. BH are disabled. */
static noinline void lease_end(struct xtcp_lease *lease)
{
	if (lease->xn) {
		spinlock_t *lock = lock_of_lease(lease);

		spin_lock(lock);
		xtcp_portlist_remove(lease);
		xtcp_sharing_leave(lease);
		spin_unlock(lock);
	}
	kmem_cache_free(caches[lease->shared], lease);
}

/**
 * xtcp_lease_put() - a full sock leaves the port
 * @lease: from xtcp_lease_get(), xtcp_lease_get_shared() or xtcp_lease_hold()
 * @sk: the sock
 *
 * Context: softirq or process.
 */
void xtcp_lease_put(struct xtcp_lease *lease, const struct sock *sk)
{
	local_bh_disable();
	/* the owner and the last one change what others may look at, a child does not */
	if (lease->xn && !lease->shared &&
	    (READ_ONCE(lease->owner) == sk || !atomic_add_unless(&lease->socks, -1, 1))) {
		spinlock_t *lock = lock_of_lease(lease);

		spin_lock(lock);
		if (lease->owner == sk)
			WRITE_ONCE(lease->owner, NULL);
		if (atomic_dec_and_test(&lease->socks))
			xtcp_lease_sk(lease)->sk_reuse = lease->reuse;
		spin_unlock(lock);
	}
	xtcp_lease_put_users(lease, 1);
	local_bh_enable();
}

/**
 * xtcp_lease_put_users() - records, or the like, leave the port
 * @lease: held by xtcp_lease_hold_timewait(), as often
 * @n: how many, not 0
 *
 * Context: softirq or process, BH disabled.
 */
inline void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n)
{
	if (refcount_sub_and_test(n, &lease->users))
		lease_end(lease);
}

/**
 * xtcp_lease_set_user() - choose the user that leases have in kernel TCP's table
 * @family: our address family, which no other build of this module has while both are loaded
 *
 * No process can be INVALID_UID. Leases of two builds must not be of one user, or they would stand beside each other: a
 * build of another name has one of the last users that there are, which no system gives to anybody.
 *
 * Context: process, module init; there are no leases yet.
 */
void xtcp_lease_set_user(int family)
{
	if (strcmp(KBUILD_MODNAME, "xtcp"))
		nobody.vfs_inode.i_uid = KUIDT_INIT(-2 - family);
}

/**
 * xtcp_lease_init() - make the slabs of leases, and what takes places for shared ones
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_lease_init(void)
{
	caches[false] = xtcp_compat_slab(KBUILD_MODNAME "_lease", sizeof(struct xtcp_lease), 0);
	caches[true] = xtcp_compat_slab(KBUILD_MODNAME "_lease_shared", XTCP_LEASE_SHARED_SIZE, 0);
	if (caches[false] && caches[true] && !xtcp_taker_init())
		return 0;
	xtcp_lease_exit();
	return -ENOMEM;
}

/**
 * xtcp_lease_exit() - destroy them
 *
 * Context: process, module exit; no namespace has a lease.
 */
void xtcp_lease_exit(void)
{
	xtcp_taker_exit();
	kmem_cache_destroy(caches[false]);
	kmem_cache_destroy(caches[true]);
}
