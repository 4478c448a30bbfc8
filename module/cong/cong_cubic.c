// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC (RFC 9438), with HyStart++ (RFC 9406) in the initial slow start. cubic.c and hystart.c do
 * the arithmetic.
 */
#include <linux/minmax.h>
#include <linux/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sender.h"
#include "cong/cong.h"
#include "cong/cubic.h"
#include "cong/hystart.h"
#include "cong/resume.h"
#include "loss/loss.h"
#include "sight/sight.h"

/**
 * struct cubic_private - CUBIC's private state
 * @curve: state of congestion avoidance
 * @hystart: state of the initial slow start
 */
struct cubic_private {
	struct xtcp_cubic curve;
	struct xtcp_hystart hystart;
};

static void cubic_start(struct sock *sk)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	BUILD_BUG_ON(sizeof(*cubic) > XTCP_CONG_PRIVATE);
	if (tx->cong.ssthresh == U32_MAX)
		xtcp_hystart_start(&cubic->hystart, tx->snd.nxt, (u32)xtcp_clock_us());
}

static void count_end(struct sock *sk, enum xtcp_hystart_end end)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	u32 segments = xtcp_cong_cwnd_segments(sk);

	if (end == XTCP_HYSTART_TRAIN) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPHYSTARTTRAINDETECT);
		XTCP_NET_ADD_STATS(xn, LINUX_MIB_TCPHYSTARTTRAINCWND, segments);
	} else {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPHYSTARTDELAYDETECT);
		XTCP_NET_ADD_STATS(xn, LINUX_MIB_TCPHYSTARTDELAYCWND, segments);
	}
}

/* Grow the window in slow start. Return: the octets that are left for congestion avoidance. */
static u32 cubic_slow_start(struct sock *sk, struct cubic_private *cubic, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	u32 room = cong->ssthresh - cong->cwnd, most = U32_MAX / 2 - min(cong->cwnd, U32_MAX / 2);
	enum xtcp_hystart_end end;

	cong->cwnd += min3(xtcp_hystart_growth(&cubic->hystart, sample->delivered, tx->mss), room, most);
	end = xtcp_hystart_acked(&cubic->hystart, tx->snd.una, tx->snd.nxt, sample->rtt_us, (u32)sample->now_us,
				 cong->phase == XTCP_CONG_OPEN && !xtcp_resume_has_jumped(tx->stream->cong.resume));
	if (end == XTCP_HYSTART_GOES_ON)
		return sample->delivered - min(sample->delivered, room);
	cong->ssthresh = cong->cwnd;
	xtcp_cubic_slow_start_ended(&cubic->curve, cong->cwnd);
	count_end(sk, end);
	return 0;
}

static void cubic_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	u32 acked = sample->delivered, rtt_us = tx->rto.min_rtt_us;

	sock_owned_by_me(sk);
	if (cong->phase == XTCP_CONG_LOSS)
		xtcp_cubic_timeout(&cubic->curve);
	if (cong->cwnd < cong->ssthresh)
		acked = cubic_slow_start(sk, cubic, sample);
	if (acked)
		cong->cwnd = xtcp_cubic_grow(&cubic->curve, sample->now_us, rtt_us == U32_MAX ? 0 : rtt_us,
					     cong->cwnd, tx->mss, acked);
}

static u32 cubic_ssthresh(struct sock *sk)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	cubic->hystart.phase = XTCP_HYSTART_OFF;
	return xtcp_cubic_reduce(&cubic->curve, tx->cong.cwnd, tx->mss);
}

static void cubic_undone(struct sock *sk)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	xtcp_cubic_undo(&cubic->curve);
	/* if ssthresh is infinite again, the initial slow start goes on */
	if (tx->cong.ssthresh == U32_MAX)
		xtcp_hystart_start(&cubic->hystart, tx->snd.nxt, (u32)xtcp_clock_us());
}

static void cubic_idle(struct sock *sk, u32 idle_us)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);

	sock_owned_by_me(sk);
	xtcp_cubic_idle(&cubic->curve, idle_us);
}

const struct xtcp_cong_ops xtcp_cong_cubic = {
	.name = "cubic",
	.start = cubic_start,
	.acked = cubic_acked,
	.ssthresh = cubic_ssthresh,
	.undone = cubic_undone,
	.idle = cubic_idle,
	.resumes = true,
};
