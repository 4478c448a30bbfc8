/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bounds of a connection's timeouts and delays, which the route, the program or the namespace
 * sets, and the metrics of its route, such as initcwnd of "ip route".
 */
#ifndef XTCP_BOUNDS_H
#define XTCP_BOUNDS_H

#include <linux/rtnetlink.h>

#include "base/sock.h"

/* The metric RTAX_* of the route @dst; 0: not set, or no route. */
static inline u32 xtcp_metric(const struct dst_entry *dst, int metric)
{
	return dst ? dst_metric(dst, metric) : 0;
}

/* A metric of the route that @sk uses now. Socket lock held. */
static inline u32 xtcp_metric_of(const struct sock *sk, int metric)
{
	return xtcp_metric(__sk_dst_get((struct sock *)sk), metric);
}

/* As xtcp_metric_of(), but 0 unless the metric is locked. */
static inline u32 xtcp_metric_locked_of(const struct sock *sk, int metric)
{
	const struct dst_entry *dst = __sk_dst_get((struct sock *)sk);

	return dst && dst_metric_locked(dst, metric) ? dst_metric(dst, metric) : 0;
}

#define XTCP_RTO_MAX_UNIT_MS	2U	/* unit of xtcp_endpoint.rto_max */
#define XTCP_TICK_US		(USEC_PER_SEC / HZ)	/* rounded down; see xtcp_ticks_us() */

/* Clamps @us, a lower bound of timeouts: at least a tick (G of RFC 6298), at most XTCP_RTO_MAX_MS. */
static inline u32 xtcp_bounds_floor_us(u32 us)
{
	const u32 least = XTCP_TICK_US, most = XTCP_RTO_MAX_MS * USEC_PER_MSEC;

	/* a branch is cheaper here than clamp() */
	return likely(us - least <= most - least) ? us : us < least ? least : most;
}

/* TCP_RTO_MIN_US or TCP_DELACK_MAX_US in ticks, rounded up; 0 for what Linux refuses: below 2 ticks, above 200 ms. */
static inline u8 xtcp_bounds_ticks(u32 us)
{
	const unsigned long ticks = usecs_to_jiffies(us);

	BUILD_BUG_ON(HZ / 5 > U8_MAX);
	return ticks < 2 || ticks > HZ / 5 ? 0 : ticks;
}

/* What getsockopt(TCP_RTO_MIN_US) returns: the floor of the RTO, microseconds, without the route's metric. */
static inline u32 xtcp_bounds_rto_min_told_us(const struct sock *sk)
{
	const u32 ticks = READ_ONCE(xtcp_endpoint(sk)->rto_min);

	return unlikely(ticks) ? xtcp_ticks_us(ticks, HZ) : READ_ONCE(xtcp_net_of(sk)->rto_floor_us);
}

/*
 * The floor of the RTO, microseconds: the least value of the variation term K*RTTVAR (RFC 6298
 * (2.3)). The route's metric rto_min overrides TCP_RTO_MIN_US, which overrides net.xtcp.rto_min_us.
 * As in Linux, the metric counts only if it is locked; iproute2 always locks it. Socket lock held.
 */
static __always_inline u32 xtcp_bounds_rto_min_us(const struct sock *sk)
{
	const u32 ms = xtcp_metric_locked_of(sk, RTAX_RTO_MIN);

	return unlikely(ms) ? xtcp_bounds_floor_us(min(ms, XTCP_RTO_MAX_MS) * USEC_PER_MSEC) :
			      xtcp_bounds_rto_min_told_us(sk);
}

/* The largest RTO, milliseconds. Any context. */
static inline u32 xtcp_bounds_rto_max_ms(const struct sock *sk)
{
	return READ_ONCE(xtcp_endpoint(sk)->rto_max) * XTCP_RTO_MAX_UNIT_MS ?:
	       READ_ONCE(xtcp_net_of(sk)->sysctl.rto_max_ms);
}

/* The RTO with its backoff, milliseconds. Any context; racy without the socket lock. */
static inline u32 xtcp_bounds_rto_ms(const struct sock *sk)
{
	return xtcp_rto_current_ms(&xtcp_sender(sk)->rto, xtcp_bounds_rto_max_ms(sk));
}

