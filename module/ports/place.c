// SPDX-License-Identifier: GPL-2.0
/*
 * A place in kernel TCP's bind table, and which leases may have it together.
 *
 * Mostly each lease has a place of its own, and kernel TCP's rules decide between two of ours as they decide between
 * one of ours and one of kernel TCP's. Where those of a group cannot stand beside each other, one covers the others
 * (cover.c). What is under a cover is not told apart by kernel TCP, so the rules among these are applied here.
 */
#include "ports/place.h"

#include <net/inet_hashtables.h>

#include "base/netns.h"
#include "ports/cover.h"
#include "ports/group.h"
#include "ports/lease.h"
#include "ports/mirror.h"

DEFINE_MUTEX(xtcp_place_mutex);	/* see place.h */

/* The lease that has the place in kernel TCP's table. */
static struct xtcp_lease *place_of(struct xtcp_lease *lease)
{
	while (lease->cover)
		lease = lease->cover;
	return lease;
}

/* By what was asked for at bind() and listen(): the quick look that kernel TCP has, too. */
static bool options_admit(const struct xtcp_lease *lease, const struct sock *sk)
{
	if (sk->sk_reuse && lease->reuse && !lease->listeners)
		return true;
	/* the user does not count when only records are left */
	return sk->sk_reuseport && lease->reuseport && (!lease->socks || uid_eq(lease->uid, sk->sk_uid));
}

/* By what the options of each sock are now. */
static bool owners_admit(const struct xtcp_lease *lease, const struct sock *sk)
{
	const struct sock *owner;

	sk_for_each_bound(owner, &lease->owners)
		if (owner != sk && !xtcp_group_admits(owner, sk, lease->listeners))
			return false;
	return true;
}

/* May @sk bind where @lease is? */
static bool lease_admits(const struct xtcp_lease *lease, const struct sock *sk)
{
	lockdep_assert_held(&lease->xn->leases.lock);
	if (lease->shared)
		return false;
	if (options_admit(lease, sk))
		return true;
	/* children and records have the options of the time when they were made, which only options_admit() knows */
	return refcount_read(&lease->users) - lease->covered == lease->bound && owners_admit(lease, sk);
}

/**
 * xtcp_place_admits() - may a sock have the address of a lease, too?
 * @lease: on the list, not shared
 * @sk: who wants to bind or to listen
 * @listens: it has bound before; its own children do not keep it from listening
 *
 * Context: any. Lock: of the namespace's leases, held.
 *
 * Return: true when all of ours on the same place that overlap @lease let it.
 */
bool xtcp_place_admits(struct xtcp_lease *lease, const struct sock *sk, bool listens)
{
	struct xtcp_net *xn = lease->xn;
	struct xtcp_lease *other;

	lockdep_assert_held(&xn->leases.lock);
	for (other = xtcp_leases_first(&xn->leases, lease->port); other; other = other->next) {
		if (place_of(other) != place_of(lease) ||
		    !xtcp_group_overlaps(xtcp_lease_sk(other), xtcp_lease_sk(lease)))
			continue;
		if (other == lease && listens && owners_admit(other, sk))
			continue;
		if (!lease_admits(other, sk))
			return false;
	}
	return true;
}

/**
 * xtcp_place_leave() - a lease ends
 * @lease: the last user and the list have let go of it
 *
 * Context: softirq or process.
 *
 * Return: its cover, whose user it was; NULL: it had a place of its own.
 */
struct xtcp_lease *xtcp_place_leave(struct xtcp_lease *lease)
{
	struct xtcp_lease *cover = lease->cover;

	if (cover)
		xtcp_cover_leave(lease);
	else
		inet_put_port(xtcp_lease_sk(lease));
	return cover;
}

/* What of its group stands in the way of a lease. */
enum in_the_way {
	OTHERS,		/* somebody else, too */
	WIDER,		/* one that covers it */
	NARROWER,	/* all of them would be covered by it */
	ACROSS,		/* neither: an address, and the wildcard on a device */
};

