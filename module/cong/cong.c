// SPDX-License-Identifier: GPL-2.0
/*
 * What all congestion controls share: the windows when a connection begins, as they grow, after an
 * idle time (RFC 5681), and in a reduction. Windows are in octets; SMSS is tx->mss. The algorithm
 * (struct xtcp_cong_ops) decides how the window grows and how far it falls (ssthresh), PRR
 * (RFC 9937) how fast. An algorithm with control() sets cwnd itself; here cwnd then changes only at
 * a timeout, at the end of a recovery or of CWR, and for an undo.
 *
 * The delivery rate (draft-cheng-iccrg-delivery-rate-estimation) is measured as Linux does. Each
 * skb stores how much had been delivered when it was sent. An ACK gives a sample: how many octets
 * have arrived since, and how long they took, to be sent or to be acknowledged, whichever is
 * longer. So ACKs that arrive together cannot yield a rate higher than the path allows.
 */

#include "base/bounds.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "sight/sight.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

/*
 * While more than ssthresh is in flight, each octet that an ACK newly reports as delivered allows
 * ssthresh / RecoverFS octets to be sent. When losses have reduced the flight below ssthresh, it
 * grows back, at most as fast as in slow start.
 */

/* Begins a reduction (RFC 9937 section 6.1) with RecoverFS octets in flight. */
static void xtcp_prr_begin(struct xtcp_prr *prr, u32 recover_fs)
{
	prr->recover_fs = recover_fs ?: 1;
	prr->delivered = 0;
	prr->out = 0;
}

/*
 * How much may be sent after this ACK, octets: sndcnt (RFC 9937 section 6.2). @pipe: octets in
 * flight after the ACK. @delivered: DeliveredData, not 0. @safe: SafeACK: SND.UNA has moved, and no
 * further loss was shown. At least one segment until one was sent: a lost one is resent at once.
 */
static u32 xtcp_prr_quota(struct xtcp_prr *prr, u32 pipe, u32 ssthresh, u32 delivered, bool safe, u32 mss)
{
	u64 share;
	u32 quota;

	prr->delivered += delivered;
	if (pipe > ssthresh) {
		share = div_u64((u64)prr->delivered * ssthresh + prr->recover_fs - 1, prr->recover_fs);
		share = share > prr->out ? share - prr->out : 0;
		/* more than 32 bits if much more than RecoverFS arrives: limit it to ssthresh */
		quota = share < ssthresh ? (u32)share : ssthresh;
	} else {
		quota = max(prr->delivered > prr->out ? prr->delivered - prr->out : 0U, delivered);
		quota = min(quota + (safe ? mss : 0), ssthresh - pipe);
	}
	return prr->out ? quota : max(quota, mss);
}

/* Arithmetic ends. */

/* How many octets of sequence space are in flight (RFC 6675 section 4). */
__always_inline u32 xtcp_pipe_octets(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
	u32 out = tx->snd.nxt - tx->snd.una + sb->resent;
	u32 gone = sb->sacked + sb->lost;

	sock_owned_by_me(sk);
	/* short of memory, a sacked or lost skb may keep acknowledged octets: in "gone", not in "out" */
	return out > gone ? out - gone : 0;
}

/* In the Safe Retreat Phase, PRR sets no window (RFC 9959 section 4.5). */
static bool is_retreating(const struct sock *sk)
{
	return xtcp_resume_is_in(xtcp_sender(sk)->stream->cong.resume, XTCP_RESUME_RETREAT);
}

/* Sets the window for an ACK by PRR (RFC 9937 section 6.2). @safe: SafeACK, as for xtcp_prr_quota(). */
static noinline_for_stack void xtcp_reduction_ack(struct sock *sk, u32 delivered, bool safe)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 pipe = xtcp_pipe_octets(sk), quota;

	if (!delivered)
		return;
	quota = xtcp_prr_quota(&tx->stream->cong.prr, pipe, tx->cong.ssthresh, delivered, safe, tx->mss);
	/* without SACK, a partial ACK always allows a segment: else perhaps no ACK comes (RFC 6582 section 3.2) */
	if (!tx->agreed.sack_ok && !list_empty(&tx->stream->to_resend))
		quota = max_t(u32, quota, tx->mss);
	tx->cong.cwnd = max_t(u32, pipe + quota, tx->mss);
}

