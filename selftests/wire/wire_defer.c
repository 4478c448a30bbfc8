// SPDX-License-Identifier: GPL-2.0
/* TCP_DEFER_ACCEPT: accepted with its first data. RFC 9293 knows no such thing; the rules are Linux's. */
#include "wire.h"

/* The timer of a SYN-ACK counts the timeout after it has sent: once /proc shows the next one, it has. */
static const struct wire_row rows[] = {
	{ "bare_ack_opens_nothing_data_does", "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 30",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; state syn_received; accept EAGAIN;"
			"< P. 1(10) ack 1; >@1000 . 1 ack 11; accept; read 10",
			.counters = "TCPDeferAcceptDrop=1 PassiveOpens=1 ListenDrops=0" } },
	{ "data_at_once_opens", "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 30",
		.want = { "< S 0 $; > S. 0 ack 1; < P. 1(10) ack 1; >@1000 . 1 ack 11; accept; info segs_in = 2;"
			"info data_segs_in = 1; read 10", .counters = "TCPDeferAcceptDrop=0 PassiveOpens=1" } },
	{ "fin_opens", "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 30",
		.want = { "< S 0 $; > S. 0 ack 1; < F. 1 ack 1; >@1000 . 1 ack 2; accept; read eof",
			.counters = "TCPDeferAcceptDrop=0 PassiveOpens=1", .state = CLOSE_WAIT } },
	{ "rst_ends_the_wait_for_data", "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 30",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; < R 1; none; state listen",
			.counters = "TCPDeferAcceptDrop=1 EmbryonicRsts=1", .state = LISTEN } },
	{ "last_timeout_asks_again_and_a_bare_ack_will_do", "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 1",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; >@3000 S. 0 ack 1; until Q >= 120; < . 1 ack 1;"
			"accept", .counters = "TCPDeferAcceptDrop=1 PassiveOpens=1 TCPTimeouts=1 RetransSegs=1" } },
	{ "earlier_timeouts_send_nothing", "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 3",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; mark; >@6000 S. 0 ack 1; elapsed >= 2500;"
			"until Q >= 200; < . 1 ack 1; accept",
			.counters = "TCPDeferAcceptDrop=1 PassiveOpens=1 TCPTimeouts=2 RetransSegs=1" } },
	{ "without_a_bare_ack_every_timeout_sends", "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 30",
		.want = { "< S 0 $; > S. 0 ack 1; >@3000 S. 0 ack 1; < P. 1(10) ack 1; >@1000 . 1 ack 11; accept;"
			"read 10" } },
	{ "full_accept_queue_and_data", "RFC 9293 3.10.7.4", .pre = "listen 5; set DEFER_ACCEPT 30",
		.want = { "< S 0 $; > S. 0 ack 1; < P. 1(10) ack 1; >@1000 . 1 ack 11; fresh; < S 0 $; > S. 0 ack 1;"
			"listen 0; < . 1 ack 1; none; < P. 1(10) ack 1; none; accept; < P. 1(10) ack 1;"
			">@1000 . 1 ack 11; accept; read 10",
			.counters = "TCPDeferAcceptDrop=1 ListenOverflows=1 ListenDrops=1 PassiveOpens=2" } },
	{ "cookie_waits_for_data_too", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen; set DEFER_ACCEPT 30",
		.syn = "mss 1440",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; state listen; < P. 1(10) ack 1; >@1000 . 1 ack 11;"
			"accept; read 10", .counters = "TCPDeferAcceptDrop=1 SyncookiesRecv=1 PassiveOpens=1" },
		.kernel_differs = "opens it by the bare ACK: a cookie has no entry that could wait",
		.kernel = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; accept",
			.counters = "TCPDeferAcceptDrop=0 SyncookiesRecv=1 PassiveOpens=1" } },
	{ "seconds_are_rounded_up_to_timeouts", "RFC 9293 3.9.1", .pre = "listen",
		.want = { "set DEFER_ACCEPT 5; get DEFER_ACCEPT 7; set DEFER_ACCEPT 1; get DEFER_ACCEPT 1;"
			"set DEFER_ACCEPT 200; get DEFER_ACCEPT 247; set DEFER_ACCEPT -1; get DEFER_ACCEPT 0;"
			"set DEFER_ACCEPT 0x7fffffff; get DEFER_ACCEPT 29887", .state = LISTEN } },
	{ "child_has_none_of_it", "RFC 9293 3.9.1", .pre = "listen; set DEFER_ACCEPT 30",
		.want = { "< S 0 $; > S. 0 ack 1; < P. 1(10) ack 1; >@1000 . 1 ack 11; accept; get DEFER_ACCEPT 0;"
			"read 10" } },
	{ "clients_data_carries_its_ack", "RFC 9293 3.10.7.3",
		.want = { "socket; bind; set DEFER_ACCEPT 1; connect; > S 0; < S. 0 ack 1 $; none; state established;"
			"write 10; > P. 1(10) ack 1" } },
};

WIRE_MAIN(rows)
