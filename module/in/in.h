/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arriving segments, until their connection is known.
 *
 * Comes in: every TCP segment of the machine, from IP, and ICMP errors about TCP. Goes out: a
 * checked and parsed segment, with its connection or listener, to arrive/, listen/ or timewait/;
 * foreign segments, untouched, to kernel TCP.
 *
 * What may not happen here: changing, counting or holding a foreign segment; using a state.
 */
#ifndef XTCP_IN_H
#define XTCP_IN_H

#include <linux/types.h>
#include <net/dropreason.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>

struct xtcp_conn;
struct xtcp_demux_key;
struct xtcp_net;
struct xtcp_build_calls;

/**
 * struct xtcp_signature - what is known of the signature of a segment
 * @verified: the segment was verified with the keys of the sock that gets the segment; false again
 *	when a different sock gets the segment
 * @counted: TCPAOGood has counted the segment, and must not count it again
 */
struct xtcp_signature {
	bool verified;
	bool counted;
};

/* IP_MINTTL and IPV6_MINHOPCOUNT, of a sock of xtcp or of kernel TCP. */
static inline bool xtcp_checks_hops(const struct sock *sk, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl);
	return ipv6_hdr(skb)->hop_limit >= READ_ONCE(inet6_sk(sk)->min_hopcount);
}

bool xtcp_ingress_conn(struct xtcp_net *xn, struct sk_buff *skb, struct xtcp_conn *conn,
		       const struct xtcp_demux_key *key);
int xtcp_ingress_listener(struct xtcp_net *xn, struct sk_buff *skb, struct sock *lsk, const struct xtcp_demux_key *key);
void xtcp_ingress_sock(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk);
int xtcp_ingress_deliver(struct sock *sk, struct sk_buff *skb);

bool xtcp_icmp_v4(struct sk_buff *skb, u32 info, int *err);
bool xtcp_icmp_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code, int offset, __be32 info, int *err);
void xtcp_icmp_mtu_fell(struct sock *sk);

enum xtcp_instance_ip {
	XTCP_SIBLING_V4,
	XTCP_SIBLING_V6,
	XTCP_SIBLING_IPS,
};

/**
 * struct xtcp_instance_link - the position of a build in the chain of TCP's handlers
 * @ours: the build's struct net_protocol or inet6_protocol
 * @saved: the build's variable that points to the next such struct in the chain
 */
struct xtcp_instance_link {
	const void *ours;
	const void **saved;
};

/* Another instance asks: does a listener of ours want a SYN that would reopen one of its records? Softirq, RCU. */
typedef bool (*xtcp_instance_wants)(struct sk_buff *skb);
/*
 * Another instance asks: does a connection of ours own a segment that would go to its listener? If
 * it is a SYN that would reopen a record of ours, and @wanted says yes, the record ends, and the
 * answer is no. Softirq, RCU.
 */
typedef bool (*xtcp_instance_keeps)(struct sk_buff *skb, xtcp_instance_wants wanted);

void xtcp_instances_set_family(int family, const struct xtcp_build_calls *calls);
/* of the build of a sock with this protocol; NULL: it is of none, or of ours. RCU read side */
const struct xtcp_build_calls *xtcp_instances_calls(const struct proto *prot);
const struct xtcp_build_calls *xtcp_instances_hold(int family, const struct proto *prot, const char *shown);
const struct xtcp_build_calls *xtcp_instances_own(void);
const char *xtcp_instances_name(void);
bool xtcp_instances_take_name(const char *name, const struct xtcp_build_calls *calls);

extern struct mutex xtcp_instances_mutex;

void xtcp_instances_lock(const struct xtcp_build_calls *calls);
void xtcp_instances_unlock(const struct xtcp_build_calls *calls);
bool xtcp_instances_have_family(int family, char *name, size_t size);

extern const struct xtcp_part xtcp_interpose_part;

#endif /* XTCP_IN_H */
