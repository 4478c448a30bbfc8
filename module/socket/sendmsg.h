/* SPDX-License-Identifier: GPL-2.0 */
/* SEND (RFC 9293 section 3.10.2). */
#ifndef XTCP_SENDMSG_H
#define XTCP_SENDMSG_H

#include <linux/types.h>

struct msghdr;
struct page;
struct sock;
struct socket;

/* proto entries: process context, take the socket lock */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
int xtcp_sendmsg_page(struct sock *sk, struct page *page, int offset, size_t size, int flags);

/* a proto_ops entry: process context, takes the socket lock */
void xtcp_sendmsg_splice_eof(struct socket *sock);

#endif /* XTCP_SENDMSG_H */
