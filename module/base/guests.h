/* SPDX-License-Identifier: GPL-2.0 */
/* What all guests (xtcp_net.is_guest) together may have, and the guests of one maker. */
#ifndef XTCP_GUESTS_H
#define XTCP_GUESTS_H

#include <linux/list.h>
#include <linux/percpu_counter.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "base/net.h"

struct user_namespace;

/*
 * All guests together may have 1/2 of a global limit. All guests of one maker may have 1/4 of what
 * all guests may have.
 */
#define XTCP_GUESTS_PART	2
#define XTCP_MAKER_SHARE	4

/* What all guests together have a limit for, and each maker a count. */
enum xtcp_guests_thing {
	XTCP_GUESTS_ENTRIES,	/* half-open entries (entry.c) */
	XTCP_GUESTS_CHILDREN,	/* connections that wait for accept() (entry.c) */
	XTCP_GUESTS_ORPHANS,	/* orphans (orphan.c) */
	XTCP_GUESTS_RECORDS,	/* records (record.c) */
	XTCP_GUESTS_THINGS
};

/**
 * struct xtcp_guests - what all guests have and may have of one thing
 * @count: how much all guests have
 * @max: how much all guests may have; set before xtcp_guests_init(), unless the limit may change
 * @batch: how much a processor may count before it updates @count; xtcp_guests_init() chooses it by
 *	@max, if it is 0
 * @thing: which count of a maker belongs to this limit
 */
struct xtcp_guests {
	struct percpu_counter count;
	unsigned int max;
	s32 batch;
	enum xtcp_guests_thing thing;
};

/**
 * struct xtcp_maker - who has made guests, and what all his guests have
 * @node: in the list of all makers; guarded by the lock of that list (guests.c), as is @users
 * @users: number of guests of this maker that have had a socket of ours (xtcp_rest.maker)
 * @uid: the user
 * @made_in: for the global root, the outermost user namespace around the guests, else NULL. It is
 *	only compared
 * @boxes: black boxes (blackbox.c); guarded by the lock of the boxes
 * @estates: listeners that wait for a successor (estate.c); guarded by a lock of that file
 * @counts: how much all guests of this maker have, by enum xtcp_guests_thing
 */
struct xtcp_maker {
	struct list_head node;
	unsigned int users;
	kuid_t uid;
	const struct user_namespace *made_in;
	unsigned int boxes;
	unsigned int estates;
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

bool xtcp_guests_maker_exceeds(struct xtcp_guests *guests, const struct xtcp_net *xn, s64 limit);
bool xtcp_guests_exceed(struct xtcp_guests *guests, const struct xtcp_net *xn, s64 max, unsigned int more);

int xtcp_guests_net_init(struct xtcp_net *xn);
void xtcp_guests_net_exit(struct xtcp_net *xn);

int xtcp_guests_limit(unsigned int *limit, const char *parameter, unsigned int part, u32 size);
int xtcp_guests_init(struct xtcp_guests *guests);
void xtcp_guests_exit(struct xtcp_guests *guests);

#endif /* XTCP_GUESTS_H */
