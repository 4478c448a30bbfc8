// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded by xtcp_run: every TCP socket that the program opens through libc becomes an xtcp socket.
 *
 * Addresses, options and everything else stay as they are: an xtcp socket takes struct sockaddr_in and sockaddr_in6.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/xtcp.h>

#include "run.h"

#define EXPORTED __attribute__((visibility("default")))

static int (*libc_connect)(int fd, const struct sockaddr *addr, socklen_t len);
static ssize_t (*libc_sendto)(int fd, const void *text, size_t n, int flags, const struct sockaddr *addr,
			      socklen_t len);
static ssize_t (*libc_sendmsg)(int fd, const struct msghdr *msg, int flags);
static int (*libc_sendmmsg)(int fd, struct mmsghdr *msgs, unsigned int n, int flags);
static int (*libc_setsockopt)(int fd, int level, int name, const void *value, socklen_t len);
static struct stack_calls libc = { .family = AF_XTCP };
static bool falls_back;

/* Before main, and again by whoever opens a socket in a constructor that runs earlier. */
static void __attribute__((constructor)) prepare(void)
{
	const char *number = getenv(ENV_FAMILY);

	if (number && atoi(number) > 0)
		libc.family = atoi(number);
	if (!rules_set(getenv(ENV_ONLY), getenv(ENV_NOT)))
		rules_set(NULL, NULL);
	limits_read(getenv(ENV_LIMITS));
	falls_back = getenv(ENV_FALLBACK);
	log_begin(getenv(ENV_LOG));
	libc_connect = dlsym(RTLD_NEXT, "connect");
	libc_sendto = dlsym(RTLD_NEXT, "sendto");
	libc_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	libc_sendmmsg = dlsym(RTLD_NEXT, "sendmmsg");
	libc_setsockopt = dlsym(RTLD_NEXT, "setsockopt");
	libc.getsockopt = dlsym(RTLD_NEXT, "getsockopt");
	libc.bind = dlsym(RTLD_NEXT, "bind");
	libc.socket = dlsym(RTLD_NEXT, "socket");
}

static void complain(void)
{
	const char *name = getenv("XTCP_NAME") ?: "xtcp";
	static bool said;
	int saved = errno, len;
	struct utsname system;
	char path[80], text[500];

	if (said && falls_back)		/* the journal wants one line, not one for each socket */
		return;
	said = true;
	snprintf(path, sizeof(path), "/proc/net/%s", name);
	len = snprintf(text, sizeof(text), "xtcp_run: socket(AF_XTCP): no such family: ");
	if (!access(path, F_OK) || uname(&system))
		len += snprintf(text + len, sizeof(text) - len,
				"XTCP_FAMILY is not its number, or a unit has RestrictAddressFamilies= "
				"without AF_WANPIPE");
	else
		len += snprintf(text + len, sizeof(text) - len,
				"the %s module is not loaded in Linux %s; for this kernel \"dkms autoinstall\" builds it, or, "
				"in the sources, \"make && make install\"; \"modprobe %s\" loads it",
				name, system.release, name);
	len += snprintf(text + len, sizeof(text) - len, "%s\n", falls_back ? ". Kernel TCP takes its place" : "");
	if (write(STDERR_FILENO, text, len) < 0)
		errno = saved;
	errno = saved;
}

EXPORTED int socket(int domain, int type, int protocol)
{
	int fd;

	if (!libc.socket)
		prepare();
	if ((domain != AF_INET && domain != AF_INET6) || (type & ~TYPE_FLAGS) != SOCK_STREAM)
		return libc.socket(domain, type, protocol);
	if (protocol == IPPROTO_MPTCP) {	/* nobody has it here: who asks falls back to TCP */
		errno = EPROTONOSUPPORT;
		return -1;
	}
	if ((protocol != 0 && protocol != IPPROTO_TCP) || !rules_start_on_xtcp())
		return libc.socket(domain, type, protocol);
	fd = libc.socket(libc.family, type, domain == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	if (fd < 0 && errno == EAFNOSUPPORT) {
		complain();
		return falls_back ? libc.socket(domain, type, protocol) : -1;
	}
	if (fd >= 0) {
		limits_apply(fd);
		log_line("socket %d is on xtcp", fd);
	}
	return fd;
}

/* What a socket is said to be: AF_INET6 if its addresses are. */
static int domain_of(int fd)
{
	union address name;
	socklen_t len = sizeof(name);
	int saved = errno;

	if (getsockname(fd, &name.sa, &len))
		name.sa.sa_family = AF_INET;
	errno = saved;
	return name.sa.sa_family;
}

/* A program that asks what kind of socket it has got, perhaps from its parent, hears what it expects of TCP. */
EXPORTED int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int ret;

	if (!libc.getsockopt)
		prepare();
	ret = libc.getsockopt(fd, level, name, value, len);
	if (ret || level != SOL_SOCKET || *len != sizeof(int))
		return ret;
	if (name == SO_PROTOCOL && *(int *)value == XTCP_SK_PROTOCOL)
		*(int *)value = IPPROTO_TCP;
	else if (name == SO_DOMAIN && *(int *)value == libc.family)
		*(int *)value = domain_of(fd);
	return ret;
}

