// SPDX-License-Identifier: GPL-2.0
/*
 * Step one of SEGMENT ARRIVES: is the segment acceptable? PAWS, the protection against wrapped
 * sequence numbers (RFC 7323 section 5), comes before the window test of RFC 9293 section 3.10.7.4.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "arrive/acceptance.h"

#include <net/sock.h>
#include <net/tcp_states.h>

#include "arrive/ack.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/wire.h"
#include "recv/recv.h"
#include "sight/mib.h"
#include "window/window.h"

/*
 * RFC 7323 section 5.3 R1: reject a TSval that is less than TS.Recent, unless TS.Recent itself is
 * too old (section 5.5). As in Linux, a TSval that is less by at most XTCP_PAWS_WINDOW passes. A
 * TS.Recent of 0 does not count: some hosts send a TSval of 0 in their SYN, although their
 * timestamp clock shows another value.
 */
static bool paws_rejects(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	if (!xsk->agreed.ts_ok || !seg->has_ts || !xsk->paws.stamp || !xsk->paws.ts_recent)
		return false;
	if ((s32)(xsk->paws.ts_recent - seg->tsval) <= XTCP_PAWS_WINDOW)
		return false;
	return xtcp_clock_seconds_stamp() - xsk->paws.stamp < XTCP_PAWS_IDLE_S;
}

/*
 * If a later segment overtakes a pure ACK on the path, the ACK arrives with a TSval older than
 * TS.Recent. RFC 7323 section 5.3 says to drop such a segment, and to answer it with an ACK of our
 * own. As in Linux, we accept the pure ACK as a duplicate ACK if it reports nothing new (SEG.ACK is
 * SND.UNA, and the window is SND.WND), SEG.SEQ is RCV.NXT, and SEG.TSval is less than TS.Recent by
 * at most our RTO in milliseconds.
 */
static bool paws_harmless_ack(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	return (seg->flags & (XTCP_ACK | XTCP_SYN | XTCP_FIN)) == XTCP_ACK && !seg->len &&
	       seg->seq == xsk->rcv.nxt && seg->ack == xsk->snd.una &&
	       (u32)seg->wnd << xsk->agreed.snd_wscale == xsk->snd.wnd &&
	       (s32)(xsk->paws.ts_recent - seg->tsval) <= (s32)xtcp_bounds_rto_ms(&xsk->inet.sk);
}

/*
 * The acceptability test of RFC 9293 section 3.10.7.4, first step. As in Linux, our window is
 * wider: it begins at the last RCV.NXT that we acknowledged, and it includes the right edge. So we
 * also accept an ACK that later data has overtaken, and an ACK of a peer that has filled the
 * window. Text outside the window still enters no queue, and a RST must pass
 * xtcp_acceptance_rst_counts().
 */
static bool in_window(const struct xtcp_sock *xsk, const struct xtcp_seg *seg)
{
	u32 right = xtcp_seq_max(xsk->rcv.wup + xsk->rcv.wnd, xsk->rcv.nxt);

	return xtcp_seq_ge(seg->end_seq, xsk->rcv.wup) && xtcp_seq_le(seg->seq, right);
}

/*
 * May an ACK answer this segment? SYNs, segments without data or FIN, and those whose ACK field is
 * not credible, share one limit: at most one ACK in each interval of net.xtcp.invalid_ratelimit
 * (RFC 5961 section 7). Without this limit, two ends could answer each other's ACKs forever, and a
 * forger who guesses no number could draw three duplicate ACKs, for which a peer without SACK
 * halves its window (RFC 5681 section 3.2). @is_credible: xtcp_ack_is_credible().
 */
static bool dupack_allowed(struct sock *sk, const struct xtcp_seg *seg, bool is_credible, int skipped)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_stamp();
	u32 limit = READ_ONCE(xtcp_net_of(sk)->sysctl.invalid_ratelimit);

	/* an answer to data or FIN cannot start a loop of ACKs, and the peer needs the answer */
	if (seg->seq != seg->end_seq && !(seg->flags & XTCP_SYN) && is_credible)
		return true;
	if (xtcp_acklimit_is_early(&xsk->acklimit, now, limit)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), skipped);
		return false;
	}
	xtcp_acklimit_sent(&xsk->acklimit, now);
	return true;
}

