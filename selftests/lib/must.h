/* SPDX-License-Identifier: GPL-2.0 */
/* What a test cannot go on without. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <kselftest.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Ends the program, saying what failed and errno, where the condition is false. */
static inline void must(bool condition, const char *what)
{
	if (!condition)
		ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
}

/* A descriptor, or a child: the program ends where the call has failed. */
static inline int must_have(int fd, const char *what)
{
	must(fd >= 0, what);
	return fd;
}

/* must(), with what printf() makes of the rest. */
#define must_say(condition, format, ...) \
	((condition) ? (void)0 : ksft_exit_fail_msg(format ": %s\n", ##__VA_ARGS__, strerror(errno)))

/* Writes to a file of the kernel's. */
static inline __attribute__((format(printf, 2, 3))) void must_put(const char *path, const char *format, ...)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), len;
	va_list args;

	va_start(args, format);
	len = vdprintf(fd, format, args);
	va_end(args);
	must(fd >= 0 && len > 0 && !close(fd), path);
}
