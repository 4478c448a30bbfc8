/* SPDX-License-Identifier: GPL-2.0 */
/* One place in kernel TCP's bind table for several leases. */
#ifndef XTCP_COVER_H
#define XTCP_COVER_H

#include <linux/types.h>

struct xtcp_lease;

/* xtcp_place_mutex held, may sleep */
int xtcp_cover_make(struct xtcp_lease *lease, u16 port);
/* xtcp_place_mutex held */
void xtcp_cover_add(struct xtcp_lease *cover, struct xtcp_lease *narrow);
void xtcp_cover_add_all(struct xtcp_lease *cover);
/* any context */
void xtcp_cover_leave(struct xtcp_lease *narrow);

#endif /* XTCP_COVER_H */
