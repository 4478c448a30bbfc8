/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel calls by name. */
#ifndef XTCP_MAIN_H
#define XTCP_MAIN_H

#include <linux/compiler_types.h>

/* all.c is compiled as a whole program, of which nothing else is seen from outside */
__visible int init_module(void);
__visible void cleanup_module(void);

#endif /* XTCP_MAIN_H */
