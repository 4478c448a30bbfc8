// SPDX-License-Identifier: GPL-2.0
/*
 * What every congestion control shares: the windows before, during and after a loss (RFC 5681). Windows are in octets;
 * "SMSS" is xsk->mss. How the window grows and how far it falls is the algorithm's (struct xtcp_cong_ops).
 */
#include "cong/cong.h"

#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "base/netns.h"
#include "base/sock.h"
#include "cong/algorithms.h"
#include "loss/sample.h"
#include "loss/scoreboard.h"
#include "pure/prr.h"
#include "pure/seq.h"
#include "pure/wire.h"
#include "time/pace.h"

static u32 initial_window(const struct xtcp_sock *xsk)
{
	return XTCP_INIT_CWND * xsk->mss;
}

/*
 * The rate, as Linux's: somewhat more than a window in a round trip, so that the window limits and not the rate, and in
 * slow start what the next window will be. Also of a connection that nobody paces: bundles are made by it.
 */
static void set_rate(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_cong *cong = &xsk->cong;
	u64 rate = max(cong->cwnd, xsk->snd_nxt - xsk->snd_una);

	rate *= cong->cwnd < cong->ssthresh / 2 ? READ_ONCE(ctl->pacing_ss_ratio) : READ_ONCE(ctl->pacing_ca_ratio);
	rate *= USEC_PER_SEC / 100;
	if (likely(xsk->rto.srtt_us))
		rate = div_u64(rate, xsk->rto.srtt_us);
	WRITE_ONCE(sk->sk_pacing_rate, min_t(u64, rate, READ_ONCE(sk->sk_max_pacing_rate)));
	cong->rate_is_old = false;
}

/**
 * xtcp_cong_rate() - how fast the connection may send
 * @sk: the sock
 *
 * A connection that nobody paces asks for it only when it has more to send than a segment. It is made anew then, not
 * with each ACK.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets in a second.
 */
unsigned long xtcp_cong_rate(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->cong.rate_is_old && !xtcp_sk(sk)->algorithm->control)
		set_rate(sk);
	return READ_ONCE(sk->sk_pacing_rate);
}

/**
 * xtcp_cong_bound() - whatever an algorithm makes of it, one segment fits: a window of none would never open
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_bound(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (unlikely(xsk->cong.cwnd < xsk->mss))
		xsk->cong.cwnd = xsk->mss;
}

/**
 * xtcp_cong_start() - the connection is established
 * @sk: its effective MSS is known
 * @syn_lost: our SYN or SYN-ACK was lost, more than once
 *
 * RFC 6928 section 2; one segment when @syn_lost (RFC 5681 section 3.1). One loss is not enough, as in Linux: the first
 * timeout is a second, which some paths take (RFC 6298 section 2, note on (2.1)).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_start(struct sock *sk, bool syn_lost)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->cong.cwnd = syn_lost ? xsk->mss : initial_window(xsk);
	xsk->cong.ssthresh = U32_MAX;
	xsk->cong.phase = XTCP_CONG_OPEN;
	/* text may be on its way ahead of the third ACK (RFC 7413) */
	if (xtcp_stream_is_there(xsk->stream))
		xsk->stream->cong.usage_seq = xsk->snd_una;
	set_rate(sk);
	xtcp_algorithms_start(sk);
}

/**
 * xtcp_cong_private() - the algorithm's own space
 * @sk: with a stream
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: XTCP_CONG_PRIVATE octets, aligned to 8; zero when the algorithm starts.
 */
void *xtcp_cong_private(struct sock *sk)
{
	sock_owned_by_me(sk);
	return xtcp_sk(sk)->stream->cong.private;
}

/*
 * Was the window what held the sender back? Only then does an ACK say that it may be larger (RFC 7661 section 4 calls
 * it validated). In slow start half of it is enough, as in Linux: else it would not double in a round trip.
 */
static bool is_limiting(const struct xtcp_sock *xsk)
{
	const struct xtcp_cong_stream *usage = &xsk->stream->cong;
	const struct xtcp_cong *cong = &xsk->cong;

	return usage->is_limiting || (cong->cwnd < cong->ssthresh && usage->most_out >= cong->cwnd / 2);
}

