// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a sock must have is charged whatever the limits of tcp_mem and of the memory cgroup
 * say: a connection needs it to proceed, and so to free what it already has. It still counts, so
 * less is left for other sockets. Memory that a sock will soon need again is kept.
 *
 * Limits the number of orphans: connections that continue after their program has closed them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "base/base.h"

#include <linux/random.h>
#include <linux/user_namespace.h>

#include "base/sock.h"
#include "sight/sight.h"

#define ORPHANS_BATCH	8	/* a processor adds its count to the sum when the count reaches 8 */
#define ORPHANS_ROUGH	64	/* the check of a limit may be wrong by 1/64 of the limit */

static struct percpu_counter all_orphans;	/* the number of orphans in all namespaces */

/* A guest may set its max_orphans to any value, so all have a limit: a part of the initial namespace's. */
static struct xtcp_guests guest_orphans = { .batch = ORPHANS_BATCH, .thing = XTCP_GUESTS_ORPHANS };

static int orphan_init(void)
{
	int err = percpu_counter_init(&all_orphans, 0, GFP_KERNEL);

	if (err)
		return err;
	err = xtcp_guests_init(&guest_orphans);
	if (err)
		percpu_counter_destroy(&all_orphans);
	return err;
}

static void orphan_exit(void)
{
	xtcp_guests_exit(&guest_orphans);
	percpu_counter_destroy(&all_orphans);
}

const struct xtcp_part xtcp_orphan_part = { orphan_init, orphan_exit };

static void count_orphan(struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->rest->orphans, change, ORPHANS_BATCH);
	percpu_counter_add_batch(&all_orphans, change, ORPHANS_BATCH);
	if (xn->is_guest)
		xtcp_guests_count(&guest_orphans, xn, change);
}

/**
 * xtcp_orphan_add() - count a new orphan, and drop its namespace reference
 * @sk: a sock after sock_orphan(), with an empty backlog
 *
 * As in Linux, an orphan does not keep its namespace alive, but ends with it. The namespace may
 * exit at once: its exit takes the socket lock of each orphan, and so waits for the caller.
 * Context: process, BH disabled. Lock: socket, held by bh_lock_sock(); no program owns it.
 */
void xtcp_orphan_add(struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct xtcp_shard *shard;

	sock_owned_by_me(sk);
	if (xtcp_endpoint(sk)->is_orphan)
		return;
	xtcp_endpoint(sk)->is_orphan = true;
	count_orphan(xtcp_net(net), 1);
	shard = xtcp_shard_of(xtcp_net(net), xtcp_endpoint(sk)->conn.hash);
	spin_lock(&shard->lock);
	list_add(&xtcp_endpoint(sk)->accept_node, &shard->orphans);
	spin_unlock(&shard->lock);
	xtcp_orphan_leave_netns(sk);
}

static s64 all_max(void)
{
	return READ_ONCE(xtcp_net(&init_net)->sysctl.max_orphans);
}

static bool is_above(struct percpu_counter *orphans, s64 limit)
{
	return xtcp_counter_above(orphans, limit, ORPHANS_BATCH, ORPHANS_ROUGH);
}

/**
 * xtcp_orphan_too_many() - does this orphan have to be reset?
 * @sk: an orphan
 * @is_new: @sk has just become an orphan
 *
 * As in Linux's tcp_check_oom(), it is reset if its namespace has more orphans than its
 * max_orphans, or all together more than that of the initial namespace; or if it has queued more
 * than SOCK_MIN_SNDBUF octets while TCP uses more memory than the third value of tcp_mem.
 *
 * All guests together may have half of the global limit, and those of one maker a quarter of that
 * half: one user must not cause the reset of all others'. Beyond these only a new orphan is reset.
 */
bool xtcp_orphan_too_many(struct sock *sk, bool is_new)
{
	struct xtcp_net *xn = xtcp_net_of(sk);

	sock_owned_by_me(sk);
	if (is_above(&xn->rest->orphans, READ_ONCE(xn->sysctl.max_orphans)) ||
	    is_above(&all_orphans, all_max()) ||
	    (is_new && xn->is_guest && xtcp_guests_exceed(&guest_orphans, xn, all_max() / XTCP_GUESTS_PART, 0))) {
		net_info_ratelimited("too many orphaned sockets\n");
		return true;
	}
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF && sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2);
}

