// SPDX-License-Identifier: GPL-2.0
/*
 * Careful Resume (RFC 9959) of a sock: a "jump" raises the window at once to at most half of what
 * an earlier connection has observed of the path. resume.c has the phases, and paths.c has the
 * saved paths. cong.c calls this file when text was sent and at each ACK, output.c when the window
 * is full, reduction.c when congestion reduces the window.
 *
 * A connection gets its struct xtcp_resume when it fills its congestion window for the first time.
 * A connection that never fills its window needs no such struct: it has observed nothing that could
 * be saved. If there is no memory for the struct, the connection neither jumps nor observes the
 * path.
 *
 * A connection that jumps takes the saved path out of the table, so that no other connection uses
 * the saved path for a jump (section 3.2). When the connection ends, it saves its own observation
 * of the path. If this observation is too small to be useful, the connection puts back the saved
 * path that it took. It does not put the path back if the jump has retreated or is not validated
 * yet, or if congestion has shown that the path carries less than half of the saved window.
 *
 * In the Safe Retreat Phase PRR does not set the window: the jump has made the window much too
 * large, and PRR would reduce the window too slowly (section 4.5). The window falls at once, and
 * then stays. An undo would raise the window again, so no undo is allowed.
 */
#include "cong/cong.h"

#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/sock.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/seq.h"
#include "cong/reduction.h"
#include "cong/resume.h"
#include "ecn/ecn.h"
#include "loss/loss.h"
#include "sight/sight.h"
#include "time/time.h"

/* an observed window below this number of initial windows is not saved (RFC 9959 section 3.1) */
#define LEAST_WINDOWS	4U

static struct xtcp_resume *resume_of(const struct sock *sk)
{
	return xtcp_sender(sk)->stream->cong.resume;
}

/* The ifindex of the device towards the peer. 0: unknown, or the peer is on this machine. */
static int device_of(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	const struct net_device *dev;
	int ifindex;

	/* the route may lose the device now; RCU keeps the device in memory */
	rcu_read_lock();
	dev = dst ? READ_ONCE(dst->dev) : NULL;
	ifindex = dev && !(dev->flags & IFF_LOOPBACK) ? dev->ifindex : 0;
	rcu_read_unlock();
	return ifindex;
}

/*
 * Has the route moved to another device than the one on which the path was saved? IP looks up the
 * route only when it sends a segment. So the answer is no until the first segment after the move.
 * The answer is also no while the socket has no route, or one over a loopback device.
 */
static bool is_elsewhere(struct sock *sk)
{
	int ifindex = device_of(sk);

	return ifindex && ifindex != resume_of(sk)->saved.ifindex;
}

/* The route has moved during the jump: retreat, and observe nothing more. */
static void retreat_from_move(struct sock *sk)
{
	resume_of(sk)->has_moved = true;
	xtcp_resuming_retreat(sk);
}

static struct xtcp_resume_view view_of(struct sock *sk, u64 now_us)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	return (struct xtcp_resume_view) {
		.snd_una = tx->snd.una,
		.snd_nxt = tx->snd.nxt,
		.delivered = tx->stream->delivered,
		.now_us = (u32)now_us,
		.min_rtt_us = tx->rto.min_rtt_us,
		.seconds = xtcp_paths_seconds(),
		.ifindex = device_of(sk),
	};
}

static void to_normal(struct sock *sk)
{
	const struct xtcp_resume_view view = view_of(sk, xtcp_clock_us());

	resume_of(sk)->phase = XTCP_RESUME_NORMAL;
	xtcp_resume_round(resume_of(sk), &view);
}

/*
 * RFC 9959 section 3.3: text of the Unvalidated Phase MUST be paced. If the connection is paced
 * already, because of a program's rate limit or the algorithm, only the rate changes.
 */
static void begin_to_pace(struct sock *sk)
{
	xtcp_sender(sk)->cong.rate_is_old = true;
	resume_of(sk)->paces = cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED) == SK_PACING_NONE;
}

