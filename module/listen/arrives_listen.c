// SPDX-License-Identifier: GPL-2.0
/* SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2). */
#include "listen/arrives_listen.h"

#include <linux/err.h>
#include <linux/skbuff.h>

#include "arrive/arrive.h"
#include "auth/signer.h"
#include "base/endpoint.h"
#include "base/seg.h"
#include "base/wire.h"
#include "listen/cookieack.h"
#include "listen/listener.h"
#include "listen/synq.h"
#include "out/out.h"

/*
 * Does an ACK acknowledge a valid SYN cookie? The answer is also true if the listener has ended.
 * Another listener may take the ACK, so the caller must not send a RST.
 */
static noinline bool is_cookie(const struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);

	return xtcp_listen_has_ended(listener) || xtcp_cookieack_is_valid(listener, skb, key);
}

/**
 * xtcp_arrives_listen() - SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2)
 * @lsk: the listener
 * @skb: a SYN, an ACK with a valid cookie, an ACK from a peer for which @lsk has a signature key,
 *	or a segment that is dropped without an answer; consumed unless false is returned
 * @key: the lookup key of @skb
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: false when the listener has ended: another lookup may find another listener.
 */
inline bool xtcp_arrives_listen(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct sock *child = NULL;

	/* first: check for a RST. No connection of ours has this tuple, so the RST ends nothing. */
	if (seg->flags & XTCP_RST)
		goto drop;

	/*
	 * second: check for an ACK. An ACK of our SYN cookie opens a connection. Other ACKs get
	 * here only from a peer for which a listener has a signature key: @lsk, or another member
	 * of its group, if a BPF program has chosen @lsk. A SYN-ACK opens nothing, whatever it
	 * acknowledges
	 */
	if (seg->flags & XTCP_ACK) {
		if ((seg->flags & XTCP_SYN ||
		     xtcp_signer_is_due(lsk, &key->tuple.faddr, key->sdif ? key->dif : 0)) &&
		    !is_cookie(lsk, skb, key)) {
			xtcp_reply_rst_for(lsk, NULL, skb, 0);
			goto drop;
		}
		child = xtcp_cookieack_arrives(lsk, skb, key);
		if (child == ERR_PTR(-EAGAIN))
			return false;
		if (!child)
			goto drop;
		xtcp_arrives_child(skb, lsk, child);
		return true;
	}

	/* third: check for a SYN. A SYN with FIN is dropped below: no honest peer sends it */
	if ((seg->flags & (XTCP_SYN | XTCP_FIN)) == XTCP_SYN)
		return xtcp_synq_syn(lsk, skb, key, NULL);

	/* fourth: drop any other data or control */
drop:
	consume_skb(skb);
	return true;
}
