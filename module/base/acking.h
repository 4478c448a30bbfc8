/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ACKs that we owe: segments have arrived, and we have not acknowledged them yet. Other files
 * report events; only this file writes the state.
 */
#ifndef XTCP_ACKING_H
#define XTCP_ACKING_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>

/**
 * struct xtcp_acking - whether an ACK is owed, and whether it may be delayed
 * @unacked_segments: full segments since the last ACK (RFC 9293 MUST-58)
 * @quick: how many of the next ACKs leave without delay; not used while @pingpong is set
 * @pending: an ACK is owed. It leaves after the arriving segment is processed, or waits until the
 *	delayed-ACK deadline at most
 * @now: the owed ACK may not be delayed
 * @pingpong: the program answers the data that arrives; ACKs are delayed, so that the answer
 *	carries them
 * @ack_held_for_app: the owed ACK waits a moment, because the program is about to read and may
 *	answer
 * @app_expects_reply: the program will probably read next, since it has sent data in a blocking
 *	call, or waits in connect(). RECEIVE, poll() and the next decision of acks.c clear the field
 *
 * The socket lock guards this struct; some fields are also read without the lock. acks.c decides
 * when an ACK leaves.
 */
struct xtcp_acking {
	u8 unacked_segments;
	u8 quick;
	bool pending;
	bool now;
	bool pingpong;
	bool ack_held_for_app;
	bool app_expects_reply;
};

static inline void xtcp_acking_owe(struct xtcp_acking *acking)
{
	acking->pending = true;
}

/* An ACK is owed, whether or not one was owed before, and may no longer be delayed. */
static inline void xtcp_acking_owe_now(struct xtcp_acking *acking)
{
	acking->pending = true;
	acking->now = true;
}

static inline void xtcp_acking_owe_if(struct xtcp_acking *acking, bool owed)
{
	acking->pending = owed;
}

/* An owed ACK, if there is one, may no longer be delayed. */
static inline void xtcp_acking_hurry(struct xtcp_acking *acking)
{
	acking->now = true;
}

/*
 * At least the next @n ACKs leave without delay, unless the program is interactive or the peer has
 * asked for an ACK rate (acks.c).
 */
static inline void xtcp_acking_quick(struct xtcp_acking *acking, u8 n)
{
	acking->quick = max(acking->quick, n);
}

/* @it_answers: the program answers the data that arrives, so its answer may carry the ACK */
static inline void xtcp_acking_interactive(struct xtcp_acking *acking, bool it_answers)
{
	acking->pingpong = it_answers;
}

/* Text has arrived; @full is the number of full-sized segments in it. */
static inline void xtcp_acking_text(struct xtcp_acking *acking, u32 full)
{
	acking->unacked_segments = min_t(u32, acking->unacked_segments + full, U8_MAX);
	acking->pending = true;
}

/* A segment of ours acknowledges RCV.NXT: no ACK is owed any more. */
static inline void xtcp_acking_said(struct xtcp_acking *acking)
{
	if (acking->quick)
		acking->quick--;
	acking->unacked_segments = 0;
	acking->now = false;
	acking->pending = false;
	WRITE_ONCE(acking->ack_held_for_app, false);
}

static inline void xtcp_acking_hold_for_app(struct xtcp_acking *acking)
{
	WRITE_ONCE(acking->ack_held_for_app, true);
}

static inline void xtcp_acking_expect_reply(struct xtcp_acking *acking, bool expects)
{
	WRITE_ONCE(acking->app_expects_reply, expects);
}

#endif /* XTCP_ACKING_H */
