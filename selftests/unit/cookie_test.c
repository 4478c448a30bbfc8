// SPDX-License-Identifier: GPL-2.0
/* module/base/secret.c in user space: what comes back, for how long, and what a forger can hope for. */
#include <string.h>
#include "base/wire.h"
#include "unit.h"
#include "cookie.part.h"

#define EPOCH_S		(XTCP_COOKIE_PERIOD_S * XTCP_COOKIE_PERIODS)

static const siphash_key_t isn_key = { { 0x0123456789abcdefULL, 0xfedcba9876543210ULL } };
static struct xtcp_cookie_secrets secrets;
static u8 our_wscale;	/* of the listener */

static u64 random64(void)
{
	return (u64)unit_random() << 32 | unit_random();
}

/* What secret.c does before it makes the first cookie of an epoch. */
static void rotate(u32 now)
{
	u32 epoch = xtcp_cookie_epoch(now);

	if (epoch == secrets.epoch)
		return;
	secrets.epoch = epoch;
	secrets.key[epoch & 1].key[0] = random64();
	secrets.key[epoch & 1].key[1] = random64();
}

static void new_secrets(u32 now)
{
	rotate(now - EPOCH_S);
	rotate(now);
}

static struct xtcp_tuple random_tuple(bool v4)
{
	struct xtcp_tuple tuple;
	u8 *bytes = (u8 *)&tuple;

	for (size_t i = 0; i < sizeof(tuple); i++)
		bytes[i] = unit_random();
	tuple.faddr.s6_addr[0] = 0x20;
	if (v4) {
		memset(&tuple.faddr, 0, 10);
		memset(tuple.faddr.s6_addr + 10, 0xff, 2);
		memcpy(&tuple.laddr, &tuple.faddr, 12);
	}
	return tuple;
}

static struct xtcp_cookie random_cookie(void)
{
	struct xtcp_cookie cookie = {
		.mss = unit_random() % 10000,
		.wscale_ok = unit_random() & 1,
		.ts_ok = unit_random() & 1,
	};

	if (cookie.wscale_ok)
		cookie.snd_wscale = unit_random() % 15;
	cookie.sack_ok = unit_random() & 1;
	cookie.ecn_ok = unit_random() & 1;
	return cookie;
}

static u32 make(const struct xtcp_tuple *tuple, u32 irs, u32 now, const struct xtcp_cookie *cookie)
{
	struct xtcp_cookie of_listener = *cookie;

	of_listener.rcv_wscale = our_wscale;
	return xtcp_cookie_make(&secrets, tuple, xtcp_tuple_hash(tuple, &isn_key), irs, now, of_listener);
}

static bool check(const struct xtcp_tuple *tuple, u32 irs, u32 iss, const u32 *tsecr, u32 now, struct xtcp_cookie *got)
{
	got->rcv_wscale = our_wscale;
	return xtcp_cookie_check(&secrets, tuple, xtcp_tuple_hash(tuple, &isn_key), irs, iss, tsecr, now, got);
}

/* the paper's own vector: keys 00..0f, input 00..0e */
UNIT(siphash__paper, "siphash__paper")
{
	siphash_key_t key = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } };
	u8 input[15];

	for (u8 i = 0; i < sizeof(input); i++)
		input[i] = i;
	UNIT_CHECK(siphash(input, sizeof(input), &key) == 0xa129ca6149be45e5ULL);
}

/* with timestamps shift, SACK and ECN come back as they were, the MSS never larger unless it was below the smallest */
UNIT(check__what_was_made, "check__what_was_made")
{
	u32 i, now, irs, tsval, clock;

	for (i = 0; i < 200000; i++) {
		struct xtcp_cookie cookie = random_cookie(), got;
		bool v4 = unit_random() & 1;
		struct xtcp_tuple tuple = random_tuple(v4);
		u16 least = v4 ? 536 : 1220;
		u32 iss;

		now = unit_random();
		irs = unit_random();
		clock = unit_random();
		new_secrets(now);
		iss = make(&tuple, irs, now, &cookie);
		tsval = xtcp_cookie_tsval(clock, cookie);
		UNIT_CHECK(clock - tsval <= XTCP_COOKIE_TS_MASK);
		UNIT_CHECK(check(&tuple, irs, iss, cookie.ts_ok ? &tsval : NULL, now, &got));
		UNIT_CHECK(got.ts_ok == cookie.ts_ok && got.wscale_ok == cookie.wscale_ok);
		UNIT_CHECK(got.sack_ok == (cookie.ts_ok && cookie.sack_ok));
		UNIT_CHECK(got.ecn_ok == (cookie.ts_ok && cookie.ecn_ok));
		UNIT_CHECK(cookie.mss < least ? got.mss == least : got.mss <= cookie.mss && got.mss >= least);
		UNIT_CHECK(cookie.ts_ok ? got.snd_wscale == cookie.snd_wscale : got.snd_wscale <= cookie.snd_wscale);
		UNIT_CHECK(make(&tuple, irs, now, &cookie) == iss);
	}
}

