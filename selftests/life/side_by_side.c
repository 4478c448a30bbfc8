// SPDX-License-Identifier: GPL-2.0
/*
 * Two builds of the module at once, xtcp and xtcp_b: each has its own names, sockets and counters, no port is in two of
 * the three stacks, what one has accepted is left alone by the other one's listener, and either goes first, also while
 * the other one and kernel TCP carry data.
 *
 *	namespace a --- veth0 --- namespace b
 *	  clients of all three  -->
 *
 * side_by_side [PART]... runs only these parts. Rounds under load: 12, on a debug kernel 4, in a short run a quarter;
 * ROUNDS= in the environment says another number.
 */
#include "test.h"

NEEDS_MODULE;
NEEDS_SECOND;
NEEDS_PROGRAMS("modinfo");

#define PORT	7300
#define STACKS	3
#define STALL_MS 20000

static struct ns_pair pair;

static bool is_debug_kernel(void)
{
	return !access("/proc/lockdep_stats", F_OK);
}

static bool is_loaded(enum stack stack)
{
	return stack == XTCP ? module_is_loaded() : module_second_is_loaded();
}

static void load_or_die(enum stack stack)
{
	must_say(!module_build_load(stack, ""), "cannot load %s", stack_name(stack));
}

/* The last reference goes with the last descriptor, which may take a moment. */
static void unload_or_die(enum stack stack)
{
	must_say(WAIT_FOR(!module_build_unload(stack), STACK_DEADLINE_MS), "cannot unload %s", stack_name(stack));
}

/* @top stands in front of the other one afterwards: its handlers are asked first. */
static void put_on_top(enum stack top)
{
	unload_or_die(top);
	load_or_die(top);
}

/* ---- names */

static void names(void)
{
	static const char * const paths[] = {
		"/proc/net/xtcp", "/proc/net/xtcp6", "/proc/net/xtcp_snmp", "/proc/net/xtcp_netstat",
		"/proc/net/xtcp_listen", "/proc/sys/net/xtcp/syncookies", "/sys/module/xtcp/parameters/family",
		"/sys/kernel/tracing/events/xtcp/xtcp_state/enable",
		"/proc/net/xtcp_b", "/proc/net/xtcp_b6", "/proc/net/xtcp_b_snmp", "/proc/net/xtcp_b_netstat",
		"/proc/net/xtcp_b_listen", "/proc/sys/net/xtcp_b/syncookies", "/sys/module/xtcp_b/parameters/family",
		"/sys/kernel/tracing/events/xtcp_b/xtcp_state/enable",
	};
	static const char * const protocols[] = { "XTCP ", "XTCPv6 ", "XTCP_B ", "XTCP_Bv6 " };
	char *text = ns_read_file(ns_home(), "/proc/net/protocols");
	bool good = true, has;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!access(paths[i], F_OK))
			continue;
		ksft_print_msg("no %s\n", paths[i]);
		good = false;
	}
	ksft_test_result(good, "files, sysctls, parameters and events of both\n");
	for (good = true, i = 0; i < ARRAY_SIZE(protocols); i++) {
		has = text && strstr(text, protocols[i]);
		if (!has)
			ksft_print_msg("no '%s' in /proc/net/protocols\n", protocols[i]);
		good = good && has;
	}
	free(text);
	ksft_test_result(good, "protocols of both\n");
	ksft_test_result(module_says("XTCP_B_KO", "alias", "") && module_says("XTCP_B_KO", "version", "0.1"),
			 "modinfo of the second\n");

	/* what one is told the other does not hear */
	ns_sysctl_set(pair.a, "net.xtcp_b.fin_timeout", "7");
	ksft_test_result(ns_sysctl_get(pair.a, "net.xtcp_b.fin_timeout") == 7 &&
			 ns_sysctl_get(pair.a, "net.xtcp.fin_timeout") == 60, "each has sysctls of its own\n");
	ns_sysctl_set(pair.a, "net.xtcp_b.fin_timeout", "60");
}

/* ---- what must not be loaded */

static void refused(enum stack stack, const char *parameters, const char *message)
{
	unload_or_die(stack);
	klog_forget();
	ksft_test_result(module_build_load(stack, parameters) < 0 && errno == EBUSY && klog_has(message) &&
			 !is_loaded(stack),
			 "%s with %s is refused: \"%s\"\n", stack_name(stack), parameters, message);
	load_or_die(stack);
}

