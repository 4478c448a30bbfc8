// SPDX-License-Identifier: GPL-2.0
/* xtcp-watch, each view of it once beside traffic; xtcp-ss and xtcp-nstat. */
#include "see.h"
#include "lib/test.h"

NEEDS_SCRIPTS;

#define BACKLOG		1		/* each queue holds one more */
#define WATCH		"scripts/tools/xtcp-watch %s --once --plain --ascii --width 100 "
#define PAGE		"mkdir -p /tmp/see.d && cp /proc/net/xtcp_* /tmp/see.d && "		\
			"scripts/tools/xtcp-nstat --prometheus >/tmp/see.page && "			\
			"python3 selftests/see/exposition.py xtcp /proc/net /tmp/see.d </tmp/see.page && "	\
			"cat /tmp/see.page"
#define INSTANCES	"ls /sys/kernel/tracing/instances | grep -c xtcp-watch"

/* A listener whose accept queue is full, and a connection that carries data. */
struct stage {
	unsigned int full_port;
	unsigned int port;
	int full, listener, waiting[BACKLOG + 1], client, server;
	pid_t traffic;
};

/* Until it is killed: octets from client to server, and SYNs that the full listener refuses. */
static void be_traffic(const struct stage *stage)
{
	static char octets[65536];
	struct pollfd room = { .fd = stage->client, .events = POLLOUT };
	unsigned int port = 1000;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fcntl(stage->client, F_SETFL, O_NONBLOCK);
	fcntl(stage->server, F_SETFL, O_NONBLOCK);
	for (;;) {
		if (write(stage->client, octets, 4096) < 0 && errno != EAGAIN)
			_exit(1);
		while (read(stage->server, octets, sizeof(octets)) > 0)
			;
		see_send_syn(XTCP4, XTCP4->hole, port++ % 60000 + 1000, stage->full_port);
		poll(&room, 1, 20);
		usleep(10000);
	}
}

static void set_stage(struct stage *stage)
{
	int i;

	stage->full_port = see_new_port();
	stage->port = see_new_port();
	stage->full = see_must(stack_bound(see_net.b, XTCP, NS_B4, stage->full_port, false), "bind");
	see_must(listen(stage->full, BACKLOG), "listen");
	/* one after the other: the SYN queue is to have held one at most */
	for (i = 0; i <= BACKLOG; i++) {
		stage->waiting[i] = see_connect(see_net.a, XTCP4, NS_B4, stage->full_port);
		see_wait_row(see_net.b, XTCP4, stage->full_port, stack_port(stage->waiting[i]), TCP_ESTABLISHED);
	}
	stage->listener = see_listen(see_net.b, XTCP4, NS_B4, stage->port);
	stage->client = see_connect(see_net.a, XTCP4, NS_B4, stage->port);
	stage->server = see_must(accept(stage->listener, NULL, NULL), "accept");
	stage->traffic = see_must(fork(), "fork");
	if (!stage->traffic)
		be_traffic(stage);
}

static void clear_stage(struct stage *stage)
{
	int i;

	kill(stage->traffic, SIGKILL);
	waitpid(stage->traffic, NULL, 0);
	close_each(stage->client, stage->server);
	for (i = 0; i <= BACKLOG; i++)
		close(stage->waiting[i]);
	close_each(stage->full, stage->listener);
}

/* Behind these words; NULL: they are not there, which is a problem. */
static const char *after(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	CHECK(at, "there: \"%s\" in:\n%s", words, text);
	return at ? at + strlen(words) : NULL;
}

