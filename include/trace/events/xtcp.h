/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What xtcp lets you see: each segment in and out, state and queue changes, timers, drops with their reason.
 *
 * "netns" is the number that readlink /proc/self/ns/net shows; "local" and "peer" are address:port; numbers are as on
 * the wire (absolute sequence numbers, the window field without its shift). scripts/ladder reads these lines.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xtcp

#if !defined(_TRACE_XTCP_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_XTCP_H

#include <linux/in6.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include <net/dropreason.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "ingress.h"
#include "sock.h"
#include "trace.h"

/* name lists: each enumerator and how it prints */
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
	FNE(XTCP_TIMER_KEEPALIVE, "keepalive")

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
	FNE(XTCP_TRACE_CLOSED, "closed")

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
	FNE(XTCP_ABORT_NETNS, "netns")

#undef FN
#undef FNE
#define FN(name, text) TRACE_DEFINE_ENUM(name);
#define FNE(name, text) TRACE_DEFINE_ENUM(name);
XTCP_TRACE_STATES(FN, FNE)
XTCP_TRACE_TIMERS(FN, FNE)
XTCP_TRACE_QUEUES(FN, FNE)
XTCP_TRACE_QUEUE_REASONS(FN, FNE)
XTCP_ABORT_REASONS(FN, FNE)
#undef FN
#undef FNE
#define FN(reason) TRACE_DEFINE_ENUM(SKB_DROP_REASON_##reason);
DEFINE_DROP_REASON(FN, FN)
#undef FN

/* while a TP_printk below is expanded */
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
#define xtcp_trace_abort_reason(reason) \
	__print_symbolic(reason, XTCP_ABORT_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR_LAST))
#define xtcp_trace_drop_reason(reason) \
	__print_symbolic(reason, DEFINE_DROP_REASON(XTCP_TRACE_REASON, XTCP_TRACE_REASON_LAST))
#define xtcp_trace_flags(flags) \
	__print_flags(flags, "", \
		      { XTCP_SYN, "S" }, { XTCP_FIN, "F" }, { XTCP_RST, "R" }, { XTCP_PSH, "P" }, \
		      { XTCP_ACK, "A" }, { XTCP_URG, "U" }, { XTCP_ECE, "E" }, { XTCP_CWR, "C" })

/* A full sock (a listener's SYN-RECEIVED and TIME-WAIT: xtcp_conn_state). */
TRACE_EVENT(xtcp_state,

	TP_PROTO(const struct sock *sk, int old, int new),

	TP_ARGS(sk, old, new),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
		__field(int, old)
		__field(int, new)
	),

	TP_fast_assign(
		__entry->netns = sock_net(sk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, sk);
		__entry->old = old;
		__entry->new = new;
	),

	TP_printk("netns=%u local=%pISpc peer=%pISpc old=%s new=%s",
		  __entry->netns, __entry->local, __entry->peer,
		  xtcp_trace_state(__entry->old), xtcp_trace_state(__entry->new))
);

/* A half-open entry or a TIME-WAIT record was made or ended. */
TRACE_EVENT(xtcp_conn_state,

	TP_PROTO(const struct net *net, const struct xtcp_conn *conn, int old, int new),

	TP_ARGS(net, conn, old, new),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
		__field(int, old)
		__field(int, new)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_conn(__entry->local, __entry->peer, conn);
		__entry->old = old;
		__entry->new = new;
	),

	TP_printk("netns=%u local=%pISpc peer=%pISpc old=%s new=%s",
		  __entry->netns, __entry->local, __entry->peer,
		  xtcp_trace_state(__entry->old), xtcp_trace_state(__entry->new))
);

/* A segment of ours arrived; "state" is what it meets. */
TRACE_EVENT(xtcp_segment_in,

	TP_PROTO(const struct net *net, const struct xtcp_tuple *tuple, int state, const struct xtcp_seg *seg),

	TP_ARGS(net, tuple, state, seg),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
		__field(int, state)
		__field(u32, seq)
		__field(u32, end_seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u16, wnd)
		__field(u8, flags)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		__entry->state = state;
		__entry->seq = seg->seq;
		__entry->end_seq = seg->end_seq;
		__entry->ack = seg->ack;
		__entry->len = seg->len;
		__entry->wnd = seg->wnd;
		__entry->flags = seg->flags;
	),

	TP_printk("netns=%u local=%pISpc peer=%pISpc state=%s flags=[%s] seq=%u end=%u ack=%u wnd=%u len=%u",
		  __entry->netns, __entry->local, __entry->peer, xtcp_trace_state(__entry->state),
		  xtcp_trace_flags(__entry->flags), __entry->seq, __entry->end_seq, __entry->ack,
		  __entry->wnd, __entry->len)
);

