// SPDX-License-Identifier: GPL-2.0
/*
 * Lost segments are sent again, as far as the congestion window and pacing allow. recovery.c begins
 * a repair after an ACK or RACK's timer, and timeout.c after a timeout. This file begins a repair
 * in two cases: ICMP has reported that segments were too large for the path, or the SYN-ACK did not
 * acknowledge the text of our SYN. Neither case is a sign of congestion.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "recovery/repair.h"

#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/net.h"
#include "base/sock.h"
#include "cong/cong.h"
#include "cong/pipe.h"
#include "cong/reduction.h"
#include "cong/resume.h"
#include "loss/loss.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "time/time.h"

/**
 * xtcp_repair_too_large() - begin a repair that is no sign of congestion
 * @sk: the sock
 *
 * Segments were too large for the path, or the peer did not accept the text of a SYN. Neither event
 * is a sign of congestion, so the text is resent, but cwnd and ssthresh stay (RFC 8201 section 5.4,
 * RFC 7413 section 4.2.2). But if a loss or a mark was reducing the window, the reduction is
 * completed now (xtcp_reduction_not_due()).
 */
void xtcp_repair_too_large(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	xtcp_reduction_not_due(sk);
	stream->recover = xsk->snd.nxt;
	xtcp_undo_forget(sk);
	stream->frto = false;
	xtcp_phase_set(sk, XTCP_CONG_LOSS, XTCP_TRACE_MTU);
}

/**
 * xtcp_repair_lost() - resend lost segments as far as the congestion window and pacing allow
 * @sk: the sock
 * @timeout: after a timeout
 *
 * If nothing is in flight, the window allows at least one segment. Careful Resume may allow one
 * segment beyond the window (xtcp_resume_may_free_one()). After a timeout, pacing does not delay
 * these segments, and, as in Linux, neither TCPFastRetrans nor TCPSlowStartRetrans counts them:
 * TCPTimeouts counts the timeout. RFC 6675 section 5, RFC 6298 (5.4).
 *
 * Return: what the last call of xtcp_retransmit_segment() returned; 0 if there was no call.
 */
int xtcp_repair_lost(struct sock *sk, bool timeout)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *skb;
	bool first = false;
	int err = 0;

	sock_owned_by_me(sk);
	while ((skb = xtcp_resend_next(sk))) {
		const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
		u32 pipe = xtcp_pipe_octets(sk);
		u32 room = xsk->cong.cwnd > pipe ? xsk->cong.cwnd - pipe : 0;
		bool is_full = pipe && room < min_t(u32, xsk->mss, cb->end_seq - cb->seq);

		if (is_full && !xtcp_resume_may_free_one(xsk->stream->cong.resume))
			break;
		if (!timeout && xtcp_pace_holds(sk))
			break;
		err = xtcp_retransmit_segment(sk, skb, max_t(u32, min(room, xtcp_bundle_most(sk)), xsk->mss));
		if (err)
			break;
		if (is_full)
			xtcp_resume_freed_one(xsk->stream->cong.resume);
		if (!timeout)
			XTCP_NET_ADD_STATS(xsk->xn, xsk->cong.phase == XTCP_CONG_RECOVERY ?
					   LINUX_MIB_TCPFASTRETRANS : LINUX_MIB_TCPSLOWSTARTRETRANS,
					   xtcp_sndq_segments(skb));
		first |= skb == xtcp_sndq_first(sk);
	}
	if (first)
		xtcp_flight_ack_progress(sk);
	return err;
}

/**
 * xtcp_repair_waiting() - resend lost segments that have waited for the timer of pace.c
 * @sk: the sock
 */
void xtcp_repair_waiting(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->cong.phase >= XTCP_CONG_RECOVERY && !xtcp_sk(sk)->stream->frto)
		xtcp_repair_lost(sk, false);
}

/**
 * xtcp_repair_mtu_fell() - resend segments that were too large for the path
 * @sk: its effective MSS has been lowered
 *
 * A loss of segments that were too large is no sign of congestion: their text is resent in smaller
 * segments, and cwnd and ssthresh stay (RFC 1191 section 6.4, RFC 8201 section 5.4).
 */
void xtcp_repair_mtu_fell(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 lost = stream->lost_total;
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	/* if a SYN with text was too large (RFC 7413), resend the SYN at once, without text */
	if (sk->sk_state == TCP_SYN_SENT && xsk->syn_data && !xsk->total_retrans)
		xtcp_retransmit_segment(sk, xtcp_sndq_first(sk), xsk->mss);
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) || !xtcp_stream_is_there(stream))
		return;
	if (!xsk->agreed.sack_ok)
		xtcp_scoreboard_forget_duplicates(sk);
	for (skb = xtcp_sndq_first(sk); skb; skb = xtcp_sndq_next(sk, skb)) {
		if (min(skb->len, xtcp_sndq_segment(skb)) > xsk->mss &&
		    !(xtcp_sndcb(skb)->marks & XTCP_SNDQ_SACKED))
			xtcp_scoreboard_lost(sk, skb);
	}
	if (stream->lost_total == lost)
		return;
	if (xsk->cong.phase != XTCP_CONG_LOSS)
		xtcp_repair_too_large(sk);
	xtcp_repair_lost(sk, false);
}

/**
 * xtcp_repair_syn_text_refused() - resend the SYN's text, which the SYN-ACK did not acknowledge
 * @sk: has just entered ESTABLISHED
 *
 * The peer did not accept the text, or did not get it. This is no sign of congestion, so the text
 * is resent at once (RFC 7413 section 4.2.2, "Client: Receiving SYN-ACK").
 */
void xtcp_repair_syn_text_refused(struct sock *sk)
{
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	for (skb = xtcp_sndq_first(sk); skb; skb = xtcp_sndq_next(sk, skb))
		if (!(xtcp_sndcb(skb)->marks & (XTCP_SNDQ_SACKED | XTCP_SNDQ_LOST)))
			xtcp_scoreboard_lost(sk, skb);
	xtcp_repair_too_large(sk);
	xtcp_repair_lost(sk, false);
}
