// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC (RFC 9438), with HyStart++ (RFC 9406) and ACK trains in the first slow start.
 *
 * CUBIC's windows are in octets, so a segment of the RFC is SMSS octets here. Time within an epoch
 * is in 1/1024 s; in these units C is 0.4 SMSS / 2^30 octets. As in Linux, and not in the RFC:
 *
 * - cwnd replaces flight_size, as section 4.6 allows: the window grows only while it is full.
 * - The smallest RTT replaces RTT: a flow must not grow faster because it has filled a queue.
 * - While W_max is unknown, the window grows by at least 5% per round trip.
 *
 * Plain slow start doubles the window until something is lost: it may then be twice what the path
 * can carry. HyStart++ watches the smallest RTT of each round. When it grows, a queue builds up:
 * for five rounds the window grows at a quarter of the speed (conservative slow start). If the
 * growth was jitter, the RTT falls back and slow start goes on.
 *
 * But the RTT of a round is measured only in the next one, and the window doubles in that, too. So
 * an ACK train also ends slow start: ACKs that come without a pause for five eighths of an RTT.
 * With b for the bandwidth-delay product, the train comes in the first round that begins with a
 * window of 5/8 to 10/8 b, and adds 5/8 b. The window is then 10/8 to 15/8 b, which a queue of one
 * b can hold. With half an RTT, as in Linux's older HyStart, it may be just b; the first segment
 * lost by chance would leave 7/10 b, and the path partly empty. While something is out of order,
 * there is no train: a path that reorders spreads any window over the whole RTT.
 */

#include "cong/reduction.h"
#include "sight/sight.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

enum xtcp_hystart_phase {
	XTCP_HYSTART_OFF,		/* HyStart has ended: later slow starts do not use it */
	XTCP_HYSTART_SLOW_START,
	XTCP_HYSTART_CSS,		/* conservative slow start: perhaps a queue builds up */
};

enum xtcp_hystart_end {
	XTCP_HYSTART_GOES_ON,
	XTCP_HYSTART_SLOWER,		/* slow start ends: the RTT did not fall back during CSS */
	XTCP_HYSTART_TRAIN,		/* slow start ends: a train of ACKs lasted 5/8 of an RTT */
};

/*
 * struct xtcp_hystart - HyStart's state, with the names of RFC 9406 section 4.2
 * @train_start_us: when the first ACK of the present train came, microseconds (the low 32 bits of
 *	the clock). A train is a series of ACKs without a pause
 */
struct xtcp_hystart {
	u32 window_end;		/* windowEnd: the round ends when all octets before this number are acknowledged */
	u32 last_min_us;	/* lastRoundMinRTT, microseconds; U32_MAX: none */
	u32 round_min_us;	/* currentRoundMinRTT, microseconds; U32_MAX: none */
	u32 baseline_us;	/* cssBaselineMinRtt, microseconds */
	u32 train_start_us;
	u32 train_end_us;	/* when the last ACK of the train came */
	u16 samples;		/* rttSampleCount */
	u8 css_rounds;		/* rounds of CSS that have ended */
	u8 phase;		/* enum xtcp_hystart_phase */
};

/* The constants of RFC 9406 section 4.3 */
#define MIN_RTT_THRESH_US	4000U
#define MAX_RTT_THRESH_US	16000U
#define MIN_RTT_DIVISOR		8
#define N_RTT_SAMPLE		8
#define CSS_GROWTH_DIVISOR	4
#define CSS_ROUNDS		5
#define GROWTH_SEGMENTS		8U	/* L of RFC 9406 */
#define GROWTH_OCTETS		65536U	/* see xtcp_hystart_growth() */

static void begin_round(struct xtcp_hystart *hystart, u32 snd_nxt)
{
	hystart->window_end = snd_nxt;
	hystart->last_min_us = hystart->round_min_us;
	hystart->round_min_us = ~0U;
	hystart->samples = 0;
}

