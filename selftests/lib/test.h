/* SPDX-License-Identifier: GPL-2.0 */
/* What most test programs use: the C library, kselftest, and what lib/ has for more than a few of them. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <kselftest.h>
#include <limits.h>
#include <linux/xtcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The kernel's header has all options. A file that has included libc's cannot have both. */
#ifndef _NETINET_TCP_H
#include <linux/tcp.h>
#include "info.h"
#include "tcpstate.h"
#endif

#include "diag.h"
#include "flow.h"
#include "kernel.h"
#include "module.h"
#include "must.h"
#include "netem.h"
#include "netlink.h"
#include "ns.h"
#include "rows.h"
#include "rules.h"
#include "sides.h"
#include "stack.h"
#include "stall.h"
#include "wait.h"

/* The head of the output: how many results there will be. */
static inline void test_begin(unsigned int results)
{
	ksft_print_header();
	ksft_set_plan(results);
}

/* From now on this thread runs on processor @cpu only. */
static inline void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

/* What a test needs besides root and the module: needs.c looks for it before main(), or skips the test. */

/* Programs of scripts/ and of tools/. It needs python3, and runs where scripts/ and build/selftests/tools/ are. */
#define NEEDS_SCRIPTS	const bool needs_scripts __attribute__((weak)) = true
/* Programs in PATH, as in "ip nft". Each file that starts one names it. A shell and the core utilities are there. */
#define NEEDS_PROGRAMS(names)	static const char * const needs_programs_here		\
				__attribute__((used, section("needs_programs"))) = names
/* It loads the module again, from the file that XTCP_KO names; or another one, of which that is so. */
#define NEEDS_MODULE	const char * const needs_module = "XTCP_KO"
#define NEEDS_SECOND	const char * const needs_second = "XTCP_B_KO"
#define NEEDS_WRAPPER	const char * const needs_wrapper = "XTCP_WRAPPER_KO"

/* Several numbers are compared for one result. */
/* How many were not as expected since the last result; same_result() or the caller sets it back to 0. */
extern unsigned int problems;

/* Says what @got is instead, under its name in the source. */
#define SAME(got, expected) same(#got, got, expected)
void same(const char *what, long long got, long long expected);

/* The result of what was compared. Each file has its own ksft_get_fail_cnt(): this one counts in the test's. */
static inline void same_result(const char *name)
{
	ksft_test_result(!problems, "%s\n", name);
	problems = 0;
}

/* How thorough a run is: with SHORT=1 in the environment, as in `make check`, storms have fewer rounds. */

bool short_run(void);

/* The rounds of a storm: ROUNDS= in the environment, or @full, of which a short run has a quarter. */
int short_rounds(int full);

/* The parts of a program that can be run by name: `unload wrapped`. */
struct part {
	const char *name;	/* NULL: the end */
	void (*run)(void);
	int results;
};

/* How many results those that @wanted names have; @wanted is the rest of argv, and without a name all are wanted. */
int parts_results(const struct part *parts, char **wanted);

void parts_run(const struct part *parts, char **wanted);