/* Linux 6.1 has SO_ZEROCOPY for protocols that it knows; a socket of xtcp has it under a name of its own there. */
EXPORTED int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int saved = errno;

	if (!libc_setsockopt)
		prepare();
	if (!libc_setsockopt(fd, level, name, value, len))
		return 0;
	if (level != SOL_SOCKET || name != SO_ZEROCOPY || errno != EOPNOTSUPP)
		return -1;
	if (!libc_setsockopt(fd, IPPROTO_TCP, XTCP_ZEROCOPY, value, len)) {
		errno = saved;
		return 0;
	}
	if (errno != EINVAL)		/* a socket of another kind */
		errno = EOPNOTSUPP;
	return -1;
}

/* move() - Have a socket on the stack that it belongs to. Return: 0, or -1 with errno when it should and cannot. */
static int move(int fd, const struct sockaddr *local, const struct sockaddr *remote)
{
	bool is_xtcp, want = rules_want_xtcp(local, remote);
	union address bound;
	socklen_t len;
	int made, cloexec;

	if (!swap_is_tcp(&libc, fd, &is_xtcp) || is_xtcp == want)
		return 0;
	made = swap_prepare(&libc, fd, want, &bound, &len);
	if (made < 0)
		return errno == EXDEV ? 0 : -1;		/* a filter below us, which sees the call that follows */
	cloexec = fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;
	if (dup3(made, fd, cloexec) < 0) {
		close(made);
		return -1;
	}
	close(made);
	log_line("socket %d moves to %s", fd, want ? "xtcp" : "kernel TCP");
	return address_is_bound(&bound.sa) ? libc.bind(fd, &bound.sa, len) : 0;
}

/* What a call was given, which may be no memory of ours: the kernel says that then. */
static bool copy(void *to, const void *from, size_t len)
{
	struct iovec here = { to, len }, there = { (void *)from, len };
	int saved = errno;
	ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

	if (n < 0 && errno != EFAULT) {		/* a sandbox that does not know the call */
		memcpy(to, from, len);
		n = len;
	}
	errno = saved;
	return n == (ssize_t)len;
}

static bool is_inet(union address *to, const struct sockaddr *addr, socklen_t len)
{
	memset(to, 0, sizeof(*to));
	if (!addr || len < sizeof(struct sockaddr_in) || !copy(to, addr, len < sizeof(*to) ? len : sizeof(*to)))
		return false;
	return to->sa.sa_family == AF_INET || to->sa.sa_family == AF_INET6;
}

EXPORTED int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	union address local;

	if (!libc.bind)
		prepare();
	if (rules_any() && is_inet(&local, addr, len) && move(fd, &local.sa, NULL))
		return -1;
	return libc.bind(fd, addr, len);
}

/* Before a call that connects. Return: 0, or -1 with errno. */
static int judge(int fd, const struct sockaddr *addr, socklen_t len)
{
	union address local, remote;
	socklen_t local_len = sizeof(local);

	if (!rules_any() || !is_inet(&remote, addr, len))
		return 0;
	return move(fd, getsockname(fd, &local.sa, &local_len) ? NULL : &local.sa, &remote.sa);
}

/* The same, of a message that has the address. */
static int judge_message(int fd, const struct msghdr *msg)
{
	struct msghdr copied;

	return rules_any() && copy(&copied, msg, sizeof(copied)) ? judge(fd, copied.msg_name, copied.msg_namelen) : 0;
}

EXPORTED int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (!libc_connect)
		prepare();
	return judge(fd, addr, len) ? -1 : libc_connect(fd, addr, len);
}

/* What sends passes here, too, for MSG_FASTOPEN connects. A flag is all that is looked at otherwise. */
EXPORTED ssize_t sendto(int fd, const void *text, size_t n, int flags, const struct sockaddr *addr, socklen_t len)
{
	if (!libc_sendto)
		prepare();
	if (flags & MSG_FASTOPEN && judge(fd, addr, len))
		return -1;
	return libc_sendto(fd, text, n, flags, addr, len);
}

EXPORTED ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (!libc_sendmsg)
		prepare();
	if (flags & MSG_FASTOPEN && judge_message(fd, msg))
		return -1;
	return libc_sendmsg(fd, msg, flags);
}

EXPORTED int sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	if (!libc_sendmmsg)
		prepare();
	if (flags & MSG_FASTOPEN && n && judge_message(fd, &msgs->msg_hdr))
		return -1;
	return libc_sendmmsg(fd, msgs, n, flags);
}
