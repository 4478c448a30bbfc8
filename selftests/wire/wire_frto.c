// SPDX-License-Identifier: GPL-2.0
/*
 * Timeouts, and those that were for nothing: F-RTO, and undoing what a timeout did because of a timestamp (Eifel)
 * or a D-SACK. 200 ms are between a segment and its repetition, so R-100 is between their timestamps.
 */
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
#define SACK_TS		"mss 1012,sackok,ts T R"
#define TS		"mss 1012,ts T R"
/* Ten in flight, and one of them again by a timeout. */
#define TIMED_OUT	"< . 1 ack 1; write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1;"	\
			">@1500 p. 1(1000) ack 1; none; info ca_state = 4; info snd_cwnd = 1;"
/* The same with more to send. */
#define TIMED_OUT_MORE	"< . 1 ack 1; write 20000; > p. 1(1000) ack 1 x10; none; info snd_cwnd = 10;"	\
			">@1500 p. 1(1000) ack 1; none; info ca_state = 4; info snd_cwnd = 1;"		\
			"info snd_ssthresh = 5; info lost = 10;"
/* The path is 100 ms long: an ACK that comes sooner after a repetition is that of the original (RFC 8985, 6.2). */
#define FAR_TIMED_OUT	"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept;" TIMED_OUT_MORE
#define PROBE_ARRIVED	"< . 1 ack 1; sysctl early_retrans 3; write 1000; > P. 1(1000) ack 1; pass 20;"		\
			">@1500 P. 1(1000) ack 1; keep R; pass 20; >@1500 P. 1(1000) ack 1; info ca_state = 4;"	\
			"< . 1 ack 1001 <nop,nop,ts T K>; none;"

