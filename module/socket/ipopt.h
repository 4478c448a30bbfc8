/* SPDX-License-Identifier: GPL-2.0 */
/* Socket options of IP and IPv6. */
#ifndef XTCP_IPOPT_H
#define XTCP_IPOPT_H

#include <linux/sockptr.h>

struct sock;

/* Process context. The kernel's own code takes the socket lock. */
int xtcp_ipopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen);
int xtcp_ipopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen);

#endif /* XTCP_IPOPT_H */