/* A segment was handed to IP; a bundle that IP or the device will cut is one event. */
TRACE_EVENT(xtcp_segment_out,

	TP_PROTO(const struct net *net, const struct xtcp_tuple *tuple, int state, u32 seq, u32 ack, u8 flags, u32 len,
		 u16 wnd, bool resent),

	TP_ARGS(net, tuple, state, seq, ack, flags, len, wnd, resent),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
		__field(int, state)
		__field(u32, seq)
		__field(u32, end_seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u16, wnd)
		__field(u8, flags)
		__field(bool, resent)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		__entry->state = state;
		__entry->seq = seq;
		__entry->end_seq = seq + len + !!(flags & XTCP_SYN) + !!(flags & XTCP_FIN);
		__entry->ack = ack;
		__entry->len = len;
		__entry->wnd = wnd;
		__entry->flags = flags;
		__entry->resent = resent;
	),

	TP_printk("netns=%u local=%pISpc peer=%pISpc state=%s flags=[%s] seq=%u end=%u ack=%u wnd=%u len=%u resent=%d",
		  __entry->netns, __entry->local, __entry->peer, xtcp_trace_state(__entry->state),
		  xtcp_trace_flags(__entry->flags), __entry->seq, __entry->end_seq, __entry->ack,
		  __entry->wnd, __entry->len, __entry->resent)
);

/* A deadline of a connection passed. */
TRACE_EVENT(xtcp_timer,

	TP_PROTO(const struct sock *sk, int which),

	TP_ARGS(sk, which),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
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
		__entry->retransmits = xtcp_sk(sk)->retransmits;
		__entry->probes_out = xtcp_sock_probes_out(xtcp_sk(sk));
	),

	TP_printk("netns=%u local=%pISpc peer=%pISpc state=%s timer=%s rto_ms=%u backoff=%u retransmits=%u probes=%u",
		  __entry->netns, __entry->local, __entry->peer, xtcp_trace_state(__entry->state),
		  xtcp_trace_timer(__entry->which), __entry->rto_ms, __entry->backoff, __entry->retransmits,
		  __entry->probes_out)
);

/* A connection ends otherwise than by both FINs; the state is the one that it leaves. */
TRACE_EVENT(xtcp_abort,

	TP_PROTO(const struct sock *sk, int err, int reason),

	TP_ARGS(sk, err, reason),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
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

	TP_printk("netns=%u local=%pISpc peer=%pISpc state=%s error=%d reason=%s",
		  __entry->netns, __entry->local, __entry->peer, xtcp_trace_state(__entry->state), __entry->err,
		  xtcp_trace_abort_reason(__entry->reason))
);

/* A segment of ours is dropped; without a tuple (the header could not be read) both ends are zero. */
TRACE_EVENT(xtcp_drop,

	TP_PROTO(const struct net *net, const struct xtcp_tuple *tuple, int state, enum skb_drop_reason reason),

	TP_ARGS(net, tuple, state, reason),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
		__field(int, state)
		__field(int, reason)
	),

	TP_fast_assign(
		__entry->netns = net->ns.inum;
		xtcp_trace_tuple(__entry->local, __entry->peer, tuple);
		__entry->state = state;
		__entry->reason = reason;
	),

	TP_printk("netns=%u local=%pISpc peer=%pISpc state=%s reason=%s",
		  __entry->netns, __entry->local, __entry->peer, xtcp_trace_state(__entry->state),
		  xtcp_trace_drop_reason(__entry->reason))
);

/* One of a listener's queues (enum xtcp_trace_queue) grew, shrank or refused (enum xtcp_trace_queue_reason). */
TRACE_EVENT(xtcp_queue,

	TP_PROTO(const struct sock *lsk, int which, u32 old, u32 new, int reason),

	TP_ARGS(lsk, which, old, new, reason),

	TP_STRUCT__entry(
		__field(u32, netns)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, peer, sizeof(struct sockaddr_in6))
		__field(int, which)
		__field(u32, old)
		__field(u32, new)
		__field(int, reason)
	),

	TP_fast_assign(
		__entry->netns = sock_net(lsk)->ns.inum;
		xtcp_trace_sk(__entry->local, __entry->peer, lsk);
		__entry->which = which;
		__entry->old = old;
		__entry->new = new;
		__entry->reason = reason;
	),

	TP_printk("netns=%u local=%pISpc queue=%s old=%u new=%u reason=%s",
		  __entry->netns, __entry->local, xtcp_trace_queue(__entry->which), __entry->old, __entry->new,
		  xtcp_trace_queue_reason(__entry->reason))
);

#endif /* _TRACE_XTCP_H */

/* outside the guard: found through -I include */
#include <trace/define_trace.h>
