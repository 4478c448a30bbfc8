// SPDX-License-Identifier: GPL-2.0
/*
 * Which socks may share a port with the lease of a bind().
 *
 * The rules for sharing are kernel TCP's. Two socks whose addresses overlap may share a port if
 * both have SO_REUSEADDR and the older one does not listen, or if both have SO_REUSEPORT and the
 * same user. But a sock to which a BPF program was attached before its bind()
 * (SO_ATTACH_REUSEPORT_*) joins no other group. Kernel TCP compares the lease of a bind() with its
 * own socks, but not with other leases. So afterwards this file walks kernel TCP's table by
 * address, with the table's locks in kernel TCP's order, and compares the leases.
 *
 * A program may change its device, SO_REUSEADDR and SO_REUSEPORT after bind(). A lease follows the
 * device of its owner, unless that is connected (xtcp_lease_follow()), and stores the options that
 * it had at bind() or listen(). A sock may share the port if the stored options allow it, or the
 * owner's present ones, as in kernel TCP, unless all socks on the port had the same at bind().
 */
#include "ports/ports.h"

#include <net/l3mdev.h>

#include "lookup/lookup.h"

#define GROUP_TRIES	16	/* group_is_there() examines at most this many socks */

/* Looks at a sock during a walk, perhaps only a struct sock_common. True ends the walk. */
typedef bool look_fn(struct sock *other, void *arg);

/* The argument of a walk over kernel TCP's bind table. */
struct bind_query {
	struct xtcp_lease *lease;
	const struct sock *sk;	/* the sock that binds the port */
	int tries;		/* how many socks may still be examined */
};

/* The local addresses at which a sock receives; 0 and :: mean any. */
struct reach {
	bool v4;
	bool v6;
	__be32 v4_addr;
	struct in6_addr v6_addr;
};

static struct reach reach_of(const struct sock *sk)
{
	struct reach reach = { .v4 = true, .v4_addr = sk->sk_rcv_saddr };

	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr)) {
		reach.v6 = true;
		reach.v6_addr = sk->sk_v6_rcv_saddr;
		reach.v4 = ipv6_addr_any(&reach.v6_addr) && !ipv6_only_sock(sk);
		reach.v4_addr = htonl(INADDR_ANY);
	}
	return reach;
}

/* A VRF has its own ports, and so its own buckets; a bound sock stays in its bucket. */
static const struct inet_bind_bucket *bucket_with(const struct sock *sk)
{
	return sk->sk_state == TCP_TIME_WAIT ? inet_twsk(sk)->tw_tb : inet_csk(sk)->icsk_bind_hash;
}

/* Could one segment match both socks, which are in kernel TCP's table? */
static bool overlaps(const struct sock *a, const struct sock *b)
{
	const struct reach ra = reach_of(a), rb = reach_of(b);

	if (a->sk_bound_dev_if && b->sk_bound_dev_if && a->sk_bound_dev_if != b->sk_bound_dev_if)
		return false;
	if (bucket_with(a) != bucket_with(b))
		return false;
	if (ra.v4 && rb.v4 && (!ra.v4_addr || !rb.v4_addr || ra.v4_addr == rb.v4_addr))
		return true;
	return ra.v6 && rb.v6 && (ipv6_addr_any(&ra.v6_addr) || ipv6_addr_any(&rb.v6_addr) ||
				  ipv6_addr_equal(&ra.v6_addr, &rb.v6_addr));
}

/* The owner of the lease of a bind() if it is the only user: its present options count. NULL: the stored ones do. */
static const struct sock *owner_alone(const struct xtcp_lease *lease)
{
	return !lease->shared && refcount_read(&lease->users) == 1 ? lease->owner : NULL;
}

static bool owner_admits(const struct xtcp_lease *lease, const struct sock *sk, bool listens)
{
	const struct sock *owner = owner_alone(lease);

	if (!owner)
		return false;
	/* data_race(): without the owner's socket lock, we see its options before or after a change */
	if (!listens && data_race(sk->sk_reuse && owner->sk_reuse))
		return true;
	if (!xtcp_group_may_share(sk))
		return false;
	/* data_race(): as above */
	return data_race(owner->sk_reuseport && uid_eq(sk->sk_uid, owner->sk_uid));
}

