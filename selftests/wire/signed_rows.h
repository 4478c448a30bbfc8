/* SPDX-License-Identifier: GPL-2.0 */
/* What scripts and rows about signatures have in common, whatever signs: MD5 or TCP-AO. */
#pragma once

#define OPENS		"< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"

/* Text both ways, in a connection that is open. */
#define TEXT_BOTH_WAYS	"< P. N(100) ack S; >@500 . S ack N+100; read 100; write 50; > P. S(50) ack N;"		\
			"< . N ack S;"

/* @server, @client: the steps for keys. @missing, @wrong: counters of unsigned and ill signed segments. */
#define SIGNED_TEXT_RESENT(rfc_, server, none_bad)								\
	{ "text_that_is_resent_is_signed_anew", rfc_, .in = ESTABLISHED, .via = PASSIVE, .pre = server,		\
		.syn = "mss 1000,nop,nop,ts T 0",								\
		.want = { "write 100; > P. S(100) <ts>; tick 500; >@5000 P. S-100(100) <ts>; < . N ack S; none", \
			.counters = none_bad } }

#define SIGNED_TWO_BLOCKS(rfc_, server)										\
	{ "two_blocks_beside_a_signature", rfc_, .pre = server, .syn = "mss 1000,nop,nop,sackok",		\
		.want = { OPENS "< . 1001(500) ack 1; > . 1 ack 1 <sack 1001:1501>; < . 2001(500) ack 1;"	\
			"> . 1 ack 1 <sack 2001:2501 1001:1501>; < . 3001(500) ack 1;"				\
			"> . 1 ack 1 <sack 3001:3501 2001:2501>", .state = ESTABLISHED } }

#define SIGNED_SYN_ACK_RESENT(rfc_, server)									\
	{ "syn_ack_is_resent_with_a_signature", rfc_, .pre = server,						\
		.want = { "< S 0 $; > S. 0 ack 1; >@3000 S. 0 ack 1", .state = SYN_RECEIVED } }

#define SIGNED_COOKIE(rfc_, server, missing, wrong)								\
	{ "handshake_by_cookie", rfc_, .pre = "sysctl syncookies 2;" server, .kernel_shrinks = true,		\
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 unsigned; none; < . 1 ack 1 badsign; none;" OPENS	\
			TEXT_BOTH_WAYS, .counters = "SyncookiesSent=2 SyncookiesRecv=1 " missing "=1 " wrong "=1", \
			.state = ESTABLISHED } }

#define SIGNED_RST_COUNTS(rfc_, server)										\
	{ "signed_rst_%s", rfc_, .in = ESTABLISHED, .via = PASSIVE, .pre = server,				\
		.want = { "< R N; none", .state = CLOSED, .err = "ECONNRESET" } }

#define SIGNED_CHALLENGE(rfc_, server, none_bad)								\
	{ "challenge_ack_is_signed_%s", rfc_, .in = ESTABLISHED, .via = PASSIVE, .pre = server,			\
		.want = { "< R N+1; > . S ack N; none", .counters = "TCPChallengeACK=1 " none_bad } }

#define SIGNED_ABORT(rfc_, server)										\
	{ "abort_sends_a_signed_rst_%s", rfc_, .in = ESTABLISHED, .via = PASSIVE, .pre = server,		\
		.want = { "abort; > R. S ack N; none", .state = CLOSED } }

#define SIGNED_KEEPALIVE(rfc_, server)										\
	{ "keepalive_probe_is_signed", rfc_, .in = ESTABLISHED, .via = PASSIVE, .pre = server,			\
		.want.script = "set KEEPIDLE 1; set KEEPALIVE 1; >@3000 . S-1 ack N; < . N ack S; none" }

#define SIGNED_FIN_AGAIN(rfc_, server)										\
	{ "fin_again_%s", rfc_, .in = TIME_WAIT, .via = PASSIVE, .pre = server,					\
		.want = { "< F. 1 ack 2; > . 2 ack 2; none" } }

#define SIGNED_FIN_AGAIN_OF_CLIENT(rfc_, client)								\
	{ "time_wait_of_a_client", rfc_, .in = TIME_WAIT, .via = ACTIVE, .pre = client,				\
		.want = { "< F. 1 ack 2; > . 2 ack 2; none" } }

#define SIGNED_FORGED_FOR_ORPHAN(rfc_, server, missing, wrong)							\
	{ "forged_segments_of_an_orphan", rfc_, .in = FIN_WAIT_2, .via = PASSIVE, .pre = server,		\
		.want = { "close; < R N unsigned; none; < P. N(10) badsign; none; < F. 1 ack 2; > . 2 ack 2",	\
			.counters = missing "=1 " wrong "=1", .state = TIME_WAIT },				\
		.kernel_differs = "checks no signature of an orphan in FIN-WAIT-2: a forged RST ends it",	\
		.kernel = { "close; < R N unsigned; none", .state = CLOSED, .counters = missing "=0" } }
