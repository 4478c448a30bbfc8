// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.migrate_wait_ms: a listener waits for a successor after its program has closed it, or has been killed. The
 * successor gets the half-open connections and those that wait for accept(), those that came meanwhile, too, each octet
 * of them. No other user's program gets anything, and nothing is left when nobody comes in time.
 *
 * xtcp alone, over both IPs; kernel TCP has no such knob. Peers are kernel TCP's.
 *
 * RSTs end after XTCP_TELL_TIME (socket/family.c). That time passes only while the kernel sends them, so slow rules of
 * netfilter make each of them slow. How many are sent is the machine's business, but all would take four times as long.
 * In the laboratory no rule takes time.
 */
#include <linux/filter.h>
#include "estate.h"
#include "slow.h"
#include "test.h"

NEEDS_MODULE;
NEEDS_PROGRAMS("nft");

#define PORT		9800
#define QUIET_PORT	9799	/* no connection has used it */
#define LONG_MS		10000	/* the longest that there is */
#define MIDDLE_MS	3000	/* long enough for a call, on a busy machine */
#define SHORT_MS	300
#define AT_ONCE_MS	1000	/* far less than LONG_MS */
#define OTHER		1001	/* another user */
#define WAITING		3	/* connections that wait for accept() */
#define ROUNDS		100
#define CLIENTS		4
#define TELL_MS		100	/* XTCP_TELL_TIME */
#define TOLD_LATER	100	/* connections: more than can be told in that time */
#define RST_MS		(4 * TELL_MS / TOLD_LATER)

static struct ns_pair net;
static int references;	/* to the module, without a socket of this program's */

static bool is_refused(enum stack stack, const char *text, bool shares, uid_t uid)
{
	int fd = estate_bound(net.a, stack, text, PORT, shares, uid), err = errno;

	if (fd >= 0)
		close(fd);
	return fd < 0 && err == EADDRINUSE;
}

static const char *listing(const char *text)
{
	return strchr(text, ':') ? "/proc/net/xtcp6" : "/proc/net/xtcp";
}

static long long count(const char *name)
{
	return counter_now(net.a, "/proc/net/xtcp_netstat", name);
}

/* It has sent a number that is its own. */
static int client_of(const char *text, int number)
{
	int fd = stack_connected(net.b, KERNEL, text, PORT);

	must(fd >= 0 && send(fd, &number, sizeof(number), MSG_NOSIGNAL) == sizeof(number), "client");
	return fd;
}

/* All clients' data is acknowledged: it waits at the listener. */
static bool has_arrived(const char *text, int fd)
{
	struct row row;

	return rows_find(net.a, listing(text), PORT, stack_port(fd), &row) == 1 && row.rx_queue == sizeof(int);
}

/* A client whose number has arrived: it waits at the listener. */
static int waiting_client(const char *text, int number)
{
	int fd = client_of(text, number);

	must(WAIT_FOR(has_arrived(text, fd), STACK_DEADLINE_MS), "text");
	return fd;
}

