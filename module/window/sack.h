/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SACK blocks that we send. They report text that arrived out of order, and text that came
 * twice.
 */
#ifndef XTCP_SACK_H
#define XTCP_SACK_H

#include <linux/types.h>

#include "base/options.h"
#include "base/wire.h"

struct sock;

/**
 * struct xtcp_sack - what the SACK option reports
 * @block: the first element is the D-SACK, a block of text that came twice. The others are blocks
 *	of text out of order, the newest first; they neither overlap nor touch each other
 * @blocks: how many blocks of text out of order are valid
 * @came_twice: the D-SACK is valid and was not sent yet
 * @compressed: number of ACKs for text out of order that are held back. The next ACK replaces them;
 *	a timer sends it if nothing else does (acks.c)
 * @dups: number of ACKs for text out of order that were sent at once since RCV.NXT moved, at most
 *	XTCP_DUPACK_THRESHOLD
 * @may_wait: the next ACK is for text out of order, and may be held back
 * @asks: the next text shall carry a request for an ACK rate (send/asking.c)
 * @ack_rate: for how many full segments the peer wants an ACK; 0: it has not asked (recv/text.c)
 *
 * @asks and @ack_rate are no part of the SACK option. They are here so that xtcp_sack_takes_room()
 * and xtcp_acks_owed() can test them together with fields of the option.
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

/* Must the next segment with text leave room for SACK blocks or for a request for an ACK rate? */
static inline bool xtcp_sack_takes_room(const struct xtcp_sack *sack)
{
	return sack->blocks || sack->came_twice || sack->asks;
}

/* Socket lock held; xtcp_sack_dropped() needs no lock if no other thread can reach the sock. */
void xtcp_sack_queued(struct sock *sk, u32 start, u32 end);
void xtcp_sack_duplicate(struct sock *sk, u32 start, u32 end);
void xtcp_sack_repeated(struct sock *sk, u32 start, u32 end);
void xtcp_sack_advanced(struct sock *sk);
void xtcp_sack_dropped(struct sock *sk, u32 start);
unsigned int xtcp_sack_blocks_to_send(const struct xtcp_sack *sack, bool ts_ok);
u32 xtcp_sack_room(const struct xtcp_sack *sack, bool ts_ok);
void xtcp_sack_fill(const struct xtcp_sack *sack, bool ts_ok, unsigned int room, struct xtcp_options *opts);
void xtcp_sack_told(struct sock *sk);
void xtcp_sack_out_of_order(struct sock *sk, struct xtcp_sack_block before);

#endif /* XTCP_SACK_H */
