// SPDX-License-Identifier: GPL-2.0
/*
 * A lease reserves a port for xtcp in kernel TCP's bind table. README.md says which code reads
 * which field.
 *
 * A lease is a sock that does nothing but occupy the port: inet_csk_get_port() puts it into the
 * table, so that bind() on either stack respects the ports of the other, by the rules of kernel
 * TCP. Each full sock on the port has a reference to the lease, and so has each TIME-WAIT record.
 *
 * The lease of a bind(): each bind() makes its own. These leases have sk_reuseport and a user that
 * no process can have. So kernel TCP takes them for a SO_REUSEPORT group of one user, and lets them
 * all share a port; sharing.c decides which may. A sock of kernel TCP never has this user, so it
 * never shares the port with a lease, unless it is in TIME-WAIT (sharing.c: is_in_the_way()).
 *
 * The shared lease, which connect() without bind() makes, is bound to the local address of the
 * connection and serves any number of 4-tuples. It has no sk_reuseport, so nothing else can bind
 * its port there. It is a TIME-WAIT sock, which is small. Only a full sock can be bound: the bucket
 * owner, one for each processor, binds the port, and the lease then replaces it in the table, until
 * the end. If all socks of kernel TCP on the port got it from connect() without bind(), the bucket
 * owner can share the port with them.
 *
 * A lease that outlived its namespace or the module would leave a dangling pointer in the bind
 * buckets. So the leases are listed by port, and a namespace that ends takes what remains out of the
 * table. Neighbouring ports have different locks, as in kernel TCP's table, and nobody needs two of
 * them. connect() makes and frees leases often, so the lists are two levels of arrays. A block of
 * lists exists only while one of its ports has a lease; one empty block is kept.
 */
#include "ports/ports.h"

#include <linux/bitmap.h>
#include <linux/jhash.h>
#include <net/l3mdev.h>
#include <net/sock_reuseport.h>
#include <net/transp_v6.h>

#include "listen/listen.h"

static_assert(XTCP_PORTLISTS * XTCP_PORTLIST_BLOCKS * XTCP_PORTLIST_BLOCK == XTCP_PORTS);
static_assert(XTCP_PORTLIST_BLOCK <= (u8)~0);

/* 272 octets on Linux 6.1: with eight more, a page of the slab would hold 14 instead of 15 */
#define XTCP_LEASE_SHARED_SIZE	offsetofend(struct xtcp_lease, tw)

/* kernel TCP casts the entries of its table to each of these types (README.md) */
static_assert(!offsetof(struct inet_connection_sock, icsk_inet) && !offsetof(struct inet_timewait_sock, __tw_common));
static_assert(offsetofend(struct inet_connection_sock, icsk_bind_hash) <= sizeof_field(struct xtcp_lease, reach));
static_assert(XTCP_LEASE_SHARED_SIZE <= 400);

/*
 * Kernel TCP and this file read these fields of every entry of the table. Entries are full socks
 * and TIME-WAIT socks, so they must be in struct sock_common. Bit fields have no sizeof: "+ 0".
 */
static_assert(sizeof_field(struct sock_common, skc_state) && sizeof_field(struct sock_common, skc_family) &&
	      sizeof_field(struct sock_common, skc_bound_dev_if) && sizeof_field(struct sock_common, skc_rcv_saddr) &&
	      sizeof_field(struct sock_common, skc_daddr) && sizeof_field(struct sock_common, skc_dport) &&
	      sizeof_field(struct sock_common, skc_bind_node) && sizeof_field(struct sock_common, skc_prot) &&
	      sizeof_field(struct sock_common, skc_net) && sizeof(((struct sock_common *)NULL)->skc_reuse + 0) &&
	      sizeof(((struct sock_common *)NULL)->skc_reuseport + 0) &&
	      sizeof(((struct sock_common *)NULL)->skc_ipv6only + 0));
static_assert(sizeof_field(struct sock_common, skc_v6_rcv_saddr) && sizeof_field(struct sock_common, skc_v6_daddr));

