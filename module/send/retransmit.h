/* SPDX-License-Identifier: GPL-2.0 */
/* Sends a segment again. */
#ifndef XTCP_RETRANSMIT_H
#define XTCP_RETRANSMIT_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* The caller of each of these functions holds the socket lock. */
int xtcp_retransmit_segment(struct sock *sk, struct sk_buff *skb, u32 max);
int xtcp_retransmit_tail(struct sock *sk, struct sk_buff *skb);

#endif /* XTCP_RETRANSMIT_H */
