/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects in use in the slabs of xtcp, which are never merged with others, to see
 * that all come back. Exact where a slab can be shrunk first (the debug kernel).
 */
#pragma once

#include <stdbool.h>

#define SLABS_N 10
#define SLABS_LEASE 8	/* xtcp_lease */

struct slabs {
	long active[SLABS_N];		/* -1: this kernel does not show it */
};

extern const char * const slabs_names[SLABS_N];

/* Flushes what processors keep and counts. */
void slabs_read(struct slabs *slabs);

/* True as soon as no slab has more objects than in @before; says which has, if not in time. */
bool slabs_back(const struct slabs *before, int deadline_ms);
