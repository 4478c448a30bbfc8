/* SPDX-License-Identifier: GPL-2.0 */
/* Makes, starts and frees struct xtcp_net, the state of xtcp in a namespace. */
#ifndef XTCP_NETNS_H
#define XTCP_NETNS_H

struct xtcp_net;

int xtcp_netns_start(struct xtcp_net *xn);
int xtcp_netns_init(void);
void xtcp_netns_exit(void);

#endif /* XTCP_NETNS_H */
