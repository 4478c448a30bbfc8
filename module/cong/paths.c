// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the paths that a namespace remembers for Careful Resume, each with the congestion
 * control parameters of RFC 9959 section 3.1. As in Linux's tcp_metrics, a pair of addresses is the
 * key of a path. The device is not part of the key, but its ifindex is one of the parameters.
 *
 * The table has a fixed size, so a namespace remembers a limited number of paths, whatever its
 * programs and their peers do. The table is allocated when a program switches Careful Resume on,
 * and is charged to the memory control group of that program. A keyed hash selects a set, and a
 * path may be stored in any element of its set. If the set is full, a new path replaces the oldest
 * path. No user knows the secret of the hash, so no user can choose which path is forgotten.
 *
 * Each set has a lock of its own. A connection takes the lock of its path's set when it first fills
 * its window, when it jumps (raises its window to at most half of the saved window), when the jump
 * fails, and when the connection ends.
 */
#include "cong/cong.h"

#include <linux/atomic.h>
#include <linux/netdevice.h>
#include <linux/seq_file.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "cong/resume.h"

#define PATH_SETS	64U
#define PATH_PLACES	4U		/* paths in each set; 256 paths in all, in 13 KiB */

/* One element of a set; it is free if @saved.cwnd is 0. */
struct saved_path {
	struct in6_addr addrs[2];
	struct xtcp_saved saved;
};

struct path_set {
	spinlock_t lock;	/* guards paths[]; nests inside a socket lock */
	struct saved_path paths[PATH_PLACES];
};

/* @flushes: number of calls of xtcp_paths_flush() */
struct xtcp_paths {
	atomic_t flushes;
	struct path_set sets[PATH_SETS];
};

/**
 * xtcp_paths_prepare() - allocate the table of a namespace, unless it has one
 * @xn: the namespace
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_paths_prepare(struct xtcp_net *xn)
{
	struct xtcp_paths *paths;
	unsigned int i;

	if (READ_ONCE(xn->paths))
		return 0;
	paths = kzalloc(sizeof(*paths), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!paths)
		return -ENOMEM;
	for (i = 0; i < PATH_SETS; i++)
		spin_lock_init(&paths->sets[i].lock);
	/*
	 * a reader that sees the table also sees its locks initialized: cmpxchg() pairs with
	 * smp_load_acquire() of the readers
	 */
	if (cmpxchg(&xn->paths, NULL, paths))
		kfree(paths);
	return 0;
}

/**
 * xtcp_paths_net_exit() - free the table of a namespace
 * @xn: the namespace; none of its connections is left
 *
 * Context: process.
 */
void xtcp_paths_net_exit(struct xtcp_net *xn)
{
	kfree(xn->paths);
}

/**
 * xtcp_paths_flush() - forget all paths of a namespace
 * @xn: the namespace
 *
 * RFC 9959 section 4.3.1: saved parameters are dropped when the configuration changes. Live
 * connections do not save what they observed before the call; they start to observe again.
 *
 * Context: process.
 */
void xtcp_paths_flush(struct xtcp_net *xn)
{
	/* smp_load_acquire() pairs with cmpxchg() in xtcp_paths_prepare() */
	struct xtcp_paths *paths = smp_load_acquire(&xn->paths);
	unsigned int i;

	if (!paths)
		return;
	/*
	 * raise the count before the sets are emptied. A connection may hold an observation that is
	 * older than this flush. If it finds its set emptied, it also sees the new count, and does
	 * not save the observation
	 */
	atomic_inc(&paths->flushes);
	for (i = 0; i < PATH_SETS; i++) {
		spin_lock_bh(&paths->sets[i].lock);
		memset(paths->sets[i].paths, 0, sizeof(paths->sets[i].paths));
		spin_unlock_bh(&paths->sets[i].lock);
	}
}

/* Prints the line of a path. The caller has called rcu_read_lock(), which keeps the device. */
static void show_path(struct seq_file *m, const struct saved_path *path, u32 age)
{
	const struct net_device *dev = dev_get_by_index_rcu(m->private, path->saved.ifindex);

	if (ipv6_addr_v4mapped(&path->addrs[1]))
		seq_printf(m, "to=%pI4 from=%pI4", &path->addrs[1].s6_addr32[3], &path->addrs[0].s6_addr32[3]);
	else
		seq_printf(m, "to=%pI6c from=%pI6c", &path->addrs[1], &path->addrs[0]);
	if (dev)
		seq_printf(m, " dev=%s", dev->name);
	else
		seq_printf(m, " dev=if%d", path->saved.ifindex);
	seq_printf(m, " cwnd=%u rtt_us=%u age=%u\n", path->saved.cwnd, path->saved.rtt_us, age);
}

