/* SPDX-License-Identifier: GPL-2.0 */
/* Is an arriving segment signed as its sock, listener or record demands? */
#ifndef XTCP_VERIFY_H
#define XTCP_VERIFY_H

#include <linux/skbuff.h>
#include <linux/tcp.h>

#include "base/seldom.h"
#include "base/wire.h"

struct xtcp_ao;
struct xtcp_md5_key;
struct xtcp_net;
struct xtcp_request;

/*
 * Does the segment have to be checked? Yes if @sk may have a key, or if the options take at least
 * 16 octets, as a signature usually does. Few segments have so many options. Only a TCP-AO option
 * with a MAC below 12 octets is shorter; if @sk has no key, such a signature may go unnoticed. @skb
 * begins with the TCP header, whose options are in the linear part.
 */
static __always_inline bool xtcp_verify_is_due(const struct sock *sk, const struct sk_buff *skb)
{
	return unlikely(tcp_hdr(skb)->doff * 4 >= XTCP_HDR_LEN + XTCP_OPTLEN_AO_ALIGNED(12) || xtcp_seldom_signs(sk));
}

enum skb_drop_reason xtcp_verify_segment(const struct sock *sk, const struct xtcp_request *he, struct sk_buff *skb,
					 int l3index, bool *counted);
enum skb_drop_reason xtcp_verify_for_record(struct xtcp_net *xn, const struct xtcp_md5_key *md5, struct xtcp_ao *ao,
					    struct sk_buff *skb);

#endif /* XTCP_VERIFY_H */
