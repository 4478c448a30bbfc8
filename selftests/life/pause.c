// SPDX-License-Identifier: GPL-2.0
/*
 * A machine stands still for some seconds while its clock goes on, as one does whose host slept or moved it. Each timer
 * that passed meanwhile acts once, however often its time would have come, and counts the next time from then on:
 * probes of an idle connection and of a closed window, what was not acknowledged, SYN-ACKs, the end of TIME-WAIT (RFC
 * 6298 section 5, RFC 9293 sections 3.8.3, 3.8.4 and 3.8.6.1). Setting the time of day moves none. All connections go
 * on afterwards.
 *
 * The end under test is in namespace a; what its peer answers is dropped. A tap on a's link notes when each segment
 * goes out, and what is judged is the time between two of them. It may be half of what is due, since the clock of a
 * starved machine stands behind when a timer is set.
 *
 * scripts/vm/vm.sh stops the machine.
 *
 * The pause is 8 s (`/run/vm/pause`, see `scripts/vm/vm.sh --help`). The time of day goes a day
 * forward and back. On both stacks.
 */
#include "tap.h"
#include "test.h"

#define ASK		"/run/vm/pause"
#define PAUSE_S		8
#define PORT		7000
#define STALL_MS	60000
#define SENT_MAX	200
#define WINDOW_OCTETS	1000000		/* more than both buffers take */
#define US		1000000LL
#define DAY_US		(86400 * US)
#define JUST_DUE_US	50000		/* due when the machine stopped, but not sent before */
#define LONG_MS		60000		/* TIME-WAIT, the default of both stacks */
#define SHORT_MS	6000
#define PERSIST		4		/* the timer in /proc/net/tcp */
#define DOUBLINGS	6		/* further than this goes */
#define RESULTS		7		/* for each stack and IP */

enum { KEEPALIVE, DATA, WINDOW, SYN_ACK, TIMED, LONG_RECORD = TIMED, SHORT_RECORD, KINDS };

/* From the first segment on the tap to the next, at least; it doubles or not. An earlier one was not on the tap. */
static const struct {
	const char *name;
	int ms;
	bool doubles;
} kinds[TIMED] = {
	[KEEPALIVE] = { "keepalive probe", 1000, false },
	[DATA] = { "retransmission", 200, true },
	[WINDOW] = { "window probe", 400, true },
	[SYN_ACK] = { "SYN-ACK", 2000, true },
};

/* What the end under test sends on one connection. */
struct series {
	int fd, peer_fd;
	int port, peer_port;
	long long sent[SENT_MAX];	/* when, us of the monotonic clock */
	int n, judged;
	long long made_ms;		/* a record: not before this */
};

struct world {
	char name[64];
	enum stack stack;
	const char *here, *there;	/* addresses of a, of b */
	struct ns_pair pair;
	int tap, listener;
	struct series series[KINDS];
	struct flow flows[2];
};

/* Two looks at the clock, before the machine stood still and after; what it sent came before or after the middle. */
struct gap {
	long long began, middle, ended;
};

static struct world worlds[4];
static int n_worlds;
static long long epoch;		/* when the monotonic clock was 0, us of the time of day */

static long long clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * US + ts.tv_nsec / 1000;
}

static long long now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static void set_time_of_day(long long ahead)
{
	long long us = epoch + now_us() + ahead;
	struct timespec ts = { us / US, us % US * 1000 };

	must(!clock_settime(CLOCK_REALTIME, &ts), "clock_settime");
}

static long long when_sent(const struct tap_segment *segment)
{
	long long us = segment->time_of_day_us - epoch;

	return us > now_us() + DAY_US / 2 ? us - DAY_US : us;
}

static void note_segment(struct world *w, const struct tap_segment *segment)
{
	struct series *s;

	for (int i = 0; i < KINDS; i++) {
		s = &w->series[i];
		if (s->port != segment->from_port || s->peer_port != segment->to_port)
			continue;
		must_say(s->n != SENT_MAX, "%s: too many segments from port %d", w->name, s->port);
		s->sent[s->n++] = when_sent(segment);
	}
}

static void read_tap(struct world *w, bool note)
{
	struct tap_segment segment;

	while (tap_next(w->tap, &segment))
		if (note)
			note_segment(w, &segment);
}

static void gate(struct world *w, int ns, bool open)
{
	must_say(!netem_gate(ns, "veth0", open), "%s: no gate", w->name);
}

static void pair_or_die(struct world *w, int kind)
{
	struct series *s = &w->series[kind];

	s->peer_port = PORT + kind;
	stack_pair_or_die(w->pair.a, w->stack, w->pair.b, KERNEL, w->there, s->peer_port, &s->fd, &s->peer_fd);
	s->port = stack_port(s->fd);
}

