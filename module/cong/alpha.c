// SPDX-License-Identifier: GPL-2.0
/*
 * DCTCP.Alpha (RFC 8257 sections 3.3 and 4.2): the share of octets that were CE-marked. Alpha is a
 * moving average, in which the latest observation window has the weight 1/16. The algorithm decides
 * when an observation window ends, and how the share reduces cwnd. Pure: no socket, no clock.
 */
#include "cong/alpha.h"

#include <linux/math64.h>

#define GAIN_SHIFT	4	/* g of RFC 8257 is 1/16 */

/*
 * The average size, in octets, of the segments sent in this observation window. If no segment was
 * sent, the average of the previous window counts.
 */
static u32 segment_size(const struct xtcp_alpha *alpha, const struct xtcp_alpha_sent *sent)
{
	u32 segments = sent->segments - alpha->begin.segments;

	return segments ? (sent->octets - alpha->begin.octets) / segments : alpha->segment;
}

/**
 * xtcp_alpha_start() - set DCTCP.Alpha to 1, and begin the first observation window
 * @alpha: to set
 * @one: the number that represents a share of 1.0
 * @mss: octets of a full segment
 * @sent: how much has been sent until now
 *
 * Context: any.
 */
void xtcp_alpha_start(struct xtcp_alpha *alpha, u32 one, u32 mss, const struct xtcp_alpha_sent *sent)
{
	alpha->share = one;
	alpha->acked = 0;
	alpha->marked = 0;
	alpha->segment = mss;
	alpha->begin = *sent;
}

/**
 * xtcp_alpha_octets() - estimate how many octets the CE-marked segments had
 * @alpha: the present window
 * @marks: how many marked segments an ACK reports
 * @delivered: octets that this ACK newly acknowledges or sacks, marked or not
 * @sent: how much has been sent until now
 *
 * The estimate assumes that marked segments have the average size of the segments that we sent.
 *
 * Context: any.
 *
 * Return: octets, at most @delivered.
 */
u32 xtcp_alpha_octets(const struct xtcp_alpha *alpha, u32 marks, u32 delivered, const struct xtcp_alpha_sent *sent)
{
	u64 octets = marks ? (u64)marks * segment_size(alpha, sent) : 0;

	return octets < delivered ? (u32)octets : delivered;
}

/**
 * xtcp_alpha_begin_window() - begin an observation window
 * @alpha: to update
 * @sent: how much has been sent until now
 *
 * Context: any.
 */
void xtcp_alpha_begin_window(struct xtcp_alpha *alpha, const struct xtcp_alpha_sent *sent)
{
	alpha->segment = segment_size(alpha, sent);
	alpha->acked = 0;
	alpha->marked = 0;
	alpha->begin = *sent;
}

/**
 * xtcp_alpha_update() - update the share at the end of an observation window
 * @alpha: to update; something was acknowledged in the window
 * @one: the number that represents a share of 1.0, a multiple of 16
 *
 * RFC 8257 section 4.2: Alpha = Alpha * (1 - g) + g * M, computed so that Alpha can reach 0 and
 * never exceeds 1.
 *
 * Context: any.
 */
void xtcp_alpha_update(struct xtcp_alpha *alpha, u32 one)
{
	u32 share = alpha->share, less = share >> GAIN_SHIFT;

	share -= less ?: share;
	if (alpha->marked)
		share += (u32)div_u64((u64)alpha->marked * (one >> GAIN_SHIFT), alpha->acked);
	alpha->share = share < one ? share : one;
}
