// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO (RFC 5925): what a segment has room for beside the longest MAC, keys that come or go during a handshake, and
 * keys that change in each state.
 *
 * In all rows the peer sends with KeyID 11 and the stack with KeyID 22; a second key has 33 and 44.
 */
#include "signed_rows.h"
#include "wire.h"

#define SERVER		"listen; mktlistener 22 11 secret; ao 11 22 secret"
#define CLIENT		"socket; mkt 22 11 secret; ao 11 22 secret"
#define SERVER_OF_TWO	"listen; mktlistener 22 11 secret; mktlistener 44 33 other; ao 33 44 other; ao 11 22 secret"
#define CLIENT_OF_TWO	"socket; mkt 22 11 secret current rnext; mkt 44 33 other; ao 33 44 other; ao 11 22 secret"
#define LONG_MAC	"secret cmac mac 16"
#define LONG_SERVER	"listen; mktlistener 22 11 " LONG_MAC "; ao 11 22 " LONG_MAC
#define LONG_CLIENT	"socket; mkt 22 11 " LONG_MAC "; ao 11 22 " LONG_MAC

#define NONE_BAD	"TCPAORequired=0 TCPAOBad=0 TCPAOKeyNotFound=0"

/* Options as they are laid. */
#define MAC		"1d14160b................................"
#define MSS		"0204...."
#define SACK		"01010402"
#define TS		"0101080a................"
#define WS		"010303.."
#define ACCECN		"ac08............"

/* A segment that draws an ACK in every synchronized state, and changes nothing. */
#define NO_LIMIT	"sysctl invalid_ratelimit 0; "
#define ASKS		"< . N-1; > . S ack N;"

