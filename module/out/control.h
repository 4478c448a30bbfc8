/* SPDX-License-Identifier: GPL-2.0 */
/* Allocates the memory of control segments: ACKs, probes, RSTs. */
#ifndef XTCP_CONTROL_H
#define XTCP_CONTROL_H

#include <linux/types.h>

struct sk_buff;

struct sk_buff *xtcp_control_alloc(gfp_t gfp, unsigned int text);

#endif /* XTCP_CONTROL_H */