/* How long to wait before a window probe, milliseconds: the RTO, but not below 200 ms. */
static inline u32 xtcp_bounds_probe_ms(const struct sock *sk, const struct xtcp_rto *rto)
{
	struct xtcp_rto slow = *rto;

	slow.rto_ms = max(slow.rto_ms, XTCP_RTO_MIN_MS);
	return xtcp_rto_current_ms(&slow, xtcp_bounds_rto_max_ms(sk));
}

/*
 * The user timeout: how long text may stay unacknowledged, milliseconds (TCP_USER_TIMEOUT, RFC 9293
 * section 3.8.3, MUST-21). 0: only R2 limits the time. Any context.
 */
static inline u32 xtcp_bounds_user_timeout_ms(const struct sock *sk)
{
	return READ_ONCE(xtcp_endpoint(sk)->user_timeout) ?: READ_ONCE(xtcp_net_of(sk)->sysctl.user_timeout_ms);
}

/* TCP_DELACK_MAX_US or net.xtcp.delack_max_us, in jiffies, rounded up. Any context. */
static inline unsigned long xtcp_bounds_delack_set(const struct sock *sk)
{
	return READ_ONCE(xtcp_endpoint(sk)->delack_max) ?:
	       usecs_to_jiffies(READ_ONCE(xtcp_net_of(sk)->sysctl.delack_max_us));
}

/*
 * How long an ACK may wait, jiffies. @set: TCP_DELACK_MAX_US or net.xtcp.delack_max_us. @floor_us:
 * the floor of our RTO, and probably of the peer's, which must not resend. So below 200 ms the ACK
 * waits for @floor_us minus one tick at most, as in Linux 6.11, but for at least one tick.
 */
static inline unsigned long xtcp_bounds_delack(unsigned long set, u32 floor_us)
{
	if (floor_us >= XTCP_RTO_MIN_MS * USEC_PER_MSEC)
		return set;
	return min_t(unsigned long, set, max_t(u32, floor_us / XTCP_TICK_US, 2) - 1);
}

/* Do sysctls alone bound the delay of ACKs? Then xtcp_net.delack_most is computed already. Socket lock held. */
static __always_inline bool xtcp_bounds_delack_by_sysctl(const struct sock *sk)
{
	const struct xtcp_endpoint *ep = xtcp_endpoint(sk);

	return likely(!ep->rto_min && !ep->delack_max && !xtcp_metric_locked_of(sk, RTAX_RTO_MIN));
}

/* How long an ACK may wait, jiffies (xtcp_bounds_delack()). Socket lock held. */
static inline unsigned long xtcp_bounds_delack_max(const struct sock *sk)
{
	return xtcp_bounds_delack(xtcp_bounds_delack_set(sk), xtcp_bounds_rto_min_us(sk));
}

/* Compute rto_floor_us and delack_most of a namespace from its knobs. One caller at a time. */
static inline void xtcp_bounds_sysctl_changed(struct xtcp_net *xn)
{
	const u32 floor_us = xtcp_bounds_floor_us(READ_ONCE(xn->sysctl.rto_min_us));

	WRITE_ONCE(xn->rto_floor_us, floor_us);
	WRITE_ONCE(xn->delack_most,
		   xtcp_bounds_delack(usecs_to_jiffies(READ_ONCE(xn->sysctl.delack_max_us)), floor_us));
}

/* The floor_us of xtcp_rto_sample(); 0 if it needs none. */
static __always_inline u32 xtcp_bounds_sample_floor_us(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	return xtcp_rto_needs_floor(&tx->rto, tx->snd.una) ? xtcp_bounds_rto_min_us(sk) : 0;
}

/* Take an RTT sample from an ACK. The ACK has already moved SND.UNA. Socket lock held. */
static __always_inline void xtcp_bounds_sample(struct sock *sk, u32 rtt_us)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	xtcp_rto_sample(&tx->rto, rtt_us, tx->snd.una, tx->snd.nxt, xtcp_bounds_sample_floor_us(sk));
}

static inline bool xtcp_keepalive_is_on(const struct sock *sk)
{
	return sock_flag(sk, SOCK_KEEPOPEN) || READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_always);
}

/* TCP_KEEPIDLE (MUST-27), jiffies. Any context. */
static inline unsigned long xtcp_keepalive_time(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->keepalive_time) * HZ ?: READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_time);
}

