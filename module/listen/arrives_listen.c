// SPDX-License-Identifier: GPL-2.0
/* SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2). */
#include "listen/arrives_listen.h"

#include <linux/err.h>
#include <linux/skbuff.h>

#include "arrive/arrives_child.h"
#include "base/seg.h"
#include "base/wire.h"
#include "listen/cookieack.h"
#include "listen/synq.h"

/**
 * xtcp_arrives_listen() - SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2)
 * @lsk: the listener
 * @skb: a SYN, an ACK with a valid cookie, or a segment that is dropped without answer; consumed
 *	unless false is returned
 * @key: made from @skb
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: false when the listener has ended: another lookup finds its successor, if any.
 */
bool xtcp_arrives_listen(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct sock *child = NULL;

	/* first: check for a RST. It cannot be meant for a connection of ours. */
	if (seg->flags & XTCP_RST)
		goto drop;

	/* second: check for an ACK. If it acknowledges our cookie, it opens a connection. */
	if (seg->flags & XTCP_ACK) {
		child = xtcp_cookieack_arrives(lsk, skb, key);
		if (child == ERR_PTR(-EAGAIN))
			return false;
		if (!child)
			goto drop;
		xtcp_arrives_child(skb, lsk, child);
		return true;
	}

	/* third: check for a SYN. No honest peer sends a SYN with FIN. */
	if ((seg->flags & (XTCP_SYN | XTCP_FIN)) == XTCP_SYN)
		return xtcp_synq_syn(lsk, skb, key, NULL);

	/* fourth: drop any other data or control */
drop:
	consume_skb(skb);
	return true;
}
