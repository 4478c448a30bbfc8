/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct xtcp_sender: the part of the TCB for sending. Congestion control, loss detection and the
 * send queue need no more than this. Other files report events; only this file writes struct
 * xtcp_agreed (the options on which the two SYNs agree), xtcp_snd (the send sequence variables, RFC
 * 9293 section 3.3.1) and xtcp_tries (retransmissions and probes without an answer).
 */
#ifndef XTCP_SENDER_H
#define XTCP_SENDER_H

#include "base/endpoint.h"
#include "base/rto.h"
#include "loss/loss.h"
#include "recovery/recovery.h"
#include "sendq/sendq.h"
#include "window/window.h"

/*
 * struct xtcp_agreed - the options of the SYNs (RFC 9293 section 3.7.1, RFC 7323, RFC 2018). Before
 * the peer's SYN, the flags say what we offer. TCP_REPAIR_OPTIONS changes it later. Socket lock.
 */
struct xtcp_agreed {
	u16 mss_clamp;		/* the peer's MSS option, or the default; at most TCP_MAXSEG */
	u16 advmss;		/* our MSS option */
	u8 snd_wscale;		/* shift of the peer's window */
	bool wscale_ok;
	bool ts_ok;		/* both sent timestamps (Snd.TS.OK of RFC 7323 section 3.2) */
	bool sack_ok : 1;	/* both sent SACK-permitted (RFC 2018) */
	bool ack_rate_ok : 1;	/* both ends know the ACK Rate Request option (draft-ietf-tcpm-ack-rate-request-10) */
};

/* @user: TCP_MAXSEG; 0: not set */
static inline void xtcp_agreed_peer_mss(struct xtcp_agreed *agreed, u16 mss, u16 user)
{
	agreed->mss_clamp = min_not_zero(user, mss);
}

static inline void xtcp_agreed_our_mss(struct xtcp_agreed *agreed, u16 mss, u16 user)
{
	agreed->advmss = min_not_zero(user, mss);
}

/* What our SYN offers or, later, both SYNs have. @shift: the peer's window shift; 0 before its SYN. */
static inline void xtcp_agreed_options(struct xtcp_agreed *agreed, bool wscale, u8 shift, bool ts, bool sack)
{
	agreed->wscale_ok = wscale;
	agreed->snd_wscale = wscale ? shift : 0;
	agreed->ts_ok = ts;
	agreed->sack_ok = sack;
}

/* @ok: our SYN offers the ACK Rate Request option; later, both SYNs have it. */
static inline void xtcp_agreed_ack_rate(struct xtcp_agreed *agreed, bool ok)
{
	agreed->ack_rate_ok = ok;
}

/*
 * struct xtcp_snd - what we have queued and sent, and what the peer has acknowledged and offers.
 * The socket lock guards it; @una, @nxt, @write_seq, @iss and @ts_offset are also read without.
 */
struct xtcp_snd {
	u32 una;	/* SND.UNA: the oldest octet that is not acknowledged */
	u32 nxt;	/* SND.NXT: the octet after the highest octet that was sent */
	u32 write_seq;	/* the octet after the last octet that SEND queued; counts a queued FIN, too */
	u32 wnd;	/* SND.WND: the peer's window, counted from @una */
	u32 max_wnd;	/* the largest @wnd so far (MAX.SND.WND of RFC 5961 section 5.2); also against silly windows */
	u32 wl1;	/* SND.WL1: SEG.SEQ of the last window update */
	u32 iss;	/* the initial send sequence number */
	u32 ts_offset;	/* the offset that is added to our clock in each TSval */
};

/* Set the ISS and the offset of our timestamps. @iss: 0 if none is chosen yet */
static inline void xtcp_snd_choose(struct xtcp_snd *snd, u32 iss, u32 ts_offset)
{
	snd->iss = iss;
	snd->ts_offset = ts_offset;
}

/* Nothing is queued or sent yet. */
static inline void xtcp_snd_begin(struct xtcp_snd *snd)
{
	snd->una = snd->iss;
	snd->nxt = snd->iss;
	WRITE_ONCE(snd->write_seq, snd->iss);
}

/* The SYN-ACK was sent before the sock existed, so SND.NXT begins behind the SYN. */
static inline void xtcp_snd_begin_after_syn(struct xtcp_snd *snd)
{
	snd->una = snd->iss;
	snd->nxt = snd->iss + 1;
	snd->write_seq = snd->iss + 1;
}

