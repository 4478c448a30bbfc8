// SPDX-License-Identifier: GPL-2.0
/*
 * How much data goes to IP at once, as a bundle that IP or the device cuts into segments: how large
 * an skb of the send queue becomes, how much of it may go in one piece, and where it is cut.
 * Whether anything may go at all is decided in output.c.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "send/bundle.h"

#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sock.h"
#include "base/stream.h"
#include "cong/cong.h"
#include "ecn/accecn.h"
#include "send/mss.h"
#include "sendq/sndq.h"
#include "sendq/stamp.h"
#include "time/pace.h"

#define WINDOW_SHARE	3U	/* a third of the window never waits */
#define WAIT_MAX_US	((u32)USEC_PER_MSEC)	/* the longest wait; see ack_is_near() */

/**
 * xtcp_bundle_goal() - how large an skb of the send queue should become
 * @sk: the sock; its MSS is the last one known
 *
 * As many full segments as one bundle may hold, but at most half of the largest window that the
 * peer has offered.
 *
 * Return: octets, a multiple of the effective MSS.
 */
u32 xtcp_bundle_goal(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = xtcp_mss_payload(sk), segments = 1;

	sock_owned_by_me(sk);
	if (sk_can_gso(sk)) {
		u32 most = min3(sk->sk_gso_max_size, GSO_LEGACY_MAX_SIZE - 1U - MAX_TCP_HEADER, xsk->snd.max_wnd / 2);

		segments = clamp_t(u32, most / mss, 1, max_t(u32, sk->sk_gso_max_segs, 1));
	}
	return segments * mss;
}

/**
 * xtcp_bundle_most() - how much data may go at once
 * @sk: the sock
 *
 * As much as the rate sends in a millisecond (sk_pacing_shift), but at least min_tso_segs. A larger
 * bundle would be a burst and delay other connections. For short round-trip times the bundle may be
 * larger, up to the limit of the device, as tso_rtt_log says. All of this is as in Linux.
 *
 * Return: octets, a multiple of the effective MSS; or U32_MAX.
 */
u32 xtcp_bundle_most(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	unsigned long octets = xtcp_cong_rate(sk) >> READ_ONCE(sk->sk_pacing_shift);
	u32 halvings = xtcp_sk(sk)->rto.min_rtt_us >> min_t(u8, READ_ONCE(ctl->tso_rtt_log), 31);
	u32 mss = xtcp_mss_payload(sk);

	sock_owned_by_me(sk);
	if (halvings < BITS_PER_TYPE(u32))
		octets += sk->sk_gso_max_size >> halvings;
	if (octets >= sk->sk_gso_max_size)
		return U32_MAX;
	return max3((u32)octets / mss, (u32)READ_ONCE(ctl->min_tso_segs), 1U) * mss;
}

/**
 * xtcp_bundle_of_new() - how much of an unsent skb goes at once
 * @sk: the sock
 * @skb: the skb
 * @n: octets that may go
 *
 * GSO does not adjust the urgent pointer, which counts from the sequence number of its segment (RFC
 * 9293 section 3.8.5). On older kernels GSO also changes CWR, which is part of the ACE counter (RFC
 * 9768 section 3.2.2). In both cases segments go one by one.
 *
 * As in Linux, a bundle has at most half of the congestion window: so the ACK of one bundle lets
 * the next one go while another is in flight.
 *
 * Return: octets, no more than @n.
 */
u32 xtcp_bundle_of_new(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 mss = xtcp_mss_payload(sk), half = xsk->cong.cwnd / 2;

	sock_owned_by_me(sk);
	if (skb->len > half && skb->len > mss)
		n = min(n, max(half - half % mss, mss));
	if (unlikely(xsk->snd_urgent || xtcp_accecn_forbids_bundles(&xsk->accecn, xsk->ecn)) && skb->len > mss)
		n = min(n, mss);
	if (unlikely(xtcp_sndcb(skb)->stamps) && skb->len > mss)
		n = min(n, xtcp_stamp_room(skb, mss));
	return n;
}

/*
 * Was text sent within the last millisecond, and is the ACK of the oldest text in flight near? It
 * is near if it is due within half of a round trip, and within a millisecond.
 */
static bool ack_is_near(const struct xtcp_sock *xsk)
{
	const struct list_head *sent = &xsk->stream->in_flight;
	const u32 srtt_us = xsk->rto.srtt_us;
	u64 now_us;

	if (list_empty(sent))
		return false;
	now_us = xtcp_clock_us();
	if (xtcp_clock_since_us(now_us, list_last_entry(sent, struct xtcp_sndcb, node)->sent_us) > WAIT_MAX_US)
		return false;
	return list_first_entry(sent, struct xtcp_sndcb, node)->sent_us + srtt_us <=
	       now_us + min(srtt_us / 2, WAIT_MAX_US);
}

/**
 * xtcp_bundle_waits() - should the part of an skb that may go wait for the next ACK?
 * @sk: the sock
 * @skb: the next unsent skb
 * @n: octets of it that may go, at least a segment
 * @most: as xtcp_bundle_most() says, or U32_MAX
 *
 * When a window ends inside @skb, a small part of it could go for each ACK. Each machine on the
 * path has the same work for a small bundle as for a large one. So, as in Linux, a part that is
 * less than a third of the window waits. More than two thirds are in flight then, so the peer owes
 * an ACK at once (RFC 9293 section 3.8.6.3, SHLD-19). When that ACK arrives, this function is asked
 * again. If the ACK is lost, the timer of the text in flight sends. An skb that may go as a whole
 * never waits, so the last octets of a stream never wait. Nothing waits here during a repair or
 * with pacing, which decide for themselves how much goes.
 *
 * Return: true when it should.
 */
bool xtcp_bundle_waits(const struct sock *sk, const struct sk_buff *skb, u32 n, u32 most)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 whole = min(skb->len, most);

	sock_owned_by_me(sk);
	if (n >= rounddown(whole, xtcp_mss_payload(sk)) || n >= min(xsk->cong.cwnd, xsk->snd.wnd) / WINDOW_SHARE)
		return false;
	if (xsk->cong.phase != XTCP_CONG_OPEN || xtcp_pace_applies(sk))
		return false;
	/* these do not go in bundles */
	if (unlikely(xsk->snd_urgent || xtcp_sndcb(skb)->stamps ||
		     xtcp_accecn_forbids_bundles(&xsk->accecn, xsk->ecn)))
		return false;
	return ack_is_near(xsk);
}

/**
 * xtcp_bundle_again() - how much of a sent skb goes again at once
 * @sk: the sock; its MSS is up to date with the route
 * @skb: the skb
 * @n: octets that may go
 *
 * The cuts are where they were before, if such segments fit the route now. SACK blocks move no cut:
 * they go only on segments with room for them (RFC 9293 section 3.7.1).
 *
 * Return: octets, at most @n and the length of @skb.
 */
u32 xtcp_bundle_again(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = min_t(u32, xsk->mss, xtcp_sndq_segment(skb));

	sock_owned_by_me(sk);
	if (n > mss)
		n = unlikely(xsk->snd_urgent) || xtcp_accecn_forbids_bundles(&xsk->accecn, xsk->ecn) ?
		    mss : n - n % mss;
	if (unlikely(xtcp_sndcb(skb)->stamps))
		n = min(n, xtcp_stamp_room(skb, mss));
	return min(n, skb->len);
}
