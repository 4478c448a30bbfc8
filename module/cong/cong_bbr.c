// SPDX-License-Identifier: GPL-2.0
/*
 * BBR version 3 (draft-ietf-ccwg-bbr): path model and state machine. BBR sends about as fast as its
 * octets arrive, in turn a little faster and a little slower. It keeps little more in flight than
 * the bandwidth-delay product of the path.
 *
 * The functions have the draft's names and order; section 5 of the draft has the reasons. cong.c
 * takes the samples, pace.c paces. Differences from the draft, and choices that it leaves:
 *
 * - Each windowed filter keeps two values: the maxima of the current period and of the previous one
 *   (sections 5.5.5, 5.5.9).
 * - Section 5.3.1.3 counts each range of lost octets as a loss event, this file each ACK that
 *   reports losses, as other implementations do.
 * - A congestion mark lowers the same bounds as a loss (section 3.6). But it is no loss event, so
 *   marks do not end Startup.
 */
#include <linux/hash.h>
#include <linux/sizes.h>

#include "cong/reduction.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

#define XTCP_BBR_NONE	((u32)-1)	/* the draft's Infinity */
#define XTCP_BBR_UNIT	16U		/* unit of bandwidths, octets/s: a u32 holds 68 GB/s */

enum xtcp_bbr_state {
	XTCP_BBR_STARTUP,
	XTCP_BBR_DRAIN,
	XTCP_BBR_DOWN,
	XTCP_BBR_CRUISE,
	XTCP_BBR_REFILL,
	XTCP_BBR_UP,
	XTCP_BBR_PROBE_RTT,
};

/* BBR.ack_phase: how ACKs relate to a bandwidth probe. */
enum xtcp_bbr_acks {
	XTCP_BBR_ACKS_INIT,
	XTCP_BBR_ACKS_REFILLING,
	XTCP_BBR_ACKS_STARTING,
	XTCP_BBR_ACKS_FEEDBACK,
	XTCP_BBR_ACKS_STOPPING,
};

/*
 * struct xtcp_bbr - BBR's state; the names are those of sections 2.4 to 2.15 of the draft
 * @full_bw: the path is full when the bandwidth has stayed below 5/4 of this for three round trips
 * @extra_acked: BBR.extra_acked_filter: largest number of octets delivered in excess of the
 *	bandwidth, for each half of the filter's window
 * @next_round_delivered: C.delivered when the round trip began. The round trip ends when an ACK
 *	reports a segment that was sent since the round trip began
 * @undo_state: the state that a perhaps spurious loss has ended: 0 none, 1 Startup, 2 ProbeBW_UP
 * @saved_in_round: the state before the first loss of this round trip is saved, for an undo. Entry
 *	into ProbeBW_DOWN clears @loss_in_round, but not this field
 * @prev_precautionary: BBR.prev_probe_precautionary: the last probe ended early, so that it would
 *	not have too much in flight
 */
struct xtcp_bbr {
	u32 max_bw[2];	/* BBR.max_bw_filter: the largest bandwidth of this cycle and of the previous one */
	u32 bw_latest;			/* largest bandwidth of the last round trip */
	u32 bw_shortterm;		/* upper bound of the bandwidth after losses */
	u32 full_bw;
	u32 undo_bw_shortterm;		/* @bw_shortterm before a recovery */
	u32 inflight_latest;	/* most octets delivered in a sample of the last round trip */
	u32 inflight_longterm;		/* upper bound of octets in flight, from bandwidth probes */
	u32 inflight_shortterm;		/* upper bound of octets in flight, after losses */
	u32 undo_inflight_longterm;	/* @inflight_longterm before a recovery */
	u32 undo_inflight_shortterm;	/* @inflight_shortterm before a recovery */
	u32 min_rtt_us;			/* smallest RTT, microseconds */
	u32 min_rtt_ms;			/* BBR.min_rtt_stamp: when @min_rtt_us was measured */
	u32 probe_rtt_min_us;		/* BBR.probe_rtt_min_delay */
	u32 probe_rtt_min_ms;		/* BBR.probe_rtt_min_stamp */
	u32 probe_rtt_done_ms;		/* BBR.probe_rtt_done_stamp; 0: none */
	u32 extra_acked[2];
	u32 extra_acked_delivered;	/* octets delivered since @extra_acked_us */
	u32 extra_acked_us;	/* BBR.extra_acked_interval_start, the low half of the clock */
	u32 next_round_delivered;
	u32 loss_round_delivered;	/* as @next_round_delivered, for the round trips in which losses are counted */
	u32 cycle_ms;			/* BBR.cycle_stamp */
	u32 probe_up_acked;	/* octets acknowledged in ProbeBW_UP and not yet used to raise @inflight_longterm */
	u32 probe_up_acked_per_inc;	/* how many acknowledged octets raise @inflight_longterm by one segment */
	u32 prior_cwnd;			/* the window before ProbeRTT, octets */
	u16 probe_wait_ms : 15;		/* BBR.bw_probe_wait */
	u16 saved_in_round : 1;
	u8 rounds_since_probe;		/* BBR.rounds_since_probe_up, up to 255 */
	u8 extra_rounds : 5;	/* round trips in the newer half of the window of @extra_acked */
	u8 drain_rounds : 3;		/* round trips in Drain */
	u32 state : 3;			/* enum xtcp_bbr_state */
	u32 ack_phase : 3;		/* enum xtcp_bbr_acks */
	u32 undo_state : 2;
	u32 probe_up_rounds : 5;	/* BBR.bw_probe_up_rounds */
	u32 full_bw_count : 2;		/* round trips in which the bandwidth has stayed below 5/4 of @full_bw */
	u32 full_bw_reached : 1;	/* the path has been full at least once */
	u32 full_bw_now : 1;		/* the path is full now */
	u32 round_start : 1;		/* this ACK begins a round trip */
	u32 loss_round_start : 1;	/* this ACK begins a round trip in which losses are counted */
	u32 loss_in_round : 1;		/* something was lost or marked in this round trip */
	u32 probe_sample : 1;		/* BBR.is_bw_probe_sample: ACKs now report octets that a bandwidth probe sent */
	u32 prev_too_high : 1;	/* BBR.prev_probe_too_high: the last probe had too much in flight */
	u32 prev_precautionary : 1;
	u32 probe_rtt_expired : 1;	/* the minimum RTT must be measured again */
	u32 probe_rtt_round_done : 1;	/* one round trip in ProbeRTT is over */
	u32 idle_restart : 1;		/* sending has just begun again after a pause */
	u32 extra_index : 1;		/* index of the newer half in @extra_acked */
	u32 cycle_index : 1;		/* index of this cycle in @max_bw */
	u32 loss_events : 4;		/* ACKs of this round trip that reported losses, up to 15 */
};

