// SPDX-License-Identifier: GPL-2.0
/*
 * A second build takes over listening sockets of the first (XTCP_TAKE_OVER): the program keeps its descriptor, and no
 * connection is refused or reset, before, while and after; then the first one is unloaded, and the program goes on.
 *
 *	namespace a --- veth0 --- namespace b
 *	  clients -->               the program that listens
 *
 * takeover [PART]... runs only these parts. Rounds under load: 4, of some seconds each, in a short run one; ROUNDS= in
 * the environment says another number.
 */
#include <linux/tcp.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "asleep.h"
#include "counters.h"
#include "failing.h"
#include "generic.h"
#include "parts.h"
#include "rows.h"
#include "short.h"
#include "sides.h"
#include "tcpstate.h"
#include "test.h"

NEEDS_MODULE;
NEEDS_SECOND;

#define PORT	7500

static struct ns_pair pair;

static int load(enum stack stack)
{
	return stack == XTCP ? module_load("") : module_second_load("");
}

static int unload(enum stack stack)
{
	return stack == XTCP ? module_unload() : module_second_unload();
}

static enum stack other(enum stack stack)
{
	return stack == XTCP ? SECOND : XTCP;
}

/* The builds have exchanged their names. */
static bool renamed;

static const char *listing_of(enum stack stack, const char *addr)
{
	return sides_listing(renamed ? other(stack) : stack, addr);
}

/* @next stands in front of the other one afterwards; nothing of it is there now. */
static void load_newer(enum stack next)
{
	if (!WAIT_FOR(!unload(next), STACK_DEADLINE_MS) || load(next))
		ksft_exit_fail_msg("cannot load %s again: %s\n", stack_name(next), strerror(errno));
}

/* A listener of @stack where another build's listens already. */
static int beside(enum stack stack, const char *addr, int port)
{
	union stack_addr at = stack_addr(addr, port);
	int fd = stack_socket(pair.b, stack, addr);

	if (fd < 0 || stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON) || bind(fd, &at.sa, stack_addr_len(&at)) ||
	    listen(fd, 4096))
		ksft_exit_fail_msg("no listener of %s beside the other: %s\n", stack_name(stack), strerror(errno));
	return fd;
}

/* @listener is of @stack afterwards. A descriptor of the old one, which drains until it is closed. */
static int take_over(int listener, enum stack stack, const char *addr, int port)
{
	int fd = beside(stack, addr, port);

	if (stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener))
		ksft_exit_fail_msg("%s cannot take over: %s\n", stack_name(stack), strerror(errno));
	return fd;
}

/* The old listener goes, and @listener does not need it any more. */
static void let_go(int listener, int old)
{
	if (!stack_set(listener, IPPROTO_TCP, XTCP_TAKE_OVER, -1) || errno != EBUSY)
		ksft_exit_fail_msg("let go while the old one drains\n");
	close(old);
	if (stack_set(listener, IPPROTO_TCP, XTCP_TAKE_OVER, -1))
		ksft_exit_fail_msg("not let go: %s\n", strerror(errno));
}

static int client_or_die(const char *addr, int port)
{
	int fd = stack_connected(pair.a, KERNEL, addr, port);

	if (fd < 0)
		ksft_exit_fail_msg("cannot connect: %s\n", strerror(errno));
	return fd;
}

/* The server's end of @client is one of @stack, and of no other build. */
static bool is_of(enum stack stack, int client, const char *addr, int port)
{
	return rows_state(pair.b, listing_of(stack, addr), port, stack_port(client)) == TCP_ESTABLISHED &&
	       !rows_state(pair.b, listing_of(other(stack), addr), port, stack_port(client));
}

static bool both_ways(int client, int server)
{
	return stack_carries(client, server, 5000) && stack_carries(server, client, 5000);
}

/* ---- what a program sees */

