// SPDX-License-Identifier: GPL-2.0
/*
 * The ladder that xtcp-ladder draws of a connection, with one end and with both, and of one that loses a segment, and
 * the plot of that. These are the only rows about whole connections that no timer may disturb, so the program has a
 * clock that counts instructions (machines.list).
 */
#include <fnmatch.h>
#include "see.h"
#include "test.h"

#define MS	"[0-9].[0-9][0-9][0-9]"			/* the end of a time */
#define TRACE	"/sys/kernel/tracing/instances/see"	/* tracing_start("see") */

NEEDS_MODULE;
NEEDS_SCRIPTS;
NEEDS_PROGRAMS("nft");

/* Open, five octets, close by the client, close by the server: the whole picture, row by row, with both ends' times. */
static void draw_ladder(const struct see_view *client_view, const struct see_view *view)
{
	static const char *const both[] = {
		"*CLOSED |*| LISTEN *",
		"* 0.000 SYN-SENT |-- SYN SEQ=0 WND=* MSS=14[46]0 SACKOK TS WS=* -*->| SYN-RECEIVED *" MS,
		"*" MS " ESTABLISHED |<-*- SYN,ACK SEQ=0 ACK=1 WND=* MSS=14[46]0 SACKOK TS WS=* --| *" MS,
		"*" MS " |-- ACK SEQ=1 ACK=1 WND=6[0-9][0-9][0-9][0-9] -*->| ESTABLISHED *" MS,
		"*" MS " |-- PSH,ACK SEQ=1 ACK=1 LEN=5 WND=6[0-9][0-9][0-9][0-9] -*->| *" MS,
		"*" MS " |<-*- ACK SEQ=1 ACK=6 WND=* --| *" MS,
		"*" MS " FIN-WAIT-1 |-- FIN,ACK SEQ=6 ACK=1 WND=* -*->| CLOSE-WAIT *" MS,
		"*" MS " FIN-WAIT-2 |<-*- ACK SEQ=1 ACK=7 WND=* --| *" MS,
		"*" MS " TIME-WAIT |<-*- FIN,ACK SEQ=1 ACK=7 WND=* --| LAST-ACK *" MS,
		"*" MS " |-- ACK SEQ=7 ACK=2 WND=* -*->| CLOSED *" MS,
	};
	bool one_end = client_view->stack != XTCP;
	unsigned int port = see_new_port(), client_port, i = 0;
	int listener, client, server;
	char *text, *line, *in_lines, octets[5];
	struct row row;

	tracing_forget();
	listener = see_listen(see_net.b, view, view->b, port);
	client = see_connect(see_net.a, client_view, view->b, port);
	client_port = stack_port(client);
	server = see_must(accept(listener, NULL, NULL), "accept");
	see_must(write(client, "hello", 5), "write");
	see_must(read(server, octets, 5), "read");
	CHECK(WAIT_FOR(rows_find(see_net.a, client_view->proc, client_port, port, &row) == 1 && !row.tx_queue, SOON),
	      "0");
	close(client);
	see_wait_row(see_net.a, client_view, client_port, port, TCP_FIN_WAIT2);
	close(server);
	see_wait_row(see_net.a, client_view, client_port, port, TCP_TIME_WAIT);
	CHECK(WAIT_FOR(rows_find(see_net.b, view->proc, port, client_port, &row) == 0, SOON), "closed");
	close(listener);

	/* a slow machine may take a minute to draw, and the record would end meanwhile */
	tracing_set("tracing_on", "0");
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ladder --plain --port %u " TRACE "/trace", port);
	tracing_set("tracing_on", "1");
	line = strtok_r(text, "\n", &in_lines);
	CHECK(line && !!strstr(line, "not in this trace") == one_end, "%s", line);
	while ((line = strtok_r(NULL, "\n", &in_lines))) {
		if (strstr(line, "timer)"))
			continue;
		if (one_end) {	/* the same rungs, and the right column alone */
			CHECK(!strstr(line, "SYN-SENT") && !strstr(line, "FIN-WAIT"), "%s", line);
			i++;
			continue;
		}
		CHECK(i < 10 && !fnmatch(both[i], line, 0), "row %u: %s", i, line);
		i++;
	}
	CHECK(i == 10, "%u rows", i);
	see_report(one_end ? "the ladder of one end" : "the ladder of a connection", view->name);
}

/*
 * The other end's netfilter drops the first segment with text and lets its repetition pass: the ladder shows where it
 * ended, who noticed, and the repetition; the plot, which has the same trace, tells how much was lost.
 */
static void draw_loss(const struct see_view *view)
{
	static const char *const want[] = {
		" LEN=5 ", "X |", "(tail loss probe timer)", "(resent) -", "(tail loss probe sent)", NULL
	};
	unsigned int port = see_new_port(), i;
	int listener, client, server;
	char *text, *at, octets[5];

	tracing_forget();
	see_must(ns_shell(see_net.b, "nft 'add table inet lose;"
			  "add chain inet lose in { type filter hook prerouting priority -300; };"
			  "add rule inet lose in tcp dport %u tcp flags & psh == psh"
			  " limit rate 1/hour burst 1 packets drop'", port) ? -1 : 0, "nft");
	listener = see_listen(see_net.b, view, view->b, port);
	client = see_connect(see_net.a, view, view->b, port);
	server = see_must(accept(listener, NULL, NULL), "accept");
	see_must(write(client, "hello", 5), "write");
	see_must(read(server, octets, 5), "read");	/* the repetition */
	see_must(ns_shell(see_net.b, "nft delete table inet lose") ? -1 : 0, "nft");

	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-ladder --plain --fold --port %u " TRACE "/trace", port);
	for (i = 0, at = text; want[i] && at; i++) {
		at = strstr(at, want[i]);
		CHECK(at, "\"%s\" in its place in:\n%s", want[i], text);
	}
	text = see_shell(see_net.b, 0, "scripts/tools/xtcp-plot --plain --port %u --svg /tmp/see.svg " TRACE
			 "/trace && tail -n 1 /tmp/see.svg", port);
	see_says(text, "segments: 2 sent, 1 lost, 1 resent");
	see_says(text, "tail loss probe sent");
	see_says(text, "</svg>");
	close_each(client, server, listener);
	see_report("the ladder and the plot of a segment that is lost", view->name);
}

int main(void)
{
	see_begin(5);
	tracing_start("see");
	tracing_set("trace_clock", "global");
	tracing_set("events/xtcp/enable", "1");
	draw_ladder(XTCP4, XTCP4);
	draw_ladder(XTCP6, XTCP6);
	draw_ladder(KERNEL4, XTCP4);
	draw_loss(XTCP4);
	draw_loss(XTCP6);
	tracing_set("events/xtcp/enable", "0");
	tracing_stop();
	return see_end();
}
