// SPDX-License-Identifier: GPL-2.0
/*
 * DCTCP (RFC 8257): the window falls in proportion to how much was marked. DCTCP needs switches
 * that mark as soon as a few segments are queued. In AccECN mode the peer reports how many segments
 * were marked. Otherwise the peer must use DCTCP, too, so that its ECE reports exactly what was
 * marked (ecn.c). Without ECN, DCTCP behaves as NewReno, as in Linux.
 */
#include <linux/inet_diag.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "base/sender.h"
#include "base/seq.h"
#include "cong/cong.h"
#include "ecn/ecn.h"
#include "loss/sample.h"

#define ALPHA_ONE	65536U	/* 1.0, as in the example of section 4.2 */
#define ALPHA_SHIFT	4	/* g is 1/16 */
#define INFO_ONE	1024U	/* 1.0 in TCP_CC_INFO */

/**
 * struct dctcp - DCTCP's private state
 * @alpha: DCTCP.Alpha, in 1/65536
 * @window_end: DCTCP.WindowEnd
 * @acked: DCTCP.BytesAcked, octets
 * @marked: DCTCP.BytesMarked, octets
 * @counted: octets that count towards the next segment of the window
 * @sent: total of octets sent when the observation window began, modulo 2^32
 * @segments: total of segments sent when it began
 * @segment: average size of a sent segment in the previous window, octets
 */
struct dctcp {
	u32 alpha;
	u32 window_end;
	u32 acked;
	u32 marked;
	u32 counted;
	u32 sent;
	u32 segments;
	u32 segment;
};

/*
 * The average size of the segments sent in this window. If none was sent, the average of the
 * previous window counts.
 */
static u32 segment_size(const struct dctcp *dctcp, const struct xtcp_sender *tx)
{
	const struct xtcp_stream *stream = tx->stream;
	u32 segments = stream->data_segs_out - dctcp->segments;

	return segments ? ((u32)stream->bytes_sent - dctcp->sent) / segments : dctcp->segment;
}

static void begin_window(struct dctcp *dctcp, const struct xtcp_sender *tx)
{
	const struct xtcp_stream *stream = tx->stream;

	dctcp->segment = segment_size(dctcp, tx);
	dctcp->sent = (u32)stream->bytes_sent;
	dctcp->segments = stream->data_segs_out;
	dctcp->window_end = tx->snd.nxt;
	dctcp->acked = 0;
	dctcp->marked = 0;
}

/* Alpha starts at 1, so the first mark halves the window (section 3.3). */
static void dctcp_start(struct sock *sk)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	BUILD_BUG_ON(sizeof(*dctcp) > XTCP_CONG_PRIVATE);
	dctcp->alpha = ALPHA_ONE;
	dctcp->segments = tx->stream->data_segs_out;
	dctcp->segment = tx->mss;
	begin_window(dctcp, tx);
	xtcp_ecn_be_exact(sk, true);
}

/*
 * Section 4.2: Alpha = Alpha * (1 - g) + g * M, computed so that Alpha can reach 0 and never
 * exceeds 1.
 */
static u32 alpha_after(const struct dctcp *dctcp)
{
	u32 alpha = dctcp->alpha;

	alpha -= min_not_zero(alpha, alpha >> ALPHA_SHIFT);
	if (dctcp->marked)
		alpha += (u32)div_u64((u64)dctcp->marked * (ALPHA_ONE >> ALPHA_SHIFT), dctcp->acked);
	return min(alpha, ALPHA_ONE);
}

/*
 * How many of the octets that an ACK reports were marked? With ECE, all of them. AccECN reports a
 * number of segments: assume that they have the average size of ours, and count at most what
 * arrived.
 */
static u32 marked_octets(const struct dctcp *dctcp, const struct xtcp_sender *tx, const struct xtcp_sample *sample)
{
	if (!sample->marked || !(tx->ecn & XTCP_ECN_ACCURATE))
		return sample->marked ? sample->delivered : 0;
	return min_t(u64, (u64)sample->marked * segment_size(dctcp, tx), sample->delivered);
}

/*
 * Section 3.3: update Alpha once per window. As in Linux, sacked octets count when they are sacked.
 */
static void dctcp_ecn_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	dctcp->acked += sample->delivered;
	dctcp->marked += marked_octets(dctcp, tx, sample);
	if (xtcp_seq_le(tx->snd.una, dctcp->window_end))
		return;
	dctcp->alpha = alpha_after(dctcp);
	begin_window(dctcp, tx);
}

static void dctcp_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);

	sock_owned_by_me(sk);
	xtcp_cong_grow(sk, sample->delivered, &dctcp->counted);
}

/* A loss halves the window, as without DCTCP (section 3.5). */
static u32 dctcp_ssthresh(struct sock *sk)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	dctcp->counted = 0;
	return max_t(u32, tx->cong.cwnd / 2, 2U * tx->mss);
}

/* Section 3.3, step 9: cwnd * (1 - Alpha / 2). */
static u32 dctcp_marked(struct sock *sk)
{
	struct dctcp *dctcp = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u32 cwnd = tx->cong.cwnd;

	sock_owned_by_me(sk);
	dctcp->counted = 0;
	return max_t(u32, cwnd - (u32)div_u64((u64)cwnd * dctcp->alpha, 2 * ALPHA_ONE), 2U * tx->mss);
}

/* Without ECN all fields are 0, as in Linux. */
static size_t dctcp_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct dctcp *dctcp = xtcp_cong_private(sk);

	sock_owned_by_me(sk);
	if (xtcp_sender(sk)->ecn & XTCP_ECN_OK) {
		info->dctcp.dctcp_enabled = 1;
		info->dctcp.dctcp_ce_state = xtcp_ecn_comes_marked(sk);
		info->dctcp.dctcp_alpha = dctcp->alpha / (ALPHA_ONE / INFO_ONE);
		info->dctcp.dctcp_ab_ecn = dctcp->marked;
		info->dctcp.dctcp_ab_tot = dctcp->acked;
	}
	return sizeof(info->dctcp);
}

static void dctcp_end(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_ecn_be_exact(sk, false);
}

const struct xtcp_cong_ops xtcp_cong_dctcp = {
	.name = "dctcp",
	.start = dctcp_start,
	.acked = dctcp_acked,
	.ssthresh = dctcp_ssthresh,
	.marked = dctcp_marked,
	.ecn_ack = dctcp_ecn_ack,
	.info = dctcp_info,
	.end = dctcp_end,
	.needs_ecn = true,
};
