// SPDX-License-Identifier: GPL-2.0
/*
 * ECN: who agrees to it, which segments say ECT, what CE and ECE and CWR draw; and SACK-permitted, which is agreed on
 * in the same SYNs.
 */
#include "lib/wire.h"
#include "wire/marks.h"

/* TCPI_OPT_* */
#define TS	"1"
#define SACK	"2"
#define ECN	"8"
#define ECN_SEEN "24"

/* With what stands in front of it: both ends agree. */
#define AGREE	AGREE_ECN
#define TEXT	"< P. N(100) ack 1 tos 2; skim;"
#define EIGHT	TEXT TEXT TEXT TEXT TEXT TEXT TEXT TEXT ""
#define TEN	AGREE "write 10000; > p. 1(1000) ack 1 x10 tos 2;"
/* A segment is overtaken and resent, and then its original comes. A mark comes between. */
#define MARKED_AND_LATE	TEN "keep R; pass 20; < .E 1 ack 1 <nop,nop,ts T R,nop,nop,sack 1001:4001>;" \
			"> p. 1(1000) ack 1; none; info ca_state = 3; info snd_ssthresh = 5;" \
			"< . 1 ack 4001 <nop,nop,ts T K>;"

/*
 * The mark comes with the last ACK: the reduction to 40 segments ends with the first ACK after three seconds without
 * text.
 */
#define MARKED_AND_IDLE	AGREE "set SNDBUFFORCE 1000000; write 150000; skim; < . 1 ack S; skim; < . 1 ack S; skim;" \
			"< . 1 ack S; skim; info unacked = 80; < .E 1 ack S; none; info ca_state = 2;" \
			"info snd_ssthresh = 40; pass 3000; write 1000; skim; info snd_cwnd = 10; < . 1 ack S;" \
			"none; info ca_state = 0; write 60000; skim;"