/**
 * xtcp_cong_pushed() - what might be sent was sent
 * @sk: the sock
 * @limited: the congestion window is full
 *
 * The strongest sign of a window's time counts, as in Linux: the ACKs of one flight come when the next is not out yet.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_pushed(struct sock *sk, bool limited)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_cong_stream *usage = &xsk->stream->cong;
	u32 out = xsk->snd_nxt - xsk->snd_una;

	sock_owned_by_me(sk);
	if (!limited && xtcp_seq_lt(xsk->snd_una, usage->usage_seq) && (usage->is_limiting || out <= usage->most_out))
		return;
	usage->is_limiting = limited;
	usage->most_out = out;
	usage->usage_seq = xsk->snd_nxt;
}

/* After a timeout. */
static noinline void grow_again(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_sample part;

	if (!sample->acked)
		return;
	if (xsk->sack_ok) {
		xsk->algorithm->acked(sk, sample);
		return;
	}
	/* what the peer had kept is acknowledged in one go: no licence for a burst (RFC 3465 section 2.3) */
	part = *sample;
	part.delivered = min_t(u32, part.delivered, 2U * xsk->mss);
	xsk->algorithm->acked(sk, &part);
}

static void grow(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/* a path that reorders shows progress by what is sacked */
	if (!sample->acked && xsk->stream->scoreboard.reordering <= XTCP_DUPACK_THRESHOLD)
		return;
	if (sample->delivered && is_limiting(xsk))
		xsk->algorithm->acked(sk, sample);
}

static bool is_reducing(const struct xtcp_sock *xsk)
{
	return xsk->cong.phase == XTCP_CONG_CWR || xsk->cong.phase == XTCP_CONG_RECOVERY;
}

/* RFC 9937 section 6.2. */
static void reduce_by(struct sock *sk, u32 delivered, bool safe)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	u32 pipe = xtcp_scoreboard_pipe(sk), quota;

	if (!delivered)
		return;
	quota = xtcp_prr_quota(&stream->cong.prr, pipe, xsk->cong.ssthresh, delivered, safe, xsk->mss);
	/* no other ACK may follow that tells of the hole which a partial one has found (RFC 6582 section 3.2 step 3) */
	if (!xsk->sack_ok && !list_empty(&stream->to_resend))
		quota = max_t(u32, quota, xsk->mss);
	xsk->cong.cwnd = max_t(u32, pipe + quota, xsk->mss);
}

/**
 * xtcp_cong_told() - an ACK has come on a connection with ECN, and nothing was made of it yet
 * @sk: the phase is the one before the ACK, SND.UNA the one after it
 * @sample: the ACK; what it makes lost is not known
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_told(struct sock *sk, const struct xtcp_sample *sample)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->algorithm->told)
		xtcp_sk(sk)->algorithm->told(sk, sample);
}

/**
 * xtcp_cong_grow() - slow start and congestion avoidance of RFC 5681 section 3.1, for algorithms that grow by these
 * @sk: the window may grow
 * @delivered: octets that have newly arrived: one ACK may speak for a whole bundle, so these count (RFC 3465)
 * @counted: the algorithm's own: octets towards the next segment
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_grow(struct sock *sk, u32 delivered, u32 *counted)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_cong *cong = &xsk->cong;
	u32 step;

	sock_owned_by_me(sk);
	if (cong->cwnd < cong->ssthresh) {
		step = min(delivered, cong->ssthresh - cong->cwnd);
		cong->cwnd += step;
		delivered -= step;
		if (!delivered)
			return;
	}
	/* a segment more for each window acknowledged */
	*counted += delivered;
	if (*counted >= cong->cwnd) {
		*counted -= cong->cwnd;
		cong->cwnd += min_t(u32, xsk->mss, U32_MAX / 2 - min(cong->cwnd, U32_MAX / 2));
	}
}

