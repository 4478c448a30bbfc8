// SPDX-License-Identifier: GPL-2.0
/*
 * A year of connections that only timers keep alive, of each stack with each, over both IP versions:
 *
 * - idle, with SO_KEEPALIVE and its defaults: after 365 days they carry text both ways. Then the peer vanishes, and
 *   each ends by the rules: two hours after the last segment and nine intervals of 75 s;
 * - stalled for 60 days, since nobody reads: the peer answers every probe of its window, and then all octets arrive
 *   (RFC 9293 section 3.8.6.1, MUST-37);
 * - a listener to which nobody connects for a year.
 *
 * A timer of the kernel may be late by an eighth of its time, and is never early. Kernel TCP has the same timers, so it
 * is the measure: no connection of xtcp may end later than its slowest one.
 */
#include "lib/test.h"
#include "lib/virtual.h"

#define N		8		/* two stacks at each end, two IP versions */
#define PORT		5500
#define STALL		(60 * VIRTUAL_DAY)
#define IDLE_S		7200
#define END_S		(IDLE_S + 9 * 75)
#define LATEST_S	(END_S + END_S / 8)
#define SLOWER_S	10		/* than kernel TCP's slowest */

struct conn {
	enum stack from, to;
	const char *addr;
	char name[64];
	int client, server;
	long long filled;
	uint64_t last;			/* the last text; its ACK comes a little later */
	double ended_s;
};

static struct ns_pair net;
static struct conn idle[N], stalled[N];

static void open_all(struct conn *all, int port)
{
	for (unsigned int i = 0; i < N; i++) {
		all[i] = (struct conn) { .from = i & 1 ? XTCP : KERNEL, .to = i & 2 ? XTCP : KERNEL,
					 .addr = i & 4 ? NS_B6 : NS_B4 };
		snprintf(all[i].name, sizeof(all[i].name), "%s to %s, IPv%c", stack_name(all[i].from),
			 stack_name(all[i].to), i & 4 ? '6' : '4');
		stack_pair_or_die(net.a, all[i].from, net.b, all[i].to, all[i].addr, port + i, &all[i].client,
				  &all[i].server);
	}
}

static char octet(long long n)
{
	return n ^ n >> 8 ^ n >> 16;
}

static void fill(struct conn *c)
{
	static char out[10000];
	ssize_t n;

	for (;;) {
		for (int i = 0; i < (int)sizeof(out); i++)
			out[i] = octet(c->filled + i);
		n = send(c->client, out, sizeof(out), MSG_DONTWAIT);
		if (n <= 0)
			return;
		c->filled += n;
	}
}

static bool arrives_whole(struct conn *c)
{
	static char in[10000];
	long long got = 0;
	ssize_t n;

	shutdown(c->client, SHUT_WR);
	while ((n = recv(c->server, in, sizeof(in), 0)) > 0) {
		for (int i = 0; i < n; i++)
			if (in[i] != octet(got + i))
				return false;
		got += n;
	}
	if (n || got != c->filled)
		ksft_print_msg("%s: %lld of %lld octets, %s\n", c->name, got, c->filled, n ? strerror(errno) : "end");
	return !n && got == c->filled;
}

static bool carries_both_ways(const struct conn *c)
{
	return stack_carries(c->client, c->server, 1000) && stack_carries(c->server, c->client, 1000) &&
	       stack_carries(c->client, c->server, 1);
}

/* Waits until all have ended, or until an hour after the last one should have. */
static void wait_for_ends(void)
{
	const uint64_t latest = virtual_now() + (LATEST_S + 3600) * VIRTUAL_S;
	struct pollfd fds[N];
	unsigned int i, open = N;
	int ms;

	for (i = 0; i < N; i++)
		fds[i] = (struct pollfd) { .fd = idle[i].client };
	while (open) {
		ms = ((long long)latest - (long long)virtual_now()) / 1000000;
		if (ms <= 0 || poll(fds, N, ms) <= 0)
			return;
		for (i = 0; i < N; i++) {
			if (fds[i].fd >= 0 && fds[i].revents) {
				idle[i].ended_s = (virtual_now() - idle[i].last) / 1e9;
				fds[i].fd = -1;
				open--;
			}
		}
	}
}

