// SPDX-License-Identifier: GPL-2.0
/*
 * The runner: every row, in every state it names, on each stack and IP version.
 *
 * A lane is one stack and one IP version, with a process and a namespace of its own. Lanes run side by side, but for
 * machines of one processor, where one waits for the other. The parent prints their results as TAP, one line per row
 * and lane, with the ladder of each that failed.
 *
 * What kernel TCP does is written down for Linux 6.1; on others, and on the debug kernel, only xtcp has lanes.
 *
 *   -s kernel|xtcp	this stack alone, on any kernel
 *   -4, -6		this IP version alone
 *   -r NAME		this row alone, with its ladder
 *   -l			list the rows
 * SEED= in the environment replays a run; WIRE_STACK=xtcp means -s xtcp and ONLY_ROW=NAME -r NAME, for programs that
 * start without arguments.
 */
#include "test.h"
#include "virtual.h"
#include "wire.h"

/*
 * Playing a row: from its state through its script to the verdict.
 *
 * A row that fails starts over if the machine stood still meanwhile, and only then.
 *
 * Rows with a second script wait for time to pass, and wait for it together: all are
 * played up to there, then all to their end.
 */

#define STILL_MS	20		/* in one step; a delayed ACK takes twice that */
#define SLOW_NS		100000000ull	/* in all steps; a retransmission takes twice that */
#define STARTS_OVER	50		/* before a failure counts nevertheless */

const char * const wire_stack_names[WIRE_STACKS] = { "kernel", "xtcp" };

/* Each row has random numbers of its own, so that a row alone replays as in a run. */
static uint64_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return h;
}

static struct wire_outcome wanted(const struct wire *w, const struct wire_row *row)
{
	struct wire_outcome o = row->want;

	if (w->stack != WIRE_KERNEL || !row->kernel_differs)
		return o;
	if (row->kernel.script)
		o.script = row->kernel.script;
	if (row->kernel.later)
		o.later = row->kernel.later;
	if (row->kernel.state)
		o.state = row->kernel.state;
	if (row->kernel.err)
		o.err = row->kernel.err;
	if (row->kernel.counters)
		o.counters = row->kernel.counters;
	return o;
}

static int build(struct wire *w, int state, int via)
{
	const char *script;

	if (w->row->pre && wire_script_run(w, w->row->pre))
		return -1;
	if (!state)
		return 0;
	for (int i = 0; (script = wire_state_script(state, via, i)); i++)
		if (wire_script_run(w, script))
			return -1;
	return wire_state_check_socket(w, state);
}

static int check_error(struct wire *w, const char *want)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (w->c.fd < 0)
		return want && strcmp(want, "none") ? wire_fail(w, "no socket to read %s from", want) : 0;
	getsockopt(w->c.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (strcmp(wire_socket_errno_name(err), want ? want : "none"))
		return wire_fail(w, "SO_ERROR is %s, want %s", wire_socket_errno_name(err), want ? want : "none");
	return 0;
}

/* From the row's state through its script, up to where it waits. */
static int begin(struct wire *w, int state, int via, struct wire_counters *before)
{
	struct wire_outcome o = wanted(w, w->row);

	if (build(w, state, via))
		return -1;
	if (before && o.counters && wire_counter_read(w, before))
		return -1;
	if (w->row->run)
		return w->row->run(w);
	wire_account(w, false);
	return wire_script_run(w, o.script);
}

/* What comes after the wait, and the verdict. */
static int end(struct wire *w, int state, const struct wire_counters *before)
{
	struct wire_outcome o = wanted(w, w->row);

	/* run() has come to its own end, wherever that is */
	if (w->row->run)
		state = 0;
	else if ((o.later && wire_script_run(w, o.later)) || wire_script_run(w, "none"))
		return -1;
	if (before && o.counters && wire_counter_check(w, before, o.counters))
		return -1;
	if (!o.state)
		o.state = state || w->row->run || w->c.fd < 0 ? state : ESTABLISHED;
	if (o.state && wire_state_check(w, o.state))
		return -1;
	return w->row->run && !o.err ? 0 : check_error(w, o.err);
}

