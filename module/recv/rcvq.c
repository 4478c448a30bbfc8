// SPDX-License-Identifier: GPL-2.0
/*
 * The receive queue: text in order, which waits for RECEIVE, and text out of order, which waits
 * until the text before it comes (RFC 9293 section 3.10.7.4, sixth and seventh step).
 *
 * Text in order is on sk_receive_queue, text out of order in a tree by sequence number. No two skbs
 * overlap. If an octet comes twice, the first copy stays, even if the second differs
 * (insert_new_text()). So a segment that overlaps text in the tree goes through the tree, even if it
 * begins at RCV.NXT. It adds at most one skb to the tree, and removes those that it covers: each is
 * inserted once and removed once, in whatever order a peer sends.
 *
 * Memory: each queued skb is charged to the sock (sk_rmem_alloc, sk_forward_alloc). The sum stays
 * below sk_rcvbuf plus one skb, with two exceptions. First, text within the offered window may use
 * twice that: the window cannot be taken back, and its text needs more memory if GRO makes smaller
 * packets than before. Second, if the receive queue is empty, one skb in order is always accepted,
 * however much the tree uses. When memory is short, text out of order is dropped, the farthest from
 * RCV.NXT first. Each skb is charged with its truesize, so tiny segments cannot use more memory than
 * large ones, and the tree's depth is logarithmic.
 *
 * A FIN is not queued. Its sequence number is stored (rcv_fin_seq), and text beyond it is not
 * accepted. RCV.NXT takes the FIN when it reaches the number.
 *
 * The urgent pointer points to the octet after the urgent octet (RFC 9293 section 3.1), or with
 * net.xtcp.stdurg to the urgent octet itself (RFC 1122 section 4.2.2.4). Only the last one is known
 * (struct xtcp_urgent), for MSG_OOB. It also stays in the queue. A read stops before it, at the mark;
 * the next skips it, or returns it with SO_OOBINLINE.
 */

#include "base/bounds.h"
#include "recv/recv.h"
#include "sight/sight.h"

/* Octets beyond the linear part. pskb_pull() would first copy them into the linear part. */
static bool drop_fragments(struct sk_buff *skb, u32 octets)
{
	u32 linear = skb_headlen(skb), left = octets - linear;
	struct skb_shared_info *shinfo;
	unsigned int i, kept = 0;

	if (skb_unclone(skb, GFP_ATOMIC))
		return false;
	__skb_pull(skb, linear);
	shinfo = skb_shinfo(skb);
	for (i = 0; i < shinfo->nr_frags; i++) {
		u32 size = skb_frag_size(&shinfo->frags[i]);

		if (left >= size) {
			skb_frag_unref(skb, i);
			left -= size;
			continue;
		}
		shinfo->frags[kept] = shinfo->frags[i];
		skb_frag_off_add(&shinfo->frags[kept], left);
		skb_frag_size_sub(&shinfo->frags[kept], left);
		left = 0;
		kept++;
	}
	shinfo->nr_frags = kept;
	skb->len -= octets - linear;
	skb->data_len = skb->len;
	return true;
}

/* Removes octets at the front of an skb that begins with its text and is on no queue. Return: false without memory. */
static bool xtcp_trim_front(struct sk_buff *skb, u32 octets)
{
	struct xtcp_seg *seg = xtcp_seg(skb);

	if (octets > skb_headlen(skb) && !skb_has_frag_list(skb)) {
		if (!drop_fragments(skb, octets))
			return false;
	} else if (octets && !pskb_pull(skb, octets)) {
		return false;
	}
	seg->seq += octets;
	seg->len -= octets;
	return true;
}

/* The same at the end: at most @len octets stay. */
static bool xtcp_trim_back(struct sk_buff *skb, u32 len)
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

static u32 end_of(struct sk_buff *skb)
{
	return xtcp_seg(skb)->seq + xtcp_seg(skb)->len;
}

static void tree_unlink(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	rb_erase(&skb->rbnode, &xsk->stream->out_of_order);
	/* both are in one union */
	skb->dev = NULL;
	xsk->stream->out_of_order_bytes -= skb->truesize;
}

static bool came_before(struct rb_node *a, const struct rb_node *b)
{
	return xtcp_seq_lt(xtcp_seg(rb_entry(a, struct sk_buff, rbnode))->seq, xtcp_seg(rb_to_skb(b))->seq);
}

