// SPDX-License-Identifier: GPL-2.0
/*
 * Careful Resume (RFC 9959): a connection may raise its window in one step (a "jump") to at most
 * half of what an earlier connection on the same path has observed. It may do so when the peer has
 * acknowledged the initial data, which is the first full window. Pure: no socket, no clock.
 * resuming.c applies this to a sock, and paths.c has the table of saved paths.
 *
 *      NORMAL (observes)          the table has the path
 *        ^  ^                            |
 *        |  |  not this path, congestion v
 *        |  +------------------- RECONNAISSANCE
 *        |  |                            | the initial data is acknowledged: jump
 *        |  |  the jump was not used     v
 *        |  +---------------------- UNVALIDATED ------+
 *        |  |                            |            | congestion, another path
 *        |  |                            v            v
 *        |  +----------------------- VALIDATING -> RETREAT
 *        |  |                                         |
 *        |  +-----------------------------------------+
 *
 * The saved window is the number of octets that arrived in a round, scaled down to the smallest
 * RTT, so that octets which only waited in a queue do not count. A jump sends at most half of the
 * saved window, and paces these octets over the present RTT, which must be longer than half of the
 * saved RTT. So a jump is never faster than the earlier connection was.
 */
#include "cong/resume.h"

#include <linux/math64.h>
#include <linux/minmax.h>

#include "base/seq.h"

#define JUMP_MAX	(4U << 20)	/* max_jump of RFC 9959 section 2.4, octets */
#define JUMP_GAIN	2		/* a jump must raise cwnd by more than this factor */
#define RTT_GROWTH	10		/* largest ratio of the RTT to saved_rtt (section 4.2.1) */
#define REFRESH_SECONDS	300U

/**
 * xtcp_resume_device() - note which device the route has now
 * @resume: to update
 * @ifindex: the device; 0: unknown or loopback; then nothing changes
 *
 * The first device is the device of the connection. Any other device sets @resume->has_moved.
 *
 * Context: any.
 */
void xtcp_resume_device(struct xtcp_resume *resume, int ifindex)
{
	if (!resume->ifindex)
		resume->ifindex = ifindex;
	if (ifindex && ifindex != resume->ifindex)
		resume->has_moved = true;
}

/**
 * xtcp_resume_round() - begin a round of observation
 * @resume: to update
 * @view: the connection
 *
 * Context: any.
 */
void xtcp_resume_round(struct xtcp_resume *resume, const struct xtcp_resume_view *view)
{
	xtcp_resume_device(resume, view->ifindex);
	resume->round_end = view->snd_nxt;
	resume->round_start_us = view->now_us;
	resume->round_delivered = view->delivered;
}

/*
 * Does the observation @seen replace @best? The largest observation is kept, since most rounds do
 * not fill the path. But if @best is more than REFRESH_SECONDS older than @seen, @seen replaces
 * @best even if @seen is only half as large.
 */
static bool is_better(const struct xtcp_saved *best, const struct xtcp_saved *seen)
{
	if (seen->cwnd >= best->cwnd)
		return true;
	return seen->seconds - best->seconds > REFRESH_SECONDS && seen->cwnd >= best->cwnd / 2;
}

/**
 * xtcp_resume_observe() - measure how much the path carries in an RTT (RFC 9959 section 3.1)
 * @resume: in %XTCP_RESUME_NORMAL
 * @view: the connection after an ACK that reports no loss, no mark and nothing out of order
 *
 * Octets count when they are acknowledged. A peer can acknowledge octets before they arrive, but
 * not before they are sent. So a round counts at most the octets that were in flight when the round
 * began, plus the octets that were sent in the round: no peer can make the saved window larger than
 * this sum.
 *
 * Once the route has moved to another device, the connection observes nothing more, even if the
 * route moves back: the smallest RTT may be that of either device. What the connection observed
 * before the move stays. A route that moves away and back between two ACKs is not noticed.
 *
 * Context: any.
 */
void xtcp_resume_observe(struct xtcp_resume *resume, const struct xtcp_resume_view *view)
{
	u32 took_us = max(view->now_us - resume->round_start_us, view->min_rtt_us);
	struct xtcp_saved seen = { .rtt_us = view->min_rtt_us, .seconds = view->seconds, .ifindex = view->ifindex };
	u64 octets;

	xtcp_resume_device(resume, view->ifindex);
	if (resume->has_moved || xtcp_seq_lt(view->snd_una, resume->round_end))
		return;
	octets = view->delivered - resume->round_delivered;
	if (took_us && view->ifindex) {
		seen.cwnd = (u32)div_u64(octets * view->min_rtt_us, took_us);
		if (seen.cwnd && is_better(&resume->best, &seen))
			resume->best = seen;
	}
	xtcp_resume_round(resume, view);
}

/**
 * xtcp_resume_cap() - lower the observation, since the path was congested
 * @resume: to update
 * @cwnd: the window during the congestion; the path carries no more than this
 *
 * After the route has moved to another device, the congestion says nothing about what was observed.
 *
 * Context: any.
 */
void xtcp_resume_cap(struct xtcp_resume *resume, u32 cwnd)
{
	if (resume->has_moved)
		return;
	resume->best.cwnd = min(resume->best.cwnd, cwnd);
	/*
	 * if the path carries less than half of saved.cwnd, @saved is wrong. Then has_taken becomes
	 * false, so that xtcp_resuming_end() does not put @saved back
	 */
	resume->has_taken &= cwnd >= resume->saved.cwnd / 2;
}

/**
 * xtcp_resume_too_fast() - is the RTT too short for the saved path?
 * @saved: the saved path
 * @min_rtt_us: the smallest RTT of this connection
 *
 * RFC 9959 section 3.2: an RTT of at most half of saved_rtt shows that this is another path.
 *
 * Context: any.
 *
 * Return: true when this is another path.
 */
