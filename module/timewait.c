// SPDX-License-Identifier: GPL-2.0
/*
 * Records of finished connections: TIME-WAIT, and FIN-WAIT-2 of orphans; SEGMENT ARRIVES for them (RFC 9293 section
 * 3.10.7.4; RFC 1337; RFC 6191).
 *
 * A record takes the place of its sock in the table of connections, keeps the port leased, and knows no more than it
 * takes to answer. Each namespace has two lists in order of time, one per substate, and one timer. A full table evicts
 * the record that would end next, so a new connection never goes without its TIME-WAIT.
 *
 * Life of a record: listed under tw_lock by the sock's end; claimed under tw_lock by whoever ends it ("dead"), who then
 * takes it out of the table, gives the lease back and has it freed after a grace period.
 *
 * Two departures from Linux: a RST does not end TIME-WAIT (RFC 1337; net.xtcp.rfc1337 = 0 brings Linux's default back),
 * and in FIN-WAIT-2 RST and SYN meet the checks of RFC 5961, as everywhere in xtcp.
 */
#include "timewait.h"

#include <linux/slab.h>
#include <net/flow.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "clock.h"
#include "compat.h"
#include "ingress.h"
#include "lease.h"
#include "mib.h"
#include "netns.h"
#include "options.h"
#include "reply.h"
#include "seq.h"
#include "sock.h"
#include "state.h"
#include "trace.h"
#include "window.h"
#include "wire.h"

#define TIMER_BATCH	256	/* records that end before others get the lock */
#define TIMER_BATCHES	16	/* of these before others get the processor */
#define FREE_BATCH	32	/* records that go back to their slab at once */
#define TIMER_REST	(HZ / 2) /* between two runs of the timer, or an eighth of 2 MSL, as Linux's timers round */
#define SORT_STEPS	32	/* how far a record is moved forward among those that end later */
#define EVICT_STEPS	4	/* records that make room for a new one when there are more than the limit */
#define KILLED_JIFFIES	(4 * HZ) /* shorter ones count as TWKilled, as in Linux */
#define REOPEN_STEP	65537	/* RFC 9293 section 3.6.1, MAY-2: beyond all that the old incarnation sent */
#define PAWS_STAMP_S	60	/* after this idle time a RST with an old TSval passes, as Linux */

static struct kmem_cache *cache_v4, *cache_v6;

static size_t size_of(bool v4)
{
	return offsetof(struct xtcp_timewait, conn) + (v4 ? XTCP_CONN_V4_END : sizeof(struct xtcp_conn));
}

static struct kmem_cache *cache_of(bool v4)
{
	return v4 ? cache_v4 : cache_v6;
}

/**
 * xtcp_timewait_init() - the slabs of the records
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_timewait_init(void)
{
	BUILD_BUG_ON(offsetof(struct xtcp_timewait, conn) + XTCP_CONN_V4_END > 96);
	BUILD_BUG_ON(sizeof(struct xtcp_timewait) > 128);

	cache_v4 = xtcp_compat_slab(KBUILD_MODNAME "_timewait", size_of(true));
	cache_v6 = xtcp_compat_slab(KBUILD_MODNAME "_timewait6", size_of(false));
	if (cache_v4 && cache_v6)
		return 0;
	xtcp_timewait_exit();
	return -ENOMEM;
}

/**
 * xtcp_timewait_exit() - give the slabs back
 *
 * Context: process, module exit. All records are freed: rcu_barrier() was called.
 */
void xtcp_timewait_exit(void)
{
	kmem_cache_destroy(cache_v6);
	kmem_cache_destroy(cache_v4);
}

static void free_rcu(struct rcu_head *rcu)
{
	struct xtcp_timewait *tw = container_of(rcu, struct xtcp_timewait, rcu);
	void *batch[FREE_BATCH];
	unsigned int n;
	bool v4;

	while (tw) {
		v4 = tw->conn.v4;
		for (n = 0; n < FREE_BATCH && tw && tw->conn.v4 == v4; n++) {
			batch[n] = tw;
			tw = tw->next_dead;
		}
		kmem_cache_free_bulk(cache_of(v4), n, batch);
	}
}

