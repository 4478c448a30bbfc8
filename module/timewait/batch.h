/* SPDX-License-Identifier: GPL-2.0 */
/* The end of records that were claimed. */
#ifndef XTCP_BATCH_H
#define XTCP_BATCH_H

struct list_head;
struct xtcp_net;

/* BH is disabled. No lock of a shard is held. */
void xtcp_batch_end(struct xtcp_net *xn, struct list_head *claimed);

#endif /* XTCP_BATCH_H */
