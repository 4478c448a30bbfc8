/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sends segments without a full sock: SYN-ACKs, RSTs, ACKs of half-open entries and TIME-WAIT
 * records.
 */
#ifndef XTCP_REPLY_H
#define XTCP_REPLY_H

#include <linux/types.h>

struct net_device;
struct sk_buff;
struct sock;
struct xtcp_fastopen_cookie;
struct xtcp_ip_reply;
struct xtcp_net;
struct xtcp_request;
struct xtcp_signer;
struct xtcp_timewait;
struct xtcp_tuple;

/* Softirq or process, RCU read side; xtcp_reply_timewait_rst() does not need the RCU read side. */
u8 xtcp_reply_tos(const struct sk_buff *skb);
void xtcp_reply_rst_for(const struct sock *sk, const struct xtcp_request *he, const struct sk_buff *skb, u16 code);
int xtcp_reply_synack_route(struct sock *lsk, const struct xtcp_request *he, const struct xtcp_tuple *tuple,
			    const struct net_device *dev, struct xtcp_ip_reply *how);
bool xtcp_reply_synack(struct sock *lsk, struct xtcp_request *he, struct xtcp_ip_reply *how,
		       const struct xtcp_fastopen_cookie *cookie, struct sk_buff *syn);
u32 xtcp_reply_synack_hash(const struct sock *lsk, const struct xtcp_request *he);
void xtcp_reply_synack_again(struct sock *lsk, struct xtcp_request *he);
void xtcp_reply_request_ack(struct sock *lsk, const struct xtcp_request *he, const struct sk_buff *skb);
void xtcp_reply_timewait_ack(struct xtcp_net *xn, const struct xtcp_timewait *tw, const struct sk_buff *skb,
			     const struct xtcp_signer *signer);
void xtcp_reply_timewait_rst(struct xtcp_net *xn, const struct xtcp_timewait *tw, const struct sk_buff *skb,
			     const struct xtcp_signer *signer);

#endif /* XTCP_REPLY_H */
