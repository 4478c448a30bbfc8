/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Socks that a program still has open after their connection was aborted, that is, ended without a
 * FIN from each end.
 */
#ifndef XTCP_ABORTED_H
#define XTCP_ABORTED_H

struct sock;
struct xtcp_net;

int xtcp_aborted_net_init(struct xtcp_net *xn);
void xtcp_aborted_net_exit(struct xtcp_net *xn);

/* socket lock held; xtcp_aborted_leave() needs no lock if only listings can still find the sock */
void xtcp_aborted_enter(struct sock *sk);
void xtcp_aborted_leave(struct sock *sk);

/* RCU read side held; it keeps the result valid */
struct sock *xtcp_aborted_from(struct xtcp_net *xn, unsigned long *number);

#endif /* XTCP_ABORTED_H */