static void by_one(const char *bound, const char *addr, int port)
{
	int listener = stack_listener(pair.b, XTCP, bound, port, true), old, server, before, after, later;
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	bool good;

	before = client_or_die(addr, port);
	good = poll(&ready, 1, STACK_DEADLINE_MS) == 1;		/* its ACK has come */
	old = take_over(listener, SECOND, bound, port);
	after = client_or_die(addr, port);
	good = good && poll(&ready, 1, STACK_DEADLINE_MS) == 1 && stack_port(listener) == port &&
	       stack_state(listener) == TCP_LISTEN;
	server = stack_accept_or_die(listener);
	good = good && is_of(XTCP, before, addr, port) && both_ways(before, server);
	close_each(before, server);
	server = stack_accept_or_die(listener);
	good = good && is_of(SECOND, after, addr, port) && both_ways(after, server);
	ksft_test_result(good && !poll(&ready, 1, 0), "%s: accept() has the old one's connection, then the new one's\n",
			 bound);
	let_go(listener, old);
	later = client_or_die(addr, port);
	close(server);
	server = stack_accept_or_die(listener);
	ksft_test_result(is_of(SECOND, later, addr, port) && both_ways(later, server),
			 "%s: also when the old listener has gone\n", bound);
	close_each(after, later, server, listener);
}

/* The last ACK has come, but accept() waits for text, so the entry is half-open. */
static void half_open(const char *addr, int port)
{
	int listener = stack_listener(pair.b, XTCP, addr, port, true), client, old, server;
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	bool good;

	if (stack_set(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60))
		ksft_exit_fail_msg("no TCP_DEFER_ACCEPT\n");
	client = client_or_die(addr, port);
	old = take_over(listener, SECOND, addr, port);
	good = !poll(&ready, 1, 0) && send(client, "x", 1, 0) == 1 && poll(&ready, 1, STACK_DEADLINE_MS) == 1;
	server = stack_accept_or_die(listener);
	ksft_test_result(good && stack_gives(server, "x", 1) && both_ways(client, server) &&
			 is_of(XTCP, client, addr, port), "%s: a half-open entry becomes a connection of the old one\n",
			 addr);
	close_each(old, client, server, listener);
}

/* A client comes again from its port while the old build has TIME-WAIT of it: that is for the new listener. */
static void comes_again(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), client = client_or_die(NS_B4, port), local, old;
	int server = stack_accept_or_die(listener);

	local = stack_port(client);
	close(server);
	must(stack_at_end(client), "the end of the stream");
	close(client);
	must(WAIT_FOR(rows_state(pair.b, listing_of(XTCP, NS_B4), port, local) == TCP_TIME_WAIT,
		      STACK_DEADLINE_MS) &&
	     WAIT_FOR(!rows_state(pair.a, listing_of(KERNEL, NS_B4), local, port), STACK_DEADLINE_MS), "TIME-WAIT");
	old = take_over(listener, SECOND, NS_B4, port);
	client = stack_bound(pair.a, KERNEL, NS_A4, local, true);
	must(client >= 0 && !stack_connect(client, NS_B4, port), "a connection from the same port");
	server = stack_accept_or_die(listener);
	ksft_test_result(is_of(SECOND, client, NS_B4, port) && both_ways(client, server),
			 "TIME-WAIT of the old one makes way for a connection of the new one\n");
	close_each(old, client, server, listener);
}

struct waiter {
	int listener, got;
	pthread_t thread;
	atomic_int task;
};

static void *wait_in_accept(void *arg)
{
	struct waiter *w = arg;

	w->task = gettid();
	w->got = accept(w->listener, NULL, NULL);
	if (w->got < 0)
		ksft_print_msg("accept: %s\n", strerror(errno));
	return NULL;
}

/* Both sleep in accept(), and a third one in epoll_wait(), while the socket changes hands. */
static void sleepers(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), poller = epoll_create1(0), clients[2], old, i;
	struct epoll_event event = { .events = EPOLLIN };
	struct waiter w[2] = {};
	bool good = true;

	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	for (i = 0; i < 2; i++) {
		w[i].listener = listener;
		if (pthread_create(&w[i].thread, NULL, wait_in_accept, &w[i]))
			ksft_exit_fail_msg("no threads\n");
		good = good && WAIT_FOR(w[i].task && asleep_in(w[i].task, SYS_accept), STACK_DEADLINE_MS);
	}
	old = take_over(listener, SECOND, NS_B4, port);
	close(old);
	for (i = 0; i < 2; i++)
		clients[i] = client_or_die(NS_B4, port);
	for (i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		good = good && w[i].got >= 0;
	}
	for (i = 0; i < 2; i++)
		good = good && is_of(SECOND, clients[i], NS_B4, port);
	ksft_test_result(good, "two that sleep in accept() get connections of the new one\n");
	i = client_or_die(NS_B4, port);
	ksft_test_result(epoll_wait(poller, &event, 1, STACK_DEADLINE_MS) == 1, "and epoll tells of one\n");
	close_each(i, clients[0], clients[1], w[0].got, w[1].got, poller, listener);
}

