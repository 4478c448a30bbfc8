/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congestion control.
 *
 * Comes in: what each ACK told, losses, marks, idle time. Goes out: cwnd and ssthresh, in octets.
 * Nobody else writes them.
 *
 * An algorithm is one file, cong_NAME.c; no list names it. module/README.md says under "A
 * congestion control of your own" what an algorithm may do, and how it becomes a module of its own.
 * What may not happen here: sending.
 */
#ifndef XTCP_CONG_H
#define XTCP_CONG_H

#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

#include "generated/algorithms_list.h"

struct genl_info;
struct sk_buff;
struct xtcp_net;
struct xtcp_sample;
union tcp_cc_info;

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

/* How much the connection has sent until now. */
struct xtcp_alpha_sent {
	u32 octets;	/* octets of text, also those sent again, modulo 2^32 */
	u32 segments;	/* segments with text */
	u32 nxt;	/* SND.NXT */
};

/* The share, and the present observation window. */
struct xtcp_alpha {
	u32 share;	/* DCTCP.Alpha; the algorithm chooses the number that represents 1.0 */
	u32 acked;	/* DCTCP.BytesAcked, octets */
	u32 marked;	/* DCTCP.BytesMarked, octets */
	u32 segment;	/* average size of a sent segment in the previous window, octets */
	struct xtcp_alpha_sent begin;	/* sent when the window began; @begin.nxt is DCTCP.WindowEnd */
};

/* Count the octets that an ACK reports, and how many of these octets were CE-marked. */
static inline void xtcp_alpha_count(struct xtcp_alpha *alpha, u32 delivered, u32 marked)
{
	alpha->acked += delivered;
	alpha->marked += marked;
}

/*
 * DCTCP.Alpha (RFC 8257 sections 3.3 and 4.2), the share of octets that were CE-marked, is a moving
 * average in which the latest window has the weight 1/16. The algorithm decides when a window ends,
 * and how the share reduces cwnd. @one represents a share of 1.0, a multiple of 16.
 */
#define XTCP_ALPHA_GAIN_SHIFT	4	/* g of RFC 8257 is 1/16 */

/* The average size, in octets, of the segments sent in this window, or else in the one before. */
static inline u32 xtcp_alpha_segment(const struct xtcp_alpha *alpha, const struct xtcp_alpha_sent *sent)
{
	u32 segments = sent->segments - alpha->begin.segments;

	return segments ? (sent->octets - alpha->begin.octets) / segments : alpha->segment;
}

static inline void xtcp_alpha_start(struct xtcp_alpha *alpha, u32 one, u32 mss, const struct xtcp_alpha_sent *sent)
{
	*alpha = (struct xtcp_alpha) { .share = one, .segment = mss, .begin = *sent };
}

/* How many octets @marks CE-marked segments of average size had, at most the @delivered that an ACK newly reports. */
static inline u32 xtcp_alpha_octets(const struct xtcp_alpha *alpha, u32 marks, u32 delivered,
				    const struct xtcp_alpha_sent *sent)
{
	u64 octets = marks ? (u64)marks * xtcp_alpha_segment(alpha, sent) : 0;

	return octets < delivered ? (u32)octets : delivered;
}

static inline void xtcp_alpha_begin_window(struct xtcp_alpha *alpha, const struct xtcp_alpha_sent *sent)
{
	alpha->segment = xtcp_alpha_segment(alpha, sent);
	alpha->acked = 0;
	alpha->marked = 0;
	alpha->begin = *sent;
}

/*
 * Updates the share at the end of a window in which something was acknowledged. RFC 8257 section
 * 4.2: Alpha = Alpha * (1 - g) + g * M, computed so that Alpha can reach 0 and never exceeds 1.
 */
static inline void xtcp_alpha_update(struct xtcp_alpha *alpha, u32 one)
{
	u32 share = alpha->share, less = share >> XTCP_ALPHA_GAIN_SHIFT;

	share -= less ?: share;
	if (alpha->marked)
		share += (u32)div_u64((u64)alpha->marked * (one >> XTCP_ALPHA_GAIN_SHIFT), alpha->acked);
	alpha->share = share < one ? share : one;
}

/* The variables of RFC 9937 section 6, octets. */
struct xtcp_prr {
	u32 recover_fs;	/* RecoverFS: octets in flight before the ACK that caused the reduction */
	u32 delivered;	/* prr_delivered: octets that have arrived since the reduction began */
	u32 out;	/* prr_out: octets sent since the reduction began */
};

static inline void xtcp_prr_sent(struct xtcp_prr *prr, u32 octets)
{
	prr->out += octets;
}