/* How far the peer's window reaches beyond @seq, octets. */
static inline u32 xtcp_snd_room(const struct xtcp_snd *snd, u32 seq)
{
	u32 edge = snd->una + snd->wnd;

	return xtcp_seq_gt(edge, seq) ? edge - seq : 0;
}

/* @n octets, a SYN or a FIN are put at the end of the queue. */
static inline void xtcp_snd_queued(struct xtcp_snd *snd, u32 n)
{
	WRITE_ONCE(snd->write_seq, snd->write_seq + n);
}

/* The octets from SND.NXT to @end have now been sent for the first time. */
static inline void xtcp_snd_sent(struct xtcp_snd *snd, u32 end)
{
	WRITE_ONCE(snd->nxt, end);
}

static inline void xtcp_snd_acked(struct xtcp_snd *snd, u32 ack)
{
	WRITE_ONCE(snd->una, ack);
}

/* A segment at @seq offers @wnd octets. Return: true when @wnd is the largest window so far. */
static inline bool xtcp_snd_offered(struct xtcp_snd *snd, u32 wnd, u32 seq)
{
	snd->wnd = wnd;
	snd->wl1 = seq;
	if (wnd <= snd->max_wnd)
		return false;
	snd->max_wnd = wnd;
	return true;
}

/* A program sets the peer's window (TCP_REPAIR_WINDOW). */
static inline void xtcp_snd_set_window(struct xtcp_snd *snd, u32 wnd, u32 max_wnd, u32 wl1)
{
	snd->wnd = wnd;
	snd->max_wnd = max_wnd;
	snd->wl1 = wl1;
}

/*
 * struct xtcp_tries - retransmissions and probes that the peer has not answered. The socket lock
 * guards it; the counts are also read without. expiry.c says when to give up.
 */
struct xtcp_tries {
	u32 retrans_stamp;	/* timestamp clock (ms) of the first retransmission, or of the SYN; 0: none */
	u8 retransmits;		/* timeouts in a row for the same SND.UNA */
	u8 probes_out;		/* window probes without an answer */
	u8 keepalive_sent;	/* keepalive probes without an answer */
};

/* A SYN leaves, or data is resent for the first time. @now: timestamp clock (ms) */
static inline void xtcp_tries_begin(struct xtcp_tries *tries, u32 now)
{
	tries->retrans_stamp = now;
}

/* One more without an answer. @count: retransmits, probes_out, keepalive_sent; or probes of struct xtcp_timers. */
static inline void xtcp_tries_count(u8 *count)
{
	if (*count < U8_MAX)
		WRITE_ONCE(*count, *count + 1);
}

/* An answer has come, or none is needed any more. */
static inline void xtcp_tries_answered(u8 *count)
{
	WRITE_ONCE(*count, 0);
}

/* An ACK has moved SND.UNA. */
static inline void xtcp_tries_acked(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->retransmits, 0);
	tries->retrans_stamp = 0;
}