static const struct wire_row rows[] = {
	/* Room beside a MAC of 16 octets: 20 octets. */
	{ "syn_ack_to_a_syn_with_all_options", "RFC 5925 7.6", .pre = LONG_SERVER,
		.want = { "< S 0 <mss 1000,sackok,ts T 0,nop,ws 7>; > S. 0 ack 1 <laid " MAC MSS SACK WS ">",
			.state = SYN_RECEIVED } },
	{ "syn_ack_to_a_syn_without_sack", "RFC 5925 7.6", .pre = LONG_SERVER,
		.want = { "< S 0 <mss 1000,nop,nop,ts T 0,nop,ws 7>; > S. 0 ack 1 <laid " MAC MSS TS WS ">",
			.state = SYN_RECEIVED } },
	/* only timestamps can carry the options of a cookie */
	{ "syn_ack_with_a_cookie", "RFC 5925 7.6", .pre = "sysctl syncookies 2;" LONG_SERVER,
		.want = { "< S 0 <mss 1000,sackok,ts T 0,nop,ws 7>; > S. 0 ack 1 <laid " MAC MSS TS WS ">",
			.counters = "SyncookiesSent=1" } },
	{ "syn_ack_without_a_cookie_of_fast_open", "RFC 5925 7.6",
		.pre = "sysctl fastopen 2;" LONG_SERVER "; set FASTOPEN 5",
		.want = { "< S 0 <mss 1000,hex 2202>; > S. 0 ack 1 <laid " MAC MSS ">",
			.counters = "TCPFastOpenPassive=0", .state = SYN_RECEIVED } },
	{ "text_on_a_syn_waits_for_the_third_ack", "RFC 5925 7.6",
		.pre = "sysctl fastopen 514;" LONG_SERVER "; set FASTOPEN 5",
		.want = { "< S 0(10) <mss 1000>; > S. 0 ack 1; < . 1 ack 1; accept; < P. 1(10) ack 1; skim; read 10",
			.counters = "TCPFastOpenPassive=0 " NONE_BAD } },
	{ "syn_ack_of_accecn", "RFC 9768 3.2.3.1", .pre = "sysctl ecn 3;" LONG_SERVER,
		.want = { "< SECA 0 <mss 1000,sackok,ts T 0,nop,ws 7>; > S.C 0 ack 1 <laid " MAC MSS SACK WS ACCECN ">",
			.state = SYN_RECEIVED } },
	{ "syn_ack_to_a_syn_with_mptcp_and_unknown_options", "RFC 5925 7.6", .pre = LONG_SERVER,
		.want = { "< S 0 <mss 1000,hex 1e0400811e0400815f04abcd>; > S. 0 ack 1 <laid " MAC MSS ">",
			.state = SYN_RECEIVED } },
	{ "syn_of_a_client", "RFC 5925 7.6", .pre = LONG_CLIENT,
		.want = { "connect; > S 0 <laid " MAC MSS SACK WS ">", .state = SYN_SENT } },
	{ "syn_of_a_client_without_sack", "RFC 5925 7.6", .pre = "sysctl sack 0;" LONG_CLIENT,
		.want = { "connect; > S 0 <laid " MAC MSS TS WS ">", .state = SYN_SENT } },
	{ "syn_of_a_client_that_would_open_fast", "RFC 5925 7.6", .pre = LONG_CLIENT,
		.want = { "fast 10 EINPROGRESS; > S 0 <nofo,laid " MAC MSS SACK WS ">; < S. 0 ack 1 $; > . 1 ack 1" } },
	/* Keys that come or go during a handshake. */
	{ "first_key_of_a_client_after_its_syn", "RFC 5925 7.4",
		.want = { "socket; connect; > S 0; mkt 22 11 secret EISCONN; < S. 0 ack 1 $; > . 1 ack 1;"
			TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "second_key_of_a_client_after_its_syn", "RFC 5925 3.3", .pre = CLIENT,
		.want = { "connect; > S 0; mkt 44 33 other; ao 33 44 other; aowant 22 11; < S. 0 ack 1 $; > . 1 ack 1;"
			"aowant 44 11;" TEXT_BOTH_WAYS "aoinfo current = 44; aoinfo rnext = 11", .counters = NONE_BAD,
			.state = ESTABLISHED } },
	{ "key_of_a_client_removed_after_its_syn", "RFC 5925 3.3", .pre = CLIENT_OF_TWO,
		.want = { "connect; > S 0; mktdel 22 11 EBUSY; mktdel 44 33; aouse 33 44; < S. 0 ack 1 $; none;"
			"aouse 11 22; < S. 0 ack 1 $; > . 1 ack 1;" TEXT_BOTH_WAYS,
			.counters = "TCPAOKeyNotFound=1 TCPAOBad=0" } },
	{ "first_key_of_a_listener_after_a_syn", "RFC 5925 7.4", .pre = "listen",
		.want = { "< S 0 $; > S. 0 ack 1; mktlistener 22 11 secret; < . 1 ack 1; none; < R 1; none;"
			"state syn_received; ao 11 22 secret; < . 1 ack 1; none; < R 1; none;",
			.counters = "TCPAORequired=2 TCPAOBad=2 PassiveOpens=0", .state = SYN_RECEIVED } },
	{ "second_key_of_a_listener_after_a_syn", "RFC 5925 3.3", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; mktlistener 44 33 other; ao 33 44 other; < . 1 ack 1; accept;"
			"aoinfo current = 44; aoinfo rnext = 33;" TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	/* nothing goes unsigned meanwhile */
	{ "key_of_a_listener_is_away_for_a_while", "RFC 5925 7.4", .pre = SERVER,
		.want = { "mark; < S 0 $; > S. 0 ack 1; mktdellistener 22 11; pass 1500; < S 0 $; none;"
			"mktlistener 22 11 secret; >@4000 S. 0 ack 1; elapsed >= 2500; < . 1 ack 1; accept;"
			TEXT_BOTH_WAYS, .counters = "TCPAOKeyNotFound=1 TCPAOBad=0" } },
	{ "key_of_a_listener_is_replaced_before_the_third_ack", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; mktdellistener 22 11; mktlistener 22 11 other; < . 1 ack 1; none;"
			"< . 1 ack 1 signed other; accept; < P. N(10) ack S; none; ao none; ao 11 22 other;"
			TEXT_BOTH_WAYS, .counters = "TCPAOBad=2 TCPAOKeyNotFound=0" } },
	/* the SYN comes again, and asks for a key that is there */
	{ "key_for_which_a_syn_asked_is_replaced_by_another", "RFC 5925 3.3", .pre = SERVER_OF_TWO,
		.want = { "< S 0 $; > S. 0 ack 1; mktdellistener 22 11; aouse 33 44; aowant 44 33; pass 600; < S 0 $;"
			"> S. 0 ack 1; >@4000 S. 0 ack 1; < . 1 ack 1; accept; aoinfo current = 44; aoinfo rnext = 33;"
			TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	/* the peer knows the key by which it signs; it may not know the one that was added last */
	{ "third_ack_asks_for_a_key_that_is_missing", "RFC 5925 7.5", .pre = SERVER_OF_TWO,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 rnext 99; accept; aoinfo current = 22; aoinfo rnext = 11;"
			"write 50; > P. 1(50) ack 1; < . 1 ack 51;" TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	{ "third_ack_with_a_cookie_asks_for_a_key_that_is_missing", "RFC 5925 7.5",
		.pre = "sysctl syncookies 2;" SERVER_OF_TWO,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 rnext 99; accept; aoinfo current = 22; aoinfo rnext = 11;"
			"write 50; > P. 1(50) ack 1; < . 1 ack 51;" TEXT_BOTH_WAYS, .counters = NONE_BAD } },
	/* Peers. */
	{ "key_of_another_peer", "RFC 5925 3.1", .pre = "listen; mktotherlistener 22 11 secret",
		.want = { OPENS TEXT_BOTH_WAYS "mkt 44 33 secret EISCONN; fresh; ao 11 22 secret; < S 0 $; none",
			.counters = "TCPAORequired=0 TCPAOKeyNotFound=1", .state = LISTEN } },
	/* several keys are for the peer: the KeyID says which */
	{ "keys_of_prefixes_and_of_the_peer", "RFC 5925 3.1",
		.pre = "listen; mktlistener 22 11 secret prefix 8; mktlistener 44 33 other prefix 0;"
			"mktlistener 66 55 third; ao 55 66 third; ao 33 44 other; ao 11 22 secret",
		.want = { "mktlistener 77 11 fourth EEXIST; mktlistener 44 88 fourth prefix 16 EEXIST;" OPENS
			TEXT_BOTH_WAYS "aouse 33 44; aowant 44 11;" TEXT_BOTH_WAYS "aouse 55 66; aowant 66 11;"
			TEXT_BOTH_WAYS "fresh; aouse 33 44; aowant 44 33;" OPENS TEXT_BOTH_WAYS, .counters = NONE_BAD,
			.state = ESTABLISHED } },
	/* Keys that change, in each state. */
	{ "peer_asks_for_another_key_%s", "RFC 5925 7.5", .in = SYNCHRONIZED, .via = PASSIVE,
		.pre = NO_LIMIT SERVER_OF_TWO,
		.want = { ASKS "aouse 33 44; aowant 44 11;" ASKS "aoinfo current = 44; aoinfo rnext = 11; aouse 33 99;"
			ASKS "aouse 11 22; aowant 22 11;" ASKS "aoinfo current = 22",
			.counters = "TCPAOGood=4 " NONE_BAD } },
	/* anybody who has seen the segment can send it again, and its MAC is right */
	{ "key_for_which_an_old_segment_asked", "RFC 5925 7.5", .pre = SERVER_OF_TWO,
		.want = { OPENS "write 50; > P. 1(50) ack 1; < . 1 ack 51; aouse 33 44; aowant 44 11;"
			"< P. 1(10) ack 51; skim; aoinfo current = 44; write 50; > P. 51(50) ack 11; < . 11 ack 101;"
			"aouse 11 22; < . 1 ack 51; > . 101 ack 11; aoinfo current = 44; write 50; > P. 101(50) ack 11",
			.counters = NONE_BAD } },
	{ "program_asks_for_another_key_%s", "RFC 5925 3.3", .in = SYNCHRONIZED, .via = ACTIVE,
		.pre = NO_LIMIT CLIENT_OF_TWO,
		.want = { "aoset rnext 33; aowant 22 33;" ASKS "aouse 33 22;" ASKS "aoset current 44; aouse 33 44;"
			"aowant 44 33;" ASKS "aoinfo current = 44; mktdel 22 11; aouse 11 44; < . N-1; none;"
			"aouse 33 22;" ASKS "aoinfo current = 44; aoinfo notfound = 1",
			.counters = "TCPAOGood=4 TCPAOKeyNotFound=1 TCPAOBad=0" } },
	{ "removed_key_%s", "RFC 5925 3.3", .in = SYNCHRONIZED, .via = PASSIVE, .pre = NO_LIMIT SERVER_OF_TWO,
		.want = { "mktdel 22 11 EBUSY; mktdel 44 33; aouse 33 44; < . N-1; none; aouse 11 44;" ASKS
			"aoinfo current = 22", .counters = "TCPAOKeyNotFound=1 TCPAOBad=0 TCPAOGood=1" } },
	/* text that was cut for the shorter MAC is cut again */
	{ "key_with_a_longer_mac_%s", "RFC 5925 7.6", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.want = { "write 1968; > . S(984); > P. S(984); mkt 44 33 other cmac mac 16 current;"
			"info snd_mss = 980; ao 33 44 other cmac mac 16; aowant 44 11; >@3000 . U(980) ack N;"
			"< . N ack S; skim; write 980; > P. S(980); < . N ack S;" TEXT_BOTH_WAYS,
			.counters = NONE_BAD } },
	/* a record has both keys: the one that signs, and the one that the peer is asked to sign by */
	{ "keys_of_time_wait", "RFC 5925 3.3", .pre = SERVER_OF_TWO,
		.want = { OPENS "aoset rnext 33; aowant 22 33; shut; > F. 1 ack 1; < F. 1 ack 2; > . 2 ack 2;"
			"state time_wait; aouse 33 44; aowant 44 33; < F. 1 ack 2; > . 2 ack 2; aouse 11 22;"
			"aowant 22 33; < F. 1 ack 2; > . 2 ack 2; < F. 1 ack 2 keyid 99; none; < F. 1 ack 2 rnext 99;"
			"> . 2 ack 2", .counters = "TCPAOKeyNotFound=1 TCPAOBad=0", .state = TIME_WAIT } },
	/* an old SYN has a right MAC, and chooses the key of its answer alone */
	{ "key_of_the_answer_to_an_old_syn_in_time_wait", "RFC 5925 7.5", .pre = NO_LIMIT SERVER_OF_TWO,
		.want = { OPENS "aoset rnext 33; aowant 22 33; shut; > F. 1 ack 1; < F. 1 ack 2; > . 2 ack 2;"
			"state time_wait; aouse 33 44; aowant 44 33; < S 0 $; > . 2 ack 2; aouse 11 22; aowant 22 33;"
			"< F. 1 ack 2; > . 2 ack 2", .counters = NONE_BAD, .state = TIME_WAIT } },
};

WIRE_MAIN_XTCP(rows)
