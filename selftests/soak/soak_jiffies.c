// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks that wrap while a timer is armed: it is armed before and due after. Linux begins to count ticks five minutes
 * before their low half is 0, so that moment comes five minutes after the start. At 250 ticks a second it comes again
 * after 199 days, and half of the way is after 99 days. The microsecond clock reaches the same two points after 36 and
 * 72 minutes, the timestamp clock after 25 and 50 days, since a knob turns its offset off.
 *
 * Each row runs once at a quiet time, and then at each moment, which it meets after each of its leads. It must send the
 * same segments there, at the same distances. So each stack is its own measure; kernel TCP shows what the engine itself
 * does. All rows of a moment run at once, each in a process and a namespace of its own.
 */
#include "lib/test.h"
#include "lib/virtual.h"
#include "lib/wire.h"

#define LEADS	4
#define LONGEST	61		/* s: of a lead */
#define LINES	64
#define TURN_MS	80
#define OFF_MS	12.0		/* ticks, and processes that take their turns */

#define TS	"mss 1000,nop,nop,ts T R"
#define SACK	"mss 1000,sackok"
#define OPEN	"listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; "
#define TALKED	"" OPEN "< P. N(100); >@1000 . S ack N+100; read 100; write 100; > P. S(100) ack N; < .; none; "
#define FAR	"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; < . 1 ack 1; "
#define TEXT	"write 900; > P. S(900) ack N; "
#define TWICE	">@1500 P. S-900(900) ack N; >@2500 P. S-900(900) ack N; "
#define BACKOFF	"" TEXT TWICE ">@4500 P. S-900(900) ack N; < .; none; "
#define CLOSED	"write 100; > P. S(100) ack N; < . N ack S win 0; none; write 100; "
#define OPENED	"< . N ack S win 65535; > P. S(100) ack N; < .; none"
#define FIN	"close; > F. S ack N; >@1500 F. S-1 ack N; >@2500 F. S-1 ack N; < .; none"
#define KEEP	"set KEEPIDLE 1; set KEEPINTVL 1; set KEEPCNT 2; "
#define FAR_OFF	"< . W+10 ack S; "
#define ENDS	"pass 59000; none; gone 4500"

struct soak_row {
	const char *name, *syn;
	unsigned int leads[LEADS];		/* ms; 0: no more */
	const char *pre, *script;
	bool xtcp_alone;
};

static const struct soak_row rows[] = {
	{ "retransmission", NULL, { 100, 400, 1000 }, TALKED, BACKOFF },
	{ "retransmission_with_timestamps", TS, { 100, 400, 1000 }, TALKED, BACKOFF "info rto <= 400000" },
	{ "loss_probe", SACK, { 2, 50, 150, 500 }, TALKED, BACKOFF },
	{ "syn", TS, { 500, 2000 }, "socket; bind",
	  "connect; > S 0; >@2500 S 0; >@4500 S 0; < S. 0 ack 1 $; > . 1 ack 1" },
	{ "syn_ack", TS, { 500, 2000 }, "listen", "< S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; >@4500 S. 0 ack 1;"
	  "< . 1 ack 1; accept; write 100; > P. 1(100) ack 1; < .; none" },
	{ "syn_ack_gives_up", NULL, { 500, 2000 }, "sysctl synack_retries 1; listen",
	  "< S 0 $; > S. 0 ack 1; >@2500 S. 0 ack 1; gone 5000; none" },
	{ "fin", NULL, { 100, 400 }, TALKED, FIN },
	/* right when the clock is 0, which as a stamp means none */
	{ "orphans_timeout", NULL, { 200, 204, 208, 212 }, TALKED, FIN },
	{ "timeout_and_user_timeout", NULL, { 200, 204, 208, 212 }, TALKED "set USER_TIMEOUT 3000",
	  TEXT TWICE "< .; none" },
	{ "probe_and_user_timeout", NULL, { 200, 204, 208, 212 }, TALKED "set USER_TIMEOUT 3000",
	  CLOSED ">@1500 . S-1 ack N; >@2500 . S-1 ack N;" OPENED },
	{ "delayed_ack", NULL, { 10, 20, 30 }, TALKED, "< P. N(100); >@1000 . S ack N+100; read 100" },
	{ "persist", NULL, { 100, 400 }, TALKED, CLOSED ">@1500 . S-1 ack N; >@2500 . S-1 ack N;" OPENED },
	{ "persist_answered", TS, { 100, 400, 1000 }, TALKED, CLOSED ">@1500 . S-1 ack N; < . N ack S win 0;"
	  ">@2500 . S-1 ack N; < . N ack S win 0; >@3500 . S-1 ack N;" OPENED },
	{ "keepalive", NULL, { 500, 1500, 2500 }, TALKED KEEP,
	  "set KEEPALIVE 1; >@3000 . S-1 ack N; >@3000 . S-1 ack N; hup 3000; skim; err ETIMEDOUT" },
	{ "keepalive_answered", TS, { 500, 1500, 2200 }, TALKED KEEP,
	  "set KEEPALIVE 1; >@3000 . S-1 ack N; < .; >@3000 . S-1 ack N; < .; none; pass 500; none" },
	{ "user_timeout", TS, { 100, 500, 900 }, TALKED,
	  "set USER_TIMEOUT 1000;" TEXT TWICE "hup 3000; skim; err ETIMEDOUT" },
	{ "reordering", SACK, { 206, 214, 222 }, "none",
	  FAR "write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; pass 100; < . 1 ack 1 <sack 1001:2001>; none;"
	  ">@150 p. 1(1000) ack 1; < . 1 ack 4001; none" },
	{ "time_wait", TS, { 30000, 59990 }, OPEN, "close; > F. S ack N; < F. N; > . S ack N+1;" ENDS },
	{ "fin_wait_2", NULL, { 30000, 59990 }, TALKED, "close; > F. S ack N; < .;" ENDS },
	{ "fin_wait_2_by_linger2", NULL, { 1500, 2900 }, TALKED "set LINGER2 3",
	  "close; > F. S ack N; < .; none; pass 2500; gone 3000" },
	{ "answers_to_what_is_unacceptable", NULL, { 20, 300 }, TALKED,
	  FAR_OFF "> . S ack N;" FAR_OFF "none; pass 600;" FAR_OFF "> . S ack N; none" },
	/* kernel TCP takes a time of 0 for no answer yet, so it answers twice in that tick */
	{ "answer_when_jiffies_are_0", NULL, { 1 }, TALKED,
	  "pass 2;" FAR_OFF "> . S ack N;" FAR_OFF "none; pass 300;" FAR_OFF "none", true },
	{ "window_after_a_pause", NULL, { 1500 }, TALKED "write 20000; skim; < .; skim; < .; skim; < .; skim",
	  "pass 3000; write 20000; > p. 20101(1000) ack 101 x10; none; < .; skim; < .; skim" },
	{ "what_tcp_info_says_of_a_pause", TS, { 1000 }, TALKED,
	  "write 100; > P. S(100) ack N; < .; none; pass 2000; info last_data_sent >= 1990;"
	  "info last_data_sent <= 2100; info last_ack_recv >= 1990; info last_ack_recv <= 2100" },
	{ "paws", TS, { 20, 80 }, TALKED, "tick 1000; < P. N(100); >@1000 . S ack N+100; pass 100;"
	  "< P. N(100) ack S <ts T-500 R>; > . S ack N <ecr T>; read 100; read EAGAIN" },
};

