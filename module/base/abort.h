/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a connection ended otherwise than by both FINs; uapi/linux/xtcp.h has the reasons. Other files
 * report what has happened; only this one writes it. One exception: a disconnect keeps it.
 */
#ifndef XTCP_BASE_ABORT_H
#define XTCP_BASE_ABORT_H

#include <linux/types.h>
#include <uapi/linux/xtcp.h>

/**
 * struct xtcp_ended - what a TCB remembers of its end
 * @reason: enum xtcp_abort_reason
 * @error: what the program was told, an errno; 0: nothing
 * @flags: of the last segment in the window, its low octet; written as long as the connection lives
 */
struct xtcp_ended {
	u8 reason;
	u8 error;
	u8 flags;
};

/* A segment has come in the window. */
static inline void xtcp_ended_heard(struct xtcp_ended *ended, u16 flags)
{
	ended->flags = (u8)flags;
}

/* OPEN: what comes now is another connection. */
static inline void xtcp_ended_forget(struct xtcp_ended *ended)
{
	*ended = (struct xtcp_ended) { };
}

static inline void xtcp_ended_set(struct xtcp_ended *ended, enum xtcp_abort_reason reason, int error)
{
	ended->reason = reason;
	ended->error = error;
}

#endif /* XTCP_BASE_ABORT_H */
