// SPDX-License-Identifier: GPL-2.0
/* Slow start and congestion avoidance of RFC 5681 section 3.1, counted in octets. The repair is recovery.c. */
#include <linux/minmax.h>

#include "cong.h"
#include "sock.h"

static void newreno_acked(struct sock *sk, u32 acked)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_cong *cong = &xsk->cong;
	u32 step;

	sock_owned_by_me(sk);
	if (cong->cwnd < cong->ssthresh) {
		/* one ACK may speak for a whole bundle, so the octets count and not the ACKs (RFC 3465) */
		step = min(acked, cong->ssthresh - cong->cwnd);
		cong->cwnd += step;
		acked -= step;
		if (!acked)
			return;
	}
	/* a segment more for each window acknowledged */
	cong->acked_bytes += acked;
	if (cong->acked_bytes >= cong->cwnd) {
		cong->acked_bytes -= cong->cwnd;
		cong->cwnd += min_t(u32, xsk->mss, U32_MAX / 2 - min(cong->cwnd, U32_MAX / 2));
	}
}

/* RFC 5681 equation (4) */
static u32 newreno_ssthresh(struct sock *sk, u32 flight)
{
	sock_owned_by_me(sk);
	return max_t(u32, flight / 2, 2U * xtcp_sk(sk)->mss);
}

const struct xtcp_cong_ops xtcp_cong_newreno = {
	.name = "reno",
	.acked = newreno_acked,
	.ssthresh = newreno_ssthresh,
};
