// SPDX-License-Identifier: GPL-2.0
/*
 * Careful Resume (RFC 9959): a connection may raise its window in one step (a "jump") to at most
 * half of what an earlier connection has observed on the same path. It may do so when the peer has
 * acknowledged the initial data, which is the first full window.
 *
 *      NORMAL (observes)          the table has the path
 *        ^  ^                            |
 *        |  |  not this path, congestion v
 *        |  +------------------- RECONNAISSANCE
 *        |  |                            | the initial data is acknowledged: jump
 *        |  |  the jump was not used     v
 *        |  +---------------------- UNVALIDATED ------+
 *        |  |                            |            | congestion, another path
 *        |  |                            v            v
 *        |  +----------------------- VALIDATING -> RETREAT
 *        |  |                                         |
 *        |  +-----------------------------------------+
 *
 * The saved window is the number of octets that arrived in a round, scaled down to the smallest
 * RTT, so that octets which only waited in a queue do not count. A jump paces at most half of the
 * saved window over the present RTT, which must be longer than half of the saved RTT: it is never
 * faster than the earlier connection was.
 *
 * A connection gets its struct xtcp_resume when it fills its congestion window for the first time;
 * before, it has observed nothing worth saving. Without memory it neither jumps nor observes.
 *
 * A jump takes the saved path out of the table, so that no other connection uses it (section 3.2).
 * At its end the connection saves what it has observed itself. If that is too little, it puts back
 * the path that it took, unless the jump has retreated or is not validated yet, or congestion has
 * shown that the path carries less than half of the saved window.
 *
 * In the Safe Retreat Phase PRR, which would be too slow (section 4.5), does not set the window: it
 * falls at once, and then stays. An undo would raise it again, so none is allowed.
 *
 * A namespace has one table of saved paths, with the parameters of section 3.1. As in Linux's
 * tcp_metrics, a pair of addresses is the key; the device is only a parameter. The size is fixed.
 * The table is allocated when a program switches Careful Resume on, and charged to its memory
 * cgroup. A keyed hash selects a set, in which a path may have any place; a new path replaces the
 * oldest of a full set. No user knows the key, so none can choose which path is forgotten. A
 * connection takes the lock of its set when it first fills its window, when it jumps, if that
 * fails, and at its end.
 */
#include <linux/xtcp.h>
#include <net/genetlink.h>

#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "sight/sight.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

#define JUMP_MAX	(4U << 20)	/* max_jump of RFC 9959 section 2.4, octets */
#define JUMP_GAIN	2		/* a jump must raise cwnd by more than this factor */
#define RTT_GROWTH	10		/* largest ratio of the RTT to saved_rtt (section 4.2.1) */
#define REFRESH_SECONDS	300U

/* Notes the route's device; 0: unknown or loopback. Another one than the first sets @resume->has_moved. */
static void xtcp_resume_device(struct xtcp_resume *resume, int ifindex)
{
	if (!resume->ifindex)
		resume->ifindex = ifindex;
	if (ifindex && ifindex != resume->ifindex)
		resume->has_moved = true;
}

static void xtcp_resume_round(struct xtcp_resume *resume, const struct xtcp_resume_view *view)
{
	xtcp_resume_device(resume, view->ifindex);
	resume->round_end = view->snd_nxt;
	resume->round_start_us = view->now_us;
	resume->round_delivered = view->delivered;
}

/* The largest is kept, since most rounds do not fill the path; but half of an old one is enough to replace it. */
static bool is_better(const struct xtcp_saved *best, const struct xtcp_saved *seen)
{
	return seen->cwnd >= best->cwnd ||
	       (seen->seconds - best->seconds > REFRESH_SECONDS && seen->cwnd >= best->cwnd / 2);
}

/*
 * Measures how much the path carries in an RTT (RFC 9959 section 3.1). @view: after an ACK that
 * reports no loss, no mark and nothing out of order.
 *
 * A peer can acknowledge octets before they arrive, but not before they are sent: it cannot make
 * the saved window larger than what was in flight when the round began, plus what was sent in it.
 *
 * Once the route has moved to another device, nothing more is observed, even if it moves back: the
 * smallest RTT may be that of either. A move away and back between two ACKs is not noticed.
 */
