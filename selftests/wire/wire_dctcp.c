// SPDX-License-Identifier: GPL-2.0
/*
 * DCTCP (RFC 8257): who asks for ECN and grants it; when ECE turns, and which ACKs that draws; what alpha is after
 * marks that are known, and what is left of the window. Alpha is reckoned by hand with section 4.2, in 1/65536, and
 * g = 1/16; TCP_CC_INFO has it in 1/1024. Kernel TCP's dctcp is a module that nobody has loaded.
 */
#include "lib/wire.h"
#include "wire/marks.h"

/* net.xtcp.ecn is 0, so it is the algorithm that grants ECN. */
#define DCTCP	"sysctl ecn 0; listen; set CONGESTION dctcp"
#define ACCURATE	"sysctl ecn 3; listen; set CONGESTION dctcp"
#define AGREE	AGREE_ECN
#define TEN	AGREE "write 10000; > p. 1(1000) ack 1 x10 tos 2;"

/* Windows of one segment without a mark; the window does not grow, as it is not full. */
#define WINDOW	"write 1000; > P. *(1000) tos 2; < .;"
#define WINDOWS_5	WINDOW WINDOW WINDOW WINDOW WINDOW ""
#define WINDOWS_10	WINDOWS_5 WINDOWS_5 ""
#define WINDOWS_30	THREE(WINDOWS_10)
/* The same in fewer letters. */
#define QUIET		"write 1000; skim; < .;"
#define QUIET_5		QUIET QUIET QUIET QUIET QUIET ""
#define QUIET_10	QUIET_5 QUIET_5 ""
#define QUIET_30	THREE(QUIET_10)
/* Alpha is 9460: 0.144. Segments 1 to 30000 are acknowledged, and the window has ten. */
#define LITTLE	AGREE WINDOWS_30 "dctcp alpha = 147; info snd_cwnd = 10;"
#define LITTLE_AND_TEN	LITTLE "write 10000; > p. 30001(1000) ack 1 x10;"

