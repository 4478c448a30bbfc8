// SPDX-License-Identifier: GPL-2.0
/* Closing a connection: each order of FINs, half-closed transfer, FINs early, late or twice, TIME-WAIT. */
#include "lib/wire.h"

static const struct wire_row rows[] = {
	/* First, because it wants to find the table of TIME-WAIT records empty. */
	{ "time_wait_table_full", "RFC 9293 3.6.1", .pre = "sysctl max_tw_buckets 1; listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; shut; > F. 1 ack 1; < F. 1 ack 2; > . 2 ack 2;"
			"state time_wait; fresh; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; shut; > F. 1 ack 1;"
			"< F. 1 ack 2; > . 2 ack 2", .state = TIME_WAIT, .counters = "TCPTimeWaitOverflow=1 TW=2" },
		.kernel_differs = "lets the newcomer go without; xtcp ends the oldest record",
		.kernel = { .state = CLOSED, .counters = "TCPTimeWaitOverflow=1 TW=1" } },
	/* Orders. */
	{ "shutdown_%s_then_fin", "RFC 9293 3.6", .in = ESTABLISHED, .via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want = { "shut; > F. 1 ack 1; state fin_wait_1; < . 1 ack 2; none; state fin_wait_2; poll OUT;"
			"< F. 1 ack 2; > . 2 ack 2; read eof", .state = TIME_WAIT,
			.counters = "EstabResets=0 CurrEstab=-1 OutRsts=0" } },
	{ "close_%s_then_fin", "RFC 9293 3.6", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "close; > F. 1 ack 1; state fin_wait_1; < . 1 ack 2; none; state fin_wait_2; < F. 1 ack 2;"
			"> . 2 ack 2", .state = TIME_WAIT, .counters = "EstabResets=0 CurrEstab=-1 OutRsts=0" } },
	{ "fin_%s_then_shutdown", "RFC 9293 3.6", .id = "MUST-12", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want = { "< F. 1 ack 1; >@1000 . 1 ack 2; state close_wait; poll IN OUT RDHUP; read eof; read eof;"
			"shut; > F. 1 ack 2; state last_ack; < . 2 ack 2; none; poll IN OUT RDHUP HUP", .state = CLOSED,
			.counters = "EstabResets=0 CurrEstab=-1 OutRsts=0" } },
	{ "fin_%s_before_any_text_is_acknowledged_soon", "RFC 9293 3.8.6.3", .in = ESTABLISHED,
		.want = { "< F. 1 ack 1; >@20 . 1 ack 2; read eof", .state = CLOSE_WAIT } },
	{ "fin_%s_then_close", "RFC 9293 3.6", .in = ESTABLISHED,
		.want = { "< F. 1 ack 1; >@1000 . 1 ack 2; close; > F. 1 ack 2; state last_ack; < . 2 ack 2; none",
			.state = CLOSED, .counters = "EstabResets=0 CurrEstab=-1 OutRsts=0" } },
	{ "fin_%s_simultaneous", "RFC 9293 3.6", .in = FIN_WAIT_1, .via = PASSIVE | ACTIVE,
		.want = { "< F. 1 ack 1; > . 2 ack 2; state closing; < . 2 ack 2; none", .state = TIME_WAIT } },
	{ "fin_%s_with_ack_of_fin", "RFC 9293 3.10.7.4", .in = FIN_WAIT_1, .via = PASSIVE | ACTIVE,
		.want = { "< F. 1 ack 2; > . 2 ack 2; read eof", .state = TIME_WAIT } },
	{ "shutdown_syn_received_via_simultaneous_open", "RFC 9293 3.10.4", .in = SYN_RECEIVED, .via = SIMULTANEOUS,
		.want = { "shut; none; < . 1 ack 1; > F. 1 ack 1", .state = FIN_WAIT_1 } },
	/* The ACK is for all text before the FIN, in the same segment: the FIN goes again alone. */
	{ "fin_%s_behind_text_that_is_acked", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "set CORK 1; write 100; shut; > FP. 1(100) ack 1; < . 1 ack 101; none; state fin_wait_1;"
			">@1500 Fp. 101 ack 1; < . 1 ack 102; none", .state = FIN_WAIT_2 } },
	{ "fin_%s_behind_text_that_is_acked_with_sack", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.syn = "mss 1000,sackok",
		.want = { "set CORK 1; write 100; shut; > FP. 1(100) ack 1; < . 1 ack 101; none; state fin_wait_1;"
			">@1500 Fp. 101 ack 1; < . 1 ack 102; none", .state = FIN_WAIT_2 } },
	/* A FIN behind a hole, and then text beyond it, which does not count. */
	{ "fin_%s_before_text_behind_a_hole", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< F. 101 ack 1; > . 1 ack 1; < . 201(100) ack 1; > . 1 ack 1; < P. 1(100) ack 1;"
			">@1000 . 1 ack 102; read 100; read eof", .state = CLOSE_WAIT } },
	/* The same from a forger, before the FIN that comes in order: this does not keep the connection open. */
	{ "fin_%s_after_text_behind_a_hole", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< . 501(1) ack 1; > . 1 ack 1; < FP. 1(100) ack 1; >@1000 . 1 ack 102; read 100; read eof",
			.state = CLOSE_WAIT } },
	{ "fin_%s_alone_after_text_behind_a_hole", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< . 501(1) ack 1; > . 1 ack 1; < F. 1 ack 1; >@1000 . 1 ack 2; read eof",
			.state = CLOSE_WAIT } },
	{ "fin_%s_after_a_fin_behind_a_hole", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< F. 501 ack 1; > . 1 ack 1; < FP. 1(100) ack 1; >@1000 . 1 ack 102; read 100; read eof",
			.state = CLOSE_WAIT } },
	/* Text in the place of the FIN came before: the FIN in order counts, and the text is dropped. */
	{ "fin_%s_behind_text_where_text_came_before", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< . 101(10) ack 1; > . 1 ack 1; < FP. 1(100) ack 1; >@1000 . 1 ack 102; read 100; read eof",
			.state = CLOSE_WAIT } },
	{ "fin_%s_amid_text_that_came_before", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< . 51(100) ack 1; > . 1 ack 1; < . 301(100) ack 1; > . 1 ack 1; < FP. 1(100) ack 1;"
			">@1000 . 1 ack 102; read 100; read eof", .state = CLOSE_WAIT } },
	/* Data around the FIN. */
	{ "data_%s_half_closed", "RFC 9293 3.6", .in = FIN_WAIT_2, .via = PASSIVE | ACTIVE,
		.want = { "< P. 1(1000) ack 2; >@1000 . 2 ack 1001; < P. 1001(500) ack 2; >@1000 . 2 ack 1501;"
			"read 1500; write 1 EPIPE" } },
	{ "data_fin_wait_1_half_closed", "RFC 9293 3.6", .in = FIN_WAIT_1,
		.want = { "< P. 1(1000) ack 1; >@1000 . 2 ack 1001; read 1000; state fin_wait_1; < . 1001 ack 2; none",
			.state = FIN_WAIT_2 } },
	{ "write_%s_half_closed", "RFC 9293 3.6", .in = CLOSE_WAIT, .via = PASSIVE | ACTIVE,
		.want = { "write 1000; > P. 1(1000) ack 2; < . 2 ack 1001; write 500; > P. 1001(500) ack 2;"
			"< . 2 ack 1501; none" } },
	{ "fin_%s_with_data", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< FP. 1(1000) ack 1; >@1000 . 1 ack 1002; read 1000; read eof", .state = CLOSE_WAIT } },
	{ "shutdown_%s_with_data_held_by_nagle", "RFC 9293 3.10.4", .in = ESTABLISHED,
		.want = { "write 100; > P. 1(100) ack 1; write 100; none; shut; > FP. 101(100) ack 1; < . 1 ack 202;"
			"none", .state = FIN_WAIT_2 } },
	{ "shutdown_%s_with_data_behind_the_window", "RFC 9293 3.10.4", .in = ESTABLISHED, .synwin = "3000",
		.want = { "write 4000; > p. 1(1000) ack 1 x3; shut; none; < . 1 ack 3001; > FP. 3001(1000) ack 1;"
			"< . 1 ack 4002", .state = FIN_WAIT_2 } },
	{ "fin_%s_counts_once", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< F. 1 ack 1; >@1000 . 1 ack 2; state close_wait; < F. 1 ack 1; > . 1 ack 2; < F. 1 ack 1;"
			"> . 1 ack 2; read eof; shut; > F. 1 ack 2; < F. 1 ack 1; > . 2 ack 2", .state = LAST_ACK } },
	{ "fin_%s_before_data_counts_once", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< F. 1001 ack 1; > . 1 ack 1; < F. 1001 ack 1; > . 1 ack 1; < F. 501 ack 1; > . 1 ack 1;"
			"state established; read EAGAIN; < . 1(1000) ack 1; > . 1 ack 1002; state close_wait;"
			"< F. 1001 ack 1; > . 1 ack 1002; < . 1(1000) ack 1; > . 1 ack 1002; read 1000; read eof; shut;"
			"> F. 1 ack 1002", .state = LAST_ACK } },
	{ "fin_%s_before_data", "RFC 9293 3.10.7.4", .id = "SHLD-31", .in = ESTABLISHED,
		.want = { "< F. 1001 ack 1; > . 1 ack 1; state established; read EAGAIN; < P. 1(1000) ack 1;"
			">@1000 . 1 ack 1002; read 1000; read eof", .state = CLOSE_WAIT } },
	{ "fin_fin_wait_1_before_data", "RFC 9293 3.10.7.4", .id = "SHLD-31", .in = FIN_WAIT_1,
		.want = { "< F. 1001 ack 2; > . 2 ack 1; state fin_wait_2; < P. 1(1000) ack 2; > . 2 ack 1002;"
			"read 1000; read eof", .state = TIME_WAIT } },
	{ "fin_fin_wait_2_before_data", "RFC 9293 3.10.7.4", .id = "SHLD-31", .in = FIN_WAIT_2,
		.want = { "< F. 1001 ack 2; > . 2 ack 1; state fin_wait_2; < P. 1(1000) ack 2; > . 2 ack 1002;"
			"read 1000; read eof", .state = TIME_WAIT } },
	{ "text_%s_across_the_fin", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .syn = "mss 1000,sackok",
		.want = { "< FP. 1(100) ack 1; >@1000 . 1 ack 102; < . 1(300) ack 1; > . 1 ack 102 <sack 1:101>;"
			"< . 101(300) ack 1; > . 1 ack 102 <nosack>; read 100; read eof", .state = CLOSE_WAIT },
		.kernel_differs = "resets the connection; RFC 9293 says to ignore the text",
		.kernel = { "< FP. 1(100) ack 1; >@1000 . 1 ack 102; < . 1(300) ack 1; > R 1", .state = CLOSED,
			.err = "EPIPE" } },
	/* FINs again. */
	{ "fin_%s_retransmitted", "RFC 9293 3.10.7.4", .id = "MUST-13", .in = TIME_WAIT, .via = PASSIVE | ACTIVE,
		.want = { "check Q >= 5500; check Q <= 6001; until Q <= 5900; < F. 1 ack 2; > . 2 ack 2;"
			"check Q >= 5950; check Q <= 6001" } },
	/* TIME-WAIT. */
	{ "ack_%s_restarts_the_wait", "RFC 9293 3.10.7.4", .in = TIME_WAIT, .via = PASSIVE | ACTIVE,
		.want = { "until Q <= 5900; < . 2 ack 2; until Q >= 5950; check Q <= 6001; none" } },
	{ "rst_%s_restarts_nothing", "RFC 1337 3", .in = TIME_WAIT, .via = PASSIVE | ACTIVE,
		.want = { "until Q <= 5900; < R 2; none; < R. 2 ack 2; none; check Q <= 5900" },
		.kernel_differs = "its default, tcp_rfc1337 = 0, lets a RST end TIME-WAIT",
		.kernel = { "< R 2; none", .state = CLOSED } },
	/* otherwise a forger could keep a record for ever */
	{ "data_%s_elsewhere_restarts_nothing", "RFC 9293 3.10.7.4", .in = TIME_WAIT, .via = PASSIVE | ACTIVE,
		.want = { "until Q <= 5900; < P. 50000(10) ack 2; > . 2 ack 2; < . 50000 ack 2; > . 2 ack 2;"
			"check Q <= 5900" },
		.kernel_differs = "starts 2 MSL anew for any segment with ACK",
		.kernel = { "until Q <= 5900; < P. 50000(10) ack 2; > . 2 ack 2; < . 50000 ack 2; > . 2 ack 2;"
			"check Q >= 5950" } },
	{ "syn_%s_reopens", "RFC 9293 3.6.1", .id = "MAY-2", .in = TIME_WAIT,
		.want = { "close; reopen 1000; < S 0 $; > S. 0 ack 1; check I = 65537; state syn_received; < . 1 ack 1;"
			"accept; write 10; > P. 1(10) ack 1", .state = ESTABLISHED },
		.kernel_differs = "6.1 loses the ISN it chose on the way to the listener;the clock's is larger too",
		.kernel = { "close; reopen 1000; < S 0 $; > S. 0 ack 1; check I <= 0x7fffffff; state syn_received;"
			"< . 1 ack 1; accept; write 10; > P. 1(10) ack 1" } },
	{ "syn_%s_reopens_though_no_entries_are_kept", "RFC 9293 3.6.1", .id = "MAY-2", .in = TIME_WAIT,
		.pre = "sysctl syncookies 2",
		.want = { "close; reopen 1000; < S 0 $; > S. 0 ack 1; check I = 65537; state syn_received; < . 1 ack 1;"
			"accept", .counters = "TCPReqQFullDoCookies=0 SyncookiesSent=0 SyncookiesRecv=0",
			.state = ESTABLISHED },
		.kernel_differs = "6.1 loses the ISN it chose on the way to the listener",
		.kernel = { "close; reopen 1000; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept",
			.counters = "TCPReqQFullDoCookies=1 SyncookiesSent=1 SyncookiesRecv=1" },
		.kernel_shrinks = true },
	{ "syn_%s_reopens_though_the_syn_queue_is_full", "RFC 9293 3.6.1", .id = "MAY-2", .in = TIME_WAIT,
		.want = { "close; listen 0; sport 1; < S 0 $; sport -1; reopen 1000; < S 0 $; > S. 0 ack 1;"
			"check I = 65537; state syn_received; < . 1 ack 1; accept",
			.counters = "TCPReqQFullDoCookies=0 SyncookiesSent=0 SyncookiesRecv=0", .state = ESTABLISHED },
		.kernel_differs = "6.1 loses the ISN it chose on the way to the listener",
		.kernel = { "close; listen 0; sport 1; < S 0 $; sport -1; reopen 1000; < S 0 $; > S. 0 ack 1;"
			"< . 1 ack 1; accept", .counters = "TCPReqQFullDoCookies=1 SyncookiesSent=1 SyncookiesRecv=1" },
		.kernel_shrinks = true },
	{ "syn_%s_reopens_by_timestamp", "RFC 6191 2", .id = "SHLD-4", .in = TIME_WAIT,
		.syn = "mss 1000,nop,nop,ts T R",
		.want = { "tick 2000; reopen -50000; < S 0 <mss 1000,ts T 0>; > S. 0 ack 1; < . 1 ack 1; accept",
			.state = ESTABLISHED } },
	{ "syn_%s_old_timestamp", "RFC 6191 2", .in = TIME_WAIT, .syn = "mss 1000,nop,nop,ts T R",
		.want = { "< S 5000 <mss 1000,ts T-100 0>; > . 2 ack 2" } },
	/* else a host that asks again and again never gets in */
	{ "syn_%s_old_timestamp_restarts_nothing", "RFC 6191 2", .in = TIME_WAIT, .syn = "mss 1000,nop,nop,ts T R",
		.want = { "until Q <= 5900; < S 5000 <mss 1000,ts T-100 0>; > . 2 ack 2; check Q <= 5900" },
		.kernel_differs = "starts 2 MSL anew; but the RST with which the host answers ends TIME-WAIT",
		.kernel = { "until Q <= 5900; < S 5000 <mss 1000,ts T-100 0>; > . 2 ack 2; check Q >= 5950" } },
	{ "syn_%s_without_listener_ends_nothing", "RFC 1337 2", .in = TIME_WAIT,
		.want = { "closelisten; reopen 1000; < S 0 $; > . 2 ack -1000", .state = TIME_WAIT } },
	/* Refusals: data that nobody can read any more. */
	{ "close_%s_with_unread_data", "RFC 9293 3.6.1", .id = "SHLD-3", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "< P. 1(100) ack 1; >@1000 . 1 ack 101; close; > R. 1 ack 101", .state = CLOSED,
			.counters = "TCPAbortOnClose=1 EstabResets=1 OutRsts=1" } },
	{ "close_%s_with_nothing_unread", "RFC 9293 3.6.1", .id = "SHLD-3", .in = CLOSE_WAIT,
		.want = { "close; > F. 1 ack 2", .state = LAST_ACK, .counters = "TCPAbortOnClose=0" } },
	{ "close_%s_with_unread_data_after_rst", "RFC 9293 3.6.1", .id = "SHLD-3", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE,
		.want = { "< P. 1(100) ack 1; >@1000 . 1 ack 101; < R 101; close; none", .state = CLOSED,
			.counters = "TCPAbortOnClose=0 OutRsts=0" } },
	{ "close_%s_with_unread_data_in_time_wait", "RFC 9293 3.6.1", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "shut; > F. 1 ack 1; < P. 1(100) ack 2; >@1000 . 2 ack 101; < F. 101 ack 2; > . 2 ack 102;"
			"close; none", .state = TIME_WAIT, .counters = "TCPAbortOnClose=0 OutRsts=0" } },
	{ "data_fin_wait_1_after_close", "RFC 9293 3.6.1", .id = "SHLD-3", .in = ESTABLISHED,
		.want = { "close; > F. 1 ack 1; < P. 1(100) ack 1; > R 1; none", .state = CLOSED,
			.counters = "TCPAbortOnData=1 OutRsts=1" } },
	/* Data is on its way that nobody reads. */
	{ "fin_behind_a_hole_fin_wait_1_after_close", "RFC 9293 3.6.1", .id = "SHLD-3", .in = ESTABLISHED,
		.want = { "close; > F. 1 ack 1; < F. 101 ack 1; > R 1; none", .state = CLOSED,
			.counters = "TCPAbortOnData=1 OutRsts=1" } },
	{ "data_fin_wait_2_after_close", "RFC 9293 3.6.1", .id = "SHLD-3", .in = ESTABLISHED,
		.want = { "close; > F. 1 ack 1; < . 1 ack 2; none; < P. 1(100) ack 2; > R 2", .state = CLOSED,
			.counters = "OutRsts=1" } },
	{ "abort_%s", "RFC 9293 3.10.5", .in = SYN_RECEIVED | ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2 | CLOSE_WAIT,
		.via = ACTIVE | SIMULTANEOUS,
		.want = { "abort; > R. S ack N", .state = CLOSED, .counters = "TCPAbortOnData=1 OutRsts=1" } },
	{ "abort_%s", "RFC 9293 3.10.5", .in = CLOSING | LAST_ACK | SYN_SENT,
		.want = { "abort; none", .state = CLOSED, .counters = "OutRsts=0" } },
	{ "abort_%s", "RFC 9293 3.10.5", .in = TIME_WAIT, .want = { "abort; none", .counters = "OutRsts=0" } },
	{ "close_syn_sent", "RFC 9293 3.10.4", .in = SYN_SENT,
		.want = { "close; none", .state = CLOSED, .counters = "TCPClosedInSynSent=1 AttemptFails=1" },
		.kernel_differs = "does not count it", .kernel.counters = "AttemptFails=0" },
	{ "close_listen_with_connections", "RFC 9293 3.10.4",
		.want = { "listen; < S 0 $; > S. 0 ack 1; closelisten; none; < . 1 ack 1; > R 1", .state = CLOSED } },
	{ "close_listen_with_unaccepted", "RFC 9293 3.10.4",
		.want = { "listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; none; closelisten; > R. 1 ack 1;"
			"state closed" } },
	{ "fin_%s_then_read_and_poll", "RFC 9293 3.9.1", .id = "MUST-12", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1; >@1000 . 1 ack 11; < F. 11 ack 1; >@1000 . 1 ack 12; poll IN OUT RDHUP;"
			"read 10; read eof; write 5; > P. 1(5) ack 12", .state = CLOSE_WAIT } },
	{ "rst_%s_told_once", "RFC 9293 3.9.1", .id = "MUST-12", .in = ESTABLISHED,
		.want = { "< R 1; none; poll IN OUT RDHUP HUP ERR; read ECONNRESET; read eof; write 1 EPIPE",
			.state = CLOSED } },
	{ "rst_%s_keeps_unread_data", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< P. 1(100) ack 1; >@1000 . 1 ack 101; < R 101; none; read 100; read ECONNRESET; read eof",
			.state = CLOSED } },
};

WIRE_MAIN(rows)
