// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake of a sock: SYN-SENT (RFC 9293 section 3.10.7.3), and the ACK that ends
 * SYN-RECEIVED. Before a sock exists, listen/synq.c answers the SYN for the listener.
 *
 * Reads the reason that a peer's RST gives: the diagnostic payload
 * (draft-ietf-tcpm-rst-diagnostic-payload-03, section 4.2).
 *
 * A RST may have any text (RFC 9293 section 3.5.3, SHLD-2), so the text never decides whether the
 * RST resets the connection. The text is read after that decision, and only for traces and
 * diagnosis.
 */
#include "arrive/arrive.h"

#include <linux/security.h>
#include <net/tcp.h>

#include "auth/auth.h"
#include "base/base.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"
#include "base/rstdiag.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "recovery/recovery.h"
#include "recv/recv.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/sight.h"
#include "sock/create.h"
#include "time/time.h"
#include "window/window.h"

static noinline_for_stack void trace_told(const struct sock *sk, const struct xtcp_rstdiag *told)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	trace_xtcp_rst_diagnostic(sock_net(sk), &tuple, false, told->code, told->pen);
}

/* Reads the text once, since a fragment's page may change between two reads. */
static noinline_for_stack void read_text(const struct sock *sk, const struct sk_buff *skb, const struct xtcp_seg *seg,
					 struct xtcp_rstdiag *told)
{
	u8 text[XTCP_RSTDIAG_LEN];

	if (skb_copy_bits(skb, seg->hdr_len, text, min_t(u32, seg->len, sizeof(text))))
		return;
	switch (xtcp_rstdiag_parse(text, seg->len, seg->end_seq - seg->seq, told)) {
	case XTCP_RSTDIAG_NONE:
		return;
	case XTCP_RSTDIAG_MALFORMED:
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RSTDIAGMALFORMED);
		break;
	case XTCP_RSTDIAG_VALID:
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RSTDIAGRECV);
		break;
	}
	trace_told(sk, told);
}

/**
 * xtcp_told_by() - read the reason that a RST gives
 * @sk: the sock, which the RST is about to reset
 * @skb: the RST, skb->data at its TCP header
 *
 * Return: the reason. Its code is 0 if the RST gives none, or if the payload is malformed.
 */
struct xtcp_rstdiag xtcp_told_by(const struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_rstdiag told = { };

	sock_owned_by_me(sk);
	if (unlikely(seg->len))
		read_text(sk, skb, seg, &told);
	return told;
}

/*
 * Process the options of the peer's SYN (RFC 9293 section 3.7.1; RFC 7323 sections 1.3 and 2.5; RFC
 * 2018 section 2). An option is in use only if both ends sent it. Before this call wscale_ok, ts_ok
 * and sack_ok say what our SYN offered; after this call they say what is in use.
 */
static void take_syn_options(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u16 mss_default = xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
	struct xtcp_agreed *agreed = &xsk->agreed;

	xtcp_agreed_peer_mss(agreed, seg->mss ?: mss_default, xsk->user_mss);
	xtcp_agreed_options(agreed, agreed->wscale_ok && seg->has_wscale, seg->wscale, agreed->ts_ok && seg->has_ts,
			    agreed->sack_ok && seg->sack_permitted);
	xtcp_agreed_ack_rate(agreed, agreed->ack_rate_ok && seg->ack_rate == XTCP_ACKRATE_SUPPORTED);
	if (!agreed->wscale_ok)
		xtcp_window_unscaled(sk);
	if (agreed->ts_ok)
		xtcp_paws_take(&xsk->paws, seg->tsval);
}

/* Take IRS and RCV.NXT from a SYN (RFC 9293 3.10.7.3, fourth). The caller computes the MSS. */
static void take_syn(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	take_syn_options(sk, seg);
	xtcp_ecn_take_syn(sk, skb);
	xtcp_rcv_begin(&xsk->rcv, seg->seq);
	xtcp_aoconn_synchronize(sk, seg->seq);
	xtcp_space_begin(sk);
}

