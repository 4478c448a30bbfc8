/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stream sockets of either stack, by the same calls: which stack, which IP. Functions that make a socket give the
 * descriptor, or -1 with errno; those whose name ends in _or_die end the test program instead.
 */
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* SECOND: xtcp once more, under another name (module.h); only in tests that load it. */
enum stack { KERNEL, XTCP, SECOND };

/* A deadline for what must happen, in ms, for a machine under load. */
#define STACK_DEADLINE_MS 20000

union stack_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

const char *stack_name(enum stack stack);

/* Where to begin with rows about one stack alone: KERNEL, on the debug kernel XTCP; and how many there are to XTCP. */
enum stack stack_first(void);
int stack_count(void);

static inline void stack_close(const int *fds, size_t n)
{
	while (n--)
		close(*fds++);
}

/* close() of descriptors, in this order. */
#define close_each(...) stack_close((const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

/* connect() to AF_UNSPEC: the socket is as new. Returns what connect() does. */
static inline int stack_disconnect(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(fd, &none, sizeof(none));
}

/* Does poll() say one of @events, or that @fd has hung up, within @ms? */
static inline bool stack_poll(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1;
}

/* An option that is a number. Returns what setsockopt() does. */
static inline int stack_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* The same to read: its value, or -1 with errno. */
int stack_get(int fd, int level, int option);

#define SECOND_US	1000000L

/* Calls wait for @us at most; @option: SO_RCVTIMEO or SO_SNDTIMEO. Returns what setsockopt() does. */
static inline int stack_patience(int fd, int option, long us)
{
	const struct timeval tv = { .tv_sec = us / SECOND_US, .tv_usec = us % SECOND_US };

	return setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

/* From now on close() sends a RST. Returns what setsockopt() does. */
static inline int stack_reset_at_close(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
}

/* close() with a RST: 0, or not when one of both calls fails. */
static inline int stack_abort(int fd)
{
	bool failed = stack_reset_at_close(fd);

	return close(fd) || failed;
}

/* "127.0.0.1" or "::1", port in host order. */
union stack_addr stack_addr(const char *text, int port);
/* Puts the 4 or 16 octets of an address, as sock_diag has them, to @to. */
void stack_put_addr(void *to, const char *text);
socklen_t stack_addr_len(const union stack_addr *addr);

/* A socket for addresses like @text, in namespace @ns. */
int stack_socket(int ns, enum stack stack, const char *text);

/* The same, bound; with SO_REUSEADDR or without. */
int stack_bound(int ns, enum stack stack, const char *text, int port, bool reuse);
int stack_listener(int ns, enum stack stack, const char *text, int port, bool reuse);

/* A listener of a group that shares the port (SO_REUSEPORT). */
int stack_member_or_die(int ns, enum stack stack, const char *text, int port);

/* Connected to the address; blocking. */
int stack_connected(int ns, enum stack stack, const char *text, int port);

/* connect() on @fd: 0, or -1 with errno. */
int stack_connect(int fd, const char *text, int port);

/* The same without a wait, now and from now on: 0, too, if the handshake has begun. */
int stack_begin(int fd, const char *text, int port);
int stack_begin_or_die(int ns, enum stack stack, const char *text, int port);

/* A connection to @port of @text through a listener of its own, that is closed again. */
void stack_pair_or_die(int client_ns, enum stack client_stack, int server_ns, enum stack server_stack,
		       const char *text, int port, int *client, int *server);

int stack_accept_or_die(int listener);

/* SO_ERROR, which reads once; -1: it cannot be read. */
int stack_error(int fd);
int stack_unread(int fd);
/* The peer acknowledges, in time, all that was sent. */
bool stack_is_acked(int fd);

/* The local port of a socket, host order. */
int stack_port(int fd);

/* TCP_INFO's state. */
int stack_state(int fd);

/* A counter of a stack in a namespace, "Tcp:..." or "TcpExt:...". */
long long stack_counter(int ns, enum stack stack, const char *name);

/* For tests that use <linux/tcp.h>, which does not name the states. */
bool stack_has_closed(int fd);

/* True if @len octets sent into @from come out of @to as they went in. */
bool stack_carries(int from, int to, int len);

/* The next @len octets from @fd are those of @text. */
bool stack_gives(int fd, const void *text, long len);

/*
 * What a client does that notices when its connection is lost: waits for an octet, and closes with
 * a RST, so that its port is free at once. 0, or -1 with errno if none came within the deadline,
 * ENODATA if the stream ended. If @fd is -1, there is no connection, and errno stays as it is.
 */
int stack_take_octet(int fd);

/* recv() gives the end of the stream within the deadline. */
bool stack_at_end(int fd);
