// SPDX-License-Identifier: GPL-2.0
/*
 * Memory control groups (version 2): a connection's memory is charged to the group of the program that called socket()
 * or accept(), to the octet, from what came before accept() on, and all of it is given back. Beyond memory.max a stream
 * goes on. What a listener that closes hands to another one of its group (migrate_req) is charged to who accepts it.
 * What SO_RESERVE_MEM reserves is charged, stays reserved while the queues grow and shrink, and is given back, too.
 * On both stacks.
 */
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include "lib/test.h"

#define TREE		"/sys/fs/cgroup/"
#define CLIENTS		TREE "memcg_clients/"	/* of who connects */
#define SERVERS		TREE "memcg_servers/"	/* of who accepts */
#define BUFFER		1048576
#define LARGE		65536
#define MAX_OCTETS	262144	/* less than a receive buffer of rmem_max holds */
#define STREAM		4194304

static int net;

/* The number behind a name in a file of lines with both. */
static long line_of(const char *path, const char *what)
{
	FILE *f = fopen(path, "r");
	char name[64];
	long number;

	must(f, path);
	while (fscanf(f, "%63s %ld", name, &number) == 2)
		if (!strcmp(name, what))
			break;
	must(!strcmp(name, what), what);
	fclose(f);
	return number;
}

static long charged(const char *group)
{
	char path[100];

	snprintf(path, sizeof(path), "%smemory.stat", group);
	return line_of(path, "sock");
}

/* What the socket holds, and keeps in reserve. */
static long held(int fd)
{
	__u32 mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);

	must(!getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len), "SO_MEMINFO");
	return (long)mem[SK_MEMINFO_RMEM_ALLOC] + mem[SK_MEMINFO_WMEM_QUEUED] + mem[SK_MEMINFO_FWD_ALLOC];
}

static void enter(const char *group)
{
	char path[100];

	snprintf(path, sizeof(path), "%scgroup.procs", group);
	must_put(path, "0");
}

static int client_to(enum stack stack, const char *text, int listener)
{
	int fd, size = BUFFER;

	enter(CLIENTS);
	fd = stack_socket(net, stack, text);
	enter(TREE);
	must(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), "socket");
	must(!stack_connect(fd, text, stack_port(listener)), "connect");
	return fd;
}

static int accept_member(int listener)
{
	int fd;

	enter(SERVERS);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	enter(TREE);
	must(fd >= 0, "accept");
	return fd;
}

