// SPDX-License-Identifier: GPL-2.0
/* Linked first into a module that counts: hands its counters to xtcp_coverage.ko, and initializes the module. */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/module.h>
#include "coverage.h"

static struct gcov_info *first_info[0] __used __section(".gcov_info");

/* Objects refer to it. Only programs that write their counters to a file need it. */
void __gcov_merge_add(s64 *values, unsigned int num)
{
}

int __init init_module(void)
{
	struct gcov_info **first = first_info;

	OPTIMIZER_HIDE_VAR(first);
	xtcp_coverage_meet(THIS_MODULE, first);
	return xtcp_init_counted();
}
