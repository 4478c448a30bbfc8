// SPDX-License-Identifier: GPL-2.0
/*
 * Step five of SEGMENT ARRIVES, but for what it does to the state: SND.UNA, the round trip sample, the send window
 * (RFC 9293 section 3.10.7.4). What an ACK says about loss is recovery.c's.
 */
#include "ack.h"

#include <net/sock.h>
#include <net/tcp_states.h>

#include "clock.h"
#include "cong.h"
#include "ingress.h"
#include "mss.h"
#include "recovery.h"
#include "rto.h"
#include "sendmsg.h"
#include "seq.h"
#include "sndq.h"
#include "sock.h"
#include "timer.h"
#include "wire.h"

/* What SEG.WND means: never scaled on a SYN (RFC 7323 section 2.2). */
static u32 segment_window(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	return seg->flags & XTCP_SYN ? seg->wnd : (u32)seg->wnd << xsk->snd_wscale;
}

static void set_window(struct sock *sk, const struct xtcp_seg *seg, u32 wnd)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool bounds_mss = xsk->max_snd_wnd / 2 <= xsk->mss;

	xsk->snd_wnd = wnd;
	xsk->snd_wl1 = seg->seq;
	xsk->snd_wl2 = seg->ack;
	if (wnd <= xsk->max_snd_wnd)
		return;
	xsk->max_snd_wnd = wnd;
	if (bounds_mss)
		xtcp_mss_sync(sk, xsk->pmtu);
}

/*
 * A round trip (RFC 6298 section 3; RFC 7323 section 4.1): from the clock when the segment was sent once, else from the
 * timestamp that the ACK echoes, else none. @sent_us is what xtcp_sndq_acked() says. True: there was one.
 */
static bool sample_rtt(struct xtcp_sock *xsk, const struct xtcp_seg *seg, u64 sent_us)
{
	u32 ms;

	if (sent_us) {
		xtcp_rto_sample(&xsk->rto, min_t(u64, xtcp_clock_us() - sent_us, U32_MAX));
		return true;
	}
	if (!xsk->ts_ok || !seg->has_ts || !seg->tsecr)
		return false;
	ms = xtcp_clock_ts() + xsk->ts_offset - seg->tsecr;
	if (ms > XTCP_RTO_MAX_MS)
		return false;
	xtcp_rto_sample(&xsk->rto, max(ms, 1U) * USEC_PER_MSEC);
	return true;
}

static void una_moves(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 acked = seg->ack - xsk->snd_una;

	sample_rtt(xsk, seg, xtcp_sndq_acked(sk, seg->ack));
	WRITE_ONCE(xsk->snd_una, seg->ack);
	xsk->bytes_acked += acked - xtcp_ack_fin_acked(sk);
	xsk->retransmits = 0;
	xsk->retrans_stamp = 0;
	sk_dst_confirm(sk);
}

/*
 * RFC 5961 section 5.2; and not an ACK of octets that were never sent, as in Linux: the fewer numbers pass, the less is
 * a guess worth.
 */
static bool is_too_old(const struct sock *sk, u32 ack)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u64 acked = xsk->bytes_acked + xtcp_ack_fin_acked(sk);

	return xtcp_seq_lt(ack, xsk->snd_una - (u32)min_t(u64, xsk->max_snd_wnd, acked));
}

/**
 * xtcp_ack_arrives() - process the ACK field in a synchronized state
 * @sk: ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT, CLOSING or LAST-ACK
 * @seg: has passed steps one to four and carries ACK
 *
 * RFC 9293 section 3.10.7.4, fifth, with the range of RFC 5961 section 5.2.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: XTCP_CONTINUE, or XTCP_CHALLENGE when the ACK is out of range.
 */
enum xtcp_verdict xtcp_ack_arrives(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 wnd = segment_window(xsk, seg);
	u32 una = xsk->snd_una;
	bool duplicate;

	sock_owned_by_me(sk);
	if (xtcp_seq_gt(seg->ack, xsk->snd_nxt))
		return XTCP_CHALLENGE;
	/* an old ACK says nothing, but the segment may carry text */
	if (xtcp_seq_lt(seg->ack, una))
		return is_too_old(sk, seg->ack) ? XTCP_CHALLENGE : XTCP_CONTINUE;

	/* RFC 5681 section 2: (a) to (e) */
	duplicate = seg->ack == una && una != xsk->snd_nxt && seg->seq == seg->end_seq && wnd == xsk->snd_wnd;

	/* the path works: no earlier ICMP error is the reason of whatever ends the connection */
	WRITE_ONCE(sk->sk_err_soft, 0);
	xsk->ack_tstamp = (u32)jiffies;
	xsk->probes_out = 0;
	if (seg->ack != una)
		una_moves(sk, seg);
	if (xtcp_seq_lt(xsk->snd_wl1, seg->seq) || (xsk->snd_wl1 == seg->seq && xtcp_seq_le(xsk->snd_wl2, seg->ack))) {
		bool opened = !xsk->snd_wnd && wnd;

		set_window(sk, seg, wnd);
		if (opened)
			xtcp_timer_window_opened(sk);
	}
	if (seg->ack != una)
		xtcp_recovery_new_ack(sk, seg->ack - una);
	else if (duplicate)
		xtcp_recovery_duplicate_ack(sk);
	else if (xsk->resend_next)
		xtcp_recovery_go_on(sk);
	return XTCP_CONTINUE;
}

/**
 * xtcp_ack_syn_acked() - our SYN is acknowledged
 * @sk: SYN-SENT or SYN-RECEIVED, about to enter ESTABLISHED; ISS < SEG.ACK =< SND.NXT
 * @seg: the ACK or SYN-ACK
 *
 * RFC 9293 sections 3.10.7.3, fourth, and 3.10.7.4, fifth. The round trip timer and the congestion window start here.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_ack_syn_acked(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u64 sent_us;

	sock_owned_by_me(sk);
	sent_us = xtcp_sndq_acked(sk, seg->ack);
	/* child.c knows the round trip of a SYN-ACK; its TSval is not quite the clock's (cookie.c) */
	if (!xsk->rto.srtt_us && !sample_rtt(xsk, seg, sent_us) && xsk->total_retrans)
		xtcp_rto_syn_lost(&xsk->rto);
	WRITE_ONCE(sk->sk_err_soft, 0);
	WRITE_ONCE(xsk->snd_una, seg->ack);
	xsk->recover = seg->ack - 1;
	xsk->snd_sml = seg->ack;
	xsk->retransmits = 0;
	xsk->retrans_stamp = 0;
	xsk->ack_tstamp = (u32)jiffies;
	set_window(sk, seg, segment_window(xsk, seg));
	xtcp_mss_sync(sk, xsk->pmtu);
	xtcp_cong_start(sk);
	xtcp_sendmsg_expand_buffer(sk);
	xtcp_timer_ack_progress(sk);
	sk_dst_confirm(sk);
}

/**
 * xtcp_ack_fin_acked() - is our FIN acknowledged?
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it was sent and is.
 */
bool xtcp_ack_fin_acked(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	return xsk->fin_queued && xsk->snd_una == xsk->write_seq;
}
