// SPDX-License-Identifier: GPL-2.0
/*
 * connect() of one stack after many short connections of the other. Ports that one stack has in TIME-WAIT towards some
 * destinations must be free for the other one towards others. The two stacks never share a 4-tuple.
 *
 * All in one namespace, over its loopback device; the servers are kernel TCP's. With an argument the range of ports is
 * the default one, with 100,000 connections before 1,000.
 */
#include "lib/test.h"

NEEDS_PROGRAMS("ip nft");

#define PORT		7500
#define DESTINATIONS	10
#define LOW		30000
#define PORTS		120	/* too few for a reserve */
#define FEW		200
#define FEW_KEPT	20
#define RANGE		(release_is_debug() ? 1024 : RANGE_MAX)	/* a large one, of which kernel TCP keeps so many */
#define RANGE_MAX	4000
#define RESERVE		(RANGE / 4)
#define MANY_PORTS	(release_is_debug() ? 2048 : 8192)	/* of 8,192 kernel TCP keeps an eighth */
#define MANY_KEPT	(release_is_debug() ? 240 : 1000)
#define EACH		48	/* connections to each destination: fewer than half of the ports */

static int ns, listener, ports, each, later;

static int connect_to(enum stack stack, int number)
{
	char text[32];

	snprintf(text, sizeof(text), "127.0.0.%d", number);
	return stack_connected(ns, stack, text, PORT);
}

/* A connection that the client closes first: TIME-WAIT is the client's. */
static bool short_connection(enum stack stack, int number)
{
	int client = connect_to(stack, number), server;

	if (client < 0)
		return false;
	server = stack_accept_or_die(listener);
	close(client);
	must(stack_at_end(server), "a client's close() did not arrive");
	close(server);
	return true;
}

static int short_connections(enum stack stack, int first, int destinations, int count)
{
	int i, made = 0;

	for (i = 0; i < count; i++)
		made += short_connection(stack, first + i % destinations);
	return made;
}

/* Connections that stay, to one destination, until none is had or there are @count. */
static int keep(enum stack stack, int number, int *clients, int *servers, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		clients[i] = connect_to(stack, number);
		if (clients[i] < 0)
			break;
		servers[i] = stack_accept_or_die(listener);
	}
	return i;
}

static void drop(int *clients, int *servers, int count)
{
	while (count--) {
		stack_abort(clients[count]);
		stack_abort(servers[count]);
	}
}

static void new_ns(void)
{
	if (ns > 0)
		close_each(listener, ns);
	ns = ns_make();
	if (ns < 0 || ns_sysctl_set(ns, "net.xtcp.tw_reuse", "0") || ns_sysctl_set(ns, "net.ipv4.tcp_tw_reuse", "0") ||
	    (ports && ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW + ports - 1)))
		ksft_exit_fail_msg("no namespace: %s\n", strerror(errno));
	listener = stack_listener(ns, KERNEL, "0.0.0.0", PORT, true);
	must(listener >= 0 && !listen(listener, 100), "cannot listen");
}

/* Of those before, no destination has more than half of the ports. */
static void after_many(enum stack before, enum stack after)
{
	int made, got;

	new_ns();
	made = short_connections(before, 1, DESTINATIONS, each * DESTINATIONS);
	got = short_connections(after, 100, 1, later);
	ksft_test_result(made == each * DESTINATIONS && got == later,
			 "after %d short connections of %s, %d of %d of %s to another destination\n", made,
			 stack_name(before), got, later, stack_name(after));
}

/* A user's TIME-WAIT towards one destination has every port of @all that xtcp takes. */
static void after_one(int all, int kept)
{
	int made = 0, got;

	ports = all;
	new_ns();
	/* a slow machine may take longer for them than the minute that a record lives */
	must(!ns_sysctl_set(ns, "net.xtcp.max_tw_buckets", "%d", all) &&
	     !ns_sysctl_set(ns, "net.xtcp.timewait_ms", "240000"), "sysctl");
	while (made < all && short_connection(XTCP, 1))
		made++;
	got = short_connections(KERNEL, 100, 1, kept);
	ksft_print_msg("%d of xtcp, %d of kernel TCP\n", made, got);
	ksft_test_result(made > all / 2 && made < all && got == kept,
			 "after all that xtcp can have of %d to one destination, %d of kernel TCP to another one\n",
			 all, kept);
}

