// SPDX-License-Identifier: GPL-2.0
/*
 * The ACK Rate Request option (TARR, draft-ietf-tcpm-ack-rate-request): the SYNs that announce it, the rate at which
 * xtcp acknowledges when the peer asks, and what xtcp asks for by XTCP_ACK_RATE. Kernel TCP runs the same rows: it does
 * not know the option.
 */
#include "lib/wire.h"

#define ON		"sysctl xtcp/ack_rate_request 1;"
#define KNOWS		"hex fe0400ac"
#define SYN		"mss 1000," KNOWS
#define ASKS(octet)	"<hex 010101fe0500ac" octet ">"
#define FE		"fe0400ac"
#define ASKED(octet)	"010101fe0500ac" octet

#define IGNORES(script_)	.kernel_differs = "does not know the option", .kernel.script = script_, \
			.kernel.counters = ""

/* The n-th full segment, from 0 on, without an option and with one. */
#define TEXT(n)		"< . " #n "000+1(1000) ack 1;"
#define TEXT_ASKS(n, octet) "< . " #n "000+1(1000) ack 1 " ASKS(octet) ";"

/* The counters of what came, and of what was malformed. */
#define CAME(recv, malformed)	"TCPAckRateRecv=" #recv " TCPAckRateMalformed=" #malformed

/* @octet: the last one of a request. @rate: so many segments have an ACK, or a quarter of the window, but two. */
struct asked {
	const char *octet;
	int rate;
};

/* How many full segments come before each of four ACKs? */
static int counts(struct wire *w)
{
	const struct asked *asked = w->row->with;
	uint32_t first = w->c.rcv_nxt, window = w->c.edge - first;
	int acks = 0, since = 0, part, want, i, n;
	struct wire_segment seg;

	for (i = 0; acks < 4; i++) {
		if (wire_script_run(w, wire_text("< . %d(1000) ack U %s", i * 1000 + 1,
						 i ? "" : wire_text("<hex 010101fe0500ac%s>", asked->octet))))
			return -1;
		since++;
		part = window / 4000 > 2 ? window / 4000 : 2;
		want = asked->rate < part ? asked->rate : part;
		n = wire_peer_receive(w, &seg, 0);
		if (n < 0)
			return -1;
		if (!n) {
			if (w->stack == WIRE_XTCP && since >= want)
				return wire_fail(w, "no ACK of %d segments", since);
			if (i > 1000)
				return wire_fail(w, "no ACK");
			continue;
		}
		if (seg.len || seg.ack != first + (i + 1) * 1000)
			return wire_fail(w, "no ACK of all that came");
		if (w->stack == WIRE_XTCP && since != want)
			return wire_fail(w, "an ACK of %d segments, not of %d", since, want);
		if (wire_script_run(w, wire_text("read %d", 1000 * since)))
			return -1;
		window = w->c.edge - w->c.rcv_nxt;
		acks++;
		since = 0;
	}
	return 0;
}

#define RATES(name_, octet_, rate_)										\
	{ name_, "TARR", .in = ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2, .via = PASSIVE | ACTIVE, .pre = ON, .syn = SYN, \
		.run = counts, .with = &(const struct asked){ octet_, rate_ } }

/* A connection to a peer that knows the option. The window has 65 segments, the congestion window 200. */
#define FAR		ON "route initcwnd 200; listen"
#define OPEN(rate)	"set ACK_RATE " #rate "; < S 0 <mss 1000,sackok," KNOWS "> win 65535;"		\
			"> S. 0 ack 1 <laid 0204....01010402" FE ">; < . 1 ack 1 win 65535; accept;"
/* One of five segments is lost, which ends slow start. */
#define LOSS		"write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; < . 1 ack 1 <sack 1001:5001>;" \
			"> p. 1(1000) ack 1; < . 1 ack 5001; none;"
