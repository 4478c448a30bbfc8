// SPDX-License-Identifier: GPL-2.0
#include "failing.h"

#include "test.h"

#define FAILSLAB "/sys/kernel/debug/failslab/"
#define FAILPAGE "/sys/kernel/debug/fail_page_alloc/"

/* Open all the time: to open or close them would be one more allocation. A child has others. */
static int nth_fd = -1, all_fd = -1;
static pid_t pid;

static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value), path);
	close(fd);
}

void failing_set(const char *name, long value)
{
	char path[64], text[24];

	snprintf(path, sizeof(path), FAILSLAB "%s", name);
	snprintf(text, sizeof(text), "%ld", value);
	put(path, text);
}

bool failing_begin(void)
{
	if (access(FAILSLAB "probability", W_OK))
		return false;
	put(FAILSLAB "verbose", "0");
	put(FAILPAGE "verbose", "0");
	put(FAILSLAB "ignore-gfp-wait", "N");
	put(FAILPAGE "ignore-gfp-wait", "N");
	put(FAILPAGE "min-order", "0");
	return true;
}

static void open_mine(void)
{
	if (pid == getpid())
		return;
	pid = getpid();
	nth_fd = must_have(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), "fail-nth");
	all_fd = must_have(open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC), "fail-nth");
}

void failing_nth(int n)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "%d", n);

	open_mine();
	must(pwrite(nth_fd, value, len, 0) == len, "fail-nth");
}

void failing_all(long space)
{
	open_mine();
	if (space < 0) {
		must(pwrite(all_fd, "0", 1, 0) == 1, "make-it-fail");
		failing_set("probability", 0);
		failing_set("task-filter", false);
		return;
	}
	failing_set("task-filter", true);
	failing_set("interval", 1);
	failing_set("times", 1000000);
	failing_set("probability", 100);
	failing_set("space", space);
	must(pwrite(all_fd, "1", 1, 0) == 1, "make-it-fail");
}

long failing_space(void)
{
	char value[24] = "";
	int fd = open(FAILSLAB "space", O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && read(fd, value, sizeof(value) - 1) > 0, "space");
	close(fd);
	return atol(value);
}

int failing_left(void)
{
	char value[16] = "";

	must(pread(nth_fd, value, sizeof(value) - 1, 0) > 0, "fail-nth");
	return atoi(value);
}

bool failing_hit(void)
{
	return !failing_left();
}
