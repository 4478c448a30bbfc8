/* SPDX-License-Identifier: GPL-2.0 */
/* Which kernel this is. */
#ifndef XTCP_SELFTESTS_RELEASE_H
#define XTCP_SELFTESTS_RELEASE_H

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

#endif
