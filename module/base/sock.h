/* SPDX-License-Identifier: GPL-2.0 */
/* struct xtcp_sock: a full connection or a listener. Its life and locking: sock/create.c. */
#ifndef XTCP_SOCK_H
#define XTCP_SOCK_H

#include <linux/ipv6.h>
#include <net/inet_sock.h>

#include "base/abort.h"
#include "base/acking.h"
#include "base/acklimit.h"
#include "base/agreed.h"
#include "base/clock.h"
#include "base/paws.h"
#include "base/rcv.h"
#include "base/rto.h"
#include "base/snd.h"
#include "base/stream.h"
#include "base/timeouts.h"
#include "base/tries.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "ecn/ace.h"
#include "lookup/demux.h"
#include "recv/urgent.h"
#include "time/timer.h"

struct xtcp_lease;
struct xtcp_listener;
struct xtcp_pace;
struct xtcp_fastopen;
struct xtcp_fastopenq;
struct xtcp_fastsyn;
struct xtcp_saved_syn;

/*
 * Work for a sock whose lock a user held; its release_sock() does it (family.c). Bits of
 * sk_tsq_flags: softirq sets them atomically, the socket lock's holder clears them.
 */
enum xtcp_deferred {
	XTCP_DEFERRED_TIMER,		/* a deadline passed */
	XTCP_DEFERRED_MTU,		/* the path MTU fell */
	XTCP_DEFERRED_PACE,		/* paced data, or data that waited for more, may leave */
};

/*
 * struct xtcp_sock - the TCB (RFC 9293 section 3.3.1), and what the socket layer needs
 *
 * Fields that only data needs are in struct xtcp_stream, which an idle connection does without.
 * Here are the fields that the handshake, keepalive, a RST or a bare ACK uses, and those that are
 * read without the socket lock.
 *
 * They are grouped by who writes them, and how often. Units: octets; jiffies if the name ends in
 * tstamp; else as the line says.
 */
struct xtcp_sock {
	/* Constant, or under another lock. The kernel casts, so its part comes first. */
	struct inet_sock inet;		/* the kernel's view; only state.c writes sk_state */
	struct xtcp_net *xn;		/* the namespace; constant */

	struct_group(own, /* no child of a listener inherits these (xtcp_sock_clone()) */

	struct xtcp_conn conn;		/* place in the table, where the tuple is constant */
	struct xtcp_lease *lease;	/* its port in kernel TCP's bind table; NULL: not bound */
	struct xtcp_listener *listener;	/* queues, set in LISTEN (listen.c); read under RCU */
	struct xtcp_pace *pace;		/* the second timer; NULL: not needed so far (pace.c) */
	union {
		/* on its listener's accept queue, or as an orphan in its shard; under their lock */
		struct list_head accept_node;
		/* xtcp_sock_fastsyn(), while the program is in a call; socket lock */
		struct xtcp_fastsyn *fastsyn;
	};
	/* RCU state when it last left the table of connections or of listeners; else a past one */
	unsigned long left_table;
	struct xtcp_fastopenq *fastopenq; /* state of TCP_FASTOPEN; NULL: none (fastopen.c); RCU */
	/* threads that sleep in RECEIVE; not reset, since a disconnect has yet to wake them */
	atomic_t readers;
	bool is_orphan;			/* counts as an orphan (orphan.c); socket lock */
	/* holds the module, on the list of processor held_at - 1 (held.c); 0: none; socket lock */
	u16 held_at;

	); /* own */

	/*
	 * The part for data. XTCP_STREAM_NONE until the connection first has data (stream.c).
	 * Socket lock.
	 */
	struct xtcp_stream *stream;

	/* Set by the program: survives a reconnect; children of a listener inherit it. */
	const struct xtcp_cong_ops *algorithm;	/* TCP_CONGESTION, or the namespace's */
	bool algorithm_chosen : 1;	/* by TCP_CONGESTION; children of a listener inherit it */
	bool recvmsg_inq : 1;		/* TCP_INQ */
	bool quickack_asked : 1;	/* TCP_QUICKACK */
	bool fastopen_no_cookie : 1;	/* TCP_FASTOPEN_NO_COOKIE */
	bool fastopen_connect : 1;	/* TCP_FASTOPEN_CONNECT */
	/* TCP_NODELAY and TCP_CORK: TCP_NAGLE_OFF, TCP_NAGLE_CORK */
	u8 nonagle;
	u8 syn_retries;			/* TCP_SYNCNT, 0: the namespace's */
	/* TCP_DEFER_ACCEPT: timeouts of a SYN-ACK before a bare ACK makes a child; 0: none */
	u8 defer_accept;
	u8 keepalive_probes;		/* TCP_KEEPCNT, 0: the namespace's */
	u8 save_syn;			/* TCP_SAVE_SYN; 0: none, 1: from IP on, 2: with the link */
	u16 user_mss;			/* TCP_MAXSEG, 0: not set */
	s16 linger2;			/* TCP_LINGER2 in seconds; 0: namespace's; negative: none */
	u16 keepalive_time;		/* TCP_KEEPIDLE in seconds; 0: the namespace's */
	u16 keepalive_intvl;		/* TCP_KEEPINTVL in seconds; 0: the namespace's */
	u32 user_timeout;		/* TCP_USER_TIMEOUT in ms; 0: none */
	u32 notsent_lowat;		/* TCP_NOTSENT_LOWAT; 0: the namespace's */
	u32 user_window_clamp;		/* TCP_WINDOW_CLAMP, 0: not set */

