/* SPDX-License-Identifier: GPL-2.0 */
/* What a connection needs for text, and an idle one does not have. When there is one: stream.c. */
#ifndef XTCP_STREAM_H
#define XTCP_STREAM_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "cong/cong.h"
#include "loss/rack.h"
#include "loss/rate.h"
#include "loss/scoreboard.h"
#include "loss/tlp.h"
#include "loss/undo.h"
#include "pure/ace.h"
#include "recv/sack.h"
#include "send/busy.h"
#include "send/mtuprobe.h"

struct sk_buff;
struct sock;

/*
 * struct xtcp_stream - the part of a TCB that text alone reads or writes
 *
 * Grouped as struct xtcp_sock, with the same units. All of it is under the socket lock.
 */
struct xtcp_stream {
	/* For each segment that goes out, and each ACK of it. */
	struct list_head in_flight;	/* of the skbs sent those of which nothing is known, in order of sending */
	struct list_head to_resend;	/* those that are lost and not resent, more or less in order (resend.c) */
	struct sk_buff *resend_cursor;	/* the skb that came last into to_resend; NULL: it has left */
	u64 delivered_us;		/* when delivered was, or when sending began after a pause, clock */
	u32 delivered;			/* octets that are known to have arrived, in or out of order */
	u32 delivered_segments;		/* known to have arrived, each ACK rounded up; for TCP_INFO */
	u32 data_segs_out;		/* segments with text sent; for TCP_INFO, as the octets */
	u64 bytes_sent;			/* octets sent, resent ones included */
	u64 bytes_acked;		/* octets of ours acknowledged */
	struct xtcp_rate rate;		/* the delivery rate */
	struct xtcp_rack rack;		/* when what arrived last was sent (RFC 8985) */
	struct xtcp_busy busy;		/* what it has waited for */
	struct xtcp_tlp tlp;		/* the tail loss probe on its way */
	u32 snd_sml;			/* the octet after the last segment sent that was not full (Nagle) */
	u32 snd_up;			/* the octet after the last one that SEND called urgent */
	u32 pushed_seq;			/* the octet after the last one that was written with PSH (sendmsg.c) */
	/* when the first window probe since text was last sent or acknowledged was, TS clock ms; 0: none */
	u32 probe_stamp;
	/* SND.NXT when the present phase of congestion control began (RFC 6582 section 3.2) */
	u32 recover;
	struct xtcp_scoreboard scoreboard; /* what is known of the octets in flight */
	struct xtcp_cong_stream cong;	/* how the windows came to be what they are */
	struct xtcp_accecn_told told;	/* what the peer's feedback has told, in AccECN mode */

	/* For each segment with text that comes in. */
	struct rb_root out_of_order;	/* skbs beyond RCV.NXT by sequence number (text.c) */
	u64 bytes_received;		/* octets of the peer's taken in order; for TCP_INFO */
	u64 space_stamp;		/* when space_seq was, microseconds; 0: no round trip has begun */
	u32 space_seq;			/* copied_seq when this round trip began (space.c) */
	u32 space_copied;		/* most octets that RECEIVE handed out in a round trip */
	u32 rcv_fin_seq;		/* the sequence number of the peer's FIN, once rcv_fin_known */
	u32 rcv_data_tstamp;		/* jiffies when text last came, 0: never */
	u16 rcv_last_len;		/* length of the last segment that was smaller than rcv_mss, 0: none (text.c) */
	u32 rcv_rtt_us;			/* the receiver's round trip, microseconds, 0: unknown */
	u32 rcv_rtt_seq;		/* the right edge as it was when the window's round trip began */
	u32 rcv_rtt_stamp;		/* when that was noted, TS clock ms, 0: never */
	u32 rcv_rtt_tsecr;		/* the echo of which the round trip was taken last */

	/* When something is lost, or comes out of order. */
	u32 out_of_order_bytes;		/* sum of the truesize of the skbs there */
	u32 rcv_ooopack;		/* segments that came out of order; for TCP_INFO */
	struct xtcp_sack sack;		/* the SACK blocks that we send (sack.c) */
	struct xtcp_undo undo;		/* whether the present repair is for nothing */
	u32 lost_total;			/* octets that ever were taken for lost */
	u64 bytes_retrans;		/* octets resent; for TCP_INFO */
	u64 dsacked;			/* octets that D-SACKs reported */
	bool frto;			/* F-RTO is at work (RFC 5682) */

	/* Seldom. */
	struct xtcp_mtuprobe mtuprobe;	/* the search for the path MTU (RFC 4821) */
};

/* What a connection without text has in its place: as one begins, for whoever reads. Nobody can write to it. */
extern const struct xtcp_stream xtcp_stream_none;

#define XTCP_STREAM_NONE	((struct xtcp_stream *)&xtcp_stream_none)

/* Has the connection one of its own, so that it may be written? */
static inline bool xtcp_stream_is_there(const struct xtcp_stream *stream)
{
	return likely(stream != &xtcp_stream_none);
}

int xtcp_stream_init(void);
void xtcp_stream_exit(void);
bool xtcp_stream_begin(struct sock *sk, gfp_t gfp);
void xtcp_stream_end(struct sock *sk);

#endif /* XTCP_STREAM_H */
