// SPDX-License-Identifier: GPL-2.0
/*
 * Orphans: connections that continue after their program has closed them. This file limits their
 * number.
 */
#include "base/orphan.h"

#include <net/sock.h>

#include "base/counter.h"
#include "base/endpoint.h"
#include "base/guests.h"
#include "base/net.h"
#include "compat.h"

#define ORPHANS_BATCH	8	/* a processor adds its count to the sum when the count reaches 8 */
#define ORPHANS_ROUGH	64	/* the check of a limit may be wrong by 1/64 of the limit */

static struct percpu_counter all_orphans;	/* the number of orphans in all namespaces */

/*
 * The orphans of all guests (xtcp_net.is_guest). A guest may set its own max_orphans to any value,
 * so all guests together have a limit, too. It follows the max_orphans of the initial namespace.
 */
static struct xtcp_guests guest_orphans = { .batch = ORPHANS_BATCH, .thing = XTCP_GUESTS_ORPHANS };

/**
 * xtcp_orphan_init() - make the global counters
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_orphan_init(void)
{
	int err = percpu_counter_init(&all_orphans, 0, GFP_KERNEL);

	if (err)
		return err;
	err = xtcp_guests_init(&guest_orphans);
	if (err)
		percpu_counter_destroy(&all_orphans);
	return err;
}

/**
 * xtcp_orphan_exit() - free the counters
 *
 * Context: process, module exit; the last sock was freed.
 */
void xtcp_orphan_exit(void)
{
	xtcp_guests_exit(&guest_orphans);
	percpu_counter_destroy(&all_orphans);
}

/**
 * xtcp_orphan_net_init() - make the counter of a namespace's orphans
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_orphan_net_init(struct xtcp_net *xn)
{
	return percpu_counter_init(&xn->rest->orphans, 0, GFP_KERNEL_ACCOUNT);
}

/**
 * xtcp_orphan_net_exit() - undo xtcp_orphan_net_init()
 * @xn: the namespace; no orphan is left
 *
 * Context: process, namespace exit.
 */
void xtcp_orphan_net_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(percpu_counter_sum(&xn->rest->orphans));
	percpu_counter_destroy(&xn->rest->orphans);
}

static void count_orphan(struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->rest->orphans, change, ORPHANS_BATCH);
	percpu_counter_add_batch(&all_orphans, change, ORPHANS_BATCH);
	if (xn->is_guest)
		xtcp_guests_count(&guest_orphans, xn, change);
}

/**
 * xtcp_orphan_leave_netns() - drop the namespace reference of a sock without a program
 * @sk: the sock
 *
 * Context: process, BH disabled. Lock: socket, held by bh_lock_sock(), or no other thread can find
 * @sk.
 */
void xtcp_orphan_leave_netns(struct sock *sk)
{
	if (!sk->sk_net_refcnt)
		return;
	sk->sk_net_refcnt = 0;
	sock_inuse_add(sock_net(sk), -1);
	xtcp_compat_put_net(sk);
}

/**
 * xtcp_orphan_add() - count a new orphan, and drop its namespace reference
 * @sk: a sock after sock_orphan(), with an empty backlog
 *
 * As in Linux, an orphan does not keep its namespace alive, but ends with the namespace. So this
 * function drops the reference of the orphan, although the sock is freed later. From now on the
 * namespace may exit at any time; its exit takes the socket lock of each orphan, so the exit
 * waits for the caller.
 *
 * Context: process, BH disabled. Lock: socket, held by bh_lock_sock(); no program owns it.
 */
void xtcp_orphan_add(struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct xtcp_shard *shard;

	sock_owned_by_me(sk);
	if (xtcp_endpoint(sk)->is_orphan)
		return;
	xtcp_endpoint(sk)->is_orphan = true;
	count_orphan(xtcp_net(net), 1);
	shard = xtcp_shard_of(xtcp_net(net), xtcp_endpoint(sk)->conn.hash);
	spin_lock(&shard->lock);
	list_add(&xtcp_endpoint(sk)->accept_node, &shard->orphans);
	spin_unlock(&shard->lock);
	xtcp_orphan_leave_netns(sk);
}

static s64 all_max(void)
{
	return READ_ONCE(xtcp_net(&init_net)->sysctl.max_orphans);
}

static bool is_above(struct percpu_counter *orphans, s64 limit)
{
	return xtcp_counter_above(orphans, limit, ORPHANS_BATCH, ORPHANS_ROUGH);
}

/**
 * xtcp_orphan_too_many() - does this orphan have to be reset?
 * @sk: an orphan
 * @is_new: @sk has just become an orphan
 *
 * As in Linux's tcp_check_oom(), an orphan is reset if this namespace has more orphans than its
 * max_orphans, or if all namespaces together have more than the max_orphans of the initial
 * namespace. It is also reset if it has queued more than SOCK_MIN_SNDBUF octets while TCP uses more
 * memory than the third value of tcp_mem allows.
 *
 * All guests (xtcp_net.is_guest) together may have half of the global limit, and the guests of one
 * maker (guests.c) a quarter of that half. Otherwise one user could cause the reset of the orphans
 * of all others. These limits apply only to new orphans: beyond a limit, the new orphan is reset,
 * and the older orphans stay.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the orphan has to be reset.
 */
bool xtcp_orphan_too_many(struct sock *sk, bool is_new)
{
	struct xtcp_net *xn = xtcp_net_of(sk);

	sock_owned_by_me(sk);
	if (is_above(&xn->rest->orphans, READ_ONCE(xn->sysctl.max_orphans)) ||
	    is_above(&all_orphans, all_max()) ||
	    (is_new && xn->is_guest && xtcp_guests_exceed(&guest_orphans, xn, all_max() / XTCP_GUESTS_PART, 0))) {
		net_info_ratelimited("too many orphaned sockets\n");
		return true;
	}
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF && sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2);
}

/**
 * xtcp_orphan_leave() - undo xtcp_orphan_add(), except for the namespace reference
 * @sk: an orphan that is CLOSED
 *
 * Context: softirq or process, BH disabled. Lock: socket, held.
 */
void xtcp_orphan_leave(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_shard *shard = xtcp_shard_of(xn, xtcp_endpoint(sk)->conn.hash);

	sock_owned_by_me(sk);
	xtcp_endpoint(sk)->is_orphan = false;
	spin_lock(&shard->lock);
	list_del_init(&xtcp_endpoint(sk)->accept_node);
	spin_unlock(&shard->lock);
	count_orphan(xn, -1);
}
