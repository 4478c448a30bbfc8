// SPDX-License-Identifier: GPL-2.0
/*
 * How records begin, wait and end. A record stands for a connection in TIME-WAIT, or for an orphan
 * in FIN-WAIT-2. timewait.c decides what records answer.
 *
 * A record replaces its sock in the table of connections. It has a reference to the lease that
 * reserves its port (ports/lease.c), and only the fields that an answer needs. The records of a
 * namespace are spread over its shards by hash. Each shard has a lock, a timer and two lists, one
 * for TIME-WAIT and one for FIN-WAIT-2, both in order of expiry. In a full namespace, a new record
 * evicts the record of its shard that expires next. If this shard is empty, the new record evicts a
 * record of another shard. So a full namespace denies no connection its TIME-WAIT, and connections
 * that end at the same time mostly take different locks.
 *
 * Life of a record: when the sock ends, the record enters a list, under the lock of its shard.
 * Later one caller claims the record: it sets "dead" under the same lock. This caller then calls
 * batch.c, which takes the record out of the table, puts the lease, and frees the record after a
 * grace period. Between the two, a connection that takes the record's tuple may replace the record
 * in the table, or take it out. quota.c says how many records there may be.
 */
#include "timewait/record.h"

#include <linux/slab.h>
#include <net/sock.h>

#include "auth/signer.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/is_v4.h"
#include "base/net.h"
#include "base/sock.h"
#include "compat.h"
#include "ecn/ace.h"
#include "ecn/ecn.h"
#include "ports/lease.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "timewait/batch.h"
#include "timewait/quota.h"
#include "timewait/recordkeys.h"
#include "window/window.h"

#define END_BATCH	256	/* at most this many records end before the lock is released */
#define TIMER_NS	(500 * NSEC_PER_USEC) /* then the timer goes on in the next tick */
/*
 * once the timer has ended all expired records, it rests for this time, or for an eighth of
 * TIME-WAIT if that is less; Linux rounds the end of TIME-WAIT just as coarsely
 */
#define TIMER_REST	(HZ / 2)
#define SORT_STEPS	32	/* at most so many that expire later are passed: enlist() */
#define EVICT_STEPS	4	/* above the limit, a new record evicts at most so many */
#define KILLED_JIFFIES	(4 * HZ) /* TWKilled counts records that wait no longer, as in Linux */

static struct kmem_cache *cache_v4, *cache_v6;

static struct kmem_cache *cache_of(bool v4)
{
	return v4 ? cache_v4 : cache_v6;
}

/**
 * xtcp_record_init() - make the slabs, and what quota.c needs
 *
 * Context: process, module init.
 *
 * Return: 0, -EINVAL when the module parameter "guest_timewait" is out of range, or -ENOMEM.
 */
