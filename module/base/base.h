/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection state, memory, limits and secrets. Any file may call what is in base/, and base/
 * calls no other folder.
 */
#ifndef XTCP_BASE_H
#define XTCP_BASE_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/uidgid.h>

#include "base/net.h"
#include "compat.h"

struct user_namespace;
struct xtcp_demux_key;

/* The approximate value of @counter, at least 0. Part of each processor's count may be missing. */
static inline s64 xtcp_counter_about(struct percpu_counter *counter)
{
	/* the kernel may write the sum during this read; a limit need not see the latest change */
	return data_race(percpu_counter_read_positive(counter));
}

/*
 * Is @counter above @limit? Exact for a small limit. For a large one the answer may be wrong by
 * 1/@rough_part of the limit: to add up the counts of all processors for each connection would cost
 * too much. @batch: how much a processor counts before it updates the sum.
 */
static inline bool xtcp_counter_above(struct percpu_counter *counter, s64 limit, s32 batch, int rough_part)
{
	if (limit >= (s64)batch * rough_part * num_possible_cpus())
		return xtcp_counter_about(counter) > limit;
	return __percpu_counter_compare(counter, limit, batch) > 0;
}

/* state.c */

void xtcp_state_set(struct sock *sk, int state);

/* memory.c */

int xtcp_orphan_init(void);
void xtcp_orphan_exit(void);

/*
 * Drops the namespace reference of a sock without a program. BH disabled; the socket lock is held
 * by bh_lock_sock(), or no other thread can find @sk.
 */
static inline void xtcp_orphan_leave_netns(struct sock *sk)
{
	if (!sk->sk_net_refcnt)
		return;
	/* the caller may use the namespace until it enables BH: its exit waits for RCU */
	WARN_ON_ONCE(!in_softirq());
	sk->sk_net_refcnt = 0;
	sock_inuse_add(sock_net(sk), -1);
	xtcp_compat_put_net(sk);
}

/* Socket lock held. */
void xtcp_orphan_add(struct sock *sk);
void xtcp_orphan_leave(struct sock *sk);
bool xtcp_orphan_too_many(struct sock *sk, bool is_new);

/* For accept(). Takes the child's socket lock. */
void xtcp_memory_accepted(struct sock *sk);

/* Socket lock held. */
void xtcp_memory_force(struct sock *sk, int octets);
void xtcp_memory_uncharge(struct sock *sk, int octets);

/* guests.c */

/*
 * All guests together may have 1/2 of a global limit. All guests of one maker may have 1/4 of what
 * all guests may have.
 */
#define XTCP_GUESTS_PART	2
#define XTCP_MAKER_SHARE	4
/* The answer of xtcp_guests_exceed() may be wrong by 1/8 of the limit, if the limit is large. */
#define XTCP_GUESTS_ROUGH	8

/* What all guests together have a limit for, and each maker a count. */
enum xtcp_guests_thing {
	XTCP_GUESTS_ENTRIES,	/* half-open entries (entry.c) */
	XTCP_GUESTS_CHILDREN,	/* connections that wait for accept() (entry.c) */
	XTCP_GUESTS_ORPHANS,	/* orphans (memory.c) */
	XTCP_GUESTS_RECORDS,	/* records (timewait.c) */
	XTCP_GUESTS_THINGS
};

/*
 * struct xtcp_guests - what all guests have and may have of one thing
 * @max: how much all guests may have; set before xtcp_guests_init(), unless the limit may change
 * @batch: how much a processor may count before it updates @count; xtcp_guests_init() chooses it by
 *	@max, if it is 0
 */
struct xtcp_guests {
	struct percpu_counter count;	/* how much all guests have */
	unsigned int max;
	s32 batch;
	enum xtcp_guests_thing thing;	/* which count of a maker belongs to this limit */
};

/*
 * struct xtcp_maker - who has made guests, and what all his guests have
 * @node: in the list of all makers; guarded by the lock of that list (guests.c), as is @users
 * @users: number of guests of this maker that have had a socket of ours (xtcp_rest.maker)
 * @made_in: for the global root, the outermost user namespace around the guests, else NULL. It is
 *	only compared
 * @handovers: listeners that wait for a successor (handover.c); guarded by a lock of that file
 * @counts: how much all guests of this maker have, by enum xtcp_guests_thing
 */
struct xtcp_maker {
	struct list_head node;
	unsigned int users;
	kuid_t uid;	/* the user */
	const struct user_namespace *made_in;
	unsigned int boxes;	/* black boxes (blackbox.c); guarded by the lock of the boxes */
	unsigned int handovers;
	struct percpu_counter counts[XTCP_GUESTS_THINGS];
};

/* Counts for all guests, but not for a maker. */
static inline void xtcp_guests_count_all(struct xtcp_guests *guests, int change)
{
	percpu_counter_add_batch(&guests->count, change, guests->batch);
}

/* Counts for the maker of the guest @xn, but not for all guests. */
static inline void xtcp_guests_count_maker(struct xtcp_guests *guests, struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->rest->maker->counts[guests->thing], change, guests->batch);
}

/* Counts for the maker of the guest @xn, and for all guests. */
static inline void xtcp_guests_count(struct xtcp_guests *guests, struct xtcp_net *xn, int change)
{
	xtcp_guests_count_maker(guests, xn, change);
	xtcp_guests_count_all(guests, change);
}

/* Have all guests of the maker of @xn together more than @limit? */
static inline bool xtcp_guests_maker_exceeds(struct xtcp_guests *guests, const struct xtcp_net *xn, s64 limit)
{
	return xtcp_counter_above(&xn->rest->maker->counts[guests->thing], limit, guests->batch, XTCP_GUESTS_ROUGH);
}

/*
 * Would all guests have more than @max with @more for the guest @xn, or all guests of its maker
 * more than their share of @max?
 */
static inline bool xtcp_guests_exceed(struct xtcp_guests *guests, const struct xtcp_net *xn, s64 max, unsigned int more)
{
	return xtcp_counter_above(&guests->count, max - more, guests->batch, XTCP_GUESTS_ROUGH) ||
	       xtcp_guests_maker_exceeds(guests, xn, max / XTCP_MAKER_SHARE - more);
}

int xtcp_guests_net_init(struct xtcp_net *xn);
void xtcp_guests_net_exit(struct xtcp_net *xn);

int xtcp_guests_limit(unsigned int *limit, const char *parameter, unsigned int part, u32 size);
int xtcp_guests_init(struct xtcp_guests *guests);

/* At module exit: no guest has anything. */
static inline void xtcp_guests_exit(struct xtcp_guests *guests)
{
	WARN_ON_ONCE(percpu_counter_sum(&guests->count));
	percpu_counter_destroy(&guests->count);
}

/* secret.c */

bool xtcp_checksum_ok(struct sk_buff *skb);

int xtcp_secret_net_init(struct xtcp_net *xn);
void xtcp_secret_net_exit(struct xtcp_net *xn);
void xtcp_secret_active(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, u32 *iss, u32 *ts_offset);
u32 xtcp_secret_ts_offset(const struct xtcp_net *xn, const struct xtcp_tuple *tuple);
u32 xtcp_secret_cookie(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, struct xtcp_cookie cookie);
bool xtcp_secret_cookie_check(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, u32 iss, const u32 *tsecr,
			      struct xtcp_cookie *cookie);

#endif /* XTCP_BASE_H */
