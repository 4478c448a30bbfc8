// SPDX-License-Identifier: GPL-2.0
/*
 * How many ACKs come for a stream when its sender asks for an ACK of each R segments (net.xtcp.ack_rate_request,
 * XTCP_ACK_RATE): by the rule of the rate exactly, over both IPs, in a guest, too.
 *
 * The first window is lost, so that slow start ends once cwnd is large again. Then the segments and the ACKs of a
 * second stretch are counted, and how many of these ACKs the receiver's timer sent: each other one has to be for R
 * segments. Listings by sock_diag show R at both ends.
 */
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define PORT		5417
#define WINDOW		400	/* segments */
#define STRETCH		800
#define SEGMENT		1400
#define BUFFER		(16 << 20)
#define PATH		"/proc/net/xtcp_netstat"

struct seen {
	unsigned int segments, acks;
	long long by_timer, short_ones, sent, received;
	struct xtcp_ack_rate client, server;
};

struct looking {
	struct diag_query query;
	int port, peer_port;
	bool is_there;
	struct xtcp_ack_rate rate;
};

static char text[STRETCH * SEGMENT];

static bool all_acknowledged(int fd)
{
	const struct tcp_info info = info_of(fd);

	return !info.tcpi_unacked && !info.tcpi_notsent_bytes;
}

static void send_all(int fd, int len)
{
	must(send(fd, text, len, 0) == len, "send");
}

/* Slow start ends when cwnd reaches ssthresh, and cwnd grows only while it is used. */
static bool slow_start_is_over(int client, int server)
{
	static char octets[STRETCH * SEGMENT];
	const struct tcp_info info = info_of(client);

	while (recv(server, octets, sizeof(octets), MSG_DONTWAIT) > 0)
		;
	if (info.tcpi_snd_cwnd >= info.tcpi_snd_ssthresh)
		return true;
	send_all(client, WINDOW * SEGMENT);
	must(WAIT_FOR(all_acknowledged(client), STACK_DEADLINE_MS), "more of slow start");
	return false;
}

static long long count(int ns, const char *name)
{
	return counter_now(ns, PATH, name);
}

/* What is not dropped takes a while, so that the whole window is in flight. */
static void drop_all(int ns, bool all)
{
	const struct netem netem = { .loss = all ? 1000000 : 0, .delay_ms = all ? 0 : 10 };

	must(!netem_set(ns, "veth0", &netem), "netem");
}

static int look(void *arg)
{
	static struct diag_copy copy;
	struct looking *looking = arg;

	must(diag_find(&looking->query, looking->port, looking->peer_port, &copy) == 1, "sock_diag");
	looking->is_there = copy.row.ack_rate;
	if (copy.row.ack_rate)
		looking->rate = *copy.row.ack_rate;
	return 0;
}

static struct xtcp_ack_rate rates_of(int ns, bool v6, int port, int peer_port)
{
	struct looking looking = {
		.query = { .stack = XTCP, .v6 = v6, .ext = 0xff }, .port = port, .peer_port = peer_port,
	};

	must(!ns_call(ns, look, &looking) && looking.is_there, "XTCP_DIAG_ACK_RATE");
	return looking.rate;
}

static bool shows_none(int ns, int port)
{
	struct looking looking = { .query = { .stack = XTCP, .ext = 0xff }, .port = port, .peer_port = PORT };

	must(!ns_call(ns, look, &looking), "namespace");
	return !looking.is_there;
}

/* A SYN has announced the option, but no SYN answers; then it is refused. */
static void not_agreed(const struct ns_pair *net, const char *where)
{
	int fd = stack_socket(net->a, XTCP, NS_B4), port;
	bool waits, ends;

	must(fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK), "socket");
	drop_all(net->a, true);
	must(stack_connect(fd, NS_B4, PORT) && errno == EINPROGRESS, "connect");
	port = stack_port(fd);
	waits = shows_none(net->a, port);
	drop_all(net->a, false);
	must(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), "refused");
	ends = shows_none(net->a, port);
	ksft_test_result(waits && ends, "%s: no rates without the peer's SYN\n", where);
	close(fd);
}

static struct seen transfer(const struct ns_pair *net, bool v6, int rate)
{
	int listener, client, server, got;
	struct tcp_info before, after;
	struct seen seen = { 0 };
	socklen_t len = sizeof(got);
	const int room = BUFFER;