/* RFC 9959 section 3 */
enum xtcp_resume_phase {
	XTCP_RESUME_NORMAL,		/* normal congestion control; the path is observed */
	XTCP_RESUME_RECONNAISSANCE,	/* find out whether this path is the saved path */
	XTCP_RESUME_UNVALIDATED,	/* the window was raised in one step: a jump */
	XTCP_RESUME_VALIDATING,		/* the octets of the jump are not all acknowledged yet */
	XTCP_RESUME_RETREAT,		/* the jump met congestion or another path */
};

/* The congestion control parameters of a path. */
struct xtcp_saved {
	u32 cwnd;	/* saved_cwnd: octets that the path carried in @rtt_us; 0: nothing is saved */
	u32 rtt_us;	/* saved_rtt: the smallest RTT of the connection that observed the path */
	u32 seconds;	/* when the parameters were observed, xtcp_paths_seconds() */
	int ifindex;	/* the device towards the path */
};

/*
 * struct xtcp_resume - Careful Resume of one connection
 * @mark: a sequence number. In Reconnaissance, it is the end of the initial data; in Unvalidated,
 *	SND.NXT at the jump; later, the end of what was sent in Unvalidated
 * @pipe_base: PipeSize less all octets delivered, modulo 2^32; see xtcp_resume_pipe_size()
 * @confirmed_us: when the latest ACK came in Reconnaissance, once all initial data was acknowledged
 * @has_taken: this connection has taken @saved out of the table, and xtcp_resuming_end() may put
 *	@saved back. False again when the jump retreats, or when congestion proves @saved wrong
 */
struct xtcp_resume {
	struct xtcp_saved saved;	/* the parameters that the table of saved paths had for this path */
	struct xtcp_saved best;	/* the parameters that this connection has observed */
	u64 confirmed_us;
	u32 mark;
	u32 pipe_base;
	u32 entered_us;		/* when Unvalidated began, the low 32 bits of the clock */
	u32 round_end;		/* a round of observation ends when all octets before this number are acknowledged */
	u32 round_start_us;	/* when the round began, the low 32 bits of the clock */
	u32 round_delivered;	/* how many octets had been delivered to the peer when the round began */
	int ifindex;	/* the first device that the route had since this struct was allocated; 0: none so far */
	u32 flushes;		/* xtcp_paths_flushes() when the connection began to observe */
	u8 phase;		/* enum xtcp_resume_phase */
	bool has_moved;		/* the route has moved to another device than @ifindex; nothing more is observed */
	bool has_taken;
	bool has_jumped;	/* see xtcp_resume_has_jumped() */
	bool can_pace;		/* the timer of pace.c is allocated */
	bool paces;		/* pacing was off until the jump switched it on */
	bool frees_one;		/* one lost segment may be resent even if the congestion window is full */
};

/* The state of the connection after an ACK. */
struct xtcp_resume_view {
	u32 snd_una;	/* SND.UNA */
	u32 snd_nxt;	/* SND.NXT */
	u32 delivered;	/* octets that have arrived since the connection began */
	u32 now_us;	/* the low 32 bits of the clock */
	u32 min_rtt_us;	/* the smallest RTT */
	u32 seconds;	/* xtcp_paths_seconds() */
	int ifindex;	/* the device towards the path; 0: unknown */
};

/* PipeSize: octets in flight at the jump, plus those that have arrived since. */
static inline u32 xtcp_resume_pipe_size(const struct xtcp_resume *resume, u32 delivered)
{
	return resume->pipe_base + delivered;
}

/* May one lost segment be resent even if the window is full? One is enough (RFC 6675 section 5). */
static inline bool xtcp_resume_may_free_one(const struct xtcp_resume *resume)
{
	return resume && resume->frees_one;
}

static inline void xtcp_resume_freed_one(struct xtcp_resume *resume)
{
	resume->frees_one = false;
}

/*
 * Has Careful Resume raised the window in one step? Then pacing makes the ACKs come without a pause
 * even if the path is not full: HyStart must not take them for an ACK train.
 */
static inline bool xtcp_resume_has_jumped(const struct xtcp_resume *resume)
{
	return resume && resume->has_jumped;
}

static inline bool xtcp_resume_is_in(const struct xtcp_resume *resume, enum xtcp_resume_phase phase)
{
	return resume && resume->phase == phase;
}

/* Arithmetic ends. */

bool xtcp_stream_begin(struct sock *sk, gfp_t gfp);

/*
 * struct xtcp_rate - samples of the delivery rate
 * @first_sent_us: start of the sending interval of an skb that is sent now, microseconds. This is
 *	sent_us of the newest skb that has arrived, or of the first skb after a pause
 */
struct xtcp_rate {
	u64 first_sent_us;
	u32 octets;		/* octets of the current sample */
	u32 us;			/* how long these octets took, microseconds; 0: there is no sample */
	u32 limited_until;	/* @limited ends when stream->delivered passes this value */
	bool limited;		/* the program has not written enough to fill the window */
	bool is_limited;	/* @limited was set when the octets of the current sample were sent */
};

