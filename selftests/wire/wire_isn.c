// SPDX-License-Identifier: GPL-2.0
/*
 * Initial sequence numbers that nobody outside can compute: what they are for many
 * connections, and for the same ones in two namespaces (RFC 9293 3.4.1, RFC 6528).
 *
 * The clock moves each of them by less than CLOCK while a row runs; without a key the
 * numbers would lie that close to each other, or follow from one another.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define TUPLES		256
#define OCTANTS		8
#define TOP_BITS	29	/* below them: one octant */
#define PAIRS		16
#define CLOCK		0x10000000	/* 17 s of the faster clock, kernel TCP's of 64 ns */
#define FIRST_PORT	1024

/* Each part of the number space must occur; that chance alone misses one: 1 in 10^13. */
static int spread(struct wire *w, const char *what, const uint32_t *n, unsigned int count)
{
	unsigned int hits[OCTANTS] = { 0 }, i;

	for (i = 0; i < count; i++)
		hits[n[i] >> TOP_BITS]++;
	for (i = 0; i < OCTANTS; i++)
		if (!hits[i])
			return wire_fail(w, "of %u %s none has the top bits %u", count, what, i);
	return 0;
}

/* Neither the numbers nor the steps from one to the next, nor the steps between these. */
static int unrelated(struct wire *w, uint32_t *n)
{
	if (spread(w, "initial sequence numbers", n, TUPLES))
		return -1;
	for (unsigned int i = 0; i + 1 < TUPLES; i++)
		n[i] = n[i + 1] - n[i];
	if (spread(w, "steps from one to the next", n, TUPLES - 1))
		return -1;
	for (unsigned int i = 0; i + 2 < TUPLES; i++)
		n[i] = n[i + 1] - n[i];
	return spread(w, "steps between these steps", n, TUPLES - 2);
}

/* The socket's number for a peer's port; all else of the connection is the same each time. */
static int one(struct wire *w, const char *script, unsigned int port, uint32_t *isn)
{
	uint16_t lport = w->c.lport;

	wire_peer_reset(w, false);
	w->c.lport = lport;
	w->c.pport = FIRST_PORT + port;
	w->c.iss = 1;
	w->ladder_len = 0;
	w->ladder[0] = 0;
	if (wire_script_run(w, script))
		return -1;
	*isn = w->c.irs;
	return 0;
}

#define ACTIVE_OPEN	"bind; connect; > S 0; abort"
#define PASSIVE_OPEN	"< S 0 $; > S. 0 ack 1; < R 1; none"

static int active_tuples(struct wire *w)
{
	uint32_t isn[TUPLES];

	for (unsigned int i = 0; i < TUPLES; i++)
		if (one(w, ACTIVE_OPEN, i, &isn[i]))
			return -1;
	return unrelated(w, isn);
}

static int passive_tuples(struct wire *w)
{
	uint32_t isn[TUPLES];

	if (wire_script_run(w, "listen"))
		return -1;
	for (unsigned int i = 0; i < TUPLES; i++)
		if (one(w, PASSIVE_OPEN, i, &isn[i]))
			return -1;
	return unrelated(w, isn);
}

static int some(struct wire *w, const char *script, uint32_t *isn)
{
	if (strcmp(script, ACTIVE_OPEN) && wire_script_run(w, "listen"))
		return -1;
	for (unsigned int i = 0; i < PAIRS; i++)
		if (one(w, script, i, &isn[i]))
			return -1;
	return 0;
}

/* The child: the same addresses and ports in a namespace of its own. */
static void in_another_namespace(const struct wire *w, const char *script, int out)
{
	static struct wire other;
	uint32_t isn[PAIRS];

	other.stack = w->stack;
	other.ip = w->ip;
	other.row = w->row;
	if (wire_tun_open(&other))
		_exit(1);
	wire_peer_reset(&other, true);
	other.c.lport = w->c.lport;
	memcpy(other.peer, w->peer, sizeof(other.peer));
	if (some(&other, script, isn) || write(out, isn, sizeof(isn)) != sizeof(isn))
		_exit(1);
	_exit(0);
}

static int two_namespaces(struct wire *w, const char *script, bool one_key)
{
	uint32_t here[PAIRS], there[PAIRS], far = 0;
	int p[2], status;
	ssize_t got;
	pid_t pid;

	if (pipe(p))
		return wire_fail(w, "pipe: %m");
	pid = fork();
	if (pid < 0)
		return wire_fail(w, "fork: %m");
	if (!pid)
		in_another_namespace(w, script, p[1]);
	close(p[1]);
	got = read(p[0], there, sizeof(there));
	close(p[0]);
	waitpid(pid, &status, 0);
	if (got != sizeof(there) || status)
		return wire_fail(w, "nothing from the other namespace, status %#x", status);
	if (some(w, script, here))
		return -1;
	for (unsigned int i = 0; i < PAIRS; i++)
		far += here[i] - there[i] + CLOCK > 2 * CLOCK;
	if (one_key)
		return far ? wire_fail(w, "each namespace has a key of its own") : 0;
	return far ? 0 : wire_fail(w, "two namespaces have the same key");
}

/* Both stacks have kernel TCP's key, since a tuple may be one's now and the other's next. */
static int active_namespaces(struct wire *w)
{
	return two_namespaces(w, ACTIVE_OPEN, true);
}

static int passive_namespaces(struct wire *w)
{
	return two_namespaces(w, PASSIVE_OPEN, w->stack == WIRE_KERNEL);
}

#define RFC	"RFC 9293 3.4.1, RFC 6528 3"
#define ID	"SHLD-1 MUST-9"
#define ONE_KEY	"has one key for all namespaces, so one can compute another's numbers"

static const struct wire_row rows[] = {
	{ "isn_of_syn_by_tuple", RFC, .id = ID, .run = active_tuples },
	{ "isn_of_synack_by_tuple", RFC, .id = ID, .run = passive_tuples },
	{ "isn_of_syn_by_namespace", RFC, .run = active_namespaces },
	{ "isn_of_synack_by_namespace", RFC, .id = ID, .run = passive_namespaces, .kernel_differs = ONE_KEY },
};

WIRE_MAIN(rows)
