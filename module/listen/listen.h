/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handshakes that a listener answers.
 *
 * Comes in: SYNs, third ACKs and RSTs for a listener. Goes out: SYN-ACKs, children for accept().
 *
 * Both queues of a listener share a lock of their own, so softirq never takes the socket
 * lock of a listener. What may not happen here: memory for a SYN beyond the limits of the queue, or a
 * child that does not know its peer.
 */
#ifndef XTCP_LISTEN_H
#define XTCP_LISTEN_H

#include <linux/hash.h>

#include "base/base.h"
#include "sight/sight.h"

struct xtcp_ip_reply;

/* levels 0 to 6 wait for 1, 2, 4 ... 64 s; level 7, for 120 s, has all later timeouts */
#define XTCP_ENTRY_LEVELS	8

/**
 * struct xtcp_synq - the entries of a listener, by the number of their timeouts
 * @level: one list for each number of timeouts, in order of deadlines, unless an inherited entry
 *	stands too far back (entry.c)
 * @len: number of entries
 * @peak: the maximum of @len so far
 * @young: number of entries that have had no timeout yet
 * @timer: fires at the earliest deadline
 */
struct xtcp_synq {
	struct list_head level[XTCP_ENTRY_LEVELS];
	unsigned int len;
	unsigned int peak;
	unsigned int young;
	struct timer_list timer;
};

/**
 * struct xtcp_request - a half-open connection (SYN-RECEIVED by way of LISTEN)
 * @node: links the entries on a list of the listener
 * @next_in_batch: the next entry of a batch that is freed together; only in a dead entry
 * @rcu: for call_rcu(); only in a dead entry that is freed alone
 * @lsk: the listener, which the entry leaves before it is freed. Changes under the locks of both
 *	the old and the new one (handover.c)
 * @expires: the low 32 bits of jiffies at the next timeout
 * @irs: SEG.SEQ of the SYN
 * @iss: our ISN; a cookie, unless the SYN reopens a TIME-WAIT record
 * @ts_recent: TS.Recent, first the TSval of the SYN
 * @sent_us: when the SYN-ACK first went out, microseconds; 0: not known
 * @ack_stamp: jiffies of the last answer to a resent SYN, an unacceptable segment or a RST; 0: none
 * @mark: skb->mark of our segments, as SO_MARK would set it
 * @mss: the peer's MSS option, at most TCP_MAXSEG; or the default; or the MSS in the cookie
 * @rcv_wnd: the window that the SYN-ACK offers, octets
 * @level: number of timeouts so far
 * @tos: DSCP of the SYN, or of the ACK that brought the cookie, for net.xtcp.reflect_tos
 * @snd_wscale: the peer's window shift
 * @rcv_wscale: our window shift
 * @wscale_ok: SYN and SYN-ACK carry window scaling
 * @ts_ok: SYN and SYN-ACK carry timestamps
 * @sack_ok: SYN and SYN-ACK carry SACK-permitted (RFC 2018)
 * @ecn_ok: the SYN asked for ECN, and the SYN-ACK grants it (RFC 3168, RFC 9768)
 * @ecn_maybe: rebuilt from a cookie without timestamps, which does not say whether ECN was granted
 * @accecn_ok: the SYN-ACK grants AccECN mode (RFC 9768)
 * @syn_codepoint: ECN field of the IP header of the SYN
 * @resent: how often the SYN-ACK was sent again
 * @ts_late: how many milliseconds the TSval of the last SYN-ACK is behind the clock, because its
 *	lowest six bits carry options (secret.c)
 * @asked_without: a retransmitted SYN no longer asked for ECN (listener lock)
 * @acked: the handshake's last ACK has come, but made no child: the accept queue was full, another
 *	error occurred, or the entry waits for data (TCP_DEFER_ACCEPT; listener lock)
 * @has_syn: a struct xtcp_saved_syn follows the entry in memory (xtcp_pool_syn()); constant
 * @ao: the SYN has a TCP-AO option, and the listener TCP-AO keys: every segment must have the
 *	option. The KeyIDs of the latest SYN follow in memory
 * @ack_rate_ok: SYN and SYN-ACK have the ACK Rate Request option
 *	(draft-ietf-tcpm-ack-rate-request-10)
 * @of_guest: the namespace belongs to a user namespace other than the initial one; constant
 * @dead: the entry has left the table and its list (listener lock)
 * @conn: the node in the table of connections; last, because IPv4 is allocated without its end
 *
 * Those from @wscale_ok to @syn_codepoint, @ao and @ack_rate_ok are constant once in the table.
 */
