// SPDX-License-Identifier: GPL-2.0
#include "slabs.h"

#include "test.h"

const char * const slabs_names[SLABS_N] = { "XTCP", "XTCPv6", "xtcp_request", "xtcp_request6",
						 "xtcp_timewait", "xtcp_timewait6", "xtcp_stream", "xtcp_lease_shared",
						 [SLABS_LEASE] = "xtcp_lease", "xtcp_blackbox" };

static void shrink(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		ksft_print_msg("cannot shrink %s\n", name);
	close(fd);
}

void slabs_read(struct slabs *slabs)
{
	char line[256], name[64];
	long active;
	FILE *file;
	int i;

	for (i = 0; i < SLABS_N; i++) {
		slabs->active[i] = -1;
		shrink(slabs_names[i]);
	}
	file = fopen("/proc/slabinfo", "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", name, &active) != 2)
			continue;
		for (i = 0; i < SLABS_N; i++) {
			if (!strcmp(name, slabs_names[i]))
				slabs->active[i] = active;
		}
	}
	fclose(file);
}

static bool are_back(const struct slabs *before)
{
	struct slabs now;
	int i;

	slabs_read(&now);
	for (i = 0; i < SLABS_N; i++) {
		if (now.active[i] > before->active[i])
			return false;
	}
	return true;
}

bool slabs_back(const struct slabs *before, int deadline_ms)
{
	struct slabs now;
	int i;

	if (WAIT_FOR(are_back(before), deadline_ms))
		return true;
	slabs_read(&now);
	for (i = 0; i < SLABS_N; i++)
		ksft_print_msg("%s: %ld objects, were %ld\n", slabs_names[i], now.active[i], before->active[i]);
	return false;
}
