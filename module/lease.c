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
 * record. There are two sorts. A private lease is made by bind(); binds alike by SO_REUSEADDR share one. A shared lease
 * is made by connect() without bind(), is a wildcard for both families, and carries any number of 4-tuples.
 *
 * Bind buckets belong to all namespaces: a lease that outlives its namespace or the module would be a dangling pointer
 * in kernel TCP. Hence the list by port, from which the end of a namespace returns what is left.
 */
#include "lease.h"

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "netns.h"
#include "wire.h"

#define PORTS		65536
#define STOCK_LOW	4	/* refill below this */
#define STOCK_FULL	16

/**
 * struct xtcp_lease - a lease
 * @icsk: what stands in kernel TCP's table; its sk_refcnt is ours alone
 * @next: another lease on the port, or in the stock; @xn's leases lock, the stock's lock
 * @xn: the namespace
 * @users: full socks and records; the last one returns the lease
 * @socks: full socks among them; leases lock
 * @port: host order
 * @reuse: SO_REUSEADDR of the owner; what sk_reuse is unless connect() made the lease exclusive
 * @shared: for 4-tuples whose port connect() chose
 * @listening: a listener of ours is on it; leases lock
 */
struct xtcp_lease {
	struct inet_connection_sock icsk;	/* first: the kernel casts */
	struct xtcp_lease *next;
	struct xtcp_net *xn;
	refcount_t users;
	unsigned int socks;
	u16 port;
	u8 reuse;
	bool shared;
	bool listening;
};

/**
 * struct xtcp_lease_stock - socks for leases to come, so that connect() seldom waits for the worker that allocates them
 * @lock: guards @list and @len
 * @list: linked by xtcp_lease.next
 * @len: how many
 * @failed: the worker found no memory the last time
 * @refill: the worker
 * @net: the namespace
 */
struct xtcp_lease_stock {
	spinlock_t lock;	/* see above */
	struct xtcp_lease *list;
	unsigned int len;
	bool failed;
	struct work_struct refill;
	struct net *net;
};

static struct proto lease_prot = {
	.name = KBUILD_MODNAME "_lease",
	.obj_size = sizeof(struct xtcp_lease),
};

/* Socks of all namespaces, in use, in stock or waiting for RCU, and how many there may be: 1/16 of memory. */
static atomic_t leases;
static int leases_max;

/* Serializes what asks kernel TCP's table twice, or looks for a lease and then makes one. */
static DEFINE_MUTEX(bind_mutex);

static struct sock *lease_sk(struct xtcp_lease *lease)
{
	return &lease->icsk.icsk_inet.sk;
}

static void lease_destruct(struct sock *sk)
{
	atomic_dec(&leases);
}

/* A kernel thread runs this: the sock then pins neither a memory cgroup nor a cgroup of the program that binds. */
static struct xtcp_lease *lease_alloc(struct net *net)
{
	struct sock *sk;

	if (atomic_inc_return(&leases) > leases_max)
		goto out_of_memory;
	sk = sk_alloc(net, AF_INET, GFP_KERNEL, &lease_prot, 1);
	if (!sk)
		goto out_of_memory;
	sock_init_data(NULL, sk);
	sk->sk_destruct = lease_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_protocol = XTCP_SK_PROTOCOL;
	sk->sk_state = TCP_ESTABLISHED;
	return container_of(sk, struct xtcp_lease, icsk.icsk_inet.sk);

out_of_memory:
	atomic_dec(&leases);
	return NULL;
}

static bool stock_push(struct xtcp_lease_stock *stock, struct xtcp_lease *lease)
{
	bool room;

	spin_lock_bh(&stock->lock);
	room = stock->len < STOCK_FULL;
	if (room) {
		lease->next = stock->list;
		stock->list = lease;
		stock->len++;
	}
	spin_unlock_bh(&stock->lock);
	return room;
}

static struct xtcp_lease *stock_pop(struct xtcp_lease_stock *stock)
{
	struct xtcp_lease *lease;
	bool low;

	spin_lock_bh(&stock->lock);
	lease = stock->list;
	if (lease) {
		stock->list = lease->next;
		stock->len--;
	}
	low = stock->len < STOCK_LOW;
	spin_unlock_bh(&stock->lock);
	if (low)
		schedule_work(&stock->refill);
	return lease;
}

