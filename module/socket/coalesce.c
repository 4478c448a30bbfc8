// SPDX-License-Identifier: GPL-2.0
/*
 * Puts small writes that follow each other closely into one segment.
 *
 * With TCP_NODELAY no write waits for an ACK, and each write costs a segment. But if the program
 * writes again at once, nothing is gained by sending the first write alone. So data waits for the
 * next write, for at most coalesce_usecs, if two conditions hold: the last two skbs in flight are
 * small, and the last one was sent less than coalesce_usecs ago. Skbs that are sacked or wait to be
 * resent do not count here. A program that waits for the answer to each request never has two small
 * skbs in flight, so its requests leave at once. Without TCP_NODELAY, Nagle decides about data
 * shorter than a segment. Longer data may wait here, because the next write makes the GSO packet
 * larger.
 *
 * The next xtcp_output_push() sends the waiting data. It is called when the timer of pace.c
 * expires, when an ACK arrives, when the GSO packet is full, or when a later write need not wait.
 * xtcp_coalesce_flush() sends the data when the program reads, polls, calls ioctl(), or gets or
 * sets an option of TCP or IP. close() and shutdown() for sending send the data, too. Other calls
 * do not end the wait, for example bind(), getsockname() and most options of SOL_SOCKET. Data waits
 * only while other data is in flight, so the retransmission timer runs, too.
 */
#include "socket/coalesce.h"

#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sock.h"
#include "base/stream.h"
#include "expiry/expiry.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "time/time.h"

static bool is_below(const struct xtcp_sndcb *cb, u32 octets)
{
	return cb->end_seq - cb->seq < octets;
}

/*
 * May this data wait at all? Urgent data, the end of a record (MSG_EOR), and data whose times the
 * program wants to know (SO_TIMESTAMPING) never wait. This file does not handle data that Nagle or
 * TCP_CORK delays, or data before the handshake is complete.
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

/*
 * The out-of-line part of xtcp_coalesce_holds(): at least two skbs are in flight. Return: true when
 * the data waits, and a timer runs.
 */
static bool waits_for_next(struct sock *sk, u32 written)
{
	const u32 usecs = READ_ONCE(xtcp_net_of(sk)->sysctl.coalesce_usecs);
	struct sk_buff *skb = xtcp_sndq_open_tail(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_sndcb *last;
	u32 bundle;

	if (!usecs || !skb || skb != xtcp_sndq_unsent(sk) || !may_wait(sk, skb))
		return false;
	bundle = min(xtcp_bundle_goal(sk), xtcp_bundle_most(sk));
	if (skb->len >= bundle)
		return false;
	/* if the skb also has earlier data, that data waits already, and the timer runs */
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
 * xtcp_coalesce_holds() - does the last write have to wait for the next write?
 * @sk: the sock
 * @written: how many octets the program has just written
 *
 * The last write never waits while fewer than two skbs are in flight. Skbs that are sacked or wait
 * to be resent do not count.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: true when the data waits, and a timer runs.
 */
__always_inline bool xtcp_coalesce_holds(struct sock *sk, u32 written)
{
	const struct list_head *in_flight = &xtcp_sk(sk)->stream->in_flight;

	sock_owned_by_me(sk);
	return in_flight->next != in_flight->prev && waits_for_next(sk, written);
}

/*
 * The out-of-line part of xtcp_coalesce_flush(). If another thread has the socket lock, that thread
 * sends the data when it releases the lock.
 */
static void push_coalesced(struct sock *sk)
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

/**
 * xtcp_coalesce_flush() - send data that waits for the next write
 * @sk: the sock, in any state
 *
 * The program makes a call that is not a write.
 *
 * Context: process; the socket lock is not held. The function may take the lock of bh_lock_sock().
 */
__always_inline void xtcp_coalesce_flush(struct sock *sk)
{
	if (unlikely(READ_ONCE(xtcp_sk(sk)->coalescing)))
		push_coalesced(sk);
}
