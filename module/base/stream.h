/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data state of a connection: the part of its TCB that only data transfer needs. state.c says
 * when the data state is allocated: usually with the first data.
 */
#ifndef XTCP_STREAM_H
#define XTCP_STREAM_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "cong/cong.h"
#include "ecn/ace.h"
#include "loss/loss.h"
#include "recovery/recovery.h"
#include "sendq/sendq.h"
#include "window/window.h"

struct sk_buff;
struct sock;

/* state.c */

/**
 * struct xtcp_mtuprobe - the search for the path MTU; sizes are in octets and include the IP
 *	header. No field is valid before @is_on is set
 * @start: sequence number of the first octet of the probe in flight
 * @end: sequence number after the last octet of the probe
 * @stamp: when this search began, jiffies
 * @low: the largest size that is known to pass
 * @high: the largest size that may pass; if it is below @low, nothing is left to find
 * @size: the size of the probe in flight; 0: none is in flight
 * @is_on: the search runs, and @low limits segments
 */
struct xtcp_mtuprobe {
	u32 start;
	u32 end;
	u32 stamp;
	u16 low;
	u16 high;
	u16 size;
	bool is_on;
};

/*
 * struct xtcp_stream - the data state: the part of a TCB that only data transfer reads or writes.
 * Grouped as struct xtcp_sock, with the same units. The socket lock guards all fields.
 */
struct xtcp_stream {
	/* Fields used for each outgoing segment with data, and for each ACK. */
	/*
	 * skbs in flight that are neither acknowledged nor sacked nor on to_resend, in order of
	 * sending
	 */
	struct list_head in_flight;
	/* lost skbs that are not resent yet, roughly in order of sequence numbers (scoreboard.c) */
	struct list_head to_resend;
	/*
	 * where place_to_resend() begins its search: the skb added to to_resend last or, once that
	 * has left the list, the one before it. NULL: begin at the head
	 */
	struct sk_buff *resend_cursor;
	/*
	 * when text was last delivered, or when sending last began after a pause, whichever was
	 * later; microseconds
	 */
	u64 delivered_us;
	u32 delivered;			/* octets known to have arrived, in or out of order */
	/*
	 * segments known to have arrived; each ACK adds its newly delivered octets, divided by mss
	 * and rounded up; for TCP_INFO
	 */
	u32 delivered_segments;
	u32 data_segs_out;		/* segments with data sent; for TCP_INFO */
	/*
	 * jiffies of the later of two events: the peer's FIN arrived in order, our FIN was
	 * acknowledged in FIN-WAIT-1; 0: neither; placed here to fill a hole in the struct
	 */
	u32 fin_tstamp;
	u64 bytes_sent;			/* octets sent, with retransmissions; for TCP_INFO */
	u64 bytes_acked;		/* octets of ours acknowledged; for TCP_INFO */
	struct xtcp_rate rate;		/* the delivery rate */
	struct xtcp_rack rack;		/* the state of RACK (RFC 8985) */
	struct xtcp_busy busy;		/* how long each limit of sending applied; for TCP_INFO */
	struct xtcp_tlp tlp;		/* the tail loss probe in flight */
	u32 snd_sml;			/* end of the last partial segment that was sent (Nagle) */
	u32 snd_up;			/* the octet after the last urgent octet that SEND queued */
	u32 pushed_seq;			/* end of the last write that got PSH (sendmsg.c) */
	/*
	 * timestamp clock (ms) of the first attempt to send a window probe; 0: none. Set to 0 when
	 * data is acknowledged, and when new data is sent with nothing in flight
	 */
	u32 probe_stamp;
	/*
	 * SND.NXT at the beginning of the present congestion control phase (RFC 6582 section 3.2)
	 */
	u32 recover;
	struct xtcp_scoreboard scoreboard; /* what is known of the octets in flight */
	u32 lost_total;			/* sum of the octets ever counted as lost */
	struct xtcp_cong_stream cong;	/* how the congestion window was used */
	struct xtcp_accecn_told told;	/* what the peer's AccECN feedback has reported */

	/* Fields used for each arriving segment with data. */
	struct rb_root out_of_order;	/* skbs beyond RCV.NXT, by sequence number (rcvq.c) */
	u64 bytes_received;		/* octets of the peer taken in order; for TCP_INFO */
	u64 space_stamp;		/* when space_seq was set, microseconds; 0: never */
	/* copied_seq at the beginning of this round trip (window.c) */
	u32 space_seq;
	u32 space_copied;		/* the most octets that RECEIVE took in one round trip */
	u32 rcv_fin_seq;		/* sequence number of the peer's FIN, if rcv_fin_known */
	u32 rcv_data_tstamp;		/* jiffies when data last came, 0: never */
	/*
	 * length of the last segment, octets: if the next segment is as long, measure_mss() may
	 * lower rcv_mss to this length; 0: the last segment cannot lower rcv_mss
	 */
	u16 rcv_last_len;
	/* full segments per ACK, from the last ACK Rate Request that we sent (output.c); 0: none */
	u8 asked_rate;
	u8 wanted_rate;			/* rate of the next ACK Rate Request, if sack.asks is set */
	/* the receiver's round-trip time, microseconds; 0: unknown */
	u32 rcv_rtt_us;
	/* right edge of our window when the round trip began; the first value is RCV.NXT */
	u32 rcv_rtt_seq;
	u32 rcv_rtt_stamp;		/* timestamp clock (ms) when the round trip began, or 0 */
	u32 rcv_rtt_tsecr;		/* TSecr that gave the last round-trip time */

	/* Fields used when data is lost or out of order. */
	u32 out_of_order_bytes;		/* sum of the truesizes in out_of_order */
	u32 rcv_ooopack;		/* segments received out of order; for TCP_INFO */
	struct xtcp_sack sack;		/* the SACK blocks that we send (window.c) */
	struct xtcp_undo undo;		/* whether the present recovery is spurious */
	u64 bytes_retrans;		/* octets resent; for TCP_INFO */
	u64 dsacked;			/* octets that D-SACKs reported */
	bool frto;			/* F-RTO tests if the timeout was spurious (RFC 5682) */
	/* SEG.SEQ / 256 of the segment whose ACK Rate Request set sack.ack_rate (rcvq.c) */
	u32 request_seq : 24;

	/* Seldom. */
	struct xtcp_mtuprobe mtuprobe;	/* the search for the path MTU (RFC 4821) */
};

/*
 * What xtcp_sender.stream points to while a connection has no data state: the values of a new one,
 * except those that xtcp_stream_begin() sets. It is constant, so a write to it faults.
 */
extern const struct xtcp_stream xtcp_stream_none;

#define XTCP_STREAM_NONE	((struct xtcp_stream *)&xtcp_stream_none)

/* Does the connection have data state of its own? Only then may the caller write to @stream. */
static inline bool xtcp_stream_is_there(const struct xtcp_stream *stream)
{
	return likely(stream != &xtcp_stream_none);
}

int xtcp_stream_init(void);
void xtcp_stream_exit(void);
struct xtcp_stream *xtcp_stream_alloc(gfp_t gfp);
void xtcp_stream_end(struct sock *sk);

#endif /* XTCP_STREAM_H */
