/* SPDX-License-Identifier: GPL-2.0 */
/* How a shared lease (lease.c) enters kernel TCP's bind table, and leaves it. */
#ifndef XTCP_TAKER_H
#define XTCP_TAKER_H

#include <linux/types.h>

struct in6_addr;
struct xtcp_lease;
struct xtcp_tuple;

int xtcp_taker_init(void);
void xtcp_taker_exit(void);

/* Softirq or process, lock of the port held; xtcp_taker_meets(): process, no lock. */
int xtcp_taker_take(struct xtcp_lease *lease, u16 port, const struct in6_addr *addr, int dev);
void xtcp_taker_leave(struct xtcp_lease *lease);

bool xtcp_taker_meets(struct xtcp_lease *lease, struct xtcp_tuple *tuple);

#endif /* XTCP_TAKER_H */