/* A row that has not been played yet. */
static void prepare(struct wire *w, const struct wire_row *row)
{
	w->row = row;
	w->failed = false;
	w->why[0] = 0;
	w->ladder[0] = 0;
	w->ladder_len = 0;
	w->started = wire_now();
	w->seen = w->started;
	w->longest = 0;
	w->total = 0;
	wire_peer_reset(w, true);
}

static void attempt(struct wire *w, int state, int via)
{
	static struct wire_counters before;

	prepare(w, w->row);
	if (!begin(w, state, via, &before))
		end(w, state, &before);
	wire_account(w, false);
	wire_socket_cleanup(w);
	wire_tun_restore(w);
}

/* A machine that stood still says nothing about the stack: timers have expired before the next segment came. */
static bool stood_still(const struct wire *w)
{
	return w->longest > (w->row->still_ms ?: STILL_MS) * 1000000ull || w->total > SLOW_NS;
}

static void say(const struct wire *w, const char *name, const struct wire_row *row, FILE *out, bool show)
{
	if (w->failed || show)
		fprintf(out, "%s", w->ladder);
	if (w->failed)
		fprintf(out, "# %s: %s%s%s: %s\n", name, row->rfc, row->id ? " " : "", row->id ? row->id : "", w->why);
	fprintf(out, "%s %s_%s_ipv%d%s%s\n", w->failed ? "FAIL" : "PASS", name,
		wire_stack_names[w->stack], w->ip, row->id ? " # " : "", row->id ? row->id : "");
	fflush(out);
}

/* Play a row and say how it ended. @out: for its line, and its ladder if it fails. @show: the ladder in any case. */
static void play_row(struct wire *w, const struct wire_row *row, int state, int via, FILE *out,
		     bool show)
{
	unsigned int again = 0;
	char name[128];

	wire_state_row_name(row, state, via, name, sizeof(name));
	w->row = row;
	w->rand = w->seed + hash(name);
	attempt(w, state, via);
	while (w->failed && stood_still(w) && again < STARTS_OVER) {
		again++;
		attempt(w, state, via);
	}
	if (again)
		fprintf(out, "# %s: started over %u times on a machine that stood still\n", name, again);
	say(w, name, row, out, show);
}

/* Add "Name=delta ..." to a sum of the same form. */
static void add_deltas(char *sum, size_t size, const char *deltas)
{
	char copy[512], merged[512], *item, *next, *at, *value;
	long long delta;
	size_t len;

	snprintf(copy, sizeof(copy), "%s", deltas);
	for (item = strtok_r(copy, " ", &next); item; item = strtok_r(NULL, " ", &next)) {
		value = strchr(item, '=') + 1;
		len = value - item;
		delta = atoll(value);
		for (at = sum; *at && strncmp(at, item, len); at += strcspn(at, " "), at += !!*at)
			;
		if (!*at) {
			snprintf(at, size - (at - sum), "%s ", item);
			continue;
		}
		delta += atoll(at + len);
		value = at + strcspn(at, " ");
		snprintf(merged, sizeof(merged), "%.*s%lld%s", (int)(at + len - sum), sum, delta, value);
		snprintf(sum, size, "%s", merged);
	}
}

/*
 * Play rows once, each up to where it waits and then each to its end. Their counters move at the same time, so
 * their sum is what can be exact: what one row names, the others move as far as they say, or not at all.
 */
static void attempt_together(struct wire *w, struct wire *aside, const struct wire_row * const *rows, size_t n)
{
	static struct wire_counters before;
	char deltas[512] = "";
	struct wire_outcome o;

	prepare(w, rows[0]);
	wire_counter_read(w, &before);
	for (size_t i = 0; i < n; i++) {
		aside[i] = *w;
		aside[i].rand = w->seed + hash(rows[i]->name);
		prepare(&aside[i], rows[i]);
		w->rows = aside[i].rows;
		begin(&aside[i], 0, PASSIVE, NULL);
		o = wanted(w, rows[i]);
		add_deltas(deltas, sizeof(deltas), o.counters ? o.counters : "");
	}
	for (size_t i = 0; i < n; i++) {
		aside[i].seen = wire_now();
		if (!aside[i].failed)
			end(&aside[i], 0, NULL);
		wire_account(&aside[i], false);
	}
	wire_counter_check(w, &before, deltas);
	for (size_t i = 0; i < n; i++)
		wire_socket_cleanup(&aside[i]);
}

