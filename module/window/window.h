/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the peer learns of the receive queue.
 *
 * Comes in: a queue that grows, and a program that reads. Goes out: the window and the SACK blocks
 * for every segment that is sent.
 *
 * What may not happen here: taking back an octet of a window that was offered; sending.
 */
#ifndef XTCP_WINDOW_H
#define XTCP_WINDOW_H

#include <linux/minmax.h>

#include "base/wire.h"

struct dst_entry;
struct sk_buff;
struct sock;

#define XTCP_SPACE_RATIO_BITS	8	/* xtcp_sock.rcv_ratio is in 256ths */
#define XTCP_SPACE_RATIO_FIRST	(1U << (XTCP_SPACE_RATIO_BITS - 1))	/* a half, until measured */

u32 xtcp_space_free(const struct sock *sk);
u32 xtcp_space_full(const struct sock *sk);

void xtcp_space_begin(struct sock *sk);
u32 xtcp_space_copied(const struct sock *sk);
void xtcp_space_arrived(struct sock *sk, const struct sk_buff *skb);
void xtcp_space_adjust(struct sock *sk);
u32 xtcp_window_first(const struct sock *sk, const struct dst_entry *dst, u32 mss);

/* The least shift with which a window of @largest octets fits the field. */
static inline u8 xtcp_window_shift_for(u32 largest)
{
	u8 shift = 0;

	for (; largest > XTCP_WINDOW_MAX_UNSCALED; largest >>= 1)
		shift++;
	return min_t(u8, shift, XTCP_WSCALE_MAX);
}

void xtcp_window_select(const struct sock *sk, const struct dst_entry *dst, u32 mss, bool wscale_ok, u32 *rcv_wnd,
			u32 *window_clamp, u8 *rcv_wscale);
u32 xtcp_window_offer(const struct sock *sk);
bool xtcp_window_would_double(const struct sock *sk);

/**
 * struct xtcp_sack - what the SACK option reports
 * @block: first the D-SACK, a block of text that came twice; then blocks of text out of order,
 *	the newest first, which neither overlap nor touch each other
 * @blocks: how many blocks of text out of order are valid
 * @came_twice: the D-SACK is valid and was not sent yet
 * @compressed: ACKs for text out of order that are held back. The next ACK replaces them; a
 *	timer sends it if nothing else does (acks.c)
 * @dups: those that were sent at once since RCV.NXT moved, at most XTCP_DUPACK_THRESHOLD
 * @may_wait: the next ACK is for text out of order, and may be held back
 * @asks: the next text shall carry a request for an ACK rate (send/output.c)
 * @ack_rate: for how many full segments the peer wants an ACK; 0: it has not asked (recv/rcvq.c)
 *
 * @asks and @ack_rate are here, so that xtcp_sack_takes_room() and xtcp_acks_schedule() can test them
 * together with fields of the option.
 */
struct xtcp_sack {
	struct xtcp_sack_block block[1 + XTCP_SACK_BLOCKS_MAX];
	u8 blocks : 3;
	bool came_twice : 1;
	bool asks : 1;
	bool may_wait : 1;
	u8 dups : 2;
	u8 compressed;
	u8 ack_rate;
};

static inline bool xtcp_sack_has_news(const struct xtcp_sack *sack)
{
	return sack->blocks || sack->came_twice;
}

/* for SACK blocks or for a request for an ACK rate, in the next segment with text */
static inline bool xtcp_sack_takes_room(const struct xtcp_sack *sack)
{
	return sack->blocks || sack->came_twice || sack->asks;
}

void xtcp_sack_queued(struct sock *sk, u32 start, u32 end);
void xtcp_sack_duplicate(struct sock *sk, u32 start, u32 end);
void xtcp_sack_repeated(struct sock *sk, u32 start, u32 end);
void xtcp_sack_advanced(struct sock *sk);
void xtcp_sack_dropped(struct sock *sk, u32 start);

static inline unsigned int xtcp_sack_blocks_to_send(const struct xtcp_sack *sack, bool ts_ok)
{
	unsigned int most = ts_ok ? XTCP_SACK_BLOCKS_MAX - 1 : XTCP_SACK_BLOCKS_MAX;

	return min_t(unsigned int, sack->blocks + sack->came_twice, most);
}

u32 xtcp_sack_room(const struct xtcp_sack *sack, bool ts_ok);
void xtcp_sack_told(struct sock *sk);
void xtcp_sack_out_of_order(struct sock *sk, struct xtcp_sack_block before);

#endif /* XTCP_WINDOW_H */
