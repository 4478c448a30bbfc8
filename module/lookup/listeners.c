// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the listener of a SYN.
 *
 * Listeners are in a hash table of their namespace, by port, address and device. Listeners of one
 * group that have the same port, address and device share a node of the table (group.c). A SYN is
 * looked up by its destination address and by the wildcard address, and also by its device if any
 * listener is bound to a device. So a lookup takes a few steps, however many listeners there are.
 * The table grows with the number of listeners. The hash has a random key, so a user who may bind
 * to many addresses cannot fill one chain on purpose.
 *
 * Lookups run under RCU: the result stays in memory until the read side ends, but may leave the
 * table meanwhile. The best of several matches is chosen as in kernel TCP, so that both stacks
 * choose the same listener.
 *
 * Each listener has a number, so that a listing in /proc can continue where it stopped.
 */
#include "lookup/lookup.h"

#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/xarray.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "listen/listen.h"

/*
 * Hashes a key. If the address begins with 64 zero bits, as an IPv4 address or the wildcard does,
 * one call of jhash_3words() hashes the rest of the key.
 */
static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const struct xtcp_members_key *key = data;

	if (!(key->addr.s6_addr32[0] | key->addr.s6_addr32[1]))
		return jhash_3words((__force u32)key->addr.s6_addr32[3], (__force u32)key->addr.s6_addr32[2], key->port,
				    seed ^ key->dev);
	return jhash2(data, len / sizeof(u32), seed);
}

/* Compares two keys without a call of memcmp(). */
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

/**
 * xtcp_listeners_net_init() - make the empty table of a namespace
 * @xn: the namespace
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_listeners_net_init(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	BUILD_BUG_ON(sizeof(struct xtcp_members_key) != sizeof(struct in6_addr) + 2 * sizeof(u32));
	mutex_init(&rest->listeners_lock);
	xa_init_flags(&rest->listener_numbers, XA_FLAGS_ALLOC);
	rest->next_listener = 0;
	xn->device_listeners = 0;
	return rhltable_init(&rest->listeners, &table_params);
}

/**
 * xtcp_listeners_net_exit() - free the empty table of a namespace
 * @xn: the namespace
 *
 * Context: process, namespace exit.
 */
void xtcp_listeners_net_exit(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	WARN_ON_ONCE(!xa_empty(&rest->listener_numbers) || atomic_read(&rest->listeners.ht.nelems));
	xa_destroy(&rest->listener_numbers);
	rhltable_destroy(&rest->listeners);
}

/* The best match for a SYN so far. */
struct fitting {
	struct sock *sk;
	int score;
};

/*
 * Tries the listeners with one address, port and device (@place), and updates @best. The score is
 * the same as in kernel TCP: a point for a bound device, a point for an AF_INET socket when the SYN
 * came over IPv4, and a point if SO_INCOMING_CPU names this processor. The caller tries the
 * wildcard address only if no listener on the SYN's destination address matches.
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
 * Context: softirq, RCU read side, which keeps the result valid without a reference.
 *
 * If a group has a BPF program, xtcp_group_ask() runs the program later, when the segment is
 * known to be ours.
 *
 * Return: the best match, or NULL. If several members of a group have the best score, all SYNs of
 * one tuple on one processor get the same member until the group changes.
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
 * xtcp_listeners_heir() - find the member of a group that takes over a connection
 * @xn: the namespace
 * @place: address, port and device of the member that had the connection
 * @group: the group of that member; the caller has a reference
 * @hash: upper half of the hash of the connection's tuple
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the member to which @hash leads a SYN on this processor; NULL if no member is left. A
 * member that left the table before the call is not found.
 */
struct sock *xtcp_listeners_heir(struct xtcp_net *xn, const struct xtcp_members_key *place,
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
 * @place: address, port and device; 0.0.0.0 is in6addr_any, too
 * @fits: does the caller mean this listener of that place?
 * @arg: the second argument of @fits
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the listener, or NULL.
 */
struct sock *xtcp_listeners_find(struct xtcp_net *xn, const struct xtcp_members_key *place,
				 bool (*fits)(struct sock *sk, const void *arg), const void *arg)
{
	struct rhlist_head *list = rhltable_lookup(&xn->rest->listeners, place, table_params), *at;
	struct xtcp_members *members;
	struct sock *sk;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	rhl_for_each_entry_rcu(members, at, list, node) {
		sk = xtcp_members_find(members, fits, arg);
		if (sk)
			return sk;
	}
	return NULL;
}

/**
 * xtcp_listeners_from() - iterate over the listeners
 * @xn: the namespace
 * @number: the number at which the search begins; receives the number of the result
 *
 * A listener keeps its number. An iteration that begins at 0 and continues at the last number plus
 * one returns each listener exactly once, if the listener exists during the whole iteration.
 *
 * Context: process, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the listener, or NULL at the end.
 */
struct sock *xtcp_listeners_from(struct xtcp_net *xn, unsigned long *number)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	return xa_find(&xn->rest->listener_numbers, number, ULONG_MAX, XA_PRESENT);
}

/*
 * Does the new listener @sk belong to @members? As in Linux, the present values of SO_REUSEPORT
 * count, and not the values at bind().
 */
static bool belongs_to(const struct sock *sk, const struct xtcp_members *members)
{
	const struct sock *member = xtcp_members_any(members);

	if (!sk->sk_reuseport)
		return false;
	/*
	 * data_race(): we do not have the member's socket lock. If its program changes these at
	 * this moment, we see them as before or as after the change
	 */
	return data_race(member->sk_reuseport && uid_eq(sk->sk_uid, member->sk_uid) &&
			 xtcp_group_same_place(sk, member));
}

/*
 * Finds the struct xtcp_members with key @key that @sk may join. @begins: true: listen() was called
 * for @sk, and belongs_to() says whether @sk may join. False: @sk moves to another device, and may
 * join only a struct of its present group.
 */
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

/* Adds @sk to @members, whose array is not full. */
static void enter_beside(struct sock *sk, struct xtcp_members *members)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_group *own = listener->group;

	/*
	 * change the group of @sk before lookups find @sk in @members. If @sk only moves to another
	 * device, @sk already belongs to the group of @members
	 */
	refcount_inc(&members->group->members);
	atomic_inc(&members->group->open);
	atomic_dec(&own->open);
	listener->group = members->group;
	xtcp_members_join(members, sk);
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

/*
 * Puts @sk into the table. @begins: true if listen() was called for @sk; false if @sk moves to
 * another device.
 */
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
	/*
	 * if a BPF program was attached before listen(), @sk already has a struct sock_reuseport.
	 * After an error @sk keeps this struct
	 */
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
 * @sk joins the group on its address, port and device, if there is a group that it may join.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
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
 * xtcp_listeners_remove() - remove a listener; lookups that have begun may still find the listener
 * @sk: the listening sock; the caller has a reference of its own
 *
 * Context: process, may sleep. Lock: socket, held.
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
 * The listener stays in its group. It is added to the table under its new device before it is
 * removed under its old device. If there is no memory to add it, SYNs continue to find it under its
 * old device.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
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
		/*
		 * SO_INCOMING_CPU: the listener is in an array for its processor, and stores its
		 * index in that array. There is room for only one index. So the listener leaves its
		 * old array before enter() adds it to its new array
		 */
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
