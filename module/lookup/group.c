// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: listeners on the same address, port and device share the SYNs.
 *
 * Sockets of one user that all have the option may bind to the same port, on the same or on
 * overlapping addresses and devices (sharing.c). Sockets that listen on exactly the same address,
 * port and device are the members of a group. The hash of a SYN's tuple chooses the member that
 * gets the SYN. The choice stays the same as long as the group does not change. A
 * listener that cannot share its port is a group of one.
 *
 * A BPF program may choose the member instead (SO_ATTACH_REUSEPORT_CBPF, _EBPF). The kernel keeps
 * the program in a struct sock_reuseport, with an array of sockets. As in kernel TCP, a listener
 * that joins gets the next index in this array. When a listener leaves, the last listener of the
 * array moves to the free index. So an index that a program returns selects the same member in both
 * stacks. No struct sock_reuseport has listeners of both stacks, because each stack looks for
 * members in its own table of listeners. A listener that is bound to another device after it joined
 * stays in its struct sock_reuseport, and a program may still choose this listener for the SYNs of
 * the old device. So is_beside() checks the sock that the program chooses.
 *
 * A member that closes drops its half-open entries like any listener. If net.xtcp.migrate_req is
 * set, the member hands them over instead (listen/estate.c). The third ACK for a dropped entry
 * reaches another member. As in Linux, this member answers with a RST, unless the ACK has a valid
 * cookie. A group checks cookies only for some time after xtcp_entry_note_declined() was called for
 * one of its members. entry.c lists the events that cause the call. All members share the time of
 * the last call, because the third ACK may reach another member.
 *
 * struct xtcp_members: the listeners of one SO_REUSEPORT group that have the same address, port and
 * device. A listener without SO_REUSEPORT has a struct of its own. The array of members never
 * shrinks; it is freed when the last member leaves.
 *
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
 *
 * An array of listeners, from which a hash chooses one in constant time.
 *
 * Lookups read the array under RCU while it changes in place. A new listener is written behind the
 * other listeners before the count includes it. When a listener leaves, the last listener moves to
 * the free index. A lookup may find a listener that has just left; this listener stays in memory
 * until the read side ends. A lookup may also find a listener that is about to join; this listener
 * is complete already. When the array is full, an array of twice the size replaces it.
 */
#include "lookup/lookup.h"

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/sock_reuseport.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "listen/listen.h"

/*
 * Allocate an empty array.
 * @room: how many listeners it can hold, at least 1
 *
 * Context: as @gfp allows.
 *
 * Return: the array, for kvfree_rcu(); NULL without memory.
 */
static struct xtcp_seats *xtcp_seats_new(u32 room, gfp_t gfp)
{
	struct xtcp_seats *seats;

	if (gfpflags_allow_blocking(gfp))
		seats = kvmalloc(struct_size(seats, sk, room), gfp);
	else
		seats = kmalloc(struct_size(seats, sk, room), gfp | __GFP_NOWARN);
	if (seats) {
		seats->n = 0;
		seats->room = room;
	}
	return seats;
}

/*
 * Copy the listeners to an array of twice the size.
 * @old: the full array; the caller frees it once lookups find the new array
 *
 * Context: as @gfp allows. Lock: the lock that guards @old, held.
 *
 * Return: the larger array; NULL without memory.
 */
static struct xtcp_seats *xtcp_seats_larger(const struct xtcp_seats *old, gfp_t gfp)
{
	struct xtcp_seats *seats = xtcp_seats_new(2 * old->room, gfp);

	if (seats) {
		memcpy(seats->sk, old->sk, old->n * sizeof(*old->sk));
		seats->n = old->n;
	}
	return seats;
}

/*
 * Append a listener.
 * @seats: the array, which is not full
 * @sk: the listener, complete for lookups
 *
 * Context: any. Lock: the one that guards @seats, held.
 */
