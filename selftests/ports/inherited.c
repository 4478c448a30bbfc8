// SPDX-License-Identifier: GPL-2.0
/*
 * A port that a connection has left over from its listener: what kernel TCP's bind() gets there, from the first close()
 * on. Either the listener closes after accept(), or a later member of its group inherits the connection from its queue
 * (net.xtcp.migrate_req, net.ipv4.tcp_migrate_req) and closes, too. Each member has SO_REUSEADDR or not; the socket
 * that binds has SO_REUSEADDR, SO_REUSEPORT, both or none, listens or not, and is root's or another user's. Kernel TCP
 * has to answer as beside such sockets of its own of another user: SO_REUSEPORT lets nobody in.
 */
#include "lib/test.h"

#define LO4	"127.0.0.1"
#define PORT	9500
#define USER	1000
#define ASKS	16	/* kinds of sockets that bind */

enum { REUSEADDR = 1, REUSEPORT = 2, LISTENS = 4, ROOT = 8 };
enum { BOTH, CONNECTION, NOBODY, TIMES };	/* who has the port */

static const char * const times[] = { "its listener listens", "the connection alone has it", "nobody has it" };

static int ns;

static void set(int fd, int option, bool on)
{
	must(!on || !stack_set(fd, SOL_SOCKET, option, 1), "option");
}

static int member(enum stack stack, bool reuse, int port)
{
	union stack_addr addr = stack_addr(LO4, port);
	int fd = must_have(stack_socket(ns, stack, LO4), "socket");

	set(fd, SO_REUSEPORT, true);
	set(fd, SO_REUSEADDR, reuse);
	must(!bind(fd, &addr.sa, sizeof(addr.in)) && !listen(fd, 8), "member");
	return fd;
}

static void wait_for_child(int listener)
{
	must(stack_poll(listener, POLLIN, STACK_DEADLINE_MS), "a connection to accept");
}

/* What each kind of socket of kernel TCP gets: 0, the error of bind(), or that of listen() and 1000. */
static void ask(int port, bool may_be_root, int *got)
{
	union stack_addr addr = stack_addr(LO4, port);
	int bits, fd;

	for (bits = 0; bits < ASKS; bits++) {
		fd = stack_socket(ns, KERNEL, LO4);
		must(fd >= 0 && ((bits & ROOT && may_be_root) || !fchown(fd, USER, -1)), "socket");
		set(fd, SO_REUSEADDR, bits & REUSEADDR);
		set(fd, SO_REUSEPORT, bits & REUSEPORT);
		got[bits] = bind(fd, &addr.sa, sizeof(addr.in)) ? errno : 0;
		if (!got[bits] && bits & LISTENS && listen(fd, 1))
			got[bits] = 1000 + errno;
		close(fd);
	}
}

/* @has_heir: the connection waits in the queue of its listener until that closes. */
static void play(enum stack stack, bool has_heir, bool first_reuses, bool heir_reuses, int port, int got[TIMES][ASKS])
{
	int first = member(stack, first_reuses, port), heir = -1, client, child;
	/* root's sockets of kernel TCP with SO_REUSEPORT would be members */
	const bool may_be_root = stack == XTCP;

	client = must_have(stack_connected(ns, KERNEL, LO4, port), "connection");
	wait_for_child(first);
	if (has_heir) {
		heir = member(stack, heir_reuses, port);
		close(first);
		wait_for_child(heir);
	}
	child = must_have(accept(has_heir ? heir : first, NULL, NULL), "accept");
	ask(port, may_be_root, got[BOTH]);
	close(has_heir ? heir : first);
	ask(port, may_be_root, got[CONNECTION]);
	must(!stack_reset_at_close(child) && !close(child), "RST");
	ask(port, may_be_root, got[NOBODY]);
	close(client);
}

static void compare(bool has_heir, bool first_reuses, bool heir_reuses)
{
	const int port = PORT + has_heir * 4 + first_reuses * 2 + heir_reuses;
	int got[2][TIMES][ASKS], time, bits, wrong;

	play(KERNEL, has_heir, first_reuses, heir_reuses, port, got[KERNEL]);
	play(XTCP, has_heir, first_reuses, heir_reuses, port, got[XTCP]);
	for (time = 0; time < TIMES; time++) {
		for (wrong = 0, bits = 0; bits < ASKS; bits++) {
			if (got[XTCP][time][bits] == got[KERNEL][time][bits])
				continue;
			wrong++;
			ksft_print_msg("options %#x: %d, wanted %d\n", bits, got[XTCP][time][bits],
				       got[KERNEL][time][bits]);
		}
		ksft_test_result(!wrong, "%s %s%s, %s\n", has_heir ? "an heir" : "accepted",
				 first_reuses ? "from a listener with SO_REUSEADDR" : "from a listener without it",
				 !has_heir ? "" : heir_reuses ? " to one with it" : " to one without it", times[time]);
	}
	must(!got[XTCP][NOBODY][0] && got[XTCP][CONNECTION][0] == EADDRINUSE, "an exclusive bind is judged");
}

int main(void)
{
	test_begin(6 * TIMES);
	ns = ns_make();
	must(ns >= 0 && !ns_sysctl_set(ns, "net.xtcp.migrate_req", "1") &&
	     !ns_sysctl_set(ns, "net.ipv4.tcp_migrate_req", "1"), "namespace");
	for (int bits = 0; bits < 2; bits++)
		compare(false, bits, false);
	for (int bits = 0; bits < 4; bits++)
		compare(true, bits & 1, bits & 2);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
