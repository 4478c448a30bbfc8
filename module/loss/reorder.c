// SPDX-License-Identifier: GPL-2.0
/*
 * RACK's arithmetic (RFC 8985 section 6.2): which of two segments was sent later, and how late a
 * segment may be before it counts as lost. Pure: no socket, no clock.
 */
#include "loss/reorder.h"

#include "base/seq.h"

#define WND_PERSIST	16U	/* recoveries for which a wider window stays wide (6.2 step 4) */

/**
 * xtcp_reorder_sent_after() - was the first segment sent later than the second?
 * @us1: when the first segment was sent, microseconds
 * @end1: the octet after the first segment
 * @us2: when the second segment was sent, microseconds
 * @end2: the octet after the second segment
 *
 * RACK_sent_after() of section 6.2 step 2. Segments of one GSO packet were sent at the same time,
 * and count as sent in order of sequence number.
 *
 * Context: any.
 *
 * Return: true when the first segment was sent later.
 */
bool xtcp_reorder_sent_after(u64 us1, u32 end1, u64 us2, u32 end2)
{
	return us1 > us2 || (us1 == us2 && xtcp_seq_gt(end1, end2));
}

/**
 * xtcp_reorder_window() - compute how late a segment may be
 * @reorder: the state
 * @min_rtt_us: the smallest RTT, microseconds
 * @srtt_us: the smoothed RTT, microseconds; the upper bound of the result
 * @ahead_us: microseconds by which the last RTT is shorter than @srtt_us; 0 if it is not shorter
 *
 * RACK_update_reo_wnd() of section 6.2 step 4. @ahead_us is added to the window, so that other
 * segments do not count as late only because one segment was faster than most.
 *
 * Context: any.
 *
 * Return: microseconds.
 */
u32 xtcp_reorder_window(const struct xtcp_reorder *reorder, u32 min_rtt_us, u32 srtt_us, u32 ahead_us)
{
	u64 window_us = (u64)min_rtt_us / 4 * reorder->wnd_mult + ahead_us;

	return window_us < srtt_us ? (u32)window_us : srtt_us;
}

/**
 * xtcp_reorder_ack() - widen the window if an ACK shows that the window was too small
 * @reorder: the state to update
 * @snd_una: SND.UNA after the ACK
 * @snd_nxt: SND.NXT
 * @dsack: true if the ACK has a D-SACK, which shows that the window was too small
 *
 * The window grows by a quarter of the smallest RTT, at most once per round trip (section 6.2 step
 * 4). The round trip ends when SND.UNA reaches SND.NXT of its beginning. While all text arrives in
 * order, this function is not called. When more than 2^31 octets have passed meanwhile, the end of
 * the round trip seems to lie beyond SND.NXT.
 *
 * Context: any.
 */
void xtcp_reorder_ack(struct xtcp_reorder *reorder, u32 snd_una, u32 snd_nxt, bool dsack)
{
	if (reorder->in_dsack_round &&
	    (xtcp_seq_ge(snd_una, reorder->dsack_round) || xtcp_seq_gt(reorder->dsack_round, snd_nxt)))
		reorder->in_dsack_round = false;
	if (!dsack || reorder->in_dsack_round)
		return;
	reorder->in_dsack_round = true;
	reorder->dsack_round = snd_nxt;
	if (reorder->wnd_mult < 0xff)
		reorder->wnd_mult++;
	reorder->wnd_persist = WND_PERSIST;
}

/**
 * xtcp_reorder_recovered() - count a recovery that has ended and was necessary
 * @reorder: the state to update
 *
 * The 16th necessary recovery after the last widening makes the window narrow again (section 6.2
 * step 4).
 *
 * Context: any.
 */
void xtcp_reorder_recovered(struct xtcp_reorder *reorder)
{
	if (reorder->wnd_persist && !--reorder->wnd_persist)
		reorder->wnd_mult = 1;
}