static size_t stuff(int fd, size_t most)
{
	static char octets[LARGE];
	size_t all = 0;
	ssize_t n;

	while (all < most &&
	       (n = send(fd, octets, most - all < LARGE ? most - all : LARGE, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		all += n;
	return all;
}

static size_t drain(int fd, size_t len)
{
	static char octets[LARGE];
	size_t all = 0;
	ssize_t n;

	while (all < len && (n = recv(fd, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		all += n;
	return all;
}

/* The kernel sums up what processors have counted every two seconds. */
static bool group_has(const char *group, int fd)
{
	bool ok = WAIT_FOR(charged(group) == (fd < 0 ? 0 : held(fd)), STACK_DEADLINE_MS);

	if (!ok)
		ksft_print_msg("%s: %ld charged, %ld held\n", group, charged(group), fd < 0 ? 0 : held(fd));
	return ok;
}

/* Nobody reads: both ends hold what they may. */
static void test_charges(enum stack stack, const char *text)
{
	int listener = must_have(stack_listener(net, stack, text, 0, false), "listener"), client, server;
	size_t sent, got = 0;
	int queued;
	bool ok;

	client = client_to(stack, text, listener);
	sent = stuff(client, LARGE / 2);
	must(stack_is_acked(client), "before accept()");
	ok = group_has(SERVERS, -1);
	server = accept_member(listener);
	ok &= held(server) > LARGE / 2 && group_has(SERVERS, server);
	ksft_test_result(ok, "%s, %s: accept() charges its program for what came before\n", stack_name(stack), text);

	sent += stuff(client, SIZE_MAX);
	must(!ioctl(client, SIOCOUTQ, &queued) && queued > LARGE, "window");
	ok = held(client) > LARGE && group_has(CLIENTS, client) && group_has(SERVERS, server);
	ksft_test_result(ok, "%s, %s: a group is charged for what its sockets hold\n", stack_name(stack), text);

	ok = WAIT_FOR((got += drain(server, sent - got)) == sent, STACK_DEADLINE_MS);
	must(stack_is_acked(client), "acknowledged");
	ok &= group_has(CLIENTS, client) && group_has(SERVERS, server);
	close_each(client, server, listener);
	ok &= group_has(CLIENTS, -1) && group_has(SERVERS, -1);
	ksft_test_result(ok, "%s, %s: all is given back\n", stack_name(stack), text);
}

/* The reader belongs to the group, and reads only when nothing more can be written. */
static void test_limit(enum stack stack, const char *text)
{
	int listener = stack_listener(net, stack, text, 0, false), client, server, size = BUFFER;
	long met = line_of(SERVERS "memory.events", "max");
	size_t sent = 0, got = 0, before;
	char limit[20];
	bool ok = true;

	must(listener >= 0 && !setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), "listener");
	client = client_to(stack, text, listener);
	server = accept_member(listener);
	snprintf(limit, sizeof(limit), "%d", MAX_OCTETS);
	must_put(SERVERS "memory.max", "%s", limit);
	while (ok && got < STREAM) {
		sent += stuff(client, STREAM - sent);
		before = got;
		ok = WAIT_FOR((got += drain(server, LARGE)) > before, STACK_DEADLINE_MS);
	}
	must_put(SERVERS "memory.max", "max");
	met = line_of(SERVERS "memory.events", "max") - met;
	ksft_print_msg("the group met its limit %ld times\n", met);
	ksft_test_result(ok && met > 0, "%s, %s: a stream to a group that meets its limit\n", stack_name(stack), text);
	close_each(client, server, listener);
	must(group_has(SERVERS, -1), "given back");
}

/* It came to a listener that has gone, with text. */
static void test_hand_over(enum stack stack, const char *text)
{
	int listener = stack_member_or_die(net, stack, text, 0), heir, server;
	int client = client_to(stack, text, listener);
	size_t sent = stuff(client, LARGE / 2);
	bool ok;

	must(stack_is_acked(client), "before the end of the listener");
	heir = stack_member_or_die(net, stack, text, stack_port(listener));
	close(listener);
	ok = group_has(SERVERS, -1) && group_has(CLIENTS, client);
	server = accept_member(heir);
	ok &= held(server) > LARGE / 2 && group_has(SERVERS, server);
	ksft_test_result(ok, "%s, %s: who accepts what another listener got is charged for it\n", stack_name(stack),
			 text);

	ok = drain(server, sent) == sent && group_has(SERVERS, server) && group_has(CLIENTS, client);
	close_each(client, server, heir);
	ok &= group_has(CLIENTS, -1) && group_has(SERVERS, -1);
	ksft_test_result(ok, "%s, %s: and gives all of it back\n", stack_name(stack), text);
}

/* False where the kernel reserves memory only for the protocols that it knows. */
static bool reserve(int fd, int octets)
{
	bool done = !setsockopt(fd, SOL_SOCKET, SO_RESERVE_MEM, &octets, sizeof(octets));

	must(done || errno == EOPNOTSUPP, "SO_RESERVE_MEM");
	return done;
}

/* The client gives its reserve back by the option, then at close() after a disconnect; the server after a RST. */
static void test_reserve(enum stack stack, const char *text)
{
	int listener = stack_listener(net, stack, text, 0, false), client = client_to(stack, text, listener);
	int server = accept_member(listener);
	size_t sent, got = 0;
	bool ok;

	if (!reserve(client, BUFFER)) {
		ksft_test_result_skip("the kernel cannot reserve memory for a protocol of a module: %s, %s\n",
				      stack_name(stack), text);
		goto out;
	}
	ok = reserve(server, BUFFER) && held(client) >= BUFFER && held(server) >= BUFFER;
	ok &= group_has(CLIENTS, client) && group_has(SERVERS, server);
	sent = stuff(client, 2 * BUFFER);
	ok &= group_has(CLIENTS, client) && group_has(SERVERS, server);
	ok &= WAIT_FOR((got += drain(server, sent - got)) == sent, STACK_DEADLINE_MS) &&
	      stack_is_acked(client);
	ok &= held(client) >= BUFFER && held(server) >= BUFFER;
	ok &= group_has(CLIENTS, client) && group_has(SERVERS, server);
	/* what the sock keeps for later segments may stay */
	ok &= reserve(client, 0) && held(client) < LARGE && group_has(CLIENTS, client);
	ok &= reserve(client, BUFFER) && stuff(client, LARGE) == LARGE && !stack_disconnect(client);
	ok &= held(client) >= BUFFER && group_has(CLIENTS, client) && group_has(SERVERS, server);
	ksft_test_result(ok, "%s, %s: reserved memory is charged, and stays reserved\n", stack_name(stack), text);
out:
	close_each(client, server, listener);
	ksft_test_result(group_has(CLIENTS, -1) && group_has(SERVERS, -1), "%s, %s: the end gives it back\n",
			 stack_name(stack), text);
}

int main(void)
{
	static const char * const texts[] = { "127.0.0.1", "::1" };

	test_begin(stack_count() * 2 * 8);
	must_put(TREE "cgroup.subtree_control", "+memory");
	must(!mkdir(CLIENTS, 0755) && !mkdir(SERVERS, 0755), "groups");
	net = ns_make();
	must(net >= 0 && !ns_sysctl_set(net, "net.ipv4.tcp_migrate_req", "1") &&
	     !ns_sysctl_set(net, "net.xtcp.migrate_req", "1"), "namespace");
	for (int i = 0; i < 2; i++) {
		/* IPv4 goes the short way (local.c of the module), IPv6 by segments */
		must(!ns_sysctl_set(net, "net.xtcp.local", "%d", !i), "net.xtcp.local");
		for (int stack = stack_first(); stack <= XTCP; stack++) {
			test_charges(stack, texts[i]);
			test_limit(stack, texts[i]);
			test_hand_over(stack, texts[i]);
			test_reserve(stack, texts[i]);
		}
	}
	close(net);
	must(!rmdir(CLIENTS) && !rmdir(SERVERS), "groups");
	ksft_finished();
}
