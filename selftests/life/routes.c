// SPDX-License-Identifier: GPL-2.0
/*
 * What routes say of a connection, and what it makes of a route that changes under it: an advertised MSS too small to
 * be one; large segments for a device without segmentation, also after another route has come; a peer to which there is
 * no way any more.
 */
#include <linux/ethtool.h>
#include "lib/test.h"

NEEDS_PROGRAMS("ip nft");

#define PORT	7400
#define LARGE	20000	/* more than any device takes */

static struct ns_pair net;

static int mss_of(int fd)
{
	return info_of(fd).tcpi_snd_mss;
}

/* Less than timestamps take: the least that an MSS may be is used, 88 as in Linux. */
static void tiny_advmss(enum stack client_stack, enum stack server_stack)
{
	int ns = ns_make(), client, server;

	must(ns >= 0 && !ns_shell(ns, "ip route replace local 127.0.0.1 dev lo table local advmss 12"), "route");
	stack_pair_or_die(ns, client_stack, ns, server_stack, "127.0.0.1", PORT, &client, &server);
	ksft_test_result(stack_carries(client, server, 10000) && stack_carries(server, client, 10000) &&
			 mss_of(client) == mss_of(server) && mss_of(client) == 88 - 12,
			 "%s to %s by a route with an MSS of 12: segments of 76 octets\n", stack_name(client_stack),
			 stack_name(server_stack));
	close_each(client, server, ns);
}

/* How many segments xtcp made since the last call, and the longest one. */
static int segments(int *longest)
{
	FILE *file = tracing_open();
	char line[512], *at;
	int n = 0;

	*longest = 0;
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "xtcp_segment_out:");
		at = at ? strstr(at, " len=") : NULL;
		if (!at)
			continue;
		n++;
		if (atoi(at + 5) > *longest)
			*longest = atoi(at + 5);
	}
	fclose(file);
	tracing_forget();
	return n;
}

/* A megabyte in large pieces; the longest segment of it. */
static int longest_of_a_stream(int client, int server)
{
	static char octets[256 * 1024];
	int left = 1024 * 1024, n, longest;

	while (left) {
		n = send(client, octets, left < (int)sizeof(octets) ? left : (int)sizeof(octets), 0);
		must(n > 0, "send");
		left -= n;
		while (n > 0)
			n -= recv(server, octets, n, MSG_WAITALL);
		must(!n, "recv");
	}
	segments(&longest);
	return longest;
}

static void large_segments(bool v6)
{
	int client, server, before, after, large = 1024 * 1024;

	stack_pair_or_die(net.a, XTCP, net.b, KERNEL, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	must(!setsockopt(client, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large)), "SO_SNDBUF");
	/* the windows have to grow first */
	longest_of_a_stream(client, server);
	before = longest_of_a_stream(client, server);
	/* another way to the same place, which is not taken, makes what is known of the first one stale */
	must(!ns_shell(net.a, v6 ? "ip -6 route add fd00:9::/64 dev veth0 metric 2048" :
			      "ip route add 10.9.0.0/24 dev veth0 metric 2048"), "route");
	longest_of_a_stream(client, server);
	after = longest_of_a_stream(client, server);
	if (before < LARGE || after < LARGE)
		ksft_print_msg("longest segment %d, then %d\n", before, after);
	ksft_test_result(before >= LARGE && after >= LARGE,
			 "IPv%c: large segments to a device without GSO, after a change of routes too\n",
			 v6 ? '6' : '4');
	close_each(client, server);
}

static long long no_routes(bool v6)
{
	const char *name = "Ip6OutNoRoutes";
	char *text, *at;
	long long n;

	if (!v6)
		return counter_now(net.a, "/proc/net/snmp", "Ip:OutNoRoutes");
	text = ns_read_file(net.a, "/proc/net/snmp6");
	at = text ? strstr(text, name) : NULL;
	must(at, name);
	n = atoll(at + strlen(name));
	free(text);
	return n;
}

