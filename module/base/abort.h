/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records why a connection ended, unless a FIN from each end closed it (uapi/linux/xtcp.h lists the
 * reasons). Other files report events; only this file writes struct xtcp_ended. One exception: a
 * disconnect resets the TCB, and then restores this struct (family.c).
 */
#ifndef XTCP_BASE_ABORT_H
#define XTCP_BASE_ABORT_H

#include <linux/types.h>
#include <uapi/linux/xtcp.h>

/**
 * struct xtcp_ended - how a connection ended
 * @reason: enum xtcp_abort_reason
 * @is_listed: the sock is in the table of end.c
 * @is_told: the peer's RST gave a reason, whose code is in xtcp_timers.told_code
 * @error: the errno that the program got; 0: none
 * @flags: control bits (low octet) of the last acceptable segment that has arrived
 *
 * The socket lock guards this struct.
 */
struct xtcp_ended {
	u8 reason : 6;
	u8 is_listed : 1;
	u8 is_told : 1;
	u8 error;
	u8 flags;
};

/* An acceptable segment has arrived. */
static inline void xtcp_ended_heard(struct xtcp_ended *ended, u16 flags)
{
	ended->flags = (u8)flags;
}

/* OPEN: the sock begins a new connection. */
static inline void xtcp_ended_forget(struct xtcp_ended *ended)
{
	*ended = (struct xtcp_ended) { };
}

static inline void xtcp_ended_set(struct xtcp_ended *ended, enum xtcp_abort_reason reason, int error)
{
	ended->reason = reason;
	ended->error = error;
}

/* The peer's RST gave a reason (RST diagnostic payload). */
static inline void xtcp_ended_tell(struct xtcp_ended *ended)
{
	ended->is_told = true;
}

static inline void xtcp_ended_list(struct xtcp_ended *ended, bool is_listed)
{
	ended->is_listed = is_listed;
}

#endif /* XTCP_BASE_ABORT_H */
