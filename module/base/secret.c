// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of a namespace, and what is derived from them; the checksum of a segment; the shards of
 * a namespace, parts of its records and orphans with a lock for each; the index for xtcp_net().
 *
 * The keys are drawn at the first use of the namespace and wiped at its exit. The keys of timestamp
 * offsets and of tuples (demux.c) stay the same for its life, since timestamps and ISNs have to
 * grow from one incarnation of a connection to the next.
 *
 * SYN cookies: the ISN of a SYN-ACK carries enough to make a connection without a half-open entry.
 *
 * ISN = F(tuple) + IRS + (period << 24) + 24 bits, modulo 2^32. F is one half of a 64-bit hash with
 * a constant key. A period is 64 seconds; its number is the clock that RFC 6528 section 3 demands.
 * IRS is added and is not part of the MAC, so the ISN grows as the peer's ISN grows. Four of the 24
 * bits are options. The other twenty are a MAC over the whole hash (for the tuple), the period and
 * these options. The ISN grows from period to period, which adds 2^24: the 24 bits change by less.
 *
 * Two of the four option bits are the MSS. The other two are the window scale, rounded down: a
 * smaller shift only makes the peer's window look smaller. With timestamps, the lowest six bits of
 * TSval carry the whole window scale, SACK and ECN, and the peer echoes them. Else SACK and ECN
 * are off. The MAC does not cover TSval: an ACK that has lost its timestamps on the way still opens
 * the connection. A peer that changes the bits deceives only itself.
 *
 * Our own shift is not stored, since the listener that gets the ACK has it. The MAC covers it: the
 * SYN-ACK fixes the shift (RFC 7323 section 2.2), and may be a former listener's with another one.
 *
 * A check accepts cookies of two periods, each with 16 values of the four bits: for one tuple 32 of
 * the 2^32 possible ISNs. It computes exactly one MAC, so its duration reveals nothing.
 *
 * A secret serves eight periods (an epoch), and the period of a cookie selects its secret. In each
 * epoch the first cookie draws a new key; that of the previous epoch is kept for checks.
 */
#include "base/base.h"

#include <linux/random.h>
#include <net/ip6_checksum.h>

#include "lookup/lookup.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

#define MAC_BITS	20
#define MAC_MASK	((1U << MAC_BITS) - 1)
#define FIELD_MASK	0xffffffU
#define SCALE_CLASS	3U	/* mask: the low two of the four bits of options are the class of the shift */

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

/* Computes the MAC. @data: the four bits of the ISN. @rcv_wscale: the listener's shift. */
static u32 mac(const struct xtcp_cookie_secrets *secrets, u64 hash, u32 period, u32 data, u8 rcv_wscale)
{
	const siphash_key_t *key = &secrets->key[period / XTCP_COOKIE_PERIODS & 1];
	u32 options = data | (data & SCALE_CLASS ? rcv_wscale : 0U) << 4;

	/* only two tuples may have equal inputs, and so MACs; to find such, one has to know their secret hashes */
	return (u32)siphash_1u64(hash ^ ((u64)period << 32 | options), key) & MAC_MASK;
}

/* The epoch of a new cookie: XTCP_COOKIE_PERIODS periods, whose secret must exist before. */
static u32 xtcp_cookie_epoch(u32 now)
{
	return now / XTCP_COOKIE_PERIOD_S / XTCP_COOKIE_PERIODS;
}

/*
 * Makes the ISN of a SYN-ACK (RFC 4987 section 3.6, RFC 6528 section 3). @secrets have the key of
 * xtcp_cookie_epoch(@now). @hash: xtcp_tuple_hash() of @tuple, with a constant key.
 */
static u32 xtcp_cookie_make(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash,
			    u32 irs, u32 now, struct xtcp_cookie cookie)
{
	u32 period = now / XTCP_COOKIE_PERIOD_S;
	u32 data = mss_index(tuple, cookie.mss) << 2 | scale_class(cookie);

	return (u32)hash + irs + (period << 24) +
	       (data << MAC_BITS | mac(secrets, hash, period, data, cookie.rcv_wscale));
}

