// SPDX-License-Identifier: GPL-2.0
/*
 * Which member of a SO_REUSEPORT group gets a SYN, with more members than anybody
 * looks at one by one: by SO_INCOMING_CPU. The same on both stacks; the client is
 * kernel TCP's, and the loopback device hands a SYN over on the processor that
 * sent it.
 */
#include <errno.h>
#include <fcntl.h>
#include <kselftest.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ns.h"
#include "stack.h"

#define PORT		9000
#define MANY		128	/* members */
#define CLIENTS		40	/* on each processor */
#define CPUS		2	/* of those there are */

struct group {
	enum stack stack;
	const char *place;
	int ep;
	int nr;		/* opened so far */
	int fd[MANY];	/* -1: closed */
	int got[MANY];
};

static int ns;

static void set_int(int fd, int option, int value)
{
	if (setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)))
		ksft_exit_fail_msg("option %d: %s\n", option, strerror(errno));
}

/* A socket with SO_REUSEPORT that is to be the group's next member. */
static int member_socket(struct group *g)
{
	int fd = stack_socket(ns, g->stack, g->place);

	if (fd < 0)
		ksft_exit_fail_msg("socket: %s\n", strerror(errno));
	set_int(fd, SO_REUSEPORT, 1);
	return fd;
}

static void start_listening(struct group *g, int i)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

	if (listen(g->fd[i], CLIENTS) || epoll_ctl(g->ep, EPOLL_CTL_ADD, g->fd[i], &event))
		ksft_exit_fail_msg("member %d: %s\n", i, strerror(errno));
}

/* What is shut down would always be ready. */
static void stop_listening(struct group *g, int i)
{
	if (epoll_ctl(g->ep, EPOLL_CTL_DEL, g->fd[i], NULL) || shutdown(g->fd[i], SHUT_RD))
		ksft_exit_fail_msg("shutdown: %s\n", strerror(errno));
}

static void member_listens(struct group *g, int fd)
{
	union stack_addr addr = stack_addr(g->place, PORT);

	if (bind(fd, &addr.sa, stack_addr_len(&addr)) || fcntl(fd, F_SETFL, O_NONBLOCK))
		ksft_exit_fail_msg("member %d: %s\n", g->nr, strerror(errno));
	g->fd[g->nr] = fd;
	start_listening(g, g->nr++);
}

static void group_start(struct group *g, enum stack stack, const char *place)
{
	*g = (struct group){ .stack = stack, .place = place, .ep = epoll_create1(0) };
}

static void group_open(struct group *g, enum stack stack, const char *place, int nr)
{
	group_start(g, stack, place);
	while (g->nr < nr)
		member_listens(g, member_socket(g));
}

static void member_close(struct group *g, int i)
{
	close(g->fd[i]);
	g->fd[i] = -1;
}

static void group_close(struct group *g)
{
	int i;

	for (i = 0; i < g->nr; i++)
		if (g->fd[i] >= 0)
			close(g->fd[i]);
	close(g->ep);
}