static void xtcp_hystart_start(struct xtcp_hystart *hystart, u32 snd_nxt, u32 now_us)
{
	hystart->round_min_us = ~0U;
	hystart->baseline_us = ~0U;
	hystart->css_rounds = 0;
	hystart->phase = XTCP_HYSTART_SLOW_START;
	hystart->train_start_us = now_us;
	hystart->train_end_us = now_us;
	begin_round(hystart, snd_nxt);
}

/*
 * Have ACKs come for five eighths of the smallest RTT without a gap longer than pause_us? That is
 * at most a quarter of the RTT: while the window is below three quarters of the BDP, each RTT has a
 * longer gap. A train shorter than MIN_RTT_THRESH_US is only a burst.
 */
static bool is_train(struct xtcp_hystart *hystart, u32 now_us, bool in_order)
{
	u32 rtt_us = min(hystart->last_min_us, hystart->round_min_us);
	u32 pause_us = min(clamp(rtt_us / MIN_RTT_DIVISOR, MIN_RTT_THRESH_US, MAX_RTT_THRESH_US), rtt_us / 4);

	if (!in_order || rtt_us == ~0U || now_us - hystart->train_end_us > pause_us)
		hystart->train_start_us = now_us;
	hystart->train_end_us = now_us;
	return now_us - hystart->train_start_us > max(rtt_us / 8 * 5, MIN_RTT_THRESH_US);
}

/* Has the RTT grown by an eighth, but by at least 4 ms? Growth by 16 ms is always enough. */
static bool is_slower(const struct xtcp_hystart *hystart)
{
	u32 last = hystart->last_min_us, thresh;

	if (last == ~0U || hystart->round_min_us == ~0U)
		return false;
	thresh = clamp(last / MIN_RTT_DIVISOR, MIN_RTT_THRESH_US, MAX_RTT_THRESH_US);
	return hystart->round_min_us >= last && hystart->round_min_us - last >= thresh;
}

static void look_at_round(struct xtcp_hystart *hystart)
{
	if (hystart->samples < N_RTT_SAMPLE)
		return;
	if (hystart->phase == XTCP_HYSTART_SLOW_START && is_slower(hystart)) {
		hystart->phase = XTCP_HYSTART_CSS;
		hystart->baseline_us = hystart->round_min_us;
		hystart->css_rounds = 0;
	} else if (hystart->phase == XTCP_HYSTART_CSS && hystart->round_min_us < hystart->baseline_us) {
		hystart->phase = XTCP_HYSTART_SLOW_START;
		hystart->baseline_us = ~0U;
	}
}

/*
 * Processes an ACK in slow start (RFC 9406 section 4.2). @rtt_us: 0: none. @in_order: nothing is
 * out of order at the receiver. The rest of the round in which CSS begins counts as its first
 * round. Not called while the window does not limit the sender; after more than 2^31 octets the end
 * of the round seems to lie beyond SND.NXT. If slow start has ended, the caller sets ssthresh.
 */
static enum xtcp_hystart_end xtcp_hystart_acked(struct xtcp_hystart *hystart, u32 snd_una, u32 snd_nxt, u32 rtt_us,
						u32 now_us, bool in_order)
{
	if (hystart->phase == XTCP_HYSTART_OFF)
		return XTCP_HYSTART_GOES_ON;
	if (rtt_us) {
		hystart->round_min_us = min(hystart->round_min_us, rtt_us);
		if (hystart->samples < N_RTT_SAMPLE)
			hystart->samples++;
		look_at_round(hystart);
	}
	if (is_train(hystart, now_us, in_order)) {
		hystart->phase = XTCP_HYSTART_OFF;
		return XTCP_HYSTART_TRAIN;
	}
	if (xtcp_seq_lt(snd_una, hystart->window_end) && xtcp_seq_le(hystart->window_end, snd_nxt))
		return XTCP_HYSTART_GOES_ON;
	begin_round(hystart, snd_nxt);
	if (hystart->phase != XTCP_HYSTART_CSS || ++hystart->css_rounds < CSS_ROUNDS)
		return XTCP_HYSTART_GOES_ON;
	hystart->phase = XTCP_HYSTART_OFF;
	return XTCP_HYSTART_SLOWER;
}

