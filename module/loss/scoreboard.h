/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scoreboard: which octets in flight are sacked, lost or resent. The model is the same with and
 * without SACK.
 */
#ifndef XTCP_SCOREBOARD_H
#define XTCP_SCOREBOARD_H

#include <linux/types.h>

#include "base/wire.h"
#include "loss/sample.h"

struct sk_buff;
struct sock;

/**
 * struct xtcp_scoreboard - sums over the send queue, in octets of sequence space
 * @sacked: octets above SND.UNA that the peer has sacked; without SACK, the length of one segment
 *	for each duplicate ACK (RFC 5681 section 2)
 * @sacked_segments: @sacked as a number of segments; approximate, because the segment size may have
 *	changed
 * @lost: octets marked as lost
 * @resent: octets of @lost that are in flight again
 * @high_sacked: the octet after the highest octet that was sacked, at least SND.UNA
 * @reordering: the reordering estimate, in segments: a missing segment counts as lost once this
 *	many later segments have arrived. With SACK, this rule ends when reordering is first seen
 * @reorderings: how often reordering was seen
 * @seen: the usable SACK blocks of the last ACK that had any, sorted; all whole segments in these
 *	blocks are marked as sacked
 */
struct xtcp_scoreboard {
	u32 sacked;
	u32 sacked_segments;
	u32 lost;
	u32 resent;
	u32 high_sacked;
	u16 reordering;
	u32 reorderings;
	struct xtcp_sack_block seen[XTCP_SACK_BLOCKS_MAX];
};

/* The socket lock is held in all these functions. */
void xtcp_scoreboard_sacked(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample, u32 *low);
void xtcp_scoreboard_ack(struct sock *sk, u32 ack, struct xtcp_sample *sample);
void xtcp_scoreboard_duplicate_ack(struct sock *sk, struct xtcp_sample *sample);
void xtcp_scoreboard_forget_duplicates(struct sock *sk);
void xtcp_scoreboard_lost(struct sock *sk, struct sk_buff *skb);
void xtcp_scoreboard_resent(struct sock *sk, struct sk_buff *skb);
void xtcp_scoreboard_not_lost(struct sock *sk);
void xtcp_scoreboard_forget_sacked(struct sock *sk);
bool xtcp_scoreboard_reneged(const struct sock *sk);
void xtcp_scoreboard_reordered(struct sock *sk, u32 low, int counter);

#endif /* XTCP_SCOREBOARD_H */
