/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RTT and retransmission timeout (RFC 6298). No socket, no clock; HZ is an argument.
 *
 * Two bounds of the RTO are taken from Linux, not from the RFC. The caller passes the bounds
 * (base/bounds.h). The floor, 200 ms by default, applies to the variation term, so that a peer's
 * delayed ACK never looks like a loss. The ceiling is 120 s or less.
 *
 * The gains of the RFC are meant for one sample per round trip. Here each ACK gives a sample, so
 * RTTVAR depends on the last few segments alone, and not on the whole window (RFC 7323 appendix G).
 * So, as in Linux, the RTO uses a held value instead of RTTVAR. The held value rises at once with
 * RTTVAR, but falls only at the end of a round trip, by a quarter of its distance from the largest
 * RTTVAR of that round trip.
 */
#ifndef XTCP_RTO_H
#define XTCP_RTO_H

#include <linux/types.h>

#include "base/seq.h"
#include "base/wire.h"

#define XTCP_TICKS_SECOND_US	1000000U

/*
 * Convert @ticks to microseconds, rounded down. A second has @hz ticks. A tick need not be a whole
 * number of microseconds: with 300 Hz, 60 ticks are 200,000 us, but one tick is 3,333 us. The
 * result overflows at 2^32 us.
 */
static inline u32 xtcp_ticks_us(u32 ticks, u32 hz)
{
	return ticks * (XTCP_TICKS_SECOND_US / hz) + ticks * (XTCP_TICKS_SECOND_US % hz) / hz;
}

/**
 * struct xtcp_rto - the state of RFC 6298
 * @srtt_us: SRTT, microseconds; 0: no sample yet
 * @rttvar_us: RTTVAR, microseconds
 * @held_us: the variation that the RTO uses instead of RTTVAR: RTO = SRTT + 4 * @held_us. It rises
 *	with RTTVAR, but falls only once per round trip
 * @peak_us: the largest RTTVAR of this round trip, at least a quarter of the floor of
 *	xtcp_rto_sample(). Each sample raises @held_us to @peak_us if @held_us is less
 * @round_end: the round trip ends when SND.UNA passes this sequence number
 * @min_rtt_us: smallest RTT of the last minutes, microseconds; U32_MAX: none yet
 * @next_min_us: smallest RTT since @min_since_s; after five minutes, @min_rtt_us takes this value
 * @rto_ms: RTO without backoff, milliseconds
 * @min_since_s: when the measurement of @next_min_us began, seconds, low 16 bits; 0: never
 * @backoff: how often the RTO is doubled at present (RFC 6298 (5.5))
 */
struct xtcp_rto {
	u32 srtt_us;
	u32 rttvar_us;
	u32 held_us;
	u32 peak_us;
	u32 round_end;
	u32 min_rtt_us;
	u32 next_min_us;
	u32 rto_ms;
	u16 min_since_s;
	u8 backoff;
};

/*
 * Will xtcp_rto_sample() use floor_us if the next sample comes with SND.UNA = @una? The first
 * sample of a connection needs floor_us, and so does each sample that ends a round trip.
 */
static inline bool xtcp_rto_needs_floor(const struct xtcp_rto *rto, u32 una)
{
	return !rto->srtt_us || xtcp_seq_gt(una, rto->round_end);
}

/**
 * xtcp_rto_init() - set the state before the first sample (RFC 6298 (2.1))
 * @rto: to set
 *
 * Context: any.
 */
static inline void xtcp_rto_init(struct xtcp_rto *rto)
{
	rto->srtt_us = 0;
	rto->rttvar_us = 0;
	rto->held_us = 0;
	rto->peak_us = 0;
	rto->round_end = 0;
	rto->min_rtt_us = ~0U;
	rto->next_min_us = ~0U;
	rto->min_since_s = 0;
	rto->rto_ms = XTCP_RTO_INITIAL_MS;
	rto->backoff = 0;
}

/*
 * Update held_us and peak_us from a new RTTVAR. If peak_us is less than RTTVAR, peak_us rises to
 * RTTVAR; then, if held_us is less than peak_us, held_us rises to peak_us. A round trip ends when
 * the peer acknowledges text that was sent after the round trip began. At its end, held_us falls by
 * a quarter of its distance from peak_us, and peak_us starts again at a quarter of the present
 * floor. So from the next sample on, held_us is at least a quarter of the floor, and the variation
 * term of the RTO, 4 * held_us, is at least the floor.
 */
