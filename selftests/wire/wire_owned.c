// SPDX-License-Identifier: GPL-2.0
/*
 * What comes while a program has the socket's lock: it is in the middle of send() or recv(), whose octets lie in a page
 * that is not there yet. Segments wait in the backlog; deadlines and ICMP messages have to remember what is due. All of
 * it is done when the program gives the lock back, and in the order in which it came. Nothing is answered before.
 */
#include <kselftest.h>
#include "lib/wire.h"

/* There is room for some only: the others are dropped and counted, and the connection goes on. */
static int too_many(struct wire *w)
{
	static struct wire_counters before, after;

	if (wire_counter_read(w, &before) || wire_script_run(w, "holds 10; repeat 1000 < P. 1(1000) ack 1") ||
	    wire_counter_read(w, &after))
		return -1;
	if (wire_counter_value(&after, "TCPBacklogDrop") <= wire_counter_value(&before, "TCPBacklogDrop"))
		return wire_fail(w, "nothing was dropped");
	return wire_script_run(w, "gives 10; skim; read 1000; read EAGAIN; < . 1001 ack 11; none; state established");
}

static const struct wire_row rows[] = {
	{ "too_many_segments_%s", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .run = too_many },
	{ "text_%s", "RFC 9293 3.10.7.4, seventh", .in = ESTABLISHED,
		.want = { "holds 10; < P. 1(100) ack 1; < P. 101(100) ack 1; none; gives 10; skim; read 200;"
			"< . 201 ack 11; none" } },
	{ "text_and_fin_%s", "RFC 9293 3.10.7.4, eighth", .in = ESTABLISHED,
		.want = { "holds 10; < P. 1(100) ack 1; < F. 101 ack 1; none; gives 10; skim; read 100; read eof;"
			"< . 102 ack 11; none", .state = CLOSE_WAIT } },
	{ "ack_%s", "RFC 9293 3.10.7.4, fifth", .in = ESTABLISHED,
		.want = { "write 1000; > P. 1(1000) ack 1; holds 10; < . 1 ack 1001; none; gives 10;"
			"> P. 1001(10) ack 1; < . 1 ack 1011; none; info unacked = 0" } },
	{ "rst_%s", "RFC 9293 3.10.7.4, second", .in = ESTABLISHED,
		.want = { "holds 10; < R 1; none; gives 10; skim", .state = CLOSED, .err = "ECONNRESET" } },
	{ "rst_and_more_%s", "RFC 9293 3.10.7.1", .in = ESTABLISHED,
		.want = { "holds 10; < R 1; < R 1; < P. 1(10) ack 1; none; gives 10; skim", .state = CLOSED,
			.err = "ECONNRESET" } },
	/* A peer that begins anew from the same port is not refused: its next SYN finds the listener. */
	{ "rst_and_syn_%s", "RFC 9293 3.10.7.1", .in = ESTABLISHED,
		.want = { "holds 10; < R 1; < S 5000 $; none; gives 10; skim", .state = CLOSED, .err = "ECONNRESET",
			.counters = "OutRsts=0" } },
	{ "retransmission_timeout_%s", "RFC 9293 3.8.1", .in = ESTABLISHED,
		.want = { "write 1000; > P. 1(1000) ack 1; holds 10; pass 1500; none; gives 10; pass 300; skim;"
			"info total_retrans >= 1; < . 1 ack 1011; none; info unacked = 0" } },
	{ "delayed_ack_%s", "RFC 9293 3.8.6.3", .in = ESTABLISHED,
		.want = { "< P. 1(100) ack 1; skim; holds 10; pass 500; none; gives 10; skim; read 100; < . 101 ack 11;"
			"none" } },
	{ "keepalive_%s", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPALIVE 1; holds 10; pass 2500; none; gives 10; skim; < . 1 ack 11;"
			"none" } },
	{ "host_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-56", .in = ESTABLISHED,
		.want = { "write 1000; > P. 1(1000) ack 1; holds 10; icmp host seq 1; none; gives 10; skim;"
			"err EHOSTUNREACH; < . 1 ack 1011; none", .counters = "LockDroppedIcmps=1" } },
	{ "too_big_%s", "RFC 1191 6.3, RFC 8201 5.4", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; holds 10; icmp toobig seq 1 mtu 1300; none;"
			"gives 10; pass 10; skim; info snd_mss = A-200; < . 1 ack 2*A+11; skim; info unacked = 0",
			.counters = "LockDroppedIcmps=0" } },
	{ "window_that_opens_%s", "RFC 9293 3.8.6", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1; < P. 11(10) ack 1 win 0; read 20; skim; write 100; skim; info unacked = 0;"
			"holds 10; < . 21 ack 1 win 1000; none; gives 10; pass 10; skim; < . 21 ack 111; skim;"
			"info unacked = 0; info notsent_bytes = 0" } },
	/* The connection is a record by the time that the second FIN is looked at. */
	{ "fin_and_more_%s", "RFC 9293 3.10.7.4, eighth", .in = FIN_WAIT_2,
		.want = { "< P. 1(100) ack 2; skim; holds read 100; < F. 101 ack 2; < F. 101 ack 2; none; gives 100;"
			"> . 2 ack 102; skim; < F. 101 ack 2; > . 2 ack 102; read eof", .state = TIME_WAIT } },
	{ "text_read_%s", "RFC 9293 3.10.7.4, seventh", .in = ESTABLISHED,
		.want = { "< P. 1(100) ack 1; skim; holds read 50; < P. 101(100) ack 1; none; gives 50; skim; read 150;"
			"read EAGAIN; write 10; > P. 1(10) ack 201" } },
};

int main(int argc, char **argv)
{
	if (!wire_holds_possible()) {
		ksft_print_header();
		ksft_exit_skip("the kernel has no userfaultfd\n");
	}
	return wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
