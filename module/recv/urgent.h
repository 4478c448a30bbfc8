/* SPDX-License-Identifier: GPL-2.0 */
/* The peer's urgent pointer (RFC 9293 section 3.8.5, RFC 6093). */
#ifndef XTCP_URGENT_H
#define XTCP_URGENT_H

#include <linux/compiler.h>
#include <linux/types.h>

struct sk_buff;
struct sock;

#define XTCP_URGENT_THERE	0x0100	/* the octet has come: it is the low 8 bits of @data */
#define XTCP_URGENT_AWAITED	0x0200	/* the urgent octet has not come yet */
#define XTCP_URGENT_TAKEN	0x0400	/* MSG_OOB has returned the urgent octet */

/**
 * struct xtcp_urgent - the last urgent octet of the peer
 * @seq: the sequence number of the urgent octet
 * @data: one of XTCP_URGENT_*; with XTCP_URGENT_THERE, the low 8 bits are the value of the urgent
 *	octet. 0: no urgent octet is ahead of the reader
 *
 * The socket lock guards this struct, but some readers do not take it. Only the functions below
 * write the struct.
 */
struct xtcp_urgent {
	u32 seq;
	u16 data;
};

static inline void xtcp_urgent_await(struct xtcp_urgent *urgent, u32 seq)
{
	WRITE_ONCE(urgent->data, XTCP_URGENT_AWAITED);
	WRITE_ONCE(urgent->seq, seq);
}

static inline void xtcp_urgent_came(struct xtcp_urgent *urgent, u8 octet)
{
	WRITE_ONCE(urgent->data, XTCP_URGENT_THERE | octet);
}

static inline void xtcp_urgent_taken(struct xtcp_urgent *urgent)
{
	WRITE_ONCE(urgent->data, XTCP_URGENT_TAKEN);
}

static inline void xtcp_urgent_passed(struct xtcp_urgent *urgent)
{
	WRITE_ONCE(urgent->data, 0);
}

void xtcp_urgent_arrives(struct sock *sk, struct sk_buff *skb);
bool xtcp_urgent_at_mark(const struct sock *sk);

#endif /* XTCP_URGENT_H */
