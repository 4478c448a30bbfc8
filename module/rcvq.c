// SPDX-License-Identifier: GPL-2.0
/*
 * The receive queue: text in order, waiting for RECEIVE, and text out of order, waiting for what is missing.
 *
 * Text in order is on sk_receive_queue, the rest in a tree by sequence number. No two skbs overlap, in either: of an
 * octet that comes twice the first copy stays, whatever the second one says. A segment that fills holes around text
 * that is queued already goes through the tree even if it begins at RCV.NXT, so the rule stands in one place.
 *
 * Memory: each queued skb is charged to the sock (sk_rmem_alloc, sk_forward_alloc). The sum stays below sk_rcvbuf plus
 * one skb. Out-of-order text gives way to text in order, farthest from RCV.NXT first, and is bounded in skbs as well,
 * so that tiny segments can neither hold memory nor make the tree slow.
 */
#include "rcvq.h"

#include <linux/skbuff.h>
#include <net/tcp.h>

#include "compat.h"
#include "ingress.h"
#include "mib.h"
#include "netns.h"
#include "seq.h"
#include "sock.h"

#define OUT_OF_ORDER_MAX	4096U	/* skbs; a window of 6 MB holds about as many full segments */

static u32 end_of(struct sk_buff *skb)
{
	return xtcp_seg(skb)->seq + xtcp_seg(skb)->len;
}

/**
 * xtcp_rcvq_trim_front() - take octets away at the left
 * @skb: at its text, on no queue and not charged: its truesize may change
 * @octets: how many, at most its length
 *
 * Context: any.
 *
 * Return: false without memory.
 */
bool xtcp_rcvq_trim_front(struct sk_buff *skb, u32 octets)
{
	struct xtcp_seg *seg = xtcp_seg(skb);

	if (octets && !pskb_pull(skb, octets))
		return false;
	seg->seq += octets;
	seg->len -= octets;
	return true;
}

/**
 * xtcp_rcvq_trim_back() - take octets away at the right
 * @skb: at its text, on no queue and not charged
 * @len: how many may stay
 *
 * Context: any.
 *
 * Return: false without memory.
 */
bool xtcp_rcvq_trim_back(struct sk_buff *skb, u32 len)
{
	struct xtcp_seg *seg = xtcp_seg(skb);

	if (len >= seg->len)
		return true;
	if (pskb_trim(skb, len))
		return false;
	seg->len = len;
	seg->end_seq = seg->seq + len;
	return true;
}

static void tree_unlink(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	rb_erase(&skb->rbnode, &xsk->out_of_order);
	/* shares its place with the node */
	skb->dev = NULL;
	xsk->out_of_order_bytes -= skb->truesize;
	xsk->out_of_order_count--;
}

static void tree_insert(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	struct rb_node *parent = NULL, **place = &xsk->out_of_order.rb_node;

	while (*place) {
		parent = *place;
		place = xtcp_seq_lt(xtcp_seg(skb)->seq, xtcp_seg(rb_to_skb(parent))->seq) ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, place);
	rb_insert_color(&skb->rbnode, &xsk->out_of_order);
	xsk->out_of_order_bytes += skb->truesize;
	xsk->out_of_order_count++;
}

/* The last skb of the tree that begins at or before @seq. */
static struct sk_buff *tree_find(const struct xtcp_sock *xsk, u32 seq)
{
	struct rb_node *node = xsk->out_of_order.rb_node;
	struct sk_buff *found = NULL;

