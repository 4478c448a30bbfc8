// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Fast Open (RFC 7413), the client: a SYN that asks for a cookie; text on a later one; what the SYN-ACK makes of
 * it; SYNs that are lost; connect() that sends no SYN; when no SYN has text for a while.
 */
#include "lib/wire.h"

#define COOKIE		"1122334455667788"
#define NEXT		"abort; skim; fresh; "	/* the next connection to the same host */
#define GIVES		"hex 0101220a" COOKIE
#define ASKED		"fast 10 EINPROGRESS; > S 0 <fo>; "
/* The host of the row has given out a cookie. */
#define KNOWN		ASKED "< S. 0 ack 1 <mss 1000," GIVES ">; > . 1 ack 1; state established; " NEXT
#define WITH_TEXT	"fast 10 10; > S 0(10) <fo " COOKIE ">; "
#define CROSSES		"< S 0 <mss 1000,ws 0>; > S. 0(0) ack 1 <nofo>; "	/* the peer's SYN */
/* An RST out of order, as a middlebox sends it that has swallowed the text */
#define SWALLOWED	"< S. 0 ack 11 <mss 1000>; > . 11 ack 1; < R 101; > . 11 ack 1; "
#define DEFERRED	"socket; set FASTOPEN_CONNECT 1; connect none; none; info state = 2; "

