/* SPDX-License-Identifier: GPL-2.0 */
/* The receive queue: text in order, text out of order, and how much memory both may use. */
#ifndef XTCP_RCVQ_H
#define XTCP_RCVQ_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/*
 * The caller of each of these functions holds the socket lock. xtcp_rcvq_purge_out_of_order() needs
 * no lock if no other thread can reach the sock.
 */
bool xtcp_rcvq_make_room(struct sock *sk, struct sk_buff *skb);
void xtcp_rcvq_queue(struct sock *sk, struct sk_buff *skb);
bool xtcp_rcvq_is_waiting(const struct sock *sk, u32 seq);
void xtcp_rcvq_eaten(struct sock *sk, struct sk_buff *skb);
void xtcp_rcvq_purge_out_of_order(struct sock *sk);

#endif /* XTCP_RCVQ_H */
