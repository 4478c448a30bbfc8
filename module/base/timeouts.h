/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts the retransmission timeouts of a connection for TCP_INFO, as Linux does. Other files
 * report events; only this file writes the struct.
 */
#ifndef XTCP_TIMEOUTS_H
#define XTCP_TIMEOUTS_H

#include <linux/types.h>

#include "base/clock.h"

/**
 * struct xtcp_timeouts - the retransmission timeouts of a connection, including the timeouts of its
 * SYN
 * @ms: time in recoveries that have ended, milliseconds
 * @since: timestamp clock (ms) at the first timeout of the present recovery; 0: no recovery
 * @total: number of timeouts
 * @recoveries: tcpi_total_rto_recoveries: number of series of timeouts. A series ends when an ACK
 *	moves SND.UNA or shows that the timeouts were spurious
 * @rehashes: number of timeouts that gave the flow another hash, for another path
 *
 * For @ms and @since, a recovery begins with a timeout. It lasts until congestion control leaves
 * %XTCP_CONG_LOSS, until the SYN is acknowledged, or until the connection ends. As in Linux,
 * @total, @recoveries and @rehashes may wrap. The socket lock guards the struct.
 */
struct xtcp_timeouts {
	u32 ms;
	u32 since;
	u16 total;
	u16 recoveries;
	u16 rehashes;
};

/* Counts a timeout. @in_series: number of earlier timeouts in the same series. */
static inline void xtcp_timeouts_count(struct xtcp_timeouts *timeouts, u8 in_series)
{
	if (!in_series)
		timeouts->recoveries++;
	if (!timeouts->since)
		timeouts->since = xtcp_clock_ts_stamp();
	timeouts->total++;
}

/* A timeout has given the flow another hash. */
static inline void xtcp_timeouts_rehashed(struct xtcp_timeouts *timeouts)
{
	timeouts->rehashes++;
}

/* The SYN-ACK of a new child timed out @total times in @ms milliseconds. */
static inline void xtcp_timeouts_of_syn_ack(struct xtcp_timeouts *timeouts, u16 total, u32 ms)
{
	if (likely(!total))
		return;
	timeouts->total = total;
	timeouts->recoveries = 1;
	timeouts->ms = ms;
}

/* Milliseconds in recoveries, the present one included. */
static inline u32 xtcp_timeouts_ms(const struct xtcp_timeouts *timeouts)
{
	return timeouts->ms + (timeouts->since ? xtcp_clock_ts_stamp() - timeouts->since : 0);
}

static inline void xtcp_timeouts_over(struct xtcp_timeouts *timeouts)
{
	if (likely(!timeouts->since))
		return;
	timeouts->ms = xtcp_timeouts_ms(timeouts);
	timeouts->since = 0;
}

#endif /* XTCP_TIMEOUTS_H */