static const struct wire_row rows[] = {
	{ "loss_%s_slow_start", "RFC 5681 3.1", .in = ESTABLISHED, .syn = SACK,
		.want = { TIMED_OUT "< . 1 ack 1001; > p. 1001(1000) ack 1 x2; none; < . 1 ack 3001;"
			"> p. 3001(1000) ack 1 x4; none; < . 1 ack 10001; none; info ca_state = 0; info lost = 0;"
			"info retrans = 0; info snd_cwnd <= 8",
			.counters = "TCPTimeouts=1 RetransSegs=7 TCPSpuriousRTOs=0 TCPLossUndo=0" } },
	/* The loss of a repetition is a second sign of congestion. */
	{ "loss_%s_of_a_repetition", "RFC 5681 4.3", .in = ESTABLISHED, .syn = SACK,
		.want = { TIMED_OUT "info snd_ssthresh = 5; < . 1 ack 1001; > p. 1001(1000) ack 1 x2; none; pass 20;"
			"< . 1 ack 3001; > p. 3001(1000) ack 1 x4; none; pass 20; < . 1 ack 3001 <sack 4001:7001>;"
			"> p. 3001(1000) ack 1; skim; info ca_state = 3; info snd_ssthresh <= 3; < . 1 ack 10001; none;"
			"info ca_state = 0; info snd_cwnd <= 4",
			.counters = "TCPTimeouts=1 TCPLostRetransmit=1 TCPSackRecovery=1" } },
	/* Then a copy that is only late is no original, although it is older than the copy of it. */
	{ "loss_%s_of_a_repetition_that_is_late", "RFC 3522 3.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { TIMED_OUT "< . 1 ack 1001; > p. 1001(1000) ack 1 x2; keep R; none; pass 20;"
			"< . 1 ack 1001 <nop,nop,ts T R,nop,nop,sack 2001:3001>; > p. 1001(1000) ack 1; skim;"
			"info ca_state = 3; pass 20; < . 1 ack 3001 <nop,nop,ts T K>; > p. 3001(1000) ack 1; skim;"
			"info ca_state = 3; info lost >= 1",
			.counters = "TCPTimeouts=1 TCPLossUndo=0 TCPLostRetransmit=1" } },
	/* In which phase the timeout found the connection. */
	{ "timeout_%s_in_disorder", "RFC 6298 5.4", .in = ESTABLISHED,
		.want = { "< . 1 ack 1; write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; < . 1 ack 1; none;"
			"info ca_state = 1; >@1500 p. 1(1000) ack 1; info ca_state = 4; < . 1 ack 10001; none",
			.counters = "TCPTimeouts=1 TCPRenoFailures=1 TCPRenoRecoveryFail=0 TCPLossFailures=0" } },
	{ "timeout_%s_in_recovery", "RFC 6298 5.4", .in = ESTABLISHED,
		.want = { "< . 1 ack 1; write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; < . 1 ack 1;"
			"< . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; none; info ca_state = 3;"
			">@1500 p. 1(1000) ack 1; info ca_state = 4; < . 1 ack 10001; none",
			.counters = "TCPTimeouts=1 TCPRenoFailures=0 TCPRenoRecoveryFail=1 TCPLossFailures=0" } },
	{ "timeout_%s_in_a_loss_that_goes_on", "RFC 6298 5.4", .in = ESTABLISHED, .syn = SACK,
		.want = { TIMED_OUT "< . 1 ack 1001; > p. 1001(1000) ack 1 x2; none; >@1500 p. 1001(1000) ack 1;"
			"info ca_state = 4; < . 1 ack 10001; none",
			.counters = "TCPTimeouts=2 TCPLossFailures=1 TCPSackFailures=0 TCPSackRecoveryFail=0" } },
	/* F-RTO, RFC 5682: after the first ACK new data, and what the second one says. */
	{ "frto_spurious", "RFC 5682 3.1", .syn = SACK,
		.want = { FAR_TIMED_OUT "< . 1 ack 1001; > p. 10001(1000) ack 1 x2; none; info snd_cwnd = 2;"
			"< . 1 ack 2001; > p. 12001(1000) ack 1; skim; info ca_state = 0; info snd_cwnd >= 10;"
			"info lost = 0; info snd_ssthresh >= 1000; < . 1 ack S; skim",
			.counters = "TCPTimeouts=1 TCPSpuriousRTOs=1 TCPLossUndo=1 RetransSegs=1" } },
	{ "frto_spurious_by_a_sack", "RFC 5682 3.1", .syn = SACK,
		.want = { FAR_TIMED_OUT "< . 1 ack 1001; > p. 10001(1000) ack 1 x2; none;"
			"< . 1 ack 1001 <sack 2001:3001>; skim; info snd_cwnd >= 10; info snd_ssthresh >= 1000;"
			"< . 1 ack S; skim", .counters = "TCPTimeouts=1 TCPSpuriousRTOs=1 TCPLossUndo=1" } },
	{ "frto_%s_the_loss_was_real", "RFC 5682 3.1", .in = ESTABLISHED, .syn = SACK,
		.want = { TIMED_OUT_MORE "< . 1 ack 1001; > p. 10001(1000) ack 1 x2; none;"
			"< . 1 ack 1001 <sack 10001:11001>; > p. 1001(1000) ack 1; skim; info ca_state = 4;"
			"info snd_ssthresh = 5; < . 1 ack S; skim",
			.counters = "TCPTimeouts=1 TCPSpuriousRTOs=0 TCPLossUndo=0" } },
	{ "frto_%s_nothing_new_to_send", "RFC 5682 2.1", .in = ESTABLISHED, .syn = SACK,
		.want = { TIMED_OUT "< . 1 ack 1001; > p. 1001(1000) ack 1 x2; none; < . 1 ack 3001;"
			"> p. 3001(1000) ack 1; skim; < . 1 ack 10001; none",
			.counters = "TCPTimeouts=1 TCPSpuriousRTOs=0 TCPLossUndo=0" } },
	{ "frto_%s_second_timeout", "RFC 5682 2.1", .in = ESTABLISHED, .syn = SACK,
		.want = { TIMED_OUT_MORE ">@2500 p. 1(1000) ack 1; < . 1 ack 1001; skim; < . 1 ack S; skim;"
			"info ca_state = 0", .counters = "TCPTimeouts=2" } },
	{ "frto_spurious_without_sack", "RFC 5682 2.1",
		.want = { FAR_TIMED_OUT "< . 1 ack 1001; > p. 10001(1000) ack 1 x2; none; < . 1 ack 2001;"
			"> p. 12001(1000) ack 1; skim; info snd_cwnd >= 10; info snd_ssthresh >= 1000; < . 1 ack S;"
			"skim", .counters = "TCPTimeouts=1 TCPSpuriousRTOs=1 TCPLossUndo=1 RetransSegs=1" } },
	{ "frto_%s_the_loss_was_real_without_sack", "RFC 5682 2.1", .in = ESTABLISHED,
		.want = { TIMED_OUT_MORE "< . 1 ack 1001; > p. 10001(1000) ack 1 x2; none; < . 1 ack 1001;"
			"> p. 1001(1000) ack 1; skim; info ca_state = 4; info snd_ssthresh = 5; < . 1 ack S; skim",
			.counters = "TCPTimeouts=1 TCPSpuriousRTOs=0 TCPLossUndo=0" } },
	{ "frto_%s_turned_off", "RFC 5682 2.1", .in = ESTABLISHED, .pre = "sysctl frto 0", .syn = SACK,
		.want = { TIMED_OUT_MORE "< . 1 ack 1001; > p. 1001(1000) ack 1 x2; none; < . 1 ack 10001; skim;"
			"info snd_ssthresh = 5", .counters = "TCPTimeouts=1 TCPSpuriousRTOs=0" } },
	/* Eifel: the echo is older than the repetition. */
	{ "eifel_timeout", "RFC 4015 3.2", .syn = SACK_TS,
		.want = { FAR_TIMED_OUT "< . 1 ack 1001 <nop,nop,ts T R-100>; > p. 10001(1000) ack 1; skim;"
			"info ca_state = 0; info snd_cwnd >= 10; info snd_ssthresh >= 1000; info lost = 0; < . 1 ack S;"
			"skim", .counters = "TCPTimeouts=1 TCPLossUndo=1 TCPSpuriousRTOs=0 RetransSegs=1" } },
	{ "eifel_timeout_without_sack", "RFC 4015 3.2", .syn = TS,
		.want = { FAR_TIMED_OUT "< . 1 ack 1001 <nop,nop,ts T R-100>; > p. 10001(1000) ack 1; skim;"
			"info snd_cwnd >= 10; info snd_ssthresh >= 1000; < . 1 ack S; skim",
			.counters = "TCPTimeouts=1 TCPLossUndo=1 TCPSpuriousRTOs=0 RetransSegs=1" },
		.kernel_differs = "stays in the loss phase without SACK, and undoes it a second time by F-RTO",
		.kernel = { .counters = "TCPTimeouts=1 TCPLossUndo=2 TCPSpuriousRTOs=1 RetransSegs=1" } },
	{ "eifel_%s_the_timeout_was_right", "RFC 3522 3.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { TIMED_OUT "< . 1 ack 1001; > p. 1001(1000) ack 1 x2; none; info ca_state = 4;"
			"info snd_ssthresh = 5; < . 1 ack 10001; none; info snd_ssthresh = 5",
			.counters = "TCPTimeouts=1 TCPLossUndo=0" } },
	/* A tail loss probe was a copy, too: its echo says that the probe has arrived, and not the original. */
	{ "eifel_%s_the_probe_before_the_timeout_arrived", "RFC 3522 3.2, RFC 8985 7.4.2", .in = ESTABLISHED,
		.syn = SACK_TS,
		.want = { PROBE_ARRIVED "info snd_ssthresh = 5; info snd_cwnd <= 2",
			.counters = "TCPLossProbes=1 TCPTimeouts=1 TCPLossUndo=0" },
		.kernel_differs = "takes the echo of the probe for one of the original",
		.kernel = { PROBE_ARRIVED "info snd_ssthresh >= 1000; info snd_cwnd >= 10",
			.counters = "TCPLossProbes=1 TCPTimeouts=1 TCPLossUndo=1" } },
	/* D-SACK: all that was sent again had arrived. */
	{ "dsack_%s_undoes_a_timeout", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK, .pre = "sysctl frto 0",
		.want = { TIMED_OUT "< . 1 ack 10001; none; info ca_state = 0; info snd_ssthresh = 5;"
			"< . 1 ack 10001 <sack 1:1001>; none; info snd_cwnd >= 10; info snd_ssthresh >= 1000",
			.counters = "TCPTimeouts=1 TCPDSACKUndo=1 TCPDSACKRecv=1" } },
	{ "dsack_%s_of_half_of_it_undoes_nothing", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { TIMED_OUT "< . 1 ack 1001; > p. 1001(1000) ack 1 x2; < . 1 ack 10001; none;"
			"< . 1 ack 10001 <sack 1001:2001>; none; info snd_ssthresh = 5; info snd_cwnd <= 8",
			.counters = "TCPTimeouts=1 TCPDSACKUndo=0 TCPDSACKRecv=1" } },
};

WIRE_MAIN(rows)
