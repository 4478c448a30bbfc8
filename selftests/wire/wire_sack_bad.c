// SPDX-License-Identifier: GPL-2.0
/*
 * SACK options that no honest receiver sends, or that have grown old: what each does to the list of what arrived, and
 * what it counts. And storms of them, on connections that must live on.
 */
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
#define TEN_IN_FLIGHT	"< . 1 ack 1; write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1;"
/* A round trip of 100 ms, for what RACK would wait for otherwise. */
#define FAR_TEN		"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept;" TEN_IN_FLIGHT "pass 100;"
/* One repair is over, another one has begun. */
#define REPAIRED_AGAIN	TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; < . 1 ack 10001;"	\
			"write 5000; > p. 10001(1000) ack 1 x4; > P. 14001(1000) ack 1;"			\
			"< . 1 ack 10001 <sack 11001:14001>; > p. 10001(1000) ack 1;"
#define LIVES_ON	"< . 1 ack 10001; none; write 1000; > P. 10001(1000) ack 1; < . 1 ack 11001; none;" \
			"info ca_state = 0; info unacked = 0"
/* Segments of 1400 octets, then smaller ones; a round trip of 100 ms; one is sacked, and another one not as a whole. */
#define UNCUT		"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; set NODELAY 1;"		\
			"set SNDBUFFORCE 800000; write 7000; > p. 1(1400) ack 1 x4; > P. 5601(1400) ack 1;"	\
			"mtu 1280; write 400000; skim; set SNDBUF 2304; pass 100;"				\
			"< . 1 ack 1 <sack 4201:5601>; skim; < . 1 ack 1 <sack 1401:2701 4201:5601>; skim;"
/*
 * Two segments in an skb, but for the last: first of 1400 octets, then of 1240. The buffer is so small, and so much is
 * written, that only the first and the last may be cut.
 */
#define UNCUT_BUNDLES	"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; set NODELAY 1;"		\
			"set SNDBUFFORCE 800000; write 7000; > p. 1(1400) ack 1 x4; > P. 5601(1400) ack 1;"	\
			"mtu 1280; write 400000; > p. 7001(1240) ack 1 x5; skim; set SNDBUF 2304; pass 100;"
/* It tells nothing new: no segment, nothing marked. */
#define TELLS_NOTHING(block, counts) {						\
		.script = TEN_IN_FLIGHT "< . 1 ack 1 <sack " block ">; none; info sacked = 0;"	\
			  "info lost = 0;" LIVES_ON,				\
		.counters = "RetransSegs=0 TCPTimeouts=0 TCPSackRecovery=0 " counts,	\
	}