/* Their addresses overlap. @begins: @sk calls listen(); an owner without SO_REUSEADDR refuses it, as in Linux. */
static bool lease_admits(struct xtcp_lease *lease, const struct sock *sk, bool begins)
{
	const bool listens = xtcp_lease_sk(lease)->sk_state == TCP_LISTEN;
	const struct sock *owner = owner_alone(lease);

	/* a lease without users is about to be freed, so it does not conflict */
	if (!refcount_read(&lease->users))
		return true;
	/* data_race(): see owner_admits() */
	if (sk->sk_reuse && lease->reuse && !listens && !(begins && owner && data_race(!owner->sk_reuse)))
		return true;
	/* if only TIME-WAIT records refer to the lease, @sk may belong to any user */
	if (xtcp_group_may_share(sk) && lease->reuseport &&
	    (!atomic_read(&lease->socks) || uid_eq(lease->uid, sk->sk_uid)))
		return true;
	if (!owner_admits(lease, sk, listens))
		return false;
	/* @sk may have other options, so @lease speaks no longer for all on the port (lease_vouches()) */
	lease->admits_others = true;
	return true;
}

/*
 * Does @lease alone prove that @sk may bind to the same address, port and device? Usually so if @sk
 * belongs to its SO_REUSEPORT group: all socks that overlap with @lease have admitted it, and so
 * admit @sk. Not if the port may have an outsider that might refuse @sk:
 *
 *  - Only TIME-WAIT records refer to @lease.
 *  - @admits_others is set (lease_admits()).
 *  - @lease has SO_REUSEADDR, so an outsider with this option may share the port. It refuses @sk if
 *    @sk lacks SO_REUSEADDR, or if it listens; while @lease listens, no outsider can.
 */
static bool lease_vouches(struct xtcp_lease *lease, const struct sock *sk)
{
	return atomic_read(&lease->socks) && !lease->admits_others && xtcp_group_may_share(sk) && lease->reuseport &&
	       uid_eq(lease->uid, sk->sk_uid) &&
	       (!lease->reuse || (sk->sk_reuse && xtcp_lease_sk(lease)->sk_state == TCP_LISTEN));
}

/*
 * Is @other at the same place as the lease of the query, and does it vouch? With no tries left,
 * true ends the walk; @tries is below 0 then.
 */
static bool is_of_group(struct sock *other, void *arg)
{
	struct bind_query *query = arg;
	struct sock *mine = xtcp_lease_sk(query->lease);

	if (--query->tries < 0)
		return true;
	return other != mine && other->sk_prot == mine->sk_prot && xtcp_group_same_place(other, mine) &&
	       lease_vouches(container_of(other, struct xtcp_lease, inet.sk), query->sk);
}

/*
 * Kernel TCP has admitted the lease of a bind(). Is @other in its way? Kernel TCP lets a lease share
 * a port with other leases of bind(), and with its own TIME-WAIT socks that have sk_reuseport: each
 * has the uid that no user has. Only these are asked about here.
 */
static bool is_in_the_way(struct sock *other, void *arg)
{
	const struct bind_query *query = arg;
	struct sock *mine = xtcp_lease_sk(query->lease);

	if (other == mine || !other->sk_reuseport || !overlaps(other, mine))
		return false;
	if (other->sk_state == TCP_TIME_WAIT)
		return !xtcp_group_may_share(query->sk) && !(other->sk_reuse && mine->sk_reuse);
	return other->sk_prot == mine->sk_prot &&
	       !lease_admits(container_of(other, struct xtcp_lease, inet.sk), query->sk, mine->sk_state == TCP_LISTEN);
}

/* Walks the socks on @port in a bhash2 chain, which addresses may share. Return: true when @look() ended it. */
static bool on_chain(struct inet_bind_hashbucket *chain, const struct sock *sk, u16 port, look_fn *look, void *arg)
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
 * Does a member of the group vouch for @sk? To compare @sk with all socks on the port takes longer
 * with each member. If the search misses one, only time is lost.
 */
static bool group_is_there(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct bind_query query = { .lease = lease, .sk = sk, .tries = GROUP_TRIES };
	struct sock *mine = xtcp_lease_sk(lease);
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(mine, port);
	bool found;

	if (!xtcp_group_may_share(sk))
		return false;
	spin_lock_bh(&head->lock);
	found = on_chain(inet_bhashfn_portaddr(xtcp_sharing_table(mine), mine, sock_net(mine), port), mine, port,
			 is_of_group, &query);
	spin_unlock_bh(&head->lock);
	return found && query.tries >= 0;
}