/*
 * struct xtcp_bbr_ack - what an ACK or a loss reports; lengths in octets. Below, "the segment" is
 * the segment whose arrival the ACK reports or, for a loss, the lost segment
 * @has_sample: a segment has arrived: @prior_delivered and @sample_delivered are valid
 */
struct xtcp_bbr_ack {
	u64 now_us;		/* the clock */
	u32 cwnd;		/* the congestion window */
	u32 mss;		/* SMSS */
	u32 quantum;		/* C.send_quantum */
	u32 initial_cwnd;	/* C.InitialCwnd */
	u32 inflight;		/* C.inflight now */
	u32 delivered;		/* C.delivered now */
	u32 newly_acked;	/* RS.newly_acked */
	u32 newly_lost;		/* RS.newly_lost */
	u32 rtt_us;		/* RS.rtt; 0: none */
	u32 prior_delivered;	/* RS.prior_delivered; valid when @has_sample */
	u32 sample_delivered;	/* RS.delivered */
	u32 bw;			/* RS.delivery_rate; 0: the sample has no reliable rate */
	u32 tx_in_flight;	/* RS.tx_in_flight; for a loss P.tx_in_flight */
	u32 lost;		/* RS.lost: octets marked as lost since the segment was sent */
	u32 size;		/* for a loss: octets lost now */
	u32 random;		/* a random number, new for each ACK or loss */
	u32 loss_thresh;	/* BBR.LossThresh, 1 to 100 percent */
	bool has_sample;
	bool is_limited;	/* RS.is_app_limited */
	bool cwnd_limited;	/* C.is_cwnd_limited */
	bool in_fast_recovery;	/* a recovery is going on, and no timeout began it */
	bool in_recovery;	/* any recovery is going on */
	bool sack;		/* C.has_selective_acks */
	bool ece;		/* the ACK echoes a congestion mark */
};

#define US_PER_UNIT		(1000000U / XTCP_BBR_UNIT)
#define MS_US			1000U
#define MARGIN			99U		/* 100 - BBR.PacingMarginPercent */
#define NO_LOSS_TELLS		100U		/* with this BBR.LossThresh losses say nothing */
#define MIN_SEGMENTS		4U		/* BBR.MinPipeCwnd */
#define FULL_ROUNDS		3U
#define FULL_LOSSES		6U		/* BBRStartupFullLossCnt */
#define DRAIN_ROUNDS		3U
#define MIN_RTT_MS		10000U		/* BBR.MinRTTFilterLen */
#define PROBE_RTT_MS		200U		/* BBR.ProbeRTTDuration */
#define PROBE_RTT_EACH_MS	5000U		/* BBR.ProbeRTTInterval */
#define EXTRA_ROUNDS		5U		/* round trips: half of BBR.ExtraAckedFilterLen */
#define RENO_ROUNDS		63U
#define UNDO_STARTUP		1U
#define UNDO_UP			2U

static const u16 pacing_gains[] = {
	[XTCP_BBR_STARTUP] = 277, [XTCP_BBR_DRAIN] = 50, [XTCP_BBR_DOWN] = 90, [XTCP_BBR_CRUISE] = 100,
	[XTCP_BBR_REFILL] = 100, [XTCP_BBR_UP] = 125, [XTCP_BBR_PROBE_RTT] = 100,
};

