// SPDX-License-Identifier: GPL-2.0
/*
 * Half-open entries (RFC 4987) and the queue of a listener that they stand in.
 *
 * An entry is small, over IPv4 smaller still; all namespaces together may have as many as fit in a small part of the
 * memory, those that any user can make half of that, and one of these a part of it. One that keeps its SYN is larger
 * and counts as several. Each stands in the table of
 * connections and on one of its listener's lists, by the number of its timeouts. Every list is in order of time,
 * because all on it wait equally long, so one timer serves the listener.
 *
 * Life of an entry: put in table and list, and taken out of both, under the listener's lock; "dead" says that it is
 * out. It is freed after a grace period, so lookups may go on reading it. Its listener outlives it: xtcp_entry_stop()
 * empties the lists. While one grace period runs, entries gather for the next: most handshakes start none.
 *
 * The timer: the SYN-ACK is sent again and the entry waits twice as long, or it has had its retries and ends. When the
 * queue is more than half full, old entries have fewer retries, so that young ones find room.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "listen/entry.h"

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "base/netns.h"
#include "base/sock.h"
#include "compat.h"
#include "listen/listener.h"
#include "listen/savedsyn.h"
#include "lookup/group.h"
#include "out/reply.h"
#include "pure/clock.h"
#include "pure/wire.h"
#include "sight/mib.h"
#include "sight/trace.h"

#define BELIEVE_S	120		/* a cookie is good for 128 s at most */
#define MEMORY_SHARE	128		/* entries of all namespaces take at most this part of the memory */
#define RESEND_BATCH	256		/* SYN-ACKs that one run of a timer sends */
#define STOP_BATCH	64		/* entries that end with their listener before others get its lock */
#define GATHERED_MAX	512		/* entries that are freed in one go */
#define BULK		64		/* entries that go back to their slabs at once */

#define V4_SIZE (offsetof(struct xtcp_request, conn) + XTCP_CONN_V4_END)

static struct kmem_cache *slab_v4, *slab_v6;
static struct percpu_counter entries_in_use;	/* in all namespaces, those that wait to be freed too */
static struct percpu_counter guest_entries;	/* the same, of namespaces that any user can make */
static s32 entries_batch;	/* so many may be counted by a processor for itself */

/**
 * struct gone - entries of a processor that are out of the table
 * @lock: guards the rest
 * @waiting: those that the grace period is for that runs; NULL: none runs
 * @gathered: those that came since
 * @n: how many of these
 * @rcu: of @waiting
 */
struct gone {
	spinlock_t lock;	/* see above */
	struct xtcp_request *waiting;
	struct xtcp_request *gathered;
	unsigned int n;
	struct rcu_head rcu;
};

static DEFINE_PER_CPU(struct gone, gone);

static unsigned int entries_max;
module_param_named(half_open, entries_max, uint, 0444);
MODULE_PARM_DESC(half_open, "half-open connections of all namespaces, at most 2147483647 (0, the default: as many as fit in 1/128 of the memory)");

/**
 * xtcp_entry_init() - the slabs of the entries and the limit of their number
 *
 * Context: process, module init.
 *
 * Return: 0, -EINVAL when the parameter is out of range, or -ENOMEM.
 */
int xtcp_entry_init(void)
{
	int cpu;

	BUILD_BUG_ON(V4_SIZE > 96);
	BUILD_BUG_ON(sizeof(struct xtcp_request) > 128);

	if (entries_max > INT_MAX) {
		pr_err("half_open=%u: at most %u, or 0 for the default\n", entries_max, INT_MAX);
		return -EINVAL;
	}
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu(gone, cpu).lock);
	slab_v4 = xtcp_compat_slab(KBUILD_MODNAME "_request", V4_SIZE, 0);
	slab_v6 = xtcp_compat_slab(KBUILD_MODNAME "_request6", sizeof(struct xtcp_request), 0);
	if (!slab_v4 || !slab_v6)
		goto err_slabs;
	if (percpu_counter_init(&entries_in_use, 0, GFP_KERNEL))
		goto err_slabs;
	if (percpu_counter_init(&guest_entries, 0, GFP_KERNEL))
		goto err_counter;
	/* /sys/module shows how many they may be */
	if (!entries_max)
		entries_max = min_t(u64, ((u64)totalram_pages() << PAGE_SHIFT) / MEMORY_SHARE /
					 sizeof(struct xtcp_request), INT_MAX);
	/* all processors' together are a small part of the least limit */
	entries_batch = clamp(entries_max / (16 * XTCP_GUESTS_PART * XTCP_GUEST_SHARE) / num_possible_cpus(), 1U, 32U);
	return 0;

