// SPDX-License-Identifier: GPL-2.0
/*
 * Step seven of SEGMENT ARRIVES: trim the text to the window, queue it, and note whether an ACK
 * must be sent, and how soon (RFC 9293 section 3.10.7.4).
 *
 * A FIN is not queued. Its sequence number is stored (rcv_fin_seq), and text beyond that number is
 * not accepted. The FIN is taken when RCV.NXT reaches the number.
 *
 * Step six of SEGMENT ARRIVES: the urgent pointer (RFC 9293 section 3.10.7.4).
 *
 * The urgent pointer of a segment points to the octet after the urgent octet (RFC 9293 section
 * 3.1), or with net.xtcp.stdurg to the urgent octet itself (RFC 1122 section 4.2.2.4). Only the
 * last urgent octet is known to us: struct xtcp_urgent has its sequence number and its value.
 * MSG_OOB returns this value. The octet also stays in the receive queue. A read stops before the
 * octet. The next read skips it, or returns it as normal text if SO_OOBINLINE is set. The sequence
 * number of the octet is called the mark.
 *
 * The SYN of a connection, for a program that asks for it: TCP_SAVE_SYN on the listener,
 * TCP_SAVED_SYN on an accepted socket.
 *
 * The SYN is stored behind the half-open entry, in the same allocation. The child gets a copy,
 * which is freed when the program reads it. As in Linux, a SYN is not saved if memory was short. A
 * SYN that was answered by cookie is not saved either, because it has no entry.
 */
#include "recv/recv.h"

#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/sender.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"
#include "cong/cong.h"
#include "sight/sight.h"
#include "window/window.h"

/* The length of the link header in octets; 0 for a tun device. */
static u32 link_len(const struct sk_buff *skb)
{
	return skb_mac_header_was_set(skb) ? skb_mac_header_len(skb) : 0;
}

/**
 * xtcp_savedsyn_len() - how many octets of a SYN are to be saved
 * @skb: the SYN; its data begins with the TCP header
 * @save_syn: the value of TCP_SAVE_SYN, not 0
 *
 * Context: softirq.
 *
 * Return: octets. All headers are saved, but not the data.
 */
u32 xtcp_savedsyn_len(struct sk_buff *skb, u8 save_syn)
{
	return (save_syn == 2 ? link_len(skb) : 0) + skb_network_header_len(skb) + xtcp_seg(skb)->hdr_len;
}

/**
 * xtcp_savedsyn_take_keyids() - store the KeyIDs of a SYN, or of a SYN that has come again
 * @syn: where to store them; nothing is stored if the SYN has no TCP-AO
 * @skb: the SYN; its data begins with the TCP header
 *
 * RFC 5925 section 3.3: each segment may ask for another key.
 *
 * Context: softirq. Lock: the listener's, held, once the entry is in the table.
 */
void xtcp_savedsyn_take_keyids(struct xtcp_saved_syn *syn, const struct sk_buff *skb)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	struct xtcp_ao_option option;

	if (xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &option) != XTCP_AO_PRESENT)
		return;
	WRITE_ONCE(syn->ao_keyid, option.keyid);
	WRITE_ONCE(syn->ao_rnext, option.rnext);
}

/**
 * xtcp_savedsyn_fill() - copy the headers of a SYN, and its KeyIDs
 * @syn: where to store both. The caller has set @len to xtcp_savedsyn_len(), or to 0 if the
 *	program wants no headers. All other fields are 0
 * @skb: the SYN; its data begins with the TCP header
 *
 * Context: softirq.
 */
void xtcp_savedsyn_fill(struct xtcp_saved_syn *syn, struct sk_buff *skb)
{
	memcpy(syn->octets, skb->data + xtcp_seg(skb)->hdr_len - syn->len, syn->len);
	xtcp_savedsyn_take_keyids(syn, skb);
}

/**
 * xtcp_savedsyn_copy() - copy the saved SYN of a half-open entry, for the sock of the connection
 * @syn: the SYN of the entry
 *
 * Context: softirq, RCU read side.
 *
 * Return: the copy, or NULL if there is no memory.
 */
struct xtcp_saved_syn *xtcp_savedsyn_copy(const struct xtcp_saved_syn *syn)
{
	const u32 size = xtcp_savedsyn_bytes(syn->len);
	struct xtcp_saved_syn *copy = kmalloc(size, GFP_ATOMIC | __GFP_NOWARN);

	if (copy)
		memcpy(copy, syn, size);
	return copy;
}

