// SPDX-License-Identifier: GPL-2.0
/* Linked into a module that counts, after its other objects: the end of the pointers. */
#include <linux/compiler.h>

struct gcov_info;

static struct gcov_info *last_info[1] __used __section(".gcov_info");
