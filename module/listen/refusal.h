/* SPDX-License-Identifier: GPL-2.0 */
/* Counts and traces what a listener refuses. */
#ifndef XTCP_REFUSAL_H
#define XTCP_REFUSAL_H

#include <linux/atomic.h>
#include <net/sock.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "base/seg.h"
#include "listen/listener.h"
#include "sight/mib.h"
#include "sight/trace.h"

/* Counts a segment that the listener drops. */
static inline void xtcp_refusal_drop(struct sock *lsk)
{
	atomic_inc(&lsk->sk_drops);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_LISTENDROPS);
}

/* Counts a segment that is refused because the accept queue is full. */
static inline void xtcp_refusal_overflow(struct sock *lsk, struct xtcp_listener *listener)
{
	this_cpu_inc(listener->stats->overflows);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_LISTENOVERFLOWS);
	xtcp_refusal_drop(lsk);
}

/* Emits the event xtcp_queue for a segment that is refused because the accept queue is full. */
static inline void xtcp_refusal_trace_overflow(struct sock *lsk, const struct xtcp_listener *listener,
					       const struct xtcp_tuple *tuple)
{
	unsigned int len = READ_ONCE(listener->accept_len);

	trace_xtcp_queue(lsk, tuple, XTCP_TRACE_ACCEPT_QUEUE, len, len, XTCP_TRACE_REFUSED);
}

/*
 * TCP_DEFER_ACCEPT: is this a bare ACK that must not make a child yet? The listener's defer_accept
 * says how many timeouts of the SYN-ACK must come first. @timeouts: the number of timeouts so far.
 */
static inline bool xtcp_refusal_defers(const struct sock *lsk, const struct xtcp_seg *seg, unsigned int timeouts)
{
	return seg->seq == seg->end_seq && timeouts < READ_ONCE(xtcp_endpoint(lsk)->defer_accept);
}

#endif /* XTCP_REFUSAL_H */
