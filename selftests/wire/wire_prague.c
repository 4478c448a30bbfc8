// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Prague (draft-briscoe-iccrg-prague-congestion-control, RFC 9331): who asks for AccECN and grants it, and what a
 * connection without it does; which segments are ECT(1), also on a path that drops them; what alpha is after marks that
 * are known, and what they leave of the window, how often; losses. TCP_CC_INFO is that of DCTCP, with alpha in 1/1024.
 *
 * Marks are the ACE field, which begins with 5: E + 2 C + 4 A. A virtual round trip takes 25 ms at least. The growth
 * by the RTT, and fractions of octets: unit/prague_test.
 */
#include "lib/wire.h"
#include "wire/marks.h"

/* net.xtcp.ecn is 0, so it is the algorithm that grants AccECN. */
#define PRAGUE		"sysctl ecn 0; listen; set CONGESTION prague"
/* A window of 1000 segments, so that a thousandth of it can be told. */
#define PRAGUE_1000	"route initcwnd 1000;" PRAGUE
#define CONNECT		"sysctl ecn 0; socket; set CONGESTION prague"
#define AGREE		AGREE_ACCURATE
#define TEN		AGREE "write 10000; > p.EA 1(1000) ack 1 x10 tos 1;"

/* Windows of one segment without a mark, each of a virtual round trip; the window is not full and does not grow. */
#define QUIET		"write 1000; skim; pass 26; < .CA;"
#define QUIET_9		THREE(THREE(QUIET))
/* The first mark leaves 500 segments. The next window counts it, with a segment that is not marked: 31/32. */
#define FIRST		AGREE "write 1000; > P.EA 1(1000) ack 1 tos 1; < .CA 1 ack 1001; dctcp alpha = 1024;" \
			"info snd_cwnd = 500; info snd_ssthresh = 500;" QUIET "dctcp alpha = 992;"
/* 31/32 times (15/16)^29 is 0.1491. Segments 1 to 31000 are acknowledged. */
#define LITTLE		FIRST QUIET "dctcp alpha = 930;" QUIET_9 QUIET_9 QUIET_9 QUIET "dctcp alpha = 152;"

