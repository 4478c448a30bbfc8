/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the programs that look at what the calls on one connection leave behind: a connection over IPv4 or IPv6 on the
 * loopback of a namespace of its own, and what such programs read of a socket.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/xtcp.h>
#include "kselftest_harness.h"
#include "ns.h"
#include "wait.h"

#define DEADLINE_MS	20000
#define TIMEOUT_S	120

FIXTURE(sock) {
	int ns;
	int listener;
	int c;		/* active end */
	int s;		/* passive end */
};

FIXTURE_VARIANT(sock) {
	int protocol;
	int family;
	bool local;	/* by the short way between two ends on one machine */
};

FIXTURE_VARIANT_ADD(sock, ipv4) { .protocol = XTCPPROTO_IPV4, .family = AF_INET };
FIXTURE_VARIANT_ADD(sock, ipv6) { .protocol = XTCPPROTO_IPV6, .family = AF_INET6 };
FIXTURE_VARIANT_ADD(sock, local) { .protocol = XTCPPROTO_IPV4, .family = AF_INET, .local = true };

static inline socklen_t loopback(struct sockaddr_storage *ss, int family)
{
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = family;
	if (family == AF_INET) {
		((struct sockaddr_in *)ss)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(struct sockaddr_in);
	}
	((struct sockaddr_in6 *)ss)->sin6_addr = in6addr_loopback;
	return sizeof(struct sockaddr_in6);
}

FIXTURE_SETUP(sock)
{
	struct sockaddr_storage ss;
	socklen_t len = loopback(&ss, variant->family);

	self->ns = ns_make();
	ASSERT_GE(self->ns, 0);
	ASSERT_EQ(ns_enter(self->ns), 0);
	ASSERT_EQ(ns_sysctl_set(self->ns, "net.xtcp.local", "%d", variant->local), 0);
	self->listener = socket(AF_XTCP, SOCK_STREAM, variant->protocol);
	ASSERT_GE(self->listener, 0) TH_LOG("no AF_XTCP socket: is the module loaded?");
	ASSERT_EQ(bind(self->listener, (void *)&ss, len), 0);
	ASSERT_EQ(listen(self->listener, 16), 0);
	ASSERT_EQ(getsockname(self->listener, (void *)&ss, &len), 0);
	self->c = socket(AF_XTCP, SOCK_STREAM, variant->protocol);
	ASSERT_GE(self->c, 0);
	ASSERT_EQ(connect(self->c, (void *)&ss, len), 0);
	self->s = accept(self->listener, NULL, NULL);
	ASSERT_GE(self->s, 0);
}

FIXTURE_TEARDOWN(sock)
{
	close(self->c);
	close(self->s);
	close(self->listener);
	close(self->ns);
}

static inline unsigned int meminfo(int fd, int which)
{
	uint32_t mem[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(mem);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
		return UINT32_MAX;
	return mem[which];
}

static inline int queue(int fd, int cmd)
{
	int octets = -1;

	return ioctl(fd, cmd, &octets) ? -1 : octets;
}

static inline void get_info(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len))
		info->tcpi_state = 255;
}

static inline void fill(unsigned char *bytes, size_t len, size_t at)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = ((at + i) * 2654435761u) >> 13;
}

/* Writes until nothing more goes in, or @most octets did; octets written in all. */
static inline size_t stuff(int fd, size_t piece, size_t most)
{
	static unsigned char bytes[65536];
	size_t all = 0;
	ssize_t n;

	while (all < most) {
		fill(bytes, piece, all);
		n = send(fd, bytes, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			break;
		all += n;
	}
	return all;
}

/* Reads and compares until @len octets came or the deadline has passed; octets that were right. */
static inline size_t drain(int fd, size_t len, size_t piece)
{
	static unsigned char bytes[65536], want[65536];
	long long end = wait_now_ms() + DEADLINE_MS;
	size_t all = 0;
	ssize_t n;

	while (all < len && wait_now_ms() < end) {
		n = recv(fd, bytes, piece, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 100);
			continue;
		}
		if (n <= 0)
			break;
		fill(want, n, all);
		if (memcmp(bytes, want, n))
			break;
		all += n;
	}
	return all;
}

static inline void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		ksft_exit_fail_msg("setsockopt(%d, %d, %d): %s\n", level, option, value, strerror(errno));
}

/* What /proc/net/protocols has in @ns of a protocol: its sockets or, of all namespaces, pages of memory; or -1. */
static inline long protocol_counts(int ns, const char *name, bool memory)
{
	char *text = ns_read_file(ns, "/proc/net/protocols"), *line, *save;
	long found = -1, size, sockets, pages;
	char first[64];

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%63s %ld %ld %ld", first, &size, &sockets, &pages) == 4 && !strcmp(first, name))
			found = memory ? pages : sockets;
	free(text);
	return found;
}
