/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints of xtcp: each segment in and out, each change of a state, of a queue and of
 * congestion control, timers, and drops with their reason.
 *
 * "netns" is the number that readlink /proc/self/ns/net shows. "local" and "peer" are address:port.
 * Sequence numbers are absolute, and "wnd" is the window field, both as on the wire. "shift" is the
 * shift of the window field, or -1 if it is not known. "segs" is the number of segments in a GSO or
 * GRO packet. "ecn" is the ECN field of the IP header (RFC 3168 section 5). The flag "a" is AE (RFC
 * 9768). The command "xtcp ladder" reads these lines.
 *
 * The trace system has the name of the module. The events keep their names in every build, so that
 * one drawing can show a connection between two builds.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM XTCP_NAME
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE xtcp

#if !defined(_TRACE_XTCP_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_XTCP_H

#include <linux/in6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/tracepoint.h>
#include <net/dropreason.h>
#include <net/inet_ecn.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/base.h"
#include "base/sock.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "loss/loss.h"
#include "sight/sight.h"

/* lists of names: each enumerator and the text that is printed for it */
#define XTCP_TRACE_STATES(FN, FNE)			\
	FN(TCP_ESTABLISHED, "ESTABLISHED")		\
	FN(TCP_SYN_SENT, "SYN-SENT")			\
	FN(TCP_SYN_RECV, "SYN-RECEIVED")		\
	FN(TCP_FIN_WAIT1, "FIN-WAIT-1")			\
	FN(TCP_FIN_WAIT2, "FIN-WAIT-2")			\
	FN(TCP_TIME_WAIT, "TIME-WAIT")			\
	FN(TCP_CLOSE, "CLOSED")				\
	FN(TCP_CLOSE_WAIT, "CLOSE-WAIT")		\
	FN(TCP_LAST_ACK, "LAST-ACK")			\
	FN(TCP_LISTEN, "LISTEN")			\
	FN(TCP_CLOSING, "CLOSING")			\
	FNE(TCP_NEW_SYN_RECV, "SYN-RECEIVED")

#define XTCP_TRACE_TIMERS(FN, FNE)			\
	FN(XTCP_TIMER_RETRANSMIT, "retransmit")		\
	FN(XTCP_TIMER_PERSIST, "persist")		\
	FN(XTCP_TIMER_DELACK, "delayed-ack")		\
	FN(XTCP_TIMER_KEEPALIVE, "keepalive")		\
	FN(XTCP_TIMER_PROBE, "probe")			\
	FN(XTCP_TIMER_REORDERING, "reordering")		\
	FNE(XTCP_TIMER_REOPENED, "window-opened")

#define XTCP_TRACE_QUEUES(FN, FNE)			\
	FN(XTCP_TRACE_SYN_QUEUE, "syn")			\
	FNE(XTCP_TRACE_ACCEPT_QUEUE, "accept")

#define XTCP_TRACE_QUEUE_REASONS(FN, FNE)		\
	FN(XTCP_TRACE_ARRIVED, "arrived")		\
	FN(XTCP_TRACE_COMPLETED, "completed")		\
	FN(XTCP_TRACE_ACCEPTED, "accepted")		\
	FN(XTCP_TRACE_RESET, "reset")			\
	FN(XTCP_TRACE_TIMED_OUT, "timed-out")		\
	FN(XTCP_TRACE_FAILED, "failed")			\
	FN(XTCP_TRACE_REFUSED, "refused")		\
	FN(XTCP_TRACE_COOKIE, "cookie")			\
	FNE(XTCP_TRACE_CLOSED, "closed")

#define XTCP_TRACE_PHASES(FN, FNE)			\
	FN(XTCP_CONG_OPEN, "Open")			\
	FN(XTCP_CONG_DISORDER, "Disorder")		\
	FN(XTCP_CONG_CWR, "CWR")			\
	FN(XTCP_CONG_RECOVERY, "Recovery")		\
	FNE(XTCP_CONG_LOSS, "Loss")