static void refusals(void)
{
	ksft_test_result(module_second_load("") < 0 && errno == EEXIST, "a second module of one name is refused\n");
	refused(SECOND, "family=25", "xtcp_b: family=25 is taken by xtcp;");
	refused(XTCP, "family=27", "xtcp: family=27 is taken by xtcp_b;");
	refused(SECOND, "family=2", "xtcp_b: family=2 is taken;");
}

/* ---- data */

static long long segments(enum stack stack)
{
	static const char * const files[] = { "/proc/net/snmp", "/proc/net/xtcp_snmp", "/proc/net/xtcp_b_snmp" };

	return counter_now(pair.b, files[stack], "Tcp:InSegs");
}

/* A server's row is in the file of its stack and of no other. */
static bool listed_once(enum stack stack, const char *addr, int port, int peer)
{
	int state;

	for (enum stack s = KERNEL; s < STACKS; s++) {
		state = rows_state(pair.b, sides_listing(s, addr), port, peer);
		if (state == (s == stack ? TCP_ESTABLISHED : 0))
			continue;
		ksft_print_msg("%s says %d of a connection of %s\n", sides_listing(s, addr), state, stack_name(stack));
		return false;
	}
	return true;
}

/* All pairings of the three stacks at once, over both IPs, data both ways in each. */
static void transfers(void)
{
	const long long octets = is_debug_kernel() ? 100000 : 1000000;
	static struct flow flows[2 * 2 * STACKS * STACKS];
	int n = 0, v6, client, server, port = PORT;
	long long before[STACKS];
	bool good = true;

	for (enum stack to = KERNEL; to < STACKS; to++)
		before[to] = segments(to);
	for (v6 = 0; v6 < 2; v6++) {
		for (enum stack from = KERNEL; from < STACKS; from++) {
			for (enum stack to = KERNEL; to < STACKS; to++, n += 2, port++) {
				const char *addr = v6 ? NS_B6 : NS_B4;

				stack_pair_or_die(pair.a, from, pair.b, to, addr, port, &client, &server);
				good &= listed_once(to, addr, port, stack_port(client));
				flow_pair(&flows[n], client, octets, &flows[n + 1], server, octets);
			}
		}
	}
	ksft_test_result(good, "each connection is listed by its stack alone\n");
	good = flow_run(flows, n, STALL_MS);
	if (!good)
		flow_explain(flows, n);
	ksft_test_result(good, "%d transfers at once between all pairings\n", n);
	for (enum stack to = KERNEL; to < STACKS; to++)
		ksft_test_result(segments(to) > before[to] + 3 * octets / 65536, "%s counts what it received\n",
				 stack_name(to));
	while (n--)
		close(flows[n].fd);
}

/* ---- ports */

/* True when @second cannot have what @first has. */
static bool is_exclusive(enum stack first, enum stack second, const char *addr, bool reuse)
{
	int one = stack_bound(pair.b, first, addr, PORT + 50, reuse), two;
	bool good;

	must_say(one >= 0 && !(reuse && listen(one, 1)), "%s cannot have its port", stack_name(first));
	two = stack_bound(pair.b, second, addr, PORT + 50, reuse);
	good = two < 0 && errno == EADDRINUSE;
	if (two >= 0)
		close(two);
	close(one);
	/* and then it can */
	two = stack_listener(pair.b, second, addr, PORT + 50, reuse);
	must_say(two >= 0, "%s cannot have the port afterwards", stack_name(second));
	close(two);
	if (!good)
		ksft_print_msg("%s got %s of %s%s\n", stack_name(second), addr, stack_name(first),
			       reuse ? ", which listens" : "");
	return good;
}

static void bound_ports(void)
{
	static const char * const addresses[] = { "0.0.0.0", NS_B4, "::", NS_B6 };
	bool good = true;

	for (enum stack first = KERNEL; first < STACKS; first++)
		for (enum stack second = KERNEL; second < STACKS; second++)
			for (unsigned int i = 0; first != second && i < ARRAY_SIZE(addresses); i++)
				good &= is_exclusive(first, second, addresses[i], false) &
					is_exclusive(first, second, addresses[i], true);
	ksft_test_result(good, "a port that one of the three has, neither of the others gets\n");
}