/**
 * xtcp_cong_ack() - let the window follow an ACK
 * @sk: the phase is the one after the ACK
 * @sample: the ACK
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (unlikely(xsk->algorithm->control)) {
		xsk->algorithm->control(sk, sample);
		xtcp_cong_bound(sk);
		return;
	}
	if (is_reducing(xsk))
		reduce_by(sk, sample->delivered, sample->acked && !sample->lost);
	else if (xsk->cong.phase == XTCP_CONG_LOSS)
		grow_again(sk, sample);
	else
		grow(sk, sample);
	xtcp_cong_bound(sk);
	xsk->cong.rate_is_old = true;
	if (xtcp_pace_applies(sk))
		set_rate(sk);
}

/**
 * xtcp_cong_sent() - octets were sent, new ones or again
 * @sk: the sock
 * @octets: how many
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_sent(struct sock *sk, u32 octets)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (is_reducing(xsk) && !xsk->algorithm->control)
		xtcp_prr_sent(&xsk->stream->cong.prr, octets);
}

/* The windows as they are, should the reduction turn out to be for nothing. */
static void keep_windows(struct xtcp_sock *xsk)
{
	struct xtcp_cong_stream *prior = &xsk->stream->cong;
	const struct xtcp_cong *cong = &xsk->cong;

	/* which a repair or a timeout before has made small; BBR has it back, draft-ietf-ccwg-bbr section 5.6.4.4 */
	if (xsk->algorithm->control && cong->phase >= XTCP_CONG_RECOVERY)
		prior->prior_cwnd = max(prior->prior_cwnd, cong->cwnd);
	else
		prior->prior_cwnd = cong->cwnd;
	/* as Linux: three quarters of a window that has grown beyond the threshold */
	prior->prior_ssthresh = is_reducing(xsk) ? cong->ssthresh : max(cong->ssthresh, cong->cwnd / 4 * 3);
}

/**
 * xtcp_cong_reduce() - a reduction begins: something was lost or marked
 * @sk: the phase is still the one before
 * @in_flight: RecoverFS of RFC 9937 section 6.1
 * @marked: nothing was lost
 *
 * How far the window falls is the algorithm's, how fast is PRR's.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_reduce(struct sock *sk, u32 in_flight, bool marked)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_cong_ops *ops = xsk->algorithm;

	sock_owned_by_me(sk);
	keep_windows(xsk);
	xsk->cong.ssthresh = max_t(u32, marked && ops->marked ? ops->marked(sk) : ops->ssthresh(sk), xsk->mss);
	xtcp_prr_begin(&xsk->stream->cong.prr, in_flight);
}

/**
 * xtcp_cong_reduce_further() - while the window is reduced for a mark, something was lost, too
 * @sk: the phase is %XTCP_CONG_CWR
 * @in_flight: RecoverFS of RFC 9937 section 6.1 if a repair begins; 0: none does
 *
 * The window falls once in a round trip, whatever the reasons (RFC 3168 section 6.1.2). Where a mark leaves more than a
 * loss, it falls as far as it would have for the loss alone (RFC 8257 section 3.5). What was sent since the mark was
 * sent with that mark's window: a repair that counted it would wait for as much to be delivered.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_reduce_further(struct sock *sk, u32 in_flight)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_cong *cong = &xsk->cong;
	u32 cwnd = cong->cwnd;

	sock_owned_by_me(sk);
	if (!xsk->algorithm->marked)
		return;
	cong->cwnd = xsk->stream->cong.prior_cwnd;
	cong->ssthresh = min(cong->ssthresh, max_t(u32, xsk->algorithm->ssthresh(sk), xsk->mss));
	cong->cwnd = cwnd;
	if (in_flight)
		xtcp_prr_begin(&xsk->stream->cong.prr, in_flight);
}

/**
 * xtcp_cong_reduced() - a reduction is over
 * @sk: the sock
 *
 * RFC 9937 section 6.2, last step; RFC 6582 section 3.2 step 3. An algorithm that controls the window itself has set no
 * threshold: a reduction that began with such a one, and ends with another that the program has chosen since, leaves
 * the window that PRR has made.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_reduced(struct sock *sk)
{
	struct xtcp_cong *cong = &xtcp_sk(sk)->cong;

	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->algorithm->control)
		cong->cwnd = max(cong->cwnd, xtcp_sk(sk)->stream->cong.prior_cwnd);
	else if (cong->ssthresh != U32_MAX)
		cong->cwnd = min(cong->ssthresh, U32_MAX / 2);
}

/**
 * xtcp_cong_repaired() - what a timeout began is over
 * @sk: the sock
 *
 * An algorithm that controls the window itself goes on with what it had, and bounds it by what it knows now.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_repaired(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->algorithm->control)
		xtcp_cong_reduced(sk);
}

/**
 * xtcp_cong_octets_lost() - octets count as lost
 * @sk: the sock
 * @loss: which
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_octets_lost(struct sock *sk, const struct xtcp_cong_loss *loss)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->algorithm->lost)
		xtcp_sk(sk)->algorithm->lost(sk, loss);
}

/**
 * xtcp_cong_allow_one() - something was found lost without an ACK: a segment may go
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_allow_one(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (is_reducing(xtcp_sk(sk)) && !xtcp_sk(sk)->algorithm->control)
		reduce_by(sk, xtcp_sk(sk)->mss, false);
}

/**
 * xtcp_cong_lost() - what is in flight has timed out, for the first time
 * @sk: the phase is still the one before
 *
 * RFC 5681 section 3.1, equation (4).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_lost(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	keep_windows(xsk);
	xsk->cong.ssthresh = max_t(u32, xsk->algorithm->ssthresh(sk), xsk->mss);
}

/**
 * xtcp_cong_restart() - after a timeout one segment goes (RFC 5681 section 3.1)
 * @sk: the sock
 * @pipe: octets that are in flight nevertheless
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_restart(struct sock *sk, u32 pipe)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->cong.cwnd = pipe + xsk->mss;
}

/**
 * xtcp_cong_forbid_undo() - the last reduction stays, whatever is found out
 * @sk: the sock
 *
 * A congestion mark is no error of ours (RFC 3168 section 6.1.2).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_forbid_undo(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_sk(sk)->stream->cong.prior_ssthresh = 0;
}

/**
 * xtcp_cong_undo() - the last reduction was for nothing
 * @sk: the sock
 *
 * RFC 4015 section 3.2, RFC 9438 section 4.9.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true; false when it stays, see xtcp_cong_forbid_undo().
 */