static void xtcp_seats_add(struct xtcp_seats *seats, struct sock *sk)
{
	/*
	 * if another listener has just left, a lookup may still use the larger count from before.
	 * Such a lookup may read this element before the count below is stored. This store is a
	 * release, so even such a lookup finds the sock complete
	 */
	smp_store_release(&seats->sk[seats->n], sk);
	/* this smp_store_release() pairs with smp_load_acquire() in xtcp_seats_choose() */
	smp_store_release(&seats->n, seats->n + 1);
}

/*
 * Remove a listener.
 * @index: the listener's index in the array
 *
 * Context: any. Lock: the one that guards @seats, held.
 *
 * Return: the listener that has moved to @index; NULL if no listener has moved.
 */
static struct sock *xtcp_seats_remove(struct xtcp_seats *seats, u32 index)
{
	struct sock *last = seats->sk[seats->n - 1];

	if (index == seats->n - 1)
		last = NULL;
	else
		/* a release: a lookup that reads this element must find the sock complete */
		smp_store_release(&seats->sk[index], last);
	WRITE_ONCE(seats->n, seats->n - 1);
	return last;
}

/*
 * Choose a listener by a hash.
 * @hash: the hash, evenly spread over all values
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the listener, the same one for the same hash until the array changes; NULL if the array
 * is empty.
 */
static struct sock *xtcp_seats_choose(const struct xtcp_seats *seats, u32 hash)
{
	/* smp_load_acquire() pairs with the second smp_store_release() of xtcp_seats_add() */
	const u32 n = smp_load_acquire(&seats->n);

	return n ? READ_ONCE(seats->sk[reciprocal_scale(hash, n)]) : NULL;
}

#define SEAT_GFP	(GFP_ATOMIC | __GFP_ACCOUNT)

/* Initialise an empty set of arrays for a new struct xtcp_members. */
static void xtcp_incoming_start(struct xtcp_incoming *incoming)
{
	xa_init_flags(&incoming->cpus, XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT);
	/*
	 * this lock nests inside a socket's spinlock: give it another lockdep class than the locks
	 * of other xarrays
	 */
	spin_lock_init(&incoming->cpus.xa_lock);
}

/*
 * Free all arrays after the last lookup.
 * @incoming: the arrays (xtcp_members.incoming); no listener joins any more
 */
static void xtcp_incoming_free(struct xtcp_incoming *incoming)
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

/*
 * Choose a listener whose option names this processor.
 * @hash: the hash of a SYN's tuple
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the listener; NULL if no listener's option names this processor. A hash chooses the same
 * listener on this processor until the array of the processor changes.
 */
static struct sock *xtcp_incoming_choose(struct xtcp_incoming *incoming, u32 hash)
{
	const struct xtcp_seats *seats;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	/* data_race(): a listener that joins at this moment may be missed */
	if (data_race(xa_empty(&incoming->cpus)))
		return NULL;
	seats = xa_load(&incoming->cpus, raw_smp_processor_id());
	return seats ? xtcp_seats_choose(seats, hash) : NULL;
}

/**
 * xtcp_group_same_place() - are two socks bound to the same address and device?
 * @a: a sock
 * @b: another sock on the same port
 *
 * Context: any.
 *
 * Return: true when address, device, family and IPV6_V6ONLY are the same.
 */
bool xtcp_group_same_place(const struct sock *a, const struct sock *b)
{
	if (a->sk_family != b->sk_family || a->sk_bound_dev_if != b->sk_bound_dev_if)
		return false;
	if (a->sk_family == AF_INET6)
		return a->sk_ipv6only == b->sk_ipv6only &&
		       ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr);
	return a->sk_rcv_saddr == b->sk_rcv_saddr;
}

/**
 * xtcp_group_new() - allocate a group for one listener
 *
 * Context: process.
 *
 * Return: the group, for xtcp_group_put(); NULL without memory.
 */