/* @addr: as in a struct xtcp_tuple; @dev: 0: none. */
static inline bool xtcp_lease_is_at(const struct xtcp_lease *lease, const struct in6_addr *addr, int dev)
{
	const struct sock *sk = &lease->inet.sk;

	if (sk->sk_bound_dev_if != dev)
		return false;
	if (ipv6_addr_v4mapped(addr))
		return sk->sk_family == AF_INET && sk->sk_rcv_saddr == addr->s6_addr32[3];
	return sk->sk_family == AF_INET6 && ipv6_addr_equal(&sk->sk_v6_rcv_saddr, addr);
}

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

static bool add_block(struct xtcp_net *xn, struct xtcp_portlist *lists, u16 port)
{
	struct hlist_head **spare = &xn->rest->spare_block;
	struct hlist_head *block = READ_ONCE(*spare) ? xchg(spare, NULL) : NULL;

	if (!block)
		block = kcalloc(XTCP_PORTLIST_BLOCK, sizeof(*block), GFP_ATOMIC | __GFP_ACCOUNT);
	lists->block[block_of(port)] = block;
	return block;
}

static void xtcp_sharing_leave(struct xtcp_lease *lease);

/* Puts it on the list of its port, shared ones first. Without memory, takes it out of kernel TCP's table. */
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

/* Finds a shared lease (@dev: its interface; 0: none) and takes a reference; or NULL. */
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

/* Is no other shared lease in the same bucket of kernel TCP's table? The lock of the port is held. */
static bool xtcp_portlist_is_last(const struct xtcp_lease *lease)
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
	/* arriving segments read it already: who sees the new bitmap also sees all parts that were made before */
	smp_store_release(&xn->port_bits, bits);
	return 0;
}

/* A lease is left over only after a bug: leaked memory is better than a dangling pointer in kernel TCP's table. */
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

/* Its socks and records were freed, so it should have no lease. */
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

/* it names no bind table, so kernel TCP's code uses that of the namespace */
static struct proto lease_prot = { .name = KBUILD_MODNAME "_lease" };

/* Each lease of a bind() and each bucket owner points to this socket, for its uid (xtcp_lease_init()). */
static struct socket_alloc nobody = { .vfs_inode.i_uid = KUIDT_INIT(-1) };

/*
 * Each lease of a bind() and each bucket owner is in this reuseport group, to avoid a fast path of kernel
 * TCP's bind(), which may admit a sock with SO_REUSEPORT if the last one on the port has the same
 * user. So a lease that asks for its own port again (xtcp_lease_listen()) would always be admitted.
 * A sock in a group is compared with each sock on the port. One sock of the group counts as closed:
 * otherwise kernel TCP would let no lease share a port.
 */
static struct sock_reuseport left_group = { .num_closed_socks = 1 };

/* Sets what kernel TCP's bind table reads, except namespace, address and port, in the front of a zeroed struct sock. */
static void xtcp_lease_init_sock(struct sock *sk)
{
	sk->sk_prot = &lease_prot;
	sk->sk_protocol = XTCP_SK_PROTOCOL;
	sk->sk_state = TCP_ESTABLISHED;
	sk->sk_uid = nobody.vfs_inode.i_uid;
	sk->sk_socket = &nobody.socket;
	rwlock_init(&sk->sk_callback_lock);
	RCU_INIT_POINTER(sk->sk_reuseport_cb, &left_group);
}

/* The part of a full sock that the code of kernel TCP's bind table reads. */
struct tb_owner {
	/* each processor uses its own, with BH disabled: only tasks of one processor on PREEMPT_RT contend */
	spinlock_t lock;
	union {
		struct inet_sock inet;	/* in the table during a call; later it still points to that namespace */
		u8 reach[offsetofend(struct inet_connection_sock, icsk_bind2_hash)];	/* what that code reads */
	};
};

static struct tb_owner __percpu *tb_owners;

static int xtcp_tb_init(void)
{
	struct tb_owner *tb_owner;
	int cpu;

	tb_owners = alloc_percpu_gfp(struct tb_owner, GFP_KERNEL);
	if (!tb_owners)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		tb_owner = per_cpu_ptr(tb_owners, cpu);
		spin_lock_init(&tb_owner->lock);
		xtcp_lease_init_sock(&tb_owner->inet.sk);
	}
	return 0;
}

