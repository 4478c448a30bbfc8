// SPDX-License-Identifier: GPL-2.0
/*
 * Is an arriving segment signed as its sock, listener or record demands? One with a wrong signature
 * is dropped without an answer (RFC 2385 section 2.0, RFC 5925 section 7.5); as in Linux, so is one
 * that lacks a demanded signature, or whose signature we have no key for. GRO does not merge signed
 * segments: their options differ. A segment is checked when it arrives, without the socket lock.
 *
 * The traffic key of TCP-AO depends on both ISNs. A connection has derived its keys from them. When
 * a SYN arrives, only the peer's exists, and ours counts as 0. If no entry was kept (SYN cookies),
 * the ACK that completes the handshake shows both.
 *
 * Also finds the key that signs a segment: of TCP_MD5SIG, or of TCP-AO with traffic key, SNE and
 * RNextKeyID. A connection signs with its Current_key; as in Linux, an answer of reply.c with the
 * key that the answered segment asks for (RNextKeyID).
 */
#include "auth/auth.h"

#include <crypto/algapi.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/l3mdev.h>

#include "base/sender.h"
#include "listen/listen.h"

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
 * asks, or -1. Return: false without Current_key or RNext_key; a synchronized connection has both.
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
 * Context: softirq, RCU read side; or process. Lock: socket, held, if @sk is a connection.
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
	if (likely(!xtcp_cold_signs(sk)))
		return !(he && he->ao);
	ao = xtcp_ao_of(sk);
	l3index = seg->sdif ? seg->dif : 0;
	xtcp_demux_tuple_from_skb(skb, &tuple);
	/* @ao may be NULL: handover.c may have moved the entry here from a listener that had the key */
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
 * Context: softirq or process, RCU read side.
 * Return: false when the SYN has TCP-AO, but the key for which the SYN asks is gone.
 */
bool xtcp_signer_of_synack(struct xtcp_signer *signer, const struct sock *lsk, const struct xtcp_request *he,
			   u8 keyid, u8 rnext)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	const struct xtcp_ao *ao = xtcp_ao_of(lsk);
	int l3index;

	*signer = (struct xtcp_signer) {};
	if (likely(!xtcp_cold_signs(lsk)))
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

/* Finds the key that signs a segment of a connection. Return: as xtcp_signer_room_find(). */
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

/* Finds the key that signs an answer of a TIME-WAIT record to @skb. RCU read side. */
void xtcp_signer_of_record(struct xtcp_signer *signer, const struct xtcp_ao *ao, const struct sk_buff *skb)
{
	struct xtcp_ao_option option;
	const bool asks = option_of(skb, &option) == XTCP_AO_PRESENT;

	*signer = (struct xtcp_signer) {};
	sign_by_conn(signer, ao, asks ? option.rnext : -1);
}

/* Sets the MD5 or TCP-AO fields, so that xtcp_options_write() leaves room for the signature. */
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
 * xtcp_signer_sign() - sign a segment; if the algorithm fails, the peer drops it
 * @signer: the key; xtcp_signer_fill_options() has set the options
 * @tuple: the addresses and ports of the segment
 * @skb: begins with its TCP header, complete except for the checksum
 * Context: any but hard interrupt.
 */
void xtcp_signer_sign(const struct xtcp_signer *signer, const struct xtcp_tuple *tuple, struct sk_buff *skb)
{
	if (signer->md5)
		xtcp_md5_digest(signer->md5, &tuple->laddr, &tuple->faddr, skb,
				skb->data + XTCP_HDR_LEN + XTCP_OPTIONS_MD5_AT);
	else if (signer->mkt)
		sign_by_ao(signer, tuple, skb);
}

/* A multiple of four. With several keys of TCP-AO the longest MAC counts: the peer may ask for any. Socket lock. */
u32 xtcp_signer_room_find(const struct sock *sk)
{
	const struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (ao && ao->current_key)
		return ao->room;
	return xtcp_keys_of(sk) ? XTCP_OPTLEN_MD5_ALIGNED : 0;
}

/* The same for a segment of an entry, whose tuple, device and @ao are set. RCU read side. */
u32 xtcp_signer_room_find_for(const struct sock *lsk, const struct xtcp_request *he)
{
	if (he->ao)
		return xtcp_aokeys_room_for(xtcp_ao_of(lsk), sock_net(lsk), &he->conn);
	return xtcp_keys_for(lsk, &he->conn) ? XTCP_OPTLEN_MD5_ALIGNED : 0;
}

