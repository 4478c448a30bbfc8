/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: the one include for files that fire them. */
#ifndef XTCP_TRACE_H
#define XTCP_TRACE_H

#include <linux/types.h>

struct in6_addr;
struct sock;
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
	XTCP_TRACE_CLOSED,	/* the listener was closed */
};

void xtcp_trace_sockaddr(void *to, const struct in6_addr *addr, __be16 port);
void xtcp_trace_conn(void *local, void *peer, const struct xtcp_conn *conn);
void xtcp_trace_tuple(void *local, void *peer, const struct xtcp_tuple *tuple);
void xtcp_trace_sk(void *local, void *peer, const struct sock *sk);

#include <trace/events/xtcp.h>

#endif /* XTCP_TRACE_H */
