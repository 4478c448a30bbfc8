// SPDX-License-Identifier: GPL-2.0
/* States: the script that reaches each of them by each kind of open, and where a state is read from. */
#include "test.h"
#include "wire.h"

/* Counters: the Tcp: and TcpExt: lines of the stack under test, and of the other one or IP if a row asks. */

#define FILES_MAX	16

/* A file of the lane's /proc/net, for pread(): to open it for each row is dear. It stays open; -1 with errno. */
static int proc_open(const char *path)
{
	static struct { char path[64]; int fd; } files[FILES_MAX];
	static unsigned int n;
	int fd;

	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(files[i].path, path))
			return files[i].fd;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || n == FILES_MAX)
		return fd;
	snprintf(files[n].path, sizeof(files[n].path), "%s", path);
	files[n++].fd = fd;
	return fd;
}

static void add(struct wire_counters *counters, const char *prefix, const char *name, const char *value)
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
	int fd = proc_open(path);
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

static int read_stack(struct wire *w, enum wire_stack stack, const char *prefix, struct wire_counters *counters)
{
	const char *path = stack == WIRE_KERNEL ? "/proc/net/snmp" : "/proc/net/xtcp_snmp";

	return read_file(w, path, "Tcp: ", prefix, counters);
}

/* Linux's own, which are in no standard. */
static int read_stack_more(struct wire *w, enum wire_stack stack, const char *prefix, struct wire_counters *counters)
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

static int counter_at(const struct wire_counters *counters, const char *name)
{
	for (unsigned int i = 0; i < counters->n; i++)
		if (!strcmp(counters->c[i].name, name))
			return i;
	return -1;
}

/* A counter of a snapshot by the kernel's name; 0 if there is none. */
uint64_t wire_counter_value(const struct wire_counters *counters, const char *name)
{
	int i = counter_at(counters, name);

	return i < 0 ? 0 : counters->c[i].value;
}

static void note_changes(struct wire *w, const struct wire_counters *before, const struct wire_counters *now)
{
	for (unsigned int i = 0; i < now->n && i < before->n; i++)
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
		i = counter_at(&now, item);
		if (i < 0)
			return wire_fail(w, "there is no counter %s", item);
		delta = now.c[i].value - before->c[i].value;
		if (delta != atoll(value))
			return wire_fail(w, "counter %s moved by %lld, want %s", item, delta, value);
	}
	return 0;
}

static const struct {
	int state;
	const char *name;
	int kernel;		/* as in TCP_INFO and /proc/net/tcp */
	int base;		/* state to come from; 0: the open itself */
	const char *steps;	/* from there */
} states[] = {
	{ CLOSED, "closed", 7, LAST_ACK, "< . 2 ack 2" },
	{ LISTEN, "listen", 10, 0, NULL },
	{ SYN_SENT, "syn_sent", 2, 0, NULL },
	{ SYN_RECEIVED, "syn_received", 3, 0, NULL },
	{ ESTABLISHED, "established", 1, 0, NULL },
	{ FIN_WAIT_1, "fin_wait_1", 4, ESTABLISHED, "shut; > F. 1 ack 1" },
	{ FIN_WAIT_2, "fin_wait_2", 5, FIN_WAIT_1, "< . 1 ack 2" },
	{ CLOSING, "closing", 11, FIN_WAIT_1, "< F. 1 ack 1; > . 2 ack 2" },
	{ TIME_WAIT, "time_wait", 6, FIN_WAIT_2, "< F. 1 ack 2; > . 2 ack 2" },
	{ CLOSE_WAIT, "close_wait", 8, ESTABLISHED, "< F. 1 ack 1; >@1000 . 1 ack 2" },
	{ LAST_ACK, "last_ack", 9, CLOSE_WAIT, "shut; > F. 1 ack 2" },
};

#define STATES (sizeof(states) / sizeof(*states))

/* The opens, step by step; $ and $$ are the options of the peer's SYN. */
static const struct {
	int via, state;
	const char *steps;
} opens[] = {
	{ PASSIVE, LISTEN, "listen" },
	{ PASSIVE, SYN_RECEIVED, "listen; < S 0 $; > S. 0 ack 1" },
	{ PASSIVE, ESTABLISHED, "listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept" },
	{ ACTIVE, SYN_SENT, "connect; > S 0" },
	{ ACTIVE, ESTABLISHED, "connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1" },
	{ SIMULTANEOUS, SYN_RECEIVED, "connect; > S 0; < S 0 $$; > S. 0 ack 1" },
	{ SIMULTANEOUS, ESTABLISHED, "connect; > S 0; < S 0 $$; > S. 0 ack 1; < . 1 ack 1" },
};

#define OPENS (sizeof(opens) / sizeof(*opens))

static size_t find(int state)
{
	size_t i;

	for (i = 0; i < STATES - 1 && states[i].state != state; i++)
		;
	return i;
}

static const char *open_script(int state, int via)
{
	for (size_t i = 0; i < OPENS; i++)
		if (opens[i].via == via && opens[i].state == state)
			return opens[i].steps;
	return NULL;
}