/**
 * xtcp_savedsyn_drop() - free the saved SYN of a connection
 * @syn: points to xtcp_sock.saved_syn, which is NULL afterwards
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find the sock.
 */
void xtcp_savedsyn_drop(struct xtcp_saved_syn **syn)
{
	kfree(*syn);
	*syn = NULL;
}

/* The sequence number of the urgent octet, computed from the segment's urgent pointer. */
static u32 pointed_at(const struct sock *sk, struct sk_buff *skb)
{
	u32 pointer = ntohs(tcp_hdr(skb)->urg_ptr);

	if (pointer && !READ_ONCE(xtcp_net_of(sk)->sysctl.stdurg))
		pointer--;
	return xtcp_seg(skb)->seq + pointer;
}

/*
 * Skip the urgent octet, which is the next octet to read: struct xtcp_urgent is about to forget it
 * for a newer one. No read may return the old octet as normal text, because MSG_OOB has returned
 * the octet already, or the program did not want it.
 */
static void pass_over(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

	xtcp_rcv_copied(&xsk->rcv, 1);
	if (skb && xtcp_seq_ge(xsk->rcv.copied_seq, xtcp_seg(skb)->seq + skb->len))
		xtcp_rcvq_eaten(sk, skb);
}

/* Take the urgent pointer of a segment and send SIGURG: RCV.UP <- max(RCV.UP, SEG.UP). */
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
 * @skb: a segment with URG, or any segment while an urgent octet is awaited; it begins with the TCP
 *	header and is not trimmed yet
 *
 * RFC 9293 section 3.10.7.4, sixth step, and section 3.8.5 (MUST-32): the owner of the socket gets
 * SIGURG, and poll() reports EPOLLPRI. As in Linux, the octet is available as soon as it arrives,
 * even beyond a hole.
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
	xtcp_urgent_came(&xsk->urgent, octet);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/**
 * xtcp_urgent_at_mark() - is the urgent octet the next one to read (SIOCATMARK)?
 * @sk: the sock
 *
 * RFC 9293 section 3.8.5.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: true when the urgent octet is the next one.
 */
bool xtcp_urgent_at_mark(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return READ_ONCE(xsk->urgent.data) && READ_ONCE(xsk->urgent.seq) == READ_ONCE(xsk->rcv.copied_seq);
}

/* After quickack(), at most so many ACKs in a row are not delayed; Linux: TCP_MAX_QUICKACKS. */
#define QUICKACKS_MAX		16U

#define REQUEST_SEQ_UNIT	256U	/* xtcp_stream.request_seq counts units of so many octets */

/* How far the last offered window reaches beyond RCV.NXT, octets. */
static u32 offered_window(const struct xtcp_sock *xsk)
{
	u32 right = READ_ONCE(xsk->rcv.wup) + READ_ONCE(xsk->rcv.wnd);
	u32 next = READ_ONCE(xsk->rcv.nxt);

	return xtcp_seq_gt(right, next) ? right - next : 0;
}

/**
 * xtcp_text_readable() - is enough text there to wake a reader?
 * @sk: the sock
 * @target: how many octets the reader waits for (SO_RCVLOWAT)
 *
 * Usually @target octets are enough. But one octet is enough if little more can come until the
 * reader makes room. This is so when memory is short, when the buffer is nearly full, or when the
 * window has room for one segment at most. A FIN is not counted as an octet.
 *
 * Context: any; racy without the socket lock.
 *
 * Return: true when the octets that are there suffice.
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
	       offered_window(xsk) <= READ_ONCE(xsk->rcv_mss);
}

/**
 * xtcp_text_wake() - wake the reader if there is enough text, or if the peer's FIN was taken
 * @sk: the sock
 */
__always_inline void xtcp_text_wake(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (xtcp_sk(sk)->fin_received || xtcp_text_readable(sk, READ_ONCE(sk->sk_rcvlowat)))
		sk->sk_data_ready(sk);
}

/* Do not delay the next ACKs: the peer begins to send, or we drop its segments. */
static void quickack(struct xtcp_sock *xsk)
{
	u32 most = xsk->rcv.wnd / (2U * max_t(u32, xsk->rcv_mss, 1));

	xtcp_acking_quick(&xsk->acking, clamp(most, 2U, QUICKACKS_MAX));
}

