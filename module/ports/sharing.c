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

static struct inet_hashinfo *bind_table(const struct sock *sk)
{
	return sock_net(sk)->ipv4.tcp_death_row.hashinfo;
}

/* By port; its lock is taken first. */
static struct inet_bind_hashbucket *port_chain(const struct sock *sk, u16 port)
{
	struct inet_hashinfo *table = bind_table(sk);

	return &table->bhash[inet_bhashfn(sock_net(sk), port, table->bhash_size)];
}

/* Wildcards of both families are on one chain. */
static struct inet_bind_hashbucket *wildcard_chain(const struct sock *sk, u16 port)
{
	struct inet_hashinfo *table = bind_table(sk);

	return &table->bhash2[ipv4_portaddr_hash(sock_net(sk), htonl(INADDR_ANY), port) & (table->bhash_size - 1)];
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
	struct inet_bind_hashbucket *head = port_chain(mine, port);
	bool found;

	if (!xtcp_group_may_share(sk))
		return false;
	spin_lock_bh(&head->lock);
	found = on_chain(inet_bhashfn_portaddr(bind_table(mine), mine, sock_net(mine), port), mine, port, is_of_group,
			 &asked);
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
	struct inet_bind_hashbucket *head = port_chain(mine, port), *wild = wildcard_chain(mine, port), *same;
	bool found;

