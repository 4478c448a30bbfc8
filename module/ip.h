/* SPDX-License-Identifier: GPL-2.0 */
/* IPv4 and IPv6 below TCP: route, header, checksum, hand-over. */
#ifndef XTCP_IP_H
#define XTCP_IP_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct sockaddr;
struct xtcp_net;
struct xtcp_tuple;
struct dst_entry;

/* OPEN: validate the foreign address, route, choose the source address. Socket lock held; may sleep. */
int xtcp_ip_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len);
/* Full socks: @skb starts at the TCP header, checksum not yet computed. Socket lock held. Consumes @skb. */
int xtcp_ip_xmit(struct sock *sk, struct sk_buff *skb);
int xtcp_ip_route(struct sock *sk);
u32 xtcp_ip_mtu(const struct sock *sk);
u16 xtcp_ip_header_len(const struct sock *sk);
u16 xtcp_ip_advmss(const struct sock *sk);
bool xtcp_ip_child_route(struct sock *child, struct sk_buff *skb);

/**
 * struct xtcp_ip_reply - how to send a segment that belongs to no full sock
 * @tuple: addresses and ports, seen from here
 * @oif: interface to leave by, 0: the route decides
 * @mark: as SO_MARK
 * @tos: DSCP and ECN octet, or traffic class
 * @ttl: hop limit, 0: the default
 * @sk: the listener whose options and LSM label the segment carries, or NULL: the namespace's reply sock
 */
struct xtcp_ip_reply {
	struct xtcp_tuple *tuple;
	int oif;
	u32 mark;
	u8 tos;
	u8 ttl;
	struct sock *sk;
};

/* Entries, records and RSTs. @skb as above. Any context. Consumes @skb. */
int xtcp_ip_send_reply(struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sk_buff *skb);
u16 xtcp_ip_reply_advmss(struct xtcp_net *xn, const struct xtcp_ip_reply *how);
int xtcp_ip_net_init(struct xtcp_net *xn);
void xtcp_ip_net_exit(struct xtcp_net *xn);

#endif /* XTCP_IP_H */