/* A build goes only when the listener that has taken over says so, or ends. */
static void holds_the_old(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), old = take_over(listener, SECOND, NS_B4, port);
	bool good;

	close(old);
	good = WAIT_FOR(module_references() == 1, STACK_DEADLINE_MS);
	close(listener);
	ksft_test_result(good && WAIT_FOR(!module_references(), STACK_DEADLINE_MS),
			 "what has taken over holds the old build until it ends\n");
}

/* What the old one still has goes when the program closes its socket: nobody can accept it. */
static void closes_first(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), client = client_or_die(NS_B4, port), old;
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	bool good = poll(&ready, 1, STACK_DEADLINE_MS) == 1;		/* its ACK has come */

	old = take_over(listener, SECOND, NS_B4, port);
	close(listener);
	good = good && stack_take_octet(client) && errno == ECONNRESET && stack_state(old) == TCP_CLOSE;
	client = stack_connected(pair.a, KERNEL, NS_B4, port);
	ksft_test_result(good && client < 0 && errno == ECONNREFUSED, "close() of the program ends both listeners\n");
	close(old);
}

static void sees(void)
{
	load_newer(SECOND);
	by_one(NS_B4, NS_B4, PORT);
	by_one(NS_B6, NS_B6, PORT + 1);
	by_one("0.0.0.0", NS_B4, PORT + 2);
	half_open(NS_B4, PORT + 3);
	half_open(NS_B6, PORT + 4);
	sleepers(PORT + 5);
	closes_first(PORT + 6);
	holds_the_old(PORT + 7);
	comes_again(PORT + 8);
}

/* ---- what is refused */

static bool refuses(int fd, int listener, int error)
{
	bool refused = stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener) && errno == error;

	if (!refused)
		ksft_print_msg("%s in place of %s\n", strerror(errno), strerror(error));
	return refused;
}

static bool refuses_an_ordinary_user(int fd, int listener)
{
	uid_t was = geteuid();
	bool refused;

	if (seteuid(65534))
		return false;
	refused = refuses(fd, listener, EPERM);
	return !seteuid(was) && refused;
}

static void refusals(void)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, PORT, true), fd = beside(SECOND, NS_B4, PORT), old;
	int elsewhere = stack_listener(pair.b, XTCP, NS_B4, PORT + 1, true), closed = stack_socket(pair.b, XTCP, NS_B4);
	int kernels = stack_listener(pair.b, KERNEL, NS_B4, PORT + 2, true), again, client, server;

	ksft_test_result(refuses_an_ordinary_user(fd, listener), "EPERM\n");
	ksft_test_result(refuses(fd, 1000, EBADF) && refuses(fd, STDOUT_FILENO, ENOTSOCK), "EBADF, ENOTSOCK\n");
	ksft_test_result(refuses(fd, elsewhere, EINVAL) && refuses(fd, closed, EINVAL) &&
			 refuses(fd, kernels, EINVAL) && refuses(fd, fd, EINVAL) && refuses(closed, listener, EINVAL) &&
			 stack_set(kernels, IPPROTO_TCP, XTCP_TAKE_OVER, listener) && errno == ENOPROTOOPT,
			 "EINVAL: another place, no listener, another stack, itself\n");
	client = client_or_die(NS_B4, PORT + 1);
	server = stack_accept_or_die(elsewhere);
	ksft_test_result(refuses(fd, server, EINVAL), "EINVAL: a connection\n");
	close_each(client, server);

	ksft_test_result(refuses(fd, -1, ENOENT) && !stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener) &&
			 refuses(listener, -1, EBUSY), "taken over\n");
	again = beside(SECOND, NS_B4, PORT);
	old = beside(XTCP, NS_B4, PORT);
	ksft_test_result(refuses(again, fd, EBUSY) && refuses(listener, old, EBUSY) && refuses(fd, listener, EBUSY) &&
			 refuses(fd, again, EBUSY) && refuses(old, listener, EBUSY),
			 "EBUSY: neither what drains nor what follows is one of another two: no chain, no circle\n");
	close_each(again, old);
	client = client_or_die(NS_B4, PORT);
	server = stack_accept_or_die(listener);
	ksft_test_result(is_of(SECOND, client, NS_B4, PORT) && both_ways(client, server), "and all go on\n");
	close_each(client, server, fd, listener, elsewhere, closed, kernels);
}