#define ROWS (sizeof(rows) / sizeof(*rows))

struct moment {
	const char *name;
	uint64_t at;
};

/* Lines of a ladder: what, and when. */
struct seen {
	unsigned int n;
	struct {
		double ms;
		char what[80];
	} line[LINES];
};

/* This row alone. */
static const char *only;
/* The place of this process among those that get ready at the same time: one after the other. */
static unsigned int turn;

/* How often it is played at each moment. */
static unsigned int leads_of(const struct soak_row *row, enum wire_stack stack)
{
	unsigned int n = 0;

	if ((only && strcmp(only, row->name)) || (row->xtcp_alone && stack == WIRE_KERNEL))
		return 0;
	while (n < LEADS && row->leads[n])
		n++;
	return n;
}

/* What the stack sent, without the timestamps. */
static void note_ladder(const char *ladder, struct seen *seen)
{
	const char *at, *end;
	char *ts;
	int skip;

	seen->n = 0;
	for (at = ladder; *at && seen->n < LINES - 1; at = end + 1) {
		end = strchr(at, '\n');
		if (sscanf(at, "# %lf %n", &seen->line[seen->n].ms, &skip) == 1 && !strncmp(at + skip, "<--", 3)) {
			snprintf(seen->line[seen->n].what, sizeof(seen->line[0].what), "%.*s",
				 (int)(end - at - skip), at + skip);
			ts = strstr(seen->line[seen->n].what, " ts ");
			if (ts)
				*ts = 0;
			seen->n++;
		}
	}
}

/* The row begins with its script, and ends with its last line. */
static void play(struct wire *w, const struct soak_row *row, uint64_t begin, struct seen *seen)
{
	static struct wire_row now;

	now = (struct wire_row) { .name = row->name, .syn = row->syn };
	w->row = &now;
	w->failed = false;
	w->why[0] = 0;
	w->started = virtual_now();
	w->ladder_len = 0;
	w->ladder[0] = 0;
	wire_peer_reset(w, true);
	if (wire_script_run(w, row->pre))
		return;
	virtual_sleep_until(begin);
	wire_note(w, "begins");
	w->started = begin;
	w->ladder_len = 0;
	if (wire_script_run(w, row->script))
		return;
	note_ladder(w->ladder, seen);
	seen->line[seen->n].ms = (virtual_now() - begin) / 1e6;
	strcpy(seen->line[seen->n++].what, "its end");
	wire_socket_cleanup(w);
	wire_tun_restore(w);
}

