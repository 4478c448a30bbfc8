/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the runner share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Text that grows. */
struct text {
	char *at;
	size_t len;
	size_t room;
};

void text_add(struct text *text, const char *from, size_t len);
void text_clear(struct text *text);

/* Writes it to a file of the folder, made if it is not there. */
void text_save(const struct text *text, const char *folder, const char *name);

/* What was seen of a test. */
struct result {
	const char *name;
	int passed;
	int cases_failed;	/* those that the test said itself */
	int failed;		/* and what was found beside them */
	int skipped;
	int known;		/* cases that failed, but fail here anyway */
	int planned;		/* -1: no plan was seen */
	bool late;		/* it did not end in time: one of @failed */
	double seconds;
	struct text output;
	struct text dmesg;
};

/* Prints a "not ok" line that is the runner's own, and counts it. */
void result_fail(struct result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Where child_run() puts the program and all that it starts. */
#define CHILD_CGROUP "/sys/fs/cgroup/test"

/* child.c: runs the program until it ends or its time is over. */
void child_run(struct result *result, const char *program, int seconds);

/* kernel.c */
void kernel_start(void);
/* What taints the kernel beyond an out-of-tree, unsigned module. */
long kernel_taint(void);
int kernel_log_fd(void);
/* Takes the new records of the log; the first bad one fails the test. */
void kernel_read_log(struct result *result);
void kernel_check_taint(struct result *result);
void kernel_check_lockdep(struct result *result);
void kernel_check_leaks(struct result *result);
void kernel_load(struct result *result);
void kernel_unload(struct result *result);
void kernel_save_trace(const char *folder);
/* Writes what a counting module has counted since the last time to NAME.coverage of the folder. */
void kernel_save_coverage(const struct result *result, const char *folder);
/* Where everybody is: the CPUs and blocked tasks to the log, the test's threads to its output. */
void kernel_show_tasks(struct result *result);

/* main.c */
bool run_is_debug(void);
/* The debug kernel that looks for data races; it has no kmemleak. */
bool run_is_kcsan(void);
/* The first failure ends the run. */
bool run_is_over(const struct result *result);
double run_now(void);
/* Something cannot be ended: the machine is of no more use, no other test is run. */
void run_set_stuck(void);
bool run_is_stuck(void);
/* Tells scripts/vm/vm.sh that this machine is alive; vm.sh ends one that is silent. Call it every second. */
void run_alive(void);
