// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: listeners that share the SYNs for one place.
 *
 * Socks of one user that all have the option may bind where others of them are, on the same place or on one that
 * overlaps it (sharing.c). Those that listen on the same place are a group: a SYN that fits them equally well goes to
 * one of them by a hash of its tuple (members.c), always to the same one as long as the group does not change. A
 * listener that cannot have others beside it is a group of one.
 *
 * A member that closes drops its half-open entries like any listener. A third ACK that comes after that meets another
 * member and is reset, as in Linux without tcp_migrate_req, unless it carries a cookie that may be believed. So all
 * members remember together when one of them last declined an entry.
 */
#include "lookup/group.h"

#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/sock.h"

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