err_counter:
	percpu_counter_destroy(&entries_in_use);
err_slabs:
	kmem_cache_destroy(slab_v6);
	kmem_cache_destroy(slab_v4);
	return -ENOMEM;
}

/**
 * xtcp_entry_exit() - give the slabs back
 *
 * Context: process, module exit. All entries are out of the table, and rcu_barrier() was called.
 */
void xtcp_entry_exit(void)
{
	/* those that had gathered behind the ones before */
	rcu_barrier();
	percpu_counter_destroy(&guest_entries);
	percpu_counter_destroy(&entries_in_use);
	kmem_cache_destroy(slab_v6);
	kmem_cache_destroy(slab_v4);
}

static struct kmem_cache *entry_cache(const struct xtcp_request *he)
{
	return he->conn.v4 ? slab_v4 : slab_v6;
}

/**
 * xtcp_entry_net_init() - a namespace has no entries
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_entry_net_init(struct xtcp_net *xn)
{
	return percpu_counter_init(&xn->entries, 0, GFP_KERNEL_ACCOUNT);
}

/**
 * xtcp_entry_net_exit() - it has none again
 * @xn: the namespace
 *
 * Context: process, namespace exit.
 */
void xtcp_entry_net_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(percpu_counter_sum(&xn->entries));
	percpu_counter_destroy(&xn->entries);
}

static bool is_room_for_entry(struct xtcp_net *xn)
{
	const s64 guests_max = entries_max / XTCP_GUESTS_PART;

	if (percpu_counter_read_positive(&entries_in_use) >= entries_max)
		return false;
	return !xn->is_guest || (percpu_counter_read_positive(&guest_entries) < guests_max &&
				 percpu_counter_read_positive(&xn->entries) < guests_max / XTCP_GUEST_SHARE);
}

static u32 bytes_of(bool v4)
{
	return v4 ? V4_SIZE : sizeof(struct xtcp_request);
}

/**
 * xtcp_entry_syn() - the SYN that an entry keeps
 * @he: has one
 *
 * Context: any, as long as @he is there.
 *
 * Return: what stands behind the entry.
 */
struct xtcp_saved_syn *xtcp_entry_syn(const struct xtcp_request *he)
{
	return (struct xtcp_saved_syn *)((u8 *)he + bytes_of(he->conn.v4));
}

/* As how many entries it counts, by the memory that it takes. */
static int weight(const struct xtcp_request *he)
{
	if (likely(!he->has_syn))
		return 1;
	return DIV_ROUND_UP(kmalloc_size_roundup(bytes_of(he->conn.v4) + xtcp_savedsyn_bytes(xtcp_entry_syn(he)->len)),
			    sizeof(struct xtcp_request));
}

/* A namespace has one more or one less (@sign); it may be gone when the memory is freed. */
static void count_entry(struct xtcp_net *xn, const struct xtcp_request *he, int sign)
{
	if (xn->is_guest)
		percpu_counter_add_batch(&xn->entries, sign * weight(he), entries_batch);
}

/* The memory of one more is in use, or of one less (@sign). */
static void count_memory(const struct xtcp_request *he, int sign)
{
	percpu_counter_add_batch(&entries_in_use, sign * weight(he), entries_batch);
	if (he->of_guest)
		percpu_counter_add_batch(&guest_entries, sign * weight(he), entries_batch);
}

/**
 * xtcp_entry_new() - an entry that is kept
 * @xn: its namespace
 * @v4: its addresses are IPv4's
 *
 * Context: any.
 *
 * Return: the entry, zeroed, to be filled and put in, or freed; NULL without memory or when all namespaces together
 * have their share, or this one has.
 */
struct xtcp_request *xtcp_entry_new(struct xtcp_net *xn, bool v4)
{
	struct xtcp_request *he;

