// SPDX-License-Identifier: GPL-2.0
/*
 * What a segment of ours has to pass before anybody looks at its connection: its header, and what
 * its sock or listener demands.
 *
 * The checks follow the order of the kernel's TCP receive path, so counters and side effects (IPsec
 * policy, socket filter) happen where administrators expect them.
 */
#include "in/checks.h"

#include <linux/ipv6.h>
#include <net/ip.h>
#include <net/tcp.h>
#include <net/xfrm.h>
#include <trace/events/tcp.h>

#include "auth/verify.h"
#include "base/checksum.h"
#include "base/net.h"
#include "lookup/lookup.h"
#include "sight/mib.h"
#include "sight/trace.h"

/**
 * xtcp_checks_drop() - drop a segment and say why
 * @net: the namespace in which the segment arrived
 * @skb: begins with the TCP header; freed
 * @state: the state of the segment's connection (TCP_*), for the tracepoint; TCP_CLOSE if unknown
 * @reason: why the segment is dropped
 *
 * Context: any.
 */
void xtcp_checks_drop(const struct net *net, struct sk_buff *skb, int state, enum skb_drop_reason reason)
{
	if (trace_xtcp_drop_enabled()) {
		struct xtcp_tuple tuple;
		const struct tcphdr *th;
		struct tcphdr buf;

		xtcp_demux_tuple_from_skb(skb, &tuple);
		th = skb_header_pointer(skb, 0, sizeof(buf), &buf);
		trace_xtcp_drop(net, &tuple, state, th, th ? max_t(int, skb->len - th->doff * 4, 0) : 0, reason);
	}
	kfree_skb_reason(skb, reason);
}

/**
 * xtcp_checks_header() - is the segment for this host, and are its length and checksum right?
 * @xn: the namespace
 * @skb: begins with the TCP header; freed on failure
 *
 * RFC 9293 section 3.1, MUST-3.
 *
 * Context: softirq.
 *
 * Return: true; false when the segment was freed.
 */
__always_inline bool xtcp_checks_header(struct xtcp_net *xn, struct sk_buff *skb)
{
	const struct tcphdr *th;

	if (skb->pkt_type != PACKET_HOST) {
		xtcp_checks_drop(xn->net, skb, TCP_CLOSE, SKB_DROP_REASON_OTHERHOST);
		return false;
	}
	XTCP_INC_STATS(xn, TCP_MIB_INSEGS);
	if (!pskb_may_pull(skb, sizeof(*th)))
		goto too_small;
	th = (const struct tcphdr *)skb->data;
	if (th->doff < sizeof(*th) / 4 || !pskb_may_pull(skb, th->doff * 4))
		goto too_small;
	/*
	 * a checksum is not verified again if the device has verified it, or if this machine has
	 * sent the segment
	 */
	if (!skb_csum_unnecessary(skb) && !xtcp_checksum_ok(skb)) {
		trace_tcp_bad_csum(skb);
		XTCP_INC_STATS(xn, TCP_MIB_CSUMERRORS);
		XTCP_INC_STATS(xn, TCP_MIB_INERRS);
		xtcp_checks_drop(xn->net, skb, TCP_CLOSE, SKB_DROP_REASON_TCP_CSUM);
		return false;
	}
	return true;

too_small:
	XTCP_INC_STATS(xn, TCP_MIB_INERRS);
	xtcp_checks_drop(xn->net, skb, TCP_CLOSE, SKB_DROP_REASON_PKT_TOO_SMALL);
	return false;
}

/**
 * xtcp_checks_hops() - does a segment have as many hops left as the sock demands?
 * @sk: a sock of xtcp or of kernel TCP
 * @skb: the segment; its network header is the IP header
 *
 * This checks IP_MINTTL and IPV6_MINHOPCOUNT.
 *
 * Context: any.
 *
 * Return: true when enough hops are left.
 */
