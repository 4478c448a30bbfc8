// SPDX-License-Identifier: GPL-2.0
/*
 * Socks for leases to come. A kernel thread allocates them ahead of time, so that they pin neither a memory cgroup nor
 * a cgroup of the program that binds, and connect() seldom waits.
 *
 * To make a sock and to free it costs far more than to bind it. So those of leases that have ended stay for the next
 * ones: where connections come and go, they go round. What has lain unused for a while is freed.
 */
#include "ports/stock.h"

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/netns.h"
#include "compat.h"
#include "ports/place.h"
#include "pure/wire.h"

#define STOCK_LOW	4	/* refill below this */
#define STOCK_FULL	16	/* as many are made ahead, and stay for good */
#define STOCK_MOST	4096	/* of leases that have ended; 5 MiB */
#define TRIM_JIFFIES	(30 * HZ) /* how long a sock lies unused before it is freed, at least */
#define TRIM_BATCH	256	/* socks that are freed before others get the lock */

/**
 * struct xtcp_lease_stock - socks for leases to come
 * @lock: guards @list, @len and @idle
 * @list: linked by xtcp_lease.next
 * @len: how many
 * @idle: the fewest that there were since @trim ran: so many were not needed
 * @failed: the worker found no memory the last time
 * @refill: makes more of them
 * @trim: frees what was not needed; pending while there are more than STOCK_FULL
 * @net: the namespace
 */
struct xtcp_lease_stock {
	spinlock_t lock;	/* see above */
	struct xtcp_lease *list;
	unsigned int len;
	unsigned int idle;
	bool failed;
	struct work_struct refill;
	struct delayed_work trim;
	struct net *net;
};

static struct proto lease_prot = {
	.name = KBUILD_MODNAME "_lease",
	.obj_size = sizeof(struct xtcp_lease),
	XTCP_PROTO_UNMERGED,
};

/* Socks of all namespaces, in use or in stock, and how many there may be: 1/16 of memory. */
static atomic_t leases;
static int leases_max;

static void lease_destruct(struct sock *sk)
{
	atomic_dec(&leases);
}

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
	sk->sk_protocol = XTCP_SK_PROTOCOL;
	sk->sk_state = TCP_ESTABLISHED;
	return container_of(sk, struct xtcp_lease, inet.sk);

out_of_memory:
	atomic_dec(&leases);
	return NULL;
}

static bool stock_has_room(const struct xtcp_lease_stock *stock)
{
	lockdep_assert_held(&stock->lock);
	/* other namespaces may be in need of what there may be */
	return stock->len < STOCK_FULL || (stock->len < STOCK_MOST && atomic_read(&leases) <= leases_max / 8);
}

static bool stock_push(struct xtcp_lease_stock *stock, struct xtcp_lease *lease)
{
	bool room;

	spin_lock(&stock->lock);
	room = stock_has_room(stock);
	if (room) {
		lease->next = stock->list;
		stock->list = lease;
		if (++stock->len == STOCK_FULL + 1)
			schedule_delayed_work(&stock->trim, TRIM_JIFFIES);
	}
	spin_unlock(&stock->lock);
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
		stock->idle = min(stock->idle, stock->len);
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
		local_bh_disable();
		xtcp_stock_put(xtcp_net(stock->net), lease);
		local_bh_enable();
	}
	WRITE_ONCE(stock->failed, failed);
}

static void free_list(struct xtcp_lease *list)
{
	struct xtcp_lease *next;

	for (; list; list = next) {
		next = list->next;
		sock_put(xtcp_lease_sk(list));
		cond_resched();
	}
}

/* Some of those that were not needed, as a list; NULL: there are no more. */
static struct xtcp_lease *take_unused(struct xtcp_lease_stock *stock)
{
	struct xtcp_lease *unused = NULL, *lease;
	int n;