/* Adds to @sent what was sent since the last call. */
static int sent_so_far(int *sent)
{
	int longest;

	return *sent += segments(&longest);
}

/* Each segment that finds no way is counted once, and the connection goes on when there is one again. */
static void no_route(enum stack stack, bool v6)
{
	const char *prefix = v6 ? "-6 route %s fd00:9::/64 dev veth0" : "route %s 10.9.0.0/24 dev veth0";
	int client, server, sent = 0;
	long long before;
	char line[96], octet;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	must(stack_carries(client, server, 1000), "data");
	snprintf(line, sizeof(line), prefix, "del");
	while (!ns_shell(net.a, "ip %s 2>/dev/null", line))
		;	/* with every metric */
	before = no_routes(v6);
	sent_so_far(&sent);
	sent = 0;
	must(send(client, "?", 1, 0) == 1, "send");
	must(WAIT_FOR(no_routes(v6) >= before + 4, STACK_DEADLINE_MS), "segments without a route");
	if (stack == KERNEL)
		ksft_test_result_pass("kernel TCP, IPv%c: counts segments that find no way\n", v6 ? '6' : '4');
	else	/* one may just be on its way */
		ksft_test_result(WAIT_FOR(sent_so_far(&sent) == no_routes(v6) - before, STACK_DEADLINE_MS / 4),
				 "xtcp, IPv%c: counts each of them once\n", v6 ? '6' : '4');
	snprintf(line, sizeof(line), prefix, "add");
	must(!ns_shell(net.a, "ip %s", line), "route");
	ksft_test_result(recv(server, &octet, 1, 0) == 1, "%s, IPv%c: and arrives when there is one\n",
			 stack_name(stack), v6 ? '6' : '4');
	close_each(client, server);
}

/* A hook of netfilter for what leaves: it sees the SYN-ACK once, and the SYN-ACK is good. */
static void passes_output(enum stack stack, bool v6)
{
	int client, server;

	must(!ns_shell(net.b, "nft 'add table inet leaves;"
		       "add chain inet leaves out { type filter hook output priority 0; };"
		       "add rule inet leaves out tcp flags & (syn | ack) == syn | ack counter'"), "nft");
	stack_pair_or_die(net.a, KERNEL, net.b, stack, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	ksft_test_result(!ns_shell(net.b, "nft list chain inet leaves out | grep -q 'packets 1 '") &&
			 stack_carries(client, server, 100), "%s, IPv%c: a SYN-ACK passes OUTPUT\n",
			 stack_name(stack), v6 ? '6' : '4');
	must(!ns_shell(net.b, "nft delete table inet leaves"), "nft");
	close_each(client, server);
}

int main(void)
{
	test_begin(4 + 2 * 2 + 2 + 2 * 2 * 2);
	tracing_start("routes");
	must(!ns_pair_make(&net), "namespaces");
	must(!ns_link_offload(net.a, "veth0", ETHTOOL_SGSO, false), "GSO");
	tiny_advmss(KERNEL, KERNEL);
	tiny_advmss(KERNEL, XTCP);
	tiny_advmss(XTCP, KERNEL);
	tiny_advmss(XTCP, XTCP);
	for (int v6 = 0; v6 < 2; v6++) {
		passes_output(KERNEL, v6);
		passes_output(XTCP, v6);
	}
	tracing_set("events/xtcp/xtcp_segment_out/enable", "1");
	/* what a slow machine's rate brings in a millisecond may be two segments */
	must(!ns_sysctl_set(net.a, "net.xtcp.min_tso_segs", "44"), "min_tso_segs");
	for (int v6 = 0; v6 < 2; v6++)
		large_segments(v6);
	for (int v6 = 0; v6 < 2; v6++) {
		no_route(KERNEL, v6);
		no_route(XTCP, v6);
	}
	ns_pair_close(&net);
	tracing_stop();
	ksft_finished();
}
