// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES (RFC 9293 section 3.10.7), in the RFC's order.
 *
 *   3.10.7.1 CLOSED     arrives_closed(). A segment for a tuple without any socket never comes here:
 *                       kernel TCP answers it
 *   3.10.7.2 LISTEN     xtcp_arrives_listen(), in listen/. synq.c makes the half-open entries,
 *                       halfopen.c makes socks of them
 *   3.10.7.3 SYN-SENT   xtcp_handshake_syn_sent()
 *   3.10.7.4 others     arrives_other() calls a function for each of the eight steps, except the
 *                       third, security, which is not implemented (appendix A.1). The first and
 *                       the fifth are in acks.c. When a listener has got the SYN, halfopen.c
 *                       handles SYN-RECEIVED until the handshake's last ACK, except with Fast
 *                       Open (fastopen.c). timewait.c handles TIME-WAIT
 *
 * Except for steps six and eight, a step returns a verdict, which finish() carries out, in one
 * place. A step frees the segment only if it has taken its text or its FIN.
 *
 * A RST may have any text (RFC 9293 section 3.5.3, SHLD-2). The diagnostic payload
 * (draft-ietf-tcpm-rst-diagnostic-payload-03, section 4.2) is read after the RST was judged, and
 * only for traces and diagnosis.
 */
#include <net/busy_poll.h>

#include "arrive/arrive.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "send/send.h"
#include "sight/sight.h"
#include "sock/create.h"

static noinline_for_stack void trace_told(const struct sock *sk, const struct xtcp_rstdiag *told)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	trace_xtcp_rst_diagnostic(sock_net(sk), &tuple, false, told->code, told->pen);
}

/* once, since a fragment's page may change between two reads */
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

/* The reason that a RST gives. Its code is 0 if there is none, or if the payload is malformed. */
static struct xtcp_rstdiag xtcp_told_by(const struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_rstdiag told = { };

	if (unlikely(seg->len))
		read_text(sk, skb, seg, &told);
	return told;
}

/*
 * The options of the peer's SYN (RFC 9293 section 3.7.1; RFC 7323 sections 1.3 and 2.5; RFC 2018
 * section 2). wscale_ok, ts_ok and sack_ok say what our SYN offered, afterwards what is in use.
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
	/* the peer has not offered window scaling */
	if (!agreed->wscale_ok) {
		xsk->rcv_wscale = 0;
		xsk->window_clamp = min(xsk->window_clamp, XTCP_WINDOW_MAX_UNSCALED);
	}
	if (agreed->ts_ok)
		xtcp_paws_take(&xsk->paws, seg->tsval);
}

/* IRS and RCV.NXT of a SYN (RFC 9293 3.10.7.3, fourth). The caller computes the MSS. */
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

static void segment_received(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xsk->rcv_tstamp = (u32)jiffies;
	xtcp_tries_answered(&xsk->tries.keepalive_sent);
}

/* the end of each kind of handshake (RFC 9293 section 3.5) */
static void enter_established(struct sock *sk, struct sk_buff *skb)
{
	security_inet_conn_established(sk, skb);
	xtcp_state_set(sk, TCP_ESTABLISHED);
	segment_received(sk);
	/* as in Linux: before the first text, the handshake counts as the last time of text */
	xtcp_sk(sk)->snd_tstamp = xtcp_clock_stamp();
	xtcp_keepalive_changed(sk, 0);
	sk->sk_state_change(sk);
	if (sk->sk_socket)
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

/* RFC 7323 section 3.2: an echo older than our SYN or SYN-ACK is of an earlier connection. */
static bool syn_sent_echo_is_foreign(const struct sock *sk, const struct xtcp_seg *seg)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_ts_of(xsk->arrived_us) + xsk->snd.ts_offset;
	u32 first = xsk->tries.retrans_stamp ? xsk->tries.retrans_stamp + xsk->snd.ts_offset : now;

	if (!xsk->agreed.ts_ok || !seg->has_ts || !seg->tsecr || !xsk->tries.retrans_stamp)
		return false;
	return !xtcp_seq_between(first, seg->tsecr, now);
}

