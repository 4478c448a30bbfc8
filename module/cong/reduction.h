/* SPDX-License-Identifier: GPL-2.0 */
/* The windows of a reduction after a loss or a congestion mark. */
#ifndef XTCP_REDUCTION_H
#define XTCP_REDUCTION_H

#include <linux/time64.h>

#include "base/sender.h"

/* Is the window being reduced, in CWR or fast recovery? PRR sets it then, unless the algorithm has control(). */
static inline bool xtcp_reduction_is_on(const struct xtcp_sender *tx)
{
	return tx->cong.phase == XTCP_CONG_CWR || tx->cong.phase == XTCP_CONG_RECOVERY;
}

/* The last reduction is final after a mark (RFC 3168 section 6.1.2), a full local queue, or a retreat (resuming.c). */
static inline void xtcp_reduction_forbid_undo(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_sender(sk)->stream->cong.prior_ssthresh = 0;
}

/* cwnd in segments, rounded up, so that it stays if the MSS grows by a few octets. Racy without the lock. */
static inline u32 xtcp_cong_cwnd_segments(const struct sock *sk)
{
	return DIV_ROUND_UP(READ_ONCE(xtcp_sender(sk)->cong.cwnd), max_t(u32, READ_ONCE(xtcp_sender(sk)->mss), 1));
}

/* After a change of the MSS the window keeps its octets, but holds at least one segment. */
static inline void xtcp_cong_mss_changed(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	tx->cong.cwnd = max_t(u32, tx->cong.cwnd, tx->mss);
}

/* The delivery rate of the last sample, octets per second; 0 without a sample. */
static inline u64 xtcp_rate_octets_per_second(const struct sock *sk)
{
	const struct xtcp_rate *rate = &xtcp_sender(sk)->stream->rate;

	return rate->us ? div_u64((u64)rate->octets * USEC_PER_SEC, rate->us) : 0;
}

void xtcp_phase_tell(struct sock *sk, int reason);
void xtcp_phase_set(struct sock *sk, enum xtcp_cong_phase phase, int reason);
u32 xtcp_phase_in_flight(const struct xtcp_sender *tx, const struct xtcp_sample *sample);
void xtcp_phase_reduce(struct sock *sk, u32 recover_fs, bool marked);

void xtcp_reduction_further(struct sock *sk, u32 in_flight);
void xtcp_reduction_allow_one(struct sock *sk);
void xtcp_reduction_end(struct sock *sk);
void xtcp_reduction_not_due(struct sock *sk);
void xtcp_reduction_timeout(struct sock *sk);
void xtcp_reduction_restart(struct sock *sk, u32 pipe);
bool xtcp_reduction_undo(struct sock *sk);

/* A recovery of a timeout ends: with control(), the window from before comes back, unless cwnd is larger. */
static inline void xtcp_reduction_repaired(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sender(sk)->algorithm->control)
		xtcp_reduction_end(sk);
}

/* Tells PRR how many octets were sent or resent, if PRR controls a reduction. */
static inline void xtcp_reduction_sent(struct sock *sk, u32 octets)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (xtcp_reduction_is_on(tx) && !tx->algorithm->control)
		xtcp_prr_sent(&tx->stream->cong.prr, octets);
}

#endif /* XTCP_REDUCTION_H */
