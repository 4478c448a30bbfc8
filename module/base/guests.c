// SPDX-License-Identifier: GPL-2.0
/*
 * What all guests together may have, and the guests of one maker. A guest is a namespace that
 * belongs to a user namespace other than the initial one (xtcp_net.is_guest). Any user can make as
 * many as he likes, and set their sysctls. So what takes memory that no control group pays for, or
 * what others would lack, has a limit for all guests together: half-open entries, records, orphans,
 * connections that wait for accept(), black boxes, and listeners that wait for a successor.
 *
 * One user alone must not use up these limits. So they are shared by maker: the user who made the
 * outermost user namespace around the guest. All guests of a maker may have 1/XTCP_MAKER_SHARE of
 * what all guests may have; handover.c has a rule of its own. Users in a guest cannot act for another
 * maker, whatever namespaces they nest. Each outermost user namespace of the global root is a maker
 * of its own: these are containers, whose users are strangers to each other.
 *
 * The first socket in one of his guests makes a maker. Each of his guests holds a reference from
 * its first socket to its end, when the maker's counts must include nothing of it any more. The
 * memory of entries stays for a grace period longer, so it counts for all guests only.
 *
 * Limits the answers to unacceptable segments where the namespace sets the limit (RFC 5961 section
 * 7). sock.h has the limits of one sock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "base/base.h"

#include <linux/random.h>
#include <linux/user_namespace.h>

#include "base/sock.h"
#include "sight/sight.h"

/**
 * xtcp_acklimit_refuses() - is it too early for another answer to an unacceptable segment?
 * @xn: the namespace
 * @seg: the segment; one with text or FIN, but without SYN and RST, is always answered
 * @field: LINUX_MIB_TCPACKSKIPPED*, increased when the answer is skipped
 * @stamp: when the limit last allowed an answer for this connection, in jiffies; 0: never; updated
 *
 * As Linux's tcp_invalid_ratelimit, keeps two ends from answering each other forever. A RST with
 * text is limited, too: its source may be forged, and the answer would go to a victim.
 *
 * Context: softirq or process. If two processors use one @stamp at the same time, one answer too
 * many may be sent.
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
 * RFC 5961 section 7 asks for a limit. Each connection has one; challenge_ack_limit adds one for
 * all of the namespace. If that were exact, an attacker could count the challenge ACKs on a
 * connection of his own, and so learn whether others send some. So the limit of each second is
 * random: half of challenge_ack_limit plus a random number below it.
 *
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

/*
 * All makers. A user is one maker, however many guests he makes. Only root, by making containers,
 * makes the list long. makers_lock is taken in process context; its holder takes no other lock.
 */
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

/* At module init: makes the counter of all guests. Return: 0 or -ENOMEM. */
int xtcp_guests_init(struct xtcp_guests *guests)
{
	/*
	 * each processor counts up to a batch before it updates the sum, which may so be wrong by
	 * one batch for each processor: at most 1/16 of what one maker may have
	 */
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

/* Makes a maker, who is not in the list yet. Return: NULL without memory. */
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

/*
 * Finds a maker in the list, or adds @new to it. Return: the maker, with a reference for one more
 * guest; NULL if the list does not have him and @new is NULL.
 */
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

/**
 * xtcp_guests_net_init() - find or make the maker of a guest
 * @xn: the namespace; if it is no guest, it has no maker
 *
 * The memory of a new maker is charged to the task that makes the first socket. No lock is held
 * meanwhile: near the limit of a memory cgroup this may take long.
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int xtcp_guests_net_init(struct xtcp_net *xn)
{
	const struct user_namespace *made_in;
	struct xtcp_maker *maker, *new;
	kuid_t uid;

	if (!xn->is_guest)
		return 0;
	made_in = outermost(xn->net);
	uid = made_in->owner;
	/*
	 * one maker for each user, but for each user namespace of root. The guests keep this user
	 * namespace, so no other one gets its address while the maker exists
	 */
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

/* The namespace @xn ends: its maker has one guest less. */
void xtcp_guests_net_exit(struct xtcp_net *xn)
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
