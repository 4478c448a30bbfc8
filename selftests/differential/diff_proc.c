// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: /proc/net/tcp, tcp6, xtcp and xtcp6; rows of this scenario's ports are compared. */
#include "lib/diff.h"

#define ROWS_MAX 64

struct row {
	char text[160];
	char limit[32];		/* of a listener, else empty */
};

static FILE *listing(void)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/net/%stcp%s", diff.stack == DIFF_XTCP ? "x" : "",
		 diff.family == AF_INET6 ? "6" : "");
	f = fopen(path, "r");
	diff_must(f, "%s", path);
	return f;
}

static bool own_port(unsigned int port)
{
	return (int)port > diff.port_base && (int)port < diff.port_base + 16;
}

static void port_name(char *text, size_t room, unsigned int port)
{
	if (own_port(port))
		snprintf(text, room, "P%u", port - diff.port_base);
	else if (port >= 32768 && port <= 60999)
		snprintf(text, room, "E");
	else
		snprintf(text, room, "%u", port);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool parse_row(const char *line, struct row *r)
{
	char local[33], remote[33], lp[8], rp[8];
	unsigned int lport, rport, st, tr, uid;
	unsigned long tx, rx, when, retr;

	if (sscanf(line, " %*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %lx:%lx %x:%lx %lx %u",
		   local, &lport, remote, &rport, &st, &tx, &rx, &tr, &when,
		   &retr, &uid) != 11)
		diff_die("row '%s'", line);
	if (!own_port(lport) && !own_port(rport))
		return false;
	port_name(lp, sizeof(lp), lport);
	port_name(rp, sizeof(rp), rport);
	r->limit[0] = 0;
	if (st == TCP_LISTEN) {
		snprintf(r->limit, sizeof(r->limit), "tx of listener %s: %lx", lp, tx);
		tx = 0;
	}
	snprintf(r->text, sizeof(r->text), "%02X %s:%s %s:%s tx %lx rx %lx timer %x retransmits %lx uid %u",
		 st, local, lp, remote, rp, tx, rx, tr, retr, uid);
	return true;
}

/* Rows in the state @st (0: all), sorted; their order is the hash table's. */
static int rows(struct row *r, unsigned int st)
{
	FILE *f = listing();
	char line[512];
	int n = 0;

	diff_must(fgets(line, sizeof(line), f), "empty listing");
	while (n < ROWS_MAX && fgets(line, sizeof(line), f))
		if (parse_row(line, &r[n]) && (!st || strtoul(r[n].text, NULL, 16) == st))
			n++;
	fclose(f);
	qsort(r, n, sizeof(*r), by_text);
	return n;
}

static void show_rows(const char *what, unsigned int st, int want, bool limits)
{
	struct row r[ROWS_MAX];
	bool found;
	int i, n;

	/* kernel TCP may list a row twice while others come and go: what is shown is what was waited for */
	found = WAIT_FOR((n = rows(r, st)) == want, DIFF_DEADLINE_MS);
	if (!found)
		diff_say("DEADLINE: wanted %d rows", want);
	for (i = 0; i < n; i++) {
		diff_say("%s: %s", what, r[i].text);
		if (limits && r[i].limit[0])
			diff_say("%s", r[i].limit);
	}
	if (!n)
		diff_say("%s: no rows", what);
}

static void show(const char *what, unsigned int st, int want)
{
	show_rows(what, st, want, true);
}

SCENARIO(proc_header)
{
	FILE *f = listing();
	char line[512];

	diff_must(fgets(line, sizeof(line), f), "empty listing");
	diff_say("'%s'", line);
	diff_say("length: %zu", strlen(line));
}

SCENARIO(proc_listener)
{
	int l = diff_listener(1), any = diff_socket();

	show("listening", 0, 1);
	RET(bind(any, ANY(2), ALEN));
	show("bound", 0, 1);
	RET(listen(any, 5));
	show("both", 0, 2);
	diff_connected(1);
	diff_queued(l, 1);
	show("queued", TCP_LISTEN, 2);
	FD(accept(l, NULL, NULL));
	show("accepted", TCP_LISTEN, 2);
	RET(close(l));
	show("closed", TCP_LISTEN, 1);
}

SCENARIO_OF_PAIR(proc_connection)
{
	show("established", 0, 2);
	diff_put(c, "abcde");
	QUEUES(s, 5, -1);
	QUEUES(c, -1, 0);
	show("with data", 0, 2);
	READ(s, 5, 0);
	show("read", 0, 2);
}

/* A socket that was connected listens: its row names no peer. Kernel TCP's old limit stays there, so it is left out. */
SCENARIO(proc_disconnect)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int l = diff_listener(1), c = diff_socket();

	RET(bind(c, LO(2), ALEN));
	RET(connect(c, LO(1), ALEN));
	FD(accept(l, NULL, NULL));
	show("connected", TCP_ESTABLISHED, 2);
	RET(connect(c, &unspec, sizeof(unspec)));
	PEER(c);
	RET(listen(c, 1));
	show_rows("listening", TCP_LISTEN, 2, false);
}

SCENARIO_OF_PAIR(proc_close)
{
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_FIN_WAIT2);
	show("half closed", TCP_CLOSE_WAIT, 1);
	show("half closed", TCP_FIN_WAIT2, 1);
	RET(shutdown(s, SHUT_WR));
	STATE(s, TCP_CLOSE);
	show("time-wait", TCP_TIME_WAIT, 1);
	show("all", 0, 1);
}

/* An orphan in FIN-WAIT-2, then in TIME-WAIT: nobody's rows. */
SCENARIO_OF_PAIR(proc_orphan)
{
	RET(close(c));
	STATE(s, TCP_CLOSE_WAIT);
	show("orphan", TCP_FIN_WAIT2, 1);
	RET(close(s));
	show("time-wait", TCP_TIME_WAIT, 1);
	show("all", 0, 1);
}

SCENARIO(proc_syn_sent)
{
	int c = diff_socket();

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	show("connecting", TCP_SYN_SENT, 1);
	RET(close(c));
	show("given up", 0, 0);
}

SCENARIO_OF_PAIR(proc_reset)
{
	diff_reset(c);
	BITS(s, POLLHUP);
	show("reset", 0, 0);
}

static void counter_names(const char *path, const char *prefix)
{
	FILE *f = fopen(path, "r");
	char line[8192], *word, *save;

	diff_must(f, "counters");
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, prefix, strlen(prefix)))
			continue;
		for (word = strtok_r(line, "\n ", &save); word;
		     word = strtok_r(NULL, "\n ", &save))
			diff_say("counter: %s", word);
		break;
	}
	fclose(f);
}

SCENARIO(proc_counters)
{
	counter_names(diff.stack == DIFF_XTCP ? "/proc/net/xtcp_snmp" : "/proc/net/snmp", "Tcp:");
}
