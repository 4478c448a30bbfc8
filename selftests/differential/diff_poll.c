// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: poll(), select() and epoll, level and edge. */
#include "lib/diff.h"
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#define EPOLL(ep) epoll_once(#ep, ep, 0)
#define EPOLL_WAIT(ep) epoll_once(#ep, ep, DIFF_DEADLINE_MS)

static void epoll_once(const char *label, int ep, int timeout)
{
	struct epoll_event e[8];
	int n = epoll_wait(ep, e, 8, timeout), i;

	if (n <= 0)
		diff_say("epoll(%s): %d", label, n);
	for (i = 0; i < n; i++)
		diff_say("epoll(%s): %c %s%s", label, e[i].data.u32, diff_poll_text(e[i].events & 0xffff),
			 timeout && !e[i].events ? "?" : "");
}

static int watch(int ep, int fd, char name, unsigned int events)
{
	struct epoll_event e = { .events = events, .data.u32 = name };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

#define ALL (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP)

SCENARIO(epoll_level)
{
	int ep = epoll_create1(0), l = diff_listener(1), c, s;

	RET(watch(ep, l, 'l', EPOLLIN));
	EPOLL(ep);
	c = diff_connected(1);
	EPOLL_WAIT(ep);
	EPOLL(ep);
	s = diff_accepted(l);
	EPOLL(ep);
	RET(watch(ep, s, 's', ALL));
	EPOLL(ep);
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	EPOLL(ep);
	EPOLL(ep);
	READ(s, 2, 0);
	EPOLL(ep);
	READ(s, 2, 0);
	EPOLL(ep);
	close(c);
	BITS(s, POLLRDHUP);
	EPOLL(ep);
	RET(shutdown(s, SHUT_WR));
	BITS(s, POLLHUP);
	EPOLL(ep);
	close(s);
	EPOLL(ep);
}

SCENARIO_OF_PAIR(epoll_edge)
{
	int ep = epoll_create1(0);

	RET(watch(ep, s, 's', EPOLLIN | EPOLLRDHUP | EPOLLET));
	EPOLL(ep);
	diff_put(c, "abc");
	QUEUES(s, 3, -1);
	EPOLL_WAIT(ep);
	EPOLL(ep);
	diff_put(c, "def");
	QUEUES(s, 6, -1);
	EPOLL_WAIT(ep);
	EPOLL(ep);
	READ(s, 2, 0);
	EPOLL(ep);
	RET(shutdown(c, SHUT_WR));
	EPOLL_WAIT(ep);
	EPOLL(ep);
	READ(s, 10, 0);
	EPOLL(ep);
	READ(s, 10, 0);
	EPOLL(ep);
}

SCENARIO(epoll_edge_connect)
{
	int ep = epoll_create1(0), l = diff_listener(1), c = diff_socket();

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(watch(ep, l, 'l', EPOLLIN | EPOLLET));
	EPOLL(ep);
	RET(connect(c, LO(1), ALEN));
	BITS(c, POLLOUT);
	BITS(l, POLLIN);
	RET(watch(ep, c, 'c', ALL | EPOLLET));
	EPOLL_WAIT(ep);
	EPOLL(ep);
	FD(accept(l, NULL, NULL));
	EPOLL(ep);
}

SCENARIO(epoll_edge_refused)
{
	int ep = epoll_create1(0), c = diff_socket();

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, LO(1), ALEN));
	BITS(c, POLLHUP);
	RET(watch(ep, c, 'c', ALL | EPOLLET));
	EPOLL_WAIT(ep);
	EPOLL(ep);
	GET(c, SOL_SOCKET, SO_ERROR);
	EPOLL(ep);
}

/* A writer that found the buffer full is told once there is room again. */
SCENARIO_OF_PAIR(epoll_edge_room)
{
	static char b[65536];
	int ep = epoll_create1(0);

	RET(watch(ep, c, 'c', EPOLLOUT | EPOLLET));
	EPOLL_WAIT(ep);
	EPOLL(ep);
	diff_fill(c);
	EPOLL(ep);
	while (epoll_wait(ep, &(struct epoll_event){}, 1, 0) == 0)
		if (recv(s, b, sizeof(b), MSG_DONTWAIT) < 0)
			wait_tick();
	BITS(c, POLLOUT);
}

/* A larger buffer is news for a writer, even if there was room before. */
SCENARIO_OF_PAIR(epoll_edge_larger_buffer)
{
	int ep = epoll_create1(0);

	RET(watch(ep, c, 'c', EPOLLOUT | EPOLLET));
	EPOLL_WAIT(ep);
	EPOLL(ep);
	SET(c, SOL_SOCKET, SO_SNDBUF, 200000);
	EPOLL(ep);
	EPOLL(ep);
}

