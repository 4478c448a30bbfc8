// SPDX-License-Identifier: GPL-2.0
/*
 * Connections without a sock. A record stands for a connection in TIME-WAIT, or for an orphan in
 * FIN-WAIT-2: how it begins, waits and ends, what it answers, and when its tuple is free again.
 *
 * A record replaces its sock in the table of connections. It has a reference to the lease that
 * reserves its port (ports/lease.c), and only the fields that an answer needs. The records of a
 * namespace are spread over its shards by hash. A shard has a lock, a timer, and two lists in order
 * of expiry, one for each state. In a full namespace (net.ipv4.tcp_max_tw_buckets), a new record
 * evicts the one of its shard that expires next, or one of another shard if its own is empty. So no
 * connection is denied its TIME-WAIT. All guests together have a limit, too, and those of one maker.
 *
 * When the sock ends, the record enters a list, under the lock of its shard. Later one caller
 * claims it: sets "dead" under the same lock. xtcp_batch_end() then takes the records of a batch
 * out of the table, puts their leases, and frees them after one grace period. Between the two, a
 * connection that takes the tuple may replace the record in the table, or take it out.
 *
 * Answers: SEGMENT ARRIVES for TIME-WAIT, and for orphans in FIN-WAIT-2 (RFC 9293 section 3.10.7.4,
 * RFC 1337). RFC 6191 says when a new connection may take the tuple. Three things differ from
 * Linux. A RST does not end TIME-WAIT (RFC 1337), unless net.xtcp.rfc1337 is 0. Only the peer's
 * FIN, and an empty segment at RCV.NXT, restart the wait of 2 MSL. In FIN-WAIT-2, RST, SYN and ACK
 * must pass the checks of RFC 5961, as in other states.
 */
#include "timewait/timewait.h"

#include <net/flow.h>
#include <net/l3mdev.h>

#include "base/bounds.h"
#include "ecn/ecn.h"
#include "out/out.h"
#include "ports/ports.h"
#include "sight/sight.h"

#define RECORDS_BATCH	16	/* records that a processor may count before it updates the sum */
#define ROUGH_PART	64	/* a large limit may be exceeded by 1/64 of itself */
#define LITTLE_PART	16	/* share_of_guest() */
#define MUCH_TIMES	2	/* the same */
#define GUESTS_MEMORY	32	/* the records of all guests may take 1/32 of the memory */
/* memory that a record's port takes if no other record or sock uses the port, octets */
#define PORT_SIZE	(sizeof(struct xtcp_lease) + sizeof(struct inet_bind_bucket) + sizeof(struct inet_bind2_bucket))

/*
 * Any user can create guests, and set their max_tw_buckets. So the records of all guests have a limit,
 * and those of one maker's (memory.c). A signed record counts as two, for its keys (record_init()).
 */
static struct xtcp_guests guest_records = { .thing = XTCP_GUESTS_RECORDS };
module_param_named(guest_timewait, guest_records.max, uint, 0444);
MODULE_PARM_DESC(guest_timewait, "TIME-WAIT records of all namespaces of users other than the machine's own, at most 2147483647 (0, the default: as many as fit in 1/32 of the memory, each with a port of its own)");

/* Copies of the sock's keys; they follow a signed record in memory. */
struct xtcp_recordkeys {
	struct xtcp_ao *ao;		/* the TCP-AO that signs; NULL: @md5 signs */
	struct xtcp_md5_key md5;
};

/* @change: records that begin, minus records that end. */
static void xtcp_quota_count(struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->rest->records, change, RECORDS_BATCH);
	if (unlikely(xn->is_guest))
		xtcp_guests_count(&guest_records, xn, change);
}

/* The same for signed records, besides xtcp_quota_count(). */
static void xtcp_quota_count_signed(struct xtcp_net *xn, int change)
{
	atomic_add(change, &xn->rest->signed_records);
	if (xn->is_guest)
		xtcp_guests_count(&guest_records, xn, change);
}

/*
 * How many records may a guest have? Usually all of the share of its maker's guests. A guest that
 * adds a record evicts only its own (make_room()), and never the new one. So once the maker, or all
 * guests together, have too much, each guest has 1/LITTLE_PART of the share: guests with many evict
 * some when they add one, guests with few keep theirs. Otherwise a maker's second guest would have
 * to live on one record.
 *
 * In this way a maker with very many guests could have many times his share. So beyond MUCH_TIMES
 * of it, each of his guests that adds a record is left with less and less, in the end with the
 * newest alone. The same applies to the guests of many makers, but not to those of a maker who has
 * no more than one guest may have then.
 */
