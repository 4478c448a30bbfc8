// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: listeners on the same address, port and device share the SYNs.
 *
 * Sockets of one user that all have the option may bind to the same port, on the same or on
 * overlapping addresses and devices (sharing.c). Sockets that listen on exactly the same address,
 * port and device are the members of a group. The hash of a SYN's tuple chooses the member that
 * gets the SYN (members.c). The choice stays the same as long as the group does not change. A
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
 * set, the member hands them over instead (listen/heir.c). The third ACK for a dropped entry
 * reaches another member. As in Linux, this member answers with a RST, unless the ACK has a valid
 * cookie. A group checks cookies only for some time after xtcp_entry_note_declined() was called for
 * one of its members. entry.c lists the events that cause the call. All members share the time of
 * the last call, because the third ACK may reach another member.
 */
#include "lookup/group.h"

#include <linux/err.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock_reuseport.h>

#include "listen/listener.h"

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
#if IS_ENABLED(CONFIG_IPV6)
	if (a->sk_family == AF_INET6)
		return a->sk_ipv6only == b->sk_ipv6only &&
		       ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr);
#endif
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
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		any = ipv6_addr_any(&sk->sk_v6_rcv_saddr);
#endif
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
