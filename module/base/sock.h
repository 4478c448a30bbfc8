/* SPDX-License-Identifier: GPL-2.0 */
/* struct xtcp_sock: a full connection or a listener. Life and locking: "xtcp locking" in sock.c. */
#ifndef XTCP_SOCK_H
#define XTCP_SOCK_H

#include <linux/ipv6.h>
#include <linux/rbtree.h>
#include <net/inet_sock.h>

#include "base/stream.h"
#include "cong/cong.h"
#include "lookup/demux.h"
#include "pure/ace.h"
#include "pure/clock.h"
#include "pure/rto.h"
#include "pure/wire.h"
#include "time/timer.h"

struct xtcp_lease;
struct xtcp_listener;
struct xtcp_pace;
struct xtcp_fastopen;
struct xtcp_fastopenq;
struct xtcp_fastsyn;
struct xtcp_saved_syn;

/* Work that met a sock whose lock a user holds; xtcp_sock_release_cb() runs it. */
enum xtcp_deferred {
	XTCP_DEFERRED_TIMER,		/* a deadline passed */
	XTCP_DEFERRED_MTU,		/* the path MTU fell */
	XTCP_DEFERRED_PACE,		/* what had to wait for its time, or for more text, may leave */
};

/* Why a connection ended otherwise than by both FINs. */
enum xtcp_abort_reason {
	XTCP_ABORT_RESET,	/* the peer reset it */
	XTCP_ABORT_ICMP,	/* an ICMP error while it opened */
	XTCP_ABORT_TIMEOUT,	/* too long without an acknowledgment */
	XTCP_ABORT_KEEPALIVE,	/* too many keepalive probes without an answer */
	XTCP_ABORT_UNREAD,	/* closed with data that nobody had read */
	XTCP_ABORT_LATE_DATA,	/* data came for a program that does not read any more */
	XTCP_ABORT_LINGER,	/* closed with SO_LINGER, zero seconds */
	XTCP_ABORT_LINGER2,	/* an orphan in FIN-WAIT-2 with a negative TCP_LINGER2 */
	XTCP_ABORT_ORPHANS,	/* there are too many orphans */
	XTCP_ABORT_LISTENER,	/* its listener was closed before accept() */
	XTCP_ABORT_DISCONNECT,	/* connect() to AF_UNSPEC */
	XTCP_ABORT_KILLED,	/* an administrator said so (ss -K) */
	XTCP_ABORT_NETNS,	/* the namespace or the module goes away */
};

/*
 * struct xtcp_sock - the TCB (RFC 9293 section 3.3.1) and what the socket layer needs
 *
 * What text alone needs is in struct xtcp_stream: an idle connection does without. What the handshake, keepalive, a RST
 * or a bare ACK reads or writes is here, and what can be read without the socket lock.
 *
 * Grouped by who writes, and how often. Units: octets, jiffies where a name ends in tstamp, else as the line says.
 */
struct xtcp_sock {
	/* What it is: constant, or under a lock of another noun. The kernel casts, so its part is first. */
	struct inet_sock inet;		/* the kernel's view; sk_state is written by state.c alone */
	struct xtcp_net *xn;		/* the namespace's part of xtcp; constant */
	struct xtcp_conn conn;		/* place in the table of connections; the tuple is constant while in it */
	struct xtcp_lease *lease;	/* the local port's place in kernel TCP's bind table; NULL: not bound */
	struct xtcp_listener *listener;	/* queues; set while LISTEN (listen.c); read under RCU by softirq */
	struct xtcp_pace *pace;		/* the second timer; NULL: it was never needed (pace.c) */
	/* in the accept queue of the listener that made it, or an orphan's in its shard; under the lock of these */
	struct list_head accept_node;
	struct list_head held_node;	/* among those that hold the module (held.c), under the lock of these */
	/* RCU's time when it last left the table of connections or the listeners; one that is past if it never did */
	unsigned long left_table;
	struct xtcp_fastopenq *fastopenq; /* what TCP_FASTOPEN has set; NULL: nothing (fastopen.c); RCU */
	/* threads that sleep in RECEIVE, also those that a disconnect has yet to wake: it stays, too */
	atomic_t readers;
	bool is_orphan;			/* counted in the namespace's orphans (orphan.c); socket lock */
	u8 held_round;			/* when its place in that list was last looked at */
	u16 held_at;			/* it is in the list of processor held_at - 1; 0: in none; socket lock */