/* The steps to a state: @step 0 is the open, 1, 2 ... follow. NULL: the state is reached. */
const char *wire_state_script(int state, int via, int step)
{
	const char *chain[8];
	int n = 0;
	size_t i;

	for (i = find(state); states[i].base; i = find(states[i].base))
		chain[n++] = states[i].steps;
	if (!step)
		return open_script(states[i].state, via);
	return step <= n ? chain[n - step] : NULL;
}

bool wire_state_reachable(int state, int via)
{
	return wire_state_script(state, via, 0);
}

const char *wire_state_name(int state)
{
	return states[find(state)].name;
}

/* Read a state's name. Return: the state, 0 if there is none of that name. */
int wire_state_parse(const char *name)
{
	for (size_t i = 0; i < STATES; i++)
		if (!strcmp(states[i].name, name))
			return states[i].state;
	return 0;
}

/* The name of a row for one of its states. The open is named where it is not the usual one for the state. */
void wire_state_row_name(const struct wire_row *row, int state, int via, char *out, size_t size)
{
	const char *place = strstr(row->name, "%s"), *how = "";

	if (via == SIMULTANEOUS)
		how = "_via_simultaneous_open";
	else if (via == ACTIVE && state != SYN_SENT)
		how = "_via_syn_sent";
	else if (via == PASSIVE && state == SYN_RECEIVED)
		how = "_via_listen";
	if (!place)
		snprintf(out, size, "%s%s", row->name, row->via & (row->via - 1) && via != PASSIVE ? how : "");
	else
		snprintf(out, size, "%.*s%s%s%s", (int)(place - row->name), row->name,
			 wire_state_name(state), how, place + 2);
}

/* 0: it is not this connection's. */
static int state_in_line(const struct wire *w, const char *line, int64_t *timer, int64_t *probes)
{
	unsigned int lport, pport, state, which, left, sent;

	if (sscanf(line, " %*[^:]: %*[^:]:%x %*[^:]:%x %x %*x:%*x %x:%x %*x %*u %u", &lport, &pport,
		   &state, &which, &left, &sent) != 6 || lport != w->c.lport || pport != w->c.pport)
		return 0;
	if (timer)
		*timer = which ? left : 0;
	if (probes)
		*probes = sent;
	return state;
}

/*
 * Look the row's connection up in /proc. @timer: if not NULL, set to what is left of its timer, in 1/100 s. @probes: if
 * not NULL, set to the number of probes that were not answered. Return: its state as the kernel numbers them, 0 if it
 * has no line, or -1 with the failure recorded in the lane.
 */
int wire_state_in_proc(struct wire *w, int64_t *timer, int64_t *probes)
{
	char path[64], chunk[8192], *line, *end;
	int fd, state = 0;
	off_t at = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/net/%s%s", w->stack == WIRE_KERNEL ? "tcp" : "xtcp", w->ip == 4 ? "" : "6");
	fd = proc_open(path);
	if (fd < 0)
		return wire_fail(w, "%s is missing", path);
	/* the listener comes first, and looks like a connection from port 0 */
	while ((!state || state == TCP_LISTEN) && (n = pread(fd, chunk, sizeof(chunk) - 1, at)) > 0) {
		chunk[n] = 0;
		for (line = chunk; (!state || state == TCP_LISTEN) && (end = strchr(line, '\n')); line = end + 1)
			state = state_in_line(w, line, timer, probes) ?: state;
		at += line - chunk;
	}
	return state;
}

static int state_of_socket(struct wire *w, int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return wire_fail(w, "TCP_INFO: %m");
	return info.tcpi_state;
}

static const char *kernel_name(int value)
{
	for (size_t i = 0; i < STATES; i++)
		if (states[i].kernel == value)
			return states[i].name;
	return "none";
}

/* As wire_state_check(), for a socket that shows its state without /proc, since kernel TCP's is long to read. */
int wire_state_check_socket(struct wire *w, int state)
{
	int got;

	if (w->c.fd < 0 || !(state & SYNCHRONIZED))
		return wire_state_check(w, state);
	got = state_of_socket(w, w->c.fd);
	if (got < 0 || got == states[find(state)].kernel)
		return got < 0 ? -1 : 0;
	return wire_fail(w, "state in TCP_INFO is %s, want %s", kernel_name(got), wire_state_name(state));
}

/*
 * Is the row's connection in this state? The socket's TCP_INFO and the connection's line in /proc must both say so. A
 * TIME-WAIT record and an entry in SYN-RECEIVED have no socket of their own: there TCP_INFO must say CLOSED and LISTEN.
 */
int wire_state_check(struct wire *w, int state)
{
	int want = states[find(state)].kernel, proc = want, info = want, got;

	if (state == CLOSED || state == LISTEN)
		proc = 0;
	if (state == TIME_WAIT)
		info = states[find(CLOSED)].kernel;
	if (w->c.fd < 0)
		info = w->c.lfd < 0 ? 0 : states[find(LISTEN)].kernel;
	got = wire_state_in_proc(w, NULL, NULL);
	if (got < 0)
		return -1;
	if (got != proc)
		return wire_fail(w, "state in /proc is %s, want %s", kernel_name(got), kernel_name(proc));
	if (!info)
		return 0;
	got = state_of_socket(w, w->c.fd < 0 ? w->c.lfd : w->c.fd);
	if (got < 0)
		return -1;
	if (got != info)
		return wire_fail(w, "state in TCP_INFO is %s, want %s", kernel_name(got), kernel_name(info));
	return 0;
}
