/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct xtcp_sender: the part of the TCB for sending. Congestion control, loss detection and the
 * send queue need no more than this.
 */
#ifndef XTCP_SENDER_H
#define XTCP_SENDER_H

#include <linux/types.h>

#include "base/agreed.h"
#include "base/endpoint.h"
#include "base/rto.h"
#include "base/snd.h"
#include "base/stream.h"
#include "base/tries.h"
#include "cong/cong.h"

/*
 * struct xtcp_sender - the beginning of struct xtcp_sock: the part for sending
 *
 * Each outgoing segment and each ACK uses this struct. Units: as in sock.h.
 */
struct xtcp_sender {
	struct xtcp_endpoint;

	/*
	 * The fields that only data transfer needs; XTCP_STREAM_NONE until they are allocated
	 * (stream.c). Socket lock.
	 */
	struct xtcp_stream *stream;

	/*
	 * All fields from here to the end of struct xtcp_sock belong to the connection.
	 * xtcp_sock_reset_tcb() gives them the values that they have before OPEN, nearly always
	 * zero. The socket lock guards them unless a line says otherwise.
	 */
	struct xtcp_snd snd;		/* the send sequence variables */
	/* effective send MSS: octets of data in a full segment (RFC 9293 section 3.7.1, MUST-16) */
	u16 mss;
	bool fin_queued;		/* the send queue ends with a FIN */
	u8 ecn;				/* bits of enum xtcp_ecn (ecn.h) */
	/* jiffies when data or a FIN was last sent, or the handshake ended, whichever was later */
	u32 snd_tstamp;
	struct xtcp_rto rto;		/* RFC 6298 state */
	struct xtcp_cong cong;		/* the congestion window */
	u32 ack_tstamp;			/* jiffies when the last acceptable ACK arrived */
	struct xtcp_tries tries;	/* retransmissions and probes without an answer */

	/* Written when the connection opens; pmtu is also written later. */
	struct xtcp_agreed agreed;	/* the options of the SYNs */
	u32 pmtu;			/* the path MTU from which mss was computed */
};

static inline struct xtcp_sender *xtcp_sender(const struct sock *sk)
{
	return (struct xtcp_sender *)sk;
}

#endif /* XTCP_SENDER_H */
