// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.idle_ms and half_closed_ms: a connection without text ends, by a RST and ETIMEDOUT.
 *
 * A mark is set after what starts the time, so a connection may end a few milliseconds early by it.
 */
#include "lib/wire.h"

#define IDLE(ms)	"sysctl xtcp/idle_ms " #ms
#define HALF(ms)	"sysctl xtcp/half_closed_ms " #ms
#define ENDS_IDLE	"TCPAbortOnIdle=1 TCPAbortOnHalfClosed=0 TCPAbortOnTimeout=0 OutRsts=1"
#define ENDS_HALF	"TCPAbortOnIdle=0 TCPAbortOnHalfClosed=1 TCPAbortOnTimeout=0 OutRsts=1"
#define ENDS_NOT	"TCPAbortOnIdle=0 TCPAbortOnHalfClosed=0 OutRsts=0"
#define KEEPALIVE	"set KEEPIDLE 1; set KEEPINTVL 1; set KEEPALIVE 1"

static const struct wire_row rows[] = {
	{ "idle_%s_ends", "RFC 9293 3.8.3", .in = ESTABLISHED, .via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.pre = IDLE(1000),
		.want = { "mark; hup 3000; elapsed >= 900; elapsed <= 1100; > R. 1 ack 1", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	{ "idle_%s_ends_also_when_half_closed", "RFC 9293 3.6", .in = FIN_WAIT_2 | CLOSE_WAIT, .pre = IDLE(1000),
		.want = { "mark; hup 3000; elapsed >= 700; elapsed <= 1100; > R. S ack N", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	/* what the program has not read stays readable */
	{ "idle_%s_text_moves_it", "RFC 9293 3.8.3", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .pre = IDLE(1000),
		.want = { "pass 700; < P. 1(100) ack 1; pass 700; skim; state established; write 100;"
			"> P. 1(100) ack 101; < . 101 ack 101; mark; pass 700; state established; hup 3000;"
			"elapsed >= 900; elapsed <= 1100; > R. 101 ack 101; why idle timer . ETIMEDOUT; err ETIMEDOUT;"
			"read 100", .state = CLOSED, .counters = ENDS_IDLE } },
	{ "idle_%s_text_out_of_order_moves_it", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = IDLE(1000),
		.want = { "pass 700; < P. 101(100) ack 1; > . 1 ack 1; mark; pass 700; state established; hup 3000;"
			"elapsed >= 900; elapsed <= 1100; > R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_IDLE } },
	{ "idle_%s_acks_and_probes_of_the_peer_do_not_move_it", "RFC 9293 3.8.4", .in = ESTABLISHED, .pre = IDLE(1000),
		.want = { "mark; pass 400; < . 0 ack 1; > . 1 ack 1; pass 200; < P. 0(1) ack 1; > . 1 ack 1; pass 200;"
			"< . 1 ack 1 win 1000; hup 3000; elapsed >= 900; elapsed <= 1100; > R. 1 ack 1",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	{ "idle_%s_keepalive_does_not_move_it", "RFC 9293 3.8.4", .in = ESTABLISHED, .pre = IDLE(2500),
		.want = { "mark;" KEEPALIVE "; >@1500 . 0 ack 1; elapsed >= 900; elapsed <= 1100; < . 1 ack 1;"
			">@1500 . 0 ack 1; elapsed >= 1900; elapsed <= 2100; < . 1 ack 1; hup 3000; elapsed >= 2400;"
			"elapsed <= 2600; > R. 1 ack 1; why idle timer . ETIMEDOUT", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = "TCPKeepAlive=2 " ENDS_IDLE } },
	{ "idle_%s_ends_while_a_probe_waits", "RFC 9293 3.8.4", .in = ESTABLISHED, .pre = IDLE(1500),
		.want = { "mark;" KEEPALIVE "; >@1500 . 0 ack 1; hup 3000; elapsed >= 1400; elapsed <= 1600;"
			"> R. 1 ack 1; why idle timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPKeepAlive=1 " ENDS_IDLE } },
	{ "idle_%s_leaves_keepalive_its_time", "RFC 9293 3.8.4", .in = ESTABLISHED, .pre = IDLE(60000),
		.want = { "mark; set KEEPCNT 2;" KEEPALIVE "; >@1500 . 0 ack 1; >@1500 . 0 ack 1; elapsed >= 1900;"
			"hup 3000; elapsed >= 2900; elapsed <= 3100; > R. 1 ack 1; why keepalive timer . ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPKeepAlive=2 TCPAbortOnTimeout=1 TCPAbortOnIdle=0" } },
	{ "idle_%s_options_of_keepalive_leave_it", "RFC 9293 3.8.4", .in = ESTABLISHED, .pre = IDLE(2000),
		.want = { "mark; set KEEPIDLE 1; set KEEPINTVL 60; set KEEPALIVE 1; >@1500 . 0 ack 1; set KEEPINTVL 70;"
			"check Q <= 110; set KEEPALIVE 0; check Q <= 110; hup 3000; elapsed >= 1900; elapsed <= 2100;"
			"> R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	/* the deadline is that of the limit: the interval does not move it */
	{ "idle_%s_a_shorter_interval_leaves_it", "RFC 9293 3.8.4", .in = ESTABLISHED, .pre = IDLE(3000),
		.want = { "mark; set KEEPIDLE 1; set KEEPINTVL 60; set KEEPALIVE 1; >@1500 . 0 ack 1; set KEEPINTVL 59;"
			"hup 3000; elapsed >= 2900; elapsed <= 3100; > R. 1 ack 1; why idle timer . ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPKeepAlive=1 " ENDS_IDLE } },
	{ "idle_%s_a_shorter_interval_counts_from_the_probe", "RFC 9293 3.8.4", .in = ESTABLISHED, .pre = IDLE(60000),
		.want = { "set KEEPIDLE 1; set KEEPINTVL 70; set KEEPALIVE 1; >@1500 . 0 ack 1; mark; pass 500;"
			"set KEEPINTVL 2; >@3000 . 0 ack 1; elapsed >= 1900; elapsed <= 2200; < . 1 ack 1;"
			"state established", .counters = "TCPKeepAlive=2 " ENDS_NOT } },
	/* the timeouts of a second and more are longer than the limit */
	{ "idle_%s_not_while_text_is_in_flight", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = IDLE(300),
		.want = { "write 1000; > P. 1(1000) ack 1; >@500 P. 1(1000) ack 1; >@1000 P. 1(1000) ack 1;"
			">@1500 P. 1(1000) ack 1; state established; < . 1 ack 1001; mark; hup 2000; elapsed <= 700;"
			"> R. 1001 ack 1; why idle timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPTimeouts=3 " ENDS_IDLE } },
	{ "idle_%s_while_text_waits_for_a_window", "RFC 9293 3.8.6.1", .in = ESTABLISHED, .pre = IDLE(1000),
		.want = { "mark; < . 1 ack 1 win 0; write 1000; >@500 . 0 ack 1; < . 1 ack 1 win 0; pass 600; skim;"
			"state established; hup 3000; elapsed >= 900; elapsed <= 1100; skim;"
			"why idle timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	{ "idle_%s_0_is_off", "RFC 9293 3.8.3", .in = ESTABLISHED | FIN_WAIT_2 | CLOSE_WAIT, .pre = IDLE(0) ";" HALF(0),
		.want = { "check Q = 0; pass 5000; none; check Q = 0", .counters = ENDS_NOT } },
	{ "idle_%s_switched_off", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = IDLE(1000),
		.want = { "check Q >= 90; check Q <= 101; pass 500;" IDLE(0) "; pass 2000; none; check Q = 0",
			.counters = ENDS_NOT } },
	{ "idle_%s_switched_on_counts_when_its_timer_runs", "RFC 9293 3.8.3", .in = ESTABLISHED,
		.want = { IDLE(1000) "; pass 2000; none; check Q = 0; write 100; mark; > P. 1(100) ack 1;"
			"< . 1 ack 101; hup 3000; elapsed >= 900; elapsed <= 1100; > R. 101 ack 1", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	{ "idle_%s_raised", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = IDLE(1000),
		.want = { "mark; pass 500;" IDLE(3000) "; pass 1500; none; state established; hup 3000;"
			"elapsed >= 2900; elapsed <= 3100; > R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_IDLE } },
	{ "idle_%s_lowered_counts_when_its_timer_runs", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = IDLE(3000),
		.want = { "mark; pass 500;" IDLE(1000) "; pass 1500; none; state established; hup 3000;"
			"elapsed >= 2900; elapsed <= 3300; > R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_IDLE } },
	{ "idle_not_in_syn_sent", "RFC 9293 3.8.3", .pre = IDLE(200),
		.want = { "connect; > S 0; pass 700; state syn_sent; < S. 0 ack 1 $; > . 1 ack 1; mark; hup 1000;"
			"elapsed >= 150; > R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	{ "idle_before_accept", "RFC 9293 3.8.3", .pre = IDLE(500) "; listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; >@1000 R. 1 ack 1; accept; why idle timer . ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	{ "idle_not_a_half_open_entry", "RFC 9293 3.8.3", .pre = IDLE(200) "; listen",
		.want = { "< S 0 $; > S. 0 ack 1; pass 500; < . 1 ack 1; accept; mark; hup 1000; elapsed >= 150;"
			"> R. 1 ack 1", .state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	/* Half closed. */
	{ "half_closed_%s_ends", "RFC 9293 3.6", .in = FIN_WAIT_2 | CLOSE_WAIT, .via = PASSIVE | ACTIVE,
		.pre = HALF(1000),
		.want = { "mark; hup 3000; elapsed >= 700; elapsed <= 1100; > R. S ack N", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_HALF } },
	/* text came long before */
	{ "half_closed_%s_counts_from_the_fin_of_the_peer", "RFC 9293 3.6", .in = ESTABLISHED, .pre = HALF(1000),
		.want = { "< P. 1(100) ack 1; pass 3000; skim; state established; < F. 101 ack 1; mark;"
			">@500 . 1 ack 102; hup 3000; elapsed >= 900; elapsed <= 1100; > R. 1 ack 102", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_HALF } },
	/* what was missing before the FIN arrives, and is acknowledged at once: no other timer runs */
	{ "half_closed_%s_counts_from_a_fin_that_was_early", "RFC 9293 3.6", .in = ESTABLISHED, .pre = HALF(100),
		.want = { "pass 3000; < F. 101 ack 1; > . 1 ack 1; pass 150; state established; < P. 1(100) ack 1;"
			"mark; > . 1 ack 102; hup 1000; elapsed >= 90; elapsed <= 200; > R. 1 ack 102", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_HALF } },
	{ "half_closed_%s_counts_from_the_ack_of_our_fin", "RFC 9293 3.6", .in = ESTABLISHED, .pre = HALF(100),
		.want = { "pass 3000; shut; > F. 1 ack 1; pass 150; < . 1 ack 2; mark; state fin_wait_2; hup 1000;"
			"elapsed >= 90; elapsed <= 200; > R. 2 ack 1", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_HALF } },
	{ "half_closed_%s_text_of_the_peer_moves_it", "RFC 9293 3.6", .in = FIN_WAIT_2, .pre = HALF(1000),
		.want = { "pass 700; < P. 1(100) ack 2; mark; >@500 . 2 ack 101; pass 700; state fin_wait_2; hup 3000;"
			"elapsed >= 900; elapsed <= 1100; > R. 2 ack 101; why half_closed timer P. ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_HALF } },
	{ "half_closed_%s_text_of_the_program_moves_it", "RFC 9293 3.6", .in = CLOSE_WAIT, .pre = HALF(1000),
		.want = { "pass 700; write 100; mark; > P. 1(100) ack 2; < . 2 ack 101; pass 700; state close_wait;"
			"hup 3000; elapsed >= 900; elapsed <= 1100; > R. 101 ack 2", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_HALF } },
	/* a FIN that is sent again is no other FIN */
	{ "half_closed_%s_acks_and_fins_do_not_move_it", "RFC 9293 3.6", .in = CLOSE_WAIT, .pre = HALF(1000),
		.want = { "mark; pass 300; < F. 1 ack 1; > . 1 ack 2; pass 300; < . 2 ack 1; hup 3000; elapsed <= 1100;"
			"> R. 1 ack 2; why half_closed timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_HALF } },
	{ "half_closed_not_%s", "RFC 9293 3.6", .in = ESTABLISHED, .pre = HALF(100),
		.want = { "pass 150; none; check Q = 0", .counters = ENDS_NOT } },
	/* our FIN is in flight: the peer may not know of it */
	{ "half_closed_not_%s", "RFC 9293 3.6", .in = FIN_WAIT_1, .pre = HALF(100),
		.want = { "pass 150; none", .counters = ENDS_NOT } },
	{ "half_closed_%s_comes_before_idle", "RFC 9293 3.6", .in = FIN_WAIT_2 | CLOSE_WAIT,
		.pre = IDLE(1001) ";" HALF(500),
		.want = { "mark; hup 3000; elapsed <= 600; > R. S ack N", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_HALF } },
	{ "half_closed_%s_comes_after_idle", "RFC 9293 3.6", .in = FIN_WAIT_2 | CLOSE_WAIT,
		.pre = IDLE(500) ";" HALF(1001),
		.want = { "mark; hup 3000; elapsed <= 600; > R. S ack N", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_IDLE } },
	/* The options of a socket. */
	{ "idle_%s_option", "RFC 9293 3.8.3", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .pre = IDLE(60000),
		.want = { "get IDLE_MS 60000; get HALF_CLOSED_MS 0; set IDLE_MS 1000; get IDLE_MS 1000;"
			"set IDLE_MS -1 EINVAL; get IDLE_MS 1000; pass 700; write 100; > P. 1(100) ack 1;"
			"< . 1 ack 101; mark; hup 3000; elapsed >= 900; elapsed <= 1100; > R. 101 ack 1;"
			"why idle timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	/* without a knob; switched off again before it ends the connection */
	{ "idle_%s_option_switched_off", "RFC 9293 3.8.3", .in = ESTABLISHED,
		.want = { "set IDLE_MS 500; set IDLE_MS 0; get IDLE_MS 0; pass 1500; none; check Q = 0",
			.counters = ENDS_NOT } },
	/* a probe waits for its answer; the next one is due a minute later, whatever limits are set */
	{ "idle_%s_option_sends_no_probe", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 60; set KEEPCNT 2; set KEEPALIVE 1; >@1500 . 0 ack 1;"
			"set IDLE_MS 70000; pass 100; set HALF_CLOSED_MS 70000; pass 100; set IDLE_MS 80000; pass 100;"
			"none; check Q >= 5900; check Q <= 6000; set IDLE_MS 0; pass 100; none; state established",
			.counters = "TCPKeepAlive=1 TCPAbortOnTimeout=0 " ENDS_NOT } },
	/*
	 * A limit that moved the deadline, and is raised then: the next probe, or the end, waits for its interval. The
	 * kernel's timers round 3 s up by a quarter of a second at most.
	 */
	{ "idle_%s_raised_option_leaves_the_interval", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 3; set KEEPALIVE 1; >@1500 . 0 ack 1; mark; set IDLE_MS 1500;"
			"set IDLE_MS 70000; >@4000 . 0 ack 1; elapsed >= 2900; elapsed <= 3300; < . 1 ack 1;"
			"state established", .counters = "TCPKeepAlive=2 " ENDS_NOT } },
	{ "idle_%s_raised_option_leaves_the_last_interval", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 3; set KEEPCNT 1; set KEEPALIVE 1; >@1500 . 0 ack 1; mark;"
			"set IDLE_MS 1500; set IDLE_MS 70000; hup 4000; elapsed >= 2900; elapsed <= 3300; > R. 1 ack 1;"
			"why keepalive timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPKeepAlive=1 TCPAbortOnTimeout=1 TCPAbortOnIdle=0" } },
	/* the connection has been silent for longer */
	{ "idle_%s_option_ends_at_once", "RFC 9293 3.8.3", .in = ESTABLISHED,
		.want = { "pass 1000; mark; set IDLE_MS 500; hup 1000; elapsed <= 100; > R. 1 ack 1", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = ENDS_IDLE } },
	{ "idle_%s_larger_option_leaves_the_namespace", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = IDLE(1000),
		.want = { "mark; set IDLE_MS 2147483647; get IDLE_MS 1000; hup 3000; elapsed >= 900; elapsed <= 1100;"
			"> R. 1 ack 1; why idle timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = ENDS_IDLE } },
	{ "idle_listener_option_is_inherited", "RFC 9293 3.6", .pre = "listen",
		.want = { "set IDLE_MS 1000; set HALF_CLOSED_MS 300; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
			"get IDLE_MS 1000; get HALF_CLOSED_MS 300; < F. 1 ack 1; mark; >@500 . 1 ack 2; hup 3000;"
			"elapsed >= 200; elapsed <= 400; > R. 1 ack 2; why half_closed timer F. ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_HALF } },
	{ "half_closed_%s_smaller_option_beats_the_namespace", "RFC 9293 3.6", .in = FIN_WAIT_2 | CLOSE_WAIT,
		.pre = HALF(60000),
		.want = { "set HALF_CLOSED_MS 500; get HALF_CLOSED_MS 500; mark; hup 3000; elapsed <= 600;"
			"> R. S ack N", .state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_HALF } },
	{ "half_closed_%s_larger_option_leaves_the_namespace", "RFC 9293 3.6", .in = FIN_WAIT_2 | CLOSE_WAIT,
		.pre = HALF(1000),
		.want = { "mark; set HALF_CLOSED_MS 2147483647; get HALF_CLOSED_MS 1000; hup 3000; elapsed >= 700;"
			"elapsed <= 1100; > R. S ack N", .state = CLOSED, .err = "ETIMEDOUT", .counters = ENDS_HALF } },
	/* Orphans, and records: tcp_fin_timeout and timewait_ms have them. */
	{ "idle_%s_not_an_orphan", "RFC 9293 3.6.1", .in = FIN_WAIT_2, .pre = IDLE(500) ";" HALF(500),
		.want = { "close; pass 1500; none", .counters = ENDS_NOT } },
	{ "idle_%s_not_a_connection_that_becomes_an_orphan", "RFC 9293 3.6.1", .in = ESTABLISHED,
		.pre = IDLE(500) ";" HALF(500),
		.want = { "pass 300; close; > F. 1 ack 1; < . 1 ack 2; pass 1500; none", .state = FIN_WAIT_2,
			.counters = ENDS_NOT } },
	{ "idle_not_%s", "RFC 9293 3.6.1", .in = TIME_WAIT, .pre = IDLE(500) ";" HALF(500),
		.want = { "pass 1500; none", .counters = ENDS_NOT } },
};

WIRE_MAIN_XTCP(rows)
