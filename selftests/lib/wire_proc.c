// SPDX-License-Identifier: GPL-2.0
/*
 * Files of /proc/net that a lane reads for every row. They stay open: opening one anew
 * costs more than the text, which is made once too often in a buffer that must grow first.
 */
#include "test.h"
#include "wire.h"

#define FILES_MAX	16

/*
 * A file of the lane's namespace, to be read from its beginning by pread(). Return: a descriptor that stays open, or -1
 * with errno set.
 */
int wire_proc_open(const char *path)
{
	static struct { char path[64]; int fd; } files[FILES_MAX];
	static unsigned int n;
	unsigned int i;
	int fd;

	for (i = 0; i < n; i++)
		if (!strcmp(files[i].path, path))
			return files[i].fd;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || n == FILES_MAX)
		return fd;
	snprintf(files[n].path, sizeof(files[n].path), "%s", path);
	files[n++].fd = fd;
	return fd;
}
