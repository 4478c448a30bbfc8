// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: one (address, port) belongs to one stack, and the other is told so;
 * ephemeral ports; kernel TCP's connections stay kernel TCP's.
 *
 * All in one namespace, over its loopback device, but for what needs two. The
 * whole matrix of binds is in cross_ports.c.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <kselftest.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "counters.h"
#include "ns.h"
#include "rows.h"
#include "stack.h"
#include "wait.h"

#define PORT	7000
#define LO4	"127.0.0.1"
#define LO6	"::1"

static int ns;

/* bind() must fail with EADDRINUSE; whatever it does is closed again. */
static bool bind_is_refused(enum stack stack, const char *text, int port, bool reuse)
{
	int fd = stack_bound(ns, stack, text, port, reuse), error = errno;

	if (fd < 0)
		return error == EADDRINUSE;
	close(fd);
	return false;
}

static bool bind_works(enum stack stack, const char *text, int port, bool reuse)
{
	int fd = stack_bound(ns, stack, text, port, reuse);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool listen_is_refused(int fd)
{
	return listen(fd, 1) < 0 && errno == EADDRINUSE;
}

static void bound_by_one_refused_to_other(const char *first, const char *second)
{
	enum stack stack;
	int fd;

	for (stack = KERNEL; stack <= XTCP; stack++) {
		fd = stack_bound(ns, stack, first, PORT, false);
		ksft_test_result(fd >= 0 && bind_is_refused(!stack, second, PORT, false),
				 "%s on %s keeps %s on %s out\n", first, stack_name(stack), second,
				 stack_name(!stack));
		close(fd);
		ksft_test_result(bind_works(!stack, second, PORT, false), "and lets it in when it has gone\n");
	}
}

static void reuseaddr(void)
{
	enum stack stack;
	int first, second;

	for (stack = KERNEL; stack <= XTCP; stack++) {
		first = stack_bound(ns, stack, LO4, PORT, true);
		second = stack_bound(ns, !stack, LO4, PORT, true);
		ksft_test_result(first >= 0 && second >= 0, "SO_REUSEADDR: %s, then %s\n", stack_name(stack),
				 stack_name(!stack));
		ksft_test_result(!listen(first, 1) && listen_is_refused(second),
				 "but only one of them may listen\n");
		ksft_test_result(bind_is_refused(!stack, LO4, PORT, true),
				 "and a listener lets nobody in any more\n");
		close(first);
		ksft_test_result(!listen(second, 1), "until it has gone\n");
		close(second);
	}
}

/* Within xtcp, as within kernel TCP. */
static void reuseaddr_within(enum stack stack)
{
	int listener = stack_listener(ns, stack, LO4, PORT, true), a, b, port = PORT + 1 + stack;

	a = stack_bound(ns, stack, LO4, port, true);
	b = stack_bound(ns, stack, LO4, port, true);
	ksft_test_result(a >= 0 && b >= 0, "%s: two sockets share a port\n", stack_name(stack));
	ksft_test_result(!stack_connect(a, LO4, PORT), "the first of them connects\n");
	ksft_test_result(stack_connect(b, LO4, PORT) < 0 && errno == EADDRNOTAVAIL,
			 "the second cannot have the same connection\n");
	close(b);
	b = stack_bound(ns, stack, LO4, port, true);
	ksft_test_result(b >= 0 && !listen(b, 1), "a third one may listen meanwhile\n");
	close(a);
	close(b);
	close(listener);
}

/* A listener that comes and goes on the port of a connection leaves it as exclusive as it was. */
static void listener_beside_connection(void)
{
	int listener = stack_listener(ns, KERNEL, LO4, PORT + 50, true), client, passing, port = PORT + 51;

	client = stack_bound(ns, XTCP, LO4, port, true);
	if (listener < 0 || client < 0 || stack_connect(client, LO4, PORT + 50))
		ksft_exit_fail_msg("no connection\n");
	passing = stack_bound(ns, XTCP, LO4, port, true);
	ksft_test_result(passing >= 0 && !listen(passing, 1), "beside a connection on xtcp a listener on xtcp\n");
	close(passing);
	ksft_test_result(bind_is_refused(KERNEL, LO4, port, true),
			 "and when it has gone kernel TCP still cannot share the port\n");
	close(client);
	close(listener);
}

/* Both stacks bound beside each other: no tuple may be in both. */
static void same_tuple(void)
{
	int listener = stack_listener(ns, KERNEL, LO4, PORT, true), kernel, xtcp;

	kernel = stack_bound(ns, KERNEL, LO4, PORT + 3, true);
	xtcp = stack_bound(ns, XTCP, LO4, PORT + 3, true);
	ksft_test_result(!stack_connect(kernel, LO4, PORT), "kernel TCP connects from a shared port\n");
	ksft_test_result(stack_connect(xtcp, LO4, PORT) < 0 && errno == EADDRNOTAVAIL,
			 "xtcp cannot connect from it\n");
	close(kernel);
	close(xtcp);

	xtcp = stack_bound(ns, XTCP, LO4, PORT + 4, true);
	ksft_test_result(xtcp >= 0 && !stack_connect(xtcp, LO4, PORT), "xtcp connects from a port of its own\n");
	ksft_test_result(bind_is_refused(KERNEL, LO4, PORT + 4, true), "and kernel TCP cannot share it\n");
	close(xtcp);
	close(listener);
}

static void set_range(int low, int high)
{
	if (ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", low, high))
		ksft_exit_fail_msg("cannot set the range of ports\n");
}

/* Non-blocking connects to @text; the number of those that got a port, all different and in the range. */
static int connect_many(int *fds, int count, const char *text, int port, int low, int high, int *error)
{
	char seen[65536] = {};
	int i, fd, local;

	*error = 0;
	for (i = 0; i < count; i++) {
		fd = stack_socket(ns, XTCP, text);
		if (fd < 0)
			ksft_exit_fail_msg("socket: %s\n", strerror(errno));
		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (stack_connect(fd, text, port) && errno != EINPROGRESS) {
			*error = errno;
			close(fd);
			break;
		}
		fds[i] = fd;
		local = stack_port(fd);
		if (local < low || local > high || seen[local]) {
			ksft_print_msg("connection %d got port %d\n", i, local);
			return -1;
		}
		seen[local] = 1;
	}
	return i;
}

static void close_all(int *fds, int count)
{
	int i;

	for (i = 0; i < count; i++)
		close(fds[i]);
}

/* The destinations swallow SYNs: connections stay in SYN-SENT, and close() ends them at once. */
static void ephemeral(const char *text, const char *other)
{
	enum { LOW = 30000, COUNT = 300, HIGH = LOW + COUNT - 1, RESERVED = 3 };
	int fds[COUNT], more[COUNT], got, got_more, error, kernel;

	set_range(LOW, HIGH);
	ns_sysctl_set(ns, "net.ipv4.ip_local_reserved_ports", "%d-%d", LOW + 10, LOW + 10 + RESERVED - 1);
	kernel = stack_listener(ns, KERNEL, text[0] == 'f' ? "::" : "0.0.0.0", LOW + 100, false);

	got = connect_many(fds, COUNT, text, PORT, LOW, HIGH, &error);
	ksft_test_result(kernel >= 0 && got == COUNT - RESERVED - 1 && error == EADDRNOTAVAIL,
			 "to %s: %d of %d ports, then error %d\n", text, got, COUNT, error);
	got_more = connect_many(more, COUNT, other, PORT, LOW, HIGH, &error);
	ksft_test_result(got_more == got && error == EADDRNOTAVAIL,
			 "to %s: %d of the same ports\n", other, got_more);
	close_all(more, got_more);

	close(fds[got / 2]);
	fds[got / 2] = stack_socket(ns, XTCP, text);
	fcntl(fds[got / 2], F_SETFL, O_NONBLOCK);
	ksft_test_result(stack_connect(fds[got / 2], text, PORT) < 0 && errno == EINPROGRESS,
			 "a port that was given back is found again\n");
	close(kernel);
	ksft_test_result(connect_many(more, 1, text, PORT, LOW + 100, LOW + 100, &error) == 1,
			 "so is one that kernel TCP had\n");
	close_all(more, 1);
	ksft_test_result(bind_is_refused(KERNEL, "0.0.0.0", stack_port(fds[0]), true),
			 "kernel TCP cannot bind one in use\n");
	kernel = stack_socket(ns, KERNEL, text);
	fcntl(kernel, F_SETFL, O_NONBLOCK);
	ns_sysctl_set(ns, "net.ipv4.ip_local_reserved_ports", "%d-%d,%d", LOW + 10, LOW + 10 + RESERVED - 1,
		      LOW + 100);
	ksft_test_result(stack_connect(kernel, text, PORT) < 0 && errno == EADDRNOTAVAIL,
			 "and its connect() finds none free\n");
	close(kernel);
	close_all(fds, got);
	got = connect_many(fds, COUNT, text, PORT, LOW, HIGH, &error);
	ksft_test_result(got == COUNT - RESERVED - 1, "all can be had again: %d\n", got);
	close_all(fds, got);
	ns_sysctl_set(ns, "net.ipv4.ip_local_reserved_ports", "\n");
	set_range(32768, 60999);
}

enum { CROWD = 6, EACH = 400 };

static void *connect_each(void *arg)
{
	int *fds = arg, i;

	for (i = 0; i < EACH; i++) {
		fds[i] = stack_socket(ns, XTCP, "192.0.2.3");
		if (fds[i] < 0 || fcntl(fds[i], F_SETFL, O_NONBLOCK) ||
		    (stack_connect(fds[i], "192.0.2.3", PORT) && errno != EINPROGRESS)) {
			ksft_print_msg("connection %d: %s\n", i, strerror(errno));
			break;
		}
	}
	return (void *)(long)i;
}

/* Every one of them needs a lease, faster than the worker makes them. */
static void many_at_once(void)
{
	static int fds[CROWD][EACH];
	pthread_t threads[CROWD];
	long done = 0;
	void *count;
	int i;

	for (i = 0; i < CROWD; i++)
		pthread_create(&threads[i], NULL, connect_each, fds[i]);
	for (i = 0; i < CROWD; i++) {
		pthread_join(threads[i], &count);
		done += (long)count;
		close_all(fds[i], (long)count);
	}
	ksft_test_result(done == CROWD * EACH, "%ld of %d connections by %d threads at once get a port\n", done,
			 CROWD * EACH, CROWD);
}

static int connect_now(const char *text, const char *device)
{
	int fd = stack_socket(ns, XTCP, text);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)))
		ksft_exit_fail_msg("SO_BINDTODEVICE: %s\n", strerror(errno));
	if (stack_connect(fd, text, PORT) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A socket that is bound to a device chooses among the same ports; of two VRFs each has all of them. */
static void bound_to_device(void)
{
	int plain, bound, red;

	set_range(30000, 30000);
	plain = connect_now("192.0.2.1", NULL);
	bound = connect_now("192.0.2.2", "hole");
	ksft_test_result(plain >= 0 && bound >= 0, "two destinations share a port, one by a certain device\n");
	ksft_test_result(connect_now("192.0.2.1", "hole") < 0 && errno == EADDRNOTAVAIL,
			 "but not the same destination\n");
	if (ns_shell(ns, "ip link add red type vrf table 10 && ip link set red up &&"
		     "ip addr add 198.51.100.9/24 dev red && ip link add redhole type dummy &&"
		     "ip link set redhole up master red && ip route add 192.0.2.0/24 dev redhole table 10"))
		ksft_exit_fail_msg("no VRF\n");
	red = connect_now("192.0.2.1", "red");
	ksft_test_result(red >= 0, "a VRF has ports of its own\n");
	close(red);
	close(plain);
	close(bound);
	set_range(32768, 60999);
}

/* RFC 6056: where one destination's ports begin says nothing about another's, nor about another namespace's. */
static void unpredictable(void)
{
	enum { COUNT = 8 };
	int here[COUNT], there[COUNT], i, error, same = 0, in_step = 0;
	int fds[3][COUNT], other = ns_make(), back = ns;

	connect_many(fds[0], COUNT, "192.0.2.1", PORT, 1024, 65535, &error);
	connect_many(fds[1], COUNT, "192.0.2.2", PORT, 1024, 65535, &error);
	ns = other;
	ns_addr_add(ns, "lo", "198.51.100.1/24");
	ns_shell(ns, "ip route add 192.0.2.0/24 dev lo");
	connect_many(fds[2], COUNT, "192.0.2.1", PORT, 1024, 65535, &error);
	for (i = 0; i < COUNT; i++) {
		here[i] = stack_port(fds[0][i]);
		there[i] = stack_port(fds[1][i]);
		same += here[i] == stack_port(fds[2][i]);
		in_step += there[i] - here[i] == there[0] - here[0];
	}
	ksft_test_result(same < COUNT, "another namespace chooses other ports\n");
	ksft_test_result(in_step < COUNT, "another destination's ports do not go in step\n");
	for (i = 0; i < 3; i++)
		close_all(fds[i], COUNT);
	ns = back;
	close(other);
}

/* "restart the server on xtcp": what kernel TCP has accepted goes on. */
static void accepted_before_move(const char *text)
{
	int listener, client, server, new_client, new_server;

	listener = stack_listener(ns, KERNEL, text, PORT, true);
	client = stack_connected(ns, KERNEL, text, PORT);
	server = accept(listener, NULL, NULL);
	close(listener);
	listener = stack_listener(ns, XTCP, text, PORT, true);
	ksft_test_result(server >= 0 && listener >= 0, "%s: the listener moves to xtcp\n", text);
	ksft_test_result(stack_carries(client, server, 5000) && stack_carries(server, client, 5000),
			 "the connection that kernel TCP accepted goes on\n");
	new_client = stack_connected(ns, KERNEL, text, PORT);
	new_server = accept(listener, NULL, NULL);
	ksft_test_result(new_server >= 0 && stack_carries(new_client, new_server, 5000),
			 "and xtcp accepts new ones\n");
	ksft_test_result(stack_carries(client, server, 5000), "while the old one still goes on\n");
	shutdown(client, SHUT_WR);
	ksft_test_result(stack_at_end(server), "and ends as it should\n");
	close(client);
	close(server);
	close(new_client);
	close(new_server);
	close(listener);
}

/* And back: xtcp's TIME-WAIT lets kernel TCP in under the same condition as kernel TCP's own, and makes way. */
static void back_to_kernel(bool reuse)
{
	int listener, client, server, local, port = PORT + 10 + reuse;

	listener = stack_listener(ns, XTCP, LO4, port, reuse);
	client = stack_connected(ns, KERNEL, LO4, port);
	local = stack_port(client);
	server = accept(listener, NULL, NULL);
	close(listener);
	close(server);
	if (!stack_at_end(client))
		ksft_exit_fail_msg("the server's close() did not arrive\n");
	close(client);
	ksft_test_result(WAIT_FOR(rows_state(ns, "/proc/net/xtcp", port, local) == 6, STACK_DEADLINE_MS),
			 "xtcp's server is in TIME-WAIT\n");
	/* the record stands before its ACK has ended the client, whose port would be refused until then */
	if (!WAIT_FOR(rows_state(ns, "/proc/net/tcp", local, port) == 0, STACK_DEADLINE_MS))
		ksft_exit_fail_msg("the client did not end\n");
	listener = stack_listener(ns, KERNEL, LO4, port, true);
	if (!reuse) {
		ksft_test_result(listener < 0 && errno == EADDRINUSE,
				 "kernel TCP cannot listen there if the server had no SO_REUSEADDR\n");
		return;
	}
	ksft_test_result(listener >= 0, "kernel TCP can listen there\n");
	client = stack_bound(ns, KERNEL, LO4, local, true);
	ksft_test_result(client >= 0 && !stack_connect(client, LO4, port),
			 "a client comes again from the same port, to kernel TCP\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && stack_carries(client, server, 100), "and talks to it\n");
	ksft_test_result(rows_state(ns, "/proc/net/xtcp", port, local) == 0, "xtcp's TIME-WAIT made way\n");
	close(client);
	close(server);
	close(listener);
}

/* xtcp's client has closed first; kernel TCP may have its port, and then the tuple. */
static void record_beside_kernel(enum stack server_stack)
{
	int port = PORT + 60 + server_stack, local = PORT + 70 + server_stack, client, server;
	int listener = stack_listener(ns, server_stack, LO4, port, true);
	struct timeval patience = { .tv_sec = 5 };

	client = stack_bound(ns, XTCP, LO4, local, true);
	if (listener < 0 || client < 0 || stack_connect(client, LO4, port))
		ksft_exit_fail_msg("no connection\n");
	server = accept(listener, NULL, NULL);
	close(client);
	if (!stack_at_end(server))
		ksft_exit_fail_msg("the client's close() did not arrive\n");
	close(server);
	ksft_test_result(WAIT_FOR(rows_state(ns, "/proc/net/xtcp", local, port) == 6, STACK_DEADLINE_MS),
			 "xtcp's client of %s is in TIME-WAIT\n", stack_name(server_stack));
	client = stack_bound(ns, KERNEL, LO4, local, true);
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	ksft_test_result(client >= 0 && !stack_connect(client, LO4, port), "kernel TCP connects from its port\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && stack_carries(client, server, 100) &&
			 !rows_state(ns, "/proc/net/xtcp", local, port), "and xtcp's record made way\n");
	close(client);
	close(server);
	close(listener);
}

/* A connection carries something, and the server closes first. */
static bool ended_by_server(int listener, int client)
{
	int server = accept(listener, NULL, NULL);

	if (server < 0 || !stack_carries(client, server, 100))
		return false;
	close(server);
	if (!stack_at_end(client))
		return false;
	close(client);
	return true;
}

static int index_of_veth(void *unused)
{
	(void)unused;
	return if_nametoindex("veth0");
}

/* A link-local address means nothing without its link, which a record does not keep: the segment's own counts. */
static void reopen_over_link(void)
{
	enum { TO = PORT + 90, FROM = PORT + 91 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(TO) }, from = to;
	struct timeval patience = { .tv_sec = 5 };
	int listener, client, round, one = 1;
	struct ns_pair pair;
	long long drops;

	if (ns_pair_make(&pair) || ns_addr_add(pair.a, "veth0", "fe80::a/64") ||
	    ns_addr_add(pair.b, "veth0", "fe80::b/64"))
		ksft_exit_fail_msg("no namespaces\n");
	inet_pton(AF_INET6, "fe80::b", &to.sin6_addr);
	inet_pton(AF_INET6, "fe80::a", &from.sin6_addr);
	from.sin6_port = htons(FROM);
	to.sin6_scope_id = ns_call(pair.a, index_of_veth, NULL);
	from.sin6_scope_id = to.sin6_scope_id;
	listener = stack_listener(pair.b, XTCP, "::", TO, true);
	for (round = 0; round < 3; round++) {
		client = stack_socket(pair.a, KERNEL, "::1");
		setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		if (bind(client, (struct sockaddr *)&from, sizeof(from)) ||
		    connect(client, (struct sockaddr *)&to, sizeof(to)))
			break;
		if (!ended_by_server(listener, client) ||
		    !WAIT_FOR(rows_state(pair.b, "/proc/net/xtcp6", TO, FROM) == 6 &&
			      !rows_state(pair.a, "/proc/net/tcp6", FROM, TO), STACK_DEADLINE_MS))
			break;
	}
	drops = counter_now(pair.b, "/proc/net/xtcp_netstat", "TcpExt:ListenDrops");
	ksft_test_result(round == 3, "over a link %d connections from one port, by way of TIME-WAIT\n", round);
	ksft_test_result(!drops && !counter_now(pair.a, "/proc/net/netstat", "TcpExt:TCPSynRetrans"),
			 "no SYN was dropped: %lld\n", drops);
	close(listener);
	ns_pair_close(&pair);
}

/* A connection that xtcp's client closes first, so that its record stays; the port. */
static int leave_timewait(int listener, int client)
{
	int port = stack_port(client), server = accept(listener, NULL, NULL);

	close(client);
	if (!stack_at_end(server))
		ksft_exit_fail_msg("the client's close() did not arrive\n");
	close(server);
	if (!WAIT_FOR(rows_state(ns, "/proc/net/xtcp", port, stack_port(listener)) == 6, STACK_DEADLINE_MS))
		ksft_exit_fail_msg("no TIME-WAIT\n");
	return port;
}

/* RFC 6191 at the active side: the record of a connection with timestamps gives way to the next one. */
static void reuse_timewait(void)
{
	enum { TO = PORT + 80, BOUND = PORT + 81 };
	int listener = stack_listener(ns, KERNEL, LO4, TO, true), client, server;
	const char *netstat = "/proc/net/xtcp_netstat";
	long long recycled;

	set_range(30000, 30000);
	leave_timewait(listener, stack_connected(ns, XTCP, LO4, TO));
	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "0");
	client = stack_connected(ns, XTCP, LO4, TO);
	ksft_test_result(client < 0 && errno == EADDRNOTAVAIL, "tw_reuse 0: the only port is in TIME-WAIT\n");
	recycled = counter_now(ns, netstat, "TcpExt:TWRecycled");
	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "2");
	/* not before the peer's clock has ticked, that is in the next second */
	ksft_test_result(WAIT_FOR((client = stack_connected(ns, XTCP, LO4, TO)) >= 0, STACK_DEADLINE_MS),
			 "tw_reuse 2: over loopback the record gives way\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(stack_carries(client, server, 1000) && stack_port(client) == 30000 &&
			 counter_now(ns, netstat, "TcpExt:TWRecycled") == recycled + 1, "and is counted\n");
	close(server);
	close(client);
	set_range(32768, 60999);

	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "0");
	client = stack_bound(ns, XTCP, LO4, BOUND, true);
	stack_connect(client, LO4, TO);
	leave_timewait(listener, client);
	client = stack_bound(ns, XTCP, LO4, BOUND, true);
	ksft_test_result(!stack_connect(client, LO4, TO), "a bound port goes on from its TIME-WAIT at once\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(stack_carries(client, server, 1000), "and the peer takes it for new\n");
	close(client);
	close(server);
	close(listener);
	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "2");
}