/* Unanswered window probes or, without any, keepalive probes, as Linux shows. Also read without a lock. */
static inline u8 xtcp_tries_probes_out(const struct xtcp_tries *tries)
{
	return READ_ONCE(tries->probes_out) ?: READ_ONCE(tries->keepalive_sent);
}

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
	/* skbs in flight, neither acknowledged nor sacked nor on to_resend, in order of sending */
	struct list_head in_flight;
	/* lost skbs that are not resent yet, roughly in order of sequence numbers (scoreboard.c) */
	struct list_head to_resend;
	/* where place_to_resend() begins: the skb added to to_resend last, or the one before it; NULL: at the head */
	struct sk_buff *resend_cursor;
	/* when text was last delivered, or, if later, sending began after a pause; microseconds */
	u64 delivered_us;
	u32 delivered;			/* octets known to have arrived, in or out of order */
	/* segments that have arrived: octets that each ACK delivers by mss, rounded up; for TCP_INFO */
	u32 delivered_segments;
	u32 data_segs_out;		/* segments with data sent; for TCP_INFO */
	/* jiffies of the later: the peer's FIN arrived in order, ours was acknowledged in FIN-WAIT-1; 0: neither */
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
	/* timestamp clock (ms) of the first attempt of a window probe; 0: none since an ACK of data or new data */
	u32 probe_stamp;
	/* SND.NXT at the beginning of the present congestion control phase (RFC 6582 section 3.2) */
	u32 recover;
	struct xtcp_scoreboard scoreboard; /* what is known of the octets in flight */
	u32 lost_total;			/* sum of the octets ever counted as lost */
	struct xtcp_cong_stream cong;	/* how the congestion window was used */
	struct xtcp_accecn_told told;	/* what the peer's AccECN feedback has reported */

	/* Fields used for each arriving segment with data. */
	struct rb_root out_of_order;	/* skbs beyond RCV.NXT, by sequence number (rcvq.c) */
	u64 bytes_received;		/* octets of the peer taken in order; for TCP_INFO */
	u64 space_stamp;		/* when space_seq was set, microseconds; 0: never */
	u32 space_seq;	/* copied_seq at the beginning of this round trip (window.c) */
	u32 space_copied;		/* the most octets that RECEIVE took in one round trip */
	u32 rcv_fin_seq;		/* sequence number of the peer's FIN, if rcv_fin_known */
	u32 rcv_data_tstamp;		/* jiffies when data last came, 0: never */
	/* octets in the last segment: a second one as long may lower rcv_mss to this (measure_mss()); 0: none may */
	u16 rcv_last_len;
	u8 asked_rate;	/* full segments per ACK, from the last ACK Rate Request that we sent (output.c); 0: none */
	u8 wanted_rate;			/* rate of the next ACK Rate Request, if sack.asks is set */
	u32 rcv_rtt_us;	/* the receiver's round-trip time, microseconds; 0: unknown */
	u32 rcv_rtt_seq;	/* right edge of our window when the round trip began; the first value is RCV.NXT */
	u32 rcv_rtt_stamp;		/* timestamp clock (ms) when the round trip began, or 0 */
	u32 rcv_rtt_tsecr;		/* TSecr that gave the last round-trip time */

	/* Fields used when data is lost or out of order. */
	u32 out_of_order_bytes;		/* sum of the truesizes in out_of_order */
	u32 rcv_ooopack;		/* segments received out of order; for TCP_INFO */
	struct xtcp_sack sack;		/* the SACK blocks that we send (window.c) */
	struct xtcp_undo undo;		/* whether the present recovery is spurious */
	u64 bytes_retrans;		/* octets resent; for TCP_INFO */
	u64 dsacked;			/* octets that D-SACKs reported */
	bool frto : 1;			/* F-RTO tests if the timeout was spurious (RFC 5682) */
	/* writes soon after each other that found unread text at a peer here, to XTCP_LOCAL_LAGS (local.c) */
	u8 local_lags : 2;
	/* SEG.SEQ / 256 of the segment whose ACK Rate Request set sack.ack_rate (rcvq.c) */
	u32 request_seq : 24;

	/* Seldom. */
	struct xtcp_mtuprobe mtuprobe;	/* the search for the path MTU (RFC 4821) */
};

/* What xtcp_sender.stream points to while a connection has no data state (state.c). */
extern const struct xtcp_stream xtcp_stream_none;

#define XTCP_STREAM_NONE	((struct xtcp_stream *)&xtcp_stream_none)

/* Does the connection have data state of its own? Only then may the caller write to @stream. */
static inline bool xtcp_stream_is_there(const struct xtcp_stream *stream)
{
	return likely(stream != &xtcp_stream_none);
}

extern const struct xtcp_part xtcp_stream_part;
struct xtcp_stream *xtcp_stream_alloc(gfp_t gfp);
void xtcp_stream_end(struct sock *sk);

/*
 * struct xtcp_sender - the beginning of struct xtcp_sock: the part for sending. Each outgoing
 * segment and each ACK uses it. Units: as in sock.h.
 */
struct xtcp_sender {
	struct xtcp_endpoint;

	/* What only data transfer needs; XTCP_STREAM_NONE until it is allocated (state.c). Socket lock. */
	struct xtcp_stream *stream;

	/*
	 * From here to the end of struct xtcp_sock, the fields belong to the connection.
	 * xtcp_sock_reset_tcb() gives them the values from before OPEN, nearly always zero. The
	 * socket lock guards them unless a line says otherwise.
	 */
	struct xtcp_snd snd;		/* the send sequence variables */
	u16 mss;	/* effective send MSS: octets of data in a full segment (RFC 9293 section 3.7.1, MUST-16) */
	bool fin_queued;		/* the send queue ends with a FIN */
	u8 ecn;				/* bits of enum xtcp_ecn (ecn.h) */
	u32 snd_tstamp;	/* jiffies when data or a FIN was last sent, or the handshake ended, whichever was later */
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

/* The private space of the algorithm: XTCP_CONG_PRIVATE octets, zeroed before it starts. */
static inline void *xtcp_cong_private(struct sock *sk)
{
	sock_owned_by_me(sk);
	return xtcp_sender(sk)->stream->cong.private;
}

#endif /* XTCP_SENDER_H */
