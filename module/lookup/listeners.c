// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the listener of a SYN.
 *
 * Listeners are in a hash table of their namespace, by port, address and device. A SYN is looked up
 * by its destination address and by the wildcard address, and also by its device if any listener is
 * bound to one. The hash has a random key, against a user who may bind to many addresses. Of
 * several matches, the best is chosen as in kernel TCP. Lookups run under RCU: the result stays in
 * memory until the read side ends, but may leave the table meanwhile.
 *
 * SO_REUSEPORT: sockets of one user that all have the option may bind to one port, on the same or
 * on overlapping places (ports/lease.c). Those that listen at the same address, port and device are
 * members of a group, and one node of the table (struct xtcp_members). The hash of a SYN's tuple
 * chooses the member, always the same one until the group changes. A listener that cannot share its
 * port is a group of one.
 *
 * A BPF program may choose the member instead (SO_ATTACH_REUSEPORT_CBPF, _EBPF). The kernel keeps
 * the program in a struct sock_reuseport, with an array of sockets. As in kernel TCP, a listener
 * that joins gets the next index, and when one leaves, the last one moves to its index. So an index
 * that a program returns selects the same member in both stacks. No struct sock_reuseport has
 * listeners of both stacks. A listener that is bound to another device after it joined stays in the
 * struct: is_beside() checks what the program chooses.
 *
 * A member that closes drops its half-open entries, or hands them over (listen/handover.c). The third
 * ACK for a dropped entry reaches another member. As in Linux, this member answers with a RST,
 * unless the ACK has a valid cookie: all members share xtcp_group.declined.
 *
 * SO_INCOMING_CPU: a SYN goes to a member whose option names the processor on which the SYN
 * arrives; if there is none, to any. Kernel TCP starts at the member that the hash chooses, and
 * walks on to the next one whose option fits. Here, the members that name a processor are in an
 * array of their own, and the hash chooses among them: each gets an equal share, in constant time.
 * Generic socket code sets the option without a call to us, so it is read when setsockopt()
 * releases the lock. Without memory for a larger array, the listener has no option until its lock
 * is released again.
 *
 * Lookups read an array of listeners under RCU while it changes in place. A new listener is written
 * behind the others before the count includes it. When one leaves, the last one moves to its index.
 * A lookup may find a listener that has just left, or one that is about to join, which is complete
 * already. An array of twice the size replaces a full one. The array of members never shrinks.
 */
#include "lookup/lookup.h"

#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <net/sock_reuseport.h>

#include "listen/listen.h"

/* An array of listeners; the owner's lock guards changes. */
struct xtcp_reuse {
	struct rcu_head rcu;
	u32 n;			/* number of listeners; a new one is stored in @sk before @n includes it */
	u32 room;		/* how many listeners it can hold */
	struct sock *sk[];
};

/* For kvfree_rcu(). @room: how many listeners it can hold, at least 1. NULL: no memory. */
static struct xtcp_reuse *xtcp_reuse_new(u32 room, gfp_t gfp)
{
	struct xtcp_reuse *reuse = kvmalloc(struct_size(reuse, sk, room), gfp | __GFP_NOWARN);

	if (reuse) {
		reuse->n = 0;
		reuse->room = room;
	}
	return reuse;
}

static struct xtcp_reuse *xtcp_reuse_larger(const struct xtcp_reuse *old, gfp_t gfp)
{
	struct xtcp_reuse *reuse = xtcp_reuse_new(2 * old->room, gfp);

	if (reuse) {
		memcpy(reuse->sk, old->sk, old->n * sizeof(*old->sk));
		reuse->n = old->n;
	}
	return reuse;
}

/* Appends a listener that is complete for lookups. The array has room, and its lock is held. */
static void xtcp_reuse_add(struct xtcp_reuse *reuse, struct sock *sk)
{
	/* a lookup with a larger count from before may read this element already: it has to find the sock complete */
	smp_store_release(&reuse->sk[reuse->n], sk);
	/* this smp_store_release() pairs with smp_load_acquire() in xtcp_reuse_choose() */
	smp_store_release(&reuse->n, reuse->n + 1);
}