static struct list_head *list_of(struct xtcp_net *xn, const struct xtcp_timewait *tw)
{
	return tw->substate == TCP_TIME_WAIT ? &xn->tw_list : &xn->fin_wait2_list;
}

static unsigned long timewait_jiffies(const struct xtcp_net *xn)
{
	return max(msecs_to_jiffies(READ_ONCE(xn->sysctl.timewait_ms)), 1UL);
}

/*
 * Puts a record on its list. Nearly always that is the end; a shorter TCP_LINGER2 or a sysctl just lowered puts it
 * further ahead, up to a bound: beyond that it ends with the one before it, late but with no work for anybody.
 */
static void enlist(struct xtcp_net *xn, struct xtcp_timewait *tw, unsigned long timeout)
{
	struct list_head *head = list_of(xn, tw), *at = head->prev;
	unsigned long expires = jiffies + timeout;
	int steps = SORT_STEPS;

	lockdep_assert_held(&xn->tw_lock);
	WRITE_ONCE(tw->expires, (u32)expires);
	while (at != head && steps-- && time_before32(tw->expires, list_entry(at, struct xtcp_timewait, node)->expires))
		at = at->prev;
	list_add(&tw->node, at);
	if (!timer_pending(&xn->tw_timer) || time_before(expires, xn->tw_timer.expires))
		mod_timer(&xn->tw_timer, expires);
}

/* After this nobody else ends the record; the caller does, by bury(), once it has let go of the lock. */
static void claim(struct xtcp_net *xn, struct xtcp_timewait *tw, struct list_head *claimed)
{
	lockdep_assert_held(&xn->tw_lock);
	tw->dead = true;
	list_move(&tw->node, claimed);
	xn->tw_count--;
}

static void bury(struct xtcp_net *xn, struct list_head *claimed)
{
	struct xtcp_timewait *tw, *next, *dead = NULL;
	int n = 0;

	list_for_each_entry_safe(tw, next, claimed, node) {
		xtcp_demux_remove(xn, &tw->conn);
		trace_xtcp_conn_state(xn->net, &tw->conn, tw->substate, TCP_CLOSE);
		if (tw->lease)
			xtcp_lease_put_timewait(tw->lease);
		tw->next_dead = dead;
		dead = tw;
		/* one grace period for all of them, but no more in one piece than the timer ends */
		if (list_is_head(&next->node, claimed) || ++n % TIMER_BATCH == 0) {
			call_rcu(&dead->rcu, free_rcu);
			dead = NULL;
		}
	}
}

static struct xtcp_timewait *first_of(struct list_head *head)
{
	return list_first_entry_or_null(head, struct xtcp_timewait, node);
}

/* The record that ends next. */
static struct xtcp_timewait *earliest(struct xtcp_net *xn)
{
	struct xtcp_timewait *a = first_of(&xn->tw_list), *b = first_of(&xn->fin_wait2_list);

	if (!a || !b)
		return a ?: b;
	return time_before32(b->expires, a->expires) ? b : a;
}

/* Those on a list that are over, as many as may end in one hold of the lock; true when there are more. */
static bool end_some(struct xtcp_net *xn, struct list_head *head)
{
	struct xtcp_timewait *tw;
	LIST_HEAD(claimed);
	int batch = TIMER_BATCH;
	bool more = false;

	spin_lock(&xn->tw_lock);
	list_for_each_entry(tw, head, node) {
		if (time_after32(tw->expires, (u32)jiffies))
			break;
		more = !batch--;
		if (more)
			break;
		tw->dead = true;
		xn->tw_count--;
	}
	list_cut_before(&claimed, head, &tw->node);
	spin_unlock(&xn->tw_lock);
	bury(xn, &claimed);
	return more;
}

