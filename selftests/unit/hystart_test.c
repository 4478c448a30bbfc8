// SPDX-License-Identifier: GPL-2.0
/* module/cong/cong_cubic.c in user space: rounds, thresholds, conservative slow start and its end (RFC 9406). */
#include <string.h>
#include "unit.h"
#include "hystart.part.h"

#define MSS	1000U
#define MS	1000U
#define ISS	0xfffff000U	/* the first round passes zero */

/* A sender whose window is full all the time: @una and @nxt move with each ACK of two segments. */
struct sender {
	struct xtcp_hystart hystart;
	u32 una;
	u32 nxt;
	u32 cwnd;
	u32 now_us;		/* stands still: a train needs time */
	bool out_of_order;	/* the receiver waits for something */
	bool ended;
};

static struct sender start_at(u32 iss)
{
	struct sender s = { .una = iss, .nxt = iss, .cwnd = 10 * MSS };

	xtcp_hystart_start(&s.hystart, s.nxt, s.now_us);
	s.nxt += s.cwnd;
	return s;
}

static void ack(struct sender *s, u32 octets, u32 rtt_us)
{
	s->una += octets;
	s->cwnd += xtcp_hystart_growth(&s->hystart, octets, MSS);
	s->ended |= xtcp_hystart_acked(&s->hystart, s->una, s->nxt, rtt_us, s->now_us, !s->out_of_order);
	s->nxt = s->una + s->cwnd;
}

/* To the end of the round. */
static void one_round(struct sender *s, u32 rtt_us)
{
	u32 end = s->hystart.window_end;

	do
		ack(s, (s32)(end - s->una) > 0 && end - s->una < 2 * MSS ? end - s->una : 2 * MSS, rtt_us);
	while (s->hystart.window_end == end && s->hystart.phase != XTCP_HYSTART_OFF);
}

static void rounds(struct sender *s, int count, u32 rtt_us)
{
	while (count--)
		one_round(s, rtt_us);
}

/* But for what the ACK released that began the round. */
static bool doubled(u32 before, u32 now)
{
	return now <= 2 * before && now >= 2 * before - 4 * MSS;
}

/* the first ACK ends a round in which nothing was sent; then each is a round trip */
UNIT(doubles, "the window doubles while the round trip stays")
{
	struct sender s = start_at(ISS);
	u32 cwnd;

	one_round(&s, 20 * MS);
	for (int i = 0; i < 10; i++) {
		cwnd = s.cwnd;
		one_round(&s, 20 * MS);
		UNIT_CHECK(doubled(cwnd, s.cwnd));
	}
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_SLOW_START && !s.ended);
}

/* what the round trip grows by, and whether that is a queue */
UNIT(thresholds, "how much slower is slower (4.2)")
{
	static const struct {
		u32 base_us, slower_us;
	} rows[] = {
		{ 100, 4100 },			/* 4 ms at least */
		{ 1 * MS, 5 * MS },
		{ 32 * MS, 36 * MS },
		{ 40 * MS, 45 * MS },		/* an eighth */
		{ 100 * MS, 112500 },
		{ 128 * MS, 144 * MS },
		{ 300 * MS, 316 * MS },		/* 16 ms at most */
		{ 0xfff00000, 0xfff00000 + 16 * MS },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sender s = start_at(ISS);

		rounds(&s, 4, rows[i].base_us);
		rounds(&s, 2, rows[i].slower_us - 1);
		UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_SLOW_START);
		s = start_at(ISS);
		rounds(&s, 4, rows[i].base_us);
		one_round(&s, rows[i].slower_us);
		UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_CSS);
		UNIT_CHECK(s.hystart.baseline_us == rows[i].slower_us);
	}
}

/* the smallest of a round counts: most may be late, one in time is enough */
UNIT(jitter, "the smallest round trip counts")
{
	struct sender s = start_at(ISS);
	u32 i, j, end;

	rounds(&s, 2, 20 * MS);
	for (i = 0; i < 10; i++) {
		end = s.nxt;
		for (j = 0; (s32)(end - s.una) > 0; j++)
			ack(&s, 2 * MSS, j % 4 == 1 ? 20 * MS : 20 * MS + unit_random() % (80 * MS));
		UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_SLOW_START);
	}
}

/* seven samples say nothing, the eighth does; ACKs that tell of no round trip are none */
UNIT(samples, "eight samples (4.2)")
{
	struct sender s = start_at(ISS);

	rounds(&s, 4, 20 * MS);
	for (int i = 0; i < 7; i++)
		ack(&s, MSS, 60 * MS);
	for (int i = 0; i < 7; i++)
		ack(&s, MSS, 0);
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_SLOW_START);
	ack(&s, MSS, 60 * MS);
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_CSS);
}

