/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Congestion control.
 *
 * Comes in: what each ACK told, losses, marks, idle time. Goes out: cwnd and ssthresh, in octets.
 * Nobody else writes them.
 *
 * An algorithm is one file, cong_NAME.c; no list names it. module/README.md says under "A congestion
 * control of your own" what an algorithm may do. What may not happen here: sending.
 */
#ifndef XTCP_CONG_H
#define XTCP_CONG_H

#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

#include "cong/alpha.h"
#include "cong/prr.h"

struct seq_file;
struct sk_buff;
struct sock;
struct xtcp_net;
struct xtcp_resume;
struct xtcp_sample;
struct xtcp_saved;
union tcp_cc_info;

/* cong.c */

/* Socket lock held. */
bool xtcp_stream_begin(struct sock *sk, gfp_t gfp);

/**
 * struct xtcp_rate - samples of the delivery rate
 * @first_sent_us: start of the sending interval of an skb that is sent now, microseconds. This is
 *	sent_us of the newest skb that has arrived, or of the first skb after a pause
 * @octets: octets of the current sample
 * @us: how long these octets took, microseconds; 0: there is no sample
 * @limited_until: @limited ends when stream->delivered passes this value
 * @limited: the program has not written enough to fill the window
 * @is_limited: @limited was set when the octets of the current sample were sent
 */
struct xtcp_rate {
	u64 first_sent_us;
	u32 octets;
	u32 us;
	u32 limited_until;
	bool limited;
	bool is_limited;
};