	lockdep_assert_held(&stock->lock);
	for (n = 0; n < TRIM_BATCH && stock->idle > STOCK_FULL; n++) {
		lease = stock->list;
		stock->list = lease->next;
		stock->len--;
		stock->idle--;
		lease->next = unused;
		unused = lease;
	}
	return unused;
}

static void stock_trim(struct work_struct *work)
{
	struct xtcp_lease_stock *stock = container_of(to_delayed_work(work), struct xtcp_lease_stock, trim);
	struct xtcp_lease *unused;

	spin_lock_bh(&stock->lock);
	while ((unused = take_unused(stock))) {
		spin_unlock_bh(&stock->lock);
		free_list(unused);
		spin_lock_bh(&stock->lock);
	}
	stock->idle = stock->len;
	if (stock->len > STOCK_FULL)
		schedule_delayed_work(&stock->trim, TRIM_JIFFIES);
	spin_unlock_bh(&stock->lock);
}

/**
 * xtcp_stock_get() - a sock for a lease
 * @xn: the namespace
 *
 * Context: process, may sleep.
 *
 * Return: the lease, its contents but for the sock undefined; NULL without memory, or when there are too many.
 */
struct xtcp_lease *xtcp_stock_get(struct xtcp_net *xn)
{
	struct xtcp_lease_stock *stock = xn->lease_stock;
	struct xtcp_lease *lease = stock_pop(stock);

	while (!lease) {
		/* stock_pop() has queued the worker */
		flush_work(&stock->refill);
		lease = stock_pop(stock);
		/* others may have emptied the stock between the worker's end and our turn */
		if (!lease && READ_ONCE(stock->failed))
			break;
	}
	return lease;
}

/**
 * xtcp_stock_put() - give a sock back
 * @xn: the namespace; NULL: it is gone
 * @lease: from xtcp_stock_get(), or a new one; in no table and on no list
 *
 * Context: softirq or process, BH disabled.
 */
void xtcp_stock_put(struct xtcp_net *xn, struct xtcp_lease *lease)
{
	struct sock *sk = xtcp_lease_sk(lease);

	/* whoever looks at sockets may hold it for a moment: then its memory is not used again */
	if (xn && refcount_read(&sk->sk_refcnt) == 1 && stock_push(xn->lease_stock, lease))
		return;
	sock_put(sk);
}

/**
 * xtcp_stock_net_init() - an empty stock
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_stock_net_init(struct xtcp_net *xn)
{
	struct xtcp_lease_stock *stock = kzalloc(sizeof(*stock), GFP_KERNEL);

	if (!stock)
		return -ENOMEM;
	spin_lock_init(&stock->lock);
	INIT_WORK(&stock->refill, stock_refill);
	INIT_DELAYED_WORK(&stock->trim, stock_trim);
	stock->net = xn->net;
	xn->lease_stock = stock;
	return 0;
}

/**
 * xtcp_stock_net_exit() - free the stock
 * @xn: the namespace
 *
 * Context: process, namespace exit.
 */
void xtcp_stock_net_exit(struct xtcp_net *xn)
{
	struct xtcp_lease_stock *stock = xn->lease_stock;

	cancel_work_sync(&stock->refill);
	cancel_delayed_work_sync(&stock->trim);
	free_list(stock->list);
	kfree(stock);
	xn->lease_stock = NULL;
}

/**
 * xtcp_stock_init() - register what leases are made of
 *
 * Context: process, module init.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_stock_init(void)
{
	u64 bytes = (u64)totalram_pages() << PAGE_SHIFT;

	leases_max = min_t(u64, div_u64(bytes, 16 * 2 * sizeof(struct xtcp_lease)), INT_MAX / 2);
	return proto_register(&lease_prot, 1);
}

/**
 * xtcp_stock_exit() - forget what leases are made of
 *
 * Context: process, module exit; no namespace has a lease.
 */
void xtcp_stock_exit(void)
{
	WARN_ON_ONCE(atomic_read(&leases));
	proto_unregister(&lease_prot);
}
