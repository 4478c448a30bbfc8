// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: one (address, port) belongs to one stack, and the other is told so; ephemeral ports.
 *
 * All in one namespace, over its loopback device. The whole matrix of binds is in
 * cross_ports.c; programs that change stacks are in moves.c.
 */
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define PORT	7000
#define LO4	"127.0.0.1"

static int ns;

static bool bind_is_refused(enum stack stack, const char *text, int port, bool reuse)
{
	int fd = stack_bound(ns, stack, text, port, reuse), error = errno;

	if (fd < 0)
		return error == EADDRINUSE;
	close(fd);
	return false;
}

static bool listen_is_refused(int fd)
{
	return listen(fd, 1) < 0 && errno == EADDRINUSE;
}

static void reuseaddr(void)
{
	int first, second;

	for (enum stack stack = KERNEL; stack <= XTCP; stack++) {
		first = stack_bound(ns, stack, LO4, PORT, true);
		second = stack_bound(ns, !stack, LO4, PORT, true);
		ksft_test_result(first >= 0 && second >= 0, "SO_REUSEADDR: %s, then %s\n", stack_name(stack),
				 stack_name(!stack));
		ksft_test_result(!listen(first, 1) && listen_is_refused(second), "but only one of them may listen\n");
		ksft_test_result(bind_is_refused(!stack, LO4, PORT, true), "and a listener lets nobody in any more\n");
		close(first);
		ksft_test_result(!listen(second, 1), "until it has gone\n");
		close(second);
	}
}

/* A listener that comes and goes on the port of a connection leaves it as exclusive as it was. */
static void listener_beside_connection(void)
{
	int listener = stack_listener(ns, KERNEL, LO4, PORT + 50, true), client, passing, port = PORT + 51;

	client = stack_bound(ns, XTCP, LO4, port, true);
	must(listener >= 0 && client >= 0 && !stack_connect(client, LO4, PORT + 50), "no connection");
	passing = stack_bound(ns, XTCP, LO4, port, true);
	ksft_test_result(passing >= 0 && !listen(passing, 1), "beside a connection on xtcp a listener on xtcp\n");
	close(passing);
	ksft_test_result(bind_is_refused(KERNEL, LO4, port, true),
			 "and when it has gone kernel TCP still cannot share the port\n");
	close_each(client, listener);
}