/* Records end at any time, and a wakeup costs more than the end of one: so those of a moment end together. */
static void expired_records(struct timer_list *timer)
{
	struct xtcp_net *xn = container_of(timer, struct xtcp_net, tw_timer);
	unsigned long next = jiffies + min_t(unsigned long, timewait_jiffies(xn) / 8, TIMER_REST);
	int batches = TIMER_BATCHES;
	struct xtcp_timewait *tw;
	bool more;

	do {
		more = end_some(xn, &xn->tw_list);
		more |= end_some(xn, &xn->fin_wait2_list);
	} while (more && --batches);
	if (more)
		next = jiffies + 1;

	spin_lock(&xn->tw_lock);
	tw = earliest(xn);
	if (tw)
		mod_timer(timer, time_after32(tw->expires, (u32)next) ? xtcp_clock_jiffies(tw->expires) : next);
	spin_unlock(&xn->tw_lock);
}

/**
 * xtcp_timewait_net_init() - make the empty lists of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_timewait_net_init(struct xtcp_net *xn)
{
	spin_lock_init(&xn->tw_lock);
	INIT_LIST_HEAD(&xn->tw_list);
	INIT_LIST_HEAD(&xn->fin_wait2_list);
	xn->tw_count = 0;
	timer_setup(&xn->tw_timer, expired_records, 0);
	return 0;
}

/**
 * xtcp_timewait_net_exit() - end all records of a namespace
 * @xn: the namespace; no segment arrives and no sock ends any more
 *
 * Context: process, may sleep.
 */
void xtcp_timewait_net_exit(struct xtcp_net *xn)
{
	struct xtcp_timewait *tw;
	LIST_HEAD(claimed);

	spin_lock_bh(&xn->tw_lock);
	while ((tw = earliest(xn)))
		claim(xn, tw, &claimed);
	spin_unlock_bh(&xn->tw_lock);
	timer_delete_sync(&xn->tw_timer);
	local_bh_disable();
	bury(xn, &claimed);
	local_bh_enable();
}

static void fill_record(struct xtcp_timewait *tw, struct sock *sk, int substate)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	memset(tw, 0, offsetof(struct xtcp_timewait, conn));
	memcpy(&tw->conn, &xsk->conn, size_of(xsk->conn.v4) - offsetof(struct xtcp_timewait, conn));
	tw->conn.kind = XTCP_CONN_TIMEWAIT;
	tw->lease = xsk->lease;
	tw->snd_nxt = xsk->snd_nxt;
	tw->rcv_nxt = xsk->rcv_nxt;
	tw->rcv_wnd = xtcp_window_offer(sk) >> xsk->rcv_wscale;
	tw->ts_recent = xsk->ts_recent;
	tw->ts_recent_stamp = xsk->ts_recent_stamp;
	tw->ts_offset = xsk->ts_offset;
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->tos = xtcp_sock_is_v4(sk) ? inet_sk(sk)->tos : inet6_sk(sk)->tclass;
	tw->rcv_wscale = xsk->rcv_wscale;
	tw->substate = substate;
	tw->family = sk->sk_family;
	tw->ts_ok = xsk->ts_ok;
}

/* For one record. There is more to do when the limit was lowered, and then every newcomer does some of it. */
static void make_room(struct xtcp_net *xn, struct list_head *claimed)
{
	int steps;

	lockdep_assert_held(&xn->tw_lock);
	for (steps = 0; steps < EVICT_STEPS && xn->tw_count >= READ_ONCE(xn->sysctl.max_tw_buckets); steps++) {
		struct xtcp_timewait *evicted = earliest(xn);

		if (!steps)
			XTCP_NET_INC_STATS(xn->net, LINUX_MIB_TCPTIMEWAITOVERFLOW);
		if (!evicted)
			break;
		claim(xn, evicted, claimed);
	}
}

/* The table has the record in the place of the sock from here on. */
static bool replace_sock(struct xtcp_net *xn, struct sock *sk, struct xtcp_timewait *tw, unsigned long timeout)
{
	LIST_HEAD(claimed);
	int err;

	if (tw->lease)
		xtcp_lease_hold_timewait(tw->lease);
	spin_lock_bh(&xn->tw_lock);
	err = xtcp_demux_replace(xn, &xtcp_sk(sk)->conn, &tw->conn);
	if (!err) {
		make_room(xn, &claimed);
		enlist(xn, tw, timeout);
		xn->tw_count++;
	}
	spin_unlock_bh(&xn->tw_lock);
	bury(xn, &claimed);
	if (err) {
		if (tw->lease)
			xtcp_lease_put_timewait(tw->lease);
		return false;
	}
	/* the table's reference; the caller has one of its own */
	sock_prot_inuse_add(xn->net, sk->sk_prot, -1);
	__sock_put(sk);
	return true;
}