static void stop_pacing(struct sock *sk)
{
	xtcp_sender(sk)->cong.rate_is_old = true;
	if (resume_of(sk)->paces && READ_ONCE(sk->sk_max_pacing_rate) == ~0UL)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NEEDED, SK_PACING_NONE);
	resume_of(sk)->paces = false;
}

/*
 * Is the connection in its first slow start, without any congestion so far? The answer is no if the
 * SYN was lost more than once: the connection has then begun with less than the initial window.
 */
static bool is_fresh(const struct sock *sk)
{
	const struct xtcp_cong *cong = &xtcp_sender(sk)->cong;

	return cong->phase == XTCP_CONG_OPEN && cong->ssthresh == U32_MAX && cong->cwnd >= xtcp_cong_initial(sk);
}

/**
 * xtcp_resuming_begin() - begin to observe the path, or enter the Reconnaissance Phase
 * @sk: a sock whose congestion window is full, and whose algorithm supports Careful Resume
 *
 * The octets that are in flight now are the initial data.
 */
void xtcp_resuming_begin(struct sock *sk)
{
	struct xtcp_resume *resume = kzalloc(sizeof(*resume), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);

	sock_owned_by_me(sk);
	if (!resume)
		return;
	xtcp_sender(sk)->stream->cong.resume = resume;
	resume->flushes = xtcp_paths_flushes(xtcp_net_of(sk));
	to_normal(sk);
	/*
	 * is_fresh() recognizes earlier congestion by ssthresh. But BBR leaves ssthresh at infinity
	 * after a loss or a mark, and the program may have replaced BBR since then. lost_total and
	 * delivered_ce also tell of losses and marks under BBR
	 */
	if (!is_fresh(sk) || xtcp_sender(sk)->stream->lost_total || xtcp_sk(sk)->delivered_ce ||
	    !xtcp_paths_find(sk, &resume->saved))
		return;
	resume->phase = XTCP_RESUME_RECONNAISSANCE;
	resume->mark = xtcp_sender(sk)->snd.nxt;
}

/*
 * Were all saved paths forgotten since the connection began to observe its path? A flush forgets
 * them, and so does a write of 0 to net.xtcp.careful_resume. Careful Resume then ends. But a
 * retreat goes on until the jump is acknowledged, since the retreat protects the path.
 */
static bool is_switched_off(const struct sock *sk)
{
	const struct xtcp_resume *resume = resume_of(sk);

	return unlikely(resume->flushes != xtcp_paths_flushes(xtcp_net_of(sk))) && resume->phase != XTCP_RESUME_RETREAT;
}

/* Jump if this is the saved path, and enough text waits. The initial data is acknowledged. */
static void look_for_jump(struct sock *sk, u64 now_us)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 pipe = xtcp_pipe_octets(sk), jump;

	/* jump only when more text waits than the window allows (section 3.2, "Path confirmed") */
	if (tx->snd.write_seq - tx->snd.nxt + pipe <= tx->cong.cwnd)
		return;
	jump = xtcp_resume_window(&resume->saved, tx->rto.min_rtt_us, tx->cong.cwnd);
	if (!jump || !resume->can_pace || !tx->rto.srtt_us || tx->stream->data_segs_out < XTCP_PACE_UNPACED ||
	    device_of(sk) != resume->saved.ifindex || !xtcp_paths_take(sk, &resume->saved)) {
		to_normal(sk);
		return;
	}
	resume->has_taken = true;
	xtcp_resume_jump(resume, tx->snd.nxt, pipe, tx->stream->delivered, (u32)now_us);
	tx->cong.cwnd = jump;
	begin_to_pace(sk);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RESUMEJUMPED);
}

static void reconnaissance_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_resume *resume = resume_of(sk);

	if (!is_fresh(sk)) {
		to_normal(sk);
		return;
	}
	if (xtcp_seq_lt(xtcp_sender(sk)->snd.una, resume->mark))
		return;
	resume->confirmed_us = sample->now_us;
	look_for_jump(sk, sample->now_us);
}

