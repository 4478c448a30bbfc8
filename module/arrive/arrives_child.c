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
	bool up;

	sock_owned_by_me(child);
	__acquire(&child->sk_lock.slock);	/* locked by xtcp_sock_clone() */
	xtcp_early_learn(child, skb);
	xtcp_arrives_detach(skb);
	sk_mark_napi_id(child, skb);
	xtcp_arrives_count_first(child, skb, true);
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
	xtcp_arrives_count_first(child, skb, false);
	xtcp_arrives_fast(child, skb);
	bh_unlock_sock(child);
	lsk->sk_data_ready(lsk);
	sock_put(child);	/* held by xtcp_sock_clone() */
}
