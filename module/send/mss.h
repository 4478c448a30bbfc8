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

/* data beside all options in a segment of the least size, octets */
#define XTCP_MSS_LEAST_TEXT	(XTCP_MSS_MIN_SND - XTCP_MAX_OPTIONS)

/*
 * How many octets of data fit the next segment: the effective MSS minus the SACK blocks and the
 * request for an ACK rate that the segment will carry. If the options have no room for all blocks
 * and the request, the last block is left out. xtcp_sack_room() knows of no signature: beside one,
 * more blocks are left out, and xtcp_sack_room() may be as much as a small MSS, or more. So the
 * result is at least XTCP_MSS_LEAST_TEXT. The MSS may be out of date: this function does not read
 * the MTU of the route.
 */
static inline u32 xtcp_mss_payload(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_sack *sack = &tx->stream->sack;

	if (likely(!xtcp_sack_takes_room(sack)))
		return tx->mss;
	return tx->mss - min_t(u32, xtcp_sack_room(sack, tx->agreed.ts_ok), tx->mss - XTCP_MSS_LEAST_TEXT);
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
