// SPDX-License-Identifier: GPL-2.0
/*
 * module/cong/cong_prague.c in user space: what a mark takes from the window, how often, and what text without marks
 * adds, to the octet. A window of 100 segments of 1000 octets; 1.0 of the share is 2^24.
 */
#include "unit.h"
#include "prague.part.h"

#define ONE	XTCP_PRAGUE_ONE
#define MSS	1000U
#define CWND	(100 * MSS)
#define TRIP	XTCP_PRAGUE_RTT_US

static struct xtcp_prague prague;
static struct xtcp_prague_ack ack;

/* Both clocks wrap soon. A window is in flight, and of it a segment at a time is acknowledged. */
static void begin(void)
{
	prague = (struct xtcp_prague){ 0 };
	ack = (struct xtcp_prague_ack) {
		.now_us = 0xffffff00, .una = 0xfffff000, .cwnd = CWND, .mss = MSS, .may_reduce = true,
	};
	ack.sent = (struct xtcp_alpha_sent) { .octets = CWND, .segments = 100, .nxt = ack.una + CWND };
	xtcp_prague_start(&prague, MSS, ack.now_us, &ack.sent);
}

/* @segments arrive in order after @us, @marked of them marked, and as many are sent; the window. */
static u32 acked(u32 us, u32 segments, u32 marked)
{
	ack.now_us += us;
	ack.una += segments * MSS;
	ack.delivered = segments * MSS;
	ack.marked = marked * MSS;
	ack.cwnd = xtcp_prague_acked(&prague, &ack);
	ack.sent.octets += segments * MSS;
	ack.sent.segments += segments;
	ack.sent.nxt += segments * MSS;
	return ack.cwnd;
}

UNIT(first_mark, "the first mark halves the window")
{
	begin();
	/* five round trips without a mark tell nothing of a queue that marks */
	for (u32 i = 0; i < 50; i++)
		UNIT_CHECK(acked(TRIP / 10, 10, 0) == CWND);
	UNIT_CHECK(prague.alpha.share == ONE);
	UNIT_CHECK(!prague.met_marks);
	UNIT_CHECK(acked(TRIP / 10, 10, 1) == CWND / 2);
	UNIT_CHECK(prague.met_marks);
}

/* A window begins with the first mark, and lasts until it is acknowledged, and 25 ms. */
UNIT(observes, "alpha changes with each virtual round trip")
{
	begin();
	acked(100, 1, 1);
	UNIT_CHECK(prague.alpha.share == ONE);
	UNIT_CHECK(prague.alpha.acked == MSS && prague.alpha.marked == MSS);
	/* all of it is acknowledged soon */
	acked(100, 99, 0);
	acked(100, 50, 0);
	UNIT_CHECK(prague.alpha.acked == 150 * MSS);
	acked(TRIP - 201, 49, 0);
	UNIT_CHECK(prague.alpha.share == ONE);
	acked(1, 1, 0);
	UNIT_CHECK(prague.alpha.share == ONE - ONE / 16 + ONE / 16 / 200);
	UNIT_CHECK(prague.alpha.acked == 0 && prague.alpha.marked == 0);
	/* the time has passed, but not what was sent when the window began */
	acked(2 * TRIP, 99, 0);
	UNIT_CHECK(prague.alpha.acked == 99 * MSS);
	acked(0, 1, 0);
	UNIT_CHECK(prague.alpha.acked == 0);
}

UNIT(once_per_trip, "the window falls once in a virtual round trip")
{
	begin();
	prague.met_marks = true;
	prague.alpha.share = ONE / 10;
	UNIT_CHECK(acked(10, 1, 1) == CWND - CWND / 20 + 1);
	UNIT_CHECK(acked(10, 1, 1) == CWND - CWND / 20 + 1);
	/* a round trip is over, a virtual one is not */
	UNIT_CHECK(acked(10, 100, 100) == CWND - CWND / 20 + 1);
	ack.cwnd = CWND;
	prague.alpha.share = ONE / 10;
	UNIT_CHECK(acked(TRIP - 21, 1, 1) == CWND);
	UNIT_CHECK(acked(1, 1, 0) == CWND);
	UNIT_CHECK(acked(0, 1, 1) < CWND);
	/* 25 ms are over, a round trip is not */
	ack.cwnd = CWND;
	UNIT_CHECK(acked(TRIP, 99, 99) == CWND);
	UNIT_CHECK(acked(0, 2, 1) < CWND);
}

/* Not while it falls for a loss; those marks count nevertheless. */
UNIT(repairs, "marks while a loss is repaired")
{
	begin();
	ack.may_reduce = false;
	UNIT_CHECK(acked(10, 1, 1) == CWND);
	UNIT_CHECK(prague.alpha.marked == MSS);
	ack.may_reduce = true;
	UNIT_CHECK(acked(10, 1, 1) == CWND / 2);
}

