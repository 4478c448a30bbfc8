// SPDX-License-Identifier: GPL-2.0
/*
 * HyStart++ (RFC 9406), and ACK trains. Pure: no socket, no clock.
 *
 * Plain slow start doubles the window until something is lost. By then the window may be twice as
 * large as the path can carry, and half of it is lost. HyStart++ watches the smallest RTT of each
 * round. If this RTT has grown, a queue builds up, and the window grows at a quarter of the speed
 * for five rounds (conservative slow start). If the growth was jitter, the RTT falls back and slow
 * start goes on.
 *
 * If a round is sent faster than the path can carry it, the RTT grows. But this RTT is measured
 * only in the next round, when the ACKs come. In that round the window doubles again, and the queue
 * may overflow before the longer RTT is noticed. So an ACK train also ends slow start. ACKs are a
 * train when they have come without a pause for five eighths of an RTT.
 *
 * Linux's HyStart, which is older than RFC 9406, ends slow start when a train has lasted half an
 * RTT. The window may then be just as large as the bandwidth-delay product (BDP). In that case the
 * first segment lost by chance would reduce the window to seven tenths of the BDP, and leave the
 * path partly empty.
 *
 * The ACKs of a window of 5/8 of the BDP arrive over 5/8 of an RTT. So a train ends slow start in
 * the first round that begins with a window of at least 5/8 of the BDP. The round before began with
 * less than that. The window doubles from round to round, so the round of the train begins with 5/8
 * to 10/8 of the BDP. The ACKs of the train add 5/8 of the BDP. When slow start ends, the window is
 * 10/8 to 15/8 of the BDP, and a queue that holds one BDP does not overflow.
 *
 * The gaps between ACKs show the rate of the bottleneck only while segments arrive in order. A path
 * that reorders segments delays each of them by a different time, and so spreads any window over
 * the whole RTT. So while something is out of order, no ACK belongs to a train.
 */
#include "cong/hystart.h"

#include <linux/minmax.h>

#include "base/seq.h"

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

/**
 * xtcp_hystart_start() - begin the initial slow start
 * @hystart: to set
 * @snd_nxt: SND.NXT
 * @now_us: the clock, microseconds
 *
 * Context: any.
 */
void xtcp_hystart_start(struct xtcp_hystart *hystart, u32 snd_nxt, u32 now_us)
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
 * Have ACKs come for five eighths of the smallest RTT without a gap longer than pause_us? pause_us
 * is at most a quarter of the RTT. While the window is less than three quarters of the BDP, each
 * RTT has a gap without ACKs that is longer than a quarter of the RTT. Such a gap is longer than
 * pause_us and ends the train. A train shorter than MIN_RTT_THRESH_US is only a burst, and does not
 * count.
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

/**
 * xtcp_hystart_acked() - process an ACK in slow start
 * @hystart: the state
 * @snd_una: SND.UNA after the ACK
 * @snd_nxt: SND.NXT
 * @rtt_us: the RTT of the ACK, microseconds; 0: none
 * @now_us: the clock, microseconds
 * @in_order: nothing is out of order at the receiver
 *
 * RFC 9406 section 4.2. CSS is conservative slow start. The rest of the round in which CSS begins
 * counts as the first round of CSS. While the window does not limit the sender, this function is
 * not called. When more than 2^31 octets have passed meanwhile, the end of the round seems to lie
 * beyond SND.NXT.
 *
 * Context: any.
 *
 * Return: whether slow start has ended, and why; if so, the caller sets ssthresh to the window.
 */
enum xtcp_hystart_end xtcp_hystart_acked(struct xtcp_hystart *hystart, u32 snd_una, u32 snd_nxt, u32 rtt_us,
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

/**
 * xtcp_hystart_growth() - compute how much the window grows in slow start
 * @hystart: the state
 * @acked: octets that arrived
 * @mss: SMSS
 *
 * For a sender without pacing, RFC 9406 limits the growth per ACK to L = 8 segments, against
 * bursts. But receivers that merge segments (GRO) acknowledge 64 KB at once, so this limit would
 * stop slow start from doubling the window. We send skbs of 64 KB in any case (GSO), so growth by
 * 64 KB makes no larger burst. The limit here is 64 KB, or 8 segments if that is more. When HyStart
 * has ended, there is no limit.
 *
 * Context: any.
 *
 * Return: octets.
 */
u32 xtcp_hystart_growth(const struct xtcp_hystart *hystart, u32 acked, u32 mss)
{
	if (hystart->phase == XTCP_HYSTART_OFF)
		return acked;
	acked = min(acked, max(GROWTH_SEGMENTS * mss, GROWTH_OCTETS));
	return hystart->phase == XTCP_HYSTART_CSS ? acked / CSS_GROWTH_DIVISOR : acked;
}