#define EPHEMERAL 30

/* Clients of all three in turns, until none is left. */
static void ephemeral_ports(void)
{
	bool taken[EPHEMERAL] = {}, good = true;
	int fds[EPHEMERAL], i, port;
	enum stack s;

	ns_sysctl_set(pair.b, "net.ipv4.ip_local_port_range", "%d %d", PORT + 100, PORT + 100 + EPHEMERAL - 1);
	for (i = 0; i < EPHEMERAL; i++) {
		fds[i] = stack_bound(pair.b, i % STACKS, NS_B4, 0, false);
		port = fds[i] < 0 ? -1 : stack_port(fds[i]) - PORT - 100;
		if (port < 0 || port >= EPHEMERAL || taken[port])
			good = false;
		else
			taken[port] = true;
	}
	ksft_test_result(good, "%d ports for %d sockets of the three, each another one\n", EPHEMERAL, EPHEMERAL);
	for (good = true, s = KERNEL; s < STACKS; s++)
		good &= stack_bound(pair.b, s, NS_B4, 0, false) < 0 && errno == EADDRINUSE;
	ksft_test_result(good, "and none is left for any\n");
	stack_close(fds, EPHEMERAL);
	ns_sysctl_set(pair.b, "net.ipv4.ip_local_port_range", "32768 60999");
}

/* A port that connect() of one has chosen is not the other's, whose connections are in another table. */
static void connected_ports(void)
{
	int listener = stack_listener(pair.a, KERNEL, NS_A4, PORT + 70, false), one, two;
	bool good = listener >= 0;

	for (enum stack first = XTCP; first <= SECOND; first++) {
		ns_sysctl_set(pair.b, "net.ipv4.ip_local_port_range", "%d %d", PORT + 80 + first, PORT + 80 + first);
		one = stack_connected(pair.b, first, NS_A4, PORT + 70);
		two = stack_connected(pair.b, module_other(first), NS_A4, PORT + 70);
		good &= one >= 0 && two < 0 && errno == EADDRNOTAVAIL;
		if (two >= 0)
			close(two);
		close(one);
	}
	close(listener);
	ns_sysctl_set(pair.b, "net.ipv4.ip_local_port_range", "32768 60999");
	ksft_test_result(good, "a port of a connection of one build is not the other's\n");
}

/* Both might have the port, and neither has who is meant: kernel TCP's reset. */
static void nobodys(void)
{
	int one = stack_bound(pair.b, XTCP, NS_B4, PORT + 60, true), fd;
	int two = stack_bound(pair.b, SECOND, NS_B4, PORT + 60, true);

	fd = stack_connected(pair.a, KERNEL, NS_B4, PORT + 60);
	ksft_test_result(one >= 0 && two >= 0 && fd < 0 && errno == ECONNREFUSED,
			 "a SYN to a port that both have bound and nobody listens on is reset\n");
	close_each(one, two);
}

static void ports(void)
{
	bound_ports();
	ephemeral_ports();
	connected_ports();
	nobodys();
}

/* ---- programs that go from one to the other */

static int accept_or_die(int listener)
{
	int fd;

	stack_patience(listener, SO_RCVTIMEO, STACK_DEADLINE_MS * 1000);
	fd = must_have(accept(listener, NULL, NULL), "cannot accept");
	return fd;
}

/* What @old has accepted is @old's while @new listens on the port. */
static void accepted_before(enum stack old, enum stack new, const char *addr, int port)
{
	int client, server, listener, new_client, new_server;
	bool good;

	stack_pair_or_die(pair.a, KERNEL, pair.b, old, addr, port, &client, &server);
	listener = must_have(stack_listener(pair.b, new, addr, port, true), "the listener cannot move");
	good = stack_carries(client, server, 5000) && stack_carries(server, client, 5000);
	new_client = stack_connected(pair.a, KERNEL, addr, port);
	new_server = accept_or_die(listener);
	good = good && stack_carries(new_client, new_server, 5000) && stack_carries(client, server, 5000) &&
	       listed_once(old, addr, port, stack_port(client)) &&
	       listed_once(new, addr, port, stack_port(new_client));
	shutdown(client, SHUT_WR);
	good = good && stack_at_end(server);
	ksft_test_result(good, "%s: a listener moves from %s to %s, its connections stay\n", addr, stack_name(old),
			 stack_name(new));
	close_each(client, server, new_client, new_server, listener);
}