/* The last skb of the tree that begins at or before @seq. */
static struct sk_buff *tree_find(const struct xtcp_sock *xsk, u32 seq)
{
	struct rb_node *node = xsk->stream->out_of_order.rb_node;
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

/*
 * Appends the octets of @from to @to. Both are charged to the sock. @in_tree: @to is in the tree.
 * Return: true when the caller has to call kfree_skb_partial() for @from.
 */
static bool join(struct sock *sk, struct sk_buff *to, struct sk_buff *from, bool in_tree, bool *stolen)
{
	int delta;

	if (end_of(to) != xtcp_seg(from)->seq || !skb_try_coalesce(to, from, stolen, &delta))
		return false;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPRCVCOALESCE);
	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	if (in_tree)
		xtcp_sk(sk)->stream->out_of_order_bytes += delta;
	xtcp_seg(to)->len += xtcp_seg(from)->len;
	xtcp_seg(to)->end_seq = end_of(to);
	/* SO_TIMESTAMP and SO_TIMESTAMPING report when the last octets came */
	if (from->tstamp)
		to->tstamp = from->tstamp;
	if (skb_hwtstamps(from)->hwtstamp)
		skb_hwtstamps(to)->hwtstamp = skb_hwtstamps(from)->hwtstamp;
	return true;
}

/* @from is in no queue, and freed if the answer is true. Not inlined: the queue is usually empty. */
static noinline bool coalesce(struct sock *sk, struct sk_buff *to, struct sk_buff *from, bool in_tree)
{
	bool stolen;

	if (!join(sk, to, from, in_tree, &stolen))
		return false;
	kfree_skb_partial(from, stolen);
	return true;
}

/* @skb is charged and begins at RCV.NXT. */
static __always_inline void append(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 len = xtcp_seg(skb)->len;

	if (!tail || !coalesce(sk, tail, skb, false))
		__skb_queue_tail(&sk->sk_receive_queue, skb);
	xtcp_rcv_took(&xsk->rcv, len);
	xsk->stream->bytes_received += len;
}

/* @skb overlaps no queued text. It follows @prev, NULL: it is the first. */
static void queue_out_of_order(struct sock *sk, struct sk_buff *prev, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 start = xtcp_seg(skb)->seq, end = end_of(skb);
	struct sk_buff *next;
	bool stolen;

	if (prev && end_of(prev) == start)
		start = xtcp_seg(prev)->seq;
	skb_set_owner_r(skb, sk);
	if (prev && coalesce(sk, prev, skb, true)) {
		skb = prev;
	} else {
		rb_add(&skb->rbnode, &xsk->stream->out_of_order, came_before);
		xsk->stream->out_of_order_bytes += skb->truesize;
	}
	next = skb_rb_next(skb);
	if (next && xtcp_seg(next)->seq == end) {
		end = end_of(next);
		if (join(sk, skb, next, true, &stolen)) {
			tree_unlink(xsk, next);
			kfree_skb_partial(next, stolen);
		}
	}
	if (start != xsk->rcv.nxt)
		xtcp_sack_queued(sk, start, end);
}

/* beyond @seq, the farthest first, until memory is no longer short */
static void prune(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;
	bool pruned = false;
	u32 start = 0;

	while ((skb = skb_rb_last(&xsk->stream->out_of_order)) && xtcp_seq_gt(xtcp_seg(skb)->seq, seq)) {
		if (atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) && !sk_under_memory_pressure(sk))
			break;
		start = xtcp_seg(skb)->seq;
		tree_unlink(xsk, skb);
		kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE);
		pruned = true;
	}
	if (pruned) {
		xtcp_sack_dropped(sk, start);
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_OFOPRUNED);
	}
}

/* Does text fill less than half of the memory of @skb? */
static bool bloated(const struct sk_buff *skb)
{
	return skb->truesize > 2 * skb->len;
}

#define COPY	SKB_WITH_OVERHEAD(SZ_4K)

/*
 * Copies the text of bloated skbs that follow each other into new skbs of 4 KiB each: otherwise a
 * peer could fill the buffer by tiny segments. One in a page of 64 KiB would fill it alone.
 */
static void collapse(struct sock *sk)
{
	const u32 copied_seq = xtcp_sk(sk)->rcv.copied_seq;
	struct sk_buff *skb, *next, *page = NULL;

	skb_queue_walk_safe(&sk->sk_receive_queue, skb, next) {
		u32 offset = xtcp_seq_gt(copied_seq, xtcp_seg(skb)->seq) ? copied_seq - xtcp_seg(skb)->seq : 0;
		u32 len = xtcp_seg(skb)->len - offset;
		bool run = !skb_queue_is_last(&sk->sk_receive_queue, skb) && bloated(next);

		if (!bloated(skb) || len > COPY || (!page && !run)) {
			page = NULL;
			continue;
		}
		if (!page || len > skb_tailroom(page)) {
			page = alloc_skb(COPY, GFP_ATOMIC);
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
}

static bool fits(struct sock *sk, struct sk_buff *skb)
{
	return atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) && sk_rmem_schedule(sk, skb, skb->truesize);
}

/*
 * May @skb be queued although the buffer is full? The window may have been offered when GRO packets
 * were larger, and smaller ones need more memory. It may if the queued skbs take at most twice the
 * buffer; if text fills at least half of the memory of @skb, or the text in order half of that of
 * all skbs; and if tcp_mem has room without memory pressure.
 */
static bool was_offered_for_less(struct sock *sk, struct sk_buff *skb)
{
	u32 text = xtcp_sk(sk)->rcv.nxt - xtcp_sk(sk)->rcv.copied_seq + skb->len;
	u32 used = atomic_read(&sk->sk_rmem_alloc);

	return used / 2 <= READ_ONCE(sk->sk_rcvbuf) && (!bloated(skb) || (used + skb->truesize) / 2 <= text) &&
	       !sk_under_memory_pressure(sk) && sk_rmem_schedule(sk, skb, skb->truesize);
}

/* If the queued skbs take less memory than the buffer allows, tcp_mem has kept the segment out: it need not grow. */
static void grow_buffer(struct sock *sk)
{
	int most = READ_ONCE(xtcp_net_of(sk)->sysctl.rmem[2]);

	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && sk->sk_rcvbuf < most && !sk_under_memory_pressure(sk) &&
	    atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, min(atomic_read(&sk->sk_rmem_alloc), most));
}