/* The ACK of our SYN; judge_syn_text() processes that of the text on it. */
static noinline_for_stack void syn_acked_alone(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_seg syn = *xtcp_seg(skb);

	syn.ack = xtcp_sk(sk)->snd.iss + 1;
	xtcp_acked_syn(sk, &syn);
	enter_established(sk, skb);
}

/*
 * The ACK of the text on our SYN (RFC 7413 section 4.2.2, "Client: Receiving SYN-ACK"). If it does
 * not cover all of it, resend the rest at once, in a segment that also acknowledges the peer's SYN.
 */
static void judge_syn_text(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *text = xtcp_sndq_first(sk);

	if (xtcp_seg(skb)->ack != xsk->snd.una) {
		/* the rest is resent with the peer's MSS, which is known only now */
		if (text)
			xtcp_sndcb(text)->mss = min_t(u32, xtcp_sndcb(text)->mss, xsk->mss);
		xtcp_ack_arrives(sk, skb);
	}
	xsk->syn_data_acked = xsk->snd.una == xsk->snd.nxt;
	if (xsk->syn_data_acked) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVE);
		/* SYN and text were one segment, whatever the MSS; TCP_INFO adds that of the SYN */
		xsk->stream->delivered_segments = 0;
		return;
	}
	xsk->fastopen_client_fail = xsk->total_retrans ? TFO_SYN_RETRANSMITTED : TFO_DATA_NOT_ACKED;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVEFAIL);
	xtcp_repair_syn_text_refused(sk);
}

/*
 * Acknowledges the SYN-ACK. A program that waits in connect() may write at once: for XTCP_ANSWER_MS
 * its data may carry the ACK (RFC 9293 section 3.8.6.3, MUST-40). A peer on this machine gets the
 * ACK at once: the same program may wait for it in accept().
 */
static void ack_syn(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const bool asked = READ_ONCE(xsk->acking.app_expects_reply);

	xtcp_acking_expect_reply(&xsk->acking, false);
	if (!asked || xsk->quickack_asked || xtcp_ip_is_local(sk)) {
		xtcp_send_ack(sk);
		return;
	}
	xtcp_acking_hold_for_app(&xsk->acking);
	xtcp_timer_ack_scheduled(sk, msecs_to_jiffies(XTCP_ANSWER_MS));
}

/*
 * The answer to a SYN with text or the Fast Open option: the ACK of the text, the cookie, and text
 * on the SYN-ACK. If our SYN had both and was resent, and the answer has no Fast Open option and
 * does not acknowledge all of the text, the network probably drops such SYNs: fastopen.c notes it.
 */