#define XTCP_TRACE_CONGESTION_REASONS(FN, FNE)					\
	FN(XTCP_TRACE_SACKED, "something is out of order")			\
	FN(XTCP_TRACE_IN_ORDER, "in order again")				\
	FN(XTCP_TRACE_THIRD_DUPACK, "third duplicate ACK")			\
	FN(XTCP_TRACE_RACK, "RACK: sent before what arrived")			\
	FN(XTCP_TRACE_PROBE, "tail loss probe sent")				\
	FN(XTCP_TRACE_TLP, "tail loss probe: it filled a hole")			\
	FN(XTCP_TRACE_TIMEOUT, "timeout")					\
	FN(XTCP_TRACE_RENEGED, "the peer took a SACK back")			\
	FN(XTCP_TRACE_ECE, "congestion mark")					\
	FN(XTCP_TRACE_QUEUE, "own queue full")					\
	FN(XTCP_TRACE_MTU, "path MTU fell")					\
	FN(XTCP_TRACE_IDLE, "restart after idle")				\
	FN(XTCP_TRACE_RECOVERED, "all that was in flight is acknowledged")	\
	FN(XTCP_TRACE_UNDO_TIMESTAMP, "undo: the timestamp is the original's")	\
	FN(XTCP_TRACE_UNDO_DSACK, "undo: D-SACK, nothing was lost")		\
	FNE(XTCP_TRACE_UNDO_FRTO, "undo: the timeout was spurious (F-RTO)")

#define XTCP_ABORT_REASONS(FN, FNE)			\
	FN(XTCP_ABORT_RESET, "reset")			\
	FN(XTCP_ABORT_ICMP, "icmp")			\
	FN(XTCP_ABORT_TIMEOUT, "timeout")		\
	FN(XTCP_ABORT_KEEPALIVE, "keepalive")		\
	FN(XTCP_ABORT_UNREAD, "unread-data")		\
	FN(XTCP_ABORT_LATE_DATA, "late-data")		\
	FN(XTCP_ABORT_LINGER, "linger")			\
	FN(XTCP_ABORT_LINGER2, "linger2")		\
	FN(XTCP_ABORT_ORPHANS, "orphans")		\
	FN(XTCP_ABORT_LISTENER, "listener-closed")	\
	FN(XTCP_ABORT_DISCONNECT, "disconnect")		\
	FN(XTCP_ABORT_KILLED, "killed")			\
	FN(XTCP_ABORT_NETNS, "netns")			\
	FN(XTCP_ABORT_USER_TIMEOUT, "user-timeout")	\
	FN(XTCP_ABORT_IDLE, "idle")			\
	FN(XTCP_ABORT_HALF_CLOSED, "half-closed")	\
	FN(XTCP_ABORT_USER_TIMEOUT_MS, "user-timeout-ms") \
	FNE(XTCP_ABORT_KEEPALIVE_ALWAYS, "keepalive-always")

#define XTCP_TRACE_SETS(FN, FNE)				\
	FN(XTCP_TRACE_SET_CONGESTION, "congestion")		\
	FN(XTCP_TRACE_SET_MAX_PACING_RATE, "max_pacing_rate")	\
	FN(XTCP_TRACE_SET_USER_TIMEOUT, "user_timeout")		\
	FN(XTCP_TRACE_SET_KEEPALIVE, "keepalive")		\
	FN(XTCP_TRACE_SET_KEEPIDLE, "keepidle")			\
	FNE(XTCP_TRACE_SET_BLACKBOX, "blackbox")

#undef FN
#undef FNE
#define FN(name, text) TRACE_DEFINE_ENUM(name);
#define FNE(name, text) TRACE_DEFINE_ENUM(name);
XTCP_TRACE_STATES(FN, FNE)
XTCP_TRACE_TIMERS(FN, FNE)
XTCP_TRACE_QUEUES(FN, FNE)
XTCP_TRACE_QUEUE_REASONS(FN, FNE)
XTCP_TRACE_PHASES(FN, FNE)
XTCP_TRACE_CONGESTION_REASONS(FN, FNE)
XTCP_ABORT_REASONS(FN, FNE)
XTCP_TRACE_SETS(FN, FNE)
#undef FN
#undef FNE
#define FN(reason) TRACE_DEFINE_ENUM(SKB_DROP_REASON_##reason);
DEFINE_DROP_REASON(FN, FN)
#undef FN