/* First the buffer grows, then tiny skbs are merged, and last text out of order beyond @skb is dropped. */
static noinline bool make_room_for(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	grow_buffer(sk);
	if (fits(sk, skb) || was_offered_for_less(sk, skb))
		return true;
	XTCP_NET_INC_STATS(xsk->xn, LINUX_MIB_PRUNECALLED);
	/* text within the offered window does not fit into the buffer, so the window was too large */
	xsk->rcv_ssthresh = min(xsk->window_clamp, 2U * xsk->agreed.advmss);
	collapse(sk);
	if (fits(sk, skb))
		return true;
	prune(sk, xtcp_seg(skb)->seq);
	if (fits(sk, skb))
		return true;
	XTCP_NET_INC_STATS(xsk->xn, LINUX_MIB_RCVPRUNED);
	return false;
}

/*
 * If the receive queue is empty, one skb in order is always accepted: a connection goes on in a small
 * buffer, or without tcp_mem. True: the caller must queue @skb. Inlined, since TCP_REPAIR calls it, too.
 */
static __always_inline bool xtcp_rcvq_make_room(struct sock *sk, struct sk_buff *skb)
{
	if (xtcp_seg(skb)->seq == xtcp_sk(sk)->rcv.nxt && skb_queue_empty(&sk->sk_receive_queue)) {
		/* charge it even beyond tcp_mem: the program that uses this memory up may be waiting for this text */
		if (!sk_rmem_schedule(sk, skb, skb->truesize))
			xtcp_memory_force(sk, skb->truesize);
		return true;
	}
	return fits(sk, skb) || make_room_for(sk, skb);
}

/* @skb covers @old. */
static bool same_octets(struct sk_buff *skb, struct sk_buff *old)
{
	u32 at = xtcp_seg(old)->seq - xtcp_seg(skb)->seq;
	u32 len = xtcp_seg(old)->len, done, piece;
	u8 ours[128], theirs[128];

	for (done = 0; done < len; done += piece) {
		piece = min_t(u32, len - done, sizeof(ours));
		if (skb_copy_bits(old, done, ours, piece) || skb_copy_bits(skb, at + done, theirs, piece) ||
		    memcmp(ours, theirs, piece))
			return false;
	}
	return true;
}

/*
 * Removes @old, which *@skb covers, from the tree. If their octets differ, those of @old stay, in a
 * copy of *@skb, whose pages a packet socket may still read. False: no memory; @old stays in the tree.
 */
static bool absorb(struct sock *sk, struct sk_buff **skb, struct sk_buff *old, bool *copied)
{
	u32 at = xtcp_seg(old)->seq - xtcp_seg(*skb)->seq;
	struct sk_buff *copy;

	if (!same_octets(*skb, old)) {
		if (!*copied) {
			copy = skb_copy(*skb, GFP_ATOMIC | __GFP_NOWARN);
			if (!copy || !fits(sk, copy)) {
				kfree_skb(copy);
				return false;
			}
			consume_skb(*skb);
			*skb = copy;
			*copied = true;
		}
		if (skb_copy_bits(old, 0, (*skb)->data + at, xtcp_seg(old)->len))
			WARN_ON_ONCE(1);
	}
	tree_unlink(xtcp_sk(sk), old);
	kfree_skb_reason(old, SKB_DROP_REASON_TCP_OFOMERGE);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPOFOMERGE);
	return true;
}

