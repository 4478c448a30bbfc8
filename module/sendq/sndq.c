// SPDX-License-Identifier: GPL-2.0
/*
 * The send queue: octets that the program has written and the peer has not acknowledged, as skbs in
 * order of sequence number ("segmentation", RFC 9293 section 3.7).
 *
 *   SND.UNA                    SND.NXT
 *     [sent][sent] ... [sent]    [not sent] ... [tail]
 *     tcp_rtx_queue, a tree      sk_write_queue, a list
 *
 * A sent skb is also on a list of tx->stream, linked by cb->node; scoreboard.c moves it:
 *
 *   in_flight, in order of sending   until it is acknowledged, sacked or marked as lost
 *   to_resend                        it counts as lost and was not resent
 *   none                             it is sacked; or there is no struct xtcp_stream yet (a SYN)
 *
 * An skb of the queue has no header. Its octets are in page fragments, so none is copied when the
 * skb is cloned for sending, or cut. One exception: a small message that is written while nothing is
 * in flight is in the linear part. An skb may be larger than a segment: IP or the device cuts it
 * (GSO). SYN and FIN are flags of an skb, each with one sequence number; the FIN comes after the
 * octets. sk_wmem_queued is the sum of the truesizes, and each is charged to sk_forward_alloc, that
 * of a SYN, of a FIN or of the second half of a cut even beyond the limits.
 *
 * Transmit timestamps (SO_TIMESTAMPING): as in kernel TCP, the last skb of a write is marked
 * (tx_flags, tskey, cb->stamps). A later write into the same skb moves the mark to its own last
 * octet. The layers below TCP report when the skb was queued (TX_SCHED) and left (TX_SOFTWARE,
 * TX_HARDWARE); they read tx_flags and tskey in struct skb_shared_info, which clones share. For
 * kernel TCP, the kernel computes the report's ID (OPT_ID) from a sequence number in tskey. For us it
 * reports tskey: so that has the ID, and skb->csum the sequence number of the marked octet.
 *
 * A connection with requests and responses frees the skb of one message shortly before it needs the
 * next. To reset the old one takes a tenth of the time of a free and an allocation. So each processor
 * keeps a few, not charged to a socket.
 */
#include <linux/bvec.h>
#include <linux/net_tstamp.h>

#include "base/sender.h"
#include "sendq/sendq.h"
#include "sight/sight.h"

/* kept skbs per processor: a short connection needs four if both ends are on this processor */
#define SPARES	4

/* An element changes only by an atomic exchange on its CPU: safe in softirq and process context. */
static DEFINE_PER_CPU(struct sk_buff *, skb_caches[SPARES]);

/*
 * The clones of @skb are gone, but may have changed its struct skb_shared_info: clears that up to
 * dataref, as alloc_skb_fclone() does. All other fields are unchanged, or the next user sets them.
 */
static void make_new(struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	int i;

	for (i = 0; i < shinfo->nr_frags; i++)
		skb_frag_unref(skb, i);
	memset(shinfo, 0, offsetof(struct skb_shared_info, dataref));
	skb->data = skb->head + MAX_TCP_HEADER;
	skb_reset_tail_pointer(skb);
	skb->len = 0;
	skb->data_len = 0;
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
}

/* An empty skb, as from alloc_skb_fclone(); its control block is undefined. NULL: there is none. */
static struct sk_buff *xtcp_skb_cache_take(void)
{
	struct sk_buff *skb;
	int i;

#ifdef CONFIG_FAULT_INJECTION
	/* if a test wants an allocation of this task to fail (fail_nth), let the caller allocate */
	if (current->fail_nth)
		return NULL;
#endif
	for (i = 0; i < SPARES; i++) {
		if (!this_cpu_read(skb_caches[i]))
			continue;
		skb = this_cpu_xchg(skb_caches[i], NULL);
		if (likely(skb))
			return skb;
	}
	return NULL;
}

/*
 * Keeps an skb that is on no queue, if this processor has room. Not if it has a clone, another
 * head, or emergency memory, or if a program waits for the report that its pages are free.
 */
bool xtcp_skb_cache_keep(struct sk_buff *skb)
{
	int i;

	for (i = 0; this_cpu_read(skb_caches[i]);)
		if (++i == SPARES)
			return false;
	if (!skb->nohdr || skb_cloned(skb) || skb_pfmemalloc(skb) || unlikely(skb_zcopy(skb)))
		return false;
	make_new(skb);
	/* an interrupt may have kept another skb in this element meanwhile */
	skb = this_cpu_xchg(skb_caches[i], skb);
	if (unlikely(skb))
		__kfree_skb(skb);
	return true;
}

