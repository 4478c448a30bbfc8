// SPDX-License-Identifier: GPL-2.0
/* The curve of module/cong/cong_cubic.c in user space: RFC 9438 against floating point, its regions, and extremes. */
#include <math.h>
#include <string.h>
#include "unit.h"
#include "cubic.part.h"

#define MAX_WINDOW	0x7fffffffU
#define SECOND		1000000ULL
#define C		0.4
#define START		(77 * SECOND)	/* no moment is special but 0 */

static const u32 sizes[] = { 48, 536, 1000, 1448, 8948, 65535 };

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static u32 random_window(void)
{
	return (unit_random() >> (1 + unit_random() % 24)) | 1;
}

UNIT(roots, "cube roots are exact")
{
	u64 n, value;

	UNIT_CHECK(xtcp_cubic_root(0) == 0 && xtcp_cubic_root(1) == 1 && xtcp_cubic_root(7) == 1);
	for (n = 1; n < 2097151; n += n < 5000 ? 1 : 977) {
		UNIT_CHECK(xtcp_cubic_root(n * n * n) == n);
		UNIT_CHECK(xtcp_cubic_root(n * n * n - 1) == n - 1);
	}
	UNIT_CHECK(xtcp_cubic_root(2097151ULL * 2097151 * 2097151) == 2097151);
	UNIT_CHECK(xtcp_cubic_root((1ULL << 63) - 1) == 2097151);
	for (int i = 0; i < 200000; i++) {
		value = ((u64)unit_random() << 31 | unit_random()) >> unit_random() % 63;
		n = xtcp_cubic_root(value);
		UNIT_CHECK(n * n * n <= value && (n == 2097151 || (n + 1) * (n + 1) * (n + 1) > value));
	}
}

/* equation (2), to the tick below */
UNIT(times_to_the_plateau, "K (equation 2)")
{
	UNIT_CHECK(xtcp_cubic_k(0, 1448) == 0);
	for (unsigned int m = 0; m < COUNT(sizes); m++)
		for (unsigned int i = 0; i < 20000; i++) {
			u32 octets = random_window();
			double k = cbrt(octets / (C * sizes[m])) * 1024;

			UNIT_CHECK(fabs(xtcp_cubic_k(octets, sizes[m]) - k) < 1.001);
		}
	UNIT_CHECK(xtcp_cubic_k(0x80000000U, 48) == (u32)(cbrt(2147483648.0 / (C * 48)) * 1024));
}

/* equation (1): wrong by what the curve moves in a tick, and by an octet */
UNIT(curve, "W_cubic(t) (equation 1)")
{
	for (unsigned int m = 0; m < COUNT(sizes); m++)
		for (unsigned int i = 0; i < 50000; i++) {
			struct xtcp_cubic_epoch epoch = { .origin = random_window(), .k = unit_random() % 500000 };
			u64 us = ((u64)unit_random() * 4096) >> unit_random() % 40;
			double off = us / 1e6 - epoch.k / 1024.0, slope = 3 * C * sizes[m] * off * off;
			double want = C * sizes[m] * off * off * off + epoch.origin;
			double slack = 2 + slope / 1024 + 3 * C * sizes[m] * fabs(off) / 1024 / 1024;
			double got = xtcp_cubic_window(&epoch, us, sizes[m]);

			if (want < 0)
				want = 0;
			if (want > MAX_WINDOW)
				want = MAX_WINDOW;
			UNIT_CHECK(fabs(got - want) <= slack);
		}
}

/* at its start a stage stands where the window is, and after K at the plateau */
UNIT(ends_of_the_curve, "the curve begins at the window and reaches the plateau after K")
{
	for (int i = 0; i < 20000; i++) {
		u32 mss = sizes[unit_random() % COUNT(sizes)];
		u32 cwnd = random_window(), high = cwnd + (MAX_WINDOW - cwnd) / (1 + unit_random() % 100);
		struct xtcp_cubic_epoch epoch = { .origin = high, .k = xtcp_cubic_k(high - cwnd, mss) };
		double k = epoch.k / 1024.0, slack = 2 + 3 * C * mss * (k + 1) * (k + 1) / 1024;

		UNIT_CHECK(fabs((double)xtcp_cubic_window(&epoch, 0, mss) - cwnd) <= slack);
		UNIT_CHECK(xtcp_cubic_window(&epoch, 0, mss) >= cwnd - 1);
		UNIT_CHECK(xtcp_cubic_window(&epoch, epoch.k * SECOND / 1024 + 1, mss) == high);
	}
}