/* A D-SACK reports the first part that is there already. Linear in the skbs that @skb covers, which it replaces. */
static noinline void insert_new_text(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *prev = tree_find(xsk, xtcp_seg(skb)->seq), *next;
	u32 start = xtcp_seg(skb)->seq, end = end_of(skb);
	bool copied = false;

	if (prev && xtcp_seq_gt(end_of(prev), start)) {
		if (xtcp_seq_ge(end_of(prev), end)) {
			xtcp_sack_duplicate(sk, start, end);
			xtcp_sack_queued(sk, xtcp_seg(prev)->seq, end_of(prev));
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPOFOMERGE);
			goto drop;
		}
		if (xtcp_seg(prev)->seq == start) {
			/* the loop below removes the old prev */
			prev = skb_rb_prev(prev);
		} else {
			xtcp_sack_duplicate(sk, start, end_of(prev));
			if (!xtcp_trim_front(skb, end_of(prev) - start))
				goto drop;
		}
	}
	while ((next = prev ? skb_rb_next(prev) : skb_rb_first(&xsk->stream->out_of_order)) &&
	       xtcp_seq_lt(xtcp_seg(next)->seq, end)) {
		bool covered = xtcp_seq_le(end_of(next), end);

		xtcp_sack_duplicate(sk, xtcp_seg(next)->seq, covered ? end_of(next) : end);
		if (covered && absorb(sk, &skb, next, &copied))
			continue;
		if (!xtcp_trim_back(skb, xtcp_seg(next)->seq - xtcp_seg(skb)->seq)) {
			/* with @skb goes what it has absorbed: no SACK block and no D-SACK may report that text */
			xtcp_sack_dropped(sk, xtcp_seg(skb)->seq);
			goto drop;
		}
		break;
	}
	if (!xtcp_seg(skb)->len) {
		/* only a repetition: the block with the repeated text follows the D-SACK (RFC 2883 section 4) */
		xtcp_sack_queued(sk, start, xtcp_seq_min(end, end_of(next)));
		goto drop;
	}
	queue_out_of_order(sk, prev, skb);
	return;

drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFOMERGE);
}

static void drain(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&xsk->stream->out_of_order)) && xtcp_seg(skb)->seq == xsk->rcv.nxt) {
		tree_unlink(xsk, skb);
		append(sk, skb);
	}
}

/*
 * Consumes @skb, which begins at or beyond RCV.NXT and within the window. Octets that are queued are
 * not queued again (SHLD-31). The caller calls xtcp_sack_advanced() when RCV.NXT has moved.
 */
static __always_inline void xtcp_rcvq_queue(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct sk_buff *first = RB_EMPTY_ROOT(&stream->out_of_order) ? NULL : skb_rb_first(&stream->out_of_order);
	bool in_order = xtcp_seg(skb)->seq == xsk->rcv.nxt;

	if (in_order && (!first || xtcp_seq_le(end_of(skb), xtcp_seg(first)->seq))) {
		skb_set_owner_r(skb, sk);
		append(sk, skb);
		if (!first)
			return;
	} else {
		if (!in_order) {
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPOFOQUEUE);
			stream->rcv_ooopack += max_t(u16, 1, skb_shinfo(skb)->gso_segs);
		}
		insert_new_text(sk, skb);
	}
	drain(sk);
}

/**
 * xtcp_rcvq_eaten() - remove an skb of sk_receive_queue whose last octet was read
 * @sk: the sock
 * @skb: its reference is dropped
 *
 * As sock_rfree(), but the sock may keep some memory for the next segment (xtcp_memory_uncharge()).
 * Only an skb that came from a send queue by the short way (local.c) has nohdr.
 */
__always_inline void xtcp_rcvq_eaten(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	__skb_unlink(skb, &sk->sk_receive_queue);
	skb->sk = NULL;
	skb->destructor = NULL;
	atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
	xtcp_memory_uncharge(sk, skb->truesize);
	/* consume_skb() without its tracepoint, which costs a call */
	if (skb_unref(skb) && (likely(!skb->nohdr) || !xtcp_skb_cache_keep(skb)))
		__kfree_skb(skb);
}

/* Without the socket lock only if no other thread can reach @sk. */
static void xtcp_rcvq_purge_out_of_order(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&stream->out_of_order))) {
		tree_unlink(xsk, skb);
		kfree_skb(skb);
	}
	if (stream->sack.blocks)
		stream->sack.blocks = 0;
}

static u32 pointed_at(const struct sock *sk, struct sk_buff *skb)
{
	u32 pointer = ntohs(tcp_hdr(skb)->urg_ptr);

	if (pointer && !READ_ONCE(xtcp_net_of(sk)->sysctl.stdurg))
		pointer--;
	return xtcp_seg(skb)->seq + pointer;
}

/* A newer urgent octet replaces the next one to read. No read may return that as normal text. */
static void pass_over(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	xtcp_rcv_copied(&xsk->rcv, 1);
	if (skb && xtcp_seq_ge(xsk->rcv.copied_seq, xtcp_seg(skb)->seq + skb->len))
		xtcp_rcvq_eaten(sk, skb);
}

