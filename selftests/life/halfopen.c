// SPDX-License-Identifier: GPL-2.0
/*
 * All namespaces together keep as many half-open entries as fit in a small part of the memory. A listener in one
 * namespace, with room for more in its SYN queue, is flooded until it keeps none: then a listener in another one,
 * whose queue is empty, answers by cookie as well, over IPv4 and IPv6, and keeps entries again once those are gone.
 *
 *	tun0 --- namespace "flooded" --- sink		namespace a --- veth0 --- namespace b
 *	 SYNs        xtcp             SYN-ACKs		 kernel TCP                  xtcp
 */
#include <sys/sysinfo.h>
#include "lib/test.h"
#include "tun.h"
#include "wire.h"

NEEDS_PROGRAMS("ip");

#define SERVER		"10.8.0.1"
#define PORT		7000
#define BACKLOG		4000000
#define STEP		1024		/* SYNs between two looks */
#define PART		128		/* of the memory is for entries */
#define LEAST_ENTRY	96		/* octets */
#define MOST_ENTRY	128
#define AWHILE_MS	240000
#define RETRIES		12		/* an entry outlives that */

static struct ns_pair net;
static int flooded, tun;
static unsigned int syns;

static void make_network(void)
{
	must(!ns_pair_make(&net), "namespaces");
	flooded = must_have(ns_make(), "namespace");
	tun = must_have(tun_open(flooded, "tun0"), "tun");
	must(!ns_shell(flooded, "ip addr add " SERVER "/24 dev tun0 && ip link set tun0 up &&"
		       "ip link add sink type dummy && ip addr add 10.98.0.1/24 dev sink && ip link set sink up &&"
		       "ip route add 10.64.0.0/12 via 10.98.0.2"), "routes");
	must(!ns_sysctl_set(flooded, "net.core.somaxconn", "%d", BACKLOG) &&
	     !ns_sysctl_set(flooded, "net.xtcp.synack_retries", "%d", RETRIES), "sysctls");
}

/* Each from an address and port that sent none yet. */
static void send_syn(void)
{
	const struct in_addr from = { htonl(0x0a400001 + syns / 32768) };	/* 10.64.0.1 and up */

	tun_inject(tun, inet_ntoa(from), SERVER, &(struct wire_segment){
		.sport = 1024 + syns % 32768, .dport = PORT, .seq = syns, .flags = WIRE_SYN, .win = 64240,
	});
	syns++;
}

static long long counted(int ns, const char *name)
{
	return counter_now(ns, "/proc/net/xtcp_netstat", name);
}

/* The flood goes on until a SYN leaves no entry; that many are kept. */
static long fill(void)
{
	const long long deadline = wait_now_ms() + AWHILE_MS;

	while (!counted(flooded, "TcpExt:SyncookiesSent")) {
		must_say(wait_now_ms() <= deadline, "%u SYNs, and each leaves an entry", syns);
		for (int i = 0; i < STEP; i++)
			send_syn();
	}
	return rows_queues(flooded, SERVER).syn_len;
}

/* The flooded listener has no room for another one either. */
static bool is_full(void)
{
	long long sent = counted(flooded, "TcpExt:SyncookiesSent");

	send_syn();
	return WAIT_FOR(counted(flooded, "TcpExt:SyncookiesSent") == sent + 1, STACK_DEADLINE_MS);
}

static bool opens(int listener, const char *addr)
{
	int client = must_have(stack_connected(net.a, KERNEL, addr, PORT), "connect"), server;
	bool ok;

	server = must_have(accept(listener, NULL, NULL), "accept");
	ok = stack_carries(client, server, 3000) && stack_carries(server, client, 3000);
	close_each(client, server);
	return ok;
}

static long long syns_again(void)
{
	return counter_now(net.a, "/proc/net/netstat", "TcpExt:TCPSynRetrans");
}

/* One cookie for each SYN that came before the connection was there: the client may have repeated it. */
static bool opens_by_cookie(int listener, const char *addr)
{
	long long sent = counted(net.b, "TcpExt:SyncookiesSent"), recv = counted(net.b, "TcpExt:SyncookiesRecv");
	long long again = syns_again();
	bool ok = opens(listener, addr);
	struct listed_queues q = rows_queues(net.b, addr);

	again = syns_again() - again;
	sent = counted(net.b, "TcpExt:SyncookiesSent") - sent;
	recv = counted(net.b, "TcpExt:SyncookiesRecv") - recv;
	if (ok && sent >= 1 && sent <= 1 + again && recv == 1 && !q.syn_peak && q.declined == sent && q.sent == sent &&
	    q.recv == 1)
		return true;
	ksft_print_msg("%s: %lld cookies sent, %lld came back, %ld entries, %ld declined, %lld SYNs repeated\n", addr,
		       sent, recv, q.syn_peak, q.declined, again);
	return false;
}

static bool keeps_an_entry(int listener, const char *addr)
{
	long sent = rows_queues(net.b, addr).sent;

	return opens(listener, addr) && rows_queues(net.b, addr).sent == sent && rows_queues(net.b, addr).syn_peak == 1;
}

int main(void)
{
	const char *const addrs[] = { NS_B4, NS_B6 };
	int big, small[2], i;
	struct sysinfo info;
	long kept, share;

	ksft_print_header();
	/* some 500 SYNs in a second, of 200,000 */
	if (release_is_debug()) {
		printf("1..1\nok 1 halfopen # SKIP the kernel cannot keep so many entries at once: it is too slow\n");
		return KSFT_PASS;
	}
	ksft_set_plan(6);
	make_network();
	big = stack_listener(flooded, XTCP, SERVER, PORT, true);
	must(big >= 0 && !listen(big, BACKLOG), "listen");
	for (i = 0; i < 2; i++) {
		small[i] = stack_listener(net.b, XTCP, addrs[i], PORT, true);
		must(small[i] >= 0 && !stack_patience(small[i], SO_RCVTIMEO, STACK_DEADLINE_MS * 1000), "listen");
	}
	kept = fill();
	must(!sysinfo(&info), "sysinfo");
	share = (unsigned long long)info.totalram * info.mem_unit / PART;
	ksft_print_msg("%ld half-open entries in %lu octets of memory\n", kept, info.totalram * info.mem_unit);
	ksft_test_result(kept >= share / MOST_ENTRY && kept <= share / LEAST_ENTRY, "the entries have their share\n");
	for (i = 0; i < 2; i++)
		ksft_test_result(opens_by_cookie(small[i], addrs[i]), "%s, an empty queue: a cookie\n", addrs[i]);
	ksft_test_result(is_full() && rows_queues(flooded, SERVER).syn_len == kept,
			 "all that while there was no room\n");
	close(big);
	for (i = 0; i < 2; i++)
		ksft_test_result(WAIT_FOR(keeps_an_entry(small[i], addrs[i]), STACK_DEADLINE_MS),
				 "%s: an entry again when they are gone\n", addrs[i]);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
