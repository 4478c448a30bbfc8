// SPDX-License-Identifier: GPL-2.0
/*
 * Small writes that come one upon the other leave as one segment.
 *
 * A program that has said TCP_NODELAY wants no write to wait for an ACK, and pays for a segment each. But one that is
 * at its next write already gains nothing by the segments between: so its text waits for that write, though not for
 * long (coalesce_usecs), while the last two segments in flight are small, nothing is known of either, and the later one
 * left as short a time ago. Without TCP_NODELAY the same holds for full segments, which become a bundle; the rest is
 * Nagle's. A request, an answer, and one more behind it have not two in front of them and leave at once.
 *
 * What waits goes with the next push(): by the timer of pace.c, for an ACK, when a bundle is full, or with a write that
 * may not wait; and xtcp_coalesce_flush() pushes for whatever else the program asks of the socket. Should all that
 * fail, something is in flight, and its timer runs.
 */
#include "send/coalesce.h"

#include <net/tcp.h>

#include "base/netns.h"
#include "pure/clock.h"
#include "send/bundle.h"
#include "send/output.h"
#include "send/sndq.h"
#include "time/pace.h"

static bool is_below(const struct xtcp_sndcb *cb, u32 octets)
{
	return cb->end_seq - cb->seq < octets;
}

/*
 * Urgent text, a record's end and what is stamped wait for nothing; nor is it for us what Nagle, or a cork, holds, or
 * what goes before the third ACK.
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
 * xtcp_coalesce_waits() - is what was just written held back for what comes next? See xtcp_coalesce_holds()
 * @sk: the sock; two skbs at least are in flight
 * @written: octets that the program has just added
 *
 * Context: process. Lock: socket, held.
 *
 * Return: true when it is; a timer runs.
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
	/* it joins what waits already */
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
 * xtcp_coalesce_push() - see xtcp_coalesce_flush()
 * @sk: the sock, in any state
 *
 * Who has the lock meanwhile pushes when he gives it back.
 *
 * Context: process. Takes the lock of bh_lock_sock().
 */
void xtcp_coalesce_push(struct sock *sk)
{
	local_bh_disable();
	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_PACE, &xtcp_sk(sk)->deferred);
	else if (xtcp_sk(sk)->coalescing)
		xtcp_pace_run(sk);
	bh_unlock_sock(sk);
	local_bh_enable();
}
