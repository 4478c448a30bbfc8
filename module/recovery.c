// SPDX-License-Identifier: GPL-2.0
/*
 * What is lost and what to resend. Without SACK there are two signs of loss:
 *
 *  - three duplicate ACKs: the segment at SND.UNA is lost. Fast retransmit and fast recovery (RFC 5681 section 3.2);
 *    for further holes NewReno (RFC 6582): each ACK that does not reach "recover" points at the next one.
 *  - a timeout: everything that was in flight counts as lost and is sent again in order from SND.UNA, as slow start
 *    allows ("resend_next"), until all of it is acknowledged. What the peer had kept it acknowledges in one go, and
 *    that is skipped.
 *
 * recover is SND.NXT when the loss was found; between losses it follows SND.UNA - 1. high_rtx - SND.UNA is what is in
 * flight after a timeout.
 */
#include "recovery.h"

#include "cong.h"
#include "mib.h"
#include "output.h"
#include "sample.h"
#include "seq.h"
#include "sndq.h"
#include "sock.h"
#include "timer.h"
#include "wire.h"

static void resend_first(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_unacked(sk);

	if (skb && !xtcp_output_resend(sk, skb, xsk->mss))
		xsk->high_rtx = xtcp_sndcb(skb)->end_seq;
}

/* After a timeout: the next segments, as far as the congestion window goes. */
static void resend_lost(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;
	u32 out;

	while ((skb = xsk->resend_next)) {
		out = xsk->high_rtx - xsk->snd_una;
		if (out && out + xsk->mss > xsk->cong.cwnd)
			return;
		if (xtcp_output_resend(sk, skb, max_t(u32, xsk->cong.cwnd - out, xsk->mss)))
			return;
		if (out)
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPSLOWSTARTRETRANS);
		xsk->high_rtx = xtcp_sndcb(skb)->end_seq;
		skb = xtcp_sndq_next(sk, skb);
		xsk->resend_next = skb == xsk->send_head ? NULL : skb;
	}
}

static void all_in_flight_is_lost(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xsk->recover = xsk->snd_nxt;
	xsk->high_rtx = xsk->snd_una;
	xsk->resend_next = xtcp_sndq_unacked(sk);
	xsk->dupacks = 0;
}

/**
 * xtcp_recovery_duplicate_ack() - a duplicate ACK arrived (RFC 5681 section 2)
 * @sk: the sock
 *
 * The third resends SND.UNA at once, unless SND.UNA has not passed what was in flight at the last loss: then the
 * duplicates come from our own repetitions (RFC 6582 section 3.2 step 2, section 4).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_recovery_duplicate_ack(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	switch (xsk->cong.phase) {
	case XTCP_CONG_RECOVERY:
		/* a segment has left the network: another may enter it */
		if (xsk->cong.cwnd < U32_MAX / 2)
			xsk->cong.cwnd += xsk->mss;
		return;
	case XTCP_CONG_LOSS:
		return;
	}
	if (++xsk->dupacks < XTCP_DUPACK_THRESHOLD || xtcp_seq_le(xsk->snd_una, xsk->recover))
		return;
	xtcp_cong_enter_recovery(sk);
	xsk->recover = xsk->snd_nxt;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPRENORECOVERY);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTRETRANS);
	resend_first(sk);
	xtcp_timer_ack_progress(sk);
}

/* RFC 6582 section 3.2 step 3 */
static void new_ack_in_recovery(struct sock *sk, u32 acked)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 flight = xsk->snd_nxt - xsk->snd_una;
	u32 mss = xsk->mss;
	bool first = xsk->dupacks;

	xsk->dupacks = 0;
	if (xtcp_seq_ge(xsk->snd_una, xsk->recover)) {
		xsk->cong.cwnd = min(xsk->cong.ssthresh, max(flight, mss) + mss);
		xsk->cong.phase = XTCP_CONG_OPEN;
		xtcp_timer_ack_progress(sk);
		return;
	}
	/* a partial ACK: the next hole begins at SND.UNA */
	xsk->cong.cwnd -= min(acked, xsk->cong.cwnd);
	if (acked >= mss)
		xsk->cong.cwnd += mss;
	xsk->cong.cwnd = max(xsk->cong.cwnd, mss);
	resend_first(sk);
	/* the deadline moves once: with many holes a timeout and slow start are faster than one hole a round trip */
	if (first)
		xtcp_timer_ack_progress(sk);
}

/**
 * xtcp_recovery_new_ack() - SND.UNA has moved
 * @sk: the sock
 * @acked: by how much
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_recovery_new_ack(struct sock *sk, u32 acked)
{
	struct xtcp_sample sample = { .acked = acked, .delivered = acked };
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	switch (xsk->cong.phase) {
	case XTCP_CONG_RECOVERY:
		new_ack_in_recovery(sk, acked);
		return;
	case XTCP_CONG_LOSS:
		xsk->high_rtx = xtcp_seq_max(xsk->high_rtx, xsk->snd_una);
		/* an ACK for what the peer had kept is no licence for a burst (RFC 3465 section 2.3) */
		sample.delivered = min_t(u32, acked, 2U * xsk->mss);
		xtcp_cong_acked(sk, &sample);
		if (xtcp_seq_ge(xsk->snd_una, xsk->recover))
			xsk->cong.phase = XTCP_CONG_OPEN;
		resend_lost(sk);
		break;
	case XTCP_CONG_OPEN:
		xsk->dupacks = 0;
		if (xtcp_seq_gt(xsk->snd_una, xsk->recover))
			xsk->recover = xsk->snd_una - 1;
		xtcp_cong_acked(sk, &sample);
		break;
	}
	xtcp_timer_ack_progress(sk);
}

/**
 * xtcp_recovery_timeout() - the retransmission timer has expired with data in flight (RFC 6298 (5.4))
 * @sk: xsk->retransmits counts the timeouts before this one
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_recovery_timeout(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_cong_enter_loss(sk);
	all_in_flight_is_lost(sk);
	resend_lost(sk);
}

/**
 * xtcp_recovery_go_on() - the window has changed: more of what is lost may fit
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_recovery_go_on(struct sock *sk)
{
	sock_owned_by_me(sk);
	resend_lost(sk);
}

/**
 * xtcp_recovery_mtu_fell() - what is in flight was too large for the path
 * @sk: its effective MSS has been lowered
 *
 * A loss that says nothing of congestion: everything goes again in smaller segments, the windows stay (RFC 1191 section
 * 6.5, RFC 8201 section 5.4).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_recovery_mtu_fell(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!xtcp_sndq_unacked(sk) || (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	xsk->cong.phase = XTCP_CONG_LOSS;
	all_in_flight_is_lost(sk);
	resend_lost(sk);
}
