// SPDX-License-Identifier: GPL-2.0
/*
 * A lease reserves a port for xtcp in kernel TCP's bind table.
 *
 * A lease is a sock that does nothing but occupy the port. inet_csk_get_port() puts the lease into
 * the table, so that bind() on either stack respects the ports of the other stack, by the rules of
 * kernel TCP. README.md lists which code reads which field of a lease.
 *
 * There are two kinds of leases. The first is the lease of a bind(); each bind() makes its own.
 * Such leases have sk_reuseport and a user id that no process can have. So kernel TCP takes them
 * for a SO_REUSEPORT group of one user, and lets them all share a port; sharing.c decides which
 * leases may really share it. A sock of kernel TCP never has this user. So SO_REUSEPORT does not
 * let such a sock share the port with a lease, unless the sock is in TIME-WAIT: then kernel TCP
 * does not compare the users (sharing.c: is_in_the_way()).
 *
 * The second kind is the shared lease, which connect() without bind() makes. It is bound to the
 * local address of the connection and serves any number of 4-tuples. It has no sk_reuseport, so
 * nothing else can bind its port at this address. It is a TIME-WAIT sock, because such socks are
 * small. Only a full sock can be bound, so another sock, the taker, binds the port, and the lease
 * then replaces the taker in the table (sharing.c).
 *
 * Each full sock on the port has a reference to the lease: the sock that bound the port, the socks
 * whose connect() chose it, and the children of a listener. Each TIME-WAIT record has a reference,
 * too.
 *
 * All namespaces share the bind buckets. If a lease outlived its namespace or the module, kernel
 * TCP would have a dangling pointer. So this file lists the leases by port, and a namespace that
 * ends takes its remaining leases out of the table.
 *
 * The leases of a namespace, in one list per port, and the locks of ports.
 *
 * As in kernel TCP's bind table, neighbouring ports have different locks. connect() gives
 * neighbouring ports to the connections to one destination, so several processors often work on
 * neighbouring ports at the same time. A lease is compared only with leases of the same port, so no
 * caller needs two of these locks.
 *
 * connect() makes and frees leases often, so the lists are in two levels of arrays and not in a
 * tree. A block of lists exists only while one of its ports has a lease. One empty block is kept
 * for reuse, so a port that often gets and loses a lease does not need an allocation each time.
 */
#include "ports/ports.h"

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/ipv6.h>
#include <linux/slab.h>
#include <net/inet_hashtables.h>
#include <net/sock.h>
#include <net/sock_reuseport.h>
#include <net/tcp_states.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "base/wire.h"
#include "compat.h"
#include "listen/listen.h"

static_assert(XTCP_PORTLISTS * XTCP_PORTLIST_BLOCKS * XTCP_PORTLIST_BLOCK == XTCP_PORTS);
static_assert(XTCP_PORTLIST_BLOCK <= (u8)~0);

static unsigned int block_of(u16 port)
{
	return port / XTCP_PORTLISTS / XTCP_PORTLIST_BLOCK;
}

static struct hlist_head *port_list(const struct xtcp_portlist *lists, u16 port)
{
	struct hlist_head *block = lists->block[block_of(port)];

	lockdep_assert_held(&lists->lock);
	return block ? &block[port / XTCP_PORTLISTS % XTCP_PORTLIST_BLOCK] : NULL;
}

/* Make the lists of the block of @port. Return: false if there is no memory. */
static bool add_block(struct xtcp_net *xn, struct xtcp_portlist *lists, u16 port)
{
	struct hlist_head **spare = &xn->rest->spare_block;
	struct hlist_head *block = READ_ONCE(*spare) ? xchg(spare, NULL) : NULL;

	if (!block)
		block = kcalloc(XTCP_PORTLIST_BLOCK, sizeof(*block), GFP_ATOMIC | __GFP_ACCOUNT);
	lists->block[block_of(port)] = block;
	return block;
}

/*
 * Put a lease on the list of its port.
 * @lease: in kernel TCP's table; if there is no memory, this function removes it from that table
 *
 * Shared leases come before the others.
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: 0 or -ENOMEM.
 */
