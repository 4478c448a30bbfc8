// SPDX-License-Identifier: GPL-2.0
/*
 * The process behind a program that calls the kernel itself: a static one, Go, one that has cleared its environment.
 * When somebody below the filter asks for a TCP socket, the kernel has us make another one, and puts it in. With rules
 * about ports bind(), connect() and what sends with MSG_FASTOPEN come here, too. It ends with the last one who runs
 * under the filter; if it is killed before, socket() for TCP fails there with ENOSYS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>
#include <linux/xtcp.h>

#include "run.h"

#define CHILDREN_MANY	32
#define CHILDREN_MAX	4096

static int listener;
static bool strict;
static pid_t asking;

static int socket_as_asked(int domain, int type, int protocol)
{
	int fd = make_socket(asking, domain, type, protocol);

	if (fd >= 0)
		return fd;
	errno = -fd;
	return -1;
}

/*
 * We may be root, and who asks may have given up those rights: what a program could not do itself, as to have another
 * user's process sent signals, is not done for it. The saved user number is the way back.
 */
static void as_program(bool on)
{
	static bool changed;
	long uid, fsuid;

	if (on && !getuid() && look_status(asking, "Uid", &uid, &fsuid) && (uid || fsuid))
		changed = !setresuid(uid, fsuid, 0);
	else if (!on && changed)
		changed = setresuid(0, 0, 0);
}

static struct stack_calls calls = {
	.socket = socket_as_asked, .getsockopt = getsockopt, .bind = bind, .as_program = as_program,
};

static void answer(unsigned long long id, int error, unsigned int flags)
{
	struct seccomp_notif_resp resp = { .id = id, .error = -error, .flags = flags };

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);	/* ENOENT: the caller is gone */
}