static inline void xtcp_rto_hold(struct xtcp_rto *rto, u32 una, u32 nxt, u32 floor_us)
{
	if (rto->rttvar_us > rto->peak_us)
		rto->peak_us = rto->rttvar_us;
	if (rto->peak_us > rto->held_us)
		rto->held_us = rto->peak_us;
	if (!xtcp_seq_gt(una, rto->round_end))
		return;
	rto->held_us -= (rto->held_us - rto->peak_us) / 4;
	rto->peak_us = floor_us / 4;
	rto->round_end = nxt;
}

/* RFC 6298 (2.2), (2.3): the RTO. */
static inline void xtcp_rto_compute(struct xtcp_rto *rto)
{
	rto->rto_ms = (rto->srtt_us + 4 * rto->held_us + 1000U - 1) / 1000U;
	if (rto->rto_ms > XTCP_RTO_MAX_MS)
		rto->rto_ms = XTCP_RTO_MAX_MS;
}

/**
 * xtcp_rto_sample() - take an RTT sample (RFC 6298 (2.2), (2.3))
 * @rto: to update
 * @rtt_us: the sample, microseconds. The segment was sent only once, or a timestamp tells which
 *	transmission was acknowledged (section 3, Karn)
 * @una: SND.UNA after this ACK
 * @nxt: SND.NXT
 * @floor_us: the least value of the variation term, microseconds; used only if
 *	xtcp_rto_needs_floor()
 *
 * A sample also ends the backoff (section 5, last paragraph but one).
 *
 * Context: any.
 */
static inline void xtcp_rto_sample(struct xtcp_rto *rto, u32 rtt_us, u32 una, u32 nxt, u32 floor_us)
{
	u32 r = rtt_us ?: 1, off;

	if (r > XTCP_RTO_MAX_MS * 1000U)
		r = XTCP_RTO_MAX_MS * 1000U;
	if (r < rto->min_rtt_us)
		rto->min_rtt_us = r;

	if (!rto->srtt_us) {
		rto->srtt_us = r;
		rto->rttvar_us = r / 2;
		rto->peak_us = floor_us / 4;
		rto->held_us = floor_us / 4;
		rto->round_end = nxt;
	} else {
		/* the order matters: RTTVAR takes the SRTT from before this sample */
		off = rto->srtt_us > r ? rto->srtt_us - r : r - rto->srtt_us;
		rto->rttvar_us = (3 * rto->rttvar_us + off + 2) / 4;
		rto->srtt_us = (7 * rto->srtt_us + r + 4) / 8;
	}
	xtcp_rto_hold(rto, una, nxt, floor_us);
	xtcp_rto_compute(rto);
	rto->backoff = 0;
}

/**
 * xtcp_rto_set_floor() - set a floor that takes effect at once
 * @rto: to update
 * @old_us: the floor until now
 * @floor_us: the least value of the variation term, microseconds
 *
 * Without this call, a higher floor takes effect in the next round trip, and a lower floor takes
 * effect step by step in several round trips. A variation term above the old floor comes from
 * samples, not from the floor. So this call does not lower such a term, which falls in each round
 * trip as usual.
 *
 * Context: any.
 */
static inline void xtcp_rto_set_floor(struct xtcp_rto *rto, u32 old_us, u32 floor_us)
{
	u32 least = rto->rttvar_us > floor_us / 4 ? rto->rttvar_us : floor_us / 4;

	if (!rto->srtt_us)
		return;
	if (rto->peak_us <= old_us / 4 || rto->peak_us < least)
		rto->peak_us = least;
	if (rto->held_us <= old_us / 4 || rto->held_us < rto->peak_us)
		rto->held_us = rto->peak_us;
	xtcp_rto_compute(rto);
}

/**
 * xtcp_rto_take_min() - update the smallest RTT
 * @rto: to update
 * @rtt_us: microseconds, not 0
 * @now_s: the clock, seconds
 *
 * The samples of two intervals count: of the present interval, and of the interval before it. Older
 * samples do not count, since a path can become longer (RFC 8985 section 6.2 step 1). The first
 * sample after five minutes (Linux's tcp_min_rtt_wlen) begins the next interval. So after a pause,
 * the samples of the last interval before the pause still count for five minutes. The stored time
 * has 16 bits: after a pause of 18 hours, or a multiple of that, these samples may count for ten
 * minutes.
 *
 * Context: any.
 */