/* Enter ESTABLISHED, at the end of each kind of handshake (RFC 9293 section 3.5). */
static void enter_established(struct sock *sk, struct sk_buff *skb)
{
	security_inet_conn_established(sk, skb);
	xtcp_state_set(sk, TCP_ESTABLISHED);
	xtcp_keepalive_established(sk);
	sk->sk_state_change(sk);
	if (sk->sk_socket)
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

/*
 * RFC 7323 section 3.2: if the echoed timestamp is older than our SYN or SYN-ACK, the segment
 * belongs to an earlier connection.
 */
static bool syn_sent_echo_is_foreign(const struct sock *sk, const struct xtcp_seg *seg)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_ts_of(xsk->arrived_us) + xsk->snd.ts_offset;
	u32 first = xsk->tries.retrans_stamp ? xsk->tries.retrans_stamp + xsk->snd.ts_offset : now;

	if (!xsk->agreed.ts_ok || !seg->has_ts || !seg->tsecr || !xsk->tries.retrans_stamp)
		return false;
	return !xtcp_seq_between(first, seg->tsecr, now);
}

/* Process the ACK of our SYN; judge_syn_text() processes the ACK of the text on the SYN. */
static noinline_for_stack void syn_acked_alone(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_seg syn = *xtcp_seg(skb);

	syn.ack = xtcp_sk(sk)->snd.iss + 1;
	xtcp_acked_syn(sk, &syn);
	enter_established(sk, skb);
}

/*
 * Process the ACK of the text on our SYN (RFC 7413 section 4.2.2, "Client: Receiving SYN-ACK"). If
 * the ACK does not cover all of the text, resend the rest at once, in a segment that also
 * acknowledges the peer's SYN.
 */
static void judge_syn_text(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *text = xtcp_sndq_first(sk);

	if (xtcp_seg(skb)->ack != xsk->snd.una) {
		/*
		 * the ACK may cover a part of the text: resend the rest with the peer's MSS, which
		 * is known only now
		 */
		if (text)
			xtcp_sndcb(text)->mss = min_t(u32, xtcp_sndcb(text)->mss, xsk->mss);
		xtcp_ack_arrives(sk, skb);
	}
	xsk->syn_data_acked = xsk->snd.una == xsk->snd.nxt;
	if (xsk->syn_data_acked) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVE);
		/* SYN and text were one segment, whatever the peer's MSS; TCP_INFO adds that of the SYN */
		xsk->stream->delivered_segments = 0;
		return;
	}
	xsk->fastopen_client_fail = xsk->total_retrans ? TFO_SYN_RETRANSMITTED : TFO_DATA_NOT_ACKED;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVEFAIL);
	xtcp_repair_syn_text_refused(sk);
}

/*
 * Process the answer to a SYN that had text or the Fast Open option: the ACK of the text, the
 * cookie, and text on the SYN-ACK. The caller processes the ACK of the SYN itself. A new cookie
 * replaces the old one.
 *
 * Suppose that our SYN had text and the option, and that it was resent. If the answer then has no
 * Fast Open option and does not acknowledge all of the text, the network probably drops such SYNs.
 * fastsyn.c remembers this for the next connection to the host.
 */
static noinline_for_stack enum xtcp_verdict take_fast_answer(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_fastopen_cookie cookie;
	/* read this before judge_syn_text(), which may resend text and so increase total_retrans */
	const bool resent = xsk->total_retrans;
	bool refused = false;

	if (xsk->syn_data) {
		judge_syn_text(sk, skb);
		refused = !xsk->syn_data_acked;
	}
	xtcp_options_find_fastopen(skb->data + XTCP_HDR_LEN, seg->hdr_len - XTCP_HDR_LEN, &cookie);
	/* ignore a cookie for which we did not ask */
	if (!xsk->syn_fastopen)
		cookie.len = -1;
	xtcp_metrics_set(sk, &cookie, seg->mss ?: xsk->agreed.mss_clamp,
			 xsk->syn_fastopen && resent && cookie.len < 0 && refused);
	if (refused || seg->seq + 1 == seg->end_seq)
		return XTCP_DONE;
	/* a Fast Open client accepts text on the SYN-ACK */
	seg->flags &= ~(XTCP_SYN | XTCP_URG);
	seg->seq++;
	return xtcp_text_arrives(sk, skb);
}

/*
 * With TCP_FASTOPEN_CONNECT, our SYN may wait for the first write, and the peer may open meanwhile.
 * Queues our SYN, unless it is queued already. Return: false without memory. The peer's SYN is
 * dropped then, and comes again: without our SYN in the queue, nothing would ever answer the peer,
 * and no deadline would end the connection.
 */
