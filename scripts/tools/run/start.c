// SPDX-License-Identifier: GPL-2.0
/*
 * Begins a program for xtcp_run, which has found out what kind of program it is:
 *
 *   xtcp_run_start --family N [--preload LIBRARY] [--filter try|need|no | --bpf PROTOCOL]
 *                  [--only-port LIST] [--not-port LIST] [--keepalive] [--user-timeout MS] [--idle MS]
 *                  [--half-closed MS] [--strict] [--verbose] -- PROGRAM [ARGUMENT...]
 *
 * The program keeps our process number. What answers the kernel (notify.c) is a process of its own, nobody's child.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "run.h"

#define CANNOT 125

static const char *family = "25", *preload, *filter = "try", *only, *not;
static bool strict, verbose;
static int protocol;	/* of --bpf, or 0 */

static void set_limit(unsigned int which, const char *text)
{
	if (!limits_set(which, text))
		errx(CANNOT, "'%s' is no number of milliseconds", text);
}

static void read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "family", required_argument, NULL, 'f' }, { "preload", required_argument, NULL, 'p' },
		{ "filter", required_argument, NULL, 'F' }, { "only-port", required_argument, NULL, 'o' },
		{ "not-port", required_argument, NULL, 'n' }, { "strict", no_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' }, { "keepalive", no_argument, NULL, 'k' },
		{ "user-timeout", required_argument, NULL, 'u' }, { "idle", required_argument, NULL, 'i' },
		{ "half-closed", required_argument, NULL, 'h' }, { "bpf", required_argument, NULL, 'b' }, {}
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", names, NULL)) != -1) {
		switch (c) {
		case 'f':
			family = optarg;
			break;
		case 'p':
			preload = optarg;
			break;
		case 'F':
			filter = optarg;
			break;
		case 'o':
			only = optarg;
			break;
		case 'n':
			not = optarg;
			break;
		case 'b':
			protocol = atoi(optarg);
			if (protocol < 1)
				errx(CANNOT, "'%s' is no number of a protocol", optarg);
			break;
		case 's':
			strict = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'k':
			limits_set(LIMIT_KEEPALIVE, "1");
			break;
		case 'u':
			set_limit(LIMIT_USER_TIMEOUT, optarg);
			break;
		case 'i':
			set_limit(LIMIT_IDLE, optarg);
			break;
		case 'h':
			set_limit(LIMIT_HALF_CLOSED, optarg);
			break;
		default:
			exit(CANNOT);
		}
	}
	if (optind == argc)
		errx(CANNOT, "which program?");
	if (!rules_set(only, not))
		errx(CANNOT, "'%s' is no list of ports; one is 80 or 80,443,8000-8100",
		     !rules_set(only, NULL) ? only : not);
}

/* A descriptor of our own for the lines of --verbose, far from those that programs use; see log.c. */
static void open_log(void)
{
	char where[80];
	struct stat is;
	int fd;

	if (!verbose)
		return;
	fd = fcntl(STDERR_FILENO, F_DUPFD, 230);
	if (fd < 0 || fstat(fd, &is))
		return;
	snprintf(where, sizeof(where), "%d:%llu:%llu", fd, (unsigned long long)is.st_dev,
		 (unsigned long long)is.st_ino);
	setenv(ENV_LOG, where, 1);
	log_begin(where);
}

static void set_environment(void)
{
	const char *others = getenv("LD_PRELOAD");
	char *list, numbers[48];

	setenv(ENV_FAMILY, family, 1);
	unsetenv(ENV_ONLY);
	unsetenv(ENV_NOT);
	unsetenv(ENV_LOG);
	unsetenv(ENV_LIMITS);
	if (only)
		setenv(ENV_ONLY, only, 1);
	if (not)
		setenv(ENV_NOT, not, 1);
	if (limits_any()) {
		limits_write(numbers, sizeof(numbers));
		setenv(ENV_LIMITS, numbers, 1);
	}
	if (!preload)
		return;
	if (asprintf(&list, "%s%s%s", preload, others && *others ? ":" : "", others ?: "") < 0)
		err(CANNOT, "LD_PRELOAD");
	setenv("LD_PRELOAD", list, 1);
}

/* Whether an xtcp_run around us catches what we would catch. Past libc, where its library may be. */
static bool is_caught(void)
{
	int fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), protocol = -1;
	socklen_t len = sizeof(protocol);

	if (fd >= 0)
		syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	close(fd);
	return protocol == XTCP_SK_PROTOCOL;
}

/* Who gets somebody else's rights by the file's capabilities is refused, as setuid programs are by the script. */
static void refuse_capable(const char *program)
{
	char path[4096], *at, *next, *list = strdup(getenv("PATH") ?: "/bin:/usr/bin");

	snprintf(path, sizeof(path), "%s", program);
	for (next = strchr(program, '/') ? NULL : list; (at = strsep(&next, ":")); ) {
		snprintf(path, sizeof(path), "%s/%s", *at ? at : ".", program);
		if (!access(path, X_OK))
			break;
	}
	if (geteuid() && getxattr(path, "security.capability", NULL, 0) > 0)
		errx(CANNOT, "%s has rights of its own (file capabilities): "
		     "neither the library nor the filter may go there",
		     program);
	free(list);
}

