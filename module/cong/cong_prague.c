// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Prague (draft-briscoe-iccrg-prague-congestion-control), for L4S (RFC 9330 to 9332). A router
 * for L4S puts segments with ECT(1) into a separate queue and marks them early, so that they wait
 * in the queue for about a millisecond at most. prague.c computes the window. The connection
 * requests AccECN, whatever net.xtcp.ecn says. ecn.h decides which segments are ECT(1), and pace.c
 * paces them, which keeps bursts out of the queue.
 *
 * Until something is marked, the window is NewReno's: there may be no L4S queue on the path.
 * Segments are ECT(1) only in AccECN mode, and only while the path does not seem to change IP's ECN
 * field or to drop ECT(1). Otherwise the connection behaves as NewReno, which reacts to a mark as
 * to a loss (RFC 9331 sections 4.1 and 4.2). A loss halves the window, as in NewReno (section 4.3);
 * if a mark has reduced the window in the same round trip, mark and loss together halve it.
 */
#include <linux/inet_diag.h>
#include <linux/minmax.h>
#include <net/sock.h>

#include "base/clock.h"
#include "base/sender.h"
#include "cong/cong.h"
#include "cong/prague.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "loss/loss.h"

#define BURST_SHIFT	12	/* a GSO packet takes at most 1/4096 s at the pacing rate */
#define USUAL_SHIFT	10	/* sk_pacing_shift of a new sock */
#define INFO_SHIFT	14	/* converts XTCP_PRAGUE_ONE to 1024, which is 1.0 in TCP_CC_INFO */

/**
 * struct prague_private - Prague's private state
 * @window: the state of prague.c
 * @counted: the count of acknowledged octets for xtcp_cong_grow()
 * @marked: octets that the present ACK reports as marked
 */
struct prague_private {
	struct xtcp_prague window;
	u32 counted;
	u32 marked;
};

static void prague_start(struct sock *sk)
{
	const struct xtcp_alpha_sent sent = xtcp_cong_text_sent(sk);
	struct prague_private *prague = xtcp_cong_private(sk);

	sock_owned_by_me(sk);
	BUILD_BUG_ON(sizeof(*prague) > XTCP_CONG_PRIVATE);
	xtcp_prague_start(&prague->window, xtcp_sender(sk)->mss, (u32)xtcp_clock_us(), &sent);
	if (xtcp_ecn_is_scalable(sk))
		sk_pacing_shift_update(sk, BURST_SHIFT);
}

/*
 * PRR sets cwnd during loss recovery; slow start sets cwnd after a timeout. In both phases, and in
 * CWR, this function counts CE marks but does not reduce cwnd.
 */
static void prague_ecn_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct prague_private *prague = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	struct xtcp_prague_ack ack = {
		.now_us = (u32)sample->now_us,
		.una = tx->snd.una,
		.delivered = sample->delivered,
		.cwnd = cong->cwnd,
		.mss = tx->mss,
		.sent = xtcp_cong_text_sent(sk),
		.may_reduce = cong->phase < XTCP_CONG_CWR,
	};

	sock_owned_by_me(sk);
	if (!xtcp_ecn_is_scalable(sk)) {
		/*
		 * The path has been found to change the ECN field: no mark reduces the window from
		 * now on. The last reduction must not count for a loss 2^31 octets later
		 */
		prague->window.has_reduced = false;
		return;
	}
	ack.marked = xtcp_alpha_octets(&prague->window.alpha, sample->marked, sample->delivered, &ack.sent);
	prague->marked = ack.marked;
	cong->cwnd = xtcp_prague_acked(&prague->window, &ack);
	if (!ack.marked || !ack.may_reduce)
		return;
	/* slow start ends with the first mark */
	cong->ssthresh = min(cong->ssthresh, cong->cwnd);
	xtcp_reduction_forbid_undo(sk);
}

static void prague_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct prague_private *prague = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	u32 more;

	sock_owned_by_me(sk);
	if (!prague->window.met_marks || cong->cwnd < cong->ssthresh || !xtcp_ecn_is_scalable(sk)) {
		xtcp_cong_grow(sk, sample->delivered, &prague->counted);
		return;
	}
	more = xtcp_prague_growth(&prague->window, sample->delivered - min(prague->marked, sample->delivered),
				  cong->cwnd, tx->mss, tx->rto.srtt_us);
	cong->cwnd += min(more, U32_MAX / 2 - min(cong->cwnd, U32_MAX / 2));
}

static u32 prague_ssthresh(struct sock *sk)
{
	struct prague_private *prague = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	prague->counted = 0;
	return xtcp_prague_after_loss(&prague->window, tx->snd.una, tx->cong.cwnd, tx->mss);
}

/* Fill in DCTCP's struct, which tools for Linux can read. Without AccECN all fields are 0. */
static size_t prague_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct prague_private *prague = xtcp_cong_private(sk);
	const struct xtcp_alpha *alpha = &prague->window.alpha;

	sock_owned_by_me(sk);
	if (xtcp_ecn_is_scalable(sk)) {
		info->dctcp.dctcp_enabled = 1;
		info->dctcp.dctcp_ce_state = xtcp_ecn_comes_marked(sk);
		info->dctcp.dctcp_alpha = alpha->share >> INFO_SHIFT;
		info->dctcp.dctcp_ab_ecn = alpha->marked;
		info->dctcp.dctcp_ab_tot = alpha->acked;
	}
	return sizeof(info->dctcp);
}

static void prague_end(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (READ_ONCE(sk->sk_pacing_shift) == BURST_SHIFT)
		sk_pacing_shift_update(sk, USUAL_SHIFT);
}

const struct xtcp_cong_ops xtcp_cong_prague = {
	.name = "prague",
	.start = prague_start,
	.acked = prague_acked,
	.ssthresh = prague_ssthresh,
	.ecn_ack = prague_ecn_ack,
	.info = prague_info,
	.end = prague_end,
	.paces = true,
	.scalable = true,
};
