// SPDX-License-Identifier: GPL-2.0
/*
 * The effective send MSS (RFC 9293 section 3.7.1): how much text fits a segment on the route of now.
 *
 * Three numbers. xsk->pmtu is the path MTU that was looked at last. xsk->mss follows from it, from what the peer takes
 * and from the options that every segment carries; congestion window and TCP_INFO go by it. The payload is what is left
 * of that when the next segment carries more options than others; cuts go by that. How long options are is known to
 * segment.c, which also writes them.
 *
 * A route tells of no change. So whoever is about to send asks for xtcp_mss_current(), which compares the route's MTU
 * with xsk->pmtu, as Linux does: a device's MTU, an ICMP error that another connection got, or its expiry are seen
 * before the next segment, and the MSS rises as well as falls. What is in flight in larger segments is no matter of
 * this file: when it has to be sent again, output.c cuts it.
 */
#include "send/mss.h"

#include <linux/minmax.h>
#include <net/sock.h>

#include "base/netns.h"
#include "base/sock.h"
#include "cong/cong.h"
#include "out/ip.h"
#include "out/segment.h"
#include "pure/wire.h"

static u32 both_headers(const struct sock *sk)
{
	return xtcp_ip_header_len(sk) + XTCP_HDR_LEN;
}

/* Octets of text in a packet of @mtu octets, as far as the peer takes them, and above the floors. */
static u32 text_of(const struct sock *sk, u32 mtu, u32 options)
{
	u32 least = max_t(u32, READ_ONCE(xtcp_net_of(sk)->sysctl.min_snd_mss), XTCP_MSS_MIN_SND);
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 headers = both_headers(sk);
	u32 mss = min_t(u32, mtu > headers ? mtu - headers : 0, xsk->mss_clamp);

	if (xsk->user_mss)
		mss = min_t(u32, mss, xsk->user_mss);
	return max(mss, least) - options;
}

/**
 * xtcp_mss_of() - how much text fits a packet
 * @sk: the sock
 * @mtu: octets of the packet
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, as many as the peer takes at most, and at least what min_snd_mss says.
 */
u32 xtcp_mss_of(const struct sock *sk, u32 mtu)
{
	sock_owned_by_me(sk);
	return text_of(sk, mtu, xtcp_segment_lasting_options(sk));
}

/**
 * xtcp_mss_to_mtu() - how large a packet is
 * @sk: the sock
 * @mss: octets of text in it
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, IP header included.
 */
u32 xtcp_mss_to_mtu(const struct sock *sk, u32 mss)
{
	sock_owned_by_me(sk);
	return mss + xtcp_segment_lasting_options(sk) + both_headers(sk);
}

/**
 * xtcp_mss_sync() - compute the effective send MSS
 * @sk: the sock; what the peer's SYN said and whether timestamps are used is known
 * @pmtu: path MTU in octets, 0: what the route says
 *
 * RFC 9293 section 3.7.1 (MUST-16). A path MTU may be forged: the MSS stays above min_snd_mss, and with every option a
 * segment can carry some room is left (CVE-2019-11479).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_mss_sync(struct sock *sk, u32 pmtu)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 options = xtcp_segment_lasting_options(sk), mss;

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
	/* as Linux: a segment is at most half of what the peer ever offered, so that one can be on its way always */
	if (xsk->max_snd_wnd > XTCP_MSS_DEFAULT_V4)
		mss = min(mss, xsk->max_snd_wnd / 2);
	else if (xsk->max_snd_wnd)
		mss = min(mss, xsk->max_snd_wnd);
	xsk->pmtu = pmtu;
	xsk->mss = clamp_t(u32, mss, XTCP_MSS_MIN_SND - options, U16_MAX);
	xtcp_cong_mss_changed(sk);
}
