// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Fast Open (RFC 7413), the server: text of a SYN before the third ACK, and answers to it; cookies that are right,
 * wrong, cut, stale or another host's; what may go wrong before the third ACK; the limit.
 */
#include "lib/test.h"
#include "lib/wire.h"

/* Of net.xtcp.fastopen: servers, and text needs no cookie. */
#define ON		"sysctl fastopen 514; listen; set FASTOPEN 5"
#define COOKIES		"sysctl fastopen 2; listen; set FASTOPEN 5"
#define OPT		34
#define COOKIE		8	/* octets */
#define KEY		16
#define TEXT		10
#define LIMIT		5	/* of those that are up before their third ACK, as ON has it */
#define FLOOD		60	/* SYNs that nobody follows up */

static const uint8_t first_key[KEY] = "the first key...";
static const uint8_t second_key[KEY] = "and a second one";

static uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-2-4 of whole words, on a machine that is little-endian. */
static uint64_t siphash(const uint8_t *data, size_t len, const uint8_t *key)
{
	uint64_t k[2], word, v[4];

	memcpy(k, key, sizeof(k));
	v[0] = k[0] ^ 0x736f6d6570736575ULL;
	v[1] = k[1] ^ 0x646f72616e646f6dULL;
	v[2] = k[0] ^ 0x6c7967656e657261ULL;
	v[3] = k[1] ^ 0x7465646279746573ULL;
	for (size_t i = 0; i <= len; i += sizeof(word)) {
		word = (uint64_t)len << 56;
		if (i < len)
			memcpy(&word, data + i, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (size_t i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* What the peer's host is to be given by @key. */
static void right_cookie(const struct wire *w, const uint8_t *key, uint8_t *cookie)
{
	const size_t n = w->ip == 4 ? 4 : 16;
	uint8_t addrs[32];
	uint64_t hash;

	memcpy(addrs, w->peer, n);
	memcpy(addrs + n, w->local, n);
	hash = siphash(addrs, 2 * n, key);
	memcpy(cookie, &hash, COOKIE);
}

static int set_keys(struct wire *w, const uint8_t *first, const uint8_t *second)
{
	uint8_t keys[2 * KEY];

	memcpy(keys, first, KEY);
	if (second)
		memcpy(keys + KEY, second, KEY);
	if (setsockopt(w->c.lfd, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, second ? 2 * KEY : KEY))
		return wire_fail(w, "TCP_FASTOPEN_KEY: %s", strerror(errno));
	return 0;
}

/* A SYN with text and a cookie of @len octets (0 asks). @asks, @grants: what else the SYNs say. */
static int send_flags(struct wire *w, const uint8_t *cookie, int len, bool taken, uint16_t asks, uint16_t grants)
{
	struct wire_segment answer, syn = {
		.flags = WIRE_SYN | asks, .win = 65535, .doff = -1, .cut = -1, .mss = -1, .ws = -1,
		.seq = w->c.iss, .len = TEXT,
		.opt = { 2, 4, 1440 >> 8, 1440 & 0xff, 1, 1, OPT, 2 + len }, .optlen = 8 + len,
	};
	uint32_t want = 1 + (taken ? TEXT : 0);

	if (len)
		memcpy(syn.opt + 8, cookie, len);
	if (wire_peer_send(w, &syn))
		return -1;
	if (wire_peer_receive(w, &answer, 0) != 1 || answer.flags != (WIRE_SYN | WIRE_ACK | grants))
		return wire_fail(w, "no SYN-ACK");
	if (answer.ack - w->c.iss != want)
		return wire_fail(w, "the SYN-ACK acknowledges %u, want %u", answer.ack - w->c.iss, want);
	return 0;
}

static int send_syn(struct wire *w, const uint8_t *cookie, int len, bool taken)
{
	return send_flags(w, cookie, len, taken, 0, 0);
}

/* The SYN-ACK brings the cookie that @key makes; NULL: none. */
static int expect_cookie(struct wire *w, const uint8_t *key)
{
	const uint8_t *tcp = w->packet + (w->ip == 4 ? 20 : 40), *p, *found = NULL;
	const uint8_t *end = tcp + (tcp[12] >> 4) * 4;
	uint8_t right[COOKIE];

	for (p = tcp + 20; p < end && (*p == 1 || p[1] > 1); p += *p == 1 ? 1 : p[1])
		if (*p == OPT)
			found = p;
	if (!key)
		return found ? wire_fail(w, "a cookie that nobody needs") : 0;
	right_cookie(w, key, right);
	if (!found || found[1] != 2 + COOKIE || memcmp(found + 2, right, COOKIE))
		return wire_fail(w, found ? "it is another cookie" : "no cookie");
	return 0;
}

static int cookies(struct wire *w)
{
	uint8_t cookie[COOKIE + 2] = { 0 };

	if (set_keys(w, first_key, NULL) || send_syn(w, NULL, 0, false) ||
	    expect_cookie(w, first_key) || wire_script_run(w, "< R 1; fresh"))
		return -1;
	/* the right one */
	right_cookie(w, first_key, cookie);
	if (send_syn(w, cookie, COOKIE, true) || expect_cookie(w, NULL) ||
	    wire_script_run(w, "accept; read 10; < . 11 ack 1; none; state established; fresh"))
		return -1;
	/* a bit of it is another one */
	cookie[3] ^= 4;
	if (send_syn(w, cookie, COOKIE, false) || expect_cookie(w, first_key) || wire_script_run(w, "< R 1; fresh"))
		return -1;
	cookie[3] ^= 4;
	/* only a part of it, or more */
	if (send_syn(w, cookie, COOKIE - 2, false) || expect_cookie(w, first_key) || wire_script_run(w, "< R 1; fresh"))
		return -1;
	if (send_syn(w, cookie, COOKIE + 2, false) || expect_cookie(w, first_key) || wire_script_run(w, "< R 1; fresh"))
		return -1;
	/* the key goes out of use */
	if (set_keys(w, second_key, first_key) || send_syn(w, cookie, COOKIE, true) || expect_cookie(w, second_key) ||
	    wire_script_run(w, "accept; read 10; < . 11 ack 1; none; state established; fresh"))
		return -1;
	/* and is forgotten */
	if (set_keys(w, second_key, NULL) || send_syn(w, cookie, COOKIE, false) ||
	    expect_cookie(w, second_key) || wire_script_run(w, "< R 1; fresh"))
		return -1;
	/* another host's */
	right_cookie(w, second_key, cookie);
	w->peer[w->ip == 4 ? 3 : 15] ^= 1;
	if (send_syn(w, cookie, COOKIE, false) || expect_cookie(w, second_key))
		return -1;
	w->peer[w->ip == 4 ? 3 : 15] ^= 1;
	return 0;
}

/* A cookie, text, and a question about ECN; the SYN-ACK comes again. */
static int cookie_and_ecn(struct wire *w)
{
	uint8_t cookie[COOKIE];

	if (set_keys(w, first_key, NULL))
		return -1;
	right_cookie(w, first_key, cookie);
	if (send_flags(w, cookie, COOKIE, true, WIRE_ECE | WIRE_CWR, WIRE_ECE))
		return -1;
	return wire_script_run(w, "accept; read 10; write 20; > P. 1(20) ack 11 tos 2; >@3000 SE. 0 ack 11;"
			       "< . 11 ack 21; none; < P. 11(10) ack 21 tos 3; >@1000 E. 21 ack 21; read 10");
}

/* SYNs with text from many ports, which nobody follows up; then the listener goes, and another one is not full. */
static int flood(struct wire *w)
{
	for (unsigned int i = 0; i < FLOOD; i++, w->c.pport++)
		if (send_syn(w, NULL, 0, i < LIMIT))
			return -1;
	return wire_script_run(w, "closelisten; none; listen; set FASTOPEN 5; < S 0(10) $; > S. 0 ack 11; accept;"
			       "read 10");
}

/* The SYN that has opened a connection at once is there to be read: its text is not. */
static int saves_syn(struct wire *w)
{
	uint8_t syn[256];
	socklen_t len = sizeof(syn);
	char script[] = "< S 0(10) <mss 1000>; > S. 0 ack 11; accept; read 10";

	if (wire_script_run(w, script))
		return -1;
	if (getsockopt(w->c.fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len))
		return wire_fail(w, "TCP_SAVED_SYN: %s", strerror(errno));
	if (len != (w->ip == 4 ? 20 : 40) + 24)
		return wire_fail(w, "saved SYN of %d octets", (int)len);
	return 0;
}

static const struct wire_row rows[] = {
	{ "cookies", "RFC 7413 4.1.2", .pre = COOKIES, .run = cookies,
		.want.counters = "TCPFastOpenCookieReqd=1 TCPFastOpenPassive=2 TCPFastOpenPassiveFail=5 "
			"TCPFastOpenPassiveAltKey=1" },
	{ "a_cookie_text_and_ecn", "RFC 3168 6.1.1", .pre = "sysctl ecn 1;" COOKIES, .run = cookie_and_ecn,
		.want = { .counters = "TCPFastOpenPassive=1 TCPSynRetrans=1", .state = ESTABLISHED } },
	{ "the_saved_syn", "RFC 7413 4.2.2", .pre = ON "; set SAVE_SYN 1", .run = saves_syn,
		.want = { .counters = "TCPFastOpenPassive=1", .state = SYN_RECEIVED } },
	{ "text_is_read_before_the_third_ack", "RFC 7413 4.2.2", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; poll IN OUT; read 10; state syn_received; < . 11 ack 1;"
			"none; state established; < P. 11(10) ack 1; >@1000 . 1 ack 21; read 10",
			.counters = "TCPFastOpenPassive=1 PassiveOpens=1 TCPFastOpenCookieReqd=0" } },
	{ "what_opens_it_in_place_of_the_third_ack_is_echoed", "RFC 7323 4.3", .pre = ON,
		.syn = "mss 1440,sackok,ts T 0",
		.want = { "< S 0(10) $; > S. 0 ack 11 <ecr T>; accept; read 10; < P. 11(10) ack 1 <ts T+100 R>;"
			">@1000 . 1 ack 21 <ecr T+100>; read 10", .counters = "TCPFastOpenPassive=1" } },
	{ "an_answer_goes_ahead_of_the_third_ack", "RFC 7413 4.2.2", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; write 20; > P. 1(20) ack 11;"
			"state syn_received; < . 11 ack 21; none; write 5; > P. 21(5) ack 11; < . 11 ack 26; none",
			.counters = "TCPFastOpenPassive=1 RetransSegs=0" } },
	/* The SYN has only the option: no text has come when the program writes, and the SYN-ACK is in flight. */
	{ "the_program_writes_first", "RFC 7413 4.2.2", .pre = ON,
		.want = { "< S 0 <mss 1440,nop,nop,hex 2202>; > S. 0 ack 1; accept; write 20; > P. 1(20) ack 1;"
			"state syn_received; < . 1 ack 21; none; write 5; > P. 21(5) ack 1; < . 1 ack 26; none",
			.counters = "TCPFastOpenPassive=1 RetransSegs=0" } },
	{ "the_third_ack_acknowledges_the_syn_alone", "RFC 7413 4.2.2", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; write 20; > P. 1(20) ack 11; < . 11 ack 1;"
			"state established; >@3000 P. 1(20) ack 11; < . 11 ack 21; none", .counters = "RetransSegs=1",
			.state = ESTABLISHED } },
	{ "an_answer_keeps_to_the_window_of_the_syn", "RFC 7323 2.2", .pre = ON, .syn = "mss 1000,nop,ws 3",
		.synwin = "2500",
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; write 4000; > p. 1(1000) ack 11 x2; none;"
			"< . 11 ack 2001; > p. 2001(1000) ack 11 x2; < . 11 ack 4001; none" } },
	{ "the_syn_ack_is_lost", "RFC 7413 4.2.2", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; >@3000 S. 0 ack 11; < . 11 ack 1; none",
			.counters = "TCPTimeouts=1 RetransSegs=1 TCPSynRetrans=1" } },
	{ "nobody_answers_the_syn_ack", "RFC 7413 4.2.2", .pre = "sysctl synack_retries 1;" ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; >@3000 S. 0 ack 11; >@5000 S. 0 ack 11;"
			"gone 9000; err ETIMEDOUT", .counters = "RetransSegs=2 TCPAbortOnTimeout=1",
			.state = CLOSED } },
	{ "the_syn_comes_again_without_text", "RFC 7413 4.1.3", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; < S 0 $; > S. 0 ack 11; accept; read 10; < . 11 ack 1; none",
			.counters = "TCPFastOpenPassive=1 PassiveOpens=1" } },
	{ "a_wrong_ack_is_reset", "RFC 9293 3.10.7.4", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; < . 11 ack 100; > R 100; state syn_received;"
			"< . 11 ack 1; none" } },
	{ "a_rst_ends_it", "RFC 9293 3.10.7.4", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; < R 11; none; read 10; read ECONNRESET",
			.state = CLOSED } },
	{ "a_hard_icmp_error_is_not_the_end_once_accepted", "RFC 9293 3.9.2.2", .id = "SHLD-26", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; icmp port seq 0; none; read 10; < . 11 ack 1; none" } },
	{ "one_that_was_reset_counts_for_a_minute", "RFC 7413 5.1",
		.pre = "sysctl fastopen 514; listen; set FASTOPEN 1",
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; < R 11; none; fresh; < S 0(10) $; > S. 0 ack 1; < R 1;"
			"none; pass 61000; fresh; < S 0(10) $; > S. 0 ack 11",
			.counters = "TCPFastOpenPassive=2 TCPFastOpenListenOverflow=1", .state = SYN_RECEIVED } },
	{ "beyond_the_limit_text_waits_for_the_third_ack", "RFC 7413 5.1",
		.pre = "sysctl fastopen 514; listen; set FASTOPEN 1",
		.want = { "< S 0(10) $; > S. 0 ack 11; fresh; < S 0(10) $; > S. 0 ack 1; < R 1; none; swap;"
			"< . 11 ack 1; none; accept; read 10; fresh; < S 0(10) $; > S. 0 ack 11",
			.counters = "TCPFastOpenPassive=2 TCPFastOpenListenOverflow=1", .state = SYN_RECEIVED } },
	/* behind the text's limit there is the queue's, and then there are cookies */
	/* 5 are taken, a queue of 20 holds 21, and 34 are answered by a cookie */
	{ "a_flood_with_text", "RFC 7413 5.1", .pre = "sysctl fastopen 514; listen 20; set FASTOPEN 5", .run = flood,
		.want = { .counters = "TCPFastOpenPassive=6 TCPFastOpenListenOverflow=21 TCPReqQFullDoCookies=34 "
			"ListenOverflows=0 OutRsts=5", .state = SYN_RECEIVED } },
	{ "close_waits_for_the_third_ack", "RFC 9293 3.10.4", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; close; none; < . 11 ack 1; > F. 1 ack 11;"
			"< F. 11 ack 2; > . 2 ack 12", .state = TIME_WAIT },
		.kernel_differs = "sends the FIN at once, as what was asked for could be the whole answer",
		.kernel = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; close; > F. 1 ack 11; < F. 11 ack 2;"
			"> . 2 ack 12" } },
	{ "a_close_with_unread_text_resets", "RFC 9293 3.10.4", .id = "SHLD-3", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; close; > R. 1 ack 11", .counters = "TCPAbortOnClose=1",
			.state = CLOSED } },
	{ "a_listener_that_closes_resets", "RFC 9293 3.10.4", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; closelisten; > R. 1 ack 11", .state = CLOSED } },
	{ "text_without_an_option_needs_a_cookie", "RFC 7413 4.2.2", .pre = COOKIES,
		.want = { "< S 0(10) $; > S. 0 ack 1; < . 1 ack 1; none; accept",
			.counters = "TCPFastOpenPassive=0 TCPFastOpenPassiveFail=0" } },
	{ "options_of_a_length_that_no_cookie_has", "RFC 7413 4.1.1", .pre = COOKIES,
		.want = { "< S 0(10) <mss 1440,hex 01220501020301>; > S. 0 ack 1; < R 1; fresh;"
			"< S 0(10) <mss 1440,hex 22040102>; > S. 0 ack 1; < R 1; fresh;"
			"< S 0(10) <mss 1440,hex 22140102030405060708090a0b0c0d0e0f101112>; > S. 0 ack 1; < R 1; fresh;"
			"< S 0(10) <mss 1440,hex 0101220a>; > S. 0 ack 1; < . 1 ack 1; none; accept",
			.counters = "TCPFastOpenPassive=0 TCPFastOpenPassiveFail=0 TCPFastOpenCookieReqd=0" } },
	{ "no_cookie_by_the_route", "RFC 7413 4.1.3", .pre = "route fastopen_no_cookie 1;" COOKIES,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; < . 11 ack 1; none",
			.counters = "TCPFastOpenPassive=1 TCPFastOpenCookieReqd=0" } },
	{ "the_limit_of_the_program_stays_under_the_knob_for_every_listener", "RFC 7413 5.1",
		.pre = "sysctl fastopen 1538; listen; set FASTOPEN 1; listen",
		.want = { "< S 0(10) $; > S. 0 ack 11; fresh; < S 0(10) $; > S. 0 ack 1",
			.counters = "TCPFastOpenPassive=1 TCPFastOpenListenOverflow=1", .state = SYN_RECEIVED } },
	{ "another_syn_is_challenged", "RFC 5961 4.2", .pre = ON,
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; < S 5000 $; > . 1 ack 11; state syn_received;"
			"< . 11 ack 1; none" }, .kernel_differs = "resets who sent it, and keeps the connection",
		.kernel = { "< S 0(10) $; > S. 0 ack 11; accept; < S 5000 $; > R. * ack 5001; < . 11 ack 1; none" } },
	{ "off_by_the_knob", "RFC 7413 4.2", .pre = "sysctl fastopen 512; listen; set FASTOPEN 5",
		.want = { "< S 0(10) $; > S. 0 ack 1; < . 1 ack 1; none; accept", .counters = "TCPFastOpenPassive=0",
			.state = ESTABLISHED } },
	{ "off_by_the_socket", "RFC 7413 4.2", .pre = "sysctl fastopen 514; listen; set FASTOPEN 0",
		.want = { "< S 0(10) $; > S. 0 ack 1; < . 1 ack 1; none; accept",
			.counters = "TCPFastOpenPassive=0 TCPFastOpenListenOverflow=0" } },
	{ "every_listener_by_the_knob", "RFC 7413 4.2", .pre = "sysctl fastopen 1538; listen",
		.want = { "< S 0(10) $; > S. 0 ack 11; accept; read 10; < . 11 ack 1; none",
			.counters = "TCPFastOpenPassive=1" } },
	{ "a_syn_cookie_opens_nothing_fast", "RFC 4987 3.6", .pre = "sysctl syncookies 2;" ON,
		.want = { "< S 0(10) $; > S. 0 ack 1; none; < . 1 ack 1; none; accept",
			.counters = "TCPFastOpenPassive=0 SyncookiesRecv=1" } },
};

WIRE_MAIN(rows)
