// SPDX-License-Identifier: GPL-2.0
/* What /proc/net/xtcp_listen says of a listener's queues, step by step. Kernel TCP has no such file. */
#include "test.h"
#include "wire.h"

#define RFC "RFC 4987 3.6"
#define LINE 512
#define BLANKS "\n "

/* The value in the column called @name; -1: there is none. */
static long value_of(const char *names, const char *values, const char *name)
{
	char name_copy[LINE], value_copy[LINE], *next_name, *next_value, *a, *b;

	strcpy(name_copy, names);
	strcpy(value_copy, values);
	a = strtok_r(name_copy, BLANKS, &next_name);
	b = strtok_r(value_copy, BLANKS, &next_value);
	while (a && b) {
		if (!strcmp(a, name))
			return strtol(b, NULL, 10);
		a = strtok_r(NULL, BLANKS, &next_name);
		b = strtok_r(NULL, BLANKS, &next_value);
	}
	return -1;
}

/* "name=value ..." of the only listener. */
static int figures(struct wire *w, const char *want)
{
	char names[LINE], values[LINE], more[LINE], copy[LINE], name[32], *word, *next;
	FILE *file;
	long expected;
	bool one;

	if (w->stack == WIRE_KERNEL)
		return 0;
	file = fopen("/proc/net/xtcp_listen", "re");
	if (!file)
		return wire_fail(w, "no /proc/net/xtcp_listen");
	one = fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file) &&
	      !fgets(more, sizeof(more), file);
	fclose(file);
	if (!one)
		return wire_fail(w, "not one listener is listed");
	strcpy(copy, want);
	for (word = strtok_r(copy, " ", &next); word; word = strtok_r(NULL, " ", &next)) {
		if (sscanf(word, "%31[^=]=%ld", name, &expected) != 2)
			return wire_fail(w, "what is '%s'?", word);
		if (value_of(names, values, name) != expected)
			return wire_fail(w, "%s is %ld, want %ld", name, value_of(names, values, name), expected);
	}
	return 0;
}

/* Scripts and the figures after each of them, to a NULL. */
static int run_steps(struct wire *w, const char * const *steps)
{
	for (; *steps; steps += 2)
		if (wire_script_run(w, steps[0]) || figures(w, steps[1]))
			return -1;
	return 0;
}

static int fill_accept_queue(struct wire *w)
{
	static const char * const steps[] = {
		"listen 1", "limit=1 accept_len=0 accept_peak=0 syn_len=0 syn_peak=0 overflows=0",
		"< S 0 $; > S. 0 ack 1", "syn_len=1 syn_peak=1 accept_len=0",
		"< . 1 ack 1", "syn_len=0 syn_peak=1 accept_len=1 accept_peak=1",
		"fresh; < S 0 $; > S. 0 ack 1; < . 1 ack 1", "accept_len=2 accept_peak=2 overflows=0 declined=0",
		"fresh; < S 0 $; none", "accept_len=2 overflows=1 declined=1 cookies_sent=0",
		"accept", "accept_len=1 accept_peak=2",
		"listen 7", "limit=7 overflows=1 somaxconn=4096",
		"listen 5000", "limit=4096 somaxconn=4096",
		NULL
	};

	return run_steps(w, steps);
}

static int fill_syn_queue(struct wire *w)
{
	static const char * const steps[] = {
		"listen 1; < S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1",
		"syn_len=2 syn_peak=2 declined=0",
		"fresh; < S 0 $; > S. 0 ack 1", "syn_len=2 declined=1 cookies_sent=1 cookies_recv=0",
		"< . 1 ack 1; accept", "syn_len=2 cookies_recv=1 accept_len=0 accept_peak=1",
		NULL
	};

	return run_steps(w, steps);
}

static int refuse_without_cookies(struct wire *w)
{
	static const char * const steps[] = {
		"sysctl syncookies 0; listen 0; < S 0 $; > S. 0 ack 1; fresh; < S 0 $; none",
		"syn_len=1 declined=1 cookies_sent=0",
		NULL
	};

	return run_steps(w, steps);
}

static int overflow_by_third_ack(struct wire *w)
{
	static const char * const steps[] = {
		"listen 5; < S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < S 0 $; > S. 0 ack 1; listen 0;"
		"< . 1 ack 1; none", "limit=0 accept_len=1 syn_len=1 overflows=1 declined=0",
		NULL
	};

	return run_steps(w, steps);
}

static const struct wire_row rows[] = {
	{ "listing_of_a_full_accept_queue", RFC, .run = fill_accept_queue },
	{ "listing_of_a_full_syn_queue", RFC, .run = fill_syn_queue },
	{ "listing_without_cookies", RFC, .run = refuse_without_cookies },
	{ "listing_of_a_third_ack_refused", RFC, .run = overflow_by_third_ack },
};

WIRE_MAIN(rows)
