// SPDX-License-Identifier: GPL-2.0
/*
 * Decides whether a sock must keep the module loaded when its last descriptor is closed. This is
 * necessary while segments of the sock are still below TCP, for example in a qdisc (held.c).
 */
#include "sock/held_let_go.h"

#include <linux/cpumask.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "expiry/expiry.h"
#include "out/out.h"
#include "sendq/sendq.h"

/* one close() checks the sock at most this many times, for about 10 us */
#define TRIES		200U

/*
 * Free @sk if the caller's reference is the last one. Without a reference to @sk, nobody can pass
 * more of its segments to IP. If segments of @sk are still below TCP, @sk keeps the module loaded
 * until the last of them is freed. Return: true when the reference was the last one.
 *
 * If no segment is below TCP, @sk may still be on a list of held.c. This function does not take @sk
 * off that list: it has no socket lock, so xtcp_held_segment_freed() might take @sk off at the same
 * time. xtcp_held_freed() takes @sk off when the memory of @sk is freed.
 */
static bool free_if_last(struct sock *sk)
{
	if (!refcount_dec_if_one(&sk->sk_refcnt))
		return false;
	if (xtcp_held_has_memory(sk))
		xtcp_held_take_dead(sk);
	sk_free(sk);
	return true;
}

/*
 * Does the send queue of @sk have pages of the program's buffer (zerocopy)? The kernel's ubuf_info
 * of such pages has a reference to @sk until the peer acknowledges the pages. close() cannot tell
 * this reference from that of a segment below TCP, so it would be useless to check @sk again. This
 * function looks only at the first skb that waits for an ACK and at the last unsent skb. If only
 * other skbs have such pages, close() makes some needless checks. Lock: the socket's, held.
 */
static bool queues_pages(const struct sock *sk)
{
	struct sk_buff *sent = xtcp_sndq_first(sk), *unsent = skb_peek_tail(&sk->sk_write_queue);

	return (sent && skb_zcopy(sent)) || (unsent && skb_zcopy(unsent));
}

/*
 * May close() return now? Return: true when @sk keeps the module loaded, or when its connection
 * continues and no segment of it is below TCP. @first: this is the first try. @last: this is the
 * last try, so let @sk keep the module loaded if in doubt.
 */
static bool is_settled(struct sock *sk, bool first, bool last)
{
	bool settled;

	local_bh_disable();
	bh_lock_sock(sk);
	settled = sk->sk_state != TCP_CLOSE && !xtcp_held_is_below(sk, 1);
	if (settled) {
		xtcp_held_look(sk, 1);
	} else if (last || xtcp_held_has_memory(sk) || (first && queues_pages(sk))) {
		if (sk->sk_state == TCP_CLOSE)
			xtcp_held_take_dead(sk);
		else
			xtcp_held_take(sk);
		settled = true;
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	return settled;
}

/**
 * xtcp_held_let_go() - a descriptor is being closed: let its sock keep the module loaded, if needed
 * @sk: the sock; the function puts the caller's reference
 *
 * Context: process, BH enabled; the descriptor still holds the module. The caller holds no lock;
 * the function takes the socket lock.
 */
void xtcp_held_let_go(struct sock *sk)
{
	const unsigned int most = num_online_cpus() > 1 ? TRIES : 2, half = most / 2;
	unsigned int tries;

	if (free_if_last(sk))
		return;
	xtcp_thirdack_forget(sk, false);
	for (tries = most - 1; !is_settled(sk, tries == most - 1, !tries); tries--) {
		if (free_if_last(sk))
			return;
		if (tries == half)
			xtcp_thirdack_forget(sk, true);
		cpu_relax();
	}
	sock_put(sk);
}
