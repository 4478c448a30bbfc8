/* SPDX-License-Identifier: GPL-2.0 */
/* struct xtcp_sock: a full connection or a listener. Life and locking: "xtcp locking" in sock.c. */
#ifndef XTCP_SOCK_H
#define XTCP_SOCK_H

#include <linux/ipv6.h>
#include <linux/rbtree.h>
#include <net/inet_sock.h>

#include "cong/cong.h"
#include "lookup/demux.h"
#include "loss/rack.h"
#include "loss/scoreboard.h"
#include "loss/tlp.h"
#include "loss/undo.h"
#include "pure/clock.h"
#include "pure/rto.h"
#include "pure/wire.h"
#include "recv/sack.h"
#include "time/timer.h"

struct xtcp_lease;
struct xtcp_listener;

/* Work that met a sock whose lock a user holds; xtcp_sock_release_cb() runs it. */
enum xtcp_deferred {
	XTCP_DEFERRED_TIMER,		/* a deadline passed */
	XTCP_DEFERRED_MTU,		/* the path MTU fell */
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
	XTCP_ABORT_NETNS,	/* the namespace or the module goes away */
};

/**
 * struct xtcp_sock - the TCB (RFC 9293 section 3.3.1) and what the socket layer needs
 * @inet: the kernel's view; sk_state is written by state.c alone
 * @xn: the namespace's part of xtcp; constant
 * @conn: place in the table of connections; the tuple is constant while in it
 * @lease: the local port's place in kernel TCP's bind table; NULL: not bound
 * @listener: queues; set while LISTEN (listen.c)
 * @accept_node: place in the accept queue of the listener that made this sock; guarded by xtcp_listener.lock
 * @left_table: RCU's time when it last left the table of connections or the listeners; one that is past if it never did
 * @recvmsg_inq: TCP_INQ; kept across connections, like whatever stands before @iss
 * @readers: threads that sleep in RECEIVE, also those that a disconnect has yet to wake
 * @iss: initial send sequence number
 * @irs: initial receive sequence number
 * @snd_una: oldest octet not yet acknowledged
 * @snd_nxt: the octet after the highest one ever sent
 * @snd_wl1: SEG.SEQ of the last window update
 * @snd_wl2: SEG.ACK of the last window update
 * @snd_wnd: what the peer offers, in octets, from @snd_una
 * @max_snd_wnd: the largest of these (RFC 5961 section 5.2's MAX.SND.WND; sender's silly window avoidance)
 * @write_seq: the octet after the last one that SEND queued, and after the FIN once it is queued
 * @rcv_nxt: next octet expected
 * @rcv_wnd: what we offered, in octets, counted from @rcv_wup
 * @rcv_wup: RCV.NXT when the window was last offered; Last.ACK.sent of RFC 7323
 * @copied_seq: next octet that RECEIVE hands out
 * @window_clamp: upper bound of what we offer
 * @space_copied: most octets that RECEIVE handed out in a round trip, 0: not measured yet (text.c)
 * @space_seq: @copied_seq when this round trip began
 * @space_stamp: when it began, microseconds
 * @snd_wscale: shift of the peer's window field
 * @rcv_wscale: shift of ours
 * @wscale_ok: both ends sent the option
 * @ts_ok: both ends sent the option (RFC 7323 section 3.2's Snd.TS.OK)
 * @sack_ok: both ends sent SACK-permitted (RFC 2018)
 * @ecn: bits of enum xtcp_ecn (ecn.h)
 * @ts_recent: TS.Recent
 * @ts_recent_stamp: when it was taken, seconds; 0: never
 * @ts_offset: added to our clock in every TSval
 * @mss_clamp: what the peer's MSS option allows; the default when it sent none
 * @user_mss: TCP_MAXSEG, 0: not set
 * @user_window_clamp: TCP_WINDOW_CLAMP, 0: not set
 * @advmss: what our MSS option says
 * @mss: effective send MSS: payload octets in a full segment (RFC 9293 section 3.7.1, MUST-16)
 * @pmtu: path MTU that @mss was computed from
 * @rto: RFC 6298 state
 * @cong: congestion control state
 * @scoreboard: what is known of the octets in flight
 * @rack: when what arrived last was sent (RFC 8985)
 * @tlp: the tail loss probe on its way
 * @undo: whether the present repair is for nothing
 * @recover: SND.NXT when the present phase of congestion control began (RFC 6582 section 3.2)
 * @frto: F-RTO is at work (RFC 5682)
 * @lost_total: octets that ever were taken for lost
 * @dsacked: octets that D-SACKs reported
 * @delivered: octets that are known to have arrived, in or out of order
 * @delivered_us: when the last of these were, clock
 * @snd_sml: the octet after the last segment sent that was not full (Nagle)
 * @timers: the deadlines
 * @sent: the skbs of the send queue that were sent, by sequence number (sndq.c)
 * @in_flight: of these, those of which nothing is known, in order of sending
 * @to_resend: of these, those that are lost and not resent, in order of sequence number
 * @resend_cursor: the skb that came last into @to_resend; NULL: it has left
 * @out_of_order: skbs beyond RCV.NXT by sequence number (text.c)
 * @out_of_order_bytes: sum of their truesize
 * @out_of_order_count: how many they are
 * @sack: the SACK blocks that we send (sack.c)
 * @rcv_mss: estimate of the peer's segment size, for delayed ACKs
 * @rcv_last_len: length of the last segment that was smaller than @rcv_mss, 0: none (text.c)
 * @rcv_data_tstamp: jiffies when text last came, 0: never
 * @rcv_unacked_segments: full-sized segments received since the last ACK (RFC 9293 MUST-58)
 * @ack_pending: an ACK is owed; sent at the end of the arrival or by the delayed-ACK deadline
 * @ack_now: the owed ACK may not be delayed
 * @quickacks: ACKs that are not to be delayed
 * @pingpong: the connection is interactive: prefer delayed ACKs
 * @answer_awaited: the owed ACK is left for a moment to the answer of a program that is on its way
 * @quickack_asked: by TCP_QUICKACK: it is not; kept across connections
 * @fin_queued: a FIN stands at the end of the send queue
 * @fin_received: the peer's FIN was taken in order
 * @rcv_fin_known: a FIN was seen, in order or not
 * @rcv_fin_seq: its sequence number
 * @nonagle: TCP_NODELAY and TCP_CORK, as in Linux: TCP_NAGLE_OFF, TCP_NAGLE_CORK
 * @notsent_lowat: TCP_NOTSENT_LOWAT in octets, 0: none
 * @syn_retries: TCP_SYNCNT, 0: the namespace's
 * @defer_accept: TCP_DEFER_ACCEPT as timeouts of a SYN-ACK for which a bare ACK opens nothing, 0: none
 * @linger2: TCP_LINGER2 in jiffies; 0: the namespace's; negative: none
 * @user_timeout: TCP_USER_TIMEOUT in ms, 0: none
 * @keepalive_time: TCP_KEEPIDLE in jiffies, 0: the namespace's
 * @keepalive_intvl: TCP_KEEPINTVL in jiffies, 0: the namespace's
 * @keepalive_probes: TCP_KEEPCNT, 0: the namespace's
 * @keepalive_sent: keepalive probes sent and not answered
 * @probes_out: window probes sent and not answered
 * @retransmits: timeouts in a row for the same SND.UNA
 * @retrans_stamp: when the first of these was, TS clock ms; 0: none
 * @probe_stamp: when the first window probe since the last text was sent, TS clock ms; 0: none
 * @rcv_tstamp: jiffies when the last segment from the peer was accepted
 * @snd_tstamp: jiffies when data was last sent
 * @ack_tstamp: jiffies when the last acceptable ACK came
 * @challenge_stamp: jiffies when the challenge ACK counter began its second
 * @challenge_count: challenge ACKs sent in it (RFC 5961 section 7, per connection)
 * @invalid_ack_stamp: jiffies of the last ACK sent for an unacceptable segment
 * @deferred: bits of enum xtcp_deferred
 * @mtu_info: MTU that an ICMP error reported, for XTCP_DEFERRED_MTU
 * @bytes_acked: octets of ours acknowledged
 * @bytes_received: octets of the peer's taken in order
 * @bytes_sent: data octets sent, resent ones included
 * @bytes_retrans: data octets resent
 * @segs_in: segments received
 * @segs_out: segments sent
 * @data_segs_in: those with data
 * @data_segs_out: those with data
 * @total_retrans: segments resent
 * @is_orphan: counted in the namespace's orphans
 */
