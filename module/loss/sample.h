/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The report of one ACK. acked.c fills the struct for all files that evaluate the ACK. Pure: no
 * socket, no clock.
 */
#ifndef XTCP_SAMPLE_H
#define XTCP_SAMPLE_H

#include <linux/types.h>

#include "base/options.h"

/**
 * struct xtcp_sample - the report of an ACK; lengths in octets of sequence space
 * @now_us: when the ACK came, xtcp_clock_us()
 * @first_sent_us: the earliest sending time of the newly acknowledged segments; if no segment is
 *	newly acknowledged, the earliest sending time of the newly sacked segments. Only segments
 *	that were sent once count; 0: there is no such segment
 * @last_sent_us: the latest sending time of the newly acknowledged or sacked segments that were
 *	sent once; 0: there is no such segment
 * @una_before: SND.UNA before the ACK
 * @high_before: the octet after the highest octet that was sacked before the ACK; SND.UNA if no
 *	octet was sacked
 * @acked: octets by which SND.UNA moved
 * @sacked: octets newly sacked
 * @delivered: octets newly acknowledged or sacked, each counted once
 * @segments: in AccECN mode, how many segments are newly acknowledged or sacked, as they were last
 *	sent. Without SACK, those that duplicate ACKs have reported count again
 * @lost: octets newly marked as lost
 * @delivered_before: stream->delivered when the rated segment was sent; valid with @tells_rate. Of
 *	all segments newly acknowledged or sacked, the rated segment is the one that was sent last
 * @delivered_before_us: the low 32 bits of stream->delivered_us when the rated segment was sent
 * @in_flight_then: octets in flight when the rated segment was sent, including this segment; filled
 *	only for an algorithm with control() (cong.h)
 * @lost_before: stream->lost_total when the rated segment was sent; filled only for an algorithm
 *	with control()
 * @marked: how many of our segments are newly reported as CE-marked. In AccECN mode the peer counts
 *	them; otherwise, if @ece is set, all newly acknowledged or sacked segments count
 * @sending_us: how long it took to send the octets of the rate sample, microseconds
 * @rtt_us: the RTT of the segment sent at @last_sent_us, microseconds; 0: unknown
 * @tsecr: the ACK's TSecr, not checked; 0: the ACK has none
 * @dsack: the octets that have arrived twice, as the ACK's D-SACK says (RFC 2883); empty: no D-SACK
 * @resent_acked: a segment that was sent more than once is newly acknowledged or sacked
 * @echo_is_stale: TSecr is older than the last copy of the segment at SND.UNA. Set only if there
 *	were three timeouts or more for this SND.UNA, or if the RTO is doubled three times or more
 * @original_arrived: a segment that was sent only once, before the present recovery began, is newly
 *	acknowledged or sacked
 * @ece: the ACK echoes a congestion mark (RFC 3168 section 6.1.2, RFC 9768 section 3.2.2.2)
 * @duplicate: the ACK is a duplicate (RFC 5681 section 2)
 * @news: the ACK carries text, SYN or FIN, or a larger window
 * @tells_rate: the ACK gives a sample of the delivery rate (rate.c)
 * @is_limited: with @tells_rate: the program had not filled the window when the rated segment was
 *	sent
 * @rack_rtt: RACK.rtt is that of a segment of this ACK (rack.c)
 */
struct xtcp_sample {
	u64 now_us;
	u64 first_sent_us;
	u64 last_sent_us;
	u32 una_before;
	u32 high_before;
	u32 acked;
	u32 sacked;
	u32 delivered;
	u32 segments;
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
	bool echo_is_stale;
	bool original_arrived;
	bool ece;
	bool duplicate;
	bool news;
	bool tells_rate;
	bool is_limited;
	bool rack_rtt;
};

#endif /* XTCP_SAMPLE_H */
