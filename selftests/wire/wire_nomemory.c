// SPDX-License-Identifier: GPL-2.0
/*
 * A segment, or a call, for which there is no memory, on a kernel that has fault injection. Each allocation that it
 * makes fails in turn, each time on a new connection: the first, the second, ... until it makes no more. Then all fail
 * from one of them on, as if memory had run out. The whole way of a segment, and of what answers it, lies in the
 * write() into the tun device. Then the peer, which got no answer, sends the segment again. After that the connection
 * has to be where it would have been.
 *
 * A script has three parts: what comes before; what has no memory; what must be true then. The first allocations of a
 * segment are those of the device.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define NEVER		10000
#define MOST		100
#define LEAST		3	/* of an arriving segment: its skb has two */
#define SPACE		6144
#define STEP		256

static int run_part(struct wire *w, const char **script)
{
	size_t len = strcspn(*script, "|");
	char part[1024];
	int ret;

	snprintf(part, sizeof(part), "%.*s", (int)len, *script);
	*script += len + !!(*script)[len];
	ret = wire_script_run(w, part);
	return ret;
}

/* One connection. Its @n th allocation fails; 0: all of them behind @space octets. */
static int without(struct wire *w, int n, long space, bool *hit)
{
	const char *script = w->row->want.script;
	int ret;

	if (run_part(w, &script))
		return -1;
	if (n)
		failing_nth(n);
	else
		failing_all(space);
	ret = run_part(w, &script);
	*hit = n && failing_hit();
	if (n)
		failing_nth(0);
	else
		failing_all(-1);
	/* if not even the device had memory, the segment is lost; a call may say that it has none */
	if (ret && n < NEVER) {
		w->failed = false;
		w->why[0] = 0;
	}
	return w->failed ? -1 : run_part(w, &script);
}

static int anew(struct wire *w)
{
	wire_socket_cleanup(w);
	wire_tun_restore(w);
	wire_peer_reset(w, true);
	w->ladder[0] = 0;
	w->ladder_len = 0;
	return w->row->pre ? wire_script_run(w, w->row->pre) : 0;
}

static int in_turn(struct wire *w)
{
	bool hit = true;
	int n;

	/* what this program itself needs comes first */
	if (without(w, NEVER, 0, &hit))
		return -1;
	for (n = 1, hit = true; hit; n++) {
		if (anew(w) || without(w, n, 0, &hit))
			return wire_fail(w, "allocation %d failed", n);
		if (n == MOST)
			return wire_fail(w, "it goes on");
	}
	if (n < LEAST + 2)
		return wire_fail(w, "only %d allocations", n - 2);
	for (long space = 0; space <= SPACE; space += STEP)
		if (anew(w) || without(w, 0, space, &hit))
			return wire_fail(w, "there were %ld octets", space);
	return 0;
}

/* An option that needs memory fails, and then not any more. */
static int option_without_memory(struct wire *w)
{
	bool hit;

	if (anew(w) || wire_script_run(w, w->row->want.script))
		return -1;
	failing_nth(1);
	wire_script_run(w, "set ACK_RATE 8 ENOMEM");
	hit = failing_hit();
	failing_nth(0);
	if (!w->failed && !hit)
		return wire_fail(w, "nothing was allocated");
	return w->failed ? -1 : wire_script_run(w, "get ACK_RATE 0; set ACK_RATE 8; get ACK_RATE 8");
}

/* Without memory for a RST with a payload, one without it goes. */
static int reset_without_payload(struct wire *w)
{
	struct wire_segment seg = { 0 };
	int n, got, plain = 0;
	bool hit = true;

	for (n = 1; hit; n++) {
		if (anew(w) || wire_script_run(w, w->row->want.script))
			return -1;
		failing_nth(n);
		wire_script_run(w, "abort");
		hit = failing_hit();
		failing_nth(0);
		got = wire_peer_receive(w, &seg, 0);
		if (got < 0 || n == MOST)
			return wire_fail(w, "allocation %d failed", n);
		if (got && (!(seg.flags & WIRE_RST) || (seg.len && seg.len != 8)))
			return wire_fail(w, "allocation %d failed, and this is no RST", n);
		if (hit)
			plain += got && !seg.len;
		else if (!got || seg.len != 8)
			return wire_fail(w, "with memory there is no payload");
	}
	return plain ? 0 : wire_fail(w, "no RST went without its payload");
}