bool xtcp_cong_undo(struct sock *sk)
{
	const struct xtcp_cong_stream *prior = &xtcp_sk(sk)->stream->cong;
	struct xtcp_cong *cong = &xtcp_sk(sk)->cong;

	sock_owned_by_me(sk);
	if (!prior->prior_ssthresh)
		return false;
	cong->cwnd = max(cong->cwnd, prior->prior_cwnd);
	cong->ssthresh = max(cong->ssthresh, prior->prior_ssthresh);
	if (xtcp_sk(sk)->algorithm->undone)
		xtcp_sk(sk)->algorithm->undone(sk);
	return true;
}

/**
 * xtcp_cong_restart_after_idle() - sending begins with nothing in flight
 * @sk: the sock
 *
 * What the window was tells less of the path the longer nothing was sent: it is halved once for each RTO, down to the
 * initial window (RFC 5681 section 4.1 asks for that one at once; as Linux, after RFC 2861 section 3.1), and slow start
 * brings most of it back. In whole segments. net.xtcp.slow_start_after_idle = 0 leaves it.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_restart_after_idle(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 idle = (u32)jiffies - xsk->snd_tstamp;
	u32 rto, segments, least;

	sock_owned_by_me(sk);
	if (!idle || !xsk->snd_tstamp)
		return;
	if (xsk->algorithm->idle) {
		xsk->algorithm->idle(sk, min_t(u64, (u64)idle * (USEC_PER_SEC / HZ), U32_MAX));
		xtcp_cong_bound(sk);
	}
	rto = msecs_to_jiffies(xtcp_rto_current_ms(&xsk->rto));
	if (idle <= rto || xsk->algorithm->control || !READ_ONCE(xtcp_net_of(sk)->sysctl.slow_start_after_idle))
		return;
	if (xsk->cong.phase != XTCP_CONG_CWR && xsk->cong.phase != XTCP_CONG_RECOVERY)
		xsk->cong.ssthresh = max(xsk->cong.ssthresh, xsk->cong.cwnd / 4 * 3);
	segments = xtcp_cong_cwnd_segments(sk);
	least = min(segments, initial_window(xsk) / xsk->mss);
	for (; idle > rto && segments > least; idle -= rto)
		segments /= 2;
	xsk->cong.cwnd = max(segments, least) * xsk->mss;
}

/**
 * xtcp_cong_mss_changed() - the effective MSS was computed anew
 * @sk: the sock, in any state
 *
 * The window is in octets and stays what it is, but one segment fits.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_mss_changed(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->cong.cwnd = max_t(u32, xsk->cong.cwnd, xsk->mss);
}

/**
 * xtcp_cong_in_flight() - what is in flight, for an algorithm that wants to know
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets: pipe, as the scoreboard counts it.
 */
u32 xtcp_cong_in_flight(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return xtcp_scoreboard_pipe(sk);
}

/**
 * xtcp_cong_cwnd_segments() - the congestion window as TCP_INFO has it
 * @sk: the sock
 *
 * Context: any; racy without the socket lock.
 *
 * Return: segments; part of one counts, since the segment size may have grown by a few octets since the window was set.
 */
u32 xtcp_cong_cwnd_segments(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return DIV_ROUND_UP(READ_ONCE(xsk->cong.cwnd), max_t(u32, READ_ONCE(xsk->mss), 1));
}