/* Must all of them start over? */
static bool start_over(const struct wire *w, const struct wire *aside, size_t n)
{
	bool failed = w->failed, still = false;

	for (size_t i = 0; i < n; i++) {
		failed |= aside[i].failed;
		still |= stood_still(&aside[i]);
	}
	return failed && still;
}

/*
 * Play rows until that says something. Where the machine stood still, their timers expired before all had their turn:
 * each half starts over by itself then. @sum: becomes the lane as it was when the counters were wrong. The number of
 * starts.
 */
static unsigned int play_group(struct wire *w, struct wire *aside, const struct wire_row * const *rows, size_t n,
			       struct wire *sum, unsigned int again)
{
	size_t half = (n + 1) / 2;

	attempt_together(w, aside, rows, n);
	wire_peer_forget();
	if (again < STARTS_OVER && start_over(w, aside, n)) {
		again = play_group(w, aside, rows, half, sum, again + 1);
		return n > 1 ? play_group(w, aside + half, rows + half, n - half, sum, again) : again;
	}
	if (w->failed)
		*sum = *w;
	return again;
}

/*
 * Play rows that wait for time to pass, all at the same time. @rows: each has a later script, starts in no state, and
 * changes neither knob nor device. @out: for their lines, and one for the sum of their counters. @show: the ladders in
 * any case.
 */
static void play_together(struct wire *w, const struct wire_row * const *rows, size_t n, FILE *out, bool show)
{
	static const struct wire_row sum_row = { .rfc = "the counters of rows that wait" };
	struct wire *aside = calloc(n + 1, sizeof(*aside)), *sum = aside + n;
	unsigned int again;

	prepare(w, rows[0]);
	w->shared = true;
	*sum = *w;
	again = play_group(w, aside, rows, n, sum, 0);
	w->shared = false;
	if (again)
		fprintf(out, "# rows that wait: started over %u times on a machine that stood still\n", again);
	for (size_t i = 0; i < n; i++)
		say(&aside[i], rows[i]->name, rows[i], out, show);
	say(sum, "counters_of_rows_that_wait", &sum_row, out, show);
	free(aside);
}

#define LANES		4

struct choice {
	const char *stack, *row;
	int ip;
	uint64_t seed;
};

static const int all_vias[] = { PASSIVE, ACTIVE, SIMULTANEOUS };

/* Record why the running row fails; the first reason stays. Return: -1. */
int wire_fail(struct wire *w, const char *fmt, ...)
{
	size_t n = strlen(w->why);
	va_list ap;

	if (n)
		n += snprintf(w->why + n, sizeof(w->why) - n, "; ");
	if (n < sizeof(w->why)) {
		va_start(ap, fmt);
		vsnprintf(w->why + n, sizeof(w->why) - n, fmt, ap);
		va_end(ap);
	}
	w->failed = true;
	return -1;
}

void wire_note(struct wire *w, const char *fmt, ...)
{
	size_t left = sizeof(w->ladder) - w->ladder_len;
	va_list ap;
	int n = snprintf(w->ladder + w->ladder_len, left, "# %8.3f ", (wire_now() - w->started) / 1e6);

	if (n > 0 && (size_t)n < left) {
		va_start(ap, fmt);
		n += vsnprintf(w->ladder + w->ladder_len + n, left - n, fmt, ap);
		va_end(ap);
	}
	if (n > 0 && (size_t)n + 1 < left) {
		w->ladder_len += n;
		w->ladder[w->ladder_len++] = '\n';
	}
	/* no half of a line that had no room */
	w->ladder[w->ladder_len] = 0;
}

/* Note how long the row's last action took. @waited: it waited for a timer, so its duration says nothing. */
void wire_account(struct wire *w, bool waited)
{
	uint64_t now = wire_now(), ns = now - w->seen;

	w->seen = now;
	if (waited)
		return;
	w->total += ns;
	if (ns > w->longest)
		w->longest = ns;
}