static const struct wire_row rows[] = {
	/* Who speaks ECN. */
	{ "dctcp_listener_grants_ecn", "RFC 8257 4.1", .pre = DCTCP,
		.want = { AGREE "dctcp enabled = 1; dctcp alpha = 1024; dctcp ce_state = 0; get CONGESTION dctcp;"
			"info options = 8" } },
	{ "dctcp_listener_takes_a_syn_with_ect", "RFC 8257 3.6", .pre = DCTCP,
		.want = { "< SEC 0 tos 2 $; > S.E 0 ack 1; fresh; < SEC 0 tos 3 $; > S.E 0 ack 1; < . 1 ack 1; accept;"
			"dctcp enabled = 1; dctcp ce_state = 0; write 100; > P. 1(100) ack 1 tos 2" } },
	{ "dctcp_listener_is_not_asked", "RFC 8257 4.1", .pre = DCTCP,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; dctcp enabled = 0; dctcp alpha = 0; write 10000;"
			"> p. 1(1000) ack 1 x10 tos 0; < .E 1 ack 1001; info ca_state = 0; < . 1 ack 1001;"
			"< . 1 ack 1001; < . 1 ack 1001; > p. 1001(1000) ack 1 tos 0; info snd_ssthresh = 5",
			.counters = "RetransSegs=1" } },
	{ "dctcp_listener_grants_by_cookie", "RFC 8257 4.1", .pre = "sysctl syncookies 2;" DCTCP,
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { AGREE "dctcp enabled = 1; info options = 9" } },
	{ "dctcp_connect_asks", "RFC 8257 4.1", .pre = "sysctl ecn 0; socket; set CONGESTION dctcp",
		.want = { "connect; > SEC 0; < S.E 0 ack 1 $; > . 1 ack 1; dctcp enabled = 1; dctcp alpha = 1024;"
			"info options = 8; write 100; > P. 1(100) ack 1 tos 2" } },
	{ "dctcp_connect_is_refused", "RFC 8257 4.1", .pre = "sysctl ecn 0; socket; set CONGESTION dctcp",
		.want = { "connect; > SEC 0; < S. 0 ack 1 $; > . 1 ack 1 tos 0; dctcp enabled = 0;"
			"get CONGESTION dctcp; write 10000; > p. 1(1000) ack 1 x10 tos 0; < . 1 ack 1; < . 1 ack 1;"
			"< . 1 ack 1; > p. 1(1000) ack 1 tos 0; info snd_ssthresh = 5", .counters = "RetransSegs=1" } },
	/* Everything but a SYN says ECT. */
	{ "dctcp_ect_on_all", "RFC 8257 4.1", .pre = DCTCP,
		.want = { AGREE "write 100; > P. 1(100) ack 1 tos 2; < P. 1(100) ack 101; >@1000 . 101 ack 101 tos 2;"
			"write 100; > P. 101(100) ack 101 tos 2; >@3000 P. 101(100) ack 101 tos 2; < . 101 ack 201;"
			"shut; > F. 201 ack 101 tos 2", .state = FIN_WAIT_1 } },
	{ "dctcp_syn_ack_of_fast_open_is_not_ect", "RFC 3168 6.1.1",
		.pre = "sysctl fastopen 514;" DCTCP "; set FASTOPEN 5",
		.want = { "< SEC 0(10) $; > S.E 0 ack 11 tos 0; < . 11 ack 1; accept; write 100;"
			"> P. 1(100) ack 11 tos 2" } },
	/* The receiver: figure 1. */
	{ "dctcp_what_is_owed_goes_before_ece_turns", "RFC 8257 3.2", .pre = DCTCP,
		.want = { AGREE "set QUICKACK 0; < P. 1(100) ack 1 tos 2; none; < P. 101(100) ack 1 tos 3;"
			"> . 1 ack 101; > .E 1 ack 201; none; dctcp ce_state = 1; < P. 201(100) ack 1 tos 3; none;"
			"< P. 301(100) ack 1 tos 2; > .E 1 ack 301; > . 1 ack 401; none; dctcp ce_state = 0" } },
	{ "dctcp_ece_turns_at_once", "RFC 8257 3.2", .pre = DCTCP,
		.want = { AGREE "write 100; > P. 1(100) ack 1; < P. 1(100) ack 101 tos 3; > .E 101 ack 101; none;"
			"< P. 101(100) ack 101 tos 2; > . 101 ack 201; none; < P. 201(100) ack 101 tos 3;"
			"> .E 101 ack 301; none; < P. 301(100) ack 101 tos 1; > . 101 ack 401; none" } },
	{ "dctcp_ece_stays_while_marks_come", "RFC 8257 3.2", .pre = DCTCP,
		.want = { AGREE "write 100; > P. 1(100) ack 1; < P. 1(100) ack 101 tos 3; > .E 101 ack 101;"
			"set QUICKACK 0; < P. 101(100) ack 101 tos 3; none; >@1000 .E 101 ack 201; write 100;"
			"> P.E 101(100) ack 201; < P. 201(100) ack 201 tos 2; > . 201 ack 301; write 100;"
			"> P. 201(100) ack 301" } },
	/* CWR draws an ACK, and ECE says what the text says. */
	{ "dctcp_cwr_does_not_end_ece", "RFC 8257 3.2", .pre = DCTCP,
		.want = { AGREE "write 100; > P. 1(100) ack 1; < P. 1(100) ack 101 tos 3; > .E 101 ack 101;"
			"< PC. 101(100) ack 101 tos 3; > .E 101 ack 201; none; < C. 201 ack 101; none;"
			"< PC. 201(100) ack 101 tos 2; > . 101 ack 301; none; < PC. 301(100) ack 101 tos 2;"
			"> . 101 ack 401; none" } },
	{ "dctcp_marks_of_no_new_text", "RFC 8257 3.2", .pre = DCTCP,
		.want = { AGREE "write 100; > P. 1(100) ack 1; < P. 1(100) ack 101 tos 2; >@1000 . 101 ack 101;"
			"< . 101 ack 101 tos 3; none; < P. 1(100) ack 101 tos 3; > . 101 ack 101; none;"
			"dctcp ce_state = 0; < P. 101(100) ack 101 tos 3; > .E 101 ack 201; < . 201 ack 101 tos 2;"
			"none; < P. 101(100) ack 101 tos 2; > .E 101 ack 201; none; dctcp ce_state = 1" } },
	{ "dctcp_marks_out_of_order", "RFC 8257 3.2", .pre = DCTCP,
		.want = { AGREE "< P. 101(100) ack 1 tos 3; > .E 1 ack 1; none; < P. 1(100) ack 1 tos 2; > . 1 ack 201;"
			"none" } },
	/* A program may choose it late, and leave it. */
	{ "dctcp_begins_and_ends_in_a_connection", "RFC 8257 3.2", .pre = "sysctl ecn 2; listen",
		.want = { AGREE "write 100; > P. 1(100) ack 1; < P. 1(100) ack 101 tos 3; > .E 101 ack 101;"
			"set CONGESTION dctcp; dctcp enabled = 1; dctcp alpha = 1024; dctcp ce_state = 1; write 100;"
			"> P.E 101(100) ack 101; < P. 101(100) ack 201 tos 3; < P. 201(100) ack 201 tos 2;"
			"> .E 201 ack 201; > . 201 ack 301; < P. 301(100) ack 201 tos 3; > .E 201 ack 401;"
			"set CONGESTION cubic; < P. 401(100) ack 201 tos 2; >@1000 .E 201 ack 501;"
			"< PC. 501(100) ack 201 tos 2; > . 201 ack 601; < P. 601(100) ack 201 tos 3; > .E 201 ack 701;"
			"< P. 701(100) ack 201 tos 2; >@1000 .E 201 ack 801; info options = 24" } },
	/* The ACK is owed still. */
	{ "dctcp_ends_and_owes_a_mark", "RFC 8257 3.2", .pre = DCTCP,
		.want = { AGREE "set QUICKACK 0; < P. 1(100) ack 1 tos 3; > .E 1 ack 101; < P. 101(100) ack 1 tos 3;"
			"none; set CONGESTION cubic; >@1000 .E 1 ack 201; < P. 201(100) ack 1 tos 2;"
			">@1000 .E 1 ack 301; < PC. 301(100) ack 1 tos 2; > . 1 ack 401" } },
	/* The sender. */
	/*
	 * The first ACK is beyond WindowEnd, 1: 65536 - 4096 = 61440, 960/1024. The window that ends at 10001 has 3000
	 * octets of marks; its sum ends with the ACK beyond: 61440 - 3840 + 3000 * 4096 / 10000 is 58828, 919/1024. In
	 * the next, of one segment, M is 1: 58828 - 3676 + 4096 = 59248, 925/1024.
	 */
	{ "dctcp_alpha", "RFC 8257 3.3", .pre = DCTCP,
		.want = { TEN "dctcp alpha = 1024; < . 1 ack 1001; dctcp alpha = 960; dctcp ab_tot = 0;"
			"< .E 1 ack 4001; dctcp ab_tot = 3000; dctcp ab_ecn = 3000; < . 1 ack 10001;"
			"dctcp ab_tot = 9000; dctcp ab_ecn = 3000; dctcp alpha = 960; write 1000;"
			"> PC. 10001(1000) ack 1 tos 2; < . 1 ack 11001; dctcp alpha = 919; dctcp ab_tot = 0;"
			"dctcp ab_ecn = 0; write 1000; > P. 11001(1000) ack 1; < .E 1 ack 12001; dctcp alpha = 925;"
			"info delivered_ce = 4", .counters = "RetransSegs=0 TCPDeliveredCE=4" } },
	/* Alpha is 61440 when the mark comes, and the window 11 segments: 11000 * (1 - 0.9375 / 2) = 5844. */
	{ "dctcp_cut", "RFC 8257 3.3", .pre = DCTCP,
		.want = { TEN "< . 1 ack 1001; info snd_cwnd = 11; < .E 1 ack 2001; info ca_state = 2;"
			"info snd_ssthresh = 5; < .E 1 ack 10001; info snd_ssthresh = 5; write 1000;"
			"> PC. 10001(1000) ack 1 tos 2; < . 1 ack 11001; info ca_state = 0; info snd_ssthresh = 5;"
			"info snd_cwnd = 6; write 1000; > P. 11001(1000) ack 1", .counters = "RetransSegs=0" } },
	/* ECE without news tells nothing of alpha: 10000 * (1 - 0.144 / 2) is 9279. For a loss: 5000. */
	{ "dctcp_little_alpha_cuts_little", "RFC 8257 3.3", .pre = DCTCP,
		.want = { LITTLE_AND_TEN "< .E 1 ack 30001; info ca_state = 2; info snd_ssthresh = 9; < .E 1 ack 40001;"
			"info snd_ssthresh = 9; write 1000; > PC. 40001(1000) ack 1; < . 1 ack 41001;"
			"info ca_state = 0; info snd_cwnd = 10", .counters = "RetransSegs=0" } },
	/* A window of all marks: 9460 - 591 + 4096 = 12965, 202/1024; 10000 * (1 - 0.198 / 2) is 9011. */
	{ "dctcp_alpha_rises_before_it_cuts", "RFC 8257 3.3", .pre = DCTCP,
		.want = { LITTLE "write 1000; > P. 30001(1000) ack 1; < .E 1 ack 31001; dctcp alpha = 202;"
			"info ca_state = 2; info snd_ssthresh = 9; write 1000; > PC. 31001(1000) ack 1;"
			"< . 1 ack 32001; info ca_state = 0; info snd_cwnd = 10", .counters = "RetransSegs=0" } },
	/*
	 * 65536 times 15/16, each time rounded up: 111 after 100 windows, 15 after 139. That goes at once: then a mark
	 * cuts nothing, and one of five makes it 4096 / 5 = 819, 12/1024; with the 15 it would be 13. A window of
	 * marks: 819 - 51 + 4096 = 4864, 76/1024.
	 */
	{ "dctcp_alpha_reaches_0", "RFC 8257 4.2", .pre = DCTCP,
		.want = { AGREE QUIET "dctcp alpha = 960;" QUIET "dctcp alpha = 900;" QUIET "dctcp alpha = 843;" QUIET_5
			QUIET QUIET "dctcp alpha = 537;" QUIET_10 "dctcp alpha = 281;" QUIET_10 "dctcp alpha = 147;"
			QUIET_10 "dctcp alpha = 77;" QUIET_30 QUIET_30 "dctcp alpha = 1;" QUIET_30 QUIET_10
			"dctcp alpha = 0; write 5000; skim; < . 1 ack 141001; < .E 1 ack 142001; info ca_state = 2;"
			"info snd_ssthresh = 10; < . 1 ack 145001; write 1000; skim; < . 1 ack 146001;"
			"dctcp alpha = 12; write 1000; skim; < .E 1 ack 147001; dctcp alpha = 76",
			.counters = "RetransSegs=0" } },
	/* It never becomes more than 1. */
	{ "dctcp_alpha_stays_1", "RFC 8257 4.2", .pre = DCTCP,
		.want = { AGREE "write 1000; > P. 1(1000); < .E; dctcp alpha = 1024; info snd_ssthresh = 5; write 1000;"
			"> PC. 1001(1000); < .E; dctcp alpha = 1024; info snd_ssthresh = 2; write 1000;"
			"> PC. 2001(1000); < .E; dctcp alpha = 1024; info snd_ssthresh = 2",
			.counters = "RetransSegs=0" } },
	{ "dctcp_loss_costs_half", "RFC 8257 3.5", .pre = DCTCP,
		.want = { LITTLE_AND_TEN THREE("< . 1 ack 30001;") "> p. 30001(1000) ack 1 tos 2; info ca_state = 3;"
			"info snd_ssthresh = 5", .counters = "RetransSegs=1" } },
	/* Marks come with the loss; the mark alone would leave nine. */
	{ "dctcp_loss_while_marks_come", "RFC 8257 3.5", .pre = DCTCP,
		.want = { LITTLE_AND_TEN "< .E 1 ack 31001; info ca_state = 2; info snd_ssthresh = 9;" THREE("< .E 1 "
			"ack 31001;") "> p. 31001(1000) ack 1; info ca_state = 3; info snd_ssthresh = 5",
			.counters = "RetransSegs=1" } },
	/*
	 * What went out with the window of the mark, five segments, does not hold back the repair, though by now the
	 * window of a loss would have let four go. Three are sacked: of fewer RACK would wait a moment.
	 */
	{ "dctcp_loss_after_a_mark_is_repaired_at_once", "RFC 8257 3.5", .pre = DCTCP, .syn = "mss 1000,sackok",
		.want = { LITTLE "write 20000; > p. 30001(1000) ack 1 x10; < .E 1 ack 32001; info ca_state = 2;"
			"info snd_ssthresh = 9; skim; < . 1 ack 36001; skim; < . 1 ack 36001 <sack 37001:40001>;"
			"> p. 36001(1000) ack 1; info ca_state = 3; info snd_ssthresh = 5",
			.counters = "RetransSegs=1" } },
	{ "dctcp_timeout", "RFC 8257 3.5", .pre = DCTCP,
		.want = { LITTLE_AND_TEN ">@3000 p. 30001(1000) ack 1; info ca_state = 4; info snd_cwnd = 1;"
			"info snd_ssthresh = 5", .counters = "TCPTimeouts=1" } },
	{ "dctcp_timeout_while_marks_come", "RFC 8257 3.5", .pre = DCTCP,
		.want = { LITTLE_AND_TEN "< .E 1 ack 31001; info ca_state = 2; info snd_ssthresh = 9;"
			">@3000 p. 31001(1000) ack 1; info ca_state = 4; info snd_cwnd = 1; info snd_ssthresh = 5",
			.counters = "TCPTimeouts=1" } },
	/* What is sacked counts when it is, and once. */
	{ "dctcp_sacked_counts_once", "RFC 8257 3.3", .pre = DCTCP, .syn = "mss 1000,sackok",
		.want = { TEN "< . 1 ack 1001; dctcp ab_tot = 0; < .E 1 ack 1001 <sack 2001:5001>;"
			"> p. 1001(1000) ack 1 tos 2; dctcp ab_tot = 3000; dctcp ab_ecn = 3000; < . 1 ack 10001;"
			"dctcp ab_tot = 9000; dctcp ab_ecn = 3000", .counters = "RetransSegs=1" } },
	/* AccECN mode: the ACE field counts segments, and begins with 5: E + 2 C + 4 A. */
	/* 61440 - 3840 + 1000 * 4096 / 10000 = 58009, 906. Three of four: 58009 - 3625 + 3072 = 57456, 897. */
	{ "dctcp_accurate_alpha", "RFC 9768 3.2.2", .pre = ACCURATE,
		.want = { AGREE_ACCURATE "dctcp enabled = 1; write 10000; > p.EA 1(1000) ack 1 x10 tos 2;"
			"< .EA 1 ack 1001; dctcp alpha = 960; < .CA 1 ack 4001; dctcp ab_tot = 3000;"
			"dctcp ab_ecn = 1000; info ca_state = 2; info snd_ssthresh = 5; < .CA 1 ack 10001;"
			"dctcp ab_tot = 9000; dctcp ab_ecn = 1000; write 1000; > P.EA 10001(1000) ack 1;"
			"< .CA 1 ack 11001; dctcp alpha = 906; write 4000; > p.EA 11001(1000) ack 1 x4;"
			"< .CA 1 ack 12001; dctcp alpha = 849; info delivered_ce = 1",
			.counters = "RetransSegs=0 TCPDeliveredCE=1" } },
	/* One mark on ten segments of 100 octets, all far below the MSS: 65536 - 4096 + 4096 / 10 = 61849. */
	{ "dctcp_accurate_small_segments", "RFC 8257 3.3", .pre = ACCURATE, .syn = "mss 1000",
		.want = { AGREE_ACCURATE "set NODELAY 1; write 100; write 100; write 100; write 100; write 100;"
			"write 100; write 100; write 100; write 100; write 100; skim; < .CA 1 ack 1001;"
			"info delivered_ce = 1; dctcp alpha = 966", .counters = "RetransSegs=0 TCPDeliveredCE=1" } },
	/* The receiver has nothing to turn there, and ECE is a part of the counter. */
	{ "dctcp_accurate_echo", "RFC 9768 3.2.2.5.1", .pre = ACCURATE,
		.want = { AGREE_ACCURATE "set QUICKACK 0; < P.EA 1(100) ack 1 tos 2; none; < P.EA 101(100) ack 1 tos 3;"
			"> .CA 1 ack 201; none; dctcp ce_state = 1; < P.EA 201(100) ack 1 tos 2; none;"
			"dctcp ce_state = 0; >@1000 .CA 1 ack 301" } },
	{ "dctcp_connect_asks_for_accecn", "RFC 9768 3.1.1", .pre = "sysctl ecn 3; socket; set CONGESTION dctcp",
		.want = { "connect; > SECA 0; < S.E 0 ack 1 $; > . 1 ack 1; dctcp enabled = 1; write 100;"
			"> P. 1(100) ack 1 tos 2; < P. 1(100) ack 101 tos 3; > .E 101 ack 101;"
			"< P. 101(100) ack 101 tos 2; > . 101 ack 201" } },
};

WIRE_MAIN_XTCP(rows)