	while (node) {
		struct sk_buff *skb = rb_to_skb(node);

		if (xtcp_seq_le(xtcp_seg(skb)->seq, seq)) {
			found = skb;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return found;
}

/* Appends @from, charged, to @to. @in_tree: @to stands in the tree. Returns true when @from is gone. */
static bool coalesce(struct sock *sk, struct sk_buff *to, struct sk_buff *from, bool in_tree)
{
	bool stolen;
	int delta;

	if (end_of(to) != xtcp_seg(from)->seq || !skb_try_coalesce(to, from, &stolen, &delta))
		return false;
	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	if (in_tree)
		xtcp_sk(sk)->out_of_order_bytes += delta;
	xtcp_seg(to)->len += xtcp_seg(from)->len;
	xtcp_seg(to)->end_seq = end_of(to);
	/* SO_TIMESTAMP tells when the last octets came */
	if (from->tstamp)
		to->tstamp = from->tstamp;
	kfree_skb_partial(from, stolen);
	return true;
}

/* @skb, charged, begins at RCV.NXT. */
static void append(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 len = xtcp_seg(skb)->len;

	if (!tail || !coalesce(sk, tail, skb, false))
		__skb_queue_tail(&sk->sk_receive_queue, skb);
	WRITE_ONCE(xsk->rcv_nxt, xsk->rcv_nxt + len);
	xsk->bytes_received += len;
}

/* Charges @skb, which overlaps nothing, and takes it into the tree behind @prev (NULL: first). */
static void queue_out_of_order(struct sock *sk, struct sk_buff *prev, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	skb_set_owner_r(skb, sk);
	if (prev && coalesce(sk, prev, skb, true))
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPOFOMERGE);
	else
		tree_insert(xsk, skb);
}

/* Drops out-of-order text, the farthest first, as long as it does not fit and is farther than @seq. */
static void prune(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;
	bool pruned = false;

	while ((skb = skb_rb_last(&xsk->out_of_order)) && xtcp_seq_gt(xtcp_seg(skb)->seq, seq)) {
		if (atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) && !sk_under_memory_pressure(sk) &&
		    xsk->out_of_order_count < OUT_OF_ORDER_MAX)
			break;
		tree_unlink(xsk, skb);
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE);
		pruned = true;
	}
	if (pruned)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_OFOPRUNED);
}

/* More than half of what @skb costs is not text. */
static bool bloated(const struct sk_buff *skb)
{
	return skb->truesize > 2 * skb->len;
}

/* Copies runs of bloated skbs on the receive queue into pages: a peer's tiny segments must not fill the buffer. */
static void collapse(struct sock *sk)
{
	const u32 copied_seq = xtcp_sk(sk)->copied_seq;
	struct sk_buff *skb, *next, *page = NULL;

	skb_queue_walk_safe(&sk->sk_receive_queue, skb, next) {
		u32 offset = xtcp_seq_gt(copied_seq, xtcp_seg(skb)->seq) ? copied_seq - xtcp_seg(skb)->seq : 0;
		u32 len = xtcp_seg(skb)->len - offset;
		bool run = !skb_queue_is_last(&sk->sk_receive_queue, skb) && bloated(next);

		if (!bloated(skb) || len > SKB_MAX_ORDER(0, 0) || (!page && !run)) {
			page = NULL;
			continue;
		}
		if (!page || len > skb_tailroom(page)) {
			page = alloc_skb(SKB_MAX_ORDER(0, 0), GFP_ATOMIC);
			if (!page)
				return;
			*xtcp_seg(page) = *xtcp_seg(skb);
			xtcp_seg(page)->seq += offset;
			xtcp_seg(page)->len = 0;
			skb_set_owner_r(page, sk);
			__skb_queue_before(&sk->sk_receive_queue, skb, page);
		}
		if (skb_copy_bits(skb, offset, skb_put(page, len), len))
			WARN_ON_ONCE(1);
		xtcp_seg(page)->len += len;
		xtcp_seg(page)->end_seq = end_of(page);
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPRCVCOLLAPSED);
	}
	sk_mem_reclaim(sk);
}

static bool fits(struct sock *sk, struct sk_buff *skb)
{
	return atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) && sk_rmem_schedule(sk, skb, skb->truesize);
}

/**
 * xtcp_rcvq_make_room() - may @skb be charged?
 * @sk: the sock
 * @skb: text to be queued
 *
 * If need be the buffer grows to what the namespace allows, tiny skbs are merged, out-of-order text that is farther
 * than @skb gives way. One skb is always taken in order, however large it is: else a small buffer, or other sockets
 * that have used up tcp_mem, would stop the connection. RFC 9293 section 3.8.6 leaves it to the receiver how it holds
 * to what it offered.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it may; it has to be queued then.
 */
