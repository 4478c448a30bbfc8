// SPDX-License-Identifier: GPL-2.0
/*
 * Is the MAC of an arriving segment right (RFC 5925 section 7.5)? A segment with a wrong MAC is
 * dropped without an answer.
 *
 * The traffic key depends on both ISNs. A connection knows both, and has derived its traffic keys.
 * When a SYN arrives, only the peer's ISN exists, and ours counts as 0. If no entry was kept (SYN
 * cookies), the ACK that completes the handshake shows both ISNs. The functions of this file run
 * when the segment arrives, without the socket lock.
 */
#include "auth/aoverify.h"

#include <crypto/algapi.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "auth/aokeys.h"
#include "base/net.h"
#include "base/options.h"
#include "base/sender.h"
#include "base/seq.h"
#include "compat.h"
#include "listen/listen.h"
#include "sight/mib.h"

static enum skb_drop_reason key_not_found(struct xtcp_ao *ao, const struct xtcp_ao_arrival *in)
{
	XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOKEYNOTFOUND);
	atomic64_inc(&ao->key_not_found);
	return XTCP_COMPAT_DROP_AOKEYNOTFOUND;
}

static enum skb_drop_reason wrong_mac(struct xtcp_ao *ao, struct xtcp_ao_key *key, const struct xtcp_ao_arrival *in)
{
	XTCP_NET_INC_STATS(in->xn, XTCP_MIB_AOBAD);
	atomic64_inc(&ao->bad);
	atomic64_inc(&key->bad);
	return XTCP_COMPAT_DROP_AOFAILURE;
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
	/*
	 * TCPAOGood counts each segment once; the counters of the sock and of the key count every
	 * check of the segment
	 */
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

/*
 * Sets the Current_key to the key with @sndid, which the peer asks for. A synchronized connection
 * always has a Current_key, so the test for NULL is only a precaution. A later connect() of the
 * sock may remove this Current_key, but first waits until no processor checks a segment of the
 * connection.
 */
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
 * Checks a segment of a connection whose ISNs are both known. @una: SND.UNA.
 *
 * If a segment acknowledges less than @una, a later segment has overtaken it, or somebody who has
 * seen it has sent it again: its MAC is right, too. So it does not choose a key. The peer may have
 * removed the key for which it once asked, and would drop all that we sign by that key. If it had
 * nothing to send, it would never ask for another one.
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

/**
 * xtcp_aoverify_missing() - count a segment that lacks a MAC
 * @xn: the namespace
 * @ao: the TCP-AO that demands a MAC
 *
 * Context: softirq, RCU read side.
 *
 * Return: the reason to drop the segment.
 */
enum skb_drop_reason xtcp_aoverify_missing(struct xtcp_net *xn, struct xtcp_ao *ao)
{
	XTCP_NET_INC_STATS(xn, XTCP_MIB_AOREQUIRED);
	atomic64_inc(&ao->ao_required);
	return XTCP_COMPAT_DROP_AONOTFOUND;
}

/**
 * xtcp_aoverify_sock() - check the MAC of a segment for a sock, a listener or an entry
 * @sk: the sock or listener whose keys apply
 * @ao: its TCP-AO
 * @he: the entry, or NULL
 * @in: the segment
 *
 * Context: softirq, RCU read side.
 *
 * Return: SKB_NOT_DROPPED_YET when the MAC is right. Otherwise the reason to drop the segment. The
 * drop has been counted, except when a listener gets a segment with both SYN and ACK, or with
 * neither of them.
 */
enum skb_drop_reason xtcp_aoverify_sock(const struct sock *sk, struct xtcp_ao *ao, const struct xtcp_request *he,
					const struct xtcp_ao_arrival *in)
{
	const struct tcphdr *th = (const struct tcphdr *)in->skb->data;
	struct xtcp_ao_isns isns;
	struct xtcp_ao_key *key;

	/*
	 * smp_load_acquire() pairs with smp_store_release() in aoconn.c. A listener has no traffic
	 * keys
	 */
	if (!he && smp_load_acquire(&ao->synchronized) && READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return verify_synchronized(ao, in, READ_ONCE(xtcp_sender(sk)->snd.una));
	key = xtcp_aokeys_find(ao, &in->tuple->faddr, in->l3index, XTCP_AO_ANY_ID, in->option->keyid);
	if (!key)
		return key_not_found(ao, in);
	if (find_isns(sk, he, th, &isns))
		return compare_by_isns(ao, key, &isns, in);
	/*
	 * the ISNs are unknown. A listener takes only a SYN without ACK, or an ACK without SYN, and
	 * drops any other segment because of its flags. In SYN-SENT, only a SYN or RST shows the
	 * peer's ISN, so the MAC of any other segment counts as wrong
	 */
	return READ_ONCE(sk->sk_state) == TCP_LISTEN ? SKB_DROP_REASON_TCP_FLAGS : wrong_mac(ao, key, in);
}

/**
 * xtcp_aoverify_record() - check the MAC of a segment for a record
 * @ao: the TCP-AO of the record
 * @in: the segment
 *
 * Context: softirq, RCU read side.
 *
 * Return: as xtcp_aoverify_sock().
 */
enum skb_drop_reason xtcp_aoverify_record(struct xtcp_ao *ao, const struct xtcp_ao_arrival *in)
{
	return verify_synchronized(ao, in, (u32)ao->snd_basis);
}

/**
 * xtcp_aoverify_ignores_icmp_for() - does a synchronized connection ignore an ICMP error?
 * @xn: the namespace
 * @ao: the TCP-AO of the sock or record
 * @v4: true: an ICMP error; false: an ICMPv6 error
 * @type: ICMP_* or ICMPV6_*, the type of the error
 * @code: the code of the error
 *
 * RFC 5925 section 7.8: the connection ignores Destination Unreachable with the codes 2 to 4 of
 * ICMP, or 1 and 4 of ICMPv6.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the error has to be ignored. This function has counted the ignored error.
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

/**
 * xtcp_aoverify_ignores_icmp() - does a sock ignore an ICMP error because of TCP-AO?
 * @sk: the sock whose segment has caused the error
 * @v4: true: an ICMP error; false: an ICMPv6 error
 * @type: ICMP_* or ICMPV6_*, the type of the error
 * @code: the code of the error
 *
 * Only a sock whose handshake is complete ignores errors (RFC 5925 section 7.8).
 *
 * Context: softirq, RCU read side.
 *
 * Return: as xtcp_aoverify_ignores_icmp_for().
 */
bool xtcp_aoverify_ignores_icmp(const struct sock *sk, bool v4, u8 type, u8 code)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (likely(!ao) || !READ_ONCE(ao->current_key))
		return false;
	if ((1 << READ_ONCE(sk->sk_state)) & (TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_LISTEN))
		return false;
	return xtcp_aoverify_ignores_icmp_for(xtcp_net_of(sk), ao, v4, type, code);
}