/*
 * How much the window grows in slow start. Without pacing, RFC 9406 limits it to 8 segments for
 * each ACK, against bursts. But receivers that merge segments (GRO) acknowledge 64 KB at once, and
 * we send as much (GSO). So the limit is 64 KB, or 8 segments if that is more; none after HyStart.
 */
static u32 xtcp_hystart_growth(const struct xtcp_hystart *hystart, u32 acked, u32 mss)
{
	if (hystart->phase == XTCP_HYSTART_OFF)
		return acked;
	acked = min(acked, max(GROWTH_SEGMENTS * mss, GROWTH_OCTETS));
	return hystart->phase == XTCP_HYSTART_CSS ? acked / CSS_GROWTH_DIVISOR : acked;
}

/*
 * struct xtcp_cubic_epoch - one epoch of congestion avoidance; names: RFC 9438 section 4.1.2
 * @w_max: W_max; 0 (unknown) before a reduction, after a timeout or a slow start without a loss
 */
struct xtcp_cubic_epoch {
	u64 start_us;	/* t_epoch, microseconds; 0: the epoch has not begun */
	u32 w_max;
	u32 w_prior;	/* cwnd_prior */
	u32 origin;	/* the plateau: the larger of W_max and the window at which the epoch began */
	u32 w_est;	/* W_est */
	u32 k;		/* K, in 1/1024 s */
};

/*
 * struct xtcp_cubic - CUBIC's state
 * @before: the epoch before the last reduction, in case the reduction was needless (section 4.9.2)
 */
struct xtcp_cubic {
	struct xtcp_cubic_epoch now;	/* the current epoch */
	struct xtcp_cubic_epoch before;
	u64 grown_us;			/* when an ACK last let the window grow, microseconds */
	u32 credit;	/* the fraction of an octet by which cwnd has yet to grow, in units of 1/cwnd octet */
	u32 credit_est;			/* the same for W_est, also in units of 1/cwnd octet */
};

#define MAX_WINDOW	0x7fffffffU	/* octets; half of the sequence space */
#define MAX_TICKS	1048576U	/* 17 min in 1/1024 s; later the curve exceeds MAX_WINDOW */
#define US_PER_SECOND	1000000U
#define GAP_MIN_US	200000U		/* see leave_out_gap() */

/* The largest number whose cube is not above @value, bit by bit, without division: only once per epoch. */
static u64 xtcp_cubic_root(u64 value)
{
	u64 root = 0, step;
	int shift;

	for (shift = 60; shift >= 0; shift -= 3) {
		root *= 2;
		/* (root + 1)^3 - root^3 */
		step = 3 * root * (root + 1) + 1;
		if (value >> shift >= step) {
			value -= step << shift;
			root++;
		}
	}
	return root;
}

/* K in 1/1024 s (RFC 9438 equation (2)). @octets: W_max - cwnd_epoch, at most 2^31. */
static u32 xtcp_cubic_k(u32 octets, u32 mss)
{
	/* K^3 is octets / (0.4 SMSS) in s^3, and 2^30 times this number in (1/1024 s)^3 */
	return (u32)xtcp_cubic_root(div_u64((5ULL * octets) << 29, mss));
}

/* W_cubic at @us microseconds of an epoch (RFC 9438 equation (1)): 0 to 2^31 - 1 octets. */
static u32 xtcp_cubic_window(const struct xtcp_cubic_epoch *epoch, u64 us, u32 mss)
{
	u64 t = us < (u64)MAX_TICKS * US_PER_SECOND / 1024 ? div_u64(us << 10, US_PER_SECOND) : MAX_TICKS;
	u64 off = t < epoch->k ? epoch->k - t : t - epoch->k;
	u64 octets = div_u64(mul_u64_u32_shr(off * off * off, mss, 29), 5);

	if (t < epoch->k)
		return octets < epoch->origin ? epoch->origin - (u32)octets : 0;
	return octets < MAX_WINDOW - epoch->origin ? epoch->origin + (u32)octets : MAX_WINDOW;
}