static void watch_listen(const struct stage *stage)
{
	char *text, words[80];
	const char *at;
	int status;

	text = see_output(see_net.b, &status, WATCH "--port %u", "listen", stage->full_port);
	CHECK(status == 0, "status %d", status);
	see_says(text, "; 1 listener");
	snprintf(words, sizeof(words), "\n" NS_B4 ":%u limit %d, holds one more; ", stage->full_port, BACKLOG);
	at = after(text, words);
	at = at ? after(at, "\n accept [##########") : NULL;
	at = at ? after(at, "#] 2 of 2, most 2 FULL\n SYN [") : NULL;
	at = at ? after(at, "] 0 of 2, most 1\n accept queue full: ") : NULL;
	CHECK(!at || atoi(at) > 0, "nobody was refused: %s", text);
	at = at ? after(at, "last: ") : NULL;
	at = at ? after(at, HOLE4 ":") : NULL;
	at = at ? after(at, ": refused, accept queue full, ") : NULL;
	at = at ? after(at, "see (pid ") : NULL;
	at = at ? after(at, ") accepts too slowly; to queue more, raise its backlog") : NULL;
	at = at ? after(at, "restart it:") : NULL;
	if (at)
		after(at, "4,096\n");
	CHECK(!strstr(text, "no events"), "%s", text);
	text = see_output(see_net.b, &status, "scripts/tools/xtcp why");
	CHECK(status == 0 && strstr(text, "#xtcp, network namespace ") == text, "status %d: %s", status, text);
	see_says(text, NS_B4 ":%u refused: its accept queue was full, ", stage->full_port);
	see_says(text, "; it holds 2, and has held 2\n see (pid ");
	see_says(text, ") accepts too slowly; to queue more, raise its backlog");
	see_report("xtcp-watch listen: a full accept queue, and whom it refused; xtcp why", NULL);
}

static void watch_conn(const struct stage *stage)
{
	char *text, words[120], cwnd[20], ssthresh[20], flight[20], rate[20];
	const char *at;
	double rtt = 0;
	int status;

	text = see_output(see_net.a, &status, WATCH "--port %u", "conn", stage->port);
	CHECK(status == 0, "status %d", status);
	see_says(text, "; 1 connection, by state; cubic 1");
	snprintf(words, sizeof(words), "\nESTABLISHED " NS_A4 ":%u " NS_B4 ":%u ", stack_port(stage->client),
		 stage->port);
	at = after(text, words);
	CHECK(!at || (sscanf(at, "%19s %19s %19s %lf %19s", cwnd, ssthresh, flight, &rtt, rate) == 5 && rtt > 0 &&
		      strchr(cwnd, 'k') && strpbrk(rate, "kMG")),
	      "windows, a round trip and a rate in: %s", text);
	see_report("xtcp-watch conn: a connection that carries data", NULL);
}

static void watch_flow(const struct stage *stage)
{
	double kilo = 0, rate = 0, cwnd = 0;
	char *text, words[120];
	const char *at;
	int status;

	/* so wide that the flow stays on one line, even when something was resent */
	text = see_output(see_net.a, &status, WATCH "--width 160 --port %u --svg /tmp/see.svg && "
			  "tail -n 1 /tmp/see.svg", "flow", stage->port);
	CHECK(status == 0, "status %d", status);
	snprintf(words, sizeof(words), "\na " NS_A4 ":%u -> " NS_B4 ":%u: ", stack_port(stage->client), stage->port);
	at = after(text, words);
	CHECK(!at || (sscanf(at, "%lf kB, %lf Mbit/s, cubic, cwnd %lf kB", &kilo, &rate, &cwnd) == 3 && kilo > 0 &&
		      rate > 0 && cwnd > 0), "what it moved, its algorithm and its window: %s", text);
	/* if this machine was held up, a tail loss probe was sent: then both lines say so */
	see_says(text, strstr(text, " resent\n kB acknowledged") ? " kB acknowledged; o resent\n" :
								   " kB acknowledged\n");
	see_says(text, " ms: : smoothed round trip");
	see_says(text, "</svg>");
	see_report("xtcp-watch flow: what it moves, windows and round trips", NULL);
}

static void watch_states(void)
{
	struct counters counters;
	char *text;
	int status;

	text = see_output(see_net.b, &status, WATCH, "states");
	CHECK(status == 0, "status %d", status);
	see_says(text, "\nLISTEN 2 2 ##");
	/* the accepted one, and those that wait for accept() */
	see_says(text, "\nESTABLISHED %d %d ##", 1 + BACKLOG + 1, 1 + BACKLOG + 1);
	see_says(text, "\nsince then: 0 opened, ");
	/* an earlier case has killed some */
	see_must(counters_read_xtcp(&counters, see_net.b), "counters");
	see_says(text, "\nENDED OTHERWISE THAN BY FINS SINCE THEN IN ALL");
	see_says(text, "\nended by an administrator 0 %lld\n", counters_get(&counters, "TcpExt:TCPAbortOnKill"));
	see_report("xtcp-watch states: how many are in each", NULL);
}