/* @timeout, or else TCP_LINGER2 or the namespace's; at least what it takes to see a FIN that was lost twice. */
static unsigned long fin_wait2_jiffies(const struct sock *sk, unsigned long timeout)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long rto = msecs_to_jiffies(xtcp_rto_current_ms(&xsk->rto));

	if (!timeout)
		timeout = xsk->linger2 > 0 ? xsk->linger2 : READ_ONCE(xtcp_net(sock_net(sk))->sysctl.fin_timeout);
	return max(timeout, (rto << 2) - (rto >> 1));
}

/**
 * xtcp_timewait_enter() - a connection goes on as a record; its sock ends
 * @sk: in a state that leads to TIME-WAIT, or an orphan in FIN-WAIT-2
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
 * @timeout: of FIN-WAIT-2, jiffies; 0: TCP_LINGER2 or the namespace's
 *
 * Without memory for a record the connection just ends, as in Linux. RFC 9293 section 3.6.1, MUST-13.
 *
 * Context: softirq or process, BH disabled when @sk is an orphan. Lock: socket, held.
 */
void xtcp_timewait_enter(struct sock *sk, int substate, unsigned long timeout)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_timewait *tw;

	sock_owned_by_me(sk);
	timeout = substate == TCP_TIME_WAIT ? timewait_jiffies(xn) : fin_wait2_jiffies(sk, timeout);

	tw = kmem_cache_alloc(cache_of(xtcp_sk(sk)->conn.v4), GFP_ATOMIC | __GFP_NOWARN);
	if (tw) {
		fill_record(tw, sk, substate);
		if (replace_sock(xn, sk, tw, timeout)) {
			XTCP_NET_INC_STATS(xn->net, timeout <= KILLED_JIFFIES ? LINUX_MIB_TIMEWAITKILLED :
									       LINUX_MIB_TIMEWAITED);
			trace_xtcp_conn_state(xn->net, &xtcp_sk(sk)->conn, sk->sk_state, substate);
		} else {
			kmem_cache_free(cache_of(tw->conn.v4), tw);
		}
	} else {
		XTCP_NET_INC_STATS(xn->net, LINUX_MIB_TCPTIMEWAITOVERFLOW);
	}
	xtcp_sock_done(sk);
}

/**
 * xtcp_timewait_drop() - end a record
 * @xn: its namespace
 * @tw: found in the table
 *
 * Context: softirq or process, BH disabled, RCU read side.
 */
void xtcp_timewait_drop(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	LIST_HEAD(claimed);

	spin_lock(&xn->tw_lock);
	if (!tw->dead)
		claim(xn, tw, &claimed);
	spin_unlock(&xn->tw_lock);
	bury(xn, &claimed);
}

static bool is_loopback(const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return ipv4_is_loopback(addr->s6_addr32[3]);
	return ipv6_addr_loopback(addr);
}

/**
 * xtcp_timewait_reuse_is_on() - does the namespace let records between these addresses go for an active open?
 * @xn: the namespace
 * @tuple: has the addresses
 * @bound_dev_if: interface, 0: any
 *
 * net.xtcp.tw_reuse: 1 for all, 2 over loopback.
 *
 * Context: any.
 *
 * Return: true when it does.
 */
bool xtcp_timewait_reuse_is_on(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, int bound_dev_if)
{
	u8 reuse = READ_ONCE(xn->sysctl.timewait_reuse);

	if (reuse != 2)
		return reuse;
	return bound_dev_if == LOOPBACK_IFINDEX || is_loopback(&tuple->laddr) || is_loopback(&tuple->faddr);
}

/*
 * Only timestamps tell the peer's old segments from new ones (RFC 6191 section 4). Without a bound port the namespace
 * has a say, and the peer's clock must have had time to tick.
 */
