/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Orphans: connections that continue after their program has closed them. This file limits their
 * number, and drops their reference to the namespace.
 */
#ifndef XTCP_ORPHAN_H
#define XTCP_ORPHAN_H

#include <linux/types.h>

struct sock;
struct xtcp_net;

int xtcp_orphan_init(void);
void xtcp_orphan_exit(void);
int xtcp_orphan_net_init(struct xtcp_net *xn);
void xtcp_orphan_net_exit(struct xtcp_net *xn);

/* Socket lock held. */
void xtcp_orphan_add(struct sock *sk);
void xtcp_orphan_leave(struct sock *sk);
void xtcp_orphan_leave_netns(struct sock *sk);
bool xtcp_orphan_too_many(struct sock *sk, bool is_new);

#endif /* XTCP_ORPHAN_H */