/* ---- under load */

#define CLIENTS	3

static atomic_bool stop;
static atomic_int exchanges, failures;
static const char *_Atomic stage = "";

/* Connects, asks, is answered, again and again. */
static void *ask(void *arg)
{
	const int port = *(const int *)arg;
	int fd;

	while (!stop) {
		fd = stack_connected(pair.a, KERNEL, NS_B4, port);
		if (fd >= 0 && send(fd, "?", 1, MSG_NOSIGNAL) == 1 && !stack_take_octet(fd))
			exchanges++;
		else if (!failures++)
			ksft_print_msg("a client: %s, while %s; %lld RSTs of kernel TCP\n", strerror(errno), stage,
				       counter_now(pair.b, "/proc/net/snmp", "Tcp:OutRsts"));
	}
	return NULL;
}

/* Answers, as a program that knows nothing of builds. */
static void *answer(void *arg)
{
	const int listener = *(const int *)arg;
	int fd;
	char c;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (recv(fd, &c, 1, 0) == 1)
			send(fd, &c, 1, MSG_NOSIGNAL);
		recv(fd, &c, 1, 0);	/* until the client has closed */
		close(fd);
	}
	return NULL;
}

static bool goes_on(void)
{
	int before = exchanges;

	return WAIT_FOR(exchanges > before + 4 * CLIENTS || failures, 3 * STACK_DEADLINE_MS) && !failures;
}

/* The socket goes back and forth; what has nothing left is unloaded and comes back in front. */
static void under_load(void)
{
	int port = PORT + 10, listener = stack_listener(pair.b, XTCP, NS_B4, port, true), rounds, old, i, t;
	pthread_t clients[CLIENTS], servers[2];
	enum stack next = SECOND;
	bool good = true;

	stop = false;
	failures = 0;
	rounds = short_rounds(4);
	for (t = 0; t < 2; t++)
		pthread_create(&servers[t], NULL, answer, &listener);
	for (t = 0; t < CLIENTS; t++)
		pthread_create(&clients[t], NULL, ask, &port);
	for (i = 0; i < rounds && good; i++, next = other(next)) {
		stage = "a build is loaded";
		load_newer(next);
		good = goes_on();
		stage = "it takes over";
		old = take_over(listener, next, NS_B4, port);
		good = good && goes_on();
		stage = "the old listener goes";
		let_go(listener, old);
		good = good && goes_on();
		stage = "the old build is unloaded";
		good = good && WAIT_FOR(!unload(other(next)), STACK_DEADLINE_MS) && goes_on();
		stage = "it is loaded again";
		good = good && !load(other(next));
	}
	stop = true;
	for (t = 0; t < CLIENTS; t++)
		pthread_join(clients[t], NULL);
	shutdown(listener, SHUT_RD);
	for (t = 0; t < 2; t++)
		pthread_join(servers[t], NULL);
	close(listener);
	ksft_test_result(good && !failures, "%d times, and the old build unloaded: none of %d connections failed\n", i,
			 exchanges + failures);
}

/* ---- the family */

#define FAMILY_OF "/sys/module/%s/parameters/family"

/* 0, or the errno of the write. */
static int set_parameter(enum stack stack, const char *format, const char *value)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), format, stack == XTCP ? "xtcp" : MODULE_SECOND);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err = errno;
	close(fd);
	return err;
}