/* Removes the listener at @index; the lock is held. Return: the one that has moved to @index, or NULL. */
static struct sock *xtcp_reuse_remove(struct xtcp_reuse *reuse, u32 index)
{
	struct sock *last = reuse->sk[reuse->n - 1];

	if (index == reuse->n - 1)
		last = NULL;
	else
		/* a release: a lookup that reads this element must find the sock complete */
		smp_store_release(&reuse->sk[index], last);
	WRITE_ONCE(reuse->n, reuse->n - 1);
	return last;
}

/* Chooses by an evenly spread hash. The RCU read side keeps the result valid. NULL: the array is empty. */
static struct sock *xtcp_reuse_choose(const struct xtcp_reuse *reuse, u32 hash)
{
	/* smp_load_acquire() pairs with the second smp_store_release() of xtcp_reuse_add() */
	const u32 n = smp_load_acquire(&reuse->n);

	return n ? READ_ONCE(reuse->sk[reciprocal_scale(hash, n)]) : NULL;
}

#define REUSE_GFP	(GFP_ATOMIC | __GFP_ACCOUNT)

/* Frees all arrays after the last lookup; no listener joins any more. */
static void xtcp_incoming_free(struct xtcp_incoming *incoming)
{
	struct xtcp_reuse *reuse;
	unsigned long cpu;

	xa_for_each(&incoming->cpus, cpu, reuse)
		kvfree_rcu(reuse, rcu);
	xa_destroy(&incoming->cpus);
}

/* Returns the array of @cpu, with space for one more listener; NULL without memory. */
static struct xtcp_reuse *reuse_for(struct xtcp_incoming *incoming, int cpu)
{
	struct xtcp_reuse *old = xa_load(&incoming->cpus, cpu), *reuse;

	if (old && old->n < old->room)
		return old;
	reuse = old ? xtcp_reuse_larger(old, REUSE_GFP) : xtcp_reuse_new(1, REUSE_GFP);
	if (!reuse)
		return NULL;
	if (xa_is_err(__xa_store(&incoming->cpus, cpu, reuse, REUSE_GFP))) {
		kvfree(reuse);
		return NULL;
	}
	if (old)
		kvfree_rcu(old, rcu);
	return reuse;
}

static void take_slot(struct xtcp_incoming *incoming, struct sock *sk, int cpu)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_reuse *reuse;

	/* a processor that does not exist gets no segments, so it needs no array */
	if (cpu >= 0 && cpu < nr_cpu_ids) {
		reuse = reuse_for(incoming, cpu);
		if (!reuse)
			return;
		listener->cpu_index = reuse->n;
		xtcp_reuse_add(reuse, sk);
	}
	listener->cpu = cpu;
}

static void give_back_slot(struct xtcp_incoming *incoming, struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct sock *moved;

	if (listener->cpu >= 0 && listener->cpu < nr_cpu_ids) {
		moved = xtcp_reuse_remove(xa_load(&incoming->cpus, listener->cpu), listener->cpu_index);
		if (moved)
			xtcp_endpoint(moved)->listener->cpu_index = listener->cpu_index;
	}
	listener->cpu = -1;
}

/* Adds a listener to the array of the processor that its SO_INCOMING_CPU names. */
static void xtcp_incoming_join(struct xtcp_incoming *incoming, struct sock *sk)
{
	const int cpu = READ_ONCE(sk->sk_incoming_cpu);

	if (cpu < 0)
		return;
	xa_lock_bh(&incoming->cpus);
	take_slot(incoming, sk, cpu);
	xa_unlock_bh(&incoming->cpus);
}

static void xtcp_incoming_leave(struct xtcp_incoming *incoming, struct sock *sk)
{
	if (xtcp_endpoint(sk)->listener->cpu < 0)
		return;
	xa_lock_bh(&incoming->cpus);
	give_back_slot(incoming, sk);
	xa_unlock_bh(&incoming->cpus);
}

