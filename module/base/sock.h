/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct xtcp_sock: a full connection or a listener. sock/create.c describes its life and its
 * locking. A file that needs only the beginning of the struct includes base/sender.h or
 * base/endpoint.h instead.
 */
#ifndef XTCP_SOCK_H
#define XTCP_SOCK_H

#include <linux/ipv6.h>

#include "base/abort.h"
#include "base/acking.h"
#include "base/acklimit.h"
#include "base/clock.h"
#include "base/paws.h"
#include "base/rcv.h"
#include "base/sender.h"
#include "base/timeouts.h"
#include "base/wire.h"
#include "ecn/ace.h"
#include "recv/recv.h"
#include "time/time.h"

struct xtcp_fastopen;
struct xtcp_fastsyn;
struct xtcp_saved_syn;

#define XTCP_BY_RULE_BITS	11	/* number of bits of xtcp_sock.by_rule */

/*
 * struct xtcp_sock - the TCB (RFC 9293 section 3.3.1), and what the socket layer needs
 *
 * Fields that only data transfer needs are in struct xtcp_stream, which a connection usually gets
 * with its first data. struct xtcp_sock has the fields that the handshake, keepalive, a RST or a
 * bare ACK uses, and the fields that are read without the socket lock.
 *
 * The first member has no name, so the code reaches its fields directly (-fms-extensions). Fields
 * that are written together and equally often are next to each other. Units: octets; jiffies if the
 * name ends in tstamp; otherwise the line of the field gives the unit.
 */
struct xtcp_sock {
	struct xtcp_sender;		/* begins with struct xtcp_endpoint */

	/* Fields used for each arriving segment. */
	struct xtcp_rcv rcv;		/* the receive sequence variables */
	u32 window_clamp;		/* upper limit of the window that we offer */
	/* a second upper limit, which grows as data arrives (window.c); the smaller limit applies */
	u32 rcv_ssthresh;
	u32 segs_in;			/* segments received; for TCP_INFO */
	u64 arrived_us;			/* when the last segment arrived, microseconds */
	u32 rcv_tstamp;			/* jiffies of the last accepted segment */
	struct xtcp_paws paws;		/* TS.Recent and its age */
	u32 segs_out;			/* segments sent; for TCP_INFO */
	u32 data_segs_in;		/* received segments with data, accepted or not; TCP_INFO */
	struct xtcp_urgent urgent;	/* the peer's urgent pointer */
	u16 rcv_mss;			/* estimate of the peer's segment size, for delayed ACKs */
	u8 rcv_wscale;			/* shift of our window */
	struct xtcp_acking acking;	/* the ACKs that we owe */
	/* which share of the memory of received skbs is text, in 256ths (window.c); READ_ONCE */
	u8 rcv_ratio;
	bool fin_received;		/* the peer's FIN was taken in order */
	/*
	 * bits of enum xtcp_by_rule (policy.h): the options that a rule of the policy table has
	 * set, and that no program has set since; xtcp_sock_reset_tcb() resets these options
	 */
	u16 by_rule : XTCP_BY_RULE_BITS;
	/*
	 * a FIN with the sequence number stream->rcv_fin_seq has arrived, perhaps out of order;
	 * cleared if data arrives with that number
	 */
	u16 rcv_fin_known : 1;
	u16 snd_urgent : 1;		/* stream->snd_up is valid: urgent data is unacknowledged */
	u16 box_rule : 2;		/* enum xtcp_box_rule (sight/sight.h) */
	struct xtcp_ended ended;	/* how the connection ended; for XTCP_ABORT */
	/*
	 * a small write waits for the next write (sendmsg.c), at most until
	 * xtcp_output_push() is called; READ_ONCE
	 */
	bool coalescing;

	/* Written while the connection opens. */
	bool syn_data_acked : 1;	/* the data of our SYN, or of the peer's, was accepted */
	bool syn_fastopen : 1;		/* our SYN had the Fast Open option (fastsyn.c) */
	bool syn_data : 1;		/* our SYN had data */
	bool syn_fastopen_ch : 1;	/* we try Fast Open again after a black hole (fastsyn.c) */
	bool fastopen_asked : 1;	/* connect() sent a Fast Open SYN, so MSG_FASTOPEN fails */
	bool opens_fast : 1;		/* the field fastsyn is set */
	u8 fastopen_client_fail : 2;	/* tcpi_fastopen_client_fail */
	u8 box_high;			/* slot of the sock's black box, high octet (boxnote.c) */

	/* Deadlines (timer.c, timer.c, keepalive.c, expiry.c, expiry.c). */
	struct xtcp_timers timers;

	/* Rarely used. */
	struct xtcp_accecn accecn;	/* AccECN mode */
	u32 delivered_ce;		/* segments that the peer reported as CE-marked */
	u32 total_retrans;		/* retransmitted segments; for TCP_INFO */
	struct xtcp_timeouts timeouts;	/* count of the timeouts; for TCP_INFO */
	struct xtcp_acklimit acklimit;	/* answers to unacceptable segments */
	struct xtcp_saved_syn *saved_syn; /* for TCP_SAVED_SYN; NULL: none (text.c) */
	/* state of Fast Open as server; NULL: none, or the handshake is complete */
	struct xtcp_fastopen *fastopen;
};

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
 * The state of the call that is opening @xsk by Fast Open (fastsyn.c); NULL if there is no such
 * call. Only accept queues and the list of orphans use accept_node. During the call a program has
 * the socket open, so the sock is on neither, and fastsyn can share the memory of accept_node.
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

/* A connection begins: no segment has been received yet. */
static inline void xtcp_sock_count_none(struct xtcp_sock *xsk)
{
	xsk->segs_in = 0;
	xsk->data_segs_in = 0;
}

#endif /* XTCP_SOCK_H */
