// SPDX-License-Identifier: GPL-2.0
/*
 * struct xtcp_members: the listeners of one SO_REUSEPORT group that have the same address, port and
 * device. They share the SYNs. A listener without SO_REUSEPORT has a struct of its own.
 *
 * The hash of a SYN chooses one of these listeners, the members, in constant time (seats.c).
 * Members whose SO_INCOMING_CPU names the processor on which the SYN arrives are preferred
 * (incoming.c). The array of members never shrinks; it is freed when the last member leaves.
 */
#include "lookup/members.h"

#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "listen/listener.h"
#include "lookup/seats.h"

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
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		key->addr = sk->sk_v6_rcv_saddr;
		return;
	}
#endif
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
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		members->v6 = true;
		members->v4 = ipv6_addr_any(&sk->sk_v6_rcv_saddr) && !ipv6_only_sock(sk);
	}
#endif
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
