/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is in flight, and which of it was lost.
 *
 * Comes in: what one ACK told (struct xtcp_sample), or a timer that fired. Goes out: which
 * octets are in flight, sacked or lost, and which are resent first.
 *
 *     acked -> scoreboard -> rack; then recovery -> {rack, scoreboard, undo, cong/} -> send/
 *
 * pipe = sent - acknowledged - sacked - lost + resent, with SACK and without. What may not happen
 * here: writing a congestion window.
 */
#ifndef XTCP_LOSS_H
#define XTCP_LOSS_H

#include "base/wire.h"
#include "cong/cong.h"

/*
 * struct xtcp_sample - the report of an ACK, filled by acked.c; lengths in octets of sequence space
 * @first_sent_us: the earliest sending time of the newly acknowledged segments, or else of the newly
 *	sacked ones. Only segments that were sent once count; 0: there is none
 * @last_sent_us: the latest sending time of newly acknowledged and sacked ones; as above
 * @high_before: the octet after the highest that was sacked before the ACK; SND.UNA without one
 * @segments: in AccECN mode, how many segments are newly acknowledged or sacked, as they were last
 *	sent. Without SACK, those that duplicate ACKs have reported count again
 * @delivered_before: stream->delivered when the rated segment was sent: of all newly acknowledged or
 *	sacked ones the one that was sent last; valid with @tells_rate
 * @in_flight_then: octets in flight when the rated segment was sent, with it. As @lost_before, filled
 *	only for an algorithm with control() (cong.h)
 * @lost_before: stream->lost_total when the rated segment was sent
 * @marked: how many of our segments are newly reported as CE-marked. In AccECN mode the peer counts
 *	them; otherwise, if @ece is set, all newly acknowledged or sacked segments count
 * @dsack: the octets that have arrived twice, as the ACK's D-SACK says (RFC 2883); empty: no D-SACK
 * @echo_is_stale: TSecr is older than the last copy of the segment at SND.UNA. Set only after three
 *	timeouts for this SND.UNA, or if the RTO is doubled three times
 * @original_arrived: one sent once, before the present recovery, is newly acknowledged or sacked
 * @is_limited: with @tells_rate: the program had not filled the window when the rated segment was sent
 */
struct xtcp_sample {
	u64 now_us;		/* when the ACK came, xtcp_clock_us() */
	u64 first_sent_us;
	u64 last_sent_us;
	u32 una_before;		/* SND.UNA before the ACK */
	u32 high_before;
	u32 acked;		/* octets by which SND.UNA moved */
	u32 sacked;		/* octets newly sacked */
	u32 delivered;		/* octets newly acknowledged or sacked, each counted once */
	u32 segments;
	u32 lost;		/* octets newly marked as lost */
	u32 delivered_before;
	u32 delivered_before_us;	/* the low 32 bits of stream->delivered_us when the rated segment was sent */
	u32 in_flight_then;
	u32 lost_before;
	u32 marked;
	u32 sending_us;		/* how long it took to send the octets of the rate sample, microseconds */
	u32 rtt_us;		/* the RTT of the segment sent at @last_sent_us, microseconds; 0: unknown */
	u32 tsecr;		/* the ACK's TSecr, not checked; 0: the ACK has none */
	struct xtcp_sack_block dsack;
	bool resent_acked;	/* a segment that was sent more than once is newly acknowledged or sacked */
	bool echo_is_stale;
	bool original_arrived;
	bool ece;	/* the ACK echoes a congestion mark (RFC 3168 section 6.1.2, RFC 9768 section 3.2.2.2) */
	bool duplicate;		/* the ACK is a duplicate (RFC 5681 section 2) */
	bool news;		/* the ACK carries text, SYN or FIN, or a larger window */
	bool tells_rate;	/* the ACK gives a sample of the delivery rate (cong.c) */
	bool is_limited;
	bool rack_rtt;		/* RACK.rtt is that of a segment of this ACK */
};

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

/*
 * struct xtcp_reorder - the state from which the reordering window is computed
 * @wnd_persist: RACK.reo_wnd_persist: recoveries until @wnd_mult becomes 1 again; 0 while it is 1
 * @in_dsack_round: SND.UNA has not reached @dsack_round: the window is not widened again
 */
struct xtcp_reorder {
	u32 dsack_round;	/* RACK.dsack_round: SND.NXT when a D-SACK last widened the window */
	u8 wnd_mult;	/* RACK.reo_wnd_mult: the window in quarters of the smallest RTT */
	u8 wnd_persist;
	bool in_dsack_round;
};

