// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Prague (draft-briscoe-iccrg-prague-congestion-control), for L4S (RFC 9330 to 9332; RFC 9331
 * section 4.3 has the requirements). A router for L4S puts segments with ECT(1) into a separate
 * queue and CE-marks a few of them in each round trip, so that they wait for about a millisecond at
 * most. The connection requests AccECN, whatever net.xtcp.ecn says. ecn.h decides which segments
 * are ECT(1); pace.c paces them, which keeps bursts out of the queue.
 *
 * Alpha is the share of octets that were marked. It stays 1 until the first mark, which so halves
 * the window. The first mark in a virtual round trip reduces the window by window * alpha / 2; each
 * octet without a mark adds to it. A virtual round trip takes an RTT, but at least 25 ms. Each
 * updates Alpha at most once, reduces the window at most once, and in congestion avoidance sends
 * one segment more than the one before. So with the same share of marks, a connection with an RTT
 * below 25 ms gets about the rate of one with 25 ms.
 *
 * Until something is marked, the window is NewReno's: there may be no L4S queue on the path.
 * Segments are ECT(1) only in AccECN mode, and only while the path does not seem to change IP's ECN
 * field or to drop ECT(1). Otherwise it is NewReno, which reacts to a mark as to a loss (RFC 9331
 * sections 4.1 and 4.2). A loss halves the window (section 4.3); with a mark in the same round
 * trip, both together halve it.
 */

#include "cong/reduction.h"
#include "ecn/ecn.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

#define XTCP_PRAGUE_ONE		0x1000000U	/* a share of 1.0: 2^24 */
#define XTCP_PRAGUE_RTT_US	25000U		/* shortest virtual round trip, microseconds */

/*
 * struct xtcp_prague - Prague's state
 * @alpha: the observation window, and the share of octets that were marked, in units of 1/2^24
 */
struct xtcp_prague {
	struct xtcp_alpha alpha;
	u32 window_us;	/* when the observation window began, the low 32 bits of the clock */
	u32 reduced_us;		/* when a mark reduced cwnd, the low 32 bits of the clock */
	u32 reduced_end;	/* SND.NXT at @reduced_us */
	u32 reduced_from;	/* cwnd before that reduction */
	u32 debt;	/* fraction of an octet that reductions of cwnd have still to subtract, in 1/2^25 octet */
	u64 credit;		/* fraction of an octet that the growth of cwnd has still to add, in 1/2^36 octet */
	bool has_reduced;	/* a mark has reduced cwnd, and the virtual round trip that began then is not over */
	bool met_marks;		/* a segment of ours was CE-marked */
};

/* An ACK of a connection in AccECN mode. */
struct xtcp_prague_ack {
	u32 now_us;	/* when the ACK came, microseconds (the low 32 bits of the clock) */
	u32 una;			/* SND.UNA after the ACK */
	u32 delivered;			/* octets newly acknowledged or sacked */
	u32 marked;			/* how many octets of @delivered were CE-marked */
	u32 cwnd;			/* the window */
	u32 mss;			/* octets of a full segment */
	struct xtcp_alpha_sent sent;	/* how much has been sent until now */
	bool may_reduce;		/* no reduction of the window and no recovery is going on */
};

#define HALF_ALPHA_SHIFT	25	/* cwnd * share >> 25 is cwnd * alpha / 2: 1.0 is 2^24 */
/* "step" is the growth before the factor (RTT / virtual RTT)^2 is applied, in 1/2^16 octet */
#define STEP_SHIFT		16
#define SQUARE_SHIFT		20	/* unit of (RTT / virtual RTT)^2: 1/2^20 */

/* Has a virtual round trip passed? It began at @begin_us, when SND.NXT was @end. */
static bool virtual_trip_passed(const struct xtcp_prague_ack *ack, u32 begin_us, u32 end)
{
	return xtcp_seq_gt(ack->una, end) && ack->now_us - begin_us >= XTCP_PRAGUE_RTT_US;
}

static void xtcp_prague_start(struct xtcp_prague *prague, u32 mss, u32 now_us, const struct xtcp_alpha_sent *sent)
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

/* The window after the marks of an ACK: ack->cwnd, or less, but two segments at least. */
static u32 xtcp_prague_acked(struct xtcp_prague *prague, const struct xtcp_prague_ack *ack)
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

/*
 * How much the window grows for octets that arrived without a mark. @cwnd: at least @mss.
 *
 * Each virtual round trip has to send one segment more than the one before, as NewReno does in a
 * round trip. Let r be virtual RTT / RTT. Each of r round trips adds 1/r^2 segments, so the window
 * becomes 1/r segments larger. Each of the next r round trips sends 1/r more: 1 in all.
 */
static u32 xtcp_prague_growth(struct xtcp_prague *prague, u32 unmarked, u32 cwnd, u32 mss, u32 rtt_us)
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

