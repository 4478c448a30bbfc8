/* SPDX-License-Identifier: GPL-2.0 */
/*
 * net.xtcp.migrate_wait_ms: a listener whose program has closed it waits for a successor, which
 * takes over its connections.
 */
#ifndef XTCP_ESTATE_H
#define XTCP_ESTATE_H

#include <linux/types.h>

struct sock;
struct xtcp_net;

int xtcp_estate_net_init(struct xtcp_net *xn);
void xtcp_estate_net_exit(struct xtcp_net *xn);

/* Process context. Lock: socket, held. */
bool xtcp_estate_keep(struct sock *sk);
void xtcp_estate_claim(struct sock *sk);
void xtcp_estate_hurry(const struct sock *sk);

#endif /* XTCP_ESTATE_H */
