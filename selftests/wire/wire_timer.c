// SPDX-License-Identifier: GPL-2.0
/* What the stack does by itself: repetition after an RTO, backoff, window probes, leaving states nobody ends. */
#include "lib/wire.h"

/* The RTT is known. Then a segment needs two timeouts, or three. */
#define TWO_TIMEOUTS	"write 100; > P. 1(100) ack 1; < . 1 ack 101; none; info rtt <= 10000; keep rtt;"	\
			"write 1000; > P. 101(1000) ack 1; >@1500 P. 101(1000) ack 1;"				\
			">@2500 P. 101(1000) ack 1;"
#define THREE_TIMEOUTS	TWO_TIMEOUTS ">@4500 P. 101(1000) ack 1; info backoff = 3;"
/* Two segments. The first needs two timeouts, and then new text leaves before the copy of the second (F-RTO). */
#define NEW_BEHIND_COPY	"write 100; > P. 1(100) ack 1; < . 1 ack 101; none; info rtt <= 10000; keep rtt;"	\
			"write 2000; > p. 101(1000) ack 1; > P. 1101(1000) ack 1; >@1500 p. 101(1000) ack 1;"	\
			">@2500 p. 101(1000) ack 1; info backoff = 2; write 1000; none;"			\
			"< . 1 ack 1101; > P. 2101(1000) ack 1; < . 1 ack 1101; > P. 1101(1000) ack 1; none;"
/* Three timeouts that take as long as the one before. */
#define LINEAR		">@1500 P. 1(1000) ack 1; info rto = K; info backoff = 0;"
#define LINEAR_3	"" LINEAR LINEAR LINEAR

#define FOUR_SHORT	"set NODELAY 1; write 10; > P. 1(10) ack 1; write 10; > P. 11(10) ack 1; write 10;" \
			"> P. 21(10) ack 1; write 10; > P. 31(10) ack 1; keep rto;"

/* A congestion window of 80 segments, whose RTO is the least; so many ms without a segment; an octet. */
#define SILENCE(ms, window)	"set SNDBUFFORCE 400000; write 70000; skim; < . 1 ack 10001; skim;"	\
			"< . 1 ack 30001; skim; < . 1 ack 70001; none; info snd_cwnd = 80;"		\
			"info rto >= 200000; info rto <= 212000; pass " #ms "; write 1;"		\
			"> P. 70001(1) ack 1; info snd_cwnd = " #window

