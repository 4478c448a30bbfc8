// SPDX-License-Identifier: GPL-2.0
/*
 * AccECN (RFC 9768) in active opens: who asks for it, what comes of each SYN-ACK, of one that comes again and of a peer
 * that opens at the same time, and what the ACK of it says.
 */
#include "lib/wire.h"

/* The peer opens at the same time. */
#define CROSSING	"connect; > SECA 0 tos 0; < SECA 0 $$; > S.C 0 ack 1 tos 0; "

static const struct wire_row rows[] = {
	{ "accecn_connect_asks_with_3", "RFC 9768 3.1.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0 tos 0; < S.C 0 ack 1 $; > .C 1 ack 1 tos 0; info options = 8; write 100;"
			"> P.EA 1(100) ack 1 tos 2" } },
	/* who sends it again has no ACK yet; how the latest one came counts */
	{ "accecn_connect_syn_ack_again", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1; < S.C 0 ack 1 tos 2 $; > .A 1 ack 1;"
			"write 100; > P.EA 1(100) ack 1 tos 2; < .EA 1 ack 101; none",
			.counters = "TCPSYNChallenge=1 TCPDeliveredCE=0" } },
	{ "accecn_connect_syn_ack_again_behind_text", "RFC 9768 3.1.5", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1; write 100; > P.EA 1(100) ack 1;"
			"< S.C 0 ack 1 tos 3 $; > .CA 101 ack 1; < P.EA 1(10) ack 101; >@1000 .CA 101 ack 11",
			.counters = "TCPSYNChallenge=1" } },
	/* a peer that has sent text has our ACK: the flags of its ACK are the counter, whatever comes again */
	{ "accecn_connect_syn_ack_again_behind_text_of_the_peer", "RFC 9768 3.2.2.1",
		.pre = "sysctl ecn 3; sysctl invalid_ratelimit 0",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1; write 100; > P.EA 1(100) ack 1;"
			"< P.EA 1(10) ack 101; >@1000 .EA 101 ack 11; < S.C 0 ack 1 $; > .EA 101 ack 11;"
			"< P.EA 11(10) ack 101; >@1000 .EA 101 ack 21; < S.C 0 ack 1 tos 3 $; > .EA 101 ack 21",
			.counters = "TCPSYNChallenge=2" } },
	/* the second is not answered any more: the next ACK is none of it */
	{ "accecn_connect_syn_ack_again_and_again", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1; < S.C 0 ack 1 tos 2 $; > .A 1 ack 1;"
			"< S.C 0 ack 1 tos 2 $; none; < P.EA 1(10) ack 1; >@1000 .EA 1 ack 11",
			.counters = "TCPSYNChallenge=2 TCPACKSkippedChallenge=1" } },
	{ "accecn_connect_syn_acks_with_ce_count_once", "RFC 9768 3.2.2.2",
		.pre = "sysctl ecn 3; sysctl invalid_ratelimit 0",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1; < S.C 0 ack 1 tos 3 $; > .CA 1 ack 1;"
			"< S.C 0 ack 1 $; > .C 1 ack 1; < S.C 0 ack 1 tos 3 $; > .CA 1 ack 1; write 100;"
			"> P.CA 1(100) ack 1 tos 2" } },
	/* what is no SYN-ACK of this connection, or says nothing of AccECN, is answered by the counter */
	{ "accecn_connect_another_syn_again", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3; sysctl invalid_ratelimit 0",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1; < S. 0 ack 1 tos 2 $; > .EA 1 ack 1;"
			"< SECA 0 tos 2 $; > .EA 1 ack 1; < S.C 1 ack 1 tos 2 $; > .EA 1 ack 1; < S.C 0 ack 2 tos 2 $;"
			"> .EA 1 ack 1; < S.C 0 ack 0 tos 2 $; > .EA 1 ack 1", .counters = "TCPSYNChallenge=5" } },
	/* Flags of a SYN-ACK that acknowledges text (RFC 7413) are no counter; a SYN with text is not ECN-capable. */
	{ "accecn_connect_with_text_on_the_syn", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "fast 10 EINPROGRESS; > SECA 0 tos 0 <fo>;"
			"< S.C 0 ack 1 <mss 1000,hex 0101220a1122334455667788>; > .C 1 ack 1 tos 0; abort; skim; fresh;"
			"fast 10 10; > SECA 0(10) tos 0 <fo 1122334455667788>; < S.C 0 ack 11 <mss 1000>;"
			"> .C 11 ack 1 tos 0; info snd_cwnd = 10; write 100; > P.EA 11(100) ack 1 tos 2;"
			"< .EA 1 ack 111; none; info snd_cwnd = 10", .counters = "TCPDeliveredCE=0 TCPFastOpenActive=1",
			.state = ESTABLISHED } },
	/* the ACK that says how the SYN-ACK came does not wait for text that goes again */
	{ "accecn_connect_with_text_that_is_refused", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "fast 10 EINPROGRESS; > SECA 0 tos 0 <fo>;"
			"< S.C 0 ack 1 <mss 1000,hex 0101220a1122334455667788>; > .C 1 ack 1 tos 0; abort; skim; fresh;"
			"fast 10 10; > SECA 0(10) tos 0 <fo 1122334455667788>; < S.C 0 ack 1 <mss 1000>;"
			"> .C 11 ack 1 tos 0; > P.EA 1(10) ack 1 tos 0; < .EA 1 ack 11; none",
			.counters = "TCPDeliveredCE=0 TCPFastOpenActiveFail=1" } },
	{ "accecn_connect_asks_for_plain_ecn_with_4", "RFC 9768 3.1.1", .pre = "sysctl ecn 4",
		.want = { "connect; > SEC 0 tos 0; < S.E 0 ack 1 $; > . 1 ack 1 tos 0; info options = 8" } },
	{ "accecn_connect_does_not_ask_with_5", "RFC 9768 3.1.1", .pre = "sysctl ecn 5",
		.want = { "connect; > S 0 tos 0; < S. 0 ack 1 $; > . 1 ack 1 tos 0; info options = 0" } },
	{ "accecn_connect_says_how_the_syn_ack_came_0", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 tos 0 $; > .C 1 ack 1 tos 0; write 100;"
			"> P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_connect_says_how_the_syn_ack_came_1", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 tos 1 $; > .CE 1 ack 1 tos 0; write 100;"
			"> P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_connect_says_how_the_syn_ack_came_2", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 tos 2 $; > .A 1 ack 1 tos 0; write 100;"
			"> P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_connect_says_how_the_syn_ack_came_3", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 tos 3 $; > .CA 1 ack 1 tos 0; write 100;"
			"> P.CA 1(100) ack 1 tos 2" } },
	{ "accecn_connect_meets_none", "RFC 9768 3.1.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S. 0 ack 1 $; > . 1 ack 1; info options = 0; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	{ "accecn_connect_meets_a_mirror", "RFC 9768 3.1.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.ECA 0 ack 1 $; > . 1 ack 1; info options = 0; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	{ "accecn_connect_meets_plain_ecn", "RFC 9768 3.1.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.E 0 ack 1 $; > . 1 ack 1; info options = 8; write 100;"
			"> P. 1(100) ack 1 tos 2; < .E 1 ack 101; info ca_state = 2; write 100;"
			"> PC. 101(100) ack 1 tos 2" } },
	{ "accecn_connect_meets_what_is_reserved", "RFC 9768 3.1.3", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.EA 0 ack 1 $; > .C 1 ack 1; info options = 8; write 100;"
			"> P.EA 1(100) ack 1 tos 2; < .EA 1 ack 101; none; info ca_state = 0; write 100;"
			"> P.EA 101(100) ack 1 tos 2" } },
	{ "accecn_connect_syn_mangled_to_ect_1", "RFC 9768 3.2.2.3", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.CE 0 ack 1 $; > .C 1 ack 1; write 100; > P.EA 1(100) ack 1 tos 0;"
			"< P.EA 1(100) ack 101 tos 3; > .CA 101 ack 101" } },
	{ "accecn_connect_syn_mangled_to_ect_0", "RFC 9768 3.2.2.3", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.A 0 ack 1 $; > .C 1 ack 1; write 100; > P.EA 1(100) ack 1 tos 0;"
			"< P.EA 1(100) ack 101 tos 3; > .CA 101 ack 101" } },
	{ "accecn_connect_syn_met_congestion", "RFC 9768 3.2.2.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.CA 0 ack 1 $; > .C 1 ack 1; info snd_cwnd = 1; write 100;"
			"> P.EA 1(100) ack 1 tos 0; < .EA 1 ack 101; info delivered_ce = 0" } },
	{ "accecn_connect_first_field_zero", "RFC 9768 3.2.2.4", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S.C 0 ack 1 $; > .C 1 ack 1; < P. 1(100) ack 1; > .EA 1 ack 101;"
			"write 100; > P.EA 1(100) ack 101 tos 0; < .C 101 ack 101; info delivered_ce = 0;"
			"info ca_state = 0" } },
	{ "accecn_syn_sent_asks_twice_then_not", "RFC 9768 3.1.4.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; >@3000 SECA 0; >@5000 S 0; < S. 0 ack 1 $; > . 1 ack 1; info options = 0",
			.state = ESTABLISHED } },
	{ "accecn_syn_sent_answer_to_an_earlier_syn", "RFC 9768 3.1.4.1", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; >@3000 SECA 0; >@5000 S 0; < S.C 0 ack 1 $; > .C 1 ack 1;"
			"info options = 8" } },
	{ "accecn_syn_sent_always_asks_without_fallback", "RFC 9768 3.1.4.1",
		.pre = "sysctl ecn 3; sysctl ecn_fallback 0",
		.want = { "connect; > SECA 0; >@3000 SECA 0; >@5000 SECA 0", .state = SYN_SENT } },
	{ "accecn_syn_sent_crossing", "RFC 9768 3.1.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < SECA 0 tos 2 $$; > S.A 0 ack 1; < .C 1 ack 1; info options >= 8;"
			"write 100; > P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_syn_sent_crossing_plain_ecn", "RFC 9768 3.1.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < SEC 0 $$; > S.E 0 ack 1; < . 1 ack 1; info options >= 8; write 100;"
			"> P. 1(100) ack 1 tos 2" } },
	{ "accecn_syn_sent_crossing_none", "RFC 9768 3.1.2", .pre = "sysctl ecn 3",
		.want = { "connect; > SECA 0; < S 0 $$; > S. 0 ack 1; < . 1 ack 1; write 100; > P. 1(100) ack 1 tos 0",
			.state = ESTABLISHED } },
	/*
	 * Both have asked, and both have granted. Who has the other's SYN-ACK has said by its own how the SYN came, and
	 * the peer may be in ESTABLISHED: ACE is the counter.
	 */
	{ "accecn_crossing", "RFC 9768 3.1.2", .pre = "sysctl ecn 3",
		.want = { CROSSING "< S.C 0 ack 1 $$; > .EA 1 ack 1 tos 0; info options = 12; write 100;"
			"> P.EA 1(100) ack 1 tos 2; < .EA 1 ack 101; none", .counters = "TCPDeliveredCE=0" } },
	{ "accecn_crossing_syn_ack_with_ce", "RFC 9768 3.2", .pre = "sysctl ecn 3",
		.want = { CROSSING "< S.C 0 ack 1 tos 3 $$; > .CA 1 ack 1 tos 0; write 100; > P.CA 1(100) ack 1 tos 2",
			.state = ESTABLISHED } },
	{ "accecn_crossing_syn_met_ce", "RFC 9768 3.2.2.3", .pre = "sysctl ecn 3",
		.want = { CROSSING "< S.CA 0 ack 1 $$; > .EA 1 ack 1; write 100; > P.EA 1(100) ack 1 tos 0;"
			"< .CA 1 ack 101; none", .counters = "TCPDeliveredCE=1" } },
	{ "accecn_crossing_syn_ack_without", "RFC 9768 3.1.5", .pre = "sysctl ecn 3",
		.want = { CROSSING "< S. 0 ack 1 $$; > .EA 1 ack 1; write 100; > P.EA 1(100) ack 1 tos 0;"
			"< .CA 1 ack 101; none", .counters = "TCPDeliveredCE=1" } },
	{ "accecn_crossing_first_field_is_zero", "RFC 9768 3.2.2.4", .pre = "sysctl ecn 3",
		.want = { CROSSING "< S.C 0 ack 1 $$; > .EA 1 ack 1; write 100; > P.EA 1(100) ack 1 tos 2;"
			"< . 1 ack 101; write 100; > P.EA 101(100) ack 1 tos 0" } },
	{ "accecn_crossing_ends_by_an_ack", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3",
		.want = { CROSSING "< .EA 1 ack 1; none; write 100; > P.EA 1(100) ack 1 tos 2; < .CA 1 ack 101; none",
			.counters = "TCPDeliveredCE=1" } },
	/* The SYN has text (RFC 7413), and the peer has taken it. */
	{ "accecn_crossing_with_text", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3; sysctl fastopen 5",
		.want = { "fast 10 10; > SECA 0(10) tos 0 <nofo>; < SECA 0 $$; > S.C 0 ack 1 tos 0; < .EA 1 ack 11;"
			"none; write 100; > P.EA 11(100) ack 1 tos 2; < .CA 1 ack 111; none",
			.counters = "TCPDeliveredCE=1 TCPFastOpenActive=1" } },
};

WIRE_MAIN_XTCP(rows)