static const struct wire_row rows[] = {
	/* Who speaks AccECN. */
	{ "prague_listener_grants_accecn", "RFC 9331 4.2", .pre = PRAGUE,
		.want = { AGREE "dctcp enabled = 1; dctcp alpha = 1024; dctcp ce_state = 0; get CONGESTION prague;"
			"info options = 8; write 100; > P.EA 1(100) ack 1 tos 1" } },
	{ "prague_listener_grants_accecn_by_cookie", "RFC 9331 4.2", .pre = "sysctl syncookies 2;" PRAGUE,
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { AGREE "dctcp enabled = 1; write 100; > P.EA 1(100) ack 1 tos 1" } },
	{ "prague_connect_asks", "RFC 9331 4.2", .pre = CONNECT,
		.want = { "connect; > SECA 0 tos 0; < S.C 0 ack 1 $; > .C 1 ack 1 tos 0; dctcp enabled = 1; write 100;"
			"> P.EA 1(100) ack 1 tos 1" } },
	/* Who does not: NewReno, with the marks of ECN or without. */
	{ "prague_listener_is_asked_for_plain_ecn", "RFC 9331 4.2", .pre = PRAGUE,
		.want = { AGREE_ECN "dctcp enabled = 0; dctcp alpha = 0; write 10000; > p. 1(1000) ack 1 x10 tos 2;"
			"< . 1 ack 1001; info snd_cwnd = 11; < .E 1 ack 2001; info ca_state = 2; info snd_ssthresh = 5;"
			"< .E 1 ack 10001; write 1000; > PC. 10001(1000) ack 1 tos 2; < . 1 ack 11001;"
			"info ca_state = 0; info snd_cwnd = 6", .counters = "RetransSegs=0" } },
	{ "prague_listener_is_not_asked", "RFC 9331 4.2", .pre = PRAGUE,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; dctcp enabled = 0; get CONGESTION prague;"
			"write 10000; > p. 1(1000) ack 1 x10 tos 0; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1;"
			"> p. 1(1000) ack 1 tos 0; info snd_ssthresh = 5", .counters = "RetransSegs=1" } },
	{ "prague_connect_gets_plain_ecn", "RFC 9331 4.2", .pre = CONNECT,
		.want = { "connect; > SECA 0; < S.E 0 ack 1 $; > . 1 ack 1 tos 0; dctcp enabled = 0; write 1000;"
			"> P. 1(1000) ack 1 tos 2; < .E 1 ack 1001; info ca_state = 2; info snd_ssthresh = 5;"
			"write 100; > PC. 1001(100) ack 1 tos 2" } },
	{ "prague_connect_is_refused", "RFC 9331 4.2", .pre = CONNECT,
		.want = { "connect; > SECA 0; < S. 0 ack 1 $; > . 1 ack 1 tos 0; dctcp enabled = 0; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	/* The SYN did not come as it was sent: no ECT, and marks count as in NewReno. */
	{ "prague_connect_syn_is_mangled", "RFC 9768 3.2.2.3", .pre = CONNECT,
		.want = { "connect; > SECA 0; < S.CE 0 ack 1 $; > .C 1 ack 1; dctcp enabled = 0; write 1000;"
			"> P.EA 1(1000) ack 1 tos 0; < .CA 1 ack 1001; info ca_state = 2; info snd_ssthresh = 5" } },
	/* All text is ECT(1), also when it is sent again, but not by a timeout; nothing else is ECT. */
	{ "prague_ect_1_on_all_text", "RFC 9331 4.1", .pre = PRAGUE,
		.want = { AGREE "write 100; > P.EA 1(100) ack 1 tos 1; < P.EA 1(100) ack 101;"
			">@1000 .EA 101 ack 101 tos 0; write 100; > P.EA 101(100) ack 101 tos 1;"
			">@3000 P.EA 101(100) ack 101 tos 0; < .EA 101 ack 201; dctcp enabled = 1; write 100;"
			"> P.EA 201(100) ack 101 tos 1; < .EA 101 ack 301; shut; > F.EA 301 ack 101 tos 0",
			.state = FIN_WAIT_1, .counters = "TCPTimeouts=1" } },
	{ "prague_path_drops_ect_1", "RFC 3168 6.1.5", .pre = PRAGUE,
		.want = { AGREE "write 100; > P.EA 1(100) ack 1 tos 1; >@3000 P.EA 1(100) ack 1 tos 0;"
			"dctcp enabled = 0; < .EA 1 ack 101; write 100; > P.EA 101(100) ack 1 tos 0;"
			"get CONGESTION prague", .counters = "TCPTimeouts=1" } },
	/* The text of a SYN has arrived, but it was not ECT. */
	{ "prague_path_drops_ect_1_after_the_syn_s_text", "RFC 3168 6.1.5", .pre = "sysctl fastopen 5;" CONNECT,
		.want = { "fast 10 10; > SECA 0(10) tos 0 <nofo>; < S.C 0 ack 11 $$; > .C 11 ack 1 tos 0; write 100;"
			"> P.EA 11(100) ack 1 tos 1; >@3000 P.EA 11(100) ack 1 tos 0; dctcp enabled = 0;"
			"< .EA 1 ack 111; write 100; > P.EA 111(100) ack 1 tos 0",
			.counters = "TCPTimeouts=1 TCPFastOpenActive=1" } },
	{ "prague_path_drops_ect_1_and_nobody_looks", "RFC 3168 6.1.5", .pre = "sysctl ecn_fallback 0;" PRAGUE,
		.want = { AGREE "write 100; > P.EA 1(100) ack 1 tos 1; >@3000 P.EA 1(100) ack 1 tos 0;"
			"dctcp enabled = 1; < .EA 1 ack 101; write 100; > P.EA 101(100) ack 1 tos 1",
			.counters = "TCPTimeouts=1" } },
	/* The whole flight is resent without ECT, after the ACK of the first segment, too; new text is ECT(1) again. */
	{ "prague_path_begins_to_drop_ect_1", "RFC 3168 6.1.5", .pre = "sysctl frto 0;" PRAGUE,
		.want = { AGREE "write 100; > P.EA 1(100) ack 1 tos 1; < .EA 1 ack 101; write 3000;"
			"> p.EA 101(1000) ack 1 x3 tos 1; >@3000 p.EA 101(1000) ack 1 tos 0; < .EA 1 ack 1101;"
			"> p.EA 1101(1000) ack 1 x2 tos 0; < .EA 1 ack 3101; write 100; > P.EA 3101(100) ack 1 tos 1",
			.counters = "TCPTimeouts=1" } },
	{ "prague_begins_and_ends_in_a_connection", "RFC 9331 4.1", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "write 100; > P.EA 1(100) ack 1 tos 2; < .EA 1 ack 101; set CONGESTION prague;"
			"dctcp enabled = 1; write 100; > P.EA 101(100) ack 1 tos 1; < .EA 1 ack 201;"
			"set CONGESTION cubic; write 100; > P.EA 201(100) ack 1 tos 2" } },
	/* The window. */
	/* Of 11 segments; slow start is over, and no other phase begins. */
	{ "prague_first_mark", "RFC 9331 4.3", .pre = PRAGUE,
		.want = { TEN "< .EA 1 ack 1001; dctcp alpha = 1024; info snd_cwnd = 11; < .CA 1 ack 2001;"
			"info ca_state = 0; info snd_cwnd = 6; info snd_ssthresh = 5; dctcp ab_ecn = 1000;"
			"dctcp ab_tot = 1000; < .CA 1 ack 6001; < .CA 1 ack 10001; info snd_cwnd = 6;"
			"dctcp ab_ecn = 1000; dctcp ab_tot = 9000; dctcp alpha = 1024; info delivered_ce = 1",
			.counters = "RetransSegs=0 TCPDeliveredCE=1" } },
	/*
	 * More marks in the same round trip, and in one that is over before 25 ms are, take nothing. Then alpha has a
	 * window of 11 segments, 4 of them marked: 15/16 + 4/11/16 is 0.9602, 983/1024; 5.5 becomes 2.9.
	 */
	{ "prague_once_in_a_virtual_round_trip", "RFC 9331 4.3", .pre = PRAGUE,
		.want = { TEN "< .EA 1 ack 1001; < .CA 1 ack 2001; info snd_cwnd = 6; < .ECA 1 ack 3001;"
			"info snd_cwnd = 6; < .ECA 1 ack 10001; write 1000; > P.EA 10001(1000) ack 1; < . 1 ack 11001;"
			"info snd_cwnd = 6; dctcp alpha = 1024; pass 26; write 1000; > P.EA 11001(1000) ack 1 tos 1;"
			"< .E 1 ack 12001; dctcp alpha = 983; info snd_cwnd = 3; info snd_ssthresh = 2;"
			"info delivered_ce = 4", .counters = "RetransSegs=0 TCPDeliveredCE=4" } },
	/* A window of marks: 0.1491 * 15/16 + 1/16 is 0.2022; half of it of 500 segments leaves 449.4. */
	{ "prague_little_alpha_cuts_little", "RFC 9331 4.3", .pre = PRAGUE_1000,
		.want = { LITTLE "write 1000; > P.EA 31001(1000) ack 1 tos 1; pass 26; < .ECA 1 ack 32001;"
			"dctcp alpha = 207; info snd_cwnd = 450; info snd_ssthresh = 449; info ca_state = 0",
			.counters = "RetransSegs=0" } },
	/* One of three is marked: 0.1491 * 15/16 + 1/48 is 0.1606. The window fell before, by 0.1491 / 2. */
	{ "prague_alpha_of_a_part", "RFC 9331 4.3", .pre = PRAGUE_1000,
		.want = { LITTLE "write 2000; skim; < .ECA 1 ack 32001; info snd_cwnd = 463; info snd_ssthresh = 462;"
			"dctcp alpha = 152; < .ECA 1 ack 33001; pass 26; write 1000; skim; < .ECA; dctcp alpha = 164",
			.counters = "RetransSegs=0" } },
	/* Losses halve the window. */
	{ "prague_loss_costs_half", "RFC 9331 4.3", .pre = PRAGUE_1000,
		.want = { LITTLE "write 4000; skim;" THREE("< .CA 1 ack 31001;") "> p.EA 31001(1000) ack 1 tos 1;"
			"info ca_state = 3; info snd_ssthresh = 250", .counters = "RetransSegs=1" } },
	/* Both in a round trip: half of what there was before the mark, and not of what it left. */
	{ "prague_loss_after_a_mark", "RFC 9331 4.3", .pre = PRAGUE_1000,
		.want = { LITTLE "write 5000; skim; < .ECA 1 ack 32001; info snd_cwnd = 463;" THREE("< .ECA 1 ack "
			"32001;") "> p.EA 32001(1000) ack 1 tos 1; info ca_state = 3; info snd_ssthresh = 250",
			.counters = "RetransSegs=1" } },
	/* And a mark while the loss is repaired takes nothing more. */
	{ "prague_mark_after_a_loss", "RFC 9331 4.3", .pre = PRAGUE_1000,
		.want = { LITTLE "write 5000; skim;" THREE("< .CA 1 ack 31001;") "> p.EA 31001(1000) ack 1 tos 1;"
			"info snd_ssthresh = 250; < .ECA 1 ack 33001; skim; info ca_state = 3; info snd_ssthresh = 250;"
			"< .ECA 1 ack 36001; skim; write 1000; >@100 P.EA 36001(1000) ack 1 tos 1; < .ECA 1 ack 37001;"
			"info ca_state = 0; info snd_ssthresh = 250" } },
	{ "prague_timeout", "RFC 9331 4.3", .pre = PRAGUE_1000,
		.want = { LITTLE "write 1000; > P.EA 31001(1000) ack 1; >@3000 P.EA 31001(1000) ack 1 tos 0;"
			"info ca_state = 4; info snd_cwnd = 1; info snd_ssthresh = 250",
			.counters = "TCPTimeouts=1" } },
	/*
	 * At this rate four segments leave in a millisecond, but not in a quarter of one, which is the limit of
	 * Prague's bundles. The next algorithm has the usual limit.
	 */
	{ "prague_bundles_are_small_until_another_algorithm", "RFC 9331 4.3, item 7", .pre = "bundles 64;" PRAGUE_1000,
		.want = { "< SECA 0 $; > S.C 0 ack 1 tos 0; pass 100; < .C 1 ack 1; accept; write 10000; skim;"
			"pass 100; < .CA 1 ack 10001; trace xtcp_segment_out; write 4000; skim; pass 100; skim;"
			"traced 0 len=4000; < .CA 1 ack 14001; set CONGESTION reno; write 4000; skim;"
			"traced 1 len=4000; info pacing_rate >= 4096000; info pacing_rate <= 16000000" } },
};

WIRE_MAIN_XTCP(rows)