struct xtcp_group *xtcp_group_new(void)
{
	struct xtcp_group *group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);

	if (group) {
		refcount_set(&group->members, 1);
		atomic_set(&group->open, 1);
	}
	return group;
}

/**
 * xtcp_group_put() - drop a listener's reference to its group
 * @group: the group
 *
 * Context: any.
 */
void xtcp_group_put(struct xtcp_group *group)
{
	if (refcount_dec_and_test(&group->members))
		kfree_rcu(group, rcu);
}

/**
 * xtcp_group_close() - the program of a listener closes it, or ends it in another way
 * @listener: the listener
 *
 * Only the first call counts.
 *
 * Context: process. Lock: socket of @listener, held.
 *
 * Return: true when no member of the group has a program any more.
 */
bool xtcp_group_close(struct xtcp_listener *listener)
{
	sock_owned_by_me(listener->sk);
	if (!listener->open)
		return false;
	listener->open = false;
	return atomic_dec_and_test(&listener->group->open);
}

/**
 * xtcp_group_join() - add a listener to its struct sock_reuseport
 * @sk: the new listener; nothing happens without SO_REUSEPORT
 * @member: a listener of the group that @sk joins; NULL if there is none
 *
 * If a BPF program was attached before listen(), @sk has a struct sock_reuseport of its own
 * already. If @member is NULL, @sk keeps its own struct, and later listeners join it.
 *
 * Context: process. Lock: socket of @sk, held.
 *
 * Return: 0. -ENOMEM without memory, or at Linux's limit of 32,768 members; nothing has changed
 * then.
 */
int xtcp_group_join(struct sock *sk, struct sock *member)
{
	bool any = !sk->sk_rcv_saddr;

	sock_owned_by_me(sk);
	if (!sk->sk_reuseport)
		return 0;
	if (sk->sk_family == AF_INET6)
		any = ipv6_addr_any(&sk->sk_v6_rcv_saddr);
	return member ? reuseport_add_sock(sk, member, any) : reuseport_alloc(sk, any);
}

/**
 * xtcp_group_leave() - remove a listener from its struct sock_reuseport
 * @sk: the listener
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_group_leave(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (rcu_access_pointer(sk->sk_reuseport_cb))
		reuseport_detach_sock(sk);
}

/*
 * May @chosen get a segment instead of @lsk? It may if both have the same address, port and device.
 * Two members of one struct sock_reuseport may have different devices: a program may have bound
 * @chosen to another device after @chosen joined.
 */
static bool is_beside(const struct sock *chosen, const struct sock *lsk)
{
	const struct xtcp_listener *its, *here;

	if (chosen == lsk)
		return true;
	if (chosen->sk_prot != lsk->sk_prot)
		return false;
	its = xtcp_listen_queues(chosen);
	here = xtcp_listen_queues(lsk);
	return its && here && READ_ONCE(its->members) == READ_ONCE(here->members);
}

/**
 * xtcp_group_ask() - let the group's BPF program choose the listener of a segment
 * @lsk: the listener that the lookup found
 * @hash: hash of the segment's tuple, used when the program names no member
 * @skb: a segment for a listener; skb->data is the TCP header
 *
 * The program sees the data of the segment and the headers before the data, like any socket filter.
 * It runs only for segments that are ours: once for each, or twice if the listener that it chose
 * the first time has just ended.
 *
 * Context: softirq, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the chosen listener, or @lsk.
 */
struct sock *xtcp_group_ask(struct sock *lsk, u32 hash, struct sk_buff *skb)
{
	const struct sock_reuseport *reuse = rcu_dereference(lsk->sk_reuseport_cb);
	struct sock *chosen;
	unsigned int len;

