// SPDX-License-Identifier: GPL-2.0
/* The checksum of a segment. */
#include "base/checksum.h"

#include <net/ip6_checksum.h>
#include <net/tcp.h>

/**
 * xtcp_checksum_ok() - is the checksum right? (RFC 9293 section 3.1, MUST-3)
 * @skb: the segment, skb->data at its TCP header; the skb keeps the result for the next caller
 *
 * Context: softirq.
 *
 * Return: true when the checksum is right.
 */
bool xtcp_checksum_ok(struct sk_buff *skb)
{
	bool wrong;

	if (skb->protocol == htons(ETH_P_IP))
		wrong = skb_checksum_init(skb, IPPROTO_TCP, inet_compute_pseudo);
	else
		wrong = skb_checksum_init(skb, IPPROTO_TCP, ip6_compute_pseudo);
	return !wrong && (skb_csum_unnecessary(skb) || !__skb_checksum_complete(skb));
}