/**
 * xtcp_resuming_full() - the window is full in the Reconnaissance Phase: jump, or wait for an ACK
 * @sk: the sock
 *
 * Several ACKs often come together, and the program then writes its next text only after the last
 * of them. Without this function, the jump would wait for another ACK: for a round trip.
 *
 * A connection jumps only once. So half a window of text must wait, or the jump would gain little.
 * If the latest ACK is older than a round trip, the path may have changed meanwhile (RFC 9959
 * section 4.2.1), and the jump waits for another ACK. It also waits if a segment is in the backlog:
 * the segment may report congestion.
 *
 * Return: true if the window has jumped: send more.
 */
bool xtcp_resuming_full(struct sock *sk)
{
	const struct xtcp_resume *resume = resume_of(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const u64 now_us = xtcp_clock_us();

	sock_owned_by_me(sk);
	if (is_switched_off(sk) || !is_fresh(sk) || xtcp_seq_lt(tx->snd.una, resume->mark))
		return false;
	if (tx->snd.write_seq - tx->snd.nxt < tx->cong.cwnd / 2 ||
	    now_us - resume->confirmed_us > tx->rto.srtt_us || READ_ONCE(sk->sk_backlog.tail))
		return false;
	look_for_jump(sk, now_us);
	return resume->phase == XTCP_RESUME_UNVALIDATED;
}

static void leave_unvalidated(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	tx->cong.cwnd = xtcp_resume_validate(resume_of(sk), xtcp_pipe_octets(sk), tx->stream->delivered,
					     xtcp_cong_initial(sk), tx->snd.nxt);
	stop_pacing(sk);
	if (resume_of(sk)->phase == XTCP_RESUME_NORMAL)
		to_normal(sk);
}

/* The octet after the highest octet that the peer has acknowledged or sacked. */
static u32 highest_told(const struct xtcp_sender *tx)
{
	const struct xtcp_scoreboard *sb = &tx->stream->scoreboard;

	return sb->sacked && tx->agreed.sack_ok ? sb->high_sacked : tx->snd.una;
}

/**
 * xtcp_resuming_pushed() - text was sent: end the Unvalidated Phase if it is over
 * @sk: the sock
 *
 * RFC 9959 section 3.3: the Unvalidated Phase ends when the flight fills the window, when an octet
 * that was sent in the phase has arrived, or after an RTT.
 *
 * If the route has moved to another device, the jump retreats. xtcp_resuming_acked() tests this,
 * too, but the next ACK may come too late: if the receiver's window is large, the flight may fill
 * the congestion window before this ACK comes, and so end the phase.
 *
 * If Careful Resume was switched off, this function does nothing; xtcp_resuming_acked() frees the
 * struct xtcp_resume at the next ACK.
 */
noinline void xtcp_resuming_pushed(struct sock *sk)
{
	const struct xtcp_resume *resume = resume_of(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (resume->phase != XTCP_RESUME_UNVALIDATED || is_switched_off(sk))
		return;
	if (is_elsewhere(sk))
		retreat_from_move(sk);
	else if (xtcp_pipe_octets(sk) + tx->mss > tx->cong.cwnd ||
		 xtcp_resume_is_due(resume, highest_told(tx), (u32)xtcp_clock_us(), tx->rto.srtt_us))
		leave_unvalidated(sk);
}

static void unvalidated_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_resume *resume = resume_of(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	/* section 3.3, "Confirming the path during transmission" */
	if (is_elsewhere(sk))
		retreat_from_move(sk);
	else if (xtcp_resume_too_fast(&resume->saved, tx->rto.min_rtt_us))
		xtcp_resuming_retreat(sk);
	else if (xtcp_resume_is_due(resume, highest_told(tx), (u32)sample->now_us, tx->rto.srtt_us))
		leave_unvalidated(sk);
}

/*
 * Process an ACK in the Safe Retreat Phase. @reducing: a reduction is going on. When the reduction
 * ends, xtcp_reduction_end() may end the Safe Retreat Phase.
 */
static void retreat_acked(struct sock *sk, const struct xtcp_sample *sample, bool reducing)
{
	/*
	 * without SACK, a partial ACK must cause a retransmission: if nothing is resent, perhaps no
	 * other ACK comes (RFC 6582 section 3.2)
	 */
	resume_of(sk)->frees_one |= sample->acked && !xtcp_sender(sk)->agreed.sack_ok;
	if (!reducing)
		xtcp_resuming_reduced(sk);
}

/*
 * Process an ACK in the phase NORMAL: observe the path. While something is lost, marked or out of
 * order, octets that an ACK reports may have arrived long before. So a round in which this happens
 * does not count: a new round begins.
 */
static void normal_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_resume_view view = view_of(sk, sample->now_us);

	if (xtcp_sender(sk)->cong.phase != XTCP_CONG_OPEN || sample->lost || sample->resent_acked ||
	    view.min_rtt_us == U32_MAX)
		xtcp_resume_round(resume_of(sk), &view);
	else
		xtcp_resume_observe(resume_of(sk), &view);
}

/**
 * xtcp_resuming_acked() - process an ACK
 * @sk: a sock whose phase of congestion control is already set for this ACK
 * @sample: the ACK
 *
 * Frees the struct xtcp_resume if is_switched_off().
 *
 * Return: true if the window is set already; false if the algorithm or PRR has to set it, as
 * without Careful Resume.
 */
noinline bool xtcp_resuming_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	const enum xtcp_cong_phase phase = xtcp_sender(sk)->cong.phase;
	struct xtcp_resume *resume = resume_of(sk);

	sock_owned_by_me(sk);
	if (is_switched_off(sk)) {
		xtcp_resuming_end(sk);
		return false;
	}
	switch (resume->phase) {
	case XTCP_RESUME_RECONNAISSANCE:
		reconnaissance_acked(sk, sample);
		return resume->phase == XTCP_RESUME_UNVALIDATED;
	case XTCP_RESUME_UNVALIDATED:
		unvalidated_acked(sk, sample);
		return true;
	case XTCP_RESUME_VALIDATING:
		if (xtcp_seq_ge(xtcp_sender(sk)->snd.una, resume->mark)) {
			XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RESUMEVALIDATED);
			to_normal(sk);
		}
		return false;
	case XTCP_RESUME_RETREAT:
		retreat_acked(sk, sample, phase == XTCP_CONG_CWR || phase == XTCP_CONG_RECOVERY);
		return true;
	default:
		normal_acked(sk, sample);
		return false;
	}
}