static int set_family(enum stack stack, const char *number)
{
	return set_parameter(stack, FAMILY_OF, number);
}

static int family_of(enum stack stack)
{
	char path[64], *text;
	int number;

	snprintf(path, sizeof(path), FAMILY_OF, stack == XTCP ? "xtcp" : MODULE_SECOND);
	text = ns_read_file(ns_home(), path);
	number = text ? atoi(text) : -1;
	free(text);
	return number;
}

/* A socket of family @family and @protocol listens in the build @stack. */
static bool opens(int family, int protocol, enum stack stack)
{
	union stack_addr at = stack_addr("127.0.0.1", PORT + 20);
	int fd = socket(family, SOCK_STREAM, protocol);
	bool there = fd >= 0 && !bind(fd, &at.sa, sizeof(at.in)) && !listen(fd, 1) &&
		     rows_state(ns_home(), listing_of(stack, "127.0.0.1"), PORT + 20, 0) == TCP_LISTEN;

	close(fd);
	return there;
}

static atomic_int opened;

static void *open_all_the_time(void *arg)
{
	int fd;

	(void)arg;
	while (!stop) {
		fd = socket(AF_XTCP, SOCK_STREAM, 0);
		/* the core may look twice, just before and after the moment */
		if (fd < 0 && errno == EAFNOSUPPORT)
			fd = socket(AF_XTCP, SOCK_STREAM, 0);
		if (fd < 0 && !failures++)
			ksft_print_msg("socket: %s\n", strerror(errno));
		opened += fd >= 0;
		close(fd);
	}
	return NULL;
}

/* Both builds exchange their numbers while programs open sockets. */
static void families(void)
{
	int rounds = short_rounds(access("/proc/lockdep_stats", F_OK) ? 40 : 12), i, t, before;
	enum stack has = SECOND;
	pthread_t threads[2];
	bool good = true;

	ksft_test_result(set_family(SECOND, "0") == EINVAL && set_family(SECOND, "1000") == EINVAL &&
			 set_family(SECOND, "x") == EINVAL && set_family(SECOND, "2") == EBUSY &&
			 opens(MODULE_SECOND_FAMILY, 0, SECOND) && opens(AF_XTCP, 0, XTCP),
			 "another one's or no number is refused\n");
	ksft_test_result(!set_family(SECOND, "28") && opens(28, 0, SECOND) &&
			 socket(MODULE_SECOND_FAMILY, SOCK_STREAM, 0) < 0 && !set_family(SECOND, "27") &&
			 opens(MODULE_SECOND_FAMILY, 0, SECOND), "a free one is taken\n");
	stop = false;
	failures = 0;
	for (t = 0; t < 2; t++)
		pthread_create(&threads[t], NULL, open_all_the_time, NULL);
	for (i = 0; i < rounds && good; i++, has = other(has)) {
		before = opened;
		good = !set_family(has, "25") && family_of(has) == AF_XTCP && opens(AF_XTCP, 0, has) &&
		       family_of(other(has)) == MODULE_SECOND_FAMILY && opens(MODULE_SECOND_FAMILY, 0, other(has)) &&
		       WAIT_FOR(opened > before + 10 || failures, STACK_DEADLINE_MS);
		if (!good)
			ksft_print_msg("round %d: families %d and %d, %d sockets, then %s\n", i, family_of(XTCP),
				       family_of(SECOND), opened - before, strerror(errno));
	}
	stop = true;
	for (t = 0; t < 2; t++)
		pthread_join(threads[t], NULL);
	good = good && !set_family(XTCP, "25") && opens(AF_XTCP, 0, XTCP);
	ksft_test_result(good && !failures, "both exchange their numbers, %d times: none of %d sockets failed twice\n",
			 i, opened + failures);
}

/* ---- the names */

static int set_name(enum stack stack, const char *name)
{
	return set_parameter(stack, "/sys/module/%s/parameters/name", name);
}

static bool has_generic(const char *name)
{
	int fd = generic_open();
	bool has = generic_family(fd, name) > 0;

	close(fd);
	return has;
}