static const u16 cwnd_gains[] = {
	[XTCP_BBR_STARTUP] = 200, [XTCP_BBR_DRAIN] = 200, [XTCP_BBR_DOWN] = 200, [XTCP_BBR_CRUISE] = 200,
	[XTCP_BBR_REFILL] = 200, [XTCP_BBR_UP] = 225, [XTCP_BBR_PROBE_RTT] = 50,
};

/* The clock in milliseconds. A stamp of 0 means "none", so the function never returns 0. */
static u32 stamp_of(u64 now_us)
{
	return (u32)div_u64(now_us, MS_US) ?: 1;
}

/* @value * BBR.Beta, which is 0.7 */
static u32 beta(u32 value)
{
	return (u32)div_u64(7ULL * value, 10);
}

static u32 max_bw(const struct xtcp_bbr *bbr)
{
	return max(bbr->max_bw[0], bbr->max_bw[1]);
}

static u32 extra_acked(const struct xtcp_bbr *bbr)
{
	return max(bbr->extra_acked[0], bbr->extra_acked[1]);
}

static bool in_probe_bw(const struct xtcp_bbr *bbr)
{
	return bbr->state >= XTCP_BBR_DOWN && bbr->state <= XTCP_BBR_UP;
}

static bool is_probing_bw(const struct xtcp_bbr *bbr)
{
	return bbr->state == XTCP_BBR_STARTUP || bbr->state == XTCP_BBR_REFILL || bbr->state == XTCP_BBR_UP;
}

/* The bandwidth of the model (BBR.bw), in XTCP_BBR_UNIT octets per second. */
static u32 xtcp_bbr_bw(const struct xtcp_bbr *bbr)
{
	return min(max_bw(bbr), bbr->bw_shortterm);
}

/* Get the pacing rate relative to the bandwidth (BBR.pacing_gain). Return: percent. */
static u32 xtcp_bbr_pacing_gain(const struct xtcp_bbr *bbr)
{
	return bbr->idle_restart && in_probe_bw(bbr) ? 100 : pacing_gains[bbr->state];
}

/* Get the window relative to the bandwidth-delay product (BBR.cwnd_gain). Return: percent. */
static u32 xtcp_bbr_cwnd_gain(const struct xtcp_bbr *bbr)
{
	return cwnd_gains[bbr->state];
}

/* Compute the current pacing rate (section 5.6.2). Return: octets per second; 0: not known yet. */
static u64 xtcp_bbr_rate(const struct xtcp_bbr *bbr)
{
	return div_u64((u64)xtcp_bbr_bw(bbr) * XTCP_BBR_UNIT * xtcp_bbr_pacing_gain(bbr) * MARGIN, 100 * 100);
}

/* The bandwidth of a sample (RS.delivery_rate), in XTCP_BBR_UNIT octets per second, at least 1. */
static u32 xtcp_bbr_of_sample(u32 octets, u32 us)
{
	return max_t(u32, min_t(u64, div_u64((u64)octets * US_PER_UNIT, us), XTCP_BBR_NONE - 1), 1);
}

/* BDPMultiple(): @percent of the bandwidth-delay product at bandwidth @bw. */
static u32 bdp_multiple(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack, u32 bw, u32 percent)
{
	if (bbr->min_rtt_us == XTCP_BBR_NONE)
		return min(ack->initial_cwnd, U32_MAX / 4);
	return min_t(u64, div_u64(div_u64((u64)bw * bbr->min_rtt_us, US_PER_UNIT) * percent, 100), U32_MAX / 4);
}

static u32 min_pipe(const struct xtcp_bbr_ack *ack)
{
	return MIN_SEGMENTS * ack->mss;
}

static u32 quantization_budget(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack, u32 cap)
{
	cap = max3(cap, 3 * ack->quantum, min_pipe(ack));
	return bbr->state == XTCP_BBR_UP ? cap + 2 * ack->mss : cap;
}

/* Inflight(1.0): octets in flight that fill the path at bandwidth @bw */
static u32 inflight_of(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack, u32 bw)
{
	return quantization_budget(bbr, ack, bdp_multiple(bbr, ack, bw, 100));
}

static u32 inflight_with_headroom(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 longterm = bbr->inflight_longterm, headroom;

	if (longterm == XTCP_BBR_NONE)
		return XTCP_BBR_NONE;
	headroom = max_t(u32, ack->mss, div_u64(15ULL * longterm, 100));
	return max(longterm - min(headroom, longterm), min_pipe(ack));
}

static u32 target_inflight(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	return min(bdp_multiple(bbr, ack, xtcp_bbr_bw(bbr), 100), ack->cwnd);
}

static void reset_congestion_signals(struct xtcp_bbr *bbr)
{
	bbr->loss_in_round = false;
	bbr->bw_latest = 0;
	bbr->inflight_latest = 0;
}

static void reset_shortterm_model(struct xtcp_bbr *bbr)
{
	bbr->bw_shortterm = XTCP_BBR_NONE;
	bbr->inflight_shortterm = XTCP_BBR_NONE;
}

