// SPDX-License-Identifier: GPL-2.0
/*
 * Small writes that follow each other closely leave as one segment.
 *
 * With TCP_NODELAY no write waits for an ACK, at the price of a segment for each write. But if the
 * program is already at its next write, the segments between gain nothing. So the data waits for
 * the next write, for at most coalesce_usecs, under these conditions: the last two skbs in flight
 * are small, nothing is known of either, and the later one left no longer ago than that time.
 * Without TCP_NODELAY the same holds for full segments, which become a bundle; partial ones are
 * Nagle's matter. A request, an answer and another request do not have two small skbs before them,
 * so they leave at once.
 *
 * Waiting data goes with the next push(): by the timer of pace.c, with an ACK, when a bundle is
 * full, or with a write that may not wait. xtcp_coalesce_flush() pushes it when the program asks
 * for anything else of the socket. If all of that fails, something is in flight, and the
 * retransmission timer runs.
 */
#include "socket/coalesce.h"

#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "expiry/expiry.h"
#include "send/bundle.h"
#include "send/output.h"
#include "sendq/sndq.h"
#include "time/pace.h"

static bool is_below(const struct xtcp_sndcb *cb, u32 octets)
{
	return cb->end_seq - cb->seq < octets;
}

/*
 * Urgent data, the end of a record and stamped data never wait. Data that Nagle or TCP_CORK holds,
 * and data ahead of the third ACK, are not handled here.
 */
static bool may_wait(const struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (cb->marks & XTCP_SNDQ_EOR || cb->stamps || xsk->snd_urgent || xsk->nonagle & TCP_NAGLE_CORK ||
	    sk->sk_state == TCP_SYN_RECV)
		return false;
	return xsk->nonagle & TCP_NAGLE_OFF || skb->len >= xsk->mss;
}

/**
 * xtcp_coalesce_waits() - the rest of xtcp_coalesce_holds()
 * @sk: the sock; at least two skbs are in flight
 * @written: octets that the program has just added
 *
 * Context: process. Lock: socket, held.
 *
 * Return: true when the data waits; a timer runs then.
 */
bool xtcp_coalesce_waits(struct sock *sk, u32 written)
{
	const u32 usecs = READ_ONCE(xtcp_net_of(sk)->sysctl.coalesce_usecs);
	struct sk_buff *skb = xtcp_sndq_open_tail(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_sndcb *last;
	u32 bundle;

	sock_owned_by_me(sk);
	if (!usecs || !skb || skb != xtcp_sndq_unsent(sk) || !may_wait(sk, skb))
		return false;
	bundle = min(xtcp_bundle_goal(sk), xtcp_bundle_most(sk));
	if (skb->len >= bundle)
		return false;
	/* it joins data that already waits */
	if (xsk->coalescing && skb->len > written)
		return true;
	last = list_last_entry(&xsk->stream->in_flight, struct xtcp_sndcb, node);
	if (!is_below(last, bundle) || !is_below(list_prev_entry(last, node), bundle) ||
	    xtcp_clock_since_us(xtcp_clock_us(), last->sent_us) >= usecs || !xtcp_pace_goes_within(sk, usecs))
		return false;
	WRITE_ONCE(xsk->coalescing, true);
	return true;
}

/**
 * xtcp_coalesce_push() - the rest of xtcp_coalesce_flush()
 * @sk: the sock, in any state
 *
 * If another thread has the socket lock, it pushes when it releases the lock.
 *
 * Context: process. Takes the lock of bh_lock_sock().
 */
void xtcp_coalesce_push(struct sock *sk)
{
	local_bh_disable();
	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_PACE, &sk->sk_tsq_flags);
	else if (xtcp_sk(sk)->coalescing)
		xtcp_expiry_paced(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
}
