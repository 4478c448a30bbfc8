// SPDX-License-Identifier: GPL-2.0
/*
 * Searches for the path MTU by probes, because routers may not report it (RFC 4821, RFC 8899
 * section 4).
 *
 * The search is binary, between the largest size that is known to pass and the largest size that
 * may pass. A probe is a segment of the middle size, with data that is to be sent anyway. If the
 * probe is acknowledged, its size passes. If the probe is lost, its size does not pass, and the
 * loss is no sign of congestion. If an earlier segment is also lost, or if a timeout finds the
 * loss, the probe tells nothing about the path MTU.
 *
 * With mtu_probing 2, a connection begins at base_mss and searches upward. With 1, this file does
 * nothing until timeouts show a black hole. Then base_mss limits the size of segments, and each
 * further timeout halves this limit, but not below mtu_probe_floor. When these smaller segments get
 * through, the search goes upward again.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "send/mtuprobe.h"

#include <net/ip.h>
#include <net/sock.h>

#include "base/is_v4.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/wire.h"
#include "cong/stream_begin.h"
#include "out/ip.h"
#include "send/mss.h"
#include "sight/mib.h"

/*
 * a probe is sent only if the congestion window has at least this many segments, as in Linux: the
 * segments behind the probe have to reveal its loss
 */
#define LEAST_SEGMENTS	11U

static const struct xtcp_sysctl *sysctls(const struct sock *sk)
{
	return &xtcp_net_of(sk)->sysctl;
}

/*
 * The upper limit of the search, octets. A larger packet is too large for the peer or for the
 * route.
 */
static u16 highest(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	return min_t(u32, tx->agreed.mss_clamp + xtcp_ip_header_len(sk) + XTCP_HDR_LEN,
		     min_not_zero(tx->pmtu, (u32)U16_MAX));
}

static void begin_search(struct sock *sk, u32 mss)
{
	struct xtcp_mtuprobe *probe = &xtcp_sender(sk)->stream->mtuprobe;

	probe->low = min_t(u32, xtcp_mss_to_mtu(sk, mss), U16_MAX);
	probe->high = highest(sk);
	probe->size = 0;
	probe->stamp = (u32)jiffies;
}

/**
 * xtcp_mtuprobe_begin() - a connection begins: search for its path MTU if mtu_probing is 2
 * @sk: the options of both SYNs are known
 */
void xtcp_mtuprobe_begin(struct sock *sk)
{
	u8 when = READ_ONCE(sysctls(sk)->mtu_probing);

	sock_owned_by_me(sk);
	/* if mtu_probing is 1, the search begins when timeouts show a black hole */
	if (likely(when < 2))
		return;
	if (!xtcp_stream_is_there(xtcp_sender(sk)->stream) && !xtcp_stream_begin(sk, GFP_ATOMIC))
		return;
	begin_search(sk, READ_ONCE(sysctls(sk)->base_mss));
	xtcp_sender(sk)->stream->mtuprobe.is_on = true;
}

/**
 * xtcp_mtuprobe_timeout() - text is still unacknowledged after R1, which suggests a black hole:
 * send smaller segments
 * @sk: in a synchronized state
 *
 * RFC 4821 section 7.7, RFC 8899 section 4.3.
 */
void xtcp_mtuprobe_timeout(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = sysctls(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
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
	xtcp_mss_sync(sk, tx->pmtu);
}

/*
 * May a router fragment a probe? Such a probe would tell nothing about the path MTU (RFC 8899
 * section 3, item 2).
 */
static bool may_be_cut(const struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get((struct sock *)sk);

	return xtcp_sock_is_v4(sk) && dst && !ip_dont_fragment(sk, dst);
}

/**
 * xtcp_mtuprobe_due() - is it time to send a probe?
 * @sk: the sock, about to send new data
 *
 * The path may change, so a search that has ended begins anew after probe_interval.
 *
 * Return: how many octets of data the probe has to have; 0: send no probe. If a probe is due,
 * enough data can follow it to reveal its loss.
 */
u32 xtcp_mtuprobe_due(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_mtuprobe *probe = &stream->mtuprobe;
	const struct xtcp_sysctl *ctl = sysctls(sk);
	u32 size, needed;

	sock_owned_by_me(sk);
	if (!probe->is_on || probe->size || tx->cong.phase != XTCP_CONG_OPEN ||
	    tx->cong.cwnd < LEAST_SEGMENTS * tx->mss || xtcp_sack_has_news(&stream->sack) || may_be_cut(sk))
		return 0;
	size = xtcp_mss_of(sk, (probe->high + probe->low) / 2);
	if (probe->high - probe->low < READ_ONCE(ctl->probe_threshold) || size <= tx->mss) {
		if ((u32)jiffies - probe->stamp >= (u64)READ_ONCE(ctl->probe_interval) * HZ)
			begin_search(sk, tx->mss);
		return 0;
	}
	/* a probe may be larger than many segments: the congestion window counts octets */
	if (tx->cong.cwnd < size + tx->mss)
		return 0;
	needed = size + (stream->scoreboard.reordering + 1U) * tx->mss;
	return tx->snd.write_seq - tx->snd.nxt >= needed && tx->snd.wnd >= needed ? size : 0;
}

/**
 * xtcp_mtuprobe_sent() - note that a probe was sent
 * @sk: the sock
 * @start: sequence number of the first octet of the probe
 * @end: sequence number after the last octet of the probe
 */
void xtcp_mtuprobe_sent(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_mtuprobe *probe = &xtcp_sender(sk)->stream->mtuprobe;

	sock_owned_by_me(sk);
	probe->start = start;
	probe->end = end;
	probe->size = xtcp_mss_to_mtu(sk, end - start);
}

/**
 * xtcp_mtuprobe_acked() - SND.UNA has moved: is the probe acknowledged now?
 * @sk: the sock
 *
 * When the probe is acknowledged, the MSS grows. The congestion window counts octets, so it stays
 * as it is.
 */
void xtcp_mtuprobe_acked(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_mtuprobe *probe = &tx->stream->mtuprobe;

	sock_owned_by_me(sk);
	if (!probe->size || xtcp_seq_lt(tx->snd.una, probe->end))
		return;
	probe->low = probe->size;
	probe->size = 0;
	xtcp_mss_sync(sk, tx->pmtu);
	XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPMTUPSUCCESS);
}

/**
 * xtcp_mtuprobe_lost() - a segment is lost: is it the probe?
 * @sk: the sock; not in recovery
 *
 * RFC 4821 section 7.6.2.
 *
 * Return: true when the probe is the first missing segment: it was too large, and its loss is no
 * sign of congestion.
 */
bool xtcp_mtuprobe_lost(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_mtuprobe *probe = &tx->stream->mtuprobe;

	sock_owned_by_me(sk);
	if (likely(!probe->size) || tx->snd.una != probe->start)
		return false;
	probe->high = probe->size - 1;
	probe->size = 0;
	XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPMTUPFAIL);
	return true;
}
