/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BBR version 3 (draft-ietf-ccwg-bbr): path model and state machine. Pure; windows are in octets.
 */
#ifndef XTCP_BBR_H
#define XTCP_BBR_H

#include <linux/types.h>

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

/**
 * struct xtcp_bbr - BBR's state; the names are those of sections 2.4 to 2.15 of the draft
 * @max_bw: BBR.max_bw_filter: the largest bandwidth of this cycle and of the previous one
 * @bw_latest: largest bandwidth of the last round trip
 * @bw_shortterm: upper bound of the bandwidth after losses
 * @full_bw: the path counts as full when the bandwidth has stayed below 5/4 of this value for three
 *	round trips
 * @undo_bw_shortterm: @bw_shortterm before a recovery
 * @inflight_latest: most octets delivered in a sample of the last round trip
 * @inflight_longterm: upper bound of octets in flight, from bandwidth probes
 * @inflight_shortterm: upper bound of octets in flight, after losses
 * @undo_inflight_longterm: @inflight_longterm before a recovery
 * @undo_inflight_shortterm: @inflight_shortterm before a recovery
 * @min_rtt_us: smallest RTT, microseconds
 * @min_rtt_ms: BBR.min_rtt_stamp: when @min_rtt_us was measured
 * @probe_rtt_min_us: BBR.probe_rtt_min_delay
 * @probe_rtt_min_ms: BBR.probe_rtt_min_stamp
 * @probe_rtt_done_ms: BBR.probe_rtt_done_stamp; 0: none
 * @extra_acked: BBR.extra_acked_filter: largest number of octets delivered in excess of the
 *	bandwidth, for each half of the filter's window
 * @extra_acked_delivered: octets delivered since @extra_acked_us
 * @extra_acked_us: BBR.extra_acked_interval_start, the low half of the clock
 * @next_round_delivered: C.delivered when the round trip began. The round trip ends when an ACK
 *	reports a segment that was sent since the round trip began
 * @loss_round_delivered: as @next_round_delivered, for the round trips in which losses are counted
 * @cycle_ms: BBR.cycle_stamp
 * @probe_up_acked: octets acknowledged in ProbeBW_UP and not yet used to raise @inflight_longterm
 * @probe_up_acked_per_inc: how many acknowledged octets raise @inflight_longterm by one segment
 * @prior_cwnd: the window before ProbeRTT, octets
 * @probe_wait_ms: BBR.bw_probe_wait
 * @rounds_since_probe: BBR.rounds_since_probe_up, up to 255
 * @extra_rounds: round trips in the newer half of the window of @extra_acked
 * @drain_rounds: round trips in Drain
 * @state: enum xtcp_bbr_state
 * @ack_phase: enum xtcp_bbr_acks
 * @undo_state: the state that a loss has ended, in case the loss was spurious: 0 none, 1 Startup, 2
 *	ProbeBW_UP
 * @probe_up_rounds: BBR.bw_probe_up_rounds
 * @full_bw_count: round trips in which the bandwidth has stayed below 5/4 of @full_bw
 * @full_bw_reached: the path has been full at least once
 * @full_bw_now: the path is full now
 * @round_start: this ACK begins a round trip
 * @loss_round_start: this ACK begins a round trip in which losses are counted
 * @loss_in_round: something was lost or marked in this round trip
 * @saved_in_round: the state before the first loss of this round trip is saved, for an undo. Entry
 *	into ProbeBW_DOWN clears @loss_in_round, but not this field
 * @probe_sample: BBR.is_bw_probe_sample: ACKs now report octets that a bandwidth probe sent
 * @prev_too_high: BBR.prev_probe_too_high: the last probe had too much in flight
 * @prev_precautionary: BBR.prev_probe_precautionary: the last probe ended early, so that it would
 *	not have too much in flight
 * @probe_rtt_expired: the minimum RTT must be measured again
 * @probe_rtt_round_done: one round trip in ProbeRTT is over
 * @idle_restart: sending has just begun again after a pause
 * @extra_index: index of the newer half in @extra_acked
 * @cycle_index: index of this cycle in @max_bw
 * @loss_events: ACKs of this round trip that reported losses, up to 15
 */
