// SPDX-License-Identifier: GPL-2.0
/*
 * Decides what to send now, and sends it: new data as far as the windows and Nagle allow, SYN, FIN,
 * probes (RFC 9293 sections 3.7 and 3.8).
 *
 * push() sends new data: whole skbs of the send queue, and a part of an skb where a window ends.
 * repair.c chooses what is sent again, and retransmit.c sends it. push() and repair.c compare what
 * is in flight with the congestion window.
 *
 * One rule keeps a connection from standing still. When push() leaves data unsent, one of these is
 * true: something is in flight and the retransmission deadline is armed; nothing is in flight and
 * the persist deadline is armed; or the timer of pace.c runs.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "send/output.h"

#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "cong/pipe.h"
#include "cong/reduction.h"
#include "cong/resume.h"
#include "cong/resuming.h"
#include "loss/loss.h"
#include "out/ip.h"
#include "out/segment.h"
#include "send/asking.h"
#include "send/bare.h"
#include "send/bundle.h"
#include "send/mss.h"
#include "send/mtuprobe.h"
#include "send/sndbuf.h"
#include "sendq/sendq.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "time/time.h"

/* segments are small if they take more than this many octets of memory for each octet in flight */
#define SMALL_SHARE	4U
#define SMALL_MIN	(10 * SKB_TRUESIZE(MAX_TCP_HEADER))	/* octets: ten small segments */

#define SENDS_TEXT (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK)

static bool in_states(const struct sock *sk, int states)
{
	return (1 << sk->sk_state) & states;
}

static u32 in_flight(const struct xtcp_sock *xsk)
{
	return xsk->snd.nxt - xsk->snd.una;
}

/* How much new data the congestion window has room for, octets. */
static u32 congestion_room(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 cwnd = xsk->cong.cwnd, pipe = xtcp_pipe_octets(sk);

	/*
	 * with Fast Open, the unacknowledged SYN is an octet of @pipe, but takes no room in the
	 * congestion window
	 */
	if (unlikely(xsk->snd.una == xsk->snd.iss) && pipe)
		pipe--;
	return cwnd > pipe ? cwnd - pipe : 0;
}

/*
 * Must the partial segment at the end of @skb wait? With Nagle (RFC 9293 section 3.7.4, SHLD-7), in
 * the variant of appendix A.3, it waits while another partial segment is in flight. With TCP_CORK
 * it waits whether or not anything is in flight. Urgent data, a FIN, and a push with TCP_NAGLE_PUSH
 * do not wait.
 */
static bool nagle_holds(const struct xtcp_sock *xsk, const struct sk_buff *skb, int nonagle)
{
	if (xtcp_sndcb(skb)->flags & XTCP_FIN || nonagle & TCP_NAGLE_PUSH || xsk->snd_urgent)
		return false;
	if (nonagle & TCP_NAGLE_CORK)
		return true;
	return !(nonagle & TCP_NAGLE_OFF) && in_flight(xsk) &&
	       xtcp_seq_gt(xsk->stream->snd_sml, xsk->snd.una) && xtcp_seq_le(xsk->stream->snd_sml, xsk->snd.nxt);
}

/*
 * Must a small segment wait because small segments in flight take half of the send buffer? The
 * congestion window counts octets, so it lets any number of small segments out. But each small
 * segment takes much more memory than its text. Small segments with little text could fill the send
 * buffer and stop the program from writing. So when they take half of the buffer, the next small
 * segment waits for an ACK, even with TCP_NODELAY. Further writes join this segment. Linux needs no
 * such rule, because its congestion window counts segments: a new connection may send only ten at
 * first, however small they are.
 */