#define SENDS_NONE	IGNORES("set ACK_RATE 8 ENOPROTOOPT")
#define ASKS_IN(name_, pre_, script_, sent)									\
	{ name_, "TARR", .pre = pre_, .want = { script_, .counters = "TCPAckRateSent=" #sent }, SENDS_NONE }
#define ASKS_FIRST(name_, rate, script_, sent)	ASKS_IN(name_, FAR, OPEN(rate) script_, sent)
#define ASKS_LATER(name_, rate, script_, sent)	ASKS_IN(name_, FAR, OPEN(rate) LOSS script_, sent)

static const struct wire_row rows[] = {
	/* The SYNs. */
	{ "syn_announces_the_option", "TARR", .pre = ON,
		.want.script = "socket; connect; > S 0 <laid 0204....0402080a................010303.." FE ">",
		.want.state = SYN_SENT,
		IGNORES("socket; connect; > S 0 <laid 0204....0402080a................010303..>") },
	{ "syn_ack_answers_it", "TARR", .pre = ON "listen",
		.want.script = "< S 0 <mss 1000,sackok,ts T 0,ws 7," KNOWS ">;"
			"> S. 0 ack 1 <laid 0204....0402080a................010303.." FE ">;"
			">@2500 S. 0 ack 1 <laid 0204....0402080a................010303.." FE ">",
		IGNORES("< S 0 <mss 1000,sackok,ts T 0,ws 7," KNOWS ">;"
			"> S. 0 ack 1 <laid 0204....0402080a................010303..>") },
	{ "syn_ack_answers_nothing_by_default", "TARR", .pre = "listen",
		.want.script = "< S 0 <" SYN ">; > S. 0 ack 1 <laid 0204....>" },
	{ "syn_ack_announces_nothing_unasked", "TARR", .pre = ON "listen",
		.want.script = "< S 0 <mss 1000>; > S. 0 ack 1 <laid 0204....>" },
	{ "syn_with_a_request_announces_nothing", "TARR", .pre = ON "listen",
		.want.script = "< S 0 <mss 1000,hex fe0500ac08>; > S. 0 ack 1 <laid 0204....>" },
	{ "syn_of_another_experiment", "RFC 6994 3", .pre = ON "listen",
		.want.script = "< S 0 <mss 1000,hex fe0400ad>; > S. 0 ack 1 <laid 0204....>" },
	{ "syn_of_the_other_experimental_kind", "RFC 6994 3", .pre = ON "listen",
		.want.script = "< S 0 <mss 1000,hex fd0400ac>; > S. 0 ack 1 <laid 0204....>" },
	{ "syn_with_an_option_of_three_octets", "RFC 6994 3", .pre = ON "listen",
		.want.script = "< S 0 <mss 1000,hex fe0300>; > S. 0 ack 1 <laid 0204....>" },
	/* the cookie has no room for it */
	{ "syn_ack_with_a_cookie_of_syncookies_does_not_answer_it", "TARR", .pre = ON "sysctl syncookies 2; listen",
		.want.script = "< S 0 <mss 1000,sackok,ts T 0,ws 7," KNOWS ">;"
			"> S. 0 ack 1 <laid 0204....0402080a................010303..>; < . 1 ack 1; accept;"
			"< . 1(1000) ack 1 " ASKS("10") "; > . 1 ack 1001", .want.state = ESTABLISHED },
	{ "syn_that_crosses_answers_it", "TARR", .pre = ON,
		.want.script = "socket; bind; connect; > S 0; < S 0 <mss 1000," KNOWS ">;"
			"> S. 0 ack 1 <laid 0204...." FE ">", .want.state = SYN_RECEIVED,
		IGNORES("socket; bind; connect; > S 0; < S 0 <mss 1000," KNOWS ">; skim") },
	/* sixteen octets of a cookie leave no space: no request counts then, whatever the answer has */
	{ "fast_syn_with_a_long_cookie_announces_nothing", "TARR", .pre = ON,
		.want = { "fast 10 EINPROGRESS; > S 0;"
			"< S. 0 ack 1 <mss 1000,hex 221211223344556677881122334455667788>; > . 1 ack 1; abort; skim;"
			"fresh; fast 10 10;"
			"> S 0(10) <laid "
			"0204....0402080a................010303..2212112233445566778811223344556677880101>;"
			"< S. 0 ack 11 <" SYN ">; > . 11 ack 1; < . 1(1000) ack 11 " ASKS("10") "; skim",
			.counters = CAME(0, 0) },
		IGNORES("fast 10 EINPROGRESS; skim"), .kernel.state = SYN_SENT },
	{ "fast_syn_with_a_cookie_announces_it", "TARR", .pre = ON,
		.want.script = "fast 10 EINPROGRESS; > S 0; < S. 0 ack 1 <mss 1000,hex 220a1122334455667788>;"
			"> . 1 ack 1; abort; skim; fresh; fast 10 10;"
			"> S 0(10) <laid 0204....0402080a................010303.." FE "220a11223344556677880101>",
		.want.state = SYN_SENT,
		IGNORES("fast 10 EINPROGRESS; skim") },
	{ "fast_syn_ack_with_a_cookie_answers_it", "TARR", .pre = ON "sysctl fastopen 2; listen; set FASTOPEN 5",
		.want.script = "< S 0 <mss 1000,sackok,ts T 0,ws 7," KNOWS ",hex 22020101>;"
			"> S. 0 ack 1 <laid 0204....0402080a................010303.." FE "220a................0101>",
		IGNORES("< S 0 <mss 1000,hex 22020101>; skim") },
	/* no space beside the cookie and AccECN's counters */
	{ "fast_syn_ack_with_accecn_does_not_answer_it", "TARR",
		.pre = ON "sysctl xtcp/ecn 3; sysctl fastopen 2; listen; set FASTOPEN 5",
		.want.script = "< SECA 0 <mss 1000,sackok,ts T 0,ws 7," KNOWS ",hex 22020101>; > SC. 0 ack 1; skim",
		IGNORES("< S 0 <mss 1000>; skim") },
	/* the option of a SYN announces, and asks for nothing */
	{ "fast_syn_with_text_announces_it", "TARR", .pre = ON "sysctl fastopen 514; listen; set FASTOPEN 5",
		.want = { "< S 0(10) <mss 1000," KNOWS ">; > S. 0 ack 11 <laid 0204...." FE ">; < . 11 ack 1; accept;"
			"read 10; < . 11(1000) ack 1 " ASKS("10") "; skim", .counters = CAME(1, 0) },
		IGNORES("< S 0 <mss 1000>; skim") },
	{ "fast_syn_ack_with_text_announces_it", "TARR", .pre = ON,
		.want = { "fast 10 EINPROGRESS; > S 0; < S. 0 ack 1 <mss 1000,hex 220a1122334455667788>; > . 1 ack 1;"
			"abort; skim; fresh; fast 10 10; > S 0(10); < S. 0(20) ack 11 <mss 1000," KNOWS ">;"
			"> . 11 ack 21; read 20; < . 21(1000) ack 11 " ASKS("10") "; skim", .counters = CAME(1, 0) },
		IGNORES("fast 10 EINPROGRESS; skim"), .kernel.state = SYN_SENT },
	/* What the peer asks for. */
	RATES("ack_%s_of_each_segment", "02", 1),
	RATES("ack_%s_of_two_segments", "04", 2),
	RATES("ack_%s_of_four_segments", "08", 4),
	RATES("ack_%s_of_ten_segments", "14", 10),
	RATES("ack_%s_of_four_segments_with_the_reserved_bit", "09", 4),
	RATES("ack_%s_of_a_quarter_of_the_window", "fe", 127),
	{ "ack_of_two_segments_in_a_small_buffer", "TARR", .pre = ON,
		.want.script = "listen; set RCVBUF 12000; < S 0 <" SYN ">; > S. 0 ack 1; < . 1 ack 1; accept;"
			TEXT_ASKS(0, "fe") "none;" TEXT(1) "> . 1 ack 2001; read 2000; skim;" TEXT(2) "none;" TEXT(3)
			"> . 1 ack 4001", IGNORES("listen") },
	/* full or not */
	{ "ack_%s_of_each_small_segment", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = "< . 1(1000) ack 1 " ASKS("02") "; > . 1 ack 1001; < P. 1001(10) ack 1; > . 1 ack 1011;"
			"read 1010; write 10; > P. 1(10) ack 1011; < P. 1011(10) ack 11; > . 11 ack 1021",
		IGNORES("skim") },
	/* the usual timer, and the rate stays afterwards */
	{ "ack_%s_by_the_timer", "RFC 9293 3.8.6.3", .id = "MUST-40", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want = { "mark;" TEXT_ASKS(0, "10") "none;" TEXT(1) ">@500 . 1 ack 2001; elapsed >= 36;"
			"elapsed <= 200;" TEXT(2) "none", .counters = "DelayedACKs=1 " CAME(1, 0) },
		IGNORES(TEXT_ASKS(0, "10") TEXT(1) "skim") },
	/* SYSCTLS.md: a tick less than the least timeout, so that a peer with the same value does not resend */
	{ "ack_%s_before_the_least_timeout", "RFC 9293 3.8.6.3", .in = ESTABLISHED,
		.pre = ON "sysctl xtcp/rto_min_us 8000;", .syn = SYN,
		.want.script = "mark;" TEXT_ASKS(0, "10") TEXT(1) ">@500 . 1 ack 2001; elapsed <= 35",
		IGNORES("skim") },
	/* R of 0 is for the segment that has it */
	{ "ack_%s_of_this_segment", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want = { TEXT_ASKS(0, "08") "none; < . 1001(100) ack 1 " ASKS("00") "; > . 1 ack 1101;"
			"< . 1101(1000) ack 1; none; < . 2101(1000) ack 1; none; < . 3101(1000) ack 1; none;"
			"< . 4101(1000) ack 1; > . 1 ack 5101", .counters = CAME(2, 0) },
		IGNORES("skim") },
	/* not for what has no text: two ends could answer each other for ever */
	{ "ack_%s_of_no_text_gets_no_answer", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want = { "< . 1 ack 1 " ASKS("00") "; none", .counters = CAME(0, 0) },
		IGNORES("< . 1 ack 1 " ASKS("00") "; none") },
	{ "ack_%s_of_a_fin", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want = { "< F. 1 ack 1 " ASKS("00") "; > . 1 ack 2", .state = CLOSE_WAIT, .counters = CAME(1, 0) },
		IGNORES("< F. 1 ack 1 " ASKS("00") "; >@500 . 1 ack 2") },
	/* RFC 9293 3.10.7.4, eighth: the FIN is acknowledged, whatever the rate */
	{ "ack_%s_of_a_fin_without_text", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want = { TEXT_ASKS(0, "10") "none; < F. 1001 ack 1; > . 1 ack 1002", .state = CLOSE_WAIT },
		IGNORES(TEXT(0) "< F. 1001 ack 1; skim") },
	{ "ack_%s_of_text_with_a_fin", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want = { "< F. 1(1000) ack 1 " ASKS("10") "; > . 1 ack 1002", .state = CLOSE_WAIT },
		IGNORES("< F. 1(1000) ack 1; skim") },
	/* the third ACK of the handshake */
	{ "ack_syn_received_of_four_segments", "TARR", .in = SYN_RECEIVED, .pre = ON, .syn = SYN,
		.want = { "< . 1(1000) ack 1 " ASKS("08") "; none; < . 1001(1000) ack 1; none; < . 2001(1000) ack 1;"
			"none; < . 3001(1000) ack 1; > . 1 ack 4001", .state = ESTABLISHED, .counters = CAME(1, 0) },
		IGNORES("< . 1(1000) ack 1; skim") },
	/* RFC 5681 4.2: at once, whatever the rate */
	{ "ack_%s_out_of_order", "RFC 5681 4.2", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = TEXT_ASKS(0, "10") "none;" TEXT(2) "> . 1 ack 1001;" TEXT_ASKS(3, "14") "> . 1 ack 1001;"
			TEXT(1) "> . 1 ack 4001;" TEXT(4) "none", IGNORES(TEXT(0) TEXT(2) TEXT(1) "skim") },
	/* a segment that was overtaken does not take back what a later one has asked for */
	{ "ack_%s_by_the_latest_request", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = TEXT_ASKS(1, "08") "> . 1 ack 1;" TEXT_ASKS(0, "0c") "> . 1 ack 2001;" TEXT(2) TEXT(3)
			TEXT(4) "none;" TEXT(5) "> . 1 ack 6001", IGNORES(TEXT(0) "skim") },
	{ "ack_%s_by_a_request_that_was_overtaken_by_text", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = TEXT(1) "> . 1 ack 1;" TEXT_ASKS(0, "08") "> . 1 ack 2001;" TEXT(2) TEXT(3) TEXT(4)
			"none;" TEXT(5) "> . 1 ack 6001", IGNORES(TEXT(0) "skim") },
	/* or is resent: only more ACKs are safe */
	{ "ack_%s_by_an_earlier_request_for_more_acks", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = TEXT_ASKS(1, "08") "> . 1 ack 1;" TEXT_ASKS(0, "04") "> . 1 ack 2001;" TEXT(2) "none;"
			TEXT(3) "> . 1 ack 4001;" TEXT_ASKS(4, "06") TEXT(5) "none;" TEXT(6) "> . 1 ack 7001",
		IGNORES(TEXT(0) "skim") },
	/* each segment, so none is held back to go with another */
	{ "ack_of_each_segment_is_not_compressed", "TARR",
		.pre = ON "sysctl comp_sack_delay_ns 100000000; sysctl comp_sack_nr 44; listen",
		.want = { "< S 0 <mss 1012,sackok,ts T R," KNOWS ">; > S. 0 ack 1; pass 800; < . 1 ack 1; accept;"
			"write 100; > P. 1(100) ack 1; pass 800; < P. 1(1000) ack 101; >@1000 . 101 ack 1001;"
			"set QUICKACK 0; < P. 2001(100) ack 101; > . 101 ack 1001; < P. 2101(100) ack 101;"
			"> . 101 ack 1001; < P. 2201(100) ack 101; > . 101 ack 1001; < P. 2301(100) ack 101; none;"
			"< P. 2401(100) ack 101 <hex 010101fe0500ac02,nop,nop,ts T R>;"
			"> . 101 ack 1001 <sack 2001:2501>; < P. 2501(100) ack 101; > . 101 ack 1001 <sack 2001:2601>;"
			"< P. 1001(100) ack 101; > . 101 ack 1101" },
		IGNORES("< S 0 <mss 1012>; skim"), .kernel.state = SYN_RECEIVED },
	{ "ack_%s_of_text_that_came_twice", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want = { TEXT_ASKS(0, "10") "none; < . 1(1000) ack 1 " ASKS("02") "; > . 1 ack 1001;" TEXT(1) "none",
			.counters = CAME(1, 0) },
		IGNORES(TEXT(0) "skim") },
	{ "ack_%s_goes_with_an_answer", "RFC 9293 3.8.6.3", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = TEXT_ASKS(0, "10") "none; write 10; > P. 1(10) ack 1001; none",
		IGNORES(TEXT(0) "skim") },
	{ "ack_%s_does_not_go_when_the_program_reads", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = TEXT_ASKS(0, "10") TEXT(1) TEXT(2) "read 3000; none; pass 10; none",
		IGNORES(TEXT(0) "skim") },
	{ "ack_%s_of_each_segment_by_quickack", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = "set QUICKACK 1;" TEXT_ASKS(0, "10") "> . 1 ack 1001;" TEXT(1) "> . 1 ack 2001",
		IGNORES(TEXT(0) "skim") },
	{ "ack_%s_although_the_knob_is_0_now", "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,
		.want.script = "sysctl xtcp/ack_rate_request 0;" TEXT_ASKS(0, "08") "none;" TEXT(1) "none;" TEXT(2)
			"none;" TEXT(3) "> . 1 ack 4001", IGNORES("skim") },
	/* Nothing is agreed, or nothing is asked: the first ACKs do not wait. */
	{ "ack_%s_by_default", "TARR", .in = ESTABLISHED, .syn = SYN,
		.want = { TEXT_ASKS(0, "10") "> . 1 ack 1001; sysctl xtcp/ack_rate_request 1;" TEXT_ASKS(1, "10")
			"> . 1 ack 2001", .counters = CAME(0, 0) },
		.kernel_differs = "has no counters of these", .kernel.counters = "" },
	{ "ack_%s_to_a_peer_that_announced_nothing", "TARR", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .pre = ON,
		.want = { TEXT_ASKS(0, "10") "> . 1 ack 1001", .counters = CAME(0, 0) },
		.kernel_differs = "has no counters of these", .kernel.counters = "" },
#define ZEROS_35	"0000000000000000000000000000000000000000000000000000000000000000000000"
#define NO_REQUEST(name_, option, malformed)									\
	{ "ack_%s_of_" name_, "TARR", .in = ESTABLISHED, .pre = ON, .syn = SYN,					\
		.want = { "< . 1(1000) ack 1 <hex " option ">; > . 1 ack 1001;" TEXT(1) "> . 1 ack 2001",	\
			.counters = CAME(0, malformed) },							\
		.kernel_differs = "has no counters of these", .kernel.counters = "" }
	NO_REQUEST("an_option_of_three_octets", "01fe0300", 0),
	NO_REQUEST("an_announcement", "fe0400ac", 1),
	NO_REQUEST("an_option_of_six_octets", "0101fe0600ac1010", 1),
	NO_REQUEST("an_option_of_forty_octets", "fe2800ac10" ZEROS_35, 1),
	NO_REQUEST("another_experiment", "010101fe0500ad10", 0),
	NO_REQUEST("the_other_experimental_kind", "010101fd0500ac10", 0),
	NO_REQUEST("an_option_beyond_the_header", "010101fe0600ac10", 0),
	/* What xtcp asks for. */
	{ "ask_%s_option", "TARR", .in = CLOSED | LISTEN | ESTABLISHED,
		.want.script = "get ACK_RATE 0; set ACK_RATE 1; get ACK_RATE 1; set ACK_RATE 127; get ACK_RATE 127;"
			"set ACK_RATE 128 EINVAL; set ACK_RATE -1 EINVAL; get ACK_RATE 127; set ACK_RATE 0;"
			"get ACK_RATE 0", IGNORES("get ACK_RATE 0 ENOPROTOOPT; set ACK_RATE 1 ENOPROTOOPT") },
	/* For as many as 2, slow start does not matter; and text of a segment is not cut. */
	ASKS_FIRST("ask_for_each_segment", 1, "write 1992; > . 1(992) ack 1 <laid " ASKED("02") ">;"
		   "> P. 993(1000) ack 1 <laid>", 1),
	ASKS_FIRST("ask_for_two_segments", 2, "write 1992; > . 1(992) ack 1 <laid " ASKED("04") ">;"
		   "> P. 993(1000) ack 1 <laid>", 1),
	ASKS_FIRST("ask_with_a_small_segment", 1, "write 1; > P. 1(1) ack 1 <laid " ASKED("02") ">; < . 1 ack 2;"
		   "write 1;"
		   "> P. 2(1) ack 1 <laid>", 1),
	ASKS_FIRST("ask_with_what_just_fits", 1, "write 992; > P. 1(992) ack 1 <laid " ASKED("02") ">", 1),
	ASKS_FIRST("ask_not_with_what_just_does_not_fit", 1, "write 993; > P. 1(993) ack 1 <laid>; < . 1 ack 994;"
		   "write 1;"
		   "> P. 994(1) ack 1 <laid " ASKED("02") ">", 1),
	ASKS_FIRST("ask_not_with_an_ack", 1, "< . 1(1000) ack 1; > . 1 ack 1001 <laid>; write 1;"
		   "> P. 1(1) ack 1001 <laid " ASKED("02") ">", 1),
	ASKS_FIRST("ask_not_in_slow_start", 8, "write 5000; > p. 1(1000) ack 1 x4 <laid>;"
		   "> P. 4001(1000) ack 1 <laid>", 0),
	ASKS_FIRST("ask_not_by_default", 0, "write 5000; > p. 1(1000) ack 1 x4 <laid>;"
		   "> P. 4001(1000) ack 1 <laid>", 0),
	ASKS_FIRST("ask_with_a_fin", 1, "write 10; > P. 1(10) ack 1 <laid " ASKED("02") ">; close;"
		   "> F. 11 ack 1 <laid>; < R 1", 1),
	/* The text that has asked asks again whenever it is resent, and not after its ACK. */
	ASKS_FIRST("ask_again", 1, "write 100; > P. 1(100) ack 1 <laid " ASKED("02") ">;"
		   ">@2500 P. 1(100) ack 1 <laid " ASKED("02")
		   ">; >@2500 P. 1(100) ack 1 <laid " ASKED("02") ">; < . 1 ack 101; write 100;"
		   "> P. 101(100) ack 1 <laid>", 3),
	ASKS_FIRST("ask_again_beside_the_rest", 1, "write 4992; > . 1(992) ack 1 <laid " ASKED("02") ">;"
		   "> p. 993(1000) ack 1 x4 <laid>; < . 1 ack 1 <sack 993:4993>;"
		   "> . 1(992) ack 1 <laid " ASKED("02") ">;"
		   "< . 1 ack 4993; none", 2),
	/* Beside SACK blocks, as long as one of them fits. */
	ASKS_FIRST("ask_beside_sack_blocks", 1, "< . 1001(1000) ack 1; > . 1 ack 1 <sack 1001:2001>; write 1980;"
		   "> . 1(980) ack 1 <sack 1001:2001,laid 0101050a................" ASKED("02") ">;"
		   "> . 981(988) ack 1 <sack 1001:2001,laid 0101050a................>; skim", 1),
	ASKS_FIRST("ask_beside_three_sack_blocks", 1, "< . 1001(1000) ack 1; < . 3001(1000) ack 1;"
		   "< . 5001(1000) ack 1; < . 7001(1000) ack 1; skim; write 100;"
		   "> P. 1(100) ack 1 <sack 7001:8001 5001:6001 3001:4001>; < . 1 ack 101; write 100;"
		   "> P. 101(100) ack 1 <sack 7001:8001 5001:6001 3001:4001 1001:2001>", 1),
	/* After slow start: 65 segments fit, so more than four ACKs come for them. */
	ASKS_LATER("ask_after_slow_start", 8, "write 2992; > . 5001(992) ack 1 <laid " ASKED("10") ">;"
		   "> . 5993(1000) ack 1 <laid>; > P. 6993(1000) ack 1 <laid>; < . 1 ack 7993 win 65535; write 1000;"
		   "> P. 7993(1000) ack 1 <laid>", 1),
	ASKS_LATER("ask_for_a_quarter_of_the_window", 127, "write 100; > P. 5001(100) ack 1 <laid " ASKED("20") ">", 1),
	ASKS_LATER("ask_for_a_quarter_of_a_smaller_window", 127, "< . 1 ack 5001 win 31999; write 100;"
		   "> P. 5001(100) ack 1 <laid " ASKED("08") ">", 1),
	ASKS_LATER("ask_for_nothing_with_a_small_window", 127, "< . 1 ack 5001 win 15999; write 100;"
		   "> P. 5001(100) ack 1 <laid>", 0),
	ASKS_LATER("ask_for_each_segment_with_a_tiny_window", 127, "< . 1 ack 5001 win 3999; write 100;"
		   "> P. 5001(100) ack 1 <laid " ASKED("02") ">", 1),
	ASKS_LATER("ask_for_something_else", 8, "write 100; > P. 5001(100) ack 1 <laid " ASKED("10") ">;"
		   "< . 1 ack 5101;"
		   "set ACK_RATE 5; write 100; > P. 5101(100) ack 1 <laid " ASKED("0a") ">; < . 1 ack 5201;"
		   "set ACK_RATE 0; write 100; > P. 5201(100) ack 1 <laid " ASKED("04") ">; < . 1 ack 5301;"
		   "write 100; > P. 5301(100) ack 1 <laid>", 3),
	/* Fewer than eight segments are in flight, and the peer's timer may send their ACK. */
	ASKS_LATER("ask_and_do_not_probe_early", 8, "sysctl early_retrans 3; write 2992;"
		   "> . 5001(992) ack 1 <laid " ASKED("10") ">;"
		   "> p. 5993(1000) ack 1 x2 <laid>; mark; pass 40; none; elapsed <= 150; < . 1 ack 7993 win 65535", 1),
	/* After a timeout each segment is acknowledged, until the window has four. */
	ASKS_LATER("ask_after_a_timeout", 8, "write 100; > P. 5001(100) ack 1 <laid " ASKED("10") ">; < . 1 ack 5101;"
		   "write 100; > P. 5101(100) ack 1 <laid>; >@2500 P. 5101(100) ack 1 <laid " ASKED("02") ">", 2),
	/* Full segments have no room for the option, so the first of them is cut. */
	ASKS_LATER("ask_after_a_timeout_of_full_segments", 8, "write 100;"
		   "> P. 5001(100) ack 1 <laid " ASKED("10") ">; < . 1 ack 5101; write 3000;"
		   "> p. 5101(1000) ack 1 x3 <laid>; >@2500 . 5101(992) ack 1 <laid " ASKED("02") ">;"
		   "< . 1 ack 6093; > p. 6093(8) ack 1 <laid>; > p. 6101(1000) ack 1 <laid>", 2),
	ASKS_IN("ask_after_a_timeout_of_a_bundle", "bundles 64;" FAR, OPEN(8) LOSS "write 100;"
		"> P. 5001(100) ack 1 <laid " ASKED("10") ">; < . 1 ack 5101; write 4000;"
		"> p. 5101(1000) ack 1 x4 <laid>; >@2500 . 5101(992) ack 1 <laid " ASKED("02") ">;"
		"< . 1 ack 6093; > p. 6093(8) ack 1 <laid>; > p. 6101(1000) ack 1 <laid>; < . 1 ack 7101;"
		"> p. 7101(1000) ack 1 <laid>;"
		"> p. 8101(1000) ack 1 <laid>", 2),
	/* The least timeout is less than the peer may delay its ACK: a tail of fewer segments is probed needlessly. */
	ASKS_IN("ask_and_probe_by_a_low_least_timeout", ON "sysctl xtcp/rto_min_us 12000; route initcwnd 200; listen",
		OPEN(8) LOSS "sysctl early_retrans 3; write 2992; > . 5001(992) ack 1 <laid " ASKED("10") ">;"
		"> p. 5993(1000) ack 1 x2 <laid>; mark; >@500 P. 6993(1000) ack 1 <laid>; elapsed >= 8;"
		"elapsed <= 39", 1),
	/* More than a segment is in flight, but no request: the peer acknowledges at once, so a probe comes early. */
	ASKS_FIRST("ask_and_probe_by_the_rate_that_was_sent", 2, "sysctl early_retrans 3; write 1000;"
		   "> P. 1(1000) ack 1 <laid>; close;"
		   "> F. 1001 ack 1 <laid>; mark; >@2500 F. 1001 ack 1 <laid>; elapsed <= 150; < R 1", 0),
	/* The buffer has octets for 16 segments, since the kernel doubles what a program sets. */
	ASKS_LATER("ask_for_a_quarter_of_a_small_send_buffer", 127, "set SNDBUF 16000; write 100;"
		   "> P. 5001(100) ack 1 <laid " ASKED("08") ">", 1),
	/* A rate stays as long as two ACKs come for a window, so that it does not follow each step of the window. */
	ASKS_LATER("ask_for_a_rate_that_stays", 127, "< . 1 ack 5001 win 32000; write 100;"
		   "> P. 5001(100) ack 1 <laid " ASKED("10") ">; < . 1 ack 5101 win 31999; write 100;"
		   "> P. 5101(100) ack 1 <laid>; < . 1 ack 5201 win 16000; write 100; > P. 5201(100) ack 1 <laid>;"
		   "< . 1 ack 5301 win 15999; write 100; > P. 5301(100) ack 1 <laid " ASKED("04") ">;"
		   "< . 1 ack 5401 win 15999; write 100; > P. 5401(100) ack 1 <laid>;"
		   "< . 1 ack 5501 win 16000; write 100; > P. 5501(100) ack 1 <laid " ASKED("08") ">", 3),
	/* What follows a request is not taken for a second small segment. */
	ASKS_FIRST("ask_and_let_small_text_follow", 1, "write 1092; > . 1(992) ack 1 <laid " ASKED("02") ">;"
		   "> P. 993(100) ack 1 <laid>", 1),
	/* a request that is due does not go with a bundle, which would repeat it in each segment */
	{ "ask_not_in_a_resent_bundle", "TARR", .pre = "bundles 64;" FAR,
		.want = { OPEN(0) "< . 1001(1000) ack 1; > . 1 ack 1 <sack 1001:2001>; write 19760;"
			"> p. 1(988) ack 1 x20 <sack 1001:2001>; < . 1(1000) ack 1; > . * ack 2001; set ACK_RATE 1;"
			"< . 2001 ack 1 <sack 5929:19761>; skim", .counters = "TCPAckRateSent=0" },
		SENDS_NONE },
	/* one segment asks, and a bundle follows */
	{ "ask_in_a_segment_of_its_own", "TARR", .pre = "bundles 64;" FAR,
		.want = { OPEN(1) "write 20992; > . 1(992) ack 1 <laid " ASKED("02") ">;"
			"> . 993(1000) ack 1 x19 <laid>; > P. 19993(1000) ack 1 <laid>",
			.counters = "TCPAckRateSent=1" },
		SENDS_NONE },
	{ "ask_beside_timestamps", "TARR", .pre = FAR,
		.want.script = "set ACK_RATE 1; < S 0 <mss 1000,sackok,ts T 0," KNOWS ">; > S. 0 ack 1; < . 1 ack 1;"
			"accept; write 1968; > . 1(980) ack 1 <laid 0101080a................" ASKED("02") ">;"
			"> P. 981(988) ack 1 <laid 0101080a................>", SENDS_NONE },
	/* the SYN had room for all; a key that comes later takes it */
	{ "a_key_that_comes_after_the_syn_takes_the_room", "TARR", .pre = ON "listen",
		.syn = "mss 1000,sackok,ts T 0,nop,ws 7," KNOWS,
		.want = { "< S 0 $; > S. 0 ack 1 <ts,laid 020405..0402080a................010303.." FE ">;"
			"md5listener secret; key secret; < S 0 <mss 1000,ts T 0>; > S. 0 ack 1 <ts>; none",
			.state = SYN_RECEIVED },
		IGNORES("< S 0 $; > S. 0 ack 1 <ts>") },
	/* what was not sent has not asked */
	{ "ask_when_there_is_a_route_again", "TARR", .pre = FAR,
		.want.script = "set ACK_RATE 1; < S 0 <mss 1000," KNOWS ">; > S. 0 ack 1; < . 1 ack 1; accept; noroute;"
			"write 100; route initcwnd 200; >@1000 P. 1(100) ack 1 <laid " ASKED("02") ">;"
			"err EHOSTUNREACH", SENDS_NONE },
	/* a signed segment is an skb of its own, which is cut for the request */
	{ "ask_beside_a_signature", "TARR", .pre = ON "listen; md5listener secret; key secret",
		.want = { "set ACK_RATE 1; < S 0 <mss 1000,sackok," KNOWS ">;"
			"> S. 0 ack 1 <laid 01011312................................0204....01010402" FE ">;"
			"< . 1 ack 1; accept; write 2940;"
			"> . 1(972) ack 1 <laid 01011312................................" ASKED("02") ">;"
			"> p. 973(980) ack 1 x2 <laid 01011312................................>; < . 1 ack 2933;"
			"> P. 2933(8) ack 1; none", .counters = "TCPAckRateSent=1" },
		SENDS_NONE },
	/* without SACK, timestamps stay beside a signature: no space for the announcement */
	{ "announce_not_beside_a_signature_and_timestamps", "TARR",
		.pre = ON "sysctl sack 0; listen; md5listener secret; key secret",
		.want = { "< S 0 <ts T 0,ws 7,hex fe0400ac010101>; > S. 0 ack 1 <ts,ws>; < . 1 ack 1 <nop,nop,ts T R>;"
			"accept; none" } },
	{ "ask_%s_a_peer_that_knows", "TARR", .in = ESTABLISHED | CLOSE_WAIT, .via = PASSIVE | ACTIVE, .pre = ON,
		.syn = SYN,
		.want = { "set ACK_RATE 1; write 100; > P. S(100) ack N <laid " ASKED("02") ">",
			.counters = "TCPAckRateSent=1" },
		SENDS_NONE },
	{ "ask_%s_not_a_peer_that_does_not_know", "TARR", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .pre = ON,
		.want = { "set ACK_RATE 1; write 100; > P. S(100) ack N <laid>", .counters = "TCPAckRateSent=0" },
		SENDS_NONE },
	{ "ask_%s_not_when_the_knob_was_0", "TARR", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .syn = SYN,
		.want = { "sysctl xtcp/ack_rate_request 1; set ACK_RATE 1; write 100; > P. S(100) ack N <laid>",
			.counters = "TCPAckRateSent=0" },
		SENDS_NONE },
};

WIRE_MAIN(rows)