struct xtcp_bbr {
	u32 max_bw[2];
	u32 bw_latest;
	u32 bw_shortterm;
	u32 full_bw;
	u32 undo_bw_shortterm;
	u32 inflight_latest;
	u32 inflight_longterm;
	u32 inflight_shortterm;
	u32 undo_inflight_longterm;
	u32 undo_inflight_shortterm;
	u32 min_rtt_us;
	u32 min_rtt_ms;
	u32 probe_rtt_min_us;
	u32 probe_rtt_min_ms;
	u32 probe_rtt_done_ms;
	u32 extra_acked[2];
	u32 extra_acked_delivered;
	u32 extra_acked_us;
	u32 next_round_delivered;
	u32 loss_round_delivered;
	u32 cycle_ms;
	u32 probe_up_acked;
	u32 probe_up_acked_per_inc;
	u32 prior_cwnd;
	u16 probe_wait_ms : 15;
	u16 saved_in_round : 1;
	u8 rounds_since_probe;
	u8 extra_rounds : 5;
	u8 drain_rounds : 3;
	u32 state : 3;
	u32 ack_phase : 3;
	u32 undo_state : 2;
	u32 probe_up_rounds : 5;
	u32 full_bw_count : 2;
	u32 full_bw_reached : 1;
	u32 full_bw_now : 1;
	u32 round_start : 1;
	u32 loss_round_start : 1;
	u32 loss_in_round : 1;
	u32 probe_sample : 1;
	u32 prev_too_high : 1;
	u32 prev_precautionary : 1;
	u32 probe_rtt_expired : 1;
	u32 probe_rtt_round_done : 1;
	u32 idle_restart : 1;
	u32 extra_index : 1;
	u32 cycle_index : 1;
	u32 loss_events : 4;
};

/**
 * struct xtcp_bbr_ack - what an ACK or a loss reports; lengths in octets. Below, "the segment" is
 * the segment whose arrival the ACK reports or, for a loss, the lost segment
 * @now_us: the clock
 * @cwnd: the congestion window
 * @mss: SMSS
 * @quantum: C.send_quantum
 * @initial_cwnd: C.InitialCwnd
 * @inflight: C.inflight now
 * @delivered: C.delivered now
 * @newly_acked: RS.newly_acked
 * @newly_lost: RS.newly_lost
 * @rtt_us: RS.rtt; 0: none
 * @prior_delivered: RS.prior_delivered; valid when @has_sample
 * @sample_delivered: RS.delivered
 * @bw: RS.delivery_rate; 0: the sample has no reliable rate
 * @tx_in_flight: RS.tx_in_flight; for a loss P.tx_in_flight
 * @lost: RS.lost: octets marked as lost since the segment was sent
 * @size: for a loss: octets lost now
 * @random: a random number, new for each ACK or loss
 * @has_sample: the ACK reports the arrival of a segment, so @prior_delivered and @sample_delivered
 *	are valid
 * @is_limited: RS.is_app_limited
 * @cwnd_limited: C.is_cwnd_limited
 * @in_fast_recovery: a recovery is going on, and no timeout began it
 * @in_recovery: any recovery is going on
 * @sack: C.has_selective_acks
 * @ece: the ACK echoes a congestion mark
 */
struct xtcp_bbr_ack {
	u64 now_us;
	u32 cwnd;
	u32 mss;
	u32 quantum;
	u32 initial_cwnd;
	u32 inflight;
	u32 delivered;
	u32 newly_acked;
	u32 newly_lost;
	u32 rtt_us;
	u32 prior_delivered;
	u32 sample_delivered;
	u32 bw;
	u32 tx_in_flight;
	u32 lost;
	u32 size;
	u32 random;
	bool has_sample;
	bool is_limited;
	bool cwnd_limited;
	bool in_fast_recovery;
	bool in_recovery;
	bool sack;
	bool ece;
};

void xtcp_bbr_start(struct xtcp_bbr *bbr, u64 now_us, u32 delivered, u32 srtt_us);
u32 xtcp_bbr_acked(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *ack);
void xtcp_bbr_lost(struct xtcp_bbr *bbr, const struct xtcp_bbr_ack *loss);
void xtcp_bbr_repair_begins(struct xtcp_bbr *bbr);
void xtcp_bbr_undone(struct xtcp_bbr *bbr, u32 delivered);
u32 xtcp_bbr_restarts(struct xtcp_bbr *bbr, u64 now_us, u32 delivered, u32 cwnd, u32 random);

u32 xtcp_bbr_bw(const struct xtcp_bbr *bbr);
u64 xtcp_bbr_rate(const struct xtcp_bbr *bbr);
u32 xtcp_bbr_pacing_gain(const struct xtcp_bbr *bbr);
u32 xtcp_bbr_cwnd_gain(const struct xtcp_bbr *bbr);
u32 xtcp_bbr_of_sample(u32 octets, u32 us);

#endif /* XTCP_BBR_H */
