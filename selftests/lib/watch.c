// SPDX-License-Identifier: GPL-2.0
#include "watch.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include "test.h"

/* 0: there is none, or more than one. */
static uint64_t address_of(const char *name)
{
	unsigned long long address, found = 0;
	char line[512], symbol[256], of[64];
	FILE *file = fopen("/proc/kallsyms", "re");
	int many = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %*c %255s %63s", &address, symbol, of) == 3 && !strcmp(of, "[xtcp]") &&
		    !strcmp(symbol, name)) {
			found = address;
			many++;
		}
	}
	if (file)
		fclose(file);
	return many == 1 ? found : 0;
}

int watch_start(struct watch *watch, const char *name)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .bp_type = HW_BREAKPOINT_W,
		.bp_addr = address_of(name), .bp_len = HW_BREAKPOINT_LEN_8, .pinned = 1,
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	watch->n = 0;
	if (!attr.bp_addr || cpus > WATCH_CPUS) {
		errno = ENOENT;
		return -1;
	}
	while (watch->n < cpus) {
		int fd = syscall(SYS_perf_event_open, &attr, -1, watch->n, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			watch_end(watch);
			return -1;
		}
		watch->fds[watch->n++] = fd;
	}
	return 0;
}

void watch_end(struct watch *watch)
{
	while (watch->n)
		close(watch->fds[--watch->n]);
}

long long watch_writes(const struct watch *watch)
{
	long long all = 0;
	uint64_t count;
	int i;

	for (i = 0; i < watch->n; i++) {
		if (read(watch->fds[i], &count, sizeof(count)) != sizeof(count))
			return -1;
		all += count;
	}
	return all;
}