/* 2^24 / 10 is no whole number, and half of a segment in 3000 is no octet: what is left over is taken later. */
UNIT(fractions_of_reductions, "fractions of an octet are kept")
{
	const u32 share = ONE / 30000;
	u64 taken = 0, exact = 0;

	begin();
	prague.met_marks = true;
	for (u32 i = 0; i < 1000; i++) {
		ack.cwnd = CWND;
		prague.alpha.share = share;
		prague.has_reduced = false;
		taken += CWND - acked(10, 1, 1);
		exact += (u64)CWND * share;
	}
	UNIT_CHECK(taken == exact >> 25);
	UNIT_CHECK(taken == 1665);
}

UNIT(floor_of_the_window, "two segments are left")
{
	begin();
	ack.cwnd = 3 * MSS;
	UNIT_CHECK(acked(10, 1, 1) == 2 * MSS);
	begin();
	ack.cwnd = MSS;
	UNIT_CHECK(acked(10, 1, 1) == MSS);
}

/* What a window of octets without a mark adds, in ACKs of two segments; in thousandths of a segment. */
static u32 growth_of_trip(u32 rtt_us)
{
	u32 i, grown = 0, trips = 1000, k;

	begin();
	for (k = 0; k < trips; k++)
		for (i = 0; i < 50; i++)
			grown += xtcp_prague_growth(&prague, 2 * MSS, CWND, MSS, rtt_us);
	return grown / trips;
}

UNIT(grows, "growth by the RTT")
{
	UNIT_CHECK(growth_of_trip(TRIP) == MSS);
	UNIT_CHECK(growth_of_trip(0) == MSS);
	UNIT_CHECK(growth_of_trip(4 * TRIP) == MSS);
	/* (1 / 2)^2, and (1 / 5)^2 */
	UNIT_CHECK(growth_of_trip(TRIP / 2) == MSS / 4);
	UNIT_CHECK(growth_of_trip(TRIP / 5) == 39);
	UNIT_CHECK(growth_of_trip(1) == 0);
	UNIT_CHECK(prague.credit);
	begin();
	/* more than a window arrives at once */
	UNIT_CHECK(xtcp_prague_growth(&prague, 0xffffffff, CWND, MSS, TRIP) == MSS);
	UNIT_CHECK(xtcp_prague_growth(&prague, 0, CWND, MSS, TRIP) == 0);
	UNIT_CHECK(xtcp_prague_growth(&prague, 0xffffffff, 0x7fffffff, 0xffff, TRIP) == 0xffff);
}

/* Of the same share of marks two connections get the same rate, if their RTTs are not above 25 ms. */
UNIT(rate_without_the_rtt, "the same rate for each RTT up to 25 ms")
{
	static const u32 rtts[] = { TRIP / 10, TRIP / 4, TRIP };
	const u32 share = ONE / 50;

	for (u32 k = 0; k < sizeof(rtts) / sizeof(*rtts); k++) {
		u64 rate;

		begin();
		prague.met_marks = true;
		ack.cwnd = 20 * MSS;
		for (u32 i = 0; i < 5000 * TRIP / rtts[k]; i++) {
			ack.cwnd += xtcp_prague_growth(&prague, ack.cwnd, ack.cwnd, MSS, rtts[k]);
			if (i % (TRIP / rtts[k]))
				continue;
			prague.has_reduced = false;
			prague.alpha.share = share;
			acked(1, 1, 1);
		}
		rate = (u64)ack.cwnd * TRIP / rtts[k];
		/* 2 / alpha segments in 25 ms */
		UNIT_CHECK(rate > 97 * MSS && rate < 103 * MSS);
	}
}

UNIT(losses, "losses, with a mark and without")
{
	begin();
	UNIT_CHECK(xtcp_prague_after_loss(&prague, ack.una, CWND, MSS) == CWND / 2);
	UNIT_CHECK(xtcp_prague_after_loss(&prague, ack.una, 3 * MSS, MSS) == 2 * MSS);
	prague.met_marks = true;
	prague.alpha.share = ONE / 10;
	acked(10, 1, 1);
	/* in the same round trip: half of what there was before the mark */
	UNIT_CHECK(xtcp_prague_after_loss(&prague, ack.una, ack.cwnd, MSS) == CWND / 2);
	UNIT_CHECK(xtcp_prague_after_loss(&prague, ack.una, CWND / 4, MSS) == CWND / 4);
	/* in the next one, though the virtual one is not over */
	acked(10, 100, 0);
	UNIT_CHECK(prague.has_reduced);
	UNIT_CHECK(xtcp_prague_after_loss(&prague, ack.una, ack.cwnd, MSS) == ack.cwnd / 2);
	/* and half the numbers later */
	acked(TRIP, 1, 0);
	UNIT_CHECK(!prague.has_reduced);
	UNIT_CHECK(xtcp_prague_after_loss(&prague, ack.una + 0x80000000U, ack.cwnd, MSS) == ack.cwnd / 2);
}

UNIT_MAIN
