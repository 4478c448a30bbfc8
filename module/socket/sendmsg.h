/* SPDX-License-Identifier: GPL-2.0 */
/* SEND (RFC 9293 section 3.10.2). */
#ifndef XTCP_SENDMSG_H
#define XTCP_SENDMSG_H

#include <linux/types.h>

struct msghdr;
struct page;
struct sock;

/* proto entries: process context, take the socket lock */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
int xtcp_sendmsg_page(struct sock *sk, struct page *page, int offset, size_t size, int flags);

#endif /* XTCP_SENDMSG_H */
