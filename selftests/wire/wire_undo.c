// SPDX-License-Identifier: GPL-2.0
/* Fast recoveries for nothing: late, not lost. By D-SACK, by timestamps, and where neither tells enough. */
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
#define SACK_TS		"mss 1012,sackok,ts T R"
#define TS		"mss 1012,ts T R"
#define TEN_IN_FLIGHT	"< . 1 ack 1; write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1;"
/* The clock of the stack ticks on between a segment and its repetition. */
#define ONE_RESENT	TEN_IN_FLIGHT "pass 20; < . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none;" \
			"info ca_state = 3; info snd_ssthresh = 5;"
#define TWO_RESENT	TEN_IN_FLIGHT "pass 20; < . 1 ack 1 <sack 4001:10001 1001:3001>; > p. 1(1000) ack 1;" \
			"> p. 3001(1000) ack 1; none; info ca_state = 3; info snd_ssthresh = 5;"
#define UNDONE		"info ca_state = 0; info snd_cwnd >= 10; info snd_ssthresh >= 1000;"
#define NOT_UNDONE	"info ca_state = 0; info snd_cwnd <= 6; info snd_ssthresh = 5;"
/*
 * Three are resent, a timeout finds all lost, and then an echo from before says that it was too early. The timeout
 * comes some 300 to 400 ms after the first repetition.
 */
#define TIMED_OUT	"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; write 10000; skim;" \
			"pass 100; < . 1 ack 10001; write 20000; > p. 10001(1000) ack 1 x19;" \
			"> P. 29001(1000) ack 1; keep R; pass 100;" \
			"< . 1 ack 10001 <nop,nop,ts T R,nop,nop,sack 14001:18001>;" \
			"> p. 10001(1000) ack 1 x2; none;" \
			"< . 1 ack 10001 <nop,nop,ts T R,nop,nop,sack 14001:20001>;" \
			"> p. 12001(1000) ack 1; none; info lost = 4; info retrans = 3;" \
			">@1500 p. 10001(1000) ack 1; none; info lost = 14;"
#define RESENT_IN_VAIN	TIMED_OUT \
			"< . 1 ack 11001 <nop,nop,ts T K,nop,nop,sack 14001:20001>; none; info lost = 0;"

/* The first ACK after a timeout tells of originals and of a hole; the ACKs before it were lost. */
#define ACKS_LOST	TEN_IN_FLIGHT ">@1500 p. 1(1000) ack 1; none;"
/* Before the timeout, three are known to be lost, and one of them is resent. */
#define KNOWN_HOLE	TEN_IN_FLIGHT "keep R; pass 20; < . 1 ack 1 <nop,nop,ts T R,nop,nop,sack 3001:6001>;" \
			"> p. 1(1000) ack 1; none; info lost = 3; >@1500 p. 1(1000) ack 1; none;" \
			"info ca_state = 4; < . 1 ack 2001 <nop,nop,ts T K,nop,nop,sack 3001:6001>;"
/* The same without a timeout: the original of the first comes 80 ms later than what has overtaken it. */
#define LATE_FIRST	TEN_IN_FLIGHT "keep R; pass 20;" \
			"< . 1 ack 1 <nop,nop,ts T R,nop,nop,sack 3001:6001 1001:2001>;" \
			"> p. 1(1000) ack 1; none; info lost = 2; pass 80;" \
			"< . 1 ack 2001 <nop,nop,ts T K,nop,nop,sack 3001:6001>; none; info lost = 0;"
#define FORGETS		"RACK forgets what an undo takes back: another timeout resends it"

/* Twenty in flight, of which the first is resent, and all arrive; three seconds later something is written. */
#define TWENTY_IN_FLIGHT "< . 1 ack 1; set SNDBUFFORCE 1000000; write 30000; skim; < . 1 ack 10001; skim; info unacked = 20; pass 20;"
#define PAUSE		"< . 1 ack 30001; none; info ca_state = 0; info snd_cwnd <= 11; pass 3000; write 1000;" \
			"> P. 30001(1000) ack 1; info snd_cwnd = 10; < . 1 ack 31001 <sack 10001:11001>; none;" \
			"info ca_state = 0; info snd_ssthresh >= 1000; write 40000; skim;"
#define OF_BEFORE	"gives back the window from before the idle time, in one burst"

#define AFTER_IDLE(name_, resent)	{						\
		.name = "undo_%s_" name_ "_after_an_idle_time", .rfc = "RFC 5681 4.1",	\
		.in = ESTABLISHED, .pre = "sysctl frto 0", .syn = SACK,			\
		.want = {								\
			.script = TWENTY_IN_FLIGHT resent PAUSE "info unacked = 10",	\
			.counters = "TCPDSACKUndo=1 TCPDSACKRecv=1 RetransSegs=1",	\
		},									\
		.kernel_differs = OF_BEFORE,						\
		.kernel.script = TWENTY_IN_FLIGHT resent PAUSE "info unacked = 20",	\
	}

