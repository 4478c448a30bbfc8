// SPDX-License-Identifier: GPL-2.0
/* What keeps a network namespace alive: a descriptor of xtcp's in it, but nothing that no program holds. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <kselftest.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ns.h"
#include "rows.h"
#include "stack.h"
#include "tcpstate.h"
#include "wait.h"

#define PORT	7100

static int link_index(void *name)
{
	return if_nametoindex(name);
}

/* The other end of a veth goes with its namespace. */
static bool has_link(int ns)
{
	return ns_call(ns, link_index, "veth0") > 0;
}

static bool has_state(int ns, int port, unsigned int state)
{
	return rows_state(ns, "/proc/net/xtcp", 0, port) == (int)state ||
	       rows_state(ns, "/proc/net/xtcp", port, 0) == (int)state;
}

static void namespace_dies(void)
{
	int orphan, timewait, server, server_of_orphan, listener, half_open, client;
	struct ns_pair dying;
	bool there;

	if (ns_pair_make(&dying))
		ksft_exit_fail_msg("no namespaces\n");
	stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, NS_B4, PORT, &timewait, &server);
	shutdown(timewait, SHUT_WR);
	stack_at_end(server);
	close(server);
	close(timewait);
	ksft_test_result(WAIT_FOR(has_state(dying.a, PORT, TCP_TIME_WAIT), STACK_DEADLINE_MS),
			 "a TIME-WAIT record\n");

	stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, NS_B4, PORT + 1, &orphan, &server_of_orphan);
	listener = stack_listener(dying.a, XTCP, NS_A4, PORT + 2, true);
	client = stack_connected(dying.b, KERNEL, NS_A4, PORT + 2);
	if (ns_shell(dying.b, "nft 'add table ip lost; add chain ip lost in { type filter hook input priority 0; };"
		     "add rule ip lost in drop'"))
		ksft_exit_fail_msg("no nft\n");
	send(orphan, "abc", 3, 0);
	close(orphan);
	ksft_test_result(WAIT_FOR(has_state(dying.a, PORT + 1, TCP_FIN_WAIT1), STACK_DEADLINE_MS), "an orphan\n");
	half_open = stack_socket(dying.b, KERNEL, NS_A4);
	fcntl(half_open, F_SETFL, O_NONBLOCK);
	stack_connect(half_open, NS_A4, PORT + 2);
	there = WAIT_FOR(rows_state(dying.a, "/proc/net/xtcp", PORT + 2, stack_port(half_open)) == TCP_SYN_RECV,
			 STACK_DEADLINE_MS);
	ksft_test_result(there && client >= 0, "a half-open entry, and a connection not accepted\n");
	close(listener);
	close(dying.a);
	ksft_test_result(WAIT_FOR(!has_link(dying.b), STACK_DEADLINE_MS), "do not keep a namespace alive\n");
	close(half_open);
	close(client);
	close(server_of_orphan);
	close(dying.b);
}

static void descriptor_keeps_namespace(void)
{
	struct ns_pair dying;
	int client, server;

	if (ns_pair_make(&dying))
		ksft_exit_fail_msg("no namespaces\n");
	stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, NS_B4, PORT, &client, &server);
	close(dying.a);
	ksft_test_result(stack_carries(client, server, 10000) && stack_carries(server, client, 10000) &&
			 has_link(dying.b), "a descriptor keeps its namespace alive and working\n");
	close(client);
	ksft_test_result(WAIT_FOR(!has_link(dying.b), STACK_DEADLINE_MS), "until it is closed\n");
	close(server);
	close(dying.b);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(6);
	namespace_dies();
	descriptor_keeps_namespace();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
