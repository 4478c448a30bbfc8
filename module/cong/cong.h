/* SPDX-License-Identifier: GPL-2.0 */
/* Congestion control: the table of operations, and what every algorithm shares (RFC 5681). Windows are in octets. */
#ifndef XTCP_CONG_H
#define XTCP_CONG_H

#include <linux/types.h>

#include "pure/prr.h"

struct sock;
union tcp_cc_info;

struct xtcp_sample;

enum xtcp_cong_phase {
	XTCP_CONG_OPEN,		/* nothing is missing */
	XTCP_CONG_DISORDER,	/* something is out of order, nothing counts as lost yet */
	XTCP_CONG_CWR,		/* the window is being reduced for a congestion mark (RFC 3168) */
	XTCP_CONG_RECOVERY,	/* fast recovery: something is lost, the window is being reduced */
	XTCP_CONG_LOSS,		/* after a timeout, until SND.UNA passes recover */
};

#define XTCP_CONG_PRIVATE	112	/* octets that an algorithm has in each stream */

/**
 * struct xtcp_cong_loss - octets that count as lost from now on
 * @octets: how many
 * @in_flight_then: octets in flight when they were sent, they included
 * @lost_since: octets taken for lost since then, they included
 * @is_limited: the program had not filled the window then
 */
struct xtcp_cong_loss {
	u32 octets;
	u32 in_flight_then;
	u32 lost_since;
	bool is_limited;
};

/**
 * struct xtcp_cong_ops - an algorithm
 * @name: as TCP_CONGESTION has it
 * @start: the connection is established and has a stream: at once where @control or @info is set, else before there is
 *	text; or a live one changes to this algorithm. The private space is zero. Optional
 * @acked: octets arrived (sample->delivered) while the window may grow: it was what held the sender back, and it is
 *	not being reduced
 * @ssthresh: something was lost or marked: the slow start threshold from now on, octets
 * @marked: the same when nothing was lost, only marked. Without it @ssthresh is asked
 * @undone: the last reduction was for nothing; both windows are as before it. Optional
 * @idle: sending begins again after @idle_us, a tick at least, without anything in flight. Optional
 * @told: on a connection with ECN each ACK that newly acknowledges or sacks something, before anything is made of it.
 *	Optional
 * @control: instead of @acked: each ACK that tells something, whatever the phase; @cwnd is the algorithm's in all of
 *	them but for what a timeout does to it, and so is sk_pacing_rate. Optional
 * @lost: octets that were sent in one go are taken for lost, before the ACK comes to @control; see
 *	xtcp_cong_octets_lost(). Optional
 * @info: what TCP_CC_INFO tells; gives the octets of it. Optional
 * @paces: text has to leave at sk_pacing_rate
 * @needs_ecn: asks for ECN when it opens a connection and grants it when it accepts one, whatever net.xtcp.ecn says
 * @end: the connection ends or changes to another algorithm, after @start. Optional
 */
struct xtcp_cong_ops {
	const char *name;
	void (*start)(struct sock *sk);
	void (*acked)(struct sock *sk, const struct xtcp_sample *sample);
	u32 (*ssthresh)(struct sock *sk);
	u32 (*marked)(struct sock *sk);
	void (*undone)(struct sock *sk);
	void (*idle)(struct sock *sk, u32 idle_us);
	void (*told)(struct sock *sk, const struct xtcp_sample *sample);
	void (*control)(struct sock *sk, const struct xtcp_sample *sample);
	void (*lost)(struct sock *sk, const struct xtcp_cong_loss *loss);
	size_t (*info)(struct sock *sk, union tcp_cc_info *info);
	void (*end)(struct sock *sk);
	bool paces;
	bool needs_ecn;
};

/**
 * struct xtcp_cong - a connection's congestion windows
 * @cwnd: congestion window, octets
 * @ssthresh: slow start threshold, octets
 * @phase: what is going on
 * @started: the connection is established and has not ended: the algorithm has begun, or will when there is a stream
 * @rate_is_old: the windows have changed since sk_pacing_rate was made of them
 */
struct xtcp_cong {
	u32 cwnd;
	u32 ssthresh;
	u8 phase;
	bool started;
	bool rate_is_old;
};

/**
 * struct xtcp_cong_stream - how these have come to be what they are, of a connection that has a stream
 * @prior_cwnd: @cwnd before the last reduction; of an algorithm with @control the largest since a repair was over
 * @prior_ssthresh: @ssthresh then; 0: that reduction stays
 * @most_out: the most that was outstanding in the last window
 * @usage_seq: SND.NXT when that was
 * @is_limiting: in it @cwnd was what held the sender back
 * @prr: how a reduction goes on
 * @private: the algorithm's own, see xtcp_cong_private()
 */
struct xtcp_cong_stream {
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u32 most_out;
	u32 usage_seq;
	struct xtcp_prr prr;
	bool is_limiting;
	u64 private[XTCP_CONG_PRIVATE / sizeof(u64)];
};

#include "generated/algorithms_list.h"

/* Socket lock held in all of these. */
void xtcp_cong_bound(struct sock *sk);
void xtcp_cong_start(struct sock *sk, bool syn_lost);
void *xtcp_cong_private(struct sock *sk);
unsigned long xtcp_cong_rate(struct sock *sk);
void xtcp_cong_told(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_cong_ack(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_cong_grow(struct sock *sk, u32 delivered, u32 *counted);
void xtcp_cong_sent(struct sock *sk, u32 octets);
void xtcp_cong_pushed(struct sock *sk, bool limited);
void xtcp_cong_reduce(struct sock *sk, u32 in_flight, bool marked);
void xtcp_cong_reduce_further(struct sock *sk, u32 in_flight);
void xtcp_cong_reduced(struct sock *sk);
void xtcp_cong_repaired(struct sock *sk);
void xtcp_cong_octets_lost(struct sock *sk, const struct xtcp_cong_loss *loss);
void xtcp_cong_allow_one(struct sock *sk);
void xtcp_cong_lost(struct sock *sk);
void xtcp_cong_restart(struct sock *sk, u32 pipe);
void xtcp_cong_forbid_undo(struct sock *sk);
bool xtcp_cong_undo(struct sock *sk);
void xtcp_cong_restart_after_idle(struct sock *sk);
void xtcp_cong_mss_changed(struct sock *sk);
u32 xtcp_cong_in_flight(const struct sock *sk);
u32 xtcp_cong_cwnd_segments(const struct sock *sk);

#endif /* XTCP_CONG_H */
