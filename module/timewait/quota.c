// SPDX-License-Identifier: GPL-2.0
/*
 * How many records there may be: in a namespace (net.ipv4.tcp_max_tw_buckets), in all guests
 * together, and in the guests of one maker. record.c evicts a record when there are too many.
 */
#include "timewait/quota.h"

#include <linux/module.h>
#include <net/inet_hashtables.h>

#include "auth/aokeys.h"
#include "base/counter.h"
#include "base/guests.h"
#include "base/net.h"
#include "ports/lease.h"
#include "timewait/record.h"
#include "timewait/recordkeys.h"

#define RECORDS_BATCH	16	/* records that a processor may count before it updates the sum */
#define ROUGH_PART	64	/* a large limit may be exceeded by 1/64 of itself */
#define LITTLE_PART	16	/* share_of_guest() */
#define MUCH_TIMES	2	/* the same */
#define GUESTS_MEMORY	32	/* the records of all guests may take 1/32 of the memory */
/* memory that a record's port takes if no other record or sock uses the port, octets */
#define PORT_SIZE	(sizeof(struct xtcp_lease) + sizeof(struct inet_bind_bucket) + sizeof(struct inet_bind2_bucket))

/*
 * The records of all guests. Any user can create a guest, and set its max_tw_buckets to any value.
 * So the records of all guests together have a limit, and those of one maker's guests (guests.c). A
 * signed record counts as two, since its keys take about as much memory as a record and its port
 * (xtcp_quota_init()).
 */
static struct xtcp_guests guest_records = { .thing = XTCP_GUESTS_RECORDS };
module_param_named(guest_timewait, guest_records.max, uint, 0444);
MODULE_PARM_DESC(guest_timewait, "TIME-WAIT records of all namespaces of users other than the machine's own, at most 2147483647 (0, the default: as many as fit in 1/32 of the memory, each with a port of its own)");

/**
 * xtcp_quota_init() - make the counter of the records of all guests, and its limit
 *
 * Context: process, module init.
 *
 * Return: 0, -EINVAL when the module parameter "guest_timewait" is out of range, or -ENOMEM.
 */
int xtcp_quota_init(void)
{
	int err;

	/*
	 * a signed record and its port take at most the memory of two unsigned records and their
	 * ports, so a signed record may count as two. With pointers of 32 bits it takes somewhat more:
	 * the keys stay as long
	 */
	BUILD_BUG_ON(IS_ENABLED(CONFIG_64BIT) &&
		     roundup_pow_of_two(sizeof(struct xtcp_timewait) + sizeof(struct xtcp_recordkeys)) +
		     XTCP_AO_RECORD_BYTES > 2 * sizeof(struct xtcp_timewait) + PORT_SIZE);

	err = xtcp_guests_limit(&guest_records.max, "guest_timewait", GUESTS_MEMORY,
				sizeof(struct xtcp_timewait) + PORT_SIZE);
	return err ?: xtcp_guests_init(&guest_records);
}

/**
 * xtcp_quota_exit() - free the counter
 *
 * Context: process, module exit.
 */
void xtcp_quota_exit(void)
{
	xtcp_guests_exit(&guest_records);
}

/**
 * xtcp_quota_net_init() - make the counter of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_quota_net_init(struct xtcp_net *xn)
{
	return percpu_counter_init(&xn->rest->records, 0, GFP_KERNEL_ACCOUNT);
}

/**
 * xtcp_quota_net_exit() - free the counter of a namespace
 * @xn: the namespace, whose records have ended
 *
 * Context: process.
 */
void xtcp_quota_net_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(percpu_counter_sum(&xn->rest->records) || atomic_read(&xn->rest->signed_records));
	percpu_counter_destroy(&xn->rest->records);
}

/**
 * xtcp_quota_count() - count records
 * @xn: their namespace
 * @change: records that begin, minus records that end
 *
 * Context: softirq or process.
 */
void xtcp_quota_count(struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->rest->records, change, RECORDS_BATCH);
	if (unlikely(xn->is_guest))
		xtcp_guests_count(&guest_records, xn, change);
}

/**
 * xtcp_quota_count_signed() - count records with signature keys, besides xtcp_quota_count()
 * @xn: their namespace
 * @change: signed records that begin, minus signed records that end
 *
 * Context: softirq or process.
 */
void xtcp_quota_count_signed(struct xtcp_net *xn, int change)
{
	atomic_add(change, &xn->rest->signed_records);
	if (xn->is_guest)
		xtcp_guests_count(&guest_records, xn, change);
}

/*
 * How many records may a guest have? All guests of its maker together may have a share; usually,
 * one guest may have all of it. A guest that adds a record evicts records of its own only
 * (record.c), and never the new one. So once the maker, or all guests together, have too much, each
 * guest has 1/LITTLE_PART of the share: when guests with many records add one, they evict some, and
 * guests with few keep all of theirs and get a few more. Otherwise a maker's second guest would
 * have to live on one record, its newest, beside a first one that had been there before.
 *
 * But a maker with very many guests could have many times his share in this way. So beyond
 * MUCH_TIMES of it, each of his guests that adds a record is left with less and less, in the end
 * with its newest record alone. The same applies to guests of many makers, but not to those of a
 * maker who has no more than one guest may have then: he must not pay for the others.
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

/**
 * xtcp_quota_exceeded() - has a namespace more records than it may have?
 * @xn: the namespace
 *
 * Context: softirq or process.
 *
 * Return: true when a record has to go.
 */
bool xtcp_quota_exceeded(struct xtcp_net *xn)
{
	unsigned int limit = READ_ONCE(xn->sysctl.max_tw_buckets);

	if (xn->is_guest)
		limit = min(limit, share_of_guest(xn));
	return xtcp_counter_above(&xn->rest->records, limit, RECORDS_BATCH, ROUGH_PART);
}
