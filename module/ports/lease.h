/* SPDX-License-Identifier: GPL-2.0 */
/* A lease: the place that a port of ours takes in kernel TCP's bind table. */
#ifndef XTCP_LEASE_H
#define XTCP_LEASE_H

#include <linux/bitops.h>
#include <linux/types.h>

struct sock;
struct xtcp_lease;
struct xtcp_net;

#define XTCP_PORTS	65536

int xtcp_lease_net_init(struct xtcp_net *xn);
void xtcp_lease_net_exit(struct xtcp_net *xn);

/* process context, may sleep */
int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease);
struct xtcp_lease *xtcp_lease_get_shared(struct xtcp_net *xn, u16 port, int bound_dev_if);
int xtcp_lease_listen(struct xtcp_lease *lease, const struct sock *sk);
int xtcp_lease_make_exclusive(struct xtcp_lease *lease);
/* any context */
u16 xtcp_lease_port(const struct xtcp_lease *lease);
struct xtcp_lease *xtcp_lease_hold(struct xtcp_lease *lease);
void xtcp_lease_put(struct xtcp_lease *lease, struct sock *sk);
void xtcp_lease_unlisten(struct xtcp_lease *lease);
/* a record's hold: once no full sock has the lease, kernel TCP may bind beside it as beside its own TIME-WAIT */
void xtcp_lease_hold_timewait(struct xtcp_lease *lease);
void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n);

static inline bool xtcp_lease_port_might_be_ours(const unsigned long *port_bits, u16 port)
{
	return test_bit(port, port_bits);
}

#endif /* XTCP_LEASE_H */