/* The member that a client's connection comes to. */
static int who(struct group *g, const char *to)
{
	struct linger l = { .l_onoff = 1 };
	int fd = stack_connected(ns, KERNEL, to, PORT), peer, i;
	struct epoll_event event;

	if (fd < 0)
		ksft_exit_fail_msg("connect: %s\n", strerror(errno));
	/* connect() returns before the third ACK has arrived */
	if (epoll_wait(g->ep, &event, 1, STACK_DEADLINE_MS) != 1)
		ksft_exit_fail_msg("no member gets the connection\n");
	i = event.data.u32;
	peer = accept(g->fd[i], NULL, NULL);
	if (peer < 0)
		ksft_exit_fail_msg("accept: %s\n", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
	close(peer);
	g->got[i]++;
	return i;
}

static void on_processor(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		ksft_exit_fail_msg("sched_setaffinity: %s\n", strerror(errno));
}

/* How many of the connections from @cpu come to members from @first on, @nr of them. */
static int come_from(struct group *g, int cpu, int first, int nr)
{
	int i, member, n = 0;

	on_processor(cpu);
	for (i = 0; i < CLIENTS; i++) {
		member = who(g, g->place);
		n += member >= first && member < first + nr;
	}
	return n;
}

/* How many of them got something. */
static int takers(struct group *g, int first, int nr)
{
	int i, n = 0;

	for (i = first; i < first + nr; i++)
		n += !!g->got[i];
	memset(g->got, 0, sizeof(g->got));
	return n;
}

#define HALF (MANY / 2)

static void result(bool ok, const struct group *g, const char *what)
{
	ksft_test_result(ok, "%s, %s: %s\n", stack_name(g->stack), g->place, what);
}

/* The first half has one processor, the other half the other one. */
static void by_processor(enum stack stack, const char *place)
{
	int i, n[CPUS];
	struct group g;

	group_open(&g, stack, place, MANY);
	for (i = 0; i < MANY; i++)
		set_int(g.fd[i], SO_INCOMING_CPU, i / HALF);
	n[0] = come_from(&g, 0, 0, HALF);
	n[1] = come_from(&g, 1, HALF, HALF);
	ksft_print_msg("%d and %d of %d\n", n[0], n[1], CLIENTS);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "128 members, their processors set after listen()");

	for (i = 0; i < MANY; i++)
		set_int(g.fd[i], SO_INCOMING_CPU, 1 - i / HALF);
	n[0] = come_from(&g, 1, 0, HALF);
	n[1] = come_from(&g, 0, HALF, HALF);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "then the other way round");

	/* one that there is not, so that only the last member has processor 0 */
	for (i = HALF; i < MANY - 1; i++)
		set_int(g.fd[i], SO_INCOMING_CPU, i % 2 ? 1000 : -1);
	result(come_from(&g, 0, MANY - 1, 1) == CLIENTS, &g, "one alone has a processor");

	takers(&g, 0, MANY);
	member_close(&g, MANY - 1);
	n[0] = come_from(&g, 0, 0, HALF);
	result(n[0] && n[0] < CLIENTS && takers(&g, 0, MANY - 1) > 10, &g, "it closes: all of them share");

	for (i = 1; i < HALF; i++)
		member_close(&g, i);
	result(come_from(&g, 1, 0, 1) == CLIENTS, &g, "all others of a processor close");
	set_int(g.fd[MANY - 2], SO_INCOMING_CPU, 1);
	takers(&g, 0, MANY);
	come_from(&g, 1, 0, MANY);
	n[0] = g.got[0];
	n[1] = g.got[MANY - 2];
	/* kernel TCP's next one from where the hash points is nearly always the same */
	result(n[0] + n[1] == CLIENTS && ((n[0] && n[1]) || stack == KERNEL), &g, "one more has it");
	group_close(&g);
}

static void before_listen(enum stack stack, const char *place)
{
	struct group g;
	int n[CPUS], fd;

	group_start(&g, stack, place);
	while (g.nr < MANY) {
		fd = member_socket(&g);
		set_int(fd, SO_INCOMING_CPU, g.nr / HALF);
		member_listens(&g, fd);
	}
	n[0] = come_from(&g, 0, 0, HALF);
	n[1] = come_from(&g, 1, HALF, HALF);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "128 members, their processors set before listen()");

	/* out of the group and back */
	stop_listening(&g, 0);
	n[0] = come_from(&g, 0, 1, HALF - 1);
	set_int(g.fd[0], SO_INCOMING_CPU, 1);
	start_listening(&g, 0);
	for (fd = HALF; fd < MANY; fd++)
		member_close(&g, fd);
	n[1] = come_from(&g, 1, 0, 1);
	result(n[0] == CLIENTS && n[1] == CLIENTS, &g, "one stops, gets another processor and listens again");
	group_close(&g);
}

int main(void)
{
	static const char *const places[] = { "127.0.0.1", "::1" };
	struct rlimit files = { 1024, 1024 };
	enum stack stack;
	size_t i;

	ksft_print_header();
	if (sysconf(_SC_NPROCESSORS_ONLN) < CPUS)
		ksft_exit_skip("one processor\n");
	ns = ns_make();
	if (ns < 0 || setrlimit(RLIMIT_NOFILE, &files))
		ksft_exit_fail_msg("no namespace\n");
	ksft_set_plan(8 * 2 * stack_count());
	for (stack = stack_first(); stack <= XTCP; stack++) {
		for (i = 0; i < 2; i++) {
			by_processor(stack, places[i]);
			before_listen(stack, places[i]);
		}
	}
	close(ns);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