/* there is nothing to compare the first round with, nor one that followed a round without samples */
UNIT(rounds_without_samples, "rounds without samples")
{
	struct sender s = start_at(ISS);

	rounds(&s, 3, 0);
	rounds(&s, 1, 500 * MS);
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_SLOW_START && s.hystart.last_min_us == 500 * MS);
	rounds(&s, 1, 0);
	rounds(&s, 1, 900 * MS);
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_SLOW_START && s.hystart.last_min_us == 900 * MS);
}

/* the window did not limit the sender while it sent more than half of the sequence space: the next round ends, too */
UNIT(after_half_the_numbers, "a round after half the sequence space")
{
	struct sender s = start_at(ISS);

	rounds(&s, 4, 20 * MS);
	s.una += 0x90000000;
	s.nxt = s.una + s.cwnd;
	ack(&s, 2 * MSS, 20 * MS);
	UNIT_CHECK(s.hystart.window_end - s.una <= s.cwnd);
	one_round(&s, 20 * MS);
	one_round(&s, 60 * MS);
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_CSS);
}

static struct sender in_css(void)
{
	struct sender s = start_at(ISS);

	rounds(&s, 4, 20 * MS);
	while (s.hystart.phase != XTCP_HYSTART_CSS)
		ack(&s, 2 * MSS, 30 * MS);
	return s;
}

/* the part of a round that is left counts as the first of five, each of which adds a quarter at most */
UNIT(five_rounds, "five rounds of conservative slow start")
{
	struct sender s = in_css();
	u32 round = 0, cwnd = s.cwnd;

	while (!s.ended && round < 100) {
		u32 before = s.cwnd;

		UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_CSS && s.hystart.css_rounds == round);
		/* to the end of this round */
		while (s.hystart.css_rounds == round && !s.ended)
			ack(&s, 2 * MSS, 30 * MS);
		UNIT_CHECK(s.cwnd <= before + before / 4 + MSS);
		round++;
	}
	UNIT_CHECK(round == 5 && s.hystart.phase == XTCP_HYSTART_OFF);
	UNIT_CHECK(s.cwnd > cwnd * 2 && s.cwnd < cwnd * 31 / 10);	/* 1.25^4 to 1.25^5 */
	/* once */
	s.ended = false;
	rounds(&s, 10, 100 * MS);
	UNIT_CHECK(!s.ended);
}

/* it was no queue: the round trip falls below what it was when conservative slow start began */
UNIT(back_to_slow_start, "back to slow start when it was jitter")
{
	struct sender s = in_css();
	u32 cwnd;

	rounds(&s, 2, 30 * MS);
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_CSS);
	rounds(&s, 2, 30 * MS - 1);
	UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_SLOW_START && !s.ended);
	cwnd = s.cwnd;
	rounds(&s, 1, 20 * MS);
	UNIT_CHECK(doubled(cwnd, s.cwnd));
	/* and it may come again, with five rounds of its own */
	rounds(&s, 1, 20 * MS);
	while (s.hystart.phase != XTCP_HYSTART_CSS)
		ack(&s, 2 * MSS, 40 * MS);
	UNIT_CHECK(s.hystart.css_rounds == 0 && s.hystart.baseline_us == 40 * MS);
}

UNIT(growth, "growth for each ACK")
{
	struct xtcp_hystart hystart;

	memset(&hystart, 0, sizeof(hystart));
	UNIT_CHECK(hystart.phase == XTCP_HYSTART_OFF);
	UNIT_CHECK(xtcp_hystart_growth(&hystart, 1000000, 1448) == 1000000);
	UNIT_CHECK(!xtcp_hystart_acked(&hystart, 5, 5, 1, 0, true));
	xtcp_hystart_start(&hystart, 0, 0);
	UNIT_CHECK(xtcp_hystart_growth(&hystart, 2896, 1448) == 2896);
	UNIT_CHECK(xtcp_hystart_growth(&hystart, 1000000, 1448) == 65536);
	UNIT_CHECK(xtcp_hystart_growth(&hystart, 1000000, 9000) == 72000);
	UNIT_CHECK(xtcp_hystart_growth(&hystart, ~0U, 65535) == 8 * 65535);
	hystart.phase = XTCP_HYSTART_CSS;
	UNIT_CHECK(xtcp_hystart_growth(&hystart, 2896, 1448) == 724);
	UNIT_CHECK(xtcp_hystart_growth(&hystart, 1000000, 1448) == 16384);
}

/* One ACK @later_us later. */
static enum xtcp_hystart_end ack_later(struct sender *s, u32 later_us, u32 rtt_us)
{
	s->now_us += later_us;
	s->una += 2 * MSS;
	s->nxt = s->una + s->cwnd;
	return xtcp_hystart_acked(&s->hystart, s->una, s->nxt, rtt_us, s->now_us, !s->out_of_order);
}