/* accept() gives the client that has sent this number, and an answer reaches it. */
static bool serves(int listener, int client, int number)
{
	int fd = stack_poll(listener, POLLIN, STACK_DEADLINE_MS) ? accept(listener, NULL, NULL) : -1, got = -1;
	bool ok = fd >= 0 && recv(fd, &got, sizeof(got), 0) == sizeof(got) && got == number &&
		  stack_carries(fd, client, 100);

	if (!ok)
		ksft_print_msg("descriptor %d, number %d instead of %d: %s\n", fd, got, number, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool is_reset(int fd)
{
	char octet;

	return stack_poll(fd, 0, STACK_DEADLINE_MS) && recv(fd, &octet, 1, 0) == -1 && errno == ECONNRESET;
}

/* The listener has ended: nothing holds the port, and the module has as many references as without it. */
static bool is_over_within(const char *text, int ms)
{
	/* a socket that tries the port holds the module for a moment, too */
	return WAIT_FOR(estate_is_free(net.a, text, PORT), ms) && WAIT_FOR(module_references() == references, ms);
}

static bool is_over(const char *text)
{
	return is_over_within(text, STACK_DEADLINE_MS);
}

static void takes_over(const char *text)
{
	int listener = estate_member(net.a, text, PORT), heir, client[WAITING + 2], i;
	bool ok = true;

	estate_knobs(net.a, 1, LONG_MS);
	for (i = 0; i < WAITING; i++)
		client[i] = waiting_client(text, i);
	/* one is half open: the SYN-ACK does not leave, nor does anything else */
	must(!netem_hold(net.a, "veth0"), "hold");
	client[i] = stack_begin_or_die(net.b, KERNEL, text, PORT);
	must(WAIT_FOR(rows_state(net.a, listing(text), PORT, stack_port(client[i])) == TCP_SYN_RECV, STACK_DEADLINE_MS),
	     "half open");
	close(listener);
	ok &= rows_state(net.a, listing(text), PORT, stack_port(client[i])) == TCP_SYN_RECV;
	ok &= !estate_is_free(net.a, text, PORT);
	for (i = 0; i < WAITING; i++)
		ok &= stack_state(client[i]) == TCP_ESTABLISHED;
	ksft_test_result(ok && !count("TcpExt:TCPMigrateReqFailure"), "%s: a listener that is closed waits\n", text);

	heir = estate_member(net.a, text, PORT);
	/* before the third ACK of the half-open one, which would be accepted first */
	ok = WAIT_FOR(count("TcpExt:TCPMigrateReqSuccess") == WAITING + 1, STACK_DEADLINE_MS);
	must(!netem_release(net.a, "veth0"), "release");
	for (i = 0; i < WAITING; i++)
		ok &= serves(heir, client[i], i);
	must(WAIT_FOR(stack_state(client[i]) == TCP_ESTABLISHED, STACK_DEADLINE_MS), "handshake");
	must(send(client[i], &i, sizeof(i), MSG_NOSIGNAL) == sizeof(i), "send");
	must(!fcntl(client[i], F_SETFL, 0), "blocking");
	ok &= serves(heir, client[i], i) && count("TcpExt:TCPMigrateReqSuccess") == WAITING + 1;
	ksft_test_result(ok && !count("TcpExt:TCPMigrateReqFailure"),
			 "%s: its successor gets the half-open connection and those that wait\n", text);
	for (i = 0; i <= WAITING; i++)
		close(client[i]);

	/* the next one comes before the successor's successor */
	close(heir);
	client[0] = client_of(text, 7);
	listener = estate_member(net.a, text, PORT);
	ksft_test_result(serves(listener, client[0], 7), "%s: and a connection that begins meanwhile\n", text);
	close(client[0]);
	estate_knobs(net.a, 0, 0);
	close(listener);
}

/* In ms, by the clock of the ticks: a late tick makes a deadline early by any other clock. */
static long long now_by_ticks_ms(void)
{
	struct timespec now;

	must(!clock_gettime(CLOCK_MONOTONIC_COARSE, &now), "clock");
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void nobody_comes(const char *text)
{
	int listener = estate_member(net.a, text, PORT), client[WAITING], i;
	long long failed = count("TcpExt:TCPMigrateReqFailure"), begin;
	bool ok = true;

	estate_knobs(net.a, 1, SHORT_MS);
	for (i = 0; i < WAITING; i++)
		client[i] = waiting_client(text, i);
	begin = now_by_ticks_ms();
	close(listener);
	for (i = 0; i < WAITING; i++)
		ok &= is_reset(client[i]);
	begin = wait_now_ms() - begin;
	ok &= begin >= SHORT_MS && count("TcpExt:TCPMigrateReqFailure") == failed + WAITING;
	ksft_print_msg("reset after %lld ms\n", begin);
	ksft_test_result(ok && is_over(text), "%s: without a successor all are reset when the time is over\n", text);
	stack_close(client, WAITING);
}

static bool has_ended(int fd)
{
	return stack_poll(fd, 0, 0);
}

static int count_ended(const int *fd, int n)
{
	int i, ended = 0;

	for (i = 0; i < n; i++)
		ended += has_ended(fd[i]);
	return ended;
}

/* How many connections wait for accept(). */
static int waiting_at(int listener)
{
	return info_of(listener).tcpi_unacked;
}

/* An administrator's request. 0 or an errno. */
static int destroy_listener(void *text)
{
	int fd = must_have(diag_open(), "sock_diag"), err = diag_destroy(fd, text, PORT, text, 0);

	close(fd);
	return err;
}

/*
 * A listener ends, and each RST takes long: a worker of the kernel does not send all of them. @by_request: an
 * administrator's request ends it. sock_diag may wait for it: on Linux 6.1 one runs at a time. Else nobody comes.
 */
static void told_for_a_while(const char *text, bool by_request)
{
	const char *how = by_request ? " of SOCK_DESTROY" : "";
	int listener = estate_bound(net.a, XTCP, text, PORT, true, 0), client[TOLD_LATER], i;
	long long sent;
	bool ok;

	must(listener >= 0 && !listen(listener, TOLD_LATER), "listener");
	if (!slow_resets(net.a, RST_MS)) {
		close(listener);
		ksft_test_result_skip("the kernel cannot be slow in virtual time: %s: RSTs%s end\n", text, how);
		ksft_test_result_skip("the kernel cannot be slow in virtual time: %s: others%s later\n", text, how);
		return;
	}
	if (!by_request)
		estate_knobs(net.a, 1, MIDDLE_MS);
	for (i = 0; i < TOLD_LATER; i++)
		client[i] = client_of(text, i);
	must(WAIT_FOR(waiting_at(listener) == TOLD_LATER, STACK_DEADLINE_MS), "connections");
	sent = counter_now(net.a, "/proc/net/xtcp_snmp", "Tcp:OutRsts");
	ok = !by_request || !ns_call(net.a, destroy_listener, (void *)text);
	close(listener);
	ok &= is_over(text);
	sent = counter_now(net.a, "/proc/net/xtcp_snmp", "Tcp:OutRsts") - sent;
	ok &= WAIT_FOR(count_ended(client, TOLD_LATER) == sent, STACK_DEADLINE_MS);
	ksft_print_msg("%lld of %d were reset at once\n", sent, TOLD_LATER);
	ksft_test_result(ok && sent < TOLD_LATER, "%s: RSTs%s end before all of many connections have got one\n", text,
			 how);
	for (i = 0, ok = true; i < TOLD_LATER; i++)
		ok &= has_ended(client[i]) || (send(client[i], "x", 1, MSG_NOSIGNAL) == 1 && is_reset(client[i]));
	ksft_test_result(ok, "%s: the others%s get one when they send again\n", text, how);
	must(!ns_shell(net.a, "nft delete table inet slow"), "nft");
	stack_close(client, TOLD_LATER);
}

static void ends_at_once(const char *text, const char *why, bool shares, int migrate_req, int wait_ms, bool shut)
{
	int listener = estate_bound(net.a, XTCP, text, PORT, shares, 0), client;
	bool ok;

	must(listener >= 0 && !listen(listener, ESTATE_BACKLOG), "listener");
	estate_knobs(net.a, migrate_req, wait_ms);
	client = waiting_client(text, 1);
	if (shut)
		must(!shutdown(listener, SHUT_RD), "shutdown");
	close(listener);
	ok = estate_is_free(net.a, text, PORT);
	ksft_test_result(ok && is_reset(client), "%s: %s ends at once\n", text, why);
	close(client);
}

/* While it waits, no other user gets the port, nor what waits there. */
static void of_another_user(const char *text)
{
	int listener = estate_member(net.a, text, PORT), client, heir;
	bool ok;

	estate_knobs(net.a, 1, LONG_MS);
	client = waiting_client(text, 5);
	close(listener);
	ok = is_refused(XTCP, text, true, OTHER) && is_refused(XTCP, text, false, OTHER) &&
	     is_refused(KERNEL, text, true, OTHER) && is_refused(KERNEL, text, false, OTHER);
	ksft_test_result(ok, "%s: another user does not get the port meanwhile\n", text);
	ksft_test_result(is_refused(XTCP, text, false, 0) && is_refused(KERNEL, text, false, 0),
			 "%s: nor does a socket without SO_REUSEPORT\n", text);
	heir = estate_member(net.a, text, PORT);
	ksft_test_result(serves(heir, client, 5), "%s: the user's own does\n", text);
	close(client);
	estate_knobs(net.a, 0, 0);
	close(heir);
	must(is_over(text), "over");
}

/* Only the last one waits; the other's connections go to it, and with its own to the successor. */
static void last_member_waits(const char *text)
{
	int listener[2] = { estate_member(net.a, text, PORT), estate_member(net.a, text, PORT) };
	int client[2 * WAITING], heir, i, left;
	bool came[2 * WAITING] = {}, ok = true;

	estate_knobs(net.a, 1, LONG_MS);
	for (i = 0; i < 2 * WAITING; i++)
		client[i] = waiting_client(text, i);
	close_each(listener[0], listener[1]);
	heir = estate_member(net.a, text, PORT);
	for (left = 2 * WAITING; left && ok; left--) {
		int fd = stack_poll(heir, POLLIN, STACK_DEADLINE_MS) ? accept(heir, NULL, NULL) : -1, number = -1;

		ok = fd >= 0 && recv(fd, &number, sizeof(number), 0) == sizeof(number) && number >= 0 &&
		     number < 2 * WAITING && !came[number];
		if (ok)
			came[number] = true;
		if (fd >= 0)
			close(fd);
	}
	ksft_test_result(ok, "%s: of two members that close the last one waits, for all\n", text);
	stack_close(client, 2 * WAITING);
	estate_knobs(net.a, 0, 0);
	close(heir);
}

/* The user of the listener in a listing by netlink; -1: none. */
static int user_by_netlink(void *text)
{
	const struct diag_query query = { .stack = XTCP, .v6 = strchr(text, ':'), .states = 1 << TCP_LISTEN };
	static struct diag_copy copy;

	return diag_find(&query, QUIET_PORT, 0, &copy) == 1 ? (int)copy.msg.idiag_uid : -1;
}

/* The last three columns of the listener's line, the only one, are user, inode and somaxconn. */
static bool is_in_listeners(unsigned int uid)
{
	char *text = ns_read_file(net.a, "/proc/net/xtcp_listen"), *line = text ? strchr(text, '\n') : NULL;
	unsigned long inode = 1;
	unsigned int user = 0;
	bool ok = line && sscanf(line + 1, "%*s %*u %*u %*u %*u %*u %*u %*u %*u %*u %u %lu", &user, &inode) == 2 &&
		  user == uid && !inode;

	free(text);
	return ok;
}

/* The listings name the user of a listener that waits, and no inode. */
static void listed_as_its_users(const char *text)
{
	struct row row;
	bool ok;

	estate_knobs(net.a, 1, LONG_MS);
	close(estate_member_of(net.a, OTHER, text, QUIET_PORT));
	ok = rows_find(net.a, listing(text), QUIET_PORT, 0, &row) == 1 && row.uid == OTHER && !row.inode;
	ksft_test_result(ok && is_in_listeners(OTHER) && ns_call(net.a, user_by_netlink, (void *)text) == OTHER,
			 "%s: listings name its user\n", text);
	estate_knobs(net.a, 0, 0);
	close(estate_member_of(net.a, OTHER, text, QUIET_PORT));
	must(WAIT_FOR(estate_is_free(net.a, text, QUIET_PORT), STACK_DEADLINE_MS), "over");
}

/* Does xtcp-holders name a listener that waits? */
static int is_named(void *arg)
{
	FILE *pipe = popen("scripts/tools/xtcp-holders 2>&1", "re");
	char line[200];
	int named = 0;

	must(pipe, "xtcp-holders");
	while (fgets(line, sizeof(line), pipe))
		named += strstr(line, arg) && strstr(line, "waits for a successor");
	pclose(pipe);
	return named;
}

static void holds_the_module(const char *text)
{
	char address[64];
	bool named;

	snprintf(address, sizeof(address), strchr(text, ':') ? "[%s]:%d " : "%s:%d ", text, PORT);
	estate_knobs(net.a, 1, LONG_MS);
	close(estate_member(net.a, text, PORT));
	named = ns_call(net.a, is_named, address) == 1;
	estate_knobs(net.a, 0, 0);
	close(estate_member(net.a, text, PORT));
	ksft_test_result(named && is_over(text) && !ns_call(net.a, is_named, address),
			 "%s: xtcp-holders names it while it waits\n", text);
}

/* A program that names member 0. */
static void attach(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { 1, code };

	must(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)), "attach");
}

/* As beside a live member: attached before bind() it keeps the successor off the port, after listen() it does not. */
static void with_program(const char *text)
{
	union stack_addr addr = stack_addr(text, PORT);
	int listener = estate_member(net.a, text, PORT), fd = stack_socket(net.a, XTCP, text), client, err;

	must(fd >= 0 && !stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
	     !stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1), "socket");
	estate_knobs(net.a, 1, LONG_MS);
	client = waiting_client(text, 4);
	close(listener);
	attach(fd);
	err = bind(fd, &addr.sa, stack_addr_len(&addr)) ? errno : 0;
	close(fd);
	ksft_test_result(err == EADDRINUSE, "%s: a successor with a BPF program before bind() does not get the port\n",
			 text);
	fd = estate_member(net.a, text, PORT);
	attach(fd);
	ksft_test_result(serves(fd, client, 4), "%s: one that attaches it after listen() does\n", text);
	close(client);
	estate_knobs(net.a, 0, 0);
	close(fd);
}