	if (!is_room_for_entry(xn))
		return NULL;
	he = kmem_cache_zalloc(v4 ? slab_v4 : slab_v6, GFP_ATOMIC | __GFP_NOWARN);
	if (!he)
		return NULL;
	he->conn.v4 = v4;
	he->of_guest = xn->is_guest;
	count_memory(he, 1);
	count_entry(xn, he, 1);
	return he;
}

/**
 * xtcp_entry_new_for_syn() - an entry that is kept, with its SYN
 * @xn: its namespace
 * @v4: its addresses are IPv4's
 * @len: octets of the SYN, to be written to xtcp_entry_syn()
 *
 * Context: any.
 *
 * Return: as xtcp_entry_new().
 */
struct xtcp_request *xtcp_entry_new_for_syn(struct xtcp_net *xn, bool v4, u32 len)
{
	struct xtcp_request *he;

	if (!is_room_for_entry(xn))
		return NULL;
	he = kzalloc(bytes_of(v4) + xtcp_savedsyn_bytes(len), GFP_ATOMIC | __GFP_NOWARN);
	if (!he)
		return NULL;
	he->conn.v4 = v4;
	he->has_syn = true;
	he->of_guest = xn->is_guest;
	xtcp_entry_syn(he)->len = len;
	count_memory(he, 1);
	count_entry(xn, he, 1);
	return he;
}

static void give_memory_back(struct xtcp_request *he)
{
	count_memory(he, -1);
	if (unlikely(he->has_syn))
		kfree(he);
	else
		kmem_cache_free(entry_cache(he), he);
}

/**
 * xtcp_entry_free() - give an entry back that was never in the table
 * @xn: its namespace
 * @he: from xtcp_entry_new()
 *
 * Context: any.
 */
void xtcp_entry_free(struct xtcp_net *xn, struct xtcp_request *he)
{
	count_entry(xn, he, -1);
	give_memory_back(he);
}

/* It left the table a grace period ago. */
static void entry_free_rcu(struct rcu_head *rcu)
{
	give_memory_back(container_of(rcu, struct xtcp_request, rcu));
}

/* So did these. */
static void free_all(struct xtcp_request *he)
{
	int weights = 0, of_guests = 0;
	void *batch[BULK];
	unsigned int n = 0;

	while (he) {
		weights += weight(he);
		if (he->of_guest)
			of_guests += weight(he);
		batch[n++] = he;
		he = he->next_gone;
		/* the slab itself tells IPv4 from IPv6 */
		if (n == BULK || !he) {
			kfree_bulk(n, batch);
			n = 0;
		}
	}
	percpu_counter_add_batch(&entries_in_use, -weights, entries_batch);
	if (of_guests)
		percpu_counter_add_batch(&guest_entries, -of_guests, entries_batch);
}

/* The next one begins for those that have gathered. */
static void grace_period_over(struct rcu_head *rcu)
{
	struct gone *mine = container_of(rcu, struct gone, rcu);
	struct xtcp_request *over;

	spin_lock(&mine->lock);
	over = mine->waiting;
	mine->waiting = mine->gathered;
	mine->gathered = NULL;
	mine->n = 0;
	if (mine->waiting)
		call_rcu(&mine->rcu, grace_period_over);
	spin_unlock(&mine->lock);
	free_all(over);
}

/* Out of the table: it is freed when no lookup can have it any more. */
static void free_after_grace_period(struct xtcp_request *he)
{
	struct gone *mine;

	lockdep_assert_in_softirq();
	mine = this_cpu_ptr(&gone);
	spin_lock(&mine->lock);
	if (!mine->waiting) {
		he->next_gone = NULL;
		mine->waiting = he;
		call_rcu(&mine->rcu, grace_period_over);
	} else if (mine->n < GATHERED_MAX) {
		he->next_gone = mine->gathered;
		mine->gathered = he;
		mine->n++;
	} else {
		call_rcu(&he->rcu, entry_free_rcu);
	}
	spin_unlock(&mine->lock);
}

static struct list_head *level_of(struct xtcp_synq *synq, const struct xtcp_request *he)
{
	return &synq->level[min_t(unsigned int, he->level, XTCP_ENTRY_LEVELS - 1)];
}