/* The bucket of a port in the VRF of @sk; the chain's lock is held. */
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
 * fields to -1 for its own. shut_door() leaves fastreuseport so, and each bind() changes it.
 */
static bool is_connects_alone(const struct inet_bind_bucket *tb)
{
	return tb->fastreuseport < 0;
}

/* Is it kernel TCP's, on another device? A lookup with the bucket owner's device, or without one, would miss it. */
static bool is_of_another_device(struct sock *other, void *tb_owner)
{
	const int dev = READ_ONCE(other->sk_bound_dev_if);

	return dev && dev != ((const struct sock *)tb_owner)->sk_bound_dev_if &&
	       other->sk_prot != ((const struct sock *)tb_owner)->sk_prot;
}

static bool is_another(struct sock *other, void *tb_owner)
{
	return other != tb_owner;
}

/*
 * Sets fastreuseport of the bucket of @port as if the bucket owner's SO_REUSEPORT group had the port, so
 * that kernel TCP admits the bucket owner. A bind() that comes first changes it again, and shut_door()
 * notices. @beside of the lease says whether there is a bucket. Return: 0; -EADDRINUSE unless
 *
 *  - all socks on the port got it from connect(): each of kernel TCP's needs only its own 4-tuple;
 *  - no sock of kernel TCP there is on another device, if the lease is bound to one. A lease without
 *    a device may share the port: xtcp_tb_meets() later compares 4-tuples.
 */
static int invite(struct sock *tb_owner, struct xtcp_lease *lease, u16 port)
{
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(tb_owner, port);
	struct inet_bind_bucket *tb;
	int err = 0;

	/* only shut_door() leaves fastreuse at 0 or more and fastreuseport below: another build has its own user */
	spin_lock_bh(&head->lock);
	tb = find_bucket(head, tb_owner, port);
	lease->beside = tb;
	if (tb && (!is_connects_alone(tb) || (tb->fastreuse >= 0 && !uid_eq(tb->fastuid, tb_owner->sk_uid))))
		err = -EADDRINUSE;
	/* a walk through all socks of the port */
	lease->devices = tb && !err && xtcp_compat_bind_bucket_has(tb, is_of_another_device, tb_owner);
	if (lease->devices && tb_owner->sk_bound_dev_if) {
		err = -EADDRINUSE;
	} else if (tb && !err) {
		tb->fastreuseport = FASTREUSEPORT_ANY;
		tb->fastuid = tb_owner->sk_uid;
	}
	spin_unlock_bh(&head->lock);
	return err;
}

/* Undoes invite(): kernel TCP did not admit the bucket owner, without memory or because another came first. */
static void disinvite(const struct sock *tb_owner, u16 port)
{
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(tb_owner, port);
	struct inet_bind_bucket *tb;

	spin_lock_bh(&head->lock);
	tb = find_bucket(head, tb_owner, port);
	if (tb && tb->fastreuseport == FASTREUSEPORT_ANY && uid_eq(tb->fastuid, tb_owner->sk_uid))
		tb->fastreuseport = -1;
	spin_unlock_bh(&head->lock);
}

/*
 * Makes kernel TCP's connect() skip the port. Return: true if no other sock has come since invite();
 * else the bucket owner must not stay there.
 */
static bool shut_door(struct sock *tb_owner, bool invited)
{
	struct inet_bind_bucket *tb = inet_csk(tb_owner)->icsk_bind_hash;
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(tb_owner, inet_sk(tb_owner)->inet_num);
	bool shut;

	spin_lock_bh(&head->lock);
	shut = invited ? tb->fastreuseport == FASTREUSEPORT_ANY :
			 !xtcp_compat_bind_bucket_has(tb, is_another, tb_owner);
	if (shut) {
		tb->fastreuseport = -1;
		tb->fastuid = tb_owner->sk_uid;
	}
	spin_unlock_bh(&head->lock);
	return shut;
}