/**
 * xtcp_incoming_follow() - move a listener to its new processor if SO_INCOMING_CPU has changed
 * @sk: a sock in LISTEN
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
	give_back_slot(incoming, sk);
	take_slot(incoming, sk, cpu);
	xa_unlock_bh(&incoming->cpus);
}

/* Chooses a listener whose option names this processor. NULL: there is none. */
static struct sock *xtcp_incoming_choose(struct xtcp_incoming *incoming, u32 hash)
{
	const struct xtcp_reuse *reuse;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	/* data_race(): a listener that joins at this moment may be missed */
	if (data_race(xa_empty(&incoming->cpus)))
		return NULL;
	reuse = xa_load(&incoming->cpus, raw_smp_processor_id());
	return reuse ? xtcp_reuse_choose(reuse, hash) : NULL;
}

/*
 * Adds a listener with SO_REUSEPORT to its struct sock_reuseport. @member: a listener of the group
 * that @sk joins; NULL: @sk keeps the struct of a BPF program that was attached before, and later
 * ones join it. Return: 0; -ENOMEM without memory, or at Linux's limit of 32,768 members.
 */
static int xtcp_group_join(struct sock *sk, struct sock *member)
{
	bool any = !sk->sk_rcv_saddr;

	if (!sk->sk_reuseport)
		return 0;
	if (sk->sk_family == AF_INET6)
		any = ipv6_addr_any(&sk->sk_v6_rcv_saddr);
	return member ? reuseport_add_sock(sk, member, any) : reuseport_alloc(sk, any);
}

static void xtcp_group_leave(struct sock *sk)
{
	if (rcu_access_pointer(sk->sk_reuseport_cb))
		reuseport_detach_sock(sk);
}

/* Are both at one place? The struct sock_reuseport does not say so: a member may be bound to another device later. */
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

/*
 * Lets the group's BPF program choose the listener of a segment of ours, of which it sees data and
 * headers. It is asked twice if its choice has just ended. Return: its choice, or @lsk, valid in
 * the RCU read side.
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
	/* no error is expected: a BPF_PROG_TYPE_SK_REUSEPORT program, which can refuse, is not attached to ours */
	return !IS_ERR_OR_NULL(chosen) && is_beside(chosen, lsk) ? chosen : lsk;
}

static struct xtcp_reuse *reuse_of(const struct xtcp_members *members, const struct xtcp_net *xn)
{
	return rcu_dereference_protected(members->reuse, lockdep_is_held(&xn->rest->listeners_lock));
}

/* Adds @sk to @reuse, the array of @members; the array is not full. */
static void join_reuse(struct xtcp_members *members, struct xtcp_reuse *reuse, struct sock *sk)
{
	/* WRITE_ONCE(): xtcp_group_ask() reads this pointer without a lock */
	WRITE_ONCE(xtcp_endpoint(sk)->listener->members, members);
	xtcp_endpoint(sk)->listener->member_index = reuse->n;
	xtcp_reuse_add(reuse, sk);
}

/* Makes the key by which SYNs find @sk, which is locked, or cannot change. */
static void xtcp_members_key_of(const struct sock *sk, struct xtcp_members_key *key)
{
	*key = (struct xtcp_members_key) { .dev = sk->sk_bound_dev_if, .port = sk->sk_num };
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		key->addr = sk->sk_v6_rcv_saddr;
		return;
	}
	if (sk->sk_rcv_saddr)
		ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &key->addr);
}

static struct xtcp_members *xtcp_members_new(struct sock *sk)
{
	struct xtcp_members *members;
	struct xtcp_reuse *reuse;