/* used by the TP_printk() below */
#define XTCP_TRACE_PAIR(name, text) { name, text },
#define XTCP_TRACE_PAIR_LAST(name, text) { name, text }
#define XTCP_TRACE_REASON(reason) { SKB_DROP_REASON_##reason, #reason },
#define XTCP_TRACE_REASON_LAST(reason) { SKB_DROP_REASON_##reason, #reason }

#define xtcp_trace_state(state) \
	__print_symbolic(state, XTCP_TRACE_STATES(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_timer(which) \
	__print_symbolic(which, XTCP_TRACE_TIMERS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_queue(which) \
	__print_symbolic(which, XTCP_TRACE_QUEUES(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_queue_reason(reason) \
	__print_symbolic(reason, XTCP_TRACE_QUEUE_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_phase(phase) \
	__print_symbolic(phase, XTCP_TRACE_PHASES(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_congestion_reason(reason) \
	__print_symbolic(reason, XTCP_TRACE_CONGESTION_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_abort_reason(reason) \
	__print_symbolic(reason, XTCP_ABORT_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_sets(what) \
	__print_flags(what, ",", XTCP_TRACE_SETS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_drop_reason(reason) \
	__print_symbolic(reason, DEFINE_DROP_REASON(XTCP_TRACE_REASON, XTCP_TRACE_REASON_LAST))
#define xtcp_trace_flags(flags) \
	__print_flags(flags, "", \
		      { XTCP_SYN, "S" }, { XTCP_FIN, "F" }, { XTCP_RST, "R" }, { XTCP_PSH, "P" }, \
		      { XTCP_ACK, "A" }, { XTCP_URG, "U" }, { XTCP_ECE, "E" }, { XTCP_CWR, "C" }, \
		      { XTCP_AE, "a" })

/* The first fields of each event: they say which connection it is about. */
#define XTCP_TRACE_ENDS_FIELDS					\
	__field(u32, netns)					\
	__array(u8, local, sizeof(struct sockaddr_in6))		\
	__array(u8, peer, sizeof(struct sockaddr_in6))
#define XTCP_TRACE_ENDS_FORMAT "netns=%u local=%pISpc peer=%pISpc"
#define XTCP_TRACE_ENDS_ARGS __entry->netns, __entry->local, __entry->peer

/* A full sock changed its state. For half-open entries and records see xtcp_conn_state. */
TRACE_EVENT(xtcp_state,

	TP_PROTO(const struct sock *sk, int old, int new),

	TP_ARGS(sk, old, new),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, old)
		__field(int, new)
	),

	TP_fast_assign(
		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->old = old;
		__entry->new = new;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " old=%s new=%s",
		  XTCP_TRACE_ENDS_ARGS,
		  xtcp_trace_state(__entry->old), xtcp_trace_state(__entry->new))
);

/* A half-open entry or a record (FIN-WAIT-2, TIME-WAIT) was made, changed its state or ended. */
TRACE_EVENT(xtcp_conn_state,

	TP_PROTO(const struct net *net, const struct xtcp_conn *conn, int old, int new),

	TP_ARGS(net, conn, old, new),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, old)
		__field(int, new)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_conn(__entry->local, __entry->peer, conn);
		__entry->old = old;
		__entry->new = new;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " old=%s new=%s",
		  XTCP_TRACE_ENDS_ARGS,
		  xtcp_trace_state(__entry->old), xtcp_trace_state(__entry->new))
);

/*
 * A segment for xtcp arrived. "state" is the state in which it is processed. skb->data points to
 * its TCP header, and skb->cb has its struct xtcp_seg.
 */
TRACE_EVENT(xtcp_segment_in,

	TP_PROTO(const struct net *net, const struct xtcp_tuple *tuple, int state, struct sk_buff *skb, int shift),

	TP_ARGS(net, tuple, state, skb, shift),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, state)
		__field(u32, seq)
		__field(u32, end_seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u32, tsval)
		__field(u32, tsecr)
		__field(u16, wnd)
		__field(u16, segs)
		__field(s8, shift)
		__field(u8, ecn)
		__field(u16, flags)
		__dynamic_array(char, sacks,
				xtcp_trace_sacks(NULL, 0, (const struct tcphdr *)skb->data))
		__dynamic_array(char, options,
				xtcp_trace_options(NULL, 0, (const struct tcphdr *)skb->data))
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		__entry->state = state;
		__entry->seq = xtcp_seg(skb)->seq;
		__entry->end_seq = xtcp_seg(skb)->end_seq;
		__entry->ack = xtcp_seg(skb)->ack;
		__entry->len = xtcp_seg(skb)->len;
		__entry->wnd = xtcp_seg(skb)->wnd;
		__entry->flags = xtcp_trace_flags_of((const struct tcphdr *)skb->data);
		__entry->shift = xtcp_seg(skb)->flags & XTCP_SYN ? 0 : shift;
		__entry->segs = max_t(u16, skb_shinfo(skb)->gso_segs, 1);
		__entry->ecn = xtcp_seg(skb)->ecn;
		__entry->tsval = xtcp_seg(skb)->has_ts ? xtcp_seg(skb)->tsval : 0;
		__entry->tsecr = xtcp_seg(skb)->has_ts ? xtcp_seg(skb)->tsecr : 0;
		xtcp_trace_sacks(__get_dynamic_array(sacks), __get_dynamic_array_len(sacks),
				 (const struct tcphdr *)skb->data);
		xtcp_trace_options(__get_dynamic_array(options), __get_dynamic_array_len(options),
				   (const struct tcphdr *)skb->data);
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " state=%s flags=[%s] seq=%u end=%u ack=%u wnd=%u len=%u sacks=[%s] shift=%d segs=%u ecn=%u ts=%u/%u options=[%s]",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_state(__entry->state),
		  xtcp_trace_flags(__entry->flags), __entry->seq, __entry->end_seq, __entry->ack,
		  __entry->wnd, __entry->len, __get_str(sacks), __entry->shift, __entry->segs, __entry->ecn,
		  __entry->tsval, __entry->tsecr, __get_str(options))
);

/*
 * A segment is passed to IP. A GSO packet, which IP or the device will cut, is one event. If a
 * SYN-ACK has a SYN cookie, "state" is the state that an entry of the SYN queue would have.
 */
TRACE_EVENT(xtcp_segment_out,

	TP_PROTO(const struct net *net, const struct xtcp_tuple *tuple, int state, const struct sk_buff *skb,
		 const struct tcphdr *th, u32 len, int shift, u8 ecn, bool resent),

	TP_ARGS(net, tuple, state, skb, th, len, shift, ecn, resent),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, state)
		__field(u32, seq)
		__field(u32, end_seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u32, tsval)
		__field(u32, tsecr)
		__field(u16, wnd)
		__field(u16, segs)
		__field(s8, shift)
		__field(u8, ecn)
		__field(u16, flags)
		__field(bool, resent)
		__dynamic_array(char, sacks, xtcp_trace_sacks(NULL, 0, th))
		__dynamic_array(char, options, xtcp_trace_options(NULL, 0, th))
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		__entry->state = state;
		__entry->seq = ntohl(th->seq);
		__entry->end_seq = ntohl(th->seq) + len + th->syn + th->fin;
		__entry->ack = ntohl(th->ack_seq);
		__entry->len = len;
		__entry->wnd = ntohs(th->window);
		__entry->flags = xtcp_trace_flags_of(th);
		__entry->shift = th->syn ? 0 : shift;
		__entry->segs = max_t(u16, skb_shinfo(skb)->gso_segs, 1);
		__entry->ecn = ecn;
		__entry->resent = resent;
		xtcp_trace_timestamps(th, &__entry->tsval, &__entry->tsecr);
		xtcp_trace_sacks(__get_dynamic_array(sacks), __get_dynamic_array_len(sacks), th);
		xtcp_trace_options(__get_dynamic_array(options), __get_dynamic_array_len(options), th);
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " state=%s flags=[%s] seq=%u end=%u ack=%u wnd=%u len=%u resent=%d sacks=[%s] shift=%d segs=%u ecn=%u ts=%u/%u options=[%s]",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_state(__entry->state),
		  xtcp_trace_flags(__entry->flags), __entry->seq, __entry->end_seq, __entry->ack,
		  __entry->wnd, __entry->len, __entry->resent, __get_str(sacks), __entry->shift,
		  __entry->segs, __entry->ecn, __entry->tsval, __entry->tsecr, __get_str(options))
);

/*
 * Text went straight into the peer's receive queue (net.xtcp.local), without a segment_out and a
 * segment_in event. The fields are those that such a segment would have.
 */
TRACE_EVENT(xtcp_local,

	TP_PROTO(const struct sock *sk, u32 end_seq, u32 len, u16 flags),

	TP_ARGS(sk, end_seq, len, flags),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, state)
		__field(u32, seq)
		__field(u32, end_seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u16, wnd)
		__field(u16, flags)
		__field(s8, shift)
	),

	TP_fast_assign(
		const struct xtcp_sock *xsk = xtcp_sk(sk);

		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->state = sk->sk_state;
		__entry->seq = end_seq - len;
		__entry->end_seq = end_seq;
		__entry->ack = xsk->rcv.nxt;
		__entry->len = len;
		__entry->wnd = (xsk->rcv.wup + xsk->rcv.wnd - xsk->rcv.nxt) >> xsk->rcv_wscale;
		__entry->flags = flags;
		__entry->shift = xsk->rcv_wscale;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " state=%s flags=[%s] seq=%u end=%u ack=%u wnd=%u len=%u shift=%d",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_state(__entry->state),
		  xtcp_trace_flags(__entry->flags), __entry->seq, __entry->end_seq, __entry->ack,
		  __entry->wnd, __entry->len, __entry->shift)
);

/*
 * The state of congestion control changed, or a tail loss probe was sent; "reason" says why. The
 * other fields are the values afterwards, in octets and microseconds. If ssthresh or min_rtt_us is
 * 4294967295, it has no value yet.
 */
TRACE_EVENT(xtcp_congestion,

	TP_PROTO(const struct sock *sk, u32 pipe, int reason),

	TP_ARGS(sk, pipe, reason),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, phase)
		__field(u32, cwnd)
		__field(u32, ssthresh)
		__field(u32, pipe)
		__field(u32, srtt_us)
		__field(u32, min_rtt_us)
		__field(u32, snd_una)
		__field(u32, snd_nxt)
		__field(int, reason)
	),

	TP_fast_assign(
		const struct xtcp_sock *xsk = xtcp_sk(sk);

		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->phase = xsk->cong.phase;
		__entry->cwnd = xsk->cong.cwnd;
		__entry->ssthresh = xsk->cong.ssthresh;
		__entry->pipe = pipe;
		__entry->srtt_us = xsk->rto.srtt_us;
		__entry->min_rtt_us = xsk->rto.min_rtt_us;
		__entry->snd_una = xsk->snd.una;
		__entry->snd_nxt = xsk->snd.nxt;
		__entry->reason = reason;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " phase=%s cwnd=%u ssthresh=%u pipe=%u srtt_us=%u min_rtt_us=%u snd_una=%u snd_nxt=%u reason=%s",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_phase(__entry->phase), __entry->cwnd,
		  __entry->ssthresh, __entry->pipe, __entry->srtt_us, __entry->min_rtt_us, __entry->snd_una,
		  __entry->snd_nxt, xtcp_trace_congestion_reason(__entry->reason))
);

