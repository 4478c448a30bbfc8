// SPDX-License-Identifier: GPL-2.0
/*
 * The SACK blocks that the receiver of text sends (RFC 2018 section 4, RFC 2883): which, in what order, how many, in
 * which segments, and what came twice. Kernel TCP delays the ACK of a fourth segment out of order and of those behind
 * it for up to a millisecond, hence >@.
 */
#include "lib/wire.h"

#define SACK		.syn = "mss 1000,sackok"
#define SACK_TS		.syn = "mss 1012,sackok,ts T R"

/* Four holes; the ACK of the last one has come. */
#define FOUR_BLOCKS	"< . 1001(500) ack 1; > . 1 ack 1 <sack 1001:1501>;" \
			"< . 2001(500) ack 1; > . 1 ack 1 <sack 2001:2501 1001:1501>;" \
			"< . 3001(500) ack 1; > . 1 ack 1 <sack 3001:3501 2001:2501 1001:1501>;" \
			"< . 4001(500) ack 1;"

/* ACKs may be compressed for a twentieth of 800 ms: the first ACKs are spent, and three for the hole have gone. */
#define COMPRESS(nr)	"sysctl comp_sack_delay_ns 100000000; sysctl comp_sack_nr " nr "; listen"
#define SLOW_PATH	"< S 0 $; > S. 0 ack 1; pass 800; < . 1 ack 1; accept; write 100; > P. 1(100) ack 1;" \
			"pass 800; < P. 1(1000) ack 101; >@1000 . 101 ack 1001; set QUICKACK 0;"
#define THREE_GO	"< P. 2001(100) ack 101; > . 101 ack 1001; < P. 2101(100) ack 101; > . 101 ack 1001;" \
			"< P. 2201(100) ack 101; > . 101 ack 1001 <sack 2001:2301>;"

#define HOLES	4200

/* Octets that were offered: each skb holds two of them, and behind each two are missing. */
static int many_holes(struct wire *w)
{
	char step[64];

	for (int i = 0; i < HOLES; i++) {
		snprintf(step, sizeof(step), "< . %d(2) ack 1; %s", 3 + 4 * i, i % 64 == 63 ? "skim" : "");
		if (wire_script_run(w, step))
			return -1;
	}
	return wire_script_run(w, "skim; < . 16803(2) ack 1; >@1000 . 1 ack 1 "
			       "<sack 16803:16805 16799:16801 16795:16797 16791:16793>; none");
}

static uint64_t counted(const struct wire_counters *before, const struct wire_counters *now, const char *name)
{
	return wire_counter_value(now, name) - wire_counter_value(before, name);
}

/*
 * Single octets fill the buffer, with a hole before each. Then one comes before all others: the farthest makes way for
 * it, and its block with it. Kernel TCP drops more than one, and forgets all blocks.
 */
static int makes_room(struct wire *w)
{
	static struct wire_counters before, now;
	unsigned int at = 101;
	char script[160];

	if (wire_counter_read(w, &before))
		return -1;
	do {
		at += 2;
		snprintf(script, sizeof(script), "< . %u(1) ack 1; skim", at);
		if (wire_script_run(w, script) || wire_counter_read(w, &now))
			return -1;
		if (at > 1000)
			return wire_fail(w, "the buffer takes all octets");
	} while (!counted(&before, &now, "PruneCalled"));
	if (w->stack == WIRE_KERNEL)
		return counted(&before, &now, "OfoPruned") ? 0 : wire_fail(w, "nothing is dropped");
	if (counted(&before, &now, "OfoPruned") || counted(&before, &now, "RcvPruned") != 1)
		return wire_fail(w, "text makes room for what lies beyond it");
	/* text that finds no room is answered, too: the peer learns of the hole by duplicate ACKs */
	snprintf(script, sizeof(script), "< . %u(1) ack 1; > . 1 ack 1 <sack %u:%u %u:%u %u:%u %u:%u>", at + 2,
		 at - 2, at - 1, at - 4, at - 3, at - 6, at - 5, at - 8, at - 7);
	if (wire_script_run(w, script) || wire_counter_read(w, &now))
		return -1;
	if (counted(&before, &now, "RcvPruned") != 2)
		return wire_fail(w, "RcvPruned has not counted it");
	/* the last octets, from @at on, were refused: the farthest is the one before them */
	snprintf(script, sizeof(script), "< . 51(1) ack 1; > . 1 ack 1 <sack 51:52 %u:%u %u:%u %u:%u>",
		 at - 4, at - 3, at - 6, at - 5, at - 8, at - 7);
	if (wire_script_run(w, script) || wire_counter_read(w, &now))
		return -1;
	return counted(&before, &now, "OfoPruned") == 1 ? 0 : wire_fail(w, "OfoPruned has not counted it");
}

