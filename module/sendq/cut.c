// SPDX-License-Identifier: GPL-2.0
/*
 * Cuts and joins skbs of the send queue ("segmentation", RFC 9293 section 3.7). An skb is cut in
 * two where a segment or a SACK block ends, and loses its first octets when they are acknowledged.
 * A probe of the path MTU joins several skbs.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "sendq/cut.h"

#include <linux/skbuff.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "base/wire.h"
#include "compat.h"
#include "sendq/sndq.h"
#include "sendq/stamp.h"
#include "sight/mib.h"

/* Before a change of the list of fragments, copy the list if a clone of @skb shares it. */
static int own_fragments(struct sk_buff *skb, gfp_t gfp)
{
	u32 truesize = skb->truesize;
	int err;

	if (!skb_cloned(skb))
		return 0;
	err = pskb_expand_head(skb, 0, 0, gfp);
	skb->truesize = truesize;
	return err;
}

/*
 * May @skb be cut in two? Each cut costs an skb, and a peer can force cuts by its SACK blocks. So
 * sent skbs are not cut any more once the queue takes about twice the memory of the send buffer
 * (CVE-2019-11478). The first and the last sent skb may always be cut; otherwise nothing could be
 * retransmitted.
 */
static bool may_cut(const struct sock *sk, struct sk_buff *skb)
{
	/* unsigned: SO_SNDBUF may be nearly 2^31, so the sum may not fit an int */
	const u32 most = (u32)sk->sk_sndbuf + (u32)(2 * SKB_TRUESIZE(GSO_LEGACY_MAX_SIZE));

	if (!(xtcp_sndcb(skb)->marks & XTCP_SNDQ_SENT))
		return true;
	return (u32)sk->sk_wmem_queued / 2 <= most || skb == xtcp_sndq_first(sk) || skb == xtcp_sndq_last(sk);
}

/**
 * xtcp_cut_split() - cut an skb in two
 * @sk: the sock
 * @skb: on its queue, sent or not
 * @len: how many octets stay in @skb, at least 1. If all octets stay, only the FIN of @skb is cut
 *	off
 * @gfp: flags of the allocation
 *
 * The rest goes to a new skb behind @skb. FIN, PSH and EOR move to the new skb; the other flags and
 * marks are copied.
 *
 * Return: 0; -ENOMEM if there is no memory or there were too many cuts.
 */
int xtcp_cut_split(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb), *restcb;
	u32 moved = skb->data_len;
	struct sk_buff *rest;

	sock_owned_by_me(sk);
	if (WARN_ON_ONCE(!len || len >= skb->len + !!(cb->flags & XTCP_FIN)))
		return -EINVAL;
	if (!may_cut(sk, skb)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPWQUEUETOOBIG);
		return -ENOMEM;
	}
	if (own_fragments(skb, gfp))
		return -ENOMEM;
	rest = xtcp_sndq_alloc(sk, gfp, true);
	if (!rest)
		return -ENOMEM;
	restcb = xtcp_sndcb(rest);

	skb_split(skb, rest, len);
	/* charge the memory of @rest itself; its octets are charged already */
	xtcp_sndq_charge(sk, rest);
	moved -= skb->data_len;
	skb->truesize -= moved;
	rest->truesize += moved;

	restcb->seq = cb->seq + len;
	restcb->end_seq = cb->end_seq;
	restcb->sent_us = cb->sent_us;
	restcb->delivered = cb->delivered;
	restcb->delivered_us = cb->delivered_us;
	restcb->first_sent_us = cb->first_sent_us;
	*xtcp_sndnote(rest) = *xtcp_sndnote(skb);
	restcb->mss = cb->mss;
	restcb->transmissions = cb->transmissions;
	restcb->flags = cb->flags;
	restcb->marks = cb->marks;
	cb->marks &= ~XTCP_SNDQ_EOR;
	cb->flags &= ~(XTCP_FIN | XTCP_PSH);
	cb->end_seq = restcb->seq;
	if (unlikely(cb->stamps))
		xtcp_stamp_split(skb, rest);

	xtcp_sndq_insert_behind(sk, skb, rest);
	return 0;
}

/**
 * xtcp_cut_gather() - make the first unsent skb at least @len octets long
 * @sk: the sock
 * @len: octets; the queue has at least @len unsent octets
 *
 * The first unsent skb takes the octets of the skbs behind it. Octets are copied only if they fit
 * into the linear part of the first skb.
 *
 * Return: false when the skbs cannot be joined.
 */
bool xtcp_cut_gather(struct sock *sk, u32 len)
{
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue), *next;
	bool stolen;
	int delta;
	u32 cost;

	sock_owned_by_me(sk);
	while (skb->len < len) {
		next = skb_peek_next(skb, &sk->sk_write_queue);
		cost = next ? next->truesize : 0;
		if (!next || xtcp_sndcb(skb)->marks & XTCP_SNDQ_EOR || xtcp_sndcb(next)->flags & XTCP_FIN ||
		    !skb_try_coalesce(skb, next, &stolen, &delta))
			return false;
		xtcp_sndcb(skb)->end_seq = xtcp_sndcb(next)->end_seq;
		xtcp_sndcb(skb)->flags |= xtcp_sndcb(next)->flags & XTCP_PSH;
		xtcp_sndcb(skb)->marks |= xtcp_sndcb(next)->marks & XTCP_SNDQ_EOR;
		if (unlikely(xtcp_sndcb(next)->stamps))
			xtcp_stamp_join(skb, next);
		__skb_unlink(next, &sk->sk_write_queue);
		xtcp_sndq_uncharge(sk, cost - delta);
		kfree_skb_partial(next, stolen);
	}
	return true;
}

/**
 * xtcp_cut_front() - remove the first octets of an skb, because the peer has acknowledged
 * them
 * @sk: the sock
 * @skb: sent
 * @len: how many octets to remove, fewer than @skb has
 *
 * Return: false if there is no memory. The octets stay then, and a retransmission would send them
 * again.
 */
bool xtcp_cut_front(struct sock *sk, struct sk_buff *skb, u32 len)
{
	u32 behind_header = min(len, skb_headlen(skb)), left = len - behind_header;
	struct skb_shared_info *shinfo;
	int i, gone = 0;

	sock_owned_by_me(sk);
	/*
	 * xtcp_stamp_acked() may clone @skb, and the clone shares the list of fragments. So call
	 * it before own_fragments(), which copies a shared list: the code below must not change
	 * the list of the clone
	 */
	if (unlikely(xtcp_sndcb(skb)->stamps))
		xtcp_stamp_acked(sk, skb, xtcp_sndcb(skb)->seq + len);
	if (left && own_fragments(skb, GFP_ATOMIC))
		return false;
	__skb_pull(skb, behind_header);
	xtcp_sndcb(skb)->seq += len;
	if (!left)
		return true;
	skb->len -= left;
	skb->data_len -= left;
	skb->truesize -= left;
	xtcp_sndq_uncharge(sk, left);
	shinfo = skb_shinfo(skb);
	while (left >= skb_frag_size(&shinfo->frags[gone])) {
		left -= skb_frag_size(&shinfo->frags[gone]);
		skb_frag_unref(skb, gone);
		gone++;
	}
	for (i = gone; i < shinfo->nr_frags; i++)
		shinfo->frags[i - gone] = shinfo->frags[i];
	shinfo->nr_frags -= gone;
	skb_frag_off_add(&shinfo->frags[0], left);
	skb_frag_size_sub(&shinfo->frags[0], left);
	return true;
}