/* Leaves a record of @stack behind. Returns the port of its client. */
static int leave_record(enum stack stack, const char *addr, int port)
{
	const char *listing = sides_listing(stack, addr);
	int client, server, local;

	stack_pair_or_die(pair.a, KERNEL, pair.b, stack, addr, port, &client, &server);
	local = stack_port(client);
	close(server);
	must(stack_at_end(client), "the server's close() did not arrive");
	close(client);
	if (!WAIT_FOR(rows_state(pair.b, listing, port, local) == TCP_TIME_WAIT, STACK_DEADLINE_MS) ||
	    !WAIT_FOR(!rows_state(pair.a, sides_listing(KERNEL, addr), local, port), STACK_DEADLINE_MS))
		ksft_exit_fail_msg("no TIME-WAIT\n");
	return local;
}

/* A record of @old makes way for a client that comes again from its port, to @new. */
static void record_makes_way(enum stack old, enum stack new, const char *addr, int port)
{
	const char *from = strchr(addr, ':') ? NS_A6 : NS_A4;
	int client, server, listener, local = leave_record(old, addr, port);

	listener = stack_listener(pair.b, new, addr, port, true);
	client = stack_bound(pair.a, KERNEL, from, local, true);
	if (listener < 0 || client < 0 || stack_connect(client, addr, port))
		ksft_exit_fail_msg("the client does not come back: %s\n", strerror(errno));
	server = accept_or_die(listener);
	ksft_test_result(stack_carries(client, server, 100) && listed_once(new, addr, port, local),
			 "%s: TIME-WAIT of %s makes way for a client of %s\n", addr, stack_name(old), stack_name(new));
	close_each(client, server, listener);
}

/* The listener of @new refuses a client (too far, or a full queue): @old's record answers, and the client resets. */
static void record_stays(enum stack old, enum stack new, bool far_away, int port)
{
	long long resets = counter_now(pair.a, "/proc/net/snmp", "Tcp:OutRsts");
	int client, listener, waits, local = leave_record(old, NS_B4, port), nearest = 255;
	const char *listing = sides_listing(old, NS_B4);

	listener = stack_listener(pair.b, new, NS_B4, port, true);
	if (listener < 0 || listen(listener, 0) ||
	    (far_away && setsockopt(listener, IPPROTO_IP, IP_MINTTL, &nearest, sizeof(nearest))))
		ksft_exit_fail_msg("no such listener: %s\n", strerror(errno));
	waits = far_away ? -1 : stack_connected(pair.a, KERNEL, NS_B4, port);
	client = stack_bound(pair.a, KERNEL, NS_A4, local, true);
	must(!stack_begin(client, NS_B4, port), "the client does not come back");
	ksft_test_result(WAIT_FOR(counter_now(pair.a, "/proc/net/snmp", "Tcp:OutRsts") > resets, STACK_DEADLINE_MS) &&
			 rows_state(pair.b, listing, port, local) == TCP_TIME_WAIT,
			 "TIME-WAIT of %s stays when a client of %s %s\n", stack_name(old), stack_name(new),
			 far_away ? "is too far away" : "has no room");
	close_each(client, listener);
	if (waits >= 0)
		close(waits);
}

static void moves(void)
{
	int port = PORT + 200;

	for (enum stack top = XTCP; top <= SECOND; top++) {
		put_on_top(top);
		for (enum stack old = XTCP; old <= SECOND; old++, port += 6) {
			accepted_before(old, module_other(old), NS_B4, port);
			accepted_before(old, module_other(old), NS_B6, port + 1);
			record_makes_way(old, module_other(old), NS_B4, port + 2);
			record_makes_way(old, module_other(old), NS_B6, port + 3);
			record_stays(old, module_other(old), true, port + 4);
			record_stays(old, module_other(old), false, port + 5);
		}
	}
}

/* ---- unloading */

static struct carrier kernels;

static bool family_is(enum stack stack, bool there)
{
	int fd = stack_socket(ns_home(), stack, NS_B4);

	if (fd >= 0)
		close(fd);
	return there ? fd >= 0 : fd < 0 && errno == EAFNOSUPPORT;
}

