// SPDX-License-Identifier: GPL-2.0
/* Counters: the Tcp: and TcpExt: lines of the stack under test, and of the other one or IP if a row asks. */
#include "test.h"
#include "wire.h"

#define FILES_MAX	16

/* A file of the lane's /proc/net, for pread(): to open it for each row is dear. It stays open; -1 with errno. */
int wire_proc_open(const char *path)
{
	static struct { char path[64]; int fd; } files[FILES_MAX];
	static unsigned int n;
	unsigned int i;
	int fd;

	for (i = 0; i < n; i++)
		if (!strcmp(files[i].path, path))
			return files[i].fd;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || n == FILES_MAX)
		return fd;
	snprintf(files[n].path, sizeof(files[n].path), "%s", path);
	files[n++].fd = fd;
	return fd;
}

static void add(struct wire_counters *counters, const char *prefix, const char *name,
		const char *value)
{
	if (counters->n == sizeof(counters->c) / sizeof(*counters->c))
		return;
	snprintf(counters->c[counters->n].name, sizeof(counters->c[0].name), "%s%s", prefix, name);
	counters->c[counters->n++].value = strtoull(value, NULL, 10);
}

static void read_pair(struct wire_counters *counters, const char *prefix, char *names, char *values)
{
	char *n, *v, *n_next, *v_next;

	n = strtok_r(names, "\n ", &n_next);
	v = strtok_r(values, "\n ", &v_next);
	while (n && v) {
		n = strtok_r(NULL, "\n ", &n_next);
		v = strtok_r(NULL, "\n ", &v_next);
		if (n && v)
			add(counters, prefix, n, v);
	}
}

/* The lines that begin with @group, and the values below them; each read makes the file's text again. */
static int read_file(struct wire *w, const char *path, const char *group, const char *prefix,
		     struct wire_counters *counters)
{
	static char buffer[32768];
	char *names, *values, *next;
	int fd = wire_proc_open(path);
	ssize_t n = fd < 0 ? -1 : pread(fd, buffer, sizeof(buffer) - 1, 0);

	if (n < 0)
		return wire_fail(w, "%s: %m", path);
	buffer[n] = 0;
	for (names = strtok_r(buffer, "\n", &next); names; names = strtok_r(NULL, "\n", &next)) {
		values = strtok_r(NULL, "\n", &next);
		if (values && !strncmp(names, group, strlen(group)))
			read_pair(counters, prefix, names, values);
	}
	return 0;
}

static int read_stack(struct wire *w, enum wire_stack stack, const char *prefix,
		      struct wire_counters *counters)
{
	const char *path = stack == WIRE_KERNEL ? "/proc/net/snmp" : "/proc/net/xtcp_snmp";

	return read_file(w, path, "Tcp: ", prefix, counters);
}

/* Linux's own, which are in no standard. */
static int read_stack_more(struct wire *w, enum wire_stack stack, const char *prefix,
			   struct wire_counters *counters)
{
	const char *path = stack == WIRE_KERNEL ? "/proc/net/netstat" : "/proc/net/xtcp_netstat";

	return read_file(w, path, "TcpExt: ", prefix, counters);
}

/* The lines that begin with @group. */
static int read_snmp6(struct wire *w, const char *group, const char *prefix, struct wire_counters *counters)
{
	char name[40], value[32];
	FILE *f = fopen("/proc/net/snmp6", "re");

	if (!f)
		return wire_fail(w, "snmp6: %m");
	while (fscanf(f, "%39s %31s", name, value) == 2)
		if (!strncmp(name, group, strlen(group)))
			add(counters, prefix, name + strlen(group), value);
	fclose(f);
	return 0;
}

static int read_ip(struct wire *w, struct wire_counters *counters)
{
	if (w->ip == 4)
		return read_file(w, "/proc/net/snmp", "Ip: ", "ip:", counters) ||
		       read_file(w, "/proc/net/netstat", "IpExt: ", "ip:", counters);
	return read_snmp6(w, "Ip6", "ip:", counters);
}

static const char * const prefixes[] = { [WIRE_KERNEL] = "kernel:", [WIRE_XTCP] = "xtcp:" };

static bool named(const struct wire_row *row, const char *prefix)
{
	return (row->want.counters && strstr(row->want.counters, prefix)) ||
	       (row->kernel.counters && strstr(row->kernel.counters, prefix));
}

/*
 * Take a snapshot of the stack's counters. Those of the other stack that are in Tcp:, as "kernel:Name" or "xtcp:Name",
 * and IP's, as "ip:Name", and ICMPv6's, as "icmp6:Name", are there if the row names one.
 */
int wire_counter_read(struct wire *w, struct wire_counters *counters)
{
	enum wire_stack other = w->stack == WIRE_KERNEL ? WIRE_XTCP : WIRE_KERNEL;

	counters->n = 0;
	if (read_stack(w, w->stack, "", counters) || read_stack_more(w, w->stack, "", counters))
		return -1;
	if (named(w->row, prefixes[other]) && read_stack(w, other, prefixes[other], counters))
		return -1;
	if (named(w->row, "icmp6:") && read_snmp6(w, "Icmp6", "icmp6:", counters))
		return -1;
	return named(w->row, "ip:") ? read_ip(w, counters) : 0;
}

static int find(const struct wire_counters *counters, const char *name)
{
	unsigned int i;

	for (i = 0; i < counters->n; i++)
		if (!strcmp(counters->c[i].name, name))
			return i;
	return -1;
}

/* A counter of a snapshot by the kernel's name; 0 if there is none. */
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

/* Compares counters with "Name=delta kernel:Name=delta": the stack's own, unless a name says otherwise. */
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
		if (!strncmp(item, prefixes[w->stack], strlen(prefixes[w->stack])))
			item += strlen(prefixes[w->stack]);
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
