// SPDX-License-Identifier: GPL-2.0
/*
 * The send queue: octets that the program has written and the peer has not acknowledged, as skbs in
 * order of sequence number ("segmentation", RFC 9293 section 3.7).
 *
 *   SND.UNA                    SND.NXT
 *     [sent][sent] ... [sent]    [not sent] ... [tail]
 *     tcp_rtx_queue, a tree      sk_write_queue, a list
 *
 * A sent skb is also on a list of tx->stream, linked by cb->node. The skb is on in_flight, in order
 * of sending, until it is acknowledged, sacked or marked as lost. It is on to_resend while it
 * counts as lost and was not resent. It is on no list when it is sacked. scoreboard.c moves skbs
 * between the lists. While a connection has no struct xtcp_stream, its SYN is on no list.
 *
 * An skb of the queue has no header. Its octets are in page fragments: no octet is copied when the
 * skb is cloned for sending, or cut in two. There is one exception: if a small message is written
 * while nothing is in flight, its octets are in the linear part. An skb may be larger than a
 * segment: IP or the device cuts it (GSO). SYN and FIN are flags of an skb, and each takes one
 * sequence number. The FIN comes after the octets.
 *
 * Memory: sk_wmem_queued is the sum of the truesizes, and each truesize is charged to
 * sk_forward_alloc. The skb of a SYN, of a FIN or of the second half of a cut is charged even
 * beyond the limits.
 */
#include "sendq/sndq.h"

#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/stream.h"
#include "base/wire.h"
#include "cong/rate.h"
#include "cong/stream_begin.h"
#include "sendq/busy.h"
#include "sendq/spare.h"
#include "sendq/stamp.h"

/**
 * xtcp_sndq_charge() - charge the memory of an skb that joins the queue
 * @sk: the sock
 * @skb: the skb
 *
 * Context: softirq or process. Lock: socket, held.
 */
inline void xtcp_sndq_charge(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

/**
 * xtcp_sndq_uncharge() - give back memory that leaves the queue
 * @sk: the sock
 * @octets: how much memory
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
inline void xtcp_sndq_uncharge(struct sock *sk, u32 octets)
{
	sk_wmem_queued_add(sk, -(int)octets);
	xtcp_memory_uncharge(sk, octets);
}

static struct sk_buff *alloc_new(gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb_fclone(MAX_TCP_HEADER, gfp);

	if (!skb)
		return NULL;
	skb_reserve(skb, MAX_TCP_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	/*
	 * this skb itself never has headers, so its clones may write headers in front of the data
	 */
	__skb_header_release(skb);
	return skb;
}

static __always_inline struct sk_buff *alloc_charged(struct sock *sk, gfp_t gfp, bool force)
{
	struct xtcp_sndcb *cb;
	struct sk_buff *skb;

	skb = xtcp_spare_take() ?: alloc_new(gfp);
	if (!skb)
		return NULL;
	cb = xtcp_sndcb(skb);
	/*
	 * xtcp_sndq_append() sets the sequence numbers later, and transmission sets the remaining
	 * fields
	 */
	cb->flags = 0;
	cb->transmissions = 0;
	cb->marks = 0;
	cb->stamps = 0;
	INIT_LIST_HEAD(&cb->node);
	if (!sk_wmem_schedule(sk, skb->truesize)) {
		if (!force) {
			kfree_skb(skb);
			return NULL;
		}
		xtcp_memory_force(sk, skb->truesize);
	}
	return skb;
}

/**
 * xtcp_sndq_alloc() - allocate an empty skb for data or a FIN
 * @sk: the sock
 * @gfp: flags of the allocation
 * @force: allocate even when the sock's memory is used up
 *
 * The caller must append the skb, or free it by kfree_skb(), before it releases the lock.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb, with headroom for all headers; NULL if there is no memory.
 */
__always_inline struct sk_buff *xtcp_sndq_alloc(struct sock *sk, gfp_t gfp, bool force)
{
	sock_owned_by_me(sk);
	if (!xtcp_stream_is_there(xtcp_sender(sk)->stream) && !xtcp_stream_begin(sk, gfp))
		return NULL;
	return alloc_charged(sk, gfp, force);
}

/**
 * xtcp_sndq_append() - put a new skb at the end of the queue
 * @sk: the sock
 * @skb: from xtcp_sndq_alloc(), empty; its flags may be set
 *
 * Context: softirq or process. Lock: socket, held.
 */
__always_inline void xtcp_sndq_append(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	sock_owned_by_me(sk);
	cb->seq = tx->snd.write_seq;
	cb->end_seq = cb->seq + !!(cb->flags & (XTCP_SYN | XTCP_FIN));
	xtcp_snd_queued(&tx->snd, cb->end_seq - cb->seq);
	if (!tx->stream->busy.with && !(cb->flags & XTCP_SYN))
		xtcp_busy_with(&tx->stream->busy, XTCP_BUSY);
	__skb_queue_tail(&sk->sk_write_queue, skb);
	xtcp_sndq_charge(sk, skb);
}