/* RCV.UP <- max(RCV.UP, SEG.UP) */
static void take_pointer(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/* an octet before RCV.NXT can no longer become urgent, even if it is unread */
	if (xtcp_seq_gt(xsk->rcv.copied_seq, seq) || xtcp_seq_lt(seq, xsk->rcv.nxt))
		return;
	if (xsk->urgent.data && xtcp_seq_le(seq, xsk->urgent.seq))
		return;
	sk_send_sigurg(sk);
	if (xtcp_urgent_at_mark(sk) && !sock_flag(sk, SOCK_URGINLINE) && xsk->rcv.copied_seq != xsk->rcv.nxt)
		pass_over(sk);
	xtcp_urgent_await(&xsk->urgent, seq);
}

/**
 * xtcp_urgent_arrives() - process the urgent pointer and the urgent octet of a segment
 * @sk: in a state that accepts text
 * @skb: with URG, or any segment while an urgent octet is awaited; it begins with the TCP
 *	header and is not trimmed yet
 *
 * The owner gets SIGURG, and poll() reports EPOLLPRI (RFC 9293 section 3.8.5, MUST-32). As in
 * Linux, the octet is available as soon as it arrives, even beyond a hole.
 */
void xtcp_urgent_arrives(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 at;
	u8 octet;

	sock_owned_by_me(sk);
	if (seg->flags & XTCP_URG)
		take_pointer(sk, pointed_at(sk, skb));
	if (xsk->urgent.data != XTCP_URGENT_AWAITED)
		return;
	at = xsk->urgent.seq - seg->seq - !!(seg->flags & XTCP_SYN);
	if (at >= seg->len || skb_copy_bits(skb, seg->hdr_len + at, &octet, 1))
		return;
	xtcp_urgent_set(&xsk->urgent, XTCP_URGENT_THERE | octet);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/* ACKs in a row that are not delayed, at most; Linux: TCP_MAX_QUICKACKS */
#define QUICKACKS_MAX		16U

#define REQUEST_SEQ_UNIT	256U	/* xtcp_stream.request_seq counts units of so many octets */

/**
 * xtcp_text_readable() - is enough text there to wake a reader?
 * @sk: the sock
 * @target: how many octets the reader waits for (SO_RCVLOWAT)
 *
 * One octet is enough if little more can come until the reader makes room: when memory is short,
 * the buffer is nearly full, or the window has room for one segment at most. A FIN is not counted.
 * Context: any; racy without the socket lock.
 */
__always_inline bool xtcp_text_readable(const struct sock *sk, int target)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	int octets = READ_ONCE(xsk->rcv.nxt) - READ_ONCE(xsk->rcv.copied_seq) - READ_ONCE(xsk->fin_received);
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	if (octets <= 0)
		return false;
	return octets >= target || sk_under_memory_pressure(sk) ||
	       atomic_read(&sk->sk_rmem_alloc) > rcvbuf - (rcvbuf >> 3) ||
	       xtcp_rcv_room(&xsk->rcv) <= READ_ONCE(xsk->rcv_mss);
}

/*
 * Wakes the reader also if the peer's FIN was taken. A reader that sleeps with a part of what it
 * waits for needs less than SO_RCVLOWAT, so any text wakes it. Linux lets it sleep.
 */
__always_inline void xtcp_text_wake(struct sock *sk)
{
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (xtcp_sk(sk)->fin_received || xtcp_text_readable(sk, READ_ONCE(sk->sk_rcvlowat)) ||
	    atomic_read(&xtcp_endpoint(sk)->readers) > XTCP_READER_HAS_PART)
		sk->sk_data_ready(sk);
}

/* the peer begins to send, or we drop its segments */
static void quickack(struct xtcp_sock *xsk)
{
	u32 most = xsk->rcv.wnd / (2U * max_t(u32, xsk->rcv_mss, 1));

	xtcp_acking_quick(&xsk->acking, clamp(most, 2U, QUICKACKS_MAX));
}

/* Our ACK may be lost: as in Linux, the next ones are not delayed. The caller sends one at once (RFC 9293 3.10.7.4). */
void xtcp_text_came_again(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	XTCP_NET_INC_STATS(xsk->xn, LINUX_MIB_DELAYEDACKLOST);
	quickack(xsk);
	xtcp_acking_interactive(&xsk->acking, false);
}

/* A segment that has nothing new, or does not fit. */
static enum xtcp_verdict drop_and_ack(struct xtcp_sock *xsk)
{
	quickack(xsk);
	xtcp_acking_interactive(&xsk->acking, false);
	xtcp_acking_owe_now(&xsk->acking);
	return XTCP_DONE;
}

/*
 * Estimates the size of the peer's full segments: the largest seen, or a smaller size that came twice in a
 * row. One below the default MSS counts only without PSH, from XTCP_MSS_MIN_USER on.
 */
