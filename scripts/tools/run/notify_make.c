// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets for somebody else: as the thread that asks would have made them itself. What a socket keeps of its maker
 * (look.c) is compared; where it differs from ours, a child goes where that thread is, and becomes what it is. What
 * neither is alike nor becomes so is refused, whatever the options: a program may be where it is so that it gets no
 * socket, or none that reaches anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "run.h"

#define MAX_ERRNO	4095	/* the kernel's */

/* What is to be made, and for whom. */
struct wish {
	pid_t tid;
	int family, type, protocol;
	int net;		/* descriptors of what is his: namespace, status */
	int status;
	int group;		/* folder of the control group to go to; -1: we are there */
};

/*
 * What a child has read of /proc before it goes anywhere. Where it goes, a program may have every right over it, and a
 * root of its own: from a folder of our /proc, of a child that ends, it could go up to our root. So a child takes none
 * along.
 */
struct way {
	bool is_there;		/* his network namespace is ours */
	int user;		/* his user namespace; -1: he does not show it */
	int status;		/* our own, which goes on telling the numbers of our first user namespace */
};

static struct look_ids our_ids, wanted, inside;	/* what he is, in our numbers, and in those of his user namespace */
static bool ready, may_wait;

static int socket_here(const struct wish *wish)
{
	int fd = socket(wish->family, wish->type | SOCK_CLOEXEC, wish->protocol);

	if (fd < 0)
		return -errno;
	if (wish->family != AF_INET && wish->family != AF_INET6)
		limits_apply(fd);
	return fd;
}

/* make_begin() - Before the first one. Return: false where nobody can be looked at. */
bool make_begin(void)
{
	int status;

	if (!look_begin())
		return false;
	status = look_open(0, "status");
	ready = status >= 0 && look_ids(status, &our_ids);
	if (status >= 0)
		close(status);
	return ready;
}

/*
 * To his network namespace. Who made that inside a user namespace of his own lets us in by that one, if he is the user
 * that we are. There he has every right over us, but for what PR_SET_DUMPABLE keeps from him.
 */
static bool enter_net(const struct wish *wish, const struct way *way, const struct look_ids **ids)
{
	*ids = &wanted;
	if (way->is_there || !setns(wish->net, CLONE_NEWNET))
		return true;
	*ids = &inside;
	return way->user >= 0 && !setns(way->user, CLONE_NEWUSER) && !setns(wish->net, CLONE_NEWNET);
}

/*
 * His user and groups, in numbers of where we are now. Our first numbers stay, so he may send us no signal. What fails
 * here is seen when all of it is compared.
 */
static void take_ids(const struct look_ids *ids)
{
	if (!setgroups(ids->n, ids->groups) && !setresgid(-1, ids->gid, -1))
		syscall(SYS_setresuid, -1, (uid_t)ids->uid, -1);
}

/* What is his is compared in numbers of our first user namespace. Return: NULL, or what he has that keeps us out. */
static const char *become(const struct wish *wish, const struct way *way)
{
	const struct look_ids *ids;

	if (!enter_net(wish, way, &ids))
		return "a network namespace where xtcp_run may not go";
	if (!look_same_ids(&our_ids, &wanted))
		take_ids(ids);
	if (!look_ids(way->status, &our_ids) || !look_same_ids(&our_ids, &wanted))
		return "a user or groups that xtcp_run may not take";
	return NULL;
}

/* From the child: a socket, or -errno, and why it is refused. */
struct result {
	int fd;
	char why[60];
};

/* A result goes to the parent, with the socket if there is one. */
static void tell(int parent, struct result *result)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
		.head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS },
	};
	struct iovec text = { result, sizeof(*result) };
	struct msghdr msg = { .msg_iov = &text, .msg_iovlen = 1 };

	if (result->fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &result->fd, sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	sendmsg(parent, &msg, MSG_NOSIGNAL);
}

