/* SPDX-License-Identifier: GPL-2.0 */
/* ICMP errors about segments of ours (RFC 9293 section 3.9.2.2, RFC 5927), and the path MTU. */
#ifndef XTCP_ICMP_H
#define XTCP_ICMP_H

#include <linux/types.h>

struct inet6_skb_parm;
struct sk_buff;
struct sock;

/*
 * Both functions return true when the quoted segment is ours; *err is then the return value for the
 * protocol handler. If they return false, nothing has changed, and the caller calls kernel TCP's
 * handler. Softirq, RCU read side.
 */
bool xtcp_icmp_v4(struct sk_buff *skb, u32 info, int *err);
bool xtcp_icmp_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code, int offset, __be32 info, int *err);
/* Handles XTCP_DEFERRED_MTU, in release_sock(). Lock: socket, held. */
void xtcp_icmp_mtu_deferred(struct sock *sk);

#endif /* XTCP_ICMP_H */
