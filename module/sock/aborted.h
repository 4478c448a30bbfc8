/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The socks that a program still holds after their connection has ended otherwise than by both
 * FINs.
 */
#ifndef XTCP_ABORTED_H
#define XTCP_ABORTED_H

struct sock;
struct xtcp_net;

int xtcp_aborted_net_init(struct xtcp_net *xn);
void xtcp_aborted_net_exit(struct xtcp_net *xn);

/* socket lock held */
void xtcp_aborted_enter(struct sock *sk);
void xtcp_aborted_leave(struct sock *sk);

/* RCU read side held; the result is valid until it ends */
struct sock *xtcp_aborted_from(struct xtcp_net *xn, unsigned long *number);

#endif /* XTCP_ABORTED_H */