static bool may_reuse(const struct xtcp_net *xn, const struct xtcp_timewait *tw, bool bound)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&tw->conn);

	if (tw->substate != TCP_TIME_WAIT || !tw->ts_ok || !tw->ts_recent_stamp)
		return false;
	if (bound)
		return true;
	if (!xtcp_timewait_reuse_is_on(xn, &tuple, tw->conn.bound_dev_if))
		return false;
	return (s32)(xtcp_clock_seconds() - tw->ts_recent_stamp) > 0;
}

/**
 * xtcp_timewait_reuse() - an active open takes the place of a record in the table
 * @sk: addresses, ports and device are final; not in the table
 * @bound: its port was chosen by the program
 *
 * The connection goes on where the old one ended, so that its SYN is new to the peer (RFC 9293 section 3.6.1, RFC 6191;
 * Linux's tcp_tw_reuse): ISS and timestamp offset are set. The table takes a reference.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: true when it did.
 */
bool xtcp_timewait_reuse(struct sock *sk, bool bound)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_demux_key key = {
		.tuple = xtcp_conn_tuple(&xsk->conn),
		.dif = xsk->conn.bound_dev_if,
		.sdif = l3mdev_master_ifindex_by_index(sock_net(sk), xsk->conn.bound_dev_if),
	};
	struct xtcp_timewait *tw;
	struct xtcp_conn *conn;
	bool reused = false;
	LIST_HEAD(claimed);

	sock_owned_by_me(sk);
	key.hash = xtcp_demux_hash(xn, &key.tuple);
	sock_hold(sk);	/* the table's */
	rcu_read_lock();
	conn = xtcp_demux_lookup(xn, &key);
	tw = conn && conn->kind == XTCP_CONN_TIMEWAIT ? container_of(conn, struct xtcp_timewait, conn) : NULL;
	if (tw && tw->conn.bound_dev_if == xsk->conn.bound_dev_if && may_reuse(xn, tw, bound)) {
		local_bh_disable();
		spin_lock(&xn->tw_lock);
		/* one that is dead already may stand in the table still */
		if (may_reuse(xn, tw, bound) && !xtcp_demux_replace(xn, &tw->conn, &xsk->conn)) {
			xsk->iss = tw->snd_nxt + REOPEN_STEP ?: 1;
			xsk->ts_offset = tw->ts_offset;
			if (!tw->dead)
				claim(xn, tw, &claimed);
			reused = true;
		}
		spin_unlock(&xn->tw_lock);
		bury(xn, &claimed);
		local_bh_enable();
	}
	rcu_read_unlock();
	if (reused) {
		XTCP_NET_INC_STATS(xn->net, LINUX_MIB_TIMEWAITRECYCLED);
		sock_prot_inuse_add(xn->net, sk->sk_prot, 1);
	} else {
		__sock_put(sk);
	}
	return reused;
}

/* RFC 7323 section 5.3, R1, and 5.5; a RST after a long silence passes, as in Linux. */
static bool paws_rejects(const struct xtcp_timewait *tw, u8 flags, bool has_ts, u32 tsval)
{
	u32 idle = xtcp_clock_seconds() - tw->ts_recent_stamp;

	if (!tw->ts_ok || !has_ts || !tw->ts_recent_stamp || !tw->ts_recent || xtcp_seq_le(tw->ts_recent, tsval))
		return false;
	return idle < XTCP_PAWS_IDLE_S && (!(flags & XTCP_RST) || idle < PAWS_STAMP_S);
}

/* RFC 9293 section 3.6.1, MAY-2; RFC 6191 when both SYNs have timestamps. */
static bool syn_is_new(const struct xtcp_timewait *tw, u32 seq, bool has_ts, u32 tsval)
{
	if (tw->substate != TCP_TIME_WAIT || paws_rejects(tw, XTCP_SYN, has_ts, tsval))
		return false;
	return xtcp_seq_gt(seq, tw->rcv_nxt) ||
	       (has_ts && tw->ts_ok && tw->ts_recent_stamp && xtcp_seq_gt(tsval, tw->ts_recent));
}

