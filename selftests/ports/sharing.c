// SPDX-License-Identifier: GPL-2.0
/*
 * Two users on one port: nobody binds beside another user's listener because of a bind that is not any more what it
 * was. A group that is TIME-WAIT alone, or that let in another user by an option that it set later, is no reason to let
 * its own user in beside that other one's listener, whose SYNs would go to both. Nor is a place in a VRF that is gone
 * in the way. Kernel TCP is asked the same. Then a device that moves to a VRF and back, with places of ours on it.
 */
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define LO4	"127.0.0.1"
#define ANY	"0.0.0.0"
#define PORT	9300
#define SERVER	9400
#define ONE	1000	/* two users */
#define OTHER	1001

static int ns;

/* A socket of this user's, with SO_REUSEPORT or with SO_REUSEADDR. */
static int open_as(enum stack stack, uid_t uid, int option)
{
	int fd = stack_socket(ns, stack, LO4);

	must(fd >= 0 && !fchown(fd, uid, -1), "socket");
	must(!stack_set(fd, SOL_SOCKET, option, 1), "option");
	return fd;
}

static int bind_at(int fd, const char *text, int port)
{
	union stack_addr addr = stack_addr(text, port);

	return bind(fd, &addr.sa, sizeof(addr.in));
}

static int bind_to(int fd, int port)
{
	return bind_at(fd, LO4, port);
}

static bool is_refused(enum stack stack, uid_t uid, int option, int port)
{
	int fd = open_as(stack, uid, option);
	bool refused = bind_to(fd, port) && errno == EADDRINUSE;

	close(fd);
	return refused;
}

/* @fd, which is bound, connects and closes first. */
static void leave_timewait(enum stack stack, int fd, int port)
{
	const char *path = stack == KERNEL ? "/proc/net/tcp" : "/proc/net/xtcp";
	int listener = stack_listener(ns, KERNEL, LO4, SERVER, true), server;

	must(listener >= 0 && !stack_connect(fd, LO4, SERVER), "connection");
	server = accept(listener, NULL, NULL);
	close(fd);
	must(stack_at_end(server), "FIN");
	close(server);
	must(WAIT_FOR(rows_state(ns, path, port, SERVER) == 6, STACK_DEADLINE_MS), "TIME-WAIT");
	close(listener);
}

/* ONE's group is TIME-WAIT alone: OTHER may listen there, and from then on ONE may not come back. */
static void records_vouch_for_nobody(enum stack stack, int port)
{
	int first = open_as(stack, ONE, SO_REUSEPORT), listener;

	must(!bind_to(first, port), "bind");
	leave_timewait(stack, first, port);
	listener = open_as(stack, OTHER, SO_REUSEPORT);
	must(!bind_to(listener, port) && !listen(listener, 1), "listener beside TIME-WAIT");
	ksft_test_result(is_refused(stack, ONE, SO_REUSEPORT, port),
			 "%s: a group that is TIME-WAIT alone lets nobody in beside another user's listener\n",
			 stack == KERNEL ? "kernel TCP" : "xtcp");
	close(listener);
}

/* ONE's member gets SO_REUSEADDR after bind(), which lets OTHER in; ONE's next member has no such option. */
static void lax_one_vouches_for_nobody(enum stack stack, int port)
{
	int first = open_as(stack, ONE, SO_REUSEPORT), listener = open_as(stack, OTHER, SO_REUSEADDR);

	must(!bind_to(first, port), "bind");
	must(!stack_set(first, SOL_SOCKET, SO_REUSEADDR, 1), "option");
	must(!bind_to(listener, port) && !listen(listener, 1), "listener by SO_REUSEADDR");
	ksft_test_result(is_refused(stack, ONE, SO_REUSEPORT, port),
			 "%s: nor does one that has let in that listener by SO_REUSEADDR set later\n",
			 stack == KERNEL ? "kernel TCP" : "xtcp");
	close_each(listener, first);
}

static void link_or_fail(const char *command)
{
	must(!ns_shell(ns, "%s", command), command);
}

/* Kernel TCP would look for the place where the VRF's are, not find it, and warn. */
static void device_moves(void)
{
	int quiet = open_as(XTCP, 0, SO_REUSEADDR), active = open_as(XTCP, 0, SO_REUSEADDR);
	int late;

	link_or_fail("ip link add veth0 type veth peer name veth1 && ip link set veth1 up");
	must(!ns_addr_add(ns, "veth0", NS_A4 "/24") && !ns_link_up(ns, "veth0", true), "address");
	link_or_fail("ip link add vrf0 type vrf table 10 && ip link set vrf0 up");
	must(!setsockopt(quiet, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 6) &&
	     !setsockopt(active, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 6), "SO_BINDTODEVICE");
	must(!bind_at(quiet, ANY, PORT + 10) && !bind_at(active, ANY, PORT + 11), "bind");
	link_or_fail("ip link set veth0 master vrf0");
	ksft_test_result(listen(quiet, 1) && errno == EADDRINUSE, "a device is in a VRF now: listen() fails\n");
	ksft_test_result(stack_connect(active, NS_B4, SERVER) && errno == EADDRNOTAVAIL, "and so does connect()\n");
	late = open_as(XTCP, 0, SO_REUSEADDR);
	must(!bind_at(late, ANY, PORT + 12) && !setsockopt(late, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 6),
	     "SO_BINDTODEVICE after bind");
	ksft_test_result(listen(late, 1) && errno == EADDRINUSE, "who moves into the VRF after bind() cannot listen\n");
	close(late);
	link_or_fail("ip link set veth0 nomaster");
	ksft_test_result(!listen(quiet, 1), "it is in none again: listen() succeeds\n");
	link_or_fail("ip link set veth0 master vrf0");
	close_each(quiet, active);
	ksft_test_result(!is_refused(KERNEL, 0, SO_REUSEADDR, PORT + 10) &&
			 !is_refused(KERNEL, 0, SO_REUSEADDR, PORT + 11), "places in a VRF are given back\n");
	link_or_fail("ip link del veth0 && ip link del vrf0");
}

/* The VRF is gone, but not the places in it: they are beside those that the device has now. */
static void device_leaves(enum stack stack, int port)
{
	int fds[2], i;

	link_or_fail("ip link add dummy0 type dummy && ip addr add " NS_A4 " dev dummy0 && ip link set dummy0 up &&"
		     "ip link add vrf0 type vrf table 10 && ip link set vrf0 up && ip link set dummy0 master vrf0");
	for (i = 0; i < 2; i++) {
		fds[i] = stack_socket(ns, stack, LO4);
		must(!setsockopt(fds[i], SOL_SOCKET, SO_BINDTODEVICE, "dummy0", 7), "SO_BINDTODEVICE");
		if (i)
			link_or_fail("ip link set dummy0 nomaster");
		else
			must(!bind_at(fds[i], NS_A4, port), "bind");
	}
	ksft_test_result(!bind_at(fds[1], NS_A4, port), "%s: a place in a VRF is in nobody's way outside\n",
			 stack == KERNEL ? "kernel TCP" : "xtcp");
	close_each(fds[0], fds[1]);
	link_or_fail("ip link del dummy0 && ip link del vrf0");
}

int main(void)
{
	test_begin(stack_count() * 3 + 5);
	ns = must_have(ns_make(), "namespace");
	for (int stack = stack_first(); stack <= XTCP; stack++) {
		records_vouch_for_nobody(stack, PORT + stack);
		lax_one_vouches_for_nobody(stack, PORT + 2 + stack);
		device_leaves(stack, PORT + 4 + stack);
	}
	device_moves();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
