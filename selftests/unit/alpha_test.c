// SPDX-License-Identifier: GPL-2.0
/*
 * module/cong/cong.h in user space: the share of what was marked, as RFC 8257 section 4.2 reckons it, in 1/65536. A
 * segment has 1000 octets unless a case says otherwise.
 */
#include "unit.h"
#include "alpha.part.h"

#define ONE	65536U
#define MSS	1000U

static struct xtcp_alpha alpha;
static struct xtcp_alpha_sent sent;

static void begin(u32 share)
{
	sent = (struct xtcp_alpha_sent) { .octets = 0xfffff000, .segments = 0xfffffffe, .nxt = 7 };
	xtcp_alpha_start(&alpha, ONE, MSS, &sent);
	alpha.share = share;
}

/* A window of @segments of @size octets, @marks of them marked; the share afterwards. */
static u32 window(u32 segments, u32 size, u32 marks)
{
	sent.octets += segments * size;
	sent.segments += segments;
	sent.nxt += segments * size;
	xtcp_alpha_count(&alpha, segments * size, xtcp_alpha_octets(&alpha, marks, segments * size, &sent));
	xtcp_alpha_update(&alpha, ONE);
	xtcp_alpha_begin_window(&alpha, &sent);
	return alpha.share;
}

UNIT(rises_and_falls, "it rises and falls by a sixteenth")
{
	begin(ONE);
	UNIT_CHECK(window(10, MSS, 0) == 61440);
	/* 61440 - 3840 + 3 / 10 of 4096 */
	UNIT_CHECK(window(10, MSS, 3) == 58828);
	UNIT_CHECK(window(1, MSS, 1) == 58828 - 3676 + 4096);
}

UNIT(has_bounds, "it stays between 0 and 1")
{
	begin(ONE);
	UNIT_CHECK(window(10, MSS, 10) == ONE);
	for (u32 i = 0; i < 200; i++)
		window(10, MSS, 0);
	UNIT_CHECK(alpha.share == 0);
	UNIT_CHECK(window(10, MSS, 0) == 0);
	/* the sixteenth of an ever smaller share would be 0: the rest goes at once */
	begin(15);
	UNIT_CHECK(window(10, MSS, 0) == 0);
}

/* Marks are counted in segments, text in octets. */
UNIT(small_segments, "marks of small segments")
{
	begin(0);
	UNIT_CHECK(window(10, 100, 1) == 409);
	begin(0);
	UNIT_CHECK(window(10, MSS, 20) == 4096);
	begin(0);
	/* nothing was sent in the window: segments are as large as those of the window before */
	window(10, 100, 0);
	UNIT_CHECK(xtcp_alpha_octets(&alpha, 2, 1000, &sent) == 200);
	UNIT_CHECK(xtcp_alpha_octets(&alpha, 2, 150, &sent) == 150);
	UNIT_CHECK(xtcp_alpha_octets(&alpha, 0, 150, &sent) == 0);
	UNIT_CHECK(xtcp_alpha_octets(&alpha, 0xffffffff, 0xffffffff, &sent) == 0xffffffff);
}

UNIT_MAIN
