/* SPDX-License-Identifier: GPL-2.0 */
/* The bounds of a connection's timeouts: what its route says of them. Socket lock held. */
#ifndef XTCP_BOUNDS_H
#define XTCP_BOUNDS_H

#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "base/metric.h"
#include "base/rto.h"
#include "base/sender.h"
#include "base/wire.h"

/*
 * The least term of the variation in the RTO, microseconds. As in Linux, the metric rto_min counts
 * only if it is locked; iproute2 locks it. The term is never below a tick, the granularity G of RFC
 * 6298 (2.3).
 */
static inline u32 xtcp_bounds_rto_min_us(const struct sock *sk)
{
	u32 ms = xtcp_metric_locked_of(sk, RTAX_RTO_MIN);

	ms = ms ? min(ms, XTCP_RTO_MAX_MS) : XTCP_RTO_MIN_MS;
	return max_t(u32, ms * USEC_PER_MSEC, USEC_PER_SEC / HZ);
}

/* Take an RTT sample; SND.UNA and SND.NXT are those after the ACK. */
static inline void xtcp_bounds_sample(struct sock *sk, u32 rtt_us)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 floor_us = 0;

	if (xtcp_rto_needs_floor(&tx->rto, tx->snd.una))
		floor_us = xtcp_bounds_rto_min_us(sk);
	xtcp_rto_sample(&tx->rto, rtt_us, tx->snd.una, tx->snd.nxt, floor_us);
}

/* How long to wait before a probe of the window, milliseconds: the RTO, but not below 200 ms. */
static inline u32 xtcp_bounds_probe_ms(const struct xtcp_rto *rto)
{
	struct xtcp_rto slow = *rto;

	slow.rto_ms = max(slow.rto_ms, XTCP_RTO_MIN_MS);
	return xtcp_rto_current_ms(&slow);
}

#endif /* XTCP_BOUNDS_H */
