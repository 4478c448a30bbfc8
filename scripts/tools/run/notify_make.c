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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "run.h"

/* What is to be made, and for whom. */
struct wish {
	pid_t tid;
	int family, type, protocol;
	int net;		/* descriptors of what is his: namespace, status */
	int status;
	int group;		/* folder of the control group to go to; -1: we are there */
};

static struct look_ids our_ids, wanted;
static bool ready, may_wait;

static int socket_here(const struct wish *wish)
{
	int fd = socket(wish->family, wish->type | SOCK_CLOEXEC, wish->protocol);

	return fd < 0 ? -errno : fd;
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
static bool enter_net(const struct wish *wish)
{
	int user;
	bool in;

	if (look_same_net(wish->net) || !setns(wish->net, CLONE_NEWNET))
		return true;
	user = look_open(wish->tid, "ns/user");
	in = user >= 0 && !setns(user, CLONE_NEWUSER) && !setns(wish->net, CLONE_NEWNET);
	if (user >= 0)
		close(user);
	return in;
}

/*
 * His user and groups. Our first numbers stay, so he may send us no signal. What fails here is seen when all of it is
 * compared.
 */
static void take_ids(const struct wish *wish)
{
	static struct look_ids ids;
	int status = look_open(wish->tid, "status");	/* in numbers of where we are now */

	if (status >= 0 && look_ids(status, &ids) && !setgroups(ids.n, ids.groups) && !setresgid(-1, ids.gid, -1))
		syscall(SYS_setresuid, -1, (uid_t)ids.uid, -1);
	if (status >= 0)
		close(status);
}

/* @ours: our own status; both are in numbers of our first user namespace. */
static int become(const struct wish *wish, int ours)
{
	if (ours < 0)
		return -EACCES;
	if (!look_same_group(wish->tid)) {
		log_line("process %d is in a control group where xtcp_run may not go", wish->tid);
		return -EACCES;
	}
	if (!enter_net(wish)) {
		log_line("process %d is in a network namespace where xtcp_run may not go", wish->tid);
		return -EACCES;
	}
	if (!look_same_ids(&our_ids, &wanted))
		take_ids(wish);
	if (!look_same_net(wish->net) || !look_ids(ours, &our_ids) || !look_same_ids(&our_ids, &wanted)) {
		log_line("process %d has a user or groups that xtcp_run may not take", wish->tid);
		return -EACCES;
	}
	return 0;
}

static int socket_apart(const struct wish *wish)
{
	int ours = look_open(0, "status"), error = become(wish, ours);

	if (ours >= 0)
		close(ours);		/* the table is our parent's, too */
	return error ?: socket_here(wish);
}

/*
 * A child that shares our table of descriptors, in a control group at once: to move there later would take the kernel
 * milliseconds.
 */
static pid_t fork_into(int group)
{
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = group,
	};

	if (group < 0)
		return syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	return syscall(SYS_clone3, &args, sizeof(args));
}

static int socket_there(const struct wish *wish)
{
	int *result = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), fd;
	pid_t child;

	if (result == MAP_FAILED)
		return -ENOMEM;
	*result = -ENOMEM;		/* of a child that is killed */
	child = fork_into(wish->group);
	if (!child) {
		*result = socket_apart(wish);
		_exit(0);
	}
	fd = child < 0 ? -errno : 0;
	if (child < 0 && wish->group >= 0 && fd != -EAGAIN && fd != -ENOMEM) {
		log_line("process %d is in a control group where xtcp_run may not go: %s", wish->tid, strerror(-fd));
		fd = -EACCES;
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (child > 0)
		fd = *result;
	munmap(result, sizeof(int));
	return fd;
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