static void go_on(unsigned long long id)
{
	answer(id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static bool still_waits(unsigned long long id)
{
	return !ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

/* Return: false if it takes a child, and we may not wait for one. */
static bool be_socket(const struct seccomp_notif *req)
{
	int domain = req->data.args[0], type = req->data.args[1], fd, put;
	struct seccomp_notif_addfd add = { .id = req->id, .flags = SECCOMP_ADDFD_FLAG_SEND };

	fd = make_socket(asking, calls.family, type & ~SOCK_CLOEXEC,
			 domain == AF_INET6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);
	if (fd == -EINPROGRESS)
		return false;
	if (fd < 0) {
		log_line("process %d: socket(): %s", asking, strerror(-fd));
		answer(req->id, -fd, 0);
		return true;
	}
	add.srcfd = fd;
	add.newfd_flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0;
	/* a thread number that was used again meanwhile is another thread's, which may be elsewhere */
	put = still_waits(req->id) ? ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) : 0;
	if (put < 0)
		answer(req->id, errno, 0);		/* EMFILE: the caller's */
	else
		log_line("process %d: socket %d is on xtcp, by the kernel", asking, put);
	close(fd);
	return true;
}

/* The program's memory. Return: false with errno; EPERM: nobody lets us look. */
static bool read_memory(unsigned long long at, void *to, size_t len)
{
	struct iovec here = { to, len }, there = { (void *)(uintptr_t)at, len };

	return process_vm_readv(asking, &here, 1, &there, 1, 0) == (ssize_t)len;
}

/*
 * The address that a call was given: bind(), connect(), or one that sends and connects.
 *
 * Return: whether it is one of IP's; if not, errno is EPERM where nobody lets us look.
 */
static bool read_address(const struct seccomp_notif *req, union address *addr)
{
	unsigned long long at = req->data.args[1];
	unsigned int len = req->data.args[2];
	struct msghdr msg;

	errno = 0;
	if (req->data.nr == SYS_sendto) {
		at = req->data.args[4];
		len = req->data.args[5];
	} else if (req->data.nr == SYS_sendmsg || req->data.nr == SYS_sendmmsg) {
		/* sendmmsg(): a list of these, of which the first one connects */
		if ((req->data.nr == SYS_sendmmsg && !len) || !read_memory(at, &msg, sizeof(msg)))
			return false;
		at = (unsigned long)msg.msg_name;
		len = msg.msg_namelen;
	}
	if (len > sizeof(*addr))
		len = sizeof(*addr);
	memset(addr, 0, sizeof(*addr));
	return len >= sizeof(struct sockaddr_in) && read_memory(at, addr, len) &&
	       (addr->sa.sa_family == AF_INET || addr->sa.sa_family == AF_INET6);
}

/*
 * Our own descriptor of a socket of the caller's. The kernel gives those of the first thread, and another one may have
 * a table of its own.
 *
 * Return: it, or -1 with errno; EPERM: nobody lets us look.
 */
static int fetch(int number)
{
	struct stat ours, theirs;
	long tgid, last;
	char path[60];
	int pidfd, fd;
	bool there;

	if (!look_status(asking, "Tgid", &tgid, &last))
		return -1;
	pidfd = syscall(SYS_pidfd_open, (pid_t)tgid, 0);
	if (pidfd < 0)
		return -1;
	fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	close(pidfd);
	if (asking == tgid || (fd < 0 && errno != EBADF))
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", asking, number);
	there = !stat(path, &theirs);
	if (there && fd >= 0 && !fstat(fd, &ours) && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = there ? EPERM : EBADF;
	return -1;
}

static bool closes_on_exec(int number)
{
	char path[60], line[100];
	bool cloexec = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", asking, number);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "flags:", 6))
			cloexec = strtoul(line + 6, NULL, 8) & O_CLOEXEC;
	if (file)
		fclose(file);
	return cloexec;
}

/*
 * move() - Put a socket of the other stack in the place of @fd, which is closed.
 *
 * Return: 0, also when it has to stay and may, or an error.
 */
static int move(const struct seccomp_notif *req, int fd, bool to_xtcp)
{
	struct seccomp_notif_addfd add = {
		.id = req->id, .flags = SECCOMP_ADDFD_FLAG_SETFD, .newfd = req->data.args[0],
		.newfd_flags = closes_on_exec(req->data.args[0]) ? O_CLOEXEC : 0,
	};
	union address bound;
	socklen_t len;
	int made, error = 0;

	made = swap_prepare(&calls, fd, to_xtcp, &bound, &len);
	if (made < 0) {
		error = errno == EXDEV && !(strict && to_xtcp) ? 0 : errno;
		close(fd);
		return error;
	}
	add.srcfd = made;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0)
		error = errno;
	close(fd);
	if (!error && address_is_bound(&bound.sa) && bind(made, &bound.sa, len))
		error = errno;
	if (!error)
		log_line("process %d: socket %d moves to %s", asking, (int)req->data.args[0],
			 to_xtcp ? "xtcp" : "kernel TCP");
	close(made);
	return error;
}

/*
 * Where Yama, or a program that does not let its user look at it (PR_SET_DUMPABLE), is in the way: it may be no TCP at
 * all, so only who would rather fail does.
 */
static void be_in_the_dark(const struct seccomp_notif *req)
{
	log_line("process %d: socket %d is not judged by port: the kernel shows neither address nor socket", asking,
		 (int)req->data.args[0]);
	if (strict)
		answer(req->id, EPERM, 0);
	else
		go_on(req->id);
}

static void be_bind_or_connect(const struct seccomp_notif *req)
{
	bool connecting = req->data.nr != SYS_bind, is_xtcp, want;
	union address addr, local;
	socklen_t len = sizeof(local);
	int fd, error = 0;

	fd = read_address(req, &addr) ? fetch(req->data.args[0]) : -1;
	if (fd < 0 && errno == EPERM) {
		be_in_the_dark(req);
	} else if (fd < 0) {
		go_on(req->id);		/* not TCP's; or the call fails by itself */
	} else if (!still_waits(req->id)) {
		close(fd);
	} else {
		if (connecting)
			want = rules_want_xtcp(getsockname(fd, &local.sa, &len) ? NULL : &local.sa, &addr.sa);
		else
			want = rules_want_xtcp(&addr.sa, NULL);
		if (swap_is_tcp(&calls, fd, &is_xtcp) && is_xtcp != want) {
			error = move(req, fd, want);
			fd = -1;
		}
		/* before the program goes on: if it closes the socket, the address is free */
		if (fd >= 0)
			close(fd);
		if (error)
			answer(req->id, error, 0);
		else
			go_on(req->id);
	}
}

/* Only --verbose has the kernel ask about it: what is opened by it is not seen. */
static void be_uring(const struct seccomp_notif *req)
{
	log_line("process %d: io_uring: %s", asking, strict ? "denied" : "sockets that it opens stay on kernel TCP");
	if (strict)
		answer(req->id, EPERM, 0);
	else
		go_on(req->id);
}

/*
 * A program can make us wait: by a page fault in its memory that it does not resolve, or by a control group that it has
 * frozen. So each request that may wait gets a child of its own, in a process group that takes in the child's own.
 */
static struct child {
	struct child *next;
	pid_t pid;
	unsigned long long id;
} *children;

static int how_many;

/*
 * A process may end while a child of ours waits for its request. The children are ours, so no limit of the user counts
 * them. When there are many, we kill those for which nobody waits any more. Some cannot be killed, such as one that
 * waits for the user's own file system (FUSE). When there are very many, we refuse.
 */
static bool is_room_for_child(void)
{
	struct child *child;

	for (child = how_many >= CHILDREN_MANY ? children : NULL; child; child = child->next)
		if (!still_waits(child->id))
			kill(-child->pid, SIGKILL);
	return how_many < CHILDREN_MAX;
}

static void be_apart(const struct seccomp_notif *req)
{
	struct child *child = is_room_for_child() ? calloc(1, sizeof(*child)) : NULL;
	pid_t us = getpid();

	if (child)
		child->pid = fork();
	if (!child || child->pid < 0) {
		answer(req->id, ENOMEM, 0);
		free(child);
	} else if (child->pid) {
		setpgid(child->pid, child->pid);
		child->id = req->id;
		child->next = children;
		children = child;
		how_many++;
	} else {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != us)
			_exit(1);
		make_may_wait();
		if (req->data.nr == SYS_socket)
			be_socket(req);
		else
			be_bind_or_connect(req);
		_exit(0);
	}
}

/* One that was killed has not answered; who has had an answer hears nothing of a second one. */
static void bury(void)
{
	struct child **at, *dead;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (at = &children; *at && (*at)->pid != pid; at = &(*at)->next)
			;
		dead = *at;
		if (!dead)
			continue;
		*at = dead->next;
		how_many--;
		if (status)
			answer(dead->id, ENOMEM, 0);
		free(dead);
	}
}

/* A descriptor that is readable when a child has ended. */
static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void serve_one(void)
{
	struct seccomp_notif req = {};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req))
		return;		/* the caller was killed before we looked */
	asking = req.pid;
	if (req.data.nr == SYS_io_uring_setup)
		be_uring(&req);
	else if (req.data.nr != SYS_socket || !be_socket(&req))
		be_apart(&req);
}

/* notify_serve() - Answer until nobody is left to ask. Return: an exit status. */
int notify_serve(int from, int family, bool be_strict)
{
	struct pollfd fds[] = { { .fd = from, .events = POLLIN }, { .fd = watch_children(), .events = POLLIN } };
	struct signalfd_siginfo ended;

	listener = from;
	strict = be_strict;
	calls.family = family;
	if (!make_begin())
		log_line("/proc is not that of xtcp_run's processes: no socket is made");
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents && read(fds[1].fd, &ended, sizeof(ended)) > 0)
			bury();
		if (fds[0].revents & POLLIN)
			serve_one();
		else if (fds[0].revents)
			return 0;
	}
}