/* Save the windows, in case the reduction turns out to be needless. */
static void keep_windows(struct xtcp_sender *tx)
{
	struct xtcp_cong_stream *prior = &tx->stream->cong;
	const struct xtcp_cong *cong = &tx->cong;

	/* a recovery may have reduced cwnd: BBR restores the larger (draft-ietf-ccwg-bbr section 5.6.4.4) */
	if (tx->algorithm->control && cong->phase >= XTCP_CONG_RECOVERY)
		prior->prior_cwnd = max(prior->prior_cwnd, cong->cwnd);
	else
		prior->prior_cwnd = cong->cwnd;
	/* as in Linux, save at least 3/4 of cwnd as ssthresh, unless a reduction is going on */
	prior->prior_ssthresh = xtcp_reduction_is_on(tx) ? cong->ssthresh : max(cong->ssthresh, cong->cwnd / 4 * 3);
}

/* The phase has not changed yet. @in_flight: RecoverFS (RFC 9937 section 6.1), octets. @marked: nothing was lost. */
static void xtcp_reduction_begin(struct sock *sk, u32 in_flight, bool marked)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_cong_ops *ops = tx->algorithm;
	const struct xtcp_resume *resume = tx->stream->cong.resume;
	bool retreats;

	/* in LOSS, cwnd is what a repair has left, and says nothing of the path, except in a phase of Careful Resume */
	retreats = unlikely(resume) &&
		   (tx->cong.phase != XTCP_CONG_LOSS || !xtcp_resume_is_in(resume, XTCP_RESUME_NORMAL)) &&
		   xtcp_resuming_congested(sk);
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
 * A mark and a loss in one round trip reduce the window only once (RFC 3168 section 6.1.2). With
 * marked() it now falls at least as far as for the loss alone (RFC 8257 section 3.5). If a recovery
 * begins, PRR starts again: octets sent since the mark must not delay the retransmissions.
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

/*
 * Ends a reduction. The window becomes
 *
 *   without control()              ssthresh (RFC 9937 section 6.2; RFC 6582 section 3.2 step 3)
 *   with control()                 that from before the reduction, unless it is larger now
 *   control() has just been left   what PRR has set: ssthresh is still infinite
 *   Safe Retreat Phase             as it is
 *   after an idle time meanwhile   no larger: slow start raises it to ssthresh (RFC 5681 section
 *                                  4.1). In Linux it rises at once
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

/*
 * Text was lost that is resent, which is no sign of congestion: the windows stay, and the phase
 * becomes LOSS. With control(), xtcp_reduction_repaired() must not restore an older window. Without
 * it, a reduction that is going on is completed: PRR does not go on in LOSS.
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

/* Let one segment leave after a loss that was detected without an ACK. */
void xtcp_reduction_allow_one(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_reduction_is_on(xtcp_sender(sk)) && !xtcp_sender(sk)->algorithm->control && !is_retreating(sk))
		xtcp_reduction_ack(sk, xtcp_sender(sk)->mss, false);
}

/* At the first timeout of the data in flight, the phase unchanged yet (RFC 5681 section 3.1, equation (4)). */
void xtcp_reduction_timeout(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (unlikely(tx->stream->cong.resume))
		xtcp_resuming_timeout(sk);
	keep_windows(tx);
	tx->cong.ssthresh = max_t(u32, tx->algorithm->ssthresh(sk), tx->mss);
}

