// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded by scripts/xtcp_run: every TCP socket that the program opens through libc becomes an xtcp socket.
 *
 * Addresses, options and everything else stay as they are: an xtcp socket takes struct sockaddr_in and sockaddr_in6.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xtcp.h>

#define XTCP_SK_PROTOCOL 0x206	/* what SO_PROTOCOL reads from one of ours */

static int (*libc_socket)(int domain, int type, int protocol);
static int (*libc_getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
static int family = AF_XTCP;

/* Before main, and again by whoever opens a socket in a constructor that runs earlier. */
static void __attribute__((constructor)) prepare(void)
{
	const char *number = getenv("XTCP_FAMILY");

	if (number && atoi(number) > 0)
		family = atoi(number);
	libc_getsockopt = dlsym(RTLD_NEXT, "getsockopt");
	libc_socket = dlsym(RTLD_NEXT, "socket");
}

static void complain(void)
{
	static const char text[] = "xtcp_run: socket(AF_XTCP): no such family: the module is not loaded any more, or XTCP_FAMILY not its number\n";
	int saved = errno;

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		errno = saved;
	errno = saved;
}

int socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	int fd;

	if (!libc_socket)
		prepare();
	if ((domain != AF_INET && domain != AF_INET6) || kind != SOCK_STREAM ||
	    (protocol != 0 && protocol != IPPROTO_TCP))
		return libc_socket(domain, type, protocol);
	fd = libc_socket(family, type, domain == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	if (fd < 0 && errno == EAFNOSUPPORT)
		complain();
	return fd;
}

/* A program that asks what kind of socket it has got, perhaps from its parent, hears what it expects of TCP. */
int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int ret;

	if (!libc_getsockopt)
		prepare();
	ret = libc_getsockopt(fd, level, name, value, len);
	if (ret || level != SOL_SOCKET || *len != sizeof(int))
		return ret;
	if (name == SO_PROTOCOL && *(int *)value == XTCP_SK_PROTOCOL)
		*(int *)value = IPPROTO_TCP;
	else if (name == SO_DOMAIN && *(int *)value == family)
		*(int *)value = AF_INET;
	return ret;
}