/* Binds the bucket owner to a port that nobody uses, or only connections and TIME-WAIT socks. */
static int get_port(struct sock *tb_owner, struct xtcp_lease *lease, u16 port)
{
	struct sock_reuseport *group = rcu_dereference_protected(tb_owner->sk_reuseport_cb, true);
	int err = invite(tb_owner, lease, port);

	if (err)
		return err;
	if (lease->beside) {
		tb_owner->sk_reuseport = true;
		RCU_INIT_POINTER(tb_owner->sk_reuseport_cb, NULL);
	}
	err = inet_csk_get_port(tb_owner, port);
	tb_owner->sk_reuseport = false;
	RCU_INIT_POINTER(tb_owner->sk_reuseport_cb, group);
	if (err) {
		if (lease->beside)
			disinvite(tb_owner, port);
		return err;
	}
	if (shut_door(tb_owner, lease->beside))
		return 0;
	xtcp_compat_put_port(tb_owner);
	return -EADDRINUSE;
}

/* One of them is shared, the other the bucket owner. Both chains are locked, so the port is never free in between. */
static void change_places(struct sock *from, struct sock *to, struct xtcp_lease *lease)
{
	struct inet_timewait_sock *tw = &lease->tw;
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(from, tw->tw_num);
	struct inet_bind_hashbucket *same = inet_bhashfn_portaddr(xtcp_sharing_table(from), from, sock_net(from),
								  tw->tw_num);

	spin_lock(&head->lock);
	spin_lock(&same->lock);
	xtcp_compat_bind_move(from, to, tw);
	/* after our last lease, and if no bind() has come, connect() of kernel TCP may use the port again */
	if (from == xtcp_lease_sk(lease) && is_connects_alone(tw->tw_tb) && xtcp_portlist_is_last(lease))
		tw->tw_tb->fastreuse = -1;
	spin_unlock(&same->lock);
	spin_unlock(&head->lock);
}

/* Binds the port with the bucket owner, and then replaces it by the lease. */
static int get_place_for(struct sock *tb_owner, struct xtcp_lease *lease, u16 port)
{
	struct inet_connection_sock *icsk = inet_csk(tb_owner);
	struct inet_timewait_sock *tw = &lease->tw;
	int err;

	tw->__tw_common = tb_owner->__sk_common;
	tw->tw_state = TCP_TIME_WAIT;
	tw->tw_num = port;
	err = get_port(tb_owner, lease, port);
	if (err)
		return err;
	swap(tw->tw_tb, icsk->icsk_bind_hash);
	swap(tw->tw_tb2, icsk->icsk_bind2_hash);
	change_places(tb_owner, xtcp_lease_sk(lease), lease);
	return 0;
}

/* As kernel TCP's connect() does. @addr: as in a struct xtcp_tuple. */
static void place_tb_owner(struct sock *tb_owner, const struct in6_addr *addr, int dev)
{
	tb_owner->sk_bound_dev_if = dev;
	tb_owner->sk_family = AF_INET;
	tb_owner->sk_rcv_saddr = addr->s6_addr32[3];
	if (ipv6_addr_v4mapped(addr))
		return;
	tb_owner->sk_family = AF_INET6;
	tb_owner->sk_rcv_saddr = LOOPBACK4_IPV6;
	tb_owner->sk_v6_rcv_saddr = *addr;
}

/*
 * Binds the port of a shared lease in kernel TCP's table. @addr: as in a struct xtcp_tuple; @dev:
 * 0: none. The port may be shared as invite() permits. Return: 0, -EADDRINUSE or -ENOMEM.
 */
static int xtcp_tb_take(struct xtcp_lease *lease, u16 port, const struct in6_addr *addr, int dev)
{
	struct tb_owner *tb_owner = raw_cpu_ptr(tb_owners);
	int err;

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, port));
	spin_lock(&tb_owner->lock);
	sock_net_set(&tb_owner->inet.sk, lease->xn->net);
	place_tb_owner(&tb_owner->inet.sk, addr, dev);
	err = get_place_for(&tb_owner->inet.sk, lease, port);
	spin_unlock(&tb_owner->lock);
	return err;
}