static int row_of(const struct world *w, int kind, struct row *row)
{
	const struct series *s = &w->series[kind];

	return rows_find(w->pair.a, sides_listing(w->stack, w->here), s->port, s->peer_port, row);
}

static bool row_is(const struct world *w, int kind, unsigned int state)
{
	struct row row;

	return row_of(w, kind, &row) == 1 && row.state == state;
}

static bool timer_is(const struct world *w, int kind, unsigned int timer)
{
	struct row row;

	return row_of(w, kind, &row) == 1 && row.timer == timer;
}

static void make_record(struct world *w, int kind)
{
	struct series *s = &w->series[kind];

	pair_or_die(w, kind);
	s->made_ms = wait_now_ms();
	close_each(s->fd, s->peer_fd);
	must_say(WAIT_FOR(row_is(w, kind, TCP_TIME_WAIT), STACK_DEADLINE_MS), "%s: no TIME-WAIT", w->name);
}

static void prepare(struct world *w, enum stack stack, bool v6)
{
	w->stack = stack;
	w->here = v6 ? NS_A6 : NS_A4;
	w->there = v6 ? NS_B6 : NS_B4;
	snprintf(w->name, sizeof(w->name), "%s, IPv%d", stack_name(stack), v6 ? 6 : 4);
	must(!ns_pair_make(&w->pair), "no namespaces");
	sides_know_each_other(&w->pair);
	/* no probe of the tail before the first timeout */
	must(!ns_sysctl_set(w->pair.a, "net.ipv4.tcp_early_retrans", "0") &&
	     !ns_sysctl_set(w->pair.a, "net.xtcp.early_retrans", "0"), "no early_retrans");
	w->tap = must_have(tap_open(w->pair.a, "veth0"), "no tap");
	pair_or_die(w, KEEPALIVE);
	pair_or_die(w, DATA);
	pair_or_die(w, WINDOW);
	make_record(w, LONG_RECORD);
	if (stack == KERNEL)
		return;
	must(!ns_sysctl_set(w->pair.a, "net.xtcp.timewait_ms", "%d", SHORT_MS), "no timewait_ms");
	make_record(w, SHORT_RECORD);
}

static void fill_window(struct world *w)
{
	long long end = wait_now_ms() + STACK_DEADLINE_MS;
	struct series *s = &w->series[WINDOW];

	flow_pair(&w->flows[0], s->fd, WINDOW_OCTETS, &w->flows[1], s->peer_fd, 0);
	w->flows[1].idle = true;
	while (!timer_is(w, WINDOW, PERSIST))
		if (flow_step(w->flows, 2, 1) < 0 || wait_now_ms() > end)
			ksft_exit_fail_msg("%s: the window cannot be filled\n", w->name);
}

/* What a first probe found: before that the timer may wait to fill the last octets of a window. */
static bool all_windows_are_closed(void)
{
	bool all = true;

	for (int i = 0; i < n_worlds; i++)
		all &= timer_is(&worlds[i], WINDOW, PERSIST) &&
		       stack_counter(worlds[i].pair.a, worlds[i].stack, "TcpExt:TCPWinProbe");
	return all;
}

/* A SYN gets through and nothing after it: the gates change while its SYN-ACK is kept back. */
static void half_open(struct world *w)
{
	struct series *s = &w->series[SYN_ACK];

	s->port = PORT + SYN_ACK;
	w->listener = stack_listener(w->pair.a, w->stack, w->here, s->port, true);
	s->peer_fd = stack_bound(w->pair.b, KERNEL, w->there, 0, false);
	must_say(w->listener >= 0 && s->peer_fd >= 0, "%s: no listener or no client", w->name);
	s->peer_port = stack_port(s->peer_fd);
	gate(w, w->pair.a, false);
	if (stack_begin(s->peer_fd, w->here, s->port) ||
	    !WAIT_FOR(row_is(w, SYN_ACK, TCP_SYN_RECV), STACK_DEADLINE_MS))
		ksft_exit_fail_msg("%s: no half-open entry\n", w->name);
	gate(w, w->pair.b, false);
	gate(w, w->pair.a, true);
}

/* From here on nothing comes from b, and the tap counts. */
static void begin(struct world *w)
{
	static const struct { int level, name, value; } options[] = {
		{ IPPROTO_TCP, TCP_KEEPIDLE, 1 }, { IPPROTO_TCP, TCP_KEEPINTVL, 1 }, { IPPROTO_TCP, TCP_KEEPCNT, 100 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	};

	half_open(w);
	read_tap(w, false);
	for (unsigned int i = 0; i < ARRAY_SIZE(options); i++)
		if (setsockopt(w->series[KEEPALIVE].fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)))
			ksft_exit_fail_msg("%s: keepalive: %s\n", w->name, strerror(errno));
	must_say(send(w->series[DATA].fd, "data", 4, MSG_NOSIGNAL) == 4, "%s: send", w->name);
}

