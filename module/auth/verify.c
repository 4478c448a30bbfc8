// SPDX-License-Identifier: GPL-2.0
/*
 * Is an arriving segment signed as its sock, listener or record demands? A segment with a wrong
 * signature is dropped without an answer (RFC 2385 section 2.0, RFC 5925 section 7.5). As in Linux,
 * we also drop a segment that lacks a demanded signature, or whose signature we have no key for.
 *
 * GRO does not merge signed segments: it merges only segments with equal options, and the
 * signatures differ.
 */
#include "auth/verify.h"

#include <crypto/algapi.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "auth/aokeys.h"
#include "auth/aoverify.h"
#include "auth/keys.h"
#include "auth/md5.h"
#include "base/net.h"
#include "base/options.h"
#include "compat.h"
#include "listen/listen.h"
#include "lookup/lookup.h"
#include "sight/mib.h"

static const u8 *digest_in(const struct sk_buff *skb)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	return xtcp_options_find_md5((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN);
}

/* Checks the MD5 digest, and counts a drop. @key: the key for this peer, or NULL. */
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

static enum xtcp_ao_found find_ao(const struct sk_buff *skb, struct xtcp_ao_option *option)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	return xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, option);
}

/* Counts a segment whose TCP-AO option has no MAC, or is not the only signature of the segment. */
static enum skb_drop_reason malformed(struct xtcp_net *xn)
{
	XTCP_NET_INC_STATS(xn, XTCP_MIB_AUTHMALFORMED);
	return XTCP_COMPAT_DROP_AUTH_HDR;
}

/*
 * Checks a segment that has TCP-AO, or that belongs to an entry with TCP-AO. Either all segments of
 * an entry have TCP-AO or none has.
 */
static enum skb_drop_reason judge_ao(const struct sock *sk, const struct xtcp_request *he,
				     const struct xtcp_ao_arrival *in)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (he && he->ao != !!in->option) {
		XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOBAD);
		return XTCP_COMPAT_DROP_AOFAILURE;
	}
	if (!ao) {
		XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOKEYNOTFOUND);
		return XTCP_COMPAT_DROP_AOUNEXPECTED;
	}
	return xtcp_aoverify_sock(sk, ao, he, in);
}

/* As xtcp_verify_segment(). The segment has a signature, or @sk may have keys. */
static noinline enum skb_drop_reason verify_by_keys(const struct sock *sk, const struct xtcp_request *he,
						    struct sk_buff *skb, int l3index, bool *counted)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_ao_option option;
	const enum xtcp_ao_found found = find_ao(skb, &option);
	struct xtcp_tuple tuple;
	const struct xtcp_ao_arrival in = {
		.xn = xn,
		.skb = skb,
		.tuple = &tuple,
		.l3index = l3index,
		.option = found == XTCP_AO_PRESENT ? &option : NULL,
		.counted = counted,
	};
	const struct xtcp_key *key;
	struct xtcp_ao *ao;
	bool of_ao;

	if (found == XTCP_AO_MALFORMED)
		return malformed(xn);
	xtcp_demux_tuple_from_skb(skb, &tuple);
	if (in.option || (he && he->ao))
		return judge_ao(sk, he, &in);
	/* read the pointer once: another thread may add a listener's first key meanwhile */
	ao = xtcp_ao_of(sk);
	of_ao = ao && !he && READ_ONCE(ao->current_key) && READ_ONCE(sk->sk_state) != TCP_LISTEN;
	if (!digest_in(skb) && (of_ao || xtcp_aokeys_demands(ao, &tuple.faddr, l3index)))
		return xtcp_aoverify_missing(xn, ao);
	/* a connection with TCP-AO takes no MD5 digest, even if an MD5 key was added later */
	key = of_ao ? NULL : xtcp_keys_find(sk, &tuple.faddr, l3index);
	return judge(xn, key ? &key->md5 : NULL, &tuple, skb);
}

/**
 * xtcp_verify_segment() - check the signature of a segment
 * @sk: the sock or listener whose keys apply
 * @he: the entry to which the segment belongs, or NULL
 * @skb: begins with the TCP header, whose options are in the linear part; the network header is the
 *	IP header
 * @l3index: ifindex of the VRF by which the segment came; 0: no VRF
 * @counted: points to true if TCPAOGood has counted the segment, now or in an earlier call. If the
 *	sock that gets the segment has ended, the segment is checked again for another sock, but
 *	must not be counted again
 *
 * Context: softirq, RCU read side.
 *
 * Return: SKB_NOT_DROPPED_YET when the signature is right, or when the segment has none and needs
 * none. Otherwise the reason to drop the segment. The drop has been counted, except for the
 * segments that xtcp_aoverify_sock() does not count.
 */
enum skb_drop_reason xtcp_verify_segment(const struct sock *sk, const struct xtcp_request *he, struct sk_buff *skb,
					 int l3index, bool *counted)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	if (likely(!xtcp_seldom_signs(sk) &&
		   !xtcp_options_have_signature((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN)))
		return SKB_NOT_DROPPED_YET;
	return verify_by_keys(sk, he, skb, l3index, counted);
}

/**
 * xtcp_verify_for_record() - check the signature of a segment for a connection without a sock
 * @xn: the namespace
 * @md5: the key of TCP_MD5SIG that the record keeps, or NULL
 * @ao: the TCP-AO that the record keeps, or NULL
 * @skb: as for xtcp_verify_segment()
 *
 * Context: softirq, RCU read side.
 *
 * Return: as xtcp_verify_segment().
 */
enum skb_drop_reason xtcp_verify_for_record(struct xtcp_net *xn, const struct xtcp_md5_key *md5, struct xtcp_ao *ao,
					    struct sk_buff *skb)
{
	struct xtcp_ao_option option;
	const enum xtcp_ao_found found = find_ao(skb, &option);
	struct xtcp_tuple tuple;
	bool counted = false;
	const struct xtcp_ao_arrival in = {
		.xn = xn, .skb = skb, .tuple = &tuple, .option = &option, .counted = &counted,
	};

	xtcp_demux_tuple_from_skb(skb, &tuple);
	if (found == XTCP_AO_MALFORMED)
		return malformed(xn);
	if (!ao)
		return judge(xn, md5, &tuple, skb);
	return found == XTCP_AO_PRESENT ? xtcp_aoverify_record(ao, &in) : xtcp_aoverify_missing(xn, ao);
}