/**
 * xtcp_timewait_syn_reopens() - may this SYN take the place of a record?
 * @tw: found in the table
 * @skb: a segment with SYN and neither ACK, RST nor FIN, as IP left it, at the TCP header; is not changed
 *
 * Context: softirq, RCU read side; racy without tw_lock.
 *
 * Return: true when it may.
 */
bool xtcp_timewait_syn_reopens(const struct xtcp_timewait *tw, const struct sk_buff *skb)
{
	u8 buf[XTCP_HDR_LEN + XTCP_MAX_OPTIONS];
	struct xtcp_options opts;
	const struct tcphdr *th;
	unsigned int len;

	th = skb_header_pointer(skb, 0, sizeof(*th), buf);
	if (!th)
		return false;
	len = th->doff * 4;
	if (len < sizeof(*th))
		return false;
	th = skb_header_pointer(skb, 0, len, buf);
	if (!th)
		return false;
	xtcp_options_parse((const u8 *)(th + 1), len - sizeof(*th), true, &opts);
	return syn_is_new(tw, ntohl(th->seq), opts.has_ts, opts.tsval);
}

/* What an arrival makes of a record; acted on without the lock. */
enum answer {
	ANSWER_NOTHING,
	ANSWER_ACK,
	ANSWER_LIMITED_ACK,	/* unless one went out just before */
	ANSWER_RST_AND_END,
	ANSWER_END,
	ANSWER_REOPEN,
};

static void take_ts(struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	if (!tw->ts_ok || !seg->has_ts)
		return;
	tw->ts_recent = seg->tsval;
	tw->ts_recent_stamp = xtcp_clock_seconds();
}

static void restart(struct xtcp_net *xn, struct xtcp_timewait *tw)
{
	list_del(&tw->node);
	enlist(xn, tw, timewait_jiffies(xn));
}

/* RFC 9293 section 3.10.7.4, table 6; from the right edge a bare ACK may come, but no RST (RFC 5961 section 3.2) */
static bool is_acceptable(const struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	u32 right = tw->rcv_nxt + ((u32)tw->rcv_wnd << tw->rcv_wscale);

	if (seg->seq == tw->rcv_nxt)
		return true;
	if (xtcp_seq_gt(seg->end_seq, tw->rcv_nxt) && xtcp_seq_lt(seg->seq, right))
		return true;
	return seg->seq == right && seg->seq == seg->end_seq && !(seg->flags & XTCP_RST);
}

/* RFC 9293 section 3.10.7.4 for FIN-WAIT-2 of an orphan: nobody reads, so all that may come is the FIN. */
static enum answer arrives_fin_wait2(struct xtcp_net *xn, struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	bool paws = paws_rejects(tw, seg->flags, seg->has_ts, seg->tsval);

	/* fourth: check the SYN bit (RFC 5961 section 4.2: whatever its sequence number) */
	if ((seg->flags & (XTCP_SYN | XTCP_RST)) == XTCP_SYN) {
		XTCP_NET_INC_STATS(xn->net, LINUX_MIB_TCPSYNCHALLENGE);
		return ANSWER_LIMITED_ACK;
	}
	/* first: check sequence number */
	if (paws)
		XTCP_NET_INC_STATS(xn->net, LINUX_MIB_PAWSESTABREJECTED);
	if (paws || !is_acceptable(tw, seg))
		return seg->flags & XTCP_RST ? ANSWER_NOTHING : ANSWER_LIMITED_ACK;
	/* second: check the RST bit (RFC 5961 section 3.2) */
	if (seg->flags & XTCP_RST)
		return seg->seq == tw->rcv_nxt ? ANSWER_END : ANSWER_LIMITED_ACK;
	/* fifth: check the ACK field; and segments with nothing new */
	if (!(seg->flags & XTCP_ACK) || seg->seq == seg->end_seq || !xtcp_seq_gt(seg->end_seq, tw->rcv_nxt))
		return ANSWER_NOTHING;
	/* seventh: text that nobody will read (SHLD-3) */
	if (!(seg->flags & XTCP_FIN) || seg->end_seq != tw->rcv_nxt + 1) {
		XTCP_NET_INC_STATS(xn->net, LINUX_MIB_TCPABORTONDATA);
		return ANSWER_RST_AND_END;
	}
	/* eighth: check the FIN bit */
	list_del(&tw->node);
	trace_xtcp_conn_state(xn->net, &tw->conn, TCP_FIN_WAIT2, TCP_TIME_WAIT);
	tw->substate = TCP_TIME_WAIT;
	tw->rcv_nxt = seg->end_seq;
	take_ts(tw, seg);
	enlist(xn, tw, timewait_jiffies(xn));
	return ANSWER_ACK;
}

