// SPDX-License-Identifier: GPL-2.0
/*
 * The queues of a listener: half-open entries with their timer and their memory (RFC 4987), and
 * children that wait for accept().
 *
 * Each entry is in the table of connections, and on one of its listener's lists: one for each
 * number of timeouts from 0 to 6, and one for 7 or more. All entries of a list wait equally long,
 * so it is in order of deadlines, but for inherited ones (schedule_inherited()). One timer serves
 * all lists. It sends the SYN-ACK again and doubles the timeout, up to 120 s; after the last retry
 * it ends the entry. See expire_one() for TCP_DEFER_ACCEPT, retries() for full queues.
 *
 * An entry enters and leaves the table and its list under the listener's lock. When it has left
 * both, it is "dead", and its memory is freed after a grace period, for lookups. While one runs,
 * dead entries gather and share the next. The listener outlives its entries.
 *
 * The entries of all namespaces may use 1/128 of the memory by default, those of all guests half of
 * this, and those of one maker's guests (memory.c) a quarter of the half. An entry with a copy of
 * its SYN counts as several.
 *
 * A child is established, or TCP Fast Open has made it before its handshake is complete. The queue
 * holds a reference to each, which accept() hands to the new file. accept() also charges its memory
 * to a memory control group: nobody pays for a child that waits. The backlog limits these, and
 * net.core.somaxconn the backlog, which a guest sets as it likes. So the children of all guests
 * have a limit, too, and those of one maker's guests.
 */
#include "listen/listen.h"

#include <linux/module.h>

#include "out/out.h"
#include "recv/recv.h"

#define UNACCEPTED_PART	32	/* the children of all guests that wait may take 1/32 of the memory */
#define CHILD_SIZE	1536	/* the memory of a child, as struct xtcp_sock takes it; octets */

static struct xtcp_guests guest_children = { .thing = XTCP_GUESTS_CHILDREN };
module_param_named(guest_unaccepted, guest_children.max, uint, 0444);
MODULE_PARM_DESC(guest_unaccepted, "connections that wait for accept() in all namespaces of users other than the machine's own, at most 2147483647 (0, the default: as many as fit in 1/32 of the memory)");

static void count_of_guest(struct xtcp_listener *listener, int change)
{
	xtcp_guests_count(&guest_children, xtcp_net_of(listener->sk), change);
	listener->guest_weight += change;
}

/* In a guest, counts a child that joins (@sign 1) or leaves (-1). What keys and a saved SYN take counts, too. */
static void count_child(struct xtcp_listener *listener, const struct sock *child, int sign)
{
	const struct xtcp_saved_syn *syn;
	const struct sk_filter *filter;
	int octets;

	if (likely(!xtcp_net_of(listener->sk)->is_guest))
		return;
	syn = xtcp_sk(child)->saved_syn;
	filter = rcu_dereference_raw(child->sk_filter);
	octets = atomic_read(&child->sk_omem_alloc) + (syn ? xtcp_savedsyn_bytes(syn->len) : 0);
	if (filter)	/* the listener has it, too */
		octets -= bpf_prog_size(filter->prog->len);
	count_of_guest(listener, sign * (1 + octets / CHILD_SIZE));
}

/**
 * xtcp_acceptq_is_full() - is the accept queue full?
 * @listener: the queues; without their lock, the answer may be out of date at once
 *
 * As in Linux, it takes one child more than its limit. In a guest, it is also full if all guests
 * together, or those of its maker, have as many waiting children as they may.
 * Context: any.
 */
bool xtcp_acceptq_is_full(const struct xtcp_listener *listener)
{
	const struct xtcp_net *xn = xtcp_net_of(listener->sk);

	return READ_ONCE(listener->accept_len) > READ_ONCE(listener->accept_max) ||
	       (unlikely(xn->is_guest) && xtcp_guests_exceed(&guest_children, xn, guest_children.max, 1));
}