struct xtcp_sock {
	struct inet_sock inet;		/* first: the kernel casts */
	struct xtcp_net *xn;

	/* set when the sock enters its table */
	struct xtcp_conn conn;

	/* socket lock, from here to the end, unless a line says otherwise */
	struct xtcp_lease *lease;
	struct xtcp_listener *listener;	/* read under RCU by softirq */
	struct list_head accept_node;	/* own lock: the listener's */

	unsigned long left_table;
	bool recvmsg_inq;
	u32 readers;

	u32 iss;
	u32 irs;
	u32 snd_una;
	u32 snd_nxt;
	u32 snd_wl1;
	u32 snd_wl2;
	u32 snd_wnd;
	u32 max_snd_wnd;
	u32 write_seq;
	u32 rcv_nxt;
	u32 rcv_wnd;
	u32 rcv_wup;
	u32 copied_seq;
	u32 window_clamp;
	u32 space_copied;
	u32 space_seq;
	u64 space_stamp;
	u32 user_window_clamp;

	u8 snd_wscale;
	u8 rcv_wscale;
	bool wscale_ok;
	bool ts_ok;
	bool sack_ok;
	u8 ecn;
	u32 ts_recent;
	u32 ts_recent_stamp;
	u32 ts_offset;

	u16 mss_clamp;
	u16 user_mss;
	u16 advmss;
	u16 mss;
	u32 pmtu;

