// SPDX-License-Identifier: GPL-2.0
/*
 * One place in kernel TCP's bind table for several leases.
 *
 * SO_REUSEPORT lets socks of one user bind the wildcard and an address, or an address with and without a device.
 * Their leases, which never have SO_REUSEPORT, cannot stand beside each other. So the wider one has the place, and the
 * narrower ones stand under its cover, without a place of their own, until they end; the cover lives as long as they
 * do. Where neither is the wider one, a lease without an owner covers both.
 *
 * A cover is made without a gap: first it stands in the table, as a listener without SO_REUSEADDR, which no other bind
 * gets past; then the narrower ones leave; last kernel TCP is asked who else is there.
 */
#include "ports/cover.h"

#include <net/inet_hashtables.h>

#include "base/netns.h"
#include "ports/group.h"
#include "ports/lease.h"
#include "ports/mirror.h"
#include "ports/place.h"

/* The next lease that @cover shall cover, held; or that it does cover, when @covered. */
static struct xtcp_lease *next_narrow(struct xtcp_lease *cover, bool covered)
{
	struct xtcp_net *xn = cover->xn;
	struct xtcp_lease *lease;

	spin_lock_bh(&xn->leases.lock);
	for (lease = xtcp_leases_first(&xn->leases, cover->port); lease; lease = lease->next) {
		if (lease == cover || lease->cover != (covered ? cover : NULL))
			continue;
		if (!covered && !xtcp_group_overlaps(xtcp_lease_sk(lease), xtcp_lease_sk(cover)))
			continue;
		if (refcount_inc_not_zero(&lease->users))
			break;
	}
	spin_unlock_bh(&xn->leases.lock);
	return lease;
}

/**
 * xtcp_cover_add() - a lease goes under a cover
 * @cover: has a place, which stands for both from here on; it becomes as strict as what it covers
 * @narrow: with a place, which it leaves, or without
 *
 * Context: process. Lock: xtcp_place_mutex, held.
 */
void xtcp_cover_add(struct xtcp_lease *cover, struct xtcp_lease *narrow)
{
	lockdep_assert_held(&xtcp_place_mutex);
	if (inet_csk(xtcp_lease_sk(narrow))->icsk_bind_hash)
		inet_put_port(xtcp_lease_sk(narrow));
	refcount_inc(&cover->users);
	spin_lock_bh(&cover->xn->leases.lock);
	narrow->cover = cover;
	cover->covered++;
	cover->socks++;
	cover->listeners += narrow->listeners;
	cover->reuse = cover->reuse && xtcp_lease_sk(narrow)->sk_reuse;
	spin_unlock_bh(&cover->xn->leases.lock);
}

/**
 * xtcp_cover_leave() - a lease is under its cover no more
 * @narrow: has a cover, whose user it still is
 *
 * Context: softirq or process.
 */
void xtcp_cover_leave(struct xtcp_lease *narrow)
{
	struct xtcp_lease *cover = narrow->cover;

	spin_lock_bh(&cover->xn->leases.lock);
	narrow->cover = NULL;
	cover->covered--;
	cover->listeners -= narrow->listeners;
	xtcp_lease_user_left(cover);
	spin_unlock_bh(&cover->xn->leases.lock);
}

/* To a place of its own again; without memory it stays where it is. */
static int uncover(struct xtcp_lease *cover, struct xtcp_lease *narrow)
{
	int err = xtcp_mirror_force(narrow, cover->port);

	if (err)
		return err;
	xtcp_cover_leave(narrow);
	xtcp_lease_release(cover);
	return 0;
}

/**
 * xtcp_cover_add_all() - all that is narrower goes under a cover
 * @cover: has a place
 *
 * From the first step to the last something that is not less strict than they were stands on their places.
 *
 * Context: process. Lock: xtcp_place_mutex, held.
 */
void xtcp_cover_add_all(struct xtcp_lease *cover)
{
	struct xtcp_lease *narrow;

	lockdep_assert_held(&xtcp_place_mutex);
	xtcp_mirror_tighten(cover);
	while ((narrow = next_narrow(cover, false))) {
		xtcp_cover_add(cover, narrow);
		xtcp_lease_release(narrow);
	}
	xtcp_mirror_relax(cover);
}

/**
 * xtcp_cover_make() - a place for a lease and the narrower ones of its group
 * @lease: new, has met something in kernel TCP's table; freed on error
 * @port: host order
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int xtcp_cover_make(struct xtcp_lease *lease, u16 port)
{
	struct sock *mirror = xtcp_lease_sk(lease);
	struct xtcp_lease *narrow;
	int err;

	err = xtcp_mirror_force(lease, port);
	if (err)
		goto free;
	err = xtcp_lease_enlist(lease, port);
	if (err) {
		inet_put_port(mirror);
		goto free;
	}
	xtcp_cover_add_all(lease);
	err = inet_csk_get_port(mirror, port);
	if (!err)
		return 0;

	while ((narrow = next_narrow(lease, true))) {
		bool stays = uncover(lease, narrow);

		xtcp_lease_release(narrow);
		if (stays)
			break;
	}
	xtcp_lease_put(lease, NULL);
	return err;
free:
	xtcp_lease_free(lease);
	return err;
}