/* What the child tells. Where it is, somebody else may have killed it, and may speak for it: but only for himself. */
static void hear(int child, struct result *result)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec text = { result, sizeof(*result) };
	struct msghdr msg = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	while ((n = recvmsg(child, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n != sizeof(*result)) {
		*result = (struct result){ .fd = -ENOMEM };	/* of a child that is killed */
		return;
	}
	result->why[sizeof(result->why) - 1] = 0;
	if (result->fd < 0) {
		/* of a child that somebody else speaks for; each request has an answer */
		if (result->fd < -MAX_ERRNO || result->fd == -EINPROGRESS)
			result->fd = -EACCES;
		return;
	}
	if (msg.msg_controllen >= CMSG_LEN(sizeof(int)) && control.head.cmsg_type == SCM_RIGHTS)
		memcpy(&result->fd, CMSG_DATA(&control.head), sizeof(int));
	else
		result->fd = -ENOMEM;
}

/*
 * The kernel lets who has every right over a process that ends take its descriptors, whatever PR_SET_DUMPABLE says. So
 * the child keeps what it needs, and closes the rest: other programs' sockets, the listener, and all of /proc that is a
 * folder. @fd: @n descriptors, some may be -1.
 */
static void keep(const int *fd, int n)
{
	int next = 0, low, i;

	for (;;) {
		low = -1;
		for (i = 0; i < n; i++)
			if (fd[i] >= next && (low < 0 || fd[i] < low))
				low = fd[i];
		if (low < 0)
			break;
		if (low > next)
			close_range(next, low - 1, 0);
		next = low + 1;
	}
	close_range(next, ~0U, 0);
}

/* The last look at /proc. Return: as become(). */
static const char *find_way(const struct wish *wish, struct way *way)
{
	way->status = look_open(0, "status");
	if (way->status < 0)
		return "no status that xtcp_run may see";
	if (!look_same_group(wish->tid))
		return "a control group where xtcp_run may not go";
	way->is_there = look_same_net(wish->net);
	if (!way->is_there && look_inside(wish->tid, &wanted, &inside))
		way->user = look_open(wish->tid, "ns/user");
	return NULL;
}

static void __attribute__((noreturn)) be_child(const struct wish *wish, int parent)
{
	struct result result = { .fd = -EACCES };
	struct way way = { .user = -1 };
	const char *why = find_way(wish, &way);
	const int needed[] = { parent, wish->net, way.user, way.status };

	if (!why) {
		keep(needed, sizeof(needed) / sizeof(*needed));
		why = become(wish, &way);
	}
	if (why)
		snprintf(result.why, sizeof(result.why), "%s", why);
	else
		result.fd = socket_here(wish);
	tell(parent, &result);
	_exit(0);
}

/* A child in a control group at once: to move there later would take the kernel milliseconds. */
static pid_t fork_into(int group)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = group };

	if (group < 0)
		return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	return syscall(SYS_clone3, &args, sizeof(args));
}

static int socket_there(const struct wish *wish)
{
	struct result result = { .fd = 0 };
	pid_t child;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	child = fork_into(wish->group);
	if (!child)
		be_child(wish, pair[1]);
	if (child < 0)
		result.fd = -errno;
	close(pair[1]);
	if (child < 0 && wish->group >= 0 && result.fd != -EAGAIN && result.fd != -ENOMEM) {
		log_line("process %d is in a control group where xtcp_run may not go: %s", wish->tid,
			 strerror(-result.fd));
		result.fd = -EACCES;
	}
	if (child > 0)
		hear(pair[0], &result);
	close(pair[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (result.why[0])
		log_line("process %d has %s", wish->tid, result.why);
	return result.fd;
}

/* Who has been looked at gets what he asks for, or a refusal. */
static int make(struct wish *wish)
{
	bool same_group = look_same_group(wish->tid);
	int fd;

	if (!look_same_labels(wish->tid)) {
		log_line("process %d has another label of a security module than xtcp_run", wish->tid);
		return -EACCES;
	}
	if (same_group && look_same_net(wish->net) && look_same_ids(&our_ids, &wanted))
		return socket_here(wish);
	if (!may_wait)
		return -EINPROGRESS;
	wish->group = same_group ? -1 : look_open_group(wish->tid);
	fd = socket_there(wish);
	if (wish->group >= 0)
		close(wish->group);
	return fd;
}

/* make_may_wait() - From here on for as long as it takes somebody else to let us be what he is. */
void make_may_wait(void)
{
	may_wait = true;
}

/*
 * make_socket() - A socket as if @tid had called socket(). Who does not show us where and what he is gets none.
 *
 * Return: the socket, or -errno; -EACCES: refused; -EINPROGRESS: it takes a child, and make_may_wait() was not called.
 */
int make_socket(pid_t tid, int family, int type, int protocol)
{
	struct wish wish = { .tid = tid, .family = family, .type = type, .protocol = protocol, .group = -1 };
	int fd = -EACCES;

	if (!ready)
		return fd;
	wish.net = look_open(tid, "ns/net");
	wish.status = look_open(tid, "status");
	if (wish.net >= 0 && wish.status >= 0 && look_ids(wish.status, &wanted))
		fd = make(&wish);
	else
		log_line("process %d does not show its network namespace", tid);
	if (wish.net >= 0)
		close(wish.net);
	if (wish.status >= 0)
		close(wish.status);
	return fd;
}