/* *@wide: what is WIDER, held. */
static enum in_the_way find_group(struct xtcp_lease *lease, const struct sock *sk, u16 port, struct xtcp_lease **wide)
{
	struct xtcp_net *xn = lease->xn;
	struct sock *mirror = xtcp_lease_sk(lease);
	enum in_the_way found = OTHERS;
	struct xtcp_lease *other;

	if (!sk->sk_reuseport)
		return OTHERS;
	spin_lock_bh(&xn->leases.lock);
	for (other = xtcp_leases_first(&xn->leases, port); other; other = other->next) {
		if (other == lease || !xtcp_group_overlaps(xtcp_lease_sk(other), mirror))
			continue;
		/* on its way out */
		if (!refcount_read(&other->users))
			continue;
		if (!lease_admits(other, sk)) {
			found = OTHERS;
			break;
		}
		if (other->cover || found == WIDER)
			continue;
		if (xtcp_group_covers(xtcp_lease_sk(other), mirror)) {
			found = WIDER;
			*wide = other;
		} else if (!xtcp_group_covers(mirror, xtcp_lease_sk(other))) {
			found = ACROSS;
		} else if (found == OTHERS) {
			found = NARROWER;
		}
	}
	if (found == WIDER && !refcount_inc_not_zero(&(*wide)->users))
		found = OTHERS;
	spin_unlock_bh(&xn->leases.lock);
	return found;
}

/* A new lease that nobody owns, with a place for @lease and all of its group that are ACROSS. */
static struct xtcp_lease *lease_cover_across(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct xtcp_net *xn = lease->xn;
	struct xtcp_lease *wide = xtcp_lease_new(xn), *other;
	int err;

	if (!wide)
		return ERR_PTR(-ENOBUFS);
	xtcp_lease_mirror(wide, sk);
	spin_lock_bh(&xn->leases.lock);
	for (other = xtcp_leases_first(&xn->leases, port); other; other = other->next)
		if (other != lease && xtcp_group_overlaps(xtcp_lease_sk(other), xtcp_lease_sk(lease)))
			xtcp_group_widen(xtcp_lease_sk(wide), xtcp_lease_sk(other));
	spin_unlock_bh(&xn->leases.lock);
	if (find_group(wide, sk, port, &other) != NARROWER) {
		/* it meets more than they do; nothing can be WIDER */
		xtcp_lease_free(wide);
		return ERR_PTR(-EADDRINUSE);
	}
	err = xtcp_cover_make(wide, port);
	return err ? ERR_PTR(err) : wide;
}

/* A new lease that met something: under the cover of a wider one of its group. Frees @lease on error. */
static int lease_join_cover(struct xtcp_lease *lease, const struct sock *sk, struct xtcp_lease *wide)
{
	int err = xtcp_mirror_ask(wide, sk);

	if (!err)
		err = xtcp_lease_enlist(lease, wide->port);
	if (err)
		xtcp_lease_free(lease);
	else
		xtcp_cover_add(wide, lease);
	return err;
}

/* A new lease that met something. Frees @lease on error. */
static int lease_join_group(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct xtcp_lease *wide;
	int err = -EADDRINUSE;

	switch (find_group(lease, sk, port, &wide)) {
	case NARROWER:
		return xtcp_cover_make(lease, port);
	case WIDER:
		err = lease_join_cover(lease, sk, wide);
		xtcp_lease_release(wide);
		return err;
	case ACROSS:
		wide = lease_cover_across(lease, sk, port);
		err = PTR_ERR_OR_ZERO(wide);
		if (err)
			break;
		err = lease_join_cover(lease, sk, wide);
		xtcp_lease_put(wide, NULL);
		return err;
	case OTHERS:
		break;
	}
	xtcp_lease_free(lease);
	return err;
}

