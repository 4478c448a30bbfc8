/* SPDX-License-Identifier: GPL-2.0 */
/* Careful Resume (RFC 9959): its phases, and the observation of a path by a connection. Pure. */
#ifndef XTCP_RESUME_H
#define XTCP_RESUME_H

#include <linux/types.h>

/* RFC 9959 section 3 */
enum xtcp_resume_phase {
	XTCP_RESUME_NORMAL,		/* normal congestion control; the path is observed */
	XTCP_RESUME_RECONNAISSANCE,	/* find out whether this path is the saved path */
	XTCP_RESUME_UNVALIDATED,	/* the window was raised in one step: a jump */
	XTCP_RESUME_VALIDATING,		/* the octets of the jump are not all acknowledged yet */
	XTCP_RESUME_RETREAT,		/* the jump met congestion or another path */
};

/**
 * struct xtcp_saved - the congestion control parameters of a path
 * @cwnd: saved_cwnd: octets that the path carried in the time of @rtt_us; 0: nothing is saved
 * @rtt_us: saved_rtt: the smallest RTT of the connection that observed the path
 * @seconds: when the parameters were observed, xtcp_paths_seconds()
 * @ifindex: the device towards the path
 */
struct xtcp_saved {
	u32 cwnd;
	u32 rtt_us;
	u32 seconds;
	int ifindex;
};

/**
 * struct xtcp_resume - Careful Resume of one connection
 * @saved: the parameters that the table of saved paths had for this path
 * @best: the parameters that this connection has observed
 * @mark: a sequence number. In Reconnaissance, it is the end of the initial data; in Unvalidated,
 *	SND.NXT at the jump; later, the end of what was sent in Unvalidated
 * @pipe_base: PipeSize is @pipe_base plus all octets delivered to the peer, modulo 2^32; see
 *	xtcp_resume_pipe_size()
 * @confirmed_us: when the latest ACK came in Reconnaissance, after all initial data was
 *	acknowledged
 * @entered_us: when Unvalidated began, the low 32 bits of the clock
 * @round_end: a round of observation ends when all octets before this number are acknowledged
 * @round_start_us: when the round began, the low 32 bits of the clock
 * @round_delivered: how many octets had been delivered to the peer when the round began
 * @ifindex: the first device that the route had since this struct was allocated; 0: none so far
 * @flushes: xtcp_paths_flushes() when the connection began to observe
 * @phase: enum xtcp_resume_phase
 * @has_moved: the route has moved to another device than @ifindex; nothing more is observed
 * @has_taken: this connection has taken @saved out of the table, and xtcp_resuming_end() may put
 *	@saved back. False again when the jump retreats, or when congestion proves @saved wrong
 * @has_jumped: see xtcp_resume_has_jumped()
 * @can_pace: the timer of pace.c is allocated
 * @paces: pacing was off until the jump switched it on
 * @frees_one: one lost segment may be resent even if the congestion window is full
 */
struct xtcp_resume {
	struct xtcp_saved saved;
	struct xtcp_saved best;
	u64 confirmed_us;
	u32 mark;
	u32 pipe_base;
	u32 entered_us;
	u32 round_end;
	u32 round_start_us;
	u32 round_delivered;
	int ifindex;
	u32 flushes;
	u8 phase;
	bool has_moved;
	bool has_taken;
	bool has_jumped;
	bool can_pace;
	bool paces;
	bool frees_one;
};

/**
 * struct xtcp_resume_view - the state of the connection after an ACK
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @delivered: octets that have arrived since the connection began
 * @now_us: the low 32 bits of the clock
 * @min_rtt_us: the smallest RTT
 * @seconds: xtcp_paths_seconds()
 * @ifindex: the device towards the path; 0: unknown
 */
struct xtcp_resume_view {
	u32 snd_una;
	u32 snd_nxt;
	u32 delivered;
	u32 now_us;
	u32 min_rtt_us;
	u32 seconds;
	int ifindex;
};

void xtcp_resume_device(struct xtcp_resume *resume, int ifindex);
void xtcp_resume_round(struct xtcp_resume *resume, const struct xtcp_resume_view *view);
void xtcp_resume_observe(struct xtcp_resume *resume, const struct xtcp_resume_view *view);
void xtcp_resume_cap(struct xtcp_resume *resume, u32 cwnd);
bool xtcp_resume_too_fast(const struct xtcp_saved *saved, u32 min_rtt_us);
u32 xtcp_resume_window(const struct xtcp_saved *saved, u32 min_rtt_us, u32 cwnd);
void xtcp_resume_jump(struct xtcp_resume *resume, u32 snd_nxt, u32 pipe, u32 delivered, u32 now_us);
bool xtcp_resume_is_due(const struct xtcp_resume *resume, u32 high, u32 now_us, u32 srtt_us);
u32 xtcp_resume_validate(struct xtcp_resume *resume, u32 pipe, u32 delivered, u32 initial, u32 snd_nxt);
u32 xtcp_resume_retreat(struct xtcp_resume *resume, u32 cwnd, u32 delivered, u32 snd_nxt, u32 mss);
u32 xtcp_resume_leave(struct xtcp_resume *resume, u32 ssthresh, u32 delivered, u32 mss);

/*
 * PipeSize: octets in flight at the jump, plus octets that have arrived since. @delivered: octets
 * that have arrived since the connection began.
 */
static inline u32 xtcp_resume_pipe_size(const struct xtcp_resume *resume, u32 delivered)
{
	return resume->pipe_base + delivered;
}

/*
 * May one lost segment be resent even if the window is full? After the retransmission, the caller
 * calls xtcp_resume_freed_one(): one resent segment is enough (RFC 6675 section 5).
 */
static inline bool xtcp_resume_may_free_one(const struct xtcp_resume *resume)
{
	return resume && resume->frees_one;
}

static inline void xtcp_resume_freed_one(struct xtcp_resume *resume)
{
	resume->frees_one = false;
}

/*
 * Has Careful Resume raised the window in one step (a jump)? The segments of a jump are paced, and
 * so are the segments that their ACKs release. So the ACKs come without a pause even if the path is
 * not full, and HyStart must not count them as an ACK train.
 */
static inline bool xtcp_resume_has_jumped(const struct xtcp_resume *resume)
{
	return resume && resume->has_jumped;
}

static inline bool xtcp_resume_is_in(const struct xtcp_resume *resume, enum xtcp_resume_phase phase)
{
	return resume && resume->phase == phase;
}

#endif /* XTCP_RESUME_H */
