// SPDX-License-Identifier: GPL-2.0
/*
 * Playing a row: from its state through its script to the verdict.
 *
 * A row that fails starts over if the machine stood still meanwhile, and only then.
 *
 * Rows with a second script wait for time to pass, and wait for it together: all are
 * played up to there, then all to their end.
 */
#include "test.h"
#include "wire.h"

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
	int i;

	if (w->row->pre && wire_script_run(w, w->row->pre))
		return -1;
	if (!state)
		return 0;
	for (i = 0; (script = wire_state_script(state, via, i)); i++)
		if (wire_script_run(w, script))
			return -1;
	return wire_state_check_socket(w, state);
}

static int check_error(struct wire *w, const char *want)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (w->c.fd < 0)
		return want && strcmp(want, "none") ? wire_fail(w, "no socket to read %s from",
								want) : 0;
	getsockopt(w->c.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (strcmp(wire_socket_errno_name(err), want ? want : "none"))
		return wire_fail(w, "SO_ERROR is %s, want %s", wire_socket_errno_name(err),
				 want ? want : "none");
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
		fprintf(out, "# %s: %s%s%s: %s\n", name, row->rfc, row->id ? " " : "",
			row->id ? row->id : "", w->why);
	fprintf(out, "%s %s_%s_ipv%d%s%s\n", w->failed ? "FAIL" : "PASS", name,
		wire_stack_names[w->stack], w->ip, row->id ? " # " : "", row->id ? row->id : "");
	fflush(out);
}

/* Play a row and say how it ended. @out: for its line, and its ladder if it fails. @show: the ladder in any case. */
void wire_play_row(struct wire *w, const struct wire_row *row, int state, int via, FILE *out,
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
		fprintf(out, "# %s: started over %u times on a machine that stood still\n", name,
			again);
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
	size_t i;

	prepare(w, rows[0]);
	wire_counter_read(w, &before);
	for (i = 0; i < n; i++) {
		aside[i] = *w;
		aside[i].rand = w->seed + hash(rows[i]->name);
		prepare(&aside[i], rows[i]);
		w->rows = aside[i].rows;
		begin(&aside[i], 0, PASSIVE, NULL);
		o = wanted(w, rows[i]);
		add_deltas(deltas, sizeof(deltas), o.counters ? o.counters : "");
	}
	for (i = 0; i < n; i++) {
		aside[i].seen = wire_now();
		if (!aside[i].failed)
			end(&aside[i], 0, NULL);
		wire_account(&aside[i], false);
	}
	wire_counter_check(w, &before, deltas);
	for (i = 0; i < n; i++)
		wire_socket_cleanup(&aside[i]);
}

/* Must all of them start over? */
static bool start_over(const struct wire *w, const struct wire *aside, size_t n)
{
	bool failed = w->failed, still = false;
	size_t i;

	for (i = 0; i < n; i++) {
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
void wire_play_together(struct wire *w, const struct wire_row * const *rows, size_t n, FILE *out, bool show)
{
	static const struct wire_row sum_row = { .rfc = "the counters of rows that wait" };
	struct wire *aside = calloc(n + 1, sizeof(*aside)), *sum = aside + n;
	unsigned int again;
	size_t i;

	prepare(w, rows[0]);
	w->shared = true;
	*sum = *w;
	again = play_group(w, aside, rows, n, sum, 0);
	w->shared = false;
	if (again)
		fprintf(out, "# rows that wait: started over %u times on a machine that stood still\n", again);
	for (i = 0; i < n; i++)
		say(&aside[i], rows[i]->name, rows[i], out, show);
	say(sum, "counters_of_rows_that_wait", &sum_row, out, show);
	free(aside);
}