	same = inet_bhashfn_portaddr(bind_table(mine), mine, sock_net(mine), port);
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
 * Context: softirq or process. Lock: of the namespace's leases, held.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int xtcp_sharing_bind(struct xtcp_lease *lease, const struct sock *sk, u16 port)
{
	struct sock *mine = xtcp_lease_sk(lease);
	int err;

	lockdep_assert_held(&lease->xn->leases.lock);
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
 * Context: softirq or process. Lock: of the namespace's leases, held.
 *
 * Return: true when it has.
 */
bool xtcp_sharing_has_moved(struct sock *mine)
{
	lockdep_assert_held(&xtcp_net(sock_net(mine))->leases.lock);
	return inet_csk(mine)->icsk_bind_hash->l3mdev != inet_sk_bound_l3mdev(mine);
}

/**
 * xtcp_sharing_listen() - the place becomes that of a listener, if nobody is in the way
 * @lease: has a place
 * @sk: its owner
 *
 * Context: softirq or process. Lock: of the namespace's leases, held.
 *
 * Return: 0, or -EADDRINUSE and all is as it was.
 */
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk)
{
	struct sock *mine = xtcp_lease_sk(lease);
	const u8 old_reuse = mine->sk_reuse;

	lockdep_assert_held(&lease->xn->leases.lock);
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

/* Of a port; the lock of its chain is held. */
static struct inet_bind_bucket *find_bucket(struct inet_bind_hashbucket *head, const struct sock *sk, u16 port)
{
	const int l3mdev = inet_sk_bound_l3mdev(sk);
	struct inet_bind_bucket *tb;

	inet_bind_bucket_for_each(tb, &head->chain)
		if (tb->port == port && tb->l3mdev == l3mdev && net_eq(ib_net(tb), sock_net(sk)))
			return tb;
	return NULL;
}

static bool is_connects_alone(const struct inet_bind_bucket *tb)
{
	return tb->fastreuse < 0 && tb->fastreuseport < 0;
}

/* Asked on behalf of another device, or of none, kernel TCP's table would not tell of its 4-tuple. */
static bool is_of_another_device(struct sock *other, void *taker)
{
	const int dev = READ_ONCE(other->sk_bound_dev_if);

	return dev && dev != ((const struct sock *)taker)->sk_bound_dev_if;
}

/*
 * If connect() chose the port for all its owners, each of them needs one 4-tuple only, and the taker may join them. The
 * bucket gets the mark of a SO_REUSEPORT group whose only member is the taker. A bind() that comes first removes it.
 */
static bool invite(struct sock *taker, u16 port)
{
	struct inet_bind_hashbucket *head = port_chain(taker, port);
	struct inet_bind_bucket *tb;
	bool invited;

	spin_lock_bh(&head->lock);
	tb = find_bucket(head, taker, port);
	invited = tb && is_connects_alone(tb) && !xtcp_compat_bind_bucket_has(tb, is_of_another_device, taker);
	if (invited) {
		tb->fastreuseport = FASTREUSEPORT_ANY;
		tb->fastuid = taker->sk_uid;
	}
	spin_unlock_bh(&head->lock);
	return invited;
}

/* It did not come, for want of memory or since others were there first. */
static void disinvite(const struct sock *taker, u16 port)
{
	struct inet_bind_hashbucket *head = port_chain(taker, port);
	struct inet_bind_bucket *tb;

	spin_lock_bh(&head->lock);
	tb = find_bucket(head, taker, port);
	if (tb && tb->fastreuse < 0 && tb->fastreuseport == FASTREUSEPORT_ANY && uid_eq(tb->fastuid, taker->sk_uid))
		tb->fastreuseport = -1;
	spin_unlock_bh(&head->lock);
}

/* From here on kernel TCP's connect() passes the port by. False: the taker stands where it was not invited to. */
static bool shut_door(const struct sock *taker, u16 port)
{
	struct inet_bind_bucket *tb = inet_csk(taker)->icsk_bind_hash;
	struct inet_bind_hashbucket *head = port_chain(taker, port);
	bool invited;

	spin_lock_bh(&head->lock);
	invited = tb->fastreuseport == FASTREUSEPORT_ANY;
	tb->fastreuseport = 0;
	spin_unlock_bh(&head->lock);
	return invited;
}

/* A place for the taker beside kernel TCP's own connections and their TIME-WAIT. */
static int get_port_beside(struct sock *taker, u16 port)
{
	struct sock_reuseport *group = rcu_dereference_protected(taker->sk_reuseport_cb, true);
	int err;

	if (!invite(taker, port))
		return -EADDRINUSE;
	taker->sk_reuseport = true;
	RCU_INIT_POINTER(taker->sk_reuseport_cb, NULL);
	err = inet_csk_get_port(taker, port);
	taker->sk_reuseport = false;
	RCU_INIT_POINTER(taker->sk_reuseport_cb, group);
	if (err) {
		disinvite(taker, port);
		return err;
	}
	if (shut_door(taker, port))
		return 0;
	xtcp_compat_put_port(taker);
	return -EADDRINUSE;
}

/*
 * No 4-tuple of ours is left on the port, and nobody could bind it meanwhile: kernel TCP's connect() may have it again
 * beside its own. Of a device's lease the latter is not so.
 */
static void open_door(const struct xtcp_lease *lease)
{
	struct inet_bind_bucket *tb = lease->tw.tw_tb;

	if (!lease->beside || lease->tw.tw_bound_dev_if || tb->fastreuse || tb->fastreuseport)
		return;
	tb->fastreuse = -1;
	tb->fastreuseport = -1;
}

/* Where a shared lease or its taker stood, the other one stands. Nobody sees the port without either. */
static void change_places(struct sock *from, struct sock *to, struct xtcp_lease *lease)
{
	struct inet_timewait_sock *tw = &lease->tw;
	struct inet_bind_hashbucket *head = port_chain(from, tw->tw_num), *wild = wildcard_chain(from, tw->tw_num);

	spin_lock(&head->lock);
	spin_lock(&wild->lock);
	xtcp_compat_bind_move(from, to, tw);
	if (from == xtcp_lease_sk(lease))
		open_door(lease);
	spin_unlock(&wild->lock);
	spin_unlock(&head->lock);
}

/**
 * xtcp_sharing_take() - a place in kernel TCP's table for a shared lease, if nobody is in the way
 * @lease: has none
 * @port: host order, not 0
 * @bound_dev_if: interface, 0: any
 *
 * What kernel TCP's connect() has put there is not in the way. @beside of the lease says that it may be there.
 *
 * Context: softirq or process. Lock: of the namespace's leases, held.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int xtcp_sharing_take(struct xtcp_lease *lease, u16 port, int bound_dev_if)
{
	struct sock *taker = xtcp_lease_sk(lease->xn->leases.taker);
	struct inet_connection_sock *icsk = inet_csk(taker);
	struct inet_timewait_sock *tw = &lease->tw;
	int err;

	lockdep_assert_held(&lease->xn->leases.lock);
	taker->sk_bound_dev_if = bound_dev_if;
	tw->__tw_common = taker->__sk_common;
	tw->tw_state = TCP_TIME_WAIT;
	tw->tw_num = port;
	err = inet_csk_get_port(taker, port);
	if (err == -EADDRINUSE) {
		err = get_port_beside(taker, port);
		lease->beside = true;
	}
	if (err)
		return err;
	swap(tw->tw_tb, icsk->icsk_bind_hash);
	swap(tw->tw_tb2, icsk->icsk_bind2_hash);
	change_places(taker, xtcp_lease_sk(lease), lease);
	return 0;
}

/**
 * xtcp_sharing_leave() - the place of a lease is free
 * @lease: has it
 *
 * Context: softirq or process. Lock: of the namespace's leases, held.
 */
void xtcp_sharing_leave(struct xtcp_lease *lease)
{
	struct sock *mine = xtcp_lease_sk(lease), *taker = xtcp_lease_sk(lease->xn->leases.taker);

	lockdep_assert_held(&lease->xn->leases.lock);
	if (lease->shared) {
		inet_csk(taker)->icsk_bind_hash = lease->tw.tw_tb;
		inet_csk(taker)->icsk_bind2_hash = lease->tw.tw_tb2;
		taker->sk_bound_dev_if = mine->sk_bound_dev_if;
		inet_sk(taker)->inet_num = lease->tw.tw_num;
		change_places(mine, taker, lease);
		mine = taker;
	}
	xtcp_compat_put_port(mine);
}
