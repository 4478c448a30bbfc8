// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO (RFC 5925), segment by segment: what is signed, what is dropped and how it is counted,
 * which key counts, and how keys change. The engine checks each answer: the MAC, KeyID, RNextKeyID.
 *
 * In all rows the peer sends with KeyID 11 and the stack with KeyID 22; a second key has 33 and 44.
 */
#include "signed_rows.h"
#include "wire.h"

#define SERVER		"listen; mktlistener 22 11 secret; ao 11 22 secret"
#define CLIENT		"socket; mkt 22 11 secret; ao 11 22 secret"

/* Both ends have a second key, and begin with the first. */
#define SERVER_OF_TWO	"listen; mktlistener 22 11 secret; mktlistener 44 33 other; ao 33 44 other; ao 11 22 secret"
#define CLIENT_OF_TWO	"socket; mkt 22 11 secret current rnext; mkt 44 33 other; ao 33 44 other; ao 11 22 secret"

#define NONE_BAD	"TCPAORequired=0 TCPAOBad=0 TCPAOKeyNotFound=0"

/* The octets of a header that a segment could do without being another segment, but for ports and checksum. */
#define TURNED_HEADER	"turn 4; none; < P. N(10) turn 7; none; < P. N(10) turn 8; none;"			\
			"< P. N(10) turn 11; none; < P. N(10) turn 12; none; < P. N(10) turn 13; none;"		\
			"< P. N(10) turn 14; none; < P. N(10) turn 15; none; < P. N(10) turn 18; none;"		\
			"< P. N(10) turn 19; none;"

