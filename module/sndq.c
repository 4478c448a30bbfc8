// SPDX-License-Identifier: GPL-2.0
/*
 * The send queue: what was written and is not acknowledged, as skbs in order of sequence number ("segmentation",
 * RFC 9293 section 3.7).
 *
 *   sk_write_queue:  [sent][sent] ... [sent] | [not sent] ... [tail]
 *                     SND.UNA                  send_head
 *
 * An skb here has no header and no linear data: its octets lie in page fragments, so that a segment is sent by cloning
 * it and cut in two without copying. It may be larger than a segment: IP or the device cuts it (GSO). SYN and FIN are
 * flags of an skb and take one sequence number behind its octets.
 *
 * Memory: sk_wmem_queued is the sum of "charged", the part of sk_forward_alloc that an skb holds. An skb that must
 * exist whatever the limits say (SYN, FIN, the second half of a cut) is charged nothing for itself when memory is
 * short.
 */
#include "sndq.h"

#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "clock.h"
#include "compat.h"
#include "netns.h"
#include "seq.h"
#include "sock.h"
#include "wire.h"

static void charge(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, xtcp_sndcb(skb)->charged);
	sk_mem_charge(sk, xtcp_sndcb(skb)->charged);
}

static void uncharge(struct sock *sk, struct sk_buff *skb, u32 octets)
{
	xtcp_sndcb(skb)->charged -= octets;
	sk_wmem_queued_add(sk, -(int)octets);
	sk_mem_uncharge(sk, octets);
}

/**
 * xtcp_sndq_alloc() - a new empty skb, not yet on the queue
 * @sk: the sock
 * @gfp: as for kmalloc
 * @force: needed even when the sock's memory is used up
 *
 * The caller appends it, or frees it by kfree_skb(), before it gives up the lock.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb with room for every header in front, or NULL without memory.
 */
struct sk_buff *xtcp_sndq_alloc(struct sock *sk, gfp_t gfp, bool force)
{
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	skb = alloc_skb_fclone(MAX_TCP_HEADER, gfp);
	if (!skb)
		return NULL;
	skb_reserve(skb, MAX_TCP_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	memset(skb->cb, 0, sizeof(struct xtcp_sndcb));
	if (sk_wmem_schedule(sk, skb->truesize)) {
		xtcp_sndcb(skb)->charged = skb->truesize;
	} else if (!force) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/**
 * xtcp_sndq_append() - put a new skb at the end of the queue
 * @sk: the sock
 * @skb: from xtcp_sndq_alloc(), empty; its flags may be set
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndq_append(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	sock_owned_by_me(sk);
	cb->seq = xsk->write_seq;
	cb->end_seq = cb->seq + !!(cb->flags & (XTCP_SYN | XTCP_FIN));
	WRITE_ONCE(xsk->write_seq, cb->end_seq);
	/* clones may write their headers in place: the one on the queue only holds octets */
	__skb_header_release(skb);
	__skb_queue_tail(&sk->sk_write_queue, skb);
	charge(sk, skb);
	if (!xsk->send_head)
		xsk->send_head = skb;
}

/**
 * xtcp_sndq_copy() - copy octets of the program behind the last ones
 * @sk: the sock
 * @skb: the last skb of the queue, never sent, without FIN
 * @from: where the octets are
 * @len: how many at most, not 0
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: octets copied, at least 1; -ENOSPC: @skb is full, use a new one; -ENOBUFS: the sock's memory is used up;
 * -EFAULT.
 */
int xtcp_sndq_copy(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int i = skb_shinfo(skb)->nr_frags;
	bool merge;
	int copy, least, err;

	sock_owned_by_me(sk);
	if (!sk_page_frag_refill(sk, pfrag))
		return -ENOBUFS;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return -ENOSPC;
	copy = min_t(size_t, len, pfrag->size - pfrag->offset);
	if (!sk_wmem_schedule(sk, copy)) {
		/* wmem[0] is due to everyone, beyond tcp_mem as a debt of the sock, paid when it is acknowledged */
		least = READ_ONCE(xsk->xn->sysctl.wmem[0]) - sk->sk_wmem_queued;
		if (least <= 0)
			return -ENOBUFS;
		copy = min(copy, least);
	}
	/* charges what it copies */
	err = skb_copy_to_page_nocache(sk, from, skb, pfrag->page, pfrag->offset, copy);
	if (err)
		return err;
	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], copy);
	} else {
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, copy);
		get_page(pfrag->page);
	}
	pfrag->offset += copy;
	xtcp_sndcb(skb)->charged += copy;
	xtcp_sndcb(skb)->end_seq += copy;
	WRITE_ONCE(xsk->write_seq, xsk->write_seq + copy);
	return copy;
}

