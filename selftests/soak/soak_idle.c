// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that are idle for weeks and then carry text both ways. After 25 days, timestamp clocks of a millisecond
 * have moved by 2^31; after 50 days they have wrapped. Some are half closed, have a hole, or have had a timeout. PAWS
 * gives up after 24 days (RFC 7323 section 5.5), to the minute. Also 2^31 and 2^32 us, 36 and 72 minutes, in which
 * differences of a 32-bit microsecond clock wrap. And for how long SYNs carry no text after SYNs with text were lost
 * (RFC 7413 section 4.1.3.1): for 17 hours at most.
 *
 * One end is a socket of the stack under test, the other one this program, with the engine of the wire_* programs. A
 * lane is a stack and an IP version. It has all its connections at once, so the time passes only once. The clock of a
 * row ticks each millisecond, as the RFC allows, unless the row stops it. When a segment shows the socket's clock, this
 * must have moved as far as the time.
 */
#include "lib/test.h"
#include "lib/virtual.h"
#include "lib/wire.h"

#define STEPS	12
#define D(days)	((days) * VIRTUAL_DAY)
#define US(us)	((us) * 1000ull)
#define CLOCK_OFF_MS 3000	/* the rows of a moment take their turns */

#define TS	"mss 1000,nop,nop,ts T R"
#define TS_SACK	"mss 1000,sackok,nop,nop,ts T R"
#define PLAIN	"mss 1000"

#define OPEN	"listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; closelisten;"
#define CALL	"socket; bind; connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1;"
#define COMES	"< P. N(100); >@1000 . S ack N+100; read 100;"
#define GOES	"write 100; > P. S(100) ack N; < .; none; info retransmits = 0; info rtt <= 100000;"
#define DEFER	"listen; set DEFER_ACCEPT 20000; < S 0 $; > S. 0 ack 1; < . 1 ack 1"
/* Kernel TCP takes the wait for a round trip, so these rows ask for no rtt. */
#define DEFERRED "< P. 1(100) ack 1; >@1000 . 1 ack 101; accept; read 100; write 100; > P. S(100) ack N; < .; none"
#define BOTH	"" COMES GOES COMES
/* Text with a timestamp that is older by five seconds. */
#define OLD	"< P. N(100) ack S <ts T-5000 R>; "
#define TIMEOUT	"write 100; > P. S(100) ack N; >@1500 P. S-100(100) ack N; "

/* The peer gives out a cookie. A SYN with text is lost. A SYN has no text, since others were lost. */
#define NEXT	"abort; skim; fresh; "
#define KNOWN	"fast 10 EINPROGRESS; > S 0 <fo>; < S. 0 ack 1 <mss 1000,hex 0101220a1122334455667788>;" \
		"> . 1 ack 1; " NEXT
#define LOSES	"fast 10 10; > S 0(10) <fo 1122334455667788>; >@3000 S 0(0) <nofo>; < S. 0 ack 1 <mss 1000>;" \
		"> P. 1(10) ack 1; < . 1 ack 11; " NEXT
#define RESTS	"fast 10 EINPROGRESS; > S 0(0) <nofo>; < S. 0 ack 1 <mss 1000>; > . 1 ack 1; " NEXT
/* When SYNs may have text again after n losses. The first two losses are at one minute; a wait is 2^n minutes. */
#define RESTED(n) (((2ull << (n)) - 3) * VIRTUAL_MINUTE + ((n) - 1) * 10 * VIRTUAL_S)

struct step {
	uint64_t at;
	const char *script;
};

struct soak_row {
	const char *name, *syn;
	bool stands;			/* the peer's clock does */
	bool ours;			/* the row is for xtcp alone */
	struct step step[STEPS];
};

