/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits the ACKs that answer unacceptable segments (RFC 5961 section 7). Without a limit, two ends
 * could answer each other's ACKs forever, and each wrong guess of an attacker would cost an ACK.
 * Only this file and acklimit.c write the state. xtcp_acklimit_refuses() also applies the limit to
 * connections without a sock.
 */
#ifndef XTCP_ACKLIMIT_H
#define XTCP_ACKLIMIT_H

#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/types.h>

struct xtcp_net;
struct xtcp_seg;

#define XTCP_ACKLIMIT_CHALLENGES	100U	/* maximum number of challenge ACKs per second */

/**
 * struct xtcp_acklimit - when unacceptable segments were answered
 * @stamp: jiffies of the last answer; 0: never
 * @second: start of the second to which @challenges belongs; low 16 bits of jiffies
 * @challenges: challenge ACKs in that second
 *
 * The socket lock guards this struct.
 */
struct xtcp_acklimit {
	u32 stamp;
	u16 second;
	u8 challenges;
};

/* Did the last answer leave less than @apart jiffies ago? */
static inline bool xtcp_acklimit_is_early(const struct xtcp_acklimit *limit, u32 now, u32 apart)
{
	return limit->stamp && now - limit->stamp < apart;
}

static inline void xtcp_acklimit_sent(struct xtcp_acklimit *limit, u32 now)
{
	limit->stamp = now;
}

/* May a challenge ACK leave? If so, count it. */
static inline bool xtcp_acklimit_challenge(struct xtcp_acklimit *limit, u32 now)
{
	BUILD_BUG_ON(HZ > U16_MAX);
	/*
	 * limit->second has only 16 bits, which may have wrapped since the last answer; so test
	 * limit->stamp, too
	 */
	if (now - limit->stamp >= HZ || (u16)(now - limit->second) >= HZ) {
		limit->second = now;
		limit->challenges = 0;
	}
	if (limit->challenges >= XTCP_ACKLIMIT_CHALLENGES)
		return false;
	limit->challenges++;
	limit->stamp = now;
	return true;
}

/* Without a lock; xtcp_acklimit_refuses() may let one answer too many pass. */
bool xtcp_acklimit_refuses(struct xtcp_net *xn, const struct xtcp_seg *seg, int field, u32 *stamp);
bool xtcp_acklimit_net_challenge(struct xtcp_net *xn);

#endif /* XTCP_ACKLIMIT_H */
