/* SPDX-License-Identifier: GPL-2.0 */
/* Puts small writes that follow each other closely into one segment. */
#ifndef XTCP_COALESCE_H
#define XTCP_COALESCE_H

#include "base/sock.h"
#include "base/stream.h"

bool xtcp_coalesce_waits(struct sock *sk, u32 written);

/*
 * Does the last write, of @written octets, have to wait for the next write? The last write never
 * waits while fewer than two skbs are in flight. Skbs that are sacked or wait to be resent do not
 * count.
 */
static inline bool xtcp_coalesce_holds(struct sock *sk, u32 written)
{
	const struct list_head *in_flight = &xtcp_sk(sk)->stream->in_flight;

	return in_flight->next != in_flight->prev && xtcp_coalesce_waits(sk, written);
}

void xtcp_coalesce_push(struct sock *sk);

/*
 * The program makes a call that is not a write: send data that waits for the next write. The socket
 * lock is not held.
 */
static inline void xtcp_coalesce_flush(struct sock *sk)
{
	if (unlikely(READ_ONCE(xtcp_sk(sk)->coalescing)))
		xtcp_coalesce_push(sk);
}

#endif /* XTCP_COALESCE_H */