static void xtcp_tb_leave(struct xtcp_lease *lease)
{
	struct tb_owner *tb_owner = raw_cpu_ptr(tb_owners);
	struct sock *sk = &tb_owner->inet.sk;

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->tw.tw_num));
	spin_lock(&tb_owner->lock);
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
	spin_unlock(&tb_owner->lock);
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

/*
 * Does a sock of kernel TCP on a device have the 4-tuple that a sock of ours without a device
 * wants? A segment by that device would match both; xtcp_demux_kernel_holds() does not find it.
 */
bool xtcp_tb_meets(struct xtcp_lease *lease, struct xtcp_tuple *tuple)
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

static void xtcp_sharing_leave(struct xtcp_lease *lease)
{
	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (lease->shared)
		xtcp_tb_leave(lease);
	else
		xtcp_compat_put_port(xtcp_lease_sk(lease));
}

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

/* Later bind() calls on the port are compared with these options. */
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

/* Puts the lease into kernel TCP's table on @port, unless that is 0: it is there already; and on the port's list. */
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

/*
 * Binds a port (0: kernel TCP chooses) for @sk, with its address, device and options. *@lease: for
 * xtcp_lease_put(). Return: 0, -EADDRINUSE by the rules of kernel TCP, -ENOMEM or -ENOBUFS.
 */
int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease)
{
	struct xtcp_lease *new = lease_new(xtcp_net(sock_net(sk)), false);
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
	 * without a lock: kernel TCP may sleep while it chooses, by SO_REUSEADDR alone. Before get_place()
	 * sets SO_REUSEPORT, a bind() of ours that asks for the chosen port may be refused in spite of it
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

/*
 * Gets the shared lease of a port, for one more 4-tuple. @addr: as in a struct xtcp_tuple. Return:
 * for xtcp_lease_put(); or ERR_PTR: -EADDRINUSE when the port is bound, -ENOMEM, -ENOBUFS.
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
		err = xtcp_tb_take(new, port, addr, dev) ?: xtcp_portlist_add(new);
		lease = err ? ERR_PTR(err) : new;
	}
	spin_unlock_bh(lock);
	if (lease != new)
		kmem_cache_free(caches[new->shared], new);
	return lease;
}

/* The lease is in kernel TCP's table. */
static spinlock_t *lock_of_lease(const struct xtcp_lease *lease)
{
	return xtcp_portlist_lock(lease->xn, lease->inet.inet_num);
}

/*
 * Binds a lease to the device of its owner @sk (@dev; 0: none, so that it is at the old and the new
 * one). Return: false, and nothing has changed, if @sk does not own @lease, or is in another VRF.
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

/* The rules are stricter than for bind(), so this asks again, as kernel TCP's listen() does. 0 or -EADDRINUSE. */
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
		if (sk->sk_reuse == SK_FORCE_REUSE)
			lease->reuse = SK_NO_REUSE;
	}
	spin_unlock_bh(lock);
	return err;
}

/**
 * xtcp_lease_set_reuse() - a listener that has taken over a socket has its SO_REUSEADDR
 * @lease: of the listener
 * @reuse: the option
 * Context: process.
 */
void xtcp_lease_set_reuse(struct xtcp_lease *lease, u8 reuse)
{
	spinlock_t *lock = lock_of_lease(lease);

	spin_lock_bh(lock);
	lease->reuse = reuse;
	xtcp_lease_sk(lease)->sk_reuse = reuse;
	spin_unlock_bh(lock);
}

/**
 * xtcp_lease_unlisten() - the owner no longer listens; children may still refer to the lease
 * @lease: the lease
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
 * @lease: of the connection, to which the caller has a reference; NULL: it has none
 * @reason: why it was aborted
 *
 * A child has the lease of its listener, and counts also in SYN-RECEIVED and before accept(). If
 * the listener has ended, nobody can see the count, and nothing is counted. If it listens again,
 * children of its earlier listen() count for the later one.
 * Context: softirq or process. Takes no lock.
 */
