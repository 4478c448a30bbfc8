// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket takes from who makes it, and keeps: the network namespace; the control group, whose memory it is
 * charged to and whose BPF programs judge it; the user and the groups, by whom rules of the packet filter go; the
 * labels of security modules. A socket that we make for somebody else is his only where all of these are alike, so they
 * are read from /proc, his and ours, and compared.
 *
 * None of it changes while its thread waits for our answer, the control group apart, which somebody may change at any
 * time, as beside a socket() of the program's own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define ROOM	16384		/* of a file; with more than a thousand groups one is longer */

static const char * const label_names[] = { "current", "sockcreate", "apparmor/current", "smack/current" };
#define LABELS	(sizeof(label_names) / sizeof(*label_names))

static int proc = -1;		/* as it was when we began, whatever is mounted there later */
static char labels[LABELS][1024];	/* ours */
static bool has_label[LABELS];

/* Return: how much there is; negative: -errno. */
static ssize_t read_all(int fd, char *text, size_t room)
{
	ssize_t n = 0, more;

	while ((more = pread(fd, text + n, room - n, n)) > 0)
		n += more;
	if (more < 0)
		return -errno;
	if ((size_t)n == room)
		return -E2BIG;
	text[n] = 0;
	return n;
}

/* @tid: 0 is ourselves. */
static int open_of(pid_t tid, const char *name, int flags)
{
	char path[60];

	if (tid)
		snprintf(path, sizeof(path), "%d/%s", tid, name);
	else
		snprintf(path, sizeof(path), "self/%s", name);
	return openat(proc, path, flags | O_CLOEXEC);
}

static ssize_t read_of(pid_t tid, const char *name, char *text, size_t room)
{
	int fd = open_of(tid, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_all(fd, text, room);
	close(fd);
	return n;
}

/*
 * look_begin() - Before anything else here. Return: false where /proc shows another namespace's processes, whose
 * numbers would be taken for those that the kernel tells us.
 */
bool look_begin(void)
{
	char name[60], text[20] = "";
	unsigned int i;

	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc >= 0 && (readlinkat(proc, "self", text, sizeof(text) - 1) <= 0 || atoi(text) != getpid())) {
		close(proc);
		proc = -1;
	}
	if (proc < 0)
		return false;
	for (i = 0; i < LABELS; i++) {
		snprintf(name, sizeof(name), "attr/%s", label_names[i]);
		has_label[i] = read_of(0, name, labels[i], sizeof(labels[i])) >= 0;
	}
	return true;
}

/* look_open() - A file of a thread's, 0: of ours. Return: a descriptor, or -1 with errno. */
int look_open(pid_t tid, const char *name)
{
	return open_of(tid, name, O_RDONLY);
}

