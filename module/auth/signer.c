// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the key that signs a segment: a key of TCP_MD5SIG, or a key of TCP-AO with the traffic key,
 * the SNE and the RNextKeyID that fit the segment.
 *
 * A connection signs with its Current_key. As in Linux, an answer of reply.c is signed with the key
 * that the answered segment asks for (RNextKeyID).
 */
#include "auth/signer.h"

#include <net/l3mdev.h>
#include <net/sock.h>

#include "auth/aokeys.h"
#include "auth/keys.h"
#include "auth/md5.h"
#include "base/options.h"
#include "base/seg.h"
#include "base/sender.h"
#include "base/wire.h"
#include "listen/listen.h"
#include "lookup/lookup.h"

static enum xtcp_ao_found option_of(const struct sk_buff *skb, struct xtcp_ao_option *option)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	return xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, option);
}

static bool sign_by_md5(struct xtcp_signer *signer, const struct sock *sk, const struct in6_addr *peer, int l3index)
{
	const struct xtcp_key *key = xtcp_keys_find(sk, peer, l3index);

	signer->md5 = key ? &key->md5 : NULL;
	return true;
}

/*
 * Fills @signer with a traffic key of a connection. @sndid: KeyID of the key for which the peer
 * asks; -1: the peer has asked for no key. Return: false when @ao has no Current_key or no
 * RNext_key. A synchronized connection has both.
 */
static bool sign_by_conn(struct xtcp_signer *signer, const struct xtcp_ao *ao, int sndid)
{
	struct xtcp_ao_key *current_key = READ_ONCE(ao->current_key), *rnext_key = READ_ONCE(ao->rnext_key);
	struct xtcp_ao_key *asked = NULL;

	if (!current_key || !rnext_key)
		return false;
	if (sndid >= 0)
		asked = xtcp_aokeys_by_id(ao, sndid, XTCP_AO_ANY_ID);
	signer->mkt = asked ?: current_key;
	signer->traffic = xtcp_ao_traffic_of(asked ?: current_key, true);
	signer->basis = ao->snd_basis;
	signer->rnext = rnext_key->rcvid;
	return true;
}

/*
 * Finds the key that signs a listener's answer to a segment. If @he is NULL, we assume that the
 * segment is the ACK that completes a handshake, and compute both ISNs from its sequence numbers.
 */
static bool sign_for_listener(struct xtcp_signer *signer, const struct sock *lsk, const struct xtcp_request *he,
			      const struct xtcp_seg *seg, const struct in6_addr *peer, int l3index,
			      const struct xtcp_ao_option *option)
{
	signer->mkt = xtcp_aokeys_find(xtcp_ao_of(lsk), peer, l3index, option->rnext, XTCP_AO_ANY_ID);
	signer->isns.ours = he ? he->iss : seg->ack - 1;
	signer->isns.peers = he ? he->irs : seg->seq - 1;
	signer->basis = signer->isns.ours;
	signer->rnext = option->keyid;
	return signer->mkt;
}

/**
 * xtcp_signer_of_answer() - find the key that signs the answer to a segment
 * @signer: filled in
 * @sk: the sock or listener whose keys sign; the signature of the segment was verified
 * @he: the entry to which the segment belongs, or NULL
 * @skb: the segment, with xtcp_seg() filled and its IP header in place
 *
 * Context: softirq, RCU read side; or process. Lock: socket, held, if @sk is a connection.
 *
 * Return: false when TCP-AO has to sign the answer, but the keys are gone.
 */