static int xtcp_portlist_add(struct xtcp_lease *lease)
{
	const u16 port = lease->inet.inet_num;
	struct xtcp_portlist *lists = xtcp_portlist_of(lease->xn, port);
	struct hlist_node *at, *before = NULL;
	struct hlist_head *list;

	lockdep_assert_held(&lists->lock);
	if (!port_list(lists, port) && !add_block(lease->xn, lists, port)) {
		xtcp_sharing_leave(lease);
		return -ENOMEM;
	}
	list = port_list(lists, port);
	if (hlist_empty(list)) {
		lists->used[block_of(port)]++;
		set_bit(port, lease->xn->port_bits);
	}
	hlist_for_each(at, list) {
		if (lease->shared || !hlist_entry(at, struct xtcp_lease, node)->shared)
			break;
		before = at;
	}
	if (before)
		hlist_add_behind(&lease->node, before);
	else
		hlist_add_head(&lease->node, list);
	return 0;
}

/*
 * Take a lease off the list of its port.
 *
 * Context: softirq or process. Lock: of the port, held.
 */
static void xtcp_portlist_remove(struct xtcp_lease *lease)
{
	const u16 port = lease->inet.inet_num, i = block_of(port);
	struct xtcp_portlist *lists = xtcp_portlist_of(lease->xn, port);

	lockdep_assert_held(&lists->lock);
	hlist_del(&lease->node);
	if (!hlist_empty(port_list(lists, port)))
		return;
	clear_bit(port, lease->xn->port_bits);
	if (--lists->used[i])
		return;
	kfree(xchg(&lease->xn->rest->spare_block, lists->block[i]));
	lists->block[i] = NULL;
}

/*
 * Find a shared lease and take a reference.
 * @dev: the interface to which the lease is bound; 0: none
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: the lease, with another reference, or NULL.
 */
static struct xtcp_lease *xtcp_portlist_find_shared(const struct xtcp_net *xn, u16 port, const struct in6_addr *addr,
						    int dev)
{
	struct hlist_head *list = port_list(xtcp_portlist_of(xn, port), port);
	struct xtcp_lease *lease;

	if (!list)
		return NULL;
	hlist_for_each_entry(lease, list, node) {
		if (!lease->shared)
			break;
		if (xtcp_lease_is_at(lease, addr, dev) && refcount_inc_not_zero(&lease->users))
			return lease;
	}
	return NULL;
}

/**
 * xtcp_portlist_is_last() - is no other shared lease in the same bucket of kernel TCP's table?
 * @lease: a shared lease in that table
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: true when there is none.
 */
bool xtcp_portlist_is_last(const struct xtcp_lease *lease)
{
	struct hlist_head *list = port_list(xtcp_portlist_of(lease->xn, lease->tw.tw_num), lease->tw.tw_num);
	const struct xtcp_lease *other;

	if (!list)
		return true;
	hlist_for_each_entry(other, list, node) {
		if (!other->shared)
			break;
		if (other != lease && other->tw.tw_tb == lease->tw.tw_tb)
			return false;
	}
	return true;
}

/**
 * xtcp_portlist_net_init() - prepare a namespace for leases
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_portlist_net_init(struct xtcp_net *xn)
{
	unsigned long *bits = bitmap_zalloc(XTCP_PORTS, GFP_KERNEL_ACCOUNT);
	unsigned int i;

	xn->rest->spare_block = NULL;
	xn->portlists = kcalloc(XTCP_PORTLISTS, sizeof(*xn->portlists), GFP_KERNEL_ACCOUNT);
	if (!bits || !xn->portlists) {
		kfree(xn->portlists);
		bitmap_free(bits);
		return -ENOMEM;
	}
	for (i = 0; i < XTCP_PORTLISTS; i++)
		spin_lock_init(&xn->portlists[i].lock);
	/*
	 * Arriving segments already read this pointer. A reader that sees the new bitmap also sees
	 * that it is empty, and sees all parts of the namespace that were initialised before.
	 */
	smp_store_release(&xn->port_bits, bits);
	return 0;
}

/*
 * A lease is left over only after a bug: a reference to it was never put. Remove the lease from
 * kernel TCP's table: leaked memory is better than a dangling pointer in that table.
 */
static void leave_all(struct xtcp_net *xn, u16 port)
{
	struct xtcp_portlist *lists = xtcp_portlist_of(xn, port);
	struct xtcp_lease *lease;

	spin_lock_bh(&lists->lock);
	hlist_for_each_entry(lease, port_list(lists, port), node) {
		xtcp_sharing_leave(lease);
		lease->xn = NULL;
	}
	spin_unlock_bh(&lists->lock);
}

