// SPDX-License-Identifier: GPL-2.0
/* Keepalive: when a probe leaves a silent connection, what an answer does, and when a peer is given up. */
#include "lib/wire.h"
#include "wire/whys.h"

static const struct wire_row rows[] = {
	{ "keepalive_%s_answered", "RFC 9293 3.8.4", .id = "MUST-24 SHLD-12", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 1; set KEEPCNT 2; mark; set KEEPALIVE 1; >@3000 . 0 ack 1;"
			"elapsed >= 500; mark; check P = 1; < . 1 ack 1; none; info probes = 0; check P = 0;"
			">@3000 . 0 ack 1; elapsed >= 500; < . 1 ack 1; none", .counters = "TCPKeepAlive=2" } },
	{ "keepalive_%s_counts_from_the_last_segment", "RFC 9293 3.8.4", .id = "MUST-26", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 2; set KEEPALIVE 1; pass 1000; mark; < P. 1(10) ack 1; >@1000 . 1 ack 11;"
			"read 10; >@4000 . 0 ack 11; elapsed >= 1500", .counters = "TCPKeepAlive=1" } },
	/* asked for before there was a segment */
	{ "keepalive_counts_from_the_syn_ack", "RFC 9293 3.8.4", .id = "MUST-26",
		.want = { "socket; set KEEPIDLE 2; set KEEPALIVE 1; connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1; mark;"
			"pass 1000; none; >@4000 . 0 ack 1; elapsed >= 1500", .counters = "TCPKeepAlive=1" } },
	{ "keepalive_%s_is_off_and_then_takes_two_hours", "RFC 9293 3.8.4", .id = "MUST-24 MUST-25 MUST-27 MUST-28",
		.in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "get KEEPALIVE 0; check Q = 0; get KEEPIDLE 7200; get KEEPINTVL 75; get KEEPCNT 9;"
			"set KEEPALIVE 1; get KEEPALIVE 1; check Q >= 719000; check Q <= 720001; set KEEPIDLE 100;"
			"check Q >= 9900; check Q <= 10001; set KEEPALIVE 0; check Q = 0" } },
	{ "keepalive_%s_unanswered", "RFC 9293 3.8.4", .id = "MUST-29", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 1; set KEEPCNT 2; set KEEPALIVE 1; >@3000 . 0 ack 1;"
			"info probes = 1; check P = 1; >@3000 . 0 ack 1; info probes = 2; check P = 2;"
			"state established; hup 5000; > R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPKeepAlive=2 TCPAbortOnTimeout=1" } },
	{ "keepalive_%s_always", "RFC 9293 3.8.4", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.pre = "sysctl xtcp/keepalive_always 1; sysctl keepalive_time 2; sysctl keepalive_intvl 1",
		.want = { "get KEEPALIVE 0; mark; >@4000 . 0 ack 1; elapsed >= 1500; < . 1 ack 1; info probes = 0;"
			"set KEEPALIVE 0; >@4000 . 0 ack 1; < . 1 ack 1; info probes = 0",
			.counters = "TCPKeepAlive=2" },
		.kernel_differs = NO_KNOB,
		.kernel = { "get KEEPALIVE 0; pass 4000; none", .counters = "TCPKeepAlive=0" } },
	{ "keepalive_%s_always_unanswered", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.pre = "sysctl xtcp/keepalive_always 1; sysctl keepalive_time 2; sysctl keepalive_intvl 1;"
			"sysctl keepalive_probes 1",
		.want = { ">@4000 . 0 ack 1; hup 5000; > R. 1 ack 1; why keepalive_always timer . ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPKeepAlive=1 TCPAbortOnTimeout=1 TCPAbortOnKeepaliveAlways=1" },
		.kernel_differs = NO_KNOB,
		.kernel = { "pass 4000; none", .state = ESTABLISHED, .err = "none",
			.counters = "TCPKeepAlive=0 TCPAbortOnTimeout=0" } },
	/* the option is what counts, when both ask for probes */
	{ "keepalive_%s_always_and_the_option", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.pre = "sysctl xtcp/keepalive_always 1; sysctl keepalive_time 2; sysctl keepalive_intvl 1;"
			"sysctl keepalive_probes 1",
		.want = { "set KEEPALIVE 1; >@4000 . 0 ack 1; hup 5000; > R. 1 ack 1; why keepalive timer . ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPAbortOnTimeout=1 TCPAbortOnKeepaliveAlways=0" },
		.kernel_differs = NO_REASON,
		.kernel = { "set KEEPALIVE 1; >@4000 . 0 ack 1; hup 5000; > R. 1 ack 1", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" } },
	{ "keepalive_%s_not_while_data_is_in_flight", "RFC 9293 3.8.4", .id = "MUST-26", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 1; set KEEPALIVE 1; mark; write 100; > P. 1(100) ack 1;"
			">@1500 P. 1(100) ack 1; >@1500 P. 1(100) ack 1; >@2500 P. 1(100) ack 1; elapsed >= 700",
			.counters = "TCPKeepAlive=0" } },
	{ "keepalive_%s_interval_shortened_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 60; set KEEPCNT 1; set KEEPALIVE 1; >@3000 . 0 ack 1;"
			"check Q >= 5000; set KEEPINTVL 1; check Q <= 101; hup 5000; > R. 1 ack 1", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = "TCPKeepAlive=1" },
		.kernel_differs = "waits for as long as it was; an option that is set acts at once",
		.kernel = { "set KEEPIDLE 1; set KEEPINTVL 60; set KEEPCNT 1; set KEEPALIVE 1; >@3000 . 0 ack 1;"
			"check Q >= 5000; set KEEPINTVL 1; check Q >= 5000", .state = ESTABLISHED, .err = "none",
			.counters = "TCPKeepAlive=1" } },
	{ "keepalive_%s_idle_set_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 60; set KEEPALIVE 1; >@3000 . 0 ack 1; pass 100;"
			"set KEEPIDLE 1; >@100 . 0 ack 1; none; check Q >= 5000; < . 1 ack 1; none",
			.counters = "TCPKeepAlive=2" } },
	/* SO_KEEPALIVE that is set already: nothing happens */
	{ "keepalive_%s_set_again_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 60; set KEEPCNT 3; set KEEPALIVE 1; >@3000 . 0 ack 1;"
			"set KEEPALIVE 1; pass 20; none; set KEEPALIVE 1; pass 20; none; set KEEPCNT 1;"
			"set USER_TIMEOUT 1; pass 20; none; state established; info probes = 1; check Q >= 5000;"
			"< . 1 ack 1; none", .counters = "TCPKeepAlive=1 TCPAbortOnTimeout=0" } },
	/* when it is set for the first time, the peer may have been silent for long */
	{ "keepalive_%s_counts_from_the_option", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; pass 1200; mark; set KEEPALIVE 1; >@3000 . 0 ack 1; elapsed >= 500;"
			"set KEEPALIVE 0; mark; set KEEPALIVE 1; >@3000 . 0 ack 1; elapsed >= 500; < . 1 ack 1; none",
			.counters = "TCPKeepAlive=2" } },
	/* each leaves at once, none counts before the first has had its time */
	{ "keepalive_%s_idle_set_three_times_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 4; set KEEPCNT 2; set KEEPALIVE 1; >@3000 . 0 ack 1; mark;"
			"set KEEPIDLE 1; >@100 . 0 ack 1; set KEEPIDLE 1; >@100 . 0 ack 1; set KEEPIDLE 1;"
			">@100 . 0 ack 1; state established; info probes = 1; check Q <= 401; >@5000 . 0 ack 1;"
			"elapsed >= 2000; info probes = 2; set KEEPIDLE 1; >@100 . 0 ack 1; state established;"
			"hup 5000; > R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPKeepAlive=6 TCPAbortOnTimeout=1" },
		.kernel_differs = "counts each, and gives up at once a peer that has had no time to answer",
		.kernel = { "set KEEPIDLE 1; set KEEPINTVL 4; set KEEPCNT 2; set KEEPALIVE 1; >@3000 . 0 ack 1; mark;"
			"set KEEPIDLE 1; >@100 . 0 ack 1; set KEEPIDLE 1; hup 100; elapsed <= 500; > R. 1 ack 1",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPKeepAlive=2 TCPAbortOnTimeout=1" } },
	{ "keepalive_%s_idle_then_interval_raised_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 60; set KEEPALIVE 1; >@3000 . 0 ack 1; pass 100;"
			"set KEEPIDLE 5; set KEEPINTVL 300; >@5000 . 0 ack 1; none; < . 1 ack 1; none",
			.counters = "TCPKeepAlive=2" } },
	{ "keepalive_%s_idle_and_interval_set_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 60; set KEEPALIVE 1; >@3000 . 0 ack 1; pass 100;"
			"set KEEPIDLE 1; set KEEPINTVL 100; >@100 . 0 ack 1; none; check Q >= 5000; < . 1 ack 1; none",
			.counters = "TCPKeepAlive=2" } },
	{ "keepalive_%s_interval_lengthened_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 10; set KEEPALIVE 1; >@3000 . 0 ack 1; set KEEPINTVL 60;"
			"check Q >= 5000; < . 1 ack 1; none", .counters = "TCPKeepAlive=1" },
		.kernel_differs = "waits for as long as it was",
		.kernel = { "set KEEPIDLE 1; set KEEPINTVL 10; set KEEPALIVE 1; >@3000 . 0 ack 1; set KEEPINTVL 60;"
			"check Q <= 1001; < . 1 ack 1; none", .counters = "TCPKeepAlive=1" } },
	/* TCP_USER_TIMEOUT in place of a number of probes, as Linux: not before one was sent, and after the time. */
	{ "keepalive_%s_user_timeout_beyond_the_probes", "RFC 9293 3.8.4", .id = "MUST-29", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 1; set KEEPCNT 1; set USER_TIMEOUT 2500; mark;"
			"set KEEPALIVE 1; >@3000 . 0 ack 1; >@3000 . 0 ack 1; hup 5000; elapsed >= 2000; > R. 1 ack 1",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPKeepAlive=2 TCPAbortOnTimeout=1" } },
	{ "keepalive_%s_user_timeout_before_the_first_probe", "RFC 9293 3.8.4", .id = "MUST-29", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 1; set USER_TIMEOUT 100; set KEEPALIVE 1; >@3000 . 0 ack 1;"
			"state established; hup 5000; > R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPKeepAlive=1 TCPAbortOnTimeout=1" } },
};

WIRE_MAIN(rows)
