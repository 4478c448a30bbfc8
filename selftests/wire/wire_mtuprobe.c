// SPDX-License-Identifier: GPL-2.0
/*
 * Probes of the path MTU (RFC 4821): one segment that is longer than the others, between what passes and what the peer
 * takes; what its ACK and its loss tell, and what of it is congestion. The path is FAR, so that nothing is late.
 */
#include "lib/wire.h"

/* Of 552 octets passes a packet, of 1040 takes the peer one: 796 are tried, once eleven segments may be in flight. */
#define SEARCH		"sysctl mtu_probing 2; sysctl base_mss 512; sysctl timestamps 0"
#define SYN		"mss 1000,sackok"
#define OPEN_FAR	"connect; > S 0; pass 100; < S. 0 ack 1 $; > . 1 ack 1;"
#define TEN		"write 9728; > p. 1(512) ack 1 x10; pass 100; < . 1 ack 5121;"
#define PROBE		OPEN_FAR TEN "> p. 5121(756) ack 1; skim; pass 100;"
#define ELEVEN		"connect; > S 0; pass 100; < S. 0 ack 1 win 30000 $; > . 1 ack 1; < . 1 ack 1 win 0;"	\
			"set SNDBUFFORCE 100000; write 2400; none; < . 1 ack 1 win 30000;"

static const struct wire_row rows[] = {
	{ "mtuprobe_arrives", "RFC 4821 7.6.1", .pre = SEARCH, .syn = SYN,
		.want = { PROBE "< . 1 ack 9729; write 756; > P. 9729(756) ack 1; info pmtu = 1500; info ca_state = 0",
			.counters = "TCPMTUPSuccess=1 TCPMTUPFail=0 RetransSegs=0" } },
	{ "mtuprobe_alone_is_lost", "RFC 4821 7.6.2", .pre = SEARCH, .syn = SYN,
		.want = { PROBE "< . 1 ack 5121 <sack 5877:9729>; > p. 5121(512) ack 1; > p. 5633(244) ack 1;"
			"info ca_state = 4; info snd_ssthresh >= 1000; < . 1 ack 9729; none; info ca_state = 0;"
			"info snd_cwnd >= 20; write 512; > P. 9729(512) ack 1",
			.counters = "TCPMTUPSuccess=0 TCPMTUPFail=1 RetransSegs=2 TCPSackRecovery=0" } },
	/* As in Linux the first one that is missing decides: section 4 would have the other one count as congestion. */
	{ "mtuprobe_is_lost_with_another", "RFC 4821 4, 7.6.4", .pre = SEARCH, .syn = SYN,
		.want = { PROBE "< . 1 ack 5121 <sack 5877:6145 6657:9729>; > p. 5121(512) ack 1; skim;"
			"info ca_state = 4; info snd_ssthresh >= 1000; < . 1 ack 9729; skim; info ca_state = 0;"
			"info snd_cwnd >= 20",
			.counters = "TCPMTUPSuccess=0 TCPMTUPFail=1 TCPSackRecovery=0 RetransSegs=3" } },
	/* After another segment was sent again, an ACK of the probe may be one of copies: nothing was learnt. */
	{ "mtuprobe_after_a_retransmission_tells_nothing", "RFC 4821 7.6", .pre = SEARCH, .syn = SYN,
		.want = { OPEN_FAR "write 9728; > p. 1(512) ack 1 x10; pass 100; < . 1 ack 4609; > p. 5121(756) ack 1;"
			"skim; pass 100; < . 1 ack 4609 <sack 5121:9729>; > p. 4609(512) ack 1; < . 1 ack 9729; none;"
			"write 512; > P. 9729(512) ack 1", .counters = "TCPMTUPSuccess=0 TCPMTUPFail=0 RetransSegs=1",
			.state = ESTABLISHED } },
	/* 756 octets did not arrive, so the search ends. An interval later the path may be another one. */
	{ "mtuprobe_again_after_the_interval", "RFC 4821 7.6.2",
		.pre = SEARCH "; sysctl slow_start_after_idle 0; sysctl probe_threshold 300; sysctl probe_interval 2",
		.syn = SYN,
		.want = { PROBE "set SNDBUF 400000; < . 1 ack 5121 <sack 5877:9729>; > p. 5121(512) ack 1;"
			"> p. 5633(244) ack 1; < . 1 ack 9729; write 4000; > p. 9729(512) ack 1 x7;"
			"> P. 13313(416) ack 1; pass 100; < . 1 ack S; none; pass 2100; write 4000;"
			"> p. 13729(512) ack 1; skim; pass 100; < . 1 ack S; write 16000; skim; pass 100; < . 1 ack S;"
			"> p. U(756) ack 1; skim; pass 100; < . 1 ack S; skim",
			.counters = "TCPMTUPSuccess=1 TCPMTUPFail=1" } },
	/*
	 * Eleven of the smallest segments may be in flight when the window opens, but not a probe that is longer than
	 * all of them.
	 */
	{ "mtuprobe_not_beyond_the_window", "RFC 4821 7.4",
		.pre = "sysctl mtu_probing 2; sysctl base_mss 48; sysctl timestamps 0; route initcwnd 11; bundles 60",
		.syn = "mss 1400,sackok",
		.want = { ELEVEN "> p. 1(48) ack 1 x11; none; pass 100; < . 1 ack 529; > p. 529(724) ack 1; skim;"
			"pass 100; < . 1 ack S; skim", .counters = "TCPMTUPSuccess=1" },
		.kernel_differs = "counts the window in segments",
		.kernel.script = ELEVEN "> p. 1(724) ack 1; skim; pass 100; < . 1 ack S; skim" },
	/* The end of a record is not in the middle of a segment: no probe is made of two. */
	{ "mtuprobe_not_of_two_records", "RFC 4821 7.2", .pre = SEARCH, .syn = SYN,
		.want = { OPEN_FAR "write 5120; > p. 1(512) ack 1 x10; pass 100; write 600 eor; write 4008;"
			"< . 1 ack 5121; > p. 5121(512) ack 1; > p. 5633(88) ack 1; skim",
			.counters = "TCPMTUPSuccess=0 TCPMTUPFail=0" } },
};

WIRE_MAIN(rows)