	lockdep_assert_held(&xtcp_net_of(sk)->rest->listeners_lock);
	members = kzalloc(sizeof(*members), GFP_KERNEL_ACCOUNT);
	reuse = xtcp_reuse_new(1, GFP_KERNEL_ACCOUNT);
	if (!members || !reuse) {
		kvfree(reuse);
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
	xa_init_flags(&members->incoming.cpus, XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT);
	/* it nests inside a socket's spinlock: not the lockdep class of other xarrays */
	spin_lock_init(&members->incoming.cpus.xa_lock);
	join_reuse(members, reuse, sk);
	RCU_INIT_POINTER(members->reuse, reuse);
	return members;
}

/* Frees it after the last lookup. It is no longer in the table. */
static void xtcp_members_free(struct xtcp_members *members)
{
	struct xtcp_reuse *reuse = rcu_dereference_protected(members->reuse, true);

	xtcp_incoming_free(&members->incoming);
	kvfree_rcu(reuse, rcu);
	kfree_rcu(members, rcu);
}

static int xtcp_members_make_room(struct xtcp_members *members, struct xtcp_net *xn)
{
	struct xtcp_reuse *old = reuse_of(members, xn), *reuse;

	lockdep_assert_held(&xn->rest->listeners_lock);
	if (old->n < old->room)
		return 0;
	reuse = xtcp_reuse_larger(old, GFP_KERNEL_ACCOUNT);
	if (!reuse)
		return -ENOMEM;
	rcu_assign_pointer(members->reuse, reuse);
	kvfree_rcu(old, rcu);
	return 0;
}

/* Removes the listener at @index. Return: true if it is the last one, which stays: @members leaves the table. */
static bool xtcp_members_leave(struct xtcp_members *members, u32 index)
{
	struct xtcp_reuse *reuse = rcu_dereference_protected(members->reuse, true);
	struct sock *moved;

	lockdep_assert_held(&xtcp_net_of(reuse->sk[0])->rest->listeners_lock);
	if (reuse->n == 1)
		return true;
	moved = xtcp_reuse_remove(reuse, index);
	if (moved)
		xtcp_endpoint(moved)->listener->member_index = index;
	return false;
}

/* Any member: all have the same owner, address, port and device. */
static struct sock *xtcp_members_any(const struct xtcp_members *members)
{
	struct sock *sk = rcu_dereference_protected(members->reuse, true)->sk[0];

	lockdep_assert_held(&xtcp_net_of(sk)->rest->listeners_lock);
	return sk;
}

/* The member for a SYN; one whose SO_INCOMING_CPU names this processor comes first, and *@on_cpu is true then. */
static struct sock *xtcp_members_pick(struct xtcp_members *members, u32 hash, bool *on_cpu)
{
	struct sock *sk = xtcp_incoming_choose(&members->incoming, hash);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	*on_cpu = sk;
	return sk ?: xtcp_reuse_choose(rcu_dereference(members->reuse), hash);
}

/* An IPv4 address or the wildcard begins with 64 zero bits: then one jhash_3words() does. */
static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const struct xtcp_members_key *key = data;

	if (!(key->addr.s6_addr32[0] | key->addr.s6_addr32[1]))
		return jhash_3words((__force u32)key->addr.s6_addr32[3], (__force u32)key->addr.s6_addr32[2], key->port,
				    seed ^ key->dev);
	return jhash2(data, len / sizeof(u32), seed);
}

static int differs(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct xtcp_members_key *key = arg->key, *other = &((const struct xtcp_members *)obj)->key;

	return !ipv6_addr_equal(&key->addr, &other->addr) || key->port != other->port || key->dev != other->dev;
}

static const struct rhashtable_params table_params = {
	.head_offset = offsetof(struct xtcp_members, node),
	.key_offset = offsetof(struct xtcp_members, key),
	.key_len = sizeof(struct xtcp_members_key),
	.hashfn = hash_key,
	.obj_cmpfn = differs,
	.automatic_shrinking = true,
};

static int listeners_net_init(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	BUILD_BUG_ON(sizeof(struct xtcp_members_key) != sizeof(struct in6_addr) + 2 * sizeof(u32));
	mutex_init(&rest->listeners_lock);
	xa_init_flags(&rest->listener_numbers, XA_FLAGS_ALLOC);
	rest->next_listener = 0;
	xn->device_listeners = 0;
	return rhltable_init(&rest->listeners, &table_params);
}

