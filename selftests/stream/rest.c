// SPDX-License-Identifier: GPL-2.0
/*
 * A connection that is quiet for half a minute gives back most of the memory that its text needed,
 * and nobody notices: counts of xtcp_stream's slab by exact delta, TCP_INFO and a listing by netlink
 * before and after, text in both directions afterwards, another congestion control meanwhile, a lost
 * allocation. With unread text it does not rest. Both ends are xtcp's.
 */
#include "lib/test.h"

#define PORT		5360
#define REST_S		40

static struct ns_pair net;
static struct slabs begun;

static long streams(void)
{
	struct slabs now;
	int i;

	slabs_read(&now);
	for (i = 0; strcmp(slabs_names[i], "xtcp_stream"); i++)
		;
	return now.active[i] - begun.active[i];
}

/* Looking each millisecond would take the debug kernel minutes. */
static bool become(long n)
{
	for (int i = 0; i < REST_S && streams() != n; i++)
		sleep(1);
	return streams() == n;
}

/* What text leaves in TCP_INFO, in which nothing changes while nothing comes. */
static bool same_numbers(const struct tcp_info *a, const struct tcp_info *b)
{
	return a->tcpi_bytes_acked == b->tcpi_bytes_acked && a->tcpi_bytes_received == b->tcpi_bytes_received &&
	       a->tcpi_bytes_sent == b->tcpi_bytes_sent && a->tcpi_data_segs_out == b->tcpi_data_segs_out &&
	       a->tcpi_data_segs_in == b->tcpi_data_segs_in && a->tcpi_delivered == b->tcpi_delivered &&
	       a->tcpi_reordering == b->tcpi_reordering && a->tcpi_busy_time == b->tcpi_busy_time &&
	       a->tcpi_rcv_rtt == b->tcpi_rcv_rtt && a->tcpi_rcv_space == b->tcpi_rcv_space &&
	       a->tcpi_snd_cwnd == b->tcpi_snd_cwnd && a->tcpi_ato == b->tcpi_ato &&
	       a->tcpi_delivery_rate == b->tcpi_delivery_rate;
}

struct seen {
	int rows;
	uint64_t sent;
};

static void note(const struct diag_row *row, void *arg)
{
	const struct tcp_info *info = row->attr[INET_DIAG_INFO];
	struct seen *seen = arg;

	seen->rows++;
	if (info)
		seen->sent += info->tcpi_bytes_sent;
}

static struct seen listing;

static int list(void *v6)
{
	const struct diag_query query = { .stack = XTCP, .v6 = v6, .states = 1 << TCP_ESTABLISHED, .ext = 0xff };

	listing = (struct seen) {};
	return diag_dump(&query, note, &listing);
}

static void rests(bool v6)
{
	struct tcp_info before, after;
	int client, server;
	bool ok;

	slabs_read(&begun);
	stack_pair_or_die(net.a, XTCP, net.b, XTCP, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	must(!streams(), "no text, no data state");
	must(stack_carries(client, server, 100) && stack_carries(server, client, 200), "text");
	ok = streams() == 2;
	before = info_of(client);
	ok &= become(0);
	after = info_of(client);
	ok &= same_numbers(&before, &after) && after.tcpi_last_data_recv >= 29000;
	ok &= ns_call(net.a, list, v6 ? "v6" : NULL) == 1 && listing.sent == 100 && !streams();
	ksft_test_result(ok, "IPv%c: both ends rest, and are listed as before\n", v6 ? '6' : '4');

	ok = stack_carries(client, server, 300) && streams() == 2 && stack_carries(server, client, 1);
	after = info_of(client);
	ok &= after.tcpi_bytes_sent == 400 && after.tcpi_bytes_received == 201 && after.tcpi_data_segs_out == 2;
	ksft_test_result(ok, "IPv%c: they go on\n", v6 ? '6' : '4');

	ok = become(0);
	ok &= !setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) && !streams();
	/* this one has state that TCP_CC_INFO shows */
	ok &= !setsockopt(server, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5) && streams() == 1;
	ok &= stack_carries(client, server, 20000) && stack_carries(server, client, 20000) && streams() == 2;
	ok &= info_of(server).tcpi_bytes_sent == 20201;
	ksft_test_result(ok, "IPv%c: another congestion control meanwhile\n", v6 ? '6' : '4');

	/* the server's cannot rest now; the client's does, with its window */
	ok = become(1);
	if (failing_begin()) {
		failing_all(0);
		ok &= send(client, "x", 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
		failing_all(-1);
		ok &= streams() == 1;
	}
	ok &= stack_carries(client, server, 1);
	close_each(client, server);
	ksft_test_result(ok, "IPv%c: without memory for its data state it goes on resting\n", v6 ? '6' : '4');
}

/* Not while there is text that nobody has read, nor while one is closed. */
static void stays(void)
{
	int client, server, others[2];
	bool ok;

	slabs_read(&begun);
	stack_pair_or_die(net.a, XTCP, net.b, XTCP, NS_B4, PORT, &client, &server);
	must(stack_carries(client, server, 1) && stack_carries(server, client, 1), "text");
	must(send(client, "u", 1, 0) == 1 && WAIT_FOR(stack_unread(server) == 1, STACK_DEADLINE_MS), "unread text");
	stack_pair_or_die(net.a, XTCP, net.b, XTCP, NS_B4, PORT + 1, &others[0], &others[1]);
	must(stack_carries(others[0], others[1], 1) && stack_carries(others[1], others[0], 1), "text");
	ok = become(1);
	ok &= stack_gives(server, "u", 1);
	ok &= stack_carries(server, client, 1);
	ksft_test_result(ok, "with unread text it does not rest\n");
	/* one end closes while both rest */
	ok = !shutdown(others[0], SHUT_WR) && stack_at_end(others[1]) && stack_carries(others[1], others[0], 5);
	close_each(others[0], others[1], client, server);
	ksft_test_result(ok, "a FIN ends the rest of both\n");
}

int main(void)
{
	test_begin(10);
	must(!ns_pair_make(&net), "namespaces");
	rests(false);
	rests(true);
	stays();
	ns_pair_close(&net);
	ksft_finished();
}
