// SPDX-License-Identifier: GPL-2.0
/*
 * How much data goes to IP in one skb. Such an skb is a GSO packet: IP or the device cuts it into
 * segments. Function names call a GSO packet a "bundle". The functions say how large an skb of the
 * send queue becomes, how much of it may be sent in one GSO packet, and where it is cut. output.c
 * decides whether anything may be sent at all.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "send/bundle.h"

#include <net/tcp.h>

#include "auth/signer.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/sock.h"
#include "base/stream.h"
#include "cong/cong.h"
#include "ecn/accecn.h"
#include "send/mss.h"
#include "sendq/sendq.h"
#include "time/time.h"

/* a part below 1/3 of min(cwnd, SND.WND) may wait; see xtcp_bundle_waits() */
#define WINDOW_SHARE	3U
#define WAIT_MAX_US	((u32)USEC_PER_MSEC)	/* longest wait for an ACK: ack_is_near() */

/*
 * Must each segment be an skb of its own? GSO would copy the urgent pointer unchanged into each
 * segment. But the pointer counts from the sequence number of its segment (RFC 9293 section 3.8.5).
 * On older kernels GSO also changes CWR, which is part of the ACE counter (RFC 9768 section 3.2.2).
 * And if segments are signed, each segment needs its own signature (RFC 2385, RFC 5925).
 */
static bool goes_singly(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return unlikely(xsk->snd_urgent || xtcp_accecn_forbids_bundles(&xsk->accecn, xsk->ecn) || xtcp_signer_room(sk));
}

/**
 * xtcp_bundle_goal() - how large should an skb of the send queue become?
 * @sk: the sock; its MSS need not be up to date with the route
 *
 * An skb should have as many full segments as a GSO packet may have, but at most half of the
 * largest window that the peer has offered.
 *
 * Return: octets, a multiple of xtcp_mss_payload().
 */
u32 xtcp_bundle_goal(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = xtcp_mss_payload(sk), segments = 1;

	sock_owned_by_me(sk);
	if (sk_can_gso(sk) && likely(!xtcp_signer_room(sk))) {
		u32 most = min3(sk->sk_gso_max_size, GSO_LEGACY_MAX_SIZE - 1U - MAX_TCP_HEADER, xsk->snd.max_wnd / 2);

		segments = clamp_t(u32, most / mss, 1, max_t(u32, sk->sk_gso_max_segs, 1));
	}
	return segments * mss;
}

/**
 * xtcp_bundle_most() - how much data may a GSO packet have?
 * @sk: the sock
 *
 * A GSO packet may have as much data as the connection's rate sends in a millisecond
 * (sk_pacing_shift), but at least min_tso_segs segments. A larger packet would be a burst that
 * delays other connections. If the round-trip time is short, the sysctl tso_rtt_log allows a larger
 * packet, up to the limit of the device. All of this is as in Linux.
 *
 * Return: octets, a multiple of xtcp_mss_payload(). U32_MAX if only the device limits the packet.
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
 * xtcp_bundle_of_new() - how much of an unsent skb is sent as one GSO packet?
 * @sk: the sock
 * @skb: the skb
 * @n: how many octets may be sent
 *
 * As in Linux, a GSO packet has at most half of the congestion window. So two packets can be in
 * flight: while we wait for the ACK of the first, the second is on its way.
 *
 * Return: octets, no more than @n.
 */
u32 xtcp_bundle_of_new(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 mss = xtcp_mss_payload(sk), half = xsk->cong.cwnd / 2;

	sock_owned_by_me(sk);
	if (likely(skb->len <= mss && !xsk->stream->sack.asks))
		return n;
	if (skb->len > half && skb->len > mss)
		n = min(n, max(half - half % mss, mss));
	if (skb->len > mss && goes_singly(sk))
		n = min(n, mss);
	/*
	 * a GSO packet would repeat the request for an ACK rate in each segment. So the segment
	 * with the request is sent alone, and @skb is cut to make room for the request. There is
	 * one exception: the last skb of the queue is not cut if it fits one segment without the
	 * request. Then the request may have to wait for a later segment
	 */
	if (unlikely(xsk->stream->sack.asks) && (skb->len > xsk->mss || !xtcp_sndq_is_last(sk, skb)))
		n = min(n, mss);
	if (unlikely(xtcp_sndcb(skb)->stamps) && skb->len > mss)
		n = min(n, xtcp_stamp_room(skb, mss));
	return n;
}

/*
 * Is the ACK of the oldest text in flight due soon: within half of a round trip, and within a
 * millisecond? Returns false if no text was sent within the last millisecond.
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
 * xtcp_bundle_waits() - should a part of an skb wait for the next ACK, although it may be sent now?
 * @sk: the sock
 * @skb: the next unsent skb
 * @n: how many octets of @skb may be sent; at least a segment
 * @most: how many octets a GSO packet may have, from xtcp_bundle_most(); or U32_MAX
 *
 * When a window ends inside @skb, each ACK could release another small part of @skb. But every
 * machine on the path has as much work with a small GSO packet as with a large one. So, as in
 * Linux, a part that is less than a third of the window waits if the next ACK is due soon
 * (ack_is_near()). When that ACK arrives, this function is called again. If the ACK is lost, the
 * timer for the text in flight makes us send.
 *
 * The peer should send that ACK without delay, since more than two segments are in flight (RFC 9293
 * section 3.8.6.3, SHLD-19). The part has at least one segment, but is less than a third of the
 * window. So the rest of the window, which is in flight, has more than two segments.
 *
 * A full GSO packet never waits. Neither does an skb that may be sent as a whole, so the last
 * octets that a program writes never wait. Outside of the phase OPEN, or with pacing, nothing
 * waits: repair.c and pace.c limit what is sent by their own rules.
 *
 * Return: true when the part should wait.
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
	/*
	 * @skb is cut anyway, at the octet with a transmit timestamp or into single segments, so a
	 * wait would not make a larger packet
	 */
	if (unlikely(xtcp_sndcb(skb)->stamps) || goes_singly(sk))
		return false;
	return ack_is_near(xsk);
}

/**
 * xtcp_bundle_again() - how much of a sent skb is resent as one GSO packet?
 * @sk: the sock; its MSS is up to date with the route
 * @skb: the skb
 * @n: how many octets may be sent
 *
 * If segments as large as at the last transmission (xtcp_sndq_segment()) fit the route now, @skb is
 * cut at the same octets as before. SACK blocks need no room: a full segment that is resent carries
 * none (RFC 9293 section 3.7.1).
 *
 * Return: octets, neither more than @n nor more than @skb has.
 */
u32 xtcp_bundle_again(const struct sock *sk, const struct sk_buff *skb, u32 n)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = min_t(u32, xsk->mss, xtcp_sndq_segment(skb));

	sock_owned_by_me(sk);
	if (n > mss)
		n = goes_singly(sk) ? mss : n - n % mss;
	if (unlikely(xtcp_sndcb(skb)->stamps))
		n = min(n, xtcp_stamp_room(skb, mss));
	return min(n, skb->len);
}