static void xtcp_resume_observe(struct xtcp_resume *resume, const struct xtcp_resume_view *view)
{
	u32 took_us = max(view->now_us - resume->round_start_us, view->min_rtt_us);
	struct xtcp_saved seen = { .rtt_us = view->min_rtt_us, .seconds = view->seconds, .ifindex = view->ifindex };
	u64 octets;

	xtcp_resume_device(resume, view->ifindex);
	if (resume->has_moved || xtcp_seq_lt(view->snd_una, resume->round_end))
		return;
	octets = view->delivered - resume->round_delivered;
	if (took_us && view->ifindex) {
		seen.cwnd = (u32)div_u64(octets * view->min_rtt_us, took_us);
		if (seen.cwnd && is_better(&resume->best, &seen))
			resume->best = seen;
	}
	xtcp_resume_round(resume, view);
}

/* The path was congested, and carries no more than @cwnd: lowers the observation, unless the route has moved. */
static void xtcp_resume_cap(struct xtcp_resume *resume, u32 cwnd)
{
	if (resume->has_moved)
		return;
	resume->best.cwnd = min(resume->best.cwnd, cwnd);
	/* less than half of saved.cwnd: @saved is wrong, and xtcp_resuming_end() must not put it back */
	resume->has_taken &= cwnd >= resume->saved.cwnd / 2;
}

/* Is the RTT at most half of saved_rtt? Then this is another path (RFC 9959 section 3.2). */
static bool xtcp_resume_too_fast(const struct xtcp_saved *saved, u32 min_rtt_us)
{
	return 2ULL * min_rtt_us <= saved->rtt_us;
}

/*
 * jump_cwnd (RFC 9959 section 3.3), at most half of the saved window; 0: this is another path, or
 * the jump would gain nothing: in its RTT slow start would double the window.
 */
static u32 xtcp_resume_window(const struct xtcp_saved *saved, u32 min_rtt_us, u32 cwnd)
{
	u32 jump = min(saved->cwnd / 2, JUMP_MAX);

	if (xtcp_resume_too_fast(saved, min_rtt_us) || min_rtt_us > (u64)RTT_GROWTH * saved->rtt_us)
		return 0;
	return jump > (u64)JUMP_GAIN * cwnd ? jump : 0;
}

/* @pipe: the first value of PipeSize. @delivered, here and below: octets arrived since the connection began. */
static void xtcp_resume_jump(struct xtcp_resume *resume, u32 snd_nxt, u32 pipe, u32 delivered, u32 now_us)
{
	resume->phase = XTCP_RESUME_UNVALIDATED;
	resume->mark = snd_nxt;
	resume->pipe_base = pipe - delivered;
	resume->entered_us = now_us;
	resume->has_jumped = true;
}

/*
 * Does the Unvalidated Phase end: has an octet that was sent in it arrived, or an RTT passed (RFC
 * 9959 section 3.3)? @high: the octet after the highest that is acknowledged or sacked.
 */
static bool xtcp_resume_is_due(const struct xtcp_resume *resume, u32 high, u32 now_us, u32 srtt_us)
{
	return xtcp_seq_gt(high, resume->mark) || now_us - resume->entered_us > srtt_us;
}

/* The window loses what the jump did not use (RFC 9959 section 3.3, "Check flight_size"). @pipe: flight_size. */
static u32 xtcp_resume_validate(struct xtcp_resume *resume, u32 pipe, u32 delivered, u32 initial, u32 snd_nxt)
{
	u32 pipe_size = xtcp_resume_pipe_size(resume, delivered);

	if (pipe < initial || pipe <= pipe_size) {
		resume->phase = XTCP_RESUME_NORMAL;
		return max(pipe_size, initial);
	}
	resume->phase = XTCP_RESUME_VALIDATING;
	resume->mark = snd_nxt;
	return pipe;
}

