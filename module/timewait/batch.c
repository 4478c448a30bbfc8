// SPDX-License-Identifier: GPL-2.0
/*
 * Records end in batches: they leave the table of connections, their leases are put, and after one
 * grace period all of them are freed. record.c and timewait.c claim the records of a batch.
 */
#include "timewait/batch.h"

#include <linux/list.h>
#include <linux/slab.h>
#include <net/tcp_states.h>

#include "base/net.h"
#include "lookup/demux.h"
#include "lookup/portmaps.h"
#include "ports/lease.h"
#include "sight/trace.h"
#include "timewait/quota.h"
#include "timewait/record.h"
#include "timewait/recordkeys.h"

#define MAP_GROUPS	16	/* groups of records that have left the table: tell_maps() */
#define FREE_BATCH	64	/* records that one kfree_bulk() frees */

static void free_rcu(struct rcu_head *rcu)
{
	struct xtcp_timewait *tw = container_of(rcu, struct xtcp_timewait, rcu);
	void *batch[FREE_BATCH];
	unsigned int n = 0;

	/* records for IPv4 and IPv6 may be mixed: kfree_bulk() finds the slab of each */
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

/* As free_rcu(), but some of the records are signed: also frees their keys. */
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
 * Tell the bitmaps of ports in use (portmaps.c) that records have left the table. Records of
 * different maps often alternate in the list of ended records. So xtcp_batch_end() sorts
 * them into MAP_GROUPS groups, by the number of the map modulo MAP_GROUPS. The lock of a map is
 * taken once for successive records of that map: once for a whole group if no other map shares the
 * group.
 */
static noinline void tell_maps(struct xtcp_net *xn, const struct xtcp_conn *const *groups)
{
	int i;

	for (i = 0; i < MAP_GROUPS; i++)
		if (groups[i])
			xtcp_portmaps_tuples_ended(xn, groups[i], next_in_group);
}

/*
 * Subtracts the signed records of @claimed from the count of the namespace. In most namespaces this
 * count is 0. Then @claimed has no signed record, because such a record is counted before it enters
 * its list. So there is no need to look at each record. Return: true if the records need
 * free_signed_rcu().
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

/**
 * xtcp_batch_end() - take records out of the table, put their leases and free the records
 * @xn: their namespace
 * @claimed: records that the caller has claimed, linked by their node; may be empty
 *
 * Context: softirq or process, BH disabled. The caller holds no lock of a shard.
 */
void xtcp_batch_end(struct xtcp_net *xn, struct list_head *claimed)
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
		/* without this test the arguments would be loaded even when tracing is off */
		if (trace_xtcp_conn_state_enabled())
			trace_xtcp_conn_state(xn->net, &tw->conn, tw->substate, TCP_CLOSE);
		/*
		 * A map sets conn.map under the lock of the hash chain. xtcp_demux_leave() takes
		 * the same lock, so conn.map is up to date after it.
		 */
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