static bool is_unproven(const struct xtcp_resume *resume)
{
	return resume->phase == XTCP_RESUME_UNVALIDATED || resume->phase == XTCP_RESUME_VALIDATING;
}

/*
 * Reduce the window to PipeSize, which the path is known to carry, before the algorithm reads the
 * window. Otherwise the algorithm would remember the size of the jump as the capacity of the path.
 */
static void bound_by_pipe_size(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 pipe_size = xtcp_resume_pipe_size(resume_of(sk), tx->stream->delivered);

	tx->cong.cwnd = min(tx->cong.cwnd, max_t(u32, pipe_size, tx->mss));
}

/**
 * xtcp_resuming_congested() - something was lost or marked, and the window is about to fall
 * @sk: the sock
 *
 * Return: true when the Safe Retreat Phase begins or goes on. The caller then lets the algorithm
 * set ssthresh, and calls xtcp_resuming_retreat() afterwards.
 */
bool xtcp_resuming_congested(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);

	sock_owned_by_me(sk);
	/*
	 * first note whether the route has moved: after a move, congestion says nothing about what
	 * was observed, and xtcp_resume_cap() changes nothing
	 */
	xtcp_resume_device(resume, device_of(sk));
	xtcp_resume_cap(resume, xtcp_sender(sk)->cong.cwnd);
	if (resume->phase == XTCP_RESUME_RECONNAISSANCE)
		to_normal(sk);
	if (is_unproven(resume))
		bound_by_pipe_size(sk);
	return is_unproven(resume) || resume->phase == XTCP_RESUME_RETREAT;
}

