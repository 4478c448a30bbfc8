/* SPDX-License-Identifier: GPL-2.0 */
/* Process ACKs that arrive/ack.c has found acceptable. */
#ifndef XTCP_ACKED_H
#define XTCP_ACKED_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_seg;

/* The caller of each of these functions holds the socket lock. */
void xtcp_acked_take(struct sock *sk, struct sk_buff *skb);
void xtcp_acked_overtaken(struct sock *sk, struct sk_buff *skb);
void xtcp_acked_syn(struct sock *sk, const struct xtcp_seg *seg);
bool xtcp_acked_fin(const struct sock *sk);

#endif /* XTCP_ACKED_H */
