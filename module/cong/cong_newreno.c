// SPDX-License-Identifier: GPL-2.0
/* Slow start and congestion avoidance of RFC 5681 section 3.1, counted in octets. The repair is recovery.c. */
#include <linux/minmax.h>

#include "base/sock.h"
#include "cong/cong.h"
#include "loss/sample.h"

/**
 * struct newreno - what NewReno keeps
 * @acked: octets acknowledged towards the next increase
 */
struct newreno {
	u32 acked;
};

static void newreno_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct newreno *reno = xtcp_cong_private(sk);

	sock_owned_by_me(sk);
	xtcp_cong_grow(sk, sample->delivered, &reno->acked);
}

/* RFC 5681 equation (4), with the window for what is in flight, as Linux */
static u32 newreno_ssthresh(struct sock *sk)
{
	struct newreno *reno = xtcp_cong_private(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	reno->acked = 0;
	return max_t(u32, xsk->cong.cwnd / 2, 2U * xsk->mss);
}

const struct xtcp_cong_ops xtcp_cong_newreno = {
	.name = "reno",
	.acked = newreno_acked,
	.ssthresh = newreno_ssthresh,
};
