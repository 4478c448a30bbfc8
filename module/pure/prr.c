// SPDX-License-Identifier: GPL-2.0
/*
 * Proportional Rate Reduction (RFC 9937): how much each ACK lets go while the window falls to ssthresh. While more is
 * in flight than that, for each octet that arrives the share ssthresh / RecoverFS of one is sent; when losses have
 * taken more than that out of flight, it grows back, at most as slow start would. Pure: no socket, no clock.
 */
#include "pure/prr.h"

#ifdef __KERNEL__
#include <linux/math64.h>
#else
#define div_u64(dividend, divisor) ((dividend) / (divisor))
#endif

/**
 * xtcp_prr_begin() - a reduction begins (RFC 9937 section 6.1)
 * @prr: to set
 * @recover_fs: octets in flight, those counted that this ACK reports
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
 * xtcp_prr_sent() - octets were sent, new ones or again
 * @prr: to update
 * @octets: how many
 *
 * Context: any.
 */
void xtcp_prr_sent(struct xtcp_prr *prr, u32 octets)
{
	prr->out += octets;
}

/**
 * xtcp_prr_quota() - what this ACK lets go (RFC 9937 section 6.2)
 * @prr: to update
 * @pipe: octets in flight after this ACK, inflight there
 * @ssthresh: what the window is to become
 * @delivered: DeliveredData: octets that have arrived by what this ACK says, not 0
 * @safe: SafeACK: SND.UNA has moved and nothing else was found lost
 * @mss: octets of a full segment
 *
 * Context: any.
 *
 * Return: sndcnt, octets; a segment at least for the first ACK, so that what is lost is resent at once.
 */
u32 xtcp_prr_quota(struct xtcp_prr *prr, u32 pipe, u32 ssthresh, u32 delivered, bool safe, u32 mss)
{
	u64 share;
	u32 quota;

	prr->delivered += delivered;
	if (pipe > ssthresh) {
		share = div_u64((u64)prr->delivered * ssthresh + prr->recover_fs - 1, prr->recover_fs);
		share = share > prr->out ? share - prr->out : 0;
		/* more than 32 bits, after a recovery that outlives RecoverFS by far: a window is enough */
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
