/* SPDX-License-Identifier: GPL-2.0 */
/* Segments without a connection of full size: SYN-ACKs, RSTs, ACKs for entries and records. */
#ifndef XTCP_REPLY_H
#define XTCP_REPLY_H

#include <linux/types.h>

struct dst_entry;
struct sk_buff;
struct sock;
struct xtcp_net;
struct xtcp_request;
struct xtcp_seg;
struct xtcp_timewait;

/* RCU read side, softirq or process. */
void xtcp_reply_rst(struct xtcp_net *xn, const struct sk_buff *skb);
struct dst_entry *xtcp_reply_synack_route(struct sock *lsk, const struct xtcp_request *he);
bool xtcp_reply_synack(struct sock *lsk, struct xtcp_request *he, struct dst_entry *dst, struct sk_buff *syn);
void xtcp_reply_request_ack(struct sock *lsk, const struct xtcp_request *he, const struct sk_buff *skb);
void xtcp_reply_timewait_ack(struct xtcp_net *xn, const struct xtcp_timewait *tw);
bool xtcp_reply_is_limited(struct xtcp_net *xn, const struct xtcp_seg *seg, int field, u32 *stamp);

#endif /* XTCP_REPLY_H */