/* Allows one segment beyond @pipe after a timeout (RFC 5681 section 3.1). */
void xtcp_reduction_restart(struct sock *sk, u32 pipe)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	/* if xtcp_reduction_timeout() was not called. In NORMAL, cwnd is the repair's, and says nothing of the path */
	if (unlikely(tx->stream->cong.resume) && !xtcp_resume_is_in(tx->stream->cong.resume, XTCP_RESUME_NORMAL))
		xtcp_resuming_timeout(sk);
	tx->cong.cwnd = pipe + tx->mss;
}

/* The last reduction was needless (RFC 4015 section 3.2, RFC 9438 section 4.9). False: it was made final. */
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

void xtcp_phase_tell(struct sock *sk, int reason)
{
	sock_owned_by_me(sk);
	xtcp_event_congestion(sk, xtcp_pipe_octets(sk), reason);
}

void xtcp_phase_set(struct sock *sk, enum xtcp_cong_phase phase, int reason)
{
	if (phase != XTCP_CONG_LOSS)
		xtcp_timeouts_over(&xtcp_sk(sk)->timeouts);
	WRITE_ONCE(xtcp_sk(sk)->cong.phase, phase);
	xtcp_phase_tell(sk, reason);
}

/* RecoverFS (RFC 9937 section 6.1): octets in flight before the ACK @sample. Socket lock held. */
u32 xtcp_phase_in_flight(const struct xtcp_sender *tx, const struct xtcp_sample *sample)
{
	u32 out = tx->snd.nxt - tx->snd.una + sample->acked;
	u32 sacked_before = tx->stream->scoreboard.sacked - min(tx->stream->scoreboard.sacked, sample->sacked);

	return out > sacked_before ? out - sacked_before : 0;
}

/* Begins a reduction of the window. @marked: a congestion mark is the cause. Socket lock held. */
void xtcp_phase_reduce(struct sock *sk, u32 recover_fs, bool marked)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xsk->stream->recover = xsk->snd.nxt;
	xsk->stream->tlp.pending = false;
	xtcp_reduction_begin(sk, recover_fs, marked);
	xtcp_ecn_reduced(sk);
}

/*
 * Allocates the data state of a connection (xsk->stream), from its sequence numbers, the RTT of its
 * SYN, and the SYN if that is in flight; or ends its rest. Return: false without memory.
 */
bool xtcp_stream_begin(struct sock *sk, gfp_t gfp)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_packed *packed = xsk->packed;
	struct xtcp_stream *stream;
	struct xtcp_sndcb *cb;
	struct sk_buff *syn;

	sock_owned_by_me(sk);
	WARN_ON_ONCE(xsk->stream != &xtcp_stream_none);
	stream = xtcp_stream_alloc(gfp);
	if (!stream)
		return false;
	if (packed) {
		xtcp_packed_open(packed, stream);
		xsk->stream = stream;
		xsk->packed = NULL;
		if (packed->begins_anew)
			xtcp_cong_begin(sk);
		kfree(packed);
		/* perhaps no deadline comes, and the timer would not look again */
		if (!xsk->timers.dead)
			xtcp_timer_wake_at(sk, jiffies + XTCP_REST_AFTER);
		return true;
	}
	xtcp_reorder_init(&stream->rack.reorder);
	stream->rack.rtt_us = xsk->rto.srtt_us;
	stream->recover = xsk->snd.una;
	stream->cong.usage_seq = xsk->snd.una;
	stream->rcv_rtt_seq = xsk->rcv.nxt;
	stream->snd_sml = xsk->snd.una;
	stream->pushed_seq = xsk->snd.write_seq;
	stream->space_copied = xtcp_space_copied(sk);
	syn = skb_rb_first(&sk->tcp_rtx_queue);
	/* it was sent before there was the state: store what xtcp_rate_sent() would have */
	if (syn) {
		cb = xtcp_sndcb(syn);
		list_add_tail(&cb->node, &stream->in_flight);
		stream->rate.first_sent_us = cb->sent_us;
		stream->delivered_us = cb->sent_us;
		cb->first_sent_us = (u32)cb->sent_us;
		cb->delivered = 0;
		cb->delivered_us = (u32)cb->sent_us;
		*xtcp_sndnote(syn) = (struct xtcp_sndnote) {};
	}
	xsk->stream = stream;
	if (xsk->cong.started)
		xtcp_cong_begin(sk);
	return true;
}

