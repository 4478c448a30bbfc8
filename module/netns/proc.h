/* SPDX-License-Identifier: GPL-2.0 */
/* The files /proc/net/xtcp, xtcp6 and xtcp_*. */
#ifndef XTCP_PROC_H
#define XTCP_PROC_H

struct xtcp_net;

int xtcp_proc_net_init(struct xtcp_net *xn);
void xtcp_proc_net_exit(struct xtcp_net *xn);

#endif /* XTCP_PROC_H */