static void tree_insert_sent(struct sock *sk, struct sk_buff *skb)
{
	struct rb_node *parent = NULL, **place = &sk->tcp_rtx_queue.rb_node;
	u32 seq = xtcp_sndcb(skb)->seq;

	while (*place) {
		parent = *place;
		place = xtcp_seq_lt(seq, xtcp_sndcb(rb_to_skb(parent))->seq) ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, place);
	rb_insert_color(&skb->rbnode, &sk->tcp_rtx_queue);
}

/**
 * xtcp_sndq_insert_behind() - put the second half of an skb that was cut behind the first
 * @sk: the sock
 * @skb: the first half, sent or not
 * @rest: the second half, with the marks of @skb
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndq_insert_behind(struct sock *sk, struct sk_buff *skb, struct sk_buff *rest)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb), *restcb = xtcp_sndcb(rest);

	sock_owned_by_me(sk);
	if (restcb->marks & XTCP_SNDQ_SENT) {
		tree_insert_sent(sk, rest);
		if (!list_empty(&cb->node))
			list_add(&restcb->node, &cb->node);
	} else {
		__skb_queue_after(&sk->sk_write_queue, skb, rest);
	}
}

/**
 * xtcp_sndq_leave_list() - remove an skb from the list into which cb->node links it
 * @sk: the sock
 * @skb: sent; on in_flight, on to_resend or on no list
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
void xtcp_sndq_leave_list(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;

	/*
	 * place_to_resend() searches from the cursor. Move the cursor back by one: a reset to the
	 * start of the list would let a peer make us walk the whole list again and again.
	 */
	if (unlikely(stream->resend_cursor == skb))
		stream->resend_cursor = list_is_first(&xtcp_sndcb(skb)->node, &stream->to_resend) ? NULL :
				     xtcp_sndq_skb_of(list_prev_entry(xtcp_sndcb(skb), node));
	list_del_init(&xtcp_sndcb(skb)->node);
}

static void unlink_free(struct sock *sk, struct sk_buff *skb)
{
	if (xtcp_sndcb(skb)->marks & XTCP_SNDQ_SENT) {
		xtcp_sndq_leave_list(sk, skb);
		rb_erase(&skb->rbnode, &sk->tcp_rtx_queue);
		/* skb->dev shares memory with the rbnode */
		skb->dev = NULL;
	} else {
		__skb_unlink(skb, &sk->sk_write_queue);
	}
	xtcp_sndq_uncharge(sk, skb->truesize);
	if (!xtcp_spare_keep(skb))
		__kfree_skb(skb);
}

/**
 * xtcp_sndq_drop_empty_tail() - free the last skb if nothing was written into it
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndq_drop_empty_tail(struct sock *sk)
{
	struct sk_buff *tail = xtcp_sndq_open_tail(sk);

	sock_owned_by_me(sk);
	if (tail && !tail->len)
		unlink_free(sk, tail);
}

/* Append @skb with @flag set. @skb is NULL when there was no memory for it. */
static int append_control(struct sock *sk, struct sk_buff *skb, u8 flag)
{
	if (!skb)
		return -ENOBUFS;
	xtcp_sndcb(skb)->flags = flag;
	xtcp_sndq_append(sk, skb);
	return 0;
}

/**
 * xtcp_sndq_append_syn() - queue the SYN
 * @sk: the sock; its write_seq is the ISS and the queue is empty
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: 0 or -ENOBUFS.
 */
int xtcp_sndq_append_syn(struct sock *sk)
{
	sock_owned_by_me(sk);
	return append_control(sk, alloc_charged(sk, sk_gfp_mask(sk, GFP_ATOMIC), true), XTCP_SYN);
}

/**
 * xtcp_sndq_append_fin() - queue the FIN, as a flag of the last unsent skb if there is one
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: 0 or -ENOBUFS.
 */
int xtcp_sndq_append_fin(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct sk_buff *tail = xtcp_sndq_open_tail(sk);

	sock_owned_by_me(sk);
	if (!tail)
		return append_control(sk, xtcp_sndq_alloc(sk, sk_gfp_mask(sk, GFP_ATOMIC), true), XTCP_FIN);
	xtcp_sndcb(tail)->flags |= XTCP_FIN;
	xtcp_sndcb(tail)->end_seq++;
	xtcp_snd_queued(&tx->snd, 1);
	return 0;
}

/**
 * xtcp_sndq_open_tail() - find the skb to which more octets may be appended
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the last skb, if it was never sent and has neither SYN nor FIN; else NULL.
 */
struct sk_buff *xtcp_sndq_open_tail(const struct sock *sk)
{
	struct sk_buff *tail;