/* Note by how much a wait was longer than it should be. */
void wire_account_late(struct wire *w, uint64_t ns)
{
	if (ns > w->longest)
		w->longest = ns;
}

/* Random numbers, a function of the seed and the row's name. Return: 32 random bits. */
uint32_t wire_random(struct wire *w)
{
	w->rand += 0x9e3779b97f4a7c15ull;
	return ((w->rand ^ w->rand >> 31) * 0xbf58476d1ce4e5b9ull) >> 32;
}

/* kernel TCP has no lanes */
static bool xtcp_alone;

/* Call @fn for each state and open that a row names; NULL counts them. */
static unsigned int each_case(struct wire *w, const struct wire_row *row, int ip, const char *only, FILE *out)
{
	unsigned int n = 0, i;
	char name[128];
	int state, vias;

	if ((row->only && row->only != ip) || row->want.later)
		return 0;
	if (row->until && release_series() > release_parse(row->until))
		return 0;
	for (state = row->in ? 1 : 0; state <= LAST_ACK; state <<= 1) {
		if (state && !(row->in & state))
			continue;
		vias = row->via ? row->via : PASSIVE;
		for (i = 0; i < 3; i++) {
			if (!(vias & all_vias[i]) && !(state == SYN_SENT && !row->via))
				continue;
			if (state && !wire_state_reachable(state, all_vias[i]))
				continue;
			wire_state_row_name(row, state, all_vias[i], name, sizeof(name));
			if (only && strcmp(only, name) && strcmp(only, row->name))
				continue;
			if (out)
				play_row(w, row, state, all_vias[i], out, only);
			n++;
			if (!state)
				return n;
		}
		if (!state)
			return n;
	}
	return n;
}

/* The rows that wait for time to pass; NULL counts them. */
static unsigned int each_waiting(const struct wire_row **waiting, const struct wire_row *rows, size_t n,
				 const char *only)
{
	unsigned int found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rows[i].want.later || (only && strcmp(only, rows[i].name)))
			continue;
		if (waiting)
			waiting[found] = &rows[i];
		found++;
	}
	return found;
}

static void play_waiting(struct wire *w, const struct wire_row *rows, size_t n, const char *only, FILE *out)
{
	const struct wire_row **waiting = calloc(n, sizeof(*waiting));
	unsigned int found = each_waiting(waiting, rows, n, only);

	if (found)
		play_together(w, waiting, found, out, only);
	free(waiting);
}

/* In a machine's first second kernel TCP's stamps are 0, "never": it takes old timestamps, and reuses no TIME-WAIT. */
static void wait_for_second_1(struct wire *w)
{
	while (wire_now() < 1000000000)
		wire_tun_wait(w, -1, 0, 1);
}

static void lane(enum wire_stack stack, int ip, const struct choice *choice,
		 const struct wire_row *rows, size_t n, FILE *out)
{
	static struct wire w;

	w.stack = stack;
	w.ip = ip;
	w.seed = choice->seed;
	if (wire_tun_open(&w)) {
		fprintf(out, "# %s\n", w.why);
		fflush(out);
		_exit(1);
	}
	if (stack == WIRE_KERNEL)
		wait_for_second_1(&w);
	for (size_t i = 0; i < n; i++)
		each_case(&w, &rows[i], ip, choice->row, out);
	play_waiting(&w, rows, n, choice->row, out);
	fflush(out);
	_exit(0);
}

static FILE *start_lane(enum wire_stack stack, int ip, const struct choice *choice,
			const struct wire_row *rows, size_t n, pid_t *pid)
{
	int p[2];

	must(!pipe(p), "pipe");
	*pid = fork();
	must(*pid >= 0, "fork");
	if (!*pid) {
		close(p[0]);
		lane(stack, ip, choice, rows, n, fdopen(p[1], "w"));
	}
	close(p[1]);
	return fdopen(p[0], "r");
}

/* Print what a lane says as TAP; rows it did not get to have failed. */
static void report(FILE *in, pid_t pid, unsigned int planned, const char *name)
{
	unsigned int seen = verdicts_report(in);
	int status;

	waitpid(pid, &status, 0);
	for (; seen < planned; seen++)
		ksft_test_result_fail("%s: row not run, status %#x\n", name, status);
}

