/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both queues of a listening sock. They have a lock of their own, so that segments fill the queues while a program owns
 * the socket lock. Made by listen(), and there until a grace period after the listener stops; "closed" tells segments
 * that found the listener just before.
 */
#ifndef XTCP_LISTENER_H
#define XTCP_LISTENER_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "base/sock.h"
#include "listen/entry.h"

struct sock;
struct xtcp_group;
struct xtcp_members;

/**
 * struct xtcp_listener_stats - what a listener refused since listen(), by one processor
 * @overflows: SYNs and third ACKs that met a full accept queue
 * @declined: SYNs that left no entry, dropped or answered by cookie
 * @cookies_sent: of these, answered by cookie
 * @cookies_recv: connections opened without an entry
 */
struct xtcp_listener_stats {
	u32 overflows;
	u32 declined;
	u32 cookies_sent;
	u32 cookies_recv;
};

/**
 * struct xtcp_listener - the two queues of a listening sock
 * @sk: the listening sock; freed by RCU after this
 * @stats: for /proc, the sum over the processors: a flood writes nothing else of the listener; own rule: this_cpu_inc()
 * @lock: guards everything below; taken in softirq and process context, nests inside the socket lock, innermost but for
 *	the demux table
 * @closed: no entry and no child may be queued any more
 * @accept_queue: children, established or opened fast, oldest first (xtcp_sock.accept_node)
 * @accept_len: how many
 * @accept_max: the limit; the queue holds one more, as Linux's
 * @accept_peak: the most that there were
 * @synq: half-open entries (entry.c)
 * @group: the listeners that share its SYNs, or itself alone (group.c)
 * @members: with whom it stands in the table of listeners (members.c); own lock: xtcp_net.listeners_lock, as the next
 * @member_index: as which of them
 * @cpu: SO_INCOMING_CPU when it was last looked at, -1: it has no seat with others that have it (incoming.c); own
 *	lock: xtcp_incoming.cpus, as the next
 * @cpu_index: which seat there
 * @number: by which /proc lists it (listeners.c)
 * @rcu: frees this after the last lookup
 */
struct xtcp_listener {
	struct sock *sk;
	struct xtcp_listener_stats __percpu *stats;
	spinlock_t lock;		/* see above */
	bool closed;
	struct list_head accept_queue;
	unsigned int accept_len;
	unsigned int accept_max;
	unsigned int accept_peak;
	struct xtcp_synq synq;
	struct xtcp_group *group;
	struct xtcp_members *members;
	u32 member_index;
	int cpu;
	u32 cpu_index;
	u32 number;
	struct rcu_head rcu;
};

/* The queues of a listener that was found in the table; NULL: it has just stopped. RCU read side. */
static inline struct xtcp_listener *xtcp_listen_queues(const struct sock *lsk)
{
	/* pairs with smp_store_release() in start() of socket/listen.c */
	return smp_load_acquire(&xtcp_sk(lsk)->listener);
}

#endif /* XTCP_LISTENER_H */
