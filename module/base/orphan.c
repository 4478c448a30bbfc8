// SPDX-License-Identifier: GPL-2.0
/*
 * Orphans: connections that go on after their program has closed them. How many there may be, and how they end with
 * their namespace.
 */
#include "base/orphan.h"

#include <linux/slab.h>
#include <net/sock.h>

#include "base/netns.h"
#include "base/sock.h"
#include "compat.h"

#define ORPHANS_BATCH	8	/* orphans that a processor may count for itself */
#define ORPHANS_ROUGH	64	/* a limit may be missed by this part of it */
#define GUESTS_ROUGH	8	/* and one of guests, which is smaller, by this */

/* Of all namespaces, and of those that any user can make: there is no telling what they set max_orphans to. */
static struct percpu_counter all_orphans, guest_orphans;

/**
 * xtcp_orphan_init() - make the counters of all namespaces
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
	err = percpu_counter_init(&guest_orphans, 0, GFP_KERNEL);
	if (err)
		percpu_counter_destroy(&all_orphans);
	return err;
}

/**
 * xtcp_orphan_exit() - free the counters
 *
 * Context: process, module exit; the last sock is gone.
 */
void xtcp_orphan_exit(void)
{
	percpu_counter_destroy(&guest_orphans);
	percpu_counter_destroy(&all_orphans);
}

/**
 * xtcp_orphan_net_init() - a namespace's shards, with its lists of orphans
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_orphan_net_init(struct xtcp_net *xn)
{
	unsigned int i;

	xn->shards = kcalloc(xtcp_shard_mask + 1, sizeof(*xn->shards), GFP_KERNEL_ACCOUNT);
	if (!xn->shards)
		return -ENOMEM;
	for (i = 0; i <= xtcp_shard_mask; i++) {
		spin_lock_init(&xn->shards[i].lock);
		INIT_LIST_HEAD(&xn->shards[i].orphans);
		xn->shards[i].xn = xn;
	}
	if (!percpu_counter_init(&xn->orphans, 0, GFP_KERNEL_ACCOUNT))
		return 0;
	kfree(xn->shards);
	return -ENOMEM;
}

/**
 * xtcp_orphan_net_exit() - undo xtcp_orphan_net_init()
 * @xn: the namespace; no orphan and no record is left
 *
 * Context: process, namespace exit.
 */
void xtcp_orphan_net_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(percpu_counter_sum(&xn->orphans));
	percpu_counter_destroy(&xn->orphans);
	kfree(xn->shards);
	xn->shards = NULL;
}

static void count_orphan(struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->orphans, change, ORPHANS_BATCH);
	percpu_counter_add_batch(&all_orphans, change, ORPHANS_BATCH);
	if (xn->is_guest)
		percpu_counter_add_batch(&guest_orphans, change, ORPHANS_BATCH);
}

/**
 * xtcp_orphan_leave_netns() - a sock without a program does not keep its namespace alive
 * @sk: the sock
 *
 * Context: process, BH disabled. Lock: socket, held by bh_lock_sock(), or nobody else can have @sk.
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
 * xtcp_orphan_add() - count a sock without a file, and let its namespace go
 * @sk: sock_orphan() was called and the backlog is empty
 *
 * An orphan does not keep its namespace alive, as in Linux; it dies with it. The reference goes back here and not when
 * the sock is freed. From here on the namespace's exit may come at any time, and waits for this lock.
 *
 * Context: process, BH disabled. Lock: socket, held by bh_lock_sock(); no program owns it.
 */
void xtcp_orphan_add(struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct xtcp_shard *shard;

	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->is_orphan)
		return;
	xtcp_sk(sk)->is_orphan = true;
	count_orphan(xtcp_net(net), 1);
	shard = xtcp_shard_of(xtcp_net(net), xtcp_sk(sk)->conn.hash);
	spin_lock(&shard->lock);
	list_add(&xtcp_sk(sk)->accept_node, &shard->orphans);
	spin_unlock(&shard->lock);
	xtcp_orphan_leave_netns(sk);
}

