// SPDX-License-Identifier: GPL-2.0
/*
 * The AccECN option (RFC 9768 section 3.2.3): which segments have it, what it shares with SACK blocks, what a sender
 * makes of it, and of one that is cut, zeroed, mangled or lost.
 *
 * Kind 172 (ac) counts octets that came with ECT(0), CE and ECT(1), from 1, 0 and 1 on; kind 174 (ae) the other way
 * round.
 */
#include "lib/wire.h"
#include "wire/marks.h"

/* With what stands in front of it: both ends agree. */
#define AGREE	AGREE_ACCURATE
#define OPTION	"< SECA 0 $; > S.C 0 ack 1; < .C 1 ack 1 <hex ac0b000001000000000001>; accept;"

#define SMALL		"write 100; write 100;"
#define SMALL_WRITES	SMALL SMALL SMALL SMALL ""

/* How much may come until an option is demanded, since 24 bits would wrap; and how much comes at once. */
#define UNTOLD		4194304
#define AT_ONCE		40000

/* Two options have told of the text so far, and with ecn_option 1 no more are due: a counter wraps unless one is. */
static int much_of_one_codepoint(struct wire *w)
{
	int i;

	if (wire_script_run(w, OPTION "< P.EA 1(100) ack 1 tos 2; > .EA 1 ack 101 <accecn ac0b000065000000000001>;"
			    "< P.EA 101(100) ack 1 tos 2; > .EA 1 ack 201 <accecn ac0b0000c9000000000001>; read 200"))
		return -1;
	for (i = 1; 201 + i * AT_ONCE < UNTOLD; i++)
		if (wire_script_run(w, wire_text("skim; < P.EA N(%d) ack 1 tos 2; > .EA 1 ack * <noaccecn>; read %d",
						 AT_ONCE, AT_ONCE)))
			return -1;
	return wire_script_run(w, wire_text("skim; < P.EA N(%d) ack 1 tos 2;"
					    "> .EA 1 ack * <accecn ac0b%06x000000000001>; read %d; skim;"
					    "< P.EA N(100) ack 1 tos 2; >@500 .EA 1 ack * <noaccecn>", AT_ONCE,
					    201 + i * AT_ONCE, AT_ONCE));
}

