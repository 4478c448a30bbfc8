/* SPDX-License-Identifier: GPL-2.0 */
/* Socks for leases to come. */
#ifndef XTCP_STOCK_H
#define XTCP_STOCK_H

struct xtcp_lease;
struct xtcp_net;

int xtcp_stock_init(void);
void xtcp_stock_exit(void);
int xtcp_stock_net_init(struct xtcp_net *xn);
void xtcp_stock_net_exit(struct xtcp_net *xn);

struct xtcp_lease *xtcp_stock_get(struct xtcp_net *xn);
void xtcp_stock_put(struct xtcp_net *xn, struct xtcp_lease *lease);

#endif /* XTCP_STOCK_H */
