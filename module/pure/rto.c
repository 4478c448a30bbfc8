// SPDX-License-Identifier: GPL-2.0
/*
 * Round trip time and retransmission timeout (RFC 6298). Pure: no socket, no clock.
 *
 * Two constants are Linux's and not the RFC's: the floor is 200 ms and stands under the variation's term, so that a
 * peer's delayed ACK never looks like a loss; the ceiling is 120 s.
 *
 * The RFC's gains are for one sample in a round trip. Each ACK brings one, and with so many RTTVAR forgets within a few
 * segments what the others of the window have shown (RFC 7323 appendix G). So the RTO goes by the largest RTTVAR of a
 * round trip, as in Linux, and what it went by before decays by a quarter in each.
 */
#include "pure/rto.h"

#include "pure/seq.h"
#include "pure/wire.h"

#define US_PER_MS	1000U
#define VAR_MIN_US	(XTCP_RTO_MIN_MS * US_PER_MS / 4)	/* four times this is the floor */

/**
 * xtcp_rto_init() - before the first sample (RFC 6298 (2.1))
 * @rto: to set
 *
 * Context: any.
 */
void xtcp_rto_init(struct xtcp_rto *rto)
{
	rto->srtt_us = 0;
	rto->rttvar_us = 0;
	rto->held_us = VAR_MIN_US;
	rto->peak_us = VAR_MIN_US;
	rto->round_end = 0;
	rto->min_rtt_us = ~0U;
	rto->next_min_us = ~0U;
	rto->min_since_s = 0;
	rto->rto_ms = XTCP_RTO_INITIAL_MS;
	rto->backoff = 0;
}

/* RTTVAR is new. Where more is acknowledged than was sent when the round trip began, another one begins. */
static void hold_variation(struct xtcp_rto *rto, u32 una, u32 nxt)
{
	if (rto->rttvar_us > rto->peak_us)
		rto->peak_us = rto->rttvar_us;
	if (rto->peak_us > rto->held_us)
		rto->held_us = rto->peak_us;
	if (!xtcp_seq_gt(una, rto->round_end))
		return;
	rto->held_us -= (rto->held_us - rto->peak_us) / 4;
	rto->peak_us = VAR_MIN_US;
	rto->round_end = nxt;
}

/**
 * xtcp_rto_sample() - take a round trip time (RFC 6298 (2.2), (2.3))
 * @rto: to update
 * @rtt_us: microseconds; from a segment that was sent once, or proven by a timestamp (section 3, Karn)
 * @una: SND.UNA, which this ACK may have moved
 * @nxt: SND.NXT
 *
 * A sample also ends the backoff (section 5, last paragraph).
 *
 * Context: any.
 */
void xtcp_rto_sample(struct xtcp_rto *rto, u32 rtt_us, u32 una, u32 nxt)
{
	u32 r = rtt_us ?: 1, off;

	if (r > XTCP_RTO_MAX_MS * US_PER_MS)
		r = XTCP_RTO_MAX_MS * US_PER_MS;
	if (r < rto->min_rtt_us)
		rto->min_rtt_us = r;

	if (!rto->srtt_us) {
		rto->srtt_us = r;
		rto->rttvar_us = r / 2;
		rto->round_end = nxt;
	} else {
		/* the order matters: RTTVAR takes the SRTT from before this sample */
		off = rto->srtt_us > r ? rto->srtt_us - r : r - rto->srtt_us;
		rto->rttvar_us = (3 * rto->rttvar_us + off + 2) / 4;
		rto->srtt_us = (7 * rto->srtt_us + r + 4) / 8;
	}
	hold_variation(rto, una, nxt);

	rto->rto_ms = (rto->srtt_us + 4 * rto->held_us + US_PER_MS - 1) / US_PER_MS;
	if (rto->rto_ms > XTCP_RTO_MAX_MS)
		rto->rto_ms = XTCP_RTO_MAX_MS;
	rto->backoff = 0;
}

/**
 * xtcp_rto_take_min() - take a round trip for the smallest one
 * @rto: to update
 * @rtt_us: microseconds, not 0
 * @now_s: the clock, seconds
 *
 * The smallest one of the last five to ten minutes, so that a path that has become longer is noticed (RFC 8985 section
 * 6.2 step 1). Linux's tcp_min_rtt_wlen is five minutes.
 *
 * Context: any.
 */
void xtcp_rto_take_min(struct xtcp_rto *rto, u32 rtt_us, u32 now_s)
{
	if (now_s - rto->min_since_s > XTCP_MIN_RTT_WINDOW_S) {
		if (rto->min_since_s)
			rto->min_rtt_us = rto->next_min_us;
		rto->next_min_us = rtt_us;
		rto->min_since_s = now_s ? now_s : 1;
	}
	if (rtt_us < rto->next_min_us)
		rto->next_min_us = rtt_us;
	if (rtt_us < rto->min_rtt_us)
		rto->min_rtt_us = rtt_us;
}

/**
 * xtcp_rto_syn_lost() - data transmission begins after a SYN that had to be sent again (RFC 6298 (5.7))
 * @rto: to update
 *
 * Context: any.
 */
void xtcp_rto_syn_lost(struct xtcp_rto *rto)
{
	rto->rto_ms = XTCP_RTO_SYN_LOST_MS;
	rto->backoff = 0;
}

/**
 * xtcp_rto_backoff() - a timeout happened: double (RFC 6298 (5.5))
 * @rto: to update
 *
 * Context: any.
 */
void xtcp_rto_backoff(struct xtcp_rto *rto)
{
	if (rto->backoff < 0xff)
		rto->backoff++;
}

/**
 * xtcp_rto_ease() - what was probed answers again: take back what the probes have made of the backoff
 * @rto: to update
 * @timeouts: how often it has doubled for a probe
 *
 * Context: any.
 */
void xtcp_rto_ease(struct xtcp_rto *rto, u8 timeouts)
{
	rto->backoff -= timeouts < rto->backoff ? timeouts : rto->backoff;
}

/**
 * xtcp_rto_current_ms() - the timeout to arm now
 * @rto: the state
 *
 * Context: any.
 *
 * Return: milliseconds, at most XTCP_RTO_MAX_MS (RFC 6298 (2.5)).
 */
u32 xtcp_rto_current_ms(const struct xtcp_rto *rto)
{
	u32 ms = rto->rto_ms;
	u8 i;

	for (i = 0; i < rto->backoff && ms < XTCP_RTO_MAX_MS; i++)
		ms *= 2;
	return ms < XTCP_RTO_MAX_MS ? ms : XTCP_RTO_MAX_MS;
}

/**
 * xtcp_rto_give_up_ms() - how long a number of retries takes
 * @retries: retransmissions that are made before giving up
 * @first_ms: timeout of the first
 *
 * R1 and R2 (RFC 9293 section 3.8.3) are counts in the knobs and times here, as in Linux: a path whose RTO differs from
 * @first_ms is given as long as one where it does not.
 *
 * Context: any.
 *
 * Return: milliseconds from the first timeout that was not answered; at most 2^31 - 1.
 */
u32 xtcp_rto_give_up_ms(u32 retries, u32 first_ms)
{
	const u32 most = 0x7fffffff;
	u32 sum = 0, ms = first_ms, i;

	for (i = 0; i <= retries; i++) {
		if (ms > XTCP_RTO_MAX_MS)
			ms = XTCP_RTO_MAX_MS;
		if (sum > most - ms)
			return most;
		sum += ms;
		ms *= 2;
	}
	return sum;
}
