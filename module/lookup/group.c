// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: listeners that share the SYNs for one place.
 *
 * Socks of one user that all have the option may bind where others of them are, on the same place or on one that
 * overlaps it (sharing.c). Those that listen on the same place are a group: a SYN that fits them equally well goes to
 * one of them by a hash of its tuple (members.c), always to the same one as long as the group does not change. A
 * listener that cannot have others beside it is a group of one.
 *
 * A program may choose instead (SO_ATTACH_REUSEPORT_CBPF, _EBPF). The kernel's core keeps it with a group of its own
 * kind, struct sock_reuseport, which our listeners join and leave as kernel TCP's do: so the program's numbers mean the
 * same members in both, those that joined first, and the last one in the place of one that left. No sock of another
 * protocol can be in such a group, since only those of one protocol ever meet: here, in listeners.c, and there in
 * kernel TCP's table of listeners. What a program names is looked at nevertheless.
 *
 * A member that closes drops its half-open entries like any listener. A third ACK that comes after that meets another
 * member and is reset, as in Linux without tcp_migrate_req, unless it carries a cookie that may be believed. So all
 * members remember together when one of them last declined an entry.
 */
#include "lookup/group.h"

#include <linux/err.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock_reuseport.h>

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
 * xtcp_group_join() - SO_REUSEPORT: a listener becomes one among which a program may choose
 * @sk: begins to listen
 * @member: who is there; NULL: nobody
 *
 * It may have a group of its own by now, from a program that was attached before it listened, if nobody is there: the
 * others join that one.
 *
 * Context: process. Lock: socket of @sk, held.
 *
 * Return: 0, or -ENOMEM, and nothing has changed: also when there are 32,768, which is Linux's limit.
 */
int xtcp_group_join(struct sock *sk, struct sock *member)
{
	bool any = !sk->sk_rcv_saddr;

	sock_owned_by_me(sk);
	if (!sk->sk_reuseport)
		return 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		any = ipv6_addr_any(&sk->sk_v6_rcv_saddr);
#endif
	return member ? reuseport_add_sock(sk, member, any) : reuseport_alloc(sk, any);
}

/**
 * xtcp_group_leave() - no program chooses this listener any more
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

/* May @chosen have what is for @lsk? A member that was bound to a device later is not on the same place any more. */
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
 * xtcp_group_choose() - ask the group's program, if there is one, which member a segment is for
 * @lsk: whom the table names
 * @hash: of the segment's tuple, for a program that names nobody
 * @skb: a SYN, or an ACK with a good cookie; skb->data is the TCP header
 *
 * The program sees the text, and the headers before it as any socket's filter does. Once for each segment, and only for
 * what is ours.
 *
 * Context: softirq, RCU read side, which the result is valid for; no reference is taken.
 *
 * Return: the listener.
 */
struct sock *xtcp_group_choose(struct sock *lsk, u32 hash, struct sk_buff *skb)
{
	const struct sock_reuseport *reuse = rcu_dereference(lsk->sk_reuseport_cb);
	struct sock *chosen;
	unsigned int len;

	if (likely(!reuse || !rcu_access_pointer(reuse->prog)) || !lsk->sk_reuseport)
		return lsk;
	len = pskb_may_pull(skb, sizeof(struct tcphdr)) ? ((const struct tcphdr *)skb->data)->doff * 4 : 0;
	/* every listener drops such a segment */
	if (len < sizeof(struct tcphdr) || !pskb_may_pull(skb, len))
		return lsk;
	chosen = reuseport_select_sock(lsk, hash, skb, len);
	/* an error is a program's word that nobody gets it: of a sort that the core does not let in here */
	return !IS_ERR_OR_NULL(chosen) && is_beside(chosen, lsk) ? chosen : lsk;
}
