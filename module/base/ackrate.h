/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ACK Rate Request option (TARR, draft-ietf-tcpm-ack-rate-request-10), decoded into one octet.
 */
#ifndef XTCP_ACKRATE_H
#define XTCP_ACKRATE_H

#include <linux/types.h>

/* largest number of full segments per ACK that a request can ask for */
#define XTCP_ACKRATE_MAX	127

/*
 * The decoded option of a segment. A value of at least XTCP_ACKRATE_REQUEST is a request, and its
 * low seven bits are R: send one ACK per R full segments or, if R is 0, acknowledge this segment at
 * once.
 */
enum xtcp_ackrate {
	XTCP_ACKRATE_NONE = 0,		/* the segment has no such option */
	XTCP_ACKRATE_SUPPORTED = 1,	/* on a SYN: the sender knows the option */
	XTCP_ACKRATE_MALFORMED = 2,	/* the length of the option is wrong */
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