/*
 * An ACK acknowledged or sacked text, or revealed a loss. The event shows what the ACK reported,
 * and the windows and the pipe afterwards.
 */
TRACE_EVENT(xtcp_ack,

	TP_PROTO(const struct sock *sk, const struct xtcp_sample *sample, u32 pipe),

	TP_ARGS(sk, sample, pipe),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, phase)
		__field(u32, snd_una)
		__field(u32, snd_nxt)
		__field(u32, snd_wnd)
		__field(u32, acked)
		__field(u32, sacked)
		__field(u32, lost)
		__field(u32, delivered)
		__field(u32, pipe)
		__field(u32, cwnd)
		__field(u32, ssthresh)
		__field(u32, rtt_us)
		__field(u32, srtt_us)
	),

	TP_fast_assign(
		const struct xtcp_sock *xsk = xtcp_sk(sk);

		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->phase = xsk->cong.phase;
		__entry->snd_una = xsk->snd.una;
		__entry->snd_nxt = xsk->snd.nxt;
		__entry->snd_wnd = xsk->snd.wnd;
		__entry->acked = sample->acked;
		__entry->sacked = sample->sacked;
		__entry->lost = sample->lost;
		__entry->delivered = sample->delivered;
		__entry->pipe = pipe;
		__entry->cwnd = xsk->cong.cwnd;
		__entry->ssthresh = xsk->cong.ssthresh;
		__entry->rtt_us = sample->rtt_us;
		__entry->srtt_us = xsk->rto.srtt_us;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " phase=%s snd_una=%u snd_nxt=%u snd_wnd=%u acked=%u sacked=%u lost=%u delivered=%u pipe=%u cwnd=%u ssthresh=%u rtt_us=%u srtt_us=%u",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_phase(__entry->phase), __entry->snd_una,
		  __entry->snd_nxt, __entry->snd_wnd, __entry->acked, __entry->sacked, __entry->lost,
		  __entry->delivered, __entry->pipe, __entry->cwnd, __entry->ssthresh, __entry->rtt_us,
		  __entry->srtt_us)
);

