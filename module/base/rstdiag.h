/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The diagnostic payload of a RST (draft-ietf-tcpm-rst-diagnostic-payload-03, section 4.1). Anybody
 * may have written its octets; the module only shows what they say. Uses no sock.
 *
 * Records why a connection ended, unless a FIN from each end closed it (uapi/linux/xtcp.h lists the
 * reasons). Other files report events; only this file writes struct xtcp_ended. One exception: a
 * disconnect resets the TCB, and then restores this struct (family.c).
 */
#ifndef XTCP_RSTDIAG_H
#define XTCP_RSTDIAG_H

#include <linux/types.h>
#include <uapi/linux/xtcp.h>

#include "base/options.h"

/*
 * struct xtcp_ended - how a connection ended
 * @is_told: the peer's RST gave a reason, whose code is in xtcp_timers.told_code
 * @flags: control bits (low octet) of the last acceptable segment that has arrived
 *
 * The socket lock guards this struct.
 */
struct xtcp_ended {
	u8 reason : 6;		/* enum xtcp_abort_reason */
	u8 is_listed : 1;	/* the sock is in the table of end.c */
	u8 is_told : 1;
	u8 error;		/* the errno that the program got; 0: none */
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

/*
 * struct xtcp_rstdiag - what a payload says
 * @pen: the private enterprise number of the organisation that defined the code; 0: IANA
 */
struct xtcp_rstdiag {
	u32 pen;
	u16 code;	/* why the connection was reset, not 0 */
};

/*
 * The code that tells the peer why we reset the connection; XTCP_RSTDIAG_NO_CODE if no RST of ours
 * has this reason. Several reasons share a code, so the peer learns less than our program does.
 */
static inline u16 xtcp_rstdiag_code_of(enum xtcp_abort_reason reason)
{
	switch (reason) {
	case XTCP_ABORT_UNREAD:
	case XTCP_ABORT_LATE_DATA:
		return XTCP_RSTDIAG_NOBODY_READS;
	case XTCP_ABORT_LINGER:
	case XTCP_ABORT_LINGER2:
	case XTCP_ABORT_LISTENER:
	case XTCP_ABORT_DISCONNECT:
	case XTCP_ABORT_KILLED:
	case XTCP_ABORT_NETNS:
		return XTCP_RSTDIAG_ABORT;
	case XTCP_ABORT_ORPHANS:
		return XTCP_RSTDIAG_RESOURCES;
	case XTCP_ABORT_KEEPALIVE:
	case XTCP_ABORT_IDLE:
	case XTCP_ABORT_HALF_CLOSED:
	case XTCP_ABORT_KEEPALIVE_ALWAYS:
		return XTCP_RSTDIAG_TIMEOUT;
	case XTCP_ABORT_NONE:
	case XTCP_ABORT_RESET:
	case XTCP_ABORT_ICMP:
	case XTCP_ABORT_TIMEOUT:
	case XTCP_ABORT_USER_TIMEOUT:
	case XTCP_ABORT_USER_TIMEOUT_MS:
		break;
	}
	return XTCP_RSTDIAG_NO_CODE;
}

/* Write a payload. @text: receives %XTCP_RSTDIAG_LEN octets. @code: one of IANA's codes, not 0. */
static inline void xtcp_rstdiag_write(u8 *text, u16 code)
{
	xtcp_options_write16(text, XTCP_RSTDIAG_MAGIC);
	xtcp_options_write16(text + 2, code);
	xtcp_options_write32(text + 4, 0);
}

/*
 * Reads the text of a RST, XTCP_RSTDIAG_LEN octets at most. @seg_len: SEG.LEN, which also counts
 * SYN and FIN. In a valid payload it is 8, and the code is not 0 (section 4.1). An unknown code is
 * valid (section 4.2).
 */
static inline enum xtcp_rstdiag_verdict xtcp_rstdiag_parse(const u8 *text, u32 len, u32 seg_len,
							   struct xtcp_rstdiag *diag)
{
	u16 code;

	if (len < 2 || xtcp_options_read16(text) != XTCP_RSTDIAG_MAGIC)
		return XTCP_RSTDIAG_NONE;
	if (len != XTCP_RSTDIAG_LEN || seg_len != XTCP_RSTDIAG_LEN)
		return XTCP_RSTDIAG_MALFORMED;
	code = xtcp_options_read16(text + 2);
	if (!code)
		return XTCP_RSTDIAG_MALFORMED;
	diag->code = code;
	diag->pen = xtcp_options_read32(text + 4);
	return XTCP_RSTDIAG_VALID;
}

#endif /* XTCP_RSTDIAG_H */
