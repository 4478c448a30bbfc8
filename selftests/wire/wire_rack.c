// SPDX-License-Identifier: GPL-2.0
/*
 * RACK: what is lost is what is overdue. The path is 100 ms long, so the reordering window is 25 ms, and most steps of
 * a row take less than that; "late" is what comes after it.
 */
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
#define OPEN_FAR	"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; < . 1 ack 1;"
#define FOUR		OPEN_FAR "write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; pass 100;"
#define THREE_FLIGHTS	OPEN_FAR "write 1000; > P. 1(1000) ack 1; pass 30; write 2000; > p. 1001(1000) ack 1;" \
			"> P. 2001(1000) ack 1; pass 30; write 3000; > p. 3001(1000) ack 1 x2; > P. 5001(1000) ack 1;" \
			"pass 100; < . 1 ack 1001 <sack 3001:6001>;"
#define REORDERED	FOUR "< . 1 ack 1 <sack 1001:2001>; < . 1 ack 2001; < . 1 ack 4001; none;"
#define TEN		OPEN_FAR "write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; pass 100;"
/* Reordering is known, four segments are 50 ms old, and the one sent 30 ms after them arrives. */
#define OVERTAKEN	FOUR "< . 1 ack 1 <sack 1001:2001>; < . 1 ack 2001; < . 1 ack 4001; none;" \
			"info reord_seen = 1; set NODELAY 1; write 4000; > p. 4001(1000) ack 1 x3;" \
			"> P. 7001(1000) ack 1; pass 30; write 1000; > P. 8001(1000) ack 1; pass 20;" \
			"< . 1 ack 4001 <sack 8001:9001>;"
/* Of five segments the first and the last are lost, and the first is resent; its ACK comes after half a round trip. */
#define FASTER		OPEN_FAR "write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; pass 100;" \
			"< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none; pass 50; < . 1 ack 4001;"
/* Reordering by seven is known, and the SACK of the last three of four comes 10 ms before the timeout of the first. */
#define LATE_BY_SEVEN	TEN "< . 1 ack 1 <sack 6001:7001>; none; < . 1 ack 7001; none; < . 1 ack 10001; none;" \
			"info reordering = 7; write 4000; > p. 10001(1000) ack 1 x3; > P. 13001(1000) ack 1;" \
			"pass 285; < . 1 ack 10001 <sack 11001:14001>; none; info reordering = 7;" \
			">@100 p. 10001(1000) ack 1;"

#define SMALL		100	/* octets of a segment */
#define HOLES		37	/* more than one walk along the list of lost segments passes */
#define FIRST		7001	/* sequence number of the flight */
#define NUMBER(i)	(FIRST + SMALL * (i))

static int sacks(struct wire *w, unsigned int from, unsigned int to, const char *then)
{
	return wire_script_run(w, wire_text("< . 1 ack U <sack %u:%u>; %s", NUMBER(from), NUMBER(to), then));
}

/*
 * Every other segment is lost and resent, and all that is lost again, behind two that were sent before: the order of
 * time is not that of sequence numbers. One ACK then makes room for all that is left.
 */
static int resends_in_order(struct wire *w)
{
	if (wire_script_run(w, "listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; set SNDBUFFORCE 1000000;"
			    "write 1000; skim; pass 100; < . 1 ack S; write 2000; skim; pass 100; < . 1 ack S;"
			    "write 4000; skim; pass 100; < . 1 ack S; check S = 7001; write 8000; skim;"
			    "check S = 15001; pass 100"))
		return -1;
	for (unsigned int i = 1; i < 2 * HOLES; i += 2)
		if (sacks(w, i, i + 1, "skim"))
			return -1;
	if (sacks(w, 2 * HOLES - 1, 2 * HOLES + 4, "skim; info retrans = 37; write 100; > P. 15001(100) ack 1; none;"
		  "pass 110") ||
	    sacks(w, 80, 81, "skim; info ca_state = 3; info lost = 39") ||
	    wire_script_run(w, wire_text("< . 1 ack %u", NUMBER(50))))
		return -1;
	for (unsigned int i = 50; i < 2 * HOLES; i += 2)
		if (wire_script_run(w, wire_text("> p. %u(100) ack 1", NUMBER(i))))
			return -1;
	return wire_script_run(w, "> p. 14801(100) ack 1; > P. 14901(100) ack 1; none; < . 1 ack S; none");
}

