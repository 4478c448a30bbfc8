// SPDX-License-Identifier: GPL-2.0
/*
 * Proportional Rate Reduction (RFC 9937) computes how much may be sent per ACK while the window
 * falls to ssthresh. While more than ssthresh is in flight, each octet that an ACK newly reports as
 * delivered allows ssthresh / RecoverFS octets to be sent. When losses have reduced the flight
 * below ssthresh, the flight grows back, at most as fast as in slow start. Pure: no socket, no
 * clock.
 */
#include "cong/prr.h"

#ifdef __KERNEL__
#include <linux/math64.h>
#else
#define div_u64(dividend, divisor) ((dividend) / (divisor))
#endif

/**
 * xtcp_prr_begin() - begin a reduction (RFC 9937 section 6.1)
 * @prr: to set
 * @recover_fs: RecoverFS, octets in flight before the ACK that causes the reduction
 *
 * Context: any.
 */
void xtcp_prr_begin(struct xtcp_prr *prr, u32 recover_fs)
{
	prr->recover_fs = recover_fs ?: 1;
	prr->delivered = 0;
	prr->out = 0;
}

/**
 * xtcp_prr_sent() - count octets that were sent, for the first time or again
 * @prr: to update
 * @octets: number of these octets
 *
 * Context: any.
 */
void xtcp_prr_sent(struct xtcp_prr *prr, u32 octets)
{
	prr->out += octets;
}

/**
 * xtcp_prr_quota() - compute how much may be sent after this ACK (RFC 9937 section 6.2)
 * @prr: to update
 * @pipe: octets in flight after this ACK; "inflight" in the RFC
 * @ssthresh: the target of the window
 * @delivered: DeliveredData: octets newly reported as arrived, not 0
 * @safe: SafeACK: SND.UNA has moved, and the ACK showed no further loss
 * @mss: octets of a full segment
 *
 * Context: any.
 *
 * Return: sndcnt, octets. Until something is sent during the reduction, sndcnt is at least one
 * segment, so that a lost segment is resent at once.
 */
u32 xtcp_prr_quota(struct xtcp_prr *prr, u32 pipe, u32 ssthresh, u32 delivered, bool safe, u32 mss)
{
	u64 share;
	u32 quota;

	prr->delivered += delivered;
	if (pipe > ssthresh) {
		share = div_u64((u64)prr->delivered * ssthresh + prr->recover_fs - 1, prr->recover_fs);
		share = share > prr->out ? share - prr->out : 0;
		/*
		 * the share may exceed 32 bits if much more than RecoverFS arrives: limit it to
		 * ssthresh
		 */
		quota = share < ssthresh ? (u32)share : ssthresh;
	} else {
		quota = prr->delivered > prr->out ? prr->delivered - prr->out : 0;
		if (quota < delivered)
			quota = delivered;
		if (safe)
			quota += mss;
		if (quota > ssthresh - pipe)
			quota = ssthresh - pipe;
	}
	if (!prr->out && quota < mss)
		quota = mss;
	return quota;
}