bool xtcp_signer_of_answer(struct xtcp_signer *signer, const struct sock *sk, const struct xtcp_request *he,
			   const struct sk_buff *skb)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	struct xtcp_ao_option option;
	struct xtcp_tuple tuple;
	const struct xtcp_ao *ao;
	int l3index;

	*signer = (struct xtcp_signer) {};
	if (likely(!xtcp_seldom_signs(sk)))
		return !(he && he->ao);
	ao = xtcp_ao_of(sk);
	l3index = seg->sdif ? seg->dif : 0;
	xtcp_demux_tuple_from_skb(skb, &tuple);
	/* @ao may be NULL: estate.c may have moved the entry here from a listener that had the key */
	if (!ao || option_of(skb, &option) != XTCP_AO_PRESENT)
		return !(he && he->ao) && sign_by_md5(signer, sk, &tuple.faddr, l3index);
	if (he || READ_ONCE(sk->sk_state) == TCP_LISTEN || !ao->current_key)
		return sign_for_listener(signer, sk, he, seg, &tuple.faddr, l3index, &option);
	if (ao->synchronized)
		return sign_by_conn(signer, ao, option.rnext);
	/* in SYN-SENT: the sequence number of a segment with SYN is the peer's ISN */
	signer->mkt = xtcp_aokeys_by_id(ao, option.rnext, XTCP_AO_ANY_ID);
	signer->isns.ours = xtcp_sender(sk)->snd.iss;
	signer->isns.peers = seg->seq;
	signer->basis = signer->isns.ours;
	signer->rnext = option.keyid;
	return signer->mkt;
}

/**
 * xtcp_signer_of_synack() - find the key that signs the SYN-ACK, or an ACK, of an entry
 * @signer: filled in
 * @lsk: the listener
 * @he: the entry
 * @keyid: the KeyID of a SYN with TCP-AO
 * @rnext: the RNextKeyID of a SYN with TCP-AO; the peer asks for this key
 *
 * Context: softirq or process, RCU read side.
 *
 * Return: false when the SYN has TCP-AO, but the key for which the SYN asks is gone.
 */
bool xtcp_signer_of_synack(struct xtcp_signer *signer, const struct sock *lsk, const struct xtcp_request *he,
			   u8 keyid, u8 rnext)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	const struct xtcp_ao *ao = xtcp_ao_of(lsk);
	int l3index;

	*signer = (struct xtcp_signer) {};
	if (likely(!xtcp_seldom_signs(lsk)))
		return !he->ao;
	l3index = l3mdev_master_ifindex_by_index(sock_net(lsk), he->conn.bound_dev_if);
	if (!he->ao)
		return sign_by_md5(signer, lsk, &tuple.faddr, l3index);
	signer->mkt = ao ? xtcp_aokeys_find(ao, &tuple.faddr, l3index, rnext, XTCP_AO_ANY_ID) : NULL;
	signer->isns.ours = he->iss;
	signer->isns.peers = he->irs;
	signer->basis = he->iss;
	signer->rnext = keyid;
	return signer->mkt;
}

/**
 * xtcp_signer_find() - find the key that signs a segment of a connection
 * @signer: filled in
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: as xtcp_signer_room_find().
 */
u32 xtcp_signer_find(struct xtcp_signer *signer, struct sock *sk)
{
	const struct xtcp_sender *xsk = xtcp_sender(sk);
	struct xtcp_ao *ao = xtcp_ao_of(sk);
	const struct xtcp_key *key;

	sock_owned_by_me(sk);
	*signer = (struct xtcp_signer) {};
	if (!ao || !ao->current_key) {
		key = xtcp_keys_of(sk);
		signer->md5 = key ? &key->md5 : NULL;
		return key ? XTCP_OPTLEN_MD5_ALIGNED : 0;
	}
	if (ao->synchronized) {
		ao->snd_basis = xtcp_ao_extend(ao->snd_basis, xsk->snd.una);
		sign_by_conn(signer, ao, -1);
		return ao->room;
	}
	/* a SYN: the peer's ISN is not known yet and counts as 0 (RFC 5925 section 5.2) */
	signer->mkt = ao->current_key;
	signer->isns.ours = xsk->snd.iss;
	signer->basis = xsk->snd.iss;
	signer->rnext = ao->rnext_key->rcvid;
	return ao->room;
}

/**
 * xtcp_signer_of_record() - find the key that signs an answer of a TIME-WAIT record
 * @signer: filled in
 * @ao: the TCP-AO of the record
 * @skb: the segment that is answered
 *
 * Context: softirq, RCU read side.
 */
void xtcp_signer_of_record(struct xtcp_signer *signer, const struct xtcp_ao *ao, const struct sk_buff *skb)
{
	struct xtcp_ao_option option;
	const bool asks = option_of(skb, &option) == XTCP_AO_PRESENT;

	*signer = (struct xtcp_signer) {};
	sign_by_conn(signer, ao, asks ? option.rnext : -1);
}

