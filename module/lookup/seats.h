/* SPDX-License-Identifier: GPL-2.0 */
/* An array of listeners that changes in place while lookups read it under RCU. */
#ifndef XTCP_SEATS_H
#define XTCP_SEATS_H

#include <linux/rcupdate.h>
#include <linux/types.h>

struct sock;

/**
 * struct xtcp_seats - an array of listeners; the owner's lock guards changes
 * @rcu: frees the array after the last lookup
 * @n: number of listeners; a new listener is stored in @sk before @n includes it
 * @room: how many listeners the array can hold
 * @sk: the listeners
 */
struct xtcp_seats {
	struct rcu_head rcu;
	u32 n;
	u32 room;
	struct sock *sk[];
};

/* The lock that guards the array is held, or no other thread can find the array yet. */
struct xtcp_seats *xtcp_seats_new(u32 room, gfp_t gfp);
struct xtcp_seats *xtcp_seats_larger(const struct xtcp_seats *old, gfp_t gfp);
void xtcp_seats_add(struct xtcp_seats *seats, struct sock *sk);
struct sock *xtcp_seats_remove(struct xtcp_seats *seats, u32 index);

/* The caller holds the RCU read side, which keeps the result valid. */
struct sock *xtcp_seats_choose(const struct xtcp_seats *seats, u32 hash);

#endif /* XTCP_SEATS_H */