struct xtcp_request {
	union {
		struct list_head node;
		struct xtcp_request *next_in_batch;
		struct rcu_head rcu;
	};
	struct sock *lsk;
	u32 expires;
	u32 irs;
	u32 iss;
	u32 ts_recent;
	u32 sent_us;
	u32 ack_stamp;
	u32 mark;
	u16 mss;
	u16 rcv_wnd;
	u8 level;
	u8 tos;
	u8 snd_wscale : 4;
	u8 rcv_wscale : 4;
	bool wscale_ok : 1;
	bool ts_ok : 1;
	bool sack_ok : 1;
	bool ecn_ok : 1;
	bool ecn_maybe : 1;
	bool accecn_ok : 1;
	u8 syn_codepoint : 2;
	u8 resent;
	u8 ts_late;
	bool asked_without : 1;
	bool acked : 1;
	bool has_syn : 1;
	bool of_guest : 1;
	bool ao : 1;
	bool ack_rate_ok : 1;
	bool dead;
	struct xtcp_conn conn;
};

/*
 * The hash that selects the path of a SYN-ACK and of its child, never 0. The ISS is as good as
 * random, so a multiplication suffices. With SO_TXREHASH, one that goes again tries another path.
 */
static inline u32 xtcp_request_path_hash(const struct sock *lsk, const struct xtcp_request *he)
{
	u32 resent = READ_ONCE(lsk->sk_txrehash) == SOCK_TXREHASH_ENABLED ? READ_ONCE(he->resent) : 0;

	return hash_32(he->iss + resent, 32) ?: 1;
}

/* The options that the cookie of an entry has to carry. */
static inline struct xtcp_cookie xtcp_entry_cookie(const struct xtcp_request *he)
{
	return (struct xtcp_cookie) {
		.mss = he->mss,
		.snd_wscale = he->snd_wscale,
		.wscale_ok = he->wscale_ok,
		.ts_ok = he->ts_ok,
		.sack_ok = he->sack_ok,
		.ecn_ok = he->ecn_ok,
	};
}

void xtcp_entry_start(struct xtcp_listener *listener);
void xtcp_entry_stop(struct xtcp_listener *listener);
int xtcp_entry_insert(struct xtcp_listener *listener, struct xtcp_request *he, const struct xtcp_demux_key *key);
void xtcp_entry_restart(struct xtcp_listener *listener, struct xtcp_request *he);
void xtcp_entry_completed(struct xtcp_listener *listener, struct xtcp_request *he);
void xtcp_entry_drop(struct xtcp_listener *listener, struct xtcp_request *he, int reason);
struct xtcp_request *xtcp_entry_first(struct xtcp_listener *listener);
int xtcp_entry_hand_over(struct xtcp_listener *from, struct xtcp_listener *to, struct xtcp_request *he);

/*
 * The two queues of a listener have a lock of their own: segments can fill them while a program
 * holds the socket lock. listen() allocates them; they are freed a grace period after it stops.
 */

/**
 * struct xtcp_listener_stats - one processor's counters of a listener, since listen()
 * @overflows: SYNs and third ACKs refused because the accept queue was full
 * @declined: SYNs that got no entry: a limit, no memory, or net.xtcp.syncookies = 2; dropped, or
 *	answered with a cookie
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
 * struct xtcp_build_calls - what a build does for another one (socket/family.c, names.c, accept.c)
 * @owner: the build
 * @family: the number of its protocol family; lock: @mutex
 * @mutex: of two builds, that of the lower address is the outer one
 * @give_family: leaves its family for another number. Lock: @mutex
 * @operations_of: the operations of a socket whose sock has this protocol; NULL: it is of another build
 * @drain: @to takes over the socket of the listener @sk, and gets its keys; NULL: it could not, after all. Lock: the
 *	socket locks of both. Return: 0, -EBUSY, -ENOMEM, or an error of @set_key
 * @set_key: xtcp_keyopt_set()
 * @has_child: RCU read side
 * @take: takes the oldest child of a listener that drains, or NULL; process context, not locked
 * @stop: the listener that followed has ended: ends @sk, or keeps SYNs out if a program has its lock; process
 *	context, not locked
 * @names: see names.c
 */