/**
 * xtcp_place_take() - take a place in kernel TCP's table, and stand on the list
 * @lease: new; freed on error
 * @sk: who binds; NULL for a shared lease
 * @port: host order; 0: kernel TCP chooses
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held, unless @lease is shared.
 *
 * Return: 0, -EADDRINUSE, -ENOMEM or -ENOBUFS.
 */
int xtcp_place_take(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct sock *mirror = xtcp_lease_sk(lease);
	int err;

	if (sk)
		lockdep_assert_held(&xtcp_place_mutex);
	err = inet_csk_get_port(mirror, port);
	if (err && sk)
		return lease_join_group(lease, sk, port);
	if (!err) {
		err = xtcp_lease_enlist(lease, inet_sk(mirror)->inet_num);
		if (!err)
			return 0;
		inet_put_port(mirror);
	}
	xtcp_lease_free(lease);
	return err;
}

/**
 * xtcp_place_share() - one more sock on a lease
 * @lease: admits it
 * @sk: the sock
 *
 * Kernel TCP may have begun to listen there.
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0 or -EADDRINUSE.
 */
int xtcp_place_share(struct xtcp_lease *lease, const struct sock *sk)
{
	lockdep_assert_held(&xtcp_place_mutex);
	return xtcp_mirror_ask(place_of(lease), sk);
}

/*
 * Binds of a group that overlap may each have a place of their own, because of SO_REUSEADDR; not when they listen. Then
 * one goes under the cover of the other.
 */
static int merge_group(struct xtcp_lease *lease, const struct sock *sk)
{
	struct xtcp_lease *wide;

	switch (find_group(lease, sk, lease->port, &wide)) {
	case NARROWER:
		xtcp_cover_add_all(lease);
		return 0;
	case WIDER:
		xtcp_cover_add(wide, lease);
		xtcp_lease_release(wide);
		return 0;
	case ACROSS:
		wide = lease_cover_across(lease, sk, lease->port);
		if (IS_ERR(wide))
			return PTR_ERR(wide);
		xtcp_lease_put(wide, NULL);
		return 0;
	case OTHERS:
		break;
	}
	return -EADDRINUSE;
}

/**
 * xtcp_place_listen() - the place of a lease becomes that of a listener
 * @lease: the lease
 * @sk: one of its owners
 *
 * What has the place, @lease or its cover, counts the listener already when it returns.
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0 or -EADDRINUSE.
 */
int xtcp_place_listen(struct xtcp_lease *lease, const struct sock *sk)
{
	struct xtcp_lease *place;
	bool admits, alone;
	u8 reuse;
	int err;

	lockdep_assert_held(&xtcp_place_mutex);
	spin_lock_bh(&lease->xn->leases.lock);
	admits = xtcp_place_admits(lease, sk, true);
	place = place_of(lease);
	/* whoever else has the place may need it as strict as it is: a connection, above all */
	alone = place == lease && !place->covered && !place->listeners && place->socks == 1;
	reuse = sk->sk_reuse && (alone || xtcp_lease_sk(place)->sk_reuse);
	spin_unlock_bh(&lease->xn->leases.lock);
	if (!admits)
		return -EADDRINUSE;
	err = xtcp_mirror_listen(place, reuse);
	if (!err || place != lease || merge_group(lease, sk))
		return err;
	place = place_of(lease);
	return xtcp_mirror_listen(place, reuse && xtcp_lease_sk(place)->sk_reuse);
}

/**
 * xtcp_place_make_exclusive() - no sock of kernel TCP may be on the port while ours is connected
 * @lease: the lease of a sock that calls connect()
 *
 * Two binds with SO_REUSEADDR may stand beside each other, one of each stack; if both connected, both could have the
 * same 4-tuple. So ours drops SO_REUSEADDR and asks again. It comes back when the last full sock has gone.
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0, or -EADDRINUSE when a sock of kernel TCP is there.
 */
int xtcp_place_make_exclusive(struct xtcp_lease *lease)
{
	lockdep_assert_held(&xtcp_place_mutex);
	return xtcp_mirror_ask_exclusively(place_of(lease));
}