static noinline_for_stack enum xtcp_verdict take_fast_answer(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_fastopen_cookie cookie;
	/* judge_syn_text() may resend text and so increase total_retrans */
	const bool resent = xsk->total_retrans;
	bool refused = false;

	if (xsk->syn_data) {
		judge_syn_text(sk, skb);
		refused = !xsk->syn_data_acked;
	}
	xtcp_options_find_fastopen(skb->data + XTCP_HDR_LEN, seg->hdr_len - XTCP_HDR_LEN, &cookie);
	/* for which we did not ask */
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

/* Both ends have sent a SYN without ACK (RFC 9293 section 3.5). */
static void both_open(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_snd_offered(&xsk->snd, seg->wnd, seg->seq);
	xtcp_mss_sync(sk, xsk->pmtu);
	/* the peer's SYN ends the wait for the first write (TCP_FASTOPEN_CONNECT) */
	if (xtcp_compat_defers_connect(sk)) {
		xtcp_compat_defer_connect(sk, false);
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
	}
	xtcp_state_set(sk, TCP_SYN_RECV);
	xtcp_output_syn(sk);
}

/* RFC 9293 section 3.10.7.3. */
static noinline_for_stack enum xtcp_verdict xtcp_handshake_syn_sent(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	const struct xtcp_fastsyn *fast = xtcp_sock_fastsyn(xtcp_sk(sk));
	struct xtcp_sock *xsk = xtcp_sk(sk);
	enum xtcp_verdict verdict = XTCP_DONE;
	struct xtcp_rstdiag told;

	/* first: check the ACK bit. A wrong ACK gets a RST, unless the segment is one */
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

	/* second: a RST counts only if it acknowledges our SYN (RFC 5961 section 3.2) */
	if (seg->flags & XTCP_RST) {
		if (seg->flags & XTCP_ACK) {
			told = xtcp_told_by(sk, skb);
			xtcp_sock_reset(sk, ECONNREFUSED, &told);
		}
		return XTCP_DROP;
	}

	/* fifth: drop a segment with neither SYN nor RST */
	if (!(seg->flags & XTCP_SYN))
		return XTCP_DROP;

	/*
	 * with TCP_FASTOPEN_CONNECT, our SYN may wait for the first write: queue it, or nothing
	 * would answer the peer's, and no deadline end this. Without memory, the peer's comes again
	 */
	if (!(seg->flags & XTCP_ACK) && unlikely(xtcp_compat_defers_connect(sk)) && xtcp_sndq_is_empty(sk) &&
	    xtcp_output_queue_syn(sk))
		return XTCP_DROP;

	/* fourth: the SYN bit. Only with Fast Open its data and FIN count; else they come again */
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
	/* text that we send below may carry the ACK; with AccECN, a pure ACK leaves first */
	xtcp_acking_owe_if(&xsk->acking, !(xsk->ecn & XTCP_ECN_ACCURATE));
	/* the SYN-ACK's ECN field is echoed in a pure ACK (RFC 9768 section 3.2.2.1) */
	if (xsk->ecn & XTCP_ECN_ECHO_SYN_ACK)
		xtcp_send_ack(sk);
	if (unlikely(xsk->syn_fastopen || xsk->syn_data))
		verdict = take_fast_answer(sk, skb);
	/* data that has waited for the connection carries the ACK */
	if (xtcp_sndq_unsent(sk))
		xtcp_output_push(sk);
	if (!xsk->acking.pending)
		return verdict;
	/* data will carry the ACK: TCP_DEFER_ACCEPT, TCP_QUICKACK of 0, or more data of the opening call */
	if (xsk->defer_accept || xsk->acking.pingpong || (fast && fast->copied < fast->size))
		xtcp_timer_ack_scheduled(sk, msecs_to_jiffies(XTCP_DELACK_MAX_MS));
	else if (verdict == XTCP_DONE && !xsk->syn_fastopen && !xsk->syn_data)
		ack_syn(sk);
	else
		xtcp_send_ack(sk);
	return verdict;
}

/* A FIN of CLOSE in SYN-RECEIVED waits for ESTABLISHED (RFC 9293 section 3.10.4). */
static void close_if_asked(struct sock *sk)
{
	if (!(sk->sk_shutdown & SEND_SHUTDOWN))
		return;
	xtcp_state_set(sk, TCP_FIN_WAIT1);
	xtcp_output_fin(sk);
}

/*
 * The ACK that ends the handshake of a Fast Open connection in SYN-RECEIVED (RFC 7413), of a
 * server, or of a client whose SYN with text crossed the peer's. It may cover all our text, or not.
 */
static noinline_for_stack enum xtcp_verdict check_ack_fast(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/* our ISN stays the same for a while (secret.c): only its timestamp betrays an ACK of an earlier connection */
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
		/* before the FIN is queued, which would look like unacknowledged text */
		judge_syn_text(sk, skb);
		close_if_asked(sk);
		return XTCP_CONTINUE;
	}
	close_if_asked(sk);
	if (seg->ack == xsk->snd.una && !seg->sack_blocks)
		return XTCP_CONTINUE;
	return xtcp_ack_arrives(sk, skb);
}