/**
 * xtcp_text_came_again() - text or a FIN came again that we have acknowledged: the ACK may be lost
 * @sk: in SYN-RECEIVED or a synchronized state
 *
 * The next ACKs are not delayed, as in Linux. The caller sends an ACK at once (RFC 9293 section
 * 3.10.7.4, first step).
 */
void xtcp_text_came_again(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	XTCP_NET_INC_STATS(xsk->xn, LINUX_MIB_DELAYEDACKLOST);
	quickack(xsk);
	xtcp_acking_interactive(&xsk->acking, false);
}

/* Drop a segment that has nothing new, or does not fit, and request an immediate ACK. */
static enum xtcp_verdict drop_and_ack(struct xtcp_sock *xsk)
{
	quickack(xsk);
	xtcp_acking_interactive(&xsk->acking, false);
	xtcp_acking_owe_now(&xsk->acking);
	return XTCP_DONE;
}

/*
 * Estimate the size of the peer's full segments: the largest size seen, or a smaller size that came
 * twice in a row. A smaller size below the default MSS counts only if the segment has no PSH and
 * the size is at least XTCP_MSS_MIN_USER.
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

/*
 * The peer was silent for @gone jiffies. Is that longer than an RTO? Usually @gone is 0 or 1. In
 * this case the RTO is not computed, because it is at least two jiffies.
 */
static bool was_silent(const struct xtcp_sock *xsk, u32 gone)
{
	return gone > 1 && gone > msecs_to_jiffies(xtcp_bounds_rto_ms(&xsk->inet.sk));
}

/*
 * New text has come: update the measurements that decide how ACKs are delayed (RFC 9293 section
 * 3.8.6.3).
 */
static void data_event(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 len = xtcp_seg(skb)->len;
	u32 now = xtcp_clock_stamp();
	u32 full;

	measure_mss(xsk, skb);
	xtcp_space_arrived(sk, skb);
	if (!stream->rcv_data_tstamp || was_silent(xsk, now - stream->rcv_data_tstamp))
		quickack(xsk);
	stream->rcv_data_tstamp = now;
	if (skb_shinfo(skb)->gso_size)
		full = DIV_ROUND_UP(len, skb_shinfo(skb)->gso_size);
	else
		full = len >= xsk->rcv_mss;
	xtcp_acking_text(&xsk->acking, full);
}

/*
 * A segment was queued. If RCV.NXT has reached the peer's FIN, advance RCV.NXT over the FIN and
 * request an ACK (RFC 9293 section 3.10.7.4, eighth step).
 */
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

/* Does queued text reach beyond @seq, so that the peer's FIN cannot be at @seq? */
static bool text_follows(const struct xtcp_sock *xsk, u32 seq)
{
	struct sk_buff *last = skb_rb_last(&xsk->stream->out_of_order);

	return last && xtcp_seq_gt(xtcp_seg(last)->seq + xtcp_seg(last)->len, seq);
}

/*
 * Note the FIN at the end of @seg, which is trimmed, if it is the peer's. A FIN in order is, as in
 * Linux: text in its place or beyond it, or another FIN, that came before it out of order, is
 * forged then, and must not keep the connection open. A FIN out of order counts if no FIN is known,
 * and if no text is queued beyond it.
 */
static void note_fin(struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	bool in_order = seg->seq == xsk->rcv.nxt;

	if (!in_order && (xsk->rcv_fin_known || text_follows(xsk, seg->end_seq)))
		return;
	/*
	 * RCV.NXT must not pass the FIN: drop the text in its place. All text before the FIN is in
	 * @seg, so nothing that is queued out of order is needed
	 */
	if (in_order && xtcp_rcvq_is_waiting(&xsk->inet.sk, seg->end_seq))
		xtcp_rcvq_purge_out_of_order(&xsk->inet.sk);
	xsk->rcv_fin_known = true;
	xsk->stream->rcv_fin_seq = seg->end_seq;
}

/*
 * Remove text before RCV.NXT, beyond the window and beyond a FIN. Store the sequence number of the
 * segment's FIN. A FIN takes no room in the buffer, so it may come just after the last octet of the
 * window. @offered: offered_window(). Return: false if there is no memory.
 */