static void killed(const char *text)
{
	int client, heir, status, pipefd[2];
	pid_t pid;
	char octet;

	estate_knobs(net.a, 1, LONG_MS);
	must(!pipe2(pipefd, O_CLOEXEC), "pipe");
	pid = fork();
	if (!pid) {
		estate_member(net.a, text, PORT);
		if (write(pipefd[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	must(pid > 0 && read(pipefd[0], &octet, 1) == 1, "server");
	client = waiting_client(text, 9);
	must(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid, "kill");
	heir = estate_member(net.a, text, PORT);
	ksft_test_result(serves(heir, client, 9), "%s: a program that is killed leaves its connections, too\n", text);
	close_each(client, pipefd[0], pipefd[1]);
	estate_knobs(net.a, 0, 0);
	close(heir);
}

static void no_memory(const char *text)
{
	int listener = estate_member(net.a, text, PORT);
	bool failed;

	estate_knobs(net.a, 1, LONG_MS);
	if (!failing_begin()) {
		estate_knobs(net.a, 0, 0);
		close(listener);
		ksft_test_result_skip("the kernel cannot let allocations fail: %s: without memory for it\n", text);
		return;
	}
	failing_nth(1);
	close(listener);
	failed = failing_hit();
	failing_nth(0);
	ksft_test_result(failed && estate_is_free(net.a, text, PORT),
			 "%s: without memory for it a listener ends at once\n", text);
}

static void administrator_ends_it(const char *text)
{
	int listener = estate_member(net.a, text, PORT), client, err;

	estate_knobs(net.a, 1, LONG_MS);
	client = waiting_client(text, 3);
	close(listener);
	err = ns_call(net.a, destroy_listener, (void *)text);
	ksft_test_result(!err && is_reset(client) && is_over_within(text, AT_ONCE_MS),
			 "%s: an administrator ends it, and it holds nothing any more\n", text);
	if (err)
		ksft_print_msg("SOCK_DESTROY: %s\n", strerror(err));
	close(client);
}

static void module_is_held(const char *text)
{
	int listener = estate_member(net.a, text, PORT), client, err;
	bool ok;

	estate_knobs(net.a, 1, MIDDLE_MS);
	client = waiting_client(text, 2);
	close(listener);
	err = module_unload_now() ? errno : 0;
	ok = err == EWOULDBLOCK && is_reset(client);
	close(client);
	ok &= WAIT_FOR(!module_unload_now(), STACK_DEADLINE_MS);
	ksft_test_result(ok, "%s: the module stays until it has waited, and goes then\n", text);
	must(module_is_loaded() || !module_load(""), "load");
}

static void unload_ends_it(const char *text)
{
	int listener = estate_member(net.a, text, PORT), client;
	bool ok;

	estate_knobs(net.a, 1, LONG_MS);
	client = waiting_client(text, 2);
	close(listener);
	ok = !system("scripts/tools/xtcp-holders --unload");
	ksft_test_result(ok && is_reset(client), "%s: \"xtcp unload\" ends it, and what waits there\n", text);
	close(client);
	must(module_is_loaded() || !module_load(""), "load");
}

/* A server ends, and begins again a moment later, again and again, while clients connect. */
struct storm {
	const char *text;
	atomic_bool stop;
	atomic_int served, lost;
};

static void serve_for(struct storm *s, int fd, int ms)
{
	const long long until = wait_now_ms() + ms;
	int c;

	while (wait_now_ms() < until) {
		c = accept(fd, NULL, NULL);
		if (c < 0) {
			wait_tick();
			continue;
		}
		send(c, "x", 1, MSG_NOSIGNAL);
		close(c);
		atomic_fetch_add(&s->served, 1);
	}
}

static void *connect_on(void *arg)
{
	struct storm *s = arg;

	while (!atomic_load(&s->stop))
		if (stack_take_octet(stack_connected(net.b, KERNEL, s->text, PORT)))
			atomic_fetch_add(&s->lost, 1);
	return NULL;
}

static void storm(const char *text)
{
	int listener, i;
	struct storm s = { .text = text };
	pthread_t clients[CLIENTS];

	estate_knobs(net.a, 1, LONG_MS);
	listener = estate_member(net.a, text, PORT);
	for (i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, connect_on, &s);
	for (i = 0; i < ROUNDS; i++) {
		serve_for(&s, listener, 2 + i % 3);
		close(listener);
		wait_until_ms(wait_now_ms() + i % 4);
		listener = estate_member(net.a, text, PORT);
	}
	atomic_store(&s.stop, true);
	for (i = 0; i < CLIENTS; i++)
		while (pthread_tryjoin_np(clients[i], NULL))
			serve_for(&s, listener, 1);
	estate_knobs(net.a, 0, 0);
	close(listener);
	ksft_print_msg("%d connections served, %d lost\n", s.served, s.lost);
	ksft_test_result(s.served && !s.lost && is_over(text),
			 "%s: a server ends and begins %d times under load, and nothing is lost\n", text, ROUNDS);
}

int main(void)
{
	static const char * const texts[] = { NS_A4, NS_A6 };

	test_begin(2 * 26);
	references = module_references();
	for (int i = 0; i < 2; i++) {
		const char *text = texts[i];

		must(!ns_pair_make(&net), "namespaces");
		takes_over(text);
		nobody_comes(text);
		told_for_a_while(text, false);
		told_for_a_while(text, true);
		ends_at_once(text, "without the knob a listener", true, 1, 0, false);
		ends_at_once(text, "without migrate_req a listener", true, 0, LONG_MS, false);
		ends_at_once(text, "one without SO_REUSEPORT", false, 1, LONG_MS, false);
		ends_at_once(text, "one after shutdown()", true, 1, LONG_MS, true);
		of_another_user(text);
		last_member_waits(text);
		listed_as_its_users(text);
		holds_the_module(text);
		with_program(text);
		killed(text);
		no_memory(text);
		administrator_ends_it(text);
		storm(text);
		ns_pair_close(&net);
		must(!ns_pair_make(&net), "namespaces");
		module_is_held(text);
		unload_ends_it(text);
		ns_pair_close(&net);
	}
	ksft_finished();
}
