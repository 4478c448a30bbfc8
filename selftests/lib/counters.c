// SPDX-License-Identifier: GPL-2.0
#include "counters.h"

#include "test.h"

static int add_pair(struct counters *c, char *names, char *values)
{
	char *in_names, *in_values;
	char *prefix = strtok_r(names, " ", &in_names);
	char *name, *value;

	if (!prefix || !strtok_r(values, " ", &in_values))
		return -1;
	for (;;) {
		name = strtok_r(NULL, " ", &in_names);
		value = strtok_r(NULL, " ", &in_values);
		if (!name && !value)
			return 0;
		if (!name || !value || c->n == COUNTERS_MAX)
			return -1;
		snprintf(c->entry[c->n].name, sizeof(c->entry[0].name), "%s%s",
			 prefix, name);
		c->entry[c->n++].value = strtoll(value, NULL, 10);
	}
}

int counters_read(struct counters *c, int ns, const char *path)
{
	char *text = ns_read_file(ns, path), *in_lines, *names, *values;
	int ret = 0;

	if (!text)
		return -1;
	names = strtok_r(text, "\n", &in_lines);
	while (names && !ret) {
		values = strtok_r(NULL, "\n", &in_lines);
		ret = values ? add_pair(c, names, values) : -1;
		names = strtok_r(NULL, "\n", &in_lines);
	}
	if (ret)
		fprintf(stderr, "# counters: %s has another format\n", path);
	free(text);
	return ret;
}

int counters_read_xtcp(struct counters *c, int ns)
{
	c->n = 0;
	return counters_read(c, ns, "/proc/net/xtcp_snmp") ?:
	       counters_read(c, ns, "/proc/net/xtcp_netstat");
}

int counters_read_kernel(struct counters *c, int ns)
{
	c->n = 0;
	return counters_read(c, ns, "/proc/net/snmp") ?:
	       counters_read(c, ns, "/proc/net/netstat");
}

long long counters_get(const struct counters *c, const char *name)
{
	int i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->entry[i].name, name))
			return c->entry[i].value;
	fprintf(stderr, "# counters: there is no %s\n", name);
	exit(1);
}

long long counters_diff(const struct counters *before, const struct counters *after,
			const char *name)
{
	return counters_get(after, name) - counters_get(before, name);
}

long long counter_now(int ns, const char *path, const char *name)
{
	struct counters c = { .n = 0 };

	if (counters_read(&c, ns, path))
		exit(1);
	return counters_get(&c, name);
}
