// SPDX-License-Identifier: GPL-2.0
/* NewReno: RFC 5681 section 3.1, counted in octets. recovery.c recovers the losses. */

#include "cong/reduction.h"

struct newreno {
	u32 acked;	/* the count of acknowledged octets for xtcp_cong_grow() */
};

static void newreno_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct newreno *reno = xtcp_cong_private(sk);

	xtcp_cong_grow(sk, sample->delivered, &reno->acked);
}

/* RFC 5681 equation (4), with cwnd instead of FlightSize, as in Linux. */
static u32 newreno_ssthresh(struct sock *sk)
{
	struct newreno *reno = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	reno->acked = 0;
	return max_t(u32, tx->cong.cwnd / 2, 2U * tx->mss);
}

const struct xtcp_cong_ops xtcp_cong_newreno = {
	.name = "reno",
	.acked = newreno_acked,
	.ssthresh = newreno_ssthresh,
	.resumes = true,
};
