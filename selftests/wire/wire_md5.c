// SPDX-License-Identifier: GPL-2.0
/*
 * TCP MD5 signatures (RFC 2385), segment by segment: what is signed, what is dropped, and which key
 * counts. The engine checks each answer: signed with the peer's key, or without a key not signed.
 */
#include "signed_rows.h"
#include "wire.h"

#define SERVER		"listen; md5listener secret; key secret"
#define CLIENT		"socket; md5 secret; key secret"

#define NONE_BAD	"TCPMD5NotFound=0 TCPMD5Unexpected=0 TCPMD5Failure=0"

/* What is not signed as it has to be is dropped, whatever else it says. */
#define BAD_TEXT	"< P. N(10) unsigned; none; < P. N(10) badsign; none; < P. N(10) signed other; none;"	\
			"read EAGAIN;"

static const struct wire_row rows[] = {
	/* Connections. */
	{ "text_of_a_client", "RFC 2385 2.0", .in = ESTABLISHED, .via = ACTIVE, .pre = CLIENT,
		.want = { TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "both_syns_cross", "RFC 2385 2.0", .in = ESTABLISHED, .via = SIMULTANEOUS, .pre = CLIENT,
		.want = { TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "a_signature_makes_segments_shorter", "RFC 2385 4.3", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "info snd_mss = 980; write 1960; > . S(980); > P. S(980); < . N ack S; none" } },
	{ "a_signature_makes_segments_of_a_client_shorter", "RFC 2385 4.3", .in = ESTABLISHED, .via = ACTIVE,
		.pre = CLIENT,
		.want = { "write 1960; > . S(980); > P. S(980); < . N ack S; none" } },
	SIGNED_TEXT_RESENT("RFC 2385 2.0", SERVER, NONE_BAD),
	/* Options. */
	{ "a_client_offers_no_timestamps", "RFC 2385 4.3", .pre = CLIENT,
		.want = { "connect; > S 0 <sackok,nots>", .state = SYN_SENT } },
	{ "a_client_without_sack_offers_timestamps", "RFC 2385 4.3", .pre = "sysctl sack 0;" CLIENT,
		.want = { "connect; > S 0 <nosackok,ts>", .state = SYN_SENT },
		.kernel_differs = "offers none beside a signature",
		.kernel = { "connect; > S 0 <nosackok,nots>", .state = SYN_SENT } },
	{ "a_server_prefers_sack_to_timestamps", "RFC 2385 4.3", .pre = SERVER,
		.want = { "< S 0 <mss 1000,sackok,ts T 0,nop,ws 7>; > S. 0 ack 1 <sackok,nots>; < . 1 ack 1; accept;"
			"info snd_mss = 980" } },
	{ "a_server_takes_timestamps_without_sack", "RFC 2385 4.3", .pre = SERVER,
		.want = { "< S 0 <mss 1000,nop,nop,ts T 0>; > S. 0 ack 1 <nosackok,ts>; < . 1 ack 1; accept;"
			"info snd_mss = 968;" TEXT_BOTH_WAYS } },
	SIGNED_TWO_BLOCKS("RFC 2018 3", SERVER),
	/* a signature leaves 28 octets of the least MSS: as many as three blocks take, and fewer than four take */
	{ "three_blocks_beside_the_least_text", "RFC 9293 3.7.1", .id = "MUST-16", .pre = SERVER,
		.syn = "mss 48,nop,nop,sackok",
		.want = { OPENS "info snd_mss = 28; < . 1001(28) ack 1; > . 1 ack 1; < . 2001(28) ack 1; > . 1 ack 1;"
			"< . 3001(28) ack 1; > . 1 ack 1 <sack 3001:3029 2001:2029>; write 16;"
			"> . 1(8) ack 1 <sack 3001:3029 2001:2029>; > P. 9(8) ack 1 <sack 3001:3029 2001:2029>;"
			"< . 3029 ack 17; none" } },
	{ "four_blocks_beside_the_least_text", "RFC 9293 3.7.1", .id = "MUST-16", .pre = SERVER,
		.syn = "mss 48,nop,nop,sackok",
		.want = { OPENS "< . 1001(28) ack 1; > . 1 ack 1; < . 2001(28) ack 1; > . 1 ack 1; < . 3001(28) ack 1;"
			"> . 1 ack 1; < . 4001(28) ack 1; >@1000 . 1 ack 1 <sack 4001:4029 3001:3029>; write 80;"
			"> . 1(8) ack 1 <sack 4001:4029 3001:3029>; skim; < . 1 ack 81; none" } },
	{ "text_beside_a_hole_ends_in_no_storm_of_acks", "RFC 2018 3", .pre = SERVER, .syn = "mss 1000,nop,nop,sackok",
		.want = { OPENS "< . 1001(500) ack 1; > . 1 ack 1 <sack 1001:1501>; write 980; skim; none;"
			"< . 1501 ack 981; none" } },
	/* SYNs. */
	{ "syn_without_signature", "RFC 2385 2.0", .pre = SERVER,
		.want = { "< S 0 unsigned $; none", .counters = "TCPMD5NotFound=1 ListenDrops=0 TCPMD5Failure=0",
			.state = LISTEN } },
	{ "syn_with_a_wrong_signature", "RFC 2385 2.0", .pre = SERVER,
		.want = { "< S 0 badsign $; none; < S 0 signed other $; none",
			.counters = "TCPMD5Failure=2 ListenDrops=0 TCPMD5NotFound=0", .state = LISTEN } },
	{ "syn_with_a_signature_that_nobody_expects", "RFC 2385 2.0", .pre = "listen; key secret",
		.want = { "< S 0 $; none", .counters = "TCPMD5Unexpected=1 ListenDrops=0", .state = LISTEN } },
	{ "a_flood_of_forged_syns_costs_nothing", "RFC 2385 2.0", .pre = "sysctl syncookies 2;" SERVER,
		.want = { "repeat 200 < S 0 badsign $; none; repeat 200 < S 0 unsigned $; none",
			.counters = "TCPMD5Failure=200 TCPMD5NotFound=200 TCPReqQFullDoCookies=0 SyncookiesSent=0",
			.state = LISTEN } },
	/* Handshakes. */
	{ "third_ack_that_is_forged", "RFC 2385 2.0", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 unsigned; none; < . 1 ack 1 badsign; none;"
			"state syn_received; < R 1 unsigned; none; state syn_received; < . 1 ack 1; accept",
			.counters = "TCPMD5NotFound=2 TCPMD5Failure=1 PassiveOpens=1" } },
	{ "syn_ack_that_is_forged", "RFC 2385 2.0", .in = SYN_SENT, .pre = CLIENT,
		.want = { "< S. 0 ack 1 unsigned $; none; < S. 0 ack 1 badsign $; none; < R. 0 ack 1 unsigned; none;"
			"< S. 0 ack 1 $; > . 1 ack 1", .counters = "TCPMD5NotFound=2 TCPMD5Failure=1",
			.state = ESTABLISHED } },
	SIGNED_SYN_ACK_RESENT("RFC 2385 2.0", SERVER),
	{ "rst_for_a_third_ack_with_a_wrong_number", "RFC 2385 2.0", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 5; > R 5; none", .counters = "OutRsts=1",
			.state = SYN_RECEIVED } },
	{ "ack_for_an_entry_outside_of_the_window", "RFC 2385 2.0", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < . 900000(10) ack 1; > . 1 ack 1; none", .state = SYN_RECEIVED } },
	SIGNED_COOKIE("RFC 2385 2.0", SERVER, "TCPMD5NotFound", "TCPMD5Failure"),
	{ "handshake_by_cookie_keeps_timestamps", "RFC 2385 4.3", .pre = "sysctl syncookies 2;" SERVER,
		.want = { "< S 0 <mss 1000,sackok,ts T 0,nop,ws 7>; > S. 0 ack 1 <nosackok,ts>; < . 1 ack 1; accept;"
			TEXT_BOTH_WAYS }, .kernel_differs = "agrees on SACK, too, and then has no room for a block",
		.kernel = { "< S 0 <mss 1000,sackok,ts T 0,nop,ws 7>; > S. 0 ack 1 <sackok,ts>; < . 1 ack 1; accept;"
			TEXT_BOTH_WAYS } },
	/* Segments of a connection. */
	{ "forged_segments_%s", "RFC 2385 2.0", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { BAD_TEXT "< R N unsigned; none; < R N badsign; none; < F. N unsigned; none; < S N unsigned;"
			"none;" TEXT_BOTH_WAYS,
			.counters = "TCPMD5NotFound=4 TCPMD5Failure=3 TCPChallengeACK=0 OutRsts=0" } },
	{ "forged_segments_of_a_client_%s", "RFC 2385 2.0", .in = ESTABLISHED, .via = ACTIVE, .pre = CLIENT,
		.want = { BAD_TEXT "< R N unsigned; none; < R N badsign; none;" TEXT_BOTH_WAYS,
			.counters = "TCPMD5NotFound=2 TCPMD5Failure=3 TCPChallengeACK=0 OutRsts=0" } },
	{ "signature_that_nobody_expects_%s", "RFC 2385 2.0", .in = ESTABLISHED,
		.want = { "key secret; < P. N(10); none; < R N; none; key none; < P. N(10); >@500 . S ack N+10",
			.counters = "TCPMD5Unexpected=2 OutRsts=0" } },
	SIGNED_RST_COUNTS("RFC 2385 2.0", SERVER),
	SIGNED_CHALLENGE("RFC 2385 2.0", SERVER, NONE_BAD),
	SIGNED_ABORT("RFC 2385 2.0", SERVER),
	SIGNED_KEEPALIVE("RFC 2385 2.0", SERVER),
	/* The end. */
	SIGNED_FIN_AGAIN("RFC 2385 2.0", SERVER),
	SIGNED_FIN_AGAIN_OF_CLIENT("RFC 2385 2.0", CLIENT),
	{ "forged_segments_%s", "RFC 2385 2.0", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "< F. 1 ack 2 unsigned; none; < F. 1 ack 2 badsign; none; < F. 1 ack 2; > . 2 ack 2",
			.counters = "TCPMD5NotFound=1 TCPMD5Failure=1" },
		.kernel_differs = "checks no signature in TIME-WAIT",
		.kernel = { "< F. 1 ack 2 unsigned; > . 2 ack 2; < F. 1 ack 2 badsign; > . 2 ack 2; < F. 1 ack 2;"
			"> . 2 ack 2", .counters = "TCPMD5NotFound=0 TCPMD5Failure=0" } },
	SIGNED_FORGED_FOR_ORPHAN("RFC 2385 2.0", SERVER, "TCPMD5NotFound", "TCPMD5Failure"),
	{ "time_wait_keeps_its_key", "RFC 2385 2.0", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "md5listener other; < F. 1 ack 2; > . 2 ack 2; none" } },
	{ "text_for_a_closed_socket_draws_a_signed_rst", "RFC 2385 2.0", .in = FIN_WAIT_2, .via = PASSIVE,
		.pre = SERVER,
		.want = { "close; < P. N(10) ack S; > R S; none", .state = CLOSED },
		.kernel_differs = "looks for a listener at the port of the segment's sender",
		.kernel = { "close; < P. N(10) ack S; none" } },
	{ "forged_syn_does_not_end_time_wait", "RFC 2385 2.0, RFC 1337", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "< S 100000 unsigned $; none; state time_wait; < S 100000 badsign $; none; state time_wait;"
			"< F. 1 ack 2; > . 2 ack 2" },
		.kernel_differs = "ends TIME-WAIT before it looks at the signature",
		.kernel = { "< S 100000 unsigned $; none", .state = CLOSED } },
	/* An orphan that has not sent its FIN for good is still a sock. */
	{ "text_for_an_orphan_draws_a_signed_rst", "RFC 2385 2.0", .in = FIN_WAIT_1, .via = PASSIVE, .pre = SERVER,
		.want = { "close; < P. N(10) ack S; > R S; none", .state = CLOSED },
		.kernel_differs = "has lost the key by then, so its RST has no signature",
		.kernel = { "close", .state = FIN_WAIT_1 } },
	/* Neither a SYN that would keep the record for another minute. */
	{ "old_forged_syn_does_not_reach_time_wait", "RFC 2385 2.0", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "< S N-100 unsigned $; none; < S N-100 badsign $; none; < F. 1 ack 2; > . 2 ack 2",
			.counters = "TCPMD5NotFound=1 TCPMD5Failure=1" },
		.kernel_differs = "looks at no signature in TIME-WAIT",
		.kernel = { "< S N-100 unsigned $; > . 2 ack 2", .counters = "TCPMD5NotFound=0" } },
	/* A SYN that is too old to reopen the record is the old connection's, whatever key the listener has by now. */
	{ "old_syn_by_another_key_does_not_reach_time_wait", "RFC 2385 2.0", .in = TIME_WAIT, .via = PASSIVE,
		.pre = SERVER,
		.want = { "md5listener other; < S N-100 signed other $; none; md5listener none; < S N-100 unsigned $;"
			"none; < S N-100 $; > . 2 ack 2",
			.counters = "TCPMD5NotFound=1 TCPMD5Failure=1 TCPMD5Unexpected=0" },
		.kernel_differs = "looks at no signature in TIME-WAIT",
		.kernel = { "md5listener other; < S N-100 signed other $; > . 2 ack 2",
			.counters = "TCPMD5Failure=0" } },
	{ "syn_by_another_key_does_not_reach_an_orphan", "RFC 2385 2.0", .in = FIN_WAIT_2, .via = PASSIVE,
		.pre = SERVER,
		.want = { "close; md5listener other; < S N signed other $; none; md5listener none; < S N unsigned $;"
			"none; < S N $; > . S ack N",
			.counters = "TCPMD5NotFound=1 TCPMD5Failure=1 TCPMD5Unexpected=0" },
		.kernel_differs = "looks at no signature there, and ends the connection for a SYN",
		.kernel = { "close; md5listener other; < S N signed other $; none", .counters = "TCPMD5Failure=0",
			.state = CLOSED } },
	{ "segment_without_a_connection", "RFC 2385 2.0", .pre = SERVER,
		.want = { "< . 1 ack 77; > R 77; none; < P. 1(10) ack 78; > R 78; none; < . 1 ack 77 unsigned; none;"
			"< . 1 ack 77 badsign; none; < S. 1 ack 79; > R 79; none",
			.counters = "OutRsts=3 TCPMD5NotFound=1 TCPMD5Failure=1", .state = LISTEN } },
	/* Keys. */
	{ "another_key_in_a_live_connection", "RFC 2385 4.4", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { TEXT_BOTH_WAYS "md5 other; < P. N(10); none; key other;" TEXT_BOTH_WAYS,
			.counters = "TCPMD5NotFound=0 TCPMD5Unexpected=0 TCPMD5Failure=1" } },
	{ "key_removed_in_a_live_connection", "RFC 2385 4.4", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "md5 none; < P. N(10); none; key none;" TEXT_BOTH_WAYS "write 1000; > P. S(1000);"
			"< . N ack S", .counters = "TCPMD5Unexpected=1" } },
	{ "key_added_to_a_live_connection", "RFC 2385 4.4", .in = ESTABLISHED,
		.want = { "md5 secret; < P. N(10); none; key secret;" TEXT_BOTH_WAYS "write 3000; > . S(980);"
			"> . S(980); > p. S(980); > P. S(60); < . N ack S", .counters = "TCPMD5NotFound=1" } },
	{ "another_key_of_a_listener_leaves_its_children_alone", "RFC 2385 4.4", .in = ESTABLISHED, .via = PASSIVE,
		.pre = SERVER,
		.want = { "md5listener other;" TEXT_BOTH_WAYS "fresh; < S 0 $; none; key other; < S 0 $; > S. 0 ack 1",
			.state = SYN_RECEIVED, .counters = "TCPMD5Failure=1" } },
	{ "another_key_of_a_listener_between_syn_and_third_ack", "RFC 2385 4.4", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; md5listener other; < . 1 ack 1; none; key other; < . 1 ack 1; accept;"
			TEXT_BOTH_WAYS, .counters = "TCPMD5Failure=1" } },
	{ "longest_prefix_counts", "RFC 2385 4.4",
		.pre = "listen; md5prefix 8 wide; md5prefix 24 near; md5prefix 16 middle; key near",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; md5prefix 24 none; < S 0 $; none; key middle; < S 0 $;"
			"> S. 0 ack 1; fresh; md5listener exact; < S 0 $; none; key exact; < S 0 $; > S. 0 ack 1",
			.counters = "TCPMD5Failure=2", .state = SYN_RECEIVED } },
	{ "child_of_a_prefix", "RFC 2385 4.4", .pre = "listen; md5prefix 0 all; key all",
		.want = { OPENS "md5prefix 0 none;" TEXT_BOTH_WAYS "md5 none; md5 none ENOENT" } },
	{ "keys_that_are_refused", "RFC 2385 4.4", .pre = "listen",
		.want = { "md5listener none ENOENT; md5prefix 129 secret EINVAL; md5prefix 24 secret;"
			"md5listener none ENOENT; md5prefix 24 none; md5prefix 24 none ENOENT", .state = LISTEN } },
	{ "keys_that_are_refused_over_ipv4", "RFC 2385 4.4", .only = 4, .pre = "listen",
		.want = { "md5prefix 33 secret EINVAL; md5prefix 32 secret; md5listener none", .state = LISTEN } },
	/* Fast Open has no room beside a signature. */
	{ "client_with_a_key_does_not_open_fast", "RFC 7413 4.1", .pre = CLIENT,
		.want = { "fast 100 EINPROGRESS; > S 0 <nofo>; < S. 0 ack 1 $; > . 1 ack 1" },
		.kernel_differs = "asks for a cookie: the request, unlike a cookie, has room",
		.kernel = { "fast 100 EINPROGRESS; > S 0 <fo>; < S. 0 ack 1 $; > . 1 ack 1" } },
};

WIRE_MAIN(rows)