/* A deadline of a connection passed. */
TRACE_EVENT(xtcp_timer,

	TP_PROTO(const struct sock *sk, int which),

	TP_ARGS(sk, which),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, state)
		__field(int, which)
		__field(u32, rto_ms)
		__field(u8, backoff)
		__field(u8, retransmits)
		__field(u8, probes_out)
	),

	TP_fast_assign(
		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->state = sk->sk_state;
		__entry->which = which;
		__entry->rto_ms = xtcp_sk(sk)->rto.rto_ms;
		__entry->backoff = xtcp_sk(sk)->rto.backoff;
		__entry->retransmits = xtcp_sk(sk)->tries.retransmits;
		__entry->probes_out = xtcp_tries_probes_out(&xtcp_sk(sk)->tries);
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " state=%s timer=%s rto_ms=%u backoff=%u retransmits=%u probes=%u",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_state(__entry->state),
		  xtcp_trace_timer(__entry->which), __entry->rto_ms, __entry->backoff, __entry->retransmits,
		  __entry->probes_out)
);

/*
 * A SYN-ACK timed out. "timeouts" is how often it has timed out so far. The next timeout comes
 * after timeout_ms; if that is 0, this was the last one.
 */
TRACE_EVENT(xtcp_conn_timer,

	TP_PROTO(const struct net *net, const struct xtcp_conn *conn, u32 timeouts, u32 timeout_ms),

	TP_ARGS(net, conn, timeouts, timeout_ms),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(u32, timeouts)
		__field(u32, timeout_ms)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_conn(__entry->local, __entry->peer, conn);
		__entry->timeouts = timeouts;
		__entry->timeout_ms = timeout_ms;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " timer=syn-ack timeouts=%u timeout_ms=%u",
		  XTCP_TRACE_ENDS_ARGS, __entry->timeouts, __entry->timeout_ms)
);

