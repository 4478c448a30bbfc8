/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receive queue.
 *
 * Comes in: data of acceptable segments, and a program that reads. Goes out: octets in order to the
 * program. window/ tells the peer about them.
 *
 * What may not happen here: dropping an octet that was acknowledged, or that had room in the
 * window. Only data out of order may be dropped, when memory is short.
 */
#ifndef XTCP_RECV_H
#define XTCP_RECV_H

#include <linux/compiler.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "arrive/arrive.h"

void xtcp_rcvq_eaten(struct sock *sk, struct sk_buff *skb);

/**
 * struct xtcp_saved_syn - the headers of a SYN, and the KeyIDs of its TCP-AO option
 * @len: length of @octets; 0: the program asked for no headers
 * @ao_keyid: the KeyID of the latest SYN; 0 without TCP-AO; READ_ONCE
 * @ao_rnext: the RNextKeyID of the latest SYN; READ_ONCE
 * @octets: the link header if TCP_SAVE_SYN is 2, then the headers of IP and TCP
 *
 * It stands behind the half-open entry, in the same allocation. The child gets a copy, which is
 * freed when the program reads it. As in Linux, none is saved without memory or with a cookie.
 */
struct xtcp_saved_syn {
	u16 len;
	u8 ao_keyid;
	u8 ao_rnext;
	u8 octets[];
};

static inline u32 xtcp_savedsyn_bytes(u32 len)
{
	return offsetof(struct xtcp_saved_syn, octets) + len;
}

static inline void xtcp_savedsyn_drop(struct xtcp_saved_syn **syn)
{
	kfree(*syn);
	*syn = NULL;
}

#define XTCP_URGENT_THERE	0x0100	/* the octet has come: it is the low 8 bits of @data */
#define XTCP_URGENT_AWAITED	0x0200	/* the urgent octet has not come yet */
#define XTCP_URGENT_TAKEN	0x0400	/* MSG_OOB has returned the urgent octet */

/**
 * struct xtcp_urgent - the last urgent octet of the peer
 * @seq: the sequence number of the urgent octet
 * @data: one of XTCP_URGENT_*; with XTCP_URGENT_THERE, the low 8 bits are the value of the urgent
 *	octet. 0: no urgent octet is ahead of the reader
 *
 * The socket lock guards it, but some readers do not take that. Only the functions below write it.
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

/* It has come, MSG_OOB has returned it, or the program has read past it. */
static inline void xtcp_urgent_set(struct xtcp_urgent *urgent, u16 data)
{
	WRITE_ONCE(urgent->data, data);
}

void xtcp_urgent_arrives(struct sock *sk, struct sk_buff *skb);
enum xtcp_verdict xtcp_text_arrives(struct sock *sk, struct sk_buff *skb);
bool xtcp_text_restored(struct sock *sk, struct sk_buff *skb);
void xtcp_text_came_again(struct sock *sk);
void xtcp_text_purge(struct sock *sk);
bool xtcp_text_readable(const struct sock *sk, int target);
void xtcp_text_wake(struct sock *sk);

#endif /* XTCP_RECV_H */
