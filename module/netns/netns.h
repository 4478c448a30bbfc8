/* SPDX-License-Identifier: GPL-2.0 */
/* The life of struct xtcp_net. */
#ifndef XTCP_NETNS_H
#define XTCP_NETNS_H

struct xtcp_net;

int xtcp_netns_start(struct xtcp_net *xn);
int xtcp_netns_init(void);
void xtcp_netns_exit(void);

#endif /* XTCP_NETNS_H */
