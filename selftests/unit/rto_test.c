// SPDX-License-Identifier: GPL-2.0
/* module/pure/rto.c in user space: the rules of RFC 6298, the bounds, and that no sample overflows anything. */
#include "pure/rto.h"
#include "pure/wire.h"
#include "unit.h"

#define MAX_US (XTCP_RTO_MAX_MS * 1000U)

static struct xtcp_rto fresh(void)
{
	struct xtcp_rto rto;

	xtcp_rto_init(&rto);
	return rto;
}

/* (2.1) */
static void before_the_first_sample(void)
{
	struct xtcp_rto rto = fresh();

	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 1000);
	UNIT_CHECK(!rto.srtt_us && !rto.rttvar_us && !rto.backoff && rto.min_rtt_us == ~0U);
}

/* (2.2): SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 RTTVAR = 3 R; the variation's term is 200 ms at least */
static void first_sample(void)
{
	struct xtcp_rto rto = fresh();

	xtcp_rto_sample(&rto, 400000);
	UNIT_CHECK(rto.srtt_us == 400000 && rto.rttvar_us == 200000 && rto.rto_ms == 1200);
	UNIT_CHECK(rto.min_rtt_us == 400000);

	rto = fresh();
	xtcp_rto_sample(&rto, 10000);
	UNIT_CHECK(rto.srtt_us == 10000 && rto.rttvar_us == 5000 && rto.rto_ms == 210);
}

/* (2.3), by hand: R' = 800 ms after SRTT 400, RTTVAR 200; RTTVAR takes the old SRTT */
static void next_sample(void)
{
	struct xtcp_rto rto = fresh();

	xtcp_rto_sample(&rto, 400000);
	xtcp_rto_sample(&rto, 800000);
	UNIT_CHECK(rto.rttvar_us == 250000);	/* 3/4 200 + 1/4 |400 - 800| */
	UNIT_CHECK(rto.srtt_us == 450000);	/* 7/8 400 + 1/8 800 */
	UNIT_CHECK(rto.rto_ms == 1450);
	xtcp_rto_sample(&rto, 50000);
	UNIT_CHECK(rto.rttvar_us == 287500 && rto.srtt_us == 400000 && rto.rto_ms == 1550);
	UNIT_CHECK(rto.min_rtt_us == 50000);
}

/* a constant round trip is learnt to the microsecond, whatever came before it */
static void settles(void)
{
	static const u32 rtts[] = { 1, 7, 100, 1000, 123457, 5000000, MAX_US };
	unsigned int i, j, n;

	for (i = 0; i < sizeof(rtts) / sizeof(*rtts); i++)
		for (j = 0; j < sizeof(rtts) / sizeof(*rtts); j++) {
			struct xtcp_rto rto = fresh();

			xtcp_rto_sample(&rto, rtts[j]);
			for (n = 0; n < 300; n++)
				xtcp_rto_sample(&rto, rtts[i]);
			/* rounding leaves SRTT within half of what one eighth can move */
			UNIT_CHECK(rto.srtt_us + 4 >= rtts[i] && rto.srtt_us <= rtts[i] + 4);
			UNIT_CHECK(rto.rttvar_us <= 8);
		}
}

/* Linux's floor stands under the variation: RTO >= SRTT + 200 ms, up to the ceiling */
static void bounds(void)
{
	struct xtcp_rto rto = fresh();
	unsigned int n;

	for (n = 0; n < 200000; n++) {
		u32 r = unit_random() >> unit_random() % 32;

		xtcp_rto_sample(&rto, r);
		UNIT_CHECK(rto.srtt_us && rto.srtt_us <= MAX_US && rto.rttvar_us <= MAX_US);
		UNIT_CHECK(rto.rto_ms >= XTCP_RTO_MIN_MS && rto.rto_ms <= XTCP_RTO_MAX_MS);
		UNIT_CHECK(rto.rto_ms == XTCP_RTO_MAX_MS || rto.rto_ms >= rto.srtt_us / 1000 + XTCP_RTO_MIN_MS);
		UNIT_CHECK(rto.min_rtt_us && rto.min_rtt_us <= rto.srtt_us);
	}
}