/**
 * xtcp_orphan_leave() - undo xtcp_orphan_add(), except for the namespace reference
 * @sk: an orphan that is CLOSED
 * Context: softirq or process, BH disabled.
 */
void xtcp_orphan_leave(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_shard *shard = xtcp_shard_of(xn, xtcp_endpoint(sk)->conn.hash);

	sock_owned_by_me(sk);
	xtcp_endpoint(sk)->is_orphan = false;
	spin_lock(&shard->lock);
	list_del_init(&xtcp_endpoint(sk)->accept_node);
	spin_unlock(&shard->lock);
	count_orphan(xn, -1);
}

#define KEPT	((int)(2 * PAGE_SIZE))	/* octets; a sock keeps less than KEPT for later segments */
#define SOON	(HZ)			/* jiffies; if its timer expires later, a sock keeps none */
#define STAND_INS	16

/*
 * Modules cannot call sk_forced_mem_schedule(). But __sk_mem_schedule() never refuses memory for
 * sending to a stream socket whose send buffer is full. So the memory is charged to a dummy sock
 * with a send buffer of 0 octets, the stand-in, and then moved to the real sock. Stand-ins are
 * static, being too large for the stack; the processor's number selects one: few wait for each
 * other. Before Linux 6.19, accept() in a memory cgroup may use one, too.
 */
static struct {
	spinlock_t lock;	/* guards @sk */
	struct sock sk;
} ____cacheline_aligned_in_smp stand_ins[STAND_INS] = {
	[0 ... STAND_INS - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(stand_ins.lock),
		.sk = { .sk_type = SOCK_STREAM, .sk_userlocks = SOCK_SNDBUF_LOCK },
	},
};

static int charge_always(const struct sock *sk, int octets)
{
	const unsigned int i = raw_smp_processor_id() % STAND_INS;
	struct sock *stand_in = &stand_ins[i].sk;
	int got;

	spin_lock_bh(&stand_ins[i].lock);
	stand_in->sk_prot = sk->sk_prot;
#ifdef CONFIG_MEMCG
	stand_in->sk_memcg = sk->sk_memcg;
#endif
	write_pnet(&stand_in->sk_net, sock_net(sk));
	if (!__sk_mem_schedule(stand_in, octets, SK_MEM_SEND))
		WARN_ON_ONCE(1);
	got = stand_in->sk_forward_alloc;
	stand_in->sk_forward_alloc = 0;
#ifdef CONFIG_MEMCG
	stand_in->sk_memcg = NULL;
#endif
	spin_unlock_bh(&stand_ins[i].lock);
	return got;
}

/* Charges @octets, for sk_mem_charge(), to tcp_mem and the sock's memory cgroup, whatever the limits say. */
void xtcp_memory_force(struct sock *sk, int octets)
{
	int missing = octets - sk->sk_forward_alloc;

	sock_owned_by_me(sk);
	if (missing > 0)
		sk_forward_alloc_add(sk, charge_always(sk, missing));
}

#ifdef CONFIG_MEMCG
/* All octets charged for the sock. sk_rmem_alloc also counts skbs of the error queue, which were not charged. */
static int charged(const struct sock *sk)
{
	int octets = sk->sk_forward_alloc + sk->sk_wmem_queued + xtcp_sender(sk)->stream->out_of_order_bytes;
	const struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb)
		octets += skb->truesize;
	return octets;
}
#endif

/**
 * xtcp_memory_accepted() - charge a child to the memory cgroup of the accepting program
 * @sk: a child that accept() is about to return; so far it was charged to tcp_mem alone
 * Context: process. Takes the socket lock of @sk.
 */
void xtcp_memory_accepted(struct sock *sk)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg = xtcp_compat_acceptor_memcg();
	int held;

	if (!memcg)
		return;
	lock_sock(sk);
	held = charged(sk);
	__sk_mem_reclaim(sk, held);
	sk->sk_memcg = memcg;	/* freeing the sock drops the reference */
	if (held)
		sk_forward_alloc_add(sk, charge_always(sk, held));
	release_sock(sk);
#endif
}

/**
 * xtcp_memory_uncharge() - give back the memory of a queue that has shrunk
 * @sk: the sock
 * @octets: the number that sk_mem_charge() has charged
 *
 * To give a page back to tcp_mem and to take one for the next segment costs more than all other
 * work for the queue. So a sock keeps less than two pages if its timer expires within a second, and
 * gives them back then. An idle sock keeps none, one under memory pressure less than a page.
 * Context: softirq or process. Lock: socket, held, or no other thread can find @sk.
 */
