/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The send sequence variables (RFC 9293 section 3.3.1). Other files report events; only this file
 * writes the variables.
 */
#ifndef XTCP_SND_H
#define XTCP_SND_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "base/seq.h"

/**
 * struct xtcp_snd - what we have queued and sent, and what the peer has acknowledged and offers
 * @una: SND.UNA: the oldest octet that is not acknowledged
 * @nxt: SND.NXT: the octet after the highest octet that was sent
 * @write_seq: the octet after the last octet that SEND queued; counts a queued FIN, too
 * @wnd: SND.WND: the peer's window, counted from @una
 * @max_wnd: the largest @wnd so far (MAX.SND.WND of RFC 5961 section 5.2); also used to avoid silly
 *	windows
 * @wl1: SND.WL1: SEG.SEQ of the last window update
 * @iss: the initial send sequence number
 * @ts_offset: the offset that is added to our clock in each TSval
 *
 * The socket lock guards this struct; @una, @nxt, @write_seq, @iss and @ts_offset are also read
 * without the lock.
 */
struct xtcp_snd {
	u32 una;
	u32 nxt;
	u32 write_seq;
	u32 wnd;
	u32 max_wnd;
	u32 wl1;
	u32 iss;
	u32 ts_offset;
};

/* Set the ISS and the offset of our timestamps. @iss: 0 if none is chosen yet */
static inline void xtcp_snd_choose(struct xtcp_snd *snd, u32 iss, u32 ts_offset)
{
	snd->iss = iss;
	snd->ts_offset = ts_offset;
}

/* Nothing is queued or sent yet. */
static inline void xtcp_snd_begin(struct xtcp_snd *snd)
{
	snd->una = snd->iss;
	snd->nxt = snd->iss;
	WRITE_ONCE(snd->write_seq, snd->iss);
}

/* The SYN-ACK was sent before the sock existed, so SND.NXT begins behind the SYN. */
static inline void xtcp_snd_begin_after_syn(struct xtcp_snd *snd)
{
	snd->una = snd->iss;
	snd->nxt = snd->iss + 1;
	snd->write_seq = snd->iss + 1;
}

/* How far the peer's window reaches beyond @seq, octets. */
static inline u32 xtcp_snd_room(const struct xtcp_snd *snd, u32 seq)
{
	u32 edge = snd->una + snd->wnd;

	return xtcp_seq_gt(edge, seq) ? edge - seq : 0;
}

/* @n octets, a SYN or a FIN are put at the end of the queue. */
static inline void xtcp_snd_queued(struct xtcp_snd *snd, u32 n)
{
	WRITE_ONCE(snd->write_seq, snd->write_seq + n);
}

/* The octets from SND.NXT to @end have now been sent for the first time. */
static inline void xtcp_snd_sent(struct xtcp_snd *snd, u32 end)
{
	WRITE_ONCE(snd->nxt, end);
}

static inline void xtcp_snd_acked(struct xtcp_snd *snd, u32 ack)
{
	WRITE_ONCE(snd->una, ack);
}

/* A segment at @seq offers @wnd octets. Return: true when @wnd is the largest window so far. */
static inline bool xtcp_snd_offered(struct xtcp_snd *snd, u32 wnd, u32 seq)
{
	snd->wnd = wnd;
	snd->wl1 = seq;
	if (wnd <= snd->max_wnd)
		return false;
	snd->max_wnd = wnd;
	return true;
}

#endif /* XTCP_SND_H */
