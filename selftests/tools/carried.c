// SPDX-License-Identifier: GPL-2.0
/*
 * What xtcp_run has a socket take along when bind() to PORT shows that it belongs on the other stack:
 *
 *   carried pool xtcp_run --not-port 4110 carried judge xtcp [nobody]
 *   xtcp_run --only-port 4110 carried judge kernel
 *   xtcp_run --only-port 4110 carried again
 *
 * Every option number of four levels is set to values of all kinds, over both IP versions. What then shows on the
 * socket that was swapped must be what shows on one of that stack on which the same was set: so an option that
 * run/carry.c forgets is lost here, and so is one that takes the other stack's value. "pool": sockets of kernel
 * TCP for that, made where nobody catches them. "again": how often bind() is refused the address of a socket that was
 * closed just before. Linked statically, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/filter.h>
#include <linux/xtcp.h>

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS	17
#endif

#define PORT		4110
#define NUMBERS		90
#define ROOM		256
#define AGAIN		1000
#define POOL_AT		300	/* the first descriptor; then those of IPv6 */
#define POOL		200
#define XTCP_SK_PROTOCOL 0x206
#define NOBODY		65534
#define ELEMENTS(a)	(sizeof(a) / sizeof((a)[0]))

static const int families[] = { AF_INET, AF_INET6 }, levels[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP };

static struct sock_filter pass[] = { BPF_STMT(BPF_RET | BPF_K, ~0U) };
static const struct sock_fprog program = { 1, pass };

static const int numbers[] = {
	1, 0, 2, 3, 4, 5, 7, 16, 100, 255, 1000, 1280, 5000, 60000, 300000, -1, 1 << 24, 30000 | 40000 << 16,
};

/* What is no int: a linger, a device, an algorithm, an interval, a rate, a clock, a key, options of IPv6, a filter. */
static const struct {
	const void *octets;
	socklen_t len;
} others[] = {
	{ (const int[]){ 1, 5 }, 8 }, { "lo", 3 }, { "reno", 4 }, { (const int64_t[]){ 3, 0 }, 16 },
	{ (const int64_t[]){ 5000000000 }, 8 }, { (const int[]){ 1, 0 }, 8 }, { "0123456789abcdef", 16 },
	{ "\0\0\1\4\0\0\0", 8 }, { &program, sizeof(program) },
};

static int start_family = AF_XTCP, used[2], carried, refused, lost;

static int bare(bool on_xtcp, int family)
{
	int fd;

	if (on_xtcp)
		fd = syscall(SYS_socket, AF_XTCP, SOCK_STREAM, family == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	else
		fd = syscall(SYS_socket, family, SOCK_STREAM, IPPROTO_TCP);
	if (fd < 0) {
		perror("socket");
		exit(1);
	}
	return fd;
}

/* A new socket of the stack where sockets begin. */
static int begins(int family)
{
	return bare(start_family == AF_XTCP, family);
}

/* And one of the other stack. */
static int of_target(int family)
{
	bool six = family == AF_INET6;
	int fd;

	if (start_family != AF_XTCP)
		return bare(true, family);
	fd = used[six] < POOL ? POOL_AT + six * POOL + used[six]++ : -1;
	if (fcntl(fd, F_GETFD) < 0) {
		puts("the pool is empty");
		exit(1);
	}
	return fd;
}

static bool is_on(int fd, int family)
{
	int protocol = -1;
	socklen_t len = sizeof(protocol);

	syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	return protocol == (family == AF_XTCP ? XTCP_SK_PROTOCOL : IPPROTO_TCP);
}

/* Return: 0, or what bind() says. */
static int bind_it(int fd, int family)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = in6addr_loopback };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int ret;

	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == AF_INET)
		ret = bind(fd, (struct sockaddr *)&four, sizeof(four));
	else
		ret = bind(fd, (struct sockaddr *)&six, sizeof(six));
	return ret ? errno : 0;
}

static bool move(int fd, int family)
{
	return !bind_it(fd, family) && !is_on(fd, start_family);
}

struct value {
	unsigned char octets[ROOM];
	socklen_t len;
	int error;
};

static struct value get(int fd, int level, int opt)
{
	struct value value = { .len = level == SOL_SOCKET && opt == SO_GET_FILTER ? 8 : ROOM };

	value.error = getsockopt(fd, level, opt, value.octets, &value.len) ? errno : 0;
	return value;
}