static void stock_refill(struct work_struct *work)
{
	struct xtcp_lease_stock *stock = container_of(work, struct xtcp_lease_stock, refill);
	struct xtcp_lease *lease;
	bool failed = false;

	while (READ_ONCE(stock->len) < STOCK_FULL) {
		lease = lease_alloc(stock->net);
		failed = !lease;
		if (failed)
			break;
		if (!stock_push(stock, lease)) {
			sock_put(lease_sk(lease));
			break;
		}
	}
	WRITE_ONCE(stock->failed, failed);
}

static struct xtcp_lease *lease_new(struct xtcp_net *xn)
{
	struct xtcp_lease_stock *stock = xn->lease_stock;
	struct xtcp_lease *lease = stock_pop(stock);

	while (!lease) {
		/* stock_pop() has queued the worker */
		flush_work(&stock->refill);
		lease = stock_pop(stock);
		/* others may have emptied the stock between the worker's end and our turn */
		if (!lease && READ_ONCE(stock->failed))
			return NULL;
	}
	lease->next = NULL;
	lease->xn = xn;
	refcount_set(&lease->users, 1);
	lease->socks = 1;
	lease->listening = false;
	lease_sk(lease)->sk_state = TCP_ESTABLISHED;
	return lease;
}

static void lease_free(struct xtcp_lease *lease)
{
	struct sock *sk = lease_sk(lease);

	/* whoever looks at sockets may hold it for a moment: then its memory is not used again */
	if (lease->xn && refcount_read(&sk->sk_refcnt) == 1 && stock_push(lease->xn->lease_stock, lease))
		return;
	sock_put(sk);
}

static void lease_mirror(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mirror = lease_sk(lease);

	lease->shared = false;
	lease->reuse = sk->sk_reuse;
	mirror->sk_reuse = sk->sk_reuse;
	mirror->sk_family = sk->sk_family;
	mirror->sk_bound_dev_if = sk->sk_bound_dev_if;
	mirror->sk_rcv_saddr = sk->sk_rcv_saddr;
	inet_sk(mirror)->inet_saddr = inet_sk(sk)->inet_saddr;
	mirror->sk_ipv6only = sk->sk_ipv6only;
#if IS_ENABLED(CONFIG_IPV6)
	mirror->sk_v6_rcv_saddr = sk->sk_v6_rcv_saddr;
#endif
}

