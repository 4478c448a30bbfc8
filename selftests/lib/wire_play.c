// SPDX-License-Identifier: GPL-2.0
/*
 * Playing a row: from its state through its script to the verdict.
 *
 * A row that fails starts over if the machine stood still meanwhile, and only then.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

#define STILL_NS	20000000ull	/* in one step; a delayed ACK takes twice that */
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
	return wire_state_check(w, state);
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

static int play(struct wire *w, int state, int via)
{
	static struct wire_counters before;
	struct wire_outcome o = wanted(w, w->row);

	if (build(w, state, via))
		return -1;
	if (w->row->run)
		return w->row->run(w);
	if (o.counters && wire_counter_read(w, &before))
		return -1;
	wire_account(w, false);
	if (wire_script_run(w, o.script) || wire_script_run(w, "none"))
		return -1;
	if (o.counters && wire_counter_check(w, &before, o.counters))
		return -1;
	if ((o.state || state) && wire_state_check(w, o.state ? o.state : state))
		return -1;
	return check_error(w, o.err);
}

/* Play a row once. */
static void attempt(struct wire *w, int state, int via)
{
	w->failed = false;
	w->why[0] = 0;
	w->ladder[0] = 0;
	w->ladder_len = 0;
	w->started = wire_now();
	w->seen = w->started;
	w->longest = 0;
	w->total = 0;
	wire_peer_reset(w, true);
	play(w, state, via);
	wire_account(w, false);
	wire_socket_cleanup(w);
	wire_tun_restore(w);
}

/*
 * A machine that stood still while a row ran says nothing about the stack: timers
 * that are due later by the clock have expired before the next segment came.
 */
static bool stood_still(const struct wire *w)
{
	return w->longest > STILL_NS || w->total > SLOW_NS;
}

/**
 * wire_play_row() - Play a row and say how it ended.
 * @w: lane
 * @row: row
 * @state: it starts in
 * @via: how that is reached
 * @out: for its line, and its ladder if it fails
 * @show: the ladder in any case
 */
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
	if (w->failed || show)
		fprintf(out, "%s", w->ladder);
	if (w->failed)
		fprintf(out, "# %s: %s%s%s: %s\n", name, row->rfc, row->id ? " " : "",
			row->id ? row->id : "", w->why);
	fprintf(out, "%s %s_%s_ipv%d%s%s\n", w->failed ? "FAIL" : "PASS", name,
		wire_stack_names[w->stack], w->ip, row->id ? " # " : "", row->id ? row->id : "");
	fflush(out);
}