bool xtcp_rcvq_make_room(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_net *xn = xsk->xn;
	int most = READ_ONCE(xn->sysctl.rmem[2]);

	sock_owned_by_me(sk);
	if (xtcp_seg(skb)->seq != xsk->rcv_nxt) {
		if (xsk->out_of_order_count >= OUT_OF_ORDER_MAX)
			prune(sk, xtcp_seg(skb)->seq);
		if (xsk->out_of_order_count >= OUT_OF_ORDER_MAX)
			return false;
	} else if (skb_queue_empty(&sk->sk_receive_queue)) {
		/* beyond tcp_mem as a debt of the sock, paid when it is read: who holds that memory may wait for us */
		sk_rmem_schedule(sk, skb, skb->truesize);
		return true;
	}
	if (fits(sk, skb))
		return true;
	XTCP_NET_INC_STATS(xn, LINUX_MIB_PRUNECALLED);
	/* never smaller: what did not fit may be the memory limit's doing and not the buffer's */
	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && sk->sk_rcvbuf < most && !sk_under_memory_pressure(sk) &&
	    atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, min(atomic_read(&sk->sk_rmem_alloc), most));
	if (fits(sk, skb))
		return true;
	collapse(sk);
	if (fits(sk, skb))
		return true;
	prune(sk, xtcp_seg(skb)->seq);
	if (fits(sk, skb))
		return true;
	XTCP_NET_INC_STATS(xn, LINUX_MIB_RCVPRUNED);
	return false;
}

/* Takes those parts of @skb into the tree that it does not hold yet, as far as they fit. True when there was one. */
static bool insert_new_parts(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *prev = tree_find(xsk, xtcp_seg(skb)->seq);
	bool taken = false;

	while (skb) {
		struct sk_buff *next, *rest = NULL;
		u32 end = end_of(skb);

		if (prev && xtcp_seq_gt(end_of(prev), xtcp_seg(skb)->seq)) {
			if (xtcp_seq_ge(end_of(prev), end) ||
			    !xtcp_rcvq_trim_front(skb, end_of(prev) - xtcp_seg(skb)->seq))
				break;
		}
		next = prev ? skb_rb_next(prev) : skb_rb_first(&xsk->out_of_order);
		if (next && xtcp_seq_lt(xtcp_seg(next)->seq, end)) {
			/* what lies behind next goes around the loop again, with a share of the same octets */
			if (xtcp_seq_lt(end_of(next), end))
				rest = skb_clone(skb, GFP_ATOMIC);
			if (!xtcp_rcvq_trim_back(skb, xtcp_seg(next)->seq - xtcp_seg(skb)->seq)) {
				kfree_skb(rest);
				break;
			}
		}
		if (xtcp_seg(skb)->len && (!taken || fits(sk, skb)) &&
		    (xtcp_seg(skb)->seq == xsk->rcv_nxt || xsk->out_of_order_count < OUT_OF_ORDER_MAX)) {
			queue_out_of_order(sk, prev, skb);
			taken = true;
		} else {
			kfree_skb(skb);
		}
		skb = rest;
		prev = next;
	}
	kfree_skb(skb);
	return taken;
}

/* Moves what has become in order. */
static void drain(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&xsk->out_of_order)) && xtcp_seg(skb)->seq == xsk->rcv_nxt) {
		tree_unlink(xsk, skb);
		append(sk, skb);
	}
}

/**
 * xtcp_rcvq_queue() - take text
 * @sk: the sock
 * @skb: at its text, which is not old and fits the window; room was made for it; consumed
 *
 * Parts that are queued already are left out; what the rest of memory does not allow is dropped, and the peer sends it
 * again. Advances RCV.NXT over what is in order. RFC 9293 section 3.10.7.4, seventh; SHLD-31.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_rcvq_queue(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *first = skb_rb_first(&xsk->out_of_order);
	bool in_order = xtcp_seg(skb)->seq == xsk->rcv_nxt;

	sock_owned_by_me(sk);
	if (in_order && (!first || xtcp_seq_le(end_of(skb), xtcp_seg(first)->seq))) {
		skb_set_owner_r(skb, sk);
		append(sk, skb);
	} else if (insert_new_parts(sk, skb) && !in_order) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPOFOQUEUE);
	}
	drain(sk);
}

/**
 * xtcp_rcvq_purge_out_of_order() - drop what waits for what is missing
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_rcvq_purge_out_of_order(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&xsk->out_of_order))) {
		tree_unlink(xsk, skb);
		kfree_skb(skb);
	}
}
