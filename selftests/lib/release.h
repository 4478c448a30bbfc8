/* SPDX-License-Identifier: GPL-2.0 */
/* Which kernel this is. */
#pragma once

#include <stdbool.h>

/* A series as one number, 6012 for 6.12; 0 for what is none. */
int release_parse(const char *text);

/* That of the running kernel. */
int release_series(void);

/* What kernel TCP itself does is written down for this series alone. */
#define RELEASE_OF_KERNEL_TCP	6001

static inline bool release_knows_kernel_tcp(void)
{
	return release_series() == RELEASE_OF_KERNEL_TCP;
}

/* The kernel that looks for errors in the module, several times slower than others. */
bool release_is_debug(void);

/* With PREEMPT_RT, where locks sleep. */
bool release_is_rt(void);

/* Is a row worth its time that is about kernel TCP alone? The stock kernel says what the debug kernel would say. */
bool release_judges_kernel_tcp(void);
