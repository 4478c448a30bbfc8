/* SPDX-License-Identifier: GPL-2.0 */
/* Why a connection ended otherwise than by both FINs. */
#ifndef XTCP_ABORT_H
#define XTCP_ABORT_H

enum xtcp_abort_reason {
	XTCP_ABORT_RESET,	/* the peer reset it */
	XTCP_ABORT_ICMP,	/* an ICMP error while it opened */
	XTCP_ABORT_TIMEOUT,	/* no ACK for too long */
	XTCP_ABORT_KEEPALIVE,	/* too many keepalive probes without an answer */
	XTCP_ABORT_UNREAD,	/* closed with unread data */
	XTCP_ABORT_LATE_DATA,	/* data came after the program had stopped reading */
	XTCP_ABORT_LINGER,	/* closed with SO_LINGER, zero seconds */
	XTCP_ABORT_LINGER2,	/* an orphan in FIN-WAIT-2, and TCP_LINGER2 is negative */
	XTCP_ABORT_ORPHANS,	/* too many orphans */
	XTCP_ABORT_LISTENER,	/* its listener ended before accept() */
	XTCP_ABORT_DISCONNECT,	/* connect() to AF_UNSPEC */
	XTCP_ABORT_KILLED,	/* by an administrator (ss -K) */
	XTCP_ABORT_NETNS,	/* the namespace or the module ends */
};

#endif /* XTCP_ABORT_H */