static unsigned int share_of_guest(const struct xtcp_net *xn)
{
	const s64 most = guest_records.max;
	unsigned int share = guest_records.max / XTCP_MAKER_SHARE;

	if (xtcp_guests_exceed(&guest_records, xn, most, 0)) {
		share /= LITTLE_PART;
		if (xtcp_guests_exceed(&guest_records, xn, MUCH_TIMES * most, 0) &&
		    xtcp_guests_maker_exceeds(&guest_records, xn, share))
			share = 0;
	}
	/* a signed record uses up two of @share, but xtcp_rest.records counts it as one */
	return share - min_t(unsigned int, share, atomic_read(&xn->rest->signed_records));
}

static bool xtcp_quota_exceeded(struct xtcp_net *xn)
{
	unsigned int limit = READ_ONCE(xn->sysctl.max_tw_buckets);

	if (xn->is_guest)
		limit = min(limit, share_of_guest(xn));
	return xtcp_counter_above(&xn->rest->records, limit, RECORDS_BATCH, ROUGH_PART);
}

static struct xtcp_recordkeys *keys_place(const struct xtcp_timewait *tw)
{
	return (struct xtcp_recordkeys *)((u8 *)tw + xtcp_record_size(tw->conn.v4));
}

/* The key that signs a record's answers; constant. NULL: not by MD5. RCU read side, or the lock of its shard. */
const struct xtcp_md5_key *xtcp_recordkeys_md5(const struct xtcp_timewait *tw)
{
	return unlikely(tw->is_signed) && !keys_place(tw)->ao ? &keys_place(tw)->md5 : NULL;
}

/* The TCP-AO state of a record, or NULL. As xtcp_recordkeys_md5(). */
struct xtcp_ao *xtcp_recordkeys_ao(const struct xtcp_timewait *tw)
{
	return unlikely(tw->is_signed) ? keys_place(tw)->ao : NULL;
}

/* The signer of an answer to @skb. @tw: the record itself, since a copy has no keys. RCU read side. */
static void xtcp_recordkeys_signer(const struct xtcp_timewait *tw, const struct sk_buff *skb,
				   struct xtcp_signer *signer)
{
	const struct xtcp_ao *ao = xtcp_recordkeys_ao(tw);

	*signer = (struct xtcp_signer) { .md5 = xtcp_recordkeys_md5(tw) };
	if (unlikely(ao))
		xtcp_signer_of_record(signer, ao, skb);
}

/* Copies the keys of a sock. Return: false without memory or without a key. */
static noinline bool xtcp_recordkeys_fill(struct xtcp_timewait *tw, const struct sock *sk)
{
	struct xtcp_recordkeys *keys = keys_place(tw);
	const struct xtcp_ao *ao = xtcp_ao_of(sk);
	const struct xtcp_key *key;

	memset(keys, 0, sizeof(*keys));
	if (ao && ao->current_key) {
		keys->ao = xtcp_aoconn_for_record(sk);
		return keys->ao;
	}
	/* no key is found if the device has just left the VRF for which it is set */
	key = xtcp_keys_of(sk);
	if (unlikely(!key))
		return false;
	keys->md5 = key->md5;
	return true;
}

/* Nobody reads the record any more. */
static void xtcp_recordkeys_drop(struct xtcp_timewait *tw)
{
	if (keys_place(tw)->ao)
		xtcp_aokeys_free_copy(keys_place(tw)->ao);
	memzero_explicit(&keys_place(tw)->md5, sizeof(struct xtcp_md5_key));
}

#define MAP_GROUPS	16	/* groups of records that have left the table: tell_maps() */
#define FREE_BATCH	64	/* records that one kfree_bulk() frees */

static void free_rcu(struct rcu_head *rcu)
{
	struct xtcp_timewait *tw = container_of(rcu, struct xtcp_timewait, rcu);
	void *batch[FREE_BATCH];
	unsigned int n = 0;

	/* IPv4 and IPv6 may be mixed: kfree_bulk() finds the slab of each */
	while (tw) {
		if (n == FREE_BATCH) {
			kfree_bulk(n, batch);
			n = 0;
		}
		batch[n++] = tw;
		tw = tw->next_dead;
	}
	kfree_bulk(n, batch);
}

static void free_signed_rcu(struct rcu_head *rcu)
{
	struct xtcp_timewait *tw;

	for (tw = container_of(rcu, struct xtcp_timewait, rcu); tw; tw = tw->next_dead)
		if (tw->is_signed)
			xtcp_recordkeys_drop(tw);
	free_rcu(rcu);
}

static const struct xtcp_conn *next_in_group(const struct xtcp_conn *conn)
{
	return container_of(conn, struct xtcp_timewait, conn)->next_in_group;
}