void xtcp_lease_aborted(const struct xtcp_lease *lease, enum xtcp_abort_reason reason)
{
	struct xtcp_listener *listener;
	const struct sock *owner;

	if (!lease || lease->shared)
		return;
	/* a sock that has left its lease, and a listener that has ended, are freed a grace period later */
	rcu_read_lock();
	owner = READ_ONCE(lease->owner);
	listener = owner ? xtcp_listen_queues(owner) : NULL;
	if (listener)
		atomic_inc(&listener->aborts[reason]);
	rcu_read_unlock();
}

/*
 * Keeps socks of kernel TCP off the port while @sk, which calls connect(), is connected. With
 * SO_REUSEADDR a sock of each stack may bind one port, and both could get the same 4-tuple. So the
 * lease drops SO_REUSEADDR until its last full sock has left, and asks for the same port again. A
 * TIME-WAIT sock of kernel TCP with SO_REUSEPORT may still have the 4-tuple: the caller checks.
 * Return: 0; -EADDRNOTAVAIL: kernel TCP is on the port, or @sk was in another VRF at bind().
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
		/* in repair mode the port may be another sock's, too, as kernel TCP allows its own socks */
		if (inet_csk_get_port(mine, lease->inet.inet_num) && sk->sk_reuse != SK_FORCE_REUSE) {
			mine->sk_reuse = old_reuse;
			err = -EADDRNOTAVAIL;
		}
	}
	spin_unlock_bh(lock);
	return err;
}

/**
 * xtcp_lease_admits_as() - would two leases admit the same socks, ours and kernel TCP's?
 * @one: a lease of a bind(), to which the caller has a reference
 * @other: another one; both have SO_REUSEPORT, the same place and the same user
 *
 * SO_REUSEADDR is stored twice: our bind() reads "reuse", kernel TCP's reads sk_reuse. They may
 * differ after a second listen(), if children of the first still have the lease.
 * Context: softirq or process, BH disabled. Takes the lock of the port.
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

/* Its last user has left. Not inlined, because few calls come here. BH disabled. */
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
 * xtcp_lease_put() - a full sock leaves the port: drop its reference
 * @lease: from xtcp_lease_get(), xtcp_lease_get_shared() or xtcp_lease_hold()
 * @sk: the sock
 * Context: softirq or process.
 */
void xtcp_lease_put(struct xtcp_lease *lease, const struct sock *sk)
{
	local_bh_disable();
	/* if the owner or the last full sock leaves, other processors read the fields that change */
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
 * xtcp_lease_put_users() - TIME-WAIT records or a full sock leave the port
 * @lease: the caller has @n references to it
 * @n: how many references to put, not 0
 * Context: softirq or process, BH disabled.
 */
inline void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n)
{
	if (refcount_sub_and_test(n, &lease->users))
		lease_end(lease);
}

/*
 * In kernel TCP's table, the leases of the build named xtcp belong to INVALID_UID, which no process
 * can have. With one user, kernel TCP would let leases of two builds share a port. So another build
 * uses one of the last user ids, which no system gives to anybody, by its name.
 */
int xtcp_lease_init(void)
{
	if (strcmp(KBUILD_MODNAME, "xtcp"))
		nobody.vfs_inode.i_uid = KUIDT_INIT(-2 - (jhash(KBUILD_MODNAME, strlen(KBUILD_MODNAME), 0) >> 12));
	caches[false] = xtcp_compat_slab(KBUILD_MODNAME "_lease", sizeof(struct xtcp_lease), 0);
	caches[true] = xtcp_compat_slab(KBUILD_MODNAME "_lease_shared", XTCP_LEASE_SHARED_SIZE, 0);
	if (caches[false] && caches[true] && !xtcp_tb_init())
		return 0;
	xtcp_lease_exit();
	return -ENOMEM;
}

void xtcp_lease_exit(void)
{
	free_percpu(tb_owners);
	tb_owners = NULL;
	kmem_cache_destroy(caches[false]);
	kmem_cache_destroy(caches[true]);
}
