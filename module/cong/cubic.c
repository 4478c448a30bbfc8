// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC in congestion avoidance (RFC 9438). Pure: no socket, no clock.
 *
 * Windows are in octets, so a segment of the RFC is SMSS octets here. Time within an epoch is in
 * 1/1024 s; in these units C is 0.4 SMSS / 2^30 octets. Three things follow Linux and not the RFC.
 * First, cwnd replaces flight_size; section 4.6 allows this, since the window grows only while the
 * window is full. Second, the smallest RTT replaces RTT, so that a flow does not grow faster after
 * it has filled a queue. Third, while W_max is unknown, the window grows by at least 5% per round
 * trip.
 */
#include "cong/cubic.h"

#include <linux/math64.h>
#include <linux/minmax.h>

#define MAX_WINDOW	0x7fffffffU	/* octets; half of the sequence space */
#define MAX_TICKS	1048576U	/* 17 min in 1/1024 s; later the curve exceeds MAX_WINDOW */
#define US_PER_SECOND	1000000U
#define GAP_MIN_US	200000U		/* see leave_out_gap() */

/**
 * xtcp_cubic_root() - compute a cube root
 * @value: less than 2^63
 *
 * Computes one binary digit after the other, without division. The function runs only once per
 * epoch, so its speed hardly matters.
 *
 * Context: any.
 *
 * Return: the largest number whose cube is not above @value.
 */
u64 xtcp_cubic_root(u64 value)
{
	u64 root = 0, step;
	int shift;

	for (shift = 60; shift >= 0; shift -= 3) {
		root *= 2;
		/* (root + 1)^3 - root^3 */
		step = 3 * root * (root + 1) + 1;
		if (value >> shift >= step) {
			value -= step << shift;
			root++;
		}
	}
	return root;
}

/**
 * xtcp_cubic_k() - compute the time in which the curve reaches the plateau (RFC 9438 equation (2))
 * @octets: W_max - cwnd_epoch, at most 2^31
 * @mss: SMSS, not 0
 *
 * Context: any.
 *
 * Return: K in 1/1024 s.
 */
u32 xtcp_cubic_k(u32 octets, u32 mss)
{
	/* K^3 is octets / (0.4 SMSS) in s^3, and 2^30 times this number in (1/1024 s)^3 */
	return (u32)xtcp_cubic_root(div_u64((5ULL * octets) << 29, mss));
}

/**
 * xtcp_cubic_window() - compute W_cubic (RFC 9438 equation (1))
 * @epoch: the current epoch; @origin and @k are set
 * @us: time since the start of the epoch, microseconds
 * @mss: SMSS
 *
 * Context: any.
 *
 * Return: octets, 0 to 2^31 - 1.
 */
u32 xtcp_cubic_window(const struct xtcp_cubic_epoch *epoch, u64 us, u32 mss)
{
	u64 t = us < (u64)MAX_TICKS * US_PER_SECOND / 1024 ? div_u64(us << 10, US_PER_SECOND) : MAX_TICKS;
	u64 off = t < epoch->k ? epoch->k - t : t - epoch->k;
	u64 octets = div_u64(mul_u64_u32_shr(off * off * off, mss, 29), 5);

	if (t < epoch->k)
		return octets < epoch->origin ? epoch->origin - (u32)octets : 0;
	return octets < MAX_WINDOW - epoch->origin ? epoch->origin + (u32)octets : MAX_WINDOW;
}

/* Begin an epoch of congestion avoidance (sections 4.2, 4.8, 4.10). */
static void begin_epoch(struct xtcp_cubic *cubic, u64 now_us, u32 cwnd, u32 mss)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;

	epoch->start_us = now_us;
	epoch->w_est = cwnd;
	epoch->origin = max(epoch->w_max, cwnd);
	epoch->k = xtcp_cubic_k(epoch->origin - cwnd, mss);
	cubic->credit = 0;
	cubic->credit_est = 0;
}

/*
 * Do not count @us microseconds as part of the current epoch, nor of the epoch before it: an undo
 * may make that epoch the current one again.
 */
static void leave_out(struct xtcp_cubic *cubic, u64 us)
{
	if (cubic->now.start_us)
		cubic->now.start_us += us;
	if (cubic->before.start_us)
		cubic->before.start_us += us;
}

/*
 * Do not count time in which the program limited the sender, so that the window could not grow
 * (sections 4.2 and 5.8). If more than GAP_MIN_US plus two RTTs have passed since an ACK last let
 * the window grow, this function assumes that the program limited the sender in this gap. Then only
 * one RTT of the gap counts.
 */
static void leave_out_gap(struct xtcp_cubic *cubic, u64 now_us, u32 rtt_us)
{
	u64 gap = now_us > cubic->grown_us ? now_us - cubic->grown_us : 0;

	if (gap > GAP_MIN_US + 2ULL * rtt_us)
		leave_out(cubic, gap - rtt_us);
	cubic->grown_us = now_us;
	cubic->now.start_us = min(cubic->now.start_us, now_us);
}

/*
 * W_est grows by alpha SMSS for each acknowledged window. With CUBIC's beta, alpha = 3 (1 - beta) /
 * (1 + beta) = 9/17 yields Reno's average window. Once W_est has reached cwnd_prior, alpha is 1, as
 * in Reno (equation (4)).
 */
