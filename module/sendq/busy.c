// SPDX-License-Identifier: GPL-2.0
/*
 * How long a connection was busy, and what limited it. As in Linux, the times are in jiffies, and
 * only one limit applies at a time: the one that was set last.
 */
#include "sendq/busy.h"

#include <linux/jiffies.h>

/**
 * xtcp_busy_with() - set what limits the connection from now on
 * @busy: the times of the connection
 * @with: the limit
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find the connection.
 */
void xtcp_busy_with(struct xtcp_busy *busy, enum xtcp_busy_with with)
{
	u32 now;

	if (busy->with == with)
		return;
	now = (u32)jiffies;
	if (busy->with)
		busy->spent[busy->with - 1] += now - busy->since;
	busy->since = now;
	busy->with = with;
}

/**
 * xtcp_busy_us() - for how long has a limit applied to the connection?
 * @busy: the times of the connection
 * @with: the limit; not XTCP_IDLE
 *
 * Context: process. Lock: socket, held.
 *
 * Return: microseconds, with the resolution of a jiffy.
 */
u64 xtcp_busy_us(const struct xtcp_busy *busy, enum xtcp_busy_with with)
{
	u32 spent = busy->spent[with - 1];

	if (busy->with == with)
		spent += (u32)jiffies - busy->since;
	return (u64)spent * (USEC_PER_SEC / HZ);
}