static const struct wire_row rows[] = {
	/* The congestion window is halved for each RTO of silence, down to the initial one. */
	{ "silence_%s_of_half_an_rto", "RFC 5681 4.1", .in = ESTABLISHED, .want = { SILENCE(100, 80) } },
	{ "silence_%s_of_one_rto_and_a_half", "RFC 5681 4.1", .in = ESTABLISHED, .want = { SILENCE(310, 40) } },
	{ "silence_%s_of_two_rtos_and_a_half", "RFC 5681 4.1", .in = ESTABLISHED, .want = { SILENCE(515, 20) } },
	{ "silence_%s_of_three_rtos_and_a_half", "RFC 5681 4.1", .in = ESTABLISHED, .want = { SILENCE(720, 10) } },
	{ "silence_%s_of_nine_rtos_and_a_half", "RFC 5681 4.1", .in = ESTABLISHED, .want = { SILENCE(1950, 10) } },
	{ "silence_%s_that_changes_nothing", "RFC 5681 4.1", .in = ESTABLISHED,
		.pre = "sysctl slow_start_after_idle 0", .want = { SILENCE(515, 80) } },
	/* From R1 on each timeout asks for another route. What is sent again must fit its MTU. */
	{ "timeout_%s_after_r1_fits_a_smaller_mtu", "RFC 9293 3.8.3, 3.7.1", .id = "MUST-16 MUST-20", .in = ESTABLISHED,
		.syn = "mss 1400", .pre = "sysctl retries1 1",
		.want = { "write 1300; > P. 1(1300) ack 1; >@1500 P. 1(1300) ack 1; >@2500 P. 1(1300) ack 1;"
			">@3500 P. 1(1300) ack 1; mtu 1280; >@5500 p. 1(A) ack 1; < . 1 ack A+1;"
			"> P. A+1(1300-A) ack 1; < . 1 ack 1301; none" } },
	/* R1 is three retransmissions, however short the RTO is: then a black hole is supposed. */
	{ "timeout_%s_after_r1_suspects_a_black_hole", "RFC 9293 3.8.3, RFC 4821 7.7", .id = "SHLD-10",
		.in = ESTABLISHED, .syn = "mss 1400", .pre = "sysctl mtu_probing 1; sysctl base_mss 512",
		.want = { "write 1300; > P. 1(1300) ack 1; info rto <= 213000; >@500 P. 1(1300) ack 1;"
			">@800 P. 1(1300) ack 1; >@1200 P. 1(1300) ack 1; >@2200 p. 1(512) ack 1; < . 1 ack 513; skim;"
			"< . 1 ack 1301; none", .counters = "TCPTimeouts=4" },
		.kernel_differs = "begins R1 with the first retransmission, which may take one timeout more",
		.kernel = { "write 1300; > P. 1(1300) ack 1; >@500 P. 1(1300) ack 1; >@800 P. 1(1300) ack 1;"
			">@1200 P. 1(1300) ack 1; < . 1 ack 1301; none", .counters = "TCPTimeouts=3" } },
	/*
	 * After fewer than three retransmissions, R1 is 3 s since the first one. With an RTO of 472 ms the timeout
	 * after two comes 2,832 ms after it: 200 ms more would be R1.
	 */
	{ "timeout_after_r1_with_a_longer_rto", "RFC 9293 3.8.3, RFC 4821 7.7", .id = "SHLD-10", .syn = "mss 1400",
		.pre = "sysctl mtu_probing 1; sysctl base_mss 512; listen",
		.want = { "< S 0 $; > S. 0 ack 1; pass 157; < . 1 ack 1; accept; info rto >= 467000;"
			"info rto <= 489000; write 1300; > P. 1(1300) ack 1; >@1000 P. 1(1300) ack 1;"
			">@1500 P. 1(1300) ack 1; >@3000 P. 1(1300) ack 1; >@6000 p. 1(512) ack 1; < . 1 ack 513; skim;"
			"< . 1 ack 1301; none", .counters = "TCPTimeouts=4" } },
	/* RFC 6298. */
	{ "timeout_%s_resends_and_backs_off", "RFC 6298 5.4, 5.5", .id = "MUST-18 MUST-19", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE,
		.want = { "mark; write 1000; > P. 1(1000) ack 1; keep rto; info rto >= 200000; info rto <= 1000000;"
			">@1500 P. 1(1000) ack 1; elapsed >= 100; info rto = 2*K; info backoff = 1;"
			">@2500 P. 1(1000) ack 1; elapsed >= 300; info rto = 4*K; info backoff = 2; < . 1 ack 1001;"
			"none; info backoff = 2; info unacked = 0; write 100; > P. 1001(100) ack 1; < . 1 ack 1101;"
			"none; info backoff = 0", .counters = "TCPTimeouts=2 RetransSegs=2" } },
	/* A thin stream, if it asks for it: six timeouts as long as the first one, then as ever. */
	{ "timeout_%s_thin_linear_timeouts", "RFC 6298 5.5", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.pre = "sysctl thin_linear_timeouts 1",
		.want = { "write 1000; > P. 1(1000) ack 1; keep rto; info rto >= 200000; info rto <= 1000000;" LINEAR_3
			LINEAR_3 ">@1500 P. 1(1000) ack 1; info rto = 2*K; info backoff = 1; >@2500 P. 1(1000) ack 1;"
			"info rto = 4*K; info backoff = 2; < . 1 ack 1001; none",
			.counters = "TCPTimeouts=8 RetransSegs=8" } },
	{ "timeout_%s_TCP_THIN_LINEAR_TIMEOUTS", "RFC 6298 5.5", .in = ESTABLISHED,
		.want = { "set THIN_LINEAR_TIMEOUTS 1; write 1000; > P. 1(1000) ack 1; keep rto;" LINEAR_3
			"set THIN_LINEAR_TIMEOUTS 0; >@1500 P. 1(1000) ack 1; info rto = 2*K; info backoff = 1;"
			"set THIN_LINEAR_TIMEOUTS 1;" LINEAR "< . 1 ack 1001; none" } },
	{ "timeout_%s_three_segments_are_thin", "RFC 6298 5.5", .in = ESTABLISHED,
		.pre = "sysctl thin_linear_timeouts 1",
		.want = { "write 3000; > p. 1(1000) ack 1 x3; keep rto; >@1500 p. 1(1000) ack 1; info rto = K;"
			">@1500 p. 1(1000) ack 1; info rto = K; < . 1 ack 3001; none" } },
	{ "timeout_%s_four_segments_are_not_thin", "RFC 6298 5.5", .in = ESTABLISHED,
		.pre = "sysctl thin_linear_timeouts 1",
		.want = { "write 4000; > p. 1(1000) ack 1 x4; keep rto; >@1500 p. 1(1000) ack 1; info rto = 2*K;"
			">@1500 p. 1(1000) ack 1; info rto = 4*K; < . 1 ack 4001; none" } },
	{ "timeout_%s_four_short_segments_are_not_thin", "RFC 6298 5.5", .in = ESTABLISHED,
		.pre = "sysctl thin_linear_timeouts 1",
		.want = { FOUR_SHORT ">@1500 P. 1(10) ack 1; info rto = 2*K; < . 1 ack 41; skim" },
		.kernel_differs = "makes one segment of the four, and one is thin",
		.kernel.script = FOUR_SHORT ">@1500 P. 1(40) ack 1; info rto = K; < . 1 ack 41; none" },
	{ "timeout_%s_is_not_linear", "RFC 6298 5.5", .in = CLOSE_WAIT, .pre = "sysctl thin_linear_timeouts 1",
		.want = { "write 1000; > P. 1(1000) ack 2; keep rto; >@1500 P. 1(1000) ack 2; info rto = 2*K;"
			"< . 2 ack 1001; none" } },
	{ "TCP_THIN_LINEAR_TIMEOUTS_is_inherited", "RFC 6298 5.5", .pre = "listen; set THIN_LINEAR_TIMEOUTS 1",
		.want = { "set THIN_LINEAR_TIMEOUTS 2 EINVAL; set THIN_LINEAR_TIMEOUTS -1 EINVAL; < S 0 $;"
			"> S. 0 ack 1; < . 1 ack 1; accept; get THIN_LINEAR_TIMEOUTS 1; set THIN_LINEAR_TIMEOUTS 0;"
			"get THIN_LINEAR_TIMEOUTS 0" } },
	/* Linux's: what was lost may go by another path. */
	{ "timeout_%s_takes_another_flow_label", "RFC 6437 2", .only = 6, .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "write 1000; > P. 1(1000) ack 1; write 1000; > P. 1001(1000) ack 1 label same;"
			"< . 1 ack 2001; write 100; > P. 2001(100) ack 1 label same;"
			">@1500 P. 2001(100) ack 1 label other; >@2500 P. 2001(100) ack 1 label other; < . 1 ack 2101;"
			"none; write 100; > P. 2101(100) ack 1 label same", .counters = "TcpTimeoutRehash=2" } },
	{ "timeout_of_the_syn_takes_another_flow_label", "RFC 6437 2", .only = 6,
		.want = { "connect; > S 0; >@2500 S 0 label other; >@4500 S 0 label other; < S. 0 ack 1 $;"
			"> . 1 ack 1 label same", .counters = "TcpTimeoutRehash=2" } },
	{ "timeout_of_the_syn_ack_takes_another_flow_label", "RFC 6437 2", .only = 6, .pre = "listen",
		.want = { "< S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1 label other; < . 1 ack 1; accept; write 10;"
			"> P. 1(10) ack 1 label same" } },
	{ "child_has_the_flow_label_of_its_syn_ack", "RFC 6437 2", .only = 6, .pre = "listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 10; > P. 1(10) ack 1 label same" } },
	{ "timeout_%s_keeps_the_flow_label_by_txrehash", "RFC 6437 2", .only = 6, .in = ESTABLISHED,
		.pre = "sysctl core/txrehash 0",
		.want = { "write 100; > P. 1(100) ack 1; >@1500 P. 1(100) ack 1 label same; < . 1 ack 101; none",
			.counters = "TcpTimeoutRehash=0" } },
	{ "timeout_of_the_syn_ack_keeps_the_flow_label_by_txrehash", "RFC 6437 2", .only = 6,
		.pre = "sysctl core/txrehash 0; listen",
		.want = { "< S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1 label same; < . 1 ack 1; accept; write 10;"
			"> P. 1(10) ack 1 label same" } },
	/* later kernels give SO_TXREHASH to kernel TCP alone */
	{ "timeout_%s_keeps_the_flow_label_when_told_to", "RFC 6437 2", .only = 6, .in = ESTABLISHED, .until = "6.12",
		.want = { "set TXREHASH 0; write 100; > P. 1(100) ack 1; >@1500 P. 1(100) ack 1 label same;"
			"< . 1 ack 101; none", .counters = "TcpTimeoutRehash=0" } },
	{ "timeout_%s_no_sample_from_a_resent_segment", "RFC 6298 3", .id = "MUST-18", .in = ESTABLISHED,
		.want = { "write 100; > P. 1(100) ack 1; < . 1 ack 101; none; keep rtt; write 1000;"
			"> P. 101(1000) ack 1; >@1500 P. 101(1000) ack 1; < . 1 ack 1101; none; info rtt = K" } },
	/* The echo tells which copy the ACK is for: 150 ms, an eighth of which goes into the RTT. */
	{ "timeout_%s_sample_from_the_timestamp_of_a_resent_segment", "RFC 7323 4.1", .in = ESTABLISHED,
		.syn = "mss 1012,ts T R",
		.want = { "write 100; > P. 1(100) ack 1; < . 1 ack 101; none; info rtt <= 10000; write 1000;"
			"> P. 101(1000) ack 1; >@1500 P. 101(1000) ack 1; pass 150; < . 1 ack 1101; none;"
			"info rtt >= 18000; info rtt <= 60000", .counters = "TCPTimeouts=1 RetransSegs=1" } },
	/* The ACK echoes the third copy, and comes after the fourth. The ACK of the third may have been lost. */
	{ "timeout_%s_no_sample_from_the_echo_of_an_earlier_copy", "RFC 6298 3, RFC 7323 4.1", .in = ESTABLISHED,
		.syn = "mss 1012,ts T R",
		.want = { THREE_TIMEOUTS "< . 1 ack 1101 <nop,nop,ts T R-700>; none; info rtt = K; info backoff = 3;"
			"write 100; > P. 1101(100) ack 1; < . 1 ack 1201; none; info backoff = 0; info rtt <= 10000",
			.counters = "TCPTimeouts=3 RetransSegs=3" },
		.kernel_differs = "takes the time since the third copy",
		.kernel = { THREE_TIMEOUTS "< . 1 ack 1101 <nop,nop,ts T R-700>; none; info rtt >= 80000;"
			"info backoff = 0", .counters = "TCPTimeouts=3 RetransSegs=3" } },
	/* The RTO keeps its backoff. The next segment times out twice, and the ACK echoes its second copy. */
	{ "timeout_%s_no_sample_from_an_echo_while_the_backoff_stays", "RFC 6298 3, RFC 7323 4.1", .in = ESTABLISHED,
		.syn = "mss 1012,ts T R",
		.want = { THREE_TIMEOUTS "< . 1 ack 1101 <nop,nop,ts T R-700>; none; info backoff = 3; write 100;"
			"> P. 1101(100) ack 1; >@4500 P. 1101(100) ack 1; >@8500 P. 1101(100) ack 1; info backoff = 5;"
			"< . 1 ack 1201 <nop,nop,ts T R-2000>; none; info rtt = K; info backoff = 5; write 100;"
			"> P. 1201(100) ack 1; < . 1 ack 1301; none; info backoff = 0",
			.counters = "TCPTimeouts=5 RetransSegs=5" },
		.kernel_differs = "takes the time since the copy that is echoed",
		.kernel = { THREE_TIMEOUTS "< . 1 ack 1101 <nop,nop,ts T R-700>; none; info rtt >= 80000;"
			"info backoff = 0", .counters = "TCPTimeouts=3 RetransSegs=3" } },
	{ "timeout_%s_sample_from_the_echo_of_the_fourth_copy", "RFC 7323 4.1", .in = ESTABLISHED,
		.syn = "mss 1012,ts T R",
		.want = { THREE_TIMEOUTS "pass 150; < . 1 ack 1101; none; info rtt >= 18000; info rtt <= 60000;"
			"info backoff = 0", .counters = "TCPTimeouts=3 RetransSegs=3" } },
	/* After only two timeouts it counts: the RTT may have grown to 300 ms. An eighth of that goes into SRTT. */
	{ "timeout_%s_sample_from_the_echo_of_the_second_copy_of_three", "RFC 7323 4.1", .in = ESTABLISHED,
		.syn = "mss 1012,ts T R",
		.want = { TWO_TIMEOUTS "< . 1 ack 1101 <nop,nop,ts T R-300>; none; info rtt >= 36000;"
			"info rtt <= 100000; info backoff = 0", .counters = "TCPTimeouts=2 RetransSegs=2" } },
	/*
	 * Without SACK and timestamps, the ACK of a retransmission that also covers new text gives no round trip. But
	 * text gets through, so the next timeout is not doubled any more.
	 */
	{ "timeout_%s_backoff_ends_with_new_text_behind_a_copy", "RFC 6298 3, 5", .in = ESTABLISHED,
		.want = { NEW_BEHIND_COPY "< . 1 ack 3101; none; info backoff = 0; info rtt = K; mark; write 1000;"
			"> P. 3101(1000) ack 1; >@600 P. 3101(1000) ack 1; elapsed >= 100; < . 1 ack 4101; none",
			.counters = "TCPTimeouts=3 RetransSegs=4" },
		.kernel_differs = "keeps the backoff until an ACK covers no copy",
		.kernel = { NEW_BEHIND_COPY "< . 1 ack 3101; none; info backoff = 2; info rtt = K; mark; write 1000;"
			"> P. 3101(1000) ack 1; >@2500 P. 3101(1000) ack 1; elapsed >= 400; < . 1 ack 4101; none",
			.counters = "TCPTimeouts=3 RetransSegs=4" } },
	/* The new text has taken 300 ms or less. The RTO stays as long as a round trip of 300 ms would have made it. */
	{ "timeout_%s_backoff_stays_for_new_text_that_took_long", "RFC 6298 3, 5", .in = ESTABLISHED,
		.want.script = NEW_BEHIND_COPY "pass 300; < . 1 ack 3101; none; info backoff = 1; info rtt = K",
		.kernel_differs = "keeps the backoff until an ACK covers no copy",
		.kernel.script = NEW_BEHIND_COPY "pass 300; < . 1 ack 3101; none; info backoff = 2; info rtt = K" },
	/* A copy alone tells nothing: its ACK may be that of the first one (Karn). */
	{ "timeout_%s_backoff_stays_without_new_text", "RFC 6298 3", .id = "MUST-18", .in = ESTABLISHED,
		.want.script = TWO_TIMEOUTS "< . 1 ack 1101; none; info backoff = 2; info rtt = K" },
	{ "timeout_%s_restarts_slow_start", "RFC 5681 3.1", .id = "MUST-19", .in = ESTABLISHED,
		.want = { "write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; >@1500 p. 1(1000) ack 1; none;"
			"info snd_cwnd = 1; info snd_ssthresh <= 5; < . 1 ack 1001; > p. 1001(1000) ack 1;"
			"> p. 2001(1000) ack 1; none; < . 1 ack 5001; none", .counters = "TCPTimeouts=1" } },
	{ "timeout_%s_then_congestion_avoidance", "RFC 5681 3.1", .id = "MUST-19", .in = ESTABLISHED,
		.want = { "write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; >@1500 p. 1(1000) ack 1; none;"
			"info snd_ssthresh = 5; < . 1 ack 1001; skim; < . 1 ack 2001; skim; < . 1 ack 3001; skim;"
			"< . 1 ack 4001; skim; < . 1 ack 10001; none; info snd_cwnd >= 5; info snd_cwnd <= 6;"
			"keep snd_cwnd; write K*1000; > p. 10001(1000) ack 1 xK; < . 1 ack S; write K*1000;"
			"> p. 10001+K*1000(1000) ack 1 xK; < . 1 ack S; none; info snd_cwnd >= K+1;"
			"info snd_cwnd <= K+3", .counters = "TCPTimeouts=1" } },
	{ "idle_%s_restarts_with_the_initial_window", "RFC 5681 4.1", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "write 20000; > p. 1(1000) ack 1 x10; < . 1 ack 10001; > p. 10001(1000) ack 1 x10;"
			"< . 1 ack 20001; none; info snd_cwnd >= 20; set KEEPIDLE 1; set KEEPALIVE 1;"
			">@3000 . 20000 ack 1; < . 1 ack 20001; write 20000; > p. 20001(1000) ack 1 x10; none" } },
	{ "timeout_%s_resends_in_a_window_that_shrank", "RFC 9293 3.8.6", .id = "SHLD-16", .in = ESTABLISHED,
		.want = { "write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1; < . 1 ack 1001 win 1000; none;"
			">@1500 p. 1001(1000) ack 1; none" } },
	{ "timeout_%s_fin", "RFC 9293 3.8.1", .in = FIN_WAIT_1 | CLOSING | LAST_ACK,
		.want = { "none; >@1500 F. 1 ack N; >@2500 F. 1 ack N" } },
	{ "timeout_syn", "RFC 6298 2.1", .id = "MUST-18",
		.want = { "mark; connect; > S 0 <mss A>; >@2500 S 0 <mss A>; elapsed >= 500; < S. 0 ack 1 $;"
			"> . 1 ack 1", .counters = "TCPTimeouts=1 TCPSynRetrans=1 RetransSegs=1" } },
	{ "timeout_%s_synack", "RFC 6298 2.1", .in = LISTEN,
		.want = { "mark; < S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; elapsed >= 500; < . 1 ack 1; accept",
			.state = ESTABLISHED,
			.counters = "TCPTimeouts=1 TCPSynRetrans=1 RetransSegs=1 PassiveOpens=1" } },
	{ "timeout_syn_then_data", "RFC 6298 5.7, RFC 5681 3.1",
		.want = { "connect; > S 0; >@2500 S 0; < S. 0 ack 1 $; > . 1 ack 1; info rto = 3000000;"
			"info snd_cwnd = 10; write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1" } },
	{ "timeout_syn_twice_then_data", "RFC 6298 5.7, RFC 5681 3.1",
		.want = { "connect; > S 0; >@2500 S 0; >@3500 S 0; < S. 0 ack 1 $; > . 1 ack 1; info rto = 3000000;"
			"info snd_cwnd = 1; write 3000; > p. 1(1000) ack 1; none; < . 1 ack 1001;"
			"> p. 1001(1000) ack 1; > P. 2001(1000) ack 1" } },
	{ "timeout_syn_twice_that_was_late", "RFC 3522 3.2", .syn = "mss 1000,ts T R",
		.want = { "connect; > S 0; keep R; >@2500 S 0; >@3500 S 0; < S. 0 ack 1 <mss 1000,ts T K>; > . 1 ack 1;"
			"info snd_cwnd = 10" } },
	{ "timeout_%s_synack_then_data", "RFC 6298 5.7, RFC 5681 3.1", .in = LISTEN,
		.want = { "< S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; < . 1 ack 1; accept; info rto = 3000000;"
			"info snd_cwnd = 10; write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1",
			.state = ESTABLISHED } },
	{ "timeout_%s_synack_twice_then_data", "RFC 6298 5.7, RFC 5681 3.1", .in = LISTEN,
		.want = { "< S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; >@3500 S. 0 ack 1; < . 1 ack 1; accept;"
			"info rto = 3000000; info snd_cwnd = 1; write 3000; > p. 1(1000) ack 1; none; < . 1 ack 1001;"
			"> p. 1001(1000) ack 1; > P. 2001(1000) ack 1", .state = ESTABLISHED } },
	{ "timeout_%s_crossing_syn", "RFC 6298 2.1", .in = SYN_RECEIVED, .via = SIMULTANEOUS,
		.want = { ">@2500 S. 0 ack 1; < . 1 ack 1; none", .state = ESTABLISHED } },
	/* Window probes. */
	{ "window_%s_closed_is_probed", "RFC 9293 3.8.6.1", .id = "MUST-35 MUST-36 MUST-37 SHLD-29 SHLD-30",
		.in = ESTABLISHED, .synwin = "4000", .pre = "sysctl retries2 2",
		.want = { "write 5000; > p. 1(1000) ack 1 x4; mark; < . 1 ack 4001 win 0; none; >@1500 . 4000 ack 1;"
			"elapsed >= 100; < . 1 ack 4001 win 0; none; >@2500 . 4000 ack 1; elapsed >= 300;"
			"< . 1 ack 4001 win 0; none; >@4500 . 4000 ack 1; elapsed >= 700; < . 1 ack 4001 win 4000;"
			"> P. 4001(1000) ack 1; < . 1 ack 5001; none", .counters = "TCPWinProbe=3 TCPTimeouts=0" } },
	{ "window_%s_closed_from_the_start", "RFC 9293 3.8.6.1", .id = "MUST-35", .in = ESTABLISHED, .synwin = "0",
		.want = { "write 1000; none; >@2500 . 0 ack 1; < . 1 ack 1 win 4000; > P. 1(1000) ack 1",
			.counters = "TCPWinProbe=1" } },
	/* What leaves then is text, and not a probe that waits for an answer. */
	{ "window_%s_tiny_is_used_at_last", "RFC 9293 3.8.6.2.1", .id = "MUST-38", .in = ESTABLISHED, .synwin = "4000",
		.want = { "write 6000; > p. 1(1000) ack 1 x4; < . 1 ack 4001 win 0; none; < . 1 ack 4001 win 10; none;"
			">@1500 p. 4001(10) ack 1; info probes = 0; info backoff = 0; info unacked = 1",
			.counters = "TCPWinProbe=0 TCPTimeouts=0" } },
	{ "probe_%s_from_the_peer", "RFC 9293 3.8.6.1", .in = ESTABLISHED,
		.want = { "< . 0 ack 1; > . 1 ack 1; < P. 0(1) ack 1; > . 1 ack 1" } },
	/* The ACK of the first copy comes after nearly two minutes. By then the RTO was doubled nine times. */
	{ "round_trip_%s_is_longer_than_most_timeouts", "RFC 6298 2.5", .in = ESTABLISHED, .syn = "mss 1012,ts T R",
		.want = { "write 1000; > P. 1(1000) ack 1; keep rto; pass 115000; < . 1 ack 1001 <nop,nop,ts T R>;"
			"skim; none; info rto = 512*K; info backoff = 9" },
		.kernel_differs = "takes the time since the first copy",
		.kernel = { "write 1000; > P. 1(1000) ack 1; pass 115000; < . 1 ack 1001 <nop,nop,ts T R>; skim; none;"
			"info rto = 120000000" } },
	/* States that end by themselves. */
	{ "timeout_fin_wait_2_after_close", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = "sysctl fin_timeout 1",
		.want = { "close; > F. 1 ack 1; < . 1 ack 2; none; state fin_wait_2; gone 5000; none",
			.state = CLOSED } },
};

WIRE_MAIN(rows)
