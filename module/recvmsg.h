/* SPDX-License-Identifier: GPL-2.0 */
/* RECEIVE (RFC 9293 section 3.10.3). */
#ifndef XTCP_RECVMSG_H
#define XTCP_RECVMSG_H

#include <linux/types.h>

struct msghdr;
struct sock;

/* process context, takes the socket lock */
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len);
/* octets that RECEIVE could hand out now; socket lock held or racy */
int xtcp_recvmsg_inq(const struct sock *sk);

#endif /* XTCP_RECVMSG_H */