static const struct wire_row rows[] = {
	/* Connections. */
	{ "text_of_a_server", "RFC 5925 5.1", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { TEXT_BOTH_WAYS "aoinfo good = 2; aoinfo current = 22; aoinfo rnext = 11",
			.counters = "TCPAOGood=2 " NONE_BAD } },
	{ "text_of_a_client", "RFC 5925 5.1", .in = ESTABLISHED, .via = ACTIVE, .pre = CLIENT,
		.want = { TEXT_BOTH_WAYS "aoinfo good = 3; aoinfo current = 22; aoinfo rnext = 11",
			.counters = "TCPAOGood=2 " NONE_BAD } },
	{ "both_syns_cross", "RFC 5925 5.2", .in = ESTABLISHED, .via = SIMULTANEOUS, .pre = CLIENT,
		.want = { TEXT_BOTH_WAYS, .counters = "TCPAOGood=2 " NONE_BAD } },
	{ "aes_of_a_server", "RFC 5926 3.1.1.2, 3.2.2", .in = ESTABLISHED, .via = PASSIVE,
		.pre = "listen; mktlistener 22 11 secret cmac; ao 11 22 secret cmac",
		.want = { TEXT_BOTH_WAYS, .counters = "TCPAOGood=2 " NONE_BAD } },
	{ "aes_of_a_client", "RFC 5926 3.1.1.2, 3.2.2", .in = ESTABLISHED, .via = ACTIVE,
		.pre = "socket; mkt 22 11 sixteen_octets_k cmac; ao 11 22 sixteen_octets_k cmac",
		.want = { TEXT_BOTH_WAYS, .counters = "TCPAOGood=2 " NONE_BAD } },
	SIGNED_TEXT_RESENT("RFC 5925 5.1", SERVER, NONE_BAD),
	/* Room for options. */
	{ "a_mac_makes_segments_shorter", "RFC 5925 7.6", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "info snd_mss = 984; write 1968; > . S(984); > P. S(984); < . N ack S; none" } },
	{ "a_mac_makes_segments_of_a_client_shorter", "RFC 5925 7.6", .in = ESTABLISHED, .via = ACTIVE, .pre = CLIENT,
		.want = { "write 1968; > . S(984); > P. S(984); < . N ack S; none" } },
	/* timestamps and a MAC leave the eight octets of a request (draft-ietf-tcpm-ack-rate-request) */
	{ "a_request_for_an_ack_rate", "TARR", .pre = "sysctl ack_rate_request 1;" SERVER,
		.want = { "set ACK_RATE 1; < S 0 <mss 1000,nop,nop,ts T 0,hex fe0400ac>; > S. 0 ack 1; < . 1 ack 1;"
			"accept; write 100;"
			"> P. 1(100) ack 1 <laid "
			"1d10............................0101080a................010101fe0500ac02>;"
			"< . 1(10) ack 101 <nop,nop,ts T R,hex 010101fe0500ac02>; > . 101 ack 11",
			.counters = "TCPAckRateSent=1 TCPAckRateRecv=1" } },
	{ "mac_of_4_octets", "RFC 5925 2.2", .in = ESTABLISHED, .via = PASSIVE,
		.pre = "listen; mktlistener 22 11 secret mac 4; ao 11 22 secret mac 4",
		.want = { "info snd_mss = 992;" TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "mac_of_10_octets_is_padded", "RFC 5925 2.2", .in = ESTABLISHED, .via = PASSIVE,
		.pre = "listen; mktlistener 22 11 secret mac 10; ao 11 22 secret mac 10",
		.want = { "info snd_mss = 984;" TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "mac_of_16_octets_of_a_client", "RFC 5925 2.2", .in = ESTABLISHED, .via = ACTIVE,
		.pre = "socket; mkt 22 11 secret cmac mac 16; ao 11 22 secret cmac mac 16",
		.want = { TEXT_BOTH_WAYS "write 1960; > . S(980); > P. S(980); < . N ack S", .counters = NONE_BAD } },
	SIGNED_TWO_BLOCKS("RFC 5925 7.6", SERVER),
	{ "a_server_takes_timestamps_without_sack", "RFC 5925 7.6", .pre = SERVER,
		.want = { "< S 0 <mss 1000,nop,nop,ts T 0>; > S. 0 ack 1 <nosackok,ts>; < . 1 ack 1; accept;"
			"info snd_mss = 972;" TEXT_BOTH_WAYS } },
	{ "no_timestamps_where_a_block_has_no_room", "RFC 5925 7.6",
		.pre = "listen; mktlistener 22 11 secret cmac mac 16; ao 11 22 secret cmac mac 16",
		.want = { "< S 0 <mss 1000,sackok,ts T 0>; > S. 0 ack 1 <sackok,nots>; < . 1 ack 1 <>; accept;"
			"info snd_mss = 980; < . 1001(500) ack 1 <>; > . 1 ack 1 <nots,sack 1001:1501>",
			.counters = NONE_BAD } },
	{ "no_timestamps_of_a_client_whose_blocks_have_no_room", "RFC 5925 7.6",
		.pre = "socket; mkt 22 11 secret cmac mac 16; ao 11 22 secret cmac mac 16",
		.want = { "connect; > S 0 <sackok,nots>", .state = SYN_SENT },
		.kernel_differs = "offers both, and has no room for a block then",
		.kernel = { "connect; > S 0 <sackok,ts>", .state = SYN_SENT } },
	{ "timestamps_of_a_client_that_wants_no_blocks", "RFC 5925 7.6", .in = ESTABLISHED, .via = ACTIVE,
		.syn = "mss 1000,nop,nop,ts T 0",
		.pre = "sysctl sack 0; socket; mkt 22 11 secret cmac mac 16; ao 11 22 secret cmac mac 16",
		.want = { "info snd_mss = 968; < P. N(100) ack S; >@500 . S ack N+100 <ts>", .counters = NONE_BAD } },
	{ "the_mac_of_another_peer_takes_no_room", "RFC 5925 7.6",
		.pre = SERVER "; mktotherlistener 22 11 secret cmac mac 16; mktotherlistener 44 33 secret",
		.want = { "< S 0 <mss 1000,sackok,ts T 0>; > S. 0 ack 1 <sackok,ts>; < . 1 ack 1; accept;"
			"< . 1001(500) ack 1; > . 1 ack 1 <ts,sack 1001:1501>", .counters = NONE_BAD },
		.kernel_differs = "takes no timestamps with SACK, however short the MAC",
		.kernel = { "< S 0 <mss 1000,sackok,ts T 0>; > S. 0 ack 1 <sackok,nots>", .state = SYN_RECEIVED } },
	{ "another_key_of_the_peer_takes_room", "RFC 5925 7.6", .pre = SERVER "; mktlistener 44 33 secret cmac mac 16",
		.want = { "< S 0 <mss 1000,sackok,ts T 0>; > S. 0 ack 1 <sackok,nots>; < . 1 ack 1 <>; accept;"
			"info snd_mss = 980", .counters = NONE_BAD } },
	{ "a_block_and_timestamps_beside_a_mac", "RFC 5925 7.6", .pre = SERVER,
		.want = { "< S 0 <mss 1000,sackok,ts T 0>; > S. 0 ack 1 <sackok,ts>; < . 1 ack 1; accept;"
			"< . 1001(500) ack 1; > . 1 ack 1 <ts,sack 1001:1501>", .counters = NONE_BAD },
		.kernel_differs = "takes no timestamps with SACK, however short the MAC",
		.kernel = { "< S 0 <mss 1000,sackok,ts T 0>; > S. 0 ack 1 <sackok,nots>", .state = SYN_RECEIVED } },
	/* Which octets are covered: a change of any makes another segment. */
	{ "pseudo_header_%s", "RFC 5925 5.1", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "< P. N(10) turn sne; none; < P. N(10) turn src; none; < P. N(10) turn dst; none;"
			"< P. N(10) turn protocol; none; < P. N(10) turn length; none;" TEXT_BOTH_WAYS,
			.counters = "TCPAOBad=5 TCPAOGood=2 OutRsts=0" } },
	{ "header_%s", "RFC 5925 5.1", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "< P. N(10) turn 0; none; < P. N(10) turn 3; none; < P. N(10) " TURNED_HEADER TEXT_BOTH_WAYS,
			.counters = "TCPAOBad=12 TCPAOGood=2 OutRsts=0" } },
	{ "options_and_text_%s", "RFC 5925 5.1", .in = ESTABLISHED, .via = ACTIVE, .pre = CLIENT,
		.syn = "mss 1000,nop,nop,ts T 0",
		.want = { "< P. N(10) turn 20; none; < P. N(10) turn 23; none; < P. N(10) turn 24; none;"
			"< P. N(10) turn 31; none; < P. N(10) turn 32; none; < P. N(10) turn 33; none;"
			"< P. N(10) turn 34; none; < P. N(10) turn 35; none; < P. N(10) badsign; none;"
			"< P. N(10) turn 48; none; < P. N(10) turn 57; none;" TEXT_BOTH_WAYS "aoinfo bad = 11",
			.counters = "TCPAOBad=11 TCPAOGood=2 OutRsts=0" } },
	{ "syn_that_changed", "RFC 5925 5.1", .pre = SERVER,
		.want = { "< S 0 turn sne $; none; < S 0 turn src $; none; < S 0 turn 3 $; none; < S 0 turn 11 $; none;"
			"< S 0 turn 13 $; none; < S 0 turn 23 $; none;", .state = LISTEN,
			.counters = "TCPAOBad=6 TCPAOGood=0 ListenDrops=0 OutRsts=0" } },
	{ "options_that_no_mac_covers", "RFC 5925 3.1", .in = ESTABLISHED, .via = PASSIVE,
		.pre = "listen; mktlistener 22 11 secret noopts; ao 11 22 secret noopts",
		.syn = "mss 1000,nop,nop,ts T 0",
		.want = { TEXT_BOTH_WAYS "< P. N(10) turn 4; none; < P. N(10) turn 36; none;"
			"< P. N(10) <nop,nop,ts T R>; >@500 . S ack N+10", .counters = "TCPAOBad=2 TCPAOGood=3" } },
	{ "one_end_covers_options_and_the_other_does_not", "RFC 5925 3.1",
		.pre = "listen; mktlistener 22 11 secret noopts; ao 11 22 secret",
		.want = { "< S 0 $; none", .counters = "TCPAOBad=1", .state = LISTEN } },
	/* SYNs. */
	{ "syn_without_a_mac", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 unsigned $; none; aoinfolistener required = 1",
			.counters = "TCPAORequired=1 TCPAOBad=0 TCPAOKeyNotFound=0 ListenDrops=0", .state = LISTEN } },
	{ "syn_with_a_wrong_mac", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 badsign $; none; < S 0 signed other $; none; aoinfolistener bad = 2",
			.counters = "TCPAOBad=2 TCPAOKeyNotFound=0 TCPAORequired=0 ListenDrops=0", .state = LISTEN } },
	{ "syn_with_another_keyid", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 keyid 22 $; none; < S 0 keyid 0 $; none; aoinfolistener notfound = 2",
			.counters = "TCPAOKeyNotFound=2 TCPAOBad=0 TCPAORequired=0 ListenDrops=0", .state = LISTEN } },
	{ "syn_that_asks_for_a_key_that_is_not_there", "RFC 5925 7.3", .pre = SERVER,
		.want = { "< S 0 rnext 99 $; none", .counters = "TCPAOBad=0 TCPAOKeyNotFound=0 OutRsts=0" } },
	{ "syn_with_two_options", "RFC 5925 2.2", .pre = SERVER,
		.want = { "< S 0 <mss 1000,hex 1d100b16000000000000000000000000>; none",
			.counters = "TCPAOGood=0 TCPAOKeyNotFound=0 TCPAORequired=0 ListenDrops=0 OutRsts=0",
			.state = LISTEN } },
	{ "syn_with_a_signature_by_md5_too", "RFC 5925 2.2", .pre = SERVER,
		.want = { "< S 0 <mss 1000,hex 131200000000000000000000000000000000>; none",
			.counters = "TCPAOGood=0 TCPAORequired=0 TCPMD5Failure=0 ListenDrops=0 OutRsts=0",
			.state = LISTEN } },
	{ "option_of_a_wrong_length", "RFC 5925 2.2", .pre = SERVER,
		.want = { "< S 0 unsigned <mss 1000,hex 1d020101>; none; < S 0 unsigned <mss 1000,hex 1d030b01>; none;"
			"< S 0 unsigned <mss 1000,hex 1d040b16>; none; < S 0 unsigned <mss 1000,hex 1d200b1600000000>;"
			"none", .counters = "TCPAOGood=0 ListenDrops=0 OutRsts=0", .state = LISTEN } },
	{ "mac_of_another_length", "RFC 5925 2.2", .pre = SERVER,
		.want = { "< S 0 unsigned <mss 1000,hex 1d080b1600000000>; none;"
			"< S 0 unsigned <mss 1000,hex 1d140b1600000000000000000000000000000000>; none;"
			"< S 0 longer 4 $; none; < S 0 longer 1 $; none",
			.counters = "TCPAOBad=4 TCPAOGood=0 ListenDrops=0", .state = LISTEN } },
	{ "syn_with_a_mac_that_nobody_expects", "RFC 5925 7.4", .pre = "listen; ao 11 22 secret",
		.want = { "< S 0 $; none", .counters = "TCPAOKeyNotFound=1 ListenDrops=0", .state = LISTEN } },
	{ "syn_with_a_mac_where_md5_is_due", "RFC 5925 7.4", .pre = "listen; md5listener secret; ao 11 22 secret",
		.want = { "< S 0 $; none; ao none; key secret;" OPENS TEXT_BOTH_WAYS,
			.counters = "TCPAOKeyNotFound=1 TCPMD5NotFound=0 ListenDrops=0" } },
	{ "syn_with_md5_where_a_mac_is_due", "RFC 5925 7.4", .pre = "listen; mktlistener 22 11 secret; key secret",
		.want = { "< S 0 $; none; key none; ao 11 22 secret;" OPENS TEXT_BOTH_WAYS,
			.counters = "TCPMD5Unexpected=1 TCPAORequired=0 ListenDrops=0" } },
	{ "a_listener_without_a_key_that_requires_macs", "RFC 5925 7.4", .pre = "listen; aosetlistener required 1",
		.want = { "< S 0 $; none", .counters = "TCPAORequired=1 ListenDrops=0", .state = LISTEN } },
	{ "a_flood_of_forged_syns_costs_nothing", "RFC 5925 7.4", .pre = "sysctl syncookies 2;" SERVER,
		.want = { "repeat 100 < S 0 badsign $; none; repeat 100 < S 0 unsigned $; none",
			.counters = "TCPAOBad=100 TCPAORequired=100 TCPReqQFullDoCookies=0 SyncookiesSent=0",
			.state = LISTEN } },
	{ "fin_that_tells_too_little", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< F 1 keyid 99; none; < F 1; none; aoinfolistener notfound = 1; aoinfolistener bad = 0",
			.counters = "TCPAOKeyNotFound=1 TCPAOBad=0 TCPAOGood=0", .state = LISTEN } },
	{ "ack_before_any_syn", "RFC 5925 7.4", .in = SYN_SENT, .pre = CLIENT,
		.want = { "< . 1 ack 1 keyid 99; none; < . 1 ack 1; none; aoinfo bad = 1; aoinfo notfound = 1",
			.counters = "TCPAOKeyNotFound=1 TCPAOBad=1 TCPAOGood=0 OutRsts=0", .state = SYN_SENT } },
	/* Handshakes. */
	{ "third_ack_that_is_forged", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 unsigned; none; < . 1 ack 1 badsign; none;"
			"state syn_received; < R 1 unsigned; none; state syn_received; < R 1 badsign; none;"
			"state syn_received; < . 1 ack 1 keyid 99; none; < . 1 ack 1; accept",
			.counters = "TCPAOBad=4 TCPAOKeyNotFound=1 PassiveOpens=1" } },
	{ "syn_ack_that_is_forged", "RFC 5925 7.4", .in = SYN_SENT, .pre = CLIENT,
		.want = { "< S. 0 ack 1 unsigned $; none; < S. 0 ack 1 badsign $; none; < R. 0 ack 1 unsigned; none;"
			"< S. 0 ack 1 keyid 22 $; none; < S. 0 ack 1 $; > . 1 ack 1",
			.counters = "TCPAORequired=2 TCPAOBad=1 TCPAOKeyNotFound=1", .state = ESTABLISHED } },
	SIGNED_SYN_ACK_RESENT("RFC 5925 7.4", SERVER),
	{ "syn_that_comes_again", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;" TEXT_BOTH_WAYS,
			.counters = NONE_BAD } },
	{ "rst_for_a_third_ack_with_a_wrong_number", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 5; > R 5; none", .counters = "OutRsts=1",
			.state = SYN_RECEIVED },
		.kernel_differs = "looks for a key that the peer sends by, and finds none",
		.kernel = { "< S 0 $; > S. 0 ack 1; < . 1 ack 5; none", .counters = "OutRsts=0" } },
	{ "ack_for_an_entry_outside_of_the_window", "RFC 5925 7.4", .pre = SERVER_OF_TWO,
		.want = { "< S 0 $; > S. 0 ack 1; < . 900000(10) ack 1; > . 1 ack 1; none", .state = SYN_RECEIVED } },
	/* the answer would have to be signed by a key that there is not */
	{ "ack_for_an_entry_that_asks_for_a_key_that_is_not_there", "RFC 5925 7.5", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < . 900000(10) ack 1 rnext 99; none",
			.counters = "TCPAOGood=2 " NONE_BAD, .state = SYN_RECEIVED } },
	{ "rst_for_a_syn_ack_with_a_wrong_number", "RFC 5925 7.4", .in = SYN_SENT, .pre = CLIENT,
		.want = { "< S. 0 ack 5 $; > R 5; none; < S. 0 ack 1 $; > . 1 ack 1",
			.counters = "OutRsts=1 TCPAOGood=2 " NONE_BAD, .state = ESTABLISHED } },
	{ "rst_for_text_after_close_in_fin_wait_1", "RFC 5925 7.5", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "close; > F. 1 ack 1; < P. 1(10) ack 1; > R 1; none", .counters = "OutRsts=1 " NONE_BAD,
			.state = CLOSED } },
	{ "rst_for_text_after_close", "RFC 5925 7.5", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "close; > F. 1 ack 1; < . 1 ack 2; < P. 1(10) ack 2; > R 2; none",
			.counters = "OutRsts=1 " NONE_BAD, .state = CLOSED } },
	{ "signed_rst_refuses", "RFC 5925 7.4", .in = SYN_SENT, .pre = CLIENT,
		.want = { "< R. 0 ack 1; none", .state = CLOSED, .err = "ECONNREFUSED" } },
	SIGNED_COOKIE("RFC 5925 7.4", SERVER, "TCPAORequired", "TCPAOBad"),
	{ "another_key_of_a_listener_between_syn_and_third_ack", "RFC 5925 3.1", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; mktlistener 44 33 other; mktdellistener 22 11; < . 1 ack 1; none;"
			"state syn_received", .counters = "TCPAOKeyNotFound=1", .state = SYN_RECEIVED } },
	/* Segments of a connection. */
	{ "forged_segments_%s", "RFC 5925 7.5", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "< P. N(10) unsigned; none; < P. N(10) badsign; none; < P. N(10) signed other; none;"
			"read EAGAIN; < R N unsigned; none; < R N badsign; none; < F. N unsigned; none; < S N unsigned;"
			"none; < P. N(10) keyid 22; none;" TEXT_BOTH_WAYS "aoinfo required = 4; aoinfo bad = 3;"
			"aoinfo notfound = 1",
			.counters = "TCPAORequired=4 TCPAOBad=3 TCPAOKeyNotFound=1 TCPChallengeACK=0 OutRsts=0" } },
	{ "forged_segments_of_a_client_%s", "RFC 5925 7.5", .in = ESTABLISHED, .via = ACTIVE, .pre = CLIENT,
		.want = { "< P. N(10) unsigned; none; < P. N(10) badsign; none; < R N unsigned; none; < R N badsign;"
			"none; < P. N(10) <hex 1d100b16000000000000000000000000>; none;" TEXT_BOTH_WAYS,
			.counters = "TCPAORequired=2 TCPAOBad=2 TCPChallengeACK=0 OutRsts=0" } },
	{ "no_key_of_md5_that_came_later_%s", "RFC 5925 7.4", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "md5 wide EKEYREJECTED; md5wide 8 wide; ao none; key wide; < P. N(10); none; < R N; none;"
			"key none; < P. N(10); none; ao 11 22 secret;" TEXT_BOTH_WAYS,
			.counters = "TCPMD5Unexpected=2 TCPAORequired=1 OutRsts=0" },
		.kernel_differs = "takes a segment that MD5 signs",
		.kernel = { "md5 wide EKEYREJECTED; md5wide 8 wide" } },
	{ "mac_that_nobody_expects_%s", "RFC 5925 7.5", .in = ESTABLISHED,
		.want = { "ao 11 22 secret; < P. N(10); none; < R N; none; ao none; < P. N(10); >@500 . S ack N+10",
			.counters = "TCPAOKeyNotFound=2 OutRsts=0" } },
	SIGNED_RST_COUNTS("RFC 5925 7.5", SERVER),
	SIGNED_CHALLENGE("RFC 5925 7.4", SERVER, NONE_BAD),
	{ "syn_that_comes_late_%s", "RFC 5925 5.2, RFC 5961 4.2", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "< S 0 $; > . S ack N; none; < S 0 badsign $; none", .counters = "TCPAOGood=1 TCPAOBad=1" } },
	SIGNED_ABORT("RFC 5925 7.4", SERVER),
	SIGNED_KEEPALIVE("RFC 5925 7.4", SERVER),
	{ "closed_by_both_%s", "RFC 5925 7.4", .in = CLOSE_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "shut; > F. S ack N; < . N ack S unsigned; none; state last_ack; < . N ack S",
			.counters = "TCPAORequired=1 TCPAOBad=0", .state = CLOSED } },
	/* The end. */
	SIGNED_FIN_AGAIN("RFC 5925 7.5", SERVER),
	SIGNED_FIN_AGAIN_OF_CLIENT("RFC 5925 7.5", CLIENT),
	{ "forged_segments_%s", "RFC 5925 7.5", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "< F. 1 ack 2 unsigned; none; < F. 1 ack 2 badsign; none; < F. 1 ack 2 keyid 99; none;"
			"< F. 1 ack 2; > . 2 ack 2", .counters = "TCPAORequired=1 TCPAOBad=1 TCPAOKeyNotFound=1" },
		.kernel_differs = "checks no MAC in TIME-WAIT",
		.kernel = { "< F. 1 ack 2 badsign; > . 2 ack 2", .counters = "TCPAOBad=0" } },
	{ "time_wait_keeps_its_key", "RFC 5925 3.2", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "mktdellistener 22 11; < F. 1 ack 2; > . 2 ack 2; none" } },
	{ "forged_syn_does_not_end_time_wait", "RFC 5925 7.5, RFC 1337", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "< S 100000 unsigned $; none; state time_wait; < F. 1 ack 2; > . 2 ack 2" },
		.kernel_differs = "ends TIME-WAIT before it looks for the option",
		.kernel = { "< S 100000 unsigned $; none", .state = CLOSED } },
	{ "next_connection_after_%s", "RFC 5925 5.2", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "aoinfolistener good = 2; reopen 100000; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
			TEXT_BOTH_WAYS "aoinfolistener good = 4", .counters = "TCPAOGood=4 " NONE_BAD,
			.state = ESTABLISHED } },
	SIGNED_FORGED_FOR_ORPHAN("RFC 5925 7.5", SERVER, "TCPAORequired", "TCPAOBad"),
	{ "segment_without_a_connection", "RFC 5925 7.7", .pre = SERVER,
		.want = { "< . 1 ack 77; none; < P. 1(10) ack 78 badsign; none; < . 1 ack 77 unsigned; none",
			.counters = "OutRsts=0", .state = LISTEN } },
	/* Keys that change. */
	{ "peer_asks_for_another_key_%s", "RFC 5925 7.5", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER_OF_TWO,
		.want = { TEXT_BOTH_WAYS "aouse 11 44; aowant 44 11;" TEXT_BOTH_WAYS "aoinfo current = 44;"
			"aoinfo rnext = 11; aouse 33 22; aowant 22 11;" TEXT_BOTH_WAYS "aoinfo current = 22",
			.counters = NONE_BAD } },
	{ "program_asks_for_another_key_%s", "RFC 5925 3.3", .in = ESTABLISHED, .via = ACTIVE, .pre = CLIENT_OF_TWO,
		.want = { TEXT_BOTH_WAYS "aoset rnext 33; aowant 22 33;" TEXT_BOTH_WAYS "aouse 33 22;" TEXT_BOTH_WAYS
			"aoset current 44; aowant 44 33; write 50; > P. S(50) ack N; aouse 33 44; < . N ack S;"
			"aoinfo current = 44; aoinfo rnext = 33", .counters = NONE_BAD } },
	{ "forged_segment_asks_for_another_key_%s", "RFC 5925 7.5", .in = ESTABLISHED, .via = PASSIVE,
		.pre = SERVER_OF_TWO,
		.want = { "< P. N(10) badsign rnext 44; none; aoinfo current = 22;" TEXT_BOTH_WAYS,
			.counters = "TCPAOBad=1" } },
	{ "peer_asks_for_a_key_that_is_not_there_%s", "RFC 5925 7.5", .in = ESTABLISHED, .via = PASSIVE,
		.pre = SERVER_OF_TWO,
		.want = { "< P. N(100) ack S rnext 99; >@500 . S ack N+100; read 100; aoinfo current = 22;"
			TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "syn_chooses_the_keys", "RFC 5925 7.3", .pre = SERVER_OF_TWO,
		.want = { "aouse 33 44; aowant 44 33;" OPENS TEXT_BOTH_WAYS "aoinfo current = 44; aoinfo rnext = 33",
			.counters = NONE_BAD } },
	{ "key_in_use_stays_%s", "RFC 5925 3.3", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER_OF_TWO,
		.want = { "mktdel 22 11 EBUSY; mktdel 22 11 async EINVAL; mktdel 55 66 ENOENT;" TEXT_BOTH_WAYS
			"mktdel 22 11 current 44 rnext 33; < P. N(10); none; aouse 33 44; aowant 44 33;" TEXT_BOTH_WAYS,
			.counters = "TCPAOKeyNotFound=1 TCPAOBad=0" } },
	{ "key_added_to_a_live_connection_%s", "RFC 5925 3.3", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "mkt 44 33 other; mkt 44 55 other EEXIST; mkt 55 33 other EEXIST; ao 33 44 other;"
			"aowant 44 11;" TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "no_key_without_a_key_from_the_start_%s", "RFC 5925 7.4", .in = ESTABLISHED,
		.want = { "mkt 22 11 secret EISCONN; mktdel 22 11 EISCONN; aoset required 1 EISCONN;"
			TEXT_BOTH_WAYS } },
	{ "keys_of_a_listener_leave_its_children_alone", "RFC 5925 3.2", .in = ESTABLISHED, .via = PASSIVE,
		.pre = SERVER,
		.want = { "mktdellistener 22 11; mktlistener 44 33 other;" TEXT_BOTH_WAYS "fresh; < S 0 $; none;"
			"ao 33 44 other; < S 0 $; > S. 0 ack 1", .state = SYN_RECEIVED,
			.counters = "TCPAOKeyNotFound=1" } },
	{ "key_of_a_prefix", "RFC 5925 3.1", .pre = "listen; mktlistener 22 11 secret prefix 16; ao 11 22 secret",
		.want = { OPENS TEXT_BOTH_WAYS "mktdel 22 11 ENOENT", .counters = NONE_BAD } },
	{ "no_keys_for_a_peer_that_has_one_of_the_other_kind", "RFC 5925 7.4",
		.pre = "listen; mktlistener 22 11 secret",
		.want = { "md5listener secret EKEYREJECTED; mktdellistener 22 11; md5listener secret;"
			"mktlistener 22 11 secret EKEYREJECTED", .state = LISTEN } },
	/* Sequence numbers beyond 2^32. */
	{ "numbers_pass_2_to_the_32", "RFC 5925 6.2", .pre = "isn 0xffffff00;" SERVER,
		.want = { OPENS "< P. 1(100) ack 1; >@500 . 1 ack 101; < P. 101(400) ack 1; >@500 . 1 ack 501;"
			"read 500; < P. 501(100) ack 1 turn sne; none; < P. 501(100) ack 1; >@500 . 1 ack 601;"
			"read 100; < P. 1(100) ack 1; > . 1 ack 601; < P. 401(100) ack 1; > . 1 ack 601",
			.counters = "TCPAOBad=1" } },
	{ "numbers_of_a_servers_syn_pass_2_to_the_32", "RFC 5925 6.2", .pre = CLIENT,
		.want = { "isn 0xfffffffe; connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1; < P. 1(1) ack 1; skim;"
			"< P. 2(100) ack 1; skim; read 101; < P. 102(10) ack 1; skim; read 10",
			.counters = "TCPAOBad=0" } },
	{ "hole_at_2_to_the_32", "RFC 5925 6.2", .pre = "isn 0xffffff00;" SERVER,
		.want = { OPENS "< . 256(100) ack 1; > . 1 ack 1; < . 1(255) ack 1; > . 1 ack 356; read 355;"
			"< . 356(10) ack 1; skim; read 10", .counters = "TCPAOBad=0" } },
	{ "syn_has_the_last_number", "RFC 5925 6.2", .pre = "isn 0xffffffff;" SERVER,
		.want = { OPENS TEXT_BOTH_WAYS, .counters = "TCPAOBad=0" },
		.kernel_differs = "takes what a child is sent for numbers before 2^32",
		.kernel = { OPENS "< P. N(100) ack S; none", .counters = "TCPAOBad=1" } },
	/* ICMP. */
	{ "icmp_%s", "RFC 5925 7.8", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "icmp port seq S; none;" TEXT_BOTH_WAYS "aoinfo icmps = 1",
			.counters = "TCPAODroppedIcmps=1" } },
	{ "icmp_of_ipv4_%s", "RFC 5925 7.8", .in = ESTABLISHED, .via = PASSIVE, .only = 4, .pre = SERVER,
		.want = { "icmp protocol seq S; icmp port seq S; icmp toobig seq S mtu 600; none; info pmtu = 1500;"
			TEXT_BOTH_WAYS, .counters = "TCPAODroppedIcmps=3" } },
	{ "icmp_that_the_program_accepts_%s", "RFC 5925 7.8", .in = ESTABLISHED, .via = PASSIVE,
		.pre = SERVER "; aosetlistener icmps 1",
		.want = { "icmp port seq S; none;" TEXT_BOTH_WAYS "aoinfo icmps = 0",
			.counters = "TCPAODroppedIcmps=0" } },
	{ "icmp_in_time_wait", "RFC 5925 7.8", .in = TIME_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "icmp port seq 1; none; < F. 1 ack 2; > . 2 ack 2", .counters = "TCPAODroppedIcmps=1" } },
	{ "icmp_refuses_%s", "RFC 5925 7.8", .in = SYN_SENT, .pre = CLIENT,
		.want = { "icmp port seq 0; none", .counters = "TCPAODroppedIcmps=0", .state = CLOSED,
			.err = "ECONNREFUSED" } },
};

WIRE_MAIN_XTCP(rows)