/* In this namespace net.xtcp and /proc/net/xtcp are those of @stack, the others of the other build. */
static bool belongs(int ns, enum stack stack)
{
	int fd = stack_listener(ns, stack, "127.0.0.1", PORT + 40, true), idle = 0;
	static int value = 1000;
	socklen_t len = sizeof(idle);
	bool good;

	value++;
	ns_sysctl_set(ns, "net.xtcp.keepalive_time", "%d", value);
	getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len);
	good = idle == value && ns_sysctl_get(ns, "net.xtcp.keepalive_time") == value &&
	       ns_sysctl_get(ns, "net.xtcp_b.keepalive_time") > 0 &&
	       ns_sysctl_get(ns, "net.xtcp_b.keepalive_time") != value &&
	       rows_state(ns, "/proc/net/xtcp", PORT + 40, 0) == TCP_LISTEN &&
	       !rows_state(ns, "/proc/net/xtcp_b", PORT + 40, 0);
	close(fd);
	return good;
}

/* Also in one that begins now, and in those of this user's. */
static bool belongs_everywhere(const int *nss, int n, enum stack stack)
{
	int begins = ns_make(), i;
	bool good = begins >= 0 && belongs(begins, stack) && has_generic("xtcp") && has_generic("xtcp_b");

	for (i = 0; i < n; i++)
		good = good && belongs(nss[i], stack);
	close(begins);
	return good;
}

static void *exchange_all_the_time(void *arg)
{
	enum stack *stack = arg;
	int err;

	while (!stop) {
		err = set_name(*stack, "xtcp");
		opened += !err;
		if (err && err != EBUSY && !failures++)
			ksft_print_msg("%s: %s\n", stack_name(*stack), strerror(err));
	}
	return NULL;
}

static void *begin_and_end(void *arg)
{
	(void)arg;
	while (!stop) {
		if (unshare(CLONE_NEWNET) ||
		    !WAIT_FOR(!access("/proc/thread-self/net/xtcp_paths", F_OK) &&
			      !access("/proc/sys/net/xtcp_b/sack", F_OK), STACK_DEADLINE_MS))
			failures++;
	}
	return NULL;
}