int xtcp_record_init(void)
{
	int err;

	BUILD_BUG_ON(offsetof(struct xtcp_timewait, conn) + XTCP_CONN_V4_END > 96);
	BUILD_BUG_ON(sizeof(struct xtcp_timewait) > 128);
	/* next_in_group must replace node.prev, not node.next, which links the batch */
	BUILD_BUG_ON(offsetof(struct xtcp_timewait, next_in_group) != offsetof(struct xtcp_timewait, node.prev));
	/* kfree_bulk() of SLOB cannot free objects of a slab */
	BUILD_BUG_ON(IS_ENABLED(CONFIG_SLOB));

	err = xtcp_quota_init();
	if (err)
		return err;
	cache_v4 = xtcp_compat_slab(KBUILD_MODNAME "_timewait", xtcp_record_size(true), 0);
	cache_v6 = xtcp_compat_slab(KBUILD_MODNAME "_timewait6", xtcp_record_size(false), 0);
	if (!cache_v4 || !cache_v6) {
		xtcp_record_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * xtcp_record_exit() - destroy the slabs
 *
 * Context: process, module exit. All records are freed: rcu_barrier() was called.
 */
void xtcp_record_exit(void)
{
	kmem_cache_destroy(cache_v6);
	kmem_cache_destroy(cache_v4);
	xtcp_quota_exit();
}

static struct list_head *list_of(struct xtcp_shard *shard, const struct xtcp_timewait *tw)
{
	return tw->substate == TCP_TIME_WAIT ? &shard->tw_list : &shard->fin_wait2_list;
}

static unsigned long timewait_jiffies(const struct xtcp_net *xn)
{
	return msecs_to_jiffies(READ_ONCE(xn->sysctl.timewait_ms));
}

/*
 * Put a record on its list. The new record nearly always expires last. With a shorter timeout than
 * others (TCP_LINGER2, or a sysctl was just lowered), it goes before the records that expire later,
 * but passes at most SORT_STEPS of them. If still more records expire later, the new record ends
 * late, together with the record before it.
 */
static void enlist(struct xtcp_shard *shard, struct xtcp_timewait *tw, unsigned long timeout)
{
	struct list_head *head = list_of(shard, tw), *at = head->prev;
	unsigned long expires = jiffies + timeout;
	int steps = SORT_STEPS;

	lockdep_assert_held(&shard->lock);
	WRITE_ONCE(tw->expires, (u32)expires);
	while (at != head && steps-- && time_before32(tw->expires, list_entry(at, struct xtcp_timewait, node)->expires))
		at = at->prev;
	list_add(&tw->node, at);
	if (!xtcp_clock_timer_pending(&shard->tw_timer) || time_before(expires, shard->tw_timer.expires))
		mod_timer(&shard->tw_timer, expires);
}

/**
 * xtcp_record_claim() - begin the end of a record
 * @xn: the namespace of the record
 * @tw: not dead
 * @claimed: the record moves to this list; the caller gives the list to xtcp_batch_end()
 *	when it has released the lock
 *
 * Context: softirq or process. Lock: of the record's shard, held.
 */
void xtcp_record_claim(struct xtcp_net *xn, struct xtcp_timewait *tw, struct list_head *claimed)
{
	lockdep_assert_held(&xtcp_shard_of(xn, tw->conn.hash)->lock);
	/* from here on no other caller ends the record */
	tw->dead = true;
	xtcp_quota_count(xn, -1);
	list_move(&tw->node, claimed);
}

static struct xtcp_timewait *first_of(struct list_head *head)
{
	return list_first_entry_or_null(head, struct xtcp_timewait, node);
}

/* Which record of the shard expires next? NULL: the shard has none. */
static struct xtcp_timewait *earliest(struct xtcp_shard *shard)
{
	struct xtcp_timewait *a = first_of(&shard->tw_list), *b = first_of(&shard->fin_wait2_list);

	lockdep_assert_held(&shard->lock);
	if (!a || !b)
		return a ?: b;
	return time_before32(b->expires, a->expires) ? b : a;
}

/* End the expired records of a list, but at most END_BATCH. Return: true when there may be more. */
static bool end_some(struct xtcp_shard *shard, struct list_head *head)
{
	const u32 now = jiffies;
	struct xtcp_timewait *tw;
	LIST_HEAD(claimed);
	int left = END_BATCH;

	spin_lock(&shard->lock);
	list_for_each_entry(tw, head, node) {
		if (!left || time_after32(tw->expires, now))
			break;
		tw->dead = true;
		left--;
	}
	xtcp_quota_count(shard->xn, left - END_BATCH);
	list_cut_before(&claimed, head, &tw->node);
	spin_unlock(&shard->lock);
	xtcp_batch_end(shard->xn, &claimed);
	return !left;
}

/*
 * The timer of a shard. A wakeup costs more than the end of a record, so records that expire at
 * nearly the same time end together.
 */
static void expired_records(struct timer_list *timer)
{
	struct xtcp_shard *shard = container_of(timer, struct xtcp_shard, tw_timer);
	unsigned long next = jiffies + min_t(unsigned long, timewait_jiffies(shard->xn) / 8, TIMER_REST);
	const u64 end_ns = ktime_get_ns() + TIMER_NS;
	struct xtcp_timewait *tw;
	bool more;

	do {
		more = end_some(shard, &shard->tw_list);
		more |= end_some(shard, &shard->fin_wait2_list);
	} while (more && ktime_get_ns() < end_ns);
	if (more)
		next = jiffies + 1;

	spin_lock(&shard->lock);
	tw = earliest(shard);
	if (tw)
		mod_timer(timer, time_after32(tw->expires, (u32)next) ? xtcp_clock_jiffies(tw->expires) : next);
	spin_unlock(&shard->lock);
}

/**
 * xtcp_record_net_init() - make the empty lists and the counter of a namespace
 * @xn: the namespace; its shards are allocated
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_record_net_init(struct xtcp_net *xn)
{
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask; i++) {
		INIT_LIST_HEAD(&xn->shards[i].tw_list);
		INIT_LIST_HEAD(&xn->shards[i].fin_wait2_list);
		timer_setup(&xn->shards[i].tw_timer, expired_records, 0);
	}
	return xtcp_quota_net_init(xn);
}

static void end_shard(struct xtcp_shard *shard)
{
	struct xtcp_timewait *tw;
	int n;

	do {
		LIST_HEAD(claimed);

		spin_lock_bh(&shard->lock);
		for (n = 0; n < END_BATCH && (tw = earliest(shard)); n++)
			xtcp_record_claim(shard->xn, tw, &claimed);
		spin_unlock_bh(&shard->lock);
		local_bh_disable();
		xtcp_batch_end(shard->xn, &claimed);
		local_bh_enable();
	} while (n == END_BATCH);
	timer_delete_sync(&shard->tw_timer);
}

/**
 * xtcp_record_net_exit() - end all records of a namespace
 * @xn: the namespace; no segment arrives and no sock ends any more
 *
 * Context: process, may sleep.
 */
void xtcp_record_net_exit(struct xtcp_net *xn)
{
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask; i++)
		end_shard(&xn->shards[i]);
	xtcp_quota_net_exit(xn);
}

/* Allocates a record, with space for the keys if segments are signed. */
static struct xtcp_timewait *new_record(bool v4, bool is_signed)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;

	if (likely(!is_signed))
		return kmem_cache_alloc(cache_of(v4), gfp);
	return kmalloc(xtcp_record_size(v4) + sizeof(struct xtcp_recordkeys), gfp);
}

