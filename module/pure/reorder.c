// SPDX-License-Identifier: GPL-2.0
/*
 * RACK's arithmetic (RFC 8985 section 6.2): which of two segments was sent later, and how late one may be before it
 * counts as lost. Pure: no socket, no clock.
 */
#include "pure/reorder.h"

#include "pure/seq.h"

#define WND_PERSIST	16U	/* recoveries for which a wider window lasts, section 6.2 step 4 */

/**
 * xtcp_reorder_sent_after() - was a segment sent later than another?
 * @us1: when the one was sent, microseconds
 * @end1: the octet after its last
 * @us2: when the other was sent
 * @end2: the octet after its last
 *
 * RACK_sent_after() of section 6.2 step 2: of a bundle the part behind counts as later.
 *
 * Context: any.
 *
 * Return: true when it was.
 */
bool xtcp_reorder_sent_after(u64 us1, u32 end1, u64 us2, u32 end2)
{
	return us1 > us2 || (us1 == us2 && xtcp_seq_gt(end1, end2));
}

/**
 * xtcp_reorder_init() - a connection begins
 * @reorder: to set
 *
 * Context: any.
 */
void xtcp_reorder_init(struct xtcp_reorder *reorder)
{
	*reorder = (struct xtcp_reorder){ .wnd_mult = 1 };
}

/**
 * xtcp_reorder_window() - how late a segment may be
 * @reorder: the state
 * @min_rtt_us: the smallest round trip, microseconds
 * @srtt_us: the smoothed round trip, which it is at most
 * @ahead_us: by how much the segment that has arrived was faster than that, microseconds; 0: it was not
 *
 * RACK_update_reo_wnd() of section 6.2 step 4. A segment that was faster than most does not make the others late.
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
 * xtcp_reorder_ack() - an ACK came
 * @reorder: to update
 * @snd_una: SND.UNA after it
 * @snd_nxt: SND.NXT
 * @dsack: it says that octets came twice: the window was too small
 *
 * A quarter of the smallest round trip more, once a round trip (section 6.2 step 4).
 *
 * Context: any.
 */
void xtcp_reorder_ack(struct xtcp_reorder *reorder, u32 snd_una, u32 snd_nxt, bool dsack)
{
	if (reorder->in_dsack_round && xtcp_seq_ge(snd_una, reorder->dsack_round))
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
 * xtcp_reorder_recovered() - a repair is over, and it was not for nothing
 * @reorder: to update
 *
 * A wider window lasts for 16 of these (section 6.2 step 4).
 *
 * Context: any.
 */
void xtcp_reorder_recovered(struct xtcp_reorder *reorder)
{
	if (reorder->wnd_persist)
		reorder->wnd_persist--;
	else
		reorder->wnd_mult = 1;
}
