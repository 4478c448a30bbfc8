// SPDX-License-Identifier: GPL-2.0
/*
 * Charges memory that a sock must have, even beyond all limits, and keeps memory that the sock will
 * soon need again.
 *
 * Some memory is charged whatever the limits of tcp_mem and of the memory control group say. A
 * connection needs this memory to proceed, and must proceed to free the memory that it already has.
 * The charge still counts against the limits, so less is left for other sockets.
 */
#include "base/memory.h"

#include <linux/jiffies.h>
#include <net/sock.h>

#include "base/clock.h"
#include "base/sender.h"
#include "base/stream.h"
#include "compat.h"

#define KEPT	((int)(2 * PAGE_SIZE))	/* octets; a sock keeps less than KEPT for later segments */
#define SOON	(HZ)			/* jiffies; if its timer expires later, a sock keeps none */
#define STAND_INS	16

/*
 * Modules cannot call sk_forced_mem_schedule(). But if the send buffer of a stream socket is full,
 * __sk_mem_schedule() never refuses memory for sending. So the memory is charged to a dummy sock,
 * the stand-in, and then moved to the real sock. The send buffer of a stand-in has 0 octets, which
 * counts as full.
 *
 * A struct sock is too large for the stack, so stand-ins are static. Before Linux 6.19, accept() in
 * a memory control group may use a stand-in, too. There are several stand-ins, and the processor's
 * number selects one, so that processors seldom wait for each other.
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
 * xtcp_memory_force() - charge memory to the sock, whatever the limits say
 * @sk: the sock
 * @octets: the number that sk_mem_charge() is about to charge
 *
 * The memory is charged to tcp_mem, and to the sock's memory control group if there is one.
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
 * xtcp_memory_accepted() - charge a child to the memory control group of the accepting program
 * @sk: a child that accept() is about to return
 *
 * So far, the child's memory was charged to tcp_mem alone. Undo that, and charge the memory to
 * tcp_mem and to the group.
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
 * To give a page back to tcp_mem and to take a page for the next segment costs more time than all
 * other work for the queue. So a sock keeps less than two pages if its timer expires within a
 * second. xtcp_expiry_run() then gives the memory back. An idle sock keeps no memory. Under memory
 * pressure, this function leaves the sock less than a page.
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