/**
 * xtcp_entry_timeout() - how long a SYN-ACK waits for its ACK
 * @level: timeouts so far
 *
 * RFC 6298 (2.1), (5.5) and (2.5).
 *
 * Context: any.
 *
 * Return: jiffies.
 */
unsigned long xtcp_entry_timeout(unsigned int level)
{
	unsigned long timeout = msecs_to_jiffies(XTCP_RTO_INITIAL_MS) << min_t(unsigned int, level, XTCP_ENTRY_LEVELS);

	return min(timeout, msecs_to_jiffies(XTCP_RTO_MAX_MS));
}

/**
 * xtcp_entry_seconds_of() - how long a SYN-ACK waits, all timeouts together
 * @timeouts: how many
 *
 * Context: any.
 *
 * Return: seconds.
 */
int xtcp_entry_seconds_of(unsigned int timeouts)
{
	unsigned long sum = 0;
	unsigned int level;

	for (level = 0; level < timeouts; level++)
		sum += xtcp_entry_timeout(level);
	return sum / HZ;
}

/**
 * xtcp_entry_timeouts_within() - TCP_DEFER_ACCEPT's seconds as timeouts of a SYN-ACK
 * @seconds: how long; not positive: none
 *
 * Context: any.
 *
 * Return: the least number that waits as long, 255 at most.
 */
u8 xtcp_entry_timeouts_within(int seconds)
{
	u8 timeouts = 0;

	while (seconds > xtcp_entry_seconds_of(timeouts) && timeouts < U8_MAX)
		timeouts++;
	return timeouts;
}

/* Apart, so that a change that nobody traces pays nothing for the tuple. */
static noinline_for_stack void trace_synq_length(const struct xtcp_listener *listener, const struct xtcp_request *he,
						 unsigned int len, int reason)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);

	trace_xtcp_queue(listener->sk, &tuple, XTCP_TRACE_SYN_QUEUE, listener->synq.len, len, reason);
}

/* @he: the entry that comes or goes */
static void set_synq_length(struct xtcp_listener *listener, const struct xtcp_request *he, unsigned int len, int reason)
{
	if (trace_xtcp_queue_enabled())
		trace_synq_length(listener, he, len, reason);
	WRITE_ONCE(listener->synq.len, len);
	if (len > listener->synq.peak)
		WRITE_ONCE(listener->synq.peak, len);
}

/* Puts an entry at the end of its level, whose timeout begins now. */
static void schedule_entry(struct xtcp_listener *listener, struct xtcp_request *he)
{
	struct xtcp_synq *synq = &listener->synq;
	unsigned long expires = jiffies + xtcp_entry_timeout(he->level);

	lockdep_assert_held(&listener->lock);
	WRITE_ONCE(he->expires, (u32)expires);
	if (!timer_pending(&synq->timer) || time_before(expires, synq->timer.expires))
		mod_timer(&synq->timer, expires);
	list_add_tail(&he->node, level_of(synq, he));
}

/* Takes an entry off its list; the caller has taken it out of the table, or does, and frees it. */
static void unlist_entry(struct xtcp_listener *listener, struct xtcp_request *he, int reason)
{
	lockdep_assert_held(&listener->lock);
	WRITE_ONCE(he->dead, true);
	list_del(&he->node);
	if (!he->level)
		listener->synq.young--;
	set_synq_length(listener, he, listener->synq.len - 1, reason);
	count_entry(xtcp_net_of(listener->sk), he, -1);
}

static void count_resent(struct xtcp_request *he)
{
	if (he->resent < U8_MAX)
		he->resent++;
}

/**
 * xtcp_entry_restart() - its SYN-ACK goes out once more: the timeout begins anew
 * @listener: its listener
 * @he: not dead
 *
 * Context: softirq. Lock: the listener's, held.
 */
void xtcp_entry_restart(struct xtcp_listener *listener, struct xtcp_request *he)
{
	lockdep_assert_held(&listener->lock);
	count_resent(he);
	list_del(&he->node);
	schedule_entry(listener, he);
}

/**
 * xtcp_entry_completed() - an entry has become a child, which has its place in the table already
 * @listener: its listener
 * @he: not dead
 *
 * Context: softirq. Lock: the listener's, held.
 */
