// SPDX-License-Identifier: GPL-2.0
/* Makes allocations of a TCP fail (failslab), if the kernel can. */
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

/*
 * The boot parameter slub_debug=A,NAME,... chooses the caches that fail (scripts/lab/explore.sh): Linux 6.1 does not
 * let us choose them later.
 */
static bool is_chosen(const char *cache)
{
	char path[128], chosen = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", cache);
	file = fopen(path, "r");
	if (!file)
		return false;
	chosen = fgetc(file);
	fclose(file);
	return chosen == '1';
}

bool faults_can(void)
{
	static int can = -1;

	if (can >= 0)
		return can;
	can = !access(FAILSLAB "probability", W_OK) && is_chosen(slabs_names[0]);
	if (can)
		must(put(FAILSLAB "cache-filter", "Y") && put(FAILSLAB "ignore-gfp-wait", "N") &&
		     put(FAILSLAB "times", "-1") && put(FAILSLAB "verbose", "0"), "failslab");
	return can;
}

static int set_ppm;

int faults_now(void)
{
	return set_ppm;
}

void faults_set(int ppm)
{
	char every[16];

	if (!faults_can())
		return;
	set_ppm = ppm;
	snprintf(every, sizeof(every), "%d", ppm ? 1000000 / ppm : 1);
	must(put(FAILSLAB "interval", every) && put(FAILSLAB "probability", ppm ? "100" : "0"), "failslab");
}