/* A wildcard for both families where there are two. */
static void lease_set_wildcard(struct xtcp_lease *lease, int bound_dev_if)
{
	struct sock *mirror = lease_sk(lease);

	lease->shared = true;
	lease->reuse = SK_NO_REUSE;
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

static bool lease_is_like(struct xtcp_lease *lease, const struct sock *sk)
{
	const struct sock *mirror = lease_sk(lease);

	if (mirror->sk_family != sk->sk_family || mirror->sk_bound_dev_if != sk->sk_bound_dev_if)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return mirror->sk_ipv6only == sk->sk_ipv6only &&
		       ipv6_addr_equal(&mirror->sk_v6_rcv_saddr, &sk->sk_v6_rcv_saddr);
#endif
	return mirror->sk_rcv_saddr == sk->sk_rcv_saddr;
}

/* Take the place in kernel TCP's table, and stand on the list. Frees @lease on error. */
static int lease_take_port(struct xtcp_lease *lease, u16 port)
{
	struct xtcp_net *xn = lease->xn;
	struct sock *sk = lease_sk(lease);
	int err;

	err = inet_csk_get_port(sk, port);
	if (err)
		goto free;
	lease->port = inet_sk(sk)->inet_num;
	inet_sk(sk)->inet_sport = htons(lease->port);

	xa_lock_bh(&xn->leases);
	lease->next = xa_load(&xn->leases, lease->port);
	err = xa_err(__xa_store(&xn->leases, lease->port, lease, GFP_ATOMIC));
	if (!err)
		set_bit(lease->port, xn->port_bits);
	xa_unlock_bh(&xn->leases);
	if (!err)
		return 0;
	inet_put_port(sk);
free:
	lease_free(lease);
	return err;
}

static void lease_return(struct xtcp_lease *lease)
{
	struct xtcp_net *xn = lease->xn;
	struct xtcp_lease *prev;

	if (xn) {
		xa_lock_bh(&xn->leases);
		prev = xa_load(&xn->leases, lease->port);
		if (prev != lease) {
			while (prev->next != lease)
				prev = prev->next;
			prev->next = lease->next;
		} else if (lease->next) {
			/* takes the place of an entry: allocates nothing */
			__xa_store(&xn->leases, lease->port, lease->next, GFP_ATOMIC);
		} else {
			__xa_erase(&xn->leases, lease->port);
			clear_bit(lease->port, xn->port_bits);
		}
		xa_unlock_bh(&xn->leases);
		inet_put_port(lease_sk(lease));
	}
	lease_free(lease);
}

/*
 * Binds alike share a lease when kernel TCP would let both in: both have SO_REUSEADDR, and nobody listens. Leases of
 * their own would do for that, but then connect(), which has to make sure of kernel TCP's absence, would meet them.
 */
static struct xtcp_lease *find_alike(struct xtcp_net *xn, const struct sock *sk, u16 port)
{
	struct xtcp_lease *lease;

	if (!port || !sk->sk_reuse)
		return NULL;
	xa_lock_bh(&xn->leases);
	for (lease = xa_load(&xn->leases, port); lease; lease = lease->next) {
		if (lease->shared || !lease->reuse || lease->listening || !lease_is_like(lease, sk))
			continue;
		if (!refcount_inc_not_zero(&lease->users))
			continue;
		lease->socks++;
		break;
	}
	xa_unlock_bh(&xn->leases);
	return lease;
}

/**
 * xtcp_lease_get() - bind a port
 * @sk: has the address, device, v6only and SO_REUSEADDR that count
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
	mutex_lock(&bind_mutex);
	found = find_alike(xn, sk, port);
	if (found) {
		/* kernel TCP may have begun to listen there */
		err = inet_csk_get_port(lease_sk(found), port);
		if (err)
			xtcp_lease_put(found);
	} else {
		found = lease_new(xn);
		err = -ENOBUFS;
		if (found) {
			lease_mirror(found, sk);
			err = lease_take_port(found, port);
		}
	}
	mutex_unlock(&bind_mutex);
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

	xa_lock_bh(&xn->leases);
	for (lease = xa_load(&xn->leases, port); lease; lease = lease->next) {
		if (!lease->shared || lease_sk(lease)->sk_bound_dev_if != bound_dev_if)
			continue;
		if (!refcount_inc_not_zero(&lease->users))
			continue;
		lease->socks++;
		break;
	}
	xa_unlock_bh(&xn->leases);
	if (lease)
		return lease;

	lease = lease_new(xn);
	if (!lease)
		return ERR_PTR(-ENOBUFS);
	lease_set_wildcard(lease, bound_dev_if);
	err = lease_take_port(lease, port);
	return err ? ERR_PTR(err) : lease;
}

/* sk_reuse and sk_state are read by other binds under the bucket's lock, which is not ours to take. */
static void set_reuse(struct xtcp_lease *lease, u8 reuse)
{
	xa_lock_bh(&lease->xn->leases);
	lease_sk(lease)->sk_reuse = reuse;
	xa_unlock_bh(&lease->xn->leases);
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
	struct sock *mirror = lease_sk(lease);
	int err = -EADDRINUSE;
	u8 old_reuse;

	sock_owned_by_me(sk);
	mutex_lock(&bind_mutex);
	if (lease->listening)
		goto out;
	old_reuse = mirror->sk_reuse;
	set_reuse(lease, sk->sk_reuse);
	WRITE_ONCE(mirror->sk_state, TCP_LISTEN);
	err = inet_csk_get_port(mirror, lease->port);
	if (err) {
		WRITE_ONCE(mirror->sk_state, TCP_ESTABLISHED);
		set_reuse(lease, old_reuse);
		goto out;
	}
	xa_lock_bh(&lease->xn->leases);
	lease->listening = true;
	lease->reuse = sk->sk_reuse;
	xa_unlock_bh(&lease->xn->leases);
out:
	mutex_unlock(&bind_mutex);
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
	xa_lock_bh(&lease->xn->leases);
	lease->listening = false;
	WRITE_ONCE(lease_sk(lease)->sk_state, TCP_ESTABLISHED);
	xa_unlock_bh(&lease->xn->leases);
}