void xtcp_rate_sent(struct sock *sk, struct sk_buff *skb, bool after_pause);
void xtcp_rate_arrived(struct sock *sk, const struct sk_buff *skb, struct xtcp_sample *sample);
void xtcp_rate_ack(struct sock *sk, const struct xtcp_sample *sample);

enum xtcp_cong_phase {
	XTCP_CONG_OPEN,		/* nothing is missing */
	XTCP_CONG_DISORDER,	/* something is out of order, nothing counts as lost yet */
	XTCP_CONG_CWR,		/* the window is being reduced for a mark or a full local queue */
	XTCP_CONG_RECOVERY,	/* fast recovery: something is lost, the window is being reduced */
	XTCP_CONG_LOSS,		/* repair after a timeout, or of too large text: recovery.c */
};

#define XTCP_CONG_PRIVATE	112	/* size of an algorithm's private state, octets */

/* Octets that newly count as lost. */
struct xtcp_cong_loss {
	u32 octets;	/* number of the lost octets */
	u32 in_flight_then;	/* octets in flight when the lost octets were sent, including the lost octets */
	u32 lost_since;	/* octets marked as lost since the lost octets were sent, including the lost octets */
	bool is_limited;	/* the program had not filled the window when the lost octets were sent */
};

/*
 * struct xtcp_cong_ops - an algorithm
 * @start: the algorithm begins, with zeroed private space: a connection has its data state
 *	(tx->stream), or changes to this algorithm. With @control or @info that is allocated when the
 *	connection is established, otherwise when it is first needed, usually by the first text
 * @acked: octets arrived (sample->delivered), and the window may grow: it limited the sender and no
 *	reduction is going on. Also during a recovery that a timeout began
 * @ssthresh: after a loss or a congestion mark; return the new slow start threshold, octets
 * @idle: sending begins again with nothing in flight, after @idle_us microseconds, at least a tick
 * @ecn_ack: with ECN: an ACK reports something new. SND.UNA is up to date, losses and phase not yet
 * @control: replaces @acked, in each phase, for each ACK that reports something new. It sets
 *	sk_pacing_rate and cwnd, which cong.c changes only at a timeout, at the end of a recovery or of
 *	CWR, for an undo, and if it would be below one segment
 * @lost: some octets, which left together, now count as lost; before @control for the same ACK
 * @resumes: with Careful Resume, the window may jump to at most half of what an earlier connection
 *	has observed. Such an algorithm has no @control and no @marked
 * @scalable: made for L4S (RFC 9331): as @needs_ecn for AccECN. Then text leaves with ECT(1), and
 *	@ecn_ack reduces cwnd after a mark; without AccECN a mark has the usual effect
 * @end: the connection ends or changes to another algorithm; only if this one has begun
 */
struct xtcp_cong_ops {
	const char *name;	/* as in TCP_CONGESTION. Mandatory, as are @ssthresh and one of @acked and @control */
	void (*start)(struct sock *sk);
	void (*acked)(struct sock *sk, const struct xtcp_sample *sample);
	u32 (*ssthresh)(struct sock *sk);
	u32 (*marked)(struct sock *sk);	/* replaces @ssthresh after a congestion mark without a loss */
	void (*undone)(struct sock *sk);	/* the last reduction was needless, and both windows were restored */
	void (*idle)(struct sock *sk, u32 idle_us);
	void (*ecn_ack)(struct sock *sk, const struct xtcp_sample *sample);
	void (*control)(struct sock *sk, const struct xtcp_sample *sample);
	void (*lost)(struct sock *sk, const struct xtcp_cong_loss *loss);
	size_t (*info)(struct sock *sk, union tcp_cc_info *info);	/* fill in TCP_CC_INFO; return its octets */
	void (*end)(struct sock *sk);
	bool paces;	/* text must leave at sk_pacing_rate */
	bool resumes;
	bool needs_ecn;	/* negotiate ECN as client and as server, whatever net.xtcp.ecn says */
	bool scalable;
	struct module *owner;	/* the module of an algorithm that has its own (outside.h); not for the file to set */
};

/*
 * struct xtcp_cong - a connection's congestion windows
 * @started: the connection is established and has not ended. The algorithm has begun if tx->stream
 *	is allocated; otherwise it begins at that allocation
 */
struct xtcp_cong {
	u32 cwnd;		/* congestion window, octets */
	u32 ssthresh;		/* slow start threshold, octets */
	u8 phase;		/* enum xtcp_cong_phase */
	bool started;
	bool rate_is_old;	/* the windows have changed since sk_pacing_rate was computed */
	u8 initial;		/* the initial window that a rule of the policy table sets, segments; 0: none */
};

