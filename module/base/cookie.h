/* SPDX-License-Identifier: GPL-2.0 */
/* SYN cookies: an ISN that carries a MAC and the options of a SYN. Uses no sock and no clock. */
#ifndef XTCP_COOKIE_H
#define XTCP_COOKIE_H

#include <linux/siphash.h>
#include <linux/types.h>

struct xtcp_tuple;

/* seconds; the ISN grows by 2^24 per period, which is 1 per 3.8 us (RFC 6528: 1 per 4 us) */
#define XTCP_COOKIE_PERIOD_S	64U
#define XTCP_COOKIE_PERIODS	8U	/* number of periods that one secret serves */
#define XTCP_COOKIE_TS_MASK	63U	/* mask: the bits of TSval that carry options */

/**
 * struct xtcp_cookie_secrets - the current secret and the previous one
 * @key: indexed by the lowest bit of the epoch
 * @epoch: the latest epoch for which a key was drawn
 */
struct xtcp_cookie_secrets {
	siphash_key_t key[2];
	u32 epoch;
};

/**
 * struct xtcp_cookie - the options of a SYN that a cookie carries
 * @mss: the peer's MSS option or the default, octets. A cookie stores one of four values: the
 *	greatest that is at most @mss or, if @mss is less than all four, the least
 * @snd_wscale: the peer's shift, at most 14; without @ts_ok, decoding rounds it down
 * @rcv_wscale: the shift of our listener. A cookie does not store it, but its MAC covers it if
 *	@wscale_ok. So a listener does not believe a cookie that came with another shift
 * @wscale_ok: window scaling is in use
 * @ts_ok: timestamps are in use
 * @sack_ok: SACK is in use; false without @ts_ok
 * @ecn_ok: ECN is in use; false without @ts_ok
 */
struct xtcp_cookie {
	u16 mss;
	u8 snd_wscale;
	u8 rcv_wscale;
	bool wscale_ok : 1;
	bool ts_ok : 1;
	bool sack_ok : 1;
	bool ecn_ok : 1;
};

u32 xtcp_cookie_epoch(u32 now);
u32 xtcp_cookie_make(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash, u32 irs,
		     u32 now, struct xtcp_cookie cookie);
u32 xtcp_cookie_tsval(u32 clock, struct xtcp_cookie cookie);
bool xtcp_cookie_check(const struct xtcp_cookie_secrets *secrets, const struct xtcp_tuple *tuple, u64 hash, u32 irs,
		       u32 iss, const u32 *tsecr, u32 now, struct xtcp_cookie *cookie);

#endif /* XTCP_COOKIE_H */
