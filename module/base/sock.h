/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct xtcp_sock: a full connection or a listener. sock/create.c describes its life and its
 * locking. A file that needs only its beginning includes base/sender.h or base/endpoint.h.
 *
 * Other files report events; only this file writes these components of it:
 *
 *  - struct xtcp_acking: the ACKs that we owe;
 *  - struct xtcp_paws: TS.Recent and its age (RFC 7323 sections 4.3 and 5);
 *  - struct xtcp_rcv: the receive sequence variables (RFC 9293 section 3.3.1), except that RECEIVE
 *    advances copied_seq through a pointer (recvmsg.c);
 *  - struct xtcp_acklimit, which memory.c also writes;
 *  - struct xtcp_timeouts: counts of retransmission timeouts for TCP_INFO, as in Linux.
 */
#ifndef XTCP_SOCK_H
#define XTCP_SOCK_H

#include "base/sender.h"
#include "recv/recv.h"
#include "time/time.h"

/*
 * struct xtcp_acking - whether an ACK is owed, and whether it may be delayed; acks.c decides. The
 * socket lock guards it; some fields are also read without.
 * @pending: an ACK is owed: it leaves after the arriving segment is processed, or at the
 *	delayed-ACK deadline at the latest
 * @app_expects_reply: the program will probably read next: it has sent data in a blocking call, or
 *	waits in connect(). RECEIVE, poll() and the next decision of acks.c clear the field
 */
struct xtcp_acking {
	u8 unacked_segments;	/* full segments since the last ACK (RFC 9293 MUST-58) */
	u8 quick;		/* how many of the next ACKs leave without delay; not used while @pingpong is set */
	bool pending;
	bool now;		/* the owed ACK may not be delayed */
	bool pingpong;	/* the program answers the data that arrives; ACKs are delayed, so that the answer has them */
	bool ack_held_for_app;	/* the owed ACK waits a moment: the program is about to read and may answer */
	bool app_expects_reply;
};

static inline void xtcp_acking_owe(struct xtcp_acking *acking)
{
	acking->pending = true;
}

/* An ACK is owed, whether or not one was owed before, and may no longer be delayed. */
static inline void xtcp_acking_owe_now(struct xtcp_acking *acking)
{
	acking->pending = true;
	acking->now = true;
}

static inline void xtcp_acking_owe_if(struct xtcp_acking *acking, bool owed)
{
	acking->pending = owed;
}

/* An owed ACK, if there is one, may no longer be delayed. */
static inline void xtcp_acking_hurry(struct xtcp_acking *acking)
{
	acking->now = true;
}

/*
 * At least the next @n ACKs leave without delay, unless the program is interactive or the peer has
 * asked for an ACK rate (acks.c).
 */
static inline void xtcp_acking_quick(struct xtcp_acking *acking, u8 n)
{
	acking->quick = max(acking->quick, n);
}

/* @it_answers: the program answers the data that arrives, so its answer may carry the ACK */
static inline void xtcp_acking_interactive(struct xtcp_acking *acking, bool it_answers)
{
	acking->pingpong = it_answers;
}

/* Text has arrived; @full is the number of full-sized segments in it. */
static inline void xtcp_acking_text(struct xtcp_acking *acking, u32 full)
{
	acking->unacked_segments = min_t(u32, acking->unacked_segments + full, U8_MAX);
	acking->pending = true;
}

/* A segment of ours acknowledges RCV.NXT: no ACK is owed any more. */
static inline void xtcp_acking_said(struct xtcp_acking *acking)
{
	if (acking->quick)
		acking->quick--;
	acking->unacked_segments = 0;
	acking->now = false;
	acking->pending = false;
	WRITE_ONCE(acking->ack_held_for_app, false);
}

static inline void xtcp_acking_hold_for_app(struct xtcp_acking *acking)
{
	WRITE_ONCE(acking->ack_held_for_app, true);
}