/* Kernel TCP's TIME-WAIT is on every port. */
static void beside_timewait(void)
{
	int clients[PORTS], servers[PORTS], more[PORTS], more_servers[PORTS], made, got, bound, again;

	new_ns();
	made = short_connections(KERNEL, 1, 1, PORTS);
	bound = connect_to(XTCP, 1);
	ksft_test_result(made == PORTS && bound < 0 && errno == EADDRNOTAVAIL,
			 "kernel TCP's TIME-WAIT on %d ports keeps its 4-tuples from xtcp\n", made);
	got = keep(XTCP, 2, clients, servers, PORTS);
	ksft_test_result(got == PORTS, "xtcp has %d of these ports to another destination\n", got);
	bound = stack_bound(ns, KERNEL, "127.0.0.1", LOW + 7, true);
	ksft_test_result(bound < 0 && errno == EADDRINUSE, "where kernel TCP binds none\n");
	bound = connect_to(KERNEL, 3);
	ksft_test_result(bound < 0 && errno == EADDRNOTAVAIL, "nor has one for its own connect()\n");
	again = keep(XTCP, 3, more, more_servers, PORTS);
	ksft_test_result(again == PORTS, "but xtcp for a third destination: %d\n", again);
	drop(more, more_servers, again);
	drop(clients, servers, got);
	got = keep(KERNEL, 3, clients, servers, PORTS);
	ksft_test_result(got == PORTS, "when these have ended, kernel TCP has %d beside its TIME-WAIT\n", got);
	again = keep(XTCP, 3, more, more_servers, 1);
	ksft_test_result(!again && errno == EADDRNOTAVAIL, "whose 4-tuples are not for xtcp\n");
	again = keep(XTCP, 4, more, more_servers, PORTS);
	ksft_test_result(again == PORTS, "others are, beside connections, too: %d\n", again);
	drop(more, more_servers, again);
	drop(clients, servers, got);
}

/* A user who takes all ports towards one destination leaves kernel TCP some of a large range. */
static void reserve(void)
{
	static int clients[RANGE_MAX], servers[RANGE_MAX];
	bool refused;
	int got;

	ports = RANGE;
	new_ns();
	got = keep(XTCP, 1, clients, servers, RANGE);
	refused = errno == EADDRNOTAVAIL;
	ksft_test_result(got == RANGE - RESERVE && refused, "xtcp has %d of %d ports to one destination\n", got, RANGE);
	ksft_test_result(short_connections(KERNEL, 2, 2, 2 * RESERVE) == 2 * RESERVE,
			 "kernel TCP has the other %d for each of two others\n", RESERVE);
	ksft_test_result(connect_to(XTCP, 1) < 0 && errno == EADDRNOTAVAIL, "which xtcp does not get after it\n");
	drop(clients, servers, got);
}

/* A program that bound a port lets no client's lease in beside it, whatever its options and its TIME-WAIT. */
static void beside_bind(void)
{
	int fd, client, server;

	new_ns();
	must(!ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW), "cannot set the range of ports");
	fd = stack_bound(ns, KERNEL, "127.0.0.1", LOW, true);
	client = connect_to(XTCP, 2);
	ksft_test_result(fd >= 0 && client < 0 && errno == EADDRNOTAVAIL, "a port that is bound is not shared\n");
	must(!stack_connect(fd, "127.0.0.1", PORT), "connect");
	server = stack_accept_or_die(listener);
	client = connect_to(XTCP, 2);
	ksft_test_result(client < 0 && errno == EADDRNOTAVAIL, "nor when it has connected\n");
	close(fd);
	must(stack_at_end(server), "the client's close() did not arrive");
	close(server);
	client = connect_to(XTCP, 2);
	ksft_test_result(client < 0 && errno == EADDRNOTAVAIL, "nor its TIME-WAIT\n");
}

static int device_clients[PORTS + 1], device_servers[PORTS + 1];

/* Connects kernel TCP to @port of @text, bound to the loopback device, until no port is left. */
static int keep_on_device(const char *text, int port, int server)
{
	int i, fd;

	for (i = 0; i < PORTS + 1; i++) {
		fd = stack_socket(ns, KERNEL, text);
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")))
			ksft_exit_fail_msg("a socket of a device: %s\n", strerror(errno));
		if (stack_connect(fd, text, port)) {
			close(fd);
			break;
		}
		device_clients[i] = fd;
		device_servers[i] = accept(server, NULL, NULL);
	}
	return i;
}

/* As beside_timewait(). Any user may bind a socket to a device, so xtcp must not lose whole ports to it. */
static void beside_device(const char *its, const char *text, const char *any)
{
	int clients[PORTS], made, got = 0, to_same, there[2], i;
	bool refused;

	new_ns();
	for (i = 0; i < 2; i++)
		there[i] = must_have(stack_listener(ns, KERNEL, any, PORT + 1 + i, true), "cannot listen");
	made = keep_on_device(its, PORT + 1, there[0]);
	to_same = stack_connected(ns, XTCP, text, PORT + 1);
	refused = to_same < 0 && errno == EADDRNOTAVAIL;
	while (got < PORTS && (clients[got] = stack_connected(ns, XTCP, text, PORT + 2)) >= 0)
		got++;
	ksft_test_result(made == PORTS && got == PORTS,
			 "%s: beside kernel TCP on a device, on %d ports, xtcp has %d to another destination\n", its,
			 made, got);
	to_same = stack_connected(ns, XTCP, text, PORT + 1);
	ksft_test_result(refused && to_same < 0 && errno == EADDRNOTAVAIL, "%s: and none of its 4-tuples\n", its);
	stack_close(clients, got);
	drop(device_clients, device_servers, made);
	close_each(there[0], there[1]);
}