/* The RFC's sections 4.2 to 4.5 as they are written, in segments and seconds. */
struct model {
	double w_max, w_prior, w_est, k, cwnd;
};

static void model_grow(struct model *m, double t, double rtt, double acked)
{
	double target = C * pow(t + rtt - m->k, 3) + m->w_max, now = C * pow(t - m->k, 3) + m->w_max;

	m->w_est += (m->w_est < m->w_prior ? 9.0 / 17 : 1) * acked / m->cwnd;
	if (now < m->w_est && m->w_est > m->cwnd) {
		m->cwnd = m->w_est;
		return;
	}
	if (target < m->cwnd)
		target = m->cwnd;
	if (target > 1.5 * m->cwnd)
		target = 1.5 * m->cwnd;
	m->cwnd += (target - m->cwnd) / m->cwnd * acked;
}

/* A minute after a loss, or 20,000 ACKs of @bundle segments: within a segment and 1% of the model's window. */
static void follow_model(u32 mss, u32 segments, u32 rtt_us, u32 bundle)
{
	u32 cwnd = segments * mss;
	struct xtcp_cubic cubic = { 0 };
	struct model m = { .w_max = segments, .w_prior = segments, .cwnd = segments * 0.7, .w_est = segments * 0.7 };
	double now = 0, off = 0, high = 0;

	m.k = cbrt(segments * 0.3 / C);
	cwnd = xtcp_cubic_reduce(&cubic, cwnd, mss);
	for (int acks = 0; now < 60e6 && acks < 20000; acks++) {
		cwnd = xtcp_cubic_grow(&cubic, START + now, rtt_us, cwnd, mss, bundle * mss);
		model_grow(&m, now / 1e6, rtt_us / 1e6, bundle);
		off = fabs((double)cwnd / mss - m.cwnd);
		high = fmax(high, off - m.cwnd / 100);
		now += rtt_us * bundle / m.cwnd;
	}
	UNIT_CHECK(high < 1);
	if (high >= 1)
		ksft_print_msg("mss %u, %u segments, rtt %u: %u and %f\n", mss, segments, rtt_us, cwnd / mss, m.cwnd);
}

UNIT(like_the_model, "a minute after a loss, as in floating point (4.2 to 4.5)")
{
	static const u32 windows[] = { 10, 100, 1000, 10000 };
	static const u32 rtts[] = { 1000, 20000, 100000, 400000 };

	for (unsigned int m = 0; m < COUNT(sizes); m++)
		for (unsigned int w = 0; w < COUNT(windows); w++)
			for (unsigned int r = 0; r < COUNT(rtts); r++) {
				if ((double)windows[w] * sizes[m] > MAX_WINDOW / 4)
					continue;
				follow_model(sizes[m], windows[w], rtts[r], 1);
				follow_model(sizes[m], windows[w], rtts[r], 1 + windows[w] / 50);
			}
}

/* One round trip, in which a whole window is acknowledged by ACKs of @bundle octets. */
static u32 round_trip(struct xtcp_cubic *cubic, u64 *now, u32 rtt_us, u32 cwnd, u32 mss, u32 bundle)
{
	u32 left = cwnd, step;

	for (; left; left -= step) {
		step = left < bundle ? left : bundle;
		*now += (u64)rtt_us * step / cwnd;
		cwnd = xtcp_cubic_grow(cubic, *now, rtt_us, cwnd, mss, step);
	}
	return cwnd;
}