static void grow_estimate(struct xtcp_cubic *cubic, u32 cwnd, u32 mss, u32 acked)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;
	u64 part = (u64)acked * mss;
	u32 rest;

	if (epoch->w_est < epoch->w_prior)
		part = div_u64(part * 9, 17);
	part = div_u64_rem(part + cubic->credit_est, cwnd, &rest);
	cubic->credit_est = rest;
	epoch->w_est = part < MAX_WINDOW - epoch->w_est ? epoch->w_est + (u32)part : MAX_WINDOW;
}

/**
 * xtcp_cubic_grow() - grow the window in congestion avoidance
 * @cubic: the state
 * @now_us: the time of the ACK, microseconds
 * @rtt_us: the smallest RTT known, microseconds; 0: unknown
 * @cwnd: the window, not 0
 * @mss: SMSS, not 0
 * @acked: octets that newly arrived
 *
 * RFC 9438 sections 4.2 to 4.5. The first call begins an epoch, and so does the first call after a
 * reduction.
 *
 * Context: any.
 *
 * If W_est is larger than both @cwnd and the curve, the window grows towards W_est, by at most
 * @acked: no faster than in slow start. W_est may be far above @cwnd, since an idle time reduces the
 * window and not W_est. With a jump to W_est, a burst without ACKs would leave. In all other cases
 * the window grows by at most half of @acked.
 *
 * Return: the new window, at least @cwnd.
 */
u32 xtcp_cubic_grow(struct xtcp_cubic *cubic, u64 now_us, u32 rtt_us, u32 cwnd, u32 mss, u32 acked)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;
	u32 target, rest, most;
	u64 us, more;
	bool friendly;

	if (cwnd >= MAX_WINDOW)
		return cwnd;
	leave_out_gap(cubic, now_us, rtt_us);
	if (!epoch->start_us)
		begin_epoch(cubic, now_us, cwnd, mss);
	us = now_us - epoch->start_us;
	grow_estimate(cubic, cwnd, mss, acked);

	most = acked < MAX_WINDOW - cwnd ? cwnd + acked : MAX_WINDOW;
	friendly = epoch->w_est > cwnd && epoch->w_est > xtcp_cubic_window(epoch, us, mss);
	target = friendly ? cwnd : xtcp_cubic_window(epoch, us + rtt_us, mss);
	if (!epoch->w_max)
		target = max(target, cwnd + cwnd / 20);
	target = clamp(target, cwnd, cwnd + cwnd / 2);
	more = div_u64_rem((u64)(target - cwnd) * acked + cubic->credit, cwnd, &rest);
	cubic->credit = rest;
	cwnd = more < MAX_WINDOW - cwnd ? cwnd + (u32)more : MAX_WINDOW;
	return friendly ? max(cwnd, min(epoch->w_est, most)) : cwnd;
}

/**
 * xtcp_cubic_reduce() - end the epoch after a loss or a congestion mark
 * @cubic: the state
 * @cwnd: the window before the reduction
 * @mss: SMSS
 *
 * RFC 9438 sections 4.6 and 4.7.
 *
 * Context: any.
 *
 * Return: ssthresh: 0.7 of the window, at least two segments.
 */
u32 xtcp_cubic_reduce(struct xtcp_cubic *cubic, u32 cwnd, u32 mss)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;

	cubic->before = *epoch;
	/*
	 * fast convergence: if this loss comes at a smaller window than the previous loss, leave
	 * capacity to other flows by a lower W_max
	 */
	epoch->w_max = cwnd < epoch->w_max ? (u32)div_u64(17ULL * cwnd, 20) : cwnd;
	epoch->w_prior = cwnd;
	epoch->start_us = 0;
	return max((u32)div_u64(7ULL * cwnd, 10), 2 * mss);
}

/**
 * xtcp_cubic_timeout() - forget W_max after a timeout (RFC 9438 section 4.8)
 * @cubic: the state
 *
 * The caller may call this for each ACK of the recovery from the timeout. Once the next epoch of
 * congestion avoidance has begun, the call does nothing.
 *
 * Context: any.
 */
void xtcp_cubic_timeout(struct xtcp_cubic *cubic)
{
	if (!cubic->now.start_us)
		cubic->now.w_max = 0;
}

/**
 * xtcp_cubic_slow_start_ended() - note that slow start has ended without a loss (section 4.10)
 * @cubic: the state
 * @cwnd: the window
 *
 * Context: any.
 */
void xtcp_cubic_slow_start_ended(struct xtcp_cubic *cubic, u32 cwnd)
{
	cubic->now.w_prior = cwnd;
	cubic->now.w_max = 0;
	cubic->now.start_us = 0;
}

/**
 * xtcp_cubic_undo() - undo the last reduction, because it was needless (RFC 9438 section 4.9)
 * @cubic: the state
 *
 * Context: any.
 */
void xtcp_cubic_undo(struct xtcp_cubic *cubic)
{
	cubic->now = cubic->before;
}

/**
 * xtcp_cubic_idle() - do not count an idle time as part of an epoch
 * @cubic: the state
 * @idle_us: duration of the idle time, microseconds
 *
 * Context: any.
 */
void xtcp_cubic_idle(struct xtcp_cubic *cubic, u64 idle_us)
{
	leave_out(cubic, idle_us);
	cubic->grown_us += idle_us;
}
