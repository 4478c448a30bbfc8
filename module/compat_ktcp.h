/* SPDX-License-Identifier: GPL-2.0 */
/* The part of compat.h about kernel TCP's tables: of ports, connections and listeners. */
#ifndef XTCP_COMPAT_KTCP_H
#define XTCP_COMPAT_KTCP_H

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/version.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/tcp.h>

#include "base/wire.h"

/*
 * Kernel TCP's bind table has two kinds of buckets: a bucket for each port, and a bucket for each
 * pair of port and address. xtcp_compat_bind_bucket_has() calls @test for each sock of a port, and
 * xtcp_compat_bind2_bucket_has() for each sock of a pair. They return true when @test has returned
 * true for a sock. The caller holds the lock of the chain that the bucket is on.
 *
 * Since 6.8 a sock is only on the list of its pair. Before 6.8 a sock was also on the list of its
 * port, and the bucket of a pair had a second list for socks in TIME-WAIT.
 *
 * xtcp_compat_bind_move() replaces @from by @to in the bind table. One of the two is the TIME-WAIT
 * sock @tw, which points to the bucket of the port and to the bucket of the pair. The caller holds
 * the locks of the chains of both buckets.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
static inline bool xtcp_compat_bind2_bucket_has(const struct inet_bind2_bucket *tb2,
						bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct sock *other;

	sk_for_each_bound(other, &tb2->owners)
		if (test(other, arg))
			return true;
	return false;
}

static inline bool xtcp_compat_bind_bucket_has(const struct inet_bind_bucket *tb,
					       bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct inet_bind2_bucket *tb2;

	hlist_for_each_entry(tb2, &tb->bhash2, bhash_node)
		if (xtcp_compat_bind2_bucket_has(tb2, test, arg))
			return true;
	return false;
}

static inline void xtcp_compat_bind_move(struct sock *from, struct sock *to, struct inet_timewait_sock *tw)
{
	__sk_del_bind_node(from);
	sk_add_bind_node(to, &tw->tw_tb2->owners);
}
#else
static inline bool xtcp_compat_bind2_bucket_has(const struct inet_bind2_bucket *tb2,
						bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct inet_timewait_sock *tw;
	struct sock *other;

	sk_for_each_bound_bhash2(other, &tb2->owners)
		if (test(other, arg))
			return true;
	twsk_for_each_bound_bhash2(tw, &tb2->deathrow)
		if (test((struct sock *)tw, arg))
			return true;
	return false;
}

static inline bool xtcp_compat_bind_bucket_has(const struct inet_bind_bucket *tb,
					       bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct sock *other;

	sk_for_each_bound(other, &tb->owners)
		if (test(other, arg))
			return true;
	return false;
}

static inline void xtcp_compat_bind_move(struct sock *from, struct sock *to, struct inet_timewait_sock *tw)
{
	__sk_del_bind_node(from);
	sk_add_bind_node(to, &tw->tw_tb->owners);
	if (from == (struct sock *)tw) {
		__hlist_del(&tw->tw_bind2_node);
		sk_add_bind2_node(to, &tw->tw_tb2->owners);
	} else {
		__sk_del_bind2_node(from);
		hlist_add_head(&tw->tw_bind2_node, &tw->tw_tb2->deathrow);
	}
}
#endif

/* Not every kernel exports inet_put_port(), but all export kernel TCP's struct proto, which points to it. */
static inline void xtcp_compat_put_port(struct sock *sk)
{
	tcp_prot.put_port(sk);
}

/* Kernel TCP's sock with this tuple, or NULL. Since 6.18 the kernel's function finds the table by itself. */
static inline struct sock *xtcp_compat_kernel_lookup(struct net *net, const struct xtcp_tuple *tuple, int dif, int sdif)
{
	const __be32 faddr4 = tuple->faddr.s6_addr32[3], laddr4 = tuple->laddr.s6_addr32[3];
	const u16 lport = ntohs(tuple->lport);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_established(net, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return __inet6_lookup_established(net, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#else
	struct inet_hashinfo *table = net->ipv4.tcp_death_row.hashinfo;

	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_established(net, table, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return __inet6_lookup_established(net, table, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#endif
	return NULL;
}

/* Kernel TCP's listener for a segment, or NULL; RCU read side. Since 6.18 it finds the table by itself. */
static inline struct sock *xtcp_compat_kernel_listener(struct net *net, struct sk_buff *skb,
						       const struct xtcp_tuple *tuple, int dif, int sdif)
{
	const __be32 faddr4 = tuple->faddr.s6_addr32[3], laddr4 = tuple->laddr.s6_addr32[3];
	const int doff = __tcp_hdrlen((const struct tcphdr *)skb->data);
	const u16 lport = ntohs(tuple->lport);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_listener(net, skb, doff, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return inet6_lookup_listener(net, skb, doff, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#else
	struct inet_hashinfo *table = net->ipv4.tcp_death_row.hashinfo;

	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_listener(net, table, skb, doff, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return inet6_lookup_listener(net, table, skb, doff, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif,
				     sdif);
#endif
	return NULL;
}

/*
 * Kernel TCP's event tcp:tcp_send_reset. Since 6.10 it has a reason, of which xtcp names none. The
 * caller includes trace/events/tcp.h.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define xtcp_compat_trace_send_reset(sk, skb)	trace_tcp_send_reset(sk, skb, SK_RST_REASON_NOT_SPECIFIED)
#else
#define xtcp_compat_trace_send_reset(sk, skb)	trace_tcp_send_reset(sk, skb)
#endif

#endif /* XTCP_COMPAT_KTCP_H */