	struct xtcp_rto rto;
	struct xtcp_cong cong;
	struct xtcp_scoreboard scoreboard;
	struct xtcp_rack rack;
	struct xtcp_tlp tlp;
	struct xtcp_undo undo;
	u32 recover;
	bool frto;
	u32 lost_total;
	u64 dsacked;
	u32 delivered;
	u64 delivered_us;
	u32 snd_sml;
	struct xtcp_timers timers;

	struct rb_root sent;
	struct list_head in_flight;
	struct list_head to_resend;
	struct sk_buff *resend_cursor;
	struct rb_root out_of_order;
	u32 out_of_order_bytes;
	u32 out_of_order_count;
	struct xtcp_sack sack;
	u32 rcv_fin_seq;
	u32 rcv_data_tstamp;
	u16 rcv_last_len;
	u16 rcv_mss;
	u8 rcv_unacked_segments;
	u8 quickacks;
	bool ack_pending;
	bool ack_now;
	bool pingpong;
	bool answer_awaited;
	bool quickack_asked;
	bool fin_queued;
	bool fin_received;
	bool rcv_fin_known;
	bool is_orphan;

	u8 nonagle;
	u8 syn_retries;
	u8 defer_accept;
	u8 keepalive_probes;
	u8 keepalive_sent;
	u8 probes_out;
	u8 retransmits;
	int linger2;
	u32 user_timeout;
	u32 notsent_lowat;
	u32 keepalive_time;
	u32 keepalive_intvl;

	u32 retrans_stamp;
	u32 probe_stamp;
	u32 rcv_tstamp;
	u32 snd_tstamp;
	u32 ack_tstamp;
	u32 challenge_stamp;
	u32 challenge_count;
	u32 invalid_ack_stamp;

	/* own rule: atomic bit operations by softirq, consumed under the socket lock */
	unsigned long deferred;
	u32 mtu_info;			/* READ_ONCE/WRITE_ONCE */

	/* statistics for TCP_INFO */
	u64 bytes_acked;
	u64 bytes_received;
	u64 bytes_sent;
	u64 bytes_retrans;
	u32 segs_in;
	u32 segs_out;
	u32 data_segs_in;
	u32 data_segs_out;
	u32 total_retrans;
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
void xtcp_sock_orphan(struct sock *sk);
void xtcp_sock_done(struct sock *sk);
void xtcp_sock_destroy(struct sock *sk);
void xtcp_sock_fail(struct sock *sk, int err, enum xtcp_abort_reason reason);
void xtcp_sock_abort(struct sock *sk, int err, enum xtcp_abort_reason reason);
void xtcp_sock_abort_net(struct net *net);
bool xtcp_sock_too_many_orphans(struct sock *sk);
void xtcp_sock_wait_gone(void);

#endif /* XTCP_SOCK_H */
