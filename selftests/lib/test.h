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

#include "asleep.h"
#include "counters.h"
#include "diag.h"
#include "failing.h"
#include "flow.h"
#include "generic.h"
#include "klog.h"
#include "module.h"
#include "must.h"
#include "needs.h"
#include "netem.h"
#include "ns.h"
#include "release.h"
#include "rows.h"
#include "rules.h"
#include "same.h"
#include "short.h"
#include "sides.h"
#include "slabs.h"
#include "stack.h"
#include "tracing.h"
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