	/* What the program has set: stays when it connects again, and goes to what its listener accepts. */
	const struct xtcp_cong_ops *algorithm;	/* TCP_CONGESTION, or the namespace's */
	bool algorithm_chosen : 1;	/* by TCP_CONGESTION: what a listener accepts has it, too */
	bool recvmsg_inq : 1;		/* TCP_INQ */
	bool quickack_asked : 1;	/* by TCP_QUICKACK */
	bool fastopen_no_cookie : 1;	/* TCP_FASTOPEN_NO_COOKIE */
	bool fastopen_connect : 1;	/* TCP_FASTOPEN_CONNECT */
	u8 nonagle;			/* TCP_NODELAY and TCP_CORK, as in Linux: TCP_NAGLE_OFF, TCP_NAGLE_CORK */
	u8 syn_retries;			/* TCP_SYNCNT, 0: the namespace's */
	/* TCP_DEFER_ACCEPT as timeouts of a SYN-ACK for which a bare ACK opens nothing, 0: none */
	u8 defer_accept;
	u8 keepalive_probes;		/* TCP_KEEPCNT, 0: the namespace's */
	u8 save_syn;			/* TCP_SAVE_SYN: 0: none, 1: from the IP header on, 2: with the link's */
	u16 user_mss;			/* TCP_MAXSEG, 0: not set */
	int linger2;			/* TCP_LINGER2 in jiffies; 0: the namespace's; negative: none */
	u32 user_timeout;		/* TCP_USER_TIMEOUT in ms, 0: none */
	u32 notsent_lowat;		/* TCP_NOTSENT_LOWAT in octets, 0: the namespace's */
	u32 keepalive_time;		/* TCP_KEEPIDLE in jiffies, 0: the namespace's */
	u32 keepalive_intvl;		/* TCP_KEEPINTVL in jiffies, 0: the namespace's */
	u32 user_window_clamp;		/* TCP_WINDOW_CLAMP, 0: not set */

	/*
	 * What the connection needs for text, from the first on that it has; else XTCP_STREAM_NONE (stream.c). Socket
	 * lock.
	 */
	struct xtcp_stream *stream;

	/*
	 * SEND: read and written for each segment that goes out, and each ACK. From here to the end all is the
	 * connection's, zero before OPEN (xtcp_sock_reset_tcb()), and under the socket lock unless a line says
	 * otherwise.
	 */
	u32 snd_una;			/* oldest octet not yet acknowledged */
	u32 snd_nxt;			/* the octet after the highest one ever sent */
	/* the octet after the last one that SEND queued, and after the FIN once it is queued */
	u32 write_seq;
	u32 snd_wnd;			/* what the peer offers, in octets, from snd_una */
	/* the largest of these (RFC 5961 section 5.2's MAX.SND.WND; sender's silly window avoidance) */
	u32 max_snd_wnd;
	u32 snd_wl1;			/* SEG.SEQ of the last window update */
	/* effective send MSS: payload octets in a full segment (RFC 9293 section 3.7.1, MUST-16) */
	u16 mss;
	u8 snd_wscale;			/* shift of the peer's window field */
	bool fin_queued;		/* a FIN stands at the end of the send queue */
	struct rb_root sent;		/* the skbs of the send queue that were sent, by sequence number (sndq.c) */
	struct xtcp_rto rto;		/* RFC 6298 state */
	struct xtcp_cong cong;		/* the congestion window */
	u32 snd_tstamp;			/* jiffies when data was last sent */
	u32 ack_tstamp;			/* jiffies when the last acceptable ACK came */
	bool snd_urgent;		/* what SEND called urgent is not acknowledged: the stream's snd_up counts */
	u8 retransmits;			/* timeouts in a row for the same SND.UNA */
	u8 probes_out;			/* window probes sent and not answered */
	u8 ecn;				/* bits of enum xtcp_ecn (ecn.h) */

