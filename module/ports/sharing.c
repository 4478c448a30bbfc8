// SPDX-License-Identifier: GPL-2.0
/*
 * Who may stand beside whom on a port: kernel TCP's table asked, and the rules among our own.
 *
 * The rules are kernel TCP's: two that overlap both need SO_REUSEADDR, and the one that is there does not listen; or
 * both SO_REUSEPORT, and the same user; but who comes with a program (SO_ATTACH_REUSEPORT_*) has a group by now, and
 * joins none. Between a lease and a sock of its own kernel TCP applies them, when the lease
 * asks for its place. Two leases it lets stand beside each other (lease.c), so these are looked at here, afterwards:
 * where the table has them, by address. It is walked under its own locks, in kernel TCP's order.
 *
 * Kernel TCP asks for the options of the moment, but passes by those on a port where all had the same when they bound.
 * Here either is enough, for each lease: what the options were at bind() or listen(), or what they are.
 */
#include "ports/sharing.h"

#include <net/inet_hashtables.h>
#include <net/ipv6.h>
#include <net/tcp_states.h>

#include "base/netns.h"
#include "compat.h"
#include "lookup/group.h"
#include "ports/lease.h"
#include "ports/portlist.h"
#include "ports/taker.h"

#define GROUP_TRIES	16	/* how many are looked at for one of the group: the newest */

/* What stands in the table may be no more than what all socks have in common; true ends the walk. */
typedef bool look_fn(struct sock *other, void *arg);

/**
 * struct asked - who asks for a place
 * @lease: what gets it
 * @sk: who wants it
 * @tries: how many more may be looked at
 */
struct asked {
	struct xtcp_lease *lease;
	const struct sock *sk;
	int tries;
};

/* The local addresses that segments for a sock may have; 0 and :: are any. */
struct reach {
	bool v4;
	bool v6;
	__be32 v4_addr;
	struct in6_addr v6_addr;
};

static struct reach reach_of(const struct sock *sk)
{
	struct reach reach = { .v4 = true, .v4_addr = sk->sk_rcv_saddr };

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		reach.v6 = true;
		reach.v6_addr = sk->sk_v6_rcv_saddr;
		reach.v4 = ipv6_addr_any(&reach.v6_addr) && !ipv6_only_sock(sk);
		reach.v4_addr = htonl(INADDR_ANY);
	}
#endif
	return reach;
}

/* kernel TCP's table keeps the ports of a VRF apart */
static bool same_l3mdev(const struct sock *a, const struct sock *b)
{
	return a->sk_bound_dev_if == b->sk_bound_dev_if || inet_sk_bound_l3mdev(a) == inet_sk_bound_l3mdev(b);
}

/* Can a segment be for both? */
static bool overlaps(const struct sock *a, const struct sock *b)
{
	const struct reach ra = reach_of(a), rb = reach_of(b);

	if (a->sk_bound_dev_if && b->sk_bound_dev_if && a->sk_bound_dev_if != b->sk_bound_dev_if)
		return false;
	if (!same_l3mdev(a, b))
		return false;
	if (ra.v4 && rb.v4 && (!ra.v4_addr || !rb.v4_addr || ra.v4_addr == rb.v4_addr))
		return true;
	return ra.v6 && rb.v6 && (ipv6_addr_any(&ra.v6_addr) || ipv6_addr_any(&rb.v6_addr) ||
				  ipv6_addr_equal(&ra.v6_addr, &rb.v6_addr));
}

/* By the options of now, which only a sock that is still there has; children and records have those of their time. */
static bool owner_admits(const struct xtcp_lease *lease, const struct sock *sk, bool listens)
{
	const struct sock *owner = lease->shared ? NULL : lease->owner;

	if (!owner || refcount_read(&lease->users) != 1)
		return false;
	if (sk->sk_reuse && owner->sk_reuse && !listens)
		return true;
	return xtcp_group_may_share(sk) && owner->sk_reuseport && uid_eq(sk->sk_uid, owner->sk_uid);
}