/* A timer of the kernel may be late by an eighth of its time; where the clock stands decides by how much. */
static void compare(struct wire *w, const struct seen *quiet, const struct seen *now)
{
	double a, b, off;

	if (w->failed)
		return;
	for (unsigned int i = 0; i < quiet->n && i < now->n; i++) {
		a = quiet->line[i].ms - (i ? quiet->line[i - 1].ms : 0);
		b = now->line[i].ms - (i ? now->line[i - 1].ms : 0);
		off = b > a ? b - a : a - b;
		if (strcmp(quiet->line[i].what, now->line[i].what) || off > OFF_MS + a / 8) {
			wire_fail(w, "'%s' after %.1f ms, at a quiet time '%s' after %.1f ms", now->line[i].what, b,
				  quiet->line[i].what, a);
			return;
		}
	}
	if (quiet->n != now->n)
		wire_fail(w, "%u lines, at a quiet time %u", now->n, quiet->n);
}

/* Plays a row of a stack with one lead, at the quiet time and at each moment. Prints a line for each. */
static void process(enum wire_stack stack, int ip, const struct soak_row *row, unsigned int lead,
		    const struct moment *moments, unsigned int n)
{
	static struct wire w = { .tun = -1 };
	static struct seen quiet, now;

	virtual_wire(&w, stack, ip);
	/* for good, while what the row changes goes back */
	if (wire_script_run(&w, "sysctl timestamps 2"))
		ksft_exit_fail_msg("%s\n", w.why);
	for (unsigned int i = 0; i < n; i++) {
		virtual_sleep_until(moments[i].at - (LONGEST + 12) * VIRTUAL_S + turn * TURN_MS * 1000000ull);
		play(&w, row, moments[i].at - lead * 1000000ull, i ? &now : &quiet);
		if (i)
			compare(&w, &quiet, &now);
		printf("%s", w.failed ? w.ladder : "");
		printf("%s %s, %u ms before, %s, %s, IPv%d%s%s\n", w.failed ? "FAIL" : "PASS", row->name, lead,
		       moments[i].name, wire_stack_names[stack], ip, w.failed ? ": " : "", w.why);
		if (!i && w.failed)
			return;
	}
}

/* In the order of time. The quiet time is first; it is as far from a tick as the moments of jiffies. */
static unsigned int find_moments(struct moment *moments)
{
	const unsigned int hz = virtual_hz();
	const uint64_t round = virtual_when_jiffies(1ull << 32, hz), tick = VIRTUAL_S / hz;
	unsigned int n = 0;

	ksft_print_msg("%u ticks a second: 2^32 of them are %.1f days, 2^31 %.1f\n", hz, 4294967296. / hz / 86400,
		       2147483648. / hz / 86400);
	moments[n++] = (struct moment) { "at a quiet time", round - 180 * VIRTUAL_S / tick * tick };
	moments[n++] = (struct moment) { "jiffies come round", round };
	moments[n++] = (struct moment) { "2^31 us", (1ull << 31) * 1000 };
	moments[n++] = (struct moment) { "2^32 us", (1ull << 32) * 1000 };
	moments[n++] = (struct moment) { "2^31 ms", (1ull << 31) * 1000000 };
	moments[n++] = (struct moment) { "2^32 ms", (1ull << 32) * 1000000 };
	moments[n++] = (struct moment) { "2^31 jiffies", round + (1ull << 31) * tick };
	moments[n++] = (struct moment) { "2^32 jiffies", round + (1ull << 32) * tick };
	return n;
}

int main(int argc, char **argv)
{
	FILE *said[WIRE_STACKS * ROWS * LEADS];
	unsigned int r, lead, n = 0, started = 0;
	struct moment moments[16];
	int ends[2];

	ksft_print_header();
	virtual_or_skip();
	only = argc > 1 ? argv[1] : NULL;
	virtual_sleep_until(2 * VIRTUAL_S);
	n = find_moments(moments);
	for (enum wire_stack stack = WIRE_KERNEL; stack < WIRE_STACKS; stack++)
		for (r = 0; r < ROWS; r++)
			started += leads_of(&rows[r], stack);
	ksft_set_plan(started * n);
	started = 0;
	fflush(stdout);
	for (enum wire_stack stack = WIRE_KERNEL; stack < WIRE_STACKS; stack++) {
		for (r = 0; r < ROWS; r++) {
			for (lead = 0; lead < leads_of(&rows[r], stack); lead++) {
				must(!pipe(ends), "pipe");
				if (!fork()) {
					dup2(ends[1], STDOUT_FILENO);
					turn = started;
					process(stack, (r + lead) & 1 ? 6 : 4, &rows[r], rows[r].leads[lead], moments,
						n);
					fflush(stdout);
					_exit(0);
				}
				close(ends[1]);
				said[started++] = fdopen(ends[0], "r");
			}
		}
	}
	for (r = 0; r < started; r++)
		virtual_report(said[r], n);
	while (wait(NULL) > 0)
		;
	ksft_finished();
}