static long long syns_resent(void)
{
	return counter_now(ns, "/proc/net/netstat", "TcpExt:TCPSynRetrans") +
	       counter_now(ns, "/proc/net/xtcp_netstat", "TcpExt:TCPSynRetrans");
}

/*
 * A client's port is one stack's now and the other's next, and the server has the connection before in TIME-WAIT: it
 * lets the new SYN in only if sequence number or timestamp has grown.
 */
static void client_moves(enum stack server_stack)
{
	enum { ROUNDS = 20, CLIENT = PORT + 40 };
	int port = PORT + 30 + server_stack, client, i;
	int listener = stack_listener(ns, server_stack, LO4, port, true);
	const char *servers = server_stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp";
	long long resent = syns_resent();

	for (i = 0; i < ROUNDS; i++) {
		client = stack_bound(ns, i % 2 ? XTCP : KERNEL, LO4, CLIENT, true);
		if (client < 0 || stack_connect(client, LO4, port))
			break;
		if (!ended_by_server(listener, client) ||
		    !WAIT_FOR(rows_state(ns, servers, port, CLIENT) == 6 &&
			      !rows_state(ns, i % 2 ? "/proc/net/xtcp" : "/proc/net/tcp", CLIENT, port),
			      STACK_DEADLINE_MS))
			break;
	}
	ksft_test_result(i == ROUNDS, "%d times a client's port changes stacks, against %s's TIME-WAIT\n", i,
			 stack_name(server_stack));
	ksft_test_result(syns_resent() == resent, "no SYN was sent twice: %lld\n", syns_resent() - resent);
	close(listener);
}

