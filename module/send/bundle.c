// SPDX-License-Identifier: GPL-2.0
/*
 * How much text goes to IP at once, as one bundle that IP or the device cuts into segments: how large an skb of the
 * send queue becomes, how much of it may go in one piece, and where it is cut. What may go at all: output.c.
 */
#include "send/bundle.h"

#include <net/tcp.h>

#include "base/netns.h"
#include "base/sock.h"
#include "cong/accecn.h"
#include "cong/cong.h"
#include "send/mss.h"
#include "send/sndq.h"
#include "send/stamp.h"

/**
 * xtcp_bundle_goal() - how large an skb of the send queue should become
 * @sk: the sock; the route is asked when the skb is sent
 *
 * Full segments, as many as one bundle may hold, but no more than half of the largest window that the peer offered.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, a multiple of the effective MSS.
 */
u32 xtcp_bundle_goal(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = xtcp_mss_payload(sk), segments = 1;

	sock_owned_by_me(sk);
	if (sk_can_gso(sk)) {
		u32 most = min3(sk->sk_gso_max_size, GSO_LEGACY_MAX_SIZE - 1U - MAX_TCP_HEADER, xsk->max_snd_wnd / 2);

		segments = clamp_t(u32, most / mss, 1, max_t(u32, sk->sk_gso_max_segs, 1));
	}
	return segments * mss;
}

/**
 * xtcp_bundle_most() - how much text may go at once
 * @sk: the sock
 *
 * What the rate brings in a millisecond (sk_pacing_shift), min_tso_segs at least: a larger bundle would be a burst, and
 * keep others waiting. Where round trips are short it may be larger, up to what the device takes: by tso_rtt_log. All
 * as Linux.
 *
 * Context: softirq or process. Lock: socket, held.
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
 * xtcp_bundle_of_new() - what goes at once of text that was never sent
 * @sk: the sock
 * @skb: it
 * @n: octets that may go
 *
 * Who cuts a bundle does not know that the urgent pointer counts from each segment's own number (RFC 9293 section
 * 3.8.5), nor on older kernels that CWR belongs to a counter (RFC 9768 section 3.2.2).
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, no more than @n.
 */
u32 xtcp_bundle_of_new(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	sock_owned_by_me(sk);
	if (unlikely(xtcp_sk(sk)->snd_urgent || xtcp_accecn_forbids_bundles(sk)) && skb->len > xtcp_mss_payload(sk))
		n = min(n, xtcp_mss_payload(sk));
	if (unlikely(xtcp_sndcb(skb)->stamps) && skb->len > xtcp_mss_payload(sk))
		n = min(n, xtcp_stamp_room(skb, xtcp_mss_payload(sk)));
	return n;
}

/**
 * xtcp_bundle_again() - what goes at once of text that was sent before
 * @sk: the sock; its MSS is that of the route of now
 * @skb: it
 * @n: octets that may go
 *
 * It is cut where it was cut before, if that fits the route of now; not for the sake of SACK blocks, which go with what
 * has room for them (RFC 9293 section 3.7.1).
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, no more than @n and than @skb has.
 */
u32 xtcp_bundle_again(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = min_t(u32, xsk->mss, xtcp_sndq_segment(skb));

	sock_owned_by_me(sk);
	if (n > mss)
		n = unlikely(xsk->snd_urgent) || xtcp_accecn_forbids_bundles(sk) ? mss : n - n % mss;
	if (unlikely(xtcp_sndcb(skb)->stamps))
		n = min(n, xtcp_stamp_room(skb, mss));
	return min(n, skb->len);
}
