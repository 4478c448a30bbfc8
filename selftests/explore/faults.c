// SPDX-License-Identifier: GPL-2.0
/* Makes allocations of a TCP fail (failslab), if the kernel can. */
#include "test.h"
#include "world.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"

/* The boot parameter slub_debug=A,NAME,... chooses the caches (scripts/lab/explore.sh); Linux 6.1 cannot later. */
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
	if (can) {
		failing_set("cache-filter", true);
		failing_set("ignore-gfp-wait", false);
		failing_set("verbose", 0);
	}
	return can;
}

static bool is_on;

/* failslab fails the first allocation that finds no space left, as often as times says. */
void faults_begin(const struct scenario *s)
{
	is_on = faults_can() && (s->fail_ppm || s->fail_after);
	if (!is_on)
		return;
	failing_set("interval", s->fail_ppm ? 1000000 / s->fail_ppm : 1);
	failing_set("space", s->fail_ppm ? 0 : s->fail_after);
	failing_set("times", s->fail_ppm ? -1 : 1);
	failing_set("probability", 100);
}

void faults_pause(bool pause)
{
	if (is_on)
		failing_set("probability", pause ? 0 : 100);
}

bool faults_end(void)
{
	char *times;
	bool failed;

	if (!is_on)
		return false;
	faults_pause(true);
	is_on = false;
	times = ns_read_file(ns_home(), FAILSLAB "times");
	must(times, "failslab");
	failed = *times == '0';
	free(times);
	return failed;
}
