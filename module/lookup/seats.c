// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners as an array: whom a hash chooses is found at once, however many they are.
 *
 * Lookups read the array under RCU while it changes in place: who comes sits behind the others before they are one
 * more, who goes has the last one put in its stead. So a lookup may meet a listener that has just left, which is in
 * memory until the read side ends, or one that is about to come, which is complete. A full array is replaced by one of
 * twice the size.
 */
#include "lookup/seats.h"

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

/**
 * xtcp_seats_new() - empty seats
 * @room: how many, at least 1
 * @gfp: how to ask for memory
 *
 * Context: as @gfp says.
 *
 * Return: the seats, for kvfree_rcu(); NULL without memory.
 */
struct xtcp_seats *xtcp_seats_new(u32 room, gfp_t gfp)
{
	struct xtcp_seats *seats;

	if (gfpflags_allow_blocking(gfp))
		seats = kvmalloc(struct_size(seats, sk, room), gfp);
	else
		seats = kmalloc(struct_size(seats, sk, room), gfp | __GFP_NOWARN);
	if (seats) {
		seats->n = 0;
		seats->room = room;
	}
	return seats;
}

/**
 * xtcp_seats_larger() - the same listeners on twice as many seats
 * @old: full; the caller frees it when lookups find the new ones
 * @gfp: how to ask for memory
 *
 * Context: as @gfp says. Lock: the one that guards @old, held.
 *
 * Return: the seats; NULL without memory.
 */
struct xtcp_seats *xtcp_seats_larger(const struct xtcp_seats *old, gfp_t gfp)
{
	struct xtcp_seats *seats = xtcp_seats_new(2 * old->room, gfp);

	if (seats) {
		memcpy(seats->sk, old->sk, old->n * sizeof(*old->sk));
		seats->n = old->n;
	}
	return seats;
}

/**
 * xtcp_seats_add() - one more, on the last seat
 * @seats: have room
 * @sk: complete
 *
 * Context: any. Lock: the one that guards @seats, held.
 */
void xtcp_seats_add(struct xtcp_seats *seats, struct sock *sk)
{
	/* a lookup may know of this seat from one who has left: who finds the sock finds all that it has */
	smp_store_release(&seats->sk[seats->n], sk);
	/* pairs with the smp_load_acquire() of xtcp_seats_choose() */
	smp_store_release(&seats->n, seats->n + 1);
}

/**
 * xtcp_seats_remove() - one less
 * @seats: theirs
 * @index: whose seat
 *
 * Context: any. Lock: the one that guards @seats, held.
 *
 * Return: who sits at @index now; NULL: nobody.
 */
struct sock *xtcp_seats_remove(struct xtcp_seats *seats, u32 index)
{
	struct sock *last = seats->sk[seats->n - 1];

	if (index == seats->n - 1)
		last = NULL;
	else
		/* as in xtcp_seats_add() */
		smp_store_release(&seats->sk[index], last);
	WRITE_ONCE(seats->n, seats->n - 1);
	return last;
}

/**
 * xtcp_seats_choose() - the listener that a hash names
 * @seats: theirs
 * @hash: evenly spread
 *
 * Context: any, RCU read side, which the result is valid for; no reference is taken.
 *
 * Return: the listener, the same one for the same hash until they change; NULL: there is none.
 */
struct sock *xtcp_seats_choose(const struct xtcp_seats *seats, u32 hash)
{
	/* pairs with the smp_store_release() of xtcp_seats_add() */
	const u32 n = smp_load_acquire(&seats->n);

	return n ? READ_ONCE(seats->sk[reciprocal_scale(hash, n)]) : NULL;
}
