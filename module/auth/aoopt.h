/* SPDX-License-Identifier: GPL-2.0 */
/* The socket options of TCP-AO, for setsockopt(). */
#ifndef XTCP_AOOPT_H
#define XTCP_AOOPT_H

#include <linux/sockptr.h>

struct sock;

int xtcp_aoopt_read(void *cmd, unsigned int size, sockptr_t optval, unsigned int optlen);
/* Process; the socket lock is held. */
int xtcp_aoopt_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);

#endif /* XTCP_AOOPT_H */