/*
 * @lease is in kernel TCP's table now. Does another sock conflict with it? If all socks on the port
 * have SO_REUSEADDR and none listens (fastreuse), nothing is compared, as in kernel TCP.
 */
static bool meets_somebody(struct xtcp_lease *lease, const struct sock *sk)
{
	struct bind_query query = { .lease = lease, .sk = sk };
	struct sock *mine = xtcp_lease_sk(lease);
	const u16 port = lease->inet.inet_num;
	struct inet_bind_bucket *tb = inet_csk(mine)->icsk_bind_hash;
	struct inet_bind_hashbucket *head = xtcp_sharing_port_chain(mine, port);
	struct inet_hashinfo *table = xtcp_sharing_table(mine);
	struct inet_bind_hashbucket *wild, *same;
	bool found;

	/* the chain of the wildcard address (bhash2), for both address families */
	wild = &table->bhash2[ipv4_portaddr_hash(sock_net(mine), htonl(INADDR_ANY), port) & (table->bhash_size - 1)];
	same = inet_bhashfn_portaddr(table, mine, sock_net(mine), port);
	spin_lock_bh(&head->lock);
	if (tb->fastreuse > 0)
		found = false;
	else if (same == wild)
		found = xtcp_compat_bind_bucket_has(tb, is_in_the_way, &query);
	else
		found = on_chain(same, mine, port, is_in_the_way, &query) ||
			on_chain(wild, mine, port, is_in_the_way, &query);
	spin_unlock_bh(&head->lock);
	return found;
}

/* Binds the port in kernel TCP's table for @sk. Return: 0, -EADDRINUSE or -ENOMEM. */
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
	/* in repair mode nobody is asked, as kernel TCP does for its own socks */
	if (!err && sk->sk_reuse != SK_FORCE_REUSE && meets_somebody(lease, sk)) {
		xtcp_compat_put_port(mine);
		err = -EADDRINUSE;
	}
	return err;
}

/*
 * Binds a lease to another device (0: none) for its owner @sk. As in Linux, nobody is asked. So @lease
 * may now overlap with socks to which it was not compared, and no longer speaks for them
 * (lease_vouches()). Return: false if @sk is in another VRF than the lease. Kernel TCP would look
 * for the lease in a wrong bucket there, so it stays, and must not ask for its port again.
 */
bool xtcp_sharing_move(struct xtcp_lease *lease, const struct sock *sk, int dev)
{
	struct sock *mine = xtcp_lease_sk(lease);

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (inet_csk(mine)->icsk_bind_hash->l3mdev != inet_sk_bound_l3mdev(sk))
		return false;
	if (mine->sk_bound_dev_if != dev) {
		WRITE_ONCE(mine->sk_bound_dev_if, dev);
		lease->admits_others = true;
	}
	return true;
}

/*
 * Sets the state to LISTEN if nothing conflicts. Return: 0, or -EADDRINUSE; the lease has only the
 * device and SO_REUSEADDR of @sk then.
 */
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mine = xtcp_lease_sk(lease);

	lockdep_assert_held(xtcp_portlist_lock(lease->xn, lease->inet.inet_num));
	if (!xtcp_sharing_move(lease, sk, sk->sk_bound_dev_if))
		return -EADDRINUSE;
	/*
	 * xtcp_lease_make_exclusive() may have cleared it for the connection of another sock, such
	 * as a child: it stays clear while others have the lease
	 */
	mine->sk_reuse = sk->sk_reuse && (atomic_read(&lease->socks) == 1 || mine->sk_reuse);
	WRITE_ONCE(mine->sk_state, TCP_LISTEN);
	if (unlikely(sk->sk_reuse == SK_FORCE_REUSE)) {
		/* in repair mode nobody is asked, as for bind(); afterwards it has no SO_REUSEADDR */
		mine->sk_reuse = SK_FORCE_REUSE;
		WARN_ON_ONCE(inet_csk_get_port(mine, lease->inet.inet_num));
		mine->sk_reuse = SK_NO_REUSE;
		return 0;
	}
	if (group_is_there(lease, sk, lease->inet.inet_num) ||
	    (!inet_csk_get_port(mine, lease->inet.inet_num) && !meets_somebody(lease, sk)))
		return 0;
	WRITE_ONCE(mine->sk_state, TCP_ESTABLISHED);
	return -EADDRINUSE;
}
