// SPDX-License-Identifier: GPL-2.0
/*
 * DCTCP (RFC 8257): the window falls in proportion to the share of octets that were CE-marked. It
 * needs switches that set CE as soon as a few segments are queued. In AccECN mode the peer reports
 * how many were marked; otherwise it must use DCTCP, too, so that its ECE says which (ecn.c).
 * Without ECN, DCTCP behaves as NewReno, as in Linux.
 */

#include "cong/reduction.h"
#include "ecn/ecn.h"

#define ALPHA_ONE	65536U	/* an Alpha of 1.0, as in the example of section 4.2 */
#define INFO_ONE	1024U	/* an Alpha of 1.0 in TCP_CC_INFO */

struct dctcp {
	struct xtcp_alpha alpha;	/* DCTCP.Alpha in 1/65536, and the observation window */
	u32 counted;			/* the count of acknowledged octets for xtcp_cong_grow() */
};

/* Alpha starts at 1, so the first mark halves the window (section 3.3). */
static void dctcp_start(struct sock *sk)
{
	const struct xtcp_alpha_sent sent = xtcp_cong_text_sent(sk);
	struct dctcp *dctcp = xtcp_cong_private(sk);

	BUILD_BUG_ON(sizeof(*dctcp) > XTCP_CONG_PRIVATE);
	xtcp_alpha_start(&dctcp->alpha, ALPHA_ONE, xtcp_sender(sk)->mss, &sent);
	xtcp_ecn_be_exact(sk, true);
}

/*
 * Section 3.3: updates Alpha once per window. As in Linux, octets count when they are first
 * acknowledged or sacked. Without AccECN, all that an ACK with ECE reports count as marked.
 */
static void dctcp_ecn_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_alpha_sent sent = xtcp_cong_text_sent(sk);
	struct dctcp *dctcp = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_alpha *alpha = &dctcp->alpha;
	u32 marked = sample->marked ? sample->delivered : 0;

	if (tx->ecn & XTCP_ECN_ACCURATE)
		marked = xtcp_alpha_octets(alpha, sample->marked, sample->delivered, &sent);
	xtcp_alpha_count(alpha, sample->delivered, marked);
	if (xtcp_seq_le(tx->snd.una, alpha->begin.nxt))
		return;
	xtcp_alpha_update(alpha, ALPHA_ONE);
	xtcp_alpha_begin_window(alpha, &sent);
}

static void dctcp_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);

	xtcp_cong_grow(sk, sample->delivered, &dctcp->counted);
}

/* A loss halves the window, as in NewReno (section 3.5). */
static u32 dctcp_ssthresh(struct sock *sk)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	dctcp->counted = 0;
	return max_t(u32, tx->cong.cwnd / 2, 2U * tx->mss);
}

/* Section 3.3, step 9: cwnd * (1 - Alpha / 2). */
static u32 dctcp_marked(struct sock *sk)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u32 cwnd = tx->cong.cwnd;

	dctcp->counted = 0;
	return max_t(u32, cwnd - (u32)div_u64((u64)cwnd * dctcp->alpha.share, 2 * ALPHA_ONE), 2U * tx->mss);
}

/* Fill in TCP_CC_INFO. Without ECN all fields are 0, as in Linux. */
static size_t dctcp_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct dctcp *dctcp = xtcp_cong_private(sk);

	if (xtcp_sender(sk)->ecn & XTCP_ECN_OK) {
		info->dctcp.dctcp_enabled = 1;
		info->dctcp.dctcp_ce_state = xtcp_ecn_comes_marked(sk);
		info->dctcp.dctcp_alpha = dctcp->alpha.share / (ALPHA_ONE / INFO_ONE);
		info->dctcp.dctcp_ab_ecn = dctcp->alpha.marked;
		info->dctcp.dctcp_ab_tot = dctcp->alpha.acked;
	}
	return sizeof(info->dctcp);
}

static void dctcp_end(struct sock *sk)
{
	xtcp_ecn_be_exact(sk, false);
}

const struct xtcp_cong_ops xtcp_cong_dctcp = {
	.name = "dctcp",
	.start = dctcp_start,
	.acked = dctcp_acked,
	.ssthresh = dctcp_ssthresh,
	.marked = dctcp_marked,
	.ecn_ack = dctcp_ecn_ack,
	.info = dctcp_info,
	.end = dctcp_end,
	.needs_ecn = true,
};
