/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RTT and retransmission timeout (RFC 6298). No socket, no clock; HZ is an argument.
 *
 * Two bounds of the RTO are Linux's, not the RFC's; the caller passes them (base/bounds.h). The
 * floor, 200 ms by default, applies to the variation term, so that a peer's delayed ACK never looks
 * like a loss. The ceiling is 120 s or less.
 *
 * The RFC means its gains for one sample per round trip. Here each ACK gives one, so RTTVAR depends
 * on the last few segments alone (RFC 7323 appendix G). So, as in Linux, the RTO uses a held value,
 * which rises at once with RTTVAR. It falls only at the end of a round trip, by a quarter of its
 * distance from the largest RTTVAR of that round trip.
 */
#ifndef XTCP_RTO_H
#define XTCP_RTO_H

#include "base/wire.h"

#define XTCP_TICKS_SECOND_US	1000000U

/*
 * @ticks as microseconds, rounded down; a second has @hz ticks. A tick need not be a whole number of
 * microseconds: with 300 Hz, 60 ticks are 200,000 us, one is 3,333 us. Overflows at 2^32 us.
 */
static inline u32 xtcp_ticks_us(u32 ticks, u32 hz)
{
	return ticks * (XTCP_TICKS_SECOND_US / hz) + ticks * (XTCP_TICKS_SECOND_US % hz) / hz;
}

/*
 * struct xtcp_rto - the state of RFC 6298
 * @held_us: the variation that the RTO uses instead of RTTVAR: RTO = SRTT + 4 * @held_us. It rises
 *	with RTTVAR, but falls only once per round trip
 * @peak_us: the largest RTTVAR of this round trip, at least a quarter of the floor of
 *	xtcp_rto_sample(). Each sample raises @held_us to @peak_us if @held_us is less
 */
struct xtcp_rto {
	u32 srtt_us;	/* SRTT, microseconds; 0: no sample yet */
	u32 rttvar_us;	/* RTTVAR, microseconds */
	u32 held_us;
	u32 peak_us;
	u32 round_end;	/* the round trip ends when SND.UNA passes this sequence number */
	u32 min_rtt_us;	/* smallest RTT of the last minutes, microseconds; U32_MAX: none yet */
	u32 next_min_us;	/* smallest RTT since @min_since_s; after five minutes, @min_rtt_us takes this value */
	u32 rto_ms;	/* RTO without backoff, milliseconds */
	u16 min_since_s;	/* when the measurement of @next_min_us began, seconds, low 16 bits; 0: never */
	u8 backoff;	/* how often the RTO is doubled at present (RFC 6298 (5.5)) */
};

/* Will xtcp_rto_sample() use floor_us? For the first sample, and for each that ends a round trip. */
static inline bool xtcp_rto_needs_floor(const struct xtcp_rto *rto, u32 una)
{
	return !rto->srtt_us || xtcp_seq_gt(una, rto->round_end);
}

/* A round trip begins with what is sent from @nxt on. */
static inline void xtcp_rto_round_begins(struct xtcp_rto *rto, u32 nxt)
{
	rto->round_end = nxt;
}

/* Set the state before the first sample (RFC 6298 (2.1)). */
static inline void xtcp_rto_init(struct xtcp_rto *rto)
{
	*rto = (struct xtcp_rto){ .min_rtt_us = ~0U, .next_min_us = ~0U, .rto_ms = XTCP_RTO_INITIAL_MS };
}

/*
 * Updates the held value from a new RTTVAR. At the end of a round trip peak_us starts again at a
 * quarter of the floor, so from the next sample on 4 * held_us is at least the floor.
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

/*
 * Takes an RTT sample, microseconds (RFC 6298 (2.2), (2.3)): the segment was sent only once, or a
 * timestamp tells which copy was acknowledged (section 3, Karn). @floor_us: the least value of the
 * variation term; used only if xtcp_rto_needs_floor(). Also ends the backoff (section 5).
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

/* Sets a floor at once. By itself a higher one takes effect in the next round trip, a lower one in several. */
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

/*
 * Updates the smallest RTT of the present interval and the one before; a path can become longer
 * (RFC 8985 section 6.2 step 1). The first sample after five minutes (Linux's tcp_min_rtt_wlen)
 * begins the next interval. The stored time has 16 bits: after a multiple of 18 hours, samples may
 * count for ten minutes.
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

/* Set the RTO after a SYN that was resent (RFC 6298 (5.7)). */
static inline void xtcp_rto_syn_lost(struct xtcp_rto *rto)
{
	rto->rto_ms = XTCP_RTO_SYN_LOST_MS;
	rto->backoff = 0;
}

/* Double the RTO after a timeout (RFC 6298 (5.5)). */
static inline void xtcp_rto_backoff(struct xtcp_rto *rto)
{
	if (rto->backoff < 0xff)
		rto->backoff++;
}

/* Undo a part of the backoff. @timeouts: how many doublings of the RTO to take back. */
static inline void xtcp_rto_ease(struct xtcp_rto *rto, u8 timeouts)
{
	rto->backoff -= timeouts < rto->backoff ? timeouts : rto->backoff;
}

/* Compute the RTO with its backoff. Return: milliseconds, at most @most_ms (RFC 6298 (2.5)). */
static inline u32 xtcp_rto_current_ms(const struct xtcp_rto *rto, u32 most_ms)
{
	u32 ms = rto->rto_ms;
	u8 i;

	for (i = 0; i < rto->backoff && ms < most_ms; i++)
		ms *= 2;
	return ms < most_ms ? ms : most_ms;
}

/*
 * Undoes as much of the backoff as an RTT that may be too long allows. @rtt_us: at least the RTT of
 * a segment that was sent only once. RFC 6298 section 3 allows it as a sample. But the segment may
 * have waited at the peer until a hole was filled: the sample would make the RTO too long for many
 * round trips. So only doublings are taken back, while the RTO stays as long as the sample asks.
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

/*
 * A number of retries (RFC 9293 section 3.8.3) as a time, milliseconds, at most 2^31 - 1: from the
 * first retransmission until R1 or R2. As in Linux, it is the same whatever the RTO.
 * @first_ms: the first timeout; each further one is twice as long.
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