static void *read_all_the_time(void *arg)
{
	char text[4096];
	int fd;

	ns_enter(*(int *)arg);
	while (!stop) {
		fd = open("/proc/thread-self/net/xtcp", O_RDONLY);
		while (read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
		fd = open("/proc/sys/net/xtcp/fastopen_key", O_RDONLY);
		if (read(fd, text, sizeof(text)) < 0 && errno != ENOENT && errno != EBADF)
			failures++;
		close(fd);
	}
	return NULL;
}

static bool out_of_memory(const int *nss, int n)
{
	int nth, err, refusals = 0, step = short_rounds(4) == 4 ? 1 : 7;
	bool good = true, hit = true;

	for (nth = 1; good && hit; nth += step) {
		failing_nth(nth);
		err = set_name(SECOND, "xtcp");
		hit = failing_hit();
		failing_nth(0);
		refusals += err == ENOMEM;
		good = (!err || (err == ENOMEM && hit)) && belongs(nss[nth % n], err ? XTCP : SECOND) &&
		       (err || !set_name(XTCP, "xtcp"));
		if (!good)
			ksft_print_msg("allocation %d: %s\n", nth, strerror(err));
	}
	ksft_print_msg("%d refusals, %d allocations\n", refusals, nth);
	return good && refusals > 5;
}

/* net.xtcp.* and what else has that name goes to the other build, and comes back. */
static void names(void)
{
	const int nss[] = { pair.a, pair.b, ns_make_guest(), ns_home() };
	enum stack stacks[] = { XTCP, SECOND };
	int rounds = short_rounds(40), t;
	pthread_t threads[6];

	ksft_test_result(belongs_everywhere(nss, 4, XTCP) && !set_name(SECOND, "xtcp\n") &&
			 belongs_everywhere(nss, 4, SECOND) && !set_name(SECOND, "xtcp_b") &&
			 belongs_everywhere(nss, 4, XTCP), "two builds exchange their names\n");
	ksft_test_result(set_name(SECOND, " ") == EINVAL && set_name(SECOND, "xtcp_c") == EINVAL &&
			 set_name(SECOND, "../xtcp") == EINVAL && set_name(SECOND, "xtcp_bbbbbbbbbbbb") == EINVAL &&
			 !set_name(SECOND, "xtcp_b") && belongs_everywhere(nss, 4, XTCP), "other names are refused\n");
	renamed = !set_name(SECOND, "xtcp");
	ksft_test_result(!unload(XTCP) && !access("/proc/net/xtcp", F_OK) && access("/proc/net/xtcp_b", F_OK) &&
			 !load(XTCP) && belongs_everywhere(nss, 4, SECOND),
			 "the old build goes, the new one keeps the name, and a third gets the free one\n");
	ksft_test_result(!unload(SECOND) && set_name(XTCP, "xtcp") == EINVAL && !set_name(XTCP, "xtcp_b") &&
			 !access("/proc/net/xtcp_b", F_OK) && !load(SECOND) && !set_name(XTCP, "xtcp") &&
			 belongs_everywhere(nss, 4, XTCP), "one that is alone keeps its name\n");
	renamed = false;
	stop = false;
	opened = 0;
	failures = 0;
	for (t = 0; t < 6; t++)
		pthread_create(&threads[t], NULL, t < 2 ? exchange_all_the_time : t < 4 ? begin_and_end :
			       read_all_the_time, t < 2 ? (void *)&stacks[t] : (void *)&nss[t - 3]);
	WAIT_FOR(opened >= rounds || failures, 10 * STACK_DEADLINE_MS);
	stop = true;
	for (t = 0; t < 6; t++)
		pthread_join(threads[t], NULL);
	ksft_test_result(opened >= rounds && !failures && !set_name(XTCP, "xtcp") && belongs_everywhere(nss, 4, XTCP),
			 "%d times under namespaces and readers\n", opened);
	if (failing_begin())
		ksft_test_result(out_of_memory(nss, 4) && belongs_everywhere(nss, 4, XTCP),
				 "without memory both keep theirs\n");
	else
		ksft_test_result_skip("the kernel cannot let allocations fail: both keep theirs\n");
	close(nss[2]);
}

/* ---- the tool */

/* Each option has a value that no new socket has. */
static const struct setting {
	int level, option, value;
} settings[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ SOL_SOCKET, SO_PRIORITY, 5 },
	{ SOL_SOCKET, SO_MARK, 77 },
	{ SOL_SOCKET, SO_RCVBUF, 30000 },
	{ IPPROTO_IP, IP_TOS, 0x28 },
	{ IPPROTO_IP, IP_MINTTL, 9 },
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	{ IPPROTO_TCP, TCP_MAXSEG, 1000 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 321 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 54321 },
	{ IPPROTO_TCP, TCP_FASTOPEN, 11 },
};

static int option_of(int fd, const struct setting *setting)
{
	socklen_t len = sizeof(int);
	int value = -1;

	getsockopt(fd, setting->level, setting->option, &value, &len);
	return value;
}

