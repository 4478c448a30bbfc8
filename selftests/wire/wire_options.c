// SPDX-License-Identifier: GPL-2.0
/*
 * The options of a SYN and of a SYN-ACK, octet by octet: which, in what order, with NOPs where, for each set of knobs
 * and of what the peer offers, with Fast Open and without. Programs tell systems by them. Each row is the same for both
 * stacks, whose octets differ in nothing but what a connection has of its own.
 */
#include "lib/wire.h"

/* What is open: the MSS, which goes by IP, TSval, the shift, the octets of a cookie. */
#define MSS		"0204...."
#define SACK		"01010402"
#define TS		"0101080a................"
#define SACK_TS		"0402080a................"
#define WS		"010303.."
#define ASKS		"22020101"

/* A SYN by these knobs: alone, asking for a cookie, with one of 8 octets. */
#define KNOBS(sack, ts, ws)	"sysctl sack " #sack "; sysctl timestamps " #ts "; sysctl window_scaling " #ws "; "
#define COOKIE_8	"1122334455667788"
#define GIVES		"< S. 0 ack 1 <mss 1000,hex 0101220a" COOKIE_8 ">; > . 1 ack 1; abort; skim; fresh; "
#define SYN(sack, ts, ws, options)										\
	{ "syn_sack_" #sack "_timestamps_" #ts "_window_scaling_" #ws, "RFC 9293 3.2", .pre = KNOBS(sack, ts, ws), \
		.want = { "socket; connect; > S 0 <laid " options ">", .state = SYN_SENT } }
#define FAST_SYN(sack, ts, ws, options)										\
	{ "fast_syn_sack_" #sack "_timestamps_" #ts "_window_scaling_" #ws, "RFC 7413 4.1.1",			\
		.pre = KNOBS(sack, ts, ws),									\
		.want = { "fast 10 EINPROGRESS; > S 0 <laid " options ASKS ">;" GIVES "fast 10 10;"		\
			"> S 0(10) <laid " options "220a" COOKIE_8 "0101>", .state = SYN_SENT } }

/* The answer to a SYN that offers as much: alone, and with a cookie that was asked for; the listener has no knobs. */
#define SYN_ACK(name_, offer, options)										\
	{ "syn_ack_to_" name_, "RFC 9293 3.2", .pre = "listen",							\
		.want = { "< S 0 <mss 1000" offer ">; > S. 0 ack 1 <laid " options ">" } }
#define FAST_SYN_ACK(name_, offer, options)									\
	{ "fast_syn_ack_to_" name_, "RFC 7413 4.1.1", .pre = "sysctl fastopen 2; listen; set FASTOPEN 5",	\
		.want = { "< S 0 <mss 1000" offer ",hex 22020101>; > S. 0 ack 1 <laid " options			\
			"220a................0101>" } }

