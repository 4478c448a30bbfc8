// SPDX-License-Identifier: GPL-2.0
/*
 * A socket changes the stack: one of the other stack is made, gets what the program has set on the first one, and takes
 * its place. That is possible until the connection or the listener begins. What is lost: that the first one was put
 * into an epoll set before, for such a set holds the socket and not its number; and copies of the descriptor stay it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <linux/xtcp.h>

#include "run.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static int option(const struct stack_calls *calls, int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return calls->getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

/* swap_is_tcp() - Whether a descriptor is a TCP socket in CLOSED, and of which stack. */
bool swap_is_tcp(const struct stack_calls *calls, int fd, bool *is_xtcp)
{
	int saved = errno, protocol = option(calls, fd, SO_PROTOCOL);
	unsigned char state = 0;	/* what struct tcp_info begins with */
	socklen_t len = sizeof(state);
	bool tcp;

	*is_xtcp = protocol == XTCP_SK_PROTOCOL;
	tcp = (*is_xtcp || protocol == IPPROTO_TCP) && option(calls, fd, SO_TYPE) == SOCK_STREAM &&
	      !calls->getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &len) && state == TCP_CLOSE;
	errno = saved;
	return tcp;
}

static int socket_on(const struct stack_calls *calls, bool on_xtcp, int domain)
{
	int fd;

	if (on_xtcp) {
		fd = calls->socket(calls->family, SOCK_STREAM | SOCK_CLOEXEC,
				   domain == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
		if (fd >= 0)
			limits_apply(fd);
		return fd;
	}
	return calls->socket(domain, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
}

/* Whether two sockets are in two network namespaces. */
static bool are_apart(const struct stack_calls *calls, int a, int b)
{
	unsigned long long cookie[2];
	socklen_t len[2] = { sizeof(*cookie), sizeof(*cookie) };

	return !calls->getsockopt(a, SOL_SOCKET, SO_NETNS_COOKIE, &cookie[0], &len[0]) &&
	       !calls->getsockopt(b, SOL_SOCKET, SO_NETNS_COOKIE, &cookie[1], &len[1]) && cookie[0] != cookie[1];
}

/* Whether a socket of xtcp has keys, of TCP_MD5SIG or TCP-AO: another one would not have them. */
static bool has_keys(const struct stack_calls *calls, int fd)
{
	socklen_t len = sizeof(int);
	int keys = 0;

	return !calls->getsockopt(fd, IPPROTO_TCP, XTCP_KEYS, &keys, &len) && keys;
}

/*
 * swap_prepare() - A socket of the other stack with the options of @fd, which stays. Return: it, or -1 with errno;
 * EXDEV: not here. The filter gives us none of that stack, and its process does it; or the caller has entered another
 * network namespace since; or @fd has keys, without which another one would be open to everybody.
 * @bound and @len: where @fd is bound, which the caller repeats once @fd is gone, for two stacks do not share a port.
 */
int swap_prepare(const struct stack_calls *calls, int fd, bool to_xtcp, union address *bound, socklen_t *len)
{
	int made, fresh;
	bool apart;

	*len = sizeof(*bound);
	if (!to_xtcp && has_keys(calls, fd)) {
		log_line("a socket stays what it is: it has keys of TCP_MD5SIG, which nobody can read");
		errno = EXDEV;
		return -1;
	}
	if (getsockname(fd, &bound->sa, len))
		return -1;
	made = socket_on(calls, to_xtcp, bound->sa.sa_family);
	if (made < 0)
		return -1;
	apart = are_apart(calls, fd, made);
	if (apart)
		log_line("a socket stays what it is: it is of another network namespace");
	if (apart || (option(calls, made, SO_PROTOCOL) == XTCP_SK_PROTOCOL) != to_xtcp) {
		close(made);
		errno = EXDEV;
		return -1;
	}
	fresh = socket_on(calls, !to_xtcp, bound->sa.sa_family);
	if (fresh < 0) {
		close(made);
		return -1;
	}
	carry_all(calls, fd, fresh, made);
	close(fresh);
	return made;
}

/* address_is_bound() - Whether what getsockname() says came from a bind(). */
bool address_is_bound(const struct sockaddr *addr)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	if (addr->sa_family == AF_INET6)
		return in6->sin6_port || !IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
	return in->sin_port || in->sin_addr.s_addr;
}