/* What arrives at a leased port and is nobody's is answered by kernel TCP, as it would be without us. */
static void nobodys(void)
{
	long long resets, later;
	int bound = stack_bound(ns, XTCP, LO4, PORT + 20, false), client;

	resets = counter_now(ns, "/proc/net/snmp", "Tcp:OutRsts");
	client = stack_connected(ns, KERNEL, LO4, PORT + 20);
	later = counter_now(ns, "/proc/net/snmp", "Tcp:OutRsts");
	ksft_test_result(client < 0 && later == resets + 1, "kernel TCP resets a SYN to a port only bound by xtcp\n");
	close(bound);
}

static void privileged(void)
{
	int fd = stack_socket(ns, XTCP, LO4);
	union stack_addr addr = stack_addr(LO4, 80);
	bool refused;

	if (seteuid(65534))
		ksft_exit_fail_msg("seteuid: %s\n", strerror(errno));
	refused = bind(fd, &addr.sa, sizeof(addr.in)) && errno == EACCES;
	if (seteuid(0))
		ksft_exit_fail_msg("seteuid: %s\n", strerror(errno));
	ksft_test_result(refused, "a privileged port needs CAP_NET_BIND_SERVICE\n");
	ksft_test_result(!bind(fd, &addr.sa, sizeof(addr.in)), "with it it works\n");
	close(fd);
}