/* Not inlined, so that the tuple takes stack only while tracing is on. */
static noinline_for_stack void trace_length(const struct xtcp_listener *listener, const struct xtcp_conn *conn,
					    int queue, unsigned int before, unsigned int len, int reason)
{
	struct xtcp_tuple tuple;

	if (conn)
		tuple = xtcp_conn_tuple(conn);
	trace_xtcp_queue(listener->sk, conn ? &tuple : NULL, queue, before, len, reason);
}

/* @conn: the child that joins or leaves; NULL: all leave. */
static void set_length(struct xtcp_listener *listener, const struct xtcp_conn *conn, unsigned int len, int reason)
{
	if (trace_xtcp_queue_enabled())
		trace_length(listener, conn, XTCP_TRACE_ACCEPT_QUEUE, listener->accept_len, len, reason);
	WRITE_ONCE(listener->accept_len, len);
	if (len > listener->accept_peak)
		WRITE_ONCE(listener->accept_peak, len);
	WRITE_ONCE(listener->sk->sk_ack_backlog, len);
}

/* Appends a child, which is locked, too; the queue, which is not closed, takes over the caller's reference. */
void xtcp_acceptq_add(struct xtcp_listener *listener, struct sock *child)
{
	lockdep_assert_held(&listener->lock);
	list_add_tail(&xtcp_endpoint(child)->accept_node, &listener->accept_queue);
	count_child(listener, child, 1);
	set_length(listener, &xtcp_endpoint(child)->conn, listener->accept_len + 1, XTCP_TRACE_COMPLETED);
}

/**
 * xtcp_acceptq_take() - take the oldest child off the queue, with the queue's reference; or NULL
 * @listener: the queues
 * Context: process. Takes the listener's lock.
 */
struct sock *xtcp_acceptq_take(struct xtcp_listener *listener)
{
	struct xtcp_endpoint *child;

	spin_lock_bh(&listener->lock);
	child = list_first_entry_or_null(&listener->accept_queue, struct xtcp_endpoint, accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		count_child(listener, xtcp_sk_of(child), -1);
		set_length(listener, &child->conn, listener->accept_len - 1, XTCP_TRACE_ACCEPTED);
	}
	spin_unlock_bh(&listener->lock);
	return child ? xtcp_sk_of(child) : NULL;
}

/* Closes both queues of a listener that has left the table. @children receives those that nobody accepted. */
void xtcp_acceptq_close(struct xtcp_listener *listener, struct list_head *children)
{
	lockdep_assert_held(&listener->lock);
	/* smp_store_release() pairs with smp_load_acquire() in xtcp_listen_has_ended() */
	smp_store_release(&listener->closed, true);
	list_splice_init(&listener->accept_queue, children);
	if (listener->guest_weight)
		count_of_guest(listener, -listener->guest_weight);
	set_length(listener, NULL, 0, XTCP_TRACE_CLOSED);
}

#define MEMORY_SHARE	128		/* all namespaces' entries may take 1/128 of the memory */
#define GATHERED_MAX	512		/* limit of entries that share the next grace period */
#define BULK		64		/* entries freed by one kfree_bulk() */

static struct kmem_cache *slab_v4, *slab_v6;
static struct percpu_counter entries_in_use;	/* includes entries that wait to be freed */
/* those of @entries_in_use that belong to guests */
static struct xtcp_guests guest_entries = { .thing = XTCP_GUESTS_ENTRIES };
static s32 entries_batch;	/* that of @guest_entries, apart from what guests write */

/* A processor's entries that have left the table. */
struct free_batch {
	spinlock_t lock;		/* guards the other fields */
	struct xtcp_request *waiting;	/* for the running grace period; NULL: none runs */
	struct xtcp_request *gathered;	/* since it began, for the next one */
	unsigned int n;			/* length of @gathered */
	struct rcu_head rcu;		/* the end of the running grace period */
};

static DEFINE_PER_CPU(struct free_batch, free_batches);

