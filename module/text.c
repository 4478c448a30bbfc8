// SPDX-License-Identifier: GPL-2.0
/*
 * Step seven of SEGMENT ARRIVES: trim the text to the window, put it in order, deliver it (RFC 9293 section 3.10.7.4).
 *
 * In-order text goes to sk_receive_queue, the rest to a tree by sequence number. No two skbs overlap, in either: of an
 * octet that comes twice the first copy stays, whatever the second one says. A segment that fills holes around text
 * that is queued already goes through the tree even if it begins at RCV.NXT, so the rule stands in one place.
 *
 * A FIN is no skb: its sequence number is remembered (rcv_fin_known), text beyond it is not accepted, and when RCV.NXT
 * gets there it is taken.
 *
 * Memory: each queued skb is charged to the sock (sk_rmem_alloc, sk_forward_alloc). The sum stays below sk_rcvbuf plus
 * one skb. Out-of-order text gives way to text in order, farthest from RCV.NXT first, and is bounded in skbs as well,
 * so that tiny segments can neither hold memory nor make the tree slow.
 */
#include "text.h"

#include <linux/skbuff.h>
#include <net/tcp.h>

#include "ingress.h"
#include "mib.h"
#include "netns.h"
#include "seq.h"
#include "sock.h"
#include "wire.h"

#define OUT_OF_ORDER_MAX	4096U	/* skbs; a window of 6 MB holds about as many full segments */
#define QUICKACKS_MAX		16U	/* ACKs not delayed at the start, as Linux's TCP_MAX_QUICKACKS */

static u32 end_of(struct sk_buff *skb)
{
	return xtcp_seg(skb)->seq + xtcp_seg(skb)->len;
}

/* What @space octets of buffer are worth as a window: half, the rest is for what an skb costs besides its octets. */
static u32 window_from_space(int space)
{
	return space > 0 ? space - (space >> 1) : 0;
}

/* How far the window that was offered last reaches beyond RCV.NXT. */
static u32 offered_window(const struct xtcp_sock *xsk)
{
	u32 right = READ_ONCE(xsk->rcv_wup) + READ_ONCE(xsk->rcv_wnd);
	u32 next = READ_ONCE(xsk->rcv_nxt);

	return xtcp_seq_gt(right, next) ? right - next : 0;
}

/**
 * xtcp_text_space() - the window that the free part of the receive buffer allows
 * @sk: the sock
 *
 * RFC 9293 section 3.8.6.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: octets.
 */
u32 xtcp_text_space(const struct sock *sk)
{
	return window_from_space(READ_ONCE(sk->sk_rcvbuf) - READ_ONCE(sk->sk_backlog.len) -
				 atomic_read(&sk->sk_rmem_alloc));
}

/**
 * xtcp_text_full_space() - the window that an empty receive buffer allows
 * @sk: the sock
 *
 * RFC 9293 section 3.8.6.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: octets.
 */
u32 xtcp_text_full_space(const struct sock *sk)
{
	return window_from_space(READ_ONCE(sk->sk_rcvbuf));
}

/**
 * xtcp_text_readable() - is it worth waking a reader?
 * @sk: the sock
 * @target: octets that it waits for (SO_RCVLOWAT)
 *
 * Also when fewer are there but no more can come, because the buffer or the window is nearly full.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: true when it is.
 */
bool xtcp_text_readable(const struct sock *sk, int target)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	int octets = READ_ONCE(xsk->rcv_nxt) - READ_ONCE(xsk->copied_seq) - READ_ONCE(xsk->fin_received);
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	if (octets <= 0)
		return false;
	return octets >= target || sk_under_memory_pressure(sk) ||
	       atomic_read(&sk->sk_rmem_alloc) > rcvbuf - (rcvbuf >> 3) ||
	       offered_window(xsk) <= READ_ONCE(xsk->rcv_mss);
}

/**
 * xtcp_text_wake() - tell the reader, if there is enough for it
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_text_wake(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (xtcp_sk(sk)->fin_received || xtcp_text_readable(sk, READ_ONCE(sk->sk_rcvlowat)))
		sk->sk_data_ready(sk);
}

/* Acknowledge this and the next segments at once: the peer is out of step, or just begins. */
static void quickack(struct xtcp_sock *xsk)
{
	u32 most = xsk->rcv_wnd / (2U * max_t(u32, xsk->rcv_mss, 1));

	xsk->quickacks = max_t(u32, xsk->quickacks, clamp(most, 2U, QUICKACKS_MAX));
}

static enum xtcp_verdict ack_and_drop(struct xtcp_sock *xsk)
{
	quickack(xsk);
	xsk->pingpong = false;
	xsk->ack_pending = true;
	xsk->ack_now = true;
	return XTCP_DROP;
}