static void set_range(int low, int high)
{
	must(!ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", low, high), "cannot set the range of ports");
}

/* Non-blocking connects to @text; the number of those that got a port, all different and in the range. */
static int connect_many(int *fds, int count, const char *text, int port, int low, int high, int *error)
{
	char seen[65536] = {};
	int i, fd, local;

	*error = 0;
	for (i = 0; i < count; i++) {
		fd = must_have(stack_socket(ns, XTCP, text), "socket");
		if (stack_begin(fd, text, port)) {
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
	stack_close(fds, count);
}

/* The destinations swallow SYNs: connections stay in SYN-SENT, and close() ends them at once. */
static void ephemeral(const char *text, const char *other)
{
	enum { LOW = 30000, COUNT = 120, HIGH = LOW + COUNT - 1, RESERVED = 3 };
	int fds[COUNT], more[COUNT], got, got_more, error, kernel;

	set_range(LOW, HIGH);
	ns_sysctl_set(ns, "net.ipv4.ip_local_reserved_ports", "%d-%d", LOW + 10, LOW + 10 + RESERVED - 1);
	kernel = stack_listener(ns, KERNEL, text[0] == 'f' ? "::" : "0.0.0.0", LOW + 100, false);

	got = connect_many(fds, COUNT, text, PORT, LOW, HIGH, &error);
	ksft_test_result(kernel >= 0 && got == COUNT - RESERVED - 1 && error == EADDRNOTAVAIL,
			 "to %s: %d of %d ports, then error %d\n", text, got, COUNT, error);
	got_more = connect_many(more, COUNT, other, PORT, LOW, HIGH, &error);
	ksft_test_result(got_more == got && error == EADDRNOTAVAIL, "to %s: %d of the same ports\n", other, got_more);
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
	ns_sysctl_set(ns, "net.ipv4.ip_local_reserved_ports", "%d-%d,%d", LOW + 10, LOW + 10 + RESERVED - 1, LOW + 100);
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

static int connect_now(const char *text, const char *device)
{
	int fd = stack_socket(ns, XTCP, text);

	must(!device || !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)), "SO_BINDTODEVICE");
	if (stack_begin(fd, text, PORT)) {
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
	close_each(red, plain, bound);
	set_range(32768, 60999);
}

/* The port that connect() chooses may have a say in the route; @iif: "iif lo " for a rule that names who sends. */
static void rule_for_ports(enum stack stack, const char *iif)
{
	const char *there = "192.0.2.77";
	int before = stack_begin_or_die(ns, stack, there, PORT), fd = stack_socket(ns, stack, there), err = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	must(!ns_shell(ns, "ip rule add prio 7 %sto 192.0.2.77 ipproto tcp sport 1024-65534 prohibit", iif), "no rule");
	if (stack_connect(fd, there, PORT))
		err = errno;
	ns_shell(ns, "ip rule del prio 7");
	ksft_test_result(err == EACCES, "%s: a rule %sof routing sees the port of connect()\n", stack_name(stack), iif);
	close_each(before, fd);
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

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * Servers that one program connects to in turn, and that tell each other what they see: one whose ports move on faster
 * than most others' shares its counter (CVE-2022-32296). Of 64 there were some 14 when there were 256 counters.
 */
static void counters_are_apart(enum stack stack)
{
	enum { SERVERS = 64, ROUNDS = 11, LOW = 32768, COUNT = 28232, FAR = 100 };
	int last[SERVERS] = {}, sum[SERVERS] = {}, steps[SERVERS] = {}, sorted[SERVERS];
	int round, i, fd, step, sharing = 0;
	char text[32];

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < SERVERS; i++) {
			snprintf(text, sizeof(text), "192.0.2.%d", 100 + i);
			fd = stack_begin_or_die(ns, stack, text, PORT);
			step = (stack_port(fd) - last[i] + COUNT) % COUNT;
			last[i] = stack_port(fd);
			close(fd);
			/* the first tells nothing, nor does one after a change of the hash: it begins elsewhere */
			if (!round || step > FAR)
				continue;
			sum[i] += step;
			steps[i]++;
		}
	}
	/* of ten */
	for (i = 0; i < SERVERS; i++)
		sum[i] = steps[i] ? sum[i] * 10 / steps[i] : 0;
	memcpy(sorted, sum, sizeof(sum));
	qsort(sorted, SERVERS, sizeof(*sorted), compare_ints);
	for (i = 0; i < SERVERS; i++)
		sharing += sum[i] > sorted[SERVERS / 2] * 3 / 2;
	ksft_print_msg("%d of %d destinations seem to share a counter\n", sharing, SERVERS);
	ksft_test_result(sorted[0] && sharing < 6, "%s: few destinations share a counter\n", stack_name(stack));
}

/* Kernel TCP answers for a leased port without a socket as without us. In a fresh namespace, without old RSTs. */
static void no_socket(void)
{
	long long resets, later;
	int bound, client;

	ns = must_have(ns_make(), "no namespace");
	bound = stack_bound(ns, XTCP, LO4, PORT + 20, false);
	resets = counter_now(ns, "/proc/net/snmp", "Tcp:OutRsts");
	client = stack_connected(ns, KERNEL, LO4, PORT + 20);
	later = counter_now(ns, "/proc/net/snmp", "Tcp:OutRsts");
	ksft_test_result(client < 0 && later == resets + 1, "kernel TCP resets a SYN to a port only bound by xtcp\n");
	if (later != resets + 1)
		ksft_print_msg("%lld RSTs\n", later - resets);
	close(bound);
}

int main(void)
{
	ksft_print_header();
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4096, 4096 });
	ksft_set_plan(8 + 2 * 7 + 3 + 2 * 2 + 2 + 2 + 2 + 1);
	ns = ns_make();
	if (ns < 0 || ns_addr_add(ns, "lo", "198.51.100.1/24") || ns_addr_add(ns, "lo", "fd00:5::1/64") ||
	    ns_shell(ns, "ip link add name hole type dummy && ip link set hole up &&"
		     "ip route add 192.0.2.0/24 dev hole && ip route add fd00:6::/64 dev hole"))
		ksft_exit_fail_msg("no namespace\n");

	reuseaddr();
	ephemeral("192.0.2.1", "192.0.2.2");
	ephemeral("fd00:6::1", "fd00:6::2");
	bound_to_device();
	/* first, for a namespace that had a rule for ports once may look at ports for good */
	rule_for_ports(KERNEL, "iif lo ");
	rule_for_ports(XTCP, "iif lo ");
	rule_for_ports(KERNEL, "");
	rule_for_ports(XTCP, "");
	unpredictable();
	counters_are_apart(KERNEL);
	counters_are_apart(XTCP);
	listener_beside_connection();
	no_socket();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