/* May @sk be where @lease is, which is another's? */
static bool lease_admits(struct xtcp_lease *lease, const struct sock *sk)
{
	const bool listens = xtcp_lease_sk(lease)->sk_state == TCP_LISTEN;

	/* it is on its way out */
	if (!refcount_read(&lease->users))
		return true;
	if (sk->sk_reuse && lease->reuse && !listens)
		return true;
	/* the user does not count when only records are left */
	if (xtcp_group_may_share(sk) && lease->reuseport &&
	    (!atomic_read(&lease->socks) || uid_eq(lease->uid, sk->sk_uid)))
		return true;
	if (!owner_admits(lease, sk, listens))
		return false;
	/* who is beside it from here on need not admit those whom it would vouch for */
	lease->lax = true;
	return true;
}

/*
 * If @lease is there, may @sk be on the same place, whoever else is? A group's members are alike: what lets one of them
 * be there lets each. Not so with SO_REUSEADDR until it listens: somebody else may listen there meanwhile. Nor when
 * only records have it, or its owner has let in whom its options of then would not: others may stand beside it.
 */
static bool lease_vouches(struct xtcp_lease *lease, const struct sock *sk)
{
	return atomic_read(&lease->socks) && !lease->lax && xtcp_group_may_share(sk) && lease->reuseport &&
	       uid_eq(lease->uid, sk->sk_uid) &&
	       (!lease->reuse || (sk->sk_reuse && xtcp_lease_sk(lease)->sk_state == TCP_LISTEN));
}

/* One of our own group, on the same place; or no more tries, and @tries is below 0. */
static bool is_of_group(struct sock *other, void *arg)
{
	struct asked *asked = arg;
	struct sock *mine = xtcp_lease_sk(asked->lease);

	if (--asked->tries < 0)
		return true;
	return other != mine && other->sk_prot == mine->sk_prot && xtcp_group_same_place(other, mine) &&
	       lease_vouches(container_of(other, struct xtcp_lease, inet.sk), asked->sk);
}

/*
 * What kernel TCP lets any lease pass: those of ours, and its own TIME-WAIT with SO_REUSEPORT, which it lets pass
 * whoever has that, too.
 */
static bool is_in_the_way(struct sock *other, void *arg)
{
	const struct asked *asked = arg;
	struct sock *mine = xtcp_lease_sk(asked->lease);

	if (other == mine || !other->sk_reuseport || !overlaps(other, mine))
		return false;
	if (other->sk_state == TCP_TIME_WAIT)
		return !xtcp_group_may_share(asked->sk) && !(other->sk_reuse && mine->sk_reuse);
	return other->sk_prot == mine->sk_prot &&
	       !lease_admits(container_of(other, struct xtcp_lease, inet.sk), asked->sk);
}

/* By port and address: those on the chain that have the port, and perhaps more than the one address. */
static bool on_chain(struct inet_bind_hashbucket *chain, const struct sock *sk, u16 port,
		     look_fn *look, void *arg)
{
	struct inet_bind2_bucket *tb2;
	bool found = false;

	spin_lock(&chain->lock);
	inet_bind_bucket_for_each(tb2, &chain->chain) {
		found = tb2->port == port && net_eq(ib2_net(tb2), sock_net(sk)) &&
			xtcp_compat_bind2_bucket_has(tb2, look, arg);
		if (found)
			break;
	}
	spin_unlock(&chain->lock);
	return found;
}

/*
 * Does one of the group stand there that lets no sock of kernel TCP be there, whatever its options, and nobody of ours
 * but the group? Then nobody need be asked, which would take longer for each member. Not to find it costs time only.
 */
static bool group_is_there(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct asked asked = { .lease = lease, .sk = sk, .tries = GROUP_TRIES };
	struct sock *mine = xtcp_lease_sk(lease);
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(mine, port);
	bool found;

	if (!xtcp_group_may_share(sk))
		return false;
	spin_lock_bh(&head->lock);
	found = on_chain(inet_bhashfn_portaddr(xtcp_sharing_table(mine), mine, sock_net(mine), port), mine, port,
			 is_of_group, &asked);
	spin_unlock_bh(&head->lock);
	return found && asked.tries >= 0;
}

