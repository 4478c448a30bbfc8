// SPDX-License-Identifier: GPL-2.0
/*
 * Computes the effective send MSS (RFC 9293 section 3.7.1): how much data fits a segment on the
 * present route.
 *
 * There are three numbers. tx->pmtu is the path MTU that was read last. tx->mss follows from
 * tx->pmtu, the peer's MSS and the options that every segment carries. The congestion window and
 * TCP_INFO use tx->mss. The payload is the most data that the next segment can have: tx->mss minus
 * the SACK blocks and the request for an ACK rate that the segment will carry. segment.c writes the
 * options, so segment.c also tells how long they are.
 *
 * A route does not announce that its MTU has changed. So each sender calls xtcp_mss_current(),
 * which compares the route's MTU with tx->pmtu, as in Linux. The route's MTU changes in three
 * cases: the device gets a new MTU, an ICMP error for another connection creates a route exception,
 * or such an exception expires. So the MSS may fall or rise. This file ignores segments in flight
 * that are too large now: output.c cuts them when it sends them again.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "send/mss.h"

#include <linux/minmax.h>
#include <net/sock.h>

#include "base/is_v4.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "out/ip.h"
#include "out/segopt.h"

static u32 both_headers(const struct sock *sk)
{
	return xtcp_ip_header_len(sk) + XTCP_HDR_LEN;
}

/*
 * How many octets of data fit a packet of @mtu octets, with TCP options of @options octets. Data
 * and options together must also fit the peer's MSS and TCP_MAXSEG. A limit below min_snd_mss
 * counts as min_snd_mss.
 */
static u32 text_of(const struct sock *sk, u32 mtu, u32 options)
{
	u32 least = max_t(u32, READ_ONCE(xtcp_net_of(sk)->sysctl.min_snd_mss), XTCP_MSS_MIN_SND);
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u32 headers = both_headers(sk);
	u32 mss = min_t(u32, mtu > headers ? mtu - headers : 0, tx->agreed.mss_clamp);

	if (tx->user_mss)
		mss = min_t(u32, mss, tx->user_mss);
	return max(mss, least) - options;
}

/**
 * xtcp_mss_of() - how much data fits a packet of a given size?
 * @sk: the sock
 * @mtu: the size of the packet in octets, with the IP header
 *
 * Return: octets of data. The data, together with the options that every segment has, also fits the
 * peer's MSS and TCP_MAXSEG. A limit below min_snd_mss counts as min_snd_mss.
 */
u32 xtcp_mss_of(const struct sock *sk, u32 mtu)
{
	sock_owned_by_me(sk);
	return text_of(sk, mtu, xtcp_segopt_lasting(sk));
}

/**
 * xtcp_mss_to_mtu() - how large is a packet with a given amount of data?
 * @sk: the sock
 * @mss: octets of data in the packet
 *
 * Return: octets, with the IP header.
 */
u32 xtcp_mss_to_mtu(const struct sock *sk, u32 mss)
{
	sock_owned_by_me(sk);
	return mss + xtcp_segopt_lasting(sk) + both_headers(sk);
}

/**
 * xtcp_mss_sync() - compute the effective send MSS
 * @sk: the sock; the peer's SYN has been read, and the use of timestamps is known
 * @pmtu: the path MTU in octets; 0: take the MTU of the route
 *
 * RFC 9293 section 3.7.1 (MUST-16). A router's report of the path MTU may be forged. So no report
 * makes a full segment, with its options, shorter than min_snd_mss. This leaves room for data even
 * beside all possible options (CVE-2019-11479).
 */
void xtcp_mss_sync(struct sock *sk, u32 pmtu)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 options = xtcp_segopt_lasting(sk), mss;

	sock_owned_by_me(sk);
	if (!pmtu)
		pmtu = xtcp_ip_mtu(sk);
	if (!pmtu)
		pmtu = both_headers(sk) + (xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6);
	mss = text_of(sk, pmtu, options);
	if (unlikely(stream->mtuprobe.is_on)) {
		stream->mtuprobe.high = min_t(u32, stream->mtuprobe.high, pmtu);
		mss = min(mss, text_of(sk, stream->mtuprobe.low, options));
	}
	/*
	 * as in Linux, a segment has at most half of the largest window ever offered, so that a
	 * second segment can leave before the first is acknowledged. A very small window is not
	 * halved
	 */
	if (tx->snd.max_wnd > XTCP_MSS_DEFAULT_V4)
		mss = min(mss, tx->snd.max_wnd / 2);
	else if (tx->snd.max_wnd)
		mss = min(mss, tx->snd.max_wnd);
	tx->pmtu = pmtu;
	tx->mss = clamp_t(u32, mss, XTCP_MSS_MIN_SND - options, U16_MAX);
	xtcp_cong_mss_changed(sk);
}
