/* SPDX-License-Identifier: GPL-2.0 */
/* Is the MAC of an arriving segment right? */
#ifndef XTCP_AOVERIFY_H
#define XTCP_AOVERIFY_H

#include <linux/skbuff.h>

#include "auth/ao.h"

struct sock;
struct xtcp_ao;
struct xtcp_ao_option;
struct xtcp_net;
struct xtcp_request;
struct xtcp_tuple;

/**
 * struct xtcp_ao_arrival - a segment with TCP-AO
 * @xn: the namespace
 * @skb: the segment; begins with the TCP header, and the network header is the IP header
 * @tuple: addresses and ports of the segment; the local ones are ours
 * @l3index: ifindex of the VRF by which the segment came; 0: no VRF
 * @option: the TCP-AO option of the segment
 * @counted: points to true once TCPAOGood has counted the segment. If the sock that gets the
 *	segment has just ended, the segment is checked again for another sock, but not counted again
 */
struct xtcp_ao_arrival {
	struct xtcp_net *xn;
	struct sk_buff *skb;
	const struct xtcp_tuple *tuple;
	int l3index;
	const struct xtcp_ao_option *option;
	bool *counted;
};

enum skb_drop_reason xtcp_aoverify_missing(struct xtcp_net *xn, struct xtcp_ao *ao);
enum skb_drop_reason xtcp_aoverify_sock(const struct sock *sk, struct xtcp_ao *ao, const struct xtcp_request *he,
					const struct xtcp_ao_arrival *in);
enum skb_drop_reason xtcp_aoverify_record(struct xtcp_ao *ao, const struct xtcp_ao_arrival *in);
bool xtcp_aoverify_ignores_icmp_for(struct xtcp_net *xn, struct xtcp_ao *ao, bool v4, u8 type, u8 code);
bool xtcp_aoverify_ignores_icmp(const struct sock *sk, bool v4, u8 type, u8 code);

#endif /* XTCP_AOVERIFY_H */
