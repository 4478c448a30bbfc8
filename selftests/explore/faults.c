// SPDX-License-Identifier: GPL-2.0
/* Failing allocations of what a TCP allocates (failslab), where the kernel has them. */
#include <stdio.h>
#include <unistd.h>

#include "must.h"
#include "slabs.h"
#include "world.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"

static bool put(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	return file && fputs(value, file) >= 0 && !fclose(file);
}

static void mark(const char *cache)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", cache);
	if (!access(path, W_OK))
		must(put(path, "1"), path);
}

bool faults_can(void)
{
	static int can = -1;
	int i;

	if (can >= 0)
		return can;
	can = !access(FAILSLAB "probability", W_OK);
	if (!can)
		return false;
	for (i = 0; i < SLABS_N; i++)
		mark(slabs_names[i]);
	mark("skbuff_fclone_cache");
	mark("skbuff_head_cache");
	must(put(FAILSLAB "cache-filter", "Y") && put(FAILSLAB "ignore-gfp-wait", "N") &&
	     put(FAILSLAB "times", "-1") && put(FAILSLAB "verbose", "0"), "failslab");
	return true;
}

void faults_set(int ppm)
{
	char every[16];

	if (!faults_can())
		return;
	snprintf(every, sizeof(every), "%d", ppm ? 1000000 / ppm : 1);
	must(put(FAILSLAB "interval", every) && put(FAILSLAB "probability", ppm ? "100" : "0"), "failslab");
}