static int sent_after(const struct series *s, long long then)
{
	int i = s->n;

	while (i && s->sent[i - 1] > then)
		i--;
	return s->n - i;
}

/* Each connection of a kind has sent as many as @wanted after @then. */
static bool all_sent(long long then, const int wanted[TIMED])
{
	bool all = true;

	for (int i = 0; i < n_worlds; i++) {
		read_tap(&worlds[i], true);
		for (int kind = 0; kind < TIMED; kind++)
			all &= sent_after(&worlds[i].series[kind], then) >= wanted[kind];
	}
	return all;
}

/* The file is empty again when the machine goes on. */
static struct gap stand_still(void)
{
	long long end = wait_now_ms() + STALL_MS, last = now_us(), now;
	int fd = open(ASK, O_WRONLY | O_CLOEXEC);
	struct stat file = { .st_size = 1 };
	struct gap gap = {};

	if (fd < 0 || dprintf(fd, "%d\n", PAUSE_S) < 0 || close(fd))
		ksft_exit_fail_msg(ASK ": %s\n", strerror(errno));
	while (file.st_size && wait_now_ms() < end) {
		wait_tick();
		if (stat(ASK, &file))
			ksft_exit_fail_msg(ASK ": %s\n", strerror(errno));
		now = now_us();
		if (now - last > gap.ended - gap.began)
			gap = (struct gap){ last, last + (now - last) / 2, now };
		last = now;
	}
	ksft_print_msg("the machine stood still for %lld ms\n", (gap.ended - gap.began) / 1000);
	must_say(gap.ended - gap.began >= (PAUSE_S - 1) * US, "it was to stand still for %d s", PAUSE_S);
	return gap;
}

/* From segment @i to the next one at least. */
static long long interval(int kind, int i)
{
	int doublings = !kinds[kind].doubles ? 0 : i < DOUBLINGS ? i : DOUBLINGS;

	return (long long)kinds[kind].ms * 1000 << doublings;
}

/* The machine stopped when segment @i was due, so the next one is the first for the pause. */
static bool was_due(const struct series *s, int kind, int i, const struct gap *gap)
{
	return i && s->sent[i] > gap->began && s->sent[i - 1] + interval(kind, i - 1) < gap->began + JUST_DUE_US;
}

/* No two of those that were not judged yet are too close. */
static bool no_burst(struct world *w, int kind, const struct gap *gap)
{
	struct series *s = &w->series[kind];
	bool ok = true;

	for (int i = s->judged; i + 1 < s->n; i++) {
		if (s->sent[i + 1] - s->sent[i] >= interval(kind, i) / 2 || was_due(s, kind, i, gap))
			continue;
		ok = false;
		ksft_print_msg("%s: %s %d came %lld us after the one before, due after %lld us\n", w->name,
			       kinds[kind].name, i + 1, s->sent[i + 1] - s->sent[i], interval(kind, i));
	}
	s->judged = s->n ? s->n - 1 : 0;
	return ok;
}

/* How often its time came in the gap, at most: what is due may be more than the least. */
static int due_in(const struct series *s, int kind, const struct gap *gap)
{
	int i = s->n - sent_after(s, gap->middle) - 1, due = 0;

	for (long long at = s->sent[i] + interval(kind, i); at < gap->ended; at += interval(kind, ++i))
		due++;
	return due;
}

static void judge_pause(struct world *w, const struct gap *gap)
{
	const struct series *s;
	int kind, after;

	for (kind = 0; kind < TIMED; kind++) {
		s = &w->series[kind];
		after = sent_after(s, gap->middle);
		ksft_print_msg("%s: %s: %d before, due up to %d times meanwhile, %d afterwards\n", w->name,
			       kinds[kind].name, s->n - after, due_in(s, kind, gap), after);
		ksft_test_result(no_burst(w, kind, gap) && after > 0,
				 "%s: one %s for a pause\n", w->name, kinds[kind].name);
	}
}

/* Not ended before its time. */
static bool record_lives(const struct world *w, int kind, int ms)
{
	return row_is(w, kind, TCP_TIME_WAIT) || wait_now_ms() >= w->series[kind].made_ms + ms;
}

static bool record_ends(const struct world *w, int kind)
{
	struct row row;

	return WAIT_FOR(!row_of(w, kind, &row), STACK_DEADLINE_MS);
}

static bool records_live(const struct world *w)
{
	return record_lives(w, LONG_RECORD, LONG_MS) &&
	       (w->stack == KERNEL || record_lives(w, SHORT_RECORD, SHORT_MS));
}

