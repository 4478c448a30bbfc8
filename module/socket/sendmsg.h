/* SPDX-License-Identifier: GPL-2.0 */
/* SEND (RFC 9293 section 3.10.2). */
#ifndef XTCP_SENDMSG_H
#define XTCP_SENDMSG_H

#include <linux/types.h>

struct msghdr;
struct sock;

/* proto entry: process context, takes the socket lock */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
/* sk_write_space: softirq or process context */
void xtcp_sendmsg_write_space(struct sock *sk);
void xtcp_sendmsg_wake(struct sock *sk);
/* socket lock held */
void xtcp_sendmsg_expand_buffer(struct sock *sk);
bool xtcp_sendmsg_memory_free(const struct sock *sk, int wake);

#endif /* XTCP_SENDMSG_H */