/* The Safe Retreat Phase (RFC 9959 section 3.5). Return: the window, at most PipeSize / 2, at least a segment. */
static u32 xtcp_resume_retreat(struct xtcp_resume *resume, u32 cwnd, u32 delivered, u32 snd_nxt, u32 mss)
{
	if (resume->phase == XTCP_RESUME_UNVALIDATED)
		resume->mark = snd_nxt;
	resume->phase = XTCP_RESUME_RETREAT;
	resume->has_taken = false;
	resume->frees_one = true;
	return min(cwnd, max(xtcp_resume_pipe_size(resume, delivered) / 2, mss));
}

/* RFC 9959 section 3.5. Return: ssthresh, at most PipeSize * Beta (0.5), at least a segment. */
static u32 xtcp_resume_leave(struct xtcp_resume *resume, u32 ssthresh, u32 delivered, u32 mss)
{
	resume->phase = XTCP_RESUME_NORMAL;
	resume->frees_one = false;
	return min(ssthresh, max(xtcp_resume_pipe_size(resume, delivered) / 2, mss));
}

/* Arithmetic ends. */

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

/* @flushes: number of calls of forget_paths() */
struct xtcp_paths {
	atomic_t flushes;
	struct path_set sets[PATH_SETS];
};

/* The table, or NULL. */
static struct xtcp_paths *paths_of(const struct xtcp_net *xn)
{
	/* pairs with cmpxchg() in prepare_paths() */
	return smp_load_acquire(&xn->paths);
}

/* Allocates the table of a namespace, unless it has one. May sleep. Return: 0 or -ENOMEM. */
static int prepare_paths(struct xtcp_net *xn)
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
	/* who sees the table by paths_of() sees its locks initialized */
	if (cmpxchg(&xn->paths, NULL, paths))
		kfree(paths);
	return 0;
}

/* Live connections do not save what they observed before; they start to observe again (RFC 9959 section 4.3.1). */
static void forget_paths(struct xtcp_net *xn)
{
	struct xtcp_paths *paths = paths_of(xn);
	unsigned int i;

	if (!paths)
		return;
	/* first: a connection that finds its set emptied sees the new count, and saves nothing older */
	atomic_inc(&paths->flushes);
	for (i = 0; i < PATH_SETS; i++) {
		spin_lock_bh(&paths->sets[i].lock);
		memset(paths->sets[i].paths, 0, sizeof(paths->sets[i].paths));
		spin_unlock_bh(&paths->sets[i].lock);
	}
}

/**
 * xtcp_paths_switch() - set net.xtcp.careful_resume
 * @xn: the namespace
 * @seconds: a value other than 0 allocates the table of paths, if there is none; 0 empties it. A
 *	connection that ends later does not save what it observed before
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int xtcp_paths_switch(struct xtcp_net *xn, int seconds)
{
	int err = seconds ? prepare_paths(xn) : 0;

	if (err)
		return err;
	WRITE_ONCE(xn->sysctl.careful_resume, seconds);
	if (!seconds)
		forget_paths(xn);
	return 0;
}

/* RCU read side, which keeps the device. */
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

/*
 * /proc/net/xtcp_paths: a line for each path that is not too old for a jump. cwnd is in octets, age
 * in seconds. Between two sets the table may change.
 */
