/* SPDX-License-Identifier: GPL-2.0 */
/* IPv4 and IPv6 below TCP: route, header, checksum, hand-over. */
#ifndef XTCP_IP_H
#define XTCP_IP_H

#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/xfrm.h>

struct dst_entry;
struct flowi4;
struct rtable;
struct sk_buff;
struct xtcp_tuple;

/*
 * All but xtcp_ip_output_route() and xtcp_ip_prepare() are for full socks; the caller holds the
 * socket lock. xtcp_ip_xmit() consumes @skb. In xtcp_ip_xmit() and xtcp_ip_prepare(), @skb begins
 * with the TCP header, complete but for the checksum.
 */
int xtcp_ip_xmit(struct sock *sk, struct sk_buff *skb, u8 codepoint);
int xtcp_ip_route(struct sock *sk);
void xtcp_ip_set_route(struct sock *sk, struct dst_entry *dst);
u32 xtcp_ip_mtu(const struct sock *sk);
u32 xtcp_ip_update_mtu(struct sock *sk, u32 mtu);
void xtcp_ip_redirected(struct sock *sk, struct sk_buff *skb);
u16 xtcp_ip_header_len(const struct sock *sk);
u16 xtcp_ip_advmss(const struct sock *sk);
bool xtcp_ip_is_local(const struct sock *sk);
bool xtcp_ip_child_route(struct sock *child);
struct rtable *xtcp_ip_output_route(struct net *net, struct flowi4 *fl4, struct sock *sk);
void xtcp_ip_prepare(struct sk_buff *skb, const struct xtcp_tuple *tuple);

/* Can an IPsec policy apply to segments that @sk sends? */
static inline bool xtcp_ip_has_policies(const struct net *net, const struct sock *sk)
{
#ifdef CONFIG_XFRM
	return READ_ONCE(net->xfrm.policy_count[XFRM_POLICY_OUT]) ||
	       rcu_access_pointer(sk->sk_policy[XFRM_POLICY_OUT]) ||
	       READ_ONCE(net->xfrm.policy_default[XFRM_POLICY_OUT]) != XFRM_USERPOLICY_ACCEPT;
#else
	return false;
#endif
}

#endif /* XTCP_IP_H */