/*
 * Tells the maps of ports (port.c) that records have left the table. Records of different maps often
 * alternate, so they are grouped by map, and its lock is taken once for successive records.
 */
static noinline void tell_maps(struct xtcp_net *xn, const struct xtcp_conn *const *groups)
{
	int i;

	for (i = 0; i < MAP_GROUPS; i++)
		if (groups[i])
			xtcp_portmaps_tuples_ended(xn, groups[i], next_in_group);
}

/*
 * Uncounts the signed records of @claimed. If the namespace has none, as mostly, there are none: a
 * record is counted before it enters its list. Return: do they need free_signed_rcu()?
 */
static bool uncount_signed(struct xtcp_net *xn, const struct list_head *claimed)
{
	const struct xtcp_timewait *tw;
	int n = 0;

	if (likely(!atomic_read(&xn->rest->signed_records)))
		return false;
	list_for_each_entry(tw, claimed, node)
		n += tw->is_signed;
	if (n)
		xtcp_quota_count_signed(xn, -n);
	return n;
}

static void put_lease(struct xtcp_lease *lease, unsigned int n)
{
	if (lease)
		xtcp_lease_put_users(lease, n);
}

/* Takes claimed records out of the table, puts their leases and frees them. BH is disabled, no shard locked. */
static void xtcp_batch_end(struct xtcp_net *xn, struct list_head *claimed)
{
	const struct xtcp_conn *groups[MAP_GROUPS] = { }, **group;
	unsigned int total = 0, users = 0, absent = 0;
	struct xtcp_lease *lease = NULL;
	struct xtcp_timewait *tw;
	bool has_signed, has_maps = false;

	if (list_empty(claimed))
		return;
	has_signed = uncount_signed(xn, claimed);
	list_for_each_entry(tw, claimed, node) {
		if (trace_xtcp_conn_state_enabled())
			trace_xtcp_conn_state(xn->net, &tw->conn, tw->substate, TCP_CLOSE);
		/* a map sets conn.map under the lock of the hash chain, as xtcp_demux_leave() takes it */
		if (!xtcp_demux_leave(&tw->conn)) {
			absent++;
		} else if (tw->conn.map) {
			group = &groups[tw->conn.map % MAP_GROUPS];
			tw->next_in_group = *group;
			*group = &tw->conn;
			has_maps = true;
		}
		/* a server's records share one lease: put that lease once for all of them */
		if (tw->lease != lease) {
			put_lease(lease, users);
			lease = tw->lease;
			total += users;
			users = 0;
		}
		users++;
		tw->next_dead = list_next_entry(tw, node);
	}
	if (has_maps)
		tell_maps(xn, groups);
	put_lease(lease, users);
	xtcp_demux_left(xn, total + users - absent);
	/* free all these records after one grace period */
	list_last_entry(claimed, struct xtcp_timewait, node)->next_dead = NULL;
	call_rcu(&list_first_entry(claimed, struct xtcp_timewait, node)->rcu, has_signed ? free_signed_rcu : free_rcu);
}

#define END_BATCH	256	/* at most this many records end before the lock is released */
#define TIMER_NS	(500 * NSEC_PER_USEC) /* then the timer goes on in the next tick */
/* when no expired record is left, the timer rests for this, or an eighth of TIME-WAIT if less; Linux is as coarse */
#define TIMER_REST	(HZ / 2)
#define SORT_STEPS	32	/* at most so many that expire later are passed: enlist() */
#define EVICT_STEPS	4	/* above the limit, a new record evicts at most so many */
#define KILLED_JIFFIES	(4 * HZ) /* TWKilled counts records that wait no longer, as in Linux */

static struct kmem_cache *cache_v4, *cache_v6;

/* All records are freed: rcu_barrier() was called. */
static void record_exit(void)
{
	kmem_cache_destroy(cache_v6);
	kmem_cache_destroy(cache_v4);
	xtcp_guests_exit(&guest_records);
}