static const struct wire_row rows[] = {
	{ "undo_%s_timeout_beside_a_hole", "RFC 8985 6.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { ACKS_LOST "< . 1 ack 2001 <nop,nop,ts T R-100,nop,nop,sack 3001:10001>;"
			">@150 p. 2001(1000) ack 1; none; < . 1 ack 10001; none; info ca_state = 0",
			.counters = "TCPLossUndo=1 TCPTimeouts=1 RetransSegs=2 TCPSackRecovery=1" } },
	/*
	 * The third is lost, and was known to be lost before. The ACK that undoes the timeout or the recovery sacks
	 * nothing new: RACK finds the hole when it is later than what has come by the reordering window.
	 */
	{ "undo_%s_timeout_beside_a_known_hole", "RFC 8985 6.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { KNOWN_HOLE ">@150 p. 2001(1000) ack 1; none; < . 1 ack 10001; none; info ca_state = 0",
			.counters = "TCPLossUndo=1 TCPTimeouts=1 RetransSegs=3 TCPSackRecovery=2" },
		.kernel_differs = FORGETS,
		.kernel = { KNOWN_HOLE "none; >@1500 p. 2001(1000) ack 1; skim; < . 1 ack 10001; none",
			.counters = "TCPTimeouts=2 TCPSackRecovery=1" } },
	{ "undo_%s_timestamp_beside_a_known_hole", "RFC 8985 6.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { LATE_FIRST ">@150 p. 2001(1000) ack 1; none; < . 1 ack 10001; none; info ca_state = 0",
			.counters = "TCPPartialUndo=1 TCPTimeouts=0 RetransSegs=2 TCPSackRecovery=2" },
		.kernel_differs = FORGETS,
		.kernel = { LATE_FIRST "none; >@1500 p. 2001(1000) ack 1; skim; < . 1 ack 10001; none",
			.counters = "TCPTimeouts=1 TCPSackRecovery=1" } },
	/* The third is only as late as the first was: nothing is resent, although what overtook it was much faster. */
	{ "undo_%s_timestamp_beside_what_is_as_late", "RFC 8985 6.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { LATE_FIRST "< . 1 ack 10001 <nop,nop,ts T K>; none; info ca_state = 0",
			.counters = "TCPPartialUndo=1 TCPTimeouts=0 RetransSegs=1 TCPSackRecovery=1" } },
	{ "undo_%s_dsack", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { ONE_RESENT "< . 1 ack 10001; none;" NOT_UNDONE "< . 1 ack 10001 <sack 1:1001>; none;" UNDONE,
			.counters = "TCPDSACKUndo=1 TCPDSACKRecv=1 RetransSegs=1 TCPTimeouts=0" } },
	/* It keeps its D-SACK, which does not draw what idling took. The timeout's window is as small already. */
	AFTER_IDLE("dsack", "< . 1 ack 10001 <sack 11001:14001>; > p. 10001(1000) ack 1; none; info ca_state = 3;"),
	AFTER_IDLE("dsack_of_a_timeout", ">@1500 p. 10001(1000) ack 1; none; info ca_state = 4;"),
	/* 5001:10001 would look like reneging, and 10 ms later kernel TCP resends */
	{ "undo_%s_dsack_during_recovery", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { ONE_RESENT "< . 1 ack 4001 <sack 6001:10001>; skim; < . 1 ack 5001 <sack 1:1001 6001:10001>;"
			"skim; < . 1 ack 10001; none; info ca_state = 0",
			.counters = "TCPDSACKRecv=1 TCPTimeouts=0" } },
	{ "undo_%s_dsack_of_each", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { TWO_RESENT "< . 1 ack 10001; none;" NOT_UNDONE "< . 1 ack 10001 <sack 1:1001>; none;"
			NOT_UNDONE "< . 1 ack 10001 <sack 3001:4001>; none;" UNDONE,
			.counters = "TCPDSACKUndo=1 TCPDSACKRecv=2 RetransSegs=2 TCPTimeouts=0" } },
	{ "undo_%s_dsack_of_one_of_two", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { TWO_RESENT "< . 1 ack 10001; < . 1 ack 10001 <sack 3001:4001>; none; write 1000;"
			"> P. 10001(1000) ack 1; < . 1 ack 11001; none; info snd_ssthresh = 5",
			.counters = "TCPDSACKUndo=0 TCPDSACKRecv=1 RetransSegs=2" } },
	{ "undo_%s_timestamp_of_all", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { ONE_RESENT "< . 1 ack 10001 <nop,nop,ts T R-10>; none;" UNDONE,
			.counters = "TCPFullUndo=1 RetransSegs=1 TCPTimeouts=0" } },
	{ "undo_%s_timestamp_of_the_first", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { ONE_RESENT "< . 1 ack 4001 <nop,nop,ts T R-10>; skim; info snd_cwnd >= 10;"
			"info snd_ssthresh >= 1000; info lost = 0; < . 1 ack 10001; none; info ca_state = 0",
			.counters = "TCPPartialUndo=1 TCPTSReorder=1 RetransSegs=1" } },
	{ "undo_%s_timestamp_says_it_was_right", "RFC 3522 3.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { ONE_RESENT "< . 1 ack 10001; none;" NOT_UNDONE,
			.counters = "TCPFullUndo=0 TCPPartialUndo=0 RetransSegs=1" } },
	{ "undo_%s_nothing_tells", "RFC 3522 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { ONE_RESENT "< . 1 ack 10001; none;" NOT_UNDONE,
			.counters = "TCPFullUndo=0 TCPPartialUndo=0 TCPDSACKUndo=0 RetransSegs=1" } },
	{ "undo_%s_timestamp_without_sack", "RFC 4015 3.2", .in = ESTABLISHED, .syn = TS,
		.want = { TEN_IN_FLIGHT "pass 20; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; none;"
			"info snd_ssthresh = 5; < . 1 ack 10001 <nop,nop,ts T R-10>; none; info snd_ssthresh >= 1000;"
			"write 1000; > P. 10001(1000) ack 1; < . 1 ack 11001; none; info ca_state = 0",
			.counters = "TCPFullUndo=1 RetransSegs=1 TCPTimeouts=0 TCPRenoRecovery=1" } },
	/* Without SACK nobody knows how far a segment was overtaken: at most by all that was sent. */
	{ "undo_%s_timestamp_of_the_first_without_sack", "RFC 4015 3.2", .in = ESTABLISHED, .syn = TS,
		.want = { TEN_IN_FLIGHT "pass 20; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; none;"
			"info reordering = 3; < . 1 ack 1001 <nop,nop,ts T R-10>; none; info lost = 0;"
			"info reordering = 10; < . 1 ack 10001; none; info ca_state = 0",
			.counters = "TCPTSReorder=1 TCPPartialUndo=1 RetransSegs=1" },
		.kernel_differs = "resends the next segment, too",
		.kernel = { TEN_IN_FLIGHT "pass 20; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; none;"
			"info reordering = 3; < . 1 ack 1001 <nop,nop,ts T R-10>; skim; < . 1 ack 10001; skim",
			.counters = "TCPTSReorder=1" } },
	/* An echo that was never sent, far in the future or in the past. */
	{ "undo_%s_invented_timestamp", "RFC 3522 3.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { ONE_RESENT "< . 1 ack 10001 <nop,nop,ts T R+100000>; none;" NOT_UNDONE,
			.counters = "TCPFullUndo=0 RetransSegs=1" } },
	{ "undo_%s_echo_of_zero", "RFC 7323 3.2", .in = ESTABLISHED, .syn = SACK_TS,
		.want = { ONE_RESENT "< . 1 ack 10001 <nop,nop,ts T 0>; none;" NOT_UNDONE,
			.counters = "TCPFullUndo=0 RetransSegs=1" } },
	/* Undone once: a second D-SACK of the same finds nothing to undo. */
	{ "undo_%s_once", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { ONE_RESENT "< . 1 ack 10001; < . 1 ack 10001 <sack 1:1001>; < . 1 ack 10001 <sack 1:1001>;"
			"none;" UNDONE, .counters = "TCPDSACKUndo=1 TCPDSACKRecv=2 TCPDSACKIgnoredDubious=1" } },
	/*
	 * The ACK covers only what was resent. RACK looks at what was sent first, even where something stands before it
	 * that was resent in vain: what comes is the hole that is older, and not SND.UNA, which only a timeout would
	 * resend.
	 */
	{ "undo_and_then_the_oldest_first", "RFC 8985 6.2", .syn = SACK_TS,
		.want = { RESENT_IN_VAIN ">@150 p. 13001(1000) ack 1; none; info lost = 1; < . 1 ack 30001; none;"
			"info ca_state = 0", .counters = "TCPLossUndo=1 TCPTimeouts=1 TCPTSReorder=1" },
		.kernel_differs = FORGETS,
		.kernel = { RESENT_IN_VAIN "< . 1 ack 11001 <nop,nop,ts T R-460,nop,nop,sack 14001:21001>;"
			">@1500 p. 11001(1000) ack 1; skim; < . 1 ack 30001; none",
			.counters = "TCPLossUndo=2 TCPTimeouts=2" } },
	/* The others are a little later than the first was: nothing is resent within the reordering window. */
	{ "undo_and_then_what_is_as_late", "RFC 8985 6.2", .syn = SACK_TS,
		.want = { RESENT_IN_VAIN "pass 15; < . 1 ack 30001 <nop,nop,ts T K>; none; info ca_state = 0",
			.counters = "TCPLossUndo=1 TCPTimeouts=1 RetransSegs=4" } },
	/* What was resent after the timeout stays in flight, and does not count as resent. */
	{ "undo_of_a_timeout_with_a_repetition_in_flight", "RFC 3522 3.2", .syn = SACK_TS,
		.want = { TIMED_OUT "< . 1 ack 11001 <nop,nop,ts T R,nop,nop,sack 14001:20001>;"
			"> p. 11001(1000) ack 1 x2; none; info retrans = 2;"
			"< . 1 ack 12001 <nop,nop,ts T R-460,nop,nop,sack 14001:20001>; none; info lost = 0;"
			"info retrans = 0; < . 1 ack 30001; none; info ca_state = 0",
			.counters = "TCPLossUndo=1 TCPTimeouts=1" },
		.kernel_differs = "counts a repetition until it is acknowledged",
		.kernel.script = TIMED_OUT "< . 1 ack 11001 <nop,nop,ts T R,nop,nop,sack 14001:20001>;"
			"> p. 11001(1000) ack 1 x2; none; info retrans = 2;"
			"< . 1 ack 12001 <nop,nop,ts T R-460,nop,nop,sack 14001:20001>; none; info lost = 0;"
			"info retrans = 1; < . 1 ack 30001; none; info ca_state = 0" },
	/* Repetitions that an undo left in flight are lost after others; resent by number, once all are. */
	{ "undo_and_then_losses_in_another_order", "RFC 6675 4", .syn = SACK_TS,
		.want = { TIMED_OUT "< . 1 ack 11001 <nop,nop,ts T R,nop,nop,sack 14001:20001>; skim;"
			"< . 1 ack 12001 <nop,nop,ts T R,nop,nop,sack 21001:22001 14001:20001>; skim;"
			"< . 1 ack 12001 <nop,nop,ts T R,nop,nop,sack 13001:20001 21001:22001>; skim; info retrans = 4;"
			"< . 1 ack 12501 win 500 <nop,nop,ts T R-460,nop,nop,sack 13001:20001 21001:22001>; none;"
			"info lost = 0; pass 100; info lost = 6; none;"
			"< . 1 ack 12501 win 500 <nop,nop,ts T R,nop,nop,sack 23001:24001 21001:22001>;"
			">@100 p. 12501(500) ack 1; none; info lost = 9;"
			"< . 1 ack 12501 win 65535 <nop,nop,ts T R,nop,nop,sack 23001:24001 21001:22001>;"
			"> p. 20001(1000) ack 1; < . 1 ack 22001 <nop,nop,ts T R,nop,nop,sack 23001:24001>;"
			"> p. 22001(1000) ack 1; > p. 24001(1000) ack 1; skim; < . 1 ack 30001; none" },
		.kernel_differs = "resends what lies beyond a window that has shrunk",
		.kernel.script = TIMED_OUT "< . 1 ack 30001; none" },
	/* The recovery is over when the D-SACK comes: the tracepoint tells of both, one after the other. */
	{ "undo_%s_dsack_is_traced", "RFC 3708 3", .in = ESTABLISHED, .syn = SACK, .pre = "trace xtcp_congestion",
		.want = { ONE_RESENT "traced 1 reason=RACK; < . 1 ack 10001; none; traced 1 phase=Open;"
			"traced 0 reason=undo; < . 1 ack 10001 <sack 1:1001>; none; traced 2 phase=Open;"
			"traced 1 reason=undo: D-SACK", .counters = "TCPDSACKUndo=1" } },
	/* A second loss after an undone one reduces the window again. */
	{ "undo_%s_and_then_a_loss", "RFC 4015 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { ONE_RESENT "< . 1 ack 10001; < . 1 ack 10001 <sack 1:1001>; none;" UNDONE "write 10000;"
			"> p. 10001(1000) ack 1 x9; > P. 19001(1000) ack 1; < . 1 ack 10001 <sack 11001:20001>;"
			"> p. 10001(1000) ack 1; none; info snd_ssthresh <= 6; < . 1 ack 20001; none;"
			"info ca_state = 0; info snd_cwnd <= 7",
			.counters = "TCPDSACKUndo=1 TCPSackRecovery=2 RetransSegs=2" } },
};

WIRE_MAIN(rows)