/* Begin an epoch of congestion avoidance (sections 4.2, 4.8, 4.10). */
static void begin_epoch(struct xtcp_cubic *cubic, u64 now_us, u32 cwnd, u32 mss)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;

	epoch->start_us = now_us;
	epoch->w_est = cwnd;
	epoch->origin = max(epoch->w_max, cwnd);
	epoch->k = xtcp_cubic_k(epoch->origin - cwnd, mss);
	cubic->credit = 0;
	cubic->credit_est = 0;
}

/* Do not count @us in this epoch, nor in the one before, which an undo may bring back. */
static void leave_out(struct xtcp_cubic *cubic, u64 us)
{
	if (cubic->now.start_us)
		cubic->now.start_us += us;
	if (cubic->before.start_us)
		cubic->before.start_us += us;
}

/*
 * Does not count time in which the program limited the sender (sections 4.2 and 5.8): of a gap of
 * more than GAP_MIN_US plus two RTTs between two ACKs that let the window grow, all but one RTT.
 */
static void leave_out_gap(struct xtcp_cubic *cubic, u64 now_us, u32 rtt_us)
{
	u64 gap = now_us > cubic->grown_us ? now_us - cubic->grown_us : 0;

	if (gap > GAP_MIN_US + 2ULL * rtt_us)
		leave_out(cubic, gap - rtt_us);
	cubic->grown_us = now_us;
	cubic->now.start_us = min(cubic->now.start_us, now_us);
}

/* W_est grows by alpha SMSS per window: 3 (1 - beta) / (1 + beta) = 9/17, from cwnd_prior on 1 (equation (4)). */
static void grow_estimate(struct xtcp_cubic *cubic, u32 cwnd, u32 mss, u32 acked)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;
	u64 part = (u64)acked * mss;
	u32 rest;

	if (epoch->w_est < epoch->w_prior)
		part = div_u64(part * 9, 17);
	part = div_u64_rem(part + cubic->credit_est, cwnd, &rest);
	cubic->credit_est = rest;
	epoch->w_est = part < MAX_WINDOW - epoch->w_est ? epoch->w_est + (u32)part : MAX_WINDOW;
}

/*
 * Grows the window in congestion avoidance (RFC 9438 sections 4.2 to 4.5). @rtt_us: the smallest
 * RTT; 0: unknown. The first call begins an epoch, as does that after a reduction. Return: at least
 * @cwnd. If W_est is larger than both @cwnd and the curve, the window grows towards it, no faster than
 * in slow start: an idle time reduces the window alone, and a jump would send a burst without ACKs.
 * Otherwise the window grows by at most half of @acked.
 */
static u32 xtcp_cubic_grow(struct xtcp_cubic *cubic, u64 now_us, u32 rtt_us, u32 cwnd, u32 mss, u32 acked)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;
	u32 target, rest, most;
	u64 us, more;
	bool friendly;

	if (cwnd >= MAX_WINDOW)
		return cwnd;
	leave_out_gap(cubic, now_us, rtt_us);
	if (!epoch->start_us)
		begin_epoch(cubic, now_us, cwnd, mss);
	us = now_us - epoch->start_us;
	grow_estimate(cubic, cwnd, mss, acked);

	most = acked < MAX_WINDOW - cwnd ? cwnd + acked : MAX_WINDOW;
	friendly = epoch->w_est > cwnd && epoch->w_est > xtcp_cubic_window(epoch, us, mss);
	target = friendly ? cwnd : xtcp_cubic_window(epoch, us + rtt_us, mss);
	if (!epoch->w_max)
		target = max(target, cwnd + cwnd / 20);
	target = clamp(target, cwnd, cwnd + cwnd / 2);
	more = div_u64_rem((u64)(target - cwnd) * acked + cubic->credit, cwnd, &rest);
	cubic->credit = rest;
	cwnd = more < MAX_WINDOW - cwnd ? cwnd + (u32)more : MAX_WINDOW;
	return friendly ? max(cwnd, min(epoch->w_est, most)) : cwnd;
}

