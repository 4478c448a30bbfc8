/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints. Files that fire them include this header. */
#ifndef XTCP_TRACE_H
#define XTCP_TRACE_H

#include <linux/types.h>
#include <uapi/linux/xtcp.h>

struct in6_addr;
struct sk_buff;
struct sock;
struct tcphdr;
struct xtcp_sample;
struct xtcp_tuple;

/* The queues of a listener, for trace_xtcp_queue(). */
enum xtcp_trace_queue {
	XTCP_TRACE_SYN_QUEUE,
	XTCP_TRACE_ACCEPT_QUEUE,
};

/* Why the length of a queue has changed, or why it has not. */
enum xtcp_trace_queue_reason {
	XTCP_TRACE_ARRIVED,	/* SYN queue: a SYN came, or an entry of another listener */
	XTCP_TRACE_COMPLETED,	/* a child has replaced an entry, or has joined the accept queue */
	XTCP_TRACE_ACCEPTED,	/* accept queue: accept() took a child */
	XTCP_TRACE_RESET,	/* SYN queue: an entry was reset, by the peer or by us */
	XTCP_TRACE_TIMED_OUT,	/* SYN queue: the timeout of an entry's last SYN-ACK passed */
	XTCP_TRACE_FAILED,	/* SYN queue: an ICMP error or an administrator ended an entry */
	XTCP_TRACE_REFUSED,	/* no change: the queue was full, or a SYN could not be kept */
	/* no change of the SYN queue: the SYN was answered by cookie, without an entry */
	XTCP_TRACE_COOKIE,
	XTCP_TRACE_CLOSED,	/* the listener was closed */
};

/* Why the congestion state changed, for trace_xtcp_congestion(). */
enum xtcp_trace_congestion_reason {
	XTCP_TRACE_SACKED,		/* data out of order at the peer, or a duplicate ACK */
	XTCP_TRACE_IN_ORDER,		/* the data that was missing was late, not lost */
	XTCP_TRACE_THIRD_DUPACK,	/* the third duplicate ACK came (RFC 5681 section 3.2) */
	/* the peer has segments that were sent after the lost ones (RFC 8985 6.2) */
	XTCP_TRACE_RACK,
	XTCP_TRACE_PROBE,		/* no ACK came within the probe timeout (RFC 8985 7.3) */
	XTCP_TRACE_TLP,			/* the tail loss probe has repaired a loss (RFC 8985 7.4) */
	XTCP_TRACE_TIMEOUT,		/* the retransmission timer expired (RFC 6298 (5.4)) */
	XTCP_TRACE_RENEGED,		/* the peer dropped sacked data (RFC 2018 section 8) */
	XTCP_TRACE_ECE,			/* an ACK told of a congestion mark (RFC 3168 6.1.2) */
	XTCP_TRACE_QUEUE,		/* a queue of this machine was full */
	XTCP_TRACE_MTU,			/* data in flight is too large for the path */
	XTCP_TRACE_IDLE,		/* nothing was sent for more than an RTO (RFC 5681 4.1) */
	/* the peer has acknowledged all that was in flight when recovery began */
	XTCP_TRACE_RECOVERED,
	XTCP_TRACE_UNDO_TIMESTAMP,	/* the first transmission was late, not lost (RFC 3522) */
	XTCP_TRACE_UNDO_DSACK,		/* all retransmissions were duplicates (RFC 3708) */
	XTCP_TRACE_UNDO_FRTO,		/* F-RTO has shown that a timeout was spurious (RFC 5682) */
};

/* Changes that an administrator has made to a connection: bits for trace_xtcp_set(). */
enum xtcp_trace_set {
	XTCP_TRACE_SET_CONGESTION = 1 << XTCP_SET_CONGESTION,
	XTCP_TRACE_SET_MAX_PACING_RATE = 1 << XTCP_SET_MAX_PACING_RATE,
	XTCP_TRACE_SET_USER_TIMEOUT = 1 << XTCP_SET_USER_TIMEOUT,
	XTCP_TRACE_SET_KEEPALIVE = 1 << XTCP_SET_KEEPALIVE,
	XTCP_TRACE_SET_KEEPIDLE = 1 << XTCP_SET_KEEPIDLE,
	XTCP_TRACE_SET_BLACKBOX = 1 << XTCP_SET_BLACKBOX,
};

void xtcp_trace_sockaddr(void *to, const struct in6_addr *addr, __be16 port);
void xtcp_trace_conn(void *local, void *peer, const struct xtcp_conn *conn);
void xtcp_trace_tuple(void *local, void *peer, const struct xtcp_tuple *tuple);
void xtcp_trace_sk(void *local, void *peer, const struct sock *sk);
const u8 *xtcp_trace_option(const struct tcphdr *th, u8 kind);
unsigned int xtcp_trace_sacks(char *to, unsigned int size, const struct tcphdr *th);
unsigned int xtcp_trace_options(char *to, unsigned int size, const struct tcphdr *th);
bool xtcp_trace_timestamps(const struct tcphdr *th, u32 *tsval, u32 *tsecr);

/* The control bits of a segment, enum xtcp_flags. */
static inline u16 xtcp_trace_flags_of(const struct tcphdr *th)
{
	return ntohs(((const __be16 *)th)[6]) & 0x1ff;
}

#include <trace/events/xtcp.h>

#endif /* XTCP_TRACE_H */
