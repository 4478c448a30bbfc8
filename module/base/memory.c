// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a sock must have although there is none left for it, and memory that it is about to need again.
 *
 * Some octets are taken whatever tcp_mem and the control group say: without them a connection would stand still, and
 * nobody would ever give back what it holds. They are counted all the same, by all who count, so that others feel them.
 */
#include "base/memory.h"

#include <linux/jiffies.h>
#include <linux/timer.h>
#include <net/sock.h>

#include "base/sock.h"
#include "base/stream.h"
#include "compat.h"

#define KEPT	((int)(2 * PAGE_SIZE))	/* octets; less than that is kept for the next segment */
#define SOON	(HZ)			/* jiffies */
#define STAND_INS	16

/*
 * The kernel's own way to do this is not for modules. But it never refuses a stream whose send buffer is full, since
 * that one would not wait for memory: such a one stands in for the sock, and hands over what it got. It is too large
 * for the stack. Each accept() in a memory control group wants one, so there are some, for as many processors.
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

/**
 * xtcp_memory_force() - have this much memory charged to the sock, whatever the limits say
 * @sk: the sock
 * @octets: what sk_mem_charge() is about to take
 *
 * Charged to tcp_mem, and to the sock's memory control group if it has one.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_memory_force(struct sock *sk, int octets)
{
	int missing = octets - sk->sk_forward_alloc;

	sock_owned_by_me(sk);
	if (missing > 0)
		sk_forward_alloc_add(sk, charge_always(sk, missing));
}

#ifdef CONFIG_MEMCG
/* All pages that were charged for the sock. What is in the error queue was not, though sk_rmem_alloc counts it. */
static int charged(const struct sock *sk)
{
	int octets = sk->sk_forward_alloc + sk->sk_wmem_queued + xtcp_sk(sk)->stream->out_of_order_bytes;
	const struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		octets += skb->truesize;
	return octets;
}
#endif

/**
 * xtcp_memory_accepted() - the sock is the running program's from now on: its memory control group is charged
 * @sk: a child that accept() is about to return
 *
 * What it holds by now was charged to tcp_mem alone. That is given back, and charged to both.
 *
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
	sk->sk_memcg = memcg;	/* the reference ends with the sock */
	if (held)
		sk_forward_alloc_add(sk, charge_always(sk, held));
	release_sock(sk);
#endif
}

/**
 * xtcp_memory_uncharge() - a queue has become smaller
 * @sk: the sock
 * @octets: what sk_mem_charge() took
 *
 * A page goes back to tcp_mem, and comes again with the next segment, which costs more than all else that a queue does
 * for a message. So a sock keeps one as long as its timer runs soon, which gives it back: xtcp_timer_run(). An idle
 * one has none, and there is none to keep when tcp_mem is short.
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_memory_uncharge(struct sock *sk, int octets)
{
	sk_forward_alloc_add(sk, octets);
	if (sk->sk_forward_alloc >= KEPT || !timer_pending(&sk->sk_timer) ||
	    time_after(sk->sk_timer.expires, jiffies + SOON) || sk_under_memory_pressure(sk))
		sk_mem_reclaim(sk);
}