/*
 * When TS.Recent was taken, in milliseconds; 0: never. The sock has this time in whole seconds, so
 * the computed age of TS.Recent may be up to a second too large: subtract that second. Limit the
 * age to 30 days, so that it does not overflow 32 bits before the record ends. For PAWS, 30 days
 * are as good as a larger age.
 */
static u32 ts_stamp_ms(const struct xtcp_paws *paws)
{
	u32 age = xtcp_clock_seconds_stamp() - paws->stamp;

	if (!paws->stamp)
		return 0;
	return xtcp_clock_ts_stamp() - min(age ? age - 1 : 0, 30U * 24 * 3600) * MSEC_PER_SEC ?: 1;
}

static void fill_record(struct xtcp_timewait *tw, struct sock *sk, int substate)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u32 priority = READ_ONCE(sk->sk_priority);

	memset(tw, 0, offsetof(struct xtcp_timewait, conn));
	memcpy(&tw->conn, &xsk->conn, xtcp_record_size(xsk->conn.v4) - offsetof(struct xtcp_timewait, conn));
	tw->conn.kind = XTCP_CONN_TIMEWAIT;
	tw->lease = xsk->lease;
	tw->snd_nxt = xsk->snd.nxt;
	tw->rcv_nxt = xsk->rcv.nxt;
	tw->rcv_wnd = xtcp_window_offer(sk) >> xsk->rcv_wscale;
	tw->ts_recent = xsk->paws.ts_recent;
	tw->ts_recent_stamp = ts_stamp_ms(&xsk->paws);
	tw->ts_offset = xsk->snd.ts_offset;
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->tos = xtcp_sock_is_v4(sk) ? inet_sk(sk)->tos : inet6_sk(sk)->tclass;
	tw->rcv_wscale = xsk->rcv_wscale;
	tw->substate = substate;
	tw->priority = priority <= U8_MAX ? priority : 0;
	tw->of_v4_sock = sk->sk_family == AF_INET;
	tw->ts_ok = xsk->agreed.ts_ok;
	tw->transparent = inet_sk_flowi_flags(sk) & FLOWI_FLAG_ANYSRC;
	if (xsk->ecn & XTCP_ECN_ACCURATE)
		tw->ace = (xsk->accecn.received_ce + XTCP_ACE_FIRST) & XTCP_ACE_MASK;
}

