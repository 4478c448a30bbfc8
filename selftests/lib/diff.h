/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differential runner's interface: a scenario is written once as C code that makes system calls and records what it
 * sees, line by line; it runs on kernel TCP and on xtcp, and the two transcripts are compared.
 *
 *	SCENARIO(connect_refused)
 *	{
 *		int c = diff_socket();
 *
 *		RET(connect(c, LO(1), ALEN));
 *	}
 *
 * records "connect(c, LO(1), ALEN): -1 ECONNREFUSED". A scenario runs in a
 * process of its own, so it may leave descriptors, threads and children behind.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/xtcp.h>
#include "tcpstate.h"
#include "wait.h"

/* Scenarios pass arguments that the compiler can see are wrong. */
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wnonnull"
#pragma GCC diagnostic ignored "-Wunused-result"

/* A condition that has not come true after this many ms is a failure. */
#define DIFF_DEADLINE_MS 20000

enum diff_stack { DIFF_KERNEL, DIFF_XTCP };

/**
 * struct diff_scenario - one scenario, put into a linker section by SCENARIO()
 * @name: its name in TAP lines and in the list of differences
 * @run: its body
 */
struct diff_scenario {
	const char *name;
	void (*run)(void);
};

#define SCENARIO(fn)							\
	static void fn(void);						\
	static const struct diff_scenario scenario_##fn			\
	__attribute__((used, section("diff_scenarios"), aligned(16))) =	\
		{ #fn, fn };						\
	static void fn(void)

/* One that begins with an established connection: @c has opened it, @s has been accepted. */
#define SCENARIO_OF_PAIR(fn)						\
	static void fn##_of(int c, int s);				\
	SCENARIO(fn)							\
	{								\
		int c, s;						\
									\
		diff_pair(&c, &s);					\
		fn##_of(c, s);						\
	}								\
	static void fn##_of(int c, int s __attribute__((unused)))

/* One buffer, and one for control messages. */
#define MESSAGE(iov, control)						\
	{ .msg_iov = &(iov), .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) }

extern const struct diff_scenario __start_diff_scenarios[];
extern const struct diff_scenario __stop_diff_scenarios[];

/**
 * struct diff_self - what the running scenario process is
 * @stack: the stack under test
 * @family: AF_INET or AF_INET6, the family of the addresses
 * @port_base: ports base + 1 .. base + 15 belong to this scenario alone
 * @out: where transcript lines are written
 */
struct diff_self {
	enum diff_stack stack;
	int family;
	int port_base;
	int out;
};

extern struct diff_self diff;
extern int diff_xtcp_family;

/* Recording: the text of the call is its label. */
#define RET(call) diff_ret(#call, (errno = 0, (call)))
#define FD(call) diff_fd(#call, (errno = 0, (call)))
#define BITS(fd, want) diff_bits(#fd, fd, want)
#define STATE(fd, want) diff_state(#fd, fd, want)
#define READ(fd, len, flags) diff_read(#fd, fd, len, flags)
#define GET(fd, level, opt) diff_get(#fd, #opt, fd, level, opt)
#define SET(fd, level, opt, val) diff_set(#fd, #opt, #val, fd, level, opt, val)
#define NAME(fd) diff_name(#fd, fd)
#define PEER(fd) diff_peer(#fd, fd)
#define QUEUES(fd, in, out) diff_queues(#fd, fd, in, out)

void diff_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void diff_die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
#define diff_must(condition, ...) ((condition) ? (void)0 : diff_die(__VA_ARGS__))
long diff_ret(const char *label, long ret);
int diff_fd(const char *label, int fd);
int diff_bits(const char *label, int fd, int want);
int diff_state(const char *label, int fd, int want);
ssize_t diff_read(const char *label, int fd, size_t len, int flags);
int diff_get(const char *label, const char *name, int fd, int level, int opt);
int diff_set(const char *label, const char *name, const char *text, int fd, int level, int opt, int val);
void diff_name(const char *label, int fd);
void diff_peer(const char *label, int fd);
void diff_queues(const char *label, int fd, int in, int out);
void diff_info(const char *label, int fd, struct tcp_info *info);
void diff_queued(int l, unsigned int n);
const char *diff_addr_text(const void *addr, socklen_t len);
const char *diff_poll_text(int bits);

/* Addresses: port index 0 is port 0, 1..15 are this scenario's own ports. */
union diff_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage ss;
};

enum diff_host {
	HOST_LO,	/* 127.0.0.1, ::1 */
	HOST_LO2,	/* 127.0.0.2, fd00::2 */
	HOST_ANY,	/* the wildcard */
	HOST_SILENT,	/* reachable, never answers */
	HOST_NOROUTE,	/* an unreachable route */
	HOST_PROHIBIT,	/* a prohibited route */
	HOST_MAPPED,	/* ::ffff:127.0.0.1, IPv6 only */
	HOST_MAPPED_ANY,	/* ::ffff:0.0.0.0, IPv6 only */
	HOST_LO4,	/* 127.0.0.1 whatever the family */
	HOST_ANY4,	/* 0.0.0.0 whatever the family */
};

struct sockaddr *diff_addr(enum diff_host host, int port);
#define LO(n) diff_addr(HOST_LO, n)
#define LO2(n) diff_addr(HOST_LO2, n)
#define ANY(n) diff_addr(HOST_ANY, n)
#define ALEN (diff.family == AF_INET ? sizeof(struct sockaddr_in) : \
	      sizeof(struct sockaddr_in6))

/* Ready-made situations; a failure in one ends the scenario with a FATAL line. */
int diff_own_namespace(void);
int diff_socket(void);
int diff_socket_of(int family);
int diff_listener(int port);
int diff_connected(int port);
int diff_accepted(int l);
void diff_pair(int *c, int *s);
void diff_pair_with(int *c, int *s, void (*before)(int c, int l));
void diff_put(int fd, const char *text);
size_t diff_fill(int fd);
void diff_reset(int fd);
void diff_ticks_start(bool restart, int every_ms);
void diff_ticks_stop(void);
pid_t diff_fork(void (*body)(void *arg), void *arg);
void diff_join(pid_t pid);

/* diff_list.c: the checked-in list of differences that are meant, and the comparison */
int diff_list_load(FILE *f);
bool diff_list_compare(const char *scenario, const char *family, const char *kernel, const char *xtcp);
bool diff_list_sound(const char *scenario, const char *family, const char *xtcp);
int diff_list_unused(bool all);