/**
 * xtcp_portlist_net_exit() - free the lists and the bitmap of a namespace
 * @xn: the namespace; its socks and records were freed, so it should have no lease
 *
 * Context: process, namespace exit.
 */
void xtcp_portlist_net_exit(struct xtcp_net *xn)
{
	unsigned int port, i;

	WARN_ON_ONCE(!bitmap_empty(xn->port_bits, XTCP_PORTS));
	for_each_set_bit(port, xn->port_bits, XTCP_PORTS)
		leave_all(xn, port);
	for (i = 0; i < XTCP_PORTLISTS * XTCP_PORTLIST_BLOCKS; i++)
		kfree(xn->portlists[i / XTCP_PORTLIST_BLOCKS].block[i % XTCP_PORTLIST_BLOCKS]);
	kfree(xn->rest->spare_block);
	kfree(xn->portlists);
	bitmap_free(xn->port_bits);
	xn->port_bits = NULL;
}

#ifndef CONFIG_MULTIUSER
#error "xtcp needs CONFIG_MULTIUSER: without it all users are equal, and a lease would be of each group"
#endif

static struct kmem_cache *caches[2];	/* index: is the lease shared? */

/*
 * the proto of a lease. It names no bind table, so the code of kernel TCP uses the table of the
 * namespace
 */
static struct proto lease_prot = { .name = KBUILD_MODNAME "_lease" };

/*
 * Each lease of a bind() and each taker points to this socket. No process can have the uid of this
 * socket; see xtcp_lease_set_user().
 */
static struct socket_alloc nobody = { .vfs_inode.i_uid = KUIDT_INIT(-1) };

/*
 * A reuseport group. Each lease of a bind(), and each taker, points to it, because kernel TCP's
 * bind() has a fast path that we must avoid. The fast path may admit a sock with SO_REUSEPORT if
 * the last sock that bound the port has the same user. All leases of bind() have SO_REUSEPORT and
 * the same user, so a lease that asks for its own port again (xtcp_lease_listen()) would always be
 * admitted. A sock in a group does not take the fast path: kernel TCP compares it with each sock on
 * the port. One sock of this group counts as closed: otherwise kernel TCP would let no lease share
 * a port.
 */
static struct sock_reuseport left_group = { .num_closed_socks = 1 };

/**
 * xtcp_lease_init_sock() - set the fields that the code of kernel TCP's bind table reads, except
 *	namespace, address and port
 * @sk: zeroed; only the front part of a struct sock is needed, up to the last of these fields
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

/* Make a lease that has no port yet. */
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

/* Store the options of @sk in the lease. Later bind() calls on the port are compared with them. */
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
	xtcp_compat_copy_port_range(mine, sk);
	mine->sk_ipv6only = sk->sk_ipv6only;
	mine->sk_v6_rcv_saddr = sk->sk_v6_rcv_saddr;
}

/*
 * Put the lease into kernel TCP's table on @port, and on the list of the port. If @port is 0, the
 * lease is in the table already.
 */
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
 * @sk: the sock, with the address, device and options (v6only, SO_REUSEADDR, SO_REUSEPORT) to bind
 *	with
 * @port: host order; 0: kernel TCP chooses the port, as for its own bind()
 * @lease: set to the new lease; the caller puts it by xtcp_lease_put()
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
	 * Kernel TCP may sleep while it chooses a port, so no lock is held here. The choice depends
	 * on SO_REUSEADDR, but not on SO_REUSEPORT (ip_autobind_reuse). get_place() then takes the
	 * lock of the port, and sets sk_reuseport of this lease. If another bind() of ours asks for
	 * the chosen port before then, that bind() may be refused, even if both socks have
	 * SO_REUSEPORT.
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
 * xtcp_lease_get_shared() - get the shared lease of a port, for one more 4-tuple
 * @xn: the namespace
 * @port: host order, not 0
 * @addr: the local address, as in a struct xtcp_tuple
 * @dev: the interface to which the lease is bound; 0: none
 *
 * Context: process, may sleep.
 *
 * Return: the lease, which the caller puts by xtcp_lease_put(); or ERR_PTR: -EADDRINUSE when the
 * port is bound, -ENOMEM, -ENOBUFS.
 */