static void measure_mss(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	u32 len = skb_shinfo(skb)->gso_size ?: seg->len;
	u16 last = xsk->stream->rcv_last_len;

	xsk->stream->rcv_last_len = 0;
	if (len >= xsk->rcv_mss) {
		WRITE_ONCE(xsk->rcv_mss,
			   clamp_t(u32, len, XTCP_MSS_MIN_USER, max_t(u32, xsk->agreed.advmss, XTCP_MSS_MIN_USER)));
	} else if (len >= XTCP_MSS_DEFAULT_V4 || (len >= XTCP_MSS_MIN_USER && !(seg->flags & XTCP_PSH))) {
		if (len == last)
			WRITE_ONCE(xsk->rcv_mss, len);
		xsk->stream->rcv_last_len = len;
	}
}

/* The measurements by which ACKs are delayed (RFC 9293 section 3.8.6.3). */
static void data_event(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 len = xtcp_seg(skb)->len;
	u32 now = xtcp_clock_stamp();
	u32 silent = now - stream->rcv_data_tstamp, full;

	measure_mss(xsk, skb);
	xtcp_space_arrived(sk, skb);
	/* for longer than an RTO, which is at least two jiffies; usually it is 0 or 1 */
	if (!stream->rcv_data_tstamp || (silent > 1 && silent > msecs_to_jiffies(xtcp_bounds_rto_ms(&xsk->inet.sk))))
		quickack(xsk);
	stream->rcv_data_tstamp = now;
	if (skb_shinfo(skb)->gso_size)
		full = DIV_ROUND_UP(len, skb_shinfo(skb)->gso_size);
	else
		full = len >= xsk->rcv_mss;
	xtcp_acking_text(&xsk->acking, full);
}

/* RCV.NXT advances over the peer's FIN if it is there, and an ACK is owed (RFC 9293 section 3.10.7.4, eighth step). */
static __always_inline enum xtcp_verdict taken(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!xsk->rcv_fin_known || xsk->stream->rcv_fin_seq != xsk->rcv.nxt || xsk->fin_received)
		return XTCP_CONSUMED;
	xtcp_rcv_took(&xsk->rcv, 1);
	WRITE_ONCE(xsk->fin_received, true);
	xsk->stream->fin_tstamp = xtcp_clock_stamp();
	xtcp_acking_owe(&xsk->acking);
	xtcp_rcvq_purge_out_of_order(sk);
	return XTCP_FIN_TAKEN;
}

/* then the peer's FIN cannot be at @seq */
static bool text_follows(const struct xtcp_sock *xsk, u32 seq)
{
	struct sk_buff *last = skb_rb_last(&xsk->stream->out_of_order);

	return last && xtcp_seq_gt(end_of(last), seq);
}

/*
 * A FIN in order is the peer's, as in Linux: text in its place or beyond, or another FIN, that came out
 * of order, is forged then. Out of order it counts if no FIN is known and no text queued beyond it.
 */
static void note_fin(struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	bool in_order = seg->seq == xsk->rcv.nxt;
	struct sk_buff *waiting;

	if (!in_order && (xsk->rcv_fin_known || text_follows(xsk, seg->end_seq)))
		return;
	/* RCV.NXT must not pass the FIN. All text before it is in @seg, so nothing in the tree is needed */
	waiting = in_order ? tree_find(xsk, seg->end_seq) : NULL;
	if (waiting && xtcp_seq_gt(end_of(waiting), seg->end_seq))
		xtcp_rcvq_purge_out_of_order(&xsk->inet.sk);
	xsk->rcv_fin_known = true;
	xsk->stream->rcv_fin_seq = seg->end_seq;
}

/*
 * Removes text before RCV.NXT, beyond the window and beyond a FIN, which takes no room and may come just
 * after the window. Return: false if there is no memory.
 */
static bool trim(struct xtcp_sock *xsk, struct sk_buff *skb, u32 offered)
{
	struct xtcp_seg *seg = xtcp_seg(skb);
	bool fin = seg->flags & XTCP_FIN;
	u32 window;

	seg->flags &= ~XTCP_FIN;
	seg->end_seq = seg->seq + seg->len;
	if (xtcp_seq_lt(seg->seq, xsk->rcv.nxt) && !xtcp_trim_front(skb, min(xsk->rcv.nxt - seg->seq, seg->len)))
		return false;
	window = xsk->rcv.nxt + offered - seg->seq;
	if (seg->len > window) {
		fin = false;
		if (!xtcp_trim_back(skb, window))
			return false;
	}
	/* text at the sequence number of the FIN: it was not the peer's; forget it, as in Linux */
	if (xsk->rcv_fin_known && xtcp_seq_le(seg->seq, xsk->stream->rcv_fin_seq) &&
	    xtcp_seq_gt(seg->end_seq, xsk->stream->rcv_fin_seq))
		xsk->rcv_fin_known = false;
	if (fin)
		note_fin(xsk, seg);
	if (xsk->rcv_fin_known && xtcp_seq_gt(seg->end_seq, xsk->stream->rcv_fin_seq))
		return xtcp_trim_back(skb, max_t(s32, xsk->stream->rcv_fin_seq - seg->seq, 0));
	return true;
}