static bool small_ones_fill_buffer(const struct sock *sk, const struct sk_buff *skb, int nonagle)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	/* @skb is the last skb: all others are in flight */
	const u32 sent = READ_ONCE(sk->sk_wmem_queued) - skb->truesize;

	if (likely(sent < max_t(u32, (u32)READ_ONCE(sk->sk_sndbuf) / 2, SMALL_MIN)))
		return false;
	/*
	 * these do not wait: a FIN, urgent data, a push with TCP_NAGLE_PUSH, and data whose times
	 * the program wants to know. Nor does @skb wait if later writes may be unable to join it:
	 * at the end of a record (MSG_EOR), or with pages of a MSG_ZEROCOPY write
	 */
	if (cb->flags & XTCP_FIN || cb->marks & XTCP_SNDQ_EOR || cb->stamps || nonagle & TCP_NAGLE_PUSH ||
	    xsk->snd_urgent || skb_shinfo(skb)->flags & SKBFL_ZEROCOPY_ENABLE)
		return false;
	return in_flight(xsk) && (u64)in_flight(xsk) * SMALL_SHARE < sent;
}

/*
 * How much of @skb, which begins at SND.NXT, may be sent now: at most @bundle octets, the limit of
 * a GSO packet. Return: how many sequence numbers, a FIN included; 0: nothing. The cases are those
 * of RFC 9293 section 3.8.6.2.1 (MUST-38). What that section calls the override timeout is our
 * persist deadline.
 */
static u32 sendable(const struct sock *sk, const struct sk_buff *skb, int nonagle, u32 bundle)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u32 wnd = xtcp_snd_room(&xsk->snd, cb->seq), room = min3(wnd, congestion_room(sk), bundle);
	u32 need = cb->end_seq - cb->seq, mss = xtcp_mss_payload(sk), partial;

	/* a FIN alone does not wait for the congestion window */
	if (!skb->len)
		return wnd ? need : 0;
	if (skb->len <= room) {
		partial = skb->len % mss;
		/* with nothing in flight, as in request and answer, only TCP_CORK delays text */
		if (partial && (in_flight(xsk) || nonagle & TCP_NAGLE_CORK) && xtcp_sndq_is_last(sk, skb) &&
		    (nagle_holds(xsk, skb, nonagle) || small_ones_fill_buffer(sk, skb, nonagle)))
			return skb->len - partial;
		return need <= wnd ? need : skb->len;
	}
	if (room >= mss)
		return room - room % mss;
	if (room && room == wnd && wnd >= xsk->snd.max_wnd / 2 && (nonagle & TCP_NAGLE_OFF || !in_flight(xsk)))
		return room;
	return 0;
}

/**
 * xtcp_output_departure_us() - when will a segment leave that is sent now?
 * @sk: the sock
 * @skb: the skb of the segment
 *
 * fq may hold a segment back, but never a SYN.
 *
 * Return: microseconds, on the clock of xtcp_clock_us().
 */
inline u64 xtcp_output_departure_us(const struct sock *sk, const struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	return xtcp_clock_us() + (xtcp_sndcb(skb)->flags & XTCP_SYN ? 0 : xtcp_pace_lead_us(sk));
}

/*
 * Send the first @n sequence numbers of @skb, the first unsent skb, for the first time. Return: 0;
 * -ENOBUFS if there is no memory; or the error with which the layers below refused the segment.
 * After an error SND.NXT has not moved.
 */
static __always_inline int send_new(struct sock *sk, struct sk_buff *skb, u32 n)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	u64 sent_us;
	u32 mss;
	int err;

	if (n < cb->end_seq - cb->seq && xtcp_cut_split(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC)))
		return -ENOBUFS;
	sent_us = xtcp_output_departure_us(sk, skb);
	/*
	 * call xtcp_mss_payload() before the transmission: afterwards it would tell the payload of
	 * the next segment, which may have other options
	 */
	mss = xtcp_mss_payload(sk);
	err = xtcp_segment_send(sk, skb, sent_us);
	if (unlikely(err))
		return err;
	if (skb->len % mss)
		xsk->stream->snd_sml = cb->end_seq;
	xtcp_sndq_sent(sk, skb, sent_us);
	xtcp_reduction_sent(sk, cb->end_seq - cb->seq);
	return 0;
}

/*
 * Does the same as send_new(), but sets PSH: the program has written no more data before the
 * persist deadline, so the receiver should not wait for more.
 */
