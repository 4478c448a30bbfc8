// SPDX-License-Identifier: GPL-2.0
/* Bounds of the RTO as in later kernels than 6.1: knobs and socket options (those of routes: wire_route.c). */
#include "lib/wire.h"

#define BOTH		(PASSIVE | ACTIVE)
#define ROUND_TRIP	"write 100; > P. *(100) ack 1; < . 1 ack S;"
#define ROUND_TRIPS_10	"" ROUND_TRIP ROUND_TRIP ROUND_TRIP ROUND_TRIP ROUND_TRIP \
			ROUND_TRIP ROUND_TRIP ROUND_TRIP ROUND_TRIP ROUND_TRIP

static const struct wire_row rows[] = {
	{ "timeout_%s_rto_min_us", "RFC 6298 2.4", .in = ESTABLISHED, .via = BOTH, .pre = "sysctl rto_min_us 40000",
		.want = { "info rto >= 40000; info rto <= 190000; mark; write 1000; > P. 1(1000) ack 1;"
			">@190 P. 1(1000) ack 1; elapsed >= 20; < . 1 ack 1001", .counters = "TCPTimeouts=1" } },
	{ "timeout_%s_rto_min_us_of_a_tick_at_least", "RFC 6298 2.3", .in = ESTABLISHED, .pre = "sysctl rto_min_us 1",
		.want = { "info rto >= 1000; info rto <= 150000" } },
	{ "timeout_%s_the_route_beats_rto_min_us", "RFC 6298 2.4", .in = ESTABLISHED,
		.pre = "sysctl rto_min_us 40000; route rto_min 1000 lock",
		.want = { "info rto >= 1000000; info rto <= 1500000" } },
	{ "timeout_%s_rto_min_us_of_a_connection_that_exists", "RFC 6298 2.4", .in = ESTABLISHED,
		.want = { "info rto >= 200000; sysctl rto_min_us 20000;" ROUND_TRIPS_10 ROUND_TRIPS_10
			"info rto >= 20000; info rto <= 150000" } },
	/* The ACK comes before a peer with the same floor sends again: 40 ms are the default. */
	{ "ack_%s_does_not_wait_for_rto_min_us", "RFC 9293 3.8.6.3", .id = "MUST-40", .in = ESTABLISHED,
		.pre = "sysctl rto_min_us 20000",
		.want = { "set QUICKACK 0; mark; < P. 1(100) ack 1; >@100 . 1 ack 101; elapsed <= 30; read 100",
			.counters = "DelayedACKs=1" } },
	{ "timeout_%s_rto_max_ms", "RFC 6298 2.5", .in = ESTABLISHED, .pre = "sysctl rto_max_ms 1000",
		.want = { "write 1000; > P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1;"
			">@1500 P. 1(1000) ack 1; info rto = 1000000; mark; >@1500 P. 1(1000) ack 1;"
			">@1500 P. 1(1000) ack 1; elapsed >= 1000; elapsed <= 2600; info rto = 1000000; < . 1 ack 1001;"
			"none" } },
	{ "timeout_syn_rto_max_ms", "RFC 6298 2.5", .pre = "sysctl rto_max_ms 1000",
		.want = { "mark; connect; > S 0; >@1500 S 0; >@1500 S 0; >@1500 S 0; elapsed >= 2000; elapsed <= 3600;"
			"< S. 0 ack 1 $; > . 1 ack 1" } },
	/* 200, 400, 800, and three times 1,000 ms */
	{ "give_up_%s_retries_within_rto_max_ms", "RFC 9293 3.8.3", .id = "MUST-20", .in = ESTABLISHED,
		.pre = "sysctl rto_max_ms 1000; sysctl retries2 5",
		.want = { "mark; write 1000; > P. 1(1000) ack 1; hup 9000; elapsed >= 4300; elapsed <= 7000; skim",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" } },
	/* as in Linux: the RTO is as long as it may be, and a router says that the peer is not there */
	{ "give_up_orphan_before_its_first_probe", "RFC 6429",
		.pre = "sysctl rto_max_ms 1000; sysctl orphan_retries 5; listen",
		.want = { "< S 0 win 0 $; > S. 0 ack 1; >@3000 S. 0 ack 1; < . 1 ack 1 win 0; accept; write 100; none;"
			"icmp host seq 1; none; close; gone 2000; skim", .state = CLOSED,
			.counters = "TCPAbortOnTimeout=1 TCPWinProbe=0" } },
	/* The peer answers each probe, and a limit on the backoff ends that only once the RTO cannot grow any more. */
	{ "orphan_whose_probes_are_answered_goes_on_below_rto_max_ms", "RFC 6429",
		.pre = "sysctl orphan_retries 2; listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 win 0; accept; write 100; none; close; >@1500 . 0 ack 1;"
			"< . 1 ack 1 win 0; >@1500 . 0 ack 1; < . 1 ack 1 win 0; >@1500 . 0 ack 1; < . 1 ack 1 win 0;"
			">@2500 . 0 ack 1; < . 1 ack 1 win 0; >@4500 . 0 ack 1; < . 1 ack 1 win 1000;"
			"> FP. 1(100) ack 1; < R 1", .state = CLOSED,
			.counters = "TCPAbortOnTimeout=0 TCPWinProbe=5" } },
	{ "orphan_whose_probes_are_answered_ends_at_rto_max_ms", "RFC 6429",
		.pre = "sysctl rto_max_ms 1000; sysctl orphan_retries 5; listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 win 0; accept; write 100; none; close; >@1500 . 0 ack 1;"
			"< . 1 ack 1 win 0; >@1500 . 0 ack 1; < . 1 ack 1 win 0; >@1500 . 0 ack 1; < . 1 ack 1 win 0;"
			">@1500 . 0 ack 1; < . 1 ack 1 win 0; >@1500 . 0 ack 1; < . 1 ack 1 win 0; gone 2000; skim",
			.state = CLOSED, .counters = "TCPAbortOnTimeout=1 TCPWinProbe=5" } },
	{ "window_%s_closed_is_probed_within_rto_max_ms", "RFC 9293 3.8.6.1", .in = ESTABLISHED, .synwin = "4000",
		.pre = "sysctl rto_max_ms 1000",
		.want = { "write 5000; > p. 1(1000) ack 1 x4; < . 1 ack 4001 win 0; none; >@1500 . 4000 ack 1;"
			">@1500 . 4000 ack 1; >@1500 . 4000 ack 1; mark; >@1500 . 4000 ack 1; >@1500 . 4000 ack 1;"
			"elapsed <= 2600; < . 1 ack 4001 win 4000; > P. 4001(1000) ack 1; < . 1 ack 5001; none" } },
	/* Two timeouts a second apart, and then the retry of TCP_SYNCNT, which has a second, too: 2 s follow it. */
	{ "give_up_syn_sent_after_linear_timeouts", "RFC 9293 3.8.3", .id = "MUST-22",
		.pre = "sysctl syn_linear_timeouts 2; socket; set SYNCNT 1",
		.want = { "mark; connect; > S 0; >@1500 S 0; >@1500 S 0; >@1500 S 0; elapsed >= 2000; elapsed <= 3600;"
			"hup 5000; elapsed >= 4500", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPTimeouts=4" } },
	{ "timeout_%s_syn_ack_has_no_linear_timeouts", "RFC 6298 5.5", .in = SYN_RECEIVED, .via = SIMULTANEOUS,
		.pre = "sysctl syn_linear_timeouts 2",
		.want = { ">@2500 S. 0 ack 1; mark; >@3500 S. 0 ack 1; elapsed >= 1500; < . 1 ack 1; none",
			.state = ESTABLISHED } },
	/* Socket options. Their ranges are Linux's: from two ticks to 200 ms, from 1 to 120 s. */
	{ "options_of_timeouts_are_taken_and_told", "RFC 6298 2.4", .pre = "socket",
		.want = { "get RTO_MIN_US 200000; set RTO_MIN_US 40000; get RTO_MIN_US 40000; get DELACK_MAX_US 200000;"
			"set DELACK_MAX_US 60000; get DELACK_MAX_US 60000; get RTO_MAX_MS 120000; set RTO_MAX_MS 1000;"
			"get RTO_MAX_MS 1000; set RTO_MAX_MS 120000; get RTO_MAX_MS 120000", .state = CLOSED } },
	{ "options_of_timeouts_of_the_namespace", "RFC 6298 2.4",
		.pre = "sysctl rto_min_us 40000; sysctl rto_max_ms 3000; socket",
		.want = { "get RTO_MIN_US 40000; get RTO_MAX_MS 3000; set RTO_MAX_MS 5000; get RTO_MAX_MS 5000",
			.state = CLOSED } },
	/* What counts is told, not what was written: a tick at least, 120 s at most. */
	{ "option_rto_min_us_tells_a_tick_at_least", "RFC 6298 2.4", .pre = "sysctl rto_min_us 1; socket",
		.want = { "get RTO_MIN_US 4000", .state = CLOSED } },
	{ "option_rto_min_us_tells_120_s_at_most", "RFC 6298 2.4", .pre = "sysctl rto_min_us 2000000000; socket",
		.want = { "get RTO_MIN_US 120000000", .state = CLOSED } },
	{ "options_of_timeouts_out_of_range", "RFC 6298 2.4", .pre = "socket",
		.want = { "set RTO_MIN_US 0 EINVAL; set RTO_MIN_US 1 EINVAL; set RTO_MIN_US 200001 EINVAL;"
			"set RTO_MIN_US 2000000000 EINVAL; get RTO_MIN_US 200000; set DELACK_MAX_US 1 EINVAL;"
			"set DELACK_MAX_US 200001 EINVAL; get DELACK_MAX_US 200000; set RTO_MAX_MS 999 EINVAL;"
			"set RTO_MAX_MS 120001 EINVAL; set RTO_MAX_MS 0 EINVAL; get RTO_MAX_MS 120000",
			.state = CLOSED } },
	/* Whole jiffies as in Linux, in steps of 2 ms; rounded up. */
	{ "option_rto_max_ms_is_rounded", "RFC 6298 2.5", .pre = "socket",
		.want = { "set RTO_MAX_MS 119999; get RTO_MAX_MS 120000", .state = CLOSED } },
	{ "timeout_%s_option_rto_min_us_of_the_listener", "RFC 6298 2.4", .in = ESTABLISHED,
		.pre = "listen; set RTO_MIN_US 40000",
		.want = { "get RTO_MIN_US 40000; info rto >= 40000; info rto <= 190000; mark; write 1000;"
			"> P. 1(1000) ack 1; >@190 P. 1(1000) ack 1; elapsed >= 20; < . 1 ack 1001" } },
	{ "timeout_connect_option_rto_min_us", "RFC 6298 2.4", .pre = "socket; set RTO_MIN_US 40000",
		.want = { "connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1; info rto >= 40000; info rto <= 190000" } },
	{ "timeout_%s_option_rto_min_us_at_once", "RFC 6298 2.4", .in = ESTABLISHED, .via = BOTH,
		.want = { "info rto >= 200000; set RTO_MIN_US 40000; info rto >= 40000; info rto <= 190000;"
			"set RTO_MIN_US 200000; info rto >= 200000" } },
	{ "timeout_%s_the_route_beats_the_option", "RFC 6298 2.4", .in = ESTABLISHED, .pre = "route rto_min 1000 lock",
		.want = { "set RTO_MIN_US 40000; info rto >= 1000000; get RTO_MIN_US 40000" } },
	{ "timeout_%s_the_option_beats_the_namespace", "RFC 6298 2.4", .in = ESTABLISHED,
		.pre = "sysctl rto_min_us 1000000; listen; set RTO_MIN_US 40000",
		.want = { "info rto >= 40000; info rto <= 190000" } },
	{ "timeout_syn_option_rto_max_ms", "RFC 6298 2.5", .pre = "socket; set RTO_MAX_MS 1000",
		.want = { "mark; connect; > S 0; >@1500 S 0; >@1500 S 0; >@1500 S 0; elapsed >= 2000; elapsed <= 3600;"
			"< S. 0 ack 1 $; > . 1 ack 1" } },
	/* for each socket that has not set the option */
	{ "ack_%s_delack_max_us_of_the_namespace", "RFC 9293 3.8.6.3", .id = "MUST-40", .in = ESTABLISHED,
		.pre = "sysctl delack_max_us 20000",
		.want = { "get DELACK_MAX_US 20000; set QUICKACK 0; mark; < P. 1(100) ack 1; >@100 . 1 ack 101;"
			"elapsed <= 30; info ato = 20000; read 100; sysctl delack_max_us 200000;"
			"get DELACK_MAX_US 200000; set DELACK_MAX_US 60000; sysctl delack_max_us 8000;"
			"get DELACK_MAX_US 60000", .counters = "DelayedACKs=1" } },
	{ "ack_%s_option_delack_max_us", "RFC 9293 3.8.6.3", .id = "MUST-40", .in = ESTABLISHED, .via = BOTH,
		.want = { "set QUICKACK 0; set DELACK_MAX_US 20000; mark; < P. 1(100) ack 1; >@100 . 1 ack 101;"
			"elapsed <= 30; info ato = 20000; read 100", .counters = "DelayedACKs=1" } },
};

WIRE_MAIN_XTCP(rows)
