/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct xtcp_sender: the part of the TCB for sending. Congestion control, loss detection and the
 * send queue need no more than this. Other files report events; only this file writes struct
 * xtcp_agreed (the options on which the two SYNs agree), xtcp_snd (the send sequence variables, RFC
 * 9293 section 3.3.1) and xtcp_tries (retransmissions and probes without an answer).
 */
#ifndef XTCP_SENDER_H
#define XTCP_SENDER_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "base/endpoint.h"
#include "base/rto.h"
#include "base/seq.h"
#include "base/stream.h"
#include "cong/cong.h"

/*
 * struct xtcp_agreed - the options of the SYNs (RFC 9293 section 3.7.1, RFC 7323, RFC 2018)
 * @wscale_ok: both ends sent window scale. Before the peer's SYN, this field and the next two say
 *	what we offer
 * @ack_rate_ok: both ends know the ACK Rate Request option (draft-ietf-tcpm-ack-rate-request-10).
 *	Before the peer's SYN, this field says that our SYN offers the option
 *
 * The socket lock guards the struct. After the handshake the struct is constant.
 */
struct xtcp_agreed {
	u16 mss_clamp;		/* the peer's MSS option, or the default; at most TCP_MAXSEG */
	u16 advmss;		/* our MSS option */
	u8 snd_wscale;		/* shift of the peer's window */
	bool wscale_ok;
	bool ts_ok;		/* both sent timestamps (Snd.TS.OK of RFC 7323 section 3.2) */
	bool sack_ok : 1;	/* both sent SACK-permitted (RFC 2018) */
	bool ack_rate_ok : 1;
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

/*
 * Store the options that our SYN offers or, later, the options that both SYNs have. @shift: the
 * peer's window shift; 0 before the peer's SYN has come; not used without @wscale
 */
static inline void xtcp_agreed_options(struct xtcp_agreed *agreed, bool wscale, u8 shift, bool ts, bool sack)
{
	agreed->wscale_ok = wscale;
	agreed->snd_wscale = wscale ? shift : 0;
	agreed->ts_ok = ts;
	agreed->sack_ok = sack;
}

/*
 * @ok: before the peer's SYN has come, our SYN offers the ACK Rate Request option; later, both SYNs
 * have the option
 */
static inline void xtcp_agreed_ack_rate(struct xtcp_agreed *agreed, bool ok)
{
	agreed->ack_rate_ok = ok;
}

/*
 * struct xtcp_snd - what we have queued and sent, and what the peer has acknowledged and offers
 * @write_seq: the octet after the last octet that SEND queued; counts a queued FIN, too
 * @max_wnd: the largest @wnd so far (MAX.SND.WND of RFC 5961 section 5.2); also used to avoid silly
 *	windows
 *
 * The socket lock guards this struct; @una, @nxt, @write_seq, @iss and @ts_offset are also read
 * without the lock.
 */
struct xtcp_snd {
	u32 una;	/* SND.UNA: the oldest octet that is not acknowledged */
	u32 nxt;	/* SND.NXT: the octet after the highest octet that was sent */
	u32 write_seq;
	u32 wnd;	/* SND.WND: the peer's window, counted from @una */
	u32 max_wnd;
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

/*
 * struct xtcp_tries - retransmissions and probes that the peer has not answered
 * @retrans_stamp: timestamp clock (ms) of the first retransmission, or of the SYN; 0: none
 *
 * The socket lock guards this struct; the counts are also read without the lock. expiry.c says when
 * to give up.
 */
struct xtcp_tries {
	u32 retrans_stamp;
	u8 retransmits;		/* timeouts in a row for the same SND.UNA */
	u8 probes_out;		/* window probes without an answer */
	u8 keepalive_sent;	/* keepalive probes without an answer */
};

/* A SYN leaves, or data is resent for the first time. @now: timestamp clock (ms) */
static inline void xtcp_tries_begin(struct xtcp_tries *tries, u32 now)
{
	tries->retrans_stamp = now;
}

static inline void xtcp_tries_resent(struct xtcp_tries *tries)
{
	if (tries->retransmits < U8_MAX)
		WRITE_ONCE(tries->retransmits, tries->retransmits + 1);
}

/* The timeouts were not due to loss. */
static inline void xtcp_tries_spurious(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->retransmits, 0);
}

/* An ACK has moved SND.UNA. */
static inline void xtcp_tries_acked(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->retransmits, 0);
	tries->retrans_stamp = 0;
}

static inline void xtcp_tries_probed(struct xtcp_tries *tries)
{
	if (tries->probes_out < U8_MAX)
		WRITE_ONCE(tries->probes_out, tries->probes_out + 1);
}

/* An ACK has arrived, or no probe is needed any more. */
static inline void xtcp_tries_end_probes(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->probes_out, 0);
}

static inline void xtcp_tries_kept_alive(struct xtcp_tries *tries)
{
	if (tries->keepalive_sent < U8_MAX)
		WRITE_ONCE(tries->keepalive_sent, tries->keepalive_sent + 1);
}

/* A segment has arrived. */
static inline void xtcp_tries_heard(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->keepalive_sent, 0);
}

/*
 * Number of unanswered window probes; if this is 0, number of unanswered keepalive probes. Linux
 * shows the same. Also read without a lock.
 */
static inline u8 xtcp_tries_probes_out(const struct xtcp_tries *tries)
{
	return READ_ONCE(tries->probes_out) ?: READ_ONCE(tries->keepalive_sent);
}

/*
 * struct xtcp_sender - the beginning of struct xtcp_sock: the part for sending. Each outgoing
 * segment and each ACK uses it. Units: as in sock.h.
 */
struct xtcp_sender {
	struct xtcp_endpoint;

	/*
	 * The fields that only data transfer needs; XTCP_STREAM_NONE until they are allocated
	 * (state.c). Socket lock.
	 */
	struct xtcp_stream *stream;

	/*
	 * From here to the end of struct xtcp_sock, the fields belong to the connection.
	 * xtcp_sock_reset_tcb() gives them the values from before OPEN, nearly always zero. The
	 * socket lock guards them unless a line says otherwise.
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
