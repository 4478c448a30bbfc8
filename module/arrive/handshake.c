// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake of a sock: SYN-SENT (RFC 9293 section 3.10.7.3), and the ACK that ends SYN-RECEIVED. What a listener
 * does before there is a sock is synq.c.
 */
#include "arrive/handshake.h"

#include <linux/security.h>
#include <net/tcp.h>

#include "arrive/acceptance.h"
#include "arrive/ack.h"
#include "base/metrics.h"
#include "base/netns.h"
#include "base/sock.h"
#include "base/state.h"
#include "compat.h"
#include "cong/accecn.h"
#include "cong/ecn.h"
#include "in/ingress.h"
#include "listen/fastopen.h"
#include "loss/recovery.h"
#include "pure/options.h"
#include "pure/seq.h"
#include "recv/space.h"
#include "recv/text.h"
#include "recv/urgent.h"
#include "send/fastsyn.h"
#include "send/mss.h"
#include "send/output.h"
#include "send/sndq.h"
#include "sight/mib.h"
#include "time/timer.h"

/*
 * The options of the peer's SYN (RFC 9293 section 3.7.1; RFC 7323 sections 1.3 and 2.5; RFC 2018 section 2): what only
 * one end offered is not used. Our own offer stands in wscale_ok, ts_ok and sack_ok.
 */
static void take_syn_options(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u16 mss_default = xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;

	xsk->mss_clamp = seg->mss ?: mss_default;
	if (xsk->user_mss && xsk->user_mss < xsk->mss_clamp)
		xsk->mss_clamp = xsk->user_mss;
	xsk->wscale_ok = xsk->wscale_ok && seg->has_wscale;
	if (xsk->wscale_ok) {
		xsk->snd_wscale = seg->wscale;
	} else {
		xsk->snd_wscale = 0;
		xsk->rcv_wscale = 0;
		xsk->window_clamp = min(xsk->window_clamp, XTCP_WINDOW_MAX_UNSCALED);
	}
	xsk->ts_ok = xsk->ts_ok && seg->has_ts;
	if (xsk->ts_ok) {
		xsk->ts_recent = seg->tsval;
		xsk->ts_recent_stamp = xtcp_clock_seconds();
	}
	xsk->sack_ok = xsk->sack_ok && seg->sack_permitted;
}

/* RCV.NXT and IRS from a SYN (RFC 9293 3.10.7.3, fourth). The MSS that it allows is computed with the window's. */
static void take_syn(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	take_syn_options(sk, seg);
	xtcp_ecn_take_syn(sk, skb);
	xsk->irs = seg->seq;
	xsk->rcv_nxt = seg->seq + 1;
	xsk->rcv_wup = xsk->rcv_nxt;
	xsk->copied_seq = xsk->rcv_nxt;
	xtcp_space_begin(sk);
}

/* The connection is up, by whichever way (RFC 9293 section 3.5). */
static void enter_established(struct sock *sk, struct sk_buff *skb)
{
	security_inet_conn_established(sk, skb);
	/* the user may look at the state without the lock: what belongs to it comes first */
	smp_mb();
	xtcp_state_set(sk, TCP_ESTABLISHED);
	xtcp_timer_established(sk);
	sk->sk_state_change(sk);
	if (sk->sk_socket)
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

/* RFC 7323 section 3.2: an echo of something sent before our SYN or SYN-ACK belongs to an earlier connection. */
static bool syn_sent_echo_is_foreign(const struct sock *sk, const struct xtcp_seg *seg)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_ts_of(xsk->arrived_us) + xsk->ts_offset;
	u32 first = xsk->retrans_stamp ? xsk->retrans_stamp + xsk->ts_offset : now;

	if (!xsk->ts_ok || !seg->has_ts || !seg->tsecr || !xsk->retrans_stamp)
		return false;
	return !xtcp_seq_between(first, seg->tsecr, now);
}

/* The SYN alone; what its text met is looked at afterwards. */
static noinline_for_stack void syn_acked_alone(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_seg syn = *xtcp_seg(skb);

	syn.ack = xtcp_sk(sk)->iss + 1;
	xtcp_ack_syn_acked(sk, &syn);
	enter_established(sk, skb);
}

/*
 * What became of the text on our SYN (RFC 7413 section 4.2.2, "Client: Receiving SYN-ACK"). What is not acknowledged of
 * it goes again at once, and acknowledges what came.
 */
