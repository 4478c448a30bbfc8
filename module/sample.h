/* SPDX-License-Identifier: GPL-2.0 */
/* What one ACK has told: filled by ack.c for whoever draws conclusions from it. Pure. */
#ifndef XTCP_SAMPLE_H
#define XTCP_SAMPLE_H

#include <linux/types.h>

/**
 * struct xtcp_sample - what an ACK has told; lengths in octets of sequence space
 * @now_us: when it came, xtcp_clock_us()
 * @first_sent_us: when the first of the segments was sent that it newly acknowledges or sacks and that were sent once;
 *	0: there is none
 * @last_sent_us: when the last of these was sent
 * @una_before: SND.UNA before it
 * @pipe_before: in flight before it
 * @acked: by how much SND.UNA moved
 * @sacked: newly sacked
 * @delivered: newly known to have arrived: acknowledged or sacked, each octet once
 * @lost: newly marked as lost
 * @rtt_us: the round trip, microseconds; 0: it tells of none
 * @resent_acked: a segment that was sent more than once is among those newly acknowledged or sacked
 * @ece: it echoes a congestion mark (RFC 3168 section 6.1.2)
 * @dsack: it reports octets that arrived twice (RFC 2883)
 * @reordered: it fills a hole below what was sacked with a segment that was sent once
 * @duplicate: it is a duplicate ACK (RFC 5681 section 2)
 */
struct xtcp_sample {
	u64 now_us;
	u64 first_sent_us;
	u64 last_sent_us;
	u32 una_before;
	u32 pipe_before;
	u32 acked;
	u32 sacked;
	u32 delivered;
	u32 lost;
	u32 rtt_us;
	bool resent_acked;
	bool ece;
	bool dsack;
	bool reordered;
	bool duplicate;
};

#endif /* XTCP_SAMPLE_H */
