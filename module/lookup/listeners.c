// SPDX-License-Identifier: GPL-2.0
/*
 * From addresses and ports to a listener.
 *
 * Listeners stand in lists by port, read under RCU: what a lookup returns stays in memory until the read side ends, and
 * may leave the list meanwhile. Which of several fits a SYN best is decided as kernel TCP does, so that a program that
 * moves from one to the other meets the same one.
 */
#include "lookup/listeners.h"

#include <linux/prandom.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/netns.h"
#include "base/sock.h"
#include "lookup/demux.h"
#include "ports/group.h"

/**
 * xtcp_listeners_net_init() - the empty lists of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_listeners_net_init(struct xtcp_net *xn)
{
	int i;

	spin_lock_init(&xn->listeners_lock);
	xn->listeners = kmalloc_array(XTCP_LISTENER_BUCKETS, sizeof(*xn->listeners), GFP_KERNEL);
	if (!xn->listeners)
		return -ENOMEM;
	for (i = 0; i < XTCP_LISTENER_BUCKETS; i++)
		INIT_HLIST_HEAD(&xn->listeners[i]);
	return 0;
}

/**
 * xtcp_listeners_net_exit() - the lists are empty by now
 * @xn: the namespace
 *
 * Context: process, namespace exit.
 */
void xtcp_listeners_net_exit(struct xtcp_net *xn)
{
	int i;

	for (i = 0; i < XTCP_LISTENER_BUCKETS; i++)
		WARN_ON_ONCE(!hlist_empty(&xn->listeners[i]));
	kfree(xn->listeners);
	xn->listeners = NULL;
}

/*
 * How well a listener fits, 0: not at all. Kernel TCP's order: an address of its own before the wildcard, then a device
 * of its own, then IPv4 only before dual-stack, then the processor that reads from it.
 */
static int listener_score(const struct sock *sk, const struct net *net, const struct xtcp_demux_key *key, bool v4)
{
	bool any;
	int score;

	if (htons(sk->sk_num) != key->tuple.lport)
		return 0;
	if (v4) {
		if (ipv6_only_sock(sk))
			return 0;
		any = !sk->sk_rcv_saddr;
		if (!any && sk->sk_rcv_saddr != key->tuple.laddr.s6_addr32[3])
			return 0;
	} else {
		if (sk->sk_family != AF_INET6)
			return 0;
		any = ipv6_addr_any(&sk->sk_v6_rcv_saddr);
		if (!any && !ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &key->tuple.laddr))
			return 0;
	}
	if (!inet_sk_bound_dev_eq((struct net *)net, READ_ONCE(sk->sk_bound_dev_if), key->dif, key->sdif))
		return 0;
	score = sk->sk_bound_dev_if ? 2 : 1;
	if (v4 && sk->sk_family == AF_INET)
		score++;
	if (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id())
		score++;
	return any ? score : score + 8;
}

static struct hlist_head *listener_bucket(struct xtcp_net *xn, u16 port)
{
	return &xn->listeners[port % XTCP_LISTENER_BUCKETS];
}

/**
 * xtcp_listeners_lookup() - the listener that a SYN is for
 * @xn: the namespace
 * @key: from xtcp_demux_key_from_skb()
 *
 * Context: softirq, RCU read side, which the result is valid for; no reference is taken.
 *
 * Return: the listening sock that fits best, or NULL; of a group's members that fit equally well the same one for the
 * same tuple until the group changes.
 */
struct sock *xtcp_listeners_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key)
{
	bool v4 = xtcp_tuple_is_v4(&key->tuple);
	struct sock *sk, *best = NULL;
	u32 hash = 0, equals = 0;
	int score, high = 0;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	sk_for_each_rcu(sk, listener_bucket(xn, ntohs(key->tuple.lport))) {
		score = listener_score(sk, xn->net, key, v4);
		if (score > high) {
			high = score;
			best = sk;
			equals = 1;
		} else if (best && score == high && xtcp_group_is_same(best, sk)) {
			/* the n-th takes the place of those before it once in n times: all are chosen equally often */
			hash = next_pseudo_random32(equals > 1 ? hash : key->hash >> 32);
			equals++;
			if (!reciprocal_scale(hash, equals))
				best = sk;
		}
	}
	return best;
}

/**
 * xtcp_listeners_add() - let SYNs find a listener
 * @sk: the listening sock; address, port and device are final
 *
 * The table takes a reference. Here @sk joins the group that has its place.
 *
 * Context: process, may sleep. Lock: socket, held.
 */
void xtcp_listeners_add(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct hlist_head *bucket = listener_bucket(xn, sk->sk_num);
	struct sock *other;

	sock_owned_by_me(sk);
	/* lookups may stand on it in the list where it was, and would go on in this one */
	cond_synchronize_rcu_expedited(xtcp_sk(sk)->left_table);
	spin_lock_bh(&xn->listeners_lock);
	sk_for_each(other, bucket) {
		if (xtcp_group_would_join(sk, other)) {
			xtcp_group_join(sk, other);
			break;
		}
	}
	sk_add_node_rcu(sk, bucket);
	spin_unlock_bh(&xn->listeners_lock);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
}

/**
 * xtcp_listeners_remove() - no SYN finds the listener any more, but for lookups under way
 * @sk: the listening sock; the caller has a reference of its own
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_listeners_remove(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	bool was_there;

	sock_owned_by_me(sk);
	spin_lock_bh(&xn->listeners_lock);
	was_there = sk_del_node_init_rcu(sk);
	spin_unlock_bh(&xn->listeners_lock);
	xtcp_sk(sk)->left_table = get_state_synchronize_rcu();
	if (was_there)
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
}
