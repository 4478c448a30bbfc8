/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RACK's arithmetic (RFC 8985 section 6.2): which of two segments was sent later, and how late a
 * segment may be. Pure: no socket, no clock.
 */
#ifndef XTCP_REORDER_H
#define XTCP_REORDER_H

#include <linux/types.h>

/**
 * struct xtcp_reorder - the state from which the reordering window is computed
 * @dsack_round: RACK.dsack_round: SND.NXT when a D-SACK last widened the window
 * @wnd_mult: RACK.reo_wnd_mult: the window in quarters of the smallest RTT
 * @wnd_persist: RACK.reo_wnd_persist: how many recoveries are left until @wnd_mult becomes 1 again;
 *	0 while @wnd_mult is 1
 * @in_dsack_round: SND.UNA has not reached @dsack_round yet: do not widen the window again in this
 *	round trip
 */
struct xtcp_reorder {
	u32 dsack_round;
	u8 wnd_mult;
	u8 wnd_persist;
	bool in_dsack_round;
};

/* Sets the state of a new connection. */
static inline void xtcp_reorder_init(struct xtcp_reorder *reorder)
{
	*reorder = (struct xtcp_reorder){ .wnd_mult = 1 };
}

bool xtcp_reorder_sent_after(u64 us1, u32 end1, u64 us2, u32 end2);
u32 xtcp_reorder_window(const struct xtcp_reorder *reorder, u32 min_rtt_us, u32 srtt_us, u32 ahead_us);
void xtcp_reorder_ack(struct xtcp_reorder *reorder, u32 snd_una, u32 snd_nxt, bool dsack);
void xtcp_reorder_recovered(struct xtcp_reorder *reorder);

#endif /* XTCP_REORDER_H */