/* The size of the peer's segments: the largest seen, or a smaller one that it sent twice in a row without PSH. */
static void measure_mss(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	u32 len = skb_shinfo(skb)->gso_size ?: seg->len;
	u16 last = xsk->rcv_last_len;

	xsk->rcv_last_len = 0;
	if (len >= xsk->rcv_mss) {
		xsk->rcv_mss = clamp_t(u32, len, XTCP_MSS_MIN_USER, max_t(u32, xsk->advmss, XTCP_MSS_MIN_USER));
	} else if (len >= XTCP_MSS_DEFAULT_V4 || (len >= XTCP_MSS_MIN_USER && !(seg->flags & XTCP_PSH))) {
		if (len == last)
			xsk->rcv_mss = len;
		xsk->rcv_last_len = len;
	}
}

/* Text came that is new: what the delayed ACK needs to know (RFC 9293 section 3.8.6.3). */
static void data_event(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	u32 len = xtcp_seg(skb)->len;
	u32 now = (u32)jiffies;
	u32 full;

	measure_mss(xsk, skb);
	if (!xsk->rcv_data_tstamp || now - xsk->rcv_data_tstamp > msecs_to_jiffies(xtcp_rto_current_ms(&xsk->rto)))
		quickack(xsk);
	xsk->rcv_data_tstamp = now ?: 1;
	if (skb_shinfo(skb)->gso_size)
		full = DIV_ROUND_UP(len, skb_shinfo(skb)->gso_size);
	else
		full = len >= xsk->rcv_mss;
	xsk->rcv_unacked_segments = min_t(u32, xsk->rcv_unacked_segments + full, U8_MAX);
	xsk->ack_pending = true;
}

/* Before @skb is charged: __pskb_pull_tail() may change its truesize. */
static bool trim_front(struct sk_buff *skb, u32 octets)
{
	struct xtcp_seg *seg = xtcp_seg(skb);

	if (octets && !pskb_pull(skb, octets))
		return false;
	seg->seq += octets;
	seg->len -= octets;
	return true;
}

static bool trim_back(struct sk_buff *skb, u32 len)
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
	kfree_skb_partial(from, stolen);
	return true;
}

/* @skb, charged, begins at RCV.NXT. */
static void queue_in_order(struct sock *sk, struct sk_buff *skb)
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
		XTCP_NET_INC_STATS(sock_net(sk), LINUX_MIB_TCPOFOMERGE);
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
		XTCP_NET_INC_STATS(sock_net(sk), LINUX_MIB_OFOPRUNED);
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
		__kfree_skb(skb);
		XTCP_NET_INC_STATS(sock_net(sk), LINUX_MIB_TCPRCVCOLLAPSED);
	}
	sk_mem_reclaim(sk);
}

static bool fits(struct sock *sk, struct sk_buff *skb)
{
	return atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) && sk_rmem_schedule(sk, skb, skb->truesize);
}

/* May @skb be charged? If need be, the buffer grows to what the namespace allows, or out-of-order text gives way. */
static bool make_room(struct sock *sk, struct sk_buff *skb)
{
	struct net *net = sock_net(sk);
	int most = READ_ONCE(xtcp_net(net)->sysctl.rmem[2]);

	if (fits(sk, skb))
		return true;
	XTCP_NET_INC_STATS(net, LINUX_MIB_PRUNECALLED);
	if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && sk->sk_rcvbuf < most && !sk_under_memory_pressure(sk))
		WRITE_ONCE(sk->sk_rcvbuf, min(atomic_read(&sk->sk_rmem_alloc), most));
	if (fits(sk, skb))
		return true;
	collapse(sk);
	if (fits(sk, skb))
		return true;
	prune(sk, xtcp_seg(skb)->seq);
	if (fits(sk, skb))
		return true;
	XTCP_NET_INC_STATS(net, LINUX_MIB_RCVPRUNED);
	return false;
}

/*
 * Takes those parts of @skb into the tree that it does not hold yet. Whatever does not fit is dropped: the peer sends
 * it again. The caller has made room for one skb. Returns true when some part was new.
 */