	/* data_race(): if SO_REUSEPORT changes at this moment, either answer is right */
	if (likely(!reuse || !rcu_access_pointer(reuse->prog)) || data_race(!lsk->sk_reuseport))
		return lsk;
	len = pskb_may_pull(skb, sizeof(struct tcphdr)) ? ((const struct tcphdr *)skb->data)->doff * 4 : 0;
	/* a segment with a malformed header needs no choice: every listener drops it */
	if (len < sizeof(struct tcphdr) || !pskb_may_pull(skb, len))
		return lsk;
	chosen = reuseport_select_sock(lsk, hash, skb, len);
	/*
	 * no error is expected: only a BPF_PROG_TYPE_SK_REUSEPORT program can refuse a segment. The
	 * kernel attaches no such program to a sock of xtcp
	 */
	return !IS_ERR_OR_NULL(chosen) && is_beside(chosen, lsk) ? chosen : lsk;
}

static struct xtcp_seats *seats_of(const struct xtcp_members *members, const struct xtcp_net *xn)
{
	return rcu_dereference_protected(members->seats, lockdep_is_held(&xn->rest->listeners_lock));
}

/* Adds @sk to @seats, the array of @members; the array is not full. */
static void seat(struct xtcp_members *members, struct xtcp_seats *seats, struct sock *sk)
{
	/* WRITE_ONCE(): xtcp_group_ask() reads this pointer without a lock */
	WRITE_ONCE(xtcp_endpoint(sk)->listener->members, members);
	xtcp_endpoint(sk)->listener->member_index = seats->n;
	xtcp_seats_add(seats, sk);
}

/**
 * xtcp_members_key_of() - make the key by which SYNs find a listener
 * @sk: the listener
 * @key: receives the key
 *
 * Context: any. Lock: socket, held, unless @sk cannot change meanwhile.
 */
void xtcp_members_key_of(const struct sock *sk, struct xtcp_members_key *key)
{
	*key = (struct xtcp_members_key) { .dev = sk->sk_bound_dev_if, .port = sk->sk_num };
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		key->addr = sk->sk_v6_rcv_saddr;
		return;
	}
	if (sk->sk_rcv_saddr)
		ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &key->addr);
}

/**
 * xtcp_members_new() - make a struct xtcp_members, with one listener
 * @sk: the listener
 *
 * Context: process, may sleep. Lock: xtcp_rest.listeners_lock, held.
 *
 * Return: the members, for the table; NULL without memory, and then nothing has changed.
 */
struct xtcp_members *xtcp_members_new(struct sock *sk)
{
	struct xtcp_members *members;
	struct xtcp_seats *seats;

	lockdep_assert_held(&xtcp_net_of(sk)->rest->listeners_lock);
	members = kzalloc(sizeof(*members), GFP_KERNEL_ACCOUNT);
	seats = xtcp_seats_new(1, GFP_KERNEL_ACCOUNT);
	if (!members || !seats) {
		kvfree(seats);
		kfree(members);
		return NULL;
	}
	xtcp_members_key_of(sk, &members->key);
	members->v4_only = sk->sk_family == AF_INET;
	members->v4 = true;
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		members->v6 = true;
		members->v4 = ipv6_addr_any(&sk->sk_v6_rcv_saddr) && !ipv6_only_sock(sk);
	}
	members->group = xtcp_endpoint(sk)->listener->group;
	xtcp_incoming_start(&members->incoming);
	seat(members, seats, sk);
	RCU_INIT_POINTER(members->seats, seats);
	return members;
}

/**
 * xtcp_members_free() - free a struct xtcp_members after the last lookup
 * @members: no longer in the table
 *
 * Context: process.
 */
void xtcp_members_free(struct xtcp_members *members)
{
	struct xtcp_seats *seats = rcu_dereference_protected(members->seats, true);

	xtcp_incoming_free(&members->incoming);
	kvfree_rcu(seats, rcu);
	kfree_rcu(members, rcu);
}

/**
 * xtcp_members_make_room() - make the array larger if it is full
 * @members: the members
 * @xn: the namespace of the members
 *
 * Context: process, may sleep. Lock: xtcp_rest.listeners_lock, held.
 *
 * Return: 0, or -ENOMEM.
 */