/* Half the window, as in Reno (RFC 9331 section 4.3). A mark in the same round trip and the loss together halve it. */
static u32 xtcp_prague_after_loss(const struct xtcp_prague *prague, u32 una, u32 cwnd, u32 mss)
{
	u32 half = cwnd / 2;

	if (prague->has_reduced && xtcp_seq_le(una, prague->reduced_end))
		half = min(prague->reduced_from / 2, cwnd);
	return max(half, 2 * mss);
}

/* Arithmetic ends. */

#define BURST_SHIFT	12	/* a GSO packet takes at most 1/4096 s at the pacing rate */
#define USUAL_SHIFT	10	/* sk_pacing_shift of a new sock */
#define INFO_SHIFT	14	/* converts XTCP_PRAGUE_ONE to 1024, which is 1.0 in TCP_CC_INFO */

struct prague_private {
	struct xtcp_prague window;	/* the state of cong_prague.c */
	u32 counted;			/* the count of acknowledged octets for xtcp_cong_grow() */
	u32 marked;			/* octets that the present ACK reports as marked */
};

static void prague_start(struct sock *sk)
{
	const struct xtcp_alpha_sent sent = xtcp_cong_text_sent(sk);
	struct prague_private *prague = xtcp_cong_private(sk);

	BUILD_BUG_ON(sizeof(*prague) > XTCP_CONG_PRIVATE);
	xtcp_prague_start(&prague->window, xtcp_sender(sk)->mss, (u32)xtcp_clock_us(), &sent);
	if (xtcp_ecn_is_scalable(sk))
		sk_pacing_shift_update(sk, BURST_SHIFT);
}

/* In loss recovery, slow start after a timeout and CWR, counts CE marks but does not reduce cwnd. */
static void prague_ecn_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct prague_private *prague = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	struct xtcp_prague_ack ack = {
		.now_us = (u32)sample->now_us,
		.una = tx->snd.una,
		.delivered = sample->delivered,
		.cwnd = cong->cwnd,
		.mss = tx->mss,
		.sent = xtcp_cong_text_sent(sk),
		.may_reduce = cong->phase < XTCP_CONG_CWR,
	};

	if (!xtcp_ecn_is_scalable(sk)) {
		/* no mark reduces the window from now on, and the last reduction must not count 2^31 octets later */
		prague->window.has_reduced = false;
		return;
	}
	ack.marked = xtcp_alpha_octets(&prague->window.alpha, sample->marked, sample->delivered, &ack.sent);
	prague->marked = ack.marked;
	cong->cwnd = xtcp_prague_acked(&prague->window, &ack);
	if (!ack.marked || !ack.may_reduce)
		return;
	/* slow start ends with the first mark */
	cong->ssthresh = min(cong->ssthresh, cong->cwnd);
	xtcp_reduction_forbid_undo(sk);
}

static void prague_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct prague_private *prague = xtcp_cong_private(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_cong *cong = &tx->cong;
	u32 more;

	if (!prague->window.met_marks || cong->cwnd < cong->ssthresh || !xtcp_ecn_is_scalable(sk)) {
		xtcp_cong_grow(sk, sample->delivered, &prague->counted);
		return;
	}
	more = xtcp_prague_growth(&prague->window, sample->delivered - min(prague->marked, sample->delivered),
				  cong->cwnd, tx->mss, tx->rto.srtt_us);
	cong->cwnd += min(more, U32_MAX / 2 - min(cong->cwnd, U32_MAX / 2));
}

static u32 prague_ssthresh(struct sock *sk)
{
	struct prague_private *prague = xtcp_cong_private(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	prague->counted = 0;
	return xtcp_prague_after_loss(&prague->window, tx->snd.una, tx->cong.cwnd, tx->mss);
}

/* Fill in DCTCP's struct, which tools for Linux can read. Without AccECN all fields are 0. */
static size_t prague_info(struct sock *sk, union tcp_cc_info *info)
{
	const struct prague_private *prague = xtcp_cong_private(sk);
	const struct xtcp_alpha *alpha = &prague->window.alpha;

	if (xtcp_ecn_is_scalable(sk)) {
		info->dctcp.dctcp_enabled = 1;
		info->dctcp.dctcp_ce_state = xtcp_ecn_comes_marked(sk);
		info->dctcp.dctcp_alpha = alpha->share >> INFO_SHIFT;
		info->dctcp.dctcp_ab_ecn = alpha->marked;
		info->dctcp.dctcp_ab_tot = alpha->acked;
	}
	return sizeof(info->dctcp);
}

static void prague_end(struct sock *sk)
{
	if (READ_ONCE(sk->sk_pacing_shift) == BURST_SHIFT)
		sk_pacing_shift_update(sk, USUAL_SHIFT);
}

const struct xtcp_cong_ops xtcp_cong_prague = {
	.name = "prague",
	.start = prague_start,
	.acked = prague_acked,
	.ssthresh = prague_ssthresh,
	.ecn_ack = prague_ecn_ack,
	.info = prague_info,
	.end = prague_end,
	.paces = true,
	.scalable = true,
};