static s64 all_max(void)
{
	return READ_ONCE(xtcp_net(&init_net)->sysctl.max_orphans);
}

/*
 * Exact where the limit is small. To be exact near a large one would be to ask all processors at each close(), which is
 * when there is most to do.
 */
static bool is_above(struct percpu_counter *orphans, s64 limit, int rough_part)
{
	if (limit / rough_part >= ORPHANS_BATCH * num_possible_cpus())
		return percpu_counter_read_positive(orphans) > limit;
	return __percpu_counter_compare(orphans, limit, ORPHANS_BATCH) > 0;
}

static bool guests_have_enough(struct xtcp_net *xn)
{
	s64 guests_max = all_max() / XTCP_GUESTS_PART;

	return is_above(&guest_orphans, guests_max, GUESTS_ROUGH) ||
	       is_above(&xn->orphans, guests_max / XTCP_GUEST_SHARE, GUESTS_ROUGH);
}

/**
 * xtcp_orphan_too_many() - must this orphan be reset rather than kept?
 * @sk: an orphan
 * @is_new: it has just become one
 *
 * As Linux's tcp_check_oom(): more than max_orphans of this namespace, more in all namespaces than the first one's
 * max_orphans, or memory beyond its last limit. Of what all may have the namespaces that any user can make have a half
 * together, and one of them a quarter of that: else one could have everybody's orphans reset. That is asked of new
 * ones alone, since each counts until it is judged, and another guest's would be reset for it.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it must.
 */
bool xtcp_orphan_too_many(struct sock *sk, bool is_new)
{
	struct xtcp_net *xn = xtcp_net_of(sk);

	sock_owned_by_me(sk);
	if (is_above(&xn->orphans, READ_ONCE(xn->sysctl.max_orphans), ORPHANS_ROUGH) ||
	    is_above(&all_orphans, all_max(), ORPHANS_ROUGH) ||
	    (is_new && xn->is_guest && guests_have_enough(xn))) {
		net_info_ratelimited("too many orphaned sockets\n");
		return true;
	}
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF && sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2);
}

/**
 * xtcp_orphan_leave() - undo what xtcp_orphan_add() counted
 * @sk: an orphan that is CLOSED
 *
 * Context: softirq or process, BH disabled. Lock: socket, held.
 */
void xtcp_orphan_leave(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_shard *shard = xtcp_shard_of(xn, xtcp_sk(sk)->conn.hash);

	sock_owned_by_me(sk);
	xtcp_sk(sk)->is_orphan = false;
	spin_lock(&shard->lock);
	list_del_init(&xtcp_sk(sk)->accept_node);
	spin_unlock(&shard->lock);
	count_orphan(xn, -1);
}

/* The first orphan of a shard, with a reference; as long as it is listed its own is there. */
static struct sock *first_orphan(struct xtcp_shard *shard)
{
	struct xtcp_sock *xsk;

	spin_lock_bh(&shard->lock);
	xsk = list_first_entry_or_null(&shard->orphans, struct xtcp_sock, accept_node);
	if (xsk)
		sock_hold(xtcp_sk_of(xsk));	/* put in end_orphan() */
	spin_unlock_bh(&shard->lock);
	return xsk ? xtcp_sk_of(xsk) : NULL;
}

static void end_orphan(struct sock *sk)
{
	local_bh_disable();
	bh_lock_sock(sk);
	xtcp_sock_fail(sk, 0, XTCP_ABORT_NETNS);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
}

/**
 * xtcp_orphan_end_all() - end what is left of full size in a namespace that goes away
 * @xn: the namespace; no descriptor of ours is open in it
 *
 * What is left are orphans. No RST is sent: devices and routes are gone already, or the module is on its way out.
 *
 * Context: process, namespace or module exit. No lock.
 */
void xtcp_orphan_end_all(struct xtcp_net *xn)
{
	struct sock *sk;
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask; i++) {
		while ((sk = first_orphan(&xn->shards[i]))) {
			end_orphan(sk);
			cond_resched();
		}
	}
}