void xtcp_memory_uncharge(struct sock *sk, int octets)
{
	sk_forward_alloc_add(sk, octets);
	if (sk->sk_forward_alloc >= KEPT || !xtcp_clock_timer_pending(&sk->sk_timer) ||
	    time_after(sk->sk_timer.expires, jiffies + SOON) || sk_under_memory_pressure(sk))
		sk_mem_reclaim(sk);
}

/*
 * What all guests together may have, and the guests of one maker. Any user can make as many guests
 * (xtcp_net.is_guest) as he likes, and set their sysctls. So what takes memory that no control
 * group pays for, or what others would lack, has a limit for all of them: half-open entries,
 * records, orphans, unaccepted connections, black boxes, and listeners that wait for a successor.
 *
 * One user alone must not use up these limits. So they are shared by maker: the user who made the
 * outermost user namespace around the guest. All guests of a maker may have 1/XTCP_MAKER_SHARE of
 * what all guests may have; handover.c has a rule of its own. Users in a guest cannot act for another
 * maker, whatever namespaces they nest. Each outermost user namespace of the global root is a maker
 * of its own: these are containers, whose users are strangers to each other.
 *
 * The first socket in one of his guests makes a maker. Each guest holds a reference from its first
 * socket to its end, when the maker's counts must include nothing of it any more. The memory of
 * entries stays for a grace period longer, so it counts for all guests only.
 */

/**
 * xtcp_acklimit_refuses() - is it too early for another answer to an unacceptable segment?
 * @xn: the namespace
 * @seg: the segment; one with text or FIN, but without SYN and RST, is always answered
 * @field: LINUX_MIB_TCPACKSKIPPED*, increased when the answer is skipped
 * @stamp: when the limit last allowed an answer for this connection, in jiffies; 0: never; updated
 *
 * As Linux's tcp_invalid_ratelimit, keeps two ends from answering each other forever. A RST with
 * text is limited, too: its source may be forged, and the answer would go to a victim.
 * Context: softirq or process. Two processors that use one @stamp at once may send one too many.
 */
bool xtcp_acklimit_refuses(struct xtcp_net *xn, const struct xtcp_seg *seg, int field, u32 *stamp)
{
	u32 now = xtcp_clock_stamp();
	u32 last = READ_ONCE(*stamp);

	if (seg->seq != seg->end_seq && !(seg->flags & (XTCP_SYN | XTCP_RST)))
		return false;
	if (last && now - last < (u32)READ_ONCE(xn->sysctl.invalid_ratelimit)) {
		XTCP_NET_INC_STATS(xn, field);
		return true;
	}
	WRITE_ONCE(*stamp, now);
	return false;
}

/**
 * xtcp_acklimit_net_challenge() - does the namespace's limit allow another challenge ACK?
 * @xn: the namespace
 *
 * Each connection has a limit (RFC 5961 section 7); challenge_ack_limit adds one for the namespace.
 * If that were exact, an attacker could count the challenge ACKs on a connection of his own, and
 * learn whether others send some. So each second has half of it plus a random number below it.
 * Context: any.
 */
bool xtcp_acklimit_net_challenge(struct xtcp_net *xn)
{
	u32 limit = READ_ONCE(xn->sysctl.challenge_ack_limit);
	struct xtcp_rest *rest = xn->rest;
	int now, last;

	if (likely(limit == INT_MAX))
		return true;
	now = jiffies / HZ;
	last = atomic_read(&rest->challenge_second);
	if (now != last && atomic_cmpxchg(&rest->challenge_second, last, now) == last)
		atomic_set(&rest->challenges,
			   min_t(u32, INT_MAX, (limit + 1) / 2 + reciprocal_scale(get_random_u32(), limit)));
	return atomic_dec_if_positive(&rest->challenges) >= 0;
}

/* All makers: only root, by making containers, makes the list long. Process context; no lock is taken inside. */
static DEFINE_SPINLOCK(makers_lock);
static LIST_HEAD(makers);

/**
 * xtcp_guests_limit() - check a limit that is a module parameter, and set its default
 * @limit: the parameter; 0: as many objects as fit in a part of the memory, which is stored, so
 *	that /sys/module shows the limit that applies
 * @parameter: its name
 * @part: this part of the memory, 1/@part
 * @size: the memory of an object, octets
 * Context: process, module init.
 * Return: 0, or -EINVAL when the parameter is out of range.
 */