/**
 * xtcp_resuming_retreat() - enter the Safe Retreat Phase, or reduce the window further
 * @sk: the sock
 *
 * RFC 9959 section 3.5. The jump took the saved path out of the table, but another connection may
 * have saved the path again. This function then removes the path from the table, unless the route
 * has moved: after a move, nothing shows that the saved parameters are wrong.
 */
void xtcp_resuming_retreat(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	xtcp_reduction_forbid_undo(sk);
	if (resume->phase == XTCP_RESUME_RETREAT) {
		tx->cong.cwnd = min(tx->cong.cwnd, tx->cong.ssthresh);
		return;
	}
	tx->cong.cwnd = xtcp_resume_retreat(resume, tx->cong.cwnd, tx->stream->delivered, tx->snd.nxt, tx->mss);
	stop_pacing(sk);
	if (!resume->has_moved)
		xtcp_paths_forget(sk, resume->saved.ifindex, resume->flushes);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RESUMERETREATED);
}

/**
 * xtcp_resuming_reduced() - leave the Safe Retreat Phase if the jump is acknowledged
 * @sk: in the Safe Retreat Phase; no reduction is going on
 *
 * The phase ends when all octets that were sent in the jump are acknowledged. This does not change
 * the window. After the phase, slow start raises the window as far as ssthresh.
 */
void xtcp_resuming_reduced(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (xtcp_seq_lt(tx->snd.una, resume->mark))
		return;
	tx->cong.ssthresh = xtcp_resume_leave(resume, tx->cong.ssthresh, tx->stream->delivered, tx->mss);
	to_normal(sk);
}

/**
 * xtcp_resuming_timeout() - the retransmission timer has expired
 * @sk: the sock
 *
 * RFC 9959 section 3.6: the phase becomes NORMAL. If the jump was not validated yet, the saved path
 * was wrong and is forgotten, unless the route has moved.
 */
void xtcp_resuming_timeout(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	/* first note whether the route has moved: see xtcp_resuming_congested() */
	xtcp_resume_device(resume, device_of(sk));
	xtcp_resume_cap(resume, tx->cong.cwnd);
	if (resume->phase == XTCP_RESUME_NORMAL)
		return;
	if (is_unproven(resume)) {
		bound_by_pipe_size(sk);
		resume->has_taken = false;
		stop_pacing(sk);
		if (!resume->has_moved)
			xtcp_paths_forget(sk, resume->saved.ifindex, resume->flushes);
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RESUMERETREATED);
	} else if (resume->phase == XTCP_RESUME_RETREAT) {
		tx->cong.ssthresh = xtcp_resume_leave(resume, tx->cong.ssthresh, tx->stream->delivered, tx->mss);
	}
	to_normal(sk);
}

/**
 * xtcp_resuming_end() - end Careful Resume: save the path if it is worth saving, free the state
 * @sk: the connection ends or gets another algorithm, or Careful Resume was switched off
 */
void xtcp_resuming_end(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);

	sock_owned_by_me(sk);
	/* if the jump is not validated yet, reduce the window to PipeSize */
	if (is_unproven(resume)) {
		bound_by_pipe_size(sk);
		stop_pacing(sk);
	}
	if (resume->best.cwnd >= LEAST_WINDOWS * xtcp_cong_initial(sk))
		xtcp_paths_save(sk, &resume->best, resume->flushes, true);
	else if (resume->has_taken && !is_unproven(resume))
		xtcp_paths_save(sk, &resume->saved, resume->flushes, false);
	xtcp_sender(sk)->stream->cong.resume = NULL;
	kfree(resume);
}