static int record_init(void)
{
	int err;

	BUILD_BUG_ON(offsetof(struct xtcp_timewait, conn) + XTCP_CONN_V4_END > 96);
	BUILD_BUG_ON(sizeof(struct xtcp_timewait) > 128);
	/* next_in_group must replace node.prev, not node.next, which links the batch */
	BUILD_BUG_ON(offsetof(struct xtcp_timewait, next_in_group) != offsetof(struct xtcp_timewait, node.prev));
	/* kfree_bulk() of SLOB cannot free objects of a slab */
	BUILD_BUG_ON(IS_ENABLED(CONFIG_SLOB));
	/*
	 * a signed record may count as two: with its port it takes at most the memory of two
	 * unsigned ones and their ports; somewhat more with pointers of 32 bits
	 */
	BUILD_BUG_ON(IS_ENABLED(CONFIG_64BIT) &&
		     roundup_pow_of_two(sizeof(struct xtcp_timewait) + sizeof(struct xtcp_recordkeys)) +
		     XTCP_AO_RECORD_BYTES > 2 * sizeof(struct xtcp_timewait) + PORT_SIZE);

	err = xtcp_guests_limit(&guest_records.max, "guest_timewait", GUESTS_MEMORY,
				sizeof(struct xtcp_timewait) + PORT_SIZE) ?:
	      xtcp_guests_init(&guest_records);
	if (err)
		return err;
	cache_v4 = xtcp_compat_slab(KBUILD_MODNAME "_timewait", xtcp_record_size(true), 0);
	cache_v6 = xtcp_compat_slab(KBUILD_MODNAME "_timewait6", xtcp_record_size(false), 0);
	if (!cache_v4 || !cache_v6) {
		record_exit();
		return -ENOMEM;
	}
	return 0;
}

const struct xtcp_part xtcp_records_part = { record_init, record_exit };

static unsigned long timewait_jiffies(const struct xtcp_net *xn)
{
	return msecs_to_jiffies(READ_ONCE(xn->sysctl.timewait_ms));
}

/*
 * Puts a record on its list. It nearly always expires last. With a shorter timeout it passes at most
 * SORT_STEPS records that expire later, and may end late, together with the one before it.
 */
static void enlist(struct xtcp_shard *shard, struct xtcp_timewait *tw, unsigned long timeout)
{
	struct list_head *head = tw->substate == TCP_TIME_WAIT ? &shard->tw_list : &shard->fin_wait2_list;
	struct list_head *at = head->prev;
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

/* Begins the end of a record that is not dead: it moves to @claimed, for xtcp_batch_end() without the lock. */
static void xtcp_record_claim(struct xtcp_net *xn, struct xtcp_timewait *tw, struct list_head *claimed)
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

static struct xtcp_timewait *earliest(struct xtcp_shard *shard)
{
	struct xtcp_timewait *a = first_of(&shard->tw_list), *b = first_of(&shard->fin_wait2_list);

	lockdep_assert_held(&shard->lock);
	if (!a || !b)
		return a ?: b;
	return time_before32(b->expires, a->expires) ? b : a;
}

/* Ends the expired records of a list, at most END_BATCH. Return: true when there may be more. */
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

/* The timer of a shard. A wakeup costs more than a record's end: those that expire nearly together end together. */
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

static int record_net_init(struct xtcp_net *xn)
{
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask; i++) {
		INIT_LIST_HEAD(&xn->shards[i].tw_list);
		INIT_LIST_HEAD(&xn->shards[i].fin_wait2_list);
		timer_setup(&xn->shards[i].tw_timer, expired_records, 0);
	}
	return percpu_counter_init(&xn->rest->records, 0, GFP_KERNEL_ACCOUNT);
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

/* No segment arrives and no sock ends any more. */
static void record_net_exit(struct xtcp_net *xn)
{
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask; i++)
		end_shard(&xn->shards[i]);
	WARN_ON_ONCE(percpu_counter_sum(&xn->rest->records) || atomic_read(&xn->rest->signed_records));
	percpu_counter_destroy(&xn->rest->records);
}

const struct xtcp_net_part xtcp_record_part = { record_net_init, record_net_exit };

static struct xtcp_timewait *new_record(bool v4, bool is_signed)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;

	if (likely(!is_signed))
		return kmem_cache_alloc(v4 ? cache_v4 : cache_v6, gfp);
	return kmalloc(xtcp_record_size(v4) + sizeof(struct xtcp_recordkeys), gfp);
}

/*
 * When TS.Recent was taken, in milliseconds; 0: never. The sock knows it in whole seconds: the age
 * may be a second too large. It is at most 30 days, or it overflows 32 bits before the record ends.
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

/* Evicts the record of @at, or of the next shard that has any, that expires next. Return: false when all are empty. */
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

/* The new record is counted, but on no list yet. If the limit was lowered, each new record evicts a few. */
static void make_room(struct xtcp_net *xn, const struct xtcp_shard *shard)
{
	int steps;

	if (!xtcp_quota_exceeded(xn))
		return;
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPTIMEWAITOVERFLOW);
	for (steps = 0; steps < EVICT_STEPS && xtcp_quota_exceeded(xn) && evict(xn, shard); steps++)
		;
}

/* Replaces the sock by the record in the table. Return: false when the sock is not there. */
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
 * How long to wait in FIN-WAIT-2, jiffies: TCP_LINGER2 or fin_timeout, but at least 3.5 RTOs. A peer
 * with the same RTO sends its FIN again after 1 and 3 RTOs, so it may be lost twice.
 */