void xtcp_entry_completed(struct xtcp_listener *listener, struct xtcp_request *he)
{
	lockdep_assert_held(&listener->lock);
	unlist_entry(listener, he, XTCP_TRACE_COMPLETED);
	free_after_grace_period(he);
}

/**
 * xtcp_entry_drop() - end an entry that will be no child
 * @listener: its listener
 * @he: not dead
 * @reason: XTCP_TRACE_*
 *
 * Context: softirq or process, BH disabled. Lock: the listener's, held.
 */
void xtcp_entry_drop(struct xtcp_listener *listener, struct xtcp_request *he, int reason)
{
	struct net *net = sock_net(listener->sk);

	unlist_entry(listener, he, reason);
	xtcp_demux_remove(xtcp_net_of(listener->sk), &he->conn);
	trace_xtcp_conn_state(net, &he->conn, TCP_SYN_RECV, TCP_CLOSE);
	free_after_grace_period(he);
}

/**
 * xtcp_entry_note_declined() - from now on an ACK without an entry may be good
 * @listener: refused to keep an entry, or gave one up early
 *
 * Context: any.
 */
void xtcp_entry_note_declined(struct xtcp_listener *listener)
{
	const u32 now = xtcp_clock_seconds();

	/* in a flood once a second, and not for each SYN: all processors read it */
	if (READ_ONCE(listener->group->declined) != now)
		WRITE_ONCE(listener->group->declined, now);
}

/**
 * xtcp_entry_may_have_declined() - may an ACK without an entry be good?
 * @listener: of its port
 *
 * Context: any.
 *
 * Return: true when xtcp_entry_note_declined() was called for it or another of its group in the last 120 seconds.
 */
bool xtcp_entry_may_have_declined(const struct xtcp_listener *listener)
{
	/* signed: another processor may have seen a later second */
	return (s32)(xtcp_clock_seconds() - READ_ONCE(listener->group->declined)) <= BELIEVE_S;
}

/*
 * How many timeouts an entry gets. When the queue is more than half full, old entries give way to young ones: the
 * rule of Linux's reqsk_timer_handler. *@cut: fewer than they would have had.
 */
static unsigned int retries(const struct xtcp_listener *listener, bool *cut)
{
	const struct xtcp_sock *xsk = xtcp_sk(listener->sk);
	const struct xtcp_synq *synq = &listener->synq;
	unsigned int limit = READ_ONCE(xsk->syn_retries) ?:
			     READ_ONCE(xtcp_net_of(listener->sk)->sysctl.synack_retries);
	unsigned int young = synq->young * 2;

	*cut = false;
	if (synq->len * 2 <= max(8U, listener->accept_max))
		return limit;
	while (limit > 2 && synq->len >= young) {
		limit--;
		young *= 2;
		*cut = true;
	}
	return limit;
}

/* The entry whose deadline comes first. */
static struct xtcp_request *earliest_entry(struct xtcp_synq *synq)
{
	struct xtcp_request *he, *first = NULL;
	int i;

	for (i = 0; i < XTCP_ENTRY_LEVELS; i++) {
		he = list_first_entry_or_null(&synq->level[i], struct xtcp_request, node);
		if (he && (!first || time_before32(he->expires, first->expires)))
			first = he;
	}
	return first;
}

/* TCP_DEFER_ACCEPT, and a bare ACK came: the entry waits for data, to the end of that time. */
static bool waits_for_data(const struct xtcp_listener *listener, const struct xtcp_request *he, unsigned int timeouts)
{
	return he->acked && timeouts < READ_ONCE(xtcp_sk(listener->sk)->defer_accept);
}