/* A segment with TCP-AO. */
struct xtcp_ao_arrival {
	struct xtcp_net *xn;			/* the namespace */
	struct sk_buff *skb;	/* the segment; begins with the TCP header, and the network header is the IP header */
	const struct xtcp_tuple *tuple;		/* addresses and ports of the segment; the local ones are ours */
	int l3index;	/* ifindex of the VRF by which the segment came; 0: no VRF */
	const struct xtcp_ao_option *option;	/* the TCP-AO option of the segment */
	bool *counted;	/* points to true once TCPAOGood has counted the segment (xtcp_verify_segment()) */
};

static enum skb_drop_reason key_not_found(struct xtcp_ao *ao, const struct xtcp_ao_arrival *in)
{
	XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOKEYNOTFOUND);
	atomic64_inc(&ao->key_not_found);
	return SKB_DROP_REASON_TCP_AOKEYNOTFOUND;
}

static enum skb_drop_reason wrong_mac(struct xtcp_ao *ao, struct xtcp_ao_key *key, const struct xtcp_ao_arrival *in)
{
	XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOBAD);
	atomic64_inc(&ao->bad);
	atomic64_inc(&key->bad);
	return SKB_DROP_REASON_TCP_AOFAILURE;
}

/* Compares the MAC, and counts the segment as good or bad. */
static noinline_for_stack enum skb_drop_reason compare_mac(struct xtcp_ao *ao, struct xtcp_ao_key *key,
							   const u8 *traffic, u32 sne,
							   const struct xtcp_ao_arrival *in)
{
	const struct xtcp_tuple *tuple = in->tuple;
	u8 right[XTCP_AO_MAC_MAX];

	if (in->option->maclen != key->maclen ||
	    !xtcp_ao_mac(key, traffic, &tuple->faddr, &tuple->laddr, sne, in->skb,
			 in->option->mac - XTCP_OPTLEN_AO_BASE, right) ||
	    crypto_memneq(in->option->mac, right, key->maclen))
		return wrong_mac(ao, key, in);
	/* TCPAOGood counts each segment once; those of the sock and of the key count every check of it */
	if (!*in->counted)
		XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOGOOD);
	*in->counted = true;
	atomic64_inc(&ao->good);
	atomic64_inc(&key->good);
	return SKB_NOT_DROPPED_YET;
}

/* As compare_mac(), with a traffic key that is derived from @isns. */
static noinline_for_stack enum skb_drop_reason compare_by_isns(struct xtcp_ao *ao, struct xtcp_ao_key *key,
							       const struct xtcp_ao_isns *isns,
							       const struct xtcp_ao_arrival *in)
{
	const struct tcphdr *th = (const struct tcphdr *)in->skb->data;
	const u32 sne = xtcp_ao_extend(isns->peers, ntohl(th->seq)) >> 32;
	u8 traffic[XTCP_AO_DIGEST_MAX] __aligned(8);
	enum skb_drop_reason reason;

	xtcp_ao_traffic_key(key, in->tuple, isns, false, traffic);
	reason = compare_mac(ao, key, traffic, sne, in);
	memzero_explicit(traffic, sizeof(traffic));
	return reason;
}

/* The peer asks for the key with @sndid. connect() may remove it later, but first waits for all segments. */
static void choose_asked(struct xtcp_ao *ao, u8 sndid)
{
	const struct xtcp_ao_key *current_key = READ_ONCE(ao->current_key);
	struct xtcp_ao_key *asked;

	if (!current_key || current_key->sndid == sndid)
		return;
	asked = xtcp_aokeys_by_id(ao, sndid, XTCP_AO_ANY_ID);
	if (asked)
		xtcp_aokeys_choose(ao, asked, NULL);
}

/*
 * Checks a segment of a connection whose ISNs are both known. If it acknowledges less than @una,
 * SND.UNA, a later one has overtaken it, or somebody who has seen it has sent it again: its MAC is
 * right, too. So it chooses no key: the peer may have removed the one for which it once asked, and
 * would drop all that we sign by it. With nothing to send, it would never ask for another one.
 */
