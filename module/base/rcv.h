/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receive sequence variables (RFC 9293 section 3.3.1). Other files report events; only this
 * file writes the variables. One exception: RECEIVE advances its cursor through a pointer. The
 * cursor is copied_seq or, with MSG_PEEK, a local variable (recvmsg.c).
 */
#ifndef XTCP_RCV_H
#define XTCP_RCV_H

#include <linux/compiler.h>
#include <linux/types.h>

/**
 * struct xtcp_rcv - what has arrived, what we have acknowledged and offered, what the program has
 *	read
 * @nxt: RCV.NXT: the next octet expected
 * @wnd: RCV.WND: the window that we offered, counted from @wup
 * @wup: the last RCV.NXT that we acknowledged; Last.ACK.sent of RFC 7323
 * @copied_seq: the next octet that RECEIVE hands out
 * @irs: the initial receive sequence number
 *
 * The socket lock guards this struct; all fields are also read without the lock.
 */
struct xtcp_rcv {
	u32 nxt;
	u32 wnd;
	u32 wup;
	u32 copied_seq;
	u32 irs;
};

/* The peer's SYN was taken. */
static inline void xtcp_rcv_begin(struct xtcp_rcv *rcv, u32 irs)
{
	rcv->irs = irs;
	rcv->nxt = irs + 1;
	rcv->wup = irs + 1;
	rcv->copied_seq = irs + 1;
}

/* @n octets, or a FIN, have come in order. */
static inline void xtcp_rcv_took(struct xtcp_rcv *rcv, u32 n)
{
	WRITE_ONCE(rcv->nxt, rcv->nxt + n);
}

/* We have acknowledged RCV.NXT. */
static inline void xtcp_rcv_acked(struct xtcp_rcv *rcv)
{
	WRITE_ONCE(rcv->wup, rcv->nxt);
}

/* We have acknowledged RCV.NXT and offered @wnd octets from there on. */
static inline void xtcp_rcv_offered(struct xtcp_rcv *rcv, u32 wnd)
{
	WRITE_ONCE(rcv->wnd, wnd);
	WRITE_ONCE(rcv->wup, rcv->nxt);
}

/* The program has received or skipped @n octets. */
static inline void xtcp_rcv_copied(struct xtcp_rcv *rcv, u32 n)
{
	WRITE_ONCE(rcv->copied_seq, rcv->copied_seq + n);
}

/* The octets before @seq are discarded unread. */
static inline void xtcp_rcv_discarded(struct xtcp_rcv *rcv, u32 seq)
{
	WRITE_ONCE(rcv->copied_seq, seq);
}

#endif /* XTCP_RCV_H */
