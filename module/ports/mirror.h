/* SPDX-License-Identifier: GPL-2.0 */
/* What kernel TCP's bind table shows of a lease, and how it is asked. */
#ifndef XTCP_MIRROR_H
#define XTCP_MIRROR_H

#include <linux/types.h>

struct sock;
struct xtcp_lease;

/* xtcp_place_mutex held, may sleep */
int xtcp_mirror_ask(struct xtcp_lease *place, const struct sock *sk);
int xtcp_mirror_ask_exclusively(struct xtcp_lease *place);
int xtcp_mirror_listen(struct xtcp_lease *place, u8 reuse);
int xtcp_mirror_force(struct xtcp_lease *lease, u16 port);
/* xtcp_place_mutex held */
void xtcp_mirror_tighten(struct xtcp_lease *lease);
void xtcp_mirror_relax(struct xtcp_lease *lease);

#endif /* XTCP_MIRROR_H */
