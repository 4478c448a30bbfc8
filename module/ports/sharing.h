/* SPDX-License-Identifier: GPL-2.0 */
/* Who may stand beside whom on a port. */
#ifndef XTCP_SHARING_H
#define XTCP_SHARING_H

#include <linux/types.h>

struct sock;
struct xtcp_lease;

/* leases lock held, any context */
bool xtcp_sharing_has_moved(struct sock *mine);
int xtcp_sharing_bind(struct xtcp_lease *lease, const struct sock *sk, u16 port);
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk);
int xtcp_sharing_take(struct xtcp_lease *lease, u16 port, int bound_dev_if);
void xtcp_sharing_leave(struct xtcp_lease *lease);

#endif /* XTCP_SHARING_H */