static const struct wire_row rows[] = {
	SYN(1, 1, 1, MSS SACK_TS WS),
	SYN(1, 1, 0, MSS SACK_TS),
	SYN(1, 0, 1, MSS SACK WS),
	SYN(1, 0, 0, MSS SACK),
	SYN(0, 1, 1, MSS TS WS),
	SYN(0, 1, 0, MSS TS),
	SYN(0, 0, 1, MSS WS),
	SYN(0, 0, 0, MSS),
	FAST_SYN(1, 1, 1, MSS SACK_TS WS),
	FAST_SYN(1, 1, 0, MSS SACK_TS),
	FAST_SYN(1, 0, 1, MSS SACK WS),
	FAST_SYN(1, 0, 0, MSS SACK),
	FAST_SYN(0, 1, 1, MSS TS WS),
	FAST_SYN(0, 1, 0, MSS TS),
	FAST_SYN(0, 0, 1, MSS WS),
	FAST_SYN(0, 0, 0, MSS),
	SYN_ACK("sack_timestamps_window_scale", ",sackok,ts T 0,ws 7", MSS SACK_TS WS),
	SYN_ACK("sack_timestamps", ",sackok,ts T 0", MSS SACK_TS),
	SYN_ACK("sack_window_scale", ",sackok,ws 7", MSS SACK WS),
	SYN_ACK("sack", ",sackok", MSS SACK),
	SYN_ACK("timestamps_window_scale", ",ts T 0,ws 7", MSS TS WS),
	SYN_ACK("timestamps", ",ts T 0", MSS TS),
	SYN_ACK("window_scale", ",ws 7", MSS WS),
	SYN_ACK("none", "", MSS),
	FAST_SYN_ACK("sack_timestamps_window_scale", ",sackok,ts T 0,ws 7", MSS SACK_TS WS),
	FAST_SYN_ACK("sack_timestamps", ",sackok,ts T 0", MSS SACK_TS),
	FAST_SYN_ACK("sack_window_scale", ",sackok,ws 7", MSS SACK WS),
	FAST_SYN_ACK("sack", ",sackok", MSS SACK),
	FAST_SYN_ACK("timestamps_window_scale", ",ts T 0,ws 7", MSS TS WS),
	FAST_SYN_ACK("timestamps", ",ts T 0", MSS TS),
	FAST_SYN_ACK("window_scale", ",ws 7", MSS WS),
	FAST_SYN_ACK("none", "", MSS),
	/* who offered it all, and is answered by a cookie, or by a socket whose SYN has crossed its own */
	{ "syn_ack_with_a_cookie_of_syncookies", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.want = { "< S 0 <mss 1000,sackok,ts T 0,ws 7>; > S. 0 ack 1 <laid " MSS SACK_TS WS ">" } },
	{ "syn_ack_with_a_cookie_of_syncookies_without_timestamps", "RFC 4987 3.6",
		.pre = "sysctl syncookies 2; listen",
		.want = { "< S 0 <mss 1000,sackok,ws 7>; > S. 0 ack 1 <laid " MSS WS ">" },
		.kernel_differs = "without timestamps its cookie has no room for a window scale",
		.kernel = { "< S 0 <mss 1000,sackok,ws 7>; > S. 0 ack 1 <laid " MSS ">" } },
	{ "syn_ack_to_a_syn_that_crosses", "RFC 9293 3.5",
		.want = { "socket; bind; connect; > S 0 <laid " MSS SACK_TS WS ">; < S 0 <mss 1000,sackok,ts T 0,ws 7>;"
			"> S. 0 ack 1 <laid " MSS SACK_TS WS ">", .state = SYN_RECEIVED } },
	{ "syn_that_goes_again", "RFC 6298 5.5",
		.want = { "socket; connect; > S 0 <laid " MSS SACK_TS WS ">; >@2000 S 0 <laid " MSS SACK_TS WS ">",
			.state = SYN_SENT } },
	/* a cookie may have another length than ours; an option of an odd number of words has no NOPs */
	{ "fast_syn_with_a_cookie_of_4_octets", "RFC 7413 4.1.1",
		.want = { "fast 10 EINPROGRESS; > S 0; < S. 0 ack 1 <mss 1000,hex 220611223344>; > . 1 ack 1; abort;"
			"skim; fresh; fast 10 10; > S 0(10) <laid " MSS SACK_TS WS "2206112233440101>",
			.state = SYN_SENT } },
	{ "fast_syn_with_a_cookie_of_6_octets", "RFC 7413 4.1.1",
		.want = { "fast 10 EINPROGRESS; > S 0; < S. 0 ack 1 <mss 1000,hex 2208112233445566>; > . 1 ack 1;"
			"abort; skim; fresh; fast 10 10; > S 0(10) <laid " MSS SACK_TS WS "2208112233445566>",
			.state = SYN_SENT } },
	{ "fast_syn_with_a_cookie_of_16_octets", "RFC 7413 4.1.1",
		.want = { "fast 10 EINPROGRESS; > S 0; < S. 0 ack 1 <mss 1000,hex 2212" COOKIE_8 COOKIE_8 ">;"
			"> . 1 ack 1; abort; skim; fresh; fast 10 10; > S 0(10) <laid " MSS SACK_TS WS "2212" COOKIE_8
			COOKIE_8 "0101>", .state = SYN_SENT } },
};

WIRE_MAIN(rows)