/*
 * Takes a request for an ACK rate (draft-ietf-tcpm-ack-rate-request-10): R asks for one ACK for R
 * full segments, 0 for an ACK of this segment alone. @seq: of a segment with new text or a FIN. If the
 * rate in use is of later text, the network has reordered the two, or the peer has resent this one: we
 * cannot tell, and refuse a request for fewer ACKs. Not inlined: few segments have it.
 */
static noinline void take_request(struct xtcp_sock *xsk, u32 seq, u8 option)
{
	struct xtcp_stream *stream = xsk->stream;
	const u32 at = stream->request_seq * REQUEST_SEQ_UNIT;
	const u8 rate = xtcp_ackrate_of(option);

	/* on a SYN with text (Fast Open), the option asks for nothing */
	if (!xsk->agreed.ack_rate_ok || option == XTCP_ACKRATE_SUPPORTED)
		return;
	if (!xtcp_ackrate_is_request(option)) {
		XTCP_NET_INC_STATS(xsk->xn, XTCP_MIB_ACKRATEMALFORMED);
		return;
	}
	XTCP_NET_INC_STATS(xsk->xn, XTCP_MIB_ACKRATERECV);
	if (!rate) {
		xtcp_acking_owe_now(&xsk->acking);
		return;
	}
	if (stream->sack.ack_rate && rate > stream->sack.ack_rate &&
	    xtcp_seq_lt(rounddown(seq, REQUEST_SEQ_UNIT), at) && text_follows(xsk, at))
		return;
	stream->sack.ack_rate = rate;
	stream->request_seq = seq / REQUEST_SEQ_UNIT;
}

/* @fin_waits: a FIN beyond a hole was known before the segment came. */
static enum xtcp_verdict queue_text(struct sock *sk, struct sk_buff *skb, bool fin_waits)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	bool in_order = xtcp_seg(skb)->seq == xsk->rcv.nxt;
	bool had_holes = fin_waits || !RB_EMPTY_ROOT(&stream->out_of_order);
	struct xtcp_sack_block first = {};
	enum xtcp_verdict verdict;

	if (!xtcp_rcvq_make_room(sk, skb)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), in_order ? LINUX_MIB_TCPRCVQDROP : LINUX_MIB_TCPOFODROP);
		/* the reader makes room by reading */
		if (!sock_flag(sk, SOCK_DEAD))
			sk->sk_data_ready(sk);
		/* duplicate ACKs tell the peer of the hole (RFC 5681 section 4.2). Linux sends none for such text */
		if (!in_order)
			xtcp_acking_owe_now(&xsk->acking);
		return XTCP_DONE;
	}
	if (had_holes)
		first = stream->sack.block[1];
	data_event(sk, skb);
	if (unlikely(xtcp_seg(skb)->ack_rate))
		take_request(xsk, xtcp_seg(skb)->seq, xtcp_seg(skb)->ack_rate);
	xtcp_rcvq_queue(sk, skb);
	/* ACK at once text out of order (MAY-13) or that fills a hole (RFC 5681 section 4.2) */
	if (!RB_EMPTY_ROOT(&stream->out_of_order))
		xtcp_sack_out_of_order(sk, first);
	else if (had_holes)
		xtcp_acking_hurry(&xsk->acking);
	verdict = taken(sk);
	if (in_order && stream->sack.blocks)
		xtcp_sack_advanced(sk);
	if (in_order)
		xtcp_text_wake(sk);
	return verdict;
}

/* After trimming, @skb is a FIN alone, or its text lay beyond a FIN. */
static enum xtcp_verdict queue_fin(struct sock *sk, struct sk_buff *skb, bool fin_waits)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	enum xtcp_verdict verdict;

	if (seg->seq != xsk->rcv.nxt || !xsk->rcv_fin_known || xsk->stream->rcv_fin_seq != xsk->rcv.nxt) {
		if (xsk->rcv_fin_known && seg->seq == xsk->stream->rcv_fin_seq) {
			if (fin_waits)
				xtcp_sack_duplicate(sk, seg->seq, seg->seq + 1);
			xtcp_sack_queued(sk, seg->seq, seg->seq);
		}
		return drop_and_ack(xsk);
	}
	if (unlikely(seg->ack_rate))
		take_request(xsk, seg->seq, seg->ack_rate);
	verdict = taken(sk);
	if (xsk->stream->sack.blocks)
		xtcp_sack_advanced(sk);
	xtcp_text_wake(sk);
	consume_skb(skb);
	return verdict;
}