static void listeners_net_exit(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	WARN_ON_ONCE(!xa_empty(&rest->listener_numbers) || atomic_read(&rest->listeners.ht.nelems));
	xa_destroy(&rest->listener_numbers);
	rhltable_destroy(&rest->listeners);
}

const struct xtcp_net_part xtcp_listeners_part = { listeners_net_init, listeners_net_exit };

struct fitting {
	struct sock *sk;
	int score;
};

/*
 * Tries the listeners with one address, port and device (@place), and updates @best. As in kernel
 * TCP, a point for a bound device, one for an AF_INET socket if the SYN came over IPv4, and one if
 * SO_INCOMING_CPU names this processor.
 */
static void try_place(struct xtcp_net *xn, const struct xtcp_members_key *place, const struct xtcp_demux_key *key,
		      bool v4, struct fitting *best)
{
	struct rhlist_head *list = rhltable_lookup(&xn->rest->listeners, place, table_params), *at;
	struct xtcp_members *members;
	struct sock *sk;
	bool on_cpu;
	int score;

	rhl_for_each_entry_rcu(members, at, list, node) {
		if (!(v4 ? members->v4 : members->v6))
			continue;
		sk = xtcp_members_pick(members, key->hash >> 32, &on_cpu);
		score = (place->dev ? 2 : 1) + (v4 && members->v4_only) + on_cpu;
		if (score > best->score)
			*best = (struct fitting) { .sk = sk, .score = score };
	}
}

/**
 * xtcp_listeners_lookup() - find the listener of a SYN
 * @xn: the namespace
 * @key: from xtcp_demux_key_from_skb()
 *
 * xtcp_group_ask() runs a group's BPF program later, when the segment is known to be ours.
 * Context: softirq, RCU read side, which keeps the result valid.
 * Return: the best match, or NULL. Of members with the same score, all SYNs of one tuple on one
 * processor get the same one until the group changes.
 */
struct sock *xtcp_listeners_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key)
{
	struct xtcp_members_key place = { .addr = key->tuple.laddr, .port = ntohs(key->tuple.lport) };
	const bool v4 = xtcp_tuple_is_v4(&key->tuple);
	struct fitting best = {};
	int i;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	for (i = 0; i < 2 && !best.sk; i++) {
		if (i)
			place.addr = in6addr_any;
		if (READ_ONCE(xn->device_listeners)) {
			place.dev = key->dif;
			try_place(xn, &place, key, v4, &best);
			place.dev = key->sdif;
			if (place.dev)
				try_place(xn, &place, key, v4, &best);
			place.dev = 0;
		}
		if (inet_sk_bound_dev_eq(xn->net, 0, key->dif, key->sdif))
			try_place(xn, &place, key, v4, &best);
	}
	return best.sk;
}

/**
 * xtcp_listeners_migrate_target() - find the member of a group that takes over a connection
 * @xn: the namespace
 * @place: address, port and device of the member that had the connection
 * @group: the group of that member; the caller has a reference
 * @hash: upper half of the hash of the connection's tuple
 * Context: any, RCU read side, which keeps the result valid.
 * Return: the member to which @hash leads a SYN on this processor; NULL if none is left. A member
 * that left the table before the call is not found.
 */
struct sock *xtcp_listeners_migrate_target(struct xtcp_net *xn, const struct xtcp_members_key *place,
					   const struct xtcp_group *group, u32 hash)
{
	struct rhlist_head *list = rhltable_lookup(&xn->rest->listeners, place, table_params), *at;
	struct xtcp_members *members;
	bool on_cpu;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	rhl_for_each_entry_rcu(members, at, list, node) {
		if (members->group == group)
			return xtcp_members_pick(members, hash, &on_cpu);
	}
	return NULL;
}

/**
 * xtcp_listeners_find() - find a listener by its address, port and device
 * @xn: the namespace
 * @place: 0.0.0.0 is in6addr_any, too
 * @fits: does the caller mean this listener of that place?
 * @arg: the second argument of @fits
 * Context: any, RCU read side, which keeps the result valid.
 */
