// SPDX-License-Identifier: GPL-2.0
/*
 * The search for the path MTU by probes, where routers do not tell it (RFC 4821, RFC 8899 section 4).
 *
 * Between a size that passes and one that does not, or that nobody needs, the one in the middle is tried: as a segment
 * of that length, of octets that are due anyway. Its ACK makes it the size that passes; its loss, which says nothing of
 * congestion, the one that does not. What is lost beside it, or by a timeout, says nothing either way.
 *
 * mtu_probing 2 begins at base_mss and searches upward. With 1 a connection is as without this file until timeouts show
 * a black hole: then its segments are of base_mss at most, after each further timeout half as large, and when they get
 * through the search goes upward again.
 */
#include "send/mtuprobe.h"

#include <net/ip.h>
#include <net/sock.h>

#include "base/netns.h"
#include "base/sock.h"
#include "out/ip.h"
#include "pure/seq.h"
#include "pure/wire.h"
#include "send/mss.h"
#include "sight/mib.h"

#define LEAST_SEGMENTS	11U	/* of the congestion window, as Linux: a loss must be noticed by what follows */

static const struct xtcp_sysctl *sysctls(const struct sock *sk)
{
	return &xtcp_net_of(sk)->sysctl;
}

/* What nobody has to try: the peer takes no more, nor does the route. */
static u16 highest(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return min3(xsk->mss_clamp + xtcp_ip_header_len(sk) + XTCP_HDR_LEN, xsk->pmtu ?: U16_MAX, (u32)U16_MAX);
}

static void begin_search(struct sock *sk, u32 mss)
{
	struct xtcp_mtuprobe *probe = &xtcp_sk(sk)->stream->mtuprobe;

	probe->low = min_t(u32, xtcp_mss_to_mtu(sk, mss), U16_MAX);
	probe->high = highest(sk);
	probe->size = 0;
	probe->stamp = (u32)jiffies;
}

/**
 * xtcp_mtuprobe_begin() - the connection is about to be up
 * @sk: what both SYNs said is known
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_mtuprobe_begin(struct sock *sk)
{
	u8 when = READ_ONCE(sysctls(sk)->mtu_probing);

	sock_owned_by_me(sk);
	/* 1: when timeouts tell of a black hole */
	if (likely(when < 2))
		return;
	if (!xtcp_stream_is_there(xtcp_sk(sk)->stream) && !xtcp_stream_begin(sk, GFP_ATOMIC))
		return;
	begin_search(sk, READ_ONCE(sysctls(sk)->base_mss));
	xtcp_sk(sk)->stream->mtuprobe.is_on = true;
}

/**
 * xtcp_mtuprobe_timeout() - timeouts in a row, for longer than retries1: is there a black hole?
 * @sk: in a synchronized state
 *
 * RFC 4821 section 7.7, RFC 8899 section 4.3.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_mtuprobe_timeout(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = sysctls(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 mss;

	sock_owned_by_me(sk);
	if (!READ_ONCE(ctl->mtu_probing))
		return;
	if (!stream->mtuprobe.is_on) {
		begin_search(sk, READ_ONCE(ctl->base_mss));
		stream->mtuprobe.is_on = true;
	} else {
		mss = min_t(u32, xtcp_mss_of(sk, stream->mtuprobe.low) / 2, READ_ONCE(ctl->base_mss));
		mss = max3(mss, (u32)READ_ONCE(ctl->mtu_probe_floor), (u32)READ_ONCE(ctl->min_snd_mss));
		stream->mtuprobe.low = min_t(u32, xtcp_mss_to_mtu(sk, mss), U16_MAX);
		stream->mtuprobe.size = 0;
	}
	xtcp_mss_sync(sk, xsk->pmtu);
}

/* A router that may cut the probe makes it say nothing (RFC 8899 section 3, item 2). */
static bool may_be_cut(const struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get((struct sock *)sk);

	return xtcp_sock_is_v4(sk) && dst && !ip_dont_fragment(sk, dst);
}

/**
 * xtcp_mtuprobe_due() - is a probe to be sent?
 * @sk: the sock, about to send new text
 *
 * A route may have changed: when there is nothing to find, the search begins anew after probe_interval.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets of text in it; 0: none is due. Besides it so much should follow that its loss is noticed.
 */
u32 xtcp_mtuprobe_due(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_mtuprobe *probe = &stream->mtuprobe;
	const struct xtcp_sysctl *ctl = sysctls(sk);
	u32 size, needed;

	sock_owned_by_me(sk);
	if (!probe->is_on || probe->size || xsk->cong.phase != XTCP_CONG_OPEN ||
	    xsk->cong.cwnd < LEAST_SEGMENTS * xsk->mss || xtcp_sack_has_news(&stream->sack) || may_be_cut(sk))
		return 0;
	size = xtcp_mss_of(sk, (probe->high + probe->low) / 2);
	if (probe->high - probe->low < READ_ONCE(ctl->probe_threshold) || size <= xsk->mss) {
		if ((u32)jiffies - probe->stamp >= (u64)READ_ONCE(ctl->probe_interval) * HZ)
			begin_search(sk, xsk->mss);
		return 0;
	}
	needed = size + (stream->scoreboard.reordering + 1U) * xsk->mss;
	return xsk->write_seq - xsk->snd_nxt >= needed && xsk->snd_wnd >= needed ? size : 0;
}

/**
 * xtcp_mtuprobe_sent() - a probe was sent
 * @sk: the sock
 * @start: its first octet
 * @end: the octet after it
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_mtuprobe_sent(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_mtuprobe *probe = &xtcp_sk(sk)->stream->mtuprobe;

	sock_owned_by_me(sk);
	probe->start = start;
	probe->end = end;
	probe->size = xtcp_mss_to_mtu(sk, end - start);
}

/**
 * xtcp_mtuprobe_acked() - SND.UNA has moved while a probe was on its way
 * @sk: the sock
 *
 * The congestion window is in octets, so it stays what it is.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_mtuprobe_acked(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_mtuprobe *probe = &xsk->stream->mtuprobe;

	sock_owned_by_me(sk);
	if (!probe->size || xtcp_seq_lt(xsk->snd_una, probe->end))
		return;
	probe->low = probe->size;
	probe->size = 0;
	xtcp_mss_sync(sk, xsk->pmtu);
	XTCP_NET_INC_STATS(xsk->xn, LINUX_MIB_TCPMTUPSUCCESS);
}

/**
 * xtcp_mtuprobe_lost() - something is lost: is it the probe?
 * @sk: the sock; in no repair
 *
 * RFC 4821 section 7.6.2.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it is the first that is missing: it was too large, and that is all there is to it.
 */
bool xtcp_mtuprobe_lost(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_mtuprobe *probe = &xsk->stream->mtuprobe;

	sock_owned_by_me(sk);
	if (likely(!probe->size) || xsk->snd_una != probe->start)
		return false;
	probe->high = probe->size - 1;
	probe->size = 0;
	XTCP_NET_INC_STATS(xsk->xn, LINUX_MIB_TCPMTUPFAIL);
	return true;
}