/**
 * xtcp_acceptance_refuse() - answer an unacceptable segment with an ACK
 * @sk: in SYN-RECEIVED or a synchronized state
 * @seg: the segment, without RST
 * @skipped: the counter to increase when the rate limit forbids the ACK
 *
 * If the segment has octets that we have already received, the ACK reports them by D-SACK (RFC 2883
 * section 4), and the next ACKs are not delayed: the ACK of these octets may be lost. This is so
 * only if the ACK field is credible, too: otherwise a forger need not guess any number to make our
 * segments take another path (xtcp_sack_repeated()), and the peer believe that it has sent
 * something twice.
 *
 * Return: XTCP_ACK_DROP; XTCP_DROP when the rate limit forbids the ACK.
 */
enum xtcp_verdict xtcp_acceptance_refuse(struct sock *sk, const struct xtcp_seg *seg, int skipped)
{
	const u32 rcv_nxt = xtcp_sk(sk)->rcv.nxt;
	const bool is_credible = xtcp_ack_is_credible(sk, seg);

	sock_owned_by_me(sk);
	if (!dupack_allowed(sk, seg, is_credible, skipped))
		return XTCP_DROP;
	if (seg->seq != seg->end_seq && xtcp_seq_lt(seg->seq, rcv_nxt) && is_credible) {
		xtcp_text_came_again(sk);
		xtcp_sack_repeated(sk, seg->seq, xtcp_seq_lt(seg->end_seq, rcv_nxt) ? seg->end_seq : rcv_nxt);
	}
	return XTCP_ACK_DROP;
}

/**
 * xtcp_acceptance_rst_counts() - does this RST reset the connection?
 * @sk: in SYN-RECEIVED or a synchronized state
 * @seg: the segment, a RST
 *
 * The RST counts if SEG.SEQ is RCV.NXT (RFC 5961 section 3.2). After the peer's FIN, RCV.NXT - 1
 * also counts: some hosts leave their FIN out of the sequence number of a RST, and this number is
 * as hard to guess as RCV.NXT.
 *
 * Return: true when the RST resets the connection.
 */
bool xtcp_acceptance_rst_counts(const struct sock *sk, const struct xtcp_seg *seg)
{
	const int after_fin = TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK;
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	return seg->seq == xsk->rcv.nxt || (seg->seq + 1 == xsk->rcv.nxt && 1 << sk->sk_state & after_fin);
}

/**
 * xtcp_acceptance_check() - step one: PAWS, then check the sequence number
 * @sk: in SYN-RECEIVED or a synchronized state
 * @seg: the segment
 *
 * RFC 7323 section 5.3; RFC 9293 section 3.10.7.4, first.
 *
 * Return: XTCP_CONTINUE when the segment is acceptable, is a SYN without RST, or is a RST that
 * counts (xtcp_acceptance_rst_counts()). Otherwise XTCP_ACK_DROP; XTCP_DROP for a RST, or when the
 * rate limit forbids the ACK.
 */
enum xtcp_verdict xtcp_acceptance_check(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	/* PAWS never drops a RST (RFC 7323 section 5.2); step four challenges a SYN */
	if (paws_rejects(xsk, seg) && !(seg->flags & (XTCP_RST | XTCP_SYN)) && !paws_harmless_ack(xsk, seg)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_PAWSESTABREJECTED);
		return xtcp_acceptance_refuse(sk, seg, LINUX_MIB_TCPACKSKIPPEDPAWS);
	}
	if (in_window(xsk, seg))
		return XTCP_CONTINUE;
	if (seg->flags & XTCP_RST)
		return xtcp_acceptance_rst_counts(sk, seg) ? XTCP_CONTINUE : XTCP_DROP;
	if (seg->flags & XTCP_SYN)
		return XTCP_CONTINUE;	/* step four challenges the SYN (RFC 5961 section 4.2) */
	return xtcp_acceptance_refuse(sk, seg, LINUX_MIB_TCPACKSKIPPEDSEQ);
}

/**
 * xtcp_acceptance_take_ts() - update TS.Recent
 * @sk: the sock
 * @seg: an acceptable segment with an acceptable ACK
 *
 * TS.Recent takes SEG.TSval only if SEG.SEQ is at or before the last RCV.NXT that we acknowledged
 * (RFC 7323 section 4.3). SEG.TSval must not be older than TS.Recent, unless TS.Recent does not
 * count (see paws_rejects()).
 */
__always_inline void xtcp_acceptance_take_ts(struct sock *sk, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!xsk->agreed.ts_ok || !seg->has_ts || xtcp_seq_gt(seg->seq, xsk->rcv.wup))
		return;
	if ((s32)(seg->tsval - xsk->paws.ts_recent) < 0 && xsk->paws.stamp && xsk->paws.ts_recent &&
	    xtcp_clock_seconds_stamp() - xsk->paws.stamp < XTCP_PAWS_IDLE_S)
		return;
	xtcp_paws_take(&xsk->paws, seg->tsval);
}
