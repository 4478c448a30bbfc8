/* SPDX-License-Identifier: GPL-2.0 */
/* Rules of netfilter that take time, as any user can make them for a namespace of his own. */
#pragma once

#include <stdbool.h>

/*
 * From now on each RST that leaves namespace @ns takes at least @ms milliseconds of a processor's time, however fast it
 * is. False: time is virtual, and no rule takes any.
 */
bool slow_resets(int ns, int ms);