static unsigned int entries_max;
module_param_named(half_open, entries_max, uint, 0444);
MODULE_PARM_DESC(half_open, "half-open connections of all namespaces, at most 2147483647 (0, the default: as many as fit in 1/128 of the memory)");

static int xtcp_pool_init(void)
{
	int cpu, err;

	BUILD_BUG_ON(XTCP_POOL_V4_SIZE > 96);
	BUILD_BUG_ON(sizeof(struct xtcp_request) > 128);

	err = xtcp_guests_limit(&entries_max, "half_open", MEMORY_SHARE, sizeof(struct xtcp_request));
	if (err)
		return err;
	guest_entries.max = entries_max / XTCP_GUESTS_PART;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu(free_batches, cpu).lock);
	slab_v4 = xtcp_compat_slab(KBUILD_MODNAME "_request", XTCP_POOL_V4_SIZE, 0);
	slab_v6 = xtcp_compat_slab(KBUILD_MODNAME "_request6", sizeof(struct xtcp_request), 0);
	if (!slab_v4 || !slab_v6)
		goto err_slabs;
	if (percpu_counter_init(&entries_in_use, 0, GFP_KERNEL))
		goto err_slabs;
	if (xtcp_guests_init(&guest_entries))
		goto err_counter;
	entries_batch = guest_entries.batch;
	return 0;

err_counter:
	percpu_counter_destroy(&entries_in_use);
err_slabs:
	kmem_cache_destroy(slab_v6);
	kmem_cache_destroy(slab_v4);
	return -ENOMEM;
}

/* All entries are out of the table, and the caller has called rcu_barrier(). */
static void xtcp_pool_exit(void)
{
	/* grace_period_over() may have called call_rcu() again, for entries that had gathered */
	rcu_barrier();
	xtcp_guests_exit(&guest_entries);
	percpu_counter_destroy(&entries_in_use);
	kmem_cache_destroy(slab_v6);
	kmem_cache_destroy(slab_v4);
}

/* 1, or with a struct xtcp_saved_syn the memory of both in units of struct xtcp_request, rounded up. */
static int weight(const struct xtcp_request *he)
{
	if (likely(!he->has_syn))
		return 1;
	return DIV_ROUND_UP(kmalloc_size_roundup(xtcp_pool_bytes_of(he->conn.v4) +
						 xtcp_savedsyn_bytes(xtcp_pool_syn(he)->len)),
			    sizeof(struct xtcp_request));
}

/*
 * Counts an entry of a guest for its maker (@sign 1), or no longer (-1): that before it leaves the
 * table, since the namespace and its maker may end before its memory is freed.
 */
static void count_entry(struct xtcp_net *xn, const struct xtcp_request *he, int sign)
{
	if (xn->is_guest)
		xtcp_guests_count_maker(&guest_entries, xn, sign * weight(he));
}

/* Adds an entry to the counts of memory (@sign 1), or subtracts it (-1). */
static void count_memory(const struct xtcp_request *he, int sign)
{
	percpu_counter_add_batch(&entries_in_use, sign * weight(he), entries_batch);
	if (he->of_guest)
		xtcp_guests_count_all(&guest_entries, sign * weight(he));
}

/*
 * Allocates a zeroed entry. If @has_syn, there is space behind it for a SYN of @len octets, which
 * the caller writes to xtcp_pool_syn(); one of more than 65,535 octets is not kept. Return: NULL
 * without memory, or at a limit.
 */
struct xtcp_request *xtcp_pool_new(struct xtcp_net *xn, bool v4, bool has_syn, u32 len)
{
	struct xtcp_request *he;

