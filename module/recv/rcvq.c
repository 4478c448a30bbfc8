// SPDX-License-Identifier: GPL-2.0
/*
 * The receive queue: text in order, which waits for RECEIVE, and text out of order, which waits
 * until the text before it comes.
 *
 * Text in order is on sk_receive_queue, text out of order in a tree by sequence number. No two skbs
 * of the queue and the tree overlap. If an octet comes twice, the first copy stays, even if the
 * second copy differs. insert_new_text() makes sure of this. So a segment that overlaps text in the
 * tree goes through the tree, even if it begins at RCV.NXT.
 *
 * Work: a segment adds at most one skb to the tree, and removes the skbs that it covers completely.
 * So each skb is inserted once and removed once, in whatever order a peer sends. If the octets of a
 * covered skb differ from those of the segment, the older octets are copied into the segment.
 *
 * Memory: each queued skb is charged to the sock (sk_rmem_alloc, sk_forward_alloc). The sum stays
 * below sk_rcvbuf plus one skb, with two exceptions. First, text within the offered window may use
 * up to twice sk_rcvbuf, plus one skb. The window cannot be taken back, and its text needs more
 * memory if GRO makes smaller packets than when the window was offered. Second, if the receive
 * queue is empty, one skb in order is always accepted, however much memory the tree uses. When
 * memory is short, out-of-order text is dropped, the text farthest from RCV.NXT first. The number
 * of out-of-order skbs is not limited: each skb is charged with its truesize, so tiny segments
 * cannot use more memory than large ones. The depth of the tree grows only with the logarithm of
 * the number of skbs.
 *
 * Remove octets of text from a segment, at either end, if they are old, beyond the window or queued
 * already.
 */
#include "recv/recv.h"

#include <linux/skbuff.h>
#include <net/tcp.h>

#include "base/base.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/sock.h"
#include "compat.h"
#include "sight/sight.h"
#include "window/window.h"

/*
 * Drop the first @octets, which reach beyond the linear part. pskb_pull() would first copy them
 * into the linear part; this function copies nothing.
 */
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

/**
 * xtcp_trim_front() - remove octets at the front of a segment
 * @skb: begins with its text; its truesize may change, so it must not be on a queue or charged to a
 *	sock
 * @octets: how many to remove, at most the length of @skb
 *
 * Context: any.
 *
 * Return: false if there is no memory.
 */
bool xtcp_trim_front(struct sk_buff *skb, u32 octets)
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

/**
 * xtcp_trim_back() - remove octets at the end of a segment
 * @skb: begins with its text; it is on no queue and not charged
 * @len: how many octets may stay
 *
 * Context: any.
 *
 * Return: false if there is no memory.
 */
bool xtcp_trim_back(struct sk_buff *skb, u32 len)
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
	struct xtcp_stream *stream = xsk->stream;

	rb_erase(&skb->rbnode, &stream->out_of_order);
	/* the tree node has overwritten skb->dev: both are in one union */
	skb->dev = NULL;
	stream->out_of_order_bytes -= skb->truesize;
}

static void tree_insert(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	struct xtcp_stream *stream = xsk->stream;
	struct rb_node *parent = NULL, **place = &stream->out_of_order.rb_node;

	while (*place) {
		parent = *place;
		place = xtcp_seq_lt(xtcp_seg(skb)->seq, xtcp_seg(rb_to_skb(parent))->seq) ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, place);
	rb_insert_color(&skb->rbnode, &stream->out_of_order);
	stream->out_of_order_bytes += skb->truesize;
}

/* Find the last skb of the tree that begins at or before @seq. */
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
 * Append the octets of @from to @to. Both are charged to the sock. @in_tree: @to is in the tree.
 * Return: true when the octets were appended; the caller then calls kfree_skb_partial() for @from.
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

/*
 * Does the same as join(), but @from is in no queue, and is freed if the function returns true. Not
 * inlined, because calls are rare: the queue is usually empty, since the program reads at once.
 */
static noinline bool coalesce(struct sock *sk, struct sk_buff *to, struct sk_buff *from, bool in_tree)
{
	bool stolen;

	if (!join(sk, to, from, in_tree, &stolen))
		return false;
	kfree_skb_partial(from, stolen);
	return true;
}

/* Append @skb, which is charged and begins at RCV.NXT, to the receive queue. */
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

/*
 * Charge @skb, which overlaps no queued text, and add it to the tree behind @prev. If @prev is
 * NULL, @skb is the first.
 */