static bool queue_new_parts(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *prev = tree_find(xsk, xtcp_seg(skb)->seq);
	bool taken = false;

	while (skb) {
		struct sk_buff *next, *rest = NULL;
		u32 end = end_of(skb);

		if (prev && xtcp_seq_gt(end_of(prev), xtcp_seg(skb)->seq)) {
			if (xtcp_seq_ge(end_of(prev), end) || !trim_front(skb, end_of(prev) - xtcp_seg(skb)->seq))
				break;
		}
		next = prev ? skb_rb_next(prev) : skb_rb_first(&xsk->out_of_order);
		if (next && xtcp_seq_lt(xtcp_seg(next)->seq, end)) {
			/* what lies behind next goes around the loop again, with a share of the same octets */
			if (xtcp_seq_lt(end_of(next), end))
				rest = skb_clone(skb, GFP_ATOMIC);
			if (!trim_back(skb, xtcp_seg(next)->seq - xtcp_seg(skb)->seq)) {
				kfree_skb(rest);
				break;
			}
		}
		if (xtcp_seg(skb)->len && xsk->out_of_order_count < OUT_OF_ORDER_MAX &&
		    (!taken || fits(sk, skb))) {
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
		queue_in_order(sk, skb);
	}
}

static void purge_out_of_order(struct xtcp_sock *xsk)
{
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&xsk->out_of_order))) {
		tree_unlink(xsk, skb);
		kfree_skb(skb);
	}
}

/* RCV.NXT moved: has it come to the peer's FIN? RFC 9293 section 3.10.7.4, eighth: advance RCV.NXT over it, ACK it. */
static void take_fin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!xsk->rcv_fin_known || xsk->rcv_fin_seq != xsk->rcv_nxt || xsk->fin_received)
		return;
	WRITE_ONCE(xsk->rcv_nxt, xsk->rcv_nxt + 1);
	WRITE_ONCE(xsk->fin_received, true);
	xsk->ack_pending = true;
	xsk->ack_now = true;
	purge_out_of_order(xsk);
}

/*
 * Cuts away what lies before RCV.NXT, behind the window, behind a FIN; notes a FIN, for which there is room even where
 * the window ends, since it takes none. Returns false when there was no memory to do it.
 */
static bool trim(struct xtcp_sock *xsk, struct sk_buff *skb)
{
	struct xtcp_seg *seg = xtcp_seg(skb);
	bool fin = seg->flags & XTCP_FIN;
	u32 window;

	seg->flags &= ~XTCP_FIN;
	seg->end_seq = seg->seq + seg->len;
	if (xtcp_seq_lt(seg->seq, xsk->rcv_nxt) && !trim_front(skb, min(xsk->rcv_nxt - seg->seq, seg->len)))
		return false;
	window = xsk->rcv_nxt + offered_window(xsk) - seg->seq;
	if (seg->len > window) {
		fin = false;
		if (!trim_back(skb, window))
			return false;
	}
	if (fin && !xsk->rcv_fin_known) {
		xsk->rcv_fin_known = true;
		xsk->rcv_fin_seq = seg->end_seq;
	}
	if (xsk->rcv_fin_known && xtcp_seq_gt(seg->end_seq, xsk->rcv_fin_seq))
		return trim_back(skb, xtcp_seq_gt(xsk->rcv_fin_seq, seg->seq) ? xsk->rcv_fin_seq - seg->seq : 0);
	return true;
}

/* There is new text in @skb, and it is trimmed. */
static enum xtcp_verdict queue_text(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool in_order = xtcp_seg(skb)->seq == xsk->rcv_nxt;
	bool had_holes = !RB_EMPTY_ROOT(&xsk->out_of_order);
	struct sk_buff *first = skb_rb_first(&xsk->out_of_order);
	bool alone = in_order && skb_queue_empty(&sk->sk_receive_queue);

	if (!in_order && xsk->out_of_order_count >= OUT_OF_ORDER_MAX)
		prune(sk, xtcp_seg(skb)->seq);
	/* one skb is always taken in order, however large it is: else a small buffer would stop the connection */
	if (!(alone && sk_rmem_schedule(sk, skb, skb->truesize)) && !make_room(sk, skb)) {
		XTCP_NET_INC_STATS(sock_net(sk), in_order ? LINUX_MIB_TCPRCVQDROP : LINUX_MIB_TCPOFODROP);
		if (!sock_flag(sk, SOCK_DEAD))
			sk->sk_data_ready(sk);
		return XTCP_DROP;
	}
	data_event(xsk, skb);
	if (in_order && (!first || xtcp_seq_le(end_of(skb), xtcp_seg(first)->seq))) {
		skb_set_owner_r(skb, sk);
		queue_in_order(sk, skb);
	} else if (queue_new_parts(sk, skb) && !in_order) {
		XTCP_NET_INC_STATS(sock_net(sk), LINUX_MIB_TCPOFOQUEUE);
	}
	drain(sk);
	/* RFC 5681 section 4.2: at once when out of order (MAY-13) and when a hole is filled */
	if (had_holes || !RB_EMPTY_ROOT(&xsk->out_of_order))
		xsk->ack_now = true;
	take_fin(sk);
	if (in_order)
		xtcp_text_wake(sk);
	return XTCP_CONSUMED;
}