/**
 * xtcp_rate_sent() - note the state of delivery in an skb that is sent, also again
 * @sk: the sock
 * @skb: the skb; its sent_us is set
 * @after_pause: nothing else is in flight, so the measurement starts again now (section 3.2)
 */
void xtcp_rate_sent(struct sock *sk, struct sk_buff *skb, bool after_pause)
{
	struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;

	sock_owned_by_me(sk);
	if (after_pause) {
		stream->rate.first_sent_us = cb->sent_us;
		stream->delivered_us = cb->sent_us;
	}
	cb->first_sent_us = (u32)stream->rate.first_sent_us;
	cb->delivered = stream->delivered;
	cb->delivered_us = (u32)stream->delivered_us;
	if (unlikely(tx->algorithm->control))
		*xtcp_sndnote(skb) = (struct xtcp_sndnote) {
			.in_flight = xtcp_pipe_octets(sk) + cb->end_seq - cb->seq,
			.lost = stream->lost_total,
		};
	cb->marks &= ~XTCP_SNDQ_LIMITED;
	if (unlikely(stream->rate.limited))
		cb->marks |= XTCP_SNDQ_LIMITED;
}

/**
 * xtcp_rate_arrived() - use the state in an skb that is acknowledged or sacked for the first time
 * @sk: the sock
 * @skb: the skb. A FIN without text tells no rate
 * @sample: the ACK; receives what xtcp_rate_sent() stored in @skb, unless it has that of an skb
 *	that was sent later (section 3.3)
 */
void xtcp_rate_arrived(struct sock *sk, const struct sk_buff *skb, struct xtcp_sample *sample)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	struct xtcp_rate *rate = &xtcp_sender(sk)->stream->rate;

	sock_owned_by_me(sk);
	if (unlikely(!skb->len) || (sample->tells_rate && cb->sent_us < rate->first_sent_us))
		return;
	sample->tells_rate = true;
	sample->is_limited = cb->marks & XTCP_SNDQ_LIMITED;
	sample->in_flight_then = xtcp_sndnote(skb)->in_flight;
	sample->lost_before = xtcp_sndnote(skb)->lost;
	sample->delivered_before = cb->delivered;
	sample->delivered_before_us = cb->delivered_us;
	sample->sending_us = (u32)cb->sent_us - cb->first_sent_us;
	rate->first_sent_us = cb->sent_us;
}

/**
 * xtcp_rate_ack() - make a rate sample from an ACK that reported new octets
 * @sk: the sock; stream->delivered counts these octets already
 * @sample: the ACK, after xtcp_rate_arrived() for each skb with new octets
 *
 * Section 3.3. A sample that took less time than the smallest RTT is dropped. One for which the
 * program had written too little is a lower bound, and does not replace a higher rate.
 */
__always_inline void xtcp_rate_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_rate *rate = &stream->rate;
	u32 octets, us;

	sock_owned_by_me(sk);
	if (unlikely(rate->limited) && xtcp_seq_gt(stream->delivered, rate->limited_until))
		rate->limited = false;
	if (unlikely(!sample->tells_rate))
		return;
	octets = stream->delivered - sample->delivered_before;
	us = max(sample->sending_us, (u32)sample->now_us - sample->delivered_before_us);
	if (us < tx->rto.min_rtt_us)
		return;
	if (sample->is_limited && (u64)octets * rate->us < (u64)rate->octets * us)
		return;
	rate->octets = octets;
	rate->us = us;
	rate->is_limited = sample->is_limited;
}

