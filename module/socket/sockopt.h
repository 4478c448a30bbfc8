/* SPDX-License-Identifier: GPL-2.0 */
/* Socket options. */
#ifndef XTCP_SOCKOPT_H
#define XTCP_SOCKOPT_H

#include <linux/sockptr.h>

struct sock;

/* Entries of proto and proto_ops: process. xtcp_sockopt_set_rcvlowat() needs the socket lock. */
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen);
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen);
int xtcp_sockopt_set_rcvlowat(struct sock *sk, int val);
int xtcp_sockopt_set_peek_off(struct sock *sk, int val);

#endif /* XTCP_SOCKOPT_H */