struct sock *xtcp_listeners_find(struct xtcp_net *xn, const struct xtcp_members_key *place,
				 bool (*fits)(struct sock *sk, const void *arg), const void *arg)
{
	struct rhlist_head *list = rhltable_lookup(&xn->rest->listeners, place, table_params), *at;
	const struct xtcp_reuse *reuse;
	struct xtcp_members *members;
	struct sock *sk;
	u32 i;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	rhl_for_each_entry_rcu(members, at, list, node) {
		reuse = rcu_dereference(members->reuse);
		/* smp_load_acquire() pairs with the second smp_store_release() of xtcp_reuse_add() */
		i = smp_load_acquire(&reuse->n);
		/* from the end: the last member may move to the place of one that leaves, and must not be missed */
		while (i--) {
			sk = READ_ONCE(reuse->sk[i]);
			if (fits(sk, arg))
				return sk;
		}
	}
	return NULL;
}

/* May the new listener @sk join? As in Linux, the present values of SO_REUSEPORT count, not those at bind(). */
static bool belongs_to(const struct sock *sk, const struct xtcp_members *members)
{
	const struct sock *member = xtcp_members_any(members);

	if (!sk->sk_reuseport)
		return false;
	/* data_race(): without the member's socket lock, we see its options before or after a change */
	return data_race(member->sk_reuseport && uid_eq(sk->sk_uid, member->sk_uid) &&
			 xtcp_group_same_place(sk, member));
}

/* What @sk may join: by belongs_to() when it begins to listen (@begins); of its group when it moves to a device. */
static struct xtcp_members *find_members(struct sock *sk, const struct xtcp_members_key *key, bool begins)
{
	const struct xtcp_group *group = xtcp_endpoint(sk)->listener->group;
	struct xtcp_members *members, *found = NULL;
	struct rhlist_head *list, *at;