static unsigned long fin_wait2_jiffies(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long timeout = xsk->linger2 ? xsk->linger2 * HZ :
					       READ_ONCE(xtcp_net_of(sk)->sysctl.fin_timeout);
	unsigned long rto = msecs_to_jiffies(xtcp_bounds_rto_ms(&xsk->inet.sk));

	return max(timeout, (rto << 2) - (rto >> 1));
}

/*
 * Puts a record into the table in place of a sock whose state leads to TIME-WAIT, or of an orphan in
 * FIN-WAIT-2. RFC 9293 section 3.6.1, MUST-13. As in Linux, there is none without memory.
 */
void xtcp_record_begin(struct sock *sk, int substate)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	unsigned long timeout = substate == TCP_TIME_WAIT ? timewait_jiffies(xn) : fin_wait2_jiffies(sk);
	const bool is_signed = xtcp_signer_room(sk);
	struct xtcp_timewait *tw;

	sock_owned_by_me(sk);
	tw = new_record(xtcp_sk(sk)->conn.v4, is_signed);
	if (!tw) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPTIMEWAITOVERFLOW);
		return;
	}
	fill_record(tw, sk, substate);
	if (unlikely(is_signed) && !xtcp_recordkeys_fill(tw, sk)) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPTIMEWAITOVERFLOW);
		kfree(tw);
		return;
	}
	tw->is_signed = is_signed;
	if (replace_sock(xn, sk, tw, timeout)) {
		XTCP_NET_INC_STATS(xn, timeout <= KILLED_JIFFIES ? LINUX_MIB_TIMEWAITKILLED : LINUX_MIB_TIMEWAITED);
		trace_xtcp_conn_state(xn->net, &xtcp_sk(sk)->conn, sk->sk_state, substate);
		return;
	}
	if (unlikely(is_signed))
		xtcp_recordkeys_drop(tw);
	kfree(tw);
}

/* Starts the wait of 2 MSL, again or after FIN-WAIT-2 (RFC 9293 section 3.10.7.4, eighth step). */
static void xtcp_record_restart(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	struct xtcp_shard *shard = xtcp_shard_of(xn, tw->conn.hash);

	lockdep_assert_held(&shard->lock);
	list_del(&tw->node);
	enlist(shard, tw, timewait_jiffies(xn));
}

/**
 * xtcp_record_drop() - end a record that was found in the table
 * @xn: its namespace
 * @tw: the record
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

/* The new ISN is beyond all that the old connection sent (RFC 9293 section 3.6.1, MAY-2) */
#define REOPEN_STEP	65537

/* Only the timestamps of a connection tell the peer's old segments from new ones (RFC 6191 section 4). */
static bool ended_with_ts(const struct xtcp_timewait *tw)
{
	return tw->substate == TCP_TIME_WAIT && tw->ts_ok && tw->ts_recent_stamp;
}

/* Has the peer's timestamp clock had time to tick? */
static bool has_rested(const struct xtcp_net *xn, const struct xtcp_timewait *tw)
{
	return xtcp_clock_ts_stamp() - tw->ts_recent_stamp > READ_ONCE(xn->sysctl.tw_reuse_delay);
}

/* If the program has not chosen the port, net.xtcp.tw_reuse must permit it, and the record must have rested. */
static bool may_reuse(const struct xtcp_net *xn, const struct xtcp_timewait *tw, bool bound)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&tw->conn);

	if (!ended_with_ts(tw))
		return false;
	if (bound)
		return true;
	return xtcp_timewait_reuse_is_on(xn, &tuple, tw->conn.bound_dev_if) && has_rested(xn, tw);
}

/**
 * xtcp_timewait_keeps() - does a connection have this tuple that an active open may not replace?
 * @xn: the namespace; xtcp_timewait_reuse_is_on() is true for the tuple
 * @key: the tuple with the port that connect() considers; the interfaces as in xtcp_demux_insert().
 *	This function sets the hash
 *
 * connect() asks first: to take the port and give it back needs three times as many instructions.
 *
 * After false, xtcp_demux_insert() or xtcp_timewait_reuse() look again under their locks. After true,
 * the caller goes on to another port, as if it had looked a moment earlier.
 * Context: process.
 */
bool xtcp_timewait_keeps(struct xtcp_net *xn, struct xtcp_demux_key *key)
{
	const struct xtcp_timewait *tw;
	const struct xtcp_conn *conn;
	bool keeps = false;

	key->hash = xtcp_demux_hash(xn, &key->tuple);
	rcu_read_lock();
	conn = xtcp_demux_lookup(xn, key);
	if (conn) {
		tw = container_of(conn, struct xtcp_timewait, conn);
		keeps = conn->kind != XTCP_CONN_TIMEWAIT || conn->bound_dev_if != key->dif ||
			/* a segment may change the record meanwhile; see above */
			data_race(!ended_with_ts(tw) || !has_rested(xn, tw));
	}
	rcu_read_unlock();
	return keeps;
}

