// SPDX-License-Identifier: GPL-2.0
/*
 * The cookie codec: the ISN of a SYN-ACK from which the connection can be made again when its entry is gone.
 *
 * ISN = F(tuple) + IRS + period << 24 + 24 bits, modulo 2^32. F is half of a keyed hash of 64 bits that never changes,
 * the period counts 64 seconds: RFC 6528 section 3 with the clock in the upper octet. IRS makes it grow when the peer's
 * ISN does, octet by octet, so it is not in the MAC. The 24 bits are four of options and twenty of a MAC over the whole
 * hash, in place of the tuple, the period and all options; from one period to the next they can fall by less than the
 * period adds.
 *
 * With timestamps window scale, SACK and ECN stand in the lowest six bits of TSval, which the peer echoes; without, two
 * of the four bits say the scale roughly (a shift rounded down only makes the peer's window look smaller), and nothing
 * says the others. Two periods are believed, so of 2^32 blind guesses for one tuple 32 pass. Every check makes one MAC,
 * whatever it finds.
 *
 * Period and secret: a secret serves eight periods, and the key of a cookie follows from its period, so the one before
 * stays valid until its last cookie is too old.
 */
#include "pure/cookie.h"

#include "pure/tuple.h"

#define MAC_BITS	20
#define MAC_MASK	((1U << MAC_BITS) - 1)
#define FIELD_MASK	0xffffffU
#define TS_SCALE	15U	/* in TSval: the shift */
#define NO_SCALE	15U	/* more than any */
#define TS_SACK		16U
#define TS_ECN		32U

static const u16 mss_v4[4] = { 536, 1300, 1440, 1460 };
static const u16 mss_v6[4] = { 1220, 1360, 1420, 1440 };

/* Shifts that are told apart without timestamps; class 0 is "no scaling". */
static const u8 scale_of_class[4] = { 0, 0, 7, 8 };

static const u16 *mss_table(const struct xtcp_tuple *tuple)
{
	return xtcp_tuple_is_v4(tuple) ? mss_v4 : mss_v6;
}

static u32 mss_index(const struct xtcp_tuple *tuple, u16 mss)
{
	const u16 *table = mss_table(tuple);
	u32 i = 3;

	while (i && mss < table[i])
		i--;
	return i;
}

static u32 scale_class(struct xtcp_cookie cookie)
{
	if (!cookie.wscale_ok)
		return 0;
	return cookie.snd_wscale >= 8 ? 3 : cookie.snd_wscale == 7 ? 2 : 1;
}

static u32 ts_bits(struct xtcp_cookie cookie)
{
	return (cookie.wscale_ok ? cookie.snd_wscale : NO_SCALE) | (cookie.sack_ok ? TS_SACK : 0) |
	       (cookie.ecn_ok ? TS_ECN : 0);
}

static u32 mac(const struct xtcp_cookie_secrets *secrets, u64 hash, u32 period, u32 data, bool ts_ok, u32 bits)
{
	const siphash_key_t *key = &secrets->key[period / XTCP_COOKIE_PERIODS & 1];
	u32 options = data | bits << 8 | (u32)ts_ok << 16;

	/* in one word: of one tuple no two are alike; of two tuples nobody knows, who does not know their hashes */
	return (u32)siphash_1u64(hash ^ ((u64)period << 32 | options), key) & MAC_MASK;
}

/**
 * xtcp_cookie_epoch() - which secret a cookie made now uses
 * @now: seconds
 *
 * Context: any.
 *
 * Return: the number of the epoch; its key has to be drawn before the first cookie of the epoch is made.
 */
u32 xtcp_cookie_epoch(u32 now)
{
	return now / XTCP_COOKIE_PERIOD_S / XTCP_COOKIE_PERIODS;
}

/**
 * xtcp_cookie_make() - the ISN of a SYN-ACK
 * @secrets: the key of xtcp_cookie_epoch(@now) is in it
 * @tuple: the connection
 * @hash: its xtcp_tuple_hash(), by a key that never changes
 * @irs: SEG.SEQ of the SYN
 * @now: seconds
 * @cookie: the options of the SYN
 *
 * RFC 4987 section 3.6, RFC 6528 section 3.
 *
 * Context: any.
 *
 * Return: the ISN; the same for the same arguments within a period.
 */
u32 xtcp_cookie_make(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash, u32 irs,
		     u32 now, struct xtcp_cookie cookie)
{
	u32 period = now / XTCP_COOKIE_PERIOD_S;
	u32 data = mss_index(tuple, cookie.mss) << 2 | scale_class(cookie);
	u32 bits = cookie.ts_ok ? ts_bits(cookie) : 0;

	return (u32)hash + irs + (period << 24) +
	       (data << MAC_BITS | mac(secrets, hash, period, data, cookie.ts_ok, bits));
}

/**
 * xtcp_cookie_tsval() - the TSval of a SYN-ACK
 * @clock: what it would be otherwise
 * @cookie: the options of the SYN
 *
 * Context: any.
 *
 * Return: the latest value not after @clock whose lowest bits carry the options.
 */
u32 xtcp_cookie_tsval(u32 clock, struct xtcp_cookie cookie)
{
	u32 tsval = (clock & ~XTCP_COOKIE_TS_MASK) | ts_bits(cookie);

	return (s32)(tsval - clock) > 0 ? tsval - XTCP_COOKIE_TS_MASK - 1 : tsval;
}

/**
 * xtcp_cookie_check() - does an ACK acknowledge an ISN of ours, and what did the SYN say
 * @secrets: as for xtcp_cookie_make()
 * @tuple: the connection
 * @hash: as for xtcp_cookie_make()
 * @irs: SEG.SEQ - 1
 * @iss: SEG.ACK - 1
 * @tsecr: TSecr of the segment, NULL: it has no timestamps
 * @now: seconds
 * @cookie: filled when it does
 *
 * Context: any.
 *
 * Return: true for an ISN that xtcp_cookie_make() made in this period or the one before.
 */
bool xtcp_cookie_check(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash, u32 irs,
		       u32 iss, const u32 *tsecr, u32 now, struct xtcp_cookie *cookie)
{
	u32 field = iss - (u32)hash - irs;
	u32 period = now / XTCP_COOKIE_PERIOD_S;
	u32 age = (period - (field >> 24)) & 0xff;
	u32 data = (field & FIELD_MASK) >> MAC_BITS;
	u32 bits = tsecr ? *tsecr & XTCP_COOKIE_TS_MASK : 0;
	u32 wrong = mac(secrets, hash, period - (age & 1), data, !!tsecr, bits) ^ (field & MAC_MASK);

	cookie->mss = mss_table(tuple)[data >> 2];
	cookie->ts_ok = !!tsecr;
	cookie->sack_ok = bits & TS_SACK;
	cookie->ecn_ok = bits & TS_ECN;
	cookie->wscale_ok = tsecr ? (bits & TS_SCALE) != NO_SCALE : !!(data & 3);
	cookie->snd_wscale = !cookie->wscale_ok ? 0 : tsecr ? bits & TS_SCALE : scale_of_class[data & 3];
	return !(wrong | (age & ~1U));
}
