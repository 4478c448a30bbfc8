// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO (RFC 5925) under attack: an option of every length, options that are cut off or come twice, forged segments,
 * RSTs and ICMP errors in each state, floods; and sequence numbers that pass 2^32 in both directions, with loss and
 * reordering.
 *
 * In all rows the peer sends with KeyID 11 and the stack with KeyID 22.
 */
#include "signed_rows.h"
#include "wire.h"

#define SERVER		"listen; mktlistener 22 11 secret; ao 11 22 secret"
#define CLIENT		"socket; mkt 22 11 secret; ao 11 22 secret"
#define NO_LIMIT	"sysctl invalid_ratelimit 0; "

#define NONE_BAD	"TCPAORequired=0 TCPAOBad=0 TCPAOKeyNotFound=0"
/* Numbers that pass 2^32 soon: each SYN has one chance of 128 to draw such an ISN. */
#define LATE		0xfe000000
#define MOST_SYNS	4000

/* A segment that draws an ACK in every synchronized state, and changes nothing. */
#define ASKS		"< . N-1; > . S ack N;"

/* Each is without a right MAC. */
#define FORGED		"< R N unsigned; none; < R N badsign; none; < R N signed other; none; < R N keyid 99; none;" \
			"< S N unsigned $; none; < S N badsign $; none; < F. N ack S unsigned; none;"		\
			"< F. N ack S badsign; none; < . N-1 unsigned; none; < . N-1 badsign; none;"		\
			"< P. N(10) ack S longer 4; none;"

/* An option of each length, before 12 octets of 0. RFC 9293 MUST-68: one that is too long ends the options. */
static int every_length(struct wire *w)
{
	char step[120];

	for (int len = 0; len < 256; len++) {
		snprintf(step, sizeof(step), "< S 0 unsigned <mss 1000,hex 1d%02x0b16000000000000000000000000>; none",
			 len);
		if (wire_script_run(w, step))
			return -1;
	}
	return 0;
}

static int every_length_in_a_connection(struct wire *w)
{
	char step[120];

	for (int len = 0; len < 256; len++) {
		snprintf(step, sizeof(step), "< P. N(10) ack S unsigned <hex 1d%02x0b16000000000000000000000000>; none",
			 len);
		if (wire_script_run(w, step))
			return -1;
	}
	return wire_script_run(w, TEXT_BOTH_WAYS);
}

/* Handshakes until the stack has chosen an ISN that is near the end of the numbers. */
static int late_isn(struct wire *w)
{
	for (int i = 0; i < MOST_SYNS; i++) {
		if (wire_script_run(w, "< S 0 <mss 30000,nop,nop,sackok,nop,ws 7>; > S. 0 ack 1"))
			return -1;
		if (w->c.irs >= LATE)
			return 0;
		w->ladder_len = 0;
		if (wire_script_run(w, "< R 1; fresh"))
			return -1;
	}
	return wire_fail(w, "no ISN near the end");
}

/*
 * Text up to 2^32, and then four segments of 29,984 octets, some on each side, of which none is acknowledged. They are
 * sent again, and an ACK of text has a number beyond 2^32 although SND.UNA is before it.
 */
static int our_numbers_pass(struct wire *w)
{
	if (late_isn(w) || wire_script_run(w, "< . 1 ack 1; accept"))
		return -1;
	for (; (uint32_t)-w->c.snd_nxt > 2 * 29984; w->ladder_len = 0)
		if (wire_script_run(w, "write 59968; skim; < . N ack S"))
			return -1;
	if (wire_script_run(w, "write 119936; skim"))
		return -1;
	if ((int32_t)w->c.snd_nxt < 0 || (int32_t)w->c.snd_una > 0)
		return wire_fail(w, "the numbers do not pass 2^32");
	return wire_script_run(w, "< P. N(100) ack U; >@500 . S ack N+100; read 100; >@2000 . U(29984) ack N;"
				  "< . N ack U+29984; > . U(29984) ack N; skim; < . N ack S; skim;"
				  "< P. N(100) ack S turn sne; none; " TEXT_BOTH_WAYS);
}

/* A peer with the key invents the ISNs: the MAC is right and the cookie is not, so its ACK gets a RST. */
static int invented_isns(struct wire *w)
{
	if (wire_script_run(w, "< S 0 $; > S. 0 ack 1"))
		return -1;
	w->c.irs += 100;
	if (wire_script_run(w, "repeat 50 < . 1 ack 1; repeat 50 < P. 1(10) ack 1; repeat 50 < . 1 ack 1 badsign;"
			       "skim"))
		return -1;
	w->c.irs -= 100;
	return wire_script_run(w, "< . 1 ack 1; accept;" TEXT_BOTH_WAYS);
}