static void judge_syn_text(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct sk_buff *text = xtcp_sndq_first(sk);

	if (xtcp_seg(skb)->ack != xsk->snd_una) {
		/* it left before the peer's MSS was known, and the peer may have taken a part */
		if (text)
			xtcp_sndcb(text)->mss = min_t(u32, xtcp_sndcb(text)->mss, xsk->mss);
		xtcp_ack_arrives(sk, skb);
	}
	xsk->syn_data_acked = xsk->snd_una == xsk->snd_nxt;
	if (xsk->syn_data_acked) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVE);
		/* both were one segment */
		if (xsk->stream->delivered_segments)
			xsk->stream->delivered_segments--;
		return;
	}
	xsk->fastopen_client_fail = xsk->total_retrans ? TFO_SYN_RETRANSMITTED : TFO_DATA_NOT_ACKED;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVEFAIL);
	xtcp_recovery_syn_text_refused(sk);
}

/*
 * The answer to a SYN that had text or the Fast Open option, of which everything but its own text is taken. A cookie
 * replaces an older one. If text was on the SYN, no option is in the answer and the SYN was sent again, the first one
 * was lost perhaps because it had both.
 */
static noinline_for_stack enum xtcp_verdict take_fast_answer(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_fastopen_cookie cookie;
	bool refused = false;

	if (xsk->syn_data) {
		judge_syn_text(sk, skb);
		refused = !xsk->syn_data_acked;
	}
	xtcp_options_find_fastopen(skb->data + XTCP_HDR_LEN, seg->hdr_len - XTCP_HDR_LEN, &cookie);
	/* one that nobody asked for */
	if (!xsk->syn_fastopen)
		cookie.len = -1;
	xtcp_metrics_set(sk, &cookie, seg->mss ?: xsk->mss_clamp,
			 xsk->syn_fastopen && xsk->total_retrans && cookie.len < 0 && refused);
	if (refused || seg->seq + 1 == seg->end_seq)
		return XTCP_DONE;
	/* who opens fast takes text that is early, too */
	seg->flags &= ~(XTCP_SYN | XTCP_URG);
	seg->seq++;
	return xtcp_text_arrives(sk, skb);
}

/**
 * xtcp_handshake_syn_sent() - a segment arrives in SYN-SENT (RFC 9293 section 3.10.7.3)
 * @sk: the socket
 * @skb: the segment
 *
 * Context: softirq, or process with BH enabled from the backlog. Lock: socket, held.
 *
 * Return: what is to be done with the segment.
 */
