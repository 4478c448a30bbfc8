// SPDX-License-Identifier: GPL-2.0
/* Flow control: both silly-window rules, windows that shrink, close and open, and what a closed own window takes. */
#include "lib/wire.h"

/* The peer's window closes and opens for 420 ms, longer than an RTO; it ends open, or closed. */
#define SHUT		"< . 1 ack 1 win 0;"
#define OPEN		"< . 1 ack 1 win 20000;"
#define SHUT_OPEN	"pass 60;" SHUT OPEN
#define OPEN_SHUT	"pass 60;" OPEN SHUT
#define SHUT_OPEN_7	"" SHUT_OPEN SHUT_OPEN SHUT_OPEN SHUT_OPEN SHUT_OPEN SHUT_OPEN SHUT_OPEN
#define OPEN_SHUT_7	"" OPEN_SHUT OPEN_SHUT OPEN_SHUT OPEN_SHUT OPEN_SHUT OPEN_SHUT OPEN_SHUT

#define READ(n)	"< P. N(" #n ") ack 1; >@1000 . 1 ack N+" #n "; read " #n "; skim;"

/* Eight segments, each of which is acknowledged before anybody reads. */
#define UNREAD		"< P. N(1000) ack 1; >@1000 . 1 ack N+1000;"
#define EIGHT_UNREAD	"" UNREAD UNREAD UNREAD UNREAD UNREAD UNREAD UNREAD UNREAD
#define EIGHT_READ	EIGHT_UNREAD "read 8000; none;"

/*
 * What the peer says of its window every 60 ms; the last word counts. Each segment has another SEQ, by an octet of text
 * or, where nobody reads any more, by a gap before it. So both stacks take each of these windows.
 */
enum flaps { ENDS_OPEN, ENDS_SHUT, BY_TURNS };

struct flapping {
	enum flaps flaps;
	bool text;		/* an octet in each */
	bool ask;		/* whether it is taken; there has to be a socket */
	unsigned int seq;	/* of the next one */
	/* what came meanwhile: SND.UNA, which is 1, again, and what is older */
	unsigned int repetitions, probes;
};

static int look(struct wire *w, struct flapping *f)
{
	struct wire_segment seg = { 0 };
	int n;

	while ((n = wire_peer_receive(w, &seg, 0)) > 0) {
		if (seg.seq == w->c.irs + 1 && seg.len)
			f->repetitions++;
		else if (seg.seq == w->c.irs)
			f->probes++;
	}
	return n;
}

static int say(struct wire *w, struct flapping *f, unsigned int window)
{
	char script[80];

	snprintf(script, sizeof(script), "< P. %u(%d) ack 1 win %u", f->seq++, f->text, window);
	return wire_script_run(w, script);
}

/* Until @ms after the mark. */
static int flap(struct wire *w, struct flapping *f, unsigned int ms)
{
	while (wire_now() < w->c.mark + ms * 1000000ull) {
		unsigned int last = f->flaps == ENDS_OPEN || (f->flaps == BY_TURNS && f->seq % 2) ? 20000 : 0;

		if (wire_script_run(w, "pass 60") || (f->flaps != BY_TURNS && say(w, f, 20000 - last)) ||
		    say(w, f, last) || look(w, f) ||
		    (f->ask && wire_script_run(w, last ? "info snd_wnd = 20000" : "info snd_wnd = 0")))
			return -1;
	}
	return 0;
}

/* Of repetitions, and the most probes; or milliseconds until the connection ends. */
struct bounds {
	unsigned int least, most, probes;
};

struct flap_row {
	enum flaps flaps;
	struct bounds of[WIRE_STACKS];
	const char *before;	/* steps, or NULL */
};

/* Timeouts are due 200, 600, 1400 and 3000 ms after the text. */
static int flap_for_4_s(struct wire *w)
{
	const struct flap_row *r = w->row->with;
	const struct bounds *b = &r->of[w->stack];
	struct flapping f = { .flaps = r->flaps, .text = true, .ask = true, .seq = 2 };

	if (wire_script_run(w, "< P. 1(1) ack 1; skim; mark; write 1000; > P. 1(1000) ack 2") || flap(w, &f, 4000))
		return -1;
	if (f.repetitions < b->least || f.repetitions > b->most || f.probes > b->probes || f.repetitions + f.probes < 4)
		return wire_fail(w, "%u repetitions and %u probes", f.repetitions, f.probes);
	return wire_script_run(w, "< . N ack 1001 win 20000; none; info unacked = 0");
}