int xtcp_paths_show(struct seq_file *m, void *v)
{
	struct xtcp_net *xn = xtcp_net(m->private);
	struct xtcp_paths *paths = paths_of(xn);
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

/* How often all paths of a namespace were forgotten; 0 without a table. */
static u32 xtcp_paths_flushes(const struct xtcp_net *xn)
{
	const struct xtcp_paths *paths = paths_of(xn);

	return paths ? atomic_read(&paths->flushes) : 0;
}

/* The set for a path; NULL without a table. */
static struct path_set *paths_with(const struct xtcp_net *xn, const struct in6_addr *addrs)
{
	struct xtcp_paths *paths = paths_of(xn);

	return paths ? &paths->sets[siphash(addrs, 2 * sizeof(*addrs), &xn->tuple_key) % PATH_SETS] : NULL;
}

/* The same for the path of @sk. Stores the key of the path in @addrs. */
static struct path_set *set_of_path(const struct sock *sk, struct in6_addr *addrs)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	addrs[0] = tuple.laddr;
	addrs[1] = tuple.faddr;
	return paths_with(xtcp_net_of(sk), addrs);
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

/* The element of @set for a new path: a free one, or that of the oldest path. */
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
static bool is_expired(const struct xtcp_net *xn, const struct xtcp_saved *saved)
{
	return xtcp_paths_seconds() - saved->seconds >= (u32)READ_ONCE(xn->sysctl.careful_resume);
}

/*
 * Finds the saved parameters of a path, and forgets them if they are too old. Without @taken,
 * copies them to @found. Otherwise removes them, if they still equal @taken, an earlier copy: only
 * one connection may use them (RFC 9959 section 3.2). Return: false when there are none, or others.
 */
static bool xtcp_paths_find(const struct sock *sk, struct xtcp_saved *found, const struct xtcp_saved *taken)
{
	struct in6_addr addrs[2];
	struct path_set *set = set_of_path(sk, addrs);
	struct saved_path *path;

	if (!set)
		return false;
	spin_lock_bh(&set->lock);
	path = find_path(set, addrs);
	if (path && is_expired(xtcp_net_of(sk), &path->saved)) {
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

/*
 * Saves parameters of the path @addrs, unless they are too old, or were observed before a flush.
 * @flushes: xtcp_paths_flushes() when they were observed. @replace: even older parameters.
 */
static void save_path(const struct xtcp_net *xn, const struct in6_addr *addrs, const struct xtcp_saved *saved,
		      u32 flushes, bool replace)
{
	struct path_set *set = paths_with(xn, addrs);
	struct saved_path *path;

	if (!set)
		return;
	spin_lock_bh(&set->lock);
	path = find_path(set, addrs);
	if (!is_expired(xn, saved) && flushes == xtcp_paths_flushes(xn) &&
	    (!path || (replace && (s32)(saved->seconds - path->saved.seconds) >= 0)))
		(path ?: new_path(set, addrs))->saved = *saved;
	spin_unlock_bh(&set->lock);
}

/* Saves what a connection has observed (RFC 9959 section 3.1: the latest). */
static void xtcp_paths_save(const struct sock *sk, const struct xtcp_saved *saved, u32 flushes, bool replace)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);
	const struct in6_addr addrs[] = { tuple.laddr, tuple.faddr };

	save_path(xtcp_net_of(sk), addrs, saved, flushes, replace);
}

/* What another build has observed. */
static void add_path(const struct xtcp_net *xn, const struct xtcp_path *path)
{
	const struct xtcp_saved saved = {
		.cwnd = path->cwnd,
		.rtt_us = path->rtt_us,
		.seconds = xtcp_paths_seconds() - path->age,
		.ifindex = path->ifindex,
	};
	struct in6_addr addrs[2];

	memcpy(&addrs[0], path->from, sizeof(*addrs));
	memcpy(&addrs[1], path->to, sizeof(*addrs));
	save_path(xn, addrs, &saved, xtcp_paths_flushes(xn), true);
}

/**
 * xtcp_paths_requested() - handle XTCP_CMD_PATHS_FLUSH and XTCP_CMD_PATHS_ADD
 * @skb: the request
 * @info: the parsed request
 * Context: process.
 * Return: 0 or -EINVAL.
 */
int xtcp_paths_requested(struct sk_buff *skb, struct genl_info *info)
{
	static const struct nla_policy policy[] = {
		[XTCP_PATHS_PATH] = NLA_POLICY_EXACT_LEN(sizeof(struct xtcp_path)),
	};
	const bool adds = info->genlhdr->cmd == XTCP_CMD_PATHS_ADD;
	struct xtcp_net *xn = xtcp_net(genl_info_net(info));
	struct nlattr *attrs[ARRAY_SIZE(policy)];
	const struct xtcp_path *path;
	int err;

	if (!adds && nlmsg_attrlen(info->nlhdr, GENL_HDRLEN)) {
		NL_SET_ERR_MSG(info->extack, "this request has no attributes");
		return -EINVAL;
	}
	err = nlmsg_parse(info->nlhdr, GENL_HDRLEN, attrs, XTCP_PATHS_PATH, policy, info->extack);
	if (err)
		return err;
	path = attrs[XTCP_PATHS_PATH] ? nla_data(attrs[XTCP_PATHS_PATH]) : NULL;
	if (adds && (!path || !path->cwnd)) {
		NL_SET_ERR_MSG(info->extack, "the request has no path, or one without a window");
		return -EINVAL;
	}
	if (adds)
		add_path(xn, path);
	else
		forget_paths(xn);
	return 0;
}

/*
 * A jump has met congestion, or the RTT shows another path (RFC 9959 section 3.5). What was
 * observed over another device than @ifindex, or saved after a flush, is newer, and stays.
 */
static void xtcp_paths_forget(const struct sock *sk, int ifindex, u32 flushes)
{
	struct in6_addr addrs[2];
	struct path_set *set = set_of_path(sk, addrs);
	struct saved_path *path;

	if (!set)
		return;
	spin_lock_bh(&set->lock);
	path = find_path(set, addrs);
	if (path && path->saved.ifindex == ifindex && flushes == xtcp_paths_flushes(xtcp_net_of(sk)))
		path->saved.cwnd = 0;
	spin_unlock_bh(&set->lock);
}

/* an observed window below this number of initial windows is not saved (RFC 9959 section 3.1) */
#define LEAST_WINDOWS	4U

static struct xtcp_resume *resume_of(const struct sock *sk)
{
	return xtcp_sender(sk)->stream->cong.resume;
}

/* The ifindex of the device towards the peer. 0: unknown, or the peer is on this machine. */
static int device_of(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	const struct net_device *dev;
	int ifindex;

	/* the route may lose the device now; RCU keeps the device in memory */
	rcu_read_lock();
	dev = dst ? READ_ONCE(dst->dev) : NULL;
	ifindex = dev && !(dev->flags & IFF_LOOPBACK) ? dev->ifindex : 0;
	rcu_read_unlock();
	return ifindex;
}

/* Has the route moved to another device? Not seen before IP sends again. No without a route, and over loopback. */
static bool is_elsewhere(struct sock *sk)
{
	int ifindex = device_of(sk);

	return ifindex && ifindex != resume_of(sk)->saved.ifindex;
}

/* The route has moved during the jump: retreat, and observe nothing more. */
static void retreat_from_move(struct sock *sk)
{
	resume_of(sk)->has_moved = true;
	xtcp_resuming_retreat(sk);
}

static struct xtcp_resume_view view_of(struct sock *sk, u64 now_us)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	return (struct xtcp_resume_view) {
		.snd_una = tx->snd.una,
		.snd_nxt = tx->snd.nxt,
		.delivered = tx->stream->delivered,
		.now_us = (u32)now_us,
		.min_rtt_us = tx->rto.min_rtt_us,
		.seconds = xtcp_paths_seconds(),
		.ifindex = device_of(sk),
	};
}

