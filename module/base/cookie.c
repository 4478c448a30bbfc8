// SPDX-License-Identifier: GPL-2.0
/*
 * SYN cookies: the ISN of a SYN-ACK carries enough to recreate a connection whose half-open entry
 * was dropped or never made.
 *
 * ISN = F(tuple) + IRS + (period << 24) + 24 bits, modulo 2^32. F is one half of a 64-bit hash with
 * a constant key. A period is 64 seconds; its number is the clock that RFC 6528 section 3 demands.
 * IRS is added and is not part of the MAC, so the ISN grows as the peer's ISN grows. Four of the 24
 * bits are options. The other twenty are a MAC over the whole hash (which represents the tuple),
 * the period and these options. The ISN grows from period to period: a period adds 2^24, and the 24
 * bits change by less than that.
 *
 * Two of the four option bits are the MSS. The other two are the window scale, rounded down: a
 * smaller shift only makes the peer's window look smaller. With timestamps, the lowest six bits of
 * TSval carry the whole window scale, SACK and ECN, and the peer echoes them. Without timestamps,
 * SACK and ECN are off. The MAC does not cover TSval: an ACK that has lost its timestamps on the way
 * still opens the connection. A peer that changes the bits deceives only itself.
 *
 * Our own shift is not stored, since the listener that gets the ACK has it. The MAC covers it. So
 * an ACK is refused if it answers the SYN-ACK of a former listener with another shift: the SYN-ACK
 * fixes the shift (RFC 7323 section 2.2).
 *
 * A check accepts cookies of two periods, each with 16 values of the four bits. So for one tuple it
 * accepts 2 * 16 = 32 of the 2^32 possible ISNs. Each check computes exactly one MAC, so the
 * duration of a check reveals nothing.
 *
 * A secret serves eight periods (an epoch), and the period of a cookie selects its secret. The
 * secret of the previous epoch is kept, so a cookie can be checked until it expires.
 */
#include "base/cookie.h"

#include "base/wire.h"

#define MAC_BITS	20
#define MAC_MASK	((1U << MAC_BITS) - 1)
#define FIELD_MASK	0xffffffU
#define SCALE_CLASS	3U	/* mask: the low two of the four bits of options are the class of the shift */
#define TS_SCALE	15U	/* mask: the low four bits of TSval are the shift */
#define NO_SCALE	15U	/* greater than any shift: window scaling is off */
#define TS_SACK		16U	/* bit of TSval: SACK is permitted */
#define TS_ECN		32U	/* bit of TSval: ECN is agreed */

static const u16 mss_v4[4] = { 536, 1300, 1440, 1460 };
static const u16 mss_v6[4] = { 1220, 1420, 1440, 8940 };

/* The window scale shifts that a cookie can store without timestamps; class 0 means no scaling. */
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

/* Computes the MAC. @data: the four bits of the ISN. @rcv_wscale: the listener's shift. */
static u32 mac(const struct xtcp_cookie_secrets *secrets, u64 hash, u32 period, u32 data, u8 rcv_wscale)
{
	const siphash_key_t *key = &secrets->key[period / XTCP_COOKIE_PERIODS & 1];
	u32 options = data | (data & SCALE_CLASS ? rcv_wscale : 0U) << 4;

	/*
	 * For one tuple, each period and set of options gives SipHash a different input. Two tuples
	 * may have equal inputs, and then equal MACs. To find such tuples, an attacker would have
	 * to know their hashes, which are secret.
	 */
	return (u32)siphash_1u64(hash ^ ((u64)period << 32 | options), key) & MAC_MASK;
}

/**
 * xtcp_cookie_epoch() - get the epoch of a new cookie; the epoch selects the secret
 * @now: seconds
 *
 * Context: any.
 *
 * Return: the number of the epoch. An epoch lasts %XTCP_COOKIE_PERIODS periods. The secret of an
 * epoch must exist before a cookie of the epoch is made.
 */