/* section 4.3: with short round trips 9/17 of a segment for each, and a whole one beyond the last loss */
UNIT(friendly, "the Reno-friendly region (4.3)")
{
	const u32 mss = 1000, rtt = 500;
	struct xtcp_cubic cubic = { 0 };
	u32 cwnd = xtcp_cubic_reduce(&cubic, 100 * mss, mss), before;
	u64 now = START;

	UNIT_CHECK(cwnd == 70 * mss);
	for (int i = 0; i < 40; i++)
		cwnd = round_trip(&cubic, &now, rtt, cwnd, mss, 2 * mss);
	UNIT_CHECK(cwnd > 70 * mss + 40 * mss * 9 / 17 - mss && cwnd < 70 * mss + 40 * mss * 9 / 17 + mss);
	while (cwnd < 100 * mss)
		cwnd = round_trip(&cubic, &now, rtt, cwnd, mss, 2 * mss);
	before = cwnd;
	for (int i = 0; i < 40; i++)
		cwnd = round_trip(&cubic, &now, rtt, cwnd, mss, 2 * mss);
	UNIT_CHECK(cwnd > before + 39 * mss && cwnd < before + 41 * mss);
}

/* An idle time has reduced the window, and slow start has raised it to three quarters again: it does not jump. */
UNIT(no_jump_after_an_idle_time, "no jump to W_est from far below (4.3)")
{
	struct xtcp_cubic cubic = {};
	u32 cwnd = 100000, before = 0, i;

	xtcp_cubic_reduce(&cubic, 100000, 1000);
	for (i = 0; i < 1000; i++)
		cwnd = xtcp_cubic_grow(&cubic, START + i * 1000, 1000, cwnd, 1000, 2000);
	UNIT_CHECK(cubic.now.w_est == cwnd && cwnd > 105000);
	for (cwnd = 75000; cwnd < cubic.now.w_est; i++) {
		before = cwnd;
		cwnd = xtcp_cubic_grow(&cubic, START + i * 1000, 1000, cwnd, 1000, 2000);
		UNIT_CHECK(cwnd > before && cwnd - before <= 2000);
	}
}

/* section 4.7 */
UNIT(fast_convergence, "reduction and fast convergence (4.6, 4.7)")
{
	struct xtcp_cubic cubic = { 0 };

	UNIT_CHECK(xtcp_cubic_reduce(&cubic, 100000, 1000) == 70000);
	UNIT_CHECK(cubic.now.w_max == 100000 && cubic.now.w_prior == 100000);
	UNIT_CHECK(xtcp_cubic_reduce(&cubic, 90000, 1000) == 63000);
	UNIT_CHECK(cubic.now.w_max == 76500 && cubic.now.w_prior == 90000);
	UNIT_CHECK(xtcp_cubic_reduce(&cubic, 76500, 1000) == 53550);
	UNIT_CHECK(cubic.now.w_max == 76500);
	UNIT_CHECK(xtcp_cubic_reduce(&cubic, 2000, 1000) == 2000);
	UNIT_CHECK(xtcp_cubic_reduce(&cubic, 0, 1000) == 2000);
	UNIT_CHECK(xtcp_cubic_reduce(&cubic, MAX_WINDOW, 65535) == (u32)(MAX_WINDOW * 7ULL / 10));
}

/* section 4.8: K = 0, and the plateau is where the stage begins; told of it after it began changes nothing */
UNIT(timeout, "the stage after a timeout (4.8)")
{
	struct xtcp_cubic cubic = { 0 };
	u32 cwnd = xtcp_cubic_reduce(&cubic, 100000, 1000), next;

	xtcp_cubic_timeout(&cubic);
	next = xtcp_cubic_grow(&cubic, START, 50000, cwnd, 1000, 1000);
	UNIT_CHECK(cubic.now.k == 0 && cubic.now.origin == 70000 && cubic.now.w_est >= 70000);
	/* a twentieth for each round trip */
	UNIT_CHECK(next >= 70049 && next <= 70050);

	xtcp_cubic_reduce(&cubic, 100000, 1000);
	xtcp_cubic_grow(&cubic, START + SECOND, 50000, 70000, 1000, 1000);
	xtcp_cubic_timeout(&cubic);
	UNIT_CHECK(cubic.now.w_max == 100000);
}