static bool same(const struct value *a, const struct value *b)
{
	return a->error == b->error && (a->error || (a->len == b->len && !memcmp(a->octets, b->octets, ROOM)));
}

static void say_lost(const char *what, int family, int level, int opt, const struct value *is, const struct value *due)
{
	int a, b;

	memcpy(&a, is->octets, sizeof(a));
	memcpy(&b, due->octets, sizeof(b));
	printf("%s: IPv%d level %d option %d: is %d (%d octets, error %d), should be %d (%d octets, error %d)\n", what,
	       family == AF_INET ? 4 : 6, level, opt, a, is->len, is->error, b, due->len, due->error);
	lost++;
}

/*
 * One option to one value, on a socket that moves. With some of them bind() fails, as with a device that has not got
 * the address: after the move, and as it does on the other stack.
 */
static void judge(int family, int level, int opt, const void *octets, socklen_t len)
{
	int fd = begins(family), target = of_target(family), error;
	struct value is, due;
	bool taken, moved;

	setsockopt(fd, level, opt, octets, len);
	taken = !setsockopt(target, level, opt, octets, len);
	error = bind_it(fd, family);
	moved = !is_on(fd, start_family);
	is = get(fd, level, opt);
	due = get(target, level, opt);
	close(fd);
	if (!same(&is, &due))
		say_lost("lost", family, level, opt, &is, &due);
	if (!moved || error != bind_it(target, family)) {
		printf("%s: IPv%d level %d option %d: %s\n", moved ? "is not bound like that" : "does not move",
		       family == AF_INET ? 4 : 6, level, opt, strerror(error));
		lost++;
	}
	carried += taken;
	refused += !taken;
	close(target);
}

static bool shows(int fd, const struct value *usual, int level, int opt, const void *octets, socklen_t len)
{
	struct value now;

	if (setsockopt(fd, level, opt, octets, len))
		return false;
	now = get(fd, level, opt);
	return !now.error && !same(&now, usual);
}

/* Two values that show. Where the kernel might look for a module of a name, it gets one name. */
static void try_option(int family, int level, int opt)
{
	bool is_name = level == IPPROTO_TCP && (opt == TCP_CONGESTION || opt == TCP_ULP);
	int fd = begins(family), n = 0;
	struct value usual = get(fd, level, opt);

	for (unsigned int i = 0; n < 2 && i < ELEMENTS(others); i++) {
		if (!shows(fd, &usual, level, opt, others[i].octets, others[i].len))
			continue;
		n++;
		judge(family, level, opt, others[i].octets, others[i].len);
		close(fd);
		fd = begins(family);
	}
	for (unsigned int i = 0; n < 2 && !is_name && i < ELEMENTS(numbers); i++) {
		if (!shows(fd, &usual, level, opt, &numbers[i], sizeof(int)))
			continue;
		n++;
		judge(family, level, opt, &numbers[i], sizeof(int));
		close(fd);
		fd = begins(family);
	}
	close(fd);
}

/* Options that change each other: in an order of the program's, and what shows in the end. */
static const struct {
	int level, opt, value;
} together[][3] = {
	{ { IPPROTO_IP, IP_TOS, 0x10 }, { SOL_SOCKET, SO_PRIORITY, 0 } },
	{ { SOL_SOCKET, SO_PRIORITY, 3 }, { IPPROTO_IP, IP_TOS, 0x10 } },
	{ { SOL_SOCKET, SO_RCVBUFFORCE, 9000000 }, { SOL_SOCKET, SO_SNDBUFFORCE, 9000000 } },
	{ { SOL_SOCKET, SO_RCVBUF, 100000 }, { SOL_SOCKET, SO_BUF_LOCK, 0 } },
	{ { SOL_SOCKET, SO_RCVBUF, 100000 }, { SOL_SOCKET, SO_RCVLOWAT, 300000 } },
	{ { SOL_SOCKET, SO_TIMESTAMP_NEW, 1 }, { SOL_SOCKET, SO_TIMESTAMPING_OLD, 8 } },
	{ { SOL_SOCKET, SO_TIMESTAMPING_OLD, 8 }, { SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1 } },
};