/* The path is 200 ms long. The first of two segments is overdue after the second one has arrived, and is resent. */
#define OVERDUE		"write 2000; skim; pass 200; mark; < . 1 ack U <sack U+1000:S>; none; >@300 p. U(1000) ack 1;"
#define REPAIRED	OVERDUE "< . 1 ack S; none;"
#define REPAIRED_5	"" REPAIRED REPAIRED REPAIRED REPAIRED REPAIRED

static const struct wire_row rows[] = {
	/* Less than three duplicates, and nothing else to send: time decides. */
	{ "rack_one_sack_and_time", "RFC 8985 6.2", .syn = SACK,
		.want = { FOUR "mark; < . 1 ack 1 <sack 3001:4001>; none; info ca_state = 1; info lost = 0;"
			">@150 p. 1(1000) ack 1; elapsed >= 20; none; info lost = 3; info ca_state = 3;"
			"< . 1 ack 1001 <sack 3001:4001>; > p. 1001(1000) ack 1 x2; none; < . 1 ack 4001; none;"
			"info ca_state = 0", .counters = "TCPTimeouts=0 TCPSackRecovery=1 RetransSegs=3" } },
	{ "rack_one_sack_of_two_segments", "RFC 8985 6.2", .syn = SACK,
		.want = { OPEN_FAR "write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; pass 100; mark;"
			"< . 1 ack 1 <sack 1001:2001>; none; >@150 p. 1(1000) ack 1; elapsed >= 20; none;"
			"< . 1 ack 2001; none; info ca_state = 0",
			.counters = "TCPTimeouts=0 TCPSackRecovery=1 RetransSegs=1" } },
	/* One after the other: the first is overdue 25 ms after the other's ACK, and the second 10 ms later. */
	{ "rack_overdue_one_after_the_other", "RFC 8985 6.2", .syn = SACK,
		.want = { OPEN_FAR "set NODELAY 1; write 1000; > P. 1(1000) ack 1; pass 20; write 1000;"
			"> P. 1001(1000) ack 1; write 1000; > P. 2001(1000) ack 1; pass 100; mark;"
			"< . 1 ack 1 <sack 2001:3001>; none; >@100 P. 1(1000) ack 1; info lost = 1;"
			">@100 P. 1001(1000) ack 1; elapsed >= 20; elapsed <= 90; none; < . 1 ack 3001; none;"
			"info ca_state = 0", .counters = "TCPTimeouts=0 TCPSackRecovery=1 RetransSegs=2" },
		.kernel_differs = "waits until all of them are overdue",
		.kernel.script = OPEN_FAR "set NODELAY 1; write 1000; > P. 1(1000) ack 1; pass 20; write 1000;"
			"> P. 1001(1000) ack 1; write 1000; > P. 2001(1000) ack 1; pass 100;"
			"< . 1 ack 1 <sack 2001:3001>; none; >@150 P. 1(1000) ack 1; info lost = 2;"
			"< . 1 ack 1001 <sack 2001:3001>; > P. 1001(1000) ack 1; < . 1 ack 3001; none" },
	{ "rack_reordered_in_time", "RFC 8985 6.2", .syn = SACK,
		.want = { FOUR "< . 1 ack 1 <sack 1001:2001>; none; < . 1 ack 2001; none; info ca_state = 0;"
			"info lost = 0; info snd_cwnd >= 10; pass 60; < . 1 ack 4001; none",
			.counters = "RetransSegs=0 TCPSACKReorder=1 TCPSackRecovery=0" } },
	/* The extent of the reordering, in segments: the first of ten comes after the seventh. */
	{ "rack_reordered_by_seven", "RFC 4653", .syn = SACK,
		.want = { TEN "info reordering = 3; < . 1 ack 1 <sack 6001:7001>; none; < . 1 ack 7001; none;"
			"info reordering = 7; < . 1 ack 10001; none; info reordering = 7",
			.counters = "RetransSegs=0 TCPSACKReorder=1 TCPSackRecovery=0" } },
	/* Sent before something that arrived, but not by more than the window: not lost yet. */
	{ "rack_sent_at_the_same_time_is_given_time", "RFC 8985 6.2", .syn = SACK,
		.want = { TEN "< . 1 ack 1 <sack 1001:2001>; < . 1 ack 1 <sack 3001:4001 1001:2001>; none;"
			"info ca_state = 1; info lost = 0; < . 1 ack 10001; none",
			.counters = "RetransSegs=0 TCPSackRecovery=0" } },
	/* What was sent a round trip before the segment that arrived is lost, whatever the count. */
	{ "rack_sent_long_before", "RFC 8985 6.2", .syn = SACK,
		.want = { OPEN_FAR "write 1000; > P. 1(1000) ack 1; pass 60; set NODELAY 1; write 1000;"
			"> P. 1001(1000) ack 1; pass 100; < . 1 ack 1 <sack 1001:2001>; > P. 1(1000) ack 1; none;"
			"info ca_state = 3; < . 1 ack 2001; none", .counters = "RetransSegs=1 TCPTimeouts=0" } },
	/* One ACK for the first flight and the third: what was sent between them is older than the third. */
	{ "rack_one_ack_for_two_flights", "RFC 8985 6.2", .syn = SACK,
		.want = { THREE_FLIGHTS "> p. 1001(1000) ack 1; > P. 2001(1000) ack 1; none; < . 1 ack 6001; none",
			.counters = "RetransSegs=2 TCPTimeouts=0 TCPSackRecovery=1" },
		.kernel_differs = "takes the round trip of the first flight, and waits until what is missing is as old",
		.kernel.script = THREE_FLIGHTS "none; >@150 p. 1001(1000) ack 1; none; < . 1 ack 2001 <sack 3001:6001>;"
			"> P. 2001(1000) ack 1; < . 1 ack 6001; none" },
	/* Only what was sent before it: later segments are not looked at. */
	{ "rack_sent_later_is_not_lost", "RFC 8985 6.2", .syn = SACK,
		.want = { TEN "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none; info lost = 1; info sacked = 3;"
			"pass 60; < . 1 ack 1 <sack 1001:7001>; none; info lost = 1; < . 1 ack 10001; none",
			.counters = "RetransSegs=1 TCPTimeouts=0" } },
	/* A timeout takes for lost what is old, and not what was sent a moment ago (6.3). */
	{ "rack_timeout_spares_what_was_just_sent", "RFC 8985 6.3", .syn = SACK, .pre = "sysctl early_retrans 0",
		.want = { OPEN_FAR "write 1000; > P. 1(1000) ack 1; pass 250; set NODELAY 1; write 1000;"
			"> P. 1001(1000) ack 1; >@200 P. 1(1000) ack 1; info lost = 1; pass 50; < . 1 ack 1001; none;"
			"info lost = 0; < . 1 ack 2001; none", .counters = "TCPTimeouts=1 RetransSegs=1" },
		.kernel_differs = "RACK knows no round trip before text is acknowledged",
		.kernel = { OPEN_FAR "write 1000; > P. 1(1000) ack 1; pass 250; set NODELAY 1; write 1000;"
			"> P. 1001(1000) ack 1; >@200 P. 1(1000) ack 1; info lost = 2; pass 100; < . 1 ack 1001; skim;"
			"< . 1 ack 2001; none", .counters = "TCPTimeouts=1" } },
	/*
	 * The path is known to reorder by seven segments. Three that were sent behind a lost one arrive so late that
	 * the timeout comes before the end of the reordering window: an estimate of seven was too high.
	 */
	{ "rack_timeout_lowers_the_extent_of_reordering", "RFC 8985 6.3", .syn = SACK, .pre = "sysctl early_retrans 0",
		.want = { LATE_BY_SEVEN "info ca_state = 4; info reordering = 3; < . 1 ack 14001; none",
			.counters = "TCPTimeouts=1 TCPSackFailures=1 RetransSegs=1" },
		.kernel_differs = "has one timer, which waits for the end of the reordering window instead",
		.kernel = { LATE_BY_SEVEN "info ca_state = 3; info reordering = 7; < . 1 ack 14001; none",
			.counters = "TCPTimeouts=0 TCPSackFailures=0 RetransSegs=1" } },
	/* A retransmission that is overdue is lost again, without a timeout (7.2). */
	{ "rack_lost_retransmission", "RFC 8985 6.2", .syn = SACK,
		.want = { OPEN_FAR "write 20000; > p. 1(1000) ack 1 x10; pass 100; < . 1 ack 1 <sack 1001:4001>;"
			"> p. 1(1000) ack 1; skim; < . 1 ack 1 <sack 1001:5001>; skim; check S >= 11001; pass 100;"
			"< . 1 ack 1 <sack 10001:11001 1001:5001>; > p. 1(1000) ack 1; skim; info ca_state = 3",
			.counters = "TCPLostRetransmit=1 TCPTimeouts=0" } },
	/*
	 * A slow queue: the first segment was lost and is underway again, behind nine others that arrive one by one. As
	 * long as these do, which were sent before it, it has no reason to be late.
	 */
	{ "rack_sacks_of_what_was_sent_before_put_the_timeout_off", "RFC 6298 5.3", .syn = SACK,
		.want = { TEN "< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none; pass 100;"
			"< . 1 ack 1 <sack 1001:5001>; none; pass 100; < . 1 ack 1 <sack 1001:6001>; none; pass 80;"
			"< . 1 ack 1 <sack 1001:7001>; none; pass 80; < . 1 ack 1 <sack 1001:8001>; none; pass 80;"
			"< . 1 ack 1 <sack 1001:9001>; none; info ca_state = 3; pass 80; < . 1 ack 10001; none;"
			"info ca_state = 0", .counters = "TCPTimeouts=0 TCPSackRecovery=1 RetransSegs=1" } },
	{ "rack_lost_again_is_resent_in_order", "RFC 6675 4", .run = resends_in_order, .syn = "mss 100,sackok",
		.want = { .state = ESTABLISHED, .counters = "TCPTimeouts=0" } },
	/* Reordering that was seen: duplicates no longer decide, time does. */
	{ "rack_three_duplicates_after_reordering", "RFC 8985 6.2", .syn = SACK,
		.want = { REORDERED "info reord_seen = 1; write 10000; > p. 4001(1000) ack 1 x9;"
			"> P. 13001(1000) ack 1; pass 100; mark; < . 1 ack 4001 <sack 5001:10001>; none; info lost = 0;"
			">@150 p. 4001(1000) ack 1; elapsed >= 12; none; info ca_state = 3; < . 1 ack 14001; none",
			.counters = "TCPSACKReorder=1 TCPTimeouts=0 RetransSegs=1" } },
	/*
	 * One segment comes by a way that takes 20 ms where the others take 100, on a path that is known to reorder:
	 * its round trip is none by which the others are late.
	 */
	{ "rack_overtaken_by_a_faster_way", "RFC 8985 6.2", .syn = SACK,
		.want = { OVERTAKEN "none; info lost = 0; info ca_state = 1; < . 1 ack 9001; none; info ca_state = 0",
			.counters = "TCPSACKReorder=2 RetransSegs=0 TCPSackRecovery=0" },
		.kernel_differs = "takes all for lost that took a quarter of the shortest round trip longer",
		.kernel = { OVERTAKEN "> p. 4001(1000) ack 1; skim; info ca_state = 3; < . 1 ack 9001; skim",
			.counters = "TCPSackRecovery=1" } },
	/* But not for ever: the smoothed round trip and the window behind it. */
	{ "rack_overtaken_and_lost", "RFC 8985 6.2", .syn = SACK,
		.want = { OVERTAKEN "mark; >@300 p. 4001(1000) ack 1; elapsed >= 20; skim; info ca_state = 3;"
			"< . 1 ack 9001; skim", .counters = "TCPTimeouts=0 TCPSackRecovery=1" },
		.kernel_differs = "takes all for lost that took a quarter of the shortest round trip longer",
		.kernel = { OVERTAKEN "> p. 4001(1000) ack 1; skim; info ca_state = 3; < . 1 ack 9001; skim",
			.counters = "TCPTimeouts=0 TCPSackRecovery=1" } },
	/* A D-SACK in a round trip with reordering widens the window by another quarter of min_rtt. */
	{ "rack_dsack_widens_the_window", "RFC 8985 6.2", .syn = SACK,
		.want = { REORDERED "write 4000; > p. 4001(1000) ack 1 x3; > P. 7001(1000) ack 1; pass 100;"
			"< . 1 ack 4001 <sack 5001:8001>; >@150 p. 4001(1000) ack 1; none; < . 1 ack 8001; none;"
			"< . 1 ack 8001 <sack 4001:5001>; none; info ca_state = 0; write 4000;"
			"> p. 8001(1000) ack 1 x3; > P. 11001(1000) ack 1; pass 100; mark;"
			"< . 1 ack 8001 <sack 9001:10001>; none; < . 1 ack 8001 <sack 9001:12001>;"
			">@200 p. 8001(1000) ack 1; elapsed >= 40; skim; < . 1 ack 12001; none",
			.counters = "TCPDSACKRecv=1 TCPDSACKUndo=1 TCPTimeouts=0" } },
	/* Sixteen necessary recoveries make it narrow again: a quarter of 200 ms, and half of it meanwhile. */
	{ "rack_recoveries_make_the_window_narrow_again", "RFC 8985 6.2", .syn = SACK,
		.want = { "listen; < S 0 $; > S. 0 ack 1; pass 200; < . 1 ack 1; accept;" OVERDUE "elapsed <= 80;"
			"< . 1 ack S; none; < . 1 ack S <sack S-2000:S-1000>; none;" OVERDUE "elapsed >= 90;"
			"< . 1 ack S; none;" REPAIRED_5 REPAIRED_5 REPAIRED_5 OVERDUE "elapsed <= 80; < . 1 ack S;"
			"none", .counters = "TCPDSACKUndo=1 TCPSackRecovery=18 TCPTimeouts=0" },
		.kernel_differs = "a D-SACK that comes when nothing is in flight does not widen it",
		.kernel = { "listen; < S 0 $; > S. 0 ack 1; pass 200; < . 1 ack 1; accept;" OVERDUE "elapsed <= 80;"
			"< . 1 ack S; none; < . 1 ack S <sack S-2000:S-1000>; none;" OVERDUE "elapsed <= 80;"
			"< . 1 ack S; none", .counters = "TCPDSACKUndo=1 TCPSackRecovery=2 TCPTimeouts=0" } },
	/* A needless recovery does not count: the 16th necessary one still begins with a wide window. */
	{ "rack_a_needless_recovery_does_not_make_the_window_narrow", "RFC 8985 6.2", .syn = SACK,
		.want = { "listen; < S 0 $; > S. 0 ack 1; pass 200; < . 1 ack 1; accept;" OVERDUE "elapsed <= 80;"
			"< . 1 ack S <sack S-2000:S-1000>; none; info ca_state = 0;" REPAIRED_5 REPAIRED_5 REPAIRED_5
			OVERDUE "elapsed >= 90; < . 1 ack S; none;" OVERDUE "elapsed <= 80; < . 1 ack S; none",
			.counters = "TCPFullUndo=1 TCPDSACKRecv=1 TCPSackRecovery=18 TCPTimeouts=0" },
		.kernel_differs = "widens it only on a path that is known to reorder",
		.kernel = { "listen; < S 0 $; > S. 0 ack 1; pass 200; < . 1 ack 1; accept;" OVERDUE "elapsed <= 80;"
			"< . 1 ack S <sack S-2000:S-1000>; none; info ca_state = 0;" OVERDUE "elapsed <= 80;"
			"< . 1 ack S; none",
			.counters = "TCPFullUndo=1 TCPDSACKRecv=1 TCPSackRecovery=2 TCPTimeouts=0" } },
	{ "rack_with_timestamps", "RFC 8985 6.2", .syn = "mss 1012,sackok,ts T R",
		.want = { FOUR "mark; < . 1 ack 1 <sack 3001:4001>; none; info ca_state = 1; >@150 p. 1(1000) ack 1;"
			"elapsed >= 20; skim; info ca_state = 3; < . 1 ack 4001; none",
			.counters = "TCPTimeouts=0 TCPSackRecovery=1" } },
	/* The echo proves that the resent segment arrived, so what was sent before it is lost, fast as it was. */
	{ "rack_resent_and_faster_than_any", "RFC 8985 6.2", .syn = "mss 1012,sackok,ts T R",
		.want = { FASTER "> P. 4001(1000) ack 1; none; info ca_state = 3; < . 1 ack 5001; none",
			.counters = "TCPTimeouts=0 TCPFastRetrans=2 RetransSegs=2" },
		.kernel_differs = "does not look at the echo",
		.kernel = { FASTER "none; >@900 P. 4001(1000) ack 1; info ca_state = 4; < . 1 ack 5001; none",
			.counters = "TCPTimeouts=1 TCPFastRetrans=1 RetransSegs=2" } },
	/* Without timestamps it may be the first copy, late. */
	{ "rack_resent_and_too_fast_to_tell", "RFC 8985 6.2", .syn = SACK,
		.want = { FASTER "none; >@900 P. 4001(1000) ack 1; info ca_state = 4; < . 1 ack 5001; none",
			.counters = "TCPTimeouts=1 TCPFastRetrans=1 RetransSegs=2" } },
	/* Without SACK there is no RACK: less than three duplicates wait for the timer (RFC 5681). */
	{ "rack_needs_sack", "RFC 8985 4",
		.want = { FOUR "mark; < . 1 ack 1; < . 1 ack 1; none; >@1500 p. 1(1000) ack 1; elapsed >= 100;"
			"info ca_state = 4; < . 1 ack 4001; none", .counters = "TCPTimeouts=1 RetransSegs=1" } },
};

WIRE_MAIN(rows)