static void judge_ends(void)
{
	double slowest = 0;
	int err;

	for (unsigned int i = 0; i < N; i++)
		if (idle[i].from == KERNEL && idle[i].ended_s > slowest)
			slowest = idle[i].ended_s;
	for (unsigned int i = 0; i < N; i++) {
		err = stack_error(idle[i].client);
		ksft_print_msg("%s: ended after %.3f s, %s\n", idle[i].name, idle[i].ended_s, strerror(err));
		ksft_test_result(err == ETIMEDOUT && idle[i].ended_s >= END_S && idle[i].ended_s <= LATEST_S &&
				 (idle[i].from == KERNEL || idle[i].ended_s <= slowest + SLOWER_S),
				 "%s: the peer vanishes, the connection ends in time\n", idle[i].name);
	}
}

/* Counts the probes: each connection sends one every two hours, or a little later. */
static void judge_probes(const char *file, enum stack stack, uint64_t year)
{
	const long long probes = counter_now(net.a, file, "TcpExt:TCPKeepAlive");
	const long long most = N / 2 * (long long)(year / VIRTUAL_S) / IDLE_S;

	ksft_test_result(probes <= most && probes >= most * 8 / 9, "%s: %lld probes in a year, %lld at most\n",
			 stack_name(stack), probes, most);
}

static int listener[2], addr_port[2] = { PORT + 100, PORT + 101 };

static void meet_listener(enum stack stack)
{
	int client = stack_connected(net.a, KERNEL, NS_B4, addr_port[stack]);
	int server = accept(listener[stack], NULL, NULL);

	ksft_test_result(client >= 0 && server >= 0 && stack_carries(client, server, 1000),
			 "%s: the first one comes to the listener\n", stack_name(stack));
	close_each(client, server);
}

int main(int argc, char **argv)
{
	const uint64_t year = (argc > 1 ? atoi(argv[1]) : 365) * VIRTUAL_DAY;
	uint64_t begin;
	char in;

	ksft_print_header();
	virtual_or_skip();
	ksft_set_plan(4 * N + 4);
	virtual_sleep_until(2 * VIRTUAL_S);
	must(!ns_pair_make(&net), "namespaces");
	sides_know_each_other(&net);
	open_all(idle, PORT);
	open_all(stalled, PORT + 20);
	for (unsigned int i = 0; i < 2; i++) {
		listener[i] = stack_listener(net.b, i ? XTCP : KERNEL, NS_B4, addr_port[i], false);
		must(listener[i] >= 0, "listener");
	}
	begin = virtual_now();
	for (unsigned int i = 0; i < N; i++) {
		must(carries_both_ways(&idle[i]), "text");
		must(!stack_set(idle[i].client, SOL_SOCKET, SO_KEEPALIVE, 1), "SO_KEEPALIVE");
		fill(&stalled[i]);
	}

	virtual_sleep_until(begin + (STALL < year ? STALL : year / 2));
	for (unsigned int i = 0; i < N; i++)
		ksft_test_result(arrives_whole(&stalled[i]), "%s: %lld octets, of which nobody read one for 60 days\n",
				 stalled[i].name, stalled[i].filled);

	virtual_sleep_until(begin + year);
	judge_probes("/proc/net/netstat", KERNEL, virtual_now() - begin);
	judge_probes("/proc/net/xtcp_netstat", XTCP, virtual_now() - begin);
	meet_listener(KERNEL);
	meet_listener(XTCP);
	for (unsigned int i = 0; i < N; i++) {
		ksft_test_result(carries_both_ways(&idle[i]), "%s: text after a year\n", idle[i].name);
		idle[i].last = virtual_now();
	}

	virtual_sleep_until(virtual_now() + VIRTUAL_S);
	must(!netem_gate(net.a, "veth0", false) && !netem_gate(net.b, "veth0", false), "gates");
	wait_for_ends();
	judge_ends();

	/* the peers do not know this yet; what they send now belongs to no connection */
	must(!netem_gate(net.a, "veth0", true) && !netem_gate(net.b, "veth0", true), "gates");
	for (unsigned int i = 0; i < N; i++)
		ksft_test_result(send(idle[i].server, "", 1, MSG_NOSIGNAL) == 1 &&
				 recv(idle[i].server, &in, 1, 0) < 0 && errno == ECONNRESET,
				 "%s: the peer comes back and learns of the end\n", idle[i].name);
	ksft_finished();
}
