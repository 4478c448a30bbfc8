// SPDX-License-Identifier: GPL-2.0
/*
 * An ordinary user pins no more memory by MSG_ZEROCOPY than RLIMIT_MEMLOCK and optmem_max allow, and gets it back
 * however a connection ends: acknowledged, after close(), by a reset, a disconnect, the death of the process, the end
 * of the namespace. An orphan with such pages holds the module as long as they are not acknowledged. On both stacks,
 * the peer is the other one.
 */
#include "lib/test.h"
#include "lib/zerocopy.h"

#define PORT	5393
#define PAGE	getpagesize()
#define NOBODY	65534
#define LIMIT	(32 * PAGE)
/* takes LIMIT as the kernel counts: two more pages, in case of text that begins and ends inside of one */
#define MOST	(30 * PAGE)

static struct ns_pair net, other;	/* veth0 of other is never closed */
static unsigned char *text;

static void pair_in(const struct ns_pair *in, enum stack stack, int *client, int *server)
{
	const int room = 4 * MOST;

	stack_pair_or_die(in->a, stack, in->b, stack == XTCP ? KERNEL : XTCP, NS_B4, PORT, client, server);
	must(!stack_set(*client, IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY");
	must(!setsockopt(*client, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)), "SO_SNDBUFFORCE");
	zerocopy_on(*client);
}

/* As an ordinary user, who may lock LIMIT octets. */
static void become_user(void)
{
	must(!setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ LIMIT, LIMIT }) && !seteuid(NOBODY), "seteuid");
}

static void become_root(void)
{
	must(!seteuid(0), "seteuid");
}

static ssize_t pin(int fd)
{
	return zerocopy_send(fd, text, MOST, 0);
}

static void swallow(int fd, long len)
{
	static unsigned char in[1 << 16];
	ssize_t n;

	while (len) {
		n = recv(fd, in, len < (long)sizeof(in) ? (size_t)len : sizeof(in), 0);
		must(n > 0, "recv");
		len -= n;
	}
}

/* Can the user pin all that he may, on a connection where nothing is in the way? It is his again afterwards. */
static bool may_pin(enum stack stack)
{
	int client, server;
	ssize_t n;

	become_root();
	pair_in(&other, stack, &client, &server);
	become_user();
	n = pin(client);
	must(n == MOST || (n == -1 && errno == ENOBUFS), "send");
	if (n == MOST) {
		swallow(server, MOST);
		must(zerocopy_tells(client, 0, 0, true), "a notification");
	}
	close_each(client, server);
	return n == MOST;
}

static void locked_memory(enum stack stack)
{
	int client[2], server[2];
	bool good;

	pair_in(&net, stack, &client[0], &server[0]);
	pair_in(&net, stack, &client[1], &server[1]);
	must(!netem_hold(net.a, "veth0"), "plug");
	become_user();
	good = zerocopy_send(client[0], text, MOST + PAGE, 0) == -1 && errno == ENOBUFS;
	good &= pin(client[0]) == MOST;
	good &= zerocopy_send(client[0], text, 1, 0) == -1 && errno == ENOBUFS;
	good &= zerocopy_send(client[1], text, 1, 0) == -1 && errno == ENOBUFS;
	good &= send(client[1], text, 1, 0) == 1;
	become_root();
	/* root may */
	good &= zerocopy_send(client[1], text, MOST, 0) == MOST;
	must(!netem_release(net.a, "veth0"), "plug");
	swallow(server[0], MOST);
	swallow(server[1], 1 + MOST);
	good &= zerocopy_tells(client[0], 0, 0, true) && zerocopy_tells(client[1], 0, 0, true);
	ksft_test_result(good && may_pin(stack), "%s: RLIMIT_MEMLOCK counts for all sockets of a user\n",
			 stack_name(stack));
	become_root();
	close_each(client[0], client[1], server[0], server[1]);
	must(!netem_clear(net.a, "veth0"), "no qdisc");
}

/* Retries without space pin nothing: they all fail with EAGAIN, and after an ACK the next write succeeds. */
static void retries(void)
{
	const int room = 32768;	/* the kernel doubles it */
	int client, server, i, n = 0;
	bool good;

	pair_in(&net, XTCP, &client, &server);
	must(!setsockopt(client, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), "SO_SNDBUF");
	must(!netem_gate(net.a, "veth0", false), "gate");
	become_user();
	while (n < 16 && zerocopy_send(client, text, 8000, MSG_DONTWAIT) > 0)
		n++;
	good = n > 0 && n < 16 && errno == EAGAIN;
	for (i = 0; i < 100 && good; i++)
		good = zerocopy_send(client, text, 8000, MSG_DONTWAIT) == -1 && errno == EAGAIN;
	if (!good)
		ksft_print_msg("%d writes, %d retries, errno %d\n", n, i, errno);
	become_root();
	must(!netem_gate(net.a, "veth0", true), "gate");
	become_user();
	good &= WAIT_FOR(zerocopy_send(client, text, 1, MSG_DONTWAIT) == 1, STACK_DEADLINE_MS);
	ksft_test_result(good, "retries without space are EAGAIN\n");
	become_root();
	close_each(client, server);
}