inline bool xtcp_checks_hops(const struct sock *sk, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl);
#if IS_ENABLED(CONFIG_IPV6)
	return ipv6_hdr(skb)->hop_limit >= READ_ONCE(inet6_sk(sk)->min_hopcount);
#else
	return true;
#endif
}

/*
 * Does IPsec policy allow the segment? The policy of @sk decides. If @sk has no policy, or is NULL
 * (for a TIME-WAIT record), the policy of the namespace decides.
 */
static __always_inline bool policy_ok(struct sock *sk, struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return xfrm4_policy_check(sk, XFRM_POLICY_IN, skb);
	return xfrm6_policy_check(sk, XFRM_POLICY_IN, skb);
}

/**
 * xtcp_checks_signature() - verify the signature of a segment
 * @xn: the namespace
 * @sk: the full sock or the listener whose keys count
 * @he: the half-open entry to which the segment belongs, or NULL
 * @skb: the segment; freed on failure
 * @state: the state of the segment's connection, for the tracepoint
 * @l3index: the VRF device by which the segment came; 0: none
 * @signature: its field "counted" is read and updated; NULL: the segment was not counted before
 *
 * RFC 2385, RFC 5925 section 7.5. Not inlined, because hardly any segment has a signature.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true; false when the segment was freed.
 */
noinline bool xtcp_checks_signature(struct xtcp_net *xn, const struct sock *sk, const struct xtcp_request *he,
				    struct sk_buff *skb, int state, int l3index, struct xtcp_signature *signature)
{
	bool counted = signature && signature->counted;
	enum skb_drop_reason reason = xtcp_verify_segment(sk, he, skb, l3index, &counted);

	if (signature)
		signature->counted = counted;
	if (reason)
		xtcp_checks_drop(xn->net, skb, state, reason);
	return !reason;
}

/**
 * xtcp_checks_owner() - check what a sock demands of a segment
 * @xn: the namespace
 * @sk: the full sock or the listener that gets the segment; NULL for a TIME-WAIT record
 * @he: the half-open entry to which the segment belongs, or NULL
 * @skb: the segment; freed on failure
 * @state: the state of the segment's connection, for the tracepoint
 * @dif: the interface by which the segment came, or its VRF device
 * @sdif: the interface that is a port of the VRF device @dif; 0: none
 * @signature: what is known of the segment's signature; NULL: nothing
 *
 * It checks hop limit, IPsec policy, signature and socket filter. The filter may cut the text, so
 * the signature is checked first.
 *
 * The check of the IPsec policy needs the addresses that the segment had before NAT. Only the
 * segment's conntrack entry has these addresses. This function does not release the conntrack
 * entry, because a SYN that reopens a TIME-WAIT record is checked a second time, with the policy of
 * the listener.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true; false when the segment was freed.
 */
__always_inline bool xtcp_checks_owner(struct xtcp_net *xn, struct sock *sk, const struct xtcp_request *he,
				       struct sk_buff *skb, int state, int dif, int sdif,
				       struct xtcp_signature *signature)
{
	if (sk && !xtcp_checks_hops(sk, skb)) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMINTTLDROP);
		xtcp_checks_drop(xn->net, skb, state, SKB_DROP_REASON_NOT_SPECIFIED);
		return false;
	}
	if (!policy_ok(sk, skb)) {
		xtcp_checks_drop(xn->net, skb, state, SKB_DROP_REASON_XFRM_POLICY);
		return false;
	}
	if (sk && xtcp_verify_is_due(sk, skb) && !(signature && signature->verified) &&
	    !xtcp_checks_signature(xn, sk, he, skb, state, sdif ? dif : 0, signature))
		return false;
	if (sk && xtcp_compat_filter(sk, skb, tcp_hdr(skb)->doff * 4)) {
		xtcp_checks_drop(xn->net, skb, state, SKB_DROP_REASON_SOCKET_FILTER);
		return false;
	}
	return true;
}
