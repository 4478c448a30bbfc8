/* SPDX-License-Identifier: GPL-2.0 */
/* ABORT by an administrator. */
#ifndef XTCP_KILL_H
#define XTCP_KILL_H

struct inet_diag_req_v2;
struct net;

/* process context */
int xtcp_kill_requested(struct net *net, const struct inet_diag_req_v2 *req);

#endif /* XTCP_KILL_H */
