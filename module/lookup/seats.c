// SPDX-License-Identifier: GPL-2.0
/*
 * An array of listeners, from which a hash chooses one in constant time.
 *
 * Lookups read the array under RCU while it changes in place. A new listener is written behind the
 * other listeners before the count includes it. When a listener leaves, the last listener moves to
 * the free index. A lookup may find a listener that has just left; this listener stays in memory
 * until the read side ends. A lookup may also find a listener that is about to join; this listener
 * is complete already. When the array is full, an array of twice the size replaces it.
 */
#include "lookup/seats.h"

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

/**
 * xtcp_seats_new() - allocate an empty array
 * @room: how many listeners it can hold, at least 1
 * @gfp: flags of the allocation
 *
 * Context: as @gfp allows.
 *
 * Return: the array, for kvfree_rcu(); NULL without memory.
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
 * xtcp_seats_larger() - copy the listeners to an array of twice the size
 * @old: the full array; the caller frees it once lookups find the new array
 * @gfp: flags of the allocation
 *
 * Context: as @gfp allows. Lock: the lock that guards @old, held.
 *
 * Return: the larger array; NULL without memory.
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
 * xtcp_seats_add() - append a listener
 * @seats: the array, which is not full
 * @sk: the listener, complete for lookups
 *
 * Context: any. Lock: the one that guards @seats, held.
 */
void xtcp_seats_add(struct xtcp_seats *seats, struct sock *sk)
{
	/*
	 * if another listener has just left, a lookup may still use the larger count from before.
	 * Such a lookup may read this element before the count below is stored. This store is a
	 * release, so even such a lookup finds the sock complete
	 */
	smp_store_release(&seats->sk[seats->n], sk);
	/* this smp_store_release() pairs with smp_load_acquire() in xtcp_seats_choose() */
	smp_store_release(&seats->n, seats->n + 1);
}

/**
 * xtcp_seats_remove() - remove a listener
 * @seats: the array
 * @index: the listener's index in the array
 *
 * Context: any. Lock: the one that guards @seats, held.
 *
 * Return: the listener that has moved to @index; NULL if no listener has moved.
 */
struct sock *xtcp_seats_remove(struct xtcp_seats *seats, u32 index)
{
	struct sock *last = seats->sk[seats->n - 1];

	if (index == seats->n - 1)
		last = NULL;
	else
		/* a release: a lookup that reads this element must find the sock complete */
		smp_store_release(&seats->sk[index], last);
	WRITE_ONCE(seats->n, seats->n - 1);
	return last;
}

/**
 * xtcp_seats_choose() - choose a listener by a hash
 * @seats: the array
 * @hash: the hash, evenly spread over all values
 *
 * Context: any, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the listener, the same one for the same hash until the array changes; NULL if the array
 * is empty.
 */
struct sock *xtcp_seats_choose(const struct xtcp_seats *seats, u32 hash)
{
	/* smp_load_acquire() pairs with the second smp_store_release() of xtcp_seats_add() */
	const u32 n = smp_load_acquire(&seats->n);

	return n ? READ_ONCE(seats->sk[reciprocal_scale(hash, n)]) : NULL;
}