static void reset_full_bw(struct xtcp_bbr *bbr, u32 bw)
{
	bbr->full_bw = bw;
	bbr->full_bw_count = 0;
	bbr->full_bw_now = false;
}

static void start_round(struct xtcp_bbr *bbr, u32 delivered)
{
	bbr->next_round_delivered = delivered;
}

static void enter_drain(struct xtcp_bbr *bbr)
{
	bbr->state = XTCP_BBR_DRAIN;
	bbr->drain_rounds = 0;
}

static void start_down(struct xtcp_bbr *bbr, u64 now_us, u32 delivered, u32 random)
{
	reset_congestion_signals(bbr);
	bbr->probe_up_acked_per_inc = XTCP_BBR_NONE;
	/* PickProbeWait() */
	bbr->rounds_since_probe = random & 1;
	bbr->probe_wait_ms = 2000 + (random >> 1) % 1001;
	bbr->cycle_ms = stamp_of(now_us);
	bbr->ack_phase = XTCP_BBR_ACKS_STOPPING;
	start_round(bbr, delivered);
	bbr->state = XTCP_BBR_DOWN;
}

static void start_refill(struct xtcp_bbr *bbr, u32 delivered)
{
	reset_shortterm_model(bbr);
	bbr->probe_up_rounds = 0;
	bbr->probe_up_acked = 0;
	bbr->prev_precautionary = false;
	bbr->ack_phase = XTCP_BBR_ACKS_REFILLING;
	start_round(bbr, delivered);
	bbr->state = XTCP_BBR_REFILL;
}

static void raise_longterm_slope(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 growth = 1U << bbr->probe_up_rounds;

	bbr->probe_up_rounds = min_t(u32, bbr->probe_up_rounds + 1, 30);
	bbr->probe_up_acked_per_inc = max(ack->cwnd / growth, ack->mss);
}

static void start_up(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	bbr->ack_phase = XTCP_BBR_ACKS_STARTING;
	start_round(bbr, ack->delivered);
	reset_full_bw(bbr, ack->bw);
	bbr->state = XTCP_BBR_UP;
	raise_longterm_slope(bbr, ack);
}

/* Initialize the state: OnInit() (section 5.2.1). */
static void xtcp_bbr_start(struct xtcp_bbr *bbr, u64 now_us, u32 delivered, u32 srtt_us)
{
	*bbr = (struct xtcp_bbr) {
		.min_rtt_us = srtt_us ?: XTCP_BBR_NONE,
		.min_rtt_ms = stamp_of(now_us),
		.probe_rtt_min_us = srtt_us ?: XTCP_BBR_NONE,
		.probe_rtt_min_ms = stamp_of(now_us),
		.inflight_longterm = XTCP_BBR_NONE,
		.probe_up_acked_per_inc = XTCP_BBR_NONE,
		.extra_acked_us = (u32)now_us,
		.next_round_delivered = delivered,
		.loss_round_delivered = delivered,
		.state = XTCP_BBR_STARTUP,
	};
	reset_shortterm_model(bbr);
}

/* IsInflightTooHigh() */
static bool is_inflight_too_high(const struct xtcp_bbr_ack *ack)
{
	return ack->loss_thresh != NO_LOSS_TELLS &&
	       ((u64)ack->lost * 100 > (u64)ack->tx_in_flight * ack->loss_thresh || (ack->lost && !ack->sack));
}

static void handle_inflight_too_high(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack, u32 inflight)
{
	bbr->prev_too_high = true;
	bbr->probe_sample = false;
	if (!ack->is_limited)
		bbr->inflight_longterm = max(inflight, beta(target_inflight(bbr, ack)));
	if (bbr->state != XTCP_BBR_UP)
		return;
	bbr->undo_state = UNDO_UP;
	start_down(bbr, ack->now_us, ack->delivered, ack->random);
}

/* SaveStateUponLoss(), without the window (cong.c). Only at the first loss of a round trip: it may change the state. */
static void save_state(struct xtcp_bbr *bbr)
{
	if (bbr->saved_in_round)
		return;
	bbr->saved_in_round = true;
	bbr->undo_state = 0;
	bbr->undo_bw_shortterm = bbr->bw_shortterm;
	bbr->undo_inflight_shortterm = bbr->inflight_shortterm;
	bbr->undo_inflight_longterm = bbr->inflight_longterm;
}

static void note_loss(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	if (!bbr->loss_in_round)
		bbr->loss_round_delivered = ack->delivered;
	save_state(bbr);
	bbr->loss_in_round = true;
}

/* InflightAtLoss(): octets in flight when the losses exceeded BBR.LossThresh. */
static u32 inflight_at_loss(const struct xtcp_bbr_ack *loss)
{
	u32 before = loss->tx_in_flight - min(loss->size, loss->tx_in_flight);
	u32 lost_before = loss->lost - min(loss->size, loss->lost);
	u64 allowed = (u64)before * loss->loss_thresh, had = (u64)lost_before * 100;

	return before + (allowed > had ? (u32)div_u64(allowed - had, 100 - loss->loss_thresh) : 0);
}