static bool trim(struct xtcp_sock *xsk, struct sk_buff *skb, u32 offered)
{
	struct xtcp_seg *seg = xtcp_seg(skb);
	bool fin = seg->flags & XTCP_FIN;
	u32 window;

	seg->flags &= ~XTCP_FIN;
	seg->end_seq = seg->seq + seg->len;
	if (xtcp_seq_lt(seg->seq, xsk->rcv.nxt) &&
	    !xtcp_trim_front(skb, min(xsk->rcv.nxt - seg->seq, seg->len)))
		return false;
	window = xsk->rcv.nxt + offered - seg->seq;
	if (seg->len > window) {
		fin = false;
		if (!xtcp_trim_back(skb, window))
			return false;
	}
	/*
	 * text at the sequence number that is stored for the FIN shows that the FIN was not the
	 * peer's. So forget the FIN, as in Linux
	 */
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
 * Take a request for an ACK rate from a segment with new text or a FIN
 * (draft-ietf-tcpm-ack-rate-request-10). A request carries a rate R: one ACK for R full segments.
 * An R of 0 asks for an ACK of this segment alone.
 *
 * The rate in use may come from a segment that arrived earlier, with text beyond @seq. If the
 * network has reordered the two segments, the rate in use is newer. If the peer has resent this
 * segment, the request in this segment is newer. We cannot tell these cases apart, so we refuse a
 * request for fewer ACKs. More ACKs are always safe. Not inlined, because hardly any segment has
 * the option.
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

/*
 * Queue a segment that has been trimmed and has new text. @fin_waits: a FIN beyond a hole was known
 * before the segment came.
 */
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
		/* there was no room: wake the reader, which makes room by reading */
		if (!sock_flag(sk, SOCK_DEAD))
			sk->sk_data_ready(sk);
		/*
		 * send an ACK at once even for out-of-order text that is dropped, so that duplicate
		 * ACKs tell the peer of the hole (RFC 5681 section 4.2). Linux sends no ACK for
		 * such text
		 */
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
	/*
	 * RFC 5681 section 4.2: an ACK is sent at once if text is out of order (MAY-13) or fills a
	 * hole
	 */
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

/*
 * Take a segment that has no text after trimming: a FIN alone, or a segment whose text lay beyond a
 * FIN.
 */
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

/* Report in a D-SACK the part of the segment that lies before RCV.NXT. */
static void note_old_text(struct sock *sk, const struct xtcp_seg *seg)
{
	const u32 rcv_nxt = xtcp_sk(sk)->rcv.nxt;

	if (xtcp_seq_le(seg->end_seq, rcv_nxt))
		xtcp_sack_repeated(sk, seg->seq, seg->end_seq);
	else if (xtcp_seq_lt(seg->seq, rcv_nxt))
		xtcp_sack_duplicate(sk, seg->seq, rcv_nxt);
}

/**
 * xtcp_text_arrives() - take the text and the FIN of a segment
 * @sk: after steps 1 to 6, in ESTABLISHED or a later state; with Fast Open also in SYN-RECEIVED or
 *	SYN-SENT, for the text of the peer's SYN or SYN-ACK. Once the FIN is taken, all text is old
 * @skb: begins with the TCP header; its struct xtcp_seg is changed
 *
 * RCV.NXT advances over text and FIN that are in order. xsk->acking notes whether an ACK must be
 * sent, and the SACK blocks note which text came out of order. An urgent octet is text like any
 * other. RFC 9293 section 3.10.7.4, seventh step, and the part of the eighth step that
 * takes the FIN; MUST-58, MUST-59, SHLD-31, MAY-13.
 *
 * Return: XTCP_DONE when no text of @skb was queued, and the caller still owns @skb; XTCP_CONSUMED
 * when @skb was queued or freed; XTCP_FIN_TAKEN when, in addition, RCV.NXT has passed the peer's
 * FIN.
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

	/*
	 * in a simultaneous open, the SYN-ACK repeats the SYN. No D-SACK reports the repeated SYN,
	 * because a D-SACK is only for data (RFC 2883 section 4)
	 */
	if (!(seg->flags & XTCP_SYN))
		note_old_text(sk, seg);
	if (xsk->fin_received || xtcp_seq_le(seg->end_seq, xsk->rcv.nxt)) {
		xtcp_text_came_again(sk);
		xtcp_acking_owe_now(&xsk->acking);
		return XTCP_DONE;
	}
	offered = offered_window(xsk);
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
 * xtcp_text_purge() - drop all received text that was not read
 * @sk: the sock
 *
 * RFC 9293 section 3.10.5.
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can reach @sk.
 */
void xtcp_text_purge(struct sock *sk)
{
	__skb_queue_purge(&sk->sk_receive_queue);
	xtcp_rcvq_purge_out_of_order(sk);
	sk_mem_reclaim(sk);
}