/* Frees all kept skbs. No sock is left. */
static void skb_cache_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < SPARES; i++)
			kfree_skb(per_cpu(skb_caches[i], cpu));
}

const struct xtcp_part xtcp_skb_cache_part = { .end = skb_cache_exit };

/*
 * An ID is the marked octet's sequence number minus the base, that of the first octet written after
 * the program has set OPT_ID. sk_tskey stores the base (0 as 1). A new OPT_ID sets it to 0: none.
 */
static u32 number_base(struct sock *sk, u32 tsflags, u32 first)
{
	u32 base;

	if (!(tsflags & SOF_TIMESTAMPING_OPT_ID))
		return 0;
	base = atomic_read(&sk->sk_tskey);
	if (!base) {
		base = first ?: 1;
		atomic_set(&sk->sk_tskey, base);
	}
	return base;
}

/**
 * xtcp_stamp_written() - mark the last octet of a write
 * @sk: the sock
 * @tsflags: SOF_TIMESTAMPING_* of the sock and of the control message of this write
 * @len: how many octets the write has; they are the last ones in the queue
 *
 * All may have been sent already, if sendmsg() has waited for space, or has failed after it queued
 * them. Then, as in kernel TCP, the last skb that is not acknowledged is marked. The program gets
 * its TX_ACK, but the other timestamps only if the skb is sent again.
 */
void xtcp_stamp_written(struct sock *sk, u32 tsflags, u32 len)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue) ?: xtcp_sndq_last(sk);
	u32 base = number_base(sk, tsflags, tx->snd.write_seq - tx->fin_queued - len);
	struct skb_shared_info *shinfo;

	sock_owned_by_me(sk);
	if (!(tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK) || !skb || !skb->len)
		return;
	shinfo = skb_shinfo(skb);
	__sock_tx_timestamp(tsflags, &shinfo->tx_flags);
	*xtcp_stamped_seq(skb) = xtcp_sndcb(skb)->seq + skb->len - 1;
	shinfo->tskey = *xtcp_stamped_seq(skb) - base;
	if (shinfo->tx_flags & SKBTX_ANY_TSTAMP)
		xtcp_sndcb(skb)->stamps |= XTCP_STAMPS_LEAVING;
	if (tsflags & SOF_TIMESTAMPING_TX_ACK)
		xtcp_sndcb(skb)->stamps |= XTCP_STAMPS_ACKED;
}

/* When a marked skb is cut in two, the mark stays with its octet. */
static void xtcp_stamp_split(struct sk_buff *skb, struct sk_buff *rest)
{
	struct skb_shared_info *from = skb_shinfo(skb), *to = skb_shinfo(rest);

	if (xtcp_seq_lt(*xtcp_stamped_seq(skb), xtcp_sndcb(rest)->seq))
		return;
	to->tx_flags |= from->tx_flags & SKBTX_ANY_TSTAMP;
	from->tx_flags &= ~SKBTX_ANY_TSTAMP;
	to->tskey = from->tskey;
	*xtcp_stamped_seq(rest) = *xtcp_stamped_seq(skb);
	xtcp_sndcb(rest)->stamps = xtcp_sndcb(skb)->stamps;
	xtcp_sndcb(skb)->stamps = 0;
}

/* Reports TX_ACK if the marked octet is before @ack. */
static void xtcp_stamp_acked(struct sock *sk, struct sk_buff *skb, u32 ack)
{
	struct net_device *dev = skb->dev;

	if (!(xtcp_sndcb(skb)->stamps & XTCP_STAMPS_ACKED) || !xtcp_seq_lt(*xtcp_stamped_seq(skb), ack))
		return;
	xtcp_sndcb(skb)->stamps &= ~XTCP_STAMPS_ACKED;
	/* skb->dev shares memory with the rbnode */
	skb->dev = NULL;
	xtcp_compat_tell_acked(sk, skb);
	skb->dev = dev;
}

