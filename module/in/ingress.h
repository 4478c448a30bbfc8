/* SPDX-License-Identifier: GPL-2.0 */
/* Checks segments that are ours, and takes the lock of their connection. */
#ifndef XTCP_INGRESS_H
#define XTCP_INGRESS_H

#include <linux/types.h>
#include <net/dropreason.h>

struct net;
struct sk_buff;
struct sock;
struct xtcp_conn;
struct xtcp_demux_key;
struct xtcp_net;

void xtcp_ingress_sock(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk);
bool xtcp_ingress_conn(struct xtcp_net *xn, struct sk_buff *skb, struct xtcp_conn *conn,
		       const struct xtcp_demux_key *key);
int xtcp_ingress_deliver(struct sock *sk, struct sk_buff *skb);
int xtcp_ingress_listener(struct xtcp_net *xn, struct sk_buff *skb, struct sock *lsk, const struct xtcp_demux_key *key);
bool xtcp_ingress_hops_ok(const struct sock *sk, const struct sk_buff *skb);
void xtcp_ingress_drop(const struct net *net, struct sk_buff *skb, int state, enum skb_drop_reason reason);

#endif /* XTCP_INGRESS_H */