static void extreme_samples(void)
{
	struct xtcp_rto rto = fresh();

	xtcp_rto_sample(&rto, 0);
	UNIT_CHECK(rto.srtt_us == 1 && rto.rto_ms == 201);
	rto = fresh();
	xtcp_rto_sample(&rto, ~0U);
	UNIT_CHECK(rto.srtt_us == MAX_US && rto.rto_ms == XTCP_RTO_MAX_MS);
	xtcp_rto_sample(&rto, 0);
	xtcp_rto_sample(&rto, ~0U);
	UNIT_CHECK(rto.srtt_us <= MAX_US && rto.rto_ms == XTCP_RTO_MAX_MS);
}

/* (5.5) doubles, (2.5) caps; the 256th timeout is no first one */
static void backoff(void)
{
	struct xtcp_rto rto = fresh();
	u32 expect = 1000;
	unsigned int n;

	for (n = 0; n < 300; n++) {
		UNIT_CHECK(xtcp_rto_current_ms(&rto) == expect);
		xtcp_rto_backoff(&rto);
		expect = expect * 2 > XTCP_RTO_MAX_MS ? XTCP_RTO_MAX_MS : expect * 2;
	}
	xtcp_rto_ease(&rto, 253);
	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 4000);
	xtcp_rto_ease(&rto, 0);
	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 4000);
	xtcp_rto_ease(&rto, 3);
	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 1000);
}

/* section 5: the backed-off value stays until there is a sample */
static void sample_ends_backoff(void)
{
	struct xtcp_rto rto = fresh();

	xtcp_rto_sample(&rto, 100000);
	xtcp_rto_backoff(&rto);
	xtcp_rto_backoff(&rto);
	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 4 * 300);
	xtcp_rto_sample(&rto, 100000);
	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 300);	/* RTTVAR has shrunk to 37.5 ms */
}

/* (5.7) */
static void lost_syn(void)
{
	struct xtcp_rto rto = fresh();

	xtcp_rto_backoff(&rto);
	xtcp_rto_syn_lost(&rto);
	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 3000);
	xtcp_rto_sample(&rto, 1000);
	UNIT_CHECK(xtcp_rto_current_ms(&rto) == 201);
}

/* R1 and R2: the sum of the timeouts. 924.6 s is what Linux documents for tcp_retries2 = 15. */
static void give_up(void)
{
	u32 r, last = 0;

	UNIT_CHECK(xtcp_rto_give_up_ms(0, 200) == 200);
	UNIT_CHECK(xtcp_rto_give_up_ms(3, 200) == 200 + 400 + 800 + 1600);
	UNIT_CHECK(xtcp_rto_give_up_ms(15, 200) == 924600);
	UNIT_CHECK(xtcp_rto_give_up_ms(6, 1000) == 127000);
	for (r = 0; r < 300; r++) {
		u32 ms = xtcp_rto_give_up_ms(r, 200);

		UNIT_CHECK(ms > last);
		last = ms;
	}
	UNIT_CHECK(xtcp_rto_give_up_ms(~0U - 1, 200) == 0x7fffffff);
	UNIT_CHECK(xtcp_rto_give_up_ms(0, ~0U) == XTCP_RTO_MAX_MS);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{ "one second before the first sample (2.1)", before_the_first_sample },
		{ "the first sample (2.2)", first_sample },
		{ "the next samples (2.3)", next_sample },
		{ "a constant round trip is learnt", settles },
		{ "random samples stay within the bounds (2.4), (2.5)", bounds },
		{ "samples of 0 and 2^32 - 1", extreme_samples },
		{ "a timeout doubles up to the ceiling (5.5)", backoff },
		{ "a sample ends the backoff (5)", sample_ends_backoff },
		{ "a lost SYN (5.7)", lost_syn },
		{ "the time that a number of retries takes", give_up },
	};

	return unit_main(cases, sizeof(cases) / sizeof(*cases));
}