static inline void xtcp_sndq_charge(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

static struct sk_buff *alloc_new(gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb_fclone(MAX_TCP_HEADER, gfp);

	if (!skb)
		return NULL;
	skb_reserve(skb, MAX_TCP_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	/* it never has headers itself, so its clones may write headers in front of the data */
	__skb_header_release(skb);
	return skb;
}

static __always_inline struct sk_buff *alloc_charged(struct sock *sk, gfp_t gfp, bool force)
{
	struct xtcp_sndcb *cb;
	struct sk_buff *skb;

	skb = xtcp_skb_cache_take() ?: alloc_new(gfp);
	if (!skb)
		return NULL;
	cb = xtcp_sndcb(skb);
	/* xtcp_sndq_append() sets the sequence numbers, transmission the other fields */
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

static bool is_in_front(struct rb_node *a, const struct rb_node *b)
{
	return xtcp_seq_lt(xtcp_sndcb(rb_entry(a, struct sk_buff, rbnode))->seq, xtcp_sndcb(rb_to_skb(b))->seq);
}

/**
 * xtcp_sndq_leave_list() - remove a sent skb from the list into which cb->node links it, if any
 * @sk: the socket
 * @skb: the segment
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
void xtcp_sndq_leave_list(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;

	/* back by one only: else a peer could make place_to_resend() walk the whole list again and again */
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
	if (!xtcp_skb_cache_keep(skb))
		__kfree_skb(skb);
}

void xtcp_sndq_drop_empty_tail(struct sock *sk)
{
	struct sk_buff *tail = xtcp_sndq_open_tail(sk);

	sock_owned_by_me(sk);
	if (tail && !tail->len)
		unlink_free(sk, tail);
}

/* The queue is empty, and write_seq is the ISS. Return: 0 or -ENOBUFS. */
int xtcp_sndq_append_syn(struct sock *sk)
{
	struct sk_buff *skb = alloc_charged(sk, sk_gfp_mask(sk, GFP_ATOMIC), true);

	sock_owned_by_me(sk);
	if (!skb)
		return -ENOBUFS;
	xtcp_sndcb(skb)->flags = XTCP_SYN;
	xtcp_sndq_append(sk, skb);
	return 0;
}

/**
 * xtcp_sndq_find() - find the sent skb that contains a sequence number, in logarithmic time
 * @sk: the sock
 * @seq: from SND.UNA to SND.NXT - 1
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
 * xtcp_sndq_sent() - note that an skb was sent, for the first time or again
 * @sk: the sock
 * @skb: the first unsent skb, or one that was sent before
 * @sent_us: when it leaves, on the clock of xtcp_clock_us(); in the future if fq holds it back
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
		rb_add(&skb->rbnode, &sk->tcp_rtx_queue, is_in_front);
		xtcp_snd_sent(&tx->snd, cb->end_seq);
	} else {
		xtcp_sndq_leave_list(sk, skb);
	}
	/* without a struct xtcp_stream, @skb is a SYN, which is on no list */
	if (xtcp_stream_is_there(tx->stream))
		list_add_tail(&cb->node, &tx->stream->in_flight);
}

/* The peer has acknowledged all of @skb. */
void xtcp_sndq_drop(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	if (unlikely(xtcp_sndcb(skb)->stamps))
		xtcp_stamp_acked(sk, skb, xtcp_sndcb(skb)->end_seq);
	unlink_free(sk, skb);
}

/**
 * xtcp_sndq_purge() - free all skbs
 * @sk: the socket
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
void xtcp_sndq_purge(struct sock *sk)
{
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&sk->tcp_rtx_queue)))
		unlink_free(sk, skb);
	while ((skb = skb_peek(&sk->sk_write_queue)))
		unlink_free(sk, skb);
	xtcp_busy_with(&xtcp_sender(sk)->stream->busy, XTCP_IDLE);
}

/* before a change of the list of fragments, if a clone shares it */
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

/*
 * A peer can force cuts by its SACK blocks. So sent skbs, but the first and the last, are not cut any
 * more once the queue takes about twice the memory of the send buffer (CVE-2019-11478).
 */
static bool may_cut(const struct sock *sk, struct sk_buff *skb)
{
	/* unsigned: SO_SNDBUF may be nearly 2^31, so the sum may not fit an int */
	const u32 most = (u32)sk->sk_sndbuf + (u32)(2 * SKB_TRUESIZE(GSO_LEGACY_MAX_SIZE));

	if (!(xtcp_sndcb(skb)->marks & XTCP_SNDQ_SENT))
		return true;
	return (u32)sk->sk_wmem_queued / 2 <= most || skb == xtcp_sndq_first(sk) || skb == xtcp_sndq_last(sk);
}

/**
 * xtcp_fragment() - cut an skb of the queue in two, sent or not
 * @sk: the sock
 * @skb: what is cut
 * @len: how many octets stay in @skb, at least 1. If all stay, only its FIN is cut off
 * @gfp: flags of the allocation
 *
 * FIN, PSH and EOR move to the new skb behind it; the other flags and marks are copied.
 * Return: 0; -ENOMEM if there is no memory or there were too many cuts.
 */
int xtcp_fragment(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb), *restcb;
	u32 moved = skb->data_len;
	struct sk_buff *rest;

	sock_owned_by_me(sk);
	if (WARN_ON_ONCE(!len || len >= skb->len + !!(cb->flags & XTCP_FIN)))
		return -EINVAL;
	if (!may_cut(sk, skb)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPWQUEUETOOBIG);
		return -ENOMEM;
	}
	if (own_fragments(skb, gfp))
		return -ENOMEM;
	rest = xtcp_sndq_alloc(sk, gfp, true);
	if (!rest)
		return -ENOMEM;
	restcb = xtcp_sndcb(rest);

	skb_split(skb, rest, len);
	/* its octets are charged already */
	xtcp_sndq_charge(sk, rest);
	moved -= skb->data_len;
	skb->truesize -= moved;
	rest->truesize += moved;

	*restcb = *cb;
	restcb->seq += len;
	restcb->stamps = 0;
	INIT_LIST_HEAD(&restcb->node);
	*xtcp_sndnote(rest) = *xtcp_sndnote(skb);
	cb->marks &= ~XTCP_SNDQ_EOR;
	cb->flags &= ~(XTCP_FIN | XTCP_PSH);
	cb->end_seq = restcb->seq;
	if (unlikely(cb->stamps))
		xtcp_stamp_split(skb, rest);

	if (restcb->marks & XTCP_SNDQ_SENT) {
		rb_add(&rest->rbnode, &sk->tcp_rtx_queue, is_in_front);
		if (!list_empty(&cb->node))
			list_add(&restcb->node, &cb->node);
	} else {
		__skb_queue_after(&sk->sk_write_queue, skb, rest);
	}
	return 0;
}