/**
 * xtcp_text_arrives() - take the text and the FIN of a segment
 * @sk: in ESTABLISHED, FIN-WAIT-1 or FIN-WAIT-2 (in later states all text is old); the segment passed steps 1 to 6
 * @skb: at the TCP header; its struct xtcp_seg is changed
 *
 * Advances RCV.NXT, and over the FIN (then fin_received is set, once); says by ack_pending and ack_now what
 * acknowledgment is owed. URG is not looked at: urgent octets are delivered in line. RFC 9293 section 3.10.7.4,
 * seventh, and the queue's part of eighth; MUST-58, MUST-59, SHLD-31, MAY-13.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: XTCP_CONSUMED: @skb is queued or freed; XTCP_DROP: nothing of it was taken, it is the caller's.
 */
enum xtcp_verdict xtcp_text_arrives(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_seg *seg = xtcp_seg(skb);

	sock_owned_by_me(sk);
	if (seg->seq == seg->end_seq)
		return XTCP_DROP;
	__skb_pull(skb, seg->hdr_len);
	seg->hdr_len = 0;

	if (xsk->fin_received || xtcp_seq_le(seg->end_seq, xsk->rcv_nxt)) {
		XTCP_NET_INC_STATS(sock_net(sk), LINUX_MIB_DELAYEDACKLOST);
		return ack_and_drop(xsk);
	}
	if (seg->len && !offered_window(xsk) && xtcp_seq_le(seg->seq, xsk->rcv_nxt)) {
		XTCP_NET_INC_STATS(sock_net(sk), LINUX_MIB_TCPZEROWINDOWDROP);
		return ack_and_drop(xsk);
	}
	if (xtcp_seq_gt(seg->seq + !!seg->len, xsk->rcv_nxt + offered_window(xsk)))
		return ack_and_drop(xsk);
	if (!trim(xsk, skb))
		return XTCP_DROP;
	if (seg->len)
		return queue_text(sk, skb);
	/* a FIN alone, or what followed one */
	if (seg->seq != xsk->rcv_nxt || !xsk->rcv_fin_known)
		return ack_and_drop(xsk);
	take_fin(sk);
	xtcp_text_wake(sk);
	consume_skb(skb);
	return XTCP_CONSUMED;
}

/**
 * xtcp_text_purge() - drop all that was received and not read
 * @sk: the sock
 *
 * RFC 9293 section 3.10.5.
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_text_purge(struct sock *sk)
{
	__skb_queue_purge(&sk->sk_receive_queue);
	purge_out_of_order(xtcp_sk(sk));
	sk_mem_reclaim(sk);
}

/**
 * xtcp_text_space_adjust() - let the receive buffer follow the speed of the reader
 * @sk: RECEIVE has just handed out octets
 *
 * Once per round trip: when more was read in it than in any before, the buffer grows so that it holds twice that, and
 * more while the rate still rises; up to the namespace's rmem[2], and never when SO_RCVBUF was set. RFC 9293 section
 * 3.8.6 leaves this to the receiver; as Linux with tcp_moderate_rcvbuf.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_text_space_adjust(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u64 now = xtcp_clock_us();
	u32 copied, mss, skb_cost;
	u64 window;
	int rcvbuf;

	sock_owned_by_me(sk);
	if (!xsk->space_copied)
		xsk->space_copied = XTCP_INIT_CWND * max_t(u32, xsk->advmss, XTCP_MSS_DEFAULT_V4);
	if (now - xsk->space_stamp < max(xsk->rto.srtt_us, 1U))
		return;
	copied = xsk->copied_seq - xsk->space_seq;
	if (xsk->space_stamp && copied > xsk->space_copied) {
		mss = max_t(u32, xsk->advmss, XTCP_MSS_DEFAULT_V4);
		window = 2ULL * copied + 16 * mss;
		window += 2 * div_u64(window * (copied - xsk->space_copied), xsk->space_copied);
		skb_cost = max_t(u32, SKB_TRUESIZE(mss + MAX_TCP_HEADER), 2 * mss);
		rcvbuf = min_t(u64, div_u64(window, mss) * skb_cost, READ_ONCE(xtcp_net(sock_net(sk))->sysctl.rmem[2]));
		if (!(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && rcvbuf > sk->sk_rcvbuf) {
			WRITE_ONCE(sk->sk_rcvbuf, rcvbuf);
			if (!xsk->user_window_clamp)
				xsk->window_clamp = max(xsk->window_clamp, window_from_space(rcvbuf));
		}
		xsk->space_copied = copied;
	}
	xsk->space_seq = xsk->copied_seq;
	xsk->space_stamp = now;
}