static void to_normal(struct sock *sk)
{
	const struct xtcp_resume_view view = view_of(sk, xtcp_clock_us());

	resume_of(sk)->phase = XTCP_RESUME_NORMAL;
	xtcp_resume_round(resume_of(sk), &view);
}

static void stop_pacing(struct sock *sk)
{
	xtcp_sender(sk)->cong.rate_is_old = true;
	if (resume_of(sk)->paces && READ_ONCE(sk->sk_max_pacing_rate) == ~0UL)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NEEDED, SK_PACING_NONE);
	resume_of(sk)->paces = false;
}

/* Is this the first slow start, without congestion? No if the SYN was lost twice: the window began smaller. */
static bool is_fresh(const struct sock *sk)
{
	const struct xtcp_cong *cong = &xtcp_sender(sk)->cong;

	return cong->phase == XTCP_CONG_OPEN && cong->ssthresh == U32_MAX && cong->cwnd >= xtcp_cong_initial(sk);
}

/* Observes the path, or enters the Reconnaissance Phase. The window is full: what is in flight is the initial data. */
void xtcp_resuming_begin(struct sock *sk)
{
	struct xtcp_resume *resume = kzalloc(sizeof(*resume), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);

	sock_owned_by_me(sk);
	if (!resume)
		return;
	xtcp_sender(sk)->stream->cong.resume = resume;
	resume->flushes = xtcp_paths_flushes(xtcp_net_of(sk));
	to_normal(sk);
	/* under BBR, which may have been replaced since, is_fresh() sees no congestion by ssthresh */
	if (!is_fresh(sk) || xtcp_sender(sk)->stream->lost_total || xtcp_sk(sk)->delivered_ce ||
	    !xtcp_paths_find(sk, &resume->saved, NULL))
		return;
	resume->phase = XTCP_RESUME_RECONNAISSANCE;
	resume->mark = xtcp_sender(sk)->snd.nxt;
}

