// SPDX-License-Identifier: GPL-2.0
#include "tracing.h"

#include "test.h"

static char folder[128];

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return path;
}

void tracing_start(const char *instance)
{
	snprintf(folder, sizeof(folder), "/sys/kernel/tracing/instances/%s", instance);
	if (mkdir(folder, 0700) && errno != EEXIST)
		ksft_exit_fail_msg("%s: %s\n", folder, strerror(errno));
}

void tracing_stop(void)
{
	rmdir(folder);
}

void tracing_set(const char *file, const char *text)
{
	int fd = open(path_of(file), O_WRONLY | O_TRUNC | O_CLOEXEC);

	must(fd >= 0 && write(fd, text, strlen(text)) >= 0, path_of(file));
	close(fd);
}

FILE *tracing_open(void)
{
	FILE *file = fopen(path_of("trace"), "re");

	must(file, path_of("trace"));
	return file;
}

void tracing_forget(void)
{
	tracing_set("trace", "");
}