/*
 * Is this an ISN of xtcp_cookie_make() in this period or the one before? @tsecr: TSecr of the
 * segment; NULL: it has no timestamps, even if the SYN had. @cookie: rcv_wscale is the listener's
 * shift; the other fields receive the options of the SYN, if true is returned.
 */
static bool xtcp_cookie_check(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash,
			      u32 irs, u32 iss, const u32 *tsecr, u32 now, struct xtcp_cookie *cookie)
{
	u32 field = iss - (u32)hash - irs;
	u32 period = now / XTCP_COOKIE_PERIOD_S;
	u32 age = (period - (field >> 24)) & 0xff;
	u32 data = (field & FIELD_MASK) >> MAC_BITS;
	u32 bits = tsecr ? *tsecr & XTCP_COOKIE_TS_MASK : XTCP_COOKIE_NO_SCALE;
	u32 wrong;

	cookie->mss = mss_table(tuple)[data >> 2];
	cookie->ts_ok = !!tsecr;
	cookie->sack_ok = bits & XTCP_COOKIE_TS_SACK;
	cookie->ecn_ok = bits & XTCP_COOKIE_TS_ECN;
	cookie->wscale_ok = data & SCALE_CLASS;
	cookie->snd_wscale = cookie->wscale_ok ? bits & XTCP_COOKIE_TS_SCALE : 0;
	/* TSecr is missing, or is not ours: the ISN knows the shift roughly */
	if (cookie->snd_wscale == XTCP_COOKIE_NO_SCALE || scale_class(*cookie) != (data & SCALE_CLASS))
		cookie->snd_wscale = scale_of_class[data & SCALE_CLASS];
	wrong = mac(secrets, hash, period - (age & 1), data, cookie->rcv_wscale) ^ (field & MAC_MASK);
	return !(wrong | (age & ~1U));
}

/* Arithmetic ends. */

unsigned int xtcp_net_id;

unsigned int xtcp_shard_mask __read_mostly;

/* Is the checksum right (RFC 9293 section 3.1, MUST-3)? skb->data is at the TCP header. Softirq. */
bool xtcp_checksum_ok(struct sk_buff *skb)
{
	bool wrong;

	if (skb->protocol == htons(ETH_P_IP))
		wrong = skb_checksum_init(skb, IPPROTO_TCP, inet_compute_pseudo);
	else
		wrong = skb_checksum_init(skb, IPPROTO_TCP, ip6_compute_pseudo);
	return !wrong && (skb_csum_unnecessary(skb) || !__skb_checksum_complete(skb));
}

/* At the first use of a namespace: draws its keys, and makes its shards. Return: 0 or -ENOMEM. */
static int secret_net_init(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;
	unsigned int i;

	get_random_bytes(&xn->ts_key, sizeof(xn->ts_key));
	get_random_bytes(&rest->port_key, sizeof(rest->port_key));
	seqlock_init(&rest->cookie_lock);
	get_random_bytes(rest->cookie.key, sizeof(rest->cookie.key));
	rest->cookie.epoch = xtcp_cookie_epoch(xtcp_clock_seconds());
	xn->shards = kcalloc(xtcp_shard_mask + 1, sizeof(*xn->shards), GFP_KERNEL_ACCOUNT);
	if (!xn->shards)
		return -ENOMEM;
	for (i = 0; i <= xtcp_shard_mask; i++) {
		spin_lock_init(&xn->shards[i].lock);
		INIT_LIST_HEAD(&xn->shards[i].orphans);
		xn->shards[i].xn = xn;
	}
	return 0;
}

/* No more segments arrive in the namespace, and no orphan and no record is left: wipes the keys. */
static void secret_net_exit(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	kfree(xn->shards);
	xn->shards = NULL;
	memzero_explicit(&xn->ts_key, sizeof(xn->ts_key));
	memzero_explicit(&rest->port_key, sizeof(rest->port_key));
	memzero_explicit(&rest->cookie, sizeof(rest->cookie));
}

const struct xtcp_net_part xtcp_secret_part = { secret_net_init, secret_net_exit };

/**
 * xtcp_secret_ts_offset() - derive the offset that is added to the clock in TSvals, ms
 * @xn: the namespace
 * @tuple: the connection. Only its addresses count: the TSvals of all connections between two hosts
 *	come from the same growing clock (RFC 7323 section 5.4, RFC 6191)
 * Context: any.
 */