/* The stock tools with our files, and the words above what they print. */
static void watch_tools(const struct stage *stage)
{
	struct counters counters;
	char *text;
	int status;

	text = see_output(see_net.b, &status, "scripts/tools/xtcp-ss -an");
	CHECK(status == 0 && !strncmp(text, "#xtcp, network namespace 40", 27), "status %d: %s", status, text);
	see_says(text, "LISTEN %d %d " NS_B4 ":%u 0.0.0.0:*", BACKLOG + 1, BACKLOG, stage->full_port);
	/* sockets of both namespaces; the records of earlier cases may end meanwhile */
	text = see_output(see_net.b, &status, "scripts/tools/xtcp-ss -s");
	CHECK(status == 0 && !strncmp(text, "#xtcp, network namespace 40", 27), "status %d: %s", status, text);
	see_says(text, "(estab %d, closed ", 1 + BACKLOG + 1);
	see_says(text, ", orphaned 0, timewait ");
	see_says(text, "\nTCP %d %d 0 ", 2 + 1 + BACKLOG + 1, 2 + 1 + BACKLOG + 1);
	CHECK(!strstr(text, "UDP"), "%s", text);

	see_must(counters_read_xtcp(&counters, see_net.b), "counters");
	text = see_output(see_net.b, &status, "scripts/tools/xtcp-nstat -as TcpPassiveOpens");
	CHECK(status == 0 && !strncmp(text, "#xtcp, network namespace 40", 27), "status %d: %s", status, text);
	see_says(text, "\nTcpPassiveOpens %lld ", counters_get(&counters, "Tcp:PassiveOpens"));
	text = see_output(see_net.b, &status,
			  "scripts/tools/xtcp-nstat --json -as TcpPassiveOpens | python3 -m json.tool");
	CHECK(status == 0, "status %d: %s", status, text);
	see_says(text, "\"TcpPassiveOpens\": %lld\n", counters_get(&counters, "Tcp:PassiveOpens"));
	see_report("xtcp-ss and xtcp-nstat", NULL);
}

/* A page says what /proc says, of its own namespace; exposition.py compares them. */
static void watch_page(void)
{
	unsigned int port = see_new_port();
	int l4 = see_listen(see_net.b, XTCP4, NS_B4, port), l6 = see_listen(see_net.b, XTCP6, NS_B6, port);
	int client = see_connect(see_net.a, XTCP4, NS_B4, port), status;
	char *text;

	see_wait_row(see_net.b, XTCP4, port, stack_port(client), TCP_ESTABLISHED);
	text = see_output(see_net.b, &status, PAGE);
	CHECK(status == 0, "status %d", status);
	see_says(text, " numbers, 2 places\n");
	see_says(text, "\nxtcp_listen_accept_queue_length{address=\"" NS_B4 "\",port=\"%u\"} 1\n", port);
	see_says(text, "\nxtcp_listen_limit{address=\"" NS_B6 "\",port=\"%u\"} %d\n", port, LIMIT);
	text = see_output(see_net.b, &status, "unshare -rn sh -c '" PAGE "'");
	CHECK(status == 0, "status %d", status);
	see_says(text, " numbers, 0 places\n");
	see_says(text, "\nxtcp_tcp_passive_opens_total 0\n");
	close_each(client, l4, l6);
	see_report("xtcp-nstat --prometheus: the counters and listeners of this namespace", NULL);
}

/* Seven results: what is watched live. */
void see_watch(void)
{
	struct stage stage = {};
	char *text;
	int status;

	watch_page();
	set_stage(&stage);
	watch_listen(&stage);
	watch_conn(&stage);
	watch_flow(&stage);
	watch_states();
	watch_tools(&stage);
	clear_stage(&stage);
	text = see_output(see_net.a, &status, INSTANCES);
	see_says(text, "0\n");
	see_report("xtcp-watch leaves nothing in the tracefs", NULL);
}

/* A result: what is said when the module is not there. */
void see_watch_unloaded(void)
{
	char *text;
	int status;

	text = see_output(see_net.a, &status, "scripts/tools/xtcp-watch conn --once");
	CHECK(status == 2 && !strncmp(text, "xtcp-watch: the xtcp module is not loaded", 41), "status %d: %s", status,
	      text);
	text = see_output(see_net.a, &status, "scripts/tools/xtcp-ss");
	CHECK(status == 2, "status %d", status);
	see_says(text, "xtcp-ss: the xtcp module is not loaded");
	see_report("xtcp-watch and xtcp-ss: without the module", NULL);
}