bool xtcp_resume_too_fast(const struct xtcp_saved *saved, u32 min_rtt_us)
{
	return 2ULL * min_rtt_us <= saved->rtt_us;
}

/**
 * xtcp_resume_window() - compute jump_cwnd (RFC 9959 section 3.3)
 * @saved: the saved path
 * @min_rtt_us: the smallest RTT of this connection
 * @cwnd: the window of this connection
 *
 * During the RTT of a jump the window does not grow; slow start would double it in that time. So a
 * jump to twice the window, or to less, gains nothing.
 *
 * Context: any.
 *
 * Return: octets, at most half of the saved window; 0: this is another path, or the jump would gain
 * nothing.
 */
u32 xtcp_resume_window(const struct xtcp_saved *saved, u32 min_rtt_us, u32 cwnd)
{
	u32 jump = min(saved->cwnd / 2, JUMP_MAX);

	if (xtcp_resume_too_fast(saved, min_rtt_us) || min_rtt_us > (u64)RTT_GROWTH * saved->rtt_us)
		return 0;
	return jump > (u64)JUMP_GAIN * cwnd ? jump : 0;
}

/**
 * xtcp_resume_jump() - enter the Unvalidated Phase
 * @resume: in %XTCP_RESUME_RECONNAISSANCE
 * @snd_nxt: SND.NXT
 * @pipe: octets in flight, the first value of PipeSize
 * @delivered: octets that have arrived since the connection began
 * @now_us: the low 32 bits of the clock
 *
 * Context: any.
 */
void xtcp_resume_jump(struct xtcp_resume *resume, u32 snd_nxt, u32 pipe, u32 delivered, u32 now_us)
{
	resume->phase = XTCP_RESUME_UNVALIDATED;
	resume->mark = snd_nxt;
	resume->pipe_base = pipe - delivered;
	resume->entered_us = now_us;
	resume->has_jumped = true;
}

/**
 * xtcp_resume_is_due() - does the Unvalidated Phase end?
 * @resume: in %XTCP_RESUME_UNVALIDATED
 * @high: the octet after the highest octet that is acknowledged or sacked
 * @now_us: the low 32 bits of the clock
 * @srtt_us: the smoothed RTT
 *
 * RFC 9959 section 3.3. The phase also ends when the flight fills the window, which
 * xtcp_resuming_pushed() checks.
 *
 * Context: any.
 *
 * Return: true when an octet that was sent in the phase has arrived, or when the phase has lasted
 * for more than an RTT.
 */
bool xtcp_resume_is_due(const struct xtcp_resume *resume, u32 high, u32 now_us, u32 srtt_us)
{
	return xtcp_seq_gt(high, resume->mark) || now_us - resume->entered_us > srtt_us;
}

/**
 * xtcp_resume_validate() - leave the Unvalidated Phase
 * @resume: in %XTCP_RESUME_UNVALIDATED
 * @pipe: flight_size of the RFC: octets in flight
 * @delivered: octets that have arrived since the connection began
 * @initial: the initial window
 * @snd_nxt: SND.NXT
 *
 * RFC 9959 section 3.3 ("Check flight_size"): the window loses the part of the jump that was not
 * used.
 *
 * Context: any.
 *
 * Return: the window.
 */
u32 xtcp_resume_validate(struct xtcp_resume *resume, u32 pipe, u32 delivered, u32 initial, u32 snd_nxt)
{
	u32 pipe_size = xtcp_resume_pipe_size(resume, delivered);

	if (pipe < initial || pipe <= pipe_size) {
		resume->phase = XTCP_RESUME_NORMAL;
		return max(pipe_size, initial);
	}
	resume->phase = XTCP_RESUME_VALIDATING;
	resume->mark = snd_nxt;
	return pipe;
}

/**
 * xtcp_resume_retreat() - enter the Safe Retreat Phase (RFC 9959 section 3.5)
 * @resume: in %XTCP_RESUME_UNVALIDATED or %XTCP_RESUME_VALIDATING
 * @cwnd: the window
 * @delivered: octets that have arrived since the connection began
 * @snd_nxt: SND.NXT
 * @mss: SMSS
 *
 * Context: any.
 *
 * Return: the window: at most PipeSize / 2, or one segment if that is more.
 */
u32 xtcp_resume_retreat(struct xtcp_resume *resume, u32 cwnd, u32 delivered, u32 snd_nxt, u32 mss)
{
	if (resume->phase == XTCP_RESUME_UNVALIDATED)
		resume->mark = snd_nxt;
	resume->phase = XTCP_RESUME_RETREAT;
	resume->has_taken = false;
	resume->frees_one = true;
	return min(cwnd, max(xtcp_resume_pipe_size(resume, delivered) / 2, mss));
}

/**
 * xtcp_resume_leave() - leave the Safe Retreat Phase (RFC 9959 section 3.5)
 * @resume: in %XTCP_RESUME_RETREAT
 * @ssthresh: the slow start threshold
 * @delivered: octets that have arrived since the connection began
 * @mss: SMSS
 *
 * Context: any.
 *
 * Return: the slow start threshold: at most PipeSize * Beta, or one segment if that is more. Beta
 * is 0.5.
 */
u32 xtcp_resume_leave(struct xtcp_resume *resume, u32 ssthresh, u32 delivered, u32 mss)
{
	resume->phase = XTCP_RESUME_NORMAL;
	resume->frees_one = false;
	return min(ssthresh, max(xtcp_resume_pipe_size(resume, delivered) / 2, mss));
}