static inline void xtcp_acking_expect_reply(struct xtcp_acking *acking, bool expects)
{
	WRITE_ONCE(acking->app_expects_reply, expects);
}

/* The last timestamp of the peer; socket lock. */
struct xtcp_paws {
	u32 ts_recent;	/* TS.Recent */
	u32 stamp;	/* when it was stored, seconds (xtcp_clock_seconds_stamp()); 0: never */
};

static inline void xtcp_paws_take(struct xtcp_paws *paws, u32 tsval)
{
	paws->ts_recent = tsval;
	paws->stamp = xtcp_clock_seconds_stamp();
}

/* If TS.Recent is newer than @tsval, lower it: a segment with @tsval then passes the PAWS test. */
static inline void xtcp_paws_let_pass(struct xtcp_paws *paws, u32 tsval)
{
	if (paws->ts_recent && xtcp_seq_gt(paws->ts_recent, tsval))
		paws->ts_recent = tsval;
}

/*
 * What has arrived, what we have acknowledged and offered, what the program has read. The socket
 * lock guards it; all fields are also read without.
 */
struct xtcp_rcv {
	u32 nxt;	/* RCV.NXT: the next octet expected */
	u32 wnd;	/* RCV.WND: the window that we offered, counted from @wup */
	u32 wup;	/* the last RCV.NXT that we acknowledged; Last.ACK.sent of RFC 7323 */
	u32 copied_seq;	/* the next octet that RECEIVE hands out */
	u32 irs;	/* the initial receive sequence number */
};

/* The peer's SYN was taken. */
static inline void xtcp_rcv_begin(struct xtcp_rcv *rcv, u32 irs)
{
	rcv->irs = irs;
	rcv->nxt = irs + 1;
	rcv->wup = irs + 1;
	rcv->copied_seq = irs + 1;
}

/* @n octets, or a FIN, have come in order. */
static inline void xtcp_rcv_took(struct xtcp_rcv *rcv, u32 n)
{
	WRITE_ONCE(rcv->nxt, rcv->nxt + n);
}

/* We have acknowledged RCV.NXT and offered @wnd octets from there on. */
static inline void xtcp_rcv_offered(struct xtcp_rcv *rcv, u32 wnd)
{
	WRITE_ONCE(rcv->wnd, wnd);
	WRITE_ONCE(rcv->wup, rcv->nxt);
}

/* A program sets the window that we have offered (TCP_REPAIR_WINDOW). */
static inline void xtcp_rcv_set_window(struct xtcp_rcv *rcv, u32 wnd, u32 wup)
{
	WRITE_ONCE(rcv->wnd, wnd);
	WRITE_ONCE(rcv->wup, wup);
}

/* How far the window that we have offered reaches beyond RCV.NXT, octets. Racy without the lock. */
static inline u32 xtcp_rcv_room(const struct xtcp_rcv *rcv)
{
	u32 edge = READ_ONCE(rcv->wup) + READ_ONCE(rcv->wnd), next = READ_ONCE(rcv->nxt);

	return xtcp_seq_gt(edge, next) ? edge - next : 0;
}

/* The program has received or skipped @n octets. */
static inline void xtcp_rcv_copied(struct xtcp_rcv *rcv, u32 n)
{
	WRITE_ONCE(rcv->copied_seq, rcv->copied_seq + n);
}

/*
 * Limits the ACKs that answer unacceptable segments (RFC 5961 section 7). Without a limit, two ends
 * could answer each other's ACKs forever, and each wrong guess of an attacker would cost an ACK.
 * xtcp_acklimit_refuses() also limits connections without a sock.
 */

#define XTCP_ACKLIMIT_CHALLENGES	100U	/* maximum number of challenge ACKs per second */

/* When unacceptable segments were answered; socket lock. */
struct xtcp_acklimit {
	u32 stamp;	/* jiffies of the last answer; 0: never */
	u16 second;	/* start of the second to which @challenges belongs; low 16 bits of jiffies */
	u8 challenges;	/* challenge ACKs in that second */
};

