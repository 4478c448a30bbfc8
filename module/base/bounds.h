/* SPDX-License-Identifier: GPL-2.0 */
/* The bounds of a connection's timeouts and delays, which its route or its namespace sets. */
#ifndef XTCP_BOUNDS_H
#define XTCP_BOUNDS_H

#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "base/metric.h"
#include "base/net.h"
#include "base/rto.h"
#include "base/sender.h"
#include "base/wire.h"

/*
 * The least term of the variation in the RTO, microseconds. As in Linux, the metric rto_min counts
 * only if it is locked; iproute2 locks it. It beats the namespace's knob. The term is never below a
 * tick, the granularity G of RFC 6298 (2.3). Socket lock held.
 */
static inline u32 xtcp_bounds_rto_min_us(const struct sock *sk)
{
	u32 us, ms = xtcp_metric_locked_of(sk, RTAX_RTO_MIN);

	us = ms ? min(ms, XTCP_RTO_MAX_MS) * USEC_PER_MSEC : READ_ONCE(xtcp_net_of(sk)->sysctl.rto_min_us);
	return clamp_t(u32, us, USEC_PER_SEC / HZ, XTCP_RTO_MAX_MS * USEC_PER_MSEC);
}

/* The largest RTO, milliseconds. Any context. */
static inline u32 xtcp_bounds_rto_max_ms(const struct sock *sk)
{
	return READ_ONCE(xtcp_net_of(sk)->sysctl.rto_max_ms);
}

/* The timeout for the timer now, milliseconds. Any context; racy without the socket lock. */
static inline u32 xtcp_bounds_rto_ms(const struct sock *sk)
{
	return xtcp_rto_current_ms(&xtcp_sender(sk)->rto, xtcp_bounds_rto_max_ms(sk));
}

/* How long to wait before a probe of the window, milliseconds: the RTO, but not below 200 ms. */
static inline u32 xtcp_bounds_probe_ms(const struct sock *sk, const struct xtcp_rto *rto)
{
	struct xtcp_rto slow = *rto;

	slow.rto_ms = max(slow.rto_ms, XTCP_RTO_MIN_MS);
	return xtcp_rto_current_ms(&slow, xtcp_bounds_rto_max_ms(sk));
}

/*
 * How long an ACK may wait, jiffies. Where the route or the namespace sets a floor below 200 ms, the
 * peer is likely to have the same, so an ACK goes a tick earlier, as in Linux 6.11. Socket lock
 * held.
 */
static inline unsigned long xtcp_bounds_delack_max(const struct sock *sk)
{
	const u32 us = xtcp_bounds_rto_min_us(sk);

	if (likely(us >= XTCP_RTO_MIN_MS * USEC_PER_MSEC))
		return msecs_to_jiffies(XTCP_DELACK_MAX_MS);
	return max_t(u32, us / (USEC_PER_SEC / HZ), 2) - 1;
}

/* Take an RTT sample; SND.UNA and SND.NXT are those after the ACK. Socket lock held. */
static inline void xtcp_bounds_sample(struct sock *sk, u32 rtt_us)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 floor_us = 0;

	if (xtcp_rto_needs_floor(&tx->rto, tx->snd.una))
		floor_us = xtcp_bounds_rto_min_us(sk);
	xtcp_rto_sample(&tx->rto, rtt_us, tx->snd.una, tx->snd.nxt, floor_us);
}

#endif /* XTCP_BOUNDS_H */