	rcu_read_lock();
	list = rhltable_lookup(&xtcp_net_of(sk)->rest->listeners, key, table_params);
	rhl_for_each_entry_rcu(members, at, list, node) {
		if (begins ? belongs_to(sk, members) : members->group == group) {
			found = members;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

static void enter_beside(struct sock *sk, struct xtcp_members *members)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_group *own = listener->group;

	/* before lookups find @sk in @members. Who only moves to another device is a member of the group already */
	refcount_inc(&members->group->members);
	atomic_inc(&members->group->open);
	atomic_dec(&own->open);
	listener->group = members->group;
	join_reuse(members, reuse_of(members, xtcp_net_of(sk)), sk);
	xtcp_group_put(own);
}

static int enter_alone(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_members *before = listener->members, *members;
	struct xtcp_net *xn = xtcp_net_of(sk);
	u32 index = listener->member_index;
	int err;

	members = xtcp_members_new(sk);
	if (!members)
		return -ENOMEM;
	/* data_race(): rhashtable's plain read of a bucket may race with its lock bit */
	err = data_race(rhltable_insert(&xn->rest->listeners, &members->node, table_params));
	if (err) {
		WRITE_ONCE(listener->members, before);
		listener->member_index = index;
		xtcp_members_free(members);
	} else if (members->key.dev) {
		WRITE_ONCE(xn->device_listeners, xn->device_listeners + 1);
	}
	return err;
}

/* @begins: listen() was called for @sk; else @sk moves to another device. */
static int enter(struct sock *sk, bool begins)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_members_key key;
	struct xtcp_members *members;
	bool had_group;
	int err;

	lockdep_assert_held(&xn->rest->listeners_lock);
	xtcp_members_key_of(sk, &key);
	members = find_members(sk, &key, begins);
	err = members ? xtcp_members_make_room(members, xn) : 0;
	if (err)
		return err;
	/* made when a BPF program was attached before listen(); after an error @sk keeps it */
	had_group = rcu_access_pointer(sk->sk_reuseport_cb);
	/* as in Linux, a listener that moves to another device stays in its group */
	err = begins ? xtcp_group_join(sk, members ? xtcp_members_any(members) : NULL) : 0;
	if (err)
		return err;
	if (members)
		enter_beside(sk, members);
	else
		err = enter_alone(sk);
	if (!err)
		xtcp_incoming_join(&xtcp_endpoint(sk)->listener->members->incoming, sk);
	else if (!had_group)
		xtcp_group_leave(sk);
	return err;
}

static void leave(struct xtcp_net *xn, struct xtcp_members *members, u32 index)
{
	lockdep_assert_held(&xn->rest->listeners_lock);
	if (!xtcp_members_leave(members, index))
		return;
	/* data_race(): rhashtable's plain read of a bucket may race with its lock bit */
	data_race(rhltable_remove(&xn->rest->listeners, &members->node, table_params));
	if (members->key.dev)
		WRITE_ONCE(xn->device_listeners, xn->device_listeners - 1);
	xtcp_members_free(members);
}

/**
 * xtcp_listeners_add() - let SYNs find a listener
 * @sk: the listening sock; address and port are final
 *
 * @sk joins the group at its address, port and device if it may.
 * Context: process, may sleep.
 * Return: 0; or -ENOMEM, and then nothing has changed.
 */
int xtcp_listeners_add(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_rest *rest = xtcp_net_of(sk)->rest;
	int err;

	sock_owned_by_me(sk);
	mutex_lock(&rest->listeners_lock);
	err = xa_alloc_cyclic(&rest->listener_numbers, &listener->number, sk, xa_limit_31b, &rest->next_listener,
			      GFP_KERNEL_ACCOUNT);
	/* xa_alloc_cyclic() returns 1 when the numbers have wrapped, which is no error */
	if (err >= 0) {
		err = enter(sk, true);
		if (err)
			xa_erase(&rest->listener_numbers, listener->number);
	}
	mutex_unlock(&rest->listeners_lock);
	if (err)
		return -ENOMEM;
	sock_hold(sk);	/* the table's reference; xtcp_listeners_remove() puts it */
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	return 0;
}

/**
 * xtcp_listeners_remove() - remove a listener; lookups that have begun may still find it
 * @sk: the listening sock; the caller has a reference of its own
 * Context: process, may sleep.
 */
void xtcp_listeners_remove(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_net *xn = xtcp_net_of(sk);

	sock_owned_by_me(sk);
	if (!listener->members)
		return;
	mutex_lock(&xn->rest->listeners_lock);
	xa_erase(&xn->rest->listener_numbers, listener->number);
	xtcp_group_leave(sk);
	xtcp_incoming_leave(&listener->members->incoming, sk);
	leave(xn, listener->members, listener->member_index);
	mutex_unlock(&xn->rest->listeners_lock);
	xtcp_endpoint(sk)->left_table = get_state_synchronize_rcu();
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	__sock_put(sk);
}

/**
 * xtcp_listeners_rehash() - move a listener whose device has changed (SO_BINDTODEVICE)
 * @sk: the listening sock
 *
 * It stays in its group, and enters its new place before it leaves the old one. Without memory,
 * SYNs continue to find it at the old one.
 * Context: process, may sleep.
 * Return: the device under which SYNs find it; 0: any.
 */
int xtcp_listeners_rehash(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_members *members;
	u32 index;
	int dev;

	sock_owned_by_me(sk);
	mutex_lock(&xn->rest->listeners_lock);
	members = listener->members;
	index = listener->member_index;
	if (members->key.dev != sk->sk_bound_dev_if) {
		/* a listener has one index in an array of a processor: it leaves the old array before the new one */
		xtcp_incoming_leave(&members->incoming, sk);
		if (!enter(sk, false))
			leave(xn, members, index);
		else
			xtcp_incoming_join(&members->incoming, sk);
	}
	dev = listener->members->key.dev;
	mutex_unlock(&xn->rest->listeners_lock);
	return dev;
}
