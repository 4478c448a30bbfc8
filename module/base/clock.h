/* SPDX-License-Identifier: GPL-2.0 */
/* The protocol's clocks: microseconds for RTTs, milliseconds for timestamps, and 32-bit jiffies. */
#ifndef XTCP_CLOCK_H
#define XTCP_CLOCK_H

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>

static inline u64 xtcp_clock_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/*
 * Microseconds since @then_us; 0 if @then_us is in the future, as it is for a segment that the fq
 * qdisc still delays.
 */
static inline u64 xtcp_clock_since_us(u64 now_us, u64 then_us)
{
	return now_us > then_us ? now_us - then_us : 0;
}

/* The timestamp clock ticks once a millisecond (RFC 7323 section 5.4 allows 1 ms to 1 s). */
static inline u32 xtcp_clock_ts(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

/* The value of the timestamp clock when xtcp_clock_us() returned @us. */
static inline u32 xtcp_clock_ts_of(u64 us)
{
	return (u32)div_u64(us, USEC_PER_MSEC);
}

/*
 * Clocks for stamps in which 0 means "none": 1 when the clock is 0. Compute the age of such a stamp
 * with the same function: while the plain clock is 0, a stamp of 1 would be in the future.
 */
static inline u32 xtcp_clock_stamp(void)
{
	return (u32)jiffies ?: 1;
}

static inline u32 xtcp_clock_ts_stamp(void)
{
	return xtcp_clock_ts() ?: 1;
}

/* Extend @stamp to full-length jiffies. @stamp: 32-bit jiffies, at most 2^31 away from now. */
static inline unsigned long xtcp_clock_jiffies(u32 stamp)
{
	return jiffies + (s32)(stamp - (u32)jiffies);
}

static inline u32 xtcp_clock_seconds(void)
{
	return (u32)ktime_get_seconds();
}

/*
 * Seconds, but never 0, for stamps in which 0 means "none": an initramfs may load the module while
 * the clock is still 0.
 */
static inline u32 xtcp_clock_seconds_stamp(void)
{
	return xtcp_clock_seconds() ?: 1;
}

/*
 * Seconds of @us. Do not compare the result with xtcp_clock_seconds(), which may be a tick behind.
 */
static inline u32 xtcp_clock_seconds_of(u64 us)
{
	return (u32)div_u64(us, USEC_PER_SEC);
}

/*
 * Is the timer armed? The caller holds the lock that the timer's function takes. Another processor
 * may start to run the timer now: either answer is right then, since its function waits for the
 * lock, and checks everything again.
 */
static inline bool xtcp_clock_timer_pending(const struct timer_list *timer)
{
	/* read without the lock of the kernel's timers, since either answer is right */
	return data_race(timer_pending(timer));
}

#endif /* XTCP_CLOCK_H */