static void judge_together(int family, unsigned int which)
{
	int fd = begins(family), target = of_target(family), opt;
	struct value is = {}, due = {};

	for (unsigned int i = 0; i < ELEMENTS(together[which]) && together[which][i].opt; i++) {
		opt = together[which][i].opt;
		setsockopt(fd, together[which][i].level, opt, &together[which][i].value, sizeof(int));
		setsockopt(target, together[which][i].level, opt, &together[which][i].value, sizeof(int));
	}
	if (!move(fd, family))
		say_lost("together: does not move", family, 0, which, &is, &due);
	for (opt = 0; opt <= NUMBERS; opt++) {
		is = get(fd, SOL_SOCKET, opt);
		due = get(target, SOL_SOCKET, opt);
		if (opt != SO_PROTOCOL && opt != SO_DOMAIN && opt != SO_COOKIE && opt != SO_MEMINFO && !same(&is, &due))
			say_lost("together", family, SOL_SOCKET, opt, &is, &due);
	}
	close(fd);
	close(target);
}

/* Who is sent which signal, by whose rights; a filter that is locked. */
static void judge_file(void)
{
	struct f_owner_ex owner = { F_OWNER_PID, getpid() }, is = {};
	int fd = begins(AF_INET), one = 1, flags;
	uid_t uids[2] = { 1, 1 };
	struct value lock;

	signal(SIGUSR1, SIG_IGN);
	if (fcntl(fd, F_SETSIG, SIGUSR1) || fcntl(fd, F_SETOWN_EX, &owner) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) || !move(fd, AF_INET))
		puts("file: cannot be set");
	flags = fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ASYNC);
	if (fcntl(fd, F_GETSIG) != SIGUSR1 || fcntl(fd, F_GETOWN_EX, &is) || is.type != owner.type ||
	    is.pid != owner.pid || flags != (O_NONBLOCK | O_ASYNC) || fcntl(fd, F_GETOWNER_UIDS, uids) ||
	    uids[0] != getuid() || uids[1] != geteuid())
		printf("file: signal %d to %d of type %d by %d and %d, flags %#x\n", fcntl(fd, F_GETSIG), is.pid,
		       is.type, uids[0], uids[1], flags);
	lock = get(fd, SOL_SOCKET, SO_LOCK_FILTER);
	if (lock.octets[0] != 1)
		puts("file: the filter is not locked");
	close(fd);
}

/* They are no concern of TCP's. */
static bool is_netfilters(int level, int opt)
{
	return (level == IPPROTO_IP || level == IPPROTO_IPV6) &&
	       ((opt >= 64 && opt <= 69 && (level == IPPROTO_IP || (opt != 66 && opt != 67))) ||
		(opt >= 80 && opt <= 83));
}

static void judge_all(void)
{
	for (unsigned int family = 0; family < ELEMENTS(families); family++) {
		for (unsigned int level = 0; level < ELEMENTS(levels); level++)
			for (int opt = 0; opt <= NUMBERS; opt++)
				if (!is_netfilters(levels[level], opt))
					try_option(families[family], levels[level], opt);
		for (unsigned int which = 0; which < ELEMENTS(together); which++)
			judge_together(families[family], which);
	}
	judge_file();
}

/* An address is free once its socket is closed, though xtcp_run has just looked at the socket. */
static int bind_again_and_again(void)
{
	int i, fd, error, refused_binds = 0;

	for (i = 0; i < AGAIN; i++) {
		fd = bare(true, AF_INET);
		error = bind_it(fd, AF_INET);
		close(fd);
		refused_binds += !!error;
	}
	printf("%d of %d refused\n", refused_binds, AGAIN);
	return 0;
}

/* The sockets stay open in the program that follows. */
static void pool(char **argv)
{
	struct rlimit limit = { POOL_AT + 2 * POOL + 100, POOL_AT + 2 * POOL + 100 };
	int i, fd;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		perror("setrlimit");
	for (i = 0; i < 2 * POOL; i++) {
		fd = bare(false, i < POOL ? AF_INET : AF_INET6);
		if (dup2(fd, POOL_AT + i) < 0)
			perror("dup2");
		close(fd);
	}
	execvp(argv[0], argv);
	perror(argv[0]);
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "pool")) {
		pool(argv + 2);
		return 1;
	}
	if (argc == 2 && !strcmp(argv[1], "again"))
		return bind_again_and_again();
	if (argc < 3 || strcmp(argv[1], "judge"))
		return 2;
	start_family = strcmp(argv[2], "kernel") ? AF_XTCP : AF_INET;
	if (argc > 3 && setresuid(NOBODY, NOBODY, NOBODY))
		return 2;
	judge_all();
	fprintf(stderr, "# %d went along, %d the other stack refuses, %d lost\n", carried, refused, lost);
	printf("%s\n", lost || carried < 150 ? "not all went along" : "all went along");
	return 0;
}
