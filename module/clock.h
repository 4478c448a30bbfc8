/* SPDX-License-Identifier: GPL-2.0 */
/* The two clocks of the protocol: microseconds for round trips, milliseconds for timestamps. */
#ifndef XTCP_CLOCK_H
#define XTCP_CLOCK_H

#include <linux/ktime.h>
#include <linux/timekeeping.h>

static inline u64 xtcp_clock_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/* The timestamp clock ticks once a millisecond (RFC 7323 section 5.4 allows 1 ms to 1 s). */
static inline u32 xtcp_clock_ts(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

static inline u32 xtcp_clock_seconds(void)
{
	return (u32)ktime_get_seconds();
}

#endif /* XTCP_CLOCK_H */