static enum skb_drop_reason verify_synchronized(struct xtcp_ao *ao, const struct xtcp_ao_arrival *in, u32 una)
{
	const struct tcphdr *th = (const struct tcphdr *)in->skb->data;
	const struct xtcp_ao_isns of_syn = { .peers = ntohl(th->seq) };
	s64 basis = atomic64_read(&ao->rcv_basis);
	const s64 at = xtcp_ao_extend(basis, ntohl(th->seq));
	struct xtcp_ao_key *key;
	enum skb_drop_reason reason;

	key = xtcp_aokeys_by_id(ao, XTCP_AO_ANY_ID, in->option->keyid);
	if (!key)
		return key_not_found(ao, in);
	/* the traffic key of a SYN is derived from the SYN's own ISN alone */
	if (th->syn && !th->ack)
		return compare_by_isns(ao, key, &of_syn, in);
	reason = compare_mac(ao, key, xtcp_ao_traffic_of(key, false), at >> 32, in);
	if (reason)
		return reason;
	/* another processor may have stored a later number by now: never move rcv_basis back */
	while (at > basis && !atomic64_try_cmpxchg(&ao->rcv_basis, &basis, at))
		;
	if (!th->ack || !xtcp_seq_lt(ntohl(th->ack_seq), una))
		choose_asked(ao, in->option->rnext);
	return SKB_NOT_DROPPED_YET;
}

/*
 * Finds the ISNs from which the traffic key of a segment is derived. The segment is for a listener,
 * an entry, or a sock without traffic keys. Return: false when the ISNs cannot be known.
 */
static bool find_isns(const struct sock *sk, const struct xtcp_request *he, const struct tcphdr *th,
		      struct xtcp_ao_isns *isns)
{
	const u32 seq = ntohl(th->seq), ack = ntohl(th->ack_seq);

	*isns = (struct xtcp_ao_isns) { .peers = seq };
	if (th->syn && !th->ack)
		return true;
	if (he) {
		isns->ours = he->iss;
		isns->peers = he->irs;
		return true;
	}
	if ((1 << READ_ONCE(sk->sk_state)) & (TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		isns->ours = READ_ONCE(xtcp_sender(sk)->snd.iss);
		return th->syn || th->rst;
	}
	/* the ACK that completes a handshake of which no entry was kept */
	isns->ours = ack - 1;
	isns->peers = seq - 1;
	return th->ack && !th->syn;
}

/* Counts a segment that lacks the MAC that @ao demands. */
static enum skb_drop_reason mac_missing(struct xtcp_net *xn, struct xtcp_ao *ao)
{
	XTCP_NET_INC_STATS(xn, XTCP_MIB_AOREQUIRED);
	atomic64_inc(&ao->ao_required);
	return SKB_DROP_REASON_TCP_AONOTFOUND;
}

/*
 * Checks the MAC of a segment for a sock, a listener or an entry (@he). The drop has been counted,
 * except when a listener gets both SYN and ACK, or neither. RCU read side.
 */
static enum skb_drop_reason verify_mac(const struct sock *sk, struct xtcp_ao *ao, const struct xtcp_request *he,
				       const struct xtcp_ao_arrival *in)
{
	const struct tcphdr *th = (const struct tcphdr *)in->skb->data;
	struct xtcp_ao_isns isns;
	struct xtcp_ao_key *key;

	/* smp_load_acquire() pairs with smp_store_release() in aokeys.c. A listener has no traffic keys */
	if (!he && smp_load_acquire(&ao->synchronized) && READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return verify_synchronized(ao, in, READ_ONCE(xtcp_sender(sk)->snd.una));
	key = xtcp_aokeys_find(ao, &in->tuple->faddr, in->l3index, XTCP_AO_ANY_ID, in->option->keyid);
	if (!key)
		return key_not_found(ao, in);
	if (find_isns(sk, he, th, &isns))
		return compare_by_isns(ao, key, &isns, in);
	/*
	 * the ISNs are unknown. A listener drops such a segment because of its flags. In SYN-SENT
	 * only a SYN or RST shows the peer's ISN, so the MAC of others counts as wrong
	 */
	return READ_ONCE(sk->sk_state) == TCP_LISTEN ? SKB_DROP_REASON_TCP_FLAGS : wrong_mac(ao, key, in);
}

/**
 * xtcp_aoverify_ignores_icmp_for() - does a synchronized connection ignore an ICMP error?
 * @xn: the namespace
 * @ao: the TCP-AO of the sock or record
 * @v4: true: an ICMP error; false: an ICMPv6 error
 * @type: ICMP_* or ICMPV6_*, the type of the error
 * @code: the code of the error
 *
 * RFC 5925 section 7.8: Destination Unreachable with the codes 2 to 4 of ICMP, or 1 and 4 of
 * ICMPv6. It is counted here.
 * Context: softirq, RCU read side.
 */
bool xtcp_aoverify_ignores_icmp_for(struct xtcp_net *xn, struct xtcp_ao *ao, bool v4, u8 type, u8 code)
{
	if (READ_ONCE(ao->accept_icmps))
		return false;
	if (v4 && (type != ICMP_DEST_UNREACH || code < ICMP_PROT_UNREACH || code > ICMP_FRAG_NEEDED))
		return false;
	if (!v4 && (type != ICMPV6_DEST_UNREACH || (code != ICMPV6_ADM_PROHIBITED && code != ICMPV6_PORT_UNREACH)))
		return false;
	XTCP_NET_INC_STATS(xn, XTCP_MIB_AODROPPEDICMPS);
	atomic64_inc(&ao->dropped_icmps);
	return true;
}

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

/* Counts a segment whose TCP-AO option has no MAC, or is not the only signature of the segment. */
static enum skb_drop_reason malformed(struct xtcp_net *xn)
{
	XTCP_NET_INC_STATS(xn, XTCP_MIB_AUTHMALFORMED);
	return SKB_DROP_REASON_TCP_AUTH_HDR;
}

/* For a segment with TCP-AO, or to an entry with it. All segments of an entry have TCP-AO, or none has. */
static enum skb_drop_reason judge_ao(const struct sock *sk, const struct xtcp_request *he,
				     const struct xtcp_ao_arrival *in)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (he && he->ao != !!in->option) {
		XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOBAD);
		return SKB_DROP_REASON_TCP_AOFAILURE;
	}
	if (!ao) {
		XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOKEYNOTFOUND);
		return SKB_DROP_REASON_TCP_AOUNEXPECTED;
	}
	return verify_mac(sk, ao, he, in);
}