static void judge_time_of_day(struct world *w, const struct gap *gap, bool ok)
{
	for (int kind = 0; kind < TIMED; kind++)
		ok &= no_burst(w, kind, gap);
	ksft_test_result(ok, "%s: nothing is early when the time of day is set\n", w->name);
}

static void judge_records(const struct world *w, bool ok)
{
	ok &= records_live(w) && (w->stack == KERNEL || record_ends(w, SHORT_RECORD));
	ok &= !w->series[LONG_RECORD].n && !w->series[SHORT_RECORD].n;
	ksft_test_result(ok, "%s: TIME-WAIT ends in its time and says nothing\n", w->name);
}

static bool probes_go_on(void)
{
	static const int two_probes[TIMED] = { [KEEPALIVE] = 2 };
	long long then = now_us();

	return WAIT_FOR(all_sent(then, two_probes), STACK_DEADLINE_MS);
}

static bool receives(int fd, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int len = strlen(text);
	char got[16];

	return poll(&p, 1, STACK_DEADLINE_MS) == 1 && recv(fd, got, sizeof(got), 0) == len && !memcmp(got, text, len);
}

static bool sends(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static bool handshake_ends(struct world *w)
{
	struct series *s = &w->series[SYN_ACK];

	/* the client has had its SYN-ACK, but its ACK was lost */
	if (!sends(s->peer_fd, "hello") || !stack_poll(w->listener, POLLIN, STACK_DEADLINE_MS))
		return false;
	s->fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
	return receives(s->fd, "hello") && sends(s->fd, "welcome") && receives(s->peer_fd, "welcome");
}

static bool went(const struct world *w, const char *what, bool ok)
{
	if (!ok)
		ksft_print_msg("%s: %s does not go on\n", w->name, what);
	return ok;
}

static bool goes_on(struct world *w)
{
	struct series *s = w->series;
	bool ok;

	gate(w, w->pair.b, true);
	ok = went(w, "the idle connection", stack_carries(s[KEEPALIVE].fd, s[KEEPALIVE].peer_fd, 1000) &&
		  stack_carries(s[KEEPALIVE].peer_fd, s[KEEPALIVE].fd, 1000));
	ok &= went(w, "what was not acknowledged", receives(s[DATA].peer_fd, "data") &&
		   sends(s[DATA].peer_fd, "answer") && receives(s[DATA].fd, "answer") && stack_is_acked(s[DATA].fd));
	w->flows[1].idle = false;
	ok &= went(w, "the closed window", flow_run(w->flows, 2, STALL_MS));
	flow_explain(w->flows, 2);
	ok &= went(w, "the handshake", handshake_ends(w));
	return ok;
}

int main(void)
{
	/* with the second probe a burst has had its time */
	static const int one_each[TIMED] = { 1, 1, 1, 1 }, and_one_more_probe[TIMED] = { 2, 1, 1, 1 };
	bool live[ARRAY_SIZE(worlds)], forward, back;
	struct gap gap;

	ksft_print_header();
	if (access(ASK, W_OK))
		ksft_exit_skip("nobody can stop this machine: there is no " ASK "\n");
	n_worlds = 2 * stack_count();
	ksft_set_plan(n_worlds * RESULTS);
	epoch = clock_us(CLOCK_REALTIME) - now_us();
	for (int i = 0; i < n_worlds; i++)
		prepare(&worlds[i], stack_first() + i % stack_count(), i / stack_count());
	for (int i = 0; i < n_worlds; i++)
		fill_window(&worlds[i]);
	must(WAIT_FOR(all_windows_are_closed(), STACK_DEADLINE_MS), "not all windows are closed");
	for (int i = 0; i < n_worlds; i++)
		begin(&worlds[i]);
	must(WAIT_FOR(all_sent(0, one_each), STACK_DEADLINE_MS), "not all timers act");
	for (int i = 0; i < n_worlds; i++)
		live[i] = records_live(&worlds[i]);
	gap = stand_still();

	if (!WAIT_FOR(all_sent(gap.middle, and_one_more_probe), STACK_DEADLINE_MS))
		ksft_print_msg("not all timers act after the pause\n");
	for (int i = 0; i < n_worlds; i++) {
		judge_pause(&worlds[i], &gap);
		live[i] &= records_live(&worlds[i]);
	}

	set_time_of_day(DAY_US);
	forward = probes_go_on();
	set_time_of_day(0);
	back = probes_go_on();
	for (int i = 0; i < n_worlds; i++) {
		judge_time_of_day(&worlds[i], &gap, forward && back);
		judge_records(&worlds[i], live[i]);
		ksft_test_result(goes_on(&worlds[i]), "%s: all go on\n", worlds[i].name);
	}
	ksft_finished();
}