/**
 * xtcp_paths_show() - show /proc/net/xtcp_paths: a line for each path that was saved
 * @m: the file; its private pointer is the namespace
 * @v: unused
 *
 * cwnd is the saved window in octets; a jump uses at most half of it. age is in seconds. Paths that
 * are too old for a jump are left out. Each set is copied under its lock; between two sets the
 * table may change.
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_paths_show(struct seq_file *m, void *v)
{
	struct xtcp_net *xn = xtcp_net(m->private);
	/* smp_load_acquire() pairs with cmpxchg() in xtcp_paths_prepare() */
	struct xtcp_paths *paths = smp_load_acquire(&xn->paths);
	struct saved_path copy[PATH_PLACES];
	unsigned int i, j;
	u32 age;

	/* when the buffer is full, seq_file calls this function again with a larger buffer */
	for (i = 0; paths && i < PATH_SETS && !seq_has_overflowed(m); i++) {
		spin_lock_bh(&paths->sets[i].lock);
		memcpy(copy, paths->sets[i].paths, sizeof(copy));
		spin_unlock_bh(&paths->sets[i].lock);
		rcu_read_lock();
		for (j = 0; j < PATH_PLACES; j++) {
			age = xtcp_paths_seconds() - copy[j].saved.seconds;
			if (copy[j].saved.cwnd && age < (u32)READ_ONCE(xn->sysctl.careful_resume))
				show_path(m, &copy[j], age);
		}
		rcu_read_unlock();
	}
	return 0;
}

/**
 * xtcp_paths_flushes() - get how often all paths of a namespace were forgotten
 * @xn: the namespace
 *
 * Context: any.
 *
 * Return: the number; 0 without a table.
 */
u32 xtcp_paths_flushes(const struct xtcp_net *xn)
{
	/* smp_load_acquire() pairs with cmpxchg() in xtcp_paths_prepare() */
	const struct xtcp_paths *paths = smp_load_acquire(&xn->paths);

	return paths ? atomic_read(&paths->flushes) : 0;
}

/* Finds the set for the path of @sk; NULL without a table. Stores the key of the path in @addrs. */
static struct path_set *set_of_path(const struct sock *sk, struct in6_addr *addrs)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);
	struct xtcp_net *xn = xtcp_net_of(sk);
	/* smp_load_acquire() pairs with cmpxchg() in xtcp_paths_prepare() */
	struct xtcp_paths *paths = smp_load_acquire(&xn->paths);

	addrs[0] = tuple.laddr;
	addrs[1] = tuple.faddr;
	if (!paths)
		return NULL;
	return &paths->sets[siphash(addrs, 2 * sizeof(*addrs), &xn->tuple_key) % PATH_SETS];
}

static struct saved_path *find_path(struct path_set *set, const struct in6_addr *addrs)
{
	unsigned int i;

	lockdep_assert_held(&set->lock);
	for (i = 0; i < PATH_PLACES; i++)
		if (set->paths[i].saved.cwnd && !memcmp(set->paths[i].addrs, addrs, sizeof(set->paths[i].addrs)))
			return &set->paths[i];
	return NULL;
}

/* Finds the element of @set for a new path: a free element, or the element of the oldest path. */
static struct saved_path *new_path(struct path_set *set, const struct in6_addr *addrs)
{
	struct saved_path *path = &set->paths[0];
	unsigned int i;

	lockdep_assert_held(&set->lock);
	for (i = 1; i < PATH_PLACES && path->saved.cwnd; i++)
		if (!set->paths[i].saved.cwnd || (s32)(set->paths[i].saved.seconds - path->saved.seconds) < 0)
			path = &set->paths[i];
	memcpy(path->addrs, addrs, sizeof(path->addrs));
	return path;
}

/* Is @saved older than the namespace allows? RFC 9959 section 3.2, "Lifetime". */
static bool is_expired(const struct sock *sk, const struct xtcp_saved *saved)
{
	return xtcp_paths_seconds() - saved->seconds >= (u32)READ_ONCE(xtcp_net_of(sk)->sysctl.careful_resume);
}