/*
 * Step five, the ACK field, in SYN-RECEIVED: after a half-open entry, with Fast Open, or in a
 * simultaneous open. With Fast Open also XTCP_ACK_DROP or XTCP_DROP: an earlier connection's ACK.
 */
static enum xtcp_verdict xtcp_handshake_check_ack(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

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

/*
 * While this segment waited for the lock, another connection may have replaced the sock in the table.
 * A TIME-WAIT record processes it now; for any other connection the peer resends it.
 */
static noinline_for_stack bool arrives_successor(const struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_demux_key key = {
		.tuple = xtcp_conn_tuple(&xtcp_sk(sk)->conn),
		.dif = xtcp_seg(skb)->dif,
		.sdif = xtcp_seg(skb)->sdif,
	};
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_conn *conn;

	local_bh_disable();
	rcu_read_lock();
	key.hash = xtcp_demux_hash(xn, &key.tuple);
	conn = xtcp_demux_lookup(xn, &key);
	if (conn && conn->kind == XTCP_CONN_TIMEWAIT)
		xtcp_timewait_arrives(xn, container_of(conn, struct xtcp_timewait, conn), skb, NULL);
	rcu_read_unlock();
	local_bh_enable();
	return conn;
}

/* RFC 9293 section 3.10.7.1. A SYN that met the end of its sock gets no RST: the next one finds the listener. */
static enum xtcp_verdict arrives_closed(const struct sock *sk, struct sk_buff *skb)
{
	if (arrives_successor(sk, skb) || xtcp_seg_is_syn_alone(xtcp_seg(skb)))
		return XTCP_DROP;
	/* a listener now, without the earlier connection's traffic keys to sign a RST */
	if (sk->sk_state == TCP_LISTEN && unlikely(xtcp_ao_of(sk)))
		return XTCP_DROP;
	return xtcp_seg(skb)->flags & XTCP_RST ? XTCP_DROP : XTCP_RESET;
}

/* Second: RST. In the window but not at RCV.NXT, it gets a challenge ACK (RFC 5961 section 3.2). */
static enum xtcp_verdict check_rst(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_rstdiag told;

	if (!(seg->flags & XTCP_RST))
		return XTCP_CONTINUE;
	if (!xtcp_acceptance_rst_counts(sk, seg)) {
		/* in_window() accepts the right edge itself, which is outside for RFC 5961 */
		if (seg->seq == xsk->rcv.wup + xsk->rcv.wnd)
			return XTCP_DROP;
		/* no data since the Fast Open: a middlebox may have dropped the SYN's text, so this RST (RFC 7413) */
		if (unlikely(xsk->syn_fastopen) && !xsk->data_segs_in && sk->sk_state == TCP_ESTABLISHED)
			xtcp_fastsyn_black_hole(sk);
		return XTCP_CHALLENGE;
	}
	told = xtcp_told_by(sk, skb);
	/* as in Linux, ECONNREFUSED also after a simultaneous open */
	switch (sk->sk_state) {
	case TCP_SYN_RECV:
		if (!xsk->fastopen) {
			xtcp_sock_reset(sk, ECONNREFUSED, &told);
			break;
		}
		xtcp_fastopen_over(sk, true);
		xtcp_sock_reset(sk, ECONNRESET, &told);
		break;
	case TCP_CLOSE_WAIT:
		xtcp_sock_reset(sk, EPIPE, &told);
		break;
	default:
		xtcp_sock_reset(sk, ECONNRESET, &told);
		break;
	}
	return XTCP_DONE;
}

/* Fourth: SYN. With two exceptions, it gets a challenge ACK (RFC 5961 section 4.2). */
static enum xtcp_verdict check_syn(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!(seg->flags & XTCP_SYN))
		return XTCP_CONTINUE;
	/* the SYN of a Fast Open comes again; for the SYN of an entry, see halfopen.c */
	if (xsk->fastopen && sk->sk_state == TCP_SYN_RECV && !(seg->flags & XTCP_ACK) && seg->seq == xsk->rcv.irs) {
		if (!xtcp_acklimit_refuses(xtcp_net_of(sk), seg, LINUX_MIB_TCPACKSKIPPEDSYNRECV, &xsk->acklimit.stamp))
			xtcp_retransmit_segment(sk, xtcp_sndq_first(sk), xsk->mss);
		return XTCP_DROP;
	}
	/* the SYN-ACK that ends a simultaneous open (RFC 9293 figure 7, line 6); its ACK may leave out our text */
	if (sk->sk_state == TCP_SYN_RECV && seg->flags & XTCP_ACK && seg->seq + 1 == xsk->rcv.nxt &&
	    seg->end_seq == xsk->rcv.nxt &&
	    xtcp_seq_between(xsk->syn_data ? xsk->snd.iss + 1 : xsk->snd.nxt, seg->ack, xsk->snd.nxt))
		return XTCP_CONTINUE;
	if (unlikely(xsk->ecn & XTCP_ECN_ACCURATE))
		xtcp_accecn_syn_ack_again(sk, skb);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPSYNCHALLENGE);
	return XTCP_CHALLENGE;
}

