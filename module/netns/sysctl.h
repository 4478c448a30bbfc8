/* SPDX-License-Identifier: GPL-2.0 */
/* net.xtcp.*: the sysctls of a namespace. */
#ifndef XTCP_SYSCTL_H
#define XTCP_SYSCTL_H

struct xtcp_net;

int xtcp_sysctl_init(void);
void xtcp_sysctl_exit(void);
int xtcp_sysctl_net_init(struct xtcp_net *xn);
void xtcp_sysctl_net_exit(struct xtcp_net *xn);

#endif /* XTCP_SYSCTL_H */