	/*
	 * SEND: used for each outgoing segment and each ACK. From here on, all fields belong to the
	 * connection, are zero before OPEN (xtcp_sock_reset_tcb()), and are under the socket lock
	 * unless a line says otherwise.
	 */
	struct xtcp_snd snd;		/* the send sequence variables */
	/* effective send MSS: octets of data in a full segment (RFC 9293 section 3.7.1, MUST-16) */
	u16 mss;
	bool fin_queued;		/* the send queue ends with a FIN */
	u8 ecn;				/* bits of enum xtcp_ecn (ecn.h) */
	u32 snd_tstamp;			/* jiffies when data was last sent */
	struct xtcp_rto rto;		/* RFC 6298 state */
	struct xtcp_cong cong;		/* the congestion window */
	u32 ack_tstamp;			/* jiffies when the last acceptable ACK arrived */
	struct xtcp_tries tries;	/* what we have sent in vain */

	/* RECEIVE: for each arriving segment. */
	struct xtcp_rcv rcv;		/* the receive sequence variables */
	u32 window_clamp;		/* upper limit of the window that we offer */
	u32 rcv_ssthresh;		/* limit of the window by what has arrived (space.c) */
	u32 segs_in;			/* segments received; for TCP_INFO */
	u64 arrived_us;			/* when the last segment arrived, microseconds */
	u32 rcv_tstamp;			/* jiffies of the last accepted segment */
	struct xtcp_paws paws;		/* TS.Recent */
	u32 segs_out;			/* segments sent; for TCP_INFO */
	u32 data_segs_in;		/* received segments with data, accepted or not; TCP_INFO */
	struct xtcp_urgent urgent;	/* the peer's urgent pointer */
	u16 rcv_mss;			/* estimate of the peer's segment size, for delayed ACKs */
	u8 rcv_wscale;			/* shift of our window */
	struct xtcp_acking acking;	/* the ACKs that we owe */
	/* share of data in buffers, in 256ths (space.c); READ_ONCE */
	u8 rcv_ratio;
	/* a FIN was seen at stream->rcv_fin_seq, in order or not; ends when data takes its place */
	bool rcv_fin_known;
	bool fin_received;		/* the peer's FIN was taken in order */
	struct xtcp_ended ended;	/* for XTCP_ABORT */
	bool snd_urgent;		/* urgent data is unacknowledged: stream->snd_up counts */
	/* data waits for the next write (coalesce.c); any other call ends that; READ_ONCE */
	bool coalescing;

	/* Agreed at the opening; all but pmtu is written only then. */
	struct xtcp_agreed agreed;	/* the options of the SYNs */
	bool syn_data_acked : 1;	/* data of a SYN was taken before the handshake ended */
	bool syn_fastopen : 1;		/* our SYN had the Fast Open option; as below: fastsyn.c */
	bool syn_data : 1;		/* and data */
	bool syn_fastopen_ch : 1;	/* success would show that the black hole is gone */
	bool fastopen_asked : 1;	/* TCP_FASTOPEN_CONNECT has sent the SYN: no MSG_FASTOPEN */
	bool opens_fast : 1;		/* fastsyn is set */
	u8 fastopen_client_fail : 2;	/* tcpi_fastopen_client_fail */
	u32 pmtu;			/* the path MTU from which mss was computed */

	/* Deadlines: timer.c, expiry.c, retries.c, keepalive.c. */
	struct xtcp_timers timers;	/* the deadlines */

	/* Rarely used. */
	struct xtcp_accecn accecn;	/* AccECN mode */
	u32 delivered_ce;		/* segments that ECE reported; s.cep - 5 in AccECN mode */
	u32 total_retrans;		/* retransmitted segments; for TCP_INFO */
	struct xtcp_timeouts timeouts;	/* the timeouts; for TCP_INFO */
	struct xtcp_acklimit acklimit;	/* answers to unacceptable segments */
	/* MTU of an ICMP error, for XTCP_DEFERRED_MTU; READ_ONCE, WRITE_ONCE */
	u32 mtu_info;
	struct xtcp_saved_syn *saved_syn; /* for TCP_SAVED_SYN; NULL: none (savedsyn.c) */
	struct xtcp_fastopen *fastopen;	/* set before the third ACK of a Fast Open (fastopen.c) */
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

/* xtcp_net(sock_net(sk)) without a search. */
static inline struct xtcp_net *xtcp_net_of(const struct sock *sk)
{
	return xtcp_sk(sk)->xn;
}

static inline struct sock *xtcp_sk_of(struct xtcp_sock *xsk)
{
	return &xsk->inet.sk;
}

static inline struct xtcp_sock *xtcp_sock_of_conn(struct xtcp_conn *conn)
{
	return container_of(conn, struct xtcp_sock, conn);
}

/*
 * The call that opens @xsk by Fast Open (fastsyn.c), or NULL. A sock in a call has a program, so it
 * is no orphan and on no accept queue: accept_node is free.
 */
static inline struct xtcp_fastsyn *xtcp_sock_fastsyn(const struct xtcp_sock *xsk)
{
	return unlikely(xsk->opens_fast) ? xsk->fastsyn : NULL;
}

/* Such a call begins. */
static inline void xtcp_sock_begin_fastsyn(struct xtcp_sock *xsk, struct xtcp_fastsyn *fast)
{
	xsk->fastsyn = fast;
	xsk->opens_fast = true;
}

/* Count received segments; @text: they carry data. */
static inline void xtcp_sock_count_in(struct xtcp_sock *xsk, u32 segments, bool text)
{
	xsk->segs_in += segments;
	if (text)
		xsk->data_segs_in += segments;
}

extern struct proto xtcp_prot;
extern struct proto xtcpv6_prot;

#endif /* XTCP_SOCK_H */