static const struct wire_row rows[] = {
	/* Passive opens. */
	{ "ecn_listen_accepts_by_default", "RFC 3168 6.1.1", .pre = "listen",
		.want = { AGREE "info options = " ECN } },
	{ "ecn_listen_accepts_with_1", "RFC 3168 6.1.1", .pre = "sysctl ecn 1; listen",
		.want = { AGREE "info options = " ECN } },
	{ "ecn_listen_refuses_with_0", "RFC 3168 6.1.1", .pre = "sysctl ecn 0; listen",
		.want = { "< SEC 0 $; > S. 0 ack 1; < . 1 ack 1; accept; info options = 0; write 100;"
			"> P. 1(100) ack 1 tos 0; < P. 1(100) ack 101 tos 3; >@1000 . 101 ack 101 tos 0" } },
	{ "ecn_listen_is_not_asked_by_one_flag", "RFC 3168 6.1.1", .pre = "sysctl ecn 1; listen",
		.want = { "< SE 0 $; > S. 0 ack 1; fresh; < SC 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1;"
			"< . 1 ack 1; accept; info options = 0" } },
	{ "ecn_listen_trusts_no_syn_with_a_codepoint", "RFC 3168 6.1.1", .pre = "sysctl ecn 1; listen",
		.want = { "< SEC 0 tos 1 $; > S. 0 ack 1; fresh; < SEC 0 tos 2 $; > S. 0 ack 1; fresh; < SEC 0 tos 3 $;"
			"> S. 0 ack 1; < . 1 ack 1; accept; info options = 0" } },
	{ "ecn_listen_lets_extensions_mark_the_syn", "RFC 8311 4.3", .pre = "listen",
		.want = { "< SEC 0 tos 2 res 1 $; > S.E 0 ack 1; < . 1 ack 1; accept; info options = " ECN } },
	{ "ecn_listen_dscp_is_no_codepoint", "RFC 3168 6.1.1", .pre = "listen",
		.want = { "< SEC 0 tos 252 $; > S.E 0 ack 1 tos 0; < . 1 ack 1; accept; info options = " ECN } },
	{ "ecn_syn_received_remembers_the_first_syn", "RFC 3168 6.1.1.1", .pre = "listen",
		.want = { "< SEC 0 $; > S.E 0 ack 1; < S 0 $; > S.E 0 ack 1; < . 1 ack 1; accept; info options = " ECN,
			.state = ESTABLISHED } },
	{ "ecn_syn_received_repeats_its_grant", "RFC 3168 6.1.1", .pre = "listen",
		.want = { "< SEC 0 $; > S.E 0 ack 1; >@3000 S.E 0 ack 1 tos 0; < . 1 ack 1; accept;"
			"info options = " ECN } },
	/* Cookies. */
	{ "ecn_cookie_with_timestamps", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { AGREE "info options = 9" } },
	{ "ecn_cookie_without_timestamps", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.want = { "< SEC 0 $; > S. 0 ack 1; < . 1 ack 1; accept; info options = 0" } },
	{ "ecn_cookie_of_a_syn_that_does_not_ask", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; info options = " TS } },
	{ "ecn_cookie_is_not_allowed_any_more", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< SEC 0 $; > S.E 0 ack 1; sysctl ecn 0; < . 1 ack 1; accept; info options = " TS } },
	{ "ecn_delivered_with_ece", "RFC 3168 6.1.2", .syn = "mss 1000",
		.want = { "listen;" AGREE "write 10000; skim; info delivered_ce = 0; < .E 1 ack 3001; skim;"
			"info delivered_ce = 3; < . 1 ack 5001; skim; < .E 1 ack 7001; skim; info delivered_ce = 5;"
			"< . 1 ack 10001; skim; info delivered_ce = 5", .counters = "TCPDeliveredCE=5" } },
	/* no MAC covers what stands in TSval: the peer deceives only itself */
	{ "ecn_cookie_that_is_changed", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 <nop,nop,ts T R+32>; accept; info options = 9",
			.counters = "SyncookiesFailed=0 SyncookiesRecv=1" } },
	{ "ecn_entry_that_is_gone_echoes_nevertheless", "RFC 3168 6.1.3", .pre = "sysctl synack_retries 0; listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < SEC 0 $; > S.E 0 ack 1; listen 0; < . 1 ack 1;"
			"none; accept; gone 3000; < P. 1(100) ack 1 tos 3; > .E 1 ack 101 tos 0; accept;"
			"info options = 16; write 100; > P.E 1(100) ack 101 tos 0; < PC. 101(100) ack 101 tos 2;"
			"> . 101 ack 201" }, .kernel_differs = "its SYN-ACK is no cookie when there is an entry",
		.kernel = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < SEC 0 $; > S.E 0 ack 1; listen 0;"
			"< . 1 ack 1; none; gone 3000; < P. 1(100) ack 1 tos 3; > R 1", .state = LISTEN } },
	/* Active opens. */
	{ "ecn_connect_does_not_ask_by_default", "RFC 3168 6.1.1",
		.want = { "connect; > S 0 tos 0; < S.E 0 ack 1 $; > . 1 ack 1; info options = 0" } },
	{ "ecn_connect_asks_with_1", "RFC 3168 6.1.1", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0 tos 0; < S.E 0 ack 1 $; > . 1 ack 1 tos 0; info options = " ECN } },
	{ "ecn_connect_is_refused", "RFC 3168 6.1.1", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0; < S. 0 ack 1 $; > . 1 ack 1; info options = 0; write 100;"
			"> P. 1(100) ack 1 tos 0" } },
	{ "ecn_connect_meets_a_mirror", "RFC 3168 6.1.1", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0; < S.EC 0 ack 1 $; > . 1 ack 1; info options = 0" } },
	{ "ecn_syn_sent_falls_back", "RFC 3168 6.1.1.1", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0; >@3000 S 0; < S. 0 ack 1 $; > . 1 ack 1; info options = 0" } },
	{ "ecn_syn_sent_answer_to_the_first_syn", "RFC 3168 6.1.1.1", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0; >@3000 S 0; < S.E 0 ack 1 $; > . 1 ack 1; info options = " ECN } },
	{ "ecn_syn_sent_asks_again_without_fallback", "RFC 3168 6.1.1", .pre = "sysctl ecn 1; sysctl ecn_fallback 0",
		.want = { "connect; > SEC 0; >@3000 SEC 0; < S.E 0 ack 1 $; > . 1 ack 1; info options = " ECN } },
	{ "ecn_syn_sent_crossing", "RFC 3168 6.1.1", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0; < SEC 0 $$; > S.E 0 ack 1; < . 1 ack 1; info options >= 8; write 100;"
			"> P. 1(100) ack 1 tos 2" } },
	{ "ecn_syn_sent_crossing_a_plain_one", "RFC 3168 6.1.1", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0; < S 0 $$; > S. 0 ack 1; < . 1 ack 1; write 100; > P. 1(100) ack 1 tos 0",
			.state = ESTABLISHED } },
	/* Which segments say ECT. */
	{ "ect_new_text_alone", "RFC 3168 6.1.4", .pre = "listen",
		.want = { AGREE "write 100; > P. 1(100) ack 1 tos 2; < P. 1(100) ack 101; >@1000 . 101 ack 101 tos 0;"
			"write 100; > P. 101(100) ack 101 tos 2; < . 101 ack 201; shut; > F. 201 ack 101 tos 0",
			.state = FIN_WAIT_1 } },
	{ "ect_not_on_a_window_probe", "RFC 3168 6.1.6", .pre = "listen",
		.want = { "< SEC 0 win 0 $; > S.E 0 ack 1; < . 1 ack 1 win 0; accept; write 100;"
			">@3000 . 0 ack 1 tos 0; < . 1 ack 1 win 1000; > P. 1(100) ack 1 tos 2" } },
	{ "ect_not_on_a_reset", "RFC 3168 6.1.4", .pre = "listen",
		.want = { AGREE "write 100; > P. 1(100) ack 1 tos 2; abort; > R. 101 ack 1 tos 0", .state = CLOSED } },
	{ "ect_beside_a_dscp", "RFC 3168 5", .pre = "listen",
		.want = { AGREE "set TOS 255; get TOS 252; write 100; > P. 1(100) ack 1 tos 254; get TOS 252;"
			"< P. 1(100) ack 101; >@1000 . 101 ack 101 tos 252" },
		.kernel_differs = "shows the program what the last segment said",
		.kernel = { AGREE "set TOS 255; get TOS 252; write 100; > P. 1(100) ack 1 tos 254; get TOS 254;"
			"< P. 1(100) ack 101; >@1000 . 101 ack 101 tos 252" } },
	/* The receiver. */
	{ "ce_echoed_until_cwr", "RFC 3168 6.1.3", .pre = "listen",
		.want = { AGREE "< P. 1(100) ack 1 tos 3; > .E 1 ack 101 tos 0; info options = " ECN_SEEN ";"
			"< P. 101(100) ack 1 tos 2; >@1000 .E 1 ack 201; write 100; > P.E 1(100) ack 201 tos 2;"
			"< PC. 201(100) ack 101 tos 2; > . 101 ack 301; < P. 301(100) ack 101 tos 2;"
			">@1000 . 101 ack 401" } },
	{ "ce_at_once", "RFC 3168 6.1.3", .pre = "listen",
		.want = { AGREE "write 100; > P. 1(100) ack 1; < P. 1(100) ack 101 tos 3; > .E 101 ack 101" } },
	{ "ce_with_cwr_begins_anew", "RFC 3168 6.1.3", .pre = "listen",
		.want = { AGREE "< P. 1(100) ack 1 tos 3; > .E 1 ack 101; < PC. 101(100) ack 1 tos 3; > .E 1 ack 201;"
			"< PC. 201(100) ack 1 tos 2; > . 1 ack 301" } },
	{ "cwr_without_text_counts", "RFC 3168 6.1.2", .pre = "listen",
		.want = { AGREE "< P. 1(100) ack 1 tos 3; > .E 1 ack 101; < C. 101 ack 1; none;"
			"< P. 101(100) ack 1 tos 2; >@1000 . 1 ack 201" } },
	{ "ce_out_of_order", "RFC 3168 6.1.3", .pre = "listen",
		.want = { AGREE "< P. 101(100) ack 1 tos 3; > .E 1 ack 1; < P. 1(100) ack 1 tos 2; > .E 1 ack 201" } },
	{ "ce_outside_the_window", "RFC 3168 6.1.5", .pre = "listen",
		.want = { AGREE "< P. 1(100) ack 1 tos 2; >@1000 . 1 ack 101; < P. 1(100) ack 1 tos 3; > . 1 ack 101;"
			"< P. W+1000(100) ack 1 tos 3; > . 1 ack 101" } },
	{ "ce_without_text", "RFC 3168 6.1.4", .pre = "listen",
		.want = { AGREE "< . 1 ack 1 tos 3; none; < P. 1(100) ack 1 tos 2; >@1000 . 1 ack 101" } },
	{ "ce_ect_1_is_ect", "RFC 8311 4.2", .pre = "listen",
		.want = { AGREE "< P. 1(100) ack 1 tos 1; >@1000 . 1 ack 101; info options = " ECN_SEEN } },
	{ "ce_on_the_third_ack", "RFC 3168 6.1.3", .pre = "listen",
		.want = { "< SEC 0 $; > S.E 0 ack 1; < P. 1(100) ack 1 tos 3; > .E 1 ack 101; accept;"
			"info options = " ECN_SEEN } },
	{ "ce_not_agreed_on", "RFC 3168 6.1.1", .in = ESTABLISHED, .via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want = { "< P. 1(100) ack 1 tos 3; >@1000 . 1 ack 101; info options <= 7" } },
	/* The sender. */
	{ "ece_halves_the_window", "RFC 3168 6.1.2", .pre = "listen",
		.want = { TEN "< .E 1 ack 1001; info ca_state = 2; info snd_ssthresh = 5; < . 1 ack 10001; write 1000;"
			"> PC. 10001(1000) ack 1 tos 2; < . 1 ack 11001; info ca_state = 0; info snd_cwnd <= 6",
			.counters = "RetransSegs=0" } },
	{ "ece_counts_once_in_a_round_trip", "RFC 3168 6.1.2", .pre = "listen",
		.want = { AGREE "write 12000; > p. 1(1000) ack 1 x10 tos 2; < .E 1 ack 1001;"
			"> pC. 10001(1000) ack 1 tos 2; < .E 1 ack 2001; none; < .E 1 ack 4001;"
			"> p. 11001(1000) ack 1 tos 2; < .E 1 ack 10001; info snd_ssthresh = 5; info ca_state = 2;"
			"< . 1 ack 12001; info snd_ssthresh = 5; info ca_state = 0; write 1000;"
			"> P. 12001(1000) ack 1 tos 2", .counters = "RetransSegs=0" } },
	{ "ece_in_the_next_round_trip_counts_again", "RFC 3168 6.1.2", .pre = "listen",
		.want = { TEN "< .E 1 ack 10001; info snd_ssthresh = 5; write 1000; > PC. 10001(1000) ack 1 tos 2;"
			"< .E 1 ack 11001; info snd_ssthresh <= 4; info ca_state = 2; write 1000;"
			"> PC. 11001(1000) ack 1 tos 2", .counters = "RetransSegs=0" } },
	{ "ece_on_every_ack_leaves_two_segments", "RFC 3168 6.1.2", .pre = "listen",
		.want = { TEN "< .E 1 ack 10001; write 1000; > PC. 10001(1000) ack 1 tos 2; < .E 1 ack 11001;"
			"write 1000; > PC. 11001(1000) ack 1 tos 2; < .E 1 ack 12001; write 1000;"
			"> PC. 12001(1000) ack 1 tos 2; < .E 1 ack 13001; info snd_ssthresh = 2; write 1000;"
			"> PC. 13001(1000) ack 1 tos 2; < . 1 ack 14001; info snd_ssthresh = 2; info ca_state = 0;"
			"write 2000; > p. 14001(1000) ack 1 x2 tos 2", .counters = "RetransSegs=0" } },
	/* by then the ACKs of the first segments, which are not delayed either, are used up */
	{ "ce_hurries_the_ack_after_it_too", "RFC 9293 3.8.6.3", .pre = "listen",
		.want = { AGREE EIGHT EIGHT "< P. 1601(100) ack 1 tos 2; none; < P. 1701(100) ack 1 tos 3;"
			"> .E 1 ack 1801; < P. 1801(100) ack 1 tos 2; > .E 1 ack 1901; < P. 1901(100) ack 1 tos 2;"
			"none; >@1000 .E 1 ack 2001" } },
	{ "ce_on_every_segment", "RFC 3168 6.1.3", .pre = "listen",
		.want = { AGREE "< PC. 1(100) ack 1 tos 3; > .E 1 ack 101; < PC. 101(100) ack 1 tos 3; > .E 1 ack 201;"
			"< PC. 201(100) ack 1 tos 3; > .E 1 ack 301; < P. 301(100) ack 1 tos 3; >@1000 .E 1 ack 401;"
			"read 400" } },
	{ "cwr_not_on_what_is_resent", "RFC 3168 6.1.2", .pre = "listen",
		.want = { AGREE "write 100; > P. 1(100) ack 1 tos 2; >@3000 P. 1(100) ack 1 tos 0; < . 1 ack 101;"
			"write 100; > PC. 101(100) ack 1 tos 2; < . 1 ack 201; write 100; > P. 201(100) ack 1 tos 2",
			.state = ESTABLISHED } },
	/* The loss was none, but there was a mark: the window stays, the peer is told. */
	{ "cwr_after_a_loss_that_was_none", "RFC 3168 6.1.2", .pre = "listen", .syn = "mss 1000,sackok",
		.want = { TEN "< .E 1 ack 1001; info ca_state = 2; pass 20; < . 1 ack 1001 <sack 2001:5001>;"
			"> p. 1001(1000) ack 1 tos 0; info ca_state = 3; < . 1 ack 10001;"
			"< . 1 ack 10001 <sack 1001:2001>; none; info snd_ssthresh = 5; write 1000;"
			"> PC. 10001(1000) ack 1 tos 2", .counters = "RetransSegs=1 TCPDSACKUndo=1" } },
	/* What seemed lost was late, as its timestamp says; the mark in the same round trip stays a mark. */
	{ "cwr_goes_on_after_a_loss_that_was_none", "RFC 3168 6.1.2", .pre = "listen", .syn = "mss 1012,sackok,ts T R",
		.want = { MARKED_AND_LATE "info ca_state = 2; none; < . 1 ack 6001; none; < . 1 ack 8001; none;"
			"< . 1 ack 10001; write 1000; > PC. 10001(1000) ack 1 tos 2; < . 1 ack 11001;"
			"info ca_state = 0; info snd_ssthresh = 5; info snd_cwnd = 5",
			.counters = "RetransSegs=1 TCPPartialUndo=1" },
		.kernel_differs = "ends the reduction for the mark at once, too",
		.kernel.script = MARKED_AND_LATE "info ca_state = 0; < . 1 ack 10001; info snd_cwnd >= 7" },
	{ "ece_not_agreed_on", "RFC 3168 6.1.1", .pre = "listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 10000; > p. 1(1000) ack 1 x10 tos 0;"
			"< .E 1 ack 10001; info ca_state = 0; info snd_cwnd >= 10; write 100;"
			"> P. 10001(100) ack 1 tos 0" } },
	{ "ece_on_a_syn_is_no_echo", "RFC 3168 6.1.2", .pre = "sysctl ecn 1",
		.want = { "connect; > SEC 0; < S.E 0 ack 1 $; > . 1 ack 1; info ca_state = 0; info snd_cwnd = 10;"
			"write 100; > P. 1(100) ack 1 tos 2; < S.E 0 ack 1 $; > . 101 ack 1; info ca_state = 0" } },
	/* SACK-permitted. */
	{ "sackok_listen", "RFC 2018 2", .pre = "listen", .syn = "mss 1000,sackok,nop,nop",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,sackok,nots>; < . 1 ack 1; accept; info options = " SACK } },
	{ "sackok_listen_is_not_offered", "RFC 2018 2", .pre = "listen",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,nosackok>; < . 1 ack 1; accept; info options = 0" } },
	{ "sackok_listen_switched_off", "RFC 2018 2", .pre = "sysctl sack 0; listen", .syn = "mss 1000,sackok,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,nosackok,ts>; < . 1 ack 1; accept; info options = " TS } },
	{ "sackok_connect", "RFC 2018 2",
		.want = { "connect; > S 0 <mss A,sackok,ts,ws>; < S. 0 ack 1 <mss 1000,sackok>; > . 1 ack 1 <nosackok>;"
			"info delivered = 1; info options = " SACK, .counters = "TCPDelivered=1" } },
	{ "sackok_connect_is_not_granted", "RFC 2018 2",
		.want = { "connect; > S 0 <sackok>; < S. 0 ack 1 <mss 1000>; > . 1 ack 1; info options = 0" } },
	{ "sackok_connect_switched_off", "RFC 2018 2", .pre = "sysctl sack 0",
		.want = { "connect; > S 0 <mss A,nosackok,ts,ws>; < S. 0 ack 1 <mss 1000,sackok>; > . 1 ack 1;"
			"info options = 0" } },
	{ "sackok_syn_sent_crossing", "RFC 2018 2",
		.want = { "connect; > S 0 <sackok>; < S 0 <mss 1000,ws 0,sackok>; > S. 0 ack 1 <sackok>; < . 1 ack 1;"
			"info options = 6" } },
	{ "sackok_cookie_with_timestamps", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1440,sackok,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1 <sackok,ts>; < . 1 ack 1; accept; info options = 3" } },
	{ "sackok_cookie_with_all", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1440,sackok,ts T 0,nop,ws 7",
		.want = { "< SEC 0 $; > S.E 0 ack 1 <sackok,ts,ws>; < . 1 ack 1; accept; info options = 15" } },
	{ "sackok_cookie_without_timestamps", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1440,sackok,nop,nop",
		.want = { "< S 0 $; > S. 0 ack 1 <nosackok,nots>; < . 1 ack 1; accept; info options = 0" } },
	{ "ecn_reduction_ends_after_an_idle_time", "RFC 5681 4.1", .pre = "sysctl ecn 1; listen",
		.syn = "mss 1000,sackok,nop,nop,ws 7",
		.want = { MARKED_AND_IDLE "info snd_cwnd = 10; info unacked = 10; < . 1 ack S; skim;"
			"info snd_cwnd = 20" }, .kernel_differs = "sends a whole slow start threshold at once",
		.kernel.script = MARKED_AND_IDLE "info unacked >= 40" },
};

WIRE_MAIN(rows)