/*
 * Finds the saved parameters of a path, and forgets parameters that are too old. If @taken is NULL,
 * copies the parameters to @found. Otherwise removes the parameters from the table if they still
 * equal @taken, an earlier copy. Return: false when the table has no parameters for the path, or
 * has parameters that differ from @taken.
 */
static bool find_or_take(const struct sock *sk, struct xtcp_saved *found, const struct xtcp_saved *taken)
{
	struct in6_addr addrs[2];
	struct path_set *set = set_of_path(sk, addrs);
	struct saved_path *path;

	if (!set)
		return false;
	spin_lock_bh(&set->lock);
	path = find_path(set, addrs);
	if (path && is_expired(sk, &path->saved)) {
		path->saved.cwnd = 0;
		path = NULL;
	}
	if (path && taken && memcmp(&path->saved, taken, sizeof(*taken)))
		path = NULL;
	if (path && taken)
		path->saved.cwnd = 0;
	else if (path)
		*found = path->saved;
	spin_unlock_bh(&set->lock);
	return path;
}

/**
 * xtcp_paths_find() - find the saved parameters of a path
 * @sk: a sock whose addresses are set
 * @saved: receives the parameters
 *
 * Parameters that were saved too long ago are forgotten here.
 *
 * Return: false when nothing is saved.
 */
bool xtcp_paths_find(const struct sock *sk, struct xtcp_saved *saved)
{
	sock_owned_by_me(sk);
	return find_or_take(sk, saved, NULL);
}

/**
 * xtcp_paths_take() - take the saved parameters of a path out of the table, for one connection
 * @sk: a sock whose addresses are set
 * @saved: the parameters that xtcp_paths_find() has found
 *
 * RFC 9959 section 3.2: only one connection may use the parameters.
 *
 * Return: false when the parameters are too old now, or another connection has taken or replaced
 * them.
 */
bool xtcp_paths_take(const struct sock *sk, const struct xtcp_saved *saved)
{
	sock_owned_by_me(sk);
	return find_or_take(sk, NULL, saved);
}

/**
 * xtcp_paths_save() - save the parameters of a path
 * @sk: a sock whose addresses are set
 * @saved: the parameters that the connection has observed
 * @flushes: xtcp_paths_flushes() when the connection began to observe
 * @replace: save the parameters even if the table has older parameters for this path
 *
 * RFC 9959 section 3.1: one set of parameters for each path, the latest. Parameters are not saved
 * when they are too old, or were observed before xtcp_paths_flush(), or when the namespace has
 * switched Careful Resume off.
 */
void xtcp_paths_save(const struct sock *sk, const struct xtcp_saved *saved, u32 flushes, bool replace)
{
	struct in6_addr addrs[2];
	struct path_set *set = set_of_path(sk, addrs);
	struct saved_path *path;

	sock_owned_by_me(sk);
	if (!set)
		return;
	spin_lock_bh(&set->lock);
	path = find_path(set, addrs);
	if (!is_expired(sk, saved) && flushes == xtcp_paths_flushes(xtcp_net_of(sk)) &&
	    (!path || (replace && (s32)(saved->seconds - path->saved.seconds) >= 0)))
		(path ?: new_path(set, addrs))->saved = *saved;
	spin_unlock_bh(&set->lock);
}

/**
 * xtcp_paths_forget() - forget the saved parameters of a path
 * @sk: a sock whose addresses are set
 * @ifindex: the device over which the parameters were observed; parameters of another device stay,
 *	because another connection has saved them since
 * @flushes: xtcp_paths_flushes() when the connection began to observe; after a later flush, the
 *	function forgets nothing, because all saved parameters are newer than the flush
 *
 * RFC 9959 section 3.5: a connection calls this when its jump has met congestion, or when its RTT
 * shows that this is not the saved path. It does not call this after the route has moved.
 */
void xtcp_paths_forget(const struct sock *sk, int ifindex, u32 flushes)
{
	struct in6_addr addrs[2];
	struct path_set *set = set_of_path(sk, addrs);
	struct saved_path *path;

	sock_owned_by_me(sk);
	if (!set)
		return;
	spin_lock_bh(&set->lock);
	path = find_path(set, addrs);
	if (path && path->saved.ifindex == ifindex && flushes == xtcp_paths_flushes(xtcp_net_of(sk)))
		path->saved.cwnd = 0;
	spin_unlock_bh(&set->lock);
}
