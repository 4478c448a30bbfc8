// SPDX-License-Identifier: GPL-2.0
/* States: the script that reaches each of them by each kind of open, and where a state is read from. */
#include "test.h"
#include "wire.h"

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
	size_t i;

	for (i = 0; i < OPENS; i++)
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
	size_t i;

	for (i = 0; i < STATES; i++)
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
		snprintf(out, size, "%s%s", row->name,
			 row->via & (row->via - 1) && via != PASSIVE ? how : "");
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

	snprintf(path, sizeof(path), "/proc/net/%s%s", w->stack == WIRE_KERNEL ? "tcp" : "xtcp",
		 w->ip == 4 ? "" : "6");
	fd = wire_proc_open(path);
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
	size_t i;

	for (i = 0; i < STATES; i++)
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
	return wire_fail(w, "state in TCP_INFO is %s, want %s", kernel_name(got),
			 wire_state_name(state));
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
		return wire_fail(w, "state in /proc is %s, want %s", kernel_name(got),
				 kernel_name(proc));
	if (!info)
		return 0;
	got = state_of_socket(w, w->c.fd < 0 ? w->c.lfd : w->c.fd);
	if (got < 0)
		return -1;
	if (got != info)
		return wire_fail(w, "state in TCP_INFO is %s, want %s", kernel_name(got),
				 kernel_name(info));
	return 0;
}