static inline void xtcp_reorder_init(struct xtcp_reorder *reorder)
{
	*reorder = (struct xtcp_reorder){ .wnd_mult = 1 };
}

/* RACK_sent_after() of RFC 8985 section 6.2 step 2: what was sent at one time, as by GSO, counts as sent in order. */
static inline bool xtcp_reorder_sent_after(u64 us1, u32 end1, u64 us2, u32 end2)
{
	return us1 > us2 || (us1 == us2 && xtcp_seq_gt(end1, end2));
}

/* A recovery that was necessary has ended. The 16th since the last widening narrows the window (6.2 step 4). */
static inline void xtcp_reorder_recovered(struct xtcp_reorder *reorder)
{
	if (reorder->wnd_persist && !--reorder->wnd_persist)
		reorder->wnd_mult = 1;
}

/* Arithmetic ends. */

void xtcp_reorder_ack(struct xtcp_reorder *reorder, u32 snd_una, u32 snd_nxt, bool dsack);

struct sk_buff *xtcp_resend_next(const struct sock *sk);

/*
 * struct xtcp_scoreboard - sums over the send queue, in octets of sequence space
 * @sacked: octets above SND.UNA that the peer has sacked; without SACK, the length of one segment
 *	for each duplicate ACK (RFC 5681 section 2)
 * @sacked_segments: @sacked in segments; approximate, because their size may have changed
 * @reordering: the reordering estimate, in segments: a missing segment counts as lost once this
 *	many later segments have arrived. With SACK, this rule ends when reordering is first seen
 * @seen: the usable SACK blocks of the last ACK with any, sorted; their whole segments are marked
 */
struct xtcp_scoreboard {
	u32 sacked;
	u32 sacked_segments;
	u32 lost;		/* octets marked as lost */
	u32 resent;		/* octets of @lost that are in flight again */
	u32 high_sacked;	/* the octet after the highest octet that was sacked, at least SND.UNA */
	u16 reordering;
	u32 reorderings;	/* how often reordering was seen */
	struct xtcp_sack_block seen[XTCP_SACK_BLOCKS_MAX];
};

void xtcp_scoreboard_ack(struct sock *sk, u32 ack, struct xtcp_sample *sample);
void xtcp_scoreboard_duplicate_ack(struct sock *sk, struct xtcp_sample *sample);
void xtcp_scoreboard_lost(struct sock *sk, struct sk_buff *skb);
void xtcp_scoreboard_resent(struct sock *sk, struct sk_buff *skb);
void xtcp_scoreboard_not_lost(struct sock *sk);
void xtcp_scoreboard_forget_sacked(struct sock *sk);
void xtcp_scoreboard_reordered(struct sock *sk, u32 low, int counter);
void xtcp_sacked_take(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample);

/* RACK's variables (RFC 8985 section 5.2). */
struct xtcp_rack {
	u64 sent_us;	/* RACK.xmit_ts: the latest sending time of all segments that have arrived, microseconds */
	u32 end_seq;	/* RACK.end_seq: the octet after the segment that was sent at @sent_us */
	u32 rtt_us;	/* RACK.rtt: the RTT of the segment that arrived last, microseconds */
	struct xtcp_reorder reorder;	/* the state from which the reordering window is computed */
	bool advanced;	/* a segment has arrived since RACK last looked for losses */
	bool is_resent;	/* the segment that was sent at @sent_us was a retransmission */
};

u32 xtcp_rack_detect(struct sock *sk, u64 now_us);
bool xtcp_rack_is_recent(const struct sock *sk, const struct sk_buff *skb, u64 now_us);

/*
 * struct xtcp_undo - the state needed to undo a reduction of the window
 * @resent: octets resent, minus the octets that D-SACKs report as arrived twice; begins with the
 *	retransmissions that are in flight when the recovery begins
 * @any_resent: a retransmission was in flight when the recovery began, or something was resent
 *	since; a tail loss probe does not count
 */
struct xtcp_undo {
	u32 marker;	/* SND.UNA when the recovery began */
	u32 resent;
	u32 first_ts;	/* TSval of the first retransmission, or of the tail loss probe before it */
	bool armed;	/* there is a reduction that may be undone */
	bool any_resent;
	bool has_ts;	/* @first_ts is valid */
};

#endif /* XTCP_LOSS_H */