struct xtcp_build_calls {
	struct module *owner;
	const int *family;
	struct mutex *mutex;	/* see above */
	void (*give_family)(int number);
	const struct proto_ops *(*operations_of)(const struct proto *prot);
	int (*drain)(struct sock *sk, struct sock *to, const struct xtcp_build_calls *calls);
	int (*set_key)(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);
	bool (*has_child)(const struct sock *sk);
	struct sock *(*take)(struct sock *sk);
	void (*stop)(struct sock *sk);
	const struct xtcp_names_calls *names;
};

/**
 * struct xtcp_relay - leads to a listener of another build
 * @sk: the listener, with a reference
 * @calls: of its build
 * @rcu: frees the struct
 */
struct xtcp_relay {
	struct sock *sk;
	const struct xtcp_build_calls *calls;
	struct rcu_head rcu;
};

/**
 * struct xtcp_listener - the two queues of a listening sock
 * @sk: the listening sock; it outlives this struct
 * @stats: counters of each processor, without a lock: all that a SYN answered by cookie writes
 * @lock: guards the fields below, unless another lock is named; softirq and process; inside the
 *	socket lock. A holder may take a target's (handover.c), those of the table of connections, and
 *	that of entry.c; create.c lists others
 * @open: the program has not closed the listener; lock: the socket's
 * @tells_briefly: at the end, RSTs are sent only for XTCP_TELL_TIME: it has waited for a successor
 *	(handover.c), or SOCK_DESTROY ends it (set.c); lock: the socket's
 * @closed: no entry and no child may be queued any more
 * @accept_queue: children, established or opened by Fast Open, oldest first
 *	(xtcp_endpoint.accept_node)
 * @accept_len: number of children
 * @accept_max: the limit; as in Linux, the queue takes one child more
 * @accept_peak: the maximum of @accept_len so far
 * @guest_weight: in a guest, as how many children those of the queue count
 * @somaxconn: net.core.somaxconn at the last listen(). If @accept_max equals it, the program may
 *	have asked for more: the kernel lowers the backlog before it calls us
 * @synq: half-open entries (entry.c)
 * @group: the listeners among which SYNs are distributed; perhaps this one alone (listeners.c)
 * @members: those with the same address, port and device; lock: xtcp_rest.listeners_lock
 * @member_index: the listener's index in @members; the same lock
 * @cpu: the processor in whose array it is (listeners.c), in none if no processor has this number;
 *	lock: xtcp_incoming.cpus
 * @cpu_index: its index there; the same lock
 * @number: its number for listings in /proc (listeners.c)
 * @net: the namespace, once the listener has ended: a reference until the last lookup. NULL for a
 *	kernel's sock, which has none
 * @user: to whom the black boxes of children belong (blackbox.c); constant
 * @before: the listener whose socket it has taken over; stays when that one has ended, for calls that
 *	still have it (socket/accept.c); RCU, writers: the socket lock
 * @deserted: nobody will accept its children, but it could not be ended: it takes no SYN; no lock
 * @after: the listener that has taken over its socket: it drains; RCU, writers: the socket lock
 * @rcu: frees the struct after the last lookup
 * @aborts: number of aborted children for each reason; no lock (lease.c)
 */
struct xtcp_listener {
	struct sock *sk;
	struct xtcp_listener_stats __percpu *stats;
	spinlock_t lock;		/* see above */
	bool closed;
	bool open;
	bool tells_briefly;
	bool deserted;
	struct list_head accept_queue;
	unsigned int accept_len;
	unsigned int accept_max;
	unsigned int accept_peak;
	int guest_weight;
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
	struct xtcp_relay __rcu *before;
	struct xtcp_relay __rcu *after;
	struct rcu_head rcu;
	atomic_t aborts[XTCP_ABORT_MAX + 1];
};

/* seconds to check cookies after xtcp_entry_note_declined(); a cookie expires in 64 to 128 s */
#define XTCP_ENTRY_BELIEVE_S	120

