/* SPDX-License-Identifier: GPL-2.0 */
/* DCTCP.Alpha (RFC 8257 section 3.3): the smoothed share of octets that were CE-marked. Pure. */
#ifndef XTCP_ALPHA_H
#define XTCP_ALPHA_H

#include <linux/types.h>

/**
 * struct xtcp_alpha_sent - how much the connection has sent until now
 * @octets: octets of text, also those sent again, modulo 2^32
 * @segments: segments with text
 * @nxt: SND.NXT
 */
struct xtcp_alpha_sent {
	u32 octets;
	u32 segments;
	u32 nxt;
};

/**
 * struct xtcp_alpha - the share, and the present observation window
 * @share: DCTCP.Alpha; the algorithm chooses the number that represents 1.0
 * @acked: DCTCP.BytesAcked, octets
 * @marked: DCTCP.BytesMarked, octets
 * @segment: average size of a sent segment in the previous window, octets
 * @begin: how much had been sent when the window began; @begin.nxt is DCTCP.WindowEnd
 */
struct xtcp_alpha {
	u32 share;
	u32 acked;
	u32 marked;
	u32 segment;
	struct xtcp_alpha_sent begin;
};

void xtcp_alpha_start(struct xtcp_alpha *alpha, u32 one, u32 mss, const struct xtcp_alpha_sent *sent);
u32 xtcp_alpha_octets(const struct xtcp_alpha *alpha, u32 marks, u32 delivered, const struct xtcp_alpha_sent *sent);
void xtcp_alpha_begin_window(struct xtcp_alpha *alpha, const struct xtcp_alpha_sent *sent);
void xtcp_alpha_update(struct xtcp_alpha *alpha, u32 one);

/* Count the octets that an ACK reports, and how many of these octets were CE-marked. */
static inline void xtcp_alpha_count(struct xtcp_alpha *alpha, u32 delivered, u32 marked)
{
	alpha->acked += delivered;
	alpha->marked += marked;
}

#endif /* XTCP_ALPHA_H */
