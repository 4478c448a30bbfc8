// SPDX-License-Identifier: GPL-2.0
/* module/base/rto.h in user space: the rules of RFC 6298, the bounds, and that no sample overflows anything. */
#include "base/rto.h"
#include "base/wire.h"
#include "unit.h"

#define MAX_US (XTCP_RTO_MAX_MS * 1000U)
#define FLOOR_US (XTCP_RTO_MIN_MS * 1000U)

static struct xtcp_rto fresh(void)
{
	struct xtcp_rto rto;

	xtcp_rto_init(&rto);
	return rto;
}

/* A sample of which each ends a round trip: all that was sent is acknowledged by the next. */
static void take(struct xtcp_rto *rto, u32 rtt_us)
{
	xtcp_rto_sample(rto, rtt_us, rto->round_end + 1, rto->round_end + 1, FLOOR_US);
}

UNIT(before_the_first_sample, "one second before the first sample (2.1)")
{
	struct xtcp_rto rto = fresh();

	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 1000);
	UNIT_CHECK(!rto.srtt_us && !rto.rttvar_us && !rto.backoff && rto.min_rtt_us == ~0U);
}

/* (2.2): SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 RTTVAR = 3 R; the variation's term is 200 ms at least */
UNIT(first_sample, "the first sample (2.2)")
{
	struct xtcp_rto rto = fresh();

	take(&rto, 400000);
	UNIT_CHECK(rto.srtt_us == 400000 && rto.rttvar_us == 200000 && rto.rto_ms == 1200);
	UNIT_CHECK(rto.min_rtt_us == 400000);

	rto = fresh();
	take(&rto, 10000);
	UNIT_CHECK(rto.srtt_us == 10000 && rto.rttvar_us == 5000 && rto.rto_ms == 210);
}

/* (2.3), by hand: R' = 800 ms after SRTT 400, RTTVAR 200; RTTVAR takes the old SRTT */
UNIT(next_sample, "the next samples (2.3)")
{
	struct xtcp_rto rto = fresh();

	take(&rto, 400000);
	take(&rto, 800000);
	UNIT_CHECK(rto.rttvar_us == 250000);	/* 3/4 200 + 1/4 |400 - 800| */
	UNIT_CHECK(rto.srtt_us == 450000);	/* 7/8 400 + 1/8 800 */
	UNIT_CHECK(rto.rto_ms == 1450);
	take(&rto, 50000);
	UNIT_CHECK(rto.rttvar_us == 287500 && rto.srtt_us == 400000 && rto.rto_ms == 1550);
	UNIT_CHECK(rto.min_rtt_us == 50000);
}

/* a constant round trip is learnt to the microsecond, whatever came before it */
UNIT(settles, "a constant round trip is learnt")
{
	static const u32 rtts[] = { 1, 7, 100, 1000, 123457, 5000000, MAX_US };

	for (unsigned int i = 0; i < sizeof(rtts) / sizeof(*rtts); i++)
		for (unsigned int j = 0; j < sizeof(rtts) / sizeof(*rtts); j++) {
			struct xtcp_rto rto = fresh();

			take(&rto, rtts[j]);
			for (unsigned int n = 0; n < 300; n++)
				take(&rto, rtts[i]);
			/* rounding leaves SRTT within half of what one eighth can move */
			UNIT_CHECK(rto.srtt_us + 4 >= rtts[i] && rto.srtt_us <= rtts[i] + 4);
			UNIT_CHECK(rto.rttvar_us <= 8);
		}
}

/* One round trip: 40 segments of which each is acknowledged, while 40 follow; some of them take longer. */
static u32 round_of_40(struct xtcp_rto *rto, u32 *una, u32 usual_us, u32 long_us, unsigned int longer)
{
	u32 least_ms = ~0U;

	for (unsigned int n = 0; n < 40; n++) {
		*una += 1000;
		xtcp_rto_sample(rto, n < longer ? long_us : usual_us, *una, *una + 40000, FLOOR_US);
		if (rto->rto_ms < least_ms)
			least_ms = rto->rto_ms;
	}
	return least_ms;
}

/*
 * RFC 7323 appendix G: 300 ms, and 700 ms for six segments of 40. The RTO knows of these all the time: with the RFC's
 * gains for each ACK it would fall to 500 ms between them. When all are alike again it comes down in a few round trips.
 */
