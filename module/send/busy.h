/* SPDX-License-Identifier: GPL-2.0 */
/* What a connection spends its time with: tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited of TCP_INFO. */
#ifndef XTCP_BUSY_H
#define XTCP_BUSY_H

#include <linux/types.h>

struct xtcp_sock;

enum xtcp_busy_with {
	XTCP_IDLE,		/* all is acknowledged */
	XTCP_BUSY,		/* something is not: the path or the congestion window limits */
	XTCP_BUSY_WINDOW,	/* the peer's window does */
	XTCP_BUSY_BUFFER,	/* the send buffer does: the program would write more */
	XTCP_BUSY_KINDS,
};

/**
 * struct xtcp_busy - times in jiffies
 * @since: when @with began
 * @spent: with what is over, by enum xtcp_busy_with - 1
 * @with: enum xtcp_busy_with, now
 */
struct xtcp_busy {
	u32 since;
	u32 spent[XTCP_BUSY_KINDS - 1];
	u8 with;
};

/* Socket lock held in both. */
void xtcp_busy_with(struct xtcp_sock *xsk, enum xtcp_busy_with with);
u64 xtcp_busy_us(const struct xtcp_sock *xsk, enum xtcp_busy_with with);

#endif /* XTCP_BUSY_H */