int main(void)
{
	ksft_print_header();
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4096, 4096 });
	ksft_set_plan(4 * 5 + 8 + 2 * 4 + 4 + 2 * 7 + 1 + 3 + 2 + 2 * 5 + 2 + 5 + 2 + 2 * 3 + 5 + 2 + 2 * 2 + 1 + 2);
	ns = ns_make();
	if (ns < 0 || ns_addr_add(ns, "lo", "198.51.100.1/24") || ns_addr_add(ns, "lo", "fd00:5::1/64") ||
	    ns_shell(ns, "ip link add name hole type dummy && ip link set hole up &&"
		     "ip route add 192.0.2.0/24 dev hole && ip route add fd00:6::/64 dev hole"))
		ksft_exit_fail_msg("no namespace\n");

	bound_by_one_refused_to_other(LO4, LO4);
	bound_by_one_refused_to_other(LO4, "0.0.0.0");
	bound_by_one_refused_to_other("::", "0.0.0.0");
	bound_by_one_refused_to_other(LO6, "::");
	bound_by_one_refused_to_other("::ffff:127.0.0.1", LO4);
	reuseaddr();
	reuseaddr_within(KERNEL);
	reuseaddr_within(XTCP);
	same_tuple();
	ephemeral("192.0.2.1", "192.0.2.2");
	ephemeral("fd00:6::1", "fd00:6::2");
	many_at_once();
	bound_to_device();
	unpredictable();
	accepted_before_move(LO4);
	accepted_before_move(LO6);
	back_to_kernel(false);
	back_to_kernel(true);
	listener_beside_connection();
	record_beside_kernel(KERNEL);
	record_beside_kernel(XTCP);
	reuse_timewait();
	reopen_over_link();
	client_moves(KERNEL);
	client_moves(XTCP);
	nobodys();
	privileged();

	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
