// SPDX-License-Identifier: GPL-2.0
/* Sockets for somebody else: in the network namespace of the thread that asks, and of its user. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

/* make_status() - Two numbers behind a key of /proc/TID/status: the first and the last one. */
bool make_status(pid_t tid, const char *key, long *first, long *last)
{
	char path[40], line[200], *end;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) || line[strlen(key)] != ':')
			continue;
		*first = *last = strtol(line + strlen(key) + 1, &end, 10);
		while (*end == '\t' || *end == ' ')
			*last = strtol(end, &end, 10);
		found = true;
	}
	fclose(file);
	return found;
}

static int socket_here(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	return fd < 0 ? -errno : fd;
}

/*
 * In another namespace: by a child that shares our table of descriptors and goes there. Who made that namespace inside
 * a user namespace of his own lets us in by that one, if he is the user that we are.
 */
static int socket_there(int net, pid_t tid, int family, int type, int protocol)
{
	int *result = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[40];
	int user, fd;
	pid_t child;

	if (result == MAP_FAILED)
		return -ENOMEM;
	*result = -ECHILD;
	child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (!child) {
		if (setns(net, CLONE_NEWNET)) {
			snprintf(path, sizeof(path), "/proc/%d/ns/user", tid);
			user = open(path, O_RDONLY | O_CLOEXEC);
			if (user < 0 || setns(user, CLONE_NEWUSER) || setns(net, CLONE_NEWNET)) {
				*result = -EPERM;
				_exit(0);
			}
			close(user);
		}
		*result = socket_here(family, type, protocol);
		_exit(0);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	fd = child < 0 ? -errno : *result;
	munmap(result, sizeof(int));
	return fd;
}

/*
 * make_socket() - A socket as if @tid had called socket(). Without leave to look which namespace that is in, it is
 * taken to be in ours, which --strict does not.
 *
 * Return: the socket, or -errno.
 */
int make_socket(pid_t tid, bool strict, int family, int type, int protocol)
{
	struct stat ours, theirs;
	long uid, fsuid;
	char path[40];
	int net, fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", tid);
	net = open(path, O_RDONLY | O_CLOEXEC);
	if (net < 0 && strict)
		return -EACCES;
	if (net < 0)
		log_line("process %d does not show its network namespace: taken to be that of xtcp_run", tid);
	if (net >= 0 && !fstat(net, &theirs) && !stat("/proc/self/ns/net", &ours) &&
	    (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev))
		fd = socket_there(net, tid, family, type | SOCK_CLOEXEC, protocol);
	else
		fd = socket_here(family, type | SOCK_CLOEXEC, protocol);
	if (net >= 0)
		close(net);
	/* the owner decides who may share a port, and what rules for users say */
	if (fd >= 0 && !geteuid() && make_status(tid, "Uid", &uid, &fsuid) && fsuid && fchown(fd, fsuid, -1))
		log_line("the socket stays root's: %s", strerror(errno));
	return fd;
}