/* After a loss or mark (RFC 9438 sections 4.6, 4.7). Return: ssthresh, 0.7 of the window, at least 2 segments. */
static u32 xtcp_cubic_reduce(struct xtcp_cubic *cubic, u32 cwnd, u32 mss)
{
	struct xtcp_cubic_epoch *epoch = &cubic->now;

	cubic->before = *epoch;
	/* fast convergence: a loss at a smaller window than the last one's; leave room for others by a lower W_max */
	epoch->w_max = cwnd < epoch->w_max ? (u32)div_u64(17ULL * cwnd, 20) : cwnd;
	epoch->w_prior = cwnd;
	epoch->start_us = 0;
	return max((u32)div_u64(7ULL * cwnd, 10), 2 * mss);
}

/* After a timeout (RFC 9438 section 4.8), perhaps for each ACK of the recovery: nothing in the next epoch. */
static void xtcp_cubic_timeout(struct xtcp_cubic *cubic)
{
	if (!cubic->now.start_us)
		cubic->now.w_max = 0;
}

/* Note that slow start has ended without a loss (section 4.10). */
static void xtcp_cubic_slow_start_ended(struct xtcp_cubic *cubic, u32 cwnd)
{
	cubic->now.w_prior = cwnd;
	cubic->now.w_max = 0;
	cubic->now.start_us = 0;
}

/* Undo the last reduction, because it was needless (RFC 9438 section 4.9). */
static void xtcp_cubic_undo(struct xtcp_cubic *cubic)
{
	cubic->now = cubic->before;
}

/* Do not count an idle time as part of an epoch. @idle_us: duration of the idle time, microseconds. */
static void xtcp_cubic_idle(struct xtcp_cubic *cubic, u64 idle_us)
{
	leave_out(cubic, idle_us);
	cubic->grown_us += idle_us;
}

/* Arithmetic ends. */

struct cubic_private {
	struct xtcp_cubic curve;	/* state of congestion avoidance */
	struct xtcp_hystart hystart;	/* state of the initial slow start */
};

static void cubic_start(struct sock *sk)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	BUILD_BUG_ON(sizeof(*cubic) > XTCP_CONG_PRIVATE);
	if (tx->cong.ssthresh == U32_MAX)
		xtcp_hystart_start(&cubic->hystart, tx->snd.nxt, (u32)xtcp_clock_us());
}

static void count_end(struct sock *sk, enum xtcp_hystart_end end)
{
	const bool train = end == XTCP_HYSTART_TRAIN;

	XTCP_NET_INC_STATS(xtcp_net_of(sk), train ? LINUX_MIB_TCPHYSTARTTRAINDETECT : LINUX_MIB_TCPHYSTARTDELAYDETECT);
	XTCP_NET_ADD_STATS(xtcp_net_of(sk), train ? LINUX_MIB_TCPHYSTARTTRAINCWND : LINUX_MIB_TCPHYSTARTDELAYCWND,
			   xtcp_cong_cwnd_segments(sk));
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

	cubic->hystart.phase = XTCP_HYSTART_OFF;
	return xtcp_cubic_reduce(&cubic->curve, tx->cong.cwnd, tx->mss);
}

static void cubic_undone(struct sock *sk)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);

	xtcp_cubic_undo(&cubic->curve);
	/* if ssthresh is infinite again, the initial slow start goes on */
	cubic_start(sk);
}

static void cubic_idle(struct sock *sk, u32 idle_us)
{
	struct cubic_private *cubic = xtcp_cong_private(sk);

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
