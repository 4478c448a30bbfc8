/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ACK Rate Request option (TARR, draft-ietf-tcpm-ack-rate-request-10): what an option says, in
 * an octet.
 */
#ifndef XTCP_ACKRATE_H
#define XTCP_ACKRATE_H

#include <linux/types.h>

/* full segments for each ACK: the most that a request can ask for */
#define XTCP_ACKRATE_MAX	127

/*
 * The option of a segment. A value from XTCP_ACKRATE_REQUEST on is a request; its low bits are R:
 * send an ACK for each R full segments, or, if R is 0, for this segment at once.
 */
enum xtcp_ackrate {
	XTCP_ACKRATE_NONE = 0,		/* the segment has no such option */
	XTCP_ACKRATE_SUPPORTED = 1,	/* on a SYN: the sender knows the option */
	XTCP_ACKRATE_MALFORMED = 2,	/* a wrong length */
	XTCP_ACKRATE_REQUEST = 0x80,
};

/* Is @option a request? */
static inline bool xtcp_ackrate_is_request(u8 option)
{
	return option & XTCP_ACKRATE_REQUEST;
}

/* @option: a request. Return: its R, at most XTCP_ACKRATE_MAX. */
static inline u8 xtcp_ackrate_of(u8 option)
{
	return option & XTCP_ACKRATE_MAX;
}

#endif /* XTCP_ACKRATE_H */