struct xtcp_lease *xtcp_lease_get_shared(struct xtcp_net *xn, u16 port, const struct in6_addr *addr, int dev)
{
	spinlock_t *lock = xtcp_portlist_lock(xn, port);
	struct xtcp_lease *lease, *new;
	int err;

	if (test_bit(port, xn->port_bits)) {
		spin_lock_bh(lock);
		lease = xtcp_portlist_find_shared(xn, port, addr, dev);
		spin_unlock_bh(lock);
		if (lease)
			return lease;
	}
	new = lease_new(xn, true);
	if (!new)
		return ERR_PTR(-ENOBUFS);
	spin_lock_bh(lock);
	lease = xtcp_portlist_find_shared(xn, port, addr, dev);
	if (!lease) {
		err = xtcp_taker_take(new, port, addr, dev) ?: xtcp_portlist_add(new);
		lease = err ? ERR_PTR(err) : new;
	}
	spin_unlock_bh(lock);
	if (lease != new)
		kmem_cache_free(caches[new->shared], new);
	return lease;
}

/* The lock of the port that @lease reserves. The lease is in kernel TCP's table. */
static spinlock_t *lock_of_lease(const struct xtcp_lease *lease)
{
	return xtcp_portlist_lock(lease->xn, lease->inet.inet_num);
}

/**
 * xtcp_lease_follow() - bind a lease to the device to which SO_BINDTODEVICE has bound its owner
 * @lease: the lease of @sk
 * @sk: a sock with a lease of its own or that of a listener
 * @dev: the interface; 0: none, so that the lease is at the old and at the new device
 *
 * Context: process. Lock: socket, held.
 *
 * Return: false when nothing has changed: @sk does not own @lease, or its device is in another VRF.
 */
bool xtcp_lease_follow(struct xtcp_lease *lease, const struct sock *sk, int dev)
{
	spinlock_t *lock = lock_of_lease(lease);
	bool follows;

	sock_owned_by_me(sk);
	spin_lock_bh(lock);
	follows = !lease->shared && lease->owner == sk && xtcp_sharing_move(lease, sk, dev);
	spin_unlock_bh(lock);
	return follows;
}

/**
 * xtcp_lease_listen() - let the owner of a lease listen on its port
 * @lease: the lease
 * @sk: the owner of @lease
 *
 * The rules for listen() are stricter than the rules for bind(). So the lease asks kernel TCP's
 * table a second time, as kernel TCP's own listen() does.
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
	if (err) {
		lease->reuse = sk->sk_reuse;
		/* somebody there refuses it: lease_vouches() */
		lease->admits_others = true;
	} else {
		note_options(lease, sk);
	}
	spin_unlock_bh(lock);
	return err;
}

/**
 * xtcp_lease_unlisten() - note that the owner no longer listens
 * @lease: the lease; children of the listener may still refer to it
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
 * xtcp_lease_aborted() - count why a connection was aborted, if it is a child of a listener
 * @lease: the lease of the connection, to which the caller has a reference; NULL: it has none
 * @reason: why it was aborted
 *
 * A child and its listener have the same lease, which belongs to the listener. Every child counts,
 * also in SYN-RECEIVED, and also before accept() returns it. If the listener has ended, nobody can
 * see the count, and nothing is counted. If the sock listens again, the children of its earlier
 * listen() count for the later one.
 *
 * Context: softirq or process. Takes no lock.
 */
void xtcp_lease_aborted(const struct xtcp_lease *lease, enum xtcp_abort_reason reason)
{
	struct xtcp_listener *listener;
	const struct sock *owner;

	if (!lease || lease->shared)
		return;
	/*
	 * a sock clears "owner" when it leaves its lease, and a listener that ends clears the
	 * pointer to its queues. The sock and the queues are freed a grace period later
	 */
	rcu_read_lock();
	owner = READ_ONCE(lease->owner);
	listener = owner ? xtcp_listen_queues(owner) : NULL;
	if (listener)
		atomic_inc(&listener->aborts[reason]);
	rcu_read_unlock();
}

/**
 * xtcp_lease_make_exclusive() - keep socks of kernel TCP off the port while ours is connected
 * @lease: the lease of a sock that calls connect()
 * @sk: the sock
 *
 * With SO_REUSEADDR a sock of each stack may bind the same port. If both socks connected, they
 * could get the same 4-tuple. So the lease drops SO_REUSEADDR and asks kernel TCP for the same port
 * again. The lease gets the option back when its last full sock has left the port. Even after
 * success, a TIME-WAIT sock of kernel TCP with SO_REUSEPORT may be on the port, so the caller
 * checks whether kernel TCP has the 4-tuple.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0, or -EADDRNOTAVAIL when a sock of kernel TCP is on the port, or when the device of @sk
 * is in another VRF than when it bound the port.
 */