u32 xtcp_secret_ts_offset(const struct xtcp_net *xn, const struct xtcp_tuple *tuple)
{
	struct xtcp_tuple hosts = *tuple;

	hosts.lport = 0;
	hosts.fport = 0;
	return (u32)xtcp_tuple_hash(&hosts, &xn->ts_key);
}

/**
 * xtcp_secret_active() - derive the ISN and the timestamp offset of an active open
 * @xn: the namespace
 * @tuple: the connection
 * @iss: receives the ISN: a clock plus a keyed hash of the tuple (RFC 6528 section 3; RFC 9293
 *	section 3.4.1, MUST-8 and SHLD-1)
 * @ts_offset: receives the offset, milliseconds
 *
 * Kernel TCP may have used the tuple before. A peer in TIME-WAIT accepts only a SYN with a greater
 * sequence number or timestamp (RFC 9293 section 3.6.1, MAY-2; RFC 6191). So both values come from
 * kernel TCP, if it gives them. Its offset is 0 unless net.ipv4.tcp_timestamps is 1.
 * Context: any.
 */
void xtcp_secret_active(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, u32 *iss, u32 *ts_offset)
{
	if (xtcp_compat_seq_and_ts_off(xn->net, tuple, iss, ts_offset))
		return;
	*iss = (u32)xtcp_tuple_hash(tuple, &xn->tuple_key) + (u32)(xtcp_clock_us() >> 2);
	*ts_offset = xtcp_secret_ts_offset(xn, tuple);
}

/* Draws the key of @epoch, once. Not inlined: only the first SYN of an epoch needs stack for it. */
static noinline_for_stack void rotate(struct xtcp_rest *rest, u32 epoch)
{
	siphash_key_t key;

	get_random_bytes(&key, sizeof(key));
	write_seqlock_bh(&rest->cookie_lock);
	if ((s32)(epoch - rest->cookie.epoch) > 0) {
		rest->cookie.key[epoch & 1] = key;
		WRITE_ONCE(rest->cookie.epoch, epoch);
	}
	write_sequnlock_bh(&rest->cookie_lock);
	memzero_explicit(&key, sizeof(key));
}

/**
 * xtcp_secret_cookie() - make a SYN cookie, the ISN of a SYN-ACK
 * @xn: the namespace; the first call in an epoch draws the key of the epoch
 * @key: the connection
 * @irs: SEG.SEQ of the SYN
 * @cookie: the options of the SYN
 * Context: any.
 */
u32 xtcp_secret_cookie(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, struct xtcp_cookie cookie)
{
	const u32 now = xtcp_clock_seconds();
	struct xtcp_rest *rest = xn->rest;
	unsigned int seq;
	u32 iss;

	if (unlikely((s32)(xtcp_cookie_epoch(now) - READ_ONCE(rest->cookie.epoch)) > 0))
		rotate(rest, xtcp_cookie_epoch(now));
	do {
		seq = read_seqbegin(&rest->cookie_lock);
		iss = xtcp_cookie_make(&rest->cookie, &key->tuple, key->hash, irs, now, cookie);
	} while (read_seqretry(&rest->cookie_lock, seq));
	return iss;
}

/**
 * xtcp_secret_cookie_check() - does an ACK acknowledge an ISN of xtcp_secret_cookie()?
 * @xn: the namespace
 * @key: the connection
 * @irs: SEG.SEQ - 1
 * @iss: SEG.ACK - 1, valid for at most 128 seconds after the SYN-ACK
 * @tsecr: TSecr of the segment; NULL without timestamps
 * @cookie: as for xtcp_cookie_check()
 * Context: any.
 */
bool xtcp_secret_cookie_check(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, u32 iss, const u32 *tsecr,
			      struct xtcp_cookie *cookie)
{
	const u32 now = xtcp_clock_seconds();
	struct xtcp_rest *rest = xn->rest;
	unsigned int seq;
	bool ok;

	do {
		seq = read_seqbegin(&rest->cookie_lock);
		ok = xtcp_cookie_check(&rest->cookie, &key->tuple, key->hash, irs, iss, tsecr, now, cookie);
	} while (read_seqretry(&rest->cookie_lock, seq));
	return ok;
}