/* One block in several skbs: when the farthest makes way, it is shorter. Kernel TCP does so as a last resort. */
static int makes_room_in_a_block(struct wire *w)
{
	static struct wire_counters before, now;
	struct wire_segment seg;
	unsigned int at = 101 - 40;

	if (wire_counter_read(w, &before))
		return -1;
	do {
		at += 40;
		if (wire_script_run(w, wire_text("< . %u(40) ack 1; skim", at)) || wire_counter_read(w, &now))
			return -1;
		if (at > 7000)
			return wire_fail(w, "the buffer takes all octets");
	} while (!counted(&before, &now, "PruneCalled"));
	if (wire_script_run(w, "< . 51(1) ack 1") || wire_peer_receive(w, &seg, 0) != 1 || wire_counter_read(w, &now))
		return wire_fail(w, "no answer");
	if (w->stack == WIRE_KERNEL)
		return 0;
	if (counted(&before, &now, "OfoPruned") != 1 || seg.sacks != 2)
		return wire_fail(w, "%u blocks", seg.sacks);
	return seg.sack[1][0] - w->c.iss == 101 && seg.sack[1][1] - w->c.iss < at &&
	       seg.sack[1][1] - w->c.iss > 101 ? 0 :
	       wire_fail(w, "a block of %u to %u of %u", seg.sack[1][0] - w->c.iss, seg.sack[1][1] - w->c.iss, at);
}