/* Octets: by the route's metric initcwnd, a rule, or net.xtcp.initcwnd, by default ten segments (RFC 6928). */
u32 xtcp_cong_initial(const struct sock *sk)
{
	u32 segments = xtcp_metric_of(sk, RTAX_INITCWND) ?: xtcp_sender(sk)->cong.initial ?:
		       READ_ONCE(xtcp_net_of(sk)->sysctl.initcwnd);

	sock_owned_by_me(sk);
	return min_t(u64, (u64)segments * xtcp_sender(sk)->mss, U32_MAX / 2);
}

/*
 * Sets the pacing rate as Linux does: somewhat more than a window per RTT, so that the window and
 * not the rate limits the sender. Below half of ssthresh it is higher still (pacing_ss_ratio), for
 * a next window twice as large. It also bounds GSO packets. When Careful Resume has raised the
 * window, it is exactly a window per RTT (RFC 9959 section 4.3.2).
 */
static void set_rate(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	u64 rate = max(cong->cwnd, tx->snd.nxt - tx->snd.una);

	if (unlikely(xtcp_resume_is_in(tx->stream->cong.resume, XTCP_RESUME_UNVALIDATED)))
		rate *= 100;
	else if (cong->cwnd < cong->ssthresh / 2)
		rate *= READ_ONCE(ctl->pacing_ss_ratio);
	else
		rate *= READ_ONCE(ctl->pacing_ca_ratio);
	rate *= USEC_PER_SEC / 100;
	if (likely(tx->rto.srtt_us))
		rate = div_u64(rate, tx->rto.srtt_us);
	WRITE_ONCE(sk->sk_pacing_rate, min_t(u64, rate, READ_ONCE(sk->sk_max_pacing_rate)));
	cong->rate_is_old = false;
}

/* Octets per second. A connection that is not paced seldom needs it: so it is computed here, not with each ACK. */
unsigned long xtcp_cong_rate(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sender(sk)->cong.rate_is_old && !xtcp_sender(sk)->algorithm->control)
		set_rate(sk);
	return READ_ONCE(sk->sk_pacing_rate);
}

/* Lets the window hold at least one segment: otherwise no ACK would come to open it. */
static void xtcp_cong_bound(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (unlikely(tx->cong.cwnd < tx->mss))
		tx->cong.cwnd = tx->mss;
}

/* Lets the algorithm begin, with zeroed private space. The connection has its data state. */
void xtcp_cong_begin(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	memset(tx->stream->cong.private, 0, sizeof(tx->stream->cong.private));
	/* as in Linux, pacing stays on if another algorithm is chosen later */
	if (tx->algorithm->paces)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED);
	if (tx->algorithm->start) {
		tx->algorithm->start(sk);
		xtcp_cong_bound(sk);
	}
}

/**
 * xtcp_cong_start() - set the windows of a connection that has just been established
 * @sk: the sock; its effective MSS is known
 * @syn_lost: our SYN or SYN-ACK was resent at least twice, or it met congestion (CE)
 *
 * With @syn_lost, the window is one segment (RFC 5681 section 3.1). As in Linux, not after one
 * timeout of the SYN: it comes after a second, and a path may have a longer RTT (RFC 6298 section
 * 2, note on (2.1)). The caller then calls xtcp_algorithms_start().
 */
void xtcp_cong_start(struct sock *sk, bool syn_lost)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	tx->cong.cwnd = syn_lost ? tx->mss : xtcp_cong_initial(sk);
	tx->cong.ssthresh = U32_MAX;
	tx->cong.phase = XTCP_CONG_OPEN;
	/* with Fast Open, data may have been sent before the handshake's last ACK: then there is a data state */
	if (xtcp_stream_is_there(tx->stream))
		tx->stream->cong.usage_seq = tx->snd.una;
	set_rate(sk);
}

/* How much text was sent until now, for an observation window of Alpha. */
__always_inline struct xtcp_alpha_sent xtcp_cong_text_sent(const struct sock *sk)
{
	const struct xtcp_stream *stream = xtcp_sender(sk)->stream;

	sock_owned_by_me(sk);
	return (struct xtcp_alpha_sent) {
		.octets = (u32)stream->bytes_sent,
		.segments = stream->data_segs_out,
		.nxt = xtcp_sender(sk)->snd.nxt,
	};
}

