/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RTT and retransmission timeout (RFC 6298), and ticks in microseconds. Pure: no socket, no clock; HZ
 * is an argument.
 */
#ifndef XTCP_RTO_H
#define XTCP_RTO_H

#include <linux/types.h>

#include "base/seq.h"

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

/* rto.c */

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

void xtcp_rto_init(struct xtcp_rto *rto);
void xtcp_rto_sample(struct xtcp_rto *rto, u32 rtt_us, u32 una, u32 nxt, u32 floor_us);
void xtcp_rto_set_floor(struct xtcp_rto *rto, u32 old_us, u32 floor_us);
void xtcp_rto_take_min(struct xtcp_rto *rto, u32 rtt_us, u32 now_s);
void xtcp_rto_syn_lost(struct xtcp_rto *rto);
void xtcp_rto_backoff(struct xtcp_rto *rto);
void xtcp_rto_ease(struct xtcp_rto *rto, u8 timeouts);
void xtcp_rto_ease_for(struct xtcp_rto *rto, u32 rtt_us, u32 una, u32 nxt, u32 floor_us);
u32 xtcp_rto_current_ms(const struct xtcp_rto *rto, u32 most_ms);
u32 xtcp_rto_give_up_ms(u32 retries, u32 first_ms, u32 most_ms);

#endif /* XTCP_RTO_H */
