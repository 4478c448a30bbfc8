// SPDX-License-Identifier: GPL-2.0
/*
 * What TCP_INFO and the counters tell of an ordinary connection, and in which units. Clocks tick every 4 ms or faster,
 * so what is 100 ms ago is at least 96.
 */
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
#define OPEN_FAR	"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept;"
#define TOO_OLD		"Linux 6.1 has no such field"
#define OPEN		"listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"

static int say(struct wire *w, const char *format, unsigned int number)
{
	char script[80];

	snprintf(script, sizeof(script), format, number);
	return wire_script_run(w, script);
}

/* So many segments are acknowledged, each by itself; those before end at @acked. */
static int acknowledge(struct wire *w, unsigned int *acked, unsigned int segments)
{
	while (segments--) {
		*acked += 1000;
		if (say(w, "< . 1 ack %u", *acked))
			return -1;
	}
	return 0;
}

/* So many go at once; the first @soon of them are acknowledged after 300 ms. */
static int round_trip(struct wire *w, unsigned int *acked, unsigned int segments, unsigned int soon)
{
	return say(w, "write %u; pass 300; skim", 1000 * segments) ? -1 : acknowledge(w, acked, soon);
}

static int measure(struct wire *w)
{
	unsigned int acked = 1, i;

	if (wire_script_run(w, "listen; < S 0 $; > S. 0 ack 1; pass 300; < . 1 ack 1; accept; set SNDBUF 200000"))
		return -1;
	/* the congestion window grows to 40 */
	for (i = 10; i <= 40; i *= 2)
		if (round_trip(w, &acked, i, i))
			return -1;
	for (i = 0; i < 6; i++) {
		if (round_trip(w, &acked, 40, 34) ||
		    (i && wire_script_run(w, "info rto >= 1150000; info rto <= 1250000")) ||
		    wire_script_run(w, "pass 400") || acknowledge(w, &acked, 6) ||
		    wire_script_run(w, "skim; info rto >= 1370000; info rto <= 1470000; info rttvar >= 205000;"
				       "info rttvar <= 230000"))
			return -1;
	}
	return wire_script_run(w, "none; info unacked = 0");
}