/* The peer has acknowledged the first @len octets of @skb. False: no memory; they stay, and would be sent again. */
bool xtcp_trim_head(struct sock *sk, struct sk_buff *skb, u32 len)
{
	u32 behind_header = min(len, skb_headlen(skb)), left = len - behind_header;
	struct skb_shared_info *shinfo;
	int i, gone = 0;

	sock_owned_by_me(sk);
	/* this may clone @skb, which then shares its fragments: so before own_fragments(), which copies shared ones */
	if (unlikely(xtcp_sndcb(skb)->stamps))
		xtcp_stamp_acked(sk, skb, xtcp_sndcb(skb)->seq + len);
	if (left && own_fragments(skb, GFP_ATOMIC))
		return false;
	__skb_pull(skb, behind_header);
	xtcp_sndcb(skb)->seq += len;
	if (!left)
		return true;
	skb->len -= left;
	skb->data_len -= left;
	skb->truesize -= left;
	xtcp_sndq_uncharge(sk, left);
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
	return true;
}

/* Return: for how many octets, at most @n, there is memory; or -ENOBUFS. */
static int may_queue(struct sock *sk, int n)
{
	int least;

	if (sk_wmem_schedule(sk, n))
		return n;
	/* every socket may have wmem[0] octets, even if tcp_mem is used up */
	least = READ_ONCE(xtcp_sender(sk)->xn->sysctl.wmem[0]) - sk->sk_wmem_queued;
	if (least <= 0)
		return -ENOBUFS;
	n = min(n, least);
	xtcp_memory_force(sk, n);
	return n;
}

static void octets_queued(struct sock *sk, struct sk_buff *skb, u32 n)
{
	xtcp_sndcb(skb)->end_seq += n;
	xtcp_snd_queued(&xtcp_sender(sk)->snd, n);
}

static noinline int copy_to_pages(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	int i = skb_shinfo(skb)->nr_frags;
	bool merge;
	int copy, err;

	if (!sk_page_frag_refill(sk, pfrag))
		return -ENOBUFS;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return -ENOSPC;
	copy = may_queue(sk, min_t(size_t, len, pfrag->size - pfrag->offset));
	if (copy < 0)
		return copy;
	/*
	 * if the pages of @skb belong to io_uring, @skb has no references to them, but gets one to the page
	 * below. On a free, the kernel puts all or none, so take one to each earlier page now
	 */
	skb_zcopy_downgrade_managed(skb);
	/* also charges the octets to the sock */
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
	octets_queued(sk, skb, copy);
	return copy;
}

