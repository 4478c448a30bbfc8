/* SPDX-License-Identifier: GPL-2.0 */
/* How thorough a run is: with SHORT=1 in the environment, as in `make check`, storms have fewer rounds. */
#pragma once

#include <stdbool.h>

bool short_run(void);

/* The rounds of a storm: ROUNDS= in the environment, or @full, of which a short run has a quarter. */
int short_rounds(int full);
