// SPDX-License-Identifier: GPL-2.0
/* module/ecn/ace.h in user space: the ACE field of RFC 9768 section 3.2.2. */
#include "ecn/ace.h"
#include "unit.h"

/* tables 2 to 4: what is echoed comes back, and nothing else says how a SYN came */
UNIT(handshake, "how a SYN came (tables 2 to 4)")
{
	static const u8 ace[4] = { 2, 3, 4, 6 };

	for (u8 i = XTCP_NOT_ECT; i <= XTCP_CE; i++) {
		UNIT_CHECK(xtcp_ace_echo(i) == ace[i]);
		UNIT_CHECK(xtcp_ace_echoed(ace[i]) == i);
	}
	UNIT_CHECK(xtcp_ace_echoed(0) == XTCP_NO_CODEPOINT);
	UNIT_CHECK(xtcp_ace_echoed(1) == XTCP_NO_CODEPOINT);
	UNIT_CHECK(xtcp_ace_echoed(5) == XTCP_NO_CODEPOINT);
	UNIT_CHECK(xtcp_ace_echoed(7) == XTCP_NO_CODEPOINT);
}

/* section 3.2.2.3, and RFC 3168 section 18 */
UNIT(mangled, "what no router may do (3.2.2.3)")
{
	static const bool may_become[4][4] = {
		[XTCP_NOT_ECT] = { [XTCP_NOT_ECT] = true },
		[XTCP_ECT_1] = { [XTCP_ECT_1] = true, [XTCP_ECT_0] = true, [XTCP_CE] = true },
		[XTCP_ECT_0] = { [XTCP_ECT_1] = true, [XTCP_ECT_0] = true, [XTCP_CE] = true },
		[XTCP_CE] = { [XTCP_CE] = true },
	};

	for (u8 from = 0; from < 4; from++) {
		UNIT_CHECK(!xtcp_ace_is_mangled(from, XTCP_NO_CODEPOINT));
		for (u8 to = 0; to < 4; to++)
			UNIT_CHECK(xtcp_ace_is_mangled(from, to) == !may_become[from][to]);
	}
}

/* section 3.2.2.2: the smallest step forward, wherever the count stands */
UNIT(marks, "marks since the ACK before (3.2.2.2)")
{
	for (u32 counted = 0; counted < 20; counted++)
		for (u32 step = 0; step < 8; step++)
			UNIT_CHECK(xtcp_ace_marks(counted, (counted + 5 + step) & 7, 7, 64) == step);
	UNIT_CHECK(xtcp_ace_marks(0xfffffffe, (0xfffffffeU + 5 + 3) & 7, 2, 64) == 3);
	/* more than was acknowledged: the field is believed (section 3.2.2.5.2) */
	UNIT_CHECK(xtcp_ace_marks(0, 4, 1, 64) == 7);
}

/* section 3.2.2.5.2: where ACKs were lost, as many as the field allows */
UNIT(comes_round, "a field that came round (3.2.2.5.2)")
{
	UNIT_CHECK(xtcp_ace_marks(0, 5, 7, 64) == 0);
	UNIT_CHECK(xtcp_ace_marks(0, 5, 8, 64) == 8);
	UNIT_CHECK(xtcp_ace_marks(0, 5, 15, 64) == 8);
	UNIT_CHECK(xtcp_ace_marks(0, 5, 16, 64) == 16);
	UNIT_CHECK(xtcp_ace_marks(0, 6, 16, 64) == 9);
	UNIT_CHECK(xtcp_ace_marks(0, 4, 16, 64) == 15);
	/* the peer's way is to acknowledge that many */
	UNIT_CHECK(xtcp_ace_marks(0, 5, 44, 4 * 64) == 40);
	UNIT_CHECK(xtcp_ace_marks(0, 5, 44, 4 * 64 + 1) == 0);
	UNIT_CHECK(xtcp_ace_marks(0, 6, 44, 4 * 64 + 1) == 1);
}