/* TCP_KEEPINTVL, jiffies. Any context. */
static inline unsigned long xtcp_keepalive_intvl(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->keepalive_intvl) * HZ ?: READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_intvl);
}

/* TCP_KEEPCNT (MUST-29). Any context. */
static inline unsigned int xtcp_keepalive_probes(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->keepalive_probes) ?: READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_probes);
}

/*
 * How long may the connection be without text, milliseconds? 0: no limit. The smaller limit counts, so
 * a program cannot lengthen the administrator's. Any context; the caller holds what xtcp_cold() needs.
 */
static inline u32 xtcp_keepalive_idle_ms(const struct sock *sk)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);

	return min_not_zero(unlikely(cold) ? READ_ONCE(cold->idle_ms) : 0U,
			    (u32)READ_ONCE(xtcp_net_of(sk)->sysctl.idle_ms));
}

/* The same for a connection that is half closed. */
static inline u32 xtcp_keepalive_half_closed_ms(const struct sock *sk)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);

	return min_not_zero(unlikely(cold) ? READ_ONCE(cold->half_closed_ms) : 0U,
			    (u32)READ_ONCE(xtcp_net_of(sk)->sysctl.half_closed_ms));
}

/* May either limit be set? Each timer that runs asks; nearly always no, by three reads. */
static inline bool xtcp_keepalive_may_limit(const struct sock *sk)
{
	const struct xtcp_sysctl *sysctl = &xtcp_net_of(sk)->sysctl;

	return xtcp_cold(sk) || READ_ONCE(sysctl->idle_ms) || READ_ONCE(sysctl->half_closed_ms);
}

/* A wait of @ms, but not beyond the user timeout that began at @stamp (xtcp_clock_ts_stamp(); 0: no limit). */
static inline u32 xtcp_timer_within_user_timeout_ms(const struct xtcp_sock *xsk, u32 ms, u32 stamp)
{
	u32 gone, most = xtcp_bounds_user_timeout_ms(&xsk->inet.sk);

	if (most && stamp) {
		gone = xtcp_clock_ts_stamp() - stamp;
		ms = gone >= most ? 1 : min(ms, most - gone);
	}
	return ms;
}

/* The same in jiffies. */
static inline unsigned long xtcp_timer_within_user_timeout(const struct xtcp_sock *xsk, u32 ms, u32 stamp)
{
	return msecs_to_jiffies(xtcp_timer_within_user_timeout_ms(xsk, ms, stamp));
}

/* The same for the RTO. */
static inline unsigned long xtcp_timer_interval(const struct xtcp_sock *xsk, u32 stamp)
{
	return xtcp_timer_within_user_timeout(xsk, xtcp_bounds_rto_ms(&xsk->inet.sk), stamp);
}

/* The same in microseconds, for xtcp_timer_arm_us(). */
static inline u32 xtcp_timer_interval_us(const struct xtcp_sock *xsk, u32 stamp)
{
	return xtcp_timer_within_user_timeout_ms(xsk, xtcp_bounds_rto_ms(&xsk->inet.sk), stamp) * USEC_PER_MSEC;
}

/* The same for the interval between window probes. */
static inline unsigned long xtcp_timer_probe_interval(const struct xtcp_sock *xsk, u32 stamp)
{
	return xtcp_timer_within_user_timeout(xsk, xtcp_bounds_probe_ms(&xsk->inet.sk, &xsk->rto), stamp);
}

/* Does a keepalive probe wait for its answer? Then timers.kept_alive is valid. */
static inline bool xtcp_keepalive_waits(const struct xtcp_sock *xsk)
{
	return xsk->tries.keepalive_sent && xsk->snd.una == xsk->snd.write_seq;
}

/* What is left of TCP_KEEPINTVL since the last probe that counts, jiffies; 0 also if none waits. */
static inline unsigned long xtcp_keepalive_left(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long intvl = xtcp_keepalive_intvl(sk);
	u32 gone = (u32)jiffies - xsk->timers.kept_alive;

	sock_owned_by_me(sk);
	return xtcp_keepalive_waits(xsk) && gone < intvl ? intvl - gone : 0;
}

#endif /* XTCP_BOUNDS_H */