/* Did the last answer leave less than @apart jiffies ago? */
static inline bool xtcp_acklimit_is_early(const struct xtcp_acklimit *limit, u32 now, u32 apart)
{
	return limit->stamp && now - limit->stamp < apart;
}

static inline void xtcp_acklimit_sent(struct xtcp_acklimit *limit, u32 now)
{
	limit->stamp = now;
}

/* May a challenge ACK leave? If so, count it. */
static inline bool xtcp_acklimit_challenge(struct xtcp_acklimit *limit, u32 now)
{
	BUILD_BUG_ON(HZ > U16_MAX);
	/* limit->second has 16 bits, and may have wrapped since the last answer; so test limit->stamp, too */
	if (now - limit->stamp >= HZ || (u16)(now - limit->second) >= HZ) {
		limit->second = now;
		limit->challenges = 0;
	}
	if (limit->challenges >= XTCP_ACKLIMIT_CHALLENGES)
		return false;
	limit->challenges++;
	limit->stamp = now;
	return true;
}

bool xtcp_acklimit_refuses(struct xtcp_net *xn, const struct xtcp_seg *seg, int field, u32 *stamp);
bool xtcp_acklimit_net_challenge(struct xtcp_net *xn);

/*
 * struct xtcp_timeouts - the retransmission timeouts of a connection, also those of its SYN
 * @recoveries: tcpi_total_rto_recoveries: number of series of timeouts. A series ends when an ACK
 *	moves SND.UNA or shows that the timeouts were spurious
 *
 * For @ms and @since, a recovery lasts from a timeout until congestion control leaves
 * XTCP_CONG_LOSS, the SYN is acknowledged, or the connection ends. As in Linux, @total, @recoveries
 * and @rehashes may wrap. Socket lock.
 */
struct xtcp_timeouts {
	u32 ms;		/* time in recoveries that have ended, milliseconds */
	u32 since;	/* timestamp clock (ms) at the first timeout of the present recovery; 0: no recovery */
	u16 total;	/* number of timeouts */
	u16 recoveries;
	u16 rehashes;	/* number of timeouts that gave the flow another hash, for another path */
};

/* Counts a timeout. @in_series: number of earlier timeouts in the same series. */
static inline void xtcp_timeouts_count(struct xtcp_timeouts *timeouts, u8 in_series)
{
	if (!in_series)
		timeouts->recoveries++;
	if (!timeouts->since)
		timeouts->since = xtcp_clock_ts_stamp();
	timeouts->total++;
}

/* A timeout has given the flow another hash. */
static inline void xtcp_timeouts_rehashed(struct xtcp_timeouts *timeouts)
{
	timeouts->rehashes++;
}

/* The SYN-ACK of a new child timed out @total times in @ms milliseconds. */
static inline void xtcp_timeouts_of_syn_ack(struct xtcp_timeouts *timeouts, u16 total, u32 ms)
{
	if (likely(!total))
		return;
	timeouts->total = total;
	timeouts->recoveries = 1;
	timeouts->ms = ms;
}

/* Milliseconds in recoveries, the present one included. */
static inline u32 xtcp_timeouts_ms(const struct xtcp_timeouts *timeouts)
{
	return timeouts->ms + (timeouts->since ? xtcp_clock_ts_stamp() - timeouts->since : 0);
}

static inline void xtcp_timeouts_over(struct xtcp_timeouts *timeouts)
{
	if (likely(!timeouts->since))
		return;
	timeouts->ms = xtcp_timeouts_ms(timeouts);
	timeouts->since = 0;
}

#define XTCP_BY_RULE_BITS	11	/* number of bits of xtcp_sock.by_rule */

/*
 * struct xtcp_sock - the TCB (RFC 9293 section 3.3.1), and what the socket layer needs: the fields
 * that the handshake, keepalive, a RST or a bare ACK uses, and those that are read without the
 * socket lock. What only data transfer needs is in struct xtcp_stream.
 *
 * The first member has no name, so the code reaches its fields directly (-fms-extensions). Fields
 * that are written together and equally often are next to each other. Units: octets; jiffies if the
 * name ends in tstamp; otherwise as the line says.
 */