static void parse_arguments(int argc, char **argv, struct choice *choice, bool *list)
{
	const char *seed = getenv("SEED");
	int opt;

	choice->seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	choice->stack = getenv("WIRE_STACK");
	choice->row = getenv("ONLY_ROW");
	while ((opt = getopt(argc, argv, "s:r:46l")) != -1) {
		if (opt == 's')
			choice->stack = optarg;
		else if (opt == 'r')
			choice->row = optarg;
		else if (opt == '4' || opt == '6')
			choice->ip = opt - '0';
		else if (opt == 'l')
			*list = true;
		else
			ksft_exit_fail_msg("usage: %s [-s kernel|xtcp] [-4|-6] [-r ROW] [-l]\n", argv[0]);
	}
}

static unsigned int count(const struct wire_row *rows, size_t n, int ip, const char *only)
{
	unsigned int waiting = each_waiting(NULL, rows, n, only), total = waiting + !!waiting;

	for (size_t i = 0; i < n; i++)
		total += each_case(NULL, &rows[i], ip, only, NULL);
	return total;
}

static void list_rows(const struct wire_row *rows, size_t n)
{
	const char *why;

	for (size_t i = 0; i < n; i++) {
		why = rows[i].kernel_differs ? rows[i].kernel_differs : "";
		printf("%-56s %s%s%s%s%s\n", rows[i].name, rows[i].rfc, rows[i].id ? " " : "",
		       rows[i].id ? rows[i].id : "", *why ? "; kernel TCP: " : "", why);
	}
}

int wire_main(int argc, char **argv, const struct wire_row *rows, size_t n)
{
	return wire_main_around(argc, argv, rows, n, NULL);
}

/* wire_main() of a table about what the kernel TCP of Linux 6.1 does not have. Return: an exit status of kselftest. */
int wire_main_xtcp(int argc, char **argv, const struct wire_row *rows, size_t n)
{
	xtcp_alone = true;
	return wire_main(argc, argv, rows, n);
}

/* wire_main() with a test before and after all lanes (NULL: none). An exit status of kselftest. */
int wire_main_around(int argc, char **argv, const struct wire_row *rows, size_t n, const struct wire_around *around)
{
	unsigned int planned[LANES], total = 0, lanes = 0, started = 0, together, i;
	struct choice choice = { 0 };
	pid_t pids[LANES];
	FILE *in[LANES];
	char name[32];
	bool list = false;
	int l, stack[LANES], ip[LANES];

	parse_arguments(argc, argv, &choice, &list);
	if (list) {
		list_rows(rows, n);
		return 0;
	}
	for (l = 0; l < LANES; l++) {
		stack[lanes] = l / 2;
		ip[lanes] = l % 2 ? 6 : 4;
		if (choice.stack && strcmp(choice.stack, wire_stack_names[stack[lanes]]))
			continue;
		if (!choice.stack && stack[lanes] == WIRE_KERNEL && (xtcp_alone || !release_judges_kernel_tcp()))
			continue;
		if (!choice.stack && !choice.ip && stack[lanes] == WIRE_KERNEL && ip[lanes] == 6 && short_run())
			continue;
		if (choice.ip && choice.ip != ip[lanes])
			continue;
		planned[lanes] = count(rows, n, ip[lanes], choice.row);
		total += planned[lanes++];
	}
	ksft_print_header();
	must(total, "no such row");
	ksft_set_plan(total + !!around);
	printf("# SEED=%llu\n", (unsigned long long)choice.seed);
	fflush(stdout);
	if (around)
		around->before();
	/* where there is one processor lanes would only make each other late */
	together = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? lanes : 1;
	for (i = 0; i < lanes; i++) {
		for (; started < lanes && started < i + together; started++)
			in[started] = start_lane(stack[started], ip[started], &choice, rows, n, &pids[started]);
		snprintf(name, sizeof(name), "%s_ipv%d", wire_stack_names[stack[i]], ip[i]);
		report(in[i], pids[i], planned[i], name);
	}
	if (around)
		ksft_test_result(around->after(), "%s\n", around->name);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