static int send_pushed(struct sock *sk, u32 n)
{
	struct sk_buff *skb = xtcp_sndq_unsent(sk);

	if (n < skb->len && xtcp_cut_split(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC)))
		return -ENOBUFS;
	if (skb->len)
		xtcp_sndcb(skb)->flags |= XTCP_PSH;
	return send_new(sk, skb, n);
}

static void data_sent(struct sock *sk)
{
	xtcp_sk(sk)->snd_tstamp = (u32)jiffies;
	xtcp_flight_data_sent(sk);
}

/*
 * Must @n more octets wait because IP and the device still have enough of this connection? Without
 * a limit, one connection could fill a qdisc or a device. The limit is what the connection's rate
 * sends in about a millisecond (sk_pacing_shift). Without pacing, the limit is at most
 * limit_output_bytes. Two skbs with @n octets of text each are always allowed. The octets do not
 * wait if nothing is in flight, or if pace.c cannot learn when there is room again. We try again
 * with each ACK, and when pace.c finds room.
 */
static bool below_is_full(struct sock *sk, const struct sk_buff *skb, u32 n)
{
	unsigned long below = refcount_read(&sk->sk_wmem_alloc);
	unsigned long most = 2UL * SKB_TRUESIZE(n);

	/* with MSG_ZEROCOPY, pages count as a whole, even if they have few octets of text */
	if (unlikely(skb_zcopy((struct sk_buff *)skb)))
		most = max(most, 2UL * mult_frac((unsigned long)skb->truesize, min(n, skb->len), max(skb->len, 1U)));
	if (likely(below <= most))
		return false;
	most = max(most, xtcp_cong_rate(sk) >> READ_ONCE(sk->sk_pacing_shift));
	if (!xtcp_pace_applies(sk))
		most = min_t(unsigned long, most, READ_ONCE(xtcp_net_of(sk)->sysctl.limit_output_bytes));
	return below > most && in_flight(xtcp_sk(sk)) && xtcp_sndbuf_waits_for_room(sk, most);
}

/*
 * Which limit applies to the connection from now on? @skb: the first skb that push() has not sent,
 * or NULL. @limited: the congestion window is the limit.
 */
static enum xtcp_busy_with waits_for(const struct sock *sk, const struct sk_buff *skb, bool limited)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (limited)
		return XTCP_BUSY;
	if (skb)
		return xtcp_snd_room(&xsk->snd, xtcp_sndcb(skb)->seq) < min_t(u32, skb->len, xsk->mss) ?
		       XTCP_BUSY_WINDOW : XTCP_BUSY;
	return sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) ? XTCP_BUSY_BUFFER : XTCP_BUSY;
}

/* The result of push_probe(). */
enum probe {
	PROBE_NONE,
	PROBE_SENT,
	PROBE_WAITS,	/* send no data until ACKs have made room for the probe */
};

/* Send a probe of the path MTU if one is due. */
static noinline enum probe push_probe(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 n = xtcp_mtuprobe_due(sk), start = xsk->snd.nxt;
	enum probe probe = PROBE_NONE;
	struct sk_buff *skb;

	if (!n || xsk->snd_urgent || xtcp_pace_holds(sk))
		return PROBE_NONE;
	if (in_flight(xsk) && min(congestion_room(sk), xtcp_snd_room(&xsk->snd, start)) < n + xsk->mss)
		return PROBE_WAITS;
	skb = xtcp_sndq_unsent(sk);
	if (!xtcp_cut_gather(sk, n) ||
	    (n < skb->len && xtcp_cut_split(sk, skb, n, sk_gfp_mask(sk, GFP_ATOMIC))))
		return PROBE_NONE;
	xtcp_sndcb(skb)->marks |= XTCP_SNDQ_PROBE;
	if (!send_new(sk, skb, xtcp_sndcb(skb)->end_seq - start)) {
		xtcp_mtuprobe_sent(sk, start, start + n);
		probe = PROBE_SENT;
	}
	/* if the probe's data is sent again, it need not leave as one segment */
	xtcp_sndcb(skb)->marks &= ~XTCP_SNDQ_PROBE;
	return probe;
}

