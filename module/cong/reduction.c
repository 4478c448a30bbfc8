// SPDX-License-Identifier: GPL-2.0
/*
 * The windows of a reduction: when something was lost or marked, while PRR sets cwnd (RFC 9937), at
 * a timeout, at the end, and when it turns out that the reduction was needless.
 *
 * The algorithm decides how far the window falls (ssthresh), PRR how fast. An algorithm with
 * control() sets cwnd itself; here cwnd then changes only at a timeout, at the end of a recovery or
 * of CWR, and for an undo.
 *
 * Pipe: the number of octets in flight, as the scoreboard counts them.
 */
#include "cong/cong.h"

#include <linux/minmax.h>
#include <net/sock.h>

#include "base/sender.h"
#include "base/stream.h"
#include "cong/prr.h"
#include "cong/reduction.h"
#include "cong/resume.h"

/**
 * xtcp_pipe_octets() - count the octets in flight
 * @sk: the sock
 *
 * RFC 6675 section 4.
 *
 * Return: octets of sequence space.
 */
u32 xtcp_pipe_octets(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
	u32 out = tx->snd.nxt - tx->snd.una + sb->resent;
	u32 gone = sb->sacked + sb->lost;

	sock_owned_by_me(sk);
	/*
	 * when memory is short, an skb that is marked as sacked or lost may keep octets that are
	 * acknowledged already. "gone" counts these octets, but "out", which begins at SND.UNA,
	 * does not
	 */
	return out > gone ? out - gone : 0;
}

/* In the Safe Retreat Phase, PRR sets no window (RFC 9959 section 4.5). */
static bool is_retreating(const struct sock *sk)
{
	return xtcp_resume_is_in(xtcp_sender(sk)->stream->cong.resume, XTCP_RESUME_RETREAT);
}

/**
 * xtcp_reduction_ack() - set the window for an ACK by PRR (RFC 9937 section 6.2)
 * @sk: the sock; a reduction is going on
 * @delivered: octets that the ACK reports as newly arrived
 * @safe: SafeACK: the ACK moves SND.UNA and reports no loss
 */
noinline_for_stack void xtcp_reduction_ack(struct sock *sk, u32 delivered, bool safe)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 pipe = xtcp_pipe_octets(sk), quota;

	sock_owned_by_me(sk);
	if (!delivered)
		return;
	quota = xtcp_prr_quota(&stream->cong.prr, pipe, tx->cong.ssthresh, delivered, safe, tx->mss);
	/*
	 * without SACK, a partial ACK always allows one segment to be resent: if nothing is resent,
	 * perhaps no other ACK comes (RFC 6582 section 3.2)
	 */
	if (!tx->agreed.sack_ok && !list_empty(&stream->to_resend))
		quota = max_t(u32, quota, tx->mss);
	tx->cong.cwnd = max_t(u32, pipe + quota, tx->mss);
}

/**
 * xtcp_reduction_sent() - tell PRR how much was sent or resent, if PRR controls a reduction
 * @sk: the sock
 * @octets: how many octets
 */
void xtcp_reduction_sent(struct sock *sk, u32 octets)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (xtcp_reduction_is_on(tx) && !tx->algorithm->control)
		xtcp_prr_sent(&tx->stream->cong.prr, octets);
}

/* Save the windows, in case the reduction turns out to be needless. */
static void keep_windows(struct xtcp_sender *tx)
{
	struct xtcp_cong_stream *prior = &tx->stream->cong;
	const struct xtcp_cong *cong = &tx->cong;

	/*
	 * a recovery that is still going on may have reduced cwnd already: keep the larger of cwnd
	 * and the value that was saved before. BBR restores this value when the recovery ends
	 * (draft-ietf-ccwg-bbr section 5.6.4.4)
	 */
	if (tx->algorithm->control && cong->phase >= XTCP_CONG_RECOVERY)
		prior->prior_cwnd = max(prior->prior_cwnd, cong->cwnd);
	else
		prior->prior_cwnd = cong->cwnd;
	/* as in Linux, save at least 3/4 of cwnd as ssthresh, unless a reduction is going on */
	prior->prior_ssthresh = xtcp_reduction_is_on(tx) ? cong->ssthresh : max(cong->ssthresh, cong->cwnd / 4 * 3);
}

