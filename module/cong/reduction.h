/* SPDX-License-Identifier: GPL-2.0 */
/* The windows of a reduction after a loss or a congestion mark. */
#ifndef XTCP_REDUCTION_H
#define XTCP_REDUCTION_H

#include <linux/types.h>
#include <net/sock.h>

#include "base/sender.h"
#include "cong/cong.h"

/*
 * Is the window being reduced, in CWR or in fast recovery? PRR then sets the window, unless the
 * algorithm has control().
 */
static inline bool xtcp_reduction_is_on(const struct xtcp_sender *tx)
{
	return tx->cong.phase == XTCP_CONG_CWR || tx->cong.phase == XTCP_CONG_RECOVERY;
}

/*
 * Make the last reduction final. A congestion mark (RFC 3168 section 6.1.2) or a full local queue
 * proves congestion, so the reduction was right. A retreat of Careful Resume (resuming.c) is also
 * final. Socket lock held.
 */
static inline void xtcp_reduction_forbid_undo(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_sender(sk)->stream->cong.prior_ssthresh = 0;
}

/* Socket lock held. */
void xtcp_reduction_begin(struct sock *sk, u32 in_flight, bool marked);
void xtcp_reduction_further(struct sock *sk, u32 in_flight);
void xtcp_reduction_ack(struct sock *sk, u32 delivered, bool safe);
void xtcp_reduction_sent(struct sock *sk, u32 octets);
void xtcp_reduction_allow_one(struct sock *sk);
void xtcp_reduction_end(struct sock *sk);
void xtcp_reduction_not_due(struct sock *sk);
void xtcp_reduction_repaired(struct sock *sk);
void xtcp_reduction_timeout(struct sock *sk);
void xtcp_reduction_restart(struct sock *sk, u32 pipe);
bool xtcp_reduction_undo(struct sock *sk);

#endif /* XTCP_REDUCTION_H */