static const struct soak_row rows[] = {
	{ "25_days_timestamps_the_peer_begins", TS, .step = {
		{ 0, OPEN BOTH }, { D(25), BOTH }, { D(50), BOTH } } },
	{ "25_days_timestamps_the_program_begins", TS, .step = {
		{ 0, CALL BOTH }, { D(25), GOES BOTH }, { D(50), GOES BOTH } } },
	{ "50_days_timestamps_the_peer_begins", TS_SACK, .step = {
		{ 0, CALL BOTH }, { D(50), BOTH } } },
	{ "50_days_timestamps_the_program_begins", TS_SACK, .step = {
		{ 0, OPEN BOTH }, { D(50), GOES BOTH } } },
	{ "25_days_no_timestamps", PLAIN, .step = {
		{ 0, OPEN BOTH }, { D(25), BOTH }, { D(50), GOES } } },
	{ "50_days_no_timestamps", PLAIN, .step = {
		{ 0, CALL BOTH }, { D(50), GOES BOTH } } },
	{ "open_for_50_days_without_a_word", TS, .step = {
		{ 0, OPEN }, { D(50), BOTH } } },
	{ "paws_holds_for_24_days_and_no_longer", TS, true, .step = {
		{ 0, OPEN "tick 10000;" BOTH },
		{ D(24) - VIRTUAL_MINUTE, OLD "> . S ack N <ecr T>; read EAGAIN" },
		{ D(24) + VIRTUAL_MINUTE, OLD ">@1000 . S ack N+100 <ecr T-5000>; read 100;"
		  "< P. N(100) ack S <ts T-6000 R>; > . S ack N <ecr T-5000>; read EAGAIN" } } },
	{ "paws_holds_for_another_24_days", TS, true, .step = {
		{ 0, OPEN "tick 10000;" BOTH },
		{ D(23), COMES },
		{ D(46), OLD "> . S ack N <ecr T>; read EAGAIN" },
		{ D(47) + VIRTUAL_MINUTE, OLD ">@1000 . S ack N+100; read 100" } } },
	{ "peers_clock_came_round_and_is_a_little_behind", TS, true, .step = {
		{ 0, OPEN "tick 10000;" BOTH },
		{ D(50), "< P. N(100) ack S <ts T-3 R>; >@1000 . S ack N+100 <ecr T-3>; read 100" } } },
	{ "peers_clock_is_2_31_further", TS, true, .step = {
		{ 0, OPEN BOTH },
		{ D(25), "tick 2147483648; < P. N(100); >@1000 . S ack N+100 <ecr T>; read 100;" GOES } } },
	{ "timeout_then_25_days_then_timeouts", TS, .step = {
		{ 0, OPEN BOTH TIMEOUT "< .; none" },
		{ D(25), TIMEOUT ">@2000 P. S-100(100) ack N; >@3000 P. S-100(100) ack N; < .; none;"
		  "state established;" BOTH } } },
	{ "timeout_then_25_days_then_timeouts_no_timestamps", PLAIN, .step = {
		{ 0, OPEN BOTH TIMEOUT "< .; none" },
		{ D(25), TIMEOUT ">@2000 P. S-100(100) ack N; >@3000 P. S-100(100) ack N; < .; none;"
		  "state established;" BOTH } } },
	{ "user_timeout_counts_from_the_text", TS, .step = {
		{ 0, OPEN "set USER_TIMEOUT 5000;" BOTH TIMEOUT "< .; none" },
		{ D(25), TIMEOUT ">@2000 P. S-100(100) ack N; < .; none; state established;" BOTH } } },
	{ "text_behind_a_hole_waits_25_days", TS_SACK, .step = {
		{ 0, OPEN COMES "< P. N+100(100); > . S ack N <sack N+100:N+200>; read EAGAIN" },
		{ D(25), "< P. N(100); >@1000 . S ack N+200; read 200;" BOTH } } },
	{ "text_waits_50_days_for_its_reader", TS, .step = {
		{ 0, OPEN "< P. N(100); >@1000 . S ack N+100" }, { D(50), "read 100;" BOTH } } },
	{ "fin_wait_2_for_50_days", TS, .step = {
		{ 0, OPEN BOTH "shut; > F. S ack N; < .; state fin_wait_2" },
		{ D(25), "state fin_wait_2;" COMES },
		{ D(50), COMES "< F. N; >@1000 . S ack N+1; read eof; state time_wait" } } },
	{ "close_wait_for_50_days", TS, .step = {
		{ 0, OPEN BOTH "< F. N; >@1000 . S ack N+1; read eof" },
		{ D(25), "state close_wait;" GOES },
		{ D(50), GOES "shut; > F. S ack N; < .; none" } } },
	{ "silence_is_told_for_25_days", PLAIN, .step = {
		{ 0, OPEN BOTH },
		{ D(25), "info last_data_sent >= 2159990000; info last_data_sent <= 2160010000;"
		  "info last_data_recv >= 2159990000; info last_data_recv <= 2160010000;"
		  "info last_ack_recv >= 2159990000; info last_ack_recv <= 2160010000" } } },
	{ "2_31_and_2_32_microseconds", TS, .step = {
		{ 0, OPEN BOTH }, { US(1ull << 31), BOTH }, { US(3ull << 31), GOES BOTH },
		{ US(5ull << 31), GOES BOTH } } },
	{ "text_that_accept_waits_for_comes_after_2_31_microseconds", TS, .step = {
		{ 0, DEFER }, { US(1ull << 31), "accept EAGAIN;" DEFERRED } } },
	{ "text_that_accept_waits_for_comes_after_2_32_microseconds", TS, .step = {
		{ 0, DEFER }, { US(1ull << 32) + 2 * VIRTUAL_S, "accept EAGAIN;" DEFERRED } } },
	{ "2_31_and_2_32_microseconds_no_timestamps", PLAIN, .step = {
		{ 0, OPEN BOTH }, { US(1ull << 31), BOTH }, { US(3ull << 31), GOES BOTH },
		{ US(5ull << 31), GOES BOTH } } },
	/* Linux has no such wait since 4.14 */
	{ "syns_without_text_for_17_hours_at_most", PLAIN, .ours = true, .step = {
		{ VIRTUAL_MINUTE, KNOWN LOSES LOSES },
		{ RESTED(2), LOSES }, { RESTED(3), LOSES }, { RESTED(4), LOSES }, { RESTED(5), LOSES },
		{ RESTED(6), LOSES }, { RESTED(7), LOSES }, { RESTED(8), LOSES }, { RESTED(9), LOSES },
		{ RESTED(10), LOSES },
		{ RESTED(10) + 1023 * VIRTUAL_MINUTE, RESTS },
		{ RESTED(10) + 1024 * VIRTUAL_MINUTE + 10 * VIRTUAL_S, LOSES } } },
};