static const struct wire_row rows[] = {
	{ "a_cookie_is_asked_for_and_used", "RFC 7413 4.2.1",
		.want = { ASKED "info client_fail = 1; write 10 EAGAIN; < S. 0 ack 1 <mss 1000," GIVES ">; > . 1 ack 1;"
			"write 10; > P. 1(10) ack 1;" NEXT WITH_TEXT "< S. 0 ack 11 <mss 1000>; > . 11 ack 1; poll OUT;"
			"info client_fail = 0; info options = 32; write 10; > P. 11(10) ack 1",
			.counters = "TCPFastOpenActive=1 TCPFastOpenActiveFail=0 ActiveOpens=2 RetransSegs=0 "
			"TCPOrigDataSent=3" } },
	{ "text_and_a_whole_exchange", "RFC 7413 4.2.2",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 11 <mss 1000>; > . 11 ack 1; < P. 1(50) ack 11;"
			">@1000 . 11 ack 51; read 50; shut; > F. 11 ack 51; < F. 51 ack 12; > . 12 ack 52",
			.counters = "TCPFastOpenActive=1", .state = TIME_WAIT } },
	{ "the_syn_alone_is_acknowledged", "RFC 7413 4.2.2",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 1 <mss 1000>; > P. 1(10) ack 1; info client_fail = 2;"
			"info options = 0; < . 1 ack 11; none; write 5; > P. 11(5) ack 1",
			.counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=1 RetransSegs=1 TCPTimeouts=0 "
			"TCPSlowStartRetrans=1 TCPFastRetrans=0" } },
	{ "text_beyond_the_peers_mss_is_one_segment", "RFC 7413 4.2.2",
		.want = { KNOWN "fast 900 900; > S 0(900) <fo " COOKIE ">; < S. 0 ack 901 <mss 400>; > . 901 ack 1;"
			"info delivered = 1" } },
	/* a SYN is not ECN-capable, whatever it carries */
	{ "the_syn_with_text_asks_for_ecn", "RFC 3168 6.1.1", .pre = "sysctl ecn 1",
		.want = { "fast 10 EINPROGRESS; > SEC 0 tos 0 <fo>; < S. 0 ack 1 <mss 1000," GIVES ">; > . 1 ack 1;"
			NEXT "fast 10 10; > SEC 0(10) tos 0 <fo " COOKIE ">; < S.E 0 ack 11 <mss 1000>;"
			"> . 11 ack 1 tos 0; write 10; > P. 11(10) ack 1 tos 2",
			.counters = "TCPFastOpenActive=1 TCPDeliveredCE=0" } },
	{ "text_is_acknowledged_in_part", "RFC 7413 4.2.2",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 5 <mss 1000>; > P. 5(6) ack 1; < . 1 ack 11; none",
			.counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=1 RetransSegs=1" } },
	{ "the_syn_is_lost", "RFC 7413 4.2.2",
		.want = { KNOWN WITH_TEXT ">@3000 S 0(0) <nofo>; < S. 0 ack 1 <mss 1000>; > P. 1(10) ack 1;"
			"info client_fail = 3; < . 1 ack 11; none",
			.counters = "TCPFastOpenActiveFail=1 RetransSegs=2 TCPTimeouts=1 TCPSynRetrans=1" } },
	{ "the_syn_ack_is_lost", "RFC 7413 4.2.2",
		.want = { KNOWN WITH_TEXT ">@3000 S 0(0) <nofo>; < S. 0 ack 11 <mss 1000>; > . 11 ack 1;"
			"info client_fail = 0; none",
			.counters = "TCPFastOpenActive=1 TCPFastOpenActiveFail=0 RetransSegs=1" } },
	{ "no_cookie_is_given", "RFC 7413 4.2.1",
		.want = { ASKED "< S. 0 ack 1 <mss 1000>; > . 1 ack 1; write 10; > P. 1(10) ack 1;" NEXT
			"fast 10 EINPROGRESS; > S 0(0)", .counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=0",
			.state = SYN_SENT } },
	{ "a_fresh_cookie_replaces_it", "RFC 7413 4.1.3",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 1 <mss 1000,hex 0101220c0102030405060708090a>; > P. 1(10) ack 1;"
			"< . 1 ack 11; none;" NEXT "fast 10 10; > S 0(10) <fo 0102030405060708090a>",
			.state = SYN_SENT } },
	{ "a_cookie_of_16_octets", "RFC 7413 4.1.1",
		.want = { ASKED "< S. 0 ack 1 <mss 1000,hex 22120102030405060708090a0b0c0d0e0f100101>; > . 1 ack 1;"
			NEXT "fast 10 10; > S 0(10) <mss A,ws,ts,fo 0102030405060708090a0b0c0d0e0f10>;"
			"< S. 0 ack 11 <mss 1000>; > . 11 ack 1" } },
	{ "cookies_of_impossible_lengths", "RFC 7413 4.1.1",
		.want = { ASKED "< S. 0 ack 1 <mss 1000,hex 220401020101>; > . 1 ack 1;" NEXT ASKED
			"< S. 0 ack 1 <mss 1000,hex 22070102030405>; > . 1 ack 1;" NEXT ASKED
			"< S. 0 ack 1 <mss 1000,hex 22140102030405060708090a0b0c0d0e0f101112>; > . 1 ack 1;" NEXT ASKED,
			.state = SYN_SENT },
		.kernel_differs = "asks by the experimental option, too, when it gets no answer",
		.kernel = { ASKED "< S. 0 ack 1 <mss 1000,hex 220401020101>; > . 1 ack 1;" NEXT "fast 10 EINPROGRESS;"
			"> S 0(0) <nofo>" } },
	{ "an_empty_cookie_changes_nothing", "RFC 7413 4.1.3",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 11 <mss 1000,hex 22020101>; > . 11 ack 1;" NEXT WITH_TEXT,
			.state = SYN_SENT } },
	{ "as_much_as_the_mss_of_then_allows", "RFC 7413 4.1.3",
		.want = { KNOWN "fast 3000 960; > S 0(960) <fo " COOKIE ">; < S. 0 ack 961 <mss 1000>; > . 961 ack 1;"
			"write 100; > P. 961(100) ack 1", .counters = "TCPFastOpenActive=1" } },
	{ "the_mss_is_smaller_this_time", "RFC 7413 4.2.2",
		.want = { KNOWN "fast 3000 960; > S 0(960) <fo " COOKIE ">; < S. 0 ack 1 <mss 500>; > . 1(500) ack 1;"
			"> P. 501(460) ack 1; < . 1 ack 961; none", .counters = "TCPFastOpenActiveFail=1 RetransSegs=2",
			.state = ESTABLISHED } },
	{ "a_small_window", "RFC 9293 3.8.6",
		.want = { KNOWN "fast 900 900; > S 0(900) <fo " COOKIE ">; < S. 0 ack 1 win 300 <mss 1000>;"
			"> . 1(300) ack 1; < . 1 ack 301 win 2000; > P. 301(600) ack 1; < . 1 ack 901; none" } },
	{ "maxseg_limits_it", "RFC 9293 3.7.1",
		.want = { KNOWN "socket; set MAXSEG 600; fast 3000 560; > S 0(560) <fo " COOKIE ",mss 600>",
			.state = SYN_SENT } },
	{ "nothing_to_send_but_a_cookie", "RFC 7413 4.2.2",
		.want = { KNOWN "fast 0 EINPROGRESS; > S 0(0) <fo " COOKIE ">; < S. 0 ack 1 <mss 1000>; > . 1 ack 1",
			.counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=0" } },
	/* connect() */
	{ "connect_asks_for_a_cookie", "RFC 7413 4.2.1",
		.want = { "socket; set FASTOPEN_CONNECT 1; get FASTOPEN_CONNECT 1; connect; > S 0(0) <fo>; poll;"
			"info client_fail = 1; < S. 0 ack 1 <mss 1000," GIVES ">; > . 1 ack 1; poll OUT; write 10;"
			"> P. 1(10) ack 1;" NEXT WITH_TEXT, .counters = "ActiveOpens=2", .state = SYN_SENT } },
	{ "the_first_write_sends_the_syn", "RFC 7413 4.2.2",
		.want = { KNOWN DEFERRED "poll OUT; err none; connect EISCONN; write 10; connect EALREADY;"
			"> S 0(10) <fo " COOKIE ">; poll; write 5 EAGAIN; < S. 0 ack 11 <mss 1000>; > . 11 ack 1;"
			"poll OUT; connect none; connect EISCONN; write 5; > P. 11(5) ack 1",
			.counters = "ActiveOpens=2 TCPFastOpenActive=1" } },
	{ "close_before_the_first_write", "RFC 9293 3.10.4",
		.want = { KNOWN DEFERRED "close; none", .counters = "ActiveOpens=1", .state = CLOSED } },
	{ "shutdown_before_the_first_write", "RFC 9293 3.10.4",
		.want = { KNOWN DEFERRED "shut; none; err ECONNRESET; write 5 EPIPE; connect none; none; write 10;"
			"> S 0(10) <fo " COOKIE ">; < S. 0 ack 11 <mss 1000>; > . 11 ack 1",
			.counters = "ActiveOpens=2" } },
	{ "a_segment_before_the_first_write", "RFC 9293 3.10.7.3",
		.want = { KNOWN "bind;" DEFERRED "< . 1 ack 1; > R *; write 10; > S 0(10) <fo " COOKIE ">",
			.state = SYN_SENT } },
	/* no SYN is under way that the answer could bring forward; a warning of the kernel fails the run */
	{ "a_segment_long_before_the_first_write", "RFC 9293 3.10.7.3",
		.want = { KNOWN "bind;" DEFERRED "< . 1 ack 1; > R *; pass 100; none; write 10; > S 0(10) <fo " COOKIE
			">; >@3000 S 0(0) <nofo>", .counters = "TCPTimeouts=1 ActiveOpens=2", .state = SYN_SENT } },
	{ "the_peer_opens_before_the_first_write", "RFC 9293 3.5", .id = "MUST-10",
		.want = { KNOWN "bind;" DEFERRED CROSSES "poll; write 10 EAGAIN; connect EALREADY; < . 1 ack 1;"
			"poll OUT; connect none; connect EISCONN; write 10; > P. 1(10) ack 1",
			.counters = "ActiveOpens=2" }, .kernel_differs = "has no SYN to answer with",
		.kernel = { KNOWN "bind;" DEFERRED "< S 0 <mss 1000,ws 0>; none", .counters = "ActiveOpens=1",
			.state = SYN_RECEIVED } },
	/* What else may come. */
	{ "a_rst_refuses_it", "RFC 9293 3.10.7.3",
		.want = { KNOWN WITH_TEXT "< R. 0 ack 11; none; err ECONNREFUSED", .state = CLOSED } },
	{ "a_rst_for_less_than_it_refuses_it", "RFC 9293 3.10.7.3",
		.want = { KNOWN WITH_TEXT "< R. 0 ack 1; none; err ECONNREFUSED", .state = CLOSED } },
	{ "a_hard_icmp_error_ends_it", "RFC 9293 3.9.2.2",
		.want = { KNOWN WITH_TEXT "icmp port seq 0; none; err ECONNREFUSED", .state = CLOSED } },
	{ "an_ack_of_more_is_reset", "RFC 9293 3.10.7.3",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 12 <mss 1000>; > R 12; >@1000 S 0(0) <nofo>; state syn_sent",
			.state = SYN_SENT } },
	{ "text_of_the_syn_ack_is_taken", "RFC 7413 4.2.2",
		.want = { KNOWN WITH_TEXT "< S. 0(20) ack 11 <mss 1000>; > . 11 ack 21; poll IN OUT; read 20;"
			"< P. 21(5) ack 11; >@1000 . 11 ack 26; read 5" } },
	{ "text_and_fin_of_the_syn_ack", "RFC 7413 4.2.2",
		.want = { KNOWN WITH_TEXT "< SF. 0(20) ack 11 <mss 1000>; >@1000 . 11 ack 22; read 20; read eof; close;"
			"> F. 11 ack 22; < . 22 ack 12; none", .state = CLOSED } },
	{ "the_peer_opens_at_the_same_time", "RFC 9293 3.5", .id = "MUST-10",
		.want = { KNOWN WITH_TEXT "< S 0 <mss 1000,ws 0>; > S. 0(0) ack 1 <nofo>; state syn_received;"
			"< . 1 ack 11; none; write 5; > P. 11(5) ack 1" } },
	/* our SYN has asked for a cookie; its text is not taken without one */
	{ "the_peer_opens_with_text_while_a_cookie_is_asked_for", "RFC 9293 3.5",
		.want = { "socket; set FASTOPEN_CONNECT 1; connect; > S 0(0) <fo>; < S 0(10) <mss 1000,ws 0>;"
			"> S. 0(0) ack 1 <nofo>; < P. 1(10) ack 1; > . 1 ack 11; read 10" } },
	{ "the_peer_opens_at_the_same_time_and_takes_no_text", "RFC 9293 3.5", .id = "MUST-10",
		.want = { KNOWN WITH_TEXT "< S 0 <mss 1000,ws 0>; > S. 0(0) ack 1 <nofo>; < . 1 ack 1;"
			"> P. 1(10) ack 1; < . 1 ack 11; none" }, .kernel_differs = "waits for its timer",
		.kernel = { KNOWN WITH_TEXT "< S 0 <mss 1000,ws 0>; > S. 0(0) ack 1 <nofo>; < . 1 ack 1;"
			">@3000 P. 1(10) ack 1; < . 1 ack 11; none" } },
	{ "the_peer_opens_at_the_same_time_and_its_syn_ack_takes_no_text", "RFC 9293 3.5", .id = "MUST-10",
		.want = { KNOWN WITH_TEXT CROSSES "< S. 0 ack 1 <mss 1000,ws 0>; > P. 1(10) ack 1; > . 11 ack 1;"
			"< . 1 ack 11; none; state established",
			.counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=1 TCPSYNChallenge=0" },
		.kernel_differs = "challenges a SYN-ACK that takes no text",
		.kernel = { KNOWN WITH_TEXT CROSSES "< S. 0 ack 1 <mss 1000,ws 0>; > . 11 ack 1; state syn_received",
			.counters = "TCPSYNChallenge=1", .state = SYN_RECEIVED } },
	{ "the_peer_opens_at_the_same_time_and_its_syn_ack_takes_some_text", "RFC 9293 3.5", .id = "MUST-10",
		.want = { KNOWN WITH_TEXT CROSSES "< S. 0 ack 5 <mss 1000,ws 0>; > P. 5(6) ack 1; > . 11 ack 1;"
			"< . 1 ack 11; none; state established",
			.counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=1 TCPSYNChallenge=0" },
		.kernel_differs = "challenges a SYN-ACK that does not take all text",
		.kernel = { KNOWN WITH_TEXT CROSSES "< S. 0 ack 5 <mss 1000,ws 0>; > . 11 ack 1; state syn_received",
			.counters = "TCPSYNChallenge=1", .state = SYN_RECEIVED } },
	/* its SYN was taken before, which is no text that came twice */
	{ "the_peer_opens_at_the_same_time_and_its_syn_ack_is_no_dsack", "RFC 2883 4",
		.want = { KNOWN WITH_TEXT "< S 0 <mss 1000,sackok,ws 0>; > S. 0(0) ack 1 <nofo>;"
			"< S. 0 ack 11 <mss 1000,sackok,ws 0>; > . 11 ack 1 <nosack>; none",
			.counters = "TCPDSACKOldSent=0" }, .kernel_differs = "reports the SYN by D-SACK",
		.kernel = { KNOWN WITH_TEXT "< S 0 <mss 1000,sackok,ws 0>; > S. 0(0) ack 1 <nofo>;"
			"< S. 0 ack 11 <mss 1000,sackok,ws 0>; > . 11 ack 1 <sack 0:1>; none",
			.counters = "TCPDSACKOldSent=1" } },
	{ "shutdown_while_the_peer_opens_at_the_same_time", "RFC 9293 3.10.4",
		.want = { KNOWN WITH_TEXT CROSSES "shut; none; < . 1 ack 11; > F. 11 ack 1; none",
			.counters = "TCPFastOpenActive=1 TCPFastOpenActiveFail=0 RetransSegs=0", .state = FIN_WAIT_1 },
		.kernel_differs = "does not judge the text here",
		.kernel = { .counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=0" } },
	{ "shutdown_behind_text_that_is_refused", "RFC 9293 3.10.4",
		.want = { KNOWN WITH_TEXT CROSSES "shut; none; < . 1 ack 1; > P. 1(10) ack 1; > F. 11 ack 1; none;"
			"< . 1 ack 12; none", .counters = "TCPFastOpenActive=0 TCPFastOpenActiveFail=1 RetransSegs=1",
			.state = FIN_WAIT_2 },
		.kernel_differs = "waits for its timer",
		.kernel = { KNOWN WITH_TEXT CROSSES "shut; none; < . 1 ack 1; > F. 11 ack 1; >@3000 FP. 1(10) ack 1;"
			"< . 1 ack 12; none", .counters = "TCPFastOpenActiveFail=0" } },
	/* The peer's MSS makes three segments of it, of which the first and the last have come. */
	{ "sacked_text_is_not_refused", "RFC 7413 4.2.2",
		.want = { KNOWN "fast 3000 960; > S 0(960) <fo " COOKIE ">; < S 0 <mss 300,ws 0,sackok>;"
			"> S. 0(0) ack 1 <nofo>; < . 1 ack 301 <sack 601:961>; > . 301(300) ack 1; none; < . 1 ack 961;"
			"none", .counters = "RetransSegs=1 TCPFastOpenActiveFail=1" },
		.kernel_differs = "waits for its timer",
		.kernel = { KNOWN "fast 3000 960; > S 0(960) <fo " COOKIE ">; < S 0 <mss 300,ws 0,sackok>;"
			"> S. 0(0) ack 1 <nofo>; < . 1 ack 301 <sack 601:961>; >@3000 . 301(300) ack 1; < . 1 ack 961;"
			"none", .counters = "TCPFastOpenActiveFail=0" } },
	/* Knobs and calls. */
	{ "off_by_the_knob", "RFC 7413 4.2", .pre = "sysctl fastopen 2",
		.want = { "fast 10 EOPNOTSUPP; none; set FASTOPEN_CONNECT 1 EOPNOTSUPP; set FASTOPEN_CONNECT 2 EINVAL;"
			"connect; > S 0(0) <nofo>", .state = SYN_SENT } },
	{ "no_cookie_by_the_knob", "RFC 7413 4.1.3", .pre = "sysctl fastopen 5",
		.want = { "fast 10 10; > S 0(10) <nofo>; < S. 0 ack 11 <mss 1000," GIVES ">; > . 11 ack 1;" NEXT
			"sysctl fastopen 1;" ASKED, .counters = "TCPFastOpenActive=1", .state = SYN_SENT } },
	{ "no_cookie_by_the_socket", "RFC 7413 4.1.3",
		.want = { "socket; set FASTOPEN_NO_COOKIE 1; set FASTOPEN_CONNECT 1; connect none; none; write 10;"
			"> S 0(10) <nofo>; < S. 0 ack 1 <mss 1000>; > P. 1(10) ack 1; info client_fail = 2" } },
	{ "no_cookie_by_the_route", "RFC 7413 4.1.3", .pre = "route fastopen_no_cookie 1",
		.want = { "fast 10 10; > S 0(10) <nofo>; < S. 0 ack 11 <mss 1000>; > . 11 ack 1",
			.counters = "TCPFastOpenActive=1" } },
	{ "calls_in_other_states", "RFC 7413 4.2",
		.want = { ASKED "fast 10 EALREADY; set FASTOPEN_CONNECT 1 EINVAL; < S. 0 ack 1 <mss 1000>; > . 1 ack 1;"
			"fast 10 10; > P. 1(10) ack 1; < . 1 ack 11; fast 10 EISCONN; set FASTOPEN_CONNECT 1 EINVAL;"
			"write 5; > P. 11(5) ack 1" } },
	{ "fast_behind_a_connect_that_asks", "RFC 7413 4.2.1",
		.want = { "socket; set FASTOPEN_CONNECT 1; connect; > S 0(0) <fo>; fast 10 EALREADY;"
			"< S. 0 ack 1 <mss 1000>; > . 1 ack 1; fast 10 EALREADY; write 5; > P. 1(5) ack 1; < . 1 ack 6;"
			"fast 10 EALREADY; none; < R. 1 ack 6; fast 10 EALREADY; err ECONNRESET", .state = CLOSED } },
	{ "fast_waits_not_behind_a_connect_that_asks", "RFC 7413 4.2.1",
		.want = { "socket; set FASTOPEN_CONNECT 1; connect; > S 0(0) <fo>; waits fast 10; waited EALREADY;"
			"none; state syn_sent; < R. 0 ack 1; fast 10 EALREADY; err ECONNREFUSED", .state = CLOSED } },
	{ "fast_behind_connect", "RFC 7413 4.2.1",
		.want = { "connect; > S 0(0) <nofo>; fast 10 EALREADY; write 5 EAGAIN; < S. 0 ack 1 <mss 1000>;"
			"> . 1 ack 1; fast 10 10; > P. 1(10) ack 1; < . 1 ack 11; fast 10 EISCONN; none" } },
	{ "fast_waits_behind_connect_and_asks_for_no_cookie", "RFC 7413 4.2.1",
		.want = { "connect; > S 0(0) <nofo>; waits fast 10; >@1500 S 0(0) <nofo>; < S. 0 ack 1 <mss 1000>;"
			"skim; waited 10; skim; check S = 11", .counters = "TCPSynRetrans=1" },
		.kernel_differs = "asks by the SYN that goes again",
		.kernel = { "connect; > S 0(0) <nofo>; waits fast 10; >@1500 S 0(0) <fo>; < S. 0 ack 1 <mss 1000>;"
			"skim; waited 10; skim; check S = 11" } },
	/* The socket is another connection's when it is woken. */
	{ "who_waits_does_not_write_to_the_next_connection", "RFC 9293 3.10.2",
		.want = { KNOWN "connect; > S 0(0) <nofo>; waits fast 10; shut; connect; > S 0(0) <nofo>;"
			"< S. 0 ack 1 <mss 1000>; > . 1 ack 1; waited EPIPE; none; write 5; > P. 1(5) ack 1" },
		.kernel_differs = "writes to it",
		.kernel = { KNOWN "connect; > S 0(0) <nofo>; waits fast 10; shut; connect; > S 0(0) <nofo>;"
			"< S. 0 ack 1 <mss 1000>; skim; waited 10; skim; check S = 11" } },
	/* When there is reason to believe that such SYNs are swallowed. */
	{ "after_two_losses_it_rests", "RFC 7413 4.1.3.1",
		.want = { KNOWN WITH_TEXT ">@3000 S 0(0); < S. 0 ack 1 <mss 1000>; > P. 1(10) ack 1; < . 1 ack 11;" NEXT
			WITH_TEXT ">@3000 S 0(0); < S. 0 ack 1 <mss 1000>; > P. 1(10) ack 1; < . 1 ack 11;" NEXT
			"fast 10 EINPROGRESS; > S 0(0) <nofo>; < S. 0 ack 1 <mss 1000>; > . 1 ack 1;" NEXT
			"fast 10 EINPROGRESS; > S 0(0) <nofo>", .counters = "TCPFastOpenActiveFail=2",
			.state = SYN_SENT },
		.kernel_differs = "counts them, and goes by that no more since 4.14",
		.kernel = { KNOWN WITH_TEXT ">@3000 S 0(0); < S. 0 ack 1 <mss 1000>; > P. 1(10) ack 1; < . 1 ack 11;"
			NEXT WITH_TEXT ">@3000 S 0(0); < S. 0 ack 1 <mss 1000>; > P. 1(10) ack 1; < . 1 ack 11;" NEXT
			WITH_TEXT } },
	{ "three_timeouts_are_a_black_hole", "RFC 7413 4.1.3.1", .pre = "sysctl fastopen_blackhole_timeout_sec 60",
		.want = { KNOWN WITH_TEXT ">@3000 S 0(0); >@5000 S 0(0); >@9000 S 0(0); < S. 0 ack 11 <mss 1000>;"
			"> . 11 ack 1;" NEXT "fast 10 EINPROGRESS; > S 0(0) <nofo>;" NEXT "host 1; fast 10 EINPROGRESS;"
			"> S 0(0) <nofo>",
			.counters = "TCPFastOpenActive=1 TCPFastOpenActiveFail=1 TCPFastOpenBlackhole=1",
			.state = SYN_SENT } },
	{ "a_rst_out_of_order_is_a_black_hole", "RFC 7413 4.1.3.1", .pre = "sysctl fastopen_blackhole_timeout_sec 60",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 11 <mss 1000>; > . 11 ack 1; < R 101; > . 11 ack 1;" NEXT
			"fast 10 EINPROGRESS; > S 0(0) <nofo>", .counters = "TCPFastOpenBlackhole=1",
			.state = SYN_SENT } },
	{ "a_fin_out_of_order_is_a_black_hole", "RFC 7413 4.1.3.1", .pre = "sysctl fastopen_blackhole_timeout_sec 60",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 11 <mss 1000>; > . 11 ack 1; < F. 101 ack 11; > . 11 ack 1;" NEXT
			"fast 10 EINPROGRESS; > S 0(0) <nofo>", .counters = "TCPFastOpenBlackhole=1",
			.state = SYN_SENT } },
	{ "text_with_a_fin_for_nobody_is_a_black_hole", "RFC 7413 4.1.3.1", .id = "SHLD-3",
		.pre = "sysctl fastopen_blackhole_timeout_sec 60",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 11 <mss 1000>; > . 11 ack 1; close; > F. 11 ack 1;"
			"< FP. 1(5) ack 12; > R 12; fresh; fast 10 EINPROGRESS; > S 0(0) <nofo>",
			.counters = "TCPFastOpenBlackhole=1 TCPAbortOnData=2", .state = SYN_SENT } },
	{ "a_rst_out_of_order_behind_our_fin_is_none", "RFC 7413 4.1.3.1",
		.pre = "sysctl fastopen_blackhole_timeout_sec 60",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 11 <mss 1000>; > . 11 ack 1; shut; > F. 11 ack 1; < R 101;"
			"> . 12 ack 1;" NEXT WITH_TEXT, .counters = "TCPFastOpenBlackhole=0", .state = SYN_SENT } },
	{ "a_black_hole_that_nobody_looks_for", "RFC 7413 4.1.3.1", .pre = "sysctl fastopen_blackhole_timeout_sec 0",
		.want = { KNOWN WITH_TEXT SWALLOWED NEXT WITH_TEXT, .counters = "TCPFastOpenBlackhole=0",
			.state = SYN_SENT } },
	{ "who_gives_up_earlier_has_met_a_black_hole", "RFC 7413 4.1.3.1",
		.pre = "sysctl fastopen_blackhole_timeout_sec 60",
		.want = { KNOWN "socket; set SYNCNT 1;" WITH_TEXT ">@3000 S 0(0); hup 6000; err ETIMEDOUT; fresh;"
			"fast 10 EINPROGRESS; > S 0(0) <nofo>", .counters = "TCPFastOpenBlackhole=1",
			.state = SYN_SENT } },
	{ "three_timeouts_without_a_cookie_are_a_black_hole", "RFC 7413 4.1.3.1",
		.pre = "sysctl fastopen_blackhole_timeout_sec 60; sysctl fastopen 5",
		.want = { "fast 10 10; > S 0(10) <nofo>; >@3000 S 0(0); >@5000 S 0(0); >@9000 S 0(0);"
			"< S. 0 ack 11 <mss 1000>; > . 11 ack 1;" NEXT "fast 10 EINPROGRESS; > S 0(0) <nofo>",
			.counters = "TCPFastOpenBlackhole=1", .state = SYN_SENT } },
	/* A second black hole lasts twice as long, unless a connection in between has brought text. */
	{ "a_second_black_hole_lasts_longer", "RFC 7413 4.1.3.1", .pre = "sysctl fastopen_blackhole_timeout_sec 2",
		.want = { KNOWN WITH_TEXT SWALLOWED NEXT "fast 10 EINPROGRESS; > S 0(0) <nofo>;" NEXT "pass 2100;"
			WITH_TEXT SWALLOWED NEXT "pass 2100; fast 10 EINPROGRESS; > S 0(0) <nofo>;" NEXT "pass 2100;"
			WITH_TEXT, .counters = "TCPFastOpenBlackhole=2", .state = SYN_SENT } },
	{ "a_black_hole_is_over_when_text_comes", "RFC 7413 4.1.3.1", .pre = "sysctl fastopen_blackhole_timeout_sec 2",
		.want = { KNOWN WITH_TEXT SWALLOWED NEXT "pass 2100;" WITH_TEXT "< S. 0 ack 11 <mss 1000>;"
			"> . 11 ack 1; < P. 1(5) ack 11; >@1000 . 11 ack 6; read 5;" NEXT WITH_TEXT SWALLOWED NEXT
			"fast 10 EINPROGRESS; > S 0(0) <nofo>;" NEXT "pass 2100;" WITH_TEXT,
			.counters = "TCPFastOpenBlackhole=2", .state = SYN_SENT } },
	{ "text_in_order_is_none", "RFC 7413 4.1.3.1", .pre = "sysctl fastopen_blackhole_timeout_sec 60",
		.want = { KNOWN WITH_TEXT "< S. 0 ack 11 <mss 1000>; > . 11 ack 1; < P. 1(5) ack 11; >@1000 . 11 ack 6;"
			"< R 101; > . 11 ack 6;" NEXT WITH_TEXT, .counters = "TCPFastOpenBlackhole=0",
			.state = SYN_SENT } },
	{ "a_path_too_narrow_for_the_text", "RFC 1191 6.5",
		.want = { ASKED "< S. 0 ack 1 <mss 1440," GIVES ">; > . 1 ack 1;" NEXT "fast 1400 1400; > S 0(1400);"
			"icmp toobig seq 0 mtu 1300; > S 0(0) <nofo>; < S. 0 ack 1 <mss 1440>; skim; check S = 1401;"
			"< . 1 ack 1401; none" } },
	/* the connection goes on without text, which the next write brings */
	{ "half_of_the_text_cannot_be_read", "RFC 9293 3.10.2",
		.want = { KNOWN "fast 10 EINPROGRESS bad 5; > S 0(0) <fo " COOKIE ">; < S. 0 ack 1 <mss 1000>;"
			"> . 1 ack 1; write 10; > P. 1(10) ack 1; < . 1 ack 11; none", .counters = "RetransSegs=0" },
		.kernel_differs = "takes the half that it can read",
		.kernel.script = KNOWN "fast 10 5 bad 5; > S 0(5) <fo " COOKIE ">; < S. 0 ack 6 <mss 1000>; skim;"
			"write 5; > P. 6(5) ack 1; < . 1 ack 11; none" },
};

WIRE_MAIN(rows)