/* Process a loss: HandleLostPacket() (section 5.5.10.2). */
static void xtcp_bbr_lost(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *loss)
{
	if (loss->loss_thresh == NO_LOSS_TELLS)
		return;
	note_loss(bbr, loss);
	if (bbr->probe_sample && is_inflight_too_high(loss))
		handle_inflight_too_high(bbr, loss, inflight_at_loss(loss));
}

/* OnEnterFastRecovery(), OnEnterRTO() (section 5.6.4.4), but for cwnd. What a loss of this round trip saved stays. */
static void xtcp_bbr_repair_begins(struct xtcp_bbr *bbr)
{
	save_state(bbr);
}

static void update_latest_signals(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	bbr->loss_round_start = false;
	bbr->bw_latest = max(bbr->bw_latest, ack->bw);
	bbr->inflight_latest = max(bbr->inflight_latest, ack->sample_delivered);
	if (!ack->has_sample || xtcp_seq_lt(ack->prior_delivered, bbr->loss_round_delivered))
		return;
	bbr->loss_round_delivered = ack->delivered;
	bbr->loss_round_start = true;
}

static void update_round(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	bbr->round_start = ack->has_sample && xtcp_seq_ge(ack->prior_delivered, bbr->next_round_delivered);
	if (!bbr->round_start)
		return;
	start_round(bbr, ack->delivered);
	if (bbr->rounds_since_probe < U8_MAX)
		bbr->rounds_since_probe++;
	if (bbr->drain_rounds <= DRAIN_ROUNDS)
		bbr->drain_rounds++;
}

static void update_max_bw(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 *now = &bbr->max_bw[bbr->cycle_index];

	update_round(bbr, ack);
	if (ack->bw && (ack->bw >= max_bw(bbr) || !ack->is_limited))
		*now = max(*now, ack->bw);
}

static void adapt_lower_bounds(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	if (is_probing_bw(bbr) || !bbr->loss_in_round)
		return;
	if (bbr->bw_shortterm == XTCP_BBR_NONE)
		bbr->bw_shortterm = max_bw(bbr);
	if (bbr->inflight_shortterm == XTCP_BBR_NONE)
		bbr->inflight_shortterm = ack->cwnd;
	bbr->bw_shortterm = max(bbr->bw_latest, beta(bbr->bw_shortterm));
	bbr->inflight_shortterm = max(bbr->inflight_latest, beta(bbr->inflight_shortterm));
}

static void update_congestion_signals(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	update_max_bw(bbr, ack);
	if (!bbr->loss_round_start)
		return;
	adapt_lower_bounds(bbr, ack);
	bbr->loss_in_round = false;
	bbr->saved_in_round = false;
}

static void update_ack_aggregation(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 us = (u32)ack->now_us - bbr->extra_acked_us, expected, extra;
	u64 by_rate = div_u64((u64)xtcp_bbr_bw(bbr) * us, US_PER_UNIT);

	expected = min_t(u64, by_rate, U32_MAX / 2);
	if (bbr->extra_acked_delivered <= expected) {
		bbr->extra_acked_delivered = 0;
		bbr->extra_acked_us = (u32)ack->now_us;
		expected = 0;
	}
	bbr->extra_acked_delivered = min(bbr->extra_acked_delivered + ack->newly_acked, U32_MAX / 2);
	extra = min(bbr->extra_acked_delivered - expected, ack->cwnd);
	if (bbr->round_start && ++bbr->extra_rounds >= (bbr->full_bw_reached ? EXTRA_ROUNDS : 1)) {
		bbr->extra_rounds = 0;
		bbr->extra_index = !bbr->extra_index;
		bbr->extra_acked[bbr->extra_index] = 0;
		if (!bbr->full_bw_reached)
			bbr->extra_acked[!bbr->extra_index] = 0;
	}
	bbr->extra_acked[bbr->extra_index] = max(bbr->extra_acked[bbr->extra_index], extra);
}

static void check_full_bw_reached(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	if (bbr->full_bw_now || !bbr->round_start || ack->is_limited || !ack->bw)
		return;
	if ((u64)ack->bw * 4 >= (u64)bbr->full_bw * 5) {
		reset_full_bw(bbr, ack->bw);
		return;
	}
	bbr->full_bw_now = ++bbr->full_bw_count >= FULL_ROUNDS;
	if (bbr->full_bw_now)
		bbr->full_bw_reached = true;
}

/* CheckStartupHighLoss() (section 5.3.1.3) */
static void check_startup_high_loss(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	bool many;

	if (bbr->full_bw_reached)
		return;
	if (ack->newly_lost && bbr->loss_events < 15)
		bbr->loss_events++;
	many = ack->sack ? bbr->loss_round_start && bbr->loss_events >= FULL_LOSSES : bbr->loss_events;
	if (many && ack->in_fast_recovery && is_inflight_too_high(ack)) {
		bbr->undo_state = UNDO_STARTUP;
		bbr->full_bw_reached = true;
		bbr->full_bw_now = true;
		bbr->inflight_longterm = max(bdp_multiple(bbr, ack, max_bw(bbr), 100), bbr->inflight_latest);
	}
	if (bbr->loss_round_start)
		bbr->loss_events = 0;
}

