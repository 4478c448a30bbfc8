/* SPDX-License-Identifier: GPL-2.0 */
/* Comparison of sequence numbers, modulo 2^32 (RFC 9293 section 3.4). */
#ifndef XTCP_SEQ_H
#define XTCP_SEQ_H

#include <linux/types.h>

static inline bool xtcp_seq_lt(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool xtcp_seq_le(u32 a, u32 b)
{
	return (s32)(a - b) <= 0;
}

static inline bool xtcp_seq_gt(u32 a, u32 b)
{
	return xtcp_seq_lt(b, a);
}

static inline bool xtcp_seq_ge(u32 a, u32 b)
{
	return xtcp_seq_le(b, a);
}

/* low <= seq <= high, modulo 2^32 */
static inline bool xtcp_seq_between(u32 low, u32 seq, u32 high)
{
	return high - low >= seq - low;
}

static inline u32 xtcp_seq_max(u32 a, u32 b)
{
	return xtcp_seq_gt(a, b) ? a : b;
}

static inline u32 xtcp_seq_min(u32 a, u32 b)
{
	return xtcp_seq_lt(a, b) ? a : b;
}

#endif /* XTCP_SEQ_H */
