// SPDX-License-Identifier: GPL-2.0
/*
 * The small sock that stands in kernel TCP's bind table for a lease: what other binds see of it there, and kernel TCP
 * asked by inet_csk_get_port(). Asked again for a sock that stands there already, it only says whether the sock could
 * stand there as it is now.
 */
#include "ports/mirror.h"

#include <net/inet_hashtables.h>
#include <net/tcp_states.h>

#include "base/netns.h"
#include "ports/place.h"

/* sk_reuse and sk_state are read by other binds under the bucket's lock, which is not ours to take. */
static void set_reuse(struct xtcp_lease *lease, u8 reuse)
{
	spin_lock_bh(&lease->xn->leases.lock);
	xtcp_lease_sk(lease)->sk_reuse = reuse;
	spin_unlock_bh(&lease->xn->leases.lock);
}

/* After a refusal: as it was, unless the last sock has gone meanwhile. */
static void restore_reuse(struct xtcp_lease *lease, u8 reuse)
{
	spin_lock_bh(&lease->xn->leases.lock);
	xtcp_lease_sk(lease)->sk_reuse = lease->socks ? reuse : lease->reuse;
	spin_unlock_bh(&lease->xn->leases.lock);
}

static void restore_state(struct xtcp_lease *lease)
{
	lockdep_assert_held(&lease->xn->leases.lock);
	WRITE_ONCE(xtcp_lease_sk(lease)->sk_state, lease->listeners ? TCP_LISTEN : TCP_ESTABLISHED);
}

/* Counts as one listener more from here on, so that no other one that ends makes it less; also when it is refused. */
static int ask_as_listener(struct xtcp_lease *lease, u16 port, u8 reuse)
{
	struct sock *mirror = xtcp_lease_sk(lease);

	spin_lock_bh(&lease->xn->leases.lock);
	lease->listeners++;
	WRITE_ONCE(mirror->sk_state, TCP_LISTEN);
	mirror->sk_reuse = reuse;
	spin_unlock_bh(&lease->xn->leases.lock);
	return inet_csk_get_port(mirror, port);
}

/* Undoes that. */
static void no_listener(struct xtcp_lease *lease, u8 old_reuse)
{
	restore_reuse(lease, old_reuse);
	spin_lock_bh(&lease->xn->leases.lock);
	lease->listeners--;
	restore_state(lease);
	spin_unlock_bh(&lease->xn->leases.lock);
}

/**
 * xtcp_mirror_ask() - kernel TCP's table once more, for one more sock on a place that is taken already
 * @place: has the place
 * @sk: who wants to be there, too
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0, or -EADDRINUSE and all is as it was.
 */
int xtcp_mirror_ask(struct xtcp_lease *place, const struct sock *sk)
{
	struct sock *mirror = xtcp_lease_sk(place);
	u8 old_reuse = mirror->sk_reuse;
	int err;

	lockdep_assert_held(&xtcp_place_mutex);
	if (!sk->sk_reuse)
		set_reuse(place, SK_NO_REUSE);
	err = inet_csk_get_port(mirror, place->port);
	if (err)
		restore_reuse(place, old_reuse);
	else if (!sk->sk_reuse)
		place->reuse = SK_NO_REUSE;
	return err;
}

/**
 * xtcp_mirror_ask_exclusively() - is no sock of kernel TCP there?
 * @place: has the place; without SO_REUSEADDR afterwards, until the last full sock has gone
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0, or -EADDRINUSE and all is as it was.
 */
int xtcp_mirror_ask_exclusively(struct xtcp_lease *place)
{
	struct sock *mirror = xtcp_lease_sk(place);
	u8 old_reuse = mirror->sk_reuse;
	int err;

	lockdep_assert_held(&xtcp_place_mutex);
	if (!old_reuse)
		return 0;
	set_reuse(place, SK_NO_REUSE);
	err = inet_csk_get_port(mirror, place->port);
	if (err)
		restore_reuse(place, old_reuse);
	return err;
}

/**
 * xtcp_mirror_listen() - the place becomes that of a listener, if nobody in kernel TCP's table is in its way
 * @place: has the place
 * @reuse: its SO_REUSEADDR from here on
 *
 * It counts one listener more from here on, so that no other one that ends makes it less.
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0, or -EADDRINUSE and all is as it was.
 */
int xtcp_mirror_listen(struct xtcp_lease *place, u8 reuse)
{
	u8 old_reuse = xtcp_lease_sk(place)->sk_reuse;
	int err;

	lockdep_assert_held(&xtcp_place_mutex);
	err = ask_as_listener(place, place->port, reuse);
	if (err)
		no_listener(place, old_reuse);
	return err;
}

/**
 * xtcp_mirror_force() - into the table without being asked whom one meets there
 * @lease: has no place
 * @port: host order
 *
 * Another bind meets the lease as an exclusive one. It counts as a listener meanwhile, so that no real one that ends
 * makes it less.
 *
 * Context: process, may sleep. Lock: xtcp_place_mutex, held.
 *
 * Return: 0, or an error without memory.
 */
int xtcp_mirror_force(struct xtcp_lease *lease, u16 port)
{
	u8 old_reuse = xtcp_lease_sk(lease)->sk_reuse;
	int err;

	lockdep_assert_held(&xtcp_place_mutex);
	err = ask_as_listener(lease, port, SK_FORCE_REUSE);
	no_listener(lease, old_reuse);
	return err;
}

/**
 * xtcp_mirror_tighten() - no other bind gets past this lease
 * @lease: has a place
 *
 * It looks like a listener without SO_REUSEADDR, until xtcp_mirror_relax().
 *
 * Context: process. Lock: xtcp_place_mutex, held.
 */
void xtcp_mirror_tighten(struct xtcp_lease *lease)
{
	lockdep_assert_held(&xtcp_place_mutex);
	set_reuse(lease, SK_NO_REUSE);
	WRITE_ONCE(xtcp_lease_sk(lease)->sk_state, TCP_LISTEN);
}

/**
 * xtcp_mirror_relax() - it looks like what it is again
 * @lease: after xtcp_mirror_tighten()
 *
 * Context: process. Lock: xtcp_place_mutex, held.
 */
void xtcp_mirror_relax(struct xtcp_lease *lease)
{
	lockdep_assert_held(&xtcp_place_mutex);
	spin_lock_bh(&lease->xn->leases.lock);
	xtcp_lease_sk(lease)->sk_reuse = lease->reuse;
	restore_state(lease);
	spin_unlock_bh(&lease->xn->leases.lock);
}