/* Timestamps are lost: what they carry is off, the shift is rounded down; a foreign TSecr gives the same. */
UNIT(check__without_timestamps, "check__without_timestamps")
{
	for (u32 i = 0; i < 20000; i++) {
		struct xtcp_cookie cookie = random_cookie(), got;
		struct xtcp_tuple tuple = random_tuple(i & 1);
		u32 now = unit_random(), iss, tsecr = unit_random(), shift = cookie.snd_wscale, said;

		shift = shift >= 8 ? 8 : shift == 7 ? 7 : 0;
		new_secrets(now);
		iss = make(&tuple, i, now, &cookie);
		UNIT_CHECK(check(&tuple, i, iss, NULL, now, &got));
		UNIT_CHECK(!got.ts_ok && !got.sack_ok && !got.ecn_ok);
		UNIT_CHECK(got.wscale_ok == cookie.wscale_ok && got.snd_wscale == shift);
		UNIT_CHECK(check(&tuple, i, iss, &tsecr, now, &got) && got.ts_ok);
		said = tsecr % 16;
		if (cookie.wscale_ok && said < 15 && (said >= 8 ? 8 : said == 7 ? 7 : 0) == shift)
			shift = said;
		UNIT_CHECK(got.wscale_ok == cookie.wscale_ok && got.snd_wscale == shift);
	}
}

/* common values come back exactly */
UNIT(check__common_mss, "check__common_mss")
{
	static const u16 v4[] = { 536, 1300, 1440, 1460 }, v6[] = { 1220, 1420, 1440, 8940 };

	new_secrets(5000);
	for (u32 i = 0; i < 8; i++) {
		struct xtcp_tuple tuple = random_tuple(i < 4);
		struct xtcp_cookie cookie = { .mss = i < 4 ? v4[i] : v6[i - 4] }, got;

		UNIT_CHECK(check(&tuple, 7, make(&tuple, 7, 5000, &cookie), NULL, 5000, &got));
		UNIT_CHECK(got.mss == cookie.mss && !got.wscale_ok && !got.ts_ok);
	}
}

/* good for what is left of its period and the next one, across every rotation; then never again */
UNIT(check__expiry, "check__expiry")
{
	for (u32 start = 0; start < 3 * EPOCH_S; start += 13) {
		struct xtcp_cookie cookie = random_cookie(), got;
		struct xtcp_tuple tuple = random_tuple(true);
		u32 made = 100000 * EPOCH_S + start;
		u32 tsval = xtcp_cookie_tsval(12345, cookie), iss;
		const u32 *tsecr = cookie.ts_ok ? &tsval : NULL;
		u32 life = 2 * XTCP_COOKIE_PERIOD_S - made % XTCP_COOKIE_PERIOD_S;

		new_secrets(made);
		iss = make(&tuple, 99, made, &cookie);
		for (u32 age = 0; age < 3 * EPOCH_S; age++) {
			rotate(made + age);
			UNIT_CHECK(check(&tuple, 99, iss, tsecr, made + age, &got) == (age < life));
		}
	}
}

/* a full turn of the period's octet later the old ISN is not good again */
UNIT(check__wrapped_period, "check__wrapped_period")
{
	u32 i, good = 0;

	for (i = 0; i < 10000; i++) {
		struct xtcp_cookie cookie = { .mss = 1460 }, got;
		struct xtcp_tuple tuple = random_tuple(true);
		u32 made = 50000000 + i, later = made + 256 * XTCP_COOKIE_PERIOD_S;
		u32 iss;

		new_secrets(made);
		iss = make(&tuple, i, made, &cookie);
		good += check(&tuple, i, iss, NULL, later, &got);	/* not even when the secret stayed */
	}
	UNIT_CHECK(good <= 3);
}

UNIT(check__idle_over_epochs, "check__idle_over_epochs")
{
	struct xtcp_cookie cookie = { .mss = 1460 }, got;
	struct xtcp_tuple tuple = random_tuple(true);
	u32 now = 1000 * EPOCH_S, iss;

	new_secrets(now);
	rotate(now + 7 * EPOCH_S);
	iss = make(&tuple, 1, now + 7 * EPOCH_S, &cookie);
	UNIT_CHECK(check(&tuple, 1, iss, NULL, now + 7 * EPOCH_S, &got));
}

