/* SPDX-License-Identifier: GPL-2.0 */
/* Fields that few sockets need. Each sock has only a pointer of 8 octets to them. */
#ifndef XTCP_SELDOM_H
#define XTCP_SELDOM_H

#include <linux/bits.h>
#include <linux/types.h>

#include "base/endpoint.h"

/* bit 0 of xtcp_endpoint.seldom, a pointer: the sock has or had a key to sign segments */
#define XTCP_SELDOM_SIGNS	BIT(0)

struct xtcp_ao;
struct xtcp_fastopenq;

/**
 * struct xtcp_seldom - fields that few sockets need
 * @fastopenq: state of TCP_FASTOPEN (fastopen.c); NULL: none; written under the socket lock
 * @keys: the keys of TCP_MD5SIG (auth/aokeys.c); read under RCU, written under the socket lock
 * @ao: TCP-AO with its keys (auth/aokeys.c); NULL: none; written under the socket lock
 * @idle_ms: XTCP_IDLE_MS; 0: only the limit of net.xtcp.idle_ms applies; READ_ONCE
 * @half_closed_ms: XTCP_HALF_CLOSED_MS; 0: only the limit of net.xtcp.half_closed_ms applies;
 *	READ_ONCE
 * @ack_rate: XTCP_ACK_RATE; 0: request no ACK rate of the peer; READ_ONCE
 *
 * The struct is allocated when one of its fields is first set, and stays until the memory of the
 * sock is freed.
 */
struct xtcp_seldom {
	struct xtcp_fastopenq *fastopenq;
	struct hlist_head keys;
	struct xtcp_ao *ao;
	u32 idle_ms;
	u32 half_closed_ms;
	u8 ack_rate;
};

/*
 * The struct xtcp_seldom of @sk, or NULL if none was allocated. The caller holds the RCU read side,
 * the socket lock or a reference to the socket's file.
 */
static inline struct xtcp_seldom *xtcp_seldom(const struct sock *sk)
{
	/* pairs with smp_store_release() in seldom.c */
	return (struct xtcp_seldom *)(smp_load_acquire(&xtcp_endpoint(sk)->seldom) & ~XTCP_SELDOM_SIGNS);
}

/*
 * Does @sk have a key, or did it have one? This runs for each segment. So the answer is a bit of
 * the word that also holds the pointer to struct xtcp_seldom: one load gets both. The caller holds
 * what xtcp_seldom() requires.
 */
static inline bool xtcp_seldom_signs(const struct sock *sk)
{
	/* pairs with smp_store_release() in seldom.c */
	return smp_load_acquire(&xtcp_endpoint(sk)->seldom) & XTCP_SELDOM_SIGNS;
}

/* The Fast Open state of @sk, or NULL. The caller holds what xtcp_seldom() requires. */
static inline struct xtcp_fastopenq *xtcp_seldom_fastopenq(const struct sock *sk)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);

	/* pairs with smp_store_release() in fastopen.c */
	return unlikely(seldom) ? smp_load_acquire(&seldom->fastopenq) : NULL;
}

/* XTCP_ACK_RATE of @sk; 0: none. The caller holds what xtcp_seldom() requires. */
static inline u8 xtcp_seldom_ack_rate(const struct sock *sk)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);

	return unlikely(seldom) ? READ_ONCE(seldom->ack_rate) : 0;
}

int xtcp_seldom_set_idle(struct sock *sk, u32 idle_ms, u32 half_closed_ms, gfp_t gfp);
int xtcp_seldom_set_ack_rate(struct sock *sk, u8 rate, gfp_t gfp);
struct xtcp_seldom *xtcp_seldom_get(struct sock *sk, gfp_t gfp);
struct xtcp_seldom *xtcp_seldom_get_for_keys(struct sock *sk, gfp_t gfp);
void xtcp_seldom_free(struct sock *sk);

#endif /* XTCP_SELDOM_H */
