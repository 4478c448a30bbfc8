/* SPDX-License-Identifier: GPL-2.0 */
/* The memory of half-open entries: their slabs, how many there may be, and how they are freed. */
#ifndef XTCP_POOL_H
#define XTCP_POOL_H

#include <linux/types.h>

struct xtcp_net;
struct xtcp_request;
struct xtcp_saved_syn;

void xtcp_pool_free_dead(struct xtcp_net *xn, struct xtcp_request *he);

#endif /* XTCP_POOL_H */