/* Jiffies until a SYN-ACK is sent again, after @level timeouts (RFC 6298 (2.1), (5.5), (2.5)). */
static inline unsigned long xtcp_entry_timeout(unsigned int level)
{
	unsigned long timeout = msecs_to_jiffies(XTCP_RTO_INITIAL_MS) << min_t(unsigned int, level, XTCP_ENTRY_LEVELS);

	return min(timeout, msecs_to_jiffies(XTCP_RTO_MAX_MS));
}

/*
 * From now on, believe valid cookies in ACKs: a SYN was answered by a cookie and has no entry, or
 * its entry has ended early (retries()), or after its ACK; or a valid ACK makes no child and gets
 * no RST.
 */
static inline void xtcp_entry_note_declined(struct xtcp_listener *listener)
{
	const u32 now = xtcp_clock_seconds();

	/* write once a second, not for each SYN of a flood: all processors read this variable */
	if (READ_ONCE(listener->group->declined) != now)
		WRITE_ONCE(listener->group->declined, now);
}

static inline void xtcp_listen_free(struct xtcp_listener *listener)
{
	free_percpu(listener->stats);
	kfree(listener);
}

/* NULL if the listener has just stopped. RCU read side. */
static inline struct xtcp_listener *xtcp_listen_queues(const struct sock *lsk)
{
	/* smp_load_acquire() pairs with smp_store_release() in socket/family.c */
	return smp_load_acquire(&xtcp_endpoint(lsk)->listener);
}

/* Has a listener ended since a lookup found it? Another lookup does not find it then. */
static inline bool xtcp_listen_has_ended(const struct xtcp_listener *listener)
{
	/* pairs with smp_store_release() in entry.c, before which the listener leaves the table */
	return !listener || smp_load_acquire(&listener->closed);
}

/* May the listener inherit one more, if its queue has @len (handover.c)? A backlog of 0 counts as 1. */
static inline bool xtcp_listen_may_inherit(const struct xtcp_listener *target, unsigned int len)
{
	lockdep_assert_held(&target->lock);
	return len / 2 < max(READ_ONCE(target->accept_max), 1U);
}

/* False for a sock read from a listening socket that another build has just taken over, or given to us. */
static inline bool xtcp_listen_is_ours(const struct sock *sk)
{
	return sk->sk_prot->owner == THIS_MODULE;
}

/* Is @he still an entry of @listener? It may have ended, or moved (handover.c). */
static inline bool xtcp_listen_has_entry(const struct xtcp_listener *listener, const struct xtcp_request *he)
{
	lockdep_assert_held(&listener->lock);
	/* READ_ONCE(): our lock does not guard he->lsk of another listener's entry */
	return READ_ONCE(he->lsk) == listener->sk && !he->dead;
}

static inline void xtcp_refusal_drop(struct sock *lsk)
{
	atomic_inc(&lsk->sk_drops);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_LISTENDROPS);
}

/* The accept queue is full. */
static inline void xtcp_refusal_overflow(struct sock *lsk, struct xtcp_listener *listener)
{
	this_cpu_inc(listener->stats->overflows);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_LISTENOVERFLOWS);
	xtcp_refusal_drop(lsk);
}

static inline void xtcp_refusal_trace_overflow(struct sock *lsk, const struct xtcp_listener *listener,
					       const struct xtcp_tuple *tuple)
{
	unsigned int len = READ_ONCE(listener->accept_len);

	trace_xtcp_queue(lsk, tuple, XTCP_TRACE_ACCEPT_QUEUE, len, len, XTCP_TRACE_REFUSED);
}

/* TCP_DEFER_ACCEPT: is it a bare ACK that makes no child yet, until so many timeouts of the SYN-ACK? */
static inline bool xtcp_refusal_defers(const struct sock *lsk, const struct xtcp_seg *seg, unsigned int timeouts)
{
	return seg->seq == seg->end_seq && timeouts < READ_ONCE(xtcp_endpoint(lsk)->defer_accept);
}

extern const struct xtcp_part xtcp_entry_part;
bool xtcp_acceptq_is_full(const struct xtcp_listener *listener);
void xtcp_acceptq_add(struct xtcp_listener *listener, struct sock *child);
void xtcp_acceptq_close(struct xtcp_listener *listener, struct list_head *children);
/* Would accept() return at once? True stays true under the socket lock, unless the child is of another build. */
static inline bool xtcp_acceptq_has_child(const struct sock *sk)
{
	const struct xtcp_listener *listener;
	const struct xtcp_relay *before;
	bool has;

	rcu_read_lock();
	listener = READ_ONCE(xtcp_endpoint(sk)->listener);
	has = listener && READ_ONCE(listener->accept_len);
	before = listener && !has ? rcu_dereference(listener->before) : NULL;
	if (unlikely(before))
		has = before->calls->has_child(before->sk);
	rcu_read_unlock();
	return has;
}

