/* SPDX-License-Identifier: GPL-2.0 */
/* IPv4 and IPv6 below TCP: route, header, checksum, hand-over. */
#ifndef XTCP_IP_H
#define XTCP_IP_H

#include <linux/types.h>

struct dst_entry;
struct sk_buff;
struct sock;
struct sockaddr;
struct xtcp_net;
struct xtcp_tuple;

/* OPEN: validate the foreign address, route, choose the source address. Socket lock held; may sleep. */
int xtcp_ip_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len);
/* OPEN, once the local port is known: IPsec policies and routing rules may name ports. Socket lock held; may sleep. */
int xtcp_ip_connect_ports(struct sock *sk);
/* Full socks: @skb starts at the TCP header, checksum not yet computed. Socket lock held. Consumes @skb. */
int xtcp_ip_xmit(struct sock *sk, struct sk_buff *skb);
int xtcp_ip_route(struct sock *sk);
u32 xtcp_ip_mtu(const struct sock *sk);
u32 xtcp_ip_update_mtu(struct sock *sk, u32 mtu);
void xtcp_ip_redirected(struct sock *sk, struct sk_buff *skb);
u16 xtcp_ip_header_len(const struct sock *sk);
u16 xtcp_ip_advmss(const struct sock *sk);
bool xtcp_ip_child_route(struct sock *child);

/**
 * struct xtcp_ip_reply - how to send a segment that belongs to no full sock
 * @tuple: addresses and ports, seen from here
 * @oif: interface to leave by, 0: the route decides
 * @dif: interface that the segment answered came in by, or 0
 * @mark: as SO_MARK
 * @tos: DSCP and ECN octet, or traffic class
 * @sk: the listener whose options, hop limit and LSM label the segment carries, or NULL: the namespace's reply sock
 */
struct xtcp_ip_reply {
	const struct xtcp_tuple *tuple;
	int oif;
	int dif;
	u32 mark;
	u8 tos;
	struct sock *sk;
};

/* Entries, records and RSTs. RCU read side; any context. */
struct dst_entry *xtcp_ip_reply_route(struct xtcp_net *xn, const struct xtcp_ip_reply *how);
u16 xtcp_ip_reply_advmss(const struct dst_entry *dst);
/* @skb as above; consumes @skb and the reference on @dst */
int xtcp_ip_reply_xmit(struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct dst_entry *dst,
		       struct sk_buff *skb);
int xtcp_ip_net_init(struct xtcp_net *xn);
void xtcp_ip_net_exit(struct xtcp_net *xn);

#endif /* XTCP_IP_H */