/* How long ACKs come, @apart_us from each other, until slow start ends; 0: it does not, for a second. */
static u32 train(u32 rtt_us, u32 apart_us)
{
	struct sender s = start_at(ISS);
	enum xtcp_hystart_end end;

	s.now_us = 0xffffff00;	/* the clock wraps */
	s.cwnd = 1000000;
	rounds(&s, 2, rtt_us);
	ack_later(&s, rtt_us, rtt_us);
	for (u32 start = s.now_us; s.now_us - start < 1000 * MS; ) {
		end = ack_later(&s, apart_us, rtt_us);
		UNIT_CHECK(end != XTCP_HYSTART_SLOWER);
		if (end == XTCP_HYSTART_TRAIN) {
			UNIT_CHECK(s.hystart.phase == XTCP_HYSTART_OFF);
			return s.now_us - start;
		}
	}
	return 0;
}

/* five eighths of the round trip, 4 ms at least, without a pause */
UNIT(trains, "a train of ACKs")
{
	UNIT_CHECK(train(20 * MS, 1 * MS) == 13 * MS);
	UNIT_CHECK(train(20 * MS, 500) == 13 * MS);
	UNIT_CHECK(train(20 * MS, 100) == 12600);
	UNIT_CHECK(train(20 * MS, 4 * MS) == 16 * MS);
	UNIT_CHECK(train(20 * MS, 4 * MS + 1) == 0);
	UNIT_CHECK(train(300 * MS, 16 * MS) == 192 * MS);
	UNIT_CHECK(train(300 * MS, 16 * MS + 1) == 0);
	UNIT_CHECK(train(4 * MS, 500) == 4500);
	UNIT_CHECK(train(4 * MS, 1001) == 0);
	UNIT_CHECK(train(200, 50) == 4050);
	UNIT_CHECK(train(200, 51) == 0);
	/* of which round trip is not known */
	UNIT_CHECK(train(0, 1) == 0);
}

/* Windows of @acks ACKs, a twentieth of a round trip apart, once in each round trip: does one end slow start? */
static bool windows_end(int acks)
{
	struct sender s = start_at(ISS);

	rounds(&s, 2, 20 * MS);
	s.cwnd = 2 * acks * MSS;
	ack_later(&s, 20 * MS, 20 * MS);
	for (int i = 0; i < 20; i++)
		for (int j = 0; j < acks; j++)
			if (ack_later(&s, j ? 1 * MS : (21 - acks) * MS, 20 * MS) != XTCP_HYSTART_GOES_ON)
				return true;
	return false;
}

/* windows that leave the path empty for a quarter of the round trip are no train, however many follow */
UNIT(pauses, "a pause ends a train")
{
	UNIT_CHECK(!windows_end(1));
	UNIT_CHECK(!windows_end(10));
	UNIT_CHECK(!windows_end(12));
	UNIT_CHECK(!windows_end(13));
	UNIT_CHECK(windows_end(14));
	UNIT_CHECK(windows_end(17));
	UNIT_CHECK(windows_end(20));
}

/* what smears the ACKs over the round trip is no bottleneck while it changes their order */
UNIT(reordering, "no train while segments arrive out of order")
{
	struct sender s = start_at(ISS);

	rounds(&s, 2, 20 * MS);
	s.cwnd = 1000000;
	s.out_of_order = true;
	for (int i = 0; i < 1000; i++)
		UNIT_CHECK(ack_later(&s, 1 * MS, 20 * MS) == XTCP_HYSTART_GOES_ON);
	/* a train begins with the first ACK after it */
	s.out_of_order = false;
	for (int i = 0; i < 12; i++)
		UNIT_CHECK(ack_later(&s, 1 * MS, 20 * MS) == XTCP_HYSTART_GOES_ON);
	UNIT_CHECK(ack_later(&s, 1 * MS, 20 * MS) == XTCP_HYSTART_TRAIN);
}

/* any ACKs, in any order: at most one end, and only after CSS */
UNIT(anything, "random ACKs")
{
	struct sender s = start_at(unit_random());
	u32 i, ends = 0;

	for (i = 0; i < 500000; i++) {
		u8 before = s.hystart.phase;

		s.una += unit_random() >> unit_random() % 32;
		if ((s32)(s.nxt - s.una) < 0)
			s.nxt = s.una;
		s.nxt += unit_random() % 8 * MSS;
		u32 at = unit_random() >> unit_random() % 32;

		if (xtcp_hystart_acked(&s.hystart, s.una, s.nxt, at, 0, unit_random() % 2)) {
			UNIT_CHECK(before == XTCP_HYSTART_CSS || s.hystart.css_rounds == 5);
			ends++;
		}
		UNIT_CHECK(s.hystart.phase <= XTCP_HYSTART_CSS && s.hystart.css_rounds <= 5);
	}
	UNIT_CHECK(ends <= 1);
}

UNIT_MAIN