struct sock *xtcp_acceptq_take(struct xtcp_listener *listener);

#define XTCP_POOL_V4_SIZE (offsetof(struct xtcp_request, conn) + XTCP_CONN_V4_END)

static inline u32 xtcp_pool_bytes_of(bool v4)
{
	return v4 ? XTCP_POOL_V4_SIZE : sizeof(struct xtcp_request);
}

/* The copy of the SYN and its KeyIDs (TCP-AO), which follow an entry with has_syn. */
static inline struct xtcp_saved_syn *xtcp_pool_syn(const struct xtcp_request *he)
{
	return (struct xtcp_saved_syn *)((u8 *)he + xtcp_pool_bytes_of(he->conn.v4));
}

void xtcp_savedsyn_take_keyids(struct xtcp_saved_syn *syn, const struct sk_buff *skb);
struct xtcp_request *xtcp_pool_new(struct xtcp_net *xn, bool v4, bool has_syn, u32 len);
void xtcp_pool_free(struct xtcp_net *xn, struct xtcp_request *he);

void xtcp_listen_stop(struct sock *sk);

extern const struct xtcp_net_part xtcp_handover_part;

bool xtcp_handover_keep(struct sock *sk);
void xtcp_handover_end(struct xtcp_net *xn, const struct sock *sk, const struct xtcp_group *group);

/* Has another build taken over its socket? It drains, until its own descriptor is closed. */
static inline bool xtcp_relay_drains(const struct sock *sk)
{
	const struct xtcp_listener *listener;
	bool drains;

	rcu_read_lock();
	listener = READ_ONCE(xtcp_endpoint(sk)->listener);
	drains = listener && rcu_access_pointer(listener->after);
	rcu_read_unlock();
	return drains;
}

/* Has @listener taken over a socket whose listener still drains? RCU read side. */
static inline bool xtcp_relay_has_older(const struct xtcp_listener *listener)
{
	const struct xtcp_relay *before = rcu_dereference(listener->before);

	return unlikely(before) && inet_sk_state_load(before->sk) == TCP_LISTEN;
}

int xtcp_relay_follow(struct sock *sk, struct sock *old, const struct xtcp_build_calls *calls);
int xtcp_relay_drain(struct sock *sk, struct sock *to, const struct xtcp_build_calls *calls);
int xtcp_relay_release(struct sock *sk);
void xtcp_relay_stop(struct sock *sk);
struct sock *xtcp_relay_take(struct sock *sk);

bool xtcp_cookieack_is_ours(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key);

struct sock *xtcp_halfopen_arrives(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb);

bool xtcp_arrives_listen(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key);

/* Softirq, RCU read side. */
void xtcp_request_fill_names(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb,
			     const struct xtcp_demux_key *key);
bool xtcp_request_asks_ao(const struct sock *lsk, const struct sk_buff *skb);
void xtcp_request_fill_window(struct xtcp_request *he, const struct xtcp_listener *listener,
			      const struct xtcp_ip_reply *how);
bool xtcp_request_lsm_ok(struct sock *lsk, struct sk_buff *skb, const struct xtcp_request *he,
			 const struct xtcp_tuple *tuple);

/* Few listeners have a key. */
static inline bool xtcp_request_has_ao(const struct sock *lsk, const struct sk_buff *skb)
{
	return unlikely(xtcp_cold_signs(lsk)) && xtcp_request_asks_ao(lsk, skb);
}

/* Softirq, RCU read side. */
struct sock *xtcp_child_make(struct xtcp_listener *listener, struct sk_buff *skb, struct xtcp_request *he,
			     u32 ts_offset, bool is_entry, struct xtcp_fastopen *fast);

/* Softirq, RCU read side. Consumes @skb unless the listener has ended. */
bool xtcp_synq_syn(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key, const u32 *timewait_iss);

#endif /* XTCP_LISTEN_H */