/* The first ACK has an option that says nothing: then the ACE field counts. */
#define CUT_SHORT(name, option)										\
	{ name, "RFC 9768 3.2.3", .pre = "sysctl ecn 3; listen",					\
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .EA 1 ack 2001 <" option ">;"	\
			"info delivered_ce = 0; info ca_state = 0; < .CA 1 ack 4001; info delivered_ce = 1",	\
			.state = ESTABLISHED } }
/* An option of any length tells of no mark. */
#define ODD(name, option)										\
	{ name, "RFC 9768 3.2.3", .pre = "sysctl ecn 3; listen",					\
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .EA 1 ack 10001 <" option ">;"	\
			"info delivered_ce = 0; info ca_state = 0; write 1000; > P.EA 10001(1000) ack 1 tos 2",	\
			.state = ESTABLISHED } }

static const struct wire_row rows[] = {
	/* The option. */
	{ "accecn_option_in_a_syn_ack_with_all", "RFC 9768 3.2.3.2.1", .pre = "sysctl ecn 3; listen",
		.syn = "mss 1440,sackok,ts T 0,nop,ws 7",
		.want = { "< SECA 0 $; > S.C 0 ack 1 <mss A,sackok,ts,ws,accecn ac08000001000000>",
			.state = SYN_RECEIVED } },
	{ "accecn_option_not_in_a_cookie_less_answer_to_plain_ecn", "RFC 9768 3.2.3", .pre = "sysctl ecn 3; listen",
		.want = { "< SEC 0 $; > S.E 0 ack 1 <noaccecn>", .state = SYN_RECEIVED } },
	{ "accecn_option_in_a_cookie", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1 <accecn ac08000001000000>;"
			"< .C 1 ack 1 <hex ac0b000001000000000001>; accept; < P.EA 1(100) ack 1 tos 2;"
			"> .EA 1 ack 101 <accecn ac0b000065000000000001>" } },
	{ "accecn_option_switched_off", "RFC 9768 3.2.3", .pre = "sysctl ecn 3; sysctl ecn_option 0; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1 <noaccecn>; < .C 1 ack 1 <hex ac0b000001000000000001>; accept;"
			"< P.EA 1(100) ack 1 tos 3; > .CA 1 ack 101 <noaccecn>" } },
	{ "accecn_option_not_in_the_second_syn_ack", "RFC 9768 3.2.3.2.2", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1 <accecn ac08000001000000>; < SECA 0 $; > S.C 0 ack 1 <noaccecn>;"
			">@3000 S. 0 ack 1 <noaccecn>; < .C 1 ack 1 <hex ac0b000001000000000001>; accept;"
			"< P.EA 1(100) ack 1 tos 3; > .CA 1 ack 101 <noaccecn>" } },
	{ "accecn_option_persists", "RFC 9768 3.2.3.2.2", .pre = "sysctl ecn 3; sysctl ecn_option 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1 <accecn ac08000001000000>; >@3000 S.C 0 ack 1 <noaccecn>;"
			"< .C 1 ack 1 <hex ac0b000001000000000001>; accept; < P.EA 1(100) ack 1 tos 2;"
			"> .EA 1 ack 101 <accecn ac0b000065000000000001>" } },
	{ "accecn_option_that_the_peer_has_not", "RFC 9768 3.2.3.2.3", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "< P.EA 1(100) ack 1 tos 3; > .CA 1 ack 101 <noaccecn>" } },
	{ "accecn_option_counts_octets", "RFC 9768 3.2.3.3", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "< P.EA 1(100) ack 1 tos 2; > .EA 1 ack 101 <accecn ac0b000065000000000001>;"
			"< P.EA 101(100) ack 1 tos 2; > .EA 1 ack 201 <accecn ac0b0000c9000000000001>;"
			"< P.EA 201(100) ack 1 tos 2; > .EA 1 ack 301 <accecn ac0500012d>; < P.EA 301(100) ack 1 tos 3;"
			"> .CA 1 ack 401 <accecn ac0b00012d000064000001>; < P.EA 401(100) ack 1 tos 2;"
			">@1000 .CA 1 ack 501 <accecn ac0b000191000064000001>; < P.EA 501(100) ack 1 tos 2;"
			">@1000 .CA 1 ack 601 <accecn ac0b0001f5000064000001>; < P.EA 601(100) ack 1 tos 2;"
			">@1000 .CA 1 ack 701 <accecn ac08000259000064>; < P.EA 701(100) ack 1;"
			">@1000 .CA 1 ack 801 <noaccecn>; read 800" } },
	{ "accecn_option_of_ect_1", "RFC 9768 3.2.3", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "< P.EA 1(100) ack 1 tos 1; > .EA 1 ack 101 <accecn ae0b000065000000000001>;"
			"< P.EA 101(100) ack 1 tos 1; > .EA 1 ack 201 <accecn ae0b0000c9000000000001>;"
			"< P.EA 201(100) ack 1 tos 1; > .EA 1 ack 301 <accecn ae0500012d>; < P.EA 301(100) ack 1 tos 2;"
			"> .EA 1 ack 401 <accecn ac0b00006500000000012d>" } },
	{ "accecn_option_sparing", "RFC 9768 3.2.3.3",
		.pre = "sysctl ecn 3; sysctl ecn_option 1; sysctl ecn_option_beacon 0; listen",
		.want = { OPTION "< P.EA 1(100) ack 1 tos 2; > .EA 1 ack 101 <accecn ac0b000065000000000001>;"
			"< P.EA 101(100) ack 1 tos 2; > .EA 1 ack 201 <accecn ac0b0000c9000000000001>;"
			"< P.EA 201(100) ack 1 tos 2; > .EA 1 ack 301 <noaccecn>; < P.EA 301(100) ack 1 tos 3;"
			"> .CA 1 ack 401 <accecn ac0b00012d000064000001>" } },
	{ "accecn_option_before_a_counter_wraps", "RFC 9768 3.2.3.3", .run = much_of_one_codepoint,
		.pre = "sysctl ecn 3; sysctl ecn_option 1; sysctl ecn_option_beacon 0; listen",
		.want = { .state = ESTABLISHED } },
	{ "accecn_option_shares_with_one_block", "RFC 9768 3.2.3.3", .pre = "sysctl ecn 3; listen",
		.syn = "mss 1440,sackok,ts T 0",
		.want = { OPTION "< P.EA 201(100) ack 1 tos 2;"
			"> .EA 1 ack 1 <ts,sack 201:301,accecn ac0b000065000000000001>" } },
	{ "accecn_option_shares_with_two_blocks", "RFC 9768 3.2.3.3", .pre = "sysctl ecn 3; listen",
		.syn = "mss 1440,sackok,ts T 0",
		.want = { OPTION "< P.EA 201(100) ack 1 tos 2; > .EA 1 ack 1; < P.EA 401(100) ack 1 tos 3;"
			"> .CA 1 ack 1 <ts,sack 401:501 201:301,accecn ac08000065000064>" } },
	{ "accecn_option_takes_the_third_block", "RFC 9768 3.2.3.3", .pre = "sysctl ecn 3; listen",
		.syn = "mss 1440,sackok,ts T 0",
		.want = { OPTION "< P.EA 201(100) ack 1 tos 2; > .EA 1 ack 1; < P.EA 401(100) ack 1 tos 2;"
			"> .EA 1 ack 1; < P.EA 601(100) ack 1 tos 3;"
			"> .CA 1 ack 1 <ts,sack 601:701 401:501,accecn ac080000c9000064>; < P.EA 601(100) ack 1;"
			"> .CA 1 ack 1 <ts,accecn ac080000c9000064>; < P.EA 601(100) ack 1;"
			"> .CA 1 ack 1 <ts,noaccecn>" } },
	{ "accecn_option_makes_no_text_shorter", "RFC 9768 3.2.3.3", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "< P.EA 1(100) ack 1 tos 2; > .EA 1 ack 101; < P.EA 101(100) ack 1 tos 2;"
			"> .EA 1 ack 201; write 1000; > P.EA 1(1000) ack 201 <noaccecn>; < .EA 201 ack 1001; write 100;"
			"> P.EA 1001(100) ack 201 <noaccecn>" } },
	{ "accecn_option_in_the_third_ack_and_the_first_text", "RFC 9768 3.2.3.2.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0 <noaccecn>; < S.C 0 ack 1 <mss 1000,hex ac08000001000000>;"
			"> .C 1 ack 1 <accecn ac0b000001000000000001>; write 100;"
			"> P.EA 1(100) ack 1 <accecn ac0b000001000000000001>; < .EA 1 ack 101; write 100;"
			"> P.EA 101(100) ack 1 <noaccecn>" } },
	{ "accecn_option_that_the_syn_ack_has_not", "RFC 9768 3.2.3.2.3", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1 <noaccecn>; write 100;"
			"> P.EA 1(100) ack 1 <noaccecn>" } },
	{ "accecn_option_lost_with_the_first_text", "RFC 9768 3.2.3.2.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 <mss 1000,hex ac08000001000000>; > .C 1 ack 1; write 100;"
			"> P.EA 1(100) ack 1 <accecn ac0b000001000000000001>; >@3000 P.EA 1(100) ack 1 <noaccecn>;"
			"< P.EA 1(100) ack 101 tos 3; > .CA 101 ack 101 <noaccecn>" } },
	{ "accecn_option_lost_and_persistent", "RFC 9768 3.2.3.2.2", .pre = "sysctl ecn 3; sysctl ecn_option 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 <mss 1000,hex ac08000001000000>; > .C 1 ack 1; write 100;"
			"> P.EA 1(100) ack 1 <accecn ac0b000001000000000001>; >@3000 P.EA 1(100) ack 1;"
			"< P.EA 1(100) ack 101 tos 3; > .CA 101 ack 101 <accecn ac0b000001000064000001>" } },
	{ "accecn_option_knows_that_nothing_came_round", "RFC 9768 3.2.2.5.2", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .EA 1 ack 1001 <hex ac080003e9000000>;"
			"< .EA 1 ack 10001 <hex ac08002711000000>; info delivered_ce = 0; info ca_state = 0",
			.counters = "TCPDeliveredCE=0" } },
	{ "accecn_option_knows_that_the_field_came_round", "RFC 9768 3.2.2.5.2", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .EA 1 ack 9001 <hex ac080003e9001f40>;"
			"info delivered_ce = 8; info ca_state = 2", .counters = "TCPDeliveredCE=8" } },
	{ "accecn_option_in_the_other_order", "RFC 9768 3.2.3.1", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2;"
			"< .EA 1 ack 9001 <hex ae0b000001001f400003e9>; info delivered_ce = 8",
			.counters = "TCPDeliveredCE=8" } },
	{ "accecn_option_and_field_agree", "RFC 9768 3.2.3.2.5", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .CA 1 ack 2001 <hex ac080003e90003e8>;"
			"info delivered_ce = 1; < .CA 1 ack 4001 <hex ac08000bb90003e8>; info delivered_ce = 1;"
			"< . 1 ack 10001 <hex ac080017710013d8>; info delivered_ce = 11",
			.counters = "TCPDeliveredCE=11" } },
	{ "accecn_option_and_field_do_not_agree", "RFC 9768 3.2.3.2.5", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .EA 1 ack 2001 <hex ac080003e90003e8>;"
			"info delivered_ce = 0; < .EA 1 ack 10001 <hex ac08001f510003e8>; write 1000;"
			"> P.EA 10001(1000) ack 1 tos 0", .counters = "TCPDeliveredCE=0" } },
	/* Eight marks look like none, and the ACKs in between were lost. The eight segments are small. */
	{ "accecn_option_and_field_of_small_segments", "RFC 9768 3.2.3.2.5", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "set NODELAY 1;" SMALL_WRITES "skim; < .EA 1 ack 801 <hex ac08000001000320>;"
			"info delivered_ce = 8; write 1000; > P.EA 801(1000) ack 1 tos 2",
			.counters = "TCPDeliveredCE=8" } },
	{ "accecn_option_zeroed", "RFC 9768 3.2.3.2.4", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .C 1 ack 1 <hex ac08000000000000>; accept; write 10000;"
			"> p.EA 1(1000) ack 1 x10 tos 2; < .EA 1 ack 1001 <hex ac08000000000000>;"
			"< .EA 1 ack 10001 <hex ac08000000000000>; info delivered_ce = 8",
			.counters = "TCPDeliveredCE=8" } },
	{ "accecn_option_zeroed_in_the_syn_ack", "RFC 9768 3.2.3.2.4", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 <mss 1000,hex ac0b000000000000000001>; > .C 1 ack 1;"
			"write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .EA 1 ack 1001 <hex ac08000001000000>;"
			"< .EA 1 ack 10001 <hex ac08000001000000>; info delivered_ce = 8",
			.counters = "TCPDeliveredCE=8" } },
	{ "accecn_option_goes_back", "RFC 9768 3.2.3.1", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .CA 1 ack 2001 <hex ac080003e90003e8>;"
			"< .CA 1 ack 4001 <hex ac08000001000000>; info delivered_ce = 1;"
			"< .CA 1 ack 6001 <hex ac080007d10003e8>; info delivered_ce = 1",
			.counters = "TCPDeliveredCE=1" } },
	{ "accecn_option_that_jumps", "RFC 9768 3.2.3.1", .pre = "sysctl ecn 3; listen",
		.want = { OPTION "write 10000; > p.EA 1(1000) ack 1 x10 tos 2; < .CA 1 ack 1001 <hex ac080003e9700000>;"
			"info ca_state = 2; info snd_cwnd >= 5; < .CA 1 ack 10001 <hex ac080003e9700000>; write 1000;"
			"> P.EA 10001(1000) ack 1 tos 2" } },
	CUT_SHORT("accecn_option_cut_short_0", "hex ac"),
	CUT_SHORT("accecn_option_cut_short_1", "hex ac00"),
	CUT_SHORT("accecn_option_cut_short_2", "hex ac010000"),
	CUT_SHORT("accecn_option_cut_short_3", "hex ac0c000001000000000001"),
	ODD("accecn_option_empty", "hex ac02"),
	ODD("accecn_option_of_3", "hex ac03ff"),
	ODD("accecn_option_of_4", "hex ac04ffff"),
	ODD("accecn_option_of_6", "hex ac060003e9ff"),
	ODD("accecn_option_of_13", "hex ac0d0003e9000000000001ffff"),
	ODD("accecn_option_of_1", "hex ac01002711"),
	ODD("accecn_option_without_a_length", "nop,nop,nop,hex ac"),
	/* three counters and one more, which means nothing */
	ODD("accecn_option_of_14", "hex ac0e002711000000000001ffffff"),
	/* Beside a signature (RFC 2385). */
	{ "accecn_option_beside_a_signature", "RFC 9768 3.2.3",
		.pre = "sysctl ecn 3; listen; md5listener secret; key secret",
		.syn = "mss 1000,nop,nop,sackok,nop,ws 7",
		.want = { "< SECA 0 $; > S.C 0 ack 1 <sackok,accecn ac08000001000000>;"
			"< .C 1 ack 1 <hex ac0b000001000000000001>; accept; < P.EA 1(100) ack 1 tos 2;"
			"> .EA 1 ack 101 <accecn ac0b000065000000000001>; read 100; write 100; skim; < .EA 101 ack 101;"
			"none" } },
	{ "accecn_option_has_no_room_on_a_signed_syn_ack", "RFC 9768 3.2.3",
		.pre = "sysctl ecn 3; listen; md5listener secret; key secret",
		.syn = "mss 1000,nop,nop,ts T 0,nop,ws 7",
		.want = { "< SECA 0 $; > S.C 0 ack 1 <ts,noaccecn>; < .C 1 ack 1; accept; < P.C 1(100) ack 1; skim;"
			"read 100; write 100; skim; < .C 101 ack 101; none" } },
};

WIRE_MAIN_XTCP(rows)
