/* SPDX-License-Identifier: GPL-2.0 */
/* Every difference between kernel versions, by explicit KERNEL_VERSION. Code elsewhere is written for the newest. */
#ifndef XTCP_COMPAT_H
#define XTCP_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "xtcp needs Linux 6.1 or newer"
#endif

#endif /* XTCP_COMPAT_H */