/* Send as much of the unsent data as may go now. */
static noinline void push_text(struct sock *sk, int nonagle)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool sent = false, early = false, waits = false, limited;
	struct sk_buff *skb;
	u32 bundle = 0, n;
	enum probe probe;

	WRITE_ONCE(xsk->coalescing, false);
	/*
	 * a connection that has sent data in this tick was not idle. This is the usual case, so
	 * snd_tstamp is tested first: the test is cheap
	 */
	if (xsk->snd_tstamp != (u32)jiffies && !in_flight(xsk) && xtcp_cong_restart_after_idle(sk))
		xtcp_phase_tell(sk, XTCP_TRACE_IDLE);
	xtcp_mss_current(sk);
	if (unlikely(xsk->agreed.ack_rate_ok))
		xtcp_asking_look(sk);
	if (unlikely(xsk->stream->mtuprobe.is_on)) {
		probe = push_probe(sk);
		if (probe == PROBE_WAITS)
			return;
		sent = probe == PROBE_SENT;
	}
	while ((skb = xtcp_sndq_unsent(sk))) {
		if (!bundle && skb->len > xsk->mss)
			bundle = xtcp_bundle_most(sk);
		n = sendable(sk, skb, nonagle, bundle ?: U32_MAX);
		waits = n && n < skb->len && xtcp_bundle_waits(sk, skb, n, bundle ?: U32_MAX);
		n = waits ? 0 : xtcp_bundle_of_new(sk, skb, n);
		if (!n)
			break;
		early = xtcp_pace_holds(sk);
		if (early || below_is_full(sk, skb, n) || send_new(sk, skb, n))
			break;
		sent = true;
	}
	if (sent)
		data_sent(sk);
	/*
	 * usually the congestion window is the limit if it has no room for a segment. But while a
	 * part of @skb waits (xtcp_bundle_waits()), both the congestion window and the peer's
	 * window have room for a segment. Then the window with less room is the limit
	 */
	limited = congestion_room(sk) < (waits ? xtcp_snd_room(&xsk->snd, xsk->snd.nxt) : xsk->mss);
	xtcp_cong_pushed(sk, limited);
	/*
	 * Careful Resume jumps only if the timer of pace.c can pace the segments of the jump:
	 * allocate the timer now
	 */
	if (unlikely(xtcp_resume_is_in(xsk->stream->cong.resume, XTCP_RESUME_RECONNAISSANCE))) {
		xsk->stream->cong.resume->can_pace = xtcp_pace_prepare(sk);
		if (limited && xtcp_resuming_full(sk)) {
			/* only once: the phase is over */
			push_text(sk, nonagle);
			return;
		}
	}
	xtcp_busy_with(&xsk->stream->busy, waits_for(sk, skb, limited));
	/*
	 * The timer of pace.c sends data that pacing holds back (@early), and data that waits for
	 * room below TCP (below_is_full(): then something is in flight). All other unsent data,
	 * such as data that a lower layer has refused, waits for an ACK; or, if nothing is in
	 * flight, for the persist deadline.
	 */
	if (skb && !early && !in_flight(xsk))
		xtcp_timer_window_closed(sk);
}

/*
 * A Fast Open server sends data before the handshake's last ACK has come (RFC 7413 section 4.2.2).
 * Until that ACK comes, the retransmit deadline is for the SYN-ACK alone: the deadline of a tail
 * loss probe must not replace the retransmit deadline. So this function sets tlp.pending while the
 * data is sent: timer.c then arms no probe.
 */
static noinline void push_early(struct sock *sk, int nonagle)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	if (sk->sk_state != TCP_SYN_RECV || !xsk->fastopen)
		return;
	stream->tlp.pending = true;
	push_text(sk, nonagle);
	stream->tlp.pending = false;
}

static inline void push(struct sock *sk, int nonagle)
{
	if (!xtcp_sndq_unsent(sk))
		return;
	if (likely(in_states(sk, SENDS_TEXT)))
		push_text(sk, nonagle);
	else
		push_early(sk, nonagle);
}

