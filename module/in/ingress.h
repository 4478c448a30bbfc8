/* SPDX-License-Identifier: GPL-2.0 */
/* Passes segments that are ours to their connection or listener, and takes its lock. */
#ifndef XTCP_INGRESS_H
#define XTCP_INGRESS_H

#include <linux/types.h>

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

#endif /* XTCP_INGRESS_H */