/*
 * Did the window limit the sender? If not, it may not grow (RFC 7661 section 4). As in Linux, in
 * slow start it also did if more than half of it was in flight: it can double in each round trip.
 */
static bool is_limiting(const struct xtcp_sender *tx)
{
	const struct xtcp_cong_stream *usage = &tx->stream->cong;
	const struct xtcp_cong *cong = &tx->cong;

	return usage->is_limiting || (cong->cwnd < cong->ssthresh && usage->most_out > cong->cwnd / 2);
}

/**
 * xtcp_cong_pushed() - note how much of the window is used, after sending all that is allowed
 * @sk: the sock
 * @limited: the congestion window is full
 *
 * As in Linux, the largest flight within a round trip counts.
 */
void xtcp_cong_pushed(struct sock *sk, bool limited)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong_stream *usage = &tx->stream->cong;
	u32 out = tx->snd.nxt - tx->snd.una;

	sock_owned_by_me(sk);
	if (unlikely(usage->resume))
		xtcp_resuming_pushed(sk);
	else if (limited && unlikely(READ_ONCE(xtcp_net_of(sk)->sysctl.careful_resume)) && tx->algorithm->resumes &&
		 tx->cong.started)
		xtcp_resuming_begin(sk);
	if (!limited && xtcp_seq_lt(tx->snd.una, usage->usage_seq) && (usage->is_limiting || out <= usage->most_out))
		return;
	usage->is_limiting = limited;
	usage->most_out = out;
	usage->usage_seq = tx->snd.nxt;
}

/* Grow the window during the recovery after a timeout, if the ACK has moved SND.UNA. */
static noinline void grow_again(struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_sample part = *sample;

	/* without SACK, this ACK may cover many segments: no burst (RFC 3465 section 2.3) */
	if (!tx->agreed.sack_ok)
		part.delivered = min_t(u32, part.delivered, 2U * tx->mss);
	if (sample->acked)
		tx->algorithm->acked(sk, &part);
}

/*
 * Slow start has raised the window from @before, although the sender did not fill it. The limit is
 * twice the largest flight (draft-ietf-ccwg-ratelimited-increase section 3), or @before. Until
 * ssthresh is set or an idle time reduces cwnd, the flight is at least the initial window.
 */
static void bound_by_use(struct sock *sk, u32 before)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 most = tx->stream->cong.most_out;

	if (tx->cong.cwnd / 2 < most)
		return;
	if (tx->cong.ssthresh == U32_MAX && !tx->stream->cong.idled)
		most = max(most, xtcp_cong_initial(sk));
	tx->cong.cwnd = clamp(tx->cong.cwnd, before, max(before, 2 * most));
}

/* Grow a window that limits the sender. Not inlined, since only some ACKs need this function. */
static noinline_for_stack void grow_limiting(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 before = tx->cong.cwnd;

	tx->algorithm->acked(sk, sample);
	if (!tx->stream->cong.is_limiting)
		bound_by_use(sk, before);
}

static __always_inline void grow(struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	/* an ACK that does not move SND.UNA grows the window only if the path reorders segments */
	if (!sample->acked && tx->stream->scoreboard.reordering <= XTCP_DUPACK_THRESHOLD)
		return;
	if (sample->delivered && is_limiting(tx))
		grow_limiting(sk, sample);
}

/*
 * Grows the window by slow start and congestion avoidance of RFC 5681 section 3.1: by octets and
 * not by ACKs (RFC 3465). @counted: the algorithm's count of octets, of which cwnd add a segment.
 */