	sock_owned_by_me(sk);
	tail = skb_peek_tail(&sk->sk_write_queue);
	return tail && !(xtcp_sndcb(tail)->flags & (XTCP_SYN | XTCP_FIN)) ? tail : NULL;
}

/**
 * xtcp_sndq_unsent() - find the first unsent skb
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb, which begins at SND.NXT, or NULL.
 */
struct sk_buff *xtcp_sndq_unsent(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return skb_peek(&sk->sk_write_queue);
}

/**
 * xtcp_sndq_first() - find the first skb that was sent and is not acknowledged
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb, which contains SND.UNA, or NULL.
 */
struct sk_buff *xtcp_sndq_first(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return skb_rb_first(&sk->tcp_rtx_queue);
}

/**
 * xtcp_sndq_last() - find the last skb that was sent and is not acknowledged
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb, which ends at SND.NXT, or NULL.
 */
struct sk_buff *xtcp_sndq_last(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return skb_rb_last(&sk->tcp_rtx_queue);
}

/**
 * xtcp_sndq_next() - find the sent skb that follows @skb
 * @sk: the sock
 * @skb: sent
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb, or NULL.
 */
struct sk_buff *xtcp_sndq_next(const struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	return skb_rb_next(skb);
}

/**
 * xtcp_sndq_find() - find the sent skb that contains a sequence number
 * @sk: the sock
 * @seq: from SND.UNA to SND.NXT - 1
 *
 * The search takes logarithmic time.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb; NULL when no sent skb contains @seq.
 */
struct sk_buff *xtcp_sndq_find(const struct sock *sk, u32 seq)
{
	struct rb_node *node = sk->tcp_rtx_queue.rb_node;

	sock_owned_by_me(sk);
	while (node) {
		struct sk_buff *skb = rb_to_skb(node);

		if (xtcp_seq_lt(seq, xtcp_sndcb(skb)->seq))
			node = node->rb_left;
		else if (xtcp_seq_ge(seq, xtcp_sndcb(skb)->end_seq))
			node = node->rb_right;
		else
			return skb;
	}
	return NULL;
}

/**
 * xtcp_sndq_is_empty() - is the queue empty?
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when nothing is queued, sent or unsent.
 */
bool xtcp_sndq_is_empty(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return RB_EMPTY_ROOT(&sk->tcp_rtx_queue) && skb_queue_empty(&sk->sk_write_queue);
}

/**
 * xtcp_sndq_is_last() - is this the last skb of the queue?
 * @sk: the sock
 * @skb: on its queue, unsent
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when nothing follows @skb.
 */
bool xtcp_sndq_is_last(const struct sock *sk, const struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	return skb_queue_is_last(&sk->sk_write_queue, skb);
}

/**
 * xtcp_sndq_sent() - note that an skb was sent, for the first time or again
 * @sk: the sock
 * @skb: the first unsent skb, or one that was sent before
 * @sent_us: when it leaves, on the clock of xtcp_clock_us(); in the future if fq holds it back
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndq_sent(struct sock *sk, struct sk_buff *skb, u64 sent_us)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	sock_owned_by_me(sk);
	cb->sent_us = sent_us;
	if (xtcp_stream_is_there(tx->stream))
		xtcp_rate_sent(sk, skb, RB_EMPTY_ROOT(&sk->tcp_rtx_queue));
	if (cb->transmissions < XTCP_SNDQ_OFTEN)
		cb->transmissions++;
	if (!(cb->marks & XTCP_SNDQ_SENT)) {
		__skb_unlink(skb, &sk->sk_write_queue);
		cb->marks |= XTCP_SNDQ_SENT;
		tree_insert_sent(sk, skb);
		xtcp_snd_sent(&tx->snd, cb->end_seq);
	} else {
		xtcp_sndq_leave_list(sk, skb);
	}
	/* without a struct xtcp_stream, @skb is a SYN, which is on no list */
	if (xtcp_stream_is_there(tx->stream))
		list_add_tail(&cb->node, &tx->stream->in_flight);
}

/**
 * xtcp_sndq_drop() - free an skb that the peer has acknowledged
 * @sk: the sock
 * @skb: sent; freed
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndq_drop(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	if (unlikely(xtcp_sndcb(skb)->stamps))
		xtcp_stamp_acked(sk, skb, xtcp_sndcb(skb)->end_seq);
	unlink_free(sk, skb);
}

/**
 * xtcp_sndq_purge() - free all skbs
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
void xtcp_sndq_purge(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&sk->tcp_rtx_queue)))
		unlink_free(sk, skb);
	while ((skb = skb_peek(&sk->sk_write_queue)))
		unlink_free(sk, skb);
	xtcp_busy_with(&tx->stream->busy, XTCP_IDLE);
}