static const struct wire_row rows[] = {
	/* Each of the three begins anew with what it is named after, and only with that. */
	{ "info_when_data_was_sent", "RFC 9293 3.10.6", .syn = SACK,
		.want = { OPEN "write 1000; > P. 1(1000) ack 1; info last_data_sent <= 90; pass 100;"
			"info last_data_sent >= 96; info last_data_sent <= 1000; < . 1 ack 1001;"
			"info last_data_sent >= 96; < P. 1(500) ack 1001; skim; info last_data_sent >= 96; write 500;"
			"skim; info last_data_sent <= 90" } },
	/* before there is data, the time counts from the handshake */
	{ "info_%s_when_data_was_never_sent", "RFC 9293 3.10.6", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want.script = "info last_data_sent <= 90; pass 100; info last_data_sent >= 96; < P. 1(500) ack 1;"
			"skim; info last_data_sent >= 96; info last_data_sent <= 1000" },
	{ "info_when_data_came", "RFC 9293 3.10.6", .syn = SACK,
		.want = { OPEN "< P. 1(500) ack 1; skim; info last_data_recv <= 90; pass 100;"
			"info last_data_recv >= 96; info last_data_recv <= 1000; < . 501 ack 1;"
			"info last_data_recv >= 96; write 1000; skim; < . 501 ack 1001; info last_data_recv >= 96;"
			"< P. 501(500) ack 1001; skim; info last_data_recv <= 90" } },
	{ "info_when_an_ack_came", "RFC 9293 3.10.6", .syn = SACK,
		.want = { OPEN "write 1000; > P. 1(1000) ack 1; < . 1 ack 1001; info last_ack_recv <= 90; pass 100;"
			"info last_ack_recv >= 96; info last_ack_recv <= 1000; write 1000; > P. 1001(1000) ack 1;"
			"info last_ack_recv >= 96; < . 1 ack 2001; info last_ack_recv <= 90" } },
	{ "info_counts_segments", "RFC 9293 3.10.6", .syn = SACK,
		.want = { OPEN "info segs_in = 2; info segs_out = 0; info data_segs_in = 0; write 3000;"
			"> p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1; info segs_out = 3; info data_segs_out = 3;"
			"< . 1 ack 3001; info segs_in = 3; info data_segs_in = 0; < P. 1(500) ack 3001;"
			"> . 3001 ack 501; info segs_in = 4; info data_segs_in = 1; info segs_out = 4;"
			"info data_segs_out = 3; none" } },
	{ "info_shortest_round_trip", "RFC 8985 6.2", .syn = SACK,
		.want = { OPEN_FAR "info min_rtt >= 100000; info min_rtt <= 200000; write 1000; > P. 1(1000) ack 1;"
			"pass 40; < . 1 ack 1001; info min_rtt >= 40000; info min_rtt <= 100000; write 1000;"
			"> P. 1001(1000) ack 1; pass 120; < . 1 ack 2001; info min_rtt >= 40000;"
			"info min_rtt <= 100000; info rtt >= 60000" } },
	/*
	 * The RTO goes by the largest RTTVAR of a round trip: six late segments of 40 count until the next six are due,
	 * where RTTVAR itself has forgotten them after 34 that are not.
	 */
	{ "info_rto_when_few_of_many_are_late", "RFC 6298 2, RFC 7323 G", .syn = SACK, .run = measure,
		.want = { .state = ESTABLISHED, .counters = "TCPTimeouts=0 RetransSegs=0" } },
	{ "info_rto_when_few_of_many_are_late_with_timestamps", "RFC 6298 2, RFC 7323 G",
		.syn = "mss 1012,sackok,ts T R", .run = measure,
		.want = { .state = ESTABLISHED, .counters = "TCPTimeouts=0 RetransSegs=0" } },
	{ "info_mss_of_the_peer", "RFC 9293 3.8.6.3", .syn = SACK,
		.want = { OPEN "info rcv_mss <= 1000; < . 1(700) ack 1; skim; info rcv_mss = 700; < . 701(900) ack 1;"
			"skim; info rcv_mss = 900; < P. 1601(100) ack 1; skim; info rcv_mss = 900" } },
	{ "info_window_of_the_peer", "RFC 9293 3.10.7.4", .syn = SACK, .synwin = "20000",
		.want = { OPEN "info snd_wnd = 20000; write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1;"
			"< . 1 ack 1001 win 5000; info snd_wnd = 5000; < . 1 ack 2001 win 0; info snd_wnd = 0" } },
	/* Ours is what a buffer of 6,291,456 octets needs. Both are 0 when one end has not offered the option. */
	{ "info_window_scales", "RFC 7323 2.2", .pre = "sysctl rmem 4096 131072 6291456",
		.want = { "listen; < S 0 <mss 1000,nop,ws 3>; > S. 0 ack 1 <ws 7>; < . 1 ack 1; accept;"
			"info snd_wscale = 3; info rcv_wscale = 7" } },
	{ "info_window_scales_without_the_option", "RFC 7323 2.2", .syn = SACK,
		.want = { OPEN "info snd_wscale = 0; info rcv_wscale = 0" } },
	/* The echo tells which SYN-ACK is answered, though its TSval carries options in the place of up to 63 ms. */
	{ "info_round_trip_of_a_repeated_syn_ack", "RFC 6298 3, RFC 7323 4.1", .syn = "mss 1000,nop,nop,ts T R",
		.want = { "listen; < S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; pass 100; < . 1 ack 1 <nop,nop,ts T R>;"
			"accept; info rtt >= 99000; info rtt <= 130000; info rto <= 400000",
			.counters = "TCPSynRetrans=1 RetransSegs=1" } },
	/*
	 * Twice the window in a round trip in slow start, 1.2 times the window then: so fast text would be paced,
	 * whether it is or not. The path is 100 ms and a little.
	 */
	{ "info_pacing_rate", "RFC 5681 3.1", .syn = SACK, .still_ms = 8,
		.want = { OPEN_FAR "info snd_cwnd = 10; info pacing_rate <= 200000; info pacing_rate >= 170000;"
			"write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; pass 100;"
			"< . 1 ack 1 <sack 1001:10001>; > . 1(1000) ack 1; pass 100; < . 1 ack 10001;"
			"info snd_cwnd = 5; info pacing_rate <= 60000; info pacing_rate >= 50000; none" } },
	/* What the program is taken to read in a round trip: ten segments of the link, until it has read more. */
	{ "info_space_to_receive", "RFC 9293 3.8.6", .syn = SACK,
		.want = { OPEN "info rcv_space = 10*A; < P. 1(1000) ack 1; skim; read 1000; info rcv_space = 10*A" } },
	/* The first of a series counts as a recovery; each takes another path. The time ends with the recovery. */
	{ "info_timeouts", "RFC 6298 5", .syn = SACK, .kernel_differs = TOO_OLD,
		.want = { OPEN "write 1000; > P. 1(1000) ack 1; info total_rto = 0; info rehash = 0;"
			"info total_rto_time = 0; >@1500 P. 1(1000) ack 1; info total_rto = 1;"
			"info total_rto_recoveries = 1; info rehash = 1; info total_rto_time <= 90;"
			">@2500 P. 1(1000) ack 1; info total_rto = 2; info total_rto_recoveries = 1; info rehash = 2;"
			"pass 100; info total_rto_time >= 500; < . 1 ack 1001; info total_rto_time >= 500;"
			"info total_rto_time <= 2200; keep total_rto_time; pass 100; info total_rto_time = K;"
			"write 1000; > P. 1001(1000) ack 1; >@1500 P. 1001(1000) ack 1; info total_rto = 3;"
			"info total_rto_recoveries = 2; info rehash = 3; < . 1 ack 2001", .state = ESTABLISHED,
			.counters = "TCPTimeouts=3 TcpTimeoutRehash=3" },
		.kernel.script = OPEN "write 1000; skim; < . 1 ack 1001", .kernel.counters = "TCPTimeouts=0" },
	/* An ACK of a part begins another series in the same recovery, whose time goes on. */
	{ "info_timeouts_with_an_ack_in_between", "RFC 6298 5", .syn = SACK, .kernel_differs = TOO_OLD,
		.want = { OPEN "write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; >@1500 p. 1(1000) ack 1;"
			"pass 100; < . 1 ack 1001; > P. 1001(1000) ack 1; info total_rto_time >= 100;"
			">@1500 P. 1001(1000) ack 1; info total_rto = 2; info total_rto_recoveries = 2;"
			"info total_rto_time >= 300; < . 1 ack 2001; info total_rto_time >= 300;"
			"info total_rto_time <= 1500", .state = ESTABLISHED, .counters = "TCPTimeouts=2" },
		.kernel.script = OPEN "write 1000; skim; < . 1 ack 1001", .kernel.counters = "TCPTimeouts=0" },
	/* A closed window is probed: no timeout. */
	{ "info_timeouts_not_of_probes", "RFC 9293 3.8.6.1", .syn = SACK, .kernel_differs = TOO_OLD,
		.want = { OPEN "write 1000; > P. 1(1000) ack 1; < . 1 ack 1001 win 0; write 1000; >@1500 . 1000 ack 1;"
			"info total_rto = 0; info total_rto_recoveries = 0; info total_rto_time = 0; info rehash = 0",
			.state = ESTABLISHED },
		.kernel.script = OPEN "write 1000; skim; < . 1 ack 1001" },
	{ "info_timeouts_of_the_syn", "RFC 6298 5", .kernel_differs = TOO_OLD,
		.want = { "connect; > S 0; >@2500 S 0; info total_rto = 1; info total_rto_recoveries = 1;"
			"info rehash = 1; >@4500 S 0; info total_rto = 2; info total_rto_recoveries = 1;"
			"info rehash = 2; pass 100; < S. 0 ack 1 <mss 1000>; > . 1 ack 1; info total_rto = 2;"
			"info total_rto_recoveries = 1; info total_rto_time >= 2090; info total_rto_time <= 2400;"
			"keep total_rto_time; pass 100; info total_rto_time = K", .state = ESTABLISHED },
		.kernel.script = "connect; > S 0; < S. 0 ack 1 <mss 1000>; > . 1 ack 1" },
	{ "info_timeouts_of_the_syn_ack", "RFC 6298 5", .syn = SACK, .kernel_differs = TOO_OLD,
		.want = { "listen; < S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; pass 100; < . 1 ack 1; accept;"
			"info total_rto = 1; info total_rto_recoveries = 1; info rehash = 0;"
			"info total_rto_time >= 1090; info total_rto_time <= 1400; keep total_rto_time; pass 100;"
			"info total_rto_time = K", .state = ESTABLISHED },
		.kernel.script = OPEN },
	/* What is left of the window that the peer was told: an ACK tells it anew. */
	{ "info_window_that_we_offer", "RFC 9293 3.10.6", .syn = SACK, .kernel_differs = TOO_OLD,
		.want = { OPEN "info rcv_wnd = W-N; < . 1(1000) ack 1; > . 1 ack 1001; info rcv_wnd = W-N;"
			"< . 1001(1000) ack 1; > . 1 ack 2001; read 2000; info rcv_wnd = W-N", .state = ESTABLISHED },
		.kernel.script = OPEN },
	/* What waits out of order and comes again, or is covered by what comes, goes: once for each that goes. */
	{ "ofomerge_came_already", "RFC 9293 3.10.7.4", .syn = SACK,
		.want = { OPEN "< . 1001(1000) ack 1; < . 1001(1000) ack 1; < . 1201(300) ack 1; skim;"
			"< . 1(1000) ack 1; skim; read 2000", .counters = "TCPOFOMerge=2" } },
	{ "ofomerge_is_covered", "RFC 9293 3.10.7.4", .syn = SACK,
		.want = { OPEN "< . 1001(500) ack 1; < . 1701(300) ack 1; < . 2001(500) ack 1; < . 1001(1200) ack 1;"
			"skim; < . 1(1000) ack 1; skim; read 2500", .counters = "TCPOFOMerge=2" } },
	/* To be joined with its neighbour is no loss. */
	{ "ofomerge_not_of_neighbours", "RFC 9293 3.10.7.4", .syn = SACK,
		.want = { OPEN "< . 1001(500) ack 1; < . 1501(500) ack 1; < . 2001(500) ack 1; skim; < . 1(1000) ack 1;"
			"skim; read 2500", .counters = "TCPOFOMerge=0" } },
};

WIRE_MAIN(rows)
