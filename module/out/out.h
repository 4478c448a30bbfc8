/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a segment to IP.
 *
 * Comes in: an skb with data or without, and flags. Goes out: a packet to IP, counted and traced.
 *
 * What may not happen here: deciding whether something is sent.
 */
#ifndef XTCP_OUT_H
#define XTCP_OUT_H

#include <linux/security.h>
#include <net/xfrm.h>

#include "base/base.h"

struct xtcp_request;
struct xtcp_signer;
struct xtcp_timewait;

u32 xtcp_segment_offer(struct sock *sk);
int xtcp_segment_send(struct sock *sk, struct sk_buff *skb, u64 sent_us);
int xtcp_segment_send_on_syn(struct sock *sk, struct sk_buff *skb, u64 sent_us);
int xtcp_segment_send_control(struct sock *sk, u32 seq);
int xtcp_segment_send_rst(struct sock *sk, u32 seq, u16 code);

/**
 * struct xtcp_ip_reply - how to send a segment that belongs to no full sock
 * @tuple: addresses and ports; our end is the local one
 * @oif: the interface by which the segment has to leave, 0: the route decides
 * @dif: the interface by which the answered segment came in, or its VRF device; 0: none
 * @sdif: the interface that is a port of the VRF device @dif; 0: none
 * @mark: as SO_MARK would set it
 * @priority: as SO_PRIORITY would set it
 * @hash: selects one of several paths; 0: a hash of the addresses and ports does
 * @tos: the TOS octet (IPv4) or the traffic class (IPv6)
 * @laddr_known: for IPv4: the local address is known to be ours, or need not be (IP_TRANSPARENT)
 * @unowned: skb->sk is not set to the listener, but its settings still apply
 * @advmss: the route's limit for the MSS option; only for SYN-ACKs
 * @sk: the listener, for hop limit, LSM label and IPv6 options. NULL: the namespace's reply sock
 * @user: the sock whose user the route is for, if @sk is NULL; NULL: root
 * @dst: the route, with a reference; NULL: not looked up yet
 */
struct xtcp_ip_reply {
	const struct xtcp_tuple *tuple;
	int oif;
	int dif;
	int sdif;
	u32 mark;
	u32 priority;
	u32 hash;
	u8 tos;
	bool laddr_known;
	bool unowned;
	u16 advmss;
	struct sock *sk;
	const struct sock *user;
	struct dst_entry *dst;
};

extern const struct xtcp_net_part xtcp_ip_reply_part;

struct sk_buff *xtcp_control_alloc(gfp_t gfp, unsigned int text);

/* of the answer to @skb */
static inline u8 xtcp_reply_tos(const struct sk_buff *skb)
{
	u8 tos = ip_hdr(skb)->version == 4 ? ip_hdr(skb)->tos : ipv6_get_dsfield(ipv6_hdr(skb));

	return tos & ~INET_ECN_MASK;
}

void xtcp_reply_rst_for(const struct sock *sk, const struct xtcp_request *he, const struct sk_buff *skb, u16 code);
int xtcp_reply_synack_route(struct sock *lsk, const struct xtcp_request *he, const struct xtcp_tuple *tuple,
			    const struct net_device *dev, struct xtcp_ip_reply *how);
bool xtcp_reply_synack(struct sock *lsk, struct xtcp_request *he, struct xtcp_ip_reply *how,
		       const struct xtcp_fastopen_cookie *cookie, struct sk_buff *syn);
void xtcp_reply_synack_again(struct sock *lsk, struct xtcp_request *he);
void xtcp_reply_request_ack(struct sock *lsk, const struct xtcp_request *he, const struct sk_buff *skb);
void xtcp_reply_timewait_ack(struct xtcp_net *xn, const struct xtcp_timewait *tw, const struct sk_buff *skb,
			     const struct xtcp_signer *signer);
void xtcp_reply_timewait_rst(struct xtcp_net *xn, const struct xtcp_timewait *tw, const struct sk_buff *skb,
			     const struct xtcp_signer *signer);

int xtcp_ip_xmit(struct sock *sk, struct sk_buff *skb, u8 codepoint);
int xtcp_ip_route(struct sock *sk);

/*
 * Octets, IP header included; 0 without a route that works. If the device was removed or is down, it is
 * the smallest MTU of a device, which says nothing about the path; Linux uses it.
 */
static inline u32 xtcp_ip_mtu(const struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get((struct sock *)sk);

	sock_owned_by_me(sk);
	return dst && dst->obsolete <= 0 ? dst_mtu(dst) : 0;
}

/* The route's limit for a SYN's MSS option, octets (RFC 9293 section 3.7.1, SHLD-5); else the family's default. */
static inline u16 xtcp_ip_advmss(const struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get((struct sock *)sk);

	sock_owned_by_me(sk);
	if (dst)
		return max_t(u32, dst_metric_advmss(dst), XTCP_MSS_MIN_USER);
	return xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
}

/* Is the peer on this machine, in the same namespace? */
static inline bool xtcp_ip_is_local(const struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get((struct sock *)sk);
	const struct net_device *dev;
	bool local;

	sock_owned_by_me(sk);
	rcu_read_lock();
	dev = dst ? READ_ONCE(dst->dev) : NULL;
	local = dev && dev->flags & IFF_LOOPBACK;
	rcu_read_unlock();
	return local;
}

void xtcp_ip_prepare(struct sk_buff *skb, const struct xtcp_tuple *tuple);

/* To segments that @sk gets (XFRM_POLICY_IN) or sends (XFRM_POLICY_OUT)? */
static inline bool xtcp_ip_has_policies(const struct net *net, const struct sock *sk, int dir)
{
#ifdef CONFIG_XFRM
	return READ_ONCE(net->xfrm.policy_count[dir]) || rcu_access_pointer(sk->sk_policy[dir]) ||
	       READ_ONCE(net->xfrm.policy_default[dir]) != XFRM_USERPOLICY_ACCEPT;
#else
	return false;
#endif
}

/* Has a program given @sk an IPsec policy (IP_XFRM_POLICY and its like)? */
static inline bool xtcp_ip_sock_has_policies(const struct sock *sk)
{
#ifdef CONFIG_XFRM
	return rcu_access_pointer(sk->sk_policy[XFRM_POLICY_IN]) || rcu_access_pointer(sk->sk_policy[XFRM_POLICY_OUT]);
#else
	return false;
#endif
}

/* ip_route_output_flow() without the IPsec lookup if there is no policy */
static inline struct rtable *xtcp_ip_output_route(struct net *net, struct flowi4 *fl4, struct sock *sk)
{
	if (xtcp_ip_has_policies(net, sk, XFRM_POLICY_OUT)) {
		/* only IPsec policies read the flow's LSM label */
		security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
		return ip_route_output_flow(net, fl4, sk);
	}
	return __ip_route_output_key(net, fl4);
}

int xtcp_ip_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);

#endif /* XTCP_OUT_H */