/* Were all paths forgotten since the connection began to observe? A retreat, which protects the path, goes on. */
static bool is_switched_off(const struct sock *sk)
{
	const struct xtcp_resume *resume = resume_of(sk);

	return unlikely(resume->flushes != xtcp_paths_flushes(xtcp_net_of(sk))) && resume->phase != XTCP_RESUME_RETREAT;
}

/* Jump if this is the saved path, and enough text waits. The initial data is acknowledged. */
static void look_for_jump(struct sock *sk, u64 now_us)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 pipe = xtcp_pipe_octets(sk), jump;

	/* jump only when more text waits than the window allows (section 3.2, "Path confirmed") */
	if (tx->snd.write_seq - tx->snd.nxt + pipe <= tx->cong.cwnd)
		return;
	jump = xtcp_resume_window(&resume->saved, tx->rto.min_rtt_us, tx->cong.cwnd);
	if (!jump || !resume->can_pace || !tx->rto.srtt_us || tx->stream->data_segs_out < XTCP_PACE_UNPACED ||
	    device_of(sk) != resume->saved.ifindex || !xtcp_paths_find(sk, NULL, &resume->saved)) {
		to_normal(sk);
		return;
	}
	resume->has_taken = true;
	xtcp_resume_jump(resume, tx->snd.nxt, pipe, tx->stream->delivered, (u32)now_us);
	tx->cong.cwnd = jump;
	/* RFC 9959 section 3.3: text of the Unvalidated Phase MUST be paced. If it is already, only the rate changes */
	tx->cong.rate_is_old = true;
	resume->paces = cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED) == SK_PACING_NONE;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RESUMEJUMPED);
}

static void reconnaissance_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_resume *resume = resume_of(sk);

	if (!is_fresh(sk)) {
		to_normal(sk);
		return;
	}
	if (xtcp_seq_lt(xtcp_sender(sk)->snd.una, resume->mark))
		return;
	resume->confirmed_us = sample->now_us;
	look_for_jump(sk, sample->now_us);
}

/**
 * xtcp_resuming_full() - the window is full in the Reconnaissance Phase: jump, or wait for an ACK
 * @sk: the sock
 *
 * Several ACKs often come together, and the program writes its next text only after the last of
 * them. Without this function, the jump would wait for another ACK, a round trip later.
 *
 * A connection jumps only once, so half a window of text must wait. If the latest ACK is older than
 * a round trip, the path may have changed meanwhile (RFC 9959 section 4.2.1), and the jump waits
 * for another ACK; so it does if a segment is in the backlog, which may report congestion.
 * Return: true if the window has jumped: send more.
 */