/* in a D-SACK, the part before RCV.NXT; of a segment that goes beyond the FIN, the part before the FIN */
static void note_old_text(struct sock *sk, const struct xtcp_seg *seg)
{
	const u32 rcv_nxt = xtcp_sk(sk)->rcv.nxt, text_end = rcv_nxt - xtcp_sk(sk)->fin_received;

	if (likely(xtcp_seq_ge(seg->seq, rcv_nxt)))
		return;
	if (xtcp_sk(sk)->packed)
		xtcp_stream_begin(sk, GFP_ATOMIC);
	if (xtcp_seq_le(seg->end_seq, rcv_nxt))
		xtcp_sack_repeated(sk, seg->seq, seg->end_seq);
	else if (seg->seq != text_end)
		xtcp_sack_duplicate(sk, seg->seq, text_end);
}

/**
 * xtcp_text_arrives() - take the text and the FIN of a segment
 * @sk: after steps 1 to 6, in ESTABLISHED or a later state; with Fast Open also in SYN-RECEIVED
 *	or SYN-SENT, for the text of the peer's SYN or SYN-ACK
 * @skb: begins with the TCP header; its struct xtcp_seg is changed
 *
 * xsk->acking notes whether an ACK must be sent, and the SACK blocks which text came out of order.
 * RFC 9293 section 3.10.7.4, seventh step, and the eighth so far as it takes the FIN; MUST-58,
 * MUST-59, SHLD-31, MAY-13.
 * Return: XTCP_DONE: the caller still owns @skb; XTCP_CONSUMED: it was queued or freed;
 * XTCP_FIN_TAKEN: also, RCV.NXT has passed the peer's FIN.
 */
enum xtcp_verdict xtcp_text_arrives(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_seg *seg = xtcp_seg(skb);
	bool fin_waits = xsk->rcv_fin_known;
	u32 offered;

	sock_owned_by_me(sk);
	if (seg->seq == seg->end_seq)
		return XTCP_DONE;
	__skb_pull(skb, seg->hdr_len);
	seg->hdr_len = 0;

	/* in a simultaneous open, the SYN-ACK repeats the SYN, but a D-SACK is for data (RFC 2883 section 4) */
	if (!(seg->flags & XTCP_SYN))
		note_old_text(sk, seg);
	if (xsk->fin_received || xtcp_seq_le(seg->end_seq, xsk->rcv.nxt)) {
		xtcp_text_came_again(sk);
		xtcp_acking_owe_now(&xsk->acking);
		return XTCP_DONE;
	}
	offered = xtcp_rcv_room(&xsk->rcv);
	if (seg->len && !offered && xtcp_seq_le(seg->seq, xsk->rcv.nxt)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPZEROWINDOWDROP);
		return drop_and_ack(xsk);
	}
	if (xtcp_seq_gt(seg->seq + !!seg->len, xsk->rcv.nxt + offered))
		return drop_and_ack(xsk);
	if (!xtcp_stream_is_there(xsk->stream) && !xtcp_stream_begin(sk, GFP_ATOMIC)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPRCVQDROP);
		return XTCP_DONE;
	}
	if (!trim(xsk, skb, offered))
		return XTCP_DONE;
	return seg->len ? queue_text(sk, skb, fin_waits) : queue_fin(sk, skb, fin_waits);
}

/**
 * xtcp_text_restored() - take text that another TCP has received and acknowledged (TCP_REPAIR)
 * @sk: in ESTABLISHED or CLOSE-WAIT; no FIN is known
 * @skb: text at RCV.NXT, with its struct xtcp_seg
 *
 * It may lie beyond the window, which is closed then until the next ACK opens it.
 * Context: process.
 * Return: false without memory; the caller still owns @skb.
 */
bool xtcp_text_restored(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!xtcp_stream_is_there(xsk->stream) && !xtcp_stream_begin(sk, GFP_KERNEL_ACCOUNT))
		return false;
	if (!xtcp_rcvq_make_room(sk, skb))
		return false;
	xtcp_rcvq_queue(sk, skb);
	if (xsk->stream->sack.blocks)
		xtcp_sack_advanced(sk);
	if (xtcp_seq_gt(xsk->rcv.nxt, xsk->rcv.wup + xsk->rcv.wnd))
		xtcp_rcv_offered(&xsk->rcv, 0);
	return true;
}

/**
 * xtcp_text_purge() - drop all received text that was not read (RFC 9293 section 3.10.5)
 * @sk: the socket
 * Context: softirq or process. Lock: socket, held, or no other thread can reach @sk.
 */
void xtcp_text_purge(struct sock *sk)
{
	__skb_queue_purge(&sk->sk_receive_queue);
	xtcp_rcvq_purge_out_of_order(sk);
	sk_mem_reclaim(sk);
}