int xtcp_guests_limit(unsigned int *limit, const char *parameter, unsigned int part, u32 size)
{
	if (*limit > INT_MAX) {
		pr_err("%s=%u: at most %u, or 0 for the default\n", parameter, *limit, INT_MAX);
		return -EINVAL;
	}
	if (!*limit)
		*limit = min_t(u64, div_u64((u64)totalram_pages() << PAGE_SHIFT, part * size), INT_MAX);
	return 0;
}

int xtcp_guests_init(struct xtcp_guests *guests)
{
	/* the sum may be wrong by one batch for each processor: at most 1/16 of what one maker may have */
	if (!guests->batch)
		guests->batch = clamp(guests->max / (16 * XTCP_MAKER_SHARE) / num_possible_cpus(), 1U, 32U);
	return percpu_counter_init(&guests->count, 0, GFP_KERNEL);
}

/* Return: the outermost user namespace around a guest, which init_user_ns contains. */
static const struct user_namespace *outermost(const struct net *net)
{
	const struct user_namespace *ns = net->user_ns;

	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	return ns;
}

/* Frees a maker who is not in the list, and has @counts counters. */
static void free_maker(struct xtcp_maker *maker, unsigned int counts)
{
	WARN_ON_ONCE(maker->boxes || maker->handovers);
	while (counts--) {
		WARN_ON_ONCE(percpu_counter_sum(&maker->counts[counts]));
		percpu_counter_destroy(&maker->counts[counts]);
	}
	kfree(maker);
}

static struct xtcp_maker *make_maker(kuid_t uid, const struct user_namespace *made_in)
{
	struct xtcp_maker *maker = kzalloc(sizeof(*maker), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!maker)
		return NULL;
	maker->uid = uid;
	maker->made_in = made_in;
	for (i = 0; i < XTCP_GUESTS_THINGS; i++) {
		if (percpu_counter_init(&maker->counts[i], 0, GFP_KERNEL_ACCOUNT)) {
			free_maker(maker, i);
			return NULL;
		}
	}
	return maker;
}

/* The maker, in the list or added as @new, with a reference for one more guest; NULL without either. */
static struct xtcp_maker *hold_maker(kuid_t uid, const struct user_namespace *made_in, struct xtcp_maker *new)
{
	struct xtcp_maker *maker;

	spin_lock(&makers_lock);
	list_for_each_entry(maker, &makers, node) {
		if (uid_eq(maker->uid, uid) && maker->made_in == made_in) {
			maker->users++;
			goto out;
		}
	}
	maker = new;
	if (maker) {
		maker->users = 1;
		list_add(&maker->node, &makers);
	}
out:
	spin_unlock(&makers_lock);
	return maker;
}

/* The memory of a new maker is charged to the task that makes the first socket; without a lock: this may take long. */
static int guests_net_init(struct xtcp_net *xn)
{
	const struct user_namespace *made_in;
	struct xtcp_maker *maker, *new;
	kuid_t uid;

	if (!xn->is_guest)
		return 0;
	made_in = outermost(xn->net);
	uid = made_in->owner;
	/* one maker for each user, but for root one for each user namespace: the guests keep it, and so its address */
	if (!uid_eq(uid, GLOBAL_ROOT_UID))
		made_in = NULL;
	maker = hold_maker(uid, made_in, NULL);
	if (!maker) {
		new = make_maker(uid, made_in);
		if (!new)
			return -ENOMEM;
		maker = hold_maker(uid, made_in, new);
		/* the first socket of another guest was faster */
		if (maker != new)
			free_maker(new, XTCP_GUESTS_THINGS);
	}
	xn->rest->maker = maker;
	return 0;
}

static void guests_net_exit(struct xtcp_net *xn)
{
	struct xtcp_maker *maker = xn->rest->maker;
	bool is_last;

	if (!maker)
		return;
	spin_lock(&makers_lock);
	is_last = !--maker->users;
	if (is_last)
		list_del(&maker->node);
	spin_unlock(&makers_lock);
	if (is_last)
		free_maker(maker, XTCP_GUESTS_THINGS);
}

const struct xtcp_net_part xtcp_guests_part = { guests_net_init, guests_net_exit };