bool xtcp_resuming_full(struct sock *sk)
{
	const struct xtcp_resume *resume = resume_of(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const u64 now_us = xtcp_clock_us();

	sock_owned_by_me(sk);
	if (is_switched_off(sk) || !is_fresh(sk) || xtcp_seq_lt(tx->snd.una, resume->mark))
		return false;
	if (tx->snd.write_seq - tx->snd.nxt < tx->cong.cwnd / 2 ||
	    now_us - resume->confirmed_us > tx->rto.srtt_us || READ_ONCE(sk->sk_backlog.tail))
		return false;
	look_for_jump(sk, now_us);
	return resume->phase == XTCP_RESUME_UNVALIDATED;
}

static void leave_unvalidated(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	tx->cong.cwnd = xtcp_resume_validate(resume_of(sk), xtcp_pipe_octets(sk), tx->stream->delivered,
					     xtcp_cong_initial(sk), tx->snd.nxt);
	stop_pacing(sk);
	if (resume_of(sk)->phase == XTCP_RESUME_NORMAL)
		to_normal(sk);
}

/* The octet after the highest that the peer has acknowledged or sacked. */
static u32 highest_told(const struct xtcp_sender *tx)
{
	const struct xtcp_scoreboard *sb = &tx->stream->scoreboard;

	return sb->sacked && tx->agreed.sack_ok ? sb->high_sacked : tx->snd.una;
}

/*
 * Text was sent: ends the Unvalidated Phase if it is over (RFC 9959 section 3.3): the flight fills
 * the window, or xtcp_resume_is_due(). If the route has moved, the jump retreats: the flight may
 * fill our window, and end the phase, before an ACK comes.
 */
noinline void xtcp_resuming_pushed(struct sock *sk)
{
	const struct xtcp_resume *resume = resume_of(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (resume->phase != XTCP_RESUME_UNVALIDATED || is_switched_off(sk))
		return;
	if (is_elsewhere(sk))
		retreat_from_move(sk);
	else if (xtcp_pipe_octets(sk) + tx->mss > tx->cong.cwnd ||
		 xtcp_resume_is_due(resume, highest_told(tx), (u32)xtcp_clock_us(), tx->rto.srtt_us))
		leave_unvalidated(sk);
}

static void unvalidated_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_resume *resume = resume_of(sk);
	const struct xtcp_sender *tx = xtcp_sender(sk);

	/* section 3.3, "Confirming the path during transmission" */
	if (is_elsewhere(sk))
		retreat_from_move(sk);
	else if (xtcp_resume_too_fast(&resume->saved, tx->rto.min_rtt_us))
		xtcp_resuming_retreat(sk);
	else if (xtcp_resume_is_due(resume, highest_told(tx), (u32)sample->now_us, tx->rto.srtt_us))
		leave_unvalidated(sk);
}

/* While something is lost, marked or out of order, ACKs may report octets of long ago: a new round begins. */
static void normal_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_resume_view view = view_of(sk, sample->now_us);

	if (xtcp_sender(sk)->cong.phase != XTCP_CONG_OPEN || sample->lost || sample->resent_acked ||
	    view.min_rtt_us == U32_MAX)
		xtcp_resume_round(resume_of(sk), &view);
	else
		xtcp_resume_observe(resume_of(sk), &view);
}

/* The phase of congestion control is set already. Return: false if the algorithm or PRR has to set the window. */
noinline bool xtcp_resuming_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_resume *resume = resume_of(sk);

	sock_owned_by_me(sk);
	if (is_switched_off(sk)) {
		xtcp_resuming_end(sk);
		return false;
	}
	switch (resume->phase) {
	case XTCP_RESUME_RECONNAISSANCE:
		reconnaissance_acked(sk, sample);
		return resume->phase == XTCP_RESUME_UNVALIDATED;
	case XTCP_RESUME_UNVALIDATED:
		unvalidated_acked(sk, sample);
		return true;
	case XTCP_RESUME_VALIDATING:
		if (xtcp_seq_ge(xtcp_sender(sk)->snd.una, resume->mark)) {
			XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RESUMEVALIDATED);
			to_normal(sk);
		}
		return false;
	case XTCP_RESUME_RETREAT:
		/* without SACK, a partial ACK must cause a retransmission: else perhaps no ACK comes (RFC 6582 3.2) */
		resume->frees_one |= sample->acked && !xtcp_sender(sk)->agreed.sack_ok;
		/* at the end of a reduction, xtcp_reduction_end() may end the Safe Retreat Phase */
		if (!xtcp_reduction_is_on(xtcp_sender(sk)))
			xtcp_resuming_reduced(sk);
		return true;
	default:
		normal_acked(sk, sample);
		return false;
	}
}

