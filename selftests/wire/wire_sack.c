// SPDX-License-Identifier: GPL-2.0
/*
 * The sender's side of SACK: what is resent and what is not, lost retransmissions, reneging. A path that is FAR has a
 * round trip of 100 ms, so that what RACK waits for is longer than a row's steps.
 */
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
#define SACK_TS		"mss 1012,sackok,ts T R"

/* The first ACK brings the window; ten segments, and nothing that follows them. */
#define TEN_IN_FLIGHT	"< . 1 ack 1; write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1;"
#define MORE_WAITS	"< . 1 ack 1; write 20000; > p. 1(1000) ack 1 x10; none;"
#define OPEN_FAR	"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept;"
#define FAR_TEN		OPEN_FAR TEN_IN_FLIGHT "pass 100;"
#define FAR_MORE	OPEN_FAR MORE_WAITS "pass 100;"

static const struct wire_row rows[] = {
	{ "sack_%s_three_resend_the_hole", "RFC 6675 5", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none; info ca_state = 3;"
			"info sacked = 3; info lost = 1; info retrans = 1; info snd_ssthresh = 5; < . 1 ack 10001;"
			"none; info ca_state = 0; info sacked = 0; info lost = 0; info retrans = 0; info snd_cwnd >= 5;"
			"info snd_cwnd <= 6; info delivered = 11",
			.counters = "TCPSackRecovery=1 TCPFastRetrans=1 RetransSegs=1 TCPTimeouts=0 "
			"TCPDelivered=10" } },
	{ "sack_one_by_one", "RFC 6675 5", .syn = SACK,
		.want = { FAR_TEN "< . 1 ack 1 <sack 1001:2001>; none; info ca_state = 1; < . 1 ack 1 <sack 1001:3001>;"
			"none; info sacked = 2; info lost = 0; < . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none;"
			"info ca_state = 3", .counters = "TCPSackRecovery=1 RetransSegs=1 TCPOrigDataSent=10" } },
	{ "sack_one_by_one_with_timestamps", "RFC 6675 5", .syn = SACK_TS,
		.want = { FAR_TEN "< . 1 ack 1 <sack 1001:2001>; none; info ca_state = 1; < . 1 ack 1 <sack 1001:3001>;"
			"none; info sacked = 2; info lost = 0; < . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none;"
			"info ca_state = 3", .counters = "TCPSackRecovery=1 RetransSegs=1" } },
	{ "sack_of_the_same_again_tells_nothing", "RFC 6675 2", .syn = SACK,
		.want = { FAR_TEN "< . 1 ack 1 <sack 1001:2001>; < . 1 ack 1 <sack 1001:2001>;"
			"< . 1 ack 1 <sack 1001:2001>; < . 1 ack 1 <sack 1001:2001>; none; info sacked = 1;"
			"info ca_state = 1; < . 1 ack 10001; none; info ca_state = 0; info snd_cwnd >= 10",
			.counters = "TCPSackRecovery=0 RetransSegs=0" } },
	{ "sack_limited_transmit", "RFC 3042 2", .syn = SACK,
		.want = { FAR_MORE "< . 1 ack 1 <sack 1001:2001>; > p. 10001(1000) ack 1; none;"
			"< . 1 ack 1 <sack 1001:3001>; > p. 11001(1000) ack 1; none; info snd_cwnd = 10;"
			"< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; skim",
			.counters = "TCPSackRecovery=1 RetransSegs=1" } },
	{ "sack_%s_hole_is_resent_once", "RFC 6675 5", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1;"
			"< . 1 ack 1 <sack 1001:5001>; < . 1 ack 1 <sack 1001:6001>; < . 1 ack 1 <sack 1001:7001>;"
			"< . 1 ack 1 <sack 1001:8001>; < . 1 ack 1 <sack 1001:9001>; < . 1 ack 1 <sack 1001:10001>;"
			"none; info sacked = 9; < . 1 ack 10001; none", .counters = "RetransSegs=1 TCPTimeouts=0" } },
	{ "sack_%s_only_holes_are_resent", "RFC 6675 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 9001:10001 6001:8001 2001:4001>; > p. 1(1000) ack 1;"
			"> p. 1001(1000) ack 1; > p. 4001(1000) ack 1; > p. 5001(1000) ack 1; > p. 8001(1000) ack 1;"
			"none; info sacked = 5; info lost = 5; info retrans = 5;"
			"< . 1 ack 4001 <sack 9001:10001 6001:8001>; none; < . 1 ack 8001 <sack 9001:10001>; none;"
			"< . 1 ack 10001; none; info ca_state = 0; info snd_cwnd <= 6",
			.counters = "RetransSegs=5 TCPTimeouts=0 TCPSackRecovery=1" } },
	{ "sack_%s_partial_ack_does_not_resend_what_was", "RFC 6675 5", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 4001:10001 1001:3001>; > p. 1(1000) ack 1;"
			"> p. 3001(1000) ack 1; none; < . 1 ack 3001 <sack 4001:10001>; none; < . 1 ack 10001; none",
			.counters = "RetransSegs=2 TCPTimeouts=0" } },
	{ "sack_%s_lost_retransmission", "RFC 8985 5.2", .in = ESTABLISHED, .syn = SACK,
		.want = { MORE_WAITS "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; skim;"
			"< . 1 ack 1 <sack 1001:5001>; skim; < . 1 ack 1 <sack 1001:6001>; skim; check S >= 11001;"
			"< . 1 ack 1 <sack 10001:11001 1001:6001>; > p. 1(1000) ack 1; skim; info ca_state = 3",
			.counters = "TCPLostRetransmit=1 TCPTimeouts=0" } },
	/* Two that went again as one bundle are two that were lost again. */
	{ "sack_%s_lost_retransmission_of_a_bundle", "RFC 8985 5.2", .in = ESTABLISHED, .syn = SACK,
		.want = { "sysctl frto 0; sysctl early_retrans 0;" TEN_IN_FLIGHT ">@1500 p. 1(1000) ack 1;"
			"< . 1 ack 1001; > p. 1001(1000) ack 1; > p. 2001(1000) ack 1; none;"
			">@3000 p. 1001(1000) ack 1; none",
			.counters = "TCPLostRetransmit=2 TCPTimeouts=2 RetransSegs=4" } },
	{ "sack_%s_fin_is_above_the_hole", "RFC 6675 5", .in = ESTABLISHED, .syn = SACK,
		.want = { "< . 1 ack 1; write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; shut;"
			"> F. 4001 ack 1; < . 1 ack 1 <sack 1001:4002>; > p. 1(1000) ack 1; none; < . 1 ack 4002; none",
			.counters = "RetransSegs=1 TCPTimeouts=0", .state = FIN_WAIT_2 } },
	{ "sack_%s_fin_is_the_hole", "RFC 6675 5", .in = ESTABLISHED, .syn = SACK,
		.want = { "< . 1 ack 1; write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; shut;"
			"> F. 4001 ack 1; < . 1 ack 4001; >@1500 F. 4001 ack 1; < . 1 ack 4002; none",
			.counters = "RetransSegs=1 TCPTimeouts=1", .state = FIN_WAIT_2 } },
	{ "sack_%s_comes_with_data", "RFC 2018 4", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< P. 1(10) ack 1 <sack 1001:4001>; > p. 1(1000) ack *; >@1000 . 10001 ack 11;"
			"read 10; info sacked = 3; < . 11 ack 10001; none",
			.counters = "RetransSegs=1 TCPSackRecovery=1" } },
	{ "sack_%s_window_shut_meanwhile", "RFC 9293 3.8.6", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< P. 1(10) ack 1; >@1000 . 10001 ack 11; read 10;"
			"< P. 11(10) ack 1 win 0 <sack 5001:10001 1001:4001>; >@1000 . * ack 21; none; read 10;"
			"< . 21 ack 1 <sack 5001:10001 1001:4001>; > p. 1(1000) ack 21; skim;"
			"< . 21 ack 4001 <sack 5001:10001>; skim; < . 21 ack 10001; none; info ca_state = 0",
			.counters = "RetransSegs=2 TCPTimeouts=0" },
		.kernel_differs = "sends the first hole into the shut window, as a probe",
		.kernel = { TEN_IN_FLIGHT "< P. 1(10) ack 1; >@1000 . 10001 ack 11; read 10;"
			"< P. 11(10) ack 1 win 0 <sack 5001:10001 1001:4001>; > p. 1(1000) ack *; >@1000 . * ack 21;"
			"none; read 10; < . 21 ack 4001 <sack 5001:10001>; > p. 4001(1000) ack 21; none;"
			"< . 21 ack 10001; none; info ca_state = 0" } },
	{ "sack_%s_not_permitted_is_a_duplicate_alone", "RFC 2018 2", .in = ESTABLISHED,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:4001>; none; < . 1 ack 1 <sack 1001:5001>; none;"
			"< . 1 ack 1 <sack 1001:6001>; > p. 1(1000) ack 1; none; < . 1 ack 10001; none",
			.counters = "RetransSegs=1 TCPSackRecovery=0 TCPRenoRecovery=1" } },
	{ "sack_%s_turned_off_here", "RFC 2018 2", .pre = "sysctl sack 0", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:6001>; < . 1 ack 1 <sack 1001:7001>; none;"
			"info options = 0; < . 1 ack 1 <sack 1001:8001>; > p. 1(1000) ack 1; none; < . 1 ack 10001;"
			"none", .counters = "RetransSegs=1 TCPRenoRecovery=1" } },
	/* Segments count, not the bundles in which they leave. */
	{ "sack_%s_counts_segments", "RFC 4022 tcpOutSegs", .in = ESTABLISHED, .pre = "bundles 16", .syn = SACK,
		.want = { MORE_WAITS "< . 1 ack 1 <sack 4001:10001>; > p. 1(1000) ack 1 x3; skim;"
			"< . 1 ack 3001 <sack 4001:10001>; skim; < . 1 ack S; skim",
			.counters = "TCPFastRetrans=4 RetransSegs=4 TCPOrigDataSent=20 OutSegs=20" } },
	{ "sack_%s_counts_segments_after_a_timeout", "RFC 4022 tcpOutSegs", .in = ESTABLISHED,
		.pre = "bundles 16; sysctl early_retrans 0; sysctl frto 0", .syn = SACK,
		.want = { TEN_IN_FLIGHT ">@1500 p. 1(1000) ack 1; < . 1 ack 1001; > p. 1001(1000) ack 1 x2;"
			"< . 1 ack 3001; > p. 3001(1000) ack 1 x4; < . 1 ack 7001; > p. 7001(1000) ack 1 x3;"
			"< . 1 ack 10001; none",
			.counters = "TCPSlowStartRetrans=9 RetransSegs=10 TCPOrigDataSent=10 OutSegs=10" } },
	/* Blocks that the text carries make its segments shorter: the peer's blocks end where these do. */
	{ "sack_of_segments_that_carried_blocks", "RFC 6675 5", .pre = "bundles 16", .syn = SACK_TS,
		.want = { OPEN_FAR "< P. 11(10) ack 1; > . 1 ack 1; write 9880; > p. 1(988) ack 1 x9;"
			"> P. 8893(988) ack 1; pass 100; < . 1 ack 1 <sack 989:1977>; none; info sacked = 1;"
			"< . 1 ack 1 <sack 989:2965>; none; info sacked = 2; info ca_state = 1;"
			"< . 1 ack 1 <sack 989:3953>; > p. 1(988) ack 1; none; info sacked = 3; info ca_state = 3;"
			"info lost = 1; < . 1 ack 9881; none; info ca_state = 0",
			.counters = "TCPSackRecovery=1 RetransSegs=1 TCPTimeouts=0" } },
	{ "sack_of_segments_that_were_shorter_than_those_of_now", "RFC 6675 5", .only = 4,
		.pre = "bundles 16; mtu 1040", .syn = "mss 1460,sackok",
		.want = { OPEN_FAR "write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; mtu 1500; write 100;"
			"none; info snd_mss = 1460; pass 100; < . 1 ack 1 <sack 1001:2001>; skim; info sacked = 1;"
			"< . 1 ack 1 <sack 1001:3001>; skim; info sacked = 2; info ca_state = 1;"
			"< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; skim; info sacked = 3; info ca_state = 3;"
			"info lost = 1", .counters = "TCPSackRecovery=1 RetransSegs=1 TCPTimeouts=0" } },
	/* The block begins inside the second of three bundles. Twice the value is the largest send buffer. */
	{ "sack_%s_cuts_a_bundle_of_a_huge_buffer", "RFC 2018 5", .in = ESTABLISHED, .pre = "bundles 16", .syn = SACK,
		.want = { "set SNDBUFFORCE 2147483647; < . 1 ack 1; write 3000; > p. 1(1000) ack 1 x2;"
			"> P. 2001(1000) ack 1; write 3000; > p. 3001(1000) ack 1 x2; > P. 5001(1000) ack 1;"
			"write 3000; > p. 6001(1000) ack 1 x2; > P. 8001(1000) ack 1; < . 1 ack 1 <sack 4001:9001>;"
			"info sacked = 5; > p. 1(1000) ack 1; skim; < . 1 ack 9001; none",
			.counters = "TCPWqueueTooBig=0 TCPTimeouts=0" } },
	/* After a timeout. */
	{ "sack_%s_survives_a_timeout", "RFC 6675 5.1", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 7001:10001>; > p. 1(1000) ack 1 x3; none;"
			">@1500 p. 1(1000) ack 1; info ca_state = 4; info sacked = 3; < . 1 ack 1001 <sack 7001:10001>;"
			"> p. 1001(1000) ack 1 x2; none; < . 1 ack 3001 <sack 7001:10001>; > p. 3001(1000) ack 1 x4;"
			"none; < . 1 ack 10001; none; info ca_state = 0",
			.counters = "TCPTimeouts=1 RetransSegs=10 TCPSackRecoveryFail=1 TCPSlowStartRetrans=6" } },
	{ "sack_%s_taken_back", "RFC 2018 8", .in = ESTABLISHED, .syn = SACK, .pre = "trace xtcp_congestion",
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1;"
			"traced 0 reason=the peer took a SACK back; < . 1 ack 1001; >@1500 p. 1001(1000) ack 1;"
			"info sacked = 0; traced 1 reason=the peer took a SACK back; info ca_state = 4;"
			"< . 1 ack 10001; none; info ca_state = 0", .counters = "TCPSACKReneging=1 TCPTimeouts=1" } },
	{ "sack_%s_taken_back_but_the_ack_was_late", "RFC 2018 8", .in = ESTABLISHED, .syn = SACK,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; < . 1 ack 1001;"
			"< . 1 ack 10001; none; info sacked = 0; info ca_state = 0",
			.counters = "TCPSACKReneging=0 TCPTimeouts=0 RetransSegs=1" } },
};

WIRE_MAIN(rows)