/* look_same_net() - Whether a namespace is the one where we are now. */
bool look_same_net(int net)
{
	struct stat ours, theirs;

	return !fstat(net, &theirs) && !fstatat(proc, "self/ns/net", &ours, 0) && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

/* Of a list with commas. */
static bool has_word(const char *list, size_t len, const char *word)
{
	size_t n = strlen(word);
	const char *at;

	for (at = list; at + n <= list + len; at++)
		if (!strncmp(at, word, n) && (at == list || at[-1] == ',') &&
		    (at + n == list + len || at[n] == ','))
			return true;
	return false;
}

/*
 * Of "ID:CONTROLLERS:PATH" those lines that a socket goes by: version 2's, and version 1's of memory. What version 1
 * has of networks a socket takes from who gets it.
 */
static void keep_groups(char *text)
{
	char *to = text, *line, *next = text, *list, *path;
	size_t len;

	while ((line = strsep(&next, "\n"))) {
		list = strchr(line, ':');
		path = list ? strchr(list + 1, ':') : NULL;
		if (!path || !(path == list + 1 || has_word(list + 1, path - list - 1, "memory")))
			continue;
		len = strlen(line);
		memmove(to, line, len);
		to += len;
		*to++ = '\n';
	}
	*to = 0;
}

/* look_same_group() - Whether a thread's control groups are ours, as far as a socket is concerned. */
bool look_same_group(pid_t tid)
{
	static char ours[ROOM], theirs[ROOM];
	ssize_t mine = read_of(0, "cgroup", ours, sizeof(ours)), his = read_of(tid, "cgroup", theirs, sizeof(theirs));

	if (mine < 0 || his < 0)
		return mine == -ENOENT && his == -ENOENT;	/* a kernel without any */
	keep_groups(ours);
	keep_groups(theirs);
	return !strcmp(ours, theirs);
}

/* What is mounted of version 2, at its point; each line as proc(5) has it. Return: a descriptor, or -1. */
static int open_in_mount(char *line, const char *path)
{
	char root[4096], point[4096], type[64], whole[8192];
	const char *kind = strstr(line, " - ");
	size_t n;

	if (!kind || sscanf(kind, " - %63s", type) != 1 || strcmp(type, "cgroup2") ||
	    sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2)
		return -1;
	n = strcmp(root, "/") ? strlen(root) : 0;
	if (strncmp(path, root, n) || (path[n] && path[n] != '/'))
		return -1;
	snprintf(whole, sizeof(whole), "%s%s", point, path + n);
	return open(whole, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* look_open_group() - The folder of a thread's control group of version 2. Return: a descriptor, or -1. */
int look_open_group(pid_t tid)
{
	static char text[ROOM];
	int mounts, fd = -1;
	char *path, *line = NULL;
	size_t room = 0;
	FILE *file;

	if (read_of(tid, "cgroup", text, sizeof(text)) < 0)
		return -1;
	path = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!path)
		return -1;
	path = strchr(path, '/');
	path[strcspn(path, "\n")] = 0;
	mounts = open_of(0, "mountinfo", O_RDONLY);
	file = mounts >= 0 ? fdopen(mounts, "r") : NULL;
	while (file && fd < 0 && getline(&line, &room, file) > 0)
		fd = open_in_mount(line, path);
	free(line);
	if (file)
		fclose(file);
	return fd;
}

/* look_same_labels() - Whether security modules have given a thread what they have given us. */
bool look_same_labels(pid_t tid)
{
	char name[60], theirs[sizeof(labels[0])];
	unsigned int i;

	for (i = 0; i < LABELS; i++) {
		snprintf(name, sizeof(name), "attr/%s", label_names[i]);
		if (has_label[i] && (read_of(tid, name, theirs, sizeof(theirs)) < 0 || strcmp(theirs, labels[i])))
			return false;
	}
	return true;
}

/* What stands behind a key, to the end of the line. */
static char *behind(char *text, const char *key)
{
	char *at = strstr(text, key);

	return at ? at + strlen(key) : NULL;
}

/* The last of the numbers behind a key: that of files, which is a socket's. */
static bool last_number(char *text, const char *key, long *number)
{
	char *at = behind(text, key), *end;

	if (!at)
		return false;
	while (*at == '\t' || *at == ' ') {
		*number = strtol(at, &end, 10);
		if (end == at)
			break;
		at = end;
	}
	return true;
}

/* look_ids() - Of a status that is open, in numbers of its opener's user namespace. Return: false if unknown. */
bool look_ids(int status, struct look_ids *ids)
{
	static char text[ROOM];
	char *at, *end;

	if (read_all(status, text, sizeof(text)) < 0)
		return false;
	at = behind(text, "\nGroups:");
	if (!at || !last_number(text, "\nUid:", &ids->uid) || !last_number(text, "\nGid:", &ids->gid))
		return false;
	for (ids->n = 0; *at == '\t' || *at == ' '; at = end) {
		ids->groups[ids->n] = strtol(at, &end, 10);
		if (end == at)
			break;
		if (++ids->n == LOOK_GROUPS)
			return false;
	}
	return true;
}

/* A number of ours in the numbers of a user namespace, by its map; -1: it has none there. */
static long number_inside(const char *map, long number)
{
	long first, lower, count;
	int len;

	for (; sscanf(map, "%ld %ld %ld%n", &first, &lower, &count, &len) == 3; map += len)
		if (number >= lower && number < lower + count)
			return first + number - lower;
	return -1;
}

/*
 * look_inside() - A thread's user and groups in the numbers of its own user namespace. What has none there is -1, to
 * which nobody can change. Return: false if unknown.
 */
bool look_inside(pid_t tid, const struct look_ids *ids, struct look_ids *in)
{
	static char map[ROOM];
	size_t i;

	if (read_of(tid, "uid_map", map, sizeof(map)) < 0)
		return false;
	in->uid = number_inside(map, ids->uid);
	if (read_of(tid, "gid_map", map, sizeof(map)) < 0)
		return false;
	in->gid = number_inside(map, ids->gid);
	in->n = ids->n;
	for (i = 0; i < ids->n; i++)
		in->groups[i] = number_inside(map, ids->groups[i]);
	return true;
}

bool look_same_ids(const struct look_ids *a, const struct look_ids *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->n == b->n &&
	       !memcmp(a->groups, b->groups, a->n * sizeof(*a->groups));
}

/* look_status() - Two numbers behind a key of a thread's status: the first and the last one. */
bool look_status(pid_t tid, const char *key, long *first, long *last)
{
	static char text[ROOM];
	char line[40], *at;

	snprintf(line, sizeof(line), "\n%s:", key);
	if (read_of(tid, "status", text, sizeof(text)) < 0)
		return false;
	at = behind(text, line);
	if (!at || !last_number(text, line, last))
		return false;
	*first = strtol(at, NULL, 10);
	return true;
}