/**
 * xtcp_timewait_reuse() - let an active open take the place of a record in the table
 * @sk: xtcp_demux_insert() has refused it; addresses, ports, device and hash are set
 * @bound: the program has chosen the local port
 *
 * ISS and timestamp offset continue the numbers of the old connection, so that the peer accepts the
 * SYN as a new one (RFC 9293 section 3.6.1, RFC 6191; Linux's tcp_tw_reuse).
 * Context: process. Lock: socket, held.
 * Return: true when @sk is in the table now, which has a reference.
 */
bool xtcp_timewait_reuse(struct sock *sk, bool bound)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_demux_key key = {
		.tuple = xtcp_conn_tuple(&tx->conn),
		.dif = tx->conn.bound_dev_if,
		.sdif = l3mdev_master_ifindex_by_index(sock_net(sk), tx->conn.bound_dev_if),
		.hash = (u64)tx->conn.hash << 32,
	};
	struct xtcp_shard *shard = xtcp_shard_of(xn, tx->conn.hash);
	struct xtcp_timewait *tw;
	struct xtcp_conn *conn;
	bool reused = false;
	LIST_HEAD(claimed);

	sock_owned_by_me(sk);
	sock_hold(sk);	/* the reference of the table */
	rcu_read_lock();
	conn = xtcp_demux_lookup(xn, &key);
	tw = conn && conn->kind == XTCP_CONN_TIMEWAIT ? container_of(conn, struct xtcp_timewait, conn) : NULL;
	if (tw && tw->conn.bound_dev_if == tx->conn.bound_dev_if && may_reuse(xn, tw, bound)) {
		local_bh_disable();
		spin_lock(&shard->lock);
		/* claimed by another caller, it may still be in the table: replace it there, do not claim it again */
		if (may_reuse(xn, tw, bound) && !xtcp_demux_replace(xn, &tw->conn, &tx->conn)) {
			if (!xtcp_repair_is_on(sk))
				xtcp_snd_choose(&tx->snd, tw->snd_nxt + REOPEN_STEP ?: 1, tw->ts_offset);
			if (!tw->dead)
				xtcp_record_claim(xn, tw, &claimed);
			reused = true;
		}
		spin_unlock(&shard->lock);
		xtcp_batch_end(xn, &claimed);
		local_bh_enable();
	}
	rcu_read_unlock();
	if (reused) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TIMEWAITRECYCLED);
		sock_prot_inuse_add(xn->net, sk->sk_prot, 1);
	} else {
		__sock_put(sk);
	}
	return reused;
}

/*
 * Does PAWS reject the segment (RFC 7323 section 5.3, R1)? None if TS.Recent is older than
 * XTCP_PAWS_IDLE_S (section 5.5); as in Linux, no RST after XTCP_PAWS_STAMP_S.
 */
static bool record_fails_paws(const struct xtcp_timewait *tw, u8 flags, bool has_ts, u32 tsval)
{
	u32 idle = (xtcp_clock_ts_stamp() - tw->ts_recent_stamp) / MSEC_PER_SEC;

	if (!tw->ts_ok || !has_ts || !tw->ts_recent_stamp || !tw->ts_recent || xtcp_seq_le(tw->ts_recent, tsval))
		return false;
	return idle < XTCP_PAWS_IDLE_S && (!(flags & XTCP_RST) || idle < XTCP_PAWS_STAMP_S);
}

/* Its sequence number must be new (RFC 9293 section 3.6.1, MAY-2), or its timestamp, if both use them (RFC 6191). */
static bool syn_is_new(const struct xtcp_timewait *tw, u32 seq, bool has_ts, u32 tsval)
{
	if (tw->substate != TCP_TIME_WAIT || record_fails_paws(tw, XTCP_SYN, has_ts, tsval))
		return false;
	return xtcp_seq_gt(seq, tw->rcv_nxt) ||
	       (has_ts && tw->ts_ok && tw->ts_recent_stamp && xtcp_seq_gt(tsval, tw->ts_recent));
}

/**
 * xtcp_timewait_syn_reopens() - may this SYN open a new connection in the place of a record?
 * @tw: found in the table
 * @skb: a segment with SYN, without ACK, RST and FIN; skb->data is the TCP header
 * Context: softirq, RCU read side. No lock, so the answer may be out of date.
 */
