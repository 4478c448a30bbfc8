// SPDX-License-Identifier: GPL-2.0
/* Metrics of a route (ip-route(8)), and what a connection makes of them; "route" comes before it begins. */
#include "lib/wire.h"

#define BOTH	(PASSIVE | ACTIVE)

static const struct wire_row rows[] = {
	/* initcwnd: RFC 6928 has ten segments */
	{ "write_%s_initcwnd", "RFC 6928 2", .in = ESTABLISHED, .via = BOTH, .pre = "route initcwnd 4",
		.want = { "info snd_cwnd = 4; write 20000; > p. 1(1000) ack 1 x4; none; < . 1 ack 4001;"
			"> p. 4001(1000) ack 1 x8; none" } },
	{ "write_%s_initcwnd_above_ten", "RFC 6928 2", .in = ESTABLISHED, .via = BOTH, .pre = "route initcwnd 16",
		.want = { "info snd_cwnd = 16; write 20000; > p. 1(1000) ack 1 x16; none" } },
	/* the namespace's, which a route beats */
	{ "write_%s_initcwnd_of_the_namespace", "RFC 6928 2", .in = ESTABLISHED, .via = BOTH,
		.pre = "sysctl xtcp/initcwnd 3",
		.want = { "info snd_cwnd = 3; write 20000; > p. 1(1000) ack 1 x3; none" },
		.kernel_differs = "has no such knob",
		.kernel = { "info snd_cwnd = 10; write 20000; > p. 1(1000) ack 1 x10; none" } },
	{ "write_%s_initcwnd_beats_the_namespace", "RFC 6928 2", .in = ESTABLISHED, .via = BOTH,
		.pre = "sysctl xtcp/initcwnd 3; route initcwnd 5",
		.want = { "info snd_cwnd = 5; write 20000; > p. 1(1000) ack 1 x5; none" } },
	{ "idle_%s_restarts_with_initcwnd", "RFC 5681 4.1", .in = ESTABLISHED, .pre = "route initcwnd 4",
		.want = { "write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; < . 1 ack 4001; write 8000;"
			"> p. 4001(1000) ack 1 x7; > P. 11001(1000) ack 1; < . 1 ack 12001; none; info snd_cwnd >= 8;"
			"pass 3000; write 8000; > p. 12001(1000) ack 1 x4; none" } },
	/* initrwnd: in segments; those of a connection with timestamps are smaller */
	{ "connect_initrwnd", "RFC 9293 3.8.6", .pre = "route initrwnd 3",
		.want = { "connect; > S 0 win 3*A", .state = SYN_SENT } },
	{ "syn_%s_initrwnd", "RFC 9293 3.8.6", .in = LISTEN, .pre = "route initrwnd 3",
		.want = { "< S 0 <mss 1000>; > S. 0 ack 1 win 3*A; < . 1 ack 1; accept", .state = ESTABLISHED } },
	{ "syn_%s_initrwnd_with_timestamps", "RFC 9293 3.8.6", .in = LISTEN, .pre = "route initrwnd 3",
		.syn = "mss 1000,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1 win 3*A-36; < . 1 ack 1; accept", .state = ESTABLISHED } },
	/* window: the largest that is ever offered, and so the shift */
	{ "connect_window", "RFC 7323 2.3", .pre = "route window 4000",
		.want = { "connect; > S 0 win 2*A <ws 0>; < S. 0 ack 1 <mss 1000,ws 7>; > . 1 ack 1 win 2*A;"
			"get WINDOW_CLAMP 4000" } },
	{ "syn_%s_window", "RFC 7323 2.3", .in = LISTEN, .pre = "route window 4000",
		.want = { "< S 0 <mss 1000,ws 7>; > S. 0 ack 1 win 2*A <ws 0>; < . 1 ack 1; accept;"
			"get WINDOW_CLAMP 4000", .state = ESTABLISHED } },
	{ "syn_%s_window_with_a_shift", "RFC 7323 2.3", .in = LISTEN, .pre = "route window 200000",
		.want = { "< S 0 <mss 1000,ws 7>; > S. 0 ack 1 <ws 2>; < . 1 ack 1; accept", .state = ESTABLISHED } },
	{ "connect_window_of_the_program", "RFC 9293 3.8.6", .pre = "route window 4000; socket; set WINDOW_CLAMP 3000",
		.want = { "connect; > S 0 win 2*A <ws 0>; < S. 0 ack 1 <mss 1000,ws 7>; > . 1 ack 1;"
			"get WINDOW_CLAMP 3000" } },
	{ "data_%s_window", "RFC 9293 3.8.6", .in = ESTABLISHED, .via = BOTH, .syn = "mss 1000,ws 7",
		.pre = "route window 4000",
		.want = { "< P. 1(1000) ack 1; read 1000; skim; < P. 1001(1000) ack 1; read 1000; skim;"
			"< P. 2001(1000) ack 1; read 1000; skim; check W >= 3001+2*A; check W <= 7001" } },
	/* rto_min: only if it is locked, as iproute2 does it */
	{ "timeout_%s_rto_min", "RFC 6298 2.4", .in = ESTABLISHED, .via = BOTH, .pre = "route rto_min 1000 lock",
		.want = { "info rto >= 1000000; info rto <= 1500000; mark; write 1000; > P. 1(1000) ack 1;"
			">@2500 P. 1(1000) ack 1; elapsed >= 900" } },
	{ "timeout_%s_rto_min_below_200_ms", "RFC 6298 2.4", .in = ESTABLISHED, .via = BOTH,
		.pre = "route rto_min 40 lock",
		.want = { "info rto >= 40000; info rto <= 190000; mark; write 1000; > P. 1(1000) ack 1;"
			">@190 P. 1(1000) ack 1; elapsed >= 20; < . 1 ack 1001; write 1000; > P. 1001(1000) ack 1;"
			">@500 P. 1001(1000) ack 1; < . 1 ack 2001", .counters = "TCPTimeouts=2" } },
	{ "timeout_%s_rto_min_that_is_not_locked", "RFC 6298 2.4", .in = ESTABLISHED, .pre = "route rto_min 40",
		.want = { "info rto >= 200000; info rto <= 400000" } },
	/* probes of a window begin after 200 ms nevertheless */
	{ "window_%s_closed_is_probed_slowly", "RFC 9293 3.8.6.1", .id = "SHLD-29", .in = ESTABLISHED, .synwin = "4000",
		.pre = "route rto_min 20 lock",
		.want = { "write 5000; > p. 1(1000) ack 1 x4; < . 1 ack 4001 win 0; none; mark; >@600 . 4000 ack 1;"
			"elapsed >= 190; < . 1 ack 4001 win 0; none; mark; >@1000 . 4000 ack 1; elapsed >= 390;"
			"< . 1 ack 4001 win 4000; > P. 4001(1000) ack 1; < . 1 ack 5001; none",
			.counters = "TCPTimeouts=0" } },
	/* R2 is the same time as ever */
	{ "give_up_%s_retries_with_rto_min", "RFC 9293 3.8.3", .id = "MUST-20", .in = ESTABLISHED,
		.pre = "route rto_min 20 lock; sysctl retries2 2",
		.want = { "mark; write 1000; > P. 1(1000) ack 1; hup 6000; elapsed >= 1300; skim", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" } },
	/* quickack: no ACK waits */
	{ "data_%s_quickack", "RFC 9293 3.8.6.3", .in = ESTABLISHED, .via = BOTH, .pre = "route quickack 1",
		.want = { "set QUICKACK 0; < P. 1(100) ack 1; > . 1 ack 101; read 100; write 100; > P. 1(100) ack 101;"
			"< P. 101(100) ack 101; > . 101 ack 201" } },
	/* congctl: beats what the program said; with "lock" the program may not choose */
	{ "congestion_%s_congctl", "RFC 5681 3", .in = ESTABLISHED, .via = BOTH, .pre = "route congctl cubic",
		.want = { "get CONGESTION cubic; set CONGESTION reno; get CONGESTION reno" } },
	{ "congestion_%s_congctl_locked", "RFC 5681 3", .in = ESTABLISHED, .via = BOTH,
		.pre = "route congctl cubic lock",
		.want = { "get CONGESTION cubic; set CONGESTION reno EPERM; get CONGESTION cubic" } },
	{ "connect_congctl_beats_the_program", "RFC 5681 3", .pre = "route congctl cubic; socket; set CONGESTION reno",
		.want = { "get CONGESTION reno; connect; > S 0; get CONGESTION cubic", .state = SYN_SENT } },
	{ "connect_congctl_dctcp_asks_for_ecn", "RFC 8257 3.1", .pre = "route congctl dctcp",
		.want = { "connect; > SEC 0; get CONGESTION dctcp", .state = SYN_SENT } },
	{ "syn_%s_congctl_dctcp_grants_ecn", "RFC 8257 3.1", .in = LISTEN, .pre = "route congctl dctcp; sysctl ecn 0",
		.want = { "< SEC 0 <mss 1000> tos 2; > SE. 0 ack 1; < . 1 ack 1; accept; get CONGESTION dctcp",
			.state = ESTABLISHED } },
};

WIRE_MAIN(rows)
