// SPDX-License-Identifier: GPL-2.0
/*
 * module/cong/cong.c in user space: the examples of RFC 6937 section 3.1, which RFC 9937 keeps, its two bounds, and
 * extremes. A window of 20 segments, which is to become one of 10.
 */
#include "unit.h"
#include "prr.part.h"

#define MSS 1000U

/* One ACK of a segment: what goes out for it, in whole segments; *@pipe is what is in flight. */
static u32 ack_one(struct xtcp_prr *prr, u32 *pipe, bool safe)
{
	u32 quota, sent;

	*pipe -= MSS;
	quota = xtcp_prr_quota(prr, *pipe, 10 * MSS, MSS, safe, MSS);
	sent = quota - quota % MSS;
	xtcp_prr_sent(prr, sent);
	*pipe += sent;
	return sent / MSS;
}

/* One segment of 20 is lost: from the third duplicate on a segment goes for every other ACK, and 10 are left. */
UNIT(one_lost, "one segment lost of 20")
{
	struct xtcp_prr prr;
	u32 pipe = 19 * MSS, sent = 0, i;

	xtcp_prr_begin(&prr, 20 * MSS);
	for (i = 0; i < 19; i++) {
		u32 now = ack_one(&prr, &pipe, false);

		UNIT_CHECK(now <= 1);
		/* the first ACK resends at once */
		UNIT_CHECK(i || now == 1);
		sent += now;
	}
	UNIT_CHECK(sent >= 9 && sent <= 10);
	UNIT_CHECK(pipe >= 9 * MSS && pipe <= 10 * MSS);
}

/* 15 of 20 are lost: less is in flight than is to be, and a segment goes for each that arrives */
UNIT(burst_lost, "15 lost of 20: conservative, then as slow start")
{
	struct xtcp_prr prr;
	u32 pipe = 5 * MSS, i;

	xtcp_prr_begin(&prr, 20 * MSS);
	for (i = 0; i < 5; i++)
		UNIT_CHECK(ack_one(&prr, &pipe, false) == 1);
	UNIT_CHECK(pipe == 5 * MSS);
	/* SafeACK: one more each time, as slow start, up to the threshold (section 6.2) */
	for (i = 0; i < 5; i++)
		UNIT_CHECK(ack_one(&prr, &pipe, true) == 2);
	UNIT_CHECK(pipe == 10 * MSS);
	UNIT_CHECK(ack_one(&prr, &pipe, true) == 1);
	UNIT_CHECK(pipe == 10 * MSS);
}

/* ACKs that were lost: the next one lets go what they would have */
UNIT(stretched_ack, "one ACK for several")
{
	struct xtcp_prr prr;
	u32 quota;

	xtcp_prr_begin(&prr, 20 * MSS);
	xtcp_prr_sent(&prr, MSS);
	quota = xtcp_prr_quota(&prr, 12 * MSS, 10 * MSS, 7 * MSS, false, MSS);
	/* ceil(7 * 10 / 20) - 1 */
	UNIT_CHECK(quota == 2500);
}

/* never more than would bring what is in flight to the threshold, but for the first segment */
UNIT(bounds, "never beyond the threshold")
{
	struct xtcp_prr prr;

	for (u32 i = 0; i < 100000; i++) {
		u32 ssthresh = 1 + unit_random() % 0x7fffffff, pipe = unit_random(), mss = 1 + unit_random() % 65535;
		u32 delivered = 1 + unit_random() % 0x7fffffff, quota;

		xtcp_prr_begin(&prr, unit_random());
		xtcp_prr_sent(&prr, 1 + unit_random() % 1000000);
		quota = xtcp_prr_quota(&prr, pipe, ssthresh, delivered, unit_random() & 1, mss);
		UNIT_CHECK(pipe > ssthresh || quota <= ssthresh - pipe);
	}
}

/* A peer acknowledges more in one recovery than 32 bits carry in the product: the share is cut, not wrapped. */
UNIT(share_beyond_32_bits, "a share beyond 32 bits")
{
	struct xtcp_prr prr;

	xtcp_prr_begin(&prr, 1);
	xtcp_prr_sent(&prr, 1);
	/* 5 * 2^30 - 1 is 2^30 - 1 in 32 bits */
	UNIT_CHECK(xtcp_prr_quota(&prr, 2U << 30, 1U << 30, 5, false, 536) == 1U << 30);
}

/* RecoverFS of nothing, and windows at the ends of their range */
UNIT(extremes, "extremes")
{
	struct xtcp_prr prr;

	xtcp_prr_begin(&prr, 0);
	UNIT_CHECK(xtcp_prr_quota(&prr, 0, 0, 1, false, 536) == 536);
	xtcp_prr_begin(&prr, ~0U);
	xtcp_prr_sent(&prr, 1);
	UNIT_CHECK(xtcp_prr_quota(&prr, ~0U, ~0U - 1, ~0U, true, 65535) == ~0U - 2);
}

UNIT_MAIN
