/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The diagnostic payload of a RST: read and write it (draft-ietf-tcpm-rst-diagnostic-payload-03,
 * section 4.1). Uses no sock.
 *
 * Records why a connection ended, unless a FIN from each end closed it (uapi/linux/xtcp.h lists the
 * reasons). Other files report events; only this file writes struct xtcp_ended. One exception: a
 * disconnect resets the TCB, and then restores this struct (family.c).
 */
#ifndef XTCP_RSTDIAG_H
#define XTCP_RSTDIAG_H

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

/* rstdiag.c */

#define XTCP_RSTDIAG_LEN	8	/* octets: magic number, code, enterprise number */
#define XTCP_RSTDIAG_MAGIC	0x33aa

/* The codes that we send, from IANA's "TCP Failure Causes" (section 9.1 of the draft, table 2). */
enum xtcp_rstdiag_code {
	XTCP_RSTDIAG_NO_CODE = 0,	/* reserved, never on the wire */
	XTCP_RSTDIAG_NOBODY_READS = 2,	/* data has arrived that no program can read */
	XTCP_RSTDIAG_ABORT = 3,		/* ABORT of RFC 9293 section 3.10.5 */
	XTCP_RSTDIAG_RESOURCES = 12,	/* a limit was reached */
	XTCP_RSTDIAG_TIMEOUT = 16,
};

enum xtcp_rstdiag_verdict {
	XTCP_RSTDIAG_NONE,	/* the text is not a diagnostic payload */
	XTCP_RSTDIAG_VALID,
	XTCP_RSTDIAG_MALFORMED,	/* the text begins with the magic number, but the rest is wrong */
};

/**
 * struct xtcp_rstdiag - what a payload says
 * @pen: the private enterprise number of the organisation that defined the code; 0: IANA
 * @code: why the connection was reset, not 0
 */
struct xtcp_rstdiag {
	u32 pen;
	u16 code;
};

u16 xtcp_rstdiag_code_of(enum xtcp_abort_reason reason);
void xtcp_rstdiag_write(u8 *text, u16 code);
enum xtcp_rstdiag_verdict xtcp_rstdiag_parse(const u8 *text, u32 len, u32 seg_len, struct xtcp_rstdiag *diag);

#endif /* XTCP_RSTDIAG_H */
