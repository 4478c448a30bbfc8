// SPDX-License-Identifier: GPL-2.0
/* /proc/net/xtcp_aborts: for what reasons the connections of each listener were aborted. */
#include "test.h"

NEEDS_MODULE;

#define PORT	7300
#define SAYS	512
#define MEMBERS	3
#define ROUNDS	12

/* The file without its heading, uids and inodes: "127.0.0.1:7300 reset 1, ...". */
static void counts(int ns, char *to)
{
	char *text = ns_read_file(ns, "/proc/net/xtcp_aborts"), *line, *next, address[64], reason[32];
	unsigned long inode, number;
	int uid;

	*to = 0;
	must(text, "/proc/net/xtcp_aborts");
	line = strtok_r(text, "\n", &next);
	must(line && strstr(line, "local_address"), "heading");
	while ((line = strtok_r(NULL, "\n", &next))) {
		must(sscanf(line, "%63s %d %lu %31s %lu", address, &uid, &inode, reason, &number) == 5 && inode,
		     "line");
		snprintf(to + strlen(to), SAYS - strlen(to), "%s%s %s %lu", *to ? ", " : "", address, reason, number);
	}
	free(text);
}

static bool say(int ns, const char *want)
{
	char found[SAYS];

	counts(ns, found);
	if (strcmp(found, want))
		ksft_print_msg("'%s', want '%s'\n", found, want);
	return !strcmp(found, want);
}

static void peer_resets(int ns, int listener, const char *text, int port)
{
	int client = stack_connected(ns, XTCP, text, port), server = stack_accept_or_die(listener);

	must(!stack_abort(client), "SO_LINGER");
	must(WAIT_FOR(stack_state(server) == TCP_CLOSE, STACK_DEADLINE_MS), "the end");
	close(server);
}

static void program_aborts(int ns, int listener, const char *text, int port)
{
	int client = stack_connected(ns, XTCP, text, port), server = stack_accept_or_die(listener);

	must(!stack_abort(server), "SO_LINGER");
	must(WAIT_FOR(stack_state(client) == TCP_CLOSE, STACK_DEADLINE_MS), "the end");
	close(client);
}

static void both_close(int ns, int listener, const char *text, int port)
{
	int client = stack_connected(ns, XTCP, text, port), server = stack_accept_or_die(listener);

	close(client);
	must(stack_at_end(server), "FIN");
	close(server);
}

static void reasons(const char *text, const char *shown)
{
	int ns = ns_make(), first = stack_listener(ns, XTCP, text, PORT, false), second, client, server;
	int late, late_server;
	char want[SAYS];
	bool ok;

	second = stack_listener(ns, XTCP, text, PORT + 1, false);
	both_close(ns, first, text, PORT);
	ok = say(ns, "");
	peer_resets(ns, first, text, PORT);
	peer_resets(ns, first, text, PORT);
	program_aborts(ns, first, text, PORT);
	program_aborts(ns, second, text, PORT + 1);
	snprintf(want, sizeof(want), "%s:%d reset 2, %s:%d linger 1, %s:%d linger 1", shown, PORT, shown, PORT, shown,
		 PORT + 1);
	ksft_test_result(say(ns, want) && ok, "two listeners, two reasons, %s\n", text);

	/* disconnected by the program of the listener */
	client = stack_connected(ns, XTCP, text, PORT + 1);
	server = stack_accept_or_die(second);
	must(!stack_disconnect(server), "AF_UNSPEC");
	close_each(server, client);
	snprintf(want, sizeof(want), "%s:%d reset 2, %s:%d linger 1, %s:%d linger 1, %s:%d disconnect 1", shown, PORT,
		 shown, PORT, shown, PORT + 1, shown, PORT + 1);
	ksft_test_result(say(ns, want), "a disconnect, %s\n", text);

	/* shutdown() ends the first one, and listen() begins again */
	late = stack_connected(ns, XTCP, text, PORT);
	late_server = stack_accept_or_die(first);
	client = stack_connected(ns, XTCP, text, PORT);
	server = stack_accept_or_die(first);
	must(!shutdown(first, SHUT_RD), "shutdown");
	must(!stack_reset_at_close(server), "SO_LINGER");
	close_each(server, client);
	must(!listen(first, 5), "listen");
	snprintf(want, sizeof(want), "%s:%d linger 1, %s:%d disconnect 1", shown, PORT + 1, shown, PORT + 1);
	ok = say(ns, want);
	peer_resets(ns, first, text, PORT);
	snprintf(want, sizeof(want), "%s:%d linger 1, %s:%d disconnect 1, %s:%d reset 1", shown, PORT + 1, shown,
		 PORT + 1, shown, PORT);
	ksft_test_result(say(ns, want) && ok, "the next listen() begins at 0, %s\n", text);

	/* the sockets of the first listen() that are still open count for the second */
	must(!stack_reset_at_close(late_server), "SO_LINGER");
	close_each(late_server, late);
	snprintf(want, sizeof(want), "%s:%d linger 1, %s:%d disconnect 1, %s:%d reset 1, %s:%d linger 1", shown,
		 PORT + 1, shown, PORT + 1, shown, PORT, shown, PORT);
	ksft_test_result(say(ns, want), "a late abort counts for the next listen(), %s\n", text);
	close_each(first, second, ns);
}

