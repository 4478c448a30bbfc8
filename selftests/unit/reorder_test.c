// SPDX-License-Identifier: GPL-2.0
/* module/loss/scoreboard.c in user space: the order of sending, and RFC 8985's window for reordering (section 6.2). */
#include "unit.h"
#include "reorder.part.h"

/* step 2: by time; of a bundle by sequence number, also where that wraps */
UNIT(order_of_sending, "order of sending (step 2)")
{
	UNIT_CHECK(xtcp_reorder_sent_after(2, 100, 1, 200));
	UNIT_CHECK(!xtcp_reorder_sent_after(1, 200, 2, 100));
	UNIT_CHECK(xtcp_reorder_sent_after(1, 200, 1, 100));
	UNIT_CHECK(!xtcp_reorder_sent_after(1, 100, 1, 100));
	UNIT_CHECK(xtcp_reorder_sent_after(1, 100, 1, 0xffffff00));
	UNIT_CHECK(xtcp_reorder_sent_after(1ULL << 40, 0, (1ULL << 40) - 1, 1));
}

/* step 4: a quarter of the smallest round trip, at most the smoothed one */
UNIT(window_at_first, "a quarter of the smallest round trip (step 4)")
{
	struct xtcp_reorder reorder;

	xtcp_reorder_init(&reorder);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 25000, 0) == 5000);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 4000, 0) == 4000);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 0, 25000, 0) == 0);
	/* no round trip is known yet */
	UNIT_CHECK(xtcp_reorder_window(&reorder, ~0U, 25000, 0) == 25000);
}

/* what has overtaken the others moves the window by as much, up to the same bound */
UNIT(faster_than_most, "a segment that was faster than most")
{
	struct xtcp_reorder reorder;

	xtcp_reorder_init(&reorder);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 70000) == 75000);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 95001) == 100000);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, ~0U, ~0U) == ~0U);
	xtcp_reorder_ack(&reorder, 0, 10, true);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 70000) == 80000);
}

/* step 4: a quarter more for a D-SACK, once a round trip */
UNIT(dsack_widens, "a D-SACK widens it, once a round trip (step 4)")
{
	struct xtcp_reorder reorder;

	xtcp_reorder_init(&reorder);
	xtcp_reorder_ack(&reorder, 1000, 5000, true);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 0) == 10000);
	xtcp_reorder_ack(&reorder, 4999, 9000, true);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 0) == 10000);
	xtcp_reorder_ack(&reorder, 5000, 9000, true);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 0) == 15000);
	xtcp_reorder_ack(&reorder, 9000, 9000, false);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 0) == 15000);
}

/*
 * The round trip ends when SND.UNA reaches the end that was noted. In order, nothing looks: more than half of the
 * sequence space later, the end seems to lie ahead again.
 */
UNIT(long_after_a_dsack, "a D-SACK 3 GiB after another")
{
	struct xtcp_reorder reorder;

	xtcp_reorder_init(&reorder);
	xtcp_reorder_ack(&reorder, 1000, 5000, true);
	xtcp_reorder_ack(&reorder, 5000 + (3U << 30), 9000 + (3U << 30), true);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 0) == 15000);
	xtcp_reorder_ack(&reorder, 8999 + (3U << 30), 9500 + (3U << 30), true);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 20000, 100000, 0) == 15000);
}

/* step 4: 16 recoveries later it is as at first; a D-SACK begins the count anew */
UNIT(widening_lasts, "for 16 recoveries (step 4)")
{
	struct xtcp_reorder reorder;

	xtcp_reorder_init(&reorder);
	xtcp_reorder_ack(&reorder, 0, 10, true);
	for (unsigned int i = 0; i < 10; i++)
		xtcp_reorder_recovered(&reorder);
	xtcp_reorder_ack(&reorder, 10, 20, true);
	for (unsigned int i = 0; i < 16; i++) {
		UNIT_CHECK(xtcp_reorder_window(&reorder, 40000, 100000, 0) == 30000);
		xtcp_reorder_recovered(&reorder);
	}
	UNIT_CHECK(xtcp_reorder_window(&reorder, 40000, 100000, 0) == 10000);
}

/* a flood of D-SACKs, wrapping sequence numbers: never beyond the smoothed round trip */
UNIT(flood_of_dsacks, "a flood of D-SACKs")
{
	struct xtcp_reorder reorder;
	u32 seq = 0xfffff000, i, before = 0;

	xtcp_reorder_init(&reorder);
	for (i = 0; i < 1000; i++, seq += 100) {
		u32 window = xtcp_reorder_window(&reorder, 1000000, 30000000, 0);

		xtcp_reorder_ack(&reorder, seq, seq + 100, true);
		UNIT_CHECK(window >= before && window <= 30000000);
		before = window;
	}
	UNIT_CHECK(before == 30000000);
	UNIT_CHECK(xtcp_reorder_window(&reorder, 100000000, ~0U, 0) == ~0U || reorder.wnd_mult == 255);
}

UNIT_MAIN
