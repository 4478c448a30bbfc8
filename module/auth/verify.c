// SPDX-License-Identifier: GPL-2.0
/*
 * Is an arriving segment signed as its owner demands? RFC 2385 section 2.0: a segment with a wrong
 * signature is dropped without answer. Linux does the same to one that lacks a signature, and to
 * one that has a signature for which there is no key.
 *
 * GRO merges no segments with signatures: it compares their options, and the digests differ.
 */
#include "auth/verify.h"

#include <crypto/algapi.h>
#include <net/sock.h>

#include "auth/keys.h"
#include "auth/md5.h"
#include "base/net.h"
#include "base/options.h"
#include "base/seg.h"
#include "lookup/demux.h"
#include "sight/mib.h"

static const u8 *digest_in(const struct sk_buff *skb)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	return xtcp_options_find_md5((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN);
}

/* @key: NULL: there is none for this peer. Counts what has to be dropped. */
static enum skb_drop_reason judge(struct xtcp_net *xn, const struct xtcp_md5_key *key, const struct xtcp_tuple *tuple,
				  struct sk_buff *skb)
{
	const u8 *digest = digest_in(skb);
	u8 right[XTCP_MD5_LEN];

	if (!key && !digest)
		return SKB_NOT_DROPPED_YET;
	if (!digest) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMD5NOTFOUND);
		return SKB_DROP_REASON_TCP_MD5NOTFOUND;
	}
	if (!key) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMD5UNEXPECTED);
		return SKB_DROP_REASON_TCP_MD5UNEXPECTED;
	}
	if (!xtcp_md5_digest(key, &tuple->faddr, &tuple->laddr, skb, right) ||
	    crypto_memneq(digest, right, sizeof(right))) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMD5FAILURE);
		return SKB_DROP_REASON_TCP_MD5FAILURE;
	}
	return SKB_NOT_DROPPED_YET;
}

/**
 * xtcp_verify_segment() - check the signature of a segment
 * @sk: the sock or listener whose keys hold
 * @skb: begins with the TCP header, whose options are in the linear part; the network header is the
 *	IP header
 * @l3index: the device of the VRF by which the segment came; 0: none
 *
 * Context: softirq, RCU read side.
 *
 * Return: SKB_NOT_DROPPED_YET when the segment is as it has to be; else the reason to drop it,
 * which is counted.
 */
enum skb_drop_reason xtcp_verify_segment(const struct sock *sk, struct sk_buff *skb, int l3index)
{
	const struct xtcp_key *key;
	struct xtcp_tuple tuple;

	if (likely(!xtcp_seldom(sk) && !digest_in(skb)))
		return SKB_NOT_DROPPED_YET;
	xtcp_demux_tuple_from_skb(skb, &tuple);
	key = xtcp_keys_find(sk, &tuple.faddr, l3index);
	return judge(xtcp_net_of(sk), key ? &key->md5 : NULL, &tuple, skb);
}

/**
 * xtcp_verify_for_record() - check the signature of a segment for a connection without a sock
 * @xn: the namespace
 * @key: the key that the record keeps
 * @skb: as for xtcp_verify_segment()
 *
 * Context: softirq, RCU read side.
 *
 * Return: as xtcp_verify_segment().
 */
enum skb_drop_reason xtcp_verify_for_record(struct xtcp_net *xn, const struct xtcp_md5_key *key, struct sk_buff *skb)
{
	struct xtcp_tuple tuple;

	xtcp_demux_tuple_from_skb(skb, &tuple);
	return judge(xn, key, &tuple, skb);
}

/**
 * xtcp_verify_key() - find the key for the answer to a segment
 * @sk: the sock or listener whose keys hold; it has accepted the signature of the segment
 * @skb: the segment, with xtcp_seg() filled and its IP header in place
 *
 * Context: softirq, RCU read side; or process. Lock: socket, held.
 *
 * Return: the key; NULL: the answer has no signature.
 */
const struct xtcp_md5_key *xtcp_verify_key(const struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	const struct xtcp_key *key;
	struct xtcp_tuple tuple;

	if (likely(!xtcp_seldom(sk)))
		return NULL;
	xtcp_demux_tuple_from_skb(skb, &tuple);
	key = xtcp_keys_find(sk, &tuple.faddr, seg->sdif ? seg->dif : 0);
	return key ? &key->md5 : NULL;
}