bool xtcp_timewait_syn_reopens(const struct xtcp_timewait *tw, const struct sk_buff *skb)
{
	u8 buf[XTCP_HDR_LEN + XTCP_MAX_OPTIONS];
	struct xtcp_options opts;
	const struct tcphdr *th;
	unsigned int len;

	len = xtcp_seg_peek(skb, buf, &th);
	if (!len)
		return false;
	xtcp_options_parse((const u8 *)(th + 1), len - sizeof(*th), true, &opts);
	/* xtcp_timewait_arrives() tests this again, under the lock */
	return data_race(syn_is_new(tw, ntohl(th->seq), opts.has_ts, opts.tsval));
}

/* How to answer, without the lock. */
enum answer {
	ANSWER_NOTHING,
	ANSWER_ACK,
	ANSWER_LIMITED_ACK,	/* an ACK, subject to the rate limit */
	ANSWER_RST_AND_END,
	ANSWER_END,
	ANSWER_REOPEN,
};

static void take_ts(struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	if (!tw->ts_ok || !seg->has_ts)
		return;
	tw->ts_recent = seg->tsval;
	tw->ts_recent_stamp = xtcp_clock_ts_stamp();
}

/* RFC 9293 section 3.10.7.4, table 6. At the right edge, too, unless it is a RST (RFC 5961 section 3.2). */
static bool record_accepts(const struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	u32 right = tw->rcv_nxt + ((u32)tw->rcv_wnd << tw->rcv_wscale);

	if (seg->seq == tw->rcv_nxt)
		return true;
	if (xtcp_seq_gt(seg->end_seq, tw->rcv_nxt) && xtcp_seq_lt(seg->seq, right))
		return true;
	return seg->seq == right && seg->seq == seg->end_seq && !(seg->flags & XTCP_RST);
}

/* The program has closed the socket: the peer may send its FIN, but no more text. */
static enum answer arrives_fin_wait2(struct xtcp_net *xn, struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	bool paws = record_fails_paws(tw, seg->flags, seg->has_ts, seg->tsval);

	/* fourth step: check the SYN bit, whatever the sequence number is (RFC 5961 section 4.2) */
	if ((seg->flags & (XTCP_SYN | XTCP_RST)) == XTCP_SYN) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPSYNCHALLENGE);
		return ANSWER_LIMITED_ACK;
	}
	/* first step: check sequence number */
	if (paws)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_PAWSESTABREJECTED);
	if (paws || !record_accepts(tw, seg))
		return seg->flags & XTCP_RST ? ANSWER_NOTHING : ANSWER_LIMITED_ACK;
	/* second step: check the RST bit (RFC 5961 section 3.2) */
	if (seg->flags & XTCP_RST)
		return seg->seq == tw->rcv_nxt ? ANSWER_END : ANSWER_LIMITED_ACK;
	/*
	 * fifth step: check the ACK field (RFC 5961 section 5.2): forged text must not end the record.
	 * MAX.SND.WND is not known: take the largest window without a shift. What an older ACK
	 * brings, the peer will send again
	 */
	if (!(seg->flags & XTCP_ACK))
		return ANSWER_NOTHING;
	if (!xtcp_seq_between(tw->snd_nxt - XTCP_WINDOW_MAX_UNSCALED, seg->ack, tw->snd_nxt))
		return ANSWER_LIMITED_ACK;
	/* drop segments that bring nothing new */
	if (seg->seq == seg->end_seq || !xtcp_seq_gt(seg->end_seq, tw->rcv_nxt))
		return ANSWER_NOTHING;
	/* seventh step: no program will read text, so reset (SHLD-3) */
	if (!(seg->flags & XTCP_FIN) || seg->end_seq != tw->rcv_nxt + 1) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPABORTONDATA);
		return ANSWER_RST_AND_END;
	}
	/* eighth step: check the FIN bit */
	trace_xtcp_conn_state(xn->net, &tw->conn, TCP_FIN_WAIT2, TCP_TIME_WAIT);
	WRITE_ONCE(tw->substate, TCP_TIME_WAIT);
	tw->rcv_nxt = seg->end_seq;
	take_ts(tw, seg);
	xtcp_record_restart(xn, tw);
	return ANSWER_ACK;
}