/* @first goes while the other one works, then that one; @first was loaded first, or last. */
static void one_by_one(enum stack first, bool on_top)
{
	struct carrier rest = {};
	bool good;

	put_on_top(on_top ? first : module_other(first));
	carrier_start(&rest, &pair, module_other(first), PORT + 70 + first);
	unload_or_die(first);
	good = carrier_goes_on(&rest) && carrier_goes_on(&kernels) && family_is(first, false) &&
	       family_is(module_other(first), true);
	ksft_test_result(good, "%s, loaded %s, goes; %s and kernel TCP carry on\n", stack_name(first),
			 on_top ? "last" : "first", stack_name(module_other(first)));
	good = carrier_stop(&rest);
	unload_or_die(module_other(first));
	good = good && carrier_goes_on(&kernels) && family_is(module_other(first), false);
	ksft_test_result(good, "then %s, and kernel TCP carries on\n", stack_name(module_other(first)));
	load_or_die(XTCP);
	load_or_die(SECOND);
}

/* Both at the same moment: whichever is quicker finds the other one in front of it, or behind it. */
static void at_once(int times)
{
	bool good = true;
	pid_t child;
	int i, status;

	for (i = 0; i < times && good; i++) {
		child = fork();
		if (!child)
			_exit(module_second_unload() ? 1 : 0);
		good = child > 0 && !module_unload() && waitpid(child, &status, 0) == child && !status &&
		       carrier_goes_on(&kernels);
		/* each is the first one now and then */
		load_or_die(i & 1 ? XTCP : SECOND);
		load_or_die(i & 1 ? SECOND : XTCP);
	}
	ksft_test_result(good, "both go at the same moment, %d times\n", i);
}

static void orders(void)
{
	one_by_one(XTCP, false);
	one_by_one(XTCP, true);
	one_by_one(SECOND, false);
	one_by_one(SECOND, true);
	at_once(is_debug_kernel() ? 4 : 8);
}

/* ---- unloading among connections that come and go */

#define WORKERS 2	/* of each stack */

/* Workers that come and go all the time would keep an ordinary one open for ever. */
static pthread_rwlock_t gates[STACKS] = {
	[XTCP] = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
	[SECOND] = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
};

struct worker {
	enum stack stack;
	int port;
	atomic_int exchanges;
	pthread_t thread;
};

static struct worker workers[2 * WORKERS];
static atomic_bool workers_stop, workers_failed;

/* One connection; what is left of it depends on @kind: TIME-WAIT on either side, or data on its way. */
static bool leave_behind(enum stack stack, int kind, int port)
{
	const char *addr = kind & 1 ? NS_B6 : NS_B4;
	int client, server;
	bool good;

	stack_pair_or_die(pair.a, stack, pair.b, stack, addr, port, &client, &server);
	good = stack_carries(client, server, 3000) && stack_carries(server, client, 3000);
	if (kind % 3 == 2)
		good = good && send(client, &kind, sizeof(kind), 0) > 0 && send(server, &kind, sizeof(kind), 0) > 0;
	close_each(kind % 3 ? client : server, kind % 3 ? server : client);
	return good;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int kind = 0;

	while (!workers_stop) {
		pthread_rwlock_rdlock(&gates[w->stack]);
		if (!leave_behind(w->stack, kind++, w->port))
			workers_failed = true;
		pthread_rwlock_unlock(&gates[w->stack]);
		w->exchanges++;
	}
	return NULL;
}

/* Each worker of @stack has had two connections since @before. */
static bool have_worked(enum stack stack, const int *before)
{
	for (int i = 0; i < 2 * WORKERS; i++)
		if (workers[i].stack == stack && workers[i].exchanges < before[i] + 2)
			return false;
	return true;
}

static bool work_goes_on(enum stack stack)
{
	int before[2 * WORKERS], i;

	for (i = 0; i < 2 * WORKERS; i++)
		before[i] = workers[i].exchanges;
	return WAIT_FOR(have_worked(stack, before), 3 * STACK_DEADLINE_MS);
}