/*
 * struct xtcp_cong_stream - the history of the windows, a part of struct xtcp_stream
 * @prior_cwnd: cwnd before the last reduction; an idle time reduces this field as it reduces cwnd.
 *	If the algorithm has control(), a reduction that begins during a recovery does not lower this
 *	field, and text that was too large sets it, too
 * @prior_ssthresh: the ssthresh that an undo restores; 0: the last reduction is final
 */
struct xtcp_cong_stream {
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u32 most_out;		/* the largest number of octets outstanding at a time in the last window */
	u32 usage_seq;		/* SND.NXT when @most_out was taken */
	struct xtcp_prr prr;	/* the state of the current reduction */
	bool is_limiting;	/* cwnd limited the sender in the window that ends at @usage_seq */
	bool idled;		/* an idle time has reduced cwnd since the connection began */
	bool idled_in_reduction;	/* an idle time has reduced cwnd since the last reduction began */
	struct xtcp_resume *resume;	/* the state of Careful Resume; NULL: none */
	u64 private[XTCP_CONG_PRIVATE / sizeof(u64)];	/* the algorithm's state, see xtcp_cong_private() */
};

/* Socket lock held, except for xtcp_cong_cwnd_segments(). */
void xtcp_cong_begin(struct sock *sk);
u32 xtcp_cong_initial(const struct sock *sk);
void xtcp_cong_start(struct sock *sk, bool syn_lost);
struct xtcp_alpha_sent xtcp_cong_text_sent(const struct sock *sk);
unsigned long xtcp_cong_rate(struct sock *sk);
void xtcp_cong_ack(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_cong_grow(struct sock *sk, u32 delivered, u32 *counted);
void xtcp_cong_pushed(struct sock *sk, bool limited);
bool xtcp_cong_restart_after_idle(struct sock *sk);

u32 xtcp_pipe_octets(const struct sock *sk);

/* Socket lock held. xtcp_resuming_begin() allocates tx->stream->cong.resume, which the others need. */
void xtcp_resuming_begin(struct sock *sk);
void xtcp_resuming_pushed(struct sock *sk);
bool xtcp_resuming_full(struct sock *sk);
bool xtcp_resuming_acked(struct sock *sk, const struct xtcp_sample *sample);
bool xtcp_resuming_congested(struct sock *sk);
void xtcp_resuming_retreat(struct sock *sk);
void xtcp_resuming_reduced(struct sock *sk);
void xtcp_resuming_timeout(struct sock *sk);
void xtcp_resuming_end(struct sock *sk);

/* The clock for the age of saved paths; it also runs while the machine is suspended. */
static inline u32 xtcp_paths_seconds(void)
{
	return (u32)ktime_get_boottime_seconds();
}

int xtcp_paths_switch(struct xtcp_net *xn, int seconds);
int xtcp_paths_requested(struct sk_buff *skb, struct genl_info *info);
int xtcp_paths_show(struct seq_file *m, void *v);

#define XTCP_ALGORITHMS_TEXT	2048	/* octets, the size of a list of names, as in Linux */

extern const struct xtcp_part xtcp_algorithms_part;
extern struct notifier_block xtcp_algorithms_offers;
const struct xtcp_cong_ops *xtcp_algorithms_inherited(const struct xtcp_net *xn);
void xtcp_algorithms_forget(struct xtcp_net *xn);
void xtcp_algorithms_load(const char *name);
int xtcp_algorithms_set_default(struct xtcp_net *xn, const char *name);
void xtcp_algorithms_list(char *text, size_t size, bool allowed_only);
void xtcp_algorithms_name(char *name, const struct xtcp_cong_ops * const *of);
int xtcp_algorithms_allow(char *names);
size_t xtcp_algorithms_fill(struct sock *sk, union tcp_cc_info *info);

const struct xtcp_cong_ops *xtcp_algorithms_named(const char *name);

/* Gives an algorithm back; NULL: none. */
static inline void xtcp_algorithms_put(const struct xtcp_cong_ops *ops)
{
	if (ops && unlikely(ops->owner))
		module_put(ops->owner);
}

void xtcp_algorithms_renew_at(const struct xtcp_cong_ops **at);

/* Socket lock held, or no other thread can reach the sock. */
void xtcp_algorithms_assign(struct sock *sk);
void xtcp_algorithms_inherit(struct sock *child, const struct sock *lsk);
bool xtcp_algorithms_take_rule(struct sock *sk, const struct xtcp_cong_ops *ops);
void xtcp_algorithms_take_route(struct sock *sk);
void xtcp_algorithms_renew(struct sock *sk);
int xtcp_algorithms_choose(struct sock *sk, const char *name, bool administrator);
void xtcp_algorithms_start(struct sock *sk);
void xtcp_algorithms_end(struct sock *sk);

#endif /* XTCP_CONG_H */
