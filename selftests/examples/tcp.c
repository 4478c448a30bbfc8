// SPDX-License-Identifier: GPL-2.0
/* The only file that knows of AF_XTCP: its third argument says IPv4 or IPv6, and addresses stay as they are. */
#include <err.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>

#include <linux/xtcp.h>

#include "tcp.h"

static bool on_xtcp;

void tcp_options(int *argc, char ***argv)
{
	if (*argc > 1 && !strcmp((*argv)[1], "-x")) {
		on_xtcp = true;
		++*argv;
		--*argc;
	}
}

static int open_socket(int family)
{
	if (on_xtcp)
		return socket(AF_XTCP, SOCK_STREAM, family == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	return socket(family, SOCK_STREAM, 0);
}

int tcp_listen(const char *port)
{
	struct addrinfo hints = { .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
	int fd = open_socket(AF_INET6), on = 1, off = 0;

	if (fd < 0)
		err(1, "socket");
	if (getaddrinfo(NULL, port, &hints, &found))
		errx(1, "%s is no port", port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));	/* TIME-WAIT of the last run may be there */
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));	/* IPv4 as well */
	if (bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 128))
		err(1, "port %s", port);
	freeaddrinfo(found);
	signal(SIGPIPE, SIG_IGN);	/* to write to a client that is gone is an error, and no signal */
	return fd;
}

int tcp_connect(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found, *at;
	int fd = -1, error = getaddrinfo(host, port, &hints, &found);

	if (error)
		errx(1, "%s: %s", host, gai_strerror(error));
	for (at = found; at; at = at->ai_next) {	/* a name may have many addresses */
		fd = open_socket(at->ai_family);
		if (fd >= 0 && !connect(fd, at->ai_addr, at->ai_addrlen))
			break;
		if (!at->ai_next)
			err(1, "%s, port %s", host, port);
		close(fd);
	}
	freeaddrinfo(found);
	return fd;
}

int write_all(int fd, const void *data, size_t len)
{
	ssize_t n;

	for (; len; len -= n, data = (const char *)data + n) {
		n = write(fd, data, len);	/* may take less than it was given */
		if (n < 0)
			return -1;
	}
	return 0;
}