/* One that has its place. Where all have SO_REUSEADDR, and none listened, kernel TCP takes no walk either. */
static bool meets_somebody(struct xtcp_lease *lease, const struct sock *sk)
{
	struct asked asked = { .lease = lease, .sk = sk };
	struct sock *mine = xtcp_lease_sk(lease);
	const u16 port = lease->inet.inet_num;
	struct inet_bind_bucket *tb = inet_csk(mine)->icsk_bind_hash;
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(mine, port);
	struct inet_bind_hashbucket *wild = xtcp_sharing_wildcard_chain(mine, port), *same;
	bool found;

	same = inet_bhashfn_portaddr(xtcp_sharing_table(mine), mine, sock_net(mine), port);
	spin_lock_bh(&head->lock);
	if (tb->fastreuse > 0)
		found = false;
	else if (same == wild)
		found = xtcp_compat_bind_bucket_has(tb, is_in_the_way, &asked);
	else
		found = on_chain(same, mine, port, is_in_the_way, &asked) ||
			on_chain(wild, mine, port, is_in_the_way, &asked);
	spin_unlock_bh(&head->lock);
	return found;
}

/**
 * xtcp_sharing_bind() - a place in kernel TCP's table, if nobody is in the way
 * @lease: has none
 * @sk: who wants it
 * @port: host order, not 0
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int xtcp_sharing_bind(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct sock *mine = xtcp_lease_sk(lease);
	int err;

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, port));
	if (group_is_there(lease, sk, port)) {
		mine->sk_reuse = SK_FORCE_REUSE;
		err = inet_csk_get_port(mine, port);
		mine->sk_reuse = lease->reuse;
		return err;
	}
	err = inet_csk_get_port(mine, port);
	if (!err && meets_somebody(lease, sk)) {
		xtcp_sharing_leave(lease);
		err = -EADDRINUSE;
	}
	return err;
}

/**
 * xtcp_sharing_has_moved() - has the device that a lease is bound to another VRF by now?
 * @mine: the lease's sock, in kernel TCP's table
 *
 * Then it stands in a bucket where kernel TCP would not look for it any more, and must not ask again.
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: true when it has.
 */
bool xtcp_sharing_has_moved(struct sock *mine)
{
	lockdep_assert_held(xtcp_portlist_lock(xtcp_net(sock_net(mine)), inet_sk(mine)->inet_num));
	return inet_csk(mine)->icsk_bind_hash->l3mdev != inet_sk_bound_l3mdev(mine);
}

/**
 * xtcp_sharing_listen() - the place becomes that of a listener, if nobody is in the way
 * @lease: has a place
 * @sk: its owner
 *
 * Context: softirq or process. Lock: of the port, held.
 *
 * Return: 0, or -EADDRINUSE and all is as it was.
 */
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mine = xtcp_lease_sk(lease);
	const u8 old_reuse = mine->sk_reuse;

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (xtcp_sharing_has_moved(mine))
		return -EADDRINUSE;
	/* children may need it as strict as it is */
	mine->sk_reuse = sk->sk_reuse && (atomic_read(&lease->socks) == 1 || old_reuse);
	WRITE_ONCE(mine->sk_state, TCP_LISTEN);
	if (group_is_there(lease, sk, lease->inet.inet_num) ||
	    (!inet_csk_get_port(mine, lease->inet.inet_num) && !meets_somebody(lease, sk)))
		return 0;
	mine->sk_reuse = old_reuse;
	WRITE_ONCE(mine->sk_state, TCP_ESTABLISHED);
	return -EADDRINUSE;
}

/**
 * xtcp_sharing_leave() - the place of a lease is free
 * @lease: has it
 *
 * Context: softirq or process. Lock: of the port, held.
 */
void xtcp_sharing_leave(struct xtcp_lease *lease)
{
	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (lease->shared)
		xtcp_taker_leave(lease);
	else
		xtcp_compat_put_port(xtcp_lease_sk(lease));
}
