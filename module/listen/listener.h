/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two queues of a listening sock: half-open entries, and children for accept(). The queues have
 * a lock of their own, so segments can fill them while a program holds the socket lock. listen()
 * allocates the queues, and they are freed a grace period after the listener stops. Once "closed"
 * is set, the queues refuse segments that found the listener before it stopped.
 */
#ifndef XTCP_LISTENER_H
#define XTCP_LISTENER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/xtcp.h>

#include "base/endpoint.h"
#include "listen/entry.h"

struct net;
struct sock;
struct xtcp_group;
struct xtcp_members;

/**
 * struct xtcp_listener_stats - one processor's counters of a listener, since listen()
 * @overflows: segments refused because the accept queue was full: SYNs, and ACKs that complete a
 *	handshake
 * @declined: SYNs that got no entry because of a limit, lack of memory, or net.xtcp.syncookies = 2:
 *	dropped SYNs, and SYNs answered with a cookie
 * @cookies_sent: SYNs answered with a cookie
 * @cookies_recv: connections that the cookie in an ACK has opened, without an entry
 */
struct xtcp_listener_stats {
	u32 overflows;
	u32 declined;
	u32 cookies_sent;
	u32 cookies_recv;
};

/**
 * struct xtcp_listener - the two queues of a listening sock
 * @sk: the listening sock; it outlives this struct
 * @stats: counters of each processor, which need no lock; /proc shows their sums. A SYN that is
 *	answered with a cookie writes to no other field
 * @lock: guards the fields below, unless another lock is named; taken in softirq and process
 *	context; nests inside the socket lock. A holder may take the lock of an heir (heir.c), the
 *	locks of the table of connections, and the lock of pool.c; create.c lists others
 * @open: the program has not closed the listener; lock: the socket's
 * @tells_briefly: when the listener ends, RSTs are sent only for XTCP_TELL_TIME: it has waited for
 *	a successor (estate.c), or SOCK_DESTROY ends it (set.c); lock: the socket's
 * @closed: no entry and no child may be queued any more
 * @accept_queue: children, established or opened by Fast Open, oldest first
 *	(xtcp_endpoint.accept_node)
 * @accept_len: number of children
 * @accept_max: the limit; as in Linux, the queue takes one child more
 * @accept_peak: the maximum of @accept_len so far
 * @somaxconn: net.core.somaxconn at the last listen(). If @accept_max equals @somaxconn, the
 *	program may have asked for more: the kernel lowers the backlog to that limit before it
 *	calls us
 * @synq: half-open entries (entry.c)
 * @group: the listeners among which SYNs are distributed; perhaps this listener alone (group.c)
 * @members: the listeners of the same group with the same address, port and device (group.c);
 *	lock: xtcp_rest.listeners_lock
 * @member_index: the listener's index in @members; the same lock
 * @cpu: the processor in whose array group.c has put the listener. If no processor has this
 *	number, as with -1, the listener is in no array; lock: xtcp_incoming.cpus
 * @cpu_index: the listener's index in the array of that processor; the same lock
 * @number: the listener's number for listings in /proc (listeners.c)
 * @net: the namespace, once the listener has ended: a reference until the last lookup. NULL for a
 *	kernel's sock, which has no reference itself
 * @user: to whom the black boxes of children belong (blackbox.c); constant
 * @rcu: frees the struct after the last lookup
 * @aborts: number of aborted children for each reason; no lock (lease.c)
 */
struct xtcp_listener {
	struct sock *sk;
	struct xtcp_listener_stats __percpu *stats;
	spinlock_t lock;		/* guards the fields below: see @lock above */
	bool closed;
	bool open;
	bool tells_briefly;
	struct list_head accept_queue;
	unsigned int accept_len;
	unsigned int accept_max;
	unsigned int accept_peak;
	unsigned int somaxconn;
	struct xtcp_synq synq;
	struct xtcp_group *group;
	struct xtcp_members *members;
	u32 member_index;
	int cpu;
	u32 cpu_index;
	u32 number;
	struct net *net;
	kuid_t user;
	struct rcu_head rcu;
	atomic_t aborts[XTCP_ABORT_MAX + 1];
};

/*
 * The queues of a listener that a lookup has found; NULL if the listener has just stopped. RCU read
 * side.
 */
static inline struct xtcp_listener *xtcp_listen_queues(const struct sock *lsk)
{
	/* smp_load_acquire() pairs with smp_store_release() in socket/connect.c */
	return smp_load_acquire(&xtcp_endpoint(lsk)->listener);
}

/* Has a listener ended since a lookup found it? If so, another lookup does not find it. */
static inline bool xtcp_listen_has_ended(const struct xtcp_listener *listener)
{
	/*
	 * smp_load_acquire() pairs with smp_store_release() in acceptq.c. The listener leaves the
	 * table before that store, so a lookup after this load does not find the listener
	 */
	return !listener || smp_load_acquire(&listener->closed);
}

/*
 * May the listener inherit one more, if its queue has @len (heir.c)? A backlog of 0 counts as 1. Lock: the listener's,
 * held.
 */
static inline bool xtcp_listen_may_inherit(const struct xtcp_listener *heir, unsigned int len)
{
	lockdep_assert_held(&heir->lock);
	return len / 2 < max(READ_ONCE(heir->accept_max), 1U);
}

/*
 * Is @he still an entry of @listener? @he may have ended, or moved to another listener (heir.c).
 * Lock: the listener's, held.
 */
static inline bool xtcp_listen_has_entry(const struct xtcp_listener *listener, const struct xtcp_request *he)
{
	lockdep_assert_held(&listener->lock);
	/* READ_ONCE(): if @he is an entry of another listener, our lock does not guard he->lsk */
	return READ_ONCE(he->lsk) == listener->sk && !he->dead;
}

#endif /* XTCP_LISTENER_H */