/*
 * Make room for a new record of the shard @at: evict the record of @at that expires next. If @at is
 * empty, evict a record of the next shard that has any. Return: false when all shards are empty.
 */
static bool evict(struct xtcp_net *xn, const struct xtcp_shard *at)
{
	struct xtcp_timewait *tw = NULL;
	struct xtcp_shard *shard;
	LIST_HEAD(claimed);
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask && !tw; i++) {
		shard = &xn->shards[(at - xn->shards + i) & xtcp_shard_mask];
		spin_lock(&shard->lock);
		tw = earliest(shard);
		if (tw)
			xtcp_record_claim(xn, tw, &claimed);
		spin_unlock(&shard->lock);
	}
	xtcp_batch_end(xn, &claimed);
	return tw;
}

/*
 * Make room for one new record of @shard. The record is counted already, but it is on no list yet.
 * If the limit was lowered, more than one record must go; each new record then evicts a few.
 */
static void make_room(struct xtcp_net *xn, const struct xtcp_shard *shard)
{
	int steps;

	if (!xtcp_quota_exceeded(xn))
		return;
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPTIMEWAITOVERFLOW);
	for (steps = 0; steps < EVICT_STEPS && xtcp_quota_exceeded(xn) && evict(xn, shard); steps++)
		;
}

/*
 * Replace the sock by the record in the table of connections, and put the record on its list.
 * Return: false when the sock is not in the table.
 */
static bool replace_sock(struct xtcp_net *xn, struct sock *sk, struct xtcp_timewait *tw, unsigned long timeout)
{
	struct xtcp_shard *shard = xtcp_shard_of(xn, tw->conn.hash);
	int err;

	if (tw->lease)
		xtcp_lease_hold_timewait(tw->lease);
	local_bh_disable();
	xtcp_quota_count(xn, 1);
	if (unlikely(tw->is_signed))
		xtcp_quota_count_signed(xn, 1);
	make_room(xn, shard);
	spin_lock(&shard->lock);
	err = xtcp_demux_replace(xn, &xtcp_sk(sk)->conn, &tw->conn);
	if (!err)
		enlist(shard, tw, timeout);
	spin_unlock(&shard->lock);
	if (err) {
		xtcp_quota_count(xn, -1);
		if (tw->is_signed)
			xtcp_quota_count_signed(xn, -1);
		if (tw->lease)
			xtcp_lease_put_users(tw->lease, 1);
	}
	local_bh_enable();
	if (err)
		return false;
	/* put the table's reference; the caller has another one */
	sock_prot_inuse_add(xn->net, sk->sk_prot, -1);
	__sock_put(sk);
	return true;
}

/*
 * How long to wait in FIN-WAIT-2, jiffies: TCP_LINGER2 or the namespace's fin_timeout, but at least
 * 3.5 RTOs. A peer with the same RTO sends its FIN again after 1 and 3 RTOs, so the FIN may be lost
 * twice.
 */
