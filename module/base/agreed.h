/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options on which the two SYNs agree. Other files report what the SYNs contain; only this file
 * writes the struct.
 */
#ifndef XTCP_AGREED_H
#define XTCP_AGREED_H

#include <linux/minmax.h>
#include <linux/types.h>

/**
 * struct xtcp_agreed - the options of the SYNs (RFC 9293 section 3.7.1, RFC 7323, RFC 2018)
 * @mss_clamp: the peer's MSS option, or the default; at most TCP_MAXSEG
 * @advmss: our MSS option
 * @snd_wscale: shift of the peer's window
 * @wscale_ok: both ends sent window scale. Before the peer's SYN, this field and the next two say
 *	what we offer
 * @ts_ok: both sent timestamps (Snd.TS.OK of RFC 7323 section 3.2)
 * @sack_ok: both sent SACK-permitted (RFC 2018)
 * @ack_rate_ok: both ends know the ACK Rate Request option (draft-ietf-tcpm-ack-rate-request-10).
 *	Before the peer's SYN, this field says that our SYN offers the option
 *
 * The socket lock guards the struct. After the handshake the struct is constant.
 */
struct xtcp_agreed {
	u16 mss_clamp;
	u16 advmss;
	u8 snd_wscale;
	bool wscale_ok;
	bool ts_ok;
	bool sack_ok : 1;
	bool ack_rate_ok : 1;
};

/* @user: TCP_MAXSEG; 0: not set */
static inline void xtcp_agreed_peer_mss(struct xtcp_agreed *agreed, u16 mss, u16 user)
{
	agreed->mss_clamp = min_not_zero(user, mss);
}

static inline void xtcp_agreed_our_mss(struct xtcp_agreed *agreed, u16 mss, u16 user)
{
	agreed->advmss = min_not_zero(user, mss);
}

/*
 * Store the options that our SYN offers or, later, the options that both SYNs have. @shift: the
 * peer's window shift; 0 before the peer's SYN has come; not used without @wscale
 */
static inline void xtcp_agreed_options(struct xtcp_agreed *agreed, bool wscale, u8 shift, bool ts, bool sack)
{
	agreed->wscale_ok = wscale;
	agreed->snd_wscale = wscale ? shift : 0;
	agreed->ts_ok = ts;
	agreed->sack_ok = sack;
}

/*
 * @ok: before the peer's SYN has come, our SYN offers the ACK Rate Request option; later, both SYNs
 * have the option
 */
static inline void xtcp_agreed_ack_rate(struct xtcp_agreed *agreed, bool ok)
{
	agreed->ack_rate_ok = ok;
}

#endif /* XTCP_AGREED_H */