/* RFC 9293 section 3.10.7.4 for TIME-WAIT */
static enum answer arrives_time_wait(struct xtcp_net *xn, struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	bool paws = paws_rejects(tw, seg->flags, seg->has_ts, seg->tsval);

	/* a RST, or the peer's bare ACK, just where it belongs */
	if (!paws && seg->seq == tw->rcv_nxt && (seg->seq == seg->end_seq || seg->flags & XTCP_RST)) {
		if (!(seg->flags & XTCP_RST))
			restart(xn, tw);
		else if (!READ_ONCE(xn->sysctl.rfc1337))
			return ANSWER_END;
		take_ts(tw, seg);
		return ANSWER_NOTHING;
	}
	if ((seg->flags & (XTCP_SYN | XTCP_RST | XTCP_ACK | XTCP_FIN)) == XTCP_SYN &&
	    syn_is_new(tw, seg->seq, seg->has_ts, seg->tsval))
		return ANSWER_REOPEN;
	if (paws)
		XTCP_NET_INC_STATS(xn->net, LINUX_MIB_PAWSESTABREJECTED);
	if (seg->flags & XTCP_RST)
		return ANSWER_NOTHING;
	/* the FIN again, most likely: 2 MSL begin anew (a SYN without ACK may be anything) */
	if (paws || seg->flags & XTCP_ACK)
		restart(xn, tw);
	return ANSWER_LIMITED_ACK;
}

/**
 * xtcp_timewait_arrives() - SEGMENT ARRIVES for a record
 * @xn: its namespace
 * @tw: what the lookup found
 * @skb: the segment
 * @iss: where the ISN goes when the segment reopens the connection
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: XTCP_TW_SYN when the segment is a SYN that a listener may have now; else XTCP_TW_DONE.
 */
enum xtcp_timewait_verdict xtcp_timewait_arrives(struct xtcp_net *xn, struct xtcp_timewait *tw, struct sk_buff *skb,
						 u32 *iss)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	enum answer answer = ANSWER_NOTHING;	/* dead: the segment will come again and find what is there then */
	struct xtcp_timewait copy;
	LIST_HEAD(claimed);
	int skipped;

	spin_lock(&xn->tw_lock);
	if (!tw->dead) {
		if (tw->substate == TCP_TIME_WAIT) {
			skipped = LINUX_MIB_TCPACKSKIPPEDTIMEWAIT;
			answer = arrives_time_wait(xn, tw, seg);
		} else {
			skipped = LINUX_MIB_TCPACKSKIPPEDFINWAIT2;
			answer = arrives_fin_wait2(xn, tw, seg);
		}
		if (answer == ANSWER_LIMITED_ACK && xtcp_reply_is_limited(xn, seg, skipped, &tw->ack_stamp))
			answer = ANSWER_NOTHING;
		if (answer >= ANSWER_RST_AND_END)
			claim(xn, tw, &claimed);
	}
	memcpy(&copy, tw, size_of(tw->conn.v4));
	spin_unlock(&xn->tw_lock);
	bury(xn, &claimed);

	switch (answer) {
	case ANSWER_NOTHING:
	case ANSWER_END:
		break;
	case ANSWER_ACK:
	case ANSWER_LIMITED_ACK:
		xtcp_reply_timewait_ack(xn, &copy);
		break;
	case ANSWER_RST_AND_END:
		xtcp_reply_rst(xn, skb);
		break;
	case ANSWER_REOPEN:
		*iss = copy.snd_nxt + REOPEN_STEP;
		return XTCP_TW_SYN;
	}
	return XTCP_TW_DONE;
}