#define ROWS (sizeof(rows) / sizeof(*rows))

struct play {
	struct wire w;
	struct wire_row row;
	unsigned int next;		/* step */
	uint64_t last;			/* when the last step began */
};

/* This row alone. */
static const char *only;

static bool is_over(const struct play *p, const struct soak_row *row)
{
	return p->w.failed || (only && strcmp(only, row->name)) || (row->ours && p->w.stack == WIRE_KERNEL) ||
	       p->next == STEPS || !row->step[p->next].script;
}

/* The socket's clock has moved as far as the time, even if it has wrapped. */
static void check_clock(struct wire *w, uint32_t before, uint64_t ms)
{
	uint32_t passed = w->c.tsrecent - before;

	if (!w->failed && w->c.ts_on && before && (uint32_t)(passed - (uint32_t)ms + CLOCK_OFF_MS) > 2 * CLOCK_OFF_MS)
		wire_fail(w, "its timestamp clock has passed by %u in %llu ms", passed, (unsigned long long)ms);
}

static void play_step(struct play *p, const struct soak_row *row)
{
	uint64_t now = virtual_now(), ms = p->next ? (now - p->last) / 1000000 : 0;
	uint32_t before = p->w.c.tsrecent;

	if (!row->stands)
		p->w.c.tsval += ms;
	wire_note(&p->w, "%llu s:", (unsigned long long)(row->step[p->next].at / VIRTUAL_S));
	/* nothing was said meanwhile */
	if (!p->next || !wire_script_run(&p->w, "none"))
		wire_script_run(&p->w, row->step[p->next].script);
	check_clock(&p->w, before, ms);
	p->last = now;
	p->next++;
}

static int lane(enum wire_stack stack, int ip)
{
	static struct play plays[ROWS];
	static struct wire lane = { .tun = -1 };
	uint64_t begin = virtual_now(), first;
	unsigned int i, failed = 0;
	struct play *p;

	virtual_wire(&lane, stack, ip);
	lane.shared = true;
	for (i = 0; i < ROWS; i++) {
		wire_peer_reset(&lane, true);
		p = &plays[i];
		p->w = lane;
		p->row = (struct wire_row) { .name = rows[i].name, .syn = rows[i].syn };
		p->w.row = &p->row;
		p->w.started = begin;
	}
	do {
		first = UINT64_MAX;
		for (i = 0; i < ROWS; i++)
			if (!is_over(&plays[i], &rows[i]) && rows[i].step[plays[i].next].at < first)
				first = rows[i].step[plays[i].next].at;
		if (first == UINT64_MAX)
			break;
		virtual_sleep_until(begin + first);
		for (i = 0; i < ROWS; i++)
			if (!is_over(&plays[i], &rows[i]) && rows[i].step[plays[i].next].at == first)
				play_step(&plays[i], &rows[i]);
	} while (true);
	for (i = 0; i < ROWS; i++) {
		p = &plays[i];
		if (rows[i].ours && stack == WIRE_KERNEL)
			continue;
		failed += p->w.failed;
		printf("%s", p->w.failed || only ? p->w.ladder : "");
		printf("%s %s, %s, IPv%d%s%s\n", p->w.failed ? "FAIL" : "PASS", rows[i].name,
		       wire_stack_names[stack], ip, p->w.failed ? ": " : "", p->w.why);
		wire_socket_cleanup(&p->w);
	}
	return failed;
}

int main(int argc, char **argv)
{
	FILE *said[4];
	unsigned int i, ours = 0;
	int ends[2];

	ksft_print_header();
	virtual_or_skip();
	only = argc > 1 ? argv[1] : NULL;
	/* a stamp of 0 s says that there is none */
	virtual_sleep_until(2 * VIRTUAL_S);
	for (i = 0; i < ROWS; i++)
		ours += rows[i].ours;
	ksft_set_plan(4 * ROWS - 2 * ours);
	fflush(stdout);
	for (i = 0; i < 4; i++) {
		must(!pipe(ends), "pipe");
		if (!fork()) {
			dup2(ends[1], STDOUT_FILENO);
			i = lane(i / 2, i % 2 ? 6 : 4);
			fflush(stdout);
			_exit(!!i);
		}
		close(ends[1]);
		said[i] = fdopen(ends[0], "r");
	}
	for (i = 0; i < 4; i++)
		virtual_report(said[i], i / 2 == WIRE_KERNEL ? ROWS - ours : ROWS);
	while (wait(NULL) > 0)
		;
	ksft_finished();
}