	/* RECEIVE: for each segment that comes in. */
	u32 rcv_nxt;			/* next octet expected */
	u32 rcv_wnd;			/* what we offered, in octets, counted from rcv_wup */
	u32 rcv_wup;			/* RCV.NXT when the window was last offered; Last.ACK.sent of RFC 7323 */
	u32 copied_seq;			/* next octet that RECEIVE hands out */
	u32 window_clamp;		/* upper bound of what we offer */
	u32 rcv_ssthresh;		/* what the window may have as far as what came shows, octets (space.c) */
	u32 segs_in;			/* segments received; for TCP_INFO, as those below */
	u64 arrived_us;			/* when the last segment came, microseconds: one look at the clock for all */
	u32 rcv_tstamp;			/* jiffies when the last segment from the peer was accepted */
	u32 ts_recent;			/* TS.Recent */
	u32 ts_recent_stamp;		/* when it was taken, seconds; 0: never */
	u32 segs_out;			/* segments sent */
	u32 data_segs_in;		/* segments received with text, accepted or not */
	u16 rcv_mss;			/* estimate of the peer's segment size, for delayed ACKs */
	u16 urg_data;			/* XTCP_URGENT_* and the octet at urg_seq (urgent.h), 0: none; READ_ONCE */
	u8 rcv_wscale;			/* shift of ours */
	u8 rcv_unacked_segments;	/* full-sized segments received since the last ACK (RFC 9293 MUST-58) */
	u8 quickacks;			/* ACKs that are not to be delayed */
	/* an ACK is owed; sent at the end of the arrival or by the delayed-ACK deadline */
	bool ack_pending;
	bool ack_now;			/* the owed ACK may not be delayed */
	bool pingpong;			/* the connection is interactive: prefer delayed ACKs */
	/* the owed ACK is left for a moment to the answer of a program that is on its way */
	bool answer_awaited;
	/* text comes next that answers what the program wrote, or it waits in connect(); poll clears it */
	bool asked;
	u8 rcv_ratio;			/* what of a buffer is text, in 256ths (space.c); READ_ONCE */
	/* a FIN was seen, in order or not, at the stream's rcv_fin_seq; ends when text takes its place */
	bool rcv_fin_known;
	bool fin_received;		/* the peer's FIN was taken in order */
	u8 keepalive_sent;		/* keepalive probes sent and not answered */
	u8 challenge_count;		/* challenge ACKs sent in a second (RFC 5961 section 7, per connection) */
	/* text waits for the program's next write (coalesce.c); what else it asks for ends that; READ_ONCE */
	bool coalescing;

	/* What both ends have agreed on when they opened, and how they did: written then, but for pmtu. */
	u16 mss_clamp;			/* what the peer's MSS option allows; the default when it sent none */
	u16 advmss;			/* what our MSS option says */
	bool wscale_ok;			/* both ends sent the option */
	bool ts_ok;			/* both ends sent the option (RFC 7323 section 3.2's Snd.TS.OK) */
	bool sack_ok;			/* both ends sent SACK-permitted (RFC 2018) */
	bool syn_data_acked : 1;	/* the text of a SYN was taken, before the handshake was over */
	bool syn_fastopen : 1;		/* our SYN had the Fast Open option; this and what follows: fastsyn.c */
	bool syn_data : 1;		/* and text */
	bool syn_fastopen_ch : 1;	/* if that leads to something there is no black hole any more */
	bool fastopen_asked : 1;	/* connect() with TCP_FASTOPEN_CONNECT sent the SYN: no MSG_FASTOPEN */
	u8 fastopen_client_fail : 2;	/* tcpi_fastopen_client_fail */
	u32 pmtu;			/* path MTU that mss was computed from */
	u32 iss;			/* initial send sequence number */
	u32 irs;			/* initial receive sequence number */
	u32 ts_offset;			/* added to our clock in every TSval */

