// SPDX-License-Identifier: GPL-2.0
/* What differential scenarios stand on: addresses, sockets, connected pairs, ticking signals, children. */
#include "diff.h"
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "ns.h"

int diff_xtcp_family = AF_XTCP;

static const struct {
	const char *v4, *v6;
} hosts[] = {
	[HOST_LO] = { "127.0.0.1", "::1" },
	[HOST_LO2] = { "127.0.0.2", "fd00::2" },
	[HOST_ANY] = { "0.0.0.0", "::" },
	[HOST_SILENT] = { "10.9.0.2", "fd09::2" },
	[HOST_NOROUTE] = { "10.8.0.1", "fd08::1" },
	[HOST_PROHIBIT] = { "10.7.0.1", "fd07::1" },
	[HOST_MAPPED] = { NULL, "::ffff:127.0.0.1" },
	[HOST_MAPPED_ANY] = { NULL, "::ffff:0.0.0.0" },
	[HOST_LO4] = { "127.0.0.1", NULL },
	[HOST_ANY4] = { "0.0.0.0", NULL },
};

/* A socket address in a ring of eight. @port: 0 for port 0, else one of this scenario's ports, 1..15. */
struct sockaddr *diff_addr(enum diff_host host, int port)
{
	static __thread union diff_addr ring[8];
	static __thread unsigned int next;
	union diff_addr *a = &ring[next++ % 8];
	int family = diff.family;
	const char *text;

	if (host == HOST_LO4 || host == HOST_ANY4)
		family = AF_INET;
	text = family == AF_INET ? hosts[host].v4 : hosts[host].v6;
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = family;
	if (port)
		port += diff.port_base;
	if (family == AF_INET) {
		a->in.sin_port = htons(port);
		inet_pton(AF_INET, text, &a->in.sin_addr);
	} else {
		a->in6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &a->in6.sin6_addr);
	}
	return &a->sa;
}

/* A network namespace of the scenario's own, for all that follows. Return: a descriptor. */
int diff_own_namespace(void)
{
	int ns = ns_make();

	diff_must(ns >= 0 && !ns_enter(ns), "namespace");
	return ns;
}

int diff_socket_of(int family)
{
	int fd;

	if (diff.stack == DIFF_KERNEL)
		fd = socket(family, SOCK_STREAM, 0);
	else
		fd = socket(diff_xtcp_family, SOCK_STREAM, family == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	diff_must(fd >= 0, "socket");
	return fd;
}

int diff_socket(void)
{
	return diff_socket_of(diff.family);
}

int diff_listener(int port)
{
	int l = diff_socket(), one = 1;

	diff_must(!setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	diff_must(!bind(l, LO(port), ALEN), "bind of a listener");
	diff_must(!listen(l, 8), "listen");
	return l;
}

int diff_connected(int port)
{
	int c = diff_socket();

	diff_must(!connect(c, LO(port), ALEN), "connect");
	return c;
}

int diff_accepted(int l)
{
	int s = accept(l, NULL, NULL);

	diff_must(s >= 0, "accept");
	return s;
}

/* A connection on port 1, listener closed. @before: called before connect() with both sockets, or NULL. */
void diff_pair_with(int *c, int *s, void (*before)(int c, int l))
{
	int l = diff_listener(1);

	*c = diff_socket();
	if (before)
		before(*c, l);
	diff_must(!connect(*c, LO(1), ALEN), "connect of a pair");
	*s = diff_accepted(l);
	close(l);
}

/* An established connection on port 1, listener closed. */
void diff_pair(int *c, int *s)
{
	diff_pair_with(c, s, NULL);
}

void diff_put(int fd, const char *text)
{
	ssize_t n = strlen(text);

	diff_must(send(fd, text, n, MSG_NOSIGNAL) == n, "send of '%s'", text);
}

/*
 * Send until the peer's window and the send buffer are full. A full send buffer alone would soon have room again: full
 * is what takes nothing for a tenth of a second, and often asked meanwhile, for the machine may stand still as long.
 * Return: octets sent.
 */
size_t diff_fill(int fd)
{
	long long full_at = wait_now_ms() + 100;
	static char b[65536];
	int refused = 0;
	size_t all = 0;
	ssize_t n;

	/* no poll(): it wants a third of the buffer free, and a scenario's signal would end it */
	while (wait_now_ms() < full_at || refused < 20) {
		n = send(fd, b, sizeof(b), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			all += n;
			full_at = wait_now_ms() + 100;
			refused = 0;
		} else if (errno == EAGAIN || errno == EINTR) {
			refused++;
			wait_tick();
		} else {
			break;
		}
	}
	return all;
}

void diff_reset(int fd)
{
	struct linger l = { 1, 0 };

	diff_must(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), "SO_LINGER");
	close(fd);
}

static void on_tick(int sig)
{
}

/* SIGALRM comes again and again, so it certainly comes in a call that blocks, whenever it begins to. */
void diff_ticks_start(bool restart, int every_ms)
{
	struct sigaction sa = { .sa_handler = on_tick, .sa_flags = restart ? SA_RESTART : 0 };
	struct itimerval it = { .it_interval.tv_usec = every_ms * 1000, .it_value.tv_usec = every_ms * 1000 };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

void diff_ticks_stop(void)
{
	struct itimerval it = {};

	setitimer(ITIMER_REAL, &it, NULL);
}

/* Run a function in a child. @body: what it does; returning is success. Return: pid for diff_join(). */
pid_t diff_fork(void (*body)(void *arg), void *arg)
{
	pid_t pid = fork();

	diff_must(pid >= 0, "fork");
	if (!pid) {
		body(arg);
		_exit(0);
	}
	return pid;
}

/* Wait for a child, which must have succeeded. */
void diff_join(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	diff_must(!status, "child ended with status %x", status);
}