static const struct wire_row rows[] = {
	/* Options. */
	/* 5 to 16 can be a MAC, 2 to 4 cannot, the others leave the header */
	{ "option_of_every_length_in_a_syn", "RFC 5925 2.2", .pre = SERVER, .run = every_length,
		.want = { .state = LISTEN,
			.counters = "TCPAOBad=12 TCPAORequired=241 TCPAOGood=0 TCPAOKeyNotFound=0 OutRsts=0 "
			"ListenDrops=0 TCPAuthMalformed=3" } },
	{ "option_of_every_length_%s", "RFC 5925 2.2", .in = ESTABLISHED, .via = PASSIVE, .pre = SERVER,
		.run = every_length_in_a_connection,
		.want = { .counters = "TCPAOBad=12 TCPAORequired=241 TCPAOGood=2 TCPAOKeyNotFound=0 OutRsts=0 "
			"TCPAuthMalformed=3" } },
	{ "option_that_the_header_cuts_off", "RFC 5925 2.2", .pre = SERVER,
		.want = { "< S 0 unsigned <mss 1000,nop,nop,nop,hex 1d>; none;"
			"< S 0 unsigned <mss 1000,nop,nop,hex 1d10>; none; < S 0 unsigned <mss 1000,nop,hex 1d100b>;"
			"none; < S 0 unsigned <mss 1000,hex 1d100b16>; none;"
			"< S 0 unsigned <mss 1000,hex 1d100b1600000000>; none;"
			"< S 0 unsigned <mss 1000,eol,hex 1d100b16000000000000000000000000>; none; < S 0 $ off 6; none;"
			"< S 0 $ off 7; none; < S 0 $ off 9; none; < S 0 $ off 11; none; < S 0 $ cut 36; none;" OPENS
			TEXT_BOTH_WAYS, .counters = "TCPAOGood=4 TCPAORequired=9 TCPAOBad=0 TCPAOKeyNotFound=0" } },
	{ "two_signatures_%s", "RFC 5925 2.2", .in = SYNCHRONIZED, .via = PASSIVE, .pre = NO_LIMIT SERVER,
		.want = { "< . N-1 <hex 1d100b16000000000000000000000000>; none;"
			"< . N-1 <hex 131200000000000000000000000000000000>; none; < . N-1 <hex 1d040b16>; none;"
			"< . N-1 <hex 1302>; none; < R N <hex 1302>; none;"
			"< R N unsigned <hex 131200000000000000000000000000000000>; none;" ASKS,
			.counters = "TCPAOGood=1 TCPAOBad=0 TCPMD5Unexpected=1 TCPMD5Failure=0 TCPAuthMalformed=5" } },
	/* Forged segments, in each state. */
	{ "forged_%s", "RFC 5925 7.5", .in = SYNCHRONIZED, .via = PASSIVE, .pre = NO_LIMIT SERVER,
		.want = { FORGED ASKS "aoinfo required = 4; aoinfo bad = 6; aoinfo notfound = 1",
			.counters = "TCPAORequired=4 TCPAOBad=6 TCPAOKeyNotFound=1 TCPAOGood=1 TCPChallengeACK=0 "
			"OutRsts=0" } },
	{ "forged_for_a_client_%s", "RFC 5925 7.5", .in = SYNCHRONIZED, .via = ACTIVE, .pre = NO_LIMIT CLIENT,
		.want = { FORGED ASKS,
			.counters = "TCPAORequired=4 TCPAOBad=6 TCPAOKeyNotFound=1 TCPAOGood=1 TCPChallengeACK=0 "
			"OutRsts=0" } },
	{ "signed_rst_ends_%s", "RFC 5925 7.5", .in = ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2, .via = PASSIVE,
		.pre = SERVER,
		.want = { "< R N; none", .counters = "TCPAOGood=1", .state = CLOSED, .err = "ECONNRESET" } },
	{ "signed_rst_ends_%s", "RFC 5925 7.5", .in = CLOSE_WAIT, .via = PASSIVE, .pre = SERVER,
		.want = { "< R N; none", .counters = "TCPAOGood=1", .state = CLOSED, .err = "EPIPE" } },
	{ "signed_rst_ends_%s", "RFC 5925 7.5", .in = CLOSING | LAST_ACK, .via = PASSIVE, .pre = SERVER,
		.want = { "< R N; none", .counters = "TCPAOGood=1", .state = CLOSED, .err = "ECONNRESET" } },
	/* an entry counts what lacks a MAC as bad, as in Linux */
	{ "signed_rst_ends_an_entry", "RFC 5925 7.4", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; < R 1 unsigned; none; < R 1 badsign; none; < R 1 keyid 99; none;"
			"state syn_received; < R 1; none; state listen",
			.counters = "TCPAORequired=0 TCPAOBad=2 TCPAOKeyNotFound=1 TCPAOGood=2", .state = LISTEN } },
	{ "rst_in_%s", "RFC 5925 7.5, RFC 1337", .in = TIME_WAIT, .via = PASSIVE, .pre = "sysctl rfc1337 0;" SERVER,
		.want = { "< R N unsigned; none; < R N badsign; none; < R N keyid 99; none; state time_wait; < R N;"
			"none", .counters = "TCPAORequired=1 TCPAOBad=1 TCPAOKeyNotFound=1 TCPAOGood=1",
			.state = CLOSED } },
	{ "icmp_%s", "RFC 5925 7.8", .in = SYNCHRONIZED, .via = PASSIVE, .pre = NO_LIMIT SERVER,
		.want = { "icmp port seq S-1; none;" ASKS "aoinfo icmps = 1", .counters = "TCPAODroppedIcmps=1" } },
	{ "icmp_for_an_entry", "RFC 5925 7.8", .pre = SERVER,
		.want = { "< S 0 $; > S. 0 ack 1; icmp toobig seq 0 mtu 600; none; < . 1 ack 1; accept;" TEXT_BOTH_WAYS,
			.counters = NONE_BAD } },
	/* Floods. */
	{ "cookies_in_a_flood", "RFC 5925 7.4, RFC 4987 3.6", .pre = "sysctl syncookies 2;" SERVER,
		.want = { "repeat 50 < S 0 badsign $; repeat 50 < S 0 unsigned $; none; repeat 50 < S 0 $; skim;"
			"repeat 50 < . 1 ack 1 unsigned; repeat 50 < . 1 ack 1 badsign; repeat 50 < . 1 ack 77;"
			"repeat 50 < . 1 ack 1 keyid 99; none; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
			TEXT_BOTH_WAYS,
			.counters = "SyncookiesSent=51 SyncookiesRecv=1 SyncookiesFailed=0 TCPAORequired=100 "
			"TCPAOBad=150 TCPAOKeyNotFound=50 OutRsts=0 PassiveOpens=1" } },
	{ "insider_invents_isns", "RFC 5925 7.4, RFC 4987 3.6", .pre = "sysctl syncookies 2;" SERVER,
		.run = invented_isns,
		.want = { .counters = "SyncookiesSent=1 SyncookiesRecv=1 SyncookiesFailed=100 TCPAOBad=50 OutRsts=100 "
			"TCPAORequired=0", .state = ESTABLISHED } },
	/* Sequence numbers beyond 2^32. */
	{ "our_numbers_pass_2_to_the_32_through_loss", "RFC 5925 6.2", .pre = "mtu 40000;" SERVER,
		.run = our_numbers_pass, .still_ms = 2000,
		.want = { .state = ESTABLISHED, .counters = "TCPAOBad=1 TCPAORequired=0" } },
	/* what is 2^31 or less away from the highest number that has come */
	{ "peers_numbers_pass_2_to_the_32_out_of_order", "RFC 5925 6.2", .pre = "isn 0xffffff00;" SERVER,
		.syn = "mss 1000,nop,nop,sackok",
		.want = { OPENS "< . 600(100) ack 1; > . 1 ack 1 <sack 600:700>; < . 200(100) ack 1;"
			"> . 1 ack 1 <sack 200:300 600:700>; < . 600(100) ack 1 turn sne; none;"
			"< . 200(100) ack 1 turn sne; none; < . 400(100) ack 1; > . 1 ack 1 <sack 400:500 200:300>;"
			"< . 600(100) ack 1; > . 1 ack 1 <sack 600:700 600:700>; < . 1(199) ack 1;"
			"> . 1 ack 300 <sack 600:700 400:500>; < . 300(100) ack 1; > . 1 ack 500 <sack 600:700>;"
			"< . 200(100) ack 1; > . 1 ack 500 <sack 200:300 600:700>; < . 500(100) ack 1; > . 1 ack 700;"
			"read 699", .counters = "TCPAOBad=2 TCPAOKeyNotFound=0" } },
};

WIRE_MAIN_XTCP(rows)