int xtcp_lease_make_exclusive(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mine = xtcp_lease_sk(lease);
	spinlock_t *lock = lock_of_lease(lease);
	const u8 old_reuse = mine->sk_reuse;
	int err = 0;

	spin_lock_bh(lock);
	if (!xtcp_sharing_move(lease, sk, sk->sk_bound_dev_if)) {
		err = -EADDRNOTAVAIL;
	} else if (old_reuse) {
		mine->sk_reuse = SK_NO_REUSE;
		if (inet_csk_get_port(mine, lease->inet.inet_num)) {
			mine->sk_reuse = old_reuse;
			err = -EADDRNOTAVAIL;
		}
	}
	spin_unlock_bh(lock);
	return err;
}

/**
 * xtcp_lease_hold() - take a reference to a lease, for one more full sock on the port
 * @lease: a lease to which the caller, or a sock that the caller has locked, has a reference
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

/**
 * xtcp_lease_admits_as() - would two leases admit the same socks, ours and kernel TCP's?
 * @one: a lease of a bind(), to which the caller has a reference
 * @other: another such lease; both have SO_REUSEPORT, the same place and the same user
 *
 * Context: softirq or process, BH disabled. Takes the lock of the port.
 *
 * A lease stores SO_REUSEADDR in two fields: our bind() reads "reuse", kernel TCP's bind() reads
 * sk_reuse. The two may differ after a second listen(), if children of the first still have the
 * lease (xtcp_sharing_listen()).
 *
 * Return: true when the leases have the same "reuse" and the same sk_reuse.
 */
bool xtcp_lease_admits_as(struct xtcp_lease *one, struct xtcp_lease *other)
{
	spinlock_t *lock = lock_of_lease(one);
	bool same;

	spin_lock(lock);
	same = one->reuse == other->reuse &&
	       xtcp_lease_sk(one)->sk_reuse == xtcp_lease_sk(other)->sk_reuse;
	spin_unlock(lock);
	return same;
}

/*
 * End a lease whose last user has left. Not inlined, because few calls of xtcp_lease_put_users()
 * end a lease. Context: BH disabled.
 */
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
 * xtcp_lease_put() - drop a full sock's reference to its lease, as the sock leaves the port
 * @lease: from xtcp_lease_get(), xtcp_lease_get_shared() or xtcp_lease_hold()
 * @sk: the sock
 *
 * Context: softirq or process.
 */
void xtcp_lease_put(struct xtcp_lease *lease, const struct sock *sk)
{
	local_bh_disable();
	/*
	 * take the lock if the owner or the last full sock leaves: other processors read the fields
	 * that change then
	 */
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
 * xtcp_lease_put_users() - drop references to a lease, because TIME-WAIT records or a full sock
 *	leave its port
 * @lease: the caller has @n references to it
 * @n: how many references to put, not 0
 *
 * Context: softirq or process, BH disabled.
 */
inline void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n)
{
	if (refcount_sub_and_test(n, &lease->users))
		lease_end(lease);
}

/**
 * xtcp_lease_set_user() - choose the user to whom leases belong in kernel TCP's table
 * @family: our address family; another build of the module that is loaded at the same time has
 *	another family
 *
 * The build named xtcp uses INVALID_UID, which no process can have. If the leases of two builds had
 * the same user, kernel TCP would let them share a port. So another build uses one of the last user
 * ids, which no system gives to anybody.
 *
 * Context: process, module init; there are no leases yet.
 */
void xtcp_lease_set_user(int family)
{
	if (strcmp(KBUILD_MODNAME, "xtcp"))
		nobody.vfs_inode.i_uid = KUIDT_INIT(-2 - family);
}

/**
 * xtcp_lease_init() - make the slabs of leases, and the takers
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
 * xtcp_lease_exit() - destroy the slabs and the takers
 *
 * Context: process, module exit; no namespace has a lease.
 */
void xtcp_lease_exit(void)
{
	xtcp_taker_exit();
	kmem_cache_destroy(caches[false]);
	kmem_cache_destroy(caches[true]);
}