/* The socket lock is held in all these functions. */
void xtcp_rate_sent(struct sock *sk, struct sk_buff *skb, bool after_pause);
void xtcp_rate_arrived(struct sock *sk, const struct sk_buff *skb, struct xtcp_sample *sample);
void xtcp_rate_ack(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_rate_written(struct sock *sk);
u64 xtcp_rate_octets_per_second(const struct sock *sk);

enum xtcp_cong_phase {
	XTCP_CONG_OPEN,		/* nothing is missing */
	XTCP_CONG_DISORDER,	/* something is out of order, nothing counts as lost yet */
	XTCP_CONG_CWR,		/* the window is being reduced for a mark or a full local queue */
	XTCP_CONG_RECOVERY,	/* fast recovery: something is lost, the window is being reduced */
	XTCP_CONG_LOSS,		/* repair after a timeout, or of too large text: recovery.c */
};

#define XTCP_CONG_PRIVATE	112	/* size of an algorithm's private state, octets */

/**
 * struct xtcp_cong_loss - octets that newly count as lost
 * @octets: number of the lost octets
 * @in_flight_then: octets in flight when the lost octets were sent, including the lost octets
 * @lost_since: octets marked as lost since the lost octets were sent, including the lost octets
 * @is_limited: the program had not filled the window when the lost octets were sent
 */
struct xtcp_cong_loss {
	u32 octets;
	u32 in_flight_then;
	u32 lost_since;
	bool is_limited;
};

/**
 * struct xtcp_cong_ops - an algorithm
 * @name: as in TCP_CONGESTION. Mandatory, as are @ssthresh and one of @acked and @control
 * @start: the algorithm begins: the connection is established and has its data state (tx->stream),
 *	or a live connection changes to this algorithm. If the algorithm has @control or @info, the
 *	data state is allocated when the connection is established. Otherwise the data state is
 *	allocated when it is first needed, usually by the first text. The private space is zero.
 *	Optional
 * @acked: octets arrived (sample->delivered), and the window may grow. Called if the window limited
 *	the sender and no reduction is going on; also called during a recovery that a timeout began
 * @ssthresh: after a loss or a congestion mark; return the new slow start threshold, octets
 * @marked: replaces @ssthresh after a congestion mark without a loss. Optional
 * @undone: the last reduction was needless, and both windows were restored. Optional
 * @idle: sending begins again with nothing in flight, after a pause of @idle_us microseconds. The
 *	pause was at least a tick. Optional
 * @ecn_ack: with ECN: an ACK newly acknowledges or sacks something; called before losses are
 *	detected. Optional
 * @control: replaces @acked, and is called in each phase, for each ACK that reports something new.
 *	It sets sk_pacing_rate and cwnd. reduction.c changes cwnd only at a timeout, at the end of
 *	a recovery or of CWR, and for an undo; cong.c only if cwnd would be below one segment.
 *	Optional
 * @lost: some octets, which left together, now count as lost; called before @control for the same
 *	ACK; see xtcp_cong_octets_lost(). Optional
 * @info: fill in TCP_CC_INFO; return its octets. Optional
 * @paces: text must leave at sk_pacing_rate
 * @resumes: with Careful Resume, the window may jump to at most half of what an earlier connection
 *	has observed. Such an algorithm has no @control and no @marked
 * @needs_ecn: negotiate ECN as client and as server, whatever net.xtcp.ecn says
 * @scalable: made for L4S (RFC 9331): negotiate AccECN as client and as server, whatever
 *	net.xtcp.ecn says. In AccECN mode text leaves with ECT(1), and @ecn_ack reduces cwnd after a
 *	congestion mark; without AccECN, a mark has the same effect as with other algorithms
 * @end: the connection ends or changes to another algorithm; called only if the algorithm has
 *	begun. Optional
 */
struct xtcp_cong_ops {
	const char *name;
	void (*start)(struct sock *sk);
	void (*acked)(struct sock *sk, const struct xtcp_sample *sample);
	u32 (*ssthresh)(struct sock *sk);
	u32 (*marked)(struct sock *sk);
	void (*undone)(struct sock *sk);
	void (*idle)(struct sock *sk, u32 idle_us);
	void (*ecn_ack)(struct sock *sk, const struct xtcp_sample *sample);
	void (*control)(struct sock *sk, const struct xtcp_sample *sample);
	void (*lost)(struct sock *sk, const struct xtcp_cong_loss *loss);
	size_t (*info)(struct sock *sk, union tcp_cc_info *info);
	void (*end)(struct sock *sk);
	bool paces;
	bool resumes;
	bool needs_ecn;
	bool scalable;
};

/**
 * struct xtcp_cong - a connection's congestion windows
 * @cwnd: congestion window, octets
 * @ssthresh: slow start threshold, octets
 * @phase: enum xtcp_cong_phase
 * @started: the connection is established and has not ended. The algorithm has begun if tx->stream
 *	is allocated; otherwise it begins at that allocation
 * @rate_is_old: the windows have changed since sk_pacing_rate was computed
 * @initial: the initial window that a rule of the policy table sets, segments; 0: none
 */
struct xtcp_cong {
	u32 cwnd;
	u32 ssthresh;
	u8 phase;
	bool started;
	bool rate_is_old;
	u8 initial;
};

/**
 * struct xtcp_cong_stream - the history of the windows, a part of struct xtcp_stream
 * @prior_cwnd: cwnd before the last reduction; an idle time reduces this field as it reduces cwnd.
 *	If the algorithm has control(), a reduction that begins during a recovery does not lower
 *	this field, and text that was too large sets it, too
 * @prior_ssthresh: the ssthresh that an undo of the last reduction restores; 0: that reduction is
 *	final
 * @most_out: the largest number of octets outstanding at a time in the last window
 * @usage_seq: SND.NXT when @most_out was taken
 * @is_limiting: cwnd limited the sender in the window that ends at @usage_seq
 * @idled: an idle time has reduced cwnd since the connection began
 * @idled_in_reduction: an idle time has reduced cwnd since the last reduction began
 * @prr: the state of the current reduction
 * @resume: the state of Careful Resume; NULL: none
 * @private: the algorithm's state, see xtcp_cong_private()
 */
struct xtcp_cong_stream {
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u32 most_out;
	u32 usage_seq;
	struct xtcp_prr prr;
	bool is_limiting;
	bool idled;
	bool idled_in_reduction;
	struct xtcp_resume *resume;
	u64 private[XTCP_CONG_PRIVATE / sizeof(u64)];
};

#include "generated/algorithms_list.h"

/* Socket lock held, except for xtcp_cong_cwnd_segments(). */
void xtcp_cong_begin(struct sock *sk);
u32 xtcp_cong_initial(const struct sock *sk);
void xtcp_cong_start(struct sock *sk, bool syn_lost);
void *xtcp_cong_private(struct sock *sk);
struct xtcp_alpha_sent xtcp_cong_text_sent(const struct sock *sk);
unsigned long xtcp_cong_rate(struct sock *sk);
void xtcp_cong_ecn_ack(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_cong_ack(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_cong_grow(struct sock *sk, u32 delivered, u32 *counted);
void xtcp_cong_pushed(struct sock *sk, bool limited);
void xtcp_cong_octets_lost(struct sock *sk, const struct xtcp_cong_loss *loss);
bool xtcp_cong_restart_after_idle(struct sock *sk);
void xtcp_cong_mss_changed(struct sock *sk);
u32 xtcp_cong_in_flight(const struct sock *sk);
u32 xtcp_cong_cwnd_segments(const struct sock *sk);

/* reduction.c */

/* Socket lock held. */
u32 xtcp_pipe_octets(const struct sock *sk);

/* resuming.c */

/*
 * The socket lock is held in all these functions. xtcp_resuming_begin() allocates
 * tx->stream->cong.resume, and the other functions need it.
 */
void xtcp_resuming_begin(struct sock *sk);
void xtcp_resuming_pushed(struct sock *sk);
bool xtcp_resuming_full(struct sock *sk);
bool xtcp_resuming_acked(struct sock *sk, const struct xtcp_sample *sample);
bool xtcp_resuming_congested(struct sock *sk);
void xtcp_resuming_retreat(struct sock *sk);
void xtcp_resuming_reduced(struct sock *sk);
void xtcp_resuming_timeout(struct sock *sk);
void xtcp_resuming_end(struct sock *sk);

/* paths.c */

/* The clock for the age of saved paths; it also runs while the machine is suspended. */
static inline u32 xtcp_paths_seconds(void)
{
	return (u32)ktime_get_boottime_seconds();
}

int xtcp_paths_prepare(struct xtcp_net *xn);
void xtcp_paths_flush(struct xtcp_net *xn);
u32 xtcp_paths_flushes(const struct xtcp_net *xn);
int xtcp_paths_show(struct seq_file *m, void *v);
void xtcp_paths_net_exit(struct xtcp_net *xn);

/* The socket lock is held in all these functions. */
bool xtcp_paths_find(const struct sock *sk, struct xtcp_saved *saved);
bool xtcp_paths_take(const struct sock *sk, const struct xtcp_saved *saved);
void xtcp_paths_save(const struct sock *sk, const struct xtcp_saved *saved, u32 flushes, bool replace);
void xtcp_paths_forget(const struct sock *sk, int ifindex, u32 flushes);

/* algorithms.c */

#define XTCP_ALGORITHMS_TEXT	2048	/* octets, the size of a list of names, as in Linux */

int xtcp_algorithms_init(void);
const struct xtcp_cong_ops *xtcp_algorithms_inherited(const struct xtcp_net *xn);
int xtcp_algorithms_set_default(struct xtcp_net *xn, const char *name);
void xtcp_algorithms_list(char *text, size_t size, bool allowed_only);
int xtcp_algorithms_allow(char *names);
/* xtcp_algorithms_fill() needs the socket lock; xtcp_algorithms_info() takes it. */
size_t xtcp_algorithms_fill(struct sock *sk, union tcp_cc_info *info);
size_t xtcp_algorithms_info(struct sock *sk, union tcp_cc_info *info);

const struct xtcp_cong_ops *xtcp_algorithms_named(const char *name);

/* Socket lock held, or no other thread can reach the sock. */
void xtcp_algorithms_assign(struct sock *sk);
bool xtcp_algorithms_take_rule(struct sock *sk, const struct xtcp_cong_ops *ops);
void xtcp_algorithms_take_route(struct sock *sk);
int xtcp_algorithms_choose(struct sock *sk, const char *name, bool administrator);
void xtcp_algorithms_start(struct sock *sk);
void xtcp_algorithms_end(struct sock *sk);

#endif /* XTCP_CONG_H */
