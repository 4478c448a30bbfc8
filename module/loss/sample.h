/* SPDX-License-Identifier: GPL-2.0 */
/* What one ACK has told: filled by ack.c for whoever draws conclusions from it. Pure. */
#ifndef XTCP_SAMPLE_H
#define XTCP_SAMPLE_H

#include <linux/types.h>

#include "pure/options.h"

/**
 * struct xtcp_sample - what an ACK has told; lengths in octets of sequence space
 * @now_us: when it came, xtcp_clock_us()
 * @first_sent_us: when the first of the segments was sent that it newly acknowledges, or else sacks, and that were sent
 *	once; 0: there is none
 * @last_sent_us: when the last of these was sent
 * @una_before: SND.UNA before it
 * @high_before: the octet after the highest one sacked before it, SND.UNA if none was
 * @pipe_before: in flight before it
 * @acked: by how much SND.UNA moved
 * @sacked: newly sacked
 * @delivered: newly known to have arrived: acknowledged or sacked, each octet once
 * @lost: newly taken for lost
 * @delivered_before: with @tells_rate: what had been delivered when the last sent of these segments was sent, see
 *	stream->delivered
 * @delivered_before_us: the low half of the time of that
 * @in_flight_then: octets in flight when it was sent, it included; for an algorithm with @control alone, as the next
 * @lost_before: stream->lost_total then
 * @marked: segments of ours that newly are known to have met congestion: in AccECN mode as the peer counts them, else
 *	with @ece all that it newly acknowledges or sacks
 * @sending_us: how long it took to send what it is a sample of
 * @rtt_us: the round trip of the one sent last, microseconds; 0: it tells of none
 * @tsecr: its TSecr, which may be anything; 0: none
 * @dsack: octets that arrived twice (RFC 2883); empty: none
 * @resent_acked: a segment that was sent more than once is among those newly acknowledged or sacked
 * @original_arrived: one that was sent once before the present repair began is among these
 * @ece: it echoes a congestion mark (RFC 3168 section 6.1.2, RFC 9768 section 3.2.2.2)
 * @duplicate: it is a duplicate ACK (RFC 5681 section 2)
 * @news: it carries text, or another window
 * @tells_rate: it is a sample of the delivery rate (rate.c)
 * @is_limited: the program had not filled the window then
 */
struct xtcp_sample {
	u64 now_us;
	u64 first_sent_us;
	u64 last_sent_us;
	u32 una_before;
	u32 high_before;
	u32 pipe_before;
	u32 acked;
	u32 sacked;
	u32 delivered;
	u32 lost;
	u32 delivered_before;
	u32 delivered_before_us;
	u32 in_flight_then;
	u32 lost_before;
	u32 marked;
	u32 sending_us;
	u32 rtt_us;
	u32 tsecr;
	struct xtcp_sack_block dsack;
	bool resent_acked;
	bool original_arrived;
	bool ece;
	bool duplicate;
	bool news;
	bool tells_rate;
	bool is_limited;
};

#endif /* XTCP_SAMPLE_H */