static const struct wire_row rows[] = {
	/* negotiation */
	{ "sack_%s_not_offered_not_sent", "RFC 2018 2", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1 <nosack>" } },
	{ "sack_%s_offered_and_sent", "RFC 2018 4", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1 <sack 1001:1501>" } },
	{ "sack_%s_not_in_a_rst", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1 <sack 1001:1501>; abort; > R. 1 ack 1 <nosack>",
			.state = CLOSED },
		.kernel_differs = "has blocks in each segment with ACK",
		.kernel.script = "< . 1001(500) ack 1; > . 1 ack 1 <sack 1001:1501>; abort;"
			"> R. 1 ack 1 <sack 1001:1501>" },
	/* The same segment again and again: our ACKs are lost, and try another path. */
	{ "sack_%s_repeated_takes_another_path", "RFC 2883 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1(500) ack 1; >@1000 . 1 ack 501; < . 1(500) ack 1; > . 1 ack 501 <sack 1:501>;"
			"< . 1(500) ack 1; > . 1 ack 501 <sack 1:501>; < . 501(500) ack 1; >@1000 . 1 ack 1001;"
			"< . 501(500) ack 1; > . 1 ack 1001 <sack 501:1001>",
			.counters = "TcpDuplicateDataRehash=1 DelayedACKLost=3" } },
	/* after half a minute without text it has given back its data state, in which the last D-SACK is */
	{ "sack_%s_repeated_after_a_rest", "RFC 2883 4", .in = ESTABLISHED, SACK,
		.want = { "write 100; > P. 1(100) ack 1; < . 1(500) ack 101; >@1000 . 101 ack 501; read 500;"
			"< . 1(500) ack 101; > . 101 ack 501 <sack 1:501>; pass 32000; < . 1(500) ack 101;"
			"> . 101 ack 501 <sack 1:501>",
			.counters = "TCPDSACKOldSent=2 TcpDuplicateDataRehash=1 DelayedACKLost=2" } },
	/* The block with what came twice follows, also where it is more than one skb in the queue. */
	{ "sack_%s_twice_across_two_segments", "RFC 2883 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(1000) ack 1; > . 1 ack 1; < . 2001(1000) ack 1; > . 1 ack 1; < . 5001(500) ack 1;"
			"> . 1 ack 1 <sack 5001:5501 1001:3001>; < . 1501(1000) ack 1;"
			">@1000 . 1 ack 1 <sack 1501:2501 1001:3001 5001:5501>; < . 5101(100) ack 1;"
			">@1000 . 1 ack 1 <sack 5101:5201 5001:5501 1001:3001>; < . 1001(2000) ack 1;"
			">@1000 . 1 ack 1 <sack 1001:3001 1001:3001 5001:5501>" } },
	/* It ends before the last ACK: the ACK of it may be lost, so those of what follows do not wait. */
	{ "sack_%s_repeated_long_after", "RFC 2883 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1(500) ack 1; >@1000 . 1 ack 501; set QUICKACK 0; < . 501(500) ack 1;"
			">@1000 . 1 ack 1001; set QUICKACK 0; < . 1(500) ack 1; > . 1 ack 1001 <sack 1:501>;"
			"< . 1001(500) ack 1; > . 1 ack 1501 <nosack>", .counters = "DelayedACKLost=1" } },
	{ "sack_%s_repeated_is_seen_by_the_label", "RFC 6438 3", .in = ESTABLISHED, SACK, .only = 6,
		.want = { "< . 1(500) ack 1; >@1000 . 1 ack 501; < . 1(500) ack 1; > . 1 ack 501 label same;"
			"< . 1(500) ack 1; > . 1 ack 501 label other", .counters = "TcpDuplicateDataRehash=1" } },
	/* which blocks, and their order */
	{ "sack_%s_newest_first", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { FOUR_BLOCKS ">@1000 . 1 ack 1 <sack 4001:4501 3001:3501 2001:2501 1001:1501>; none" } },
	{ "sack_%s_three_with_timestamps", "RFC 2018 3", .in = ESTABLISHED, SACK_TS,
		.want = { FOUR_BLOCKS ">@1000 . 1 ack 1 <ts,sack 4001:4501 3001:3501 2001:2501>; none" } },
	{ "sack_%s_fifth_displaces_the_oldest", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { FOUR_BLOCKS ">@1000 . 1 ack 1; < . 5001(500) ack 1;"
			">@1000 . 1 ack 1 <sack 5001:5501 4001:4501 3001:3501 2001:2501>; none" } },
	{ "sack_%s_grows_on_the_right", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < . 2001(500) ack 1; > . 1 ack 1; < . 1501(200) ack 1;"
			"> . 1 ack 1 <sack 1001:1701 2001:2501>" } },
	{ "sack_%s_grows_on_the_left", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < . 2001(500) ack 1; > . 1 ack 1; < . 901(100) ack 1;"
			"> . 1 ack 1 <sack 901:1501 2001:2501>" } },
	{ "sack_%s_two_become_one", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { FOUR_BLOCKS ">@1000 . 1 ack 1; < . 2501(500) ack 1;"
			">@1000 . 1 ack 1 <sack 2001:3501 4001:4501 1001:1501>; none" } },
	{ "sack_%s_hole_filled", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < . 2001(500) ack 1; > . 1 ack 1; < . 1(1000) ack 1;"
			"> . 1 ack 1501 <sack 2001:2501>; < . 1501(500) ack 1; > . 1 ack 2501 <nosack>; none",
			.counters = "TCPDSACKOldSent=0 TCPDSACKOfoSent=0" } },
	{ "sack_%s_hole_filled_in_part", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < . 2001(500) ack 1; > . 1 ack 1; < . 1(400) ack 1;"
			"> . 1 ack 401 <sack 2001:2501 1001:1501>" } },
	/* in which segments */
	{ "sack_%s_in_segments_with_text", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; write 500; > P. 1(500) ack 1 <sack 1001:1501>;"
			"< . 1 ack 501; none" } },
	{ "sack_%s_in_the_FIN", "RFC 2018 4", .in = ESTABLISHED, SACK_TS,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; shut; > F. 1 ack 1 <sack 1001:1501>",
			.state = FIN_WAIT_1 } },
	{ "sack_%s_in_a_challenge_ack", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < S 5000 $; > . 1 ack 1 <sack 1001:1501>" } },
	/* the FIN takes a number */
	{ "sack_%s_of_a_FIN", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< F. 1001 ack 1; > . 1 ack 1 <sack 1001:1002>; < . 501(500) ack 1;"
			"> . 1 ack 1 <sack 501:1002>; < . 1(500) ack 1; > . 1 ack 1002 <nosack>",
			.state = CLOSE_WAIT } },
	{ "sack_%s_of_text_with_a_FIN", "RFC 2018 4", .in = ESTABLISHED, SACK,
		.want = { "< F. 1001(500) ack 1; > . 1 ack 1 <sack 1001:1502>; < . 1(1000) ack 1;"
			"> . 1 ack 1502 <nosack>", .state = CLOSE_WAIT } },
	/* what came twice */
	{ "dsack_%s_all_of_a_segment", "RFC 2883 4.1.1", .in = ESTABLISHED | FIN_WAIT_2, SACK,
		.want = { "< . N(1000); >@1000 . S ack N+1000; < . N-1000(1000); > . S ack N <sack N-1000:N>; none",
			.counters = "TCPDSACKOldSent=1 TCPDSACKOfoSent=0" } },
	{ "dsack_%s_told_once", "RFC 2883 4", .in = ESTABLISHED, SACK,
		.want = { "< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(1000) ack 1; > . 1 ack 1001 <sack 1:1001>;"
			"< . 2001(500) ack 1; > . 1 ack 1001 <sack 2001:2501>",
			.counters = "TCPDSACKOldSent=1 TCPDSACKOfoSent=0" } },
	{ "dsack_%s_before_any_text", "RFC 2883 4", .in = ESTABLISHED, SACK_TS, .via = PASSIVE | ACTIVE,
		.want = { "< . -999(500) ack 1; > . 1 ack 1; tick 600; < F. -999(500) ack 1; > . 1 ack 1; tick 600;"
			"< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(500) ack 1; > . 1 ack 1001 <sack 1:501>; none",
			.counters = "TCPDSACKOldSent=1" },
		.kernel_differs = "tells what came twice, though the peer has sent nothing that could",
		.kernel = { "< . -999(500) ack 1; > . 1 ack 1 <sack -999:-499>; tick 600; < F. -999(500) ack 1;"
			"> . 1 ack 1 <sack -999:-498>; tick 600; < . 1(1000) ack 1; >@1000 . 1 ack 1001;"
			"< . 1(500) ack 1; > . 1 ack 1001 <sack 1:501>; none", .counters = "TCPDSACKOldSent=3" } },
	{ "dsack_%s_outside_the_window", "RFC 2883 4.1.1", .in = ESTABLISHED, SACK_TS,
		.want = { "< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(500) ack 1; > . 1 ack 1001 <sack 1:501>; none",
			.counters = "TCPDSACKOldSent=1" } },
	/* who sees no segments cannot know what we may acknowledge */
	{ "dsack_%s_none_for_a_forged_segment", "RFC 5961 5.2", .in = ESTABLISHED, SACK,
		.want = { "< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(500) ack 100001; > . 1 ack 1001 <nosack>;"
			"< . 1(500) ack -100001; none; < - 1(500); none; < . 1(500) ack 1; > . 1 ack 1001 <sack 1:501>",
			.counters = "TCPDSACKOldSent=1 DelayedACKLost=1 TcpDuplicateDataRehash=0 TCPACKSkippedSeq=2" },
		.kernel_differs = "tells what came twice, and takes another path, whatever is acknowledged;"
			"a segment without ACK gets no answer",
		.kernel = { "< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(500) ack 100001;"
			"> . 1 ack 1001 <sack 1:501>; < . 1(500) ack -100001; > . 1 ack 1001 <sack 1:501>; < - 1(500);"
			"none; < . 1(500) ack 1; > . 1 ack 1001 <sack 1:501>",
			.counters = "TCPDSACKOldSent=3 DelayedACKLost=3 TcpDuplicateDataRehash=2 "
			"TCPACKSkippedSeq=0" } },
	{ "dsack_%s_old_timestamp", "RFC 2883 4.1.1", .in = ESTABLISHED, SACK_TS,
		.want = { "tick 100; < . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(1000) ack 1 <nop,nop,ts T-100 R>;"
			"> . 1 ack 1001 <sack 1:1001>", .counters = "TCPDSACKOldSent=1 PAWSEstab=1" } },
	{ "dsack_%s_a_part_is_old", "RFC 2883 4.2.1", .in = ESTABLISHED, SACK,
		.want = { "< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 501(1000) ack 1; > . 1 ack 1501 <sack 501:1001>",
			.counters = "TCPDSACKOldSent=1" } },
	{ "dsack_%s_with_a_hole_beyond", "RFC 2883 4.1.2", .in = ESTABLISHED, SACK,
		.want = { "< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 2001(500) ack 1; > . 1 ack 1001;"
			"< . 1(1000) ack 1; > . 1 ack 1001 <sack 1:1001 2001:2501>",
			.counters = "TCPDSACKOldSent=1" } },
	{ "dsack_%s_out_of_order", "RFC 2883 4.1.3", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < . 2001(500) ack 1; > . 1 ack 1; < . 1001(500) ack 1;"
			"> . 1 ack 1 <sack 1001:1501 1001:1501 2001:2501>",
			.counters = "TCPDSACKOldSent=0 TCPDSACKOfoSent=1" } },
	{ "dsack_%s_inside_a_block", "RFC 2883 4.1.3", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(1000) ack 1; > . 1 ack 1; < . 1201(300) ack 1;"
			"> . 1 ack 1 <sack 1201:1501 1001:2001>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_covers_a_block", "RFC 2883 4.2.1", .in = ESTABLISHED, SACK,
		.want = { "< . 1201(300) ack 1; > . 1 ack 1; < . 1001(1000) ack 1;"
			"> . 1 ack 1 <sack 1201:1501 1001:2001>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_left_edge_of_a_block", "RFC 2883 4.2.1", .in = ESTABLISHED, SACK,
		.want = { "< . 1501(1000) ack 1; > . 1 ack 1; < . 1001(1000) ack 1;"
			"> . 1 ack 1 <sack 1501:2001 1001:2501>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_right_edge_of_a_block", "RFC 2883 4.2.1", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(1000) ack 1; > . 1 ack 1; < . 1501(1000) ack 1;"
			"> . 1 ack 1 <sack 1501:2001 1001:2501>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_same_left_edge", "RFC 2883 4.2.1", .in = ESTABLISHED, SACK,
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < . 1001(1000) ack 1;"
			"> . 1 ack 1 <sack 1001:1501 1001:2001>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_the_first_of_two_stretches", "RFC 2883 4.2.2", .in = ESTABLISHED, SACK,
		.want = { "< . 1101(100) ack 1; > . 1 ack 1; < . 1401(100) ack 1; > . 1 ack 1; < . 1001(1000) ack 1;"
			"> . 1 ack 1 <sack 1101:1201 1001:2001>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_two_stretches_that_meet", "RFC 2883 4.2.1", .in = ESTABLISHED, SACK,
		.want = { "< . 1101(100) ack 1; > . 1 ack 1; < . 1301(100) ack 1; > . 1 ack 1; < . 1201(100) ack 1;"
			"> . 1 ack 1 <sack 1101:1401>; < . 1001(1000) ack 1;"
			">@1000 . 1 ack 1 <sack 1101:1401 1001:2001>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_queued_text_comes_in_order", "RFC 2883 4.2.1", .in = ESTABLISHED, SACK,
		.want = { "< . 501(100) ack 1; > . 1 ack 1; < . 2001(500) ack 1; > . 1 ack 1; < . 1(1000) ack 1;"
			"> . 1 ack 1001 <sack 501:601 2001:2501>",
			.counters = "TCPDSACKOldSent=1 TCPDSACKOfoSent=0" } },
	{ "dsack_%s_of_a_FIN", "RFC 2883 4.1.1", .in = CLOSE_WAIT, SACK,
		.want = { "< F. N-1; > . S ack N <sack N-1:N>; none", .counters = "TCPDSACKOldSent=1" } },
	{ "dsack_%s_of_a_FIN_out_of_order", "RFC 2883 4.1.3", .in = ESTABLISHED, SACK,
		.want = { "< F. 1001 ack 1; > . 1 ack 1; < F. 1001 ack 1; > . 1 ack 1 <sack 1001:1002 1001:1002>",
			.counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_displaces_a_block", "RFC 2883 4", .in = ESTABLISHED, SACK,
		.want = { FOUR_BLOCKS ">@1000 . 1 ack 1; < . 3001(500) ack 1;"
			">@1000 . 1 ack 1 <sack 3001:3501 3001:3501 4001:4501 2001:2501>",
			.counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_displaces_a_block_with_timestamps", "RFC 2883 4", .in = ESTABLISHED, SACK_TS,
		.want = { FOUR_BLOCKS ">@1000 . 1 ack 1; < . 3001(500) ack 1;"
			">@1000 . 1 ack 1 <sack 3001:3501 3001:3501 4001:4501>", .counters = "TCPDSACKOfoSent=1" } },
	{ "dsack_%s_switched_off", "RFC 2883 4", .in = ESTABLISHED, SACK,
		.want = { "sysctl dsack 0; < . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(1000) ack 1;"
			"> . 1 ack 1001 <nosack>; < . 2001(500) ack 1; > . 1 ack 1001; < . 2001(500) ack 1;"
			"> . 1 ack 1001 <sack 2001:2501>", .counters = "TCPDSACKOldSent=0 TCPDSACKOfoSent=0" } },
	{ "dsack_%s_not_negotiated", "RFC 2018 2", .in = ESTABLISHED,
		.want = { "< . 1(1000) ack 1; >@1000 . 1 ack 1001; < . 1(1000) ack 1; > . 1 ack 1001 <nosack>",
			.counters = "TCPDSACKOldSent=0 TCPDSACKOfoSent=0" } },
	/* Compressed ACKs: Linux's knobs. */
	{ "compressed_%s_one_ack_for_three", "RFC 5681 4.2", .in = LISTEN, SACK_TS, .pre = COMPRESS("44"),
		.want = { SLOW_PATH THREE_GO "mark; < P. 2301(100) ack 101; none; < P. 2401(100) ack 101; none;"
			"< P. 2501(100) ack 101; none; >@1000 . 101 ack 1001 <sack 2001:2601>; elapsed >= 25; none",
			.state = ESTABLISHED, .counters = "TCPAckCompressed=2" } },
	{ "compressed_%s_not_more_than_comp_sack_nr", "RFC 5681 4.2", .in = LISTEN, SACK_TS, .pre = COMPRESS("2"),
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; none; < P. 2401(100) ack 101; none;"
			"< P. 2501(100) ack 101; > . 101 ack 1001 <sack 2001:2601>; pass 200; none",
			.state = ESTABLISHED, .counters = "TCPAckCompressed=2" } },
	{ "compressed_%s_no_longer_than_comp_sack_delay_ns", "RFC 5681 4.2", .in = LISTEN, SACK_TS,
		.pre = COMPRESS("44") "; sysctl comp_sack_delay_ns 0",
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; >@20 . 101 ack 1001 <sack 2001:2401>",
			.state = ESTABLISHED } },
	/* Our segments take no time, and the peer's echoes 800 ms: the shorter round trip counts. */
	{ "compressed_%s_no_longer_than_the_shorter_round_trip", "RFC 5681 4.2", .in = LISTEN, SACK_TS,
		.pre = COMPRESS("44"),
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 100; > P. 1(100) ack 1; < . 1 ack 101;"
			"info rtt <= 20000; pass 800; < P. 1(1000) ack 101; >@1000 . 101 ack 1001; set QUICKACK 0;"
			THREE_GO "< P. 2301(100) ack 101; >@20 . 101 ack 1001 <sack 2001:2401>",
			.state = ESTABLISHED } },
	{ "compressed_%s_by_comp_sack_nr_0", "RFC 5681 4.2", .in = LISTEN, SACK_TS, .pre = COMPRESS("0"),
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; > . 101 ack 1001 <sack 2001:2401>;"
			"< P. 2401(100) ack 101; > . 101 ack 1001 <sack 2001:2501>; none", .state = ESTABLISHED,
			.counters = "TCPAckCompressed=0" } },
	{ "compressed_%s_text_carries_the_ack", "RFC 5681 4.2", .in = LISTEN, SACK_TS, .pre = COMPRESS("44"),
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; none; write 100;"
			"> P. 101(100) ack 1001 <sack 2001:2401>; pass 200; none", .state = ESTABLISHED,
			.counters = "TCPAckCompressed=1" } },
	{ "compressed_%s_but_not_what_came_twice", "RFC 2883 4", .in = LISTEN, SACK_TS, .pre = COMPRESS("44"),
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; none; < P. 2301(100) ack 101;"
			"> . 101 ack 1001 <sack 2301:2401 2001:2401>; pass 200; none", .state = ESTABLISHED,
			.counters = "TCPAckCompressed=1" },
		.kernel_differs = "compresses that ACK, too",
		.kernel.script = SLOW_PATH THREE_GO "< P. 2301(100) ack 101; none; < P. 2301(100) ack 101; none;"
			">@1000 . 101 ack 1001 <sack 2301:2401 2001:2401>; pass 200; none" },
	{ "compressed_%s_but_not_what_fills_the_hole", "RFC 5681 4.2", .in = LISTEN, SACK_TS, .pre = COMPRESS("44"),
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; none; < P. 1001(1000) ack 101;"
			"> . 101 ack 2401 <nosack>; pass 200; none", .state = ESTABLISHED,
			.counters = "TCPAckCompressed=1" } },
	{ "compressed_%s_not_after_a_part_of_the_hole", "RFC 5681 4.2", .in = LISTEN, SACK_TS, .pre = COMPRESS("44"),
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; none; < P. 1001(100) ack 101;"
			"> . 101 ack 1101 <sack 2001:2401>; < P. 2401(100) ack 101; > . 101 ack 1101 <sack 2001:2501>;"
			"< P. 2501(100) ack 101; > . 101 ack 1101; < P. 2601(100) ack 101; none;"
			">@1000 . 101 ack 1101 <sack 2001:2701>; none", .state = ESTABLISHED,
			.counters = "TCPAckCompressed=1" } },
	{ "compressed_%s_without_sack", "RFC 5681 4.2", .in = LISTEN, .syn = "mss 1012,ts T R", .pre = COMPRESS("44"),
		.want = { SLOW_PATH "< P. 2001(100) ack 101; > . 101 ack 1001; < P. 2101(100) ack 101;"
			"> . 101 ack 1001; < P. 2201(100) ack 101; > . 101 ack 1001; < P. 2301(100) ack 101;"
			"> . 101 ack 1001; none", .state = ESTABLISHED } },
	/* A block that others will displace must stand in an ACK before. */
	{ "compressed_%s_no_block_is_lost", "RFC 2018 4", .in = LISTEN, SACK_TS, .pre = COMPRESS("44"),
		.want = { SLOW_PATH THREE_GO "< P. 3001(100) ack 101; none; < P. 4001(100) ack 101;"
			"> . 101 ack 1001 <sack 4001:4101 3001:3101 2001:2301>; < P. 4101(100) ack 101; none;"
			">@1000 . 101 ack 1001 <sack 4001:4201 3001:3101 2001:2301>; none", .state = ESTABLISHED,
			.counters = "TCPAckCompressed=1" },
		.kernel_differs = "sends the ACK before the third block counts",
		.kernel.script = SLOW_PATH THREE_GO "< P. 3001(100) ack 101; none; < P. 4001(100) ack 101;"
			"> . 101 ack 1001 <sack 3001:3101 2001:2301>; < P. 4101(100) ack 101; none;"
			">@1000 . 101 ack 1001 <sack 4001:4201 3001:3101 2001:2301>; none",
		.kernel.counters = "TCPAckCompressed=0" },
	{ "compressed_%s_until_it_is_reset", "RFC 9293 3.10.5", .in = LISTEN, SACK_TS, .pre = COMPRESS("44"),
		.want = { SLOW_PATH THREE_GO "< P. 2301(100) ack 101; none; < R 1001; none; pass 200; none",
			.state = CLOSED, .err = "ECONNRESET" } },
	{ "sackrcv_more_holes_than_any_number", "RFC 9293 3.8.6", .in = ESTABLISHED,
		.pre = "listen; set RCVBUFFORCE 8000000", .syn = "mss 1000,sackok", .run = many_holes },
	{ "sackrcv_no_block_of_text_that_was_dropped", "RFC 2018 8", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 8192", .syn = "mss 1000,sackok", .run = makes_room },
	{ "sackrcv_a_block_shrinks_when_some_of_its_text_was_dropped", "RFC 2018 8", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 8192", .syn = "mss 1000,sackok", .run = makes_room_in_a_block },
};

WIRE_MAIN(rows)
