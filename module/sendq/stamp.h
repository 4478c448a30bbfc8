/* SPDX-License-Identifier: GPL-2.0 */
/* Transmit timestamps (SO_TIMESTAMPING). */
#ifndef XTCP_STAMP_H
#define XTCP_STAMP_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/*
 * The caller of each of these functions holds the socket lock. In xtcp_stamp_join(), cb->stamps of
 * @next is not 0; in each other function with an @skb, cb->stamps of @skb is not 0.
 */
void xtcp_stamp_written(struct sock *sk, u32 tsflags, u32 len);
u32 xtcp_stamp_room(const struct sk_buff *skb, u32 mss);
void xtcp_stamp_split(struct sk_buff *skb, struct sk_buff *rest);
void xtcp_stamp_join(struct sk_buff *skb, const struct sk_buff *next);
void xtcp_stamp_acked(struct sock *sk, struct sk_buff *skb, u32 ack);

#endif /* XTCP_STAMP_H */