	if (xtcp_counter_about(&entries_in_use) >= entries_max ||
	    (xn->is_guest && xtcp_guests_exceed(&guest_entries, xn, guest_entries.max, 1)))
		return NULL;
	if (len > U16_MAX)
		len = 0;
	if (likely(!has_syn))
		he = kmem_cache_zalloc(v4 ? slab_v4 : slab_v6, GFP_ATOMIC | __GFP_NOWARN);
	else
		he = kzalloc(xtcp_pool_bytes_of(v4) + xtcp_savedsyn_bytes(len), GFP_ATOMIC | __GFP_NOWARN);
	if (!he)
		return NULL;
	he->conn.v4 = v4;
	he->of_guest = xn->is_guest;
	if (unlikely(has_syn)) {
		he->has_syn = true;
		xtcp_pool_syn(he)->len = len;
	}
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
		kmem_cache_free(he->conn.v4 ? slab_v4 : slab_v6, he);
}

/* Frees an entry that was never in the table. */
void xtcp_pool_free(struct xtcp_net *xn, struct xtcp_request *he)
{
	count_entry(xn, he, -1);
	give_memory_back(he);
}

static void entry_free_rcu(struct rcu_head *rcu)
{
	give_memory_back(container_of(rcu, struct xtcp_request, rcu));
}

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
		he = he->next_in_batch;
		/* kfree_bulk() finds the right slab of each entry */
		if (n == BULK || !he) {
			kfree_bulk(n, batch);
			n = 0;
		}
	}
	percpu_counter_add_batch(&entries_in_use, -weights, entries_batch);
	if (of_guests)
		xtcp_guests_count_all(&guest_entries, -of_guests);
}

