/* SPDX-License-Identifier: GPL-2.0 */
/* SEND (RFC 9293 section 3.10.2). */
#ifndef XTCP_SENDMSG_H
#define XTCP_SENDMSG_H

#include <linux/types.h>

struct msghdr;
struct sock;

/* proto entry: process context, takes the socket lock */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);

#endif /* XTCP_SENDMSG_H */
