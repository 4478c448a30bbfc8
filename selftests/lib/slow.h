/* SPDX-License-Identifier: GPL-2.0 */
/* Rules of netfilter that take time, as any user can make them for a namespace of his own. */
#pragma once

#include <stdbool.h>

/* Each RST that leaves @ns takes at least @ms milliseconds of a processor from now on. False: time is virtual. */
bool slow_resets(int ns, int ms);
