// SPDX-License-Identifier: GPL-2.0
#include "stack.h"
#include <linux/bpf.h>
#include <linux/sockios.h>
#include "test.h"

const char *stack_name(enum stack stack)
{
	static const char * const names[] = { "kernel TCP", "xtcp", MODULE_SECOND };

	return names[stack];
}

enum stack stack_first(void)
{
	return release_is_debug() ? XTCP : KERNEL;
}

int stack_count(void)
{
	return XTCP - stack_first() + 1;
}

union stack_addr stack_addr(const char *text, int port)
{
	union stack_addr addr = {};

	if (strchr(text, ':')) {
		addr.in6.sin6_family = AF_INET6;
		addr.in6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &addr.in6.sin6_addr);
	} else {
		addr.in.sin_family = AF_INET;
		addr.in.sin_port = htons(port);
		inet_pton(AF_INET, text, &addr.in.sin_addr);
	}
	return addr;
}

void stack_put_addr(void *to, const char *text)
{
	const union stack_addr addr = stack_addr(text, 0);

	if (addr.sa.sa_family == AF_INET6)
		memcpy(to, &addr.in6.sin6_addr, 16);
	else
		memcpy(to, &addr.in.sin_addr, 4);
}

socklen_t stack_addr_len(const union stack_addr *addr)
{
	return addr->sa.sa_family == AF_INET6 ? sizeof(addr->in6) : sizeof(addr->in);
}

static int keep_errno_and_close(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

int stack_socket(int ns, enum stack stack, const char *text)
{
	bool v6 = strchr(text, ':');

	if (stack != KERNEL)
		return ns_socket(ns, stack == XTCP ? AF_XTCP : MODULE_SECOND_FAMILY, SOCK_STREAM | SOCK_CLOEXEC,
				 v6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	return ns_socket(ns, v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int stack_bound(int ns, enum stack stack, const char *text, int port, bool reuse)
{
	union stack_addr addr = stack_addr(text, port);
	int fd = stack_socket(ns, stack, text);

	if (fd < 0)
		return -1;
	if (reuse && stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return keep_errno_and_close(fd);
	if (bind(fd, &addr.sa, stack_addr_len(&addr)))
		return keep_errno_and_close(fd);
	return fd;
}

int stack_listener(int ns, enum stack stack, const char *text, int port, bool reuse)
{
	int fd = stack_bound(ns, stack, text, port, reuse);

	if (fd >= 0 && listen(fd, 4096))
		return keep_errno_and_close(fd);
	return fd;
}

int stack_member_or_die(int ns, enum stack stack, const char *text, int port)
{
	union stack_addr addr = stack_addr(text, port);
	int fd = must_have(stack_socket(ns, stack, text), "socket");

	must(!stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) && !bind(fd, &addr.sa, stack_addr_len(&addr)) &&
	     !listen(fd, 9), "a listener that shares its port");
	return fd;
}

int stack_connect(int fd, const char *text, int port)
{
	union stack_addr addr = stack_addr(text, port);

	return connect(fd, &addr.sa, stack_addr_len(&addr));
}

int stack_begin(int fd, const char *text, int port)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		return -1;
	return stack_connect(fd, text, port) && errno != EINPROGRESS ? -1 : 0;
}

int stack_begin_or_die(int ns, enum stack stack, const char *text, int port)
{
	int fd = must_have(stack_socket(ns, stack, text), "socket");

	must_say(!stack_begin(fd, text, port), "connect to %s port %d", text, port);
	return fd;
}

int stack_connected(int ns, enum stack stack, const char *text, int port)
{
	int fd = stack_socket(ns, stack, text);

	if (fd >= 0 && stack_connect(fd, text, port))
		return keep_errno_and_close(fd);
	return fd;
}

void stack_pair_or_die(int client_ns, enum stack client_stack, int server_ns, enum stack server_stack,
		       const char *text, int port, int *client, int *server)
{
	int listener = stack_listener(server_ns, server_stack, text, port, true);

	must_say(listener >= 0, "cannot listen on %s port %d of %s", text, port, stack_name(server_stack));
	*client = stack_connected(client_ns, client_stack, text, stack_port(listener));
	if (*client < 0)
		ksft_exit_fail_msg("cannot connect %s to %s port %d of %s: %s\n", stack_name(client_stack), text,
				   port, stack_name(server_stack), strerror(errno));
	*server = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "cannot accept");
	close(listener);
}

int stack_port(int fd)
{
	union stack_addr addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, &addr.sa, &len))
		return -1;
	return ntohs(addr.sa.sa_family == AF_INET6 ? addr.in6.sin6_port : addr.in.sin_port);
}

int stack_state(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? -1 : info.tcpi_state;
}

bool stack_has_closed(int fd)
{
	return stack_state(fd) == BPF_TCP_CLOSE;
}

long long stack_counter(int ns, enum stack stack, const char *name)
{
	static const char * const files[2][2] = {
		{ "/proc/net/snmp", "/proc/net/netstat" }, { "/proc/net/xtcp_snmp", "/proc/net/xtcp_netstat" },
	};

	return counter_now(ns, files[stack == XTCP][!!strstr(name, "Ext:")], name);
}

bool stack_carries(int from, int to, int len)
{
	unsigned char out[1024], in[1024];
	int done = 0, got, part, i;

	while (done < len) {
		part = len - done < (int)sizeof(out) ? len - done : (int)sizeof(out);
		for (i = 0; i < part; i++)
			out[i] = (done + i) * 7 + 3;
		if (send(from, out, part, MSG_NOSIGNAL) != part)
			return false;
		for (got = 0; got < part; got += i) {
			if (!stack_poll(to, POLLIN, STACK_DEADLINE_MS))
				return false;
			i = recv(to, in + got, part - got, 0);
			if (i <= 0)
				return false;
		}
		if (memcmp(in, out, part))
			return false;
		done += part;
	}
	return true;
}

bool stack_gives(int fd, const void *text, long len)
{
	static _Thread_local unsigned char in[65536];
	const unsigned char *at = text;
	ssize_t n;

	while (len > 0) {
		n = recv(fd, in, len < (long)sizeof(in) ? (size_t)len : sizeof(in), 0);
		if (n <= 0 || memcmp(in, at, n))
			return false;
		at += n;
		len -= n;
	}
	return true;
}

int stack_take_octet(int fd)
{
	const struct timeval deadline = { .tv_sec = STACK_DEADLINE_MS / 1000 };
	const struct linger at_once = { .l_onoff = 1 };
	ssize_t n = -1;
	char octet;
	int error;

	if (fd < 0)
		return -1;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline)))
		n = recv(fd, &octet, 1, 0);
	error = n ? errno : ENODATA;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	errno = error;
	return n == 1 ? 0 : -1;
}

bool stack_at_end(int fd)
{
	char byte;

	return stack_poll(fd, POLLIN, STACK_DEADLINE_MS) && recv(fd, &byte, 1, 0) == 0;
}

int stack_accept_or_die(int listener)
{
	return must_have(accept(listener, NULL, NULL), "accept");
}

int stack_get(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, level, option, &value, &len) ? -1 : value;
}

int stack_error(int fd)
{
	return stack_get(fd, SOL_SOCKET, SO_ERROR);
}

bool stack_is_acked(int fd)
{
	int octets;

	return WAIT_FOR(!ioctl(fd, SIOCOUTQ, &octets) && !octets, STACK_DEADLINE_MS);
}

int stack_unread(int fd)
{
	int octets = 0;

	ioctl(fd, FIONREAD, &octets);
	return octets;
}