/*
 * The connection ends so many ms after the mark, or within a turn of 60 more. Turns end after 7 s, and the
 * window stays open: a timeout that finds it closed ends nothing, and all of them might.
 */
static int flap_until_gone(struct wire *w, struct flapping f)
{
	const struct flap_row *r = w->row->with;
	const struct bounds *b = &r->of[w->stack];
	unsigned int ms = 0;
	int state = 1;

	f.flaps = r->flaps;
	while (state > 0 && ms < b->most) {
		ms += 60;
		if (f.flaps == BY_TURNS && ms > 7000)
			f.flaps = ENDS_OPEN;
		if (flap(w, &f, ms))
			return -1;
		state = wire_state_in_proc(w, NULL, NULL);
	}
	ms = (wire_now() - w->c.mark) / 1000000;
	if (state || ms < b->least)
		return wire_fail(w, "state %d after %u ms", state, ms);
	return 0;
}

static int flap_at_program(struct wire *w)
{
	const struct flap_row *r = w->row->with;
	struct flapping f = { .text = true, .seq = 2 };

	if ((r->before && wire_script_run(w, r->before)) ||
	    wire_script_run(w, "< P. 1(1) ack 1; skim; mark; write 1000; > P. 1(1000) ack 2"))
		return -1;
	return flap_until_gone(w, f);
}

static int flap_at_orphan(struct wire *w)
{
	struct flapping f = { .seq = 2 };

	if (wire_script_run(w, "mark; write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; close;"
			       "> F. 5001 ack 1"))
		return -1;
	return flap_until_gone(w, f);
}

#define FLAPS	.in = ESTABLISHED, .syn = "mss 1000,sackok"
#define FLAP(...)	.with = &(const struct flap_row){ __VA_ARGS__ }
#define FLAP_4_S(...)	.run = flap_for_4_s, FLAP(__VA_ARGS__)
#define PROGRAM(...)	.run = flap_at_program, FLAP(__VA_ARGS__)
#define ORPHAN(flaps)	.run = flap_at_orphan, FLAP(flaps, { { 3000, 7000 }, { 3000, 7000 } })
#define GIVES_UP	FLAPS, .want = { .state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" }
#define ORPHAN_GOES	FLAPS, .pre = "sysctl orphan_retries 3", \
			.want = { .state = CLOSED, .counters = "TCPAbortOnTimeout=1" }

