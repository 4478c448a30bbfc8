// SPDX-License-Identifier: GPL-2.0
/*
 * The diagnostic payload of a RST: read and write it.
 *
 * This file uses no socket, no skb and no namespace. The octets come from the wire, and anybody may
 * have written them. The module only shows what the octets say; nothing else depends on them.
 */
#include "base/rstdiag.h"

#include "base/options.h"

/**
 * xtcp_rstdiag_code_of() - get the code that tells the peer why we reset the connection
 * @reason: the reason
 *
 * Several reasons share a code, so the peer learns less than our program does.
 *
 * Context: any.
 *
 * Return: enum xtcp_rstdiag_code; XTCP_RSTDIAG_NO_CODE if no RST of ours has this reason.
 */
u16 xtcp_rstdiag_code_of(enum xtcp_abort_reason reason)
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

/**
 * xtcp_rstdiag_write() - write a payload
 * @text: receives %XTCP_RSTDIAG_LEN octets
 * @code: one of IANA's codes, not 0
 *
 * Context: any.
 */
void xtcp_rstdiag_write(u8 *text, u16 code)
{
	xtcp_options_write16(text, XTCP_RSTDIAG_MAGIC);
	xtcp_options_write16(text + 2, code);
	xtcp_options_write32(text + 4, 0);
}

/**
 * xtcp_rstdiag_parse() - read the text of a RST
 * @text: the text; the function reads %XTCP_RSTDIAG_LEN octets at most
 * @len: octets of text
 * @seg_len: SEG.LEN, which also counts SYN and FIN
 * @diag: receives what the payload says, if it is valid
 *
 * In a valid payload SEG.LEN is 8, and the code is not 0 (section 4.1 of the draft that rstdiag.h
 * names). An unknown code is valid (section 4.2).
 *
 * Context: any.
 *
 * Return: the verdict.
 */
enum xtcp_rstdiag_verdict xtcp_rstdiag_parse(const u8 *text, u32 len, u32 seg_len, struct xtcp_rstdiag *diag)
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
