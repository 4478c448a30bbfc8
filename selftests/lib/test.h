/* SPDX-License-Identifier: GPL-2.0 */
/* What most test programs use: the C library, kselftest, namespaces, sockets of either stack, waiting, the module. */
#ifndef SELFTESTS_TEST_H
#define SELFTESTS_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <kselftest.h>
#include <linux/xtcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "module.h"
#include "must.h"
#include "needs.h"
#include "ns.h"
#include "stack.h"
#include "wait.h"

/* The head of the output: how many results there will be. */
static inline void test_begin(unsigned int results)
{
	ksft_print_header();
	ksft_set_plan(results);
}

#endif