static void queue_out_of_order(struct sock *sk, struct sk_buff *prev, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 start = xtcp_seg(skb)->seq, end = end_of(skb);
	struct sk_buff *next;
	bool stolen;

	if (prev && end_of(prev) == start)
		start = xtcp_seg(prev)->seq;
	skb_set_owner_r(skb, sk);
	if (prev && coalesce(sk, prev, skb, true))
		skb = prev;
	else
		tree_insert(xsk, skb);
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

/* Drop out-of-order text beyond @seq, the farthest first, until memory is no longer short. */
static void prune(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct sk_buff *skb;
	bool pruned = false;
	u32 start = 0;

	while ((skb = skb_rb_last(&stream->out_of_order)) && xtcp_seq_gt(xtcp_seg(skb)->seq, seq)) {
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

/*
 * Where bloated skbs follow each other on the receive queue, copy their text into new skbs of one
 * page each, so that a peer cannot fill the buffer by tiny segments.
 */
static void collapse(struct sock *sk)
{
	const u32 copied_seq = xtcp_sk(sk)->rcv.copied_seq;
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
}

static bool fits(struct sock *sk, struct sk_buff *skb)
{
	return atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) && sk_rmem_schedule(sk, skb, skb->truesize);
}

/*
 * May @skb be queued although the buffer is full? The window may have been offered when GRO packets
 * were larger, and smaller packets need more memory for the same text. So the answer is yes under
 * three conditions:
 *
 *  - The queued skbs take at most twice the buffer.
 *  - Text fills at least half of the memory of @skb alone, or of @skb and all queued skbs together.
 *    The second comparison counts the memory of the queued out-of-order skbs, but not their text.
 *  - tcp_mem has room for @skb, and there is no memory pressure.
 */
static bool was_offered_for_less(struct sock *sk, struct sk_buff *skb)
{
	u32 text = xtcp_sk(sk)->rcv.nxt - xtcp_sk(sk)->rcv.copied_seq + skb->len;
	u32 used = atomic_read(&sk->sk_rmem_alloc);

	return used / 2 <= READ_ONCE(sk->sk_rcvbuf) && (!bloated(skb) || (used + skb->truesize) / 2 <= text) &&
	       !sk_under_memory_pressure(sk) && sk_rmem_schedule(sk, skb, skb->truesize);
}

/*
 * A segment does not fit. If the queued skbs take more memory than the buffer allows, let the
 * buffer grow to that amount, but not beyond the namespace's limit. If they take less, tcp_mem has
 * kept the segment out, and a larger buffer does not help. The buffer does not grow under memory
 * pressure, or if the program has set its size.
 */
static void grow_buffer(struct sock *sk)
{
	int most = READ_ONCE(xtcp_net_of(sk)->sysctl.rmem[2]);

	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && sk->sk_rcvbuf < most && !sk_under_memory_pressure(sk) &&
	    atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, min(atomic_read(&sk->sk_rmem_alloc), most));
}

/**
 * xtcp_rcvq_make_room() - make room for a segment
 * @sk: the sock
 * @skb: text to be queued
 *
 * If necessary, the buffer grows up to the namespace's limit, tiny skbs are merged, and
 * out-of-order text beyond @skb is dropped. Text within the offered window may exceed the buffer,
 * unless its skbs are tiny. If the receive queue is empty, one skb in order is always accepted,
 * however large it is. So a connection goes on even if its buffer is smaller than one skb, or if
 * other sockets use up tcp_mem. RFC 9293 section 3.8.6 leaves all this to the receiver.
 *
 * Return: true when @skb may be charged; the caller must queue it then.
 */
bool xtcp_rcvq_make_room(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_net *xn = xsk->xn;

	sock_owned_by_me(sk);
	if (xtcp_seg(skb)->seq == xsk->rcv.nxt && skb_queue_empty(&sk->sk_receive_queue)) {
		/*
		 * charge @skb even beyond tcp_mem: the program whose sockets use up that memory may
		 * be waiting for this text
		 */
		if (!sk_rmem_schedule(sk, skb, skb->truesize))
			xtcp_memory_force(sk, skb->truesize);
		return true;
	}
	if (fits(sk, skb))
		return true;
	grow_buffer(sk);
	if (fits(sk, skb) || was_offered_for_less(sk, skb))
		return true;
	XTCP_NET_INC_STATS(xn, LINUX_MIB_PRUNECALLED);
	xtcp_space_overrun(sk);
	collapse(sk);
	if (fits(sk, skb))
		return true;
	prune(sk, xtcp_seg(skb)->seq);
	if (fits(sk, skb))
		return true;
	XTCP_NET_INC_STATS(xn, LINUX_MIB_RCVPRUNED);
	return false;
}

/* @skb covers all sequence numbers of @old. Does @skb have the same octets there? */
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
 * Copy the octets of @old into @skb, which covers @old. @skb is linear and not shared.
 */
static void overwrite(struct sk_buff *skb, struct sk_buff *old)
{
	u32 at = xtcp_seg(old)->seq - xtcp_seg(skb)->seq;

	if (skb_copy_bits(old, 0, skb->data + at, xtcp_seg(old)->len))
		WARN_ON_ONCE(1);
}

/*
 * Remove @old, which *@skb covers, from the tree. If the peer is honest, *@skb has the same octets
 * as @old. If they differ, a copy of *@skb replaces *@skb, and receives the octets of @old. The
 * pages of *@skb itself must not change, because a packet socket may still read them. Return: false
 * if there is no memory for the copy; then @old stays in the tree.
 */
static bool absorb(struct sock *sk, struct sk_buff **skb, struct sk_buff *old, bool *copied)
{
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
		overwrite(*skb, old);
	}
	tree_unlink(xtcp_sk(sk), old);
	kfree_skb_reason(old, SKB_DROP_REASON_TCP_OFOMERGE);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPOFOMERGE);
	return true;
}