/* A connection ends, but not by both FINs. "state" is the state that it leaves. */
TRACE_EVENT(xtcp_abort,

	TP_PROTO(const struct sock *sk, int err, int reason),

	TP_ARGS(sk, err, reason),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, state)
		__field(int, err)
		__field(int, reason)
	),

	TP_fast_assign(
		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->state = sk->sk_state;
		__entry->err = err;
		__entry->reason = reason;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " state=%s error=%d reason=%s",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_state(__entry->state), __entry->err,
		  xtcp_trace_abort_reason(__entry->reason))
);

/*
 * A RST has a diagnostic payload. This event follows the event of the RST's segment. "sent": 1 if
 * the RST is ours. "code" is the reason code, 0 if the payload is malformed; "pen" is the
 * enterprise number that belongs to the code, or 0 for IANA. The peer's payload may say anything.
 */
TRACE_EVENT(xtcp_rst_diagnostic,

	TP_PROTO(const struct net *net, const struct xtcp_tuple *tuple, bool sent, u16 code, u32 pen),

	TP_ARGS(net, tuple, sent, code, pen),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(u32, pen)
		__field(u16, code)
		__field(bool, sent)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		__entry->pen = pen;
		__entry->code = code;
		__entry->sent = sent;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " sent=%d code=%u pen=%u",
		  XTCP_TRACE_ENDS_ARGS, __entry->sent, __entry->code, __entry->pen)
);

/*
 * A segment for xtcp is dropped without a segment_in event. A field that cannot be read is zero. If
 * the checksum is wrong, any field may be wrong.
 */