/* few segments have these bits */
static noinline_for_stack enum xtcp_verdict check_rst_and_syn(struct sock *sk, struct sk_buff *skb)
{
	enum xtcp_verdict verdict = check_rst(sk, skb);

	return verdict == XTCP_CONTINUE ? check_syn(sk, skb) : verdict;
}

/* The peer has acknowledged our FIN. */
static enum xtcp_verdict enter_fin_wait2(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_state_set(sk, TCP_FIN_WAIT2);
	xsk->stream->fin_tstamp = xtcp_clock_stamp();
	sk_dst_confirm(sk);
	if (!sock_flag(sk, SOCK_DEAD)) {
		xtcp_keepalive_limit_idle(sk);
		sk->sk_state_change(sk);
		return XTCP_CONTINUE;
	}
	/* the program does not wait for the peer's FIN */
	if (xsk->linger2 < 0) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONDATA);
		xtcp_sock_abort(sk, 0, XTCP_ABORT_LINGER2);
		return XTCP_DONE;
	}
	return XTCP_CONTINUE;
}

/* ESTABLISHED is the usual state */
static noinline_for_stack enum xtcp_verdict check_ack_of_fin(struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_FIN_WAIT1:
		if (xtcp_acked_fin(sk))
			return enter_fin_wait2(sk);
		break;
	case TCP_CLOSING:
		if (xtcp_acked_fin(sk)) {
			xtcp_sock_leave_record(sk, TCP_TIME_WAIT);
			return XTCP_DONE;
		}
		break;
	case TCP_LAST_ACK:
		if (xtcp_acked_fin(sk)) {
			xtcp_sock_done(sk);
			return XTCP_DONE;
		}
		break;
	}
	return XTCP_CONTINUE;
}

/* Fifth: ACK. */
static enum xtcp_verdict check_ack(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	enum xtcp_verdict verdict;

	if (!(seg->flags & XTCP_ACK))
		return XTCP_DROP;
	if (sk->sk_state == TCP_SYN_RECV)
		return xtcp_handshake_check_ack(sk, skb);

	verdict = xtcp_ack_arrives(sk, skb);
	if (verdict != XTCP_CONTINUE)
		return verdict;
	xtcp_acceptance_take_ts(sk, seg);
	return likely(sk->sk_state == TCP_ESTABLISHED) ? XTCP_CONTINUE : check_ack_of_fin(sk);
}

/* Sixth: URG. After the peer's FIN no more urgent data can come. */
static inline void check_urg(struct sock *sk, struct sk_buff *skb)
{
	if (likely(!(xtcp_seg(skb)->flags & XTCP_URG) && xtcp_sk(sk)->urgent.data != XTCP_URGENT_AWAITED))
		return;
	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		xtcp_urgent_arrives(sk, skb);
		break;
	}
}