/*
 * Add the new parts of @skb to the tree. If parts of @skb are in the tree already, a D-SACK reports
 * the first of these parts. The work is linear in the number of skbs of the tree that @skb covers;
 * all these skbs are removed from the tree.
 */
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
			/* the loop below removes the old prev, which @skb covers */
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
			/*
			 * @skb is dropped, and with it the text of the skbs that it has absorbed:
			 * no SACK block and no D-SACK may report that text
			 */
			xtcp_sack_dropped(sk, xtcp_seg(skb)->seq);
			goto drop;
		}
		break;
	}
	if (!xtcp_seg(skb)->len) {
		/*
		 * @skb has only repeated @next, and perhaps the text directly before it. The block
		 * with the repeated text follows the D-SACK (RFC 2883 section 4)
		 */
		xtcp_sack_queued(sk, start, xtcp_seq_min(end, end_of(next)));
		goto drop;
	}
	queue_out_of_order(sk, prev, skb);
	return;

drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFOMERGE);
}

/* Move text that is in order now from the tree to the receive queue. */
static void drain(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&xsk->stream->out_of_order)) && xtcp_seg(skb)->seq == xsk->rcv.nxt) {
		tree_unlink(xsk, skb);
		append(sk, skb);
	}
}

/**
 * xtcp_rcvq_queue() - queue text
 * @sk: the sock
 * @skb: begins with text, at or beyond RCV.NXT and within the window; parts of it may be queued
 *	already. xtcp_rcvq_make_room() has made room for it. The function consumes @skb
 *
 * RCV.NXT advances over the text in order. Octets that are queued already are not queued again. If
 * memory is short, text is dropped, and the peer resends it. The SACK blocks of text out of order
 * are updated; the caller must call xtcp_sack_advanced() when RCV.NXT has moved. RFC 9293 section
 * 3.10.7.4, seventh step; SHLD-31.
 */
void xtcp_rcvq_queue(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	/* in most calls the tree is empty */
	struct sk_buff *first = RB_EMPTY_ROOT(&stream->out_of_order) ? NULL : skb_rb_first(&stream->out_of_order);
	bool in_order = xtcp_seg(skb)->seq == xsk->rcv.nxt;

	sock_owned_by_me(sk);
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
 * xtcp_rcvq_is_waiting() - is an octet queued out of order?
 * @sk: the sock
 * @seq: the sequence number of the octet, at or beyond RCV.NXT
 *
 * The search takes logarithmic time. RFC 9293 section 3.10.7.4, seventh step; SHLD-31.
 *
 * Return: true when the octet is queued.
 */
bool xtcp_rcvq_is_waiting(const struct sock *sk, u32 seq)
{
	struct sk_buff *skb = tree_find(xtcp_sk(sk), seq);

	sock_owned_by_me(sk);
	return skb && xtcp_seq_gt(end_of(skb), seq);
}

/**
 * xtcp_rcvq_eaten() - remove an skb whose last octet was read
 * @sk: the sock
 * @skb: on sk_receive_queue; its reference is dropped
 *
 * Does the work of sock_rfree(), but the sock may keep some memory for the next segment
 * (xtcp_memory_uncharge()).
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
	if (skb_unref(skb))
		__kfree_skb(skb);
}

/**
 * xtcp_rcvq_purge_out_of_order() - drop all text out of order
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can reach @sk.
 */
void xtcp_rcvq_purge_out_of_order(struct sock *sk)
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