static unsigned long fin_wait2_jiffies(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long timeout = xsk->linger2 ? xsk->linger2 * HZ :
					       READ_ONCE(xtcp_net_of(sk)->sysctl.fin_timeout);
	unsigned long rto = msecs_to_jiffies(xtcp_bounds_rto_ms(&xsk->inet.sk));

	return max(timeout, (rto << 2) - (rto >> 1));
}

/**
 * xtcp_record_begin() - put a record into the table of connections in place of a sock that ends
 * @sk: the sock, in a state that leads to TIME-WAIT, or an orphan in FIN-WAIT-2
 * @substate: TCP_TIME_WAIT; or TCP_FIN_WAIT2 for an orphan whose TCP_LINGER2 is not negative
 *
 * RFC 9293 section 3.6.1, MUST-13. If there is no memory for a record, the connection ends without
 * TIME-WAIT, as in Linux. The caller ends the sock: xtcp_sock_leave_record().
 *
 * Context: softirq or process, BH disabled when @sk is an orphan. Lock: socket, held.
 */
void xtcp_record_begin(struct sock *sk, int substate)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	unsigned long timeout = substate == TCP_TIME_WAIT ? timewait_jiffies(xn) : fin_wait2_jiffies(sk);
	const bool is_signed = xtcp_signer_room(sk);
	struct xtcp_timewait *tw;

	sock_owned_by_me(sk);
	tw = new_record(xtcp_sk(sk)->conn.v4, is_signed);
	if (tw)
		fill_record(tw, sk, substate);
	if (tw && unlikely(is_signed)) {
		tw->is_signed = xtcp_recordkeys_fill(tw, sk);
		if (!tw->is_signed) {
			kfree(tw);
			tw = NULL;
		}
	}
	if (tw) {
		if (replace_sock(xn, sk, tw, timeout)) {
			XTCP_NET_INC_STATS(xn, timeout <= KILLED_JIFFIES ? LINUX_MIB_TIMEWAITKILLED :
									       LINUX_MIB_TIMEWAITED);
			trace_xtcp_conn_state(xn->net, &xtcp_sk(sk)->conn, sk->sk_state, substate);
		} else {
			if (unlikely(is_signed))
				xtcp_recordkeys_drop(tw);
			kfree(tw);
		}
	} else {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPTIMEWAITOVERFLOW);
	}
}

/**
 * xtcp_record_restart() - start the wait of 2 MSL again, or for the first time after FIN-WAIT-2
 * @xn: the namespace of the record
 * @tw: in TIME-WAIT, not dead
 *
 * RFC 9293 section 3.10.7.4, eighth step.
 *
 * Context: softirq or process, BH disabled. Lock: of the record's shard, held.
 */
void xtcp_record_restart(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	struct xtcp_shard *shard = xtcp_shard_of(xn, tw->conn.hash);

	lockdep_assert_held(&shard->lock);
	list_del(&tw->node);
	enlist(shard, tw, timewait_jiffies(xn));
}

/**
 * xtcp_record_copy() - copy a record, for use without the lock
 * @to: the copy; for IPv4, its IPv6 addresses are not written
 * @tw: the record
 *
 * The links and the lease of the copy must not be used, because they also change without this lock:
 * batch.c changes those of a claimed record, and conns.c the link of the hash chain.
 *
 * Context: any. Lock: of the record's shard, held.
 */
void xtcp_record_copy(struct xtcp_timewait *to, const struct xtcp_timewait *tw)
{
	memcpy(to, tw, xtcp_record_size(tw->conn.v4));
}

/**
 * xtcp_record_drop() - end a record
 * @xn: the namespace of the record
 * @tw: found in the table
 *
 * Context: softirq or process, BH disabled, RCU read side.
 */
void xtcp_record_drop(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	struct xtcp_shard *shard = xtcp_shard_of(xn, tw->conn.hash);
	LIST_HEAD(claimed);

	spin_lock(&shard->lock);
	if (!tw->dead)
		xtcp_record_claim(xn, tw, &claimed);
	spin_unlock(&shard->lock);
	xtcp_batch_end(xn, &claimed);
}
