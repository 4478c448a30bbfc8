// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners that share the SYNs for one place, as an array: whom a hash chooses is found at once, however many they
 * are.
 *
 * A listener that cannot have others beside it is alone in its array. Lookups read the array under RCU while it changes
 * in place: who joins stands behind the others before they are one more, who leaves has the last one put in its stead.
 * So a lookup may meet a member that has just left, which is in memory until the read side ends, or one that is about
 * to join, which is complete. A full array is
 * replaced by one of twice the size; it does not shrink before the last member leaves.
 */
#include "lookup/members.h"

#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/netns.h"
#include "base/sock.h"
#include "listen/listener.h"

#define ASKED_MAX	64	/* members asked for SO_INCOMING_CPU for one SYN */

struct xtcp_members_array {
	struct rcu_head rcu;
	u32 n;			/* written after the member that it counts; read by smp_load_acquire() */
	u32 room;
	struct sock *sk[];
};

static struct xtcp_members_array *array_new(u32 room)
{
	struct xtcp_members_array *array = kvmalloc(struct_size(array, sk, room), GFP_KERNEL_ACCOUNT);

	if (array) {
		array->n = 0;
		array->room = room;
	}
	return array;
}

static struct xtcp_members_array *array_of(const struct xtcp_members *members, const struct xtcp_net *xn)
{
	return rcu_dereference_protected(members->array, lockdep_is_held(&xn->listeners_lock));
}

/* @array has room. */
static void seat(struct xtcp_members *members, struct xtcp_members_array *array, struct sock *sk)
{
	xtcp_sk(sk)->listener->members = members;
	xtcp_sk(sk)->listener->member_index = array->n;
	if (READ_ONCE(sk->sk_incoming_cpu) >= 0)
		WRITE_ONCE(members->by_cpu, true);
	/* a lookup may know of this seat from one who has left: who finds the sock finds all that it has */
	smp_store_release(&array->sk[array->n], sk);
	/* pairs with the smp_load_acquire() of xtcp_members_pick() */
	smp_store_release(&array->n, array->n + 1);
}

/**
 * xtcp_members_key_of() - by what SYNs find a listener
 * @sk: the listener
 * @key: filled
 *
 * Context: any. Lock: socket, held, or nobody changes @sk.
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
 * xtcp_members_new() - a listener alone on its place
 * @sk: the listener
 *
 * Context: process, may sleep. Lock: xtcp_net.listeners_lock, held.
 *
 * Return: what stands there, to be put in the table; NULL without memory, and nothing has changed.
 */
struct xtcp_members *xtcp_members_new(struct sock *sk)
{
	struct xtcp_members *members;
	struct xtcp_members_array *array;

	lockdep_assert_held(&xtcp_net_of(sk)->listeners_lock);
	members = kzalloc(sizeof(*members), GFP_KERNEL_ACCOUNT);
	array = array_new(1);
	if (!members || !array) {
		kvfree(array);
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
	members->group = xtcp_sk(sk)->listener->group;
	seat(members, array, sk);
	RCU_INIT_POINTER(members->array, array);
	return members;
}

/**
 * xtcp_members_free() - free what stood on a place, after the last lookup
 * @members: not in the table any more
 *
 * Context: process.
 */
void xtcp_members_free(struct xtcp_members *members)
{
	struct xtcp_members_array *array = rcu_dereference_protected(members->array, true);

	kvfree_rcu(array, rcu);
	kfree_rcu(members, rcu);
}

/**
 * xtcp_members_join() - one more listener on the same place
 * @members: those there, at least one
 * @sk: of the same group
 *
 * Context: process, may sleep. Lock: xtcp_net.listeners_lock, held.
 *
 * Return: 0, or -ENOMEM, and nothing has changed.
 */
int xtcp_members_join(struct xtcp_members *members, struct sock *sk)
{
	struct xtcp_members_array *old = array_of(members, xtcp_net_of(sk)), *array = old;

	lockdep_assert_held(&xtcp_net_of(sk)->listeners_lock);
	if (old->n == old->room) {
		array = array_new(2 * old->room);
		if (!array)
			return -ENOMEM;
		memcpy(array->sk, old->sk, old->n * sizeof(*old->sk));
		array->n = old->n;
	}
	seat(members, array, sk);
	if (array != old) {
		rcu_assign_pointer(members->array, array);
		kvfree_rcu(old, rcu);
	}
	return 0;
}

/**
 * xtcp_members_leave() - one listener less
 * @members: those there
 * @index: which of them: xtcp_listener.member_index
 *
 * Context: process. Lock: xtcp_net.listeners_lock, held.
 *
 * Return: true when it is the last: then it stays in the array, and the caller takes all of it out of the table.
 */
bool xtcp_members_leave(struct xtcp_members *members, u32 index)
{
	struct xtcp_members_array *array = rcu_dereference_protected(members->array, true);
	struct sock *last = array->sk[array->n - 1];

	lockdep_assert_held(&xtcp_net_of(last)->listeners_lock);
	if (array->n == 1)
		return true;
	if (index != array->n - 1) {
		/* as in seat() */
		smp_store_release(&array->sk[index], last);
		xtcp_sk(last)->listener->member_index = index;
	}
	WRITE_ONCE(array->n, array->n - 1);
	return false;
}

/**
 * xtcp_members_any() - a member, to see whose place it is
 * @members: those there
 *
 * Context: process. Lock: xtcp_net.listeners_lock, held.
 *
 * Return: the member.
 */
struct sock *xtcp_members_any(const struct xtcp_members *members)
{
	struct sock *sk = rcu_dereference_protected(members->array, true)->sk[0];

	lockdep_assert_held(&xtcp_net_of(sk)->listeners_lock);
	return sk;
}

/**
 * xtcp_members_pick() - the member that a SYN is for
 * @members: found in the table
 * @hash: of the SYN's tuple
 * @on_cpu: whether the member reads on this processor, by SO_INCOMING_CPU
 *
 * The one that the hash names. Where SO_INCOMING_CPU is in use the next from there on that has this processor, if one
 * of a bounded number has it. Nobody tells us when a program sets the option, so its use is seen when a listener
 * joins, and when a SYN is for one that has it.
 *
 * Context: softirq, RCU read side, which the result is valid for; no reference is taken.
 *
 * Return: the member; the same one for the same tuple and processor until the group changes.
 */
struct sock *xtcp_members_pick(struct xtcp_members *members, u32 hash, bool *on_cpu)
{
	const struct xtcp_members_array *array = rcu_dereference(members->array);
	/* pairs with the smp_store_release() of seat() */
	const u32 n = smp_load_acquire(&array->n);
	const int here = raw_smp_processor_id();
	u32 i, at = reciprocal_scale(hash, n);
	struct sock *sk = READ_ONCE(array->sk[at]), *other;
	int cpu = READ_ONCE(sk->sk_incoming_cpu);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	*on_cpu = cpu == here;
	if (*on_cpu || n == 1)
		return sk;
	if (cpu >= 0 && !READ_ONCE(members->by_cpu))
		WRITE_ONCE(members->by_cpu, true);
	if (!READ_ONCE(members->by_cpu))
		return sk;
	for (i = 1; i < min_t(u32, n, ASKED_MAX); i++) {
		at = at + 1 < n ? at + 1 : 0;
		other = READ_ONCE(array->sk[at]);
		if (READ_ONCE(other->sk_incoming_cpu) == here) {
			*on_cpu = true;
			return other;
		}
	}
	return sk;
}