TRACE_EVENT(xtcp_drop,

	TP_PROTO(const struct net *net, const struct xtcp_tuple *tuple, int state, const struct tcphdr *th, u32 len,
		 enum skb_drop_reason reason),

	TP_ARGS(net, tuple, state, th, len, reason),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, state)
		__field(u32, seq)
		__field(u32, end_seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u16, flags)
		__field(int, reason)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		__entry->state = state;
		__entry->seq = th ? ntohl(th->seq) : 0;
		__entry->end_seq = th ? ntohl(th->seq) + len + th->syn + th->fin : 0;
		__entry->ack = th ? ntohl(th->ack_seq) : 0;
		__entry->len = th ? len : 0;
		__entry->flags = th ? xtcp_trace_flags_of(th) : 0;
		__entry->reason = reason;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " state=%s flags=[%s] seq=%u end=%u ack=%u len=%u reason=%s",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_state(__entry->state),
		  xtcp_trace_flags(__entry->flags), __entry->seq, __entry->end_seq, __entry->ack, __entry->len,
		  xtcp_trace_drop_reason(__entry->reason))
);

/*
 * A SYN or a connection of a peer entered or left a queue of a listener, or was refused. "queue" is
 * a value of enum xtcp_trace_queue, "reason" is one of enum xtcp_trace_queue_reason. If the whole
 * queue was dropped, "local" is the listener's address, and "peer" is address zero, port 0.
 */
TRACE_EVENT(xtcp_queue,

	TP_PROTO(const struct sock *lsk, const struct xtcp_tuple *tuple, int which, u32 old, u32 new, int reason),

	TP_ARGS(lsk, tuple, which, old, new, reason),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, which)
		__field(u32, old)
		__field(u32, new)
		__field(int, reason)
	),

	TP_fast_assign(
		__entry->netns = sock_net(lsk)->ns.inum;
		if (tuple)
			xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		else
			xtcp_trace_sk(__entry->local, __entry->peer, lsk);
		__entry->which = which;
		__entry->old = old;
		__entry->new = new;
		__entry->reason = reason;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT " queue=%s old=%u new=%u reason=%s",
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_queue(__entry->which), __entry->old,
		  __entry->new, xtcp_trace_queue_reason(__entry->reason))
);

#define XTCP_TRACE_SET_FORMAT \
	" state=%s set=%s congestion=%s max_pacing_rate=%llu user_timeout=%u keepalive=%d keepidle=%u blackbox=%d"

/*
 * An administrator has changed a connection. "set" says what has changed (enum xtcp_trace_set); the
 * other fields are the present values. If user_timeout or keepidle is 0, the namespace's value
 * applies.
 */
TRACE_EVENT(xtcp_set,

	TP_PROTO(const struct sock *sk, u32 what),

	TP_ARGS(sk, what),

	TP_STRUCT__entry(
		XTCP_TRACE_ENDS_FIELDS
		__field(int, state)
		__field(u32, what)
		__array(char, congestion, TCP_CA_NAME_MAX)
		__field(u64, max_pacing_rate)
		__field(u32, user_timeout)
		__field(bool, keepalive)
		__field(u32, keepidle)
		__field(bool, blackbox)
	),

	TP_fast_assign(
		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->state = sk->sk_state;
		__entry->what = what;
		strscpy(__entry->congestion, xtcp_sk(sk)->algorithm->name, TCP_CA_NAME_MAX);
		__entry->max_pacing_rate = sk->sk_max_pacing_rate;
		__entry->user_timeout = xtcp_sk(sk)->user_timeout;
		__entry->keepalive = sock_flag(sk, SOCK_KEEPOPEN);
		__entry->keepidle = xtcp_sk(sk)->keepalive_time;
		__entry->blackbox = xtcp_sk(sk)->box;
	),

	TP_printk(XTCP_TRACE_ENDS_FORMAT XTCP_TRACE_SET_FORMAT,
		  XTCP_TRACE_ENDS_ARGS, xtcp_trace_state(__entry->state), xtcp_trace_sets(__entry->what),
		  __entry->congestion, __entry->max_pacing_rate, __entry->user_timeout, __entry->keepalive,
		  __entry->keepidle, __entry->blackbox)
);

#endif /* _TRACE_XTCP_H */

/*
 * outside the guard, because define_trace.h reads this file several times; it finds this file
 * through -I include
 */
#include <trace/define_trace.h>