/**
 * xtcp_output_push() - send what may be sent now
 * @sk: the sock, in any state
 *
 * If the program has closed the socket and there was no memory for the FIN, this function sends the
 * FIN.
 */
void xtcp_output_push(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!xtcp_sk(sk)->fin_queued && in_states(sk, TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK))
		xtcp_output_fin(sk);
	else
		push(sk, xtcp_sk(sk)->nonagle);
}

/**
 * xtcp_output_push_nagle() - send what may be sent now, with a given rule for the last segment
 * @sk: the sock, in any state
 * @nonagle: TCP_NAGLE_* for this call only: CORK after MSG_MORE, PUSH when the segment may not wait
 */
void xtcp_output_push_nagle(struct sock *sk, int nonagle)
{
	sock_owned_by_me(sk);
	push(sk, nonagle);
}

/**
 * xtcp_output_queue_syn() - put a SYN, or a SYN-ACK, into the send queue
 * @sk: its ISS is chosen, and it has sent nothing yet
 *
 * Return: 0 or -ENOBUFS.
 */
int xtcp_output_queue_syn(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xtcp_snd_begin(&xsk->snd);
	return xtcp_sndq_append_syn(sk);
}

/*
 * Send the SYN together with the data behind it in the queue (RFC 7413 section 4.2.2). Return:
 * false when there is no data, or when sending has failed.
 */
static bool send_syn_with_text(struct sock *sk, struct sk_buff *syn, u64 now_us)
{
	struct sk_buff *text;

	if (likely(xtcp_sndq_is_last(sk, syn)))
		return false;
	text = skb_peek_next(syn, &sk->sk_write_queue);
	if (xtcp_segment_send_on_syn(sk, text, now_us))
		return false;
	xtcp_sk(sk)->syn_data = true;
	/*
	 * as in Linux, the SYN with the data has no PSH. A retransmission sends the data without
	 * the SYN, and with PSH, so that the receiver does not wait for more data
	 */
	xtcp_sndcb(text)->flags |= XTCP_PSH;
	xtcp_sndq_sent(sk, syn, now_us);
	xtcp_sndq_sent(sk, text, now_us);
	xtcp_reduction_sent(sk, text->len);
	xtcp_sk(sk)->snd_tstamp = (u32)jiffies;
	return true;
}

/**
 * xtcp_output_syn() - send the SYN, or the SYN-ACK of a simultaneous open or of Fast Open
 * @sk: in SYN-SENT (SYN) or SYN-RECEIVED (SYN-ACK); its ISS and its window are chosen
 *
 * RFC 9293 sections 3.10.1 and 3.10.7.3. Data in the queue is sent with the SYN (RFC 7413).
 *
 * Return: 0, or -ENOBUFS when there was no memory to queue the SYN.
 */
int xtcp_output_syn(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_first(sk);
	u64 now_us = xtcp_clock_us();
	int err;

	sock_owned_by_me(sk);
	if (!skb) {
		if (!xtcp_sndq_unsent(sk)) {
			err = xtcp_output_queue_syn(sk);
			if (err)
				return err;
		}
		skb = xtcp_sndq_unsent(sk);
		xtcp_tries_begin(&xsk->tries, xtcp_clock_ts_of(now_us));
		if (sk->sk_state != TCP_SYN_SENT || !send_syn_with_text(sk, skb, now_us)) {
			xtcp_segment_send(sk, skb, now_us);
			/* as in Linux, a SYN that the layers below refuse counts as lost */
			xtcp_sndq_sent(sk, skb, now_us);
		}
	} else {
		/*
		 * A simultaneous open: the queued SYN leaves as a SYN-ACK. While it is sent, the
		 * number of transmissions is 0, so that segment.c does not count a retransmission.
		 * Afterwards the number is 2, so that the ACK of the SYN gives no RTT sample.
		 */
		xtcp_sndcb(skb)->transmissions = 0;
		xtcp_segment_send(sk, skb, now_us);
		xtcp_sndcb(skb)->transmissions = 2;
	}
	xtcp_timer_syn_sent(sk);
	return 0;
}