u32 xtcp_cookie_epoch(u32 now)
{
	return now / XTCP_COOKIE_PERIOD_S / XTCP_COOKIE_PERIODS;
}

/**
 * xtcp_cookie_make() - make the ISN of a SYN-ACK
 * @secrets: contains the key of xtcp_cookie_epoch(@now)
 * @tuple: the connection
 * @hash: xtcp_tuple_hash() of @tuple, with a constant key
 * @irs: SEG.SEQ of the SYN
 * @now: seconds
 * @cookie: the options of the SYN
 *
 * RFC 4987 section 3.6, RFC 6528 section 3.
 *
 * Context: any.
 *
 * Return: the ISN; within a period, the same arguments give the same ISN.
 */
u32 xtcp_cookie_make(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash, u32 irs,
		     u32 now, struct xtcp_cookie cookie)
{
	u32 period = now / XTCP_COOKIE_PERIOD_S;
	u32 data = mss_index(tuple, cookie.mss) << 2 | scale_class(cookie);

	return (u32)hash + irs + (period << 24) +
	       (data << MAC_BITS | mac(secrets, hash, period, data, cookie.rcv_wscale));
}

/**
 * xtcp_cookie_tsval() - make the TSval of a SYN-ACK
 * @clock: the timestamp clock, with its offset
 * @cookie: the options of the SYN
 *
 * Context: any.
 *
 * Return: the latest TSval that is not after @clock and whose lowest bits carry the options.
 */
u32 xtcp_cookie_tsval(u32 clock, struct xtcp_cookie cookie)
{
	u32 tsval = (clock & ~XTCP_COOKIE_TS_MASK) | ts_bits(cookie);

	return (s32)(tsval - clock) > 0 ? tsval - XTCP_COOKIE_TS_MASK - 1 : tsval;
}

/**
 * xtcp_cookie_check() - decode a cookie: does an ACK acknowledge an ISN of ours?
 * @secrets: as for xtcp_cookie_make()
 * @tuple: the connection
 * @hash: as for xtcp_cookie_make()
 * @irs: SEG.SEQ - 1
 * @iss: SEG.ACK - 1
 * @tsecr: TSecr of the segment; NULL: the segment has no timestamps, even if the SYN had
 * @now: seconds
 * @cookie: rcv_wscale is the listener's shift; the other fields receive the options of the SYN, and
 *	are valid when true is returned
 *
 * Context: any.
 *
 * Return: true for an ISN that xtcp_cookie_make() made in this period or in the previous period,
 * with the same rcv_wscale if window scaling is in use.
 */
bool xtcp_cookie_check(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash, u32 irs,
		       u32 iss, const u32 *tsecr, u32 now, struct xtcp_cookie *cookie)
{
	u32 field = iss - (u32)hash - irs;
	u32 period = now / XTCP_COOKIE_PERIOD_S;
	u32 age = (period - (field >> 24)) & 0xff;
	u32 data = (field & FIELD_MASK) >> MAC_BITS;
	u32 bits = tsecr ? *tsecr & XTCP_COOKIE_TS_MASK : NO_SCALE;
	u32 wrong;

	cookie->mss = mss_table(tuple)[data >> 2];
	cookie->ts_ok = !!tsecr;
	cookie->sack_ok = bits & TS_SACK;
	cookie->ecn_ok = bits & TS_ECN;
	cookie->wscale_ok = data & SCALE_CLASS;
	cookie->snd_wscale = cookie->wscale_ok ? bits & TS_SCALE : 0;
	/* TSecr is missing, or is not ours: the ISN knows the shift roughly */
	if (cookie->snd_wscale == NO_SCALE || scale_class(*cookie) != (data & SCALE_CLASS))
		cookie->snd_wscale = scale_of_class[data & SCALE_CLASS];
	wrong = mac(secrets, hash, period - (age & 1), data, cookie->rcv_wscale) ^ (field & MAC_MASK);
	return !(wrong | (age & ~1U));
}
