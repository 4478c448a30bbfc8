/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The limit of the ACKs that answer unacceptable segments (RFC 5961 section 7): two ends cannot
 * answer each other's ACKs forever, and a guess costs little. Only this file writes the state, and
 * xtcp_reply_is_limited(), which keeps the same limit for a connection without a sock.
 */
#ifndef XTCP_ACKLIMIT_H
#define XTCP_ACKLIMIT_H

#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/types.h>

#define XTCP_ACKLIMIT_CHALLENGES	100U	/* challenge ACKs in a second, at most */

/**
 * struct xtcp_acklimit - when such ACKs left
 * @stamp: jiffies of the last one; 0: never
 * @second: jiffies at the beginning of the second in which @challenges left, the low half
 * @challenges: challenge ACKs in this second
 *
 * The socket lock guards it.
 */
struct xtcp_acklimit {
	u32 stamp;
	u16 second;
	u8 challenges;
};

/* Did the last such ACK leave less than @apart jiffies ago? */
static inline bool xtcp_acklimit_is_early(const struct xtcp_acklimit *limit, u32 now, u32 apart)
{
	return limit->stamp && now - limit->stamp < apart;
}

static inline void xtcp_acklimit_sent(struct xtcp_acklimit *limit, u32 now)
{
	limit->stamp = now;
}

/* Return: true when a challenge ACK may leave, and has been counted. */
static inline bool xtcp_acklimit_challenge(struct xtcp_acklimit *limit, u32 now)
{
	BUILD_BUG_ON(HZ > U16_MAX);
	/* without an ACK for a second, the low half may have wrapped */
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

#endif /* XTCP_ACKLIMIT_H */