static void check_startup_done(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	check_startup_high_loss(bbr, ack);
	if (bbr->state == XTCP_BBR_STARTUP && bbr->full_bw_reached)
		enter_drain(bbr);
}

static void check_drain_done(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	if (bbr->state == XTCP_BBR_DRAIN && (ack->inflight <= inflight_of(bbr, ack, xtcp_bbr_bw(bbr)) ||
					     bbr->drain_rounds > DRAIN_ROUNDS))
		start_down(bbr, ack->now_us, ack->delivered, ack->random);
}

static void probe_longterm_upward(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 steps;

	if (!ack->cwnd_limited || ack->cwnd < bbr->inflight_longterm)
		return;
	bbr->probe_up_acked += ack->newly_acked;
	if (bbr->probe_up_acked >= bbr->probe_up_acked_per_inc) {
		steps = bbr->probe_up_acked / bbr->probe_up_acked_per_inc;
		bbr->probe_up_acked -= steps * bbr->probe_up_acked_per_inc;
		bbr->inflight_longterm = min_t(u64, (u64)bbr->inflight_longterm + (u64)steps * ack->mss, U32_MAX / 2);
	}
	if (bbr->round_start)
		raise_longterm_slope(bbr, ack);
}

/* AdaptLongTermModel(). Return: true when it has chosen the next state. */
static bool adapt_longterm_model(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	if (bbr->ack_phase == XTCP_BBR_ACKS_STARTING && bbr->round_start)
		bbr->ack_phase = XTCP_BBR_ACKS_FEEDBACK;
	if (bbr->ack_phase == XTCP_BBR_ACKS_STOPPING && bbr->round_start) {
		bbr->probe_sample = false;
		bbr->ack_phase = XTCP_BBR_ACKS_INIT;
		/* AdvanceMaxBwFilter() */
		if (in_probe_bw(bbr) && !ack->is_limited && bbr->max_bw[bbr->cycle_index]) {
			bbr->cycle_index = !bbr->cycle_index;
			bbr->max_bw[bbr->cycle_index] = 0;
		}
		if (in_probe_bw(bbr) && bbr->prev_precautionary && !bbr->prev_too_high) {
			start_refill(bbr, ack->delivered);
			return true;
		}
	}
	if (is_inflight_too_high(ack) || bbr->inflight_longterm == XTCP_BBR_NONE)
		return false;
	bbr->inflight_longterm = max(bbr->inflight_longterm, ack->tx_in_flight);
	if (bbr->state == XTCP_BBR_UP)
		probe_longterm_upward(bbr, ack);
	return false;
}

/* IsTimeToProbeBW() */
static bool is_time_to_probe(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 rounds = min(target_inflight(bbr, ack) / ack->mss, RENO_ROUNDS);

	if (stamp_of(ack->now_us) - bbr->cycle_ms <= bbr->probe_wait_ms && bbr->rounds_since_probe < rounds)
		return false;
	start_refill(bbr, ack->delivered);
	return true;
}

static bool is_time_to_cruise(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	return ack->inflight <= inflight_with_headroom(bbr, ack) &&
	       ack->inflight <= inflight_of(bbr, ack, max_bw(bbr));
}

static bool is_time_to_go_down(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	if (bbr->prev_too_high && ack->inflight >= bbr->inflight_longterm) {
		bbr->prev_precautionary = true;
		return true;
	}
	if (ack->cwnd_limited && ack->cwnd >= bbr->inflight_longterm) {
		reset_full_bw(bbr, ack->bw);
		return false;
	}
	return bbr->full_bw_now;
}

static void update_cycle_phase(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	if (!bbr->full_bw_reached || adapt_longterm_model(bbr, ack))
		return;
	switch (bbr->state) {
	case XTCP_BBR_DOWN:
		if (!is_time_to_probe(bbr, ack) && is_time_to_cruise(bbr, ack))
			bbr->state = XTCP_BBR_CRUISE;
		break;
	case XTCP_BBR_CRUISE:
		is_time_to_probe(bbr, ack);
		break;
	case XTCP_BBR_REFILL:
		if (bbr->round_start) {
			bbr->probe_sample = true;
			start_up(bbr, ack);
		}
		break;
	case XTCP_BBR_UP:
		if (is_time_to_go_down(bbr, ack)) {
			bbr->prev_too_high = false;
			start_down(bbr, ack->now_us, ack->delivered, ack->random);
		}
		break;
	}
}

