/* SPDX-License-Identifier: GPL-2.0 */
/* Fills the send queue with the octets that the program writes. */
#ifndef XTCP_FILL_H
#define XTCP_FILL_H

#include <linux/types.h>

struct iov_iter;
struct msghdr;
struct sk_buff;
struct sock;
struct ubuf_info;

/* The caller of each of these functions holds the socket lock. */
int xtcp_fill_copy(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len);
int xtcp_fill_splice(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len);
int xtcp_fill_zerocopy(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t len, struct ubuf_info *uarg);

#endif /* XTCP_FILL_H */