static noinline_for_stack bool has_own_syn(struct sock *sk)
{
	return !xtcp_sndq_is_empty(sk) || !xtcp_output_queue_syn(sk);
}

/* Both ends have sent a SYN without ACK (RFC 9293 section 3.5). Answers with a SYN-ACK. */
static void both_open(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_snd_offered(&xsk->snd, seg->wnd, seg->seq);
	xtcp_mss_sync(sk, xsk->pmtu);
	/*
	 * with TCP_FASTOPEN_CONNECT, our SYN waits for the first write; the peer's SYN ends this
	 * wait
	 */
	if (xtcp_compat_defers_connect(sk)) {
		xtcp_compat_defer_connect(sk, false);
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
	}
	xtcp_state_set(sk, TCP_SYN_RECV);
	xtcp_output_syn(sk);
}

/**
 * xtcp_handshake_syn_sent() - a segment arrives in SYN-SENT (RFC 9293 section 3.10.7.3)
 * @sk: the sock
 * @skb: the segment
 *
 * Context: softirq, or process (the backlog, BH enabled). Lock: socket, held.
 *
 * Return: the verdict for finish().
 */
noinline_for_stack enum xtcp_verdict xtcp_handshake_syn_sent(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	enum xtcp_verdict verdict = XTCP_DONE;
	struct xtcp_rstdiag told;

	sock_owned_by_me(sk);
	/*
	 * first: check the ACK bit. If the ACK is wrong, finish() answers the segment with a RST,
	 * unless the segment itself is a RST.
	 */
	if (seg->flags & XTCP_ACK) {
		if (xtcp_seq_le(seg->ack, xsk->snd.iss) || xtcp_seq_gt(seg->ack, xsk->snd.nxt)) {
			if (!(seg->flags & XTCP_RST))
				xtcp_timer_syn_refused(sk);
			return XTCP_RESET;
		}
		if (syn_sent_echo_is_foreign(sk, seg)) {
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_PAWSACTIVEREJECTED);
			return XTCP_RESET;
		}
	}

	xtcp_ended_heard(&xsk->ended, seg->flags);

	/*
	 * second: check the RST bit. Only a RST that acknowledges our SYN counts (RFC 5961 section
	 * 3.2).
	 */
	if (seg->flags & XTCP_RST) {
		if (seg->flags & XTCP_ACK) {
			told = xtcp_told_by(sk, skb);
			xtcp_sock_reset(sk, ECONNREFUSED, &told);
		}
		return XTCP_DROP;
	}

	/* the third step, security, is not implemented (RFC 9293 appendix A.1) */

	/* fifth: drop a segment with neither SYN nor RST */
	if (!(seg->flags & XTCP_SYN))
		return XTCP_DROP;

	if (!(seg->flags & XTCP_ACK) && unlikely(xtcp_compat_defers_connect(sk)) && !has_own_syn(sk))
		return XTCP_DROP;

	/*
	 * fourth: check the SYN bit. Data and FIN of the SYN are kept and acknowledged only with
	 * Fast Open; otherwise the peer resends them.
	 */
	take_syn(sk, skb);
	if (!(seg->flags & XTCP_ACK)) {
		both_open(sk, seg);
		return XTCP_DONE;
	}
	if (unlikely(xsk->syn_data)) {
		syn_acked_alone(sk, skb);
	} else {
		xtcp_acked_syn(sk, seg);
		enter_established(sk, skb);
	}
	if (unlikely(seg->flags & XTCP_URG))
		xtcp_urgent_arrives(sk, skb);
	/*
	 * the SYN-ACK needs an ACK. Without AccECN, text that we send below may carry this ACK;
	 * with AccECN, a pure ACK leaves first
	 */
	xtcp_acking_owe_if(&xsk->acking, !(xsk->ecn & XTCP_ECN_ACCURATE));
	/*
	 * the SYN-ACK's ECN field is echoed in a pure ACK, even if data could carry an ACK (RFC
	 * 9768 section 3.2.2.1)
	 */
	if (xsk->ecn & XTCP_ECN_ECHO_SYN_ACK)
		xtcp_bare_ack(sk);
	if (unlikely(xsk->syn_fastopen || xsk->syn_data))
		verdict = take_fast_answer(sk, skb);
	/* data that has waited for the connection carries the ACK */
	if (xtcp_sndq_unsent(sk))
		xtcp_output_push(sk);
	if (!xsk->acking.pending)
		return verdict;
	/*
	 * delay the ACK if data will probably follow soon and carry the ACK: if the program has set
	 * TCP_DEFER_ACCEPT, or has set TCP_QUICKACK to 0, or if the call that opens the connection
	 * has more data
	 */
	if (xsk->defer_accept || xsk->acking.pingpong || xtcp_fastsyn_has_more(sk))
		xtcp_timer_ack_owed(sk, msecs_to_jiffies(XTCP_DELACK_MAX_MS));
	else if (verdict == XTCP_DONE && !xsk->syn_fastopen && !xsk->syn_data)
		xtcp_acks_of_syn(sk);
	else
		xtcp_bare_ack(sk);
	return verdict;
}