static void update_min_rtt(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 now = stamp_of(ack->now_us);

	bbr->probe_rtt_expired = now - bbr->probe_rtt_min_ms > PROBE_RTT_EACH_MS;
	if (ack->rtt_us && (ack->rtt_us < bbr->probe_rtt_min_us || bbr->probe_rtt_expired)) {
		bbr->probe_rtt_min_us = ack->rtt_us;
		bbr->probe_rtt_min_ms = now;
	}
	if (bbr->probe_rtt_min_us < bbr->min_rtt_us || now - bbr->min_rtt_ms > MIN_RTT_MS) {
		bbr->min_rtt_us = bbr->probe_rtt_min_us;
		bbr->min_rtt_ms = bbr->probe_rtt_min_ms;
	}
}

static u32 probe_rtt_cwnd(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	return max(bdp_multiple(bbr, ack, xtcp_bbr_bw(bbr), cwnd_gains[XTCP_BBR_PROBE_RTT]), min_pipe(ack));
}

/* ExitProbeRTT() if the time of ProbeRTT is over. Return: the window. */
static u32 check_probe_rtt_done(struct xtcp_bbr *bbr, u64 now_us, u32 delivered, u32 cwnd, u32 random)
{
	u32 now = stamp_of(now_us);

	if (!bbr->probe_rtt_done_ms || (s32)(now - bbr->probe_rtt_done_ms) <= 0)
		return cwnd;
	bbr->probe_rtt_min_ms = now;
	cwnd = max(cwnd, bbr->prior_cwnd);
	reset_shortterm_model(bbr);
	bbr->state = XTCP_BBR_STARTUP;
	if (bbr->full_bw_reached) {
		start_down(bbr, now_us, delivered, random);
		bbr->state = XTCP_BBR_CRUISE;
	}
	return cwnd;
}

static u32 handle_probe_rtt(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack, u32 cwnd)
{
	if (!bbr->probe_rtt_done_ms) {
		if (ack->inflight > probe_rtt_cwnd(bbr, ack))
			return cwnd;
		bbr->probe_rtt_done_ms = stamp_of(ack->now_us) + PROBE_RTT_MS ?: 1;
		bbr->probe_rtt_round_done = false;
		start_round(bbr, ack->delivered);
		return cwnd;
	}
	if (bbr->round_start)
		bbr->probe_rtt_round_done = true;
	if (!bbr->probe_rtt_round_done)
		return cwnd;
	return check_probe_rtt_done(bbr, ack->now_us, ack->delivered, cwnd, ack->random);
}

static u32 check_probe_rtt(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack, u32 cwnd)
{
	if (bbr->state != XTCP_BBR_PROBE_RTT && bbr->probe_rtt_expired && !bbr->idle_restart) {
		bbr->prior_cwnd = ack->in_recovery ? max(bbr->prior_cwnd, cwnd) : cwnd;
		bbr->state = XTCP_BBR_PROBE_RTT;
		bbr->probe_rtt_done_ms = 0;
		bbr->ack_phase = XTCP_BBR_ACKS_STOPPING;
		start_round(bbr, ack->delivered);
	}
	if (bbr->state == XTCP_BBR_PROBE_RTT)
		cwnd = handle_probe_rtt(bbr, ack, cwnd);
	if (ack->sample_delivered)
		bbr->idle_restart = false;
	return cwnd;
}

/* BoundCwndForModel() */
static u32 model_cap(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 cap = XTCP_BBR_NONE;

	if (bbr->state == XTCP_BBR_PROBE_RTT || bbr->state == XTCP_BBR_CRUISE)
		cap = inflight_with_headroom(bbr, ack);
	else if (in_probe_bw(bbr))
		cap = bbr->inflight_longterm;
	return max(min(cap, bbr->inflight_shortterm), min_pipe(ack));
}

/* SetCwnd() (section 5.6.4.6) */
static u32 set_cwnd(const struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack, u32 cwnd)
{
	u32 most, gain = xtcp_bbr_cwnd_gain(bbr);

	most = quantization_budget(bbr, ack, bdp_multiple(bbr, ack, xtcp_bbr_bw(bbr), gain) + extra_acked(bbr));
	/* keep all sums within 32 bits */
	cwnd = min(cwnd, U32_MAX / 2 - min(ack->newly_acked, U32_MAX / 4));
	if (bbr->full_bw_reached)
		cwnd = min(cwnd + ack->newly_acked, most);
	else if (cwnd < most || ack->delivered < ack->initial_cwnd)
		cwnd += ack->newly_acked;
	cwnd = max(cwnd, min_pipe(ack));
	if (bbr->state == XTCP_BBR_PROBE_RTT)
		cwnd = min(cwnd, probe_rtt_cwnd(bbr, ack));
	return min(cwnd, model_cap(bbr, ack));
}