/* xtcp upgrade: all listeners of all namespaces, their options and backlog, sysctls, the family. */
static void by_the_tool(void)
{
	int four = stack_listener(pair.b, XTCP, NS_B4, PORT + 30, true);
	int six = stack_listener(pair.a, XTCP, "::", PORT + 31, true);
	int client, server, before[ARRAY_SIZE(settings)], keys, backlog;
	union stack_addr peer = stack_addr(NS_A4, 0);
	struct tcp_md5sig key = { .tcpm_keylen = 3, .tcpm_key = "abc" };
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	bool good = true;
	unsigned int i;

	load_newer(SECOND);
	must_put("/sys/module/xtcp/parameters/protocol", "%d", IPPROTO_XTCP);
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		good = good && !stack_set(four, settings[i].level, settings[i].option, settings[i].value);
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		before[i] = option_of(four, &settings[i]);
	good = good && !listen(four, 33);
	ns_sysctl_set(pair.b, "net.xtcp.fin_timeout", "7");
	keys = stack_listener(pair.b, XTCP, NS_B4, PORT + 32, true);
	memcpy(&key.tcpm_addr, &peer, sizeof(peer.in));
	good = good && !setsockopt(keys, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key));
	good = good && WEXITSTATUS(system("said=$(scripts/tools/xtcp-upgrade xtcp_b 2>&1); status=$?\n"
					  "echo \"# $said\" | sed 's/^[^#]/# &/'\n"
					  "echo \"$said\" | grep -q 'port 7532: stays in xtcp: it has keys' &&"
					  "exit $status")) == 1;
	renamed = true;
	ksft_test_result(good && family_of(SECOND) == AF_XTCP && opens(AF_XTCP, 0, SECOND) &&
			 opens(AF_INET, IPPROTO_XTCP, SECOND),
			 "xtcp upgrade: new sockets are of the new build; a listener with keys stays\n");
	client = client_or_die(NS_B4, PORT + 30);
	server = stack_accept_or_die(four);
	good = is_of(SECOND, client, NS_B4, PORT + 30) && both_ways(client, server);
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		if (option_of(four, &settings[i]) == before[i])
			continue;
		ksft_print_msg("option %d.%d: %d in place of %d\n", settings[i].level, settings[i].option,
			       option_of(four, &settings[i]), before[i]);
		good = false;
	}
	getsockopt(four, IPPROTO_TCP, TCP_INFO, &info, &len);
	backlog = info.tcpi_sacked;
	if (!good || backlog != 33)
		ksft_print_msg("backlog %d\n", backlog);
	ksft_test_result(good && backlog == 33 && ns_sysctl_get(pair.b, "net.xtcp.fin_timeout") == 7,
			 "with options, backlog and sysctls\n");
	ksft_test_result(!ns_shell(pair.b, "scripts/tools/xtcp-ss --set cc=reno sport = :%d | grep -q 'reno' &&"
				   "scripts/tools/xtcp-ss -tni sport = :%d | grep -q reno && "
				   "scripts/tools/xtcp-ss --name xtcp_b -ltn | grep -q ':%d'",
				   PORT + 30, PORT + 30, PORT + 32), "the tools talk to the new build\n");
	close_each(client, server);
	client = stack_connected(pair.b, KERNEL, NS_A6, PORT + 31);
	server = stack_accept_or_die(six);
	ksft_test_result(both_ways(client, server) &&
			 rows_state(pair.a, listing_of(SECOND, NS_A6), PORT + 31, stack_port(client)) ==
			 TCP_ESTABLISHED, "in each namespace\n");
	close_each(client, server);
	good = !system("scripts/tools/xtcp-upgrade status | grep -q 'takeover.*descriptor'") &&
	       WEXITSTATUS(system("scripts/tools/xtcp-upgrade finish >/dev/null")) == 1 &&
	       stack_state(keys) == TCP_CLOSE;
	close(keys);
	ksft_test_result(good && !system("scripts/tools/xtcp-holders xtcp_b | grep -q 'takeover.*descriptor' && "
					 "! scripts/tools/xtcp-upgrade status | grep descriptor && "
					 "scripts/tools/xtcp-upgrade finish") && !module_is_loaded(),
			 "its status is known, and then the old build can go\n");
	close_each(four, six);
	renamed = false;
	if (!WAIT_FOR(!unload(SECOND), STACK_DEADLINE_MS) || load(XTCP) || load(SECOND))
		ksft_exit_fail_msg("cannot load both again: %s\n", strerror(errno));
}

static const struct part parts[] = {
	{ "sees", sees, 13 },
	{ "refusals", refusals, 7 },
	{ "families", families, 3 },
	{ "names", names, 6 },
	{ "tool", by_the_tool, 5 },
	{ "load", under_load, 1 },
	{ }
};

int main(int argc, char **argv)
{
	(void)argc;
	ksft_print_header();
	ksft_set_plan(1 + parts_results(parts, argv + 1));
	if (ns_pair_make(&pair))
		ksft_exit_fail_msg("no namespaces\n");
	if (module_second_load(""))
		ksft_exit_fail_msg("cannot load %s: %s\n", stack_name(SECOND), strerror(errno));
	parts_run(parts, argv + 1);
	ksft_test_result(WAIT_FOR(!unload(SECOND), STACK_DEADLINE_MS) && module_references() == 0,
			 "nothing holds a build any more\n");
	ns_pair_close(&pair);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