static void under_load(void)
{
	/* who goes in the next round; each comes back in front: the one behind goes, then the one in front */
	static const enum stack next[] = { XTCP, XTCP, SECOND, SECOND };
	int rounds = short_rounds(is_debug_kernel() ? 4 : 12), i, w;
	bool good = true;
	enum stack stack;

	put_on_top(SECOND);
	for (w = 0; w < 2 * WORKERS; w++) {
		workers[w].stack = w & 1 ? XTCP : SECOND;
		workers[w].port = PORT + 80 + w;
		must(!pthread_create(&workers[w].thread, NULL, work, &workers[w]), "no threads");
	}
	for (i = 0; i < rounds && good; i++) {
		stack = next[i % ARRAY_SIZE(next)];
		good = work_goes_on(XTCP) && work_goes_on(SECOND);
		pthread_rwlock_wrlock(&gates[stack]);
		good = good && WAIT_FOR(!module_build_unload(stack), STACK_DEADLINE_MS);
		good = good && work_goes_on(module_other(stack)) && carrier_goes_on(&kernels);
		if (!is_loaded(stack))
			load_or_die(stack);
		pthread_rwlock_unlock(&gates[stack]);
	}
	workers_stop = true;
	for (w = 0; w < 2 * WORKERS; w++)
		pthread_join(workers[w].thread, NULL);
	ksft_test_result(good && !workers_failed, "each goes and comes among connections of both, %d times\n", i);
}

/* ---- namespaces that end */

#define SPACES	8

/* A listener, a half-closed connection whose program goes, and TIME-WAIT of @stack. */
static bool use_space(int ns, enum stack stack)
{
	int listener = stack_listener(ns, stack, "127.0.0.1", PORT, true), client, server;
	bool good;

	stack_pair_or_die(ns, stack, ns, stack, "127.0.0.1", PORT + 1, &client, &server);
	good = listener >= 0 && stack_carries(client, server, 3000);
	shutdown(client, SHUT_WR);
	good = good && stack_at_end(server);
	close_each(server, client);
	stack_pair_or_die(ns, stack, ns, stack, "::1", PORT + 2, &client, &server);
	good = good && stack_carries(server, client, 3000);
	/* unread data there: this end resets, and that one is told when the program has gone */
	good = good && send(server, "x", 1, 0) == 1;
	close_each(client, server, listener);
	return good;
}

/* Each has had sockets of both, while both and kernel TCP carry data elsewhere; they end at once and one by one. */
static void spaces(void)
{
	struct carrier both[STACKS] = {};
	int ns[SPACES], i, rounds;
	bool good = true;

	for (enum stack s = XTCP; s <= SECOND; s++)
		carrier_start(&both[s], &pair, s, PORT + 75 + s);
	for (rounds = 0; rounds < 2; rounds++) {
		for (i = 0; i < SPACES && good; i++) {
			ns[i] = ns_make();
			good = ns[i] >= 0 && use_space(ns[i], i & 1 ? XTCP : SECOND) &&
			       use_space(ns[i], i & 1 ? SECOND : XTCP);
			if (rounds)
				close(ns[i]);
		}
		while (!rounds && i)
			close(ns[--i]);
		good = good && carrier_goes_on(&both[XTCP]) && carrier_goes_on(&both[SECOND]) &&
		       carrier_goes_on(&kernels);
	}
	good &= carrier_stop(&both[XTCP]);
	good &= carrier_stop(&both[SECOND]);
	ksft_test_result(good, "%d namespaces end that both were used in, while both and kernel TCP carry on\n",
			 rounds * SPACES);
	put_on_top(XTCP);
	put_on_top(SECOND);
	ksft_test_result(family_is(XTCP, true) && family_is(SECOND, true), "and each can go and come after that\n");
}

static const struct part parts[] = {
	{ "names", names, 4 },
	{ "refusals", refusals, 4 },
	{ "transfers", transfers, 5 },
	{ "ports", ports, 5 },
	{ "moves", moves, 24 },
	{ "orders", orders, 9 },
	{ "spaces", spaces, 2 },
	{ "load", under_load, 1 },
	{ }
};

int main(int argc, char **argv)
{
	test_begin(2 + parts_results(parts, argv + 1));
	must(!ns_pair_make(&pair), "no namespaces");
	carrier_start(&kernels, &pair, KERNEL, PORT + 90);
	load_or_die(SECOND);
	parts_run(parts, argv + 1);
	unload_or_die(SECOND);
	ksft_test_result(!module_second_is_loaded() && family_is(XTCP, true),
			 "the second one has gone, the first works\n");
	ksft_test_result(carrier_stop(&kernels), "kernel TCP carried data through all of this, unchanged\n");
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