/**
 * xtcp_signer_fill_options() - set the MD5 or TCP-AO fields of the options
 * @signer: the key that signs the segment; without a key no signature is added
 * @opts: the options of the segment. The fields make xtcp_options_write() leave room for the
 *	signature
 *
 * Context: any.
 */
void xtcp_signer_fill_options(const struct xtcp_signer *signer, struct xtcp_options *opts)
{
	opts->has_md5 = !!signer->md5;
	if (!signer->mkt)
		return;
	opts->ao_maclen = signer->mkt->maclen;
	opts->ao_keyid = signer->mkt->sndid;
	opts->ao_rnext = signer->rnext;
}

static noinline_for_stack void sign_by_ao(const struct xtcp_signer *signer, const struct xtcp_tuple *tuple,
					  struct sk_buff *skb)
{
	u8 *option = skb->data + XTCP_HDR_LEN, derived[XTCP_AO_DIGEST_MAX] __aligned(8);
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	const u32 sne = xtcp_ao_extend(signer->basis, ntohl(th->seq)) >> 32;
	const u8 *traffic = signer->traffic ?: derived;

	if (!signer->traffic)
		xtcp_ao_traffic_key(signer->mkt, tuple, &signer->isns, true, derived);
	xtcp_ao_mac(signer->mkt, traffic, &tuple->laddr, &tuple->faddr, sne, skb, option,
		    option + XTCP_OPTIONS_AO_MAC_AT);
	if (!signer->traffic)
		memzero_explicit(derived, sizeof(derived));
}

/**
 * xtcp_signer_sign() - sign a segment
 * @signer: the key; xtcp_signer_fill_options() has set the options
 * @tuple: the addresses and ports of the segment
 * @skb: begins with its TCP header, complete except for the checksum
 *
 * If the algorithm fails, the peer drops the segment.
 *
 * Context: any but hard interrupt.
 */
void xtcp_signer_sign(const struct xtcp_signer *signer, const struct xtcp_tuple *tuple, struct sk_buff *skb)
{
	if (signer->md5)
		xtcp_md5_sign(signer->md5, &tuple->laddr, &tuple->faddr, skb);
	else if (signer->mkt)
		sign_by_ao(signer, tuple, skb);
}

/**
 * xtcp_signer_is_due() - must the segments between a listener and this peer be signed?
 * @lsk: the listener
 * @peer: the peer's address; IPv4 as v4-mapped
 * @l3index: ifindex of the peer's VRF, 0: no VRF
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when there is a key for this peer, or TCP_AO_INFO demands a MAC from all peers.
 */
bool xtcp_signer_is_due(const struct sock *lsk, const struct in6_addr *peer, int l3index)
{
	if (likely(!xtcp_seldom_signs(lsk)))
		return false;
	return xtcp_keys_find(lsk, peer, l3index) || xtcp_aokeys_demands(xtcp_ao_of(lsk), peer, l3index);
}

/**
 * xtcp_signer_room_find() - find how many octets a signature takes in a segment of a connection
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, a multiple of four. With several keys of TCP-AO the longest MAC counts, since the
 * peer may ask for any of them at any time.
 */
u32 xtcp_signer_room_find(const struct sock *sk)
{
	const struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (ao && ao->current_key)
		return ao->room;
	return xtcp_keys_of(sk) ? XTCP_OPTLEN_MD5_ALIGNED : 0;
}

/**
 * xtcp_signer_room_find_for() - find how many octets a signature takes in a segment of an entry
 * @lsk: the listener
 * @he: the request of the entry; its tuple, its device and @ao are set
 *
 * Context: softirq, RCU read side.
 *
 * Return: octets, a multiple of four. If the peer of the entry has several keys of TCP-AO, the key
 * with the longest MAC counts.
 */
u32 xtcp_signer_room_find_for(const struct sock *lsk, const struct xtcp_request *he)
{
	if (he->ao)
		return xtcp_aokeys_room_for(xtcp_ao_of(lsk), sock_net(lsk), &he->conn);
	return xtcp_keys_for(lsk, &he->conn) ? XTCP_OPTLEN_MD5_ALIGNED : 0;
}
