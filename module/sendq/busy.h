/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long a connection was busy, and what limited it: tcpi_busy_time, tcpi_rwnd_limited and
 * tcpi_sndbuf_limited of TCP_INFO.
 */
#ifndef XTCP_BUSY_H
#define XTCP_BUSY_H

#include <linux/types.h>

enum xtcp_busy_with {
	XTCP_IDLE,		/* all data is acknowledged */
	XTCP_BUSY,		/* limited by the path or the congestion window */
	XTCP_BUSY_WINDOW,	/* limited by the peer's window */
	XTCP_BUSY_BUFFER,	/* limited by the send buffer: the program would write more */
	XTCP_BUSY_KINDS,
};

/**
 * struct xtcp_busy - for how long each limit applied
 * @since: when @with began to apply, jiffies
 * @spent: for how many jiffies each limit had applied before @since; the index is enum
 *	xtcp_busy_with - 1
 * @with: the limit that applies now, enum xtcp_busy_with
 */
struct xtcp_busy {
	u32 since;
	u32 spent[XTCP_BUSY_KINDS - 1];
	u8 with;
};

/*
 * The caller of both functions holds the socket lock. xtcp_busy_with() needs no lock if no other
 * thread can find the connection.
 */
void xtcp_busy_with(struct xtcp_busy *busy, enum xtcp_busy_with with);
u64 xtcp_busy_us(const struct xtcp_busy *busy, enum xtcp_busy_with with);

#endif /* XTCP_BUSY_H */