/* UpdateOnACK() (section 5.2.3), after xtcp_bbr_lost() for the losses that the ACK reports. Return: cwnd, octets. */
static u32 xtcp_bbr_acked(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack)
{
	u32 cwnd = ack->cwnd;

	if (ack->ece) {
		note_loss(bbr, ack);
		if (bbr->probe_sample)
			handle_inflight_too_high(bbr, ack, ack->tx_in_flight);
	}
	update_latest_signals(bbr, ack);
	update_congestion_signals(bbr, ack);
	update_ack_aggregation(bbr, ack);
	check_full_bw_reached(bbr, ack);
	check_startup_done(bbr, ack);
	check_drain_done(bbr, ack);
	update_cycle_phase(bbr, ack);
	update_min_rtt(bbr, ack);
	cwnd = check_probe_rtt(bbr, ack, cwnd);
	if (bbr->loss_round_start) {
		bbr->bw_latest = ack->bw;
		bbr->inflight_latest = ack->sample_delivered;
	}
	return set_cwnd(bbr, ack, cwnd);
}

/* HandleSpuriousLossDetection() (section 5.5.11.2), except for the window, which cong.c restores. */
static void xtcp_bbr_undone(struct xtcp_bbr *bbr, u32 delivered)
{
	bbr->loss_in_round = false;
	bbr->saved_in_round = false;
	reset_full_bw(bbr, 0);
	bbr->bw_shortterm = max(bbr->bw_shortterm, bbr->undo_bw_shortterm);
	bbr->inflight_shortterm = max(bbr->inflight_shortterm, bbr->undo_inflight_shortterm);
	bbr->inflight_longterm = max(bbr->inflight_longterm, bbr->undo_inflight_longterm);
	if (bbr->undo_state == UNDO_STARTUP && bbr->state != XTCP_BBR_STARTUP) {
		bbr->full_bw_reached = false;
		if (bbr->state != XTCP_BBR_PROBE_RTT)
			bbr->state = XTCP_BBR_STARTUP;
	} else if (bbr->undo_state == UNDO_UP && bbr->state != XTCP_BBR_UP && bbr->state != XTCP_BBR_PROBE_RTT) {
		start_refill(bbr, delivered);
	}
	bbr->undo_state = 0;
}

/* HandleRestartFromIdle() (section 5.4.1), after the program had written too little. Return: the new window, octets. */
static u32 xtcp_bbr_restarts(struct xtcp_bbr *bbr, u64 now_us, u32 delivered, u32 cwnd, u32 random)
{
	bbr->idle_restart = true;
	bbr->extra_acked_us = (u32)now_us;
	if (bbr->state == XTCP_BBR_PROBE_RTT)
		return check_probe_rtt_done(bbr, now_us, delivered, cwnd, random);
	return cwnd;
}

/* Arithmetic ends. */

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

	return (struct xtcp_bbr_ack) {
		.now_us = now_us,
		.cwnd = tx->cong.cwnd,
		.mss = tx->mss,
		.quantum = clamp_t(unsigned long, quantum, 2UL * tx->mss, QUANTUM_MAX),
		.initial_cwnd = xtcp_cong_initial(sk),
		.inflight = xtcp_pipe_octets(sk),
		.delivered = tx->stream->delivered,
		.random = hash_32((u32)now_us ^ tx->snd.ts_offset, 32),
		.cwnd_limited = tx->stream->cong.is_limiting,
		.in_fast_recovery = tx->cong.phase == XTCP_CONG_RECOVERY,
		.in_recovery = tx->cong.phase >= XTCP_CONG_RECOVERY,
		.sack = tx->agreed.sack_ok,
		.loss_thresh = READ_ONCE(xtcp_net_of(sk)->sysctl.bbr_loss_thresh),
	};
}

static void bbr_control(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_bbr_ack ack = bbr_event(sk, sample->now_us);
	struct xtcp_bbr *bbr = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 us;

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
		/* in_flight_then is 0 if the skb left without control(): then lost_before is not stored either */
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

	event.size = loss->octets;
	event.tx_in_flight = loss->in_flight_then;
	event.lost = loss->in_flight_then ? loss->lost_since : 0;
	event.is_limited = loss->is_limited;
	xtcp_bbr_lost(xtcp_cong_private(sk), &event);
}

/* A recovery or CWR begins. ssthresh does not change: the model of BBR accounts for losses and marks. */
static u32 bbr_ssthresh(struct sock *sk)
{
	xtcp_bbr_repair_begins(xtcp_cong_private(sk));
	return xtcp_sender(sk)->cong.ssthresh;
}

static void bbr_undone(struct sock *sk)
{
	xtcp_bbr_undone(xtcp_cong_private(sk), xtcp_sender(sk)->stream->delivered);
}

static void bbr_idle(struct sock *sk, u32 idle_us)
{
	struct xtcp_bbr *bbr = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	u64 now_us = xtcp_clock_us();

	if (!tx->stream->rate.limited)
		return;
	tx->cong.cwnd = xtcp_bbr_restarts(bbr, now_us, tx->stream->delivered, tx->cong.cwnd,
					  hash_32((u32)now_us ^ tx->snd.ts_offset, 32));
	bbr_set_rate(sk, bbr);
}

/* Fill in TCP_CC_INFO. Gains are in 1/256, as in Linux. */
static size_t bbr_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct xtcp_bbr *bbr = xtcp_cong_private(sk);
	u64 bw = (u64)xtcp_bbr_bw(bbr) * XTCP_BBR_UNIT;

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
