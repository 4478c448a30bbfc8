// SPDX-License-Identifier: GPL-2.0
/*
 * Prague's window (draft-briscoe-iccrg-prague-congestion-control; RFC 9331 section 4.3 has the
 * requirements). An L4S queue CE-marks a few segments in each round trip. Alpha is the share of
 * octets that were marked. The first mark in a virtual round trip reduces the window by
 * window * alpha / 2; each octet that was not marked adds to the window.
 *
 * A virtual round trip takes an RTT, but at least 25 ms. Per virtual round trip, Alpha is updated
 * at most once, and the window is reduced at most once. In congestion avoidance, each virtual round
 * trip sends one segment more than the previous one. So with the same share of marks, a connection
 * with an RTT below 25 ms gets about the same rate as a connection with an RTT of 25 ms, not a
 * higher rate.
 *
 * Alpha stays 1 until the first mark, so the first mark halves the window. Pure: no socket, no
 * clock.
 */
#include "cong/prague.h"

#include <linux/math64.h>
#include <linux/minmax.h>

#include "base/seq.h"

#define HALF_ALPHA_SHIFT	25	/* cwnd * share >> 25 is cwnd * alpha / 2: 1.0 is 2^24 */
/* "step" is the growth before the factor (RTT / virtual RTT)^2 is applied, in 1/2^16 octet */
#define STEP_SHIFT		16
#define SQUARE_SHIFT		20	/* unit of (RTT / virtual RTT)^2: 1/2^20 */

/* Has a virtual round trip passed? It began at @begin_us, when SND.NXT was @end. */
static bool virtual_trip_passed(const struct xtcp_prague_ack *ack, u32 begin_us, u32 end)
{
	return xtcp_seq_gt(ack->una, end) && ack->now_us - begin_us >= XTCP_PRAGUE_RTT_US;
}

/**
 * xtcp_prague_start() - set the state before the first ACK
 * @prague: zeroed
 * @mss: octets of a full segment
 * @now_us: the low 32 bits of the clock, microseconds
 * @sent: how much has been sent until now
 *
 * Context: any.
 */
void xtcp_prague_start(struct xtcp_prague *prague, u32 mss, u32 now_us, const struct xtcp_alpha_sent *sent)
{
	xtcp_alpha_start(&prague->alpha, XTCP_PRAGUE_ONE, mss, sent);
	prague->window_us = now_us;
}

static void begin_window(struct xtcp_prague *prague, const struct xtcp_prague_ack *ack)
{
	xtcp_alpha_begin_window(&prague->alpha, &ack->sent);
	prague->window_us = ack->now_us;
}

/* Updates Alpha, which stays 1 until the first CE mark. */
static void observe(struct xtcp_prague *prague, const struct xtcp_prague_ack *ack)
{
	if (prague->has_reduced && virtual_trip_passed(ack, prague->reduced_us, prague->reduced_end))
		prague->has_reduced = false;
	if (ack->marked && !prague->met_marks) {
		prague->met_marks = true;
		begin_window(prague, ack);
	}
	xtcp_alpha_count(&prague->alpha, ack->delivered, ack->marked);
	if (!virtual_trip_passed(ack, prague->window_us, prague->alpha.begin.nxt))
		return;
	if (prague->met_marks)
		xtcp_alpha_update(&prague->alpha, XTCP_PRAGUE_ONE);
	begin_window(prague, ack);
}

/**
 * xtcp_prague_acked() - process the marks that an ACK reports
 * @prague: to update
 * @ack: the ACK
 *
 * Context: any.
 *
 * Return: the window: ack->cwnd, or a smaller window of at least two segments.
 */
u32 xtcp_prague_acked(struct xtcp_prague *prague, const struct xtcp_prague_ack *ack)
{
	u32 cwnd = ack->cwnd, least = min(cwnd, 2 * ack->mss);
	u64 less;

	observe(prague, ack);
	if (!ack->marked || !ack->may_reduce || prague->has_reduced)
		return cwnd;
	less = (u64)cwnd * prague->alpha.share + prague->debt;
	prague->debt = less & ((1U << HALF_ALPHA_SHIFT) - 1);
	prague->credit = 0;
	prague->has_reduced = true;
	prague->reduced_us = ack->now_us;
	prague->reduced_end = ack->sent.nxt;
	prague->reduced_from = cwnd;
	return max(cwnd - (u32)(less >> HALF_ALPHA_SHIFT), least);
}

/**
 * xtcp_prague_growth() - compute the growth of the window for octets that arrived without a mark
 * @prague: to update
 * @unmarked: the number of these octets
 * @cwnd: the window, at least @mss
 * @mss: octets of a full segment
 * @rtt_us: the smoothed RTT
 *
 * The aim: each virtual round trip sends one segment more than the one before, as NewReno does in a
 * round trip. Let r be virtual RTT / RTT, so a virtual round trip consists of r round trips. Each
 * of them adds 1/r^2 segments to the window, so after r of them the window is 1/r segments larger.
 * Each of the next r round trips then sends 1/r segments more: 1 segment in all.
 *
 * Context: any.
 *
 * Return: octets.
 */
u32 xtcp_prague_growth(struct xtcp_prague *prague, u32 unmarked, u32 cwnd, u32 mss, u32 rtt_us)
{
	const u32 shortest = XTCP_PRAGUE_RTT_US;
	u32 square = 1U << SQUARE_SHIFT;
	u64 step, octets;

	if (rtt_us && rtt_us < shortest)
		square = max((u32)div_u64((u64)rtt_us * rtt_us << SQUARE_SHIFT, shortest * shortest), 1U);
	step = div_u64((u64)min(unmarked, cwnd) * mss << STEP_SHIFT, cwnd);
	octets = prague->credit + step * square;
	prague->credit = octets & ((1ULL << (STEP_SHIFT + SQUARE_SHIFT)) - 1);
	return (u32)(octets >> (STEP_SHIFT + SQUARE_SHIFT));
}

/**
 * xtcp_prague_after_loss() - compute the window after a loss
 * @prague: the state
 * @una: SND.UNA
 * @cwnd: the window
 * @mss: octets of a full segment
 *
 * A loss halves the window, as in Reno (RFC 9331 section 4.3). If a mark has reduced the window in
 * the same round trip, the mark and the loss together halve the window.
 *
 * Context: any.
 *
 * Return: octets, at least two segments.
 */
u32 xtcp_prague_after_loss(const struct xtcp_prague *prague, u32 una, u32 cwnd, u32 mss)
{
	u32 half = cwnd / 2;

	if (prague->has_reduced && xtcp_seq_le(una, prague->reduced_end))
		half = min(prague->reduced_from / 2, cwnd);
	return max(half, 2 * mss);
}