	listener = must_have(stack_listener(net->b, XTCP, v6 ? NS_B6 : NS_B4, PORT, true), "listener");
	must(!setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	     !setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), "SO_RCVBUF");
	client = must_have(stack_socket(net->a, XTCP, v6 ? NS_B6 : NS_B4), "socket");
	must(!setsockopt(client, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	     !setsockopt(client, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), "SO_SNDBUF");
	must(!setsockopt(client, IPPROTO_TCP, XTCP_ACK_RATE, &rate, sizeof(rate)), "XTCP_ACK_RATE");
	must(!getsockopt(client, IPPROTO_TCP, XTCP_ACK_RATE, &got, &len) && got == rate, "XTCP_ACK_RATE");
	must(!stack_connect(client, v6 ? NS_B6 : NS_B4, PORT), "connect");
	server = must_have(accept(listener, NULL, NULL), "accept");

	seen.sent = -count(net->a, "TcpExt:TCPAckRateSent");
	seen.received = -count(net->b, "TcpExt:TCPAckRateRecv");
	drop_all(net->a, true);
	send_all(client, WINDOW * SEGMENT);
	drop_all(net->a, false);
	must(WAIT_FOR(all_acknowledged(client), STACK_DEADLINE_MS), "the first window");
	must(WAIT_FOR(slow_start_is_over(client, server), STACK_DEADLINE_MS), "the end of slow start");

	seen.by_timer = -count(net->b, "TcpExt:DelayedACKs");
	seen.short_ones = -count(net->a, "TcpExt:TCPAckRateSent");
	before = info_of(client);
	send_all(client, STRETCH * SEGMENT);
	must(WAIT_FOR(all_acknowledged(client), STACK_DEADLINE_MS), "the second stretch");
	after = info_of(client);
	seen.segments = after.tcpi_data_segs_out - before.tcpi_data_segs_out;
	seen.acks = after.tcpi_segs_in - before.tcpi_segs_in;
	seen.by_timer += count(net->b, "TcpExt:DelayedACKs");
	seen.short_ones += count(net->a, "TcpExt:TCPAckRateSent");
	seen.sent += count(net->a, "TcpExt:TCPAckRateSent");
	seen.received += count(net->b, "TcpExt:TCPAckRateRecv");
	seen.client = rates_of(net->a, v6, stack_port(client), PORT);
	seen.server = rates_of(net->b, v6, PORT, stack_port(client));
	ksft_print_msg("rate %d: %u segments, %lld short, %u ACKs, %lld by the timer; %lld requests, %lld taken\n",
		       rate, seen.segments, seen.short_ones, seen.acks, seen.by_timer, seen.sent, seen.received);
	close_each(client, server, listener);
	return seen;
}

/*
 * Is each ACK but those of the timer for as many full segments? The timer's are for fewer, and for the last segment,
 * which is not full. Nor is one with a request, since the option takes room from its text: an ACK may be for it, too.
 */
static bool is_rate(const struct seen *seen, int rate)
{
	const long long by_rate = seen->acks - seen->by_timer;

	return seen->segments >= rate * by_rate + seen->by_timer &&
	       seen->segments <= rate * by_rate + (rate - 1) * seen->by_timer + !!seen->by_timer + seen->short_ones;
}

static void both_rates(const struct ns_pair *net, const char *where)
{
	static const int rates[] = { 1, 2, 8, 40 };
	struct seen seen, usual = { 0 };

	must(!ns_sysctl_set(net->a, "net.xtcp.ack_rate_request", "1") &&
	     !ns_sysctl_set(net->b, "net.xtcp.ack_rate_request", "1"), "ack_rate_request");
	/* each segment is a packet, so that each counts */
	must(!ns_link_gso_max_segs(net->a, "veth0", 1) && !ns_link_offloads(net->a, "veth0", false) &&
	     !ns_link_offloads(net->b, "veth0", false), "bundles");
	must(!ns_shell(net->a, "ip route add " NS_B4 " dev veth0 initcwnd %d && "
		       "ip route add " NS_B6 " dev veth0 initcwnd %d", WINDOW, WINDOW), "initcwnd");
	for (unsigned int v6 = 0; v6 < 2; v6++)
		for (unsigned int i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
			seen = transfer(net, v6, rates[i]);
			if (rates[i] == 2)
				usual = seen;
			ksft_test_result(is_rate(&seen, rates[i]) && seen.received && seen.received <= seen.sent &&
					 (rates[i] < 8 || 2 * seen.acks < usual.acks) &&
					 seen.client.asked == rates[i] && !seen.client.given &&
					 seen.server.given == rates[i] && !seen.server.asked,
					 "%s, IPv%c: an ACK for each %d segments\n", where, v6 ? '6' : '4', rates[i]);
		}
	not_agreed(net, where);
}

int main(void)
{
	struct ns_pair net;

	test_begin(18);
	must(!ns_pair_make(&net), "namespaces");
	both_rates(&net, "namespace");
	ns_pair_close(&net);
	net.a = ns_make_guest();
	net.b = ns_make_guest();
	must(net.a >= 0 && net.b >= 0 && !ns_join(net.a, net.b, "veth0"), "guests");
	must(!ns_addr_add(net.a, "veth0", NS_A4 "/24") && !ns_addr_add(net.b, "veth0", NS_B4 "/24") &&
	     !ns_addr_add(net.a, "veth0", NS_A6 "/64") && !ns_addr_add(net.b, "veth0", NS_B6 "/64"), "addresses");
	both_rates(&net, "guest");
	ksft_finished();
}