/* As xtcp_verify_segment(). The segment has a signature, or @sk may have keys. */
static noinline enum skb_drop_reason verify_by_keys(const struct sock *sk, const struct xtcp_request *he,
						    struct sk_buff *skb, int l3index, bool *counted)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_ao_option option;
	const enum xtcp_ao_found found = option_of(skb, &option);
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
		return mac_missing(xn, ao);
	/* a connection with TCP-AO takes no MD5 digest, even if an MD5 key was added later */
	key = of_ao ? NULL : xtcp_keys_find(sk, &tuple.faddr, l3index);
	return judge(xn, key ? &key->md5 : NULL, &tuple, skb);
}

/**
 * xtcp_verify_segment() - check the signature of a segment
 * @sk: the sock or listener whose keys apply
 * @he: the entry to which the segment belongs, or NULL
 * @skb: begins with the TCP header, whose options are in the linear part, behind the IP header
 * @l3index: ifindex of the VRF by which the segment came; 0: no VRF
 * @counted: points to true if TCPAOGood has counted the segment. If the sock that gets it has
 *	ended, it is checked again for another sock, but must not be counted again
 * Context: softirq, RCU read side.
 * Return: SKB_NOT_DROPPED_YET when the signature is right, or when there is none and none is
 * needed; otherwise the reason to drop it, counted as verify_mac() says.
 */
enum skb_drop_reason xtcp_verify_segment(const struct sock *sk, const struct xtcp_request *he, struct sk_buff *skb,
					 int l3index, bool *counted)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	if (likely(!xtcp_cold_signs(sk) &&
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
 * Context: softirq, RCU read side.
 * Return: as xtcp_verify_segment().
 */
enum skb_drop_reason xtcp_verify_for_record(struct xtcp_net *xn, const struct xtcp_md5_key *md5, struct xtcp_ao *ao,
					    struct sk_buff *skb)
{
	struct xtcp_ao_option option;
	const enum xtcp_ao_found found = option_of(skb, &option);
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
	return found == XTCP_AO_PRESENT ? verify_synchronized(ao, &in, (u32)ao->snd_basis) : mac_missing(xn, ao);
}