struct xtcp_sock {
	union {
		struct xtcp_sender;	/* begins with struct xtcp_endpoint */

		/*
		 * In the place of inet_sock.cork, which only datagram sockets use: as large as that at
		 * most. xtcp_sock_reset_tcb() clears these fields, too
		 */
		struct {
			u8 before_cork[offsetof(struct inet_sock, cork)];

			struct xtcp_timers timers;	/* deadlines (timer.c, expiry.c) */
			u64 arrived_us;			/* when the last segment arrived, microseconds */
			u32 segs_out;			/* segments sent; for TCP_INFO */
			u32 total_retrans;		/* retransmitted segments; for TCP_INFO */
			struct xtcp_urgent urgent;	/* the peer's urgent pointer */

			/* Rarely used. */
			struct xtcp_accecn accecn;	/* AccECN mode */
			u32 delivered_ce;		/* segments that the peer reported as CE-marked */
			struct xtcp_timeouts timeouts;	/* count of the timeouts; for TCP_INFO */
			struct xtcp_acklimit acklimit;	/* answers to unacceptable segments */
			u32 data_segs_in;	/* received segments with data, accepted or not; for TCP_INFO */
			struct xtcp_saved_syn *saved_syn; /* for TCP_SAVED_SYN; NULL: none (rcvq.c) */
			/* state of Fast Open as server; NULL: none, or the handshake is complete */
			struct xtcp_fastopen *fastopen;
			/* the data state of a connection that rests (state.c); NULL: it does not */
			struct xtcp_packed *packed;
			/* the pacing limit as a rule set it; SO_MAX_PACING_RATE may change it unseen (policy.c) */
			unsigned long limit_by_rule;
		};
	};

	/* Fields used for each arriving segment. */
	struct xtcp_rcv rcv;		/* the receive sequence variables */
	u32 window_clamp;		/* upper limit of the window that we offer */
	/* a second upper limit, which grows as data arrives (window.c); the smaller limit applies */
	u32 rcv_ssthresh;
	u32 segs_in;			/* segments received; for TCP_INFO */
	u32 rcv_tstamp;			/* jiffies of the last accepted segment */
	struct xtcp_paws paws;		/* TS.Recent and its age */
	u16 rcv_mss;			/* estimate of the peer's segment size, for delayed ACKs */
	u8 rcv_wscale;			/* shift of our window */
	struct xtcp_acking acking;	/* the ACKs that we owe */
	u8 rcv_ratio;	/* which share of the memory of received skbs is text, in 256ths (window.c); READ_ONCE */
	bool fin_received;		/* the peer's FIN was taken in order */
	/* enum xtcp_by_rule: options that a rule has set, and no program since; xtcp_sock_reset_tcb() resets them */
	u16 by_rule : XTCP_BY_RULE_BITS;
	/* a FIN at stream->rcv_fin_seq has come, perhaps out of order; cleared if data comes with that number */
	u16 rcv_fin_known : 1;
	u16 snd_urgent : 1;		/* stream->snd_up is valid: urgent data is unacknowledged */
	u16 box_rule : 2;		/* enum xtcp_box_rule (sight/sight.h) */
	u16 is_local : 1;		/* the last write took the short way (local.c) */
	struct xtcp_ended ended;	/* how the connection ended; for XTCP_ABORT */
	/* a small write waits (sendmsg.c), at most until xtcp_output_push() is called; READ_ONCE */
	bool coalescing;