/*
 * Sends the FIN if the program has called CLOSE in SYN-RECEIVED: such a FIN waits for ESTABLISHED
 * (RFC 9293 section 3.10.4).
 */
static void close_if_asked(struct sock *sk)
{
	if (!(sk->sk_shutdown & SEND_SHUTDOWN))
		return;
	xtcp_state_set(sk, TCP_FIN_WAIT1);
	xtcp_output_fin(sk);
}

/*
 * Process the ACK that ends the handshake of a Fast Open connection in SYN-RECEIVED (RFC 7413). @sk
 * belongs to the server, or to a client whose SYN with text crossed the peer's SYN. If @sk has sent
 * text, the ACK may cover all of this text, a part of it, or nothing.
 */
static noinline_for_stack enum xtcp_verdict check_ack_fast(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/*
	 * The ISN of a SYN-ACK stays the same for a while (secret.c), so an ACK of an earlier
	 * connection could complete this handshake. The old timestamp in such an ACK shows that the
	 * ACK belongs to the earlier connection.
	 */
	if (xsk->fastopen && syn_sent_echo_is_foreign(sk, seg)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_PAWSESTABREJECTED);
		return xtcp_acceptance_refuse(sk, seg, LINUX_MIB_TCPACKSKIPPEDSYNRECV);
	}
	if (xsk->ecn & XTCP_ECN_ACCURATE)
		xtcp_accecn_take_third_ack(sk, skb);
	xtcp_acceptance_take_ts(sk, seg);
	if (xsk->fastopen)
		xtcp_fastopen_over(sk, false);
	syn_acked_alone(sk, skb);
	if (xsk->syn_data) {
		/*
		 * do this before the FIN is queued, since the FIN would look like unacknowledged
		 * text
		 */
		judge_syn_text(sk, skb);
		close_if_asked(sk);
		return XTCP_CONTINUE;
	}
	close_if_asked(sk);
	if (seg->ack == xsk->snd.una && !seg->sack_blocks)
		return XTCP_CONTINUE;
	return xtcp_ack_arrives(sk, skb);
}

/**
 * xtcp_handshake_check_ack() - step five, check the ACK field, in SYN-RECEIVED
 * @sk: a sock that was made from a listener's half-open entry or by the SYN of a Fast Open, or that
 *	is in a simultaneous open
 * @skb: the segment, which is acceptable and carries ACK
 *
 * RFC 9293 section 3.10.7.4, fifth.
 *
 * Context: softirq, or process (the backlog, BH enabled). Lock: socket, held.
 *
 * Return: XTCP_CONTINUE when the connection is established; XTCP_RESET when the ACK is wrong. With
 * Fast Open also XTCP_ACK_DROP or XTCP_DROP, when the ACK belongs to an earlier connection.
 */
enum xtcp_verdict xtcp_handshake_check_ack(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xtcp_seq_le(seg->ack, xsk->snd.una) || xtcp_seq_gt(seg->ack, xsk->snd.nxt))
		return XTCP_RESET;
	if (unlikely(xsk->fastopen || xsk->syn_data))
		return check_ack_fast(sk, skb);
	if (xsk->ecn & XTCP_ECN_ACCURATE)
		xtcp_accecn_take_third_ack(sk, skb);
	xtcp_acceptance_take_ts(sk, seg);
	xtcp_acked_syn(sk, seg);
	enter_established(sk, skb);
	close_if_asked(sk);
	return XTCP_CONTINUE;
}
