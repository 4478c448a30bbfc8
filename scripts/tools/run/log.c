// SPDX-License-Identifier: GPL-2.0
/*
 * --verbose: lines to what was the standard error when xtcp_run began. The program may close that, and have something
 * of its own under the number, so a descriptor of our own is used, and looked at each time.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

static int log_fd = -1;
static unsigned long long log_dev, log_ino;

/* log_begin() - Where to: "FD:DEVICE:INODE", as log_open() wrote it; NULL: nowhere. */
void log_begin(const char *where)
{
	if (!where || sscanf(where, "%d:%llu:%llu", &log_fd, &log_dev, &log_ino) != 3)
		log_fd = -1;
}

/* log_line() - A line, if somebody wants to read it. errno stays. */
void log_line(const char *format, ...)
{
	int saved = errno, len, more;
	char line[300];
	struct stat is;
	va_list args;

	if (log_fd < 0 || fstat(log_fd, &is) || is.st_dev != log_dev || is.st_ino != log_ino) {
		errno = saved;
		return;
	}
	len = snprintf(line, sizeof(line), "xtcp_run: %d: ", getpid());
	va_start(args, format);
	more = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	len = more < (int)sizeof(line) - len - 1 ? len + more : (int)sizeof(line) - 2;
	line[len++] = '\n';
	if (write(log_fd, line, len) < 0)
		log_fd = -1;
	errno = saved;
}