static inline void xtcp_rto_take_min(struct xtcp_rto *rto, u32 rtt_us, u32 now_s)
{
	if (!rto->min_since_s || (u16)(now_s - rto->min_since_s) > XTCP_MIN_RTT_WINDOW_S) {
		if (rto->min_since_s)
			rto->min_rtt_us = rto->next_min_us;
		rto->next_min_us = rtt_us;
		rto->min_since_s = (u16)now_s ? now_s : 1;
	}
	if (rtt_us < rto->next_min_us)
		rto->next_min_us = rtt_us;
	if (rtt_us < rto->min_rtt_us)
		rto->min_rtt_us = rtt_us;
}

/**
 * xtcp_rto_syn_lost() - set the RTO after a SYN that was resent (RFC 6298 (5.7))
 * @rto: to update
 *
 * Context: any.
 */
static inline void xtcp_rto_syn_lost(struct xtcp_rto *rto)
{
	rto->rto_ms = XTCP_RTO_SYN_LOST_MS;
	rto->backoff = 0;
}

/**
 * xtcp_rto_backoff() - double the RTO after a timeout (RFC 6298 (5.5))
 * @rto: to update
 *
 * Context: any.
 */
static inline void xtcp_rto_backoff(struct xtcp_rto *rto)
{
	if (rto->backoff < 0xff)
		rto->backoff++;
}

/**
 * xtcp_rto_ease() - undo a part of the backoff
 * @rto: to update
 * @timeouts: how many doublings of the RTO to take back
 *
 * Context: any.
 */
static inline void xtcp_rto_ease(struct xtcp_rto *rto, u8 timeouts)
{
	rto->backoff -= timeouts < rto->backoff ? timeouts : rto->backoff;
}

/**
 * xtcp_rto_current_ms() - compute the RTO with its backoff
 * @rto: the state
 * @most_ms: the ceiling
 *
 * Context: any.
 *
 * Return: milliseconds, at most @most_ms (RFC 6298 (2.5)).
 */
static inline u32 xtcp_rto_current_ms(const struct xtcp_rto *rto, u32 most_ms)
{
	u32 ms = rto->rto_ms;
	u8 i;

	for (i = 0; i < rto->backoff && ms < most_ms; i++)
		ms *= 2;
	return ms < most_ms ? ms : most_ms;
}

/**
 * xtcp_rto_ease_for() - undo as much of the backoff as an RTT that may be too long allows
 * @rto: to update
 * @rtt_us: at least the RTT of a segment that was sent only once, microseconds
 * @una: SND.UNA after this ACK
 * @nxt: SND.NXT
 * @floor_us: as for xtcp_rto_sample()
 *
 * RFC 6298 section 3 allows to take @rtt_us as a sample, which would end the backoff (section 5).
 * But the segment may have waited at the peer until a hole before it was filled, and a sample with
 * this time in it would make SRTT and the RTO too long for many round trips. So take back only
 * doublings of the RTO, and leave the RTO at least as long as this sample would make it.
 *
 * Context: any.
 */
static inline void xtcp_rto_ease_for(struct xtcp_rto *rto, u32 rtt_us, u32 una, u32 nxt, u32 floor_us)
{
	struct xtcp_rto sampled = *rto, eased = *rto;

	xtcp_rto_sample(&sampled, rtt_us, una, nxt, floor_us);
	for (; eased.backoff; rto->backoff = eased.backoff) {
		eased.backoff--;
		if (xtcp_rto_current_ms(&eased, sampled.rto_ms) < sampled.rto_ms)
			break;
	}
}

/**
 * xtcp_rto_give_up_ms() - convert a number of retries to a time
 * @retries: retransmissions before giving up
 * @first_ms: the first timeout; each further timeout is twice as long
 * @most_ms: the ceiling of timeouts
 *
 * The sysctls give R1 and R2 (RFC 9293 section 3.8.3) as numbers of retries. As in Linux, a
 * connection gives up after a time, which is the same for all paths, whatever their RTO.
 *
 * Context: any.
 *
 * Return: milliseconds, at most 2^31 - 1: the time from the first retransmission until R1 or R2 is
 * reached.
 */
static inline u32 xtcp_rto_give_up_ms(u32 retries, u32 first_ms, u32 most_ms)
{
	const u32 most = 0x7fffffff;
	u32 sum = 0, ms = first_ms, i;

	for (i = 0; i <= retries; i++) {
		if (ms > most_ms)
			ms = most_ms;
		if (sum > most - ms)
			return most;
		sum += ms;
		ms *= 2;
	}
	return sum;
}

#endif /* XTCP_RTO_H */