enum xtcp_verdict xtcp_handshake_syn_sent(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	enum xtcp_verdict verdict = XTCP_DONE;

	sock_owned_by_me(sk);
	/* first: check the ACK bit. The RST itself is left to finish(), which sends none for a RST. */
	if (seg->flags & XTCP_ACK) {
		if (xtcp_seq_le(seg->ack, xsk->iss) || xtcp_seq_gt(seg->ack, xsk->snd_nxt)) {
			if (!(seg->flags & XTCP_RST))
				xtcp_timer_syn_refused(sk);
			return XTCP_RESET;
		}
		if (syn_sent_echo_is_foreign(sk, seg)) {
			XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_PAWSACTIVEREJECTED);
			return XTCP_RESET;
		}
	}

	/* second: check the RST bit. Only one that acknowledges our SYN counts (RFC 5961 section 3.2). */
	if (seg->flags & XTCP_RST) {
		if (seg->flags & XTCP_ACK)
			xtcp_sock_fail(sk, ECONNREFUSED, XTCP_ABORT_RESET);
		return XTCP_DROP;
	}

	/* third: security: not implemented, RFC 9293 appendix A.1 */

	/* fifth: neither SYN nor RST */
	if (!(seg->flags & XTCP_SYN))
		return XTCP_DROP;

	/*
	 * fourth: check the SYN bit. Data and FIN on it are neither kept nor acknowledged, unless it opens fast: the
	 * peer resends them.
	 */
	take_syn(sk, skb);
	if (!(seg->flags & XTCP_ACK)) {
		xsk->snd_wnd = seg->wnd;
		xsk->max_snd_wnd = seg->wnd;
		xsk->snd_wl1 = seg->seq;
		xtcp_mss_sync(sk, xsk->pmtu);
		/* the SYN that connect() has left to the first write goes now */
		if (xtcp_compat_defers_connect(sk)) {
			xtcp_compat_defer_connect(sk, false);
			XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
		}
		xtcp_state_set(sk, TCP_SYN_RECV);
		xtcp_output_syn(sk);
		return XTCP_DONE;
	}
	if (unlikely(xsk->syn_data)) {
		syn_acked_alone(sk, skb);
	} else {
		xtcp_ack_syn_acked(sk, seg);
		enter_established(sk, skb);
	}
	if (unlikely(seg->flags & XTCP_URG))
		xtcp_urgent_arrives(sk, skb);
	/* text that goes again carries the ACK, and clears it */
	xsk->ack_pending = !(xsk->ecn & XTCP_ECN_ACCURATE);
	/* a pure ACK says how the SYN-ACK came, even if data could carry it (RFC 9768 section 3.2.2.1) */
	if (xsk->ecn & XTCP_ECN_ECHO_SYN_ACK)
		xtcp_output_ack_now(sk);
	if (unlikely(xsk->syn_fastopen || xsk->syn_data))
		verdict = take_fast_answer(sk, skb);
	/* data that waits for the connection carries the ACK */
	if (xtcp_sndq_unsent(sk))
		xtcp_output_push(sk);
	if (!xsk->ack_pending)
		return verdict;
	/* the program said that data will follow at once: it carries the ACK */
	if (xsk->defer_accept || xsk->pingpong || xtcp_fastsyn_has_more(sk))
		xtcp_timer_ack_owed(sk, msecs_to_jiffies(XTCP_DELACK_MAX_MS));
	else if (verdict == XTCP_DONE && !xsk->syn_fastopen && !xsk->syn_data)
		xtcp_output_ack_of_syn(sk);
	else
		xtcp_output_ack_now(sk);
	return verdict;
}

/* RFC 9293 section 3.10.4: a CLOSE in SYN-RECEIVED waits for ESTABLISHED. */
static void close_if_asked(struct sock *sk)
{
	if (!(sk->sk_shutdown & SEND_SHUTDOWN))
		return;
	xtcp_state_set(sk, TCP_FIN_WAIT1);
	xtcp_output_fin(sk);
}

/*
 * The handshake of a connection that carries text already (RFC 7413) is over, a server's or one whose SYN had text and
 * met the peer's; @skb may acknowledge some of it.
 */
static noinline_for_stack enum xtcp_verdict check_ack_fast(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/* the ISN of a SYN-ACK stays the same for a while (cookie.c), so old ones would open what nobody asks for */
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
		/* ahead of a FIN, which would look like text that is not acknowledged */
		judge_syn_text(sk, skb);
		close_if_asked(sk);
		return XTCP_CONTINUE;
	}
	close_if_asked(sk);
	if (seg->ack == xsk->snd_una && !seg->sack_blocks)
		return XTCP_CONTINUE;
	return xtcp_ack_arrives(sk, skb);
}

/**
 * xtcp_handshake_check_ack() - check the ACK field in SYN-RECEIVED (RFC 9293 section 3.10.7.4, fifth)
 * @sk: the socket: one that a listener's entry became, that opened fast, or that met its peer in a simultaneous open
 * @skb: the segment, an acceptable ACK
 *
 * Context: softirq, or process with BH enabled from the backlog. Lock: socket, held.
 *
 * Return: XTCP_CONTINUE: the connection is up; XTCP_RESET; of one that opened fast also XTCP_ACK_DROP or XTCP_DROP, or
 * what xtcp_ack_arrives() says of its text.
 */
enum xtcp_verdict xtcp_handshake_check_ack(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xtcp_seq_le(seg->ack, xsk->snd_una) || xtcp_seq_gt(seg->ack, xsk->snd_nxt))
		return XTCP_RESET;
	if (unlikely(xsk->fastopen || xsk->syn_data))
		return check_ack_fast(sk, skb);
	if (xsk->ecn & XTCP_ECN_ACCURATE)
		xtcp_accecn_take_third_ack(sk, skb);
	xtcp_acceptance_take_ts(sk, seg);
	xtcp_ack_syn_acked(sk, seg);
	enter_established(sk, skb);
	close_if_asked(sk);
	return XTCP_CONTINUE;
}
