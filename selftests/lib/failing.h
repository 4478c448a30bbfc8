/* SPDX-License-Identifier: GPL-2.0 */
/* Allocations of this task that fail, on a kernel that has fault injection. */
#pragma once

#include <stdbool.h>

/* False: this kernel cannot. Otherwise any allocation can fail, also one that may wait, and nothing is logged. */
bool failing_begin(void);

/* A setting of failslab, also one that is yes or no. */
void failing_set(const char *name, long value);

/* The nth allocation of this task from now on fails; 0: none. Segments that this task writes into a tun count. */
void failing_nth(int n);

/* This task gets that many octets from slabs, and then no more; negative: no limit. */
void failing_all(long space);

/* How many octets are left of those of failing_all(), also when there is no limit any more. */
long failing_space(void);

/* How many allocations are left until one fails; 0: it has failed. */
int failing_left(void);

/* Has it failed? */
bool failing_hit(void);