#define SIGNED	"listen; md5listener secret; key secret;"
#define SIGNED_AO	"listen; mktlistener 22 11 secret; mktlistener 44 33 other; ao 11 22 secret;"
#define OPEN	"listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"

/* Whatever has been sent so far, and what its ACKs let out. */
#define ALL_ARRIVES	"skim; < . 1 ack S; skim; < . 1 ack S; skim; < . 1 ack S; skim; < . 1 ack S; skim; < . 1 ack S; skim;"

#define ROW(what, section, text, ...)										\
	{ what, section, .run = in_turn, .want = { text }, __VA_ARGS__ }

static const struct wire_row rows[] = {
	ROW("third_ack", "RFC 9293 3.10.7.4, fifth",
	    "listen; < S 0 $; > S. 0 ack 1 | < . 1 ack 1 | skim; < . 1 ack 1; accept; < P. 1(100) ack 1; skim;"
	    "read 100; write 10; > P. 1(10) ack 101; state established"),
	ROW("third_ack_with_text", "RFC 9293 3.10.7.4, seventh",
	    "listen; < S 0 $; > S. 0 ack 1 | < P. 1(100) ack 1 | skim; < P. 1(100) ack 1; skim; accept;"
	    "read 100; read EAGAIN; pass 300; skim; write 10; > P. 1(10) ack 101; state established"),
	ROW("third_ack_with_fin", "RFC 9293 3.10.7.4, eighth",
	    "listen; < S 0 $; > S. 0 ack 1 | < F. 1 ack 1 | skim; < F. 1 ack 1; skim; accept; read eof; write 10;"
	    "> P. 1(10) ack 2; state close_wait"),
	ROW("third_ack_that_is_signed", "RFC 2385 2.0",
	    SIGNED "< S 0 $; > S. 0 ack 1 | < . 1 ack 1 | skim; < . 1 ack 1; accept; < P. 1(100) ack 1; skim;"
	    "read 100; write 10; > P. 1(10) ack 101; state established"),
	ROW("text_that_is_signed", "RFC 2385 2.0",
	    SIGNED OPEN "| < P. 1(100) ack 1 | skim; < P. 1(100) ack 1; skim; read 100; write 10; > P. 1(10) ack 101"),
	ROW("fin_that_is_signed", "RFC 2385 2.0",
	    SIGNED OPEN "shut; > F. 1 ack 1; < . 1 ack 2; state fin_wait_2 | < F. 1 ack 2 | skim; < F. 1 ack 2; skim;"
	    "read eof"),
	ROW("syn_with_a_mac", "RFC 5925 7.5", SIGNED_AO "| < S 0 $ | skim; < S 0 $; > S. * ack 1"),
	ROW("third_ack_with_a_mac", "RFC 5925 7.5",
	    SIGNED_AO "< S 0 $; > S. 0 ack 1 | < . 1 ack 1 | skim; < . 1 ack 1; accept; < P. 1(100) ack 1; skim;"
	    "read 100; write 10; > P. 1(10) ack 101; state established"),
	ROW("third_ack_with_a_mac_and_a_cookie", "RFC 5925 7.5",
	    "sysctl syncookies 2;" SIGNED_AO "< S 0 $; > S. 0 ack 1 | < . 1 ack 1 | skim; < . 1 ack 1; accept;"
	    "< P. 1(100) ack 1; skim; read 100; write 10; > P. 1(10) ack 101; state established"),
	ROW("text_with_a_mac", "RFC 5925 7.5",
	    SIGNED_AO OPEN "| < P. 1(100) ack 1 | skim; < P. 1(100) ack 1; skim; read 100; write 10;"
	    "> P. 1(10) ack 101"),
	ROW("fin_with_a_mac", "RFC 5925 7.5",
	    SIGNED_AO OPEN "shut; > F. 1 ack 1; < . 1 ack 2; state fin_wait_2 | < F. 1 ack 2 |"
	    "skim; < F. 1 ack 2; skim; read eof"),
	ROW("syn_ack_with_a_mac", "RFC 5925 7.5",
	    "socket; mkt 22 11 secret; ao 11 22 secret; connect; > S 0 | < S. 0 ack 1 $ | skim; < S. 0 ack 1 $; skim;"
	    "< P. 1(100) ack 1; skim; read 100; write 10; > P. 1(10) ack 101; state established"),
	ROW("syn_ack", "RFC 9293 3.10.7.3, fourth",
	    "connect; > S 0 | < S. 0 ack 1 $ | skim; < S. 0 ack 1 $; skim; < P. 1(100) ack 1; skim; read 100;"
	    "write 10; > P. 1(10) ack 101; state established"),
	ROW("syn_before_the_first_write", "RFC 9293 3.5",
	    "bind; socket; set FASTOPEN_NO_COOKIE 1; set FASTOPEN_CONNECT 1; connect none; none | < S 0 <mss 1000,ws 0> |"
	    "skim; < S 0 <mss 1000,ws 0>; pass 1300; skim; < . 1 ack 1; < P. 1(100) ack 1; skim; read 100; write 10;"
	    "> P. 1(10) ack 101; state established"),
	ROW("first_text", "RFC 9293 3.10.7.4, seventh",
	    OPEN "| < P. 1(100) ack 1 | skim; < P. 1(100) ack 1; skim; read 100; read EAGAIN; write 10;"
	    "> P. 1(10) ack 101"),
	ROW("text_out_of_order", "RFC 9293 3.10.7.4, seventh",
	    OPEN "< P. 1(100) ack 1; skim; read 100 | < P. 201(100) ack 1 | skim; < P. 201(100) ack 1; skim;"
	    "< P. 101(100) ack 1; skim; read 200; read EAGAIN; write 10; > P. 1(10) ack 301", .syn = "mss 1000,sackok"),
	ROW("text_over_text_out_of_order", "RFC 9293 3.10.7.4, seventh",
	    OPEN "< P. 201(100) ack 1; < P. 401(100) ack 1; skim | < P. 151(400) ack 1 |"
	    "skim; < P. 151(400) ack 1; skim; < P. 1(150) ack 1; skim; read 550; read EAGAIN; write 10; > P. 1(10) ack 551",
	    .syn = "mss 1000,sackok"),
	ROW("fin", "RFC 9293 3.10.7.4, eighth",
	    OPEN "| < F. 1 ack 1 | skim; < F. 1 ack 1; skim; read eof; write 10; > P. 1(10) ack 2;"
	    "state close_wait"),
	ROW("fin_of_a_closed_end", "RFC 9293 3.10.7.4, eighth",
	    OPEN "shut; > F. 1 ack 1; < . 1 ack 2; state fin_wait_2 | < F. 1 ack 2 |"
	    "skim; < F. 1 ack 2; skim; read eof"),
	ROW("ack_inside_a_bundle", "RFC 9293 3.10.7.4, fifth",
	    "bundles 10;" OPEN "write 5000; skim | < . 1 ack 1501 | skim; < . 1 ack 2501; skim; < . 1 ack 5001; skim;"
	    "write 10; > P. 5001(10) ack 1; < . 1 ack 5011; none"),
	ROW("sack_inside_a_bundle", "RFC 2018 5",
	    "bundles 10;" OPEN "write 5000; skim | < . 1 ack 1 <sack 1501:2501 3001:4001> |"
	    "skim; < . 1 ack 1 <sack 1501:2501 3001:5001>; skim; < . 1 ack 5001; skim; write 10; > P. 5001(10) ack 1;"
	    "< . 1 ack 5011; none", .syn = "mss 1000,sackok"),
	ROW("fast_retransmission", "RFC 6675 5",
	    OPEN "write 5000; < . 1 ack 1 <sack 1001:2001>; < . 1 ack 1 <sack 1001:3001> |"
	    "< . 1 ack 1 <sack 1001:5001> | pass 400; skim; info total_retrans >= 1; < . 1 ack 5001; skim; write 10;"
	    "> P. 5001(10) ack 1; < . 1 ack 5011; none", .syn = "mss 1000,sackok"),
	ROW("segments_that_are_too_big", "RFC 1191 6.3, RFC 8201 5.4",
	    OPEN "write 2*A; skim | icmp toobig seq 1 mtu 1300 | icmp toobig seq 1 mtu 1300; skim;"
	    "info snd_mss = A-200; pass 400; skim; < . 1 ack 2*A+1; skim; write 10; > P. 2*A+1(10) ack 1",
	    .syn = "mss 9000"),
	ROW("soft_error_with_a_queue", "RFC 9293 3.9.2.2",
	    "socket; set RECVERR 1; connect; > S 0 | icmp port seq 0 | none; icmp port seq 0; none; state closed"),
	ROW("challenge_ack", "RFC 5961 4.2",
	    OPEN "| < S 1 | skim; < P. 1(100) ack 1; skim; read 100; state established; write 10; > P. 1(10) ack 101"),
	ROW("window_that_opens", "RFC 9293 3.8.6.2.2",
	    "listen; set RCVBUF 8192; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
	    "fill; skim | read 4000 | skim; write 10; > P. 1(10) ack N win over:0"),
	ROW("syn_with_text", "RFC 7413 4.2.2",
	    "sysctl fastopen 514; listen; set FASTOPEN 5 | < S 0(100) $ | skim; < S 0 $; > S. * ack *"),
	ROW("syn_that_is_kept", "RFC 9293 3.10.7.2, third",
	    "listen; set SAVE_SYN 1 | < S 0 $ | skim; < S 0 $; > S. * ack 1"),
	ROW("third_ack_of_a_syn_that_is_kept", "RFC 9293 3.10.7.4, fifth",
	    "listen; set SAVE_SYN 1; < S 0 $; > S. 0 ack 1 | < . 1 ack 1 | skim; < . 1 ack 1; accept; < P. 1(100) ack 1;"
	    "skim; read 100; write 10; > P. 1(10) ack 101; state established"),
	ROW("syn_without_cookies", "RFC 9293 3.10.7.2, third",
	    "sysctl syncookies 0; listen | < S 0 $ | skim; < S 0 $; > S. * ack 1"),
	ROW("third_ack_with_a_cookie", "RFC 4987 3.6",
	    "sysctl syncookies 2; listen; < S 0 $; > S. 0 ack 1 | < . 1 ack 1 | skim; < . 1 ack 1; skim; accept;"
	    "< P. 1(100) ack 1; skim; read 100; write 10; > P. 1(10) ack 101; state established"),
	ROW("close", "RFC 9293 3.10.4",
	    OPEN "< P. 1(100) ack 1; skim; read 100 | shut | pass 1000; < . 101 ack 2; skim; state fin_wait_2"),
	ROW("first_full_window", "RFC 9959 3.1",
	    OPEN "| write 20000 | pass 400; " ALL_ARRIVES ALL_ARRIVES "write 10; " ALL_ARRIVES "info unacked = 0",
	    .pre = "sysctl careful_resume 3600"),
	ROW("reset_by_a_program", "RFC 9293 3.10.5",
	    OPEN "write 1000; skim | abort | skim; < . 1 ack 1001; > R 1001; none"),
	ROW("reset_that_says_why", "RFC 9293 3.10.5",
	    OPEN "write 1000; skim | abort | skim; < . 1 ack 1001; > R 1001; none",
	    .pre = "sysctl rst_diagnostic 1"),
	ROW("answer_that_says_why", "RFC 9293 3.6.1",
	    OPEN "shutrd; shut; > F. 1 ack 1 | < P. 1(100) ack 2 | skim; < P. 1(100) ack 2; skim; < . 101 ack 2; > R 2;"
	    "none; state closed",
	    .pre = "sysctl rst_diagnostic 1"),
	ROW("third_ack_of_a_listener_that_asks_for_an_ack_rate", "RFC 9293 3.10.7.4, fifth",
	    "listen; set ACK_RATE 1; < S 0 $; > S. 0 ack 1 | < . 1 ack 1 | skim; < . 1 ack 1; skim; accept;"
	    "< P. 1(100) ack 1; skim; read 100; write 10; > P. 1(10) ack 101; state established",
	    .pre = "sysctl ack_rate_request 1", .syn = "mss 1000,hex fe0400ac"),
	ROW("text_that_asks_for_an_ack_rate", "RFC 9293 3.8.1",
	    OPEN "set ACK_RATE 1 | write 2000 | pass 400; " ALL_ARRIVES ALL_ARRIVES "write 10; " ALL_ARRIVES
	    "info unacked = 0", .pre = "sysctl ack_rate_request 1", .syn = "mss 1000,hex fe0400ac"),
	{ "option_of_the_ack_rate", "TARR", .run = option_without_memory, .want.script = OPEN "none" },
	{ "reset_that_cannot_say_why", "RFC 9293 3.10.5", .pre = "sysctl rst_diagnostic 1",
		.run = reset_without_payload, .want.script = OPEN "none" },
};

int main(int argc, char **argv)
{
	if (!failing_begin()) {
		ksft_print_header();
		printf("1..1\nok 1 wire_nomemory # SKIP the kernel cannot inject faults\n");
		return KSFT_PASS;
	}
	return wire_main_xtcp(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