/* Frees the waiting entries, and starts a grace period for those that have gathered. */
static void grace_period_over(struct rcu_head *rcu)
{
	struct free_batch *mine = container_of(rcu, struct free_batch, rcu);
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

static void xtcp_pool_free_dead(struct xtcp_net *xn, struct xtcp_request *he)
{
	struct free_batch *mine;

	lockdep_assert_in_softirq();
	count_entry(xn, he, -1);
	mine = this_cpu_ptr(&free_batches);
	spin_lock(&mine->lock);
	if (!mine->waiting) {
		he->next_in_batch = NULL;
		mine->waiting = he;
		call_rcu(&mine->rcu, grace_period_over);
	} else if (mine->n < GATHERED_MAX) {
		he->next_in_batch = mine->gathered;
		mine->gathered = he;
		mine->n++;
	} else {
		call_rcu(&he->rcu, entry_free_rcu);
	}
	spin_unlock(&mine->lock);
}

#define RESEND_BATCH	256		/* entries that one run of the timer handles */
#define STOP_BATCH	64		/* entries dropped before the lock is released */
#define HEIR_STEPS	64		/* most steps to the position of an inherited entry */

static struct list_head *level_of(struct xtcp_synq *synq, const struct xtcp_request *he)
{
	return &synq->level[min_t(unsigned int, he->level, XTCP_ENTRY_LEVELS - 1)];
}

static void set_synq_length(struct xtcp_listener *listener, const struct xtcp_request *he, unsigned int len, int reason)
{
	if (trace_xtcp_queue_enabled())
		trace_length(listener, &he->conn, XTCP_TRACE_SYN_QUEUE, listener->synq.len, len, reason);
	WRITE_ONCE(listener->synq.len, len);
	if (len > listener->synq.peak)
		WRITE_ONCE(listener->synq.peak, len);
}

/* Appends an entry to the list of its level; its timeout begins now. */
static void schedule_entry(struct xtcp_listener *listener, struct xtcp_request *he)
{
	struct xtcp_synq *synq = &listener->synq;
	unsigned long expires = jiffies + xtcp_entry_timeout(he->level);

	lockdep_assert_held(&listener->lock);
	WRITE_ONCE(he->expires, (u32)expires);
	if (!xtcp_clock_timer_pending(&synq->timer) || time_before(expires, synq->timer.expires))
		mod_timer(&synq->timer, expires);
	list_add_tail(&he->node, level_of(synq, he));
}

static void unlist_entry(struct xtcp_listener *listener, struct xtcp_request *he, int reason)
{
	lockdep_assert_held(&listener->lock);
	list_del(&he->node);
	if (!he->level)
		listener->synq.young--;
	set_synq_length(listener, he, listener->synq.len - 1, reason);
}

/* The caller takes the entry out of the table, and frees it. */
static void end_entry(struct xtcp_listener *listener, struct xtcp_request *he, int reason)
{
	WRITE_ONCE(he->dead, true);
	unlist_entry(listener, he, reason);
}

static void count_resent(struct xtcp_request *he)
{
	if (he->resent < U8_MAX)
		WRITE_ONCE(he->resent, he->resent + 1);
}

/* Its SYN-ACK goes out again. @he is not dead. */
void xtcp_entry_restart(struct xtcp_listener *listener, struct xtcp_request *he)
{
	lockdep_assert_held(&listener->lock);
	count_resent(he);
	list_del(&he->node);
	schedule_entry(listener, he);
}

/* Its child has replaced it in the table. @he is not dead. */
void xtcp_entry_completed(struct xtcp_listener *listener, struct xtcp_request *he)
{
	lockdep_assert_held(&listener->lock);
	end_entry(listener, he, XTCP_TRACE_COMPLETED);
	xtcp_pool_free_dead(xtcp_net_of(listener->sk), he);
}

/**
 * xtcp_entry_drop() - end an entry that gets no child
 * @listener: the listener of @he
 * @he: the entry, not dead
 * @reason: why it ends, for the tracepoint: XTCP_TRACE_*
 * Context: softirq or process, BH disabled. Lock: the listener's, held.
 */
void xtcp_entry_drop(struct xtcp_listener *listener, struct xtcp_request *he, int reason)
{
	struct net *net = sock_net(listener->sk);

	end_entry(listener, he, reason);
	xtcp_demux_remove(xtcp_net_of(listener->sk), &he->conn);
	trace_xtcp_conn_state(net, &he->conn, TCP_SYN_RECV, TCP_CLOSE);
	xtcp_pool_free_dead(xtcp_net_of(listener->sk), he);
}

/*
 * How often the timer may send the SYN-ACK of an entry again. As in Linux, old entries, which have
 * had a timeout, leave room for new ones: when the queue has more than four entries, is more than
 * half full, and at least half of it is old, the number is reduced (*@cut), but not below 2.
 */
static unsigned int retries(const struct xtcp_listener *listener, bool *cut)
{
	const struct xtcp_endpoint *ep = xtcp_endpoint(listener->sk);
	const struct xtcp_synq *synq = &listener->synq;
	unsigned int limit = READ_ONCE(ep->syn_retries) ?:
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

struct xtcp_request *xtcp_entry_first(struct xtcp_listener *listener)
{
	struct xtcp_request *he, *first = NULL;
	int i;

	lockdep_assert_held(&listener->lock);
	for (i = 0; i < XTCP_ENTRY_LEVELS; i++) {
		he = list_first_entry_or_null(&listener->synq.level[i], struct xtcp_request, node);
		if (he && (!first || time_before32(he->expires, first->expires)))
			first = he;
	}
	return first;
}

/*
 * Puts an inherited entry, which keeps its deadline, on the list of its level. The search for its
 * position stops after HEIR_STEPS steps from the end: so it may be late, by a timeout at most.
 */
static void schedule_inherited(struct xtcp_listener *listener, struct xtcp_request *he)
{
	const unsigned long expires = xtcp_clock_jiffies(he->expires);
	struct xtcp_synq *synq = &listener->synq;
	struct list_head *head = level_of(synq, he), *at = head->prev;
	int steps = HEIR_STEPS;

	lockdep_assert_held(&listener->lock);
	while (at != head && steps-- && time_before32(he->expires, list_entry(at, struct xtcp_request, node)->expires))
		at = at->prev;
	list_add(&he->node, at);
	if (!xtcp_clock_timer_pending(&synq->timer) || time_before(expires, synq->timer.expires))
		mod_timer(&synq->timer, expires);
}

/*
 * Moves an entry to another listener of the group. @from has left the table of listeners, and @to
 * was found there later, so its lock nests inside (handover.c). Return: 0; -EAGAIN: @to is closed;
 * -ENOBUFS: it may inherit no more. Nothing has changed then.
 */
int xtcp_entry_hand_over(struct xtcp_listener *from, struct xtcp_listener *to, struct xtcp_request *he)
{
	int err = 0;

	lockdep_assert_held(&from->lock);
	spin_lock_nested(&to->lock, SINGLE_DEPTH_NESTING);
	if (to->closed)
		err = -EAGAIN;
	else if (!xtcp_listen_may_inherit(to, to->synq.len))
		err = -ENOBUFS;
	if (!err) {
		unlist_entry(from, he, XTCP_TRACE_CLOSED);
		WRITE_ONCE(he->lsk, to->sk);
		to->synq.young += !he->level;
		set_synq_length(to, he, to->synq.len + 1, XTCP_TRACE_ARRIVED);
		schedule_inherited(to, he);
	}
	spin_unlock(&to->lock);
	return err;
}

/* Does TCP_DEFER_ACCEPT let an entry wait for data? Begins with a bare ACK; @timeouts may not reach the limit. */
static bool waits_for_data(const struct xtcp_listener *listener, const struct xtcp_request *he, unsigned int timeouts)
{
	return he->acked && timeouts < READ_ONCE(xtcp_endpoint(listener->sk)->defer_accept);
}

/*
 * Handles the timeout of the first entry, if it is due: ends it, or sets the next deadline.
 * *@resend: the entry if its SYN-ACK goes out again. Return: false if none is due.
 */
static bool expire_one(struct xtcp_listener *listener, struct xtcp_request **resend)
{
	struct xtcp_synq *synq = &listener->synq;
	struct xtcp_request *he;
	bool cut;

	lockdep_assert_held(&listener->lock);
	*resend = NULL;
	he = listener->closed ? NULL : xtcp_entry_first(listener);
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
	/* while it waits for data, only the last timeout sends a SYN-ACK, whose ACK is enough */
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

void xtcp_entry_start(struct xtcp_listener *listener)
{
	int i;

	for (i = 0; i < XTCP_ENTRY_LEVELS; i++)
		INIT_LIST_HEAD(&listener->synq.level[i]);
	listener->group->declined = xtcp_clock_seconds() - XTCP_ENTRY_BELIEVE_S - 1;
	timer_setup(&listener->synq.timer, expired_synack, 0);
}

/* Drops all entries of a closed listener and stops its timer. Its lock is not held. */
void xtcp_entry_stop(struct xtcp_listener *listener)
{
	struct xtcp_request *he;
	int n;

	might_sleep();
	WARN_ON_ONCE(!listener->closed);
	/* arriving segments may still end entries, but add none */
	do {
		spin_lock_bh(&listener->lock);
		for (n = 0; n < STOP_BATCH && (he = xtcp_entry_first(listener)); n++)
			xtcp_entry_drop(listener, he, XTCP_TRACE_CLOSED);
		spin_unlock_bh(&listener->lock);
		cond_resched();
	} while (n == STOP_BATCH);
	timer_delete_sync(&listener->synq.timer);
}

/*
 * Puts a new entry into the table and on its list. @key: of the SYN. Return: 0; -ECONNABORTED: the
 * listener is closed; -EADDRNOTAVAIL: another CPU has got the same SYN. The caller owns @he then.
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

static int entry_init(void)
{
	int err = xtcp_pool_init();

	if (err)
		return err;
	err = xtcp_guests_limit(&guest_children.max, "guest_unaccepted", UNACCEPTED_PART, CHILD_SIZE) ?:
	      xtcp_guests_init(&guest_children);
	if (err)
		xtcp_pool_exit();
	return err;
}

/* All listeners have ended, and the caller has called rcu_barrier(). */
static void entry_exit(void)
{
	xtcp_guests_exit(&guest_children);
	xtcp_pool_exit();
}

const struct xtcp_part xtcp_entry_part = { entry_init, entry_exit };