static const struct wire_row rows[] = {
	/* The sender. */
	/* A window of half of what it ever was is worth a segment; a smaller one is not (case 3). */
	{ "sws_sender_half_of_a_small_window", "RFC 9293 3.8.6.2.1", .id = "MUST-38",
		.want = { "listen; < S 0 win 400 $; > S. 0 ack 1; < . 1 ack 1 win 400; accept; set NODELAY 1;"
			"write 1500; > p. 1(400) ack 1; < . 1 ack 401 win 200; > p. 401(200) ack 1;"
			"< . 1 ack 601 win 199; none; < . 1 ack 601 win 400; > p. 601(200) ack 1; skim;"
			"< . 1 ack 1001 win 2000; skim" },
		.kernel_differs = "it waits for a window of a segment, or for the persist timer",
		.kernel = { "listen; < S 0 win 400 $; > S. 0 ack 1; < . 1 ack 1 win 400; accept; set NODELAY 1;"
			"write 1500; > p. 1(400) ack 1; < . 1 ack 401 win 200; none; < . 1 ack 401 win 400;"
			"> p. 401(400) ack 1; < . 1 ack 801 win 2000; skim" } },
	{ "write_%s_fits_the_window", "RFC 9293 3.8.6", .in = ESTABLISHED, .synwin = "3000",
		.want = { "write 5000; > p. 1(1000) ack 1 x3; none; < . 1 ack 3001; > p. 3001(1000) ack 1;"
			"> P. 4001(1000) ack 1; < . 1 ack 5001; none" } },
	{ "write_%s_no_runt_at_the_window_edge", "RFC 9293 3.8.6.2.1", .id = "MUST-38", .in = ESTABLISHED,
		.synwin = "2500",
		.want = { "write 5000; > p. 1(1000) ack 1 x2; none; < . 1 ack 2001; > p. 2001(1000) ack 1 x2; none" } },
	{ "window_%s_tiny_opening", "RFC 9293 3.8.6.2.1", .id = "MUST-38", .in = ESTABLISHED, .synwin = "4000",
		.want = { "write 8000; > p. 1(1000) ack 1 x4; < . 1 ack 4001 win 0; none; < . 1 ack 4001 win 10; none;"
			"< . 1 ack 4001 win 4000; > p. 4001(1000) ack 1 x3; > P. 7001(1000) ack 1" } },
	{ "window_%s_half_of_the_largest", "RFC 9293 3.8.6.2.1", .id = "MUST-38", .in = ESTABLISHED, .synwin = "1600",
		.want = { "write 1600; > p. 1(800) ack 1; > P. 801(800) ack 1; < . 1 ack 1601; none" } },
	/* Linux's limit: up to the default MSS a window may be filled by one segment. */
	{ "window_%s_of_the_default_mss_is_one_segment", "RFC 9293 3.8.6.2.1", .id = "MUST-38", .in = ESTABLISHED,
		.synwin = "536",
		.want.script = "info snd_mss = 536; write 536; > P. 1(536) ack 1; < . 1 ack 537; none" },
	{ "window_%s_above_the_default_mss_is_two_segments", "RFC 9293 3.8.6.2.1", .id = "MUST-38", .in = ESTABLISHED,
		.synwin = "538",
		.want.script = "info snd_mss = 269; write 538; > p. 1(269) ack 1; > P. 270(269) ack 1; < . 1 ack 539;"
			"none" },
	{ "window_%s_shrinks", "RFC 9293 3.8.6", .id = "MUST-34 SHLD-15", .in = ESTABLISHED,
		.want = { "write 20000; > p. 1(1000) ack 1 x10; < . 1 ack 2001 win 1000; none; < . 1 ack 10001 win 0;"
			"none; < . 1 ack 10001 win 20000; > p. 10001(1000) ack 1 x9; > P. 19001(1000) ack 1" } },
	{ "window_%s_collapses_under_data_in_flight", "RFC 9293 3.8.6", .id = "MUST-34", .in = ESTABLISHED,
		.want = { "write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; < . 1 ack 1001 win 0; none;"
			"< . 1 ack 5001 win 1000; write 1000; > P. 5001(1000) ack 1; < . 1 ack 6001; none" } },
	{ "window_%s_update_releases_data", "RFC 9293 3.8.6", .in = ESTABLISHED, .synwin = "2000",
		.want = { "write 4000; > p. 1(1000) ack 1 x2; < . 1 ack 2001 win 0; none; < . 1 ack 2001 win 2000;"
			"> p. 2001(1000) ack 1; > P. 3001(1000) ack 1; < . 1 ack 4001; none" } },
	/* Text that was sent again is older than what stands behind it; its ACK and its window need not be. */
	{ "window_%s_closed_by_text_that_came_late", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1; < P. 1001(1000) ack 1 win 20000;"
			"> . 3001 ack 1; < P. 1(1000) ack 3001 win 0; > . 3001 ack 2001; write 1000; none;"
			"< . 2001 ack 3001 win 20000; > P. 3001(1000) ack 2001; read 2000" } },
	{ "window_%s_opened_behind_text_that_came_late", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1; < P. 2001(1000) ack 1 win 0;"
			"> . * ack 1; < P. 1(1000) ack 3001 win 0; > . 3001 ack 1001; write 1000; none;"
			"< . 1001 ack 3001 win 20000; > P. 3001(1000) ack 1001; read 1000" } },
	/* One that moves nothing says nothing if a later one came before it. */
	{ "window_%s_of_a_segment_that_was_overtaken", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1; < P. 1001(1000) ack 3001 win 0;"
			"> . 3001 ack 1; < P. 1(1000) ack 3001 win 20000; > . 3001 ack 2001; write 1000; none;"
			"< . 2001 ack 3001 win 20000; > P. 3001(1000) ack 2001; read 2000" } },
	{ "ack_%s_wakes_a_writer_once_its_data_is_sent", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .synwin = "2000",
		.want = { "set NOTSENT_LOWAT 1500; write 4000; > p. 1(1000) ack 1 x2; none; watch;"
			"< . 1 ack 2001 win 2000; > p. 2001(1000) ack 1; > P. 3001(1000) ack 1; woken" } },
	{ "uncork_%s_wakes_a_writer_once_its_data_is_sent", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { "set NOTSENT_LOWAT 100; set CORK 1; write 500; none; watch; set CORK 0; > P. 1(500) ack 1;"
			"woken" } },
	{ "write_%s_small_writes_leave_as_one", "RFC 9293 3.7.4", .id = "SHLD-27 SHLD-28", .in = ESTABLISHED,
		.synwin = "2000",
		.want = { "write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; < . 1 ack 2001 win 0; write 300;"
			"write 300; write 300; write 300; none; < . 1 ack 2001 win 2000; > p. 2001(1000) ack 1;"
			"skim" } },
	/* Nobody knows whether the second shrinks the window, or was sent first and overtaken. */
	{ "window_%s_smaller_behind_the_same_numbers", "RFC 9293 3.10.7.4", .id = "MUST-34 SHLD-15", .in = ESTABLISHED,
		.syn = "mss 1000,sackok",
		.want = { "< . 1 ack 1 win 20000; < . 1 ack 1 win 2000; write 5000; > p. 1(1000) ack 1 x2; none;"
			"< . 1 ack 2001 win 20000; > p. 2001(1000) ack 1 x2; > P. 4001(1000) ack 1; < . 1 ack 5001;"
			"none", .counters = "TCPTimeouts=0 RetransSegs=0" },
		.kernel_differs = "takes it for the older one",
		.kernel.script = "< . 1 ack 1 win 20000; < . 1 ack 1 win 2000; write 5000; > p. 1(1000) ack 1 x4;"
			"> P. 4001(1000) ack 1; < . 1 ack 5001; none" },
	/*
	 * A window that closes and opens all the time puts no timeout off. With SACK, or the ACKs would count as
	 * duplicates. Kernel TCP takes no smaller window without another SEQ, so to it the window is never closed.
	 */
	{ "window_%s_that_flaps_and_is_open_at_the_timeout", "RFC 9293 3.8.1, 3.8.6", .in = ESTABLISHED,
		.syn = "mss 1000,sackok",
		.want = { "write 1000; > P. 1(1000) ack 1;" SHUT_OPEN_7 "skim; info backoff = 1;"
			"< . 1 ack 1001 win 20000; none; info unacked = 0",
			.counters = "TCPTimeouts=1 RetransSegs=1" } },
	{ "window_%s_that_flaps_and_is_shut_at_the_timeout", "RFC 9293 3.8.6", .id = "MUST-35", .in = ESTABLISHED,
		.syn = "mss 1000,sackok",
		.want = { "write 1000; > P. 1(1000) ack 1;" OPEN_SHUT_7 "> . 0 ack 1; skim; < . 1 ack 1001 win 20000;"
			"none; info unacked = 0", .counters = "TCPTimeouts=0 RetransSegs=0" },
		.kernel_differs = "sends the segment again",
		.kernel = { "write 1000; > P. 1(1000) ack 1;" OPEN_SHUT_7 "> P. 1(1000) ack 1; skim;"
			"< . 1 ack 1001 win 20000; none; info unacked = 0",
			.counters = "TCPTimeouts=1 RetransSegs=1" } },
	{ "window_%s_that_was_shut_for_long_opens", "RFC 9293 3.8.6", .id = "SHLD-16 SHLD-30", .in = ESTABLISHED,
		.syn = "mss 1000,sackok",
		.want = { "< P. 1(1) ack 1; skim; write 1000; > P. 1(1000) ack 2; < P. 2(1) ack 1 win 0;"
			">@100 . * ack 3; >@300 . 0 ack 3; >@500 . 0 ack 3; >@900 . 0 ack 3; mark;"
			"< P. 3(1) ack 1 win 20000; >@100 . * ack 4; >@100 P. 1(1000) ack 4; elapsed <= 100;"
			"info backoff = 1; < . 4 ack 1001 win 20000; none; info unacked = 0",
			.counters = "TCPTimeouts=1 RetransSegs=1 TCPWinProbe=3" },
		.kernel_differs = "sends the segment itself again, and waits as if its timeouts had been the path's",
		.kernel = { "< P. 1(1) ack 1; skim; write 1000; > P. 1(1000) ack 2; < P. 2(1) ack 1 win 0;"
			">@100 . * ack 3; >@300 P. 1(1000) ack 3; >@500 P. 1(1000) ack 3; >@900 P. 1(1000) ack 3; mark;"
			"< P. 3(1) ack 1 win 20000; >@100 . * ack 4; >@1700 P. 1(1000) ack 4; elapsed >= 1400;"
			"< . 4 ack 1001 win 20000; none; info unacked = 0",
			.counters = "TCPTimeouts=1 RetransSegs=4 TCPWinProbe=0" } },
	/* The same where each window is taken. */
	/* A probe makes the repetition later, if that is when it is due. */
	{ "window_%s_that_flaps_for_4_s_and_ends_open", "RFC 6298 5.4, 5.5", FLAPS,
		FLAP_4_S(ENDS_OPEN, { { 4, 4, 1 }, { 4, 4, 1 } }) },
	/* Kernel TCP sends again into a closed window; xtcp sends a probe, and as seldom. */
	{ "window_%s_that_flaps_for_4_s_and_ends_shut", "RFC 9293 3.8.6.1", .id = "MUST-35 SHLD-30", FLAPS,
		FLAP_4_S(ENDS_SHUT, { { 4, 4, 0 }, { 0, 1, 5 } }) },
	/* A repetition that was a probe instead goes when the window opens next; so there may be both. */
	{ "window_%s_that_flaps_for_4_s_by_turns", "RFC 6298 5.4, 5.5", FLAPS,
		FLAP_4_S(BY_TURNS, { { 4, 4, 0 }, { 3, 4, 4 } }) },
	{ "window_%s_that_flaps_ends_open_and_user_timeout", "RFC 9293 3.8.3", .id = "MUST-21", GIVES_UP,
		PROGRAM(ENDS_OPEN, { { 2000, 2400 }, { 2000, 2400 } }, "set USER_TIMEOUT 2000") },
	/* Kernel TCP compares ticks with milliseconds here. */
	{ "window_%s_that_flaps_ends_shut_and_user_timeout", "RFC 9293 3.8.3", .id = "MUST-21", GIVES_UP,
		PROGRAM(ENDS_SHUT, { { 2000, 8400 }, { 2000, 2400 } }, "set USER_TIMEOUT 2000") },
	{ "window_%s_that_flaps_by_turns_and_user_timeout", "RFC 9293 3.8.3", .id = "MUST-21", GIVES_UP,
		PROGRAM(BY_TURNS, { { 2000, 2400 }, { 2000, 2400 } }, "set USER_TIMEOUT 2000") },
	{ "window_%s_that_flaps_ends_open_and_retries", "RFC 9293 3.8.3", .id = "MUST-20", GIVES_UP,
		.pre = "sysctl retries2 3", PROGRAM(ENDS_OPEN, { { 3000, 7000 }, { 3000, 7000 } }) },
	/* If each timeout until 6.2 s has found the window closed, that of 12.6 s finds it open. */
	{ "window_%s_that_flaps_by_turns_and_retries", "RFC 9293 3.8.3", .id = "MUST-20", GIVES_UP,
		.pre = "sysctl retries2 3", PROGRAM(BY_TURNS, { { 3000, 13500 }, { 3000, 13500 } }) },
	{ "window_%s_that_flaps_ends_open_and_an_orphan", "RFC 9293 3.8.3, RFC 6429", ORPHAN_GOES, ORPHAN(ENDS_OPEN) },
	{ "window_%s_that_flaps_ends_shut_and_an_orphan", "RFC 9293 3.8.3, RFC 6429", ORPHAN_GOES, ORPHAN(ENDS_SHUT) },
	{ "window_%s_that_flaps_by_turns_and_an_orphan", "RFC 9293 3.8.3, RFC 6429", ORPHAN_GOES, ORPHAN(BY_TURNS) },
	/* The receiver. */
	{ "data_%s_fills_the_window", "RFC 9293 3.8.6.2.2", .id = "SHLD-14", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { "fill; check W = N; poll IN OUT" } },
	{ "data_%s_into_a_closed_window", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = "listen; set RCVBUF 20000",
		.want = { "fill; < P. N(1) ack 1; >@1000 . 1 ack N win 0; check W = N" } },
	{ "rst_%s_into_a_closed_window", "RFC 9293 3.10.7.4", .id = "MUST-66", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { "fill; < R N; none", .state = CLOSED, .err = "ECONNRESET" } },
	{ "ack_%s_into_a_closed_window", "RFC 9293 3.10.7.4", .id = "MUST-66", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { "write 1000; > P. 1(1000) ack 1; fill; < . N ack 1001; none; info unacked = 0; write 1000;"
			"> P. 1001(1000) ack N" } },
	{ "fin_%s_into_a_closed_window", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = "listen; set RCVBUF 20000",
		.want = { "fill; < F. N ack 1; >@1000 . 1 ack N+1 win 0", .state = CLOSE_WAIT },
		.kernel_differs = "finds no room for a FIN, as the table of the first step has it;"
			"later versions take it, since it needs none",
		.kernel = { "fill; < F. N ack 1; >@1000 . 1 ack N win 0", .state = ESTABLISHED } },
	{ "read_%s_little_opens_nothing", "RFC 9293 3.8.6.2.2", .id = "MUST-39", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { "fill; read 1; none; read 1; none; read 100; none" } },
	{ "read_%s_little_by_little", "RFC 9293 3.8.6.2.2", .id = "MUST-39", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000", .edge_step = 500,
		.want = { READ(1000) READ(1000) READ(100) READ(100) READ(100) READ(100) READ(100) READ(100) READ(100)
			READ(100) READ(100) READ(100) READ(100) READ(100) "check W-N >= 10000; check W-N <= 20000" },
		.kernel_differs = "keeps the size of its window, so the edge follows each octet" },
	{ "window_moves_by_whole_segments", "RFC 9293 3.8.6.2.2", .id = "MUST-39", .only = 4,
		.pre = "listen; set RCVBUF 10000", .syn = "mss 1000",
		.want = { "< S 0 $; > S. 0 ack 1 win 8760; < . 1 ack 1; accept; < . 1(1000) ack 1;"
			"< . 1001(1000) ack 1; < . 2001(1000) ack 1; < P. 3001(1000) ack 1; skim; check W-N = 4760" },
		.kernel_differs = "rounds the window to segments, so the edge moves by 240 octets",
		.kernel = { "< S 0 $; > S. 0 ack 1 win 8760; < . 1 ack 1; accept; < . 1(1000) ack 1;"
			"< . 1001(1000) ack 1; < . 2001(1000) ack 1; < P. 3001(1000) ack 1; skim; check W-N = 5000" } },
	/* the share of text in memory is not known better, so neither grows; Linux 7.2 takes the first one */
	{ "window_stays_for_text_out_of_order", "RFC 9293 3.8.6", .only = 4,
		.pre = "sysctl rmem 4096 131072 33554432; listen", .syn = "mss 1000,nop,nop,sackok,nop,ws 7",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 win 257; accept; < . 2001(9000) ack 1;"
			"> . 1 ack 1 win under:70; < . 11001(10000) ack 1; > . 1 ack 1 win under:70" } },
	{ "read_%s_much_opens_the_window", "RFC 9293 3.8.6.2.2", .id = "MUST-39", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { "fill; read N-1; > . 1 ack N win over:1000; skim; < P. N(1000) ack 1; >@1000 . 1 ack N+1000;"
			"read 1000", .counters = "TCPToZeroWindowAdv=1 TCPFromZeroWindowAdv=1" } },
	{ "read_%s_reopens_all_of_a_small_window", "RFC 9293 3.8.6.2.2", .id = "MUST-39", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 2468; set WINDOW_CLAMP 1400",
		.want = { "< . 1(700) ack 1; < P. 701(700) ack 1; skim; read 1400; skim; check W-N = 1400" } },
	/* Duplicate ACKs repeat the window, or count as none. The ACK behind the hole has a larger one. */
	{ "duplicate_acks_%s_repeat_the_window", "RFC 5681 2 (e), RFC 9293 3.8.6.2.2", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { EIGHT_READ "< . N+1000(1000) ack 1; > . 1 ack N win W-N; < . N+2000(1000) ack 1;"
			"> . 1 ack N win W-N; < . N+3000(1000) ack 1; > . 1 ack N win W-N; < . N(1000) ack 1;"
			"> . 1 ack N+4000 win over:W-N-4000; read 4000" },
		.kernel_differs = "the first of them has a larger window",
		.kernel = { EIGHT_READ "< . N+1000(1000) ack 1; > . 1 ack N win over:W-N; < . N+2000(1000) ack 1;"
			"> . 1 ack N win W-N; < . N+3000(1000) ack 1; > . 1 ack N win W-N; skim" } },
	/* With SACK a duplicate ACK is known by its blocks. */
	{ "duplicate_acks_%s_with_sack_open_the_window", "RFC 6675 2", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000", .syn = "mss 1000,sackok",
		.want.script = EIGHT_READ "< . N+1000(1000) ack 1; > . 1 ack N win over:W-N; skim" },
	/* A window that stops the peer opens in spite of a hole: nothing else would come before the peer's timeout. */
	{ "duplicate_acks_%s_and_a_window_that_doubles", "RFC 9293 3.8.6.2.2", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want.script = EIGHT_UNREAD UNREAD UNREAD UNREAD UNREAD UNREAD "check W-N <= 6000;"
			"< . N+1000(1000) ack 1; > . 1 ack N win W-N; read N-1; > . 1 ack N win over:2*W-2*N; skim" },
	/* Nobody reads. The offer before was not a number of whole segments, so the next one is smaller. */
	{ "text_%s_unread_two_segments_are_acknowledged", "RFC 9293 3.8.6.3", .id = "SHLD-19", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 200000; set WINDOW_CLAMP 20500",
		.want = { "< . 1(1000) ack 1; < . 1001(1000) ack 1; < . 2001(1000) ack 1; < . 3001(1000) ack 1;"
			"< . 4001(1000) ack 1; < . 5001(1000) ack 1; < . 6001(1000) ack 1; < . 7001(1000) ack 1;"
			"< . 8001(1000) ack 1; < . 9001(1000) ack 1; < . 10001(1000) ack 1; < . 11001(1000) ack 1;"
			"< . 12001(1000) ack 1; < . 13001(1000) ack 1; < . 14001(1000) ack 1; < . 15001(1000) ack 1;"
			"< . 16001(1000) ack 1; < . 17001(1000) ack 1; < . 18001(1000) ack 1; < . 19001(1000) ack 1;"
			"< . 20001(1000) ack 1; < . 21001(1000) ack 1; < . 22001(1000) ack 1; < . 23001(1000) ack 1;"
			"pass 100; skim; < . N(500) ack 1; none; >@100 . 1 ack N+500; < . N(1000) ack 1;"
			"< . N+1000(1000) ack 1; > . 1 ack N+2000; none" } },
	/* Some ACKs at the beginning do not wait: one for each two segments of the window, which is 5 * 1460 here. */
	{ "text_%s_first_acks_of_a_small_window", "RFC 9293 3.8.6.3", .id = "MUST-40", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 200000; set WINDOW_CLAMP 8500",
		.want = { "< . 1(1000) ack 1; > . 1 ack 1001; < . 1001(1000) ack 1; > . 1 ack 2001;"
			"< . 2001(1000) ack 1; > . 1 ack 3001; < . 3001(1000) ack 1; none; >@1000 . 1 ack 4001",
			.counters = "DelayedACKs=1" } },
	/* The bound of slow growth is never above a clamp, or the window would grow to it as soon as the clamp goes. */
	{ "clamp_%s_lowered_and_lifted", "RFC 9293 3.8.6", .id = "SHLD-14", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 200000",
		.want = { "info rcv_ssthresh >= 3001; set WINDOW_CLAMP 3000; info rcv_ssthresh = 3000;"
			"set WINDOW_CLAMP 2500; info rcv_ssthresh = 2500" } },
	/* Buffers and bounds that change, and extremes: what was offered stays so. */
	{ "buffer_%s_lowered_leaves_the_edge", "RFC 9293 3.8.6", .id = "SHLD-14", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { "check W-N >= 18000; set RCVBUF 1; < P. N(1000) ack 1; >@1000 . 1 ack N+1000;"
			"check W-N >= 17000; read 1000; < P. N(1000) ack 1; >@1000 . 1 ack N+1000; check W-N >= 16000;"
			"read 1000" } },
	{ "clamp_%s_lowered_leaves_the_edge", "RFC 9293 3.8.6", .id = "SHLD-14", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000",
		.want = { "set WINDOW_CLAMP 4000; < P. N(1000) ack 1; >@1000 . 1 ack N+1000; check W-N >= 17000; fill;"
			"read N-1; > . 1 ack N; check W-N = 4000; get WINDOW_CLAMP 4000; info rcv_ssthresh = 4000" } },
	{ "clamp_%s_raised", "RFC 9293 3.8.6", .in = ESTABLISHED,
		.pre = "listen; set RCVBUF 20000; set WINDOW_CLAMP 4000",
		.want = { "check W-N <= 4000; set WINDOW_CLAMP 9000; < P. N(1000) ack 1; >@1000 . 1 ack N+1000;"
			"< P. N(1000) ack 1; >@1000 . 1 ack N+1000; read N-1; < P. N(1000) ack 1;"
			">@1000 . 1 ack N+1000; read 1000; < P. N(1000) ack 1; >@1000 . 1 ack N+1000;"
			"check W-N >= 7000; check W-N <= 9000" } },
	{ "clamp_%s_set_to_nothing", "RFC 9293 3.8.6", .in = ESTABLISHED,
		.want = { "set WINDOW_CLAMP 0 EINVAL; set WINDOW_CLAMP 1; get WINDOW_CLAMP 1152" } },
	{ "buffer_%s_of_nothing_still_carries", "RFC 9293 3.8.6", .in = ESTABLISHED, .pre = "listen; set RCVBUF 1",
		.want = { "check W-N >= 1000; < P. N(1000) ack 1; >@1000 . 1 ack N+1000; read 1000; skim;"
			"< P. N(500) ack 1; >@1000 . 1 ack N+500; read 500; skim; check W-N >= 500" } },
	{ "window_%s_of_1_gib_from_the_peer", "RFC 7323 2.3", .in = ESTABLISHED, .syn = "mss 1000,ws 14",
		.synwin = "65535",
		.want = { "write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; < . 1 ack 2001;"
			"info snd_wnd = 65535*16384; write 20000; > p. 2001(1000) ack 1 x10; < . 1 ack 12001 win 1;"
			"> p. 12001(1000) ack 1 x9; > P. 21001(1000) ack 1; < . 1 ack 22001 win 0; write 1; none;"
			"< . 1 ack 22001 win 65535; > P. 22001(1) ack 1" } },
	{ "window_%s_of_1_gib_to_the_peer", "RFC 7323 2.3", .in = 0, .pre = "sysctl rmem 4096 2147483647 2147483647",
		.want = { "listen; < S 0 win 65535 <mss 1000,ws 0>; > S. 0 ack 1 win 65535 <ws 14>; < . 1 ack 1;"
			"accept; < P. 1(1000) ack 1; >@1000 . 1 ack 1001; < P. 1001(1000) ack 1; >@1000 . 1 ack 2001;"
			"check W-N >= 60000; read 2000" } },
};

WIRE_MAIN(rows)