/* What bind() and connect() open is no listener's, even on a listener's port. */
static void connects(void)
{
	int ns = ns_make(), listener = stack_listener(ns, XTCP, "127.0.0.1", PORT, true);
	int client = stack_bound(ns, XTCP, "127.0.0.2", PORT, true), server;
	bool ok;

	must(!stack_connect(client, "127.0.0.1", PORT), "connect");
	server = stack_accept_or_die(listener);
	must(!stack_abort(client), "SO_LINGER");
	must(WAIT_FOR(stack_state(server) == TCP_CLOSE, STACK_DEADLINE_MS), "the end");
	close(server);
	ok = say(ns, "127.0.0.1:7300 reset 1");

	/* one whose listener has ended */
	client = stack_connected(ns, XTCP, "127.0.0.1", PORT);
	server = stack_accept_or_die(listener);
	close(listener);
	must(!stack_abort(client), "SO_LINGER");
	must(WAIT_FOR(stack_state(server) == TCP_CLOSE, STACK_DEADLINE_MS), "the end");
	close(server);
	ok &= say(ns, "");
	listener = stack_listener(ns, XTCP, "127.0.0.1", PORT, true);
	ksft_test_result(say(ns, "") && ok,
			 "neither what connect() opens, nor connections of a listener that has ended\n");
	close_each(listener, ns);
}

static int member(int ns, bool reuse)
{
	union stack_addr addr = stack_addr("127.0.0.1", PORT);
	int fd = stack_socket(ns, XTCP, "127.0.0.1"), value = reuse;

	must(!stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	     !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value)), "options");
	must(!bind(fd, &addr.sa, stack_addr_len(&addr)) && !listen(fd, 5), "listen");
	return fd;
}

/* The lines of a group's members have one address; each member counts its own. */
static void members(void)
{
	int ns = ns_make(), fd[MEMBERS], of[MEMBERS] = {}, i, round, client, server = -1;
	char want[SAYS] = "", *at = want;
	bool ok;

	for (i = 0; i < MEMBERS; i++) {
		fd[i] = member(ns, false);
		must(!setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_usec = 1 },
				 sizeof(struct timeval)), "SO_RCVTIMEO");
	}
	for (round = 0; round < ROUNDS; round++) {
		client = stack_connected(ns, XTCP, "127.0.0.1", PORT);
		for (i = 0; i < MEMBERS; i++) {
			server = accept(fd[i], NULL, NULL);
			if (server >= 0)
				break;
		}
		must(server >= 0, "accept");
		of[i]++;
		must(!stack_reset_at_close(server), "SO_LINGER");
		close_each(server, client);
	}
	for (i = 0; i < MEMBERS; i++)
		if (of[i])
			at += sprintf(at, "%s127.0.0.1:7300 linger %d", at == want ? "" : ", ", of[i]);
	ok = say(ns, want);
	ksft_test_result(ok && (!!of[0] + !!of[1] + !!of[2]) > 1, "members of a group, each for itself\n");
	stack_close(fd, MEMBERS);
	close(ns);
}

/* Does bind() without options get the port, of either stack? */
static bool is_free(int ns)
{
	int ours = stack_bound(ns, XTCP, "127.0.0.1", PORT, false), theirs;

	if (ours >= 0)
		close(ours);
	theirs = stack_bound(ns, KERNEL, "127.0.0.1", PORT, false);
	if (theirs >= 0)
		close(theirs);
	return ours >= 0 && theirs >= 0;
}

/* A member ends. The other one takes over its connection, which waits for accept(); it may differ in SO_REUSEADDR. */
static void takes_over(bool differs, bool reuse, const char *want, const char *name)
{
	int ns = ns_make(), first = member(ns, reuse), heir, client, server;
	bool ok;

	must(!ns_sysctl_set(ns, "net.xtcp.migrate_req", "1"), "migrate_req");
	client = stack_connected(ns, XTCP, "127.0.0.1", PORT);
	must(stack_poll(first, POLLIN, STACK_DEADLINE_MS), "a connection that waits");
	heir = member(ns, reuse ^ differs);
	close(first);
	server = stack_accept_or_die(heir);
	must(!stack_abort(client), "SO_LINGER");
	must(WAIT_FOR(stack_state(server) == TCP_CLOSE, STACK_DEADLINE_MS), "the end");
	ok = say(ns, want);
	close_each(heir, server);
	ksft_test_result(ok && is_free(ns), "what a member has taken over, %s\n", name);
	close(ns);
}

static void guest(void)
{
	int ns = ns_make_guest(), other = ns_make(), listener = stack_listener(ns, XTCP, "127.0.0.1", PORT, false);
	int neighbour = stack_listener(other, XTCP, "127.0.0.1", PORT, false);

	peer_resets(ns, listener, "127.0.0.1", PORT);
	ksft_test_result(say(ns, "127.0.0.1:7300 reset 1") && say(other, ""), "a guest's, and not its neighbour's\n");
	close_each(listener, neighbour, ns, other);
}

/* All allocations of this task fail while its RST is processed, here and by the peer. */
static void no_memory(void)
{
	int ns, listener, client, server;

	if (!failing_begin()) {
		ksft_test_result_skip("the kernel cannot: no memory for the first count\n");
		return;
	}
	ns = ns_make();
	listener = stack_listener(ns, XTCP, "127.0.0.1", PORT, false);
	client = stack_connected(ns, XTCP, "127.0.0.1", PORT);
	server = stack_accept_or_die(listener);
	must(!stack_reset_at_close(server), "SO_LINGER");
	failing_all(0);
	close(server);
	failing_all(-1);
	close(client);
	ksft_test_result(say(ns, "127.0.0.1:7300 linger 1"), "the first count needs no memory\n");
	close_each(listener, ns);
}

int main(void)
{
	test_begin(15);
	reasons("127.0.0.1", "127.0.0.1");
	reasons("::1", "[::1]");
	connects();
	members();
	takes_over(false, false, "127.0.0.1:7300 reset 1", "for this member");
	takes_over(true, false, "", "for none, if this member alone has SO_REUSEADDR");
	takes_over(true, true, "", "for none, if this member alone lacks SO_REUSEADDR");
	guest();
	no_memory();
	ksft_finished();
}