int xtcp_members_make_room(struct xtcp_members *members, struct xtcp_net *xn)
{
	struct xtcp_seats *old = seats_of(members, xn), *seats;

	lockdep_assert_held(&xn->rest->listeners_lock);
	if (old->n < old->room)
		return 0;
	seats = xtcp_seats_larger(old, GFP_KERNEL_ACCOUNT);
	if (!seats)
		return -ENOMEM;
	rcu_assign_pointer(members->seats, seats);
	kvfree_rcu(old, rcu);
	return 0;
}

/**
 * xtcp_members_join() - add a listener
 * @members: the members, whose array is not full
 * @sk: the listener, of the same group
 *
 * Context: process. Lock: xtcp_rest.listeners_lock, held since xtcp_members_make_room().
 */
void xtcp_members_join(struct xtcp_members *members, struct sock *sk)
{
	lockdep_assert_held(&xtcp_net_of(sk)->rest->listeners_lock);
	seat(members, seats_of(members, xtcp_net_of(sk)), sk);
}

/**
 * xtcp_members_leave() - remove a listener, unless it is the last one
 * @members: the members
 * @index: the listener's member_index
 *
 * Context: process. Lock: xtcp_rest.listeners_lock, held.
 *
 * Return: true when the listener is the last one and stays in the array: the caller then removes
 * @members from the table.
 */
bool xtcp_members_leave(struct xtcp_members *members, u32 index)
{
	struct xtcp_seats *seats = rcu_dereference_protected(members->seats, true);
	struct sock *moved;

	lockdep_assert_held(&xtcp_net_of(seats->sk[0])->rest->listeners_lock);
	if (seats->n == 1)
		return true;
	moved = xtcp_seats_remove(seats, index);
	if (moved)
		xtcp_endpoint(moved)->listener->member_index = index;
	return false;
}

/**
 * xtcp_members_any() - get any one of the members
 * @members: the members
 *
 * Context: process. Lock: xtcp_rest.listeners_lock, held.
 *
 * Return: a member. All of them have the same owner, address, port and device.
 */
struct sock *xtcp_members_any(const struct xtcp_members *members)
{
	struct sock *sk = rcu_dereference_protected(members->seats, true)->sk[0];

	lockdep_assert_held(&xtcp_net_of(sk)->rest->listeners_lock);
	return sk;
}

/**
 * xtcp_members_pick() - choose the member for a SYN
 * @members: the members, from the table
 * @hash: the hash of the SYN's tuple
 * @on_cpu: set to true if the member's SO_INCOMING_CPU names this processor, else to false
 *
 * Members whose SO_INCOMING_CPU names this processor are preferred.
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the member; the same one for the same tuple and processor until the group changes.
 */
struct sock *xtcp_members_pick(struct xtcp_members *members, u32 hash, bool *on_cpu)
{
	struct sock *sk = xtcp_incoming_choose(&members->incoming, hash);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	*on_cpu = sk;
	return sk ?: xtcp_seats_choose(rcu_dereference(members->seats), hash);
}

/**
 * xtcp_members_find() - find the member that a caller means
 * @members: the members, from the table
 * @fits: is it this one?
 * @arg: the second argument of @fits
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the member; NULL if @fits has refused all of them.
 */
struct sock *xtcp_members_find(const struct xtcp_members *members, bool (*fits)(struct sock *sk, const void *arg),
			       const void *arg)
{
	const struct xtcp_seats *seats = rcu_dereference(members->seats);
	/* smp_load_acquire() pairs with the second smp_store_release() of xtcp_seats_add() */
	u32 i = smp_load_acquire(&seats->n);
	struct sock *sk;

	/* from the end: the last member may move to the place of one that leaves, and must not be missed */
	while (i--) {
		sk = READ_ONCE(seats->sk[i]);
		if (fits(sk, arg))
			return sk;
	}
	return NULL;
}
