/* SPDX-License-Identifier: GPL-2.0 */
/* Sends segments without a full sock, over IPv4 or IPv6. */
#ifndef XTCP_IP_REPLY_H
#define XTCP_IP_REPLY_H

#include <linux/types.h>

struct dst_entry;
struct sk_buff;
struct sock;
struct xtcp_net;
struct xtcp_tuple;

/**
 * struct xtcp_ip_reply - how to send a segment that belongs to no full sock
 * @tuple: addresses and ports; our end is the local one
 * @oif: the interface by which the segment has to leave, 0: the route decides
 * @dif: the interface by which the answered segment came in, or its VRF device; 0: none
 * @sdif: the interface that is a port of the VRF device @dif; 0: none
 * @mark: the mark of the segment, as SO_MARK would set it
 * @priority: skb->priority of the segment, as SO_PRIORITY would set it
 * @hash: selects one of several paths; 0: a hash of the addresses and ports selects the path
 * @tos: the TOS octet (IPv4) or the traffic class (IPv6)
 * @laddr_known: the tuple's local address is known to be ours, or need not be ours
 *	(IP_TRANSPARENT), so routing need not check it; only for IPv4
 * @unowned: skb->sk is not set to the listener, but the settings of the listener still apply
 * @advmss: the route's limit for the MSS option; only for SYN-ACKs
 * @sk: the listener, whose settings the segment gets: hop limit, LSM label, IPv6 options. NULL: the
 *	namespace's reply sock sends the segment
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

/* For half-open entries, TIME-WAIT records and RSTs. Softirq or process, RCU read side. */
int xtcp_ip_reply_route(struct xtcp_net *xn, struct xtcp_ip_reply *how);
/*
 * @skb begins with the TCP header, complete but for the checksum. Consumes @skb and the reference
 * to @how->dst.
 */
int xtcp_ip_reply_xmit(struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sk_buff *skb);
int xtcp_ip_reply_net_init(struct xtcp_net *xn);
void xtcp_ip_reply_net_exit(struct xtcp_net *xn);

#endif /* XTCP_IP_REPLY_H */