/* section 4.10: without a loss before, a twentieth for each round trip at least, and the curve beyond that */
UNIT(after_slow_start, "slow start that ended without a loss (4.10)")
{
	struct xtcp_cubic cubic = { 0 };
	u32 cwnd = 1000000, i;
	u64 now = START;

	xtcp_cubic_slow_start_ended(&cubic, cwnd);
	for (i = 0; i < 10; i++)
		cwnd = round_trip(&cubic, &now, 10000, cwnd, 1000, 3000);
	UNIT_CHECK(cubic.now.w_prior == 1000000 && cubic.now.k == 0);
	UNIT_CHECK(cwnd > 1620000 && cwnd < 1630000);	/* 1.05^10 = 1.629 */
}

/* section 4.9: as if nothing had been lost */
UNIT(undo, "undo (4.9)")
{
	struct xtcp_cubic cubic = { 0 }, kept;
	u32 cwnd = xtcp_cubic_reduce(&cubic, 500000, 1000), low;
	u64 now = START;

	for (int i = 0; i < 20; i++)
		cwnd = round_trip(&cubic, &now, 50000, cwnd, 1000, 2000);
	kept = cubic;
	low = xtcp_cubic_reduce(&cubic, cwnd, 1000);
	xtcp_cubic_timeout(&cubic);
	for (int i = 0; i < 3; i++)
		low = round_trip(&cubic, &now, 50000, low, 1000, 2000);
	xtcp_cubic_undo(&cubic);
	UNIT_CHECK(!memcmp(&cubic.now, &kept.now, sizeof(kept.now)));
	UNIT_CHECK(xtcp_cubic_grow(&cubic, now, 50000, cwnd, 1000, 2000) >= cwnd);
}

/* section 4.2: idle time and time without growth are none of the stage's, however one hears of them */
UNIT(gaps, "idle time does not count (4.2)")
{
	struct xtcp_cubic busy = { 0 }, idle, gap;
	u32 cwnd = xtcp_cubic_reduce(&busy, 500000, 1000), a, b, c;
	u64 now = START, later;

	for (int i = 0; i < 20; i++)
		cwnd = round_trip(&busy, &now, 50000, cwnd, 1000, 2000);
	idle = busy;
	gap = busy;
	later = now + 3600 * SECOND;
	xtcp_cubic_idle(&idle, 3600 * SECOND);
	a = xtcp_cubic_grow(&busy, now + 50000, 50000, cwnd, 1000, 2000);
	b = xtcp_cubic_grow(&idle, later + 50000, 50000, cwnd, 1000, 2000);
	c = xtcp_cubic_grow(&gap, later + 50000, 50000, cwnd, 1000, 2000);
	UNIT_CHECK(a == b && a == c);
	/* idle since before the stage began: it does not begin in the future */
	xtcp_cubic_idle(&idle, 7200 * SECOND);
	b = xtcp_cubic_grow(&idle, later + 100000, 50000, cwnd, 1000, 2000);
	UNIT_CHECK(b >= cwnd && idle.now.start_us == later + 100000);
	/* nothing to shift before the first stage */
	memset(&idle, 0, sizeof(idle));
	xtcp_cubic_idle(&idle, SECOND);
	UNIT_CHECK(!idle.now.start_us);
}

/* nor are they of the stage to which an undo returns, whether the stage after the reduction had begun or not */
UNIT(gaps_before_an_undo, "idle time before an undo does not count either (4.2, 4.9)")
{
	struct xtcp_cubic busy = { 0 }, idle, gap;
	u32 cwnd = xtcp_cubic_reduce(&busy, 500000, 1000), low, a, b, c;
	u64 now = START, later;

	for (int i = 0; i < 20; i++)
		cwnd = round_trip(&busy, &now, 50000, cwnd, 1000, 2000);
	low = xtcp_cubic_reduce(&busy, cwnd, 1000);
	for (int begun = 0; begun < 2; begun++) {
		if (begun)
			low = round_trip(&busy, &now, 50000, low, 1000, 2000);
		later = now + 3600 * SECOND;
		idle = busy;
		gap = busy;
		xtcp_cubic_idle(&idle, 3600 * SECOND);
		xtcp_cubic_grow(&busy, now + 50000, 50000, low, 1000, 2000);
		xtcp_cubic_grow(&idle, later + 50000, 50000, low, 1000, 2000);
		xtcp_cubic_grow(&gap, later + 50000, 50000, low, 1000, 2000);
		xtcp_cubic_undo(&idle);
		xtcp_cubic_undo(&gap);
		a = busy.before.start_us - START;
		b = idle.now.start_us - START - 3600 * SECOND;
		c = gap.now.start_us - START - 3600 * SECOND;
		UNIT_CHECK(a == b && a == c);
		UNIT_CHECK(xtcp_cubic_grow(&idle, later + 100000, 50000, cwnd, 1000, 2000) < cwnd + 500);
		UNIT_CHECK(xtcp_cubic_grow(&gap, later + 100000, 50000, cwnd, 1000, 2000) < cwnd + 500);
		now += 50000;
	}
}