static void unlink_free(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (skb == xsk->resend_next) {
		xsk->resend_next = xtcp_sndq_next(sk, skb);
		if (xsk->resend_next == xsk->send_head)
			xsk->resend_next = NULL;
	}
	__skb_unlink(skb, &sk->sk_write_queue);
	uncharge(sk, skb, xtcp_sndcb(skb)->charged);
	__kfree_skb(skb);
}

/**
 * xtcp_sndq_drop_empty_tail() - the queue holds no skb that nothing came of
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndq_drop_empty_tail(struct sock *sk)
{
	struct sk_buff *tail = xtcp_sndq_open_tail(sk);

	sock_owned_by_me(sk);
	if (!tail || tail->len)
		return;
	if (tail == xtcp_sk(sk)->send_head)
		xtcp_sk(sk)->send_head = NULL;
	unlink_free(sk, tail);
}

static int append_control(struct sock *sk, u8 flag)
{
	struct sk_buff *skb = xtcp_sndq_alloc(sk, sk_gfp_mask(sk, GFP_ATOMIC), true);

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
	return append_control(sk, XTCP_SYN);
}

/**
 * xtcp_sndq_append_fin() - queue the FIN, on the last unsent skb if there is one
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: 0 or -ENOBUFS.
 */
int xtcp_sndq_append_fin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *tail = xtcp_sndq_open_tail(sk);

	sock_owned_by_me(sk);
	if (!tail)
		return append_control(sk, XTCP_FIN);
	xtcp_sndcb(tail)->flags |= XTCP_FIN;
	xtcp_sndcb(tail)->end_seq++;
	WRITE_ONCE(xsk->write_seq, xsk->write_seq + 1);
	return 0;
}

/**
 * xtcp_sndq_open_tail() - the skb that takes further octets
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the last skb, if it was never sent and has no FIN; else NULL.
 */
struct sk_buff *xtcp_sndq_open_tail(const struct sock *sk)
{
	struct sk_buff *tail;

	sock_owned_by_me(sk);
	if (!xtcp_sk(sk)->send_head)
		return NULL;
	tail = skb_peek_tail(&sk->sk_write_queue);
	return xtcp_sndcb(tail)->flags & (XTCP_SYN | XTCP_FIN) ? NULL : tail;
}

/**
 * xtcp_sndq_unacked() - the first skb that was sent and is not acknowledged
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb, or NULL.
 */
struct sk_buff *xtcp_sndq_unacked(const struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);

	sock_owned_by_me(sk);
	return skb != xtcp_sk(sk)->send_head ? skb : NULL;
}

/**
 * xtcp_sndq_next() - the skb behind another
 * @sk: the sock
 * @skb: on its queue
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the skb, or NULL.
 */
struct sk_buff *xtcp_sndq_next(const struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	return skb_queue_is_last(&sk->sk_write_queue, skb) ? NULL : skb_queue_next(&sk->sk_write_queue, skb);
}

/**
 * xtcp_sndq_is_last() - does nothing follow this skb?
 * @sk: the sock
 * @skb: on its queue
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when nothing does.
 */
bool xtcp_sndq_is_last(const struct sock *sk, const struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	return skb_queue_is_last(&sk->sk_write_queue, skb);
}

/* A clone that is still on its way shares the list of fragments: take a list of one's own before it changes. */
static int own_fragments(struct sk_buff *skb, gfp_t gfp)
{
	u32 truesize = skb->truesize;
	int err;

	if (!skb_cloned(skb))
		return 0;
	err = pskb_expand_head(skb, 0, 0, gfp);
	skb->truesize = truesize;
	return err;
}