/* Sockets that are there already stay what they are. */
static void look_at_inherited(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int protocol, fd;
	socklen_t len;

	while (dir && (entry = readdir(dir))) {
		fd = atoi(entry->d_name);
		len = sizeof(protocol);
		if (entry->d_name[0] == '.' ||
		    syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) || protocol != IPPROTO_TCP)
			continue;
		if (strict)
			errx(CANNOT, "descriptor %d is a socket of kernel TCP already", fd);
		log_line("descriptor %d is a socket of kernel TCP already, and stays one", fd);
	}
	if (dir)
		closedir(dir);
}

static int receive_listener(int from)
{
	char octet, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &octet, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	int fd = -1;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static bool send_listener(int to, int listener)
{
	char octet = 0, room[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { &octet, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(listener));
	memcpy(CMSG_DATA(cmsg), &listener, sizeof(listener));
	return sendmsg(to, &msg, MSG_NOSIGNAL) == 1;
}

/* close_all_but() - From 3 on; some may be -1. */
static void close_all_but(int a, int b, int c)
{
	int fd, last = a > b ? a : b;

	last = last > c ? last : c;
	for (fd = 3; fd < last; fd++)
		if (fd != a && fd != b && fd != c)
			close(fd);
	close_range(last < 3 ? 3 : last + 1, ~0U, 0);
}

/* Be of no terminal, and hold nothing that the program's readers wait to see closed, but for three descriptors. */
static void stand_behind(int a, int b, int c)
{
	int null = open("/dev/null", O_RDWR), fd;

	setsid();
	if (chdir("/"))
		_exit(1);
	prctl(PR_SET_NAME, "xtcp_run");
	/* nor may who asks look at us, least of all while a child of ours is in his user namespace */
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	for (fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	close_all_but(a, b, c);
}

/* The process that answers. */
static void __attribute__((noreturn)) be_notifier(int from, int log_at)
{
	int listener;

	stand_behind(from, log_at, -1);
	listener = receive_listener(from);
	if (listener < 0)
		_exit(0);		/* no filter */
	close(from);
	_exit(notify_serve(listener, atoi(family), strict));
}

/*
 * Whether one process of ours may take a descriptor of another one that it did not begin: to judge by port it must. By
 * Yama (kernel.yama.ptrace_scope) only who has CAP_SYS_PTRACE does.
 */
static bool may_look_at(pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), fd = syscall(SYS_pidfd_getfd, pidfd, 0, 0);

	return fd >= 0 || errno != EPERM;
}

/*
 * In the background, by a child that ends at once, so that it is no child of the program. That one finds out whether
 * sockets can be judged by port.
 */
static int start_notifier(bool *judges)
{
	const char *log = getenv(ENV_LOG);
	int pair[2], status;
	pid_t us = getpid(), child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		err(CANNOT, "socketpair");
	child = fork();
	if (child < 0)
		err(CANNOT, "fork");
	if (!child) {
		if (fork())
			_exit(!may_look_at(us));
		close(pair[0]);
		be_notifier(pair[1], log ? atoi(log) : -1);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	*judges = !status;
	close(pair[1]);
	return pair[0];
}

static void install_filter(void)
{
	bool need = !strcmp(filter, "need") || strict, judges;
	int to, listener;

	if (!strcmp(filter, "no")) {
		log_line("no filter: what calls the kernel past libc, and what io_uring opens, stays on kernel TCP");
		return;
	}
	if (!strict && is_caught())
		return;
	to = start_notifier(&judges);
	if (rules_any() && !judges && need)
		errx(CANNOT, "the kernel lets nobody look at other processes here (kernel.yama.ptrace_scope?): "
		     "no socket can be judged by port");
	if (rules_any() && !judges)
		log_line("the kernel lets nobody look at other processes here: only the library judges by port");
	listener = filter_install(strict, verbose);
	if (listener >= 0 && !send_listener(to, listener))
		err(CANNOT, "the process that makes the sockets is gone");
	if (listener < 0 && need)
		errx(CANNOT, "the kernel lets nobody watch for socket() here (%s)%s", strerror(errno),
		     errno == EBUSY ? ": something outside watches already" :
		     errno == EOPNOTSUPP ? ": xtcp_run's filter is for x86-64 and arm64 alone" : "");
	if (listener < 0)
		log_line("no filter (%s): what calls the kernel past libc, and what io_uring opens, stays on "
			 "kernel TCP", strerror(errno));
	close(listener);
	close(to);
}

/* The hook of the kernel, and behind it a process that is no child of the program. */
static void install_hook(void)
{
	int hook, held, events = bpf_begin(protocol, &hook, &held), status = 0;
	pid_t child = fork();

	if (!child) {
		if (!bpf_leave())
			_exit(errno);
		child = fork();
		if (child)
			_exit(child < 0 ? errno : 0);
		stand_behind(hook, events, held);
		_exit(bpf_serve(events, hook, held, protocol));
	}
	if (child < 0)
		status = W_EXITCODE(errno, 0);
	else
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	if (status) {
		bpf_undo();
		errx(CANNOT, "--bpf: no process can stay behind: %s", strerror(WEXITSTATUS(status)));
	}
	close(held);
	close(hook);
	close(events);
}

int main(int argc, char **argv)
{
	program_invocation_short_name = "xtcp_run";
	read_options(argc, argv);
	refuse_capable(argv[optind]);
	set_environment();
	open_log();
	look_at_inherited();
	if (protocol)
		install_hook();
	else
		install_filter();
	execvp(argv[optind], argv + optind);
	err(errno == ENOENT ? 127 : 126, "%s", argv[optind]);
}