/**
 * xtcp_sndq_copy() - copy octets of the program to the end of the queue
 * @sk: the sock
 * @skb: the last skb of the queue, never sent, without FIN
 * @from: the program's octets
 * @len: how many octets to copy at most, not 0
 * Context: process, may sleep. Lock: socket, held.
 * Return: octets copied, at least 1; -ENOSPC when @skb is full; -ENOBUFS when the sock's memory is
 * used up; -EFAULT.
 */
__always_inline int xtcp_sndq_copy(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len)
{
	sock_owned_by_me(sk);
	/*
	 * the linear part is best for a request or an answer: each page costs a reference. But if something is
	 * in flight, more small segments may follow, and a receiver on this machine can coalesce only pages
	 */
	if (skb->len || len > skb_tailroom(skb) || !RB_EMPTY_ROOT(&sk->tcp_rtx_queue))
		return copy_to_pages(sk, skb, from, len);
	/* skb_add_data_nocache() without its tests, and through the cache: only larger copies gain from a bypass */
	if (!copy_from_iter_full(skb_tail_pointer(skb), len, from))
		return -EFAULT;
	__skb_put(skb, len);
	octets_queued(sk, skb, len);
	return len;
}

/*
 * As xtcp_sndq_copy(), but takes a reference to the page where possible. Its owner can still write to
 * it: SKBFL_SHARED_FRAG tells the layers below, which compute the checksum.
 */
int xtcp_sndq_splice(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len)
{
	int i = skb_shinfo(skb)->nr_frags, n;
	struct page *page = NULL;
	size_t offset, piece = 0;
	bool merge;

	sock_owned_by_me(sk);
	if (iov_iter_is_bvec(from)) {
		piece = iov_iter_single_seg_count(from);
		offset = from->bvec->bv_offset + from->iov_offset;
		page = from->bvec->bv_page + offset / PAGE_SIZE;
		offset %= PAGE_SIZE;
	}
	if (!piece || !sendpage_ok(page))
		return xtcp_sndq_copy(sk, skb, from, len);
	merge = skb_can_coalesce(skb, i, page, offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return -ENOSPC;
	n = may_queue(sk, min3(len, piece, PAGE_SIZE - offset));
	if (n < 0)
		return n;
	skb_zcopy_downgrade_managed(skb);
	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], n);
	} else {
		get_page(page);
		skb_fill_page_desc_noacc(skb, i, page, offset, n);
	}
	skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	skb->len += n;
	skb->data_len += n;
	skb->truesize += n;
	sk_wmem_queued_add(sk, n);
	sk_mem_charge(sk, n);
	iov_iter_advance(from, n);
	octets_queued(sk, skb, n);
	return n;
}

/**
 * xtcp_sndq_zerocopy() - as xtcp_sndq_copy(), but send the pages of the program's buffer
 * @sk: the sock
 * @skb: the last skb of the queue, never sent, without FIN
 * @msg: the program's octets
 * @len: how many octets to take at most, not 0
 * @uarg: the ubuf_info of this write; @skb gets a reference to it
 *
 * When the last skb with a reference to @uarg is freed, the program learns that its buffer is free.
 * All pages of an skb must have the same ubuf_info. (Since Linux 6.10, io_uring may link several,
 * which count as one.) As in Linux, whole pages are charged to the sock, even if a part is sent.
 * The pages may change, as in xtcp_sndq_splice().
 */
int xtcp_sndq_zerocopy(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t len, struct ubuf_info *uarg)
{
	const unsigned int frags = skb_shinfo(skb)->nr_frags;
	unsigned int most = skb->truesize;
	int n;

	sock_owned_by_me(sk);
	n = may_queue(sk, len);
	if (n < 0)
		return n;
	n = xtcp_compat_zerocopy_fill(sk, skb, msg, n, uarg);
	if (n > 0)
		most += n + PAGE_SIZE * (skb_shinfo(skb)->nr_frags - frags + 1);
	/*
	 * the kernel counts too much if it removes pages from @skb because one is missing, or if a fragment
	 * of io_uring's buffer begins in the middle of a huge page: newer kernels count the part before
	 */
	if (skb->truesize > most) {
		xtcp_sndq_uncharge(sk, skb->truesize - most);
		skb->truesize = most;
	}
	/* may_queue() has reserved memory for the octets; reserve the rest of whole pages */
	xtcp_memory_force(sk, 0);
	if (n == -EMSGSIZE || n == -EEXIST)
		return -ENOSPC;
	if (n > 0)
		octets_queued(sk, skb, n);
	return n;
}