/**
 * xtcp_sndq_split() - cut an skb in two
 * @sk: the sock
 * @skb: on its queue, sent or not
 * @len: octets that stay in @skb; more than 0, less than it has, or as many when it has a FIN besides
 * @gfp: as for kmalloc
 *
 * The rest, with FIN and PSH, goes to a new skb behind it.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_sndq_split(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb), *restcb;
	u32 moved = skb->len - len;
	struct sk_buff *rest;

	sock_owned_by_me(sk);
	if (WARN_ON_ONCE(!len || len >= skb->len + !!(cb->flags & XTCP_FIN)))
		return -EINVAL;
	if (own_fragments(skb, gfp))
		return -ENOMEM;
	rest = xtcp_sndq_alloc(sk, gfp, true);
	if (!rest)
		return -ENOMEM;
	restcb = xtcp_sndcb(rest);

	skb_split(skb, rest, len);
	skb->truesize -= moved;
	rest->truesize += moved;
	/* the new skb itself is charged here, its octets are already */
	charge(sk, rest);
	restcb->charged += moved;
	cb->charged -= moved;

	restcb->seq = cb->seq + len;
	restcb->end_seq = cb->end_seq;
	restcb->sent_us = cb->sent_us;
	restcb->transmissions = cb->transmissions;
	restcb->flags = cb->flags;
	cb->flags &= ~(XTCP_FIN | XTCP_PSH);
	cb->end_seq = restcb->seq;
	if (restcb->transmissions)
		xtcp_sk(sk)->sndq_segments++;

	__skb_header_release(rest);
	__skb_queue_after(&sk->sk_write_queue, skb, rest);
	return 0;
}

/**
 * xtcp_sndq_sent() - an skb was sent, for the first time or again
 * @sk: the sock
 * @skb: send_head, or one before it
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_sndq_sent(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);

	sock_owned_by_me(sk);
	cb->sent_us = xtcp_clock_us();
	if (cb->transmissions < U8_MAX)
		cb->transmissions++;
	if (skb != xsk->send_head)
		return;
	xsk->send_head = xtcp_sndq_next(sk, skb);
	xsk->sndq_segments++;
	WRITE_ONCE(xsk->snd_nxt, cb->end_seq);
}

/* The first @len octets of @skb are acknowledged. Without memory they stay, and would be sent again with the rest. */
static void trim_head(struct sock *sk, struct sk_buff *skb, u32 len)
{
	struct skb_shared_info *shinfo;
	u32 left = len;
	int i, gone = 0;

	if (own_fragments(skb, GFP_ATOMIC))
		return;
	shinfo = skb_shinfo(skb);
	while (left >= skb_frag_size(&shinfo->frags[gone])) {
		left -= skb_frag_size(&shinfo->frags[gone]);
		skb_frag_unref(skb, gone);
		gone++;
	}
	for (i = gone; i < shinfo->nr_frags; i++)
		shinfo->frags[i - gone] = shinfo->frags[i];
	shinfo->nr_frags -= gone;
	skb_frag_off_add(&shinfo->frags[0], left);
	skb_frag_size_sub(&shinfo->frags[0], left);
	skb->len -= len;
	skb->data_len -= len;
	skb->truesize -= len;
	uncharge(sk, skb, len);
	xtcp_sndcb(skb)->seq += len;
}

/**
 * xtcp_sndq_acked() - drop what the peer has acknowledged
 * @sk: the sock
 * @ack: SEG.ACK, at most SND.NXT
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: clock_us when the first segment that is now acknowledged was sent; 0 when that says nothing about the round
 * trip, since one of them was sent twice (Karn, RFC 6298 section 3), or none is acknowledged as a whole.
 */
u64 xtcp_sndq_acked(struct sock *sk, u32 ack)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool ambiguous = false;
	struct sk_buff *skb;
	u64 sent_us = 0;

	sock_owned_by_me(sk);
	while ((skb = xtcp_sndq_unacked(sk))) {
		struct xtcp_sndcb *cb = xtcp_sndcb(skb);

		if (xtcp_seq_gt(cb->end_seq, ack))
			break;
		if (cb->transmissions > 1)
			ambiguous = true;
		if (!sent_us)
			sent_us = cb->sent_us;
		unlink_free(sk, skb);
		xsk->sndq_segments--;
	}
	if (skb && xtcp_seq_gt(ack, xtcp_sndcb(skb)->seq)) {
		u32 len = ack - xtcp_sndcb(skb)->seq;

		if (xtcp_sndcb(skb)->transmissions > 1)
			ambiguous = true;
		else if (!sent_us)
			sent_us = xtcp_sndcb(skb)->sent_us;
		if (len < skb->len)
			trim_head(sk, skb, len);
	}
	return ambiguous ? 0 : sent_us;
}

/**
 * xtcp_sndq_purge() - drop everything
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_sndq_purge(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;

	xsk->send_head = NULL;
	xsk->resend_next = NULL;
	xsk->sndq_segments = 0;
	while ((skb = skb_peek(&sk->sk_write_queue)))
		unlink_free(sk, skb);
}