/* Notifications take memory of the socket: how many writes until there is none? The same number on both stacks. */
static int writes_until_full(enum stack stack)
{
	int client, server, n = 0;

	pair_in(&net, stack, &client, &server);
	must(!netem_gate(net.a, "veth0", false), "gate");
	while (n < 5 && zerocopy_send(client, text, 2896, 0) == 2896)
		n++;
	if (n < 5)
		must(errno == ENOBUFS, "send");
	close_each(client, server);
	must(!netem_clear(net.a, "veth0"), "no qdisc");
	return n;
}

/* The sysctl is the machine's, since 6.9 a namespace's. */
static void optmem(void)
{
	const int ns = release_series() >= 6009 ? net.a : ns_home();
	const long usual = ns_sysctl_get(ns, "net.core.optmem_max");
	int n[2];

	/* each write leaves at once */
	must(!ns_sysctl_set(net.a, "net.xtcp.coalesce_usecs", "0"), "coalesce_usecs");
	must(usual > 0 && !ns_sysctl_set(ns, "net.core.optmem_max", "2800"), "optmem_max");
	n[KERNEL] = writes_until_full(KERNEL);
	n[XTCP] = writes_until_full(XTCP);
	ksft_print_msg("%d and %d writes\n", n[KERNEL], n[XTCP]);
	ksft_test_result(n[XTCP] == n[KERNEL] && n[XTCP] > 0 && n[XTCP] < 5, "optmem_max bounds the notifications\n");
	must(!ns_sysctl_set(ns, "net.core.optmem_max", "%ld", usual), "optmem_max");
}

enum end { CLOSE, RESET, DISCONNECT, KILL, ENDS };

/* The process that has all his pages in flight is killed in the next write. */
static void kill_one(int client)
{
	int ready[2];
	char c;
	pid_t child;

	must(!pipe(ready), "pipe");
	child = fork();
	if (!child) {
		c = pin(client) == MOST;
		if (write(ready[1], &c, 1) == 1)
			while (send(client, text, MOST, MSG_NOSIGNAL) > 0)
				;
		_exit(1);
	}
	must(child > 0 && read(ready[0], &c, 1) == 1 && c, "a child that pins");
	close(client);
	must(!kill(child, SIGKILL) && waitpid(child, NULL, 0) == child, "kill");
	close_each(ready[0], ready[1]);
}

static void end_gives_back(enum stack stack, enum end how)
{
	static const char *const names[] = { "close()", "a reset", "a disconnect", "a kill", "the end of a namespace" };
	struct ns_pair own;
	int client, server;
	bool good;

	must(!ns_pair_make(&own), "namespaces");
	pair_in(&own, stack, &client, &server);
	must(!netem_gate(own.a, "veth0", false), "gate");
	become_user();
	if (how == KILL)
		kill_one(client);
	else
		must(pin(client) == MOST, "send");
	good = !may_pin(stack);
	become_root();
	if (how == DISCONNECT)
		must(!stack_disconnect(client), "disconnect");
	if (how == RESET)
		must(!stack_reset_at_close(server) && !close(server), "reset");
	else if (how == ENDS)
		close(server);
	if (how != KILL)
		close(client);
	if (how == CLOSE || how == KILL) {
		good &= !may_pin(stack);
		become_root();
		must(!netem_gate(own.a, "veth0", true), "gate");
		swallow(server, MOST);
	}
	if (how == ENDS)
		ns_pair_close(&own);
	good &= WAIT_FOR(may_pin(stack), STACK_DEADLINE_MS);
	become_root();
	ksft_test_result(good, "%s: %s gives the memory back\n", stack_name(stack), names[how]);
	if (how != RESET && how != ENDS)
		close(server);
	if (how != ENDS)
		ns_pair_close(&own);
}

/* The record of the pages refers to the sock, and that is code of the module. */
static void orphan_holds(void)
{
	int client, server;
	bool good;

	must(WAIT_FOR(module_held() == 0, STACK_DEADLINE_MS), "no hold");
	pair_in(&net, XTCP, &client, &server);
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(pin(client) == MOST && module_held() == 0, "send");
	close(client);
	good = module_held() == 1;
	must(!netem_gate(net.a, "veth0", true), "gate");
	swallow(server, MOST);
	ksft_test_result(good && WAIT_FOR(module_held() == 0, STACK_DEADLINE_MS),
			 "an orphan holds the module until its pages are acknowledged\n");
	close(server);
}

int main(void)
{
	test_begin(2 * 6 + 3);
	text = mmap(NULL, 2 * MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(text != MAP_FAILED, "mmap");
	memset(text, 'x', 2 * MOST);
	must(!ns_pair_make(&net) && !ns_pair_make(&other), "namespaces");
	for (enum stack stack = KERNEL; stack <= XTCP; stack++) {
		locked_memory(stack);
		for (enum end how = CLOSE; how <= ENDS; how++)
			end_gives_back(stack, how);
	}
	retries();
	optmem();
	orphan_holds();
	ksft_finished();
}
