/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A namespace.
 *
 * Comes in: the kernel's namespaces, writes to /proc/sys/net/xtcp, reads of /proc/net/xtcp*. Goes out:
 * calls that begin and end what each room has in a namespace.
 *
 * What may not happen here: touching a segment.
 */
#ifndef XTCP_NETNS_H
#define XTCP_NETNS_H

#include <linux/types.h>

struct xtcp_net;

int xtcp_netns_start(struct xtcp_net *xn);
int xtcp_netns_init(void);
void xtcp_netns_exit(void);
bool xtcp_netns_unloads(void);

int xtcp_sysctl_net_init(struct xtcp_net *xn, const char *name);
void xtcp_sysctl_net_exit(struct xtcp_net *xn);

extern struct proto *xtcp_sockstat_protos[2];

extern struct rw_semaphore xtcp_proc_reads;

int xtcp_proc_net_init(struct xtcp_net *xn, const char *name);
void xtcp_proc_net_exit(struct xtcp_net *xn, const char *name);

#endif /* XTCP_NETNS_H */
