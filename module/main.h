/* SPDX-License-Identifier: GPL-2.0 */
/* The functions that the kernel calls by name. */
#ifndef XTCP_MAIN_H
#define XTCP_MAIN_H

#include <linux/compiler_types.h>

/* all.c is compiled with -fwhole-program, which hides every function without __visible */
__visible int init_module(void);
__visible void cleanup_module(void);

#endif /* XTCP_MAIN_H */
