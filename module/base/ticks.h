/* SPDX-License-Identifier: GPL-2.0 */
/* Ticks in microseconds. Pure: no socket, no clock; HZ is an argument. */
#ifndef XTCP_TICKS_H
#define XTCP_TICKS_H

#include <linux/types.h>

#define XTCP_TICKS_SECOND_US	1000000U

/*
 * Convert @ticks to microseconds, rounded down. A second has @hz ticks. A tick need not be a whole
 * number of microseconds: with 300 Hz, 60 ticks are 200,000 us, but one tick is 3,333 us. The
 * result overflows at 2^32 us.
 */
static inline u32 xtcp_ticks_us(u32 ticks, u32 hz)
{
	return ticks * (XTCP_TICKS_SECOND_US / hz) + ticks * (XTCP_TICKS_SECOND_US % hz) / hz;
}

#endif /* XTCP_TICKS_H */
