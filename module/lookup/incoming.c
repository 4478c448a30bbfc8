// SPDX-License-Identifier: GPL-2.0
/*
 * SO_INCOMING_CPU: within a group, a SYN goes to a listener whose option names the processor on
 * which the SYN arrives.
 *
 * Kernel TCP starts at the member that the hash chooses, and walks on to the next member whose
 * option names this processor. So a member gets more SYNs than others if many members in front of
 * it name other processors. In xtcp, the members that name the same processor are in an array of
 * their own (struct xtcp_seats), and the hash chooses among them. Each of them gets an equal share
 * of the SYNs, and the choice takes the same time for thousands of members as for a few. If no
 * member names the processor, any member may get the SYN, in both stacks.
 *
 * Generic socket code sets the option under the socket lock, without a call to us. So we read the
 * option when setsockopt() releases the lock. If there is no memory for a larger array at that
 * moment, the listener is treated like one without the option until its lock is released again, for
 * example at the next accept().
 */
#include "lookup/incoming.h"

#include <linux/cpumask.h>
#include <linux/smp.h>
#include <net/sock.h>

#include "base/endpoint.h"
#include "listen/listener.h"
#include "lookup/members.h"
#include "lookup/seats.h"

#define SEAT_GFP	(GFP_ATOMIC | __GFP_ACCOUNT)

/**
 * xtcp_incoming_start() - initialise an empty set of arrays for a new struct xtcp_members
 * @incoming: the arrays
 *
 * Context: any.
 */
void xtcp_incoming_start(struct xtcp_incoming *incoming)
{
	xa_init_flags(&incoming->cpus, XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT);
	/*
	 * this lock nests inside a socket's spinlock: give it another lockdep class than the locks
	 * of other xarrays
	 */
	spin_lock_init(&incoming->cpus.xa_lock);
}

/**
 * xtcp_incoming_free() - free all arrays after the last lookup
 * @incoming: the arrays (xtcp_members.incoming); no listener joins any more
 *
 * Context: process.
 */
void xtcp_incoming_free(struct xtcp_incoming *incoming)
{
	struct xtcp_seats *seats;
	unsigned long cpu;

	xa_for_each(&incoming->cpus, cpu, seats)
		kvfree_rcu(seats, rcu);
	xa_destroy(&incoming->cpus);
}

/* Returns the array of @cpu, with space for one more listener; NULL without memory. */
static struct xtcp_seats *seats_for(struct xtcp_incoming *incoming, int cpu)
{
	struct xtcp_seats *old = xa_load(&incoming->cpus, cpu), *seats;

	if (old && old->n < old->room)
		return old;
	seats = old ? xtcp_seats_larger(old, SEAT_GFP) : xtcp_seats_new(1, SEAT_GFP);
	if (!seats)
		return NULL;
	if (xa_is_err(__xa_store(&incoming->cpus, cpu, seats, SEAT_GFP))) {
		kvfree(seats);
		return NULL;
	}
	if (old)
		kvfree_rcu(old, rcu);
	return seats;
}

static void take_seat(struct xtcp_incoming *incoming, struct sock *sk, int cpu)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_seats *seats;

	/* a processor that does not exist gets no segments, so it needs no array */
	if (cpu >= 0 && cpu < nr_cpu_ids) {
		seats = seats_for(incoming, cpu);
		if (!seats)
			return;
		listener->cpu_index = seats->n;
		xtcp_seats_add(seats, sk);
	}
	listener->cpu = cpu;
}

static void give_back_seat(struct xtcp_incoming *incoming, struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct sock *moved;

	if (listener->cpu >= 0 && listener->cpu < nr_cpu_ids) {
		moved = xtcp_seats_remove(xa_load(&incoming->cpus, listener->cpu), listener->cpu_index);
		if (moved)
			xtcp_endpoint(moved)->listener->cpu_index = listener->cpu_index;
	}
	listener->cpu = -1;
}

/**
 * xtcp_incoming_join() - add a listener to the array of the processor that its SO_INCOMING_CPU
 *	names
 * @incoming: the arrays (xtcp_members.incoming)
 * @sk: the listener, in none of the arrays
 *
 * Context: process. Lock: socket, held. Takes the lock of @incoming.
 */
void xtcp_incoming_join(struct xtcp_incoming *incoming, struct sock *sk)
{
	const int cpu = READ_ONCE(sk->sk_incoming_cpu);

	sock_owned_by_me(sk);
	if (cpu < 0)
		return;
	xa_lock_bh(&incoming->cpus);
	take_seat(incoming, sk, cpu);
	xa_unlock_bh(&incoming->cpus);
}

/**
 * xtcp_incoming_leave() - remove a listener from the array of its processor
 * @incoming: the arrays (xtcp_members.incoming)
 * @sk: the listener
 *
 * Context: process. Lock: socket, held. Takes the lock of @incoming.
 */
void xtcp_incoming_leave(struct xtcp_incoming *incoming, struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_endpoint(sk)->listener->cpu < 0)
		return;
	xa_lock_bh(&incoming->cpus);
	give_back_seat(incoming, sk);
	xa_unlock_bh(&incoming->cpus);
}

/**
 * xtcp_incoming_follow() - move a listener to its new processor if SO_INCOMING_CPU has changed
 * @sk: a sock in LISTEN
 *
 * Context: process, in release_sock(). Lock: socket, held. Takes the lock of struct xtcp_incoming.
 */
noinline void xtcp_incoming_follow(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	const int cpu = READ_ONCE(sk->sk_incoming_cpu);
	struct xtcp_incoming *incoming;

	sock_owned_by_me(sk);
	if (!listener || !listener->members || listener->cpu == cpu)
		return;
	incoming = &listener->members->incoming;
	xa_lock_bh(&incoming->cpus);
	give_back_seat(incoming, sk);
	take_seat(incoming, sk, cpu);
	xa_unlock_bh(&incoming->cpus);
}

/**
 * xtcp_incoming_choose() - choose a listener whose option names this processor
 * @incoming: the arrays (xtcp_members.incoming)
 * @hash: the hash of a SYN's tuple
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the listener; NULL if no listener's option names this processor. A hash chooses the same
 * listener on this processor until the array of the processor changes.
 */
struct sock *xtcp_incoming_choose(struct xtcp_incoming *incoming, u32 hash)
{
	const struct xtcp_seats *seats;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	/* data_race(): a listener that joins at this moment may be missed */
	if (data_race(xa_empty(&incoming->cpus)))
		return NULL;
	seats = xa_load(&incoming->cpus, raw_smp_processor_id());
	return seats ? xtcp_seats_choose(seats, hash) : NULL;
}