	/* Time: timer.c, retries.c, keepalive.c. */
	struct xtcp_timers timers;	/* the deadlines */
	u32 retrans_stamp;		/* when the first of the retransmits was, TS clock ms; 0: none */

	/* Seldom. */
	struct xtcp_saved_syn *saved_syn; /* what TCP_SAVED_SYN will read; NULL: nothing (savedsyn.c) */
	struct xtcp_accecn accecn;	/* AccECN mode */
	u32 delivered_ce;		/* segments that ACKs with ECE have told of; s.cep - 5 in AccECN mode */
	u32 total_retrans;		/* segments resent; for TCP_INFO */
	u32 urg_seq;			/* the octet that the peer's urgent pointer means; READ_ONCE */
	u32 challenge_stamp;		/* jiffies when challenge_count began its second */
	u32 invalid_ack_stamp;		/* jiffies of the last ACK sent for an unacceptable segment */
	/* MTU that an ICMP error reported, for XTCP_DEFERRED_MTU; READ_ONCE, WRITE_ONCE */
	u32 mtu_info;
	struct xtcp_fastopen *fastopen;	/* it is up before its third ACK; NULL: it was, or never will be (fastopen.c) */
	struct xtcp_fastsyn *fastsyn;	/* a call that opens the connection fast is at work (fastsyn.c); NULL: none */
	/* bits of enum xtcp_deferred; atomic bit operations by softirq, consumed under the socket lock */
	unsigned long deferred;
};

/* What an AF_INET6 sock is: the kernel finds ipv6_pinfo through inet_sock.pinet6. */
struct xtcp6_sock {
	struct xtcp_sock xtcp;
	struct ipv6_pinfo inet6;
};

static inline struct xtcp_sock *xtcp_sk(const struct sock *sk)
{
	return (struct xtcp_sock *)sk;
}

/* xtcp_net(sock_net(sk)) of an xtcp sock, without a search. */
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

/* Which IP carries this connection. An AF_INET6 sock with a v4-mapped peer uses IPv4. */
static inline bool xtcp_sock_is_v4(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	return sk->sk_family == AF_INET || ipv6_addr_v4mapped(&sk->sk_v6_daddr);
#else
	return true;
#endif
}

/* Probes that were not answered, of the window or of keepalive, as Linux shows them; read without a lock too. */
static inline u8 xtcp_sock_probes_out(const struct xtcp_sock *xsk)
{
	return READ_ONCE(xsk->probes_out) ?: READ_ONCE(xsk->keepalive_sent);
}

extern struct proto xtcp_prot;
extern struct proto xtcpv6_prot;

/* entries of struct proto */
int xtcp_sock_init(struct sock *sk);
void xtcp_sock_release_resources(struct sock *sk);
void xtcp_sock_release_cb(struct sock *sk);

struct sock *xtcp_sock_clone(struct sock *lsk, gfp_t gfp);
void xtcp_sock_reset_tcb(struct sock *sk);
void xtcp_sock_done(struct sock *sk);
void xtcp_sock_destroy(struct sock *sk);
void xtcp_sock_fail(struct sock *sk, int err, enum xtcp_abort_reason reason);
void xtcp_sock_abort(struct sock *sk, int err, enum xtcp_abort_reason reason);
void xtcp_sock_wait_gone(void);

#endif /* XTCP_SOCK_H */
