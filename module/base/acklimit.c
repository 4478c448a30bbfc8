// SPDX-License-Identifier: GPL-2.0
/*
 * Limits the answers to unacceptable segments where the namespace sets the limit (RFC 5961 section
 * 7). acklimit.h has the limits of one sock.
 */
#include "base/acklimit.h"

#include <linux/atomic.h>
#include <linux/random.h>
#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/wire.h"
#include "sight/sight.h"

/**
 * xtcp_acklimit_refuses() - is it too early for another answer to an unacceptable segment?
 * @xn: the namespace
 * @seg: the segment; a segment with text or FIN, but without SYN and RST, is always answered
 * @field: LINUX_MIB_TCPACKSKIPPED*, increased when the answer is skipped
 * @stamp: when the limit last allowed an answer for this connection, in jiffies; 0: never. Updated
 *	when the limit allows this answer
 *
 * Like Linux's tcp_invalid_ratelimit, this limit keeps two ends from answering each other forever.
 * A RST with text is limited, too: its source address may be forged, and the answer would go to a
 * victim.
 *
 * Context: softirq or process. If two processors use the same @stamp at the same time, one answer
 * too many may be sent.
 *
 * Return: true when no answer may be sent.
 */
bool xtcp_acklimit_refuses(struct xtcp_net *xn, const struct xtcp_seg *seg, int field, u32 *stamp)
{
	u32 now = xtcp_clock_stamp();
	u32 last = READ_ONCE(*stamp);

	if (seg->seq != seg->end_seq && !(seg->flags & (XTCP_SYN | XTCP_RST)))
		return false;
	if (last && now - last < (u32)READ_ONCE(xn->sysctl.invalid_ratelimit)) {
		XTCP_NET_INC_STATS(xn, field);
		return true;
	}
	WRITE_ONCE(*stamp, now);
	return false;
}

/**
 * xtcp_acklimit_net_challenge() - does the namespace's limit allow another challenge ACK?
 * @xn: the namespace
 *
 * RFC 5961 section 7 asks for a limit on challenge ACKs. Each connection has such a limit, and
 * challenge_ack_limit adds a limit for all connections of the namespace. With an exact shared
 * limit, an attacker could count the challenge ACKs on a connection of his own, and so learn
 * whether other connections send challenge ACKs. Therefore the limit of each second is random: half
 * of challenge_ack_limit plus a random number below challenge_ack_limit.
 *
 * Context: any.
 *
 * Return: true when the ACK may leave; it is counted then.
 */
bool xtcp_acklimit_net_challenge(struct xtcp_net *xn)
{
	u32 limit = READ_ONCE(xn->sysctl.challenge_ack_limit);
	struct xtcp_rest *rest = xn->rest;
	int now, last;

	if (likely(limit == INT_MAX))
		return true;
	now = jiffies / HZ;
	last = atomic_read(&rest->challenge_second);
	if (now != last && atomic_cmpxchg(&rest->challenge_second, last, now) == last)
		atomic_set(&rest->challenges,
			   min_t(u32, INT_MAX, (limit + 1) / 2 + reciprocal_scale(get_random_u32(), limit)));
	return atomic_dec_if_positive(&rest->challenges) >= 0;
}
