/* SPDX-License-Identifier: GPL-2.0 */
/* Segments without a connection of full size: SYN-ACKs, RSTs, ACKs for entries and records. */
#ifndef XTCP_REPLY_H
#define XTCP_REPLY_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_net;
struct xtcp_request;
struct xtcp_timewait;

/* RCU read side, softirq or process. */
void xtcp_reply_rst(struct xtcp_net *xn, const struct sk_buff *skb);
int xtcp_reply_synack(struct sock *lsk, struct xtcp_request *he);
void xtcp_reply_request_ack(struct sock *lsk, const struct xtcp_request *he);
void xtcp_reply_timewait_ack(struct xtcp_net *xn, const struct xtcp_timewait *tw);

#endif /* XTCP_REPLY_H */
