// SPDX-License-Identifier: GPL-2.0
/*
 * Urgent data (RFC 9293 section 3.8.5, RFC 6093), one segment at a time: pointers that no honest peer sends, what a
 * segment says of our own urgent octets, when it is cut, sent again, or has no window to go. What system calls make of
 * it is in differential/diff_urgent.c.
 */
#include "lib/wire.h"

#define TIMESTAMPS	"mss 1000,nop,nop,ts T R"

static const struct wire_row rows[] = {
	/* Receiving: where the octet is, and what the program is told. */
	{ "urgent_%s_last_octet", "RFC 9293 3.8.5", .id = "MUST-30 MUST-32 MUST-33", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want = { "< PU. 1(10) ack 1 urg 10; >@1000 . 1 ack 11; poll IN OUT PRI; inq 9; atmark 0; read 9;"
			"atmark 1; poll OUT PRI; urgent 10; poll OUT; urgent EINVAL; read EAGAIN" } },
	{ "urgent_%s_in_the_middle", "RFC 9293 3.8.5", .id = "MUST-31", .in = ESTABLISHED,
		.want = { "< PU. 1(100) ack 1 urg 50; >@1000 . 1 ack 101; read 49; atmark 1; urgent 50; passed 1;"
			"read 50; atmark 0; read EAGAIN" } },
	{ "urgent_%s_first_octet", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< PU. 1(10) ack 1 urg 1; >@1000 . 1 ack 11; atmark 1; poll IN OUT PRI; passed 1; read 9;"
			"poll OUT; urgent EINVAL" } },
	/* Linux and others take 0 for 1; the octet is the first one of the segment. */
	{ "urgent_%s_pointer_0", "RFC 9293 3.1", .in = ESTABLISHED,
		.want = { "< PU. 1(10) ack 1 urg 0; >@1000 . 1 ack 11; atmark 1; urgent 1; passed 1; read 9" } },
	{ "urgent_%s_pointer_without_urg", "RFC 9293 3.1", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1 urg 5; >@1000 . 1 ack 11; poll IN OUT; urgent EINVAL; read 10" } },
	{ "urgent_%s_in_line", "RFC 9293 3.8.5", .id = "MUST-33", .in = ESTABLISHED,
		.want = { "set OOBINLINE 1; < PU. 1(100) ack 1 urg 50; >@1000 . 1 ack 101; inq 100; poll IN OUT PRI;"
			"urgent EINVAL; read 49; atmark 1; read 51; atmark 0; poll OUT" } },
	/* The pointer comes first, its octet later. */
	{ "urgent_%s_announced", "RFC 9293 3.8.5", .id = "MUST-32", .in = ESTABLISHED,
		.want = { "< U. 1 ack 1 urg 150; none; poll OUT; urgent EAGAIN; atmark 0; < PU. 1(100) ack 1 urg 150;"
			">@1000 . 1 ack 101; poll IN OUT; urgent EAGAIN; < P. 101(100) ack 1; >@1000 . 1 ack 201;"
			"poll IN OUT PRI; inq 149; urgent 150; read 149; passed 1; read 50" } },
	{ "urgent_%s_read_up_to_what_was_announced", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< PU. 1(100) ack 1 urg 101; >@1000 . 1 ack 101; read 100; atmark 1; urgent EAGAIN;"
			"read EAGAIN; < P. 101(1) ack 1; >@1000 . 1 ack 102; poll OUT PRI; urgent 101" } },
	{ "urgent_%s_beyond_the_window", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< PU. 1(100) ack 1 urg 65535; >@1000 . 1 ack 101; poll IN OUT; urgent EAGAIN; inq 100;"
			"read 100; atmark 0; < P. 101(100) ack 1; >@1000 . 1 ack 201; read 100" } },
	/* The same one tells nothing; a newer one makes the octet before one like others. What was read is none. */
	{ "urgent_%s_repeated", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< PU. 1(10) ack 1 urg 10; >@1000 . 1 ack 11; urgent 10; < PU. 1(10) ack 1 urg 10;"
			"> . 1 ack 11; urgent EINVAL; < U. 11 ack 1 urg 0; none; urgent EAGAIN; read 10; atmark 1;"
			"read EAGAIN" } },
	{ "urgent_%s_of_what_was_read", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1; >@1000 . 1 ack 11; read 10; < PU. 1(10) ack 1 urg 5; > . 1 ack 11;"
			"poll OUT; urgent EINVAL" } },
	{ "urgent_%s_of_what_waits", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1; >@1000 . 1 ack 11; < PU. 1(10) ack 1 urg 5; > . 1 ack 11; poll IN OUT;"
			"urgent EINVAL; read 10" } },
	/* A newer one before the older octet was read: that one is an octet like others then. */
	{ "urgent_%s_moves_on", "RFC 9293 3.8.5", .id = "MUST-32", .in = ESTABLISHED,
		.want = { "< PU. 1(10) ack 1 urg 10; >@1000 . 1 ack 11; < PU. 11(10) ack 1 urg 10; >@1000 . 1 ack 21;"
			"inq 19; urgent 20; read 19; passed 1; read EAGAIN" } },
	{ "urgent_%s_moves_on_before_the_first_octet_came", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< U. 1 ack 1 urg 5; none; < U. 1 ack 1 urg 9; none; < P. 1(10) ack 1; >@1000 . 1 ack 11;"
			"inq 8; read 8; atmark 1; urgent 9; passed 1; read 1" } },
	/* The reader stands at the mark: the octet that was urgent is not read as text. */
	{ "urgent_%s_moves_on_from_the_mark", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< PU. 1(10) ack 1 urg 10; >@1000 . 1 ack 11; read 9; urgent 10; passed 1;"
			"< PU. 11(10) ack 1 urg 10; >@1000 . 1 ack 21; inq 9; read 9; atmark 1; urgent 20" } },
	/* Nothing is left to read then: who closes sends no RST. */
	{ "urgent_%s_moves_on_from_all_there_was", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< PU. 1(1) ack 1 urg 1; skim; atmark 1; < U. 2 ack 1 urg 10; none; inq 0; poll OUT; close;"
			"> F. 1 ack 2; < . 2 ack 2", .state = FIN_WAIT_2 } },
	{ "urgent_%s_out_of_order", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< PU. 11(10) ack 1 urg 10; > . 1 ack 1; poll OUT PRI; urgent 20; < P. 1(10) ack 1;"
			">@1000 . 1 ack 21; inq 19; read 19; atmark 1; read EAGAIN" } },
	/* The next segment comes first. */
	{ "urgent_%s_overtaken", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< U. 1 ack 1 urg 10; none; < P. 11(10) ack 1; > . 1 ack 1; poll OUT; urgent EAGAIN;"
			"< P. 1(10) ack 1; >@1000 . 1 ack 21; poll IN OUT PRI; inq 9; urgent 10; read 9; passed 1;"
			"read 10" },
		.kernel_differs = "takes an octet of the header for the urgent one",
		.kernel = { "< U. 1 ack 1 urg 10; none; < P. 11(10) ack 1; > . 1 ack 1; poll OUT PRI; < P. 1(10) ack 1;"
			">@1000 . 1 ack 21; inq 9; read 9; passed 1; read 10" } },
	/* The octet comes in a segment that is too old, and is dropped. */
	{ "urgent_%s_dropped_by_paws", "RFC 7323 5.3", .in = ESTABLISHED, .syn = TIMESTAMPS,
		.want = { "tick 10; < U. 1 ack 1 urg 10; none; < PU. 1(10) ack 1 urg 10 <ts T-5 R>;"
			"> . 1 ack 1 <ecr T>; poll OUT; urgent EAGAIN; < P. 11(10) ack 1; > . 1 ack 1; poll OUT;"
			"urgent EAGAIN; < PU. 1(10) ack 1 urg 10; >@1000 . 1 ack 21; urgent 10; read 9; passed 1;"
			"read 10", .counters = "PAWSEstab=1" },
		.kernel_differs = "takes an octet of the header for the urgent one",
		.kernel = { "tick 10; < U. 1 ack 1 urg 10; none; < PU. 1(10) ack 1 urg 10 <ts T-5 R>;"
			"> . 1 ack 1 <ecr T>; poll OUT; urgent EAGAIN; < P. 11(10) ack 1; > . 1 ack 1; poll OUT PRI;"
			"< PU. 1(10) ack 1 urg 10; >@1000 . 1 ack 21; read 9; passed 1; read 10",
			.counters = "PAWSEstab=1" } },
	{ "urgent_%s_partly_old", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1; >@1000 . 1 ack 11; < PU. 6(10) ack 1 urg 10; >@1000 . 1 ack 16; inq 14;"
			"urgent 15; read 14" } },
	{ "urgent_%s_with_a_fin", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< FU. 1(10) ack 1 urg 10; >@1000 . 1 ack 12; urgent 10; read 9; passed 1; read eof",
			.state = CLOSE_WAIT } },
	{ "urgent_%s_behind_a_fin", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< FU. 1(10) ack 1 urg 20; >@1000 . 1 ack 12; poll IN OUT RDHUP; read 10; read eof",
			.state = CLOSE_WAIT } },
	{ "urgent_%s_in_fin_wait", "RFC 9293 3.10.7.4", .in = FIN_WAIT_1 | FIN_WAIT_2,
		.want = { "< PU. N(10) ack U urg 10; >@1000 . S ack N+10; urgent 10; read 9" } },
	{ "urgent_%s_old_segment", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< PU. -100(10) ack 1 urg 200; > . 1 ack 1; poll OUT; urgent EINVAL" } },
	{ "urgent_%s_stdurg", "RFC 1122 4.2.2.4", .in = ESTABLISHED,
		.want = { "sysctl stdurg 1; < PU. 1(10) ack 1 urg 4; >@1000 . 1 ack 11; inq 4; urgent 5; read 4;"
			"passed 1; read 5" } },
	/* Sending: URG and the pointer, to the octet behind the last urgent one. */
	{ "urgent_%s_sent", "RFC 9293 3.8.5", .id = "MUST-30", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "write 10 urgent; > PU. 1(10) ack 1 urg 10; < . 1 ack 11; write 10; > P. 11(10) ack 1;"
			"< . 1 ack 21" } },
	{ "urgent_%s_sent_until_acknowledged", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "write 10 urgent; > PU. 1(10) ack 1 urg 10; < . 1 ack 6; < P. 1(10) ack 6;"
			">@1000 . 11 ack 11; read 10; < . 11 ack 11" } },
	/* Nothing holds it back: neither Nagle nor the cork. */
	{ "urgent_%s_nagle", "RFC 9293 3.7.4", .in = ESTABLISHED,
		.want = { "write 10; > P. 1(10) ack 1; write 10; none; write 5 urgent; > PU. 11(15) ack 1 urg 15;"
			"< . 1 ack 26" } },
	{ "urgent_%s_cork", "RFC 9293 3.7.4", .in = ESTABLISHED,
		.want = { "set CORK 1; write 10; none; write 5 urgent; > pU. 1(15) ack 1 urg 15; < . 1 ack 16" } },
	/* Each segment's pointer counts from its own number, so bundles are cut here. */
	{ "urgent_%s_sent_in_segments", "RFC 9293 3.1", .in = ESTABLISHED,
		.want = { "write 2500 urgent; > U. 1(1000) ack 1 urg 2500; > U. 1001(1000) ack 1 urg 1500;"
			"> PU. 2001(500) ack 1 urg 500; < . 1 ack 2501" } },
	/* What goes again in smaller segments is cut in the same way. */
	{ "urgent_%s_path_becomes_narrow", "RFC 9293 3.1, RFC 1191 6.3", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write A urgent; > PU. 1(A) ack 1 urg A; icmp toobig seq 1 mtu 1300;"
			"> U. 1(A-200) ack 1 urg A; > PU. A-199(200) ack 1 urg 200; < . 1 ack A+1" } },
	{ "urgent_%s_sent_again", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "write 10; > P. 1(10) ack 1; < . 1 ack 11; write 10 urgent; > PU. 11(10) ack 1 urg 10;"
			">@3000 PU. 11(10) ack 1 urg 10; < . 1 ack 21" } },
	/* Sent as a bundle first, it is cut when it goes again: something behind it is urgent by now. */
	{ "urgent_%s_cuts_what_goes_again", "RFC 9293 3.1", .in = ESTABLISHED,
		.want = { "write 3000; > . 1(1000) ack 1; > p. 1001(1000) ack 1; > p. 2001(1000) ack 1; write 1 urgent;"
			"> PU. 3001(1) ack 1 urg 1; >@3000 pU. 1(1000) ack 1 urg 3001; < . 1 ack 3002" } },
	/* With the window closed the pointer is told at once in whatever is sent, and by probes. */
	{ "urgent_%s_window_closed", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { "< P. 1(1) ack 1; >@1000 . 1 ack 2; read 1; < . 2 ack 1 win 0; write 10 urgent; none;"
			">@3000 U. 1 ack 2 urg 10; > U. 0 ack 2 urg 11; < P. 2(5) ack 1 win 0;"
			">@1000 U. 1 ack 7 urg 10; read 5; < . 7 ack 1 win 1000; > PU. 1(10) ack 7 urg 10;"
			"< . 7 ack 11", .counters = "TCPWinProbe=2" } },
};

WIRE_MAIN(rows)
