// SPDX-License-Identifier: GPL-2.0
/* Octets of the program come into the send queue: copied, or as the pages they stand in (RFC 9293 section 3.9.1.2). */
#include "send/fill.h"

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "base/memory.h"
#include "base/netns.h"
#include "base/sock.h"
#include "send/sndq.h"

/*
 * A request or an answer: the memory behind the header costs nothing, a page has to be held and looked up by each who
 * reads it. Of a stream of small segments a receiver can only join those that lie in pages.
 */
static inline bool fits_behind_header(const struct xtcp_sock *xsk, const struct sk_buff *skb, size_t len)
{
	return !skb->len && len <= skb_tailroom(skb) && RB_EMPTY_ROOT(&xsk->sent);
}

/* @n octets more: how many of them there is memory for, or -ENOBUFS. */
static int may_queue(struct sock *sk, int n)
{
	int least;

	if (sk_wmem_schedule(sk, n))
		return n;
	/* wmem[0] is due to everyone, beyond tcp_mem too */
	least = READ_ONCE(xtcp_sk(sk)->xn->sysctl.wmem[0]) - sk->sk_wmem_queued;
	if (least <= 0)
		return -ENOBUFS;
	n = min(n, least);
	xtcp_memory_force(sk, n);
	return n;
}

static void octets_queued(struct sock *sk, struct sk_buff *skb, u32 n)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_sndcb(skb)->end_seq += n;
	WRITE_ONCE(xsk->write_seq, xsk->write_seq + n);
}

/* xtcp_fill_copy() of what does not fit behind the header */
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
	octets_queued(sk, skb, copy);
	return copy;
}

/**
 * xtcp_fill_copy() - copy octets of the program behind the last ones
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
int xtcp_fill_copy(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len)
{
	sock_owned_by_me(sk);
	if (!fits_behind_header(xtcp_sk(sk), skb, len))
		return copy_to_pages(sk, skb, from, len);
	/* skb_add_data_nocache() without its questions: who copies past the cache means more than a header's room */
	if (!copy_from_iter_full(skb_tail_pointer(skb), len, from))
		return -EFAULT;
	__skb_put(skb, len);
	octets_queued(sk, skb, len);
	return len;
}

/**
 * xtcp_fill_splice() - put a page of somebody else behind the last octets
 * @sk: the sock
 * @skb: the last skb of the queue, never sent, without FIN
 * @from: pages; what has no page that can be held is copied
 * @len: how many octets at most, not 0
 *
 * Whoever has the page may write to it until it is acknowledged: what is sent, and sent again, is what stands there
 * then. SKBFL_SHARED_FRAG tells those below, who make the checksum.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: as xtcp_fill_copy().
 */
int xtcp_fill_splice(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len)
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
		return xtcp_fill_copy(sk, skb, from, len);
	merge = skb_can_coalesce(skb, i, page, offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return -ENOSPC;
	n = may_queue(sk, min3(len, piece, PAGE_SIZE - offset));
	if (n < 0)
		return n;
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