UNIT(remembers_a_round_trip, "the largest variation of a round trip is remembered")
{
	struct xtcp_rto rto = fresh();
	u32 una = 0xffff0000;	/* sequence numbers pass 0 on the way */

	xtcp_rto_sample(&rto, 300000, una, una + 1, FLOOR_US);
	for (unsigned int n = 0; n < 5; n++)
		round_of_40(&rto, &una, 300000, 700000, 6);
	for (unsigned int n = 0; n < 20; n++) {
		u32 least_ms = round_of_40(&rto, &una, 300000, 700000, 6);

		UNIT_CHECK(least_ms >= 950 && rto.rto_ms <= 1300);
	}
	for (unsigned int n = 0; n < 4; n++)
		UNIT_CHECK(round_of_40(&rto, &una, 300000, 0, 0) > 510);
	for (unsigned int n = 0; n < 16; n++)
		round_of_40(&rto, &una, 300000, 0, 0);
	UNIT_CHECK(rto.rto_ms >= 500 && rto.rto_ms <= 510);
}

/* Linux's floor stands under the variation: RTO >= SRTT + 200 ms, up to the ceiling */
UNIT(bounds, "random samples stay within the bounds (2.4), (2.5)")
{
	struct xtcp_rto rto = fresh();

	for (unsigned int n = 0; n < 200000; n++) {
		u32 r = unit_random() >> unit_random() % 32;

		take(&rto, r);
		UNIT_CHECK(rto.srtt_us && rto.srtt_us <= MAX_US && rto.rttvar_us <= MAX_US);
		UNIT_CHECK(rto.rto_ms >= XTCP_RTO_MIN_MS && rto.rto_ms <= XTCP_RTO_MAX_MS);
		UNIT_CHECK(rto.rto_ms == XTCP_RTO_MAX_MS || rto.rto_ms >= rto.srtt_us / 1000 + XTCP_RTO_MIN_MS);
		UNIT_CHECK(rto.min_rtt_us && rto.min_rtt_us <= rto.srtt_us);
	}
}

/* A floor of the caller's: it holds from the first sample on, and a new one from the next round trip on. */
UNIT(another_floor, "another floor")
{
	struct xtcp_rto rto = fresh();

	UNIT_CHECK(xtcp_rto_needs_floor(&rto, 0));
	xtcp_rto_sample(&rto, 1000, 1, 100, 5000);
	UNIT_CHECK(rto.rto_ms == 6);
	UNIT_CHECK(!xtcp_rto_needs_floor(&rto, 100) && xtcp_rto_needs_floor(&rto, 101));
	xtcp_rto_sample(&rto, 1000, 2, 100, 0);	/* not needed, so not looked at */
	UNIT_CHECK(rto.rto_ms == 6);
	xtcp_rto_sample(&rto, 1000, 101, 200, 1000000);
	xtcp_rto_sample(&rto, 1000, 201, 300, 1000000);
	UNIT_CHECK(rto.rto_ms == 1001);
	for (unsigned int n = 0; n < 60; n++)
		xtcp_rto_sample(&rto, 1000, 301 + n, 301 + n, 0);
	UNIT_CHECK(rto.rto_ms == 2);	/* no floor: the RTT, and what rounding leaves of the rest */
}

UNIT(extreme_samples, "samples of 0 and 2^32 - 1")
{
	struct xtcp_rto rto = fresh();

	take(&rto, 0);
	UNIT_CHECK(rto.srtt_us == 1 && rto.rto_ms == 201);
	rto = fresh();
	take(&rto, ~0U);
	UNIT_CHECK(rto.srtt_us == MAX_US && rto.rto_ms == XTCP_RTO_MAX_MS);
	take(&rto, 0);
	take(&rto, ~0U);
	UNIT_CHECK(rto.srtt_us <= MAX_US && rto.rto_ms == XTCP_RTO_MAX_MS);
}

/* (5.5) doubles, (2.5) caps; the 256th timeout is no first one */
UNIT(backoff, "a timeout doubles up to the ceiling (5.5)")
{
	struct xtcp_rto rto = fresh();
	u32 expect = 1000;

	for (unsigned int n = 0; n < 300; n++) {
		UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == expect);
		xtcp_rto_backoff(&rto);
		expect = expect * 2 > XTCP_RTO_MAX_MS ? XTCP_RTO_MAX_MS : expect * 2;
	}
	UNIT_CHECK(xtcp_rto_current_ms(&rto, 1000) == 1000 && xtcp_rto_current_ms(&rto, 1500) == 1500);
	xtcp_rto_ease(&rto, 253);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 4000);
	xtcp_rto_ease(&rto, 0);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 4000);
	xtcp_rto_ease(&rto, 3);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 1000);
}