/* section 3.2.3: which counters, and in which order */
UNIT(fields, "the counters of an option (3.2.3)")
{
	static const u8 orders[2][3] = { { XTCP_ECT_0, XTCP_CE, XTCP_ECT_1 }, { XTCP_ECT_1, XTCP_CE, XTCP_ECT_0 } };
	unsigned int set, field, needed, i;
	bool order;

	for (i = 0; i < 2; i++)
		for (field = 0; field < 3; field++)
			UNIT_CHECK(xtcp_ace_order_codepoint(i, field) == orders[i][field]);
	for (set = 0; set < 8; set++) {
		const u32 received[3] = { set & 1 ? 7 : 0, set & 2 ? 8 : 0, set & 4 ? 9 : 0 };

		needed = xtcp_ace_fields(received, &order);
		/* each that changed is there, and the last one of those that are there has changed, or CE has */
		for (field = 0; field < 3; field++)
			UNIT_CHECK(field < needed || !received[orders[order][field] - 1]);
		UNIT_CHECK(!needed || received[orders[order][needed - 1] - 1]);
	}
}

UNIT(octets, "octets since the option before (3.2.3.1)")
{
	/* what they begin with (section 3.2.1) */
	UNIT_CHECK(xtcp_ace_octets(0, XTCP_ECT_0, 1) == 0 && xtcp_ace_octets(0, XTCP_ECT_1, 1) == 0);
	UNIT_CHECK(xtcp_ace_octets(0, XTCP_CE, 0) == 0);
	UNIT_CHECK(xtcp_ace_octets(0, XTCP_ECT_0, 1001) == 1000 && xtcp_ace_octets(1000, XTCP_CE, 1500) == 500);
	/* across 2^24, and far beyond it */
	UNIT_CHECK(xtcp_ace_octets(0xfffff0, XTCP_CE, 0x10) == 0x20);
	UNIT_CHECK(xtcp_ace_octets(0xabfffff0, XTCP_CE, 0x10) == 0x20);
	UNIT_CHECK(xtcp_ace_octets(0xffffffff, XTCP_CE, 0x0) == 1);
	/* half of them lead back */
	UNIT_CHECK(xtcp_ace_octets(0, XTCP_CE, 0x7fffff) == 0x7fffff);
	UNIT_CHECK(xtcp_ace_octets(0, XTCP_CE, 0x800000) == -0x800000);
	UNIT_CHECK(xtcp_ace_octets(1000, XTCP_CE, 400) == -600);
}

UNIT(marks_by_octets, "marks, when the octets are known")
{
	u32 marked, least;

	/* full segments: exactly as many as were marked, however often the field came round */
	for (marked = 0; marked < 100; marked++)
		UNIT_CHECK(xtcp_ace_marks_by_octets(marked & 7, 0, marked * 1000, 1000) == marked);
	/* small ones: never fewer than the field says, and never more than seven too few */
	for (marked = 1; marked < 100; marked++) {
		least = xtcp_ace_marks_by_octets(marked & 7, 0, marked, 1000);
		UNIT_CHECK(least && least <= marked && least >= (marked & 7) && !((marked - least) & 7));
	}
	/* what ACKs without the option have told does not count again */
	UNIT_CHECK(xtcp_ace_marks_by_octets(0, 3, 3000, 1000) == 0);
	UNIT_CHECK(xtcp_ace_marks_by_octets(1, 3, 4000, 1000) == 1);
	UNIT_CHECK(xtcp_ace_marks_by_octets(1, 3, 12000, 1000) == 9);
}

UNIT(stretch, "how many segments an ACK tells of")
{
	u16 mean = 0;

	mean = xtcp_ace_stretch(mean, 2);
	UNIT_CHECK(mean == 128);
	mean = xtcp_ace_stretch(mean, 2);
	UNIT_CHECK(mean == 128);
	mean = xtcp_ace_stretch(mean, 66);
	UNIT_CHECK(mean == 192);
	for (u32 i = 0; i < 1000; i++)
		mean = xtcp_ace_stretch(mean, 10);
	UNIT_CHECK(mean > 4 * 64 && mean <= 640);
	for (u32 i = 0; i < 1000; i++)
		mean = xtcp_ace_stretch(mean, 1);
	UNIT_CHECK(mean >= 1 && mean <= 128);
	/* no sample is too large, and no mean is "none" */
	UNIT_CHECK(xtcp_ace_stretch(0, 0xffffffff) == 1023 * 64);
	UNIT_CHECK(xtcp_ace_stretch(0xffff, 0xffffffff) == 0xffff - 1);
	UNIT_CHECK(xtcp_ace_stretch(0, 0) == 1);
}

UNIT_MAIN