/*
 * Is cwnd what a repair has left of the window, so that it says nothing about the path? In a phase
 * of Careful Resume other than NORMAL, congestion counts nevertheless.
 */
static bool is_mere_repair(const struct xtcp_sender *tx)
{
	return tx->cong.phase == XTCP_CONG_LOSS && xtcp_resume_is_in(tx->stream->cong.resume, XTCP_RESUME_NORMAL);
}

/**
 * xtcp_reduction_begin() - begin to reduce the window after a loss or a congestion mark
 * @sk: the sock; its phase has not changed yet
 * @in_flight: RecoverFS of RFC 9937 section 6.1, octets
 * @marked: a congestion mark is the only reason; nothing was lost
 *
 * The algorithm decides how far the window falls; PRR decides how fast.
 */
void xtcp_reduction_begin(struct sock *sk, u32 in_flight, bool marked)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_cong_ops *ops = tx->algorithm;
	bool retreats;

	sock_owned_by_me(sk);
	retreats = unlikely(tx->stream->cong.resume) && !is_mere_repair(tx) && xtcp_resuming_congested(sk);
	keep_windows(tx);
	tx->stream->cong.idled_in_reduction = false;
	tx->cong.ssthresh = max_t(u32, marked && ops->marked ? ops->marked(sk) : ops->ssthresh(sk), tx->mss);
	xtcp_prr_begin(&tx->stream->cong.prr, in_flight);
	if (retreats)
		xtcp_resuming_retreat(sk);
}

/**
 * xtcp_reduction_further() - react to a loss during the reduction for a congestion mark
 * @sk: the sock; its phase is %XTCP_CONG_CWR
 * @in_flight: RecoverFS of RFC 9937 section 6.1, octets, if a recovery begins; otherwise 0
 *
 * A mark and a loss in the same round trip reduce the window only once (RFC 3168 section 6.1.2). An
 * algorithm without marked() has reduced the window for the mark as far as for a loss, so this
 * function does nothing. With marked(), the window now falls at least as far as for the loss alone
 * (RFC 8257 section 3.5). If a recovery begins, PRR also starts again, so that octets sent since
 * the mark neither reduce PRR's quota nor delay the retransmissions.
 */
void xtcp_reduction_further(struct sock *sk, u32 in_flight)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	u32 cwnd = cong->cwnd;

	sock_owned_by_me(sk);
	if (!tx->algorithm->marked)
		return;
	cong->cwnd = tx->stream->cong.prior_cwnd;
	cong->ssthresh = min(cong->ssthresh, max_t(u32, tx->algorithm->ssthresh(sk), tx->mss));
	cong->cwnd = cwnd;
	if (in_flight)
		xtcp_prr_begin(&tx->stream->cong.prr, in_flight);
}

/**
 * xtcp_reduction_end() - end a reduction
 * @sk: the sock
 *
 * The window becomes ssthresh (RFC 9937 section 6.2, last step; RFC 6582 section 3.2 step 3).
 *
 * An algorithm with control() keeps ssthresh infinite. Under such an algorithm the window returns
 * to its value from before the reduction, unless the window is larger now. If the program has
 * replaced such an algorithm during the reduction, ssthresh is still infinite, and the window keeps
 * the value that PRR has set. In the Safe Retreat Phase of Careful Resume, the window does not
 * change. If an idle time has reduced the window since the reduction began, the window does not
 * rise: slow start raises it to ssthresh (RFC 5681 section 4.1). In Linux it rises at once.
 */