/* every single changed bit of what the MAC covers makes it fail */
UNIT(check__tampering, "check__tampering")
{
	u32 passed = 0, tried = 0, i, bit;

	for (i = 0; i < 2000; i++) {
		struct xtcp_cookie cookie = random_cookie(), got;
		struct xtcp_tuple tuple = random_tuple(i & 1);
		u32 now = unit_random(), irs = unit_random(), iss, tsval;
		const u32 *tsecr;

		cookie.ts_ok = true;
		new_secrets(now);
		iss = make(&tuple, irs, now, &cookie);
		tsval = xtcp_cookie_tsval(unit_random(), cookie);
		tsecr = &tsval;
		UNIT_CHECK(check(&tuple, irs, iss, tsecr, now, &got));
		/* an IPv4 address has no other prefix */
		for (bit = xtcp_tuple_is_v4(&tuple) ? 96 : 0; bit < 8 * sizeof(tuple); bit++, tried++) {
			((u8 *)&tuple)[bit / 8] ^= 1 << bit % 8;
			passed += check(&tuple, irs, iss, tsecr, now, &got);
			((u8 *)&tuple)[bit / 8] ^= 1 << bit % 8;
		}
		for (bit = 0; bit < 32; bit++, tried += 2) {
			passed += check(&tuple, irs ^ 1U << bit, iss, tsecr, now, &got);
			passed += check(&tuple, irs, iss ^ 1U << bit, tsecr, now, &got);
		}
	}
	ksft_print_msg("%u of %u changed segments passed\n", passed, tried);
	UNIT_CHECK(passed <= 12);	/* one in 2^20 of those whose period still fits is expected */
}

/* the shift of another listener does not fit, unless no window is scaled (RFC 7323 section 2.2) */
UNIT(check__another_shift, "check__another_shift")
{
	u32 passed = 0, i;

	for (i = 0; i < 20000; i++) {
		struct xtcp_cookie cookie = random_cookie(), got;
		struct xtcp_tuple tuple = random_tuple(i & 1);
		u32 now = unit_random(), iss, tsval;
		const u32 *tsecr;

		our_wscale = unit_random() % 15;
		new_secrets(now);
		iss = make(&tuple, i, now, &cookie);
		tsval = xtcp_cookie_tsval(unit_random(), cookie);
		tsecr = cookie.ts_ok ? &tsval : NULL;
		UNIT_CHECK(check(&tuple, i, iss, tsecr, now, &got) && got.rcv_wscale == our_wscale);
		our_wscale = (our_wscale + 1 + unit_random() % 14) % 15;
		if (cookie.wscale_ok)
			passed += check(&tuple, i, iss, tsecr, now, &got);
		else
			UNIT_CHECK(check(&tuple, i, iss, tsecr, now, &got));
	}
	our_wscale = 0;
	UNIT_CHECK(passed <= 3);	/* one in 2^20 is expected */
}

/* 32 of 2^32 blind guesses are expected to pass; a forger who knows F and the period gets one in 2^20 */
UNIT(check__forged, "check__forged")
{
	struct xtcp_tuple tuple = random_tuple(true);
	struct xtcp_cookie cookie = { .mss = 1460 }, got;
	u32 now = 123456789, i, blind = 0, knowing = 0, base;

	new_secrets(now);
	base = make(&tuple, 0, now, &cookie) & 0xff000000;
	for (i = 0; i < 1U << 24; i++) {
		blind += check(&tuple, 0, unit_random(), NULL, now, &got);
		knowing += check(&tuple, 0, base + (unit_random() & 0xffffff), NULL, now, &got);
	}
	ksft_print_msg("%u of 2^24 blind and %u of 2^24 informed guesses passed\n", blind, knowing);
	UNIT_CHECK(blind <= 8);
	UNIT_CHECK(knowing >= 1 && knowing <= 64);
}

/* the ISN goes on growing from one incarnation to the next, with the peer's ISN and with time (RFC 6528) */
UNIT(make__grows, "make__grows")
{
	for (u32 i = 0; i < 20000; i++) {
		struct xtcp_tuple tuple = random_tuple(i & 1);
		struct xtcp_cookie cookie = random_cookie();
		u32 now = i * 37, irs = unit_random(), first, later, step = unit_random() >> 1;

		new_secrets(now);
		first = make(&tuple, irs, now, &cookie);
		UNIT_CHECK(make(&tuple, irs + step, now, &cookie) == first + step);
		rotate(now + XTCP_COOKIE_PERIOD_S);
		later = make(&tuple, irs, now + XTCP_COOKIE_PERIOD_S, &cookie);
		UNIT_CHECK((s32)(later - first) > 0);
	}
}

UNIT_MAIN