static const struct wire_row rows[] = {
	{ "sack_%s_beyond_what_was_sent", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = TELLS_NOTHING("10001:11001", "TCPSACKDiscard=1") },
	{ "sack_%s_across_what_was_sent", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = TELLS_NOTHING("9001:11001", "TCPSACKDiscard=1") },
	{ "sack_%s_reversed", "RFC 2018 3", .in = ESTABLISHED, .syn = SACK,
		.want = TELLS_NOTHING("4001:2001", "TCPSACKDiscard=1") },
	{ "sack_%s_empty", "RFC 2018 3", .in = ESTABLISHED, .syn = SACK,
		.want = TELLS_NOTHING("2001:2001", "TCPSACKDiscard=1") },
	{ "sack_%s_half_the_numbers_away", "RFC 2018 3", .in = ESTABLISHED, .syn = SACK,
		.want = TELLS_NOTHING("2001:2147483000", "TCPSACKDiscard=1") },
	/* What stands at the left edge would have been acknowledged. */
	{ "sack_%s_at_the_left_edge", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = TELLS_NOTHING("1:4001", "TCPSACKDiscard=1") },
	{ "sack_%s_all_of_it_at_the_left_edge", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = TELLS_NOTHING("1:10001", "TCPSACKDiscard=1") },
	{ "sack_below_the_left_edge", "RFC 2018 4", .syn = SACK,
		.want = { FAR_TEN "< . 1 ack 4001 <sack 6001:7001 1001:2001>; none; info sacked = 1;" LIVES_ON,
			.counters = "RetransSegs=0 TCPSACKDiscard=1 TCPDSACKRecv=0" } },
	{ "sack_%s_bad_beside_good", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 20001:30001 2001:5001 9001:8001>; > p. 1(1000) ack 1; none;"
			"info sacked = 3; info lost = 2;" LIVES_ON,
			.counters = "RetransSegs=1 TCPSACKDiscard=2 TCPSackRecovery=1" } },
	{ "sack_%s_overlapping", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:4001 2001:6001 5001:6001 1001:6001>;"
			"> p. 1(1000) ack 1; none; info sacked = 5;" LIVES_ON,
			.counters = "RetransSegs=1 TCPSACKDiscard=0" } },
	{ "sack_%s_in_any_order", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 7001:8001 1001:2001 5001:6001 3001:4001>;"
			"> p. 1(1000) ack 1; > p. 2001(1000) ack 1; > p. 4001(1000) ack 1; skim; info sacked = 4;"
			LIVES_ON, .counters = "TCPSACKDiscard=0 TCPTimeouts=0" } },
	{ "sack_%s_of_half_a_segment", "RFC 6675 2", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1501:5501>; > p. 1(1000) ack 1; none; info sacked = 3;"
			"info lost = 2;" LIVES_ON, .counters = "TCPSACKDiscard=0 TCPTimeouts=0 RetransSegs=1" } },
	/* An ACK into the middle of a sacked range: the rest stays. RACK may resend before it, long sent. */
	{ "sack_%s_acked_in_part", "RFC 2018 5", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 9001:10001>; skim; info sacked = 1; < . 1 ack 9501; skim;"
			"info sacked = 1; info unacked = 1;" LIVES_ON, .counters = "TCPSACKDiscard=0 TCPTimeouts=0" } },
	/* What a block holds of a segment in part counts when the next one holds all of it. */
	{ "sack_%s_of_a_segment_in_two_steps", "RFC 2018 5", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:1501>; < . 1 ack 1 <sack 1001:2001>; skim;"
			"info sacked = 1; < . 1 ack 1 <sack 1001:3501>; < . 1 ack 1 <sack 1001:10001>; skim;"
			"info sacked = 9;" LIVES_ON, .counters = "TCPSACKDiscard=0 TCPTimeouts=0 RetransSegs=1" } },
	/* The same with segments of 1400 octets, while those of now are smaller. */
	{ "sack_%s_of_segments_of_an_older_mss", "RFC 2018 5", .in = ESTABLISHED, .syn = "mss 1400,sackok",
		.want = { "< . 1 ack 1; set NODELAY 1; write 7000; > p. 1(1400) ack 1 x4; > P. 5601(1400) ack 1;"
			"mtu 1280; write 1000; > P. 7001(1000) ack 1; < . 1 ack 1 <sack 1401:2101>; skim;"
			"< . 1 ack 1 <sack 1401:4201>; skim; < . 1 ack 1 <sack 1401:5001>; skim;"
			"< . 1 ack 1 <sack 1401:7001>; skim; info retrans <= 2; < . 1 ack 8001; none; info sacked = 0;"
			"info ca_state = 0; info unacked = 0",
			.counters = "TCPSACKDiscard=0 TCPTimeouts=0 RetransSegs=2" } },
	/* What is sacked of a segment in part counts as not sacked, by the size in which it left. */
	{ "sack_of_a_part_of_a_segment", "RFC 2018 5", .syn = "mss 1400,sackok",
		.want = { UNCUT "info sacked = 1; set SNDBUFFORCE 800000; < . 1 ack 1 <sack 1401:2701 4201:5601>; skim;"
			"info sacked = 1", .counters = "TCPWqueueTooBig=0 TCPSACKDiscard=0" } },
	{ "sack_of_the_end_of_a_segment_and_what_follows", "RFC 2018 5", .syn = "mss 1400,sackok",
		.want = { UNCUT "info sacked = 1; < . 1 ack 1 <sack 2401:5601>; skim; info sacked = 2",
			.counters = "TCPWqueueTooBig=0 TCPSACKDiscard=0" } },
	/* Of a bundle that may not be cut while the queue is too large: the same block counts when it may. */
	{ "sack_that_could_not_be_cut_at_first", "RFC 2018 5", .only = 4, .pre = "bundles 16", .syn = "mss 1400,sackok",
		.want = { UNCUT_BUNDLES "< . 1 ack 1 <sack 7001:8241>; skim; info sacked = 0; set SNDBUFFORCE 800000;"
			"< . 1 ack 1 <sack 7001:8241>; skim; info sacked = 1",
			.counters = "TCPWqueueTooBig=1 TCPSACKDiscard=0" } },
	/* It begins inside a bundle that cannot be cut: what follows is sacked, the rest is tried each time. */
	{ "sack_whose_front_could_not_be_cut", "RFC 2018 5", .only = 4, .pre = "bundles 16", .syn = "mss 1400,sackok",
		.want = { UNCUT_BUNDLES "< . 1 ack 1 <sack 8241:11961>; skim; info sacked = 2;"
			"< . 1 ack 1 <sack 8241:11961>; skim; info sacked = 2",
			.counters = "TCPWqueueTooBig=2 TCPSACKDiscard=0" },
		.kernel_differs = "marks nothing of a block of which something cannot be cut",
		.kernel = { UNCUT_BUNDLES "< . 1 ack 1 <sack 8241:11961>; skim; info sacked = 0;"
			"< . 1 ack 1 <sack 8241:11961>; skim; info sacked = 0" } },
	{ "sack_%s_octet_by_octet", "RFC 6675 2", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1002:1003 2002:2003 3002:3003 4002:4003>; none;"
			"info sacked = 0; info lost = 0; < . 1 ack 1 <sack 1004:1005 1006:1007 1008:1009 1010:1011>;"
			"none;" LIVES_ON, .counters = "TCPTimeouts=0 RetransSegs=0" } },
	/* Options that are not well formed. */
	{ "sack_%s_forty_octets", "RFC 2018 3", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <nop,nop,nop,nop,sack 2001:3001 4001:5001 6001:7001 8001:9001>;"
			"> p. 1(1000) ack 1; skim; info sacked = 4;" LIVES_ON,
			.counters = "TCPSACKDiscard=0 TCPTimeouts=0" } },
	{ "sack_%s_of_a_wrong_length", "RFC 2018 3", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <nop,hex 050900000000000000>; none; info sacked = 0;"
			"< . 1 ack 10001 <hex 0502>; none; write 1000; > P. 10001(1000) ack 1;"
			"< . 1 ack 11001 <hex 0506000000ff>; none; info unacked = 0",
			.counters = "RetransSegs=0 TCPSACKDiscard=0" } },
	{ "sack_%s_longer_than_the_header", "RFC 9293 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <nop,nop,hex 05220000000000000000>; none; info sacked = 0;"
			LIVES_ON, .counters = "RetransSegs=0 TCPSACKDiscard=0" } },
	/* D-SACK, RFC 2883: the first block, below the acknowledgment or inside the second. */
	{ "dsack_%s_of_what_was_resent", "RFC 2883 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:10001>; > p. 1(1000) ack 1; < . 1 ack 10001;"
			"< . 1 ack 10001 <sack 1:1001>; none; info dsack_dups = 1; info ca_state = 0;" LIVES_ON,
			.counters = "TCPDSACKRecv=1 TCPDSACKRecvSegs=1 TCPDSACKIgnoredNoUndo=0 TCPDSACKUndo=1" } },
	{ "dsack_%s_of_what_was_sent_once", "RFC 2883 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 4001 <sack 1:1001>; none; info sacked = 0;" LIVES_ON,
			.counters = "TCPDSACKRecv=1 TCPDSACKIgnoredDubious=1 TCPSACKDiscard=0 RetransSegs=0" },
		.kernel_differs = "takes it for a block then",
		.kernel = { .counters = "TCPDSACKRecv=1 TCPDSACKIgnoredDubious=1 TCPSACKDiscard=1 RetransSegs=0" } },
	{ "dsack_%s_inside_the_second_block", "RFC 2883 4.2", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 2001:5001>; > p. 1(1000) ack 1; none;"
			"< . 1 ack 1 <sack 1001:2001 1001:5001>; none; info sacked = 4;" LIVES_ON,
			.counters = "TCPDSACKOfoRecv=1 TCPDSACKRecv=0 TCPDSACKUndo=0 TCPSackRecovery=1" } },
	{ "dsack_%s_when_all_is_over", "RFC 2883 4", .in = ESTABLISHED, .syn = SACK,
		.want = { REPAIRED_AGAIN "< . 1 ack 15001; write 1000; > P. 15001(1000) ack 1;"
			"< . 1 ack 15001 <sack 10001:11001>; < . 1 ack 15001 <sack 1:1001>; < . 1 ack 16001; none;"
			"info ca_state = 0",
			.counters = "TCPDSACKRecv=2 TCPDSACKIgnoredNoUndo=1 TCPDSACKUndo=1 RetransSegs=2" } },
	{ "dsack_%s_of_an_earlier_recovery", "RFC 2883 4", .in = ESTABLISHED, .syn = SACK,
		.want = { REPAIRED_AGAIN "< . 1 ack 10001 <sack 9001:10001 11001:14001>; none; info ca_state = 3;"
			"< . 1 ack 15001; none; info ca_state = 0",
			.counters = "TCPDSACKRecv=1 TCPDSACKIgnoredOld=1 TCPDSACKUndo=0 RetransSegs=2" } },
	{ "dsack_%s_wider_than_any_window", "RFC 2883 4", .in = ESTABLISHED, .syn = SACK, .synwin = "20000",
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:10001>; > p. 1(1000) ack 1;"
			"< . 1 ack 10001 <sack -29999:1001>; none;" LIVES_ON,
			.counters = "TCPDSACKRecv=1 TCPDSACKRecvSegs=0 TCPDSACKIgnoredDubious=1 TCPDSACKUndo=0" } },
	/* Storms. They may last until the timer expires, so what is resent is not their business. */
	{ "storm_%s_of_hostile_blocks", "RFC 2018 5", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "repeat 1000 < . 1 ack 1 <sack 8001:7001 -5000:-4000 20001:30001 3:3>; skim;"
			"info sacked = 0;" LIVES_ON, .counters = "TCPSACKDiscard=4000" } },
	/* A tail loss probe has repeated the last segment, and the network has copied the first one. */
	{ "dsack_at_the_left_edge_of_what_was_never_resent", "RFC 2883 5", .pre = "sysctl early_retrans 3", .syn = SACK,
		.want = { FAR_TEN ">@290 P. 9001(1000) ack 1; < . 1 ack 1001 <sack 1:1001>; none;" LIVES_ON,
			.counters = "TCPDSACKRecv=1 TCPDSACKRecvSegs=1 TCPDSACKIgnoredNoUndo=0 RetransSegs=1" },
		.kernel_differs = "does not believe a D-SACK that begins at SND.UNA",
		.kernel.counters = "TCPDSACKRecv=1 TCPDSACKIgnoredNoUndo=1 RetransSegs=1" },
	{ "storm_%s_of_dsacks", "RFC 2883 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 10001; none; keep snd_cwnd;"
			"repeat 1000 < . 1 ack 10001 <sack 1:1001>; none; info sacked = 0; info ca_state = 0;"
			"info snd_cwnd = K;" LIVES_ON,
			.counters = "TCPDSACKRecv=1000 TCPDSACKRecvSegs=0 TCPDSACKIgnoredDubious=1000 "
			"RetransSegs=0" } },
	{ "storm_%s_of_single_octets", "RFC 6675 2", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "repeat 1000 < . 1 ack 1 <sack 9002:9003 7002:7003 5002:5003 3002:3003>; skim;"
			"info sacked = 0;" LIVES_ON } },
	{ "storm_%s_of_small_segments", "RFC 9293 3.7.1", .in = ESTABLISHED, .syn = "mss 48,sackok",
		.want = { "< . 1 ack 1; set NODELAY 1; write 480; > p. 1(48) ack 1 x10;"
			"repeat 1000 < . 1 ack 1 <sack 385:433 289:337 193:241 97:145>; skim; info sacked = 4;"
			"< . 1 ack 481; none; info unacked = 0", .counters = "TCPSACKDiscard=0" } },
	/* An ACK of what was not sent yet buys nothing. */
	{ "optimistic_%s_ack", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .syn = SACK,
		.want = { "< . 1 ack 1; write 20000; > p. 1(1000) ack 1 x10; < . 1 ack 10002; skim; info snd_cwnd = 10;"
			"info unacked = 10; < . 1 ack 20001 <sack 20001:21001>; skim; info snd_cwnd = 10;"
			"< . 1 ack 10001; > p. 10001(1000) ack 1 x9; > P. 19001(1000) ack 1; < . 1 ack 20001; none",
			.counters = "TCPChallengeACK=1 TCPACKSkippedChallenge=1 TCPSACKDiscard=0" },
		.kernel_differs = "drops it in silence, against an ACK war",
		.kernel = { .counters = "TCPChallengeACK=0 TCPSACKDiscard=0" } },
	/* Acknowledgments of single octets: the window grows by octets, not by ACKs (RFC 3465). */
	{ "divided_%s_acks", "RFC 5681 3.1", .in = ESTABLISHED, .syn = SACK,
		.want = { "< . 1 ack 1; write 20000; > p. 1(1000) ack 1 x10; < . 1 ack 101; < . 1 ack 201;"
			"< . 1 ack 301; < . 1 ack 401; < . 1 ack 501; < . 1 ack 601; < . 1 ack 701; skim;"
			"info snd_cwnd <= 11; < . 1 ack 10001; skim; info snd_cwnd >= 19; info snd_cwnd <= 20" } },
};

WIRE_MAIN(rows)