/* a bundle of 64 KB is worth what its segments are */
UNIT(bundles, "bundles")
{
	struct xtcp_cubic one = { 0 }, many = { 0 };
	u32 a = xtcp_cubic_reduce(&one, 2000000, 1448), b = xtcp_cubic_reduce(&many, 2000000, 1448);
	u64 now_a = START, now_b = START;

	for (int i = 0; i < 150; i++) {
		a = round_trip(&one, &now_a, 100000, a, 1448, 1448);
		b = round_trip(&many, &now_b, 100000, b, 1448, 44 * 1448);
	}
	UNIT_CHECK(a > 2000000 && b > a - a / 100 && b < a + a / 100);
}

/* section 4.2: a window's worth of octets makes it half as large again at most, or a segment larger, as Reno's */
UNIT(limit_of_growth, "at most half as large again in a round trip (4.2)")
{
	for (int i = 0; i < 200000; i++) {
		u32 mss = sizes[unit_random() % COUNT(sizes)], cwnd = random_window(), next;
		struct xtcp_cubic cubic = {
			.now = {
				.start_us = START, .w_max = random_window(), .w_prior = random_window(),
				.origin = random_window(), .w_est = cwnd, .k = unit_random() % 500000,
			},
			.grown_us = START,
		};
		u64 most = (u64)cwnd + cwnd / 2 + mss + 1;

		next = xtcp_cubic_grow(&cubic, START + unit_random(), unit_random() % 10000000, cwnd, mss, cwnd);
		UNIT_CHECK(next >= cwnd && next <= most && next <= MAX_WINDOW);
	}
}

/* whatever comes, in whatever order: the window stays one, and nothing overflows (the sanitizers look) */
UNIT(extremes, "extreme windows, segments, round trips and times")
{
	static const u32 rtts[] = { 0, 1, 10000000, ~0U };
	struct xtcp_cubic cubic = { 0 };
	u32 cwnd = 14480, mss = 1448, next, i;
	u64 now = START;

	for (i = 0; i < 300000; i++) {
		if (unit_random() % 100 == 0)
			mss = sizes[unit_random() % COUNT(sizes)];
		if (unit_random() % 1000 == 0)
			cwnd = unit_random() % 2 ? MAX_WINDOW - unit_random() % 4 : 1;
		now += (u64)unit_random() >> unit_random() % 32;
		switch (unit_random() % 64) {
		case 0:
			cwnd = xtcp_cubic_reduce(&cubic, cwnd, mss);
			UNIT_CHECK(cwnd >= 2 * mss && cwnd <= MAX_WINDOW);
			break;
		case 1:
			xtcp_cubic_timeout(&cubic);
			break;
		case 2:
			xtcp_cubic_undo(&cubic);
			break;
		case 3:
			xtcp_cubic_idle(&cubic, unit_random());
			break;
		case 4:
			xtcp_cubic_slow_start_ended(&cubic, cwnd);
			break;
		default:
			next = xtcp_cubic_grow(&cubic, now, rtts[unit_random() % 4], cwnd, mss,
					       unit_random() >> unit_random() % 32);
			UNIT_CHECK(next >= cwnd && next <= MAX_WINDOW);
			cwnd = next;
		}
	}
}

UNIT_MAIN
