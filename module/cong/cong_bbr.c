// SPDX-License-Identifier: GPL-2.0
/*
 * BBR version 3 (draft-ietf-ccwg-bbr). bbr.c has the model and the state machine, pace.c the
 * pacing.
 */
#include <linux/hash.h>
#include <linux/inet_diag.h>
#include <linux/minmax.h>
#include <linux/sizes.h>

#include "base/clock.h"
#include "base/sender.h"
#include "base/wire.h"
#include "cong/bbr.h"
#include "cong/cong.h"
#include "loss/loss.h"

#define QUANTUM_MAX	SZ_64K
#define RTT_UNKNOWN_US	USEC_PER_MSEC	/* assumed RTT while no RTT is known */

/* Sets the pacing rate that holds until the first sample: 2.77 windows per RTT (section 5.6.2). */
static void bbr_first_rate(struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u64 rate = div_u64(277ULL * tx->cong.cwnd * (USEC_PER_SEC / 100), tx->rto.srtt_us ?: RTT_UNKNOWN_US);

	WRITE_ONCE(sk->sk_pacing_rate, min_t(u64, rate, READ_ONCE(sk->sk_max_pacing_rate)));
}

/* SetPacingRate() (section 5.6.2): until the path has been full once, the rate never falls. */
static void bbr_set_rate(struct sock *sk, const struct xtcp_bbr *bbr)
{
	u64 rate = min_t(u64, xtcp_bbr_rate(bbr), READ_ONCE(sk->sk_max_pacing_rate));

	if (rate && (bbr->full_bw_reached || rate > READ_ONCE(sk->sk_pacing_rate)))
		WRITE_ONCE(sk->sk_pacing_rate, rate);
}

static void bbr_start(struct sock *sk)
{
	struct xtcp_bbr *bbr = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	BUILD_BUG_ON(sizeof(*bbr) > XTCP_CONG_PRIVATE);
	xtcp_bbr_start(bbr, xtcp_clock_us(), tx->stream->delivered, tx->rto.srtt_us);
	tx->cong.ssthresh = U32_MAX;
	bbr_first_rate(sk);
}

/* Fill the fields that BBR needs for an ACK and for a loss alike. */
static struct xtcp_bbr_ack bbr_event(const struct sock *sk, u64 now_us)
{
	unsigned long quantum = READ_ONCE(sk->sk_pacing_rate) / MSEC_PER_SEC;
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_stream *stream = tx->stream;

	return (struct xtcp_bbr_ack) {
		.now_us = now_us,
		.cwnd = tx->cong.cwnd,
		.mss = tx->mss,
		.quantum = clamp_t(unsigned long, quantum, 2UL * tx->mss, QUANTUM_MAX),
		.initial_cwnd = xtcp_cong_initial(sk),
		.inflight = xtcp_cong_in_flight(sk),
		.delivered = stream->delivered,
		.random = hash_32((u32)now_us ^ tx->snd.ts_offset, 32),
		.cwnd_limited = stream->cong.is_limiting,
		.in_fast_recovery = tx->cong.phase == XTCP_CONG_RECOVERY,
		.in_recovery = tx->cong.phase >= XTCP_CONG_RECOVERY,
		.sack = tx->agreed.sack_ok,
	};
}

static void bbr_control(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_bbr_ack ack = bbr_event(sk, sample->now_us);
	struct xtcp_bbr *bbr = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 us;

	sock_owned_by_me(sk);
	ack.newly_acked = sample->delivered;
	ack.newly_lost = sample->lost;
	ack.rtt_us = sample->rtt_us;
	ack.ece = sample->ece;
	if (sample->tells_rate) {
		ack.has_sample = true;
		ack.is_limited = sample->is_limited;
		ack.prior_delivered = sample->delivered_before;
		ack.sample_delivered = stream->delivered - sample->delivered_before;
		ack.tx_in_flight = sample->in_flight_then;
		/*
		 * in_flight_then is 0 if the algorithm had no control() when the skb was sent. Then
		 * xtcp_rate_sent() did not store lost_before either
		 */
		ack.lost = sample->in_flight_then ? stream->lost_total - sample->lost_before : 0;
		us = max(sample->sending_us, (u32)sample->now_us - sample->delivered_before_us);
		if (us && us >= tx->rto.min_rtt_us)
			ack.bw = xtcp_bbr_of_sample(ack.sample_delivered, us);
	}
	tx->cong.cwnd = xtcp_bbr_acked(bbr, &ack);
	bbr_set_rate(sk, bbr);
	/* MarkConnectionAppLimited() (5.3.4.3): ProbeRTT's low rate says nothing about the path */
	if (bbr->state == XTCP_BBR_PROBE_RTT) {
		stream->rate.limited = true;
		stream->rate.limited_until = stream->delivered + ack.inflight;
	}
}

static void bbr_lost(struct sock *sk, const struct xtcp_cong_loss *loss)
{
	struct xtcp_bbr_ack event = bbr_event(sk, xtcp_clock_us());

	sock_owned_by_me(sk);
	event.size = loss->octets;
	event.tx_in_flight = loss->in_flight_then;
	event.lost = loss->in_flight_then ? loss->lost_since : 0;
	event.is_limited = loss->is_limited;
	xtcp_bbr_lost(xtcp_cong_private(sk), &event);
}

/*
 * A recovery or CWR begins. ssthresh does not change, since the model of BBR accounts for losses
 * and marks.
 */
static u32 bbr_ssthresh(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_bbr_repair_begins(xtcp_cong_private(sk));
	return xtcp_sender(sk)->cong.ssthresh;
}

static void bbr_undone(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_bbr_undone(xtcp_cong_private(sk), xtcp_sender(sk)->stream->delivered);
}

static void bbr_idle(struct sock *sk, u32 idle_us)
{
	struct xtcp_bbr *bbr = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u64 now_us = xtcp_clock_us();

	sock_owned_by_me(sk);
	if (!stream->rate.limited)
		return;
	tx->cong.cwnd = xtcp_bbr_restarts(bbr, now_us, stream->delivered, tx->cong.cwnd,
					  hash_32((u32)now_us ^ tx->snd.ts_offset, 32));
	bbr_set_rate(sk, bbr);
}

/* Fill in TCP_CC_INFO. Gains are in 1/256, as in Linux. */
static size_t bbr_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct xtcp_bbr *bbr = xtcp_cong_private(sk);
	u64 bw = (u64)xtcp_bbr_bw(bbr) * XTCP_BBR_UNIT;

	sock_owned_by_me(sk);
	info->bbr.bbr_bw_lo = (u32)bw;
	info->bbr.bbr_bw_hi = (u32)(bw >> 32);
	info->bbr.bbr_min_rtt = bbr->min_rtt_us;
	info->bbr.bbr_pacing_gain = xtcp_bbr_pacing_gain(bbr) * 256 / 100;
	info->bbr.bbr_cwnd_gain = xtcp_bbr_cwnd_gain(bbr) * 256 / 100;
	return sizeof(info->bbr);
}

const struct xtcp_cong_ops xtcp_cong_bbr = {
	.name = "bbr",
	.start = bbr_start,
	.control = bbr_control,
	.lost = bbr_lost,
	.ssthresh = bbr_ssthresh,
	.undone = bbr_undone,
	.idle = bbr_idle,
	.info = bbr_info,
	.paces = true,
};