static bool is_unproven(const struct xtcp_resume *resume)
{
	return resume->phase == XTCP_RESUME_UNVALIDATED || resume->phase == XTCP_RESUME_VALIDATING;
}

/* Reduces the window to PipeSize, which the path is known to carry, before the algorithm reads the jump's. */
static void bound_by_pipe_size(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 pipe_size = xtcp_resume_pipe_size(resume_of(sk), tx->stream->delivered);

	tx->cong.cwnd = min(tx->cong.cwnd, max_t(u32, pipe_size, tx->mss));
}

/* The window will fall. Return: true if the Safe Retreat Phase begins or goes on: xtcp_resuming_retreat() follows. */
bool xtcp_resuming_congested(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);

	sock_owned_by_me(sk);
	/* first, since after a move congestion says nothing about what was observed */
	xtcp_resume_device(resume, device_of(sk));
	xtcp_resume_cap(resume, xtcp_sender(sk)->cong.cwnd);
	if (resume->phase == XTCP_RESUME_RECONNAISSANCE)
		to_normal(sk);
	if (is_unproven(resume))
		bound_by_pipe_size(sk);
	return is_unproven(resume) || resume->phase == XTCP_RESUME_RETREAT;
}

/* The jump was too large, so the saved path is wrong; but if the route has moved, the path may still be right. */
static void jump_failed(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);

	stop_pacing(sk);
	/* the jump took the path out of the table, but another connection may have saved it again */
	if (!resume->has_moved)
		xtcp_paths_forget(sk, resume->saved.ifindex, resume->flushes);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RESUMERETREATED);
}

/* Enters the Safe Retreat Phase, or reduces the window further. RFC 9959 section 3.5. */
void xtcp_resuming_retreat(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	xtcp_reduction_forbid_undo(sk);
	if (resume->phase == XTCP_RESUME_RETREAT) {
		tx->cong.cwnd = min(tx->cong.cwnd, tx->cong.ssthresh);
		return;
	}
	tx->cong.cwnd = xtcp_resume_retreat(resume, tx->cong.cwnd, tx->stream->delivered, tx->snd.nxt, tx->mss);
	jump_failed(sk);
}

/* The retreat ends once all octets of the jump are acknowledged. The window stays; slow start raises it to ssthresh. */
void xtcp_resuming_reduced(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (xtcp_seq_lt(tx->snd.una, resume->mark))
		return;
	tx->cong.ssthresh = xtcp_resume_leave(resume, tx->cong.ssthresh, tx->stream->delivered, tx->mss);
	to_normal(sk);
}

/* The retransmission timer has expired. RFC 9959 section 3.6: the phase becomes NORMAL. */
void xtcp_resuming_timeout(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	/* first, as in xtcp_resuming_congested() */
	xtcp_resume_device(resume, device_of(sk));
	xtcp_resume_cap(resume, tx->cong.cwnd);
	if (resume->phase == XTCP_RESUME_NORMAL)
		return;
	if (is_unproven(resume)) {
		bound_by_pipe_size(sk);
		resume->has_taken = false;
		jump_failed(sk);
	} else if (resume->phase == XTCP_RESUME_RETREAT) {
		tx->cong.ssthresh = xtcp_resume_leave(resume, tx->cong.ssthresh, tx->stream->delivered, tx->mss);
	}
	to_normal(sk);
}

/* The connection ends or gets another algorithm, or it was switched off: saves a path worth saving. */
void xtcp_resuming_end(struct sock *sk)
{
	struct xtcp_resume *resume = resume_of(sk);

	sock_owned_by_me(sk);
	/* if the jump is not validated yet, reduce the window to PipeSize */
	if (is_unproven(resume)) {
		bound_by_pipe_size(sk);
		stop_pacing(sk);
	}
	if (resume->best.cwnd >= LEAST_WINDOWS * xtcp_cong_initial(sk))
		xtcp_paths_save(sk, &resume->best, resume->flushes, true);
	else if (resume->has_taken && !is_unproven(resume))
		xtcp_paths_save(sk, &resume->saved, resume->flushes, false);
	xtcp_sender(sk)->stream->cong.resume = NULL;
	kfree(resume);
}