/**
 * xtcp_lease_make_exclusive() - no sock of kernel TCP may be on the port while ours is connected
 * @lease: the lease of a sock that calls connect()
 *
 * Two binds with SO_REUSEADDR may stand beside each other, one of each stack; if both connected, both could have the
 * same 4-tuple. So ours drops SO_REUSEADDR and asks again. It comes back when the last full sock has gone.
 *
 * Context: process, may sleep.
 *
 * Return: 0, or -EADDRNOTAVAIL when a sock of kernel TCP is there.
 */
int xtcp_lease_make_exclusive(struct xtcp_lease *lease)
{
	struct sock *mirror = lease_sk(lease);
	u8 old_reuse;
	int err = 0;

	mutex_lock(&bind_mutex);
	old_reuse = mirror->sk_reuse;
	if (old_reuse) {
		set_reuse(lease, SK_NO_REUSE);
		err = inet_csk_get_port(mirror, lease->port);
		if (err)
			set_reuse(lease, old_reuse);
	}
	mutex_unlock(&bind_mutex);
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
	xa_lock_bh(&lease->xn->leases);
	lease->socks++;
	xa_unlock_bh(&lease->xn->leases);
	return lease;
}

/**
 * xtcp_lease_put() - a full sock leaves the port
 * @lease: from xtcp_lease_get(), xtcp_lease_get_shared() or xtcp_lease_hold()
 *
 * Context: softirq or process.
 */
void xtcp_lease_put(struct xtcp_lease *lease)
{
	if (lease->xn) {
		xa_lock_bh(&lease->xn->leases);
		if (!--lease->socks)
			lease_sk(lease)->sk_reuse = lease->reuse;
		xa_unlock_bh(&lease->xn->leases);
	}
	xtcp_lease_put_timewait(lease);
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
 * xtcp_lease_put_timewait() - a record leaves the port
 * @lease: from xtcp_lease_hold_timewait()
 *
 * Context: softirq or process.
 */
void xtcp_lease_put_timewait(struct xtcp_lease *lease)
{
	if (refcount_dec_and_test(&lease->users))
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
	struct xtcp_lease_stock *stock = kzalloc(sizeof(*stock), GFP_KERNEL);

	if (!stock)
		return -ENOMEM;
	spin_lock_init(&stock->lock);
	INIT_WORK(&stock->refill, stock_refill);
	stock->net = xn->net;
	xn->port_bits = bitmap_zalloc(PORTS, GFP_KERNEL);
	if (!xn->port_bits) {
		kfree(stock);
		return -ENOMEM;
	}
	xn->lease_stock = stock;
	xa_init_flags(&xn->leases, XA_FLAGS_LOCK_BH);
	return 0;
}

/**
 * xtcp_lease_net_exit() - return every lease of a namespace
 * @xn: the namespace; its socks and records are gone
 *
 * Context: process, namespace exit.
 */
void xtcp_lease_net_exit(struct xtcp_net *xn)
{
	struct xtcp_lease_stock *stock = xn->lease_stock;
	struct xtcp_lease *lease, *next;
	unsigned long port;

	/* somebody forgot to put: a leak of memory is better than a dangling pointer in kernel TCP */
	WARN_ON_ONCE(!xa_empty(&xn->leases));
	xa_for_each(&xn->leases, port, lease) {
		for (; lease; lease = next) {
			next = lease->next;
			inet_put_port(lease_sk(lease));
			lease->xn = NULL;
		}
	}
	xa_destroy(&xn->leases);

	cancel_work_sync(&stock->refill);
	for (lease = stock->list; lease; lease = next) {
		next = lease->next;
		sock_put(lease_sk(lease));
	}
	kfree(stock);
	xn->lease_stock = NULL;
	bitmap_free(xn->port_bits);
	xn->port_bits = NULL;
}

/**
 * xtcp_lease_init() - register what leases are made of
 *
 * Context: process, module init.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_lease_init(void)
{
	u64 bytes = (u64)totalram_pages() << PAGE_SHIFT;

	leases_max = min_t(u64, div_u64(bytes, 16 * 2 * sizeof(struct xtcp_lease)), INT_MAX / 2);
	return proto_register(&lease_prot, 1);
}

/**
 * xtcp_lease_exit() - wait for the memory of the last lease
 *
 * Context: process, module exit; no namespace has a lease.
 */
void xtcp_lease_exit(void)
{
	/* __sk_destruct() reads lease_prot */
	rcu_barrier();
	WARN_ON_ONCE(atomic_read(&leases));
	proto_unregister(&lease_prot);
}
