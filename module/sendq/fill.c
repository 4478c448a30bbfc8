// SPDX-License-Identifier: GPL-2.0
/*
 * Fills the send queue with the octets that the program writes: copies them, or takes references to
 * the pages that contain them (RFC 9293 section 3.9.1.2).
 */
#include "sendq/sendq.h"

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "base/base.h"
#include "base/net.h"
#include "base/sender.h"
#include "compat.h"

/*
 * May the data be copied behind the header, into the linear part of @skb? This is best for a
 * request or an answer: the linear part is allocated already, while each page costs every layer a
 * reference or a lookup. If something is in flight, more small segments may follow. In this case,
 * the data goes into pages: a receiver on this machine can coalesce only data in pages.
 */
static inline bool fits_behind_header(const struct sock *sk, const struct sk_buff *skb, size_t len)
{
	return !skb->len && len <= skb_tailroom(skb) && RB_EMPTY_ROOT(&sk->tcp_rtx_queue);
}

/* Get memory for up to @n more octets. Return: for how many octets there is memory, or -ENOBUFS. */
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
	struct xtcp_sender *tx = xtcp_sender(sk);

	xtcp_sndcb(skb)->end_seq += n;
	xtcp_snd_queued(&tx->snd, n);
}

/* Does the work of xtcp_fill_copy() for data that goes into pages. */
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
	 * if the pages of @skb belong to io_uring, @skb has no references to them. But the page
	 * that is added below has a reference, and when an skb is freed, the kernel puts the
	 * references to all of its pages, or to none. So take a reference to each earlier page now
	 */
	skb_zcopy_downgrade_managed(skb);
	/* skb_copy_to_page_nocache() also charges the octets to the sock */
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
 * xtcp_fill_copy() - copy octets of the program to the end of the queue
 * @sk: the sock
 * @skb: the last skb of the queue, never sent, without FIN
 * @from: the program's octets
 * @len: how many octets to copy at most, not 0
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: octets copied, at least 1; -ENOSPC when @skb is full and the caller needs a new one;
 * -ENOBUFS when the sock's memory is used up; -EFAULT.
 */
__always_inline int xtcp_fill_copy(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len)
{
	sock_owned_by_me(sk);
	if (!fits_behind_header(sk, skb, len))
		return copy_to_pages(sk, skb, from, len);
	/*
	 * like skb_add_data_nocache(), but without its tests. The copy goes through the cache,
	 * because only larger copies gain from a bypass
	 */
	if (!copy_from_iter_full(skb_tail_pointer(skb), len, from))
		return -EFAULT;
	__skb_put(skb, len);
	octets_queued(sk, skb, len);
	return len;
}

/**
 * xtcp_fill_splice() - put a shared page at the end of the queue
 * @sk: the sock
 * @skb: the last skb of the queue, never sent, without FIN
 * @from: pages; the function copies the data if it can take no reference to the page
 * @len: how many octets to take at most, not 0
 *
 * The owner of the page can still write to it, and each transmission sends what the page contains
 * at that time. SKBFL_SHARED_FRAG tells the layers below, which compute the checksum, that the
 * octets may change.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: octets taken, at least 1; or an error of xtcp_fill_copy().
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

/*
 * Reduce the truesize of @skb to @most octets if it is larger. The kernel counts too much in two
 * cases. First, if a page of the program's buffer is missing, the write fails: the kernel removes
 * the earlier pages from @skb, but leaves them in the truesize. Second, in a buffer that io_uring
 * has registered, a fragment may begin in the middle of a huge page: newer kernels also count the
 * part of the huge page before the fragment.
 */
static void uncharge_beyond(struct sock *sk, struct sk_buff *skb, unsigned int most)
{
	const unsigned int excess = skb->truesize - most;

	if (skb->truesize <= most)
		return;
	skb->truesize = most;
	sk_wmem_queued_add(sk, -excess);
	xtcp_memory_uncharge(sk, excess);
}

/**
 * xtcp_fill_zerocopy() - put pages of the program's buffer at the end of the queue
 * @sk: the sock
 * @skb: the last skb of the queue, never sent, without FIN
 * @msg: the program's octets
 * @len: how many octets to take at most, not 0
 * @uarg: the ubuf_info of this write; @skb gets a reference to it
 *
 * When the last skb with a reference to @uarg is freed, the program learns that it may use its
 * buffer again. All pages of an skb must have the same ubuf_info. Since Linux 6.10, io_uring may
 * link several ubuf_infos, which count as one. As in Linux, whole pages are charged to the sock,
 * even if only a part of a page is sent. The remarks about shared pages at xtcp_fill_splice() also
 * apply here.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: octets taken, at least 1; or an error of xtcp_fill_copy().
 */
int xtcp_fill_zerocopy(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t len, struct ubuf_info *uarg)
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
	uncharge_beyond(sk, skb, most);
	/*
	 * may_queue() has reserved memory for the octets, but whole pages were charged: reserve the
	 * rest
	 */
	xtcp_memory_force(sk, 0);
	if (n == -EMSGSIZE || n == -EEXIST)
		return -ENOSPC;
	if (n > 0)
		octets_queued(sk, skb, n);
	return n;
}
