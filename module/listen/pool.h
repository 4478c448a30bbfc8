/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of half-open entries: their slabs, the limit of their number, and how they are freed.
 */
#ifndef XTCP_POOL_H
#define XTCP_POOL_H

#include <linux/types.h>

#include "listen/entry.h"

struct xtcp_net;
struct xtcp_saved_syn;

#define XTCP_POOL_V4_SIZE (offsetof(struct xtcp_request, conn) + XTCP_CONN_V4_END)

static inline u32 xtcp_pool_bytes_of(bool v4)
{
	return v4 ? XTCP_POOL_V4_SIZE : sizeof(struct xtcp_request);
}

/*
 * Finds the copy of the SYN and the SYN's KeyIDs (TCP-AO), which follow the entry in memory. @he:
 * an entry with has_syn set.
 */
static inline struct xtcp_saved_syn *xtcp_pool_syn(const struct xtcp_request *he)
{
	return (struct xtcp_saved_syn *)((u8 *)he + xtcp_pool_bytes_of(he->conn.v4));
}

int xtcp_pool_init(void);
void xtcp_pool_exit(void);

struct xtcp_request *xtcp_pool_new(struct xtcp_net *xn, bool v4);
struct xtcp_request *xtcp_pool_new_for_syn(struct xtcp_net *xn, bool v4, u32 len);
void xtcp_pool_free(struct xtcp_net *xn, struct xtcp_request *he);
void xtcp_pool_free_dead(struct xtcp_net *xn, struct xtcp_request *he);

#endif /* XTCP_POOL_H */