/* in a state that is not ESTABLISHED */
static noinline_for_stack enum xtcp_verdict check_late_text(struct sock *sk, const struct xtcp_seg *seg)
{
	switch (sk->sk_state) {
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		/* new data, which nobody can read (RFC 9293 3.6.1, SHLD-3); with a FIN beyond a hole, it is to come */
		if (sk->sk_shutdown & RCV_SHUTDOWN && seg->seq != seg->end_seq &&
		    xtcp_seq_gt(seg->end_seq - !!(seg->flags & XTCP_FIN), xtcp_sk(sk)->rcv.nxt)) {
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONDATA);
			if (unlikely(xtcp_sk(sk)->syn_fastopen) && seg->flags & XTCP_FIN)
				xtcp_fastsyn_black_hole(sk);
			xtcp_sock_fail(sk, ECONNRESET, XTCP_ABORT_LATE_DATA);
			return XTCP_ABORTED;
		}
		return XTCP_CONTINUE;
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		/* ignore text behind the peer's FIN. Other text came again: it needs an ACK */
		return xtcp_seq_lt(seg->seq, xtcp_sk(sk)->rcv.nxt) ? XTCP_CONTINUE : XTCP_DONE;
	default:
		return XTCP_DONE;
	}
}

/* Seventh: the text. */
static enum xtcp_verdict process_text(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	enum xtcp_verdict verdict;

	if (unlikely(sk->sk_state != TCP_ESTABLISHED)) {
		verdict = check_late_text(sk, seg);
		if (verdict != XTCP_CONTINUE)
			return verdict;
	}
	if (seg->seq == seg->end_seq)
		return XTCP_DONE;
	return xtcp_text_arrives(sk, skb);
}

/* Eighth: RCV.NXT has passed a FIN, of this segment or of one in the out-of-order queue. */
static void process_fin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	xtcp_acking_owe(&xsk->acking);

	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
		xtcp_state_set(sk, TCP_CLOSE_WAIT);
		xtcp_keepalive_limit_idle(sk);
		/* the program's own FIN may carry the ACK, as in Linux */
		xtcp_acking_interactive(&xsk->acking, true);
		break;
	case TCP_FIN_WAIT1:
		/* our FIN is unacknowledged: otherwise step five would have left FIN-WAIT-1 */
		xtcp_send_ack(sk);
		xtcp_state_set(sk, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT2:
		xtcp_send_ack(sk);
		xtcp_sock_leave_record(sk, TCP_TIME_WAIT);
		return;
	default:
		return;
	}
	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	if (sk->sk_shutdown == SHUTDOWN_MASK)
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
	else
		sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
}

/* most connections have no ECN */
static noinline void take_marks(struct sock *sk, struct sk_buff *skb)
{
	if (xtcp_sk(sk)->acking.pending && xtcp_ecn_ce_changed(sk, xtcp_seg(skb)))
		xtcp_send_ack(sk);
	xtcp_ecn_take(sk, skb);
}

/* RFC 9293 section 3.10.7.4 */
static enum xtcp_verdict arrives_other(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	enum xtcp_verdict verdict;

	verdict = xtcp_acceptance_check(sk, seg);
	if (verdict != XTCP_CONTINUE)
		return verdict;
	xtcp_ended_heard(&xtcp_sk(sk)->ended, seg->flags);
	if (unlikely(seg->flags & (XTCP_RST | XTCP_SYN))) {
		verdict = check_rst_and_syn(sk, skb);
		if (verdict != XTCP_CONTINUE)
			return verdict;
	}
	verdict = check_ack(sk, skb);
	if (verdict != XTCP_CONTINUE)
		return verdict;
	segment_received(sk);
	if (unlikely(xtcp_sk(sk)->ecn))
		take_marks(sk, skb);
	check_urg(sk, skb);
	verdict = process_text(sk, skb);
	if (verdict == XTCP_FIN_TAKEN)
		process_fin(sk);
	return verdict;
}

