/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: the one include for files that fire them. */
#ifndef XTCP_TRACE_H
#define XTCP_TRACE_H

#include <linux/types.h>

struct in6_addr;
struct sk_buff;
struct sock;
struct tcphdr;
struct xtcp_sample;
struct xtcp_tuple;

/* A listener's queues, for trace_xtcp_queue(). */
enum xtcp_trace_queue {
	XTCP_TRACE_SYN_QUEUE,
	XTCP_TRACE_ACCEPT_QUEUE,
};

/* Why the length of a queue changed, or did not. */
enum xtcp_trace_queue_reason {
	XTCP_TRACE_ARRIVED,	/* SYN queue: a SYN; accept queue: a connection that is complete */
	XTCP_TRACE_COMPLETED,	/* SYN queue: the third ACK */
	XTCP_TRACE_ACCEPTED,	/* accept queue: accept() took it */
	XTCP_TRACE_RESET,	/* the peer reset it */
	XTCP_TRACE_TIMED_OUT,	/* SYN queue: no third ACK after the last SYN-ACK */
	XTCP_TRACE_FAILED,	/* an ICMP error, no memory, or died before accept() */
	XTCP_TRACE_REFUSED,	/* the queue was full: nothing changed */
	XTCP_TRACE_COOKIE,	/* SYN queue: it was full, and a cookie is the answer: nothing changed */
	XTCP_TRACE_CLOSED,	/* the listener was closed */
};

/* Why the congestion state changed, for trace_xtcp_congestion(). */
enum xtcp_trace_congestion_reason {
	XTCP_TRACE_SACKED,		/* something is out of order, or an ACK came twice */
	XTCP_TRACE_IN_ORDER,		/* what was out of order was late, not lost */
	XTCP_TRACE_THIRD_DUPACK,	/* RFC 5681 section 3.2, RFC 6675 section 5 */
	XTCP_TRACE_RACK,		/* sent long enough before something that has arrived (RFC 8985 section 6.2) */
	XTCP_TRACE_PROBE,		/* nothing was heard for two round trips (RFC 8985 section 7.3) */
	XTCP_TRACE_TLP,			/* the probe itself filled the hole (RFC 8985 section 7.4) */
	XTCP_TRACE_TIMEOUT,		/* RFC 6298 (5.4) */
	XTCP_TRACE_RENEGED,		/* the peer took back what it had sacked (RFC 2018 section 8) */
	XTCP_TRACE_ECE,			/* RFC 3168 section 6.1.2 */
	XTCP_TRACE_QUEUE,		/* a queue of this machine had no room */
	XTCP_TRACE_MTU,			/* what is in flight is too large for the path */
	XTCP_TRACE_IDLE,		/* RFC 5681 section 4.1 */
	XTCP_TRACE_RECOVERED,		/* SND.UNA has reached what was SND.NXT */
	XTCP_TRACE_UNDO_TIMESTAMP,	/* the first transmission was what arrived (RFC 3522) */
	XTCP_TRACE_UNDO_DSACK,		/* each repetition arrived twice (RFC 3708) */
	XTCP_TRACE_UNDO_FRTO,		/* RFC 5682 */
};

void xtcp_trace_sockaddr(void *to, const struct in6_addr *addr, __be16 port);
void xtcp_trace_conn(void *local, void *peer, const struct xtcp_conn *conn);
void xtcp_trace_tuple(void *local, void *peer, const struct xtcp_tuple *tuple);
void xtcp_trace_sk(void *local, void *peer, const struct sock *sk);
unsigned int xtcp_trace_sacks(char *to, unsigned int size, const struct tcphdr *th);
unsigned int xtcp_trace_options(char *to, unsigned int size, const struct tcphdr *th);
void xtcp_trace_timestamps(const struct tcphdr *th, u32 *tsval, u32 *tsecr);

/* The control bits of a segment: enum xtcp_flags. */
static inline u16 xtcp_trace_flags_of(const struct tcphdr *th)
{
	const u8 *octets = (const u8 *)th;

	return (octets[12] & 1) << 8 | octets[13];
}

#include <trace/events/xtcp.h>

#endif /* XTCP_TRACE_H */
