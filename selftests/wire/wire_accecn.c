// SPDX-License-Identifier: GPL-2.0
/*
 * AccECN (RFC 9768), which the kernel TCP of Linux 6.1 does not have, in passive opens: who agrees to it, what SYN-ACK
 * and third ACK say; then what the ACE field says and what a sender makes of it. Active opens: wire_accecn_connect.
 *
 * The field is E + 2 C + 4 A: ".EA" is 5, with which both counters begin.
 */
#include "lib/wire.h"
#include "wire/marks.h"

/* With what stands in front of it: both ends agree. */
#define AGREE	AGREE_ACCURATE
#define TEN	AGREE "write 10000; > p.EA 1(1000) ack 1 x10 tos 2;"

static const struct wire_row rows[] = {
	/* Passive opens. */
	{ "accecn_listen_grants_with_3", "RFC 9768 3.1.1", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "info options = 8; write 100; > P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_listen_grants_with_4", "RFC 9768 3.1.1", .pre = "sysctl ecn 4; listen",
		.want = { AGREE "info options = 8" } },
	{ "accecn_listen_grants_with_5", "RFC 9768 3.1.1", .pre = "sysctl ecn 5; listen",
		.want = { AGREE "info options = 8" } },
	{ "accecn_listen_grants_plain_ecn_with_2", "RFC 3168 6.1.1", .pre = "sysctl ecn 2; listen",
		.want = { "< SECA 0 $; > S.E 0 ack 1; < . 1 ack 1; accept; info options = 8; write 100;"
			"> P. 1(100) ack 1 tos 2" } },
	{ "accecn_listen_refuses_with_0", "RFC 9768 3.1.1", .pre = "sysctl ecn 0; listen",
		.want = { "< SECA 0 $; > S. 0 ack 1; < . 1 ack 1; accept; info options = 0; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	{ "accecn_listen_says_how_the_syn_came", "RFC 9768 3.1.1", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 tos 0 $; > S.C 0 ack 1 tos 0; fresh; < SECA 0 tos 1 $; > S.CE 0 ack 1 tos 0; fresh;"
			"< SECA 0 tos 2 $; > S.A 0 ack 1 tos 0; fresh; < SECA 0 tos 3 $; > S.CA 0 ack 1 tos 0;"
			"< .C 1 ack 1; accept; write 100; > P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_listen_dscp_is_no_codepoint", "RFC 9768 3.1.1", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 tos 252 $; > S.C 0 ack 1 tos 0", .state = SYN_RECEIVED } },
	{ "accecn_listen_takes_other_flags_for_all_three", "RFC 9768 3.1.3", .pre = "sysctl ecn 3; listen",
		.want = { "< SE 0 $; > S.C 0 ack 1; fresh; < SC 0 $; > S.C 0 ack 1; fresh; < SA 0 $; > S.C 0 ack 1;"
			"fresh; < SEA 0 $; > S.C 0 ack 1; fresh; < SCA 0 $; > S.C 0 ack 1", .state = SYN_RECEIVED } },
	{ "accecn_listen_ignores_reserved_bits", "RFC 9768 3.1.3", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 res 14 $; > S.C 0 ack 1; fresh; < SEC 0 res 14 $; > S.E 0 ack 1",
			.state = SYN_RECEIVED } },
	{ "accecn_listen_plain_ecn_stays_plain", "RFC 9768 3.1.2", .pre = "sysctl ecn 3; listen",
		.want = { "< SEC 0 $; > S.E 0 ack 1; < . 1 ack 1; accept; info options = 8; write 100;"
			"> P. 1(100) ack 1 tos 2; < P.E 1(100) ack 101 tos 3; > .E 101 ack 101; write 100;"
			"> PC.E 101(100) ack 101 tos 2" } },
	{ "accecn_listen_no_ecn_stays_none", "RFC 9768 3.1.2", .pre = "sysctl ecn 3; listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; info options = 0; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	{ "accecn_syn_ack_again_then_without", "RFC 9768 3.2.3.2.2", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; >@3000 S.C 0 ack 1; >@5000 S. 0 ack 1; < .C 1 ack 1; accept;"
			"info options = 8; write 100; > P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_syn_ack_without_is_believed", "RFC 9768 3.2.3.2.2", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; >@3000 S.C 0 ack 1; >@5000 S. 0 ack 1; < . 1 ack 1; accept;"
			"info options = 0; write 100; > P. 1(100) ack 1 tos 0; < P. 1(100) ack 101 tos 3;"
			">@1000 . 101 ack 101" } },
	{ "accecn_syn_ack_always_with_without_fallback", "RFC 9768 3.2.3.2.2",
		.pre = "sysctl ecn 3; sysctl ecn_fallback 0; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; >@3000 S.C 0 ack 1; >@5000 S.C 0 ack 1",
			.state = SYN_RECEIVED } },
	{ "accecn_syn_again_without_forbids_ect", "RFC 9768 3.1.5", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < S 0 $; > S.C 0 ack 1; < .C 1 ack 1; accept; info options = 8;"
			"write 100; > P.EA 1(100) ack 1 tos 0; < P.EA 1(100) ack 101 tos 3; > .CA 101 ack 101" } },
	{ "accecn_syn_received_challenge_has_the_counter", "RFC 9768 3.2.2", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .EA 300001 ack 1; > .EA 1 ack 1", .state = SYN_RECEIVED } },
	/* What the third ACK says. */
	{ "accecn_third_ack_zero", "RFC 9768 3.2.2.4", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < . 1 ack 1; accept; info options = 8; write 1000;"
			"> P.EA 1(1000) ack 1 tos 0; < .CA 1 ack 1001; info delivered_ce = 0; info ca_state = 0;"
			"< P.CA 1(100) ack 1001 tos 3; > .CA 1001 ack 101" } },
	{ "accecn_third_ack_mangled", "RFC 9768 3.2.2.3", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .A 1 ack 1; accept; write 1000; > P.EA 1(1000) ack 1 tos 0;"
			"< .CA 1 ack 1001; info delivered_ce = 1; info ca_state = 2" } },
	{ "accecn_third_ack_mangled_without_fallback", "RFC 9768 3.2.2.3",
		.pre = "sysctl ecn 3; sysctl ecn_fallback 0; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .CE 1 ack 1; accept; write 1000; > P.EA 1(1000) ack 1 tos 2",
			.state = ESTABLISHED } },
	{ "accecn_third_ack_says_ce", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .CA 1 ack 1; accept; info delivered_ce = 1; info snd_cwnd = 1;"
			"write 1000; > P.EA 1(1000) ack 1 tos 0; < .CA 1 ack 1001; info delivered_ce = 1" } },
	{ "accecn_third_ack_1_is_unused", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .E 1 ack 1; accept; info delivered_ce = 0; write 1000;"
			"> P.EA 1(1000) ack 1 tos 2; < .EA 1 ack 1001; info delivered_ce = 0; info ca_state = 0" } },
	{ "accecn_third_ack_5_is_unused", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .EA 1 ack 1; accept; info delivered_ce = 0; write 1000;"
			"> P.EA 1(1000) ack 1 tos 2; < .EA 1 ack 1001; info delivered_ce = 0; info ca_state = 0" } },
	{ "accecn_third_ack_7_is_unused", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .ECA 1 ack 1; accept; info delivered_ce = 0; write 1000;"
			"> P.EA 1(1000) ack 1 tos 2; < .EA 1 ack 1001; info delivered_ce = 0; info ca_state = 0" } },
	{ "accecn_third_ack_lost", "RFC 9768 3.2.2.1", .pre = "sysctl ecn 3; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < P.EA 1(100) ack 1 tos 2; accept; >@1000 .EA 1 ack 101;"
			"info delivered_ce = 0; write 1000; > P.EA 1(1000) ack 101 tos 2" } },
	/* Cookies. */
	{ "accecn_cookie_with_timestamps", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< SECA 0 tos 2 $; > S.A 0 ack 1; < .C 1 ack 1; accept; info options = 9; write 100;"
			"> P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_cookie_without_timestamps", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < .C 1 ack 1; accept; info options = 8; write 100;"
			"> P.EA 1(100) ack 1 tos 2" } },
	{ "accecn_cookie_and_text", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < P.EA 1(100) ack 1 tos 2; accept; >@1000 .EA 1 ack 101;"
			"info options >= 8; write 100; > P.EA 1(100) ack 101 tos 2" } },
	{ "accecn_cookie_of_plain_ecn", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< SEC 0 $; > S.E 0 ack 1; < . 1 ack 1; accept; info options = 9; write 100;"
			"> P. 1(100) ack 1 tos 2; < .E 1 ack 101; info ca_state = 2" } },
	{ "accecn_cookie_of_plain_ecn_and_cwr", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< SEC 0 $; > S.E 0 ack 1; < PC. 1(100) ack 1; accept; >@1000 . 1 ack 101; info options = 9;"
			"write 100; > P. 1(100) ack 101 tos 2" } },
	{ "accecn_cookie_third_ack_zero_is_no_accecn", "RFC 9768 5.1",
		.pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.want = { "< SECA 0 $; > S.C 0 ack 1; < . 1 ack 1; accept; info options = 0; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	{ "accecn_cookie_is_not_allowed_any_more", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< SECA 0 $; > S.C 0 ack 1; sysctl ecn 2; < .C 1 ack 1; accept; info options = 1; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	{ "accecn_cookie_of_a_syn_that_did_not_ask", "RFC 9768 5.1", .pre = "sysctl ecn 3; sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1; < .C 1 ack 1; accept; info options = 1; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	/* What the sender makes of the field. */
	{ "accecn_marks_are_counted", "RFC 9768 3.2.2.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .EA 1 ack 2001; info delivered_ce = 0; info ca_state = 0; < .CA 1 ack 4001;"
			"info delivered_ce = 1; info ca_state = 2; < . 1 ack 6001; info delivered_ce = 3;"
			"< .EA 1 ack 8001; info delivered_ce = 8; < .EA 1 ack 10001; info delivered_ce = 8",
			.counters = "TCPDeliveredCE=8 RetransSegs=0" } },
	{ "accecn_marks_reduce_once_a_round_trip", "RFC 3168 6.1.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .CA 1 ack 2001; keep snd_ssthresh; info ca_state = 2; < .ECA 1 ack 4001; check K = 5;"
			"< . 1 ack 10001; info snd_ssthresh = 5; write 1000; > P.EA 10001(1000) ack 1 tos 2;"
			"< .E 1 ack 11001; info snd_ssthresh <= 4", .counters = "TCPDeliveredCE=4 RetransSegs=0" } },
	{ "accecn_marks_draw_no_cwr", "RFC 9768 3.1.5", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .CA 1 ack 10001; info ca_state >= 0; write 1000; > P.EA 10001(1000) ack 1 tos 2;"
			"< .CA 1 ack 11001; write 1000; > P.EA 11001(1000) ack 1 tos 2" } },
	{ "accecn_marks_of_an_ack_that_was_overtaken", "RFC 9768 3.2.2.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .CA 1 ack 4001; info delivered_ce = 1; < .EA 1 ack 2001; info delivered_ce = 1;"
			"< .CA 1 ack 6001; info delivered_ce = 1" } },
	{ "accecn_marks_of_a_duplicate_wait", "RFC 9768 3.2.2.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .CA 1 ack 1; info delivered_ce = 0; < .CA 1 ack 2001; info delivered_ce = 1" } },
	{ "accecn_marks_that_jump", "RFC 9768 3.2.2.5.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .A 1 ack 1001; info delivered_ce = 7; info ca_state = 2; info snd_cwnd >= 5",
			.counters = "TCPDeliveredCE=7 RetransSegs=0" } },
	{ "accecn_marks_that_jump_with_each_ack", "RFC 9768 3.2.2.5.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .A 1 ack 1001; < .CE 1 ack 2001; < .C 1 ack 3001; < .E 1 ack 4001; < . 1 ack 5001;"
			"info delivered_ce = 35; info ca_state = 2; keep snd_ssthresh; check K = 5",
			.counters = "TCPDeliveredCE=35 RetransSegs=0" } },
	{ "accecn_marks_may_have_come_round", "RFC 9768 3.2.2.5.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .EA 1 ack 1001; info delivered_ce = 0; < .EA 1 ack 10001; info delivered_ce = 8;"
			"info ca_state >= 0", .counters = "TCPDeliveredCE=8" } },
	{ "accecn_marks_of_who_acks_many_at_once", "RFC 9768 3.2.2.5.2", .pre = "sysctl ecn 3; listen",
		.want = { TEN "< .EA 1 ack 10001; info delivered_ce = 0; info ca_state = 0",
			.counters = "TCPDeliveredCE=0" } },
	/* What the receiver says. */
	{ "accecn_ce_is_counted", "RFC 9768 3.2.2.2", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "< P.EA 1(100) ack 1 tos 3; > .CA 1 ack 101; < P.EA 101(100) ack 1 tos 3;"
			">@1000 .ECA 1 ack 201; < P.EA 201(100) ack 1 tos 2; >@1000 .ECA 1 ack 301;"
			"< P.EA 301(100) ack 1 tos 3; > . 1 ack 401; read 400; info options = 24" } },
	{ "accecn_ce_after_none_is_told_at_once", "RFC 9768 3.2.2.5.1", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "< P.EA 1(100) ack 1 tos 2; > .EA 1 ack 101; write 100; > P.EA 1(100) ack 101 tos 2;"
			"< P.EA 101(100) ack 101 tos 2; none; < P.EA 201(100) ack 101 tos 3; > .CA 101 ack 301;"
			"< P.EA 301(100) ack 101 tos 3; none; < P.EA 401(100) ack 101 tos 3; > . 101 ack 501" } },
	{ "accecn_ce_on_pure_acks", "RFC 9768 3.2.2.5.1", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "< .EA 1 ack 1 tos 3; none; < .EA 1 ack 1 tos 3; none; < .EA 1 ack 1 tos 3;"
			"> . 1 ack 1; < .EA 1 ack 1 tos 3; none; write 100; > P.E 1(100) ack 1 tos 2" } },
	{ "accecn_ce_outside_the_window", "RFC 9768 3.2", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "< P.EA 3000001(100) ack 1 tos 3; > .EA 1 ack 1" } },
	{ "accecn_ce_counts_on_what_comes_twice", "RFC 9768 3.2", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "< P.EA 1(100) ack 1 tos 2; > .EA 1 ack 101; < .EA 101 ack 1 tos 3; none; write 100;"
			"> P.CA 1(100) ack 101 tos 2" } },
	{ "accecn_time_wait_says_the_count", "RFC 9768 3.2.2", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "< P.EA 1(100) ack 1 tos 3; > .CA 1 ack 101; read 100; close; > F.CA 1 ack 101;"
			"< F.EA 101 ack 2; > .CA 2 ack 102; state time_wait; < F.EA 101 ack 2; > .CA 2 ack 102",
			.state = TIME_WAIT } },
	{ "accecn_ect_on_new_text_alone", "RFC 3168 6.1.4", .pre = "sysctl ecn 3; listen",
		.want = { AGREE "write 100; > P.EA 1(100) ack 1 tos 2; < P.EA 1(100) ack 1 tos 3;"
			"> .CA 101 ack 101 tos 0; >@3000 P.CA 1(100) ack 101 tos 0; < .EA 101 ack 101; shut;"
			"> F.CA 101 ack 101 tos 0", .state = FIN_WAIT_1 } },
	/* A connection that opens fast (RFC 7413) falls back to ECN. */
	{ "accecn_asked_for_by_a_syn_with_text", "RFC 9768 3.1.2, RFC 3168 6.1.1",
		.pre = "sysctl ecn 3; sysctl fastopen 514; listen; set FASTOPEN 5",
		.want = { "< SECA 0(10) $; > S.E 0 ack 11; accept; read 10; < . 11 ack 1; none; write 10;"
			"> P. 1(10) ack 11 tos 2", .counters = "TCPFastOpenPassive=1" } },
};

WIRE_MAIN_XTCP(rows)