void xtcp_reduction_end(struct sock *sk)
{
	const struct xtcp_cong_stream *prior = &xtcp_sender(sk)->stream->cong;
	struct xtcp_cong *cong = &xtcp_sender(sk)->cong;

	sock_owned_by_me(sk);
	if (xtcp_sender(sk)->algorithm->control)
		cong->cwnd = max(cong->cwnd, prior->prior_cwnd);
	else if (unlikely(is_retreating(sk)))
		xtcp_resuming_reduced(sk);
	else if (cong->ssthresh != U32_MAX)
		cong->cwnd = min3(cong->ssthresh, U32_MAX / 2, prior->idled_in_reduction ? cong->cwnd : U32_MAX);
}

/**
 * xtcp_reduction_not_due() - text was lost that is resent, which is no sign of congestion
 * @sk: the sock; its phase is not %XTCP_CONG_LOSS, which begins now
 *
 * The windows stay. With control(), xtcp_reduction_repaired() must not restore an older window than
 * the present one. If a reduction is going on without control(), it is completed: PRR does not go
 * on in the phase LOSS.
 */
void xtcp_reduction_not_due(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (!xtcp_reduction_is_on(tx))
		tx->stream->cong.prior_cwnd = tx->cong.cwnd;
	else if (!tx->algorithm->control)
		xtcp_reduction_end(sk);
}

/**
 * xtcp_reduction_repaired() - adapt the window at the end of a recovery that a timeout began
 * @sk: the sock
 *
 * If the algorithm has control(), cwnd returns to its value from before the recovery, unless cwnd
 * is larger now. With other algorithms, cwnd stays.
 */
void xtcp_reduction_repaired(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sender(sk)->algorithm->control)
		xtcp_reduction_end(sk);
}

/**
 * xtcp_reduction_allow_one() - let one segment leave after a loss that was detected without an ACK
 * @sk: the sock
 */
void xtcp_reduction_allow_one(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_reduction_is_on(xtcp_sender(sk)) && !xtcp_sender(sk)->algorithm->control && !is_retreating(sk))
		xtcp_reduction_ack(sk, xtcp_sender(sk)->mss, false);
}

/**
 * xtcp_reduction_timeout() - save the windows and set ssthresh, at the first timeout of the data in
 *	flight
 * @sk: the sock; its phase has not changed yet
 *
 * RFC 5681 section 3.1, equation (4).
 */
void xtcp_reduction_timeout(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (unlikely(tx->stream->cong.resume))
		xtcp_resuming_timeout(sk);
	keep_windows(tx);
	tx->cong.ssthresh = max_t(u32, tx->algorithm->ssthresh(sk), tx->mss);
}

/**
 * xtcp_reduction_restart() - allow one segment after a timeout (RFC 5681 section 3.1)
 * @sk: the sock
 * @pipe: octets that still count as in flight
 */
void xtcp_reduction_restart(struct sock *sk, u32 pipe)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	/*
	 * a phase of Careful Resume may still be going on if xtcp_reduction_timeout() was not
	 * called. In the phase NORMAL do nothing: cwnd is what the repair has left of the window,
	 * and says nothing about the path
	 */
	if (unlikely(tx->stream->cong.resume) && !xtcp_resume_is_in(tx->stream->cong.resume, XTCP_RESUME_NORMAL))
		xtcp_resuming_timeout(sk);
	tx->cong.cwnd = pipe + tx->mss;
}

/**
 * xtcp_reduction_undo() - undo the last reduction, because it was needless
 * @sk: the sock
 *
 * RFC 4015 section 3.2, RFC 9438 section 4.9.
 *
 * Return: true; false when xtcp_reduction_forbid_undo() has made the reduction final.
 */
bool xtcp_reduction_undo(struct sock *sk)
{
	const struct xtcp_cong_stream *prior = &xtcp_sender(sk)->stream->cong;
	struct xtcp_cong *cong = &xtcp_sender(sk)->cong;

	sock_owned_by_me(sk);
	if (!prior->prior_ssthresh)
		return false;
	cong->cwnd = max(cong->cwnd, prior->prior_cwnd);
	cong->ssthresh = max(cong->ssthresh, prior->prior_ssthresh);
	if (xtcp_sender(sk)->algorithm->undone)
		xtcp_sender(sk)->algorithm->undone(sk);
	return true;
}