/* In FIN-WAIT-2, if the program has closed the socket, a record replaces the sock (timewait.c). */
static noinline_for_stack void finish_late_input(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	switch (sk->sk_state) {
	case TCP_CLOSE:
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return;
	case TCP_FIN_WAIT2:
		if (!sock_flag(sk, SOCK_DEAD)) {
			xtcp_acks_schedule(sk);
			return;
		}
		if (xsk->acking.pending)
			xtcp_send_ack(sk);
		/* close() aborts the connection, and may call this for a segment of the backlog */
		if (xsk->linger2 >= 0)
			xtcp_sock_leave_record(sk, TCP_FIN_WAIT2);
		return;
	default:
		/* also a FIN for which there was no memory */
		xtcp_output_push(sk);
		xtcp_sndbuf_wake(sk);
		if (xsk->acking.pending)
			xtcp_acks_schedule(sk);
	}
}

/* data that may leave now, and the pending ACK */
static __always_inline void finish_input(struct sock *sk)
{
	if (unlikely(sk->sk_state != TCP_ESTABLISHED)) {
		finish_late_input(sk);
		return;
	}
	if (xtcp_sndq_unsent(sk))
		xtcp_output_push(sk);
	xtcp_sndbuf_wake(sk);
	if (xtcp_sk(sk)->acking.pending)
		xtcp_acks_schedule(sk);
}

/*
 * A segment may be forged (RFC 5961). Each connection has limits of its own (section 7), so that an
 * attacker learns nothing by those of another. The namespace may add one (challenge_ack_limit).
 */
static void challenge_ack(struct sock *sk)
{
	u32 apart = READ_ONCE(xtcp_net_of(sk)->sysctl.invalid_ratelimit);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_stamp();

	if (xtcp_acklimit_is_early(&xsk->acklimit, now, apart)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPACKSKIPPEDCHALLENGE);
		return;
	}
	if (!xtcp_acklimit_challenge(&xsk->acklimit, now) || !xtcp_acklimit_net_challenge(xtcp_net_of(sk)))
		return;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPCHALLENGEACK);
	xtcp_send_ack(sk);
}

static void finish(struct sock *sk, struct sk_buff *skb, enum xtcp_verdict verdict)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);

	/* text has come: the usual case */
	if (likely(verdict == XTCP_CONSUMED || verdict == XTCP_FIN_TAKEN)) {
		finish_input(sk);
		return;
	}
	switch (verdict) {
	case XTCP_CONSUMED:
	case XTCP_FIN_TAKEN:
	case XTCP_CONTINUE:
	case XTCP_DONE:
		finish_input(sk);
		break;
	case XTCP_DROP:
		xtcp_blackbox_refused(sk, verdict);
		break;
	case XTCP_ACK_DROP:
		xtcp_blackbox_refused(sk, verdict);
		xtcp_send_ack(sk);
		break;
	case XTCP_CHALLENGE:
		xtcp_blackbox_refused(sk, verdict);
		challenge_ack(sk);
		/* no later ACK may echo the SYN-ACK's ECN field, even if the rate limit has stopped this one */
		xtcp_sk(sk)->ecn &= ~XTCP_ECN_ECHO_SYN_ACK;
		break;
	case XTCP_RESET:
		xtcp_blackbox_refused(sk, verdict);
		if (!(seg->flags & XTCP_RST))
			xtcp_reply_rst_for(sk, NULL, skb, 0);
		break;
	case XTCP_ABORTED:
		xtcp_blackbox_refused(sk, XTCP_RESET);
		xtcp_reply_rst_for(sk, NULL, skb, xtcp_send_rst_code(sk, seg->ack, xtcp_sk(sk)->ended.reason));
		break;
	}
	consume_skb(skb);
}

/**
 * xtcp_arrives() - SEGMENT ARRIVES for a full sock (RFC 9293 section 3.10.7)
 * @sk: the sock; in LISTEN only if the segment waited in its backlog. The caller holds a
 *	reference, since an orphan may end here
 * @skb: the segment, which ingress.c has checked; consumed
 * Return: 0.
 */
