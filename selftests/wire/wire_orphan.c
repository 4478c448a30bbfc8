// SPDX-License-Identifier: GPL-2.0
/* FIN-WAIT-2 without a program is a record of TIME-WAIT's size: other code than a socket's sees what arrives. */
#include "wire.h"

static const struct wire_row rows[] = {
	{ "fin_%s_of_an_orphan", "RFC 9293 3.10.7.4", .in = FIN_WAIT_2,
		.want = { "close; state fin_wait_2; < F. 1 ack 2; > . 2 ack 2; check Q >= 5500; < F. 1 ack 2;"
			"> . 2 ack 2", .state = TIME_WAIT } },
	/* who wants no FIN-WAIT-2 has none */
	{ "close_%s_with_linger2_below_0", "RFC 9293 3.6", .in = ESTABLISHED,
		.want = { "set LINGER2 -1; close; > F. 1 ack 1; < . 1 ack 2; > R. 2 ack 1; none", .state = CLOSED,
			.counters = "TCPAbortOnData=1" },
		.kernel_differs = "answers as if it had no connection",
		.kernel.script = "set LINGER2 -1; close; > F. 1 ack 1; < . 1 ack 2; > R 2; none" },
	{ "fin_%s_of_an_orphan_with_timestamps", "RFC 7323 3.2", .in = FIN_WAIT_2, .via = PASSIVE | ACTIVE,
		.syn = "mss 1000,nop,nop,ts T R",
		.want = { "close; tick 10; < F. 1 ack 2; > . 2 ack 2 <ts>", .state = TIME_WAIT } },
	{ "data_%s_of_an_orphan", "RFC 9293 3.6.1", .id = "SHLD-3", .in = FIN_WAIT_2,
		.want = { "close; < P. 1(10) ack 2; > R 2; < . 11 ack 2; > R 2; none", .state = CLOSED,
			.counters = "TCPAbortOnData=1" },
		.kernel_differs = "counts this abort nowhere",
		.kernel = { .counters = "TCPAbortOnData=0" } },
	{ "data_and_fin_%s_of_an_orphan", "RFC 9293 3.6.1", .id = "SHLD-3", .in = FIN_WAIT_2,
		.want = { "close; < F. 1(10) ack 2; > R 2; none", .state = CLOSED } },
	/* forged text must not end the connection */
	{ "data_%s_of_an_orphan_with_a_wrong_ack", "RFC 5961 5.2", .id = "MAY-12", .in = FIN_WAIT_2,
		.want = { "close; < P. 1(10) ack 3; > . 2 ack 1; < P. 1(10) ack -65534; > . 2 ack 1; state fin_wait_2;"
			"< P. 1(10) ack 2; > R 2; none", .state = CLOSED, .counters = "TCPAbortOnData=1" },
		.kernel_differs = "resets the connection, whatever the segment acknowledges",
		.kernel = { "close; < P. 1(10) ack 3; > R 3; none", .state = CLOSED, .counters = "TCPAbortOnData=0" } },
	{ "fin_%s_of_an_orphan_with_ack_beyond_snd_nxt", "RFC 5961 5.2", .id = "MAY-12", .in = FIN_WAIT_2,
		.want = { "close; < F. 1 ack 3; > . 2 ack 1; state fin_wait_2; < F. 1 ack 2; > . 2 ack 2",
			.state = TIME_WAIT },
		.kernel_differs = "takes the FIN, whatever it acknowledges",
		.kernel = { "close; < F. 1 ack 3; > . 2 ack 2", .state = TIME_WAIT } },
	{ "ack_%s_of_an_orphan", "RFC 9293 3.10.7.4", .in = FIN_WAIT_2,
		.want = { "close; < . 1 ack 2; none; < . 1 ack 1; none" } },
	{ "ack_%s_of_an_orphan_out_of_window", "RFC 9293 3.10.7.4", .in = FIN_WAIT_2,
		.want = { "close; < . -1000 ack 2; > . 2 ack 1; < . W+1000 ack 2; none",
			.counters = "TCPACKSkippedFinWait2=1" } },
	{ "rst_%s_of_an_orphan_left_edge", "RFC 9293 3.10.7.4", .in = FIN_WAIT_2,
		.want = { "close; < R 1; none", .state = CLOSED } },
	{ "rst_%s_of_an_orphan_inside", "RFC 5961 3.2", .in = FIN_WAIT_2, .want = { "close; < R 2; > . 2 ack 1; none" },
		.kernel_differs = "checks no further than the window here",
		.kernel = { "close; < R 2; none", .state = CLOSED } },
	{ "rst_%s_of_an_orphan_outside", "RFC 5961 3.2", .in = FIN_WAIT_2,
		.want = { "close; < R W+1000; none; < R -1000; none" }, .kernel_differs = "acknowledges a RST here",
		.kernel = { "close; < R W+1000; > . 2 ack 1" } },
	{ "rst_%s_of_an_orphan_right_edge", "RFC 5961 3.2", .in = FIN_WAIT_2, .want = { "close; < R W; none" },
		.kernel_differs = "counts the first octet after the window as inside",
		.kernel = { "close; < R W; none", .state = CLOSED } },
	{ "syn_%s_of_an_orphan_outside", "RFC 5961 4.2", .in = FIN_WAIT_2,
		.want = { "close; < S W+1000 $; > . 2 ack 1; none", .counters = "TCPSYNChallenge=1" },
		.kernel_differs = "does not count it here",
		.kernel = { .counters = "TCPSYNChallenge=0" } },
	{ "syn_%s_of_an_orphan", "RFC 5961 4.2", .in = FIN_WAIT_2, .want = { "close; < S 1000 $; > . 2 ack 1; none" },
		.kernel_differs = "resets the connection for a SYN in the window",
		.kernel = { "close; < S 1000 $; > R. Z ack 1001", .state = CLOSED } },
	{ "linger2_%s", "RFC 9293 3.10.4", .in = FIN_WAIT_2,
		.want = { "set LINGER2 1; close; state fin_wait_2; gone 20000; none; < F. 1 ack 2; > R 2",
			.state = CLOSED } },
};

WIRE_MAIN(rows)
