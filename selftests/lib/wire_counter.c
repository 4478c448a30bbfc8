// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: the Tcp: and TcpExt: line pairs of the stack under test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static void read_pair(struct wire_counters *counters, char *names, char *values)
{
	char *n, *v, *n_next, *v_next;

	n = strtok_r(names, "\n ", &n_next);
	v = strtok_r(values, "\n ", &v_next);
	while (n && v && counters->n < sizeof(counters->c) / sizeof(*counters->c)) {
		n = strtok_r(NULL, "\n ", &n_next);
		v = strtok_r(NULL, "\n ", &v_next);
		if (!n || !v)
			break;
		snprintf(counters->c[counters->n].name, sizeof(counters->c[0].name), "%s", n);
		counters->c[counters->n++].value = strtoull(v, NULL, 10);
	}
}

static int read_file(struct wire *w, const char *path, struct wire_counters *counters)
{
	static char names[8192], values[8192];
	FILE *f = fopen(path, "re");

	if (!f)
		return wire_fail(w, "%s: %m", path);
	while (fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f))
		if (!strncmp(names, "Tcp: ", 5) || !strncmp(names, "TcpExt: ", 8))
			read_pair(counters, names, values);
	fclose(f);
	return 0;
}

/**
 * wire_counter_read() - Take a snapshot of the stack's counters.
 * @w: lane
 * @counters: filled
 *
 * Return: 0, or -1 with the failure recorded in the lane.
 */
int wire_counter_read(struct wire *w, struct wire_counters *counters)
{
	bool kernel = w->stack == WIRE_KERNEL;

	counters->n = 0;
	if (read_file(w, kernel ? "/proc/net/snmp" : "/proc/net/xtcp_snmp", counters))
		return -1;
	return read_file(w, kernel ? "/proc/net/netstat" : "/proc/net/xtcp_netstat", counters);
}

static int find(const struct wire_counters *counters, const char *name)
{
	unsigned int i;

	for (i = 0; i < counters->n; i++)
		if (!strcmp(counters->c[i].name, name))
			return i;
	return -1;
}

/**
 * wire_counter_value() - Look a counter up in a snapshot.
 * @counters: snapshot
 * @name: as the kernel names it
 *
 * Return: its value, 0 if there is none of that name.
 */
uint64_t wire_counter_value(const struct wire_counters *counters, const char *name)
{
	int i = find(counters, name);

	return i < 0 ? 0 : counters->c[i].value;
}

static void note_changes(struct wire *w, const struct wire_counters *before,
			 const struct wire_counters *now)
{
	unsigned int i;

	for (i = 0; i < now->n && i < before->n; i++)
		if (now->c[i].value != before->c[i].value)
			wire_note(w, "  counter %s +%lld", now->c[i].name,
				  (long long)(now->c[i].value - before->c[i].value));
}

/**
 * wire_counter_check() - Compare counters with a row's expectation.
 * @w: lane
 * @before: snapshot from before the script
 * @want: "Name=delta Name=delta"
 *
 * Return: 0, or -1 with the failure recorded in the lane.
 */
int wire_counter_check(struct wire *w, const struct wire_counters *before, const char *want)
{
	static struct wire_counters now;
	char text[512], *item, *next, *value;
	long long delta;
	int i;

	if (wire_counter_read(w, &now))
		return -1;
	note_changes(w, before, &now);
	snprintf(text, sizeof(text), "%s", want ? want : "");
	for (item = strtok_r(text, " ", &next); item; item = strtok_r(NULL, " ", &next)) {
		value = strchr(item, '=');
		if (!value)
			return wire_fail(w, "counter expectation '%s'", item);
		*value++ = 0;
		i = find(&now, item);
		if (i < 0)
			return wire_fail(w, "there is no counter %s", item);
		delta = now.c[i].value - before->c[i].value;
		if (delta != atoll(value))
			return wire_fail(w, "counter %s moved by %lld, want %s", item, delta,
					 value);
	}
	return 0;
}
