/* SPDX-License-Identifier: GPL-2.0 */
/* A lease: the place that a port of ours takes in kernel TCP's bind table. */
#ifndef XTCP_LEASE_H
#define XTCP_LEASE_H

#include <linux/types.h>

struct sock;
struct xtcp_lease;
struct xtcp_net;

int xtcp_lease_init(void);
void xtcp_lease_exit(void);
int xtcp_lease_net_init(struct xtcp_net *xn);
void xtcp_lease_net_exit(struct xtcp_net *xn);

/* process context, may sleep */
int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease);
int xtcp_lease_listen(struct xtcp_lease *lease, struct sock *sk);
/* any context */
struct xtcp_lease *xtcp_lease_hold(struct xtcp_lease *lease);
void xtcp_lease_put(struct xtcp_lease *lease);
void xtcp_lease_unlisten(struct xtcp_lease *lease);
/* the last full sock is gone, records keep it: kernel TCP may bind with SO_REUSEADDR */
void xtcp_lease_hold_timewait(struct xtcp_lease *lease);
void xtcp_lease_put_timewait(struct xtcp_lease *lease);

static inline bool xtcp_lease_port_might_be_ours(const unsigned long *port_bits, u16 port)
{
	return test_bit(port, port_bits);
}

#endif /* XTCP_LEASE_H */
