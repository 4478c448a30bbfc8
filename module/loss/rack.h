/* SPDX-License-Identifier: GPL-2.0 */
/* RACK (RFC 8985): loss detection by the time of sending. */
#ifndef XTCP_RACK_H
#define XTCP_RACK_H

#include <linux/types.h>

#include "loss/reorder.h"

struct sk_buff;
struct sock;
struct xtcp_sample;

/**
 * struct xtcp_rack - RACK's variables (RFC 8985 section 5.2)
 * @sent_us: RACK.xmit_ts: the latest sending time of all segments that have arrived, microseconds
 * @end_seq: RACK.end_seq: the octet after the segment that was sent at @sent_us
 * @rtt_us: RACK.rtt: the RTT of the segment that arrived last, microseconds
 * @reorder: the state from which the reordering window is computed
 * @advanced: a segment has arrived since RACK last looked for losses
 * @is_resent: the segment that was sent at @sent_us was a retransmission
 */
struct xtcp_rack {
	u64 sent_us;
	u32 end_seq;
	u32 rtt_us;
	struct xtcp_reorder reorder;
	bool advanced;
	bool is_resent;
};

/* The socket lock is held in all these functions. */
void xtcp_rack_arrived(struct sock *sk, const struct sk_buff *skb, u32 end, struct xtcp_sample *sample);
void xtcp_rack_original_came(struct sock *sk, const struct xtcp_sample *sample);
u32 xtcp_rack_detect(struct sock *sk, u64 now_us);
bool xtcp_rack_is_recent(const struct sock *sk, const struct sk_buff *skb, u64 now_us);

#endif /* XTCP_RACK_H */
