// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: listeners that share the SYNs for one place.
 *
 * Socks of one user that all have the option may bind where others of them are, on the same place or on one that
 * overlaps it (sharing.c). Those that listen on the same place are a group: a SYN that fits them equally well goes to
 * one of them by a hash of its tuple (demux.c), as long as the group does not change always to the same one. A listener
 * that cannot have others beside it is a group of one.
 *
 * A member that closes drops its half-open entries like any listener. A third ACK that comes after that meets another
 * member and is reset, as in Linux without tcp_migrate_req, unless it carries a cookie that may be believed. So all
 * members remember together when one of them last declined an entry.
 */
#include "ports/group.h"

#include <linux/slab.h>
#include <linux/uidgid.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/netns.h"
#include "base/sock.h"
#include "listen/listener.h"

/**
 * xtcp_group_same_place() - are two socks bound to the same address and device?
 * @a: one
 * @b: the other, on the same port
 *
 * Context: any.
 *
 * Return: true when they are, and of the same family and IPV6_V6ONLY.
 */
bool xtcp_group_same_place(const struct sock *a, const struct sock *b)
{
	if (a->sk_family != b->sk_family || a->sk_bound_dev_if != b->sk_bound_dev_if)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (a->sk_family == AF_INET6)
		return a->sk_ipv6only == b->sk_ipv6only &&
		       ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr);
#endif
	return a->sk_rcv_saddr == b->sk_rcv_saddr;
}

/**
 * xtcp_group_new() - a group of one
 *
 * Context: process.
 *
 * Return: the group, put by xtcp_group_put(); NULL without memory.
 */
struct xtcp_group *xtcp_group_new(void)
{
	struct xtcp_group *group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);

	if (group)
		refcount_set(&group->members, 1);
	return group;
}

/**
 * xtcp_group_put() - a listener ends, or joins another group
 * @group: its group
 *
 * Context: any.
 */
void xtcp_group_put(struct xtcp_group *group)
{
	if (refcount_dec_and_test(&group->members))
		kfree_rcu(group, rcu);
}

/**
 * xtcp_group_would_join() - does a listener belong to the group of another?
 * @sk: the listener
 * @member: another one, of the same namespace
 *
 * As in Linux SO_REUSEPORT counts at this moment, when @sk begins to listen.
 *
 * Context: any.
 *
 * Return: true when both have SO_REUSEPORT, the same user, port and place.
 */
bool xtcp_group_would_join(const struct sock *sk, const struct sock *member)
{
	return sk->sk_reuseport && member->sk_reuseport && sk->sk_num == member->sk_num &&
	       uid_eq(sk->sk_uid, member->sk_uid) && xtcp_group_same_place(sk, member);
}

/**
 * xtcp_group_join() - a listener gives up its group of one for another's
 * @sk: the listener; no lookup finds it yet
 * @member: a listener in the table
 *
 * Context: process. Lock: xtcp_net.listeners_lock, held: @member does not leave its group meanwhile.
 */
void xtcp_group_join(struct sock *sk, struct sock *member)
{
	struct xtcp_group *group = xtcp_sk(member)->listener->group;
	struct xtcp_listener *listener = xtcp_sk(sk)->listener;

	lockdep_assert_held(&xtcp_net_of(sk)->listeners_lock);
	refcount_inc(&group->members);
	xtcp_group_put(listener->group);
	listener->group = group;
}

/**
 * xtcp_group_is_same() - are two listeners members of one group?
 * @a: a listener that a lookup has found
 * @b: another
 *
 * Context: any, RCU read side.
 *
 * Return: true when they are, and neither has ended.
 */
bool xtcp_group_is_same(const struct sock *a, const struct sock *b)
{
	const struct xtcp_listener *la = xtcp_listen_queues(a), *lb = xtcp_listen_queues(b);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	return la && lb && la->group == lb->group;
}