	/* Written while the connection opens. */
	bool syn_data_acked : 1;	/* the data of our SYN, or of the peer's, was accepted */
	bool syn_fastopen : 1;		/* our SYN had the Fast Open option (fastopen.c) */
	bool syn_data : 1;		/* our SYN had data */
	bool syn_fastopen_ch : 1;	/* we try Fast Open again after a black hole (fastopen.c) */
	bool fastopen_asked : 1;	/* connect() sent a Fast Open SYN, so MSG_FASTOPEN fails */
	bool opens_fast : 1;		/* the field fastsyn is set */
	u8 fastopen_client_fail : 2;	/* tcpi_fastopen_client_fail */
	u8 box_high;			/* slot of the sock's black box, high octet (blackbox.c) */
};

#define XTCP_STREAM_WORDS	(sizeof(struct xtcp_stream) / sizeof(u32))

/**
 * struct xtcp_packed - the data state of a connection that rests: what of struct xtcp_stream is not 0
 * @bytes_acked: of the stream
 * @rcv_data_tstamp: of the stream
 * @begins_anew: the congestion control was changed meanwhile, and begins with the data state
 * @set: the words of the stream that are not 0
 * @word: these words
 */
struct xtcp_packed {
	u64 bytes_acked;
	u32 rcv_data_tstamp;
	bool begins_anew;
	DECLARE_BITMAP(set, XTCP_STREAM_WORDS);
	u32 word[];
};

/* Fills @stream. */
static inline void xtcp_packed_open(const struct xtcp_packed *packed, struct xtcp_stream *stream)
{
	u32 *to = (u32 *)stream;
	unsigned int i, n = 0;

	memset(stream, 0, sizeof(*stream));
	for_each_set_bit(i, packed->set, XTCP_STREAM_WORDS)
		to[i] = packed->word[n++];
	INIT_LIST_HEAD(&stream->in_flight);
	INIT_LIST_HEAD(&stream->to_resend);
}

/* An AF_INET6 sock: the kernel finds ipv6_pinfo by inet_sock.pinet6. */
struct xtcp6_sock {
	struct xtcp_sock xtcp;
	struct ipv6_pinfo inet6;
};

static inline struct xtcp_sock *xtcp_sk(const struct sock *sk)
{
	return (struct xtcp_sock *)sk;
}

/*
 * The state of the call that is opening @xsk by Fast Open, or NULL. It shares the memory of
 * accept_node: during the call a program has the socket open, so the sock is in no such list.
 */
static inline struct xtcp_fastsyn *xtcp_sock_fastsyn(const struct xtcp_sock *xsk)
{
	return unlikely(xsk->opens_fast) ? xsk->fastsyn : NULL;
}

/* A call begins to open @xsk by Fast Open; @fast is the state of the call. */
static inline void xtcp_sock_begin_fastsyn(struct xtcp_sock *xsk, struct xtcp_fastsyn *fast)
{
	xsk->fastsyn = fast;
	xsk->opens_fast = true;
}

/* Count received segments. @text: the segments carry data. */
static inline void xtcp_sock_count_in(struct xtcp_sock *xsk, u32 segments, bool text)
{
	xsk->segs_in += segments;
	if (text)
		xsk->data_segs_in += segments;
}

/* Was our FIN sent, and is it acknowledged? */
static inline bool xtcp_acked_fin(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return xsk->fin_queued && xsk->snd.una == xsk->snd.write_seq;
}

/* Takes the socket lock as lock_sock() does, unless a program has it; for release_sock(). Process context. */
static inline bool xtcp_own_now(struct sock *sk)
{
	bool is_free;

	spin_lock_bh(&sk->sk_lock.slock);
	is_free = !sock_owned_by_user_nocheck(sk);
	if (is_free) {
		sk->sk_lock.owned = 1;
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _THIS_IP_);
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return is_free;
}

/* Is the urgent octet the next one to read (SIOCATMARK)? Racy without the socket lock. */
static inline bool xtcp_urgent_at_mark(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return READ_ONCE(xsk->urgent.data) && READ_ONCE(xsk->urgent.seq) == READ_ONCE(xsk->rcv.copied_seq);
}

#endif /* XTCP_SOCK_H */
