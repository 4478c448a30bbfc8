// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a sock must have is charged whatever the limits of tcp_mem and of the memory cgroup
 * say: a connection needs it to proceed, and so to free what it already has. It still counts, so
 * less is left for other sockets. Memory that a sock will soon need again is kept.
 *
 * Limits the number of orphans: connections that continue after their program has closed them.
 */
#include "base/base.h"

#include "base/sender.h"

#define ORPHANS_BATCH	8	/* a processor adds its count to the sum when the count reaches 8 */
#define ORPHANS_ROUGH	64	/* the check of a limit may be wrong by 1/64 of the limit */

static struct percpu_counter all_orphans;	/* the number of orphans in all namespaces */

/*
 * The orphans of all guests (xtcp_net.is_guest). A guest may set its own max_orphans to any value,
 * so all guests together have a limit, too. It follows the max_orphans of the initial namespace.
 */
static struct xtcp_guests guest_orphans = { .batch = ORPHANS_BATCH, .thing = XTCP_GUESTS_ORPHANS };

/* At module init: makes the global counters. Return: 0 or -ENOMEM. */
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

/* At module exit: the last sock was freed. */
void xtcp_orphan_exit(void)
{
	xtcp_guests_exit(&guest_orphans);
	percpu_counter_destroy(&all_orphans);
}

static void count_orphan(struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->rest->orphans, change, ORPHANS_BATCH);
	percpu_counter_add_batch(&all_orphans, change, ORPHANS_BATCH);
	if (xn->is_guest)
		xtcp_guests_count(&guest_orphans, xn, change);
}

/**
 * xtcp_orphan_add() - count a new orphan, and drop its namespace reference
 * @sk: a sock after sock_orphan(), with an empty backlog
 *
 * As in Linux, an orphan does not keep its namespace alive, but ends with it. From now on the
 * namespace may exit at any time; its exit takes the socket lock of each orphan, and so waits for
 * the caller.
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
 * As in Linux's tcp_check_oom(), it is reset if its namespace has more orphans than its
 * max_orphans, or all together more than that of the initial namespace; or if it has queued more
 * than SOCK_MIN_SNDBUF octets while TCP uses more memory than the third value of tcp_mem.
 *
 * All guests together may have half of the global limit, and those of one maker a quarter of that
 * half (guests.c): one user must not cause the reset of the orphans of all others. Beyond these two
 * limits only a new orphan is reset.
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
 * Context: softirq or process, BH disabled.
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

#define KEPT	((int)(2 * PAGE_SIZE))	/* octets; a sock keeps less than KEPT for later segments */
#define SOON	(HZ)			/* jiffies; if its timer expires later, a sock keeps none */
#define STAND_INS	16

/*
 * Modules cannot call sk_forced_mem_schedule(). But __sk_mem_schedule() never refuses memory for
 * sending to a stream socket whose send buffer is full. So the memory is charged to a dummy sock
 * with a send buffer of 0 octets, the stand-in, and then moved to the real sock.
 *
 * A struct sock is too large for the stack, so stand-ins are static. Before Linux 6.19, accept() in
 * a memory cgroup may use one, too. The processor's number selects one, so that processors seldom
 * wait for each other.
 */
static struct {
	spinlock_t lock;	/* guards @sk */
	struct sock sk;
} ____cacheline_aligned_in_smp stand_ins[STAND_INS] = {
	[0 ... STAND_INS - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(stand_ins.lock),
		.sk = {
			.sk_type = SOCK_STREAM,
			.sk_userlocks = SOCK_SNDBUF_LOCK,
		},
	},
};

static int charge_always(const struct sock *sk, int octets)
{
	const unsigned int i = raw_smp_processor_id() % STAND_INS;
	struct sock *stand_in = &stand_ins[i].sk;
	int got;

	spin_lock_bh(&stand_ins[i].lock);
	stand_in->sk_prot = sk->sk_prot;
#ifdef CONFIG_MEMCG
	stand_in->sk_memcg = sk->sk_memcg;
#endif
	write_pnet(&stand_in->sk_net, sock_net(sk));
	if (!__sk_mem_schedule(stand_in, octets, SK_MEM_SEND))
		WARN_ON_ONCE(1);
	got = stand_in->sk_forward_alloc;
	stand_in->sk_forward_alloc = 0;
#ifdef CONFIG_MEMCG
	stand_in->sk_memcg = NULL;
#endif
	spin_unlock_bh(&stand_ins[i].lock);
	return got;
}

/*
 * Charges @octets, which sk_mem_charge() is about to charge, to tcp_mem and to the sock's memory
 * cgroup, whatever the limits say.
 */
void xtcp_memory_force(struct sock *sk, int octets)
{
	int missing = octets - sk->sk_forward_alloc;

	sock_owned_by_me(sk);
	if (missing > 0)
		sk_forward_alloc_add(sk, charge_always(sk, missing));
}

#ifdef CONFIG_MEMCG
/*
 * All octets that were charged for the sock. The skbs of the error queue were not charged, though
 * sk_rmem_alloc counts them.
 */
static int charged(const struct sock *sk)
{
	int octets = sk->sk_forward_alloc + sk->sk_wmem_queued + xtcp_sender(sk)->stream->out_of_order_bytes;
	const struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		octets += skb->truesize;
	return octets;
}
#endif

/**
 * xtcp_memory_accepted() - charge a child to the memory cgroup of the accepting program
 * @sk: a child that accept() is about to return; so far it was charged to tcp_mem alone
 * Context: process. Takes the socket lock of @sk.
 */
void xtcp_memory_accepted(struct sock *sk)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg = xtcp_compat_acceptor_memcg();
	int held;

	if (!memcg)
		return;
	lock_sock(sk);
	held = charged(sk);
	__sk_mem_reclaim(sk, held);
	sk->sk_memcg = memcg;	/* freeing the sock drops the reference */
	if (held)
		sk_forward_alloc_add(sk, charge_always(sk, held));
	release_sock(sk);
#endif
}

/**
 * xtcp_memory_uncharge() - give back the memory of a queue that has shrunk
 * @sk: the sock
 * @octets: the number that sk_mem_charge() has charged
 *
 * To give a page back to tcp_mem and to take one for the next segment costs more than all other
 * work for the queue. So a sock keeps less than two pages if its timer expires within a second:
 * xtcp_timer_handler() then gives them back. An idle sock keeps none, one under memory pressure less
 * than a page.
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
void xtcp_memory_uncharge(struct sock *sk, int octets)
{
	sk_forward_alloc_add(sk, octets);
	if (sk->sk_forward_alloc >= KEPT || !xtcp_clock_timer_pending(&sk->sk_timer) ||
	    time_after(sk->sk_timer.expires, jiffies + SOON) || sk_under_memory_pressure(sk))
		sk_mem_reclaim(sk);
}
