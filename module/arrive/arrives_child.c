// SPDX-License-Identifier: GPL-2.0
/*
 * Processes the segment for which a listener made a new sock: the last ACK of a handshake, or the
 * SYN of a Fast Open.
 */
#include "arrive/arrives_child.h"

#include <linux/skbuff.h>
#include <net/busy_poll.h>
#include <net/tcp_states.h>

#include "arrive/arrives.h"
#include "base/seg.h"
#include "base/sock.h"
#include "lookup/early.h"

/**
 * xtcp_arrives_child() - process a handshake's last ACK on the sock that was made for it
 * @skb: the ACK; consumed
 * @lsk: the listener
 * @child: the new sock, locked by bh_lock_sock() and held; unlocked and put here
 *
 * Wakes accept() once the child has left SYN-RECEIVED.
 *
 * Context: softirq, RCU read side. Lock: @child's, released here.
 */
void xtcp_arrives_child(struct sk_buff *skb, struct sock *lsk, struct sock *child)
{
	const u32 segments = max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	bool up;

	sock_owned_by_me(child);
	__acquire(&child->sk_lock.slock);	/* locked by xtcp_sock_clone() */
	xtcp_early_learn(child, skb);
	xtcp_arrives_detach(skb);
	sk_mark_napi_id(child, skb);
	/* as in Linux, the SYN counts as a segment of the child */
	xtcp_sock_count_in(xtcp_sk(child), 1, false);
	xtcp_sock_count_in(xtcp_sk(child), segments, xtcp_seg(skb)->len);
	xtcp_arrives(child, skb);
	up = child->sk_state != TCP_SYN_RECV;
	bh_unlock_sock(child);
	if (up)
		lsk->sk_data_ready(lsk);
	sock_put(child);	/* held by xtcp_sock_clone() */
}

/**
 * xtcp_arrives_fast_child() - process the SYN of a Fast Open on the sock that was made for it
 * @skb: the SYN; consumed
 * @lsk: the listener
 * @child: the new sock, locked by bh_lock_sock() and held; unlocked and put here
 *
 * RFC 7413 section 4.2.2.
 *
 * Context: softirq, RCU read side. Lock: @child's, released here.
 */
void xtcp_arrives_fast_child(struct sk_buff *skb, struct sock *lsk, struct sock *child)
{
	sock_owned_by_me(child);
	__acquire(&child->sk_lock.slock);	/* locked by xtcp_sock_clone() */
	xtcp_arrives_detach(skb);
	sk_mark_napi_id(child, skb);
	xtcp_sock_count_in(xtcp_sk(child), 1, xtcp_seg(skb)->len);
	xtcp_arrives_fast(child, skb);
	bh_unlock_sock(child);
	lsk->sk_data_ready(lsk);
	sock_put(child);	/* held by xtcp_sock_clone() */
}