/**
 * xtcp_output_fin() - queue the FIN and send what may be sent
 * @sk: in FIN-WAIT-1, CLOSING or LAST-ACK, after CLOSE (RFC 9293 section 3.10.4)
 *
 * Nagle does not hold the last segment. If there is no memory for the FIN, we try again when a
 * segment arrives, or at the persist deadline.
 */
void xtcp_output_fin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!xsk->fin_queued) {
		if (xtcp_sndq_append_fin(sk)) {
			xtcp_timer_window_closed(sk);
			return;
		}
		xsk->fin_queued = true;
	}
	push(sk, TCP_NAGLE_OFF | TCP_NAGLE_PUSH);
}

/**
 * xtcp_output_has_new() - is there unsent data that the peer's window allows to be sent?
 * @sk: the sock
 *
 * Return: true when there is such data, and the state of @sk allows to send data.
 */
bool xtcp_output_has_new(const struct sock *sk)
{
	const struct sk_buff *skb = xtcp_sndq_unsent(sk);

	sock_owned_by_me(sk);
	return skb && in_states(sk, SENDS_TEXT) && xtcp_snd_room(&xtcp_sk(sk)->snd, xtcp_sndcb(skb)->seq);
}

/**
 * xtcp_output_new_segment() - send one segment of new data, whatever the congestion window says
 * @sk: the sock
 *
 * Return: 0; -EAGAIN when there is no new data or the peer's window has no room for the segment; or
 * an error of xtcp_segment_send().
 */
int xtcp_output_new_segment(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_unsent(sk);
	u32 room, n;
	int err;

	sock_owned_by_me(sk);
	if (!xtcp_output_has_new(sk))
		return -EAGAIN;
	room = xtcp_snd_room(&xtcp_sk(sk)->snd, xtcp_sndcb(skb)->seq);
	/* a FIN alone takes one sequence number */
	n = skb->len ? min(skb->len, xtcp_mss_current(sk)) : 1;
	if (n > room)
		return -EAGAIN;
	err = send_new(sk, skb, n);
	if (!err)
		xtcp_sk(sk)->snd_tstamp = (u32)jiffies;
	return err;
}

/* Is urgent data unacknowledged, and is SND.UP near enough for the urgent pointer field? */
static bool urgent_waits(const struct xtcp_sock *xsk)
{
	return xsk->snd_urgent && xsk->stream->snd_up - xsk->snd.una < XTCP_URGENT_POINTER_MAX;
}

/**
 * xtcp_output_probe() - ask the peer for an ACK
 * @sk: in a synchronized state
 * @keepalive: true: the connection is idle (RFC 9293 section 3.8.4); false: the window is closed,
 *	or so small that silly window avoidance holds data back (sections 3.8.6.1 and 3.8.6.2.1)
 *
 * As in Linux, a probe has an old sequence number and no data (SHLD-12). But if the window has
 * room, and no lost text waits to be resent, a window probe sends new data. The peer ignores an
 * urgent pointer in a segment with an old sequence number. So while urgent data is unacknowledged,
 * we first send a segment at SND.UNA with the pointer, even if the window is closed (RFC 9293
 * section 3.8.5).
 *
 * Return: 0 or an error of xtcp_segment_send().
 */
int xtcp_output_probe(struct sock *sk, bool keepalive)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct sk_buff *skb = xtcp_sndq_unsent(sk);
	u32 room;
	int err;

	sock_owned_by_me(sk);
	if (!keepalive && skb && list_empty(&xsk->stream->to_resend)) {
		room = min(xtcp_snd_room(&xsk->snd, xsk->snd.nxt), xtcp_mss_current(sk));
		if (room && skb->len)
			room = min(room, skb->len);
		if (room) {
			err = send_pushed(sk, room);
			if (!err)
				data_sent(sk);
			return err;
		}
	}
	if (unlikely(urgent_waits(xsk))) {
		err = xtcp_bare_probe(sk, xsk->snd.una, keepalive);
		if (err)
			return err;
	}
	return xtcp_bare_probe(sk, xsk->snd.una - 1, keepalive);
}
