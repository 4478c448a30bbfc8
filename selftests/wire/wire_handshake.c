// SPDX-License-Identifier: GPL-2.0
/* Opening a connection, one segment at a time: both opens, the simultaneous one, and what SYNs agree on. */
#include "lib/wire.h"

/* The buffer needs none, and with one small windows would be rounded down. */
static int has_no_shift(struct wire *w)
{
	return w->c.ws_in ? wire_fail(w, "its windows have a shift of %d", w->c.ws_in) : 0;
}

static const struct wire_row rows[] = {
	/* What the program says bounds the MSS and never raises it. */
	{ "connect_maxseg_above_the_mss_of_the_peer", "RFC 9293 3.7.1", .id = "MUST-16",
		.pre = "socket; set MAXSEG 1400",
		.want = { "connect; > S 0 <mss 1400>; < S. 0 ack 1 <mss 1000>; > . 1 ack 1; info snd_mss = 1000" } },
	{ "connect_maxseg_above_the_mtu", "RFC 9293 3.7.1", .id = "MUST-14", .pre = "socket; set MAXSEG 9000",
		.want = { "connect; > S 0 <mss A>", .state = SYN_SENT } },
	/* The program has announced an answer. */
	{ "connect_with_delayed_acks", "RFC 9293 3.8.6.3", .id = "MUST-40", .pre = "socket; set QUICKACK 0",
		.want = { "connect; > S 0; < S. 0 ack 1 $; none; >@1000 . 1 ack 1" } },
	{ "syn_with_options_that_are_off", "RFC 7323 2.2, 3.2",
		.pre = "sysctl window_scaling 0; sysctl timestamps 0; sysctl sack 0; listen",
		.syn = "mss 1440,sackok,ts T 0,nop,ws 7",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,nosack,nots,nows>", .state = SYN_RECEIVED } },
	{ "ack_syn_received_echoes_a_timestamp_of_before", "RFC 7323 3.2", .pre = "listen",
		.syn = "mss 1000,nop,nop,ts T R",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 <nop,nop,ts T R-1000>; > . 1 ack 1; state syn_received;"
			"< . 1 ack 1 <nop,nop,ts T R>; accept", .counters = "PAWSEstab=1 PassiveOpens=1" },
		.kernel_differs = "believes it; Linux 6.15 does not",
		.kernel = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 <nop,nop,ts T R-1000>; none; accept",
			.counters = "PAWSEstab=0 PassiveOpens=1" } },
	/* Passive open. */
	{ "syn_listen_three_way", "RFC 9293 3.5", .id = "MUST-14 SHLD-5", .in = LISTEN,
		.want = { "< S 0 <mss 1000>; > S. 0 ack 1 win over:0 <mss A,nows,nots>; state syn_received;"
			"accept EAGAIN; < . 1 ack 1; accept; poll OUT", .state = ESTABLISHED,
			.counters = "PassiveOpens=1 ActiveOpens=0 CurrEstab=1 InSegs=2 OutSegs=1" } },
	{ "ack_syn_received_with_data", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED,
		.want = { "< P. 1(100) ack 1; >@1000 . 1 ack 101; accept; read 100", .state = ESTABLISHED } },
	{ "fin_ack_%s", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED,
		.want = { "< F. 1 ack 1; >@1000 . 1 ack 2; accept; read eof", .state = CLOSE_WAIT } },
	{ "syn_%s_retransmitted", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED,
		.want = { "< S 0 $; > S. 0 ack 1 <mss A>",
			.counters = "RetransSegs=1 TCPSynRetrans=1 PassiveOpens=0" } },
	/* its SYN lies before the window, and does not begin another connection */
	{ "syn_ack_%s_with_text", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED,
		.want = { "< S. 0(10) ack 1; > . 1 ack 1; < . 1 ack 1; accept; < P. 1(10) ack 1; skim; read 10",
			.state = ESTABLISHED },
		.kernel_differs = "opens the connection, and challenges the SYN",
		.kernel = { "< S. 0(10) ack 1; > . 1 ack 1; accept; < P. 1(10) ack 1; skim; read 10" } },
	{ "data_on_syn_listen_neither_kept_nor_acknowledged", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "< S 0(100) <mss 1000>; > S. 0 ack 1; < . 1 ack 1; accept; read EAGAIN; < P. 1(100) ack 1;"
			">@1000 . 1 ack 101; read 100", .state = ESTABLISHED } },
	{ "rst_syn_received_frees_the_slot", "RFC 9293 3.10.7.4", .id = "MUST-11",
		.pre = "sysctl syncookies 0; listen 0",
		.want = { "< S 0 $; > S. 0 ack 1; < R 1; none; fresh; < S 0 $; > S. 0 ack 1; fresh; < S 0 $; none",
			.counters = "AttemptFails=1 EmbryonicRsts=1 TCPReqQFullDrop=1 ListenDrops=1" } },
	/* Active open. */
	{ "connect_closed_three_way", "RFC 9293 3.5", .id = "MUST-14 MUST-68 MUST-69 SHLD-5",
		.want = { "connect; > S 0 win over:0 <mss A,ws,ts>; state syn_sent; < S. 0 ack 1 <mss 1000>;"
			"> . 1 ack 1; state established; poll OUT; connect none; connect EISCONN",
			.counters = "ActiveOpens=1 PassiveOpens=0 CurrEstab=1" } },
	{ "data_on_synack_syn_sent_neither_kept_nor_acknowledged", "RFC 9293 3.10.7.3", .in = SYN_SENT,
		.want = { "< S. 0(100) ack 1 <mss 1000>; > . 1 ack 1; read EAGAIN; < P. 1(100) ack 1;"
			">@1000 . 1 ack 101; read 100", .state = ESTABLISHED } },
	{ "listen_%s_refused_disturbs_nothing", "RFC 9293 3.9.1.1", .id = "MUST-41", .in = ESTABLISHED | CLOSE_WAIT,
		.via = ACTIVE,
		.want = { "listen EADDRINUSE; write 100; > P. 1(100) ack N; < . N ack 101; none" } },
	{ "listen_syn_sent_refused_disturbs_nothing", "RFC 9293 3.9.1.1", .id = "MUST-41", .in = SYN_SENT,
		.want = { "listen EADDRINUSE; < S. 0 ack 1 <mss 1000>; > . 1 ack 1", .state = ESTABLISHED } },
	/* Simultaneous open. */
	{ "syn_syn_sent_crossing_then_synack", "RFC 9293 3.5", .id = "MUST-10", .in = SYN_SENT,
		.want = { "< S 0 <mss 1000,ws 0>; > S. 0 ack 1; state syn_received; < S. 0 ack 1 <mss 1000,ws 0>;"
			"> . 1 ack 1; poll OUT", .state = ESTABLISHED,
			.counters = "ActiveOpens=0 PassiveOpens=0 CurrEstab=1" } },
	{ "ack_%s", "RFC 9293 3.5", .id = "MUST-10", .in = SYN_RECEIVED, .via = SIMULTANEOUS,
		.want = { "< . 1 ack 1; none; poll OUT; < P. 1(100) ack 1; >@1000 . 1 ack 101; read 100; write 100;"
			"> P. 1(100) ack 101", .state = ESTABLISHED } },
	{ "syn_syn_sent_crossing_without_options", "RFC 7323 2.2, 3.2", .in = SYN_SENT,
		.want = { "< S 0 <mss 1000>; > S. 0 ack 1 <mss A,nows,nots>", .state = SYN_RECEIVED },
		.kernel_differs = "repeats in the SYN-ACK the options of its SYN, offered or not",
		.kernel = { "< S 0 <mss 1000>; > S. 0 ack 1 <mss A,ws,ts>" } },
	/* MSS. */
	{ "syn_%s_without_mss", "RFC 9293 3.7.1", .id = "MUST-15", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.syn = "nop",
		.want = { "write 2*M; > p. 1(M) ack 1; > P. M+1(M) ack 1" } },
	{ "syn_%s_with_mss", "RFC 9293 3.7.1", .id = "MUST-14", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE | SIMULTANEOUS, .syn = "mss 700,ws 0",
		.want = { "write 1400; > p. 1(700) ack 1; > P. 701(700) ack 1" } },
	{ "syn_%s_with_mss_above_the_link", "RFC 9293 3.7.1", .id = "MUST-16", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1" } },
	{ "syn_%s_with_mss_and_timestamps", "RFC 9293 3.7.1", .id = "MUST-16", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE, .syn = "mss 1460,nop,nop,ts T R",
		.want = { "write 2*A-24; > p. 1(A-12) ack 1 <ts>; > P. A-11(A-12) ack 1 <ts>" } },
	{ "syn_%s_with_mss_0", "RFC 9293 3.7.1", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .syn = "mss 0",
		.want = { "write M; > P. 1(M) ack 1" } },
	{ "syn_%s_with_mss_1", "RFC 9293 3.7.1", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .syn = "mss 1",
		.want = { "write 96; > p. 1(48) ack 1; > P. 49(48) ack 1" } },
	{ "syn_%s_with_mss_at_odd_offset", "RFC 9293 3.2", .id = "MUST-64", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.syn = "nop,mss 700",
		.want = { "write 1400; > p. 1(700) ack 1; > P. 701(700) ack 1" } },
	{ "syn_listen_mtu_576", "RFC 9293 3.7.1", .id = "MUST-67", .only = 4, .in = LISTEN, .pre = "mtu 576",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A>", .state = SYN_RECEIVED } },
	{ "syn_listen_mtu_1280", "RFC 9293 3.7.1", .id = "MUST-67", .in = LISTEN, .pre = "mtu 1280",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A>", .state = SYN_RECEIVED } },
	{ "syn_listen_mtu_9000", "RFC 9293 3.7.1", .id = "MUST-67", .in = LISTEN, .pre = "mtu 9000",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A>", .state = SYN_RECEIVED } },
	{ "syn_listen_mtu_65535", "RFC 9293 3.7.1", .id = "MUST-67", .in = LISTEN, .pre = "mtu 65535",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A>", .state = SYN_RECEIVED } },
	{ "connect_closed_mtu_1280", "RFC 9293 3.7.1", .id = "MUST-67", .pre = "mtu 1280",
		.want = { "connect; > S 0 <mss A>", .state = SYN_SENT } },
	{ "connect_closed_mtu_9000", "RFC 9293 3.7.1", .id = "MUST-67", .pre = "mtu 9000",
		.want = { "connect; > S 0 <mss A>", .state = SYN_SENT } },
	{ "syn_listen_maxseg", "RFC 9293 3.7.1", .id = "MUST-14", .in = LISTEN, .pre = "listen; set MAXSEG 600",
		.want = { "< S 0 $; > S. 0 ack 1 <mss 600>; < . 1 ack 1; accept; write 1200; > p. 1(600) ack 1;"
			"> P. 601(600) ack 1", .state = ESTABLISHED } },
	{ "mss_%s_on_ack_ignored", "RFC 9293 3.7.1", .id = "MUST-65", .in = ESTABLISHED,
		.want = { "< . 1 ack 1 <mss 100,ws 3>; none; write 1000; > P. 1(1000) ack 1" } },
	/* Window scale and timestamps. */
	{ "syn_listen_with_timestamp_and_scale", "RFC 7323 2.2, 3.2", .in = LISTEN,
		.want = { "< S 0 <mss 1000,ts T 0,nop,ws 7>; > S. 0 ack 1 <mss A,ws,ts,ecr T>; < . 1 ack 1 <ts T R>;"
			"accept; write 100; > P. 1(100) ack 1 <ts,ecr T>", .state = ESTABLISHED } },
	{ "synack_syn_sent_with_timestamp_and_scale", "RFC 7323 2.2, 3.2", .in = SYN_SENT,
		.want = { "< S. 0 ack 1 <mss 1000,ts T R,nop,ws 7>; > . 1 ack 1 <ts,ecr T>; write 100;"
			"> P. 1(100) ack 1 <ts,ecr T>", .state = ESTABLISHED } },
	{ "synack_syn_sent_scale_alone", "RFC 7323 3.2", .in = SYN_SENT,
		.want = { "< S. 0 ack 1 <mss 1000,ws 7>; > . 1 ack 1 <nots>", .state = ESTABLISHED } },
	{ "synack_syn_sent_timestamp_alone", "RFC 7323 2.2", .in = SYN_SENT,
		.want = { "< S. 0 ack 1 win 65535 <mss 1000,ts T R>; > . 1 ack 1 win over:10000",
			.state = ESTABLISHED } },
	{ "scale_%s_applies_to_the_peer", "RFC 7323 2.3", .in = ESTABLISHED, .syn = "mss 1000,ws 2", .synwin = "1000",
		.want = { "write 8000; > p. 1(1000) ack 1 x4; none" } },
	{ "scale_%s_is_chosen_for_so_rcvbuf", "RFC 7323 2.3", .in = ESTABLISHED, .via = ACTIVE, .syn = "mss 1000,ws 2",
		.pre = "socket; set RCVBUF 20000", .run = has_no_shift },
	{ "scale_%s_not_on_the_syn", "RFC 7323 2.2", .in = ESTABLISHED, .via = ACTIVE, .syn = "mss 1000,ws 4",
		.synwin = "2000",
		.want = { "write 4000; > p. 1(1000) ack 1; > p. 1001(1000) ack 1; none" } },
	{ "scale_%s_15_means_14", "RFC 7323 2.3", .in = ESTABLISHED, .syn = "mss 1460,ws 15",
		.pre = "mtu 1520; listen; set SNDBUF 200000",
		.want = { "write 40000; > p. 1(1460) ack 1 x10; < . 1 ack 14601 win 1; > p. 14601(1460) ack 1 x11;"
			"skim" } },
	{ "scale_%s_window_of_more_than_16_bits", "RFC 9293 3.8.6", .id = "REC-1", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE, .syn = "mss 1000,ws 14",
		.want = { "< . 1 ack 1 win 65535; write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1;"
			"< . 1 ack 3001 win 4; write 3000; > p. 3001(1000) ack 1 x2; > P. 5001(1000) ack 1;"
			"< . 1 ack 6001; none" } },
	/* Options. */
	{ "option_%s_unknown_on_syn", "RFC 9293 3.2", .id = "MUST-6", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.syn = "hex fd06deadbeef,mss 700",
		.want = { "write 1400; > p. 1(700) ack 1; > P. 701(700) ack 1" } },
	{ "option_%s_unknown_on_data", "RFC 9293 3.2", .id = "MUST-5", .in = ESTABLISHED,
		.want = { "< P. 1(100) ack 1 <hex fd06deadbeef>; >@1000 . 1 ack 101; read 100" } },
	{ "option_listen_after_end_of_list", "RFC 9293 3.2", .id = "MUST-4", .in = ESTABLISHED,
		.syn = "mss 700,eol,mss 300",
		.want = { "write 1400; > p. 1(700) ack 1; > P. 701(700) ack 1" } },
	{ "option_%s_length_0", "RFC 9293 3.2", .id = "MUST-7", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.syn = "hex fd00,mss 700",
		.want = { "write M; > P. 1(M) ack 1" } },
	{ "option_%s_length_1", "RFC 9293 3.2", .id = "MUST-7", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.syn = "hex fd01,mss 700",
		.want = { "write M; > P. 1(M) ack 1" } },
	{ "option_%s_length_past_the_header", "RFC 9293 3.2", .id = "MUST-7", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE, .syn = "hex fd28,mss 700",
		.want = { "write M; > P. 1(M) ack 1" } },
	{ "option_%s_mss_of_wrong_length", "RFC 9293 3.2", .id = "MUST-7", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.syn = "hex 020302,nop",
		.want = { "write M; > P. 1(M) ack 1" } },
	{ "option_%s_bad_length_on_data", "RFC 9293 3.2", .id = "MUST-7", .in = ESTABLISHED,
		.want = { "< P. 1(100) ack 1 <hex 0800fd28>; >@1000 . 1 ack 101; read 100" } },
	/* Initial sequence numbers. */
	{ "connect_closed_again_isn_grows", "RFC 9293 3.4.1", .id = "MUST-8",
		.want = { "bind; connect; > S 0; abort; reopen 1; bind; connect; > S 0; check I <= 0x0fffffff; abort;"
			"reopen 1; bind; connect; > S 0; check I <= 0x0fffffff; abort; reopen 1; bind; connect; > S 0;"
			"check I <= 0x0fffffff", .state = SYN_SENT } },
	{ "syn_listen_again_isn_grows", "RFC 9293 3.4.1", .id = "MUST-8",
		.want = { "listen; < S 0 $; > S. 0 ack 1; < R 1; none; reopen 200000; < S 0 $; > S. 0 ack 1;"
			"check I <= 0x0fffffff; < R 1; none; reopen 200000; < S 0 $; > S. 0 ack 1;"
			"check I <= 0x0fffffff; < R 1; none; reopen 200000; < S 0 $; > S. 0 ack 1;"
			"check I <= 0x0fffffff" } },
};

WIRE_MAIN(rows)