/* Deals with the first entry whose time has come: ends it, or moves it on and returns it if it is to be sent again. */
static bool expire_one(struct xtcp_listener *listener, struct xtcp_request **resend)
{
	struct xtcp_synq *synq = &listener->synq;
	struct xtcp_request *he;
	bool cut;

	lockdep_assert_held(&listener->lock);
	*resend = NULL;
	he = listener->closed ? NULL : earliest_entry(synq);
	if (!he)
		return false;
	if (time_after32(he->expires, (u32)jiffies)) {
		mod_timer(&synq->timer, xtcp_clock_jiffies(he->expires));
		return false;
	}
	XTCP_NET_INC_STATS(xtcp_net_of(listener->sk), LINUX_MIB_TCPTIMEOUTS);
	if (he->level >= retries(listener, &cut) && !waits_for_data(listener, he, he->level)) {
		if (cut || he->acked)
			xtcp_entry_note_declined(listener);
		trace_xtcp_conn_timer(sock_net(listener->sk), &he->conn, he->level + 1, 0);
		xtcp_entry_drop(listener, he, XTCP_TRACE_TIMED_OUT);
		return true;
	}
	if (!he->level)
		synq->young--;
	list_del(&he->node);
	/* at the last timeout before the end the peer is asked once more: its ACK will do then */
	if (!waits_for_data(listener, he, he->level + 1)) {
		count_resent(he);
		*resend = he;
	}
	if (he->level < U8_MAX)
		WRITE_ONCE(he->level, he->level + 1);
	if (trace_xtcp_conn_timer_enabled())
		trace_xtcp_conn_timer(sock_net(listener->sk), &he->conn, he->level,
				      jiffies_to_msecs(xtcp_entry_timeout(he->level)));
	schedule_entry(listener, he);
	return true;
}

static void expired_synack(struct timer_list *timer)
{
	struct xtcp_listener *listener = container_of(timer, struct xtcp_listener, synq.timer);
	struct xtcp_request *resend;
	int batch = RESEND_BATCH;
	bool more;

	rcu_read_lock();
	do {
		spin_lock(&listener->lock);
		more = expire_one(listener, &resend);
		if (more && !--batch)
			mod_timer(&listener->synq.timer, jiffies + 1);
		spin_unlock(&listener->lock);
		if (resend)
			xtcp_reply_synack_again(listener->sk, resend);
	} while (more && batch);
	rcu_read_unlock();
}

/**
 * xtcp_entry_start() - make the empty SYN queue of a new listener
 * @listener: nobody else has it yet
 *
 * Context: process.
 */
void xtcp_entry_start(struct xtcp_listener *listener)
{
	int i;

	for (i = 0; i < XTCP_ENTRY_LEVELS; i++)
		INIT_LIST_HEAD(&listener->synq.level[i]);
	listener->group->declined = xtcp_clock_seconds() - BELIEVE_S - 1;
	timer_setup(&listener->synq.timer, expired_synack, 0);
}

/**
 * xtcp_entry_stop() - drop all entries and the timer of a listener
 * @listener: closed
 *
 * Context: process, may sleep. No lock of the listener.
 */
void xtcp_entry_stop(struct xtcp_listener *listener)
{
	struct xtcp_request *he;
	int n;

	might_sleep();
	WARN_ON_ONCE(!listener->closed);
	/* no new ones come, and segments for those that are left may go on ending them */
	do {
		spin_lock_bh(&listener->lock);
		for (n = 0; n < STOP_BATCH && (he = earliest_entry(&listener->synq)); n++)
			xtcp_entry_drop(listener, he, XTCP_TRACE_CLOSED);
		spin_unlock_bh(&listener->lock);
		cond_resched();
	} while (n == STOP_BATCH);
	timer_delete_sync(&listener->synq.timer);
}

/**
 * xtcp_entry_insert() - put a new entry in table and list
 * @listener: its listener
 * @he: filled
 * @key: by which the SYN was looked up
 *
 * Context: softirq, RCU read side. Takes the listener's lock.
 *
 * Return: 0; or @he is the caller's still: -ECONNABORTED when the listener is closed, -EADDRNOTAVAIL when the tuple is
 * taken (the same SYN on two CPUs).
 */
int xtcp_entry_insert(struct xtcp_listener *listener, struct xtcp_request *he, const struct xtcp_demux_key *key)
{
	struct net *net = sock_net(listener->sk);
	int err = -ECONNABORTED;

	spin_lock(&listener->lock);
	if (!listener->closed)
		err = xtcp_demux_insert_new(xtcp_net_of(listener->sk), &he->conn, key);
	if (!err) {
		listener->synq.young++;
		set_synq_length(listener, he, listener->synq.len + 1, XTCP_TRACE_ARRIVED);
		schedule_entry(listener, he);
	}
	spin_unlock(&listener->lock);
	if (!err)
		trace_xtcp_conn_state(net, &he->conn, TCP_CLOSE, TCP_SYN_RECV);
	return err;
}