SCENARIO_OF_PAIR(epoll_oneshot)
{
	int ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u32 = 's' };

	RET(watch(ep, s, 's', EPOLLIN | EPOLLONESHOT));
	diff_put(c, "abc");
	EPOLL_WAIT(ep);
	EPOLL(ep);
	diff_put(c, "def");
	QUEUES(s, 6, -1);
	EPOLL(ep);
	RET(epoll_ctl(ep, EPOLL_CTL_MOD, s, &e));
	EPOLL(ep);
	diff_reset(c);
	BITS(s, POLLHUP);
	EPOLL(ep);
}

SCENARIO_OF_PAIR(epoll_reset)
{
	int ep = epoll_create1(0);

	RET(watch(ep, s, 's', ALL));
	diff_reset(c);
	BITS(s, POLLHUP);
	EPOLL(ep);
	READ(s, 1, 0);
	EPOLL(ep);
	RET(epoll_ctl(ep, EPOLL_CTL_DEL, s, NULL));
	EPOLL(ep);
}

static void select_once(int fd)
{
	struct timeval tv = {};
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	FD_SET(fd, &x);
	diff_say("select: %d %d%d%d", select(fd + 1, &r, &w, &x, &tv),
		 !!FD_ISSET(fd, &r), !!FD_ISSET(fd, &w), !!FD_ISSET(fd, &x));
}

SCENARIO(select_through_a_life)
{
	int c = diff_socket(), l, s;

	select_once(c);
	l = diff_listener(1);
	select_once(l);
	c = diff_connected(1);
	BITS(l, POLLIN);
	select_once(l);
	s = diff_accepted(l);
	select_once(s);
	diff_put(c, "x");
	BITS(s, POLLIN);
	select_once(s);
	close(c);
	BITS(s, POLLRDHUP);
	READ(s, 1, 0);
	select_once(s);
	RET(shutdown(s, SHUT_WR));
	BITS(s, POLLHUP);
	select_once(s);
	c = diff_socket();
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	select_once(c);
	c = diff_socket();
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, LO(2), ALEN));
	BITS(c, POLLHUP);
	select_once(c);
}

static void poll_masked(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, 0);

	diff_say("poll for %s: %d", diff_poll_text(events), n);
	diff_say("gives %s", diff_poll_text(p.revents));
}

/* Only ERR and HUP come unasked. */
SCENARIO_OF_PAIR(poll_masks)
{
	diff_put(c, "x");
	BITS(s, POLLIN);
	poll_masked(s, 0);
	poll_masked(s, POLLIN);
	poll_masked(s, POLLOUT);
	poll_masked(s, POLLRDHUP);
	poll_masked(s, POLLPRI);
	poll_masked(s, POLLWRBAND | POLLRDBAND);
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	poll_masked(s, 0);
	poll_masked(s, POLLRDHUP);
	RET(shutdown(s, SHUT_WR));
	BITS(s, POLLHUP);
	poll_masked(s, 0);
	poll_masked(fcntl(s, F_DUPFD, 100) + 1, 0);
}

static void reset_later(void *arg)
{
	int *fd = arg;

	diff_reset(fd[0]);
}

SCENARIO(poll_blocks)
{
	int fd[2];
	struct pollfd p;
	pid_t pid;

	diff_pair(&fd[0], &fd[1]);
	p = (struct pollfd){ .fd = fd[1], .events = POLLIN };
	RET(poll(&p, 1, 20));
	pid = diff_fork(reset_later, fd);
	close(fd[0]);
	RET(poll(&p, 1, DIFF_DEADLINE_MS));
	diff_say("poll gives %s", diff_poll_text(p.revents & (POLLHUP | POLLERR)));
	diff_join(pid);
	READ(fd[1], 1, 0);
}

static volatile sig_atomic_t sigios;

static void on_sigio(int sig)
{
	sigios = 1;
}

SCENARIO_OF_PAIR(sigio)
{
	signal(SIGIO, on_sigio);
	RET(fcntl(s, F_SETOWN, getpid()));
	RET(fcntl(s, F_SETFL, O_ASYNC));
	diff_put(c, "x");
	BITS(s, POLLIN);
	diff_say("SIGIO came: %d", WAIT_FOR(sigios, DIFF_DEADLINE_MS));
	sigios = 0;
	READ(s, 1, 0);
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	diff_say("SIGIO came: %d", WAIT_FOR(sigios, DIFF_DEADLINE_MS));
	RET(fcntl(s, F_GETOWN) == getpid());
}

/* The answer of the listener is news, too. */
SCENARIO(sigio_of_connect)
{
	int l = diff_listener(1), c = diff_socket();

	signal(SIGIO, on_sigio);
	RET(fcntl(c, F_SETOWN, getpid()));
	RET(fcntl(c, F_SETFL, O_ASYNC | O_NONBLOCK));
	connect(c, LO(1), ALEN);
	BITS(c, POLLOUT);
	diff_say("SIGIO came: %d", WAIT_FOR(sigios, DIFF_DEADLINE_MS));
	diff_accepted(l);
}