/* RFC 9293 section 3.10.7.4 for TIME-WAIT */
static enum answer arrives_time_wait(struct xtcp_net *xn, struct xtcp_timewait *tw, const struct xtcp_seg *seg,
				     bool may_reopen)
{
	bool paws = record_fails_paws(tw, seg->flags, seg->has_ts, seg->tsval);

	/* a RST at RCV.NXT, or a segment at RCV.NXT that has no text, SYN or FIN */
	if (!paws && seg->seq == tw->rcv_nxt && (seg->seq == seg->end_seq || seg->flags & XTCP_RST)) {
		if (!(seg->flags & XTCP_RST))
			xtcp_record_restart(xn, tw);
		else if (!READ_ONCE(xn->sysctl.rfc1337))
			return ANSWER_END;
		take_ts(tw, seg);
		return ANSWER_NOTHING;
	}
	if (may_reopen && xtcp_seg_is_syn_alone(seg)) {
		if (syn_is_new(tw, seg->seq, seg->has_ts, seg->tsval))
			return ANSWER_REOPEN;
		/* changed since ingress.c asked xtcp_timewait_syn_reopens(): nobody checked the SYN with its key */
		if (tw->is_signed)
			return ANSWER_NOTHING;
	}
	if (paws)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_PAWSESTABREJECTED);
	if (seg->flags & XTCP_RST)
		return ANSWER_NOTHING;
	/*
	 * the peer has sent its FIN again: restart the wait of 2 MSL. No other segment does:
	 * anybody may forge it, and a host whose SYN PAWS rejects would keep itself out, since its
	 * RST for our ACK does not end the record
	 */
	if (seg->flags & XTCP_FIN && seg->end_seq == tw->rcv_nxt)
		xtcp_record_restart(xn, tw);
	return ANSWER_LIMITED_ACK;
}

/**
 * xtcp_timewait_arrives() - SEGMENT ARRIVES for a record
 * @xn: the namespace of the record
 * @tw: the record that the lookup found
 * @skb: the segment
 * @iss: receives the ISN when the segment may open a new connection. NULL when no listener would
 *	take it: then no SYN ends the record, because it may be forged (RFC 1337)
 * Context: softirq or process, BH disabled, RCU read side. The caller holds no lock of a shard.
 * Return: XTCP_TW_SYN when the segment is a SYN that a listener may take now; else XTCP_TW_DONE.
 */
enum xtcp_timewait_verdict xtcp_timewait_arrives(struct xtcp_net *xn, struct xtcp_timewait *tw, struct sk_buff *skb,
						 u32 *iss)
{
	struct xtcp_shard *shard = xtcp_shard_of(xn, tw->conn.hash);
	const struct xtcp_seg *seg = xtcp_seg(skb);
	enum answer answer = ANSWER_NOTHING;
	struct xtcp_timewait copy;
	struct xtcp_signer signer;
	bool ends_late = false;
	LIST_HEAD(claimed);
	int skipped;

	spin_lock(&shard->lock);
	if (!tw->dead) {
		if (tw->substate == TCP_TIME_WAIT) {
			skipped = LINUX_MIB_TCPACKSKIPPEDTIMEWAIT;
			answer = arrives_time_wait(xn, tw, seg, iss);
		} else {
			skipped = LINUX_MIB_TCPACKSKIPPEDFINWAIT2;
			answer = arrives_fin_wait2(xn, tw, seg);
		}
		if (answer == ANSWER_LIMITED_ACK && xtcp_acklimit_refuses(xn, seg, skipped, &tw->ack_stamp))
			answer = ANSWER_NOTHING;
		if (answer >= ANSWER_RST_AND_END)
			xtcp_record_claim(xn, tw, &claimed);
	} else if (iss && xtcp_seg_is_syn_alone(seg) && syn_is_new(tw, seg->seq, seg->has_ts, seg->tsval)) {
		answer = ANSWER_REOPEN;
		ends_late = true;
	}
	memcpy(&copy, tw, xtcp_record_size(tw->conn.v4));
	spin_unlock(&shard->lock);
	xtcp_batch_end(xn, &claimed);
	/* another caller is ending the record, perhaps with hundreds: the new connection needs its place now */
	if (unlikely(ends_late) && xtcp_demux_remove(xn, &tw->conn) && tw->conn.map)
		xtcp_portmaps_tuples_ended(xn, &tw->conn, xtcp_portmaps_no_next);

	switch (answer) {
	case ANSWER_NOTHING:
	case ANSWER_END:
		break;
	case ANSWER_ACK:
	case ANSWER_LIMITED_ACK:
		xtcp_recordkeys_signer(tw, skb, &signer);
		xtcp_reply_timewait_ack(xn, &copy, skb, &signer);
		break;
	case ANSWER_RST_AND_END:
		xtcp_recordkeys_signer(tw, skb, &signer);
		xtcp_reply_timewait_rst(xn, &copy, skb, &signer);
		break;
	case ANSWER_REOPEN:
		*iss = copy.snd_nxt + REOPEN_STEP;
		return XTCP_TW_SYN;
	}
	return XTCP_TW_DONE;
}
