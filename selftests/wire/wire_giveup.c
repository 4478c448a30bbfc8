// SPDX-License-Identifier: GPL-2.0
/* Giving up: the peer acknowledges nothing or keeps its window closed, and what the program said of its patience. */
#include "lib/wire.h"
#include "wire/whys.h"

/* The peer answers nothing that is in flight, and closes and opens its window for 1,800 ms. */
#define FLAP		"pass 60; < . 1 ack 1 win 20000; < . 1 ack 1 win 0;"
#define FLAPS_10	"" FLAP FLAP FLAP FLAP FLAP FLAP FLAP FLAP FLAP FLAP
#define FLAPS_30	"" FLAPS_10 FLAPS_10 FLAPS_10
/* It says for as long that its window is closed. */
#define SHUT		"pass 60; < . 1 ack 1 win 0;"
#define SHUT_10		"" SHUT SHUT SHUT SHUT SHUT SHUT SHUT SHUT SHUT SHUT

static const struct wire_row rows[] = {
	{ "give_up_syn_sent", "RFC 9293 3.8.3", .id = "MUST-20 MUST-22", .pre = "socket; set SYNCNT 1",
		.want = { "connect; > S 0; >@2500 S 0; hup 5000; poll IN OUT RDHUP HUP ERR", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = "AttemptFails=1 TCPAbortOnTimeout=1 TCPTimeouts=2" } },
	/* As Linux 6.1: six retries are 127 s, not the three minutes; seven would be 255 s. */
	{ "give_up_syn_sent_by_default", "RFC 9293 3.8.3", .id = "MUST-23", .pre = "socket",
		.want = { "get SYNCNT 6; set SYNCNT 7; get SYNCNT 7", .state = CLOSED } },
	{ "give_up_%s_user_timeout", "RFC 9293 3.8.3", .id = "MUST-21", .in = ESTABLISHED,
		.want = { "set USER_TIMEOUT 500; mark; write 1000; > P. 1(1000) ack 1; hup 5000; elapsed >= 250; skim",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" } },
	/* For a program that sets no timeout. What a program sets holds for it. */
	{ "give_up_%s_user_timeout_of_the_namespace", "RFC 9293 3.8.3", .id = "MUST-21", .in = ESTABLISHED,
		.pre = "sysctl xtcp/user_timeout_ms 500",
		.want = { "get USER_TIMEOUT 500; mark; write 1000; > P. 1(1000) ack 1; hup 5000; elapsed >= 250;"
			"elapsed <= 1000; why user_timeout_ms timer . ETIMEDOUT; skim", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1 TCPAbortOnUserTimeoutMs=1" },
		.kernel_differs = NO_KNOB,
		.kernel = { "get USER_TIMEOUT 0; write 1000; > P. 1(1000) ack 1; pass 1000; state established; skim",
			.state = ESTABLISHED, .err = "none", .counters = "TCPAbortOnTimeout=0" } },
	{ "give_up_%s_user_timeout_beats_the_namespace", "RFC 9293 3.8.3", .id = "MUST-21", .in = ESTABLISHED,
		.pre = "sysctl xtcp/user_timeout_ms 100000",
		.want = { "set USER_TIMEOUT 500; get USER_TIMEOUT 500; mark; write 1000; > P. 1(1000) ack 1; hup 5000;"
			"elapsed >= 250; elapsed <= 1000; why user_timeout timer . ETIMEDOUT; skim", .state = CLOSED,
			.err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1 TCPAbortOnUserTimeoutMs=0" },
		.kernel_differs = NO_REASON,
		.kernel = { "set USER_TIMEOUT 500; get USER_TIMEOUT 500; mark; write 1000; > P. 1(1000) ack 1;"
			"hup 5000; elapsed >= 250; elapsed <= 1000; skim", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPAbortOnTimeout=1" } },
	{ "give_up_%s_retries", "RFC 9293 3.8.3", .id = "MUST-20", .in = ESTABLISHED, .pre = "sysctl retries2 2",
		.want = { "write 1000; > P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1; >@2500 P. 1(1000) ack 1; hup 5000;"
			"skim; write 1 ETIMEDOUT", .state = CLOSED, .counters = "TCPAbortOnTimeout=1" } },
	{ "give_up_%s_orphan", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = "sysctl orphan_retries 1",
		.want = { "close; > F. 1 ack 1; >@1500 F. 1 ack 1; gone 5000; skim", .state = CLOSED,
			.counters = "TCPAbortOnTimeout=1 TCPTimeouts=3" } },
	{ "give_up_%s_synack", "RFC 9293 3.8.3", .in = LISTEN, .pre = "sysctl synack_retries 1",
		.want = { "< S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; gone 5000; none", .counters = "TCPTimeouts=2" } },
	{ "give_up_%s_window_stays_closed", "RFC 9293 3.8.6.1, RFC 6429", .in = ESTABLISHED,
		.want = { "set USER_TIMEOUT 500; write 1000; > P. 1(1000) ack 1; mark; < . 1 ack 1001 win 0;"
			"write 1000; none; >@1500 . 1000 ack 1; hup 5000; elapsed >= 250; skim", .state = CLOSED,
			.err = "ETIMEDOUT" } },
	{ "give_up_%s_window_stays_closed_though_probes_are_answered", "RFC 9293 3.8.6.1, RFC 6429", .in = ESTABLISHED,
		.want = { "set USER_TIMEOUT 1000; write 1000; > P. 1(1000) ack 1; mark; < . 1 ack 1001 win 0;"
			"write 1000; none; >@1500 . 1000 ack 1; < . 1 ack 1001 win 0; >@1500 . 1000 ack 1;"
			"< . 1 ack 1001 win 0; hup 5000; elapsed >= 500; none", .state = CLOSED, .err = "ETIMEDOUT" } },
	{ "give_up_%s_orphan_whose_window_stays_closed", "RFC 9293 3.8.6.1, RFC 6429", .in = ESTABLISHED,
		.synwin = "2000",
		.want = { "write 3000; > p. 1(1000) ack 1 x2; < . 1 ack 2001 win 0; close; none; >@1500 . 2000 ack 1;"
			"< . 1 ack 2001 win 0; none; sysctl max_orphans 0; >@2500 R. 2001 ack 1; gone 5000",
			.state = CLOSED, .counters = "TCPAbortOnMemory=1" },
		.kernel_differs = "has this limit for all namespaces, so it is not set here",
		.kernel = { "write 3000; > p. 1(1000) ack 1 x2; < . 1 ack 2001 win 0; close; none; >@1500 . 2000 ack 1;"
			"< . 1 ack 2001 win 0; none", .state = FIN_WAIT_1, .counters = "TCPAbortOnMemory=0" } },
	/* Its text was never acknowledged: eight retries, which take 102 s. */
	{ "give_up_%s_orphan_by_default", "RFC 9293 3.8.3", .in = ESTABLISHED,
		.want = { "write 1000; > P. 1(1000) ack 1; close; > F. 1001 ack 1; pass 95000; state fin_wait_1;"
			"pass 20000; gone 100; skim", .state = CLOSED, .counters = "TCPAbortOnTimeout=1" } },
	/* Text in flight, and the window shrinks to nothing: what the program has said of its patience holds. */
	{ "give_up_%s_user_timeout_though_the_window_flaps", "RFC 9293 3.8.3", .id = "MUST-21", .in = ESTABLISHED,
		.syn = "mss 1000,sackok",
		.want = { "set USER_TIMEOUT 500; write 1000; > P. 1(1000) ack 1;" FLAPS_30 "hup 100; skim",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" } },
	{ "give_up_%s_user_timeout_though_shut_is_all_it_says", "RFC 9293 3.8.3", .id = "MUST-21", .in = ESTABLISHED,
		.syn = "mss 1000,sackok",
		.want = { "set USER_TIMEOUT 500; write 1000; > P. 1(1000) ack 1;" SHUT_10 SHUT_10 SHUT_10 "hup 100;"
			"skim", .state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" } },
	{ "give_up_%s_user_timeout_in_a_window_that_shrank", "RFC 9293 3.8.3", .id = "MUST-21", .in = ESTABLISHED,
		.want = { "set USER_TIMEOUT 1500; write 1000; > P. 1(1000) ack 1; < . 1 ack 1 win 0; mark; hup 2200;"
			"elapsed >= 800; skim", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPAbortOnTimeout=1" } },
	{ "give_up_%s_orphan_though_the_window_flaps", "RFC 9293 3.8.3, RFC 6429", .in = ESTABLISHED,
		.syn = "mss 1000,sackok", .pre = "sysctl orphan_retries 1",
		.want = { "write 1000; > P. 1(1000) ack 1; close; > F. 1001 ack 1;" FLAPS_30 "gone 1000; skim",
			.state = CLOSED } },
	/* Without a program's word a peer that answers may keep its window closed. */
	{ "window_%s_that_shrank_may_stay_so", "RFC 9293 3.8.6", .id = "SHLD-17", .in = ESTABLISHED,
		.syn = "mss 1000,sackok", .pre = "sysctl retries2 2",
		.want = { "write 1000; > P. 1(1000) ack 1;" SHUT_10 SHUT_10 SHUT_10 SHUT_10 "skim; state established;"
			"< . 1 ack 1001 win 20000; none; info unacked = 0", .counters = "TCPAbortOnTimeout=0" } },
};

WIRE_MAIN(rows)
