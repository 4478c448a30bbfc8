// SPDX-License-Identifier: GPL-2.0
/*
 * A socket changes the stack: one of the other stack is made, gets what the program has set on the first one, and takes
 * its place. That is possible until the connection or the listener begins. What is lost: that the first one was put
 * into an epoll set before, for such a set holds the socket and not its number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <linux/xtcp.h>

#include "run.h"

static const struct {
	int level;
	int name;
	bool doubled;		/* getsockopt() shows twice of what was set */
} options[] = {
	{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_REUSEPORT }, { SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_OOBINLINE }, { SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_RCVBUF, true }, { SOL_SOCKET, SO_SNDBUF, true }, { SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_SNDTIMEO }, { SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_MARK }, { SOL_SOCKET, SO_BINDTODEVICE },
	{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK }, { IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_KEEPIDLE }, { IPPROTO_TCP, TCP_KEEPINTVL }, { IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_SYNCNT }, { IPPROTO_TCP, TCP_LINGER2 }, { IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP }, { IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ IPPROTO_IP, IP_TOS }, { IPPROTO_IP, IP_TTL }, { IPPROTO_IP, IP_FREEBIND }, { IPPROTO_IP, IP_TRANSPARENT },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT }, { IPPROTO_IP, IP_RECVERR }, { IPPROTO_IP, IP_MTU_DISCOVER },
	{ IPPROTO_IPV6, IPV6_V6ONLY }, { IPPROTO_IPV6, IPV6_TCLASS }, { IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_RECVERR },
};

/* What differs from a new socket of the same stack, the program has set. */
static void copy_options(const struct stack_calls *calls, int from, int fresh, int to)
{
	char set[64], usual[64];
	socklen_t len, usual_len;
	unsigned int i;
	int half;

	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		len = sizeof(set);
		usual_len = sizeof(usual);
		if (calls->getsockopt(from, options[i].level, options[i].name, set, &len) ||
		    calls->getsockopt(fresh, options[i].level, options[i].name, usual, &usual_len) ||
		    (len == usual_len && !memcmp(set, usual, len)))
			continue;
		if (options[i].doubled) {
			memcpy(&half, set, sizeof(half));
			half /= 2;
			memcpy(set, &half, sizeof(half));
		}
		if (setsockopt(to, options[i].level, options[i].name, set, len))
			log_line("option %d of level %d could not go along: %s", options[i].name, options[i].level,
				 strerror(errno));
	}
}

static void copy_flags(int from, int to)
{
	fcntl(to, F_SETFL, fcntl(from, F_GETFL));	/* O_NONBLOCK, O_ASYNC */
	if (fcntl(from, F_GETOWN))
		fcntl(to, F_SETOWN, fcntl(from, F_GETOWN));
}

static int option(const struct stack_calls *calls, int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return calls->getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

/* swap_is_tcp() - Whether a descriptor is a TCP socket that has not begun anything, and of which stack. */
bool swap_is_tcp(const struct stack_calls *calls, int fd, bool *is_xtcp)
{
	union address peer;
	socklen_t len = sizeof(peer);
	int saved = errno, protocol = option(calls, fd, SO_PROTOCOL);
	bool tcp;

	*is_xtcp = protocol == XTCP_SK_PROTOCOL;
	tcp = (*is_xtcp || protocol == IPPROTO_TCP) && option(calls, fd, SO_TYPE) == SOCK_STREAM &&
	      option(calls, fd, SO_ACCEPTCONN) == 0 && getpeername(fd, &peer.sa, &len);
	errno = saved;
	return tcp;
}

static int socket_on(const struct stack_calls *calls, bool on_xtcp, int domain)
{
	if (on_xtcp)
		return calls->socket(calls->family, SOCK_STREAM | SOCK_CLOEXEC,
				     domain == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	return calls->socket(domain, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
}

/*
 * swap_prepare() - A socket of the other stack with the options of @fd, which stays. Return: it, or -1 with errno.
 * @bound and @len: where @fd is bound, which the caller repeats once @fd is gone, for two stacks do not share a port.
 */
int swap_prepare(const struct stack_calls *calls, int fd, bool to_xtcp, union address *bound, socklen_t *len)
{
	int made, fresh;

	*len = sizeof(*bound);
	if (getsockname(fd, &bound->sa, len))
		return -1;
	made = socket_on(calls, to_xtcp, bound->sa.sa_family);
	if (made < 0)
		return -1;
	fresh = socket_on(calls, !to_xtcp, bound->sa.sa_family);
	if (fresh < 0) {
		close(made);
		return -1;
	}
	copy_options(calls, fd, fresh, made);
	copy_flags(fd, made);
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