/* Return a sock whose SYN nobody answers. */
static int connect_in_vain(enum stack stack, const char *to)
{
	int fd = stack_socket(ns, stack, to);

	if (!stack_begin(must_have(fd, "no socket"), to, PORT))
		return fd;
	close(fd);
	return -1;
}

/* Kernel TCP's sock binds to a device when it has its 4-tuple. Return a sock of @stack that has the same one. */
static int same_tuple(enum stack stack)
{
	int first, other, same;

	new_ns();
	if (ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW) ||
	    ns_shell(ns, "ip link add d0 type dummy && ip link set d0 up && ip addr add 10.6.0.1/24 dev d0"))
		ksft_exit_fail_msg("cannot make a device\n");
	first = connect_in_vain(KERNEL, "10.6.0.2");
	/* a sock of xtcp: its lease comes in before the other sock binds to the device */
	other = connect_in_vain(stack, "10.6.0.3");
	same = connect_in_vain(stack, "10.6.0.2");
	if (first < 0 || other < 0 || same >= 0 || errno != EADDRNOTAVAIL)
		ksft_exit_fail_msg("%s shares a 4-tuple without a device\n", stack_name(stack));
	must(!setsockopt(first, SOL_SOCKET, SO_BINDTODEVICE, "d0", sizeof("d0")), "SO_BINDTODEVICE");
	same = connect_in_vain(stack, "10.6.0.2");
	close_each(first, other);
	return same;
}

static void device_afterwards(void)
{
	int same;

	for (enum stack stack = KERNEL; stack <= XTCP; stack++) {
		same = same_tuple(stack);
		ksft_test_result(same >= 0, "%s has the 4-tuple of a sock that was bound to a device afterwards\n",
				 stack_name(stack));
		close(same);
	}
}

/* The error ends connect(): xtcp looks at it, since it has a listener at that port, and passes it on. */
static void error_beside(const char *its, const char *ours, const char *to)
{
	struct pollfd p = { .events = POLLOUT };
	int listener_of_xtcp, err = 0;

	new_ns();
	if (ns_shell(ns, "nft 'add table inet wall; add chain inet wall in { type filter hook input priority 0; };"
		     "add rule inet wall in tcp dport %d reject with icmpx type admin-prohibited'", PORT + 3))
		ksft_exit_fail_msg("nft\n");
	listener_of_xtcp = stack_listener(ns, XTCP, ours, LOW + 1, true);
	p.fd = stack_bound(ns, KERNEL, its, LOW + 1, true);
	/* while connect() runs the error is only noted: the one about the next SYN ends it */
	must(listener_of_xtcp >= 0 && p.fd >= 0 && !stack_begin(p.fd, to, PORT + 3), "a port of both");
	if (poll(&p, 1, STACK_DEADLINE_MS) == 1)
		err = stack_error(p.fd);
	ksft_test_result(err == EHOSTUNREACH || err == EACCES,
			 "%s: an ICMP error reaches kernel TCP from a port that xtcp has, too\n", its);
	close_each(p.fd, listener_of_xtcp);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 8192, 8192 };

	test_begin(4 + 2 + 8 + 3 + 3 + 6 + 2 + 2);
	setrlimit(RLIMIT_NOFILE, &files);
	ports = argc > 1 ? 0 : PORTS;
	each = argc > 1 ? 10000 : EACH;
	later = argc > 1 ? 1000 : EACH;
	after_many(KERNEL, KERNEL);
	after_many(XTCP, XTCP);
	after_many(KERNEL, XTCP);
	after_many(XTCP, KERNEL);
	after_one(FEW, FEW_KEPT);
	after_one(MANY_PORTS, MANY_KEPT);
	ports = PORTS;
	beside_timewait();
	reserve();
	ports = PORTS;
	beside_bind();
	beside_device("127.0.0.1", "127.0.0.1", "0.0.0.0");
	beside_device("::1", "::1", "::");
	beside_device("::ffff:127.0.0.1", "127.0.0.1", "::");
	device_afterwards();
	error_beside("127.0.0.2", "127.0.0.3", "127.0.0.1");
	error_beside("::1", "127.0.0.3", "::1");
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