int xtcp_arrives(struct sock *sk, struct sk_buff *skb)
{
	enum xtcp_verdict verdict;

	sock_owned_by_me(sk);
	xtcp_sk(sk)->arrived_us = xtcp_clock_us();
	xtcp_blackbox_in(sk, skb);
	switch (sk->sk_state) {
	case TCP_CLOSE:
	case TCP_LISTEN:	/* a segment from before listen(): as in CLOSED */
		verdict = arrives_closed(sk, skb);
		break;
	case TCP_SYN_SENT:
		verdict = xtcp_handshake_syn_sent(sk, skb);
		if (unlikely(verdict == XTCP_FIN_TAKEN))
			process_fin(sk);
		break;
	default:
		verdict = arrives_other(sk, skb);
		break;
	}
	finish(sk, skb, verdict);
	return 0;
}

/*
 * The SYN of a Fast Open (RFC 7413 section 4.2.2), on the sock that it made. Its text is processed
 * as if the handshake were over. Its window is not scaled (RFC 7323 section 2.2).
 */
static void xtcp_arrives_fast(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xsk->arrived_us = xtcp_clock_us();
	xtcp_blackbox_in(sk, skb);
	xtcp_snd_offered(&xsk->snd, seg->wnd, seg->seq);
	xtcp_cong_start(sk, false);
	xtcp_algorithms_start(sk);
	segment_received(sk);
	/* urgent data is processed only from ESTABLISHED on */
	seg->flags &= ~(XTCP_SYN | XTCP_URG);
	seg->seq++;
	if (xtcp_text_arrives(sk, skb) == XTCP_DONE)
		consume_skb(skb);
	else
		xsk->syn_data_acked = true;
	xtcp_output_syn(sk);
}

/* @after_syn: no sock has counted the SYN before @skb, so count it, as in Linux. */
static void xtcp_arrives_count_first(struct sock *child, struct sk_buff *skb, bool after_syn)
{
	const u32 segments = max_t(u16, 1, skb_shinfo(skb)->gso_segs);

	if (after_syn)
		xtcp_sock_count_in(xtcp_sk(child), 1, false);
	xtcp_sock_count_in(xtcp_sk(child), segments, xtcp_seg(skb)->len);
}

/**
 * xtcp_arrives_child() - process a handshake's last ACK on the sock that was made for it
 * @skb: the ACK; consumed
 * @lsk: the listener, whose accept() is woken once the child has left SYN-RECEIVED
 * @child: the new sock, locked by bh_lock_sock() and held; unlocked and put here
 * Context: softirq, RCU read side. Lock: @child's, released here.
 */
void xtcp_arrives_child(struct sk_buff *skb, struct sock *lsk, struct sock *child)
{
	bool up;

	sock_owned_by_me(child);
	__acquire(&child->sk_lock.slock);	/* locked by xtcp_sock_clone() */
	xtcp_early_learn(child, skb);
	xtcp_arrives_detach(skb);
	sk_mark_napi_id(child, skb);
	xtcp_arrives_count_first(child, skb, true);
	xtcp_arrives(child, skb);
	up = child->sk_state != TCP_SYN_RECV;
	bh_unlock_sock(child);
	if (up)
		lsk->sk_data_ready(lsk);
	sock_put(child);	/* held by xtcp_sock_clone() */
}

/* The same for the SYN of a Fast Open (RFC 7413 section 4.2.2). */
void xtcp_arrives_fast_child(struct sk_buff *skb, struct sock *lsk, struct sock *child)
{
	sock_owned_by_me(child);
	__acquire(&child->sk_lock.slock);	/* locked by xtcp_sock_clone() */
	xtcp_arrives_detach(skb);
	sk_mark_napi_id(child, skb);
	xtcp_arrives_count_first(child, skb, false);
	xtcp_arrives_fast(child, skb);
	bh_unlock_sock(child);
	lsk->sk_data_ready(lsk);
	sock_put(child);	/* held by xtcp_sock_clone() */
}
