// SPDX-License-Identifier: GPL-2.0
#include "asleep.h"
#include "test.h"

static FILE *file_of(int tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	return fopen(path, "re");
}

/*
 * User Mode Linux has no file "syscall". It has one processor, and no preemption in the kernel: so a thread that is
 * about to sleep, and may yet find what it waits for, is never seen in this state.
 */
static bool sleeps(int tid)
{
	FILE *file = file_of(tid, "stat");
	char state = 0;
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state == 'S';
	fclose(file);
	return ok;
}

bool asleep_in(int tid, long number)
{
	char line[256];
	bool ok;
	FILE *file;

	if (!tid)
		return false;
	file = file_of(tid, "syscall");
	if (!file)
		return errno == ENOENT && sleeps(tid);
	/* "running" while it is */
	ok = fgets(line, sizeof(line), file) && *line >= '0' && *line <= '9' && strtol(line, NULL, 10) == number;
	fclose(file);
	return ok;
}