__always_inline void xtcp_cong_grow(struct sock *sk, u32 delivered, u32 *counted)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	u32 step;

	sock_owned_by_me(sk);
	if (cong->cwnd < cong->ssthresh) {
		step = min(delivered, cong->ssthresh - cong->cwnd);
		cong->cwnd += step;
		delivered -= step;
		if (!delivered)
			return;
	}
	/* for each window of acknowledged octets, the window grows by one segment */
	*counted += delivered;
	if (*counted >= cong->cwnd) {
		*counted -= cong->cwnd;
		cong->cwnd += min_t(u32, tx->mss, U32_MAX / 2 - min(cong->cwnd, U32_MAX / 2));
	}
}

/* Updates the window after an ACK; cong.phase is already the phase after it. */
__always_inline void xtcp_cong_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (unlikely(tx->algorithm->control)) {
		tx->algorithm->control(sk, sample);
		xtcp_cong_bound(sk);
		return;
	}
	if (unlikely(tx->stream->cong.resume) && xtcp_resuming_acked(sk, sample))
		; /* xtcp_resuming_acked() has set the window */
	else if (xtcp_reduction_is_on(tx))
		xtcp_reduction_ack(sk, sample->delivered, sample->acked && !sample->lost);
	else if (tx->cong.phase == XTCP_CONG_LOSS)
		grow_again(sk, sample);
	else
		grow(sk, sample);
	xtcp_cong_bound(sk);
	tx->cong.rate_is_old = true;
	if (xtcp_pace_applies(sk))
		set_rate(sk);
}

/* What an idle time leaves of a window, octets: a half for each RTO, but the initial window at least. */
static u32 window_after_idle(const struct sock *sk, u32 window, u32 idle, u32 rto)
{
	u32 mss = xtcp_sender(sk)->mss, segments = DIV_ROUND_UP(window, mss);
	u32 least = min(segments, xtcp_cong_initial(sk) / mss);

	for (; idle > rto && segments > least; idle -= rto)
		segments /= 2;
	return max(segments, least) * mss;
}

/**
 * xtcp_cong_restart_after_idle() - tell the algorithm of an idle time, and reduce the window
 * @sk: the sock, about to send with nothing in flight
 *
 * The longer a connection was idle, the less its window says about the path. So it is halved once
 * per RTO, down to the initial window, as in Linux and RFC 2861 section 3.1; RFC 5681 section 4.1
 * asks for the initial window at once. ssthresh rises to at least three quarters of the old window,
 * except in CWR and fast recovery. With control(), or if net.xtcp.slow_start_after_idle is 0, the
 * window stays. The window that an undo would restore falls in the same way: otherwise a peer could
 * save its D-SACK until the idle time is over, and draw a burst.
 * Return: true when the window is smaller than before.
 */
bool xtcp_cong_restart_after_idle(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong_stream *prior = &tx->stream->cong;
	u32 idle = (u32)jiffies - tx->snd_tstamp;
	u32 rto, cwnd;
	bool falls;

	sock_owned_by_me(sk);
	if (!idle || !tx->stream->bytes_sent)
		return false;
	if (tx->algorithm->idle) {
		tx->algorithm->idle(sk, min_t(u64, (u64)idle * (USEC_PER_SEC / HZ), U32_MAX));
		xtcp_cong_bound(sk);
	}
	/* the RTO without its backoff, which probes of a closed window may have caused: they say nothing of the path */
	rto = msecs_to_jiffies(tx->rto.rto_ms);
	if (idle <= rto || tx->algorithm->control || !READ_ONCE(xtcp_net_of(sk)->sysctl.slow_start_after_idle))
		return false;
	if (!xtcp_reduction_is_on(tx))
		tx->cong.ssthresh = max(tx->cong.ssthresh, tx->cong.cwnd / 4 * 3);
	prior->prior_cwnd = min(prior->prior_cwnd, window_after_idle(sk, prior->prior_cwnd, idle, rto));
	cwnd = window_after_idle(sk, tx->cong.cwnd, idle, rto);
	falls = cwnd < tx->cong.cwnd;
	if (falls) {
		prior->idled = true;
		prior->idled_in_reduction = xtcp_reduction_is_on(tx);
	}
	tx->cong.cwnd = cwnd;
	return falls;
}