/* section 5: the backed-off value stays until there is a sample */
UNIT(sample_ends_backoff, "a sample ends the backoff (5)")
{
	struct xtcp_rto rto = fresh();

	take(&rto, 100000);
	xtcp_rto_backoff(&rto);
	xtcp_rto_backoff(&rto);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 4 * 300);
	take(&rto, 100000);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 300);	/* RTTVAR has shrunk to 37.5 ms */
}

/* An RTT that may be too long makes the RTO no shorter than a sample of it would, and leaves SRTT alone. */
UNIT(eased_backoff, "an RTT that may be too long ends a part of the backoff (3, 5)")
{
	static const struct { u32 rtt_us, ms; } cases[] = {
		{ 100000, 300 }, { 150000, 600 }, { 400000, 600 }, { 700000, 1200 }, { 1500000, 2400 },
		{ 60000000, 4800 }, { 0, 600 }, { ~0U, 4800 },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct xtcp_rto rto = fresh(), sampled;

		take(&rto, 100000);
		for (unsigned int j = 0; j < 4; j++)
			xtcp_rto_backoff(&rto);
		UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 4800);
		sampled = rto;
		take(&sampled, cases[i].rtt_us);
		xtcp_rto_ease_for(&rto, cases[i].rtt_us, rto.round_end + 1, rto.round_end + 1, FLOOR_US);
		UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == cases[i].ms);
		UNIT_CHECK(rto.srtt_us == 100000 && rto.rto_ms == 300);
		UNIT_CHECK(cases[i].ms == 4800 || cases[i].ms >= sampled.rto_ms);
		UNIT_CHECK(cases[i].ms == 300 || cases[i].ms / 2 < sampled.rto_ms);
	}
}

/* A program sets the floor of a connection that exists. */
UNIT(new_floor, "a new floor")
{
	const u32 old_us = 200000;
	struct xtcp_rto rto = fresh(), calm;
	int i;

	for (i = 0; i < 40; i++)
		take(&rto, 10000);
	calm = rto;
	UNIT_CHECK(xtcp_rto_current_ms(&calm, XTCP_RTO_MAX_MS) == 210);
	xtcp_rto_set_floor(&calm, old_us, 20000);
	UNIT_CHECK(xtcp_rto_current_ms(&calm, XTCP_RTO_MAX_MS) == 30);
	xtcp_rto_set_floor(&calm, 20000, old_us);
	UNIT_CHECK(xtcp_rto_current_ms(&calm, XTCP_RTO_MAX_MS) == 210);
	/* a variation that was measured stays */
	take(&rto, 800000);
	i = xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS);
	UNIT_CHECK(i > 800);
	xtcp_rto_set_floor(&rto, old_us, old_us);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == (u32)i);
	xtcp_rto_set_floor(&rto, old_us, 20000);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == (u32)i);
}

/* (5.7) */
UNIT(lost_syn, "a lost SYN (5.7)")
{
	struct xtcp_rto rto = fresh();

	xtcp_rto_backoff(&rto);
	xtcp_rto_syn_lost(&rto);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 3000);
	take(&rto, 1000);
	UNIT_CHECK(xtcp_rto_current_ms(&rto, XTCP_RTO_MAX_MS) == 201);
}

/* R1 and R2: the sum of the timeouts. 924.6 s is what Linux documents for tcp_retries2 = 15. */
UNIT(give_up, "the time that a number of retries takes")
{
	u32 r, last = 0;

	UNIT_CHECK(xtcp_rto_give_up_ms(0, 200, XTCP_RTO_MAX_MS) == 200);
	UNIT_CHECK(xtcp_rto_give_up_ms(3, 200, XTCP_RTO_MAX_MS) == 200 + 400 + 800 + 1600);
	UNIT_CHECK(xtcp_rto_give_up_ms(15, 200, XTCP_RTO_MAX_MS) == 924600);
	UNIT_CHECK(xtcp_rto_give_up_ms(6, 1000, XTCP_RTO_MAX_MS) == 127000);
	for (r = 0; r < 300; r++) {
		u32 ms = xtcp_rto_give_up_ms(r, 200, XTCP_RTO_MAX_MS);

		UNIT_CHECK(ms > last);
		last = ms;
	}
	UNIT_CHECK(xtcp_rto_give_up_ms(~0U - 1, 200, XTCP_RTO_MAX_MS) == 0x7fffffff);
	UNIT_CHECK(xtcp_rto_give_up_ms(0, ~0U, XTCP_RTO_MAX_MS) == XTCP_RTO_MAX_MS);
	/* a lower ceiling: 200, 400, 800, and then 1000 for each */
	UNIT_CHECK(xtcp_rto_give_up_ms(15, 200, 1000) == 14400);
}

UNIT_MAIN
