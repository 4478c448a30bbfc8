/* SPDX-License-Identifier: GPL-2.0 */
/* The effective send MSS: how much data fits a segment on the present route. */
#ifndef XTCP_MSS_H
#define XTCP_MSS_H

#include <linux/types.h>

#include "base/sender.h"
#include "out/ip.h"

/* The caller of each of these functions holds the socket lock. */
void xtcp_mss_sync(struct sock *sk, u32 pmtu);
u32 xtcp_mss_of(const struct sock *sk, u32 mtu);
u32 xtcp_mss_to_mtu(const struct sock *sk, u32 mss);

/*
 * How many octets of data fit the next segment: the effective MSS minus the SACK blocks and the
 * request for an ACK rate that the segment will carry. If the options have no room for all blocks
 * and the request, the last block is left out. The MSS may be out of date: this function does not
 * read the MTU of the route.
 */
static inline u32 xtcp_mss_payload(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_sack *sack = &tx->stream->sack;

	return likely(!xtcp_sack_takes_room(sack)) ? tx->mss : tx->mss - xtcp_sack_room(sack, tx->agreed.ts_ok);
}

/*
 * Does the same as xtcp_mss_payload(), but first reads the MTU of the route. If there is no route,
 * the last MTU stays; IP looks for another route before the segment leaves.
 */
static inline u32 xtcp_mss_current(struct sock *sk)
{
	u32 mtu = xtcp_ip_mtu(sk);

	if (unlikely(mtu != xtcp_sender(sk)->pmtu && mtu))
		xtcp_mss_sync(sk, mtu);
	return xtcp_mss_payload(sk);
}

#endif /* XTCP_MSS_H */
