// SPDX-License-Identifier: GPL-2.0
/*
 * The list of lost skbs that wait to be resent. The list is sorted by sequence number, except where
 * the search for the position of an skb has stopped after WALK_MAX steps. An skb on this list is
 * not on the list of skbs in flight at the same time: both lists use the same list node.
 *
 * scoreboard.c adds to the list; repair.c resends from it.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "loss/resend.h"

#include <linux/list_sort.h>
#include <net/sock.h>

#include "base/sender.h"
#include "base/seq.h"
#include "base/stream.h"
#include "loss/reorder.h"
#include "sendq/sendq.h"

#define WALK_MAX	32U	/* limit of steps of the search for the position of an skb */

static bool is_to_be_resent(const struct sk_buff *skb)
{
	return skb && (xtcp_sndcb(skb)->marks & (XTCP_SNDQ_LOST | XTCP_SNDQ_RESENT)) == XTCP_SNDQ_LOST;
}

/*
 * Searches from @cb for the node of @list after which @seq belongs. After WALK_MAX steps it returns
 * the node that it has reached.
 */
static struct list_head *walk_to(struct list_head *list, struct xtcp_sndcb *cb, u32 seq)
{
	unsigned int steps;

	for (steps = 0; steps < WALK_MAX; steps++) {
		struct xtcp_sndcb *other;

		if (xtcp_seq_lt(cb->seq, seq)) {
			if (list_is_last(&cb->node, list))
				break;
			other = list_next_entry(cb, node);
			if (xtcp_seq_gt(other->seq, seq))
				break;
		} else {
			if (list_is_first(&cb->node, list))
				return list;
			other = list_prev_entry(cb, node);
			if (xtcp_seq_lt(other->seq, seq))
				return &other->node;
		}
		cb = other;
	}
	return &cb->node;
}

/*
 * Returns the list node after which to insert @skb. Most skbs are added in order of sequence
 * number, or next to an skb that is on the list already, so their position is found at once. For
 * other skbs the search stops after WALK_MAX steps, so that a peer cannot cause a long walk for
 * each of many skbs; the position is then approximate. The skb at SND.UNA always comes first.
 */
static struct list_head *place_to_resend(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	struct list_head *list = &stream->to_resend;
	u32 seq = xtcp_sndcb(skb)->seq;
	struct sk_buff *beside;

	if (list_empty(list))
		return list;
	if (xtcp_seq_lt(list_last_entry(list, struct xtcp_sndcb, node)->seq, seq))
		return list->prev;
	beside = skb_rb_prev(skb);
	if (!beside)
		return list;
	if (is_to_be_resent(beside))
		return &xtcp_sndcb(beside)->node;
	beside = xtcp_sndq_next(sk, skb);
	if (is_to_be_resent(beside))
		return xtcp_sndcb(beside)->node.prev;
	return walk_to(list, stream->resend_cursor ? xtcp_sndcb(stream->resend_cursor) :
		       list_first_entry(list, struct xtcp_sndcb, node), seq);
}

/**
 * xtcp_resend_add() - add an skb that counts as lost
 * @sk: the sock
 * @skb: the skb; it was sent, and is on the list of skbs in flight or on no list
 *
 * The list is in the order of sequence numbers (RFC 6675 section 4, NextSeg() rule 1), except where
 * place_to_resend() has stopped its search early.
 */
void xtcp_resend_add(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	list_move(&xtcp_sndcb(skb)->node, place_to_resend(sk, skb));
	xtcp_sender(sk)->stream->resend_cursor = skb;
}

/**
 * xtcp_resend_next() - find the skb to resend next
 * @sk: the sock
 *
 * Return: an skb that counts as lost, preferably the skb at SND.UNA; NULL if there is none.
 */
struct sk_buff *xtcp_resend_next(const struct sock *sk)
{
	const struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	struct sk_buff *first;

	sock_owned_by_me(sk);
	if (list_empty(&stream->to_resend))
		return NULL;
	first = xtcp_sndq_first(sk);
	if (is_to_be_resent(first))
		return first;
	return xtcp_sndq_skb_of(list_first_entry(&stream->to_resend, struct xtcp_sndcb, node));
}

static bool was_sent_after(const struct list_head *a, const struct list_head *b)
{
	const struct xtcp_sndcb *one = list_entry(a, struct xtcp_sndcb, node);
	const struct xtcp_sndcb *other = list_entry(b, struct xtcp_sndcb, node);

	return xtcp_reorder_sent_after(one->sent_us, one->end_seq, other->sent_us, other->end_seq);
}

static int compare_sent(void *priv, const struct list_head *a, const struct list_head *b)
{
	return was_sent_after(a, b);
}

/**
 * xtcp_resend_put_back() - move all skbs back to the list of skbs in flight, in order of sending
 * @sk: the sock
 *
 * After a needless recovery no skb counts as lost (RFC 5682 section 3, RFC 3522 section 3.2). The
 * move takes few steps: nearly all skbs to be moved were sent before the skbs in flight, so they
 * belong at the front of the list of skbs in flight. Only an skb that was resent and lost again may
 * belong further behind.
 */
void xtcp_resend_put_back(struct sock *sk)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	struct list_head *before = stream->in_flight.next, *node, *next;

	sock_owned_by_me(sk);
	list_sort(NULL, &stream->to_resend, compare_sent);
	list_for_each_safe(node, next, &stream->to_resend) {
		while (before != &stream->in_flight && was_sent_after(node, before))
			before = before->next;
		list_move_tail(node, before);
	}
	stream->resend_cursor = NULL;
}
